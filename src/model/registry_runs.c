/* Owns: runs of experiments: keeping, listing, forgetting them. Not: making a run out of an
 * experiment (workflow/experiment_register.c). */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/registry.h"

/* --- keeping ---------------------------------------------------------------------------------- */

typedef struct kept_file {
    char sha256[65], token[LEATI_TOKEN];
    uint64_t bytes;
} kept_file;

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static leat_status insert_run(leat_registry *r, const leat_run_record *k, int64_t number)
{
    return leati_sql_run(
        r->db,
        "INSERT INTO leat_run (run, created, name, data, table_sha256, task, target, seconds, "
        "command, folds_sha256, test_ratio) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        LEATI_SQL_ARGS(leati_sql_whole(number), leati_sql_whole(leati_seconds_now()),
                       leati_sql_text(or_empty(k->name)), leati_sql_text(or_empty(k->data)),
                       leati_sql_text(or_empty(k->table)), leati_sql_text(or_empty(k->task)),
                       leati_sql_text(or_empty(k->target)), leati_sql_number(k->seconds),
                       leati_sql_text(or_empty(k->command)),
                       leati_sql_text(or_empty(k->folds_sha256)),
                       leati_sql_number(k->fold_count ? k->test_ratio : (double)NAN)),
        NULL);
}

static leat_status insert_values(leat_registry *r, const leat_run_record *k, int64_t number)
{
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < k->param_count && st == LEAT_OK; i++)
        st = leati_sql_run(r->db,
                           "INSERT INTO leat_run_param (run, key, value) VALUES ($1, $2, $3) "
                           "ON CONFLICT (run, key) DO UPDATE SET value = excluded.value",
                           LEATI_SQL_ARGS(leati_sql_whole(number), leati_sql_text(k->params[i].key),
                                          leati_sql_text(k->params[i].value)),
                           NULL);
    for (size_t i = 0; i < k->metric_count && st == LEAT_OK; i++)
        st = leati_sql_run(r->db,
                           "INSERT INTO leat_run_metric (run, place, key, value, low, high) "
                           "VALUES ($1, $2, $3, $4, $5, $6)",
                           LEATI_SQL_ARGS(leati_sql_whole(number), leati_sql_whole((int64_t)i),
                                          leati_sql_text(k->metrics[i].key),
                                          leati_sql_number(k->metrics[i].value),
                                          leati_sql_number(k->metrics[i].low),
                                          leati_sql_number(k->metrics[i].high)),
                           NULL);
    for (size_t i = 0; i < k->fold_count && st == LEAT_OK; i++)
        st =
            leati_sql_run(r->db, "INSERT INTO leat_run_fold (run, fold, score) VALUES ($1, $2, $3)",
                          LEATI_SQL_ARGS(leati_sql_whole(number), leati_sql_whole((int64_t)i),
                                         leati_sql_number(k->folds[i])),
                          NULL);
    return st;
}

static leat_status insert_files(leat_registry *r, const leat_run_record *k, const kept_file *files,
                                int64_t number)
{
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < k->file_count && st == LEAT_OK; i++) {
        st = leati_sql_run(r->db,
                           "INSERT INTO leat_run_file (run, file, sha256, bytes) "
                           "VALUES ($1, $2, $3, $4)",
                           LEATI_SQL_ARGS(leati_sql_whole(number),
                                          leati_sql_text(leati_path_base(k->files[i].name)),
                                          leati_sql_text(files[i].sha256),
                                          leati_sql_whole((int64_t)files[i].bytes)),
                           NULL);
        if (st == LEAT_OK) st = leati_push_settle(r, files[i].token);
    }
    return st;
}

/* Numbers of runs are not used again, so a setting counts them. */
static leat_status next_number(leat_registry *r, int64_t *out)
{
    LEATI_TRY(leati_sql_run(r->db,
                            "INSERT INTO leat_setting (key, value) VALUES ('runs', '0') "
                            "ON CONFLICT (key) DO NOTHING",
                            LEATI_SQL_NONE, NULL));
    LEATI_TRY(leati_sql_run(r->db,
                            "UPDATE leat_setting SET value = "
                            "CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE key = 'runs'",
                            LEATI_SQL_NONE, NULL));
    return leati_sql_value(r->db, out, NULL,
                           "SELECT CAST(value AS BIGINT) FROM leat_setting WHERE key = 'runs'",
                           LEATI_SQL_NONE);
}

static leat_status enter_run(leat_registry *r, const leat_run_record *k, const kept_file *files,
                             int64_t *number)
{
    LEATI_TRY(leati_sql_begin(r->db));
    leat_status st = next_number(r, number);
    if (st == LEAT_OK) st = insert_run(r, k, *number);
    if (st == LEAT_OK) st = insert_values(r, k, *number);
    if (st == LEAT_OK) st = insert_files(r, k, files, *number);
    if (st == LEAT_OK) return leati_sql_commit(r->db);
    leati_sql_undo(r->db);
    return st;
}

leat_status leat_registry_add_run(leat_registry *r, const leat_run_record *record, int64_t *number)
{
    int64_t unused;
    LEATI_CHECK(r->context, record->file_count <= LEAT_RUN_FILES, LEAT_LIMIT,
                "a run has at most %d files, not %zu", LEAT_RUN_FILES, record->file_count);
    kept_file *files = LEATI_NEW(r->context, kept_file, record->file_count + 1);
    leat_status st = files ? LEAT_OK : leat_error_status(r->context);
    size_t n = 0;
    for (; n < record->file_count && st == LEAT_OK; n++)
        st = leati_push_file(r, record->files[n].name, files[n].sha256, &files[n].bytes,
                             files[n].token);
    if (st == LEAT_OK) st = enter_run(r, record, files, number ? number : &unused);
    for (size_t i = 0; i < n && st != LEAT_OK; i++)
        if (*files[i].token) leati_push_abandon(r, files[i].token);
    leati_free(files);
    return st;
}

/* --- listing ---------------------------------------------------------------------------------- */

/* Parameters, folds and files belong to the only run of a list, metrics to all, one after the
 * other. */
struct leat_run_list {
    leati_arena arena;
    leat_run_record *items;
    leat_run_param *params;
    leat_run_metric *metrics;
    double *folds;
    leat_run_file *files;
    size_t count, capacity, param_count, param_capacity, metric_count, metric_capacity, fold_count,
        fold_capacity, file_count, file_capacity;
};

void leat_run_list_destroy(leat_run_list *list)
{
    if (!list) return;
    leati_arena_fini(&list->arena);
    leati_free(list->items);
    leati_free(list->params);
    leati_free(list->metrics);
    leati_free(list->folds);
    leati_free(list->files);
    leati_free(list);
}

size_t leat_run_list_count(const leat_run_list *list)
{
    return list->count;
}

const leat_run_record *leat_run_list_at(const leat_run_list *list, size_t i)
{
    return i < list->count ? &list->items[i] : NULL;
}

static const char *keep(leat_run_list *list, const leati_sql_rows *rows, int column)
{
    return leati_arena_strdup(&list->arena, or_empty(leati_sql_get_text(rows, column)));
}

static leat_status add_metric(leat_context *c, leat_run_list *list, const leati_sql_rows *rows,
                              int column)
{
    LEATI_TRY(leati_grow(c, &list->metrics, &list->metric_capacity, list->metric_count + 1,
                         sizeof *list->metrics));
    list->metrics[list->metric_count] =
        (leat_run_metric){.key = keep(list, rows, column),
                          .value = leati_sql_get_number(rows, column + 1),
                          .low = leati_sql_get_number(rows, column + 2),
                          .high = leati_sql_get_number(rows, column + 3)};
    LEATI_TRY(leat_error_status(c));
    list->metric_count++;
    return LEAT_OK;
}

/* A run with the metric that decided, if it has one. */
static leat_status add_run(leat_context *c, leat_run_list *list, const leati_sql_rows *rows)
{
    LEATI_TRY(leati_grow(c, &list->items, &list->capacity, list->count + 1, sizeof *list->items));
    list->items[list->count] = (leat_run_record){.run = leati_sql_get_whole(rows, 0),
                                                 .created = leati_sql_get_whole(rows, 1),
                                                 .name = keep(list, rows, 2),
                                                 .data = keep(list, rows, 3),
                                                 .table = keep(list, rows, 4),
                                                 .task = keep(list, rows, 5),
                                                 .target = keep(list, rows, 6),
                                                 .seconds = leati_sql_get_number(rows, 7),
                                                 .command = keep(list, rows, 8),
                                                 .folds_sha256 = keep(list, rows, 9),
                                                 .test_ratio = leati_sql_get_number(rows, 10)};
    LEATI_TRY(leat_error_status(c));
    if (leati_sql_get_text(rows, 11)) {
        LEATI_TRY(add_metric(c, list, rows, 11));
        list->items[list->count].metric_count = 1;
    }
    list->count++;
    return LEAT_OK;
}

static leat_status add_param(leat_context *c, leat_run_list *list, const leati_sql_rows *rows)
{
    LEATI_TRY(leati_grow(c, &list->params, &list->param_capacity, list->param_count + 1,
                         sizeof *list->params));
    list->params[list->param_count] =
        (leat_run_param){.key = keep(list, rows, 0), .value = keep(list, rows, 1)};
    LEATI_TRY(leat_error_status(c));
    list->param_count++;
    return LEAT_OK;
}

static leat_status add_fold(leat_context *c, leat_run_list *list, const leati_sql_rows *rows)
{
    LEATI_TRY(leati_grow(c, &list->folds, &list->fold_capacity, list->fold_count + 1,
                         sizeof *list->folds));
    list->folds[list->fold_count++] = leati_sql_get_number(rows, 0);
    return LEAT_OK;
}

static leat_status add_file(leat_context *c, leat_run_list *list, const leati_sql_rows *rows)
{
    LEATI_TRY(leati_grow(c, &list->files, &list->file_capacity, list->file_count + 1,
                         sizeof *list->files));
    list->files[list->file_count] =
        (leat_run_file){.name = keep(list, rows, 0),
                        .sha256 = keep(list, rows, 1),
                        .bytes = (uint64_t)leati_sql_get_whole(rows, 2)};
    LEATI_TRY(leat_error_status(c));
    list->file_count++;
    return LEAT_OK;
}

static leat_status add_further_metric(leat_context *c, leat_run_list *list,
                                      const leati_sql_rows *rows)
{
    return add_metric(c, list, rows, 0);
}

static leat_status each_row(leat_registry *r, leat_run_list *list, const char *sql, int64_t number,
                            leat_status (*add)(leat_context *c, leat_run_list *list,
                                               const leati_sql_rows *rows))
{
    leati_sql_rows rows;
    bool more = false;
    const leati_sql_arg arg = leati_sql_whole(number);
    leat_status st = leati_sql_query(r->db, &rows, sql, &arg, number ? 1 : 0);
    while (st == LEAT_OK && (st = leati_sql_next(&rows, &more)) == LEAT_OK && more)
        st = add(r->context, list, &rows);
    leati_sql_end(&rows);
    return st;
}

#define RUNS                                                                                       \
    "SELECT r.run, r.created, r.name, r.data, r.table_sha256, r.task, r.target, r.seconds, "       \
    "r.command, r.folds_sha256, r.test_ratio, m.key, m.value, m.low, m.high FROM leat_run r "      \
    "LEFT JOIN leat_run_metric m ON m.run = r.run AND m.place = 0 "

static leat_status fill_list(leat_registry *r, leat_run_list *list)
{
    LEATI_TRY(each_row(r, list, RUNS "ORDER BY r.run DESC", 0, add_run));
    size_t at = 0;
    for (size_t i = 0; i < list->count; i++) {
        list->items[i].metrics = list->metrics ? list->metrics + at : NULL;
        at += list->items[i].metric_count;
    }
    return LEAT_OK;
}

static leat_status fill_one(leat_registry *r, leat_run_list *list, int64_t number)
{
    LEATI_TRY(each_row(r, list, RUNS "WHERE r.run = $1", number, add_run));
    LEATI_CHECK(r->context, list->count == 1, LEAT_NOT_FOUND,
                "the registry %s has no run %lld\nleat runs list shows what it has", r->name,
                (long long)number);
    LEATI_TRY(each_row(r, list, "SELECT key, value FROM leat_run_param WHERE run = $1 ORDER BY key",
                       number, add_param));
    LEATI_TRY(each_row(r, list,
                       "SELECT key, value, low, high FROM leat_run_metric WHERE run = $1 AND "
                       "place > 0 ORDER BY place",
                       number, add_further_metric));
    LEATI_TRY(each_row(r, list, "SELECT score FROM leat_run_fold WHERE run = $1 ORDER BY fold",
                       number, add_fold));
    LEATI_TRY(each_row(r, list,
                       "SELECT file, sha256, bytes FROM leat_run_file WHERE run = $1 ORDER BY file",
                       number, add_file));
    leat_run_record *k = list->items;
    k->params = list->params;
    k->param_count = list->param_count;
    k->metrics = list->metrics;
    k->metric_count = list->metric_count;
    k->folds = list->folds;
    k->fold_count = list->fold_count;
    k->files = list->files;
    k->file_count = list->file_count;
    return LEAT_OK;
}

/* number 0: all. */
static leat_status list_runs(leat_registry *r, leat_run_list **out, int64_t number)
{
    *out = NULL;
    leat_run_list *list = leati_calloc(r->context, 1, sizeof *list);
    if (!list) return leat_error_status(r->context);
    leati_arena_init(&list->arena, r->context);
    leat_status st = number ? fill_one(r, list, number) : fill_list(r, list);
    if (st == LEAT_OK) *out = list;
    else leat_run_list_destroy(list);
    return st;
}

leat_status leat_registry_runs(leat_registry *r, leat_run_list **out)
{
    return list_runs(r, out, 0);
}

leat_status leat_registry_run(leat_registry *r, leat_run_list **out, int64_t number)
{
    *out = NULL;
    LEATI_CHECK(r->context, number > 0, LEAT_INVALID, "runs are numbered from 1");
    return list_runs(r, out, number);
}

/* --- files and forgetting --------------------------------------------------------------------- */

leat_status leat_registry_pull_run(leat_registry *r, int64_t number, const char *file,
                                   const char *path)
{
    leat_run_list *list;
    LEATI_TRY(leat_registry_run(r, &list, number));
    const leat_run_file *found = NULL;
    for (size_t i = 0; i < list->file_count; i++)
        if (strcmp(list->files[i].name, file) == 0) found = &list->files[i];
    leat_status st = LEAT_OK;
    if (!found)
        st = LEATI_FAIL(r->context, LEAT_NOT_FOUND,
                        "run %lld has no file '%s'\n"
                        "leat runs show %lld lists them",
                        (long long)number, file, (long long)number);
    if (st == LEAT_OK) st = leati_objects_copy(r, found->sha256, path);
    leat_run_list_destroy(list);
    return st;
}

leat_status leat_registry_remove_run(leat_registry *r, int64_t number)
{
    int64_t removed = 0;
    LEATI_TRY(leati_sql_begin(r->db));
    leat_status st = leati_sql_run(r->db, "DELETE FROM leat_run WHERE run = $1",
                                   LEATI_SQL_ARGS(leati_sql_whole(number)), &removed);
    if (st == LEAT_OK && removed == 0)
        st = LEATI_FAIL(r->context, LEAT_NOT_FOUND, "the registry %s has no run %lld", r->name,
                        (long long)number);
    if (st == LEAT_OK) return leati_sql_commit(r->db);
    leati_sql_undo(r->db);
    return st;
}
