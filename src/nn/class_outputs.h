/* What the outputs of a network for classes say, which depends on the loss they were trained with,
 * and the probabilities that follow. */
#ifndef LEATI_NN_CLASS_OUTPUTS_H
#define LEATI_NN_CLASS_OUTPUTS_H

#include <leat/graph.h>

typedef enum leati_class_outputs {
    /* Logits, or logarithms of probabilities: probabilities are their softmax. */
    LEATI_OUTPUTS_LOGITS,
    /* The logit of every class against all others: the sigmoids, divided by their sum. */
    LEATI_OUTPUTS_ONE_TO_REST,
    /* Estimates of the probabilities themselves, as the mean squared error to zeros and a one has
     * its least value there: the nearest numbers of at least 0 whose sum is 1 (Held, Wolfe and
     * Crowder 1974), which are never further from the truth than the outputs. */
    LEATI_OUTPUTS_SHARES,
    /* Larger is likelier, no more: no probabilities. */
    LEATI_OUTPUTS_SCORES
} leati_class_outputs;

/* z (n) -> out (n), computed in f64; not for SCORES. */
void leati_class_probabilities(leati_class_outputs kind, const float *z, size_t n, double *out);
/* The same recorded: z (batch, classes) f64. NULL after an error. z itself for SCORES. */
leat_tensor *leati_class_probabilities_record(leati_class_outputs kind, leat_tensor *z);

#endif
