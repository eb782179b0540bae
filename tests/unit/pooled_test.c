/* Convolutions that take in the pool behind them: values and gradients on every device, blocks of
 * images against the same without a pool taken in, equal bytes for any number of threads, what is
 * left alone. */
#include <leat/function.h>

#include "base/rng.h"
#include "graph/plan.h"
#include "support/levels.h"
#include "support/opcheck.h"

static leat_window window(int64_t kernel, int64_t stride, int64_t pad)
{
    leat_window w = leat_window_default();
    w.channels_last = true;
    for (int d = 0; d < 2; d++) {
        w.kernel[d] = kernel;
        w.stride[d] = stride;
        w.pad_low[d] = w.pad_high[d] = pad;
    }
    return w;
}

/* x, filters, bias */
static leat_tensor *convolve(leat_tensor *const *in, bool relu)
{
    leat_window w = window(0, 1, 1);
    leat_tensor *y = leat_add(leat_conv(in[0], in[1], &w), in[2]);
    return relu ? leat_relu(y) : y;
}

static leat_tensor *pool(leat_tensor *y)
{
    leat_window w = window(2, 2, 0);
    return leat_pool_max(y, &w, NULL);
}

static leat_tensor *build(leat_tensor *const *in, const void *arg)
{
    return pool(convolve(in, *(const bool *)arg));
}

static leat_tensor *two(leat_tensor *const *in, const void *arg)
{
    leat_tensor *first = build(in, arg), *next[3] = {first, in[3], in[4]};
    return build(next, arg);
}

static void devices_agree(leattest *t)
{
    static const bool relu = true, plain = false;
    const opcheck cases[] = {
        {OPCHECK("relu", build, &relu, LEAT_DIMS(3, 4, 6, 2), LEAT_DIMS(5, 2, 3, 3), LEAT_DIMS(5))},
        {OPCHECK("no activation", build, &plain, LEAT_DIMS(2, 4, 4, 3), LEAT_DIMS(4, 3, 3, 3),
                 LEAT_DIMS(4))},
        {OPCHECK("odd sides", build, &relu, LEAT_DIMS(2, 5, 4, 1), LEAT_DIMS(3, 1, 3, 3),
                 LEAT_DIMS(3))},
        {OPCHECK("winograd", build, &relu, LEAT_DIMS(1, 6, 4, 17), LEAT_DIMS(33, 17, 3, 3),
                 LEAT_DIMS(33)),
         .no_gradient = true},
        {OPCHECK("two", two, &relu, LEAT_DIMS(2, 8, 8, 1), LEAT_DIMS(4, 1, 3, 3), LEAT_DIMS(4),
                 LEAT_DIMS(3, 4, 3, 3), LEAT_DIMS(3))}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) opcheck_run(t, &cases[i]);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

enum { IMAGES = 13, SIDE = 40, IN = 16, OUT = 64, HALF = SIDE / 2 };
enum { NX = IMAGES * SIDE * SIDE * IN, NW = OUT * IN * 9, NY = IMAGES * HALF * HALF * OUT };

/* Results: y, then the gradients of x, filters and bias. */
typedef struct results {
    float *value[4];
    size_t steps;
} results;

static const size_t counts[4] = {NY, NX, NW, OUT};

static void results_free(results *r)
{
    for (int i = 0; i < 4; i++) free(r->value[i]);
}

/* `kept`: the convolution's result is a root, too, so that it cannot take in the pool. */
static void learn(leattest *t, leat_context *c, bool kept, results *r)
{
    leat_graph *g;
    leati_rng rng;
    static float x[NX], w[NW], b[OUT], s[NY];
    float *all[] = {x, w, b, s};
    const size_t n[] = {NX, NW, OUT, NY};
    leati_rng_init(&rng, 5, LEATI_RNG_TEST, 0);
    for (int i = 0; i < 4; i++)
        for (size_t k = 0; k < n[i]; k++) all[i][k] = (float)leati_rng_uniform(&rng) - 0.5f;
    REQUIRE_OK(leat_graph_create(c, NULL, &g));
    leat_tensor *in[3] = {leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(IMAGES, SIDE, SIDE, IN), x),
                          leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(OUT, IN, 3, 3), w),
                          leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(OUT), b)};
    leat_tensor *scale = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(IMAGES, HALF, HALF, OUT), s);
    leat_tensor *before = convolve(in, true), *roots[5] = {pool(before)};
    leat_tensor *loss = leat_sum(leat_mul(roots[0], scale), 0, NULL, false);
    REQUIRE_OK(leat_gradients(loss, NULL, 3, in, roots + 1));
    roots[4] = before;
    REQUIRE_OK(leat_run(g, kept ? 5 : 4, roots));
    r->steps = g->last_plan->step_count;
    for (int i = 0; i < 4; i++) {
        r->value[i] = malloc(counts[i] * sizeof(float));
        REQUIRE(r->value[i]);
        REQUIRE_OK(leat_get(roots[i], r->value[i], counts[i] * sizeof(float)));
    }
    leat_graph_destroy(g);
}

static void blocks_level(leattest *t, leat_context *c)
{
    results apart, together, more;
    leat_context *four = leattest_context(leati_context_cpu_level(c), 4);
    REQUIRE(four);
    learn(t, c, true, &apart);
    learn(t, c, false, &together);
    learn(t, four, false, &more);
    /* convolution with all behind it, gate, sum for the bias, the two gradients */
    CHECK_INT(together.steps, 5);
    CHECK(apart.steps > together.steps);
    for (int i = 0; i < 4; i++) {
        CHECK(!memcmp(together.value[i], more.value[i], counts[i] * sizeof(float)));
        if (i != 2) CHECK(!memcmp(together.value[i], apart.value[i], counts[i] * sizeof(float)));
    }
    double worst = 0; /* blocks of images add up in another order */
    for (size_t k = 0; k < NW; k++)
        worst = fmax(worst, fabs((double)together.value[2][k] - (double)apart.value[2][k]));
    CHECK(worst < 2e-4);
    results_free(&apart);
    results_free(&together);
    results_free(&more);
    leat_context_destroy(four);
}

static void blocks_of_images(leattest *t)
{
    leattest_at_levels(t, 1, blocks_level);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void what_is_taken_in(leattest *t)
{
    static const float data[4096] = {0.5f};
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    leat_tensor *in[3] = {leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 6, 7, 3), data),
                          leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(4, 3, 3, 3), data),
                          leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(4), data)};
    leat_tensor *wide = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 6, 8, 3), data);
    leat_tensor *odd = pool(convolve(in, true));
    in[0] = wide;
    leat_tensor *even = pool(convolve(in, true));
    leat_window overlap = window(3, 2, 1);
    leat_tensor *wider = leat_pool_max(convolve(in, true), &overlap, NULL);
    REQUIRE_OK(leat_run(g, 1, &even));
    CHECK_INT(g->last_plan->step_count, 1);
    REQUIRE_OK(leat_run(g, 1, &odd)); /* a column that no window sees */
    CHECK_INT(g->last_plan->step_count, 2);
    REQUIRE_OK(leat_run(g, 1, &wider));
    CHECK_INT(g->last_plan->step_count, 2);
    leat_tensor *seen = convolve(in, true), *both[2] = {pool(seen), leat_sum(seen, 0, NULL, false)};
    REQUIRE_OK(leat_run(g, 2, both)); /* another reader */
    CHECK_INT(g->last_plan->step_count, 3);
    leat_graph_destroy(g);
}

static leat_status learn_little(leat_context *c, void *arg)
{
    static const float data[512] = {0.5f};
    leat_graph *g;
    (void)arg;
    leat_status st = leat_graph_create(c, NULL, &g);
    if (st != LEAT_OK) return st;
    leat_tensor *in[3] = {leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, 4, 4, 2), data),
                          leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3, 2, 3, 3), data),
                          leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3), data)};
    leat_tensor *y = pool(convolve(in, true)), *d[3];
    st = y ? leat_gradients(leat_sum(y, 0, NULL, false), NULL, 3, in, d) : leat_error_status(c);
    if (st == LEAT_OK) st = leat_run(g, 3, d);
    leat_graph_destroy(g);
    return st;
}

static void failing_allocations(leattest *t)
{
    leattest_fail_some_allocations(t, learn_little, NULL);
}

static const leattest_case cases[] = {TEST(devices_agree), TEST(blocks_of_images),
                                      TEST(what_is_taken_in), TEST(failing_allocations)};
LEATTEST_MAIN(cases)
