/* Always-valid evidence: identities, and by simulation how often it errs when looked at all the
 * time, and how soon it sees what is there. */
#include "base/rng.h"
#include "learn/sequential.h"
#include "support/leattest.h"

static const double alpha = 0.05;

static leat_status nothing(leat_context *c, void *arg)
{
    (void)c;
    (void)arg;
    return LEAT_OK;
}

/* The mixture is a distribution over outcomes, so its mean under any p is 1. */
static void identities(leattest *t)
{
    leattest_fail_allocations(t, nothing, NULL); /* it allocates nothing */
    CHECK_NEAR(leati_evidence_above((leati_share){0, 0}, 0.3), 0, 0, 1e-12);
    /* One miss: B(1/2, 3/2) / B(1/2, 1/2) = 1/2, against 3/4. */
    CHECK_NEAR(leati_evidence_below((leati_share){0, 1}, 0.25), log(0.5 / 0.75), 1e-12, 0);
    for (int n = 1; n <= 40; n += 13) {
        for (double p = 0.05; p < 1; p += 0.3) {
            double sum = 0;
            for (int k = 0; k <= n; k++) {
                leati_share x = {k, n};
                double up = leati_evidence_above(x, p), down = leati_evidence_below(x, p);
                double evidence = k > p * n ? up : down;
                double chance = exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) +
                                    k * log(p) + (n - k) * log1p(-p));
                sum += chance * exp(evidence);
                CHECK(up <= evidence + 1e-12 && down <= evidence + 1e-12);
            }
            CHECK_NEAR(sum, 1, 1e-10, 0);
        }
    }
    CHECK(isinf(leati_evidence_above((leati_share){1, 10}, 0)));
    CHECK(leati_evidence_above((leati_share){0, 10}, 0) < 0);
    CHECK(isinf(leati_evidence_below((leati_share){9, 10}, 1)));
    CHECK(leati_evidence_share_above((leati_share){0, 0}, (leati_share){0, 0}, 1, 0) <= 1e-12);
    /* A share of y that is not known may be so large that 5% is below it by 90 points. */
    CHECK(leati_evidence_share_above((leati_share){5, 100}, (leati_share){0, 0}, 1, -0.9) <= 0);
}

static void intervals(leattest *t)
{
    double low, high;
    leati_share_interval((leati_share){0, 0}, alpha, &low, &high);
    CHECK_NEAR(low, 0, 0, 1e-12);
    CHECK_NEAR(high, 1, 0, 1e-12);
    leati_share_interval((leati_share){0, 1000}, alpha, &low, &high);
    CHECK(low == 0 && high > 0.003 && high < 0.012);
    leati_share_interval((leati_share){300, 1000}, alpha, &low, &high);
    CHECK(low > 0.24 && low < 0.27 && high > 0.33 && high < 0.36);
    CHECK_NEAR(leati_evidence_above((leati_share){300, 1000}, low), -log(alpha), 1e-6, 0);
}

/* ---- errors over many looks ---------------------------------------------------------------------
 */

/* The interval, looked at after every observation, ever misses the truth. */
static void coverage(leattest *t)
{
    enum { RUNS = 400, LENGTH = 1500 };
    static const double truths[] = {0.002, 0.05, 0.5};
    for (size_t k = 0; k < 3; k++) {
        int missed = 0;
        for (uint32_t run = 0; run < RUNS; run++) {
            leati_rng rng;
            leati_share x = {0, 0};
            bool miss = false;
            leati_rng_init(&rng, 11 + k, LEATI_RNG_TEST, run);
            for (int i = 0; i < LENGTH && !miss; i++) {
                x.trials++;
                x.hits += leati_rng_uniform(&rng) < truths[k];
                miss = leati_evidence_above(x, truths[k]) >= -log(alpha) ||
                       leati_evidence_below(x, truths[k]) >= -log(alpha);
            }
            missed += miss;
        }
        printf("    p = %g: %d of %d runs ever outside\n", truths[k], missed, RUNS);
        CHECK(missed <= alpha * RUNS);
    }
}

typedef struct outcome {
    int above, below; /* runs in which that was ever shown */
    double when;      /* mean number of observations of x then */
} outcome;

/* x gets 1 of `every` observations, as under a canary's share. */
static outcome shares(uint64_t seed, int runs, int length, int every, double px, double py,
                      double factor, double offset)
{
    outcome o = {0};
    double enough = -log(alpha);
    for (int run = 0; run < runs; run++) {
        leati_rng rng;
        leati_share x = {0, 0}, y = {0, 0};
        bool above = false, below = false;
        leati_rng_init(&rng, seed, LEATI_RNG_TEST, (uint32_t)run);
        for (int i = 0; i < length && !above && !below; i++) {
            leati_share *to = i % every == 0 ? &x : &y;
            to->trials++;
            to->hits += leati_rng_uniform(&rng) < (to == &x ? px : py);
            if (i % 64) continue;
            above = leati_evidence_share_above(x, y, factor, offset) >= enough;
            below = leati_evidence_share_below(x, y, factor, offset) >= enough;
        }
        o.above += above;
        o.below += below;
        o.when += above || below ? x.trials : 0;
    }
    o.when /= o.above + o.below ? o.above + o.below : 1;
    return o;
}

/* On the limit itself neither may be shown, which is where errors are most frequent. */
static void two_shares(leattest *t)
{
    enum { RUNS = 200 };
    static const struct {
        double py, factor, offset;
        int every;
    } limits[] = {{0.02, 1, 0, 2}, {0.01, 1, 0.01, 10}, {0.1, 1.5, 0, 4}, {0.002, 2, 0.001, 3}};
    for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
        double px = limits[k].factor * limits[k].py + limits[k].offset;
        outcome o = shares(100 + k, RUNS, 3000, limits[k].every, px, limits[k].py, limits[k].factor,
                           limits[k].offset);
        printf("    limit %g * %g + %g: %d above, %d below of %d\n", limits[k].factor, limits[k].py,
               limits[k].offset, o.above, o.below, RUNS);
        CHECK(o.above <= alpha * RUNS);
        CHECK(o.below <= alpha * RUNS);
    }
    /* What is there is seen: errors of 5% where 1% + 1% are allowed; none where they are equal. */
    outcome bad = shares(7, 50, 40000, 20, 0.05, 0.01, 1, 0.01);
    outcome good = shares(8, 50, 40000, 20, 0.001, 0.001, 1, 0.01);
    printf("    5%% against 1%% + 1%%: %d of 50 after %.0f; 0.1%% against 0.1%% + 1%%: %d after "
           "%.0f\n",
           bad.above, bad.when, good.below, good.when);
    CHECK(bad.above >= 49 && bad.below == 0);
    CHECK(good.below >= 49 && good.above == 0);
}

/* ---- latencies --------------------------------------------------------------------------------
 */

enum { BINS = 60 };
typedef struct histogram {
    double edges[BINS], count[BINS], below[BINS];
    leati_moments moments;
} histogram;

static void clear(histogram *h)
{
    *h = (histogram){0};
    for (int i = 0; i < BINS; i++) h->edges[i] = i == BINS - 1 ? (double)INFINITY : pow(1.15, i);
}

static leati_binned view(histogram *h)
{
    double sum = 0;
    for (int i = 0; i < BINS; i++) h->below[i] = sum += h->count[i];
    return (leati_binned){h->edges, h->below, BINS};
}

static void add(histogram *h, double value)
{
    int i = 0;
    while (h->edges[i] < value) i++;
    h->count[i]++;
    h->moments.count++;
    h->moments.sum += value;
    h->moments.squares += value * value;
}

typedef enum what { QUANTILE, MEAN } what;

/* Log-normal latencies; those of x are `slower` times as long. */
static outcome latencies(uint64_t seed, int runs, int length, what w, double q, double slower,
                         double factor)
{
    outcome o = {0};
    double enough = -log(alpha);
    for (int run = 0; run < runs; run++) {
        leati_rng rng;
        histogram x, y;
        bool above = false, below = false;
        clear(&x);
        clear(&y);
        leati_rng_init(&rng, seed, LEATI_RNG_TEST, (uint32_t)run);
        for (int i = 0; i < length && !above && !below; i++) {
            double value = 20 * exp(0.5 * leati_rng_normal(&rng));
            if (i % 4 == 0) add(&x, slower * value);
            else add(&y, value);
            if (i % 40) continue;
            leati_binned a = view(&x), b = view(&y);
            if (w == QUANTILE) {
                above = leati_evidence_quantile_above(&a, &b, q, factor, 0) >= enough;
                below = leati_evidence_quantile_below(&a, &b, q, factor, 0) >= enough;
            } else {
                above = leati_evidence_mean_above(x.moments, &y.moments, factor, 0) >= enough;
                below = leati_evidence_mean_below(x.moments, &y.moments, factor, 0) >= enough;
            }
        }
        o.above += above;
        o.below += below;
        o.when += above || below ? x.moments.count : 0;
    }
    o.when /= o.above + o.below ? o.above + o.below : 1;
    return o;
}

static void quantiles(leattest *t)
{
    enum { RUNS = 100 };
    outcome at = latencies(21, RUNS, 4000, QUANTILE, 0.9, 1.5, 1.5);
    outcome slow = latencies(22, 30, 12000, QUANTILE, 0.9, 3, 1.5);
    outcome same = latencies(23, 30, 12000, QUANTILE, 0.9, 1, 2);
    printf("    p90 on the limit: %d above, %d below of %d; 3x where 1.5x is the limit: %d of 30 "
           "after %.0f; 1x where 2x is: %d after %.0f\n",
           at.above, at.below, RUNS, slow.above, slow.when, same.below, same.when);
    CHECK(at.above <= alpha * RUNS && at.below <= alpha * RUNS);
    CHECK(slow.above == 30 && same.below == 30);
    /* Against a fixed limit, and the ends. */
    histogram h;
    clear(&h);
    leati_binned empty = view(&h);
    CHECK(isnan(leati_binned_quantile(&empty, 0.5)));
    for (int i = 0; i < 1000; i++) add(&h, i < 900 ? 5 : 100);
    leati_binned x = view(&h);
    CHECK(leati_evidence_quantile_above(&x, NULL, 0.95, 1, 20) > 5);
    CHECK(leati_evidence_quantile_below(&x, NULL, 0.95, 1, 20) < 0);
    CHECK(leati_evidence_quantile_below(&x, NULL, 0.5, 1, 20) > 5);
    CHECK(leati_evidence_quantile_below(&x, NULL, 0.5, 1, 0.5) < 0);
    CHECK(isinf(leati_evidence_quantile_above(&x, NULL, 0.5, 1, -1)));
    double p50 = leati_binned_quantile(&x, 0.5), p99 = leati_binned_quantile(&x, 0.99);
    CHECK(p50 > 4 && p50 < 6 && p99 > 85 && p99 < 116);
}

static void means(leattest *t)
{
    enum { RUNS = 200 };
    outcome at = latencies(31, RUNS, 6000, MEAN, 0, 1.2, 1.2);
    outcome slow = latencies(32, 30, 6000, MEAN, 0, 2, 1.2);
    outcome same = latencies(33, 30, 6000, MEAN, 0, 1, 1.5);
    printf("    mean on the limit: %d above, %d below of %d; 2x where 1.2x is the limit: %d of 30 "
           "after %.0f; 1x where 1.5x is: %d after %.0f\n",
           at.above, at.below, RUNS, slow.above, slow.when, same.below, same.when);
    CHECK(at.above <= alpha * RUNS && at.below <= alpha * RUNS);
    CHECK(slow.above == 30 && same.below == 30);
    leati_moments constant = {100, 500, 2500}, few = {10, 50, 300};
    CHECK(leati_evidence_mean_above(constant, NULL, 1, 5) <= 0);
    /* Equal values: a fifth beyond the limit is seen, a hundredth is not, nothing is certain. */
    double far = leati_evidence_mean_above(constant, NULL, 1, 4);
    CHECK(far > 10 && isfinite(far));
    CHECK(leati_evidence_mean_above(constant, NULL, 1, 4.95) < -log(alpha));
    CHECK(leati_evidence_mean_below(constant, NULL, 1, 5.05) < -log(alpha));
    leati_moments half = {50, 250, 1250}, zero = {100, 0, 0};
    double near = leati_evidence_mean_above(half, &constant, 0.95, 0);
    CHECK(isfinite(near) && near < -log(alpha));
    CHECK(leati_evidence_mean_above(half, &constant, 0.5, 0) > -log(alpha));
    CHECK_NEAR(leati_evidence_mean_above(zero, &zero, 1, 0), 0, 0, 0);
    CHECK(isfinite(leati_evidence_mean_below(zero, NULL, 1, 3)));
    /* With spread of their own, the two values soon weigh nothing. */
    leati_moments many = {1e6, 5e6, 29e6};
    CHECK_NEAR(leati_evidence_mean_above(many, NULL, 1, 4.99), 7.8934, 1e-4, 0);
    CHECK_NEAR(leati_evidence_mean_above(few, NULL, 1, 0), 0, 0, 0);
}

static const leattest_case cases[] = {TEST(identities), TEST(intervals), TEST(coverage),
                                      TEST(two_shares), TEST(quantiles), TEST(means)};
LEATTEST_MAIN(cases)
