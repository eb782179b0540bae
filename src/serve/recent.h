/* The answers of the last while, found again by request id and row when their labels come in.
 *
 * One memory per thread that answers: a ring, so the oldest answer gives its place to the newest,
 * with chains by hash. Its thread adds, any thread looks; a lock that is hardly ever contended. */
#ifndef LEATI_SERVE_RECENT_H
#define LEATI_SERVE_RECENT_H

#include <leat/context.h>

#include <pthread.h>
#include <stdbool.h>

typedef struct leati_recent_answer {
    uint64_t key;    /* of request id and row */
    double value;    /* the number, or the class's number */
    double chance;   /* of two classes the probability of the second; NaN: not known */
    uint32_t serial; /* of the version that answered (watch.h) */
    uint32_t before; /* number of the next older answer of the same chain */
    bool told;       /* its label came */
} leati_recent_answer;

typedef struct leati_recent {
    _Alignas(64) pthread_mutex_t lock;
    bool made;
    leati_recent_answer *ring; /* (capacity) */
    uint32_t *newest;          /* (chains): the newest answer of each, from 1; 0: none */
    size_t capacity, chains;   /* powers of two */
    uint64_t count;            /* answers ever added; number n stands at n % capacity */
} leati_recent;

/* capacity 0: remembers nothing. */
leat_status leati_recent_init(leat_context *c, leati_recent *r, size_t capacity);
void leati_recent_fini(leati_recent *r); /* a memory of zeros is fine */

/* hash: of the request id. */
uint64_t leati_recent_key(uint64_t hash, uint64_t row);

void leati_recent_begin(leati_recent *r);
void leati_recent_add(leati_recent *r, uint64_t key, uint32_t serial, double value, double chance);
void leati_recent_end(leati_recent *r);

typedef enum leati_recalled { LEATI_UNKNOWN, LEATI_TOLD_BEFORE, LEATI_RECALLED } leati_recalled;

/* The newest answer of that key by one of the versions (count); marked as told when it is found. */
leati_recalled leati_recent_tell(leati_recent *r, uint64_t key, const uint32_t *serials,
                                 size_t count, leati_recent_answer *out);

#endif
