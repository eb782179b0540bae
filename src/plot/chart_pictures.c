/* Owns: rows of small pictures with captions. */
#include <math.h>

#include "base/num.h"
#include "plot/axes.h"

enum { GAP = 10, LINE = 15 };

typedef struct grid {
    size_t columns, rows;
    double side;    /* of a box */
    double caption; /* height below it */
} grid;

static grid lay_out(const leati_pictures *in, double width)
{
    double tile = in->tile > 0 ? in->tile : 84;
    bool labels = false, notes = false;
    for (size_t i = 0; i < in->count; i++) {
        labels = labels || in->pictures[i].label;
        notes = notes || in->pictures[i].note;
    }
    double fit = floor((width + GAP) / (tile + GAP));
    size_t columns = fit > 1 ? (size_t)fit : 1;
    grid g = {.columns = columns, .rows = (in->count + columns - 1) / columns};
    /* few pictures stay at the size asked for, many fill the width */
    g.side = (width - GAP * (double)(columns - 1)) / (double)columns;
    if (in->count < columns) g.side = fmin(g.side, tile);
    g.caption = (labels || notes ? 3 : 0) + LINE * ((labels ? 1 : 0) + (notes ? 1 : 0));
    return g;
}

static void draw_picture(leati_scene *s, const leati_picture *p, double x, double y, double side)
{
    double w = (double)p->pixels.width, h = (double)p->pixels.height;
    double scale = side / fmax(w, h), line = y + side + LINE;
    leati_scene_image(s, x + (side - w * scale) / 2, y + (side - h * scale) / 2, w * scale,
                      h * scale, &p->pixels);
    if (p->label && s->status == LEAT_OK) {
        leati_scene_hover(s, "%s%s%s", p->label, p->note ? ", " : "", p->note ? p->note : "");
        leati_scene_text_fit(s, x, line, side, (leati_font){.size = 12, .hue = p->hue}, p->label);
        line += LINE;
    }
    leati_hue note = p->note_hue ? p->note_hue : LEATI_HUE_MUTED;
    if (p->note)
        leati_scene_text_fit(s, x, line, side, (leati_font){.size = LEATI_FONT_TICK, .hue = note},
                             p->note);
}

leati_scene *leati_chart_pictures(leat_context *c, const leati_pictures *in)
{
    double top, width = in->chart.width > 0 ? in->chart.width : 480;
    grid g = lay_out(in, width);
    double row = g.side + g.caption + GAP, head = leati_chart_head(&in->chart) + 4;
    leati_chart chart = in->chart;
    chart.width = width;
    chart.height = head + (in->count ? row * (double)g.rows - GAP : 60);
    leati_scene *s = leati_chart_begin(c, &chart, "pictures", width, chart.height, &top);
    if (!s) return NULL;
    for (size_t i = 0; i < in->count && s->status == LEAT_OK; i++)
        draw_picture(s, &in->pictures[i], (double)(i % g.columns) * (g.side + GAP),
                     head + (double)(i / g.columns) * row, g.side);
    if (in->count == 0) leati_axes_empty(s, 0, head, width, s->height);
    return leati_scene_finish(s);
}
