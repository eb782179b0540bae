/* Functions of a model and who calls whom. */
#ifndef LEATI_MODEL_ONNX_CALLS_H
#define LEATI_MODEL_ONNX_CALLS_H

#include "base/map.h"
#include "model/onnx_proto.h"

/* Fills the map (initialised) with the functions in order. FORMAT: two of one name. */
leat_status leati_onnx_calls_collect(leat_context *c, const leati_onnx_model *model,
                                     leati_map *functions);
/* The number of the function, or LEATI_MAP_NONE (also when out of memory, recorded). */
uint32_t leati_onnx_calls_find(leat_context *c, const leati_map *functions, const char *domain,
                               const char *name, const char *overload);
/* FORMAT: functions that call each other in a circle. LIMIT: calls deeper than
 * LEATI_ONNX_CALLS_MOST, or more than LEATI_ONNX_NODES_MOST nodes once all are replaced by their
 * bodies. */
leat_status leati_onnx_calls_check(leat_context *c, const leati_onnx_model *model,
                                   const leati_map *functions);

#endif
