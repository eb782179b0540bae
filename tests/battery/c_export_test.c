/* Every estimator as a C file: compiled with warnings as errors, its answers compared with those
 * of the model row by row. Skipped where there is no C compiler. */
#include <dlfcn.h>
#include <stdlib.h>

#include <leat/exchange.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/model.h"
#include "support/exchange_cases.h"
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
    if (CHECK_OK(leattest_answers(t->context, m, f, value, want)))
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
    leat_frame *f = leattest_table(t->context, 90, 1);
    REQUIRE(f && has_compiler(t));
    for (EACH(i, of_two))
        check_model(t, f, "round", "id", of_two[i][0], of_two[i][1], "auto", SINGLE);
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

static void check_networks(leattest *t, size_t count, const char *const *list, bool whole)
{
    leat_frame *f = leattest_numbers(t->context, 40, whole);
    REQUIRE(f && has_compiler(t));
    for (size_t i = 0; i < count; i++) {
        char params[512];
        snprintf(params, sizeof params, "epochs=1|%s", list[i]);
        check_model(t, f, "class", NULL, "network", params, whole ? "none" : "auto", SINGLE);
    }
    leat_frame_release(f);
}

static void layers(leattest *t)
{
    check_networks(t, sizeof networks / sizeof *networks, networks, false);
}

/* Sequences of whole numbers. */
static void words(leattest *t)
{
    check_networks(t, sizeof readers / sizeof *readers, readers, true);
}

/* ---- numbers that are no tokens ---------------------------------------------------------------
 */

/* A program around wood.c: every value in place of a token, and padding before tokens. */
static const char around[] =
    "#include \"wood.c\"\n"
    "static int told(double value, int at)\n{\n"
    "    static wood_workspace w;\n"
    "    wood_number x[wood_NUMBERS];\n"
    "    double out[wood_OUTPUTS];\n"
    "    for (int i = 0; i < wood_NUMBERS; i++) x[i] = 1 + i % 9;\n"
    "    x[at] = value;\n"
    "    return wood_predict(x, out, &w);\n}\n\n"
    "int main(void)\n{\n"
    "    static const double good[] = {1, 5, 9}, bad[] = {-1, -10, -11, 10, 2.5, 1e30, -1e30, NAN, "
    "HUGE_VAL};\n"
    "    int last = wood_NUMBERS - 1;\n"
    "    for (int i = 0; i < 3; i++)\n"
    "        if (told(good[i], 3) < 0 || told(good[i], last) < 0) return 1 + i;\n"
    "    for (int i = 0; i < 9; i++)\n"
    "        if (told(bad[i], 3) != -1 || told(bad[i], last) != -1) return 10 + i;\n"
    "    if (told(0, last) < 0) return 20;\n"
    "    return PADDED && told(0, 3) != -1 ? 21 : 0;\n}\n";

static bool has_sanitizer(leattest *t)
{
    char command[512];
    snprintf(command, sizeof command,
             "echo 'int main(void) { return 0; }' | %s -fsanitize=address,undefined -x c -o %s - "
             "2>/dev/null",
             compiler(), leattest_scratch("sane"));
    if (system(command) == 0) return true;
    leattest_skip(t, "the C compiler has no AddressSanitizer");
    return false;
}

static void check_strangers(leattest *t, const leat_frame *f, const char *params, bool padded)
{
    char source[512], object[512], command[2048];
    leat_model *m = leattest_model(t->context, f, "class", NULL, "network", params, "none");
    leat_export_options o = leat_export_options_default();
    o.name = "wood";
    REQUIRE(m);
    REQUIRE_OK(leat_model_export(t->context, m, "c", leattest_scratch("wood.c"), &o));
    leat_model_release(m);
    snprintf(source, sizeof source, "%s", leattest_scratch("around.c"));
    snprintf(object, sizeof object, "%s", leattest_scratch("around"));
    leati_writer *to;
    REQUIRE_OK(leati_writer_open(t->context, &to, source));
    leati_writer_text(to, around);
    REQUIRE_OK(leati_writer_commit(to));
    snprintf(command, sizeof command,
             "%s -std=c99 -O1 -Wall -Wextra -Werror -fsanitize=address,undefined "
             "-fno-sanitize-recover=all -DPADDED=%d -o %s %s -lm",
             compiler(), padded, object, source);
    REQUIRE(system(command) == 0);
    snprintf(command, sizeof command, "ASAN_OPTIONS=detect_leaks=0 %s", object);
    if (!CHECK_INT(system(command), 0)) printf("    %s\n", params);
}

/* Numbers that are no tokens, and padding before tokens, are -1: nothing beside the table is read.
 */
static void strangers(leattest *t)
{
    static const struct {
        const char *params;
        bool padded;
    } networks_of_tokens[] = {
        {"epochs=1|layers=embedding(10, 4); flatten", false},
        {"epochs=1|layers=crop(2, high=0); embedding(10, 4); gru(3)", false},
        {"epochs=1|layers=embedding(10, 4, mask_zero=true); lstm(5)", true},
        {"epochs=1|layers=embedding(10, 4, mask_zero=true); rnn(5, bidirectional=true)", true},
        {"epochs=1|layers=embedding(10, 4, mask_zero=true); global_average_pool", false}};
    leat_frame *f = leattest_numbers(t->context, 40, true);
    REQUIRE(f && has_compiler(t) && has_sanitizer(t));
    for (EACH(i, networks_of_tokens))
        check_strangers(t, f, networks_of_tokens[i].params, networks_of_tokens[i].padded);
    leat_frame_release(f);
}

/* A format that is not there is refused by name, and nothing is written. */
static void refusals(leattest *t)
{
    leat_frame *f = leattest_numbers(t->context, 30, false);
    const char *path = leattest_scratch("refused.c");
    REQUIRE(f);
    leat_model *m =
        leattest_model(t->context, f, "class", NULL, "network",
                       "epochs=1|input=4x4x3|layers=pad(1, mode=reflect); flatten", "auto");
    if (CHECK(m)) {
        CHECK_FAILS(leat_model_export(t->context, m, "pmml", path, NULL), LEAT_INVALID, "'pmml'");
        CHECK(!leati_path_exists(path));
    }
    leat_model_release(m);
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
    leat_frame *f = leattest_numbers(t->context, 30, false);
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

static const leattest_case cases[] = {
    TEST(classes),         TEST(numbers), TEST(two_classes), TEST(preprocessing), TEST(layers),
    TEST(every_estimator), TEST(words),   TEST(strangers),   TEST(refusals),      TEST(memory)};
LEATTEST_MAIN(cases)
