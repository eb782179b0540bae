/* Owns: counters by worker, and when they become a window. */
#include "monitor/live.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "monitor/monitor.h"

/* Of one worker; a cache line between two. */
typedef struct desk {
    _Alignas(64) pthread_mutex_t lock;
    leati_counters counters;
    leati_cell *cells;  /* (inputs of the model) */
    leati_cell *picked; /* (inputs of the norm) */
    bool ready;         /* the lock exists */
} desk;

struct leati_live {
    leati_live_options options;
    leat_model *model;
    leat_monitor *monitor; /* under `lock` */
    leati_counters sum;    /* of all workers, while a window is closed; under `lock` */
    size_t *pick;          /* (inputs of the norm): numbers among the model's inputs */
    size_t inputs;
    double since; /* when the open window began; NaN: at the first look at the clock */
    pthread_mutex_t lock;
    desk *desks; /* (workers) */
};

leati_live_options leati_live_options_default(void)
{
    return (leati_live_options){.workers = 1,
                                .seconds = 3600,
                                .least = 1000,
                                .most = 200,
                                .monitor = leat_monitor_options_default()};
}

static leat_status desk_init(leat_context *c, desk *d, const leati_live *live)
{
    const leati_norm *n = &live->monitor->norm;
    if (pthread_mutex_init(&d->lock, NULL) != 0)
        return LEATI_FAIL(c, LEAT_NOMEM, "no memory for a lock");
    d->ready = true;
    LEATI_TRY(leati_counters_create(c, &d->counters, n));
    d->counters.positive = live->monitor->positive;
    d->cells = LEATI_NEW(c, leati_cell, live->model->input_count + 1);
    d->picked = LEATI_NEW(c, leati_cell, n->inputs + 1);
    if (!d->cells || !d->picked) return leat_error_status(c);
    for (size_t i = 0; i < live->model->input_count; i++) d->cells[i].missing = true;
    return LEAT_OK;
}

/* Which of the model's inputs the norm watches. */
static void pick_inputs(leati_live *live)
{
    const leati_norm *n = &live->monitor->norm;
    live->inputs = n->inputs;
    for (size_t i = 0; i < n->inputs; i++)
        for (size_t k = 0; k < live->model->input_count; k++)
            if (live->model->inputs[k] == n->column[i]) live->pick[i] = k;
}

leat_status leati_live_create(leat_context *c, leati_live **out, leat_model *model,
                              const leati_live_options *options)
{
    leat_status st;
    *out = NULL;
    leati_live *live = LEATI_NEW(c, leati_live, 1);
    if (!live) return leat_error_status(c);
    if (pthread_mutex_init(&live->lock, NULL) != 0) {
        leati_free(live);
        return LEATI_FAIL(c, LEAT_NOMEM, "no memory for a lock");
    }
    live->options = *options;
    live->options.monitor = leat_monitor_options_default(); /* its texts are the monitor's */
    if (!(options->seconds > 0)) live->options.seconds = 3600;
    if (!options->least) live->options.least = 1000;
    if (!options->most) live->options.most = 200;
    live->since = (double)NAN;
    live->model = leat_model_retain(model);
    LEATI_GO(leat_monitor_create(c, &live->monitor, model, &options->monitor));
    LEATI_GO(leati_counters_create(c, &live->sum, &live->monitor->norm));
    live->pick = LEATI_NEW(c, size_t, live->monitor->norm.inputs + 1);
    /* Some more, so that the block is large enough to be aligned to 64 bytes (base/mem.h). */
    live->desks = LEATI_NEW(c, desk, (size_t)options->workers + 512 / sizeof(desk) + 1);
    st = live->pick && live->desks ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) pick_inputs(live);
    for (uint32_t i = 0; i < options->workers && st == LEAT_OK; i++)
        st = desk_init(c, &live->desks[i], live);
    if (st == LEAT_OK) *out = live;
out:
    if (st != LEAT_OK) leati_live_destroy(live);
    return st;
}

void leati_live_destroy(leati_live *live)
{
    if (!live) return;
    for (uint32_t i = 0; live->desks && i < live->options.workers; i++) {
        desk *d = &live->desks[i];
        leati_counters_destroy(&d->counters);
        leati_free(d->cells);
        leati_free(d->picked);
        if (d->ready) pthread_mutex_destroy(&d->lock);
    }
    leati_counters_destroy(&live->sum);
    leati_free(live->desks);
    leati_free(live->pick);
    leat_monitor_destroy(live->monitor);
    leat_model_release(live->model);
    pthread_mutex_destroy(&live->lock);
    leati_free(live);
}

/* --- a worker --------------------------------------------------------------------------------- */

void leati_live_begin(leati_live *live, uint32_t worker)
{
    pthread_mutex_lock(&live->desks[worker].lock);
}

void leati_live_end(leati_live *live, uint32_t worker)
{
    pthread_mutex_unlock(&live->desks[worker].lock);
}

leati_cell *leati_live_cells(leati_live *live, uint32_t worker)
{
    return live->desks[worker].cells;
}

void leati_live_row(leati_live *live, uint32_t worker)
{
    desk *d = &live->desks[worker];
    for (size_t i = 0; i < live->inputs; i++) d->picked[i] = d->cells[live->pick[i]];
    leati_counters_add_row(&d->counters, d->picked);
}

void leati_live_numbers(leati_live *live, uint32_t worker, size_t count, leati_live_fetch fetch,
                        const void *user)
{
    leati_counters *w = &live->desks[worker].counters;
    double values[LEATI_LIVE_ROWS];
    leati_counters_add_rows(w, count);
    for (size_t i = 0; i < live->inputs; i++) {
        fetch(user, live->pick[i], values);
        leati_counters_add_numbers(w, i, values, count);
    }
}

void leati_live_answer(leati_live *live, uint32_t worker, double value, const double *proba)
{
    leati_counters_add_prediction(&live->desks[worker].counters, value, proba);
}

void leati_live_truth(leati_live *live, uint32_t worker, double value, const double *proba,
                      double truth)
{
    leati_counters_add_truth(&live->desks[worker].counters, value, proba, truth);
}

void leati_live_group(leati_live *live, uint32_t worker, const char *name, size_t length,
                      double value, double truth)
{
    leati_counters_add_group(&live->desks[worker].counters, name, length, value, truth);
}

/* --- windows ---------------------------------------------------------------------------------- */

static uint64_t rows_waiting(leati_live *live)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < live->options.workers; i++) {
        desk *d = &live->desks[i];
        pthread_mutex_lock(&d->lock);
        rows += d->counters.word[LEATI_COUNTERS_ROWS];
        pthread_mutex_unlock(&d->lock);
    }
    return rows;
}

static void gather(leati_live *live)
{
    leati_counters_reset(&live->sum);
    for (uint32_t i = 0; i < live->options.workers; i++) {
        desk *d = &live->desks[i];
        pthread_mutex_lock(&d->lock);
        leati_counters_merge(&live->sum, &d->counters);
        leati_counters_reset(&d->counters);
        pthread_mutex_unlock(&d->lock);
    }
}

static leat_status close_window(leat_context *c, leati_live *live, double now)
{
    char name[64] = "";
    struct tm utc;
    time_t began = fabs(live->since) < 1e12 ? (time_t)live->since : 0;
    if (!gmtime_r(&began, &utc) || !strftime(name, sizeof name, "%Y-%m-%d %H:%M", &utc))
        snprintf(name, sizeof name, "%.0f", live->since);
    leati_monitor_forget(live->monitor, live->options.most - 1);
    gather(live);
    leat_status st = leati_monitor_push(c, live->monitor, &live->sum, name, live->since, now);
    if (st == LEAT_OK) st = leati_monitor_conclude(c, live->monitor);
    return st;
}

leat_status leati_live_roll(leat_context *c, leati_live *live, double now, bool force, bool *closed)
{
    leat_status st = LEAT_OK;
    if (closed) *closed = false;
    pthread_mutex_lock(&live->lock);
    /* A clock that was set back begins the window anew, not after all the time it was ahead. */
    if (isnan(live->since) || now < live->since) live->since = now;
    bool due = now - live->since >= live->options.seconds;
    if (force || (due && rows_waiting(live) >= live->options.least)) {
        st = close_window(c, live, now);
        live->since = now;
        if (closed) *closed = st == LEAT_OK;
    }
    pthread_mutex_unlock(&live->lock);
    return st;
}

leat_staleness leati_live_state(leati_live *live, leati_str *verdict)
{
    pthread_mutex_lock(&live->lock);
    leat_staleness state = leat_monitor_state(live->monitor);
    if (verdict) leati_str_add(verdict, leat_monitor_verdict(live->monitor));
    pthread_mutex_unlock(&live->lock);
    return state;
}

leati_live_open leati_live_look(leati_live *live)
{
    pthread_mutex_lock(&live->lock);
    leati_live_open open = {.rows = rows_waiting(live),
                            .since = live->since,
                            .windows = leat_monitor_windows(live->monitor)};
    pthread_mutex_unlock(&live->lock);
    return open;
}

void leati_live_samples(leati_live *live, size_t family, const char *model, const char *version,
                        leati_str *out)
{
    pthread_mutex_lock(&live->lock);
    leati_monitor_samples(live->monitor, family, model, version, out);
    pthread_mutex_unlock(&live->lock);
}

void leati_live_json(leati_live *live, leat_json *json, const char *key, size_t most)
{
    pthread_mutex_lock(&live->lock);
    leati_monitor_json(live->monitor, json, key, most);
    pthread_mutex_unlock(&live->lock);
}

leat_status leati_live_page(leat_context *c, leati_live *live, leati_str *out)
{
    pthread_mutex_lock(&live->lock);
    leat_status st = leati_monitor_html(c, live->monitor, out);
    pthread_mutex_unlock(&live->lock);
    return st;
}
