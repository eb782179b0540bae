/* Owns: the life of the watch and of what is kept for each version; its thread. Not: what is
 * counted while requests are answered (watch_hooks.c), nor how it is told (metrics.c). */
#include "serve/watch.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "serve/prediction_lines.h"
#include "serve/served.h"

enum {
    LOOK_MS = 100,
    ROLL_ROUNDS = 10,     /* windows are looked at once in so many rounds */
    RING_BYTES = 1 << 20, /* a log, a thread */
    INPUTS_WHOLE = 128    /* of models with more inputs not every row is compared */
};

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the thread -------------------------------------------------------------------------------
 */

static void tell_state(leati_watch *w, leati_watched *d)
{
    leati_str verdict, line;
    leati_str_init(&verdict, w->context);
    leati_str_init(&line, w->context);
    leat_staleness state = leati_live_state(d->live, &verdict);
    bool worse = state > d->said && state >= LEAT_MONITOR_WATCH;
    d->said = state;
    if (worse && w->options.say.say) {
        leati_str_addf(&line, "model %s, version %u: %s", d->served->name, d->served->version,
                       leati_str_text(&verdict));
        w->options.say.say(w->options.say.user, leati_str_text(&line));
    }
    leati_str_fini(&line);
    leati_str_fini(&verdict);
    leat_error_clear(w->context);
}

/* Under the lock of the list. */
static void roll(leati_watch *w)
{
    double now = seconds_now();
    for (leati_watched *d = w->first; d; d = d->next) {
        bool closed = false;
        if (!d->live) continue;
        /* What cannot be judged for want of memory is lost; the next window is judged again. */
        (void)leati_live_roll(w->context, d->live, now, false, &closed);
        leat_error_clear(w->context);
        if (closed) tell_state(w, d);
        if (closed && !d->newer) leati_watched_keep(d, LEATI_LIVE_CLOSED);
        if (closed) d->kept = 0;
        if (!d->newer) leati_watched_keep_now_and_then(d, now);
    }
}

static void *run_thread(void *user)
{
    leati_watch *w = user;
    double seconds = w->options.window_seconds;
    unsigned every = seconds > 0 && seconds < 10 ? 1 : ROLL_ROUNDS;
    pthread_mutex_lock(&w->lock);
    for (unsigned round = 1; !w->stop; round++) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&w->wake, &w->lock, &until);
        if (round % every == 0) roll(w);
        pthread_mutex_unlock(&w->lock);
        leati_watch_write_kept(w);
        if (atomic_exchange(&w->reopen, false)) {
            leati_line_log_drain(&w->access);
            leati_line_log_reopen(&w->access);
            leati_line_log_drain(&w->predictions);
            leati_line_log_reopen(&w->predictions);
        }
        leati_line_log_drain(&w->access);
        leati_line_log_drain(&w->predictions);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

void leati_watch_reopen(leati_watch *w)
{
    atomic_store(&w->reopen, true);
    pthread_cond_signal(&w->wake);
}

/* ---- life -------------------------------------------------------------------------------------
 */

static leat_status keep_redacted(leati_watch *w, leat_context *c, const leati_watch_options *o)
{
    w->redact = LEATI_NEW(c, char *, o->redact_count + 1);
    if (!w->redact) return leat_error_status(c);
    for (size_t i = 0; i < o->redact_count; i++) {
        w->redact[i] = leati_strdup(c, o->redact[i]);
        if (!w->redact[i]) return leat_error_status(c);
    }
    return LEAT_OK;
}

static leat_status make(leati_watch *w, leat_context *c, const leati_watch_options *o)
{
    double share = o->sample;
    LEATI_TRY(leati_context_branch(c, &w->context));
    LEATI_TRY(keep_redacted(w, c, o));
    /* Some more, so that the blocks are large enough to be aligned (base/mem.h). */
    w->desks = LEATI_NEW(c, leati_watch_desk, o->slots + (size_t)1);
    w->recent = LEATI_NEW(c, leati_recent, o->slots + (size_t)8);
    if (!w->desks || !w->recent) return leat_error_status(c);
    for (uint32_t i = 0; i < o->slots; i++)
        LEATI_TRY(leati_recent_init(c, &w->recent[i], (o->remember + o->slots - 1) / o->slots));
    LEATI_TRY(leati_line_log_open(c, &w->access, "access log", o->access_log, o->workers,
                                  RING_BYTES, o->say));
    LEATI_TRY(leati_line_log_open(c, &w->predictions, "prediction log", o->prediction_log, o->slots,
                                  RING_BYTES, o->say));
    w->sample_all = share >= 1;
    w->sample_below = share >= 1 ? UINT64_MAX : share > 0 ? (uint64_t)(share * 0x1p64) : 0;
    w->started = seconds_now();
    leati_sha256_init(&w->blank);
    return LEAT_OK;
}

/* Signals belong to the program's own threads. */
static leat_status start_thread(leati_watch *w, leat_context *c)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    w->runs = pthread_create(&w->thread, NULL, run_thread, w) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    LEATI_CHECK(c, w->runs, LEAT_NOMEM, "no further thread can be started");
    return LEAT_OK;
}

leat_status leati_watch_create(leat_context *c, leati_watch **out, const leati_watch_options *o)
{
    *out = NULL;
    leati_watch *w = LEATI_NEW(c, leati_watch, 1);
    if (!w) return leat_error_status(c);
    w->options = *o;
    w->access.fd = w->predictions.fd = -1;
    w->kept_last = &w->kept;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    leat_status st = make(w, c, o);
    if (st == LEAT_OK) st = start_thread(w, c);
    if (st == LEAT_OK) *out = w;
    else leati_watch_destroy(w);
    return st;
}

void leati_watch_stop(leati_watch *w)
{
    if (!w->runs) return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    w->runs = false;
}

void leati_watch_destroy(leati_watch *w)
{
    if (!w) return;
    leati_watch_stop(w);
    leati_watch_write_kept(w);
    leati_free(w->folder);
    leati_line_log_close(&w->access);
    leati_line_log_close(&w->predictions);
    for (uint32_t i = 0; w->recent && i < w->options.slots; i++) leati_recent_fini(&w->recent[i]);
    for (size_t i = 0; w->redact && i < w->options.redact_count; i++) leati_free(w->redact[i]);
    leati_free(w->redact);
    leati_free(w->recent);
    leati_free(w->desks);
    leat_context_destroy(w->context);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    leati_free(w);
}

/* ---- versions ---------------------------------------------------------------------------------
 */

/* Of the same file, which is loaded anew: it goes on. Under the lock. */
static leati_live *live_of_same(const leati_watched *d)
{
    const struct leati_served *s = d->served;
    for (const leati_watched *e = d->watch->first; e; e = e->next)
        if (e->live && e->served->version == s->version && strcmp(e->served->etag, s->etag) == 0 &&
            strcmp(e->served->name, s->name) == 0)
            return leati_live_retain(e->live);
    return NULL;
}

/* Models without distributions in their file are served without being compared. */
static leat_status begin_live(leati_watched *d, leat_context *c)
{
    const leati_watch_options *o = &d->watch->options;
    leati_live_options live = leati_live_options_default();
    live.workers = o->slots;
    live.seconds = o->window_seconds;
    live.least = o->window_rows;
    if (!o->drift || !d->served->model) return LEAT_OK;
    pthread_mutex_lock(&d->watch->lock);
    d->live = live_of_same(d);
    pthread_mutex_unlock(&d->watch->lock);
    if (d->live) return LEAT_OK;
    leat_status st = leati_live_create(c, &d->live, d->served->model, &live);
    if (st == LEAT_OK) st = leati_watched_recall(d, c);
    if (st == LEAT_NOMEM || st == LEAT_LIMIT || st == LEAT_OK) return st;
    leat_error_clear(c);
    return LEAT_OK;
}

/* While a version is exchanged for another of the same number both are there, and the newer counts:
 * of those that were made before `d` each has one more, or less, that is newer. */
static void count_newer(leati_watched *d, int more)
{
    const struct leati_served *s = d->served;
    for (leati_watched *e = d->next; e; e = e->next)
        if (e->served->version == s->version && strcmp(e->served->name, s->name) == 0)
            e->newer += (uint32_t)more;
}

leat_status leati_watched_create(leat_context *c, leati_watch *w, leati_served *served,
                                 const char *path, leati_watched **out)
{
    struct stat info;
    *out = NULL;
    leati_watched *d = LEATI_NEW(c, leati_watched, 1);
    if (!d) return leat_error_status(c);
    d->watch = w;
    d->served = served;
    d->every = 1 + (uint32_t)(served->inputs / INPUTS_WHOLE);
    d->loaded = seconds_now();
    d->made = stat(path, &info) == 0 ? (double)info.st_mtime : d->loaded;
    d->desks = LEATI_NEW(c, leati_watched_desk, w->options.slots + (size_t)1);
    leat_status st = d->desks ? begin_live(d, c) : leat_error_status(c);
    if (st == LEAT_OK && w->predictions.path && served->model)
        st = leati_prediction_lines_prepare(c, d);
    pthread_mutex_lock(&w->lock);
    d->serial = ++w->serials;
    d->next = w->first;
    w->first = d;
    count_newer(d, 1);
    pthread_mutex_unlock(&w->lock);
    if (st == LEAT_OK) *out = d;
    else leati_watched_destroy(d);
    return st;
}

static void unlink_watched(leati_watched *d)
{
    pthread_mutex_lock(&d->watch->lock);
    leati_watched **at = &d->watch->first;
    while (*at && *at != d) at = &(*at)->next;
    if (*at) {
        if (!d->newer) leati_watched_keep(d, LEATI_LIVE_OPEN);
        count_newer(d, -1);
        *at = d->next;
    }
    pthread_mutex_unlock(&d->watch->lock);
}

void leati_watched_destroy(leati_watched *d)
{
    if (!d) return;
    unlink_watched(d);
    leati_prediction_lines_free(d);
    leati_live_destroy(d->live);
    leati_free(d->desks);
    leati_free(d);
}

void leati_watch_each(leati_watch *w, void (*call)(void *user, leati_watched *d), void *user)
{
    pthread_mutex_lock(&w->lock);
    for (leati_watched *d = w->first; d; d = d->next)
        if (!d->newer) call(user, d);
    pthread_mutex_unlock(&w->lock);
}
