/* Owns: the measures of drift. */
#include "monitor/drift.h"

#include <math.h>

#include "learn/stats_special.h"

enum { FEWEST_EXPECTED = 5 };

static uint64_t total_of(const uint64_t *count, size_t cells)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < cells; i++) sum += count[i];
    return sum;
}

double leati_psi(const uint64_t *norm, const uint64_t *now, size_t cells, size_t *used)
{
    double psi = 0, m = 0, n = 0;
    uint64_t norm_total = total_of(norm, cells), now_total = total_of(now, cells);
    *used = 0;
    for (size_t i = 0; i < cells; i++) *used += norm[i] > 0 || now[i] > 0;
    if (!norm_total || !now_total) return (double)NAN;
    m = (double)norm_total + 0.5 * (double)*used;
    n = (double)now_total + 0.5 * (double)*used;
    for (size_t i = 0; i < cells; i++) {
        double p = ((double)norm[i] + 0.5) / m, q = ((double)now[i] + 0.5) / n;
        if (norm[i] > 0 || now[i] > 0) psi += (q - p) * log(q / p);
    }
    return psi;
}

double leati_ks_distance(const uint64_t *norm, const uint64_t *now, size_t cells)
{
    double m = (double)total_of(norm, cells), n = (double)total_of(now, cells), most = 0;
    uint64_t below = 0, below_now = 0;
    if (!(m > 0 && n > 0)) return (double)NAN;
    for (size_t i = 0; i < cells; i++) {
        below += norm[i];
        below_now += now[i];
        most = fmax(most, fabs((double)below_now / n - (double)below / m));
    }
    return most;
}

double leati_ks_p(double d, double n, double m)
{
    static const double pi = 3.14159265358979323846;
    double x = d * sqrt(n * m / (n + m)), sum = 0;
    if (isnan(x)) return x;
    if (x < 0.04) return 1; /* 1 - p is below 1e-300 */
    if (x < 1.18) {         /* Jacobi's transformation of the series below: converges here */
        for (int k = 1; k <= 9; k += 2) sum += exp(-k * k * pi * pi / (8 * x * x));
        return 1 - sqrt(2 * pi) / x * sum;
    }
    for (int k = 1; k <= 9; k++) sum += (k % 2 ? 2 : -2) * exp(-2.0 * k * k * x * x);
    return fmin(fmax(sum, 0), 1);
}

/* What the joined cells are made of while they are walked. */
typedef struct joined {
    double norm, now; /* not given out yet */
    double m, n;      /* totals */
    double last_norm, last_now;
    double chi2;
    size_t cells;
} joined;

static double part(const joined *j, double norm, double now)
{
    double miss = sqrt(j->m / j->n) * now - sqrt(j->n / j->m) * norm;
    return norm + now > 0 ? miss * miss / (norm + now) : 0;
}

/* Closes a cell; the one before it is final then. */
static void close_cell(joined *j)
{
    if (j->cells) j->chi2 += part(j, j->last_norm, j->last_now);
    j->last_norm = j->norm, j->last_now = j->now;
    j->norm = j->now = 0;
    j->cells++;
}

double leati_chi2(const uint64_t *norm, const uint64_t *now, size_t cells, double *df)
{
    joined j = {.m = (double)total_of(norm, cells), .n = (double)total_of(now, cells)};
    *df = 0;
    if (!(j.m > 0 && j.n > 0)) return (double)NAN;
    double smaller = fmin(j.m, j.n) / (j.m + j.n);
    for (size_t i = 0; i < cells; i++) {
        j.norm += (double)norm[i];
        j.now += (double)now[i];
        if ((j.norm + j.now) * smaller >= FEWEST_EXPECTED) close_cell(&j);
    }
    /* The rest belongs to the last cell. */
    j.last_norm += j.norm, j.last_now += j.now;
    if (j.cells < 2) return (double)NAN;
    *df = (double)(j.cells - 1);
    return j.chi2 + part(&j, j.last_norm, j.last_now);
}

double leati_js_distance(const uint64_t *norm, const uint64_t *now, size_t cells)
{
    double m = (double)total_of(norm, cells), n = (double)total_of(now, cells), sum = 0;
    if (!(m > 0 && n > 0)) return (double)NAN;
    for (size_t i = 0; i < cells; i++) {
        double p = (double)norm[i] / m, q = (double)now[i] / n, middle = (p + q) / 2;
        if (p > 0) sum += p / 2 * log2(p / middle);
        if (q > 0) sum += q / 2 * log2(q / middle);
    }
    return sqrt(fmin(fmax(sum, 0), 1));
}

void leati_adjust_bh(const double *p, size_t count, double *adjusted, uint32_t *rank)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) { /* by insertion: features are few, or once a window */
        if (isnan(p[i])) {
            adjusted[i] = p[i];
            continue;
        }
        size_t at = n++;
        for (; at > 0 && p[rank[at - 1]] > p[i]; at--) rank[at] = rank[at - 1];
        rank[at] = (uint32_t)i;
    }
    double least = 1;
    for (size_t k = n; k-- > 0;) {
        least = fmin(least, p[rank[k]] * (double)n / (double)(k + 1));
        adjusted[rank[k]] = least;
    }
}

/* --- a feature -------------------------------------------------------------------------------- */

/* The mean of the values in a cell of numbers (not the last cell) that holds some, in standard
 * deviations from the mean of the norm. */
static double place_now(const leati_counters *w, size_t feature, size_t cell)
{
    const uint64_t *count = w->word + w->cells[feature], *sum = w->word + w->sums[feature];
    return (double)(int64_t)sum[cell] / 1048576.0 / (double)count[cell];
}

static double mean_now(const leati_counters *w, size_t feature, uint64_t rows)
{
    const leati_norm_feature *f = &w->norm->feature[feature];
    uint64_t sum = 0; /* of either sign, modulo 2^64 */
    for (size_t i = 0; i + 1 < f->cells; i++) sum += w->word[w->sums[feature] + i];
    return rows ? (double)(int64_t)sum / 1048576.0 / (double)rows : (double)NAN;
}

/* Integral of |F - G| over both sets of places; each is in ascending order by itself. */
static double distance(const leati_counters *w, size_t feature)
{
    const leati_norm_feature *f = &w->norm->feature[feature];
    const uint64_t *now = w->word + w->cells[feature];
    double sum = 0, before = 0;
    double m = (double)total_of(f->count, f->cells - 1), n = (double)total_of(now, f->cells - 1);
    uint64_t below = 0, below_now = 0;
    size_t i = 1, k = 0; /* the norm has nothing outside its edges */
    if (!(m > 0 && n > 0)) return (double)NAN;
    while (i <= f->bins || k + 1 < f->cells) {
        while (k + 1 < f->cells && now[k] == 0) k++;
        while (i <= f->bins && f->count[i] == 0) i++;
        bool left = i <= f->bins, left_now = k + 1 < f->cells;
        if (!left && !left_now) break;
        double here = left ? (f->means[i - 1] - f->mean) / f->scale : (double)INFINITY;
        double there = left_now ? place_now(w, feature, k) : (double)INFINITY;
        bool first = here <= there;
        double at = first ? here : there;
        if (below || below_now)
            sum += fabs((double)below / m - (double)below_now / n) * (at - before);
        before = at;
        if (first) below += f->count[i++];
        else below_now += now[k++];
    }
    return sum;
}

leat_drift leati_drift_measure(const leati_counters *w, size_t feature)
{
    const leati_norm_feature *f = &w->norm->feature[feature];
    const uint64_t *now = w->word + w->cells[feature];
    size_t used, values = f->cells - 1;
    double nan = (double)NAN;
    uint64_t rows = total_of(now, f->cells), present = total_of(now, values);
    leat_drift d = {.ks = nan, .ks_p = nan, .wasserstein = nan, .mean_shift = nan, .p = nan};
    d.psi = leati_psi(f->count, now, f->cells, &used);
    double m = (double)f->rows, n = (double)rows;
    d.psi_expected = rows && f->rows && used ? (double)(used - 1) * (1 / m + 1 / n) : nan;
    d.chi2 = leati_chi2(f->count, now, f->cells, &d.chi2_df);
    d.chi2_p = d.chi2_df > 0 ? leati_chi2_sf(d.chi2, d.chi2_df) : nan;
    d.js = leati_js_distance(f->count, now, f->cells);
    d.missing = rows ? (double)now[values] / n : nan;
    d.missing_before = f->rows ? (double)f->count[values] / m : nan;
    uint64_t outside = f->levels ? now[f->bins] : now[0] + now[f->bins + 1];
    d.outside = rows ? (double)outside / n : nan;
    if (f->levels) return d;
    double m_present = (double)(f->rows - f->count[values]);
    d.ks = leati_ks_distance(f->count, now, values);
    d.ks_p = leati_ks_p(d.ks, m_present, (double)present);
    if (!f->varies) return d;
    d.wasserstein = distance(w, feature);
    d.mean_shift = mean_now(w, feature, present);
    return d;
}
