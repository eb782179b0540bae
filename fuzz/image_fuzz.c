/* PNG, JPEG, BMP and PNM images from anywhere: a head, then pixels, grey and coloured, and another size. */
#include <stdlib.h>

#include "base/mem.h"
#include "io/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Larger images are left alone, for speed. */
enum { MOST = 1 << 16 };

static void decode(leat_context *c, const uint8_t *data, size_t size, const leati_image_head *h,
                   size_t channels)
{
    char why[LEATI_IMAGE_WHY];
    float room[MOST / 2];
    uint8_t small[7 * 5 * 3];
    uint8_t *pixels = leati_alloc(c, h->width * h->height * channels);
    if (pixels && leati_image_decode(c, data, size, h, channels, pixels, why) == LEAT_OK &&
        h->height * 5 * channels <= MOST / 2)
        leati_image_resize(pixels, h->height, h->width, channels, small, 7, 5, room);
    leati_free(pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leati_image_head head;
    char why[LEATI_IMAGE_WHY];
    o.threads = 1;
    if (leat_context_create(&c, &o) != LEAT_OK) abort();
    leat_status st = leati_image_probe(data, size, &head, why);
    if (st == LEAT_OK && head.width * head.height <= MOST) {
        decode(c, data, size, &head, 1);
        decode(c, data, size, &head, 3);
    }
    leat_context_destroy(c);
    return 0;
}
