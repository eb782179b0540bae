/* Owns: rates of groups and their gaps. */
#include "monitor/fairness.h"

#include <math.h>

#include "learn/stats.h"
#include "learn/stats_special.h"

static const leat_rate unknown = {(double)NAN, (double)NAN, (double)NAN};

/* How often something happened. */
typedef struct tally {
    double hits, rows;
} tally;

typedef enum which { SELECTED, TRUE_POSITIVE, FALSE_POSITIVE } which;

static tally tally_of(const leati_counted_group *g, which rate)
{
    if (rate == SELECTED) return (tally){(double)g->selected, (double)g->rows};
    const uint64_t *row = g->truth[rate == TRUE_POSITIVE];
    return (tally){(double)row[1], (double)(row[0] + row[1])};
}

static leat_rate rate_of(tally t)
{
    if (!(t.rows >= LEATI_GROUP_LEAST)) return unknown;
    leati_interval i = leati_interval_wilson(t.hits, t.rows, 0.95);
    return (leat_rate){i.estimate, i.low, i.high};
}

leat_monitored_group leati_group_rates(const leati_counted_group *g)
{
    uint64_t labelled = g->truth[0][0] + g->truth[0][1] + g->truth[1][0] + g->truth[1][1];
    leat_monitored_group out = {.name = g->name,
                                .rows = (size_t)g->rows,
                                .labelled = (size_t)labelled,
                                .withheld = g->rows < LEATI_GROUP_LEAST,
                                .selected = rate_of(tally_of(g, SELECTED)),
                                .true_positive = rate_of(tally_of(g, TRUE_POSITIVE)),
                                .false_positive = rate_of(tally_of(g, FALSE_POSITIVE))};
    return out;
}

leat_rate leati_rate_difference(double x, double m, double y, double n, double level)
{
    leati_interval a = leati_interval_wilson(x, m, level), b = leati_interval_wilson(y, n, level);
    double gap = a.estimate - b.estimate;
    return (leat_rate){gap, gap - hypot(a.estimate - a.low, b.high - b.estimate),
                       gap + hypot(a.high - a.estimate, b.estimate - b.low)};
}

leat_rate leati_rate_ratio(double x, double m, double y, double n, double level)
{
    leat_rate out = unknown;
    if (!(x > 0)) return out;
    out.value = y / n / (x / m);
    /* Where the method has no variance: Walter's halves for none, half a hit less for all. */
    double add = y > 0 ? 0 : 0.5, less = x >= m && y >= n ? 0.5 : 0;
    double a = x + add - less, b = y + add - less, middle = b / (n + add) / (a / (m + add));
    double z = leati_normal_quantile(0.5 + level / 2);
    double spread = z * sqrt(1 / a - 1 / (m + add) + 1 / b - 1 / (n + add));
    out.low = y > 0 ? fmin(middle * exp(-spread), out.value) : 0;
    out.high = middle * exp(spread);
    return out;
}

/* The groups with the largest and the smallest rate of those that have one; false with fewer than
 * two. *groups: how many have. */
static bool extremes(const leati_counted_group *group, size_t count, which rate, tally *most,
                     tally *least, size_t *groups)
{
    *groups = 0;
    for (size_t g = 0; g < count; g++) {
        tally t = tally_of(&group[g], rate);
        if (group[g].rows < LEATI_GROUP_LEAST || t.rows < LEATI_GROUP_LEAST) continue;
        double value = t.hits / t.rows;
        if (*groups == 0 || value > most->hits / most->rows) *most = t;
        if (*groups == 0 || value < least->hits / least->rows) *least = t;
        ++*groups;
    }
    return *groups >= 2;
}

/* So that the intervals of all pairs of groups hold together with a chance of `miss` to fail
 * (Bonferroni): the extreme pair was picked by looking. */
static double level_of(size_t groups, double miss)
{
    return 1 - miss / ((double)groups * (double)(groups - 1) / 2);
}

static leat_rate gap(const leati_counted_group *group, size_t count, which rate, bool ratio,
                     double miss)
{
    tally most = {0, 1}, least = {0, 1};
    size_t groups;
    if (!extremes(group, count, rate, &most, &least, &groups)) return unknown;
    double level = level_of(groups, miss);
    return (ratio ? leati_rate_ratio : leati_rate_difference)(most.hits, most.rows, least.hits,
                                                              least.rows, level);
}

leat_fairness leati_fairness_measure(const leati_counted_group *group, size_t count)
{
    leat_fairness f = {.parity_difference = gap(group, count, SELECTED, false, 0.05),
                       .parity_ratio = gap(group, count, SELECTED, true, 0.05),
                       .opportunity = gap(group, count, TRUE_POSITIVE, false, 0.05)};
    /* The larger of two is picked by looking as well. */
    leat_rate true_gap = gap(group, count, TRUE_POSITIVE, false, 0.025);
    leat_rate false_gap = gap(group, count, FALSE_POSITIVE, false, 0.025);
    f.odds = false_gap.value > true_gap.value ? false_gap : true_gap;
    if (isnan(true_gap.value) || isnan(false_gap.value)) f.odds = unknown;
    return f;
}
