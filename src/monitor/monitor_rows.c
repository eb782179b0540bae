/* Owns: from tables to windows: prediction, groups, cutting by rows and time. Labels are
 * monitor_labels.c's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "learn/conform.h"
#include "monitor/monitor.h"

static const double nan_ = (double)NAN;

/* --- a table ---------------------------------------------------------------------------------- */

/* What is known of the rows of one table. */
typedef struct rows {
    const leat_frame *frame; /* as given */
    leat_frame *conformed;
    leati_predictions said;
    double *truth; /* (rows) NaN where not known, or NULL */
    const leati_column *group, *time;
    leati_cell *cells;            /* (inputs) of one row */
    const leati_column **columns; /* (inputs) */
} rows;

static void rows_fini(rows *r)
{
    leat_frame_release(r->conformed);
    leati_free(r->said.value);
    leati_free(r->said.proba);
    leati_free(r->truth);
    leati_free(r->cells);
    leati_free((void *)r->columns);
}

static leat_status predict(leat_context *c, const leat_monitor *m, rows *r)
{
    size_t n = r->conformed->rows;
    leat_status st = LEAT_OK;
    uint32_t *order = leati_array(c, n, sizeof *order);
    r->said.value = leati_array(c, n, sizeof *r->said.value);
    if (leat_model_has_probabilities(m->model))
        r->said.proba = LEATI_NEW(c, double, n * m->norm.classes);
    if (!order || !r->said.value || (leat_model_has_probabilities(m->model) && !r->said.proba))
        st = leat_error_status(c);
    for (size_t i = 0; i < n && st == LEAT_OK; i++) order[i] = (uint32_t)i;
    if (st == LEAT_OK && n > 0)
        st = leati_pipeline_predict(c, &m->model->pipeline, r->conformed, order, n, &r->said);
    leati_free(order);
    return st;
}

static leat_status labels_of_column(leat_context *c, const leat_monitor *m, rows *r, size_t at)
{
    for (size_t i = 0; i < r->frame->rows; i++)
        LEATI_TRY(
            leati_monitor_label(c, m, r->frame->column[at], r->frame->name[at], i, &r->truth[i]));
    return LEAT_OK;
}

/* The labels: of answers that came later, else of a column of the table itself. */
static leat_status find_labels(leat_context *c, const leat_monitor *m, rows *r)
{
    const leat_monitor_options *o = &m->options;
    size_t at;
    bool joined = m->later.id != NULL;
    if (!joined && o->labels) LEATI_TRY(leat_frame_require(c, r->frame, o->labels, &at));
    if (!joined && !o->labels && !leat_frame_find(r->frame, m->model->schema.target, &at))
        return LEAT_OK;
    r->truth = leati_array(c, r->frame->rows, sizeof *r->truth);
    if (!r->truth) return leat_error_status(c);
    return joined ? leati_later_join(c, &m->later, r->frame, r->truth)
                  : labels_of_column(c, m, r, at);
}

static leat_status find_column(leat_context *c, const leat_frame *f, const char *name,
                               const leati_column **out)
{
    size_t at;
    LEATI_TRY(leat_frame_require(c, f, name, &at));
    *out = f->column[at];
    LEATI_CHECK(c, (*out)->type != LEAT_ARRAY, LEAT_TYPE, "column '%s' holds arrays", name);
    return LEAT_OK;
}

/* The column of times: the one named, or the only one of that type. */
static leat_status find_time(leat_context *c, const leat_monitor *m, rows *r)
{
    size_t found = 0;
    if (m->options.time) {
        LEATI_TRY(find_column(c, r->frame, m->options.time, &r->time));
        LEATI_CHECK(c, r->time->type != LEAT_STRING && r->time->type != LEAT_BOOL, LEAT_TYPE,
                    "column '%s' holds no times but %s", m->options.time,
                    leat_type_name(r->time->type));
        return LEAT_OK;
    }
    for (size_t i = 0; i < r->frame->columns; i++) {
        if (r->frame->column[i]->type != LEAT_TIME) continue;
        r->time = r->frame->column[i];
        found++;
    }
    if (found != 1) r->time = NULL;
    LEATI_CHECK(c, r->time || !(m->options.every_seconds > 0), LEAT_INVALID,
                "windows of time need a column of times, and the data has %s; name one",
                found ? "several" : "none");
    return LEAT_OK;
}

static leat_status rows_make(leat_context *c, const leat_monitor *m, rows *r, const leat_frame *f)
{
    *r = (rows){.frame = f};
    LEATI_CHECK(c, f->rows < UINT32_MAX, LEAT_LIMIT, "more than 4,294,967,294 rows");
    LEATI_TRY(leati_conform(c, &r->conformed, &m->model->schema, f));
    LEATI_TRY(find_labels(c, m, r));
    if (m->options.group) LEATI_TRY(find_column(c, f, m->options.group, &r->group));
    LEATI_TRY(find_time(c, m, r));
    r->cells = LEATI_NEW(c, leati_cell, m->norm.inputs + 1);
    r->columns = LEATI_NEW(c, const leati_column *, m->norm.inputs + 1);
    if (!r->cells || !r->columns) return leat_error_status(c);
    for (size_t i = 0; i < m->norm.inputs; i++) {
        size_t at;
        LEATI_TRY(leat_frame_require(c, r->conformed, m->norm.feature[i].name, &at));
        r->columns[i] = r->conformed->column[at];
    }
    return predict(c, m, r);
}

static void add_row(const leat_monitor *m, leati_counters *w, rows *r, size_t i)
{
    const double *proba = r->said.proba ? r->said.proba + i * m->norm.classes : NULL;
    double value = r->said.value[i], truth = r->truth ? r->truth[i] : nan_;
    for (size_t k = 0; k < m->norm.inputs; k++) r->cells[k] = leati_cell_of(r->columns[k], i);
    leati_counters_add_row(w, r->cells);
    leati_counters_add_prediction(w, value, proba);
    if (!isnan(truth)) leati_counters_add_truth(w, value, proba, truth);
    if (!r->group) return;
    if (!leati_valid(r->group, i)) {
        w->groupless++;
        return;
    }
    char space[LEATI_NUM_SIZE];
    size_t length;
    const char *name = leati_cell_text(r->group, i, space, &length);
    leati_counters_add_group(w, name, length, value, truth);
}

/* --- cutting ---------------------------------------------------------------------------------- */

/* Seconds since 1970; NaN where missing. Columns of numbers hold such seconds. */
static double time_of(const leati_column *col, size_t row)
{
    if (!col || !leati_valid(col, row)) return nan_;
    if (col->type == LEAT_TIME) return (double)col->i64[row] / 1e6;
    return col->type == LEAT_I64 ? (double)col->i64[row] : col->f64[row];
}

/* The rows numbered in `order` from..to as one window. */
static leat_status push(leat_context *c, leat_monitor *m, leati_counters *w, rows *r,
                        const uint32_t *order, size_t from, size_t to, const char *name)
{
    double first = nan_, last = nan_;
    leati_counters_reset(w);
    for (size_t i = from; i < to; i++) {
        double t = time_of(r->time, order[i]);
        first = fmin(first, t); /* fmin and fmax pass over NaN */
        last = fmax(last, t);
        add_row(m, w, r, order[i]);
    }
    return leati_monitor_push(c, m, w, name, first, last);
}

static leat_status cut_by_rows(leat_context *c, leat_monitor *m, leati_counters *w, rows *r,
                               const uint32_t *order, const char *name)
{
    size_t n = r->frame->rows, step = m->options.every_rows;
    for (size_t from = 0; from < n; from += step) {
        char text[600], first[LEATI_NUM_SIZE], last[LEATI_NUM_SIZE];
        size_t to = n - from < step ? n : from + step;
        leati_num_grouped((int64_t)from + 1, first);
        leati_num_grouped((int64_t)to, last);
        snprintf(text, sizeof text, "%.400s%srows %s-%s", name, *name ? " " : "", first, last);
        LEATI_TRY(push(c, m, w, r, order, from, to, text));
    }
    return LEAT_OK;
}

typedef struct moment {
    double slot; /* number of the stretch of time */
    uint32_t row;
} moment;

static int earlier(const void *a, const void *b)
{
    const moment *x = a, *y = b;
    if (x->slot != y->slot) return x->slot < y->slot ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* "2026-11-21 10:00", with seconds or without the hour as the length of windows asks for. */
static void slot_name(double slot, double step, char *out, size_t size)
{
    const char *form = step < 60 ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M";
    double seconds = slot * step;
    struct tm utc;
    time_t t = (time_t)seconds;
    if (fmod(step, 86400) == 0) form = "%Y-%m-%d";
    if (!(fabs(seconds) < 1e12) || !gmtime_r(&t, &utc) || !strftime(out, size, form, &utc))
        snprintf(out, size, "%.17g s", seconds);
}

static leat_status cut_by_time(leat_context *c, leat_monitor *m, leati_counters *w, rows *r,
                               uint32_t *order)
{
    size_t n = r->frame->rows;
    double step = m->options.every_seconds;
    leat_status st = LEAT_OK;
    moment *at = leati_array(c, n, sizeof *at);
    if (!at) return leat_error_status(c);
    for (size_t i = 0; i < n && st == LEAT_OK; i++) {
        at[i] = (moment){floor(time_of(r->time, i) / step), (uint32_t)i};
        if (!isfinite(at[i].slot))
            st = LEATI_FAIL(c, LEAT_INVALID, "row %zu has no time, so it is of no window", i + 1);
    }
    if (st == LEAT_OK) qsort(at, n, sizeof *at, earlier);
    for (size_t i = 0; i < n; i++) order[i] = at[i].row;
    for (size_t from = 0, to; from < n && st == LEAT_OK; from = to) {
        char text[64];
        for (to = from; to < n && at[to].slot == at[from].slot;) to++;
        slot_name(at[from].slot, step, text, sizeof text);
        st = push(c, m, w, r, order, from, to, text);
    }
    leati_free(at);
    return st;
}

leat_status leat_monitor_add(leat_context *c, leat_monitor *m, const leat_frame *f,
                             const char *name)
{
    const leat_monitor_options *o = &m->options;
    size_t before = m->count;
    leati_counters w = {0};
    rows r;
    uint32_t *order = NULL;
    leat_status st;
    name = name ? name : "";
    LEATI_CHECK(c, !m->told, LEAT_INVALID,
                "this monitor tells what another one said; it takes no windows");
    LEATI_GO(rows_make(c, m, &r, f));
    LEATI_GO(leati_counters_create(c, &w, &m->norm));
    w.positive = m->positive;
    order = leati_array(c, f->rows, sizeof *order);
    st = order ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; i < f->rows && st == LEAT_OK; i++) order[i] = (uint32_t)i;
    if (st == LEAT_OK) {
        if (o->every_rows && f->rows) st = cut_by_rows(c, m, &w, &r, order, name);
        else if (o->every_seconds > 0 && f->rows) st = cut_by_time(c, m, &w, &r, order);
        else st = push(c, m, &w, &r, order, 0, f->rows, name);
    }
    if (st == LEAT_OK) st = leati_monitor_conclude(c, m);
out:
    if (st != LEAT_OK) leati_monitor_cut(m, before);
    leati_counters_destroy(&w);
    rows_fini(&r);
    leati_free(order);
    return st;
}
