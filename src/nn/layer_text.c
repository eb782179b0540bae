/* Owns: the table of layers and reading networks from a text. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "nn/functions.h"
#include "nn/layer.h"
#include "nn/spec.h"

#define LAYER(name) extern const leati_layer_class leati_layer_##name;
#include "nn/layers.def"
#undef LAYER

static const leati_layer_class *const classes[] = {
#define LAYER(name) &leati_layer_##name,
#include "nn/layers.def"
#undef LAYER
};

enum { CLASSES = sizeof classes / sizeof *classes, MOST_LAYERS = 4096 };

size_t leati_layer_count(void)
{
    return CLASSES;
}

const leati_layer_class *leati_layer_at(size_t i)
{
    return classes[i];
}

const leati_param leati_layer_common[] = {
    {.name = "name",
     .type = LEATI_PARAM_WORD,
     .offset = offsetof(leati_layer, given),
     .standard = "auto",
     .doc = "Name of the layer in messages and of its weights; layers of one name share them."},
    {.name = "trainable",
     .type = LEATI_PARAM_BOOL,
     .offset = offsetof(leati_layer, trainable),
     .standard = "true",
     .doc = "Whether its weights are trained."},
    {0}};

typedef struct parser {
    leati_spec spec;
    leati_arena *arena;
    const char *file;   /* where the layers were declared, or NULL */
    const char *places; /* the line of the next layer, and so on */
    unsigned layers;
    unsigned number[CLASSES]; /* how many there are of each class, for names */
} parser;

/* Layers, then activations, as names of layers. */
static const char *name_at(size_t i)
{
    return i < CLASSES ? classes[i]->name : leati_activation_name((int)(i - CLASSES));
}

/* The line of the next layer out of "12,13,15"; 0 when there is none. */
static int next_line(parser *p)
{
    int line = 0;
    for (; p->places && *p->places >= '0' && *p->places <= '9' && line < 100000000; p->places++)
        line = 10 * line + (*p->places - '0');
    if (p->places && *p->places == ',') p->places++;
    return line;
}

/* "net.yaml:12,13,15": the file and the lines of layers. */
static leat_status read_places(parser *p, const char *places)
{
    const char *colon = places ? strrchr(places, ':') : NULL;
    if (!places || !*places) return LEAT_OK;
    LEATI_CHECK(p->spec.context, colon && colon[strspn(colon, ":0123456789,")] == 0, LEAT_INVALID,
                "places is '%.60s'; it says in which lines of which file layers stand, as in "
                "net.yaml:4,5,6, and is set for layers in a file",
                places);
    p->file = leati_arena_strndup(p->arena, places, (size_t)(colon - places));
    p->places = colon + 1;
    return p->file ? LEAT_OK : LEAT_NOMEM;
}

void leati_layer_describe(const leati_layer *l, char *out, size_t size)
{
    char place[80] = "";
    if (l->line && l->file) snprintf(place, sizeof place, " (%.60s:%d)", l->file, l->line);
    snprintf(out, size, "layer %u `%s`%s", l->number, l->class->name, place);
}

static leat_status make_layer(parser *p, const char *name, leati_layer **out)
{
    size_t k;
    leat_context *c = p->spec.context;
    int line = next_line(p);
    leat_status st =
        leati_spec_find(c, "layer", name, CLASSES + (size_t)leati_activation_count(), name_at, &k);
    if (st != LEAT_OK && line)
        return leati_error_within(c, "layer %u (%.60s:%d)", p->layers + 1, p->file, line);
    if (st != LEAT_OK) return leati_error_within(c, "layer %u", p->layers + 1);
    bool activation = k >= CLASSES;
    if (activation)
        for (k = 0; classes[k] != &leati_layer_activation;) k++;
    LEATI_CHECK(c, p->layers < MOST_LAYERS, LEAT_LIMIT, "layers: more than %d layers", MOST_LAYERS);
    leati_layer *l = leati_arena_calloc(p->arena, 1, classes[k]->size);
    if (!l) return LEAT_NOMEM;
    l->class = classes[k];
    l->number = ++p->layers;
    l->file = p->file;
    l->line = line;
    leati_params_default(l->class->params, l);
    leati_params_default(leati_layer_common, l);
    snprintf(l->name, sizeof l->name, "%s_%u", name, ++p->number[k]);
    *out = l;
    if (!activation) return LEAT_OK;
    return leati_param_set(c, l->class->params, l->name, l, "function", name);
}

/* Functions are read with the layer: what they lack is said before anything is built. */
static leat_status check_function(parser *p, const leati_layer *l)
{
    int number;
    double alpha;
    bool activation = l->class == &leati_layer_activation;
    const leati_param *f =
        leati_param_find(l->class->params, activation ? "function" : "activation");
    if (!f || f->type != LEATI_PARAM_WORD) return LEAT_OK;
    return leati_activation_parse(p->spec.context, (const char *)l + f->offset, &number, &alpha);
}

/* The parameters of layer l; errors say which layer it is. */
static leat_status parse_params(parser *p, leati_layer *l)
{
    leat_status st = leati_spec_params(&p->spec, l->class->name, l->class->params, l);
    if (st == LEAT_OK) st = check_function(p, l);
    char where[192];
    leati_layer_describe(l, where, sizeof where);
    if (st != LEAT_OK) return leati_error_within(p->spec.context, "%s", where);
    if (strcmp(l->given, "auto") != 0) snprintf(l->name, sizeof l->name, "%s", l->given);
    return LEAT_OK;
}

static leat_status parse_sequence(parser *p, leati_layer **first, unsigned depth);

static leat_status parse_layer(parser *p, leati_layer **out, unsigned depth)
{
    char name[64];
    leati_spec *s = &p->spec;
    if (!leati_spec_name(s, name, sizeof name)) return leati_spec_refuse(s, "the name of a layer");
    LEATI_TRY(make_layer(p, name, out));
    leati_layer *l = *out;
    if (leati_spec_take(s, '(')) LEATI_TRY(parse_params(p, l));
    if (leati_spec_take(s, '{')) {
        LEATI_CHECK(s->context, l->class->container, LEAT_INVALID,
                    "layer %u: %s has no layers inside", l->number, l->class->name);
        LEATI_TRY(parse_sequence(p, &l->inside, depth + 1));
        if (!leati_spec_take(s, '}')) return leati_spec_refuse(s, "';' or '}'");
    } else if (l->class->container) {
        return LEATI_FAIL(s->context, LEAT_INVALID,
                          "layer %u: %s needs layers inside, as in %s { dense(64); relu }",
                          l->number, l->class->name, l->class->name);
    }
    return LEAT_OK;
}

static leat_status parse_sequence(parser *p, leati_layer **first, unsigned depth)
{
    LEATI_CHECK(p->spec.context, depth < LEATI_LAYER_DEPTH, LEAT_LIMIT,
                "layers: more than %d containers inside each other", LEATI_LAYER_DEPTH);
    leati_layer **end = first;
    do {
        if (leati_spec_at_end(&p->spec) || *p->spec.at == '}') break; /* a final ';' is fine */
        LEATI_TRY(parse_layer(p, end, depth));
        end = &(*end)->next;
    } while (leati_spec_take(&p->spec, ';'));
    return LEAT_OK;
}

leat_status leati_layers_parse(leat_context *c, leati_arena *arena, const char *text,
                               const char *places, leati_layer **first)
{
    parser p = {.arena = arena};
    leati_spec_init(&p.spec, c, "layers", text);
    p.spec.common = leati_layer_common;
    *first = NULL;
    LEATI_TRY(read_places(&p, places));
    LEATI_TRY(parse_sequence(&p, first, 0));
    if (!leati_spec_at_end(&p.spec)) {
        leat_status st = leati_spec_refuse(&p.spec, "';' or the end");
        if (*p.spec.at != ',') return st;
        return leati_error_hint(c, "Layers are parted by ';', and several networks of a search by "
                                   "' | ', as in 'dense(16) | dense(64); relu'.");
    }
    LEATI_CHECK(c, *first, LEAT_INVALID, "layers: there must be at least one layer");
    return LEAT_OK;
}
