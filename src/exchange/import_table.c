/* Owns: making a model of a table out of an ONNX file: its columns, its target, its reference. */
#include <math.h>
#include <string.h>

#include <leat/exchange.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/options.h"
#include "exchange/graph_meaning.h"
#include "io/encoding.h"
#include "learn/conform.h"
#include "learn/metric.h"
#include "learn/stats.h"
#include "model/markdown.h"
#include "model/model.h"
#include "model/onnx_describe.h"
#include "model/onnx_file.h"
#include "onnx/graph_rows.h"
#include "onnx/predict_frame.h"

leat_graph_options leat_graph_options_default(void)
{
    return (leat_graph_options){.struct_size = sizeof(leat_graph_options)};
}

typedef struct making {
    leat_context *context;
    leati_arena arena;
    leat_graph_options options;
    const char *from, *name;
    leati_bytes file;
    leati_omodel *graph; /* for what it says about itself */
    leat_frame *table;   /* the inputs in the graph's order, then the target */
    leat_frame *inputs;  /* conformed */
    size_t input_count;
    leati_schema schema;
    leati_target target;
    leati_pipeline pipeline;
    leati_graph_meaning meaning;
    leati_predictions said; /* about the rows of the target */
    const leati_metric *metric;
    leati_interval score;
} making;

/* ---- columns --------------------------------------------------------------------------------- */

static bool is_number(leat_type type)
{
    return type == LEAT_F64 || type == LEAT_I64 || type == LEAT_BOOL;
}

/* The arrays of a column are those that the input takes, but for dimensions of 1. */
static leat_status check_array(leat_context *c, const leati_owanted *w, const char *name,
                               const leati_column *col)
{
    int d = 1, k = 0;
    for (;;) {
        while (d < w->rank && w->dim[d] == 1) d++;
        while (k < 3 && col->shape[k] == 1) k++;
        if (d == w->rank || k == 3 || w->dim[d] != (int64_t)col->shape[k]) break;
        d++, k++;
    }
    LEATI_CHECK(c, d == w->rank && k == 3, LEAT_SHAPE,
                "the column '%s' holds arrays of %zu x %zu x %zu, which do not fit input `%.60s`",
                name, col->shape[0], col->shape[1], col->shape[2], w->name);
    return LEAT_OK;
}

static leat_status check_column(leat_context *c, const leati_owanted *w, const char *name,
                                const leati_column *col)
{
    bool arrays = w->rank > 2;
    if (arrays && col->type == LEAT_ARRAY) return check_array(c, w, name, col);
    if (!arrays && is_number(col->type)) return LEAT_OK;
    (void)LEATI_FAIL(c, LEAT_TYPE, "the column '%s' holds %ss, input `%.60s` takes %s", name,
                     leat_type_name(col->type), w->name, arrays ? "arrays" : "numbers");
    if (arrays) return LEAT_TYPE;
    return leati_error_hint(c, "Give the table that the graph was trained on: encoded as then, "
                               "without other columns");
}

/* Several inputs: the columns of their names. */
static leat_status by_name(making *k, const leat_frame *f, size_t *columns)
{
    leat_context *c = k->context;
    for (size_t i = 0; i < k->input_count; i++) {
        leati_owanted w = leati_owanted_of(leati_omodel_input(k->graph, i));
        LEATI_CHECK(c, strcmp(w.name, k->options.target) != 0, LEAT_INVALID,
                    "'%s' is the target and an input of the graph", w.name);
        LEATI_CHECK(c, leat_frame_find(f, w.name, &columns[i]), LEAT_NOT_FOUND,
                    "the column '%.60s', which the graph takes, is not in the table", w.name);
        LEATI_TRY(check_column(c, &w, f->name[columns[i]], f->column[columns[i]]));
    }
    return LEAT_OK;
}

/* One input: a column of its name, or all but the target side by side. */
static leat_status side_by_side(making *k, const leat_frame *f, size_t target, size_t *columns)
{
    leat_context *c = k->context;
    leati_owanted w = leati_owanted_of(leati_omodel_input(k->graph, 0));
    bool one = w.rank == 1 || w.rank > 2 || (w.rank == 2 && w.dim[1] == 1);
    bool named = one && leat_frame_find(f, w.name, &columns[0]) && columns[0] != target;
    k->input_count = named;
    for (size_t i = 0; i < f->columns && !named; i++)
        if (i != target) columns[k->input_count++] = i;
    LEATI_CHECK(c, k->input_count > 0, LEAT_INVALID, "the table has no column but the target '%s'",
                k->options.target);
    int64_t want = one ? 1 : w.rank == 2 ? w.dim[1] : -1;
    if (want > 0 && want != (int64_t)k->input_count) {
        (void)LEATI_FAIL(c, LEAT_SHAPE,
                         "the table has %zu column%s beside the target '%s', input `%.60s` takes "
                         "%lld",
                         k->input_count, k->input_count == 1 ? "" : "s", k->options.target, w.name,
                         (long long)want);
        return leati_error_hint(c, "leave out or order columns with leat table --select");
    }
    for (size_t i = 0; i < k->input_count; i++)
        LEATI_TRY(check_column(c, &w, f->name[columns[i]], f->column[columns[i]]));
    return LEAT_OK;
}

static leat_status choose_columns(making *k, const leat_frame *f)
{
    leat_context *c = k->context;
    size_t target;
    LEATI_CHECK(c, k->options.target, LEAT_INVALID,
                "no target was named: the column that the graph predicts");
    LEATI_TRY(leat_frame_require(c, f, k->options.target, &target));
    leat_status st = leati_graph_rows_check(c, k->graph);
    if (st == LEAT_UNSUPPORTED)
        leati_error_hint(c, "It runs and is served by its tensors: import it without a reference");
    LEATI_TRY(st);
    k->input_count = leati_omodel_input_count(k->graph);
    size_t *columns =
        leati_arena_calloc(&k->arena, f->columns + k->input_count + 1, sizeof *columns);
    if (!columns) return leat_error_status(c);
    if (k->input_count > 1) LEATI_TRY(by_name(k, f, columns));
    else LEATI_TRY(side_by_side(k, f, target, columns));
    columns[k->input_count] = target;
    k->table = leati_frame_select(c, f, columns, k->input_count + 1);
    return k->table ? LEAT_OK : leat_error_status(c);
}

/* ---- what the graph says --------------------------------------------------------------------- */

static leat_status infer(making *k, const char *task)
{
    static const char *const all[] = {"*"};
    leati_schema_options o = {
        .target = k->options.target, .task = task, .keep = all, .keep_count = 1};
    return leati_schema_infer(k->context, &k->schema, k->table, &o);
}

/* Numbers go to the graph as they stand. */
static leat_status fit_encoder(making *k)
{
    leat_context *c = k->context;
    bool single = true;
    for (size_t i = 0; i < leati_omodel_input_count(k->graph); i++)
        single &= leati_owanted_of(leati_omodel_input(k->graph, i)).element == LEATI_ONNX_FLOAT;
    k->pipeline.recipe = (leati_recipe){.scaling = LEATI_SCALE_NONE, .f32 = single};
    uint32_t *rows = leati_array(c, k->inputs->rows, sizeof *rows);
    if (!rows) return leat_error_status(c);
    for (size_t i = 0; i < k->inputs->rows; i++) rows[i] = (uint32_t)i;
    leat_status st = leati_encoder_fit(c, &k->pipeline.encoder, &k->pipeline.recipe, &k->schema,
                                       k->inputs, rows, k->inputs->rows);
    leati_free(rows);
    return st;
}

/* Runs the first rows to see what comes out. */
static leat_status try_rows(making *k, leati_graph_rows *g)
{
    leat_context *c = k->context;
    leati_matrix x;
    void *data = NULL;
    leati_oval **outs;
    size_t most = leati_graph_rows_most(g), batch;
    size_t count = k->inputs->rows < most ? k->inputs->rows : most;
    uint32_t *rows = leati_array(c, count, sizeof *rows);
    if (!rows) return leat_error_status(c);
    for (size_t i = 0; i < count; i++) rows[i] = (uint32_t)i;
    leat_status st;
    LEATI_GO(leati_encoder_apply(c, &k->pipeline.encoder, k->inputs, rows, count, &x, &data));
    LEATI_GO(leati_graph_rows_run(c, g, &x, 0, count, &outs, &batch));
    const leati_onnx_model *model = leati_omodel_proto(leati_graph_rows_model(g));
    LEATI_GO(leati_graph_meaning_find(&k->arena, model, outs, batch, &k->schema, k->options.classes,
                                      k->options.class_count, &k->meaning));
    if (k->meaning.task == LEATI_CLASSIFY && k->meaning.classes == 0) {
        bool text = outs[k->meaning.form.label]->element == LEATI_ONNX_STRING;
        if (k->schema.task == LEATI_REGRESS) {
            leati_schema_fini(&k->schema);
            LEATI_GO(infer(k, "classification"));
        }
        LEATI_GO(leati_graph_meaning_names(&k->arena, &k->schema, &k->meaning, text));
    }
out:
    leati_free(data);
    leati_free(rows);
    return st;
}

static leat_status check_names(leat_context *c, const leati_graph_meaning *m)
{
    leati_map seen;
    leati_map_init(&seen, c);
    leat_status st = LEAT_OK;
    for (uint32_t i = 0; i < m->classes && st == LEAT_OK; i++) {
        const char *name = m->names[i];
        size_t n = strlen(name);
        uint32_t at = leati_map_put(&seen, name, n);
        if (at == LEATI_MAP_NONE) st = leat_error_status(c);
        else if (at != i) st = LEATI_FAIL(c, LEAT_INVALID, "two classes are called '%.60s'", name);
        else if (!n || !leati_utf8_valid(name, n))
            st = LEATI_FAIL(c, LEAT_INVALID, "the name of class %u is empty or no UTF-8", i + 1);
    }
    leati_map_fini(&seen);
    return st;
}

/* Predictions of a target of numbers are made from the names of their classes. */
static bool is_value(leat_type type, const char *name)
{
    double number;
    int64_t whole;
    if (type == LEAT_I64) return leati_int_parse(name, strlen(name), &whole);
    return type != LEAT_F64 || leati_num_parse(name, strlen(name), &number);
}

/* The schema's task and classes are those of the graph. */
static leat_status settle_target(making *k)
{
    leat_context *c = k->context;
    leati_schema *s = &k->schema;
    const leati_graph_meaning *m = &k->meaning;
    if (s->task != m->task) {
        const leati_column *col = k->table->column[k->input_count];
        LEATI_CHECK(c, m->task == LEATI_CLASSIFY || is_number(col->type), LEAT_TYPE,
                    "the graph predicts numbers, the target '%s' holds %ss", k->options.target,
                    leat_type_name(col->type));
        leati_schema_fini(s);
        LEATI_TRY(infer(k, m->task == LEATI_CLASSIFY ? "classification" : "regression"));
    }
    if (m->task == LEATI_REGRESS) return LEAT_OK;
    LEATI_TRY(check_names(c, m));
    char **names = LEATI_NEW(c, char *, m->classes + (size_t)1);
    if (!names) return leat_error_status(c);
    for (uint32_t i = 0; i < s->classes; i++) leati_free(s->class_names[i]);
    leati_free(s->class_names);
    s->class_names = names;
    for (s->classes = 0; s->classes < m->classes; s->classes++) {
        const char *name = m->names[s->classes];
        if (!is_value(s->target_type, name)) s->target_type = LEAT_STRING;
        if (!(names[s->classes] = leati_strdup(c, name))) return leat_error_status(c);
    }
    return LEAT_OK;
}

static leat_status make_estimator(making *k)
{
    leati_state state;
    leat_context *c = k->context;
    const leati_graph_meaning *m = &k->meaning;
    leati_state_init(&state, c);
    leat_status st =
        leati_graph_estimator_state(&state, &m->form, m->task, m->classes,
                                    k->pipeline.encoder.width, k->file.data, k->file.size);
    if (st == LEAT_OK)
        st = leati_estimator_create(c, &k->pipeline.estimator, &leati_estimator_graph);
    if (st == LEAT_OK) st = leati_estimator_load(c, k->pipeline.estimator, &state);
    leati_state_fini(&state);
    return st;
}

/* ---- how good it is -------------------------------------------------------------------------- */

static leati_eval eval_of(const making *k)
{
    return (leati_eval){.task = k->schema.task,
                        .rows = k->target.count,
                        .classes = k->schema.classes,
                        .label = k->target.label,
                        .y = k->target.y,
                        .prediction = k->said.value,
                        .proba = k->said.proba};
}

/* The share of the most frequent class. */
static double majority(const making *k)
{
    size_t most = 0;
    for (uint32_t j = 0; j < k->schema.classes; j++) {
        size_t count = 0;
        for (size_t i = 0; i < k->target.count; i++) count += k->target.label[i] == j;
        if (count > most) most = count;
    }
    return (double)most / (double)k->target.count;
}

static leat_status judge(making *k)
{
    leat_context *c = k->context;
    const leati_estimator *e = k->pipeline.estimator;
    size_t n = k->target.count;
    k->said.value = leati_array(c, n, sizeof(double));
    if (leati_estimator_has_proba(e)) k->said.proba = LEATI_NEW(c, double, n * k->schema.classes);
    if (leat_error_status(c) != LEAT_OK) return leat_error_status(c);
    LEATI_TRY(leati_pipeline_predict(c, &k->pipeline, k->inputs, k->target.rows, n, &k->said));
    for (size_t i = 0; i < n; i++)
        LEATI_CHECK(c, isfinite(k->said.value[i]), LEAT_INVALID,
                    "row %u: the graph answers with no finite number; a value of the row may be "
                    "missing, which not every graph takes",
                    k->target.rows[i] + 1);
    leati_eval eval = eval_of(k);
    k->metric = leati_metric_default(k->schema.task);
    LEATI_TRY(leati_metric_interval(c, k->metric, &eval, 0.95, 1, &k->score));
    if (k->schema.task == LEATI_CLASSIFY && k->schema.classes > 1 &&
        k->score.estimate < majority(k))
        leati_log(c, LEAT_LOG_WARN,
                  "on the reference the graph is worse than always saying the most frequent class: "
                  "are columns and classes in the order it was trained with?");
    return LEAT_OK;
}

/* ---- members of the file --------------------------------------------------------------------- */

static leat_status take(leat_context *c, leat_json *j, char **out)
{
    const char *text = leat_json_text(j);
    *out = text ? leati_strdup(c, text) : NULL;
    leat_json_destroy(j);
    return *out ? LEAT_OK : leat_error_status(c);
}

static leat_status make_metrics(const making *k, char **out)
{
    leat_context *c = k->context;
    leati_eval eval = eval_of(k);
    double *values = LEATI_NEW(c, double, leati_metric_count());
    if (!values) return leat_error_status(c);
    leat_status st = leati_metrics_all(c, &eval, values);
    leat_json *j = leat_json_create(c, 1);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "metric", k->metric->name);
    leat_json_string(j, "validation", "reference table");
    leat_json_number(j, "mean", k->score.estimate);
    leat_json_number(j, "low", k->score.low);
    leat_json_number(j, "high", k->score.high);
    leat_json_begin_object(j, "reference");
    for (size_t i = 0; st == LEAT_OK && i < leati_metric_count(); i++)
        if (!isnan(values[i])) leat_json_number(j, leati_metric_at(i)->name, values[i]);
    leat_json_end_object(j);
    leat_json_end_object(j);
    leati_free(values);
    if (st == LEAT_OK) return take(c, j, out);
    leat_json_destroy(j);
    return st;
}

/* What it was trained on is not known: it cannot be trained again. */
static leat_status make_lineage(const making *k, char **out)
{
    char hash[65];
    leat_json *j = leat_json_create(k->context, 1);
    leat_json_begin_object(j, NULL);
    leat_json_begin_object(j, "graph");
    leati_sha256_hex(k->file.data, k->file.size, hash);
    leat_json_string(j, "sha256", hash);
    leat_json_end_object(j);
    leat_json_begin_object(j, "reference_data");
    leati_frame_hash(k->table, hash);
    leat_json_string(j, "sha256", hash);
    leat_json_int(j, "rows", (int64_t)k->table->rows);
    leat_json_end_object(j);
    leat_json_end_object(j);
    return take(k->context, j, out);
}

static leat_status make_card(const making *k, char **out)
{
    leati_str t, graph;
    char score[40], low[40], high[40], rows[LEATI_NUM_SIZE];
    leat_context *c = k->context;
    leati_str_init(&t, c);
    leati_str_init(&graph, c);
    leat_json *unused = leat_json_create(c, 0);
    leat_json_begin_object(unused, NULL);
    leat_status st = leati_onnx_describe(c, leati_omodel_proto(k->graph), k->name, &graph, unused);
    leat_json_destroy(unused);
    leati_metric_format(k->metric, k->score.estimate, score);
    leati_metric_format(k->metric, k->score.low, low);
    leati_metric_format(k->metric, k->score.high, high);
    leati_num_grouped((int64_t)k->target.count, rows);
    leati_str_add(&t, "# Model card: ");
    leati_markdown_add(&t, k->name);
    leati_str_add(&t, "\n\nPredicts **");
    leati_markdown_add(&t, k->schema.target);
    leati_str_addf(&t, "** (%s) with an imported graph.\n\n",
                   k->schema.task == LEATI_CLASSIFY ? "classification" : "regression");
    leati_str_add(&t, "## Intended use\n\nTo be written by its author: who should use it, for "
                      "what, and for what not.\n\n## Training data\n\nNot known: the graph came "
                      "from ONNX.\n\n");
    leati_str_addf(&t, "## Quality\n\n%s %s", k->metric->title, score);
    if (!isnan(k->score.low)) leati_str_addf(&t, " (95%% interval %s to %s)", low, high);
    leati_str_addf(&t,
                   " on the %s rows of the reference table; they say nothing about quality "
                   "where the graph was trained on them.\n\n## The graph\n\n",
                   rows);
    leati_markdown_block(&t, leati_str_text(&graph));
    leati_str_fini(&graph);
    *out = leati_str_take(&t);
    return st == LEAT_OK && !*out ? leat_error_status(c) : st;
}

static leat_status assemble(making *k, leat_model **out)
{
    leat_context *c = k->context;
    char *metrics = NULL, *lineage = NULL, *reference = NULL, *card = NULL;
    leati_problem problem = {k->inputs, &k->schema, &k->target, 0, NULL};
    leat_status st;
    LEATI_GO(make_metrics(k, &metrics));
    LEATI_GO(make_lineage(k, &lineage));
    LEATI_GO(leati_reference_make(c, &problem, &k->said, &reference));
    LEATI_GO(make_card(k, &card));
    leati_model_parts parts = {.name = k->name,
                               .schema = &k->schema,
                               .pipeline = &k->pipeline,
                               .metrics = metrics,
                               .lineage = lineage,
                               .reference = reference,
                               .card = card};
    LEATI_GO(leati_model_create(c, out, &parts));
out:
    leati_free(metrics);
    leati_free(lineage);
    leati_free(reference);
    leati_free(card);
    return st;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static leat_status understand(making *k)
{
    leat_context *c = k->context;
    leati_graph_rows *g = NULL;
    LEATI_TRY(infer(k, NULL));
    LEATI_TRY(leati_conform(c, &k->inputs, &k->schema, k->table));
    LEATI_TRY(fit_encoder(k));
    LEATI_TRY(
        leati_graph_rows_open(c, k->file.data, k->file.size, k->pipeline.encoder.width, NULL, &g));
    leat_status st = try_rows(k, g);
    leati_graph_rows_close(g);
    return st;
}

static leat_status make(making *k, const leat_frame *table, leat_model **out)
{
    leat_context *c = k->context;
    LEATI_TRY(leati_onnx_read_whole(c, &k->file, k->from));
    LEATI_TRY(leati_omodel_parse(c, k->file.data, k->file.size, k->from, NULL, NULL, &k->graph));
    LEATI_TRY(choose_columns(k, table));
    LEATI_TRY(understand(k));
    LEATI_TRY(settle_target(k));
    LEATI_TRY(leati_target_read(c, &k->target, &k->schema, k->table, false));
    LEATI_TRY(make_estimator(k));
    LEATI_TRY(judge(k));
    return assemble(k, out);
}

leat_status leat_model_from_graph(leat_context *c, leat_model **out, const char *from,
                                  const leat_frame *table, const leat_graph_options *options)
{
    making k = {.context = c, .from = from, .options = leat_graph_options_default()};
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_graph_options, &k.options, options));
    LEATI_CHECK(c, leati_path_has_suffix(from, ".onnx"), LEAT_INVALID,
                "%s: only ONNX files (.onnx) are imported", from);
    leati_arena_init(&k.arena, c);
    const char *base = leati_path_base(from);
    char *stem = leati_strndup(c, base, strlen(base) - strlen(".onnx"));
    k.name = k.options.name ? k.options.name : stem;
    leat_status st = k.name ? make(&k, table, out) : leat_error_status(c);
    leati_free(stem);
    leati_free(k.said.value);
    leati_free(k.said.proba);
    leati_pipeline_fini(&k.pipeline);
    leati_target_fini(&k.target);
    leati_schema_fini(&k.schema);
    leat_frame_release(k.inputs);
    leat_frame_release(k.table);
    leati_omodel_close(k.graph);
    leati_bytes_release(&k.file);
    leati_arena_fini(&k.arena);
    return st;
}
