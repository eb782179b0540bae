/* Owns: what requests change about rollouts, on the steward's thread; how they stand, for clients.
 * Not: HTTP (rollout_routes.c). */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random_bytes.h"
#include "serve/rollout_lane.h"
#include "serve/rollout_pool.h"
#include "serve/served_graph.h"

static const double usual_steps[] = {1, 5, 25, 50, 100};
enum { USUAL_HOLD = 600, NO_END = 1000000000 };
static const double usual_mirror = 0.1; /* where a rule asks for mirrored requests */

/* The version that answers now where none is named; 0: there is none. */
static uint32_t serving(const leati_shelf *shelf, const leati_lane *lane, const char *name,
                        size_t length)
{
    uint32_t stable = lane ? lane->rollout.stable : 0;
    const leati_served *s = leati_shelf_find(shelf, name, length, stable);
    if (!s && stable) s = leati_shelf_find(shelf, name, length, 0);
    return s ? s->version : 0;
}

static bool no_model(leati_fault *fault, const char *name)
{
    return leati_fault_set(fault, 404, "no_such_model", "there is no model '%.*s'",
                           LEATI_CLIP(name, strlen(name)));
}

/* ---- beginning --------------------------------------------------------------------------------
 */

/* The alias that is to follow: the one that was named, else the one that followed the rollout
 * before this one, or is still to, else the one by which the model is served, where it stands at
 * the stable version. */
static bool choose_alias(const leati_rollouts *r, const leati_lane *lane, leati_rollout_spec *s,
                         leati_fault *fault)
{
    const leati_rollout *before = &lane->rollout;
    if (strcmp(s->alias, "none") == 0) {
        *s->alias = '\0';
        return true;
    }
    bool again = before->alias == LEATI_ALIAS_WAITS ||
                 (before->alias == LEATI_ALIAS_MOVED && before->stable == s->from);
    if (!*s->alias && again) memcpy(s->alias, before->spec.alias, sizeof s->alias);
    else if (!*s->alias && r->follow) leati_follow_alias(r->follow, lane->name, s->from, s->alias);
    if (!*s->alias || r->pool || (r->follow && leati_follow_moves(r->follow))) return true;
    return leati_fault_set(fault, 422, "no_registry",
                           "the alias '%.100s' cannot follow: this server does not go on to speak "
                           "to a registry; serve NAME@ALIAS, or with --pool",
                           s->alias);
}

/* Fills in what was not named. */
static bool complete(leati_rollouts *r, leati_lane *lane, leati_rollout_spec *s, leati_fault *fault)
{
    bool compares = false;
    if (!s->from)
        s->from =
            serving(leati_repository_shelf(r->repository), lane, lane->name, lane->name_length);
    if (!s->from) return no_model(fault, lane->name);
    if (!s->to && s->mode == LEATI_SWITCH) s->to = lane->rollout.previous;
    if (!s->to)
        return leati_fault_set(fault, 422, "invalid_rollout", "%s",
                               s->mode == LEATI_SWITCH
                                   ? "there was no version before this one; name one: \"to\""
                                   : "\"to\", the version to roll out, is missing");
    for (size_t i = 0; i < s->rule_count; i++)
        compares = compares || s->rules[i].measure == LEATI_DISAGREEMENT;
    if (!choose_alias(r, lane, s, fault)) return false;
    if (s->mode == LEATI_SHADOW && s->mirror <= 0) s->mirror = 1;
    if (s->mode == LEATI_CANARY && compares && s->mirror <= 0) s->mirror = usual_mirror;
    if (s->mode == LEATI_SWITCH) s->mirror = 0, s->rule_count = 0;
    if (isnan(s->hold))
        s->hold = s->mode == LEATI_CANARY ? USUAL_HOLD : s->mode == LEATI_SHADOW ? NO_END : 0;
    if (s->mode == LEATI_CANARY && !s->step_count) {
        s->step_count = sizeof usual_steps / sizeof *usual_steps;
        memcpy(s->steps, usual_steps, sizeof usual_steps);
    }
    if (s->mode != LEATI_CANARY) s->step_count = 0;
    if (!s->seed && leati_random_bytes(r->context, &s->seed, sizeof s->seed) != LEAT_OK)
        return leati_fault_from(fault, r->context);
    s->seed &= (UINT64_C(1) << 53) - 1; /* exact in every reader of JSON */
    return true;
}

/* Makes and completes what was asked for; the stable version is held before another is loaded,
 * which would answer at once as the highest. */
static leati_lane *prepare(leati_rollouts *r, const char *name, leati_rollout_spec *spec,
                           leati_rollout *before, leati_fault *fault)
{
    char why[LEATI_RULE_WHY];
    leati_lane *lane = leati_lane_find(r, name, strlen(name));
    if (!serving(leati_repository_shelf(r->repository), lane, name, strlen(name))) {
        no_model(fault, name);
        return NULL;
    }
    lane = leati_lane_make(r, r->context, name);
    if (!lane) {
        leati_fault_from(fault, r->context);
        return NULL;
    }
    *before = lane->rollout;
    if (leati_rollout_walks(&lane->rollout)) {
        leati_fault_set(fault, 409, "rollout_under_way",
                        "a rollout of '%s' to version %u is %s; finish or abort it first", name,
                        lane->rollout.spec.to, leati_rollout_phase_name(lane->rollout.phase));
        return NULL;
    }
    if (!complete(r, lane, spec, fault)) return NULL;
    if (!leati_rollout_spec_check(spec, why)) {
        leati_fault_set(fault, 422, "invalid_rollout", "%s", why);
        return NULL;
    }
    lane->rollout.stable = spec->from;
    leati_lane_changed(r, lane);
    return lane;
}

static bool load(leati_rollouts *r, const char *name, const leati_rollout_spec *spec,
                 leati_fault *fault)
{
    const uint32_t versions[] = {spec->to, spec->from};
    for (int i = 0; i < 2; i++) {
        const leati_shelf *shelf = leati_repository_shelf(r->repository);
        if (leati_shelf_find(shelf, name, strlen(name), versions[i])) continue;
        if (!leati_repository_load(r->repository, name, fault)) return false;
        shelf = leati_repository_shelf(r->repository);
        if (leati_shelf_find(shelf, name, strlen(name), versions[i])) continue;
        return leati_fault_set(fault, 404, "no_such_version",
                               "the model '%s' has no version %u: it is neither loaded nor in a "
                               "folder that is served, as %s/%u.leat, nor in a registry that "
                               "this model is served out of",
                               name, versions[i], name, versions[i]);
    }
    return true;
}

/* An input that `to` needs and `from` does not take, or not of that kind; NULL: there is none. */
static const leati_port *other_input(const leati_served *from, const leati_served *to)
{
    for (size_t i = 0; i < to->inputs; i++) {
        const leati_port *p = &to->ports[i];
        uint32_t k = leati_map_get(&from->names, p->name, p->name_length);
        if (k == LEATI_MAP_NONE || from->ports[k].role != p->role ||
            from->ports[k].elements != p->elements)
            return p;
    }
    return NULL;
}

/* Clients of the stable version would get errors from the other one, or answers of another kind:
 * a canary is refused where no rule about errors takes it back, for time alone would bring it to
 * all, and nobody said that it is meant. A switch is somebody's decision, and undone as quickly. */
static bool alike(leati_rollouts *r, const char *name, const leati_rollout_spec *spec,
                  leati_fault *fault)
{
    const leati_shelf *shelf = leati_repository_shelf(r->repository);
    const leati_served *from = leati_shelf_find(shelf, name, strlen(name), spec->from);
    const leati_served *to = leati_shelf_find(shelf, name, strlen(name), spec->to);
    bool guarded = spec->mode != LEATI_CANARY || spec->other_schema;
    for (size_t i = 0; i < spec->rule_count; i++)
        guarded = guarded || spec->rules[i].measure == LEATI_ERROR_RATE;
    if (guarded || !from || !to) return true;
    const char *meant = "; \"other_schema\": true (--other-schema) says that it is meant";
    if (!from->model != !to->model)
        return leati_fault_set(fault, 422, "other_schema",
                               "of the versions %u and %u one is an imported graph, which takes "
                               "other requests%s",
                               spec->from, spec->to, meant);
    const leati_port *p = other_input(from, to);
    if (p)
        return leati_fault_set(fault, 422, "other_schema",
                               "version %u needs the input '%.*s', which version %u does not take "
                               "or takes as something else, so that requests would fail%s",
                               spec->to, LEATI_CLIP(p->name, p->name_length), spec->from, meant);
    if (!from->classes != !to->classes)
        return leati_fault_set(fault, 422, "other_schema",
                               "version %u answers with %s, version %u with %s%s", spec->to,
                               to->classes ? "classes" : "numbers", spec->from,
                               from->classes ? "classes" : "numbers", meant);
    return true;
}

static bool has_input(const leati_served *s, const char *name)
{
    size_t length = strlen(name);
    if (s->model) return leati_map_get(&s->names, name, length) != LEATI_MAP_NONE;
    for (size_t i = 0; i < s->graph->ins; i++) {
        const leati_graph_port *p = &s->graph->inputs[i];
        if (p->name_length == length && memcmp(p->name, name, length) == 0) return true;
    }
    return false;
}

/* By a value that no request has, nobody would stay on a version, and nothing would say so. */
static bool sticks(leati_rollouts *r, const char *name, const leati_rollout_spec *spec,
                   leati_fault *fault)
{
    const leati_shelf *shelf = leati_repository_shelf(r->repository);
    const leati_served *from = leati_shelf_find(shelf, name, strlen(name), spec->from);
    if (spec->sticky != LEATI_STICKY_INPUT || !from || has_input(from, spec->sticky_name))
        return true;
    return leati_fault_set(fault, 422, "invalid_rollout",
                           "version %u of '%.128s' has no input '%.*s' that clients could be kept "
                           "together by; \"sticky\" is input:COLUMN with one of its inputs, or "
                           "header:NAME or key for what is none",
                           spec->from, name,
                           LEATI_CLIP(spec->sticky_name, strlen(spec->sticky_name)));
}

/* What is seen from now on is about these files. */
static void bind_files(leati_rollouts *r, const char *name, leati_rollout_spec *spec)
{
    const leati_shelf *shelf = leati_repository_shelf(r->repository);
    const leati_served *from = leati_shelf_find(shelf, name, strlen(name), spec->from);
    const leati_served *to = leati_shelf_find(shelf, name, strlen(name), spec->to);
    *spec->from_file = *spec->to_file = '\0';
    if (from) snprintf(spec->from_file, sizeof spec->from_file, "%.64s", from->etag + 1);
    if (to) snprintf(spec->to_file, sizeof spec->to_file, "%.64s", to->etag + 1);
}

static void go_back(leati_rollouts *r, leati_lane *lane, const leati_rollout *before)
{
    uint64_t revision = lane->rollout.revision + 1, epoch = lane->rollout.epoch + 1;
    lane->rollout = *before;
    lane->rollout.revision = revision;
    lane->rollout.epoch = epoch;
    leati_lane_changed(r, lane);
}

void leati_rollouts_fetch(leati_rollouts *r, const char *model, uint32_t version)
{
    char path[LEATI_POOL_PATH];
    leati_fault unused = {0};
    leat_context *c = leati_repository_context(r->repository);
    leati_lane *lane = leati_lane_find(r, model, strlen(model));
    const leati_shelf *shelf = leati_repository_shelf(r->repository);
    if (!lane || leati_shelf_find(shelf, model, lane->name_length, version)) return;
    (void)leati_repository_rescan(r->repository, &unused);
    if (leati_repository_path(r->repository, model, version)) return;
    bool found =
        r->pool ? leati_pool_find(r, lane, version, path)
                : r->follow && leati_follow_find(r->follow, c, model, version, path, sizeof path);
    if (found) (void)leati_repository_move(r->repository, model, 0, version, path, false, &unused);
}

static void fetch(leati_rollouts *r, const leati_lane *lane, const leati_rollout_spec *spec)
{
    leati_rollouts_fetch(r, lane->name, spec->to);
    leati_rollouts_fetch(r, lane->name, spec->from);
}

/* In a pool: what the others did meanwhile stays. */
static bool begin_in_pool(leati_rollouts *r, leati_lane *lane, leati_rollout_spec *spec,
                          const leati_rollout *before, leati_fault *fault)
{
    pthread_mutex_lock(&r->lock);
    int64_t stood = lane->shared;
    pthread_mutex_unlock(&r->lock);
    fetch(r, lane, spec);
    bool ok = load(r, lane->name, spec, fault) && alike(r, lane->name, spec, fault) &&
              sticks(r, lane->name, spec, fault);
    if (ok) bind_files(r, lane->name, spec);
    ok = ok && leati_pool_ask(r, lane, LEATI_POOL_BEGIN, spec, LEATI_ROLLOUT_PROMOTE, fault);
    pthread_mutex_lock(&r->lock);
    if (!ok && lane->shared == stood) go_back(r, lane, before);
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    if (ok) (void)leati_rollouts_keep(r, lane);
    return ok;
}

static bool begin(leati_rollouts *r, const char *name, leati_rollout_spec *spec,
                  leati_rollout *before, leati_fault *fault)
{
    pthread_mutex_lock(&r->lock);
    leati_lane *lane = prepare(r, name, spec, before, fault);
    pthread_mutex_unlock(&r->lock);
    if (!lane) return false;
    if (r->pool) return begin_in_pool(r, lane, spec, before, fault);
    fetch(r, lane, spec);
    bool ok =
        load(r, name, spec, fault) && alike(r, name, spec, fault) && sticks(r, name, spec, fault);
    if (ok) bind_files(r, name, spec);
    pthread_mutex_lock(&r->lock);
    if (ok) leati_rollout_begin(&lane->rollout, spec, (int64_t)time(NULL));
    if (ok) leati_lane_changed(r, lane);
    else go_back(r, lane, before);
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    if (!ok || leati_rollouts_keep(r, lane)) return ok;
    /* What was acknowledged must survive, so it is not acknowledged. */
    pthread_mutex_lock(&r->lock);
    go_back(r, lane, before);
    leati_fault_set(fault, 507, "state_not_kept",
                    "the rollout was not begun, as its state cannot be kept: %s", lane->trouble);
    pthread_mutex_unlock(&r->lock);
    return false;
}

bool leati_rollouts_begin(leati_rollouts *r, const char *name, const leati_rollout_spec *spec,
                          leati_fault *fault)
{
    leati_rollout_spec own = *spec;
    leati_rollout *before = leati_alloc_quiet(r->context, sizeof *before);
    if (!before) return leati_fault_set(fault, 503, "no_memory", "the server lacks memory");
    bool ok = begin(r, name, &own, before, fault);
    leati_free(before);
    return ok;
}

/* ---- afterwards -------------------------------------------------------------------------------
 */

/* Taking back waits for nobody: it is done here, then told. What this server does not know of yet
 * is asked of the pool as everything else. */
static bool act_in_pool(leati_rollouts *r, leati_lane *lane, leati_rollout_action action,
                        leati_fault *fault)
{
    char why[LEATI_RULE_WHY];
    bool done = false;
    pthread_mutex_lock(&r->lock);
    if (action == LEATI_ROLLOUT_ABORT && leati_rollout_walks(&lane->rollout)) {
        leati_rollout_seen seen = leati_pool_see(r, lane);
        done = leati_rollout_act(&lane->rollout, action, &seen, (int64_t)time(NULL), why);
        lane->parted = true;
        leati_lane_changed(r, lane);
    }
    pthread_mutex_unlock(&r->lock);
    if (done) leati_pool_tell(r, lane);
    else if (!leati_pool_ask(r, lane, LEATI_POOL_ACT, NULL, action, fault)) return false;
    (void)leati_rollouts_keep(r, lane);
    return true;
}

bool leati_rollouts_act(leati_rollouts *r, const char *name, leati_rollout_action action,
                        leati_fault *fault)
{
    char why[LEATI_RULE_WHY] = "no rollout is under way";
    pthread_mutex_lock(&r->lock);
    leati_lane *lane = leati_lane_find(r, name, strlen(name));
    bool ok = lane != NULL;
    if (lane && r->pool) {
        pthread_mutex_unlock(&r->lock);
        return act_in_pool(r, lane, action, fault);
    }
    if (lane) {
        leati_rollout_seen seen = leati_lane_see(r, lane);
        ok = leati_rollout_act(&lane->rollout, action, &seen, (int64_t)time(NULL), why);
    }
    if (ok) leati_lane_changed(r, lane);
    pthread_mutex_unlock(&r->lock);
    if (!ok) return leati_fault_set(fault, 409, "not_now", "%s", why);
    (void)leati_rollouts_keep(r, lane); /* a full disk must not keep a version from going back */
    return true;
}

bool leati_rollouts_forget(leati_rollouts *r, const char *name, leati_fault *fault)
{
    leati_lane *known = leati_lane_find(r, name, strlen(name));
    if (r->pool && known)
        return leati_pool_ask(r, known, LEATI_POOL_FORGET, NULL, LEATI_ROLLOUT_PROMOTE, fault);
    pthread_mutex_lock(&r->lock);
    leati_lane *lane = leati_lane_find(r, name, strlen(name));
    bool there = lane && lane->rollout.phase != LEATI_ROLLOUT_NONE;
    if (there) go_back(r, lane, &(leati_rollout){.phase = LEATI_ROLLOUT_NONE});
    pthread_mutex_unlock(&r->lock);
    if (!there)
        return leati_fault_set(fault, 404, "no_rollout", "'%.*s' was never rolled out",
                               LEATI_CLIP(name, strlen(name)));
    leati_rollouts_drop(r, lane);
    return true;
}

void leati_rollouts_look(leati_rollouts *r)
{
    pthread_mutex_lock(&r->lock);
    for (leati_lane *lane = atomic_load(&r->first); lane; lane = lane->next) {
        leati_rollout *w = &lane->rollout;
        (void)leati_lane_check_files(r, lane);
        bool stable = leati_lane_loaded(r, lane, w->stable), walks = leati_rollout_walks(w);
        bool absent = walks && !(stable && leati_lane_loaded(r, lane, w->spec.to));
        uint32_t missing = !absent ? 0 : stable ? w->spec.to : w->stable;
        if (walks && absent != lane->absent && !r->pool)
            leati_rollout_stand(w, missing, (int64_t)time(NULL));
        lane->absent = absent;
    }
    pthread_mutex_unlock(&r->lock);
}

/* The versions it divides requests between, or came to, that are not loaded here: deleted,
 * unloaded, or not fetched yet. */
static void say_absent(leat_json *j, const leati_shelf *shelf, const leati_lane *lane)
{
    const leati_rollout *w = &lane->rollout;
    const uint32_t needed[] = {w->stable, leati_rollout_walks(w) ? w->spec.to : 0};
    leat_json_begin_array(j, "absent");
    for (int i = 0; i < 2; i++)
        if (needed[i] && !leati_shelf_find(shelf, lane->name, lane->name_length, needed[i]))
            leat_json_int(j, NULL, needed[i]);
    leat_json_end_array(j);
}

leat_json *leati_rollouts_status(leati_rollouts *r, leat_context *c, const leati_shelf *shelf,
                                 const char *name, size_t length)
{
    leat_json *j = leat_json_create(c, 0);
    leat_json_begin_object(j, NULL);
    leat_json_stringn(j, "model", name, length);
    pthread_mutex_lock(&r->lock);
    leati_lane *lane = leati_lane_find(r, name, length);
    leat_json_int(j, "serving", serving(shelf, lane, name, length));
    if (lane) {
        leati_rollout_seen seen = r->pool ? leati_pool_see(r, lane) : leati_lane_see(r, lane);
        leati_rollout_say(j, &lane->rollout, &seen);
        leat_json_string(j, "trouble", lane->trouble);
        say_absent(j, shelf, lane);
    } else {
        leat_json_string(j, "phase", leati_rollout_phase_name(LEATI_ROLLOUT_NONE));
    }
    if (r->pool) leati_pool_say(j, r, lane);
    pthread_mutex_unlock(&r->lock);
    leat_json_bool(j, "kept", r->folder || r->pool);
    leat_json_end_object(j);
    return j;
}
