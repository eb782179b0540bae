/* Rows of activations: softmax, cross-entropy, layer and RMS norm, moments of channels. */
#ifndef LEATI_KERNEL_ISA_ROWS_LANES_H
#define LEATI_KERNEL_ISA_ROWS_LANES_H

#include "kernel/isa/net_math.h"
#include "kernel/net_kernels.h"

/* The first n lanes of v, `fill` in the others. */
INLINE vf lanes_or(vf v, size_t n, float fill)
{
    vf_int lane;
    for (int i = 0; i < (int)VF; i++) lane[i] = i;
    return choose_f32(lane < (int32_t)n, v, all_f32(fill));
}

/* The larger, or a where b is not a number. */
INLINE vf larger_f32(vf a, vf b)
{
#if defined(__AVX512F__)
    return (vf)_mm512_max_ps((__m512)b, (__m512)a);
#elif defined(__AVX2__)
    return (vf)_mm256_max_ps((__m256)b, (__m256)a);
#else
    return choose_f32(b > a, b, a);
#endif
}

/* EACH(n, body): body for vectors at j of `width` (VF but for the last) elements. */
#define EACH(count, body)                                                                          \
    {                                                                                              \
        size_t j = 0;                                                                              \
        for (; j + VF <= (count); j += VF) {                                                       \
            const size_t width = VF;                                                               \
            body                                                                                   \
        }                                                                                          \
        if (j < (count)) {                                                                         \
            const size_t width = (count)-j;                                                        \
            body                                                                                   \
        }                                                                                          \
    }

INLINE float lanes_max(vf v)
{
#if defined(__AVX512F__)
    return _mm512_reduce_max_ps((__m512)v);
#else
    float lane[VF];
    memcpy(lane, &v, sizeof lane);
    for (size_t half = VF / 2; half; half /= 2)
        for (size_t i = 0; i < half; i++)
            lane[i] = lane[i + half] > lane[i] ? lane[i + half] : lane[i];
    return lane[0];
#endif
}

/* NaN is passed over. */
static float row_max(size_t n, const float *x)
{
    const float least = -(float)__builtin_inf();
    vf top[4] = {all_f32(least), all_f32(least), all_f32(least), all_f32(least)};
    size_t i = 0;
    for (; i + 4 * VF <= n; i += 4 * VF) {
        UNROLL(4)
        for (size_t k = 0; k < 4; k++) top[k] = larger_f32(top[k], load_f32(x + i + k * VF));
    }
    for (; i + VF <= n; i += VF) top[0] = larger_f32(top[0], load_f32(x + i));
    if (i < n) top[1] = larger_f32(top[1], lanes_or(load_part_f32(x + i, n - i), n - i, least));
    return lanes_max(larger_f32(larger_f32(top[0], top[1]), larger_f32(top[2], top[3])));
}

/* out = e^(x - shift); returns the sum. out may be x, or NULL. */
static float row_exp(size_t n, const float *x, float shift, float *out)
{
    vf sum = {0};
    EACH(n, {
        vf e = exp_low_f32(load_last_f32(x + j, width) - shift);
        if (out) store_last_f32(out + j, e, width);
        if (width < VF) e = lanes_or(e, width, 0);
        sum += e;
    })
    return lanes_f32(sum);
}

static void scale_row(size_t n, float factor, float *x)
{
    EACH(n, store_last_f32(x + j, load_last_f32(x + j, width) * factor, width);)
}

static float dot_row(size_t n, const float *x, const float *y)
{
    vf sum = {0};
    EACH(n, sum += load_last_f32(x + j, width) * load_last_f32(y + j, width);)
    return lanes_f32(sum);
}

static void share_back_row(size_t n, const float *share, float along, float scale, float *change)
{
    EACH(n, {
        vf d = load_last_f32(change + j, width) - along;
        store_last_f32(change + j, load_last_f32(share + j, width) * d * scale, width);
    })
}

static void softmax_row(bool log, size_t n, const float *x, float *y)
{
    float top = row_max(n, x);
    float sum = row_exp(n, x, top, log ? NULL : y);
    if (!log) {
        float factor = 1 / sum;
        EACH(n, store_last_f32(y + j, load_last_f32(y + j, width) * factor, width);)
        return;
    }
    float rest =
        __builtin_logf(sum); /* x - top first: their sum may be large, their difference exact */
    EACH(n, store_last_f32(y + j, (load_last_f32(x + j, width) - top) - rest, width);)
}

/* softmax: dx = y (g - sum g y); log-softmax: dx = g - e^y sum g. dx may be g. */
static void softmax_back_row(bool log, size_t n, const float *y, const float *g, float *dx)
{
    vf sum = {0};
    EACH(n, {
        vf v = load_last_f32(g + j, width);
        if (!log) v *= load_last_f32(y + j, width);
        sum += v;
    })
    float total = lanes_f32(sum);
    EACH(n, {
        vf v = load_last_f32(g + j, width);
        vf p = load_last_f32(y + j, width);
        if (log) v -= exp_low_f32(p) * total;
        else v = p * (v - total);
        store_last_f32(dx + j, v, width);
    })
}

static float cross_entropy_row(size_t n, const float *x, size_t label, float smoothing,
                               const float *weights, float scale, float *grad)
{
    vf sum = {0}, plain = {0}, all = {0};
    float top = row_max(n, x), each = smoothing / (float)n, own = weights ? weights[label] : 1;
    float mine = x[label] - top; /* grad may be x */
    EACH(n, {
        vf v = load_last_f32(x + j, width);
        vf e = exp_low_f32(v - top);
        if (width < VF) e = lanes_or(e, width, 0);
        sum += e;
        if (smoothing > 0) {
            vf w = lanes_or(all_f32(1), width, 0);
            if (weights) w = load_last_f32(weights + j, width);
            plain += w * (v - top);
            all += w;
        }
        if (grad) store_last_f32(grad + j, e, width);
    })
    float total = lanes_f32(sum), log = __builtin_logf(total), weight = lanes_f32(all);
    float loss = (1 - smoothing) * own * (log - mine) + each * (weight * log - lanes_f32(plain));
    if (!grad) return loss;
    float factor = scale * ((1 - smoothing) * own + each * weight) / total;
    EACH(n, {
        vf g = load_last_f32(grad + j, width) * factor;
        if (smoothing > 0 && weights) g -= scale * each * load_last_f32(weights + j, width);
        else g -= scale * each;
        store_last_f32(grad + j, g, width);
    })
    grad[label] -= scale * (1 - smoothing) * own;
    return loss;
}

/* Sums over a longer row are taken block by block, and those of the blocks added in f64: a lane
 * that runs along a whole row loses what is small beside its sum. */
enum { NORM_BLOCK = 4096 };

INLINE size_t block_of(size_t n, size_t from)
{
    return n - from < NORM_BLOCK ? n - from : NORM_BLOCK;
}

INLINE float block_sum(size_t n, const float *x)
{
    vf sum = {0};
    EACH(n, sum += load_last_f32(x + j, width);)
    return lanes_f32(sum);
}

/* The sum of (x - middle)^2. */
INLINE float block_squares(size_t n, const float *x, float middle)
{
    vf squares = {0};
    EACH(n, {
        vf d = load_last_f32(x + j, width) - middle;
        if (width < VF) d = lanes_or(d, width, 0);
        squares += d * d;
    })
    return lanes_f32(squares);
}

static float long_sum(size_t n, const float *x)
{
    double total = 0;
    for (size_t i = 0; i < n; i += NORM_BLOCK) total += (double)block_sum(block_of(n, i), x + i);
    return (float)total;
}

static float long_squares(size_t n, const float *x, float middle)
{
    double total = 0;
    for (size_t i = 0; i < n; i += NORM_BLOCK)
        total += (double)block_squares(block_of(n, i), x + i, middle);
    return (float)total;
}

/* y = (x - mean) * rate * gamma + beta; gamma and beta may be NULL. A root mean square norm has a
 * mean of 0. */
static void norm_row(bool centred, size_t n, const float *x, const float *gamma, const float *beta,
                     float epsilon, float *y, float *mean, float *rate)
{
    const bool is_long = n > NORM_BLOCK;
    float middle = 0;
    if (centred) middle = (is_long ? long_sum(n, x) : block_sum(n, x)) / (float)n;
    float squares = is_long ? long_squares(n, x, middle) : block_squares(n, x, middle);
    float r = 1 / __builtin_sqrtf(squares / (float)n + epsilon);
    EACH(n, {
        vf v = (load_last_f32(x + j, width) - middle) * r;
        if (gamma) v *= load_last_f32(gamma + j, width);
        if (beta) v += load_last_f32(beta + j, width);
        store_last_f32(y + j, v, width);
    })
    *mean = middle;
    *rate = r;
}

/* The sums of g gamma and of g gamma (x - mean) rate over a block; dgamma and dbeta grow. */
INLINE void block_back_sums(size_t n, const float *x, const float *g, const float *gamma,
                            float mean, float rate, float *dgamma, float *dbeta, float *direct,
                            float *along)
{
    vf sum = {0}, product = {0};
    EACH(n, {
        vf hat = (load_last_f32(x + j, width) - mean) * rate;
        vf v = load_last_f32(g + j, width);
        if (dgamma) store_last_f32(dgamma + j, load_last_f32(dgamma + j, width) + v * hat, width);
        if (dbeta) store_last_f32(dbeta + j, load_last_f32(dbeta + j, width) + v, width);
        if (gamma) v *= load_last_f32(gamma + j, width);
        sum += v;
        product += v * hat;
    })
    *direct = lanes_f32(sum);
    *along = lanes_f32(product);
}

static void long_back_sums(size_t n, const float *x, const float *g, const float *gamma, float mean,
                           float rate, float *dgamma, float *dbeta, float *direct, float *along)
{
    double all_direct = 0, all_along = 0;
    for (size_t i = 0; i < n; i += NORM_BLOCK) {
        block_back_sums(block_of(n, i), x + i, g + i, gamma ? gamma + i : NULL, mean, rate,
                        dgamma ? dgamma + i : NULL, dbeta ? dbeta + i : NULL, direct, along);
        all_direct += (double)*direct;
        all_along += (double)*along;
    }
    *direct = (float)all_direct;
    *along = (float)all_along;
}

static void norm_back_row(bool centred, size_t n, const float *x, const float *g,
                          const float *gamma, float mean, float rate, float *dx, float *dgamma,
                          float *dbeta)
{
    float direct, along;
    if (n > NORM_BLOCK) long_back_sums(n, x, g, gamma, mean, rate, dgamma, dbeta, &direct, &along);
    else block_back_sums(n, x, g, gamma, mean, rate, dgamma, dbeta, &direct, &along);
    float a = centred ? direct / (float)n : 0, b = along / (float)n;
    EACH(n, {
        vf hat = (load_last_f32(x + j, width) - mean) * rate;
        vf v = load_last_f32(g + j, width);
        if (gamma) v *= load_last_f32(gamma + j, width);
        store_last_f32(dx + j, (v - a - hat * b) * rate, width);
    })
}

/* ---- channels ------------------------------------------------------------------------------ */

/* d = x[i][j] - centre[j]: sum[j] += d^2, drift[j] += d. Rows are ld apart. */
static void add_squares(size_t m, size_t n, const float *x, size_t ld, const float *centre,
                        float *sum, float *drift)
{
    EACH(n, {
        vf total = load_last_f32(sum + j, width);
        vf off = load_last_f32(drift + j, width);
        vf middle = load_last_f32(centre + j, width);
        for (size_t i = 0; i < m; i++) {
            vf d = load_last_f32(x + i * ld + j, width) - middle;
            total += d * d;
            off += d;
        }
        store_last_f32(sum + j, total, width);
        store_last_f32(drift + j, off, width);
    })
}

/* along[j] += g[i][j] (x[i][j] - mean[j]) rate[j], direct[j] += g[i][j]. */
static void add_products(size_t m, size_t n, const float *x, const float *g, const float *mean,
                         const float *rate, float *along, float *direct)
{
    EACH(n, {
        vf a = load_last_f32(along + j, width);
        vf d = load_last_f32(direct + j, width);
        vf middle = load_last_f32(mean + j, width);
        vf r = load_last_f32(rate + j, width);
        for (size_t i = 0; i < m; i++) {
            vf v = load_last_f32(g + i * n + j, width);
            a += v * ((load_last_f32(x + i * n + j, width) - middle) * r);
            d += v;
        }
        store_last_f32(along + j, a, width);
        store_last_f32(direct + j, d, width);
    })
}

/* y[i][j] = (x[i][j] - mean[j]) scale[j] + shift[j]. */
static void affine_rows(size_t m, size_t n, const float *x, const float *mean, const float *scale,
                        const float *shift, float *y)
{
    for (size_t i = 0; i < m; i++, x += n, y += n)
        EACH(n, {
            vf d = load_last_f32(x + j, width) - load_last_f32(mean + j, width);
            store_last_f32(y + j,
                           d * load_last_f32(scale + j, width) + load_last_f32(shift + j, width),
                           width);
        })
}

/* dx = g scale - (x - mean) along - direct. */
static void affine_back_rows(size_t m, size_t n, const float *x, const float *g, const float *mean,
                             const float *scale, const float *along, const float *direct, float *dx)
{
    for (size_t i = 0; i < m; i++, x += n, g += n, dx += n)
        EACH(n, {
            vf d = load_last_f32(x + j, width) - load_last_f32(mean + j, width);
            vf v = load_last_f32(g + j, width) * load_last_f32(scale + j, width) -
                   load_last_f32(direct + j, width);
            store_last_f32(dx + j, v - d * load_last_f32(along + j, width), width);
        })
}

#endif
