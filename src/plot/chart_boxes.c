/* Owns: box plots with their points, one horizontal row per group. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "plot/axes.h"
#include "plot/plot_text.h"

enum { ROW = 34, STACKED_ROW = 52, BOX = 16, MOST_POINTS = 60, NARROW = 480 };
static const double POINT = 2.5;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The finite values of a box, sorted, into `sorted`. */
static size_t sort_values(const leati_box *box, double *sorted)
{
    size_t n = 0;
    for (size_t i = 0; i < box->count; i++)
        if (isfinite(box->values[i])) sorted[n++] = fmax(fmin(box->values[i], 1e300), -1e300);
    qsort(sorted, n, sizeof *sorted, ascending);
    return n;
}

/* Linear between order statistics (type 7 of Hyndman and Fan, 1996). */
static double quantile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1), low = floor(at);
    size_t i = (size_t)low;
    return i + 1 < n ? sorted[i] + (at - low) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static void draw_box(leati_scene *s, const leati_scale *x, double y, const double *sorted, size_t n,
                     leati_hue hue)
{
    double q1 = quantile(sorted, n, 0.25), q3 = quantile(sorted, n, 0.75);
    double fence = 1.5 * (q3 - q1), lo = q1, hi = q3;
    for (size_t i = n; i-- > 0;)
        if (sorted[i] >= q1 - fence) lo = fmin(lo, sorted[i]);
    for (size_t i = 0; i < n; i++)
        if (sorted[i] <= q3 + fence) hi = fmax(hi, sorted[i]);
    double left = leati_scale_at(x, q1), right = leati_scale_at(x, q3);
    double middle = leati_scale_at(x, quantile(sorted, n, 0.5));
    leati_ink line = {.stroke = hue, .width = 1.25};
    leati_scene_line(s, leati_scale_at(x, lo), y, left, y, line);
    leati_scene_line(s, right, y, leati_scale_at(x, hi), y, line);
    leati_scene_rect(s, left, y - BOX / 2.0, fmax(right - left, 1), BOX, 2,
                     (leati_ink){.fill = hue, .opacity = 0.16});
    leati_scene_rect(s, left, y - BOX / 2.0, fmax(right - left, 1), BOX, 2, line);
    leati_scene_line(s, middle, y - BOX / 2.0, middle, y + BOX / 2.0,
                     (leati_ink){.stroke = hue, .width = 2.5});
}

/* Points that would hide each other move up and down by turns. */
static void draw_points(leati_scene *s, const leati_scale *x, double y, const double *sorted,
                        size_t n, const char *label, leati_hue hue)
{
    leati_ink ink = {.fill = hue, .stroke = LEATI_HUE_SURFACE, .width = 0.75};
    char text[LEATI_NUM_SIZE];
    size_t run = 0;
    double last = -1e9;
    for (size_t i = 0; i < n; i++) {
        double at = leati_scale_at(x, sorted[i]);
        run = at - last < 2 * POINT ? run + 1 : 0;
        if (run == 0) last = at;
        double off = (double)((run + 1) / 2) * (run % 2 ? -2 : 2) * POINT;
        leati_scene_circle(s, at, y + fmax(fmin(off, BOX / 2.0), -BOX / 2.0), POINT, ink);
        leati_num_short(sorted[i], 4, text);
        if (label) leati_scene_hover(s, "%s: %s", label, text);
    }
}

static void draw_reference(leati_scene *s, const leati_boxes *in, const leati_axes *a)
{
    if (!in->reference) return;
    double x = leati_scale_at(&a->x, *in->reference);
    leati_font font = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_TICK, .anchor = LEATI_MIDDLE};
    leati_scene_line(s, x, a->top - 2, x, a->bottom,
                     (leati_ink){.stroke = LEATI_HUE_MUTED, .dashed = true});
    if (!in->reference_label) return;
    double half = leati_text_width(in->reference_label, LEATI_FONT_TICK, false) / 2;
    leati_scene_text_fit(s, fmax(fmin(x, s->width - half), half), a->top - 6, s->width, font,
                         in->reference_label);
}

static double notes_width(const leati_scene *s, const leati_boxes *in)
{
    double widest = 0;
    for (size_t i = 0; i < in->count; i++)
        if (in->boxes[i].note)
            widest = fmax(widest, leati_text_width(in->boxes[i].note, LEATI_FONT_TICK, false));
    return fmin(ceil(widest), floor(s->width * 0.35));
}

static double labels_width(const leati_scene *s, const leati_boxes *in)
{
    double widest = 0;
    for (size_t i = 0; i < in->count; i++)
        widest = fmax(widest, leati_rows_width(s, &in->boxes[i].label, 1));
    return widest;
}

static leati_axis axis_of(const leati_boxes *in)
{
    leati_range r = leati_range_empty();
    for (size_t i = 0; i < in->count; i++)
        leati_range_add_all(&r, in->boxes[i].values, in->boxes[i].count);
    if (in->reference) leati_range_add(&r, *in->reference);
    return (leati_axis){.range = leati_range_widen(r, 0.04)};
}

/* Beside the box; in narrow charts label and note stand above it. */
static void draw_texts(leati_scene *s, const leati_box *box, const leati_axes *a, double y,
                       bool stacked)
{
    leati_font label = {.size = LEATI_FONT_BODY, .bold = box->accent};
    leati_font note = {.hue = box->accent ? LEATI_HUE_TEXT : LEATI_HUE_MUTED,
                       .size = LEATI_FONT_TICK,
                       .anchor = LEATI_END};
    double line = stacked ? y - 14 : y + 4, room = s->width * 0.35;
    if (stacked && box->note) room = leati_text_width(box->note, LEATI_FONT_TICK, false) + 12;
    if (box->note) leati_scene_text_fit(s, s->width, line, room, note, box->note);
    if (!stacked) leati_rows_label(s, a->left - 12, y, a->left - 12, box->label, box->accent);
    else if (box->label)
        leati_scene_text_fit(s, 0, line, fmax(s->width - (box->note ? room : 0), 40), label,
                             box->label);
}

static void draw_rows(leati_scene *s, const leati_boxes *in, const leati_axes *a, double row,
                      double *sorted)
{
    for (size_t i = 0; i < in->count; i++) {
        const leati_box *box = &in->boxes[i];
        bool stacked = row > ROW;
        double y = a->top + row * ((double)i + (stacked ? 0.66 : 0.5));
        leati_hue hue = box->accent ? LEATI_HUE_ACCENT : LEATI_HUE_SERIES7;
        draw_texts(s, box, a, y, stacked);
        size_t n = sort_values(box, sorted);
        if (n > 0) draw_box(s, &a->x, y, sorted, n, hue);
        if (n > 0 && n <= MOST_POINTS) draw_points(s, &a->x, y, sorted, n, box->label, hue);
    }
}

static leati_axes lay_out(const leati_scene *s, const leati_boxes *in, leati_axis x, double top,
                          double row)
{
    leati_axes a = {.left = 4, .top = top, .right = s->width - 8};
    double notes = notes_width(s, in);
    if (row <= ROW) {
        a.left = labels_width(s, in) + 12;
        if (notes > 0) a.right -= notes + 6;
    }
    a.right = fmax(a.right, a.left + 10);
    a.bottom = a.top + row * (double)(in->count ? in->count : 2);
    a.x = (leati_scale){.range = x.range, .from = a.left + 4, .to = a.right};
    return a;
}

leati_scene *leati_chart_boxes(leat_context *c, const leati_boxes *in)
{
    size_t most = 1;
    double top, *sorted;
    for (size_t i = 0; i < in->count; i++)
        if (in->boxes[i].count > most) most = in->boxes[i].count;
    sorted = leati_array(c, most, sizeof *sorted);
    if (!sorted) return NULL;
    leati_chart chart = in->chart;
    if (chart.width <= 0) chart.width = 640;
    double row = chart.width < NARROW ? STACKED_ROW : ROW;
    double above = in->reference && in->reference_label ? 20 : 4;
    chart.height = leati_chart_head(&chart) + above + row * (double)(in->count ? in->count : 2) +
                   leati_axes_below(chart.x_label);
    leati_scene *s = leati_chart_begin(c, &chart, "box plots", 640, chart.height, &top);
    if (s) {
        leati_axis x = axis_of(in);
        leati_axes a = lay_out(s, in, x, top + above, row);
        leati_axes_draw_x(s, &a, x, chart.x_label, true);
        draw_reference(s, in, &a);
        draw_rows(s, in, &a, row, sorted);
        if (in->count == 0) leati_axes_empty(s, a.left, a.top, a.right, a.bottom);
    }
    leati_free(sorted);
    return leati_scene_finish(s);
}
