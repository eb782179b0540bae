/* What layers ask of the values of a network's input: tokens that are whole numbers, padding at the
 * end. Known from the trial build for layers that take the input itself. What others take is
 * checked where it is computed while learning and in loops of one's own, without the number of the
 * row. */
#ifndef LEATI_NN_DEMAND_H
#define LEATI_NN_DEMAND_H

#include "learn/dataset.h"
#include "nn/network.h"

struct leati_demand {
    leati_demand *next;
    const leati_layer *layer;     /* `embedding` or `masking` */
    const leati_layer *recurrent; /* takes its mask; NULL: masked steps may be anywhere */
    const leat_tensor *mask;      /* of the trial build */
    int64_t tokens;               /* how many there are; 0: any value will do */
    double padding;               /* value of masked steps */
};

/* A new demand of the layer being built; NULL where x is not the input, or this no trial build. */
leati_demand *leati_demand_make(leati_builder *b, const leat_tensor *x);
/* The layer being built takes padding at the end of the mask only. */
void leati_demand_end(leati_builder *b, const leat_tensor *mask);

/* LEAT_INVALID names the first row with a value that a layer does not take. features: their names,
 * or NULL. */
leat_status leati_demand_check(leat_context *c, const leati_network *n, const leati_matrix *x,
                               const leati_feature *features);

#endif
