/* Imported graphs as models of tables: what outputs mean, what classes are called, what is refused,
 * files, several contexts. */
#include <pthread.h>

#include <leat/evaluate.h>
#include <leat/exchange.h>
#include <leat/session.h>

#include "base/map.h"
#include "base/mem.h"
#include "frame/frame.h"
#include "model/model.h"
#include "model/onnx_write.h"
#include "onnx/graph_estimator.h"
#include "support/fitted.h"
#include "support/leattest.h"

enum { ROWS = 90, CLASSES = 3 };

/* ---- tables and graphs ----------------------------------------------------------------------- */

/* Scores of the classes for a row: what the graphs below compute. */
static const float weights[2 * CLASSES] = {2, -1, -1, 0, 1.5f, -1.5f},
                               offsets[CLASSES] = {0.5f, 0, 0};
static const char *const woods[CLASSES] = {"cedar", "ash", "beech"};

static double score(const double x[2], int k)
{
    return x[0] * (double)weights[k] + x[1] * (double)weights[CLASSES + k] + (double)offsets[k];
}

static int best_of(const double x[2])
{
    int best = 0;
    for (int k = 1; k < CLASSES; k++)
        if (score(x, k) > score(x, best)) best = k;
    return best;
}

static void row_of(size_t i, double x[2])
{
    x[0] = (double)(i * 37 % 41) / 10 - 2;
    x[1] = (double)(i * 53 % 47) / 10 - 2;
}

static leati_column *texts(leat_context *c, const char *const *names, size_t count,
                           const uint32_t *codes, size_t rows)
{
    leati_map map;
    leati_map_init(&map, c);
    leati_column *col = leati_column_create(c, LEAT_STRING, rows);
    for (size_t k = 0; k < count; k++) (void)leati_map_put(&map, names[k], strlen(names[k]));
    if (col) col->dict = leati_dict_from_map(c, &map);
    for (size_t i = 0; col && i < rows; i++) col->codes[i] = codes[i];
    leati_map_fini(&map);
    return col;
}

/* u, v, w (nearly u + 2 v), wood (every 9th row another than the graph says), odd: u + v > 0. */
static leat_frame *table(leat_context *c)
{
    leat_frame *f = leati_frame_create(c, ROWS);
    leati_column *u = leati_column_create(c, LEAT_F64, ROWS),
                 *v = leati_column_create(c, LEAT_F64, ROWS);
    leati_column *w = leati_column_create(c, LEAT_F64, ROWS),
                 *odd = leati_column_create(c, LEAT_BOOL, ROWS);
    uint32_t wood[ROWS];
    for (size_t i = 0; u && v && w && odd && i < ROWS; i++) {
        double x[2];
        row_of(i, x);
        u->f64[i] = x[0], v->f64[i] = x[1];
        w->f64[i] = x[0] + 2 * x[1] + (i % 2 ? 0.25 : -0.25);
        odd->u8[i] = x[0] + x[1] > 0;
        wood[i] = (uint32_t)((best_of(x) + (i % 9 == 0)) % CLASSES);
    }
    bool ok = f && !leati_frame_add(c, f, "u", u) && !leati_frame_add(c, f, "v", v) &&
              !leati_frame_add(c, f, "w", w) && !leati_frame_add(c, f, "odd", odd) &&
              !leati_frame_add(c, f, "wood", texts(c, woods, CLASSES, wood, ROWS));
    if (ok) return f;
    leat_frame_release(f);
    return NULL;
}

/* The columns with these letters: u, v, w, o(dd), k(ind of wood). */
static leat_frame *part(leat_context *c, const leat_frame *f, const char *letters)
{
    size_t at[5], n = strlen(letters);
    for (size_t i = 0; i < n; i++) at[i] = (size_t)(strchr("uvwok", letters[i]) - "uvwok");
    return f ? leati_frame_select(c, f, at, n) : NULL;
}

typedef const char *const names[];

typedef struct building {
    leati_onnx_builder b;
    leati_onnx_graph *g;
    leat_context *context;
} building;

static void begin(building *k, leat_context *c)
{
    static const int64_t shape[] = {2, CLASSES}, three[] = {CLASSES};
    k->context = c;
    leati_onnx_builder_init(&k->b, c, "made");
    leati_onnx_add_opset(&k->b, "ai.onnx.ml", 3);
    k->g = k->b.model->graph;
    (void)leati_onnx_add_initializer(&k->b, k->g, "weights", LEATI_ONNX_FLOAT, shape, 2, weights);
    (void)leati_onnx_add_initializer(&k->b, k->g, "offsets", LEATI_ONNX_FLOAT, three, 1, offsets);
}

static void input(building *k, const char *name, int32_t element, int64_t a, int64_t b, size_t rank)
{
    leati_onnx_add_input(&k->b, k->g, name, element, (int64_t[]){a, b}, rank, NULL);
}

static void output(building *k, const char *name, int32_t element, int64_t wide, size_t rank)
{
    leati_onnx_add_output(&k->b, k->g, name, element, (int64_t[]){-1, wide}, rank, NULL);
}

static leati_onnx_node *node(building *k, const char *op, const char *const *in,
                             const char *const *out)
{
    return leati_onnx_add_node(&k->b, k->g, op, in, out);
}

static leat_status end(building *k, const char *path)
{
    leat_status st = leati_onnx_builder_status(&k->b);
    if (st == LEAT_OK) st = leati_onnx_write(k->context, k->b.model, path);
    leati_onnx_builder_fini(&k->b);
    return st;
}

enum { SOFTMAX = 1, LABEL = 2, CALLED = 4 };

/* x (batch, 2) -> scores or probabilities (batch, 3), with the label before it, with the names of
 * the classes in an operator. */
static leat_status write_wood(leat_context *c, const char *path, int64_t batch, int what)
{
    building k;
    begin(&k, c);
    (void)node(&k, "Gemm", (names){"x", "weights", "offsets", NULL}, (names){"scores", NULL});
    const char *table = "scores";
    if (what & SOFTMAX) {
        (void)node(&k, "Softmax", (names){"scores", NULL}, (names){"shares", NULL});
        table = "shares";
    }
    if (what & LABEL) {
        leati_onnx_node *n = node(&k, "ArgMax", (names){"scores", NULL}, (names){"label", NULL});
        leati_onnx_set_int(&k.b, n, "axis", 1);
        leati_onnx_set_int(&k.b, n, "keepdims", 0);
        output(&k, "label", LEATI_ONNX_INT64, 0, 1);
    }
    if (what & CALLED) {
        leati_onnx_node *n = node(&k, "ZipMap", (names){table, NULL}, (names){"called", NULL});
        leati_onnx_set_domain(&k.b, n, "ai.onnx.ml");
        leati_onnx_set_texts(&k.b, n, "classlabels_strings", woods, CLASSES);
        table = "called";
    }
    input(&k, "x", LEATI_ONNX_FLOAT, batch, 2, 2);
    output(&k, table, LEATI_ONNX_FLOAT, CLASSES, 2);
    return end(&k, path);
}

/* u (batch, 1), v (batch, 1), f64 -> y = u + v, or op of it. */
static leat_status write_rows(leat_context *c, const char *path, const char *op)
{
    building k;
    begin(&k, c);
    (void)node(&k, "Add", (names){"u", "v", NULL}, (names){op ? "sum" : "y", NULL});
    if (op) (void)node(&k, op, (names){"sum", NULL}, (names){"y", NULL});
    input(&k, "u", LEATI_ONNX_DOUBLE, -1, 1, 2);
    input(&k, "v", LEATI_ONNX_DOUBLE, -1, 1, 2);
    output(&k, "y", LEATI_ONNX_DOUBLE, 1, 2);
    return end(&k, path);
}

static leat_status make(leat_context *c, leat_model **out, const char *path, const leat_frame *f,
                        const char *target, const char *const *classes, size_t count)
{
    leat_graph_options o = leat_graph_options_default();
    o.target = target;
    o.classes = classes;
    o.class_count = count;
    return leat_model_from_graph(c, out, path, f, &o);
}

/* ---- what it says ---------------------------------------------------------------------------- */

/* Every row is answered as the formula says; shares: with probabilities. */
static void check_wood(leattest *t, const leat_model *m, const leat_frame *f, bool shares)
{
    leat_frame *got = NULL;
    size_t wrong = 0;
    double worst = 0;
    CHECK(leat_model_has_probabilities(m) == shares);
    REQUIRE_OK(leat_model_predict(t->context, m, f, true, &got));
    CHECK_INT(leat_frame_columns(got), shares ? 1 + CLASSES : 1);
    for (size_t i = 0; i < leat_frame_rows(f); i++) {
        const char *text;
        size_t n;
        double x[2], sum = 0, p;
        row_of(i, x);
        wrong += !leat_frame_text(got, 0, i, &text, &n) || strcmp(text, woods[best_of(x)]) != 0;
        for (int k = 0; k < CLASSES; k++) sum += exp(score(x, k));
        for (size_t k = 0; shares && k < CLASSES; k++) {
            CHECK(leat_frame_number(got, k + 1, i, &p));
            worst = fmax(worst, fabs(p - exp(score(x, (int)k)) / sum));
        }
    }
    CHECK_INT(wrong, 0);
    CHECK(worst < 1e-6);
    leat_frame_release(got);
}

static void classes_of_an_input(leattest *t)
{
    const char *path = leattest_scratch("wood.onnx");
    leat_frame *all = table(t->context), *f = part(t->context, all, "uvk"), *g;
    leat_model *m;
    REQUIRE(f);
    for (int what = 0; what < 8; what++)
        for (int64_t batch = -1; batch <= 7; batch += 4) {
            bool called = what & CALLED;
            REQUIRE_OK(write_wood(t->context, path, batch, what));
            if (called) REQUIRE_OK(make(t->context, &m, path, f, "wood", NULL, 0));
            else REQUIRE_OK(make(t->context, &m, path, f, "wood", woods, CLASSES));
            check_wood(t, m, f, what & SOFTMAX);
            leat_model_release(m);
        }
    REQUIRE_OK(write_wood(t->context, path, -1, SOFTMAX));
    CHECK_FAILS(make(t->context, &m, path, f, "wood", NULL, 0), LEAT_INVALID,
                "3 classes|--classes|ash,beech,cedar");
    CHECK_FAILS(make(t->context, &m, path, f, "wood", woods, 2), LEAT_INVALID, "3 classes|2 were");
    CHECK_FAILS(make(t->context, &m, path, f, "wood", (names){"ash", "ash", "beech"}, 3),
                LEAT_INVALID, "two classes|ash");
    CHECK_FAILS(make(t->context, &m, path, f, "wood", (names){"ash", "", "beech"}, 3), LEAT_INVALID,
                "class 2");
    CHECK_FAILS(make(t->context, &m, path, f, "wood", (names){"ash", "oak", "beech"}, 3),
                LEAT_FORMAT, "column wood|no class");
    g = part(t->context, all, "kvu"); /* the order of the columns is that of the graph's numbers */
    REQUIRE_OK(make(t->context, &m, path, g, "wood", woods, CLASSES));
    CHECK_STR(leat_model_input_name(m, 0), "v");
    leat_model_release(m);
    leat_frame_release(g);
    leat_frame_release(f);
    leat_frame_release(all);
}

static void numbers(leattest *t)
{
    const char *path = leattest_scratch("sum.onnx");
    leat_frame *all = table(t->context), *f = part(t->context, all, "wkvu"), *got = NULL;
    leat_model *m;
    REQUIRE(f);
    REQUIRE_OK(write_rows(t->context, path, NULL));
    REQUIRE_OK(make(t->context, &m, path, f, "w", NULL, 0)); /* wood is passed over */
    CHECK(!leat_model_is_classifier(m));
    CHECK_STR(leat_model_estimator(m), "graph");
    CHECK_INT(leat_model_inputs(m), 2);
    CHECK_STR(leat_model_input_name(m, 0), "u");
    REQUIRE_OK(leat_model_predict(t->context, m, f, false, &got));
    for (size_t i = 0; i < ROWS; i++) {
        double x[2], v;
        row_of(i, x);
        CHECK(leat_frame_number(got, 0, i, &v) && v == x[0] + x[1]);
    }
    CHECK(strstr(leat_model_reference(m), "\"held_out\""));
    CHECK(strstr(leat_model_json(m), "\"reference_data\""));
    CHECK(!strstr(leat_model_json(m), "\"config\""));
    leat_frame_release(got);
    leat_model_release(m);
    CHECK_FAILS(make(t->context, &m, path, f, "w", woods, 3), LEAT_INVALID, "one number|3 were");
    leat_frame_release(f);
    leat_frame_release(all);
}

/* One number for two classes, and a class alone. */
static void two_classes(leattest *t)
{
    const char *path = leattest_scratch("odd.onnx");
    leat_frame *all = table(t->context), *f = part(t->context, all, "uvo"), *got = NULL;
    leat_model *m;
    REQUIRE(f);
    for (int k = 0; k < 2; k++) {
        REQUIRE_OK(write_rows(t->context, path, k ? "Sigmoid" : NULL));
        REQUIRE_OK(make(t->context, &m, path, f, "odd", NULL, 0));
        CHECK(leat_model_has_probabilities(m) == (k == 1));
        REQUIRE_OK(leat_model_predict(t->context, m, f, true, &got));
        for (size_t i = 0; i < ROWS; i++) {
            double x[2], p;
            const char *text;
            size_t n;
            row_of(i, x);
            CHECK(leat_frame_text(got, 0, i, &text, &n));
            CHECK_STR(text, x[0] + x[1] > 0 ? "true" : "false");
            if (!k) continue;
            CHECK(leat_frame_number(got, 2, i, &p));
            CHECK_NEAR(p, 1 / (1 + exp(-x[0] - x[1])), 1e-9, 0);
        }
        leat_frame_release(got);
        leat_model_release(m);
    }
    leat_frame_release(f);
    leat_frame_release(all);
}

static void label_alone(leattest *t)
{
    const char *path = leattest_scratch("label.onnx");
    leat_frame *all = table(t->context), *f = part(t->context, all, "uvk"), *got = NULL;
    leat_model *m;
    leat_evaluation *e;
    building k;
    REQUIRE(f);
    begin(&k, t->context);
    (void)node(&k, "Gemm", (names){"x", "weights", "offsets", NULL}, (names){"scores", NULL});
    leati_onnx_node *n = node(&k, "ArgMax", (names){"scores", NULL}, (names){"label", NULL});
    leati_onnx_set_int(&k.b, n, "axis", 1);
    input(&k, "x", LEATI_ONNX_FLOAT, -1, 2, 2);
    output(&k, "label", LEATI_ONNX_INT64, 1, 2);
    REQUIRE_OK(end(&k, path));
    REQUIRE_OK(make(t->context, &m, path, f, "wood", woods, CLASSES));
    check_wood(t, m, f, false);
    CHECK_OK(leat_evaluate(t->context, &e, m, f, "accuracy", false));
    CHECK_NEAR(leat_evaluation_score(e, 0).value, 80.0 / 90, 1e-12, 0);
    leat_evaluation_destroy(e);
    leat_model_release(m);
    leat_frame_release(got);
    leat_frame_release(f);
    leat_frame_release(all);
}

/* Images of 2 x 2 as (batch, 1, 2, 2): the mean of the elements. */
static void arrays(leattest *t)
{
    const char *path = leattest_scratch("mean.onnx");
    static const int64_t axes[] = {1, 2, 3};
    leat_context *c = t->context;
    leat_model *m;
    building k;
    begin(&k, c);
    leati_onnx_node *n = node(&k, "ReduceMean", (names){"image", NULL}, (names){"y", NULL});
    leati_onnx_set_ints(&k.b, n, "axes", axes, 3);
    leati_onnx_set_int(&k.b, n, "keepdims", 0);
    leati_onnx_add_input(&k.b, k.g, "image", LEATI_ONNX_FLOAT, (int64_t[]){-1, 1, 2, 2}, 4, NULL);
    output(&k, "y", LEATI_ONNX_FLOAT, 0, 1);
    REQUIRE_OK(end(&k, path));
    leat_frame *f = leati_frame_create(c, 6), *got = NULL;
    leati_column *images = leati_column_array(c, LEATI_ITEM_U8, (size_t[]){2, 2, 1}, 6);
    leati_column *mean = leati_column_create(c, LEAT_F64, 6);
    REQUIRE(f && images && mean);
    for (size_t i = 0; i < 24; i++) {
        images->u8[i] = (uint8_t)(i * 7);
        mean->f64[i / 4] += (double)(i * 7) / 4;
    }
    REQUIRE_OK(leati_frame_add(c, f, "picture", images));
    REQUIRE_OK(leati_frame_add(c, f, "mean", mean));
    REQUIRE_OK(make(c, &m, path, f, "mean", NULL, 0));
    REQUIRE_OK(leat_model_predict(c, m, f, false, &got));
    for (size_t i = 0; i < 6; i++) {
        double v;
        CHECK(leat_frame_number(got, 0, i, &v));
        CHECK_NEAR(v, mean->f64[i], 1e-6, 0);
    }
    leat_frame_release(got);
    leat_model_release(m);
    leati_column *wide = leati_column_array(c, LEATI_ITEM_U8, (size_t[]){4, 1, 1}, 6);
    leat_frame *other = leati_frame_create(c, 6);
    REQUIRE(wide && other);
    REQUIRE_OK(leati_frame_add(c, other, "picture", wide));
    REQUIRE_OK(leati_frame_add(c, other, "mean", leati_column_retain(mean)));
    CHECK_FAILS(make(c, &m, path, other, "mean", NULL, 0), LEAT_SHAPE, "4 x 1 x 1|image");
    leat_frame_release(other);
    leat_frame_release(f);
}

/* ---- Leat's own ------------------------------------------------------------------------------ */

/* Exported and taken back with its data: the same answers, also from the file, a session and
 * another context than the one that opened it. */
static void round_trip(leattest *t)
{
    char onnx[512], leat[512], back[512];
    snprintf(onnx, sizeof onnx, "%s", leattest_scratch("kind.onnx"));
    snprintf(leat, sizeof leat, "%s", leattest_scratch("kind.leat"));
    snprintf(back, sizeof back, "%s", leattest_scratch("back.onnx"));
    leat_context *other = NULL;
    leat_frame *all = table(t->context), *f = part(t->context, all, "uvwk");
    REQUIRE(f);
    leat_model *m = leattest_model(t->context, f, "wood", NULL, "lda", NULL, "auto"), *g, *opened;
    REQUIRE(m);
    REQUIRE_OK(leat_model_export(t->context, m, "onnx", onnx, NULL));
    REQUIRE_OK(make(t->context, &g, onnx, f, "wood", NULL, 0));
    REQUIRE_OK(leat_model_save(t->context, g, leat));
    CHECK(!leat_model_holds_graph(t->context, leat));
    REQUIRE(leat_context_create(&other, NULL) == LEAT_OK);
    REQUIRE_OK(leat_model_open(other, &opened, leat));
    leat_context_destroy(other);
    double want[ROWS], wants[ROWS * CLASSES], got[ROWS], gots[ROWS * CLASSES];
    CHECK_OK(leattest_answers(t->context, m, f, want, wants));
    CHECK_OK(leattest_answers(t->context, opened, f, got, gots));
    for (size_t i = 0; i < ROWS; i++) CHECK(want[i] == got[i]);
    for (size_t i = 0; i < ROWS * CLASSES; i++) CHECK_NEAR(gots[i], wants[i], 1e-9, 1e-12);
    leat_session *s;
    REQUIRE_OK(leat_session_create(t->context, opened, 2, &s));
    for (size_t j = 0; j < 3; j++) {
        double v;
        CHECK(leat_frame_number(f, j, 5, &v));
        CHECK_OK(leat_session_set_number(s, 0, j, v));
    }
    CHECK_OK(leat_session_run(s, 1, true));
    CHECK(leat_session_predictions(s)[0] == got[5]);
    CHECK(memcmp(leat_session_probabilities(s), gots + 5 * CLASSES, CLASSES * sizeof *gots) == 0);
    leat_session_destroy(s);
    leati_bytes a, b;
    REQUIRE_OK(leat_model_export(t->context, opened, "onnx", back, NULL));
    REQUIRE_OK(leati_file_read(t->context, &a, onnx));
    REQUIRE_OK(leati_file_read(t->context, &b, back));
    CHECK(a.size == b.size && memcmp(a.data, b.data, a.size) == 0);
    leati_bytes_release(&a);
    leati_bytes_release(&b);
    CHECK_OK(leat_model_export(t->context, opened, "npz", back, NULL));
    CHECK_FAILS(leat_model_export(t->context, opened, "c", back, NULL), LEAT_UNSUPPORTED,
                "not as c");
    leat_export_options named = leat_export_options_default();
    named.name = "x";
    CHECK_FAILS(leat_model_export(t->context, opened, "onnx", back, &named), LEAT_UNSUPPORTED,
                "as it came");
    leat_model_release(opened);
    leat_model_release(g);
    leat_model_release(m);
    leat_frame_release(f);
    leat_frame_release(all);
}

/* ---- threads --------------------------------------------------------------------------------- */

typedef struct asker {
    leat_model *model;
    const leat_frame *table;
    const double *want, *wants;
    bool same;
} asker;

static void *ask(void *arg)
{
    asker *a = arg;
    leat_context *c;
    double got[ROWS], gots[ROWS * CLASSES];
    if (leat_context_create(&c, NULL) != LEAT_OK) return NULL;
    a->same = true;
    for (int turn = 0; turn < 20 && a->same; turn++)
        a->same = leattest_answers(c, a->model, a->table, got, gots) == LEAT_OK &&
                  memcmp(got, a->want, sizeof got) == 0 && memcmp(gots, a->wants, sizeof gots) == 0;
    leat_context_destroy(c);
    return NULL;
}

/* Contexts that come and go ask one model at once. */
static void threads(leattest *t)
{
    enum { ASKERS = 4 };
    const char *path = leattest_scratch("threads.onnx");
    leat_frame *all = table(t->context), *f = part(t->context, all, "uvk");
    leat_model *m;
    double want[ROWS], wants[ROWS * CLASSES];
    asker a[ASKERS];
    pthread_t thread[ASKERS];
    REQUIRE(f);
    REQUIRE_OK(write_wood(t->context, path, -1, SOFTMAX | LABEL));
    REQUIRE_OK(make(t->context, &m, path, f, "wood", woods, CLASSES));
    REQUIRE_OK(leattest_answers(t->context, m, f, want, wants));
    for (int i = 0; i < ASKERS; i++) {
        a[i] = (asker){m, f, want, wants, false};
        REQUIRE(pthread_create(&thread[i], NULL, ask, &a[i]) == 0);
    }
    for (int i = 0; i < ASKERS; i++) {
        (void)pthread_join(thread[i], NULL);
        CHECK(a[i].same);
    }
    leat_model_release(m);
    leat_frame_release(f);
    leat_frame_release(all);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void refusals(leattest *t)
{
    leat_context *c = t->context;
    const char *path = leattest_scratch("any.onnx");
    leat_frame *all = table(c), *f = part(c, all, "uvk"), *one = part(c, all, "uk"),
               *mixed = part(c, all, "ukv");
    leat_model *m;
    building k;
    REQUIRE(f && one && mixed);
    CHECK_FAILS(make(c, &m, "model.pt", f, "wood", NULL, 0), LEAT_INVALID, "only ONNX");
    CHECK_FAILS(make(c, &m, "none.onnx", f, "wood", NULL, 0), LEAT_NOT_FOUND, "none.onnx");
    REQUIRE_OK(write_wood(c, path, -1, SOFTMAX));
    CHECK_FAILS(make(c, &m, path, f, NULL, woods, 3), LEAT_INVALID, "no target");
    CHECK_FAILS(make(c, &m, path, f, "wod", woods, 3), LEAT_NOT_FOUND, "wood");
    CHECK_FAILS(make(c, &m, path, one, "wood", woods, 3), LEAT_SHAPE, "1 column|takes 2");
    CHECK_FAILS(make(c, &m, path, mixed, "u", woods, 3), LEAT_TYPE, "wood|texts|numbers");
    REQUIRE_OK(write_rows(c, path, NULL));
    CHECK_FAILS(make(c, &m, path, one, "wood", NULL, 0), LEAT_NOT_FOUND, "'v'|not in the table");
    CHECK_FAILS(make(c, &m, path, f, "u", NULL, 0), LEAT_INVALID, "target and an input");
    CHECK_FAILS(make(c, &m, path, f, "wood", NULL, 0), LEAT_INVALID, "2 classes|--classes");
    REQUIRE_OK(write_rows(c, path, "Log")); /* of negative numbers: no number */
    CHECK_FAILS(make(c, &m, path, all, "w", NULL, 0), LEAT_INVALID, "row|finite");
    begin(&k, c);
    (void)node(&k, "Identity", (names){"x", NULL}, (names){"y", NULL});
    input(&k, "x", LEATI_ONNX_STRING, -1, 1, 2);
    output(&k, "y", LEATI_ONNX_STRING, 1, 2);
    REQUIRE_OK(end(&k, path));
    CHECK_FAILS(make(c, &m, path, f, "wood", NULL, 0), LEAT_UNSUPPORTED,
                "takes text|without a reference");
    begin(&k, c);
    (void)node(&k, "Identity", (names){"x", NULL}, (names){"y", NULL});
    leati_onnx_add_input(&k.b, k.g, "x", LEATI_ONNX_FLOAT, (int64_t[]){-1, -1, 4}, 3, NULL);
    leati_onnx_add_output(&k.b, k.g, "y", LEATI_ONNX_FLOAT, (int64_t[]){-1, -1, 4}, 3, NULL);
    REQUIRE_OK(end(&k, path));
    CHECK_FAILS(make(c, &m, path, f, "wood", NULL, 0), LEAT_UNSUPPORTED, "sequence|reference");
    begin(&k, c);
    (void)node(&k, "ReduceSum", (names){"x", NULL}, (names){"y", NULL});
    input(&k, "x", LEATI_ONNX_FLOAT, -1, 2, 2);
    leati_onnx_add_output(&k.b, k.g, "y", LEATI_ONNX_FLOAT, (int64_t[]){1, 1}, 2, NULL);
    REQUIRE_OK(end(&k, path));
    CHECK_FAILS(make(c, &m, path, f, "wood", NULL, 0), LEAT_UNSUPPORTED, "no output");
    begin(&k, c);
    (void)node(&k, "Cast", (names){"x", NULL}, (names){"f", NULL});
    leati_onnx_set_int(&k.b, &k.g->node.at[0], "to", LEATI_ONNX_FLOAT);
    (void)node(&k, "Gemm", (names){"f", "weights", "offsets", NULL}, (names){"y", NULL});
    input(&k, "x", LEATI_ONNX_INT32, -1, 2, 2);
    output(&k, "y", LEATI_ONNX_FLOAT, 3, 2);
    REQUIRE_OK(end(&k, path));
    CHECK_FAILS(make(c, &m, path, f, "wood", woods, 3), LEAT_TYPE, "row 2|int32");
    leat_frame_release(mixed);
    leat_frame_release(one);
    leat_frame_release(f);
    leat_frame_release(all);
}

/* Missing values go in as NaN; a graph that makes no probability of them is said to. */
static void missing(leattest *t)
{
    leat_context *c = t->context;
    const char *path = leattest_scratch("gaps.onnx");
    leat_frame *all = table(c), *f = part(c, all, "uvk"), *got = NULL;
    leat_model *m;
    REQUIRE(f);
    REQUIRE_OK(write_wood(c, path, -1, SOFTMAX));
    REQUIRE_OK(make(c, &m, path, f, "wood", woods, 3));
    REQUIRE_OK(leati_column_set_missing(c, f->column[1], 4));
    CHECK_FAILS(leat_model_predict(c, m, f, true, &got), LEAT_INVALID, "row 5|missing");
    leat_model_release(m);
    leat_frame_release(f);
    leat_frame_release(all);
}

/* States that no import writes. */
static void damage(leattest *t)
{
    leat_context *c = t->context;
    const char *path = leattest_scratch("damage.onnx");
    leati_bytes file;
    REQUIRE_OK(write_wood(c, path, -1, SOFTMAX | LABEL));
    REQUIRE_OK(leati_file_read(c, &file, path));
    leati_graph_form good = {.says = LEATI_GRAPH_SHARES,
                             .output = 1,
                             .has_label = true,
                             .classes = (const char **)(uintptr_t)woods};
    const char *twice[] = {"a", "a", "b"};
    for (int k = 0; k < 10; k++) {
        leati_graph_form form = good;
        leati_task task = k == 1 ? LEATI_REGRESS : LEATI_CLASSIFY;
        if (k == 2) form.output = 2;
        if (k == 3) form.label = 7;
        if (k == 4) form.says = LEATI_GRAPH_SHARE;
        if (k == 5) form.classes = twice;
        if (k == 6) form.says = LEATI_GRAPH_CLASS;
        if (k == 7) form.says = LEATI_GRAPH_NUMBER;
        size_t size = k == 8 ? file.size / 2 : file.size, features = k == 9 ? 3 : 2;
        leati_state s;
        leati_estimator *e;
        leati_state_init(&s, c);
        CHECK_OK(leati_graph_estimator_state(&s, &form, task, task == LEATI_REGRESS ? 0 : 3,
                                             features, file.data, size));
        REQUIRE_OK(leati_estimator_create(c, &e, &leati_estimator_graph));
        leat_status st = leati_estimator_load(c, e, &s);
        CHECK(k == 0 ? st == LEAT_OK : st == LEAT_FORMAT || st == LEAT_SHAPE);
        leat_error_clear(c);
        leati_estimator_destroy(e);
        leati_state_fini(&s);
    }
    leati_bytes_release(&file);
}

/* ---- memory ---------------------------------------------------------------------------------- */

typedef struct job {
    char onnx[512], leat[512];
    const leat_frame *table;
} job;

static leat_status build(leat_context *c, void *arg)
{
    const job *j = arg;
    leat_model *m;
    leat_status st = make(c, &m, j->onnx, j->table, "wood", NULL, 0);
    if (st == LEAT_OK) st = leat_model_save(c, m, j->leat);
    leat_model_release(m);
    return st;
}

static leat_status open_and_predict(leat_context *c, void *arg)
{
    const job *j = arg;
    leat_model *m = NULL;
    leat_frame *got = NULL;
    leat_status st = leat_model_open(c, &m, j->leat);
    if (st == LEAT_OK) st = leati_estimator_reserve(c, m->pipeline.estimator, 2);
    if (st == LEAT_OK) st = leat_model_predict(c, m, j->table, true, &got);
    leat_frame_release(got);
    leat_model_release(m);
    return st;
}

static void memory(leattest *t)
{
    job j;
    snprintf(j.onnx, sizeof j.onnx, "%s", leattest_scratch("memory.onnx"));
    snprintf(j.leat, sizeof j.leat, "%s", leattest_scratch("memory.leat"));
    leat_frame *all = table(t->context), *f = part(t->context, all, "uvk");
    REQUIRE(f);
    j.table = f;
    REQUIRE_OK(write_wood(t->context, j.onnx, -1, SOFTMAX | LABEL | CALLED));
    REQUIRE_OK(build(t->context, &j));
    leattest_fail_allocations(t, open_and_predict, &j);
    leattest_fail_some_allocations(t, build, &j);
    leat_frame_release(f);
    leat_frame_release(all);
}

static const leattest_case cases[] = {TEST(classes_of_an_input),
                                      TEST(numbers),
                                      TEST(two_classes),
                                      TEST(label_alone),
                                      TEST(arrays),
                                      TEST(round_trip),
                                      TEST(threads),
                                      TEST(refusals),
                                      TEST(missing),
                                      TEST(damage),
                                      TEST(memory)};
LEATTEST_MAIN(cases)
