/* Many rows at once give what one row after the other gives: through trees of every size and shape
 * at every CPU level, through sessions without setting them, through a server as one tensor. */
#include <leat/model.h>
#include <leat/serve.h>
#include <leat/session.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/rng.h"
#include "frame/frame.h"
#include "learn/encoder_rows.h"
#include "learn/tree_rows.h"
#include "model/session_look.h"
#include "serve/http_spares.h"
#include "support/fitted.h"
#include "support/levels.h"
#include "support/serve_client.h"
#include "support/tables.h"

/* ---- trees ------------------------------------------------------------------------------------
 */

enum { COLUMNS = 70, ROWS = 203, STRIDE = COLUMNS + 3 };

/* A tree of so many leaves, split anywhere; thresholds are values that rows have, too. */
static leat_status grow(leat_context *c, leati_tree *t, size_t leaves, size_t columns, bool missing,
                        leati_rng *rng)
{
    size_t todo[64 * 8], place[64 * 8], depth = 0, next = 0; /* sizes of subtrees to come */
    leat_status st = leati_tree_init(c, t, 2 * leaves - 1, 3, 0);
    if (st != LEAT_OK) return st;
    todo[depth++] = leaves;
    place[0] = SIZE_MAX; /* whose right child it is */
    while (depth) {
        size_t n = todo[--depth], parent = place[depth], i = next++;
        if (parent != SIZE_MAX) t->right[parent] = (int32_t)i;
        t->subset[i] = -1;
        t->feature[i] = -1;
        for (int k = 0; k < 3; k++) t->value[3 * i + (size_t)k] = leati_rng_below(rng, 4);
        if (n == 1) continue;
        size_t left = 1 + leati_rng_below(rng, n < 40 ? (uint32_t)n - 1 : 7);
        t->feature[i] = (int32_t)leati_rng_below(rng, (uint32_t)columns);
        t->threshold[i] = leati_rng_below(rng, 9) * 0.1 - 0.4;
        t->missing_left[i] = missing && leati_rng_below(rng, 2);
        todo[depth] = n - left, place[depth++] = i;
        todo[depth] = left, place[depth++] = SIZE_MAX;
    }
    return LEAT_OK;
}

static void fill(double *x, float *y, leati_rng *rng)
{
    for (size_t i = 0; i < ROWS * STRIDE; i++) {
        x[i] = leati_rng_below(rng, 10) ? leati_rng_below(rng, 9) * 0.1 - 0.4 : (double)NAN;
        y[i] = (float)x[i];
    }
}

static int differ(leat_context *c, const leati_tree *t, size_t columns, size_t stride,
                  const double *x, const float *y)
{
    leati_matrix wide = {.f64 = x, .rows = ROWS, .cols = columns, .stride = stride};
    leati_matrix narrow = {.f32 = y, .rows = ROWS, .cols = columns, .stride = stride};
    uint32_t leaf[ROWS];
    double row[COLUMNS];
    int wrong = 0;
    for (size_t from = 0; from < 3; from++) {
        leati_tree_rows_leaves(c, t->rows, &wide, from, ROWS - from, leaf);
        for (size_t i = from; i < ROWS; i++)
            wrong += leaf[i - from] != leati_tree_leaf(t, x + i * stride);
        leati_tree_rows_leaves(c, t->rows, &narrow, from, ROWS - from, leaf);
        for (size_t i = from; i < ROWS; i++) {
            for (size_t k = 0; k < columns; k++) row[k] = (double)y[i * stride + k];
            wrong += leaf[i - from] != leati_tree_leaf(t, row);
        }
    }
    return wrong;
}

static void trees_at(leattest *t, leat_context *c)
{
    static const size_t leaves[] = {1, 2, 3, 9, 17, 31, 32, 33, 40, 63, 64, 65, 300, 2000};
    double *x = leati_array(c, ROWS * STRIDE, sizeof *x);
    float *y = leati_array(c, ROWS * STRIDE, sizeof *y);
    leati_rng rng;
    leati_rng_init(&rng, 3, LEATI_RNG_TEST, 1);
    if (!CHECK(x && y)) return;
    for (size_t k = 0; k < 6 * 3 * sizeof leaves / sizeof *leaves; k++) {
        leati_tree tree;
        size_t columns = k % 6 ? k % 6 : COLUMNS, stride = columns + (k % 6 ? k / 6 % 2 : 3);
        size_t all = leaves[k / 6 % (sizeof leaves / sizeof *leaves)];
        bool missing = k / 6 / (sizeof leaves / sizeof *leaves);
        if (!CHECK_OK(grow(c, &tree, all, columns, missing, &rng))) break;
        if (CHECK_OK(leati_tree_prepare(c, &tree, true)) && CHECK(tree.rows)) {
            fill(x, y, &rng);
            CHECK_INT(differ(c, &tree, columns, stride, x, y), 0);
        }
        leati_tree_fini(&tree);
    }
    leati_free(x);
    leati_free(y);
}

static void trees(leattest *t)
{
    leattest_at_levels(t, 1, trees_at);
}

/* What a damaged file may hold: nodes that two parents share, or none has. */
static void shared_nodes(leattest *t)
{
    leati_tree tree, again;
    leati_rng rng;
    leat_context *c = t->context;
    leati_rng_init(&rng, 4, LEATI_RNG_TEST, 1);
    for (int round = 0; round < 20; round++) {
        leati_state s;
        leati_state_init(&s, c);
        REQUIRE_OK(grow(c, &tree, 30, COLUMNS, true, &rng));
        size_t i = 0;
        while (tree.feature[i] < 0 || tree.feature[i + 1] < 0) i++;
        if (round) tree.right[i]--;
        CHECK_OK(leati_tree_save(&tree, &s));
        if (round)
            CHECK_FAILS(leati_tree_load(c, &again, &s, COLUMNS, 3), LEAT_FORMAT, "in no order");
        else CHECK_OK(leati_tree_load(c, &again, &s, COLUMNS, 3));
        leati_tree_fini(&again);
        leati_tree_fini(&tree);
        leati_state_fini(&s);
    }
}

/* Answers for any number of threads, and which class is the largest. */
static void answers(leattest *t)
{
    enum { MANY = 30000 };
    leat_context *c = t->context;
    leati_tree tree;
    leati_rng rng;
    leati_rng_init(&rng, 5, LEATI_RNG_TEST, 1);
    double *x = leati_array(c, MANY * COLUMNS, sizeof *x);
    double *best = leati_array(c, MANY, sizeof *best), *again = leati_array(c, MANY, sizeof *again);
    double *value = leati_array(c, MANY * 3, sizeof *value);
    REQUIRE(x && best && again && value);
    REQUIRE_OK(grow(c, &tree, 200, COLUMNS, true, &rng));
    REQUIRE_OK(leati_tree_prepare(c, &tree, true));
    for (size_t i = 0; i < MANY * COLUMNS; i++) x[i] = leati_rng_uniform(&rng) - 0.5;
    leati_matrix m = {.f64 = x, .rows = MANY, .cols = COLUMNS, .stride = COLUMNS};
    leati_tree_answer(c, &tree, &m, best, value);
    int wrong = 0;
    for (size_t i = 0; i < MANY; i++) {
        const double *want = tree.value + 3 * leati_tree_leaf(&tree, x + i * COLUMNS);
        size_t k = (size_t)best[i];
        wrong += memcmp(value + 3 * i, want, 3 * sizeof *want) != 0;
        for (size_t j = 0; j < 3; j++) wrong += want[j] > want[k] || (want[j] == want[k] && j < k);
    }
    CHECK_INT(wrong, 0);
    for (unsigned threads = 1; threads <= 4; threads *= 2) {
        leat_context *other = leattest_context(leati_context_cpu_level(c), threads);
        if (!CHECK(other)) break;
        leati_tree_answer(other, &tree, &m, again, NULL);
        CHECK(memcmp(again, best, MANY * sizeof *best) == 0);
        leat_context_destroy(other);
    }
    leati_tree_fini(&tree);
    leati_free(x);
    leati_free(best);
    leati_free(again);
    leati_free(value);
}

static leat_status prepare_a_tree(leat_context *c, void *leaves)
{
    leati_tree tree;
    leati_rng rng;
    leati_rng_init(&rng, 6, LEATI_RNG_TEST, 1);
    leat_status st = grow(c, &tree, *(size_t *)leaves, COLUMNS, true, &rng);
    if (st != LEAT_OK) return st;
    st = leati_tree_prepare(c, &tree, true);
    leati_tree_fini(&tree);
    return st;
}

static void little_memory(leattest *t)
{
    for (size_t leaves = 20; leaves < 100; leaves += 20)
        leattest_fail_allocations(t, prepare_a_tree, &leaves);
}

/* ---- sessions ---------------------------------------------------------------------------------
 */

/* Two inputs, of which the second is missing here and there. */
static leat_model *model_of_two(leat_context *c, const leat_frame *table, const char *estimator)
{
    return leattest_model(c, table, "kind", "colour|round|when|weight|id", estimator, NULL, "auto");
}

enum { ASKED = 1000 };

static double number_of(const leat_frame *f, size_t column, size_t row)
{
    const leati_column *col = f->column[column];
    return leati_valid(col, row) ? col->f64[row] : (double)NAN;
}

/* Rows as they come, from a place that is aligned and from one that is not, against rows that are
 * set. */
static void compare_session(leattest *t, leat_model *m, const leat_frame *f, bool f32)
{
    leat_session *set, *run;
    size_t wrong, width = f32 ? 4 : 8, classes = leat_model_classes(m);
    char *room = leati_alloc(t->context, ASKED * 2 * width + 1);
    double *value = leati_array(t->context, ASKED, sizeof *value);
    double *proba = leati_array(t->context, ASKED * classes, sizeof *proba);
    REQUIRE(room && value && proba);
    REQUIRE_OK(leat_session_create(t->context, m, ASKED, &set));
    REQUIRE_OK(leat_session_create(t->context, m, ASKED, &run));
    CHECK(leati_session_takes_rows(run));
    for (int shift = 0; shift < 2; shift++)
        for (int missing = 0; missing < 2; missing++) { /* without: those that are there */
            char *values = room + shift;
            for (size_t i = 0; i < 2 * ASKED; i++) {
                double v = number_of(f, i % 2, i / 2);
                if (!missing && isnan(v)) v = 0.5;
                float low = (float)v;
                memcpy(values + i * width, f32 ? (void *)&low : (void *)&v, width);
                CHECK_OK(leat_session_set_number(set, i / 2, i % 2, f32 ? (double)low : v));
            }
            CHECK_OK(leat_session_run(set, ASKED, true));
            CHECK_OK(leati_session_run_rows(run, values, f32, ASKED, value, proba, &wrong));
            CHECK(wrong == SIZE_MAX);
            CHECK(!leat_session_predictions(run));
            CHECK(memcmp(leat_session_predictions(set), value, ASKED * sizeof(double)) == 0);
            CHECK(memcmp(leat_session_probabilities(set), proba,
                         ASKED * classes * sizeof(double)) == 0);
            float low = -INFINITY;
            double high = (double)INFINITY;
            memcpy(values + 1501 * width, f32 ? (void *)&low : (void *)&high, width);
            CHECK(leati_session_run_rows(run, values, f32, ASKED, value, proba, &wrong) ==
                  LEAT_INVALID);
            CHECK_INT(wrong, 1501);
            CHECK_OK(leati_session_run_rows(run, values, f32, 750, value, NULL, &wrong));
            CHECK_FAILS(leati_session_run_rows(run, values, f32, ASKED + 1, value, NULL, &wrong),
                        LEAT_INVALID, "1001 rows");
        }
    leat_session_destroy(set);
    leat_session_destroy(run);
    leati_free(room);
    leati_free(value);
    leati_free(proba);
}

static void sessions(leattest *t)
{
    static const char *const estimators[] = {"cart", "logistic", "knn", "gaussian_nb"};
    leat_frame *f = leattest_table(t->context, ASKED, 7);
    REQUIRE(f);
    for (size_t i = 0; i < sizeof estimators / sizeof *estimators; i++) {
        leat_model *m = model_of_two(t->context, f, estimators[i]);
        if (!CHECK(m)) break;
        compare_session(t, m, f, false);
        compare_session(t, m, f, true);
        leat_model_release(m);
    }
    leat_frame_release(f);
}

/* Features that a table would be encoded for are not. */
static void other_inputs(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 200, 7);
    REQUIRE(f);
    leat_model *m = leattest_model(t->context, f, "kind", "weight|id", "cart", NULL, "auto");
    leat_session *s;
    size_t wrong;
    double value;
    REQUIRE(m);
    REQUIRE_OK(leat_session_create(t->context, m, 2, &s));
    CHECK(!leati_session_takes_rows(s));
    CHECK_FAILS(leati_session_run_rows(s, (double[10]){0}, false, 1, &value, NULL, &wrong),
                LEAT_TYPE, "other inputs");
    leat_session_destroy(s);
    leat_model_release(m);
    leat_frame_release(f);
}

/* Rows wider than what is worked on at once, to both precisions and from both. */
static void wide_rows(leattest *t)
{
    enum { WIDE = 5000, FEW = 3 };
    leat_context *c = t->context;
    double *x = leati_array(c, WIDE * FEW, sizeof *x), *shift = leati_array(c, WIDE, sizeof *shift);
    double *scale = leati_array(c, WIDE, sizeof *scale);
    float *low = leati_array(c, WIDE * FEW, sizeof *low);
    leati_encoder_column *k = LEATI_NEW(c, leati_encoder_column, WIDE);
    void *to = leati_array(c, WIDE * FEW, sizeof(double));
    REQUIRE(x && shift && scale && low && k && to);
    leati_encoder e = {.columns = k, .count = WIDE, .width = WIDE, .shift = shift, .scale = scale};
    for (size_t i = 0; i < WIDE * FEW; i++) {
        x[i] = i % 11 ? (double)i * 0.25 : (double)NAN;
        low[i] = (float)x[i];
    }
    for (size_t i = 0; i < WIDE; i++) {
        k[i] = (leati_encoder_column){
            .source = i, .first = i, .width = 1, .role = LEATI_ROLE_NUMBER, .fill = (double)i};
        shift[i] = (double)i / 3;
        scale[i] = 1.5;
    }
    CHECK(leati_encoder_takes_rows(&e, WIDE));
    for (int form = 0; form < 8; form++) {
        leati_matrix m;
        bool f32 = form & 1;
        int wrong = 0;
        e.recipe = (leati_recipe){.f32 = form & 2, .fill = form & 4};
        CHECK(leati_encoder_fill_rows(c, &e, f32 ? (void *)low : (void *)x, f32, FEW, to, &m) ==
              SIZE_MAX);
        for (size_t i = 0; i < WIDE * FEW; i++) {
            double v = f32 ? (double)low[i] : x[i];
            if (isnan(v) && e.recipe.fill) v = (double)(i % WIDE);
            v = (v - shift[i % WIDE]) * scale[i % WIDE];
            if (e.recipe.f32) v = (double)(float)v;
            double got = leati_at(&m, i / WIDE, i % WIDE);
            wrong += !(got == v || (isnan(got) && isnan(v)));
        }
        CHECK_INT(wrong, 0);
        x[WIDE + 7] = (double)INFINITY, low[WIDE + 7] = INFINITY;
        CHECK(leati_encoder_fill_rows(c, &e, f32 ? (void *)low : (void *)x, f32, FEW, to, &m) ==
              WIDE + 7);
        x[WIDE + 7] = 1, low[WIDE + 7] = 1;
    }
    leati_free(x);
    leati_free(shift);
    leati_free(scale);
    leati_free(low);
    leati_free(k);
    leati_free(to);
}

/* ---- a server ---------------------------------------------------------------------------------
 */

enum { SENT = 20000 };

static size_t question(char *to, const leat_frame *f, size_t *head)
{
    *head = (size_t)sprintf(to,
                            "{\"inputs\":[{\"name\":\"x\",\"shape\":[%d,2],\"datatype\":\"FP64\","
                            "\"parameters\":{\"binary_data_size\":%d}}],"
                            "\"parameters\":{\"binary_data_output\":true}}",
                            SENT, SENT * 16);
    for (size_t i = 0; i < 2 * SENT; i++) {
        double v = number_of(f, i % 2, i / 2 % f->rows);
        memcpy(to + *head + i * sizeof v, &v, sizeof v);
    }
    return *head + 2 * SENT * sizeof(double);
}

/* The answer's two tensors against what the model says of the table. */
static void compare_answer(leattest *t, const serve_client *k, const leat_model *m,
                           const leat_frame *f)
{
    char text[32];
    double *value = leati_array(t->context, f->rows, sizeof *value);
    double *proba = leati_array(t->context, f->rows * 3, sizeof *proba);
    REQUIRE(value && proba);
    REQUIRE_OK(leattest_answers(t->context, m, f, value, proba));
    REQUIRE(serve_client_header(k, "inference-header-content-length", text, sizeof text));
    const char *at = k->body + atoi(text);
    int wrong = 0;
    for (size_t i = 0; i < SENT; i++) {
        const char *name = leat_model_class_name(m, (size_t)value[i % f->rows]);
        uint32_t length;
        memcpy(&length, at, 4);
        wrong += length != strlen(name) || memcmp(at + 4, name, length) != 0;
        at += 4 + strlen(name);
    }
    CHECK_INT(wrong, 0);
    for (size_t i = 0; i < SENT; i++)
        wrong += memcmp(at + 24 * i, proba + 3 * (i % f->rows), 24) != 0;
    CHECK_INT(wrong, 0);
    CHECK(at + 24 * SENT == k->body + k->body_length);
    leati_free(value);
    leati_free(proba);
}

static void long_tensors(leattest *t)
{
    serve_client k = {.fd = -1};
    leat_server *server = NULL;
    leat_serve_options o = leat_serve_options_default();
    leat_context *c = t->context;
    size_t head;
    char headers[200];
    if (!LEAT_HAVE_SERVER) {
        leattest_skip(t, "this build has no server");
        return;
    }
    leat_frame *f = leattest_table(c, 300, 7);
    char *body = leati_alloc(c, SENT * 16 + 400);
    REQUIRE(f && body);
    leat_model *m = model_of_two(c, f, "cart");
    const char *path = leattest_scratch("two.leat");
    REQUIRE(m);
    REQUIRE_OK(leat_model_save(c, m, path));
    o.listen = "127.0.0.1:0", o.models = &path, o.model_count = 1, o.workers = 1;
    o.max_body = 4 << 20;
    REQUIRE_OK(leat_server_start(c, &o, &server));
    REQUIRE(serve_client_open(&k, leat_server_url(server)));
    size_t size = question(body, f, &head);
    snprintf(headers, sizeof headers, "Inference-Header-Content-Length: %zu\r\n", head);
    for (int round = 0; round < 3; round++) { /* the second one finds buffers that rest */
        REQUIRE(serve_client_ask(&k, "POST", "/v2/models/two/infer", headers, body, size));
        if (CHECK_INT(k.status, 200)) compare_answer(t, &k, m, f);
    }
    double high = (double)INFINITY;
    memcpy(body + head + 8 * 33333, &high, sizeof high);
    CHECK(serve_client_ask(&k, "POST", "/v2/models/two/infer", headers, body, size));
    CHECK_INT(k.status, 400);
    CHECK(strstr(k.body, "element 33333: the number is infinite"));
    serve_client_close(&k);
    leat_server_destroy(server);
    leat_model_release(m);
    leat_frame_release(f);
    leati_free(body);
}

/* ---- buffers that rest ------------------------------------------------------------------------
 */

static void spares(leattest *t)
{
    leat_context *c = t->context;
    leati_http_spares s = {.of = {{NULL, 0, 0}}};
    leati_http_buffer b = {NULL, 0, 0};
    REQUIRE(leati_http_buffer_room(c, &b, 3 << 20));
    size_t large = b.capacity;
    leati_http_spares_give(&s, &b, 1 << 16);
    CHECK(b.data == NULL && b.capacity == 0);
    REQUIRE(leati_http_buffer_room(c, &b, 1 << 17));
    leati_http_spares_give(&s, &b, 1 << 16);
    leati_http_spares_take(&s, &b, 100000); /* the smallest that has room */
    CHECK(b.capacity >= 100000 && b.capacity < large && b.size == 0);
    char *first = b.data;
    leati_http_spares_take(&s, &b, 100);
    CHECK(b.data == first);
    leati_http_spares_take(&s, &b, 2 << 20);
    CHECK(b.capacity == large);
    leati_http_spares_take(&s, &b, 64 << 20); /* none: stays as it was */
    CHECK(b.capacity == large);
    leati_http_spares_give(&s, &b, 1 << 16);
    for (int i = 0; i < 6; i++) {
        REQUIRE(leati_http_buffer_room(c, &b, (size_t)1 << (17 + i % 3)));
        leati_http_spares_give(&s, &b, 1 << 16);
    }
    leati_http_spares_tick(&s);
    leati_http_spares_tick(&s);
    for (int i = 0; i < LEATI_HTTP_SPARES; i++) CHECK(s.of[i].data == NULL);
    REQUIRE(leati_http_buffer_room(c, &b, LEATI_HTTP_SPARE_BYTES + 1));
    leati_http_spares_give(&s, &b, 1 << 16); /* too large to be kept */
    for (int i = 0; i < LEATI_HTTP_SPARES; i++) CHECK(s.of[i].data == NULL);
    REQUIRE(leati_http_buffer_room(c, &b, 100));
    leati_http_spares_give(&s, &b, 1 << 16); /* too small */
    CHECK(b.capacity >= 100);
    leati_http_buffer_free(&b);
    leati_http_spares_fini(&s);
}

static const leattest_case cases[] = {TEST(trees),         TEST(shared_nodes), TEST(answers),
                                      TEST(little_memory), TEST(sessions),     TEST(other_inputs),
                                      TEST(wide_rows),     TEST(long_tensors), TEST(spares)};
LEATTEST_MAIN(cases)
