/* Charts as SVG text, SVG files and PNG files.
 *
 * A plot is drawn when it is made and keeps nothing of its input. SVG follows the viewer's light or
 * dark mode by itself. Values that are not finite are left out; input without any usable value
 * gives a chart that says so. Equal input gives equal bytes. A plot is used by one thread at a
 * time. */
#ifndef LEAT_PLOT_H
#define LEAT_PLOT_H

#include <leat/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_plot leat_plot;

/* All but struct_size may stay as the default has them. Texts are UTF-8 and are copied. */
typedef struct leat_plot_options {
    uint32_t struct_size;         /* set by leat_plot_options_default */
    const char *title, *subtitle; /* drawn above; NULL: none */
    const char *about;            /* one sentence for people who hear the chart; NULL: none */
    const char *x_label, *y_label;
    double width, height; /* pixels; 0: what suits the chart. Bars and boxes take the height they
                             need */
    size_t bins;          /* histogram; 0: by the data */
    bool log_x, log_y;    /* lines */
    bool dark;            /* PNG on a dark surface */
    double scale;         /* PNG pixels per unit; 0: 2 */
} leat_plot_options;

LEAT_API leat_plot_options leat_plot_options_default(void);

/* A line with, or without, a band and a name, which is written at its end. */
typedef struct leat_plot_line {
    const char *label;        /* NULL: none */
    const double *x, *y;      /* (count) */
    const double *low, *high; /* (count) the band; NULL: none */
    size_t count;
} leat_plot_line;

/* Points of one group of a box plot. */
typedef struct leat_plot_group {
    const char *label;
    const double *values; /* (count) */
    size_t count;
} leat_plot_group;

/* `options` may be NULL. On failure *out is NULL: NOMEM, or INVALID for input that contradicts
 * itself. */
LEAT_API LEAT_CHECKED leat_status leat_plot_histogram(leat_context *context, leat_plot **out,
                                                      const double *values, size_t count,
                                                      const leat_plot_options *options);
/* Horizontal bars in the order given, one per label. */
LEAT_API LEAT_CHECKED leat_status leat_plot_bars(leat_context *context, leat_plot **out,
                                                 const char *const *labels, const double *values,
                                                 size_t count, const leat_plot_options *options);
/* Above some thousands of points the density is drawn instead. */
LEAT_API LEAT_CHECKED leat_status leat_plot_scatter(leat_context *context, leat_plot **out,
                                                    const double *x, const double *y, size_t count,
                                                    const leat_plot_options *options);
LEAT_API LEAT_CHECKED leat_status leat_plot_lines(leat_context *context, leat_plot **out,
                                                  const leat_plot_line *lines, size_t count,
                                                  const leat_plot_options *options);
/* Median, quartiles, whiskers and, where there are few, the points of each group. */
LEAT_API LEAT_CHECKED leat_status leat_plot_boxes(leat_context *context, leat_plot **out,
                                                  const leat_plot_group *groups, size_t count,
                                                  const leat_plot_options *options);

/* What a column holds: a histogram of numbers, bars of the most frequent texts. NOT_FOUND names the
 * columns; TYPE for a column of arrays. */
LEAT_API LEAT_CHECKED leat_status leat_plot_column(leat_context *context, leat_plot **out,
                                                   const leat_frame *frame, const char *column,
                                                   const leat_plot_options *options);
/* How two columns go together: points of two numbers, boxes of a number by text or bool, whichever
 * comes first. TYPE where neither is a number. */
LEAT_API LEAT_CHECKED leat_status leat_plot_columns(leat_context *context, leat_plot **out,
                                                    const leat_frame *frame, const char *x,
                                                    const char *y,
                                                    const leat_plot_options *options);

LEAT_API void leat_plot_destroy(leat_plot *plot); /* NULL is fine */

/* A whole SVG document; belongs to the plot. */
LEAT_API const char *leat_plot_svg(const leat_plot *plot);
/* By the suffix of the path, .svg or .png. The file appears complete or not at all. INVALID for
 * another suffix, UNSUPPORTED for PNG in a build without cairo, IO. */
LEAT_API LEAT_CHECKED leat_status leat_plot_save(leat_context *context, const leat_plot *plot,
                                                 const char *path);

#ifdef __cplusplus
}
#endif

#endif
