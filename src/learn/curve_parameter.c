/* Owns: reading validation curves aloud. Measuring them is curve.c. */
#include <math.h>
#include <stdio.h>

#include "learn/curve.h"

static double goodness(const leati_metric *m, double score)
{
    return m->greater_is_better ? score : -score;
}

/* Of the values beyond the plateau the outermost shows what becomes of the model there: where the
 * training score lost at least half of what the validation score lost, the model can no longer
 * follow the data; else it follows the training rows only. */
static leati_side judge_side(const leati_metric *m, const leati_curve_point *best,
                             const leati_curve_point *end)
{
    double validation = goodness(m, best->validation) - goodness(m, end->validation);
    double train = goodness(m, best->train) - goodness(m, end->train);
    return train >= validation / 2 ? LEATI_SIDE_UNDERFITS : LEATI_SIDE_OVERFITS;
}

/* The number of the next point with a score from i on in steps of `step`; `none` past the end. */
static size_t next_scored(const leati_curve_point *p, size_t count, size_t i, int step, size_t none)
{
    for (i += (size_t)step; i < count; i += (size_t)step)
        if (isfinite(p[i].validation) && isfinite(p[i].train)) return i;
    return none;
}

static size_t outermost(const leati_curve_point *p, size_t count, size_t from, int step)
{
    size_t end = from;
    for (size_t i = from; (i = next_scored(p, count, i, step, count)) < count;) end = i;
    return end;
}

/* How far from `best` the scores stay within `noise` of it. */
static size_t plateau_end(const leati_metric *m, const leati_curve_point *p, size_t count,
                          size_t best, int step, double noise)
{
    size_t end = best;
    for (size_t i = best; (i = next_scored(p, count, i, step, count)) < count; end = i)
        if (goodness(m, p[best].validation) - goodness(m, p[i].validation) > noise) break;
    return end;
}

static const char *side_text(leati_side side)
{
    return side == LEATI_SIDE_UNDERFITS
               ? "the training score gets worse too, which is underfitting"
               : "only the validation score gets worse, which is overfitting";
}

static void say(const leati_metric *m, const leati_curve_point *p, const char *name,
                const leati_parameter_reading *r, char *out, size_t size)
{
    char score[40], x[24], from[24], to[24], best[320];
    leati_metric_format(m, p[r->best].validation, score);
    snprintf(x, sizeof x, "%.4g", p[r->best].x);
    snprintf(from, sizeof from, "%.4g", p[r->first].x);
    snprintf(to, sizeof to, "%.4g", p[r->last].x);
    if (r->first < r->last)
        snprintf(best, sizeof best,
                 "validation %s is best at %.80s = %s (%s), about as good from %s "
                 "to %s",
                 m->title, name, x, score, from, to);
    else
        snprintf(best, sizeof best, "validation %s is best at %.80s = %s (%s)", m->title, name, x,
                 score);
    const char *below = side_text(r->below), *above = side_text(r->above);
    if (r->at_edge && (r->below || r->above))
        snprintf(out, size,
                 "%s, the outermost value tried: %s values may be better still; %s it %s", best,
                 r->below ? "larger" : "smaller", r->below ? "below" : "above",
                 r->below ? below : above);
    else if (r->below && r->above)
        snprintf(out, size, "%s; below %s %s, above %s %s", best, from, below, to, above);
    else if (r->below) snprintf(out, size, "%s; below %s %s", best, from, below);
    else if (r->above) snprintf(out, size, "%s; above %s %s", best, to, above);
    else snprintf(out, size, "%s: no value tried is clearly better than another", best);
}

bool leati_parameter_read(const leati_metric *m, const leati_curve_point *p, size_t count,
                          const char *name, leati_parameter_reading *r, char *out, size_t size)
{
    size_t scored = 0;
    *r = (leati_parameter_reading){0};
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(p[i].validation) || !isfinite(p[i].train)) continue;
        if (!scored++ || leati_metric_better(m, p[i].validation, p[r->best].validation))
            r->best = i;
    }
    if (scored < 2) {
        snprintf(out, size, "the validation curve of %.80s has too few scores to be read", name);
        return false;
    }
    const leati_curve_point *best = &p[r->best];
    double noise = best->folds > 1 ? best->validation_spread / sqrt((double)best->folds) : 0;
    r->first = plateau_end(m, p, count, r->best, -1, noise);
    r->last = plateau_end(m, p, count, r->best, 1, noise);
    size_t low = outermost(p, count, r->best, -1), high = outermost(p, count, r->best, 1);
    if (low < r->first) r->below = judge_side(m, best, &p[low]);
    if (high > r->last) r->above = judge_side(m, best, &p[high]);
    r->at_edge = r->first == r->last && (r->best == low || r->best == high);
    say(m, p, name, r, out, size);
    return true;
}

/* Variance of the steps by their squared mean. */
static double unevenness(const leati_curve_point *p, size_t count, bool ratios)
{
    double sum = 0, squares = 0, n = (double)(count - 1);
    for (size_t i = 1; i < count; i++) {
        double step = ratios ? log(p[i].x / p[i - 1].x) : p[i].x - p[i - 1].x;
        sum += step;
        squares += step * step;
    }
    return squares * n / (sum * sum) - 1;
}

bool leati_parameter_is_geometric(const leati_curve_point *p, size_t count)
{
    if (count < 3 || !(p[0].x > 0)) return false;
    return unevenness(p, count, true) < unevenness(p, count, false);
}
