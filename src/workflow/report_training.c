/* Owns: the curves of a training in epochs, and the words about them. */
#include "workflow/report_training.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/num.h"
#include "plot/plot_text.h"

static leat_status done(leat_context *c, leati_scene *scene, leati_scene **out)
{
    *out = scene;
    return scene ? LEAT_OK : leat_error_status(c) ? leat_error_status(c) : LEAT_NOMEM;
}

static const leati_history *history_of(const leati_findings *f)
{
    return &f->e->history;
}

static double steps_an_epoch(const leati_history *h)
{
    return h->epochs ? (double)h->steps / (double)h->epochs : 1;
}

/* x in epochs, which may differ in their steps; the losses while learning stand at the middle of
 * their stretch. */
static void note_points(const leati_history *h, double *x, double *loss)
{
    size_t done = 0;  /* epochs that lie before */
    double first = 0; /* steps that these have */
    for (size_t i = 0; i < h->notes; i++) {
        double before = i ? (double)h->note[i - 1].step : 0;
        double at = ((double)h->note[i].step + before) / 2;
        while (done < h->count && at > (double)h->epoch[done].step)
            first = (double)h->epoch[done++].step;
        double steps = done < h->count ? (double)h->epoch[done].step - first : steps_an_epoch(h);
        x[i] = (double)done + (at - first) / fmax(steps, 1);
        loss[i] = h->note[i].loss;
    }
}

static void epoch_points(const leati_history *h, double *x, double *first, double *second,
                         bool accuracy)
{
    for (size_t i = 0; i < h->count; i++) {
        const leati_epoch *e = &h->epoch[i];
        x[i] = (double)(i + 1);
        first[i] = accuracy ? e->validation_accuracy : e->validation_loss;
        second[i] = accuracy ? e->accuracy : e->loss;
    }
}

static void end_label(char *out, size_t size, const char *what, const double *y, size_t count)
{
    char value[LEATI_NUM_SIZE] = "";
    if (count && isfinite(y[count - 1])) leati_num_pretty(y[count - 1], 3, value);
    snprintf(out, size, "%s %s", what, value);
}

/* A curve whose least value is far below its greatest is read better by its ratios. */
static bool wide_range(const double *y, size_t count)
{
    double lo = (double)INFINITY, hi = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(y[i])) continue;
        if (!(y[i] > 0)) return false;
        lo = fmin(lo, y[i]);
        hi = fmax(hi, y[i]);
    }
    return hi > 30 * lo;
}

static void mark_best(const leati_history *h, leati_lines *in, double *at)
{
    if (!h->validated || h->count < 2) return;
    *at = (double)(h->best + 1);
    in->mark_x = at;
    in->mark_label = "kept";
}

leat_status leati_draw_training_loss(leat_context *c, const leati_findings *f,
                                     const leati_chart *chart, leati_scene **out)
{
    const leati_history *h = history_of(f);
    char train[64], validation[64];
    size_t n = h->count, m = h->notes;
    if (m < 2 && n < 2) return LEAT_OK;
    double *at = leati_calloc(c, 4 * n + 2 * m + 1, sizeof *at), best;
    if (!at) return leat_error_status(c);
    epoch_points(h, at, at + n, at + 2 * n, false);
    note_points(h, at + 4 * n, at + 4 * n + m);
    for (size_t i = 0; i < n; i++) at[3 * n + i] = at[i] - 0.5; /* as the steps it is the mean of */
    end_label(validation, sizeof validation, "validation", at + n, n);
    leati_hue hue = h->validated ? LEATI_HUE_SERIES7 : LEATI_HUE_ACCENT;
    leati_series steps = {.x = at + 4 * n, .y = at + 4 * n + m, .count = m, .hue = hue};
    leati_series means = {.label = train, .x = at + 3 * n, .y = at + 2 * n, .count = n, .hue = hue};
    leati_series left_out = {.label = validation, .x = at, .y = at + n, .count = n};
    means.points = left_out.points = n <= 40;
    left_out.hue = LEATI_HUE_ACCENT;
    /* One epoch has no course but that of its steps. */
    leati_series series[3] = {steps};
    leati_lines in = {.chart = *chart, .series = series, .count = 1};
    end_label(train, sizeof train, "training", n < 2 ? steps.y : means.y, n < 2 ? m : n);
    if (n < 2) series[0].label = train;
    else {
        in.count = 0;
        if (h->validated) series[in.count++] = left_out;
        series[in.count++] = means;
        series[in.count] = steps;
        series[in.count++].hue = LEATI_HUE_AXIS;
    }
    if (n == 1 && h->validated) series[in.count++] = left_out;
    in.whole_x = true;
    in.chart.x_label = "epoch";
    in.chart.y_label = "loss";
    in.log_y = wide_range(steps.y, m);
    mark_best(h, &in, &best);
    leat_status st = done(c, leati_chart_lines(c, &in), out);
    leati_free(at);
    return st;
}

leat_status leati_draw_training_metric(leat_context *c, const leati_findings *f,
                                       const leati_chart *chart, leati_scene **out)
{
    const leati_history *h = history_of(f);
    char train[64], validation[64];
    size_t n = h->count;
    if (!h->classes || n < 2) return LEAT_OK;
    double *at = leati_calloc(c, 3 * n, sizeof *at), best;
    if (!at) return leat_error_status(c);
    epoch_points(h, at, at + n, at + 2 * n, true);
    end_label(validation, sizeof validation, "validation", at + n, n);
    end_label(train, sizeof train, "training", at + 2 * n, n);
    leati_series series[] = {{.label = train,
                              .x = at,
                              .y = at + 2 * n,
                              .count = n,
                              .points = n <= 40,
                              .hue = h->validated ? LEATI_HUE_SERIES7 : LEATI_HUE_ACCENT},
                             {.label = validation,
                              .x = at,
                              .y = at + n,
                              .count = n,
                              .points = n <= 40,
                              .hue = LEATI_HUE_ACCENT}};
    leati_lines in = {.chart = *chart, .series = series, .count = h->validated ? 2 : 1};
    in.whole_x = true;
    in.chart.x_label = "epoch";
    in.chart.y_label = "accuracy";
    mark_best(h, &in, &best);
    leat_status st = done(c, leati_chart_lines(c, &in), out);
    leati_free(at);
    return st;
}

static bool rate_is_constant(const leati_history *h)
{
    for (size_t i = 1; i < h->notes; i++)
        if (h->note[i].rate != h->note[0].rate) return false;
    return true;
}

leat_status leati_draw_learning_rate(leat_context *c, const leati_findings *f,
                                     const leati_chart *chart, leati_scene **out)
{
    const leati_history *h = history_of(f);
    if (h->notes < 2 || rate_is_constant(h)) return LEAT_OK;
    double *at = leati_calloc(c, h->notes, 2 * sizeof *at);
    if (!at) return leat_error_status(c);
    for (size_t i = 0; i < h->notes; i++) {
        at[i] = (double)h->note[i].step;
        at[h->notes + i] = h->note[i].rate;
    }
    leati_series line = {.x = at, .y = at + h->notes, .count = h->notes, .hue = LEATI_HUE_ACCENT};
    leati_lines in = {.chart = *chart, .series = &line, .count = 1};
    in.whole_x = true;
    in.chart.x_label = "step";
    in.chart.y_label = "learning rate";
    leat_status st = done(c, leati_chart_lines(c, &in), out);
    leati_free(at);
    return st;
}

/* --- words --------------------------------------------------------------------------------------
 */

static void say_course(leati_page *p, const leati_history *h)
{
    char steps[LEATI_NUM_SIZE], each[LEATI_NUM_SIZE], loss[LEATI_NUM_SIZE];
    char rate[LEATI_NUM_SIZE];
    double seconds = 0;
    size_t n = h->count;
    if (!n) {
        leati_page_element(p, "p", "The first of %zu epochs was not done.", h->epochs);
        return;
    }
    for (size_t i = 0; i < n; i++) seconds += h->epoch[i].seconds / (double)n;
    leati_num_grouped((int64_t)h->epoch[n - 1].step, steps);
    leati_num_seconds(seconds, each);
    leati_page_element(p, "p", "%s%zu of %zu epochs, %s steps, %s an epoch.",
                       p->findings->e->beside ? "The network that is kept beside the model: " : "",
                       n, h->epochs, steps, each);
    if (h->notes && rate_is_constant(h)) {
        leati_num_short(h->note[0].rate, 3, rate);
        leati_page_element(p, "p", "The learning rate was %s throughout.", rate);
    }
    if (!h->validated) return;
    leati_num_pretty(h->epoch[h->best].validation_loss, 3, loss);
    leati_page_element(p, "p",
                       "The weights of epoch %zu were kept: there the loss on the rows set aside "
                       "was least, %s.",
                       h->best + 1, loss);
}

static void rate_chart(leati_page *p)
{
    leati_page_chart(p, "learning_rate", "The size of the steps over the training.");
}

void leati_page_training(leati_page *p)
{
    const leati_history *h = history_of(p->findings);
    if (h->notes == 0 && h->count == 0) return;
    leati_page_raw(p, "<h2>How it learned</h2>\n");
    say_course(p, h);
    const char *loss =
        h->validated ? "What is minimised: its mean over each epoch, while learning and on the "
                       "rows set aside; faintly that of a few steps at a time. Where the second "
                       "rises while the first falls, the network learns its rows by heart."
                     : "What is minimised, while learning: its mean over each epoch, and "
                       "faintly over a few steps at a time. Whether it falls on other rows too "
                       "is seen with network.validation_fraction.";
    if (p->findings->eval.task == LEATI_REGRESS)
        leati_page_element(p, "p",
                           "The loss is computed on the target brought to mean 0 and standard "
                           "deviation 1, so that it cannot be compared with %s.",
                           p->findings->e->metric->title);
    if (!h->classes && rate_is_constant(h)) { /* the one chart */
        leati_page_wide_chart(p, "training_loss", loss);
        return;
    }
    leati_page_raw(p, "<div class=\"charts\"><div>\n");
    leati_page_chart(p, "training_loss", loss);
    if (h->classes) rate_chart(p);
    leati_page_raw(p, "</div><div>\n");
    leati_page_chart(p, "training_metric",
                     h->validated
                         ? "The share of rows predicted right, while learning (with dropout and "
                           "augmentation, where there are any) and on the rows set aside."
                         : "The share of rows predicted right while learning, with dropout and "
                           "augmentation, where there are any.");
    if (!h->classes) rate_chart(p);
    leati_page_raw(p, "</div></div>\n");
}
