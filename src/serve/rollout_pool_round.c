/* Owns: a turn of the thread of a pool: following others, counts that are added up, decisions by
 * compare-and-set. Not: what is decided (rollout_walk.c), tables (model/registry_pool.c), the
 * thread (rollout_pool.c). */
#include "serve/rollout_pool_round.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "serve/rollout_alias.h"

enum { TRIES = 5 }; /* of a change by hand, when others change at the same time */

/* ---- what is loaded ---------------------------------------------------------------------------
 */

typedef struct looked {
    const char *name;
    uint32_t stable, candidate;
    bool served, has_stable, has_candidate;
} looked;

static void look_at(void *user, const char *name, uint32_t version, const char *state,
                    const char *reason)
{
    looked *l = user;
    (void)reason;
    if (strcmp(name, l->name) != 0) return;
    bool ready = strcmp(state, "READY") == 0;
    l->served = true;
    l->has_stable = l->has_stable || (ready && version == l->stable);
    l->has_candidate = l->has_candidate || (ready && version == l->candidate);
}

static bool is_served(const leati_rollouts *r, const char *name)
{
    looked l = {.name = name};
    leati_repository_each(r->repository, look_at, &l);
    return l.served;
}

leat_status leati_pool_path(leati_rollout_pool *p, const char *name, uint32_t version,
                            char path[LEATI_POOL_PATH])
{
    char pinned[160];
    snprintf(pinned, sizeof pinned, "%.128s@%u", name, version);
    leat_status st = leat_registry_path(p->registry, pinned, path, LEATI_POOL_PATH);
    leat_error_clear(p->context);
    return st;
}

/* A server that has one of the versions alone gives its answers and counts nothing: both arms are
 * of the same requests. What is missing is fetched, one after the other. */
static void look_for_versions(leati_rollout_pool *p, leati_lane *lane)
{
    char path[LEATI_POOL_PATH];
    leati_rollouts *r = p->rollouts;
    const leati_rollout *w = &lane->rollout;
    looked l = {.name = lane->name};
    pthread_mutex_lock(&r->lock);
    bool walks = leati_rollout_walks(w);
    l.stable = w->stable;
    l.candidate = walks ? w->spec.to : 0;
    pthread_mutex_unlock(&r->lock);
    leati_repository_each(r->repository, look_at, &l);
    l.has_stable = l.has_stable || !l.stable;
    l.has_candidate = l.has_candidate || !l.candidate;
    bool both = l.has_stable && l.has_candidate;
    uint32_t missing = both ? 0 : l.has_stable ? l.candidate : l.stable;
    pthread_mutex_lock(&r->lock);
    if (walks && both && !lane->counts) {
        leati_lane_begin_anew(r, lane, NULL);
        lane->part++; /* what was told before stays told */
    }
    lane->counts = walks && both;
    bool load = missing && lane->loading != missing;
    pthread_mutex_unlock(&r->lock);
    p->missing += missing != 0;
    if (!load) return;
    leat_status st = leati_pool_path(p, lane->name, missing, path);
    if (st == LEAT_NETWORK || st == LEAT_IO) return; /* it is asked again */
    p->options.load(p->options.user, lane->name, missing, st == LEAT_OK ? path : NULL);
    pthread_mutex_lock(&r->lock);
    lane->loading = missing;
    pthread_mutex_unlock(&r->lock);
}

/* ---- following --------------------------------------------------------------------------------
 */

/* Under the lock: the lane stands as the row does, unless it was taken back here meanwhile, which
 * is to be told first. */
static void adopt(leati_rollout_pool *p, leati_lane *lane, const leati_rollout *state,
                  int64_t revision, int64_t epoch)
{
    leati_rollouts *r = p->rollouts;
    const leati_rollout *now = &lane->rollout;
    uint64_t own = now->revision + 1;
    if (lane->parted && !p->telling) {
        lane->shared = revision;
        return;
    }
    bool same = lane->shared && lane->epoch == (uint64_t)epoch;
    double held = same && now->holds == state->holds ? now->steps[now->step].held : 0;
    bool known = !lane->shared || (same && now->alias == LEATI_ALIAS_MOVED);
    if (state->alias == LEATI_ALIAS_MOVED && !known && r->follow)
        leati_follow_moved(r->follow, lane->name, state->spec.alias, state->stable);
    lane->rollout = *state;
    lane->rollout.revision = own;
    lane->rollout.epoch = (uint64_t)epoch;
    lane->shared = revision;
    lane->parted = false;
    lane->loading = 0;
    if (!same) {
        lane->epoch = (uint64_t)epoch - 1; /* so it is begun anew */
        lane->servers = 0;
        memset(&lane->others, 0, sizeof lane->others);
    }
    leati_rollout_step *s = &lane->rollout.steps[lane->rollout.step];
    if (held > s->held && leati_rollout_walks(&lane->rollout)) s->held = held;
    leati_lane_changed(r, lane);
    pthread_cond_broadcast(&p->answered);
}

static void adopt_row(leati_rollout_pool *p, leati_lane *lane)
{
    pthread_mutex_lock(&p->rollouts->lock);
    adopt(p, lane, &p->row.rollout, p->stood.revision, p->stood.epoch);
    bool gone = lane->rollout.phase == LEATI_ROLLOUT_NONE;
    pthread_mutex_unlock(&p->rollouts->lock);
    if (gone) leati_rollouts_drop(p->rollouts, lane);
}

/* Under the lock: what stands in the catalogue is not understood here, so that this server is as
 * good as without it. True: that is news. */
static bool note_blind(leati_lane *lane, bool blind)
{
    bool news = blind && !lane->blind;
    lane->blind = blind;
    return news;
}

/* The row into p->row and p->stood. *there false: it is absent, or nothing that is understood
 * here. */
static leat_status read_row(leati_rollout_pool *p, leati_lane *lane, bool *there)
{
    char why[LEATI_RULE_WHY] = "";
    *there = false;
    LEATI_TRY(leati_pool_read(p->registry, p->name, lane->name, &p->stood));
    char *text = p->stood.text;
    p->stood.text = NULL;
    if (!text) return LEAT_OK;
    *there = leati_rollout_recall(text, strlen(text), &p->row, why);
    leati_free(text);
    p->row.rollout.epoch = (uint64_t)p->stood.epoch;
    pthread_mutex_lock(&p->rollouts->lock);
    bool news = note_blind(lane, !*there);
    pthread_mutex_unlock(&p->rollouts->lock);
    if (news)
        leati_pool_line(p,
                        "the rollout of '%s' in the pool '%s' cannot be read, shares stay: %.200s",
                        lane->name, p->name, why);
    return LEAT_OK;
}

/* Puts `p->walk` where `revision` stood. */
static leat_status commit(leati_rollout_pool *p, leati_lane *lane, int64_t revision, bool *won)
{
    static const leati_arm_stats nothing;
    static const leati_shadow_stats no_shadow;
    const leati_rollout_seen seen = {&nothing, &nothing, &no_shadow};
    leat_json *j = leat_json_create(p->context, 0);
    leati_rollout_keep(j, lane->name, &p->walk, &seen);
    const char *text = leat_json_text(j);
    int64_t epoch = (int64_t)p->walk.epoch;
    *won = false;
    leat_status st =
        text ? leati_pool_commit(p->registry, p->name, lane->name, revision, epoch, text, won)
             : leat_error_status(p->context);
    leat_json_destroy(j);
    if (st != LEAT_OK || !*won) return st;
    pthread_mutex_lock(&p->rollouts->lock);
    adopt(p, lane, &p->walk, revision + 1, epoch);
    bool gone = lane->rollout.phase == LEATI_ROLLOUT_NONE;
    pthread_mutex_unlock(&p->rollouts->lock);
    if (gone) leati_rollouts_drop(p->rollouts, lane);
    return LEAT_OK;
}

/* ---- counting together ------------------------------------------------------------------------
 */

/* What is told never gets less: who begins to count anew in a step does so under another name. */
static void part_name(const leati_rollout_pool *p, const leati_lane *lane,
                      char out[LEATI_POOL_PART])
{
    snprintf(out, LEATI_POOL_PART, "%s.%u", p->server, lane->part);
}

static leat_status publish(leati_rollout_pool *p, leati_lane *lane)
{
    leati_rollouts *r = p->rollouts;
    leat_json *j = NULL;
    char name[LEATI_POOL_PART];
    part_name(p, lane, name);
    pthread_mutex_lock(&r->lock);
    int64_t epoch = (int64_t)lane->epoch;
    if (lane->counts && lane->shared && leati_rollout_walks(&lane->rollout)) {
        const leati_rollout *w = &lane->rollout;
        leati_rollout_seen seen = leati_lane_see(r, lane);
        j = leat_json_create(p->context, 0);
        leati_rollout_part_keep(j, w->holds, w->steps[w->step].held, &seen);
    }
    pthread_mutex_unlock(&r->lock);
    if (!j) return leat_error_status(p->context);
    const char *text = leat_json_text(j);
    leat_status st = text ? leati_pool_publish(p->registry, p->name, lane->name, epoch, name, text)
                          : leat_error_status(p->context);
    leat_json_destroy(j);
    return st;
}

static bool add_counts(leati_lane_counts *sum, const leati_rollout_part *more)
{
    bool fits = leati_arm_stats_add(&sum->stable, &more->stable);
    fits = leati_arm_stats_add(&sum->candidate, &more->candidate) && fits;
    return leati_shadow_stats_add(&sum->shadow, &more->shadow) && fits;
}

/* p->held: of those that began to hold when p->walk did. */
static leat_status add_part(void *user, const char *server, const char *text)
{
    leati_rollout_pool *p = user;
    char why[LEATI_RULE_WHY];
    bool fits = leati_rollout_part_recall(text, strlen(text), &p->one, why);
    p->servers++;
    if (fits) fits = add_counts(&p->all, &p->one);
    if (fits && strcmp(server, p->own) != 0) fits = add_counts(&p->others, &p->one);
    if (!fits) p->damaged = true;
    else if (p->one.holds == p->walk.holds) p->held = fmax(p->held, p->one.held);
    return LEAT_OK;
}

/* All parts of the step of p->walk, in the order of the servers, so that who adds them up gets the
 * same bits. */
static leat_status gather(leati_rollout_pool *p, leati_lane *lane)
{
    memset(&p->all, 0, sizeof p->all);
    memset(&p->others, 0, sizeof p->others);
    p->held = 0;
    p->servers = 0;
    p->damaged = false;
    part_name(p, lane, p->own);
    return leati_pool_parts(p->registry, p->name, lane->name, (int64_t)p->walk.epoch, add_part, p);
}

static leati_rollout_seen all_seen(const leati_rollout_pool *p)
{
    return (leati_rollout_seen){&p->all.stable, &p->all.candidate, &p->all.shadow};
}

/* Under the lock: what is known here of the others, unless the lane went on meanwhile. */
static void note_others(leati_rollout_pool *p, leati_lane *lane)
{
    const leati_rollout *w = &p->walk;
    if (lane->epoch != w->epoch || lane->rollout.holds != w->holds ||
        !leati_rollout_walks(&lane->rollout))
        return;
    leati_rollout_step *s = &lane->rollout.steps[w->step];
    lane->others = p->others;
    lane->servers = p->servers;
    s->held = fmax(s->held, p->held);
    memcpy(lane->rollout.judged, w->judged, sizeof w->judged);
}

static leat_status decide(leati_rollout_pool *p, leati_lane *lane)
{
    leati_rollouts *r = p->rollouts;
    bool won;
    pthread_mutex_lock(&r->lock);
    p->walk = lane->rollout;
    int64_t revision = lane->shared;
    bool walks = revision && !lane->parted && leati_rollout_walks(&p->walk);
    pthread_mutex_unlock(&r->lock);
    if (!walks) return LEAT_OK;
    uint64_t before = p->walk.revision;
    LEATI_TRY(gather(p, lane));
    pthread_mutex_lock(&r->lock);
    bool news = note_blind(lane, p->damaged);
    pthread_mutex_unlock(&r->lock);
    if (news)
        leati_pool_line(p,
                        "what a server of the pool '%s' counted for '%s' cannot be read: nothing "
                        "advances",
                        p->name, lane->name);
    if (p->damaged) return LEAT_OK; /* a part of what was seen decides nothing */
    leati_rollout_seen seen = all_seen(p);
    p->walk.steps[p->walk.step].held = p->held;
    leati_rollout_tick(&p->walk, &seen, 0, (int64_t)time(NULL));
    if (p->walk.revision != before) return commit(p, lane, revision, &won);
    pthread_mutex_lock(&r->lock);
    note_others(p, lane);
    pthread_mutex_unlock(&r->lock);
    return LEAT_OK;
}

/* What was decided here alone, before the pool knew of it or without it: taken back in the pool too
 * if it is still under way there. p->row has how it stands. */
static leat_status tell(leati_rollout_pool *p, leati_lane *lane)
{
    leati_rollouts *r = p->rollouts;
    char reason[LEATI_ROLLOUT_TEXT];
    bool won;
    pthread_mutex_lock(&r->lock);
    const leati_rollout *own = &lane->rollout;
    bool same = own->spec.seed == p->row.rollout.spec.seed &&
                own->started == p->row.rollout.started && own->spec.to == p->row.rollout.spec.to;
    snprintf(reason, sizeof reason, "%s", own->reason);
    pthread_mutex_unlock(&r->lock);
    if (!same || !leati_rollout_walks(&p->row.rollout)) {
        adopt_row(p, lane);
        return LEAT_OK;
    }
    p->walk = p->row.rollout;
    LEATI_TRY(gather(p, lane));
    leati_rollout_seen seen = all_seen(p);
    leati_rollout_take_back(&p->walk, &seen, (int64_t)time(NULL), reason);
    return commit(p, lane, p->stood.revision, &won);
}

/* The alias of a rollout that is over: several may try, one moves it, the others find it moved. */
static leat_status settle(leati_rollout_pool *p, leati_lane *lane)
{
    char line[LEATI_ALIAS_LINE];
    leati_rollouts *r = p->rollouts;
    leati_alias_move m;
    bool won;
    pthread_mutex_lock(&r->lock);
    bool waits = leati_alias_move_of(&lane->rollout, &m) && lane->shared && !lane->parted;
    int64_t revision = lane->shared;
    p->walk = lane->rollout;
    pthread_mutex_unlock(&r->lock);
    if (!waits) return LEAT_OK;
    LEATI_TRY(leati_alias_try(p->registry, lane->name, &m));
    leati_rollout_alias_done(&p->walk, m.state, m.found, m.why, (int64_t)time(NULL));
    LEATI_TRY(commit(p, lane, revision, &won));
    leati_alias_line(lane->name, &m, line);
    if (won) leati_pool_line(p, "%s", line);
    return LEAT_OK;
}

/* The pool has nothing of it: what this server brings along is the pool's from now on. */
static leat_status bring(leati_rollout_pool *p, leati_lane *lane)
{
    leati_rollouts *r = p->rollouts;
    bool won = false;
    pthread_mutex_lock(&r->lock);
    lane->shared = 0;
    p->walk = lane->rollout;
    pthread_mutex_unlock(&r->lock);
    if (p->walk.phase == LEATI_ROLLOUT_NONE) return LEAT_OK;
    return commit(p, lane, 0, &won);
}

static leat_status follow(leati_rollout_pool *p, leati_lane *lane)
{
    bool there;
    pthread_mutex_lock(&p->rollouts->lock);
    int64_t head = lane->seen == p->round ? lane->head : 0;
    bool news = head != lane->shared, parted = lane->parted;
    pthread_mutex_unlock(&p->rollouts->lock);
    if (!head) return bring(p, lane);
    if (news || parted) {
        LEATI_TRY(read_row(p, lane, &there));
        if (!there) return LEAT_OK;
        p->telling = parted;
        leat_status st = LEAT_OK;
        if (parted) st = tell(p, lane);
        else adopt_row(p, lane);
        p->telling = false;
        LEATI_TRY(st);
    }
    look_for_versions(p, lane);
    LEATI_TRY(publish(p, lane));
    LEATI_TRY(decide(p, lane));
    return settle(p, lane);
}

static void take_head(void *user, const char *name, int64_t revision)
{
    leati_rollout_pool *p = user;
    leati_rollouts *r = p->rollouts;
    leati_lane *lane = leati_lane_find(r, name, strlen(name));
    if (!lane && (!leati_served_name_fits(name, strlen(name)) || !is_served(r, name))) return;
    pthread_mutex_lock(&r->lock);
    lane = leati_lane_make(r, r->context, name);
    if (lane) {
        lane->head = revision;
        lane->seen = p->round;
        pthread_cond_signal(&r->wake); /* the first lane */
    }
    leat_error_clear(r->context);
    pthread_mutex_unlock(&r->lock);
}

leat_status leati_pool_round(leati_rollout_pool *p)
{
    p->round++;
    p->missing = 0;
    LEATI_TRY(leati_pool_heads(p->registry, p->name, take_head, p));
    leati_lane *lane = atomic_load_explicit(&p->rollouts->first, memory_order_acquire);
    for (; lane; lane = lane->next) LEATI_TRY(follow(p, lane));
    return LEAT_OK;
}

/* ---- changes by hand --------------------------------------------------------------------------
 */

static bool apply(leati_rollout_pool *p, const leati_asked *a, leati_fault *fault)
{
    char why[LEATI_RULE_WHY];
    leati_rollout *w = &p->walk;
    leati_rollout_seen seen = all_seen(p);
    int64_t now = (int64_t)time(NULL);
    switch (a->kind) {
    case LEATI_POOL_BEGIN:
        if (leati_rollout_walks(w))
            return leati_fault_set(fault, 409, "rollout_under_way",
                                   "a rollout of '%s' to version %u is %s in the pool; finish or "
                                   "abort it first",
                                   a->lane->name, w->spec.to, leati_rollout_phase_name(w->phase));
        leati_rollout_begin(w, &a->spec, now);
        return true;
    case LEATI_POOL_ACT:
        return leati_rollout_act(w, a->action, &seen, now, why) ||
               leati_fault_set(fault, 409, "not_now", "%s", why);
    case LEATI_POOL_FORGET:
        if (w->phase == LEATI_ROLLOUT_NONE)
            return leati_fault_set(fault, 404, "no_rollout", "'%s' was never rolled out",
                                   a->lane->name);
        w->phase = LEATI_ROLLOUT_NONE; /* the row stays: steps are not numbered anew */
        w->stable = w->previous = 0;
        w->alias = LEATI_ALIAS_STAYS;
        w->epoch++;
        return true;
    }
    return false;
}

leat_status leati_pool_change(leati_rollout_pool *p, leati_asked *a)
{
    leati_lane *lane = a->lane;
    bool there, won = false;
    for (int i = 0; i < TRIES && !won; i++) {
        LEATI_TRY(read_row(p, lane, &there));
        if (!there && p->stood.revision) {
            a->ok = leati_fault_set(&a->fault, 409, "not_now",
                                    "how the rollout stands in the pool cannot be read: a newer "
                                    "Leat, or damage");
            return LEAT_OK;
        }
        pthread_mutex_lock(&p->rollouts->lock);
        p->walk = there ? p->row.rollout : lane->rollout;
        pthread_mutex_unlock(&p->rollouts->lock);
        LEATI_TRY(gather(p, lane));
        if (!apply(p, a, &a->fault)) return LEAT_OK;
        LEATI_TRY(commit(p, lane, p->stood.revision, &won));
    }
    a->ok = won || leati_fault_set(&a->fault, 503, "busy",
                                   "others change this rollout at the same time; try again");
    return LEAT_OK;
}
