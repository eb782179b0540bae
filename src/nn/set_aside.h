/* Which rows of a training are learned from, and which are set aside to judge it by. */
#ifndef LEATI_NN_SET_ASIDE_H
#define LEATI_NN_SET_ASIDE_H

#include "learn/dataset.h"

/* rows (all of d) gets the numbers of those to learn from, then of `count` set aside, fewer than
 * all. Drawn from the seed; of classes, each gives the same share, as nearly as whole rows can, and
 * keeps a row to learn from. */
leat_status leati_set_aside(leat_context *c, const leati_dataset *d, uint64_t seed, size_t count,
                            uint32_t *rows);

#endif
