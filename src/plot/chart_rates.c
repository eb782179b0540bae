/* Owns: the charts of a classifier's probabilities on the unit square: ROC, precision-recall and
 * calibration. The curves come computed (learn); nothing statistical is done here. */
#include <math.h>

#include "base/num.h"
#include "plot/chart_lines.h"
#include "plot/plot_text.h"

static const leati_ink chance_ink = {.stroke = LEATI_HUE_MUTED, .dashed = true};
static const leati_axis unit = {.range = {0, 1}};

/* The names of the series in their colours, right of or from x, the last one at `bottom`. */
static void draw_key(leati_scene *s, const leati_lines *in, double x, double bottom, double width,
                     leati_anchor anchor)
{
    size_t named = 0, at = 0;
    for (size_t i = 0; i < in->count; i++) named += in->series[i].label != NULL;
    if (named > 12) named = 12;
    double widest = 0;
    for (size_t i = 0; i < in->count; i++)
        if (in->series[i].label)
            widest = fmax(widest, leati_text_width(in->series[i].label, LEATI_FONT_BODY, true));
    widest = fmin(widest, width);
    /* Readable also where a line runs below it. */
    if (named > 0)
        leati_scene_rect(s, anchor == LEATI_END ? x - widest - 4 : x - 4,
                         bottom - 17 * (double)(named - 1) - 13, widest + 8,
                         17 * (double)(named - 1) + 18, 3,
                         (leati_ink){.fill = LEATI_HUE_SURFACE, .opacity = 0.8});
    for (size_t i = 0; i < in->count && at < named; i++) {
        leati_font font = {
            .hue = leati_series_hue(&in->series[i], i), .bold = true, .anchor = anchor};
        if (!in->series[i].label) continue;
        leati_scene_text_fit(s, x, bottom - 17 * (double)(named - 1 - at), width, font,
                             in->series[i].label);
        at++;
    }
}

static leati_scene *finish_rates(leati_scene *s, leat_status st)
{
    if (st == LEAT_OK) return leati_scene_finish(s);
    leati_scene_destroy(s);
    return NULL;
}

leati_scene *leati_chart_roc(leat_context *c, const leati_lines *in)
{
    double top;
    leati_chart chart = in->chart;
    if (!chart.x_label) chart.x_label = "false positive rate";
    if (!chart.y_label) chart.y_label = "true positive rate";
    leati_scene *s = leati_chart_begin(c, &chart, "ROC curve", 380, 380, &top);
    if (!s) return NULL;
    leati_axes a = leati_axes_draw(s, &chart, unit, unit, top, 10);
    leati_scene_line(s, a.left, a.bottom, a.right, a.top, chance_ink);
    leat_status st = leati_series_draw(s, &a, in, 2);
    draw_key(s, in, a.right - 8, a.bottom - 12, (a.right - a.left) * 0.62, LEATI_END);
    if (in->count == 0) leati_axes_empty(s, a.left, a.top, a.right, a.bottom);
    return finish_rates(s, st);
}

leati_scene *leati_chart_precision_recall(leat_context *c, const leati_lines *in)
{
    double top;
    leati_chart chart = in->chart;
    if (!chart.x_label) chart.x_label = "recall";
    if (!chart.y_label) chart.y_label = "precision";
    leati_scene *s = leati_chart_begin(c, &chart, "precision and recall", 380, 380, &top);
    if (!s) return NULL;
    leati_axes a = leati_axes_draw(s, &chart, unit, unit, top, 10);
    double chance = leati_scale_at(&a.y, in->level);
    if (in->level > 0 && in->level < 1)
        leati_scene_line(s, a.left, chance, a.right, chance, chance_ink);
    leat_status st = leati_series_draw(s, &a, in, 2);
    draw_key(s, in, a.left + 10, a.bottom - 12, (a.right - a.left) * 0.7, LEATI_START);
    if (in->count == 0) leati_axes_empty(s, a.left, a.top, a.right, a.bottom);
    return finish_rates(s, st);
}

/* How many predictions each bin holds, as a strip of bars below the plot area. */
static void draw_counts(leati_scene *s, const leati_axes *a, const leati_reliability *in,
                        double base, double height)
{
    double most = 0;
    char number[LEATI_NUM_SIZE];
    for (size_t i = 0; i < in->count; i++)
        if (isfinite(in->bins[i].count)) most = fmax(most, in->bins[i].count);
    for (size_t i = 0; i < in->count && most > 0; i++) {
        double tall = in->bins[i].count / most * height;
        double x = leati_scale_at(&a->x, in->bins[i].predicted);
        if (!(tall > 0)) continue;
        tall = fmax(tall, 1);
        leati_scene_rect(s, x - 4, base - tall, 8, tall, 1, (leati_ink){.fill = LEATI_HUE_AXIS});
        leati_num_grouped((int64_t)fmin(in->bins[i].count, 1e15), number);
        leati_scene_hover(s, "%s predictions", number);
    }
}

static void draw_bin(leati_scene *s, const leati_axes *a, const leati_reliability_bin *b)
{
    double x = leati_scale_at(&a->x, b->predicted), y = leati_scale_at(&a->y, b->observed);
    if (b->lo < b->hi)
        leati_scene_line(s, x, leati_scale_at(&a->y, fmax(b->lo, 0)), x,
                         leati_scale_at(&a->y, fmin(b->hi, 1)),
                         (leati_ink){.stroke = LEATI_HUE_ACCENT, .width = 1.25});
    size_t before = s->count;
    leati_scene_circle(s, x, y, 3.5,
                       (leati_ink){.fill = LEATI_HUE_ACCENT, .stroke = LEATI_HUE_SURFACE});
    if (s->count == before) return;
    char predicted[LEATI_NUM_SIZE], observed[LEATI_NUM_SIZE], count[LEATI_NUM_SIZE];
    leati_num_pretty(b->predicted, 3, predicted);
    leati_num_pretty(b->observed, 3, observed);
    leati_num_pretty(b->count, 4, count);
    leati_scene_hover(s, "predicted %s, came true %s (%s predictions)", predicted, observed, count);
}

leati_scene *leati_chart_calibration(leat_context *c, const leati_reliability *in)
{
    enum { STRIP = 40 };
    double top;
    leati_chart chart = in->chart, axes;
    if (!chart.x_label) chart.x_label = "predicted probability";
    if (!chart.y_label) chart.y_label = "share that came true";
    leati_scene *s = leati_chart_begin(c, &chart, "calibration", 380, 380, &top);
    if (!s) return NULL;
    axes = chart;
    leati_axes a = leati_axes_draw(s, &axes, unit, unit, top, 10);
    leati_scene_line(s, a.left, a.bottom, a.right, a.top, chance_ink);
    draw_counts(s, &a, in, a.bottom, fmin(STRIP, (a.bottom - a.top) / 6));
    for (size_t i = 1; i < in->count; i++) {
        const leati_reliability_bin *b = &in->bins[i - 1];
        leati_scene_line(s, leati_scale_at(&a.x, b[0].predicted),
                         leati_scale_at(&a.y, b[0].observed), leati_scale_at(&a.x, b[1].predicted),
                         leati_scale_at(&a.y, b[1].observed),
                         (leati_ink){.stroke = LEATI_HUE_ACCENT, .width = 2});
    }
    for (size_t i = 0; i < in->count; i++) draw_bin(s, &a, &in->bins[i]);
    if (in->count == 0) leati_axes_empty(s, a.left, a.top, a.right, a.bottom);
    return leati_scene_finish(s);
}
