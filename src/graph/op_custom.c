/* Owns: CUSTOM: recording and gradient of the operations of users. */
#include <leat/custom_op.h>

#include <string.h>

#include "graph/op_classes.h"
#include "tensor/shape.h"

static const leat_custom_class *class_of(const leati_node *n)
{
    return ((const leati_custom_attrs *)n->attrs)->class;
}

static const void *params_of(const leati_node *n)
{
    const leati_custom_attrs *a = n->attrs;
    return a->bytes ? a->params : NULL;
}

static leat_status infer(leat_context *c, leati_node *n)
{
    const leat_custom_class *class = class_of(n);
    leat_custom_operand in[LEAT_CUSTOM_INPUTS], out[LEAT_CUSTOM_OUTPUTS] = {{0}};
    for (size_t i = 0; i < n->ins; i++)
        in[i] = (leat_custom_operand){n->in[i]->dtype, n->in[i]->shape, NULL};
    for (size_t i = 0; i < n->outs; i++) out[i].shape.rank = -1;
    leat_status st = class->shape(c, params_of(n), n->ins, in, out);
    if (st != LEAT_OK || (st = leat_error_status(c)) != LEAT_OK) {
        if (leat_error_status(c) == LEAT_OK)
            return leati_node_fail(c, n, st, "`%s` does not take these inputs (%s)", class->name,
                                   leat_status_text(st));
        return n->scope ? leati_error_within(c, "%s: `custom` `%s`", n->scope, class->name)
                        : leati_error_within(c, "`custom` `%s`", class->name);
    }
    for (size_t i = 0; i < n->outs; i++) {
        if (out[i].shape.rank < 0 || !leat_dtype_size(out[i].dtype))
            return leati_node_fail(c, n, LEAT_INVALID,
                                   "`%s` has not set type and shape of output %zu", class->name,
                                   i + 1);
        n->out[i].dtype = out[i].dtype;
        n->out[i].shape = out[i].shape;
    }
    return LEAT_OK;
}

static leat_status gradient(leati_node *n, leat_tensor *const *dy, const bool *needed,
                            leat_tensor **dx)
{
    const leat_custom_class *class = class_of(n);
    leat_context *c = n->graph->context;
    leat_tensor *outs[LEAT_CUSTOM_OUTPUTS];
    if (!class->backward) return LEAT_OK;
    for (size_t i = 0; i < n->outs; i++) outs[i] = &n->out[i];
    leat_status st = class->backward(params_of(n), n->ins, n->in, outs, dy, needed, dx);
    if (st == LEAT_OK) st = leat_error_status(c);
    if (st != LEAT_OK && leat_error_status(c) == LEAT_OK)
        return leati_node_fail(c, n, st, "the gradient of `%s` failed (%s)", class->name,
                               leat_status_text(st));
    for (size_t i = 0; st == LEAT_OK && i < n->ins; i++)
        if (dx[i] && (dx[i]->dtype != n->in[i]->dtype ||
                      !leati_shape_equal(&dx[i]->shape, &n->in[i]->shape)))
            return leati_node_fail(c, n, LEAT_SHAPE,
                                   "the gradient of `%s` in input %zu is %s of shape %s, the input "
                                   "%s of %s",
                                   class->name, i + 1, leat_dtype_name(dx[i]->dtype),
                                   leati_shape_string(&dx[i]->shape).text,
                                   leat_dtype_name(n->in[i]->dtype),
                                   leati_shape_string(&n->in[i]->shape).text);
    return st;
}

const leati_op_class leati_custom_class = {.infer = infer, .gradient = gradient};

leat_status leat_custom(const leat_custom_class *class, const void *params, size_t param_bytes,
                        size_t ins, leat_tensor *const *in, leat_tensor **out)
{
    for (size_t i = 0; i < class->outputs; i++) out[i] = NULL;
    leat_graph *g = NULL;
    for (size_t i = 0; i < ins && !g; i++) g = leat_tensor_graph(in[i]);
    if (!g) return LEAT_INVALID;
    leat_context *c = g->context;
    if (leati_graph_stopped(g)) return leat_error_status(c);
    bool fits = class->struct_size == sizeof *class && class->name && class->shape &&
                class->forward && class->outputs >= 1 && class->outputs <= LEAT_CUSTOM_OUTPUTS;
    if (!fits || ins > LEAT_CUSTOM_INPUTS) {
        (void)LEATI_FAIL(
            c, LEAT_INVALID,
            "custom operation `%s`: it needs struct_size, name, shape, forward, 1 to %d "
            "outputs, and takes at most %d inputs",
            fits || class->name ? class->name : "?", LEAT_CUSTOM_OUTPUTS, LEAT_CUSTOM_INPUTS);
        leati_graph_break(g);
        return LEAT_INVALID;
    }
    size_t bytes = sizeof(leati_custom_attrs) + param_bytes;
    leati_custom_attrs *a = leati_arena_calloc(&g->arena, 1, bytes);
    if (!a) {
        leati_graph_break(g);
        return LEAT_NOMEM;
    }
    a->class = class;
    a->bytes = param_bytes;
    if (param_bytes) memcpy(a->params, params, param_bytes);
    leati_node *n = leati_node_make(g, LEATI_OP_CUSTOM, ins, in, class->outputs, a, bytes,
                                    LEAT_DTYPE_F32, NULL);
    if (!n) {
        leat_status st = leat_error_status(c);
        return st == LEAT_OK ? LEAT_INVALID : st;
    }
    for (size_t i = 0; i < class->outputs; i++) out[i] = &n->out[i];
    return LEAT_OK;
}
