/* The inside of a graph: nodes, tensors, the classes of operations. */
#ifndef LEATI_GRAPH_GRAPH_H
#define LEATI_GRAPH_GRAPH_H

#include <leat/graph.h>

#include "base/arena.h"
#include "base/error.h"
#include "device/device.h"

typedef struct leati_node leati_node;

struct leat_tensor {
    leati_node *node;
    uint32_t index; /* which output of the node */
    leat_dtype dtype;
    leat_shape shape;
    void *data;    /* address on the device, of a root after a run */
    uint32_t slot; /* of the planner */
};

struct leati_node {
    leat_graph *graph;
    leati_op op;
    uint32_t id; /* in order of recording: inputs have lower numbers */
    uint16_t ins, outs;
    leat_tensor **in;
    leat_tensor *out;
    void *attrs;
    size_t attr_bytes;
    const char *scope;       /* NULL: none */
    const void *host;        /* INPUT: bound data; CONSTANT: its data; CHECKPOINT: its segment */
    leat_variable *variable; /* VARIABLE, ASSIGN */
    uint32_t mark;           /* of a traversal, see graph.epoch */
    uint32_t place;          /* in the order of the structure; INPUT: number among inputs */
};

struct leat_variable {
    leat_graph *graph;
    char *name;
    leat_dtype dtype;
    leat_shape shape;
    size_t bytes;
    void *data;           /* on the device */
    uint64_t version;     /* of a whole: changes with what is in it or in its parts */
    leat_variable *whole; /* the variable it is a part of, or itself */
    bool borrowed;        /* data belong to the caller */
    leat_variable *next;
};

/* Forgets the tensors that were recorded since its arena stood at `mark`; results of the last run
 * can no longer be read. */
void leati_graph_rewind(leat_graph *g, leati_arena_mark mark);

/* A variable on memory of the caller, on a device in host memory. It is for reading: several graphs
 * may share it. */
leat_status leati_variable_borrow(leat_graph *g, const char *name, leat_dtype dtype,
                                  leat_shape shape, const void *data, leat_variable **out);

/* Some of a variable's bytes, from `offset` on. */
leat_status leati_variable_read(const leat_variable *v, size_t offset, void *data, size_t bytes);

/* What the graph knows of an operation: a class per row of eltwise.def and ops.def. */
typedef struct leati_op_class {
    /* Check inputs and attributes; set dtype and shape of every output. */
    leat_status (*infer)(leat_context *c, leati_node *n);
    /* Set in_grad[i] where needed[i]; out_grad[j] is NULL where nothing depends on output j (never
     * all of them). in_grad may stay NULL: zero. NULL: no gradient (integers, comparisons). */
    leat_status (*gradient)(leati_node *n, leat_tensor *const *out_grad, const bool *needed,
                            leat_tensor **in_grad);
    /* The same outputs out of other operations; NULL for a primitive. */
    leat_status (*expand)(leati_node *n, leat_tensor **out);
} leati_op_class;
const leati_op_class *leati_op_class_of(leati_op op);

/* Record a node and infer its outputs. NULL if an input is NULL or something fails (then an error
 * stands). attrs are copied; all inputs must be of graph g. */
leati_node *leati_node_new(leat_graph *g, leati_op op, size_t ins, leat_tensor *const *in,
                           const void *attrs, size_t attr_bytes);
/* The same, giving output 0. */
leat_tensor *leati_op1(leat_graph *g, leati_op op, size_t ins, leat_tensor *const *in,
                       const void *attrs, size_t attr_bytes);
/* RESHAPE and EXPAND take the wanted shape, CAST the wanted type. */
leati_node *leati_node_shaped(leat_graph *g, leati_op op, leat_tensor *x, leat_dtype dtype,
                              const leat_shape *shape);

/* What both are made of: the number of outputs, and type and shape of output 0 as inference finds
 * them (shape NULL: it sets them itself). */
leati_node *leati_node_make(leat_graph *g, leati_op op, size_t ins, leat_tensor *const *in,
                            size_t outs, const void *attrs, size_t attr_bytes, leat_dtype dtype,
                            const leat_shape *shape);
/* A scalar of the nearest value that the type has. */
leat_tensor *leati_scalar_near(leat_graph *g, leat_dtype dtype, double value);
/* Breaks the recording: an operation failed, and the error stands in the context. */
void leati_graph_break(leat_graph *g);
/* Whether it is broken. Where the error was cleared without the graph, it is told again. */
bool leati_graph_stopped(leat_graph *g);
/* Until the function returns, messages name it and not the operations it is made of; the outermost
 * of several counts. g NULL is fine. */
leat_graph *leati_called_begin(leat_graph *g, const char *name);
void leati_called_end(leat_graph **g);
#define LEATI_CALLED(g, name)                                                                      \
    __attribute__((cleanup(leati_called_end), unused)) leat_graph *leati_called =                  \
        leati_called_begin((g), (name))
/* Breaks the recording with an error that names scope and operation; gives NULL. */
leat_tensor *leati_refuse(leat_graph *g, leati_op op, leat_status st, const char *format, ...)
    LEAT_PRINTF(4, 5);

/* As leat_gradients with a seed, but the xs count as independent of each other: nothing goes
 * through one of them to another. */
leat_status leati_gradients_partial(leat_tensor *y, leat_tensor *seed, size_t count,
                                    leat_tensor *const *xs, leat_tensor **out);

/* Options of a caller over the defaults in `out`, see base/options.h; false breaks the recording.
 */
bool leati_graph_options(leat_graph *g, void *out, size_t size, const void *given,
                         const char *type);
#define LEATI_GRAPH_OPTIONS(g, type, out, given)                                                   \
    leati_graph_options((g), (out), sizeof(type), (given), #type)

/* The output 0 of an elementwise operation. */
leat_tensor *leati_elementwise(leati_op op, leat_tensor *a, leat_tensor *b, leat_tensor *c);
/* dy summed down to the shape that was broadcast to dy's. */
leat_tensor *leati_unbroadcast(leat_tensor *dy, const leat_shape *shape);
/* A tensor of the value, of x's type and shape. */
leat_tensor *leati_full_like(leat_tensor *x, double value);

/* "`matmul`" with its scope, for messages: "layer 3 `dense`: `matmul`". */
leat_status leati_node_fail(leat_context *c, const leati_node *n, leat_status st,
                            const char *format, ...) LEAT_PRINTF(4, 5);

/* -1 with an error recorded when out of range. */
int leati_axis(leat_context *c, const leati_node *n, int axis, int rank);

typedef struct leati_plan leati_plan;
typedef struct leati_workspace leati_workspace;
typedef struct leati_plan_entry {
    uint8_t *key;
    size_t key_bytes;
    uint64_t hash;
    leati_plan *plan;
    uint64_t used; /* run number, for eviction */
} leati_plan_entry;

typedef struct leati_trace leati_trace;
typedef struct leati_graph_body leati_graph_body;
typedef struct leati_kept leati_kept;
typedef struct leati_shelf leati_shelf;

enum { LEATI_PLANS = 64 };

struct leat_graph {
    leat_context *context;
    leati_device *device;
    leati_arena arena;
    uint32_t nodes;
    uint32_t clears; /* how often tensors were forgotten */
    uint32_t epoch;  /* of traversal marks */
    leat_variable *variables;
    leati_kept *kept;   /* laid-out weights of plans */
    leati_shelf *shelf; /* for those of borrowed variables; NULL: among `kept` */
    char *scope;        /* joined, "" at the top */
    size_t scope_capacity;
    size_t *scope_ends; /* lengths that it had before each push */
    size_t scope_depth, scope_end_capacity;
    const char *scope_copy;     /* in the arena; NULL: to be copied */
    const char *backward;       /* scope of the gradients being recorded; NULL: the joined one */
    bool half_products;         /* precision bf16 */
    bool broken;                /* an operation failed since the last clear */
    leat_status failure_status; /* of the first that failed; LEAT_OK: none, or nothing was said */
    const char *called; /* the function that records, for messages; NULL: an operation itself */
    char failure[512];  /* what was said of it */
    bool misbound;      /* leat_bind was given no input: the next run says so */
    leati_plan_entry plans[LEATI_PLANS];
    leati_workspace *workspace; /* of some of them, which take turns in it; NULL: none yet */
    uint64_t runs;
    leati_trace *trace; /* being taken; NULL: none */
    leat_graph *root;   /* the graph around this body, the outermost; itself where it is none */
    leati_graph_body *bodies; /* of the loops; at the root */
    size_t body_count;
    /* The last run, for running the same again without a look at the structure. */
    leati_plan *last_plan;
    size_t last_count;
    leat_tensor **last_roots; /* then the inputs of the plan */
    size_t last_capacity;
};

#endif
