/* Owns: the validation curve that was asked for: its values, its folds, its scores. Reading it
 * aloud is learn/curve_parameter.c. */
#include "workflow/vary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/progress.h"
#include "base/str.h"
#include "workflow/budget.h"
#include "workflow/entries.h"
#include "workflow/explain.h"

enum { MOST_FOLDS = 10, MOST_VALUES = 100 };

void leati_varied_fini(leati_varied *v)
{
    if (v->space.context) leati_space_fini(&v->space);
    leati_free(v->point);
    leati_free(v->reading);
    *v = (leati_varied){0};
}

static leati_entry *entry_of(leat_experiment *e, const char *name)
{
    for (size_t i = 0; i < e->count; i++)
        if (strcmp(e->entries[i].estimator->class->name, name) == 0) return &e->entries[i];
    return NULL;
}

/* The estimator of the entry with the i-th value. */
static leat_status estimator_with(leat_context *c, const leati_varied *v, const leati_entry *k,
                                  size_t i, leati_estimator **out)
{
    LEATI_TRY(leati_estimator_clone(c, out, k->estimator));
    leat_status st = leati_estimator_set(c, *out, v->param->name, v->space.axis[0].value[i]);
    if (st == LEAT_OK) return LEAT_OK;
    leati_estimator_destroy(*out);
    *out = NULL;
    return st;
}

/* Every value is a number that the parameter takes. */
static leat_status check_values(leat_context *c, const leati_varied *v, const leati_entry *k)
{
    const leati_axis *axis = &v->space.axis[0];
    LEATI_CHECK(c, axis->count >= 2 && axis->count <= MOST_VALUES, LEAT_INVALID,
                "--validation-curve %s: a curve has 2 to %d values, not %zu", v->name, MOST_VALUES,
                axis->count);
    for (size_t i = 0; i < axis->count; i++) {
        double x;
        leati_estimator *with;
        const char *text = axis->value[i];
        if (!leati_num_parse(text, strlen(text), &x) || !isfinite(x)) {
            LEATI_FAIL(c, LEAT_INVALID, "--validation-curve %s: '%s' is not a number", v->name,
                       text);
            return leati_error_hint(c, "a curve is drawn over numbers, as in svc.C=log:1e-3:1e3; "
                                       "choose among words with --set and --search grid");
        }
        LEATI_TRY(estimator_with(c, v, k, i, &with));
        leati_estimator_destroy(with);
    }
    return LEAT_OK;
}

static leat_status prepare(leat_context *c, leat_experiment *e, const char *text,
                           const char *estimator, const char *param, const char *values)
{
    leati_varied *v = &e->varied;
    const leati_entry *k = entry_of(e, estimator);
    LEATI_CHECK(c, k, LEAT_INVALID,
                "--validation-curve %s: '%s' is not among the models that are tried; name it with "
                "--models",
                text, estimator);
    const leati_param *p = leati_param_find(k->estimator->class->params, param);
    if (!p) { /* says which there are */
        leati_estimator *e2;
        LEATI_TRY(leati_estimator_clone(c, &e2, k->estimator));
        leat_status st = leati_estimator_set(c, e2, param, "0");
        leati_estimator_destroy(e2);
        return st;
    }
    if (!*values) values = p->grid ? p->grid : "";
    LEATI_CHECK(c, *values, LEAT_INVALID,
                "--validation-curve %s: %s has no usual values; name some, as in %s=0.1,1,10", text,
                param, text);
    snprintf(v->name, sizeof v->name, "%s.%s", k->estimator->class->name, p->name);
    v->param = p;
    leati_space_init(&v->space, c);
    LEATI_TRY(leati_space_add(&v->space, p->name, values));
    LEATI_TRY(check_values(c, v, k));
    v->class = k->estimator->class;
    return LEAT_OK;
}

leat_status leati_vary_prepare(leat_context *c, leat_experiment *e, const char *text)
{
    size_t dot = strcspn(text, ".="), equals = strcspn(text, "=");
    if (text[dot] != '.' || dot == 0 || equals == dot + 1 || (text[equals] && !text[equals + 1])) {
        LEATI_FAIL(c, LEAT_INVALID, "cannot read '%s' as a validation curve", text);
        return leati_error_hint(c,
                                "expected ESTIMATOR.PARAMETER or ESTIMATOR.PARAMETER=VALUES, for "
                                "example svc.C or svc.C=log:1e-3:1e3");
    }
    char *copy = leati_strdup(c, text);
    if (!copy) return leat_error_status(c);
    copy[dot] = copy[equals] = '\0';
    const char *values = text[equals] ? text + equals + 1 : "";
    leat_status st = prepare(c, e, text, copy, copy + dot + 1, values);
    leati_free(copy);
    return st;
}

typedef struct curve_job {
    leat_context *context;
    leat_experiment *e;
    const leati_entry *k;
    leati_estimator **with; /* one per value */
    size_t done, total;
} curve_job;

/* x: the number of the value. */
static leat_status curve_fit(void *user, const uint32_t *train, size_t train_count,
                             const leati_fold *fold, double x, double *train_score,
                             double *validation_score)
{
    curve_job *j = user;
    LEATI_TRY(leati_progress(j->context, "validation curve", j->done++, j->total));
    leati_stage_set(j->context, "validation curve, fit %zu of %zu", j->done, j->total);
    leat_status st = leati_fit_scores(j->context, j->e, j->with[(size_t)x], &j->k->recipe, fold,
                                      train, train_count, train_score, validation_score);
    leati_stage_set(j->context, "%s", "");
    return st;
}

static int ascending(const void *a, const void *b)
{
    const leati_curve_point *x = a, *y = b;
    return (x->x > y->x) - (x->x < y->x);
}

static leat_status measure(curve_job *j, const leati_folds *folds)
{
    leat_context *c = j->context;
    leati_varied *v = &j->e->varied;
    const leati_axis *axis = &v->space.axis[0];
    double *number = leati_array(c, axis->count, sizeof *number);
    leat_status st = number ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; number && i < axis->count; i++) number[i] = (double)i;
    j->total = axis->count * folds->count;
    if (st == LEAT_OK)
        st = leati_validation_curve(c, folds, number, axis->count, curve_fit, j, v->point);
    leati_free(number);
    LEATI_TRY(st);
    for (size_t i = 0; i < axis->count; i++)
        (void)leati_num_parse(axis->value[i], strlen(axis->value[i]), &v->point[i].x);
    v->count = axis->count;
    qsort(v->point, v->count, sizeof *v->point, ascending);
    return leati_progress(c, "validation curve", j->total, j->total);
}

static leat_status read_aloud(leat_context *c, leat_experiment *e, const leati_entry *k)
{
    leati_varied *v = &e->varied;
    leati_parameter_reading r;
    char sentence[768], value[64];
    v->log = leati_parameter_is_geometric(v->point, v->count);
    leati_param_get(v->param, k->estimator, value, sizeof value);
    if (!leati_num_parse(value, strlen(value), &v->chosen)) v->chosen = (double)NAN;
    leati_parameter_read(e->metric, v->point, v->count, v->name, &r, sentence, sizeof sentence);
    v->reading = leati_strdup(c, sentence);
    return v->reading ? LEAT_OK : leat_error_status(c);
}

static leat_status say_left_out(leat_context *c, leati_varied *v)
{
    leati_str s;
    leati_str_init(&s, c);
    leati_str_addf(&s, "validation curve of %s: left out, the time budget ended", v->name);
    v->reading = leati_str_take(&s);
    return v->reading ? LEAT_OK : leat_error_status(c);
}

leat_status leati_vary_run(leat_context *c, leat_experiment *e)
{
    leati_varied *v = &e->varied;
    if (!v->class) return LEAT_OK;
    size_t values = v->space.axis[0].count;
    leati_curve_folds f = {0};
    curve_job job = {.context = c, .e = e, .k = entry_of(e, v->class->name)};
    job.with = LEATI_NEW(c, leati_estimator *, values);
    v->point = LEATI_NEW(c, leati_curve_point, values);
    leat_status st = job.with && v->point ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; i < values && st == LEAT_OK; i++)
        st = estimator_with(c, v, job.k, i, &job.with[i]);
    if (st == LEAT_OK) st = leati_curve_folds_make(c, e, MOST_FOLDS, &f);
    if (st == LEAT_OK) st = measure(&job, &f.folds);
    if (leati_budget_ended(c, st)) {
        v->count = 0;
        st = say_left_out(c, v);
    } else if (st == LEAT_OK) {
        st = read_aloud(c, e, job.k);
    }
    leati_curve_folds_fini(&f);
    for (size_t i = 0; job.with && i < values; i++) leati_estimator_destroy(job.with[i]);
    leati_free(job.with);
    return st;
}
