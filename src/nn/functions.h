/* Activations by name: a row of the list each, the only source of names, help and functions. */
#ifndef LEATI_NN_FUNCTIONS_H
#define LEATI_NN_FUNCTIONS_H

#include <leat/function.h>

#include "learn/param.h"

/* X(name, what it is of x and, for those that have one, of its parameter alpha, doc) */
#define LEATI_ACTIVATION_LIST(X)                                                                   \
    X(none, x, "x")                                                                                \
    X(relu, leat_relu(x), "max(x, 0)")                                                             \
    X(relu6, leat_clip(x, 0, 6), "min(max(x, 0), 6)")                                              \
    X(leaky_relu, leat_leaky_relu(x, alpha), "x, or 0.01 x below 0; leaky_relu(0.2): 0.2 x")       \
    X(elu, leat_elu(x, alpha),                                                                     \
      "x, or exp(x) - 1 below 0, elu(0.5): half of it (Clevert et al. 2016)")                      \
    X(selu, leat_selu(x), "scaled elu (Klambauer et al. 2017)")                                    \
    X(celu, leat_celu(x, alpha),                                                                   \
      "x, or alpha (exp(x / alpha) - 1) below 0; alpha is 1: celu(0.5)")                           \
    X(gelu, leat_gelu(x), "x times the normal distribution at x (Hendrycks and Gimpel 2016)")      \
    X(gelu_tanh, leat_gelu_tanh(x), "gelu, approximated by tanh")                                  \
    X(silu, leat_silu(x), "x sigmoid(x), also called swish")                                       \
    X(mish, leat_mish(x), "x tanh(softplus(x)) (Misra 2020)")                                      \
    X(sigmoid, leat_sigmoid(x), "1 / (1 + exp(-x))")                                               \
    X(hard_sigmoid, leat_hard_sigmoid(x, 1.0 / 6, 0.5), "x / 6 + 1 / 2 between 0 and 1")           \
    X(hard_swish, leat_hard_swish(x), "x hard_sigmoid(x) (Howard et al. 2019)")                    \
    X(log_sigmoid, leat_log_sigmoid(x), "log(sigmoid(x))")                                         \
    X(tanh, leat_tanh(x), "hyperbolic tangent")                                                    \
    X(softplus, leat_softplus(x), "log(1 + exp(x))")                                               \
    X(softsign, leat_softsign(x), "x / (1 + |x|)")                                                 \
    X(exp, leat_exp(x), "exp(x)")                                                                  \
    X(softmax, leat_softmax(x, -1), "exp(x) scaled to sum 1 along the last dimension")             \
    X(log_softmax, leat_log_softmax(x, -1), "logarithm of softmax")

/* "none|relu|...", for tables of parameters. */
#define LEATI_ACTIVATION_BAR(name, f, doc) "|" #name
#define LEATI_ACTIVATIONS                  (&(LEATI_ACTIVATION_LIST(LEATI_ACTIVATION_BAR))[1])

int leati_activation_count(void);
const char *leati_activation_name(int i);
const char *leati_activation_doc(int i);
/* Reads "relu", "leaky_relu(0.2)". alpha: the parameter of those that have one. */
leat_status leati_activation_parse(leat_context *c, const char *text, int *number, double *alpha);
/* NULL for NULL. */
leat_tensor *leati_activate(int number, double alpha, leat_tensor *x);
/* By its text, which was read before without an error. */
leat_tensor *leati_activate_by(leat_context *c, const char *text, leat_tensor *x);

/* A row of a table: one of the names. */
#define LEATI_ACTIVATION_PARAM(type_, field, usual)                                                \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_CHOICE, .offset = offsetof(type_, field),              \
        .standard = usual, .choices = LEATI_ACTIVATIONS, .doc = "Function of the outputs."         \
    }

/* A row of a layer's table: char[LEATI_WORD_PARAM], read with the layer (layer_text.c). */
#define LEATI_FUNCTION_PARAM(type_, field, usual)                                                  \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_WORD, .offset = offsetof(type_, field),                \
        .standard = usual,                                                                         \
        .doc = "Function of the outputs: an activation, as in relu or leaky_relu(0.2)."            \
    }

#endif
