/* Owns: thin matrix products, as calls of the leaf kernels. */
#include "kernel/skinny.h"

#include "kernel/kernels.h"

/* Terms of a backward product that are summed at once; bounds the tail on the stack. */
enum { DEPTH = 64, WIDEST = 64 };

/* Either operand may be the one of few rows: the products are the same. */
#define SKINNY(suffix, type)                                                                       \
    void leati_forward_##suffix(const leati_kernels *level, size_t rows, size_t cols,              \
                                size_t outputs, const type *x, size_t ldx, const type *w, type *z, \
                                size_t ldz)                                                        \
    {                                                                                              \
        if (rows > 1) level->suffix.dots(outputs, rows, cols, w, cols, x, ldx, 1, 0, z, ldz, 1);   \
        else level->suffix.dots(rows, outputs, cols, x, ldx, w, cols, 1, 0, z, 1, ldz);            \
    }                                                                                              \
    void leati_backward_##suffix(const leati_kernels *level, size_t rows, size_t cols,             \
                                 size_t outputs, const type *x, size_t ldx, const type *p,         \
                                 size_t ldp, type *g)                                              \
    {                                                                                              \
        type tail[DEPTH * WIDEST] __attribute__((aligned(64)));                                    \
        size_t nr = level->suffix.nr, rest = cols % nr;                                            \
        for (size_t i = 0; i < rows; i += DEPTH) {                                                 \
            size_t depth = rows - i < DEPTH ? rows - i : DEPTH;                                    \
            const type *block = x + i * ldx;                                                       \
            leati_block_##suffix t = {.m = outputs,                                                \
                                      .n = cols,                                                   \
                                      .k = depth,                                                  \
                                      .left = LEATI_LEFT_ROWS,                                     \
                                      .a = p + i,                                                  \
                                      .a_step = ldp,                                               \
                                      .b = block,                                                  \
                                      .b_tail = rest ? tail : NULL,                                \
                                      .b_step = ldx,                                               \
                                      .b_panel = nr,                                               \
                                      .alpha = 1,                                                  \
                                      .beta = 1,                                                   \
                                      .c = g,                                                      \
                                      .ldc = cols};                                                \
            if (rest) level->suffix.pack_b(rest, depth, block + cols - rest, ldx, false, tail);    \
            level->suffix.block(&t);                                                               \
        }                                                                                          \
    }
SKINNY(f32, float)
SKINNY(f64, double)
