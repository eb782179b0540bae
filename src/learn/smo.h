/* Sequential minimal optimisation for kernel machines.
 *
 * Solves   max  p'b - 1/2 b'Kb   subject to   sum(b) = 0,  lower <= b <= upper,
 * where b_t = y_t alpha_t are the signed dual variables: the labels then leave the equations. A
 * classifier has p = y and the box [0, C] or [-C, 0]; regression has two variables a row.
 * With F = p - Kb the optimum is max F over {b < upper} <= min F over {b > lower}.
 *
 * Working sets by second-order information and shrinking: Fan, Chen, Lin, "Working set selection
 * using second order information for training SVM", JMLR 6 (2005), WSS 2 and section 4; gradient
 * reconstruction as in Chang, Lin, "LIBSVM", ACM TIST 2 (2011), section 5.1. */
#ifndef LEATI_LEARN_SMO_H
#define LEATI_LEARN_SMO_H

#include "learn/kernel_fn.h"

/* Where kernel rows come from: a matrix that is all in memory, or a cache of recently used rows
 * that computes missing ones in blocks. */
typedef struct leati_smo_source leati_smo_source;

/* All of K (rows, rows) in f32, computed at once. Read-only afterwards: shared by threads. */
leat_status leati_smo_source_gram(leat_context *c, leati_smo_source **out,
                                  const leati_kernel_fn *fn, const leati_kernel_rows *rows);
/* At most `bytes` of rows, least recently used ones leave first. For one thread, which owns c;
 * fn and rows are borrowed. */
leat_status leati_smo_source_cached(leat_context *c, leati_smo_source **out,
                                    const leati_kernel_fn *fn, const leati_kernel_rows *rows,
                                    size_t bytes);
/* For one problem on its own: the whole matrix when that is small, else a cache of at most
 * max(cache_size MB, LEATI_SMO_FREE_BYTES), since a solver needs little more than the rows of
 * support vectors. */
leat_status leati_smo_source_create(leat_context *c, leati_smo_source **out,
                                    const leati_kernel_fn *fn, const leati_kernel_rows *rows,
                                    double cache_size);
/* Kernel values up to this size are kept even when cache_size is less. */
#define LEATI_SMO_FREE_BYTES ((size_t)1 << 30)
void leati_smo_source_destroy(leati_smo_source *source); /* NULL is fine */

/* A row of K, or NULL when it must be loaded first. Valid until the next load. */
const float *leati_smo_source_row(leati_smo_source *source, uint32_t row);
/* How many rows one load should ask for. */
size_t leati_smo_source_batch(const leati_smo_source *source);
/* Loads those of wanted[0..count-1] that are missing; count <= batch. The row `keep` stays. */
leat_status leati_smo_source_load(leati_smo_source *source, const uint32_t *wanted, size_t count,
                                  uint32_t keep);
/* The diagonal of K in f64, (rows). */
const double *leati_smo_source_diagonal(const leati_smo_source *source);

typedef struct leati_smo {
    leati_smo_source *source;
    size_t count;           /* variables */
    const uint32_t *column; /* (count) row of K that belongs to a variable */
    const double *linear;   /* (count) p */
    const double *lower, *upper;
    double tol;
    bool shrinking;
    uint64_t most; /* iterations */
    double *beta;  /* (count) out */
    double rho;    /* out: the decision is sum(b_t K(x_t, x)) - rho */
    uint64_t iterations;
    bool converged;
} leati_smo;

/* c: the context when called on its thread, for progress and cancelling; workers of the pool pass
 * quiet = true, and c serves to allocate only. Fails with LEAT_NOMEM, LEAT_CANCELLED. */
leat_status leati_smo_solve(leat_context *c, leati_smo *p, bool quiet);

#endif
