/* Owns: counters by worker, and when they become a window. */
#include "monitor/live.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "monitor/monitor.h"
#include "monitor/window_bytes.h"

/* Of one worker; a cache line between two. */
typedef struct desk {
    _Alignas(64) pthread_mutex_t lock;
    leati_counters counters;
    leati_cell *cells;  /* (inputs of the model) */
    leati_cell *picked; /* (inputs of the norm) */
    bool ready;         /* the lock exists */
} desk;

struct leati_live {
    atomic_uint owners;
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
    atomic_init(&live->owners, 1);
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

leati_live *leati_live_retain(leati_live *live)
{
    atomic_fetch_add(&live->owners, 1);
    return live;
}

void leati_live_destroy(leati_live *live)
{
    if (!live || atomic_fetch_sub(&live->owners, 1) > 1) return;
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

/* word: a number at the head of the counters. */
static uint64_t waiting(leati_live *live, size_t word)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < live->options.workers; i++) {
        desk *d = &live->desks[i];
        pthread_mutex_lock(&d->lock);
        sum += d->counters.word[word];
        pthread_mutex_unlock(&d->lock);
    }
    return sum;
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
    if (force || (due && waiting(live, LEATI_COUNTERS_ROWS) >= live->options.least)) {
        st = close_window(c, live, now);
        live->since = now;
        if (closed) *closed = st == LEAT_OK;
    }
    pthread_mutex_unlock(&live->lock);
    return st;
}

/* --- over a restart --------------------------------------------------------------------------- */

typedef struct kept_head {
    char what[16], version[32], owner[208];
    uint64_t part, windows;
    double since;
} kept_head;

enum { DIGEST = 32 };

static bool make_head(kept_head *h, leati_live_part part, const char *owner)
{
    memset(h, 0, sizeof *h); /* no bytes between members, but texts leave some behind them */
    memcpy(h->what, "leat windows 1", 14);
    snprintf(h->version, sizeof h->version, "%s", leat_version());
    h->part = part;
    return (size_t)snprintf(h->owner, sizeof h->owner, "%s", owner) < sizeof h->owner;
}

static void digest(const void *data, size_t size, uint8_t out[DIGEST])
{
    leati_sha256 h;
    leati_sha256_init(&h);
    leati_sha256_add(&h, data, size);
    leati_sha256_end(&h, out);
}

/* The open window, which goes on. */
static void sum_up(leati_live *live)
{
    leati_counters_reset(&live->sum);
    for (uint32_t i = 0; i < live->options.workers; i++) {
        desk *d = &live->desks[i];
        pthread_mutex_lock(&d->lock);
        leati_counters_merge(&live->sum, &d->counters);
        pthread_mutex_unlock(&d->lock);
    }
}

static char *put_closed(char *to, const leat_monitor *m)
{
    for (size_t i = 0; i < m->count; i++) {
        leati_window_head head = {.from = m->at[i].from, .to = m->at[i].to};
        snprintf(head.name, sizeof head.name, "%s", m->at[i].name);
        to = leati_window_put(to, &head, &m->at[i].window);
    }
    return to;
}

static size_t size_of_part(const leati_live *live, leati_live_part part)
{
    size_t size = sizeof(kept_head) + DIGEST;
    const leat_monitor *m = live->monitor;
    if (part == LEATI_LIVE_OPEN) return size + leati_window_size(&live->sum);
    for (size_t i = 0; i < m->count; i++) size += leati_window_size(&m->at[i].window);
    return size;
}

void *leati_live_keep(const leat_context *c, leati_live *live, leati_live_part part,
                      const char *owner, size_t *size)
{
    kept_head h;
    if (!make_head(&h, part, owner)) return NULL;
    pthread_mutex_lock(&live->lock);
    if (part == LEATI_LIVE_OPEN) sum_up(live);
    *size = size_of_part(live, part);
    char *data = leati_alloc_quiet(c, *size), *to = data;
    if (data) {
        h.since = live->since;
        h.windows = part == LEATI_LIVE_OPEN ? 1 : live->monitor->count;
        memcpy(to, &h, sizeof h);
        to += sizeof h;
        leati_window_head open = {.from = live->since, .to = (double)NAN};
        if (part == LEATI_LIVE_OPEN) to = leati_window_put(to, &open, &live->sum);
        else to = put_closed(to, live->monitor);
        digest(data, (size_t)(to - data), (uint8_t *)to);
    }
    pthread_mutex_unlock(&live->lock);
    return data;
}

static leat_status take_window(leat_context *c, leati_live *live, leati_live_part part,
                               const leati_window_head *w)
{
    if (part == LEATI_LIVE_CLOSED)
        return leati_monitor_push(c, live->monitor, &live->sum, w->name, w->from, w->to);
    desk *d = &live->desks[0];
    pthread_mutex_lock(&d->lock);
    leati_counters_merge(&d->counters, &live->sum);
    pthread_mutex_unlock(&d->lock);
    if (!isnan(w->from)) live->since = w->from;
    return LEAT_OK;
}

/* All windows are read before the first is taken. */
static leat_status take_windows(leat_context *c, leati_live *live, const kept_head *h,
                                const char *at, const char *end)
{
    const char *first = at;
    for (int pass = 0; pass < 2; pass++) {
        at = first;
        for (uint64_t i = 0; i < h->windows; i++) {
            leati_window_head w;
            LEATI_CHECK(c, leati_window_take(&at, end, &w, &live->sum), LEAT_FORMAT,
                        "window %llu is damaged", (unsigned long long)i + 1);
            if (pass) LEATI_TRY(take_window(c, live, (leati_live_part)h->part, &w));
        }
        LEATI_CHECK(c, at == end, LEAT_FORMAT, "there is more than %llu windows",
                    (unsigned long long)h->windows);
    }
    leati_monitor_forget(live->monitor, live->options.most);
    return leati_monitor_conclude(c, live->monitor);
}

leat_status leati_live_recall(leat_context *c, leati_live *live, leati_live_part part,
                              const char *owner, const void *data, size_t size)
{
    kept_head want, h;
    uint8_t sum[DIGEST];
    LEATI_CHECK(c, make_head(&want, part, owner) && size >= sizeof h + DIGEST, LEAT_FORMAT,
                "these are no kept windows");
    memcpy(&h, data, sizeof h);
    LEATI_CHECK(c, memcmp(&want, &h, offsetof(kept_head, windows)) == 0, LEAT_FORMAT,
                "these windows are of another model or another version of Leat");
    digest(data, size - DIGEST, sum);
    const char *at = data, *end = at + size - DIGEST;
    LEATI_CHECK(c, memcmp(sum, end, DIGEST) == 0, LEAT_FORMAT, "the kept windows are damaged");
    pthread_mutex_lock(&live->lock);
    leat_status st = take_windows(c, live, &h, at + sizeof h, end);
    pthread_mutex_unlock(&live->lock);
    return st;
}

/* --- what there is to see --------------------------------------------------------------------- */

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
    leati_live_open open = {.rows = waiting(live, LEATI_COUNTERS_ROWS),
                            .labels = waiting(live, LEATI_COUNTERS_LABELLED),
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
