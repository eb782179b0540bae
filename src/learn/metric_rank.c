/* Owns: measures of the order that scores give: ROC and precision-recall curves and their areas. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "kernel/sort.h"
#include "learn/metric_row.h"
#include "learn/stats_sum.h"

leat_status leati_rank_class(leat_context *c, const leati_eval *e, uint32_t class, double *score,
                             uint32_t *order)
{
    const double *scores = leati_eval_scores(e) + class;
    for (size_t i = 0; i < e->rows; i++)
        score[i] = 0.0 - scores[i * e->classes]; /* descending; both zeros become +0: one tie */
    LEATI_TRY(leati_argsort_f64(c, score, e->rows, order));
    double before = (double)NAN;
    for (size_t i = 0; i < e->rows; i++) {
        uint32_t row = order[i];
        double s = score[row];
        if (s == before) order[i] |= LEATI_TIE;
        if (e->label[row] == class) order[i] |= LEATI_IN;
        before = s;
    }
    return LEAT_OK;
}

/* One class against the rest. */
typedef struct ranking {
    const leati_eval *e;
    const double *weight;
    const uint32_t *order; /* of this class */
    uint32_t class;
} ranking;

/* Weights of the rows in and out of the class that share the score at place *at of the order;
 * moves *at past them. */
static void ranking_tie(const ranking *r, size_t *at, double *in, double *out)
{
    size_t i = *at;
    *in = *out = 0;
    do {
        uint32_t entry = r->order[i++];
        double w = leati_weight(r->weight, entry & LEATI_ROW);
        if (entry & LEATI_IN) *in += w;
        else *out += w;
    } while (i < r->e->rows && r->order[i] & LEATI_TIE);
    *at = i;
}

static void ranking_totals(const ranking *r, double *in, double *out)
{
    *in = *out = 0;
    for (size_t i = 0; i < r->e->rows; i++) {
        double w = leati_weight(r->weight, i);
        if (r->e->label[i] == r->class) *in += w;
        else *out += w;
    }
}

/* Mann-Whitney: ties count half. NaN without rows on both sides. */
static double auc_of(const ranking *r)
{
    double in, out, total_in, total_out, above = 0;
    leati_sum area = {0};
    ranking_totals(r, &total_in, &total_out);
    for (size_t at = 0; at < r->e->rows;) {
        ranking_tie(r, &at, &in, &out);
        leati_sum_add(&area, out * (above + in / 2));
        above += in;
    }
    if (!(total_in > 0) || !(total_out > 0)) return (double)NAN;
    return leati_sum_value(&area) / total_in / total_out;
}

static double average_precision_of(const ranking *r)
{
    double in, out, total_in, total_out, hits = 0, all = 0;
    leati_sum area = {0};
    ranking_totals(r, &total_in, &total_out);
    if (!(total_in > 0)) return (double)NAN;
    for (size_t at = 0; at < r->e->rows;) {
        ranking_tie(r, &at, &in, &out);
        hits += in;
        all += in + out;
        if (in > 0) leati_sum_add(&area, in / total_in * (hits / all));
    }
    return leati_sum_value(&area);
}

/* Two classes: that of class 1. More: the mean over the classes that have a value. */
static double over_classes(const leati_measure *m, double (*area)(const ranking *))
{
    const leati_eval *e = m->eval;
    leati_sum sum = {0}, weights = {0};
    for (uint32_t k = e->classes == 2; k < e->classes; k++) {
        if (!(m->tally->truth[k] > 0)) continue;
        ranking r = {e, m->weight, m->order + k * e->rows, k};
        double value = area(&r);
        if (isnan(value)) continue;
        double w = m->metric->argument == AVERAGE_WEIGHTED ? m->tally->truth[k] : 1;
        leati_sum_add(&sum, w * value);
        leati_sum_add(&weights, w);
    }
    return leati_sum_value(&sum) / leati_sum_value(&weights); /* 0 / 0: NaN */
}

double leati_measure_roc_auc(const leati_measure *m)
{
    return over_classes(m, auc_of);
}

double leati_measure_pr_auc(const leati_measure *m)
{
    return over_classes(m, average_precision_of);
}

/* --- curves -------------------------------------------------------------------------------------
 */

typedef struct curve_work {
    ranking r;
    uint32_t *order;
} curve_work;

static leat_status curve_start(leat_context *c, const leati_eval *e, uint32_t class, curve_work *w,
                               leati_curve_points *p)
{
    *p = (leati_curve_points){0};
    *w = (curve_work){0};
    LEATI_TRY(leati_eval_check(c, e));
    LEATI_CHECK(c, e->task == LEATI_CLASSIFY && leati_eval_scores(e), LEAT_INVALID,
                "the curve needs probabilities or scores");
    LEATI_CHECK(c, class < e->classes, LEAT_INVALID, "there is no class number %u", class);
    LEATI_CHECK(c, e->rows <= LEATI_ROW, LEAT_LIMIT, "too many rows for a curve");
    w->order = leati_array(c, e->rows, sizeof *w->order);
    p->x = leati_array(c, e->rows + 1, 3 * sizeof *p->x);
    if (!w->order || !p->x) return leat_error_status(c);
    p->y = p->x + e->rows + 1;
    p->threshold = p->y + e->rows + 1;
    LEATI_TRY(leati_rank_class(c, e, class, p->x, w->order));
    w->r = (ranking){e, e->weight, w->order, class};
    return LEAT_OK;
}

static void add_point(leati_curve_points *p, double x, double y, double threshold)
{
    p->x[p->count] = x;
    p->y[p->count] = y;
    p->threshold[p->count++] = threshold;
}

static leat_status curve_end(curve_work *w, leati_curve_points *p, leat_status st)
{
    leati_free(w->order);
    if (st != LEAT_OK) {
        leati_free(p->x);
        *p = (leati_curve_points){0};
    }
    return st;
}

static double score_at(const ranking *r, size_t at)
{
    return leati_eval_scores(r->e)[(size_t)(r->order[at] & LEATI_ROW) * r->e->classes + r->class];
}

static leat_status roc_points(leat_context *c, const ranking *r, leati_curve_points *p)
{
    double in, out, total_in, total_out, hits = 0, alarms = 0;
    ranking_totals(r, &total_in, &total_out);
    LEATI_CHECK(c, total_in > 0 && total_out > 0, LEAT_NUMERIC,
                "there is no ROC curve: the rows hold %s",
                total_in > 0 ? "no other class" : "no row of the class");
    add_point(p, 0, 0, (double)INFINITY);
    double last_in = -1, last_out = -1; /* of the step that ends at the newest point */
    for (size_t at = 0; at < r->e->rows;) {
        size_t first = at;
        ranking_tie(r, &at, &in, &out);
        if (in + out == 0) continue;
        hits += in;
        alarms += out;
        /* Straight on along the same axis: the corner moves. */
        bool straight = p->count > 1 && ((in == 0 && last_in == 0) || (out == 0 && last_out == 0));
        if (straight) p->count--;
        add_point(p, alarms / total_out, hits / total_in, score_at(r, first));
        last_in = in;
        last_out = out;
    }
    return LEAT_OK;
}

leat_status leati_roc_curve(leat_context *c, const leati_eval *e, uint32_t class,
                            leati_curve_points *points, double *auc)
{
    curve_work w;
    leat_status st = curve_start(c, e, class, &w, points);
    if (st == LEAT_OK) st = roc_points(c, &w.r, points);
    if (st == LEAT_OK && auc) *auc = auc_of(&w.r);
    return curve_end(&w, points, st);
}

static leat_status pr_points(leat_context *c, const ranking *r, leati_curve_points *p)
{
    double in, out, total_in, total_out, hits = 0, all = 0;
    ranking_totals(r, &total_in, &total_out);
    LEATI_CHECK(c, total_in > 0, LEAT_NUMERIC,
                "there is no precision-recall curve: the rows hold no row of the class");
    for (size_t at = 0; at < r->e->rows;) {
        size_t first = at;
        ranking_tie(r, &at, &in, &out);
        hits += in;
        all += in + out;
        if (all > 0) add_point(p, hits / total_in, hits / all, score_at(r, first));
    }
    return LEAT_OK;
}

leat_status leati_pr_curve(leat_context *c, const leati_eval *e, uint32_t class,
                           leati_curve_points *points, double *average_precision)
{
    curve_work w;
    leat_status st = curve_start(c, e, class, &w, points);
    if (st == LEAT_OK) st = pr_points(c, &w.r, points);
    if (st == LEAT_OK && average_precision) *average_precision = average_precision_of(&w.r);
    return curve_end(&w, points, st);
}

/* The point between a and b that lies farthest (vertically) from the line through them. */
static size_t farthest(const leati_curve_points *p, size_t a, size_t b, double *distance)
{
    size_t best = a;
    *distance = -1;
    double run = p->x[b] - p->x[a];
    for (size_t i = a + 1; i < b; i++) {
        double share = run != 0 ? (p->x[i] - p->x[a]) / run : (double)(i - a) / (double)(b - a);
        double d = fabs(p->y[i] - (p->y[a] + share * (p->y[b] - p->y[a])));
        if (d > *distance) {
            *distance = d;
            best = i;
        }
    }
    return best;
}

void leati_curve_thin(leati_curve_points *p, size_t most)
{
    enum { SPANS = 512 };
    struct span {
        size_t a, b, split;
        double distance;
    } spans[SPANS];
    if (most > SPANS) most = SPANS;
    if (most < 2 || p->count <= most) return;
    size_t count = 1;
    spans[0] = (struct span){0, p->count - 1, 0, 0};
    spans[0].split = farthest(p, 0, p->count - 1, &spans[0].distance);
    /* Splits the span with the largest distance until `most` points stand. */
    while (count + 1 < most) {
        size_t widest = 0;
        for (size_t s = 1; s < count; s++)
            if (spans[s].distance > spans[widest].distance) widest = s;
        struct span w = spans[widest];
        if (w.distance < 0) break;
        for (size_t s = count++; s > widest + 1; s--) spans[s] = spans[s - 1];
        struct span low = {w.a, w.split, 0, 0}, high = {w.split, w.b, 0, 0};
        low.split = farthest(p, low.a, low.b, &low.distance);
        high.split = farthest(p, high.a, high.b, &high.distance);
        spans[widest] = low;
        spans[widest + 1] = high;
    }
    for (size_t s = 0; s <= count; s++) {
        size_t from = s < count ? spans[s].a : spans[count - 1].b;
        p->x[s] = p->x[from];
        p->y[s] = p->y[from];
        p->threshold[s] = p->threshold[from];
    }
    p->count = count + 1;
}
