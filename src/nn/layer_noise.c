/* Owns: the layers gaussian_noise, gaussian_dropout and alpha_dropout. */
#include <math.h>

#include "nn/layer.h"

typedef struct noise {
    leati_layer base;
    double amount;
} noise;

#define RATE(text)                                                                                 \
    {                                                                                              \
        .name = "rate", .type = LEATI_PARAM_REAL, .offset = offsetof(noise, amount),               \
        .standard = "0.5", .least = 0, .most = 0.999999, .doc = text                               \
    }

static leat_tensor *normal(leati_builder *b, leat_tensor *x, double mean, double deviation)
{
    return leat_random_normal(b->key, b->streams++, leat_tensor_dtype(x), leat_tensor_shape(x),
                              mean, deviation);
}

static bool is_still(const leati_builder *b, const leati_layer *l)
{
    return !b->training || !b->key || ((const noise *)l)->amount <= 0;
}

/* ---- gaussian_noise ----------------------------------------------------------------------------
 */

static const leati_param noise_params[] = {
    {.name = "stddev",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(noise, amount),
     .standard = "0.1",
     .least = 0,
     .most = 1e30,
     .doc = "Standard deviation of what is added, in the unit of the values."},
    {0}};

static leat_tensor *build_noise(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    if (!x || is_still(b, l)) return x;
    return leat_add(x, normal(b, x, 0, ((const noise *)l)->amount));
}

const leati_layer_class leati_layer_gaussian_noise = {
    .name = "gaussian_noise",
    .doc = "Normal numbers of mean 0 are added while training.",
    .size = sizeof(noise),
    .params = noise_params,
    .build = build_noise,
    .only_training = true};

/* ---- gaussian_dropout --------------------------------------------------------------------------
 */

static const leati_param dropout_params[] = {
    RATE("The factors deviate by sqrt(rate / (1 - rate)), as those of dropout with this rate."),
    {0}};

static leat_tensor *build_dropout(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    double rate = ((const noise *)l)->amount;
    if (!x || is_still(b, l)) return x;
    return leat_mul(x, normal(b, x, 1, sqrt(rate / (1 - rate))));
}

const leati_layer_class leati_layer_gaussian_dropout = {
    .name = "gaussian_dropout",
    .doc = "Values are multiplied by normal numbers of mean 1 while training (Srivastava et al. "
           "2014, section 10).",
    .size = sizeof(noise),
    .params = dropout_params,
    .build = build_dropout,
    .only_training = true};

/* ---- alpha_dropout -----------------------------------------------------------------------------
 */

static const leati_param alpha_params[] = {
    RATE(
        "Share that becomes the least value of selu while training; all are then scaled and moved, "
        "so that mean 0 and deviation 1 stay."),
    {0}};

/* Klambauer et al. 2017, section "Alpha dropout": a (x d + lost (1 - d)) + b, d 1 with the
 * probability `keep`. */
static leat_tensor *build_alpha(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    static const double lost = -1.0507009873554805 * 1.6732632423543772; /* selu(-infinity) */
    if (!x || is_still(b, l)) return x;
    double keep = 1 - ((const noise *)l)->amount;
    double scale = 1 / sqrt(keep + lost * lost * keep * (1 - keep));
    double move = -scale * (1 - keep) * lost;
    leat_tensor *kept = leat_random_bernoulli(b->key, b->streams++, leat_tensor_dtype(x),
                                              leat_tensor_shape(x), keep);
    leat_tensor *y = leat_where(leat_greater(kept, leat_like(x, 0)), x, leat_like(x, lost));
    return leat_add(leat_scale(y, scale), leat_like(x, move));
}

const leati_layer_class leati_layer_alpha_dropout = {
    .name = "alpha_dropout",
    .doc = "Dropout that keeps mean and variance, for networks of selu (Klambauer et al. 2017).",
    .size = sizeof(noise),
    .params = alpha_params,
    .build = build_alpha,
    .only_training = true};
