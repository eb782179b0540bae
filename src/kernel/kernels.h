/* The table of leaf kernels of one CPU level. Leaf: raw pointers and strides, one thread, no
 * allocation, no errors. Drivers (gemm.c, neighbors.c, ...) cut the work and call these. */
#ifndef LEATI_KERNEL_KERNELS_H
#define LEATI_KERNEL_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/learn_loops.h"
#include "kernel/smo_pass.h"
#include "kernel/tree_tests.h"
#include "kernel/vec.h"

/* How the left operand of a block lies in memory; `step` is a_step below.
 *   ROWS     element (i, p) at a[i * step + p]
 *   COLUMNS  element (i, p) at a[p * step + i]
 *   PACKED   what pack_a makes: the block's bands of rows one after the other, each by columns */
typedef enum leati_left { LEATI_LEFT_ROWS, LEATI_LEFT_COLUMNS, LEATI_LEFT_PACKED } leati_left;

/* C (m, n) = alpha A B + beta C for one block on one thread. Every element of C is one sum over p
 * in rising order, so it does not depend on m, n or the element's place in the block.
 *
 * B is cut into panels of nr columns: panel j starts at b + j * b_panel and has row p at
 * p * b_step. A last panel of fewer columns is read from b_tail when that is not NULL: row p at
 * p * nr, filled up with zeros; packed panels are always filled up, so they need no b_tail. */
#define LEATI_GEMM_KERNELS(suffix, type)                                                           \
    typedef struct leati_block_##suffix {                                                          \
        size_t m, n, k;                                                                            \
        leati_left left;                                                                           \
        const type *a;                                                                             \
        size_t a_step;                                                                             \
        const type *b, *b_tail;                                                                    \
        size_t b_step, b_panel;                                                                    \
        type alpha, beta;                                                                          \
        type *c;                                                                                   \
        size_t ldc;                                                                                \
        type *near; /* mr * k + 64 elements: rows of A go there band by band; or NULL */           \
    } leati_block_##suffix;                                                                        \
    typedef struct leati_gemm_kernels_##suffix {                                                   \
        size_t mr, nr; /* rows and columns of the register tile */                                 \
        size_t kc;     /* longest sum kept in registers: mr * kc of A stay in L1 */                \
        size_t nc;     /* kc * nc of B stay in L2; a multiple of nr */                             \
        void (*block)(const leati_block_##suffix *t);                                              \
        /* As block(), the same sums, for operands in the second-level cache: A and B by rows as   \
         * they lie, at least 64 rows; near: m * k and `strip` * k elements and two vectors. NULL  \
         * where it does not pay. */                                                               \
        void (*strips)(const leati_block_##suffix *t);                                             \
        size_t strip, strip_kc; /* columns side by side; terms of a pass then */                   \
        /* out: m * k elements for LEATI_LEFT_PACKED. `by_rows` as LEATI_LEFT_ROWS. */             \
        void (*pack_a)(size_t m, size_t k, const type *a, size_t step, bool by_rows, type *out);   \
        /* out: ceil(n / nr) panels of k * nr elements. `transposed`: b is (n, k), else (k, n). */ \
        void (*pack_b)(size_t n, size_t k, const type *b, size_t ldb, bool transposed, type *out); \
        /* c[i * row + j * column] = alpha a_i . b_j + beta c, rows of length k; for few rows. */  \
        void (*dots)(size_t m, size_t n, size_t k, const type *a, size_t lda, const type *b,       \
                     size_t ldb, type alpha, type beta, type *c, size_t row, size_t column);       \
    } leati_gemm_kernels_##suffix;

LEATI_GEMM_KERNELS(f32, float)
LEATI_GEMM_KERNELS(f64, double)

/* Delimited text, [begin, end) and at least 64 readable bytes more. */
typedef struct leati_decimals {
    const char *begin, *end;
    char delimiter, mark;
} leati_decimals;

typedef struct leati_kernels {
    const char *level;
    leati_vec vec;
    leati_gemm_kernels_f32 f32;
    leati_gemm_kernels_f64 f64;
    leati_smo_pass smo;
    /* Squared Euclidean distance in f64; differences of f32 are exact. */
    double (*dist2_wide)(size_t n, const float *x, const float *y);
    /* Writes to `found` the j in 0..n-1 for which norm[j] - 2 x[j] <= limit or is not a number;
     * returns their number. `found` has room for n. score[i] is the value for found[i]. */
    size_t (*below_f32)(size_t n, const float *x, const float *norm, float limit, uint32_t *found,
                        float *score);
    size_t (*below_f64)(size_t n, const double *x, const double *norm, double limit,
                        uint32_t *found, double *score);
    leati_learn_loops learn;
    leati_tree_tests_fn_f32 tree_f32;
    leati_tree_tests_fn_f64 tree_f64;
    /* Where fields of text[0, 64 * blocks) may end: the places of delimiters, line ends and zero
     * bytes, ascending, plus `from`. Returns their number; `out` has room for 8 more. */
    size_t (*breaks)(const char *text, size_t blocks, char delimiter, uint32_t from, uint32_t *out);
    /* Reads fields of the form [-]digits[mark digits], the first at *text, field i into
     * out[i][row]; returns how many, at most `count`, and moves *text to the end of the last, where
     * a delimiter or a line end stands. 0: the field at *text has another form, or is too near to
     * the beginning or the end of the text. Correctly rounded, so equal at all levels. NULL where a
     * level has nothing faster than leati_num_scan. */
    size_t (*decimals)(const leati_decimals *d, const char **text, size_t count, double *const *out,
                       size_t row);
} leati_kernels;

/* The tables that this build has; NULL members of the level's family are never offered. */
const leati_kernels *leati_kernels_of(const leat_context *c);

#endif
