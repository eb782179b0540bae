/* Initial values of weights, chosen by text: "he_normal", "truncated_normal(stddev=0.02)". Names
 * and meanings are those of Keras. Element i depends on (seed, number of the weight, i) only, but
 * for orthogonal, whose values depend on each other, and for normal numbers that are drawn anew
 * beyond two deviations, which take the next of the stream. */
#ifndef LEATI_NN_INIT_H
#define LEATI_NN_INIT_H

#include <leat/tensor.h>

#include "base/rng.h"
#include "learn/param.h"

typedef struct leati_init leati_init;

/* A row of the table, for the help. */
typedef struct leati_init_info {
    const char *name, *doc;
    const leati_param *params;
} leati_init_info;
size_t leati_init_count(void);
leati_init_info leati_init_at(size_t i);

struct leati_init {
    int kind; /* row of the table */
    double value, scale;
    size_t fan_in, fan_out; /* of the weight: how many inputs an output has, and the reverse */
};

/* Fans are to be set afterwards. */
leat_status leati_init_parse(leat_context *c, const char *text, leati_init *out);
/* stream: the number of the weight in its network. out: f32 or f64, by dtype; the former are the
 * latter, rounded. On all threads of the context. */
leat_status leati_init_fill(leat_context *c, leati_init init, const leat_shape *shape,
                            uint64_t seed, uint32_t stream, leat_dtype dtype, void *out);

#endif
