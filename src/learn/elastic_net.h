/* What the estimators lasso and elastic_net share: parameters, fit and class functions. */
#ifndef LEATI_LEARN_ELASTIC_NET_H
#define LEATI_LEARN_ELASTIC_NET_H

#include "learn/glm.h"

typedef struct leati_elastic_net {
    leati_glm_estimator base;
    double alpha, l1_ratio, tol;
    int64_t max_iter;
    int selection;
    bool fit_intercept, positive;
} leati_elastic_net;

/* Rows of the parameter tables. */
#define LEATI_ELASTIC_NET_ALPHA                                                                    \
    {                                                                                              \
        .name = "alpha", .type = LEATI_PARAM_REAL, .offset = offsetof(leati_elastic_net, alpha),   \
        .standard = "1", .least = 0, .most = INFINITY, .grid = "0.001,0.01,0.1,1,10",              \
        .doc = "Strength of the penalty."                                                          \
    }
#define LEATI_ELASTIC_NET_REST                                                                     \
    {.name = "fit_intercept",                                                                      \
     .type = LEATI_PARAM_BOOL,                                                                     \
     .offset = offsetof(leati_elastic_net, fit_intercept),                                         \
     .standard = "true",                                                                           \
     .doc = "Learn a constant term, which is not penalised."},                                     \
        {.name = "max_iter",                                                                       \
         .type = LEATI_PARAM_INT,                                                                  \
         .offset = offsetof(leati_elastic_net, max_iter),                                          \
         .standard = "1000",                                                                       \
         .least = 1,                                                                               \
         .most = 4e9,                                                                              \
         .doc = "Most passes over the coefficients."},                                             \
        {.name = "tol",                                                                            \
         .type = LEATI_PARAM_REAL,                                                                 \
         .offset = offsetof(leati_elastic_net, tol),                                               \
         .standard = "0.0001",                                                                     \
         .least = 0,                                                                               \
         .most = 1,                                                                                \
         .doc = "Stop when the duality gap is below tol times the sum of squares of the centred "  \
                "target."},                                                                        \
        {.name = "positive",                                                                       \
         .type = LEATI_PARAM_BOOL,                                                                 \
         .offset = offsetof(leati_elastic_net, positive),                                          \
         .standard = "false",                                                                      \
         .doc = "Allow no coefficient below 0."},                                                  \
        {.name = "selection",                                                                      \
         .type = LEATI_PARAM_CHOICE,                                                               \
         .offset = offsetof(leati_elastic_net, selection),                                         \
         .standard = "cyclic",                                                                     \
         .choices = "cyclic|random",                                                               \
         .doc = "Take coefficients in turn, or draw them at random."},                             \
    {                                                                                              \
        0                                                                                          \
    }

leat_status leati_elastic_net_fit(leati_estimator *e, leat_context *c, const leati_dataset *d);

#endif
