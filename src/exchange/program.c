/* Owns: programs: which nodes a writer sees, and the values that are known before. */
#include "exchange/program.h"

#include <string.h>

#include "base/mem.h"
#include "graph/plan.h"
#include "tensor/shape.h"

enum { UNSEEN, KNOWN, LISTED, REPLACED, DEPENDS = 0x10, LIVE = 0x20 };

bool leati_program_is_view(const leati_node *n)
{
    return n->op == LEATI_OP_RESHAPE || n->op == LEATI_OP_EXPAND || n->op == LEATI_OP_TRANSPOSE ||
           n->op == LEATI_OP_SLICE || n->op == LEATI_OP_REVERSE;
}

static leat_status room(leati_program *p)
{
    size_t need = p->graph->nodes;
    LEATI_TRY(leati_grow(p->context, &p->state, &p->state_capacity, need, 1));
    LEATI_TRY(leati_grow(p->context, &p->value, &p->value_capacity, need, sizeof *p->value));
    for (; p->ids < need; p->ids++) {
        p->state[p->ids] = UNSEEN;
        p->value[p->ids] = NULL;
    }
    return LEAT_OK;
}

leati_program_value *leati_program_value_of(const leati_program *p, const leat_tensor *x)
{
    return &p->value[x->node->id][x->index];
}

leat_tensor *leati_program_resolve(const leati_program *p, leat_tensor *x)
{
    for (;;) {
        const leati_program_value *v = p->value[x->node->id];
        if (!v || !v[x->index].same) return x;
        x = v[x->index].same;
    }
}

leat_tensor *leati_program_in(const leati_program *p, const leati_node *n, size_t i)
{
    return leati_program_resolve(p, n->in[i]);
}

static leat_status make_values(leati_program *p, const leati_node *n)
{
    if (p->value[n->id]) return LEAT_OK;
    leati_program_value *v = leati_arena_calloc(&p->arena, n->outs ? n->outs : 1, sizeof *v);
    if (!v) return LEAT_NOMEM;
    p->value[n->id] = v;
    return LEAT_OK;
}

static leat_status collect(leati_program *p, size_t count, leat_tensor *const *roots,
                           leati_program_takes_fn takes, unsigned depth);

/* The composition n as other operations. */
static leat_status replace(leati_program *p, leati_node *n, leati_program_takes_fn takes,
                           unsigned depth)
{
    const leati_op_class *class = leati_op_class_of(n->op);
    leat_tensor *out[LEATI_MAX_OUTPUTS] = {0};
    if (!class->expand || depth > 16)
        return leati_node_fail(p->context, n, LEAT_UNSUPPORTED,
                               "this operation has no form in the file to write");
    const char *scope = p->graph->scope_copy;
    p->graph->scope_copy = n->scope;
    leat_status st = class->expand(n, out);
    p->graph->scope_copy = scope;
    if (st == LEAT_OK && p->graph->broken) st = leat_error_status(p->context);
    LEATI_TRY(st);
    LEATI_TRY(room(p));
    size_t outs = 0;
    while (outs < n->outs && out[outs]) outs++;
    LEATI_BUG_IF(p->context, outs != n->outs);
    LEATI_TRY(collect(p, outs, out, takes, depth + 1));
    for (size_t i = 0; i < outs; i++) p->value[n->id][i].same = out[i];
    p->state[n->id] = REPLACED;
    return LEAT_OK;
}

static leat_status visit(leati_program *p, leati_node *n, leati_program_takes_fn takes,
                         unsigned depth)
{
    bool depends = n->op == LEATI_OP_INPUT;
    LEATI_TRY(make_values(p, n));
    for (size_t i = 0; i < n->ins; i++)
        depends |= (p->state[leati_program_in(p, n, i)->node->id] & DEPENDS) != 0;
    if (!depends && !leati_program_is_view(n)) {
        p->state[n->id] = KNOWN;
        return LEAT_OK;
    }
    if (n->op != LEATI_OP_INPUT && !takes(n)) return replace(p, n, takes, depth);
    LEATI_TRY(leati_grow(p->context, &p->node, &p->capacity, p->count + 1, sizeof *p->node));
    p->node[p->count++] = n;
    p->state[n->id] = (uint8_t)(LISTED | (depends ? DEPENDS : 0));
    return LEAT_OK;
}

static leat_status collect(leati_program *p, size_t count, leat_tensor *const *roots,
                           leati_program_takes_fn takes, unsigned depth)
{
    leati_order order = {0};
    LEATI_TRY(room(p));
    LEATI_TRY(leati_order_make(p->graph, count, roots, &order));
    leat_status st = LEAT_OK;
    for (size_t i = 0; st == LEAT_OK && i < order.count; i++)
        if (p->state[order.node[i]->id] == UNSEEN) st = visit(p, order.node[i], takes, depth);
    leati_order_fini(&order);
    return st;
}

/* Only what leads to the roots stays; uses are counted. */
static void prune(leati_program *p)
{
    size_t kept = p->count;
    for (size_t r = 0; r < p->roots; r++) {
        p->state[p->root[r]->node->id] |= LIVE;
        leati_program_value_of(p, p->root[r])->uses++;
    }
    for (size_t i = p->count; i-- > 0;) {
        leati_node *n = p->node[i];
        if (!(p->state[n->id] & LIVE)) continue;
        p->node[--kept] = n;
        for (size_t k = 0; k < n->ins; k++) {
            leat_tensor *x = leati_program_in(p, n, k);
            p->state[x->node->id] |= LIVE;
            leati_program_value_of(p, x)->uses++;
        }
    }
    p->count -= kept;
    memmove(p->node, p->node + kept, p->count * sizeof *p->node);
}

/* Computes what is read and known, all in one run. */
static leat_status evaluate(leati_program *p)
{
    leat_context *c = p->context;
    leat_tensor **wanted = NULL;
    size_t count = 0, capacity = 0;
    leat_status st = LEAT_OK;
    for (size_t i = 0; i <= p->count; i++) {
        leati_node *n = i < p->count ? p->node[i] : NULL;
        for (size_t k = 0; k < (n ? n->ins : p->roots); k++) {
            leat_tensor *x = n ? leati_program_in(p, n, k) : p->root[k];
            leati_program_value *v = leati_program_value_of(p, x);
            if ((p->state[x->node->id] & 0xf) != KNOWN || v->data) continue;
            size_t bytes = leati_shape_count(&x->shape) * leat_dtype_size(x->dtype);
            v->data = leati_arena_alloc(&p->arena, bytes ? bytes : 1);
            if (!v->data) LEATI_GO(LEAT_NOMEM);
            LEATI_GO(leati_grow(c, &wanted, &capacity, count + 1, sizeof(leat_tensor *)));
            wanted[count++] = x;
        }
    }
    if (count == 0) goto out;
    LEATI_GO(leat_run(p->graph, count, wanted));
    for (size_t i = 0; i < count; i++)
        LEATI_GO(
            leat_get(wanted[i], leati_program_value_of(p, wanted[i])->data,
                     leati_shape_count(&wanted[i]->shape) * leat_dtype_size(wanted[i]->dtype)));
out:
    leati_free(wanted);
    return st;
}

leat_status leati_program_make(leat_graph *g, size_t count, leat_tensor *const *roots,
                               leati_program_takes_fn takes, leati_program *p)
{
    *p = (leati_program){.context = g->context, .graph = g};
    leati_arena_init(&p->arena, g->context);
    for (size_t i = 0; i < count; i++)
        if (!roots[i]) return leat_error_status(g->context);
    p->root = leati_arena_calloc(&p->arena, count, sizeof(leat_tensor *));
    leat_status st = p->root ? LEAT_OK : LEAT_NOMEM;
    p->roots = p->root ? count : 0;
    if (st == LEAT_OK) st = collect(p, count, roots, takes, 0);
    if (st == LEAT_OK) {
        for (size_t i = 0; i < count; i++) p->root[i] = leati_program_resolve(p, roots[i]);
        prune(p);
        st = evaluate(p);
    }
    if (st != LEAT_OK) leati_program_fini(p);
    return st;
}

void leati_program_fini(leati_program *p)
{
    leati_arena_fini(&p->arena);
    leati_free(p->node);
    leati_free(p->value);
    leati_free(p->state);
    p->node = NULL;
    p->value = NULL;
    p->state = NULL;
}
