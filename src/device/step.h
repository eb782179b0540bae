/* A plan as devices see it: a list of steps on operands at fixed addresses. */
#ifndef LEATI_DEVICE_STEP_H
#define LEATI_DEVICE_STEP_H

#include <leat/context.h>

#include "device/op.h"

/* Contiguous, row-major. `data` is an address of the device. */
typedef struct leati_operand {
    void *data;
    leat_shape shape;
    leat_dtype dtype;
} leati_operand;

typedef struct leati_step {
    leati_op op;
    uint16_t ins, outs;
    const void *attrs;
    leati_operand *in, *out;
    void *scratch; /* of as many bytes as the kernel asked for, 64-byte aligned */
    size_t scratch_bytes;
    void *kept;                /* the weights as keep() laid them out; NULL: they are not */
    struct leati_kept *keeper; /* the graph's */
    void *prepared; /* what the kernel worked out when the plan was made; NULL: nothing */
    const struct leati_kernel *kernel;
    const char *scope; /* "layer 3 `dense` (net.yaml:12)", for messages; NULL: none */
} leati_step;

/* Runs one step; may use the pool of the context and its error, allocates nothing. Outputs of 0
 * bytes have any address. */
typedef leat_status (*leati_step_fn)(leat_context *c, const leati_step *s);

typedef struct leati_kernel {
    leati_step_fn run;
    /* Bytes of scratch, from shapes and attributes alone (data pointers are not set yet).
     * NULL: none. */
    size_t (*scratch)(const leat_context *c, const leati_step *s);
    /* Whether it takes these types and attributes; NULL: always. */
    bool (*takes)(const leati_step *s);
    /* Output 0 may be at the address of input i where bit i is set (equal sizes). */
    uint32_t in_place;
    /* Output k may be at the address of input k (equal sizes), for every k. */
    bool in_place_pairs;
    /* What does not change from run to run, worked out once per plan from shapes and attributes
     * (data pointers are not set yet): `prepare` fills s->prepared, of the bytes that
     * `prepared_bytes` says, zeroed. NULL: nothing. */
    size_t (*prepared_bytes)(const leat_context *c, const leati_step *s);
    void (*prepare)(leat_context *c, const leati_step *s);
    /* Input 1 stays the same for many runs: keep() lays it out once, into s->kept, of the bytes
     * that `kept_bytes` says (0: not for this step). The layout depends on the attributes and the
     * shape of input 1 alone. Where s->kept is not NULL run() reads it, and `scratch` asks for
     * less. */
    size_t (*kept_bytes)(const leat_context *c, const leati_step *s);
    void (*keep)(leat_context *c, const leati_step *s);
} leati_kernel;

static inline size_t leati_operand_count(const leati_operand *o)
{
    size_t n = 1;
    for (int i = 0; i < o->shape.rank; i++) n *= (size_t)o->shape.dim[i];
    return n;
}

/* "in layer ...: " or nothing goes before the message of a failed step. */
leat_status leati_step_failed(leat_context *c, const leati_step *s);

#endif
