/* Parameters that support vector machines share: those of kernel machines (svc, svr) and of linear
 * ones (linear_svc, linear_svr). Each struct stands in the estimator's as the member `options`;
 * each list of rows stands in its table where scikit-learn's order has them. */
#ifndef LEATI_LEARN_SVM_PARAMS_H
#define LEATI_LEARN_SVM_PARAMS_H

#include "learn/kernel_fn.h"

typedef struct leati_kernel_options {
    double coef0, tol, cache_size;
    int kernel;
    int64_t degree;
    leati_mixed gamma;
    bool shrinking;
} leati_kernel_options;

static inline leati_kernel_fn leati_kernel_fn_of(leat_context *c, const leati_kernel_options *o,
                                                 const leati_dataset *d)
{
    return (leati_kernel_fn){.kind = (leati_kernel_kind)o->kernel,
                             .degree = (int)o->degree,
                             .gamma = leati_kernel_gamma(c, &o->gamma, d),
                             .coef0 = o->coef0};
}

#define LEATI_KERNEL_PARAMS(owner)                                                                 \
    {.name = "kernel",                                                                             \
     .type = LEATI_PARAM_CHOICE,                                                                   \
     .offset = offsetof(owner, options.kernel),                                                    \
     .standard = "rbf",                                                                            \
     .choices = LEATI_KERNEL_CHOICES,                                                              \
     .doc = "The similarity of two rows: x.y, (gamma x.y + coef0)^degree, exp(-gamma |x - y|^2) "  \
            "or tanh(gamma x.y + coef0)."},                                                        \
        {.name = "degree",                                                                         \
         .type = LEATI_PARAM_INT,                                                                  \
         .offset = offsetof(owner, options.degree),                                                \
         .standard = "3",                                                                          \
         .least = 0,                                                                               \
         .most = 100,                                                                              \
         .doc = "Degree of the poly kernel."},                                                     \
        {.name = "gamma",                                                                          \
         .type = LEATI_PARAM_MIXED,                                                                \
         .offset = offsetof(owner, options.gamma),                                                 \
         .standard = "scale",                                                                      \
         .least = 1e-300,                                                                          \
         .most = 1e300,                                                                            \
         .choices = LEATI_GAMMA_CHOICES,                                                           \
         .grid = "scale,auto,0.01,0.1,1",                                                          \
         .doc =                                                                                    \
             "Factor of the rbf, poly and sigmoid kernels; scale is 1 / (features * variance of "  \
             "x), auto is 1 / features."},                                                         \
        {.name = "coef0",                                                                          \
         .type = LEATI_PARAM_REAL,                                                                 \
         .offset = offsetof(owner, options.coef0),                                                 \
         .standard = "0",                                                                          \
         .least = -1e15,                                                                           \
         .most = 1e15,                                                                             \
         .doc = "Constant of the poly and sigmoid kernels."},                                      \
    {                                                                                              \
        .name = "shrinking", .type = LEATI_PARAM_BOOL,                                             \
        .offset = offsetof(owner, options.shrinking), .standard = "true",                          \
        .doc =                                                                                     \
            "Leave out rows that will likely stay at their bound while solving: the same result, " \
            "usually sooner."                                                                      \
    }

#define LEATI_KERNEL_SOLVER_PARAMS(owner)                                                          \
    {.name = "tol",                                                                                \
     .type = LEATI_PARAM_REAL,                                                                     \
     .offset = offsetof(owner, options.tol),                                                       \
     .standard = "0.001",                                                                          \
     .least = 1e-12,                                                                               \
     .most = 10,                                                                                   \
     .doc = "Violation of the optimality conditions at which to stop."},                           \
    {                                                                                              \
        .name = "cache_size", .type = LEATI_PARAM_REAL,                                            \
        .offset = offsetof(owner, options.cache_size), .standard = "200", .least = 1, .most = 1e7, \
        .doc = "Megabytes for kernel values where they take more than 1024."                       \
    }

typedef struct leati_linear_options {
    double cost, tol, intercept_scaling;
    int dual; /* one of the below */
    int64_t max_iter;
    bool fit_intercept;
} leati_linear_options;

enum { LEATI_DUAL_AUTO, LEATI_DUAL, LEATI_PRIMAL };

/* The value of the constant feature; 0: none. */
static inline double leati_linear_intercept(const leati_linear_options *o)
{
    return o->fit_intercept ? o->intercept_scaling : 0;
}

#define LEATI_LINEAR_PARAMS(owner)                                                                 \
    {.name = "dual",                                                                               \
     .type = LEATI_PARAM_CHOICE,                                                                   \
     .offset = offsetof(owner, options.dual),                                                      \
     .standard = "auto",                                                                           \
     .choices = "auto|true|false",                                                                 \
     .doc = "Solve for row weights (true) or coefficients (false); auto takes coefficients where " \
            "the loss allows it and rows are not fewer than features."},                           \
        {.name = "C",                                                                              \
         .type = LEATI_PARAM_REAL,                                                                 \
         .offset = offsetof(owner, options.cost),                                                  \
         .standard = "1",                                                                          \
         .least = 1e-12,                                                                           \
         .most = 1e12,                                                                             \
         .grid = "0.01,0.1,1,10",                                                                  \
         .doc = "Weight of the loss against the penalty; larger fits the rows more closely."},     \
        {.name = "fit_intercept",                                                                  \
         .type = LEATI_PARAM_BOOL,                                                                 \
         .offset = offsetof(owner, options.fit_intercept),                                         \
         .standard = "true",                                                                       \
         .doc = "Learn a constant term."},                                                         \
    {                                                                                              \
        .name = "intercept_scaling", .type = LEATI_PARAM_REAL,                                     \
        .offset = offsetof(owner, options.intercept_scaling), .standard = "1", .least = 1e-6,      \
        .most = 1e6,                                                                               \
        .doc =                                                                                     \
            "The constant term is the coefficient of a feature of this value, and penalised as "   \
            "one: larger penalises it less."                                                       \
    }

#define LEATI_LINEAR_SOLVER_PARAMS(owner)                                                          \
    {.name = "tol",                                                                                \
     .type = LEATI_PARAM_REAL,                                                                     \
     .offset = offsetof(owner, options.tol),                                                       \
     .standard = "0.0001",                                                                         \
     .least = 1e-14,                                                                               \
     .most = 10,                                                                                   \
     .doc = "Violation of the optimality conditions at which to stop."},                           \
    {                                                                                              \
        .name = "max_iter", .type = LEATI_PARAM_INT, .offset = offsetof(owner, options.max_iter),  \
        .standard = "1000", .least = 1, .most = 1e9, .doc = "Most passes of the solver."           \
    }

#endif
