/* Owns: what the report says, and in which order: the answer, the picture that explains it, then
 * detail on demand. */
#include "workflow/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "plot/plot_text.h"
#include "workflow/entries.h"
#include "workflow/inferred.h"
#include "workflow/report_html.h"
#include "workflow/report_training.h"

static const char *grouped(size_t value, char out[LEATI_NUM_SIZE])
{
    leati_num_grouped((int64_t)value, out);
    return out;
}

/* Each line of a text as an element. */
static void lines(leati_page *p, const char *tag, const char *text)
{
    while (text && *text) {
        size_t n = strcspn(text, "\n");
        if (n) leati_page_element(p, tag, "%.*s", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static void interval(leati_page *p, double low, double high)
{
    char a[40], b[40];
    if (!isfinite(low) || !isfinite(high)) return;
    leati_page_textf(p, "95%%: %s to %s", leati_findings_score(p->findings, low, a),
                     leati_findings_score(p->findings, high, b));
}

/* --- the answer ----------------------------------------------------------------------------------
 */

static void tile(leati_page *p, bool best, const char *what, double score)
{
    leati_page_raw(p, best ? "<li class=\"best\">" : "<li>");
    leati_page_element(p, "span class=what", "%s", what);
    leati_page_score(p, "span class=value", score);
    leati_page_raw(p, "<span class=\"more\">");
}

static void end_tile(leati_page *p)
{
    leati_page_raw(p, "</span></li>\n");
}

/* "beaten (p < 0.001)", "may be chance (p = 0.21)" */
static void compared(leati_page *p, double chance)
{
    char text[32];
    if (isnan(chance)) return;
    leati_p_text(chance, text, sizeof text);
    leati_page_textf(p, chance < 0.05 ? "really behind (%s)" : "the difference may be chance (%s)",
                     text);
}

/* Rows that the winner did not learn from but judged its epochs by. */
static size_t set_aside(const leat_experiment *e)
{
    char text[64];
    double fraction;
    const leati_estimator *best = e->best->estimator;
    const leati_param *q = leati_param_find(best->class->params, "validation_fraction");
    if (!q || !e->history.validated) return 0;
    leati_param_get(q, best, text, sizeof text);
    if (!leati_num_parse(text, strlen(text), &fraction) || !(fraction > 0 && fraction < 1))
        return 0;
    return (size_t)((double)e->target.count * fraction);
}

static void tiles(leati_page *p)
{
    char what[200], rows[LEATI_NUM_SIZE];
    const leati_findings *f = p->findings;
    const leat_experiment *e = f->e;
    const leati_entry *baseline = leati_findings_baseline(f), *next = leati_findings_next(f);
    leati_page_raw(p, "<ul class=\"tiles\">\n");
    if (e->has_test) {
        snprintf(what, sizeof what, "%s on the test table", e->metric->title);
        tile(p, true, what, e->test_score);
        interval(p, e->test_low, e->test_high);
        end_tile(p);
    }
    snprintf(what, sizeof what, "%s%s", e->metric->title, e->has_test ? " in validation" : "");
    tile(p, !e->has_test, what, e->best->mean);
    interval(p, e->best->low, e->best->high);
    end_tile(p);
    if (next) {
        snprintf(what, sizeof what, "runner-up: %s", next->estimator->class->name);
        tile(p, false, what, next->mean);
        compared(p, e->p_next);
        end_tile(p);
    }
    if (baseline && baseline != e->best) {
        tile(p, false, "baseline", baseline->mean);
        compared(p, e->p_baseline);
        end_tile(p);
    }
    size_t aside = set_aside(e);
    leati_page_raw(p, "<li><span class=\"what\">learned from</span>");
    leati_page_element(p, "span class=value", "%s", grouped(e->target.count - aside, rows));
    if (aside)
        leati_page_element(p, "span class=more",
                           "rows, and %s set aside to choose the epoch; %zu of %zu columns",
                           grouped(aside, rows), e->schema.used, e->schema.count);
    else
        leati_page_element(p, "span class=more", "rows, %zu of %zu columns", e->schema.used,
                           e->schema.count);
    leati_page_raw(p, "</li>\n</ul>\n");
}

static void answer(leati_page *p)
{
    char score[40];
    const leat_experiment *e = p->findings->e;
    const leati_estimator_class *class = e->best->estimator->class;
    leati_page_element(p, "p class=eyebrow", "Leat report: %s", e->name);
    leati_page_element(p, "h1", "Predicting %s with %s", e->schema.target, class->title);
    leati_page_raw(p, "<p class=\"answer\">");
    leati_page_text(p, class->name);
    leati_page_raw(p, " reaches <strong>");
    leati_page_text(p, e->metric->title);
    leati_page_raw(p, " ");
    leati_page_text(
        p, leati_findings_score(p->findings, e->has_test ? e->test_score : e->best->mean, score));
    leati_page_raw(p, "</strong>");
    leati_page_text(p, e->has_test ? " on a test table that it had not seen."
                                   : " on rows that it had not seen.");
    leati_page_raw(p, "</p>\n<ul class=\"verdict\">\n");
    lines(p, "li", e->verdict);
    lines(p, "li", e->curve_reading);
    leati_page_raw(p, "</ul>\n");
    tiles(p);
}

/* --- leaderboard ---------------------------------------------------------------------------------
 */

static void board_row(leati_page *p, const leati_entry *k)
{
    char fit[LEATI_NUM_SIZE], predict[LEATI_NUM_SIZE];
    const leat_experiment *e = p->findings->e;
    leati_page_raw(p, k == e->best                  ? "<tr class=\"best\">"
                      : k->is_baseline || k->failed ? "<tr class=\"quiet\">"
                                                    : "<tr>");
    leati_page_raw(p, "<td class=\"c\">");
    leati_page_text(p, k->estimator->class->name);
    if (k->params && *k->params) leati_page_element(p, "small", "%s", k->params);
    leati_page_raw(p, "</td>\n");
    if (k->failed) {
        leati_page_element(p, "td colspan=6", "%s", k->failed);
        leati_page_raw(p, "</tr>\n");
        return;
    }
    leati_page_score(p, "td class=n", k->mean);
    leati_page_raw(p, "<td class=\"n\">");
    if (isfinite(k->low) && isfinite(k->high)) {
        char low[40], high[40];
        leati_page_textf(p, "%s to %s", leati_findings_score(p->findings, k->low, low),
                         leati_findings_score(p->findings, k->high, high));
    }
    leati_page_raw(p, "</td>\n");
    leati_page_score(p, "td class=n", k->std);
    leati_num_seconds(k->fit_seconds, fit);
    leati_num_seconds(k->predict_seconds, predict);
    leati_page_element(p, "td class=n", "%s", fit);
    leati_page_element(p, "td class=n", "%s", predict);
    leati_page_element(p, "td class=w", "%s", k->prepared);
    leati_page_raw(p, "</tr>\n");
}

/* More would be a list that nobody reads; run.json has all. */
enum { SHOWN_TRIALS = 50 };

static void trial_row(leati_page *p, const leati_tried *x, bool folds)
{
    char low[40], high[40], seconds[LEATI_NUM_SIZE];
    leati_page_raw(p, x->rank == 1 ? "<tr class=\"best\">"
                      : x->failed  ? "<tr class=\"quiet\">"
                                   : "<tr>");
    leati_page_element(p, "td class=n", "%zu", x->rank);
    leati_page_element(p, "td class=w", "%s", x->params);
    if (x->failed) {
        leati_page_element(p, folds ? "td colspan=4" : "td colspan=3", "%s", x->failed);
    } else {
        leati_page_score(p, "td class=n", x->mean);
        leati_page_raw(p, "<td class=\"n\">");
        if (isfinite(x->low) && isfinite(x->high))
            leati_page_textf(p, "%s to %s", leati_findings_score(p->findings, x->low, low),
                             leati_findings_score(p->findings, x->high, high));
        leati_page_raw(p, "</td>\n");
        leati_page_score(p, "td class=n", x->std);
        if (folds) leati_page_element(p, "td class=n", "%zu", x->folds);
    }
    leati_num_seconds(x->seconds, seconds);
    leati_page_element(p, "td class=n", "%s", seconds);
    leati_page_raw(p, "</tr>\n");
}

static void trials_of(leati_page *p, const leati_entry *k)
{
    const leat_experiment *e = p->findings->e;
    size_t shown = k->trial_count < SHOWN_TRIALS ? k->trial_count : SHOWN_TRIALS;
    bool folds = e->search.kind == LEATI_SEARCH_HALVING;
    leati_page_element(p, "h3", "What the search tried: %s", k->estimator->class->name);
    leati_page_raw(p, "<div class=\"scroll\"><table>\n<thead><tr><th class=\"n\">rank</th>"
                      "<th>settings</th>");
    leati_page_element(p, "th class=n", "%s", e->metric->title);
    leati_page_raw(p, "<th class=\"n\">95% interval</th><th class=\"n\">spread</th>");
    if (folds) leati_page_raw(p, "<th class=\"n\">folds</th>");
    leati_page_raw(p, "<th class=\"n\">fits</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < shown; i++) trial_row(p, &k->trial[i], folds);
    leati_page_raw(p, "</tbody></table></div>\n");
    if (shown < k->trial_count)
        leati_page_element(p, "p class=note", "The best %zu of %zu; all are in run.json.", shown,
                           k->trial_count);
}

static void trials(leati_page *p)
{
    const leat_experiment *e = p->findings->e;
    bool any = false;
    for (size_t i = 0; i < e->count; i++) {
        if (e->entries[i].trial_count < 2) continue;
        trials_of(p, &e->entries[i]);
        any = true;
    }
    if (any)
        leati_page_element(p, "p class=note",
                           "The best of many scores is partly luck: what is chosen by such a table "
                           "does a little worse on new rows than the table says. A nested split "
                           "(--cv nested:5x3) measures that.");
}

static void leaderboard(leati_page *p)
{
    const leat_experiment *e = p->findings->e;
    leati_page_raw(p, "<h2>Which model, and how sure</h2>\n");
    bool boxes = e->folds.count >= 3 && !leati_folds_single(e->folds.fold, e->folds.count);
    leati_page_wide_chart(p, "leaderboard",
                          boxes ? "Each point is the score on one fold, the box holds the middle "
                                  "half of them, the thick line is the median. In brackets the 95% "
                                  "interval of the mean."
                                : "Bars are the scores, whiskers their 95% intervals.");
    leati_page_raw(p, "<div class=\"scroll\"><table>\n<thead><tr><th>model</th>");
    leati_page_element(p, "th class=n", "%s", e->metric->title);
    leati_page_raw(p, "<th class=\"n\">95% interval</th><th class=\"n\">spread</th>"
                      "<th class=\"n\">fit</th><th class=\"n\">predict</th>"
                      "<th>prepared</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < e->count; i++) board_row(p, &e->entries[i]);
    leati_page_raw(p, "</tbody></table></div>\n");
    lines(p, "p class=note", e->validation);
    if (e->folds.count > 1)
        leati_page_element(
            p, "p class=note",
            "The spread is the standard deviation over the folds; times are per fold.");
    trials(p);
}

/* --- where it errs -------------------------------------------------------------------------------
 */

static void on_which_rows(leati_page *p)
{
    char rows[LEATI_NUM_SIZE];
    const leati_findings *f = p->findings;
    leati_page_element(p, "p",
                       f->on_test
                           ? "On the %s rows of the test table, predicted by the final model."
                           : "On %s rows, each predicted by a model that had not seen it.",
                       grouped(f->eval.rows, rows));
}

/* The pair of classes that is taken for another most often. */
static void worst_confusion(leati_page *p)
{
    const leati_findings *f = p->findings;
    size_t classes = f->eval.classes, from = 0, to = 0;
    double most = 0;
    char count[LEATI_NUM_SIZE], whole[LEATI_NUM_SIZE];
    for (size_t i = 0; i < classes * classes; i++) {
        if (i / classes == i % classes || f->confusion[i] <= most) continue;
        most = f->confusion[i];
        from = i / classes;
        to = i % classes;
    }
    if (most <= 0) {
        leati_page_element(p, "p", "No row was predicted wrong.");
        return;
    }
    char *truth = leati_class_shown(p->context, f->e->schema.class_names[from]);
    char *taken = leati_class_shown(p->context, f->e->schema.class_names[to]);
    if (truth && taken)
        leati_page_element(p, "p", "Most frequent mistake: %s of %s rows of %s were taken for %s.",
                           grouped((size_t)most, count),
                           grouped((size_t)f->class_rows[from], whole), truth, taken);
    leati_free(truth);
    leati_free(taken);
}

static void share_cell(leati_page *p, double part, double whole)
{
    char text[LEATI_FIXED_SIZE];
    if (whole > 0) leati_fixed(part / whole, 3, text);
    leati_page_element(p, "td class=n", "%s", whole > 0 ? text : "\xe2\x80\x93");
}

static void class_table(leati_page *p)
{
    const leati_findings *f = p->findings;
    size_t classes = f->eval.classes;
    char rows[LEATI_NUM_SIZE];
    leati_page_raw(p, "<div class=\"scroll\"><table>\n<thead><tr><th>class</th><th class=\"n\">rows"
                      "</th><th class=\"n\">precision</th><th class=\"n\">recall</th>"
                      "<th class=\"n\">F1</th></tr></thead>\n<tbody>\n");
    for (size_t k = 0; k < classes; k++) {
        double hit = f->confusion[k * classes + k], predicted = 0, actual = f->class_rows[k];
        for (size_t i = 0; i < classes; i++) predicted += f->confusion[i * classes + k];
        leati_page_raw(p, "<tr>");
        char *name = leati_class_shown(p->context, f->e->schema.class_names[k]);
        leati_page_element(p, "td class=c", "%s", name ? name : "");
        leati_free(name);
        leati_page_element(p, "td class=n", "%s", grouped((size_t)actual, rows));
        share_cell(p, hit, predicted);
        share_cell(p, hit, actual);
        share_cell(p, 2 * hit, predicted + actual);
        leati_page_raw(p, "</tr>\n");
    }
    leati_page_raw(p, "</tbody></table></div>\n");
}

static void classification(leati_page *p)
{
    worst_confusion(p);
    leati_page_raw(p, "<div class=\"charts\"><div>\n");
    leati_page_chart(p, "confusion",
                     "Rows of each actual class by the class predicted; their share stands below "
                     "them or, where there is no room, under the pointer. Blue is right, orange is "
                     "wrong.");
    leati_page_chart(p, "roc",
                     "The share of a class that is found, by the share of the others taken for it "
                     "by mistake. With each name the area below its curve: 1 is perfect, 0.5 is "
                     "chance.");
    leati_page_raw(p, "</div><div>\n");
    leati_page_chart(p, "calibration",
                     "On the dashed line a probability means what it says; below it the model is "
                     "too sure of itself. Grey bars: how many predictions; fewer than five are "
                     "not shown.");
    leati_page_chart(p, "precision_recall",
                     "How many of the rows named are right, by how many of a class are found. With "
                     "each name the average precision.");
    leati_page_raw(p, "</div></div>\n");
    class_table(p);
}

static void regression(leati_page *p)
{
    leati_page_raw(p, "<div class=\"charts\"><div>\n");
    leati_page_chart(p, "predicted", "On the dashed line a prediction is exact.");
    leati_page_raw(p, "</div><div>\n");
    leati_page_chart(p, "residuals",
                     "What the predictions missed. A pattern here is something that the model has "
                     "not learned; a funnel means that errors grow with the value.");
    leati_page_chart(p, "errors", "How the errors are distributed.");
    leati_page_raw(p, "</div></div>\n");
}

static void where_it_errs(leati_page *p)
{
    leati_page_raw(p, "<h2>Where it is right and wrong</h2>\n");
    on_which_rows(p);
    if (p->findings->eval.task == LEATI_CLASSIFY) classification(p);
    else regression(p);
    leati_page_wide_chart(p, "mistakes",
                          p->findings->eval.task == LEATI_CLASSIFY
                              ? "The rows with the greatest loss: what they are, and below what "
                                "they were taken for, with its probability."
                              : "The rows that are farthest off: the actual value, and below it "
                                "the prediction.");
}

static void parameter_curve(leati_page *p)
{
    char caption[1024];
    const leati_varied *v = &p->findings->e->varied;
    if (!v->reading || !v->count) return;
    snprintf(caption, sizeof caption,
             "%c%s. The scores by the value of %s, all else unchanged; bands are one standard "
             "deviation over the folds.",
             v->reading[0] == 'v' ? 'V' : v->reading[0], v->reading + 1, v->name);
    leati_page_chart(p, "validation_curve", caption);
}

/* A curve rests on fewer folds than the leaderboard where there are many, and on folds of its own
 * where there was one hold-out: its last point is then not the score of the leaderboard. */
static void learning_curve(leati_page *p, bool alone)
{
    char caption[320], folds[128];
    const leat_experiment *e = p->findings->e;
    size_t n = e->curve_count ? e->curve[e->curve_count - 1].folds : 0;
    bool own = e->folds.spec.kind == LEATI_SPLIT_HOLDOUT ||
               leati_folds_single(e->folds.fold, e->folds.count);
    if (own) snprintf(folds, sizeof folds, "%zu folds made for it", n);
    else if (n < e->folds.count)
        snprintf(folds, sizeof folds, "%zu of the leaderboard's %zu folds", n, e->folds.count);
    else snprintf(folds, sizeof folds, "the leaderboard's %zu folds", n);
    snprintf(caption, sizeof caption,
             "The score by the number of training rows; bands are one standard deviation over the "
             "folds. It rests on %s%s.",
             folds,
             own || n < e->folds.count
                 ? ", so that its last point is not quite the leaderboard's score"
                 : "");
    if (alone) leati_page_wide_chart(p, "learning_curve", caption);
    else leati_page_chart(p, "learning_curve", caption);
}

static void insight(leati_page *p)
{
    const leat_experiment *e = p->findings->e;
    if (!e->importance && !e->curve && !e->skipped && !e->varied.count) return;
    leati_page_raw(p, "<h2>What it leans on, and whether more data would help</h2>\n");
    if (!e->importance_count && !e->varied.count) {
        learning_curve(p, true);
        lines(p, "p class=quiet", e->skipped);
        return;
    }
    leati_page_raw(p, "<div class=\"charts\"><div>\n");
    leati_page_chart(p, "importance",
                     "Permutation importance with its 95% interval: how much worse the score gets "
                     "when the values of a column are shuffled. Columns that say the same share "
                     "their importance.");
    parameter_curve(p);
    leati_page_raw(p, "</div><div>\n");
    learning_curve(p, false);
    leati_page_raw(p, "</div></div>\n");
    lines(p, "p class=quiet", e->skipped);
}

/* --- details -------------------------------------------------------------------------------------
 */

static void open_details(leati_page *p, const char *summary, const char *more)
{
    leati_page_raw(p, "<details><summary>");
    leati_page_text(p, summary);
    if (more && *more) leati_page_element(p, "span", "%s", more);
    leati_page_raw(p, "</summary><div>\n");
}

static void close_details(leati_page *p)
{
    leati_page_raw(p, "</div></details>\n");
}

static void all_metrics(leati_page *p)
{
    char text[40];
    open_details(p, "All metrics",
                 p->findings->on_test ? "on the test table" : "over all rows together");
    leati_page_raw(p, "<div class=\"scroll\"><table>\n<tbody>\n");
    for (size_t i = 0; i < leati_metric_count(); i++) {
        const leati_metric *m = leati_metric_at(i);
        bool trivial = strncmp(m->name, "top_", 4) == 0 &&
                       m->argument >= (int)p->findings->eval.classes; /* always 1 */
        if (m->task != p->findings->eval.task || !isfinite(p->findings->metrics[i]) || trivial)
            continue;
        leati_metric_format(m, p->findings->metrics[i], text);
        leati_page_raw(p, "<tr>");
        leati_page_element(p, "td", "%s", m->title);
        leati_page_element(p, "td class=n", "%s", text);
        leati_page_element(p, "td class=w", "%s", m->doc);
        leati_page_raw(p, "</tr>\n");
    }
    leati_page_raw(p, "</tbody></table></div>\n");
    close_details(p);
}

/* "1e-09" and "1e-9" are the same value. */
static bool same_value(const char *a, const char *b)
{
    double x, y;
    if (strcmp(a, b) == 0) return true;
    return leati_num_parse(a, strlen(a), &x) && leati_num_parse(b, strlen(b), &y) && x == y;
}

/* Of no reader's concern, or without effect: what describes the layers where none are given. */
static bool is_idle(const leati_param *q, const leati_estimator *e)
{
    static const char *const automatic[] = {"hidden_layers", "units", "activation"};
    char layers[16];
    const leati_param *given = leati_param_find(e->class->params, "layers");
    if (q->hidden) return true;
    if (!given || strcmp(e->class->name, "network") != 0) return false;
    leati_param_get(given, e, layers, sizeof layers);
    if (strcmp(layers, given->standard) == 0) return false;
    for (size_t i = 0; i < 3; i++)
        if (strcmp(q->name, automatic[i]) == 0) return true;
    return false;
}

static void parameters(leati_page *p)
{
    char value[LEATI_TEXT_PARAM];
    const leati_estimator *best = p->findings->e->best->estimator;
    open_details(p, "Parameters of the winner", best->class->name);
    leati_page_element(p, "p", "%s", best->class->doc);
    leati_page_raw(p, "<div class=\"scroll\"><table>\n<thead><tr><th>parameter</th>"
                      "<th class=\"n\">value</th><th class=\"n\">default</th><th>meaning</th></tr>"
                      "</thead>\n<tbody>\n");
    for (const leati_param *q = best->class->params; q && q->name; q++) {
        if (is_idle(q, best)) continue;
        leati_param_get(q, best, value, sizeof value);
        bool own = !same_value(value, q->standard);
        leati_page_raw(p, own ? "<tr class=\"best\">" : "<tr>");
        leati_page_element(p, "td", "%s", q->name);
        leati_page_element(p, "td class=n", "%s", value);
        leati_page_element(p, "td class=n", "%s", q->standard);
        leati_page_element(p, "td class=w", "%s", q->doc);
        leati_page_raw(p, "</tr>\n");
    }
    leati_page_raw(p, "</tbody></table></div>\n");
    leati_page_element(p, "p", "Preprocessing, learned inside each fold: %s.",
                       *p->findings->e->best->prepared ? p->findings->e->best->prepared : "none");
    close_details(p);
}

static void fact(leati_page *p, const char *name, const char *value)
{
    if (!value || !*value) return;
    leati_page_element(p, "dt", "%s", name);
    leati_page_element(p, "dd", "%s", value);
}

static void origin(leati_page *p)
{
    char seed[32], took[LEATI_NUM_SIZE];
    const leat_experiment *e = p->findings->e;
    open_details(p, "Where it comes from", "data, seed, version");
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)e->seed);
    leati_num_seconds(e->seconds, took);
    leati_page_raw(p, "<dl>\n");
    fact(p, "data", e->data);
    fact(p, "version of the data", e->version);
    fact(p, "SHA-256 of the table", e->data_hash);
    fact(p, "seed", seed);
    fact(p, "processor level", e->cpu);
    fact(p, "Leat", leat_version());
    fact(p, "the run took", took);
    leati_page_raw(p, "</dl>\n");
    leati_page_element(p, "p",
                       "The same data, seed, configuration and processor level give the "
                       "same model, byte by byte, with any number of threads.");
    close_details(p);
}

static void details(leati_page *p, const char *command)
{
    const leat_experiment *e = p->findings->e;
    leati_page_raw(p, "<h2>In detail</h2>\n");
    if (command && *command) {
        leati_page_element(p, "p", "To run it again:");
        leati_page_element(p, "pre class=again", "%s", command);
    }
    all_metrics(p);
    parameters(p);
    if (e->inferred && *e->inferred) {
        open_details(p, "What was inferred from the table", NULL);
        leati_page_element(p, "pre", "%s", e->inferred);
        close_details(p);
    }
    if (e->model && leat_model_card(e->model)) {
        open_details(p, "Model card", "as in the model file");
        leati_page_markdown(p, leat_model_card(e->model));
        close_details(p);
    }
    origin(p);
}

leat_status leati_report_html(leat_context *c, const leat_experiment *e, const char *command,
                              leati_str *out)
{
    leati_findings f;
    LEATI_TRY(leati_findings_make(c, &f, e));
    leati_page p = {.context = c, .out = out, .findings = &f};
    leati_page_begin(&p, e->name);
    answer(&p);
    leaderboard(&p);
    where_it_errs(&p);
    leati_page_training(&p);
    insight(&p);
    leati_page_profile(&p);
    details(&p, command);
    leati_page_element(&p, "footer", "Made by Leat %s.", leat_version());
    leati_page_end(&p);
    leati_findings_fini(&f);
    return p.status != LEAT_OK ? p.status : leati_str_status(out);
}

/* --- charts as files -----------------------------------------------------------------------------
 */

static leat_status write_chart(leat_context *c, const char *folder, const char *name,
                               const leati_scene *scene)
{
    char file[64];
    leati_str svg;
    leati_str_init(&svg, c);
    snprintf(file, sizeof file, "%s.svg", name);
    char *path = leati_path_join(c, folder, file);
    leat_status st = path ? leati_scene_svg(scene, &svg, LEATI_SVG_FILE) : leat_error_status(c);
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(&svg), svg.length);
    leati_str_fini(&svg);
    leati_free(path);
#if LEAT_HAVE_CAIRO
    if (st != LEAT_OK) return st;
    snprintf(file, sizeof file, "%s.png", name);
    path = leati_path_join(c, folder, file);
    st = path ? leati_scene_png(scene, c, path, 2, false) : leat_error_status(c);
    leati_free(path);
    if (st == LEAT_UNSUPPORTED) { /* cairo is not installed here: the SVG files are all */
        leat_error_clear(c);
        st = LEAT_OK;
    }
#endif
    return st;
}

leat_status leati_report_charts(leat_context *c, const leat_experiment *e, const char *folder)
{
    leati_findings f;
    LEATI_TRY(leati_folder_make(c, folder));
    LEATI_TRY(leati_findings_make(c, &f, e));
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < leati_report_chart_count() && st == LEAT_OK; i++) {
        const leati_report_chart *chart = leati_report_chart_at(i);
        leati_scene *scene = NULL;
        leati_chart how = {.title = chart->title, .width = 480};
        bool wide = i == 0 || strcmp(chart->name, "mistakes") == 0;
        if (wide) how.width = 720; /* the leaderboard has notes at its side */
        st = chart->draw(c, &f, &how, &scene);
        if (st == LEAT_OK && scene) st = write_chart(c, folder, chart->name, scene);
        leati_scene_destroy(scene);
    }
    leati_findings_fini(&f);
    return st;
}

leat_status leat_experiment_charts(leat_context *c, const leat_experiment *e, const char *folder)
{
    return leati_report_charts(c, e, folder);
}
