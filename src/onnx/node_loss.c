/* Owns: losses over classes. */
#include <string.h>

#include "onnx/operators.h"

/* Log-probabilities (N, C, d...) and labels (N, d...) with optional weights (C). Gathering by
 * comparison with the numbers of the classes would cost C times the labels: the cross-entropy
 * kernels look the labels up. */
static leat_status entropy(leati_ocall *k, bool of_logits)
{
    leat_tensor *x = leati_oin(k, 0), *labels = leati_oin(k, 1);
    leat_entropy_options o = leat_entropy_options_default();
    LEATI_TRY(leati_oneed(k, 2));
    const char *reduction = leati_oattr_text(k, "reduction", "mean");
    if (!x || !labels) return leat_error_status(k->context);
    leat_dtype type = leat_tensor_dtype(x);
    leat_dtype wide = type == LEAT_DTYPE_F64 ? type : LEAT_DTYPE_F32;
    o.axis = 1;
    o.reduction = !strcmp(reduction, "none")  ? LEAT_REDUCE_NONE
                  : !strcmp(reduction, "sum") ? LEAT_REDUCE_SUM
                                              : LEAT_REDUCE_MEAN;
    if (leati_ohas(k, 2)) o.weights = leat_cast(leati_oin(k, 2), wide);
    o.has_ignored = leati_oattr_has(k, "ignore_index");
    o.ignored = leati_oattr_int(k, "ignore_index", 0);
    x = leat_cast(x, wide);
    labels = leat_cast(labels, LEAT_DTYPE_I64);
    leat_tensor *loss = of_logits ? leat_cross_entropy(x, labels, &o) : leat_nll(x, labels, &o);
    LEATI_TRY(leati_oset(k, 0, leat_cast(loss, type)));
    return of_logits && leati_owants(k, 1)
               ? leati_oset(k, 1, leat_cast(leat_log_softmax(x, 1), type))
               : LEAT_OK;
}

leat_status leati_on_NegativeLogLikelihoodLoss(leati_ocall *k)
{
    return entropy(k, false);
}

leat_status leati_on_SoftmaxCrossEntropyLoss(leati_ocall *k)
{
    return entropy(k, true);
}
