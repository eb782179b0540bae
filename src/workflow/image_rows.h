/* Rows of tables that are images. */
#ifndef LEATI_WORKFLOW_IMAGE_ROWS_H
#define LEATI_WORKFLOW_IMAGE_ROWS_H

#include "learn/schema.h"

/* The column of images that a model of this schema uses, of a frame with its columns: arrays of
 * more than one row and column, in 1 or 3 channels. NULL: there is none. */
const leati_column *leati_image_column(const leati_schema *s, const leat_frame *f);
/* A row of it as bytes (length of the column): bytes as they are; other numbers from 0 to 1 or to
 * 255 where they fit, else from least to greatest. space: (length). */
void leati_image_pixels(const leati_column *col, size_t row, float *space, uint8_t *out);

#endif
