/* Owns: keeping the number of workers by the rule, and what has to outlive the process. */
#include <leat/scale.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/str.h"
#include "deploy/scale_crew.h"
#include "deploy/scale_proxy.h"

enum { MOST_ENDING = 1024, START_SECONDS = 60, END_SECONDS = 40 };
static const double slice = 0.05, first_pause = 1, longest_pause = 30;

leat_scale_options leat_scale_options_default(void)
{
    return (leat_scale_options){.struct_size = sizeof(leat_scale_options),
                                .rule = leat_scale_rule_default()};
}

typedef struct keeper {
    leat_context *context;
    const leat_scale_options *options;
    leati_crew crew;
    leati_scale_proxy proxy;
    leat_scale_state state;
    char *path; /* of what is remembered */
    double load, pause, start_at;
} keeper;

/* CLOCK_MONOTONIC goes on while processes come and go, and begins anew with the machine, as they
 * do. */
static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void rest(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
    nanosleep(&t, NULL);
}

static bool stopped(const keeper *k)
{
    return k->options->stop && *k->options->stop;
}

static void tell(const keeper *k, const char *what, long pid)
{
    leat_scale_event e = {what, k->crew.address, pid, leati_crew_serving(&k->crew), k->load};
    if (k->options->told) k->options->told(k->options->user, &e);
}

/* ---- what is remembered -----------------------------------------------------------------------
 */

typedef struct memory {
    char listen[280];
    int direction;
    double changed, reversed;
    long ending[MOST_ENDING];
    size_t ending_count;
} memory;

/* A line each; what cannot be read is as if there were nothing. */
static void recall(const keeper *k, memory *m)
{
    char line[400];
    long pid;
    *m = (memory){.changed = -INFINITY, .reversed = -INFINITY};
    FILE *f = fopen(k->path, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "listen %279s", m->listen) == 1) continue;
        if (sscanf(line, "change %d %lf %lf", &m->direction, &m->changed, &m->reversed) == 3)
            continue;
        if (sscanf(line, "ending %ld", &pid) == 1 && m->ending_count < MOST_ENDING)
            m->ending[m->ending_count++] = pid;
    }
    if (f) fclose(f);
    double now = now_seconds(); /* the machine may have started anew since */
    if (!(m->changed <= now)) m->changed = -INFINITY;
    if (!(m->reversed <= now)) m->reversed = -INFINITY;
    if (m->direction < -1 || m->direction > 1) m->direction = 0;
}

static leat_status remember(const keeper *k)
{
    leati_str s;
    leati_str_init(&s, k->context);
    leati_str_addf(&s, "listen %s\nchange %d %.17g %.17g\n", k->crew.address, k->state.direction,
                   k->state.changed, k->state.reversed);
    for (size_t i = 0; i < k->crew.count; i++)
        if (k->crew.workers[i].ending) leati_str_addf(&s, "ending %ld\n", k->crew.workers[i].pid);
    leat_status st = leati_str_status(&s);
    if (st == LEAT_OK) st = leati_file_write(k->context, k->path, leati_str_text(&s), s.length);
    leati_str_fini(&s);
    return st;
}

/* What cannot be written down (a full disk) does not stop the service. */
static void remember_quietly(const keeper *k)
{
    if (remember(k) == LEAT_OK) return;
    leati_log(k->context, LEAT_LOG_WARN, "%s", leat_error_message(k->context));
    leat_error_clear(k->context);
}

/* ---- keeping ----------------------------------------------------------------------------------
 */

/* The next worker is started after a pause, ever longer ones. */
static void pause_starts(keeper *k, double now)
{
    k->start_at = now + k->pause;
    k->pause = k->pause * 2 < longest_pause ? k->pause * 2 : longest_pause;
}

/* Workers that are gone; those that nobody told to end are replaced. */
static void reap(keeper *k, double now)
{
    leati_crew_worker gone;
    while (leati_crew_reap(&k->crew, now_seconds(), &gone)) {
        tell(k, gone.ending ? "ended" : "died", gone.pid);
        if (!gone.ending) pause_starts(k, now);
        remember_quietly(k);
    }
}

/* False: there is none. */
static bool end_newest(keeper *k)
{
    leati_crew_worker *w = leati_crew_newest(&k->crew);
    if (!w) return false;
    leati_scale_proxy_drain(&k->proxy, w->slot);
    leati_crew_end(w);
    tell(k, "ending", w->pid);
    return true;
}

static void fill(keeper *k, double now)
{
    while (leati_crew_serving(&k->crew) < k->state.workers && now >= k->start_at) {
        if (leati_crew_start(&k->crew) == LEAT_OK) {
            tell(k, "started", k->crew.workers[k->crew.count - 1].pid);
            continue;
        }
        leati_log(k->context, LEAT_LOG_WARN, "%s", leat_error_message(k->context));
        leat_error_clear(k->context);
        pause_starts(k, now);
    }
    while (leati_crew_serving(&k->crew) > k->state.workers) {
        end_newest(k);
        remember_quietly(k);
    }
}

static leat_status start_first(keeper *k)
{
    while (leati_crew_serving(&k->crew) < k->state.workers) {
        LEATI_TRY(leati_crew_start(&k->crew));
        tell(k, "started", k->crew.workers[k->crew.count - 1].pid);
    }
    return LEAT_OK;
}

static bool any_answers(const keeper *k)
{
    if (!k->options->haproxy) return leati_crew_answers(&k->crew, 0);
    for (size_t i = 0; i < k->crew.count; i++)
        if (leati_crew_answers(&k->crew, k->crew.workers[i].slot)) return true;
    return false;
}

static void reopen_logs(const keeper *k)
{
    volatile sig_atomic_t *asked = k->options->reopen;
    if (!asked || !*asked) return;
    *asked = 0;
    leati_crew_reopen(&k->crew);
}

/* The first workers have to come up: what keeps them from it is an error of the command. Those of
 * an earlier one may end meanwhile. */
static leat_status wait_for_first(keeper *k)
{
    double until = now_seconds() + START_SECONDS;
    leati_crew_worker gone;
    char words[400];
    while (!stopped(k) && !any_answers(k)) {
        bool died = leati_crew_reap(&k->crew, now_seconds(), &gone);
        if (died && (gone.ending || !gone.child)) {
            tell(k, gone.ending ? "ended" : "died", gone.pid);
            remember_quietly(k);
            died = false;
        }
        if (died) leati_crew_last_words(&k->crew, words, sizeof words);
        LEATI_CHECK(k->context, !died, LEAT_IO, "a worker ended before it served: %s", words);
        LEATI_CHECK(k->context, now_seconds() < until, LEAT_IO,
                    "no worker serves after %d seconds; see %s", START_SECONDS, k->crew.log);
        fill(k, now_seconds());
        rest(slice);
    }
    leati_scale_proxy_settle(&k->proxy, &k->crew);
    if (!stopped(k)) tell(k, "serving", 0);
    return LEAT_OK;
}

static void sample(keeper *k, double now)
{
    uint32_t before = k->state.workers;
    leati_scale_proxy_settle(&k->proxy, &k->crew);
    k->load = leati_crew_load(&k->crew, now);
    tell(k, "load", 0);
    /* The rule is about those that serve: while one is replaced, nothing is known. */
    double load = leati_crew_serving(&k->crew) == before ? k->load : NAN;
    if (leat_scale_decide(&k->options->rule, &k->state, now, load) != before) remember_quietly(k);
}

static leat_status keep(keeper *k)
{
    double period = k->options->period > 0 ? k->options->period : 2, next = now_seconds();
    if (k->crew.count) fill(k, next);
    else LEATI_TRY(start_first(k));
    LEATI_TRY(wait_for_first(k));
    while (!stopped(k)) {
        double now = now_seconds();
        reopen_logs(k);
        reap(k, now);
        if (now >= next) {
            sample(k, now);
            next = now + period;
            if (now - k->start_at > longest_pause) k->pause = first_pause;
        }
        fill(k, now);
        rest(slice);
    }
    return LEAT_OK;
}

/* All at once; each answers what is under way. */
static void end_all(keeper *k)
{
    double until = now_seconds() + END_SECONDS;
    leati_crew_worker gone;
    while (end_newest(k)) continue;
    /* Not over an error, which is what the caller is told. */
    if (leat_error_status(k->context) == LEAT_OK) remember_quietly(k);
    while (k->crew.count && now_seconds() < until) {
        while (leati_crew_reap(&k->crew, now_seconds(), &gone)) tell(k, "ended", gone.pid);
        rest(slice);
    }
    leati_scale_proxy_settle(&k->proxy, &k->crew);
}

static leat_status begin(keeper *k)
{
    const leat_scale_options *o = k->options;
    leat_context *c = k->context;
    memory *m = LEATI_NEW(c, memory, 1);
    k->path = leati_path_join(c, o->state, "state");
    if (!m || !k->path) {
        leati_free(m);
        return leat_error_status(c);
    }
    recall(k, m);
    leat_status st = leati_crew_open(&k->crew, c, o, m->listen, m->ending, m->ending_count);
    if (st == LEAT_OK) {
        k->state = leat_scale_begin(&o->rule, leati_crew_serving(&k->crew));
        k->state.direction = m->direction;
        k->state.changed = m->changed;
        k->state.reversed = m->reversed;
    }
    leati_free(m);
    if (st == LEAT_OK) st = leati_scale_proxy_open(&k->proxy, c, o);
    for (size_t i = 0; st == LEAT_OK && i < k->crew.count; i++)
        tell(k, "adopted", k->crew.workers[i].pid);
    return st == LEAT_OK ? remember(k) : st;
}

leat_status leat_scale_run(leat_context *c, const leat_scale_options *options)
{
    leat_scale_options o = leat_scale_options_default();
    LEATI_TRY(LEATI_OPTIONS(c, leat_scale_options, &o, options));
    LEATI_CHECK(c, o.program && o.listen && o.state && o.argument_count, LEAT_INVALID,
                "scaling needs a program, models, an address and a folder");
    LEATI_TRY(leat_scale_rule_check(c, &o.rule));
    keeper k = {.context = c, .options = &o, .load = NAN, .pause = first_pause};
    k.crew.lock = k.crew.holder = -1;
    leat_status st = begin(&k);
    if (st == LEAT_OK) {
        st = keep(&k);
        end_all(&k);
    }
    leati_scale_proxy_close(&k.proxy);
    leati_crew_close(&k.crew);
    leati_free(k.path);
    return st;
}
