/* Padding of windows as Keras says it. */
#ifndef LEATI_NN_LAYER_WINDOW_H
#define LEATI_NN_LAYER_WINDOW_H

#include <leat/function.h>

#include "learn/param.h"

/* padding: choice 0 valid, 1 same, 2 causal (all of it before), or a number for every side. Reads
 * kernel, stride and dilation of w, and x of shape (batch, spatial..., channels). */
void leati_window_pad(leat_window *w, leat_shape x, int dims, leati_mixed padding);

#endif
