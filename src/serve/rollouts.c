/* Owns: lanes: the choice of a version for a request, what is counted of it, and the thread that
 * moves rollouts on. Not: decisions (rollout_walk.c), state files (rollout_store.c), HTTP
 * (rollout_routes.c). */
#include "serve/rollouts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random_bytes.h"
#include "serve/rollout_lane.h"
#include "serve/rollout_pool.h"
#include "serve/sticky.h"

enum { TICK_MS = 200, KEEP_SECONDS = 5 };

const char *leati_arm_name(leati_arm arm)
{
    static const char *const names[] = {"", "stable", "canary", "shadow"};
    return names[arm];
}

/* ---- lanes ------------------------------------------------------------------------------------
 */

leati_lane *leati_lane_find(const leati_rollouts *r, const char *name, size_t length)
{
    leati_lane *lane = atomic_load_explicit(&r->first, memory_order_acquire);
    while (lane && (lane->name_length != length || memcmp(lane->name, name, length) != 0))
        lane = lane->next;
    return lane;
}

leati_lane *leati_lane_make(leati_rollouts *r, leat_context *c, const char *name)
{
    leati_lane *lane = leati_lane_find(r, name, strlen(name));
    if (lane) return lane;
    lane = LEATI_NEW(c, leati_lane, 1);
    leati_lane_slot *slots = LEATI_NEW(c, leati_lane_slot, r->slots);
    leati_plan *plan = LEATI_NEW(c, leati_plan, 1);
    char *own = leati_strdup(c, name);
    uint64_t seed = 0;
    if (!lane || !slots || !plan || !own || leati_random_bytes(c, &seed, sizeof seed) != LEAT_OK) {
        leati_free(lane);
        leati_free(slots);
        leati_free(plan);
        leati_free(own);
        return NULL;
    }
    lane->slots = slots;
    lane->name = own;
    lane->name_length = strlen(own);
    for (uint32_t i = 0; i < r->slots; i++)
        slots[i].random = (seed + i) * UINT64_C(0x9e3779b97f4a7c15);
    leati_published_init(&lane->plan, plan);
    lane->next = atomic_load(&r->first);
    atomic_store_explicit(&r->first, lane, memory_order_release);
    return lane;
}

void leati_lane_free(leati_lane *lane)
{
    leati_free(atomic_load(&lane->plan.value));
    leati_free(lane->slots);
    leati_free(lane->name);
    leati_free(lane);
}

/* ---- the choice -------------------------------------------------------------------------------
 */

/* SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators",
 * 2014): the order of requests must not be able to meet a pattern of ours. */
static uint32_t draw(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(x >> 32);
}

/* Whether the next of a row of requests is among the share (of 2^32). `owed`, what the share is
 * behind by, stays between -1 and 1 (of 2^32) for ever: where both answers keep it there, chance
 * decides, such that what is owed is 0 on average. */
bool leati_share_pick(int64_t *owed, uint64_t *random, uint64_t share)
{
    int64_t due = *owed + (int64_t)share;
    bool pick = due > 0 && (due >= LEATI_WHOLE || draw(random) < (uint64_t)due);
    *owed = pick ? due - LEATI_WHOLE : due;
    return pick;
}

static bool is_chosen(leati_call *call, leati_lane *lane, const leati_plan *plan)
{
    leati_lane_slot *slot = &lane->slots[call->slot];
    char room[LEATI_STICKY_ROOM];
    leati_http_text value;
    if (plan->sticky != LEATI_STICKY_NONE &&
        leati_sticky_find(call, plan->sticky, plan->sticky_name, room, &value))
        return leati_sticky_place(plan->seed, value) < plan->share;
    return leati_share_pick(&slot->owed, &slot->random, plan->share);
}

/* A request that predicts: others are about the stable version. */
static bool predicts(const leati_call *call)
{
    const leati_route *r = call->route;
    bool asks = r && r->scope == LEATI_INFER;
    return asks && (r->body == LEATI_BODY_ROWS ||
                    (call->request->query.length && strcmp(r->name, "api_model") == 0));
}

static leati_served *choose(leati_call *call, leati_lane *lane)
{
    leati_http_text name = call->model_name;
    leati_served *served = NULL;
    leati_borrowed loan;
    const leati_plan *plan = leati_published_borrow(&lane->plan, call->slot, &loan);
    bool counted = plan->candidate && predicts(call);
    if (counted && plan->share && is_chosen(call, lane, plan))
        served = leati_shelf_find(call->shelf, name.data, name.length, plan->candidate);
    call->arm = served ? LEATI_ARM_CANDIDATE : LEATI_ARM_STABLE;
    if (!served && plan->stable)
        served = leati_shelf_find(call->shelf, name.data, name.length, plan->stable);
    if (!served) call->arm = LEATI_ARM_NONE;
    else if (counted) call->lane = lane;
    leati_published_give_back(&lane->plan, &loan);
    return served;
}

void leati_rollouts_sign(leati_call *call)
{
    char version[12];
    if (call->arm != LEATI_ARM_STABLE && call->arm != LEATI_ARM_CANDIDATE) return;
    snprintf(version, sizeof version, "%u", call->arm_version);
    leati_exchange_header(call->exchange, "Leat-Model-Version", version);
    leati_exchange_header(call->exchange, "Leat-Arm", leati_arm_name(call->arm));
}

uint64_t leati_rollouts_chosen(const leati_call *call)
{
    uint64_t counted = call->lane ? LEATI_CARRIED_COUNTED : 0, arm = (uint64_t)call->arm;
    if (call->arm == LEATI_ARM_NONE) return 0;
    return (uint64_t)call->arm_version << LEATI_CARRIED_VERSION | arm << LEATI_CARRIED_ARM |
           counted;
}

/* What another thread chose; NULL: none did, or that version is gone. */
static leati_served *chosen_before(leati_call *call, leati_lane *lane)
{
    uint64_t carried = leati_exchange_carried(call->exchange);
    leati_arm arm = (leati_arm)(carried >> LEATI_CARRIED_ARM & 3);
    if (arm == LEATI_ARM_NONE) return NULL;
    leati_http_text name = call->model_name;
    uint32_t version = (uint32_t)(carried >> LEATI_CARRIED_VERSION);
    leati_served *served = leati_shelf_find(call->shelf, name.data, name.length, version);
    if (!served) return NULL;
    call->arm = arm;
    if (carried & LEATI_CARRIED_COUNTED) call->lane = lane;
    return served;
}

leati_served *leati_rollouts_choose(leati_call *call)
{
    const leati_rollouts *r = leati_serve_rollouts(call->serve);
    leati_lane *lane = leati_lane_find(r, call->model_name.data, call->model_name.length);
    leati_served *served = lane ? chosen_before(call, lane) : NULL;
    if (lane && !served) served = choose(call, lane);
    if (!served) return NULL;
    call->arm_version = served->version;
    return served;
}

/* ---- counting ---------------------------------------------------------------------------------
 * Each slot is written by its thread alone. */

static void add_real(_Atomic double *to, double more)
{
    double old = atomic_load_explicit(to, memory_order_relaxed);
    atomic_store_explicit(to, old + more, memory_order_relaxed);
}

static void raise_real(_Atomic double *to, double value)
{
    if (value > atomic_load_explicit(to, memory_order_relaxed))
        atomic_store_explicit(to, value, memory_order_relaxed);
}

static void count_arm(leati_lane_arm *a, uint64_t ns, bool ok)
{
    double us = (double)ns / 1e3;
    leati_tally_add(&a->requests, 1);
    if (!ok) {
        leati_tally_add(&a->errors, 1);
        return;
    }
    leati_tally_add(&a->bin[leati_latency_bin(ns)], 1);
    add_real(&a->sum_us, us);
    add_real(&a->squares_us, us * us);
}

/* Mirrors the request where it is its turn. */
static void mirror(leati_rollouts *r, leati_call *call, const leati_answered *answers)
{
    leati_lane_slot *slot = &call->lane->slots[call->slot];
    leati_borrowed loan;
    const leati_plan *plan = leati_published_borrow(&call->lane->plan, call->slot, &loan);
    uint32_t version = plan->candidate;
    double tolerance = plan->tolerance;
    bool turn = version && plan->mirror &&
                leati_share_pick(&slot->owed_mirrors, &slot->random, plan->mirror);
    leati_published_give_back(&call->lane->plan, &loan);
    if (turn && !leati_shadow_offer(r->shadow, call, answers, version, tolerance))
        leati_tally_add(&slot->shadow.dropped, 1);
}

bool leati_rollouts_count(leati_call *call, const leati_answered *answers, uint64_t ns, bool ok)
{
    leati_lane *lane = call->lane;
    if (call->arm == LEATI_ARM_SHADOW) {
        leati_shadow_answered(call, answers, ns, ok);
        return false;
    }
    if (ok) leati_rollouts_sign(call);
    if (!lane || call->recalled) return true; /* a kept answer is no evidence about a version */
    leati_lane_slot *slot = &lane->slots[call->slot];
    count_arm(&slot->arm[call->arm == LEATI_ARM_CANDIDATE], ns, ok);
    if (ok && call->arm == LEATI_ARM_STABLE && answers->value) /* graphs answer in tensors */
        mirror(leati_serve_rollouts(call->serve), call, answers);
    return true;
}

/* In the shadow alone, what the second version does there is all that is known of it. */
void leati_rollouts_compared(leati_lane *lane, uint32_t at, const leati_compared *c)
{
    leati_lane_slot *slot = &lane->slots[at];
    leati_lane_shadow *s = &slot->shadow;
    leati_borrowed loan;
    const leati_plan *plan = leati_published_borrow(&lane->plan, at, &loan);
    bool alone = plan->candidate && !plan->share;
    leati_published_give_back(&lane->plan, &loan);
    if (alone) count_arm(&slot->arm[1], c->ns, c->answered);
    leati_tally_add(&s->compared, 1);
    leati_tally_add(&s->differing, c->rows_differing > 0);
    leati_tally_add(&s->failed, !c->answered);
    leati_tally_add(&s->rows, c->rows);
    leati_tally_add(&s->rows_differing, c->rows_differing);
    add_real(&s->sum_difference, c->sum_difference);
    raise_real(&s->largest_difference, c->largest_difference);
    raise_real(&s->largest_probability, c->largest_probability);
}

/* ---- reading what was counted ------------------------------------------------------------------
 */

static uint64_t get(const atomic_uint_least64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

/* Errors before requests: their writers count in the other order. */
static void gather_arm(const leati_lane_arm *a, leati_arm_stats *out)
{
    uint64_t errors = get(&a->errors);
    atomic_thread_fence(memory_order_acquire);
    out->errors += errors;
    out->requests += get(&a->requests);
    out->sum_us += atomic_load_explicit(&a->sum_us, memory_order_relaxed);
    out->squares_us += atomic_load_explicit(&a->squares_us, memory_order_relaxed);
    for (size_t i = 0; i < LEATI_LATENCY_BINS; i++) out->bin[i] += get(&a->bin[i]);
}

static void gather_shadow(const leati_lane_shadow *s, leati_shadow_stats *out)
{
    out->differing += get(&s->differing);
    out->failed += get(&s->failed);
    out->rows_differing += get(&s->rows_differing);
    atomic_thread_fence(memory_order_acquire);
    out->compared += get(&s->compared);
    out->dropped += get(&s->dropped);
    out->rows += get(&s->rows);
    out->sum_difference += atomic_load_explicit(&s->sum_difference, memory_order_relaxed);
    double d = atomic_load_explicit(&s->largest_difference, memory_order_relaxed);
    double p = atomic_load_explicit(&s->largest_probability, memory_order_relaxed);
    if (d > out->largest_difference) out->largest_difference = d;
    if (p > out->largest_probability) out->largest_probability = p;
}

static void clear_largest(leati_lane *lane, uint32_t slots)
{
    for (uint32_t i = 0; i < slots; i++) {
        atomic_store_explicit(&lane->slots[i].shadow.largest_difference, 0, memory_order_relaxed);
        atomic_store_explicit(&lane->slots[i].shadow.largest_probability, 0, memory_order_relaxed);
    }
}

static void gather(const leati_rollouts *r, const leati_lane *lane, leati_lane_counts *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < r->slots; i++) {
        gather_arm(&lane->slots[i].arm[0], &out->stable);
        gather_arm(&lane->slots[i].arm[1], &out->candidate);
        gather_shadow(&lane->slots[i].shadow, &out->shadow);
    }
}

/* errors <= requests, whatever was read between two of their writes. */
static void make_sound(leati_lane_counts *n)
{
    if (n->stable.errors > n->stable.requests) n->stable.errors = n->stable.requests;
    if (n->candidate.errors > n->candidate.requests) n->candidate.errors = n->candidate.requests;
    if (n->shadow.differing > n->shadow.compared) n->shadow.differing = n->shadow.compared;
}

leati_rollout_seen leati_lane_see(leati_rollouts *r, leati_lane *lane)
{
    leati_lane_counts *n = &lane->now;
    gather(r, lane, n);
    leati_arm_stats_since(&n->stable, &lane->base.stable);
    leati_arm_stats_since(&n->candidate, &lane->base.candidate);
    leati_shadow_stats_since(&n->shadow, &lane->base.shadow);
    make_sound(n);
    return (leati_rollout_seen){&n->stable, &n->candidate, &n->shadow};
}

/* What is seen begins anew, with what a state file had of the step. */
void leati_lane_begin_anew(leati_rollouts *r, leati_lane *lane, const leati_lane_counts *before)
{
    clear_largest(lane, r->slots);
    gather(r, lane, &lane->base);
    lane->epoch = lane->rollout.epoch;
    if (!before) return;
    leati_arm_stats_since(&lane->base.stable, &before->stable);
    leati_arm_stats_since(&lane->base.candidate, &before->candidate);
    leati_shadow_stats_since(&lane->base.shadow, &before->shadow);
    raise_real(&lane->slots[r->slots - 1].shadow.largest_difference,
               before->shadow.largest_difference);
    raise_real(&lane->slots[r->slots - 1].shadow.largest_probability,
               before->shadow.largest_probability);
}

/* ---- plans ------------------------------------------------------------------------------------
 */

static uint64_t of_whole(double share)
{
    return (uint64_t)(share * (double)LEATI_WHOLE + 0.5);
}

bool leati_lane_publish(leati_rollouts *r, leati_lane *lane)
{
    leati_plan *plan = LEATI_NEW(r->context, leati_plan, 1);
    if (!plan) {
        leat_error_clear(r->context);
        return false;
    }
    const leati_rollout_spec *spec = &lane->rollout.spec;
    leati_rollout_plan p = leati_rollout_plan_of(&lane->rollout);
    plan->stable = p.stable;
    plan->candidate = p.candidate;
    plan->share = of_whole(p.share);
    plan->mirror = of_whole(p.mirror);
    plan->sticky = spec->sticky;
    plan->seed = spec->seed;
    plan->tolerance = spec->tolerance;
    memcpy(plan->sticky_name, spec->sticky_name, sizeof plan->sticky_name);
    leati_free(leati_published_exchange(&lane->plan, plan));
    return true;
}

/* After a change of the rollout, under the lock. What could not be published is tried again. A step
 * begins to count behind its plan: this thread may have to wait between the two, and requests
 * divided by the last plan do not belong to it. */
void leati_lane_changed(leati_rollouts *r, leati_lane *lane)
{
    lane->unpublished = !leati_lane_publish(r, lane);
    if (lane->epoch != lane->rollout.epoch) leati_lane_begin_anew(r, lane, NULL);
}

/* 0: none was, as far as is known now. */
static uint32_t exchanged_version(const leati_rollouts *r, const leati_lane *lane)
{
    const leati_rollout_spec *s = &lane->rollout.spec;
    const uint32_t versions[] = {s->to, s->from};
    const char *files[] = {s->to_file, s->from_file};
    char sha256[65];
    for (int i = 0; i < 2; i++)
        if (*files[i] && leati_repository_sha256(r->repository, lane->name, versions[i], sha256) &&
            strcmp(sha256, files[i]) != 0)
            return versions[i];
    return 0;
}

bool leati_lane_check_files(leati_rollouts *r, leati_lane *lane)
{
    uint32_t version = leati_rollout_walks(&lane->rollout) ? exchanged_version(r, lane) : 0;
    if (!version) return false;
    leati_rollout_seen seen = r->pool ? leati_pool_see(r, lane) : leati_lane_see(r, lane);
    leati_rollout_exchanged(&lane->rollout, &seen, version, (int64_t)time(NULL));
    lane->parted = r->pool != NULL;
    leati_lane_changed(r, lane);
    return true;
}

/* ---- the thread -------------------------------------------------------------------------------
 */

/* Under the lock; true: its state should be kept. */
static bool move(leati_rollouts *r, leati_lane *lane, double seconds)
{
    uint64_t before = lane->rollout.revision;
    (void)leati_lane_check_files(r, lane);
    if (r->pool) {
        leati_pool_tick(r, lane, seconds);
    } else if (leati_rollout_walks(&lane->rollout) && !lane->absent) {
        leati_rollout_seen seen = leati_lane_see(r, lane);
        leati_rollout_tick(&lane->rollout, &seen, seconds, (int64_t)time(NULL));
    }
    lane->since_kept += seconds;
    if (lane->rollout.revision != before || lane->unpublished) leati_lane_changed(r, lane);
    bool news = lane->rollout.revision != lane->kept, later = lane->since_kept >= KEEP_SECONDS;
    return later ? news || leati_rollout_walks(&lane->rollout) : news && !*lane->trouble;
}

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Until the next tick or the end. */
static void rest(leati_rollouts *r)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until); /* the clock on the wall may be set back for hours */
    until.tv_nsec += TICK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) until.tv_sec++, until.tv_nsec -= 1000000000L;
    pthread_cond_timedwait(&r->wake, &r->lock, &until);
}

static void *work(void *arg)
{
    leati_rollouts *r = arg;
    double last = now_seconds();
    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        while (!r->stop && !atomic_load(&r->first)) {
            pthread_cond_wait(&r->wake, &r->lock);
            last = now_seconds();
        }
        rest(r);
        double now = now_seconds(), seconds = now - last;
        last = now;
        leati_lane *lane = atomic_load(&r->first);
        for (; lane && !r->stop; lane = lane->next) {
            if (!move(r, lane, seconds)) continue;
            pthread_mutex_unlock(&r->lock); /* lanes stay */
            leati_rollouts_keep(r, lane);
            pthread_mutex_lock(&r->lock);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- the life ---------------------------------------------------------------------------------
 */

bool leati_rollouts_need(leati_rollouts *r, const char *model, uint32_t version, uint32_t present)
{
    const leati_lane *lane = leati_lane_find(r, model, strlen(model));
    if (!lane) return false;
    pthread_mutex_lock(&r->lock);
    const leati_rollout *w = &lane->rollout;
    uint32_t other = leati_rollout_walks(w) ? w->spec.to : w->previous;
    bool here = present == w->stable || w->alias == LEATI_ALIAS_WAITS;
    bool needs = (leati_rollout_walks(w) || here) && (version == w->stable || version == other);
    pthread_mutex_unlock(&r->lock);
    return needs;
}

bool leati_rollouts_permit(leati_rollouts *r, const char *model, uint32_t version, const char *etag,
                           leati_fault *fault)
{
    const leati_lane *lane = leati_lane_find(r, model, strlen(model));
    if (!lane) return true;
    pthread_mutex_lock(&r->lock);
    const leati_rollout *w = &lane->rollout;
    const leati_rollout_spec *s = &w->spec;
    bool of_it = !version || version == s->from || version == s->to;
    const char *file = version == s->from ? s->from_file : s->to_file;
    bool same = etag && *file && strncmp(etag + 1, file, 64) == 0;
    bool held = leati_rollout_walks(w) && of_it && !same;
    if (held)
        leati_fault_set(fault, 409, "rollout_under_way",
                        "version %u of '%s' takes part in a rollout that is %s, which is about "
                        "this very file: finish or abort the rollout first (POST "
                        "/api/v1/%s/rollout), or upload the file as a new version",
                        version ? version : s->to, model, leati_rollout_phase_name(w->phase),
                        model);
    pthread_mutex_unlock(&r->lock);
    return !held;
}

bool leati_rollouts_waits(leati_rollouts *r, const char *model, const char *alias)
{
    leati_lane *lane = leati_lane_find(r, model, strlen(model));
    if (!lane) return false;
    pthread_mutex_lock(&r->lock);
    const leati_rollout *w = &lane->rollout;
    bool waits = w->alias == LEATI_ALIAS_WAITS && strcmp(w->spec.alias, alias) == 0;
    pthread_mutex_unlock(&r->lock);
    return waits;
}

leat_status leati_rollouts_open(leat_context *c, leati_rollouts **out, leati_repository *repository,
                                leati_follow *follow, uint32_t slots, const char *folder)
{
    *out = NULL;
    leati_rollouts *r = LEATI_NEW(c, leati_rollouts, 1);
    if (!r) return leat_error_status(c);
    r->repository = repository;
    r->follow = follow;
    r->slots = slots;
    r->folder_lock = -1;
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->saving, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->wake, &attr);
    pthread_condattr_destroy(&attr);
    leat_status st = leati_context_branch(c, &r->context);
    if (st == LEAT_OK) st = leati_context_branch(c, &r->saving_context);
    if (st == LEAT_OK && folder) st = leati_rollouts_recall(r, c, folder);
    if (st == LEAT_OK) *out = r;
    else leati_rollouts_close(r);
    return st;
}

leat_status leati_rollouts_start(leati_rollouts *r, leat_context *c, leati_serve *serve,
                                 leati_desk *desk)
{
    LEATI_TRY(leati_shadow_start(c, &r->shadow, serve, r->repository, r->slots - 1, desk));
    r->runs = pthread_create(&r->thread, NULL, work, r) == 0;
    LEATI_CHECK(c, r->runs, LEAT_NOMEM, "no further thread can be started");
    return LEAT_OK;
}

void leati_rollouts_close(leati_rollouts *r)
{
    if (!r) return;
    leati_pool_leave(r);
    if (r->runs) {
        pthread_mutex_lock(&r->lock);
        r->stop = true;
        pthread_cond_signal(&r->wake);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->thread, NULL);
    }
    leati_shadow_stop(r->shadow);
    for (leati_lane *lane = atomic_load(&r->first); lane;) {
        leati_lane *next = lane->next;
        if (r->runs && lane->rollout.phase != LEATI_ROLLOUT_NONE) leati_rollouts_keep(r, lane);
        leati_lane_free(lane);
        lane = next;
    }
    leati_rollouts_unlock(r);
    leati_pool_free(r->pool);
    leat_context_destroy(r->context);
    leat_context_destroy(r->saving_context);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->saving);
    pthread_mutex_destroy(&r->lock);
    leati_free(r->folder);
    leati_free(r);
}
