/* A network in C while it is written: values, the loops over them, memory.
 *
 * A value is a place (an input, constants, a buffer of the workspace) seen through strides, so that
 * views cost nothing, or an elementwise result that is computed where it is read. A buffer lives
 * from the step that writes it to the last that reads it; buffers that never meet share memory. */
#ifndef LEATI_EXCHANGE_C_NET_H
#define LEATI_EXCHANGE_C_NET_H

#include "exchange/c_file.h"
#include "exchange/program.h"

typedef enum leati_c_place_kind { LEATI_C_GIVEN, LEATI_C_DATA, LEATI_C_BUFFER } leati_c_place_kind;

typedef struct leati_c_place {
    leati_c_place_kind kind;
    char name[96];
    leat_dtype dtype;
    size_t count;
    const void *data; /* DATA */
    bool written;     /* DATA: the constants stand in the file */
    int first, last;  /* BUFFER: steps */
    int shares;       /* BUFFER: another one that is read for the last time in step `first` and
                         whose memory it may take; -1: none */
    size_t at;        /* BUFFER: in the memory of its type */
} leati_c_place;

typedef struct leati_c_value {
    leat_dtype dtype;
    leat_shape shape;
    int place;           /* -1: none yet, see pending */
    leati_node *pending; /* elementwise */
    int64_t stride[LEAT_MAX_RANK], offset;
} leati_c_value;

typedef struct leati_c_net {
    leati_c_file *file;
    leat_context *context;
    leati_program program;
    leati_c_place *place;
    size_t places, place_capacity;
    leati_c_value **value; /* by id of node: one per output */
    leati_str body;        /* of the function */
    int step;
    unsigned helpers; /* bits of leati_c_net_helper */
    const char *scope;
} leati_c_net;

typedef enum leati_c_net_helper {
    LEATI_C_RELU = 1 << 0,
    LEATI_C_SIGMOID = 1 << 1,
    LEATI_C_SOFTPLUS = 1 << 2,
    LEATI_C_MAXIMUM = 1 << 3,
    LEATI_C_MINIMUM = 1 << 4,
    LEATI_C_SIGN = 1 << 5,
    LEATI_C_MODULO = 1 << 6,
    LEATI_C_WHOLE = 1 << 7,
    LEATI_C_MULTIPLY = 1 << 8,
    LEATI_C_WINDOW = 1 << 9,
    LEATI_C_CONVOLVE = 1 << 10,
    LEATI_C_CONVOLVE_BACK = 1 << 11,
    LEATI_C_POOL_MAX = 1 << 12,
    LEATI_C_POOL_MEAN = 1 << 13,
    LEATI_C_PLAIN = 1 << 14,
    LEATI_C_LSTM = 1 << 15,
    LEATI_C_GRU = 1 << 16,
    LEATI_C_RESAMPLE = 1 << 17
} leati_c_net_helper;
/* Adds the functions that the bits name to the file. */
void leati_c_net_functions(leati_c_file *f, unsigned helpers);

/* "float", "long long", ...; NULL for a type that networks do not hold. */
const char *leati_c_type(leat_dtype dtype);

leati_c_value *leati_c_value_of(leati_c_net *n, const leat_tensor *x);
/* The value of input i of a node, given a place. */
leat_status leati_c_input(leati_c_net *n, const leati_node *node, size_t i, leati_c_value *out);
/* The same with its elements in order, side by side. */
leat_status leati_c_dense_input(leati_c_net *n, const leati_node *node, size_t i,
                                leati_c_value *out);
leat_status leati_c_dense(leati_c_net *n, const leati_c_value *v, leati_c_value *out);
/* A new buffer in order for the output. */
leat_status leati_c_output(leati_c_net *n, const leat_tensor *x, leati_c_value *out);
leat_status leati_c_buffer(leati_c_net *n, leat_dtype dtype, leat_shape shape, leati_c_value *out);
/* What an expression calls a place from now on; counts as a use in this step. */
const char *leati_c_name(leati_c_net *n, int place);
/* "name + offset" */
void leati_c_address(leati_c_net *n, const leati_c_value *v);
/* to[...] = the value of x, elementwise results computed on the way. */
leat_status leati_c_store(leati_c_net *n, leat_tensor *x, const leati_c_value *to);
/* The only element of a constant. */
bool leati_c_literal(const leati_c_net *n, const leati_c_value *v, double *out);

/* Loops over a shape and how each of up to a few values is indexed in them. Dimensions of size 1
 * are left out and those that lie side by side in all values are one. */
enum { LEATI_C_OPERANDS = 48 };
typedef struct leati_c_loops {
    int depth;
    int64_t size[LEAT_MAX_RANK];
    int count;
    int64_t stride[LEATI_C_OPERANDS][LEAT_MAX_RANK];
    int64_t offset[LEATI_C_OPERANDS];
} leati_c_loops;
void leati_c_loops_init(leati_c_loops *l, leat_shape shape);
/* One more value, broadcast to the shape; its number. -1: too many. */
int leati_c_loops_add(leati_c_loops *l, const leati_c_value *v);
void leati_c_loops_merge(leati_c_loops *l);
void leati_c_loops_open(leati_c_net *n, const leati_c_loops *l, int from, int to);
void leati_c_loops_close(leati_c_net *n, int count);
/* Loops over the shape with these values as operands 0, 1, ..., opened, at the innermost line. */
void leati_c_loops_begin(leati_c_net *n, leati_c_loops *l, leat_shape shape, int count,
                         const leati_c_value *const *v);
/* "name[i * 4 + j]" */
void leati_c_element(leati_c_net *n, const leati_c_loops *l, int operand, const leati_c_value *v);
/* "[i * 4 + j + 2]" */
void leati_c_index(leati_c_net *n, const leati_c_loops *l, int operand);
void leati_c_indent(leati_c_net *n, int depth);

/* Writes one operation that is not elementwise and no view. */
leat_status leati_c_operation(leati_c_net *n, leati_node *node);
/* Whether a network's file can hold it. */
bool leati_c_takes(const leati_node *node);

#endif
