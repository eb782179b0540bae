/* Running ONNX models by recording them: values, one recording, one node that is being recorded.
 *
 * A model is walked node by node; each records operations of a leat_graph or, where everything it
 * needs is known on the host, computes there and then. So shapes that depend on constants and on
 * shapes of inputs are folded on the way, and control flow is control flow in C. A value that a
 * shape depends on and that is not known is forced: the graph runs for it. */
#ifndef LEATI_ONNX_RUN_H
#define LEATI_ONNX_RUN_H

#include <leat/graph.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "model/onnx_file.h"
#include "model/onnx_ops.h"
#include "tensor/shape.h"

typedef enum leati_oval_kind {
    LEATI_OVAL_NONE, /* an optional that is empty */
    LEATI_OVAL_TENSOR,
    LEATI_OVAL_SEQUENCE
} leati_oval_kind;

/* A value, in the arena of a recording. A tensor has at least one of `tensor`, `host` and `proto`;
 * the others are made when they are needed. On the host an element takes leati_oval_width bytes:
 * elements below 8 bits have a byte each, texts a leati_pb_bytes. */
typedef struct leati_oval leati_oval;
struct leati_oval {
    leati_oval_kind kind;
    int32_t element; /* leati_onnx_element; of a sequence: of its elements, or 0 */
    leat_shape shape;
    leat_tensor *tensor;
    const void *host;
    const leati_onnx_tensor *proto; /* data in the file */
    bool varying;                   /* depends on inputs of the model, not only on their shapes */
    leati_oval **items;             /* of a sequence */
    size_t count;
    leat_tensor *centred;   /* of a quantised tensor: less its zero point, in f32, or NULL */
    const leati_oval *zero; /* with centred: the zero point; NULL: 0 */
};

typedef struct leati_ochange { /* a value before it was computed or put into the graph */
    leati_oval *at, was;
} leati_ochange;

typedef struct leati_orun { /* one recording */
    leat_context *context;
    leat_graph *graph;
    leati_arena arena;
    leati_onnx *file;
    size_t nodes_most, nodes_left; /* bound against hostile loops */
    size_t loops;                  /* that are run step by step, one inside the other */
    leati_ochange *changes;        /* made in them */
    size_t change_count, change_capacity;
    uint64_t draws;       /* of random operators */
    leat_variable **once; /* per node of the model's graph: what leati_oset_once made, or NULL */
    bool forced;          /* something that varies was looked at: the recording holds only once */
    bool hollow;          /* inputs have shapes and no data: nothing that varies can be looked at */
    bool in_body; /* of a loop as one operation: nothing runs, and nothing has data of its own */
} leati_orun;

/* Values by name in one graph. */
typedef struct leati_oframe leati_oframe;
typedef struct leati_ocall leati_ocall;
struct leati_oframe {
    const leati_oframe *parent;          /* the graph around it; NULL for functions and the model */
    const leati_onnx_function *function; /* NULL: none */
    const leati_ocall *caller;           /* of the function */
    leati_map names;
    leati_oval **values;
    size_t capacity;
};

/* One node that is being recorded. */
struct leati_ocall {
    leati_orun *run;
    leat_context *context;
    leat_graph *graph;
    const leati_onnx_node *node; /* attributes of functions are filled in */
    const leati_onnx_op *op;     /* NULL for operators that the table does not know */
    int64_t version;             /* of the node's domain */
    const leati_oframe *frame;
    size_t ins, outs;
    leati_oval **in, **out; /* NULL: left out */
    bool varying;           /* some input does */
};

typedef leat_status (*leati_oop_fn)(leati_ocall *k);
typedef struct leati_oop {
    const char *domain, *name;
    leati_oop_fn record;
} leati_oop;
/* The row of operators.def, or NULL. */
const leati_oop *leati_oop_find(const char *domain, const char *name);

/* ---- values ---------------------------------------------------------------------------------- */

/* The type on a device; false for those that are only on the host. */
bool leati_oval_dtype(int32_t element, leat_dtype *out);
int32_t leati_oval_element(leat_dtype dtype);
size_t leati_oval_width(int32_t element);
leati_oval *leati_oval_new(leati_orun *r, leati_oval_kind kind, int32_t element, leat_shape shape,
                           bool varying);
/* The value of a tensor in the file; loaded when it is looked at. */
leati_oval *leati_oval_of_proto(leati_orun *r, const leati_onnx_tensor *t);
/* Elements are 0 until written. */
leati_oval *leati_oval_of_host(leati_orun *r, int32_t element, leat_shape shape, void **data);
/* LIMIT for shapes whose bytes overflow, SHAPE for those that are none. */
leat_status leati_oval_check(leat_context *c, const leat_shape *s, int32_t element);
/* Before a value is changed: loops that give back what their steps recorded undo it. */
leat_status leati_oval_changes(leati_orun *r, leati_oval *v);
/* Known on the host without running anything. */
bool leati_oval_known(const leati_oval *v);
/* The elements on the host; runs the graph where they are not known. */
leat_status leati_oval_host(leati_orun *r, leati_oval *v, const void **out);
/* The same of several at once: one run of the graph. NULLs and what is known are left alone. */
leat_status leati_oval_host_all(leati_orun *r, size_t count, leati_oval *const *v);
/* The tensor in the graph; NULL with an error for texts and the like. */
leat_tensor *leati_oval_tensor(leati_orun *r, leati_oval *v);

/* Elements of host data as numbers and back, by type. */
double leati_oget(int32_t element, const void *data, size_t i);
void leati_oput(int32_t element, void *data, size_t i, double value);
int64_t leati_oget_int(int32_t element, const void *data, size_t i);
void leati_oput_int(int32_t element, void *data, size_t i, int64_t value);

/* Copies a box of elements between strided places (strides in elements). */
void leati_ocopy(int rank, const int64_t *dims, size_t width, const void *from,
                 const int64_t *from_strides, void *to, const int64_t *to_strides);
/* Row-major strides in elements. */
void leati_ostrides(const leat_shape *s, int64_t *strides);

/* ---- inputs, outputs, attributes of a call -----------------------------------------------------
 */

static inline bool leati_ohas(const leati_ocall *k, size_t i)
{
    return i < k->ins && k->in[i];
}
static inline bool leati_owants(const leati_ocall *k, size_t i)
{
    return i < k->node->output.count && *k->node->output.at[i];
}
/* Input i in the graph; NULL with an error when it is not a tensor. */
leat_tensor *leati_oin(leati_ocall *k, size_t i);
/* Its elements on the host. FORMAT when it is left out or no tensor. */
leat_status leati_ohost(leati_ocall *k, size_t i, const void **out);
/* Its elements as whole numbers, in the arena; a scalar is a list of one. */
leat_status leati_oints(leati_ocall *k, size_t i, const int64_t **out, size_t *count);
/* The one element of input i. */
leat_status leati_oint(leati_ocall *k, size_t i, int64_t *out);
leat_status leati_onumber(leati_ocall *k, size_t i, double *out);
/* A copy as f64, in the arena. */
leat_status leati_of64(leati_ocall *k, size_t i, double **out);
/* The first count inputs are tensors that are there. */
leat_status leati_oneed(leati_ocall *k, size_t count);
/* Whether every input that is there is known. */
bool leati_oall_known(const leati_ocall *k);

/* Output i is x; the recorded error when x is NULL. */
leat_status leati_oset(leati_ocall *k, size_t i, leat_tensor *x);
/* Output i is an existing value. */
leat_status leati_opass(leati_ocall *k, size_t i, leati_oval *v);
/* Output i is a new tensor on the host, zeroed. */
leat_status leati_onew(leati_ocall *k, size_t i, int32_t element, leat_shape shape, void **data);
/* The same out of f64 numbers. */
leat_status leati_oset_f64(leati_ocall *k, size_t i, int32_t element, leat_shape shape,
                           const double *data);

bool leati_oattr_has(const leati_ocall *k, const char *name);
int64_t leati_oattr_int(const leati_ocall *k, const char *name, int64_t otherwise);
double leati_oattr_float(const leati_ocall *k, const char *name, double otherwise);
/* The text in the arena, or its default, or otherwise. */
const char *leati_oattr_text(leati_ocall *k, const char *name, const char *otherwise);
/* NULL and 0 when it is not there. */
const int64_t *leati_oattr_ints(const leati_ocall *k, const char *name, size_t *count);

/* -1 with an error when out of range. */
int leati_oaxis(leati_ocall *k, int64_t axis, int rank);
/* The same for a list. */
leat_status leati_oaxes(leati_ocall *k, const int64_t *axes, size_t count, int rank, int *out);
leat_status leati_ofail(leati_ocall *k, leat_status st, const char *format, ...) LEAT_PRINTF(3, 4);
void *leati_oalloc(leati_ocall *k, size_t count, size_t size); /* zeroed, in the arena */

/* ---- graphs ------------------------------------------------------------------------------------
 */

void leati_oframe_init(leati_oframe *f, leati_orun *r, const leati_oframe *parent);
void leati_oframe_fini(leati_oframe *f);
leat_status leati_oframe_bind(leati_oframe *f, const char *name, leati_oval *v);
leati_oval *leati_oframe_find(const leati_oframe *f, const char *name);
/* Records the nodes of a graph whose inputs are bound. */
leat_status leati_ograph_record(leati_orun *r, leati_oframe *f, const leati_onnx_graph *g);
/* A subgraph as a function of its inputs; outs must have room for its outputs. */
leat_status leati_osubgraph(leati_ocall *k, const char *attribute, size_t ins,
                            leati_oval *const *in, leati_oval **outs);
const leati_onnx_graph *leati_oattr_graph(const leati_ocall *k, const char *name);

#endif
