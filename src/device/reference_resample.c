/* Owns: the reference of RESAMPLE and its transpose. */
#include "device/reference_kernels.h"
#include "device/resample.h"

/* (outer, n, inner) of a shape around an axis. */
static void sizes_of(const leat_shape *s, int axis, size_t *outer, size_t *inner)
{
    *outer = *inner = 1;
    for (int i = 0; i < axis; i++) *outer *= (size_t)s->dim[i];
    for (int i = axis + 1; i < s->rank; i++) *inner *= (size_t)s->dim[i];
}

static leat_status run(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_resample_attrs *a = s->attrs;
    bool back = s->op == LEATI_OP_RESAMPLE_DATA;
    const leati_operand *x = back ? &s->out[0] : &s->in[0], *y = back ? &s->in[0] : &s->out[0];
    int64_t in = x->shape.dim[a->axis], place[LEATI_RESAMPLE_TAPS];
    double weight[LEATI_RESAMPLE_TAPS];
    size_t outer, inner, count = leati_operand_count(&s->out[0]);
    sizes_of(&x->shape, a->axis, &outer, &inner);
    for (size_t i = 0; back && i < count; i++)
        leati_element_set(&s->out[0], i, (leati_element){0, 0});
    for (size_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < a->size; i++) {
            int taps = leati_resample_taps(a, in, i, place, weight);
            for (size_t k = 0; k < inner; k++) {
                size_t to = (o * (size_t)a->size + (size_t)i) * inner + k;
                double sum = back ? leati_element_get(y, to).f : 0;
                for (int t = 0; t < taps; t++) {
                    size_t from = (o * (size_t)in + (size_t)place[t]) * inner + k;
                    double v = leati_element_get(x, from).f;
                    if (back) leati_element_set(x, from, (leati_element){v + weight[t] * sum, 0});
                    else sum += weight[t] * v;
                }
                if (!back) leati_element_set(y, to, (leati_element){sum, 0});
            }
        }
    return LEAT_OK;
}

const leati_kernel leati_reference_resample = {.run = run};
