/* API keys: who may ask a server for what, and how often.
 *
 * A key is a secret of 32 random bytes, "leat_" and 43 letters and digits; the store keeps its
 * SHA-256 only, so that nobody can read it there. Servers see changes within a second, without a
 * restart. The store is a SQLite file or, for several machines, PostgreSQL. */
#ifndef LEAT_KEY_H
#define LEAT_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a key may do; bits. */
typedef enum leat_key_scope {
    LEAT_KEY_INFER = 1,   /* predictions, and descriptions of models */
    LEAT_KEY_MONITOR = 2, /* statistics, metrics, drift */
    LEAT_KEY_MANAGE = 4   /* loading, unloading, uploads, rollouts */
} leat_key_scope;

enum { LEAT_KEY_SIZE = 49 }; /* of a secret as text, with its terminator */

typedef struct leat_key_store leat_key_store;

/* where: a file, or "postgresql://..."; NULL: $LEAT_KEYS, else keys.db in Leat's home. NOT_FOUND
 * where there is none and `make` is false. One thread at a time, that of the context. */
LEAT_API LEAT_CHECKED leat_status leat_key_store_open(leat_context *context, leat_key_store **out,
                                                      const char *where, bool make);
LEAT_API void leat_key_store_close(leat_key_store *store); /* NULL is fine */
LEAT_API const char *leat_key_store_name(const leat_key_store *store);

typedef struct leat_key_options {
    uint32_t struct_size;
    unsigned scopes;    /* default LEAT_KEY_INFER */
    const char *models; /* "iris,cars": the only ones; NULL: all */
    int64_t expires;    /* seconds since 1970; 0: never */
    double rate;        /* requests per second; 0: no limit */
    double burst;       /* requests at once; 0: one second's worth, at least 1 */
    uint64_t quota;     /* rows per day (UTC); 0: no limit */
} leat_key_options;

LEAT_API leat_key_options leat_key_options_default(void);

/* Makes a key under a name (the form of model names), which logs and usage show. The secret is
 * given once, here. INVALID: the name is taken, also by a revoked key; an option out of range. */
LEAT_API LEAT_CHECKED leat_status leat_key_add(leat_key_store *store, const char *name,
                                               const leat_key_options *options,
                                               char secret[LEAT_KEY_SIZE]);
/* A new secret; the old one works for `grace` more seconds (0: no longer). NOT_FOUND, INVALID (the
 * key is revoked). */
LEAT_API LEAT_CHECKED leat_status leat_key_rotate(leat_key_store *store, const char *name,
                                                  double grace, char secret[LEAT_KEY_SIZE]);
/* For good. A key that is revoked already stays so. NOT_FOUND. */
LEAT_API LEAT_CHECKED leat_status leat_key_revoke(leat_key_store *store, const char *name);

/* Texts belong to the list. */
typedef struct leat_key_info {
    const char *name;
    unsigned scopes;
    const char *models;                /* "" all */
    int64_t created, expires, revoked; /* seconds since 1970; 0: never */
    int64_t old_until; /* how long the secret before the last rotation works; 0: not at all */
    double rate, burst;
    uint64_t quota;
    /* Today (UTC), as far as servers have written it down, which they do every second. */
    uint64_t requests, rows, bytes, errors, refused;
    double seconds; /* of work */
} leat_key_info;

typedef struct leat_key_list leat_key_list;
LEAT_API LEAT_CHECKED leat_status leat_key_list_create(leat_key_store *store, leat_key_list **out);
LEAT_API void leat_key_list_destroy(leat_key_list *list); /* NULL is fine */
LEAT_API size_t leat_key_list_count(const leat_key_list *list);
/* NULL past the end. */
LEAT_API const leat_key_info *leat_key_list_at(const leat_key_list *list, size_t i);

/* "infer", "monitor", "manage"; NULL for no single scope. */
LEAT_API const char *leat_key_scope_name(leat_key_scope scope);

#ifdef __cplusplus
}
#endif

#endif
