/* Owns: the bodies of loops: recording, sharing, running. */
#include "graph/body.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "graph/plan.h"
#include "tensor/shape.h"

struct leati_graph_body {
    leati_body base;
    leati_graph_body *next;
    leat_graph *graph;
    leati_plan *plan;
    uint32_t *input; /* per input of the plan: which one of the body's */
    uint8_t *key;
    size_t key_bytes;
    uint64_t hash;
};

static void destroy(leati_graph_body *b)
{
    if (!b) return;
    leati_plan_destroy(b->plan);
    leat_graph_destroy(b->graph);
    leati_free(b->input);
    leati_free(b->key);
    leati_free(b->base.out);
    leati_free(b->base.shape);
    leati_free(b->base.dtype);
    leati_free(b);
}

void leati_bodies_destroy(leat_graph *g)
{
    while (g->bodies) {
        leati_graph_body *b = g->bodies;
        g->bodies = b->next;
        destroy(b);
    }
}

bool leati_bodies_full(const leat_graph *g)
{
    return g->root->body_count >= LEATI_BODIES / 2;
}

void leati_bodies_adopt(leat_graph *g, leat_context *c)
{
    for (leati_graph_body *b = g->bodies; b; b = b->next) leati_graph_adopt(b->graph, c);
}

static leat_status run(leat_context *c, leati_body *body, const void *const *in)
{
    leati_graph_body *b = (leati_graph_body *)body;
    for (size_t i = 0; i < b->plan->patch_count; i++) {
        const leati_patch *patch = &b->plan->patches[i];
        const char *at = in[b->input[patch->input]];
        patch->operand->data = (char *)(uintptr_t)at + patch->offset;
    }
    LEATI_TRY(leati_plan_run(c, b->plan));
    for (size_t i = 0; i < body->outs; i++) body->out[i] = b->plan->roots[i].data;
    return LEAT_OK;
}

/* The body's structure as bytes: that of the graph, and which inputs it reads. */
static leat_status make_key(leati_graph_body *b, size_t outs, leat_tensor *const *roots,
                            leat_tensor *const *in, size_t ins)
{
    leat_context *c = b->graph->context;
    leati_node **inputs;
    size_t bytes, count, capacity;
    leat_status st = LEAT_OK;
    LEATI_TRY(leati_plan_key(b->graph, outs, roots, &b->key, &bytes, &inputs, &count));
    capacity = bytes;
    b->input = leati_array(c, count + 1, sizeof *b->input);
    if (!b->input) {
        st = leat_error_status(c);
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < ins && in[k]->node != inputs[i]) k++;
        if (k == ins) {
            st = LEATI_FAIL(c, LEAT_INVALID, "the body of a loop has an input of its own");
            goto out;
        }
        b->input[i] = (uint32_t)k;
    }
    LEATI_GO(leati_grow(c, &b->key, &capacity, bytes + count * sizeof *b->input, 1));
    memcpy(b->key + bytes, b->input, count * sizeof *b->input);
    b->key_bytes = bytes + count * sizeof *b->input;
    b->hash = leati_hash64(b->key, b->key_bytes, outs);
out:
    leati_free(inputs);
    return st;
}

static leati_graph_body *find(const leat_graph *root, const leati_graph_body *like)
{
    for (leati_graph_body *b = root->bodies; b; b = b->next)
        if (b->hash == like->hash && b->base.outs == like->base.outs &&
            b->key_bytes == like->key_bytes && !memcmp(b->key, like->key, b->key_bytes))
            return b;
    return NULL;
}

static leat_status compile(leati_graph_body *b, leat_tensor *const *roots)
{
    leat_context *c = b->graph->context;
    size_t outs = b->base.outs;
    LEATI_TRY(leati_plan_compile(b->graph, outs, roots, &b->plan));
    b->base.out = LEATI_NEW(c, const void *, outs + 1);
    b->base.shape = LEATI_NEW(c, leat_shape, outs + 1);
    b->base.dtype = LEATI_NEW(c, leat_dtype, outs + 1);
    if (!b->base.out || !b->base.shape || !b->base.dtype) return leat_error_status(c);
    for (size_t i = 0; i < outs; i++) {
        b->base.shape[i] = roots[i]->shape;
        b->base.dtype[i] = roots[i]->dtype;
    }
    leat_graph_clear(b->graph); /* the plan needs no tensors */
    return LEAT_OK;
}

static leat_status record(leati_graph_body *b, leat_body_fn fn, void *user, size_t ins,
                          const leat_dtype *dtype, const leat_shape *shape, leat_tensor **in,
                          leat_tensor **roots)
{
    leat_context *c = b->graph->context;
    for (size_t i = 0; i < ins; i++) {
        in[i] = leat_input(b->graph, dtype[i], shape[i], NULL);
        if (!in[i]) return leat_error_status(c);
    }
    leat_status st = fn(b->graph, user, in, roots);
    if (st == LEAT_OK) st = leat_error_status(c);
    if (st != LEAT_OK && leat_error_status(c) == LEAT_OK)
        return LEATI_FAIL(c, st, "the body of a loop failed (%s)", leat_status_text(st));
    LEATI_TRY(st);
    LEATI_CHECK(
        c, !b->graph->variables, LEAT_INVALID,
        "the body of a loop makes a variable: make it outside and give it as another input");
    for (size_t i = 0; i < b->base.outs; i++) {
        LEATI_CHECK(c, roots[i], LEAT_INVALID, "the body of a loop gives no output %zu", i + 1);
        LEATI_CHECK(c, roots[i]->node->graph == b->graph, LEAT_INVALID,
                    "output %zu of the body of a loop is of another graph: the body sees nothing "
                    "but its inputs",
                    i + 1);
    }
    return make_key(b, b->base.outs, roots, in, ins);
}

leat_status leati_body_make(leat_graph *g, leat_body_fn fn, void *user, size_t ins,
                            const leat_dtype *dtype, const leat_shape *shape, size_t outs,
                            leati_body **out)
{
    leat_context *c = g->context;
    leat_graph *root = g->root;
    leat_status st;
    leat_tensor **roots = NULL;
    *out = NULL;
    leati_graph_body *b = LEATI_NEW(c, leati_graph_body, 1), *have;
    if (!b) return LEAT_NOMEM;
    b->base = (leati_body){.run = run, .outs = outs};
    leat_tensor **in = LEATI_NEW(c, leat_tensor *, ins + outs + 1);
    if (!in) {
        st = LEAT_NOMEM;
        goto out;
    }
    roots = in + ins;
    /* Bodies run in host memory, also inside a loop that a device with other memory carries. */
    bool cpu = !strcmp(g->device->class->name, "cpu");
    LEATI_GO(leat_graph_create(c, cpu ? "cpu" : "reference", &b->graph));
    b->graph->root = root;
    LEATI_GO(record(b, fn, user, ins, dtype, shape, in, roots));
    have = find(root, b);
    if (have) {
        *out = &have->base;
        goto out;
    }
    if (root->body_count == LEATI_BODIES) {
        st = LEATI_FAIL(c, LEAT_LIMIT, "a graph with %d different bodies of loops", LEATI_BODIES);
        goto out;
    }
    LEATI_GO(compile(b, roots));
    b->next = root->bodies;
    root->bodies = b;
    root->body_count++;
    *out = &b->base;
    b = NULL;
out:
    leati_free(in);
    destroy(b);
    return st;
}
