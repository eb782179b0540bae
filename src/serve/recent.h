/* The answers of the last while, found again by request id and row when their labels come in.
 *
 * One memory per thread that answers: a ring, so the oldest answer gives its place to the newest,
 * and a ring of the runs of rows that they came in, with chains by hash. Its thread adds, any
 * thread looks; a lock that is hardly ever contended. */
#ifndef LEATI_SERVE_RECENT_H
#define LEATI_SERVE_RECENT_H

#include <leat/context.h>

#include <pthread.h>
#include <stdbool.h>

typedef struct leati_recent_answer {
    double value;  /* the number, or the class's number */
    double chance; /* of two classes the probability of the second; NaN: not known */
} leati_recent_answer;

/* Rows that follow each other, of one request. */
typedef struct leati_recent_run {
    uint64_t hash;           /* of the request's id */
    uint64_t number;         /* of the first answer */
    uint32_t row, rows : 31; /* the first row, how many they are */
    uint32_t chances : 1;    /* are kept */
    uint32_t serial;         /* of the version that answered (watch.h) */
    uint32_t before;         /* number of the next older run of the same chain */
} leati_recent_run;

typedef struct leati_recent {
    _Alignas(64) pthread_mutex_t lock;
    bool made;
    double *value, *chance;  /* (capacity) */
    bool *told;              /* (capacity): its label came */
    leati_recent_run *ring;  /* (capacity) */
    uint32_t *newest;        /* (chains): the newest run of each, from 1; 0: none */
    size_t capacity, chains; /* powers of two */
    uint64_t answers, runs;  /* ever added; number n stands at n % capacity; runs count from 1 */
} leati_recent;

/* capacity 0: remembers nothing. */
leat_status leati_recent_init(leat_context *c, leati_recent *r, size_t capacity);
void leati_recent_fini(leati_recent *r); /* a memory of zeros is fine */

/* hash: of the request id. A number that is likely no other row's. */
uint64_t leati_recent_key(uint64_t hash, uint64_t row);

void leati_recent_begin(leati_recent *r);
/* The answers of `count` rows of a request from `row` on; proba (count, 2), or NULL. Rows beyond
 * 2^31 are not remembered. */
void leati_recent_add(leati_recent *r, uint64_t hash, uint64_t row, uint32_t serial, size_t count,
                      const double *value, const double *proba);
void leati_recent_end(leati_recent *r);

typedef enum leati_recalled { LEATI_UNKNOWN, LEATI_TOLD_BEFORE, LEATI_RECALLED } leati_recalled;

/* The newest answer to that row by one of the versions (count); marked as told when it is found. */
leati_recalled leati_recent_tell(leati_recent *r, uint64_t hash, uint64_t row,
                                 const uint32_t *serials, size_t count, leati_recent_answer *out);

#endif
