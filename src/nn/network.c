/* Owns: networks: the text of layers, weights by name, building. */
#include "nn/network.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "tensor/shape.h"

/* ---- the table
 * ------------------------------------------------------------------------------------ */

#define LAYER(name) extern const leati_layer_class leati_layer_##name;
#include "nn/layers.def"
#undef LAYER

static const leati_layer_class *const classes[] = {
#define LAYER(name) &leati_layer_##name,
#include "nn/layers.def"
#undef LAYER
};

size_t leati_layer_count(void)
{
    return sizeof classes / sizeof *classes;
}

const leati_layer_class *leati_layer_at(size_t i)
{
    return classes[i];
}

/* ---- text
 * ------------------------------------------------------------------------------------------ */

enum { MOST_LAYERS = 4096, MOST_DEPTH = 32 };

typedef struct parser {
    leati_network *network;
    leat_context *context;
    const char *at, *text;
    size_t layers;
    unsigned number[64]; /* per class: how many there are, for names */
} parser;

static void skip_space(parser *p)
{
    while (isspace((unsigned char)*p->at)) p->at++;
}

static leat_status refuse(parser *p, const char *expected)
{
    return LEATI_FAIL(p->context, LEAT_INVALID,
                      "layers: expected %s at character %zu, before '%.20s'", expected,
                      (size_t)(p->at - p->text) + 1, p->at);
}

/* A run of characters that are none of ",;(){}= " into out. */
static bool word(parser *p, char *out, size_t size)
{
    skip_space(p);
    size_t n = strcspn(p->at, ",;(){}= \t\n\r");
    if (n == 0 || n >= size) return false;
    memcpy(out, p->at, n);
    out[n] = 0;
    p->at += n;
    skip_space(p);
    return true;
}

static bool take(parser *p, char ch)
{
    skip_space(p);
    if (*p->at != ch) return false;
    p->at++;
    skip_space(p);
    return true;
}

static leat_status unknown_layer(parser *p, const char *name)
{
    const char *names[64];
    size_t count = leati_layer_count() < 64 ? leati_layer_count() : 64;
    for (size_t i = 0; i < count; i++) names[i] = classes[i]->name;
    leat_status st = LEATI_FAIL(p->context, LEAT_INVALID, "layers: there is no layer '%s'", name);
    const char *near = leati_nearest(name, names, count);
    if (near) leati_error_hint(p->context, "Did you mean '%s'?", near);
    return st;
}

static leat_status make_layer(parser *p, const char *name, leati_layer **out)
{
    size_t k = 0;
    bool activation = false;
    static const char *const activations[] = {"relu", "sigmoid", "tanh", "softplus"};
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
        activation |= strcmp(name, activations[i]) == 0;
    const char *class_name = activation ? "activation" : name;
    while (k < leati_layer_count() && strcmp(classes[k]->name, class_name) != 0) k++;
    if (k == leati_layer_count()) return unknown_layer(p, name);
    LEATI_CHECK(p->context, p->layers++ < MOST_LAYERS, LEAT_LIMIT, "layers: more than %d layers",
                MOST_LAYERS);
    leati_layer *l = leati_arena_calloc(&p->network->arena, 1, classes[k]->size);
    if (!l) return LEAT_NOMEM;
    l->class = classes[k];
    leati_params_default(l->class->params, l);
    snprintf(l->name, sizeof l->name, "%s_%u", name, ++p->number[k]);
    *out = l;
    if (!activation) return LEAT_OK;
    return leati_param_set(p->context, l->class->params, l->name, l, "function", name);
}

static leat_status parse_params(parser *p, leati_layer *l)
{
    const leati_param *next = l->class->params;
    if (take(p, ')')) return LEAT_OK;
    do {
        char name[64], value[256];
        if (!word(p, name, sizeof name)) return refuse(p, "a parameter or its value");
        if (take(p, '=')) {
            if (!word(p, value, sizeof value)) return refuse(p, "the value of the parameter");
            LEATI_TRY(leati_param_set(p->context, l->class->params, l->name, l, name, value));
        } else {
            if (!next->name) return refuse(p, "no more parameters");
            LEATI_TRY(leati_param_set(p->context, l->class->params, l->name, l, next->name, name));
        }
        if (next->name) next++;
    } while (take(p, ','));
    return take(p, ')') ? LEAT_OK : refuse(p, "',' or ')'");
}

static leat_status parse_sequence(parser *p, leati_layer **first, unsigned depth)
{
    LEATI_CHECK(p->context, depth < MOST_DEPTH, LEAT_LIMIT,
                "layers: more than %d containers inside each other", MOST_DEPTH);
    leati_layer **end = first;
    do {
        char name[64];
        skip_space(p);
        if (*p->at == '}' || *p->at == 0) break; /* a final ';' is fine */
        if (!word(p, name, sizeof name)) return refuse(p, "the name of a layer");
        LEATI_TRY(make_layer(p, name, end));
        leati_layer *l = *end;
        if (take(p, '(')) LEATI_TRY(parse_params(p, l));
        if (take(p, '{')) {
            LEATI_TRY(parse_sequence(p, &l->inside, depth + 1));
            if (!take(p, '}')) return refuse(p, "';' or '}'");
        }
        end = &l->next;
    } while (take(p, ';'));
    return LEAT_OK;
}

static leat_status parse(leati_network *n, const char *text)
{
    parser p = {.network = n, .context = n->context, .at = text, .text = text};
    LEATI_TRY(parse_sequence(&p, &n->first, 0));
    skip_space(&p);
    if (*p.at) return refuse(&p, "';' or the end");
    LEATI_CHECK(n->context, n->first, LEAT_INVALID, "layers: there must be at least one layer");
    return LEAT_OK;
}

/* ---- weights
 * --------------------------------------------------------------------------------------- */

static leati_network_weight *find_weight(leati_network *n, const char *name)
{
    for (size_t i = 0; i < n->weight_count; i++)
        if (strcmp(n->weight[i].name, name) == 0) return &n->weight[i];
    return NULL;
}

static leati_network_weight *add_weight(leati_network *n, const char *name, leat_shape shape,
                                        bool trained, leati_init init)
{
    size_t *end = trained ? &n->trained_count : &n->state_count;
    if (leati_shape_check(n->context, &shape, LEAT_DTYPE_F32) != LEAT_OK ||
        leati_grow(n->context, &n->weight, &n->weight_capacity, n->weight_count + 1,
                   sizeof *n->weight) != LEAT_OK)
        return NULL;
    leati_network_weight *w = &n->weight[n->weight_count];
    *w = (leati_network_weight){.shape = shape, .offset = *end, .trained = trained, .init = init};
    w->name = leati_arena_strdup(&n->arena, name);
    if (!w->name) return NULL;
    n->weight_count++;
    *end += leati_shape_count(&shape);
    return w;
}

static leati_network_weight *weight_of(leati_builder *b, const char *name, leat_shape shape,
                                       bool trained, leati_init init)
{
    char full[320];
    snprintf(full, sizeof full, "%s/%s", b->path, name);
    leati_network_weight *w = find_weight(b->network, full);
    return w ? w : add_weight(b->network, full, shape, trained, init);
}

/* Before the network is open a weight is only a shape. */
static leat_tensor *read_weight(leati_builder *b, leati_network_weight *w)
{
    if (!w) return NULL;
    if (!w->variable) return leat_input(b->graph, LEAT_DTYPE_F32, w->shape, NULL);
    if (!w->read) w->read = leat_read(w->variable); /* a shared weight is one tensor */
    return w->read;
}

leat_tensor *leati_weight(leati_builder *b, const char *name, leat_shape shape, leati_init init)
{
    return read_weight(b, weight_of(b, name, shape, true, init));
}

leat_tensor *leati_layer_state(leati_builder *b, const char *name, leat_shape shape, double value)
{
    leati_init init = {.kind = value == 1 ? LEATI_INIT_ONES : LEATI_INIT_ZEROS};
    return read_weight(b, weight_of(b, name, shape, false, init));
}

void leati_layer_state_set(leati_builder *b, const char *name, leat_tensor *x)
{
    char full[320];
    snprintf(full, sizeof full, "%s/%s", b->path, name);
    leati_network_weight *w = find_weight(b->network, full);
    if (!w || !w->variable || !x || !b->training) return;
    if (leati_grow(b->context, &b->updates, &b->update_capacity, b->update_count + 1,
                   sizeof *b->updates) == LEAT_OK)
        b->updates[b->update_count++] = leat_assign(w->variable, x);
}

/* ---- building
 * -------------------------------------------------------------------------------------- */

leat_tensor *leati_build_layers(leati_builder *b, const leati_layer *first, leat_tensor *x)
{
    for (const leati_layer *l = first; l && x; l = l->next) {
        size_t length = strlen(b->path);
        char scope[128];
        snprintf(b->path + length, sizeof b->path - length, "%s%s", length ? "/" : "", l->name);
        if (l->line) snprintf(scope, sizeof scope, "layer `%s` (line %d)", l->name, l->line);
        else snprintf(scope, sizeof scope, "layer `%s`", l->name);
        leat_scope_push(b->graph, scope);
        x = l->class->build(l, b, x);
        leat_scope_pop(b->graph);
        b->path[length] = 0;
    }
    return x;
}

leat_tensor *leati_network_build(leati_network *n, leati_builder *b, leat_tensor *x)
{
    b->network = n;
    b->context = n->context;
    b->path[0] = 0;
    for (size_t i = 0; i < n->weight_count; i++) n->weight[i].read = NULL;
    return leati_build_layers(b, n->first, x);
}

/* Shapes and weights, from a build with a batch of one. */
static leat_status trial_build(leati_network *n)
{
    leati_builder b = {0};
    LEATI_TRY(leat_graph_create(n->context, "cpu", &b.graph));
    leat_shape s = {.rank = n->input.rank + 1, .dim = {1}};
    for (int i = 0; i < n->input.rank; i++) s.dim[i + 1] = n->input.dim[i];
    leat_tensor *y = leati_network_build(n, &b, leat_input(b.graph, LEAT_DTYPE_F32, s, NULL));
    leat_status st = y ? LEAT_OK : leat_error_status(n->context);
    if (st == LEAT_OK) {
        leat_shape out = leat_tensor_shape(y);
        n->output.rank = out.rank - 1;
        for (int i = 1; i < out.rank; i++) n->output.dim[i - 1] = out.dim[i];
    }
    leat_graph_destroy(b.graph);
    return st;
}

leat_status leati_network_create(leat_context *c, const char *layers, leat_shape input,
                                 leati_network **out)
{
    *out = NULL;
    leati_network *n = LEATI_NEW(c, leati_network, 1);
    if (!n) return LEAT_NOMEM;
    n->context = c;
    n->input = input;
    leati_arena_init(&n->arena, c);
    leat_status st = parse(n, layers);
    if (st == LEAT_OK) st = trial_build(n);
    if (st != LEAT_OK) {
        leati_network_destroy(n);
        return st;
    }
    *out = n;
    return LEAT_OK;
}

void leati_network_destroy(leati_network *n)
{
    if (!n) return;
    leati_arena_fini(&n->arena);
    leati_free(n->weight);
    leati_free(n);
}

leat_status leati_network_open(leati_network *n, leat_graph *g, uint64_t seed)
{
    leat_context *c = n->context;
    n->graph = g;
    n->seed = seed;
    size_t most = n->trained_count > n->state_count ? n->trained_count : n->state_count;
    float *values = leati_array(c, most + 1, sizeof *values);
    leat_status st = values ? LEAT_OK : LEAT_NOMEM;
    for (int trained = 1; st == LEAT_OK && trained >= 0; trained--) {
        size_t count = trained ? n->trained_count : n->state_count;
        leat_variable **block = trained ? &n->trained : &n->states;
        for (size_t i = 0; i < n->weight_count; i++)
            if (n->weight[i].trained == (trained == 1))
                leati_init_fill(n->weight[i].init, &n->weight[i].shape, seed, (uint32_t)i,
                                values + n->weight[i].offset);
        LEATI_GO(leat_variable_create(g, trained ? "weights" : "states", LEAT_DTYPE_F32,
                                      LEAT_DIMS((int64_t)count), values, block));
        for (size_t i = 0; i < n->weight_count; i++) {
            leati_network_weight *w = &n->weight[i];
            if (w->trained != (trained == 1)) continue;
            LEATI_GO(leat_variable_part(*block, w->name, w->offset, w->shape, &w->variable));
        }
    }
out:
    leati_free(values);
    return st;
}
