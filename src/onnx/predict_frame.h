/* ONNX models on tables. */
#ifndef LEATI_ONNX_PREDICT_FRAME_H
#define LEATI_ONNX_PREDICT_FRAME_H

#include <leat/frame.h>

#include "onnx/import.h"

/* What an input wants. */
typedef struct leati_owanted {
    const char *name;
    int32_t element;
    int rank;                   /* -1: it does not say */
    int64_t dim[LEAT_MAX_RANK]; /* -1: any */
} leati_owanted;
leati_owanted leati_owanted_of(const leati_onnx_value_info *info);

/* See leat_onnx_model_predict. */
leat_status leati_omodel_predict(leat_context *c, leati_omodel *m, const leat_frame *f,
                                 leat_frame **out);

#endif
