/* Owns: the losses of class numbers: cross_entropy and nll. */
#include <math.h>
#include <string.h>

#include <leat/function.h>

#include "base/error.h"
#include "base/num.h"
#include "nn/loss_classes.h"
#include "nn/spec.h"

enum { MOST_WEIGHTS = 1024 };

typedef struct entropy {
    leati_loss base;
    char class_weights[LEATI_TEXT_PARAM];
    double label_smoothing;
    int64_t ignore_index;
    double weight[MOST_WEIGHTS]; /* by class, as the data were seen */
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
     .list = true,
     .doc =
         "none, a number for each class as in [1, 2, 5], in the order of the classes, by name as "
         "in 'yes=5, no=1' (1 for those left out), or balanced: rows / (classes * rows of the "
         "class)."},
    {.name = "ignore_index",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(entropy, ignore_index),
     .standard = "-100",
     .least = -1e9,
     .most = 1e9,
     .doc = "Labels with this number count nothing."},
    {0}};

/* The numbers of the text: a weight for each class. */
static leat_status read_weights(leat_context *c, const entropy *e, double *out, size_t *count)
{
    bool some = false;
    *count = leati_spec_numbers(e->class_weights, out, MOST_WEIGHTS);
    bool good = *count > 0;
    for (size_t i = 0; i < *count; i++) {
        good &= out[i] >= 0 && isfinite(out[i]);
        some |= out[i] > 0;
    }
    LEATI_CHECK(c, good && some, LEAT_INVALID,
                "%s.class_weights is '%.100s'; it must be none, balanced or up to %d numbers of at "
                "least 0, not all of them 0, as in [1, 2, 5]",
                e->base.class->name, e->class_weights, MOST_WEIGHTS);
    return LEAT_OK;
}

static leat_status wrong_count(leat_context *c, const entropy *e, size_t count, size_t classes)
{
    return LEATI_FAIL(c, LEAT_INVALID,
                      "%s.class_weights has %zu number%s, '%.100s', for %zu classes; give one for "
                      "each, in the order of the classes, as in [1, 2, 5]",
                      e->base.class->name, count, count == 1 ? "" : "s", e->class_weights, classes);
}

/* A fold may lack classes: those that it has keep their weights. */
static leat_status see_list(leat_context *c, entropy *e, const leati_dataset *d)
{
    double list[MOST_WEIGHTS];
    size_t count;
    LEATI_TRY(read_weights(c, e, list, &count));
    if (count != d->classes && !d->named) return wrong_count(c, e, count, d->classes);
    for (size_t k = 0; k < d->classes && k < MOST_WEIGHTS; k++) {
        size_t named = d->named ? d->named[k] : k;
        if (named >= count) return wrong_count(c, e, count, d->classes);
        e->weight[k] = list[named];
    }
    e->weights = d->classes;
    return LEAT_OK;
}

/* ---- by name -------------------------------------------------------------------------------- */

static bool is_named(const entropy *e)
{
    return strchr(e->class_weights, '=') != NULL;
}

/* The class of that name; d->classes: none. */
static size_t class_of(const leati_dataset *d, const char *name, size_t n)
{
    for (size_t k = 0; k < d->classes; k++) {
        const char *class = d->class_names[d->named ? d->named[k] : k];
        if (strlen(class) == n && memcmp(class, name, n) == 0) return k;
    }
    return d->classes;
}

/* "name=weight" up to `end`. A fold may lack the class. */
static leat_status see_name(leat_context *c, entropy *e, const leati_dataset *d, const char *at,
                            const char *end)
{
    const char *equals = memchr(at, '=', (size_t)(end - at));
    const char *owner = e->base.class->name;
    double weight = 0;
    size_t n = equals ? (size_t)(equals - at) : 0;
    while (n && at[n - 1] == ' ') n--;
    const char *value = equals ? equals + 1 + strspn(equals + 1, " ") : end;
    bool good = n > 0 && leati_num_parse(value, (size_t)(end - value), &weight) && weight >= 0;
    LEATI_CHECK(c, good && isfinite(weight), LEAT_INVALID,
                "%s.class_weights has '%.*s'; a class gets a number of at least 0, as in 'yes=5, "
                "no=1'",
                owner, (int)(end - at), at);
    size_t k = class_of(d, at, n);
    LEATI_CHECK(c, k < d->classes || d->named, LEAT_INVALID,
                "%s.class_weights names '%.*s', which is no class; the first are '%s' and '%s'",
                owner, (int)n, at, d->class_names[0], d->class_names[d->classes > 1 ? 1 : 0]);
    if (k < d->classes) e->weight[k] = weight;
    return LEAT_OK;
}

static leat_status see_names(leat_context *c, entropy *e, const leati_dataset *d)
{
    LEATI_CHECK(c, d && d->class_names, LEAT_UNSUPPORTED,
                "%s: weights by name are of a table; a loop of one's own lists them, as in "
                "class_weights=[1, 2, 5]",
                e->base.class->name);
    LEATI_CHECK(c, d->classes <= MOST_WEIGHTS, LEAT_LIMIT, "%s: weights are for up to %d classes",
                e->base.class->name, MOST_WEIGHTS);
    for (size_t k = 0; k < d->classes; k++) e->weight[k] = 1;
    const char *at = e->class_weights;
    for (; *at; at += strspn(at, ", ")) {
        const char *end = at + strcspn(at, ",");
        LEATI_TRY(see_name(c, e, d, at, end));
        at = end;
    }
    bool any = false;
    for (size_t k = 0; k < d->classes; k++) any |= e->weight[k] > 0;
    LEATI_CHECK(c, any, LEAT_INVALID, "%s.class_weights leaves no class with a weight above 0",
                e->base.class->name);
    e->weights = d->classes;
    return LEAT_OK;
}

leat_status leati_entropy_see(leat_context *c, leati_loss *l, const leati_dataset *d)
{
    entropy *e = (entropy *)l;
    if (strcmp(e->class_weights, "none") == 0) return LEAT_OK;
    if (is_named(e)) return see_names(c, e, d);
    if (strcmp(e->class_weights, "balanced") != 0) return d ? see_list(c, e, d) : LEAT_OK;
    LEATI_CHECK(c, d, LEAT_UNSUPPORTED,
                "%s: balanced weights are of a table; a loop of one's own names them, as in "
                "class_weights=[1, 2, 5]",
                l->class->name);
    LEATI_CHECK(c, d->label && d->classes <= MOST_WEIGHTS, LEAT_LIMIT,
                "%s: balanced weights are for up to %d classes", l->class->name, MOST_WEIGHTS);
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
    leat_context *c = leat_graph_context(leat_tensor_graph(logits));
    double list[MOST_WEIGHTS];
    size_t count;
    *fails = false;
    if (strcmp(l->class_weights, "none") == 0) return NULL;
    if (l->weights == (size_t)classes) return vector(logits, l->weight, classes);
    if (strcmp(l->class_weights, "balanced") == 0 || is_named(l)) return NULL; /* nothing seen */
    leat_status st = read_weights(c, l, list, &count);
    if (st == LEAT_OK && count != (size_t)classes) st = wrong_count(c, l, count, (size_t)classes);
    *fails = st != LEAT_OK;
    return *fails ? NULL : vector(logits, list, classes);
}

/* Options of the graph's function; false after an error. */
static bool options_of(const entropy *l, leat_tensor *logits, leat_entropy_options *o)
{
    leat_shape s = leat_tensor_shape(logits);
    bool fails = s.rank < 1;
    *o = leat_entropy_options_default();
    o->smoothing = l->label_smoothing;
    o->has_ignored = true;
    o->ignored = l->ignore_index;
    if (!fails) o->weights = class_weights(l, logits, s.dim[s.rank - 1], &fails);
    return !fails;
}

static leat_tensor *build(const leati_loss *l, leat_tensor *logits, leat_tensor *labels)
{
    leat_entropy_options o;
    return options_of((const entropy *)l, logits, &o) ? leat_cross_entropy(logits, labels, &o)
                                                      : NULL;
}

static leat_tensor *build_nll(const leati_loss *l, leat_tensor *logs, leat_tensor *labels)
{
    leat_entropy_options o;
    return options_of((const entropy *)l, logs, &o) ? leat_nll(logs, labels, &o) : NULL;
}

const leati_loss_class leati_loss_nll = {
    .name = "nll",
    .doc =
        "Negative log likelihood of class numbers: cross_entropy of outputs that are logarithms "
        "of probabilities already, as after log_softmax, which a network for classes gets at its "
        "end.",
    .size = sizeof(entropy),
    .params = params,
    .target = LEATI_TARGET_LABELS,
    .classifies = true,
    .regresses = false,
    .takes_logs = true,
    .build = build_nll};

const leati_loss_class leati_loss_cross_entropy = {
    .name = "cross_entropy",
    .doc = "Negative log likelihood of class numbers under the softmax over the last axis. The "
           "outputs are logits: no softmax at the end.",
    .size = sizeof(entropy),
    .params = params,
    .target = LEATI_TARGET_LABELS,
    .classifies = true,
    .regresses = false,
    .build = build};
