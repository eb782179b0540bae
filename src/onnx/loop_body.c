/* Owns: recording bodies of loops once: what they read from around them, whether they allow it. */
#include "onnx/loop_body.h"

#include <string.h>

#include "base/mem.h"
#include "graph/body.h"
#include "onnx/operators.h"

enum {
    SHORTEST = 32,    /* steps: fewer run as fast or faster side by side */
    SMALL_BYTES = 256 /* values that are constants of the body */
};

/* A value around the body that it may read. */
typedef struct outer {
    const char *name;
    leati_oval *value;
    leat_tensor *tensor; /* an input of the body; NULL: small, or only on the host */
} outer;

typedef struct recording {
    const leati_oloop *loop;
    const leati_onnx_graph *graph;
    outer *around;
    size_t count, capacity;
    leat_tensor **other;
    size_t others;
    size_t outs; /* of the body that are tensors: states, results */
} recording;

/* ---- what a body reads ------------------------------------------------------------------------
 */

static leat_status add_name(recording *b, leati_map *seen, const char *name)
{
    const leati_ocall *k = b->loop->call;
    if (!*name) return LEAT_OK;
    uint32_t before = (uint32_t)seen->count, i = leati_map_put(seen, name, strlen(name));
    if (i == LEATI_MAP_NONE) return leat_error_status(k->context);
    leati_oval *v = i == before ? leati_oframe_find(k->frame, name) : NULL;
    if (!v) return LEAT_OK;
    LEATI_TRY(leati_grow(k->context, &b->around, &b->capacity, b->count + 1, sizeof *b->around));
    b->around[b->count++] = (outer){.name = name, .value = v};
    return LEAT_OK;
}

/* Every name that a graph reads, also those that are made inside: they are bound anew there. */
static leat_status add_names(recording *b, leati_map *seen, const leati_onnx_graph *g)
{
    for (size_t i = 0; i < g->node.count; i++) {
        const leati_onnx_node *n = &g->node.at[i];
        for (size_t j = 0; j < n->input.count; j++) LEATI_TRY(add_name(b, seen, n->input.at[j]));
        for (size_t j = 0; j < n->attribute.count; j++) {
            const leati_onnx_attribute *a = &n->attribute.at[j];
            if (a->g) LEATI_TRY(add_names(b, seen, a->g));
        }
    }
    for (size_t i = 0; i < g->output.count; i++) LEATI_TRY(add_name(b, seen, g->output.at[i].name));
    return LEAT_OK;
}

/* Weights of the body itself are read like those around it. */
static leat_status add_initializers(recording *b)
{
    const leati_ocall *k = b->loop->call;
    const leati_onnx_graph *g = b->graph;
    for (size_t i = 0; i < g->initializer.count; i++) {
        leati_oval *v = leati_oval_of_proto(k->run, &g->initializer.at[i]);
        if (!v) return leat_error_status(k->context);
        LEATI_TRY(
            leati_grow(k->context, &b->around, &b->capacity, b->count + 1, sizeof *b->around));
        b->around[b->count++] = (outer){.name = g->initializer.at[i].name, .value = v};
    }
    return LEAT_OK;
}

static bool is_small(const leati_oval *v)
{
    return leati_oval_known(v) && !v->varying &&
           leati_shape_count(&v->shape) * leati_oval_width(v->element) <= SMALL_BYTES;
}

/* Makes tensors of what is not small. False: something cannot be one. */
static leat_status make_others(recording *b, bool *good)
{
    const leati_ocall *k = b->loop->call;
    leat_dtype dtype;
    *good = true;
    b->other = LEATI_NEW(k->context, leat_tensor *, b->count + 1);
    if (!b->other) return LEAT_NOMEM;
    for (size_t i = 0; i < b->count; i++) {
        leati_oval *v = b->around[i].value;
        bool on_device = v->kind == LEATI_OVAL_TENSOR && leati_oval_dtype(v->element, &dtype);
        if (v->kind == LEATI_OVAL_NONE || is_small(v) || (!on_device && leati_oval_known(v)))
            continue;
        if (!on_device) {
            *good = false;
            return LEAT_OK;
        }
        b->around[i].tensor = leati_oval_tensor(k->run, v);
        if (!b->around[i].tensor) return leat_error_status(k->context);
        b->other[b->others++] = b->around[i].tensor;
    }
    return LEAT_OK;
}

/* ---- the body ----------------------------------------------------------------------------------
 */

static leati_oval *placeholder(leati_orun *r, leat_tensor *x)
{
    leati_oval *v = leati_oval_new(r, LEATI_OVAL_TENSOR, leati_oval_element(leat_tensor_dtype(x)),
                                   leat_tensor_shape(x), true);
    if (v) v->tensor = x;
    return v;
}

/* Values around the body, with the body's tensors. Sequences that are known stay as they are. */
static leat_status bind_around(const recording *b, leati_oframe *f, leat_tensor *const *other)
{
    leati_orun *r = b->loop->call->run;
    size_t at = 0;
    for (size_t i = 0; i < b->count; i++) {
        leati_oval *v = leati_arena_calloc(&r->arena, 1, sizeof *v);
        if (!v) return LEAT_NOMEM;
        *v = *b->around[i].value;
        v->tensor = b->around[i].tensor ? other[at++] : NULL;
        v->centred = NULL;
        LEATI_TRY(leati_oframe_bind(f, b->around[i].name, v));
    }
    return LEAT_OK;
}

/* Inputs of the body as ONNX has them; in: states, elements (of a Loop the number), others. */
static leat_status bind_inputs(const recording *b, leati_oframe *f, leat_tensor *const *in)
{
    const leati_oloop *l = b->loop;
    leati_orun *r = l->call->run;
    size_t elements = l->counted ? 1 : l->sequences, first = l->counted ? 2 : 0;
    const leati_onnx_graph *g = b->graph;
    for (size_t i = 0; i < l->states; i++)
        LEATI_TRY(leati_oframe_bind(f, g->input.at[first + i].name, placeholder(r, in[i])));
    for (size_t i = 0; i < l->sequences; i++)
        LEATI_TRY(leati_oframe_bind(f, g->input.at[l->states + i].name,
                                    placeholder(r, in[l->states + i])));
    if (l->counted) {
        void *data;
        leati_oval *go = leati_oval_of_host(r, LEATI_ONNX_BOOL, LEAT_SCALAR, &data);
        if (!go) return leat_error_status(r->context);
        leati_oput_int(LEATI_ONNX_BOOL, data, 0, 1);
        LEATI_TRY(leati_oframe_bind(f, g->input.at[0].name, placeholder(r, in[l->states])));
        LEATI_TRY(leati_oframe_bind(f, g->input.at[1].name, go));
    }
    return bind_around(b, f, in + l->states + elements);
}

static leat_status unfit(const recording *b)
{
    return LEATI_FAIL(b->loop->call->context, LEAT_UNSUPPORTED, "a body of a loop of its own kind");
}

/* A Loop goes on for certain: its condition is known, and true. */
static leat_status check_goes_on(const recording *b, const leati_oframe *f)
{
    leati_orun *r = b->loop->call->run;
    const void *data;
    leati_oval *v = leati_oframe_find(f, b->graph->output.at[0].name);
    if (!v || v->kind != LEATI_OVAL_TENSOR || !leati_oval_known(v) ||
        leati_shape_count(&v->shape) != 1)
        return unfit(b);
    LEATI_TRY(leati_oval_host(r, v, &data));
    return leati_oget_int(v->element, data, 0) ? LEAT_OK : unfit(b);
}

static leat_status record_in(const recording *b, leati_oframe *f, leat_tensor *const *in,
                             leat_tensor **out)
{
    const leati_oloop *l = b->loop;
    leati_orun *r = l->call->run;
    size_t first = l->counted ? 1 : 0;
    LEATI_TRY(bind_inputs(b, f, in));
    LEATI_TRY(leati_ograph_record(r, f, b->graph));
    if (l->counted) LEATI_TRY(check_goes_on(b, f));
    for (size_t i = 0; i < b->outs; i++) {
        leati_oval *v = leati_oframe_find(f, b->graph->output.at[first + i].name);
        out[i] = v ? leati_oval_tensor(r, v) : NULL;
        if (!out[i]) return v ? leat_error_status(r->context) : unfit(b);
    }
    return LEAT_OK;
}

/* The body on graph g: the recording goes there meanwhile. */
static leat_status record_body(leat_graph *g, void *user, leat_tensor *const *in, leat_tensor **out)
{
    const recording *b = user;
    const leati_ocall *k = b->loop->call;
    leati_orun *r = k->run;
    leat_graph *outside = r->graph;
    leati_oframe f;
    leati_oframe_init(&f, r, NULL);
    const leati_oframe *around = k->frame;
    while (around && !around->function) around = around->parent;
    if (around) {
        f.function = around->function;
        f.caller = around->caller;
    }
    r->graph = g;
    r->in_body = true;
    leat_status st = record_in(b, &f, in, out);
    r->in_body = false;
    r->graph = outside;
    leati_oframe_fini(&f);
    return st;
}

/* ---- whether it is fit -------------------------------------------------------------------------
 */

static leat_tensor *input_like(leat_graph *g, leat_tensor *x, bool element)
{
    leat_shape s = leat_tensor_shape(x), t = s;
    if (element) {
        t = (leat_shape){.rank = s.rank - 1};
        for (int i = 1; i < s.rank; i++) t.dim[i - 1] = s.dim[i];
    }
    return leat_input(g, leat_tensor_dtype(x), t, NULL);
}

static bool same_kind(leat_tensor *a, leat_tensor *b)
{
    leat_shape s = leat_tensor_shape(a), t = leat_tensor_shape(b);
    return leat_tensor_dtype(a) == leat_tensor_dtype(b) && leati_shape_equal(&s, &t);
}

/* Records the body on a graph that is thrown away. */
static leat_status try_on(const recording *b, leat_graph *g, leat_tensor *const *in, size_t ins,
                          leat_tensor **space)
{
    const leati_oloop *l = b->loop;
    size_t elements = l->counted ? 1 : l->sequences;
    leat_tensor **inside = space, **out = space + ins;
    for (size_t i = 0; i < ins; i++) {
        inside[i] = input_like(g, in[i], i >= l->states && i < l->states + elements);
        if (!inside[i]) return leat_error_status(l->call->context);
    }
    LEATI_TRY(record_body(g, (void *)(uintptr_t)b, inside, out));
    for (size_t i = 0; i < l->states; i++)
        if (!same_kind(in[i], out[i])) return unfit(b);
    for (size_t i = l->states; i < b->outs; i++)
        if (leat_tensor_shape(out[i]).rank >= LEAT_MAX_RANK) return unfit(b);
    return LEAT_OK;
}

/* *fits: it can be one operation. Errors of the trial are no errors. */
static leat_status try_body(const recording *b, leat_tensor *const *in, size_t ins, bool *fits)
{
    const leati_oloop *l = b->loop;
    leati_orun *r = l->call->run;
    size_t nodes = r->nodes_left;
    uint64_t draws = r->draws;
    bool forced = r->forced;
    leat_graph *g = NULL;
    *fits = false;
    leat_tensor **space = LEATI_NEW(r->context, leat_tensor *, ins + b->outs + 1);
    leat_status st = space ? leat_graph_create(r->context, "reference", &g) : LEAT_NOMEM;
    if (st == LEAT_OK) st = try_on(b, g, in, ins, space);
    size_t used = nodes - r->nodes_left;
    bool many = used && (size_t)l->length > nodes / used;
    *fits = st == LEAT_OK && r->draws == draws && r->forced == forced && !many;
    leat_graph_destroy(g);
    leati_free(space);
    if (*fits) r->nodes_left = nodes - used * (size_t)l->length;
    else {
        r->nodes_left = nodes;
        r->draws = draws;
        r->forced = forced;
    }
    if (st == LEAT_OK || st == LEAT_NOMEM || st == LEAT_CANCELLED) return st;
    leat_error_clear(r->context);
    return LEAT_OK;
}

/* ---- the operation -----------------------------------------------------------------------------
 */

static bool may_fit(const leati_oloop *l, const leati_onnx_graph *g)
{
    const leati_ocall *k = l->call;
    size_t first = l->counted ? 1 : 0;
    if (k->run->in_body || l->length < SHORTEST || (size_t)l->length > k->run->nodes_left ||
        g->output.count < first + l->states || leati_bodies_full(k->graph))
        return false;
    size_t results = g->output.count - first - l->states;
    if (2 * l->states + results > LEATI_MAX_OUTPUTS || 2 * l->states + results < 1) return false;
    leat_dtype dtype;
    for (size_t i = 0; i < l->states; i++)
        if (l->state[i]->kind != LEATI_OVAL_TENSOR ||
            !leati_oval_dtype(l->state[i]->element, &dtype))
            return false;
    return true;
}

static leat_status record(const leati_oloop *l, recording *b, leat_tensor **out, bool *done)
{
    leati_ocall *k = l->call;
    leati_map seen;
    bool good, varying = k->varying;
    leat_tensor **in = NULL;
    leati_map_init(&seen, k->context);
    leat_status st = add_names(b, &seen, b->graph);
    leati_map_fini(&seen);
    LEATI_TRY(st);
    for (size_t i = 0; i < b->count; i++) varying |= b->around[i].value->varying;
    if (!varying) return LEAT_OK; /* what is known is folded on the host */
    LEATI_TRY(add_initializers(b));
    LEATI_TRY(make_others(b, &good));
    if (!good) return LEAT_OK;
    size_t elements = l->counted ? 1 : l->sequences, n = 0;
    in = LEATI_NEW(k->context, leat_tensor *, l->states + elements + b->others + 1);
    if (!in) return LEAT_NOMEM;
    for (size_t i = 0; i < l->states; i++) in[n++] = leati_oval_tensor(k->run, l->state[i]);
    if (l->counted) in[n++] = leat_arange(k->graph, LEAT_DTYPE_I64, 0, (double)l->length, 1);
    for (size_t i = 0; i < l->sequences; i++) in[n++] = l->sequence[i];
    for (size_t i = 0; i < b->others; i++) in[n++] = b->other[i];
    for (size_t i = 0; i < n && st == LEAT_OK; i++)
        if (!in[i]) st = leat_error_status(k->context);
    if (st == LEAT_OK) st = try_body(b, in, n, done);
    leat_loop_parts parts = {.states = l->states,
                             .sequences = elements,
                             .others = b->others,
                             .results = b->outs - l->states,
                             .state = in,
                             .sequence = in + l->states,
                             .other = in + l->states + elements};
    size_t nodes = k->run->nodes_left;
    if (st == LEAT_OK && *done) st = leat_scan(record_body, b, &parts, out);
    k->run->nodes_left = nodes;
    leati_free(in);
    return st;
}

leat_status leati_oloop_record(const leati_oloop *l, leat_tensor **out, bool *done)
{
    recording b = {.loop = l, .graph = leati_oattr_graph(l->call, "body")};
    *done = false;
    if (!may_fit(l, b.graph)) return LEAT_OK;
    b.outs = b.graph->output.count - (l->counted ? 1 : 0);
    leat_status st = record(l, &b, out, done);
    leati_free(b.around);
    leati_free(b.other);
    return st;
}
