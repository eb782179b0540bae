/* Checks of functions of a graph: on every device against the reference, gradients against
 * differences in f64, bitwise equal for 1 and 2 threads. */
#ifndef OPCHECK_H
#define OPCHECK_H

#include <leat/graph.h>

#include "support/leattest.h"

enum { OPCHECK_INPUTS = 10 };

typedef struct opcheck {
    const char *name;
    /* Records one value of a floating point type out of the inputs. */
    leat_tensor *(*build)(leat_tensor *const *in, const void *arg);
    const void *arg;
    int inputs;
    leat_shape shape[OPCHECK_INPUTS];
    /* Inputs from this number on are i64 with values 0 .. below[i] - 1 and have no gradient; 0: all
     * are floating point. */
    int first_index;
    int64_t below[OPCHECK_INPUTS];
    double low, high;  /* range of the inputs; both 0: -1 .. 1 */
    bool no_gradient;  /* no comparison with differences */
    bool second_order; /* also the gradient of the gradient */
    double rtol;       /* of f32 against the f64 reference; 0: 2e-5 */
} opcheck;

/* The first members; after them others by name: {OPCHECK("add", add, NULL, shape, shape), .low = 1}
 */
#define OPCHECK(name_, build_, arg_, ...)                                                          \
    .name = (name_), .build = (build_), .arg = (arg_),                                             \
    .inputs = (int)(sizeof((leat_shape[]){__VA_ARGS__}) / sizeof(leat_shape)),                     \
    .shape = {__VA_ARGS__}

void opcheck_run(leattest *t, const opcheck *o);

#endif
