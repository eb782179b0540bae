/* Owns: the member "held_out" of reference.json: predictions of samples that the model had not
 * seen, how well its probabilities were calibrated on them, and how good it was. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "kernel/sort.h"
#include "learn/metric.h"
#include "model/reference.h"

enum {
    CALIBRATION_BINS = 20,
    CALIBRATION_ROWS = 40, /* at least in a bin, so that its share is known to about 0.15 */
    CALIBRATION_CLASSES = 100
};

/* The samples that something was said about, in order. */
typedef struct said {
    const leati_schema *schema;
    size_t rows;
    double *value;
    double *proba; /* (rows, classes) or NULL */
    double *y;
    uint32_t *label;
    double *scratch; /* (rows) */
} said;

static void said_fini(said *s)
{
    leati_free(s->value);
    leati_free(s->proba);
    leati_free(s->y);
    leati_free(s->label);
    leati_free(s->scratch);
}

static bool usable(const leati_predictions *p, size_t i, size_t classes)
{
    if (!isfinite(p->value[i])) return false;
    for (size_t k = 0; p->proba && k < classes; k++)
        if (!isfinite(p->proba[i * classes + k])) return false;
    return true;
}

static leat_status said_make(leat_context *c, said *s, const leati_problem *problem,
                             const leati_predictions *p)
{
    const leati_target *t = problem->target;
    size_t n = t->count, classes = problem->schema->classes;
    *s = (said){.schema = problem->schema};
    s->value = leati_array(c, n, sizeof *s->value);
    s->scratch = leati_array(c, n, sizeof *s->scratch);
    if (t->label) s->label = leati_array(c, n, sizeof *s->label);
    else s->y = leati_array(c, n, sizeof *s->y);
    if (p->proba) s->proba = LEATI_NEW(c, double, n *classes);
    if (!s->value || !s->scratch || (!s->label && !s->y) || (p->proba && !s->proba))
        return leat_error_status(c);
    for (size_t i = 0; i < n; i++) {
        if (!usable(p, i, classes)) continue;
        s->value[s->rows] = p->value[i];
        if (t->label) s->label[s->rows] = t->label[i];
        else s->y[s->rows] = t->y[i];
        if (p->proba)
            memcpy(s->proba + s->rows * classes, p->proba + i * classes,
                   classes * sizeof *p->proba);
        s->rows++;
    }
    return LEAT_OK;
}

static leat_status numbers_json(leat_context *c, leat_json *j, const char *key, double *values,
                                size_t n)
{
    LEATI_TRY(leati_sort_f64(c, values, n));
    leat_json_begin_object(j, key);
    leati_reference_numbers(j, values, n);
    leat_json_end_object(j);
    return LEAT_OK;
}

static leat_status predictions_json(leat_context *c, leat_json *j, const said *s)
{
    const leati_schema *schema = s->schema;
    if (s->y) {
        memcpy(s->scratch, s->value, s->rows * sizeof *s->value);
        return numbers_json(c, j, "predictions", s->scratch, s->rows);
    }
    size_t *counts = LEATI_NEW(c, size_t, schema->classes);
    if (!counts) return leat_error_status(c);
    for (size_t i = 0; i < s->rows; i++) counts[(uint32_t)s->value[i]]++;
    leat_json_begin_array(j, "predictions");
    for (uint32_t k = 0; k < schema->classes; k++) leat_json_int(j, NULL, (int64_t)counts[k]);
    leat_json_end_array(j);
    leati_free(counts);
    return LEAT_OK;
}

/* Rows of class t predicted as class p, at [t][p]. */
static leat_status confusion_json(leat_context *c, leat_json *j, const leati_eval *e)
{
    double *counts = LEATI_NEW(c, double, (size_t)e->classes * e->classes);
    if (!counts) return leat_error_status(c);
    leat_status st = leati_confusion(c, e, counts);
    leat_json_begin_array(j, "confusion");
    for (size_t t = 0; t < e->classes && st == LEAT_OK; t++) {
        leat_json_begin_array(j, NULL);
        for (size_t p = 0; p < e->classes; p++)
            leat_json_int(j, NULL, (int64_t)counts[t * e->classes + p]);
        leat_json_end_array(j);
    }
    leat_json_end_array(j);
    leati_free(counts);
    return st;
}

/* Bins of about equal count by the probability of class k; equal probabilities share a bin. */
static leat_status calibration_json(leat_context *c, leat_json *j, const said *s, uint32_t k)
{
    enum { MOST = CALIBRATION_BINS };
    double predicted[MOST], observed[MOST];
    size_t rows[MOST], bins = 0, want = s->rows / CALIBRATION_ROWS, at = 0;
    uint32_t *order = leati_array(c, s->rows, sizeof *order);
    if (!order) return leat_error_status(c);
    for (size_t i = 0; i < s->rows; i++) s->scratch[i] = s->proba[i * s->schema->classes + k];
    leat_status st = leati_argsort_f64(c, s->scratch, s->rows, order);
    if (want > MOST) want = MOST;
    if (want < 1) want = 1;
    for (size_t b = 0; st == LEAT_OK && b < want && at < s->rows; b++) {
        size_t from = at, to = s->rows * (b + 1) / want;
        double sum = 0, hits = 0;
        while (at < s->rows &&
               (at < to || (at > from && s->scratch[order[at]] == s->scratch[order[at - 1]]))) {
            sum += s->scratch[order[at]];
            hits += s->label[order[at]] == k;
            at++;
        }
        if (at == from) continue;
        predicted[bins] = sum / (double)(at - from);
        observed[bins] = hits / (double)(at - from);
        rows[bins++] = at - from;
    }
    leati_free(order);
    leat_json_begin_object(j, NULL);
    leat_json_begin_array(j, "predicted");
    for (size_t b = 0; b < bins; b++) leat_json_number(j, NULL, predicted[b]);
    leat_json_end_array(j);
    leat_json_begin_array(j, "observed");
    for (size_t b = 0; b < bins; b++) leat_json_number(j, NULL, observed[b]);
    leat_json_end_array(j);
    leat_json_begin_array(j, "rows");
    for (size_t b = 0; b < bins; b++) leat_json_int(j, NULL, (int64_t)rows[b]);
    leat_json_end_array(j);
    leat_json_end_object(j);
    return st;
}

/* Of two classes the probability of the second, of more the largest of each row. */
static leat_status scores_json(leat_context *c, leat_json *j, const said *s)
{
    uint32_t classes = s->schema->classes;
    for (size_t i = 0; i < s->rows; i++) {
        const double *p = s->proba + i * classes;
        s->scratch[i] = p[classes - 1];
        for (uint32_t k = 0; classes != 2 && k < classes; k++)
            s->scratch[i] = fmax(s->scratch[i], p[k]);
    }
    LEATI_TRY(numbers_json(c, j, "scores", s->scratch, s->rows));
    if (classes > CALIBRATION_CLASSES) return LEAT_OK;
    leat_json_begin_array(j, "calibration");
    for (uint32_t k = 0; k < classes; k++) LEATI_TRY(calibration_json(c, j, s, k));
    leat_json_end_array(j);
    return LEAT_OK;
}

static leat_status metrics_json(leat_context *c, leat_json *j, const leati_eval *e)
{
    static const char *const names[][3] = {
        {"accuracy", "f1", "roc_auc"}, {"accuracy", "f1_macro", NULL}, {"mae", "rmse", NULL}};
    size_t row = e->task == LEATI_REGRESS ? 2 : e->classes == 2 ? 0 : 1;
    leat_json_begin_object(j, "metrics");
    for (size_t i = 0; i < 3 && names[row][i]; i++) {
        const leati_metric *m;
        double value;
        LEATI_TRY(leati_metric_find(c, &m, e->task, names[row][i]));
        if (!leati_metric_applies(m, e, NULL)) continue;
        LEATI_TRY(leati_metric_eval(c, m, e, &value));
        leat_json_number(j, names[row][i], value);
    }
    leat_json_end_object(j);
    return LEAT_OK;
}

leat_status leati_reference_held_out(leat_context *c, leat_json *j, const leati_problem *problem,
                                     const leati_predictions *p)
{
    said s;
    const leati_schema *schema = problem->schema;
    leat_status st = said_make(c, &s, problem, p);
    if (st == LEAT_OK && s.rows > 0) {
        leati_eval e = {.task = schema->task,
                        .rows = s.rows,
                        .classes = schema->classes,
                        .label = s.label,
                        .y = s.y,
                        .prediction = s.value,
                        .proba = s.proba};
        leat_json_begin_object(j, "held_out");
        leat_json_int(j, "rows", (int64_t)s.rows);
        st = predictions_json(c, j, &s);
        if (st == LEAT_OK && s.label) st = confusion_json(c, j, &e);
        if (st == LEAT_OK && s.proba) st = scores_json(c, j, &s);
        if (st == LEAT_OK) st = metrics_json(c, j, &e);
        leat_json_end_object(j);
    }
    said_fini(&s);
    return st;
}
