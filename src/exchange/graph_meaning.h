/* What the outputs of an imported graph mean for a table. */
#ifndef LEATI_EXCHANGE_GRAPH_MEANING_H
#define LEATI_EXCHANGE_GRAPH_MEANING_H

#include "learn/schema.h"
#include "onnx/graph_estimator.h"
#include "onnx/run.h"

typedef struct leati_graph_meaning {
    leati_graph_form form;
    leati_task task;
    uint32_t classes;   /* CLASSIFY; 0: those of the target, in its order */
    const char **names; /* (classes) what people call them */
} leati_graph_meaning;

/* From what the graph made of the first rows of a table: outs are its outputs for `batch` rows.
 * schema says what the target's values are; given (count, 0: none) is what a person calls the
 * classes, in the order of the graph. Lists lie in the arena.
 *
 * The first output (batch, classes) has probabilities, if all are, else scores; the first of texts
 * or whole numbers (batch) or (batch, 1) is the class; the first of other numbers is the number or,
 * where the classes are two, the probability or score of the second. Classes are called as given,
 * else as the file says (leat.classes, or the class labels of ai.onnx.ml's operators), else 0, 1,
 * ... or false, true where the target has these; INVALID where none of it helps. */
leat_status leati_graph_meaning_find(leati_arena *arena, const leati_onnx_model *model,
                                     leati_oval *const *outs, size_t batch,
                                     const leati_schema *schema, const char *const *given,
                                     size_t count, leati_graph_meaning *out);
/* Where `classes` is 0: takes the names of the schema, which are the target's. text: whether the
 * graph calls its classes by texts. */
leat_status leati_graph_meaning_names(leati_arena *arena, const leati_schema *schema,
                                      leati_graph_meaning *m, bool text);

#endif
