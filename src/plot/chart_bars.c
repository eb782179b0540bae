/* Owns: charts of one horizontal bar per name: bars, importance, class balance, missing values, and
 * the thumbnail of frequent values. */
#include <math.h>
#include <stdio.h>

#include "base/num.h"
#include "plot/axes.h"
#include "plot/plot_text.h"

enum { ROW = 24, BAR = 12, MOST_ROWS = 30, THUMB_ROWS = 8 };

static size_t shown_rows(const leati_bars *in, size_t standard)
{
    size_t most = in->most ? in->most : standard;
    return in->count < most ? in->count : most;
}

static double sum_of(const leati_bars *in)
{
    double sum = 0;
    for (size_t i = 0; i < in->count; i++)
        if (isfinite(in->values[i])) sum += in->values[i];
    return sum;
}

/* Digits after the point that give the largest value three significant ones; -1: none would do. */
static int decimals_of(const leati_bars *in)
{
    double most = 0;
    for (size_t i = 0; i < in->count; i++)
        if (isfinite(in->values[i])) most = fmax(most, fabs(in->values[i]));
    if (most >= 1e9 || (most > 0 && most < 1e-6)) return -1;
    return most > 0 ? (int)fmax(0, 2 - floor(log10(most))) : 0;
}

/* "1,234 (12.3%)", "12.3%" or "0.123"; intervals are left to the hover text. */
static void value_text(const leati_bars *in, size_t i, double sum, char out[2 * LEATI_NUM_SIZE])
{
    int decimals = decimals_of(in);
    double value = in->values[i];
    char number[LEATI_NUM_SIZE], share[LEATI_FIXED_SIZE];
    if (!isfinite(value)) {
        snprintf(out, 2 * LEATI_NUM_SIZE, "not known");
    } else if (in->form == LEATI_BARS_SHARE) {
        leati_fixed(value * 100, value > 0 && value < 0.0995 ? 1 : 0, share);
        snprintf(out, 2 * LEATI_NUM_SIZE, "%.30s%%", share);
    } else if (in->form == LEATI_BARS_COUNT && sum > 0 && fabs(value) < 1e15) {
        leati_num_grouped(llround(value), number);
        leati_fixed(value / sum * 100, value / sum < 0.0995 ? 1 : 0, share);
        snprintf(out, 2 * LEATI_NUM_SIZE, "%s  (%.30s%%)", number, share);
    } else if (decimals >= 0) {
        leati_fixed(value, decimals, share);
        snprintf(out, 2 * LEATI_NUM_SIZE, "%s", share);
    } else {
        leati_num_pretty(value, 3, number);
        snprintf(out, 2 * LEATI_NUM_SIZE, "%s", number);
    }
}

static leati_range range_of(const leati_bars *in, size_t rows)
{
    leati_range r = {0, 0};
    for (size_t i = 0; i < rows; i++) {
        leati_range_add(&r, in->values[i]);
        if (in->lo) leati_range_add(&r, in->lo[i]);
        if (in->hi) leati_range_add(&r, in->hi[i]);
    }
    if (in->form == LEATI_BARS_SHARE && r.hi <= 1) r.hi = fmax(r.hi, 0.05);
    return r.lo == r.hi ? (leati_range){0, 1} : leati_range_widen(r, 0);
}

static void draw_interval(leati_scene *s, const leati_scale *x, double lo, double hi, double y)
{
    leati_ink ink = {.stroke = LEATI_HUE_TEXT, .width = 1.25};
    double from = leati_scale_at(x, lo), to = leati_scale_at(x, hi);
    leati_scene_line(s, from, y, to, y, ink);
    leati_scene_line(s, from, y - 3, from, y + 3, ink);
    leati_scene_line(s, to, y - 3, to, y + 3, ink);
}

typedef struct bar_rows {
    leati_scale x;
    double label_right, sum, top;
    double text_right; /* values end here */
} bar_rows;

static void draw_row(leati_scene *s, const leati_bars *in, const bar_rows *rows, size_t i)
{
    char text[2 * LEATI_NUM_SIZE], lo[LEATI_NUM_SIZE], hi[LEATI_NUM_SIZE];
    const char *label = in->labels[i] ? in->labels[i] : "";
    double y = rows->top + ROW * ((double)i + 0.5);
    double zero = leati_scale_at(&rows->x, 0), end = leati_scale_at(&rows->x, in->values[i]);
    leati_ink ink = {.fill = LEATI_HUE_ACCENT, .opacity = 0.85};
    leati_font value = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_TICK, .anchor = LEATI_END};
    bool interval = in->lo && in->hi && in->lo[i] < in->hi[i];
    value_text(in, i, rows->sum, text);
    leati_rows_label(s, rows->label_right, y, rows->label_right, label, false);
    if (in->values[i] != 0 && isfinite(end)) {
        leati_scene_rect(s, fmin(zero, end), y - BAR / 2.0, fmax(fabs(end - zero), 1), BAR, 2, ink);
        leati_scene_hover(s, "%s: %s", label, text);
    }
    if (interval && isfinite(in->lo[i]) && isfinite(in->hi[i])) {
        draw_interval(s, &rows->x, in->lo[i], in->hi[i], y);
        leati_num_pretty(in->lo[i], 3, lo);
        leati_num_pretty(in->hi[i], 3, hi);
        leati_scene_hover(s, "%s: %s (%s to %s)", label, text, lo, hi);
    }
    leati_scene_text(s, rows->text_right, y + 4, value, text);
}

static void draw_left_out(leati_scene *s, const leati_bars *in, const bar_rows *rows, size_t shown)
{
    char number[LEATI_NUM_SIZE], text[2 * LEATI_NUM_SIZE];
    leati_font font = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_TICK};
    leati_num_grouped((int64_t)(in->count - shown), number);
    snprintf(text, sizeof text, "and %s more", number);
    leati_scene_text(s, rows->label_right + 10, rows->top + ROW * (double)shown + 14, font, text);
}

static leati_scene *draw_bars(leat_context *c, const leati_bars *in, const char *standard)
{
    char text[2 * LEATI_NUM_SIZE];
    size_t shown = shown_rows(in, MOST_ROWS);
    double top, below = in->chart.x_label ? 24 : 6, value_width = 0;
    double height = leati_chart_head(&in->chart) + 4 + ROW * (double)(shown ? shown : 2) + below +
                    (shown < in->count ? ROW : 0);
    leati_chart chart = in->chart;
    chart.height = height;
    leati_scene *s = leati_chart_begin(c, &chart, standard, 420, height, &top);
    if (!s) return NULL;
    bar_rows rows = {.sum = sum_of(in), .top = top + 4, .text_right = s->width};
    for (size_t i = 0; i < shown; i++) {
        value_text(in, i, rows.sum, text);
        value_width = fmax(value_width, leati_text_width(text, LEATI_FONT_TICK, false));
    }
    rows.label_right = leati_rows_width(s, in->labels, shown);
    rows.x = (leati_scale){.range = range_of(in, shown),
                           .from = rows.label_right + 10,
                           .to = fmax(s->width - value_width - 10, rows.label_right + 20)};
    double zero = leati_scale_at(&rows.x, 0);
    for (size_t i = 0; i < shown; i++) draw_row(s, in, &rows, i);
    leati_scene_line(s, zero, rows.top, zero, rows.top + ROW * (double)shown,
                     (leati_ink){.stroke = LEATI_HUE_AXIS});
    if (shown == 0) leati_axes_empty(s, 0, top, s->width, s->height);
    if (shown < in->count) draw_left_out(s, in, &rows, shown);
    leati_font name = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_TICK};
    if (chart.x_label)
        leati_scene_text_fit(s, rows.x.from, s->height - 6, s->width - rows.x.from, name,
                             chart.x_label);
    return leati_scene_finish(s);
}

leati_scene *leati_chart_bars(leat_context *c, const leati_bars *in)
{
    return draw_bars(c, in, "bars");
}

leati_scene *leati_chart_importance(leat_context *c, const leati_bars *in)
{
    return draw_bars(c, in, "importance of the columns");
}

leati_scene *leati_chart_class_balance(leat_context *c, const leati_bars *in)
{
    leati_bars counts = *in;
    counts.form = LEATI_BARS_COUNT;
    return draw_bars(c, &counts, "rows per class");
}

leati_scene *leati_chart_missing(leat_context *c, const leati_bars *in)
{
    leati_bars shares = *in;
    shares.form = LEATI_BARS_SHARE;
    return draw_bars(c, &shares, "missing values per column");
}

leati_scene *leati_chart_thumb_levels(leat_context *c, const leati_bars *in)
{
    double top, most = 0;
    leati_chart chart = in->chart;
    chart.title = chart.subtitle = NULL;
    leati_scene *s = leati_chart_begin(c, &chart, in->chart.title, 120, 28, &top);
    if (!s) return NULL;
    size_t shown = shown_rows(in, THUMB_ROWS);
    double step = s->width / (double)(shown ? shown : 1), base = s->height - 1;
    leati_ink ink = {.fill = LEATI_HUE_ACCENT, .opacity = 0.85};
    for (size_t i = 0; i < shown; i++)
        if (isfinite(in->values[i])) most = fmax(most, in->values[i]);
    for (size_t i = 0; i < shown && most > 0; i++) {
        double tall = in->values[i] / most * (base - 1);
        if (!(tall > 0)) continue;
        tall = fmax(tall, 1);
        leati_scene_rect(s, step * (double)i + 1, base - tall, fmin(step - 2, 22), tall, 0, ink);
        if (in->labels[i]) leati_scene_hover(s, "%s", in->labels[i]);
    }
    leati_scene_line(s, 0, s->height - 0.5, s->width, s->height - 0.5,
                     (leati_ink){.stroke = LEATI_HUE_AXIS});
    return leati_scene_finish(s);
}
