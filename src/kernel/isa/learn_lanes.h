/* The inner loops of estimators at the level being compiled. */
#ifndef LEATI_KERNEL_ISA_LEARN_LANES_H
#define LEATI_KERNEL_ISA_LEARN_LANES_H

#include "kernel/isa/simd.h"
#include "kernel/learn_loops.h"

static void welford_f64(size_t n, const double *x, double w, double ratio, double *mean,
                        double *squares)
{
    size_t i = 0;
    for (; i + VD <= n; i += VD) {
        vd v = load_f64(x + i), m = load_f64(mean + i), delta = v - m;
        m += ratio * delta;
        store_f64(mean + i, m);
        store_f64(squares + i, load_f64(squares + i) + w * delta * (v - m));
    }
    for (; i < n; i++) {
        double delta = x[i] - mean[i];
        mean[i] += ratio * delta;
        squares[i] += w * delta * (x[i] - mean[i]);
    }
}

static void welford_f32(size_t n, const float *x, double w, double ratio, double *mean,
                        double *squares)
{
    size_t i = 0;
    for (; i + VD <= n; i += VD) {
        vd v = widen_vector(x + i), m = load_f64(mean + i), delta = v - m;
        m += ratio * delta;
        store_f64(mean + i, m);
        store_f64(squares + i, load_f64(squares + i) + w * delta * (v - m));
    }
    for (; i < n; i++) {
        double delta = (double)x[i] - mean[i];
        mean[i] += ratio * delta;
        squares[i] += w * delta * ((double)x[i] - mean[i]);
    }
}

static void gauss_tile(size_t n, const double *xt, const double *mean, const double *inverse,
                       double sum[8])
{
    enum { PARTS = 8 / VD };
    vd even[PARTS] = {{0}}, odd[PARTS] = {{0}};
    size_t j = 0;
    for (; j + 2 <= n; j += 2)
        for (size_t p = 0; p < PARTS; p++) {
            vd d = load_f64(xt + j * 8 + p * VD) - mean[j];
            vd e = load_f64(xt + (j + 1) * 8 + p * VD) - mean[j + 1];
            even[p] += d * d * inverse[j];
            odd[p] += e * e * inverse[j + 1];
        }
    for (size_t p = 0; p < PARTS; p++) {
        if (j < n) {
            vd d = load_f64(xt + j * 8 + p * VD) - mean[j];
            even[p] += d * d * inverse[j];
        }
        store_f64(sum + p * VD, even[p] + odd[p]);
    }
}

/* Counts the rows by code and class into two tables in turn, so that a run of equal rows does not
 * wait for its own stores; mark[code] becomes 1. */
static void gini_count(size_t n, const uint8_t *codes, const uint32_t *row, const uint8_t *label,
                       uint32_t *counts, uint8_t *mark)
{
    enum { K = LEATI_GINI_CLASSES };
    uint32_t *other = counts + LEATI_GINI_BINS * K;
    size_t i = 0;
    for (; i + 2 <= n; i += 2) {
        size_t a = codes[row[i]], b = codes[row[i + 1]];
        counts[a * K + label[i]]++;
        other[b * K + label[i + 1]]++;
        mark[a] = mark[b] = 1;
    }
    if (i < n) {
        size_t a = codes[row[i]];
        counts[a * K + label[i]]++;
        mark[a] = 1;
    }
}

typedef int32_t vd_narrow __attribute__((vector_size(VECTOR_BYTES / 2), may_alias, aligned(4)));

/* out = the lane sums of a and b. The sums of gini are whole numbers: exact in any order. */
INLINE void add_lanes(vd a, vd b, double out[2])
{
#if defined(__AVX512F__)
    vd fold = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +
              __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    fold += __builtin_shufflevector(fold, fold, 2, 3, 0, 1, 6, 7, 4, 5);
    out[0] = fold[0] + fold[1];
    out[1] = fold[4] + fold[5];
#else
    out[0] = out[1] = 0;
    for (size_t k = 0; k < VD; k++) {
        out[0] += a[k];
        out[1] += b[k];
    }
#endif
}

/* The counts of one code, widened; they become 0. */
INLINE vd take_counts(uint32_t *one, uint32_t *two)
{
    vd_narrow sum = *(vd_narrow *)one + *(vd_narrow *)two;
    *(vd_narrow *)one = *(vd_narrow *)two = (vd_narrow){0};
    return __builtin_convertvector(sum, vd);
}

static leati_gini_border gini(size_t n, const uint8_t *codes, const uint32_t *row,
                              const uint8_t *label, const double total[LEATI_GINI_CLASSES],
                              size_t least, uint32_t *counts)
{
    enum { K = LEATI_GINI_CLASSES, BINS = LEATI_GINI_BINS, PARTS = K / VD };
    leati_gini_border best = {.quality = -(double)__builtin_inff()};
    uint8_t mark[BINS] = {0};
    vd left[PARTS], all[PARTS];
    double ql = 0, qr = 0, nl = 0, rows = (double)n, fewest = (double)least;
    size_t used = 0, low = 0;
    gini_count(n, codes, row, label, counts, mark);
    for (size_t p = 0; p < PARTS; p++) {
        left[p] = (vd){0};
        all[p] = load_f64(total + p * VD);
    }
    for (size_t word = 0; word < BINS; word += 8) {
        uint64_t marks;
        memcpy(&marks, mark + word, sizeof marks);
        for (size_t b = word; marks; b++, marks >>= 8) {
            if (!(marks & 1)) continue;
            if (used && nl >= fewest && rows - nl >= fewest) {
                double q = ql / nl + qr / (rows - nl);
                if (q > best.quality)
                    best = (leati_gini_border){q, (uint32_t)low, (uint32_t)b, (uint32_t)nl, false};
            }
            uint32_t *one = counts + b * K, *two = one + BINS * K;
            vd l2 = {0}, r2 = {0}, sum = {0};
            double square[2], count[2];
            for (size_t p = 0; p < PARTS; p++) {
                vd add = take_counts(one + p * VD, two + p * VD);
                left[p] += add;
                sum += add;
                l2 += left[p] * left[p];
                r2 += (all[p] - left[p]) * (all[p] - left[p]);
            }
            add_lanes(l2, r2, square);
            add_lanes(sum, sum, count);
            ql = square[0];
            qr = square[1];
            nl += count[0];
            low = b;
            used++;
        }
    }
    best.constant = used < 2;
    return best;
}

#endif
