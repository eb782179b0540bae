/* Owns: scores of a window, estimated and realised. */
#include "monitor/performance.h"

#include <math.h>

#include "learn/stats.h"
#include "learn/stats_special.h"

enum { KEPT = LEATI_COUNTERS_CLASSES, RANKS = LEATI_COUNTERS_RANKS };

#define SHARE_ONE 4294967296.0

static const double nan_ = (double)NAN;
static const double two_sided = 1.959963984540054; /* normal quantile of 0.975 */

size_t leati_scores_count(const leati_norm *n)
{
    if (!n->classes) return 2;
    if (n->classes > KEPT) return 1;
    return n->classes == 2 ? 3 : 2;
}

const char *leati_scores_name(const leati_norm *n, size_t score)
{
    static const char *const names[] = {"accuracy", "f1", "roc_auc", "mae", "rmse"};
    return score < leati_scores_count(n) ? names[score + (n->classes ? 0 : 3)] : "";
}

bool leati_scores_rise(const leati_norm *n)
{
    return n->classes > 0;
}

/* Where a class has not one miss, or not one hit, the delta method sees next to no spread, however
 * few the rows. How far its F1 may then be from there: down as `leat eval` has it where no row is
 * wrong, by Wilson's interval for none wrong of `rows` (all, or those of the one class that
 * counts); up by that for none right of the rows that are of the class or were said to be. both:
 * the sum of these two. */
static void reach(double hits, double both, double rows, double *down, double *up)
{
    double f1 = both > 0 ? 2 * hits / both : 0, involved = both - hits;
    if (both > 0 && both - 2 * hits < 1)
        *down += f1 - leati_interval_wilson(f1 * rows, rows, 0.95).low;
    if (hits >= 1) return;
    double share = involved > 0 ? leati_interval_wilson(hits, involved, 0.95).high : 1;
    *up += 2 * share / (1 + share) - f1;
}

leat_rate leati_f1(const double *confusion, size_t classes, bool macro)
{
    double said[KEPT] = {0}, was[KEPT] = {0}, half[KEPT], f1[KEPT], total = 0, present = 0;
    double down = 0, up = 0;
    leat_rate out = {nan_, nan_, nan_};
    for (size_t i = 0; i < classes * classes; i++) {
        said[i / classes] += confusion[i];
        was[i % classes] += confusion[i];
        total += confusion[i];
    }
    for (size_t k = macro ? 0 : 1; k < classes; k++) {
        double both = said[k] + was[k];
        f1[k] = both > 0 ? 2 * confusion[k * classes + k] / both : 0;
        half[k] = both > 0 ? 1 / both : 0;
        present += !macro || both > 0;
    }
    if (!(total > 0) || present == 0) return out;
    out.value = 0;
    for (size_t k = macro ? 0 : 1; k < classes; k++) {
        double both = said[k] + was[k];
        out.value += f1[k] / present;
        if (!macro || both > 0)
            reach(confusion[k * classes + k], both, macro ? total : both / 2, &down, &up);
    }
    /* Variance of the sum of the gradient over a sample from these cells. */
    double sum = 0, squares = 0;
    for (size_t i = 0; i < classes * classes; i++) {
        size_t p = i / classes, t = i % classes;
        double gradient = 0;
        if (p > 0 || macro) gradient += ((p == t ? 2 : 0) - f1[p]) * half[p] / present;
        if (t > 0 || macro) gradient -= f1[t] * half[t] / present;
        sum += confusion[i] * gradient;
        squares += confusion[i] * gradient * gradient;
    }
    double spread = two_sided * sqrt(fmax(squares - sum * sum / total, 0));
    out.value = fmin(out.value, 1);
    out.low = fmax(out.value - hypot(spread, down / present), 0);
    out.high = fmin(out.value + hypot(spread, up / present), 1);
    return out;
}

leat_rate leati_area(const double *in, const double *out, size_t cells)
{
    double ins = 0, outs = 0, area = 0, below = 0, above = 0, var_in = 0, var_out = 0;
    leat_rate r = {nan_, nan_, nan_};
    for (size_t i = 0; i < cells; i++) ins += in[i], outs += out[i];
    if (!(ins > 0 && outs > 0)) return r;
    for (size_t i = 0; i < cells; i++) {
        area += in[i] / ins * ((below + out[i] / 2) / outs);
        below += out[i];
    }
    below = 0;
    for (size_t i = 0; i < cells; i++) {
        double beats = (below + out[i] / 2) / outs, beaten = (ins - above - in[i] / 2) / ins;
        var_in += in[i] * (beats - area) * (beats - area);
        var_out += out[i] * (beaten - area) * (beaten - area);
        below += out[i];
        above += in[i];
    }
    area = fmin(fmax(area, 0), 1);
    double variance = 0;
    if (ins > 1 && outs > 1) variance = var_in / (ins - 1) / ins + var_out / (outs - 1) / outs;
    leati_interval i = leati_interval_area(area, variance, ins, outs, 0.95);
    return (leat_rate){i.estimate, i.low, i.high};
}

static leat_rate share(double right, double rows)
{
    if (!(rows > 0)) return (leat_rate){nan_, nan_, nan_};
    leati_interval i = leati_interval_wilson(fmin(right, rows), rows, 0.95);
    return (leat_rate){i.estimate, i.low, i.high};
}

/* The two matrices, their unit undone. */
static void matrix(const leati_counters *w, size_t at, double unit, double *out)
{
    for (size_t i = 0; i < (size_t)w->kept * w->kept; i++) out[i] = (double)w->word[at + i] / unit;
}

static leat_rate classes_score(const leati_counters *w, size_t score, bool estimated)
{
    size_t at = estimated ? w->expected : w->actual, n = w->kept;
    double unit = estimated ? SHARE_ONE : 1, cell[KEPT * KEPT], right = 0;
    double rows = (double)w->word[estimated ? LEATI_COUNTERS_SCORED : LEATI_COUNTERS_LABELLED];
    if (!(rows > 0)) return (leat_rate){nan_, nan_, nan_};
    matrix(w, at, unit, cell);
    if (score == 1) return leati_f1(cell, n, n > 2);
    for (size_t k = 0; k < n; k++) right += cell[k * n + k];
    return share(right, rows);
}

static leat_rate area_score(const leati_counters *w, bool estimated)
{
    double in[RANKS], out[RANKS];
    for (size_t i = 0; i < RANKS; i++) {
        const uint64_t *rank = w->word + w->chances + 4 * i;
        in[i] = estimated ? (double)rank[1] / SHARE_ONE : (double)rank[2];
        out[i] = fmax((double)rank[estimated ? 0 : 3] - in[i], 0);
    }
    return leati_area(in, out, RANKS);
}

/* Mean absolute error with the normal interval of a mean, or the root of the mean square. */
static leat_rate error_score(const leati_counters *w, size_t score)
{
    double rows = (double)w->word[LEATI_COUNTERS_LABELLED], scale = w->norm->target_scale;
    double mean = (double)w->word[LEATI_COUNTERS_ABSOLUTE] / 65536 / rows;
    double square = (double)w->word[LEATI_COUNTERS_SQUARED] / 65536 / rows;
    leat_rate r = {nan_, nan_, nan_};
    if (!(rows > 0)) return r;
    r.value = scale * (score == 0 ? mean : sqrt(square));
    if (score == 1 || !(rows > 1)) return r;
    double spread = two_sided * sqrt(fmax(square - mean * mean, 0) / (rows - 1));
    r.low = scale * fmax(mean - spread, 0);
    r.high = scale * (mean + spread);
    return r;
}

leat_monitored_score leati_scores_measure(const leati_counters *w, size_t score)
{
    const leati_norm *n = w->norm;
    const double before[] = {n->accuracy, n->f1, n->roc_auc, n->mae, n->rmse};
    leat_rate estimated = {nan_, nan_, nan_}, realised = estimated;
    if (score >= leati_scores_count(n))
        return (leat_monitored_score){"", nan_, nan_, nan_, nan_, nan_, nan_, nan_};
    if (!n->classes) {
        realised = error_score(w, score);
    } else if (score == 2) {
        estimated = area_score(w, true);
        realised = area_score(w, false);
    } else {
        estimated = classes_score(w, score, true);
        realised = classes_score(w, score, false);
    }
    return (leat_monitored_score){leati_scores_name(n, score),
                                  before[score + (n->classes ? 0 : 3)],
                                  estimated.value,
                                  estimated.low,
                                  estimated.high,
                                  realised.value,
                                  realised.low,
                                  realised.high};
}
