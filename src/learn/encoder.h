/* From a conformed table to the matrix an estimator sees: filling, encoding and scaling learned
 * from training rows only. Rules and defaults: docs/preprocessing.md. */
#ifndef LEATI_LEARN_ENCODER_H
#define LEATI_LEARN_ENCODER_H

#include "frame/tokens.h"
#include "learn/schema.h"
#include "learn/state.h"

typedef enum leati_scaling {
    LEATI_SCALE_NONE,
    LEATI_SCALE_STANDARD, /* (x - mean) / standard deviation (population) */
    LEATI_SCALE_MINMAX,   /* to [0, 1] */
    LEATI_SCALE_ROBUST    /* (x - median) / interquartile range */
} leati_scaling;

/* What is done with the columns; chosen per estimator by leati_recipe_for. */
typedef struct leati_recipe {
    leati_scaling scaling; /* of numbers and times; of arrays only STANDARD and MINMAX by request */
    bool fill;             /* missing numbers by the median of the training rows */
    bool one_hot;          /* categories as one feature per level, else as level numbers */
    bool unit_arrays;      /* arrays of bytes divided by 255 */
    bool f32;              /* single precision */
    leati_token_rules tokens; /* of columns of texts that are sequences */
} leati_recipe;

/* mode: "auto", "none", "standard", "minmax", "robust"; traits of the estimator; cells = rows times
 * features, which decides about the precision. */
leat_status leati_recipe_for(leat_context *c, leati_recipe *out, const char *mode, unsigned traits,
                             const leati_schema *s, size_t rows);
/* "median fill, one-hot, standardised": what a recipe does to this schema, for people. */
void leati_recipe_text(const leati_recipe *r, const leati_schema *s, char *out, size_t size);

typedef struct leati_encoder_column {
    size_t source; /* column of the conformed frame */
    size_t schema; /* column of the schema */
    leati_role role;
    size_t first, width; /* features */
    double fill;         /* NUMBER, TIME with recipe.fill */
    uint32_t levels;     /* CATEGORY: of training, most frequent first among at most LEATI_LEVELS */
    char **level;        /* (levels) sorted by text */
    unsigned parts;      /* TIME: bits of enum leati_time_part */
    size_t tokens;       /* TOKENS: of a text, the features */
} leati_encoder_column;

enum { LEATI_LEVELS = 64 }; /* rarer levels share "other" */
enum leati_time_part { LEATI_DAYS = 1, LEATI_MONTH = 2, LEATI_WEEKDAY = 4, LEATI_HOUR = 8 };

typedef struct leati_encoder {
    leati_recipe recipe;
    leati_encoder_column *columns;
    size_t count;
    leati_feature *features; /* (width); names owned by the encoder */
    size_t width;
    double *shift, *scale; /* (width): feature = (value - shift) * scale */
    leati_lexicon lexicon; /* numbers of tokens, one vocabulary for all columns */
} leati_encoder;

/* f: conformed to s. rows: training rows. */
leat_status leati_encoder_fit(leat_context *c, leati_encoder *e, const leati_recipe *recipe,
                              const leati_schema *s, const leat_frame *f, const uint32_t *rows,
                              size_t count);
void leati_encoder_fini(leati_encoder *e); /* idempotent */

/* Widths, names and neutral scales from columns and levels: for fit and load. */
leat_status leati_encoder_layout(leat_context *c, leati_encoder *e, const leati_schema *s);

/* shape: (H, W, C) where the features are the pixels of one column of images, else left alone. */
void leati_encoder_image(const leati_encoder *e, const leati_schema *s, size_t shape[3]);

/* How many numbers of tokens there are where all features are such; else 0. */
size_t leati_encoder_tokens(const leati_encoder *e);

/* x points into *data (leati_free). */
leat_status leati_encoder_apply(leat_context *c, const leati_encoder *e, const leat_frame *f,
                                const uint32_t *rows, size_t count, leati_matrix *x, void **data);

/* The same into memory of the caller, allocating nothing. to: (count, width) f32 or f64, as the
 * recipe says. level_of: per column the level of each code of its dictionary, UINT32_MAX for
 * others; of TOKENS the numbers of the tokens of each code (codes, tokens), or NULL: texts are cut
 * as they come; NULL of all other columns. */
void leati_encoder_fill(leat_context *c, const leati_encoder *e, const leat_frame *f,
                        const uint32_t *rows, size_t count, uint32_t *const *level_of, void *to,
                        leati_matrix *x);
/* level_of for a frame; out: free it also after a failure. */
leat_status leati_encoder_levels(leat_context *c, const leati_encoder *e, const leat_frame *f,
                                 uint32_t ***out);
void leati_encoder_levels_free(const leati_encoder *e, uint32_t **level_of);
/* Memory for `rows` rows; leati_free. */
leat_status leati_encoder_room(leat_context *c, const leati_encoder *e, size_t rows, void **out);
/* Logs a warning for each category of which `f` has values that were not there in training, and
 * another where none is known: the column may have got another meaning. Errors: NOMEM. */
leat_status leati_encoder_warn(leat_context *c, const leati_encoder *e, const leati_schema *s,
                               const leat_frame *f);
/* The number of a level by its text, UINT32_MAX for others. */
uint32_t leati_encoder_level(const leati_encoder_column *k, const char *text);

/* Structure as JSON, numbers as arrays "encoder.fill", "encoder.shift", "encoder.scale". */
void leati_encoder_json(const leati_encoder *e, leat_json *j, const char *key);
leat_status leati_encoder_save(leat_context *c, const leati_encoder *e, leati_state *state);
struct json_t;
/* json: what leati_encoder_json wrote, as read by jansson. Validates everything. */
leat_status leati_encoder_load(leat_context *c, leati_encoder *e, const leati_schema *s,
                               const struct json_t *json, const leati_state *state);

#endif
