/* Inner loops of estimators, in the table of leaf kernels (kernels.h): one thread, no allocation,
 * no errors. */
#ifndef LEATI_KERNEL_LEARN_LOOPS_H
#define LEATI_KERNEL_LEARN_LOOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LEATI_GINI_BINS = 256,
    LEATI_GINI_CLASSES = 16,
    LEATI_GINI_COUNTS = 2 * LEATI_GINI_BINS * LEATI_GINI_CLASSES /* scratch of gini */
};

/* The best border between two codes of a node. */
typedef struct leati_gini_border {
    double quality;     /* sum of squared class counts over rows, both sides; -inf: no border */
    uint32_t low, high; /* codes on both sides of it */
    uint32_t left;      /* rows with codes up to low */
    bool constant;      /* one code only */
} leati_gini_border;

typedef struct leati_learn_loops {
    /* Welford's update of mean and sum of squared deviations (n) by x with weight w; ratio is w
     * over the sum of weights with it. */
    void (*welford_f32)(size_t n, const float *x, double w, double ratio, double *mean,
                        double *squares);
    void (*welford_f64)(size_t n, const double *x, double w, double ratio, double *mean,
                        double *squares);
    /* sum[r] = sum over j of (xt[j][r] - mean[j])^2 inverse[j]; xt is (n, 8). */
    void (*gauss_tile)(size_t n, const double *xt, const double *mean, const double *inverse,
                       double sum[8]);
    /* Gini's best border of n rows: row i has codes[row[i]] and the class label[i]; total: rows of
     * each class; children of at least `least` rows. counts: LEATI_GINI_COUNTS zeros, and zeros
     * again afterwards. The lowest of equally good borders; the same at every CPU level. */
    leati_gini_border (*gini)(size_t n, const uint8_t *codes, const uint32_t *row,
                              const uint8_t *label, const double total[LEATI_GINI_CLASSES],
                              size_t least, uint32_t *counts);
} leati_learn_loops;

#endif
