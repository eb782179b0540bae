/* The operators: a function per row of operators.def, and what several of them share. */
#ifndef LEATI_ONNX_OPERATORS_H
#define LEATI_ONNX_OPERATORS_H

#include <leat/function.h>

#include "graph/shelf.h"
#include "onnx/run.h"

#define X(domain, Name) leat_status leati_on_##Name(leati_ocall *k);
#define MICROSOFT(Name) leat_status leati_on_microsoft_##Name(leati_ocall *k);
#include "onnx/operators.def"
#undef MICROSOFT
#undef X

/* Forwards a failure in a function that gives a tensor. */
#define LEATI_ONULL(expression)                                                                    \
    do {                                                                                           \
        if ((expression) != LEAT_OK) return NULL;                                                  \
    } while (0)

/* Whether the node is best computed on the host: everything is known and small, or of a type that
 * devices do not have. */
bool leati_oprefers_host(const leati_ocall *k);

/* `count` uniform numbers in [0, 1), in the arena; the attribute `seed` gives the same ones again.
 */
double *leati_orandom(leati_ocall *k, size_t count);

/* x (N, C, ...) convolved with w as the attributes of the node say. */
leat_tensor *leati_oconv(leati_ocall *k, leat_tensor *x, leat_tensor *w);

/* y with the list `input` added to its channels, if there is one. */
leat_tensor *leati_oadd_bias(leati_ocall *k, leat_tensor *y, size_t input);

/* (batch, length, heads x size) as (batch, heads, length, size); 4 dimensions stay. And back. */
leat_tensor *leati_osplit_heads(leati_ocall *k, leat_tensor *x, int64_t heads);
leat_tensor *leati_ojoin_heads(leat_tensor *x);
/* Every head of keys or values (batch, heads, length, size) serves a group of neighbouring heads of
 * queries. */
leat_tensor *leati_orepeat_heads(leati_ocall *k, leat_tensor *x, int64_t heads);

/* Rows of input `cache` (positions, angles) by position (batch or 1, length), for all heads:
 * (batch or 1, 1, length, angles). */
leat_tensor *leati_oangles(leati_ocall *k, size_t cache, leat_tensor *position);
/* x (batch, heads, length, size): the first 2 x angles elements of each head turned, as neighbours
 * where they are pairs, else the first half with the second. */
leat_tensor *leati_orotated(leat_tensor *x, leat_tensor *cosine, leat_tensor *sine, bool pairs);

/* x quantised to bytes by its own range, as DynamicQuantizeLinear does, less its zero point: f64,
 * which holds every sum of products of bytes exactly. */
leat_tensor *leati_oquantised(leat_tensor *x, leat_tensor **scale);

/* x, rounded, within what elements of a quantised tensor can be; NaN is the lowest. */
leat_tensor *leati_osaturated(leat_tensor *x, int32_t element);

/* UNSUPPORTED where input i is there, or the attribute is not 0. */
leat_status leati_orefuse_input(leati_ocall *k, size_t i, const char *name);
leat_status leati_orefuse_attribute(leati_ocall *k, const char *name);

/* Matrix product with lists as rows or columns. */
leat_tensor *leati_omatmul(leat_tensor *a, leat_tensor *b);

/* x with another shape of as many elements, wherever it is. */
leat_status leati_oreshape(leati_ocall *k, size_t i, leati_oval *x, leat_shape shape);
/* Elements [start, start + step, ...] of every axis. */
leati_oval *leati_oslice(leati_ocall *k, leati_oval *x, const int64_t *start, const int64_t *count,
                         const int64_t *step);
/* Values joined along an axis: all of one type, equal in the other dimensions. */
leati_oval *leati_oconcat(leati_ocall *k, size_t count, leati_oval *const *x, int axis);
/* Data of the arena in the graph. */
leat_tensor *leati_odata(leati_ocall *k, leat_dtype dtype, leat_shape shape, const void *data);
/* A value of a tensor in the graph; NULL when x is. */
leati_oval *leati_oval_of_tensor(leati_ocall *k, leat_tensor *x, bool varying);
/* Whether all inputs are data of the file, and the node one of the model's graph. */
bool leati_ois_once(const leati_ocall *k);
/* Then output 0 is f32 of this shape as `load` writes it: once for the model, not once a recording,
 * and once for all models that share a shelf. load must not run the graph. */
leat_status leati_oset_once(leati_ocall *k, leat_shape shape, leati_shelf_load load, void *arg);
/* Whether the first `count` inputs go through the graph: not all of them are known, and devices
 * have their types. */
bool leati_oneeds_graph(const leati_ocall *k, size_t count);
/* A known list of whole numbers. */
leati_oval *leati_oval_ints(leati_ocall *k, const int64_t *list, size_t count);

#endif
