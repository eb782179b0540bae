/* Owns: the structure of graphs: names, scopes, order, attributes, types. Not: calls of functions
 * (onnx_calls.c), what operators accept (onnx_ops.c). */
#include "model/onnx_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "model/onnx_calls.h"
#include "model/onnx_order.h"
#include "model/onnx_tensor.h"

/* The values of a graph; those of the graphs around it are seen too. */
typedef struct scope {
    const struct scope *up;
    leati_map values;
} scope;

typedef struct checker {
    leat_context *context;
    const leati_onnx_model *model;
    const leati_onnx_function *function; /* whose body is checked, or NULL */
    const leati_map *functions;
} checker;

/* Where in the graph: "node 3 `conv` (Conv)". */
enum { LABEL = 160 };
static const char *node_label(const leati_onnx_node *n, size_t index, char out[LABEL])
{
    bool named = *n->name;
    snprintf(out, LABEL, "node %zu%s%.60s%s (%.60s)", index, named ? " `" : "", n->name,
             named ? "`" : "", n->op_type);
    return out;
}

static bool sees(const scope *s, const char *name)
{
    size_t length = strlen(name);
    for (; s; s = s->up)
        if (leati_map_get(&s->values, name, length) != LEATI_MAP_NONE) return true;
    return false;
}

/* Adds a value; false when it was there already in this graph or one around it. */
static leat_status define(checker *k, scope *s, const char *name, bool *fresh)
{
    *fresh = !sees(s, name);
    if (*fresh && leati_map_put(&s->values, name, strlen(name)) == LEATI_MAP_NONE)
        return leat_error_status(k->context);
    return LEAT_OK;
}

/* --- types ---------------------------------------------------------------------------------- */

static leat_status check_tensor_type(checker *k, const leati_onnx_tensor_type *t)
{
    LEATI_CHECK(k->context, leati_onnx_element_name(t->elem_type), LEAT_FORMAT,
                "there is no element type %" PRId32, t->elem_type);
    for (size_t i = 0; t->shape && i < t->shape->dim.count; i++) {
        const leati_onnx_dim *d = &t->shape->dim.at[i];
        LEATI_CHECK(k->context, d->dim_value >= 0, LEAT_FORMAT, "dimension %zu is %" PRId64, i,
                    d->dim_value);
    }
    return LEAT_OK;
}

/* Nesting is bounded by the reader. */
static leat_status check_type(checker *k, const leati_onnx_type *t)
{
    leat_context *c = k->context;
    int kinds = !!t->tensor_type + !!t->sequence_type + !!t->optional_type + !!t->map_type +
                !!t->sparse_tensor_type + !!t->opaque_type;
    LEATI_CHECK(c, kinds <= 1, LEAT_FORMAT, "its type is of several kinds at once");
    if (t->tensor_type) return check_tensor_type(k, t->tensor_type);
    if (t->sequence_type && t->sequence_type->elem_type)
        return check_type(k, t->sequence_type->elem_type);
    if (t->optional_type && t->optional_type->elem_type)
        return check_type(k, t->optional_type->elem_type);
    if (t->map_type && t->map_type->value_type) return check_type(k, t->map_type->value_type);
    LEATI_CHECK(c, !t->sparse_tensor_type, LEAT_UNSUPPORTED, "sparse tensors are not supported");
    LEATI_CHECK(c, !t->opaque_type, LEAT_UNSUPPORTED, "opaque types are not supported");
    LEATI_CHECK(c, !kinds, LEAT_FORMAT, "its type does not say of what it holds");
    return LEAT_OK;
}

static leat_status check_value_info(checker *k, const leati_onnx_value_info *v, const char *what)
{
    LEATI_CHECK(k->context, *v->name, LEAT_FORMAT, "%s has no name", what);
    leat_status st = v->type ? check_type(k, v->type) : LEAT_OK;
    return st == LEAT_OK ? st : leati_error_within(k->context, "%s %.60s", what, v->name);
}

/* --- attributes ----------------------------------------------------------------------------- */

/* The field number that holds each kind. */
static const uint8_t kind_field[LEATI_ONNX_ATTR_END] = {
    0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 22, 23, 14, 15,
};

static uint32_t data_fields(void)
{
    uint32_t all = 0;
    for (int i = 1; i < LEATI_ONNX_ATTR_END; i++) all |= UINT32_C(1) << kind_field[i];
    return all;
}

leati_onnx_attribute_kind leati_onnx_attribute_kind_of(const leati_onnx_attribute *a)
{
    uint32_t held = a->has & data_fields();
    if (a->type > 0 && a->type < LEATI_ONNX_ATTR_END) {
        bool other = held & ~(UINT32_C(1) << kind_field[a->type]);
        return other ? LEATI_ONNX_ATTR_UNDEFINED : (leati_onnx_attribute_kind)a->type;
    }
    for (int i = 1; a->type == 0 && i < LEATI_ONNX_ATTR_END; i++)
        if (held == UINT32_C(1) << kind_field[i]) return (leati_onnx_attribute_kind)i;
    return LEATI_ONNX_ATTR_UNDEFINED;
}

static leat_status check_graph(checker *k, const leati_onnx_graph *g, const scope *up);

static leat_status check_reference(checker *k, const leati_onnx_attribute *a)
{
    const leati_onnx_function *f = k->function;
    LEATI_CHECK(k->context, f, LEAT_FORMAT,
                "refers to the attribute %s of a function, but stands in none", a->ref_attr_name);
    LEATI_CHECK(k->context, !(a->has & data_fields()), LEAT_FORMAT,
                "refers to the attribute %s and has a value of its own", a->ref_attr_name);
    for (size_t i = 0; i < f->attribute.count; i++)
        if (strcmp(f->attribute.at[i], a->ref_attr_name) == 0) return LEAT_OK;
    for (size_t i = 0; i < f->attribute_proto.count; i++)
        if (strcmp(f->attribute_proto.at[i].name, a->ref_attr_name) == 0) return LEAT_OK;
    return LEATI_FAIL(k->context, LEAT_FORMAT,
                      "refers to %s, which is no attribute of the function", a->ref_attr_name);
}

static leat_status check_attribute_value(checker *k, const leati_onnx_attribute *a, const scope *s)
{
    leat_context *c = k->context;
    leati_onnx_attribute_kind kind = leati_onnx_attribute_kind_of(a);
    if (*a->ref_attr_name) return check_reference(k, a);
    LEATI_CHECK(c, kind, LEAT_FORMAT, "has no value, or several, or another than its type %" PRId32,
                a->type);
    if (kind == LEATI_ONNX_ATTR_SPARSE_TENSOR || kind == LEATI_ONNX_ATTR_SPARSE_TENSORS)
        return LEATI_FAIL(c, LEAT_UNSUPPORTED, "sparse tensors are not supported");
    if (kind == LEATI_ONNX_ATTR_TENSOR) {
        LEATI_CHECK(c, a->t, LEAT_FORMAT, "has no tensor");
        return leati_onnx_tensor_check(c, a->t);
    }
    if (kind == LEATI_ONNX_ATTR_GRAPH) {
        LEATI_CHECK(c, a->g, LEAT_FORMAT, "has no graph");
        return check_graph(k, a->g, s);
    }
    if (kind == LEATI_ONNX_ATTR_TYPE_PROTO) {
        LEATI_CHECK(c, a->tp, LEAT_FORMAT, "has no type");
        return check_type(k, a->tp);
    }
    for (size_t i = 0; i < a->tensors.count; i++)
        LEATI_TRY(leati_onnx_tensor_check(c, &a->tensors.at[i]));
    for (size_t i = 0; i < a->graphs.count; i++) LEATI_TRY(check_graph(k, &a->graphs.at[i], s));
    for (size_t i = 0; i < a->type_protos.count; i++)
        LEATI_TRY(check_type(k, &a->type_protos.at[i]));
    return LEAT_OK;
}

static leat_status check_attributes(checker *k, const leati_onnx_node *n, const scope *s)
{
    leat_context *c = k->context;
    leati_map names;
    leat_status st = LEAT_OK;
    leati_map_init(&names, c);
    for (size_t i = 0; i < n->attribute.count && st == LEAT_OK; i++) {
        const leati_onnx_attribute *a = &n->attribute.at[i];
        if (!*a->name) st = LEATI_FAIL(c, LEAT_FORMAT, "attribute %zu has no name", i);
        else if (leati_map_put(&names, a->name, strlen(a->name)) == LEATI_MAP_NONE)
            st = leat_error_status(c);
        else if (names.count != i + 1)
            st = LEATI_FAIL(c, LEAT_FORMAT, "attribute %.60s is given twice", a->name);
        else if ((st = check_attribute_value(k, a, s)) != LEAT_OK)
            leati_error_within(c, "attribute %.60s", a->name);
    }
    leati_map_fini(&names);
    return st;
}

/* --- graphs --------------------------------------------------------------------------------- */

static leat_status check_domain(checker *k, const leati_onnx_node *n)
{
    LEATI_CHECK(k->context, *n->op_type, LEAT_FORMAT, "names no operator");
    if (leati_onnx_opset_version(k->model, k->function, n->domain) ||
        leati_onnx_calls_find(k->context, k->functions, n->domain, n->op_type, n->overload) !=
            LEATI_MAP_NONE)
        return LEAT_OK;
    return LEATI_FAIL(k->context, LEAT_FORMAT,
                      "is of the domain `%.60s`, whose version is not given",
                      *n->domain ? n->domain : "ai.onnx");
}

/* Why `name` is not seen by node `index`: made later, made in a circle, or not at all. */
static leat_status not_made(checker *k, const leati_onnx_node *nodes, size_t count, size_t index,
                            const scope *s, const char *name)
{
    LEATI_TRY(leati_onnx_order_explain(k->context, nodes, count, index, name));
    const char *near[64], *best;
    leati_arena arena;
    size_t n = 0;
    leati_arena_init(&arena, k->context);
    for (; s; s = s->up) {
        for (size_t i = 0; i < s->values.count && n < sizeof near / sizeof *near; i++) {
            size_t length;
            const char *key = leati_map_key(&s->values, (uint32_t)i, &length);
            if ((near[n] = leati_arena_strndup(&arena, key, length))) n++;
        }
    }
    best = leati_nearest(name, near, n);
    leat_status st =
        LEATI_FAIL(k->context, LEAT_FORMAT, "uses the value `%.60s`, which nothing makes%s%.60s%s",
                   name, best ? " (did you mean `" : "", best ? best : "", best ? "`?)" : "");
    leati_arena_fini(&arena);
    return st;
}

static leat_status check_node(checker *k, const leati_onnx_node *nodes, size_t count, size_t index,
                              scope *s)
{
    const leati_onnx_node *n = &nodes[index];
    leat_context *c = k->context;
    bool fresh;
    LEATI_TRY(check_domain(k, n));
    for (size_t i = 0; i < n->input.count; i++)
        if (*n->input.at[i] && !sees(s, n->input.at[i]))
            return not_made(k, nodes, count, index, s, n->input.at[i]);
    LEATI_TRY(check_attributes(k, n, s));
    for (size_t i = 0; i < n->output.count; i++) {
        if (!*n->output.at[i]) continue;
        LEATI_TRY(define(k, s, n->output.at[i], &fresh));
        LEATI_CHECK(c, fresh, LEAT_FORMAT, "makes the value `%.60s`, which exists already",
                    n->output.at[i]);
    }
    return LEAT_OK;
}

static leat_status check_nodes(checker *k, const leati_onnx_node *nodes, size_t count, scope *s)
{
    char where[LABEL];
    for (size_t i = 0; i < count; i++)
        if (check_node(k, nodes, count, i, s) != LEAT_OK)
            return leati_error_within(k->context, "%s", node_label(&nodes[i], i, where));
    return LEAT_OK;
}

static leat_status check_initialisers(checker *k, const leati_onnx_graph *g, scope *s,
                                      leati_map *given)
{
    leat_context *c = k->context;
    bool fresh;
    LEATI_CHECK(c, !g->sparse_initializer.count, LEAT_UNSUPPORTED,
                "sparse initialisers are not supported");
    for (size_t i = 0; i < g->initializer.count; i++) {
        const leati_onnx_tensor *t = &g->initializer.at[i];
        size_t length = strlen(t->name);
        LEATI_CHECK(c, length, LEAT_FORMAT, "initialiser %zu has no name", i);
        LEATI_TRY(leati_onnx_tensor_check(c, t));
        if (leati_map_put(given, t->name, length) == LEATI_MAP_NONE) return leat_error_status(c);
        LEATI_CHECK(c, given->count == i + 1, LEAT_FORMAT, "initialiser %.60s is given twice",
                    t->name);
        /* What this graph has by now are its inputs. */
        if (leati_map_get(&s->values, t->name, length) != LEATI_MAP_NONE) continue;
        LEATI_TRY(define(k, s, t->name, &fresh));
        LEATI_CHECK(c, fresh, LEAT_FORMAT, "initialiser %.60s hides a value around the graph",
                    t->name);
    }
    return LEAT_OK;
}

static leat_status check_graph_in(checker *k, const leati_onnx_graph *g, scope *s, leati_map *given)
{
    leat_context *c = k->context;
    bool fresh;
    for (size_t i = 0; i < g->input.count; i++) {
        const leati_onnx_value_info *v = &g->input.at[i];
        LEATI_TRY(check_value_info(k, v, "input"));
        LEATI_TRY(define(k, s, v->name, &fresh));
        LEATI_CHECK(c, fresh, LEAT_FORMAT,
                    "input `%.60s` is given twice or hides a value around the graph", v->name);
    }
    LEATI_TRY(check_initialisers(k, g, s, given));
    LEATI_TRY(check_nodes(k, g->node.at, g->node.count, s));
    for (size_t i = 0; i < g->output.count; i++) {
        LEATI_TRY(check_value_info(k, &g->output.at[i], "output"));
        LEATI_CHECK(c, sees(s, g->output.at[i].name), LEAT_FORMAT,
                    "output `%.60s` is made by no node", g->output.at[i].name);
    }
    for (size_t i = 0; i < g->value_info.count; i++)
        LEATI_TRY(check_value_info(k, &g->value_info.at[i], "value"));
    return LEAT_OK;
}

static leat_status check_graph(checker *k, const leati_onnx_graph *g, const scope *up)
{
    scope s = {.up = up};
    leati_map given;
    leati_map_init(&s.values, k->context);
    leati_map_init(&given, k->context);
    leat_status st = check_graph_in(k, g, &s, &given);
    leati_map_fini(&given);
    leati_map_fini(&s.values);
    if (st != LEAT_OK && up) leati_error_within(k->context, "in its graph `%.60s`", g->name);
    return st;
}

/* --- models --------------------------------------------------------------------------------- */

static leat_status check_opsets(leat_context *c, const leati_onnx_opset *sets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *domain = leati_onnx_domain(sets[i].domain);
        int64_t version = sets[i].version;
        bool ai = !*domain, ml = strcmp(domain, "ai.onnx.ml") == 0;
        int64_t most = ai ? LEATI_ONNX_AI_OPSET_MOST : ml ? LEATI_ONNX_ML_OPSET_MOST : INT32_MAX;
        const char *name = ai ? "ai.onnx" : domain;
        LEATI_CHECK(c, version >= 1, LEAT_FORMAT, "version %" PRId64 " of the operators of %.60s",
                    version, name);
        LEATI_CHECK(c, version <= most, LEAT_UNSUPPORTED,
                    "it uses version %" PRId64 " of the operators of %.60s, the newest known here "
                    "is %" PRId64 "; convert it to that or an older version",
                    version, name, most);
        /* Some converters name one version twice. */
        for (size_t j = 0; j < i; j++)
            LEATI_CHECK(c,
                        sets[j].version == version ||
                            strcmp(domain, leati_onnx_domain(sets[j].domain)) != 0,
                        LEAT_FORMAT,
                        "the operators of %.60s have two versions, %" PRId64 " and %" PRId64, name,
                        sets[j].version, version);
    }
    return LEAT_OK;
}

static leat_status check_function(checker *k, const leati_onnx_function *f)
{
    leat_context *c = k->context;
    scope s = {0};
    leat_status st = LEAT_OK;
    bool fresh;
    LEATI_TRY(check_opsets(c, f->opset_import.at, f->opset_import.count));
    leati_map_init(&s.values, c);
    for (size_t i = 0; i < f->input.count && st == LEAT_OK; i++) {
        if ((st = define(k, &s, f->input.at[i], &fresh)) == LEAT_OK && !fresh)
            st = LEATI_FAIL(c, LEAT_FORMAT, "input `%.60s` is given twice", f->input.at[i]);
    }
    if (st == LEAT_OK) st = check_nodes(k, f->node.at, f->node.count, &s);
    for (size_t i = 0; i < f->output.count && st == LEAT_OK; i++)
        if (!sees(&s, f->output.at[i]))
            st = LEATI_FAIL(c, LEAT_FORMAT, "output `%.60s` is made by no node", f->output.at[i]);
    for (size_t i = 0; i < f->value_info.count && st == LEAT_OK; i++)
        st = check_value_info(k, &f->value_info.at[i], "value");
    leati_map_fini(&s.values);
    return st;
}

static leat_status check_model(checker *k, leati_map *functions)
{
    leat_context *c = k->context;
    const leati_onnx_model *m = k->model;
    LEATI_CHECK(c, m->ir_version >= 1, LEAT_FORMAT, "it has no IR version: it is no ONNX model");
    LEATI_CHECK(c, m->graph, LEAT_FORMAT, "it holds no graph: it is no ONNX model");
    LEATI_CHECK(c, m->opset_import.count || m->ir_version < 3, LEAT_FORMAT,
                "it does not say which version of the operators it uses");
    LEATI_TRY(check_opsets(c, m->opset_import.at, m->opset_import.count));
    LEATI_TRY(leati_onnx_calls_collect(c, m, functions));
    LEATI_TRY(check_graph(k, m->graph, NULL));
    for (size_t i = 0; i < m->functions.count; i++) {
        k->function = &m->functions.at[i];
        if (check_function(k, k->function) != LEAT_OK)
            return leati_error_within(c, "function `%.60s`", k->function->name);
    }
    return leati_onnx_calls_check(c, m, functions);
}

leat_status leati_onnx_check(leat_context *c, const leati_onnx_model *model)
{
    leati_map functions;
    checker k = {.context = c, .model = model, .functions = &functions};
    leati_map_init(&functions, c);
    leat_status st = check_model(&k, &functions);
    leati_map_fini(&functions);
    return st;
}

int64_t leati_onnx_opset_version(const leati_onnx_model *model, const leati_onnx_function *function,
                                 const char *domain)
{
    domain = leati_onnx_domain(domain);
    const leati_onnx_opset *sets = model->opset_import.at;
    size_t count = model->opset_import.count;
    if (function && function->opset_import.count) {
        sets = function->opset_import.at;
        count = function->opset_import.count;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(leati_onnx_domain(sets[i].domain), domain) == 0) return sets[i].version;
    /* Before IR version 3 there was one version only. */
    return !count && model->ir_version < 3 && !*domain ? 1 : 0;
}
