/* Owns: until when the parts of an experiment may run, and what is said of those left out. */
#include "workflow/budget.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"

/* A final fit may take that much longer than its folds foretell. */
static const double MARGIN = 1.25;
static const double LONGEST = 1e9; /* seconds: 30 years */

void leati_budget_start(leat_experiment *e, double seconds)
{
    e->budget = seconds > 0 ? fmin(seconds, LONGEST) : 0;
    e->budget_end = seconds > 0 ? leati_now_s() + e->budget : 0;
}

double leati_budget_left(const leat_experiment *e)
{
    return e->budget_end > 0 ? e->budget_end - leati_now_s() : (double)INFINITY;
}

static void run_until(leat_context *c, const leat_experiment *e, double seconds)
{
    if (!(e->budget_end > 0)) return;
    leati_deadline_set(c, seconds > 0 ? (uint64_t)(seconds * 1e9) + 1 : 1);
}

/* The finished entry with the best score; NULL: there is none. */
static const leati_entry *best_so_far(const leat_experiment *e)
{
    const leati_entry *best = NULL;
    for (size_t i = 0; i < e->count; i++) {
        const leati_entry *k = &e->entries[i];
        if (!k->done || k->failed || isnan(k->mean)) continue;
        if (!best || leati_metric_better(e->metric, k->mean, best->mean)) best = k;
    }
    return best;
}

void leati_budget_aim(leat_context *c, const leat_experiment *e, double foreseen)
{
    const leati_entry *best = best_so_far(e);
    if (best && best->final_seconds > foreseen) foreseen = best->final_seconds;
    run_until(c, e, e->budget_end - MARGIN * foreseen);
}

void leati_budget_use(leat_context *c, const leat_experiment *e)
{
    run_until(c, e, e->budget_end);
}

void leati_budget_lift(leat_context *c)
{
    leati_deadline_set(c, 0);
}

bool leati_budget_ended(leat_context *c, leat_status st)
{
    if (st != LEAT_CANCELLED || !leati_out_of_time(c)) return false;
    leat_error_clear(c);
    return true;
}

/* By the fold with the most training rows, as if time grew with their square, which it does for the
 * slow ones. */
void leati_budget_foresee(const leat_experiment *e, leati_entry *k, const leati_fold *fold,
                          double fit_seconds, double predict_seconds)
{
    double ratio = (double)e->target.count / (double)(fold->train_count ? fold->train_count : 1);
    double seconds = fit_seconds * ratio * ratio;
    if (e->test && fold->test_count)
        seconds += predict_seconds * (double)e->test->rows / (double)fold->test_count;
    if (fold->train_count < k->final_rows) return;
    if (fold->train_count > k->final_rows || seconds > k->final_seconds) k->final_seconds = seconds;
    k->final_rows = fold->train_count;
}

bool leati_budget_misses(const leat_experiment *e, const leati_entry *k)
{
    const leati_entry *best = best_so_far(e);
    if (best && best != k && !leati_metric_better(e->metric, k->mean, best->mean)) return false;
    return k->final_seconds > leati_budget_left(e);
}

leat_status leati_budget_leave_out(leat_context *c, leati_entry *k, const char *format, ...)
{
    char why[256];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    leati_free(k->failed);
    k->failed = leati_strdup(c, why);
    k->status = LEAT_CANCELLED;
    k->left_out = true;
    k->fold_count = 0;
    k->fit_seconds = k->predict_seconds = 0;
    k->mean = k->std = k->low = k->high = (double)NAN;
    return k->failed ? LEAT_OK : leat_error_status(c);
}
