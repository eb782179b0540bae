/* Convolutions that take in the one with one filter per channel behind them: values on every
 * device, equal bytes for any number of threads, weights that are set anew, what is left alone. */
#include <leat/function.h>

#include "base/rng.h"
#include "graph/plan.h"
#include "support/levels.h"
#include "support/opcheck.h"
#include "tensor/shape.h"

typedef struct form {
    int64_t stride, pad; /* of the second convolution */
    int groups;
    bool relu, bias, last; /* last: of channels */
} form;

static leat_window window(const form *f, bool second)
{
    leat_window w = leat_window_default();
    w.channels_last = f->last;
    if (second) w.groups = f->groups;
    for (int d = 0; d < 2; d++) {
        w.stride[d] = second ? f->stride : 1;
        w.pad_low[d] = w.pad_high[d] = second ? f->pad : 0;
    }
    return w;
}

/* x, filters, filters of the second[, two biases] */
static leat_tensor *between(leat_tensor *const *in, const form *f)
{
    leat_window w = window(f, false);
    leat_tensor *y = leat_conv(in[0], in[1], &w);
    if (f->bias) y = leat_add(y, in[3]);
    return f->relu ? leat_relu(y) : y;
}

static leat_tensor *behind(leat_tensor *m, leat_tensor *const *in, const form *f)
{
    leat_window w = window(f, true);
    leat_tensor *y = leat_conv(m, in[2], &w);
    if (f->bias) y = leat_add(y, in[4]);
    return f->relu ? leat_relu(y) : y;
}

static leat_tensor *build(leat_tensor *const *in, const void *arg)
{
    return behind(between(in, arg), in, arg);
}

static void devices_agree(leattest *t)
{
    static const form plain = {1, 1, 20, false, false, true}, tails = {2, 1, 20, true, true, true},
                      bare = {1, 0, 5, true, true, true}, first = {1, 1, 6, true, false, false};
    const opcheck cases[] = {
        {OPCHECK("plain", build, &plain, LEAT_DIMS(2, 5, 6, 3), LEAT_DIMS(20, 3, 1, 1),
                 LEAT_DIMS(20, 1, 3, 3))},
        {OPCHECK("with tails", build, &tails, LEAT_DIMS(1, 7, 6, 4), LEAT_DIMS(20, 4, 1, 1),
                 LEAT_DIMS(20, 1, 3, 3), LEAT_DIMS(20), LEAT_DIMS(20))},
        {OPCHECK("no padding", build, &bare, LEAT_DIMS(1, 7, 6, 2), LEAT_DIMS(5, 2, 3, 3),
                 LEAT_DIMS(5, 1, 2, 3), LEAT_DIMS(5), LEAT_DIMS(5))},
        {OPCHECK("channels first", build, &first, LEAT_DIMS(2, 3, 7, 6), LEAT_DIMS(6, 3, 1, 1),
                 LEAT_DIMS(6, 1, 3, 3))}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) opcheck_run(t, &cases[i]);
}

/* ---- plans ------------------------------------------------------------------------------------
 */

enum { SIDE = 14, IN = 24, OUT = 144 };
enum { NX = 2 * SIDE * SIDE * IN, NY = 2 * SIDE * SIDE * OUT };
static const form usual = {1, 1, OUT, true, true, true};
static const leat_shape shapes[5] = {{.rank = 4, .dim = {2, SIDE, SIDE, IN}},
                                     {.rank = 4, .dim = {OUT, IN, 1, 1}},
                                     {.rank = 4, .dim = {OUT, 1, 3, 3}},
                                     {.rank = 1, .dim = {OUT}},
                                     {.rank = 1, .dim = {OUT}}};

static void fill(uint32_t seed, float *x, size_t n)
{
    leati_rng rng;
    leati_rng_init(&rng, seed, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < n; i++) x[i] = (float)leati_rng_uniform(&rng) - 0.4F;
}

/* A network of one pair whose weights are variables. */
typedef struct pair {
    leat_graph *g;
    leat_variable *v[5];
    leat_tensor *in[5];
} pair;

static void pair_set(leattest *t, pair *p, int i, uint32_t seed)
{
    static float values[OUT * IN];
    fill(seed, values, leati_shape_count(&shapes[i]));
    REQUIRE_OK(leat_variable_set(p->v[i], values, leati_shape_count(&shapes[i]) * sizeof *values));
}

static void pair_init(leattest *t, leat_context *c, pair *p, const float *x)
{
    REQUIRE_OK(leat_graph_create(c, NULL, &p->g));
    p->in[0] = leat_input(p->g, LEAT_DTYPE_F32, shapes[0], x);
    for (int i = 1; i < 5; i++) {
        REQUIRE_OK(leat_variable_create(p->g, "w", LEAT_DTYPE_F32, shapes[i], NULL, &p->v[i]));
        pair_set(t, p, i, (uint32_t)i);
        p->in[i] = leat_read(p->v[i]);
    }
}

/* The pair as one, and apart, where what is between is a root, too. */
static void compare(leattest *t, pair *p, float *y)
{
    static float want[NY];
    leat_tensor *one = build(p->in, &usual), *m = between(p->in, &usual);
    leat_tensor *two[2] = {behind(m, p->in, &usual), m};
    REQUIRE_OK(leat_run(p->g, 2, two));
    CHECK_INT(p->g->last_plan->step_count, 2);
    REQUIRE_OK(leat_get(two[0], want, sizeof want));
    REQUIRE_OK(leat_run(p->g, 1, &one));
    CHECK_INT(p->g->last_plan->step_count, 1);
    REQUIRE_OK(leat_get(one, y, NY * sizeof *y));
    size_t wrong = 0;
    for (size_t i = 0; i < NY; i++) wrong += !(y[i] == want[i]);
    CHECK_INT(wrong, 0);
}

static void plans_level(leattest *t, leat_context *c)
{
    static float x[NX], y[NY], more[NY];
    leat_context *four = leattest_context(leati_context_cpu_level(c), 4);
    pair p, q;
    REQUIRE(four);
    fill(9, x, NX);
    pair_init(t, c, &p, x);
    pair_init(t, four, &q, x);
    compare(t, &p, y);
    compare(t, &q, more);
    CHECK(!memcmp(y, more, sizeof y));
    for (int i = 1; i < 5; i++) { /* laid out anew whichever of the weights is set */
        pair_set(t, &p, i, (uint32_t)i + 10);
        compare(t, &p, more);
        CHECK(memcmp(y, more, sizeof y) != 0);
        memcpy(y, more, sizeof y);
    }
    leat_graph_destroy(p.g);
    leat_graph_destroy(q.g);
    leat_context_destroy(four);
}

static void plans(leattest *t)
{
    leattest_at_levels(t, 1, plans_level);
}

static size_t steps(leattest *t, size_t count, leat_tensor *const *roots)
{
    leat_graph *g = leat_tensor_graph(roots[0]);
    CHECK_OK(leat_run(g, count, roots));
    return g->last_plan ? g->last_plan->step_count : 0;
}

static void what_is_taken_in(leattest *t)
{
    static const float data[NX] = {0.5F};
    form two_readers = usual, groups = usual;
    pair p;
    pair_init(t, t->context, &p, data);
    leat_tensor *y = build(p.in, &usual);
    CHECK_INT(steps(t, 1, &y), 1);
    leat_tensor *m = between(p.in, &two_readers);
    leat_tensor *both[2] = {behind(m, p.in, &two_readers), leat_sum(m, 0, NULL, false)};
    CHECK_INT(steps(t, 2, both), 3);
    leat_tensor *filters[5] = {
        p.in[0], p.in[1], leat_concat(2, (leat_tensor *[]){p.in[2], p.in[2]}, 1), p.in[3], p.in[4]};
    groups.groups = OUT / 2; /* two channels a group */
    y = build(filters, &groups);
    CHECK(steps(t, 1, &y) > 1);
    leat_tensor *d[2]; /* learning needs what is between */
    leat_tensor *loss = leat_sum(build(p.in, &usual), 0, NULL, false);
    REQUIRE_OK(leat_gradients(loss, NULL, 2, p.in + 1, d));
    leat_tensor *roots[3] = {loss, d[0], d[1]};
    CHECK(steps(t, 3, roots) > 4);
    leat_graph_destroy(p.g);
}

static leat_status predict(leat_context *c, void *arg)
{
    static const float data[2048] = {0.5F};
    static const form small = {1, 1, 8, true, false, true};
    leat_graph *g;
    (void)arg;
    leat_status st = leat_graph_create(c, NULL, &g);
    if (st != LEAT_OK) return st;
    leat_tensor *in[3] = {leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, 6, 6, 4), data),
                          leat_constant(g, LEAT_DTYPE_F32, LEAT_DIMS(8, 4, 1, 1), data),
                          leat_constant(g, LEAT_DTYPE_F32, LEAT_DIMS(8, 1, 3, 3), data)};
    leat_tensor *y = build(in, &small);
    st = y ? leat_run(g, 1, &y) : leat_error_status(c);
    leat_graph_destroy(g);
    return st;
}

static void failing_allocations(leattest *t)
{
    leattest_fail_some_allocations(t, predict, NULL);
}

static const leattest_case cases[] = {TEST(devices_agree), TEST(plans), TEST(what_is_taken_in),
                                      TEST(failing_allocations)};
LEATTEST_MAIN(cases)
