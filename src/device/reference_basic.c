/* Owns: the reference of ASSIGN, EXPAND, TRANSPOSE, reductions and MATMUL. */
#include <math.h>
#include <string.h>

#include "device/reference_kernels.h"
#include "tensor/shape.h"

static leat_status assign(leat_context *c, const leati_step *s)
{
    (void)c;
    size_t bytes = leati_operand_count(&s->in[0]) * leat_dtype_size(s->in[0].dtype);
    if (bytes) memcpy(s->out[0].data, s->in[0].data, bytes);
    return LEAT_OK;
}

const leati_kernel leati_reference_assign = {.run = assign};

static leat_status expand(leat_context *c, const leati_step *s)
{
    (void)c;
    int64_t strides[LEAT_MAX_RANK], index[LEAT_MAX_RANK];
    const leat_shape *space = &s->out[0].shape;
    leati_broadcast_strides(&s->in[0].shape, space, strides);
    size_t count = leati_operand_count(&s->out[0]);
    for (size_t k = 0; k < count; k++) {
        size_t at = 0;
        leati_index_of(space, k, index);
        for (int d = 0; d < space->rank; d++) at += (size_t)(index[d] * strides[d]);
        leati_element_set(&s->out[0], k, leati_element_get(&s->in[0], at));
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_expand = {.run = expand};

static leat_status transpose(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_transpose_attrs *a = s->attrs;
    int64_t to[LEAT_MAX_RANK], from[LEAT_MAX_RANK];
    size_t count = leati_operand_count(&s->out[0]);
    for (size_t k = 0; k < count; k++) {
        leati_index_of(&s->out[0].shape, k, to);
        for (int d = 0; d < s->out[0].shape.rank; d++) from[a->perm[d]] = to[d];
        leati_element_set(&s->out[0], k,
                          leati_element_get(&s->in[0], leati_offset_of(&s->in[0].shape, from)));
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_transpose = {.run = transpose};

/* ---- reductions
 * ------------------------------------------------------------------------------------- */

static leati_element lowest(leat_dtype type, bool high)
{
    int bits = 8 * (int)leat_dtype_size(type);
    bool is_unsigned = type == LEAT_DTYPE_BOOL || (type >= LEAT_DTYPE_U64 && type <= LEAT_DTYPE_U8);
    leati_element e = {high ? INFINITY : -INFINITY, 0};
    if (is_unsigned)
        e.i = high ? (type == LEAT_DTYPE_BOOL ? 1
                      : bits == 64            ? -1
                                              : (int64_t)((1ull << bits) - 1))
                   : 0;
    else if (bits <= 64)
        e.i =
            high ? (int64_t)(UINT64_MAX >> (65 - bits)) : -(int64_t)(UINT64_MAX >> (65 - bits)) - 1;
    return e;
}

static leati_element start(const leati_step *s)
{
    switch (s->op) {
    case LEATI_OP_REDUCE_SUM: return (leati_element){0, 0};
    case LEATI_OP_REDUCE_PROD: return (leati_element){1, 1};
    case LEATI_OP_REDUCE_MAX: return lowest(s->in[0].dtype, false);
    default: return lowest(s->in[0].dtype, true);
    }
}

static leati_element join(const leati_step *s, leati_element a, leati_element x)
{
    bool u64 = s->in[0].dtype == LEAT_DTYPE_U64;
    switch (s->op) {
    case LEATI_OP_REDUCE_SUM:
        return (leati_element){a.f + x.f, (int64_t)((uint64_t)a.i + (uint64_t)x.i)};
    case LEATI_OP_REDUCE_PROD:
        return (leati_element){a.f * x.f, (int64_t)((uint64_t)a.i * (uint64_t)x.i)};
    case LEATI_OP_REDUCE_MAX:
        return (leati_element){isnan(a.f) || a.f > x.f ? a.f : x.f,
                               (u64 ? (uint64_t)a.i > (uint64_t)x.i : a.i > x.i) ? a.i : x.i};
    default:
        return (leati_element){isnan(a.f) || a.f < x.f ? a.f : x.f,
                               (u64 ? (uint64_t)a.i < (uint64_t)x.i : a.i < x.i) ? a.i : x.i};
    }
}

static leat_status reduce(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_reduce_attrs *a = s->attrs;
    const leat_shape *in = &s->in[0].shape;
    leat_shape kept = *in, over = {.rank = in->rank};
    for (int i = 0; i < in->rank; i++) {
        bool reduced = a->axes >> i & 1;
        over.dim[i] = reduced ? in->dim[i] : 1;
        if (reduced) kept.dim[i] = 1;
    }
    size_t outs = leati_operand_count(&s->out[0]), items = leati_shape_count(&over);
    for (size_t k = 0; k < outs; k++) {
        int64_t base[LEAT_MAX_RANK], step[LEAT_MAX_RANK];
        leati_index_of(&kept, k, base);
        leati_element sum = start(s);
        for (size_t j = 0; j < items; j++) {
            leati_index_of(&over, j, step);
            for (int i = 0; i < in->rank; i++) step[i] += base[i];
            sum = join(s, sum, leati_element_get(&s->in[0], leati_offset_of(in, step)));
        }
        leati_element_set(&s->out[0], k, sum);
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_reduce = {.run = reduce};

/* ---- MATMUL
 * ------------------------------------------------------------------------------------------ */

double leati_reference_activation(leati_activation kind, double x)
{
    double e = exp(-fabs(x)), sigmoid = x >= 0 ? 1 / (1 + e) : e / (1 + e);
    switch (kind) {
    case LEATI_ACT_RELU: return x < 0 ? 0 : x;
    case LEATI_ACT_RELU6: return x < 0 ? 0 : x > 6 ? 6 : x;
    case LEATI_ACT_SIGMOID: return sigmoid;
    case LEATI_ACT_TANH: return tanh(x);
    case LEATI_ACT_SILU: return x * sigmoid;
    case LEATI_ACT_GELU: return 0.5 * x * erfc(-x * 0.70710678118654752);
    case LEATI_ACT_GELU_TANH:
        return 0.5 * x * (1 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
    default: return x;
    }
}

static double finished(const leati_step *s, const leati_matmul_attrs *t, size_t o, size_t n,
                       double sum)
{
    if (t->bias) sum += leati_element_get(&s->in[2], o % n).f;
    if (t->residual) sum += leati_element_get(&s->in[2 + t->bias], o).f;
    return leati_reference_activation((leati_activation)t->activation, sum);
}

static leat_status matmul(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_matmul_attrs *t = s->attrs;
    leat_shape lead = s->out[0].shape, la = s->in[0].shape, lb = s->in[1].shape;
    size_t m = (size_t)lead.dim[lead.rank - 2], n = (size_t)lead.dim[lead.rank - 1];
    size_t k = (size_t)la.dim[la.rank - (t->transpose_a ? 2 : 1)];
    size_t row_a = t->transpose_a ? 1 : k, col_a = t->transpose_a ? m : 1;
    size_t row_b = t->transpose_b ? 1 : n, col_b = t->transpose_b ? k : 1;
    lead.rank -= 2, la.rank -= 2, lb.rank -= 2;
    int64_t sa[LEAT_MAX_RANK], sb[LEAT_MAX_RANK], index[LEAT_MAX_RANK];
    leati_broadcast_strides(&la, &lead, sa);
    leati_broadcast_strides(&lb, &lead, sb);
    size_t outs = leati_operand_count(&s->out[0]);
    for (size_t o = 0; o < outs; o++) {
        size_t i = o / n % m, j = o % n, a = 0, b = 0;
        leati_index_of(&lead, o / (m * n), index);
        for (int d = 0; d < lead.rank; d++) {
            a += (size_t)(index[d] * sa[d]) * m * k;
            b += (size_t)(index[d] * sb[d]) * k * n;
        }
        leati_element sum = {0, 0};
        for (size_t p = 0; p < k; p++) {
            leati_element x = leati_element_get(&s->in[0], a + i * row_a + p * col_a);
            leati_element y = leati_element_get(&s->in[1], b + p * row_b + j * col_b);
            if (t->half) x.f = leati_reference_bf16(x.f), y.f = leati_reference_bf16(y.f);
            sum.f += x.f * y.f;
            sum.i = (int64_t)((uint64_t)sum.i + (uint64_t)x.i * (uint64_t)y.i);
        }
        sum.f = finished(s, t, o, n, sum.f);
        leati_element_set(&s->out[0], o, sum);
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_matmul = {.run = matmul};
