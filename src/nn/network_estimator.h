/* The estimator `network` as a network: for those who take one apart. */
#ifndef LEATI_NN_NETWORK_ESTIMATOR_H
#define LEATI_NN_NETWORK_ESTIMATOR_H

#include "learn/estimator.h"
#include "nn/class_outputs.h"
#include "nn/examine.h"
#include "nn/rate_point.h"
#include "nn/train_memory.h"

/* A network of its own in graph g with what e, a fitted `network`, has learned. A regression's
 * value is the network's output times *scale plus *mean (else 1 and 0); both may be NULL. */
leat_status leati_network_of(leat_context *c, const leati_estimator *e, leat_graph *g,
                             leati_network **out, double *mean, double *scale);

/* What the outputs of e, a `network` for classes, say: by its loss. */
leati_class_outputs leati_network_outputs(const leati_estimator *e);

/* The shape of a sample that e, a `network`, makes of so many features; false where e is no
 * network, says no shape or one of another size. */
bool leati_network_input(const leati_estimator *e, size_t features, leat_shape *shape);

/* The learning rate range test (leati_rate_test in trainer.h) of estimator e, a `network`, on d:
 * 120 rates from 1e-6 to 10. points: leati_free. UNSUPPORTED for optimisers that have no learning
 * rate. */
leat_status leati_network_rate_range(leat_context *c, const leati_estimator *e,
                                     const leati_dataset *d, leati_rate_point **points,
                                     size_t *count);

/* What training would take. layers: leati_layer_table_fini. */
typedef struct leati_network_estimate {
    leati_layer_table layers;
    leati_train_memory memory;
    size_t batch;          /* rows of a step */
    const char *optimizer; /* its name, static */
} leati_network_estimate;
/* Of estimator e, a `network`, on data of the sizes, task and classes of d: values are not read. */
leat_status leati_network_estimate_make(leat_context *c, const leati_estimator *e,
                                        const leati_dataset *d, leati_network_estimate *out);

#endif
