/* Owns: the evaluation of one model on a table, and the comparison of several. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <leat/evaluate.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "learn/conform.h"
#include "learn/stats.h"
#include "learn/stats_require.h"
#include "model/model.h"

/* What a model said about the rows of a table with a target. */
typedef struct answers {
    leati_target target;
    leati_predictions out;
    leati_eval eval;
} answers;

struct leat_evaluation {
    answers answers;
    leati_task task;
    uint64_t seed;
    leat_score *scores;
    size_t count;
    double *confusion; /* (classes, classes) */
};

struct leat_comparison {
    leat_score *scores; /* (count) */
    leat_pair *pairs;
    size_t count, pair_count;
};

static void answers_fini(answers *a)
{
    leati_target_fini(&a->target);
    leati_free(a->out.value);
    leati_free(a->out.proba);
    leati_free(a->out.score);
    *a = (answers){0};
}

static leat_status answer(leat_context *c, answers *a, const leat_model *m, const leat_frame *frame,
                          bool drop_missing)
{
    leat_frame *f = NULL;
    const leati_estimator *e = m->pipeline.estimator;
    size_t classes = m->schema.classes;
    leat_status st;
    *a = (answers){0};
    LEATI_GO(leati_target_read(c, &a->target, &m->schema, frame, drop_missing));
    if (a->target.count == 0) {
        st = LEATI_FAIL(c, LEAT_FORMAT, "no row has a target '%s' to compare with",
                        m->schema.target);
        goto out;
    }
    LEATI_GO(leati_conform(c, &f, &m->schema, frame));
    LEATI_GO(leati_encoder_warn(c, &m->pipeline.encoder, &m->schema, f));
    size_t n = a->target.count;
    a->out.value = leati_array(c, n, sizeof(double));
    if (leati_estimator_has_proba(e)) a->out.proba = LEATI_NEW(c, double, n *classes);
    else if (leati_estimator_has_scores(e)) a->out.score = LEATI_NEW(c, double, n *classes);
    LEATI_GO(leat_error_status(c));
    LEATI_GO(leati_pipeline_predict(c, &m->pipeline, f, a->target.rows, n, &a->out));
    a->eval = (leati_eval){.task = m->schema.task,
                           .rows = n,
                           .classes = m->schema.classes,
                           .label = a->target.label,
                           .y = a->target.y,
                           .prediction = a->out.value,
                           .proba = a->out.proba,
                           .scores = a->out.score};
out:
    leat_frame_release(f);
    if (st != LEAT_OK) answers_fini(a);
    return st;
}

/* The one class of all rows; classes if there are more. */
static uint32_t only_class(const leati_eval *e)
{
    for (size_t i = 1; i < e->rows; i++)
        if (e->label[i] != e->label[0]) return e->classes;
    return e->label[0];
}

/* Why a metric has no value: areas under curves compare the rows of a class with those of others,
 * R2 with the spread of the target. */
static void undefined_text(const leati_schema *s, const leati_eval *e, char *out, size_t size)
{
    enum { NAME = 64 };
    uint32_t k = e->task == LEATI_CLASSIFY ? only_class(e) : 0;
    if (e->task == LEATI_CLASSIFY && k < e->classes) {
        const char *name = s->class_names[k];
        size_t n = strlen(name);
        bool cut = n > NAME;
        for (n = cut ? NAME : n; cut && n && ((unsigned char)name[n] & 0xc0) == 0x80;) n--;
        snprintf(out, size, "undefined (only class %.*s%s in the data)", (int)n, name,
                 cut ? "..." : "");
    } else {
        snprintf(out, size, "%s", e->rows == 1 ? "undefined (one row only)" : "undefined");
    }
}

static leat_status score(leat_context *c, const leati_metric *m, const leati_schema *s,
                         const leati_eval *eval, uint64_t seed, leat_score *out)
{
    leati_interval interval;
    char value[40], low[40], high[40];
    LEATI_TRY(leati_metric_interval(c, m, eval, 0.95, seed, &interval));
    *out = (leat_score){.metric = m->name,
                        .title = m->title,
                        .doc = m->doc,
                        .value = interval.estimate,
                        .low = interval.low,
                        .high = interval.high,
                        .greater_is_better = m->greater_is_better};
    leati_metric_format(m, out->value, value);
    leati_metric_format(m, out->low, low);
    leati_metric_format(m, out->high, high);
    if (isnan(out->value)) undefined_text(s, eval, out->text, sizeof out->text);
    else if (isnan(out->low)) snprintf(out->text, sizeof out->text, "%s", value);
    else snprintf(out->text, sizeof out->text, "%s  %s - %s", value, low, high);
    return LEAT_OK;
}

static const char usual_classes[] = "accuracy,balanced_accuracy,f1_macro,mcc,roc_auc,log_loss";
static const char usual_numbers[] = "mae,rmse,r2,median_ae,mape";

static leat_status score_list(leat_context *c, leat_evaluation *e, const leati_schema *s,
                              const char *list, bool asked)
{
    char name[64];
    e->scores = LEATI_NEW(c, leat_score, leati_metric_count());
    if (!e->scores) return leat_error_status(c);
    for (const char *at = list; *at && e->count < leati_metric_count();) {
        size_t n = strcspn(at, ", ");
        const leati_metric *m;
        snprintf(name, sizeof name, "%.*s", (int)(n < 63 ? n : 63), at);
        at += n + (at[n] != '\0');
        if (!n) continue;
        LEATI_TRY(leati_metric_find(c, &m, e->task, name));
        const char *why;
        if (!leati_metric_applies(m, &e->answers.eval, &why)) {
            LEATI_CHECK(c, !asked, LEAT_INVALID, "the metric %s %s", name, why);
            continue;
        }
        LEATI_TRY(score(c, m, s, &e->answers.eval, e->seed, &e->scores[e->count]));
        e->count++;
    }
    LEATI_CHECK(c, !asked || e->count > 0, LEAT_INVALID, "the list of metrics names none");
    return LEAT_OK;
}

leat_status leat_evaluate(leat_context *c, leat_evaluation **out, const leat_model *model,
                          const leat_frame *frame, const char *metrics, bool drop_missing_target)
{
    leat_evaluation *e = leati_calloc(c, 1, sizeof *e);
    *out = NULL;
    if (!e) return leat_error_status(c);
    size_t classes = model->schema.classes;
    e->task = model->schema.task;
    e->seed = leat_context_seed(c);
    bool classify = e->task == LEATI_CLASSIFY;
    leat_status st;
    LEATI_GO(answer(c, &e->answers, model, frame, drop_missing_target));
    if (leati_model_learned_from(model, frame))
        leati_log(c, LEAT_LOG_WARN,
                  "the model learned from exactly this table: the scores say how well it knows it "
                  "by heart, not how good it is on new rows; leat show tells what it scored on "
                  "rows it had not seen");
    LEATI_GO(score_list(c, e, &model->schema,
                        metrics    ? metrics
                        : classify ? usual_classes
                                   : usual_numbers,
                        metrics != NULL));
    if (classify) {
        e->confusion = LEATI_NEW(c, double, classes *classes);
        LEATI_GO(leat_error_status(c));
        LEATI_GO(leati_confusion(c, &e->answers.eval, e->confusion));
    }
    *out = e;
out:
    if (st != LEAT_OK) leat_evaluation_destroy(e);
    return st;
}

void leat_evaluation_destroy(leat_evaluation *e)
{
    if (!e) return;
    answers_fini(&e->answers);
    leati_free(e->scores);
    leati_free(e->confusion);
    leati_free(e);
}

size_t leat_evaluation_rows(const leat_evaluation *e)
{
    return e->answers.eval.rows;
}

size_t leat_evaluation_scores(const leat_evaluation *e)
{
    return e->count;
}

leat_score leat_evaluation_score(const leat_evaluation *e, size_t i)
{
    return i < e->count ? e->scores[i] : (leat_score){0};
}

double leat_evaluation_confusion(const leat_evaluation *e, size_t truth, size_t prediction)
{
    size_t classes = e->answers.eval.classes;
    if (!e->confusion || truth >= classes || prediction >= classes) return 0;
    return e->confusion[truth * classes + prediction];
}

leat_status leat_evaluation_require(leat_context *c, const leat_evaluation *e,
                                    const char *requirement)
{
    leati_requirements list;
    leati_str failed;
    leati_str_init(&failed, c);
    LEATI_TRY(leati_requirements_parse(c, &list, e->task, requirement));
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < list.count && st == LEAT_OK; i++) {
        const leati_requirement *r = &list.at[i];
        leati_interval interval;
        char text[256];
        double level = r->level > 0 ? r->level : 0.95;
        st = leati_metric_interval(c, r->metric, &e->answers.eval, level, e->seed, &interval);
        if (st != LEAT_OK || leati_requirement_met(r, &interval)) continue;
        leati_requirement_text(r, &interval, text, sizeof text);
        leati_str_addf(&failed, "%s%s", failed.length ? "\n" : "", text);
    }
    if (st == LEAT_OK) st = leati_str_status(&failed);
    if (st == LEAT_OK && failed.length)
        st = LEATI_FAIL(c, LEAT_DIFFERS, "%s", leati_str_text(&failed));
    leati_str_fini(&failed);
    leati_requirements_fini(&list);
    return st;
}

/* --- comparison ------------------------------------------------------------------------------- */

static const char *kind(const leati_schema *s)
{
    return s->task == LEATI_CLASSIFY ? "a class" : "a number";
}

static leat_status check_targets(leat_context *c, leat_model *const *models, size_t count)
{
    const leati_schema *first = &models[0]->schema;
    for (size_t i = 1; i < count; i++) {
        const leati_schema *s = &models[i]->schema;
        LEATI_CHECK(c, s->task == first->task && strcmp(s->target, first->target) == 0,
                    LEAT_INVALID,
                    "models 1 and %zu do not predict the same thing: '%s', %s, and '%s', %s", i + 1,
                    first->target, kind(first), s->target, kind(s));
        bool same = s->classes == first->classes;
        for (uint32_t k = 0; same && k < s->classes; k++)
            same = strcmp(s->class_names[k], first->class_names[k]) == 0;
        LEATI_CHECK(c, same, LEAT_INVALID, "models 1 and %zu know different classes of '%s'", i + 1,
                    s->target);
    }
    return LEAT_OK;
}

static leat_status compare_pair(leat_context *c, const leati_metric *m, const answers *a,
                                const answers *b, leat_pair *out)
{
    leati_test test, interval;
    leati_bootstrap how = {.seed = leat_context_seed(c)};
    LEATI_TRY(leati_test_bootstrap(c, m, &a->eval, &b->eval, &how, &interval));
    test = interval;
    if (strcmp(m->name, "accuracy") == 0)
        LEATI_TRY(leati_test_mcnemar_rows(c, &a->eval, &b->eval, &test));
    out->difference = interval.difference;
    out->low = interval.low;
    out->high = interval.high;
    out->p = test.p;
    out->method = test.method;
    out->first_is_better = m->greater_is_better ? out->difference > 0 : out->difference < 0;
    return LEAT_OK;
}

static leat_status adjust(leat_context *c, leat_comparison *k)
{
    double *p = leati_array(c, k->pair_count, sizeof *p);
    if (!p) return leat_error_status(c);
    for (size_t i = 0; i < k->pair_count; i++) p[i] = k->pairs[i].p;
    leat_status st = leati_adjust_holm(c, p, k->pair_count, p);
    for (size_t i = 0; i < k->pair_count && st == LEAT_OK; i++) {
        k->pairs[i].p_adjusted = p[i];
        k->pairs[i].real = p[i] < 0.05;
    }
    leati_free(p);
    return st;
}

leat_status leat_compare(leat_context *c, leat_comparison **out, leat_model *const *models,
                         size_t count, const leat_frame *frame, const char *metric,
                         bool drop_missing_target)
{
    *out = NULL;
    LEATI_CHECK(c, count >= 2 && count <= 100, LEAT_INVALID,
                "a comparison takes from 2 to 100 models, not %zu", count);
    LEATI_TRY(check_targets(c, models, count));
    const leati_metric *m = leati_metric_default(models[0]->schema.task);
    if (metric) LEATI_TRY(leati_metric_find(c, &m, models[0]->schema.task, metric));
    leat_comparison *k = leati_calloc(c, 1, sizeof *k);
    answers *all = LEATI_NEW(c, answers, count);
    leat_status st = k && all ? LEAT_OK : leat_error_status(c);
    if (st != LEAT_OK) goto out;
    k->scores = LEATI_NEW(c, leat_score, count);
    k->pairs = LEATI_NEW(c, leat_pair, count * (count - 1) / 2);
    LEATI_GO(leat_error_status(c));
    k->count = count;
    for (size_t i = 0; i < count; i++) {
        LEATI_GO(answer(c, &all[i], models[i], frame, drop_missing_target));
        LEATI_GO(
            score(c, m, &models[i]->schema, &all[i].eval, leat_context_seed(c), &k->scores[i]));
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            leat_pair *pair = &k->pairs[k->pair_count++];
            *pair = (leat_pair){.first = i, .second = j};
            LEATI_GO(compare_pair(c, m, &all[i], &all[j], pair));
        }
    }
    LEATI_GO(adjust(c, k));
out:
    for (size_t i = 0; all && i < count; i++) answers_fini(&all[i]);
    leati_free(all);
    if (st == LEAT_OK) *out = k;
    else leat_comparison_destroy(k);
    return st;
}

/* Whether the scores of two runs are of the same thing on the same folds. */
static bool same_folds(const leat_run_record *a, const leat_run_record *b)
{
    return a->fold_count > 1 && a->fold_count == b->fold_count && *a->folds_sha256 &&
           strcmp(a->folds_sha256, b->folds_sha256) == 0 && strcmp(a->table, b->table) == 0 &&
           strcmp(a->target, b->target) == 0 && a->metric_count && b->metric_count &&
           strcmp(a->metrics[0].key, b->metrics[0].key) == 0;
}

/* *tested: whether enough folds have scores of both. */
static leat_status compare_folds(leat_context *c, const leat_run_record *a,
                                 const leat_run_record *b, leat_pair *out, bool *tested)
{
    double *difference = leati_array(c, a->fold_count, sizeof *difference);
    const leati_metric *m;
    leati_task task = strcmp(a->task, "regression") == 0 ? LEATI_REGRESS : LEATI_CLASSIFY;
    leat_status st = difference ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) st = leati_metric_find(c, &m, task, a->metrics[0].key);
    if (st == LEAT_OK) {
        for (size_t i = 0; i < a->fold_count; i++) difference[i] = a->folds[i] - b->folds[i];
        leati_test t = leati_test_resampled_t(difference, a->fold_count, a->test_ratio);
        out->difference = t.difference;
        out->low = t.low;
        out->high = t.high;
        out->p = t.p;
        out->method = t.method;
        out->first_is_better = leati_metric_better(m, t.difference, 0);
        *tested = !isnan(t.p);
    }
    leati_free(difference);
    return st;
}

leat_status leat_compare_runs(leat_context *c, leat_comparison **out,
                              const leat_run_record *const *runs, size_t count)
{
    *out = NULL;
    LEATI_CHECK(c, count >= 2 && count <= 100, LEAT_INVALID,
                "a comparison takes from 2 to 100 runs, not %zu", count);
    leat_comparison *k = leati_calloc(c, 1, sizeof *k);
    leat_status st = k ? LEAT_OK : leat_error_status(c);
    if (st != LEAT_OK) goto out;
    k->pairs = LEATI_NEW(c, leat_pair, count * (count - 1) / 2);
    LEATI_GO(leat_error_status(c));
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            leat_pair pair = {.first = i, .second = j};
            bool tested = false;
            if (!same_folds(runs[i], runs[j])) continue;
            LEATI_GO(compare_folds(c, runs[i], runs[j], &pair, &tested));
            if (tested) k->pairs[k->pair_count++] = pair;
        }
    }
    LEATI_GO(adjust(c, k));
out:
    if (st == LEAT_OK) *out = k;
    else leat_comparison_destroy(k);
    return st;
}

void leat_comparison_destroy(leat_comparison *k)
{
    if (!k) return;
    leati_free(k->scores);
    leati_free(k->pairs);
    leati_free(k);
}

leat_score leat_comparison_score(const leat_comparison *k, size_t model)
{
    return model < k->count ? k->scores[model] : (leat_score){0};
}

size_t leat_comparison_pairs(const leat_comparison *k)
{
    return k->pair_count;
}

leat_pair leat_comparison_pair(const leat_comparison *k, size_t i)
{
    return i < k->pair_count ? k->pairs[i] : (leat_pair){0};
}
