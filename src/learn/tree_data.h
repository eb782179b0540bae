/* Training data as trees see it: every feature as numbers of its distinct values, column by
 * column, so that splits are exact and cost little memory. */
#ifndef LEATI_LEARN_TREE_DATA_H
#define LEATI_LEARN_TREE_DATA_H

#include "learn/dataset.h"

/* Codes 0 .. distinct-1 number the values in rising order (levels: the level itself); the code
 * `distinct` stands for missing. */
typedef struct leati_tree_column {
    void *codes;       /* (rows) of `width` bytes */
    unsigned width;    /* 1, 2 or 4 */
    uint32_t distinct; /* for levels: their number */
    double *values;    /* (distinct), NULL for levels */
    bool levels, missing;
} leati_tree_column;

typedef struct leati_tree_data {
    size_t rows, cols;
    leati_tree_column *columns;
    uint32_t classes;      /* 0: regression */
    const uint32_t *label; /* borrowed */
    double *y;             /* (rows) centred by `shift` */
    double shift;
    double spread;  /* standard deviation of y, without weights */
    double *weight; /* (rows) or NULL: all 1 */
} leati_tree_data;

enum { LEATI_TREE_LEVELS = 65536 }; /* most levels of a categorical feature */

/* class_weight (classes) or NULL multiplies the row weights. Levels that are no whole number below
 * feature.levels count as missing. Borrows the labels. */
leat_status leati_tree_data_init(leat_context *c, leati_tree_data *t, const leati_dataset *d,
                                 const double *class_weight);
void leati_tree_data_fini(leati_tree_data *t);

static inline uint32_t leati_tree_code(const leati_tree_column *c, size_t row)
{
    return c->width == 1   ? ((const uint8_t *)c->codes)[row]
           : c->width == 2 ? ((const uint16_t *)c->codes)[row]
                           : ((const uint32_t *)c->codes)[row];
}

/* Sorts keys (n) by their bits [shift, shift + bits), stable, with scratch (n). */
void leati_radix_sort(uint64_t *keys, uint64_t *scratch, size_t n, unsigned shift, unsigned bits);

#endif
