/* Owns: what loops hold on to that are run step by step, and giving back the rest. */
#include "onnx/loop_steps.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "graph/graph.h"

enum {
    GIVE_BACK = 16 << 20, /* bytes; less is not worth a look */
    STACK_MOST = 4096,    /* results of steps that one operation joins */
    HOLD_MOST = 1 << 30   /* bytes of steps that cannot be given back */
};

leat_status leati_olist_push(leati_ocall *k, leati_olist *l, leati_oval *v)
{
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 16;
        leati_oval **more = leati_oalloc(k, capacity, sizeof *more);
        if (!more) return LEAT_NOMEM;
        if (l->count) memcpy(more, l->at, l->count * sizeof *more);
        l->at = more;
        l->capacity = capacity;
    }
    l->at[l->count++] = v;
    return LEAT_OK;
}

size_t leati_orun_bytes(const leati_orun *r)
{
    return r->arena.bytes + r->graph->arena.bytes + r->change_count * sizeof *r->changes;
}

/* "12 of 40 steps" */
static const char *steps_text(char *text, size_t size, int64_t done, int64_t most)
{
    int at = snprintf(text, size, "%lld", (long long)done);
    if (most < INT64_MAX) at += snprintf(text + at, size - (size_t)at, " of %lld", (long long)most);
    snprintf(text + at, size - (size_t)at, " steps");
    return text;
}

leat_status leati_ostep_count(leati_ocall *k, int64_t done, int64_t most)
{
    char text[64];
    if (k->run->nodes_left == 0)
        return leati_ofail(k, LEAT_LIMIT,
                           "stopped after %s: a run may take %zu nodes and steps of loops. Give it "
                           "fewer steps, or a condition that ends it",
                           steps_text(text, sizeof text, done, most), k->run->nodes_most);
    k->run->nodes_left--;
    return LEAT_OK;
}

leat_status leati_ostep_hold(leati_ocall *k, int64_t done, int64_t most, size_t bytes)
{
    char text[64];
    size_t now = leati_orun_bytes(k->run);
    if (now < bytes || now - bytes <= HOLD_MOST) return LEAT_OK;
    return leati_ofail(k, LEAT_LIMIT,
                       "stopped after %s: what they hold and cannot give back on the way is more "
                       "than %d MiB. Give it fewer steps",
                       steps_text(text, sizeof text, done, most), HOLD_MOST >> 20);
}

void leati_osteps_begin(leati_osteps *s)
{
    leati_orun *r = s->call->run;
    s->values = leati_arena_at(&r->arena);
    s->tensors = leati_arena_at(&r->graph->arena);
    s->bytes = leati_orun_bytes(r);
    s->changes = r->change_count;
    r->loops++;
}

void leati_osteps_end(leati_osteps *s)
{
    leati_orun *r = s->call->run;
    if (--r->loops == 0) r->change_count = 0;
    for (size_t i = 0; s->gathered && i < s->results; i++) leati_free(s->gathered[i].data);
    leati_free(s->gathered);
    s->gathered = NULL;
}

/* ---- giving back ------------------------------------------------------------------------------
 */

static bool is_plain(const leati_oval *v)
{
    return v->kind == LEATI_OVAL_TENSOR && v->element != LEATI_ONNX_STRING;
}

static size_t bytes_of(const leati_oval *v)
{
    return leati_shape_count(&v->shape) * leati_oval_width(v->element);
}

/* Whether states and results are such that they can be kept as bytes. */
static bool may_give_back(const leati_osteps *s)
{
    for (size_t i = 0; i < s->states; i++)
        if (!is_plain(s->state[i])) return false;
    for (size_t i = 0; i < s->results; i++) {
        const leati_olist *l = &s->result[i];
        const leati_ogathered *g = s->gathered ? &s->gathered[i] : NULL;
        int32_t element = g && g->count ? g->element : l->count ? l->at[0]->element : 0;
        leat_shape shape = g && g->count ? g->shape : l->count ? l->at[0]->shape : LEAT_SCALAR;
        for (size_t j = 0; j < l->count; j++)
            if (!is_plain(l->at[j]) || l->at[j]->element != element ||
                !leati_shape_equal(&l->at[j]->shape, &shape) || shape.rank >= LEAT_MAX_RANK)
                return false;
    }
    return true;
}

static leat_status gather(leati_osteps *s, size_t i)
{
    leat_context *c = s->call->context;
    leati_ogathered *g = &s->gathered[i];
    leati_olist *l = &s->result[i];
    for (size_t j = 0; j < l->count; j++) {
        leati_oval *v = l->at[j];
        size_t bytes = bytes_of(v);
        const void *data;
        LEATI_TRY(leati_oval_host(s->call->run, v, &data));
        LEATI_TRY(leati_grow(c, &g->data, &g->capacity, g->bytes + bytes, 1));
        if (bytes) memcpy(g->data + g->bytes, data, bytes);
        g->element = v->element;
        g->shape = v->shape;
        g->varying |= v->varying;
        g->bytes += bytes;
        g->count++;
    }
    *l = (leati_olist){0};
    return LEAT_OK;
}

/* All that is only in the graph yet, in one run. */
static leat_status compute(leati_osteps *s)
{
    leati_ocall *k = s->call;
    size_t count = s->states, at = 0;
    for (size_t i = 0; i < s->results; i++) count += s->result[i].count;
    leati_oval **all = leati_oalloc(k, count, sizeof(leati_oval *));
    if (!all) return LEAT_NOMEM;
    for (size_t i = 0; i < s->states; i++) all[at++] = s->state[i];
    for (size_t i = 0; i < s->results; i++)
        for (size_t j = 0; j < s->result[i].count; j++) all[at++] = s->result[i].at[j];
    return leati_oval_host_all(k->run, count, all);
}

static void rewind_run(leati_osteps *s)
{
    leati_orun *r = s->call->run;
    while (r->change_count > s->changes) {
        const leati_ochange *change = &r->changes[--r->change_count];
        *change->at = change->was;
    }
    leati_graph_rewind(r->graph, s->tensors);
    leati_arena_rewind(&r->arena, s->values);
}

/* The states as values of their own, once all around them is gone. */
static leat_status carry(leati_osteps *s, leati_oval *was, void **data)
{
    leati_orun *r = s->call->run;
    for (size_t i = 0; i < s->states; i++) {
        const void *from;
        LEATI_TRY(leati_oval_host(r, s->state[i], &from));
        was[i] = *s->state[i];
        data[i] = leati_memdup(r->context, from, bytes_of(&was[i]));
        if (!data[i]) return LEAT_NOMEM;
    }
    for (size_t i = 0; i < s->results; i++) LEATI_TRY(gather(s, i));
    rewind_run(s);
    for (size_t i = 0; i < s->states; i++) {
        void *to;
        leati_oval *v = leati_oval_of_host(r, was[i].element, was[i].shape, &to);
        if (!v) return leat_error_status(r->context);
        if (bytes_of(v)) memcpy(to, data[i], bytes_of(v));
        v->varying = was[i].varying;
        s->state[i] = v;
    }
    return LEAT_OK;
}

static leat_status give_back(leati_osteps *s)
{
    leat_context *c = s->call->context;
    LEATI_TRY(compute(s));
    if (!s->gathered) s->gathered = LEATI_NEW(c, leati_ogathered, s->results + 1);
    leati_oval *was = LEATI_NEW(c, leati_oval, s->states + 1);
    void **data = LEATI_NEW(c, void *, s->states + 1);
    leat_status st = s->gathered && was && data ? carry(s, was, data) : LEAT_NOMEM;
    for (size_t i = 0; data && i < s->states; i++) leati_free(data[i]);
    leati_free(data);
    leati_free(was);
    return st;
}

leat_status leati_osteps_next(leati_osteps *s)
{
    leati_orun *r = s->call->run;
    LEATI_TRY(leati_ostep_count(s->call, ++s->done, s->most));
    if (s->holds_on) return leati_ostep_hold(s->call, s->done, s->most, s->bytes);
    bool many = s->results && s->result[0].count > STACK_MOST;
    if (!many && leati_orun_bytes(r) < s->bytes + GIVE_BACK) return LEAT_OK;
    s->holds_on = r->in_body || !may_give_back(s);
    return s->holds_on ? LEAT_OK : give_back(s);
}

leat_status leati_osteps_gathered(leati_osteps *s, size_t i, leati_oval **out, bool *gathered)
{
    *out = NULL;
    *gathered = s->gathered && s->gathered[i].count && may_give_back(s);
    if (!*gathered)
        return s->gathered && s->gathered[i].count
                   ? leati_ofail(s->call, LEAT_SHAPE, "its steps give result %zu several shapes",
                                 i + 1)
                   : LEAT_OK;
    LEATI_TRY(gather(s, i));
    leati_ogathered *g = &s->gathered[i];
    leat_shape shape = {.rank = g->shape.rank + 1, .dim = {(int64_t)g->count}};
    for (int d = 0; d < g->shape.rank; d++) shape.dim[d + 1] = g->shape.dim[d];
    void *to;
    *out = leati_oval_of_host(s->call->run, g->element, shape, &to);
    if (!*out) return leat_error_status(s->call->context);
    if (g->bytes) memcpy(to, g->data, g->bytes);
    (*out)->varying = g->varying;
    leati_free(g->data);
    g->data = NULL;
    g->bytes = g->capacity = 0;
    return LEAT_OK;
}
