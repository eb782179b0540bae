/* Owns: the public matrix products. Not: how they are cut (gemm_blocks.h), the arithmetic
 * (isa/gemm_type.h). */
#include "kernel/gemm.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/kernels.h"

enum {
    SMALL_BYTES = 48 << 10, /* scratch taken from the stack */
    FEW_ROWS = 8,           /* dot products instead of tiles */
    FEW_COLUMNS = 4,
    SOME_COLUMNS = 16,                /* the same where rows of A come from memory, */
    NEAR_BYTES = 4 << 20,             /* being more than this: they are read in order, once */
    TALL_DEPTH = 64,                  /* rows that are copied at once, in products over more */
    TALL_WIDTH = 1024,                /* terms than the caches hold, */
    TALL_STEP = TALL_WIDTH + 64 + 32, /* from row to row of the copy, */
    TALL_CHUNKS = 16,                 /* chunks of terms, */
    TALL_PARTIALS = 1 << 21,          /* elements of their sums */
    SQUARE_DEPTH = 256,               /* A^T A: rows of A packed at once, */
    SQUARE_ROWS = 4,                  /* panels of C that a task holds: down, */
    SQUARE_COLUMNS = 8,               /* across, */
    SQUARE_NARROW = 128               /* columns up to which slices of rows get sums of their own */
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
