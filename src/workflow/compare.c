/* Owns: the intervals on the leaderboard and the sentence that compares its first rows. */
#include "workflow/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "learn/stats.h"
#include "workflow/entries.h"
#include "workflow/inferred.h"

#define LEVEL 0.95

/* The samples that were in a test part, with their truth: for metrics over all of them. */
leat_status leati_entry_eval(leat_context *c, const leat_experiment *e, const leati_entry *k,
                             leati_pooled *out)
{
    const leati_target *t = &e->target;
    size_t classes = e->schema.classes, n = 0;
    *out = (leati_pooled){0};
    out->value = leati_array(c, t->count, sizeof *out->value);
    out->sample = leati_array(c, t->count, sizeof *out->sample);
    if (t->label) out->label = leati_array(c, t->count, sizeof *out->label);
    else out->y = leati_array(c, t->count, sizeof *out->y);
    if (k->proba) out->proba = leati_array(c, t->count * classes, sizeof *out->proba);
    if (k->score) out->score = leati_array(c, t->count * classes, sizeof *out->score);
    if (leat_error_status(c) != LEAT_OK) {
        leati_pooled_fini(out);
        return leat_error_status(c);
    }
    for (size_t i = 0; i < t->count; i++) {
        if (isnan(k->value[i])) continue;
        out->sample[n] = (uint32_t)i;
        out->value[n] = k->value[i];
        if (out->label) out->label[n] = t->label[i];
        else out->y[n] = t->y[i];
        size_t row = classes * sizeof(double);
        if (k->proba) memcpy(out->proba + n * classes, k->proba + i * classes, row);
        if (k->score) memcpy(out->score + n * classes, k->score + i * classes, row);
        n++;
    }
    out->eval = (leati_eval){.task = e->schema.task,
                             .rows = n,
                             .classes = e->schema.classes,
                             .label = out->label,
                             .y = out->y,
                             .prediction = out->value,
                             .proba = out->proba,
                             .scores = out->score ? out->score : out->proba};
    return LEAT_OK;
}

void leati_pooled_fini(leati_pooled *p)
{
    leati_free(p->value);
    leati_free(p->sample);
    leati_free(p->label);
    leati_free(p->y);
    leati_free(p->proba);
    leati_free(p->score);
    *p = (leati_pooled){0};
}

leat_status leati_interval_rows(leat_context *c, const leati_metric *m, const leati_eval *eval,
                                uint64_t seed, double *low, double *high)
{
    leati_interval interval;
    LEATI_TRY(leati_metric_interval(c, m, eval, LEVEL, seed, &interval));
    *low = interval.low;
    *high = interval.high;
    return LEAT_OK;
}

leat_status leati_interval_of(leat_context *c, const leat_experiment *e, leati_entry *k)
{
    if (k->failed) return LEAT_OK;
    bool single = leati_folds_single(e->folds.fold, e->folds.count);
    if (k->fold_count > 1 && !single) {
        double ratio = leati_folds_test_ratio(&e->folds);
        leati_interval i = leati_interval_folds(k->scores, k->fold_count, ratio, LEVEL, e->metric);
        k->low = i.low;
        k->high = i.high;
        if (i.low < i.high || e->metric->unit != LEATI_UNIT_SHARE) return LEAT_OK;
        /* A share that is the same in every fold, as 1 of a model without a mistake, has no spread
         * there to say how sure it is; the number of its rows does. */
    }
    leati_pooled pooled;
    leati_interval i;
    LEATI_TRY(leati_entry_eval(c, e, k, &pooled));
    leat_status st = leati_metric_interval(c, e->metric, &pooled.eval, LEVEL, e->seed, &i);
    leati_pooled_fini(&pooled);
    LEATI_TRY(st);
    k->low = i.low;
    k->high = i.high;
    /* Of single rows most metrics say nothing: R2 has no value, the root of one square is no root
     * of a mean. The score is that of all rows together. */
    if (single) k->mean = i.estimate;
    return LEAT_OK;
}

/* Two entries on the same folds; on the same rows when there is one fold, or when each has the same
 * difference, which has no spread to judge it by. */
static leat_status test_pair(leat_context *c, const leat_experiment *e, const leati_entry *a,
                             const leati_entry *b, leati_test *out)
{
    if (a->fold_count > 1 && !leati_folds_single(e->folds.fold, e->folds.count)) {
        double *difference = leati_array(c, a->fold_count, sizeof *difference);
        if (!difference) return leat_error_status(c);
        for (size_t i = 0; i < a->fold_count; i++) difference[i] = a->scores[i] - b->scores[i];
        *out = leati_test_resampled_t(difference, a->fold_count, leati_folds_test_ratio(&e->folds));
        leati_free(difference);
        if (!isinf(out->statistic)) return LEAT_OK;
    }
    leati_pooled first, second = {0};
    LEATI_TRY(leati_entry_eval(c, e, a, &first));
    leat_status st = leati_entry_eval(c, e, b, &second);
    leati_bootstrap how = {.seed = e->seed};
    if (st == LEAT_OK && strcmp(e->metric->name, "accuracy") == 0)
        st = leati_test_mcnemar_rows(c, &first.eval, &second.eval, out);
    else if (st == LEAT_OK)
        st = leati_test_bootstrap(c, e->metric, &first.eval, &second.eval, &how, out);
    leati_pooled_fini(&first);
    leati_pooled_fini(&second);
    return st;
}

size_t leati_p_text(double p, char *out, size_t size)
{
    if (isnan(p)) return (size_t)snprintf(out, size, "p unknown");
    if (p < 0.001) return (size_t)snprintf(out, size, "p < 0.001");
    return (size_t)snprintf(out, size, p < 0.1 ? "p = %.3f" : "p = %.2f", p);
}

static const leati_entry *find_baseline(const leat_experiment *e)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->entries[i].is_baseline && !e->entries[i].failed) return &e->entries[i];
    return NULL;
}

static void compare_line(leati_str *s, const leati_entry *best, const leati_entry *other,
                         const leati_test *test)
{
    char p[32];
    leati_p_text(test->p, p, sizeof p);
    const char *a = best->estimator->class->name, *b = other->estimator->class->name;
    if (test->p < 0.05) leati_str_addf(s, "%s is better than %s (%s)\n", a, b, p);
    else leati_str_addf(s, "%s against %s: the difference may be chance (%s)\n", a, b, p);
}

/* Who was ahead of the best and is not the model; of several the first one first, which stands
 * behind those that failed later. */
static void unfitted_lines(leati_str *s, const leat_experiment *e)
{
    for (size_t i = e->count; i-- > 0;) {
        const leati_entry *k = &e->entries[i];
        if (!k->unfitted) continue;
        leati_str_addf(s, "%s did no worse in validation, but %.*s; the model is %s\n",
                       k->estimator->class->name, (int)strcspn(k->failed, "\n"), k->failed,
                       e->best->estimator->class->name);
    }
}

/* Of a model of language with probabilities: what its predictions of the next token cost. */
static leat_status language_line(leat_context *c, leati_str *s, const leat_experiment *e)
{
    const leati_metric *loss;
    leati_pooled pooled;
    double nats = (double)NAN;
    char text[40], perplexity[LEATI_NUM_SIZE];
    const char *unit = leati_language_unit(e);
    if (!unit || !e->best->proba) return LEAT_OK;
    LEATI_TRY(leati_metric_find(c, &loss, LEATI_CLASSIFY, "log_loss"));
    LEATI_TRY(leati_entry_eval(c, e, e->best, &pooled));
    leat_status st = leati_metric_eval(c, loss, &pooled.eval, &nats);
    leati_pooled_fini(&pooled);
    if (st != LEAT_OK || isnan(nats)) return st;
    leati_metric_format(loss, nats, text);
    leati_num_short(exp(nats), 3, perplexity);
    leati_str_addf(s, "%s: %s nats a %s on text it had not seen, perplexity %s\n",
                   e->best->estimator->class->name, text, unit, perplexity);
    return LEAT_OK;
}

/* A network that beats nothing may have learned nothing, whatever the columns say: then the others
 * that were tried know more about them. */
static void nothing_beats(leati_str *s, const leat_experiment *e)
{
    bool network = false, other = false;
    for (size_t i = 0; i < e->count; i++) {
        const leati_entry *k = &e->entries[i];
        if (k->failed || k->is_baseline) continue;
        if (strcmp(k->estimator->class->name, "network") == 0) network = true;
        else other = true;
    }
    leati_str_add(s, "nothing beats the baseline, which is therefore the model");
    if (other || !network)
        leati_str_add(s, ": the columns say little about the target, or more rows are needed");
    leati_str_add(s, "\n");
    if (network)
        leati_str_add(s, "network: see first whether its loss while training falls; where it does "
                         "not, the learning rate (--lr-range tries them), the epochs or the layers "
                         "are at fault; where it does, it learned its rows and not the rule\n");
}

leat_status leati_verdict_make(leat_context *c, leat_experiment *e)
{
    const leati_entry *best = e->best, *baseline = find_baseline(e), *next = NULL;
    leati_test test;
    leati_str s;
    leati_str_init(&s, c);
    leat_status st = LEAT_OK;
    unfitted_lines(&s, e);
    for (size_t i = 1; i < e->count && !next; i++)
        if (!e->entries[i].failed && !e->entries[i].is_baseline) next = &e->entries[i];
    if (best->is_baseline && next) {
        nothing_beats(&s, e);
    } else if (baseline && baseline != best) {
        st = test_pair(c, e, best, baseline, &test);
        if (st == LEAT_OK) compare_line(&s, best, baseline, &test);
        if (st == LEAT_OK) e->p_baseline = test.p;
    }
    /* The first one that is really worse says more than a runner-up that ties. */
    const leati_entry *worse = NULL;
    double worse_p = 1;
    for (size_t i = 1; st == LEAT_OK && i < e->count && !best->is_baseline; i++) {
        const leati_entry *k = &e->entries[i];
        if (k->failed || k->is_baseline) continue;
        st = test_pair(c, e, best, k, &test);
        if (st != LEAT_OK) break;
        if (k == next) {
            e->p_next = test.p;
            compare_line(&s, best, k, &test);
            if (test.p < 0.05) break;
        } else if (test.p < 0.05) {
            worse = k;
            worse_p = test.p;
            break;
        }
    }
    if (worse) {
        test.p = worse_p;
        compare_line(&s, best, worse, &test);
    }
    if (st == LEAT_OK) st = language_line(c, &s, e);
    e->verdict = leati_str_take(&s);
    if (st == LEAT_OK && !e->verdict) st = leat_error_status(c);
    return st;
}
