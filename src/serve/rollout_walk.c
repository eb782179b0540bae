/* Owns: the decisions of a rollout. Not: statistics (rollout_judge.c), requests (rollouts.c). */
#include "serve/rollout_walk.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "learn/sequential.h"

/* ---- names ------------------------------------------------------------------------------------
 */

const char *leati_rollout_phase_name(leati_rollout_phase phase)
{
    static const char *const names[] = {"none", "running", "paused", "done", "aborted"};
    return names[phase];
}

const char *leati_rollout_mode_name(leati_rollout_mode mode)
{
    static const char *const names[] = {"canary", "shadow", "switch"};
    return names[mode];
}

const char *leati_step_result_name(leati_step_result result)
{
    static const char *const names[] = {"ahead", "under way", "passed", "skipped", "aborted"};
    return names[result];
}

const char *leati_alias_state_name(leati_alias_state state)
{
    static const char *const names[] = {"stays", "waits", "moved", "lost"};
    return names[state];
}

/* ---- what is asked for ------------------------------------------------------------------------
 */

leati_rollout_spec leati_rollout_spec_default(void)
{
    return (leati_rollout_spec){.alpha = 0.05, .tolerance = 0.01};
}

static bool cannot(char *why, const char *format, ...) LEAT_PRINTF(2, 3);
static bool cannot(char *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, LEATI_RULE_WHY, format, args);
    va_end(args);
    return false;
}

static bool check_steps(const leati_rollout_spec *s, char *why)
{
    double before = 0;
    if (s->mode != LEATI_CANARY) return true;
    if (s->step_count == 0 || s->step_count > LEATI_ROLLOUT_STEPS)
        return cannot(why, "a rollout has 1 to %d steps, not %zu", LEATI_ROLLOUT_STEPS,
                      s->step_count);
    for (size_t i = 0; i < s->step_count; i++) {
        if (!(s->steps[i] > before && s->steps[i] <= 100))
            return cannot(why, "steps are percentages that grow, the last at most 100: %g after %g",
                          s->steps[i], before);
        before = s->steps[i];
    }
    return true;
}

static bool check_rules(const leati_rollout_spec *s, char *why)
{
    if (s->rule_count > LEATI_ROLLOUT_RULES)
        return cannot(why, "a rollout has at most %d rules, not %zu", LEATI_ROLLOUT_RULES,
                      s->rule_count);
    for (size_t i = 0; i < s->rule_count; i++) {
        const leati_rule *r = &s->rules[i];
        if (r->measure == LEATI_DISAGREEMENT && !(s->mirror > 0))
            return cannot(why, "the rule '%s' needs mirrored requests: a share to mirror above 0",
                          r->text);
        if (r->relative && s->mode == LEATI_CANARY && s->steps[0] >= 100)
            return cannot(why,
                          "the rule '%s' compares with the stable version, which gets no request "
                          "at 100%%: put a step below 100 first",
                          r->text);
    }
    return true;
}

bool leati_rollout_spec_check(const leati_rollout_spec *s, char *why)
{
    if (s->from == s->to && s->mode != LEATI_SWITCH) /* a switch to it is done, and stays */
        return cannot(why,
                      "version %u is already the one that is served; to roll out from another "
                      "one, name it as the version to come from",
                      s->to);
    if (!(s->hold >= 0) || !(s->prolong >= 0))
        return cannot(why, "times to hold are seconds, 0 or more");
    if (!(s->alpha > 0 && s->alpha <= 0.5))
        return cannot(why, "alpha is an error rate above 0 and at most 0.5, not %g", s->alpha);
    if (!(s->mirror >= 0 && s->mirror <= 1))
        return cannot(why, "the share to mirror is from 0 to 100%%, not %g%%", 100 * s->mirror);
    if (!(s->tolerance >= 0 && s->tolerance <= 1))
        return cannot(why, "the tolerance is from 0 to 100%%, not %g%%", 100 * s->tolerance);
    return check_steps(s, why) && check_rules(s, why);
}

double leati_rollout_alpha(const leati_rollout_spec *s)
{
    size_t tests = (s->rule_count ? s->rule_count : 1) * (s->step_count ? s->step_count : 1);
    return s->alpha / (double)tests;
}

/* ---- where it stands --------------------------------------------------------------------------
 */

static double present_share(const leati_rollout *r)
{
    return leati_rollout_walks(r) && r->spec.mode == LEATI_CANARY ? r->spec.steps[r->step] : 0;
}

leati_rollout_plan leati_rollout_plan_of(const leati_rollout *r)
{
    leati_rollout_plan p = {.stable = r->stable};
    if (!leati_rollout_walks(r)) return p;
    p.candidate = r->spec.to;
    p.share = present_share(r) / 100;
    p.mirror = r->spec.mirror;
    return p;
}

leati_arm_summary leati_arm_summarize(const leati_arm_stats *arm)
{
    leati_arm_summary s = {.requests = arm->requests, .errors = arm->errors};
    leati_share x = {(double)arm->errors, (double)arm->requests};
    leati_share_interval(x, 0.05, &s.low, &s.high);
    s.mean = leati_arm_mean(arm);
    s.p50 = leati_arm_quantile(arm, 0.5);
    s.p99 = leati_arm_quantile(arm, 0.99);
    return s;
}

static void note(leati_rollout *r, int64_t now, const char *format, ...) LEAT_PRINTF(3, 4);
static void note(leati_rollout *r, int64_t now, const char *format, ...)
{
    if (r->event_count == LEATI_ROLLOUT_EVENTS) {
        memmove(r->events, r->events + 1, (LEATI_ROLLOUT_EVENTS - 1) * sizeof *r->events);
        r->event_count--;
    }
    leati_rollout_event *e = &r->events[r->event_count++];
    va_list args;
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    e->at = now;
    r->changed = now;
    r->revision++;
}

static void enter_phase(leati_rollout *r, leati_rollout_phase phase, const char *reason)
{
    r->phase = phase;
    r->waits = false;
    snprintf(r->reason, sizeof r->reason, "%s", reason);
}

/* ---- texts ------------------------------------------------------------------------------------
 */

static void amount_text(leati_measure measure, double value, char out[LEATI_NUM_SIZE])
{
    if (isnan(value)) snprintf(out, LEATI_NUM_SIZE, "nothing");
    else if (measure == LEATI_ERROR_RATE || measure == LEATI_DISAGREEMENT)
        snprintf(out, LEATI_NUM_SIZE, "%.3g%%", 100 * value);
    else leati_num_seconds(value / 1e9, out);
}

/* "p99>stable*1.5: 4.2 ms, the limit is 3.1 ms" */
static void rule_text(const leati_rule *rule, const leati_judgement *j, char *out, size_t size)
{
    char value[LEATI_NUM_SIZE], limit[LEATI_NUM_SIZE];
    amount_text(rule->measure, j->value, value);
    amount_text(rule->measure, j->limit, limit);
    snprintf(out, size, "%s: %s seen, the limit is %s", rule->text, value, limit);
}

/* ---- steps ------------------------------------------------------------------------------------
 */

static void begin_step(leati_rollout *r, size_t step)
{
    r->step = step;
    r->epoch++;
    r->holds++;
    r->steps[step] = (leati_rollout_step){.result = LEATI_STEP_UNDER_WAY};
    for (size_t i = 0; i < LEATI_ROLLOUT_RULES; i++)
        r->judged[i] = (leati_judgement){
            .value = (double)NAN, .limit = (double)NAN, .broken_p = 1, .kept_p = 1};
}

static void end_step(leati_rollout *r, const leati_rollout_seen *seen, leati_step_result result)
{
    leati_rollout_step *s = &r->steps[r->step];
    s->result = result;
    s->stable = leati_arm_summarize(seen->stable);
    s->candidate = leati_arm_summarize(seen->candidate);
    if (present_share(r) < 100) {
        r->before = *seen->stable;
        r->has_before = true;
    }
}

/* The rollout is over: the alias should stand at what answers now. */
static void settle_alias(leati_rollout *r)
{
    bool moves = *r->spec.alias && r->alias_from != r->stable;
    r->alias = moves ? LEATI_ALIAS_WAITS : LEATI_ALIAS_STAYS;
}

void leati_rollout_alias_done(leati_rollout *r, leati_alias_state state, int64_t found,
                              const char *why, int64_t now)
{
    r->alias = state;
    r->alias_found = found;
    if (state == LEATI_ALIAS_MOVED)
        note(r, now, "%s stands at version %u", r->spec.alias, r->stable);
    else note(r, now, "%s was not moved to version %u: %s", r->spec.alias, r->stable, why);
}

static void finish(leati_rollout *r, int64_t now)
{
    if (r->spec.mode == LEATI_SHADOW) {
        bool kept = r->spec.rule_count && r->steps[r->step].result == LEATI_STEP_PASSED;
        enter_phase(r, LEATI_ROLLOUT_DONE,
                    kept ? "all rules were kept; nothing was promoted"
                         : "nothing was decided or promoted");
        note(r, now, "version %u %s; it gets no requests by this", r->spec.to,
             kept ? "keeps all rules" : "is no longer asked beside");
        return;
    }
    if (r->stable != r->spec.to) r->previous = r->stable;
    r->stable = r->spec.to;
    settle_alias(r);
    enter_phase(r, LEATI_ROLLOUT_DONE, "");
    note(r, now, "version %u gets all requests", r->stable);
}

/* Behind a step that is over. */
static void go_on(leati_rollout *r, int64_t now)
{
    if (r->step + 1 >= r->spec.step_count) {
        finish(r, now);
        return;
    }
    enter_phase(r, LEATI_ROLLOUT_RUNNING, "");
    begin_step(r, r->step + 1);
    note(r, now, "step %zu of %zu: %g%% to version %u", r->step + 1, r->spec.step_count,
         present_share(r), r->spec.to);
}

void leati_rollout_take_back(leati_rollout *r, const leati_rollout_seen *seen, int64_t now,
                             const char *reason)
{
    end_step(r, seen, LEATI_STEP_ABORTED);
    settle_alias(r); /* where it stands, unless a move of the rollout before this one waits */
    enter_phase(r, LEATI_ROLLOUT_ABORTED, reason);
    note(r, now, "taken back to version %u: %s", r->stable, reason);
}

void leati_rollout_exchanged(leati_rollout *r, const leati_rollout_seen *seen, uint32_t version,
                             int64_t now)
{
    char reason[LEATI_ROLLOUT_TEXT];
    snprintf(reason, sizeof reason,
             "version %u was exchanged: its file is not the one that the rollout began with",
             version);
    leati_rollout_take_back(r, seen, now, reason);
}

void leati_rollout_stand(leati_rollout *r, uint32_t missing, int64_t now)
{
    if (missing) note(r, now, "stands still: version %u is not loaded", missing);
    else note(r, now, "goes on: both versions are loaded");
}

void leati_rollout_begin(leati_rollout *r, const leati_rollout_spec *spec, int64_t now)
{
    leati_rollout before = *r;
    *r = (leati_rollout){.spec = *spec, .stable = spec->from, .previous = before.previous};
    r->revision = before.revision;
    r->epoch = before.epoch + 1;
    r->holds = before.holds;
    r->started = now;
    bool waits = before.alias == LEATI_ALIAS_WAITS && strcmp(before.spec.alias, spec->alias) == 0;
    r->alias_from = waits ? before.alias_from : spec->from;
    if (spec->mode == LEATI_SWITCH) {
        finish(r, now);
        return;
    }
    if (spec->mode == LEATI_SHADOW) {
        r->spec.step_count = 1;
        r->spec.steps[0] = 0;
    }
    enter_phase(r, LEATI_ROLLOUT_RUNNING, "");
    begin_step(r, 0);
    if (spec->mode == LEATI_SHADOW)
        note(r, now, "%g%% of the requests to version %u are mirrored to version %u",
             100 * spec->mirror, spec->from, spec->to);
    else
        note(r, now, "step 1 of %zu: %g%% to version %u, the rest to version %u", spec->step_count,
             spec->steps[0], spec->to, spec->from);
}

/* The worst finding of all rules, and the rule it is about. */
static leati_finding judge_all(const leati_rollout *r, const leati_rollout_seen *seen, double alpha,
                               leati_judgement judged[LEATI_ROLLOUT_RULES], size_t *which)
{
    const leati_arm_stats *stable =
        present_share(r) >= 100 && r->has_before ? &r->before : seen->stable;
    leati_finding worst = LEATI_RULE_KEPT;
    for (size_t i = 0; i < r->spec.rule_count; i++) {
        leati_judgement j =
            leati_rule_judge(&r->spec.rules[i], stable, seen->candidate, seen->shadow, alpha);
        judged[i] = j;
        bool worse = j.finding == LEATI_RULE_BROKEN ||
                     (j.finding == LEATI_RULE_OPEN && worst == LEATI_RULE_KEPT);
        if (!worse || worst == LEATI_RULE_BROKEN) continue;
        worst = j.finding;
        *which = i;
    }
    return worst;
}

void leati_rollout_tick(leati_rollout *r, const leati_rollout_seen *seen, double seconds,
                        int64_t now)
{
    char text[LEATI_ROLLOUT_TEXT];
    size_t which = 0;
    bool runs = r->phase == LEATI_ROLLOUT_RUNNING;
    if (!runs && r->phase != LEATI_ROLLOUT_PAUSED) return;
    leati_rollout_step *s = &r->steps[r->step];
    if (runs) s->held += seconds;
    double alpha = leati_rollout_alpha(&r->spec);
    leati_finding finding = judge_all(r, seen, alpha, r->judged, &which);
    if (finding == LEATI_RULE_BROKEN) { /* a pause protects nobody */
        rule_text(&r->spec.rules[which], &r->judged[which], text, sizeof text);
        leati_rollout_take_back(r, seen, now, text);
        return;
    }
    if (!runs || s->held < r->spec.hold) return;
    if (finding == LEATI_RULE_KEPT) {
        end_step(r, seen, LEATI_STEP_PASSED);
        go_on(r, now);
        return;
    }
    if (s->held < r->spec.hold + r->spec.prolong) return;
    rule_text(&r->spec.rules[which], &r->judged[which], text, sizeof text);
    enter_phase(r, LEATI_ROLLOUT_PAUSED, text);
    r->waits = true;
    note(r, now, "paused, not decided: %s", text);
}

bool leati_rollout_guard(leati_rollout *r, const leati_rollout_seen *seen, int64_t now)
{
    char rule[LEATI_ROLLOUT_TEXT - 64], text[LEATI_ROLLOUT_TEXT];
    leati_judgement judged[LEATI_ROLLOUT_RULES];
    size_t which = 0;
    double alpha = leati_rollout_alpha(&r->spec) / LEATI_ROLLOUT_ALONE;
    if (!leati_rollout_walks(r) || judge_all(r, seen, alpha, judged, &which) != LEATI_RULE_BROKEN)
        return false;
    memcpy(r->judged, judged, r->spec.rule_count * sizeof *judged);
    rule_text(&r->spec.rules[which], &judged[which], rule, sizeof rule);
    snprintf(text, sizeof text, "%s; found by one server alone", rule);
    leati_rollout_take_back(r, seen, now, text);
    return true;
}

bool leati_rollout_act(leati_rollout *r, leati_rollout_action action,
                       const leati_rollout_seen *seen, int64_t now, char why[LEATI_RULE_WHY])
{
    bool paused = r->phase == LEATI_ROLLOUT_PAUSED, runs = r->phase == LEATI_ROLLOUT_RUNNING;
    if (!runs && !paused)
        return cannot(why, "no rollout is under way%s%s",
                      r->phase == LEATI_ROLLOUT_NONE ? "" : ": the last one is ",
                      r->phase == LEATI_ROLLOUT_NONE ? "" : leati_rollout_phase_name(r->phase));
    switch (action) {
    case LEATI_ROLLOUT_PROMOTE:
        end_step(r, seen, LEATI_STEP_SKIPPED);
        note(r, now, "step %zu was ended by hand", r->step + 1);
        go_on(r, now);
        return true;
    case LEATI_ROLLOUT_TO_THE_END:
        end_step(r, seen, LEATI_STEP_SKIPPED);
        r->spec.mode = LEATI_CANARY; /* a version in the shadow is promoted by this, too */
        finish(r, now);
        return true;
    case LEATI_ROLLOUT_PAUSE:
        if (paused && !r->waits) return cannot(why, "the rollout is paused already");
        enter_phase(r, LEATI_ROLLOUT_PAUSED, "by hand");
        note(r, now, "paused by hand");
        return true;
    case LEATI_ROLLOUT_RESUME:
        if (runs) return cannot(why, "the rollout is running");
        enter_phase(r, LEATI_ROLLOUT_RUNNING, "");
        r->steps[r->step].held = 0;
        r->holds++;
        note(r, now, "resumed: the step is held anew");
        return true;
    case LEATI_ROLLOUT_ABORT: leati_rollout_take_back(r, seen, now, "by hand"); return true;
    }
    return false;
}
