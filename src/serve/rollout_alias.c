/* Owns: moving aliases of the registry behind rollouts. Not: when they are to be moved
 * (rollout_walk.c), rows of a pool (rollout_pool_round.c). */
#include "serve/rollout_alias.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "model/registry.h"
#include "serve/rollout_lane.h"

bool leati_alias_move_of(const leati_rollout *r, leati_alias_move *out)
{
    *out = (leati_alias_move){.from = r->alias_from, .to = r->stable, .state = r->alias};
    memcpy(out->alias, r->spec.alias, sizeof out->alias);
    return r->alias == LEATI_ALIAS_WAITS && r->stable && r->phase != LEATI_ROLLOUT_NONE;
}

leat_status leati_alias_try(leat_registry *registry, const char *model, leati_alias_move *m)
{
    leat_context *c = registry->context;
    int64_t was = 0;
    leat_status st = leat_registry_tag(registry, model, m->alias, m->to, m->from, &was);
    bool answered = st == LEAT_OK || st == LEAT_DIFFERS || st == LEAT_NOT_FOUND;
    if (!answered) return st;
    bool stands =
        st == LEAT_OK || was == m->to; /* by us, of which we did not learn, or by others */
    m->state = stands ? LEATI_ALIAS_MOVED : LEATI_ALIAS_LOST;
    m->found = stands ? 0 : was;
    if (!stands) {
        int n = (int)strcspn(leat_error_message(c), "\n");
        snprintf(m->why, sizeof m->why, "%.*s", n, leat_error_message(c));
    }
    leat_error_clear(c);
    return LEAT_OK;
}

void leati_alias_line(const char *model, const leati_alias_move *m, char out[LEATI_ALIAS_LINE])
{
    if (m->state == LEATI_ALIAS_MOVED)
        snprintf(out, LEATI_ALIAS_LINE, "%.128s@%s stands at version %u, as the rollout has ended",
                 model, m->alias, m->to);
    else
        snprintf(out, LEATI_ALIAS_LINE,
                 "%.128s@%s was not moved to version %u, which the rollout came to: %s", model,
                 m->alias, m->to, m->why);
}

leat_status leati_rollouts_settle(leati_rollouts *r, leat_registry *registry,
                                  void (*say)(void *user, const char *line), void *user)
{
    char line[LEATI_ALIAS_LINE];
    leati_lane *lane = r->pool ? NULL : atomic_load_explicit(&r->first, memory_order_acquire);
    for (; lane; lane = lane->next) {
        leati_alias_move m;
        pthread_mutex_lock(&r->lock);
        bool waits = leati_alias_move_of(&lane->rollout, &m);
        uint64_t epoch = lane->rollout.epoch;
        pthread_mutex_unlock(&r->lock);
        if (!waits) continue;
        LEATI_TRY(leati_alias_try(registry, lane->name, &m));
        pthread_mutex_lock(&r->lock);
        leati_rollout *now = &lane->rollout;
        if (now->alias == LEATI_ALIAS_WAITS && now->epoch == epoch && now->stable == m.to)
            leati_rollout_alias_done(now, m.state, m.found, m.why, (int64_t)time(NULL));
        if (m.state == LEATI_ALIAS_MOVED && r->follow)
            leati_follow_moved(r->follow, lane->name, m.alias, m.to);
        pthread_mutex_unlock(&r->lock);
        leati_alias_line(lane->name, &m, line);
        say(user, line);
    }
    return LEAT_OK;
}
