/* An imported ONNX graph that is being served: its tensors as the Open Inference Protocol names
 * them, and what each thread needs to run it. */
#ifndef LEATI_SERVE_SERVED_GRAPH_H
#define LEATI_SERVE_SERVED_GRAPH_H

#include "base/file.h"
#include "io/zip.h"
#include "onnx/import.h"
#include "serve/line_log.h"
#include "serve/tensor_in.h"

/* An input or output. */
typedef struct leati_graph_port {
    const char *name; /* of the file */
    size_t name_length;
    leati_datatype type;
    int32_t element;                /* leati_onnx_element */
    size_t at;                      /* number in the file */
    int rank;                       /* -1: it is not announced */
    int64_t dim[LEATI_TENSOR_RANK]; /* -1: any */
    /* Of maps, as ZipMap makes them: the labels of the columns, in the file; NULL: no maps. */
    const leati_onnx_node *zip;
} leati_graph_port;

/* Of one thread. */
typedef struct leati_graph_runner {
    leat_context *context;
    leati_omodel *model;  /* NULL: this thread does not run it */
    leati_otensor *given; /* (ins) */
    void **space;         /* (ins): values in the form that the graph reads */
    size_t *space_bytes;
} leati_graph_runner;

typedef struct leati_served_graph {
    leati_zip_data onnx; /* which the runners read from: a view into the file, or its own memory */
    leati_bytes file;
    leati_graph_port *inputs, *outputs;
    size_t ins, outs;
    leati_shelf *shelf;          /* the weights of all runners */
    leati_graph_runner *runners; /* (slots) */
    uint32_t slots;
    bool too_long; /* for warming up */
    bool small;    /* every thread runs it, loops too; else those for long answers alone */
} leati_served_graph;

/* Out of the bytes of a model file with a graph, or of an ONNX file, which are copied, or else
 * (own) taken: *bytes is empty then. For `slots` threads of which the first `loops` are event
 * loops. UNSUPPORTED also: an input that no datatype of the protocol has, no output that is a
 * tensor. */
leat_status leati_served_graph_open(leat_context *c, leati_bytes *bytes, bool own, const char *what,
                                    uint32_t slots, uint32_t loops, leati_served_graph **out);
void leati_served_graph_close(leati_served_graph *g); /* NULL is fine */

/* How many labels a ZipMap has. */
size_t leati_graph_labels(const leati_onnx_node *zip);

/* Room for the values of an input; NULL with an error in the runner's context. */
void *leati_graph_space(leati_graph_runner *r, size_t input, size_t bytes);
/* The shortest of two runs on zeros, dimensions that may be any being 1, which also tell how many
 * dimensions outputs have that do not say it; 0 where the graph does not
 * take such tensors, or runs through too many nodes for it, which is said once. */
uint64_t leati_served_graph_warm_up(leati_served_graph *g, uint32_t slot, const char *name,
                                    leati_say say);

#endif
