/* Owns: an experiment as a run of a registry: which parameters and metrics are kept. Not: keeping
 * them (model/registry_runs.c). */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "model/registry.h"
#include "workflow/entries.h"
#include "workflow/experiment.h"

typedef struct run_values {
    leat_context *context;
    leati_arena arena;
    leat_run_param *params;
    leat_run_metric *metrics;
    size_t param_count, param_capacity, metric_count, metric_capacity;
} run_values;

/* --- parameters ------------------------------------------------------------------------------- */

/* A value as a person writes it; NULL when out of memory. */
static char *value_text(run_values *v, const json_t *value)
{
    char number[LEATI_NUM_SIZE];
    if (json_is_string(value)) return leati_arena_strdup(&v->arena, json_string_value(value));
    if (json_is_boolean(value))
        return leati_arena_strdup(&v->arena, json_is_true(value) ? "true" : "false");
    if (json_is_number(value)) {
        leati_num_format(json_number_value(value), number);
        return leati_arena_strdup(&v->arena, number);
    }
    leati_str list;
    leati_str_init(&list, v->context);
    const json_t *item;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)value, i, item)
    {
        const char *text = json_string_value(item);
        leati_str_addf(&list, "%s%s", i ? ", " : "", text ? text : "?");
    }
    char *text = leati_str_status(&list) == LEAT_OK
                     ? leati_arena_strdup(&v->arena, leati_str_text(&list))
                     : NULL;
    leati_str_fini(&list);
    return text;
}

static leat_status add_param(run_values *v, const char *prefix, const char *key,
                             const json_t *value)
{
    size_t n = strlen(prefix) + strlen(key) + 2;
    LEATI_TRY(leati_grow(v->context, &v->params, &v->param_capacity, v->param_count + 1,
                         sizeof *v->params));
    char *name = leati_arena_alloc(&v->arena, n), *text = value_text(v, value);
    if (!name || !text) return leat_error_status(v->context);
    snprintf(name, n, "%s%s%s", prefix, *prefix ? "." : "", key);
    v->params[v->param_count++] = (leat_run_param){name, text};
    return LEAT_OK;
}

/* Members of an object but those that say nothing: null, "", [] and {}. */
static leat_status add_params(run_values *v, const char *prefix, const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        const char *text = json_string_value(value);
        bool empty = json_is_null(value) || (text && !*text) || json_is_object(value) ||
                     (json_is_array(value) && json_array_size(value) == 0);
        if (!empty) LEATI_TRY(add_param(v, prefix, key, value));
    }
    return LEAT_OK;
}

static leat_status all_params(run_values *v, const json_t *model)
{
    const json_t *estimator = json_object_get(model, "estimator");
    const json_t *lineage = json_object_get(model, "lineage");
    const json_t *name = json_object_get(estimator, "name");
    LEATI_TRY(add_param(v, "", "estimator", name));
    LEATI_TRY(add_params(v, json_string_value(name), json_object_get(estimator, "params")));
    LEATI_TRY(add_params(v, "", json_object_get(lineage, "config")));
    LEATI_TRY(add_param(v, "", "seed", json_object_get(lineage, "seed")));
    LEATI_TRY(add_param(v, "", "cpu", json_object_get(lineage, "cpu")));
    LEATI_TRY(add_param(v, "", "leat", json_object_get(model, "leat_version")));
    return add_param(v, "", "validation",
                     json_object_get(json_object_get(model, "metrics"), "validation"));
}

/* --- metrics ---------------------------------------------------------------------------------- */

static double number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static leat_status add_metric(run_values *v, const char *prefix, const char *key, double value,
                              double low, double high)
{
    size_t n = strlen(prefix) + strlen(key) + 1;
    LEATI_TRY(leati_grow(v->context, &v->metrics, &v->metric_capacity, v->metric_count + 1,
                         sizeof *v->metrics));
    char *name = leati_arena_alloc(&v->arena, n);
    if (!name) return leat_error_status(v->context);
    snprintf(name, n, "%s%s", prefix, key);
    v->metrics[v->metric_count++] = (leat_run_metric){name, value, low, high};
    return LEAT_OK;
}

static leat_status add_metrics(run_values *v, const char *prefix, const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (!json_is_number(value)) continue;
        LEATI_TRY(add_metric(v, prefix, key, json_number_value(value), (double)NAN, (double)NAN));
    }
    return LEAT_OK;
}

static leat_status all_metrics(run_values *v, const json_t *metrics)
{
    const char *name = json_string_value(json_object_get(metrics, "metric"));
    const json_t *test = json_object_get(metrics, "test");
    LEATI_CHECK(v->context, name, LEAT_INTERNAL, "the model has no metric");
    LEATI_TRY(add_metric(v, "", name, number_of(metrics, "mean"), number_of(metrics, "low"),
                         number_of(metrics, "high")));
    if (test)
        LEATI_TRY(add_metric(v, "test ", name, number_of(test, "score"), number_of(test, "low"),
                             number_of(test, "high")));
    LEATI_TRY(add_metrics(v, "out of fold ", json_object_get(metrics, "out_of_fold")));
    return add_metrics(v, "test, all rows ", json_object_get(test, "all"));
}

/* --- folds ------------------------------------------------------------------------------------ */

/* Of the rows that each fold tests and how many it trains on: equal hashes on equal tables mean
 * that scores can be compared fold by fold. */
static void hash_folds(const leati_folds *folds, char out[65])
{
    uint8_t digest[32];
    leati_sha256 h;
    leati_sha256_init(&h);
    for (size_t i = 0; i < folds->count; i++) {
        const leati_fold *f = &folds->fold[i];
        uint64_t counts[2] = {f->train_count, f->test_count};
        leati_sha256_add(&h, counts, sizeof counts);
        leati_sha256_add(&h, f->test, f->test_count * sizeof *f->test);
    }
    leati_sha256_end(&h, digest);
    leati_hex(digest, sizeof digest, out);
}

/* Scores that can be paired with those of another run: not of a single fold, nor of single rows. */
static void set_folds(leat_run_record *run, const leat_experiment *e, char hash[65])
{
    const leati_entry *best = e->best;
    if (best->fold_count < 2 || leati_folds_single(e->folds.fold, e->folds.count)) return;
    hash_folds(&e->folds, hash);
    run->folds = best->scores;
    run->fold_count = best->fold_count;
    run->folds_sha256 = hash;
    run->test_ratio = leati_folds_test_ratio(&e->folds);
}

/* --- the run ---------------------------------------------------------------------------------- */

static leat_status register_run(run_values *v, const leat_experiment *e, leat_registry *r,
                                const char *command, const leat_run_file *files, size_t count,
                                int64_t *number)
{
    char hash[65];
    json_t *model = json_loads(leat_model_json(e->model), 0, NULL);
    LEATI_CHECK(v->context, model, LEAT_NOMEM, "out of memory");
    leat_status st = all_params(v, model);
    if (st == LEAT_OK) st = all_metrics(v, json_object_get(model, "metrics"));
    json_decref(model);
    LEATI_TRY(st);
    leat_run_record run = {.name = e->name,
                           .data = e->data,
                           .table = e->data_hash,
                           .task = leat_experiment_task(e),
                           .target = e->schema.target,
                           .command = command,
                           .seconds = e->seconds,
                           .params = v->params,
                           .param_count = v->param_count,
                           .metrics = v->metrics,
                           .metric_count = v->metric_count,
                           .files = files,
                           .file_count = count};
    set_folds(&run, e, hash);
    return leat_registry_add_run(r, &run, number);
}

leat_status leat_experiment_register(leat_context *c, const leat_experiment *e, leat_registry *r,
                                     const char *command, const char *const *files, size_t count,
                                     int64_t *number)
{
    run_values v = {.context = c};
    leat_run_file named[LEAT_RUN_FILES];
    LEATI_CHECK(c, count <= LEAT_RUN_FILES, LEAT_LIMIT, "a run has at most %d files, not %zu",
                LEAT_RUN_FILES, count);
    for (size_t i = 0; i < count; i++) named[i] = (leat_run_file){.name = files[i]};
    leati_arena_init(&v.arena, c);
    leat_status st = register_run(&v, e, r, command, named, count, number);
    leati_arena_fini(&v.arena);
    leati_free(v.params);
    leati_free(v.metrics);
    return st;
}
