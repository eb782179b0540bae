/* Charts from plain arrays. Each function reads its input only while it runs and gives a scene of
 * its own, or NULL with the error recorded (NOMEM, or INVALID for an input that contradicts
 * itself). Values that are not finite are left out; an input without any usable value gives a
 * chart that says so. Texts are UTF-8 from anywhere: they are cut to fit and made safe. */
#ifndef LEATI_PLOT_CHART_H
#define LEATI_PLOT_CHART_H

#include <stddef.h>
#include <stdint.h>

#include "plot/scene.h"

/* All may be NULL or 0. */
typedef struct leati_chart {
    const char *title, *subtitle; /* drawn above */
    const char *about;            /* one sentence for people who hear the chart */
    const char *x_label, *y_label;
    double width, height; /* pixels; 0: what suits the chart */
} leati_chart;

typedef struct leati_histogram {
    leati_chart chart;
    const double *values; /* (count) */
    size_t count;
    size_t bins; /* 0: by Freedman and Diaconis, 5 to 60 */
} leati_histogram;

typedef enum leati_bar_form {
    LEATI_BARS_NUMBER,
    LEATI_BARS_COUNT, /* whole numbers, with their share of the sum */
    LEATI_BARS_SHARE  /* 0..1, written as percent */
} leati_bar_form;

/* Horizontal bars, in the order given. More than `most` are cut, saying how many are left out. */
typedef struct leati_bars {
    leati_chart chart;
    const char *const *labels; /* (count) */
    const double *values;      /* (count) */
    const double *lo, *hi;     /* (count) intervals, or NULL */
    size_t count;
    size_t most; /* 0: 30 */
    leati_bar_form form;
} leati_bars;

/* Two shares per name, then and now, as a pair of bars. More than `most` pairs are cut, saying how
 * many are left out. */
typedef struct leati_against {
    leati_chart chart;
    const char *const *labels;        /* (count) */
    const double *then, *now;         /* (count) 0..1 */
    const char *then_name, *now_name; /* written above in the colours of the bars */
    size_t count;
    size_t most; /* 0: 20 */
} leati_against;

typedef struct leati_box {
    const char *label;
    const char *note;     /* at the right end of the row; may be NULL */
    const double *values; /* (count) */
    size_t count;
    bool accent; /* drawn in the accent colour, the others in a quiet one */
} leati_box;

/* One horizontal row per group: box from quartile to quartile, median, whiskers to the outermost
 * points within 1.5 interquartile ranges (Tukey), and every point when there are at most 60. */
typedef struct leati_boxes {
    leati_chart chart;
    const leati_box *boxes; /* (count) */
    size_t count;
    const double *reference; /* a dashed line there; NULL: none */
    const char *reference_label;
} leati_boxes;

typedef struct leati_scatter {
    leati_chart chart;
    const double *x, *y;   /* (count) */
    const uint32_t *group; /* (count) 0 .. groups-1, or NULL */
    size_t count;
    const char *const *groups; /* (group_count) names, written in their colours */
    size_t group_count;
} leati_scatter;

typedef struct leati_series {
    const char *label;     /* written in the colour of the line; may be NULL */
    const double *x, *y;   /* (count) */
    const double *lo, *hi; /* (count) a band, or NULL */
    size_t count;
    leati_hue hue; /* NONE: the next colour of series */
    bool dashed;
    bool steps;  /* the value holds until the next x */
    bool points; /* mark every point */
} leati_series;

typedef struct leati_lines {
    leati_chart chart;
    const leati_series *series; /* (count) */
    size_t count;
    bool log_x, log_y;
    bool whole_x;         /* ticks at whole numbers */
    const double *mark_x; /* a vertical line there (the value chosen); NULL: none */
    const char *mark_label;
    const double *also_x; /* a second one at the right of it; NULL: none */
    const char *also_label;
    double level; /* precision_recall: the share of positives, drawn as the line of chance */
} leati_lines;

typedef struct leati_reliability_bin {
    double predicted; /* mean of the probabilities in the bin */
    double observed;  /* share of them that came true */
    double lo, hi;    /* interval of `observed`; equal: none drawn */
    double count;
} leati_reliability_bin;

typedef struct leati_reliability {
    leati_chart chart;
    const leati_reliability_bin *bins; /* (count) */
    size_t count;
} leati_reliability;

typedef struct leati_heat {
    leati_chart chart;
    const double *values;      /* (count, count) row-major; confusion: counts, rows are actual */
    const char *const *labels; /* (count) */
    size_t count;
} leati_heat;

/* Points in a plane at one scale in both directions, the names of groups written among them. */
typedef struct leati_plane {
    leati_chart chart;
    const double *xy;          /* (count, 2) */
    const uint32_t *group;     /* (count) 0 .. group_count-1; UINT32_MAX: of none; NULL: all */
    const char *const *groups; /* (group_count) */
    const double *value;       /* (count) the darker the greater, where group is NULL; or NULL */
    size_t count, group_count;
    size_t marked; /* a point with a ring; SIZE_MAX: none */
} leati_plane;

typedef struct leati_picture {
    leati_pixels pixels;
    const char *label, *note; /* below it, in one line each; may be NULL */
    leati_hue hue;            /* of the label; NONE: that of text */
    leati_hue note_hue;       /* NONE: muted */
} leati_picture;

/* Rows of pictures, each in a box of equal size, in the order given. */
typedef struct leati_pictures {
    leati_chart chart;
    const leati_picture *pictures; /* (count) */
    size_t count;
    double tile; /* the width of a box, about; 0: 84 */
} leati_pictures;

#define CHART(name, input, shows)                                                                  \
    leati_scene *leati_chart_##name(leat_context *c, const leati_##input *in);
#include "plot/charts.def"
#undef CHART

#endif
