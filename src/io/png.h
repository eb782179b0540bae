/* Pictures as PNG bytes; every build has it. */
#ifndef LEATI_IO_PNG_H
#define LEATI_IO_PNG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* 8-bit samples, (height, width, channels) row-major; channels 1: gray, 3: RGB. Borrowed. */
typedef struct leati_pixels {
    const uint8_t *data;
    size_t width, height, channels;
} leati_pixels;

/* Whether there are 1 to 2^28 pixels of 1 or 3 channels. */
bool leati_pixels_check(const leati_pixels *p);

/* Appends the picture as a PNG (ISO/IEC 15948). INVALID for sizes out of range. */
leat_status leati_png_add(leat_context *c, const leati_pixels *p, leati_str *out);
/* Appends it as "data:image/png;base64,..." */
leat_status leati_png_add_uri(leat_context *c, const leati_pixels *p, leati_str *out);

/* `count` values to 0..255, `lo` black and `hi` white; values out of range are held to it, NaN is
 * black. */
void leati_pixels_scale(const float *values, size_t count, double lo, double hi, uint8_t *out);

#endif
