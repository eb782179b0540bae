/* Owns: MATMUL on the CPU, f32 and f64: one product per matrix of the batch; a right operand that
 * all share makes it a single tall one. */
#include "base/error.h"
#include "device/cpu_kernels.h"
#include "kernel/gemm.h"
#include "tensor/shape.h"

static bool takes(const leati_step *s)
{
    return s->in[0].dtype == LEAT_DTYPE_F32 || s->in[0].dtype == LEAT_DTYPE_F64;
}

static leat_status multiply(leat_context *c, const leati_step *s, size_t a, size_t b, size_t y,
                            size_t m, size_t n, size_t k)
{
    const leati_matmul_attrs *t = s->attrs;
    size_t lda = t->transpose_a ? m : k, ldb = t->transpose_b ? k : n;
    if (s->in[0].dtype == LEAT_DTYPE_F32)
        return leati_gemm_f32(
            c, t->transpose_a, t->transpose_b, m, n, k, 1, (const float *)s->in[0].data + a, lda,
            (const float *)s->in[1].data + b, ldb, 0, (float *)s->out[0].data + y, n);
    return leati_gemm_f64(c, t->transpose_a, t->transpose_b, m, n, k, 1,
                          (const double *)s->in[0].data + a, lda, (const double *)s->in[1].data + b,
                          ldb, 0, (double *)s->out[0].data + y, n);
}

static leat_status run(leat_context *c, const leati_step *s)
{
    const leati_matmul_attrs *t = s->attrs;
    leat_shape lead = s->out[0].shape, la = s->in[0].shape, lb = s->in[1].shape;
    size_t m = (size_t)lead.dim[lead.rank - 2], n = (size_t)lead.dim[lead.rank - 1];
    size_t k = (size_t)la.dim[la.rank - (t->transpose_a ? 2 : 1)];
    lead.rank -= 2, la.rank -= 2, lb.rank -= 2;
    size_t batch = leati_shape_count(&lead);
    if (leati_shape_count(&lb) == 1 && leati_shape_count(&la) == batch && !t->transpose_a)
        return multiply(c, s, 0, 0, 0, m * batch, n, k);
    int64_t sa[LEAT_MAX_RANK], sb[LEAT_MAX_RANK];
    leati_broadcast_strides(&la, &lead, sa);
    leati_broadcast_strides(&lb, &lead, sb);
    for (size_t i = 0; i < batch; i++) {
        size_t rest = i, ia = 0, ib = 0;
        for (int d = lead.rank; d-- > 0;) {
            size_t at = rest % (size_t)lead.dim[d];
            rest /= (size_t)lead.dim[d];
            ia += at * (size_t)sa[d];
            ib += at * (size_t)sb[d];
        }
        LEATI_TRY(multiply(c, s, ia * m * k, ib * k * n, i * m * n, m, n, k));
    }
    return LEAT_OK;
}

const leati_kernel leati_cpu_matmul = {.run = run, .takes = takes};
