/* The estimator interface: one class struct per estimator, listed in estimators.def.
 *
 * An estimator is a struct that begins with leati_estimator, then its parameters (see param.h),
 * then what fit learned. The framework allocates it zeroed, sets the defaults, checks inputs
 * (finite, dimensions, number of classes) and calls the class. */
#ifndef LEATI_LEARN_ESTIMATOR_H
#define LEATI_LEARN_ESTIMATOR_H

#include "learn/dataset.h"
#include "learn/param.h"
#include "learn/state.h"

enum leati_traits {
    LEATI_CLASSIFIER = 1 << 0,
    LEATI_REGRESSOR = 1 << 1,
    LEATI_TAKES_MISSING = 1 << 2,    /* NaN in x */
    LEATI_TAKES_CATEGORIES = 1 << 3, /* leati_feature.levels */
    LEATI_TAKES_WEIGHTS = 1 << 4,
    LEATI_WANTS_SCALING = 1 << 5, /* `--preprocess auto` standardises for it */
    LEATI_WANTS_F32 = 1 << 6,     /* as fast or faster on f32 matrices, and accurate enough */
    LEATI_RANDOM = 1 << 7,        /* uses the seed */
    LEATI_NOT_NEGATIVE = 1 << 8,  /* x >= 0: counts */
    LEATI_SLOW_ON_ROWS = 1 << 9,  /* worse than linear in rows: left out of `auto` on big data */
    LEATI_LINEAR = 1 << 10,       /* what a regression answers is linear in the features */
    LEATI_MAY_OVERFLOW = 1 << 11  /* a row whose numbers grow too large has a class of NaN */
};

struct leati_game;

typedef struct leati_estimator leati_estimator;

typedef struct leati_estimator_class {
    const char *name;  /* "logistic" */
    const char *title; /* "logistic regression" */
    const char *doc;   /* two or three sentences: the method, its source, when to use it */
    unsigned traits;
    size_t size; /* of the whole struct */
    const leati_param *params;

    /* Learn from d, replacing what was learned before; keep no pointer into d. A parameter that
     * does not fit the data (k > n) is LEAT_INVALID with a message that says what would fit. */
    leat_status (*fit)(leati_estimator *e, leat_context *c, const leati_dataset *d);
    /* out (rows): the value, or for a classifier the class number. NULL: argmax of proba, else of
     * decision. The three below are called only after fit or load, with x->cols == e->features,
     * may run in several threads at once on one estimator, and do not change it. */
    leat_status (*predict)(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                           double *out);
    /* out (rows, classes): probabilities, rows sum to 1. NULL: none. */
    leat_status (*proba)(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                         double *out);
    /* Optional: false when the parameters of e let proba fail (svc without probability=true). */
    bool (*gives_proba)(const leati_estimator *e);
    /* out (rows, classes): scores, larger is likelier. NULL: none. */
    leat_status (*decision)(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                            double *out);
    /* What was learned, to and from named arrays (state.h). load validates everything: a damaged
     * file must give LEAT_FORMAT, never a crash in predict. */
    leat_status (*save)(const leati_estimator *e, leat_context *c, leati_state *s);
    leat_status (*load)(leati_estimator *e, leat_context *c, leati_state *s);
    void (*clear)(leati_estimator *e); /* free what was learned; leaves parameters; idempotent */

    /* Optional: an error for parameters that suit no data, before anything is learned. */
    leat_status (*check)(const leati_estimator *e, leat_context *c);
    /* Optional: why the parameter does nothing as the others stand; NULL: it does. */
    const char *(*idle)(const leati_estimator *e, const char *param);
    /* Optional: what predict and proba give, in one pass. */
    leat_status (*answer)(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                          double *value, double *proba);
    /* Optional: makes ready what `threads` threads need that ask at once, each with a context of
     * its own. */
    leat_status (*reserve)(const leati_estimator *e, leat_context *c, size_t threads);

    /* Optional: exact Shapley values (shapley.h); share (players). */
    leat_status (*shapley)(const leati_estimator *e, leat_context *c, const struct leati_game *g,
                           double *share);
    /* Optional: importance (features) >= 0 from the fitted model (|coef|, impurity, ...). */
    leat_status (*importance)(const leati_estimator *e, leat_context *c, double *out);
} leati_estimator_class;

struct leati_estimator {
    const leati_estimator_class *class;
    leati_task task;
    size_t features;
    uint32_t classes; /* CLASSIFY */
    bool fitted;
    uint32_t iterations; /* of an iterative solver, else 0 */
    bool converged;
};

size_t leati_estimator_count(void);
const leati_estimator_class *leati_estimator_at(size_t i);
/* NULL if there is none of that name. */
const leati_estimator_class *leati_estimator_class_find(const char *name);
/* The same for one that a model file names: also `graph` (onnx/graph_estimator.h), which cannot be
 * fitted. */
const leati_estimator_class *leati_estimator_class_saved(const char *name);

leat_status leati_estimator_create(leat_context *c, leati_estimator **out,
                                   const leati_estimator_class *class);
void leati_estimator_destroy(leati_estimator *e); /* NULL is fine */
/* Unfitted, same parameters. */
leat_status leati_estimator_clone(leat_context *c, leati_estimator **out, const leati_estimator *e);
leat_status leati_estimator_set(leat_context *c, leati_estimator *e, const char *param,
                                const char *value);
leat_status leati_estimator_fit(leat_context *c, leati_estimator *e, const leati_dataset *d);
leat_status leati_estimator_predict(leat_context *c, const leati_estimator *e,
                                    const leati_matrix *x, double *out);
bool leati_estimator_has_proba(const leati_estimator *e);
bool leati_estimator_has_scores(const leati_estimator *e); /* proba or decision */
leat_status leati_estimator_proba(leat_context *c, const leati_estimator *e, const leati_matrix *x,
                                  double *out);
/* Both at once, to the same bits; cheaper. */
leat_status leati_estimator_answer(leat_context *c, const leati_estimator *e, const leati_matrix *x,
                                   double *value, double *proba);
/* See the class; does nothing where the estimator has no such need. */
leat_status leati_estimator_reserve(leat_context *c, const leati_estimator *e, size_t threads);
/* Probabilities, else decision scores: those of one class are then not always comparable from row
 * to row in more than two classes. */
leat_status leati_estimator_scores(leat_context *c, const leati_estimator *e, const leati_matrix *x,
                                   double *out);
/* Also stores and checks task, features and classes. */
leat_status leati_estimator_save(leat_context *c, const leati_estimator *e, leati_state *s);
leat_status leati_estimator_load(leat_context *c, leati_estimator *e, leati_state *s);

#endif
