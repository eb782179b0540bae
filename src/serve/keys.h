/* Keys as a server asks for them: an immutable table of digests that readers borrow without locks,
 * limits that are single atomic words, and a thread of its own that reads changes from the store
 * and writes usage to it. The store may be slow, full or gone: answers come from the last table. */
#ifndef LEATI_SERVE_KEYS_H
#define LEATI_SERVE_KEYS_H

#include <leat/key.h>

#include "io/sql.h"

typedef struct leati_keys leati_keys;
typedef struct leati_key_state leati_key_state; /* of one name; lives as long as the leati_keys */

/* `where` as for leat_key_store_open; an absent store is made, empty: nobody may ask then. */
leat_status leati_keys_open(leat_context *c, leati_keys **out, const char *where);
/* Writes what usage is left. No call may be under way. NULL is fine. */
void leati_keys_close(leati_keys *keys);

typedef struct leati_key_limit {
    uint64_t most; /* requests or rows; 0: no limit */
    uint64_t left;
    uint32_t window, reset; /* seconds: of the limit; until it is whole again */
} leati_key_limit;

typedef struct leati_key_verdict {
    int status;                 /* 200; 401 no key that counts, 403 not this, 429 not now */
    const char *code, *message; /* for the body of a refusal; static */
    uint32_t retry_seconds;     /* of 429: Retry-After, at least 1 */
    leati_key_limit rate, day;
    leati_key_state *key; /* NULL: not known; for leati_keys_count */
} leati_key_verdict;

/* `text`: the value of Authorization ("Bearer leat_...") or of X-API-Key; NULL: there is neither.
 * `model`: what is asked, NULL for what concerns no model; `scope`: of leat_key_scope, one of
 * which it needs; `rows`:
 * of the request, as far as they are known, counted at once. `worker`: any number, best that of
 * the thread. From any thread; no locks, no allocation, no system call but the clock's. A 401
 * answer carries WWW-Authenticate: Bearer. */
void leati_keys_check(leati_keys *keys, unsigned worker, const char *text, size_t length,
                      const char *model, size_t model_length, unsigned scope, uint64_t rows,
                      leati_key_verdict *out);
/* The same at a given time: ns of a steady clock, seconds since 1970. */
void leati_keys_check_at(leati_keys *keys, unsigned worker, const char *text, size_t length,
                         const char *model, size_t model_length, unsigned scope, uint64_t rows,
                         uint64_t now_ns, int64_t seconds, leati_key_verdict *out);

/* Before the answer, when the rows of a request are known: takes them from the quota of the day, so
 * that requests under way at once do not have more than there is. *stake is what a request holds, 0
 * at first; it ends with leati_keys_count or leati_keys_give_back. False: the quota has not as
 * many, nothing was taken; *left: how many it has then. From any thread. */
bool leati_keys_take(leati_key_state *key, uint64_t rows, uint64_t *stake, uint64_t *left);
bool leati_keys_take_at(leati_key_state *key, uint64_t rows, int64_t seconds, uint64_t *stake,
                        uint64_t *left);
void leati_keys_give_back(leati_key_state *key, uint64_t stake);
/* After the answer: rows that were answered (they count towards the quota; the rest of the stake is
 * given back), bytes in and out, time of work. key NULL: nothing. From any thread. */
void leati_keys_count(leati_key_state *key, uint64_t stake, uint64_t rows, uint64_t bytes,
                      uint64_t ns, bool error);
uint64_t leati_key_quota(const leati_key_state *key); /* rows a day; 0: any number */
uint64_t leati_key_left(const leati_key_state *key);  /* of them today; 0 without a quota */
/* Until the next day begins. */
uint32_t leati_key_seconds_left(int64_t seconds);
const char *leati_key_name(const leati_key_state *key);
/* Whether it may ask that model, for answers that tell of several; model NULL: of any there may be.
 * key NULL: no. From any thread. */
bool leati_keys_allow(leati_keys *keys, unsigned worker, const leati_key_state *key,
                      const char *model);
/* The key of a header's value as above, whatever its scopes, NULL: none that counts. Nothing is
 * counted. */
const leati_key_state *leati_keys_look(leati_keys *keys, unsigned worker, const char *text,
                                       size_t length);

/* What was asked with a key since the server began. */
enum {
    LEATI_KEY_REQUESTS,
    LEATI_KEY_ROWS,
    LEATI_KEY_BYTES,
    LEATI_KEY_US,
    LEATI_KEY_ERRORS,
    LEATI_KEY_REFUSED,
    LEATI_KEY_USES
};
typedef struct leati_key_use {
    uint64_t of[LEATI_KEY_USES];
} leati_key_use;
/* The names one by one, NULL at first and at the end; names that came after the first call may be
 * missing. From any thread. */
const leati_key_state *leati_keys_next(leati_keys *keys, const leati_key_state *after,
                                       leati_key_use *use);

/* The fields RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10), "" where the
 * key has no limits: `"rate";q=20;w=2, "day";q=5000;w=86400` and `"rate";r=3;t=2, "day";r=10;t=60`.
 */
enum { LEATI_KEY_FIELD = 128 };
void leati_key_fields(const leati_key_verdict *v, char policy[LEATI_KEY_FIELD],
                      char limit[LEATI_KEY_FIELD]);
/* RateLimit as it was written, with so many rows left of the day. */
void leati_key_limit_again(const char *was, size_t length, uint64_t left,
                           char limit[LEATI_KEY_FIELD]);

/* Looks for changes and writes usage now, as the thread does by itself; for tests. */
leat_status leati_keys_refresh(leati_keys *keys, leat_context *c);

/* --- the store: key_store.c ------------------------------------------------------------------- */

/* The file or "postgresql://..." that `where` stands for. leati_free. */
char *leati_key_place(leat_context *c, const char *where);
leat_status leati_key_database_open(leat_context *c, leati_sql **out, const char *where, bool make);
/* A number that every change of keys makes larger. */
leat_status leati_key_generation(leati_sql *db, int64_t *out);
int64_t leati_key_day(int64_t seconds); /* days since 1970 */

#endif
