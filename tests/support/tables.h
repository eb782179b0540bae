/* Small generated tables for tests. */
#ifndef LEATTEST_TABLES_H
#define LEATTEST_TABLES_H

#include "frame/frame.h"

/* `rows` rows: length, width (numbers, the second with some missing), colour (red, green, blue,
 * with some missing), round (bool), when (time), kind (target: ash, beech, cedar; depends on
 * length and width), weight (target: number, depends on both and on colour), id (row number).
 * NULL when out of memory. */
leat_frame *leattest_table(leat_context *c, size_t rows, uint64_t seed);

#endif
