#include "graph/shelf.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "graph/graph.h"

struct leati_shelf {
    _Atomic uint32_t references;
    pthread_mutex_t lock;
    leati_kept *kept;
    void **block;
    size_t capacity;
};

leati_shelf *leati_shelf_create(leat_context *c)
{
    leati_shelf *s = LEATI_NEW(c, leati_shelf, 1);
    if (!s) return NULL;
    atomic_init(&s->references, 1);
    if (pthread_mutex_init(&s->lock, NULL) == 0) return s;
    leati_free(s);
    (void)LEATI_FAIL(c, LEAT_NOMEM, "no room for a lock");
    return NULL;
}

leati_shelf *leati_shelf_retain(leati_shelf *s)
{
    if (s) atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

/* Kept weights are gone before: their graphs have let them go. */
void leati_shelf_release(leati_shelf *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < s->capacity; i++) leati_free(s->block[i]);
    leati_free(s->block);
    pthread_mutex_destroy(&s->lock);
    leati_free(s);
}

void leati_graph_share(leat_graph *g, leati_shelf *s)
{
    leati_shelf_release(g->shelf);
    g->shelf = leati_shelf_retain(s);
}

void leati_shelf_lock(leati_shelf *s)
{
    pthread_mutex_lock(&s->lock);
}

void leati_shelf_unlock(leati_shelf *s)
{
    pthread_mutex_unlock(&s->lock);
}

leati_kept **leati_shelf_kept(leati_shelf *s)
{
    return &s->kept;
}

static leat_status make_block(leat_context *c, leati_shelf *s, size_t index, size_t bytes,
                              leati_shelf_load load, void *arg)
{
    size_t before = s->capacity;
    LEATI_TRY(leati_grow(c, &s->block, &s->capacity, index + 1, sizeof *s->block));
    for (size_t i = before; i < s->capacity; i++) s->block[i] = NULL;
    if (s->block[index]) return LEAT_OK;
    void *block = leati_calloc(c, 1, bytes < 512 ? 512 : bytes); /* aligned, as of a device */
    if (!block) return leat_error_status(c);
    leat_status st = load(c, arg, block);
    if (st == LEAT_OK) s->block[index] = block;
    else leati_free(block);
    return st;
}

leat_status leati_shelf_block(leat_context *c, leati_shelf *s, size_t index, size_t bytes,
                              leati_shelf_load load, void *arg, const void **out)
{
    leati_shelf_lock(s);
    leat_status st = make_block(c, s, index, bytes, load, arg);
    *out = st == LEAT_OK ? s->block[index] : NULL;
    leati_shelf_unlock(s);
    return st;
}
