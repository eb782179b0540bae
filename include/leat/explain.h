/* Why a model answers what it answers: how much each input moves a single answer away from what the
 * model says on average, as Shapley values (Strumbelj and Kononenko, "Explaining prediction models
 * and individual predictions with feature contributions", Knowledge and Information Systems 2014).
 *
 *     base + sum of the contributions = value
 *
 * What a model says without knowing an input is its mean over `background` rows drawn from the
 * reference distributions in the model file, each input by itself: inputs are taken as independent.
 * Trees have a closed form (Lundberg et al., "From local explanations to global understanding with
 * explainable AI for trees", Nature Machine Intelligence 2020), and so have regressions that are
 * linear, whatever the number of inputs. Of other models up to 8 inputs (players) every subset is
 * asked. Both give the values of the background exactly. Beyond that they are means over pairs of
 * an order of the inputs and its reverse (Mitchell et al., "Sampling permutations for Shapley value
 * estimation", JMLR 2022), with standard errors. All add up exactly. Equal for any number of
 * threads. An image is explained by patches, at most 7 by 7. */
#ifndef LEAT_EXPLAIN_H
#define LEAT_EXPLAIN_H

#include <leat/session.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_explain_options {
    uint32_t struct_size; /* set by leat_explain_options_default */
    uint32_t background;  /* rows, 1 to 10,000; default 100 */
    uint64_t seed;        /* of background and orders; default 0 */
} leat_explain_options;

LEAT_API leat_explain_options leat_explain_options_default(void);

typedef struct leat_explainer leat_explainer;

/* options NULL: the defaults. The model is retained. UNSUPPORTED: the model file holds no reference
 * distribution of an input. */
LEAT_API LEAT_CHECKED leat_status leat_explainer_create(leat_context *context, leat_model *model,
                                                        const leat_explain_options *options,
                                                        leat_explainer **out);
LEAT_API void leat_explainer_destroy(leat_explainer *explainer); /* NULL is fine */

/* How many rows the model is asked for one explanation. */
LEAT_API uint64_t leat_explainer_evaluations(const leat_explainer *explainer);
/* "Shapley values, closed form", "..., all subsets" or "..., sampled orders". */
LEAT_API const char *leat_explainer_method(const leat_explainer *explainer);
/* Whether the values are those of the background exactly; else they are means of samples. */
LEAT_API bool leat_explainer_is_exact(const leat_explainer *explainer);
LEAT_API uint32_t leat_explainer_background(const leat_explainer *explainer);

/* Explains a row whose values were set in a session of the same model. */
LEAT_API LEAT_CHECKED leat_status leat_explainer_run(leat_explainer *explainer,
                                                     const leat_session *session, size_t row);

/* Of the last run. What is explained: the number of a regression, else the probability of the class
 * that is predicted (1 or 0, whether it is predicted, of classifiers without probabilities). */
LEAT_API double leat_explainer_value(const leat_explainer *explainer);
LEAT_API double leat_explainer_base(const leat_explainer *explainer);
LEAT_API size_t leat_explainer_class(const leat_explainer *explainer); /* SIZE_MAX: a regression */
/* (inputs), numbered as by leat_model_input_name; of images the sum over the patches. */
LEAT_API const double *leat_explainer_contributions(const leat_explainer *explainer);
/* (inputs) standard errors of the contributions; NULL where they are exact, and NaN of images. */
LEAT_API const double *leat_explainer_errors(const leat_explainer *explainer);
/* (*rows, *columns) contributions of the patches of an image; NULL of other inputs. */
LEAT_API const double *leat_explainer_patches(const leat_explainer *explainer, size_t input,
                                              size_t *rows, size_t *columns);

/* All rows of a table, as leat_model_predict takes it. *out: `prediction`, `value`, `base` and
 * `why_<input>` for each input. */
LEAT_API LEAT_CHECKED leat_status leat_model_explain(leat_context *context, leat_model *model,
                                                     const leat_frame *frame,
                                                     const leat_explain_options *options,
                                                     leat_frame **out);

#ifdef __cplusplus
}
#endif

#endif
