/* Owns: scenes as SVG 1.1 text, with the styles of both themes. Numbers have two decimals and
 * colours are classes, so the text depends on the scene alone. */
#include <string.h>

#include "base/error.h"
#include "plot/plot_text.h"
#include "plot/scene.h"

static const struct {
    const char *css;
    unsigned light, dark;
} hues[] = {
#define HUE(name, css, light, dark) {css, light, dark},
#include "plot/hues.def"
#undef HUE
};

void leati_markup_text(leati_str *out, const char *text)
{
    while (*text) {
        char bytes[4];
        uint32_t ch = leati_text_next(&text);
        switch (ch) {
        case '&': leati_str_add(out, "&amp;"); break;
        case '<': leati_str_add(out, "&lt;"); break;
        case '>': leati_str_add(out, "&gt;"); break;
        case '"': leati_str_add(out, "&quot;"); break;
        case '\'': leati_str_add(out, "&#39;"); break;
        default: leati_str_addn(out, bytes, leati_text_encode(ch, bytes));
        }
    }
}

/* Two decimals, without zeros at the end. */
static void number(leati_str *out, double value)
{
    char text[LEATI_FIXED_SIZE];
    size_t n = leati_fixed(value, 2, text);
    while (text[n - 1] == '0') n--;
    if (text[n - 1] == '.') n--;
    leati_str_addn(out, text, n);
}

static void attribute(leati_str *out, const char *name, double value)
{
    leati_str_addf(out, " %s=\"", name);
    number(out, value);
    leati_str_addc(out, '"');
}

static void theme(leati_str *out, const char *scope, bool dark)
{
    for (size_t i = 1; i < LEATI_HUE_COUNT; i++) {
        unsigned rgb = dark ? hues[i].dark : hues[i].light;
        leati_str_addf(out, "%s .f%s{fill:#%06x}%s .l%s{stroke:#%06x}\n", scope, hues[i].css, rgb,
                       scope, hues[i].css, rgb);
    }
}

void leati_scene_css(leati_str *out, const char *scope)
{
    leati_str_addf(out,
                   "%s text{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica "
                   "Neue\",Arial,sans-serif}\n",
                   scope);
    leati_str_addf(out, "%s .p{fill:none;stroke-linejoin:round;stroke-linecap:round}\n", scope);
    theme(out, scope, false);
    leati_str_add(out, "@media (prefers-color-scheme:dark){\n");
    theme(out, scope, true);
    leati_str_add(out, "}\n");
    leati_str_add(out, "@media print{\n");
    theme(out, scope, false);
    leati_str_add(out, "}\n");
}

/* Shapes of equal ink that follow each other share one group. */
static bool same_group(const leati_shape *a, const leati_shape *b)
{
    return a->kind == b->kind && a->ink.fill == b->ink.fill && a->ink.stroke == b->ink.stroke &&
           a->ink.opacity == b->ink.opacity && a->ink.width == b->ink.width &&
           a->ink.dashed == b->ink.dashed && a->font.size == b->font.size &&
           a->font.bold == b->font.bold && a->font.anchor == b->font.anchor;
}

static void open_group(leati_str *out, const leati_shape *shape)
{
    const leati_ink *ink = &shape->ink;
    bool stroked = ink->stroke != LEATI_HUE_NONE, filled = ink->fill != LEATI_HUE_NONE;
    leati_str_add(out, "<g class=\"");
    if (!filled) leati_str_add(out, "p");
    if (filled) leati_str_addf(out, "f%s", hues[ink->fill].css);
    if (stroked) leati_str_addf(out, " l%s", hues[ink->stroke].css);
    leati_str_addc(out, '"');
    if (filled && ink->opacity < 1) attribute(out, "fill-opacity", ink->opacity);
    if (stroked && ink->width != 1) attribute(out, "stroke-width", ink->width);
    if (stroked && ink->dashed) leati_str_add(out, " stroke-dasharray=\"4 4\"");
    if (shape->kind == LEATI_SHAPE_TEXT) {
        attribute(out, "font-size", shape->font.size);
        if (shape->font.bold) leati_str_add(out, " font-weight=\"600\"");
        if (shape->font.anchor == LEATI_MIDDLE) leati_str_add(out, " text-anchor=\"middle\"");
        if (shape->font.anchor == LEATI_END) leati_str_add(out, " text-anchor=\"end\"");
    }
    leati_str_add(out, ">\n");
}

static void points(leati_str *out, const leati_shape *shape)
{
    leati_str_add(out, " points=\"");
    for (size_t i = 0; i < shape->count; i++) {
        if (i) leati_str_addc(out, ' ');
        number(out, shape->points[2 * i]);
        leati_str_addc(out, ',');
        number(out, shape->points[2 * i + 1]);
    }
    leati_str_addc(out, '"');
}

static void image(leati_str *out, const leati_pixels *pixels)
{
    leat_status st = leati_png_add_uri(out->context, pixels, out);
    if (out->status == LEAT_OK) out->status = st;
}

static const char *open_element(leati_str *out, const leati_shape *shape)
{
    switch (shape->kind) {
    case LEATI_SHAPE_LINE:
        leati_str_add(out, "<line");
        attribute(out, "x1", shape->x);
        attribute(out, "y1", shape->y);
        attribute(out, "x2", shape->w);
        attribute(out, "y2", shape->h);
        return "line";
    case LEATI_SHAPE_PATH:
        leati_str_add(out, "<polyline");
        points(out, shape);
        return "polyline";
    case LEATI_SHAPE_AREA:
        leati_str_add(out, "<polygon");
        points(out, shape);
        return "polygon";
    case LEATI_SHAPE_RECT:
        leati_str_add(out, "<rect");
        attribute(out, "x", shape->x);
        attribute(out, "y", shape->y);
        attribute(out, "width", shape->w);
        attribute(out, "height", shape->h);
        if (shape->r > 0) attribute(out, "rx", shape->r);
        return "rect";
    case LEATI_SHAPE_CIRCLE:
        leati_str_add(out, "<circle");
        attribute(out, "cx", shape->x);
        attribute(out, "cy", shape->y);
        attribute(out, "r", shape->r);
        return "circle";
    case LEATI_SHAPE_IMAGE:
        leati_str_add(out, "<image");
        attribute(out, "x", shape->x);
        attribute(out, "y", shape->y);
        attribute(out, "width", shape->w);
        attribute(out, "height", shape->h);
        leati_str_addf(out, " preserveAspectRatio=\"none\"%s href=\"",
                       shape->w > 1.5 * (double)shape->pixels.width
                           ? " style=\"image-rendering:pixelated\""
                           : "");
        image(out, &shape->pixels);
        leati_str_addc(out, '"');
        return "image";
    default: break;
    }
    leati_str_add(out, "<text");
    attribute(out, "x", shape->x);
    attribute(out, "y", shape->y);
    return "text";
}

static void element(leati_str *out, const leati_shape *shape)
{
    const char *name = open_element(out, shape);
    bool text = shape->kind == LEATI_SHAPE_TEXT;
    if (text && shape->font.turn != 0) {
        leati_str_add(out, " transform=\"rotate(");
        number(out, shape->font.turn);
        leati_str_addc(out, ' ');
        number(out, shape->x);
        leati_str_addc(out, ' ');
        number(out, shape->y);
        leati_str_add(out, ")\"");
    }
    if (!text && !shape->hover) {
        leati_str_add(out, "/>\n");
        return;
    }
    leati_str_addc(out, '>');
    if (shape->hover) {
        leati_str_add(out, "<title>");
        leati_markup_text(out, shape->hover);
        leati_str_add(out, "</title>");
    }
    if (text) leati_markup_text(out, shape->text);
    leati_str_addf(out, "</%s>\n", name);
}

static void head(const leati_scene *s, leati_str *out, leati_svg_form form)
{
    leati_str_add(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"leat\" role=\"img\"");
    double margin = form == LEATI_SVG_FILE ? LEATI_SCENE_MARGIN : 0;
    attribute(out, "width", s->width + 2 * margin);
    attribute(out, "height", s->height + 2 * margin);
    leati_str_add(out, " viewBox=\"");
    number(out, -margin);
    leati_str_addc(out, ' ');
    number(out, -margin);
    leati_str_addc(out, ' ');
    number(out, s->width + 2 * margin);
    leati_str_addc(out, ' ');
    number(out, s->height + 2 * margin);
    leati_str_add(out, "\">\n");
    if (s->title) {
        leati_str_add(out, "<title>");
        leati_markup_text(out, s->title);
        leati_str_add(out, "</title>\n");
    }
    if (s->about) {
        leati_str_add(out, "<desc>");
        leati_markup_text(out, s->about);
        leati_str_add(out, "</desc>\n");
    }
    if (form == LEATI_SVG_FRAGMENT) return;
    leati_str_add(out, "<style>\n");
    leati_scene_css(out, ".leat");
    leati_str_add(out, "</style>\n");
    leati_str_addf(out,
                   "<g class=\"f%s\"><rect x=\"-%d\" y=\"-%d\" width=\"100%%\" "
                   "height=\"100%%\"/></g>\n",
                   hues[LEATI_HUE_SURFACE].css, LEATI_SCENE_MARGIN, LEATI_SCENE_MARGIN);
}

leat_status leati_scene_svg(const leati_scene *s, leati_str *out, leati_svg_form form)
{
    if (!s) return leat_error_status(out->context) ? leat_error_status(out->context) : LEAT_NOMEM;
    if (s->status != LEAT_OK) return s->status;
    head(s, out, form);
    for (size_t i = 0; i < s->count; i++) {
        if (i == 0 || !same_group(&s->shapes[i], &s->shapes[i - 1])) {
            if (i) leati_str_add(out, "</g>\n");
            open_group(out, &s->shapes[i]);
        }
        element(out, &s->shapes[i]);
    }
    leati_str_add(out, s->count ? "</g>\n</svg>\n" : "</svg>\n");
    return leati_str_status(out);
}
