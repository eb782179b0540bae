/* Owns: reading PNM files (PBM, PGM, PPM), as text and in bytes, with up to 16 bits a sample. */
#include <stdio.h>
#include <string.h>

#include "io/image_formats.h"

typedef struct reader {
    const uint8_t *at, *end;
} reader;

typedef struct header {
    int kind; /* 1 to 6, as in P6 */
    size_t width, height, most;
    const uint8_t *data;
} header;

static leat_status damaged(char *why, const char *what)
{
    snprintf(why, LEATI_IMAGE_WHY, "a damaged PNM image: %s", what);
    return LEAT_FORMAT;
}

static bool is_space(uint8_t ch)
{
    return ch == ' ' || (ch >= '\t' && ch <= '\r');
}

/* Space, and comments up to the end of their line. */
static void skip(reader *r)
{
    for (; r->at < r->end && (is_space(*r->at) || *r->at == '#'); r->at++)
        if (*r->at == '#')
            while (r->at < r->end && *r->at != '\n' && *r->at != '\r') r->at++;
    if (r->at > r->end) r->at = r->end;
}

/* A number below 2^31; false where there is none. */
static bool number(reader *r, size_t *out)
{
    skip(r);
    size_t value = 0;
    const uint8_t *start = r->at;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        value = 10 * value + (size_t)(*r->at - '0');
        if (value > INT32_MAX) return false;
    }
    *out = value;
    return r->at > start;
}

static leat_status read_header(const void *data, size_t size, header *h, char *why)
{
    reader r = {data, (const uint8_t *)data + size};
    if (size < 3) return damaged(why, "it is cut off");
    h->kind = r.at[1] - '0';
    r.at += 2;
    h->most = 1;
    bool bits = h->kind == 1 || h->kind == 4;
    if (!number(&r, &h->width) || !number(&r, &h->height) || (!bits && !number(&r, &h->most)))
        return damaged(why, "its header");
    if (h->most < 1 || h->most > 65535) return damaged(why, "its greatest value");
    if (r.at == r.end || !is_space(*r.at)) return damaged(why, "it is cut off");
    h->data = r.at + 1; /* one character of space, then bytes of any kind */
    return LEAT_OK;
}

leat_status leati_pnm_probe(const void *data, size_t size, leati_image_head *head, char *why)
{
    header h;
    leat_status st = read_header(data, size, &h, why);
    if (st != LEAT_OK) return st;
    head->width = h.width;
    head->height = h.height;
    head->channels = h.kind == 3 || h.kind == 6 ? 3 : 1;
    return LEAT_OK;
}

/* The next sample of 0 to most; bits count x along their line. */
static bool sample(reader *r, const header *h, size_t x, size_t *out)
{
    if (h->kind == 1) { /* digits need no space between */
        skip(r);
        if (r->at == r->end || (*r->at != '0' && *r->at != '1')) return false;
        *out = *r->at++ == '0'; /* 1 is black */
        return true;
    }
    if (h->kind < 4) return number(r, out) && *out <= h->most;
    size_t bytes = h->most > 255 ? 2 : 1;
    if ((size_t)(r->end - r->at) < bytes) return false;
    if (h->kind == 4) {
        *out = !(*r->at >> (7 - x % 8) & 1);
        if (x % 8 == 7 || x + 1 == h->width) r->at++;
        return true;
    }
    *out = bytes == 2 ? (size_t)(r->at[0] << 8 | r->at[1]) : r->at[0];
    r->at += bytes;
    return *out <= h->most;
}

leat_status leati_pnm_decode(const void *data, size_t size, const leati_image_head *head,
                             size_t channels, uint8_t *pixels, char *why)
{
    header h;
    leat_status st = read_header(data, size, &h, why);
    if (st != LEAT_OK) return st;
    reader r = {h.data, (const uint8_t *)data + size};
    for (size_t y = 0; y < head->height; y++) {
        for (size_t x = 0; x < head->width * head->channels; x++) {
            size_t value;
            if (!sample(&r, &h, x, &value)) return damaged(why, "it is cut off, or no numbers");
            uint8_t byte = (uint8_t)((value * 255 + h.most / 2) / h.most);
            for (size_t k = 0; k < (head->channels == 3 ? 1 : channels); k++) *pixels++ = byte;
        }
    }
    return LEAT_OK;
}
