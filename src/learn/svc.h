/* The state of the kernel classifier, shared by fitting (svc_fit.c) and the rest (svc.c). */
#ifndef LEATI_LEARN_SVC_H
#define LEATI_LEARN_SVC_H

#include "learn/estimator.h"
#include "learn/platt.h"
#include "learn/svm_params.h"

typedef struct leati_svc {
    leati_estimator base;
    leati_kernel_options options;
    double cost;
    int class_weight;
    int64_t max_iter;
    bool probability, break_ties;

    /* Learned. Machine (i, j), i < j, separates class i (positive) from class j. */
    leati_kernel_fn fn;
    leati_kernel_rows sv; /* support vectors, by class */
    uint32_t *start;      /* (classes + 1) first support vector of a class */
    double *coef;         /* (sv.rows, classes - 1): a vector's weight in the machines of its class,
                             by the other class */
    double *rho;          /* (pairs) in the order (0,1), (0,2), ..., (1,2), ... */
    leati_platt *platt;   /* (pairs) or NULL */
    double *center;       /* (features) subtracted from inputs, or NULL */
} leati_svc;

static inline size_t leati_svc_pairs(size_t classes)
{
    return classes * (classes - 1) / 2;
}

leat_status leati_svc_fit(leati_estimator *e, leat_context *c, const leati_dataset *d);

/* out (rows, pairs): the decision values of all machines, > 0 for the smaller class number. */
leat_status leati_svc_pair_decisions(const leati_svc *s, leat_context *c, const leati_matrix *x,
                                     double *out);

#endif
