/* Owns: activations by name; the layer `activation`, also under the name of each of them; the
 * layers of those that have a parameter: leaky_relu, elu, celu, prelu. */
#include <string.h>

#include "base/error.h"
#include "nn/functions.h"
#include "nn/layer.h"
#include "nn/spec.h"

typedef struct activation {
    leati_layer base;
    char function[LEATI_WORD_PARAM], initializer[LEATI_WORD_PARAM];
    double alpha;
    bool shared;
} activation;

#define NAME(name, f, doc) #name,
static const char *const names[] = {LEATI_ACTIVATION_LIST(NAME)};
#define DOC(name, f, doc) doc,
static const char *const docs[] = {LEATI_ACTIVATION_LIST(DOC)};
enum { COUNT = sizeof names / sizeof *names };
#define NUMBER(name, f, doc) FUNCTION_##name,
enum { LEATI_ACTIVATION_LIST(NUMBER) };

int leati_activation_count(void)
{
    return COUNT;
}

const char *leati_activation_name(int i)
{
    return names[i];
}

const char *leati_activation_doc(int i)
{
    return docs[i];
}

leat_tensor *leati_activate(int i, double alpha, leat_tensor *x)
{
    switch (i) {
#define CASE(name, f, doc)                                                                         \
    case FUNCTION_##name: return f;
        LEATI_ACTIVATION_LIST(CASE)
    default: return NULL;
    }
}

/* ---- parameters ----------------------------------------------------------------------------- */

#define ALPHA(label, usual, low, about)                                                            \
    {                                                                                              \
        .name = label, .type = LEATI_PARAM_REAL, .offset = offsetof(activation, alpha),            \
        .standard = usual, .least = low, .most = 1e6, .doc = about                                 \
    }

static const leati_param leaky_params[] = {
    ALPHA("negative_slope", "0.01", -1e6, "Times x below 0."), {0}};
static const leati_param elu_params[] = {ALPHA("alpha", "1", 0, "Times exp(x) - 1 below 0."), {0}};
static const leati_param celu_params[] = {
    ALPHA("alpha", "1", 1e-6, "Of alpha (exp(x / alpha) - 1) below 0."), {0}};
static const leati_param none[] = {{0}};

static const leati_param *params_of(int i)
{
    switch (i) {
    case FUNCTION_leaky_relu: return leaky_params;
    case FUNCTION_elu: return elu_params;
    case FUNCTION_celu: return celu_params;
    default: return none;
    }
}

static const char *name_at(size_t i)
{
    return names[i];
}

leat_status leati_activation_parse(leat_context *c, const char *text, int *number, double *alpha)
{
    activation a = {.alpha = 0};
    leati_spec s;
    char name[64];
    size_t k;
    leati_spec_init(&s, c, "activation", text);
    if (!leati_spec_name(&s, name, sizeof name)) return leati_spec_refuse(&s, "a name");
    LEATI_TRY(leati_spec_find(c, "activation", name, COUNT, name_at, &k));
    const leati_param *table = params_of((int)k);
    leati_params_default(table, &a);
    if (leati_spec_take(&s, '(')) LEATI_TRY(leati_spec_params(&s, name, table, &a));
    if (!leati_spec_at_end(&s)) return leati_spec_refuse(&s, "the end");
    *number = (int)k;
    *alpha = a.alpha;
    return LEAT_OK;
}

leat_tensor *leati_activate_by(leat_context *c, const char *text, leat_tensor *x)
{
    int number;
    double alpha;
    return leati_activation_parse(c, text, &number, &alpha) == LEAT_OK
               ? leati_activate(number, alpha, x)
               : NULL;
}

/* ---- layers --------------------------------------------------------------------------------- */

static const leati_param params[] = {{.name = "function",
                                      .type = LEATI_PARAM_WORD,
                                      .offset = offsetof(activation, function),
                                      .standard = "relu",
                                      .doc = "The function, as in tanh or leaky_relu(0.2)."},
                                     {0}};

static leat_tensor *build(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    return leati_activate_by(b->context, ((const activation *)layer)->function, x);
}

const leati_layer_class leati_layer_activation = {
    .name = "activation",
    .doc = "A function of every element. The name of the function is a layer, too.",
    .size = sizeof(activation),
    .params = params,
    .build = build};

#define WITH_ALPHA(label, table, about)                                                            \
    static leat_tensor *build_##label(const leati_layer *layer, leati_builder *b, leat_tensor *x)  \
    {                                                                                              \
        (void)b;                                                                                   \
        return leati_activate(FUNCTION_##label, ((const activation *)layer)->alpha, x);            \
    }                                                                                              \
    const leati_layer_class leati_layer_##label = {.name = #label,                                 \
                                                   .doc = about,                                   \
                                                   .size = sizeof(activation),                     \
                                                   .params = table,                                \
                                                   .build = build_##label};

WITH_ALPHA(leaky_relu, leaky_params, "The activation x, below 0 a share of x (Maas et al. 2013).")
WITH_ALPHA(elu, elu_params,
           "The activation x, below 0 a share of exp(x) - 1 (Clevert et al. 2016).")
WITH_ALPHA(celu, celu_params, "elu with a slope of 1 at 0 (Barron 2017).")

static const leati_param prelu_params[] = {
    {.name = "shared",
     .type = LEATI_PARAM_BOOL,
     .offset = offsetof(activation, shared),
     .standard = "false",
     .doc = "One slope for all channels."},
    LEATI_INIT_PARAM(activation, initializer, "constant(0.25)"),
    {0}};

static leat_tensor *build_prelu(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const activation *l = (const activation *)layer;
    if (!leati_layer_rank(b, x, 2, LEAT_MAX_RANK, "(..., channels)")) return NULL;
    leat_shape s = leat_tensor_shape(x);
    int64_t slopes = l->shared ? 1 : s.dim[s.rank - 1];
    return leat_prelu(x, leati_weight(b, "alpha", LEAT_DIMS(slopes), l->initializer, 1, 1));
}

const leati_layer_class leati_layer_prelu = {
    .name = "prelu",
    .doc = "x, below 0 times a slope that is learned for every channel (He et al. 2015).",
    .size = sizeof(activation),
    .params = prelu_params,
    .build = build_prelu};

const char *leati_activation_function(const leati_layer *l)
{
    if (l->class == &leati_layer_activation) return ((const activation *)l)->function;
    bool own = l->class == &leati_layer_leaky_relu || l->class == &leati_layer_elu ||
               l->class == &leati_layer_celu || l->class == &leati_layer_prelu;
    return own ? l->class->name : NULL;
}
