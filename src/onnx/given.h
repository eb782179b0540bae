/* Whether the tensors that a caller gives are those that a model says it takes. */
#ifndef LEATI_ONNX_GIVEN_H
#define LEATI_ONNX_GIVEN_H

#include "onnx/import.h"

/* SHAPE: a rank or a dimension other than the file announces, or dimensions of one name ("batch")
 * of several sizes. What it does not announce, or with a size below 1, is free, and so are the
 * names that old exporters give every free dimension. in: by position of leati_omodel_input. */
leat_status leati_given_check(leat_context *c, const leati_omodel *m, const leati_otensor *in);

#endif
