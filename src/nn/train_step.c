/* Owns: what a training step is, as a graph. Not: the order of steps (trainer.c). */
#include "nn/train_step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "graph/plan.h"
#include "tensor/shape.h"

static leat_status add_root(leati_step_shared *t, leati_recorded *r, leat_tensor *root)
{
    if (!root) return leat_error_status(t->context);
    LEATI_TRY(leati_grow(t->context, &r->roots, &r->capacity, r->root_count + 1, sizeof *r->roots));
    r->roots[r->root_count++] = root;
    return LEAT_OK;
}

static leat_status make_variable(leati_step_shared *t, const char *name, leat_variable **out)
{
    if (t->nowhere)
        return leati_variable_borrow(t->network->graph, name, LEAT_DTYPE_F32,
                                     LEAT_DIMS((int64_t)t->network->trained_count), t->nowhere,
                                     out);
    return leat_variable_create(t->network->graph, name, LEAT_DTYPE_F32,
                                LEAT_DIMS((int64_t)t->network->trained_count), NULL, out);
}

leat_status leati_step_prepare(leati_step_shared *t)
{
    LEATI_TRY(leat_graph_set_precision(t->network->graph,
                                       t->options->half ? LEAT_DTYPE_BF16 : LEAT_DTYPE_F32));
    for (size_t k = 0; k < leati_optimizer_slots(t->optimizer); k++)
        LEATI_TRY(make_variable(t, "slot", &t->slot[k]));
    if (t->options->accumulate > 1 || !t->optimizer->class->update)
        LEATI_TRY(make_variable(t, "gradient", &t->sum));
    if (t->options->ema > 0) LEATI_TRY(make_variable(t, "mean", &t->mean));
    return LEAT_OK;
}

leat_status leati_step_pretend(leati_step_shared *t, const float *nowhere)
{
    t->nowhere = nowhere;
    LEATI_TRY(leati_network_attach(t->network, t->network->graph, nowhere, nowhere));
    return leati_step_prepare(t);
}

void leati_step_forget(leati_step_shared *t)
{
    leati_network *n = t->network;
    leati_network_forget(n);
    for (size_t i = 0; i < n->weight_count; i++) n->weight[i].variable = NULL;
    n->trained = n->states = t->sum = t->mean = NULL;
    memset(t->slot, 0, sizeof t->slot);
}

/* ---- the gradient --------------------------------------------------------------------------- */

/* Of all weights as one flat tensor, in the order of their block: the parts of a concatenation are
 * computed where they lie in it. */
static leat_status flat_gradient(leati_step_shared *t, leat_tensor *loss, leat_tensor **flat)
{
    leati_network *n = t->network;
    size_t count = 0;
    leat_tensor **weights = LEATI_NEW(t->context, leat_tensor *, 2 * n->weight_count + 1);
    if (!weights) return LEAT_NOMEM;
    leat_tensor **gradients = weights + n->weight_count;
    for (size_t i = 0; i < n->weight_count; i++)
        if (n->weight[i].trained) weights[count++] = n->weight[i].read;
    leat_status st = leat_gradients(loss, NULL, count, weights, gradients);
    for (size_t i = 0; st == LEAT_OK && i < count; i++)
        gradients[i] = leat_reshape(gradients[i], LEAT_DIMS(-1));
    if (st == LEAT_OK) *flat = count == 1 ? gradients[0] : leat_concat(count, gradients, 0);
    leati_free(weights);
    return st != LEAT_OK || *flat ? st : leat_error_status(t->context);
}

/* ---- updates -------------------------------------------------------------------------------- */

static leat_status record_update(leati_step_shared *t, leati_recorded *r, leat_tensor *gradient)
{
    const leati_train_options *o = t->options;
    leat_graph *g = t->network->graph;
    leati_update u = {.weight = leat_read(t->network->trained),
                      .gradient = gradient,
                      .rate = leat_input(g, LEAT_DTYPE_F32, LEAT_SCALAR, &t->rate),
                      .number = leat_input(g, LEAT_DTYPE_F32, LEAT_SCALAR, &t->number),
                      .limit = o->clip_value};
    char scope[64];
    snprintf(scope, sizeof scope, "the optimizer %s", t->optimizer->class->name);
    leat_scope_push(g, scope);
    if (o->clip_norm > 0) u.scale = leati_update_norm_scale(gradient, o->clip_norm);
    for (size_t k = 0; k < leati_optimizer_slots(t->optimizer); k++)
        u.slot[k] = leat_read(t->slot[k]);
    leat_tensor *moved = t->optimizer->class->update(t->optimizer, &u);
    leat_scope_pop(g);
    LEATI_TRY(add_root(t, r, leat_assign(t->network->trained, moved)));
    for (size_t k = 0; k < leati_optimizer_slots(t->optimizer); k++)
        if (u.new_slot[k] != u.slot[k])
            LEATI_TRY(add_root(t, r, leat_assign(t->slot[k], u.new_slot[k])));
    if (!t->mean) return LEAT_OK;
    leat_tensor *mean = leati_update_mix(leat_read(t->mean), o->ema, moved);
    return add_root(t, r, leat_assign(t->mean, mean));
}

static leat_status record_learning(leati_step_shared *t, leati_step_kind kind, leati_recorded *r)
{
    leat_graph *g = t->network->graph;
    leat_tensor *gradient;
    LEATI_TRY(flat_gradient(t, r->roots[0], &gradient));
    if (t->sum) {
        leat_tensor *share = leat_input(g, LEAT_DTYPE_F32, LEAT_SCALAR, &t->share);
        gradient = leat_add(leat_read(t->sum), leat_mul(gradient, share));
        leat_tensor *keep = kind == LEATI_STEP_UPDATE ? leat_like(gradient, 0) : gradient;
        if (kind == LEATI_STEP_UPDATE) keep = leat_expand(keep, leat_tensor_shape(gradient));
        LEATI_TRY(add_root(t, r, leat_assign(t->sum, keep)));
    }
    return kind == LEATI_STEP_UPDATE ? record_update(t, r, gradient) : LEAT_OK;
}

/* ---- the step ------------------------------------------------------------------------------- */

static leat_shape batch_shape(size_t rows, const leat_shape *sample)
{
    leat_shape s = {.rank = sample->rank + 1, .dim = {(int64_t)rows}};
    for (int i = 0; i < sample->rank; i++) s.dim[i + 1] = sample->dim[i];
    return s;
}

/* The share of rows whose largest output is that of the label. */
static leat_tensor *accuracy(leat_tensor *out, leat_tensor *labels)
{
    leat_tensor *right = leat_equal(leat_argmax(out, -1, false), labels);
    return leat_mean(leat_cast(right, LEAT_DTYPE_F32), 0, NULL, false);
}

static leat_tensor *target_input(leati_step_shared *t, size_t rows, const void *data)
{
    leat_graph *g = t->network->graph;
    if (t->options->loss->class->target == LEATI_TARGET_LABELS)
        return leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS((int64_t)rows), data);
    return leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS((int64_t)rows, (int64_t)t->outputs), data);
}

/* Of mixed samples the loss against both of their targets, by their shares. */
static leat_tensor *loss_of(leati_step_shared *t, size_t rows, bool mixed, leat_tensor *out,
                            leat_tensor *y)
{
    const leati_loss *l = t->options->loss;
    leat_graph *g = t->network->graph;
    char scope[64];
    snprintf(scope, sizeof scope, "the loss %s", l->class->name); /* for messages */
    leat_scope_push(g, scope);
    leat_tensor *loss = l->class->build(l, out, y);
    if (mixed) {
        leat_tensor *keep = leat_input(g, LEAT_DTYPE_F32, LEAT_SCALAR, &t->keep);
        leat_tensor *rest = l->class->build(l, out, target_input(t, rows, t->other));
        loss = leat_add(rest, leat_mul(keep, leat_sub(loss, rest)));
    }
    leat_scope_pop(g);
    return loss;
}

leat_status leati_step_record(leati_step_shared *t, leati_step_kind kind, size_t rows,
                              leati_recorded *r)
{
    leati_network *n = t->network;
    leat_graph *g = n->graph;
    const leati_loss *loss = t->options->loss;
    bool labels = loss->class->target == LEATI_TARGET_LABELS, learning = kind != LEATI_STEP_CHECK;
    leat_shape wide = LEAT_DIMS((int64_t)rows, (int64_t)t->outputs);
    leati_builder b = {.graph = g, .training = learning};
    *r = (leati_recorded){.rows = rows};
    if (learning) b.key = leat_input(g, LEAT_DTYPE_U64, LEAT_DIMS(2), t->key);
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, batch_shape(rows, &n->input), t->x);
    leat_tensor *y = target_input(t, rows, t->y);
    r->x = x, r->y = y;
    leat_tensor *out = leati_network_build(n, &b, x);
    out = leat_reshape(out, wide);
    leat_status st = add_root(t, r, loss_of(t, rows, learning && t->other, out, y));
    if (st == LEAT_OK && labels && (!learning || t->options->watch))
        st = add_root(t, r, accuracy(out, y));
    r->values = r->root_count;
    if (st == LEAT_OK && learning) st = record_learning(t, kind, r);
    for (size_t i = 0; st == LEAT_OK && learning && i < b.update_count; i++)
        st = add_root(t, r, b.updates[i]);
    leati_free(b.updates);
    return st;
}

void leati_recorded_fini(leati_recorded *r)
{
    leati_free(r->roots);
    *r = (leati_recorded){0};
}

/* ---- numbers that are not finite ------------------------------------------------------------ */

static bool is_real(const leat_tensor *x)
{
    return x->dtype == LEAT_DTYPE_F32 || x->dtype == LEAT_DTYPE_F64;
}

/* The first element that is not finite, or SIZE_MAX. */
static size_t first_bad(const leat_tensor *x, const void *data)
{
    size_t n = leati_shape_count(&x->shape);
    for (size_t i = 0; i < n; i++) {
        double v = x->dtype == LEAT_DTYPE_F32 ? (double)((const float *)data)[i]
                                              : ((const double *)data)[i];
        if (!isfinite(v)) return i;
    }
    return SIZE_MAX;
}

static leat_status check_value(leati_step_shared *t, leat_tensor *x, size_t *bad)
{
    size_t bytes = leati_shape_count(&x->shape) * leat_dtype_size(x->dtype);
    void *data = leati_alloc(t->context, bytes);
    if (!data) return LEAT_NOMEM;
    leat_status st = leat_run(t->network->graph, 1, &x);
    if (st == LEAT_OK) st = leat_get(x, data, bytes);
    *bad = st == LEAT_OK ? first_bad(x, data) : SIZE_MAX;
    leati_free(data);
    return st;
}

static void blame(const leati_node *n, const leat_tensor *x, size_t bad, size_t rows,
                  leati_blame *out)
{
    const char *name = leati_op_info_of(n->op)->name;
    out->found = true;
    out->data = n->op == LEATI_OP_INPUT;
    if (n->op != LEATI_OP_VARIABLE && x->shape.rank > 0 && (size_t)x->shape.dim[0] == rows)
        out->row = bad / (leati_shape_count(&x->shape) / rows);
    if (out->data) snprintf(out->where, sizeof out->where, "the data");
    else if (n->op == LEATI_OP_VARIABLE) snprintf(out->where, sizeof out->where, "the weights");
    else
        snprintf(out->where, sizeof out->where, "%s%s`%s`", n->scope ? n->scope : "",
                 n->scope ? ": " : "", name);
}

/* What the assignments store is below them, so leaving them out leaves nothing unseen. */
leat_status leati_recorded_blame(leati_step_shared *t, const leati_recorded *r, leati_blame *out)
{
    leati_order order = {0};
    leat_status st;
    *out = (leati_blame){.row = SIZE_MAX};
    leat_bind(r->x, t->x); /* batches take turns in two places */
    leat_bind(r->y, t->y);
    LEATI_GO(leati_order_make(t->network->graph, r->root_count, r->roots, &order));
    for (size_t i = 0; i < order.count && !out->found; i++) {
        leati_node *n = order.node[i];
        if (n->op == LEATI_OP_ASSIGN) continue;
        for (size_t k = 0; k < n->outs && !out->found; k++) {
            size_t bad;
            if (!is_real(&n->out[k])) continue;
            LEATI_GO(check_value(t, &n->out[k], &bad));
            if (bad != SIZE_MAX) blame(n, &n->out[k], bad, r->rows, out);
        }
    }
out:
    leati_order_fini(&order);
    return st;
}
