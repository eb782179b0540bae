/* Owns: running roots: the cache of plans, binding of inputs, reading of results. */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "graph/plan.h"
#include "graph/trace.h"
#include "tensor/shape.h"

/* An entry that is free, or else the one unused for longest, emptied. */
static leati_plan_entry *free_entry(leat_graph *g)
{
    leati_plan_entry *oldest = &g->plans[0];
    for (size_t i = 0; i < LEATI_PLANS; i++) {
        if (!g->plans[i].plan) return &g->plans[i];
        if (g->plans[i].used < oldest->used) oldest = &g->plans[i];
    }
    if (g->last_plan == oldest->plan) g->last_plan = NULL;
    leati_plan_destroy(oldest->plan);
    leati_free(oldest->key);
    *oldest = (leati_plan_entry){0};
    return oldest;
}

static leat_status find_plan(leat_graph *g, size_t count, leat_tensor *const *roots,
                             leati_plan **plan, leati_node ***inputs)
{
    uint8_t *key;
    size_t bytes, input_count;
    LEATI_TRY(leati_plan_key(g, count, roots, &key, &bytes, inputs, &input_count));
    uint64_t hash = leati_hash64(key, bytes, 0);
    for (size_t i = 0; i < LEATI_PLANS; i++) {
        leati_plan_entry *e = &g->plans[i];
        if (!e->plan || e->hash != hash || e->key_bytes != bytes || memcmp(e->key, key, bytes))
            continue;
        leati_free(key);
        e->used = g->runs;
        *plan = e->plan;
        return LEAT_OK;
    }
    leat_status st = leati_plan_compile_sharing(g, count, roots, plan);
    if (st != LEAT_OK) {
        leati_free(key);
        leati_free(*inputs);
        *inputs = NULL;
        return st;
    }
    leati_plan_entry *e = free_entry(g);
    *e = (leati_plan_entry){key, bytes, hash, *plan, g->runs};
    return LEAT_OK;
}

/* Gives every input of the plan its address of this run. On a device with memory of its own the
 * data are copied. */
static leat_status bind_inputs(leat_graph *g, leati_plan *plan, leati_node *const *inputs)
{
    leati_device *d = g->device;
    for (size_t i = 0; i < plan->input_count; i++)
        LEATI_CHECK(g->context, inputs[i]->host || !plan->input_bytes[i], LEAT_INVALID,
                    "an input of shape %s has no data: bind it before the run",
                    leati_shape_string(&inputs[i]->out[0].shape).text);
    if (d->class->foreign) {
        for (size_t i = 0; i < plan->input_count; i++) {
            if (!plan->input_copies[i])
                plan->input_copies[i] = d->class->alloc(d, plan->input_bytes[i]);
            if (!plan->input_copies[i]) return leat_error_status(g->context);
            LEATI_TRY(
                d->class->upload(d, plan->input_copies[i], inputs[i]->host, plan->input_bytes[i]));
        }
    }
    for (size_t i = 0; i < plan->patch_count; i++) {
        const leati_patch *patch = &plan->patches[i];
        const char *at =
            d->class->foreign ? plan->input_copies[patch->input] : inputs[patch->input]->host;
        patch->operand->data = (char *)(uintptr_t)at + patch->offset;
    }
    return LEAT_OK;
}

/* Remember what ran, so that the same roots of the same graph run without a look at it. */
static leat_status remember(leat_graph *g, leati_plan *plan, size_t count,
                            leat_tensor *const *roots, leati_node **inputs)
{
    size_t words = count + plan->input_count;
    g->last_plan = NULL;
    LEATI_TRY(leati_grow(g->context, &g->last_roots, &g->last_capacity, words + 1,
                         sizeof *g->last_roots));
    memcpy(g->last_roots, roots, count * sizeof *roots);
    for (size_t i = 0; i < plan->input_count; i++) g->last_roots[count + i] = &inputs[i]->out[0];
    g->last_count = count;
    g->last_plan = plan;
    return LEAT_OK;
}

static leat_status run_again(leat_graph *g)
{
    leati_node *few[64], **inputs = few;
    leati_plan *plan = g->last_plan;
    leat_status st = LEAT_OK;
    if (plan->input_count > 64) inputs = leati_array(g->context, plan->input_count, sizeof *inputs);
    if (!inputs) return LEAT_NOMEM;
    for (size_t i = 0; i < plan->input_count; i++)
        inputs[i] = g->last_roots[g->last_count + i]->node;
    LEATI_GO(bind_inputs(g, plan, inputs));
    LEATI_GO(leati_plan_refresh(g->context, plan));
    leati_plan_stores(plan);
    const leati_step *steps = plan->steps + plan->lasting_count;
    size_t count = plan->step_count - plan->lasting_count;
    LEATI_GO(g->trace ? leati_trace_run(g, steps, count)
                      : g->device->class->run(g->device, steps, count));
    for (size_t i = 0; i < plan->root_count; i++) g->last_roots[i]->data = plan->roots[i].data;
out:
    if (inputs != few) leati_free(inputs);
    return st;
}

/* What the roots of the last run gave will be overwritten, or goes with its plan. */
static void forget_results(leat_graph *g)
{
    for (size_t i = 0; i < g->last_count; i++) g->last_roots[i]->data = NULL;
}

leat_status leat_run(leat_graph *g, size_t count, leat_tensor *const *roots)
{
    leat_context *c = g->context;
    leat_status st = leat_error_status(c);
    for (size_t i = 0; i < count; i++) {
        if (roots[i]) continue;
        if (leati_graph_stopped(g)) return leat_error_status(c);
        LEATI_CHECK(c, st != LEAT_OK, LEAT_INVALID, "root %zu is NULL", i + 1);
        return st;
    }
    for (size_t i = 0; i < count; i++)
        LEATI_CHECK(c, roots[i]->node->graph == g, LEAT_INVALID, "root %zu is of another graph",
                    i + 1);
    if (g->misbound) {
        g->misbound = false;
        LEATI_TRY(st);
    }
    if (!count) return LEAT_OK; /* roots may be NULL then */
    g->runs++;
    forget_results(g);
    if (g->last_plan && g->last_count == count &&
        !memcmp(g->last_roots, roots, count * sizeof *roots))
        return run_again(g);
    leati_plan *plan;
    leati_node **inputs;
    LEATI_TRY(find_plan(g, count, roots, &plan, &inputs));
    st = remember(g, plan, count, roots, inputs);
    leati_free(inputs);
    return st == LEAT_OK ? run_again(g) : st;
}

leat_status leat_get(leat_tensor *root, void *data, size_t bytes)
{
    if (!root) return LEAT_INVALID;
    leat_graph *g = root->node->graph;
    size_t have = leati_shape_count(&root->shape) * leat_dtype_size(root->dtype);
    LEATI_CHECK(g->context, root->data || !have, LEAT_INVALID,
                "the tensor was not a root of the last run");
    LEATI_CHECK(g->context, have == bytes, LEAT_INVALID,
                "the tensor has %zu bytes, room was given for %zu", have, bytes);
    return bytes ? g->device->class->download(g->device, data, root->data, bytes) : LEAT_OK;
}
