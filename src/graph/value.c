/* Owns: values while a graph is still being recorded. */
#include "base/mem.h"
#include "graph/plan.h"
#include "tensor/shape.h"

leat_tensor *leat_force(leat_tensor *x)
{
    if (!x) return NULL;
    leat_graph *g = x->node->graph;
    leat_context *c = g->context;
    if (leati_graph_stopped(g)) return NULL;
    if (x->node->op == LEATI_OP_CONSTANT) return x;
    size_t bytes = leati_shape_count(&x->shape) * leat_dtype_size(x->dtype);
    void *data = leati_alloc(c, bytes);
    leat_status st = data ? leat_run(g, 1, &x) : LEAT_NOMEM;
    if (st == LEAT_OK) st = leat_get(x, data, bytes);
    leat_tensor *y = st == LEAT_OK ? leat_constant(g, x->dtype, x->shape, data) : NULL;
    if (!y) leati_graph_break(g);
    leati_free(data);
    return y;
}

/* Small enough for the reference, and the same at every run. */
static bool depends_on_constants(const leati_order *order)
{
    enum { MOST = 1 << 16 };
    size_t sum = 0;
    for (size_t i = 0; i < order->count; i++) {
        const leati_node *n = order->node[i];
        if (n->op == LEATI_OP_INPUT || n->op == LEATI_OP_VARIABLE || n->op == LEATI_OP_ASSIGN ||
            n->op == LEATI_OP_CUSTOM || n->op == LEATI_OP_SCAN || n->op == LEATI_OP_LOOP)
            return false;
        for (size_t k = 0; k < n->outs; k++) sum += leati_shape_count(&n->out[k].shape);
        if (sum > MOST) return false;
    }
    return true;
}

/* As a plan of the device reference, which is thrown away. */
static leat_status evaluate(leat_graph *g, leat_tensor *x, void *data, size_t bytes)
{
    leat_context *c = g->context;
    leati_device *own = g->device, *reference;
    leati_plan *plan = NULL;
    LEATI_TRY(leati_device_open(c, "reference", &reference));
    g->device = reference;
    leat_status st = leati_plan_compile(g, 1, &x, &plan);
    if (st == LEAT_OK) st = reference->class->run(reference, plan->steps, plan->step_count);
    if (st == LEAT_OK && bytes)
        st = reference->class->download(reference, data, plan->roots[0].data, bytes);
    leati_plan_destroy(plan);
    g->device = own;
    leati_device_close(reference);
    return st;
}

leat_status leat_value_known(leat_tensor *x, void *data, size_t bytes, bool *known)
{
    *known = false;
    if (!x) return LEAT_INVALID;
    leat_graph *g = x->node->graph;
    leat_context *c = g->context;
    leati_order order = {0};
    if (leati_graph_stopped(g)) return leat_error_status(c);
    size_t have = leati_shape_count(&x->shape) * leat_dtype_size(x->dtype);
    LEATI_CHECK(c, have == bytes, LEAT_INVALID, "the tensor has %zu bytes, room was given for %zu",
                have, bytes);
    LEATI_TRY(leati_order_make(g, 1, &x, &order));
    bool constant = depends_on_constants(&order);
    leati_order_fini(&order);
    if (!constant) return LEAT_OK;
    LEATI_TRY(evaluate(g, x, data, bytes));
    *known = true;
    return LEAT_OK;
}
