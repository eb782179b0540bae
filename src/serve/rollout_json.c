/* Owns: rollouts as JSON, both ways. Not: what they mean (rollout_walk.c). */
#include "serve/rollout_json.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/registry.h"

enum { FORMAT = 1 };

static bool wrong(char *why, const char *format, ...) LEAT_PRINTF(2, 3);
static bool wrong(char *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, LEATI_RULE_WHY, format, args);
    va_end(args);
    return false;
}

static json_t *parse(const char *text, size_t size, char *why)
{
    json_error_t e;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &e);
    if (!root) wrong(why, "line %d, column %d: %.120s", e.line, e.column, e.text);
    else if (!json_is_object(root)) {
        wrong(why, "expected an object");
        json_decref(root);
        root = NULL;
    }
    return root;
}

/* ---- what is asked for ------------------------------------------------------------------------
 */

static bool read_number(const json_t *v, const char *name, double *out, char *why)
{
    if (!json_is_number(v)) return wrong(why, "\"%s\" is a number", name);
    *out = json_number_value(v);
    return true;
}

static bool read_version(const json_t *v, const char *name, uint32_t *out, char *why)
{
    json_int_t n = json_is_integer(v) ? json_integer_value(v) : 0;
    if (n < 1 || n > 999999999)
        return wrong(why, "\"%s\" is a version, a whole number from 1", name);
    *out = (uint32_t)n;
    return true;
}

static bool read_mode(const json_t *v, leati_rollout_spec *s, char *why)
{
    const char *text = json_string_value(v);
    for (leati_rollout_mode m = LEATI_CANARY; text && m <= LEATI_SWITCH; m++) {
        if (strcmp(text, leati_rollout_mode_name(m)) != 0) continue;
        s->mode = m;
        return true;
    }
    return wrong(why, "\"mode\" is canary, shadow or switch");
}

static bool read_steps(const json_t *v, leati_rollout_spec *s, char *why)
{
    size_t n = json_array_size(v);
    if (!json_is_array(v) || n == 0 || n > LEATI_ROLLOUT_STEPS)
        return wrong(why, "\"steps\" is an array of 1 to %d percentages", LEATI_ROLLOUT_STEPS);
    for (size_t i = 0; i < n; i++)
        if (!read_number(json_array_get(v, i), "steps", &s->steps[i], why)) return false;
    s->step_count = n;
    return true;
}

static bool read_rules(const json_t *v, leati_rollout_spec *s, char *why)
{
    size_t n = json_array_size(v);
    if (!json_is_array(v) || n > LEATI_ROLLOUT_RULES)
        return wrong(why, "\"abort_if\" is an array of at most %d rules", LEATI_ROLLOUT_RULES);
    for (size_t i = 0; i < n; i++) {
        const json_t *rule = json_array_get(v, i);
        if (!json_is_string(rule)) return wrong(why, "\"abort_if\" is an array of texts");
        if (!leati_rule_parse(json_string_value(rule), json_string_length(rule), &s->rules[i], why))
            return false;
    }
    s->rule_count = n;
    return true;
}

static bool take_name(const char *name, bool lower, leati_rollout_spec *s, char *why)
{
    size_t n = strlen(name);
    if (n == 0 || n >= LEATI_STICKY_NAME)
        return wrong(why, "the name behind \"sticky\" has 1 to %d bytes", LEATI_STICKY_NAME - 1);
    for (size_t i = 0; i <= n; i++) {
        bool up = lower && name[i] >= 'A' && name[i] <= 'Z';
        s->sticky_name[i] = (char)(up ? name[i] | 0x20 : name[i]);
    }
    return true;
}

static bool read_sticky(const json_t *v, leati_rollout_spec *s, char *why)
{
    const char *text = json_string_value(v);
    if (text && strcmp(text, "none") == 0) {
        s->sticky = LEATI_STICKY_NONE;
        return true;
    }
    if (text && strcmp(text, "key") == 0) {
        s->sticky = LEATI_STICKY_KEY;
        return true;
    }
    if (text && strncmp(text, "header:", 7) == 0) {
        s->sticky = LEATI_STICKY_HEADER;
        return take_name(text + 7, true, s, why);
    }
    if (text && strncmp(text, "input:", 6) == 0) {
        s->sticky = LEATI_STICKY_INPUT;
        return take_name(text + 6, false, s, why);
    }
    return wrong(why, "\"sticky\" is none, key, header:NAME or input:COLUMN");
}

static bool read_seed(const json_t *v, leati_rollout_spec *s, char *why)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return wrong(why, "\"seed\" is a whole number from 0");
    s->seed = (uint64_t)json_integer_value(v);
    return true;
}

static bool read_alias(const json_t *v, leati_rollout_spec *s, char *why)
{
    const char *text = json_string_value(v);
    if (!text || (*text && !leati_alias_good(text)))
        return wrong(why, "\"alias\" is an alias of the registry, or none");
    snprintf(s->alias, sizeof s->alias, "%s", text);
    return true;
}

static bool read_other_schema(const json_t *v, leati_rollout_spec *s, char *why)
{
    if (!json_is_boolean(v)) return wrong(why, "\"other_schema\" is true or false");
    s->other_schema = json_is_true(v);
    return true;
}

static bool read_member(const char *key, const json_t *v, leati_rollout_spec *s, char *why)
{
    if (strcmp(key, "mode") == 0) return read_mode(v, s, why);
    if (strcmp(key, "from") == 0) return read_version(v, key, &s->from, why);
    if (strcmp(key, "to") == 0) return read_version(v, key, &s->to, why);
    if (strcmp(key, "steps") == 0) return read_steps(v, s, why);
    if (strcmp(key, "hold") == 0) return read_number(v, key, &s->hold, why);
    if (strcmp(key, "prolong") == 0) return read_number(v, key, &s->prolong, why);
    if (strcmp(key, "alpha") == 0) return read_number(v, key, &s->alpha, why);
    if (strcmp(key, "sticky") == 0) return read_sticky(v, s, why);
    if (strcmp(key, "seed") == 0) return read_seed(v, s, why);
    if (strcmp(key, "mirror") == 0) return read_number(v, key, &s->mirror, why);
    if (strcmp(key, "tolerance") == 0) return read_number(v, key, &s->tolerance, why);
    if (strcmp(key, "abort_if") == 0) return read_rules(v, s, why);
    if (strcmp(key, "alias") == 0) return read_alias(v, s, why);
    if (strcmp(key, "other_schema") == 0) return read_other_schema(v, s, why);
    return wrong(why, "\"%.40s\" is no member of a rollout", key);
}

static bool read_spec(json_t *root, leati_rollout_spec *spec, char *why)
{
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value) if (!read_member(key, value, spec, why)) return false;
    return true;
}

bool leati_rollout_spec_read(const char *text, size_t size, leati_rollout_spec *spec, char *why)
{
    json_t *root = parse(text, size, why);
    bool ok = root && read_spec(root, spec, why);
    json_decref(root);
    return ok;
}

bool leati_rollout_action_read(const char *text, size_t size, leati_rollout_action *action,
                               char *why)
{
    static const char *const names[] = {"promote", "finish", "pause", "resume", "abort"};
    json_t *root = parse(text, size, why);
    if (!root) return false;
    const char *name = json_string_value(json_object_get(root, "action"));
    bool found = false;
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *action = (leati_rollout_action)i;
        found = true;
    }
    json_decref(root);
    return found || wrong(why, "\"action\" is promote, finish, pause, resume or abort");
}

static void say_spec(leat_json *j, const leati_rollout_spec *s)
{
    char sticky[LEATI_STICKY_NAME + 8];
    static const char *const kinds[] = {"none", "key", "header:", "input:"};
    snprintf(sticky, sizeof sticky, "%s%s", kinds[s->sticky],
             s->sticky >= LEATI_STICKY_HEADER ? s->sticky_name : "");
    leat_json_string(j, "mode", leati_rollout_mode_name(s->mode));
    leat_json_int(j, "from", s->from);
    leat_json_int(j, "to", s->to);
    leat_json_begin_array(j, "steps");
    for (size_t i = 0; i < s->step_count; i++) leat_json_number(j, NULL, s->steps[i]);
    leat_json_end_array(j);
    leat_json_number(j, "hold", s->hold);
    leat_json_number(j, "prolong", s->prolong);
    leat_json_number(j, "alpha", s->alpha);
    leat_json_string(j, "sticky", sticky);
    leat_json_int(j, "seed", (int64_t)s->seed);
    leat_json_number(j, "mirror", s->mirror);
    leat_json_number(j, "tolerance", s->tolerance);
    leat_json_begin_array(j, "abort_if");
    for (size_t i = 0; i < s->rule_count; i++) leat_json_string(j, NULL, s->rules[i].text);
    leat_json_end_array(j);
    if (*s->alias) leat_json_string(j, "alias", s->alias);
}

static void say_files(leat_json *j, const leati_rollout_spec *s)
{
    leat_json_begin_object(j, "sha256");
    leat_json_string(j, "from", s->from_file);
    leat_json_string(j, "to", s->to_file);
    leat_json_end_object(j);
}

/* ---- how it stands ----------------------------------------------------------------------------
 */

static void say_seconds(leat_json *j, const char *key, double ns)
{
    leat_json_number(j, key, ns / 1e9); /* NaN: null */
}

static void say_arm(leat_json *j, const char *key, const leati_arm_summary *s)
{
    leat_json_begin_object(j, key);
    leat_json_int(j, "requests", (int64_t)s->requests);
    leat_json_int(j, "errors", (int64_t)s->errors);
    leat_json_number(j, "error_low", s->low);
    leat_json_number(j, "error_high", s->high);
    say_seconds(j, "mean", s->mean);
    say_seconds(j, "p50", s->p50);
    say_seconds(j, "p99", s->p99);
    leat_json_end_object(j);
}

static void say_steps(leat_json *j, const leati_rollout *r, const leati_rollout_seen *seen)
{
    leat_json_begin_array(j, "walk");
    for (size_t i = 0; i < r->spec.step_count; i++) {
        leati_rollout_step s = r->steps[i];
        if (s.result == LEATI_STEP_UNDER_WAY) {
            s.stable = leati_arm_summarize(seen->stable);
            s.candidate = leati_arm_summarize(seen->candidate);
        }
        leat_json_begin_object(j, NULL);
        leat_json_number(j, "share", r->spec.steps[i]);
        leat_json_string(j, "result", leati_step_result_name(s.result));
        leat_json_number(j, "held", s.held);
        if (s.result != LEATI_STEP_AHEAD) {
            say_arm(j, "stable", &s.stable);
            say_arm(j, "candidate", &s.candidate);
        }
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
}

static void say_rules(leat_json *j, const leati_rollout *r)
{
    static const char *const findings[] = {"open", "kept", "broken"};
    leat_json_begin_array(j, "rules");
    for (size_t i = 0; i < r->spec.rule_count; i++) {
        const leati_judgement *g = &r->judged[i];
        leati_measure m = r->spec.rules[i].measure;
        double unit = m == LEATI_MEAN_LATENCY || m == LEATI_LATENCY ? 1e9 : 1;
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "rule", r->spec.rules[i].text);
        leat_json_string(j, "finding", findings[g->finding]);
        leat_json_string(j, "unit", unit > 1 ? "seconds" : "share");
        leat_json_number(j, "value", g->value / unit);
        leat_json_number(j, "limit", g->limit / unit);
        leat_json_number(j, "p_broken", g->broken_p);
        leat_json_number(j, "p_kept", g->kept_p);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
}

static void say_shadow(leat_json *j, const leati_shadow_stats *s)
{
    leat_json_begin_object(j, "shadow");
    leat_json_int(j, "compared", (int64_t)s->compared);
    leat_json_int(j, "differing", (int64_t)s->differing);
    leat_json_int(j, "failed", (int64_t)s->failed);
    leat_json_int(j, "dropped", (int64_t)s->dropped);
    leat_json_int(j, "rows", (int64_t)s->rows);
    leat_json_int(j, "rows_differing", (int64_t)s->rows_differing);
    leat_json_number(j, "sum_difference", s->sum_difference);
    leat_json_number(j, "largest_difference", s->largest_difference);
    leat_json_number(j, "largest_probability", s->largest_probability);
    leat_json_end_object(j);
}

static void say_events(leat_json *j, const leati_rollout *r)
{
    leat_json_begin_array(j, "events");
    for (size_t i = 0; i < r->event_count; i++) {
        leat_json_begin_object(j, NULL);
        leat_json_int(j, "at", r->events[i].at);
        leat_json_string(j, "text", r->events[i].text);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
}

static void say_alias(leat_json *j, const leati_rollout *r)
{
    leat_json_begin_object(j, "alias");
    leat_json_string(j, "name", r->spec.alias);
    leat_json_string(j, "state", leati_alias_state_name(r->alias));
    leat_json_int(j, "from", r->alias_from);
    leat_json_int(j, "found", r->alias_found);
    leat_json_end_object(j);
}

void leati_rollout_say(leat_json *j, const leati_rollout *r, const leati_rollout_seen *seen)
{
    leati_rollout_plan plan = leati_rollout_plan_of(r);
    leat_json_string(j, "phase", leati_rollout_phase_name(r->phase));
    leat_json_string(j, "reason", r->reason);
    leat_json_int(j, "stable", r->stable);
    leat_json_int(j, "previous", r->previous);
    leat_json_number(j, "share", 100 * plan.share);
    leat_json_int(j, "step", (int64_t)r->step + 1);
    leat_json_bool(j, "waits", r->waits);
    leat_json_int(j, "started", r->started);
    leat_json_int(j, "changed", r->changed);
    if (r->phase == LEATI_ROLLOUT_NONE) return;
    leat_json_begin_object(j, "asked");
    say_spec(j, &r->spec);
    leat_json_end_object(j);
    say_files(j, &r->spec);
    say_steps(j, r, seen);
    say_rules(j, r);
    say_shadow(j, seen->shadow);
    say_events(j, r);
    if (*r->spec.alias) say_alias(j, r);
}

/* ---- the state file ---------------------------------------------------------------------------
 */

/* Bins as pairs of place and count: few of them are used. */
static void keep_arm(leat_json *j, const char *key, const leati_arm_stats *a)
{
    leat_json_begin_object(j, key);
    leat_json_int(j, "requests", (int64_t)a->requests);
    leat_json_int(j, "errors", (int64_t)a->errors);
    leat_json_number(j, "sum", a->sum_us);
    leat_json_number(j, "squares", a->squares_us);
    leat_json_begin_array(j, "bins");
    for (size_t i = 0; i < LEATI_LATENCY_BINS; i++) {
        if (!a->bin[i]) continue;
        leat_json_int(j, NULL, (int64_t)i);
        leat_json_int(j, NULL, (int64_t)a->bin[i]);
    }
    leat_json_end_array(j);
    leat_json_end_object(j);
}

static void keep_steps(leat_json *j, const leati_rollout *r)
{
    leat_json_begin_array(j, "walk");
    for (size_t i = 0; i < r->spec.step_count; i++) {
        const leati_rollout_step *s = &r->steps[i];
        leat_json_begin_object(j, NULL);
        leat_json_int(j, "result", (int)s->result);
        leat_json_number(j, "held", s->held);
        say_arm(j, "stable", &s->stable);
        say_arm(j, "candidate", &s->candidate);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
}

void leati_rollout_keep(leat_json *j, const char *model, const leati_rollout *r,
                        const leati_rollout_seen *seen)
{
    leat_json_begin_object(j, NULL);
    leat_json_int(j, "format", FORMAT);
    leat_json_string(j, "model", model);
    leat_json_int(j, "phase", (int)r->phase);
    leat_json_string(j, "reason", r->reason);
    leat_json_int(j, "stable", r->stable);
    leat_json_int(j, "previous", r->previous);
    leat_json_int(j, "step", (int64_t)r->step);
    leat_json_int(j, "holds", r->holds);
    leat_json_bool(j, "waits", r->waits);
    leat_json_int(j, "started", r->started);
    leat_json_int(j, "changed", r->changed);
    leat_json_begin_object(j, "asked");
    say_spec(j, &r->spec);
    leat_json_end_object(j);
    say_files(j, &r->spec);
    keep_steps(j, r);
    if (r->has_before) keep_arm(j, "before", &r->before);
    keep_arm(j, "seen_stable", seen->stable);
    keep_arm(j, "seen_candidate", seen->candidate);
    say_shadow(j, seen->shadow);
    say_events(j, r);
    if (*r->spec.alias) say_alias(j, r);
    leat_json_end_object(j);
}

/* Reads members of one object; the first that is absent or out of range makes it false. */
typedef struct recall {
    const json_t *object;
    bool ok;
} recall;

static int64_t whole(recall *m, const char *key, int64_t least, int64_t most)
{
    const json_t *v = json_object_get(m->object, key);
    int64_t n = json_is_integer(v) ? (int64_t)json_integer_value(v) : least - (least > INT64_MIN);
    if (json_is_integer(v) && n >= least && n <= most) return n;
    m->ok = false;
    return least;
}

static uint64_t count(recall *m, const char *key)
{
    return (uint64_t)whole(m, key, 0, INT64_MAX);
}

/* null is NaN. */
static double real(recall *m, const char *key)
{
    const json_t *v = json_object_get(m->object, key);
    if (json_is_null(v)) return (double)NAN;
    if (!json_is_number(v)) m->ok = false;
    return json_number_value(v);
}

static double amount(recall *m, const char *key)
{
    double v = real(m, key);
    if (!(v >= 0)) m->ok = false;
    return v;
}

static void text(recall *m, const char *key, char *out, size_t size)
{
    const char *t = json_string_value(json_object_get(m->object, key));
    if (!t || strlen(t) >= size) m->ok = false;
    else strcpy(out, t);
}

static bool recall_arm(const json_t *object, leati_arm_stats *a)
{
    recall m = {object, json_is_object(object)};
    const json_t *bins = json_object_get(object, "bins");
    size_t n = json_array_size(bins);
    a->requests = count(&m, "requests");
    a->errors = count(&m, "errors");
    a->sum_us = amount(&m, "sum");
    a->squares_us = amount(&m, "squares");
    if (!m.ok || !json_is_array(bins) || n % 2 || a->errors > a->requests) return false;
    for (size_t i = 0; i < n; i += 2) {
        const json_t *at = json_array_get(bins, i), *of = json_array_get(bins, i + 1);
        json_int_t place = json_integer_value(at), value = json_integer_value(of);
        if (!json_is_integer(at) || !json_is_integer(of) || place < 0 ||
            place >= LEATI_LATENCY_BINS || value < 0)
            return false;
        a->bin[place] = (uint64_t)value;
    }
    return true;
}

static bool recall_summary(const json_t *object, leati_arm_summary *s)
{
    recall m = {object, json_is_object(object)};
    s->requests = count(&m, "requests");
    s->errors = count(&m, "errors");
    s->low = amount(&m, "error_low");
    s->high = amount(&m, "error_high");
    s->mean = 1e9 * real(&m, "mean");
    s->p50 = 1e9 * real(&m, "p50");
    s->p99 = 1e9 * real(&m, "p99");
    return m.ok;
}

static bool recall_steps(const json_t *walk, leati_rollout *r)
{
    if (json_array_size(walk) != r->spec.step_count) return false;
    for (size_t i = 0; i < r->spec.step_count; i++) {
        leati_rollout_step *s = &r->steps[i];
        recall m = {json_array_get(walk, i), true};
        s->result = (leati_step_result)whole(&m, "result", 0, LEATI_STEP_ABORTED);
        s->held = amount(&m, "held");
        if (!m.ok || !recall_summary(json_object_get(m.object, "stable"), &s->stable) ||
            !recall_summary(json_object_get(m.object, "candidate"), &s->candidate))
            return false;
    }
    return true;
}

static bool recall_shadow(const json_t *object, leati_shadow_stats *s)
{
    recall m = {object, json_is_object(object)};
    s->compared = count(&m, "compared");
    s->differing = count(&m, "differing");
    s->failed = count(&m, "failed");
    s->dropped = count(&m, "dropped");
    s->rows = count(&m, "rows");
    s->rows_differing = count(&m, "rows_differing");
    s->sum_difference = amount(&m, "sum_difference");
    s->largest_difference = amount(&m, "largest_difference");
    s->largest_probability = amount(&m, "largest_probability");
    return m.ok && s->differing <= s->compared;
}

static bool recall_events(const json_t *events, leati_rollout *r)
{
    size_t n = json_array_size(events);
    if (!json_is_array(events) || n > LEATI_ROLLOUT_EVENTS) return false;
    for (size_t i = 0; i < n; i++) {
        recall m = {json_array_get(events, i), true};
        r->events[i].at = whole(&m, "at", 0, INT64_MAX);
        text(&m, "text", r->events[i].text, sizeof r->events[i].text);
        if (!m.ok) return false;
    }
    r->event_count = n;
    return true;
}

/* Absent where there is none. */
static bool recall_alias(const json_t *object, leati_rollout *r)
{
    if (!object) return true;
    recall m = {object, json_is_object(object)};
    const char *state = json_string_value(json_object_get(object, "state"));
    r->alias_from = (uint32_t)whole(&m, "from", 0, 999999999);
    r->alias_found = whole(&m, "found", 0, INT64_MAX);
    for (leati_alias_state s = LEATI_ALIAS_STAYS; m.ok && state && s <= LEATI_ALIAS_LOST; s++) {
        if (strcmp(state, leati_alias_state_name(s)) != 0) continue;
        r->alias = s;
        return s != LEATI_ALIAS_WAITS || (*r->spec.alias && r->stable);
    }
    return false;
}

static bool recall_file(const json_t *files, const char *key, char out[65])
{
    const char *hex = json_string_value(json_object_get(files, key));
    bool none = hex && !*hex;
    bool fits = hex && strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
    if (fits) memcpy(out, hex, 65);
    return fits || none;
}

/* States of before have none. */
static bool recall_files(const json_t *files, leati_rollout_spec *s)
{
    return !files ||
           (recall_file(files, "from", s->from_file) && recall_file(files, "to", s->to_file));
}

/* Reads a text into `out` (room bytes), which is zero where that fails. */
typedef bool (*recall_fn)(const json_t *root, void *out, char *why);
static bool recall_text(const char *from, size_t size, recall_fn take, void *out, size_t room,
                        char *why)
{
    memset(out, 0, room);
    json_t *root = parse(from, size, why);
    bool ok = root && take(root, out, why);
    json_decref(root);
    if (!ok) memset(out, 0, room);
    return ok;
}

static bool recall_all(const json_t *root, void *to, char *why)
{
    leati_rollout_kept *out = to;
    leati_rollout *r = &out->rollout;
    recall m = {root, true};
    json_t *asked = json_object_get(root, "asked");
    if (whole(&m, "format", 1, FORMAT), !m.ok) return wrong(why, "it is of another format");
    r->phase = (leati_rollout_phase)whole(&m, "phase", 0, LEATI_ROLLOUT_ABORTED);
    r->stable = (uint32_t)whole(&m, "stable", 0, 999999999);
    r->previous = (uint32_t)whole(&m, "previous", 0, 999999999);
    r->step = (size_t)whole(&m, "step", 0, LEATI_ROLLOUT_STEPS - 1);
    if (json_object_get(root, "holds")) r->holds = (uint32_t)whole(&m, "holds", 0, UINT32_MAX);
    r->waits = json_is_true(json_object_get(root, "waits"));
    r->started = whole(&m, "started", 0, INT64_MAX);
    r->changed = whole(&m, "changed", 0, INT64_MAX);
    text(&m, "reason", r->reason, sizeof r->reason);
    r->spec = leati_rollout_spec_default();
    if (!m.ok || !json_is_object(asked)) return wrong(why, "members are missing or out of range");
    bool has_steps = json_array_size(json_object_get(asked, "steps")) > 0;
    if (!has_steps) json_object_del(asked, "steps");
    if (!read_spec(asked, &r->spec, why)) return false;
    bool none = r->phase == LEATI_ROLLOUT_NONE; /* forgotten */
    if ((!r->stable && !none) || !r->spec.from || !r->spec.to)
        return wrong(why, "it does not name all versions");
    bool walks = r->phase == LEATI_ROLLOUT_RUNNING || r->phase == LEATI_ROLLOUT_PAUSED;
    if (walks && (!leati_rollout_spec_check(&r->spec, why) || r->step >= r->spec.step_count))
        return wrong(why, "the rollout in it cannot be");
    const json_t *before = json_object_get(root, "before");
    r->has_before = before != NULL;
    bool ok = (!before || recall_arm(before, &r->before)) &&
              recall_steps(json_object_get(root, "walk"), r) &&
              recall_events(json_object_get(root, "events"), r) &&
              recall_arm(json_object_get(root, "seen_stable"), &out->stable) &&
              recall_arm(json_object_get(root, "seen_candidate"), &out->candidate) &&
              recall_shadow(json_object_get(root, "shadow"), &out->shadow) &&
              recall_alias(json_object_get(root, "alias"), r) &&
              recall_files(json_object_get(root, "sha256"), &r->spec);
    return ok || wrong(why, "its counts are damaged");
}

bool leati_rollout_recall(const char *from, size_t size, leati_rollout_kept *out, char *why)
{
    return recall_text(from, size, recall_all, out, sizeof *out, why);
}

/* ---- what one server saw ----------------------------------------------------------------------
 */

void leati_rollout_part_keep(leat_json *j, uint32_t holds, double held,
                             const leati_rollout_seen *seen)
{
    leat_json_begin_object(j, NULL);
    leat_json_int(j, "format", FORMAT);
    leat_json_int(j, "holds", holds);
    leat_json_number(j, "held", held);
    keep_arm(j, "stable", seen->stable);
    keep_arm(j, "candidate", seen->candidate);
    say_shadow(j, seen->shadow);
    leat_json_end_object(j);
}

static bool recall_part(const json_t *root, void *to, char *why)
{
    leati_rollout_part *out = to;
    recall m = {root, true};
    if (whole(&m, "format", 1, FORMAT), !m.ok) return wrong(why, "it is of another format");
    out->holds = (uint32_t)whole(&m, "holds", 0, UINT32_MAX);
    out->held = amount(&m, "held");
    bool ok = m.ok && recall_arm(json_object_get(root, "stable"), &out->stable) &&
              recall_arm(json_object_get(root, "candidate"), &out->candidate) &&
              recall_shadow(json_object_get(root, "shadow"), &out->shadow);
    return ok || wrong(why, "its counts are damaged");
}

bool leati_rollout_part_recall(const char *text, size_t size, leati_rollout_part *out, char *why)
{
    return recall_text(text, size, recall_part, out, sizeof *out, why);
}
