/* Owns: scenes as PNG files, drawn by cairo from the same list of shapes as the SVG. */
#include "base/error.h"
#include "base/file.h"
#include "plot/scene.h"

#if LEAT_HAVE_CAIRO
#include <cairo.h>
#include <math.h>
#include <string.h>

typedef struct png_target {
    cairo_t *cairo;
    bool dark;
} png_target;

static void set_colour(const png_target *t, leati_hue hue, double opacity)
{
    static const unsigned light[] = {
#define HUE(name, css, bright, dim) bright,
#include "plot/hues.def"
#undef HUE
    };
    static const unsigned dark[] = {
#define HUE(name, css, bright, dim) dim,
#include "plot/hues.def"
#undef HUE
    };
    unsigned rgb = t->dark ? dark[hue] : light[hue];
    cairo_set_source_rgba(t->cairo, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0,
                          (rgb & 255) / 255.0, opacity);
}

static void draw_text(const png_target *t, const leati_shape *shape)
{
    cairo_text_extents_t size;
    cairo_save(t->cairo);
    cairo_select_font_face(t->cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           shape->font.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(t->cairo, shape->font.size);
    cairo_text_extents(t->cairo, shape->text, &size);
    double back = shape->font.anchor == LEATI_START    ? 0
                  : shape->font.anchor == LEATI_MIDDLE ? size.x_advance / 2
                                                       : size.x_advance;
    cairo_translate(t->cairo, shape->x, shape->y);
    cairo_rotate(t->cairo, shape->font.turn * (3.14159265358979323846 / 180));
    cairo_move_to(t->cairo, -back, 0);
    set_colour(t, shape->ink.fill, shape->ink.opacity);
    cairo_show_text(t->cairo, shape->text);
    cairo_restore(t->cairo);
}

static void trace_rect(cairo_t *cairo, const leati_shape *shape)
{
    const double right = 3.14159265358979323846 / 2;
    double x = shape->x, y = shape->y, w = shape->w, h = shape->h, r = shape->r;
    if (r <= 0) {
        cairo_rectangle(cairo, x, y, w, h);
        return;
    }
    cairo_new_sub_path(cairo);
    cairo_arc(cairo, x + w - r, y + r, r, -right, 0);
    cairo_arc(cairo, x + w - r, y + h - r, r, 0, right);
    cairo_arc(cairo, x + r, y + h - r, r, right, 2 * right);
    cairo_arc(cairo, x + r, y + r, r, 2 * right, 3 * right);
    cairo_close_path(cairo);
}

static void trace(cairo_t *cairo, const leati_shape *shape)
{
    cairo_new_path(cairo);
    switch (shape->kind) {
    case LEATI_SHAPE_LINE:
        cairo_move_to(cairo, shape->x, shape->y);
        cairo_line_to(cairo, shape->w, shape->h);
        break;
    case LEATI_SHAPE_PATH:
    case LEATI_SHAPE_AREA:
        for (size_t i = 0; i < shape->count; i++)
            cairo_line_to(cairo, shape->points[2 * i], shape->points[2 * i + 1]);
        if (shape->kind == LEATI_SHAPE_AREA) cairo_close_path(cairo);
        break;
    case LEATI_SHAPE_RECT: trace_rect(cairo, shape); break;
    default: cairo_arc(cairo, shape->x, shape->y, shape->r, 0, 2 * 3.14159265358979323846);
    }
}

/* 0x00RRGGBB words, as cairo wants them. */
static cairo_surface_t *surface_of(const leati_pixels *p)
{
    cairo_surface_t *s =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)p->width, (int)p->height);
    if (cairo_surface_status(s) != CAIRO_STATUS_SUCCESS) return s;
    cairo_surface_flush(s);
    size_t stride = (size_t)cairo_image_surface_get_stride(s);
    for (size_t y = 0; y < p->height; y++) {
        unsigned char *row = cairo_image_surface_get_data(s) + y * stride;
        for (size_t x = 0; x < p->width; x++) {
            const uint8_t *at = p->data + (y * p->width + x) * p->channels;
            size_t g = p->channels == 3 ? 1 : 0;
            uint32_t word = (uint32_t)at[0] << 16 | (uint32_t)at[g] << 8 | at[2 * g];
            memcpy(row + 4 * x, &word, sizeof word);
        }
    }
    cairo_surface_mark_dirty(s);
    return s;
}

static void draw_image(const png_target *t, const leati_shape *shape)
{
    cairo_surface_t *image = surface_of(&shape->pixels);
    cairo_save(t->cairo);
    cairo_translate(t->cairo, shape->x, shape->y);
    cairo_scale(t->cairo, shape->w / (double)shape->pixels.width,
                shape->h / (double)shape->pixels.height);
    cairo_set_source_surface(t->cairo, image, 0, 0);
    bool squares = shape->w > 1.5 * (double)shape->pixels.width;
    cairo_pattern_set_filter(cairo_get_source(t->cairo),
                             squares ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD);
    cairo_pattern_set_extend(cairo_get_source(t->cairo), CAIRO_EXTEND_PAD);
    cairo_rectangle(t->cairo, 0, 0, (double)shape->pixels.width, (double)shape->pixels.height);
    cairo_fill(t->cairo);
    cairo_restore(t->cairo);
    cairo_surface_destroy(image);
}

static void draw(const png_target *t, const leati_shape *shape)
{
    static const double dashes[] = {4, 4};
    if (shape->kind == LEATI_SHAPE_IMAGE) {
        draw_image(t, shape);
        return;
    }
    if (shape->kind == LEATI_SHAPE_TEXT) {
        draw_text(t, shape);
        return;
    }
    trace(t->cairo, shape);
    if (shape->ink.fill != LEATI_HUE_NONE) {
        set_colour(t, shape->ink.fill, shape->ink.opacity);
        cairo_fill_preserve(t->cairo);
    }
    if (shape->ink.stroke != LEATI_HUE_NONE) {
        set_colour(t, shape->ink.stroke, 1);
        cairo_set_line_width(t->cairo, shape->ink.width);
        cairo_set_dash(t->cairo, dashes, shape->ink.dashed ? 2 : 0, 0);
        cairo_stroke(t->cairo);
    }
}

static cairo_status_t write_bytes(void *writer, const unsigned char *data, unsigned length)
{
    leati_writer_write(writer, data, length);
    return CAIRO_STATUS_SUCCESS;
}

static leat_status save(leat_context *c, cairo_surface_t *surface, const char *path)
{
    leati_writer *writer;
    LEATI_TRY(leati_writer_open(c, &writer, path));
    cairo_status_t st = cairo_surface_write_to_png_stream(surface, write_bytes, writer);
    if (st == CAIRO_STATUS_SUCCESS) return leati_writer_commit(writer);
    leati_writer_abort(writer);
    leat_status why = st == CAIRO_STATUS_NO_MEMORY ? LEAT_NOMEM : LEAT_IO;
    return LEATI_FAIL(c, why, "%s: the picture cannot be written: %s", path,
                      cairo_status_to_string(st));
}

leat_status leati_scene_png(const leati_scene *s, leat_context *c, const char *path, double scale,
                            bool dark)
{
    if (!s) return leat_error_status(c) ? leat_error_status(c) : LEAT_NOMEM;
    if (s->status != LEAT_OK) return s->status;
    double width = s->width + 2 * LEATI_SCENE_MARGIN, height = s->height + 2 * LEATI_SCENE_MARGIN;
    double most = 32000 / fmax(width, height); /* cairo's limit on the pixels of a side */
    scale = fmin(scale > 0.5 ? fmin(scale, 8) : 0.5, most);
    cairo_surface_t *surface = cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, (int)ceil(width * scale), (int)ceil(height * scale));
    png_target target = {.cairo = cairo_create(surface), .dark = dark};
    cairo_scale(target.cairo, scale, scale);
    cairo_translate(target.cairo, LEATI_SCENE_MARGIN, LEATI_SCENE_MARGIN);
    cairo_set_line_join(target.cairo, CAIRO_LINE_JOIN_ROUND);
    set_colour(&target, LEATI_HUE_SURFACE, 1);
    cairo_paint(target.cairo);
    for (size_t i = 0; i < s->count; i++) draw(&target, &s->shapes[i]);
    cairo_status_t st = cairo_status(target.cairo);
    leat_status result = LEAT_OK;
    if (st == CAIRO_STATUS_SUCCESS) result = save(c, surface, path);
    else
        result =
            LEATI_FAIL(c, st == CAIRO_STATUS_NO_MEMORY ? LEAT_NOMEM : LEAT_INTERNAL,
                       "%s: the picture cannot be drawn: %s", path, cairo_status_to_string(st));
    cairo_destroy(target.cairo);
    cairo_surface_destroy(surface);
    return result;
}

#else

leat_status leati_scene_png(const leati_scene *s, leat_context *c, const char *path, double scale,
                            bool dark)
{
    (void)s;
    (void)scale;
    (void)dark;
    return LEATI_FAIL(c, LEAT_UNSUPPORTED,
                      "%s: this build of Leat writes no PNG (it was built without cairo)\n"
                      "write an .svg instead, or build with libcairo2-dev installed",
                      path);
}

#endif
