/* Owns: tables of layers, activations and input gradients of networks. */
#include "nn/examine.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "graph/plan.h"
#include "graph/trace.h"
#include "tensor/shape.h"

static leat_shape batch_shape(size_t rows, const leat_shape *sample)
{
    leat_shape s = {.rank = sample->rank + 1, .dim = {(int64_t)rows}};
    for (int i = 0; i < sample->rank; i++) s.dim[i + 1] = sample->dim[i];
    return s;
}

static leat_shape without_batch(leat_shape s)
{
    for (int i = 1; i < s.rank; i++) s.dim[i - 1] = s.dim[i];
    if (s.rank > 0) s.rank--;
    return s;
}

/* A build with taps: *x and *y (1 or rows, ...). */
static leat_status tapped_build(leat_context *c, leati_network *n, size_t rows, const float *data,
                                leati_builder *b, leat_tensor **x, leat_tensor **y)
{
    *b = (leati_builder){.graph = n->graph, .context = c, .tapped = true};
    *x = leat_input(n->graph, n->dtype, batch_shape(rows, &n->input), data);
    *y = leati_network_build(n, b, *x);
    leati_free(b->updates);
    b->updates = NULL;
    if (!*y || leat_error_status(c) != LEAT_OK) {
        leati_free(b->taps);
        b->taps = NULL;
        return leat_error_status(c) != LEAT_OK ? leat_error_status(c) : LEAT_INTERNAL;
    }
    return LEAT_OK;
}

/* ---- the table ----------------------------------------------------------------------------------
 */

/* A weight belongs to a layer whose path is a beginning of its name: "dense_1" of
 * "dense_1/kernel". */
static bool is_below(const char *name, const char *path)
{
    size_t length = strlen(path);
    return strncmp(name, path, length) == 0 && name[length] == '/';
}

static void count_weights(const leati_network *n, leati_layer_row *r)
{
    for (size_t i = 0; i < n->weight_count; i++) {
        const leati_network_weight *w = &n->weight[i];
        if (!is_below(w->name, r->path)) continue;
        *(w->trained ? &r->weights : &r->states) += leati_shape_count(&w->shape);
    }
}

/* Layers of one name have one path, and the same weights. */
static void mark_shared(leati_layer_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        for (size_t k = 0; k < i && !t->row[i].shared && t->row[i].path; k++)
            t->row[i].shared = t->row[k].path && strcmp(t->row[k].path, t->row[i].path) == 0 &&
                               t->row[i].weights + t->row[i].states > 0;
}

static leat_status fill_row(leat_context *c, const leati_network *n, const leati_tap *tap,
                            leati_layer_row *r)
{
    leat_shape s = leat_tensor_shape(tap->out);
    *r = (leati_layer_row){.path = leati_strdup(c, tap->path),
                           .kind = tap->layer->class->name,
                           .only_training = tap->layer->class->only_training,
                           .depth = tap->depth,
                           .output = without_batch(s)};
    if (!r->path) return LEAT_NOMEM;
    r->bytes = leati_shape_count(&s) * leat_dtype_size(leat_tensor_dtype(tap->out));
    count_weights(n, r);
    return LEAT_OK;
}

/* Every layer's output is asked for, so that no product takes in an activation of the next one. */
static leat_status compile_apart(leat_context *c, leati_network *n, leat_tensor *y,
                                 const leati_builder *b, leati_plan **out)
{
    size_t count = 0;
    leat_tensor **roots = leati_array(c, b->tap_count + 1, sizeof *roots);
    if (!roots) return leat_error_status(c);
    for (size_t i = 0; i < b->tap_count; i++)
        if (b->taps[i].out) roots[count++] = b->taps[i].out;
    roots[count++] = y;
    leat_status st = leati_plan_compile_apart(n->graph, count, roots, out);
    leati_free(roots);
    return st;
}

/* Operations by the scope they were recorded in; fused ones count where they end. */
static leat_status count_flops(leat_context *c, leati_network *n, leat_tensor *y,
                               const leati_builder *b, leati_layer_table *t)
{
    leati_plan *plan;
    LEATI_TRY(compile_apart(c, n, y, b, &plan));
    for (size_t i = 0; i < plan->step_count; i++) {
        const leati_step *s = &plan->steps[i];
        double flops = leati_step_flops(s);
        t->flops += flops;
        for (size_t k = 0; s->scope && k < t->count; k++)
            if (strcmp(s->scope, b->taps[k].scope) == 0) {
                t->row[k].flops += flops;
                break;
            }
    }
    leati_plan_destroy(plan);
    for (size_t i = t->count; i-- > 1;) { /* to the container around it, which stands before it */
        size_t up = i;
        while (up > 0 && t->row[up].depth >= t->row[i].depth) up--;
        if (t->row[up].depth < t->row[i].depth) t->row[up].flops += t->row[i].flops;
    }
    return LEAT_OK;
}

leat_status leati_layer_table_make(leat_context *c, leati_network *n, leati_layer_table *out)
{
    leati_builder b;
    leat_tensor *x, *y;
    leati_layer_table t = {.weights = n->trained_count, .states = n->state_count};
    LEATI_TRY(tapped_build(c, n, 1, NULL, &b, &x, &y));
    leat_status st = LEAT_OK;
    t.row = LEATI_NEW(c, leati_layer_row, b.tap_count + 1);
    if (!t.row) st = LEAT_NOMEM;
    for (size_t i = 0; st == LEAT_OK && i < b.tap_count; i++) {
        if (b.taps[i].out) st = fill_row(c, n, &b.taps[i], &t.row[i]);
        t.count = i + 1;
    }
    mark_shared(&t);
    if (st == LEAT_OK) st = count_flops(c, n, y, &b, &t);
    leati_free(b.taps);
    if (st == LEAT_OK) *out = t;
    else leati_layer_table_fini(&t);
    return st;
}

void leati_layer_table_fini(leati_layer_table *t)
{
    for (size_t i = 0; i < t->count; i++) leati_free(t->row[i].path);
    leati_free(t->row);
    *t = (leati_layer_table){0};
}

leat_layer_info leati_layer_table_at(const leati_layer_table *t, size_t i)
{
    if (i >= t->count) return (leat_layer_info){0};
    const leati_layer_row *r = &t->row[i];
    return (leat_layer_info){.name = r->path,
                             .kind = r->kind,
                             .depth = r->depth,
                             .output = r->output,
                             .parameters = r->weights,
                             .states = r->states,
                             .flops = r->flops,
                             .bytes = r->bytes,
                             .shared = r->shared};
}

/* ---- activations --------------------------------------------------------------------------------
 */

/* As f32, whatever the layer gives. */
static leat_status read_values(leat_context *c, leat_tensor *from, float **out)
{
    leat_shape s = leat_tensor_shape(from);
    size_t count = leati_shape_count(&s);
    *out = leati_array(c, count + 1, sizeof **out);
    return *out ? leat_get(from, *out, count * sizeof **out) : LEAT_NOMEM;
}

static leat_tensor *as_f32(leat_tensor *x)
{
    return x && leat_tensor_dtype(x) != LEAT_DTYPE_F32 ? leat_cast(x, LEAT_DTYPE_F32) : x;
}

static leat_status run_taps(leat_context *c, leati_network *n, const leati_builder *b,
                            leat_tensor *y, leati_activations *out)
{
    leat_tensor **roots = leati_array(c, b->tap_count + 1, sizeof *roots);
    leat_status st = roots ? LEAT_OK : LEAT_NOMEM;
    for (size_t i = 0; st == LEAT_OK && i < b->tap_count; i++) roots[i] = as_f32(b->taps[i].out);
    if (st == LEAT_OK) roots[b->tap_count] = as_f32(y);
    if (st == LEAT_OK) st = leat_run(n->graph, b->tap_count + 1, roots);
    for (size_t i = 0; st == LEAT_OK && i < b->tap_count; i++) {
        st = read_values(c, roots[i], &out->values[i]);
        out->shape[i] = without_batch(leat_tensor_shape(roots[i]));
        out->count = i + 1;
    }
    if (st == LEAT_OK) st = read_values(c, roots[b->tap_count], &out->output);
    leati_free(roots);
    return st;
}

static size_t greatest(const float *values, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (values[i] > values[best]) best = i;
    return best;
}

/* An input that only looks up (numbers of words) has no gradient. */
static bool all_zero(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (values[i] != 0) return false;
    return true;
}

/* The first embedding that looks up each input; NULL: there is none. */
static leat_tensor *looked_up(const leati_network *n, const leati_builder *b)
{
    size_t inputs = leati_shape_count(&n->input);
    for (size_t i = 0; i < b->tap_count; i++) {
        const leati_tap *tap = &b->taps[i];
        if (!tap->out || strcmp(tap->layer->class->name, "embedding") != 0) continue;
        leat_shape s = without_batch(leat_tensor_shape(tap->out));
        if (s.rank > 1 && leati_shape_count(&s) == inputs * (size_t)s.dim[s.rank - 1])
            return tap->out;
    }
    return NULL;
}

/* The length of each token's part of a gradient (tokens, features). */
static leat_status lengths(leat_context *c, const float *gradient, size_t tokens, size_t features,
                           float **out)
{
    *out = leati_array(c, tokens, sizeof **out);
    if (!*out) return LEAT_NOMEM;
    for (size_t i = 0; i < tokens; i++) {
        double sum = 0;
        for (size_t k = 0; k < features; k++) {
            double g = (double)gradient[i * features + k];
            sum += g * g;
        }
        (*out)[i] = (float)sqrt(sum);
    }
    return LEAT_OK;
}

/* The gradient of one output by x; *out NULL: there is none. */
static leat_status gradient_of(leat_context *c, leati_network *n, leat_tensor *x, leat_tensor *y,
                               size_t target, const float *output, float **out)
{
    leat_shape s = leat_tensor_shape(y);
    size_t outputs = leati_shape_count(&s);
    leat_tensor *gradient = NULL;
    float *seed = LEATI_NEW(c, float, outputs);
    *out = NULL;
    if (!seed) return LEAT_NOMEM;
    seed[target < outputs ? target : greatest(output, outputs)] = 1;
    leat_tensor *from = leat_input(n->graph, LEAT_DTYPE_F32, s, seed);
    leat_status st = leat_gradients(y, from, 1, &x, &gradient);
    if (st == LEAT_OK && gradient) st = leat_run(n->graph, 1, &gradient);
    if (st == LEAT_OK && gradient) st = read_values(c, gradient, out);
    leati_free(seed);
    if (st != LEAT_UNSUPPORTED && st != LEAT_TYPE) return st;
    leat_error_clear(c);
    return LEAT_OK;
}

static leat_status find_saliency(leat_context *c, leati_network *n, const leati_builder *b,
                                 leat_tensor *x, leat_tensor *y, size_t target,
                                 leati_activations *out)
{
    size_t inputs = leati_shape_count(&n->input);
    float *gradient;
    LEATI_TRY(gradient_of(c, n, x, y, target, out->output, &out->saliency));
    if (out->saliency && !all_zero(out->saliency, inputs)) return LEAT_OK;
    leati_free(out->saliency);
    out->saliency = NULL;
    leat_tensor *features = looked_up(n, b);
    if (!features) return LEAT_OK;
    LEATI_TRY(gradient_of(c, n, features, y, target, out->output, &gradient));
    if (!gradient) return LEAT_OK;
    leat_shape s = leat_tensor_shape(features);
    size_t width = (size_t)s.dim[s.rank - 1];
    leat_status st = LEAT_OK;
    if (!all_zero(gradient, inputs * width))
        st = lengths(c, gradient, inputs, width, &out->saliency);
    leati_free(gradient);
    out->by_token = out->saliency != NULL;
    return st;
}

leat_status leati_activations_make(leat_context *c, leati_network *n, const float *data,
                                   size_t target, leati_activations *out)
{
    leati_builder b;
    leat_tensor *x, *y;
    leati_activations a = {0};
    LEATI_TRY(tapped_build(c, n, 1, data, &b, &x, &y));
    a.values = LEATI_NEW(c, float *, b.tap_count + 1);
    a.shape = LEATI_NEW(c, leat_shape, b.tap_count + 1);
    leat_status st = a.values && a.shape ? run_taps(c, n, &b, y, &a) : LEAT_NOMEM;
    if (st == LEAT_OK) st = find_saliency(c, n, &b, x, y, target, &a);
    leati_free(b.taps);
    if (st == LEAT_OK) *out = a;
    else leati_activations_fini(&a);
    return st;
}

void leati_activations_fini(leati_activations *a)
{
    for (size_t i = 0; a->values && i < a->count; i++) leati_free(a->values[i]);
    leati_free(a->values);
    leati_free(a->shape);
    leati_free(a->output);
    leati_free(a->saliency);
    *a = (leati_activations){0};
}

/* ---- a layer over many rows ---------------------------------------------------------------------
 */

leat_status leati_layer_values(leat_context *c, leati_network *n, const leati_matrix *m,
                               size_t layer, float *out, size_t width)
{
    enum { BATCH = 64 };
    leat_tensor *x, *y, *root = NULL;
    size_t inputs = leati_shape_count(&n->input), recorded = 0;
    float *in = leati_array(c, BATCH * inputs, sizeof *in);
    leat_status st = in ? LEAT_OK : LEAT_NOMEM;
    for (size_t at = 0; st == LEAT_OK && at < m->rows; at += BATCH) {
        size_t rows = m->rows - at < BATCH ? m->rows - at : BATCH;
        for (size_t i = 0; i < rows * inputs; i++)
            in[i] = (float)leati_at(m, at + i / inputs, i % inputs);
        if (rows != recorded) {
            leati_builder b;
            leat_graph_clear(n->graph);
            LEATI_GO(tapped_build(c, n, rows, in, &b, &x, &y));
            root = layer < b.tap_count ? as_f32(b.taps[layer].out) : NULL;
            leati_free(b.taps);
            recorded = rows;
        }
        leat_shape s = root ? leat_tensor_shape(root) : LEAT_SCALAR;
        if (!root || leati_shape_count(&s) != rows * width) {
            st = LEATI_FAIL(c, LEAT_SHAPE, "layer %zu does not give %zu numbers a row", layer + 1,
                            width);
            break;
        }
        LEATI_GO(leat_run(n->graph, 1, &root));
        LEATI_GO(leat_get(root, out + at * width, rows * width * sizeof *out));
    }
out:
    leati_free(in);
    return st;
}
