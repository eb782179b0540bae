/* The inside of an inspection. */
#ifndef LEATI_WORKFLOW_INSPECT_H
#define LEATI_WORKFLOW_INSPECT_H

#include <leat/inspect.h>

#include "io/png.h"
#include "learn/pipeline.h"
#include "nn/examine.h"

/* How a layer sees rows of the table. */
typedef struct leati_layer_map {
    size_t layer; /* of the table of layers */
    size_t count;
    double *pca, *tsne; /* (count, 2); tsne NULL: too few rows */
    double share[2];    /* of the variance, of the components in pca */
    uint32_t *group; /* (count) class of each row, UINT32_MAX where it has none; NULL: no target */
    double *value;   /* (count) of a regression: the target, else what is predicted; or NULL */
    bool predicted;  /* value: it is what is predicted */
    size_t marked;   /* the row looked at; SIZE_MAX: not among them */
} leati_layer_map;

struct leat_inspection {
    leat_model *model; /* retained */
    leati_layer_table table;
    leati_activations act;
    size_t row;
    char *source, *verdict, *truth; /* truth: NULL when it is not known */
    char **names;                   /* (classes of the schema) as they are shown; NULL: none */
    double value, *proba;           /* proba: (classes of the schema) or NULL */
    leat_shape input;               /* of a sample of the network */
    char *
        *token; /* (inputs) of a text, as the network reads it; "": behind its end. NULL: no text */
    char *
        *word; /* (inputs) as they are written, those that are unknown tokens, else NULL; or NULL */
    double mean, scale; /* of a regression: its value is the output times scale plus mean */
    float *x;           /* (inputs) as the network takes it */
    uint8_t *picture;   /* pixels of the row, NULL when it is no image */
    size_t height, width, channels; /* of the picture */
    float *filter;                  /* (filters, height, width, channels) of the first layer that
                                       looks at the picture; NULL: none does */
    size_t filters, filter_height, filter_width, filter_channels;
    char *filter_layer;
    leati_layer_map map; /* count 0: none */
};

/* Fills i->map from the layer's output for the rows. */
leat_status leati_layer_map_make(leat_context *c, leat_inspection *i, leati_network *n,
                                 const leati_matrix *x, const leat_inspect_options *o);
void leati_layer_map_fini(leati_layer_map *m);

#endif
