/* Owns: the ONNX file of a model: its inputs and outputs, texts, what describes it. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "exchange/format.h"
#include "exchange/lowering.h"
#include "exchange/onnx_out.h"

/* One recording of the model for a batch size. */
typedef struct recording {
    leati_lowering lowering;
    leat_tensor **input;
    leat_tensor *root[2];
} recording;

static leat_status record(leat_context *c, const leat_model *m, leati_state *state, int64_t batch,
                          recording *r)
{
    leati_lowering *l = &r->lowering;
    *l = (leati_lowering){.context = c,
                          .model = m,
                          .estimator = m->pipeline.estimator,
                          .state = state,
                          .batch = batch};
    r->input = leati_array(c, m->input_count, sizeof(leat_tensor *));
    if (!r->input) return leat_error_status(c);
    LEATI_TRY(leat_graph_create(c, "cpu", &l->graph));
    LEATI_TRY(leati_lower_inputs(l, r->input));
    LEATI_TRY(leati_lower_estimator(l));
    r->root[0] = l->out;
    r->root[1] = l->class;
    return LEAT_OK;
}

static void forget(recording *r)
{
    leati_network_destroy(r->lowering.network);
    leat_graph_destroy(r->lowering.graph);
    leati_free(r->input);
}

/* ---- inputs and outputs ---------------------------------------------------------------------- */

/* Texts (batch, 1) as the numbers of levels: -1 for another, NaN for "" (unless that is one). */
static const char *level_numbers(leati_onnx_out *o, const char *text, const leati_encoder_column *k)
{
    leat_shape s = {.rank = 2, .dim = {k->levels, 1}};
    double number[LEATI_LEVELS];
    const char *const none[] = {NULL}, *const empty[] = {""};
    bool has_empty = k->levels && k->level[0][0] == 0;
    for (uint32_t i = 0; i < k->levels; i++) number[i] = i + 1;
    const char *code = leati_onnx_out_scalar(o, LEAT_DTYPE_F64, -1);
    if (k->levels) {
        const char *levels = leati_onnx_out_fresh(o, "levels");
        leati_onnx_node *list = leati_onnx_out_node(o, "Constant", none, levels);
        leati_onnx_set_texts(&o->builder, list, "value_strings", (const char *const *)k->level,
                             k->levels);
        const char *same = leati_onnx_out_step(o, "Equal", text, levels);
        const char *flag = leati_onnx_out_fresh(o, "Cast");
        leati_onnx_node *cast =
            leati_onnx_out_node(o, "Cast", (const char *const[]){same, NULL}, flag);
        leati_onnx_set_int(&o->builder, cast, "to", LEATI_ONNX_DOUBLE);
        const char *numbers = leati_onnx_out_constant(o, "numbers", LEAT_DTYPE_F64, &s, number);
        code = leati_onnx_out_step(o, "Add", leati_onnx_out_step(o, "MatMul", flag, numbers), code);
    }
    if (has_empty) return code;
    const char *blank = leati_onnx_out_fresh(o, "empty"), *out = leati_onnx_out_fresh(o, "code");
    leati_onnx_node *one = leati_onnx_out_node(o, "Constant", none, blank);
    leati_onnx_set_texts(&o->builder, one, "value_strings", empty, 1);
    (void)leati_onnx_out_node(
        o, "Where",
        (const char *const[]){leati_onnx_out_step(o, "Equal", text, blank),
                              leati_onnx_out_scalar(o, LEAT_DTYPE_F64, (double)__builtin_nan("")),
                              code, NULL},
        out);
    return out;
}

/* Declares the inputs; names (input_count): what the graph reads for each. */
static void add_inputs(leati_onnx_out *o, const leat_model *m, const char **names)
{
    static const int32_t items[] = {LEATI_ONNX_UINT8, LEATI_ONNX_FLOAT, LEATI_ONNX_DOUBLE};
    static const char *const batch[] = {"batch", NULL, NULL, NULL};
    for (size_t i = 0; i < m->input_count; i++) {
        const leati_schema_column *col = &m->schema.columns[m->inputs[i]];
        bool text = col->role == LEATI_ROLE_CATEGORY, array = col->role == LEATI_ROLE_ARRAY;
        int64_t dims[4] = {-1, 1};
        for (int d = 0; d < 3 && array; d++) dims[d + 1] = (int64_t)col->shape[d];
        int32_t element = text ? LEATI_ONNX_STRING : array ? items[col->item] : LEATI_ONNX_DOUBLE;
        leati_onnx_add_input(&o->builder, o->graph, col->name, element, dims, array ? 4 : 2, batch);
        names[i] = col->name;
    }
    for (size_t i = 0; i < m->input_count; i++) /* all names of columns are taken by now */
        if (m->schema.columns[m->inputs[i]].role == LEATI_ROLE_CATEGORY)
            names[i] = level_numbers(o, names[i], &m->pipeline.encoder.columns[i]);
}

static const char *value_name(const leat_model *m)
{
    if (m->schema.task == LEATI_REGRESS) return "prediction";
    return leati_estimator_has_proba(m->pipeline.estimator) ? "probabilities" : "scores";
}

/* The name, or one that no column has: class_out, class_out_out, ... The names that are made on the
 * way end with numbers. */
static const char *output_name(leati_onnx_out *o, const char *name)
{
    leati_str text;
    leati_str_init(&text, o->context);
    leati_str_add(&text, name);
    while (leati_str_status(&text) == LEAT_OK && leati_onnx_out_is_input(o, leati_str_text(&text)))
        leati_str_add(&text, "_out");
    const char *copy = leati_str_status(&text) == LEAT_OK
                           ? leati_arena_strdup(&o->builder.arena, leati_str_text(&text))
                           : NULL;
    leati_str_fini(&text);
    if (!copy) o->builder.status = LEAT_NOMEM;
    return copy ? copy : "";
}

/* names: of the value, of the class. */
static void add_outputs(leati_onnx_out *o, const leat_model *m, const char *const *names)
{
    static const char *const batch[] = {"batch", NULL};
    bool classify = m->schema.task == LEATI_CLASSIFY;
    int64_t dims[2] = {-1, (int64_t)m->schema.classes};
    if (classify)
        leati_onnx_add_output(&o->builder, o->graph, names[1], LEATI_ONNX_INT64, dims, 1, batch);
    leati_onnx_add_output(&o->builder, o->graph, names[0], LEATI_ONNX_DOUBLE, dims,
                          classify ? 2 : 1, batch);
}

/* What the numbers of classes mean, and whose model it is. */
static leat_status add_metadata(leati_onnx_out *o, const leat_model *m)
{
    leati_onnx_add_metadata(&o->builder, "leat.target", m->schema.target);
    leati_onnx_add_metadata(&o->builder, "leat.estimator", m->pipeline.estimator->class->name);
    const leati_estimator *e = m->pipeline.estimator;
    const leati_param *precision = leati_param_find(e->class->params, "precision");
    char text[16];
    if (precision && leati_param_get(precision, e, text, sizeof text) < sizeof text)
        leati_onnx_add_metadata(&o->builder, "leat.precision", text);
    if (m->schema.task == LEATI_REGRESS) return LEAT_OK;
    leat_json *j = leat_json_create(o->context, 0);
    leat_json_begin_array(j, NULL);
    for (uint32_t k = 0; k < m->schema.classes; k++)
        leat_json_string(j, NULL, m->schema.class_names[k]);
    leat_json_end_array(j);
    const char *classes = leat_json_text(j);
    if (classes) leati_onnx_add_metadata(&o->builder, "leat.classes", classes);
    leat_json_destroy(j);
    return leat_error_status(o->context);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static leat_status assemble(leati_onnx_out *o, const leat_model *m, recording *r, const char *path)
{
    const char **names = leati_arena_calloc(&o->builder.arena, m->input_count, sizeof *names);
    if (!names) return LEAT_NOMEM;
    bool classify = m->schema.task == LEATI_CLASSIFY;
    leat_graph *const graphs[] = {r[0].lowering.graph, r[1].lowering.graph};
    leat_tensor *const *const roots[] = {r[0].root, r[1].root};
    add_inputs(o, m, names);
    const char *const root_names[] = {output_name(o, value_name(m)), output_name(o, "class")};
    LEATI_TRY(leati_onnx_builder_status(&o->builder));
    o->batch_of = m->schema.columns[m->inputs[0]].name;
    LEATI_TRY(leati_onnx_out_write(o, graphs, m->input_count, r[0].input, names, classify ? 2 : 1,
                                   roots, root_names));
    add_outputs(o, m, root_names);
    LEATI_TRY(add_metadata(o, m));
    LEATI_TRY(leati_onnx_builder_status(&o->builder));
    return leati_onnx_write(o->context, o->builder.model, path);
}

leat_status leati_format_onnx(leat_context *c, const leat_model *m, const char *title,
                              const char *path)
{
    recording r[LEATI_ONNX_BATCHES] = {{.input = NULL}, {.input = NULL}};
    leati_state state;
    leati_onnx_out o = {.context = c};
    leat_status st;
    leati_state_init(&state, c);
    leati_onnx_builder_init(&o.builder, c, title);
    LEATI_GO(leati_onnx_builder_status(&o.builder));
    o.graph = o.builder.model->graph;
    for (size_t i = 0; i < m->input_count; i++) /* texts are compared from opset 19 on */
        if (m->schema.columns[m->inputs[i]].role == LEATI_ROLE_CATEGORY)
            leati_onnx_add_opset(&o.builder, "", 19);
    LEATI_GO(leati_format_check_inputs(c, m, "ONNX"));
    LEATI_GO(leati_estimator_save(c, m->pipeline.estimator, &state));
    for (int k = 0; k < LEATI_ONNX_BATCHES; k++)
        LEATI_GO(record(c, m, &state, LEATI_ONNX_FIRST_BATCH + k, &r[k]));
    LEATI_GO(assemble(&o, m, r, path));
out:
    for (int k = 0; k < LEATI_ONNX_BATCHES; k++) forget(&r[k]);
    leati_onnx_builder_fini(&o.builder);
    leati_state_fini(&state);
    return st;
}
