/* Many rows through a small tree, in the table of leaf kernels (kernels.h): one thread, no
 * allocation, no errors.
 *
 * QuickScorer (Lucchese et al., SIGIR 2015) in vectors of rows (Lucchese et al., SIGIR 2016): a bit
 * per leaf, in the order of the leaves from left to right. Every test is made, and where it sends a
 * row to the right it takes away the leaves below its left child; the lowest bit that is left is
 * the row's leaf. No branch depends on a value. */
#ifndef LEATI_KERNEL_TREE_TESTS_H
#define LEATI_KERNEL_TREE_TESTS_H

#include <stddef.h>
#include <stdint.h>

/* Leaves are bits of `bits`: at most LEATI_TREE_LEAVES_f32 or _f64, so one test and one column less
 * at most. x <= threshold goes left; where x is NaN, the tests before `plain` go right, the others
 * left. */
#define LEATI_TREE_TESTS(suffix, type, bits)                                                       \
    typedef struct leati_tree_tests_##suffix {                                                     \
        size_t tests, plain, columns;                                                              \
        const uint32_t *column; /* (columns) of the matrix that the tests look at */               \
        const uint32_t *at;     /* (tests) numbers among these */                                  \
        const type *threshold;  /* (tests) */                                                      \
        const bits *keep;       /* (tests) what going right leaves */                              \
        const uint32_t *leaf;   /* (leaves) what is written for it */                              \
    } leati_tree_tests_##suffix;                                                                   \
    /* leaf[i] for the rows x + i * stride, 0 .. n-1. */                                           \
    typedef void (*leati_tree_tests_fn_##suffix)(const leati_tree_tests_##suffix *t, size_t n,     \
                                                 const type *x, size_t stride, uint32_t *leaf);

enum { LEATI_TREE_LEAVES_f32 = 32, LEATI_TREE_LEAVES_f64 = 64 };

LEATI_TREE_TESTS(f32, float, uint32_t)
LEATI_TREE_TESTS(f64, double, uint64_t)

#endif
