/* Owns: square matrices as shaded cells: confusion and correlation. */
#include <math.h>

#include "base/num.h"
#include "plot/axes.h"
#include "plot/plot_text.h"

static const double LEAST_CELL = 4, MOST_CELL = 76;

typedef struct heat {
    const char *const *rows, *const *columns; /* (count) labels */
    size_t count;
    double left, top, cell;
    bool names; /* cells are large enough for the labels of rows and columns */
    bool level; /* the labels of columns lie flat */
} heat;

static double widest_label(const char *const *labels, size_t count)
{
    double widest = 0;
    for (size_t i = 0; i < count; i++)
        if (labels[i]) widest = fmax(widest, leati_text_width(labels[i], LEATI_FONT_TICK, false));
    return widest;
}

/* The shape of the matrix follows from the width; the height of the scene from the shape. */
static void lay_out(heat *h, const leati_chart *chart, double width, double *height)
{
    double n = (double)(h->count ? h->count : 1), widest = widest_label(h->columns, h->count);
    h->left = fmin(widest_label(h->rows, h->count), width * 0.35) + 10;
    h->cell = fmin((width - h->left - 2) / n, MOST_CELL);
    h->names = h->cell >= 11;
    if (!h->names) {
        h->left = 0;
        h->cell = fmax(fmin((width - 2) / n, MOST_CELL), LEAST_CELL);
    }
    h->level = widest + 8 <= h->cell;
    double columns = !h->names ? 0 : h->level ? 18 : fmin(widest, 110) + 8;
    double caption = chart->y_label || chart->x_label ? 22 : 4;
    h->top = leati_chart_head(chart) + caption + columns;
    *height = h->top + fmax(h->cell * n, 40) + 4;
}

static void draw_names(leati_scene *s, const heat *h)
{
    leati_font row = {.size = LEATI_FONT_TICK, .anchor = LEATI_END};
    leati_font column = {.size = LEATI_FONT_TICK, .anchor = LEATI_MIDDLE};
    if (!h->level) column = (leati_font){.size = LEATI_FONT_TICK, .turn = -90};
    for (size_t i = 0; i < h->count && h->names; i++) {
        double middle = h->cell * ((double)i + 0.5);
        if (h->rows[i])
            leati_scene_text_fit(s, h->left - 8, h->top + middle + 4, h->left - 8, row, h->rows[i]);
        if (!h->columns[i]) continue;
        if (h->level)
            leati_scene_text_fit(s, h->left + middle, h->top - 6, h->cell, column, h->columns[i]);
        else leati_scene_text_fit(s, h->left + middle + 4, h->top - 6, 110, column, h->columns[i]);
    }
}

/* Text that is readable on a cell of that ink. */
static leati_hue text_on(double opacity)
{
    return opacity > 0.72 ? LEATI_HUE_SURFACE : LEATI_HUE_TEXT;
}

static void draw_cell(leati_scene *s, const heat *h, size_t row, size_t col, leati_hue hue,
                      double strength)
{
    double x = h->left + h->cell * (double)col, y = h->top + h->cell * (double)row;
    double gap = h->cell > 12 ? 1 : 0;
    leati_scene_rect(s, x + gap / 2, y + gap / 2, h->cell - gap, h->cell - gap,
                     h->cell > 24 ? 3 : 0, (leati_ink){.fill = LEATI_HUE_GRID, .opacity = 0.45});
    if (strength > 0.004)
        leati_scene_rect(s, x + gap / 2, y + gap / 2, h->cell - gap, h->cell - gap,
                         h->cell > 24 ? 3 : 0, (leati_ink){.fill = hue, .opacity = strength});
}

static void cell_text(leati_scene *s, const heat *h, size_t row, size_t col, double shift,
                      leati_font font, const char *text)
{
    font.anchor = LEATI_MIDDLE;
    if (leati_text_width(text, font.size, font.bold) > h->cell - 3) return;
    leati_scene_text(s, h->left + h->cell * ((double)col + 0.5),
                     h->top + h->cell * ((double)row + 0.5) + shift, font, text);
}

static void confusion_cell(leati_scene *s, const leati_heat *in, const heat *h, size_t row,
                           size_t col, double total)
{
    double count = in->values[row * in->count + col];
    if (!isfinite(count) || count < 0) count = 0;
    double share = total > 0 ? count / total : 0, strength = 0.9 * share;
    bool shares = h->cell >= 44;
    char number[LEATI_NUM_SIZE], percent[LEATI_FIXED_SIZE + 2];
    leati_hue hue = row == col ? LEATI_HUE_ACCENT : LEATI_HUE_BAD;
    /* Errors are the news: their colour starts earlier. */
    if (row != col && count > 0) strength = 0.12 + 0.78 * share;
    draw_cell(s, h, row, col, hue, strength);
    leati_num_grouped((int64_t)fmin(count, 1e15), number);
    size_t n = leati_fixed(share * 100, share > 0 && share < 0.0995 ? 1 : 0, percent);
    percent[n] = '%';
    percent[n + 1] = '\0';
    if (in->labels[row] && in->labels[col])
        leati_scene_hover(s, "%s, predicted as %s: %s (%s)", in->labels[row], in->labels[col],
                          number, percent);
    if (h->cell < 18) return;
    leati_font font = {.hue = count > 0 ? text_on(strength) : LEATI_HUE_MUTED,
                       .size = shares ? 14 : 11,
                       .bold = row == col};
    cell_text(s, h, row, col, shares && count > 0 ? -1 : 4, font, number);
    if (!shares || count <= 0) return;
    font.size = LEATI_FONT_TICK;
    font.bold = false;
    cell_text(s, h, row, col, 15, font, percent);
}

static leati_scene *begin(leat_context *c, const leati_heat *in, const char *standard, heat *h)
{
    double top, height, width = in->chart.width > 0 ? in->chart.width : 380;
    leati_chart chart = in->chart;
    lay_out(h, &chart, width, &height);
    chart.width = width;
    chart.height = height;
    leati_scene *s = leati_chart_begin(c, &chart, standard, width, height, &top);
    if (!s) return NULL;
    leati_font font = {.hue = LEATI_HUE_MUTED, .size = LEATI_FONT_TICK};
    if (chart.y_label) leati_scene_text_fit(s, 0, top + 12, width / 2 - 4, font, chart.y_label);
    font.anchor = LEATI_END;
    double right = fmin(h->left + h->cell * (double)h->count, width);
    if (chart.x_label)
        leati_scene_text_fit(s, fmax(right, width / 2), top + 12, width / 2 - 4, font,
                             chart.x_label);
    draw_names(s, h);
    if (h->count == 0) leati_axes_empty(s, 0, h->top, width, s->height);
    return s;
}

leati_scene *leati_chart_confusion(leat_context *c, const leati_heat *in)
{
    heat h = {.rows = in->labels, .columns = in->labels, .count = in->count};
    leati_heat given = *in;
    if (!given.chart.y_label) given.chart.y_label = "actual \xe2\x86\x93";
    if (!given.chart.x_label) given.chart.x_label = "predicted \xe2\x86\x92";
    leati_scene *s = begin(c, &given, "confusion matrix", &h);
    for (size_t row = 0; s && row < in->count; row++) {
        double total = 0;
        for (size_t col = 0; col < in->count; col++) {
            double count = in->values[row * in->count + col];
            if (isfinite(count) && count > 0) total += count;
        }
        for (size_t col = 0; col < in->count; col++) confusion_cell(s, in, &h, row, col, total);
    }
    return leati_scene_finish(s);
}

leati_scene *leati_chart_correlation(leat_context *c, const leati_heat *in)
{
    /* The lower triangle: the diagonal says nothing, the upper half repeats. */
    heat h = {.rows = in->labels + (in->count > 1),
              .columns = in->labels,
              .count = in->count > 1 ? in->count - 1 : 0};
    leati_scene *s = begin(c, in, "correlation", &h);
    for (size_t row = 0; s && row < h.count; row++) {
        for (size_t col = 0; col <= row; col++) {
            double r = in->values[(row + 1) * in->count + col];
            char text[LEATI_FIXED_SIZE] = "not known";
            bool known = isfinite(r);
            double strength = known ? 0.9 * fmin(fabs(r), 1) : 0;
            draw_cell(s, &h, row, col, r < 0 ? LEATI_HUE_BAD : LEATI_HUE_ACCENT, strength);
            if (known) leati_fixed(r, 2, text);
            if (h.rows[row] && h.columns[col])
                leati_scene_hover(s, "%s and %s: %s", h.rows[row], h.columns[col], text);
            if (known && h.cell >= 26)
                cell_text(s, &h, row, col, 4,
                          (leati_font){.hue = text_on(strength), .size = h.cell >= 34 ? 11 : 9},
                          text);
        }
    }
    return leati_scene_finish(s);
}
