/* Owns: RESAMPLE and its transpose on the CPU in f32: rows of the inner axes are weighted and
 * added; a task has all outputs of some outer rows, and of a piece of the inner axes. */
#include <string.h>

#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/resample.h"

enum { PIECE = 1024 };

typedef struct job {
    const leati_resample_attrs *a;
    const float *from;
    float *to;
    size_t in, outer, inner, pieces, chunk;
    bool back;
} job;

static bool takes(const leati_step *s)
{
    return s->in[0].dtype == LEAT_DTYPE_F32 && leati_operand_count(&s->in[0]) &&
           leati_operand_count(&s->out[0]);
}

static void run_piece(const job *j, size_t outer, size_t first, size_t n)
{
    int64_t place[LEATI_RESAMPLE_TAPS];
    double weight[LEATI_RESAMPLE_TAPS];
    size_t out = (size_t)j->a->size;
    const float *from = j->from + outer * (j->back ? out : j->in) * j->inner + first;
    float *to = j->to + outer * (j->back ? j->in : out) * j->inner + first;
    for (size_t i = 0; j->back && i < j->in; i++) memset(to + i * j->inner, 0, n * sizeof *to);
    for (size_t i = 0; i < out; i++) {
        int taps = leati_resample_taps(j->a, (int64_t)j->in, (int64_t)i, place, weight);
        if (!j->back) memset(to + i * j->inner, 0, n * sizeof *to);
        for (int t = 0; t < taps; t++) {
            float w = (float)weight[t];
            const float *x = from + (j->back ? i : (size_t)place[t]) * j->inner;
            float *y = to + (j->back ? (size_t)place[t] : i) * j->inner;
            for (size_t k = 0; k < n; k++) y[k] += w * x[k];
        }
    }
}

static void run_task(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    (void)worker;
    size_t end = (task + 1) * j->chunk, all = j->outer * j->pieces;
    for (size_t k = task * j->chunk; k < end && k < all; k++) {
        size_t first = k % j->pieces * PIECE;
        run_piece(j, k / j->pieces, first, j->inner - first < PIECE ? j->inner - first : PIECE);
    }
}

static leat_status run(leat_context *c, const leati_step *s)
{
    const leati_resample_attrs *a = s->attrs;
    job j = {.a = a, .from = s->in[0].data, .to = s->out[0].data, .outer = 1, .inner = 1};
    j.back = s->op == LEATI_OP_RESAMPLE_DATA;
    const leat_shape *x = j.back ? &s->out[0].shape : &s->in[0].shape;
    j.in = (size_t)x->dim[a->axis];
    for (int i = 0; i < a->axis; i++) j.outer *= (size_t)x->dim[i];
    for (int i = a->axis + 1; i < x->rank; i++) j.inner *= (size_t)x->dim[i];
    j.pieces = (j.inner + PIECE - 1) / PIECE;
    size_t work = ((size_t)a->size + j.in) * (j.inner < PIECE ? j.inner : PIECE);
    j.chunk = 1 + 16384 / work;
    leati_parallel(c, (j.outer * j.pieces + j.chunk - 1) / j.chunk, run_task, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_resample = {.run = run, .takes = takes};
