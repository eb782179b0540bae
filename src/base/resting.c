#include "base/resting.h"

#include <pthread.h>

#include "base/error.h"
#include "base/mem.h"

enum { RESTING = 16 };

struct leati_resting_pool {
    pthread_mutex_t lock;
    leati_resting *first;
    size_t count, most;
    void (*end)(void *thing);
};

void leati_resting_init(leati_resting *r, const leat_context *c, bool half)
{
    *r = (leati_resting){NULL, c, leat_context_threads(c), leati_context_cpu_level(c), half};
}

leati_resting_pool *leati_resting_pool_create(leat_context *c, void (*end)(void *thing))
{
    leati_resting_pool *p = LEATI_NEW(c, leati_resting_pool, 1);
    if (!p) return NULL;
    p->most = RESTING;
    p->end = end;
    if (pthread_mutex_init(&p->lock, NULL) == 0) return p;
    leati_free(p);
    (void)LEATI_FAIL(c, LEAT_NOMEM, "no room for a lock");
    return NULL;
}

void leati_resting_pool_destroy(leati_resting_pool *p)
{
    if (!p) return;
    while (p->first) {
        leati_resting *r = p->first;
        p->first = r->next;
        p->end(r);
    }
    pthread_mutex_destroy(&p->lock);
    leati_free(p);
}

void leati_resting_pool_widen(leati_resting_pool *p, size_t count)
{
    pthread_mutex_lock(&p->lock);
    if (count > p->most) p->most = count;
    pthread_mutex_unlock(&p->lock);
}

static bool fits(const leati_resting *r, const leat_context *c, bool half)
{
    return r->threads == leat_context_threads(c) && r->cpu == leati_context_cpu_level(c) &&
           r->half == half;
}

static leati_resting **best_of(leati_resting_pool *p, const leat_context *c, bool half)
{
    leati_resting **best = NULL;
    for (leati_resting **at = &p->first; *at; at = &(*at)->next) {
        if (!fits(*at, c, half)) continue;
        if ((*at)->owner == c) return at;
        if (!best || ((*best)->owner && !(*at)->owner)) best = at;
    }
    return best;
}

void *leati_resting_pool_take(leati_resting_pool *p, const leat_context *c, bool half)
{
    leati_resting *r = NULL;
    pthread_mutex_lock(&p->lock);
    leati_resting **at = best_of(p, c, half);
    if (at) {
        r = *at;
        *at = r->next;
        r->owner = c;
        p->count--;
    }
    pthread_mutex_unlock(&p->lock);
    return r;
}

void leati_resting_pool_give(leati_resting_pool *p, void *thing, bool own)
{
    leati_resting *r = thing;
    if (!own) r->owner = NULL;
    pthread_mutex_lock(&p->lock);
    bool room = p->count < p->most;
    if (room) {
        r->next = p->first;
        p->first = r;
        p->count++;
    }
    pthread_mutex_unlock(&p->lock);
    if (!room) p->end(r);
}
