/* Making a new table fit the schema that a model was trained on. */
#ifndef LEATI_LEARN_CONFORM_H
#define LEATI_LEARN_CONFORM_H

#include "learn/schema.h"

/* *out: a frame whose columns are exactly the used columns of the schema, in its order and with its
 * types (numbers may come as whole numbers or bools; texts may come as numbers). Missing columns,
 * values that are no numbers and arrays of another shape are errors that name row and column and
 * say what the model was trained on. */
leat_status leati_conform(leat_context *c, leat_frame **out, const leati_schema *s,
                          const leat_frame *f);

#endif
