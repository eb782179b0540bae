/* Owns: `baseline`, the estimator that looks at the target only. What a real model must beat. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "kernel/sort.h"
#include "learn/estimator.h"

enum { AUTO, MAJORITY, STRATIFIED, UNIFORM, MEAN, MEDIAN, QUANTILE };

typedef struct baseline {
    leati_estimator base;
    int strategy;
    double quantile;
    double *prior;  /* (classes), CLASSIFY */
    double value;   /* REGRESS */
    uint64_t draws; /* key of the random answers */
} baseline;

static const leati_param params[] = {
    {.name = "strategy",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(baseline, strategy),
     .standard = "auto",
     .choices = "auto|majority|stratified|uniform|mean|median|quantile",
     .doc = "What to answer: for classes the most frequent (majority), a draw by frequency "
            "(stratified) or any (uniform); for numbers the mean, median or a quantile; auto is "
            "majority or mean."},
    {.name = "quantile",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(baseline, quantile),
     .standard = "0.5",
     .least = 0,
     .most = 1,
     .doc = "The quantile that strategy=quantile answers."},
    {.name = NULL}};

/* Quantile q of y as if row i stood there weight[i] times (for whole weights exactly type 7 of
 * Hyndman and Fan 1996). */
static leat_status weighted_quantile(leat_context *c, const leati_dataset *d, double q, double *out)
{
    size_t n = d->x.rows;
    uint32_t *order = leati_array(c, n, sizeof *order);
    if (!order) return leat_error_status(c);
    leat_status st = leati_argsort_f64(c, d->y, n, order);
    if (st == LEAT_OK) {
        double total = 0, seen = 0;
        for (size_t i = 0; i < n; i++) total += d->weight ? d->weight[i] : 1;
        double position = total > 1 ? q * (total - 1) : 0;
        double low = floor(position), value[2] = {d->y[order[n - 1]], d->y[order[n - 1]]};
        bool found[2] = {false, false};
        for (size_t i = 0; i < n && !found[1]; i++) {
            seen += d->weight ? d->weight[order[i]] : 1;
            for (int s = 0; s < 2; s++) {
                if (found[s] || seen <= low + s) continue;
                found[s] = true;
                value[s] = d->y[order[i]];
            }
        }
        *out = value[0] + (position - low) * (value[1] - value[0]);
    }
    leati_free(order);
    return st;
}

static leat_status fit_classes(baseline *b, leat_context *c, const leati_dataset *d)
{
    b->prior = LEATI_NEW(c, double, d->classes);
    if (!b->prior) return leat_error_status(c);
    double total = 0;
    for (size_t i = 0; i < d->x.rows; i++) {
        double w = d->weight ? d->weight[i] : 1;
        b->prior[d->label[i]] += w;
        total += w;
    }
    LEATI_CHECK(c, total > 0, LEAT_INVALID, "baseline: all row weights are 0");
    for (size_t k = 0; k < d->classes; k++)
        b->prior[k] = b->strategy == UNIFORM ? 1.0 / d->classes : b->prior[k] / total;
    return LEAT_OK;
}

static leat_status fit_numbers(baseline *b, leat_context *c, const leati_dataset *d)
{
    double sum = 0, total = 0;
    for (size_t i = 0; i < d->x.rows; i++) {
        double w = d->weight ? d->weight[i] : 1;
        sum += w * d->y[i];
        total += w;
    }
    LEATI_CHECK(c, total > 0, LEAT_INVALID, "baseline: all row weights are 0");
    if (b->strategy == MEDIAN || b->strategy == QUANTILE)
        return weighted_quantile(c, d, b->strategy == MEDIAN ? 0.5 : b->quantile, &b->value);
    b->value = sum / total;
    LEATI_CHECK(c, isfinite(b->value), LEAT_NUMERIC, "baseline: the sum of the targets overflows");
    return LEAT_OK;
}

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    baseline *b = (baseline *)e;
    bool classes = d->task == LEATI_CLASSIFY;
    bool fits = b->strategy == AUTO || (b->strategy <= UNIFORM) == classes;
    LEATI_CHECK(
        c, fits, LEAT_INVALID, "baseline.strategy does not fit the task: for %s it takes %s",
        classes ? "classes" : "numbers",
        classes ? "auto, majority, stratified or uniform" : "auto, mean, median or quantile");
    b->draws = b->strategy == STRATIFIED || b->strategy == UNIFORM ? d->seed : 0;
    return classes ? fit_classes(b, c, d) : fit_numbers(b, c, d);
}

/* A draw that depends on the seed and the row's values only: one row answers as in a batch. */
static size_t draw(const baseline *b, const double *row)
{
    leati_rng rng;
    uint32_t step = leati_crc32(0, row, b->base.features * sizeof *row);
    leati_rng_init(&rng, b->draws, LEATI_RNG_BASELINE, step);
    double u = leati_rng_uniform(&rng), sum = 0;
    size_t last = 0;
    for (size_t k = 0; k < b->base.classes; k++) {
        if (b->prior[k] <= 0) continue;
        last = k;
        sum += b->prior[k];
        if (u < sum) break;
    }
    return last;
}

static leat_status predict(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                           double *out)
{
    const baseline *b = (const baseline *)e;
    if (e->task == LEATI_REGRESS) {
        for (size_t i = 0; i < x->rows; i++) out[i] = b->value;
        return LEAT_OK;
    }
    if (b->strategy == STRATIFIED || b->strategy == UNIFORM) {
        double *space = leati_array(c, x->cols, sizeof *space);
        if (!space) return leat_error_status(c);
        for (size_t i = 0; i < x->rows; i++) out[i] = (double)draw(b, leati_row(x, i, space));
        leati_free(space);
        return LEAT_OK;
    }
    size_t best = 0;
    for (size_t k = 1; k < e->classes; k++)
        if (b->prior[k] > b->prior[best]) best = k;
    for (size_t i = 0; i < x->rows; i++) out[i] = (double)best;
    return LEAT_OK;
}

static leat_status proba(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                         double *out)
{
    (void)c;
    const baseline *b = (const baseline *)e;
    for (size_t i = 0; i < x->rows; i++)
        memcpy(out + i * e->classes, b->prior, e->classes * sizeof *out);
    return LEAT_OK;
}

static leat_status save(const leati_estimator *e, leat_context *c, leati_state *s)
{
    (void)c;
    const baseline *b = (const baseline *)e;
    if (e->task == LEATI_REGRESS) return leati_state_put_scalar(s, "value", b->value);
    uint32_t halves[2] = {(uint32_t)b->draws, (uint32_t)(b->draws >> 32)};
    LEATI_TRY(leati_state_put(s, "draws", LEATI_I32, halves, 2, 0));
    return leati_state_put(s, "prior", LEATI_F64, b->prior, e->classes, 0);
}

static leat_status load(leati_estimator *e, leat_context *c, leati_state *s)
{
    baseline *b = (baseline *)e;
    if (e->task == LEATI_REGRESS)
        return leati_state_get_scalar(c, s, "value", -HUGE_VAL, HUGE_VAL, &b->value);
    uint32_t *halves;
    LEATI_TRY(leati_state_take(c, s, "draws", LEATI_I32, 2, 0, &halves, NULL));
    b->draws = halves[0] | (uint64_t)halves[1] << 32;
    leati_free(halves);
    LEATI_TRY(leati_state_take(c, s, "prior", LEATI_F64, e->classes, 0, &b->prior, NULL));
    for (size_t k = 0; k < e->classes; k++)
        LEATI_CHECK(c, b->prior[k] >= 0 && b->prior[k] <= 1, LEAT_FORMAT,
                    "damaged model: a class of baseline has the probability %g", b->prior[k]);
    return LEAT_OK;
}

static void clear(leati_estimator *e)
{
    baseline *b = (baseline *)e;
    leati_free(b->prior);
    b->prior = NULL;
}

const leati_estimator_class leati_estimator_baseline = {
    .name = "baseline",
    .title = "baseline",
    .doc = "Ignores the features and answers from the target alone: the most frequent class or "
           "the mean. A model that does not beat it has learned nothing.",
    .traits = LEATI_CLASSIFIER | LEATI_REGRESSOR | LEATI_TAKES_MISSING | LEATI_TAKES_CATEGORIES |
              LEATI_TAKES_WEIGHTS | LEATI_RANDOM | LEATI_WANTS_F32,
    .size = sizeof(baseline),
    .params = params,
    .fit = fit,
    .predict = predict,
    .proba = proba,
    .save = save,
    .load = load,
    .clear = clear};
