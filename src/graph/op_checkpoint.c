/* Owns: recomputation: CHECKPOINT marks the results of a segment that is recorded again for its
 * gradient, AFTER keeps the second recording from running early.
 *
 *   y = CHECKPOINT(inputs..., others..., results...)   memory of the results
 *   x' = AFTER(x, dy)                                  memory of x, once dy is there
 *
 * "Training deep nets with sublinear memory cost" (Chen et al. 2016), by hand. */
#include "graph/op_classes.h"

#include <string.h>

#include "base/mem.h"
#include "graph/plan.h"
#include "tensor/shape.h"

/* ---- AFTER -------------------------------------------------------------------------------------
 */

static leat_status infer_after(leat_context *c, leati_node *n)
{
    (void)c;
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = n->in[0]->shape;
    return LEAT_OK;
}

static leat_status gradient_after(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                  leat_tensor **dx)
{
    (void)n;
    if (needed[0]) dx[0] = dy[0];
    return LEAT_OK;
}

const leati_op_class leati_after_class = {.infer = infer_after, .gradient = gradient_after};

/* ---- CHECKPOINT ---------------------------------------------------------------------------------
 */

typedef struct segment {
    leat_segment_fn record;
    void *user;
    size_t ins;
} segment;

static leat_status infer_checkpoint(leat_context *c, leati_node *n)
{
    LEATI_BUG_IF(c, n->outs > n->ins);
    for (size_t i = 0; i < n->outs; i++) {
        const leat_tensor *result = n->in[n->ins - n->outs + i];
        n->out[i].dtype = result->dtype;
        n->out[i].shape = result->shape;
    }
    return LEAT_OK;
}

/* The segment once more on inputs that wait for dy; its results get the gradients. */
static leat_status gradient_checkpoint(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                       leat_tensor **dx)
{
    const segment *s = n->host;
    leat_graph *g = n->graph;
    leat_context *c = g->context;
    size_t sources = n->ins - n->outs;
    leat_tensor *again[LEAT_SEGMENT_OUTPUTS] = {0}, *first = NULL;
    leat_status st = LEAT_OK;
    leat_tensor **xs = LEATI_NEW(c, leat_tensor *, 2 * sources + 1), **part = xs + sources;
    if (!xs) return LEAT_NOMEM;
    for (size_t j = 0; j < n->outs && !first; j++) first = dy[j];
    for (size_t i = 0; i < sources; i++) {
        leat_tensor *in[2] = {n->in[i], first};
        xs[i] = i < s->ins ? leati_op1(g, LEATI_OP_AFTER, 2, in, NULL, 0) : n->in[i];
        if (!xs[i]) LEATI_GO(leat_error_status(c));
    }
    LEATI_GO(s->record(g, s->user, xs, again));
    for (size_t j = 0; j < n->outs; j++) {
        if (!dy[j]) continue;
        if (!again[j] || again[j]->dtype != n->out[j].dtype ||
            !leati_shape_equal(&again[j]->shape, &n->out[j].shape)) {
            st = leat_error_status(c);
            if (st == LEAT_OK)
                st = leati_node_fail(
                    c, n, LEAT_INVALID,
                    "the segment gave another result %zu when it was recorded again", j + 1);
            goto out;
        }
        LEATI_GO(leati_gradients_partial(again[j], dy[j], sources, xs, part));
        for (size_t i = 0; i < sources; i++)
            if (needed[i]) dx[i] = dx[i] ? leat_add(dx[i], part[i]) : part[i];
    }
out:
    leati_free(xs);
    return st;
}

const leati_op_class leati_checkpoint_class = {.infer = infer_checkpoint,
                                               .gradient = gradient_checkpoint};

static leat_status add_once(leat_context *c, leat_tensor *x, leat_tensor ***in, size_t *count,
                            size_t *capacity)
{
    for (size_t i = 0; i < *count; i++)
        if ((*in)[i] == x) return LEAT_OK;
    LEATI_TRY(leati_grow(c, in, capacity, *count + 1, sizeof **in));
    (*in)[(*count)++] = x;
    return LEAT_OK;
}

/* What the segment reads or gives back beside its inputs: results of nodes recorded before it. They
 * become inputs too, so that they get gradients. */
static leat_status add_others(leat_graph *g, size_t outs, leat_tensor *const *results,
                              uint32_t before, leat_tensor ***in, size_t *count, size_t *capacity)
{
    leat_context *c = g->context;
    leati_order order = {0};
    leat_status st = LEAT_OK;
    LEATI_GO(leati_order_make(g, outs, results, &order));
    for (size_t i = 0; i < order.count; i++) {
        const leati_node *n = order.node[i];
        if (n->id < before) continue;
        for (size_t k = 0; k < n->ins; k++)
            if (n->in[k]->node->id < before) LEATI_GO(add_once(c, n->in[k], in, count, capacity));
    }
    for (size_t j = 0; j < outs; j++)
        if (results[j]->node->id < before) LEATI_GO(add_once(c, results[j], in, count, capacity));
out:
    leati_order_fini(&order);
    return st;
}

static leat_status record(leat_graph *g, const segment *s, size_t outs, leat_tensor ***in,
                          size_t *count, size_t *capacity, leat_tensor **out)
{
    leat_context *c = g->context;
    uint32_t before = g->nodes;
    leat_tensor *results[LEAT_SEGMENT_OUTPUTS] = {0};
    LEATI_TRY(s->record(g, s->user, *in, results));
    LEATI_TRY(leat_error_status(c));
    for (size_t j = 0; j < outs; j++)
        LEATI_CHECK(c, results[j] && results[j]->node->graph == g, LEAT_INVALID,
                    "checkpoint: the segment gives no result %zu", j + 1);
    LEATI_TRY(add_others(g, outs, results, before, in, count, capacity));
    LEATI_TRY(leati_grow(c, in, capacity, *count + outs, sizeof **in));
    for (size_t j = 0; j < outs; j++) (*in)[(*count)++] = results[j];
    LEATI_CHECK(c, *count <= UINT16_MAX, LEAT_LIMIT, "checkpoint: the segment reads %zu tensors",
                *count);
    leati_node *n =
        leati_node_make(g, LEATI_OP_CHECKPOINT, *count, *in, outs, NULL, 0, LEAT_DTYPE_F32, NULL);
    segment *copy = n ? leati_arena_alloc(&g->arena, sizeof *copy) : NULL;
    if (!copy) return leat_error_status(c);
    *copy = *s;
    n->host = copy;
    for (size_t j = 0; j < outs; j++) out[j] = &n->out[j];
    return LEAT_OK;
}

leat_status leat_checkpoint(leat_segment_fn fn, void *user, size_t ins, leat_tensor *const *in,
                            size_t outs, leat_tensor **out)
{
    for (size_t j = 0; j < outs; j++) out[j] = NULL;
    leat_graph *g = NULL;
    for (size_t i = 0; i < ins && !g; i++) g = leat_tensor_graph(in[i]);
    if (!g) return LEAT_INVALID;
    leat_context *c = g->context;
    if (leati_graph_stopped(g)) return leat_error_status(c);
    LEATI_CHECK(c, outs >= 1 && outs <= LEAT_SEGMENT_OUTPUTS, LEAT_INVALID,
                "checkpoint: %zu results; 1 to %d", outs, LEAT_SEGMENT_OUTPUTS);
    for (size_t i = 0; i < ins; i++)
        LEATI_CHECK(c, in[i] && in[i]->node->graph == g, LEAT_INVALID,
                    "checkpoint: input %zu is not a tensor of this graph", i + 1);
    leat_tensor **all = NULL;
    size_t count = ins, capacity = 0;
    leat_status st = leati_grow(c, &all, &capacity, ins + 1, sizeof *all);
    if (st == LEAT_OK) {
        memcpy(all, in, ins * sizeof *in);
        segment s = {fn, user, ins};
        st = record(g, &s, outs, &all, &count, &capacity, out);
    }
    if (st != LEAT_OK) leati_graph_break(g);
    leati_free(all);
    return st;
}
