/* Owns: MATMUL on the CPU, f32 (with what follows it) and f64: one product per matrix of the batch
 * where the batches of both operands are not plain; a right operand that all share makes it a
 * single tall one. */
#include "base/error.h"
#include "device/cpu_kernels.h"
#include "kernel/gemm.h"
#include "kernel/product.h"
#include "tensor/shape.h"

static bool takes(const leati_step *s)
{
    const leati_matmul_attrs *t = s->attrs;
    if (s->in[0].dtype == LEAT_DTYPE_F32) return true;
    return s->in[0].dtype == LEAT_DTYPE_F64 && !t->bias && !t->residual && !t->activation;
}

typedef struct job {
    const leati_matmul_attrs *t;
    size_t m, n, k;    /* of one matrix */
    leat_shape lead;   /* of the result's batch */
    size_t batch;      /* matrices of one call */
    size_t calls;      /* 1, or one per matrix */
    bool a_one, b_one; /* the operand is one matrix for all */
} job;

static job job_of(const leati_step *s)
{
    job j = {.t = s->attrs, .lead = s->out[0].shape};
    leat_shape la = s->in[0].shape, lb = s->in[1].shape;
    j.m = (size_t)j.lead.dim[j.lead.rank - 2];
    j.n = (size_t)j.lead.dim[j.lead.rank - 1];
    j.k = (size_t)la.dim[la.rank - (j.t->transpose_a ? 2 : 1)];
    j.lead.rank -= 2, la.rank -= 2, lb.rank -= 2;
    size_t all = leati_shape_count(&j.lead), a = leati_shape_count(&la), b = leati_shape_count(&lb);
    j.a_one = a == 1;
    j.b_one = b == 1;
    j.batch = all;
    j.calls = 1;
    if (j.b_one && a == all && !j.t->transpose_a) {
        j.m *= all;
        j.batch = 1;
    } else if ((a != all && a != 1) || (b != all && b != 1)) {
        j.batch = 1;
        j.calls = all;
    }
    return j;
}

static leati_product product_of(const leati_step *s, const job *j)
{
    const leati_matmul_attrs *t = j->t;
    leati_product p = leati_product_default(t->transpose_a, t->transpose_b, j->m, j->n, j->k,
                                            s->in[0].data, s->in[1].data, s->out[0].data);
    p.batch = j->batch;
    p.a_step = j->a_one || j->batch == 1 ? 0 : j->m * j->k;
    p.b_step = j->b_one || j->batch == 1 ? 0 : j->k * j->n;
    p.c_step = j->m * j->n;
    p.activation = (leati_activation)t->activation;
    if (t->bias) p.column_bias = s->in[2].data;
    if (t->residual) p.residual = s->in[2 + t->bias].data;
    p.half = t->half;
    if (t->half) p.packed_bf16 = s->kept;
    else p.packed_b = s->kept;
    p.ld_residual = j->n;
    p.residual_step = j->m * j->n;
    return p;
}

/* One right operand for all rows: its panels are laid out once. */
static size_t kept_bytes(const leat_context *context, const leati_step *s)
{
    leat_context *c = (leat_context *)(uintptr_t)context;
    if (s->in[0].dtype != LEAT_DTYPE_F32 || !leati_operand_count(&s->out[0])) return 0;
    job j = job_of(s);
    leati_product p = product_of(s, &j);
    if (j.batch != 1 || j.calls != 1 || !j.k) return 0;
    if (j.t->half) return leati_product_packed_bf16(c, j.n, j.k) * sizeof(uint32_t);
    return leati_product_packs(&p) ? leati_product_packed(c, j.n, j.k) * sizeof(float) : 0;
}

static void keep(leat_context *c, const leati_step *s)
{
    job j = job_of(s);
    size_t ldb = j.t->transpose_b ? j.k : j.n;
    if (j.t->half)
        leati_product_pack_bf16(c, j.t->transpose_b, j.n, j.k, s->in[1].data, ldb, s->kept);
    else leati_product_pack(c, j.t->transpose_b, j.n, j.k, s->in[1].data, ldb, s->kept);
}

static size_t scratch(const leat_context *c, const leati_step *s)
{
    if (s->in[0].dtype != LEAT_DTYPE_F32 || !leati_operand_count(&s->out[0])) return 0;
    job j = job_of(s);
    leati_product p = product_of(s, &j);
    return leati_product_bytes((leat_context *)(uintptr_t)c, &p);
}

/* Matrix number i of the result belongs to which of the operands'. */
static void places(const leati_step *s, const job *j, size_t i, size_t *a, size_t *b)
{
    leat_shape la = s->in[0].shape, lb = s->in[1].shape;
    int64_t sa[LEAT_MAX_RANK], sb[LEAT_MAX_RANK];
    la.rank -= 2, lb.rank -= 2;
    leati_broadcast_strides(&la, &j->lead, sa);
    leati_broadcast_strides(&lb, &j->lead, sb);
    *a = *b = 0;
    for (int d = j->lead.rank; d-- > 0;) {
        size_t at = i % (size_t)j->lead.dim[d];
        i /= (size_t)j->lead.dim[d];
        *a += at * (size_t)sa[d];
        *b += at * (size_t)sb[d];
    }
}

static void run_f32(leat_context *c, const leati_step *s, const job *j)
{
    leati_product p = product_of(s, j);
    for (size_t i = 0; i < j->calls; i++) {
        if (j->calls > 1) {
            size_t a, b;
            places(s, j, i, &a, &b);
            p.a = (const float *)s->in[0].data + a * j->m * j->k;
            p.b = (const float *)s->in[1].data + b * j->k * j->n;
            p.c = (float *)s->out[0].data + i * j->m * j->n;
            if (j->t->residual)
                p.residual = (const float *)s->in[2 + j->t->bias].data + i * j->m * j->n;
        }
        leati_product_run(c, &p, s->scratch);
    }
}

static leat_status run(leat_context *c, const leati_step *s)
{
    if (!leati_operand_count(&s->out[0])) return LEAT_OK;
    job j = job_of(s);
    if (s->in[0].dtype == LEAT_DTYPE_F32) {
        run_f32(c, s, &j);
        return LEAT_OK;
    }
    size_t lda = j.t->transpose_a ? j.m : j.k, ldb = j.t->transpose_b ? j.k : j.n;
    for (size_t i = 0; i < j.calls * j.batch; i++) {
        size_t a = 0, b = 0;
        if (j.calls * j.batch > 1) places(s, &j, i, &a, &b);
        LEATI_TRY(leati_gemm_f64(c, j.t->transpose_a, j.t->transpose_b, j.m, j.n, j.k, 1,
                                 (const double *)s->in[0].data + a * j.m * j.k, lda,
                                 (const double *)s->in[1].data + b * j.k * j.n, ldb, 0,
                                 (double *)s->out[0].data + i * j.m * j.n, j.n));
    }
    return LEAT_OK;
}

const leati_kernel leati_cpu_matmul = {
    .run = run, .scratch = scratch, .takes = takes, .kept_bytes = kept_bytes, .keep = keep};
