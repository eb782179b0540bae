/* Owns: making models in memory and writing them. Not: what a network becomes in ONNX. */
#include "model/onnx_write.h"

#include <string.h>

#include "base/error.h"
#include "model/onnx_check.h"
#include "model/onnx_tensor.h"

/* Sets a failed builder aside; the reason stands in the context. */
static void *fail(leati_onnx_builder *b)
{
    if (b->status == LEAT_OK) b->status = leat_error_status(b->arena.context);
    return NULL;
}

static const char *copy_text(leati_onnx_builder *b, const char *text)
{
    if (!*text) return "";
    const char *copy = leati_arena_strdup(&b->arena, text);
    if (!copy) fail(b);
    return copy ? copy : "";
}

static void *copy_data(leati_onnx_builder *b, const void *data, size_t count, size_t size)
{
    if (!count) return NULL;
    void *copy = leati_arena_calloc(&b->arena, count, size);
    if (!copy) return fail(b);
    return memcpy(copy, data, count * size);
}

/* One more element, zeroed, at the end of a list; capacities are powers of two from 4 on. */
static void *add(leati_onnx_builder *b, void *list, size_t size)
{
    LEATI_PB_LIST(char) l;
    memcpy(&l, list, sizeof l);
    if (l.count == 0 || (l.count >= 4 && (l.count & (l.count - 1)) == 0)) {
        char *at = leati_arena_calloc(&b->arena, l.count ? 2 * l.count : 4, size);
        if (!at) return fail(b);
        if (l.count) memcpy(at, l.at, l.count * size);
        l.at = at;
    }
    l.count++;
    memcpy(list, &l, sizeof l);
    return l.at + (l.count - 1) * size;
}

/* The same for messages, whose texts are "". */
static void *add_message(leati_onnx_builder *b, void *list, const leati_pb_type *type)
{
    void *fresh = leati_pb_new(&b->arena, type);
    if (!fresh) return fail(b);
    void *at = add(b, list, type->size);
    return at ? memcpy(at, fresh, type->size) : NULL;
}

void leati_onnx_builder_init(leati_onnx_builder *b, leat_context *c, const char *graph_name)
{
    *b = (leati_onnx_builder){.status = LEAT_OK};
    leati_arena_init(&b->arena, c);
    b->model = leati_pb_new(&b->arena, &leati_onnx_model_pb);
    leati_onnx_graph *graph = b->model ? leati_onnx_new_graph(b, graph_name) : NULL;
    if (!graph) {
        fail(b);
        return;
    }
    b->model->graph = graph;
    b->model->ir_version = LEATI_ONNX_WRITE_IR;
    b->model->producer_name = "leat";
    b->model->producer_version = leat_version();
    leati_onnx_add_opset(b, "", LEATI_ONNX_WRITE_OPSET);
}

void leati_onnx_builder_fini(leati_onnx_builder *b)
{
    leati_arena_fini(&b->arena);
}

leat_status leati_onnx_builder_status(const leati_onnx_builder *b)
{
    return b->status;
}

void leati_onnx_add_opset(leati_onnx_builder *b, const char *domain, int64_t version)
{
    if (b->status != LEAT_OK) return;
    for (size_t i = 0; i < b->model->opset_import.count; i++) {
        leati_onnx_opset *o = &b->model->opset_import.at[i];
        if (strcmp(leati_onnx_domain(o->domain), leati_onnx_domain(domain)) == 0) {
            o->version = version;
            return;
        }
    }
    leati_onnx_opset *o = add_message(b, &b->model->opset_import, &leati_onnx_opset_pb);
    if (!o) return;
    o->has = 1u << 1; /* runtimes look for the empty domain too */
    o->domain = copy_text(b, domain);
    o->version = version;
}

void leati_onnx_add_metadata(leati_onnx_builder *b, const char *key, const char *value)
{
    if (b->status != LEAT_OK) return;
    leati_onnx_entry *e = add_message(b, &b->model->metadata_props, &leati_onnx_entry_pb);
    if (!e) return;
    e->key = copy_text(b, key);
    e->value = copy_text(b, value);
}

leati_onnx_graph *leati_onnx_new_graph(leati_onnx_builder *b, const char *name)
{
    if (b->status != LEAT_OK) return NULL;
    leati_onnx_graph *g = leati_pb_new(&b->arena, &leati_onnx_graph_pb);
    if (!g) return fail(b);
    g->name = copy_text(b, name);
    return g;
}

static void add_names(leati_onnx_builder *b, void *list, const char *const *names)
{
    for (; names && *names && b->status == LEAT_OK; names++) {
        const char **at = add(b, list, sizeof *at);
        if (at) *at = copy_text(b, *names);
    }
}

leati_onnx_function *leati_onnx_add_function(leati_onnx_builder *b, const char *domain,
                                             const char *name, const char *const *inputs,
                                             const char *const *outputs)
{
    if (b->status != LEAT_OK) return NULL;
    if (!leati_onnx_opset_version(b->model, NULL, domain)) leati_onnx_add_opset(b, domain, 1);
    leati_onnx_function *f = add_message(b, &b->model->functions, &leati_onnx_function_pb);
    if (!f) return NULL;
    f->domain = copy_text(b, domain);
    f->name = copy_text(b, name);
    add_names(b, &f->input, inputs);
    add_names(b, &f->output, outputs);
    for (size_t i = 0; i < b->model->opset_import.count; i++) {
        leati_onnx_opset *o = add_message(b, &f->opset_import, &leati_onnx_opset_pb);
        if (o) *o = b->model->opset_import.at[i];
    }
    return f;
}

static leati_onnx_node *add_node(leati_onnx_builder *b, void *list, const char *op,
                                 const char *const *inputs, const char *const *outputs)
{
    leati_onnx_node *n = add_message(b, list, &leati_onnx_node_pb);
    if (!n) return NULL;
    n->op_type = copy_text(b, op);
    add_names(b, &n->input, inputs);
    add_names(b, &n->output, outputs);
    return n;
}

leati_onnx_node *leati_onnx_add_node(leati_onnx_builder *b, leati_onnx_graph *g, const char *op,
                                     const char *const *inputs, const char *const *outputs)
{
    return b->status == LEAT_OK ? add_node(b, &g->node, op, inputs, outputs) : NULL;
}

leati_onnx_node *leati_onnx_add_function_node(leati_onnx_builder *b, leati_onnx_function *f,
                                              const char *op, const char *const *inputs,
                                              const char *const *outputs)
{
    return b->status == LEAT_OK ? add_node(b, &f->node, op, inputs, outputs) : NULL;
}

void leati_onnx_set_domain(leati_onnx_builder *b, leati_onnx_node *n, const char *domain)
{
    if (b->status == LEAT_OK) n->domain = copy_text(b, domain);
}

static leati_onnx_attribute *add_attribute(leati_onnx_builder *b, leati_onnx_node *n,
                                           const char *name, leati_onnx_attribute_kind kind)
{
    if (b->status != LEAT_OK) return NULL;
    leati_onnx_attribute *a = add_message(b, &n->attribute, &leati_onnx_attribute_pb);
    if (!a) return NULL;
    a->name = copy_text(b, name);
    a->type = (int32_t)kind;
    return a;
}

/* The value's field is written even when it is zero: other readers ask for it. */
enum { HAS_F = 1 << 2, HAS_I = 1 << 3, HAS_S = 1 << 4 };

void leati_onnx_set_int(leati_onnx_builder *b, leati_onnx_node *n, const char *name, int64_t value)
{
    leati_onnx_attribute *a = add_attribute(b, n, name, LEATI_ONNX_ATTR_INT);
    if (!a) return;
    a->has = HAS_I;
    a->i = value;
}

void leati_onnx_set_float(leati_onnx_builder *b, leati_onnx_node *n, const char *name, float value)
{
    leati_onnx_attribute *a = add_attribute(b, n, name, LEATI_ONNX_ATTR_FLOAT);
    if (!a) return;
    a->has = HAS_F;
    a->f = value;
}

static leati_pb_bytes as_bytes(leati_onnx_builder *b, const char *text)
{
    const char *copy = copy_text(b, text);
    return (leati_pb_bytes){copy, strlen(copy)};
}

void leati_onnx_set_text(leati_onnx_builder *b, leati_onnx_node *n, const char *name,
                         const char *value)
{
    leati_onnx_attribute *a = add_attribute(b, n, name, LEATI_ONNX_ATTR_STRING);
    if (!a) return;
    a->has = HAS_S;
    a->s = as_bytes(b, value);
}

void leati_onnx_set_ints(leati_onnx_builder *b, leati_onnx_node *n, const char *name,
                         const int64_t *values, size_t count)
{
    leati_onnx_attribute *a = add_attribute(b, n, name, LEATI_ONNX_ATTR_INTS);
    if (a && (a->ints.at = copy_data(b, values, count, sizeof *values))) a->ints.count = count;
}

void leati_onnx_set_floats(leati_onnx_builder *b, leati_onnx_node *n, const char *name,
                           const float *values, size_t count)
{
    leati_onnx_attribute *a = add_attribute(b, n, name, LEATI_ONNX_ATTR_FLOATS);
    if (a && (a->floats.at = copy_data(b, values, count, sizeof *values))) a->floats.count = count;
}

void leati_onnx_set_texts(leati_onnx_builder *b, leati_onnx_node *n, const char *name,
                          const char *const *values, size_t count)
{
    leati_onnx_attribute *a = add_attribute(b, n, name, LEATI_ONNX_ATTR_STRINGS);
    for (size_t i = 0; a && i < count; i++) {
        leati_pb_bytes *at = add(b, &a->strings, sizeof *at);
        if (!at) return;
        *at = as_bytes(b, values[i]);
    }
}

void leati_onnx_set_tensor(leati_onnx_builder *b, leati_onnx_node *n, const char *name,
                           leati_onnx_tensor *value)
{
    leati_onnx_attribute *a = add_attribute(b, n, name, LEATI_ONNX_ATTR_TENSOR);
    if (a) a->t = value;
}

void leati_onnx_set_graph(leati_onnx_builder *b, leati_onnx_node *n, const char *name,
                          leati_onnx_graph *value)
{
    leati_onnx_attribute *a = add_attribute(b, n, name, LEATI_ONNX_ATTR_GRAPH);
    if (a) a->g = value;
}

/* Raw data; big-endian machines are not supported anywhere. */
static void fill_tensor(leati_onnx_builder *b, leati_onnx_tensor *t, const char *name,
                        int32_t element, const int64_t *dims, size_t rank, const void *data)
{
    size_t count;
    t->has = 1u << 9;
    t->name = copy_text(b, name);
    t->data_type = element;
    if ((t->dims.at = copy_data(b, dims, rank, sizeof *dims))) t->dims.count = rank;
    if (leati_onnx_tensor_count(b->arena.context, t, &count) != LEAT_OK) {
        fail(b);
        return;
    }
    t->raw_data = (leati_pb_bytes){data, leati_onnx_bytes(element, count)};
}

leati_onnx_tensor *leati_onnx_new_tensor(leati_onnx_builder *b, const char *name, int32_t element,
                                         const int64_t *dims, size_t rank, const void *data)
{
    if (b->status != LEAT_OK) return NULL;
    leati_onnx_tensor *t = leati_pb_new(&b->arena, &leati_onnx_tensor_pb);
    if (!t) return fail(b);
    fill_tensor(b, t, name, element, dims, rank, data);
    return t;
}

leati_onnx_tensor *leati_onnx_add_initializer(leati_onnx_builder *b, leati_onnx_graph *g,
                                              const char *name, int32_t element,
                                              const int64_t *dims, size_t rank, const void *data)
{
    if (b->status != LEAT_OK) return NULL;
    leati_onnx_tensor *t = add_message(b, &g->initializer, &leati_onnx_tensor_pb);
    if (t) fill_tensor(b, t, name, element, dims, rank, data);
    return t;
}

static void add_value(leati_onnx_builder *b, void *list, const char *name, int32_t element,
                      const int64_t *dims, size_t rank, const char *const *names)
{
    leati_onnx_value_info *v = add_message(b, list, &leati_onnx_value_info_pb);
    if (!v) return;
    leati_onnx_type *type = leati_pb_new(&b->arena, &leati_onnx_type_pb);
    leati_onnx_tensor_type *tensor = leati_pb_new(&b->arena, &leati_onnx_tensor_type_pb);
    leati_onnx_shape *shape = leati_pb_new(&b->arena, &leati_onnx_shape_pb);
    v->name = copy_text(b, name);
    if (!type || !tensor || !shape) {
        fail(b);
        return;
    }
    v->type = type;
    type->tensor_type = tensor;
    tensor->elem_type = element;
    tensor->shape = shape;
    for (size_t i = 0; i < rank; i++) {
        leati_onnx_dim *d = add_message(b, &shape->dim, &leati_onnx_dim_pb);
        if (!d) return;
        if (dims[i] >= 0) {
            d->has = 1u << 1;
            d->dim_value = dims[i];
        } else if (names && names[i]) {
            d->dim_param = copy_text(b, names[i]);
        }
    }
}

void leati_onnx_add_input(leati_onnx_builder *b, leati_onnx_graph *g, const char *name,
                          int32_t element, const int64_t *dims, size_t rank,
                          const char *const *names)
{
    if (b->status == LEAT_OK) add_value(b, &g->input, name, element, dims, rank, names);
}

void leati_onnx_add_output(leati_onnx_builder *b, leati_onnx_graph *g, const char *name,
                           int32_t element, const int64_t *dims, size_t rank,
                           const char *const *names)
{
    if (b->status == LEAT_OK) add_value(b, &g->output, name, element, dims, rank, names);
}

leat_status leati_onnx_write(leat_context *c, const leati_onnx_model *model, const char *path)
{
    leati_writer *out;
    LEATI_TRY(leati_onnx_check(c, model));
    LEATI_CHECK(c, leati_pb_size(&leati_onnx_model_pb, model) <= INT32_MAX, LEAT_LIMIT,
                "the model does not fit into one ONNX file, which may hold 2 GiB");
    LEATI_TRY(leati_writer_open(c, &out, path));
    leat_status st = leati_pb_write(c, &leati_onnx_model_pb, model, out);
    if (st == LEAT_OK) return leati_writer_commit(out);
    leati_writer_abort(out);
    return st;
}
