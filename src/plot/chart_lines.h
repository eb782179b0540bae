/* Drawing series inside axes, for all charts made of lines. */
#ifndef LEATI_PLOT_CHART_LINES_H
#define LEATI_PLOT_CHART_LINES_H

#include "plot/axes.h"

leati_hue leati_series_hue(const leati_series *line, size_t i);
/* Bands, then lines of that stroke width, the first series on top. */
leat_status leati_series_draw(leati_scene *s, const leati_axes *a, const leati_lines *in,
                              double width);
/* Room to keep free at the right for labels at the ends of the lines. */
double leati_series_labels(const leati_scene *s, const leati_lines *in);

#endif
