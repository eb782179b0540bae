/* A drawing as a list of shapes, written as SVG text or as a PNG.
 *
 * Coordinates are CSS pixels, the origin at the top left. Colours are hues, resolved by the
 * theme when the scene is written. A scene may be used by one thread at a time; it holds copies of
 * all that it was given. */
#ifndef LEATI_PLOT_SCENE_H
#define LEATI_PLOT_SCENE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"
#include "io/png.h"

typedef enum leati_hue {
#define HUE(name, css, light, dark) LEATI_HUE_##name,
#include "plot/hues.def"
#undef HUE
    LEATI_HUE_COUNT
} leati_hue;

/* The i-th colour of series, in turn. */
static inline leati_hue leati_hue_series(size_t i)
{
    return (leati_hue)(LEATI_HUE_SERIES1 + i % 8);
}

typedef struct leati_ink {
    leati_hue fill, stroke; /* NONE: not filled, not stroked */
    double opacity;         /* of the fill, 0 stands for 1 */
    double width;           /* of the stroke, 0 stands for 1 */
    bool dashed;
} leati_ink;

typedef enum leati_anchor { LEATI_START, LEATI_MIDDLE, LEATI_END } leati_anchor;

typedef struct leati_font {
    leati_hue hue; /* NONE stands for TEXT */
    double size;   /* 0 stands for 12 */
    bool bold;
    leati_anchor anchor;
    double turn; /* degrees, clockwise, about (x, y) */
} leati_font;

typedef enum leati_shape_kind {
    LEATI_SHAPE_LINE,   /* x, y to w, h */
    LEATI_SHAPE_PATH,   /* open, through the points */
    LEATI_SHAPE_AREA,   /* closed */
    LEATI_SHAPE_RECT,   /* x, y, w, h; corner radius r */
    LEATI_SHAPE_CIRCLE, /* x, y, r */
    LEATI_SHAPE_IMAGE,  /* x, y, w, h */
    LEATI_SHAPE_TEXT    /* baseline at x, y */
} leati_shape_kind;

typedef struct leati_shape {
    leati_shape_kind kind;
    leati_ink ink;
    leati_font font;
    double x, y, w, h, r;
    double *points; /* (count, 2) */
    size_t count;
    leati_pixels pixels; /* IMAGE */
    char *text;          /* TEXT */
    char *hover;         /* shown while the pointer rests on the shape; NULL: nothing */
} leati_shape;

typedef struct leati_scene {
    leat_context *context;
    leati_arena arena;
    double width, height;
    char *title, *about; /* for people who hear the chart: its name and what it shows */
    leati_shape *shapes;
    size_t count, capacity;
    leat_status status; /* of the first call that failed */
} leati_scene;

/* NULL on failure (recorded). Sizes are held to 1 .. 10,000. */
leati_scene *leati_scene_create(leat_context *c, double width, double height);
void leati_scene_destroy(leati_scene *s); /* NULL is fine */
void leati_scene_describe(leati_scene *s, const char *title, const char *about);

/* Each adds one shape. A shape with a coordinate that is not finite is left out, and coordinates
 * are held to +-100,000. A failure is kept in `status`, and later calls do nothing. */
void leati_scene_line(leati_scene *s, double x1, double y1, double x2, double y2, leati_ink ink);
/* Points that are not finite break the path into pieces. xy: (count, 2). */
void leati_scene_path(leati_scene *s, const double *xy, size_t count, leati_ink ink);
void leati_scene_area(leati_scene *s, const double *xy, size_t count, leati_ink ink);
void leati_scene_rect(leati_scene *s, double x, double y, double w, double h, double radius,
                      leati_ink ink);
void leati_scene_circle(leati_scene *s, double x, double y, double radius, leati_ink ink);
/* A picture filling the box, its pixels as squares where it is enlarged. */
void leati_scene_image(leati_scene *s, double x, double y, double w, double h,
                       const leati_pixels *pixels);
void leati_scene_text(leati_scene *s, double x, double y, leati_font font, const char *text);
/* Cut with an ellipsis to `width` pixels; the whole text is then shown on hover. */
void leati_scene_text_fit(leati_scene *s, double x, double y, double width, leati_font font,
                          const char *text);
/* A hover text for the shape added last. */
void leati_scene_hover(leati_scene *s, const char *format, ...) LEAT_PRINTF(2, 3);

/* Hand a finished scene over: NULL when an addition failed, and then the scene is destroyed. */
leati_scene *leati_scene_finish(leati_scene *s);

/* Free space around a scene that is a file of its own, in pixels. */
enum { LEATI_SCENE_MARGIN = 16 };

typedef enum leati_svg_form {
    LEATI_SVG_FILE,    /* a file of its own, with styles and margin; follows the viewer's light or
                          dark mode */
    LEATI_SVG_FRAGMENT /* inside HTML that has the styles of leati_scene_css */
} leati_svg_form;

/* Append the scene. NULL scene: forwards the recorded error, so that a chart can be nested. */
leat_status leati_scene_svg(const leati_scene *s, leati_str *out, leati_svg_form form);
/* The classes of fragments, below the selector `scope` (".chart"); dark by the viewer's choice. */
void leati_scene_css(leati_str *out, const char *scope);
/* Append text with the characters of markup escaped, safe in elements and in quoted attributes
 * of XML and HTML; see leati_text_next for bytes that are not text. */
void leati_markup_text(leati_str *out, const char *text);

/* Write a PNG, with a margin, at `scale` pixels a unit (2 is usual; held to 0.5 .. 8). The file
 * appears complete or not at all. UNSUPPORTED without cairo. */
leat_status leati_scene_png(const leati_scene *s, leat_context *c, const char *path, double scale,
                            bool dark);

#endif
