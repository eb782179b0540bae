/* Owns: scenes as PNG files, drawn by cairo from the same list of shapes as the SVG. */
#include "base/error.h"
#include "base/file.h"
#include "plot/scene.h"

#if LEAT_HAVE_CAIRO
#include <cairo.h>
#include <dlfcn.h>
#include <math.h>
#include <string.h>

/* The functions we use: F(result, name behind cairo_, parameters). */
#define FUNCTIONS(F)                                                                               \
    F(void, arc, (cairo_t *, double, double, double, double, double))                              \
    F(void, close_path, (cairo_t *))                                                               \
    F(cairo_t *, create, (cairo_surface_t *))                                                      \
    F(void, destroy, (cairo_t *))                                                                  \
    F(void, fill, (cairo_t *))                                                                     \
    F(void, fill_preserve, (cairo_t *))                                                            \
    F(cairo_pattern_t *, get_source, (cairo_t *))                                                  \
    F(cairo_surface_t *, image_surface_create, (cairo_format_t, int, int))                         \
    F(unsigned char *, image_surface_get_data, (cairo_surface_t *))                                \
    F(int, image_surface_get_stride, (cairo_surface_t *))                                          \
    F(void, line_to, (cairo_t *, double, double))                                                  \
    F(void, move_to, (cairo_t *, double, double))                                                  \
    F(void, new_path, (cairo_t *))                                                                 \
    F(void, new_sub_path, (cairo_t *))                                                             \
    F(void, paint, (cairo_t *))                                                                    \
    F(void, pattern_set_extend, (cairo_pattern_t *, cairo_extend_t))                               \
    F(void, pattern_set_filter, (cairo_pattern_t *, cairo_filter_t))                               \
    F(void, rectangle, (cairo_t *, double, double, double, double))                                \
    F(void, restore, (cairo_t *))                                                                  \
    F(void, rotate, (cairo_t *, double))                                                           \
    F(void, save, (cairo_t *))                                                                     \
    F(void, scale, (cairo_t *, double, double))                                                    \
    F(void, select_font_face, (cairo_t *, const char *, cairo_font_slant_t, cairo_font_weight_t))  \
    F(void, set_dash, (cairo_t *, const double *, int, double))                                    \
    F(void, set_font_size, (cairo_t *, double))                                                    \
    F(void, set_line_join, (cairo_t *, cairo_line_join_t))                                         \
    F(void, set_line_width, (cairo_t *, double))                                                   \
    F(void, set_source_rgba, (cairo_t *, double, double, double, double))                          \
    F(void, set_source_surface, (cairo_t *, cairo_surface_t *, double, double))                    \
    F(void, show_text, (cairo_t *, const char *))                                                  \
    F(cairo_status_t, status, (cairo_t *))                                                         \
    F(const char *, status_to_string, (cairo_status_t))                                            \
    F(void, stroke, (cairo_t *))                                                                   \
    F(void, surface_destroy, (cairo_surface_t *))                                                  \
    F(void, surface_flush, (cairo_surface_t *))                                                    \
    F(void, surface_mark_dirty, (cairo_surface_t *))                                               \
    F(cairo_status_t, surface_status, (cairo_surface_t *))                                         \
    F(cairo_status_t, surface_write_to_png_stream,                                                 \
      (cairo_surface_t *, cairo_write_func_t, void *))                                             \
    F(void, text_extents, (cairo_t *, const char *, cairo_text_extents_t *))                       \
    F(void, translate, (cairo_t *, double, double))

/* Opened when the first picture is drawn: with what cairo itself needs, a dozen libraries that
 * would take longer to load at the start of every command than most of them run. */
typedef struct library {
#define F(result, name, parameters) result(*name) parameters;
    FUNCTIONS(F)
#undef F
} library;

#define F(result, name, parameters)                                                                \
    _Static_assert(_Generic(cairo_##name, result(*) parameters : 1, default : 0), "cairo_" #name);
FUNCTIONS(F)
#undef F

/* ISO C has no cast from object to function pointer: the bits are copied. */
static bool find(void *handle, const char *name, void *to)
{
    void *symbol = dlsym(handle, name);
    memcpy(to, &symbol, sizeof symbol);
    return symbol != NULL;
}

static leat_status library_open(leat_context *c, library *lib)
{
    static const char *const names[] = {"libcairo.so.2", "libcairo.2.dylib"};
    void *handle = NULL;
    for (size_t i = 0; !handle && i < sizeof names / sizeof *names; i++)
        handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    LEATI_CHECK(c, handle, LEAT_UNSUPPORTED,
                "charts as PNG need libcairo, which is not installed\n"
                "on Debian or Ubuntu: apt install libcairo2; or write an .svg instead");
    bool good = true;
#define F(result, name, parameters) good = find(handle, "cairo_" #name, &lib->name) && good;
    FUNCTIONS(F)
#undef F
    dlclose(handle);
    LEATI_CHECK(c, good, LEAT_UNSUPPORTED, "the installed libcairo lacks functions Leat needs");
    return LEAT_OK;
}

typedef struct png_target {
    const library *lib;
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
    const library *k = t->lib;
    unsigned rgb = t->dark ? dark[hue] : light[hue];
    k->set_source_rgba(t->cairo, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0,
                       opacity);
}

static void draw_text(const png_target *t, const leati_shape *shape)
{
    const library *k = t->lib;
    cairo_text_extents_t size;
    k->save(t->cairo);
    k->select_font_face(t->cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                        shape->font.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    k->set_font_size(t->cairo, shape->font.size);
    k->text_extents(t->cairo, shape->text, &size);
    double back = shape->font.anchor == LEATI_START    ? 0
                  : shape->font.anchor == LEATI_MIDDLE ? size.x_advance / 2
                                                       : size.x_advance;
    k->translate(t->cairo, shape->x, shape->y);
    k->rotate(t->cairo, shape->font.turn * (3.14159265358979323846 / 180));
    k->move_to(t->cairo, -back, 0);
    set_colour(t, shape->ink.fill, shape->ink.opacity);
    k->show_text(t->cairo, shape->text);
    k->restore(t->cairo);
}

static void trace_rect(const png_target *t, const leati_shape *shape)
{
    const library *k = t->lib;
    cairo_t *cairo = t->cairo;
    const double right = 3.14159265358979323846 / 2;
    double x = shape->x, y = shape->y, w = shape->w, h = shape->h, r = shape->r;
    if (r <= 0) {
        k->rectangle(cairo, x, y, w, h);
        return;
    }
    k->new_sub_path(cairo);
    k->arc(cairo, x + w - r, y + r, r, -right, 0);
    k->arc(cairo, x + w - r, y + h - r, r, 0, right);
    k->arc(cairo, x + r, y + h - r, r, right, 2 * right);
    k->arc(cairo, x + r, y + r, r, 2 * right, 3 * right);
    k->close_path(cairo);
}

static void trace(const png_target *t, const leati_shape *shape)
{
    const library *k = t->lib;
    cairo_t *cairo = t->cairo;
    k->new_path(cairo);
    switch (shape->kind) {
    case LEATI_SHAPE_LINE:
        k->move_to(cairo, shape->x, shape->y);
        k->line_to(cairo, shape->w, shape->h);
        break;
    case LEATI_SHAPE_PATH:
    case LEATI_SHAPE_AREA:
        for (size_t i = 0; i < shape->count; i++)
            k->line_to(cairo, shape->points[2 * i], shape->points[2 * i + 1]);
        if (shape->kind == LEATI_SHAPE_AREA) k->close_path(cairo);
        break;
    case LEATI_SHAPE_RECT: trace_rect(t, shape); break;
    default: k->arc(cairo, shape->x, shape->y, shape->r, 0, 2 * 3.14159265358979323846);
    }
}

/* 0x00RRGGBB words, as cairo wants them. */
static cairo_surface_t *surface_of(const library *k, const leati_pixels *p)
{
    cairo_surface_t *s = k->image_surface_create(CAIRO_FORMAT_RGB24, (int)p->width, (int)p->height);
    if (k->surface_status(s) != CAIRO_STATUS_SUCCESS) return s;
    k->surface_flush(s);
    size_t stride = (size_t)k->image_surface_get_stride(s);
    for (size_t y = 0; y < p->height; y++) {
        unsigned char *row = k->image_surface_get_data(s) + y * stride;
        for (size_t x = 0; x < p->width; x++) {
            const uint8_t *at = p->data + (y * p->width + x) * p->channels;
            size_t g = p->channels == 3 ? 1 : 0;
            uint32_t word = (uint32_t)at[0] << 16 | (uint32_t)at[g] << 8 | at[2 * g];
            memcpy(row + 4 * x, &word, sizeof word);
        }
    }
    k->surface_mark_dirty(s);
    return s;
}

static void draw_image(const png_target *t, const leati_shape *shape)
{
    const library *k = t->lib;
    cairo_surface_t *image = surface_of(k, &shape->pixels);
    k->save(t->cairo);
    k->translate(t->cairo, shape->x, shape->y);
    k->scale(t->cairo, shape->w / (double)shape->pixels.width,
             shape->h / (double)shape->pixels.height);
    k->set_source_surface(t->cairo, image, 0, 0);
    bool squares = shape->w > 1.5 * (double)shape->pixels.width;
    k->pattern_set_filter(k->get_source(t->cairo),
                          squares ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD);
    k->pattern_set_extend(k->get_source(t->cairo), CAIRO_EXTEND_PAD);
    k->rectangle(t->cairo, 0, 0, (double)shape->pixels.width, (double)shape->pixels.height);
    k->fill(t->cairo);
    k->restore(t->cairo);
    k->surface_destroy(image);
}

static void draw(const png_target *t, const leati_shape *shape)
{
    static const double dashes[] = {4, 4};
    const library *k = t->lib;
    if (shape->kind == LEATI_SHAPE_IMAGE) {
        draw_image(t, shape);
        return;
    }
    if (shape->kind == LEATI_SHAPE_TEXT) {
        draw_text(t, shape);
        return;
    }
    trace(t, shape);
    if (shape->ink.fill != LEATI_HUE_NONE) {
        set_colour(t, shape->ink.fill, shape->ink.opacity);
        k->fill_preserve(t->cairo);
    }
    if (shape->ink.stroke != LEATI_HUE_NONE) {
        set_colour(t, shape->ink.stroke, 1);
        k->set_line_width(t->cairo, shape->ink.width);
        k->set_dash(t->cairo, dashes, shape->ink.dashed ? 2 : 0, 0);
        k->stroke(t->cairo);
    }
}

static cairo_status_t write_bytes(void *writer, const unsigned char *data, unsigned length)
{
    leati_writer_write(writer, data, length);
    return CAIRO_STATUS_SUCCESS;
}

static leat_status save(leat_context *c, const library *k, cairo_surface_t *surface,
                        const char *path)
{
    leati_writer *writer;
    LEATI_TRY(leati_writer_open(c, &writer, path));
    cairo_status_t st = k->surface_write_to_png_stream(surface, write_bytes, writer);
    if (st == CAIRO_STATUS_SUCCESS) return leati_writer_commit(writer);
    leati_writer_abort(writer);
    leat_status why = st == CAIRO_STATUS_NO_MEMORY ? LEAT_NOMEM : LEAT_IO;
    return LEATI_FAIL(c, why, "%s: the picture cannot be written: %s", path,
                      k->status_to_string(st));
}

leat_status leati_scene_png(const leati_scene *s, leat_context *c, const char *path, double scale,
                            bool dark)
{
    if (!s) return leat_error_status(c) ? leat_error_status(c) : LEAT_NOMEM;
    if (s->status != LEAT_OK) return s->status;
    library lib;
    const library *k = &lib;
    LEATI_TRY(library_open(c, &lib));
    double width = s->width + 2 * LEATI_SCENE_MARGIN, height = s->height + 2 * LEATI_SCENE_MARGIN;
    double most = 32000 / fmax(width, height); /* cairo's limit on the pixels of a side */
    scale = fmin(scale > 0.5 ? fmin(scale, 8) : 0.5, most);
    cairo_surface_t *surface = k->image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(width * scale),
                                                       (int)ceil(height * scale));
    png_target target = {.lib = k, .cairo = k->create(surface), .dark = dark};
    k->scale(target.cairo, scale, scale);
    k->translate(target.cairo, LEATI_SCENE_MARGIN, LEATI_SCENE_MARGIN);
    k->set_line_join(target.cairo, CAIRO_LINE_JOIN_ROUND);
    set_colour(&target, LEATI_HUE_SURFACE, 1);
    k->paint(target.cairo);
    for (size_t i = 0; i < s->count; i++) draw(&target, &s->shapes[i]);
    cairo_status_t st = k->status(target.cairo);
    leat_status result = LEAT_OK;
    if (st == CAIRO_STATUS_SUCCESS) result = save(c, k, surface, path);
    else
        result = LEATI_FAIL(c, st == CAIRO_STATUS_NO_MEMORY ? LEAT_NOMEM : LEAT_INTERNAL,
                            "%s: the picture cannot be drawn: %s", path, k->status_to_string(st));
    k->destroy(target.cairo);
    k->surface_destroy(surface);
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
