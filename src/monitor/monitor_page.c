/* Owns: the page of a monitor. Its pictures are monitor_charts.c's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "monitor/monitor_charts.h"
#include "monitor/performance.h"
#include "plot/page.h"

enum { PICTURED = 6, LISTED = 60 };

static const char dash[] = "\xe2\x80\x93";

/* --- pieces ----------------------------------------------------------------------------------- */

static void number_cell(leati_page *p, double value, int digits)
{
    char text[LEATI_NUM_SIZE];
    leati_num_pretty(value, digits, text);
    if (value > 0 && value < 0.001) leati_page_element(p, "td class=n", "< 0.001");
    else leati_page_element(p, "td class=n", "%s", isfinite(value) ? text : dash);
}

static const char *share_text(double share, char out[LEATI_NUM_SIZE + 2])
{
    char number[LEATI_NUM_SIZE];
    leati_num_pretty(share * 100, share < 0.0995 ? 2 : 3, number);
    snprintf(out, LEATI_NUM_SIZE + 2, "%s%%", number);
    return isfinite(share) ? out : dash;
}

static void share_cell(leati_page *p, double share)
{
    char text[LEATI_NUM_SIZE + 2];
    leati_page_element(p, "td class=n", "%s", share_text(share, text));
}

/* "97.1%" and "94% to 99%" of a rate. */
static void rate_cell(leati_page *p, leat_rate r)
{
    char value[LEATI_NUM_SIZE + 2], low[LEATI_NUM_SIZE + 2], high[LEATI_NUM_SIZE + 2];
    leati_page_raw(p, "<td class=\"n\">");
    leati_page_text(p, share_text(r.value, value));
    if (isfinite(r.low) && isfinite(r.high))
        leati_page_element(p, "small", "%s to %s", share_text(r.low, low),
                           share_text(r.high, high));
    leati_page_raw(p, "</td>\n");
}

static void tile(leati_page *p, const char *what, const char *value, const char *more)
{
    leati_page_raw(p, "<li>");
    leati_page_element(p, "span class=what", "%s", what);
    leati_page_element(p, "span class=value", "%s", value);
    leati_page_element(p, "span class=more", "%s", more);
    leati_page_raw(p, "</li>\n");
}

static void heads(leati_page *p, const char *const *names, size_t count)
{
    leati_page_raw(p, "<div class=\"scroll\"><table>\n<tr>");
    for (size_t i = 0; i < count; i++)
        leati_page_element(p, i ? "th class=n" : "th", "%s", names[i]);
    leati_page_raw(p, "</tr>\n");
}

/* The last window that was judged, else the last one with rows; SIZE_MAX: none. */
static size_t shown_window(const leat_monitor *m)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < m->count; i++) {
        bool rows = m->at[i].window.word[LEATI_COUNTERS_ROWS] > 0;
        if (m->at[i].judged || (rows && (best == SIZE_MAX || !m->at[best].judged))) best = i;
    }
    return best;
}

/* --- the answer ------------------------------------------------------------------------------- */

static void score_tile(leati_page *p, const leat_monitor *m, size_t window)
{
    leat_monitored_score s = leati_scores_measure(&m->at[window].window, 0);
    bool labelled = leati_monitor_labelled(m, &m->at[window]);
    char value[LEATI_NUM_SIZE], low[LEATI_NUM_SIZE], high[LEATI_NUM_SIZE], what[80], more[120];
    double at = labelled ? s.realised : s.estimated;
    if (!isfinite(at)) return;
    leati_num_pretty(at, 3, value);
    leati_num_pretty(labelled ? s.realised_low : s.estimated_low, 3, low);
    leati_num_pretty(labelled ? s.realised_high : s.estimated_high, 3, high);
    snprintf(what, sizeof what, "%s, %s", s.metric, labelled ? "from labels" : "estimated");
    snprintf(more, sizeof more, "%s to %s", low, high);
    tile(p, what, value, more);
}

static void answer(leati_page *p, const leat_monitor *m, size_t window)
{
    static const char *const states[] = {"not judged yet", "fresh", "to be watched", "stale"};
    char text[LEATI_NUM_SIZE], more[120], rows[LEATI_NUM_SIZE];
    size_t total = 0;
    leati_page_element(p, "p class=eyebrow", "Leat: watching %s", m->model->name);
    leati_page_raw(p, "<h1>");
    leati_page_textf(p, "%s is %s", m->model->name, states[m->state]);
    leati_page_raw(p, "</h1>\n");
    leati_page_element(p, "p class=answer", "%s", m->verdict);
    leati_page_raw(p, "<ul class=\"tiles\">\n");
    for (size_t i = 0; i < m->count; i++)
        total += (size_t)m->at[i].window.word[LEATI_COUNTERS_ROWS];
    leati_num_grouped((int64_t)m->count, text);
    leati_num_grouped((int64_t)total, rows);
    snprintf(more, sizeof more, "%s rows", rows);
    tile(p, m->count == 1 ? "window" : "windows", text, more);
    if (window != SIZE_MAX) {
        const leati_monitored *w = &m->at[window];
        snprintf(text, sizeof text, "%zu", w->drifting);
        snprintf(more, sizeof more, "of %zu features, %zu with an alarm", m->norm.count, w->alarms);
        tile(p, "drifting now", text, more);
        score_tile(p, m, window);
    }
    if (m->groups >= 2 && isfinite(m->fairness.parity_difference.value)) {
        leati_num_pretty(m->fairness.parity_difference.value, 2, text);
        snprintf(more, sizeof more, "between %zu groups", m->groups);
        tile(p, "parity difference", text, more);
    }
    leati_page_raw(p, "</ul>\n");
}

/* --- drift ------------------------------------------------------------------------------------ */

typedef struct ranked {
    size_t feature;
    double psi;
    bool drifting;
} ranked;

static int further(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->drifting != y->drifting) return x->drifting ? -1 : 1;
    if (x->psi != y->psi) return x->psi > y->psi ? -1 : 1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

/* The features, those that drift first, then by PSI. leati_free. */
static ranked *rank_features(leat_context *c, const leat_monitor *m, size_t window)
{
    ranked *all = leati_array(c, m->norm.count + 1, sizeof *all);
    for (size_t i = 0; all && i < m->norm.count; i++) {
        const leat_drift *d = &m->at[window].drift[i];
        all[i] = (ranked){i, isnan(d->psi) ? -1 : d->psi, d->drifting};
    }
    if (all) qsort(all, m->norm.count, sizeof *all, further);
    return all;
}

static const char *judgement(const leat_monitor *m, const leat_drift *d)
{
    if (d->alarm) return "alarm";
    if (d->drifting) return "drifts";
    if (isnan(d->p)) return "too few rows";
    return d->p <= m->options.alpha ? "differs a little" : "as in training";
}

static void drift_row(leati_page *p, const leat_monitor *m, size_t feature, const leat_drift *d)
{
    leati_page_raw(p, d->drifting ? "<tr class=\"best\">" : "<tr>");
    leati_page_element(p, "td class=c", "%s", m->norm.feature[feature].name);
    number_cell(p, d->psi, 2);
    number_cell(p, d->psi_expected, 2);
    number_cell(p, d->ks, 2);
    number_cell(p, d->js, 2);
    number_cell(p, d->wasserstein, 2);
    share_cell(p, d->missing);
    share_cell(p, d->outside);
    number_cell(p, d->chi2, 3);
    number_cell(p, d->p < 0.0001 ? 0.0001 : d->p, 2); /* never "0" */
    leati_page_element(p, "td class=n", "%s", judgement(m, d));
    leati_page_raw(p, "</tr>\n");
}

static void drift_table(leati_page *p, const leat_monitor *m, size_t window, const ranked *order)
{
    static const char *const names[] = {"feature", "PSI",     "chance", "KS", "JS", "Wasserstein",
                                        "missing", "outside", "χ²",     "p",  ""};
    size_t shown = m->norm.count < LISTED ? m->norm.count : LISTED;
    heads(p, names, sizeof names / sizeof *names);
    for (size_t i = 0; i < shown; i++)
        drift_row(p, m, order[i].feature, &m->at[window].drift[order[i].feature]);
    leati_page_raw(p, "</table></div>\n");
    if (shown < m->norm.count)
        leati_page_element(p, "p class=note", "and %zu more that differ less",
                           m->norm.count - shown);
}

static void drift(leati_page *p, const leat_monitor *m, size_t window, const ranked *order)
{
    size_t shown = m->norm.count < PICTURED ? m->norm.count : PICTURED;
    leati_page_element(p, "h2", "Do the data still look like those of training?");
    if (m->count > 1) {
        static const char caption[] = "How far each feature is from training, beyond what "
                                      "chance gives; above the dashed line it counts.";
        leati_page_scene(p, leati_monitor_chart_drift(p->context, m, 860), "wide",
                         "Drift over the windows", caption);
        leati_page_scene(p, leati_monitor_chart_drift(p->context, m, 360), "narrow",
                         "Drift over the windows", caption);
    }
    leati_page_element(p, "h3", "In the window %s", m->at[window].name);
    drift_table(p, m, window, order);
    leati_page_raw(p, "<div class=\"charts\">\n");
    for (size_t i = 0; i < shown; i++) {
        leati_page_raw(p, "<div>");
        leati_page_scene(p,
                         leati_monitor_chart_feature(p->context, m, window, order[i].feature, 400),
                         "half", m->norm.feature[order[i].feature].name, NULL);
        leati_page_raw(p, "</div>\n");
    }
    leati_page_raw(p, "</div>\n");
}

/* --- scores ----------------------------------------------------------------------------------- */

static bool has_score(const leat_monitor *m, size_t score)
{
    leat_monitored_score s = leati_scores_measure(&m->all, score);
    return isfinite(s.estimated) || isfinite(s.realised);
}

static void scores(leati_page *p, const leat_monitor *m)
{
    bool any = false;
    for (size_t k = 0; k < leati_scores_count(&m->norm); k++) any = any || has_score(m, k);
    if (!any) return;
    leati_page_element(p, "h2", "Are its answers still good?");
    leati_page_element(p, "p",
                       "Estimated: what the model's probabilities, corrected where they were off, "
                       "promise for these rows, without labels. It holds while the relation of "
                       "inputs and target is that of training. From labels: what came true. Bands "
                       "are 95%% intervals.");
    leati_page_raw(p, "<div class=\"charts\">\n");
    for (size_t k = 0; k < leati_scores_count(&m->norm); k++) {
        if (!has_score(m, k)) continue;
        leati_page_raw(p, "<div>");
        leati_page_scene(p, leati_monitor_chart_score(p->context, m, k, 400), "half",
                         leati_scores_name(&m->norm, k), NULL);
        leati_page_raw(p, "</div>\n");
    }
    leati_page_raw(p, "</div>\n");
}

/* --- fairness --------------------------------------------------------------------------------- */

static void gap_row(leati_page *p, const char *name, leat_rate r, const char *meaning)
{
    leati_page_raw(p, "<tr>");
    leati_page_raw(p, "<td class=\"c\">");
    leati_page_text(p, name);
    leati_page_element(p, "small", "%s", meaning);
    leati_page_raw(p, "</td>");
    number_cell(p, r.value, 2);
    number_cell(p, r.low, 2);
    number_cell(p, r.high, 2);
    leati_page_raw(p, "</tr>\n");
}

static void group_table(leati_page *p, const leat_monitor *m)
{
    static const char *const names[] = {"group",    "rows",          "labelled",
                                        "selected", "true positive", "false positive"};
    heads(p, names, sizeof names / sizeof *names);
    for (size_t g = 0; g < m->groups; g++) {
        const leat_monitored_group *at = &m->group[g];
        char rows[LEATI_NUM_SIZE];
        leati_page_raw(p, at->withheld ? "<tr class=\"quiet\">" : "<tr>");
        leati_page_element(p, "td class=c", "%s", at->name);
        leati_num_grouped((int64_t)at->rows, rows);
        leati_page_element(p, "td class=n", "%s", at->withheld ? "< 30" : rows);
        leati_num_grouped((int64_t)at->labelled, rows);
        leati_page_element(p, "td class=n", "%s", at->withheld ? dash : rows);
        rate_cell(p, at->selected);
        rate_cell(p, at->true_positive);
        rate_cell(p, at->false_positive);
        leati_page_raw(p, "</tr>\n");
    }
    leati_page_raw(p, "</table></div>\n");
}

static void gap_table(leati_page *p, const leat_fairness *f)
{
    static const char *const names[] = {"between the extreme groups", "value", "from", "to"};
    heads(p, names, 4);
    gap_row(p, "demographic parity, difference", f->parity_difference,
            "largest less smallest share selected");
    gap_row(p, "demographic parity, ratio", f->parity_ratio,
            "smallest over largest; the four-fifths rule asks for 0.8");
    gap_row(p, "equal opportunity", f->opportunity, "gap of the true positive rates");
    gap_row(p, "equalised odds", f->odds, "the larger gap of true and false positive rates");
    leati_page_raw(p, "</table></div>\n");
}

static void fairness(leati_page *p, const leat_monitor *m)
{
    static const char *const names[] = {"selected", "true positive rate", "false positive rate"};
    if (m->groups == 0) return;
    leati_page_element(p, "h2", "Are groups treated alike?");
    leati_page_element(p, "p",
                       "Selected means predicted as %s. Over all windows together; groups of fewer "
                       "than 30 rows are withheld. Intervals are of 95%%, those of the gaps for "
                       "all pairs of groups at once.",
                       leat_monitor_positive(m));
    leati_page_raw(p, "<div class=\"charts\">\n");
    for (int k = 0; k < 3; k++) {
        bool any = false;
        for (size_t g = 0; g < m->groups; g++)
            any = any || isfinite(leati_group_rate_of(&m->group[g], (leati_group_rate)k).value);
        if (!any) continue;
        leati_page_raw(p, "<div>");
        leati_page_scene(p, leati_monitor_chart_groups(p->context, m, (leati_group_rate)k, 400),
                         "half", names[k], NULL);
        leati_page_raw(p, "</div>\n");
    }
    leati_page_raw(p, "</div>\n");
    gap_table(p, &m->fairness);
    group_table(p, m);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void windows(leati_page *p, const leat_monitor *m)
{
    static const char *const names[] = {"window", "rows", "labelled", "drifting", "alarms"};
    leati_page_raw(p, "<details><summary>Windows</summary><div>\n");
    heads(p, names, sizeof names / sizeof *names);
    for (size_t i = 0; i < m->count; i++) {
        leat_monitor_window w = leat_monitor_window_at(m, i);
        leati_page_raw(p, w.judged ? "<tr>" : "<tr class=\"quiet\">");
        leati_page_element(p, "td class=c", "%zu  %s", i + 1, w.name);
        leati_page_element(p, "td class=n", "%zu", w.rows);
        leati_page_element(p, "td class=n", "%zu", w.labelled);
        if (w.judged) leati_page_element(p, "td class=n", "%zu", w.drifting);
        else leati_page_element(p, "td class=n", "not judged");
        leati_page_element(p, "td class=n", "%zu", w.alarms);
        leati_page_raw(p, "</tr>\n");
    }
    leati_page_raw(p, "</table></div></div></details>\n");
}

static void words(leati_page *p, const leat_monitor *m)
{
    leati_page_raw(p, "<details><summary>What the words mean</summary><div>\n<dl>\n");
    leati_page_element(p, "dt", "PSI");
    leati_page_element(p, "dd",
                       "population stability index: 0 for equal distributions; 0.1 is a small "
                       "shift by convention, 0.25 a large one. By chance: what samples of these "
                       "sizes give when nothing changed.");
    leati_page_element(p, "dt", "KS, JS, Wasserstein");
    leati_page_element(p, "dd",
                       "largest gap of the cumulative distributions; Jensen-Shannon distance, 0 to "
                       "1; how far values moved, in standard deviations of training.");
    leati_page_element(p, "dt", "outside");
    leati_page_element(p, "dd",
                       "share of rows beyond the range of training, or of no value listed then.");
    leati_page_element(p, "dt", "χ² and p");
    leati_page_element(p, "dd",
                       "Pearson's test of the counts in the cells against training; p adjusted for "
                       "the number of features (Benjamini and Hochberg).");
    leati_page_element(p, "dt", "drifts");
    leati_page_element(p, "dd",
                       "the p of chi-square at most %g and PSI at least %g above chance. An alarm "
                       "needs that in %u of "
                       "the last %u judged windows.",
                       m->options.alpha, m->options.effect, m->options.persist, m->options.of);
    leati_page_raw(p, "</dl></div></details>\n");
}

static void notes(leati_page *p, const leat_monitor *m)
{
    for (const char *at = m->notes; *at;) {
        size_t n = strcspn(at, "\n");
        leati_page_element(p, "p class=note", "%.*s", (int)n, at);
        at += n + (at[n] == '\n');
    }
}

leat_status leati_monitor_html(leat_context *c, const leat_monitor *m, leati_str *out)
{
    leati_page p = {.context = c, .out = out};
    size_t window = shown_window(m);
    leati_page_begin(&p, m->model->name);
    answer(&p, m, window);
    notes(&p, m);
    if (window != SIZE_MAX) {
        ranked *order = rank_features(c, m, window);
        if (order) drift(&p, m, window, order);
        else p.status = leat_error_status(c);
        leati_free(order);
    }
    scores(&p, m);
    fairness(&p, m);
    leati_page_element(&p, "h2", "Details");
    windows(&p, m);
    words(&p, m);
    leati_page_end(&p);
    return p.status != LEAT_OK ? p.status : leati_str_status(out);
}

leat_status leat_monitor_page(leat_context *c, const leat_monitor *m, const char *path)
{
    leati_str html;
    LEATI_CHECK(c, !m->told, LEAT_INVALID,
                "this monitor tells what another one said, which is too little for plots");
    leati_str_init(&html, c);
    leat_status st = leati_monitor_html(c, m, &html);
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(&html), html.length);
    leati_str_fini(&html);
    return st;
}
