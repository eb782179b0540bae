/* Pictures out of numbers. */
#ifndef LEAT_IMAGE_H
#define LEAT_IMAGE_H

#include <leat/context.h>
#include <leat/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One PNG file of N images in rows of `columns`, with a line of one pixel between them. shape:
 * (N, H, W, C), channels last; C is 1 (grey) or 3 (red, green, blue). `low` becomes black and
 * `high` white; values beyond are cut, NaN is black, low > high gives the negative. What is left of
 * the last row is white. The file appears complete or not at all; equal input gives equal bytes.
 * Errors: SHAPE, INVALID (no columns, low equal to high), LIMIT (more than 2^28 pixels), IO,
 * NOMEM. */
LEAT_API LEAT_CHECKED leat_status leat_image_write(leat_context *context, const char *path,
                                                   const float *images, leat_shape shape,
                                                   size_t columns, double low, double high);

#ifdef __cplusplus
}
#endif

#endif
