/* Activations by name: a row of the list each, the only source of names, help and functions. */
#ifndef LEATI_NN_ACTIVATION_H
#define LEATI_NN_ACTIVATION_H

#include <leat/graph.h>

/* X(name, what it is of x, doc) */
#define LEATI_ACTIVATION_LIST(X)                                                                   \
    X(none, x, "x")                                                                                \
    X(relu, leat_relu(x), "max(x, 0)")                                                             \
    X(sigmoid, leat_sigmoid(x), "1 / (1 + exp(-x))")                                               \
    X(tanh, leat_tanh(x), "hyperbolic tangent")                                                    \
    X(softplus, leat_softplus(x), "log(1 + exp(x))")                                               \
    X(exp, leat_exp(x), "exp(x)")

/* "none|relu|...", for tables of parameters. */
#define LEATI_ACTIVATION_BAR(name, f, doc) "|" #name
#define LEATI_ACTIVATIONS                  (&(LEATI_ACTIVATION_LIST(LEATI_ACTIVATION_BAR))[1])

int leati_activation_count(void);
const char *leati_activation_name(int i);
const char *leati_activation_doc(int i);
/* i: the number of the name. NULL for NULL. */
leat_tensor *leati_activate(int i, leat_tensor *x);

/* A row of a layer's table. */
#define LEATI_ACTIVATION_PARAM(type_, field, usual)                                                \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_CHOICE, .offset = offsetof(type_, field),              \
        .standard = usual, .choices = LEATI_ACTIVATIONS, .doc = "Function of the outputs."         \
    }

#endif
