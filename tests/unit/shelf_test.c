/* What graphs over the same weights share: one copy, the same results, from several threads. */
#include <pthread.h>
#include <string.h>

#include <leat/graph.h>

#include "base/file.h"
#include "base/mem.h"
#include "graph/graph.h"
#include "graph/shelf.h"
#include "model/onnx_write.h"
#include "onnx/import.h"
#include "support/leattest.h"

enum { ROWS = 64, K = 700, N = 640, GRAPHS = 4 };

static float w[K * N], x[ROWS * K];

static void fill(void)
{
    for (int i = 0; i < K * N; i++) w[i] = (float)(i % 11) - 5;
    for (int i = 0; i < ROWS * K; i++) x[i] = (float)(i % 13) / 4;
}

/* x times the borrowed w. */
static leat_status multiply(leat_context *c, leat_graph *g, float *y)
{
    leat_variable *v;
    LEATI_TRY(leati_variable_borrow(g, "w", LEAT_DTYPE_F32, LEAT_DIMS(K, N), w, &v));
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(ROWS, K), x);
    leat_tensor *out = leat_matmul(in, leat_read(v));
    LEATI_TRY(leat_run(g, 1, &out));
    LEATI_TRY(leat_get(out, y, sizeof *y * ROWS * N));
    return leat_error_status(c);
}

typedef struct user {
    pthread_t thread;
    leat_context *context;
    leati_shelf *shelf;
    leat_graph *graph;
    float y[ROWS * N];
    leat_status status;
} user;

static void *use(void *arg)
{
    user *u = arg;
    u->status = leat_graph_create(u->context, "cpu", &u->graph);
    if (u->status != LEAT_OK) return NULL;
    leati_graph_share(u->graph, u->shelf);
    u->status = multiply(u->context, u->graph, u->y);
    return NULL;
}

/* Bytes that the graphs hold together. */
static uint64_t run_all(leattest *t, leati_shelf *shelf, user *all)
{
    uint64_t before = leat_context_bytes(t->context);
    for (int i = 0; i < GRAPHS; i++) {
        all[i].shelf = shelf;
        all[i].graph = NULL;
        CHECK_OK(leati_context_branch(t->context, &all[i].context));
        CHECK(pthread_create(&all[i].thread, NULL, use, &all[i]) == 0);
    }
    for (int i = 0; i < GRAPHS; i++) {
        pthread_join(all[i].thread, NULL);
        CHECK_INT(all[i].status, LEAT_OK);
        CHECK(memcmp(all[i].y, all[0].y, sizeof all[i].y) == 0);
    }
    return leat_context_bytes(t->context) - before;
}

static void end_all(user *all)
{
    for (int i = 0; i < GRAPHS; i++) {
        leat_graph_destroy(all[i].graph);
        leat_context_destroy(all[i].context);
    }
}

static void threads_share_laid_out_weights(leattest *t)
{
    static user own[GRAPHS], shared[GRAPHS];
    fill();
    uint64_t before = leat_context_bytes(t->context), apart = run_all(t, NULL, own);
    end_all(own);
    leati_shelf *shelf = leati_shelf_create(t->context);
    REQUIRE(shelf);
    uint64_t together = run_all(t, shelf, shared);
    CHECK(apart > together + (GRAPHS - 1) * sizeof w);
    CHECK(memcmp(own[0].y, shared[0].y, sizeof own[0].y) == 0);
    leati_shelf_release(shelf); /* the graphs keep it */
    end_all(shared);
    CHECK_INT(leat_context_bytes(t->context), before);
}

/* A level lays weights out in its own way. */
static void levels_do_not_share(leattest *t)
{
    static float y[2][ROWS * N];
    leati_shelf *shelf = leati_shelf_create(t->context);
    leat_graph *g[2] = {NULL};
    leat_context *c[2];
    REQUIRE(shelf);
    fill();
    for (int i = 0; i < 2; i++) {
        leat_context_options o = leat_context_options_default();
        o.cpu = i ? "v2" : NULL;
        REQUIRE_OK(leat_context_create(&c[i], &o));
        REQUIRE_OK(leat_graph_create(c[i], "cpu", &g[i]));
        leati_graph_share(g[i], shelf);
        REQUIRE_OK(multiply(c[i], g[i], y[i]));
    }
    for (int i = 0; i < ROWS * N; i++) CHECK_NEAR(y[0][i], y[1][i], 1e-3, 1e-5);
    for (int i = 0; i < 2; i++) leat_graph_destroy(g[i]);
    for (int i = 0; i < 2; i++) leat_context_destroy(c[i]);
    leati_shelf_release(shelf);
}

static leat_status write_product(leat_context *c, leati_bytes *bytes)
{
    static const int64_t shape[] = {K, N}, in[] = {-1, K}, out[] = {-1, N};
    const char *path = leattest_scratch("product.onnx");
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "product");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, in, 2, NULL);
    leati_onnx_add_initializer(&o, g, "w", LEATI_ONNX_FLOAT, shape, 2, w);
    leati_onnx_add_node(&o, g, "MatMul", (const char *const[]){"x", "w", NULL},
                        (const char *const[]){"y", NULL});
    leati_onnx_add_output(&o, g, "y", LEATI_ONNX_FLOAT, out, 2, NULL);
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st == LEAT_OK ? leati_file_read(c, bytes, path) : st;
}

static leat_status run_model(leati_omodel *m, float *y)
{
    leati_oval **out;
    leati_otensor in = {LEATI_ONNX_FLOAT, LEAT_DIMS(ROWS, K), x};
    LEATI_TRY(leati_omodel_run(m, &in, &out));
    memcpy(y, out[0]->host, sizeof *y * ROWS * N);
    return LEAT_OK;
}

/* Two models of one file hold its weights once, as they are and as they are laid out. */
static void models_share_weights(leattest *t)
{
    static float y[2][ROWS * N];
    leati_bytes bytes;
    leati_omodel *m[2];
    uint64_t taken[2];
    fill();
    REQUIRE_OK(write_product(t->context, &bytes));
    leati_shelf *shelf = leati_shelf_create(t->context);
    REQUIRE(shelf);
    for (int i = 0; i < 2; i++) {
        uint64_t before = leat_context_bytes(t->context);
        REQUIRE_OK(
            leati_omodel_parse(t->context, bytes.data, bytes.size, "product", NULL, shelf, &m[i]));
        REQUIRE_OK(run_model(m[i], y[i]));
        taken[i] = leat_context_bytes(t->context) - before;
    }
    CHECK(taken[0] >= 2 * sizeof w && taken[0] - taken[1] >= 2 * sizeof w);
    CHECK(memcmp(y[0], y[1], sizeof y[0]) == 0);
    leati_omodel_close(m[0]);
    REQUIRE_OK(run_model(m[1], y[0])); /* the weights stay for the other one */
    CHECK(memcmp(y[0], y[1], sizeof y[0]) == 0);
    leati_omodel_close(m[1]);
    leati_shelf_release(shelf);
    leati_bytes_release(&bytes);
}

static leat_status share(leat_context *c, void *arg)
{
    static float y[ROWS * N];
    leati_shelf *shelf = leati_shelf_create(c);
    leat_status st = shelf ? LEAT_OK : leat_error_status(c);
    (void)arg;
    for (int i = 0; i < 2 && st == LEAT_OK; i++) {
        leat_graph *g = NULL;
        st = leat_graph_create(c, "cpu", &g);
        if (st != LEAT_OK) break;
        leati_graph_share(g, shelf);
        st = multiply(c, g, y);
        leat_graph_destroy(g);
    }
    leati_shelf_release(shelf);
    return st;
}

static leat_status load_models(leat_context *c, void *arg)
{
    const leati_bytes *bytes = arg;
    leati_omodel *m[2] = {NULL};
    leati_shelf *shelf = leati_shelf_create(c);
    leat_status st = shelf ? LEAT_OK : leat_error_status(c);
    for (int i = 0; i < 2 && st == LEAT_OK; i++)
        st = leati_omodel_parse(c, bytes->data, bytes->size, "product", NULL, shelf, &m[i]);
    for (int i = 0; i < 2; i++) leati_omodel_close(m[i]);
    leati_shelf_release(shelf);
    return st;
}

static void failing_allocations(leattest *t)
{
    leati_bytes bytes;
    fill();
    leattest_fail_allocations(t, share, NULL);
    REQUIRE_OK(write_product(t->context, &bytes));
    leattest_fail_some_allocations(t, load_models, &bytes);
    leati_bytes_release(&bytes);
}

static const leattest_case cases[] = {TEST(threads_share_laid_out_weights),
                                      TEST(levels_do_not_share), TEST(models_share_weights),
                                      TEST(failing_allocations)};
LEATTEST_MAIN(cases)
