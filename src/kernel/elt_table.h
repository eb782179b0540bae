/* The vector kernels of elementwise operations and conversions of one CPU level; NULL where the
 * plain ones of eltwise.c and cast.c serve. */
#ifndef LEATI_KERNEL_ELT_TABLE_H
#define LEATI_KERNEL_ELT_TABLE_H

#include "kernel/eltwise.h"

typedef struct leati_elt_table {
    leati_elt_fn f32[LEATI_ELT_COUNT], f64[LEATI_ELT_COUNT];
    leati_elt_fn cast[LEAT_DTYPES][LEAT_DTYPES]; /* from, to */
} leati_elt_table;

/* The table of the context's level. */
const leati_elt_table *leati_elt_table_of(const leat_context *c);

#endif
