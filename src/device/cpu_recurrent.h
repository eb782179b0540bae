/* How both directions of RECURRENT on the CPU are cut: every step into blocks of units, which a
 * task takes through all gates; one fork and join for the whole sequence. No element's sum depends
 * on the cut. */
#ifndef LEATI_DEVICE_CPU_RECURRENT_H
#define LEATI_DEVICE_CPU_RECURRENT_H

#include "device/recurrent.h"
#include "kernel/kernels.h"
#include "kernel/net_kernels.h"

typedef struct leati_cpu_recurrent_cut {
    const leati_kernels *level;
    const leati_net_kernels *net;
    const leati_bf16_kernels *half; /* of products in bf16; NULL: they are in f32 */
    size_t width;                   /* units of a block, whole panels of packed weights */
    size_t blocks;                  /* tasks of a step */
    /* of the weights in bf16: elements of one gate of one panel, and of those how many a block has
     */
    size_t piece, pieces;
    size_t threads;
    bool past; /* gates go past the caches: they are in none any more when they are read */
} leati_cpu_recurrent_cut;

leati_cpu_recurrent_cut leati_cpu_recurrent_cut_of(leat_context *c, const leati_recurrent *r);
bool leati_cpu_recurrent_takes(const leati_step *s);
/* Whether the step was given lengths; known before its data are. */
bool leati_cpu_recurrent_varies(const leati_step *s);

/* The recurrent weights in bf16 lie as a block reads them: a panel of columns after the other, each
 * gate by gate. `transposed`: columns are rows of r, of the gate; else columns of r, and the gate
 * cuts its rows. */
void leati_cpu_recurrent_pack(leat_context *c, const leati_recurrent *r, bool transposed,
                              const float *weights, uint32_t *packed);

/* The products of a block in bf16: panel by panel, gate by gate, band by band of rows. */
typedef struct leati_cpu_recurrent_product {
    size_t block, n;   /* which, and its units */
    const uint32_t *a; /* states or gradients of sums as pairs */
    size_t lda, a_gate;
    float *c;
    size_t ldc, c_gate; /* c_gate 0: gates add up */
    /* Before each band of a panel: fetches what is read of it when the products are done, n units
     * from `at` on. Little at a time: the caches wait for few lines at once. */
    void (*fetch)(const void *arg, size_t gate, size_t row, size_t rows, size_t at, size_t n);
    const void *arg;
} leati_cpu_recurrent_product;
void leati_cpu_recurrent_multiply(const leati_recurrent *r, const leati_cpu_recurrent_cut *cut,
                                  const uint32_t *packed, const leati_cpu_recurrent_product *p);

/* Pairs of bf16 numbers that the units of a row make, of one gate. */
static inline size_t leati_cpu_recurrent_pairs(const leati_recurrent *r)
{
    return (r->units + 1) / 2;
}

/* Fetch n columns of `rows` rows towards the second-level cache: what a block reads from memory
 * after its product comes in pieces too short for the processor to foresee. */
static inline void leati_cpu_recurrent_fetch(const float *x, size_t rows, size_t n, size_t ld)
{
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < n; i += 16) __builtin_prefetch(x + row * ld + i, 0, 2);
}

#endif
