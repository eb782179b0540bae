/* Whether the tensors that a caller gives, and those that a model makes, are those that its file
 * announces. */
#ifndef LEATI_ONNX_GIVEN_H
#define LEATI_ONNX_GIVEN_H

#include "onnx/import.h"

/* SHAPE: a rank or a dimension other than the file announces, or dimensions of one name ("batch")
 * of several sizes. What it does not announce, or with a size below 1, is free, and so are the
 * names that old exporters give every free dimension. in: by position of leati_omodel_input. */
leat_status leati_given_check(leat_context *c, const leati_omodel *m, const leati_otensor *in);

/* TYPE: the value of an output is not what the file announces: another type of elements, or no
 * tensor. SHAPE: `fixed`, all inputs have the dimensions that the file announces, and this has
 * others. */
leat_status leati_made_check(leat_context *c, const leati_onnx_value_info *v,
                             const leati_oval *made, bool fixed);
/* Whether the file announces every dimension of every input. */
bool leati_inputs_fixed(const leati_omodel *m);

#endif
