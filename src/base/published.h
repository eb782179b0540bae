/* A pointer that many threads borrow without waiting while one replaces what it points to.
 *
 * Readers are between borrow and give_back for a short time and never wait; a writer exchanges the
 * pointer, then waits until no reader can still hold the old value, which is then its own again.
 * This is sleepable read-copy-update with counters per shard: P. E. McKenney, "Sleepable RCU"
 * (2006); two phases of counters, so that a stream of new readers cannot hold up the writer. */
#ifndef LEATI_BASE_PUBLISHED_H
#define LEATI_BASE_PUBLISHED_H

#include <stdatomic.h>
#include <stdint.h>

enum { LEATI_PUBLISHED_SHARDS = 16 };

typedef struct leati_published {
    _Atomic(void *) value;
    atomic_uint phase;
    struct {
        atomic_uint_fast64_t entered[2], left[2];
        char apart[64 - 4 * sizeof(uint64_t)]; /* no two shards in one cache line */
    } shard[LEATI_PUBLISHED_SHARDS];
} leati_published;

/* What give_back needs to know. */
typedef struct leati_borrowed {
    unsigned shard, phase;
} leati_borrowed;

void leati_published_init(leati_published *p, void *value);

/* `shard`: any number, best the thread's; threads of one shard are correct but share counters. */
static inline void *leati_published_borrow(leati_published *p, unsigned shard, leati_borrowed *out)
{
    out->shard = shard % LEATI_PUBLISHED_SHARDS;
    out->phase = atomic_load(&p->phase) & 1;
    atomic_fetch_add(&p->shard[out->shard].entered[out->phase], 1);
    return atomic_load(&p->value);
}

static inline void leati_published_give_back(leati_published *p, const leati_borrowed *b)
{
    atomic_fetch_add(&p->shard[b->shard].left[b->phase], 1);
}

/* Returns the old value once no reader holds it. By one thread at a time, which holds no loan. */
void *leati_published_exchange(leati_published *p, void *value);

#endif
