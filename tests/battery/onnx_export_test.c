/* Every estimator as an ONNX file: run by the library's own runtime in batches of several sizes,
 * answers compared with those of the model. tests/e2e/export.sh compares with another runtime. */
#include <leat/exchange.h>
#include <leat/onnx.h>

#include "base/mem.h"
#include "model/model.h"
#include "support/exchange_cases.h"
#include "support/fitted.h"
#include "support/leattest.h"
#include "support/tables.h"

/* Column i of rows [from, from + count) as the file wants it. */
static void fill_column(const leat_model *m, const leat_frame *f, size_t i, size_t from,
                        size_t count, double *x)
{
    size_t col;
    (void)leat_frame_find(f, leat_model_input_name(m, i), &col);
    const leati_column *c = f->column[col];
    for (size_t k = 0; k < count; k++) {
        x[k] = (double)NAN;
        if (!leati_valid(c, from + k)) continue;
        if (c->type == LEAT_TIME) x[k] = (double)c->i64[from + k];
        else (void)leat_frame_number(f, col, from + k, &x[k]);
    }
}

typedef struct compared {
    double worst;
    size_t wrong;
} compared;

static leat_status run_rows(leat_context *c, const leat_model *m, leat_onnx_model *o,
                            const leat_frame *f, size_t from, size_t count, const double *value,
                            const double *want, compared *r)
{
    enum { MOST_INPUTS = 64 };
    size_t ins = leat_model_inputs(m), classes = leat_model_classes(m);
    leat_array in[MOST_INPUTS] = {{0}}, out[2] = {{0}};
    double *x = leati_array(c, ins * count, sizeof *x);
    if (!x) return LEAT_NOMEM;
    for (size_t i = 0; i < ins; i++) {
        fill_column(m, f, i, from, count, x + i * count);
        in[i] = (leat_array){LEAT_DTYPE_F64, LEAT_DIMS((int64_t)count, 1), x + i * count};
    }
    leat_status st = leat_onnx_model_run(o, in, out);
    for (size_t k = 0; st == LEAT_OK && k < count; k++) {
        const double *got = out[classes ? 1 : 0].data, *should = classes ? want : value;
        size_t outputs = classes ? classes : 1;
        for (size_t j = 0; j < outputs; j++) {
            double w = should[(from + k) * outputs + j];
            double d = fabs(got[k * outputs + j] - w) / (1 + fabs(w));
            if (!(d <= r->worst)) r->worst = d;
        }
        if (classes) r->wrong += ((const int64_t *)out[0].data)[k] != (int64_t)value[from + k];
    }
    leati_free(x);
    return st;
}

static void compare(leattest *t, const leat_model *m, const leat_frame *f, const char *path,
                    double tolerance)
{
    static const size_t batches[] = {1, 7, 30};
    size_t outputs = leat_model_classes(m) ? leat_model_classes(m) : 1;
    leat_onnx_model *o;
    REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &o));
    double *value = LEATI_NEW(t->context, double, f->rows);
    double *want = LEATI_NEW(t->context, double, f->rows *outputs);
    compared r = {0};
    if (CHECK_OK(leattest_answers(t->context, m, f, value, want)))
        for (size_t i = 0, from = 0; i < 3; from += batches[i++])
            if (!CHECK_OK(run_rows(t->context, m, o, f, from, batches[i], value, want, &r))) break;
    if (!CHECK(r.worst <= tolerance)) printf("    largest difference %g\n", r.worst);
    CHECK_INT(r.wrong, 0);
    leati_free(value);
    leati_free(want);
    leat_onnx_model_close(o);
}

static void check_model(leattest *t, const leat_frame *f, const char *target, const char *drop,
                        const char *estimator, const char *params, const char *preprocess,
                        double tolerance)
{
    const char *path = leattest_scratch("wood.onnx");
    leat_model *m = leattest_model(t->context, f, target, drop, estimator, params, preprocess);
    int before = t->failures;
    if (CHECK_OK(leat_error_status(t->context)) && CHECK(m != NULL) &&
        CHECK_OK(leat_model_export(t->context, m, "onnx", path, NULL)))
        compare(t, m, f, path, tolerance);
    if (t->failures > before) printf("    %s %s\n", estimator, params ? params : "");
    leat_error_clear(t->context);
    leat_model_release(m);
}

/* What is random or iterates has no form in ONNX and says so. */
static bool refused(const exchange_case *k)
{
    return k->params && (strcmp(k->params, "strategy=stratified") == 0 ||
                         strstr(k->params, "probability=true") != NULL);
}

static void check_refused(leattest *t, const leat_frame *f, const exchange_case *k)
{
    leat_model *m =
        leattest_model(t->context, f, "kind", "id|colour", k->estimator, k->params, "auto");
    if (CHECK(m))
        CHECK_FAILS(leat_model_export(t->context, m, "onnx", leattest_scratch("no.onnx"), NULL),
                    LEAT_UNSUPPORTED, "ONNX");
    leat_model_release(m);
}

static void classes(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 90, 1);
    REQUIRE(f);
    for (EACH(i, classifiers)) {
        if (refused(&classifiers[i])) check_refused(t, f, &classifiers[i]);
        else
            check_model(t, f, "kind", "id|colour", classifiers[i].estimator, classifiers[i].params,
                        "auto", fmax(classifiers[i].tolerance, EXACT));
    }
    leat_frame_release(f);
}

static bool rename_column(leat_context *c, leat_frame *f, const char *from, const char *to)
{
    size_t at;
    char *copy = leati_strdup(c, to);
    if (!copy || !leat_frame_find(f, from, &at)) return false;
    leati_free(f->name[at]);
    f->name[at] = copy;
    return true;
}

/* Columns that are called as outputs and values of the file would be. */
static void names(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 90, 1);
    REQUIRE(f);
    REQUIRE(rename_column(t->context, f, "length", "class"));
    REQUIRE(rename_column(t->context, f, "width", "probabilities"));
    REQUIRE(rename_column(t->context, f, "weight", "concat_1"));
    REQUIRE(rename_column(t->context, f, "round", "isnan_2"));
    check_model(t, f, "kind", "id|colour", "logistic", NULL, "auto", EXACT);
    REQUIRE(rename_column(t->context, f, "probabilities", "prediction"));
    check_model(t, f, "concat_1", "id|colour|kind", "ridge", NULL, "auto", EXACT);
    leat_onnx_model *o;
    REQUIRE_OK(leat_onnx_model_open(t->context, leattest_scratch("wood.onnx"), NULL, &o));
    CHECK_STR(leat_onnx_model_output_name(o, 0), "prediction_out");
    leat_onnx_model_close(o);
    leat_frame_release(f);
}

static void numbers(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 90, 1);
    REQUIRE(f);
    for (EACH(i, regressors))
        check_model(t, f, "weight", "id|colour|kind", regressors[i].estimator, regressors[i].params,
                    "auto", fmax(regressors[i].tolerance, EXACT));
    leat_frame_release(f);
}

static void two_classes(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 90, 1);
    REQUIRE(f);
    for (EACH(i, of_two))
        check_model(t, f, "round", "id|colour|kind", of_two[i][0], of_two[i][1], "auto", SINGLE);
    leat_frame_release(f);
}

static void layers(leattest *t)
{
    leat_frame *f = leattest_numbers(t->context, 40, false);
    REQUIRE(f);
    for (EACH(i, networks)) {
        char params[512];
        snprintf(params, sizeof params, "epochs=1|%s", networks[i]);
        check_model(t, f, "class", NULL, "network", params, "auto", SINGLE);
    }
    leat_frame_release(f);
}

static void words(leattest *t)
{
    leat_frame *f = leattest_numbers(t->context, 40, true);
    REQUIRE(f);
    for (EACH(i, readers)) {
        char params[512];
        snprintf(params, sizeof params, "epochs=1|%s", readers[i]);
        check_model(t, f, "class", NULL, "network", params, "none", SINGLE);
    }
    leat_frame_release(f);
}

/* What is trained in bf16 has weights in f32, and so are those that are exported: another runtime
 * gives the answers that the model gives in f32, and those in bf16 but for its rounding. */
static void half_precision(leattest *t)
{
    const char *path = leattest_scratch("half.onnx");
    leat_frame *f = leattest_numbers(t->context, 60, false);
    REQUIRE(f);
    leat_model *m = leattest_model(t->context, f, "class", NULL, "network",
                                   "epochs=8|precision=bf16|input=4x4x3|layers=conv2d(8, 3, "
                                   "activation=relu); flatten; dense(16, relu)",
                                   "auto");
    REQUIRE(m);
    size_t cells = f->rows * leat_model_classes(m);
    double *value = LEATI_NEW(t->context, double, f->rows);
    double *half = LEATI_NEW(t->context, double, cells);
    double *single = LEATI_NEW(t->context, double, cells), apart = 0;
    leat_context *own = t->context, *exact;
    leat_context_options o = leat_context_options_default();
    o.precision = LEAT_PRECISION_F32;
    o.threads = 1;
    CHECK_OK(leattest_answers(own, m, f, value, half));
    if (CHECK_OK(leat_context_create(&exact, &o))) {
        t->context = exact;
        CHECK_OK(leattest_answers(exact, m, f, value, single));
        for (size_t i = 0; i < cells; i++) apart = fmax(apart, fabs(half[i] - single[i]));
        CHECK(apart > 1e-6 && apart < 0.02);
        if (CHECK_OK(leat_model_export(exact, m, "onnx", path, NULL)))
            compare(t, m, f, path, SINGLE);
        t->context = own;
        leat_context_destroy(exact);
    }
    leati_free(value);
    leati_free(half);
    leati_free(single);
    leat_model_release(m);
    leat_frame_release(f);
}

typedef struct writing {
    const leat_model *model;
    const char *format;
    char path[512];
} writing;

static leat_status write_model(leat_context *c, void *arg)
{
    const writing *w = arg;
    return leat_model_export(c, w->model, w->format, w->path, NULL);
}

static void memory(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 60, 1);
    writing w;
    static const char *const formats[] = {"onnx", "safetensors", "npz"};
    static const char *const few[][2] = {
        {"network", "epochs=1"}, {"svc", NULL}, {"cart", NULL}, {"knn", NULL}};
    snprintf(w.path, sizeof w.path, "%s", leattest_scratch("memory.out"));
    REQUIRE(f);
    for (EACH(i, few)) {
        leat_model *m = leattest_model(t->context, f, "kind", "id", few[i][0], few[i][1], "auto");
        w.model = m;
        for (size_t k = 0; m && k < sizeof formats / sizeof *formats; k++) {
            w.format = formats[k];
            leattest_fail_some_allocations(t, write_model, &w);
        }
        leat_model_release(m);
    }
    leat_frame_release(f);
}

/* A row of tokens 1 with another one at one place. */
static leat_status run_tokens(leat_context *c, leat_onnx_model *o, double value, size_t at)
{
    enum { COLUMNS = 48 };
    double x[COLUMNS];
    leat_array in[COLUMNS], out[2];
    for (size_t i = 0; i < COLUMNS; i++) {
        x[i] = i == at ? value : 1;
        in[i] = (leat_array){LEAT_DTYPE_F64, LEAT_DIMS(1, 1), &x[i]};
    }
    leat_error_clear(c);
    return leat_onnx_model_run(o, in, out);
}

/* Numbers that are no tokens, and padding before tokens, fail the run. */
static void strangers(leattest *t)
{
    static const double bad[] = {-1, -10, 10, 2.5, 1e30};
    static const char *const of_tokens[] = {
        "epochs=1|layers=embedding(10, 4); flatten",
        "epochs=1|layers=embedding(10, 4, mask_zero=true); lstm(5)"};
    leat_frame *f = leattest_numbers(t->context, 40, true);
    const char *path = leattest_scratch("tokens.onnx");
    REQUIRE(f);
    for (EACH(i, of_tokens)) {
        leat_onnx_model *o;
        leat_model *m =
            leattest_model(t->context, f, "class", NULL, "network", of_tokens[i], "none");
        REQUIRE(m);
        REQUIRE_OK(leat_model_export(t->context, m, "onnx", path, NULL));
        REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &o));
        for (size_t at = 3; at <= 39; at += 36) {
            CHECK_OK(run_tokens(t->context, o, 9, at));
            for (EACH(k, bad))
                CHECK_FAILS(run_tokens(t->context, o, bad[k], at), LEAT_INVALID, "out of range");
        }
        CHECK_OK(run_tokens(t->context, o, 9, 39));
        if (i > 0)
            CHECK_FAILS(run_tokens(t->context, o, 0, 3), LEAT_INVALID, "sequence 1 has length -1");
        leat_onnx_model_close(o);
        leat_model_release(m);
    }
    leat_frame_release(f);
}

static const leattest_case cases[] = {TEST(classes),     TEST(names),          TEST(numbers),
                                      TEST(two_classes), TEST(layers),         TEST(words),
                                      TEST(strangers),   TEST(half_precision), TEST(memory)};
LEATTEST_MAIN(cases)
