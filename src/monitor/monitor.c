/* Owns: the life of a monitor, what is judged, and its accessors. Reading rows is monitor_rows.c's,
 * words are monitor_text.c's. */
#include "monitor/monitor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "learn/stats.h"
#include "monitor/drift.h"
#include "monitor/fairness.h"
#include "monitor/performance.h"

static const double nan_ = (double)NAN;

/* --- life ------------------------------------------------------------------------------------- */

leat_monitor_options leat_monitor_options_default(void)
{
    return (leat_monitor_options){.struct_size = sizeof(leat_monitor_options),
                                  .alpha = 0.01,
                                  .effect = 0.1,
                                  .persist = 2,
                                  .of = 3,
                                  .least_rows = 30};
}

static leat_status check_options(leat_context *c, const leat_monitor_options *o)
{
    LEATI_CHECK(c, o->alpha > 0 && o->alpha < 1, LEAT_INVALID,
                "alpha is a share between 0 and 1, not %g", o->alpha);
    LEATI_CHECK(c, o->effect >= 0 && isfinite(o->effect), LEAT_INVALID,
                "the least PSI that counts is a number from 0, not %g", o->effect);
    LEATI_CHECK(c, o->persist >= 1 && o->persist <= o->of && o->of <= 1000, LEAT_INVALID,
                "an alarm needs K of M windows with 1 <= K <= M <= 1000, not %u of %u", o->persist,
                o->of);
    LEATI_CHECK(c, !(o->every_rows && o->every_seconds > 0), LEAT_INVALID,
                "windows are cut by rows or by time, not by both");
    LEATI_CHECK(c, o->every_seconds >= 0 && isfinite(o->every_seconds), LEAT_INVALID,
                "windows cannot be %g seconds long", o->every_seconds);
    return LEAT_OK;
}

static leat_status own(leat_context *c, const char **text)
{
    if (!*text) return LEAT_OK;
    *text = leati_strdup(c, *text);
    return *text ? LEAT_OK : leat_error_status(c);
}

static leat_status find_positive(leat_context *c, leat_monitor *m)
{
    const leati_schema *s = &m->model->schema;
    const char *name = m->options.positive;
    m->positive = m->norm.classes ? m->norm.classes - 1 : 0;
    for (uint32_t k = 0; k < m->norm.classes; k++) {
        const char *class = s->class_names[k];
        if (leati_map_put(&m->classes, class, strlen(class)) == LEATI_MAP_NONE)
            return leat_error_status(c);
    }
    if (!name) return LEAT_OK;
    LEATI_CHECK(c, m->norm.classes, LEAT_INVALID,
                "'%s' cannot be the favoured class: the model predicts numbers", name);
    m->positive = leati_map_get(&m->classes, name, strlen(name));
    if (m->positive != LEATI_MAP_NONE) return LEAT_OK;
    LEATI_FAIL(c, LEAT_INVALID, "the model has no class '%s'", name);
    const char *near = leati_nearest(name, (const char *const *)s->class_names, m->norm.classes);
    return near ? leati_error_hint(c, "Did you mean '%s'?", near)
                : leati_monitor_name_classes(c, m);
}

leat_status leat_monitor_create(leat_context *c, leat_monitor **out, leat_model *model,
                                const leat_monitor_options *options)
{
    leat_monitor_options o = leat_monitor_options_default();
    leat_status st;
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_monitor_options, &o, options));
    LEATI_TRY(check_options(c, &o));
    leat_monitor *m = LEATI_NEW(c, leat_monitor, 1);
    if (!m) return leat_error_status(c);
    m->options = o;
    m->options.labels = m->options.group = m->options.positive = m->options.time = NULL;
    leati_map_init(&m->classes, c);
    leati_later_init(c, &m->later);
    m->model = leat_model_retain(model);
    const char *const given[] = {o.labels, o.group, o.positive, o.time};
    const char **kept[] = {&m->options.labels, &m->options.group, &m->options.positive,
                           &m->options.time};
    for (size_t i = 0; i < 4; i++) {
        const char *text = given[i];
        LEATI_GO(own(c, &text));
        *kept[i] = text;
    }
    LEATI_GO(leati_norm_read(c, &m->norm, model));
    LEATI_GO(find_positive(c, m));
    LEATI_GO(leati_counters_create(c, &m->all, &m->norm));
    m->all.positive = m->positive;
    m->group = LEATI_NEW(c, leat_monitored_group, LEATI_COUNTERS_GROUPS + 1);
    LEATI_GO(m->group ? LEAT_OK : leat_error_status(c));
    LEATI_GO(leati_monitor_conclude(c, m));
    *out = m;
out:
    if (st != LEAT_OK) leat_monitor_destroy(m);
    return st;
}

static void monitored_fini(leati_monitored *w)
{
    leati_free(w->name);
    leati_free(w->drift);
    leati_counters_destroy(&w->window);
}

void leat_monitor_destroy(leat_monitor *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->count; i++) monitored_fini(&m->at[i]);
    leati_free(m->at);
    leati_counters_destroy(&m->all);
    leati_norm_fini(&m->norm);
    leati_map_fini(&m->classes);
    leati_later_fini(&m->later);
    leati_free((void *)m->options.labels);
    leati_free((void *)m->options.group);
    leati_free((void *)m->options.positive);
    leati_free((void *)m->options.time);
    leati_free(m->group);
    leati_free(m->verdict);
    leati_free(m->notes);
    leat_model_release(m->model);
    leati_told_destroy(m->told);
    leati_free(m);
}

/* --- judging ---------------------------------------------------------------------------------- */

/* In how many of the last `of` judged windows, this one included, a feature drifts; or, for no
 * feature (SIZE_MAX), the scores are worse. */
static size_t recent(const leat_monitor *m, size_t last, size_t feature)
{
    size_t hits = 0, seen = 0;
    for (size_t i = last + 1; i-- > 0 && seen < m->options.of;) {
        if (!m->at[i].judged) continue;
        seen++;
        hits += feature == SIZE_MAX ? m->at[i].worse : m->at[i].drift[feature].drifting;
    }
    return hits;
}

bool leati_monitor_labelled(const leat_monitor *m, const leati_monitored *w)
{
    uint64_t labels = w->window.word[LEATI_COUNTERS_LABELLED];
    return labels > 0 && labels >= m->options.least_rows;
}

/* Whether the intervals of a score before and now do not meet. */
static bool is_worse(const leat_monitor *m, const leati_monitored *w)
{
    leat_monitored_score s = leati_scores_measure(&w->window, 0);
    bool labelled = leati_monitor_labelled(m, w);
    double low = labelled ? s.realised_low : s.estimated_low;
    double high = labelled ? s.realised_high : s.estimated_high;
    if (!(s.before >= 0)) return false;
    if (!leati_scores_rise(&m->norm)) return low > s.before;
    double rows = (double)m->norm.held_out;
    return rows > 0 && high < leati_interval_wilson(fmin(s.before, 1) * rows, rows, 0.95).low;
}

static leat_status judge(leat_context *c, leat_monitor *m, size_t at)
{
    leati_monitored *w = &m->at[at];
    const leati_norm *n = &m->norm;
    double *p = leati_array(c, n->count + 1, sizeof *p);
    uint32_t *rank = leati_array(c, n->count + 1, sizeof *rank);
    w->drift = LEATI_NEW(c, leat_drift, n->count + 1);
    leat_status st = p && rank && w->drift ? LEAT_OK : leat_error_status(c);
    w->judged = w->window.word[LEATI_COUNTERS_ROWS] >= m->options.least_rows &&
                w->window.word[LEATI_COUNTERS_ROWS] > 0;
    for (size_t i = 0; i < n->count && st == LEAT_OK; i++) {
        w->drift[i] = leati_drift_measure(&w->window, i);
        p[i] = w->drift[i].chi2_p;
    }
    if (st == LEAT_OK) leati_adjust_bh(p, n->count, p, rank);
    for (size_t i = 0; i < n->count && st == LEAT_OK; i++) {
        leat_drift *d = &w->drift[i];
        d->p = p[i];
        d->drifting =
            w->judged && d->p <= m->options.alpha && d->psi - d->psi_expected >= m->options.effect;
        d->alarm = d->drifting && recent(m, at, i) >= m->options.persist;
        w->drifting += d->drifting;
        w->alarms += d->alarm;
    }
    w->worse = st == LEAT_OK && w->judged && is_worse(m, w);
    leati_free(p);
    leati_free(rank);
    return st;
}

leat_status leati_monitor_push(leat_context *c, leat_monitor *m, const leati_counters *counters,
                               const char *name, double from, double to)
{
    enum { MOST = 5000 };
    leat_status st;
    LEATI_CHECK(c, m->count < MOST, LEAT_LIMIT, "more than %d windows; make them longer", MOST);
    LEATI_BUG_IF(c, counters->norm != &m->norm);
    LEATI_TRY(leati_grow(c, &m->at, &m->capacity, m->count + 1, sizeof *m->at));
    leati_monitored *w = &m->at[m->count++];
    *w = (leati_monitored){.from = from, .to = to};
    w->name = leati_strdup(c, name);
    st = w->name ? leati_counters_create(c, &w->window, &m->norm) : leat_error_status(c);
    if (st == LEAT_OK) {
        w->window.positive = m->positive;
        leati_counters_merge(&w->window, counters);
        st = judge(c, m, m->count - 1);
    }
    if (st != LEAT_OK) monitored_fini(&m->at[--m->count]);
    return st;
}

/* --- conclusions ------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
    const leat_monitored_group *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static leat_staleness state_of(const leat_monitor *m)
{
    size_t last = m->count;
    while (last > 0 && !m->at[last - 1].judged) last--;
    if (last == 0) return LEAT_MONITOR_UNKNOWN;
    const leati_monitored *w = &m->at[last - 1];
    if (w->worse && recent(m, last - 1, SIZE_MAX) >= m->options.persist) return LEAT_MONITOR_STALE;
    return w->drifting || w->worse ? LEAT_MONITOR_WATCH : LEAT_MONITOR_FRESH;
}

/* All that follows from the windows but the texts; cannot fail. */
static void refresh(leat_monitor *m)
{
    leati_counters_reset(&m->all);
    for (size_t i = 0; i < m->count; i++) leati_counters_merge(&m->all, &m->at[i].window);
    m->groups = m->all.groups;
    for (size_t g = 0; g < m->groups; g++) m->group[g] = leati_group_rates(&m->all.group[g]);
    qsort(m->group, m->groups, sizeof *m->group, by_name);
    m->fairness = leati_fairness_measure(m->all.group, m->all.groups);
    m->state = state_of(m);
}

leat_status leati_monitor_conclude(leat_context *c, leat_monitor *m)
{
    refresh(m);
    return leati_monitor_say(c, m);
}

void leati_monitor_cut(leat_monitor *m, size_t count)
{
    while (m->count > count) monitored_fini(&m->at[--m->count]);
    refresh(m);
}

void leati_monitor_forget(leat_monitor *m, size_t most)
{
    size_t gone = m->count > most ? m->count - most : 0;
    if (gone == 0) return;
    for (size_t i = 0; i < gone; i++) monitored_fini(&m->at[i]);
    memmove(m->at, m->at + gone, most * sizeof *m->at);
    m->count = most;
    refresh(m);
}

/* --- accessors -------------------------------------------------------------------------------- */

size_t leat_monitor_windows(const leat_monitor *m)
{
    if (m->told) return m->told->windows;
    return m->count;
}

leat_monitor_window leat_monitor_window_at(const leat_monitor *m, size_t i)
{
    if (m->told && i < m->told->windows) return m->told->window[i];
    if (i >= m->count) return (leat_monitor_window){.name = "", .from = nan_, .to = nan_};
    const leati_monitored *w = &m->at[i];
    return (leat_monitor_window){.name = w->name,
                                 .rows = (size_t)w->window.word[LEATI_COUNTERS_ROWS],
                                 .labelled = (size_t)w->window.word[LEATI_COUNTERS_LABELLED],
                                 .from = w->from,
                                 .to = w->to,
                                 .judged = w->judged,
                                 .drifting = w->drifting,
                                 .alarms = w->alarms};
}

size_t leat_monitor_features(const leat_monitor *m)
{
    return m->told ? m->told->features : m->norm.count;
}

const char *leat_monitor_feature(const leat_monitor *m, size_t i)
{
    if (m->told) return i < m->told->features ? m->told->feature[i] : NULL;
    return i < m->norm.count ? m->norm.feature[i].name : NULL;
}

size_t leat_monitor_inputs(const leat_monitor *m)
{
    return m->told ? m->told->inputs : m->norm.inputs;
}

leat_drift leat_monitor_drift(const leat_monitor *m, size_t window, size_t feature)
{
    const leati_told *told = m->told;
    if (told && window < told->windows && feature < told->features)
        return told->drift[window * told->features + feature];
    if (window < m->count && feature < m->norm.count) return m->at[window].drift[feature];
    return (leat_drift){.psi = nan_, .p = nan_};
}

size_t leat_monitor_scores(const leat_monitor *m)
{
    return m->told ? m->told->metrics : leati_scores_count(&m->norm);
}

leat_monitored_score leat_monitor_score(const leat_monitor *m, size_t window, size_t score)
{
    const leati_told *told = m->told;
    if (told && window < told->windows && score < told->metrics)
        return told->score[window * told->metrics + score];
    if (told) return (leat_monitored_score){"", nan_, nan_, nan_, nan_, nan_, nan_, nan_};
    return leati_scores_measure(window < m->count ? &m->at[window].window : &m->all, score);
}

size_t leat_monitor_groups(const leat_monitor *m)
{
    return m->groups;
}

leat_monitored_group leat_monitor_group(const leat_monitor *m, size_t i)
{
    return i < m->groups ? m->group[i] : (leat_monitored_group){.name = "", .withheld = true};
}

leat_fairness leat_monitor_fairness(const leat_monitor *m)
{
    return m->fairness;
}

const char *leat_monitor_positive(const leat_monitor *m)
{
    if (m->told) return m->told->positive;
    return m->norm.classes ? m->model->schema.class_names[m->positive] : NULL;
}

leat_staleness leat_monitor_state(const leat_monitor *m)
{
    return m->state;
}

const char *leat_monitor_verdict(const leat_monitor *m)
{
    return m->verdict;
}

const char *leat_monitor_notes(const leat_monitor *m)
{
    return m->notes;
}
