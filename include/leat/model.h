/* Models: one file that carries schema, preprocessing, weights, metrics, reference distributions
 * and lineage. The format is documented in docs/model-file.md.
 *
 * A model is immutable and reference counted; any number of threads may predict with one model,
 * each with a context of its own. */
#ifndef LEAT_MODEL_H
#define LEAT_MODEL_H

#include <leat/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_model leat_model;

/* FORMAT: damaged, truncated or tampered with; UNSUPPORTED: written by a newer format. */
LEAT_API LEAT_CHECKED leat_status leat_model_open(leat_context *context, leat_model **out,
                                                  const char *path);
/* Whether the file holds an imported graph (leat_model_import), which leat_model_open refuses and
 * leat_onnx_model_open takes; false also for files that are damaged or absent. */
LEAT_API bool leat_model_holds_graph(leat_context *context, const char *path);
/* Atomic: `path` holds the whole model or what it held before. Equal models give equal bytes. */
LEAT_API LEAT_CHECKED leat_status leat_model_save(leat_context *context, const leat_model *model,
                                                  const char *path);
LEAT_API leat_model *leat_model_retain(leat_model *model);
LEAT_API void leat_model_release(leat_model *model); /* NULL is fine */

/* All texts belong to the model. */
LEAT_API const char *leat_model_name(const leat_model *model);
LEAT_API const char *leat_model_target(const leat_model *model);
LEAT_API leat_type leat_model_target_type(const leat_model *model); /* as it was read */
LEAT_API const char *leat_model_estimator(const leat_model *model); /* "svc" */
LEAT_API bool leat_model_is_classifier(const leat_model *model);
LEAT_API size_t leat_model_classes(const leat_model *model);
LEAT_API const char *leat_model_class_name(const leat_model *model, size_t k);
LEAT_API size_t leat_model_inputs(const leat_model *model);
LEAT_API const char *leat_model_input_name(const leat_model *model, size_t i);
LEAT_API leat_type leat_model_input_type(const leat_model *model, size_t i);
/* Of one row: (H, W, C) of an array, a scalar of others. */
LEAT_API leat_shape leat_model_input_shape(const leat_model *model, size_t i);
/* How texts are cut into tokens, as given to leat_experiment_options.tokens; "" where they are not.
 */
LEAT_API const char *leat_model_tokens(const leat_model *model);
/* An option that the model's data were read with, as it is recorded in the model: "text" gives
 * "64/3". Its length as snprintf tells it, 0 where none was given. */
LEAT_API size_t leat_model_reading(const leat_model *model, const char *option, char *out,
                                   size_t size);
/* A parameter of the estimator: "epochs" gives "20". Its length as snprintf tells it, 0 where the
 * estimator has none of that name. */
LEAT_API size_t leat_model_parameter(const leat_model *model, const char *name, char *out,
                                     size_t size);
/* The score by which it was chosen, of rows that were not learned from, and its 95% interval (NaN
 * where there is none); the name of the metric as leat_model_reading gives texts. 0: none is
 * recorded. */
LEAT_API size_t leat_model_score(const leat_model *model, char *metric, size_t size, double *score,
                                 double *low, double *high);
/* Another metric of the rows that were not learned from, as in "log_loss"; NaN: not recorded. */
LEAT_API double leat_model_metric(const leat_model *model, const char *metric);
/* Range of a numeric input in the training data; false without one. */
LEAT_API bool leat_model_input_range(const leat_model *model, size_t i, double *low, double *high);
/* Different values of an input in the training data; 0: not counted. */
LEAT_API size_t leat_model_input_distinct(const leat_model *model, size_t i);
LEAT_API bool leat_model_has_probabilities(const leat_model *model);
/* Members of the file: model.json, reference.json, card.md. */
LEAT_API const char *leat_model_json(const leat_model *model);
LEAT_API const char *leat_model_reference(const leat_model *model);
LEAT_API const char *leat_model_card(const leat_model *model);

/* *out: a frame with as many rows as `frame` and the columns `prediction` and, for a classifier
 * with probabilities and if asked, `p_<class>` for each class. The inputs are found by name; other
 * columns are ignored. Errors name the column and row that do not fit. */
LEAT_API LEAT_CHECKED leat_status leat_model_predict(leat_context *context, const leat_model *model,
                                                     const leat_frame *frame, bool probabilities,
                                                     leat_frame **out);

#ifdef __cplusplus
}
#endif

#endif
