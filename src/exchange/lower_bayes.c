/* Owns: naive Bayes and quadratic discriminant analysis as graphs. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "exchange/lowering.h"

static const int last_axis = -1;

/* (classes) - sum over features of (x - mean)^2 / variance / 2 */
leat_status leati_lower_gaussian_nb(leati_lowering *l)
{
    const int64_t k = l->estimator->classes, p = (int64_t)l->estimator->features;
    leat_tensor *mean = leati_lower_array(l, "mean"), *variance = leati_lower_array(l, "variance");
    leat_tensor *prior = leati_lower_array(l, "log_prior");
    leat_tensor *x = leat_reshape(l->x, LEAT_DIMS(l->batch, 1, p));
    leat_tensor *d = leat_sub(x, leat_reshape(mean, LEAT_DIMS(1, k, p)));
    leat_tensor *inverse = leat_recip(leat_reshape(variance, LEAT_DIMS(1, k, p)));
    leat_tensor *sum = leat_sum(leat_mul(leat_mul(d, d), inverse), 1, &last_axis, false);
    leat_tensor *logs =
        leat_sum(leat_shift(leat_log(variance), 1.8378770664093454836), 1, &last_axis, false);
    leat_tensor *constant = leat_sub(prior, leat_scale(logs, 0.5));
    return leati_lower_softmax(l, leat_sub(constant, leat_scale(sum, 0.5)));
}

leat_status leati_lower_multinomial_nb(leati_lowering *l)
{
    leat_tensor *prob = leati_lower_array(l, "log_prob");
    leat_tensor *prior = leati_lower_array(l, "log_prior");
    return leati_lower_softmax(l, leat_add(leat_matmul_t(l->x, false, prob, true), prior));
}

leat_status leati_lower_bernoulli_nb(leati_lowering *l)
{
    double binarize = leati_lower_number(l, "binarize");
    leat_tensor *prob = leati_lower_array(l, "log_prob");
    leat_tensor *prior = leati_lower_array(l, "log_prior");
    leat_tensor *absent = leat_log1p(leat_neg(leat_exp(prob)));
    leat_tensor *here = leat_cast(leat_greater(l->x, leat_like(l->x, binarize)), LEAT_DTYPE_F64);
    leat_tensor *constant = leat_add(prior, leat_sum(absent, 1, &last_axis, false));
    leat_tensor *sum = leat_matmul_t(here, false, leat_sub(prob, absent), true);
    return leati_lower_softmax(l, leat_add(sum, constant));
}

/* constant - |whitener (x - mean)|^2 / 2 for each class */
leat_status leati_lower_qda(leati_lowering *l)
{
    const int64_t k = l->estimator->classes, p = (int64_t)l->estimator->features;
    leat_tensor *mean = leati_lower_array(l, "mean"), *w = leati_lower_array(l, "whitener");
    leat_tensor *constant = leati_lower_array(l, "constant");
    leat_tensor **part = leati_array(l->context, (size_t)k, sizeof(leat_tensor *));
    if (!part) return leat_error_status(l->context);
    for (int64_t i = 0; i < k; i++) {
        leat_tensor *d = leat_sub(l->x, leat_narrow(mean, 0, i, 1));
        leat_tensor *z = leat_matmul_t(d, false, leat_narrow(w, 0, i * p, p), true);
        part[i] = leat_sum(leat_mul(z, z), 1, &last_axis, true);
    }
    leat_tensor *sums = leat_concat((size_t)k, part, 1);
    leati_free(part);
    return leati_lower_softmax(l, leat_sub(constant, leat_scale(sums, 0.5)));
}
