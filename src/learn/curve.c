/* Owns: measuring learning and validation curves, and reading them. */
#include "learn/curve.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "kernel/sort.h"
#include "learn/stats_special.h"
#include "learn/stats_sum.h"

/* --- reading ------------------------------------------------------------------------------------
 */

/* Shares of the way from the baseline to perfection. */
static const double SMALL_GAIN = 0.01; /* improvement over the last doubling that still counts */
static const double WIDE_GAP = 0.10;   /* training better than validation by this */
static const double SMALL_GAP = 0.05;  /* a gap worth a word */
static const double LOW_SKILL = 0.5;   /* below it a model has learned little */
/* Of the gain over the last doubling: with less of it after the last step the curve is flat. */
static const double LATE_SHARE = 0.2;

typedef struct reading {
    const leati_metric *m;
    const leati_curve_point *last, *half; /* half: the point with about half the rows */
    double scale;                         /* from the baseline to perfection */
    double gain, gap;                     /* positive: validation improved; training is better */
    double late;                          /* of the gain: since the last point but one */
    double left;                          /* from the last validation mean to perfection */
    double noise;                         /* standard error of the gain */
    double sure;  /* half of its 95% interval (Student's t); infinite with one fold */
    double skill; /* NaN: unknown */
} reading;

/* Of the validation mean; infinite with one fold. */
static double standard_error(const leati_curve_point *p)
{
    return p->folds < 2 ? (double)INFINITY : p->validation_spread / sqrt((double)p->folds);
}

static bool measure(reading *r, const leati_metric *m, const leati_curve_point *point, size_t count,
                    double floor)
{
    if (count < 3) return false;
    *r = (reading){.m = m, .last = &point[count - 1], .half = &point[count - 2]};
    for (size_t i = 0; i + 1 < count; i++)
        if (fabs(log(point[i].x / r->last->x) + log(2)) <
            fabs(log(r->half->x / r->last->x) + log(2)))
            r->half = &point[i];
    double sign = m->greater_is_better ? 1 : -1, best = leati_metric_best(m);
    double first = isnan(floor) ? point[0].validation : floor;
    r->scale = fabs(best - first);
    r->gain = sign * (r->last->validation - r->half->validation);
    r->late = sign * (r->last->validation - point[count - 2].validation);
    r->left = fabs(best - r->last->validation);
    r->gap = sign * (r->last->train - r->last->validation);
    size_t folds = r->last->folds;
    double error = standard_error(r->last);
    r->noise = hypot(error, standard_error(r->half));
    r->sure = folds < 2 ? (double)INFINITY : error * leati_t_quantile(0.975, (double)(folds - 1));
    r->skill = isnan(floor) ? (double)NAN : sign * (r->last->validation - floor) / r->scale;
    return isfinite(r->scale) && r->scale > 0 && isfinite(r->gain) && isfinite(r->gap);
}

/* Over the last doubling by more than its standard error, still at the end, and not yet there. */
static bool still_improves(const reading *r)
{
    double least = SMALL_GAIN * r->scale;
    return r->gain > least && r->gain > r->noise && r->late > LATE_SHARE * r->gain &&
           r->left > least;
}

static bool is_wide(const reading *r)
{
    return r->gap > WIDE_GAP * r->scale && r->gap > r->sure;
}

/* In order: a curve that still moves says nothing final about bias or variance; then the gap; then
 * the level. Of the gap nothing is said when it may be chance, or when the interval could hide one
 * that counts. */
static leati_verdict judge(const reading *r)
{
    if (still_improves(r)) return LEATI_VERDICT_MORE_DATA;
    if (is_wide(r)) return LEATI_VERDICT_HIGH_VARIANCE;
    if (r->gap > WIDE_GAP * r->scale || r->sure > WIDE_GAP * r->scale)
        return LEATI_VERDICT_UNCERTAIN;
    if (r->skill < LOW_SKILL) return LEATI_VERDICT_HIGH_BIAS;
    return LEATI_VERDICT_GOOD;
}

static void say(const reading *r, leati_verdict verdict, char *out, size_t size)
{
    char train[40], now[40], before[40], rows[LEATI_NUM_SIZE], half[LEATI_NUM_SIZE];
    char wide[160] = "";
    const char *title = r->m->title;
    leati_metric_format(r->m, r->last->train, train);
    leati_metric_format(r->m, r->last->validation, now);
    leati_metric_format(r->m, r->half->validation, before);
    leati_num_grouped((int64_t)r->last->x, rows);
    leati_num_grouped((int64_t)r->half->x, half);
    switch (verdict) {
    case LEATI_VERDICT_MORE_DATA:
        if (is_wide(r))
            snprintf(wide, sizeof wide,
                     "; on training rows it is %s, so that a simpler or more regularised model may "
                     "help too",
                     train);
        snprintf(out, size,
                 "more data would help: validation %s still improves, from %s at %s rows to %s at "
                 "%s%s",
                 title, before, half, now, rows, wide);
        break;
    case LEATI_VERDICT_HIGH_VARIANCE:
        snprintf(out, size,
                 "high variance: %s is %s on training rows but %s on validation rows; a simpler or "
                 "more regularised model, or much more data, would close the gap",
                 title, train, now);
        break;
    case LEATI_VERDICT_HIGH_BIAS:
        snprintf(out, size,
                 "high bias: %s is %s on training and %s on validation rows, close together but "
                 "not far above the baseline; more data will not help, a richer model or better "
                 "features may",
                 title, train, now);
        break;
    case LEATI_VERDICT_UNCERTAIN:
        if (isfinite(r->sure)) leati_metric_format(r->m, r->sure, before);
        snprintf(out, size,
                 "too few rows to judge the fit: %s is %s on training and %s on validation rows, "
                 "%s%s%s; that is too uncertain to tell a good fit from an overfitted one",
                 title, train, now, isfinite(r->sure) ? "the latter give or take " : "",
                 isfinite(r->sure) ? before : "of one split only",
                 isfinite(r->sure) ? " (95%)" : "");
        break;
    default:
        snprintf(
            out, size,
            "a good fit%s: %s is %s on training and %s on validation rows, and more data would "
            "change little",
            r->gap > SMALL_GAP * r->scale ? " but for a small gap" : "", title, train, now);
    }
}

leati_verdict leati_curve_read(const leati_metric *m, const leati_curve_point *point, size_t count,
                               double floor, char *out, size_t size)
{
    reading r;
    if (!measure(&r, m, point, count, floor)) {
        snprintf(out, size, "the learning curve has too few points to be read");
        return LEATI_VERDICT_UNKNOWN;
    }
    leati_verdict verdict = judge(&r);
    say(&r, verdict, out, size);
    return verdict;
}

/* --- measuring ----------------------------------------------------------------------------------
 */

size_t leati_curve_sizes(size_t most, size_t count, size_t *out)
{
    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        double share = count > 1 ? (double)i / (double)(count - 1) : 1;
        size_t size = (size_t)llround((double)most * pow(10, share - 1));
        if (i + 1 == count) size = most;
        if (size < 2 || (written && size <= out[written - 1])) continue;
        out[written++] = size;
    }
    return written;
}

typedef struct scores {
    double *train, *validation; /* (points, folds) */
    size_t folds;
} scores;

static leat_status scores_make(leat_context *c, scores *s, size_t points, size_t folds)
{
    size_t cells;
    *s = (scores){.folds = folds};
    LEATI_CHECK(c, !leati_mul_overflows(points, folds, &cells), LEAT_LIMIT, "too many points");
    s->train = leati_array(c, cells, 2 * sizeof *s->train);
    if (!s->train) return leat_error_status(c);
    s->validation = s->train + cells;
    return LEAT_OK;
}

/* Mean and sample standard deviation of those that are numbers. */
static size_t summarise(const double *x, size_t count, double *mean, double *spread)
{
    leati_sum sum = {0}, squares = {0};
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(x[i])) continue;
        leati_sum_add(&sum, x[i]);
        n++;
    }
    *mean = n ? leati_sum_value(&sum) / (double)n : (double)NAN;
    for (size_t i = 0; i < count; i++)
        if (!isnan(x[i])) leati_sum_add(&squares, (x[i] - *mean) * (x[i] - *mean));
    *spread = n > 1 ? sqrt(leati_sum_value(&squares) / (double)(n - 1)) : n ? 0 : (double)NAN;
    return n;
}

static void scores_point(const scores *s, size_t i, double x, leati_curve_point *p)
{
    p->x = x;
    summarise(s->train + i * s->folds, s->folds, &p->train, &p->train_spread);
    p->folds =
        summarise(s->validation + i * s->folds, s->folds, &p->validation, &p->validation_spread);
}

/* Shuffles the training rows so that every beginning has about the class shares of all: row number
 * r of the n of its class (in random order) has place (r + 1/2) / n. */
static leat_status nest_rows(leat_context *c, const leati_fold *fold, const uint32_t *label,
                             uint32_t classes, uint32_t *rows)
{
    size_t n = fold->train_count;
    leati_rng rng;
    leati_rng_init(&rng, fold->seed, LEATI_RNG_SAMPLE, 0);
    memcpy(rows, fold->train, n * sizeof *rows);
    leati_rng_shuffle(&rng, rows, n);
    if (!label) return LEAT_OK;
    double *place = leati_array(c, n, sizeof *place);
    uint32_t *order = leati_array(c, n, 2 * sizeof *order);
    size_t *seen = LEATI_NEW(c, size_t, classes), *total = LEATI_NEW(c, size_t, classes);
    leat_status st = place && order && seen && total ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) {
        uint32_t *copy = order + n;
        for (size_t i = 0; i < n; i++) total[label[rows[i]]]++;
        for (size_t i = 0; i < n; i++) {
            uint32_t k = label[rows[i]];
            place[i] = ((double)seen[k]++ + 0.5) / (double)total[k];
        }
        st = leati_argsort_f64(c, place, n, order);
        memcpy(copy, rows, n * sizeof *rows);
        for (size_t i = 0; st == LEAT_OK && i < n; i++) rows[i] = copy[order[i]];
    }
    leati_free(place);
    leati_free(order);
    leati_free(seen);
    leati_free(total);
    return st;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

leat_status leati_learning_curve(leat_context *c, const leati_folds *folds, const uint32_t *label,
                                 uint32_t classes, const size_t *size, size_t sizes,
                                 leati_curve_fn evaluate, void *user, leati_curve_point *point)
{
    scores s;
    LEATI_TRY(scores_make(c, &s, sizes, folds->count));
    leat_status st = LEAT_OK;
    uint32_t *rows = NULL;
    for (size_t f = 0; f < folds->count; f++) {
        const leati_fold *fold = &folds->fold[f];
        leati_free(rows);
        rows = leati_array(c, fold->train_count, 2 * sizeof *rows);
        if (!rows) {
            st = leat_error_status(c);
            goto out;
        }
        uint32_t *part = rows + fold->train_count;
        LEATI_GO(nest_rows(c, fold, label, classes, rows));
        for (size_t i = 0; i < sizes; i++) {
            size_t n = size[i] < fold->train_count ? size[i] : fold->train_count;
            memcpy(part, rows, n * sizeof *part);
            qsort(part, n, sizeof *part, ascending);
            LEATI_GO(evaluate(user, part, n, fold, (double)n, &s.train[i * folds->count + f],
                              &s.validation[i * folds->count + f]));
        }
    }
    for (size_t i = 0; i < sizes; i++) scores_point(&s, i, (double)size[i], &point[i]);
out:
    leati_free(rows);
    leati_free(s.train);
    return st;
}

leat_status leati_validation_curve(leat_context *c, const leati_folds *folds, const double *value,
                                   size_t count, leati_curve_fn evaluate, void *user,
                                   leati_curve_point *point)
{
    scores s;
    LEATI_TRY(scores_make(c, &s, count, folds->count));
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < count; i++)
        for (size_t f = 0; f < folds->count; f++) {
            const leati_fold *fold = &folds->fold[f];
            LEATI_GO(evaluate(user, fold->train, fold->train_count, fold, value[i],
                              &s.train[i * folds->count + f], &s.validation[i * folds->count + f]));
        }
    for (size_t i = 0; i < count; i++) scores_point(&s, i, value[i], &point[i]);
out:
    leati_free(s.train);
    return st;
}
