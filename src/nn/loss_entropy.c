/* Owns: the loss cross_entropy. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/loss_classes.h"
#include "nn/spec.h"

enum { MOST_WEIGHTS = 1024 };

typedef struct entropy {
    leati_loss base;
    char class_weights[LEATI_TEXT_PARAM];
    double label_smoothing;
    int64_t ignore_index;
    double weight[MOST_WEIGHTS]; /* of balanced classes */
    size_t weights;              /* 0: none seen */
} entropy;

static const leati_param params[] = {
    {.name = "label_smoothing",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(entropy, label_smoothing),
     .standard = "0",
     .least = 0,
     .most = 1,
     .doc = "Share of the label that all classes get evenly (Szegedy et al. 2016, section 7)."},
    {.name = "class_weights",
     .type = LEATI_PARAM_TEXT,
     .offset = offsetof(entropy, class_weights),
     .standard = "none",
     .doc = "none, a list as in [1, 2, 5], or balanced: rows / (classes * rows of the class)."},
    {.name = "ignore_index",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(entropy, ignore_index),
     .standard = "-100",
     .least = -1e9,
     .most = 1e9,
     .doc = "Labels with this number count nothing."},
    {0}};

leat_status leati_cross_entropy_see(leat_context *c, leati_loss *l, const leati_dataset *d)
{
    entropy *e = (entropy *)l;
    if (strcmp(e->class_weights, "balanced") != 0) return LEAT_OK;
    LEATI_CHECK(c, d->label && d->classes <= MOST_WEIGHTS, LEAT_LIMIT,
                "cross_entropy: balanced weights are for up to %d classes", MOST_WEIGHTS);
    e->weights = d->classes;
    memset(e->weight, 0, sizeof e->weight);
    for (size_t i = 0; i < d->x.rows; i++) e->weight[d->label[i]] += 1;
    for (size_t k = 0; k < e->weights; k++)
        e->weight[k] = (double)d->x.rows / ((double)d->classes * fmax(e->weight[k], 1));
    return LEAT_OK;
}

/* (classes) numbers in the type of x. */
static leat_tensor *vector(leat_tensor *x, const double *values, int64_t count)
{
    leat_graph *g = leat_tensor_graph(x);
    return leat_cast(leat_constant(g, LEAT_DTYPE_F64, LEAT_DIMS(count), values),
                     leat_tensor_dtype(x));
}

/* Weights by class, or NULL with *fails when they do not fit. */
static leat_tensor *class_weights(const entropy *l, leat_tensor *logits, int64_t classes,
                                  bool *fails)
{
    double list[MOST_WEIGHTS];
    *fails = false;
    if (strcmp(l->class_weights, "none") == 0) return NULL;
    if (strcmp(l->class_weights, "balanced") == 0)
        return l->weights == (size_t)classes ? vector(logits, l->weight, classes) : NULL;
    size_t count = leati_spec_numbers(l->class_weights, list, MOST_WEIGHTS);
    *fails = count != (size_t)classes;
    if (!*fails) return vector(logits, list, classes);
    (void)LEATI_FAIL(leat_graph_context(leat_tensor_graph(logits)), LEAT_INVALID,
                     "cross_entropy.class_weights is '%.100s'; it must be %lld numbers, as in "
                     "[1, 2, 5]",
                     l->class_weights, (long long)classes);
    return NULL;
}

static leat_tensor *log_softmax(leat_tensor *z)
{
    int last = -1;
    leat_tensor *shifted = leat_sub(z, leat_stop_gradient(leat_max(z, 1, &last, true)));
    return leat_sub(shifted, leat_log(leat_sum(leat_exp(shifted), 1, &last, true)));
}

/* labels (...) -> (..., classes) of zeros and ones */
static leat_tensor *one_hot(leat_tensor *labels, int64_t classes, leat_dtype dtype)
{
    leat_shape s = leat_tensor_shape(labels);
    leat_graph *g = leat_tensor_graph(labels);
    int64_t *number = leati_array(leat_graph_context(g), (size_t)classes, sizeof *number);
    if (!number || s.rank >= LEAT_MAX_RANK) return leati_free(number), NULL;
    for (int64_t i = 0; i < classes; i++) number[i] = i;
    s.dim[s.rank++] = 1;
    leat_tensor *all = leat_constant(g, LEAT_DTYPE_I64, LEAT_DIMS(classes), number);
    leati_free(number);
    return leat_cast(leat_equal(leat_reshape(labels, s), all), dtype);
}

static leat_tensor *build(const leati_loss *loss, leat_tensor *logits, leat_tensor *labels)
{
    const entropy *l = (const entropy *)loss;
    leat_shape s = leat_tensor_shape(logits);
    bool fails;
    if (!logits || !labels || s.rank < 2) return NULL;
    int64_t classes = s.dim[s.rank - 1];
    leat_tensor *weights = class_weights(l, logits, classes, &fails);
    if (fails) return NULL;
    int last = -1;
    leat_tensor *hot = one_hot(labels, classes, leat_tensor_dtype(logits));
    leat_tensor *spread = leat_like(logits, l->label_smoothing / (double)classes);
    leat_tensor *counts =
        leat_cast(leat_not_equal(labels, leat_scalar(leat_tensor_graph(logits), LEAT_DTYPE_I64,
                                                     (double)l->ignore_index)),
                  leat_tensor_dtype(logits));
    leat_tensor *target = leat_add(leat_scale(hot, 1 - l->label_smoothing), spread);
    leat_tensor *each = leat_mul(log_softmax(logits), target);
    if (weights) each = leat_mul(each, weights);
    leat_tensor *total =
        leat_sum(leat_mul(leat_sum(each, 1, &last, false), counts), 0, NULL, false);
    if (weights) counts = leat_sum(leat_mul(hot, weights), 1, &last, false);
    return leat_neg(leat_div(total, leat_sum(counts, 0, NULL, false)));
}

const leati_loss_class leati_loss_cross_entropy = {
    .name = "cross_entropy",
    .doc = "Of the softmax over the last axis against class numbers.",
    .size = sizeof(entropy),
    .params = params,
    .target = LEATI_TARGET_LABELS,
    .classifies = true,
    .regresses = false,
    .build = build};
