/* Multi-head attention with its weights, for the layer of that name and transformer blocks. */
#ifndef LEATI_NN_ATTEND_H
#define LEATI_NN_ATTEND_H

#include "nn/layer.h"

typedef enum leati_attention_positions {
    LEATI_POSITIONS_NONE,
    LEATI_POSITIONS_ROTARY,  /* Su et al. 2021, halves of each head turned by the step */
    LEATI_POSITIONS_RELATIVE /* Shaw et al. 2018 as a bias: a learned number per head and distance
                              */
} leati_attention_positions;

typedef struct leati_attention {
    int64_t heads, head_dim; /* head_dim 0: features / heads */
    int64_t most_distance;   /* RELATIVE: farther steps share a number */
    double dropout;          /* of the weights of attention */
    int positions;
    bool causal, use_bias;
    const char *initializer;
} leati_attention;

/* x (batch, steps, features) attends source (batch, others, anything); mask (batch, others): which
 * of them count, or NULL. Gives (batch, steps, features). */
leat_tensor *leati_attend(leati_builder *b, const leati_attention *a, leat_tensor *x,
                          leat_tensor *source, leat_tensor *mask);

#endif
