/* Owns: the model that stands beside that of the experiment. */
#include "workflow/beside.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "workflow/budget.h"
#include "workflow/entries.h"
#include "workflow/record.h"

static bool is_network(const leati_entry *k)
{
    return strcmp(k->estimator->class->name, "network") == 0;
}

static leati_entry *find(const leat_experiment *e, const leat_experiment_options *o)
{
    if (is_network(e->best) || !o->models || strcmp(o->models, "auto") == 0) return NULL;
    for (size_t i = 0; i < e->count; i++) /* best first */
        if (!e->entries[i].failed && is_network(&e->entries[i])) return &e->entries[i];
    return NULL;
}

bool leati_beside_wanted(const leat_experiment *e, const leat_experiment_options *o)
{
    return find(e, o) != NULL;
}

/* A line at the end of what the comparison says. */
static leat_status say(leat_context *c, leat_experiment *e, const char *line)
{
    leati_str s;
    leati_str_init(&s, c);
    leati_str_addf(&s, "%s%s\n", e->verdict ? e->verdict : "", line);
    char *text = leati_str_take(&s);
    if (!text) return leat_error_status(c);
    leati_free(e->verdict);
    e->verdict = text;
    return LEAT_OK;
}

/* What it is that stops the whole experiment. */
static bool is_fatal(const leat_experiment *e, leat_status st)
{
    bool damaged = st == LEAT_FORMAT && e->resume;
    return st == LEAT_CANCELLED || st == LEAT_NOMEM || st == LEAT_IO || st == LEAT_DIFFERS ||
           damaged;
}

static leat_status say_unfitted(leat_context *c, leat_experiment *e)
{
    leati_str s;
    leati_str_init(&s, c);
    leati_str_addf(&s, "network is not kept beside it, it could not be fitted to all rows: %s",
                   leat_error_message(c));
    leat_error_clear(c);
    leat_status st = leati_str_status(&s);
    if (st == LEAT_OK) st = say(c, e, leati_str_text(&s));
    leati_str_fini(&s);
    return st;
}

/* Metrics, lineage and card are made as if it were the best; it has no score on a test table. */
static leat_status record(leat_context *c, leat_experiment *e, leati_entry *k, leati_pipeline *p,
                          const leat_experiment_options *o)
{
    leati_entry *best = e->best;
    leat_model *model = e->model;
    char *config = e->config;
    bool has_test = e->has_test;
    e->best = k, e->model = NULL, e->config = NULL, e->has_test = false;
    e->is_beside = true;
    leat_status st = leati_record_model(c, e, p, o);
    e->beside = e->model;
    leati_free(e->config);
    e->best = best, e->model = model, e->config = config, e->has_test = has_test;
    e->is_beside = false;
    return st;
}

leat_status leati_beside_make(leat_context *c, leat_experiment *e, const leati_problem *problem,
                              const uint32_t *all, const leat_experiment_options *o)
{
    leati_pipeline p = {0};
    leati_str s;
    leati_entry *k = find(e, o);
    if (!k) return LEAT_OK;
    if (k->final_seconds > leati_budget_left(e))
        return say(c, e,
                   "network is not kept beside it: the time budget leaves no time to fit it "
                   "to all rows");
    leat_status st = leati_pipeline_init(c, &p, k->estimator, &k->recipe);
    if (st == LEAT_OK) st = leati_pipeline_fit(c, &p, problem, all, e->target.count);
    if (st != LEAT_OK) {
        leati_pipeline_fini(&p);
        return is_fatal(e, st) ? st : say_unfitted(c, e);
    }
    st = record(c, e, k, &p, o);
    leati_pipeline_fini(&p);
    LEATI_TRY(st);
    leati_str_init(&s, c);
    leati_str_addf(&s,
                   "network was asked for and is kept beside %s, fitted to all rows: %s%s; its "
                   "curves are in the report, its metrics and checkpoint in %s.run",
                   e->best->is_baseline ? "it" : e->best->estimator->class->name, e->name,
                   LEATI_BESIDE_SUFFIX, e->name);
    st = leati_str_status(&s);
    if (st == LEAT_OK) st = say(c, e, leati_str_text(&s));
    leati_str_fini(&s);
    return st;
}
