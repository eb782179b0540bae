/* Owns: the nodes below some roots in order, and the bytes that name their structure. */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "graph/plan.h"

void leati_order_fini(leati_order *order)
{
    leati_free(order->node);
    *order = (leati_order){0};
}

/* Marks are epoch (not yet entered into the order) and epoch + 1 (there). */
leat_status leati_order_make(leat_graph *g, size_t count, leat_tensor *const *roots,
                             leati_order *out)
{
    leat_context *c = g->context;
    leati_node **stack = NULL;
    size_t depth = 0, capacity = 0;
    leat_status st = LEAT_OK;
    *out = (leati_order){0};
    uint32_t seen = ++g->epoch, done = ++g->epoch;
    for (size_t r = 0; r < count; r++) {
        LEATI_GO(leati_grow(c, &stack, &capacity, depth + 1, sizeof *stack));
        stack[depth++] = roots[r]->node;
        while (depth) {
            leati_node *n = stack[depth - 1];
            if (n->mark == seen || n->mark == done) {
                depth--;
                if (n->mark == done) continue;
                n->mark = done;
                LEATI_GO(leati_grow(c, &out->node, &out->capacity, out->count + 1, sizeof *stack));
                out->node[out->count++] = n;
                continue;
            }
            n->mark = seen;
            LEATI_GO(leati_grow(c, &stack, &capacity, depth + n->ins, sizeof *stack));
            for (size_t i = n->ins; i-- > 0;)
                if (n->in[i]->node->mark != seen && n->in[i]->node->mark != done)
                    stack[depth++] = n->in[i]->node;
        }
    }
out:
    leati_free(stack);
    if (st != LEAT_OK) leati_order_fini(out);
    return st;
}

static leat_status put(leat_context *c, uint8_t **key, size_t *bytes, size_t *capacity,
                       const void *data, size_t size)
{
    LEATI_TRY(leati_grow(c, key, capacity, *bytes + size, 1));
    memcpy(*key + *bytes, data, size);
    *bytes += size;
    return LEAT_OK;
}

leat_status leati_plan_key(leat_graph *g, size_t count, leat_tensor *const *roots, uint8_t **key,
                           size_t *bytes, leati_node ***inputs, size_t *input_count)
{
    leat_context *c = g->context;
    leati_order order = {0};
    size_t capacity = 0;
    *key = NULL, *inputs = NULL;
    *bytes = *input_count = 0;
    leat_status st = LEAT_OK;
    LEATI_GO(leati_order_make(g, count, roots, &order));
    *inputs = LEATI_NEW(c, leati_node *, order.count + 1);
    if (!*inputs) {
        st = LEAT_NOMEM;
        goto out;
    }
#define PUT(x) LEATI_GO(put(c, key, bytes, &capacity, &(x), sizeof(x)))
    PUT(g->half_products);
    for (size_t i = 0; i < order.count; i++) {
        leati_node *n = order.node[i];
        n->place = (uint32_t)i;
        uint16_t head[4] = {(uint16_t)n->op, n->ins, n->outs, (uint16_t)n->out[0].dtype};
        PUT(head);
        for (size_t k = 0; k < n->ins; k++) {
            uint32_t from[2] = {n->in[k]->node->place, n->in[k]->index};
            PUT(from);
        }
        if (n->attr_bytes) LEATI_GO(put(c, key, bytes, &capacity, n->attrs, n->attr_bytes));
        if (n->op == LEATI_OP_INPUT) (*inputs)[(*input_count)++] = n;
        if (n->op == LEATI_OP_VARIABLE || n->op == LEATI_OP_ASSIGN) PUT(n->variable);
        PUT(n->out[0].shape.rank);
        LEATI_GO(put(c, key, bytes, &capacity, n->out[0].shape.dim,
                     (size_t)n->out[0].shape.rank * sizeof(int64_t)));
        if (n->op == LEATI_OP_CONSTANT) {
            size_t size = leat_dtype_size(n->out[0].dtype);
            for (int k = 0; k < n->out[0].shape.rank; k++) size *= (size_t)n->out[0].shape.dim[k];
            LEATI_GO(put(c, key, bytes, &capacity, n->host, size));
        }
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t root[2] = {roots[i]->node->place, roots[i]->index};
        PUT(root);
    }
    for (size_t i = 0; i < *input_count; i++) (*inputs)[i]->place = (uint32_t)i;
#undef PUT
out:
    leati_order_fini(&order);
    if (st != LEAT_OK) {
        leati_free(*key);
        leati_free(*inputs);
        *key = NULL, *inputs = NULL;
    }
    return st;
}
