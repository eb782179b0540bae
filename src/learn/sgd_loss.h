/* Losses of one prediction p for stochastic gradient descent. Classes are y = -1 or 1. */
#ifndef LEATI_LEARN_SGD_LOSS_H
#define LEATI_LEARN_SGD_LOSS_H

#include <math.h>

typedef enum leati_sgd_loss {
    LEATI_SGD_AUTO, /* hinge for classes, squared_error for numbers */
    LEATI_SGD_HINGE,
    LEATI_SGD_LOG_LOSS,
    LEATI_SGD_MODIFIED_HUBER,
    LEATI_SGD_SQUARED_HINGE,
    LEATI_SGD_PERCEPTRON,
    LEATI_SGD_SQUARED_ERROR,
    LEATI_SGD_HUBER,
    LEATI_SGD_EPSILON_INSENSITIVE,
    LEATI_SGD_SQUARED_EPSILON_INSENSITIVE
} leati_sgd_loss;

#define LEATI_SGD_LOSSES                                                                           \
    "auto|hinge|log_loss|modified_huber|squared_hinge|perceptron|squared_error|huber|"             \
    "epsilon_insensitive|squared_epsilon_insensitive"

/* The loss, and in *slope its derivative by p. */
static inline double leati_sgd_loss_at(leati_sgd_loss loss, double epsilon, double y, double p,
                                       double *slope)
{
    double z = y * p, r = p - y, excess;
    *slope = 0;
    switch (loss) {
    case LEATI_SGD_AUTO:
    case LEATI_SGD_HINGE:
        if (z > 1) return 0;
        *slope = -y;
        return 1 - z;
    case LEATI_SGD_PERCEPTRON:
        if (z > 0) return 0;
        *slope = -y;
        return -z;
    case LEATI_SGD_LOG_LOSS:
        if (z > 0) {
            double e = exp(-z);
            *slope = -y * e / (1 + e);
            return log1p(e);
        }
        *slope = -y / (1 + exp(z));
        return log1p(exp(z)) - z;
    case LEATI_SGD_MODIFIED_HUBER: /* Zhang 2004 */
        if (z >= 1) return 0;
        *slope = z >= -1 ? -2 * y * (1 - z) : -4 * y;
        return z >= -1 ? (1 - z) * (1 - z) : -4 * z;
    case LEATI_SGD_SQUARED_HINGE:
        if (z >= 1) return 0;
        *slope = -2 * y * (1 - z);
        return (1 - z) * (1 - z);
    case LEATI_SGD_SQUARED_ERROR: *slope = r; return r * r / 2;
    case LEATI_SGD_HUBER:
        *slope = fabs(r) <= epsilon ? r : copysign(epsilon, r);
        return fabs(r) <= epsilon ? r * r / 2 : epsilon * (fabs(r) - epsilon / 2);
    case LEATI_SGD_EPSILON_INSENSITIVE:
        if (fabs(r) <= epsilon) return 0;
        *slope = copysign(1, r);
        return fabs(r) - epsilon;
    case LEATI_SGD_SQUARED_EPSILON_INSENSITIVE:
        excess = fabs(r) - epsilon;
        if (excess <= 0) return 0;
        *slope = copysign(2 * excess, r);
        return excess * excess;
    }
    return 0;
}

#endif
