/* Owns: the steps of optimisers of ai.onnx.preview.training. */
#include <string.h>

#include "onnx/operators.h"

/* Of one tensor: x, its gradient, what the optimiser keeps; results in their place. */
typedef struct step {
    leat_tensor *rate, *count; /* scalars of x's type */
    leat_tensor *x, *g, *kept[2];
} step;

typedef void (*step_fn)(const leati_ocall *k, step *s);

static leat_tensor *scalar_like(leat_tensor *scalar, leat_tensor *x)
{
    return leat_cast(leat_reshape(scalar, LEAT_SCALAR), leat_tensor_dtype(x));
}

/* Inputs: rate, number of updates before, all x, all gradients, all of each kept value; outputs:
 * all x, all of each kept value. */
static leat_status update(leati_ocall *k, size_t kept, step_fn fn)
{
    size_t lists = 2 + kept, count = k->ins > 2 ? (k->ins - 2) / lists : 0;
    LEATI_TRY(leati_oneed(k, k->ins));
    if (k->ins < 2 + lists || (k->ins - 2) % lists || k->outs < count * (1 + kept))
        return leati_ofail(k, LEAT_FORMAT, "%zu inputs and %zu outputs do not fit", k->ins,
                           k->outs);
    for (size_t i = 0; i < count; i++) {
        step s = {.x = leati_oin(k, 2 + i), .g = leati_oin(k, 2 + count + i)};
        for (size_t j = 0; j < kept; j++) s.kept[j] = leati_oin(k, 2 + (2 + j) * count + i);
        s.rate = scalar_like(leati_oin(k, 0), s.x);
        s.count = scalar_like(leati_oin(k, 1), s.x);
        /* The gradient of a penalty on the size of x. */
        s.g = leat_add(s.g, leat_scale(s.x, leati_oattr_float(k, "norm_coefficient", 0)));
        fn(k, &s);
        LEATI_TRY(leati_oset(k, i, s.x));
        for (size_t j = 0; j < kept; j++) LEATI_TRY(leati_oset(k, (1 + j) * count + i, s.kept[j]));
    }
    return LEAT_OK;
}

static leat_tensor *mixed(leat_tensor *old, double keep, leat_tensor *fresh)
{
    return leat_add(leat_scale(old, keep), leat_scale(fresh, 1 - keep));
}

/* 1 - base^count */
static leat_tensor *correction(double base, leat_tensor *count)
{
    return leat_sub(leat_like(count, 1), leat_pow(leat_like(count, base), count));
}

static void adam(const leati_ocall *k, step *s)
{
    double alpha = leati_oattr_float(k, "alpha", 0.9), beta = leati_oattr_float(k, "beta", 0.999);
    double epsilon = leati_oattr_float(k, "epsilon", 1e-6);
    leat_tensor *zero = leat_like(s->count, 0), *first = leat_equal(s->count, zero);
    leat_tensor *count = leat_where(first, leat_like(s->count, 1), s->count);
    leat_tensor *rate =
        leat_div(leat_mul(s->rate, leat_sqrt(correction(beta, count))), correction(alpha, count));
    rate = leat_where(first, s->rate, rate);
    s->kept[0] = mixed(s->kept[0], alpha, s->g);
    s->kept[1] = mixed(s->kept[1], beta, leat_mul(s->g, s->g));
    leat_tensor *root = leat_shift(leat_sqrt(s->kept[1]), epsilon);
    s->x = leat_sub(s->x, leat_mul(rate, leat_div(s->kept[0], root)));
    s->x = leat_scale(s->x, 1 - leati_oattr_float(k, "norm_coefficient_post", 0));
}

leat_status leati_on_Adam(leati_ocall *k)
{
    return update(k, 2, adam);
}

static void adagrad(const leati_ocall *k, step *s)
{
    double decay = leati_oattr_float(k, "decay_factor", 0);
    double epsilon = leati_oattr_float(k, "epsilon", 1e-6);
    leat_tensor *rate = leat_div(s->rate, leat_shift(leat_scale(s->count, decay), 1));
    s->kept[0] = leat_add(s->kept[0], leat_mul(s->g, s->g));
    leat_tensor *root = leat_shift(leat_sqrt(s->kept[0]), epsilon);
    s->x = leat_sub(s->x, leat_div(leat_mul(rate, s->g), root));
}

leat_status leati_on_Adagrad(leati_ocall *k)
{
    return update(k, 1, adagrad);
}

/* The first update takes the whole gradient, whatever beta. */
static leat_tensor *momentum_of(const leati_ocall *k, step *s, double alpha)
{
    leat_tensor *zero = leat_like(s->count, 0),
                *beta = leat_like(s->count, leati_oattr_float(k, "beta", 1));
    beta = leat_where(leat_equal(s->count, zero), leat_like(s->count, 1), beta);
    return leat_add(leat_scale(s->kept[0], alpha), leat_mul(beta, s->g));
}

static void momentum(const leati_ocall *k, step *s)
{
    s->kept[0] = momentum_of(k, s, leati_oattr_float(k, "alpha", 0));
    s->x = leat_sub(s->x, leat_mul(s->rate, s->kept[0]));
}

static void nesterov(const leati_ocall *k, step *s)
{
    double alpha = leati_oattr_float(k, "alpha", 0);
    s->kept[0] = momentum_of(k, s, alpha);
    leat_tensor *ahead = leat_add(s->g, leat_scale(s->kept[0], alpha));
    s->x = leat_sub(s->x, leat_mul(s->rate, ahead));
}

leat_status leati_on_Momentum(leati_ocall *k)
{
    const char *mode = leati_oattr_text(k, "mode", "standard");
    return update(k, 1, strcmp(mode, "nesterov") ? momentum : nesterov);
}
