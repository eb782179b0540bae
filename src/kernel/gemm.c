/* Owns: how matrix products are cut into tasks, passes and blocks, and which operands are packed.
 * Not: the arithmetic (isa/gemm_type.h). */
#include "kernel/gemm.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/kernels.h"

#define SMALLEST_TASK 120000.0 /* multiplications: about a microsecond */
enum {
    LEFT_BYTES = 2 << 20,   /* packed rows of A kept at once */
    SMALL_BYTES = 48 << 10, /* scratch taken from the stack */
    FEW_ROWS = 8,           /* dot products instead of tiles */
    FEW_COLUMNS = 4,
    TALL = 16,          /* passes over B that no cache holds */
    SQUARE_DEPTH = 256, /* A^T A: rows of A packed at once, */
    SQUARE_ROWS = 4,    /* panels of C that a task holds: down, */
    SQUARE_COLUMNS = 8, /* across, */
    SQUARE_NARROW = 128 /* columns up to which slices of rows get sums of their own */
};

#define NAME(x)    x##_f32
#define KERNELS_OF (&leati_kernels_of(c)->f32)
#define T          float
#include "kernel/gemm_driver.h"
#undef NAME
#undef KERNELS_OF

#define NAME(x)    x##_f64
#define KERNELS_OF (&leati_kernels_of(c)->f64)
#define T          double
#include "kernel/gemm_driver.h"
#undef NAME
#undef KERNELS_OF
