/* Owns: what an experiment writes: the model, the report, the folder of the run. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "workflow/entries.h"
#include "workflow/experiment.h"
#include "workflow/report.h"

/* What a search tried, best first. */
static void trials_json(leat_json *j, const leati_entry *k)
{
    if (!k->trial_count) return;
    leat_json_begin_array(j, "trials");
    for (size_t i = 0; i < k->trial_count; i++) {
        const leati_tried *x = &k->trial[i];
        leat_json_begin_object(j, NULL);
        leat_json_int(j, "rank", (int64_t)x->rank);
        leat_json_string(j, "params", x->params);
        leat_json_number(j, "mean", x->mean);
        leat_json_number(j, "std", x->std);
        leat_json_number(j, "low", x->low);
        leat_json_number(j, "high", x->high);
        leat_json_int(j, "folds", (int64_t)x->folds);
        leat_json_number(j, "seconds", x->seconds);
        if (x->failed) leat_json_string(j, "failed", x->failed);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
}

static void entry_json(leat_json *j, const leati_entry *k)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "estimator", k->estimator->class->name);
    leat_json_string(j, "params", k->params);
    leat_json_string(j, "prepared", k->prepared);
    if (k->failed) leat_json_string(j, "failed", k->failed);
    if (k->left_out) leat_json_bool(j, "left_out", true);
    leat_json_number(j, "mean", k->mean);
    leat_json_number(j, "std", k->std);
    leat_json_begin_array(j, "folds");
    for (size_t i = 0; i < k->fold_count && !k->failed; i++)
        leat_json_number(j, NULL, k->scores[i]);
    leat_json_end_array(j);
    leat_json_number(j, "fit_seconds", k->fit_seconds);
    leat_json_number(j, "predict_seconds", k->predict_seconds);
    trials_json(j, k);
    leat_json_end_object(j);
}

/* What the model file leaves out on purpose: when, where and how fast. */
static leat_status run_json(leat_context *c, const leat_experiment *e, const char *command,
                            const char *path)
{
    char when[32] = "", host[256] = "", folder[4096] = "", cpu[128];
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc)) strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (gethostname(host, sizeof host - 1) != 0) *host = '\0';
    if (!getcwd(folder, sizeof folder)) *folder = '\0';
    leati_cpu_model(cpu, sizeof cpu);
    leat_json *j = leat_json_create(c, 1);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "command", command);
    leat_json_string(j, "folder", folder);
    leat_json_string(j, "data", e->data);
    if (*e->version) leat_json_string(j, "data_version", e->version);
    leat_json_string(j, "data_sha256", e->data_hash);
    leat_json_string(j, "time", when);
    leat_json_string(j, "host", host);
    leat_json_string(j, "processor", cpu);
    leat_json_string(j, "cpu_level", e->cpu);
    leat_json_int(j, "threads", leat_context_threads(c));
    leat_json_int(j, "seed", (int64_t)e->seed);
    leat_json_string(j, "leat_version", leat_version());
    leat_json_number(j, "seconds", e->seconds);
    leat_json_raw(j, "config", e->config);
    leat_json_begin_array(j, "leaderboard");
    for (size_t i = 0; i < e->count; i++) entry_json(j, &e->entries[i]);
    leat_json_end_array(j);
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    leat_status st = text ? leati_file_write(c, path, text, strlen(text)) : leat_error_status(c);
    leat_json_destroy(j);
    return st;
}

static void class_text(leati_str *s, const leat_experiment *e, double value)
{
    char number[LEATI_NUM_SIZE];
    if (e->schema.task == LEATI_REGRESS) {
        leati_num_format(value, number);
        leati_str_add(s, number);
        return;
    }
    const char *name = e->schema.class_names[(uint32_t)value];
    leati_str_addc(s, '"');
    for (const char *p = name; *p; p++) leati_str_add(s, *p == '"' ? "\"\"" : (char[]){*p, 0});
    leati_str_addc(s, '"');
}

/* row,fold,truth,prediction of the best entry, for those who look closer. */
static leat_status predictions_csv(leat_context *c, const leat_experiment *e, const char *path)
{
    leati_str s;
    const leati_target *t = &e->target;
    leati_str_init(&s, c);
    leati_str_add(&s, "row,fold,truth,prediction\n");
    for (size_t f = 0; f < e->folds.count; f++) {
        const leati_fold *fold = &e->folds.fold[f];
        for (size_t i = 0; i < fold->test_count && fold->repeat == 0; i++) {
            size_t at = fold->test[i];
            leati_str_addf(&s, "%u,%zu,", t->rows[at] + 1, f + 1);
            class_text(&s, e, t->label ? t->label[at] : t->y[at]);
            leati_str_addc(&s, ',');
            class_text(&s, e, e->best->value[at]);
            leati_str_addc(&s, '\n');
        }
    }
    leat_status st = leati_str_status(&s);
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(&s), s.length);
    leati_str_fini(&s);
    return st;
}

/* FOLDER/NAME and a suffix; "." is left out. leati_free. */
static char *path_of(leat_context *c, const char *folder, const char *name, const char *suffix)
{
    leati_str s;
    leati_str_init(&s, c);
    size_t n = strlen(folder);
    if (strcmp(folder, ".") != 0)
        leati_str_addf(&s, "%s%s", folder, n && folder[n - 1] == '/' ? "" : "/");
    leati_str_addf(&s, "%s%s", name, suffix);
    return leati_str_take(&s);
}

/* What an interrupted run left behind is done with. */
static leat_status remove_page(leat_context *c, const char *run)
{
    char *path = leati_path_join(c, run, LEATI_INTERRUPTED_PAGE);
    if (!path) return leat_error_status(c);
    unlink(path);
    leati_free(path);
    return LEAT_OK;
}

/* What the training of a network leaves in a folder. */
enum { TRAINING_FILES = 4 };
static const char *const training_files[TRAINING_FILES] = {
    "best.checkpoint", "last.checkpoint", "metrics.jsonl", "events.out.tfevents.leat"};

/* The first `count` of them. */
static void remove_training(leat_context *c, const char *folder, size_t count)
{
    for (size_t j = 0; j < count; j++) {
        char *path = leati_path_join(c, folder, training_files[j]);
        if (path) unlink(path);
        leati_free(path);
    }
}

/* Of another run under the same name nothing stays that would be taken for this one's. */
static leat_status remove_earlier(leat_context *c, const leat_experiment *e, const char *run)
{
    char fraction[32];
    const leat_model *network = e->beside ? e->beside : e->model;
    if (strcmp(leat_model_estimator(network), "network") != 0)
        remove_training(c, run, TRAINING_FILES);
    else if (leat_model_parameter(network, "validation_fraction", fraction, sizeof fraction) &&
             strcmp(fraction, "0") == 0)
        remove_training(c, run, 1);
    return leat_error_status(c);
}

/* So are the checkpoints of the folds. */
static leat_status remove_folds(leat_context *c, const leat_experiment *e, const char *run)
{
    for (size_t i = 0; i < e->count * e->folds.count; i++) {
        const leati_entry *k = &e->entries[i / e->folds.count];
        char *folder = leati_fold_folder(c, run, k, i % e->folds.count);
        if (!folder) return leat_error_status(c);
        if (k->number && leati_path_is_folder(folder)) remove_training(c, folder, TRAINING_FILES);
        rmdir(folder);
        leati_free(folder);
    }
    return leat_error_status(c);
}

static leat_status write_run(leat_context *c, const leat_experiment *e, const char *folder,
                             const char *command)
{
    char *run = path_of(c, folder, e->name, ".run"), *record = NULL, *table = NULL;
    leat_status st = run ? leati_folder_make(c, run) : leat_error_status(c);
    if (st == LEAT_OK) {
        record = leati_path_join(c, run, "run.json");
        table = leati_path_join(c, run, "predictions.csv");
        if (!record || !table) st = leat_error_status(c);
    }
    if (st == LEAT_OK) st = predictions_csv(c, e, table);
    if (st == LEAT_OK) st = run_json(c, e, command, record);
    if (st == LEAT_OK) st = remove_page(c, run);
    if (st == LEAT_OK) st = remove_folds(c, e, run);
    if (st == LEAT_OK) st = remove_earlier(c, e, run);
    leati_free(run);
    leati_free(record);
    leati_free(table);
    return st;
}

/* The model is there and something behind it is not, as where the disk is full. */
static leat_status say_written(leat_context *c, const char *model, bool reported)
{
    if (reported)
        return leati_error_hint(c,
                                "The model and the report are written: %s. The record of the "
                                "run is not whole: name the data after leat reproduce %s.",
                                model, model);
    return leati_error_hint(c,
                            "The model is written: %s. The report and the record of the run are "
                            "not: when that is mended, leat report %s DATA makes the report.",
                            model, model);
}

leat_status leat_experiment_save(leat_context *c, const leat_experiment *e, const char *folder,
                                 const char *command, char *model_path, size_t model_size,
                                 char *report_path, size_t report_size)
{
    char *model = NULL, *report = NULL, *beside = NULL;
    bool written = false, reported = false;
    leati_str html;
    leati_str_init(&html, c);
    leat_status st;
    LEATI_GO(leati_folder_make(c, folder));
    model = path_of(c, folder, e->name, ".leat");
    report = path_of(c, folder, e->name, ".html");
    if (!model || !report) {
        st = leat_error_status(c);
        goto out;
    }
    /* The model first: it is what took the time. Last goes what a run could be taken up from. */
    LEATI_GO(leat_model_save(c, e->model, model));
    written = true;
    beside = path_of(c, folder, e->name, LEATI_BESIDE_SUFFIX);
    LEATI_GO(beside ? LEAT_OK : leat_error_status(c));
    if (e->beside) LEATI_GO(leat_model_save(c, e->beside, beside));
    else if (leati_path_exists(beside))
        leati_log(c, LEAT_LOG_WARN, "%s is not of this run: an earlier one wrote it", beside);
    LEATI_GO(leati_report_html(c, e, command, &html));
    LEATI_GO(leati_file_write(c, report, leati_str_text(&html), html.length));
    reported = true;
    LEATI_GO(write_run(c, e, folder, command));
    if (model_path) snprintf(model_path, model_size, "%s", model);
    if (report_path) snprintf(report_path, report_size, "%s", report);
out:
    if (st != LEAT_OK && written) say_written(c, model, reported);
    leati_str_fini(&html);
    leati_free(model);
    leati_free(report);
    leati_free(beside);
    return st;
}
