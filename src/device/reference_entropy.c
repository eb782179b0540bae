/* Owns: the reference of CROSS_ENTROPY and its gradient. */
#include <math.h>

#include "base/error.h"
#include "device/entropy.h"
#include "device/reference_kernels.h"

static double get(const leati_operand *o, size_t i)
{
    return leati_element_get(o, i).f;
}

static void set(const leati_operand *o, size_t i, double x)
{
    leati_element_set(o, i, (leati_element){x, 0});
}

/* The share of class c in the loss of a row with label y. */
static double share(const leati_entropy_attrs *a, const leati_operand *weights, int64_t y, size_t c,
                    size_t classes)
{
    double w = weights ? get(weights, c) : 1;
    if (a->has_ignored && y == a->ignored) return 0;
    return a->smoothing / (double)classes * w + ((size_t)y == c ? (1 - a->smoothing) * w : 0);
}

/* log of the sum of e^x over the row, in two parts: the largest x, and the rest. */
static double log_sum(const leati_operand *x, size_t row, size_t classes, double *top)
{
    double sum = 0;
    *top = get(x, row * classes);
    for (size_t c = 1; c < classes; c++) *top = fmax(*top, get(x, row * classes + c));
    for (size_t c = 0; c < classes; c++) sum += exp(get(x, row * classes + c) - *top);
    return log(sum);
}

static leat_status run(leat_context *c, const leati_step *s)
{
    const leati_entropy_attrs *a = s->attrs;
    const leati_operand *x = &s->in[0], *weights = s->ins == 3 ? &s->in[2] : NULL;
    size_t rows = (size_t)x->shape.dim[0], classes = (size_t)x->shape.dim[1];
    LEATI_TRY(leati_labels_check(c, s));
    for (size_t r = 0; r < rows; r++) {
        int64_t y = leati_element_get(&s->in[1], r).i;
        double top, rest = log_sum(x, r, classes, &top), loss = 0;
        bool ignored = a->has_ignored && y == a->ignored;
        for (size_t k = 0; k < classes; k++) {
            double t = share(a, weights, y, k, classes), v = get(x, r * classes + k);
            if (t != 0) loss -= t * (a->given_log ? v : v - top - rest);
        }
        set(&s->out[0], r, loss);
        set(&s->out[1], r, ignored ? 0 : weights ? get(weights, (size_t)y) : 1);
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_cross_entropy = {.run = run};

static leat_status run_grad(leat_context *c, const leati_step *s)
{
    const leati_entropy_attrs *a = s->attrs;
    const leati_operand *x = &s->in[0], *weights = s->ins == 4 ? &s->in[3] : NULL;
    size_t rows = (size_t)x->shape.dim[0], classes = (size_t)x->shape.dim[1];
    LEATI_TRY(leati_labels_check(c, s));
    for (size_t r = 0; r < rows; r++) {
        int64_t y = leati_element_get(&s->in[1], r).i;
        double top, rest = log_sum(x, r, classes, &top), all = 0, d = get(&s->in[2], r);
        for (size_t k = 0; k < classes; k++) all += share(a, weights, y, k, classes);
        for (size_t k = 0; k < classes; k++) {
            double t = share(a, weights, y, k, classes);
            double p = a->given_log ? 0 : exp(get(x, r * classes + k) - top - rest);
            set(&s->out[0], r * classes + k, d * (all * p - t));
        }
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_cross_entropy_grad = {.run = run_grad};
