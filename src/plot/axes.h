/* The frame that charts share: title, plot area, axes, grid, rows with labels. */
#ifndef LEATI_PLOT_AXES_H
#define LEATI_PLOT_AXES_H

#include "plot/chart.h"
#include "plot/ticks.h"

enum { LEATI_FONT_TICK = 11, LEATI_FONT_BODY = 12, LEATI_FONT_TITLE = 14 };

/* A scene of the chart's size (or the given one where the chart names none) with title, subtitle
 * and descriptions; *top is where the chart itself may begin. NULL on failure. */
leati_scene *leati_chart_begin(leat_context *c, const leati_chart *chart, const char *standard,
                               double width, double height, double *top);
/* The height that the titles take. */
double leati_chart_head(const leati_chart *chart);

typedef struct leati_axis {
    leati_range range; /* final, as leati_range_widen gives it */
    bool log;
    bool whole; /* ticks at whole numbers only */
    bool bare;  /* neither ticks nor labels */
    leati_number_form form;
} leati_axis;

typedef struct leati_axes {
    double left, top, right, bottom; /* the plot area in pixels */
    leati_scale x, y;
} leati_axes;

/* Lay out and draw two axes below `top` with `right` pixels free beside the plot area: y labels at
 * its left over horizontal grid lines, x labels below, the names of both in muted text. */
leati_axes leati_axes_draw(leati_scene *s, const leati_chart *chart, leati_axis x, leati_axis y,
                           double top, double right);
/* x labels, a thin line and the name of the axis below a plot area that is laid out already. */
void leati_axes_draw_x(leati_scene *s, const leati_axes *a, leati_axis x, const char *name,
                       bool grid);
/* The height that leati_axes_draw_x needs. */
double leati_axes_below(const char *name);

/* "nothing to show" in the middle of an area, for data without a single usable value. */
void leati_axes_empty(leati_scene *s, double left, double top, double right, double bottom);

/* The column of labels at the left of charts made of rows: its width for these labels, at most
 * 40% of the scene. NULL labels count as "". */
double leati_rows_width(const leati_scene *s, const char *const *labels, size_t count);
/* A label that ends at x, its middle at y. */
void leati_rows_label(leati_scene *s, double x, double y, double width, const char *label,
                      bool bold);

/* Move positions apart so that neighbours differ by `gap`, keeping their order and staying within
 * least..most as far as there is room. y: (count), rank: (count) scratch. */
void leati_spread(double *y, size_t *rank, size_t count, double gap, double least, double most);

#endif
