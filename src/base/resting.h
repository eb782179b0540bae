/* Things of one make that rest until a context wants one: prepared for its number of threads, CPU
 * level and precision, and best taken by the context that had it before. */
#ifndef LEATI_BASE_RESTING_H
#define LEATI_BASE_RESTING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cpu.h"

/* The first member of such a thing. */
typedef struct leati_resting {
    struct leati_resting *next;
    const leat_context *owner; /* that used it last, to be compared alone; NULL: none did */
    unsigned threads;
    leati_cpu_level cpu;
    bool half;
} leati_resting;

void leati_resting_init(leati_resting *r, const leat_context *c, bool half);

typedef struct leati_resting_pool leati_resting_pool; /* thread-safe */
/* `end` destroys a thing. NULL when out of memory. */
leati_resting_pool *leati_resting_pool_create(leat_context *c, void (*end)(void *thing));
void leati_resting_pool_destroy(leati_resting_pool *p); /* NULL is fine */
/* The pool keeps so many at least; before, 16. */
void leati_resting_pool_widen(leati_resting_pool *p, size_t count);
/* A thing that fits the context and is from now on the context's: the one it had before, else one
 * that is nobody's, else anybody's. NULL: none rests. */
void *leati_resting_pool_take(leati_resting_pool *p, const leat_context *c, bool half);
/* own: the context that has it will want it again; else it is the next one's that asks. */
void leati_resting_pool_give(leati_resting_pool *p, void *thing, bool own);

#endif
