/* Owns: products of matrices, einsum, determinants. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "onnx/operators.h"

/* A list is a row on the left, a column on the right, and gives its dimension up again. */
leat_tensor *leati_omatmul(leat_tensor *a, leat_tensor *b)
{
    if (!a || !b) return NULL;
    leat_shape sa = leat_tensor_shape(a), sb = leat_tensor_shape(b);
    if (sa.rank == 1) a = leat_reshape(a, LEAT_DIMS(1, sa.dim[0]));
    if (sb.rank == 1) b = leat_reshape(b, LEAT_DIMS(sb.dim[0], 1));
    leat_tensor *y = leat_matmul(a, b);
    if (!y || (sa.rank != 1 && sb.rank != 1)) return y;
    leat_shape s = leat_tensor_shape(y), out = {0};
    for (int i = 0; i < s.rank; i++)
        if (!(i == s.rank - 2 && sa.rank == 1) && !(i == s.rank - 1 && sb.rank == 1))
            out.dim[out.rank++] = s.dim[i];
    return leat_reshape(y, out);
}

leat_status leati_on_MatMul(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 2));
    leat_tensor *a = leati_oin(k, 0), *b = leati_oin(k, 1);
    return leati_oset(k, 0, leati_omatmul(a, b));
}

leat_status leati_on_Gemm(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 2));
    leat_tensor *a = leati_oin(k, 0), *b = leati_oin(k, 1);
    if (!a || !b) return leat_error_status(k->context);
    double alpha = leati_oattr_float(k, "alpha", 1), beta = leati_oattr_float(k, "beta", 1);
    leat_tensor *y = leat_matmul_t(a, leati_oattr_int(k, "transA", 0) != 0, b,
                                   leati_oattr_int(k, "transB", 0) != 0);
    if (alpha != 1) y = leat_scale(y, alpha);
    if (leati_ohas(k, 2)) {
        leat_tensor *c = leati_oin(k, 2);
        y = leat_add(y, beta == 1 ? c : leat_scale(c, beta));
    }
    return leati_oset(k, 0, y);
}

/* ---- einsum --------------------------------------------------------------------------------- */

enum { LETTERS = 128, OPERANDS = 8 };

typedef struct einsum {
    int ranks; /* of the index space */
    int64_t dim[4 * LEAT_MAX_RANK];
    int64_t stride[OPERANDS + 1][4 * LEAT_MAX_RANK]; /* the last is the output */
    int letter[4 * LEAT_MAX_RANK];
    int dots; /* dimensions behind "..." */
} einsum;

/* The place of a letter in the index space; dots have the letters 1, 2, ... */
static int place_of(einsum *e, int letter)
{
    for (int i = 0; i < e->ranks; i++)
        if (e->letter[i] == letter) return i;
    if (e->ranks == 4 * LEAT_MAX_RANK) return -1;
    e->letter[e->ranks] = letter;
    e->dim[e->ranks] = 1;
    return e->ranks++;
}

/* The letters of a term for a tensor of the rank; -1 if they do not fit. */
static int letters_of(const einsum *e, const char *term, size_t length, int rank, int *out)
{
    int n = 0;
    size_t plain = 0;
    bool dots = false;
    for (size_t i = 0; i < length; i++) plain += (term[i] >= 'A' && term[i] <= 'z');
    for (size_t i = 0; i < length; i++) {
        if (term[i] == '.') {
            int more = rank >= 0 ? rank - (int)plain : e->dots;
            if (dots || more < 0 || length - i < 3) return -1;
            for (int j = more; j > 0; j--)
                if (n < LEAT_MAX_RANK) out[n++] = j;
            dots = true;
            i += 2;
        } else if (term[i] != ' ') {
            if (n == LEAT_MAX_RANK) return -1;
            out[n++] = term[i];
        }
    }
    return rank >= 0 && n != rank ? -1 : n;
}

static leat_status einsum_operand(leati_ocall *k, einsum *e, const char *term, size_t length,
                                  size_t i)
{
    int letters[LEAT_MAX_RANK];
    leat_shape s = k->in[i]->shape;
    int64_t strides[LEAT_MAX_RANK];
    int n = letters_of(e, term, length, s.rank, letters), dots = 0;
    if (n < 0) return leati_ofail(k, LEAT_SHAPE, "term %zu of its equation does not fit", i + 1);
    leati_ostrides(&s, strides);
    for (int j = 0; j < n; j++) {
        int at = place_of(e, letters[j]);
        dots += letters[j] < 32;
        if (at < 0) return leati_ofail(k, LEAT_UNSUPPORTED, "too many letters");
        if (s.dim[j] == 1) continue;
        if (e->dim[at] != 1 && e->dim[at] != s.dim[j])
            return leati_ofail(k, LEAT_SHAPE, "dimensions of %lld and %lld have the same letter",
                               (long long)e->dim[at], (long long)s.dim[j]);
        e->dim[at] = s.dim[j];
        e->stride[i][at] += strides[j];
    }
    if (dots > e->dots) e->dots = dots;
    return LEAT_OK;
}

/* Without an arrow: dots, then the letters that stand once, in order. */
static size_t implicit_output(const char *terms, char *out)
{
    size_t n = 0;
    if (strchr(terms, '.')) memcpy(out, "...", 3), n = 3;
    for (int letter = 'A'; letter <= 'z'; letter++) {
        int count = 0;
        for (const char *p = terms; *p; p++) count += *p == letter;
        if (count == 1) out[n++] = (char)letter;
    }
    return n;
}

leat_status leati_on_Einsum(leati_ocall *k)
{
    const char *equation = leati_oattr_text(k, "equation", ""), *term = equation;
    const char *arrow = strstr(equation, "->"), *out_term;
    char implicit[LETTERS];
    einsum e = {0};
    double *x[OPERANDS];
    int letters[LEAT_MAX_RANK];
    leat_shape s = {0};
    if (k->ins > OPERANDS) return leati_ofail(k, LEAT_UNSUPPORTED, "%zu operands", k->ins);
    LEATI_TRY(leati_oneed(k, k->ins));
    for (size_t i = 0; i < k->ins; i++) {
        size_t length = strcspn(term, ",-");
        LEATI_TRY(einsum_operand(k, &e, term, length, i));
        LEATI_TRY(leati_of64(k, i, &x[i]));
        term += length + (term[length] == ',');
    }
    size_t out_length = arrow ? strlen(arrow + 2) : implicit_output(equation, implicit);
    out_term = arrow ? arrow + 2 : implicit;
    int n = letters_of(&e, out_term, out_length, -1, letters);
    if (n < 0) return leati_ofail(k, LEAT_SHAPE, "its equation's result does not fit");
    s.rank = n;
    for (int j = 0; j < n; j++) {
        int at = place_of(&e, letters[j]);
        if (at < 0) return leati_ofail(k, LEAT_UNSUPPORTED, "too many letters");
        s.dim[j] = e.dim[at];
    }
    LEATI_TRY(leati_oval_check(k->context, &s, LEATI_ONNX_DOUBLE));
    int64_t strides[LEAT_MAX_RANK], at[4 * LEAT_MAX_RANK] = {0};
    leati_ostrides(&s, strides);
    for (int j = 0; j < n; j++) e.stride[k->ins][place_of(&e, letters[j])] = strides[j];
    double *y = leati_oalloc(k, leati_shape_count(&s), sizeof *y);
    if (!y) return LEAT_NOMEM;
    size_t all = 1;
    for (int d = 0; d < e.ranks; d++)
        if (leati_mul_overflows(all, (size_t)e.dim[d], &all) || all > (size_t)1 << 36)
            return leati_ofail(k, LEAT_LIMIT, "the sum has too many terms");
    for (size_t i = 0; i < all; i++) {
        double product = 1;
        int64_t o = 0;
        for (size_t j = 0; j < k->ins; j++) {
            int64_t p = 0;
            for (int d = 0; d < e.ranks; d++) p += at[d] * e.stride[j][d];
            product *= x[j][p];
        }
        for (int d = 0; d < e.ranks; d++) o += at[d] * e.stride[k->ins][d];
        y[o] += product;
        for (int d = e.ranks; d-- > 0 && ++at[d] == e.dim[d];) at[d] = 0;
    }
    return leati_oset_f64(k, 0, k->in[0]->element, s, y);
}

/* ---- determinants: Gaussian elimination with partial pivoting
 * -------------------------------------- */

static double determinant(double *a, size_t n)
{
    double det = 1;
    for (size_t i = 0; i < n; i++) {
        size_t best = i;
        for (size_t r = i + 1; r < n; r++)
            if (fabs(a[r * n + i]) > fabs(a[best * n + i])) best = r;
        if (a[best * n + i] == 0) return 0;
        for (size_t j = 0; j < n && best != i; j++) {
            double t = a[i * n + j];
            a[i * n + j] = a[best * n + j];
            a[best * n + j] = t;
        }
        if (best != i) det = -det;
        det *= a[i * n + i];
        for (size_t r = i + 1; r < n; r++) {
            double f = a[r * n + i] / a[i * n + i];
            for (size_t j = i; j < n; j++) a[r * n + j] -= f * a[i * n + j];
        }
    }
    return det;
}

leat_status leati_on_Det(leati_ocall *k)
{
    double *a;
    void *out;
    LEATI_TRY(leati_of64(k, 0, &a));
    leat_shape s = k->in[0]->shape;
    if (s.rank < 2 || s.dim[s.rank - 1] != s.dim[s.rank - 2])
        return leati_ofail(k, LEAT_SHAPE, "no square matrices: %s", leati_shape_string(&s).text);
    size_t n = (size_t)s.dim[s.rank - 1];
    leat_shape outer = leat_shape_make(s.rank - 2, s.dim);
    LEATI_TRY(leati_onew(k, 0, k->in[0]->element, outer, &out));
    size_t count = leati_shape_count(&outer);
    for (size_t i = 0; i < count; i++)
        leati_oput(k->in[0]->element, out, i, determinant(a + i * n * n, n));
    return LEAT_OK;
}
