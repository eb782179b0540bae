/* Columns of a frame as the plain arrays that charts take. */
#ifndef LEATI_PLOT_COLUMN_DATA_H
#define LEATI_PLOT_COLUMN_DATA_H

#include "frame/frame.h"

/* Whether leati_column_numbers gives anything but NaN: numbers, whole numbers, bools, times. */
bool leati_column_is_number(const leati_column *col);
/* The values of a column, NaN where missing or no number; of more than `most` rows every k-th one,
 * the same rows for all columns of a frame. leati_free. NULL on failure (recorded). */
double *leati_column_numbers(leat_context *c, const leati_column *col, size_t most, size_t *count);

/* The most frequent values of a text or bool column, by count, then by first appearance. */
typedef struct leati_levels {
    const char **labels; /* (count); borrowed from the column's dictionary */
    double *counts;      /* (count) */
    uint32_t *codes;     /* (count) */
    size_t count;
    size_t distinct; /* in the column, also those not listed */
} leati_levels;
leat_status leati_levels_make(leat_context *c, leati_levels *out, const leati_column *col,
                              size_t most);
void leati_levels_fini(leati_levels *levels); /* idempotent */

#endif
