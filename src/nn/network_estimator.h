/* The estimator `network` as a network: for those who take one apart. */
#ifndef LEATI_NN_NETWORK_ESTIMATOR_H
#define LEATI_NN_NETWORK_ESTIMATOR_H

#include "learn/estimator.h"
#include "nn/network.h"

/* A network of its own in graph g with what e, a fitted `network`, has learned. A regression's
 * value is the network's output times *scale plus *mean (else 1 and 0); both may be NULL. */
leat_status leati_network_of(leat_context *c, const leati_estimator *e, leat_graph *g,
                             leati_network **out, double *mean, double *scale);

#endif
