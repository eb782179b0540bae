/* Owns: the chart of pairs of bars, then and now. */
#include <math.h>
#include <stdio.h>

#include "base/num.h"
#include "plot/axes.h"
#include "plot/plot_text.h"

enum { PAIR = 30, BAR = 8, MOST_PAIRS = 20, KEY = 20 };

typedef struct pairs {
    const leati_against *in;
    size_t shown;
    double top, label_right, text_right;
    leati_scale x;
} pairs;

static void share_text(double share, char out[LEATI_FIXED_SIZE + 2])
{
    char number[LEATI_FIXED_SIZE];
    if (!isfinite(share)) {
        snprintf(out, LEATI_FIXED_SIZE + 2, "\xe2\x80\x93");
        return;
    }
    leati_fixed(share * 100, share != 0 && fabs(share) < 0.0995 ? 1 : 0, number);
    snprintf(out, LEATI_FIXED_SIZE + 2, "%s%%", number);
}

static void draw_bar(leati_scene *s, const pairs *p, double share, double y, leati_ink ink,
                     const char *label, const char *name)
{
    char text[LEATI_FIXED_SIZE + 2];
    double zero = leati_scale_at(&p->x, 0), end = leati_scale_at(&p->x, share);
    if (share == 0 || !isfinite(end)) return;
    share_text(share, text);
    leati_scene_rect(s, fmin(zero, end), y, fmax(fabs(end - zero), 1), BAR, 2, ink);
    leati_scene_hover(s, "%s, %s: %s", label, name, text);
}

static void draw_pair(leati_scene *s, const pairs *p, size_t i)
{
    const leati_against *in = p->in;
    const char *label = in->labels[i] ? in->labels[i] : "";
    char text[LEATI_FIXED_SIZE + 2];
    double y = p->top + PAIR * ((double)i + 0.5);
    leati_font font = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_TICK, .anchor = LEATI_END};
    leati_rows_label(s, p->label_right, y, p->label_right, label, false);
    draw_bar(s, p, in->then[i], y - BAR - 0.5, (leati_ink){.fill = LEATI_HUE_AXIS, .opacity = 0.8},
             label, in->then_name ? in->then_name : "then");
    draw_bar(s, p, in->now[i], y + 0.5, (leati_ink){.fill = LEATI_HUE_ACCENT, .opacity = 0.85},
             label, in->now_name ? in->now_name : "now");
    share_text(in->then[i], text);
    leati_scene_text(s, p->text_right, y - 1.5, font, text);
    share_text(in->now[i], text);
    font.hue = LEATI_HUE_ACCENT;
    leati_scene_text(s, p->text_right, y + BAR + 2, font, text);
}

/* The names of the two, in the colours of their bars. */
static void draw_key(leati_scene *s, const pairs *p, double y)
{
    leati_font font = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_TICK, .bold = true};
    const char *then = p->in->then_name ? p->in->then_name : "then";
    double x = p->x.from, half = (s->width - x - 12) / 2;
    double width = fmin(leati_text_width(then, LEATI_FONT_TICK, true), half);
    leati_scene_text_fit(s, x, y, half, font, then);
    font.hue = LEATI_HUE_ACCENT;
    leati_scene_text_fit(s, x + width + 12, y, half, font,
                         p->in->now_name ? p->in->now_name : "now");
}

static leati_range range_of(const leati_against *in, size_t shown)
{
    leati_range r = {0, 0};
    for (size_t i = 0; i < shown; i++) {
        leati_range_add(&r, in->then[i]);
        leati_range_add(&r, in->now[i]);
    }
    return r.lo == r.hi ? (leati_range){0, 1} : leati_range_widen(r, 0);
}

leati_scene *leati_chart_against(leat_context *c, const leati_against *in)
{
    size_t most = in->most ? in->most : MOST_PAIRS;
    pairs p = {.in = in, .shown = in->count < most ? in->count : most};
    size_t left = in->count - p.shown;
    double top, text_width = 0;
    leati_chart chart = in->chart;
    chart.height = leati_chart_head(&chart) + KEY + PAIR * (double)(p.shown ? p.shown : 2) +
                   (left ? KEY : 0) + 4;
    leati_scene *s = leati_chart_begin(c, &chart, "shares then and now", 420, chart.height, &top);
    if (!s) return NULL;
    for (size_t i = 0; i < p.shown; i++) {
        char text[LEATI_FIXED_SIZE + 2];
        share_text(in->then[i], text);
        text_width = fmax(text_width, leati_text_width(text, LEATI_FONT_TICK, false));
        share_text(in->now[i], text);
        text_width = fmax(text_width, leati_text_width(text, LEATI_FONT_TICK, false));
    }
    p.top = top + KEY;
    p.text_right = s->width;
    p.label_right = leati_rows_width(s, in->labels, p.shown);
    p.x = (leati_scale){.range = range_of(in, p.shown),
                        .from = p.label_right + 10,
                        .to = fmax(s->width - text_width - 10, p.label_right + 20)};
    draw_key(s, &p, top + 12);
    for (size_t i = 0; i < p.shown; i++) draw_pair(s, &p, i);
    double zero = leati_scale_at(&p.x, 0), bottom = p.top + PAIR * (double)p.shown;
    leati_scene_line(s, zero, p.top, zero, bottom, (leati_ink){.stroke = LEATI_HUE_AXIS});
    if (p.shown == 0) leati_axes_empty(s, 0, p.top, s->width, s->height);
    if (left) {
        char number[LEATI_NUM_SIZE], text[2 * LEATI_NUM_SIZE];
        leati_font font = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_TICK};
        leati_num_grouped((int64_t)left, number);
        snprintf(text, sizeof text, "and %s more", number);
        leati_scene_text(s, p.x.from, bottom + 14, font, text);
    }
    return leati_scene_finish(s);
}
