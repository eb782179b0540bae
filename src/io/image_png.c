/* Owns: reading PNG files with libpng's simplified interface, which needs no long jumps here. */
#include <stdio.h>

#include "base/mem.h"
#include "io/image_formats.h"

#if LEAT_HAVE_PNG
#include <png.h>

static leat_status begin(png_image *image, const void *data, size_t size, char *why)
{
    *image = (png_image){.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(image, data, size)) {
        snprintf(why, LEATI_IMAGE_WHY, "a damaged PNG image: %s", image->message);
        return LEAT_FORMAT;
    }
    image->flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    return LEAT_OK;
}

leat_status leati_png_probe(const void *data, size_t size, leati_image_head *head, char *why)
{
    png_image image;
    leat_status st = begin(&image, data, size, why);
    if (st != LEAT_OK) return st;
    head->width = image.width;
    head->height = image.height;
    head->channels = image.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
    png_image_free(&image);
    return LEAT_OK;
}

/* On white, in the values as they are stored. */
static void lay_on_white(const uint8_t *from, size_t count, size_t channels, uint8_t *to)
{
    for (size_t i = 0; i < count; i++, from += channels + 1) {
        unsigned alpha = from[channels];
        for (size_t k = 0; k < channels; k++)
            *to++ = (uint8_t)((from[k] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
}

leat_status leati_png_decode(const leat_context *c, const void *data, size_t size,
                             const leati_image_head *head, size_t channels, uint8_t *pixels,
                             char *why)
{
    png_image image;
    uint8_t *room = NULL;
    leat_status st = begin(&image, data, size, why);
    if (st != LEAT_OK) return st;
    if (image.width != head->width || image.height != head->height) {
        snprintf(why, LEATI_IMAGE_WHY, "the image changed while it was read");
        png_image_free(&image);
        return LEAT_FORMAT;
    }
    bool alpha = image.format & PNG_FORMAT_FLAG_ALPHA;
    size_t count = head->width * head->height;
    image.format =
        (channels == 3 ? PNG_FORMAT_FLAG_COLOR : 0) | (alpha ? PNG_FORMAT_FLAG_ALPHA : 0);
    if (alpha) room = leati_alloc_quiet(c, count * (channels + 1));
    if (alpha && !room) {
        snprintf(why, LEATI_IMAGE_WHY, "no memory for %zu x %zu pixels", head->height, head->width);
        st = LEAT_NOMEM;
    } else if (!png_image_finish_read(&image, NULL, alpha ? room : pixels, 0, NULL)) {
        snprintf(why, LEATI_IMAGE_WHY, "a damaged PNG image: %s", image.message);
        st = LEAT_FORMAT;
    } else if (alpha) {
        lay_on_white(room, count, channels, pixels);
    }
    png_image_free(&image);
    leati_free(room);
    return st;
}

#else

static leat_status lacking(char *why)
{
    snprintf(why, LEATI_IMAGE_WHY,
             "a PNG image, which this build cannot read: build with "
             "libpng-dev");
    return LEAT_UNSUPPORTED;
}

leat_status leati_png_probe(const void *data, size_t size, leati_image_head *head, char *why)
{
    (void)data, (void)size, (void)head;
    return lacking(why);
}

leat_status leati_png_decode(const leat_context *c, const void *data, size_t size,
                             const leati_image_head *head, size_t channels, uint8_t *pixels,
                             char *why)
{
    (void)c, (void)data, (void)size, (void)head, (void)channels, (void)pixels;
    return lacking(why);
}
#endif
