/* Kernel functions of support vector machines, evaluated in blocks by matrix products. */
#ifndef LEATI_LEARN_KERNEL_FN_H
#define LEATI_LEARN_KERNEL_FN_H

#include "learn/dataset.h"
#include "learn/param.h"
#include "learn/state.h"

typedef enum leati_kernel_kind {
    LEATI_KERNEL_LINEAR,  /* x.y */
    LEATI_KERNEL_POLY,    /* (gamma x.y + coef0)^degree */
    LEATI_KERNEL_RBF,     /* exp(-gamma |x - y|^2) */
    LEATI_KERNEL_SIGMOID, /* tanh(gamma x.y + coef0) */
    LEATI_KERNEL_KINDS
} leati_kernel_kind;

#define LEATI_KERNEL_CHOICES "linear|poly|rbf|sigmoid"
#define LEATI_GAMMA_CHOICES  "scale|auto"

typedef struct leati_kernel_fn {
    leati_kernel_kind kind;
    int degree;
    double gamma, coef0;
} leati_kernel_fn;

/* Rows made ready for kernel evaluation: packed, moved by -center, in f32 or f64. */
typedef struct leati_kernel_rows {
    size_t rows, cols;
    double *f64;    /* (rows, cols), exactly one of the two is set; owned */
    float *f32;     /* (rows, cols) */
    double *square; /* (rows) squared norms; owned */
} leati_kernel_rows;

/* gamma = scale: 1 / (cols * variance of all values), 1 for constant data; auto: 1 / cols. Rows
 * count by weight, so that a row of weight 2 is two rows (scikit-learn counts each once). */
double leati_kernel_gamma(leat_context *c, const leati_mixed *gamma, const leati_dataset *d);

/* The rows x[order[0..count-1]] (order NULL: all of x), less center (NULL: zero). */
leat_status leati_kernel_rows_init(leat_context *c, leati_kernel_rows *out, const leati_matrix *x,
                                   const uint32_t *order, size_t count, const double *center,
                                   bool f32);
void leati_kernel_rows_fini(leati_kernel_rows *rows);
/* A view of rows [from, from + count). */
leati_kernel_rows leati_kernel_rows_part(const leati_kernel_rows *rows, size_t from, size_t count);

/* Rows for a machine named `name`: in f64, or in f32 where that saves time and K stays right to
 * about 1e-5. In f32, rows of kernels that do not see a translation (rbf; linear, as dual variables
 * sum to 0) are centred, else |x|^2 + |y|^2 - 2 x.y would cancel; then *center (cols) is what was
 * subtracted, otherwise NULL. LEAT_NUMERIC when K would overflow. The caller frees both, on failure
 * too. */
leat_status leati_kernel_prepare(leat_context *c, const char *name, const leati_kernel_fn *fn,
                                 const leati_matrix *x, const uint32_t *order, size_t count,
                                 double **center, leati_kernel_rows *rows);

/* K(x, x) of a row. */
double leati_kernel_self(const leati_kernel_fn *fn, const leati_kernel_rows *rows, size_t row);
/* An upper bound of |K| between rows of x. */
double leati_kernel_bound(const leati_kernel_fn *fn, const leati_kernel_rows *rows);

/* out (a->rows, b->rows), ldo >= b->rows: K of every pair. a and b are both f32 or both f64. */
leat_status leati_kernel_block_f32(leat_context *c, const leati_kernel_fn *fn,
                                   const leati_kernel_rows *a, const leati_kernel_rows *b,
                                   float *out, size_t ldo);
/* The same in f64, out packed. scratch: as many values, for rows in f32; else NULL. */
leat_status leati_kernel_block_f64(leat_context *c, const leati_kernel_fn *fn,
                                   const leati_kernel_rows *a, const leati_kernel_rows *b,
                                   float *scratch, double *out);

/* A machine's kernel, support vectors and centre (or NULL), to and from its state. load checks
 * them, computes the norms, and leaves what it made to the caller on failure too. */
leat_status leati_kernel_save(leati_state *out, const leati_kernel_fn *fn,
                              const leati_kernel_rows *sv, const double *center);
leat_status leati_kernel_load(leat_context *c, leati_state *in, size_t cols, leati_kernel_fn *fn,
                              leati_kernel_rows *sv, double **center);

#endif
