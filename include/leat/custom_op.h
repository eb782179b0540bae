/* Operations of a user's own: a class with a shape function, a forward function on host memory and,
 * for training, a backward function that records operations. examples/custom_op.c shows one. */
#ifndef LEAT_CUSTOM_OP_H
#define LEAT_CUSTOM_OP_H

#include <leat/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LEAT_CUSTOM_INPUTS = 32, LEAT_CUSTOM_OUTPUTS = 16 };

/* Contiguous, row-major. In the shape function data is NULL. */
typedef struct leat_custom_operand {
    leat_dtype dtype;
    leat_shape shape;
    void *data; /* inputs must not be written */
} leat_custom_operand;

/* Must stay as it is until the graphs that use it are gone; may be shared by threads. */
typedef struct leat_custom_class {
    uint32_t struct_size; /* sizeof(leat_custom_class) */
    const char *name;     /* for messages */
    size_t outputs;       /* 1 .. LEAT_CUSTOM_OUTPUTS */

    /* Check the inputs; set dtype and shape of every output. Called when the operation is recorded.
     * Report with leat_error_set, or return a status: the name of the class comes before it. */
    leat_status (*shape)(leat_context *c, const void *params, size_t ins,
                         const leat_custom_operand *in, leat_custom_operand *out);

    /* Compute the outputs, all of their elements. Called in every run, on the thread that runs;
     * must depend on its inputs and params only. */
    leat_status (*forward)(leat_context *c, const void *params, size_t ins,
                           const leat_custom_operand *in, leat_custom_operand *out);

    /* Record the gradients: in_grad[i] of the type and shape of in[i], or NULL for zero, out of the
     * gradients of the outputs (NULL where nothing depends on that output). May be NULL: then no
     * gradient passes. needed[i] tells which ones are asked for. */
    leat_status (*backward)(const void *params, size_t ins, leat_tensor *const *in,
                            leat_tensor *const *out, leat_tensor *const *out_grad,
                            const bool *needed, leat_tensor **in_grad);
} leat_custom_class;

/* Records the operation. params (may be NULL) are copied: plain bytes without pointers, compared as
 * such when plans are looked up. in must not be empty; out gets kind->outputs tensors, NULL on
 * failure. */
LEAT_API LEAT_CHECKED leat_status leat_custom(const leat_custom_class *kind, const void *params,
                                              size_t param_bytes, size_t ins,
                                              leat_tensor *const *in, leat_tensor **out);

#ifdef __cplusplus
}
#endif

#endif
