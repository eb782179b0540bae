/* Owns: support vector machines with kernels as graphs. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "exchange/lowering.h"
#include "learn/kernel_fn.h"

static const int last_axis = -1;

static leat_status scalar(leati_lowering *l, const char *name, double *out)
{
    return leati_state_get_scalar(l->context, l->state, name, -1e308, 1e308, out);
}

/* (batch, vectors) */
static leat_status kernel_values(leati_lowering *l, leat_tensor **out)
{
    double kind, degree, gamma, coef0;
    LEATI_TRY(scalar(l, "kernel", &kind));
    LEATI_TRY(scalar(l, "degree", &degree));
    LEATI_TRY(scalar(l, "gamma", &gamma));
    LEATI_TRY(scalar(l, "coef0", &coef0));
    bool narrow = leati_state_find(l->state, "sv_f32") != NULL;
    leat_tensor *x = l->x, *v = leati_lower_array(l, narrow ? "sv_f32" : "sv");
    if (leati_state_find(l->state, "center")) x = leat_sub(x, leati_lower_array(l, "center"));
    if (narrow) x = leat_cast(leat_cast(x, LEAT_DTYPE_F32), LEAT_DTYPE_F64);
    leat_tensor *dot = leat_matmul_t(x, false, v, true);
    if (kind == LEATI_KERNEL_RBF) {
        leat_tensor *a = leat_sum(leat_mul(x, x), 1, &last_axis, true);
        leat_tensor *b = leat_sum(leat_mul(v, v), 1, &last_axis, false);
        leat_tensor *d = leat_sub(leat_add(a, b), leat_scale(dot, 2));
        *out = leat_exp(leat_scale(leat_relu(d), -gamma));
    } else if (kind == LEATI_KERNEL_LINEAR) {
        *out = dot;
    } else {
        leat_tensor *z = leat_shift(leat_scale(dot, gamma), coef0);
        bool poly = kind == LEATI_KERNEL_POLY;
        *out = poly ? leat_pow(z, leat_like(z, degree)) : leat_tanh(z);
    }
    return *out ? LEAT_OK : leat_error_status(l->context);
}

leat_status leati_lower_svr(leati_lowering *l)
{
    leat_tensor *k;
    double rho;
    LEATI_TRY(scalar(l, "rho", &rho));
    LEATI_CHECK(l->context,
                leati_state_find(l->state, "sv") || leati_state_find(l->state, "sv_f32"),
                LEAT_UNSUPPORTED, "this svr has no support vectors, it is a constant");
    LEATI_TRY(kernel_values(l, &k));
    leat_shape s = leat_tensor_shape(k);
    leat_tensor *coef = leat_reshape(leati_lower_array(l, "coef"), LEAT_DIMS(s.dim[1], 1));
    l->out = leat_shift(leat_reshape(leat_matmul(k, coef), LEAT_DIMS(l->batch)), -rho);
    return leati_lower_status(l);
}

/* ---- classes --------------------------------------------------------------------------------- */

typedef struct pairs {
    size_t classes, count, vectors;
    double *coef;          /* (vectors, count): of every vector in every machine */
    double *first, *other; /* (count, classes): 1 where a pair's class is */
} pairs;

static leat_status make_pairs(leati_lowering *l, pairs *p)
{
    const leati_array_entry *start = leati_state_find(l->state, "start");
    const leati_array_entry *coef = leati_state_find(l->state, "coef");
    size_t k = p->classes = l->estimator->classes;
    p->count = k * (k - 1) / 2;
    LEATI_CHECK(l->context, start && coef && start->count == k + 1 && coef->dims == 2, LEAT_FORMAT,
                "damaged model: the support vectors of svc are not whole");
    p->vectors = coef->shape[0];
    p->coef = leati_calloc(l->context, p->vectors * p->count, sizeof *p->coef);
    p->first = leati_calloc(l->context, p->count * k, sizeof *p->first);
    p->other = leati_calloc(l->context, p->count * k, sizeof *p->other);
    if (!p->coef || !p->first || !p->other) return leat_error_status(l->context);
    const int64_t *from = start->data;
    const double *c = coef->data;
    for (size_t i = 0, n = 0; i < k; i++)
        for (size_t j = i + 1; j < k; j++, n++) {
            p->first[n * k + i] = p->other[n * k + j] = 1;
            for (int64_t v = from[i]; v < from[i + 1]; v++)
                p->coef[(size_t)v * p->count + n] = c[(size_t)v * (k - 1) + j - 1];
            for (int64_t v = from[j]; v < from[j + 1]; v++)
                p->coef[(size_t)v * p->count + n] = c[(size_t)v * (k - 1) + i];
        }
    return LEAT_OK;
}

/* Votes of the pairs, where `first` says which of the two has it. */
static leat_tensor *votes(leat_tensor *first, leat_tensor *to_first, leat_tensor *to_other)
{
    return leat_add(leat_matmul(leat_cast(first, LEAT_DTYPE_F64), to_first),
                    leat_matmul(leat_cast(leat_not(first), LEAT_DTYPE_F64), to_other));
}

static leat_status probabilities(leati_lowering *l, leat_tensor *d)
{
    LEATI_CHECK(l->context, l->estimator->classes == 2, LEAT_UNSUPPORTED,
                "the coupled probabilities of svc with more than two classes have no form in "
                "ONNX; probability=false has scores instead");
    leat_tensor *platt = leati_lower_array(l, "platt");
    leat_tensor *a = leat_narrow(platt, 1, 0, 1), *b = leat_narrow(platt, 1, 1, 1);
    leat_tensor *p = leat_sigmoid(leat_neg(leat_add(leat_mul(d, a), b)));
    p = leat_clip(p, 1e-7, 1 - 1e-7);
    leat_tensor *both[2] = {p, leat_shift(leat_neg(p), 1)};
    l->out = leat_concat(2, both, 1);
    return leati_lower_status(l);
}

static leat_status answer(leati_lowering *l, const pairs *p)
{
    int64_t k = (int64_t)p->classes, count = (int64_t)p->count;
    char space[64];
    leat_tensor *values;
    LEATI_TRY(kernel_values(l, &values));
    leat_tensor *coef = leati_lower_constant(l, p->coef, (int64_t)p->vectors, count);
    leat_tensor *d = leat_sub(leat_matmul(values, coef), leati_lower_array(l, "rho"));
    leat_tensor *first = leati_lower_constant(l, p->first, count, k);
    leat_tensor *other = leati_lower_constant(l, p->other, count, k);
    leat_tensor *zero = leat_like(d, 0);
    l->class = leat_argmax(votes(leat_greater(d, zero), first, other), 1, false);
    if (leati_estimator_has_proba(l->estimator)) return probabilities(l, d);
    if (k == 2) {
        leat_tensor *both[2] = {d, leat_neg(d)};
        l->out = leat_concat(2, both, 1);
        return leati_lower_status(l);
    }
    leat_tensor *sums = leat_matmul(d, leat_sub(first, other));
    leat_tensor *squeezed = leat_div(sums, leat_scale(leat_shift(leat_abs(sums), 1), 3));
    l->out = leat_add(votes(leat_greater_equal(d, zero), first, other), squeezed);
    if (strcmp(leati_lower_param(l, "break_ties", space), "true") == 0)
        l->class = leat_argmax(l->out, 1, false);
    return leati_lower_status(l);
}

leat_status leati_lower_svc(leati_lowering *l)
{
    pairs p = {0};
    if (l->estimator->classes == 1) return leati_lower_baseline(l);
    leat_status st = make_pairs(l, &p);
    if (st == LEAT_OK) st = answer(l, &p);
    leati_free(p.coef);
    leati_free(p.first);
    leati_free(p.other);
    return st;
}
