/* Looking inside networks: tables of layers, activations, saliency, projections, the page. */
#include "support/leattest.h"

#include <leat/experiment.h>
#include <leat/inspect.h>
#include <leat/read.h>
#include <math.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "frame/frame.h"
#include "learn/pca.h"
#include "learn/tsne.h"
#include "nn/examine.h"
#include "plot/ramp.h"

enum { ROWS = 60, SIDE = 6 };

static leat_frame *frame_of(leat_context *c, const char *name, leati_column *x, leati_column *y)
{
    leat_frame *f = x && y ? leati_frame_create(c, x->rows) : NULL;
    if (!f) {
        leati_column_release(x);
        leati_column_release(y);
        return NULL;
    }
    leat_status st = leati_frame_add(c, f, name, x);
    if (st == LEAT_OK) st = leati_frame_add(c, f, "stands", y);
    else leati_column_release(y);
    if (st == LEAT_OK) return f;
    leat_frame_release(f);
    return NULL;
}

/* Bars that lie or stand. */
static leat_frame *bars(leat_context *c, const char *name)
{
    leati_rng rng;
    leati_rng_init(&rng, 5, LEATI_RNG_TEST, 0);
    leati_column *image = leati_column_array(c, LEATI_ITEM_U8, (size_t[]){SIDE, SIDE, 1}, ROWS);
    leati_column *kind = leati_column_create(c, LEAT_BOOL, ROWS);
    for (size_t i = 0; image && kind && i < ROWS; i++) {
        size_t line = i / 2 % SIDE;
        kind->u8[i] = i % 2;
        for (size_t k = 0; k < SIDE * SIDE; k++) {
            bool bar = i % 2 ? k % SIDE == line : k / SIDE == line;
            image->u8[i * SIDE * SIDE + k] =
                (uint8_t)(leati_rng_below(&rng, 60) + (bar ? 190u : 0));
        }
    }
    return frame_of(c, name, image, kind);
}

static leat_model *learn_layers(leat_context *c, const char *estimator, const char *layers)
{
    char set[256];
    const char *sets[] = {set, "network.input=6x6x1", "network.epochs=30", "network.batch_size=8",
                          "network.learning_rate=0.01"};
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e = NULL;
    leat_model *m = NULL;
    o.target = "stands";
    o.models = estimator;
    o.cv = "holdout:0.2";
    o.quick = true;
    o.set = sets;
    o.set_count = strcmp(estimator, "network") == 0 ? 5 : 0;
    o.name = "bars";
    snprintf(set, sizeof set, "network.layers=%s", layers);
    leat_frame *f = bars(c, "picture");
    if (f && leat_experiment_run(c, &e, f, NULL, &o) == LEAT_OK)
        m = leat_model_retain(leat_experiment_beside(e) ? leat_experiment_beside(e)
                                                        : leat_experiment_model(e));
    leat_experiment_destroy(e);
    leat_frame_release(f);
    return m;
}

static leat_model *learn(leat_context *c, const char *estimator)
{
    return learn_layers(c, estimator,
                        "conv2d(4, 3, padding=same, activation=relu); "
                        "residual { conv2d(4, 3, padding=same) }; max_pool2d; flatten; "
                        "dense(8, tanh); dropout(0.1)");
}

/* ---- layers
 * -------------------------------------------------------------------------------------- */

static void layers_are_counted(leattest *t)
{
    static const struct {
        const char *name;
        size_t depth, parameters, bytes;
        double least,
            most; /* flops: products are known, additions of biases are a matter of fusion */
    } want[] = {
        {"conv2d_1", 0, 40, 36 * 4 * 4, 2 * 36 * 36, 2 * 36 * 36 + 36 * 4 * 3},
        {"residual_1", 0, 148, 36 * 4 * 4, 2 * 36 * 144, 2 * 36 * 144 + 36 * 4 * 5},
        {"residual_1/conv2d_2", 1, 148, 36 * 4 * 4, 2 * 36 * 144, 2 * 36 * 144 + 36 * 4 * 3},
        {"max_pool2d_1", 0, 0, 9 * 4 * 4, 0, 9 * 4 * 4},
        {"flatten_1", 0, 0, 36 * 4, 0, 0},
        {"dense_1", 0, 296, 8 * 4, 2 * 36 * 8, 2 * 36 * 8 + 8 * 3},
        {"dropout_1", 0, 0, 8 * 4, 0, 8 * 2},
        {"dense_2", 0, 18, 2 * 4, 2 * 8 * 2, 2 * 8 * 2 + 2 * 3}};
    leat_model *m = learn(t->context, "network");
    leat_frame *f = bars(t->context, "picture");
    leat_inspect_options o = leat_inspect_options_default();
    leat_inspection *i;
    REQUIRE(m && f);
    o.rows = 0;
    o.row = 3;
    REQUIRE_OK(leat_inspect(t->context, &i, m, f, &o));
    REQUIRE(leat_inspection_layers(i) == sizeof want / sizeof *want);
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        leat_layer_info l = leat_inspection_layer(i, k);
        CHECK_STR(l.name, want[k].name);
        CHECK_INT(l.depth, want[k].depth);
        CHECK_INT(l.parameters, want[k].parameters);
        CHECK_INT(l.bytes, want[k].bytes);
        if (!CHECK(l.flops >= want[k].least && l.flops <= want[k].most))
            printf("    %s: %g flops\n", l.name, l.flops);
    }
    CHECK_INT(leat_inspection_parameters(i), 40 + 148 + 296 + 18);
    double outer = 0;
    for (size_t k = 0; k < sizeof want / sizeof *want; k++)
        outer += want[k].depth ? 0 : leat_inspection_layer(i, k).flops;
    CHECK_NEAR(outer, leat_inspection_flops(i), 0, 0);
    CHECK(strstr(leat_inspection_verdict(i), "true (") &&
          strstr(leat_inspection_verdict(i), "so it is"));
    size_t n;
    CHECK(!leat_inspection_plane(i, true, &n) && n == 0);
    leat_inspection_destroy(i);
    leat_frame_release(f);
    leat_model_release(m);
}

/* An activation that the engine merges with the product before it is a layer of its own here, and
 * a container has all that is inside. */
static void merged_layers_count(leattest *t)
{
    leati_network *n;
    leat_graph *g;
    leati_layer_table a;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    REQUIRE_OK(leati_network_create(
        t->context, "dense(7); tanh; residual { sequence { dense(7); tanh } }", LEAT_DIMS(5), &n));
    REQUIRE_OK(leati_network_open(n, g, 3));
    REQUIRE_OK(leati_layer_table_make(t->context, n, &a));
    REQUIRE(a.count == 6);
    CHECK_STR(a.row[1].kind, "activation");
    CHECK_NEAR(a.row[1].flops, 7, 0, 0);
    CHECK_NEAR(a.row[5].flops, 7, 0, 0);
    CHECK_NEAR(a.row[3].flops, a.row[4].flops + a.row[5].flops, 0, 0);
    CHECK_NEAR(a.row[2].flops, a.row[3].flops + 7, 0, 0); /* and the sum */
    CHECK_NEAR(a.row[0].flops + a.row[1].flops + a.row[2].flops, a.flops, 0, 0);
    leati_layer_table_fini(&a);
    leati_network_destroy(n);
    leat_graph_destroy(g);
}

/* The gradient of the saliency is that of differences. */
static void saliency_is_the_gradient(leattest *t)
{
    leati_network *n;
    leat_graph *g;
    leati_activations a, b;
    float x[5] = {0.3f, -0.2f, 0.5f, 0.1f, -0.4f};
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    REQUIRE_OK(leati_network_create(t->context, "dense(7, tanh); dense(3)", LEAT_DIMS(5), &n));
    REQUIRE_OK(leati_network_open(n, g, 3));
    REQUIRE_OK(leati_activations_make(t->context, n, x, 1, &a));
    CHECK_INT(a.count, 2);
    CHECK_INT(a.shape[0].dim[0], 7);
    for (size_t k = 0; k < 3; k++) CHECK_NEAR(a.values[1][k], a.output[k], 0, 0);
    for (size_t k = 0; k < 5; k++) {
        float by = 1e-3f, keep = x[k];
        x[k] = keep + by;
        REQUIRE_OK(leati_activations_make(t->context, n, x, 1, &b));
        double up = (double)b.output[1];
        leati_activations_fini(&b);
        x[k] = keep - by;
        REQUIRE_OK(leati_activations_make(t->context, n, x, 1, &b));
        CHECK_NEAR(a.saliency[k], (up - (double)b.output[1]) / (2 * (double)by), 1e-2, 2e-4);
        leati_activations_fini(&b);
        x[k] = keep;
    }
    /* the same layer over rows */
    float out[7];
    leati_matrix m = {.f32 = x, .rows = 1, .cols = 5, .stride = 5};
    REQUIRE_OK(leati_layer_values(t->context, n, &m, 0, out, 7));
    for (size_t k = 0; k < 7; k++) CHECK_NEAR(out[k], a.values[0][k], 1e-6, 1e-7);
    CHECK_FAILS(leati_layer_values(t->context, n, &m, 0, out, 6), LEAT_SHAPE, "layer 1");
    leati_activations_fini(&a);
    leati_network_destroy(n);
    /* of what is looked up, the length of the gradient where it comes out */
    float at[2] = {1, 2}, slope[2] = {0}, kernel[6 * 2];
    REQUIRE_OK(
        leati_network_create(t->context, "embedding(4, 3); flatten; dense(2)", LEAT_DIMS(2), &n));
    REQUIRE_OK(leati_network_open(n, g, 3));
    REQUIRE_OK(leati_activations_make(t->context, n, at, 1, &a));
    REQUIRE(a.saliency && a.by_token && n->weight_count == 3);
    REQUIRE_OK(leat_variable_get(n->weight[1].variable, kernel, sizeof kernel));
    for (size_t k = 0; k < 6; k++) slope[k / 3] += kernel[2 * k + 1] * kernel[2 * k + 1];
    for (size_t k = 0; k < 2; k++) CHECK_NEAR(a.saliency[k], sqrt((double)slope[k]), 1e-5, 1e-6);
    leati_activations_fini(&a);
    leati_network_destroy(n);
    leat_graph_destroy(g);
}

/* ---- inputs
 * -------------------------------------------------------------------------------------- */

/* A normalization before it does not hide the first kernel. */
static void filters_behind_a_normalization(leattest *t)
{
    static const struct {
        const char *layers;
        size_t filters;
    } cases[] = {{"batch_norm; conv2d(4, 3); flatten", 4},
                 {"flatten; batch_norm; dense(6)", 6},
                 {"max_pool2d(2); flatten; dense(5)", 0}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        leat_inspect_options o = leat_inspect_options_default();
        leat_inspection *i = NULL;
        leat_model *m = learn_layers(t->context, "network", cases[k].layers);
        leat_frame *f = bars(t->context, "picture");
        o.rows = 0;
        if (CHECK(m && f) && CHECK_OK(leat_inspect(t->context, &i, m, f, &o)))
            CHECK_INT(leat_inspection_filters(i), cases[k].filters);
        leat_inspection_destroy(i);
        leat_frame_release(f);
        leat_model_release(m);
    }
}

static leat_frame *as_table(leat_context *c, const leat_frame *f, size_t row)
{
    leat_frame *out = leati_frame_create(c, SIDE);
    for (size_t k = 0; out && k < SIDE; k++) {
        char name[16];
        leati_column *col = leati_column_create(c, LEAT_I64, SIDE);
        snprintf(name, sizeof name, "c%zu", k);
        for (size_t i = 0; col && i < SIDE; i++)
            col->i64[i] = f->column[0]->u8[(row * SIDE + i) * SIDE + k];
        if (leati_frame_add(c, out, name, col) == LEAT_OK) continue;
        leat_frame_release(out);
        return NULL;
    }
    return out;
}

static void pictures_come_in_forms(leattest *t)
{
    leat_model *m = learn(t->context, "network");
    leat_frame *f = bars(t->context, "picture"), *other = bars(t->context, "pixels");
    leat_frame *one = f ? as_table(t->context, f, 7) : NULL;
    leat_inspect_options o = leat_inspect_options_default();
    leat_inspection *a, *b, *d;
    REQUIRE(m && one && other);
    o.rows = 0;
    o.row = 7;
    REQUIRE_OK(leat_inspect(t->context, &a, m, f, &o));
    REQUIRE_OK(leat_inspect(t->context, &b, m, other, &o));
    o.row = 0;
    REQUIRE_OK(leat_inspect(t->context, &d, m, one, &o));
    CHECK_STR(leat_inspection_verdict(a), leat_inspection_verdict(b));
    CHECK(strncmp(leat_inspection_verdict(d), leat_inspection_verdict(a),
                  strlen(leat_inspection_verdict(d))) == 0);
    size_t n;
    o.layer = NULL;
    CHECK(leat_inspection_saliency(d, &n) && n == SIDE * SIDE);
    CHECK_NEAR(leat_inspection_values(a, 0)[5], leat_inspection_values(d, 0)[5], 1e-6, 1e-6);
    leat_inspection_destroy(a);
    leat_inspection_destroy(b);
    leat_inspection_destroy(d);
    o.row = 60;
    CHECK_FAILS(leat_inspect(t->context, &a, m, f, &o), LEAT_INVALID, "no row 61|60");
    o.row = 0;
    o.rows = 20;
    o.layer = "dens_1";
    CHECK_FAILS(leat_inspect(t->context, &a, m, f, &o), LEAT_INVALID, "no layer|dense_1");
    leat_model_release(m);
    m = learn(t->context, "lda");
    o.layer = NULL;
    CHECK_FAILS(leat_inspect(t->context, &a, m, f, &o), LEAT_UNSUPPORTED, "lda|networks");
    leat_model_release(m);
    leat_frame_release(f);
    leat_frame_release(other);
    leat_frame_release(one);
}

/* ---- projections
 * --------------------------------------------------------------------------------- */

/* Against components that are known: axes of 3, 2 and 1 in a turned frame. */
static void components_are_found(leattest *t)
{
    enum { N = 40, D = 3 };
    float x[N * D], wide[N * 60];
    double out[N * 2], again[N * 2], share[2], other[2];
    for (size_t i = 0; i < N; i++) {
        double a = 3 * sin(2.0 * 3.14159265358979 * (double)i / N);
        double b = cos(2.0 * 3.14159265358979 * (double)i / N);
        x[i * D] = (float)(0.6 * a - 0.8 * b + 5);
        x[i * D + 1] = (float)(0.8 * a + 0.6 * b - 1);
        x[i * D + 2] = 2;
        for (size_t k = 0; k < 60; k++) wide[i * 60 + k] = k < D ? x[i * D + k] : 1;
    }
    REQUIRE_OK(leati_pca(t->context, x, N, D, 2, out, share));
    CHECK_NEAR(share[0], 0.9, 1e-5, 0);
    CHECK_NEAR(share[1], 0.1, 1e-4, 0);
    for (size_t i = 0; i < N; i++) {
        CHECK_NEAR(fabs(out[2 * i]), fabs(3 * sin(2.0 * 3.14159265358979 * (double)i / N)), 1e-4,
                   1e-4);
        CHECK_NEAR(fabs(out[2 * i + 1]), fabs(cos(2.0 * 3.14159265358979 * (double)i / N)), 1e-3,
                   1e-3);
    }
    /* more columns than rows: the other matrix, the same answer */
    REQUIRE_OK(leati_pca(t->context, wide, N, 60, 2, again, other));
    for (size_t i = 0; i < 2 * N; i++) CHECK_NEAR(fabs(again[i]), fabs(out[i]), 1e-3, 1e-3);
    CHECK_FAILS(leati_pca(t->context, x, N, D, 4, out, share), LEAT_INVALID, "4 components");
}

enum { POINTS = 90, DIMENSIONS = 8 };

static void three_clouds(double *x)
{
    leati_rng rng;
    leati_rng_init(&rng, 9, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < POINTS; i++)
        for (size_t k = 0; k < DIMENSIONS; k++)
            x[i * DIMENSIONS + k] = leati_rng_normal(&rng) + (k == i % 3 ? 8 : 0);
}

static void neighbours_stay_together(leattest *t)
{
    double x[POINTS * DIMENSIONS], y[POINTS * 2], again[POINTS * 2], left;
    three_clouds(x);
    REQUIRE_OK(leati_tsne(t->context, x, POINTS, DIMENSIONS, 15, y, &left));
    CHECK(left > 0 && left < 0.6);
    size_t wrong = 0;
    for (size_t i = 0; i < POINTS; i++) {
        size_t near = 0;
        double best = INFINITY;
        for (size_t j = 0; j < POINTS; j++) {
            double d = hypot(y[2 * i] - y[2 * j], y[2 * i + 1] - y[2 * j + 1]);
            if (j != i && d < best) best = d, near = j;
        }
        wrong += near % 3 != i % 3;
    }
    CHECK_INT(wrong, 0);
    leat_context *c;
    leat_context_options o = leat_context_options_default();
    o.threads = 3;
    REQUIRE_OK(leat_context_create(&c, &o));
    REQUIRE_OK(leati_tsne(c, x, POINTS, DIMENSIONS, 15, again, NULL));
    CHECK(memcmp(y, again, sizeof y) == 0);
    leat_context_destroy(c);
    double same[8] = {0};
    CHECK_OK(leati_tsne(t->context, same, 4, 2, 0, again, NULL)); /* all rows equal */
    for (size_t i = 0; i < 8; i++) CHECK(isfinite(again[i]));
    CHECK_FAILS(leati_tsne(t->context, same, 3, 2, 0, again, NULL), LEAT_INVALID, "from 4");
}

static void ramps_keep_order(leattest *t)
{
    float values[] = {0, 0.5f, 1, (float)NAN}, both[] = {-1, 0, 1};
    uint8_t rgb[12];
    leati_ramp r = leati_ramp_of(values, 4);
    CHECK(!r.is_signed && r.most == 1);
    leati_ramp_pixels(&r, values, 4, rgb);
    CHECK(rgb[1] < rgb[4] && rgb[4] < rgb[7] && rgb[9] == 128);
    r = leati_ramp_of(both, 3);
    CHECK(r.is_signed);
    leati_ramp_pixels(&r, both, 3, rgb);
    CHECK(rgb[0] > rgb[2] && rgb[3] > 240 && rgb[5] > 240 && rgb[6] < rgb[8]);
}

/* ---- the page
 * ------------------------------------------------------------------------------------ */

static bool holds(const leati_bytes *b, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= b->size; i++)
        if (memcmp(b->data + i, text, n) == 0) return true;
    return false;
}

typedef struct subject {
    leat_model *model;
    leat_frame *frame;
    const char *path;
} subject;

static leat_status look(leat_context *c, void *arg)
{
    const subject *s = arg;
    leat_inspection *i = NULL;
    leat_inspect_options o = leat_inspect_options_default();
    o.rows = 12;
    o.source = "bars";
    leat_status st = leat_inspect(c, &i, s->model, s->frame, &o);
    if (st == LEAT_OK) st = leat_inspection_page(c, i, s->path);
    if (st == LEAT_OK) {
        leat_json *j = leat_json_create(c, 0);
        leat_inspection_json(i, j, NULL);
        if (!leat_json_text(j)) st = leat_error_status(c);
        leat_json_destroy(j);
    }
    leat_inspection_destroy(i);
    return st;
}

static void the_page_has_it_all(leattest *t)
{
    char path[512];
    leati_bytes bytes;
    snprintf(path, sizeof path, "%s", leattest_scratch("bars.html"));
    subject s = {learn(t->context, "network"), bars(t->context, "picture"), path};
    REQUIRE(s.model && s.frame);
    REQUIRE_OK(look(t->context, &s));
    REQUIRE_OK(leati_file_read(t->context, &bytes, path));
    static const char *const words[] = {"How a network sees row 1",
                                        "what moves the answer",
                                        "Layer by layer",
                                        "residual_1/conv2d_2",
                                        "What the first layer",
                                        "Principal components",
                                        "t-SNE",
                                        "data:image/png;base64,"};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (!CHECK(holds(&bytes, words[k]))) printf("    lacks: %s\n", words[k]);
    CHECK(!holds(&bytes, "<script"));
    leati_bytes_release(&bytes);
    leattest_fail_some_allocations(t, look, &s);
    leat_frame_release(s.frame);
    leat_model_release(s.model);
}

/* Classes that are a space and a word of control characters; texts as tokens. */
static leat_frame *letters(leat_context *c)
{
    leat_frame *f = NULL;
    leat_read_options o = leat_read_options_default();
    const char *path = leattest_scratch("letters.csv");
    leati_str s;
    leati_str_init(&s, c);
    leati_str_add(&s, "text,stands\n");
    for (int i = 0; i < 40; i++)
        leati_str_add(&s, i % 2 ? "\"a ba\",\" \"\n" : "\"b ab b\",\"x\ty\"\n");
    leat_status st = leati_str_status(&s);
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(&s), s.length);
    if (st == LEAT_OK) st = leat_frame_read(c, &f, path, &o);
    leati_str_fini(&s);
    return st == LEAT_OK ? f : NULL;
}

static leat_model *learn_letters(leat_context *c, leat_frame *f, const char *tokens)
{
    const char *sets[] = {"network.layers=embedding(8, 3); flatten", "network.epochs=2"};
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e = NULL;
    o.target = "stands";
    o.models = "network";
    o.cv = "holdout:0.3";
    o.tokens = tokens;
    o.quick = true;
    o.set = sets;
    o.set_count = 2;
    if (!f || leat_experiment_run(c, &e, f, NULL, &o) != LEAT_OK) return NULL;
    leat_model *m = leat_model_retain(leat_experiment_beside(e) ? leat_experiment_beside(e)
                                                                : leat_experiment_model(e));
    leat_experiment_destroy(e);
    return m;
}

static void texts_are_shown(leattest *t)
{
    leati_bytes bytes;
    subject s = {NULL, letters(t->context), leattest_scratch("letters.html")};
    s.model = learn_letters(t->context, s.frame, "words");
    REQUIRE(s.model);
    REQUIRE_OK(look(t->context, &s));
    REQUIRE_OK(leati_file_read(t->context, &bytes, s.path));
    CHECK(!holds(&bytes, "not in the vocabulary"));
    CHECK(holds(&bytes, "What was read") && holds(&bytes, "the length of the gradient"));
    CHECK(holds(&bytes, ">ab</span>"));
    CHECK(holds(&bytes, "&quot; &quot;") && holds(&bytes, "&quot;x\\ty&quot;"));
    leati_bytes_release(&bytes);
    leattest_fail_some_allocations(t, look, &s);
    leat_frame_release(s.frame);
    leat_model_release(s.model);
}

static leat_status list_layers(leat_context *c, void *arg)
{
    leat_inspection *i;
    LEATI_TRY(leat_inspect(c, &i, arg, NULL, NULL));
    leat_inspection_destroy(i);
    return LEAT_OK;
}

static void layers_without_rows(leattest *t)
{
    leat_inspection *i;
    leat_model *m = learn_layers(t->context, "network", "flatten; dense(5, relu)");
    size_t n;
    REQUIRE(m);
    REQUIRE_OK(leat_inspect(t->context, &i, m, NULL, NULL));
    CHECK_INT(leat_inspection_layers(i), 3);
    CHECK_STR(leat_inspection_layer(i, 1).name, "dense_1");
    CHECK_INT(leat_inspection_parameters(i), 36 * 5 + 5 + 5 * 2 + 2);
    CHECK(!leat_inspection_verdict(i) && !leat_inspection_saliency(i, &n));
    CHECK(!leat_inspection_values(i, 0) && !leat_inspection_filters(i));
    CHECK_FAILS(leat_inspection_page(t->context, i, leattest_scratch("none.html")), LEAT_INVALID,
                "no row was looked at");
    leat_inspection_destroy(i);
    double score, low, high;
    char text[32];
    CHECK(leat_model_score(m, text, sizeof text, &score, &low, &high) == strlen("accuracy"));
    CHECK_STR(text, "accuracy");
    CHECK(score > 0.4 && low <= score && score <= high);
    CHECK(leat_model_metric(m, "log_loss") > 0 && isnan(leat_model_metric(m, "mae")));
    CHECK_INT(leat_model_parameter(m, "epochs", text, sizeof text), 2);
    CHECK_STR(text, "30");
    CHECK_INT(leat_model_parameter(m, "depth", text, sizeof text), 0);
    leattest_fail_allocations(t, list_layers, m);
    leat_model_release(m);
}

/* A word that the model does not know is shown as it is written. */
static void unknown_words_are_shown(leattest *t)
{
    leati_bytes bytes;
    subject s = {NULL, letters(t->context), leattest_scratch("unknown.html")};
    s.model = learn_letters(t->context, s.frame, "words(vocabulary=3)"); /* b alone */
    REQUIRE(s.model);
    REQUIRE_OK(look(t->context, &s));
    REQUIRE_OK(leati_file_read(t->context, &bytes, s.path));
    CHECK(holds(&bytes, ">ab</span>") && holds(&bytes, "not in the vocabulary"));
    CHECK(!holds(&bytes, "&lt;unk&gt;</span>"));
    leati_bytes_release(&bytes);
    leattest_fail_some_allocations(t, look, &s);
    leat_frame_release(s.frame);
    leat_model_release(s.model);
}

/* A number is no winner among outputs; it has a unit, and rows are coloured by it. */
static void numbers_are_explained(leattest *t)
{
    leat_frame *f = leati_frame_create(t->context, 40);
    leat_experiment *e = NULL;
    leat_experiment_options o = leat_experiment_options_default();
    leati_bytes bytes;
    const char *set = "network.epochs=60";
    for (int k = 0; k < 2; k++) {
        leati_column *col = leati_column_create(t->context, LEAT_F64, 40);
        for (size_t i = 0; i < 40; i++) col->f64[i] = k ? 100 + 3 * (double)i : (double)i;
        REQUIRE_OK(leati_frame_add(t->context, f, k ? "height" : "age", col));
    }
    o.target = "height";
    o.models = "network";
    o.cv = "holdout:0.3";
    o.quick = true;
    o.set = &set;
    o.set_count = 1;
    REQUIRE_OK(leat_experiment_run(t->context, &e, f, NULL, &o));
    subject s = {leat_experiment_beside(e) ? leat_experiment_beside(e) : leat_experiment_model(e),
                 f, leattest_scratch("heights.html")};
    REQUIRE_OK(look(t->context, &s));
    REQUIRE_OK(leati_file_read(t->context, &bytes, s.path));
    CHECK(holds(&bytes, "The gradient of the prediction by each feature"));
    CHECK(!holds(&bytes, "winning output"));
    CHECK(holds(&bytes, "the prediction is 158.5 + 34.6")); /* mean and deviation of the target */
    CHECK(holds(&bytes, "The stronger a point, the greater height: from 100 to 133."));
    leati_bytes_release(&bytes);
    leattest_fail_some_allocations(t, look, &s);
    leat_frame *ages = leati_frame_create(t->context, 40);
    REQUIRE_OK(leati_frame_add(t->context, ages, "age", leati_column_retain(f->column[0])));
    s.frame = ages;
    REQUIRE_OK(look(t->context, &s));
    REQUIRE_OK(leati_file_read(t->context, &bytes, s.path));
    CHECK(holds(&bytes, "the greater the prediction of height: from "));
    leati_bytes_release(&bytes);
    leat_frame_release(ages);
    leat_experiment_destroy(e);
    leat_frame_release(f);
}

static const leattest_case cases[] = {
    TEST(layers_without_rows),      TEST(layers_are_counted),
    TEST(merged_layers_count),      TEST(saliency_is_the_gradient),
    TEST(pictures_come_in_forms),   TEST(components_are_found),
    TEST(neighbours_stay_together), TEST(ramps_keep_order),
    TEST(the_page_has_it_all),      TEST(filters_behind_a_normalization),
    TEST(texts_are_shown),          TEST(unknown_words_are_shown),
    TEST(numbers_are_explained)};
LEATTEST_MAIN(cases)
