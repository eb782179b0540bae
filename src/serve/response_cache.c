/* Owns: answers that are kept, their order and their memory. Not: which requests may be answered
 * from here (call.c). */
#include "serve/response_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/random_bytes.h"

enum { SHARDS = 16, LEAST_BUCKETS = 64, ENTRY_COST = 128, SUFFIX = 200, SHARE = 4 };

/* In one block: values and probabilities, the parts of the key, header lines, body. */
typedef struct kept {
    struct kept *next;          /* of the bucket */
    struct kept *older, *newer; /* by use */
    uint64_t hash, serial;
    const void *route;
    size_t part[LEATI_CACHE_PARTS], fields, body, bytes;
    size_t rows, values, probas; /* the last two: doubles of each */
    bool ends_with_id;
    time_t since;
    _Alignas(double) char data[];
} kept;

/* Behind the numbers. */
static char *texts_of(kept *k)
{
    return k->data + (k->values + k->probas) * sizeof(double);
}

typedef struct shard {
    _Alignas(64) pthread_mutex_t lock;
    kept **buckets;
    size_t mask, bytes;
    kept *oldest, *newest;
} shard;

struct leati_response_cache {
    const leat_context *context;
    size_t shard_bytes;
    uint64_t seed;
    atomic_uint_least64_t serials;
    shard shards[SHARDS];
};

leat_status leati_response_cache_create(leat_context *c, size_t bytes, leati_response_cache **out)
{
    *out = NULL;
    leati_response_cache *cache = LEATI_NEW(c, leati_response_cache, 1);
    size_t buckets = LEAST_BUCKETS;
    if (!cache) return leat_error_status(c);
    cache->context = c;
    cache->shard_bytes = bytes / SHARDS;
    while (buckets < cache->shard_bytes / 1024) buckets *= 2;
    leat_status st = leati_random_bytes(c, &cache->seed, sizeof cache->seed);
    for (int i = 0; i < SHARDS; i++) {
        shard *s = &cache->shards[i];
        pthread_mutex_init(&s->lock, NULL);
        s->mask = buckets - 1;
        if (st == LEAT_OK) s->buckets = LEATI_NEW(c, kept *, buckets);
        if (st == LEAT_OK && !s->buckets) st = leat_error_status(c);
    }
    if (st == LEAT_OK) *out = cache;
    else leati_response_cache_destroy(cache);
    return st;
}

void leati_response_cache_destroy(leati_response_cache *cache)
{
    if (!cache) return;
    for (int i = 0; i < SHARDS; i++) {
        shard *s = &cache->shards[i];
        for (kept *k = s->oldest, *next; k; k = next) {
            next = k->newer;
            leati_free(k);
        }
        leati_free(s->buckets);
        pthread_mutex_destroy(&s->lock);
    }
    leati_free(cache);
}

uint64_t leati_response_cache_serial(leati_response_cache *cache)
{
    return atomic_fetch_add(&cache->serials, 1) + 1;
}

/* ---- under the lock of a shard ------------------------------------------------------------------
 */

static void unlink_use(shard *s, kept *k)
{
    if (k->older) k->older->newer = k->newer;
    else s->oldest = k->newer;
    if (k->newer) k->newer->older = k->older;
    else s->newest = k->older;
}

static void link_newest(shard *s, kept *k)
{
    k->older = s->newest;
    k->newer = NULL;
    if (s->newest) s->newest->newer = k;
    else s->oldest = k;
    s->newest = k;
}

static void drop(shard *s, kept *k)
{
    kept **at = &s->buckets[k->hash & s->mask];
    while (*at != k) at = &(*at)->next;
    *at = k->next;
    unlink_use(s, k);
    s->bytes -= k->bytes;
    leati_free(k);
}

static bool is_same(const kept *k, const leati_cache_key *key)
{
    const char *at = k->data + (k->values + k->probas) * sizeof(double);
    if (k->hash != key->hash || k->serial != key->serial || k->route != key->route) return false;
    for (int i = 0; i < LEATI_CACHE_PARTS; i++) {
        if (k->part[i] != key->part[i].length) return false;
        if (k->part[i] && memcmp(at, key->part[i].data, k->part[i]) != 0) return false;
        at += k->part[i];
    }
    return true;
}

static kept *find(const shard *s, const leati_cache_key *key)
{
    kept *k = s->buckets[key->hash & s->mask];
    while (k && !is_same(k, key)) k = k->next;
    return k;
}

/* ---- answers ----------------------------------------------------------------------------------
 */

void leati_response_cache_hash(const leati_response_cache *cache, leati_cache_key *key)
{
    uint64_t hash = cache->seed ^ key->serial;
    for (int i = 0; i < LEATI_CACHE_PARTS; i++)
        hash = leati_hash64(key->part[i].length ? key->part[i].data : "", key->part[i].length,
                            hash + key->part[i].length);
    key->hash = hash;
}

static shard *shard_of(leati_response_cache *cache, const leati_cache_key *key)
{
    return &cache->shards[key->hash >> 60];
}

/* How a body of the API by names ends; 0: the id has no room. */
static size_t ending(const leati_http_exchange *exchange, char to[SUFFIX])
{
    const char *id = leati_exchange_request(exchange)->id;
    int n = snprintf(to, SUFFIX, "\"request_id\":\"%s\"}\n", id ? id : "");
    return n > 0 && n < SUFFIX ? (size_t)n : 0;
}

/* Lines "Name: value" CRLF, as leati_exchange_header made them. */
static void write_fields(leati_http_exchange *exchange, char *fields, size_t length)
{
    for (char *at = fields, *end = fields + length; at < end;) {
        char *colon = memchr(at, ':', (size_t)(end - at));
        char *line = colon ? memchr(colon, '\r', (size_t)(end - colon)) : NULL;
        if (!line) return;
        *colon = *line = '\0';
        leati_exchange_header(exchange, at, colon + 2);
        *colon = ':';
        *line = '\r';
        at = line + 2;
    }
}

static void write_kept(leati_http_exchange *exchange, kept *k)
{
    char text[SUFFIX], *at = texts_of(k);
    for (int i = 0; i < LEATI_CACHE_PARTS; i++) at += k->part[i];
    write_fields(exchange, at, k->fields);
    leati_exchange_write(exchange, at + k->fields, k->body);
    if (k->ends_with_id) leati_exchange_write(exchange, text, ending(exchange, text));
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "%lld", (long long)(now.tv_sec - k->since));
    leati_exchange_header(exchange, "Age", text);
    leati_exchange_header(exchange, "Cache-Status", "leat; hit");
}

static leati_kept_rows rows_of(const kept *k)
{
    const double *numbers = (const double *)(const void *)k->data;
    return (leati_kept_rows){.rows = k->rows,
                             .classes = k->values ? k->probas / k->values : 0,
                             .value = k->values ? numbers : NULL,
                             .proba = k->probas ? numbers + k->values : NULL};
}

bool leati_response_cache_find(leati_response_cache *cache, leati_cache_key *key,
                               leati_http_exchange *exchange,
                               void (*take)(void *user, const leati_kept_rows *rows), void *user)
{
    leati_response_cache_hash(cache, key);
    shard *s = shard_of(cache, key);
    pthread_mutex_lock(&s->lock);
    kept *k = find(s, key);
    if (k) {
        unlink_use(s, k);
        link_newest(s, k);
        write_kept(exchange, k);
        leati_kept_rows rows = rows_of(k);
        take(user, &rows);
    }
    pthread_mutex_unlock(&s->lock);
    return k != NULL;
}

/* The block; NULL: too large, or no memory. */
static kept *make(const leati_response_cache *cache, const leati_cache_key *key,
                  const leati_http_exchange *exchange, size_t skip, const leati_kept_rows *rows)
{
    char text[SUFFIX];
    leati_http_text fields, body;
    if (!leati_exchange_written(exchange, &fields, &body) || fields.length < skip) return NULL;
    size_t end = ending(exchange, text), bytes = ENTRY_COST + sizeof(kept);
    bool has_id =
        end && body.length >= end && memcmp(body.data + body.length - end, text, end) == 0;
    if (has_id) body.length -= end;
    for (int i = 0; i < LEATI_CACHE_PARTS; i++) bytes += key->part[i].length;
    bytes += fields.length - skip + body.length;
    size_t values = rows->value ? rows->rows : 0, probas = rows->proba ? values * rows->classes : 0;
    bytes += (values + probas) * sizeof(double);
    if (bytes > cache->shard_bytes / SHARE) return NULL;
    kept *k = leati_alloc_quiet(cache->context, bytes);
    if (!k) return NULL;
    *k = (kept){.hash = key->hash,
                .serial = key->serial,
                .route = key->route,
                .bytes = bytes,
                .rows = rows->rows,
                .values = values,
                .probas = probas};
    if (values) memcpy(k->data, rows->value, values * sizeof(double));
    if (probas) memcpy(k->data + values * sizeof(double), rows->proba, probas * sizeof(double));
    char *at = texts_of(k);
    for (int i = 0; i < LEATI_CACHE_PARTS; i++) {
        k->part[i] = key->part[i].length;
        if (k->part[i]) memcpy(at, key->part[i].data, k->part[i]);
        at += k->part[i];
    }
    k->fields = fields.length - skip;
    if (k->fields) memcpy(at, fields.data + skip, k->fields);
    k->body = body.length;
    if (k->body) memcpy(at + k->fields, body.data, k->body);
    k->ends_with_id = has_id;
    return k;
}

bool leati_response_cache_keep(leati_response_cache *cache, const leati_cache_key *key,
                               const leati_http_exchange *exchange, size_t skip,
                               const leati_kept_rows *rows)
{
    kept *k = make(cache, key, exchange, skip, rows);
    if (!k) return false;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    k->since = now.tv_sec;
    shard *s = shard_of(cache, key);
    pthread_mutex_lock(&s->lock);
    kept *same = find(s, key);
    if (same) drop(s, same); /* another thread answered it too */
    while (s->oldest && s->bytes + k->bytes > cache->shard_bytes) drop(s, s->oldest);
    k->next = s->buckets[k->hash & s->mask];
    s->buckets[k->hash & s->mask] = k;
    link_newest(s, k);
    s->bytes += k->bytes;
    pthread_mutex_unlock(&s->lock);
    return true;
}

void leati_response_cache_forget(leati_response_cache *cache, uint64_t serial)
{
    for (int i = 0; i < SHARDS; i++) {
        shard *s = &cache->shards[i];
        pthread_mutex_lock(&s->lock);
        for (kept *k = s->oldest, *next; k; k = next) {
            next = k->newer;
            if (k->serial == serial) drop(s, k);
        }
        pthread_mutex_unlock(&s->lock);
    }
}
