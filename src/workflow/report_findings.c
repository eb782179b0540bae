/* Owns: the numbers behind the report. Not: charts (report_charts.c) and text (report.c). */
#include "workflow/report_findings.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"

static bool complete(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (isnan(values[i])) return false;
    return true;
}

/* An estimator may give probabilities or scores only with some parameters, or in some folds. */
static void drop_incomplete(leati_eval *eval)
{
    size_t cells = eval->rows * eval->classes;
    if (eval->proba && !complete(eval->proba, cells)) eval->proba = NULL;
    if (eval->scores && !complete(eval->scores, cells)) eval->scores = NULL;
    if (!eval->scores) eval->scores = eval->proba;
}

static leat_status classify(leat_context *c, leati_findings *f)
{
    size_t k = f->eval.classes;
    f->class_rows = LEATI_NEW(c, double, k);
    f->confusion = leati_calloc(c, k * k, sizeof *f->confusion);
    if (!f->class_rows || !f->confusion) return leat_error_status(c);
    for (size_t i = 0; i < f->eval.rows; i++) f->class_rows[f->eval.label[i]] += 1;
    return leati_confusion(c, &f->eval, f->confusion);
}

leat_status leati_findings_make(leat_context *c, leati_findings *f, const leat_experiment *e)
{
    leat_status st;
    *f = (leati_findings){.e = e, .on_test = e->has_test, .calibration_gap = (double)NAN};
    LEATI_GO(leati_entry_eval(c, e, e->best, &f->pooled));
    f->eval = f->pooled.eval;
    if (e->has_test) {
        f->eval = (leati_eval){.task = e->schema.task,
                               .rows = e->test_target.count,
                               .classes = e->schema.classes,
                               .label = e->test_target.label,
                               .y = e->test_target.y,
                               .prediction = e->test_predictions.value,
                               .proba = e->test_predictions.proba,
                               .scores = e->test_predictions.score};
    }
    if (f->eval.task == LEATI_CLASSIFY) drop_incomplete(&f->eval);
    f->metrics = LEATI_NEW(c, double, leati_metric_count());
    st = f->metrics ? leati_metrics_all(c, &f->eval, f->metrics) : leat_error_status(c);
    if (st == LEAT_OK && f->eval.task == LEATI_CLASSIFY) st = classify(c, f);
out:
    if (st != LEAT_OK) leati_findings_fini(f);
    return st;
}

void leati_findings_fini(leati_findings *f)
{
    leati_pooled_fini(&f->pooled);
    leati_free(f->metrics);
    leati_free(f->confusion);
    leati_free(f->class_rows);
    *f = (leati_findings){0};
}

const char *leati_findings_score(const leati_findings *f, double score, char out[40])
{
    leati_metric_format(f->e->metric, score, out);
    return out;
}

const leati_entry *leati_findings_baseline(const leati_findings *f)
{
    for (size_t i = 0; i < f->e->count; i++)
        if (f->e->entries[i].is_baseline && !f->e->entries[i].failed) return &f->e->entries[i];
    return NULL;
}

const leati_entry *leati_findings_next(const leati_findings *f)
{
    for (size_t i = 0; i < f->e->count; i++) {
        const leati_entry *k = &f->e->entries[i];
        if (k != f->e->best && !k->is_baseline && !k->failed) return k;
    }
    return NULL;
}
