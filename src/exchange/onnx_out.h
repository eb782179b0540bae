/* A recorded graph as the nodes of an ONNX model of any batch size.
 *
 * Graphs have fixed shapes, so the same computation is recorded twice, for batches of 2 and of 3:
 * dimensions that differ are multiples of the batch, which the model computes from its input. */
#ifndef LEATI_EXCHANGE_ONNX_OUT_H
#define LEATI_EXCHANGE_ONNX_OUT_H

#include "exchange/program.h"
#include "model/onnx_write.h"

enum { LEATI_ONNX_BATCHES = 2, LEATI_ONNX_FIRST_BATCH = 2 };

typedef struct leati_onnx_out {
    leat_context *context;
    leati_onnx_builder builder;
    leati_onnx_graph *graph;
    leati_program program[LEATI_ONNX_BATCHES];
    const char ***name;   /* by id of node of the first program: one per output */
    uint8_t *skip;        /* by id: part of another node's */
    const char *batch;    /* its size as a tensor (1); NULL: not yet */
    const char *batch_of; /* an input whose first dimension it is */
    unsigned count;       /* of names given */
    size_t at;            /* number of the node being written */
} leati_onnx_out;

/* Whether a node of this kind can be written. */
bool leati_onnx_out_takes(const leati_node *n);

/* Adds the nodes below the roots to out->graph, whose builder and batch_of are set. inputs: those
 * tensors of the first graph that the model's inputs are, named input_names. The roots become
 * values of the names given. */
leat_status leati_onnx_out_write(leati_onnx_out *o, leat_graph *const graph[LEATI_ONNX_BATCHES],
                                 size_t inputs, leat_tensor *const *input,
                                 const char *const *input_names, size_t roots,
                                 leat_tensor *const *const root[LEATI_ONNX_BATCHES],
                                 const char *const *root_names);

/* For the files that write nodes. Names live as long as the builder. */
bool leati_onnx_out_is_input(const leati_onnx_out *o, const char *name);
/* STEM_NUMBER, which nothing is called so far: inputs are declared before. */
const char *leati_onnx_out_fresh(leati_onnx_out *o, const char *stem);
/* The name of what input i of the node at o->at reads; constants become initialisers. */
const char *leati_onnx_out_in(leati_onnx_out *o, size_t i);
const char *leati_onnx_out_name(leati_onnx_out *o, leat_tensor *x);
/* A node with one output, which it names. ins ends with NULL. */
leati_onnx_node *leati_onnx_out_node(leati_onnx_out *o, const char *op, const char *const *ins,
                                     const char *out);
/* The same with a fresh name for the output. */
const char *leati_onnx_out_step(leati_onnx_out *o, const char *op, const char *a, const char *b);
const char *leati_onnx_out_transpose(leati_onnx_out *o, const char *x, int rank, const int *perm);
/* An initialiser; data are copied. */
const char *leati_onnx_out_constant(leati_onnx_out *o, const char *stem, leat_dtype dtype,
                                    const leat_shape *shape, const void *data);
const char *leati_onnx_out_ints(leati_onnx_out *o, const int64_t *v, size_t count);
/* Of a type: 1.0, 0.5, ... */
const char *leati_onnx_out_scalar(leati_onnx_out *o, leat_dtype dtype, double value);
int32_t leati_onnx_out_element(leat_dtype dtype); /* 0: none */

/* onnx_out_window.c */
leat_status leati_onnx_out_window(leati_onnx_out *o, leati_node *n, const char *out);
/* onnx_out_recurrent.c: marks what such nodes take in themselves; writes one. */
void leati_onnx_out_mark_recurrent(leati_onnx_out *o, leati_node *n);
leat_status leati_onnx_out_recurrent(leati_onnx_out *o, leati_node *n);

#endif
