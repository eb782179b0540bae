/* Owns: linear estimators and the baseline as graphs. */
#include <string.h>

#include "base/error.h"
#include "exchange/lowering.h"

/* (batch, machines) */
static leat_tensor *scores(leati_lowering *l)
{
    leat_tensor *coef = leati_lower_array(l, "coef"), *b = leati_lower_array(l, "intercept");
    leat_shape s = leat_tensor_shape(coef);
    if (s.rank == 1) coef = leat_reshape(coef, LEAT_DIMS(1, s.dim[0]));
    return leat_add(leat_matmul_t(l->x, false, coef, true), b);
}

static leat_tensor *flat(leati_lowering *l, leat_tensor *x)
{
    return leat_reshape(x, LEAT_DIMS(l->batch));
}

leat_status leati_lower_linear(leati_lowering *l)
{
    l->out = flat(l, scores(l));
    return leati_lower_status(l);
}

/* Of two classes there is the score of the second only. */
static leat_tensor *second_class(leati_lowering *l, leat_tensor *z)
{
    return leat_cast(flat(l, leat_greater(z, leat_like(z, 0))), LEAT_DTYPE_I64);
}

static leat_tensor *both(leat_tensor *z)
{
    leat_tensor *pair[2] = {leat_neg(z), z};
    return leat_concat(2, pair, 1);
}

leat_status leati_lower_linear_svc(leati_lowering *l)
{
    if (l->estimator->classes == 1) return leati_lower_baseline(l);
    leat_tensor *z = scores(l);
    bool two = l->estimator->classes == 2;
    l->out = two ? both(z) : z;
    l->class = two ? second_class(l, z) : leat_argmax(z, 1, false);
    return leati_lower_status(l);
}

leat_status leati_lower_logistic(leati_lowering *l)
{
    leat_tensor *z = scores(l);
    bool two = l->estimator->classes == 2;
    l->out = two ? leat_sigmoid(both(z)) : leat_softmax(z, 1);
    l->class = two ? second_class(l, z) : leat_argmax(z, 1, false);
    return leati_lower_status(l);
}

leat_status leati_lower_lda(leati_lowering *l)
{
    return leati_lower_softmax(l, scores(l));
}

leat_status leati_lower_sgd(leati_lowering *l)
{
    char space[64];
    const char *loss = leati_lower_param(l, "loss", space);
    bool log_loss = strcmp(loss, "log_loss") == 0, huber = strcmp(loss, "modified_huber") == 0;
    if (l->estimator->task == LEATI_REGRESS) return leati_lower_linear(l);
    LEATI_TRY(leati_lower_linear_svc(l));
    if (!log_loss && !huber) return LEAT_OK;
    int axis = 1;
    leat_tensor *p =
        log_loss ? leat_sigmoid(l->out) : leat_scale(leat_shift(leat_clip(l->out, -1, 1), 1), 0.5);
    leat_tensor *sum = leat_sum(p, 1, &axis, true);
    leat_tensor *none = leat_equal(sum, leat_like(sum, 0));
    double even = 1 / (double)l->estimator->classes;
    l->out =
        leat_where(none, leat_like(p, even), leat_div(p, leat_where(none, leat_like(sum, 1), sum)));
    return leati_lower_status(l);
}

/* 0 for every row: not of the values, which may be missing. */
static leat_tensor *zero_rows(leati_lowering *l, leat_dtype dtype)
{
    int axis = 1;
    leat_tensor *here = leat_cast(leat_isnan(l->x), dtype);
    return leat_scale(leat_sum(here, 1, &axis, false), 0);
}

leat_status leati_lower_baseline(leati_lowering *l)
{
    char space[64];
    const char *strategy = leati_lower_param(l, "strategy", space);
    leat_tensor *zero = zero_rows(l, LEAT_DTYPE_F64);
    if (strcmp(strategy, "stratified") == 0 || strcmp(strategy, "uniform") == 0)
        return LEATI_FAIL(l->context, LEAT_UNSUPPORTED,
                          "baseline with strategy=%s draws at random; ONNX has no such generator",
                          strategy);
    if (l->estimator->task == LEATI_REGRESS) {
        double value;
        LEATI_TRY(leati_state_get_scalar(l->context, l->state, "value", -1e308, 1e308, &value));
        l->out = leat_shift(zero, value);
        return leati_lower_status(l);
    }
    static const double sure = 1;
    bool machine = strcmp(l->estimator->class->name, "baseline") != 0; /* of one class */
    leat_tensor *prior =
        machine ? leati_lower_constant(l, &sure, 1, 0) : leati_lower_array(l, "prior");
    l->out = leat_add(leat_reshape(zero, LEAT_DIMS(l->batch, 1)), prior);
    l->class = leat_argmax(l->out, 1, false);
    return leati_lower_status(l);
}
