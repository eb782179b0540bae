/* Owns: what charts have in common: titles, margins, axes, row labels, spreading of labels. */
#include "plot/axes.h"

#include <math.h>
#include <string.h>

#include "plot/plot_text.h"

static const leati_ink grid_ink = {.stroke = LEATI_HUE_GRID};
static const leati_ink axis_ink = {.stroke = LEATI_HUE_AXIS};

double leati_chart_head(const leati_chart *chart)
{
    return (chart->title ? 24 : 0) + (chart->subtitle ? 18 : 0);
}

leati_scene *leati_chart_begin(leat_context *c, const leati_chart *chart, const char *standard,
                               double width, double height, double *top)
{
    leati_scene *s = leati_scene_create(c, chart->width > 0 ? chart->width : width,
                                        chart->height > 0 ? chart->height : height);
    if (!s) return NULL;
    double y = 0;
    leati_font title = {.size = LEATI_FONT_TITLE, .bold = true};
    leati_font muted = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_BODY};
    leati_scene_describe(s, chart->title ? chart->title : standard, chart->about);
    if (chart->title) leati_scene_text_fit(s, 0, (y += 24) - 8, s->width, title, chart->title);
    if (chart->subtitle)
        leati_scene_text_fit(s, 0, (y += 18) - 6, s->width, muted, chart->subtitle);
    *top = y;
    return s;
}

void leati_axes_empty(leati_scene *s, double left, double top, double right, double bottom)
{
    leati_font font = {.hue = LEATI_HUE_MUTED, .anchor = LEATI_MIDDLE};
    leati_scene_text(s, (left + right) / 2, (top + bottom) / 2 + 4, font, "nothing to show");
}

double leati_axes_below(const char *name)
{
    return 22 + (name ? 18 : 0);
}

/* The whole numbers of a range so short that no usual step falls on them; none where it has none.
 */
static leati_ticks whole_ticks(leati_range r)
{
    leati_ticks t = {.form = LEATI_PLAIN};
    if (!(r.hi - r.lo < LEATI_TICKS && fabs(r.hi) < 1e9)) return t;
    for (double at = ceil(r.lo); at <= r.hi; at++) t.value[t.count++] = at;
    return t;
}

/* As many as there is room for; across, so that their labels keep apart. */
static leati_ticks ticks_for(leati_axis axis, double pixels, bool across)
{
    leati_ticks t = {.count = 0};
    int most = (int)fmax(fmin(pixels / (across ? 56 : 44), 9), 3);
    /* From the most down to 2, then upwards: two labels say more than one. */
    for (int i = 0; i < most + 4; i++) {
        int want = i < most - 1 ? most - i : i + 2;
        leati_ticks now = axis.log ? leati_ticks_log(axis.range, want)
                                   : leati_ticks_linear(axis.range, want, axis.form);
        bool fits =
            !across || now.count * (leati_ticks_width(&now, LEATI_FONT_TICK) + 14) <= pixels;
        if (axis.whole && now.decimals > 0) continue;
        if (t.count == 0 || (fits && now.count >= 2)) t = now;
        if (fits && t.count >= 2) break;
    }
    if (t.count == 0 && axis.whole) t = whole_ticks(axis.range);
    return t.count ? t : leati_ticks_linear(axis.range, 2, axis.form);
}

/* A label centred at x, moved inward where it would leave the scene. */
static void x_label(leati_scene *s, double x, double y, const char *text)
{
    leati_font font = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_TICK, .anchor = LEATI_MIDDLE};
    double half = leati_text_width(text, LEATI_FONT_TICK, false) / 2;
    leati_scene_text(s, fmin(fmax(x, half), fmax(s->width - half, half)), y, font, text);
}

void leati_axes_draw_x(leati_scene *s, const leati_axes *a, leati_axis x, const char *name,
                       bool grid)
{
    char text[LEATI_TICK_SIZE];
    leati_font muted = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_TICK, .anchor = LEATI_MIDDLE};
    leati_ticks t = ticks_for(x, a->right - a->left, true);
    for (int i = 0; i < t.count && !x.bare; i++) {
        double at = leati_scale_at(&a->x, t.value[i]);
        if (grid) leati_scene_line(s, at, a->top, at, a->bottom, grid_ink);
        else leati_scene_line(s, at, a->bottom, at, a->bottom + 4, axis_ink);
    }
    leati_scene_line(s, a->left, a->bottom, a->right, a->bottom, axis_ink);
    for (int i = 0; i < t.count && !x.bare; i++) {
        leati_tick_text(&t, t.value[i], text);
        x_label(s, leati_scale_at(&a->x, t.value[i]), a->bottom + 17, text);
    }
    if (!name) return;
    double half = fmin(leati_text_width(name, LEATI_FONT_TICK, false), s->width) / 2;
    double middle = fmin(fmax((a->left + a->right) / 2, half), s->width - half);
    leati_scene_text_fit(s, middle, a->bottom + 35, s->width, muted, name);
}

leati_axes leati_axes_draw(leati_scene *s, const leati_chart *chart, leati_axis x, leati_axis y,
                           double top, double right)
{
    char text[LEATI_TICK_SIZE];
    leati_font tick = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_TICK, .anchor = LEATI_END};
    leati_font name = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_TICK};
    leati_axes a = {.top = top + (chart->y_label ? 24 : 8),
                    .bottom = s->height - leati_axes_below(chart->x_label),
                    .right = s->width - right};
    a.bottom = fmax(a.bottom, a.top + 10);
    leati_ticks t = ticks_for(y, a.bottom - a.top, false);
    a.left = y.bare ? 0 : leati_ticks_width(&t, LEATI_FONT_TICK) + 8;
    a.right = fmax(a.right, a.left + 10);
    a.x = (leati_scale){.range = x.range, .log = x.log, .from = a.left, .to = a.right};
    a.y = (leati_scale){.range = y.range, .log = y.log, .from = a.bottom, .to = a.top};
    for (int i = 0; i < t.count && !y.bare; i++) {
        double at = leati_scale_at(&a.y, t.value[i]);
        leati_scene_line(s, a.left, at, a.right, at, grid_ink);
    }
    for (int i = 0; i < t.count && !y.bare; i++) {
        leati_tick_text(&t, t.value[i], text);
        leati_scene_text(s, a.left - 8, leati_scale_at(&a.y, t.value[i]) + 4, tick, text);
    }
    if (chart->y_label) leati_scene_text_fit(s, 0, top + 11, s->width, name, chart->y_label);
    leati_axes_draw_x(s, &a, x, chart->x_label, false);
    return a;
}

double leati_rows_width(const leati_scene *s, const char *const *labels, size_t count)
{
    double widest = 0;
    for (size_t i = 0; i < count; i++)
        if (labels[i]) widest = fmax(widest, leati_text_width(labels[i], LEATI_FONT_BODY, true));
    return fmin(ceil(widest), floor(s->width * 0.4));
}

void leati_rows_label(leati_scene *s, double x, double y, double width, const char *label,
                      bool bold)
{
    leati_font font = {.size = LEATI_FONT_BODY, .bold = bold, .anchor = LEATI_END};
    if (label) leati_scene_text_fit(s, x, y + 4, width, font, label);
}

static void sort_rank(const double *y, size_t *rank, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && y[rank[at - 1]] > y[i]; at--) rank[at] = rank[at - 1];
        rank[at] = i;
    }
}

void leati_spread(double *y, size_t *rank, size_t count, double gap, double least, double most)
{
    if (count == 0) return;
    sort_rank(y, rank, count);
    y[rank[0]] = fmax(y[rank[0]], least);
    for (size_t i = 1; i < count; i++) y[rank[i]] = fmax(y[rank[i]], y[rank[i - 1]] + gap);
    y[rank[count - 1]] = fmin(y[rank[count - 1]], most);
    for (size_t i = count - 1; i > 0; i--) y[rank[i - 1]] = fmin(y[rank[i - 1]], y[rank[i]] - gap);
}
