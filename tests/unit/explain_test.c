/* Shapley values: against their definition over all orders, what they add up to, what of them is
 * exact, refusals, memory. */
#include <leat/data.h>
#include <leat/explain.h>

#include "base/rng.h"
#include "frame/frame.h"
#include "learn/conform.h"
#include "model/background.h"
#include "model/model.h"
#include "model/session_cells.h"
#include "support/fitted.h"
#include "support/leattest.h"
#include "support/tables.h"

enum { BACKGROUND = 20, MOST = 9 };

/* v(S) of row 0 of `x`, by the session alone: S known, the rest from the background. */
typedef struct game {
    leat_session *x, *background, *ask;
    size_t inputs, class, classes;
} game;

static double worth(game *g, unsigned known)
{
    double sum = 0;
    for (size_t b = 0; b < BACKGROUND; b++) {
        for (size_t i = 0; i < g->inputs; i++) {
            leati_run one = {b, known >> i & 1 ? 0 : b, 1, false};
            leati_session_copy(g->ask, known >> i & 1 ? g->x : g->background, i, &one, NULL);
        }
    }
    if (leat_session_run(g->ask, BACKGROUND, g->class != SIZE_MAX) != LEAT_OK) return (double)NAN;
    for (size_t b = 0; b < BACKGROUND; b++)
        sum += g->class == SIZE_MAX ? leat_session_predictions(g->ask)[b]
                                    : leat_session_probabilities(g->ask)[b * g->classes + g->class];
    return sum / BACKGROUND;
}

/* The mean over all orders of what each input adds (Shapley 1953): recursion over orders. */
static void over_orders(const double *v, size_t n, unsigned known, double share, double *out)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++) left += !(known >> i & 1);
    for (size_t i = 0; i < n; i++) {
        if (known >> i & 1) continue;
        out[i] += share / (double)left * (v[known | 1u << i] - v[known]);
        over_orders(v, n, known | 1u << i, share / (double)left, out);
    }
}

static bool open_game(leattest *t, game *g, leat_model *m, const leat_frame *f, size_t row)
{
    leat_context *c = t->context;
    leat_frame *g_frame = NULL;
    *g = (game){.inputs = leat_model_inputs(m), .classes = leat_model_classes(m)};
    bool ok = CHECK_OK(leat_session_create(c, m, 1, &g->x)) &&
              CHECK_OK(leat_session_create(c, m, BACKGROUND, &g->background)) &&
              CHECK_OK(leat_session_create(c, m, BACKGROUND, &g->ask)) &&
              CHECK_OK(leati_background_fill(c, g->background, BACKGROUND, 0)) &&
              CHECK_OK(leati_conform(c, &g_frame, &m->schema, f)) &&
              CHECK_OK(leati_session_set_row(g->x, 0, g_frame, row));
    leat_frame_release(g_frame);
    return ok;
}

static void close_game(game *g)
{
    leat_session_destroy(g->x);
    leat_session_destroy(g->background);
    leat_session_destroy(g->ask);
}

static leat_explain_options few(void)
{
    leat_explain_options o = leat_explain_options_default();
    o.background = BACKGROUND;
    return o;
}

/* Contributions and base add up to the answer. */
static void adds_up(leattest *t, const leat_explainer *e, size_t inputs)
{
    double sum = leat_explainer_base(e);
    for (size_t i = 0; i < inputs; i++) sum += leat_explainer_contributions(e)[i];
    CHECK_NEAR(sum, leat_explainer_value(e), 1e-12, 1e-12);
}

/* Rows of a model against the definition. */
static void against_definition(leattest *t, leat_model *m, const leat_frame *f)
{
    leat_explainer *e = NULL;
    leat_explain_options o = few();
    if (!CHECK(m) || !CHECK_OK(leat_explainer_create(t->context, m, &o, &e))) return;
    CHECK(leat_explainer_is_exact(e));
    CHECK(!leat_explainer_errors(e));
    for (size_t row = 0; row < 3; row++) {
        game g;
        double v[1 << MOST], shapley[MOST] = {0};
        if (open_game(t, &g, m, f, row) && CHECK_OK(leat_explainer_run(e, g.x, 0))) {
            g.class = leat_explainer_class(e);
            for (unsigned s = 0; s < 1u << g.inputs; s++) v[s] = worth(&g, s);
            over_orders(v, g.inputs, 0, 1, shapley);
            CHECK_NEAR(leat_explainer_base(e), v[0], 1e-12, 1e-15);
            CHECK_NEAR(leat_explainer_value(e), v[(1u << g.inputs) - 1], 1e-12, 1e-15);
            for (size_t i = 0; i < g.inputs; i++)
                CHECK_NEAR(leat_explainer_contributions(e)[i], shapley[i], 1e-9, 1e-12);
            adds_up(t, e, g.inputs);
        }
        close_game(&g);
    }
    leat_explainer_destroy(e);
}

static void definition(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *iris = NULL, *table = leattest_table(c, 200, 7);
    REQUIRE_OK(leat_data_load(c, &iris, "iris", NULL));
    leat_model *lda = leattest_model(c, iris, "species", NULL, "lda", NULL, "auto"),
               *tree = leattest_model(c, table, "kind", "weight|id", "cart", NULL, "auto"),
               *knn = leattest_model(c, table, "weight", "id|kind", "knn", NULL, "auto");
    against_definition(t, lda, iris);
    against_definition(t, tree, table); /* missing values, texts, truths, times */
    against_definition(t, knn, table);
    leat_model_release(lda);
    leat_model_release(tree);
    leat_model_release(knn);
    leat_frame_release(iris);
    leat_frame_release(table);
}

/* Numbers only, 400 rows of `columns` columns, y linear in them or not. */
static leat_frame *numbers(leat_context *c, size_t columns, bool linear)
{
    enum { ROWS = 400 };
    leat_frame *f = leati_frame_create(c, ROWS);
    leati_column *y = leati_column_create(c, LEAT_F64, ROWS);
    leat_status st = f && y ? LEAT_OK : LEAT_NOMEM;
    for (size_t j = 0; j < columns && st == LEAT_OK; j++) {
        char name[24];
        leati_rng r;
        leati_rng_init(&r, 3, LEATI_RNG_TEST, (uint32_t)j);
        leati_column *x = leati_column_create(c, LEAT_F64, ROWS);
        snprintf(name, sizeof name, "x%zu", j);
        for (size_t i = 0; x && i < ROWS; i++) {
            x->f64[i] = leati_rng_normal(&r);
            y->f64[i] += (double)(j + 1) * x->f64[i];
            if (!linear && j) y->f64[i] += 3 * x->f64[i] * (x->f64[i] > 0) * y->f64[i];
        }
        st = leati_frame_add(c, f, name, x);
    }
    if (st == LEAT_OK) st = leati_frame_add(c, f, "y", y);
    else leati_column_release(y);
    if (st == LEAT_OK) return f;
    leat_frame_release(f);
    return NULL;
}

/* f is linear: a contribution is what the answer loses when the input takes its mean, whatever the
 * number of inputs, and the base is the answer to the mean of training. */
static void linear(leattest *t)
{
    leat_context *c = t->context;
    static const size_t columns[] = {5, 30};
    for (int k = 0; k < 2; k++) {
        size_t n = columns[k];
        leat_frame *f = numbers(c, n, true);
        leat_model *m = CHECK(f) ? leattest_model(c, f, "y", NULL, "ridge", NULL, "auto") : NULL;
        leat_explainer *e = NULL;
        leat_session *s = NULL;
        if (CHECK(m) && CHECK_OK(leat_explainer_create(c, m, NULL, &e)) &&
            CHECK_OK(leat_session_create(c, m, 1, &s))) {
            double full, mean[30];
            for (size_t i = 0; i < n; i++) {
                mean[i] = 0;
                for (size_t r = 0; r < f->rows; r++) mean[i] += f->column[i]->f64[r];
                mean[i] /= (double)f->rows;
                CHECK_OK(leat_session_set_number(s, 0, i, f->column[i]->f64[7]));
            }
            CHECK(leat_explainer_is_exact(e) && !leat_explainer_errors(e));
            CHECK_INT(leat_explainer_evaluations(e), n + 2);
            CHECK_OK(leat_explainer_run(e, s, 0));
            CHECK_INT(leat_explainer_class(e), SIZE_MAX);
            adds_up(t, e, n);
            CHECK_OK(leat_session_run(s, 1, false));
            full = leat_session_predictions(s)[0];
            CHECK_NEAR(leat_explainer_value(e), full, 1e-13, 0);
            for (size_t i = 0; i < n; i++) {
                CHECK_OK(leat_session_set_number(s, 0, i, mean[i]));
                CHECK_OK(leat_session_run(s, 1, false));
                CHECK_NEAR(leat_explainer_contributions(e)[i],
                           full - leat_session_predictions(s)[0], 1e-9, 1e-9);
                CHECK_OK(leat_session_set_number(s, 0, i, f->column[i]->f64[7]));
            }
            for (size_t i = 0; i < n; i++) CHECK_OK(leat_session_set_number(s, 0, i, mean[i]));
            CHECK_OK(leat_session_run(s, 1, false));
            CHECK_NEAR(leat_explainer_base(e), leat_session_predictions(s)[0], 1e-9, 1e-9);
        }
        leat_session_destroy(s);
        leat_explainer_destroy(e);
        leat_model_release(m);
        leat_frame_release(f);
    }
}

/* A tree of nine inputs, each of which it asks several times, against the definition. */
static void closed(leattest *t)
{
    static double v[1 << MOST];
    leat_frame *f = numbers(t->context, MOST, false);
    REQUIRE(f);
    leat_model *m = leattest_model(t->context, f, "y", NULL, "cart", NULL, "auto");
    leat_explainer *e = NULL;
    leat_explain_options o = few();
    if (CHECK(m) && CHECK_OK(leat_explainer_create(t->context, m, &o, &e))) {
        CHECK_STR(leat_explainer_method(e), "Shapley values, closed form");
        CHECK(leat_explainer_is_exact(e) && !leat_explainer_errors(e));
        CHECK_INT(leat_explainer_evaluations(e), 1 + BACKGROUND);
    }
    for (size_t row = 0; e && row < 3; row++) {
        game g;
        double shapley[MOST] = {0}, most = 0;
        if (open_game(t, &g, m, f, row) && CHECK_OK(leat_explainer_run(e, g.x, 0))) {
            g.class = SIZE_MAX;
            for (unsigned s = 0; s < 1u << MOST; s++) v[s] = worth(&g, s);
            over_orders(v, MOST, 0, 1, shapley);
            CHECK_NEAR(leat_explainer_base(e), v[0], 1e-12, 1e-15);
            for (size_t i = 0; i < MOST; i++) {
                CHECK_NEAR(leat_explainer_contributions(e)[i], shapley[i], 1e-9, 1e-12);
                most = fmax(most, fabs(shapley[i]));
            }
            CHECK(most > 0.01);
            adds_up(t, e, MOST);
        }
        close_game(&g);
    }
    leat_explainer_destroy(e);
    leat_model_release(m);
    leat_frame_release(f);
}

/* Nine inputs are sampled; the definition can still be counted out: within five standard errors,
 * which are themselves neither nothing nor the whole. */
static void sampled(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = numbers(c, MOST, false);
    REQUIRE(f);
    leat_model *m = leattest_model(c, f, "y", NULL, "knn", NULL, "auto");
    leat_explainer *e = NULL, *again = NULL;
    leat_explain_options o = few();
    game g = {0};
    static double v[1 << MOST];
    double shapley[MOST] = {0}, far = 0;
    if (CHECK(m) && CHECK_OK(leat_explainer_create(c, m, &o, &e)) &&
        CHECK_OK(leat_explainer_create(c, m, &o, &again)) && open_game(t, &g, m, f, 11)) {
        CHECK(!leat_explainer_is_exact(e));
        CHECK_INT(leat_explainer_background(e), BACKGROUND);
        /* 16384 / (2 * 9 * 20) = 45 pairs for each of 20 rows, 8 evaluations each way */
        CHECK_INT(leat_explainer_evaluations(e), 1 + 20 + 20 * 45 * 2 * 8);
        CHECK_OK(leat_explainer_run(e, g.x, 0));
        CHECK_OK(leat_explainer_run(again, g.x, 0));
        g.class = SIZE_MAX;
        for (unsigned s = 0; s < 1u << MOST; s++) v[s] = worth(&g, s);
        over_orders(v, MOST, 0, 1, shapley);
        CHECK_NEAR(leat_explainer_base(e), v[0], 1e-12, 1e-15);
        adds_up(t, e, MOST);
        for (size_t i = 0; i < MOST; i++) {
            double got = leat_explainer_contributions(e)[i], error = leat_explainer_errors(e)[i];
            CHECK(got == leat_explainer_contributions(again)[i]);
            CHECK(error >= 0 && fabs(got - shapley[i]) <= 5 * error + 1e-12);
            far = fmax(far, error);
        }
        CHECK(far > 0 && far < 0.2 * fabs(leat_explainer_value(e) - leat_explainer_base(e)) + 1);
        /* Run for run the same, also after another row. */
        CHECK_OK(leat_explainer_run(again, g.background, 3));
        CHECK_OK(leat_explainer_run(again, g.x, 0));
        for (size_t i = 0; i < MOST; i++)
            CHECK(leat_explainer_contributions(e)[i] == leat_explainer_contributions(again)[i]);
    }
    close_game(&g);
    leat_explainer_destroy(e);
    leat_explainer_destroy(again);
    leat_model_release(m);
    leat_frame_release(f);
}

/* Images: patches cover them, their sums are the input's; a patch that the model does not look at
 * contributes nothing. */
static void images(leattest *t)
{
    enum { ROWS = 60 };
    leat_context *c = t->context;
    const size_t shape[3] = {9, 8, 1};
    leat_frame *f = leati_frame_create(c, ROWS);
    leati_column *pixels = leati_column_array(c, LEATI_ITEM_U8, shape, ROWS),
                 *y = leati_column_create(c, LEAT_F64, ROWS);
    REQUIRE(f && pixels && y);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < 72; k++) {
            pixels->u8[i * 72 + k] = (uint8_t)((i * 37 + k * (i % 7) * 11) % 200);
            if (k == 0 || k == 71) y->f64[i] += pixels->u8[i * 72 + k];
        }
    REQUIRE_OK(leati_frame_add(c, f, "image", pixels));
    REQUIRE_OK(leati_frame_add(c, f, "y", y));
    leat_model *m = leattest_model(c, f, "y", NULL, "cart", "max_depth=2", "auto");
    leat_explainer *e = NULL;
    leat_session *s = NULL;
    if (CHECK(m) && CHECK_OK(leat_explainer_create(c, m, NULL, &e)) &&
        CHECK_OK(leat_session_create(c, m, 1, &s))) {
        size_t rows, columns;
        double sum = 0, image[72];
        int moved = 0;
        for (size_t k = 0; k < 72; k++) image[k] = pixels->u8[72 + k];
        CHECK_OK(leat_session_set_array(s, 0, 0, image, 72));
        CHECK_OK(leat_explainer_run(e, s, 0));
        const double *patch = leat_explainer_patches(e, 0, &rows, &columns);
        CHECK(patch && rows == 7 && columns == 7);
        CHECK(!leat_explainer_patches(e, 1, &rows, &columns) && rows == 0);
        for (size_t k = 0; patch && k < 49; k++) sum += patch[k], moved += patch[k] != 0;
        CHECK_NEAR(sum, leat_explainer_contributions(e)[0], 1e-12, 1e-9);
        CHECK(moved >= 1 && moved <= 3); /* a tree of depth 2 looks at three pixels at most */
        CHECK(isnan(leat_explainer_errors(e)[0]));
        adds_up(t, e, 1);
    }
    leat_session_destroy(s);
    leat_explainer_destroy(e);
    leat_model_release(m);
    leat_frame_release(f);
}

/* The table form says what the single form says. */
static void tables(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *table = leattest_table(c, 60, 7), *out = NULL;
    REQUIRE(table);
    leat_model *m = leattest_model(c, table, "kind", "weight|id", "cart", NULL, "auto");
    leat_explain_options o = few();
    if (CHECK(m) && CHECK_OK(leat_model_explain(c, m, table, &o, &out))) {
        double value, base, why, sum;
        CHECK_INT(leat_frame_rows(out), 60);
        CHECK_INT(leat_frame_columns(out), 3 + leat_model_inputs(m));
        CHECK_STR(leat_frame_name(out, 3), "why_length");
        for (size_t r = 0; r < 60; r++) {
            CHECK(leat_frame_number(out, 1, r, &value) && leat_frame_number(out, 2, r, &base));
            sum = base;
            for (size_t i = 0; i < leat_model_inputs(m); i++)
                if (CHECK(leat_frame_number(out, 3 + i, r, &why))) sum += why;
            CHECK_NEAR(sum, value, 1e-12, 1e-12);
        }
    }
    leat_frame_release(out);
    leat_model_release(m);
    leat_frame_release(table);
}

static void refusals(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *table = leattest_table(c, 60, 7);
    REQUIRE(table);
    leat_model *m = leattest_model(c, table, "kind", "weight|id", "cart", NULL, "auto"),
               *other = leattest_model(c, table, "weight", "id", "ridge", NULL, "auto");
    leat_explain_options o = few();
    leat_explainer *e = NULL;
    leat_session *s = NULL;
    if (CHECK(m && other)) {
        o.background = 0;
        CHECK_FAILS(leat_explainer_create(c, m, &o, &e), LEAT_INVALID, "1 to 10000");
        CHECK_OK(leat_explainer_create(c, m, NULL, &e));
        CHECK_OK(leat_session_create(c, other, 1, &s));
        CHECK_FAILS(leat_explainer_run(e, s, 0), LEAT_INVALID, "another model");
        leat_session_destroy(s);
        CHECK_OK(leat_session_create(c, m, 1, &s));
        CHECK_FAILS(leat_explainer_run(e, s, 1), LEAT_INVALID, "row 1");
        leat_explainer_destroy(e);
        /* Reference distributions that are absent or none. */
        static const char *const broken[] = {"{}", "[", "{\"inputs\":7}",
                                             "{\"inputs\":[{\"name\":\"length\"}]}"};
        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
            char *kept = m->reference, text[64];
            snprintf(text, sizeof text, "%s", broken[i]);
            m->reference = text;
            CHECK(leat_explainer_create(c, m, NULL, &e) == LEAT_UNSUPPORTED);
            leat_error_clear(c);
            m->reference = kept;
        }
        char *kept = m->reference, text[] = "{\"inputs\":[{\"name\":\"length\",\"levels\":[]}]}";
        m->reference = text;
        CHECK_FAILS(leat_explainer_create(c, m, NULL, &e), LEAT_FORMAT, "length|differ");
        m->reference = kept;
    }
    leat_session_destroy(s);
    leat_model_release(m);
    leat_model_release(other);
    leat_frame_release(table);
}

static leat_status explain_one(leat_context *c, void *arg)
{
    leat_frame *table = ((void **)arg)[0], *out = NULL;
    leat_explain_options o = leat_explain_options_default();
    o.background = 2;
    leat_status st = leat_model_explain(c, ((void **)arg)[1], table, &o, &out);
    leat_frame_release(out);
    return st;
}

static void little_memory(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *table = leattest_table(c, 12, 7);
    REQUIRE(table);
    leat_model *m = leattest_model(c, table, "kind", "weight|id", "cart", NULL, "auto");
    void *both[] = {table, m};
    if (CHECK(m)) leattest_fail_allocations(t, explain_one, both);
    leat_model_release(m);
    leat_frame_release(table);
}

static const leattest_case cases[] = {TEST(definition), TEST(linear),       TEST(closed),
                                      TEST(sampled),    TEST(images),       TEST(tables),
                                      TEST(refusals),   TEST(little_memory)};
LEATTEST_MAIN(cases)
