/* Pixels out of PNG, JPEG, BMP and PNM files. */
#ifndef LEATI_IO_IMAGE_H
#define LEATI_IO_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

/* Images with more pixels are refused. */
enum { LEATI_IMAGE_MOST_PIXELS = 1 << 26 };

typedef enum leati_image_kind {
    LEATI_IMAGE_NONE,
    LEATI_IMAGE_PNG,
    LEATI_IMAGE_JPEG,
    LEATI_IMAGE_BMP,
    LEATI_IMAGE_PNM
} leati_image_kind;

/* channels: 1 (grey) or 3 (red, green, blue), as the file says, transparency aside. */
typedef struct leati_image_head {
    leati_image_kind kind;
    size_t width, height, channels;
} leati_image_head;

enum { LEATI_IMAGE_WHY = 160 };

/* By the first bytes. */
leati_image_kind leati_image_kind_of(const void *data, size_t size);

/* These two are for worker threads: they record nothing and say in `why` (of LEATI_IMAGE_WHY) what
 * is wrong. Errors: FORMAT (damaged, cut off, no image), LIMIT (too many pixels), UNSUPPORTED (a
 * build without the library; four colours), NOMEM. */
leat_status leati_image_probe(const void *data, size_t size, leati_image_head *head, char *why);
/* pixels (height, width, channels) of the head; `channels` 1 or 3: grey is
 * 0.299 red + 0.587 green + 0.114 blue. What is transparent shows white. 16 bits become 8. */
leat_status leati_image_decode(const leat_context *c, const void *data, size_t size,
                               const leati_image_head *head, size_t channels, uint8_t *pixels,
                               char *why);

/* from (h0, w0, channels) to (h, w, channels) with a triangle as wide as a pixel of the coarser of
 * the two, so that nothing is skipped on the way down. `room`: h0 * w * channels floats. */
void leati_image_resize(const uint8_t *from, size_t h0, size_t w0, size_t channels, uint8_t *to,
                        size_t h, size_t w, float *room);

#endif
