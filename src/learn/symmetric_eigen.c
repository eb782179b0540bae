/* Owns: the symmetric eigenproblem. */
#include "learn/symmetric_eigen.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "kernel/vec.h"

/* x (n) becomes the vector of the reflection I - beta v v^T that maps it to (alpha, 0, ...). */
static double reflect(const leati_vec *k, size_t n, double *x, double *alpha)
{
    double scale = 0;
    for (size_t i = 0; i < n; i++) scale = fmax(scale, fabs(x[i]));
    *alpha = n ? x[0] : 0;
    if (n < 2 || scale == 0) return 0;
    k->scale_f64(n, 1 / scale, x);
    double norm = sqrt(k->dot_f64(n, x, x));
    double a = x[0] > 0 ? -norm : norm;
    *alpha = a * scale;
    x[0] -= a;
    double square = k->dot_f64(n, x, x);
    return square > 0 ? 2 / square : 0;
}

/* A = Q T Q^T with T tridiagonal (diagonal d, e[i] between i and i + 1). Row i of `a` keeps the
 * vector of reflection i beyond its diagonal; beta (n) its factor. */
static void tridiagonalise(const leati_vec *k, size_t n, double *a, double *d, double *e,
                           double *beta, double *w)
{
    for (size_t i = 0; i < n; i++) {
        d[i] = a[i * n + i];
        if (i + 1 == n) break;
        size_t m = n - i - 1;
        double *v = a + i * n + i + 1;
        beta[i] = reflect(k, m, v, &e[i]);
        if (beta[i] == 0) continue;
        double *block = a + (i + 1) * n + i + 1;
        for (size_t r = 0; r < m; r++) w[r] = beta[i] * k->dot_f64(m, block + r * n, v);
        k->axpy_f64(m, -0.5 * beta[i] * k->dot_f64(m, w, v), v, w);
        for (size_t r = 0; r < m; r++) {
            k->axpy_f64(m, -v[r], w, block + r * n);
            k->axpy_f64(m, -w[r], v, block + r * n);
        }
    }
}

/* q (n, n) = Q^T: the reflections applied to the identity, from the right. */
static void accumulate(const leati_vec *k, size_t n, const double *a, const double *beta, double *q)
{
    memset(q, 0, n * n * sizeof *q);
    for (size_t i = 0; i < n; i++) q[i * n + i] = 1;
    for (size_t i = n - 1; i-- > 0;) {
        const double *v = a + i * n + i + 1;
        size_t m = n - i - 1;
        if (beta[i] == 0) continue;
        for (size_t r = i + 1; r < n; r++) {
            double *row = q + r * n + i + 1;
            k->axpy_f64(m, -beta[i] * k->dot_f64(m, row, v), v, row);
        }
    }
}

/* Rows x and y of length n: (x, y) = (c x - s y, s x + c y). */
static void rotate(size_t n, double c, double s, double *restrict x, double *restrict y)
{
    for (size_t i = 0; i < n; i++) {
        double t = y[i];
        y[i] = s * x[i] + c * t;
        x[i] = c * x[i] - s * t;
    }
}

/* One QL step with Wilkinson's shift on rows l..m of T, the rotations applied to the rows of q. */
static void ql_step(size_t n, size_t l, size_t m, double *d, double *e, double *q)
{
    double g = (d[l + 1] - d[l]) / (2 * e[l]);
    g = d[m] - d[l] + e[l] / (g + copysign(hypot(g, 1), g));
    double s = 1, c = 1, p = 0;
    for (size_t i = m; i-- > l;) {
        double f = s * e[i], b = c * e[i], r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0) { /* T splits here */
            d[i + 1] -= p;
            e[m] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        rotate(n, c, s, q + i * n, q + (i + 1) * n);
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0;
}

static leat_status diagonalise(leat_context *c, size_t n, double *d, double *e, double *q)
{
    enum { STEPS = 60 };
    /* What is left between values of about 0, as a singular matrix has many of, is rounding of the
     * whole and never gets small beside them. */
    double size = 0;
    e[n - 1] = 0;
    for (size_t i = 0; i < n; i++) size = fmax(size, fabs(d[i]) + fabs(e[i]));
    const double nothing = DBL_EPSILON * size;
    for (size_t l = 0; l < n; l++)
        for (int step = 0;; step++) {
            size_t m = l;
            for (; m + 1 < n; m++)
                if (fabs(e[m]) <= fmax(DBL_EPSILON * (fabs(d[m]) + fabs(d[m + 1])), nothing)) break;
            if (m == l) break;
            LEATI_CHECK(c, step < STEPS, LEAT_NUMERIC,
                        "the eigenvalues of a matrix of %zu rows do not converge", n);
            ql_step(n, l, m, d, e, q);
        }
    return LEAT_OK;
}

/* The rows of q in falling order of d, into a and value. */
static void sort_rows(size_t n, double *d, const double *q, double *a, double *value)
{
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        for (size_t j = 1; j < n; j++)
            if (d[j] > d[best]) best = j;
        value[i] = d[best];
        memcpy(a + i * n, q + best * n, n * sizeof *a);
        d[best] = -HUGE_VAL;
    }
}

leat_status leati_symmetric_eigen(leat_context *c, size_t n, double *a, double *value)
{
    if (n == 0) return LEAT_OK;
    double *q = leati_array(c, n * n, sizeof *q), *space = leati_calloc(c, 4 * n, sizeof *space);
    leat_status st = leat_error_status(c);
    if (q && space) {
        const leati_vec *k = leati_vec_of(c);
        double *d = space, *e = d + n, *beta = e + n, *w = beta + n;
        tridiagonalise(k, n, a, d, e, beta, w);
        accumulate(k, n, a, beta, q);
        st = diagonalise(c, n, d, e, q);
        if (st == LEAT_OK) sort_rows(n, d, q, a, value);
    }
    leati_free(q);
    leati_free(space);
    return st;
}
