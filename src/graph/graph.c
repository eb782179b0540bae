/* Owns: graphs, leaves, variables, scopes, the recording of nodes. */
#include "graph/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/half.h"
#include "base/mem.h"
#include "base/options.h"
#include "graph/body.h"
#include "graph/plan.h"
#include "graph/shelf.h"
#include "graph/trace.h"
#include "tensor/shape.h"

leat_status leat_graph_create(leat_context *c, const char *device, leat_graph **out)
{
    *out = NULL;
    leat_graph *g = LEATI_NEW(c, leat_graph, 1);
    if (!g) return LEAT_NOMEM;
    g->context = c;
    g->root = g;
    leati_arena_init(&g->arena, c);
    leat_status st = leati_device_open(c, device, &g->device);
    if (st != LEAT_OK) {
        leati_free(g);
        return st;
    }
    *out = g;
    return LEAT_OK;
}

void leat_graph_clear(leat_graph *g)
{
    leati_arena_fini(&g->arena);
    g->clears++;
    g->nodes = 0;
    g->last_plan = NULL;
    g->last_count = 0;
    g->broken = g->misbound = false;
    g->failure_status = LEAT_OK;
    if (g->scope) g->scope[0] = 0;
    g->scope_depth = 0;
    g->scope_copy = g->backward = NULL;
}

void leati_graph_rewind(leat_graph *g, leati_arena_mark mark)
{
    leati_arena_rewind(&g->arena, mark);
    g->last_plan = NULL;
    g->last_count = 0;
    g->scope_copy = NULL;
}

void leat_graph_destroy(leat_graph *g)
{
    if (!g) return;
    leat_graph_clear(g);
    for (size_t i = 0; i < LEATI_PLANS; i++) {
        leati_plan_destroy(g->plans[i].plan);
        leati_free(g->plans[i].key);
    }
    leati_bodies_destroy(g);
    while (g->variables) {
        leat_variable *v = g->variables;
        g->variables = v->next;
        if (v->whole == v && !v->borrowed) g->device->class->free(g->device, v->data);
        leati_free(v->name);
        leati_free(v);
    }
    leati_shelf_release(g->shelf);
    leati_device_close(g->device);
    leati_trace_destroy(g->trace);
    leati_free(g->last_roots);
    leati_free(g->scope);
    leati_free(g->scope_ends);
    leati_free(g);
}

leat_status leat_graph_set_precision(leat_graph *g, leat_dtype precision)
{
    LEATI_CHECK(g->context, precision == LEAT_DTYPE_F32 || precision == LEAT_DTYPE_BF16,
                LEAT_INVALID, "products are computed in f32 or bf16, not in %s",
                leat_dtype_name(precision));
    g->last_plan = NULL;
    g->half_products = precision == LEAT_DTYPE_BF16;
    return LEAT_OK;
}

leat_context *leat_graph_context(leat_graph *g)
{
    return g->context;
}

leat_graph *leat_tensor_graph(leat_tensor *x)
{
    return x ? x->node->graph : NULL;
}

leat_dtype leat_tensor_dtype(const leat_tensor *x)
{
    return x ? x->dtype : LEAT_DTYPE_F32;
}

leat_shape leat_tensor_shape(const leat_tensor *x)
{
    return x ? x->shape : (leat_shape){.rank = -1};
}

/* ---- scopes -----------------------------------------------------------------------------------
 */

void leat_scope_push(leat_graph *g, const char *name)
{
    size_t have = g->scope ? strlen(g->scope) : 0, more = strlen(name);
    /* The text last: where it cannot grow it is as it was. */
    if (leati_grow(g->context, &g->scope_ends, &g->scope_end_capacity, g->scope_depth + 1,
                   sizeof *g->scope_ends) != LEAT_OK ||
        leati_grow(g->context, &g->scope, &g->scope_capacity, have + more + 2, 1) != LEAT_OK) {
        leati_graph_break(g);
        return;
    }
    g->scope_ends[g->scope_depth++] = have;
    if (have) g->scope[have++] = '/';
    memcpy(g->scope + have, name, more + 1);
    g->scope_copy = NULL;
}

void leat_scope_pop(leat_graph *g)
{
    if (!g->scope_depth) return;
    g->scope[g->scope_ends[--g->scope_depth]] = 0;
    g->scope_copy = NULL;
}

static const char *scope_of(leat_graph *g)
{
    if (g->backward) return g->backward;
    if (!g->scope || !g->scope[0]) return NULL;
    if (!g->scope_copy) g->scope_copy = leati_arena_strdup(&g->arena, g->scope);
    return g->scope_copy;
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

leat_graph *leati_called_begin(leat_graph *g, const char *name)
{
    if (!g || g->called) return NULL;
    g->called = name;
    return g;
}

void leati_called_end(leat_graph **g)
{
    if (*g) (*g)->called = NULL;
}

/* What was called, as far as is known: the function, or the operation. */
static const char *name_of(const leat_graph *g, leati_op op)
{
    return g && g->called ? g->called : leati_op_info_of(op)->name;
}

void leati_graph_break(leat_graph *g)
{
    g->broken = true;
    if (g->failure_status != LEAT_OK) return;
    g->failure_status = leat_error_status(g->context);
    snprintf(g->failure, sizeof g->failure, "%s", leat_error_message(g->context));
}

bool leati_graph_stopped(leat_graph *g)
{
    leat_status st = g->failure_status;
    if (g->broken && leat_error_status(g->context) == LEAT_OK)
        (void)LEATI_FAIL(g->context, st == LEAT_OK ? LEAT_INVALID : st,
                         "the graph failed earlier%s%s; leat_graph_clear lets it be recorded anew",
                         st == LEAT_OK ? "" : ": ", st == LEAT_OK ? "" : g->failure);
    return g->broken;
}

leat_status leati_node_fail(leat_context *c, const leati_node *n, leat_status st,
                            const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *name = name_of(n->graph, n->op);
    return n->scope ? LEATI_FAIL(c, st, "%s: `%s`: %s", n->scope, name, text)
                    : LEATI_FAIL(c, st, "`%s`: %s", name, text);
}

int leati_axis(leat_context *c, const leati_node *n, int axis, int rank)
{
    if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
    (void)leati_node_fail(c, n, LEAT_SHAPE, "axis %d of a tensor of %d dimensions", axis, rank);
    return -1;
}

/* Room for a node without inputs set and without inference. */
static leati_node *node_alloc(leat_graph *g, leati_op op, size_t ins, size_t outs,
                              const void *attrs, size_t attr_bytes)
{
    leati_arena *a = &g->arena;
    leati_node *n = leati_arena_calloc(a, 1, sizeof *n);
    if (!n) return NULL;
    n->graph = g;
    n->op = op;
    n->ins = (uint16_t)ins;
    n->outs = (uint16_t)outs;
    n->attr_bytes = attr_bytes;
    n->in = ins ? leati_arena_calloc(a, ins, sizeof *n->in) : NULL;
    n->out = leati_arena_calloc(a, outs ? outs : 1, sizeof *n->out);
    n->attrs = attr_bytes ? leati_arena_alloc(a, attr_bytes) : NULL;
    if ((ins && !n->in) || !n->out || (attr_bytes && !n->attrs)) return NULL;
    if (attr_bytes) memcpy(n->attrs, attrs, attr_bytes);
    for (size_t i = 0; i < outs; i++) n->out[i] = (leat_tensor){.node = n, .index = (uint32_t)i};
    n->scope = scope_of(g);
    return n;
}

static leat_status node_finish(leati_node *n)
{
    leat_graph *g = n->graph;
    leat_context *c = g->context;
    const char *name = name_of(g, n->op);
    for (size_t i = 0; i < n->outs; i++)
        if (leati_shape_check(c, &n->out[i].shape, n->out[i].dtype) != LEAT_OK)
            return n->scope ? leati_error_within(c, "%s: `%s`", n->scope, name)
                            : leati_error_within(c, "`%s`", name);
    n->id = g->nodes++;
    return LEAT_OK;
}

static leati_node *node_make(leat_graph *g, leati_op op, size_t ins, leat_tensor *const *in,
                             size_t outs, const void *attrs, size_t attr_bytes, leat_dtype dtype,
                             const leat_shape *shape)
{
    const char *name = name_of(g, op);
    for (size_t i = 0; i < ins; i++) {
        if (!in[i]) { /* of a graph that is whole, so nothing has been said yet */
            (void)LEATI_FAIL(g->context, LEAT_INVALID, "`%s`: input %zu is NULL", name, i + 1);
            return NULL;
        }
        if (in[i]->node->graph != g) {
            (void)LEATI_FAIL(g->context, LEAT_INVALID, "`%s`: input %zu is of another graph", name,
                             i + 1);
            return NULL;
        }
    }
    leati_node *n = node_alloc(g, op, ins, outs, attrs, attr_bytes);
    if (!n) return NULL;
    for (size_t i = 0; i < ins; i++) /* storing is left to the roots */
        n->in[i] = in[i]->node->op == LEATI_OP_ASSIGN ? in[i]->node->in[0] : in[i];
    if (shape) {
        n->out[0].dtype = dtype;
        n->out[0].shape = *shape;
    }
    if (leati_op_class_of(op)->infer(g->context, n) != LEAT_OK) return NULL;
    return node_finish(n) == LEAT_OK ? n : NULL;
}

leati_node *leati_node_make(leat_graph *g, leati_op op, size_t ins, leat_tensor *const *in,
                            size_t outs, const void *attrs, size_t attr_bytes, leat_dtype dtype,
                            const leat_shape *shape)
{
    if (!g || leati_graph_stopped(g)) return NULL;
    g->broken = true; /* until it is whole */
    leati_node *n = node_make(g, op, ins, in, outs, attrs, attr_bytes, dtype, shape);
    if (n) g->broken = false;
    else leati_graph_break(g);
    return n;
}

leati_node *leati_node_new(leat_graph *g, leati_op op, size_t ins, leat_tensor *const *in,
                           const void *attrs, size_t attr_bytes)
{
    return leati_node_make(g, op, ins, in, leati_op_info_of(op)->outputs, attrs, attr_bytes,
                           LEAT_DTYPE_F32, NULL);
}

leat_tensor *leati_op1(leat_graph *g, leati_op op, size_t ins, leat_tensor *const *in,
                       const void *attrs, size_t attr_bytes)
{
    leati_node *n = leati_node_new(g, op, ins, in, attrs, attr_bytes);
    return n ? &n->out[0] : NULL;
}

leati_node *leati_node_shaped(leat_graph *g, leati_op op, leat_tensor *x, leat_dtype dtype,
                              const leat_shape *shape)
{
    return leati_node_make(g, op, x ? 1 : 0, &x, 1, NULL, 0, dtype, shape);
}

leat_tensor *leati_refuse(leat_graph *g, leati_op op, leat_status st, const char *format, ...)
{
    char text[1024];
    if (!g || leati_graph_stopped(g)) return NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    leati_node named = {.graph = g, .op = op, .scope = scope_of(g)};
    (void)leati_node_fail(g->context, &named, st, "%s", text);
    leati_graph_break(g);
    return NULL;
}

bool leati_graph_options(leat_graph *g, void *out, size_t size, const void *given, const char *type)
{
    if (leati_graph_stopped(g)) return false;
    if (leati_options_take(g->context, out, size, given, type) != LEAT_OK) leati_graph_break(g);
    return !g->broken;
}

/* ---- leaves -----------------------------------------------------------------------------------
 */

leat_tensor *leat_input(leat_graph *g, leat_dtype dtype, leat_shape shape, const void *data)
{
    leati_node *n = leati_node_shaped(g, LEATI_OP_INPUT, NULL, dtype, &shape);
    if (!n) return NULL;
    n->host = data;
    return &n->out[0];
}

void leat_bind(leat_tensor *input, const void *data)
{
    if (!input) return;
    leati_node *n = input->node;
    if (n->op == LEATI_OP_INPUT) {
        n->host = data;
        return;
    }
    (void)leati_node_fail(n->graph->context, n, LEAT_INVALID,
                          "data can be bound to what leat_input gave, not to a result of shape %s",
                          leati_shape_string(&input->shape).text);
    n->graph->misbound = true;
}

leat_tensor *leat_constant(leat_graph *g, leat_dtype dtype, leat_shape shape, const void *data)
{
    leati_node *n = leati_node_shaped(g, LEATI_OP_CONSTANT, NULL, dtype, &shape);
    if (!n) return NULL;
    size_t bytes = leati_shape_count(&shape) * leat_dtype_size(dtype);
    void *copy = leati_arena_alloc(&g->arena, bytes ? bytes : 1);
    if (!copy) {
        leati_graph_break(g);
        return NULL;
    }
    if (bytes) memcpy(copy, data, bytes);
    n->host = copy;
    return &n->out[0];
}

leat_tensor *leati_scalar_near(leat_graph *g, leat_dtype dtype, double value)
{
    if (!g || leati_graph_stopped(g)) return NULL;
    uint64_t bytes = 0;
    if (leat_dtype_size(dtype)) /* another one is refused below */
        leati_cast_kernel(g->context, LEAT_DTYPE_F64, dtype)(1, &value, NULL, NULL, &bytes);
    return leat_constant(g, dtype, LEAT_SCALAR, &bytes);
}

/* Integers are whole and have a range. */
static bool is_value_of(leat_graph *g, leat_dtype dtype, double value)
{
    if (leati_dtype_is_float(dtype) || dtype == LEAT_DTYPE_BOOL || !leat_dtype_size(dtype))
        return true;
    uint64_t bytes = 0;
    double back;
    leati_cast_kernel(g->context, LEAT_DTYPE_F64, dtype)(1, &value, NULL, NULL, &bytes);
    leati_cast_kernel(g->context, dtype, LEAT_DTYPE_F64)(1, &bytes, NULL, NULL, &back);
    return back == value;
}

leat_tensor *leat_scalar(leat_graph *g, leat_dtype dtype, double value)
{
    if (!g || g->broken) return NULL;
    if (!is_value_of(g, dtype, value))
        return leati_refuse(g, LEATI_OP_CONSTANT, LEAT_INVALID,
                            "%.17g is no value of %s: cast to another type first", value,
                            leat_dtype_name(dtype));
    return leati_scalar_near(g, dtype, value);
}

leat_tensor *leat_like(leat_tensor *x, double value)
{
    return x ? leat_scalar(x->node->graph, x->dtype, value) : NULL;
}

leat_tensor *leati_full_like(leat_tensor *x, double value)
{
    return x ? leat_expand(leat_like(x, value), x->shape) : NULL;
}

/* ---- variables ---------------------------------------------------------------------------------
 */

leat_status leat_variable_create(leat_graph *g, const char *name, leat_dtype dtype,
                                 leat_shape shape, const void *data, leat_variable **out)
{
    leat_context *c = g->context;
    *out = NULL;
    LEATI_TRY(leati_shape_check(c, &shape, dtype));
    leat_variable *v = LEATI_NEW(c, leat_variable, 1);
    if (!v) return LEAT_NOMEM;
    *v = (leat_variable){.graph = g, .dtype = dtype, .shape = shape};
    v->bytes = leati_shape_count(&shape) * leat_dtype_size(dtype);
    v->name = leati_strdup(c, name ? name : "");
    v->data = v->name ? g->device->class->alloc(g->device, v->bytes) : NULL;
    leat_status st = v->data ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK && data) st = g->device->class->upload(g->device, v->data, data, v->bytes);
    if (st != LEAT_OK) {
        if (v->data) g->device->class->free(g->device, v->data);
        leati_free(v->name);
        leati_free(v);
        return st;
    }
    v->whole = v;
    v->next = g->variables;
    g->variables = v;
    *out = v;
    return LEAT_OK;
}

leat_status leati_variable_borrow(leat_graph *g, const char *name, leat_dtype dtype,
                                  leat_shape shape, const void *data, leat_variable **out)
{
    leat_context *c = g->context;
    *out = NULL;
    LEATI_BUG_IF(c, g->device->class->foreign);
    LEATI_TRY(leati_shape_check(c, &shape, dtype));
    leat_variable *v = LEATI_NEW(c, leat_variable, 1);
    if (!v) return LEAT_NOMEM;
    *v = (leat_variable){.graph = g, .dtype = dtype, .shape = shape, .borrowed = true};
    v->bytes = leati_shape_count(&shape) * leat_dtype_size(dtype);
    v->data = (void *)(uintptr_t)data;
    v->name = leati_strdup(c, name);
    if (!v->name) {
        leati_free(v);
        return LEAT_NOMEM;
    }
    v->whole = v;
    v->next = g->variables;
    g->variables = v;
    *out = v;
    return LEAT_OK;
}

leat_status leat_variable_part(leat_variable *whole, const char *name, size_t offset,
                               leat_shape shape, leat_variable **out)
{
    leat_graph *g = whole->graph;
    leat_context *c = g->context;
    size_t size = leat_dtype_size(whole->dtype);
    *out = NULL;
    LEATI_TRY(leati_shape_check(c, &shape, whole->dtype));
    size_t bytes = leati_shape_count(&shape) * size;
    LEATI_CHECK(c, offset <= whole->bytes / size && bytes <= whole->bytes - offset * size,
                LEAT_SHAPE, "%zu elements from %zu on are not all in variable `%s` of shape %s",
                bytes / size, offset, whole->name, leati_shape_string(&whole->shape).text);
    leat_variable *v = LEATI_NEW(c, leat_variable, 1);
    if (!v) return LEAT_NOMEM;
    *v = (leat_variable){.graph = g, .dtype = whole->dtype, .shape = shape, .bytes = bytes};
    v->name = leati_strdup(c, name ? name : "");
    if (!v->name) {
        leati_free(v);
        return LEAT_NOMEM;
    }
    v->data = (char *)whole->data + offset * size;
    v->whole = whole->whole;
    v->next = g->variables;
    g->variables = v;
    *out = v;
    return LEAT_OK;
}

leat_tensor *leat_read(leat_variable *v)
{
    if (!v) return NULL;
    leati_node *n = leati_node_shaped(v->graph, LEATI_OP_VARIABLE, NULL, v->dtype, &v->shape);
    if (!n) return NULL;
    n->variable = v;
    return &n->out[0];
}

leat_tensor *leat_assign(leat_variable *v, leat_tensor *x)
{
    if (!v || !x) return NULL;
    leat_graph *g = v->graph;
    if (x->dtype != v->dtype || !leati_shape_equal(&x->shape, &v->shape)) {
        (void)LEATI_FAIL(g->context, LEAT_SHAPE,
                         "variable `%s` is %s of shape %s, it was assigned %s of shape %s", v->name,
                         leat_dtype_name(v->dtype), leati_shape_string(&v->shape).text,
                         leat_dtype_name(x->dtype), leati_shape_string(&x->shape).text);
        leati_graph_break(g);
        return NULL;
    }
    leati_node *n = leati_node_shaped(g, LEATI_OP_ASSIGN, x, x->dtype, &x->shape);
    if (!n) return NULL;
    n->variable = v;
    return &n->out[0];
}

leat_status leat_variable_get(leat_variable *v, void *data, size_t bytes)
{
    leati_device *d = v->graph->device;
    LEATI_CHECK(v->graph->context, bytes == v->bytes, LEAT_INVALID,
                "variable `%s` has %zu bytes, room was given for %zu", v->name, v->bytes, bytes);
    return d->class->download(d, data, v->data, bytes);
}

leat_status leati_variable_read(const leat_variable *v, size_t offset, void *data, size_t bytes)
{
    leati_device *d = v->graph->device;
    LEATI_BUG_IF(v->graph->context, offset > v->bytes || bytes > v->bytes - offset);
    return d->class->download(d, data, (const char *)v->data + offset, bytes);
}

leat_status leat_variable_set(leat_variable *v, const void *data, size_t bytes)
{
    leati_device *d = v->graph->device;
    LEATI_CHECK(v->graph->context, bytes == v->bytes, LEAT_INVALID,
                "variable `%s` has %zu bytes, %zu were given", v->name, v->bytes, bytes);
    v->whole->version++;
    return d->class->upload(d, v->data, data, bytes);
}

const char *leat_variable_name(const leat_variable *v)
{
    return v->name;
}

leat_dtype leat_variable_dtype(const leat_variable *v)
{
    return v->dtype;
}

leat_shape leat_variable_shape(const leat_variable *v)
{
    return v->shape;
}
