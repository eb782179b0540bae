/* The estimator `graph`: an imported graph behind the interface of all others, so that a model of a
 * table can be made of it. It learns nothing and is no row of the table of those that do; model
 * files name it. Its state holds the ONNX file and what its outputs mean. */
#ifndef LEATI_ONNX_GRAPH_ESTIMATOR_H
#define LEATI_ONNX_GRAPH_ESTIMATOR_H

#include "learn/estimator.h"

extern const leati_estimator_class leati_estimator_graph;

/* What an output says about a row. Stands in files: add at the end. */
typedef enum leati_graph_says {
    LEATI_GRAPH_NUMBER, /* (rows) or (rows, 1): the number; REGRESS */
    LEATI_GRAPH_CLASS,  /* (rows) or (rows, 1): the class, nothing else */
    LEATI_GRAPH_SHARES, /* (rows, classes): probabilities */
    LEATI_GRAPH_SCORES, /* (rows, classes): larger is likelier */
    LEATI_GRAPH_SHARE,  /* (rows) or (rows, 1): the probability of the second of two classes */
    LEATI_GRAPH_SCORE   /* (rows) or (rows, 1): above 0 is the second of two classes */
} leati_graph_says;

typedef struct leati_graph_form {
    leati_graph_says says;
    size_t output;        /* where; of CLASS the same as label */
    bool has_label;       /* else the class is the one of the largest share or score */
    size_t label;         /* output with what the graph calls the class of the row */
    const char **classes; /* (count) what it calls them; only with has_label */
} leati_graph_form;

/* Everything that leati_estimator_load needs. */
leat_status leati_graph_estimator_state(leati_state *s, const leati_graph_form *form,
                                        leati_task task, uint32_t classes, size_t features,
                                        const void *onnx, size_t size);

/* The ONNX file, the estimator's; NULL: it is another one. */
const void *leati_graph_estimator_file(const leati_estimator *e, size_t *size);

#endif
