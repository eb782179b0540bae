/* Owns: weights as kernels lay them out, kept beside the variables for all plans that read them in
 * one form, and the refreshing of what lasts (lasting.c) when a variable has changed. */
#include "base/cpu.h"
#include "base/hash.h"
#include "base/mem.h"
#include "graph/planner.h"
#include "graph/shelf.h"
#include "graph/trace.h"

struct leati_kept {
    leati_kept *next;
    leati_shelf *shelf; /* where it is, locked for all below; NULL: with the graph */
    const leati_kernel *kernel;
    leati_cpu_level cpu;
    const leat_variable *variable; /* the whole; NULL: of a value of one plan, or on a shelf */
    const void *source;            /* address in it */
    uint64_t form;                 /* of attributes and shape */
    size_t bytes;
    void *block;
    uint64_t version; /* of the variable when it was laid out */
    bool made;
    uint32_t users; /* steps */
};

static uint64_t form_of(const leati_step *s, size_t attr_bytes)
{
    const leat_shape *w = &s->in[1].shape;
    uint64_t form = leati_hash64(w->dim, (size_t)w->rank * sizeof *w->dim, s->op);
    return s->attrs ? leati_hash64(s->attrs, attr_bytes, form) : form;
}

static leati_kept *find(leati_kept *k, const leati_kept *like)
{
    for (; k; k = k->next)
        if (k->source && k->source == like->source && k->variable == like->variable &&
            k->kernel == like->kernel && k->cpu == like->cpu && k->form == like->form &&
            k->bytes == like->bytes)
            return k;
    return NULL;
}

/* The one in the list, or a new one. */
static leati_kept *take(leat_graph *g, leati_kept **list, const leati_kept *like)
{
    leati_device *d = g->device;
    leati_kept *k = like->source ? find(*list, like) : NULL;
    if (k) {
        k->users++;
        return k;
    }
    void *block = d->class->alloc(d, like->bytes);
    if (!block) return NULL;
    k = LEATI_NEW(g->context, leati_kept, 1);
    if (!k) {
        d->class->free(d, block);
        return NULL;
    }
    *k = *like;
    k->block = block;
    k->next = *list;
    *list = k;
    return k;
}

leat_status leati_kept_of(leat_graph *g, leati_step *s, size_t attr_bytes,
                          const leat_variable *variable, size_t offset)
{
    leati_kept like = {.kernel = s->kernel, .form = form_of(s, attr_bytes), .users = 1};
    like.cpu = leati_context_cpu_level(g->context);
    like.bytes = s->kernel->kept_bytes(g->context, s);
    if (like.bytes == 0) return LEAT_OK;
    leati_kept **list = &g->kept, *k;
    if (variable) {
        like.shelf = variable->whole->borrowed ? variable->graph->shelf : NULL;
        like.variable = like.shelf ? NULL : variable->whole;
        like.source = (const char *)variable->data + offset;
    }
    if (like.shelf) {
        leati_shelf_lock(like.shelf);
        list = leati_shelf_kept(like.shelf);
    }
    k = take(g, list, &like);
    if (like.shelf) leati_shelf_unlock(like.shelf);
    if (!k) return leat_error_status(g->context);
    s->keeper = k;
    s->kept = k->block;
    return LEAT_OK;
}

static void let_go(leat_graph *g, leati_kept **list, leati_kept *k)
{
    if (--k->users) return;
    while (*list != k) list = &(*list)->next;
    *list = k->next;
    g->device->class->free(g->device, k->block);
    leati_free(k);
}

void leati_kept_release(leat_graph *g, leati_kept *k)
{
    if (!k) return;
    leati_shelf *shelf = k->shelf;
    if (shelf) leati_shelf_lock(shelf);
    let_go(g, shelf ? leati_shelf_kept(shelf) : &g->kept, k);
    if (shelf) leati_shelf_unlock(shelf);
}

size_t leati_kept_bytes(const leat_graph *g)
{
    size_t bytes = 0;
    for (const leati_kept *k = g->kept; k; k = k->next) bytes += k->bytes;
    return bytes;
}

/* Of a shelf: once; others that want it wait. */
static void lay_out_shared(leat_context *c, const leati_step *s, leati_kept *k)
{
    leati_shelf_lock(k->shelf);
    if (!k->made) s->kernel->keep(c, s);
    k->made = true;
    leati_shelf_unlock(k->shelf);
}

static void lay_out(leat_context *c, const leati_step *s)
{
    leati_kept *k = s->keeper;
    if (k && k->shelf) lay_out_shared(c, s, k);
    if (!k || k->shelf || (k->variable && k->made && k->version == k->variable->version)) return;
    s->kernel->keep(c, s);
    k->made = true;
    if (k->variable) k->version = k->variable->version;
}

static bool changed(const leati_plan *plan)
{
    if (!plan->ready) return true;
    for (size_t i = 0; i < plan->read_count; i++)
        if (plan->read[i]->version != plan->read_version[i]) return true;
    return false;
}

leat_status leati_plan_refresh(leat_context *c, leati_plan *plan)
{
    leat_graph *g = plan->graph;
    if (!changed(plan)) return LEAT_OK;
    plan->ready = false;
    if (plan->lasting_count)
        LEATI_TRY(g->trace ? leati_trace_run(g, plan->steps, plan->lasting_count)
                           : g->device->class->run(g->device, plan->steps, plan->lasting_count));
    for (size_t i = 0; i < plan->step_count; i++) lay_out(c, &plan->steps[i]);
    for (size_t i = 0; i < plan->read_count; i++) plan->read_version[i] = plan->read[i]->version;
    plan->ready = true;
    return LEAT_OK;
}
