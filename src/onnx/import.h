/* An ONNX model ready to run: its file, its weights as variables of a graph, its last recording. */
#ifndef LEATI_ONNX_IMPORT_H
#define LEATI_ONNX_IMPORT_H

#include "graph/shelf.h"
#include "onnx/run.h"

typedef struct leati_omodel leati_omodel;

/* device as for leat_graph_create. Errors: those of leati_onnx_open; UNSUPPORTED names every
 * operator that is not supported, at once. */
leat_status leati_omodel_open(leat_context *c, const char *path, const char *device,
                              leati_omodel **out);
/* From memory, which must outlive the model. shelf: for the weights that models of this file share,
 * on a device in host memory; NULL: the model has its own. */
leat_status leati_omodel_parse(leat_context *c, const void *data, size_t size, const char *name,
                               const char *device, leati_shelf *shelf, leati_omodel **out);
void leati_omodel_close(leati_omodel *m); /* NULL is fine */
/* From now on the model is this context's, of as many threads and the same CPU level as before. */
void leati_omodel_adopt(leati_omodel *m, leat_context *c);
const leati_onnx_model *leati_omodel_proto(const leati_omodel *m);

/* Inputs that have no initialiser, in order. */
size_t leati_omodel_input_count(const leati_omodel *m);
const leati_onnx_value_info *leati_omodel_input(const leati_omodel *m, size_t i);

/* The ZipMap that makes an output of the graph, whose maps are computed as a table (rows, classes)
 * of f32; NULL: none does. */
const leati_onnx_node *leati_omodel_zip(const leati_onnx_graph *g, const char *output);

/* Forgets the last recording and begins one: values for its inputs are made in it. */
leati_orun *leati_omodel_begin(leati_omodel *m);
/* Records the model without data, as far as its inputs say what shapes they have (of the first
 * dimension, if that is free, some are tried): an error is one that every run with such inputs
 * meets. OK also where values decide. */
leat_status leati_omodel_try(leati_omodel *m);
/* After the last look at the outputs: gives back a recording that is large and does not run again.
 */
void leati_omodel_rest(leati_omodel *m);
/* Bounds the nodes that the next recordings may run through (loops count each time); gives the
 * bound before. */
size_t leati_omodel_limit(leati_omodel *m, size_t nodes);
/* Gives graph input `index` (of the file's list, with those that have initialisers). */
leat_status leati_omodel_give(leati_omodel *m, size_t index, leati_oval *v);
/* Records the model and computes its outputs: values on the host, in the file's order, that hold
 * until the next recording. */
leat_status leati_omodel_compute(leati_omodel *m, leati_oval ***outs);

/* A tensor that a caller holds. */
typedef struct leati_otensor {
    int32_t element;
    leat_shape shape;
    const void *data;
} leati_otensor;
/* The same for tensors, by position of leati_omodel_input. Inputs of the shapes of the last time
 * run the same plan again when the model looked at no values. Outputs are values whose `host` holds
 * until the next run. */
leat_status leati_omodel_run(leati_omodel *m, const leati_otensor *in, leati_oval ***outs);

#endif
