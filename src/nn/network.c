/* Owns: networks: weights by name, building, initial values. */
#include "nn/network.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/mem.h"
#include "graph/plan.h"

#include "tensor/shape.h"

/* ---- weights --------------------------------------------------------------------------------- */

static leati_network_weight *find_weight(leati_network *n, const char *name)
{
    for (size_t i = 0; i < n->weight_count; i++)
        if (strcmp(n->weight[i].name, name) == 0) return &n->weight[i];
    return NULL;
}

static leati_network_weight *add_weight(leati_network *n, const char *name, leat_shape shape,
                                        bool trained, leati_init init)
{
    size_t *end = trained ? &n->trained_count : &n->state_count, after;
    if (leati_shape_check(n->context, &shape, n->dtype) != LEAT_OK) return NULL;
    if (__builtin_add_overflow(*end, leati_shape_count(&shape), &after) || after > SIZE_MAX / 16) {
        (void)LEATI_FAIL(n->context, LEAT_LIMIT,
                         "the weights of the network do not fit into "
                         "memory");
        return NULL;
    }
    if (leati_grow(n->context, &n->weight, &n->weight_capacity, n->weight_count + 1,
                   sizeof *n->weight) != LEAT_OK)
        return NULL;
    leati_network_weight *w = &n->weight[n->weight_count];
    *w = (leati_network_weight){.shape = shape, .offset = *end, .trained = trained, .init = init};
    w->name = leati_arena_strdup(&n->arena, name);
    if (!w->name) return NULL;
    n->weight_count++;
    *end = after;
    return w;
}

/* Before the network is open a weight is only a shape. */
static leat_tensor *read_weight(leati_builder *b, leati_network_weight *w)
{
    if (!w) return NULL;
    if (!w->read) /* a shared weight is one tensor */
        w->read = w->variable ? leat_read(w->variable)
                              : leat_input(b->graph, b->network->dtype, w->shape, NULL);
    return w->read;
}

/* The weight there is, checked, or a new one. */
static leat_tensor *weight_of(leati_builder *b, const char *name, leat_shape shape, bool trained,
                              const char *init, int64_t fan_in, int64_t fan_out)
{
    char full[LEATI_LAYER_PATH + 64];
    snprintf(full, sizeof full, "%s/%s", b->path, name);
    leati_network_weight *w = find_weight(b->network, full);
    if (!w) {
        leati_init i;
        if (leati_init_parse(b->context, init, &i) != LEAT_OK)
            return leati_layer_fail(b, LEAT_INVALID, "%s", name);
        i.fan_in = (size_t)fan_in;
        i.fan_out = (size_t)fan_out;
        w = add_weight(b->network, full, shape, trained, i);
        return w ? read_weight(b, w) : leati_layer_fail(b, LEAT_NOMEM, "%s", name);
    }
    if (leati_shape_equal(&w->shape, &shape)) return read_weight(b, w);
    bool features = w->shape.rank == 2 && shape.rank == 2 && w->shape.dim[1] == shape.dim[1];
    if (features)
        return leati_layer_fail(b, LEAT_SHAPE, "input has %lld features, weight expects %lld",
                                (long long)shape.dim[0], (long long)w->shape.dim[0]);
    return leati_layer_fail(b, LEAT_SHAPE, "this input needs a weight `%s` of shape %s, it has %s",
                            name, leati_shape_string(&shape).text,
                            leati_shape_string(&w->shape).text);
}

leat_tensor *leati_weight(leati_builder *b, const char *name, leat_shape shape, const char *init,
                          int64_t fan_in, int64_t fan_out)
{
    bool trained = !b->layer || b->layer->trainable;
    return weight_of(b, name, shape, trained, init, fan_in, fan_out);
}

leat_tensor *leati_layer_state(leati_builder *b, const char *name, leat_shape shape, double value)
{
    return weight_of(b, name, shape, false, value == 1 ? "ones" : "zeros", 1, 1);
}

void leati_layer_state_set(leati_builder *b, const char *name, leat_tensor *x)
{
    char full[LEATI_LAYER_PATH + 64];
    snprintf(full, sizeof full, "%s/%s", b->path, name);
    leati_network_weight *w = find_weight(b->network, full);
    if (!w || !w->variable || !x || !b->training) return;
    if (leati_grow(b->context, &b->updates, &b->update_capacity, b->update_count + 1,
                   sizeof *b->updates) == LEAT_OK)
        b->updates[b->update_count++] = leat_assign(w->variable, x);
}

/* ---- building -------------------------------------------------------------------------------- */

size_t leati_path_push(leati_builder *b, const char *name)
{
    size_t length = strlen(b->path);
    snprintf(b->path + length, sizeof b->path - length, "%s%s", length ? "/" : "", name);
    return length;
}

void leati_path_pop(leati_builder *b, size_t length)
{
    b->path[length] = 0;
}

leat_tensor *leati_layer_fail(leati_builder *b, leat_status st, const char *format, ...)
{
    char text[512], where[192] = "network";
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (b->layer) leati_layer_describe(b->layer, where, sizeof where);
    if (leat_error_status(b->context) == LEAT_OK) (void)LEATI_FAIL(b->context, st, "%s", text);
    /* what one weight lacks all of a layer's may lack: the place is said once */
    if (strncmp(leat_error_message(b->context), where, strlen(where)) != 0)
        (void)leati_error_within(b->context, "%s", where);
    return NULL;
}

/* Takes a place among the taps, before those of the layers inside; SIZE_MAX: none. */
static size_t open_tap(leati_builder *b, const leati_layer *l)
{
    if (!b->tapped) return SIZE_MAX;
    if (leati_grow(b->context, &b->taps, &b->tap_capacity, b->tap_count + 1, sizeof *b->taps) !=
        LEAT_OK)
        return SIZE_MAX;
    leati_tap *tap = &b->taps[b->tap_count];
    *tap = (leati_tap){.layer = l, .depth = b->depth++};
    tap->path = leati_arena_strdup(&b->network->arena, b->path);
    tap->scope = leati_arena_strdup(&b->network->arena, b->graph->scope ? b->graph->scope : "");
    return b->tap_count++;
}

leat_tensor *leati_build_layer(leati_builder *b, const leati_layer *l, leat_tensor *x)
{
    char scope[192];
    const leati_layer *outer = b->layer;
    if (!x) return NULL;
    size_t length = leati_path_push(b, l->name);
    leati_layer_describe(l, scope, sizeof scope);
    leat_scope_push(b->graph, scope);
    b->layer = l;
    size_t tap = open_tap(b, l);
    leat_tensor *y = l->class->build(l, b, x);
    if (tap != SIZE_MAX) b->taps[tap].out = y, b->depth--;
    b->layer = outer;
    leat_scope_pop(b->graph);
    leati_path_pop(b, length);
    return y;
}

leat_tensor *leati_build_layers(leati_builder *b, const leati_layer *first, leat_tensor *x)
{
    for (const leati_layer *l = first; l && x; l = l->next) x = leati_build_layer(b, l, x);
    return x;
}

leat_tensor *leati_network_build(leati_network *n, leati_builder *b, leat_tensor *x)
{
    b->network = n;
    b->context = n->context;
    b->path[0] = 0;
    b->layer = NULL;
    b->input = x;
    b->mask = b->memory = b->memory_mask = NULL;
    bool stale = n->graph && n->clears != n->graph->clears;
    for (size_t i = 0; stale && i < n->weight_count; i++) n->weight[i].read = NULL;
    if (stale) n->clears = n->graph->clears;
    return leati_build_layers(b, n->first, x);
}

void leati_network_forget(leati_network *n)
{
    for (size_t i = 0; i < n->weight_count; i++) n->weight[i].read = NULL;
}

/* Shapes and weights, from a build with a batch of one. */
static leat_status trial_build(leati_network *n)
{
    leati_builder b = {.trial = true};
    LEATI_TRY(leat_graph_create(n->context, "cpu", &b.graph));
    leat_shape s = {.rank = n->input.rank + 1, .dim = {1}};
    for (int i = 0; i < n->input.rank; i++) s.dim[i + 1] = n->input.dim[i];
    leat_tensor *y = leati_network_build(n, &b, leat_input(b.graph, n->dtype, s, NULL));
    leat_status st = y ? LEAT_OK : leat_error_status(n->context);
    if (st == LEAT_OK && leat_tensor_shape(y).rank < 1)
        st = LEATI_FAIL(n->context, LEAT_SHAPE, "layers: the last one gives no batch");
    if (st == LEAT_OK) {
        leat_shape out = leat_tensor_shape(y);
        n->output.rank = out.rank - 1;
        for (int i = 1; i < out.rank; i++) n->output.dim[i - 1] = out.dim[i];
    }
    leati_order order = {0};
    if (st == LEAT_OK) st = leati_order_make(b.graph, 1, &y, &order);
    for (size_t i = 0; st == LEAT_OK && i < order.count; i++)
        for (size_t k = 0; order.node[i]->op != LEATI_OP_INPUT && k < order.node[i]->outs; k++)
            n->sample_bytes += leati_shape_count(&order.node[i]->out[k].shape) *
                               leat_dtype_size(order.node[i]->out[k].dtype);
    leati_order_fini(&order);
    leati_network_forget(n);
    leati_free(b.updates);
    leat_graph_destroy(b.graph);
    return st;
}

leat_status leati_network_create(leat_context *c, const char *layers, leat_shape input,
                                 leati_network **out)
{
    return leati_network_create_at(c, layers, NULL, input, out);
}

leat_status leati_network_create_at(leat_context *c, const char *layers, const char *places,
                                    leat_shape input, leati_network **out)
{
    *out = NULL;
    LEATI_CHECK(c, input.rank >= 0 && input.rank < LEAT_MAX_RANK, LEAT_SHAPE,
                "a sample of a network has at most %d dimensions; the batch is one more",
                LEAT_MAX_RANK - 1);
    leati_network *n = LEATI_NEW(c, leati_network, 1);
    if (!n) return LEAT_NOMEM;
    n->context = c;
    n->input = input;
    leati_arena_init(&n->arena, c);
    leat_status st = leati_layers_parse(c, &n->arena, layers, places, &n->first);
    if (st == LEAT_OK) st = trial_build(n);
    if (st != LEAT_OK) {
        leati_network_destroy(n);
        return st;
    }
    *out = n;
    return LEAT_OK;
}

void leati_network_destroy(leati_network *n)
{
    if (!n) return;
    leati_arena_fini(&n->arena);
    leati_free(n->weight);
    leati_free(n);
}

/* Every weight as a part of its block. */
static leat_status part_block(leati_network *n, bool trained)
{
    leat_variable *block = trained ? n->trained : n->states;
    for (size_t i = 0; i < n->weight_count; i++) {
        leati_network_weight *w = &n->weight[i];
        if (w->trained != trained) continue;
        LEATI_TRY(leat_variable_part(block, w->name, w->offset, w->shape, &w->variable));
    }
    return LEAT_OK;
}

/* The block of trained weights or of states with initial values, which pass through `values`, room
 * for the largest weight. */
static leat_status open_block(leati_network *n, bool trained, void *values)
{
    size_t count = trained ? n->trained_count : n->state_count;
    leat_variable **block = trained ? &n->trained : &n->states;
    LEATI_TRY(leat_variable_create(n->graph, trained ? "weights" : "states", n->dtype,
                                   LEAT_DIMS((int64_t)count), NULL, block));
    LEATI_TRY(part_block(n, trained));
    for (size_t i = 0; i < n->weight_count; i++) {
        const leati_network_weight *w = &n->weight[i];
        size_t size = leati_shape_count(&w->shape);
        if (w->trained != trained) continue;
        LEATI_TRY(leati_init_fill(n->context, w->init, &w->shape, n->seed, (uint32_t)i, n->dtype,
                                  values));
        LEATI_TRY(leat_variable_set(w->variable, values, size * leat_dtype_size(n->dtype)));
    }
    return LEAT_OK;
}

leat_status leati_network_open(leati_network *n, leat_graph *g, uint64_t seed)
{
    leat_context *c = n->context;
    n->graph = g;
    n->clears = g->clears;
    n->seed = seed;
    size_t most = 0;
    for (size_t i = 0; i < n->weight_count; i++) {
        size_t size = leati_shape_count(&n->weight[i].shape);
        if (size > most) most = size;
    }
    LEATI_CHECK(c, n->dtype == LEAT_DTYPE_F32 || n->dtype == LEAT_DTYPE_F64, LEAT_TYPE,
                "networks are f32 or f64, not %s", leat_dtype_name(n->dtype));
    void *values = leati_array(c, most + 1, leat_dtype_size(n->dtype));
    leat_status st = values ? open_block(n, true, values) : LEAT_NOMEM;
    if (st == LEAT_OK) st = open_block(n, false, values);
    leati_free(values);
    return st;
}

leat_status leati_network_attach(leati_network *n, leat_graph *g, const float *weights,
                                 const float *states)
{
    LEATI_BUG_IF(n->context, n->dtype != LEAT_DTYPE_F32);
    n->graph = g;
    n->clears = g->clears;
    LEATI_TRY(leati_variable_borrow(g, "weights", n->dtype, LEAT_DIMS((int64_t)n->trained_count),
                                    weights, &n->trained));
    LEATI_TRY(leati_variable_borrow(g, "states", n->dtype, LEAT_DIMS((int64_t)n->state_count),
                                    states, &n->states));
    LEATI_TRY(part_block(n, true));
    return part_block(n, false);
}
