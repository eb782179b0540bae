/* Owns: activations by name; the layer `activation`, also under the name of each of them. */
#include "nn/functions.h"
#include "nn/layer.h"

typedef struct activation {
    leati_layer base;
    int function;
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

leat_tensor *leati_activate(int i, leat_tensor *x)
{
    switch (i) {
#define CASE(name, f, doc)                                                                         \
    case FUNCTION_##name: return f;
        LEATI_ACTIVATION_LIST(CASE)
    default: return NULL;
    }
}

static const leati_param params[] = {{.name = "function",
                                      .type = LEATI_PARAM_CHOICE,
                                      .offset = offsetof(activation, function),
                                      .standard = "relu",
                                      .choices = LEATI_ACTIVATIONS,
                                      .doc = "The function."},
                                     {0}};

static leat_tensor *build(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    (void)b;
    return leati_activate(((const activation *)layer)->function, x);
}

const leati_layer_class leati_layer_activation = {
    .name = "activation",
    .doc = "A function of every element. The name of the function is a layer, too.",
    .size = sizeof(activation),
    .params = params,
    .build = build};

const char *leati_activation_function(const leati_layer *l)
{
    if (l->class != &leati_layer_activation) return NULL;
    return leati_activation_name(((const activation *)l)->function);
}
