/* ONNX models on tables. */
#ifndef LEATI_ONNX_PREDICT_FRAME_H
#define LEATI_ONNX_PREDICT_FRAME_H

#include <leat/frame.h>

#include "onnx/import.h"

/* See leat_onnx_model_predict. */
leat_status leati_omodel_predict(leat_context *c, leati_omodel *m, const leat_frame *f,
                                 leat_frame **out);

#endif
