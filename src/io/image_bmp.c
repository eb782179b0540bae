/* Owns: reading BMP files: 1, 4, 8, 16, 24 and 32 bits a pixel, with palettes and bit masks. Not:
 * run lengths. Transparency is passed over, as almost no writer of the format means it. */
#include <stdio.h>
#include <string.h>

#include "io/image_formats.h"

enum { RGB_PLAIN = 0, RGB_MASKS = 3, RGBA_MASKS = 6, FILE_HEADER = 14, INFO_HEADER = 40 };

typedef struct bitmap {
    const uint8_t *data, *palette, *pixels;
    size_t size, line, colours, colour_bytes;
    int64_t width, height;
    bool top_down;
    unsigned bits;
    uint32_t mask[3]; /* red, green, blue; of 16 and 32 bits */
} bitmap;

static uint32_t u16(const uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8);
}

static uint32_t u32(const uint8_t *p)
{
    return u16(p) | u16(p + 2) << 16;
}

static leat_status damaged(char *why, const char *what)
{
    snprintf(why, LEATI_IMAGE_WHY, "a damaged BMP image: %s", what);
    return LEAT_FORMAT;
}

/* The masks of 16 and 32 bits: those of the file, or the usual ones. */
static leat_status read_masks(bitmap *b, uint32_t compression, size_t header, char *why)
{
    static const uint32_t usual[2][3] = {{0x7c00, 0x3e0, 0x1f}, {0xff0000, 0xff00, 0xff}};
    memcpy(b->mask, usual[b->bits == 32], sizeof b->mask);
    if (compression == RGB_PLAIN) return LEAT_OK;
    /* Behind the header of 40 bytes, or within a longer one: at the same place. */
    size_t at = FILE_HEADER + INFO_HEADER;
    if (header < INFO_HEADER || b->size - at < 12) return damaged(why, "its masks are missing");
    for (size_t i = 0; i < 3; i++) {
        b->mask[i] = u32(b->data + at + 4 * i);
        if (b->mask[i] == 0) return damaged(why, "a colour without bits");
    }
    return LEAT_OK;
}

static leat_status read_sizes(bitmap *b, size_t header, char *why)
{
    const uint8_t *p = b->data + FILE_HEADER;
    bool core = header == 12;
    b->width = core ? (int64_t)u16(p + 4) : (int64_t)(int32_t)u32(p + 4);
    b->height = core ? (int64_t)u16(p + 6) : (int64_t)(int32_t)u32(p + 8);
    b->bits = core ? u16(p + 10) : u16(p + 14);
    b->top_down = b->height < 0;
    if (b->top_down) b->height = -b->height;
    if (b->width <= 0 || b->height <= 0 || b->width > LEATI_IMAGE_MOST_PIXELS ||
        b->height > INT32_MAX)
        return damaged(why, "its size is none");
    if (b->bits != 1 && b->bits != 4 && b->bits != 8 && b->bits != 16 && b->bits != 24 &&
        b->bits != 32)
        return damaged(why, "its number of bits is none of the format");
    b->line = ((size_t)b->width * b->bits + 31) / 32 * 4;
    return LEAT_OK;
}

static leat_status open_bitmap(bitmap *b, const void *data, size_t size, char *why)
{
    *b = (bitmap){.data = data, .size = size};
    if (size < FILE_HEADER + 12) return damaged(why, "it is cut off");
    size_t header = u32(b->data + FILE_HEADER), pixels = u32(b->data + 10);
    bool core = header == 12;
    if ((!core && header < INFO_HEADER) || header > size - FILE_HEADER)
        return damaged(why, "its header");
    leat_status st = read_sizes(b, header, why);
    if (st != LEAT_OK) return st;
    const uint8_t *p = b->data + FILE_HEADER;
    uint32_t compression = core ? RGB_PLAIN : u32(p + 16), used = core ? 0 : u32(p + 32);
    bool wide = b->bits == 16 || b->bits == 32;
    if (compression != RGB_PLAIN &&
        !(wide && (compression == RGB_MASKS || compression == RGBA_MASKS))) {
        snprintf(why, LEATI_IMAGE_WHY, "a BMP image that is compressed: save it as PNG");
        return LEAT_UNSUPPORTED;
    }
    if (wide && (st = read_masks(b, compression, header, why)) != LEAT_OK) return st;
    b->colour_bytes = core ? 3 : 4;
    b->palette = p + header;
    if (b->bits <= 8) {
        b->colours = used ? used : (size_t)1 << b->bits;
        size_t room = size - FILE_HEADER - header;
        if (b->colours > (size_t)1 << b->bits || b->colours > room / b->colour_bytes)
            return damaged(why, "its palette");
    }
    if (pixels > size || (size_t)b->height > (size - pixels) / b->line)
        return damaged(why, "it is cut off");
    b->pixels = b->data + pixels;
    return LEAT_OK;
}

/* A colour of `mask` bits as one of 8. */
static uint8_t part(uint32_t pixel, uint32_t mask)
{
    unsigned low = (unsigned)__builtin_ctz(mask);
    uint64_t most = mask >> low, value = (pixel & mask) >> low;
    return (uint8_t)((value * 255 + most / 2) / most);
}

static bool read_pixel(const bitmap *b, const uint8_t *line, size_t x, uint8_t *rgb)
{
    if (b->bits <= 8) {
        unsigned per = 8 / b->bits, shift = (per - 1 - (unsigned)(x % per)) * b->bits;
        size_t k = (size_t)line[x / per] >> shift & ((1u << b->bits) - 1);
        if (k >= b->colours) return false;
        const uint8_t *colour = b->palette + k * b->colour_bytes;
        for (int i = 0; i < 3; i++) rgb[i] = colour[2 - i];
    } else if (b->bits == 24) {
        for (size_t i = 0; i < 3; i++) rgb[i] = line[3 * x + 2 - i];
    } else {
        uint32_t pixel = b->bits == 16 ? u16(line + 2 * x) : u32(line + 4 * x);
        for (int i = 0; i < 3; i++) rgb[i] = part(pixel, b->mask[i]);
    }
    return true;
}

leat_status leati_bmp_probe(const void *data, size_t size, leati_image_head *head, char *why)
{
    bitmap b;
    leat_status st = open_bitmap(&b, data, size, why);
    if (st != LEAT_OK) return st;
    head->width = (size_t)b.width;
    head->height = (size_t)b.height;
    head->channels = 3;
    return LEAT_OK;
}

leat_status leati_bmp_decode(const void *data, size_t size, const leati_image_head *head,
                             uint8_t *pixels, char *why)
{
    bitmap b;
    leat_status st = open_bitmap(&b, data, size, why);
    if (st != LEAT_OK) return st;
    for (size_t y = 0; y < head->height; y++) {
        const uint8_t *line = b.pixels + (b.top_down ? y : head->height - 1 - y) * b.line;
        for (size_t x = 0; x < head->width; x++, pixels += 3)
            if (!read_pixel(&b, line, x, pixels)) return damaged(why, "a colour it does not have");
    }
    return LEAT_OK;
}
