/* Owns: what the outputs of an imported graph mean: which one is the answer, what classes are
 * called. */
#include "exchange/graph_meaning.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { CLASSES_MOST = 10000 };

typedef struct reading {
    leat_context *context;
    leati_arena *arena;
    const leati_onnx_model *model;
    leati_oval *const *outs;
    size_t batch;
    const leati_schema *schema;
} reading;

/* ---- which output is what -------------------------------------------------------------------- */

enum { NONE = -1 };

typedef struct found {
    int64_t table, number, label; /* outputs; NONE */
    size_t wide;                  /* of the table */
} found;

static found look(const reading *r)
{
    found f = {NONE, NONE, NONE, 0};
    for (size_t i = 0; i < r->model->graph->output.count; i++) {
        const leati_oval *v = r->outs[i];
        const leat_shape *s = &v->shape;
        leat_dtype dtype;
        bool number = leati_oval_dtype(v->element, &dtype);
        bool real = number && leati_dtype_is_float(dtype);
        if (v->kind != LEATI_OVAL_TENSOR || s->rank < 1 || s->rank > 2 ||
            s->dim[0] != (int64_t)r->batch || (!number && v->element != LEATI_ONNX_STRING))
            continue;
        if (s->rank == 2 && s->dim[1] > 1) {
            if (f.table != NONE || !real) continue;
            f.table = (int64_t)i;
            f.wide = (size_t)s->dim[1];
        } else if (s->rank == 1 || s->dim[1] == 1) {
            int64_t *to = real ? &f.number : &f.label;
            if (*to == NONE) *to = (int64_t)i;
        }
    }
    return f;
}

/* Whether all rows are probabilities; of one column each between 0 and 1. */
static bool are_shares(const leati_oval *v, size_t batch, size_t wide)
{
    for (size_t i = 0; i < batch; i++) {
        double sum = 0;
        for (size_t k = 0; k < wide; k++) {
            double x = leati_oget(v->element, v->host, i * wide + k);
            if (!(x >= -1e-6 && x <= 1 + 1e-6)) return false;
            sum += x;
        }
        if (wide > 1 && fabs(sum - 1) > 1e-3) return false;
    }
    return true;
}

/* ---- what classes are called ----------------------------------------------------------------- */

static const char *number_text(const reading *r, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return leati_arena_strdup(r->arena, text);
}

static const char **new_list(const reading *r, size_t count)
{
    return leati_arena_calloc(r->arena, count + 1, sizeof(const char *));
}

/* The labels that the last operator with so many of them names, as texts or as whole numbers;
 * `count` 0: with any number. *out stays NULL where there is none. */
static leat_status own_labels(const reading *r, size_t *count, const char ***out, bool *texts)
{
    static const char *const attributes[] = {"classlabels_strings", "classlabels_int64s",
                                             "classlabels_ints"};
    const leati_onnx_graph *g = r->model->graph;
    *out = NULL;
    for (size_t i = g->node.count; i-- > 0 && !*out;)
        for (size_t k = 0; k < 3 && !*out; k++) {
            const leati_onnx_attribute *a =
                leati_onnx_attribute_find(&g->node.at[i], attributes[k]);
            size_t n = !a ? 0 : k == 0 ? a->strings.count : a->ints.count;
            if (n < 2 || n > CLASSES_MOST || (*count && n != *count)) continue;
            *out = new_list(r, n);
            for (size_t j = 0; *out && j < n; j++) {
                leati_pb_bytes b = k == 0 ? a->strings.at[j] : (leati_pb_bytes){0};
                (*out)[j] = k ? number_text(r, a->ints.at[j])
                              : leati_arena_strndup(r->arena, b.size ? b.data : "", b.size);
            }
            *count = n;
            *texts = k == 0;
        }
    return leat_error_status(r->context);
}

/* 0, 1, ... */
static leat_status numbered(const reading *r, size_t count, const char ***out)
{
    *out = new_list(r, count);
    for (size_t k = 0; *out && k < count; k++) (*out)[k] = number_text(r, (int64_t)k);
    return leat_error_status(r->context);
}

/* What Leat's own files say; *out stays NULL where the file is not one. */
static leat_status leat_classes(const reading *r, size_t count, const char ***out)
{
    const char *text = NULL;
    *out = NULL;
    for (size_t i = 0; i < r->model->metadata_props.count; i++)
        if (strcmp(r->model->metadata_props.at[i].key, "leat.classes") == 0)
            text = r->model->metadata_props.at[i].value;
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    if (json_array_size(list) == count) *out = new_list(r, count);
    for (size_t k = 0; *out && k < count; k++) {
        const char *name = json_string_value(json_array_get(list, k));
        (*out)[k] = leati_arena_strdup(r->arena, name ? name : "");
    }
    json_decref(list);
    return leat_error_status(r->context);
}

static bool is_numbered(const char *const *names, size_t count)
{
    char text[32];
    for (size_t k = 0; k < count; k++) {
        snprintf(text, sizeof text, "%zu", k);
        if (strcmp(names[k], text) != 0) return false;
    }
    return true;
}

/* Numbers that are the target's truth values are called so. */
static const char **as_target(const reading *r, const char **names, size_t count)
{
    static const char *const truth[] = {"false", "true"};
    if (r->schema->target_type != LEAT_BOOL || count != 2 || !is_numbered(names, 2)) return names;
    const char **list = new_list(r, 2);
    for (size_t k = 0; list && k < 2; k++) list[k] = leati_arena_strdup(r->arena, truth[k]);
    return list;
}

/* Whether the target's classes are numbers below count, or truth values of two. */
static bool counts_from_0(const leati_schema *s, size_t count)
{
    if (s->target_type == LEAT_BOOL) return count == 2;
    if (s->target_type != LEAT_I64 && s->target_type != LEAT_F64) return false;
    if (s->task ==
        LEATI_REGRESS) /* so many values, or so few rows, that it was taken for a number */
        return s->target_low >= 0 && s->target_high <= (double)(count - 1);
    for (uint32_t k = 0; k < s->classes; k++) {
        int64_t v;
        const char *name = s->class_names[k];
        if (!leati_int_parse(name, strlen(name), &v) || v < 0 || v >= (int64_t)count) return false;
    }
    return true;
}

static leat_status ask_names(const reading *r, size_t count)
{
    const leati_schema *s = r->schema;
    leat_context *c = r->context;
    leati_str list;
    (void)LEATI_FAIL(c, LEAT_INVALID,
                     "the graph does not say what its %zu classes are called: name them in its "
                     "order with --classes",
                     count);
    if (s->task != LEATI_CLASSIFY) return LEAT_INVALID;
    leati_str_init(&list, c);
    for (uint32_t k = 0; k < s->classes && k < 10; k++)
        leati_str_addf(&list, "%s%s", k ? "," : "", s->class_names[k]);
    if (leati_str_status(&list) == LEAT_OK)
        leati_error_hint(c, "the target has, sorted: %s%s", leati_str_text(&list),
                         s->classes > 10 ? ",..." : "");
    leati_str_fini(&list);
    return LEAT_INVALID;
}

/* Names of `count` classes, and what the graph calls them where it names them. */
static leat_status name_classes(const reading *r, const char *const *given, size_t given_count,
                                size_t count, leati_graph_meaning *m)
{
    const char **own;
    bool texts;
    leat_context *c = r->context;
    LEATI_CHECK(c, count <= CLASSES_MOST, LEAT_LIMIT, "the graph has more than %d classes",
                CLASSES_MOST);
    LEATI_CHECK(c, !given_count || given_count == count, LEAT_INVALID,
                "the graph has %zu classes, %zu were named", count, given_count);
    m->classes = (uint32_t)count;
    LEATI_TRY(own_labels(r, &count, &own, &texts));
    if (given_count) m->names = (const char **)(uintptr_t)given;
    else LEATI_TRY(leat_classes(r, count, &m->names));
    if (!m->names && own) m->names = as_target(r, own, count);
    if (!m->names && counts_from_0(r->schema, count)) {
        LEATI_TRY(numbered(r, count, &own));
        texts = false;
        m->names = as_target(r, own, count);
    }
    LEATI_TRY(leat_error_status(c));
    if (!m->names) return ask_names(r, count);
    if (!m->form.has_label) return LEAT_OK;
    bool text = r->outs[m->form.label]->element == LEATI_ONNX_STRING;
    if (own && texts == text) m->form.classes = own;
    else if (text) m->form.classes = m->names;
    else LEATI_TRY(numbered(r, count, &m->form.classes));
    return LEAT_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* The class alone: of as many classes as are known, else of those that the target has. */
static leat_status only_label(const reading *r, const found *f, const char *const *given,
                              size_t count, leati_graph_meaning *out)
{
    const char **own;
    bool texts;
    size_t known = count;
    out->form = (leati_graph_form){.says = LEATI_GRAPH_CLASS,
                                   .output = (size_t)f->label,
                                   .has_label = true,
                                   .label = (size_t)f->label};
    out->task = LEATI_CLASSIFY;
    LEATI_TRY(own_labels(r, &known, &own, &texts));
    return known ? name_classes(r, given, count, known, out) : LEAT_OK;
}

leat_status leati_graph_meaning_find(leati_arena *arena, const leati_onnx_model *model,
                                     leati_oval *const *outs, size_t batch,
                                     const leati_schema *schema, const char *const *given,
                                     size_t count, leati_graph_meaning *out)
{
    reading r = {arena->context, arena, model, outs, batch, schema};
    found f = look(&r);
    leat_context *c = r.context;
    bool two = count == 2 || schema->target_type == LEAT_STRING ||
               schema->target_type == LEAT_BOOL || f.label != NONE;
    *out = (leati_graph_meaning){.task = LEATI_CLASSIFY};
    LEATI_CHECK(
        c, f.table != NONE || f.number != NONE || f.label != NONE, LEAT_UNSUPPORTED,
        "no output of the graph is (rows), (rows, 1) or (rows, classes), which a model of a "
        "table answers with");
    if (f.table == NONE && f.number == NONE) return only_label(&r, &f, given, count, out);
    if (f.table == NONE && !two) {
        LEATI_CHECK(c, count == 0, LEAT_INVALID,
                    "the graph gives one number for a row: a value, or what speaks for the second "
                    "of two classes; %zu were named",
                    count);
        out->task = LEATI_REGRESS;
        out->form = (leati_graph_form){.says = LEATI_GRAPH_NUMBER, .output = (size_t)f.number};
        return LEAT_OK;
    }
    bool wide = f.table != NONE;
    size_t at = (size_t)(wide ? f.table : f.number);
    bool shares = are_shares(outs[at], batch, wide ? f.wide : 1);
    out->form = (leati_graph_form){.says = wide ? shares ? LEATI_GRAPH_SHARES : LEATI_GRAPH_SCORES
                                           : shares ? LEATI_GRAPH_SHARE
                                                    : LEATI_GRAPH_SCORE,
                                   .output = at,
                                   .has_label = f.label != NONE,
                                   .label = f.label != NONE ? (size_t)f.label : 0};
    return name_classes(&r, given, count, wide ? f.wide : 2, out);
}

leat_status leati_graph_meaning_names(leati_arena *arena, const leati_schema *schema,
                                      leati_graph_meaning *m, bool text)
{
    reading r = {.context = arena->context, .arena = arena, .schema = schema};
    m->classes = schema->classes;
    m->names = new_list(&r, schema->classes);
    for (uint32_t k = 0; m->names && k < schema->classes; k++)
        m->names[k] = leati_arena_strdup(arena, schema->class_names[k]);
    LEATI_TRY(leat_error_status(r.context));
    m->form.classes = m->names;
    /* whole numbers stand for truth values as 0 and 1 */
    return !text && schema->target_type == LEAT_BOOL && schema->classes == 2
               ? numbered(&r, 2, &m->form.classes)
               : LEAT_OK;
}
