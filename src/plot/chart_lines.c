/* Owns: lines along an axis with bands and direct labels; learning and validation curves. */
#include "plot/chart_lines.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "plot/plot_text.h"

leati_hue leati_series_hue(const leati_series *line, size_t i)
{
    return line->hue != LEATI_HUE_NONE ? line->hue : leati_hue_series(i);
}

static double place_x(const leati_axes *a, const leati_series *line, size_t i)
{
    return leati_scale_at(&a->x, line->x[i]);
}

static leat_status draw_band(leati_scene *s, const leati_axes *a, const leati_series *line,
                             leati_hue hue)
{
    double *xy = leati_array(s->context, line->count, 4 * sizeof *xy);
    if (!xy) return leat_error_status(s->context);
    size_t n = 0;
    for (size_t i = 0; i < line->count; i++) {
        xy[2 * n] = place_x(a, line, i);
        xy[2 * n + 1] = leati_scale_at(&a->y, line->hi[i]);
        double lo = leati_scale_at(&a->y, line->lo[i]);
        if (isfinite(xy[2 * n]) && isfinite(xy[2 * n + 1]) && isfinite(lo)) n++;
    }
    size_t upper = n;
    for (size_t i = line->count; i-- > 0;) {
        double x = place_x(a, line, i), lo = leati_scale_at(&a->y, line->lo[i]);
        if (!isfinite(x) || !isfinite(lo) || !isfinite(leati_scale_at(&a->y, line->hi[i])))
            continue;
        xy[2 * n] = x;
        xy[2 * n++ + 1] = lo;
    }
    if (upper > 1) leati_scene_area(s, xy, n, (leati_ink){.fill = hue, .opacity = 0.14});
    leati_free(xy);
    return LEAT_OK;
}

static leat_status draw_line(leati_scene *s, const leati_axes *a, const leati_series *line,
                             leati_ink ink)
{
    double *xy = leati_array(s->context, line->count, 4 * sizeof *xy);
    if (!xy) return leat_error_status(s->context);
    size_t n = 0;
    for (size_t i = 0; i < line->count; i++) {
        double x = place_x(a, line, i), y = leati_scale_at(&a->y, line->y[i]);
        if (line->steps && n > 0) {
            xy[2 * n] = x;
            xy[2 * n + 1] = xy[2 * n - 1];
            n++;
        }
        xy[2 * n] = x;
        xy[2 * n++ + 1] = y;
    }
    leati_scene_path(s, xy, n, ink);
    leati_free(xy);
    return LEAT_OK;
}

static void draw_marks(leati_scene *s, const leati_axes *a, const leati_series *line, leati_hue hue)
{
    leati_ink ink = {.fill = hue, .stroke = LEATI_HUE_SURFACE, .width = 1};
    char x[LEATI_NUM_SIZE], y[LEATI_NUM_SIZE];
    for (size_t i = 0; i < line->count; i++) {
        size_t before = s->count;
        leati_scene_circle(s, place_x(a, line, i), leati_scale_at(&a->y, line->y[i]), 3, ink);
        if (s->count == before) continue;
        leati_num_short(line->x[i], 4, x);
        leati_num_short(line->y[i], 4, y);
        leati_scene_hover(s, "%s%s%s at %s", line->label ? line->label : "",
                          line->label ? ": " : "", y, x);
    }
}

static bool few(const leati_series *line)
{
    size_t n = 0;
    for (size_t i = 0; i < line->count; i++) n += isfinite(line->x[i]) && isfinite(line->y[i]);
    return n == 1;
}

leat_status leati_series_draw(leati_scene *s, const leati_axes *a, const leati_lines *in,
                              double width)
{
    for (size_t i = 0; i < in->count; i++)
        if (in->series[i].lo && in->series[i].hi && in->series[i].count > 0)
            LEATI_TRY(draw_band(s, a, &in->series[i], leati_series_hue(&in->series[i], i)));
    /* The first series is the one the chart is about: drawn last, on top. */
    for (size_t i = in->count; i-- > 0;) {
        const leati_series *line = &in->series[i];
        leati_hue hue = leati_series_hue(line, i);
        leati_ink ink = {.stroke = hue, .width = width, .dashed = line->dashed};
        if (line->count == 0) continue;
        LEATI_TRY(draw_line(s, a, line, ink));
        if (line->points || few(line)) draw_marks(s, a, line, hue);
    }
    return LEAT_OK;
}

/* The y of a line's last point that can be drawn; NaN when there is none. */
static double end_of(const leati_axes *a, const leati_series *line)
{
    for (size_t i = line->count; i-- > 0;) {
        double y = leati_scale_at(&a->y, line->y[i]);
        if (isfinite(y) && isfinite(place_x(a, line, i))) return y;
    }
    return (double)NAN;
}

static leat_status draw_end_labels(leati_scene *s, const leati_axes *a, const leati_lines *in)
{
    double *y = leati_array(s->context, in->count + 1, sizeof *y);
    size_t *rank = leati_array(s->context, 2 * (in->count + 1), sizeof *rank), n = 0;
    if (y && rank) {
        size_t *which = rank + in->count + 1;
        for (size_t i = 0; i < in->count; i++) {
            y[n] = in->series[i].label ? end_of(a, &in->series[i]) : (double)NAN;
            if (isfinite(y[n])) which[n++] = i;
        }
        leati_spread(y, rank, n, 15, a->top, a->bottom);
        for (size_t k = 0; k < n; k++) {
            const leati_series *line = &in->series[which[k]];
            leati_font font = {.hue = leati_series_hue(line, which[k]), .bold = true};
            leati_scene_text_fit(s, a->right + 8, y[k] + 4, s->width - a->right - 8, font,
                                 line->label);
        }
    }
    leati_free(y);
    leati_free(rank);
    return y && rank ? LEAT_OK : leat_error_status(s->context);
}

double leati_series_labels(const leati_scene *s, const leati_lines *in)
{
    double widest = 0;
    for (size_t i = 0; i < in->count; i++)
        if (in->series[i].label)
            widest = fmax(widest, leati_text_width(in->series[i].label, LEATI_FONT_BODY, true));
    return widest > 0 ? fmin(ceil(widest) + 10, floor(s->width * 0.43)) : 10;
}

/* How many points of the lines lie in a box. */
static size_t points_in(const leati_axes *a, const leati_lines *in, double left, double right,
                        double top, double bottom)
{
    size_t found = 0;
    for (size_t i = 0; i < in->count; i++)
        for (size_t k = 0; k < in->series[i].count; k++) {
            double x = leati_scale_at(&a->x, in->series[i].x[k]);
            double y = leati_scale_at(&a->y, in->series[i].y[k]);
            found += x >= left && x <= right && y >= top && y <= bottom;
        }
    return found;
}

/* `before`: its name stands at the left of it. */
static void draw_mark(leati_scene *s, const leati_axes *a, const leati_lines *in, double value,
                      const char *label, bool before)
{
    double x = leati_scale_at(&a->x, value);
    leati_font font = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_TICK};
    if (!(x >= a->left && x <= a->right)) return;
    leati_scene_line(s, x, a->top, x, a->bottom,
                     (leati_ink){.stroke = LEATI_HUE_MUTED, .dashed = true});
    if (!label) return;
    double width = leati_text_width(label, LEATI_FONT_TICK, false);
    bool left = before ? x - 6 - width > a->left : x + 6 + width > a->right;
    font.anchor = left ? LEATI_END : LEATI_START;
    /* At the lower end of the line, or the upper one where the lines are there. */
    enum { LINE = 20 };
    double from = left ? x - 6 - width : x, to = left ? x : x + 6 + width, at = a->bottom - 8;
    if (points_in(a, in, from, to, a->bottom - LINE, a->bottom) >
        points_in(a, in, from, to, a->top, a->top + LINE))
        at = a->top + 14;
    leati_scene_text_fit(s, left ? x - 6 : x + 6, at, left ? x - 6 - a->left : a->right - x - 6,
                         font, label);
}

static void draw_marks_x(leati_scene *s, const leati_axes *a, const leati_lines *in)
{
    if (in->mark_x) draw_mark(s, a, in, *in->mark_x, in->mark_label, in->also_x);
    if (in->also_x) draw_mark(s, a, in, *in->also_x, in->also_label, false);
}

static bool check_series(leat_context *c, const leati_lines *in)
{
    for (size_t i = 0; i < in->count; i++) {
        const leati_series *line = &in->series[i];
        if (line->count == 0 || (line->x && line->y)) continue;
        LEATI_FAIL(c, LEAT_INVALID, "series %zu of the chart has %zu points but no values", i,
                   line->count);
        return false;
    }
    return true;
}

static void ranges(const leati_lines *in, leati_axis *x, leati_axis *y)
{
    leati_range rx = leati_range_empty(), ry = rx;
    for (size_t i = 0; i < in->count; i++) {
        const leati_series *line = &in->series[i];
        for (size_t k = 0; k < line->count; k++) {
            if (in->log_x && !(line->x[k] > 0)) continue;
            if (!isfinite(line->x[k]) || !isfinite(line->y[k])) continue;
            leati_range_add(&rx, line->x[k]);
            if (!in->log_y || line->y[k] > 0) leati_range_add(&ry, line->y[k]);
            if (line->lo && (!in->log_y || line->lo[k] > 0)) leati_range_add(&ry, line->lo[k]);
            if (line->hi && (!in->log_y || line->hi[k] > 0)) leati_range_add(&ry, line->hi[k]);
        }
    }
    x->log = in->log_x;
    y->log = in->log_y;
    x->range = in->log_x ? leati_range_widen_log(rx, 0.02) : leati_range_widen(rx, 0.02);
    y->range = in->log_y ? leati_range_widen_log(ry, 0.05) : leati_range_widen(ry, 0.05);
}

static leati_scene *draw_lines(leat_context *c, const leati_lines *in, const char *standard)
{
    double top;
    leati_axis x = {.form = LEATI_PLAIN}, y = {.form = LEATI_PLAIN};
    if (!check_series(c, in)) return NULL;
    leati_scene *s = leati_chart_begin(c, &in->chart, standard, 420, 280, &top);
    if (!s) return NULL;
    ranges(in, &x, &y);
    x.whole = in->whole_x;
    leati_axes a = leati_axes_draw(s, &in->chart, x, y, top, leati_series_labels(s, in));
    size_t before = s->count;
    if (leati_series_draw(s, &a, in, 2) != LEAT_OK || draw_end_labels(s, &a, in) != LEAT_OK) {
        leati_scene_destroy(s);
        return NULL;
    }
    if (s->count == before && s->status == LEAT_OK)
        leati_axes_empty(s, a.left, a.top, a.right, a.bottom);
    draw_marks_x(s, &a, in);
    return leati_scene_finish(s);
}

leati_scene *leati_chart_lines(leat_context *c, const leati_lines *in)
{
    return draw_lines(c, in, "lines");
}

leati_scene *leati_chart_learning_curve(leat_context *c, const leati_lines *in)
{
    leati_lines curve = *in;
    if (!curve.chart.x_label) curve.chart.x_label = "training rows";
    return draw_lines(c, &curve, "learning curve");
}

leati_scene *leati_chart_validation_curve(leat_context *c, const leati_lines *in)
{
    return draw_lines(c, in, "validation curve");
}
