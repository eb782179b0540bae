/* Owns: the estimate of a training's memory, and the refusal of what does not fit. */
#include "nn/train_memory.h"

#include <stdio.h>

#include "base/context.h"
#include "base/error.h"
#include "base/machine_memory.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "graph/plan.h"
#include "nn/train_step.h"
#include "nn/trainer.h"
#include "tensor/shape.h"

enum { SMALL = 64 << 20 }; /* bytes that are not worth a question */

size_t leati_train_memory_total(const leati_train_memory *m)
{
    return m->weights + m->gradients + m->optimizer + m->copies + m->activations + m->batches;
}

static const float nowhere[1];

static leat_status measure(leati_step_shared *s, leati_step_kind kind, size_t rows,
                           leati_plan_size *out)
{
    leati_network *n = s->network;
    leati_recorded r = {0};
    leat_status st = leat_graph_create(s->context, "cpu", &n->graph);
    if (st == LEAT_OK) st = leati_step_pretend(s, nowhere);
    if (st == LEAT_OK) st = leati_step_record(s, kind, rows, &r);
    if (st == LEAT_OK) st = leati_plan_measure(n->graph, r.root_count, r.roots, out);
    leati_recorded_fini(&r);
    leati_step_forget(s);
    leat_graph_destroy(n->graph);
    n->graph = NULL;
    return st;
}

/* L-BFGS has vectors of f64: pairs of steps and gradients, and a handful of its own. */
static size_t optimizer_vectors(const leati_optimizer *o)
{
    return o->class->update ? leati_optimizer_slots(o) : 2 * (2 * 10 + 6);
}

typedef struct measured {
    leati_train_memory *m;
    size_t shared, kept; /* the workspace that steps take turns in; the weights laid out */
    size_t gradient;     /* as counted: another step's are of its workspace */
} measured;

/* Steps in the order of their first runs: as the plans that the graph makes of them. */
static leat_status add_step(leati_step_shared *s, leati_step_kind kind, size_t rows, measured *k)
{
    leati_plan_size z;
    leati_train_memory *m = k->m;
    bool learns = kind != LEATI_STEP_CHECK;
    size_t gradient = learns ? s->network->trained_count * sizeof(float) : 0;
    if (!rows) return LEAT_OK;
    LEATI_TRY(measure(s, kind, rows, &z));
    if (m->flops <= 0) m->flops = z.flops;
    m->activations += z.constants;
    if (z.kept > k->kept) {
        m->copies += z.kept - k->kept;
        k->kept = z.kept;
    }
    if (z.shares && z.workspace <= k->shared) return LEAT_OK;
    if (z.shares) k->shared = z.workspace;
    if (gradient > z.workspace) gradient = z.workspace;
    gradient = gradient > k->gradient ? gradient - k->gradient : 0;
    k->gradient += gradient;
    m->gradients += gradient;
    m->activations += z.workspace - gradient;
    return LEAT_OK;
}

static leat_status add_activations(leati_step_shared *s, size_t learn, size_t validate,
                                   leati_train_memory *m)
{
    size_t batch = s->options->batch_size;
    measured k = {.m = m};
    if (batch > learn) batch = learn;
    bool by_batches = s->optimizer->class->update != NULL;
    leati_step_kind kind = by_batches ? LEATI_STEP_UPDATE : LEATI_STEP_ACCUMULATE;
    if (!by_batches || s->options->accumulate > 1)
        LEATI_TRY(add_step(s, LEATI_STEP_ACCUMULATE, batch, &k));
    if (by_batches) LEATI_TRY(add_step(s, kind, batch, &k));
    LEATI_TRY(add_step(s, kind, learn % batch, &k));
    LEATI_TRY(add_step(s, LEATI_STEP_CHECK, validate >= batch ? batch : 0, &k));
    return add_step(s, LEATI_STEP_CHECK, validate % batch, &k);
}

leat_status leati_train_memory_plan(leat_context *c, leati_network *n, const leati_optimizer *o,
                                    const leati_dataset *d, const leati_train_options *options,
                                    leati_train_memory *out)
{
    leati_step_shared s = {.context = c,
                           .network = n,
                           .optimizer = o,
                           .options = options,
                           .inputs = leati_shape_count(&n->input),
                           .outputs = leati_shape_count(&n->output)};
    const leati_augment *augment = options->augment;
    size_t block = n->trained_count * sizeof(float), states = n->state_count * sizeof(float);
    size_t slots = optimizer_vectors(o), batch = options->batch_size;
    size_t validate = (size_t)((double)d->x.rows * options->validation_fraction);
    bool sums = options->accumulate > 1 || !o->class->update, mean = options->ema > 0;
    if (batch > d->x.rows) batch = d->x.rows;
    if (augment && augment->mixup > 0) s.other = (void *)(uintptr_t)nowhere;
    *out = (leati_train_memory){
        .weights = block + states,
        .gradients = sums ? block : 0,
        .optimizer = block * slots,
        /* the way back from a bad loss; the best epoch; the mean, beside it in the way back, and
         * twice where it changes places with the weights */
        .copies = block + states + block * (o->class->update ? slots : 0) + (sums ? block : 0) +
                  (validate ? block + states : 0) + (mean ? 4 * block : 0),
        /* a batch and the one after it */
        .batches = 2 * batch * (s.inputs * sizeof(float) + (s.outputs + 1) * sizeof(int64_t)) +
                   d->x.rows * 2 * sizeof(uint32_t),
        .data = d->x.rows * d->x.cols * (d->x.f64 ? sizeof(double) : sizeof(float))};
    return add_activations(&s, d->x.rows - validate, validate, out);
}

static void add_part(leati_str *s, const char *what, size_t bytes)
{
    char size[LEATI_NUM_SIZE];
    leati_num_bytes(bytes, size);
    leati_str_addf(s, "%s%s %s", s->length ? ", " : "", what, size);
}

static leat_status refuse(leat_context *c, const leati_train_memory *m, const leati_optimizer *o,
                          size_t batch, uint64_t left, const char *whose)
{
    char all[LEATI_NUM_SIZE], have[LEATI_NUM_SIZE], what[64];
    leati_str parts;
    leati_str_init(&parts, c);
    add_part(&parts, "weights", m->weights);
    add_part(&parts, "gradients", m->gradients);
    snprintf(what, sizeof what, "the state of %s", o->class->name);
    if (m->optimizer) add_part(&parts, what, m->optimizer);
    add_part(&parts, "copies of the weights", m->copies);
    snprintf(what, sizeof what, "activations of %zu samples", batch);
    add_part(&parts, what, m->activations);
    add_part(&parts, "batches", m->batches);
    leati_num_bytes(leati_train_memory_total(m), all);
    leati_num_bytes(left, have);
    leat_status st = leati_str_status(&parts);
    if (st == LEAT_OK)
        st = LEATI_FAIL(c, whose ? LEAT_NOMEM : LEAT_LIMIT,
                        "training the network needs %s, and %s of %s are left: %s", all, have,
                        whose ? whose : "the limit", leati_str_text(&parts));
    leati_str_fini(&parts);
    leati_error_hint(c, m->activations > 2 * m->weights
                            ? "Take a smaller batch_size, or smaller layers."
                            : "Take smaller layers.");
    return st;
}

leat_status leati_train_memory_check(leat_context *c, leati_network *n, const leati_optimizer *o,
                                     const leati_dataset *d, const leati_train_options *options)
{
    uint64_t most = leati_heap_limit(c->heap), used = leati_heap_bytes(c->heap);
    uint64_t left = most == 0 ? UINT64_MAX : most > used ? most - used : 0;
    size_t batch = options->batch_size < d->x.rows ? options->batch_size : d->x.rows;
    /* far more than it will be: every result kept, forward and backward, twice */
    double upper = (double)n->trained_count * 4 * (double)(8 + 2 * optimizer_vectors(o)) +
                   (double)batch * (double)n->sample_bytes * 8;
    if (upper < SMALL && upper < (double)left / 2) return LEAT_OK;
    const char *whose;
    uint64_t machine = leati_memory_available_of(&whose);
    if (left <= machine) whose = NULL;
    else left = machine;
    if (upper < (double)left / 2) return LEAT_OK;
    leati_train_memory m;
    LEATI_TRY(leati_train_memory_plan(c, n, o, d, options, &m));
    return leati_train_memory_total(&m) <= left ? LEAT_OK : refuse(c, &m, o, batch, left, whose);
}
