/* Owns: always-valid evidence for shares, quantiles and means. Not: what is decided by it. */
#include "learn/sequential.h"

#include <math.h>

#include "learn/stats_special.h"

enum { STEPS = 90, LEAST_MEAN = 50, USUAL_COUNT = 100 };

#define LN_PI 1.1447298858494001741

static double clamp(double p)
{
    return p < 0 ? 0 : p > 1 ? 1 : p;
}

/* Of two samples, by Bonferroni: the second, which is mostly the larger one, gets a fifth. */
static double either(double x, double y)
{
    x += log(0.8);
    y += log(0.2);
    return x > y ? x : y;
}

static double share_of(leati_share x)
{
    return x.trials > 0 ? x.hits / x.trials : 0;
}

/* ---- one share --------------------------------------------------------------------------------
 */

/* ln of B(hits + 1/2, misses + 1/2) / B(1/2, 1/2): the probability of the outcomes in their order
 * when p is drawn from Jeffreys' prior. */
static double mixture(leati_share x)
{
    return leati_log_gamma(x.hits + 0.5) + leati_log_gamma(x.trials - x.hits + 0.5) -
           leati_log_gamma(x.trials + 1) - LN_PI;
}

/* ln of the probability of the outcomes under p. */
static double likelihood(leati_share x, double p)
{
    double misses = x.trials - x.hits, sum = 0;
    if (x.hits > 0) sum += x.hits * log(p);
    if (misses > 0) sum += misses * log1p(-p);
    return sum;
}

/* Both as functions of the bound with `prior`, the mixture, computed before. Likelihood is largest
 * at the share seen, so the least evidence against p <= bound is there or at the bound. */
static double above(leati_share x, double prior, double bound)
{
    double seen = share_of(x), p = clamp(bound);
    return prior - likelihood(x, p < seen ? p : seen);
}

static double below(leati_share x, double prior, double bound)
{
    double seen = share_of(x), p = clamp(bound);
    return prior - likelihood(x, p > seen ? p : seen);
}

double leati_evidence_above(leati_share x, double bound)
{
    return bound < 0 ? (double)INFINITY : above(x, mixture(x), bound);
}

double leati_evidence_below(leati_share x, double bound)
{
    return bound > 1 ? (double)INFINITY : below(x, mixture(x), bound);
}

void leati_share_interval(leati_share x, double alpha, double *low, double *high)
{
    double prior = mixture(x), enough = -log(alpha), seen = share_of(x);
    double from = 0, to = seen;
    for (int i = 0; i < STEPS; i++) {
        double p = (from + to) / 2;
        if (prior - likelihood(x, p) > enough) from = p;
        else to = p;
    }
    *low = x.hits > 0 ? from : 0;
    from = seen, to = 1;
    for (int i = 0; i < STEPS; i++) {
        double p = (from + to) / 2;
        if (prior - likelihood(x, p) > enough) to = p;
        else from = p;
    }
    *high = x.hits < x.trials ? to : 1;
}

/* ---- two shares -------------------------------------------------------------------------------
 */

typedef struct pair {
    leati_share x, y;
    double prior_x, prior_y, factor, offset;
    bool above;
} pair;

/* Evidence against the hypothesis if the share of y is p. Convex in p: the likelihoods are
 * log-concave, the bound is affine in p, and the larger of two convex functions is convex. */
static double evidence_at(const pair *a, double p)
{
    double bound = a->factor * p + a->offset;
    double x = a->above ? above(a->x, a->prior_x, bound) : below(a->x, a->prior_x, bound);
    return either(x, a->prior_y - likelihood(a->y, p));
}

/* The least over all p, by golden section: beyond the share of y that was seen, towards where the
 * hypothesis fits x better. */
static double least_evidence(const pair *a)
{
    const double ratio = 0.61803398874989484820;
    double seen = share_of(a->y), from = a->above ? seen : 0, to = a->above ? 1 : seen;
    if (a->y.trials <= 0) from = 0, to = 1;
    double least = evidence_at(a, seen);
    double p = to - ratio * (to - from), q = from + ratio * (to - from);
    double at_p = evidence_at(a, p), at_q = evidence_at(a, q);
    for (int i = 0; i < STEPS; i++) {
        if (at_p < least) least = at_p;
        if (at_q < least) least = at_q;
        /* Where the hypothesis is impossible both are infinite: then on to where it is not. */
        if (isinf(at_p) && isinf(at_q) ? !a->above : at_p <= at_q) {
            to = q, q = p, at_q = at_p;
            p = to - ratio * (to - from);
            at_p = evidence_at(a, p);
        } else {
            from = p, p = q, at_p = at_q;
            q = from + ratio * (to - from);
            at_q = evidence_at(a, q);
        }
    }
    return least;
}

double leati_evidence_share_above(leati_share x, leati_share y, double factor, double offset)
{
    pair a = {x, y, mixture(x), mixture(y), factor, offset, true};
    return least_evidence(&a);
}

double leati_evidence_share_below(leati_share x, leati_share y, double factor, double offset)
{
    pair a = {x, y, mixture(x), mixture(y), factor, offset, false};
    return least_evidence(&a);
}

/* ---- quantiles --------------------------------------------------------------------------------
 */

static leati_share up_to(const leati_binned *x, size_t i)
{
    return (leati_share){x->below[i], x->below[x->bins - 1]};
}

/* The first edge at or above a value, and the last at or below it (bins: there is none). */
static size_t edge_above(const leati_binned *x, double value)
{
    size_t low = 0, high = x->bins - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (x->edges[middle] < value) low = middle + 1;
        else high = middle;
    }
    return low;
}

static size_t edge_below(const leati_binned *x, double value)
{
    size_t i = edge_above(x, value);
    if (x->edges[i] <= value) return i;
    return i ? i - 1 : x->bins;
}

/* ln((e^a + e^b) / 2): the mean of two e-processes is one. */
static double mean_of(double a, double b)
{
    double most = a > b ? a : b;
    return isinf(most) ? most : most + log((exp(a - most) + exp(b - most)) / 2);
}

/* Against that the quantile of y lies in (edges[i - 1], edges[i]]: then at least q of the values
 * are at most edges[i], and less than q at most edges[i - 1]. */
static double not_in_bin(const leati_binned *y, size_t i, double q)
{
    double first = leati_evidence_below(up_to(y, i), q);
    double second = i ? leati_evidence_above(up_to(y, i - 1), q) : first;
    return mean_of(first, second);
}

/* If the quantile is at most `bound`, at least q of the values are at most any edge above it. */
static double quantile_above(const leati_binned *x, double q, double bound)
{
    if (bound < 0) return (double)INFINITY;
    return leati_evidence_below(up_to(x, edge_above(x, bound)), q);
}

/* If it is larger, less than q of the values are at most any edge below. */
static double quantile_below(const leati_binned *x, double q, double bound)
{
    size_t i = edge_below(x, bound);
    leati_share none = {0, x->below[x->bins - 1]};
    return leati_evidence_above(i == x->bins ? none : up_to(x, i), q);
}

double leati_evidence_quantile_above(const leati_binned *x, const leati_binned *y, double q,
                                     double factor, double offset)
{
    double least = (double)INFINITY;
    if (!y) return quantile_above(x, q, offset);
    for (size_t i = 0; i < y->bins; i++) {
        double e = either(quantile_above(x, q, factor * y->edges[i] + offset), not_in_bin(y, i, q));
        if (e < least) least = e;
    }
    return least;
}

double leati_evidence_quantile_below(const leati_binned *x, const leati_binned *y, double q,
                                     double factor, double offset)
{
    double least = (double)INFINITY;
    if (!y) return quantile_below(x, q, offset);
    for (size_t i = 0; i < y->bins; i++) {
        double from = i ? y->edges[i - 1] : 0;
        double e = either(quantile_below(x, q, factor * from + offset), not_in_bin(y, i, q));
        if (e < least) least = e;
    }
    return least;
}

double leati_binned_quantile(const leati_binned *x, double q)
{
    double wanted = q * x->below[x->bins - 1];
    if (!(x->below[x->bins - 1] > 0)) return (double)NAN;
    size_t i = 0;
    while (i + 1 < x->bins && x->below[i] < wanted) i++;
    double from = i ? x->edges[i - 1] : 0, before = i ? x->below[i - 1] : 0;
    double in = x->below[i] - before;
    if (isinf(x->edges[i]) || in <= 0) return from;
    return from + (x->edges[i] - from) * (wanted - before) / in;
}

/* ---- means ------------------------------------------------------------------------------------
 */

static double mean(leati_moments x)
{
    return x.sum / x.count;
}

/* Few values that happen to be equal do not show that others are, so two more are thought of: one
 * at 0 and one as far beyond `scale`, the size of what is measured. The mean stays, the variance
 * never gets less, and so evidence never gets more; among n values they weigh as 2 / n. */
static double variance(leati_moments x, double scale)
{
    double m = mean(x), squares = x.squares - x.count * m * m;
    return ((squares > 0 ? squares : 0) + 2 * scale * scale) / (x.count - 1);
}

/* The mixture is normal with the variance that the difference has at USUAL_COUNT values an arm,
 * which is where it is sharpest. */
static double mean_beyond(leati_moments x, const leati_moments *y, double factor, double offset,
                          double sign)
{
    if (x.count < LEAST_MEAN || (y && y->count < LEAST_MEAN)) return 0;
    double limit = offset + (y ? factor * mean(*y) : 0), of_y = 0;
    double of_x = variance(x, fmax(fabs(mean(x)), fabs(limit)));
    if (y) of_y = factor * factor * variance(*y, fabs(mean(*y)));
    double d = sign * (mean(x) - limit), v = of_x / x.count + (y ? of_y / y->count : 0);
    double t = (of_x + of_y) / USUAL_COUNT;
    if (!(v > 0)) return 0; /* all values and the limit are 0 */
    double shrink = log(v / (v + t)) / 2;
    return d > 0 ? shrink + t * d * d / (2 * v * (v + t)) : shrink;
}

double leati_evidence_mean_above(leati_moments x, const leati_moments *y, double factor,
                                 double offset)
{
    return mean_beyond(x, y, factor, offset, 1);
}

double leati_evidence_mean_below(leati_moments x, const leati_moments *y, double factor,
                                 double offset)
{
    return mean_beyond(x, y, factor, offset, -1);
}
