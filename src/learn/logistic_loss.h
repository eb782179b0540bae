/* The regularised log loss of a linear classifier and its derivatives:
 *
 *   F(theta) = sum_i w_i (log sum_k exp z_ik - z_iy) / sum_i w_i + l2 / 2 |coef|^2,
 *   z_i = coef x_i + intercept,
 *
 * for two classes with the single score z of class 1 and log(1 + exp(-+z)). theta is (outputs,
 * features) coefficients, then (outputs) intercepts when there are any. */
#ifndef LEATI_LEARN_LOGISTIC_LOSS_H
#define LEATI_LEARN_LOGISTIC_LOSS_H

#include "kernel/skinny.h"
#include "kernel/vec.h"
#include "learn/dataset.h"

typedef struct leati_logistic {
    const leati_dataset *d;
    size_t outputs; /* 1, or the number of classes when there are more than two */
    bool intercept;
    double l2;
    double *weight; /* (rows) w_i / sum w, of rows and classes together */
    /* Scratch, sized once: evaluating allocates nothing. */
    const leati_vec *v;
    const leati_kernels *level;
    size_t tasks, width; /* width: of theta */
    double *partial;     /* (tasks, width + 1): gradient, loss */
    double *block;       /* (tasks, ...) per-task scratch in the precision of x */
    size_t block_size;   /* doubles per task */
    float *coef_f32;     /* (outputs, features) when x is f32 */
    const double *theta; /* of the running evaluation */
} leati_logistic;

/* class_weight (classes): factors of the rows of each class, or NULL. INVALID when all weights are
 * 0. Keeps pointers into d. */
leat_status leati_logistic_init(leat_context *c, leati_logistic *p, const leati_dataset *d,
                                bool intercept, double l2, const double *class_weight);
void leati_logistic_fini(leati_logistic *p);

/* F and its gradient: a leati_objective with the problem as `user`. On f32 data products are f32;
 * losses and sums over blocks of rows are f64. */
leat_status leati_logistic_evaluate(void *problem, leat_context *c, const double *theta,
                                    double *value, double *gradient);

/* hessian (width, width) of F at theta, f64, both triangles; for a softmax it is singular along
 * equal shifts of all intercepts. */
leat_status leati_logistic_hessian(leat_context *c, leati_logistic *p, const double *theta,
                                   double *hessian);

/* Turns z (rows, outputs) into probabilities (rows, classes); in place where outputs == classes.
 * Rows sum to 1. */
void leati_logistic_probabilities(const double *z, size_t rows, size_t classes, double *out);

#endif
