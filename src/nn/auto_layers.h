/* What layers=auto of the estimator `network` puts before its dense layers. */
#ifndef LEATI_NN_AUTO_LAYERS_H
#define LEATI_NN_AUTO_LAYERS_H

#include <leat/tensor.h>

#include "base/str.h"
#include "learn/dataset.h"

/* Appends layers that make a row of features of a sample of that shape; nothing where it is one
 * already and no texts. */
void leati_auto_layers(leati_str *text, const leat_shape *sample, const leati_dataset *d);

#endif
