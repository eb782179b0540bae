/* The battery of attention, in f32 and bf16: every CPU level against sums in f64, both layouts,
 * causal, masks, sizes that cross tiles; gradients against the formulas in f64; bitwise equality
 * for 1, 2, 4 threads. */
#include "support/leattest.h"
#include "support/levels.h"

#include "base/cpu.h"
#include "base/half.h"
#include "base/rng.h"
#include "kernel/attention.h"

enum { Q, K, V, OUT, G, DQ, DK, DV, ARRAYS };
typedef struct trial {
    leati_attention a;
    size_t size[ARRAYS];
    float *x[ARRAYS], *log_sum;
    double *want[ARRAYS], *exact[ARRAYS];
    uint8_t *mask;
} trial;

static leati_attention_layout layout(bool heads_outside, size_t heads, size_t tokens, size_t width)
{
    if (heads_outside)
        return (leati_attention_layout){heads * tokens * width, tokens * width, width};
    return (leati_attention_layout){tokens * heads * width, width, heads * width};
}

/* batch, heads, queries, keys, width, value_width; causal; mask; (B, H, T, D). */
typedef struct shape {
    size_t batch, heads, queries, keys, width, value_width;
    bool causal, masked, outside;
} shape;

static const shape shapes[] = {
    {2, 3, 10, 10, 16, 16, false, false, true},  {1, 2, 128, 128, 64, 64, false, true, false},
    {2, 1, 77, 77, 20, 12, true, false, false},  {1, 2, 5, 600, 8, 40, true, true, false},
    {1, 1, 300, 290, 33, 17, true, false, true}, {1, 1, 1, 300, 64, 64, false, false, true}};

static trial trial_new(const shape *s, leati_rng *rng)
{
    trial t = {.a = {.batch = s->batch,
                     .heads = s->heads,
                     .queries = s->queries,
                     .keys = s->keys,
                     .width = s->width,
                     .value_width = s->value_width,
                     .q = layout(s->outside, s->heads, s->queries, s->width),
                     .k = layout(s->outside, s->heads, s->keys, s->width),
                     .v = layout(s->outside, s->heads, s->keys, s->value_width),
                     .out = layout(s->outside, s->heads, s->queries, s->value_width),
                     .scale = (float)(1 / sqrt((double)s->width)),
                     .causal = s->causal}};
    size_t both = s->batch * s->heads;
    t.size[Q] = t.size[DQ] = both * s->queries * s->width;
    t.size[K] = t.size[DK] = both * s->keys * s->width;
    t.size[V] = t.size[DV] = both * s->keys * s->value_width;
    t.size[OUT] = t.size[G] = both * s->queries * s->value_width;
    for (int i = 0; i < ARRAYS; i++) {
        t.x[i] = malloc(t.size[i] * sizeof(float));
        t.want[i] = calloc(t.size[i], sizeof(double));
        t.exact[i] = calloc(t.size[i], sizeof(double));
        for (size_t j = 0; t.x[i] && j < t.size[i]; j++)
            t.x[i][j] = (float)(2 * leati_rng_uniform(rng) - 1);
    }
    t.log_sum = malloc(both * s->queries * sizeof(float));
    t.mask = malloc(s->batch * s->keys);
    for (size_t j = 0; t.mask && j < s->batch * s->keys; j++)
        t.mask[j] = leati_rng_below(rng, 3) > 0;
    if (s->masked) t.a.key_mask = t.mask;
    return t;
}

static void trial_free(trial *t)
{
    for (int i = 0; i < ARRAYS; i++) {
        free(t->x[i]);
        free(t->want[i]);
        free(t->exact[i]);
    }
    free(t->log_sum);
    free(t->mask);
}

static void trial_run(trial *t, leat_context *c)
{
    size_t bytes = leati_attention_bytes(c, &t->a);
    void *workspace = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (!workspace) return;
    leati_attention_forward(c, &t->a, t->x[Q], t->x[K], t->x[V], t->x[OUT], t->log_sum, workspace);
    leati_attention_backward(c, &t->a, t->x[Q], t->x[K], t->x[V], t->x[OUT], t->log_sum, t->x[G],
                             t->x[DQ], t->x[DK], t->x[DV], workspace);
    free(workspace);
}

static double dot(size_t n, const float *x, const float *y)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
    return sum;
}

static size_t at(leati_attention_layout l, size_t b, size_t h, size_t i)
{
    return b * l.batch + h * l.head + i * l.token;
}

static void reference_row(trial *t, size_t b, size_t h, size_t i)
{
    const leati_attention *a = &t->a;
    double p[600], top = -HUGE_VAL, sum = 0, along = 0;
    const float *q = t->x[Q] + at(a->q, b, h, i), *g = t->x[G] + at(a->out, b, h, i);
    double *out = t->want[OUT] + at(a->out, b, h, i), *dq = t->want[DQ] + at(a->q, b, h, i);
    for (size_t j = 0; j < a->keys; j++) {
        bool seen = !a->causal || j + a->queries <= i + a->keys;
        if (a->key_mask && !a->key_mask[b * a->keys + j]) seen = false;
        p[j] = seen ? (double)a->scale * dot(a->width, q, t->x[K] + at(a->k, b, h, j)) : -HUGE_VAL;
        top = fmax(top, p[j]);
    }
    if (top == -HUGE_VAL) return;
    for (size_t j = 0; j < a->keys; j++) sum += p[j] = exp(p[j] - top);
    for (size_t j = 0; j < a->keys; j++) {
        p[j] /= sum;
        along += p[j] * dot(a->value_width, g, t->x[V] + at(a->v, b, h, j));
    }
    for (size_t j = 0; j < a->keys; j++) {
        const float *k = t->x[K] + at(a->k, b, h, j), *v = t->x[V] + at(a->v, b, h, j);
        double *dk = t->want[DK] + at(a->k, b, h, j), *dv = t->want[DV] + at(a->v, b, h, j);
        double ds = p[j] * (dot(a->value_width, g, v) - along) * (double)a->scale;
        for (size_t d = 0; d < a->value_width; d++) {
            out[d] += p[j] * (double)v[d];
            dv[d] += p[j] * (double)g[d];
        }
        for (size_t d = 0; d < a->width; d++) {
            dq[d] += ds * (double)k[d];
            dk[d] += ds * (double)q[d];
        }
    }
}

static void reference_level(leattest *t, leat_context *c)
{
    leati_rng rng;
    leati_rng_init(&rng, 61, LEATI_RNG_TEST, 0);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        trial x = trial_new(&shapes[s], &rng);
        for (size_t b = 0; b < x.a.batch; b++)
            for (size_t h = 0; h < x.a.heads; h++)
                for (size_t i = 0; i < x.a.queries; i++) reference_row(&x, b, h, i);
        trial_run(&x, c);
        static const int checked[] = {OUT, DQ, DK, DV};
        for (int i = 0; i < 4; i++) {
            double worst = 0;
            int k = checked[i];
            for (size_t j = 0; j < x.size[k]; j++) {
                double d = fabs((double)x.x[k][j] - x.want[k][j]) / (1 + fabs(x.want[k][j]));
                if (!(d <= worst)) worst = d;
            }
            if (!CHECK(worst < 4e-6)) printf("    shape %zu, array %d: %g\n", s, k, worst);
        }
        trial_free(&x);
    }
}

static void reference(leattest *t)
{
    leattest_at_levels(t, 2, reference_level);
}

static void threads_level(leattest *t, leat_context *one)
{
    leati_cpu_level level = leati_context_cpu_level(one);
    leat_context *all[3] = {one, leattest_context(level, 2), leattest_context(level, 4)};
    REQUIRE(all[1] && all[2]);
    for (size_t s = 0; s < 2 * sizeof shapes / sizeof *shapes; s++) {
        trial x[3];
        for (int i = 0; i < 3; i++) {
            leati_rng rng;
            leati_rng_init(&rng, 62, LEATI_RNG_TEST, 0);
            x[i] = trial_new(&shapes[s / 2], &rng);
            x[i].a.half = s % 2;
            trial_run(&x[i], all[i]);
        }
        for (int i = 1; i < 3; i++)
            for (int k = 0; k < ARRAYS; k++)
                CHECK(memcmp(x[0].x[k], x[i].x[k], x[0].size[k] * sizeof(float)) == 0);
        for (int i = 0; i < 3; i++) trial_free(&x[i]);
    }
    leat_context_destroy(all[1]);
    leat_context_destroy(all[2]);
}

static void threads_agree(leattest *t)
{
    leattest_at_levels(t, 1, threads_level);
}

/* ---- bf16 ------------------------------------------------------------------------------------ */

static double rounded(double x)
{
    return (double)leati_bf16_to_f32(leati_f32_to_bf16((float)x));
}

static double half_dot(size_t n, const float *x, const float *y)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += rounded((double)x[i]) * rounded((double)y[i]);
    return sum;
}

/* As reference_row with rounded operands. Forward the shares are rounded as they are when a tile of
 * keys is done: relative to the largest score so far. */
static void half_row(trial *t, size_t b, size_t h, size_t i)
{
    enum { KEYS = 256 };
    const leati_attention *a = &t->a;
    double p[600], share[600] = {0}, top = -HUGE_VAL, sum = 0, along = 0, scale = (double)a->scale;
    const float *q = t->x[Q] + at(a->q, b, h, i), *g = t->x[G] + at(a->out, b, h, i);
    double *out = t->want[OUT] + at(a->out, b, h, i), *dq = t->want[DQ] + at(a->q, b, h, i);
    for (size_t j = 0; j < a->keys; j++) {
        bool seen = !a->causal || j + a->queries <= i + a->keys;
        if (a->key_mask && !a->key_mask[b * a->keys + j]) seen = false;
        p[j] = seen ? scale * half_dot(a->width, q, t->x[K] + at(a->k, b, h, j)) : -HUGE_VAL;
    }
    for (size_t from = 0; from < a->keys; from += KEYS) {
        size_t to = from + KEYS < a->keys ? from + KEYS : a->keys;
        double before = top;
        for (size_t j = from; j < to; j++) top = fmax(top, p[j]);
        if (top == -HUGE_VAL) continue;
        for (size_t j = 0; j < from; j++) share[j] *= exp(before - top);
        for (size_t j = from; j < to; j++) share[j] = rounded(exp(p[j] - top));
    }
    if (top == -HUGE_VAL) return;
    for (size_t j = 0; j < a->keys; j++) sum += p[j] = exp(p[j] - top);
    for (size_t j = 0; j < a->keys; j++) {
        const float *v = t->x[V] + at(a->v, b, h, j);
        p[j] /= sum;
        for (size_t d = 0; d < a->value_width; d++)
            out[d] += share[j] / sum * rounded((double)v[d]);
    }
    for (size_t d = 0; d < a->value_width; d++) along += (double)g[d] * out[d];
    for (size_t j = 0; j < a->keys; j++) {
        const float *k = t->x[K] + at(a->k, b, h, j), *v = t->x[V] + at(a->v, b, h, j);
        double *dk = t->want[DK] + at(a->k, b, h, j), *dv = t->want[DV] + at(a->v, b, h, j);
        double ds = rounded(p[j] * (half_dot(a->value_width, g, v) - along) * scale);
        for (size_t d = 0; d < a->value_width; d++) dv[d] += rounded(p[j]) * rounded((double)g[d]);
        for (size_t d = 0; d < a->width; d++) {
            dq[d] += ds * rounded((double)k[d]);
            dk[d] += ds * rounded((double)q[d]);
        }
    }
}

static void set_aside(trial *t)
{
    for (int i = 0; i < ARRAYS; i++) {
        memcpy(t->exact[i], t->want[i], t->size[i] * sizeof(double));
        memset(t->want[i], 0, t->size[i] * sizeof(double));
    }
}

/* Where a share lies in f32 just where rounding turns over, kernel and sums in f64 differ by a unit
 * of bf16: few do. An operand that was not rounded would differ by as much as rounding moved it. */
static void half_level(leattest *t, leat_context *c)
{
    enum { PART = 8 };
    leati_rng rng;
    leati_rng_init(&rng, 63, LEATI_RNG_TEST, 0);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        trial x = trial_new(&shapes[s], &rng);
        size_t all = x.a.batch * x.a.heads * x.a.queries;
        for (size_t i = 0; i < all; i++)
            reference_row(&x, i / x.a.queries / x.a.heads, i / x.a.queries % x.a.heads,
                          i % x.a.queries);
        set_aside(&x);
        for (size_t i = 0; i < all; i++)
            half_row(&x, i / x.a.queries / x.a.heads, i / x.a.queries % x.a.heads, i % x.a.queries);
        x.a.half = true;
        trial_run(&x, c);
        static const int checked[] = {OUT, DQ, DK, DV};
        for (int i = 0; i < 4; i++) {
            int k = checked[i];
            double error = 0, moved = 0;
            for (size_t j = 0; j < x.size[k]; j++) {
                error += pow((double)x.x[k][j] - x.want[k][j], 2);
                moved += pow(x.exact[k][j] - x.want[k][j], 2);
            }
            if (!CHECK(moved > 0 && sqrt(error) < sqrt(moved) / PART))
                printf("    shape %zu, array %d: %g, rounding moved it by %g\n", s, k, sqrt(error),
                       sqrt(moved));
        }
        trial_free(&x);
    }
}

static void half(leattest *t)
{
    leattest_at_bf16_levels(t, 2, half_level);
}

static const leattest_case list[] = {TEST(reference), TEST(threads_agree), TEST(half)};
LEATTEST_MAIN(list)
