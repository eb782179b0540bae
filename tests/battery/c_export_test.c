/* Every estimator as a C file: compiled with warnings as errors, its answers compared with those
 * of the model row by row. Skipped where there is no C compiler. */
#include <dlfcn.h>
#include <stdlib.h>

#include <leat/exchange.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "learn/conform.h"
#include "model/model.h"
#include "support/fitted.h"
#include "support/leattest.h"
#include "support/tables.h"

static const char *compiler(void)
{
    const char *cc = getenv("CC");
    return cc && *cc ? cc : "cc";
}

static bool has_compiler(leattest *t)
{
    char command[256];
    snprintf(command, sizeof command, "%s --version >/dev/null 2>&1", compiler());
    if (system(command) == 0) return true;
    leattest_skip(t, "no C compiler");
    return false;
}

/* The exported model as a shared object; dlclose. */
static void *compile(leattest *t, const leat_model *m, const char *flags)
{
    char source[512], object[512], command[2048];
    leat_export_options o = leat_export_options_default();
    o.name = "wood";
    snprintf(source, sizeof source, "%s", leattest_scratch("wood.c"));
    snprintf(object, sizeof object, "%s", leattest_scratch("wood.so"));
    if (!CHECK_OK(leat_model_export(t->context, m, "c", source, &o))) return NULL;
    snprintf(command, sizeof command,
             "%s -std=c99 -Wall -Wextra -Wpedantic -Werror %s -shared -fPIC -o %s %s -lm",
             compiler(), flags, object, source);
    if (!CHECK(system(command) == 0)) return NULL;
    void *so = dlopen(object, RTLD_NOW | RTLD_LOCAL);
    (void)remove(object);
    if (!CHECK(so != NULL)) printf("    %s\n", dlerror());
    return so;
}

typedef int (*predict_fn)(const void *x, double *out, void *workspace);
typedef int (*level_fn)(int input, const char *text);

/* A row of a frame as the file wants it. */
static void fill_row(const leat_model *m, const leat_frame *f, size_t row, level_fn level,
                     double *x)
{
    for (size_t i = 0; i < leat_model_inputs(m); i++) {
        size_t col;
        double value;
        const char *text;
        (void)leat_frame_find(f, leat_model_input_name(m, i), &col);
        x[i] = (double)NAN;
        if (leat_frame_text(f, col, row, &text, NULL)) x[i] = level((int)i, text);
        else if (leati_valid(f->column[col], row) && f->column[col]->type == LEAT_TIME)
            x[i] = (double)f->column[col]->i64[row];
        else if (leat_frame_number(f, col, row, &value)) x[i] = value;
    }
}

/* The model's own answers, in the same order. */
static leat_status answers(leat_context *c, const leat_model *m, const leat_frame *f, double *value,
                           double *out)
{
    leati_predictions p = {.value = value};
    bool proba = leat_model_has_probabilities(m);
    if (leat_model_is_classifier(m)) *(proba ? &p.proba : &p.score) = out;
    uint32_t *rows = leati_array(c, f->rows, sizeof *rows);
    leat_frame *g = NULL;
    leat_status st = rows ? leati_conform(c, &g, &m->schema, f) : LEAT_NOMEM;
    for (size_t i = 0; rows && i < f->rows; i++) rows[i] = (uint32_t)i;
    if (st == LEAT_OK) st = leati_pipeline_predict(c, &m->pipeline, g, rows, f->rows, &p);
    leat_frame_release(g);
    leati_free(rows);
    return st;
}

static void compare(leattest *t, const leat_model *m, const leat_frame *f, void *so,
                    double tolerance)
{
    size_t inputs = leat_model_inputs(m), classes = leat_model_classes(m);
    size_t outputs = classes ? classes : 1, wrong = 0;
    predict_fn predict = NULL;
    level_fn level = NULL;
    void *symbol = dlsym(so, "wood_predict"), *find = dlsym(so, "wood_level");
    REQUIRE(symbol);
    memcpy(&predict, &symbol, sizeof predict);
    memcpy(&level, &find, sizeof level);
    double *value = LEATI_NEW(t->context, double, f->rows), out[64], worst = 0;
    double *want = LEATI_NEW(t->context, double, f->rows *outputs), *x;
    x = LEATI_NEW(t->context, double, inputs);
    char *workspace = leati_calloc(t->context, 1, 1 << 22);
    if (CHECK_OK(answers(t->context, m, f, value, want)))
        for (size_t i = 0; i < f->rows; i++) {
            fill_row(m, f, i, level, x);
            int k = predict(x, out, workspace);
            if (!classes) want[i] = value[i];
            for (size_t j = 0; j < outputs; j++) {
                double w = want[i * outputs + j], d = fabs(out[j] - w) / (1 + fabs(w));
                if (!(d <= worst)) worst = d;
            }
            wrong += classes ? k != (int)value[i] : k != 0;
        }
    if (!CHECK(worst <= tolerance)) printf("    largest difference %g\n", worst);
    CHECK_INT(wrong, 0);
    leati_free(value);
    leati_free(want);
    leati_free(x);
    leati_free(workspace);
}

static void check_model(leattest *t, const leat_frame *f, const char *target, const char *drop,
                        const char *estimator, const char *params, const char *preprocess,
                        double tolerance)
{
    leat_model *m = leattest_model(t->context, f, target, drop, estimator, params, preprocess);
    int before = t->failures;
    if (CHECK_OK(leat_error_status(t->context)) && CHECK(m != NULL)) {
        void *so = compile(t, m, "-O1");
        if (so) compare(t, m, f, so, tolerance);
        if (so) dlclose(so);
    }
    if (t->failures > before) printf("    %s %s\n", estimator, params ? params : "");
    leat_model_release(m);
}

/* --- estimators ----------------------------------------------------------------------------------
 */

/* Sums are ordered otherwise than in the kernels, so the last bits differ. */
#define EXACT 1e-11

static const struct {
    const char *estimator, *params;
    double tolerance;
} classifiers[] =
    {
        {"logistic", NULL, EXACT},       {"lda", NULL, EXACT},
        {"linear_svc", NULL, EXACT},     {"sgd", NULL, EXACT},
        {"sgd", "loss=log_loss", EXACT}, {"sgd", "loss=modified_huber", EXACT},
        {"network", "epochs=3", 2e-5},
},
  regressors[] = {
      {"linear", NULL, EXACT},        {"ridge", NULL, EXACT},
      {"lasso", "alpha=0.01", EXACT}, {"elastic_net", "alpha=0.01", EXACT},
      {"linear_svr", NULL, EXACT},    {"sgd", NULL, EXACT},
      {"network", "epochs=3", 2e-5},
};

#define EACH(i, list)                                                                              \
    size_t i = 0;                                                                                  \
    i < sizeof(list) / sizeof *(list);                                                             \
    i++

static void classes(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 90, 1);
    REQUIRE(f && has_compiler(t));
    for (EACH(i, classifiers))
        check_model(t, f, "kind", "id", classifiers[i].estimator, classifiers[i].params, "auto",
                    classifiers[i].tolerance);
    leat_frame_release(f);
}

static void numbers(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 90, 1);
    REQUIRE(f && has_compiler(t));
    for (EACH(i, regressors))
        check_model(t, f, "weight", "id", regressors[i].estimator, regressors[i].params, "auto",
                    regressors[i].tolerance);
    leat_frame_release(f);
}

static const leattest_case cases[] = {TEST(classes), TEST(numbers)};
LEATTEST_MAIN(cases)
