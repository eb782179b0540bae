/* Owns: what a monitor says: the verdict and the notes for people, JSON and Prometheus for
 * programs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "monitor/monitor.h"
#include "monitor/performance.h"

enum { NAMED = 3, METRIC_FEATURES = 200 };

/* --- for people ------------------------------------------------------------------------------- */

static const leati_monitored *last_judged(const leat_monitor *m)
{
    for (size_t i = m->count; i-- > 0;)
        if (m->at[i].judged) return &m->at[i];
    return NULL;
}

/* "petal_length (PSI 1.21), ..." of the features that drift most. */
static void name_drifting(leati_str *s, const leat_monitor *m, const leati_monitored *w)
{
    size_t shown = 0, order[NAMED];
    for (; shown < NAMED && shown < w->drifting; shown++) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < m->norm.count; i++) {
            bool taken = !w->drift[i].drifting;
            for (size_t k = 0; k < shown; k++) taken = taken || order[k] == i;
            if (!taken && (best == SIZE_MAX || w->drift[i].psi > w->drift[best].psi)) best = i;
        }
        char psi[LEATI_NUM_SIZE];
        order[shown] = best;
        leati_num_pretty(w->drift[best].psi, 2, psi);
        leati_str_addf(s, "%s%s (PSI %s)", shown ? ", " : "", m->norm.feature[best].name, psi);
    }
    if (w->drifting > shown) leati_str_addf(s, " and %zu more", w->drifting - shown);
}

static void say_drift(leati_str *s, const leat_monitor *m, const leati_monitored *w)
{
    if (w->drifting == 0) {
        leati_str_add(s, "The data look like those the model was trained on.");
        return;
    }
    name_drifting(s, m, w);
    leati_str_addf(s, " %s from the training data", w->drifting == 1 ? "differs" : "differ");
    char some[LEATI_NUM_SIZE] = "";
    if (w->alarms < w->drifting) snprintf(some, sizeof some, "%zu of them ", w->alarms);
    if (w->alarms)
        leati_str_addf(s, ", %sin at least %u of the last %u windows.", some, m->options.persist,
                       m->options.of);
    else
        leati_str_addf(s, "; an alarm needs this in %u of %u windows.", m->options.persist,
                       m->options.of);
}

static void say_few_labels(leati_str *s, const leat_monitor *m, const leati_monitored *w)
{
    size_t labels = (size_t)w->window.word[LEATI_COUNTERS_LABELLED];
    if (labels == 0 || leati_monitor_labelled(m, w)) return;
    leati_str_addf(s, " %zu label%s too few to judge by: it takes %zu.", labels,
                   labels == 1 ? " is" : "s are", m->options.least_rows);
}

static void say_score(leati_str *s, const leat_monitor *m, const leati_monitored *w)
{
    leat_monitored_score v = leati_scores_measure(&w->window, 0);
    bool labelled = leati_monitor_labelled(m, w);
    double value = labelled ? v.realised : v.estimated;
    double low = labelled ? v.realised_low : v.estimated_low;
    double high = labelled ? v.realised_high : v.estimated_high;
    char text[4][LEATI_NUM_SIZE];
    if (!isfinite(value)) return;
    leati_num_pretty(value, 3, text[0]);
    leati_num_pretty(low, 3, text[1]);
    leati_num_pretty(high, 3, text[2]);
    leati_num_pretty(v.before, 3, text[3]);
    leati_str_addf(s, " %s %s %s (%s to %s)",
                   strcmp(v.metric, "mae") == 0 ? "The mean absolute error" : "Accuracy",
                   labelled ? "by labels is" : "without labels is estimated at", text[0], text[1],
                   text[2]);
    if (isfinite(v.before))
        leati_str_addf(s, "%s; it was %s on data held out in training",
                       m->state == LEAT_MONITOR_STALE ? ", surely worse than before" : "", text[3]);
    leati_str_add(s, ".");
    if (!labelled || !(v.realised_high < v.estimated_low)) return;
    leati_num_pretty(v.estimated, 3, text[0]);
    leati_str_addf(s,
                   " Its probabilities promise %s: the relation of inputs and target has changed.",
                   text[0]);
}

static void say_verdict(leati_str *s, const leat_monitor *m)
{
    const leati_monitored *w = last_judged(m);
    if (w) {
        say_drift(s, m, w);
        say_score(s, m, w);
        say_few_labels(s, m, w);
    } else if (m->count == 0) {
        leati_str_add(s, "There is no window yet.");
    } else {
        leati_str_addf(s, "No window has the %zu rows that judging needs.", m->options.least_rows);
    }
}

static void say_notes(leati_str *s, const leat_monitor *m)
{
    const leati_norm *n = &m->norm;
    size_t unjudged = 0;
    for (size_t i = 0; i < m->count; i++) unjudged += !m->at[i].judged;
    if (n->prediction == SIZE_MAX)
        leati_str_add(s, "the model file holds no predictions of held-out data (an older version "
                         "wrote it), so outputs are not watched\n");
    for (size_t i = 0; i < m->model->input_count; i++) {
        const leati_schema_column *col = &m->model->schema.columns[m->model->inputs[i]];
        if (col->role == LEATI_ROLE_TIME)
            leati_str_addf(s, "%s is a time, which never stays, and is not watched\n", col->name);
    }
    if (n->classes && !leat_model_has_probabilities(m->model))
        leati_str_add(s, "the model gives no probabilities, so nothing is estimated without "
                         "labels\n");
    if (!n->classes && m->options.group)
        leati_str_add(s, "the model predicts numbers and selects nobody, so groups are not "
                         "compared\n");
    if (n->classes && m->all.groupless)
        leati_str_addf(s,
                       "%llu of %llu rows have no %s and are left out where groups are compared\n",
                       (unsigned long long)m->all.groupless,
                       (unsigned long long)m->all.word[LEATI_COUNTERS_ROWS], m->options.group);
    if (n->calibrated)
        leati_str_add(s, "probabilities were off on held-out data and are corrected before "
                         "estimating\n");
    if (unjudged)
        leati_str_addf(s, "%zu of %zu windows %s fewer than %zu rows: measured, not judged\n",
                       unjudged, m->count, unjudged == 1 ? "has" : "have", m->options.least_rows);
}

leat_status leati_monitor_say(leat_context *c, leat_monitor *m)
{
    leati_str verdict, notes;
    leati_str_init(&verdict, c);
    leati_str_init(&notes, c);
    say_verdict(&verdict, m);
    say_notes(&notes, m);
    char *a =
        leati_str_status(&verdict) == LEAT_OK ? leati_strdup(c, leati_str_text(&verdict)) : NULL;
    char *b =
        a && leati_str_status(&notes) == LEAT_OK ? leati_strdup(c, leati_str_text(&notes)) : NULL;
    leati_str_fini(&verdict);
    leati_str_fini(&notes);
    if (!b) {
        leati_free(a);
        return leat_error_status(c);
    }
    leati_free(m->verdict);
    leati_free(m->notes);
    m->verdict = a;
    m->notes = b;
    return LEAT_OK;
}

/* --- for programs ----------------------------------------------------------------------------- */

static void drift_json(leat_json *j, const char *name, const leat_drift *d)
{
    leat_json_begin_object(j, name);
    leat_json_number(j, "psi", d->psi);
    leat_json_number(j, "psi_expected", d->psi_expected);
    leat_json_number(j, "ks", d->ks);
    leat_json_number(j, "ks_p", d->ks_p);
    leat_json_number(j, "chi2", d->chi2);
    leat_json_number(j, "chi2_df", d->chi2_df);
    leat_json_number(j, "chi2_p", d->chi2_p);
    leat_json_number(j, "js", d->js);
    leat_json_number(j, "wasserstein", d->wasserstein);
    leat_json_number(j, "mean_shift", d->mean_shift);
    leat_json_number(j, "missing", d->missing);
    leat_json_number(j, "missing_before", d->missing_before);
    leat_json_number(j, "outside", d->outside);
    leat_json_number(j, "p", d->p);
    leat_json_bool(j, "drifting", d->drifting);
    leat_json_bool(j, "alarm", d->alarm);
    leat_json_end_object(j);
}

static void rate_json(leat_json *j, const char *key, leat_rate r)
{
    leat_json_begin_object(j, key);
    leat_json_number(j, "value", r.value);
    leat_json_number(j, "low", r.low);
    leat_json_number(j, "high", r.high);
    leat_json_end_object(j);
}

static void scores_json(leat_json *j, const leati_counters *w)
{
    leat_json_begin_object(j, "scores");
    for (size_t k = 0; k < leati_scores_count(w->norm); k++) {
        leat_monitored_score s = leati_scores_measure(w, k);
        leat_json_begin_object(j, s.metric);
        leat_json_number(j, "before", s.before);
        rate_json(j, "estimated", (leat_rate){s.estimated, s.estimated_low, s.estimated_high});
        rate_json(j, "realised", (leat_rate){s.realised, s.realised_low, s.realised_high});
        leat_json_end_object(j);
    }
    leat_json_end_object(j);
}

static void window_json(leat_json *j, const leat_monitor *m, size_t i)
{
    leat_monitor_window w = leat_monitor_window_at(m, i);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "name", w.name);
    leat_json_int(j, "rows", (int64_t)w.rows);
    leat_json_int(j, "labelled", (int64_t)w.labelled);
    leat_json_number(j, "from", w.from);
    leat_json_number(j, "to", w.to);
    leat_json_bool(j, "judged", w.judged);
    leat_json_begin_object(j, "drift");
    for (size_t k = 0; k < m->norm.count; k++)
        drift_json(j, m->norm.feature[k].name, &m->at[i].drift[k]);
    leat_json_end_object(j);
    scores_json(j, &m->at[i].window);
    leat_json_end_object(j);
}

static void fairness_json(leat_json *j, const leat_monitor *m)
{
    leat_json_begin_object(j, "fairness");
    leat_json_string(j, "positive", leat_monitor_positive(m));
    leat_json_begin_array(j, "groups");
    for (size_t g = 0; g < m->groups; g++) {
        const leat_monitored_group *at = &m->group[g];
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "name", at->name);
        leat_json_bool(j, "withheld", at->withheld);
        if (!at->withheld) {
            leat_json_int(j, "rows", (int64_t)at->rows);
            leat_json_int(j, "labelled", (int64_t)at->labelled);
            rate_json(j, "selected", at->selected);
            rate_json(j, "true_positive", at->true_positive);
            rate_json(j, "false_positive", at->false_positive);
        }
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    rate_json(j, "parity_difference", m->fairness.parity_difference);
    rate_json(j, "parity_ratio", m->fairness.parity_ratio);
    rate_json(j, "opportunity", m->fairness.opportunity);
    rate_json(j, "odds", m->fairness.odds);
    leat_json_end_object(j);
}

static const char *state_name(leat_staleness state)
{
    static const char *const names[] = {"unknown", "fresh", "watch", "stale"};
    return names[state];
}

void leati_monitor_json(const leat_monitor *m, leat_json *j, const char *key, size_t most)
{
    if (m->told) {
        leat_json_null(j, key);
        return;
    }
    leat_json_begin_object(j, key);
    leat_json_string(j, "model", m->model->name);
    leat_json_string(j, "state", state_name(m->state));
    leat_json_string(j, "verdict", m->verdict);
    leat_json_string(j, "notes", m->notes);
    leat_json_int(j, "inputs", (int64_t)m->norm.inputs);
    leat_json_number(j, "alpha", m->options.alpha);
    leat_json_number(j, "effect", m->options.effect);
    leat_json_int(j, "persist", m->options.persist);
    leat_json_int(j, "of", m->options.of);
    leat_json_begin_array(j, "windows");
    for (size_t i = m->count > most ? m->count - most : 0; i < m->count; i++) window_json(j, m, i);
    leat_json_end_array(j);
    if (m->groups) fairness_json(j, m);
    leat_json_end_object(j);
}

void leat_monitor_json(const leat_monitor *m, leat_json *j, const char *key)
{
    leati_monitor_json(m, j, key, SIZE_MAX);
}

/* --- Prometheus ------------------------------------------------------------------------------- */

typedef struct series {
    const char *model, *version;
    leati_str *out;
} series;

static void add_sample(const series *s, const char *name, const char *key, const char *label,
                       const char *measure, double value)
{
    char number[LEATI_NUM_SIZE];
    if (!isfinite(value)) return;
    size_t n = leati_num_format(value, number);
    leati_str_add(s->out, name);
    leati_str_add(s->out, "{model=\"");
    leati_str_add_label(s->out, s->model);
    leati_str_add(s->out, "\",version=\"");
    leati_str_add_label(s->out, s->version);
    leati_str_add(s->out, "\"");
    if (key) {
        leati_str_addf(s->out, ",%s=\"", key);
        leati_str_add_label(s->out, label);
        leati_str_add(s->out, "\"");
    }
    if (measure) leati_str_addf(s->out, ",measure=\"%s\"", measure);
    leati_str_add(s->out, "} ");
    number[n++] = '\n';
    leati_str_addn(s->out, number, n);
}

typedef enum family {
    DRIFT_PSI,
    DRIFT_DISTANCE,
    DRIFT_ALARM,
    REFERENCE_SCORE,
    ESTIMATED_SCORE,
    REALISED_SCORE,
    FAIRNESS_GAP
} family;

static const struct {
    const char *name, *help;
} families[LEATI_MONITOR_FAMILIES] = {
    [DRIFT_PSI] = {"leat_drift_psi", "Population stability index of a feature against training."},
    [DRIFT_DISTANCE] = {"leat_drift_distance", "Other distances of a feature from training."},
    [DRIFT_ALARM] = {"leat_drift_alarm", "1 while a feature drifts persistently."},
    [REFERENCE_SCORE] = {"leat_reference_score", "Scores on data held out in training."},
    [ESTIMATED_SCORE] = {"leat_estimated_score", "Scores estimated without labels."},
    [REALISED_SCORE] = {"leat_realised_score", "Scores from labels that came back."},
    [FAIRNESS_GAP] = {"leat_fairness_gap", "Gaps between groups."}};

static void drift_samples(const series *s, const leat_monitor *m, const leati_monitored *w,
                          family what)
{
    bool all = m->norm.count <= METRIC_FEATURES;
    for (size_t i = 0; i < m->norm.count; i++) {
        const leat_drift *d = &w->drift[i];
        const char *name = families[what].name, *feature = m->norm.feature[i].name;
        if (!all && !d->drifting) continue;
        if (what == DRIFT_PSI) add_sample(s, name, "feature", feature, NULL, d->psi);
        if (what == DRIFT_ALARM) add_sample(s, name, "feature", feature, NULL, d->alarm);
        if (what != DRIFT_DISTANCE) continue;
        add_sample(s, name, "feature", feature, "ks", d->ks);
        add_sample(s, name, "feature", feature, "js", d->js);
        add_sample(s, name, "feature", feature, "wasserstein", d->wasserstein);
    }
}

static void score_samples(const series *s, const leati_monitored *w, family what)
{
    for (size_t k = 0; k < leati_scores_count(w->window.norm); k++) {
        leat_monitored_score v = leati_scores_measure(&w->window, k);
        double value = what == REFERENCE_SCORE   ? v.before
                       : what == ESTIMATED_SCORE ? v.estimated
                                                 : v.realised;
        add_sample(s, families[what].name, "metric", v.metric, NULL, value);
    }
}

static void gap_samples(const series *s, const leat_monitor *m)
{
    const char *name = families[FAIRNESS_GAP].name;
    const leat_fairness *f = &m->fairness;
    if (!m->groups) return;
    add_sample(s, name, NULL, NULL, "parity_difference", f->parity_difference.value);
    add_sample(s, name, NULL, NULL, "parity_ratio", f->parity_ratio.value);
    add_sample(s, name, NULL, NULL, "opportunity", f->opportunity.value);
    add_sample(s, name, NULL, NULL, "odds", f->odds.value);
}

void leati_monitor_family(size_t what, leati_str *out)
{
    leati_str_addf(out, "# HELP %s %s\n# TYPE %s gauge\n", families[what].name, families[what].help,
                   families[what].name);
}

void leati_monitor_samples(const leat_monitor *m, size_t what, const char *model,
                           const char *version, leati_str *out)
{
    const leati_monitored *w = last_judged(m);
    series s = {model, version, out};
    if (!w) return;
    if (what <= DRIFT_ALARM) drift_samples(&s, m, w, (family)what);
    else if (what == FAIRNESS_GAP) gap_samples(&s, m);
    else score_samples(&s, w, (family)what);
}
