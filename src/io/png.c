/* Owns: the PNG format and its base64 form. Not: drawing (plot/scene_png.c). */
#include "io/png.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"

bool leati_pixels_check(const leati_pixels *p)
{
    const size_t most = (size_t)1 << 28;
    return p->width && p->height && p->width <= most && p->height <= most / p->width &&
           (p->channels == 1 || p->channels == 3);
}

static void add_u32(leati_str *out, uint32_t value)
{
    char big[4];
    for (int i = 0; i < 4; i++) big[i] = (char)(value >> (24 - 8 * i) & 0xff);
    leati_str_addn(out, big, 4);
}

/* Length, type, data, CRC-32 of type and data (section 5.3). */
static void add_chunk(leati_str *out, const char *type, const void *data, size_t bytes)
{
    add_u32(out, (uint32_t)bytes);
    leati_str_addn(out, type, 4);
    leati_str_addn(out, data, bytes);
    add_u32(out, leati_crc32(leati_crc32(0, type, 4), data, bytes));
}

/* Every row after a byte that says how it is filtered: not at all, for small pictures gain little
 * by it. */
static uint8_t *rows_of(leat_context *c, const leati_pixels *p, size_t *bytes)
{
    size_t row = p->width * p->channels;
    *bytes = p->height * (row + 1);
    uint8_t *rows = leati_alloc(c, *bytes);
    for (size_t y = 0; rows && y < p->height; y++) {
        rows[y * (row + 1)] = 0;
        memcpy(rows + y * (row + 1) + 1, p->data + y * row, row);
    }
    return rows;
}

leat_status leati_png_add(leat_context *c, const leati_pixels *p, leati_str *out)
{
    LEATI_CHECK(c, leati_pixels_check(p), LEAT_INVALID,
                "a picture has 1 to 2^28 pixels and 1 or 3 channels, not %zu x %zu x %zu", p->width,
                p->height, p->channels);
    size_t bytes;
    uint8_t *rows = rows_of(c, p, &bytes);
    uLongf packed = compressBound((uLong)bytes);
    uint8_t *data = rows ? leati_alloc(c, packed) : NULL;
    leat_status st = data ? LEAT_OK : LEAT_NOMEM;
    if (st == LEAT_OK && compress2(data, &packed, rows, (uLong)bytes, 6) != Z_OK)
        st = LEATI_FAIL(c, LEAT_NOMEM, "no memory for packing a picture");
    if (st == LEAT_OK) {
        uint8_t head[13] = {[8] = 8, [9] = p->channels == 3 ? 2 : 0};
        for (int i = 0; i < 4; i++) {
            head[i] = (uint8_t)(p->width >> (24 - 8 * i));
            head[4 + i] = (uint8_t)(p->height >> (24 - 8 * i));
        }
        leati_str_addn(out, "\x89PNG\r\n\x1a\n", 8);
        add_chunk(out, "IHDR", head, sizeof head);
        add_chunk(out, "IDAT", data, packed);
        add_chunk(out, "IEND", "", 0);
        st = leati_str_status(out);
    }
    leati_free(data);
    leati_free(rows);
    return st;
}

static void add_base64(leati_str *out, const uint8_t *data, size_t bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes; i += 3) {
        size_t left = bytes - i;
        uint32_t three = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                         (left > 2 ? data[i + 2] : 0);
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
                        left > 1 ? digits[three >> 6 & 63] : '=',
                        left > 2 ? digits[three & 63] : '='};
        leati_str_addn(out, four, 4);
    }
}

leat_status leati_png_add_uri(leat_context *c, const leati_pixels *p, leati_str *out)
{
    leati_str png;
    leati_str_init(&png, c);
    leat_status st = leati_png_add(c, p, &png);
    if (st == LEAT_OK) {
        leati_str_add(out, "data:image/png;base64,");
        add_base64(out, (const uint8_t *)leati_str_text(&png), png.length);
        st = leati_str_status(out);
    }
    leati_str_fini(&png);
    return st;
}

void leati_pixels_scale(const float *values, size_t count, double lo, double hi, uint8_t *out)
{
    double by = hi > lo ? 255 / (hi - lo) : 0;
    for (size_t i = 0; i < count; i++) {
        double v = ((double)values[i] - lo) * by;
        out[i] = v >= 255 ? 255 : v > 0 ? (uint8_t)lrint(v) : 0;
    }
}
