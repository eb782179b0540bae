/* Owns: reverse-mode differentiation: from roots to leaves, gradients as operations. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "graph/planner.h"
#include "tensor/shape.h"

leat_tensor *leat_stop_gradient(leat_tensor *x)
{
    return x ? leati_elementwise(LEATI_OP_COPY, x, NULL, NULL) : NULL;
}

/* What is known of each node at and below y, by node number. */
typedef struct tape {
    leati_order order;
    leat_tensor ***grad; /* per output the sum so far; NULL for a node that is not in the order */
    bool *wanted;        /* lies above one of the xs */
    bool *stop;          /* partial derivatives: is one of the xs */
    leat_tensor **slots;
    const char *scope, *backward; /* the last one met, and that of its gradients */
    leati_node **read; /* the variables read */
    size_t reads;
} tape;

static leat_status add_gradient(tape *t, leat_tensor *to, leat_tensor *d)
{
    leat_tensor **slot = &t->grad[to->node->id][to->index];
    *slot = *slot ? leat_add(*slot, d) : d;
    return *slot ? LEAT_OK : leat_error_status(to->node->graph->context);
}

/* ---- reads of variables ------------------------------------------------------------------------
 */

/* A gradient belongs to the variable: every read of its memory has a share in it. */
static bool same_memory(const leati_node *a, const leati_node *b)
{
    if (a->op != LEATI_OP_VARIABLE || b->op != LEATI_OP_VARIABLE) return false;
    const leat_variable *v = a->variable, *w = b->variable;
    return v == w || leati_variables_overlap(v, w);
}

/* The variables that y reads into `read`, so that not every x looks through the order. */
static leat_status list_reads(leat_context *c, tape *t)
{
    t->read = LEATI_NEW(c, leati_node *, t->order.count + 1);
    if (!t->read) return LEAT_NOMEM;
    for (size_t i = 0; i < t->order.count; i++)
        if (t->order.node[i]->op == LEATI_OP_VARIABLE) t->read[t->reads++] = t->order.node[i];
    return LEAT_OK;
}

/* d of the read `from` as a gradient of x, whose variable shares some of its memory. */
static leat_tensor *placed(leat_tensor *d, const leati_node *from, const leat_tensor *x)
{
    const leat_variable *v = x->node->variable, *w = from->variable;
    if (v == w) return d;
    int64_t size = (int64_t)leat_dtype_size(v->dtype);
    int64_t at = ((const char *)w->data - (const char *)v->data) / size; /* of w in v */
    int64_t count = (int64_t)v->bytes / size, length = (int64_t)w->bytes / size;
    int64_t low = -at, high = at + length - count; /* what w has beyond v */
    int64_t before = at > 0 ? at : 0, behind = high < 0 ? -high : 0;
    low = low > 0 ? low : 0, high = high > 0 ? high : 0;
    d = leat_reshape(d, LEAT_DIMS(-1));
    if (low || high) d = leat_narrow(d, 0, low, length - low - high);
    if (before || behind) d = leat_pad(d, LEAT_PAD_CONSTANT, &before, &behind, 0);
    return leat_reshape(d, x->shape);
}

/* *out NULL: nothing depends on the variable. */
static leat_status gradient_of_variable(const tape *t, leat_tensor *x, leat_tensor **out)
{
    *out = NULL;
    for (size_t i = 0; i < t->reads; i++) {
        leat_tensor *d = same_memory(x->node, t->read[i]) ? t->grad[t->read[i]->id][0] : NULL;
        if (!d) continue;
        d = placed(d, t->read[i], x);
        *out = *out ? leat_add(*out, d) : d;
        if (!*out) return leat_error_status(x->node->graph->context);
    }
    return LEAT_OK;
}

/* ---- the tape ----------------------------------------------------------------------------------
 */

static leat_status tape_make(leat_context *c, tape *t, leat_tensor *y, size_t count,
                             leat_tensor *const *xs, bool partial)
{
    leat_graph *g = y->node->graph;
    LEATI_TRY(leati_order_make(g, 1, &y, &t->order));
    size_t outs = 0;
    for (size_t i = 0; i < t->order.count; i++) outs += t->order.node[i]->outs;
    t->grad = LEATI_NEW(c, leat_tensor **, g->nodes);
    t->wanted = LEATI_NEW(c, bool, g->nodes);
    t->stop = LEATI_NEW(c, bool, g->nodes);
    t->slots = LEATI_NEW(c, leat_tensor *, outs + 1);
    if (!t->grad || !t->wanted || !t->stop || !t->slots) return LEAT_NOMEM;
    if (!partial) LEATI_TRY(list_reads(c, t));
    for (size_t i = 0; i < count; i++) {
        t->wanted[xs[i]->node->id] = true;
        t->stop[xs[i]->node->id] = partial;
        for (size_t k = 0; k < t->reads; k++)
            if (same_memory(xs[i]->node, t->read[k])) t->wanted[t->read[k]->id] = true;
    }
    outs = 0;
    for (size_t i = 0; i < t->order.count; i++) { /* inputs come first */
        leati_node *node = t->order.node[i];
        t->grad[node->id] = t->slots + outs;
        outs += node->outs;
        for (size_t k = 0; k < node->ins; k++)
            t->wanted[node->id] |= t->wanted[node->in[k]->node->id];
    }
    return LEAT_OK;
}

static leat_status differentiate(leat_tensor *y, leat_tensor *seed, size_t count,
                                 leat_tensor *const *xs, bool partial, leat_tensor **out);

/* ---- the way back ------------------------------------------------------------------------------
 */

/* Gradients are of the layer whose operation they lead through: "the gradient of layer 3 `dense`".
 * Those of gradients, and of a composition recorded again, have that name already. */
static leat_status enter_scope(tape *t, const leati_node *n)
{
    static const char before[] = "the gradient of ";
    leat_graph *g = n->graph;
    if (n->scope != t->scope) {
        size_t size = n->scope ? sizeof before + strlen(n->scope) : 0;
        bool has = !n->scope || !strncmp(n->scope, before, sizeof before - 1);
        char *name = has ? NULL : leati_arena_alloc(&g->arena, size);
        if (!has && !name) return LEAT_NOMEM;
        if (name) snprintf(name, size, "%s%s", before, n->scope);
        t->scope = n->scope;
        t->backward = has ? n->scope : name;
    }
    g->backward = t->backward;
    return LEAT_OK;
}

static leat_status record_back(tape *t, leati_node *n);

static leat_status back_through(tape *t, leati_node *n)
{
    const char *outer = n->graph->backward;
    leat_status st = enter_scope(t, n);
    if (st == LEAT_OK) st = record_back(t, n);
    n->graph->backward = outer;
    return st;
}

/* leat_stop_gradient and ASSIGN let nothing through. */
static leat_status record_back(tape *t, leati_node *n)
{
    leat_context *c = n->graph->context;
    leat_tensor **dy = t->grad[n->id];
    const leati_op_class *class = leati_op_class_of(n->op);
    bool any = false, need = false, needed[64] = {0};
    for (size_t i = 0; i < n->outs; i++) any |= dy[i] != NULL;
    if (!any || n->op == LEATI_OP_COPY || !n->ins) return LEAT_OK;
    leat_tensor *few[64] = {0}, **dx = few;
    bool *want = needed;
    leat_status st = LEAT_OK;
    if (n->ins > 64) {
        dx = leati_calloc(c, n->ins, sizeof *dx);
        want = leati_calloc(c, n->ins, sizeof *want);
        if (!dx || !want) {
            st = LEAT_NOMEM;
            goto out;
        }
    }
    for (size_t i = 0; i < n->ins; i++) {
        want[i] = t->wanted[n->in[i]->node->id] && leati_dtype_is_float(n->in[i]->dtype);
        need |= want[i];
    }
    if (!need) goto out;
    if (class->gradient) {
        st = class->gradient(n, dy, want, dx);
    } else if (class->expand) {
        leat_tensor *outs[LEATI_MAX_OUTPUTS] = {0};
        st = class->expand(n, outs);
        /* y through the composition: the gradients of the sum of its outputs, seeded one by one */
        for (size_t j = 0; st == LEAT_OK && j < n->outs; j++) {
            if (!dy[j] || !outs[j]) continue;
            leat_tensor *part[64] = {0};
            st = differentiate(outs[j], dy[j], n->ins, n->in, true, part);
            for (size_t i = 0; st == LEAT_OK && i < n->ins; i++)
                if (want[i]) dx[i] = dx[i] ? leat_add(dx[i], part[i]) : part[i];
        }
    }
    if (st == LEAT_OK && n->graph->broken) st = leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < n->ins; i++)
        if (want[i] && dx[i]) st = add_gradient(t, n->in[i], dx[i]);
out:
    if (dx != few) leati_free(dx);
    if (want != needed) leati_free(want);
    return st;
}

static leat_status run_back(tape *t, leat_tensor *y, leat_tensor *seed, size_t count,
                            leat_tensor *const *xs, bool partial, leat_tensor **out)
{
    leat_context *c = y->node->graph->context;
    LEATI_TRY(tape_make(c, t, y, count, xs, partial));
    leat_tensor *one = seed ? seed : leati_full_like(y, 1);
    if (!one) return leat_error_status(c);
    t->grad[y->node->id][y->index] = one;
    for (size_t i = t->order.count; i-- > 0;) {
        leati_node *n = t->order.node[i];
        if (t->wanted[n->id] && !t->stop[n->id]) LEATI_TRY(back_through(t, n));
    }
    for (size_t i = 0; i < count; i++) {
        leat_tensor **dy = t->grad[xs[i]->node->id];
        leat_tensor *d = dy ? dy[xs[i]->index] : NULL;
        if (!partial && xs[i]->node->op == LEATI_OP_VARIABLE)
            LEATI_TRY(gradient_of_variable(t, xs[i], &d));
        out[i] = d ? d : leati_full_like(xs[i], 0);
        if (!out[i]) return leat_error_status(c);
    }
    return LEAT_OK;
}

/* partial: the xs are taken as independent of each other, as the inputs of one operation are. */
static leat_status differentiate(leat_tensor *y, leat_tensor *seed, size_t count,
                                 leat_tensor *const *xs, bool partial, leat_tensor **out)
{
    tape t = {0};
    leat_status st = run_back(&t, y, seed, count, xs, partial, out);
    leati_order_fini(&t.order);
    leati_free(t.grad);
    leati_free(t.wanted);
    leati_free(t.stop);
    leati_free(t.slots);
    leati_free(t.read);
    return st;
}

leat_status leati_gradients_partial(leat_tensor *y, leat_tensor *seed, size_t count,
                                    leat_tensor *const *xs, leat_tensor **out)
{
    return differentiate(y, seed, count, xs, true, out);
}

leat_status leat_gradients(leat_tensor *y, leat_tensor *seed, size_t count, leat_tensor *const *xs,
                           leat_tensor **out)
{
    for (size_t i = 0; i < count; i++) out[i] = NULL;
    if (!y) return LEAT_INVALID;
    leat_graph *g = y->node->graph;
    leat_context *c = g->context;
    if (leati_graph_stopped(g)) return leat_error_status(c);
    LEATI_CHECK(c, leati_dtype_is_float(y->dtype), LEAT_TYPE,
                "gradients: the value to differentiate is %s, not floating point",
                leat_dtype_name(y->dtype));
    LEATI_CHECK(c, seed || leati_shape_count(&y->shape) == 1, LEAT_SHAPE,
                "gradients: the value to differentiate has shape %s; sum it, or give a seed",
                leati_shape_string(&y->shape).text);
    LEATI_CHECK(c, !seed || (leati_shape_equal(&seed->shape, &y->shape) && seed->dtype == y->dtype),
                LEAT_SHAPE, "gradients: the seed must have the type and shape of the value");
    for (size_t i = 0; i < count; i++)
        LEATI_CHECK(c, xs[i] && xs[i]->node->graph == g, LEAT_INVALID,
                    "gradients: input %zu is not a tensor of this graph", i + 1);
    return differentiate(y, seed, count, xs, false, out);
}
