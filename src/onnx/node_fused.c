/* Owns: the operators of com.microsoft on floats that ONNX Runtime makes of several of ONNX, but
 * attention. */
#include <string.h>

#include "onnx/operators.h"

/* ---- activations ------------------------------------------------------------------------------
 */

leat_status leati_on_microsoft_Gelu(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 1));
    return leati_oset(k, 0, leat_gelu(leati_oin(k, 0)));
}

leat_status leati_on_microsoft_BiasGelu(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 2));
    return leati_oset(k, 0, leat_gelu(leat_add(leati_oin(k, 0), leati_oin(k, 1))));
}

leat_status leati_on_microsoft_FastGelu(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 1));
    leat_tensor *x = leati_oin(k, 0);
    if (leati_ohas(k, 1)) x = leat_add(x, leati_oin(k, 1));
    return leati_oset(k, 0, leat_gelu_tanh(x));
}

leat_status leati_on_microsoft_QuickGelu(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 1));
    leat_tensor *x = leati_oin(k, 0);
    double alpha = leati_oattr_float(k, "alpha", 1.702);
    return leati_oset(k, 0, leat_mul(x, leat_sigmoid(leat_scale(x, alpha))));
}

/* The activation that a node names, with up to two parameters; y without one. */
static leat_tensor *activated(leati_ocall *k, leat_tensor *y, const double *p, size_t count)
{
    static const struct {
        const char *name;
        leat_tensor *(*f)(leat_tensor *x);
    } plain[] = {{"", NULL},
                 {"Relu", leat_relu},
                 {"Tanh", leat_tanh},
                 {"Sigmoid", leat_sigmoid},
                 {"Softplus", leat_softplus},
                 {"Softsign", leat_softsign}};
    const char *name = leati_oattr_text(k, "activation", "");
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcmp(name, plain[i].name)) return plain[i].f ? plain[i].f(y) : y;
    if (!strcmp(name, "LeakyRelu")) return leat_leaky_relu(y, count > 0 ? p[0] : 0.01);
    if (!strcmp(name, "Elu")) return leat_elu(y, count > 0 ? p[0] : 1);
    if (!strcmp(name, "Clip") && count == 2) return leat_clip(y, p[0], p[1]);
    if (!strcmp(name, "HardSigmoid")) {
        double slope = count > 0 ? p[0] : 0.2, shift = count > 1 ? p[1] : 0.5;
        return leat_clip(leat_shift(leat_scale(y, slope), shift), 0, 1);
    }
    (void)leati_ofail(
        k, LEAT_UNSUPPORTED,
        "the activation %.40s with %zu parameters is not supported; these are: Relu, "
        "Tanh, Sigmoid, Softplus, Softsign, LeakyRelu, Elu, HardSigmoid and Clip with "
        "2 parameters",
        name, count);
    return NULL;
}

/* ---- products --------------------------------------------------------------------------------
 */

leat_status leati_on_microsoft_FusedConv(leati_ocall *k)
{
    double p[2];
    size_t count = 0;
    const leati_onnx_attribute *a = leati_onnx_attribute_find(k->node, "activation_params");
    for (; a && count < a->floats.count && count < 2; count++)
        p[count] = (double)a->floats.at[count];
    LEATI_TRY(leati_oneed(k, 2));
    leat_tensor *y = leati_oadd_bias(k, leati_oconv(k, leati_oin(k, 0), leati_oin(k, 1)), 2);
    if (leati_ohas(k, 3)) y = leat_add(y, leati_oin(k, 3));
    return leati_oset(k, 0, y ? activated(k, y, p, count) : NULL);
}

leat_status leati_on_microsoft_FusedGemm(leati_ocall *k)
{
    double p[2];
    size_t count = 0;
    if (leati_oattr_has(k, "activation_alpha"))
        p[count++] = leati_oattr_float(k, "activation_alpha", 0);
    if (count && leati_oattr_has(k, "activation_beta"))
        p[count++] = leati_oattr_float(k, "activation_beta", 0);
    LEATI_TRY(leati_on_Gemm(k));
    return leati_oset(k, 0, activated(k, k->out[0]->tensor, p, count));
}

/* The first dimension behind those of the batch, where the node says so. */
static leat_tensor *batch_first(leati_ocall *k, leat_tensor *x, const char *attribute)
{
    int perm[LEAT_MAX_RANK], rank = leat_tensor_shape(x).rank;
    if (rank < 3 || !leati_oattr_int(k, attribute, 0)) return x;
    for (int i = 0; i < rank - 2; i++) perm[i] = i + 1;
    perm[rank - 2] = 0;
    perm[rank - 1] = rank - 1;
    return leat_transpose(x, perm);
}

static leat_tensor *turned(leati_ocall *k, leat_tensor *x, const char *attribute)
{
    int perm[LEAT_MAX_RANK], rank = leat_tensor_shape(x).rank;
    if (rank < 2 || !leati_oattr_int(k, attribute, 0)) return x;
    for (int i = 0; i < rank; i++) perm[i] = i;
    perm[rank - 2] = rank - 1;
    perm[rank - 1] = rank - 2;
    return leat_transpose(x, perm);
}

leat_status leati_on_microsoft_FusedMatMul(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 2));
    leat_tensor *a = batch_first(k, leati_oin(k, 0), "transBatchA");
    leat_tensor *b = batch_first(k, leati_oin(k, 1), "transBatchB");
    double alpha = leati_oattr_float(k, "alpha", 1);
    if (!a || !b) return leat_error_status(k->context);
    leat_tensor *y = leati_omatmul(turned(k, a, "transA"), turned(k, b, "transB"));
    return leati_oset(k, 0, alpha == 1 ? y : leat_scale(y, alpha));
}

/* ---- normalisation ---------------------------------------------------------------------------
 */

leat_status leati_on_SimplifiedLayerNormalization(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 2));
    LEATI_TRY(leati_on_RMSNormalization(k));
    if (!leati_owants(k, 1)) return LEAT_OK;
    leat_tensor *x = leat_cast(leati_oin(k, 0), LEAT_DTYPE_F32);
    int rank = leat_tensor_shape(x).rank, axes[LEAT_MAX_RANK];
    int first = leati_oaxis(k, leati_oattr_int(k, "axis", -1), rank);
    size_t count = 0;
    for (int i = first; i < rank; i++) axes[count++] = i;
    leat_tensor *mean = leat_mean(leat_mul(x, x), count, axes, true);
    return leati_oset(k, 1, leat_rsqrt(leat_shift(mean, leati_oattr_float(k, "epsilon", 1e-5))));
}

/* input + skip + bias, which is output 3. */
static leat_tensor *with_skip(leati_ocall *k, size_t bias)
{
    LEATI_ONULL(leati_oneed(k, 3));
    leat_tensor *x = leati_oin(k, 0), *sum = leat_add(x, leati_oin(k, 1));
    if (leati_ohas(k, bias)) sum = leat_add(sum, leati_oin(k, bias));
    leat_shape s = leat_tensor_shape(x), got = leat_tensor_shape(sum);
    if (!sum) return NULL;
    if (!leati_shape_equal(&s, &got)) {
        (void)leati_ofail(k, LEAT_SHAPE, "an input of %s with skip and bias is %s",
                          leati_shape_string(&s).text, leati_shape_string(&got).text);
        return NULL;
    }
    return leati_oset(k, 3, sum) == LEAT_OK ? sum : NULL;
}

leat_status leati_on_microsoft_SkipLayerNormalization(leati_ocall *k)
{
    leat_tensor *x = with_skip(k, 4), *beta = NULL;
    if (!x) return leat_error_status(k->context);
    if (leati_ohas(k, 3)) beta = leati_oin(k, 3);
    double epsilon = leati_oattr_float(k, "epsilon", 1e-12);
    return leati_oset(k, 0, leat_layer_norm(x, 1, leati_oin(k, 2), beta, epsilon));
}

leat_status leati_on_microsoft_SkipSimplifiedLayerNormalization(leati_ocall *k)
{
    leat_tensor *x = with_skip(k, 3);
    if (!x) return leat_error_status(k->context);
    double epsilon = leati_oattr_float(k, "epsilon", 1e-12);
    return leati_oset(k, 0, leat_rms_norm(x, 1, leati_oin(k, 2), epsilon));
}
