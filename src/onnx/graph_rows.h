/* Rows of numbers through an imported graph: what the estimator `graph` runs.
 *
 * The inputs take a row's features in order: one input of any shape (batch, ...), or several of
 * (batch) or (batch, 1) with a feature each. One thread at a time may use it; a pool keeps those
 * that rest, so that threads which ask one model at once get one each. */
#ifndef LEATI_ONNX_GRAPH_ROWS_H
#define LEATI_ONNX_GRAPH_ROWS_H

#include "base/resting.h"
#include "learn/dataset.h"
#include "onnx/import.h"

typedef struct leati_graph_rows leati_graph_rows;

/* Whether the inputs take rows of numbers: UNSUPPORTED says why not. */
leat_status leati_graph_rows_check(leat_context *c, const leati_omodel *m);

/* The file's bytes must outlive it. UNSUPPORTED: inputs that take no rows of numbers; SHAPE: they
 * take another number of features. shelf: as for leati_omodel_parse. */
leat_status leati_graph_rows_open(leat_context *c, const void *onnx, size_t size, size_t features,
                                  leati_shelf *shelf, leati_graph_rows **out);
void leati_graph_rows_close(leati_graph_rows *g); /* NULL is fine */
const leati_omodel *leati_graph_rows_model(const leati_graph_rows *g);

/* How many rows a run takes at most. */
size_t leati_graph_rows_most(const leati_graph_rows *g);
/* Computes rows [at, at + count) of x: outputs in the file's order, that hold until the next run.
 * *batch >= count is how many rows they have: a graph of batches of a fixed size gets the last row
 * as often as is needed. */
leat_status leati_graph_rows_run(leat_context *c, leati_graph_rows *g, const leati_matrix *x,
                                 size_t at, size_t count, leati_oval ***outs, size_t *batch);

/* A pool of graphs. */
leati_resting_pool *leati_graph_pool_create(leat_context *c);
/* One that fits the context, see leati_resting_pool_take. */
leati_graph_rows *leati_graph_pool_take(leati_resting_pool *p, leat_context *c);

#endif
