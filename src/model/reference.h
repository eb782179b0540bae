/* The pieces of reference.json that its two writers share. Its layout: docs/model-file.md. */
#ifndef LEATI_MODEL_REFERENCE_H
#define LEATI_MODEL_REFERENCE_H

#include "model/model.h"

enum { LEATI_REFERENCE_BINS = 20 };

/* The members count, mean, std, edges, counts and means of sorted finite numbers (n). Bin b holds
 * [edges[b], edges[b + 1]), the last one closed; a constant has one edge and one bin. */
void leati_reference_numbers(leat_json *j, const double *sorted, size_t n);
/* What stands for a cell of an array column: the mean of its elements, one number that moves when
 * brightness or loudness does. */
double leati_reference_array(const leati_column *col, size_t row);

/* The member "held_out": what was said about samples that the model had not seen. */
leat_status leati_reference_held_out(leat_context *c, leat_json *j, const leati_problem *p,
                                     const leati_predictions *said);

#endif
