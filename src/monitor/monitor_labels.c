/* Owns: labels: one as a class number or a value, and those that came later, joined by an id and,
 * where a prediction log numbers the rows of a request, by that number too. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "monitor/monitor.h"

static const double nan_ = (double)NAN;

enum { SHOWN = 60 };

/* --- one ------------------------------------------------------------------------------------- */

leat_status leati_monitor_name_classes(leat_context *c, const leat_monitor *m)
{
    const leati_schema *s = &m->model->schema;
    return leati_error_hint(c, "its classes are '%s'%s%s%s%s", s->class_names[0],
                            s->classes > 1 ? ", '" : "", s->classes > 1 ? s->class_names[1] : "",
                            s->classes > 1 ? "'" : "", s->classes > 2 ? ", ..." : "");
}

leat_status leati_monitor_label(leat_context *c, const leat_monitor *m, const leati_column *col,
                                const char *name, size_t row, double *out)
{
    char space[LEATI_NUM_SIZE];
    size_t length;
    *out = nan_;
    LEATI_CHECK(c, col->type != LEAT_ARRAY, LEAT_TYPE, "column '%s': arrays cannot be labels",
                name);
    if (!leati_valid(col, row)) return LEAT_OK;
    const char *text = leati_cell_text(col, row, space, &length);
    if (!m->norm.classes) {
        if (leati_num_parse(text, length, out) && isfinite(*out)) return LEAT_OK;
        return LEATI_FAIL(c, LEAT_TYPE, "row %zu, column '%s': '%.*s' is not a number", row + 1,
                          name, (int)(length > 60 ? 60 : length), text);
    }
    uint32_t k = leati_map_get(&m->classes, text, length);
    if (k != LEATI_MAP_NONE) {
        *out = k;
        return LEAT_OK;
    }
    LEATI_FAIL(c, LEAT_TYPE, "row %zu, column '%s': '%.*s' is no class of the model", row + 1, name,
               (int)(length > 60 ? 60 : length), text);
    return leati_monitor_name_classes(c, m);
}

/* --- later ones ------------------------------------------------------------------------------- */

void leati_later_init(leat_context *c, leati_later *l)
{
    *l = (leati_later){.twice = SIZE_MAX};
    leati_map_init(&l->ids, c);
    leati_map_init(&l->rows, c);
}

void leati_later_fini(leati_later *l)
{
    leati_map_fini(&l->ids);
    leati_map_fini(&l->rows);
    leati_free(l->id);
    leati_free(l->of_id);
    leati_free(l->of_row);
}

/* The whole number from 0 of a cell; -1 where it is none. */
static double row_number(const leati_column *col, size_t i)
{
    char space[LEATI_NUM_SIZE];
    size_t length;
    double x;
    if (!col || col->type == LEAT_ARRAY || !leati_valid(col, i)) return -1;
    const char *text = leati_cell_text(col, i, space, &length);
    bool whole = leati_num_parse(text, length, &x) && x >= 0 && x < 1e15 && x == floor(x);
    return whole ? x : -1;
}

/* The column `row` of the answers, where it has a whole number for each id. */
static const leati_column *rows_of_answers(const leat_frame *f, const leati_column *ids)
{
    size_t at;
    if (!leat_frame_find(f, "row", &at) || f->column[at] == ids) return NULL;
    for (size_t i = 0; i < f->rows; i++)
        if (leati_valid(ids, i) && row_number(f->column[at], i) < 0) return NULL;
    return f->column[at];
}

/* What a label is found by: the number of the row in its request, and the id. */
static leat_status write_key(leati_str *key, double row, const char *id, size_t length)
{
    leati_str_clear(key);
    leati_str_addf(key, "%.0f ", row);
    leati_str_addn(key, id, length);
    return leati_str_status(key);
}

static leat_status says_twice(leat_context *c, const leati_later *l, size_t row, const char *text,
                              size_t length)
{
    return LEATI_FAIL(c, LEAT_INVALID, "row %zu, column '%s': '%.*s' stands twice", row + 1, l->id,
                      (int)(length > SHOWN ? SHOWN : length), text);
}

static leat_status add_row_label(leat_context *c, leati_later *l, leati_str *key, double row,
                                 double label)
{
    size_t before = l->rows.count;
    if (leati_map_put(&l->rows, leati_str_text(key), key->length) == LEATI_MAP_NONE)
        return leat_error_status(c);
    const char *id = strchr(leati_str_text(key), ' ') + 1;
    LEATI_CHECK(c, l->rows.count > before, LEAT_INVALID, "row %.0f of '%.*s' stands twice", row,
                SHOWN, id);
    l->of_row[before] = label;
    return LEAT_OK;
}

static leat_status add_labels(leat_context *c, const leat_monitor *m, leati_later *l,
                              const leat_frame *f, size_t at, size_t labels)
{
    char space[LEATI_NUM_SIZE];
    const leati_column *ids = f->column[at], *rows = rows_of_answers(f, ids);
    leati_str key;
    leat_status st = LEAT_OK;
    leati_str_init(&key, c);
    l->by_row = rows != NULL;
    for (size_t i = 0; i < f->rows && st == LEAT_OK; i++) {
        size_t length, before = l->ids.count;
        double label;
        if (!leati_valid(ids, i)) continue;
        const char *text = leati_cell_text(ids, i, space, &length);
        LEATI_GO(leati_monitor_label(c, m, f->column[labels], f->name[labels], i, &label));
        uint32_t k = leati_map_put(&l->ids, text, length);
        if (k == LEATI_MAP_NONE) st = leat_error_status(c);
        else if (l->ids.count > before) l->of_id[before] = label;
        else if (!rows) st = says_twice(c, l, i, text, length);
        else if (l->twice == SIZE_MAX) l->twice = i, l->twice_id = k;
        if (st != LEAT_OK || !rows) continue;
        double row = row_number(rows, i);
        LEATI_GO(write_key(&key, row, text, length));
        st = add_row_label(c, l, &key, row, label);
    }
out:
    leati_str_fini(&key);
    return st;
}

leat_status leat_monitor_answers(leat_context *c, leat_monitor *m, const leat_frame *answers,
                                 const char *id)
{
    LEATI_CHECK(c, !m->told, LEAT_INVALID,
                "this monitor tells what another one said; it takes no labels");
    const char *label = m->options.labels ? m->options.labels : m->model->schema.target;
    size_t at, labels;
    leati_later l;
    LEATI_TRY(leat_frame_require(c, answers, id, &at));
    LEATI_TRY(leat_frame_require(c, answers, label, &labels));
    LEATI_CHECK(c, answers->column[at]->type != LEAT_ARRAY, LEAT_TYPE,
                "column '%s': arrays cannot be ids", id);
    leati_later_init(c, &l);
    l.id = leati_strdup(c, id);
    l.of_id = leati_array(c, answers->rows, sizeof *l.of_id);
    l.of_row = leati_array(c, answers->rows, sizeof *l.of_row);
    leat_status st = l.id && l.of_id && l.of_row ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) st = add_labels(c, m, &l, answers, at, labels);
    if (st != LEAT_OK) {
        leati_later_fini(&l);
        return st;
    }
    leati_later_fini(&m->later);
    m->later = l;
    return LEAT_OK;
}

/* --- joining ---------------------------------------------------------------------------------- */

/* Under its own name, or that of a prediction log. */
static bool find_id(const leat_frame *f, const char *id, size_t *at, bool *logged)
{
    *logged = false;
    if (leat_frame_find(f, id, at)) return true;
    *logged = true;
    for (*at = 0; *at < f->columns; ++*at)
        if (strncmp(f->name[*at], "log.", 4) == 0 && strcmp(f->name[*at] + 4, id) == 0) return true;
    return false;
}

static leat_status join_rows(const leati_later *l, leati_str *key, const leati_column *ids,
                             const leati_column *rows, double *truth)
{
    char space[LEATI_NUM_SIZE];
    for (size_t i = 0; i < ids->rows; i++) {
        size_t length;
        double row = row_number(rows, i);
        if (row < 0 || !leati_valid(ids, i)) continue;
        const char *text = leati_cell_text(ids, i, space, &length);
        LEATI_TRY(write_key(key, row, text, length));
        uint32_t k = leati_map_get(&l->rows, leati_str_text(key), key->length);
        if (k != LEATI_MAP_NONE) truth[i] = l->of_row[k];
    }
    return LEAT_OK;
}

static uint32_t find_label(const leati_later *l, const leati_column *ids, size_t i)
{
    char space[LEATI_NUM_SIZE];
    size_t length;
    if (!leati_valid(ids, i)) return LEATI_MAP_NONE;
    const char *text = leati_cell_text(ids, i, space, &length);
    return leati_map_get(&l->ids, text, length);
}

static leat_status says_several(leat_context *c, const leati_later *l, const leati_column *ids,
                                uint32_t id)
{
    size_t length, count = 0;
    const char *text = leati_map_key(&l->ids, id, &length);
    for (size_t i = 0; i < ids->rows; i++) count += find_label(l, ids, i) == id;
    LEATI_FAIL(
        c, LEAT_INVALID,
        "column '%s': '%.*s' has %zu rows in the log, and a label that does not say of which "
        "it is",
        l->id, (int)(length > SHOWN ? SHOWN : length), text, count);
    return leati_error_hint(c,
                            "give the table of labels a column 'row' beside '%s': the number of "
                            "the row in its request, from 0, as the log has it",
                            l->id);
}

/* rows: those of a log, which must then be one for each label; else NULL. A line that came twice,
 * of a request that was sent again, is the same row. */
static leat_status join_ids(leat_context *c, const leati_later *l, const leati_column *ids,
                            bool logged, const leati_column *rows, double *truth)
{
    double *seen = leati_array(c, l->ids.count + 1, sizeof *seen);
    leat_status st = seen ? LEAT_OK : leat_error_status(c);
    for (size_t k = 0; k < l->ids.count && st == LEAT_OK; k++) seen[k] = nan_;
    for (size_t i = 0; i < ids->rows && st == LEAT_OK; i++) {
        uint32_t k = find_label(l, ids, i);
        if (k == LEATI_MAP_NONE) continue;
        truth[i] = l->of_id[k];
        if (!logged || isnan(truth[i])) continue;
        double row = row_number(rows, i);
        if (!isnan(seen[k]) && (row < 0 || row != seen[k])) st = says_several(c, l, ids, k);
        seen[k] = row;
    }
    leati_free(seen);
    return st;
}

leat_status leati_later_join(leat_context *c, const leati_later *l, const leat_frame *f,
                             double *truth)
{
    size_t at, row;
    bool logged;
    if (!find_id(f, l->id, &at, &logged)) return leat_frame_require(c, f, l->id, &at);
    const leati_column *ids = f->column[at];
    const leati_column *rows =
        logged && leat_frame_find(f, "log.row", &row) ? f->column[row] : NULL;
    for (size_t i = 0; i < f->rows; i++) truth[i] = nan_;
    if (ids->type == LEAT_ARRAY) return LEAT_OK;
    if (l->by_row && rows) {
        leati_str key;
        leati_str_init(&key, c);
        leat_status st = join_rows(l, &key, ids, rows, truth);
        leati_str_fini(&key);
        return st;
    }
    if (l->twice != SIZE_MAX) {
        size_t length;
        const char *text = leati_map_key(&l->ids, l->twice_id, &length);
        says_twice(c, l, l->twice, text, length);
        return leati_error_hint(c, "the data has no column 'log.row' that says of which row each "
                                   "label is");
    }
    return join_ids(c, l, ids, logged, rows, truth);
}
