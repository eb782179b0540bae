/* Owns: the training loop and prediction in batches. */
#include "nn/trainer.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "tensor/shape.h"

/* One recorded step for one size of batch. */
typedef struct step {
    size_t rows;
    leat_tensor *x, *y, *rate, *number;
    leat_tensor **roots; /* [0] is the loss */
    size_t root_count;
} step;

typedef struct training {
    leat_context *context;
    leati_network *network;
    const leati_optimizer *optimizer;
    const leati_dataset *data;
    const leati_train_options *options;
    leat_variable *slot[LEATI_MOST_SLOTS];
    size_t outputs, inputs;
    uint32_t *order; /* rows: those to learn from, then those to validate */
    size_t learn, validate;
    float *x; /* of one batch */
    void *y;  /* of one batch: i64 or f32 as the loss wants it */
    step full, last, check, check_last;
    float rate, number;
    float *best; /* weights and states of the best epoch */
} training;

static leat_shape batch_shape(size_t rows, const leat_shape *sample)
{
    leat_shape s = {.rank = sample->rank + 1, .dim = {(int64_t)rows}};
    for (int i = 0; i < sample->rank; i++) s.dim[i + 1] = sample->dim[i];
    return s;
}

/* ---- recording
 * ------------------------------------------------------------------------------------ */

static leat_status add_root(training *t, step *s, size_t *capacity, leat_tensor *root)
{
    if (!root) return leat_error_status(t->context);
    LEATI_TRY(leati_grow(t->context, &s->roots, capacity, s->root_count + 1, sizeof *s->roots));
    s->roots[s->root_count++] = root;
    return LEAT_OK;
}

/* Gradients of all weights and their updates. */
static leat_status record_updates(training *t, step *s, size_t *capacity)
{
    leati_network *n = t->network;
    leat_context *c = t->context;
    size_t count = 0;
    leat_tensor **weights = LEATI_NEW(c, leat_tensor *, 2 * n->weight_count + 1);
    if (!weights) return LEAT_NOMEM;
    leat_tensor **gradients = weights + n->weight_count;
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < n->weight_count; i++)
        if (n->weight[i].trained) weights[count++] = n->weight[i].read;
    LEATI_GO(leat_gradients(s->roots[0], NULL, count, weights, gradients));
    count = 0;
    for (size_t i = 0; i < n->weight_count; i++) {
        leati_network_weight *w = &n->weight[i];
        if (!w->trained) continue;
        leati_update u = {
            .weight = w->read, .gradient = gradients[count++], .rate = s->rate, .step = s->number};
        leat_variable *part[LEATI_MOST_SLOTS];
        for (size_t k = 0; k < t->optimizer->class->slots; k++) {
            LEATI_GO(leat_variable_part(t->slot[k], w->name, w->offset, w->shape, &part[k]));
            u.slot[k] = leat_read(part[k]);
        }
        leat_tensor *moved = t->optimizer->class->update(t->optimizer, &u);
        LEATI_GO(add_root(t, s, capacity, leat_assign(w->variable, moved)));
        for (size_t k = 0; k < t->optimizer->class->slots; k++)
            if (u.new_slot[k] != u.slot[k])
                LEATI_GO(add_root(t, s, capacity, leat_assign(part[k], u.new_slot[k])));
    }
out:
    leati_free(weights);
    return st;
}

static leat_status record(training *t, step *s, size_t rows, bool learning)
{
    leati_network *n = t->network;
    leat_graph *g = n->graph;
    bool labels = t->options->loss->class->target == LEATI_TARGET_LABELS;
    size_t capacity = 0;
    leati_builder b = {.graph = g, .training = learning};
    *s = (step){.rows = rows};
    s->x = leat_input(g, LEAT_DTYPE_F32, batch_shape(rows, &n->input), t->x);
    s->y = labels
               ? leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS((int64_t)rows), t->y)
               : leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS((int64_t)rows, (int64_t)t->outputs), t->y);
    s->rate = leat_input(g, LEAT_DTYPE_F32, LEAT_SCALAR, &t->rate);
    s->number = leat_input(g, LEAT_DTYPE_F32, LEAT_SCALAR, &t->number);
    leat_tensor *out = leati_network_build(n, &b, s->x);
    out = leat_reshape(out, LEAT_DIMS((int64_t)rows, (int64_t)t->outputs));
    leat_status st =
        add_root(t, s, &capacity, t->options->loss->class->build(t->options->loss, out, s->y));
    if (st == LEAT_OK && learning) st = record_updates(t, s, &capacity);
    for (size_t i = 0; st == LEAT_OK && learning && i < b.update_count; i++)
        st = add_root(t, s, &capacity, b.updates[i]);
    leati_free(b.updates);
    return st;
}

/* ---- batches
 * --------------------------------------------------------------------------------------- */

typedef struct gather {
    const training *t;
    const uint32_t *rows;
    size_t count;
} gather;

enum { ROWS_A_TASK = 16 };

static void gather_rows(void *arg, size_t task, unsigned worker)
{
    const gather *g = arg;
    const training *t = g->t;
    const leati_matrix *m = &t->data->x;
    (void)worker;
    bool labels = t->options->loss->class->target == LEATI_TARGET_LABELS;
    size_t end = (task + 1) * ROWS_A_TASK < g->count ? (task + 1) * ROWS_A_TASK : g->count;
    for (size_t i = task * ROWS_A_TASK; i < end; i++) {
        size_t row = g->rows[i];
        float *x = t->x + i * t->inputs, *y = (float *)t->y + i * t->outputs;
        if (m->f32) memcpy(x, m->f32 + row * m->stride, t->inputs * sizeof *x);
        else
            for (size_t k = 0; k < t->inputs; k++) x[k] = (float)m->f64[row * m->stride + k];
        if (labels) {
            ((int64_t *)t->y)[i] = t->data->label[row];
            continue;
        }
        memset(y, 0, t->outputs * sizeof *y);
        if (t->data->task == LEATI_CLASSIFY) y[t->data->label[row]] = 1;
        else y[0] = (float)t->data->y[row];
    }
}

static void gather_batch(training *t, const uint32_t *rows, size_t count)
{
    gather g = {t, rows, count};
    leati_parallel(t->context, (count + ROWS_A_TASK - 1) / ROWS_A_TASK, gather_rows, &g);
}

/* ---- the loop
 * -------------------------------------------------------------------------------------- */

static leat_status run_batches(training *t, size_t epoch, const uint32_t *rows, size_t count,
                               step *full, step *last, bool learning, double *loss)
{
    double sum = 0;
    size_t size = t->options->batch_size;
    for (size_t at = 0; at < count; at += size) {
        step *s = count - at >= size ? full : last;
        float value;
        gather_batch(t, rows + at, s->rows);
        if (learning) t->number += 1;
        LEATI_TRY(leat_run(t->network->graph, s->root_count, s->roots));
        LEATI_TRY(leat_get(s->roots[0], &value, sizeof value));
        LEATI_CHECK(t->context, isfinite(value), LEAT_NUMERIC,
                    "the loss is %f in epoch %zu at step %zu: lower the learning rate, scale the "
                    "inputs or clip the gradients",
                    (double)value, epoch + 1, at / size + 1);
        sum += (double)value * (double)s->rows;
        if (learning)
            LEATI_TRY(leati_progress(t->context, t->options->what, epoch * t->learn + at + s->rows,
                                     t->options->epochs * t->learn));
    }
    *loss = sum / (double)count;
    return LEAT_OK;
}

static leat_status keep_best(training *t)
{
    leati_network *n = t->network;
    LEATI_TRY(leat_variable_get(n->trained, t->best, n->trained_count * sizeof(float)));
    return leat_variable_get(n->states, t->best + n->trained_count, n->state_count * sizeof(float));
}

static leat_status restore_best(training *t)
{
    leati_network *n = t->network;
    LEATI_TRY(leat_variable_set(n->trained, t->best, n->trained_count * sizeof(float)));
    return leat_variable_set(n->states, t->best + n->trained_count, n->state_count * sizeof(float));
}

static leat_status run_epochs(training *t, leati_history *h)
{
    const leati_train_options *o = t->options;
    size_t capacity = 0;
    double best = INFINITY;
    for (size_t epoch = 0; epoch < o->epochs; epoch++) {
        leati_epoch e = {.validation_loss = NAN, .rate = o->learning_rate};
        double start = leati_now_s();
        leati_rng rng;
        leati_rng_init(&rng, o->seed, LEATI_RNG_SHUFFLE, (uint32_t)epoch);
        leati_rng_shuffle(&rng, t->order, t->learn);
        t->rate = (float)o->learning_rate;
        LEATI_TRY(run_batches(t, epoch, t->order, t->learn, &t->full, &t->last, true, &e.loss));
        if (t->validate)
            LEATI_TRY(run_batches(t, epoch, t->order + t->learn, t->validate, &t->check,
                                  &t->check_last, false, &e.validation_loss));
        e.seconds = leati_now_s() - start;
        LEATI_TRY(leati_grow(t->context, &h->epoch, &capacity, h->count + 1, sizeof *h->epoch));
        h->epoch[h->count++] = e;
        if (!t->validate || e.validation_loss < best) {
            best = e.validation_loss;
            h->best = h->count - 1;
            if (t->validate) LEATI_TRY(keep_best(t));
        } else if (o->patience && h->count - 1 - h->best >= o->patience) {
            break;
        }
    }
    return t->validate ? restore_best(t) : LEAT_OK;
}

static leat_status prepare(training *t)
{
    leat_context *c = t->context;
    leati_network *n = t->network;
    const leati_train_options *o = t->options;
    size_t rows = t->data->x.rows, batch = o->batch_size;
    t->inputs = leati_shape_count(&n->input);
    t->outputs = leati_shape_count(&n->output);
    LEATI_CHECK(c, t->inputs == t->data->x.cols, LEAT_SHAPE,
                "the network takes %zu inputs, the data have %zu features", t->inputs,
                t->data->x.cols);
    t->validate = (size_t)((double)rows * o->validation_fraction);
    t->learn = rows - t->validate;
    t->order = leati_array(c, rows, sizeof *t->order);
    t->x = leati_array(c, batch * t->inputs, sizeof *t->x);
    t->y = leati_array(c, batch * (t->outputs + 1), sizeof(int64_t));
    t->best = leati_array(c, n->trained_count + n->state_count + 1, sizeof *t->best);
    if (!t->order || !t->x || !t->y || !t->best) return LEAT_NOMEM;
    for (size_t i = 0; i < rows; i++) t->order[i] = (uint32_t)i;
    leati_rng rng;
    leati_rng_init(&rng, o->seed, LEATI_RNG_SPLIT, 0);
    if (t->validate) leati_rng_shuffle(&rng, t->order, rows);
    for (size_t k = 0; k < t->optimizer->class->slots; k++)
        LEATI_TRY(leat_variable_create(n->graph, "slot", LEAT_DTYPE_F32,
                                       LEAT_DIMS((int64_t)n->trained_count), NULL, &t->slot[k]));
    LEATI_TRY(record(t, &t->full, batch < t->learn ? batch : t->learn, true));
    if (t->learn % batch) LEATI_TRY(record(t, &t->last, t->learn % batch, true));
    if (t->validate >= batch) LEATI_TRY(record(t, &t->check, batch, false));
    if (t->validate % batch) LEATI_TRY(record(t, &t->check_last, t->validate % batch, false));
    return LEAT_OK;
}

leat_status leati_train(leat_context *c, leati_network *n, const leati_optimizer *o,
                        const leati_dataset *d, const leati_train_options *options,
                        leati_history *history)
{
    training t = {.context = c, .network = n, .optimizer = o, .data = d, .options = options};
    *history = (leati_history){0};
    leat_status st = prepare(&t);
    if (st == LEAT_OK) st = run_epochs(&t, history);
    leati_free(t.order);
    leati_free(t.x);
    leati_free(t.y);
    leati_free(t.best);
    leati_free(t.full.roots);
    leati_free(t.last.roots);
    leati_free(t.check.roots);
    leati_free(t.check_last.roots);
    return st;
}

/* In f64, so that they sum to 1. */
static void to_probabilities(double *z, size_t n)
{
    double top = z[0], sum = 0;
    for (size_t i = 1; i < n; i++) top = fmax(top, z[i]);
    for (size_t i = 0; i < n; i++) sum += z[i] = exp(z[i] - top);
    for (size_t i = 0; i < n; i++) z[i] /= sum;
}

leat_status leati_network_predict(leat_context *c, leati_network *n, const leati_matrix *x,
                                  bool softmax, double *out)
{
    enum { BATCH = 256 };
    size_t inputs = leati_shape_count(&n->input), outputs = leati_shape_count(&n->output);
    LEATI_CHECK(c, inputs == x->cols, LEAT_SHAPE, "the network takes %zu inputs, got %zu", inputs,
                x->cols);
    float *in = leati_array(c, BATCH * inputs, sizeof *in);
    float *z = leati_array(c, BATCH * outputs, sizeof *z);
    leat_status st = in && z ? LEAT_OK : LEAT_NOMEM;
    leat_tensor *y = NULL;
    size_t recorded = 0;
    for (size_t at = 0; st == LEAT_OK && at < x->rows; at += BATCH) {
        size_t rows = x->rows - at < BATCH ? x->rows - at : BATCH;
        for (size_t i = 0; i < rows * inputs; i++)
            in[i] = (float)leati_at(x, at + i / inputs, i % inputs);
        if (rows != recorded) {
            leat_graph_clear(n->graph);
            leati_builder b = {.graph = n->graph};
            y = leati_network_build(
                n, &b, leat_input(n->graph, LEAT_DTYPE_F32, batch_shape(rows, &n->input), in));
            y = leat_reshape(y, LEAT_DIMS((int64_t)rows, (int64_t)outputs));
            recorded = rows;
        }
        LEATI_GO(leat_run(n->graph, 1, &y));
        LEATI_GO(leat_get(y, z, rows * outputs * sizeof *z));
        for (size_t i = 0; i < rows * outputs; i++) out[at * outputs + i] = (double)z[i];
        for (size_t i = 0; softmax && i < rows; i++)
            to_probabilities(out + (at + i) * outputs, outputs);
    }
out:
    leati_free(in);
    leati_free(z);
    return st;
}
