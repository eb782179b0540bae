/* Owns: weights as kernels lay them out, kept beside the variables for all plans that read them in
 * one form, and the refreshing of what lasts (lasting.c) when a variable has changed. */
#include "base/hash.h"
#include "base/mem.h"
#include "graph/planner.h"
#include "graph/trace.h"

struct leati_kept {
    leati_kept *next;
    const leati_kernel *kernel;
    const leat_variable *variable; /* the whole; NULL: of a value of one plan */
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

static leati_kept *find(leat_graph *g, const leati_kept *like)
{
    for (leati_kept *k = g->kept; k; k = k->next)
        if (k->variable && k->kernel == like->kernel && k->variable == like->variable &&
            k->source == like->source && k->form == like->form && k->bytes == like->bytes)
            return k;
    return NULL;
}

leat_status leati_kept_of(leat_graph *g, leati_step *s, size_t attr_bytes,
                          const leat_variable *variable, size_t offset)
{
    leati_device *d = g->device;
    leati_kept like = {.kernel = s->kernel, .form = form_of(s, attr_bytes), .users = 1};
    if (variable) {
        like.variable = variable->whole;
        like.source = (const char *)variable->data + offset;
    }
    like.bytes = s->kernel->kept_bytes(g->context, s);
    if (like.bytes == 0) return LEAT_OK;
    leati_kept *k = variable ? find(g, &like) : NULL;
    if (k) {
        k->users++;
    } else {
        like.block = d->class->alloc(d, like.bytes);
        if (!like.block) return leat_error_status(g->context);
        k = LEATI_NEW(g->context, leati_kept, 1);
        if (!k) {
            d->class->free(d, like.block);
            return LEAT_NOMEM;
        }
        *k = like;
        k->next = g->kept;
        g->kept = k;
    }
    s->keeper = k;
    s->kept = k->block;
    return LEAT_OK;
}

void leati_kept_release(leat_graph *g, leati_kept *k)
{
    if (!k || --k->users) return;
    leati_kept **at = &g->kept;
    while (*at != k) at = &(*at)->next;
    *at = k->next;
    g->device->class->free(g->device, k->block);
    leati_free(k);
}

size_t leati_kept_bytes(const leat_graph *g)
{
    size_t bytes = 0;
    for (const leati_kept *k = g->kept; k; k = k->next) bytes += k->bytes;
    return bytes;
}

static void lay_out(leat_context *c, const leati_step *s)
{
    leati_kept *k = s->keeper;
    if (!k || (k->variable && k->made && k->version == k->variable->version)) return;
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
