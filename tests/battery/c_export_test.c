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

/* Sums are ordered otherwise than in the kernels, so the last bits differ; networks and some
 * support vector machines compute in single precision. */
#define EXACT  1e-11
#define SINGLE 2e-5

static const struct {
    const char *estimator, *params;
    double tolerance;
} classifiers[] = {
    {"baseline", NULL, 0},
    {"baseline", "strategy=stratified", 0},
    {"lda", NULL, EXACT},
    {"qda", "reg_param=0.1", EXACT},
    {"knn", NULL, EXACT},
    {"knn", "weights=distance", EXACT},
    {"knn", "metric=cosine|weights=distance", EXACT},
    {"knn", "metric=chebyshev", EXACT},
    {"cart", NULL, 0},
    {"gaussian_nb", NULL, EXACT},
    {"multinomial_nb", NULL, EXACT},
    {"bernoulli_nb", NULL, EXACT},
    {"logistic", NULL, EXACT},
    {"sgd", NULL, EXACT},
    {"sgd", "loss=log_loss", EXACT},
    {"sgd", "loss=modified_huber", EXACT},
    {"svc", NULL, SINGLE},
    {"svc", "kernel=poly|break_ties=true", SINGLE},
    {"svc", "kernel=sigmoid|probability=true", SINGLE},
    {"svc", "kernel=linear|probability=true", SINGLE},
    {"linear_svc", NULL, EXACT},
    {"network", "epochs=3", SINGLE},
};
static const struct {
    const char *estimator, *params;
    double tolerance;
} regressors[] = {
    {"baseline", NULL, 0},
    {"knn", NULL, EXACT},
    {"knn", "weights=distance|p=3", EXACT},
    {"knn", "metric=manhattan", EXACT},
    {"cart", NULL, 0},
    {"linear", NULL, EXACT},
    {"ridge", NULL, EXACT},
    {"lasso", "alpha=0.01", EXACT},
    {"elastic_net", "alpha=0.01", EXACT},
    {"sgd", NULL, EXACT},
    {"svr", NULL, SINGLE},
    {"svr", "kernel=linear", SINGLE},
    {"linear_svr", NULL, EXACT},
    {"network", "epochs=3", SINGLE},
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

/* Two classes, where linear models and machines keep one score. */
static void two_classes(leattest *t)
{
    static const char *const few[][2] = {{"logistic", NULL},
                                         {"sgd", "loss=log_loss"},
                                         {"sgd", "loss=modified_huber"},
                                         {"linear_svc", NULL},
                                         {"svc", NULL},
                                         {"svc", "probability=true"},
                                         {"lda", NULL},
                                         {"network", "epochs=2"}};
    leat_frame *f = leattest_table(t->context, 90, 1);
    REQUIRE(f && has_compiler(t));
    for (EACH(i, few)) check_model(t, f, "round", "id", few[i][0], few[i][1], "auto", SINGLE);
    leat_frame_release(f);
}

static void preprocessing(leattest *t)
{
    static const char *const modes[] = {"standard", "minmax", "robust"};
    leat_frame *f = leattest_table(t->context, 90, 1);
    REQUIRE(f && has_compiler(t));
    for (EACH(i, modes)) check_model(t, f, "kind", "id", "lda", NULL, modes[i], EXACT);
    check_model(t, f, "kind", "id", "cart", NULL, "none", 0);
    check_model(t, f, "weight", "id", "cart", NULL, "none", 0);
    check_model(t, f, "kind", "id|width|when", "knn", NULL, "none", EXACT);
    leat_frame_release(f);
}

static bool listed(const char *name)
{
    for (EACH(i, classifiers))
        if (strcmp(classifiers[i].estimator, name) == 0) return true;
    for (EACH(i, regressors))
        if (strcmp(regressors[i].estimator, name) == 0) return true;
    return false;
}

/* No estimator without a form in C and a test of it. */
static void every_estimator(leattest *t)
{
    for (size_t i = 0; i < leati_estimator_count(); i++)
        if (!CHECK(listed(leati_estimator_at(i)->name)))
            printf("    %s\n", leati_estimator_at(i)->name);
}

/* --- networks ------------------------------------------------------------------------------------
 */

/* 48 numbers and a class that depends on them; whole: from 0 to 9, with zeros at the end. */
static leat_frame *numbers_table(leat_context *c, size_t rows, bool whole)
{
    enum { COLUMNS = 48 };
    leat_frame *f = leati_frame_create(c, rows);
    leati_column *col[COLUMNS + 1];
    leat_status st = f ? LEAT_OK : LEAT_NOMEM;
    for (size_t j = 0; j <= COLUMNS && st == LEAT_OK; j++) {
        char name[16];
        snprintf(name, sizeof name, j < COLUMNS ? "x%zu" : "class", j);
        col[j] = leati_column_create(c, j < COLUMNS ? LEAT_F64 : LEAT_I64, rows);
        st = leati_frame_add(c, f, name, col[j]);
    }
    for (size_t i = 0; i < rows && st == LEAT_OK; i++) {
        leati_rng r;
        leati_rng_init(&r, 1, LEATI_RNG_TEST, (uint32_t)i);
        for (size_t j = 0; j < COLUMNS; j++)
            col[j]->f64[i] = !whole       ? leati_rng_normal(&r)
                             : j > i % 40 ? 0
                                          : leati_rng_below(&r, 10);
        col[COLUMNS]->i64[i] =
            (col[0]->f64[i] + col[9]->f64[i] > 0) + (col[20]->f64[i] * col[1]->f64[i] > 0);
    }
    if (st == LEAT_OK) return f;
    leat_frame_release(f);
    return NULL;
}

static const char *const networks[] = {
    "input=4x4x3|layers=conv2d(5, 3, activation=relu); flatten",
    "input=4x4x3|layers=conv2d(4, 2, strides=2, padding=same); batch_norm; relu; max_pool2d; "
    "flatten",
    "input=4x4x3|layers=conv2d(6, 3, padding=same, groups=3, dilation_rate=2); average_pool2d(2, "
    "padding=same, strides=1); global_average_pool",
    "input=4x4x3|layers=depthwise_conv2d(3, padding=same); gelu; separable_conv2d(4, 2); "
    "global_max_pool",
    "input=4x4x3|layers=conv2d_transpose(2, 3, strides=2); leaky_relu; pad(1); crop(1x0, "
    "high=0x2); flatten",
    "input=16x3|layers=conv1d(4, 3, padding=causal, activation=silu); max_pool1d(3, strides=2); "
    "instance_norm; flatten",
    "input=2x4x2x3|layers=conv3d(3, 2, padding=same); tanh; max_pool3d(2, padding=same); flatten",
    "input=4x4x3|layers=upsample(2x1); group_norm(3); mish; permute(2, 1, 3); flatten",
    "input=12x4|layers=lstm(6, return_sequences=true); gru(5)",
    "input=12x4|layers=rnn(6, return_sequences=true, bidirectional=true); gru(4, "
    "bidirectional=true); layer_norm",
    "input=12x4|layers=lstm(5, layers=2, bidirectional=true, use_bias=false); rms_norm",
    "input=12x4|layers=positions; multi_head_attention(2, 4); global_average_pool",
    "input=12x4|layers=transformer_encoder(2, 8); flatten; dropout(0.5)",
    "layers=residual { dense(48, selu) }; concat { identity; sequence { dense(8); softplus } }; "
    "add { dense(9); dense(9, softmax) }",
    "layers=dense(10, elu); hard_swish; hard_sigmoid; celu; softsign; log_sigmoid; relu6; exp",
    "layers=dense(10); log_softmax; repeat(3); flatten; gelu_tanh; sigmoid",
    "input=48|layers=reshape(6, 8); masking(0.5); lstm(4)",
};

static void layers(leattest *t)
{
    leat_frame *f = numbers_table(t->context, 40, false);
    REQUIRE(f && has_compiler(t));
    for (EACH(i, networks)) {
        char params[512];
        snprintf(params, sizeof params, "epochs=1|%s", networks[i]);
        check_model(t, f, "class", NULL, "network", params, "auto", SINGLE);
    }
    leat_frame_release(f);
}

static const char *const readers[] = {
    "layers=embedding(10, 4); flatten",
    "layers=embedding(10, 4, mask_zero=true); lstm(5); layer_norm",
    "layers=embedding(10, 4, mask_zero=true); gru(5, bidirectional=true)",
    "layers=embedding(10, 4, mask_zero=true); multi_head_attention(2); global_average_pool",
    "layers=embedding(10, 8); positions(learned); transformer_encoder(2, 8, causal=true); "
    "global_max_pool",
    "layers=memory { crop(0, high=20); embedding(10, 8); transformer_encoder(2, 8) }; crop(30, "
    "high=0); embedding(10, 8); transformer_decoder(2, 8); flatten",
};

/* Sequences of whole numbers. */
static void words(leattest *t)
{
    leat_frame *f = numbers_table(t->context, 40, true);
    REQUIRE(f && has_compiler(t));
    for (EACH(i, readers)) {
        char params[512];
        snprintf(params, sizeof params, "epochs=1|%s", readers[i]);
        check_model(t, f, "class", NULL, "network", params, "none", SINGLE);
    }
    leat_frame_release(f);
}

/* --- memory --------------------------------------------------------------------------------------
 */

typedef struct writing {
    const leat_model *model;
    char path[512];
} writing;

static leat_status write_model(leat_context *c, void *arg)
{
    const writing *w = arg;
    return leat_model_export(c, w->model, "c", w->path, NULL);
}

static void memory(leattest *t)
{
    static const char *const few[][2] = {
        {"network",
         "epochs=1|input=4x4x3|layers=conv2d(3, 2); batch_norm; relu; max_pool2d; flatten"},
        {"network", "epochs=1|input=12x4|layers=gru(3, return_sequences=true); "
                    "multi_head_attention(1, 2); flatten"},
        {"svc", "probability=true"},
        {"cart", NULL},
        {"knn", NULL},
        {"gaussian_nb", NULL}};
    leat_frame *f = numbers_table(t->context, 30, false);
    writing w;
    snprintf(w.path, sizeof w.path, "%s", leattest_scratch("memory.c"));
    REQUIRE(f);
    for (EACH(i, few)) {
        leat_model *m = leattest_model(t->context, f, "class", NULL, few[i][0], few[i][1], "auto");
        w.model = m;
        if (CHECK(m)) leattest_fail_some_allocations(t, write_model, &w);
        leat_model_release(m);
    }
    leat_frame_release(f);
}

static const leattest_case cases[] = {TEST(classes),       TEST(numbers), TEST(two_classes),
                                      TEST(preprocessing), TEST(layers),  TEST(every_estimator),
                                      TEST(words),         TEST(memory)};
LEATTEST_MAIN(cases)
