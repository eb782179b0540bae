/* Elementwise kernels on contiguous runs, by operation and type, and conversions of types. One
 * thread, no errors. The executor's fused loops call them tile by tile. */
#ifndef LEATI_KERNEL_ELTWISE_H
#define LEATI_KERNEL_ELTWISE_H

#include <stddef.h>

#include <leat/context.h>
#include <leat/tensor.h>

typedef enum leati_elt {
#define X(NAME, name, inputs, types, result) LEATI_ELT_##NAME,
#include "kernel/eltwise.def"
#undef X
    LEATI_ELT_COUNT
} leati_elt;

/* out may be one of the inputs. Unused inputs are ignored. */
typedef void (*leati_elt_fn)(size_t n, const void *a, const void *b, const void *c, void *out);

/* The kernel for inputs of the type (WHERE: of the second and third) at the CPU level of c, in
 * plain C for NULL; NULL where eltwise.def does not offer it. Errors: isa/elt_math.h. bf16 and f16
 * have only COPY and WHERE: the caller converts. */
leati_elt_fn leati_elt_kernel(const leat_context *c, leati_elt op, leat_dtype dtype);

/* Converts n elements. Float to integer goes towards zero and saturates, NaN gives 0; anything to
 * bool is != 0; to bf16 and f16 rounds to nearest even. Never NULL. */
leati_elt_fn leati_cast_kernel(const leat_context *c, leat_dtype from, leat_dtype to);

#endif
