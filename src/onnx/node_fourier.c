/* Owns: DFT and STFT, as matrix products in the graph.
 *
 * A length with divisors is taken apart (Cooley and Tukey 1965, with any factors): n = a b,
 * position j = j1 b + j2, frequency k = k1 + a k2. Transforms of length a over j1, factors w^(j2
 * k1), transforms of length b over j2. So the matrices stay small: n (a + b + ...) products instead
 * of n^2. */
#include <math.h>

#include "onnx/operators.h"

enum { WHOLE = 64, PRIME_MOST = 4096 };

/* Rows of complex numbers (rows, n); im NULL: zeros. */
typedef struct spectrum {
    leat_tensor *re, *im;
} spectrum;

/* cos and sin of sign 2 pi i j / n, for i below rows and j below columns. */
static spectrum roots(leati_ocall *k, leat_dtype dtype, int64_t rows, int64_t columns, int64_t n,
                      int sign)
{
    double *re = leati_oalloc(k, (size_t)(rows * columns), sizeof *re);
    double *im = leati_oalloc(k, (size_t)(rows * columns), sizeof *im);
    spectrum w = {NULL, NULL};
    if (!re || !im) return w;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            double angle = 2 * 3.14159265358979323846 * (double)(i * j % n) / (double)n;
            re[i * columns + j] = cos(angle);
            im[i * columns + j] = sign * sin(angle);
        }
    leat_shape s = LEAT_DIMS(rows, columns);
    w.re = leat_cast(leat_constant(k->graph, LEAT_DTYPE_F64, s, re), dtype);
    w.im = leat_cast(leat_constant(k->graph, LEAT_DTYPE_F64, s, im), dtype);
    return w;
}

typedef leat_tensor *(*product_fn)(leat_tensor *a, leat_tensor *b);

/* a b for complex b without zeros; a may be real. */
static spectrum product(product_fn times, spectrum a, spectrum b)
{
    spectrum y = {times(a.re, b.re), times(a.re, b.im)};
    if (!a.im) return y;
    y.re = leat_sub(y.re, times(a.im, b.im));
    y.im = leat_add(y.im, times(a.im, b.re));
    return y;
}

static leat_tensor *times_from_left(leat_tensor *a, leat_tensor *b)
{
    return leat_matmul(b, a);
}

/* The largest divisor up to WHOLE, or else the least one above 1. */
static int64_t factor_of(int64_t n)
{
    for (int64_t a = WHOLE; a > 1; a--)
        if (n % a == 0) return a;
    for (int64_t a = WHOLE + 1; a * a <= n; a++)
        if (n % a == 0) return a;
    return n;
}

static spectrum reshaped(spectrum x, leat_shape s)
{
    return (spectrum){leat_reshape(x.re, s), x.im ? leat_reshape(x.im, s) : NULL};
}

static spectrum transform(leati_ocall *k, spectrum x, int64_t rows, int64_t n, int sign)
{
    leat_dtype dtype = leat_tensor_dtype(x.re);
    int64_t a = n <= WHOLE ? n : factor_of(n), b = n / a;
    if (a > PRIME_MOST) {
        (void)leati_ofail(k, LEAT_UNSUPPORTED,
                          "a transform of length %lld, which has the prime factor %lld: pad the "
                          "signal",
                          (long long)n, (long long)a);
        return (spectrum){NULL, NULL};
    }
    if (a == n) return product(leat_matmul, x, roots(k, dtype, n, n, n, sign));
    x = reshaped(x, LEAT_DIMS(rows, a, b));
    x = product(times_from_left, x, roots(k, dtype, a, a, a, sign));
    x = product(leat_mul, x, roots(k, dtype, a, b, n, sign));
    x = transform(k, reshaped(x, LEAT_DIMS(rows * a, b)), rows * a, b, sign);
    x = reshaped(x, LEAT_DIMS(rows, a, b));
    x.re = leat_transpose(x.re, (const int[]){0, 2, 1});
    x.im = leat_transpose(x.im, (const int[]){0, 2, 1});
    return reshaped(x, LEAT_DIMS(rows, n));
}

/* ---- DFT ------------------------------------------------------------------------------------ */

/* Cut or filled with zeros to n columns. */
static leat_tensor *fitted(leat_tensor *x, int64_t n)
{
    int64_t have = leat_tensor_shape(x).rank == 2 ? leat_tensor_shape(x).dim[1] : 0;
    if (!x || have == n) return x;
    return leat_pad(x, LEAT_PAD_CONSTANT, (const int64_t[]){0, 0}, (const int64_t[]){0, n - have},
                    0);
}

/* The n frequencies of a real signal from its first n / 2 + 1: the others are conjugates. */
static leat_tensor *mirrored(leat_tensor *x, int64_t n, bool negated)
{
    int64_t tail = n - n / 2 - 1;
    if (tail < 1) return x;
    leat_tensor *back = leat_flip(leat_narrow(x, 1, 1, tail), 1, (const int[]){1});
    return leat_concat(2, (leat_tensor *[]){x, negated ? leat_neg(back) : back}, 1);
}

typedef struct plan {
    int64_t n;
    bool inverse, onesided;
} plan;

/* Rows (rows, any) to rows (rows, frequencies). */
static spectrum transformed(leati_ocall *k, spectrum x, int64_t rows, const plan *p)
{
    bool real = p->inverse && p->onesided;
    int64_t bins = p->n / 2 + 1;
    x.re = fitted(x.re, real ? bins : p->n);
    if (x.im) x.im = fitted(x.im, real ? bins : p->n);
    if (real) x.re = mirrored(x.re, p->n, false);
    if (real && x.im) x.im = mirrored(x.im, p->n, true);
    spectrum y = transform(k, x, rows, p->n, p->inverse ? 1 : -1);
    if (p->inverse) {
        y.re = leat_scale(y.re, 1 / (double)p->n);
        y.im = leat_scale(y.im, 1 / (double)p->n);
    }
    if (p->onesided && !p->inverse) {
        y.re = leat_narrow(y.re, 1, 0, bins);
        y.im = leat_narrow(y.im, 1, 0, bins);
    }
    return y;
}

/* The part of (..., 1 or 2), without the last axis and with `axis` as the last, as rows. */
static leat_tensor *rows_of(leat_tensor *x, int part, const int *perm, int64_t rows)
{
    leat_shape s = leat_tensor_shape(x);
    x = leat_narrow(x, s.rank - 1, part, 1);
    x = leat_squeeze(x, 1, (const int[]){s.rank - 1});
    return leat_reshape(leat_transpose(x, perm), LEAT_DIMS(rows, s.rank < 2 ? 0 : -1));
}

static leat_status check_signal(leati_ocall *k, leat_shape s)
{
    leat_dtype type;
    bool single = leati_oval_dtype(k->in[0]->element, &type) &&
                  (type == LEAT_DTYPE_F32 || type == LEAT_DTYPE_F64);
    if (!single) return leati_ofail(k, LEAT_UNSUPPORTED, "signals other than f32 and f64");
    if (s.rank < 2 || s.dim[s.rank - 1] < 1 || s.dim[s.rank - 1] > 2 || !leati_shape_count(&s))
        return leati_ofail(k, LEAT_SHAPE, "a signal of shape %s: the last dimension must be 1 or 2",
                           leati_shape_string(&s).text);
    return LEAT_OK;
}

leat_status leati_on_DFT(leati_ocall *k)
{
    int64_t axis = leati_oattr_int(k, "axis", 1);
    plan p = {.inverse = leati_oattr_int(k, "inverse", 0),
              .onesided = leati_oattr_int(k, "onesided", 0)};
    LEATI_TRY(leati_oneed(k, 1));
    leat_shape s = k->in[0]->shape, y;
    LEATI_TRY(check_signal(k, s));
    if (k->version >= 20) axis = -2;
    if (k->version >= 20 && leati_ohas(k, 2)) LEATI_TRY(leati_oint(k, 2, &axis));
    int at = leati_oaxis(k, axis, s.rank), last = s.rank - 2;
    if (at < 0) return LEAT_SHAPE;
    if (at > last) return leati_ofail(k, LEAT_INVALID, "an axis through the complex numbers");
    p.n = p.inverse && p.onesided ? 2 * (s.dim[at] - 1) : s.dim[at];
    if (leati_ohas(k, 1)) LEATI_TRY(leati_oint(k, 1, &p.n));
    if (p.n < 1 || p.n > 1 << 24)
        return leati_ofail(k, LEAT_INVALID, "a transform of length %lld", (long long)p.n);
    int perm[LEAT_MAX_RANK], back[LEAT_MAX_RANK];
    for (int d = 0; d <= last; d++) perm[d] = d;
    perm[at] = last, perm[last] = at; /* its own inverse */
    for (int d = 0; d <= last; d++) back[d] = perm[d];
    int64_t rows = (int64_t)leati_shape_count(&s) / s.dim[at] / s.dim[s.rank - 1];
    leat_tensor *in = leati_oin(k, 0);
    spectrum x = {rows_of(in, 0, perm, rows), NULL};
    if (s.dim[s.rank - 1] == 2) x.im = rows_of(in, 1, perm, rows);
    spectrum z = transformed(k, x, rows, &p);
    y.rank = s.rank - 1;
    for (int d = 0; d < LEAT_MAX_RANK; d++) y.dim[d] = d < y.rank ? s.dim[perm[d]] : 0;
    y.dim[last] = -1;
    z = reshaped(z, y);
    leat_tensor *parts[2] = {leat_transpose(z.re, back), leat_transpose(z.im, back)};
    return leati_oset(k, 0, leat_stack(p.inverse && p.onesided ? 1 : 2, parts, s.rank - 1));
}

/* ---- STFT ----------------------------------------------------------------------------------- */

/* Frames (B F, n) of part `part` of the signal (B, L, 1 or 2), through the window. */
static leat_tensor *frames_of(leati_ocall *k, int part, leat_tensor *index, int64_t n)
{
    leat_tensor *x = leati_oin(k, 0);
    x = leat_squeeze(leat_narrow(x, 2, part, 1), 1, (const int[]){2});
    x = leat_reshape(leat_take(x, index, 1), LEAT_DIMS(-1, n));
    if (leati_ohas(k, 2)) x = leat_mul(x, leati_oin(k, 2));
    return x;
}

leat_status leati_on_STFT(leati_ocall *k)
{
    int64_t step;
    plan p = {.onesided = leati_oattr_int(k, "onesided", 1)};
    LEATI_TRY(leati_oneed(k, 2));
    leat_shape s = k->in[0]->shape;
    LEATI_TRY(check_signal(k, s));
    LEATI_TRY(leati_oint(k, 1, &step));
    if (s.rank != 3) return leati_ofail(k, LEAT_SHAPE, "a signal of %d dimensions", s.rank);
    p.n = s.dim[1];
    if (leati_ohas(k, 2)) {
        leat_shape w = k->in[2]->shape;
        if (w.rank != 1) return leati_ofail(k, LEAT_SHAPE, "a window of %d dimensions", w.rank);
        p.n = w.dim[0];
    }
    if (leati_ohas(k, 3)) LEATI_TRY(leati_oint(k, 3, &p.n));
    if (leati_ohas(k, 2) && k->in[2]->shape.dim[0] != p.n)
        return leati_ofail(k, LEAT_SHAPE, "a window of %lld for frames of %lld",
                           (long long)k->in[2]->shape.dim[0], (long long)p.n);
    if (step < 1 || p.n < 1 || p.n > s.dim[1])
        return leati_ofail(k, LEAT_INVALID, "frames of %lld every %lld in a signal of %lld",
                           (long long)p.n, (long long)step, (long long)s.dim[1]);
    int64_t frames = (s.dim[1] - p.n) / step + 1;
    leat_shape framed = LEAT_DIMS(frames, p.n);
    LEATI_TRY(leati_oval_check(k->context, &framed, LEATI_ONNX_INT64));
    int64_t *list = leati_oalloc(k, (size_t)(frames * p.n), sizeof *list);
    if (!list) return LEAT_NOMEM;
    for (int64_t f = 0; f < frames; f++)
        for (int64_t i = 0; i < p.n; i++) list[f * p.n + i] = f * step + i;
    leat_tensor *index = leat_constant(k->graph, LEAT_DTYPE_I64, LEAT_DIMS(frames * p.n), list);
    spectrum x = {frames_of(k, 0, index, p.n), NULL};
    if (s.dim[2] == 2) x.im = frames_of(k, 1, index, p.n);
    spectrum z = reshaped(transformed(k, x, s.dim[0] * frames, &p),
                          LEAT_DIMS(s.dim[0], frames, p.onesided ? p.n / 2 + 1 : p.n));
    return leati_oset(k, 0, leat_stack(2, (leat_tensor *[]){z.re, z.im}, 3));
}
