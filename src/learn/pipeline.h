/* Preprocessing and estimator as one: fitted together on training rows, so nothing of the test
 * rows leaks into either. */
#ifndef LEATI_LEARN_PIPELINE_H
#define LEATI_LEARN_PIPELINE_H

#include "learn/encoder.h"
#include "learn/estimator.h"

/* A learning problem: a table that conforms to its schema, and the target of its samples. Sample i
 * is row target->rows[i] of the frame. Borrowed pointers. */
typedef struct leati_problem {
    const leat_frame *frame;
    const leati_schema *schema;
    const leati_target *target;
    uint64_t seed;
    const leati_run_folder *run; /* see dataset.h */
} leati_problem;

typedef struct leati_pipeline {
    leati_recipe recipe;
    leati_encoder encoder;
    leati_estimator *estimator; /* owned */
    /* CLASSIFY: the classes that the training rows had, ascending: number k of the estimator is
     * class present[k] of the schema's `classes`. NULL: all of them (so always after loading). */
    uint32_t *present;
    uint32_t classes;
} leati_pipeline;

/* Takes a clone of `estimator` with its parameters. */
leat_status leati_pipeline_init(leat_context *c, leati_pipeline *p,
                                const leati_estimator *estimator, const leati_recipe *recipe);
void leati_pipeline_fini(leati_pipeline *p); /* idempotent */

/* Learn from the samples numbered in `samples` (count). Classes that none of them has are never
 * predicted by the fitted pipeline: they get probability 0, or the score -infinity. */
leat_status leati_pipeline_fit(leat_context *c, leati_pipeline *p, const leati_problem *problem,
                               const uint32_t *samples, size_t count);

/* What a pipeline says about rows. Each of the pointers may be NULL: not wanted. */
typedef struct leati_predictions {
    double *value; /* (count): the number, or the class number */
    double *proba; /* (count, classes): only if leati_estimator_has_proba */
    double *score; /* (count, classes): only if leati_estimator_has_scores */
} leati_predictions;
/* f conforms to the schema. Large tables go through in pieces. NUMERIC, with the row: a network
 * makes no finite number of it. */
leat_status leati_pipeline_predict(leat_context *c, const leati_pipeline *p, const leat_frame *f,
                                   const uint32_t *rows, size_t count,
                                   const leati_predictions *out);

/* The same about a matrix that the encoder has made; INVALID: the class of a row is none. */
leat_status leati_pipeline_answer(leat_context *c, const leati_pipeline *p, const leati_matrix *x,
                                  const leati_predictions *out);

#endif
