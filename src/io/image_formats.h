/* The formats of images, a file each; see image.h for what they promise. */
#ifndef LEATI_IO_IMAGE_FORMATS_H
#define LEATI_IO_IMAGE_FORMATS_H

#include "io/image.h"

leat_status leati_png_probe(const void *data, size_t size, leati_image_head *head, char *why);
/* channels 1 only where the head has 1; 3 of grey ones repeats it. */
leat_status leati_png_decode(const leat_context *c, const void *data, size_t size,
                             const leati_image_head *head, size_t channels, uint8_t *pixels,
                             char *why);
leat_status leati_jpeg_probe(const void *data, size_t size, leati_image_head *head, char *why);
leat_status leati_jpeg_decode(const void *data, size_t size, const leati_image_head *head,
                              size_t channels, uint8_t *pixels, char *why);

leat_status leati_bmp_probe(const void *data, size_t size, leati_image_head *head, char *why);
/* Always 3 channels. */
leat_status leati_bmp_decode(const void *data, size_t size, const leati_image_head *head,
                             uint8_t *pixels, char *why);
leat_status leati_pnm_probe(const void *data, size_t size, leati_image_head *head, char *why);
/* channels 1 only where the head has 1. */
leat_status leati_pnm_decode(const void *data, size_t size, const leati_image_head *head,
                             size_t channels, uint8_t *pixels, char *why);

#endif
