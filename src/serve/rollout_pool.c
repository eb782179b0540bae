/* Owns: the life of a pool: its thread, the loss of the catalogue, what is asked of it. Not: what
 * its thread does in a turn (rollout_pool_round.c). */
#include "serve/rollout_pool_round.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random_bytes.h"
#include "base/str.h"
#include "model/registry.h"
#include "model/registry_pool.h"

enum {
    POLL_MS = 500,
    LOST_SECONDS = 3,   /* without an answer: the catalogue is lost */
    ASK_SECONDS = 5,    /* that somebody waits for the catalogue */
    START_SECONDS = 10, /* that the start waits for it and for versions that are to be loaded */
    TELL_SECONDS = 2,   /* the same for taking back, which is done already */
    SLOWEST_POLLS = 8,  /* between tries to find it again */
};

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct timespec after_ms(long ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) t.tv_nsec -= 1000000000, t.tv_sec++;
    return t;
}

/* Under the lock. */
static bool is_lost(const leati_rollout_pool *p)
{
    return seconds_now() - p->heard > LOST_SECONDS;
}
void leati_pool_line(const leati_rollout_pool *p, const char *format, ...)
{
    char line[600];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    p->options.say(p->options.user, line);
}

/* ---- changes by hand --------------------------------------------------------------------------
 */

/* The thread works on a copy: who asked may have gone. */
static leat_status serve_asked(leati_rollout_pool *p, bool reachable)
{
    leati_rollouts *r = p->rollouts;
    char path[LEATI_POOL_PATH] = "";
    leat_status st = LEAT_OK;
    pthread_mutex_lock(&r->lock);
    bool waits = p->asked.state == LEATI_ASKED_WAITS;
    leati_asked a = p->asked;
    if (waits) p->asked.state = LEATI_ASKED_UNDER_WAY;
    pthread_mutex_unlock(&r->lock);
    if (!waits) return LEAT_OK;
    a.ok = false;
    a.fault.http = 0;
    if (reachable && a.find) a.ok = leati_pool_path(p, a.lane->name, a.find, path) == LEAT_OK;
    else if (reachable) st = leati_pool_change(p, &a);
    if (!a.ok && !a.fault.http)
        leati_fault_set(&a.fault, 503, "registry_lost",
                        reachable ? "the registry failed meanwhile; ask how the rollout stands"
                                  : "the registry does not answer; nothing was changed. Abort "
                                    "works without it");
    pthread_mutex_lock(&r->lock);
    if (p->asked.state == LEATI_ASKED_ABANDONED) {
        p->asked.state = LEATI_ASKED_NOTHING;
    } else {
        p->asked = a;
        p->asked.state = LEATI_ASKED_ANSWERED;
        memcpy(p->path, path, sizeof p->path);
    }
    pthread_cond_broadcast(&p->answered);
    pthread_mutex_unlock(&r->lock);
    return st;
}

/* By the steward; *path may be NULL. */
static bool wait_for_answer(leati_rollouts *r, const leati_asked *what, char *path,
                            leati_fault *fault)
{
    leati_rollout_pool *p = r->pool;
    struct timespec until = after_ms(ASK_SECONDS * 1000L);
    bool ok = false;
    pthread_mutex_lock(&r->lock);
    if (p->asked.state != LEATI_ASKED_NOTHING || p->stop) {
        pthread_mutex_unlock(&r->lock);
        return leati_fault_set(fault, 503, "registry_lost",
                               "the registry has not answered to the change before; abort works "
                               "without it");
    }
    p->asked = *what;
    p->asked.state = LEATI_ASKED_WAITS;
    p->hurry = true;
    pthread_cond_signal(&p->wake);
    while (p->asked.state != LEATI_ASKED_ANSWERED &&
           pthread_cond_timedwait(&p->answered, &r->lock, &until) == 0)
        continue;
    if (p->asked.state == LEATI_ASKED_ANSWERED) {
        ok = p->asked.ok;
        *fault = p->asked.fault;
        if (ok && path) memcpy(path, p->path, sizeof p->path);
    } else {
        bool begun = p->asked.state == LEATI_ASKED_UNDER_WAY;
        leati_fault_set(fault, 503, "registry_lost",
                        begun ? "the registry takes long: whether the change was made is not "
                                "known; ask how the rollout stands"
                              : "the registry does not answer; nothing was changed. Abort works "
                                "without it");
    }
    p->asked.state =
        p->asked.state == LEATI_ASKED_UNDER_WAY ? LEATI_ASKED_ABANDONED : LEATI_ASKED_NOTHING;
    pthread_mutex_unlock(&r->lock);
    return ok;
}

bool leati_pool_ask(leati_rollouts *r, leati_lane *lane, leati_pool_ask_kind kind,
                    const leati_rollout_spec *spec, leati_rollout_action action, leati_fault *fault)
{
    leati_asked a = {.lane = lane, .kind = kind, .action = action};
    if (spec) a.spec = *spec;
    return wait_for_answer(r, &a, NULL, fault);
}

bool leati_pool_find(leati_rollouts *r, leati_lane *lane, uint32_t version,
                     char path[LEATI_POOL_PATH])
{
    leati_fault unused = {0};
    return wait_for_answer(r, &(leati_asked){.lane = lane, .find = version}, path, &unused);
}

void leati_pool_tell(leati_rollouts *r, leati_lane *lane)
{
    leati_rollout_pool *p = r->pool;
    struct timespec until = after_ms(TELL_SECONDS * 1000L);
    pthread_mutex_lock(&r->lock);
    p->hurry = true;
    pthread_cond_signal(&p->wake);
    while (lane->parted && !p->stop && pthread_cond_timedwait(&p->answered, &r->lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&r->lock);
}

/* ---- the thread -------------------------------------------------------------------------------
 */

static leat_status open_catalogue(const leati_rollout_pool *p, leat_context *c, leat_registry **out)
{
    leat_registry_options o = leat_registry_options_default();
    *out = NULL;
    o.where = p->where;
    o.folder = p->folder;
    leat_registry *r;
    LEATI_TRY(leat_registry_open(c, &r, &o));
    leat_status st = leati_pool_prepare(r);
    if (st == LEAT_OK) *out = r;
    else leat_registry_close(r);
    return st;
}

static void lose(leati_rollout_pool *p)
{
    if (!p->lost)
        leati_pool_line(
            p, "the registry does not answer, rollouts of the pool '%s' stand still: %.300s",
            p->name, leat_error_message(p->context));
    p->lost = true;
    leat_error_clear(p->context);
    leat_registry_close(p->registry);
    p->registry = NULL;
    p->skip = p->patience;
    p->patience = p->patience * 2 < SLOWEST_POLLS ? p->patience * 2 : SLOWEST_POLLS;
}

static void turn(leati_rollout_pool *p)
{
    leati_rollouts *r = p->rollouts;
    leat_status st = LEAT_OK;
    if (p->skip) {
        p->skip--;
        (void)serve_asked(p, false);
        return;
    }
    if (!p->registry) st = open_catalogue(p, p->context, &p->registry);
    if (st == LEAT_OK) st = serve_asked(p, true);
    else (void)serve_asked(p, false);
    if (st == LEAT_OK) st = leati_pool_round(p);
    pthread_mutex_lock(&r->lock);
    p->tried = true;
    if (st == LEAT_OK) p->complete = p->missing == 0;
    pthread_cond_broadcast(&p->answered);
    pthread_mutex_unlock(&r->lock);
    if (st != LEAT_OK) {
        lose(p);
        return;
    }
    if (p->lost)
        leati_pool_line(p, "the registry answers again, rollouts of the pool '%s' go on", p->name);
    p->lost = false;
    p->patience = 1;
    pthread_mutex_lock(&r->lock);
    p->heard = seconds_now();
    p->found = true;
    pthread_cond_broadcast(&p->answered);
    pthread_mutex_unlock(&r->lock);
}

static void *work(void *arg)
{
    leati_rollout_pool *p = arg;
    leati_rollouts *r = p->rollouts;
    pthread_mutex_lock(&r->lock);
    while (!p->stop) {
        struct timespec until = after_ms(POLL_MS);
        while (!p->stop && !p->hurry && pthread_cond_timedwait(&p->wake, &r->lock, &until) == 0)
            continue;
        if (p->stop) break;
        p->hurry = false;
        pthread_mutex_unlock(&r->lock);
        turn(p);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    (void)serve_asked(p, false);
    leat_registry_close(p->registry);
    p->registry = NULL;
    return NULL;
}

/* ---- what others ask --------------------------------------------------------------------------
 */

leati_rollout_seen leati_pool_see(leati_rollouts *r, leati_lane *lane)
{
    leati_rollout_seen seen = leati_lane_see(r, lane); /* of lane->now */
    if (lane->servers) { /* what was read fits: it was added up before */
        (void)leati_arm_stats_add(&lane->now.stable, &lane->others.stable);
        (void)leati_arm_stats_add(&lane->now.candidate, &lane->others.candidate);
        (void)leati_shadow_stats_add(&lane->now.shadow, &lane->others.shadow);
    }
    return seen;
}

void leati_pool_tick(leati_rollouts *r, leati_lane *lane, double seconds)
{
    leati_rollout *w = &lane->rollout;
    if (w->phase == LEATI_ROLLOUT_RUNNING && lane->counts) w->steps[w->step].held += seconds;
    if (!leati_rollout_walks(w) || !(lane->blind || is_lost(r->pool))) return;
    leati_rollout_seen seen = leati_pool_see(r, lane);
    if (leati_rollout_guard(w, &seen, (int64_t)time(NULL))) lane->parted = true;
}

void leati_pool_say(leat_json *j, const leati_rollouts *r, const leati_lane *lane)
{
    const leati_rollout_pool *p = r->pool;
    leat_json_begin_object(j, "pool");
    leat_json_string(j, "name", p->name);
    leat_json_string(j, "server", p->server);
    leat_json_int(j, "servers", lane ? (int64_t)lane->servers : 0);
    leat_json_int(j, "revision", lane ? lane->shared : 0);
    leat_json_bool(j, "lost", !p->found || is_lost(p) || (lane && lane->blind));
    leat_json_bool(j, "told", !lane || !lane->parted);
    leat_json_bool(j, "counts", lane && lane->counts);
    leat_json_end_object(j);
}

/* ---- the life ---------------------------------------------------------------------------------
 */

void leati_pool_free(leati_rollout_pool *p)
{
    if (!p) return;
    if (p->made) {
        pthread_cond_destroy(&p->wake);
        pthread_cond_destroy(&p->answered);
    }
    leat_context_destroy(p->context);
    leati_free(p->name);
    leati_free(p->where);
    leati_free(p->folder);
    leati_free(p);
}

/* A registry that is not there is a mistake; one that does not answer now is waited for. */
static leat_status look_once(leati_rollout_pool *p, leat_context *c)
{
    leat_registry *registry;
    leat_status st = open_catalogue(p, c, &registry);
    if (st == LEAT_OK) leat_registry_close(registry);
    if (st != LEAT_NETWORK && st != LEAT_IO) return st;
    leati_pool_line(p,
                    "the registry does not answer, rollouts of the pool '%s' stand still: %.300s",
                    p->name, leat_error_message(c));
    leat_error_clear(c);
    p->lost = true;
    return LEAT_OK;
}

static leat_status make(leati_rollout_pool *p, leat_context *c, const leati_pool_options *o)
{
    uint64_t id;
    pthread_condattr_t attr;
    LEATI_TRY(leati_name_check(c, o->name, "name of a pool"));
    LEATI_TRY(leati_random_bytes(c, &id, sizeof id));
    snprintf(p->server, sizeof p->server, "%016llx", (unsigned long long)id);
    p->options = *o;
    p->name = leati_strdup(c, o->name);
    if (o->where) p->where = leati_strdup(c, o->where);
    if (o->folder) p->folder = leati_strdup(c, o->folder);
    if (!p->name || (o->where && !p->where) || (o->folder && !p->folder))
        return leat_error_status(c);
    LEATI_TRY(leati_context_branch(c, &p->context));
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &attr);
    pthread_cond_init(&p->answered, &attr);
    pthread_condattr_destroy(&attr);
    p->made = true;
    p->patience = 1;
    p->heard = seconds_now();
    return look_once(p, c);
}

leat_status leati_pool_join(leati_rollouts *r, leat_context *c, const leati_pool_options *options)
{
    leati_rollout_pool *p = LEATI_NEW(c, leati_rollout_pool, 1);
    if (!p) return leat_error_status(c);
    p->rollouts = r;
    leat_status st = make(p, c, options);
    if (st != LEAT_OK) {
        leati_pool_free(p);
        return st;
    }
    r->pool = p;
    /* What was counted before the end stands in the catalogue, or is lost. */
    for (leati_lane *lane = atomic_load(&r->first); lane; lane = lane->next)
        leati_lane_begin_anew(r, lane, NULL);
    return LEAT_OK;
}

/* Who asks this server first gets what the pool gives, where the catalogue can be asked. */
leat_status leati_pool_start(leati_rollouts *r, leat_context *c)
{
    leati_rollout_pool *p = r->pool;
    struct timespec until = after_ms(START_SECONDS * 1000L);
    p->hurry = true;
    p->runs = pthread_create(&p->thread, NULL, work, p) == 0;
    LEATI_CHECK(c, p->runs, LEAT_NOMEM, "no further thread can be started");
    pthread_mutex_lock(&r->lock);
    while (!(p->found ? p->complete : p->tried) &&
           pthread_cond_timedwait(&p->answered, &r->lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&r->lock);
    return LEAT_OK;
}

void leati_pool_leave(leati_rollouts *r)
{
    leati_rollout_pool *p = r ? r->pool : NULL;
    if (!p || !p->runs) return;
    pthread_mutex_lock(&r->lock);
    p->stop = true;
    pthread_cond_signal(&p->wake);
    pthread_cond_broadcast(&p->answered);
    pthread_mutex_unlock(&r->lock);
    pthread_join(p->thread, NULL);
    p->runs = false;
}
