/* Owns: points of two numbers; above some thousands of points, counts in cells instead. Predicted
 * against actual, and residuals. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "plot/axes.h"
#include "plot/plot_text.h"

enum { MOST_POINTS = 2000, CELL = 6 };

typedef enum guide { GUIDE_NONE, GUIDE_EQUAL, GUIDE_ZERO } guide;

static bool usable(const leati_scatter *in, size_t i)
{
    return isfinite(in->x[i]) && isfinite(in->y[i]);
}

static void draw_points(leati_scene *s, const leati_axes *a, const leati_scatter *in)
{
    char x[LEATI_NUM_SIZE], y[LEATI_NUM_SIZE];
    double radius = in->count > 500 ? 2 : in->count > 120 ? 2.5 : 3.5;
    double opacity = in->count > 500 ? 0.45 : 0.65;
    for (size_t i = 0; i < in->count; i++) {
        if (!usable(in, i)) continue;
        leati_hue hue = in->group ? leati_hue_series(in->group[i]) : LEATI_HUE_ACCENT;
        leati_scene_circle(s, leati_scale_at(&a->x, in->x[i]), leati_scale_at(&a->y, in->y[i]),
                           radius, (leati_ink){.fill = hue, .opacity = opacity});
        if (in->count > 500) continue;
        leati_num_short(in->x[i], 4, x);
        leati_num_short(in->y[i], 4, y);
        leati_scene_hover(s, "%s, %s", x, y);
    }
}

/* Counts in square cells, darker with the logarithm of the count. */
static leat_status draw_cells(leati_scene *s, const leati_axes *a, const leati_scatter *in)
{
    size_t across = (size_t)ceil((a->right - a->left) / CELL) + 1;
    size_t down = (size_t)ceil((a->bottom - a->top) / CELL) + 1, most = 1;
    size_t *counts = leati_calloc(s->context, across * down, sizeof *counts);
    if (!counts) return leat_error_status(s->context);
    for (size_t i = 0; i < in->count; i++) {
        if (!usable(in, i)) continue;
        double x = (leati_scale_at(&a->x, in->x[i]) - a->left) / CELL;
        double y = (leati_scale_at(&a->y, in->y[i]) - a->top) / CELL;
        size_t col = (size_t)fmin(fmax(x, 0), (double)(across - 1));
        size_t row = (size_t)fmin(fmax(y, 0), (double)(down - 1));
        size_t n = ++counts[row * across + col];
        if (n > most) most = n;
    }
    /* In ten steps, so that cells of one shade share a group. */
    for (int step = 1; step <= 10; step++) {
        leati_ink ink = {.fill = LEATI_HUE_ACCENT, .opacity = 0.08 + 0.092 * step};
        for (size_t i = 0; i < across * down; i++) {
            if (counts[i] == 0) continue;
            double part = most > 1 ? log((double)counts[i]) / log((double)most) : 1;
            if ((int)floor(part * 9.999) + 1 != step) continue;
            leati_scene_rect(s, a->left + (double)(i % across) * CELL,
                             a->top + (double)(i / across) * CELL, CELL - 0.5, CELL - 0.5, 0, ink);
        }
    }
    leati_free(counts);
    return LEAT_OK;
}

static void draw_groups(leati_scene *s, const leati_axes *a, const leati_scatter *in)
{
    size_t count = in->group_count < 12 ? in->group_count : 12;
    for (size_t i = 0; i < count && in->group; i++) {
        leati_font font = {.hue = leati_hue_series(i), .bold = true};
        leati_scene_text_fit(s, a->right + 10, a->top + 12 + 18 * (double)i,
                             s->width - a->right - 10, font, in->groups[i]);
    }
}

static void draw_guide(leati_scene *s, const leati_axes *a, guide g)
{
    leati_ink ink = {.stroke = LEATI_HUE_MUTED, .dashed = true};
    if (g == GUIDE_ZERO) {
        double y = leati_scale_at(&a->y, 0);
        leati_scene_line(s, a->left, y, a->right, y, ink);
    } else if (g == GUIDE_EQUAL) {
        double lo = fmax(a->x.range.lo, a->y.range.lo), hi = fmin(a->x.range.hi, a->y.range.hi);
        leati_scene_line(s, leati_scale_at(&a->x, lo), leati_scale_at(&a->y, lo),
                         leati_scale_at(&a->x, hi), leati_scale_at(&a->y, hi), ink);
    }
}

static bool check_groups(leat_context *c, const leati_scatter *in)
{
    for (size_t i = 0; in->group && i < in->count; i++) {
        if (in->group[i] < in->group_count) continue;
        LEATI_FAIL(c, LEAT_INVALID, "point %zu is of group %u, but there are %zu groups", i,
                   (unsigned)in->group[i], in->group_count);
        return false;
    }
    return true;
}

static leati_scene *draw_scatter(leat_context *c, const leati_scatter *in, const leati_chart *chart,
                                 guide g, double height)
{
    double top;
    size_t used = 0;
    leati_range x = leati_range_empty(), y = x;
    if (!check_groups(c, in)) return NULL;
    leati_scene *s = leati_chart_begin(c, chart, "scatter plot", 420, height, &top);
    if (!s) return NULL;
    for (size_t i = 0; i < in->count; i++) {
        if (!usable(in, i)) continue;
        used++;
        leati_range_add(&x, in->x[i]);
        leati_range_add(&y, in->y[i]);
    }
    if (g == GUIDE_ZERO) leati_range_add(&y, 0);
    if (g == GUIDE_EQUAL) {
        x.lo = y.lo = fmin(x.lo, y.lo);
        x.hi = y.hi = fmax(x.hi, y.hi);
    }
    double names = in->group ? leati_rows_width(s, in->groups, in->group_count) + 12 : 10;
    leati_axes a = leati_axes_draw(s, chart, (leati_axis){.range = leati_range_widen(x, 0.04)},
                                   (leati_axis){.range = leati_range_widen(y, 0.05)}, top, names);
    draw_guide(s, &a, g);
    leat_status st = LEAT_OK;
    if (used > MOST_POINTS) st = draw_cells(s, &a, in);
    else draw_points(s, &a, in);
    if (used <= MOST_POINTS) draw_groups(s, &a, in);
    if (used == 0) leati_axes_empty(s, a.left, a.top, a.right, a.bottom);
    if (st == LEAT_OK) return leati_scene_finish(s);
    leati_scene_destroy(s);
    return NULL;
}

leati_scene *leati_chart_scatter(leat_context *c, const leati_scatter *in)
{
    return draw_scatter(c, in, &in->chart, GUIDE_NONE, 320);
}

leati_scene *leati_chart_predicted(leat_context *c, const leati_scatter *in)
{
    leati_chart chart = in->chart;
    if (!chart.x_label) chart.x_label = "actual";
    if (!chart.y_label) chart.y_label = "predicted";
    return draw_scatter(c, in, &chart, GUIDE_EQUAL, 400);
}

leati_scene *leati_chart_residuals(leat_context *c, const leati_scatter *in)
{
    leati_chart chart = in->chart;
    if (!chart.x_label) chart.x_label = "predicted";
    if (!chart.y_label) chart.y_label = "actual minus predicted";
    return draw_scatter(c, in, &chart, GUIDE_ZERO, 320);
}
