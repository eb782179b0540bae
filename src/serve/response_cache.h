/* Answers that are kept for requests that come again, byte by byte the same, to the same version.
 *
 * Bounded in memory, the least recently used go first. Shards with a lock each, so that threads
 * rarely meet; requests are compared whole, never by their hash alone. */
#ifndef LEATI_SERVE_RESPONSE_CACHE_H
#define LEATI_SERVE_RESPONSE_CACHE_H

#include <leat/context.h>

#include "serve/http.h"

typedef struct leati_response_cache leati_response_cache;

enum { LEATI_CACHE_PARTS = 4 };

/* What an answer depends on. */
typedef struct leati_cache_key {
    uint64_t serial;   /* of the version */
    const void *route; /* only compared */
    leati_http_text part[LEATI_CACHE_PARTS];
    uint64_t hash; /* leati_response_cache_hash; find sets it, too */
} leati_cache_key;

/* bytes: of all answers with their requests. */
leat_status leati_response_cache_create(leat_context *c, size_t bytes, leati_response_cache **out);
void leati_response_cache_destroy(leati_response_cache *cache); /* NULL is fine */
/* A number for a version, never given twice. */
uint64_t leati_response_cache_serial(leati_response_cache *cache);

void leati_response_cache_hash(const leati_response_cache *cache, leati_cache_key *key);

/* What an answer says of its rows: value (rows), proba (rows, classes) or NULL; both NULL: the rows
 * are only counted. */
typedef struct leati_kept_rows {
    size_t rows, classes;
    const double *value, *proba;
} leati_kept_rows;

/* Writes the answer that is kept, with Age and Cache-Status; false: there is none. take: gets what
 * it was kept with, before it returns; calls nothing of the cache. From any thread, as the two
 * below. */
bool leati_response_cache_find(leati_response_cache *cache, leati_cache_key *key,
                               leati_http_exchange *exchange,
                               void (*take)(void *user, const leati_kept_rows *rows), void *user);
/* Keeps the reply that was written so far, but for the first `skip` bytes of its header lines. A
 * body that ends with the id of its request is kept without it and gets that of the one who asks.
 * False: it is too large, or not whole for want of memory. */
bool leati_response_cache_keep(leati_response_cache *cache, const leati_cache_key *key,
                               const leati_http_exchange *exchange, size_t skip,
                               const leati_kept_rows *rows);
/* Forgets the answers of a version. */
void leati_response_cache_forget(leati_response_cache *cache, uint64_t serial);

#endif
