/* Looking inside a model that is a network: what each layer is and costs, what it makes of a row,
 * which parts of the input decide, how a layer sees many rows. */
#ifndef LEAT_INSPECT_H
#define LEAT_INSPECT_H

#include <leat/json.h>
#include <leat/model.h>
#include <leat/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_inspection leat_inspection;

/* A layer in the order of the network, containers before the layers inside. Texts belong to the
 * inspection. */
typedef struct leat_layer_info {
    const char *name;          /* "residual_1/dense_2" */
    const char *kind;          /* "dense" */
    unsigned depth;            /* 0: not inside another layer */
    leat_shape output;         /* of a sample */
    size_t parameters, states; /* trained; not trained (running means, weights of layers with
                                  trainable=false); of containers all inside */
    double flops;              /* of a forward pass of one sample; of containers all inside */
    size_t bytes;              /* of the output of one sample */
    bool shared;               /* its weights are those of an earlier layer of the same name */
} leat_layer_info;

typedef struct leat_inspect_options {
    uint32_t struct_size;
    size_t row;         /* of the frame, from 0: whose activations are shown */
    const char *layer;  /* by name: whose output over many rows is drawn; NULL: the last one but the
                           output */
    size_t rows;        /* for that drawing, at most 5,000: the first ones; 0: none is made */
    double perplexity;  /* of t-SNE; 0: 30 */
    const char *source; /* what the rows are called, for people; NULL: not said */
} leat_inspect_options;

LEAT_API leat_inspect_options leat_inspect_options_default(void); /* rows 600 */

/* frame: rows as for leat_model_predict, or one picture as a table of its pixels where the model
 * takes one; with the target among the columns it says what is true. NULL: the layers alone, no
 * row is looked at and no page can be made. UNSUPPORTED for models that are no networks; INVALID
 * for a row or layer that is not there. Equal input gives equal results for any number of threads.
 */
LEAT_API LEAT_CHECKED leat_status leat_inspect(leat_context *context, leat_inspection **out,
                                               leat_model *model, leat_frame *frame,
                                               const leat_inspect_options *options);
LEAT_API void leat_inspection_destroy(leat_inspection *i); /* NULL is fine */

LEAT_API size_t leat_inspection_layers(const leat_inspection *i);
LEAT_API leat_layer_info leat_inspection_layer(const leat_inspection *i, size_t layer);
/* Of the whole network; shared weights count once. */
LEAT_API size_t leat_inspection_parameters(const leat_inspection *i); /* trained */
LEAT_API size_t leat_inspection_states(const leat_inspection *i);     /* not trained */
LEAT_API double leat_inspection_flops(const leat_inspection *i);
/* "Bag (0.982), and so it is": what is predicted for the row. A class that would not be seen stands
 * in quotes: " " or "\n". NULL where no row was looked at. */
LEAT_API const char *leat_inspection_verdict(const leat_inspection *i);
/* Values of a layer for the row (elements of its output), and the gradient of the winning output
 * by the input (features of the network): of tokens that an embedding looks up, the length of its
 * gradient by what they are looked up as. NULL where it has none. */
LEAT_API const float *leat_inspection_values(const leat_inspection *i, size_t layer);
LEAT_API const float *leat_inspection_saliency(const leat_inspection *i, size_t *count);
/* Filters of the first layer with a kernel, where it looks at a picture; else 0. */
LEAT_API size_t leat_inspection_filters(const leat_inspection *i);
/* The rows in the plane, (count, 2): by principal components and by t-SNE; NULL without. */
LEAT_API const double *leat_inspection_plane(const leat_inspection *i, bool tsne, size_t *count);
/* An object with layers, verdict, probabilities, saliency and both planes. */
LEAT_API void leat_inspection_json(const leat_inspection *i, leat_json *json, const char *key);
/* One self-contained HTML page, light and dark, without scripts. */
LEAT_API LEAT_CHECKED leat_status leat_inspection_page(leat_context *context,
                                                       const leat_inspection *i, const char *path);

#ifdef __cplusplus
}
#endif

#endif
