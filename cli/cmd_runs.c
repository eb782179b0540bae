/* leat runs: what was tried, and what came out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers.h"
#include "pairs.h"
#include "registry.h"
#include "runs.h"

enum { MOST_COMPARED = 8, CELL = 64 };

/* "0.9733  0.9312 - 0.9891" */
static void metric_text(const leat_run_metric *m, char out[CELL])
{
    if (isnan(m->value)) snprintf(out, CELL, "-");
    else if (isnan(m->low)) snprintf(out, CELL, "%.4g", m->value);
    else snprintf(out, CELL, "%.4g  %.4g - %.4g", m->value, m->low, m->high);
}

static leat_status read_number(cli *c, const char *text, int64_t *out)
{
    size_t n = strlen(text);
    if (n && n < 18 && strspn(text, "0123456789") == n && (*out = strtoll(text, NULL, 10)) > 0)
        return LEAT_OK;
    return cli_usage(c, "runs are numbered 1, 2, ...; '%s' is none", text);
}

/* --- list ------------------------------------------------------------------------------------- */

static void run_json(leat_json *j, const char *key, const leat_run_record *k, bool whole)
{
    leat_json_begin_object(j, key);
    leat_json_int(j, "run", k->run);
    leat_json_int(j, "created", k->created);
    leat_json_string(j, "name", k->name);
    leat_json_string(j, "data", k->data);
    leat_json_string(j, "table_sha256", k->table);
    leat_json_string(j, "task", k->task);
    leat_json_string(j, "target", k->target);
    leat_json_number(j, "seconds", k->seconds);
    leat_json_string(j, "command", k->command);
    leat_json_begin_object(j, "metrics");
    for (size_t i = 0; i < k->metric_count; i++) {
        leat_json_begin_object(j, k->metrics[i].key);
        leat_json_number(j, "value", k->metrics[i].value);
        leat_json_number(j, "low", k->metrics[i].low);
        leat_json_number(j, "high", k->metrics[i].high);
        leat_json_end_object(j);
    }
    leat_json_end_object(j);
    if (whole) {
        leat_json_begin_object(j, "params");
        for (size_t i = 0; i < k->param_count; i++)
            leat_json_string(j, k->params[i].key, k->params[i].value);
        leat_json_end_object(j);
        leat_json_begin_array(j, "files");
        for (size_t i = 0; i < k->file_count; i++) {
            leat_json_begin_object(j, NULL);
            leat_json_string(j, "name", k->files[i].name);
            leat_json_string(j, "sha256", k->files[i].sha256);
            leat_json_int(j, "bytes", (int64_t)k->files[i].bytes);
            leat_json_end_object(j);
        }
        leat_json_end_array(j);
        leat_json_begin_array(j, "folds");
        for (size_t i = 0; i < k->fold_count; i++) leat_json_number(j, NULL, k->folds[i]);
        leat_json_end_array(j);
        leat_json_string(j, "folds_sha256", k->folds_sha256);
    }
    leat_json_end_object(j);
}

static leat_status print_list_json(cli *c, const leat_run_list *list)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_begin_array(j, "runs");
    for (size_t i = 0; i < leat_run_list_count(list); i++)
        run_json(j, NULL, leat_run_list_at(list, i), false);
    leat_json_end_array(j);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static leat_status print_list(cli *c, const leat_run_list *list)
{
    enum { COLUMNS = 7 };
    static const char *const head[COLUMNS] = {"run",    "name",  "data", "target",
                                              "metric", "value", "when"};
    size_t n = leat_run_list_count(list);
    const char **cells = calloc((n + 1) * COLUMNS, sizeof *cells);
    struct line {
        char number[32], value[CELL], when[32];
    } *lines = calloc(n + 1, sizeof *lines);
    leat_status st = LEAT_OK;
    if (!cells || !lines) {
        st = leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    } else if (n == 0) {
        cli_say(c, "the registry has no runs: leat fit ... --register NAME keeps one\n");
    } else {
        memcpy(cells, head, sizeof head);
        for (size_t i = 0; i < n; i++) {
            const leat_run_record *k = leat_run_list_at(list, i);
            struct line *l = &lines[i];
            snprintf(l->number, sizeof l->number, "%lld", (long long)k->run);
            if (k->metric_count) metric_text(&k->metrics[0], l->value);
            cli_time_text(k->created, l->when);
            const char *row[COLUMNS] = {
                l->number, k->name, k->data, k->target, k->metric_count ? k->metrics[0].key : "",
                l->value,  l->when};
            memcpy(cells + (i + 1) * COLUMNS, row, sizeof row);
        }
        cli_table(c, cells, (int)n + 1, COLUMNS, true);
    }
    free(cells);
    free(lines);
    return st;
}

static leat_status run_list(cli *c, leat_registry *r)
{
    leat_run_list *list;
    leat_status st = leat_registry_runs(r, &list);
    if (st != LEAT_OK) return st;
    st = c->json ? print_list_json(c, list) : print_list(c, list);
    leat_run_list_destroy(list);
    return st;
}

/* --- show ------------------------------------------------------------------------------------- */

/* Pairs of a heading and what stands below it. */
static leat_status print_params(cli *c, const leat_run_record *k)
{
    const char **cells = calloc(2 * k->param_count + 1, sizeof *cells);
    if (!cells) return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    for (size_t i = 0; i < k->param_count; i++) {
        cells[2 * i] = k->params[i].key;
        cells[2 * i + 1] = k->params[i].value;
    }
    cli_say(c, "\nparameters\n");
    cli_table(c, cells, (int)k->param_count, 2, false);
    free(cells);
    return LEAT_OK;
}

static leat_status print_metrics(cli *c, const leat_run_record *k)
{
    const char **cells = calloc(2 * k->metric_count + 1, sizeof *cells);
    char(*texts)[CELL] = calloc(k->metric_count + 1, sizeof *texts);
    leat_status st = LEAT_OK;
    if (cells && texts) {
        for (size_t i = 0; i < k->metric_count; i++) {
            metric_text(&k->metrics[i], texts[i]);
            cells[2 * i] = k->metrics[i].key;
            cells[2 * i + 1] = texts[i];
        }
        cli_say(c, "\nmetrics\n");
        cli_table(c, cells, (int)k->metric_count, 2, false);
    } else {
        st = leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    }
    free(cells);
    free(texts);
    return st;
}

static leat_status print_run(cli *c, const leat_run_record *k)
{
    char when[32], size[32];
    cli_time_text(k->created, when);
    cli_styled(c, CLI_BOLD, "run %lld", (long long)k->run);
    cli_say(c, ": %s, %s of %s, %s\n", k->name, k->task, k->target, when);
    cli_say(c, "  data      %s (table %.12s...)\n", k->data, k->table);
    if (*k->command) cli_say(c, "  command   %s\n", k->command);
    if (!isnan(k->seconds)) cli_say(c, "  took      %.3g s\n", k->seconds);
    leat_status st = print_metrics(c, k);
    if (st == LEAT_OK) st = print_params(c, k);
    if (k->file_count) cli_say(c, "\nfiles\n");
    for (size_t i = 0; i < k->file_count; i++) {
        cli_bytes_text((size_t)k->files[i].bytes, size);
        cli_say(c, "  %s  %s\n", k->files[i].name, size);
    }
    if (k->file_count)
        cli_say(c, "leat runs pull %lld %s writes one\n", (long long)k->run, k->files[0].name);
    return st;
}

static leat_status run_show(cli *c, leat_registry *r, int64_t number)
{
    leat_run_list *list;
    leat_status st = leat_registry_run(r, &list, number);
    if (st != LEAT_OK) return st;
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        run_json(j, NULL, leat_run_list_at(list, 0), true);
        st = cli_print_json(c, j);
    } else {
        st = print_run(c, leat_run_list_at(list, 0));
    }
    leat_run_list_destroy(list);
    return st;
}

/* --- comparing -------------------------------------------------------------------------------- */

typedef struct compared {
    leat_run_list *lists[MOST_COMPARED];
    const leat_run_record *runs[MOST_COMPARED];
    char texts[MOST_COMPARED][32]; /* "run 3" */
    const char *names[MOST_COMPARED];
    leat_comparison *tests;
    int count;
} compared;

static const char *param_of(const leat_run_record *k, const char *key)
{
    for (size_t i = 0; i < k->param_count; i++)
        if (strcmp(k->params[i].key, key) == 0) return k->params[i].value;
    return NULL;
}

static const leat_run_metric *metric_of(const leat_run_record *k, const char *key)
{
    for (size_t i = 0; i < k->metric_count; i++)
        if (strcmp(k->metrics[i].key, key) == 0) return &k->metrics[i];
    return NULL;
}

/* The key of parameter or metric `at` of run i; NULL past the end. */
static const char *key_at(const leat_run_record *k, bool params, size_t at)
{
    if (params) return at < k->param_count ? k->params[at].key : NULL;
    return at < k->metric_count ? k->metrics[at].key : NULL;
}

static bool seen_before(const compared *k, bool params, int run, const char *key)
{
    for (int i = 0; i < run; i++)
        if (params ? param_of(k->runs[i], key) != NULL : metric_of(k->runs[i], key) != NULL)
            return true;
    return false;
}

static bool differs(const compared *k, const char *key)
{
    const char *first = param_of(k->runs[0], key);
    for (int i = 1; i < k->count; i++) {
        const char *other = param_of(k->runs[i], key);
        if (!first != !other || (first && strcmp(first, other) != 0)) return true;
    }
    return false;
}

static size_t count_keys(const compared *k)
{
    size_t n = 0;
    for (int i = 0; i < k->count; i++) n += k->runs[i]->param_count + k->runs[i]->metric_count;
    return n;
}

/* One table: what differs among the parameters, then all metrics, a column per run. */
static leat_status print_compared(cli *c, const compared *k)
{
    size_t most = count_keys(k) + 2, rows = 1, columns = (size_t)k->count + 1;
    const char **cells = calloc(most * columns, sizeof *cells);
    char(*texts)[CELL] = calloc(most * columns, sizeof *texts);
    if (!cells || !texts) {
        free(cells);
        free(texts);
        return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    }
    cells[0] = "";
    memcpy(cells + 1, k->names, (size_t)k->count * sizeof *cells);
    for (int params = 1; params >= 0; params--)
        for (int i = 0; i < k->count; i++)
            for (size_t at = 0; key_at(k->runs[i], params, at); at++) {
                const char *key = key_at(k->runs[i], params, at);
                if (seen_before(k, params, i, key) || (params && !differs(k, key))) continue;
                cells[rows * columns] = key;
                for (size_t m = 1; m < columns; m++) {
                    char *text = texts[rows * columns + m];
                    const leat_run_metric *metric = metric_of(k->runs[m - 1], key);
                    const char *param = param_of(k->runs[m - 1], key);
                    if (!params && metric) metric_text(metric, text);
                    cells[rows * columns + m] = params ? (param ? param : "") : text;
                }
                rows++;
            }
    cli_table(c, cells, (int)rows, (int)columns, true);
    free(cells);
    free(texts);
    return LEAT_OK;
}

/* What the pairs say that could be tested, and why others could not. */
static void say_what_it_means(cli *c, const compared *k)
{
    bool said = false;
    size_t pairs = leat_comparison_pairs(k->tests), all = (size_t)(k->count * (k->count - 1) / 2);
    cli_say(c, "\n");
    cli_say_pairs(c, k->tests, k->names);
    if (pairs == all) return;
    for (int i = 0; i < k->count; i++) {
        for (int j = i + 1; j < k->count; j++) {
            const char *a = k->names[i], *b = k->names[j];
            bool data = strcmp(k->runs[i]->table, k->runs[j]->table) == 0;
            if (data && strcmp(k->runs[i]->folds_sha256, k->runs[j]->folds_sha256) == 0) continue;
            if (data) cli_say(c, "%s and %s: the same data, but different folds: no test\n", a, b);
            else cli_say(c, "%s and %s: different data: scores cannot be compared\n", a, b);
            said = true;
        }
    }
    if (!said)
        cli_say(c, "no scores of the same folds that could be tested; on new rows:\n"
                   "leat compare A.leat B.leat HOLDOUT.csv\n");
}

static leat_status print_compared_json(cli *c, const compared *k)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_begin_array(j, "runs");
    for (int i = 0; i < k->count; i++) run_json(j, NULL, k->runs[i], true);
    leat_json_end_array(j);
    cli_pairs_json(j, k->tests, k->names);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

leat_status cli_compare_runs(cli *c, char *const *numbers, int count)
{
    compared k = {.count = count};
    leat_registry *r;
    int64_t number;
    if (count < 2 || count > MOST_COMPARED)
        return cli_usage(c, "from 2 to %d runs can be compared", MOST_COMPARED);
    leat_status st = cli_open_registry(c, &r, false);
    if (st != LEAT_OK) return st;
    for (int i = 0; i < count && st == LEAT_OK; i++) {
        st = read_number(c, numbers[i], &number);
        if (st == LEAT_OK) st = leat_registry_run(r, &k.lists[i], number);
        if (st != LEAT_OK) break;
        k.runs[i] = leat_run_list_at(k.lists[i], 0);
        snprintf(k.texts[i], sizeof k.texts[i], "run %lld", (long long)number);
        k.names[i] = k.texts[i];
    }
    if (st == LEAT_OK) st = leat_compare_runs(c->context, &k.tests, k.runs, (size_t)count);
    if (st == LEAT_OK && c->json) {
        st = print_compared_json(c, &k);
    } else if (st == LEAT_OK) {
        st = print_compared(c, &k);
        if (st == LEAT_OK) say_what_it_means(c, &k);
    }
    leat_comparison_destroy(k.tests);
    for (int i = 0; i < count; i++) leat_run_list_destroy(k.lists[i]);
    leat_registry_close(r);
    return st;
}

/* --- pull and rm ------------------------------------------------------------------------------ */

static leat_status run_pull(cli *c, leat_registry *r, int64_t number, const char *file)
{
    const char *to = cli_value(c, "output");
    if (!file) return cli_usage(c, "leat runs pull needs a run and a file: leat runs show RUN");
    if (cli_pipes(c) && c->json)
        return cli_usage(c, "-o - and --json both write to standard output");
    leat_status st = leat_registry_pull_run(r, number, file, to ? to : file);
    if (st != LEAT_OK) return st;
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "path", to ? to : file);
        leat_json_end_object(j);
        return cli_print_json(c, j);
    }
    if (!cli_pipes(c)) cli_say(c, "wrote %s\n", to ? to : file);
    return LEAT_OK;
}

static leat_status run_rm(cli *c, leat_registry *r, int64_t number)
{
    leat_status st = leat_registry_remove_run(r, number);
    if (st != LEAT_OK) return st;
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_int(j, "removed", number);
        leat_json_end_object(j);
        return cli_print_json(c, j);
    }
    cli_say(c, "removed run %lld; leat registry gc frees its files\n", (long long)number);
    return LEAT_OK;
}

static leat_status run_runs(cli *c)
{
    const char *verb = c->count ? c->arguments[0] : "list";
    bool list = strcmp(verb, "list") == 0, show = strcmp(verb, "show") == 0;
    bool pull = strcmp(verb, "pull") == 0;
    int64_t number = 0;
    leat_registry *r;
    leat_status st = LEAT_OK;
    if (!list && !show && !pull && strcmp(verb, "rm") != 0)
        return cli_usage(c, "leat runs can list, show, pull and rm, not '%s'", verb);
    if (list && c->count > 1) return cli_usage(c, "list takes no number; leat runs show RUN does");
    if (!list && c->count < 2) return cli_usage(c, "leat runs %s needs the number of a run", verb);
    if (!pull && c->count > 2)
        return cli_usage(c, "leat runs %s does not know what to do with '%s'", verb,
                         c->arguments[2]);
    if (!pull && cli_value(c, "output"))
        return cli_usage(
            c, "leat runs %s writes no file; --output goes with leat runs pull RUN FILE", verb);
    if (!list) st = read_number(c, c->arguments[1], &number);
    if (st == LEAT_OK) st = cli_open_registry(c, &r, false);
    if (st != LEAT_OK) return st;
    st = list   ? run_list(c, r)
         : show ? run_show(c, r, number)
         : pull ? run_pull(c, r, number, c->count > 2 ? c->arguments[2] : NULL)
                : run_rm(c, r, number);
    leat_registry_close(r);
    return st;
}

static const cli_option options[] = {
    {"output", 'o', "FILE", "pull: the file to write; default: its name here", false},
    CLI_REGISTRY_OPTIONS,
    {0}};

const cli_command cli_command_runs = {
    .name = "runs",
    .arguments = "list | show RUN | pull RUN FILE | rm RUN",
    .least = 0,
    .most = 3,
    .summary = "what was tried, and what came out",
    .details =
        "A run is kept by `leat fit ... --register NAME` (or --registry alone, without a "
        "version of\nthe model): parameters, metrics with intervals, and the files that were "
        "written. Two or\nmore side by side: leat compare runs 3 5.",
    .examples = "  leat fit cars.csv -t mpg --register cars\n  leat runs list\n  leat runs show 3\n"
                "  leat compare runs 2 3\n  leat runs pull 3 cars.html",
    .options = options,
    .run = run_runs,
};
