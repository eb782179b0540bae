/* Owns: random numbers by place. Key of Philox = seed; counter = (block, stream, step low, step
 * high with the top bit set, which no stream of base/rng.h has).
 *
 *   f64      two elements per block, 53 bits each
 *   others   four elements per block, 24 bits; computed in f32, rounded to bf16, f16
 *   normal   Box and Muller (1958) on pairs of elements, in f64
 *   truncated  the inverse of erf at a uniform number of 53 bits, two elements per block
 *   Bernoulli  32 bits against the probability, four elements per block */
#include "device/random.h"

#include <math.h>

#include "base/half.h"
#include "base/rng.h"

enum { AT_ONCE = 4 * LEATI_RANDOM_BLOCKS }; /* blocks */

/* Blocks `block` .. `block` + count - 1, count <= AT_ONCE. */
static void words_of(const leati_net_kernels *k, const leati_random_attrs *a, const uint64_t key[2],
                     size_t block, size_t count, uint32_t *word)
{
    const uint32_t seed[2] = {(uint32_t)key[0], (uint32_t)(key[0] >> 32)};
    uint32_t counter[4] = {(uint32_t)block, a->stream, (uint32_t)key[1],
                           (uint32_t)(key[1] >> 32) | 0x80000000u};
    if (k) {
        k->random_words(seed, counter, count, word);
        return;
    }
    for (size_t i = 0; i < count; i++, counter[0]++) leati_philox4x32(counter, seed, word + 4 * i);
}

/* [0, 1) with 53 bits, from words 0 and 1 or 2 and 3. */
static double wide(const uint32_t *word, size_t which)
{
    uint64_t bits = word[2 * which] | (uint64_t)word[2 * which + 1] << 32;
    return (double)(bits >> 11) * 0x1p-53;
}

/* Giles, "Approximating the erfinv function" (2010), table 5, then two steps of Newton with erf.
 * |x| < 0.96 here. */
static double inverse_erf(double x)
{
    static const double k[9] = {2.81022636e-08,  3.43273939e-07, -3.5233877e-06,
                                -4.39150654e-06, 0.00021858087,  -0.00125372503,
                                -0.00417768164,  0.246640727,    1.50140941};
    double w = -log((1 - x) * (1 + x)) - 2.5, p = k[0];
    for (int i = 1; i < 9; i++) p = p * w + k[i];
    double y = p * x;
    for (int i = 0; i < 2; i++) y -= (erf(y) - x) * exp(y * y) * 0.88622692545275801365;
    return y;
}

static void store(leat_dtype dtype, void *out, size_t i, double x)
{
    switch (dtype) {
    case LEAT_DTYPE_F64: ((double *)out)[i] = x; break;
    case LEAT_DTYPE_BF16: ((uint16_t *)out)[i] = leati_f32_to_bf16((float)x); break;
    case LEAT_DTYPE_F16: ((uint16_t *)out)[i] = leati_f32_to_f16((float)x); break;
    case LEAT_DTYPE_BOOL: ((uint8_t *)out)[i] = x != 0; break;
    default: ((float *)out)[i] = (float)x; break;
    }
}

/* Where rounding reached `high`, `low` takes its place. */
static double below(double x, double low, double high, leat_dtype dtype)
{
    double rounded = dtype == LEAT_DTYPE_F64    ? x
                     : dtype == LEAT_DTYPE_BF16 ? leati_bf16_to_f32(leati_f32_to_bf16((float)x))
                     : dtype == LEAT_DTYPE_F16  ? leati_f16_to_f32(leati_f32_to_f16((float)x))
                                                : (double)(float)x;
    return rounded < high ? x : low;
}

static void uniform(const leati_random_attrs *a, const uint32_t *word, leat_dtype dtype, double *x)
{
    bool two = dtype == LEAT_DTYPE_F64;
    for (size_t i = 0; i < (two ? 2u : 4u); i++) {
        double u = two ? wide(word, i) : (double)(word[i] >> 8) * 0x1p-24;
        x[i] = below(a->low + (a->high - a->low) * u, a->low, a->high, dtype);
    }
}

static void normal(const leati_random_attrs *a, const uint32_t *word, leat_dtype dtype, double *x)
{
    bool two = dtype == LEAT_DTYPE_F64;
    for (size_t i = 0; i < (two ? 2u : 4u); i += 2) {
        double u = two ? wide(word, 0) + 0x1p-53 : ((double)word[i] + 1) * 0x1p-32;
        double turn = 6.28318530717958647693 * (two ? wide(word, 1) : word[i + 1] * 0x1p-32);
        double radius = a->high * sqrt(-2 * log(u));
        x[i] = a->low + radius * cos(turn);
        x[i + 1] = a->low + radius * sin(turn);
    }
}

/* erf(2 / sqrt 2) of the normal lies within two deviations. */
static void truncated(const leati_random_attrs *a, const uint32_t *word, double *x)
{
    for (size_t i = 0; i < 2; i++) {
        double u = 0.95449973610364158560 * (2 * wide(word, i) - 1);
        x[i] = a->low + a->high * 1.41421356237309504880 * inverse_erf(u);
    }
}

/* x: four numbers, of the two-element kinds two. */
static void numbers_of(const leati_random_attrs *a, const uint32_t *word, leat_dtype dtype,
                       double *x)
{
    switch ((leati_random_kind)a->kind) {
    case LEATI_RANDOM_UNIFORM: uniform(a, word, dtype, x); break;
    case LEATI_RANDOM_NORMAL: normal(a, word, dtype, x); break;
    case LEATI_RANDOM_TRUNCATED: truncated(a, word, x); break;
    case LEATI_RANDOM_BERNOULLI:
        for (size_t i = 0; i < 4; i++) x[i] = (double)word[i] * 0x1p-32 < a->low;
        break;
    }
}

void leati_random_fill(const leati_net_kernels *k, const leati_random_attrs *a,
                       const uint64_t key[2], leat_dtype dtype, size_t first, size_t count,
                       void *out)
{
    bool two = a->kind == LEATI_RANDOM_TRUNCATED ||
               (dtype == LEAT_DTYPE_F64 && a->kind != LEATI_RANDOM_BERNOULLI);
    /* word 2^-32 < low as whole numbers */
    bool bits = k && a->kind == LEATI_RANDOM_BERNOULLI && dtype == LEAT_DTYPE_F32;
    double limit = ceil(a->low * 0x1p32);
    bits &= limit >= 0 && limit < 0x1p32;
    size_t per = two ? 2 : 4, size = leat_dtype_size(dtype);
    for (size_t i = 0; i < count; i += per * AT_ONCE) {
        uint32_t word[4 * AT_ONCE];
        size_t n = count - i < per * AT_ONCE ? count - i : per * AT_ONCE;
        char *to = (char *)out + i * size;
        words_of(k, a, key, (first + i) / per, (n + per - 1) / per, word);
        if (bits) {
            k->words_below(n, word, (uint32_t)limit, (float *)to);
            continue;
        }
        for (size_t j = 0; j < n; j += per) {
            double x[4];
            numbers_of(a, word + j / per * 4, dtype, x);
            for (size_t q = 0; q < per && j + q < n; q++) store(dtype, to, j + q, x[q]);
        }
    }
}
