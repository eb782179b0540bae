/* Owns: a monitor as another one told it: reading what leat_monitor_json wrote. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "monitor/monitor.h"

enum { MOST_WINDOWS = 100000, MOST_FEATURES = 1 << 20, MOST_METRICS = 16 };

static leat_status broken(leat_context *c, const char *what)
{
    return LEATI_FAIL(c, LEAT_FORMAT, "this is not what a monitor says: %s", what);
}

static const char *text_of(leati_told *t, const json_t *object, const char *key)
{
    const json_t *j = json_object_get(object, key);
    return leati_arena_strdup(&t->arena, json_is_string(j) ? json_string_value(j) : "");
}

/* NaN where it is null or absent. */
static double number(const json_t *object, const char *key)
{
    const json_t *j = json_object_get(object, key);
    return json_is_number(j) ? json_number_value(j) : (double)NAN;
}

static size_t whole(const json_t *object, const char *key)
{
    const json_t *j = json_object_get(object, key);
    return json_is_integer(j) && json_integer_value(j) > 0 ? (size_t)json_integer_value(j) : 0;
}

static leat_rate rate(const json_t *object, const char *key)
{
    const json_t *j = json_object_get(object, key);
    return (leat_rate){number(j, "value"), number(j, "low"), number(j, "high")};
}

/* ---- windows ----------------------------------------------------------------------------------
 */

static leat_drift drift_of(const json_t *j)
{
    return (leat_drift){.psi = number(j, "psi"),
                        .psi_expected = number(j, "psi_expected"),
                        .ks = number(j, "ks"),
                        .ks_p = number(j, "ks_p"),
                        .chi2 = number(j, "chi2"),
                        .chi2_df = number(j, "chi2_df"),
                        .chi2_p = number(j, "chi2_p"),
                        .js = number(j, "js"),
                        .wasserstein = number(j, "wasserstein"),
                        .mean_shift = number(j, "mean_shift"),
                        .missing = number(j, "missing"),
                        .missing_before = number(j, "missing_before"),
                        .outside = number(j, "outside"),
                        .p = number(j, "p"),
                        .drifting = json_is_true(json_object_get(j, "drifting")),
                        .alarm = json_is_true(json_object_get(j, "alarm"))};
}

static leat_monitored_score score_of(const char *metric, const json_t *j)
{
    leat_rate estimated = rate(j, "estimated"), realised = rate(j, "realised");
    return (leat_monitored_score){.metric = metric,
                                  .before = number(j, "before"),
                                  .estimated = estimated.value,
                                  .estimated_low = estimated.low,
                                  .estimated_high = estimated.high,
                                  .realised = realised.value,
                                  .realised_low = realised.low,
                                  .realised_high = realised.high};
}

static void read_window(leati_told *t, size_t at, const json_t *j)
{
    leat_monitor_window *w = &t->window[at];
    *w = (leat_monitor_window){.name = text_of(t, j, "name"),
                               .rows = whole(j, "rows"),
                               .labelled = whole(j, "labelled"),
                               .from = number(j, "from"),
                               .to = number(j, "to"),
                               .judged = json_is_true(json_object_get(j, "judged"))};
    for (size_t k = 0; k < t->features; k++) {
        leat_drift *d = &t->drift[at * t->features + k];
        *d = drift_of(json_object_get(json_object_get(j, "drift"), t->feature[k]));
        w->drifting += d->drifting;
        w->alarms += d->alarm;
    }
    for (size_t k = 0; k < t->metrics; k++) {
        leat_monitored_score *s = &t->score[at * t->metrics + k];
        *s = score_of(s->metric, json_object_get(json_object_get(j, "scores"), s->metric));
    }
}

/* Features and metrics are those of the last window, in its order. */
static leat_status read_windows(leat_context *c, leati_told *t, json_t *windows)
{
    t->windows = json_array_size(windows);
    json_t *last = t->windows ? json_array_get(windows, t->windows - 1) : NULL;
    json_t *drift = json_object_get(last, "drift"), *scores = json_object_get(last, "scores"), *j;
    const char *name;
    t->features = json_object_size(drift);
    t->metrics = json_object_size(scores);
    if (t->windows > MOST_WINDOWS || t->features > MOST_FEATURES || t->metrics > MOST_METRICS)
        return broken(c, "there is too much of it");
    t->window = LEATI_NEW(c, leat_monitor_window, t->windows + 1);
    t->feature = LEATI_NEW(c, const char *, t->features + 1);
    t->drift = leati_array(c, t->windows * t->features + 1, sizeof *t->drift);
    t->score = LEATI_NEW(c, leat_monitored_score, t->windows * t->metrics + 1);
    if (!t->window || !t->feature || !t->drift || !t->score) return leat_error_status(c);
    size_t k = 0;
    json_object_foreach(drift, name, j) t->feature[k++] = leati_arena_strdup(&t->arena, name);
    k = 0;
    json_object_foreach(scores, name, j)
    {
        const char *own = leati_arena_strdup(&t->arena, name);
        for (size_t i = 0; i < t->windows; i++) t->score[i * t->metrics + k].metric = own;
        k++;
    }
    LEATI_TRY(leat_error_status(c));
    for (size_t i = 0; i < t->windows; i++) read_window(t, i, json_array_get(windows, i));
    return leat_error_status(c);
}

/* ---- the rest ---------------------------------------------------------------------------------
 */

static leat_status read_fairness(leat_context *c, leat_monitor *m, const json_t *j)
{
    const json_t *groups = json_object_get(j, "groups");
    if (!j) return LEAT_OK;
    if (json_array_size(groups) > LEATI_COUNTERS_GROUPS + 1)
        return broken(c, "there are too many groups");
    m->groups = json_array_size(groups);
    m->group = LEATI_NEW(c, leat_monitored_group, m->groups + 1);
    if (!m->group) return leat_error_status(c);
    for (size_t i = 0; i < m->groups; i++) {
        const json_t *g = json_array_get(groups, i);
        m->group[i] =
            (leat_monitored_group){.name = text_of(m->told, g, "name"),
                                   .rows = whole(g, "rows"),
                                   .labelled = whole(g, "labelled"),
                                   .withheld = json_is_true(json_object_get(g, "withheld")),
                                   .selected = rate(g, "selected"),
                                   .true_positive = rate(g, "true_positive"),
                                   .false_positive = rate(g, "false_positive")};
    }
    m->told->positive = text_of(m->told, j, "positive");
    m->fairness = (leat_fairness){.parity_difference = rate(j, "parity_difference"),
                                  .parity_ratio = rate(j, "parity_ratio"),
                                  .opportunity = rate(j, "opportunity"),
                                  .odds = rate(j, "odds")};
    return leat_error_status(c);
}

static leat_status read_state(leat_context *c, leat_monitor *m, const json_t *j)
{
    static const char *const names[] = {"unknown", "fresh", "watch", "stale"};
    const char *state = json_string_value(json_object_get(j, "state"));
    size_t i = 0;
    while (state && i < 4 && strcmp(state, names[i]) != 0) i++;
    if (!state || i == 4) return broken(c, "it has no state");
    m->state = (leat_staleness)i;
    m->verdict = leati_strdup(c, text_of(m->told, j, "verdict"));
    m->notes = leati_strdup(c, text_of(m->told, j, "notes"));
    return m->verdict && m->notes ? LEAT_OK : leat_error_status(c);
}

static leat_status read_all(leat_context *c, leat_monitor *m, const json_t *root)
{
    const json_t *inner = json_object_get(root, "monitor"), *j = inner ? inner : root;
    leati_arena_init(&m->told->arena, c);
    json_t *windows = json_object_get(j, "windows");
    if (!json_is_array(windows)) return broken(c, "it has no windows");
    LEATI_TRY(read_windows(c, m->told, windows));
    m->told->inputs = whole(j, "inputs");
    if (m->told->inputs > m->told->features) m->told->inputs = m->told->features;
    LEATI_TRY(read_fairness(c, m, json_object_get(j, "fairness")));
    return read_state(c, m, j);
}

leat_status leat_monitor_read(leat_context *c, leat_monitor **out, const char *json, size_t length)
{
    *out = NULL;
    json_t *root = json_loadb(json, length, JSON_REJECT_DUPLICATES, NULL);
    if (!root) return broken(c, "it is no JSON");
    leat_monitor *m = LEATI_NEW(c, leat_monitor, 1);
    if (m) {
        leati_map_init(&m->classes, c);
        leati_later_init(c, &m->later);
        m->told = LEATI_NEW(c, leati_told, 1);
    }
    leat_status st = m && m->told ? read_all(c, m, root) : leat_error_status(c);
    json_decref(root);
    if (st == LEAT_OK) *out = m;
    else leat_monitor_destroy(m);
    return st;
}

void leati_told_destroy(leati_told *t)
{
    if (!t) return;
    leati_free(t->window);
    leati_free(t->feature);
    leati_free(t->drift);
    leati_free(t->score);
    leati_arena_fini(&t->arena);
    leati_free(t);
}
