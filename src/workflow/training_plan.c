/* Owns: the plan of an experiment's network before it is trained. Not: the estimate itself
 * (nn/train_memory.c). */
#include <leat/training_plan.h>

#include <string.h>

#include "base/error.h"
#include "base/machine_memory.h"
#include "base/mem.h"
#include "nn/network_estimator.h"
#include "workflow/entries.h"

struct leat_training_plan {
    leati_network_estimate estimate;
    uint64_t available;
};

const leati_entry *leati_entry_network(const leat_experiment *e)
{
    for (size_t i = 0; i < e->count; i++)
        if (strcmp(e->entries[i].estimator->class->name, "network") == 0) return &e->entries[i];
    return NULL;
}

/* What preprocessing makes of the table: how many features, and whether they are an image or
 * tokens. */
static leat_status see_features(leat_context *c, const leat_experiment *e, const leati_entry *k,
                                leati_dataset *d)
{
    leati_encoder encoder = {0};
    const leati_target *t = &e->target;
    leat_status st =
        leati_encoder_fit(c, &encoder, &k->recipe, &e->schema, e->frame, t->rows, t->count);
    d->x.cols = d->x.stride = encoder.width;
    if (st == LEAT_OK) leati_encoder_image(&encoder, &e->schema, d->image);
    if (st == LEAT_OK) d->tokens = leati_encoder_tokens(&encoder);
    leati_encoder_fini(&encoder);
    return st;
}

leat_status leat_training_plan_create(leat_context *c, leat_training_plan **out, leat_frame *train,
                                      const leat_experiment_options *options)
{
    leat_experiment *e = NULL;
    const leati_entry *k = NULL;
    leati_dataset d = {0};
    *out = NULL;
    leat_training_plan *p = LEATI_NEW(c, leat_training_plan, 1);
    if (!p) return LEAT_NOMEM;
    leat_status st;
    LEATI_GO(leati_experiment_ready(c, &e, train, options));
    k = leati_entry_network(e);
    if (!k) {
        st = LEATI_FAIL(c, LEAT_NOT_FOUND, "no model of the experiment is a network");
        goto out;
    }
    LEATI_GO(see_features(c, e, k, &d));
    d.x.rows = e->target.count;
    d.task = e->schema.task;
    d.classes = e->schema.classes;
    LEATI_GO(leati_network_estimate_make(c, k->estimator, &d, &p->estimate));
    p->available = leati_memory_available();
out:
    leat_experiment_destroy(e);
    if (st == LEAT_OK) *out = p;
    else leat_training_plan_destroy(p);
    return st;
}

void leat_training_plan_destroy(leat_training_plan *p)
{
    if (!p) return;
    leati_layer_table_fini(&p->estimate.layers);
    leati_free(p);
}

size_t leat_training_plan_layers(const leat_training_plan *p)
{
    return p->estimate.layers.count;
}

leat_layer_info leat_training_plan_layer(const leat_training_plan *p, size_t i)
{
    return leati_layer_table_at(&p->estimate.layers, i);
}

size_t leat_training_plan_parameters(const leat_training_plan *p)
{
    return p->estimate.layers.weights;
}

size_t leat_training_plan_states(const leat_training_plan *p)
{
    return p->estimate.layers.states;
}

double leat_training_plan_flops(const leat_training_plan *p)
{
    return p->estimate.layers.flops;
}

double leat_training_plan_step_flops(const leat_training_plan *p)
{
    return p->estimate.memory.flops;
}

size_t leat_training_plan_batch(const leat_training_plan *p)
{
    return p->estimate.batch;
}

const char *leat_training_plan_optimizer(const leat_training_plan *p)
{
    return p->estimate.optimizer;
}

leat_training_memory leat_training_plan_memory(const leat_training_plan *p)
{
    const leati_train_memory *m = &p->estimate.memory;
    return (leat_training_memory){.weights = m->weights,
                                  .gradients = m->gradients,
                                  .optimizer = m->optimizer,
                                  .copies = m->copies,
                                  .activations = m->activations,
                                  .batches = m->batches,
                                  .data = m->data,
                                  .available = p->available};
}

size_t leat_training_memory_total(const leat_training_memory *m)
{
    return m->weights + m->gradients + m->optimizer + m->copies + m->activations + m->batches +
           m->data;
}
