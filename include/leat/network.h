/* Networks from a text, trained by a loop of one's own:
 *
 *     leat_graph *g;
 *     leat_network *n;
 *     leat_optimizer *o;
 *     float rows[32 * 4], value;
 *     int64_t labels[32];
 *     leat_graph_create(c, NULL, &g);
 *     leat_network_create(g, "dense(64, relu); dropout(0.1); dense(3)", LEAT_DIMS(4), 1, &n);
 *     leat_optimizer_create(n, "adam", &o);
 *     leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(32, 4), rows);
 *     leat_tensor *y = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(32), labels);
 *     leat_tensor *loss = leat_network_loss(n, "cross_entropy", leat_network_build(n, x, true), y);
 *     leat_optimizer_record(o, loss);
 *     for (int step = 0; step < 1000; step++) {
 *         fill(rows, labels);
 *         if (leat_optimizer_run(o, 0.001) != LEAT_OK) puts(leat_error_message(c));
 *         leat_get(loss, &value, sizeof value);
 *     }
 *
 * A network, its optimisers and its graph belong to one thread at a time. `leat help network` lists
 * layers, losses, optimisers, schedules and the rest; the same lists are at the end. */
#ifndef LEAT_NETWORK_H
#define LEAT_NETWORK_H

#include <leat/estimator.h>
#include <leat/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_network leat_network;
typedef struct leat_optimizer leat_optimizer;

/* layers: "conv2d(32, 3, activation=relu); max_pool2d; flatten; dense(10)". input: the shape of a
 * sample, without the batch. Weights are f32, variables of the graph, and their initial values a
 * function of the seed. Errors name the layer, what it expects and what it got. */
LEAT_API LEAT_CHECKED leat_status leat_network_create(leat_graph *g, const char *layers,
                                                      leat_shape input, uint64_t seed,
                                                      leat_network **out);
/* The variables stay with the graph. What was built for training reads the network's random state
 * at every run, so it must not be run any more. NULL is fine. */
LEAT_API void leat_network_destroy(leat_network *n);
/* Of a sample, without the batch. */
LEAT_API leat_shape leat_network_output(const leat_network *n);
/* Trained weights and kept states (running means) in the order of the layers; NULL at the end.
 * leat_variable_name says which one it is: "dense_1/kernel". leat_read gives its value as a tensor,
 * to penalise it or for its gradient: leat_gradients counts all reads of a variable as one. */
LEAT_API leat_variable *leat_network_variable(const leat_network *n, size_t i);

/* Weights and kept states to and from a safetensors file, under the names of the variables: what
 * `leat export --safetensors` writes of a model with these layers can be loaded, and what is saved
 * here be imported (`leat import`). A file is written whole or not at all. Loading takes arrays of
 * f32 and f64, wants every weight and nothing else but what a model has beside its network, says
 * all that is amiss at once (FORMAT) and leaves what an optimiser keeps as it was. */
LEAT_API LEAT_CHECKED leat_status leat_network_save(leat_network *n, const char *path);
LEAT_API LEAT_CHECKED leat_status leat_network_load(leat_network *n, const char *path);

/* The same for any variables of a graph, of f64, f32, i64, i32 or u8 (UNSUPPORTED otherwise), with
 * names of their own. Loading takes those named from the file, of the same type and shape
 * (FORMAT otherwise), and leaves all as they were if one cannot be had. */
LEAT_API LEAT_CHECKED leat_status leat_variables_save(leat_graph *g, size_t count,
                                                      leat_variable *const *variables,
                                                      const char *path);
LEAT_API LEAT_CHECKED leat_status leat_variables_load(leat_graph *g, size_t count,
                                                      leat_variable *const *variables,
                                                      const char *path);

/* x (batch, input...) -> (batch, output...). training: with dropout and the statistics of the
 * batch. NULL after an error, which stands in the context. */
LEAT_API leat_tensor *leat_network_build(leat_network *n, leat_tensor *x, bool training);
/* The mean over the batch, as in "cross_entropy(label_smoothing=0.1)". target: labels i64 (batch)
 * or values of the output's shape, as `leat help network` says of each loss; of ctc i64 (batch,
 * length). */
LEAT_API leat_tensor *leat_network_loss(leat_network *n, const char *loss, leat_tensor *output,
                                        leat_tensor *target);

/* As in "sgd(momentum=0.9)". To be destroyed before its network. */
LEAT_API LEAT_CHECKED leat_status leat_optimizer_create(leat_network *n, const char *optimizer,
                                                        leat_optimizer **out);
LEAT_API void leat_optimizer_destroy(leat_optimizer *o); /* its slots stay; NULL is fine */
/* Limits of the gradient, for what is recorded afterwards: the norm of all of it, as
 * torch.nn.utils.clip_grad_norm_ has it, then every element, as clip_grad_value_. 0: none, as at
 * first. INVALID: below 0 or not finite. */
LEAT_API LEAT_CHECKED leat_status leat_optimizer_clip(leat_optimizer *o, double norm, double value);
/* Keeps a mean of the weights beside them, from what they are now: what is recorded afterwards
 * makes it decay times itself plus 1 - decay times the new weights, at every step. Once, with a
 * decay between 0 and 1. */
LEAT_API LEAT_CHECKED leat_status leat_optimizer_average(leat_optimizer *o, double decay);
/* The weights and their mean change places, to look at the network with the mean, or save it, and
 * back before the next step. INVALID: there is no mean. */
LEAT_API LEAT_CHECKED leat_status leat_optimizer_swap(leat_optimizer *o);
/* Records gradients of the loss, the update of all weights and the states of the last build. Once
 * for a recorded graph; anew after leat_graph_clear. */
LEAT_API LEAT_CHECKED leat_status leat_optimizer_record(leat_optimizer *o, leat_tensor *loss);
/* One step with the learning rate. Afterwards the loss can be read by leat_get. */
LEAT_API LEAT_CHECKED leat_status leat_optimizer_run(leat_optimizer *o, double rate);

/* ---- what there is ----------------------------------------------------------------------------
 */

typedef enum leat_network_kind {
    LEAT_NETWORK_LAYER,
    LEAT_NETWORK_LOSS,
    LEAT_NETWORK_OPTIMIZER,
    LEAT_NETWORK_ACTIVATION,
    LEAT_NETWORK_INITIALIZER,
    LEAT_NETWORK_SCHEDULE,
    LEAT_NETWORK_AUGMENTATION /* without params: a name and its value, as in "crop=4" */
} leat_network_kind;

typedef struct leat_network_part {
    leat_network_kind kind;
    const char *name, *doc;
    size_t params;
} leat_network_part;

/* False beyond the end. All texts are static. */
LEAT_API bool leat_network_part_at(leat_network_kind kind, size_t i, leat_network_part *out);
LEAT_API bool leat_network_part_param(leat_network_kind kind, size_t i, size_t param,
                                      leat_param_info *out);

#ifdef __cplusplus
}
#endif

#endif
