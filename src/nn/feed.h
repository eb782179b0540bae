/* Batches out of a matrix: rows by number, targets as the loss wants them, augmented on the way. */
#ifndef LEATI_NN_FEED_H
#define LEATI_NN_FEED_H

#include "nn/augment.h"
#include "nn/loss.h"

typedef struct leati_feed {
    const leati_dataset *data;
    const leati_augment *augment; /* NULL: none */
    leat_shape sample;            /* of one input */
    size_t inputs, outputs;
    leati_target target;
    uint64_t seed;
    float *room; /* (threads, inputs), for augmentation */
} leati_feed;

/* Fills x (count, inputs) and y with the rows, on all threads; epoch keys what is random. */
void leati_feed_batch(leat_context *c, const leati_feed *f, const uint32_t *rows, size_t count,
                      uint64_t epoch, bool augment, float *x, void *y);

/* A batch that is gathered beside a step (leati_beside_begin). */
typedef struct leati_feed_job {
    const leati_feed *f;
    const uint32_t *rows;
    size_t count, chunk;
    uint64_t epoch;
    bool augment;
    float *x;
    void *y;
} leati_feed_job;
/* The same as leati_feed_batch by the time of leati_beside_end; the job stays until then. */
void leati_feed_ahead(leat_context *c, leati_feed_job *job);

/* Rows i and count - 1 - i of a batch become `keep` of themselves and the rest of each other;
 * `other` gets y in reverse order. */
void leati_feed_mix(leat_context *c, const leati_feed *f, size_t count, float keep, float *x,
                    const void *y, void *other);

#endif
