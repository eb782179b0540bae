/* Activations that products and convolutions apply to what they store. */
#ifndef LEATI_KERNEL_ACTIVATION_H
#define LEATI_KERNEL_ACTIVATION_H

typedef enum leati_activation {
    LEATI_ACT_NONE,
    LEATI_ACT_RELU,      /* max(x, 0); NaN stays */
    LEATI_ACT_RELU6,     /* min(max(x, 0), 6) */
    LEATI_ACT_SIGMOID,   /* 1 / (1 + e^-x) */
    LEATI_ACT_TANH,      /* tanh x */
    LEATI_ACT_SILU,      /* x sigmoid(x) */
    LEATI_ACT_GELU,      /* x / 2 (1 + erf(x / sqrt 2)); Hendrycks and Gimpel 2016 */
    LEATI_ACT_GELU_TANH, /* x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) */
    LEATI_ACTIVATIONS
} leati_activation;

#endif
