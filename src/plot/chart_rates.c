/* Owns: the charts of a classifier's probabilities on the unit square: ROC, precision-recall and
 * calibration. The curves come computed (learn); nothing statistical is done here. */
#include <math.h>
#include <stdint.h>

#include "base/num.h"
#include "plot/chart_lines.h"
#include "plot/plot_text.h"

static const leati_ink chance_ink = {.stroke = LEATI_HUE_MUTED, .dashed = true};
static const leati_axis unit = {.range = {0, 1}};

/* A place for the names of the series: its corner, and which way the text runs from there. */
typedef struct key {
    double x, bottom, width, height;
    leati_anchor anchor;
} key;

enum { KEY_LINE = 17, KEY_MOST = 12 };

static key key_size(const leati_lines *in, double most)
{
    key k = {.width = 0};
    size_t named = 0;
    for (size_t i = 0; i < in->count && named < KEY_MOST; i++) {
        if (!in->series[i].label) continue;
        double width = leati_text_width(in->series[i].label, LEATI_FONT_BODY, true);
        k.width = fmin(fmax(k.width, width), most);
        named++;
    }
    k.height = (double)(named * KEY_LINE);
    return k;
}

static bool is_covered(const key *k, double x, double y)
{
    double left = k->anchor == LEATI_END ? k->x - k->width : k->x;
    return x > left - 4 && x < left + k->width + 4 && y > k->bottom - k->height &&
           y < k->bottom + 6;
}

/* How much of the lines a key would cover, in steps along them: a long piece has few points. */
static size_t covered(const leati_lines *in, const leati_axes *a, const key *k)
{
    enum { STEPS = 8 };
    size_t count = 0;
    for (size_t i = 0; i < in->count; i++) {
        const leati_series *line = &in->series[i];
        for (size_t n = 1; n < line->count; n++) {
            double x = leati_scale_at(&a->x, line->x[n]), y = leati_scale_at(&a->y, line->y[n]);
            double before = leati_scale_at(&a->x, line->x[n - 1]);
            double from = leati_scale_at(&a->y, line->y[n - 1]);
            double length = hypot(x - before, y - from);
            for (int step = 1; step <= STEPS; step++) {
                double part = (double)step / STEPS;
                if (is_covered(k, before + part * (x - before), from + part * (y - from)))
                    count += (size_t)(1 + length);
            }
        }
    }
    return count;
}

/* Where the key covers least; of equals the first, from the bottom up at the side `first`. */
static key key_place(const leati_lines *in, const leati_axes *a, double most, leati_anchor first)
{
    enum { PLACES = 12 };
    key k = key_size(in, most), best = k;
    size_t least = SIZE_MAX;
    double lowest = a->bottom - 12, highest = fmin(a->top + 8 + k.height, lowest);
    for (int side = 0; side < 2; side++)
        for (int i = 0; i <= PLACES; i++) {
            k.anchor = (side == 0) == (first == LEATI_END) ? LEATI_END : LEATI_START;
            k.x = k.anchor == LEATI_END ? a->right - 8 : a->left + 10;
            k.bottom = lowest + (highest - lowest) * i / PLACES;
            size_t count = covered(in, a, &k);
            if (count >= least) continue;
            least = count;
            best = k;
        }
    return best;
}

/* The names of the series in their colours, readable also where a line runs below them. */
static void draw_key(leati_scene *s, const leati_lines *in, const key *k)
{
    double y = k->bottom - k->height + KEY_LINE;
    double left = k->anchor == LEATI_END ? k->x - k->width : k->x;
    leati_scene_rect(s, left - 4, y - 13, k->width + 8, k->height + 1, 3,
                     (leati_ink){.fill = LEATI_HUE_SURFACE, .opacity = 0.8});
    for (size_t i = 0; i < in->count && y < k->bottom + 1; i++) {
        leati_font font = {
            .hue = leati_series_hue(&in->series[i], i), .bold = true, .anchor = k->anchor};
        if (!in->series[i].label) continue;
        leati_scene_text_fit(s, k->x, y, k->width, font, in->series[i].label);
        y += KEY_LINE;
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
    /* A curve better than chance leaves the lower right corner free. */
    key k = key_place(in, &a, (a.right - a.left) * 0.62, LEATI_END);
    draw_key(s, in, &k);
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
    /* Good curves leave the lower left corner free. */
    key k = key_place(in, &a, (a.right - a.left) * 0.7, LEATI_START);
    draw_key(s, in, &k);
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
