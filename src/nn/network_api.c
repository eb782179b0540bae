/* Owns: the public interface of networks: building, losses, steps. */
#include <leat/network.h>

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "graph/graph.h"
#include "nn/loss.h"
#include "nn/network.h"
#include "nn/optimizer.h"
#include "tensor/shape.h"

struct leat_network {
    leati_network *inner;
    uint64_t key[2]; /* seed and step: random numbers of layers */
    leat_tensor **updates;
    size_t update_count;
};

struct leat_optimizer {
    leat_network *network;
    leati_optimizer *rule;
    leat_variable *slot[LEATI_MOST_SLOTS];
    leat_tensor **root; /* [0] is the loss; then those of the step */
    size_t root_count, root_capacity;
    uint32_t clears; /* of the graph when they were recorded */
    float rate, number;
    double clip_norm, clip_value; /* 0: none */
    leat_variable *mean;          /* NULL: none */
    double decay;                 /* of the mean */
};

leat_status leat_network_create(leat_graph *g, const char *layers, leat_shape input, uint64_t seed,
                                leat_network **out)
{
    leat_context *c = leat_graph_context(g);
    *out = NULL;
    leat_network *n = LEATI_NEW(c, leat_network, 1);
    if (!n) return LEAT_NOMEM;
    n->key[0] = seed;
    leat_status st = leati_network_create(c, layers, input, &n->inner);
    if (st == LEAT_OK) st = leati_network_open(n->inner, g, seed);
    if (st == LEAT_OK) *out = n;
    else leat_network_destroy(n);
    return st;
}

void leat_network_destroy(leat_network *n)
{
    if (!n) return;
    leati_network_destroy(n->inner);
    leati_free(n->updates);
    leati_free(n);
}

leat_shape leat_network_output(const leat_network *n)
{
    return n->inner->output;
}

leat_variable *leat_network_variable(const leat_network *n, size_t i)
{
    return i < n->inner->weight_count ? n->inner->weight[i].variable : NULL;
}

leat_status leat_network_save(leat_network *n, const char *path)
{
    leat_context *c = leat_graph_context(n->inner->graph);
    size_t count = n->inner->weight_count;
    leat_variable **all = leati_array(c, count + 1, sizeof *all);
    if (!all) return leat_error_status(c);
    for (size_t i = 0; i < count; i++) all[i] = n->inner->weight[i].variable;
    leat_status st = leat_variables_save(n->inner->graph, count, all, path);
    leati_free(all);
    return st;
}

leat_status leat_network_load(leat_network *n, const char *path)
{
    double mean = 0, scale = 1; /* of a model's target: nothing to a network */
    return leati_network_read(leat_graph_context(n->inner->graph), n->inner, path, false, &mean,
                              &scale);
}

leat_tensor *leat_network_build(leat_network *n, leat_tensor *x, bool training)
{
    leat_graph *g = n->inner->graph;
    leati_builder b = {.graph = g, .training = training};
    if (!x) return NULL;
    if (training) b.key = leat_input(g, LEAT_DTYPE_U64, LEAT_DIMS(2), n->key);
    leat_tensor *y = leati_network_build(n->inner, &b, x);
    if (!training) return y;
    leati_free(n->updates);
    n->updates = b.updates;
    n->update_count = b.update_count;
    return y;
}

/* A target that broadcasts, (batch) to outputs (batch, 1) say, would be compared crosswise. */
static leat_status check_target(leat_context *c, const leati_loss *l, const leat_tensor *output,
                                const leat_tensor *target)
{
    leat_shape s = leat_tensor_shape(output), t = leat_tensor_shape(target);
    if (l->class->target == LEATI_TARGET_NONE) return LEAT_OK;
    LEATI_CHECK(c, target, LEAT_INVALID, "the loss %s needs a target", l->class->name);
    LEATI_CHECK(c, l->class->target != LEATI_TARGET_VALUES || leati_shape_equal(&s, &t), LEAT_SHAPE,
                "the loss %s needs a target of the output's shape %s, this one has %s",
                l->class->name, leati_shape_string(&s).text, leati_shape_string(&t).text);
    return LEAT_OK;
}

leat_tensor *leat_network_loss(leat_network *n, const char *loss, leat_tensor *output,
                               leat_tensor *target)
{
    leat_context *c = n->inner->context;
    leati_loss *l;
    if (!output || leati_loss_parse(c, loss, &l) != LEAT_OK) return NULL;
    leat_tensor *y = NULL;
    if (leati_loss_see(c, l, NULL) == LEAT_OK && check_target(c, l, output, target) == LEAT_OK)
        y = l->class->build(l, output, target);
    leati_free(l);
    return y;
}

/* ---- steps -------------------------------------------------------------------------------------
 */

leat_status leat_optimizer_create(leat_network *n, const char *optimizer, leat_optimizer **out)
{
    leat_context *c = n->inner->context;
    *out = NULL;
    leat_optimizer *o = LEATI_NEW(c, leat_optimizer, 1);
    if (!o) return LEAT_NOMEM;
    o->network = n;
    leat_status st;
    LEATI_GO(leati_optimizer_parse(c, optimizer, &o->rule));
    if (!o->rule->class->update)
        LEATI_GO(
            LEATI_FAIL(c, LEAT_UNSUPPORTED, "%s does not work step by step", o->rule->class->name));
    for (size_t k = 0; k < leati_optimizer_slots(o->rule); k++)
        LEATI_GO(leat_variable_create(n->inner->graph, "slot", LEAT_DTYPE_F32,
                                      LEAT_DIMS((int64_t)n->inner->trained_count), NULL,
                                      &o->slot[k]));
out:
    if (st == LEAT_OK) *out = o;
    else leat_optimizer_destroy(o);
    return st;
}

void leat_optimizer_destroy(leat_optimizer *o)
{
    if (!o) return;
    leati_free(o->rule);
    leati_free(o->root);
    leati_free(o);
}

leat_status leat_optimizer_clip(leat_optimizer *o, double norm, double value)
{
    LEATI_CHECK(o->network->inner->context,
                norm >= 0 && value >= 0 && isfinite(norm) && isfinite(value), LEAT_INVALID,
                "limits of the gradient are positive numbers, or 0 for none, not %g and %g", norm,
                value);
    o->clip_norm = norm;
    o->clip_value = value;
    return LEAT_OK;
}

leat_status leat_optimizer_average(leat_optimizer *o, double decay)
{
    leati_network *n = o->network->inner;
    leat_context *c = n->context;
    LEATI_CHECK(c, decay > 0 && decay < 1, LEAT_INVALID,
                "a mean of weights decays by a share between 0 and 1, as 0.999, not %g", decay);
    LEATI_CHECK(c, !o->mean, LEAT_INVALID, "the weights have a mean already");
    float *now = leati_array(c, n->trained_count + 1, sizeof *now);
    leat_status st = now ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) st = leat_variable_get(n->trained, now, n->trained_count * sizeof *now);
    if (st == LEAT_OK)
        st = leat_variable_create(n->graph, "mean", LEAT_DTYPE_F32,
                                  LEAT_DIMS((int64_t)n->trained_count), now, &o->mean);
    o->decay = decay;
    leati_free(now);
    return st;
}

leat_status leat_optimizer_swap(leat_optimizer *o)
{
    leati_network *n = o->network->inner;
    size_t count = n->trained_count, bytes = count * sizeof(float);
    LEATI_CHECK(n->context, o->mean, LEAT_INVALID,
                "there is no mean of the weights: leat_optimizer_average keeps one");
    float *both = leati_array(n->context, 2 * count + 1, sizeof *both);
    leat_status st = both ? LEAT_OK : leat_error_status(n->context);
    if (st == LEAT_OK) st = leat_variable_get(n->trained, both, bytes);
    if (st == LEAT_OK) st = leat_variable_get(o->mean, both + count, bytes);
    if (st == LEAT_OK) st = leat_variable_set(n->trained, both + count, bytes);
    if (st == LEAT_OK) st = leat_variable_set(o->mean, both, bytes);
    leati_free(both);
    return st;
}

static leat_status add_root(leat_optimizer *o, leat_tensor *root)
{
    leat_context *c = o->network->inner->context;
    if (!root) return leat_error_status(c) != LEAT_OK ? leat_error_status(c) : LEAT_INVALID;
    LEATI_TRY(leati_grow(c, &o->root, &o->root_capacity, o->root_count + 1, sizeof *o->root));
    o->root[o->root_count++] = root;
    return LEAT_OK;
}

/* The gradients of all weights in one flat tensor, in the order of their block. */
static leat_status flat_gradient(leat_optimizer *o, leat_tensor *loss, leat_tensor **out)
{
    leati_network *n = o->network->inner;
    size_t count = 0;
    leat_tensor **weight = LEATI_NEW(n->context, leat_tensor *, 2 * n->weight_count + 1);
    if (!weight) return LEAT_NOMEM;
    leat_tensor **gradient = weight + n->weight_count;
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < n->weight_count; i++)
        if (n->weight[i].trained) weight[count++] = n->weight[i].read;
    LEATI_GO(leat_gradients(loss, NULL, count, weight, gradient));
    for (size_t i = 0; i < count; i++) gradient[i] = leat_reshape(gradient[i], LEAT_DIMS(-1));
    *out = count == 1 ? gradient[0] : leat_concat(count, gradient, 0);
out:
    leati_free(weight);
    return st;
}

leat_status leat_optimizer_record(leat_optimizer *o, leat_tensor *loss)
{
    leati_network *n = o->network->inner;
    leat_graph *g = n->graph;
    bool built = loss && n->clears == g->clears;
    leat_tensor *gradient = NULL;
    o->root_count = 0;
    o->clears = g->clears;
    LEATI_TRY(add_root(o, loss));
    for (size_t i = 0; i < o->network->update_count; i++)
        LEATI_TRY(add_root(o, o->network->updates[i]));
    if (n->trained_count == 0) return LEAT_OK;
    for (size_t i = 0; i < n->weight_count; i++)
        LEATI_CHECK(n->context, built && n->weight[i].read, LEAT_INVALID,
                    "build the network before its loss is recorded");
    LEATI_TRY(flat_gradient(o, loss, &gradient));
    /* weight, gradient, rate, number of the step */
    leati_update u = {leat_read(n->trained),
                      gradient,
                      leat_input(g, LEAT_DTYPE_F32, LEAT_SCALAR, &o->rate),
                      leat_input(g, LEAT_DTYPE_F32, LEAT_SCALAR, &o->number),
                      .limit = o->clip_value,
                      .slot = {NULL},
                      .new_slot = {NULL}};
    if (o->clip_norm > 0) u.scale = leati_update_norm_scale(gradient, o->clip_norm);
    for (size_t k = 0; k < leati_optimizer_slots(o->rule); k++) u.slot[k] = leat_read(o->slot[k]);
    leat_tensor *moved = o->rule->class->update(o->rule, &u);
    LEATI_TRY(add_root(o, leat_assign(n->trained, moved)));
    for (size_t k = 0; k < leati_optimizer_slots(o->rule); k++)
        if (u.new_slot[k] != u.slot[k])
            LEATI_TRY(add_root(o, leat_assign(o->slot[k], u.new_slot[k])));
    if (!o->mean) return LEAT_OK;
    leat_tensor *mean = leati_update_mix(leat_read(o->mean), o->decay, moved);
    return add_root(o, leat_assign(o->mean, mean));
}

leat_status leat_optimizer_run(leat_optimizer *o, double rate)
{
    leati_network *n = o->network->inner;
    LEATI_CHECK(n->context, o->root_count > 0 && o->clears == n->graph->clears, LEAT_INVALID,
                "record a loss with leat_optimizer_record before the first step, and again after "
                "leat_graph_clear");
    o->rate = (float)rate;
    o->number += 1;
    o->network->key[1]++;
    return leat_run(n->graph, o->root_count, o->root);
}
