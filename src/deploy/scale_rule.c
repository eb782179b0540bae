/* Owns: how many workers a load needs, and when. Not: workers (scale_workers.c). */
#include <leat/scale.h>

#include <math.h>
#include <stdbool.h>

#include "base/error.h"

enum { MOST_WORKERS = 1024 };

leat_scale_rule leat_scale_rule_default(void)
{
    return (leat_scale_rule){.struct_size = sizeof(leat_scale_rule),
                             .least = 1,
                             .most = 4,
                             .up = 0.7,
                             .down = 0.25,
                             .up_for = 10,
                             .down_for = 120,
                             .cool_down = 30,
                             .window = 300};
}

static bool is_time(double seconds)
{
    return seconds >= 0 && seconds <= 1e7;
}

leat_status leat_scale_rule_check(leat_context *c, const leat_scale_rule *r)
{
    LEATI_CHECK(c, r->least >= 1 && r->least <= r->most && r->most <= MOST_WORKERS, LEAT_INVALID,
                "workers: from %u to %u; expected 1 <= least <= most <= %d", r->least, r->most,
                MOST_WORKERS);
    LEATI_CHECK(c, r->down >= 0 && r->down < r->up && r->up <= 1, LEAT_INVALID,
                "thresholds: up %g, down %g; expected 0 <= down < up <= 1", r->up, r->down);
    LEATI_CHECK(c,
                is_time(r->up_for) && is_time(r->down_for) && is_time(r->cool_down) &&
                    is_time(r->window),
                LEAT_INVALID, "times of the rule are seconds from 0 to 1e7");
    return LEAT_OK;
}

leat_scale_state leat_scale_begin(const leat_scale_rule *rule, uint32_t workers)
{
    if (workers < rule->least) workers = rule->least;
    if (workers > rule->most) workers = rule->most;
    return (leat_scale_state){.workers = workers,
                              .changed = -INFINITY,
                              .reversed = -INFINITY,
                              .above = INFINITY,
                              .below = INFINITY};
}

static bool may_change(const leat_scale_rule *r, const leat_scale_state *s, double now,
                       int direction)
{
    if (now - s->changed < r->cool_down) return false;
    return s->direction != -direction || now - s->reversed >= r->window;
}

static uint32_t change(leat_scale_state *s, double now, uint32_t workers)
{
    int direction = workers > s->workers ? 1 : -1;
    if (s->direction == -direction) s->reversed = now;
    s->direction = direction;
    s->changed = now;
    s->above = s->below = INFINITY; /* the new number has to show itself first */
    s->workers = workers;
    return workers;
}

/* As many as bring the load to the middle; more than now, at most twice as many. */
static uint32_t more(const leat_scale_rule *r, const leat_scale_state *s, double load)
{
    double want = ceil(s->workers * load / (0.5 * (r->up + r->down)));
    if (want < s->workers + 1.0) want = s->workers + 1.0;
    if (want > 2.0 * s->workers) want = 2.0 * s->workers;
    return want < r->most ? (uint32_t)want : r->most;
}

uint32_t leat_scale_decide(const leat_scale_rule *r, leat_scale_state *s, double now, double load)
{
    if (!(load >= r->up)) s->above = INFINITY; /* also where it is not known */
    else if (now < s->above) s->above = now;
    if (!(load <= r->down)) s->below = INFINITY;
    else if (now < s->below) s->below = now;
    if (now - s->above >= r->up_for && s->workers < r->most && may_change(r, s, now, 1))
        return change(s, now, more(r, s, load));
    bool spare = s->workers > r->least && load * s->workers < r->up * (s->workers - 1);
    if (now - s->below >= r->down_for && spare && may_change(r, s, now, -1))
        return change(s, now, s->workers - 1);
    return s->workers;
}
