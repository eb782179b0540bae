/* Owns: images as PNG files (ISO/IEC 15948). Not: charts (plot), reading (io/image.c). */
#include <leat/image.h>

#include <math.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

enum { GAP = 1 };

static const uint64_t most_pixels = (uint64_t)1 << 28;

typedef struct picture {
    size_t width, height, channels, line; /* line: bytes of a row, with the filter's byte */
    uint8_t *bytes;                       /* (height, line) */
} picture;

static void put_u32(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void write_chunk(leati_writer *w, const char *type, const uint8_t *data, size_t bytes)
{
    uint8_t word[4];
    put_u32(word, (uint32_t)bytes);
    leati_writer_write(w, word, sizeof word);
    leati_writer_write(w, type, 4);
    leati_writer_write(w, data, bytes);
    put_u32(word, leati_crc32(leati_crc32(0, type, 4), data, bytes));
    leati_writer_write(w, word, sizeof word);
}

static leat_status write_png(leat_context *c, const char *path, const picture *p)
{
    static const uint8_t magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t head[13] = {0};
    leati_writer *w;
    uLongf packed = compressBound((uLong)(p->line * p->height));
    uint8_t *data = leati_alloc(c, packed);
    if (!data) return leat_error_status(c);
    if (compress2(data, &packed, p->bytes, (uLong)(p->line * p->height), 6) != Z_OK) {
        leati_free(data);
        return LEATI_FAIL(c, LEAT_NOMEM, "%s: no memory to pack the image", path);
    }
    put_u32(head, (uint32_t)p->width);
    put_u32(head + 4, (uint32_t)p->height);
    head[8] = 8;                        /* bits */
    head[9] = p->channels == 3 ? 2 : 0; /* colour type */
    leat_status st = leati_writer_open(c, &w, path);
    if (st == LEAT_OK) {
        leati_writer_write(w, magic, sizeof magic);
        write_chunk(w, "IHDR", head, sizeof head);
        write_chunk(w, "IDAT", data, packed);
        write_chunk(w, "IEND", head, 0);
        st = leati_writer_commit(w);
    }
    leati_free(data);
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
        uint8_t *to = p->bytes + (top + i) * p->line + 1 + left * p->channels;
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
    p.line = 1 + p.width * p.channels;
    p.bytes = leati_array(c, p.height, p.line);
    if (!p.bytes) return leat_error_status(c);
    memset(p.bytes, 255, p.height * p.line);
    for (size_t i = 0; i < p.height; i++) p.bytes[i * p.line] = 0; /* no filter */
    for (size_t k = 0; k < n; k++)
        draw(&p, images + k * h * w * p.channels, &shape, k / columns * (h + GAP),
             k % columns * (w + GAP), low, high);
    leat_status st = write_png(c, path, &p);
    leati_free(p.bytes);
    return st;
}
