/* Owns: building scenes. Not: writing them (scene_svg.c, scene_png.c), layout (axes.c, charts). */
#include "plot/scene.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "plot/plot_text.h"

static const double FAR = 1e5;

static double held(double value, double least, double most)
{
    return value > least ? value < most ? value : most : least;
}

leati_scene *leati_scene_create(leat_context *c, double width, double height)
{
    leati_scene *s = leati_calloc(c, 1, sizeof *s);
    if (!s) return NULL;
    s->context = c;
    s->width = held(width, 1, 10000);
    s->height = held(height, 1, 10000);
    leati_arena_init(&s->arena, c);
    return s;
}

void leati_scene_destroy(leati_scene *s)
{
    if (!s) return;
    leati_arena_fini(&s->arena);
    leati_free(s->shapes);
    leati_free(s);
}

leati_scene *leati_scene_finish(leati_scene *s)
{
    if (!s || s->status == LEAT_OK) return s;
    leati_scene_destroy(s);
    return NULL;
}

static bool failed(leati_scene *s)
{
    if (s->status == LEAT_OK) {
        leat_status st = leat_error_status(s->context);
        s->status = st ? st : LEAT_NOMEM;
    }
    return true;
}

/* A copy that is well-formed UTF-8 without control characters. */
static char *clean(leati_scene *s, const char *text, size_t length)
{
    char *copy = leati_arena_alloc(&s->arena, length * 3 + 1); /* U+FFFD takes three bytes */
    if (!copy) {
        failed(s);
        return NULL;
    }
    const char *end = text + length;
    size_t n = 0;
    while (text < end && *text) n += leati_text_encode(leati_text_next(&text), copy + n);
    copy[n] = '\0';
    return copy;
}

void leati_scene_describe(leati_scene *s, const char *title, const char *about)
{
    if (s->status != LEAT_OK) return;
    if (title) s->title = clean(s, title, strlen(title));
    if (about) s->about = clean(s, about, strlen(about));
}

static leati_shape *add(leati_scene *s, leati_shape_kind kind, leati_ink ink)
{
    if (s->status != LEAT_OK) return NULL;
    if (leati_grow(s->context, &s->shapes, &s->capacity, s->count + 1, sizeof *s->shapes)) {
        failed(s);
        return NULL;
    }
    leati_shape *shape = &s->shapes[s->count++];
    if (ink.opacity <= 0) ink.opacity = 1;
    if (ink.width <= 0) ink.width = 1;
    *shape = (leati_shape){.kind = kind, .ink = ink};
    return shape;
}

static leati_shape *add_box(leati_scene *s, leati_shape_kind kind, const double at[4],
                            leati_ink ink)
{
    for (int i = 0; i < 4; i++)
        if (!isfinite(at[i])) return NULL;
    leati_shape *shape = add(s, kind, ink);
    if (!shape) return NULL;
    shape->x = held(at[0], -FAR, FAR);
    shape->y = held(at[1], -FAR, FAR);
    shape->w = held(at[2], -FAR, FAR);
    shape->h = held(at[3], -FAR, FAR);
    return shape;
}

void leati_scene_line(leati_scene *s, double x1, double y1, double x2, double y2, leati_ink ink)
{
    add_box(s, LEATI_SHAPE_LINE, (double[]){x1, y1, x2, y2}, ink);
}

void leati_scene_rect(leati_scene *s, double x, double y, double w, double h, double radius,
                      leati_ink ink)
{
    if (!(w > 0) || !(h > 0)) return;
    leati_shape *shape = add_box(s, LEATI_SHAPE_RECT, (double[]){x, y, w, h}, ink);
    if (shape) shape->r = held(radius, 0, fmin(w, h) / 2);
}

void leati_scene_circle(leati_scene *s, double x, double y, double radius, leati_ink ink)
{
    leati_shape *shape = add_box(s, LEATI_SHAPE_CIRCLE, (double[]){x, y, 0, 0}, ink);
    if (shape) shape->r = held(radius, 0, FAR);
}

void leati_scene_image(leati_scene *s, double x, double y, double w, double h,
                       const leati_pixels *from)
{
    if (!(w > 0) || !(h > 0) || s->status != LEAT_OK) return;
    if (!leati_pixels_check(from)) {
        s->status = LEATI_FAIL(s->context, LEAT_INVALID, "a picture of %zu x %zu x %zu pixels",
                               from->width, from->height, from->channels);
        return;
    }
    size_t bytes = from->width * from->height * from->channels;
    uint8_t *data = leati_arena_alloc(&s->arena, bytes);
    leati_shape *shape =
        data ? add_box(s, LEATI_SHAPE_IMAGE, (double[]){x, y, w, h}, (leati_ink){0}) : NULL;
    if (!data) failed(s);
    if (!shape) return;
    memcpy(data, from->data, bytes);
    shape->pixels = *from;
    shape->pixels.data = data;
}

static void add_points(leati_scene *s, leati_shape_kind kind, const double *xy, size_t count,
                       leati_ink ink)
{
    if (count < 2 || s->status != LEAT_OK) return;
    double *points = leati_arena_calloc(&s->arena, count, 2 * sizeof *points);
    leati_shape *shape = points ? add(s, kind, ink) : NULL;
    if (!shape) {
        failed(s);
        return;
    }
    for (size_t i = 0; i < 2 * count; i++) points[i] = held(xy[i], -FAR, FAR);
    shape->points = points;
    shape->count = count;
}

static bool finite_point(const double *xy, size_t i)
{
    return isfinite(xy[2 * i]) && isfinite(xy[2 * i + 1]);
}

void leati_scene_path(leati_scene *s, const double *xy, size_t count, leati_ink ink)
{
    size_t from = 0;
    for (size_t i = 0; i <= count; i++) {
        if (i < count && finite_point(xy, i)) continue;
        add_points(s, LEATI_SHAPE_PATH, xy + 2 * from, i - from, ink);
        from = i + 1;
    }
}

void leati_scene_area(leati_scene *s, const double *xy, size_t count, leati_ink ink)
{
    for (size_t i = 0; i < count; i++)
        if (!finite_point(xy, i)) return;
    if (count >= 3) add_points(s, LEATI_SHAPE_AREA, xy, count, ink);
}

static void add_text(leati_scene *s, double x, double y, leati_font font, char *text)
{
    if (font.size <= 0) font.size = 12;
    if (font.hue == LEATI_HUE_NONE) font.hue = LEATI_HUE_TEXT;
    if (!text || !*text || !isfinite(font.turn)) return;
    leati_ink ink = {.fill = font.hue};
    leati_shape *shape = add_box(s, LEATI_SHAPE_TEXT, (double[]){x, y, 0, 0}, ink);
    if (!shape) return;
    shape->font = font;
    shape->text = text;
}

void leati_scene_text(leati_scene *s, double x, double y, leati_font font, const char *text)
{
    if (s->status == LEAT_OK) add_text(s, x, y, font, clean(s, text, strlen(text)));
}

void leati_scene_text_fit(leati_scene *s, double x, double y, double width, leati_font font,
                          const char *text)
{
    if (s->status != LEAT_OK) return;
    size_t fits = leati_text_fit(text, font.size > 0 ? font.size : 12, font.bold, width);
    if (!text[fits]) {
        leati_scene_text(s, x, y, font, text);
        return;
    }
    char *cut = clean(s, text, fits), *whole = cut ? clean(s, text, strlen(text)) : NULL;
    size_t n = cut ? strlen(cut) : 0;
    char *shown = whole ? leati_arena_alloc(&s->arena, n + 4) : NULL;
    if (!shown) {
        failed(s);
        return;
    }
    memcpy(shown, cut, n);
    memcpy(shown + n, "\xe2\x80\xa6", 4);
    size_t before = s->count;
    add_text(s, x, y, font, shown);
    if (s->count > before) s->shapes[before].hover = whole;
}

void leati_scene_hover(leati_scene *s, const char *format, ...)
{
    if (s->status != LEAT_OK || s->count == 0) return;
    leati_str text;
    va_list args;
    leati_str_init(&text, s->context);
    va_start(args, format);
    leati_str_addv(&text, format, args);
    va_end(args);
    if (leati_str_status(&text) != LEAT_OK) failed(s);
    else s->shapes[s->count - 1].hover = clean(s, leati_str_text(&text), text.length);
    leati_str_fini(&text);
}
