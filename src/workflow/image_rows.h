/* Rows of tables that are images. */
#ifndef LEATI_WORKFLOW_IMAGE_ROWS_H
#define LEATI_WORKFLOW_IMAGE_ROWS_H

#include "learn/estimator.h"
#include "learn/schema.h"

/* The images of a table: a column of arrays, or columns of numbers that are a pixel each. */
typedef struct leati_images {
    const leat_frame *frame;
    const leati_column *array; /* NULL: numbers */
    size_t *pixels;            /* (length) columns of the frame; NULL: an array */
    size_t height, width, channels;
    size_t length; /* of a row; 0: the table has no images */
} leati_images;

/* What a model of this schema sees of a frame with its columns, where it is images: arrays of more
 * than one row and column in 1 or 3 channels; or nothing but numbers, where the estimator is a
 * network whose `input` says such a shape. The frame is borrowed; e may be NULL. */
leat_status leati_images_find(leat_context *c, const leati_schema *s, const leat_frame *f,
                              const leati_estimator *e, leati_images *out);
void leati_images_fini(leati_images *images); /* idempotent */
/* A row as bytes (length): bytes as they are; other numbers from 0 to 1 or to 255 where they fit,
 * else from least to greatest. space: (length). */
void leati_image_pixels(const leati_images *images, size_t row, float *space, uint8_t *out);

#endif
