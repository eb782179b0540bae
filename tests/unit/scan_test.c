/* Loops as operations: the same as written out, shared bodies, many steps, sessions that go from
 * context to context, failing allocations. */
#include <leat/graph.h>

#include "graph/graph.h"
#include "support/leattest.h"

enum { STEPS = 6, WIDTH = 3 };

/* h' = tanh(h w + x), y = 2 h' */
static leat_status cell(leat_graph *g, void *user, leat_tensor *const *in, leat_tensor **out)
{
    (void)g;
    if (user) ++*(int *)user;
    out[0] = leat_tanh(leat_add(leat_matmul(in[0], in[2]), in[1]));
    out[1] = leat_scale(out[0], 2);
    return LEAT_OK;
}

typedef struct recurrence {
    leat_tensor *h, *x, *w; /* inputs */
    leat_tensor *last, *all;
} recurrence;

static float start[WIDTH] = {0.1f, -0.2f, 0.3f}, items[STEPS * WIDTH], weights[WIDTH * WIDTH];

static void record_inputs(leat_graph *g, recurrence *r)
{
    for (int i = 0; i < STEPS * WIDTH; i++) items[i] = (float)sin(i * 1.7);
    for (int i = 0; i < WIDTH * WIDTH; i++) weights[i] = (float)cos(i * 2.3);
    r->h = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, WIDTH), start);
    r->x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(STEPS, 1, WIDTH), items);
    r->w = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(WIDTH, WIDTH), weights);
}

static leat_status by_scan(leat_graph *g, recurrence *r, int *calls)
{
    leat_tensor *out[2];
    record_inputs(g, r);
    leat_loop_parts p = {.states = 1,
                         .sequences = 1,
                         .others = 1,
                         .results = 1,
                         .state = &r->h,
                         .sequence = &r->x,
                         .other = &r->w};
    leat_status st = leat_scan(cell, calls, &p, out);
    r->last = out[0];
    r->all = out[1];
    return st;
}

static void written_out(leat_graph *g, recurrence *r)
{
    leat_tensor *each[STEPS];
    record_inputs(g, r);
    r->last = r->h;
    for (int t = 0; t < STEPS; t++) {
        leat_tensor *in[3] = {r->last, leat_squeeze(leat_narrow(r->x, 0, t, 1), 1, (int[]){0}),
                              r->w};
        leat_tensor *out[2];
        if (cell(g, NULL, in, out) != LEAT_OK) return;
        r->last = out[0];
        each[t] = out[1];
    }
    r->all = leat_stack(STEPS, each, 0);
}

/* Values and the gradients of a loss in all inputs. */
static leat_status evaluate(leat_graph *g, const recurrence *r, float *out)
{
    static const size_t sizes[5] = {WIDTH, STEPS * WIDTH, WIDTH, STEPS * WIDTH, WIDTH * WIDTH};
    leat_tensor *roots[5] = {r->last, r->all}, *xs[3] = {r->h, r->x, r->w};
    leat_tensor *loss = leat_add(leat_sum(leat_mul(r->all, r->all), 0, NULL, false),
                                 leat_sum(r->last, 0, NULL, false));
    leat_status st = leat_gradients(loss, NULL, 3, xs, roots + 2);
    if (st == LEAT_OK) st = leat_run(g, 5, roots);
    for (size_t i = 0; st == LEAT_OK && i < 5; i++) {
        st = leat_get(roots[i], out, sizes[i] * sizeof *out);
        out += sizes[i];
    }
    return st;
}

static void same_as_written_out(leattest *t)
{
    enum { ALL = 2 * WIDTH + 2 * STEPS * WIDTH + WIDTH * WIDTH };
    static const char *const devices[] = {"cpu", "reference", "simulated"};
    float got[ALL], want[ALL];
    for (size_t d = 0; d < 3; d++) {
        leat_graph *a, *b;
        recurrence r;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &a));
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &b));
        CHECK_OK(by_scan(a, &r, NULL));
        CHECK_OK(evaluate(a, &r, got));
        written_out(b, &r);
        CHECK_OK(evaluate(b, &r, want));
        for (size_t i = 0; i < ALL; i++) CHECK_NEAR((double)got[i], (double)want[i], 1e-5, 1e-6);
        leat_graph_destroy(a);
        leat_graph_destroy(b);
    }
}

/* Recorded anew for every step, as a training loop does: one body forward and one back. */
static void bodies_are_shared(leattest *t)
{
    float out[128];
    int calls = 0;
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    for (int round = 0; round < 20; round++) {
        recurrence r;
        leat_graph_clear(g);
        CHECK_OK(by_scan(g, &r, &calls));
        CHECK_OK(evaluate(g, &r, out));
        CHECK_INT(g->body_count, 2);
    }
    CHECK_INT(calls, 40);
    leat_graph_destroy(g);
}

static leat_status collatz(leat_graph *g, void *user, leat_tensor *const *in, leat_tensor **out)
{
    (void)g, (void)user;
    leat_tensor *n = in[1], *two = leat_like(n, 2), *one = leat_like(n, 1);
    leat_tensor *odd = leat_equal(leat_mod(n, two), one);
    out[1] = leat_where(odd, leat_shift(leat_scale(n, 3), 1), leat_div(n, two));
    out[0] = leat_not_equal(out[1], one);
    return LEAT_OK;
}

static void loops_end_by_their_data(leattest *t)
{
    int64_t n = 27, steps = 0;
    leat_graph *g;
    leat_tensor *out[2];
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    leat_tensor *x = leat_input(g, LEAT_DTYPE_I64, LEAT_SCALAR, &n);
    leat_loop_parts p = {.states = 1, .state = &x};
    REQUIRE_OK(leat_loop(collatz, NULL, &p, leat_not_equal(x, leat_like(x, 1)), 1000, out));
    REQUIRE_OK(leat_run(g, 2, out));
    CHECK_OK(leat_get(out[1], &steps, sizeof steps));
    CHECK_INT(steps, 111);
    n = 97; /* the same plan on other data */
    REQUIRE_OK(leat_run(g, 2, out));
    CHECK_OK(leat_get(out[1], &steps, sizeof steps));
    CHECK_INT(steps, 118);
    n = 1;
    REQUIRE_OK(leat_run(g, 2, out));
    CHECK_OK(leat_get(out[1], &steps, sizeof steps));
    CHECK_INT(steps, 0);
    leat_graph_destroy(g);
}

static leat_status add(leat_graph *g, void *user, leat_tensor *const *in, leat_tensor **out)
{
    (void)g, (void)user;
    out[0] = leat_add(in[0], in[1]);
    return LEAT_OK;
}

/* A length that nobody would write out. */
static void many_steps(leattest *t)
{
    enum { MANY = 100000 };
    double *list = malloc(MANY * sizeof *list), sum = 0, want = 0;
    leat_graph *g;
    leat_tensor *out;
    REQUIRE(list);
    for (int i = 0; i < MANY; i++) want += list[i] = i % 17 - 8.5;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(MANY), list);
    leat_tensor *zero = leat_scalar(g, LEAT_DTYPE_F64, 0);
    leat_loop_parts p = {.states = 1, .sequences = 1, .state = &zero, .sequence = &x};
    REQUIRE_OK(leat_scan(add, NULL, &p, &out));
    REQUIRE_OK(leat_run(g, 1, &out));
    CHECK_OK(leat_get(out, &sum, sizeof sum));
    CHECK(sum == want);
    leat_graph_destroy(g);
    free(list);
}

static leat_status whole(leat_context *c, void *arg)
{
    float out[128];
    leat_graph *g;
    recurrence r;
    (void)arg;
    leat_status st = leat_graph_create(c, NULL, &g);
    if (st != LEAT_OK) return st;
    st = by_scan(g, &r, NULL);
    if (st == LEAT_OK) st = evaluate(g, &r, out);
    if (leat_error_status(c) != LEAT_OK) st = leat_error_status(c); /* inputs that are NULL */
    leat_graph_destroy(g);
    return st;
}

static void memory(leattest *t)
{
    leattest_fail_allocations(t, whole, NULL);
}

static const leattest_case list[] = {TEST(same_as_written_out), TEST(bodies_are_shared),
                                     TEST(loops_end_by_their_data), TEST(many_steps), TEST(memory)};
LEATTEST_MAIN(list)
