/* Recurrent layers and attention in bf16: every level of the processor and the device `simulated`
 * against the device `reference`, forward and backward; equal bytes for any number of threads; and
 * training that gets as far as in f32. */
#include <string.h>

#include <leat/function.h>
#include <leat/network.h>

#include "base/error.h"
#include "base/rng.h"
#include "support/arrays.h"
#include "support/leattest.h"
#include "support/levels.h"

enum { ROOM = 40000, MOST = 9 /* results of a sample: values and gradients */ };

typedef struct results {
    float x[MOST][ROOM];
    size_t count[MOST];
    const char *name[MOST];
    size_t used;
} results;

typedef struct sample sample;
struct sample {
    const char *name;
    /* Records the layer and appends its results and the inputs to differentiate by. */
    void (*record)(leat_graph *g, const sample *s, leat_tensor **y, size_t *ys, leat_tensor **in,
                   size_t *ins);
    leat_cell cell;
    bool reverse, lengths;
    int64_t steps, rows, features, units;
    /* attention */
    int64_t heads, queries, keys, width, values;
    bool causal, masked, tokens_first;
};

/* Random numbers in [-scale, scale) of a stream of their own. */
static leat_tensor *drawn(leat_graph *g, uint64_t seed, double scale, leat_shape shape)
{
    static float x[12][ROOM];
    leati_rng rng;
    leati_rng_init(&rng, seed, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < leattest_count(shape); i++)
        x[seed][i] = (float)(scale * (2 * leati_rng_uniform(&rng) - 1));
    return leat_input(g, LEAT_DTYPE_F32, shape, x[seed]);
}

static void recurrent(leat_graph *g, const sample *s, leat_tensor **y, size_t *ys, leat_tensor **in,
                      size_t *ins)
{
    static const int64_t lengths[] = {3, 7, 0, 5, 1, 6, 2, 7, 4, 7, 3, 5};
    leat_recurrent r = leat_recurrent_default(s->cell);
    bool lstm = s->cell == LEAT_CELL_LSTM;
    int64_t gates = lstm ? 4 : s->cell == LEAT_CELL_GRU ? 3 : 1, wide = gates * s->units;
    leat_tensor *x = drawn(g, 1, 1, LEAT_DIMS(s->steps, s->rows, s->features)), *last[2] = {0};
    r.reverse = s->reverse;
    r.w = drawn(g, 2, 0.4, LEAT_DIMS(wide, s->features));
    r.r = drawn(g, 3, 0.3, LEAT_DIMS(wide, s->units));
    r.bias = drawn(g, 4, 0.2, LEAT_DIMS(wide));
    r.r_bias = drawn(g, 5, 0.2, LEAT_DIMS(wide));
    r.h0 = drawn(g, 6, 0.5, LEAT_DIMS(s->rows, s->units));
    if (lstm) r.c0 = drawn(g, 7, 0.5, LEAT_DIMS(s->rows, s->units));
    if (s->lengths) r.lengths = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(s->rows), lengths);
    y[(*ys)++] = leat_recur(x, &r, &last[0], &last[1]);
    y[(*ys)++] = last[0];
    if (lstm) y[(*ys)++] = last[1];
    leat_tensor *of[] = {x, r.w, r.r, r.r_bias, r.h0, r.c0};
    for (int i = 0; i < (lstm ? 6 : 5); i++) in[(*ins)++] = of[i];
}

static void attention(leat_graph *g, const sample *s, leat_tensor **y, size_t *ys, leat_tensor **in,
                      size_t *ins)
{
    static uint8_t mask[2 * ROOM / 100];
    leat_attention_options o = leat_attention_options_default();
    leat_shape q = LEAT_DIMS(2, s->heads, s->queries, s->width);
    leat_shape k = LEAT_DIMS(2, s->heads, s->keys, s->width);
    leat_shape v = LEAT_DIMS(2, s->heads, s->keys, s->values);
    leat_shape *all[] = {&q, &k, &v};
    for (int i = 0; i < 3 && s->tokens_first; i++) {
        int64_t heads = all[i]->dim[1];
        all[i]->dim[1] = all[i]->dim[2];
        all[i]->dim[2] = heads;
    }
    o.causal = s->causal;
    o.tokens_first = s->tokens_first;
    for (size_t i = 0; i < 2 * (size_t)s->keys; i++) mask[i] = i * 7 % 5 != 0;
    if (s->masked) o.key_mask = leat_input(g, LEAT_DTYPE_BOOL, LEAT_DIMS(2, s->keys), mask);
    for (int i = 0; i < 3; i++) in[(*ins)++] = drawn(g, 1 + (uint64_t)i, 1, *all[i]);
    y[(*ys)++] = leat_attention(in[0], in[1], in[2], &o);
}

static const sample recurrences[] = {
    {"lstm", recurrent, LEAT_CELL_LSTM, .steps = 7, .rows = 12, .features = 9, .units = 64},
    {"lstm of odd sizes", recurrent, LEAT_CELL_LSTM, .steps = 7, .rows = 12, .features = 5,
     .units = 51, .lengths = true},
    {"lstm backwards, few rows", recurrent, LEAT_CELL_LSTM, .reverse = true, .steps = 6, .rows = 2,
     .features = 8, .units = 80},
    {"lstm of one unit", recurrent, LEAT_CELL_LSTM, .steps = 5, .rows = 12, .features = 3,
     .units = 1},
    {"gru", recurrent, LEAT_CELL_GRU, .steps = 7, .rows = 12, .features = 9, .units = 49,
     .lengths = true},
    {"gru backwards", recurrent, LEAT_CELL_GRU, .reverse = true, .steps = 5, .rows = 10,
     .features = 8, .units = 64},
    {"tanh", recurrent, LEAT_CELL_TANH, .steps = 7, .rows = 12, .features = 6, .units = 47,
     .lengths = true, .reverse = true},
    {"relu", recurrent, LEAT_CELL_RELU, .steps = 5, .rows = 9, .features = 6, .units = 48}};

static const sample attentions[] = {
    {"attention", attention, .heads = 2, .queries = 33, .keys = 33, .width = 32, .values = 32},
    {"attention, causal", attention, .heads = 3, .queries = 20, .keys = 31, .width = 17,
     .values = 11, .causal = true, .tokens_first = true},
    {"attention, masked", attention, .heads = 1, .queries = 9, .keys = 300, .width = 16,
     .values = 21, .masked = true}};

/* All results of the sample and the gradients of the sum of (results * random numbers). */
static leat_status compute(leat_context *c, const char *device, const sample *s, bool half,
                           results *out)
{
    leat_graph *g = NULL;
    leat_status st;
    leat_tensor *root[2 * MOST], *in[MOST], *loss = NULL;
    size_t ys = 0, ins = 0;
    LEATI_GO(leat_graph_create(c, device, &g));
    LEATI_GO(leat_graph_set_precision(g, half ? LEAT_DTYPE_BF16 : LEAT_DTYPE_F32));
    s->record(g, s, root, &ys, in, &ins);
    for (size_t i = 0; i < ys; i++) {
        LEATI_GO(root[i] ? LEAT_OK : leat_error_status(c));
        leat_tensor *by = drawn(g, 8 + i, 1, leat_tensor_shape(root[i]));
        leat_tensor *sum = leat_sum(leat_mul(root[i], by), 0, NULL, false);
        loss = loss ? leat_add(loss, sum) : sum;
    }
    LEATI_GO(leat_gradients(loss, NULL, ins, in, root + ys));
    LEATI_GO(leat_run(g, ys + ins, root));
    out->used = ys + ins;
    for (size_t i = 0; i < out->used; i++) {
        out->count[i] = leattest_count(leat_tensor_shape(root[i]));
        LEATI_GO(leat_get(root[i], out->x[i], out->count[i] * sizeof(float)));
    }
out:
    leat_graph_destroy(g);
    return st;
}

/* The root of the sum of squared differences. */
static double apart(const results *a, const results *b, size_t i)
{
    double sum = 0;
    for (size_t k = 0; k < a->count[i]; k++) {
        double d = (double)a->x[i][k] - (double)b->x[i][k];
        sum += d * d;
    }
    return sqrt(sum);
}

/* Rounding the operands moves a result by some length. The same operands are rounded wherever it
 * is computed, but those that differ in f32 just where rounding turns over: 2^-24 of a number
 * against the 2^-9 that rounding moves it by, so a small part of them. An operand that was not
 * rounded, or rounded once too often, would move it by about as much as all the rounding did. */
enum { PART = 8 };

static void compare(leattest *t, const char *device, const sample *s, const results *want,
                    const results *exact, const results *got)
{
    CHECK(got->used == want->used &&
          !memcmp(got->count, want->count, want->used * sizeof *got->count));
    for (size_t i = 0; i < want->used; i++) {
        double moved = apart(want, exact, i), error = apart(got, want, i);
        if (!CHECK(moved > 0 && error < moved / PART))
            printf("    %s on %s, result %zu: %g, rounding moved it by %g\n", s->name, device, i,
                   error, moved);
    }
}

/* What the device `reference` gives at its own level is the measure. */
static results want[sizeof recurrences / sizeof *recurrences],
    exact[sizeof recurrences / sizeof *recurrences];

static void recurrences_at(leattest *t, leat_context *c)
{
    static results got;
    for (size_t i = 0; i < sizeof recurrences / sizeof *recurrences; i++) {
        const sample *s = &recurrences[i];
        REQUIRE_OK(compute(c, "cpu", s, true, &got));
        compare(t, "cpu", s, &want[i], &exact[i], &got);
    }
}

static void recurrent_layers_agree(leattest *t)
{
    static results got;
    for (size_t i = 0; i < sizeof recurrences / sizeof *recurrences; i++) {
        const sample *s = &recurrences[i];
        REQUIRE_OK(compute(t->context, "reference", s, true, &want[i]));
        REQUIRE_OK(compute(t->context, "reference", s, false, &exact[i]));
        REQUIRE_OK(compute(t->context, "simulated", s, true, &got));
        compare(t, "simulated", s, &want[i], &exact[i], &got);
    }
    leattest_at_bf16_levels(t, 2, recurrences_at);
}

/* The device `reference` rounds shares after they were divided by their sum, the kernel before:
 * each is within 2^-9 of the exact one, so that a result differs by at most 2^-8 of the largest
 * value (which is 1) apart from sums in f32. The kernel itself: tests/battery/attention_test.c. */
static void attention_agrees(leattest *t)
{
    static results full, got;
    for (size_t i = 0; i < sizeof attentions / sizeof *attentions; i++) {
        const sample *s = &attentions[i];
        REQUIRE_OK(compute(t->context, "reference", s, true, &want[0]));
        REQUIRE_OK(compute(t->context, "reference", s, false, &full));
        REQUIRE_OK(compute(t->context, "cpu", s, true, &got));
        REQUIRE(got.used == want[0].used);
        for (size_t k = 0; k < got.count[0]; k++)
            CHECK(fabs((double)got.x[0][k] - (double)want[0].x[0][k]) < 0x1p-8 + 0x1p-18);
        for (size_t r = 0; r < got.used; r++) {
            double moved = apart(&want[0], &full, r), error = apart(&got, &full, r);
            /* as far from the exact result as the oracle is, within a third */
            if (!CHECK(moved > 0 && error > moved * 2 / 3 && error < moved * 4 / 3))
                printf("    %s, result %zu: %g, the reference %g\n", s->name, r, error, moved);
        }
    }
}

static leat_context *with_threads(unsigned threads)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c = NULL;
    o.threads = threads;
    return leat_context_create(&c, &o) == LEAT_OK ? c : NULL;
}

static void threads_agree(leattest *t)
{
    static results one, more;
    leat_context *c = with_threads(4);
    REQUIRE(c);
    for (size_t i = 0; i < 11; i++) {
        const sample *s = i < 8 ? &recurrences[i] : &attentions[i - 8];
        leat_context *single = with_threads(1);
        REQUIRE(single);
        REQUIRE_OK(compute(single, "cpu", s, true, &one));
        REQUIRE_OK(compute(c, "cpu", s, true, &more));
        for (size_t r = 0; r < one.used; r++)
            CHECK(memcmp(one.x[r], more.x[r], one.count[r] * sizeof(float)) == 0);
        leat_context_destroy(single);
    }
    leat_context_destroy(c);
}

/* ---- weights that last ----------------------------------------------------------------------- */

/* y of a layer whose weights are a variable: laid out once, and again after it was set. */
static void weights_are_laid_out_again(leattest *t)
{
    enum { STEPS = 3, ROWS = 10, UNITS = 35, WIDE = 4 * UNITS };
    static float y[4][STEPS * ROWS * UNITS], r[2][WIDE * UNITS];
    leati_rng rng;
    leati_rng_init(&rng, 5, LEATI_RNG_TEST, 0);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < WIDE * UNITS; i++) r[k][i] = (float)(leati_rng_uniform(&rng) - 0.5);
    for (int half = 0; half < 2; half++) {
        leat_graph *g;
        leat_variable *v;
        REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
        REQUIRE_OK(leat_graph_set_precision(g, half ? LEAT_DTYPE_BF16 : LEAT_DTYPE_F32));
        REQUIRE_OK(leat_variable_create(g, "r", LEAT_DTYPE_F32, LEAT_DIMS(WIDE, UNITS), r[0], &v));
        for (int k = 0; k < 4; k++) { /* the third with other weights, the last with the first */
            leat_recurrent o = leat_recurrent_default(LEAT_CELL_LSTM);
            if (k >= 2) CHECK_OK(leat_variable_set(v, r[k == 2], sizeof r[0]));
            o.w = drawn(g, 2, 0.4, LEAT_DIMS(WIDE, 6));
            o.r = leat_read(v);
            leat_tensor *out =
                leat_recur(drawn(g, 1, 1, LEAT_DIMS(STEPS, ROWS, 6)), &o, NULL, NULL);
            REQUIRE_OK(leat_run(g, 1, &out));
            REQUIRE_OK(leat_get(out, y[k], sizeof y[k]));
        }
        CHECK(memcmp(y[0], y[1], sizeof *y) == 0 && memcmp(y[0], y[3], sizeof *y) == 0);
        CHECK(memcmp(y[0], y[2], sizeof *y) != 0);
        leat_graph_destroy(g);
    }
}

/* ---- training -------------------------------------------------------------------------------- */

/* Whether there are more ones in the first half of 16 digits than in the second: by the mean loss
 * of the last of the steps. */
static leat_status train(leat_context *c, const char *layers, bool half, double *loss)
{
    enum { STEPS = 16, BATCH = 32, RUNS = 150 };
    static float x[BATCH * STEPS];
    static int64_t y[BATCH];
    leat_graph *g = NULL;
    leat_network *n = NULL;
    leat_optimizer *o = NULL;
    leat_status st;
    leati_rng rng;
    leati_rng_init(&rng, 9, LEATI_RNG_TEST, 0);
    LEATI_GO(leat_graph_create(c, NULL, &g));
    LEATI_GO(leat_graph_set_precision(g, half ? LEAT_DTYPE_BF16 : LEAT_DTYPE_F32));
    LEATI_GO(leat_network_create(g, layers, LEAT_DIMS(STEPS), 2, &n));
    LEATI_GO(leat_optimizer_create(n, "adam", &o));
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(BATCH, STEPS), x);
    leat_tensor *label = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(BATCH), y);
    leat_tensor *error =
        leat_network_loss(n, "cross_entropy", leat_network_build(n, in, true), label);
    LEATI_GO(leat_optimizer_record(o, error));
    *loss = 0;
    for (int i = 0; i < RUNS; i++) {
        float now;
        for (int b = 0; b < BATCH; b++) {
            int ones = 0;
            for (int k = 0; k < STEPS; k++) {
                bool one = leati_rng_below(&rng, 2);
                x[b * STEPS + k] = one;
                ones += one ? (k < STEPS / 2 ? 1 : -1) : 0;
            }
            y[b] = ones > 0;
        }
        LEATI_GO(leat_optimizer_run(o, 0.005));
        LEATI_GO(leat_get(error, &now, sizeof now));
        if (i >= RUNS - 20) *loss += (double)now / 20;
    }
out:
    leat_optimizer_destroy(o);
    leat_network_destroy(n);
    leat_graph_destroy(g);
    return st;
}

static void training_is_as_good(leattest *t)
{
    static const char *const nets[] = {
        "reshape(16, 1); lstm(24); dense(2)", "reshape(16, 1); gru(24); dense(2)",
        "reshape(16, 1); dense(16); positions; transformer_encoder(2, 32); flatten; "
        "dense(2)"};
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        double full, half;
        REQUIRE_OK(train(t->context, nets[i], false, &full));
        REQUIRE_OK(train(t->context, nets[i], true, &half));
        if (!CHECK(full < 0.45 && half < full + 0.03 && half != full))
            printf("    %s: %g, in bf16 %g\n", nets[i], full, half);
    }
}

static leat_status compute_once(leat_context *c, void *arg)
{
    static results v;
    return compute(c, "cpu", arg, true, &v);
}

static void without_memory(leattest *t)
{
    leattest_fail_allocations(t, compute_once, (void *)&recurrences[3]);
    leattest_fail_allocations(t, compute_once, (void *)&attentions[1]);
}

static const leattest_case list[] = {TEST(recurrent_layers_agree), TEST(attention_agrees),
                                     TEST(threads_agree),          TEST(weights_are_laid_out_again),
                                     TEST(training_is_as_good),    TEST(without_memory)};
LEATTEST_MAIN(list)
