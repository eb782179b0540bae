/* Owns: training a model again from what its file records. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <leat/data.h>
#include <leat/experiment.h>
#include <leat/reproduce.h>

#include "base/conditions.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/frame.h"
#include "workflow/experiment.h"
#include "workflow/report.h"

/* The lineage of a model and what it points to. */
typedef struct plan {
    leat_model *model;
    json_t *json, *lineage, *config; /* the last two borrowed from json */
    leat_context *context;           /* the caller's, from `changed` on as recorded */
    leati_conditions own;            /* of the caller, put back at the end */
    bool changed;
    leat_frame *train, *test;
    const char **lists;
    char *data;
    leati_cut *cuts; /* what a time budget cut off */
    size_t cut_count;
    leat_experiment *experiment;
} plan;

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* Whether it was not the model of its experiment but one beside it. */
static bool is_beside(const plan *p)
{
    return json_is_true(json_object_get(p->config, "beside"));
}

static leat_status read_lineage(leat_context *c, plan *p, leat_reproduction *out)
{
    json_error_t where;
    p->json = json_loads(leat_model_json(p->model), 0, &where);
    p->lineage = json_object_get(p->json, "lineage");
    p->config = json_object_get(p->lineage, "config");
    const char *cpu = text_of(p->lineage, "cpu"), *version = text_of(p->json, "leat_version");
    const json_t *seed = json_object_get(p->lineage, "seed");
    LEATI_CHECK(c, strcmp(leat_model_estimator(p->model), "graph") != 0, LEAT_UNSUPPORTED,
                "the model is an imported graph: it was trained elsewhere, and what is not known "
                "cannot be repeated");
    LEATI_CHECK(c, json_is_object(p->config) && cpu && version && json_is_integer(seed),
                LEAT_FORMAT, "the model records no lineage that can be repeated");
    snprintf(out->cpu, sizeof out->cpu, "%s", cpu);
    snprintf(out->version, sizeof out->version, "%s", version);
    out->seed = (uint64_t)json_integer_value(seed);
    return LEAT_OK;
}

/* The record of the run beside MODEL.leat: MODEL.run/run.json. */
static leat_status find_data(leat_context *c, plan *p, const char *path)
{
    leati_str record;
    leati_bytes bytes;
    size_t n = strlen(path);
    const char *suffix = is_beside(p) ? LEATI_BESIDE_SUFFIX : ".leat";
    leati_str_init(&record, c);
    leati_str_addn(&record, path, leati_path_has_suffix(path, suffix) ? n - strlen(suffix) : n);
    leati_str_add(&record, ".run/run.json");
    leat_status st = leati_str_status(&record);
    if (st == LEAT_OK && !leati_path_exists(leati_str_text(&record)))
        st = LEATI_FAIL(c, LEAT_NOT_FOUND,
                        "there is no record of the run (%s); name the data after %s",
                        leati_str_text(&record), path);
    if (st == LEAT_OK) st = leati_file_read(c, &bytes, leati_str_text(&record));
    leati_str_fini(&record);
    LEATI_TRY(st);
    json_error_t where;
    json_t *json = json_loadb(bytes.data, bytes.size, 0, &where);
    leati_bytes_release(&bytes);
    const char *data = text_of(json, "data"), *folder = text_of(json, "folder");
    if (data && strcmp(data, "-") == 0) {
        st = LEATI_FAIL(c, LEAT_NOT_FOUND, "the data came from standard input; name it after %s",
                        path);
    } else if (!data || !folder) {
        st = LEATI_FAIL(c, LEAT_FORMAT, "the record of the run names no data; name it after %s",
                        path);
    } else {
        /* A relative path is meant from where the run was made, whatever is called so here. */
        bool path_like = data[0] != '/' && !leat_data_target(data);
        char *joined = path_like ? leati_path_join(c, folder, data) : NULL;
        bool there = joined && leati_path_exists(joined);
        p->data = leati_strdup(c, there ? joined : data);
        leati_free(joined);
        if (!p->data) st = leat_error_status(c);
    }
    json_decref(json);
    return st;
}

/* The recorded seed and CPU level. It stays the caller's context, so that its progress is shown,
 * and its request to stop and its limit of memory hold. What is worth a note was noted by the run.
 */
static leat_status work_as_recorded(leat_context *c, plan *p, const leat_reproduction *out)
{
    leati_cpu_level level;
    LEATI_CHECK(c, leati_cpu_level_parse(out->cpu, &level) && leati_cpu_has(level),
                LEAT_UNSUPPORTED,
                "the model was made at CPU level %s, which this processor lacks; equal bytes need "
                "the same level",
                out->cpu);
    p->context = c;
    p->own = leati_conditions_set(c, (leati_conditions){.seed = out->seed, .cpu = level});
    p->changed = true;
    return LEAT_OK;
}

static leat_status load(const plan *p, const char *name, leat_frame **out)
{
    const json_t *reading = json_object_get(p->config, "reading");
    leat_read_options o = leat_read_options_default();
    leat_status st = LEAT_OK;
    const char *option;
    for (size_t i = 0; st == LEAT_OK && (option = leat_read_option(i)); i++) {
        const char *value = text_of(reading, option);
        if (value) st = leat_read_options_set(p->context, &o, option, value);
    }
    return st == LEAT_OK ? leat_data_load(p->context, out, name, &o) : st;
}

/* Names the columns whose values, or the shape, that differ; "" if nothing does. */
static void compare_data(const plan *p, const char *key, const leat_frame *f, leati_str *out)
{
    const json_t *was = json_object_get(p->lineage, key),
                 *columns = json_object_get(was, "columns");
    char hash[65];
    leati_frame_hash(f, hash);
    const char *recorded = text_of(was, "sha256");
    if (recorded && strcmp(recorded, hash) == 0) return;
    long long rows = (long long)json_integer_value(json_object_get(was, "rows"));
    leati_str_addf(out, "the %s changed:", strcmp(key, "data") == 0 ? "data" : "test data");
    if ((size_t)rows != f->rows)
        leati_str_addf(out, " it had %lld rows and has %zu;", rows, f->rows);
    size_t named = 0, k;
    for (size_t i = 0; i < f->columns; i++) {
        const char *column = text_of(columns, f->name[i]);
        leati_column_hash(f->column[i], hash);
        if (!column) leati_str_addf(out, " column '%s' is new;", f->name[i]);
        else if (strcmp(column, hash) != 0 && (size_t)rows == f->rows && named++ < 10)
            leati_str_addf(out, " column '%s' holds other values;", f->name[i]);
    }
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)columns, name,
                        value) if (!leat_frame_find(f, name, &k))
        leati_str_addf(out, " column '%s' is gone;", name);
    leati_frame_hash(f, hash);
    leati_str_addf(out, " SHA-256 was %.12s..., is %.12s...", recorded ? recorded : "unknown",
                   hash);
}

static leat_status load_data(leat_context *c, plan *p, leat_reproduction *out)
{
    char part[1200];
    bool splits = leat_data_has_test(p->data);
    snprintf(part, sizeof part, "%s%s", p->data, splits ? ":train" : "");
    LEATI_TRY(load(p, part, &p->train));
    if (splits) {
        snprintf(part, sizeof part, "%s:test", p->data);
        LEATI_TRY(load(p, part, &p->test));
    }
    leati_str difference;
    leati_str_init(&difference, c);
    compare_data(p, "data", p->train, &difference);
    if (p->test) compare_data(p, "test_data", p->test, &difference);
    snprintf(out->difference, sizeof out->difference, "%s", leati_str_text(&difference));
    leati_str_fini(&difference);
    return LEAT_OK;
}

static size_t list_of(const plan *p, const char *key, const char **out)
{
    const json_t *list = json_object_get(p->config, key);
    size_t n = json_array_size(list), count = 0;
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text) out[count++] = text;
    }
    return count;
}

static leat_status read_cuts(leat_context *c, plan *p)
{
    const json_t *list = json_object_get(p->config, "cut");
    size_t n = json_array_size(list);
    p->cuts = LEATI_NEW(c, leati_cut, n + 1);
    if (!p->cuts) return leat_error_status(c);
    for (size_t i = 0; i < n; i++) {
        const json_t *cut = json_array_get(list, i), *number = json_array_get(cut, 0),
                     *trials = json_array_get(cut, 1);
        LEATI_CHECK(c,
                    json_is_integer(number) && json_is_integer(trials) &&
                        json_integer_value(trials) >= 0,
                    LEAT_FORMAT, "the model records no lineage that can be repeated");
        p->cuts[p->cut_count++] =
            (leati_cut){(size_t)json_integer_value(number), (size_t)json_integer_value(trials)};
    }
    return LEAT_OK;
}

static leat_status run(leat_context *c, plan *p, bool quick)
{
    leat_experiment_options o = leat_experiment_options_default();
    static const char *const lists[] = {"set", "keep", "drop"};
    size_t most = 1;
    for (int i = 0; i < 3; i++) most += json_array_size(json_object_get(p->config, lists[i]));
    p->lists = LEATI_NEW(c, const char *, 3 * most);
    if (!p->lists) return leat_error_status(c);
    LEATI_TRY(read_cuts(c, p));
    o.name = text_of(p->config, "name");
    o.target = text_of(p->config, "target");
    o.task = text_of(p->config, "task");
    o.models = text_of(p->config, "models");
    o.metric = text_of(p->config, "metric");
    o.cv = text_of(p->config, "cv");
    o.fold_column = text_of(p->config, "fold_column");
    o.preprocess = text_of(p->config, "preprocess");
    o.search = text_of(p->config, "search");
    o.tokens = text_of(p->config, "tokens");
    o.validation_curve = text_of(p->config, "validation_curve");
    o.set = p->lists;
    o.set_count = list_of(p, "set", p->lists);
    o.keep = p->lists + most;
    o.keep_count = list_of(p, "keep", p->lists + most);
    o.drop = p->lists + 2 * most;
    o.drop_count = list_of(p, "drop", p->lists + 2 * most);
    o.drop_missing_target = json_is_true(json_object_get(p->config, "drop_missing_target"));
    o.time_budget = json_number_value(json_object_get(p->config, "time_budget"));
    char *reading = json_dumps(json_object_get(p->config, "reading"), JSON_COMPACT);
    o.reading = reading;
    o.quick = quick;
    o.data = p->data;
    leat_status st = leati_experiment_repeat(p->context, &p->experiment, p->train, p->test, &o,
                                             p->cuts, p->cut_count, is_beside(p));
    free(reading);
    return st;
}

static void add_difference(leat_reproduction *out, const char *text)
{
    size_t n = strlen(out->difference);
    snprintf(out->difference + n, sizeof out->difference - n, "%s%s", n ? "; " : "", text);
}

/* Writes the new model beside nothing that matters and compares the files byte by byte. */
static leat_status compare_bytes(leat_context *c, const plan *p, const char *path,
                                 leat_reproduction *out)
{
    const char *folder = getenv("TMPDIR");
    char made[4096];
    leati_bytes was = {0}, is = {0};
    leat_model *model =
        is_beside(p) ? leat_experiment_beside(p->experiment) : leat_experiment_model(p->experiment);
    LEATI_CHECK(c, model, LEAT_NOT_FOUND,
                "the model stood beside that of its experiment, which has none beside it now");
    snprintf(made, sizeof made, "%s/leat-reproduce-XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkstemp(made);
    LEATI_CHECK(c, fd >= 0, LEAT_IO, "cannot write a temporary file %s", made);
    close(fd);
    leat_status st;
    LEATI_GO(leat_model_save(c, model, made));
    LEATI_GO(leati_file_read(c, &was, path));
    LEATI_GO(leati_file_read(c, &is, made));
    leati_sha256_hex(was.data, was.size, out->was);
    leati_sha256_hex(is.data, is.size, out->is);
    out->identical = was.size == is.size && memcmp(was.data, is.data, is.size) == 0;
    if (out->identical) goto out;
    if (strcmp(out->version, leat_version()) != 0) {
        char text[128];
        snprintf(text, sizeof text, "it was made by leat %s, this is leat %s", out->version,
                 leat_version());
        add_difference(out, text);
    }
    if (strcmp(leat_model_json(model), leat_model_json(p->model)) != 0)
        add_difference(out, "model.json differs");
    if (strcmp(leat_model_reference(model), leat_model_reference(p->model)) != 0)
        add_difference(out, "reference.json differs");
    if (strcmp(leat_model_card(model), leat_model_card(p->model)) != 0)
        add_difference(out, "card.md differs");
    if (!*out->difference) add_difference(out, "the archive around equal members differs");
out:
    unlink(made);
    leati_bytes_release(&was);
    leati_bytes_release(&is);
    return st;
}

static void plan_fini(plan *p)
{
    leat_experiment_destroy(p->experiment);
    leat_frame_release(p->train);
    leat_frame_release(p->test);
    leat_model_release(p->model);
    leati_free(p->lists);
    leati_free(p->cuts);
    leati_free(p->data);
    json_decref(p->json);
    if (p->changed) (void)leati_conditions_set(p->context, p->own);
}

leat_status leat_reproduce(leat_context *c, const char *path, const char *data,
                           leat_reproduction *out)
{
    plan p = {0};
    *out = (leat_reproduction){0};
    leat_status st;
    LEATI_GO(leat_model_open(c, &p.model, path));
    LEATI_GO(read_lineage(c, &p, out));
    if (data) p.data = leati_strdup(c, data);
    else LEATI_GO(find_data(c, &p, path));
    LEATI_GO(leat_error_status(c));
    snprintf(out->data, sizeof out->data, "%s", p.data);
    LEATI_GO(work_as_recorded(c, &p, out));
    LEATI_GO(load_data(c, &p, out));
    if (!*out->difference) {
        LEATI_GO(run(c, &p, true)); /* curves and importances are not in the model */
        LEATI_GO(compare_bytes(c, &p, path, out));
    }
    if (!out->identical)
        st = LEATI_FAIL(c, LEAT_DIFFERS, "%s is not reproduced: %s", path, out->difference);
out:
    plan_fini(&p);
    return st;
}

leat_status leat_report(leat_context *c, const char *path, const char *data, const char *html_path,
                        const char *charts_folder)
{
    plan p = {0};
    leat_reproduction r = {0};
    leati_str html;
    leat_status st;
    leati_str_init(&html, c);
    LEATI_GO(leat_model_open(c, &p.model, path));
    LEATI_GO(read_lineage(c, &p, &r));
    if (data) p.data = leati_strdup(c, data);
    else LEATI_GO(find_data(c, &p, path));
    LEATI_GO(leat_error_status(c));
    LEATI_GO(work_as_recorded(c, &p, &r));
    LEATI_GO(load_data(c, &p, &r));
    if (*r.difference) {
        st = LEATI_FAIL(c, LEAT_DIFFERS, "%s cannot be reported on: %s", path, r.difference);
        goto out;
    }
    LEATI_GO(run(c, &p, false));
    char command[4200];
    snprintf(command, sizeof command, "leat report %s", path);
    if (html_path) LEATI_GO(leati_report_html(c, p.experiment, command, &html));
    if (html_path) LEATI_GO(leati_file_write(c, html_path, leati_str_text(&html), html.length));
    if (charts_folder) LEATI_GO(leati_report_charts(c, p.experiment, charts_folder));
out:
    leati_str_fini(&html);
    plan_fini(&p);
    return st;
}
