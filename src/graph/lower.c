/* Owns: the list of nodes to execute. A composition without a kernel on the device is replaced by
 * what its class writes instead, until every node has a kernel, is a view or elementwise. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "graph/planner.h"
#include "tensor/shape.h"

leati_step leati_step_of(const leati_node *n, leati_operand *operands)
{
    leati_step s = {.op = n->op, .ins = n->ins, .outs = n->outs, .attrs = n->attrs};
    s.in = operands;
    s.out = operands + n->ins;
    s.scope = n->scope;
    for (size_t i = 0; i < n->ins; i++)
        s.in[i] = (leati_operand){.shape = n->in[i]->shape, .dtype = n->in[i]->dtype};
    for (size_t i = 0; i < n->outs; i++)
        s.out[i] = (leati_operand){.shape = n->out[i].shape, .dtype = n->out[i].dtype};
    return s;
}

static leat_status has_kernel(leati_planner *p, const leati_node *n, bool *yes)
{
    const leati_device *d = p->graph->device;
    const leati_op_info *info = leati_op_info_of(n->op);
    *yes = leati_is_leaf(n->op) || leati_is_view(n) || n->op == LEATI_OP_ASSIGN ||
           (d->class->fuses && (info->elementwise || n->op == LEATI_OP_EXPAND));
    if (*yes) return LEAT_OK;
    leati_operand few[32], *operands = few;
    if (n->ins + n->outs > 32)
        operands = leati_array(p->context, n->ins + n->outs, sizeof *operands);
    if (!operands) return LEAT_NOMEM;
    leati_step s = leati_step_of(n, operands);
    *yes = d->class->kernel(d, &s) != NULL;
    if (operands != few) leati_free(operands);
    return LEAT_OK;
}

leat_status leati_plan_add_value(leati_planner *p, leat_tensor *t, uint32_t node)
{
    LEATI_TRY(leati_grow(p->context, &p->value, &p->value_capacity, p->value_count + 1,
                         sizeof *p->value));
    t->slot = (uint32_t)p->value_count;
    leati_value *v = &p->value[p->value_count++];
    *v = (leati_value){.tensor = t, .node = node, .base = t->slot, .first = LEATI_NONE};
    v->bytes = leati_shape_count(&t->shape) * leat_dtype_size(t->dtype);
    return LEAT_OK;
}

static leat_status number_room(leati_planner *p)
{
    size_t need = p->graph->nodes, have = p->number_count;
    if (need <= have) return LEAT_OK;
    LEATI_TRY(leati_grow(p->context, &p->number, &p->number_capacity, need, sizeof *p->number));
    for (size_t i = have; i < need; i++) p->number[i] = LEATI_NONE;
    p->number_count = need;
    return LEAT_OK;
}

leat_status leati_plan_add_node(leati_planner *p, leati_node *n)
{
    LEATI_TRY(number_room(p));
    LEATI_TRY(
        leati_grow(p->context, &p->node, &p->node_capacity, p->node_count + 1, sizeof *p->node));
    uint32_t at = (uint32_t)p->node_count;
    p->node[p->node_count++] = n;
    p->number[n->id] = at;
    for (size_t i = 0; i < n->outs; i++) LEATI_TRY(leati_plan_add_value(p, &n->out[i], at));
    return LEAT_OK;
}

bool leati_variables_overlap(const leat_variable *a, const leat_variable *b)
{
    const char *x = a->data, *y = b->data;
    return a->whole == b->whole && x < y + b->bytes && y < x + a->bytes;
}

/* The variable in whose memory x lies as it is; NULL: none. */
static const leat_variable *variable_of(leati_planner *p, const leat_tensor *x)
{
    for (;;) {
        const leati_value *v = leati_value_of(p, x);
        const leati_node *n = p->node[v->node];
        size_t offset;
        const leat_tensor *whole = leati_view_of(n, v->tensor->index, &offset);
        if (!whole) return n->op == LEATI_OP_VARIABLE ? n->variable : NULL;
        x = whole;
    }
}

static leat_status add_copy(leati_planner *p, leat_tensor *x, leat_tensor **copy)
{
    *copy = leati_elementwise(LEATI_OP_COPY, x, NULL, NULL);
    if (!*copy) return leat_error_status(p->context);
    return leati_plan_add_node(p, (*copy)->node);
}

/* A value that is to be stored while others may still read the variable it lies in: copy it. */
static leat_status add_assign(leati_planner *p, leati_node *n)
{
    if (variable_of(p, n->in[0])) LEATI_TRY(add_copy(p, n->in[0], &n->in[0]));
    return leati_plan_add_node(p, n);
}

/* A root is a value before the run; storing must not change it. */
static leat_status keep_roots(leati_planner *p, size_t count, leat_tensor *const *roots)
{
    p->roots = leati_arena_calloc(&p->arena, count + 1, sizeof(leat_tensor *));
    if (!p->roots) return LEAT_NOMEM;
    size_t nodes = p->node_count;
    for (size_t i = 0; i < count; i++) {
        const leat_variable *v = variable_of(p, roots[i]);
        bool stored = false;
        for (size_t k = 0; v && k < nodes; k++)
            stored |= p->node[k]->op == LEATI_OP_ASSIGN &&
                      leati_variables_overlap(p->node[k]->variable, v);
        p->roots[i] = roots[i];
        if (stored) LEATI_TRY(add_copy(p, roots[i], &p->roots[i]));
        leati_value_of(p, p->roots[i])->root = true;
    }
    return LEAT_OK;
}

static leat_status lower_all(leati_planner *p, size_t count, leat_tensor *const *roots,
                             unsigned depth);

static leat_status lower_node(leati_planner *p, leati_node *n, unsigned depth)
{
    leat_context *c = p->context;
    bool kernel;
    LEATI_TRY(has_kernel(p, n, &kernel));
    if (n->op == LEATI_OP_ASSIGN) return add_assign(p, n);
    if (kernel) return leati_plan_add_node(p, n);
    const leati_op_class *class = leati_op_class_of(n->op);
    if (!class->expand || depth > 16)
        return leati_node_fail(c, n, LEAT_UNSUPPORTED, "device %s has no kernel for %s inputs",
                               p->graph->device->class->name,
                               leat_dtype_name(n->ins ? n->in[0]->dtype : n->out[0].dtype));
    leat_tensor *out[LEATI_MAX_OUTPUTS] = {0};
    const char *scope = p->graph->scope_copy;
    p->graph->scope_copy = n->scope;
    leat_status st = class->expand(n, out);
    p->graph->scope_copy = scope;
    if (st == LEAT_OK && p->graph->broken) st = leat_error_status(c);
    LEATI_TRY(st);
    LEATI_TRY(number_room(p));
    size_t outs = 0;
    while (outs < n->outs && out[outs]) outs++;
    LEATI_BUG_IF(c, outs != n->outs);
    LEATI_TRY(lower_all(p, outs, out, depth + 1));
    for (size_t i = 0; i < outs; i++) n->out[i].slot = out[i]->slot;
    p->number[n->id] = LEATI_NONE - 1; /* replaced */
    return LEAT_OK;
}

static int by_id(const void *a, const void *b)
{
    const leati_node *const *x = a, *const *y = b;
    return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

/* In the order of recording: a step of back-propagation is done with all its results, of weights
 * and data, before the next one, so that what it reads may go. */
static leat_status lower_all(leati_planner *p, size_t count, leat_tensor *const *roots,
                             unsigned depth)
{
    leati_order order = {0};
    LEATI_TRY(number_room(p));
    LEATI_TRY(leati_order_make(p->graph, count, roots, &order));
    leat_status st = LEAT_OK;
    if (order.count) qsort(order.node, order.count, sizeof *order.node, by_id);
    for (size_t i = 0; st == LEAT_OK && i < order.count; i++)
        if (p->number[order.node[i]->id] == LEATI_NONE) st = lower_node(p, order.node[i], depth);
    leati_order_fini(&order);
    return st;
}

leat_status leati_plan_lower(leati_planner *p, size_t count, leat_tensor *const *roots)
{
    LEATI_TRY(lower_all(p, count, roots, 0));
    return keep_roots(p, count, roots);
}
