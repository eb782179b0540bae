/* The battery of the kernels of networks but products and convolutions: every CPU level against
 * references in f64, gradients against differences of those, bitwise equality for 1, 2 and 4
 * threads. */
#include "support/leattest.h"
#include "support/levels.h"

#include "base/cpu.h"
#include "base/rng.h"
#include "kernel/channels.h"
#include "kernel/net_kernels.h"
#include "kernel/net_step.h"
#include "kernel/pool2d.h"
#include "kernel/rows.h"

static void fill(leati_rng *rng, size_t n, float *x)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)(4 * leati_rng_uniform(rng) - 2);
}

/* The largest |got - want| / (1 + |want|). */
static double apart(size_t n, const float *got, const double *want)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)got[i] - want[i]) / (1 + fabs(want[i]));
        if (!(d <= worst)) worst = d;
    }
    return worst;
}

static const size_t widths[] = {1, 2, 7, 10, 16, 17, 33, 64, 100, 257};
enum { WIDTHS = 10, ROWS = 9, MOST = 257 * ROWS };
#define CLOSE 4e-6

/* ---- softmax, cross-entropy ----------------------------------------------------------------- */

static void softmax_level(leattest *t, leat_context *c)
{
    static float x[MOST], y[MOST], g[MOST], dx[MOST];
    static double want[MOST], want_dx[MOST];
    leati_rng rng;
    leati_rng_init(&rng, 41, LEATI_RNG_TEST, 0);
    for (size_t w = 0; w < WIDTHS; w++) {
        for (int log = 0; log < 2; log++) {
            size_t n = widths[w];
            fill(&rng, ROWS * n, x);
            fill(&rng, ROWS * n, g);
            x[0] = 80;
            for (size_t r = 0; r < ROWS; r++) {
                double top = -HUGE_VAL, sum = 0, total = 0;
                for (size_t j = r * n; j < (r + 1) * n; j++) top = fmax(top, (double)x[j]);
                for (size_t j = r * n; j < (r + 1) * n; j++) sum += exp((double)x[j] - top);
                for (size_t j = r * n; j < (r + 1) * n; j++) {
                    want[j] = (double)x[j] - top - (double)logl(sum);
                    if (!log) want[j] = exp(want[j]);
                    total += (double)g[j] * (log ? 1 : want[j]);
                }
                for (size_t j = r * n; j < (r + 1) * n; j++)
                    want_dx[j] = log ? (double)g[j] - exp(want[j]) * total
                                     : want[j] * ((double)g[j] - total);
            }
            memcpy(y, x, sizeof y);
            leati_softmax(c, log, ROWS, n, y, y);
            CHECK(apart(ROWS * n, y, want) < CLOSE);
            leati_softmax_backward(c, log, ROWS, n, y, g, dx);
            CHECK(apart(ROWS * n, dx, want_dx) < 4 * CLOSE);
        }
    }
}

static void softmax(leattest *t)
{
    leattest_at_levels(t, 2, softmax_level);
}

static double entropy_row(const double *x, size_t n, size_t label, double s, const float *w)
{
    double top = -HUGE_VAL, sum = 0, loss;
    for (size_t j = 0; j < n; j++) top = fmax(top, x[j]);
    for (size_t j = 0; j < n; j++) sum += exp(x[j] - top);
    double lse = top + log(sum);
    loss = (1 - s) * (w ? (double)w[label] : 1) * (lse - x[label]);
    for (size_t j = 0; j < n; j++) loss += s / (double)n * (w ? (double)w[j] : 1) * (lse - x[j]);
    return loss;
}

static void entropy_level(leattest *t, leat_context *c)
{
    static float x[MOST], grad[MOST], weights[257], loss[ROWS];
    static double want[MOST], row[257], losses[ROWS];
    int64_t labels[ROWS];
    leati_rng rng;
    leati_rng_init(&rng, 42, LEATI_RNG_TEST, 0);
    for (size_t w = 0; w < WIDTHS; w++) {
        for (int kind = 0; kind < 4; kind++) {
            size_t n = widths[w];
            fill(&rng, ROWS * n, x);
            for (size_t j = 0; j < n; j++) weights[j] = 0.5f + (float)leati_rng_uniform(&rng);
            leati_cross_entropy e = {labels, -100, kind & 1 ? 0.1f : 0, NULL, 0.25f};
            if (kind & 2) e.weights = weights;
            for (size_t r = 0; r < ROWS; r++) {
                labels[r] = r == 3 ? -100 : (int64_t)leati_rng_below(&rng, (uint32_t)n);
                for (size_t j = 0; j < n; j++) row[j] = (double)x[r * n + j];
                losses[r] = 0;
                for (size_t j = 0; j < n; j++) want[r * n + j] = 0;
                if (r == 3) continue;
                size_t label = (size_t)labels[r];
                double s = (double)e.smoothing, h = 1e-5;
                losses[r] = entropy_row(row, n, label, s, e.weights);
                for (size_t j = 0; j < n; j++) {
                    double old = row[j];
                    row[j] = old + h;
                    double up = entropy_row(row, n, label, s, e.weights);
                    row[j] = old - h;
                    want[r * n + j] = (up - entropy_row(row, n, label, s, e.weights)) / (2 * h) / 4;
                    row[j] = old;
                }
            }
            leati_cross_entropy_rows(c, &e, ROWS, n, x, loss, NULL);
            CHECK(apart(ROWS, loss, losses) < CLOSE);
            leati_cross_entropy_rows(c, &e, ROWS, n, x, loss, grad);
            CHECK(apart(ROWS, loss, losses) < CLOSE);
            CHECK(apart(ROWS * n, grad, want) < CLOSE);
        }
    }
    labels[0] = 3000;
    leati_cross_entropy e = {labels, -100, 0, NULL, 1};
    leati_cross_entropy_rows(c, &e, 1, 10, x, loss, grad);
    CHECK(isnan(loss[0]) && isnan(grad[0]));
}

static void entropy(leattest *t)
{
    leattest_at_levels(t, 2, entropy_level);
}

/* ---- norms ---------------------------------------------------------------------------------- */

static double norm_loss(bool rms, size_t n, const double *x, const float *g, const float *gamma,
                        double *y, const float *beta)
{
    double mean = 0, square = 0, sum = 0;
    for (size_t j = 0; !rms && j < n; j++) mean += x[j] / (double)n;
    for (size_t j = 0; j < n; j++) square += (x[j] - mean) * (x[j] - mean) / (double)n;
    for (size_t j = 0; j < n; j++) {
        y[j] = (x[j] - mean) / sqrt(square + 1e-3) * (double)gamma[j] + (double)beta[j];
        sum += y[j] * (double)g[j];
    }
    return sum;
}

static void norm_level(leattest *t, leat_context *c)
{
    static float x[MOST], y[MOST], g[MOST], dx[MOST], gamma[257], beta[257], dgamma[257],
        dbeta[257], mean[ROWS], rate[ROWS];
    static double want[MOST], want_dx[MOST], want_dgamma[257], want_dbeta[257], row[257],
        trial[257];
    leati_rng rng;
    leati_rng_init(&rng, 43, LEATI_RNG_TEST, 0);
    for (size_t w = 0; w < WIDTHS; w++) {
        for (int rms = 0; rms < 2; rms++) {
            size_t n = widths[w];
            fill(&rng, ROWS * n, x);
            fill(&rng, ROWS * n, g);
            fill(&rng, n, gamma);
            fill(&rng, n, beta);
            memset(want_dgamma, 0, sizeof want_dgamma);
            memset(want_dbeta, 0, sizeof want_dbeta);
            for (size_t r = 0; r < ROWS; r++) {
                for (size_t j = 0; j < n; j++) row[j] = (double)x[r * n + j];
                norm_loss(rms, n, row, g + r * n, gamma, want + r * n, beta);
                for (size_t j = 0; j < n; j++) {
                    double old = row[j], h = 1e-5;
                    double up = (double)g[r * n + j];
                    want_dgamma[j] += up * (want[r * n + j] - (double)beta[j]) / (double)gamma[j];
                    want_dbeta[j] += up;
                    row[j] = old + h;
                    double more = norm_loss(rms, n, row, g + r * n, gamma, trial, beta);
                    row[j] = old - h;
                    want_dx[r * n + j] =
                        (more - norm_loss(rms, n, row, g + r * n, gamma, trial, beta)) / (2 * h);
                    row[j] = old;
                }
            }
            void *workspace = malloc(leati_norm_bytes(ROWS, n));
            leati_norm_forward(c, rms, ROWS, n, x, gamma, beta, 1e-3f, y, mean, rate);
            CHECK(apart(ROWS * n, y, want) < 4 * CLOSE);
            leati_norm_backward(c, rms, ROWS, n, x, g, gamma, mean, rate, dx, dgamma, dbeta,
                                workspace);
            CHECK(apart(ROWS * n, dx, want_dx) < 1e-4);
            CHECK(apart(n, dgamma, want_dgamma) < 1e-4);
            CHECK(apart(n, dbeta, want_dbeta) < CLOSE);
            free(workspace);
        }
    }
}

static void norms(leattest *t)
{
    leattest_at_levels(t, 2, norm_level);
}

/* Long rows far from 0: running sums in f32 would lose what the elements differ by. */
static void long_norm_level(leattest *t, leat_context *c)
{
    enum { LONG = 1 << 18 };
    float *x = malloc(LONG * sizeof *x), *y = malloc(LONG * sizeof *y);
    float *g = malloc(LONG * sizeof *g), *dx = malloc(LONG * sizeof *dx), mean, rate;
    double m = 0, v = 0, direct = 0, along = 0;
    int wrong = 0, wrong_dx = 0; /* counted: the largest difference makes GCC 12 for arm64 fail */
    leati_rng rng;
    leati_rng_init(&rng, 45, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < LONG; i++) {
        x[i] = (float)(1000 + leati_rng_uniform(&rng));
        g[i] = (float)leati_rng_uniform(&rng);
        m += (double)x[i] / LONG;
    }
    for (size_t i = 0; i < LONG; i++) v += pow((double)x[i] - m, 2) / LONG;
    double r = 1 / sqrt(v + 1e-5);
    for (size_t i = 0; i < LONG; i++) {
        direct += (double)g[i] / LONG;
        along += (double)g[i] * ((double)x[i] - m) * r / LONG;
    }
    leati_norm_forward(c, false, 1, LONG, x, NULL, NULL, 1e-5f, y, &mean, &rate);
    void *workspace = malloc(leati_norm_bytes(1, LONG));
    leati_norm_backward(c, false, 1, LONG, x, g, NULL, &mean, &rate, dx, NULL, NULL, workspace);
    for (size_t i = 0; i < LONG; i++) {
        double hat = ((double)x[i] - m) * r, want = ((double)g[i] - direct - hat * along) * r;
        wrong += !(fabs((double)y[i] - hat) < 5e-4);
        wrong_dx += !(fabs((double)dx[i] - want) < 2e-3);
    }
    CHECK_INT(wrong, 0);
    CHECK_INT(wrong_dx, 0);
    free(x), free(y), free(g), free(dx), free(workspace);
}

static void long_norms(leattest *t)
{
    leattest_at_levels(t, 2, long_norm_level);
}

/* Batch norm of many rows: moments, the affine map, the gradient through the moments. */
static void batch_norm_level(leattest *t, leat_context *c)
{
    enum { R = 3000, N = 19 };
    static float x[R * N], g[R * N], dx[R * N], y[R * N], mean[N], variance[N], rate[N], gamma[N],
        dgamma[N], dbeta[N];
    static double want[R * N], m[N], v[N], along[N], direct[N];
    leati_rng rng;
    leati_rng_init(&rng, 44, LEATI_RNG_TEST, 0);
    fill(&rng, R * N, x);
    fill(&rng, R * N, g);
    fill(&rng, N, gamma);
    for (size_t i = 0; i < R * N; i++) x[i] += 50; /* far from 0: moments must not cancel */
    memset(m, 0, sizeof m);
    memset(v, 0, sizeof v);
    memset(along, 0, sizeof along);
    memset(direct, 0, sizeof direct);
    for (size_t i = 0; i < R * N; i++) m[i % N] += (double)x[i] / R;
    for (size_t i = 0; i < R * N; i++) v[i % N] += pow((double)x[i] - m[i % N], 2) / R;
    void *workspace = malloc(leati_channel_bytes(R, N));
    leati_channel_moments(c, R, N, x, mean, variance, workspace);
    CHECK(apart(N, mean, m) < CLOSE && apart(N, variance, v) < 2e-5);
    for (size_t j = 0; j < N; j++) rate[j] = (float)(1 / sqrt(v[j] + 1e-3));
    leati_channel_affine(c, R, N, x, mean, gamma, rate, y);
    for (size_t i = 0; i < R * N; i++)
        want[i] = ((double)x[i] - (double)mean[i % N]) * (double)gamma[i % N] + (double)rate[i % N];
    CHECK(apart(R * N, y, want) < CLOSE);
    for (size_t i = 0; i < R * N; i++) {
        along[i % N] += (double)g[i] * ((double)x[i] - m[i % N]) * (double)rate[i % N];
        direct[i % N] += (double)g[i];
    }
    for (size_t i = 0; i < R * N; i++)
        want[i] = (double)gamma[i % N] * (double)rate[i % N] *
                  ((double)g[i] - direct[i % N] / R -
                   ((double)x[i] - m[i % N]) * (double)rate[i % N] * along[i % N] / R);
    leati_batch_norm_backward(c, R, N, x, g, mean, rate, gamma, dx, dgamma, dbeta, workspace);
    CHECK(apart(R * N, dx, want) < 1e-4);
    CHECK(apart(N, dgamma, along) < 1e-3 && apart(N, dbeta, direct) < 1e-3);
    free(workspace);
}

static void batch_norm(leattest *t)
{
    leattest_at_levels(t, 2, batch_norm_level);
}

/* Far from 0 and with few channels: the second pass corrects the mean of the first. */
static void far_channels_level(leattest *t, leat_context *c)
{
    enum { R = 40000, N = 3 };
    static float x[R * N], y[R * N], mean[N], variance[N], rate[N], shift[N];
    static double want[R * N], m[N], v[N];
    leati_rng rng;
    leati_rng_init(&rng, 46, LEATI_RNG_TEST, 0);
    memset(m, 0, sizeof m);
    memset(v, 0, sizeof v);
    for (size_t i = 0; i < R * N; i++) x[i] = (float)(1000 + leati_rng_uniform(&rng));
    for (size_t i = 0; i < R * N; i++) m[i % N] += (double)x[i] / R;
    for (size_t i = 0; i < R * N; i++) v[i % N] += pow((double)x[i] - m[i % N], 2) / R;
    void *workspace = malloc(leati_channel_bytes(R, N));
    leati_channel_moments(c, R, N, x, mean, variance, workspace);
    for (size_t j = 0; j < N; j++) rate[j] = (float)(1 / sqrt((double)variance[j]));
    leati_channel_affine(c, R, N, x, mean, rate, shift, y);
    for (size_t i = 0; i < R * N; i++) want[i] = ((double)x[i] - m[i % N]) / sqrt(v[i % N]);
    CHECK(apart(N, variance, v) < 1e-6);
    CHECK(apart(R * N, y, want) < 2e-4); /* half a unit in the last place of 1000 is 1e-4 of v */
    free(workspace);
}

static void far_channels(leattest *t)
{
    leattest_at_levels(t, 2, far_channels_level);
}

/* ---- steps ---------------------------------------------------------------------------------- */

static void optimiser_level(leattest *t, leat_context *c)
{
    enum { N = 20011 };
    static float w[N], g[N], m[N], v[N];
    static double ww[N], wm[N], wv[N];
    leati_rng rng;
    leati_rng_init(&rng, 45, LEATI_RNG_TEST, 0);
    for (int kind = 0; kind < 4; kind++) {
        fill(&rng, N, w);
        memset(m, 0, sizeof m);
        memset(v, 0, sizeof v);
        memset(wm, 0, sizeof wm);
        memset(wv, 0, sizeof wv);
        for (int i = 0; i < N; i++) ww[i] = (double)w[i];
        for (int step = 1; step <= 3; step++) {
            fill(&rng, N, g);
            double b1 = (double)0.9f, b2 = (double)0.999f, rate = (double)0.01f, mu = b1;
            double c1 = 1 - pow(b1, step), c2 = 1 - pow(b2, step), decay = (double)0.1f;
            for (int i = 0; i < N; i++) {
                double d = fmin(1, fmax(-1, (double)g[i] * 0.75));
                if (kind != 1) d += decay * ww[i]; /* all but AdamW */
                if (kind < 2) {
                    if (kind == 1) ww[i] *= 1 - rate * decay;
                    wm[i] = b1 * wm[i] + (1 - b1) * d;
                    wv[i] = b2 * wv[i] + (1 - b2) * d * d;
                    ww[i] -= rate * (wm[i] / c1) / (sqrt(wv[i] / c2) + (double)1e-6f);
                } else {
                    wm[i] = step == 1 ? d : mu * wm[i] + d;
                    ww[i] -= rate * (kind == 3 ? d + mu * wm[i] : wm[i]);
                }
            }
            leati_adam a = {.rate = 0.01f,
                            .beta_1 = b1,
                            .beta_2 = b2,
                            .epsilon = 1e-6f,
                            .weight_decay = 0.1f,
                            .scale = 0.75f,
                            .limit = 1,
                            .correction_1 = (float)c1,
                            .correction_2 = (float)c2,
                            .decoupled = kind == 1};
            leati_sgd s = {0.01f, 0.9f, 0, 0.1f, 0.75f, 1, kind == 3, step == 1};
            if (kind < 2) leati_adam_step(c, &a, N, w, g, m, v);
            else leati_sgd_step(c, &s, N, w, g, m);
            CHECK(apart(N, w, ww) < 2 * CLOSE && apart(N, m, wm) < CLOSE);
        }
    }
    double sum = 0;
    for (int i = 0; i < N; i++) sum += (double)g[i] * (double)g[i];
    CHECK_NEAR(leati_sum_squares(c, N, g), sum, 1e-6, 0);
}

/* Without gradients moments and velocities decay to 0, not into the range below the normal one. */
static void decay_level(leattest *t, leat_context *c)
{
    enum { N = 100, STEPS = 1000 };
    static float w[N], g[N], m[N], v[N], velocity[N], moved[N];
    leati_rng rng;
    leati_rng_init(&rng, 47, LEATI_RNG_TEST, 0);
    fill(&rng, N, w);
    fill(&rng, N, m);
    for (int i = 0; i < N; i++) v[i] = m[i] * m[i];
    memcpy(velocity, m, sizeof m);
    memcpy(moved, w, sizeof w);
    leati_adam a = {.rate = 0.001f, .beta_1 = 0.9, .beta_2 = 0.999, .epsilon = 1e-8f, .scale = 1};
    leati_sgd s = {.rate = 0.001f, .momentum = 0.9f, .scale = 1, .limit = 1};
    a.limit = a.correction_1 = a.correction_2 = 1;
    for (int step = 0; step < STEPS; step++) {
        leati_adam_step(c, &a, N, w, g, m, v);
        leati_sgd_step(c, &s, N, moved, g, velocity);
        for (int i = 0; i < N; i++)
            if (!CHECK(fpclassify(m[i]) != FP_SUBNORMAL && fpclassify(velocity[i]) != FP_SUBNORMAL))
                return;
    }
    for (int i = 0; i < N; i++)
        if (!CHECK(m[i] == 0 && velocity[i] == 0 && v[i] > 0 && isfinite(w[i]))) return;
}

static void optimisers(leattest *t)
{
    leattest_at_levels(t, 2, optimiser_level);
    leattest_at_levels(t, 2, decay_level);
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

/* h . dh + c . dc of one LSTM step for unit j with sums s[4]. */
static double lstm_unit(const double *s, double before, double dh, double dc, double *h, double *c)
{
    *c = logistic(s[1]) * before + logistic(s[0]) * tanh(s[2]);
    *h = logistic(s[3]) * tanh(*c);
    return *h * dh + *c * dc;
}

static void lstm_level(leattest *t, leat_context *c)
{
    enum { R = 5, N = 37 };
    static float gates[R * 4 * N], before[R * N], now[R * N], h[R * N], dh[R * N], dc[R * N],
        dgates[R * 4 * N], share[R * 4 * N], y[R * N], dy[R * N], copy[R * 4 * N], cell[R * N];
    static double sums[R * 4 * N], want_h[R * N], want_c[R * N], want_g[R * 4 * N], want_dc[R * N];
    leati_rng rng;
    leati_rng_init(&rng, 46, LEATI_RNG_TEST, 0);
    fill(&rng, R * 4 * N, gates);
    fill(&rng, R * N, before);
    fill(&rng, R * N, dh);
    fill(&rng, R * N, dc);
    for (size_t i = 0; i < R * 4 * N; i++) sums[i] = (double)gates[i];
    for (size_t i = 0; i < R * N; i++) {
        double s[4], x, unused, b = (double)before[i], eps = 1e-5;
        size_t at = i / N * 4 * N + i % N;
        double up = (double)dh[i], down = (double)dc[i];
        for (size_t k = 0; k < 4; k++) s[k] = sums[at + k * N];
        lstm_unit(s, b, up, down, &want_h[i], &want_c[i]);
        want_dc[i] = (lstm_unit(s, b + eps, up, down, &x, &unused) -
                      lstm_unit(s, b - eps, up, down, &x, &unused)) /
                     (2 * eps);
        for (size_t k = 0; k < 4; k++) {
            s[k] += eps;
            double more = lstm_unit(s, b, up, down, &x, &unused);
            s[k] -= 2 * eps;
            want_g[at + k * N] = (more - lstm_unit(s, b, up, down, &x, &unused)) / (2 * eps);
            s[k] += eps;
        }
    }
    const leati_net_kernels *k = leati_net_kernels_of(c);
    memcpy(share, gates, sizeof share);
    for (size_t i = 0; i < R * 4 * N; i++) gates[i] = (float)(sums[i] - (double)(share[i] /= 2));
    memcpy(cell, before, sizeof cell);
    leati_lstm_rows rows = {R,     N,   N, 4 * N, share, gates, N, 4 * N,
                            gates, now, y, N,     cell,  h,     N, true};
    k->lstm_rows(&rows);
    CHECK(memcmp(cell, now, sizeof cell) == 0);
    CHECK(apart(R * N, h, want_h) < CLOSE && apart(R * N, now, want_c) < CLOSE);
    CHECK(memcmp(y, h, sizeof h) == 0);
    leati_lstm_back back = {R,  N, N,  4 * N,  gates, before, now,   dy,  N,
                            dh, N, dc, dgates, copy,  N,      4 * N, true};
    for (size_t i = 0; i < R * N; i++) dh[i] -= dy[i] = dh[i] / 4;
    k->lstm_back(&back);
    CHECK(memcmp(copy, dgates, sizeof copy) == 0);
    CHECK(apart(R * 4 * N, dgates, want_g) < CLOSE && apart(R * N, dc, want_dc) < CLOSE);
}

/* Aligned rows of whole vectors, which go past the caches, have the bytes of those that do not. */
static void lstm_past_level(leattest *t, leat_context *c)
{
    enum { R = 3, N = 48, ALL = R * 4 * N };
    static _Alignas(64) float x[ALL], sums[ALL], before[R * N], gates[2][ALL], now[2][R * N];
    static _Alignas(64) float y[2][R * N], h[2][R * N], dy[R * N], dh[R * N], dc[2][R * N];
    static _Alignas(64) float dx[2][ALL], d[2][ALL], cell[2][R * N];
    const leati_net_kernels *k = leati_net_kernels_of(c);
    leati_rng rng;
    leati_rng_init(&rng, 48, LEATI_RNG_TEST, 0);
    fill(&rng, ALL, x);
    fill(&rng, ALL, sums);
    fill(&rng, R * N, before);
    fill(&rng, R * N, dy);
    fill(&rng, R * N, dh);
    fill(&rng, R * N, dc[0]);
    memcpy(dc[1], dc[0], sizeof dc[0]);
    for (int p = 0; p < 2; p++) {
        leati_lstm_rows rows = {R,        N,      N,    4 * N, x,       sums, N, 4 * N,
                                gates[p], now[p], y[p], N,     cell[p], h[p], N, p};
        leati_lstm_back back = {R,  N, N,     4 * N, gates[p], before, now[p], dy, N,
                                dh, N, dc[p], dx[p], d[p],     N,      4 * N,  p};
        memcpy(cell[p], before, sizeof before);
        k->lstm_rows(&rows);
        k->lstm_back(&back);
    }
    CHECK(memcmp(gates[0], gates[1], sizeof gates[0]) == 0);
    CHECK(memcmp(now[0], now[1], sizeof now[0]) == 0 && memcmp(y[0], y[1], sizeof y[0]) == 0);
    CHECK(memcmp(cell, now, sizeof cell) == 0 && memcmp(h, y, sizeof h) == 0);
    CHECK(memcmp(dx[0], dx[1], sizeof dx[0]) == 0 && memcmp(d[0], d[1], sizeof d[0]) == 0);
    CHECK(memcmp(dx[1], d[1], sizeof dx[0]) == 0 && memcmp(dc[0], dc[1], sizeof dc[0]) == 0);
}

static double gru_unit(const double *x, const double *y, double before, double dh)
{
    double r = logistic(x[0] + y[0]), z = logistic(x[1] + y[1]), k = tanh(x[2] + r * y[2]);
    return ((1 - z) * k + z * before) * dh;
}

static void gru_level(leattest *t, leat_context *c)
{
    enum { R = 5, N = 37 };
    static float gx[R * 3 * N], gh[R * 3 * N], before[R * N], h[R * N], dh[R * N], dgx[R * 3 * N],
        dgh[R * 3 * N], dbefore[R * N], gates[R * 3 * N], bias[3 * N];
    static double want_h[R * N], want_x[R * 3 * N], want_y[R * 3 * N], want_b[R * N];
    leati_rng rng;
    leati_rng_init(&rng, 47, LEATI_RNG_TEST, 0);
    fill(&rng, R * 3 * N, gx);
    fill(&rng, R * 3 * N, gh);
    fill(&rng, R * N, before);
    fill(&rng, R * N, dh);
    for (size_t i = 0; i < R * N; i++) {
        double x[3], y[3], b = (double)before[i], up = (double)dh[i], eps = 1e-5;
        size_t at = i / N * 3 * N + i % N;
        for (size_t k = 0; k < 3; k++) {
            x[k] = (double)gx[at + k * N];
            y[k] = (double)gh[at + k * N];
        }
        want_h[i] = gru_unit(x, y, b, 1);
        want_b[i] = logistic(x[1] + y[1]) * up;
        for (size_t k = 0; k < 6; k++) {
            double *s = k < 3 ? &x[k] : &y[k - 3], old = *s;
            *s = old + eps;
            double more = gru_unit(x, y, b, up);
            *s = old - eps;
            double slope = (more - gru_unit(x, y, b, up)) / (2 * eps);
            *s = old;
            if (k < 3) want_x[at + k * N] = slope;
            else want_y[at + (k - 3) * N] = slope;
        }
    }
    const leati_net_kernels *k = leati_net_kernels_of(c);
    for (size_t i = 0; i < 3 * N; i++) bias[i] = (float)(i % 7) / 8;
    for (size_t i = 0; i < R * 3 * N; i++) gh[i] -= bias[i % (3 * N)];
    memcpy(dbefore, dh, sizeof dh);
    for (size_t r = 0; r < R; r++) {
        size_t at = r * 3 * N, row = r * N;
        k->gru_row(N, N, gx + at, bias, gh + at, gates + at, before + row, h + row);
        k->gru_back_row(N, N, gates + at, gh + at, before + row, dbefore + row, dgx + at, dgh + at);
    }
    CHECK(apart(R * N, h, want_h) < CLOSE);
    CHECK(apart(R * 3 * N, dgx, want_x) < CLOSE && apart(R * 3 * N, dgh, want_y) < CLOSE);
    CHECK(apart(R * N, dbefore, want_b) < CLOSE);
}

static void gates(leattest *t)
{
    leattest_at_levels(t, 2, lstm_level);
    leattest_at_levels(t, 2, lstm_past_level);
    leattest_at_levels(t, 2, gru_level);
}

/* ---- pooling -------------------------------------------------------------------------------- */

static void pool_one(leattest *t, leat_context *c, const leati_pool2d *p, leati_rng *rng)
{
    static float x[40000], y[40000], g[40000], dx[40000];
    static double want[40000], want_dx[40000];
    size_t nx = p->batch * p->in_h * p->in_w * p->channels;
    size_t ny = p->batch * p->out_h * p->out_w * p->channels;
    REQUIRE(nx <= 40000 && ny <= 40000);
    REQUIRE_OK(leati_pool2d_check(c, p));
    for (size_t i = 0; i < nx; i++) x[i] = (float)leati_rng_below(rng, 5); /* with ties */
    fill(rng, ny, g);
    memset(want_dx, 0, sizeof want_dx);
    for (size_t i = 0; i < ny; i++) {
        size_t ch = i % p->channels, ox = i / p->channels % p->out_w;
        size_t oy = i / p->channels / p->out_w % p->out_h;
        size_t image = i / p->channels / p->out_w / p->out_h, best = SIZE_MAX, taps[100], n = 0;
        double sum = 0;
        for (size_t k = 0; k < p->kernel_h * p->kernel_w; k++) {
            size_t iy = oy * p->stride_h + k / p->kernel_w * p->dilation_h - p->pad_top;
            size_t ix = ox * p->stride_w + k % p->kernel_w * p->dilation_w - p->pad_left;
            if (iy >= p->in_h || ix >= p->in_w) continue;
            size_t at = ((image * p->in_h + iy) * p->in_w + ix) * p->channels + ch;
            taps[n++] = at;
            sum += (double)x[at];
            if (best == SIZE_MAX || x[at] > x[best]) best = at;
        }
        double by = p->count_padding ? (double)(p->kernel_h * p->kernel_w) : (double)n;
        want[i] = p->average ? (n ? sum / by : 0) : n ? (double)x[best] : -HUGE_VAL;
        for (size_t k = 0; p->average && k < n; k++) want_dx[taps[k]] += (double)g[i] / by;
        if (!p->average && n) want_dx[best] += (double)g[i];
    }
    leati_pool2d_forward(c, p, x, y);
    bool same = true;
    for (size_t i = 0; i < ny; i++)
        same = same && (want[i] == (double)y[i] || fabs(want[i] - (double)y[i]) < 1e-5);
    CHECK(same);
    leati_pool2d_backward(c, p, x, y, g, dx);
    CHECK(apart(nx, dx, want_dx) < CLOSE);
}

static void pool_level(leattest *t, leat_context *c)
{
    leati_rng rng;
    leati_rng_init(&rng, 48, LEATI_RNG_TEST, 0);
    for (int average = 0; average < 3; average++) {
        leati_pool2d p = {3, 14, 14, 32, 7, 7, 2, 2, 2, 2, 1, 1, 0, 0, average > 0, average > 1};
        pool_one(t, c, &p, &rng);
        p = (leati_pool2d){2, 9, 11, 21, 5, 6, 3, 3, 2, 2, 1, 1, 1, 1, average > 0, average > 1};
        pool_one(t, c, &p, &rng);
        p = (leati_pool2d){1, 7, 7, 70, 1, 1, 7, 7, 1, 1, 1, 1, 0, 0, average > 0, average > 1};
        pool_one(t, c, &p, &rng);
        p = (leati_pool2d){1, 1, 30, 5, 1, 26, 1, 3, 1, 1, 1, 2, 0, 0, average > 0, average > 1};
        pool_one(t, c, &p, &rng);
    }
    leati_pool2d bad = {1, 4, 4, 1, 9, 1, 2, 2, 2, 2, 1, 1, 0, 0, false, false};
    CHECK_FAILS(leati_pool2d_check(t->context, &bad), LEAT_INVALID, "outside the image");
    bad.stride_h = 0;
    CHECK_FAILS(leati_pool2d_check(t->context, &bad), LEAT_INVALID, "stride of 0");
}

static void pooling(leattest *t)
{
    leattest_at_levels(t, 2, pool_level);
}

/* ---- maps, lookups, layouts ----------------------------------------------------------------- */

static void maps_level(leattest *t, leat_context *c)
{
    const leati_net_kernels *k = leati_net_kernels_of(c);
    enum { N = 10001 };
    static float x[N], y[N];
    double worst_log = 0, worst_erf = 0, worst_tanh = 0, worst_sigmoid = 0;
    for (int i = 0; i < N; i++) x[i] = (float)exp((i - 5000) * 0.017);
    k->log_map(N, x, y);
    for (int i = 0; i < N; i++)
        worst_log = fmax(worst_log, fabs((double)y[i] - log((double)x[i])) /
                                        (fabs(log((double)x[i])) + 1e-30));
    for (int i = 0; i < N; i++) x[i] = (float)(i - 5000) * 0.0011f;
    x[5000] = 1e-20f;
    k->erf_map(N, x, y);
    for (int i = 0; i < N; i++)
        worst_erf = fmax(worst_erf, fabs((double)y[i] / erf((double)x[i]) - 1));
    k->activate(LEATI_ACT_TANH, N, x, y);
    for (int i = 0; i < N; i++)
        worst_tanh = fmax(worst_tanh, fabs((double)y[i] / tanh((double)x[i]) - 1));
    k->activate(LEATI_ACT_SIGMOID, N, x, y);
    for (int i = 0; i < N; i++)
        worst_sigmoid = fmax(worst_sigmoid, fabs((double)y[i] / logistic((double)x[i]) - 1));
    const double unit = 1.0 / (1 << 23);
    if (!CHECK(worst_log < 2 * unit && worst_erf < 4 * unit && worst_tanh < 4 * unit &&
               worst_sigmoid < 3 * unit))
        printf("    log %.2g, erf %.2g, tanh %.2g, sigmoid %.2g units\n", worst_log / unit,
               worst_erf / unit, worst_tanh / unit, worst_sigmoid / unit);
    float special[5] = {0, -1, (float)INFINITY, (float)NAN, 1e-42f};
    k->log_map(5, special, y);
    CHECK(y[0] == -(float)INFINITY && isnan(y[1]) && y[2] == (float)INFINITY && isnan(y[3]));
    CHECK_NEAR((double)y[4], log((double)special[4]), 1e-6, 0);
    special[0] = -(float)INFINITY;
    k->erf_map(4, special, y);
    CHECK(y[0] == -1 && y[2] == 1 && isnan(y[3]));
}

/* The part of x that GELU lets through, and its slope, are probabilities or near: absolute errors.
 */
static void gelu_level(leattest *t, leat_context *c)
{
    const leati_net_kernels *k = leati_net_kernels_of(c);
    enum { N = 16001 };
    static float x[N], y[N], g[N], slope[N];
    double worst = 0, worst_slope = 0, unit = 1.0 / (1 << 23);
    for (int i = 0; i < N; i++) x[i] = (float)(i - 8000) * 0.00107f, g[i] = 1;
    x[8000] = 1e-20f;
    k->activate(LEATI_ACT_GELU, N, x, y);
    k->activate_back(LEATI_ACT_GELU, N, x, g, slope);
    for (int i = 0; i < N; i++) {
        double v = (double)x[i], through = 0.5 * erfc(-v * sqrt(0.5));
        double want = through + v * exp(-0.5 * v * v) / sqrt(2 * acos(-1));
        worst = fmax(worst, fabs((double)y[i] / v - through));
        worst_slope = fmax(worst_slope, fabs((double)slope[i] - want));
    }
    if (!CHECK(worst < 1.1 * unit && worst_slope < 2 * unit))
        printf("    gelu %.2g, slope %.2g units\n", worst / unit, worst_slope / unit);
    float special[5] = {30, -30, (float)NAN, 0, (float)INFINITY};
    k->activate(LEATI_ACT_GELU, 5, special, y);
    CHECK(y[0] == 30 && y[1] == 0 && isnan(y[2]) && y[3] == 0 && y[4] == (float)INFINITY);
}

static void maps(leattest *t)
{
    leattest_at_levels(t, 1, maps_level);
    leattest_at_levels(t, 1, gelu_level);
}

static void layout_level(leattest *t, leat_context *c)
{
    enum { B = 3, M = 37, N = 83, V = 11, COUNT = 500 };
    static float x[B * M * N], y[B * M * N], back[B * M * N], table[V * N], rows[COUNT * N],
        sum[V * N];
    static double want[V * N];
    int64_t index[COUNT];
    leati_rng rng;
    leati_rng_init(&rng, 49, LEATI_RNG_TEST, 0);
    fill(&rng, B * M * N, x);
    leati_transpose(c, B, M, N, x, y);
    bool turned = true;
    for (size_t i = 0; i < B * M * N; i++)
        turned = turned && y[i / (M * N) * M * N + i % N * M + i / N % M] == x[i];
    CHECK(turned);
    leati_transpose(c, B, N, M, y, back);
    CHECK(memcmp(x, back, sizeof x) == 0);
    fill(&rng, V * N, table);
    for (size_t i = 0; i < COUNT; i++) index[i] = (int64_t)leati_rng_below(&rng, V);
    leati_embedding_forward(c, COUNT, N, index, table, rows);
    bool found = true;
    for (size_t i = 0; i < COUNT * N; i++)
        found = found && rows[i] == table[(size_t)index[i / N] * N + i % N];
    CHECK(found);
    fill(&rng, COUNT * N, rows);
    memset(sum, 0, sizeof sum);
    memset(want, 0, sizeof want);
    for (size_t i = 0; i < COUNT * N; i++)
        want[(size_t)index[i / N] * N + i % N] += (double)rows[i];
    leati_embedding_backward(c, COUNT, N, index, rows, sum);
    CHECK(apart(V * N, sum, want) < 1e-5);
}

static void layouts(leattest *t)
{
    leattest_at_levels(t, 2, layout_level);
}

/* ---- threads -------------------------------------------------------------------------------- */

enum { TR = 3000, TN = 40 };
typedef struct results {
    float norm[TN], other[TN], mean[TN], variance[TN], dx[TR * TN], batch[TN], channels[TN];
    double squares;
} results;

static void sums_of(leat_context *c, const float *x, const float *g, results *r)
{
    static float y[TR * TN], mean[TR], rate[TR];
    void *workspace = malloc(leati_norm_bytes(TR, TN) + leati_channel_bytes(TR, TN));
    if (!workspace) return;
    leati_norm_forward(c, false, TR, TN, x, NULL, NULL, 1e-5f, y, mean, rate);
    leati_norm_backward(c, false, TR, TN, x, g, NULL, mean, rate, r->dx, r->norm, r->other,
                        workspace);
    leati_channel_moments(c, TR, TN, x, r->mean, r->variance, workspace);
    leati_batch_norm_backward(c, TR, TN, x, g, r->mean, r->variance, NULL, r->dx, r->batch,
                              r->channels, workspace);
    r->squares = leati_sum_squares(c, TR * TN, x);
    free(workspace);
}

static void threads_level(leattest *t, leat_context *one)
{
    static float x[TR * TN], g[TR * TN];
    static results r[3];
    leati_cpu_level level = leati_context_cpu_level(one);
    leat_context *all[3] = {one, leattest_context(level, 2), leattest_context(level, 4)};
    leati_rng rng;
    leati_rng_init(&rng, 50, LEATI_RNG_TEST, 0);
    REQUIRE(all[1] && all[2]);
    fill(&rng, TR * TN, x);
    fill(&rng, TR * TN, g);
    for (int i = 0; i < 3; i++) sums_of(all[i], x, g, &r[i]);
    for (int i = 1; i < 3; i++) {
        CHECK(memcmp(&r[0], &r[i], sizeof *r) == 0);
        leat_context_destroy(all[i]);
    }
}

static void threads_agree(leattest *t)
{
    leattest_at_levels(t, 1, threads_level);
}

static const leattest_case list[] = {TEST(softmax),    TEST(entropy),    TEST(norms),
                                     TEST(long_norms), TEST(batch_norm), TEST(far_channels),
                                     TEST(optimisers), TEST(gates),      TEST(pooling),
                                     TEST(maps),       TEST(layouts),    TEST(threads_agree)};
LEATTEST_MAIN(list)
