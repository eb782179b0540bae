/* Owns: images side by side as one picture. Not: PNG (png.c), charts (plot), reading. */
#include <leat/image.h>

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "io/png.h"

enum { GAP = 1 };

static const uint64_t most_pixels = (uint64_t)1 << 28;

typedef struct picture {
    size_t width, height, channels, line; /* line: bytes of a row */
    uint8_t *bytes;                       /* (height, line) */
} picture;

static leat_status write_png(leat_context *c, const char *path, const picture *p)
{
    leati_pixels pixels = {p->bytes, p->width, p->height, p->channels};
    leati_str png;
    leati_str_init(&png, c);
    leat_status st = leati_png_add(c, &pixels, &png);
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(&png), png.length);
    leati_str_fini(&png);
    return st;
}

static uint8_t level(float v, double low, double high)
{
    double share = ((double)v - low) / (high - low);
    return share > 0 ? (uint8_t)lrint(255 * fmin(share, 1)) : 0;
}

static void draw(const picture *p, const float *image, const leat_shape *s, size_t top, size_t left,
                 double low, double high)
{
    size_t h = (size_t)s->dim[1], row = (size_t)(s->dim[2] * s->dim[3]);
    for (size_t i = 0; i < h; i++) {
        uint8_t *to = p->bytes + (top + i) * p->line + left * p->channels;
        for (size_t k = 0; k < row; k++) to[k] = level(image[i * row + k], low, high);
    }
}

leat_status leat_image_write(leat_context *c, const char *path, const float *images,
                             leat_shape shape, size_t columns, double low, double high)
{
    bool good = shape.rank == 4 && (shape.dim[3] == 1 || shape.dim[3] == 3);
    for (int i = 0; good && i < 3; i++) good = shape.dim[i] > 0 && shape.dim[i] < (1 << 28);
    LEATI_CHECK(c, good, LEAT_SHAPE,
                "%s: images are of shape (N, H, W, C) with 1 or 3 channels, none of them 0", path);
    LEATI_CHECK(c, columns > 0 && low != high && isfinite(high - low), LEAT_INVALID,
                "%s: images need at least one column, and black and white apart (%g, %g)", path,
                low, high);
    size_t n = (size_t)shape.dim[0], h = (size_t)shape.dim[1], w = (size_t)shape.dim[2];
    if (columns > n) columns = n;
    size_t rows = (n + columns - 1) / columns;
    picture p = {.width = columns * (w + GAP) - GAP,
                 .height = rows * (h + GAP) - GAP,
                 .channels = (size_t)shape.dim[3]};
    LEATI_CHECK(c, p.height <= most_pixels / p.width, LEAT_LIMIT,
                "%s: %zu x %zu pixels are too many for one picture", path, p.width, p.height);
    p.line = p.width * p.channels;
    p.bytes = leati_array(c, p.height, p.line);
    if (!p.bytes) return leat_error_status(c);
    memset(p.bytes, 255, p.height * p.line);
    for (size_t k = 0; k < n; k++)
        draw(&p, images + k * h * w * p.channels, &shape, k / columns * (h + GAP),
             k % columns * (w + GAP), low, high);
    leat_status st = write_png(c, path, &p);
    leati_free(p.bytes);
    return st;
}
