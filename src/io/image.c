/* Owns: what images of all formats share: their kind, limits, transparency, grey, size. */
#include "io/image.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "io/image_formats.h"

leati_image_kind leati_image_kind_of(const void *data, size_t size)
{
    if (size >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0) return LEATI_IMAGE_PNG;
    if (size >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0) return LEATI_IMAGE_JPEG;
    if (size >= 26 && memcmp(data, "BM", 2) == 0) return LEATI_IMAGE_BMP;
    const uint8_t *p = data;
    bool digit = size >= 3 && p[0] == 'P' && p[1] >= '1' && p[1] <= '6';
    if (digit && strchr(" \t\n\r#", p[2]) && p[2]) return LEATI_IMAGE_PNM;
    return LEATI_IMAGE_NONE;
}

leat_status leati_image_probe(const void *data, size_t size, leati_image_head *head, char *why)
{
    leat_status st;
    *head = (leati_image_head){.kind = leati_image_kind_of(data, size)};
    switch (head->kind) {
    case LEATI_IMAGE_PNG: st = leati_png_probe(data, size, head, why); break;
    case LEATI_IMAGE_JPEG: st = leati_jpeg_probe(data, size, head, why); break;
    case LEATI_IMAGE_BMP: st = leati_bmp_probe(data, size, head, why); break;
    case LEATI_IMAGE_PNM: st = leati_pnm_probe(data, size, head, why); break;
    default: snprintf(why, LEATI_IMAGE_WHY, "no PNG, JPEG, BMP or PNM image"); return LEAT_FORMAT;
    }
    if (st != LEAT_OK) return st;
    if (head->width == 0 || head->height == 0) {
        snprintf(why, LEATI_IMAGE_WHY, "an image of %zu x %zu pixels", head->height, head->width);
        return LEAT_FORMAT;
    }
    if (head->height > LEATI_IMAGE_MOST_PIXELS / head->width) {
        snprintf(why, LEATI_IMAGE_WHY, "%zu x %zu pixels are more than the %d that are read",
                 head->height, head->width, (int)LEATI_IMAGE_MOST_PIXELS);
        return LEAT_LIMIT;
    }
    return LEAT_OK;
}

static void to_grey(uint8_t *grey, const uint8_t *rgb, size_t count)
{
    for (size_t i = 0; i < count; i++, rgb += 3)
        grey[i] = (uint8_t)((299u * rgb[0] + 587u * rgb[1] + 114u * rgb[2] + 500) / 1000);
}

leat_status leati_image_decode(const leat_context *c, const void *data, size_t size,
                               const leati_image_head *head, size_t channels, uint8_t *pixels,
                               char *why)
{
    size_t count = head->width * head->height;
    bool mix = channels == 1 && head->channels == 3;
    uint8_t *room = mix ? leati_alloc_quiet(c, count * 3) : pixels;
    if (!room) {
        snprintf(why, LEATI_IMAGE_WHY, "no memory for %zu x %zu pixels", head->height, head->width);
        return LEAT_NOMEM;
    }
    size_t get = mix ? 3 : channels;
    leat_status st = LEAT_FORMAT;
    switch (head->kind) {
    case LEATI_IMAGE_PNG: st = leati_png_decode(c, data, size, head, get, room, why); break;
    case LEATI_IMAGE_JPEG: st = leati_jpeg_decode(data, size, head, get, room, why); break;
    case LEATI_IMAGE_BMP: st = leati_bmp_decode(data, size, head, room, why); break;
    case LEATI_IMAGE_PNM: st = leati_pnm_decode(data, size, head, get, room, why); break;
    case LEATI_IMAGE_NONE: snprintf(why, LEATI_IMAGE_WHY, "no image"); break;
    }
    if (mix) {
        if (st == LEAT_OK) to_grey(pixels, room, count);
        leati_free(room);
    }
    return st;
}

/* ---- size -------------------------------------------------------------------------------------
 */

/* The weights of inputs first .. first + count - 1 in output i of n, of m inputs: a triangle around
 * the centre, cut at the borders; they add up to 1 after division by *sum. */
typedef struct span {
    size_t first, count;
    double centre, reach, sum;
} span;

static double weight(const span *s, size_t k)
{
    return fmax(0, 1 - fabs(((double)k + 0.5 - s->centre) / s->reach));
}

static span span_of(size_t i, size_t n, size_t m)
{
    double ratio = (double)m / (double)n;
    span s = {.centre = ((double)i + 0.5) * ratio, .reach = fmax(ratio, 1)};
    double low = fmax(0, floor(s.centre - s.reach)), high = ceil(s.centre + s.reach);
    s.first = (size_t)low;
    s.count = (size_t)fmin(high, (double)m) - s.first;
    for (size_t k = 0; k < s.count; k++) s.sum += weight(&s, s.first + k);
    return s;
}

void leati_image_resize(const uint8_t *from, size_t h0, size_t w0, size_t channels, uint8_t *to,
                        size_t h, size_t w, float *room)
{
    size_t line = w * channels;
    memset(room, 0, h0 * line * sizeof *room);
    for (size_t j = 0; j < w; j++) {
        span s = span_of(j, w, w0);
        for (size_t k = s.first; k < s.first + s.count; k++) {
            float share = (float)(weight(&s, k) / s.sum);
            for (size_t i = 0; i < h0; i++)
                for (size_t q = 0; q < channels; q++)
                    room[i * line + j * channels + q] +=
                        share * (float)from[(i * w0 + k) * channels + q];
        }
    }
    for (size_t i = 0; i < h; i++) {
        span s = span_of(i, h, h0);
        for (size_t x = 0; x < line; x++) {
            double sum = 0;
            for (size_t k = s.first; k < s.first + s.count; k++)
                sum += weight(&s, k) * (double)room[k * line + x];
            to[i * line + x] = (uint8_t)lrint(fmin(fmax(sum / s.sum, 0), 255));
        }
    }
}
