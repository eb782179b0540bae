/* Owns: the writer's side of a published pointer. */
#include "base/published.h"

#include <stdbool.h>
#include <time.h>

void leati_published_init(leati_published *p, void *value)
{
    atomic_init(&p->value, value);
    atomic_init(&p->phase, 0);
    for (int i = 0; i < LEATI_PUBLISHED_SHARDS; i++)
        for (int k = 0; k < 2; k++) {
            atomic_init(&p->shard[i].entered[k], 0);
            atomic_init(&p->shard[i].left[k], 0);
        }
}

/* Those who left are counted first: a reader that enters in between is then seen as inside. */
static bool is_empty(leati_published *p, unsigned phase)
{
    uint64_t left = 0, entered = 0;
    for (int i = 0; i < LEATI_PUBLISHED_SHARDS; i++) left += atomic_load(&p->shard[i].left[phase]);
    for (int i = 0; i < LEATI_PUBLISHED_SHARDS; i++)
        entered += atomic_load(&p->shard[i].entered[phase]);
    return left == entered;
}

static void wait_for(leati_published *p, unsigned phase)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000};
    for (int spins = 0; !is_empty(p, phase); spins++)
        if (spins > 100) nanosleep(&pause, NULL);
}

void *leati_published_exchange(leati_published *p, void *value)
{
    void *old = atomic_exchange(&p->value, value);
    /* A reader that read the phase long ago may still count itself in the other one. */
    unsigned now = atomic_load(&p->phase) & 1;
    wait_for(p, 1 - now);
    atomic_store(&p->phase, 1 - now);
    wait_for(p, now);
    return old;
}
