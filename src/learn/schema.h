/* The schema of a learning problem: what each column of a table is used for, and what the target
 * means. Inferred from the whole training table by its structure only; everything that depends on
 * values (fills, scales, levels) is learned by the encoder, inside each fold. */
#ifndef LEATI_LEARN_SCHEMA_H
#define LEATI_LEARN_SCHEMA_H

#include <leat/json.h>

#include "base/num.h"
#include "frame/frame.h"
#include "frame/tokens.h"
#include "learn/dataset.h"

typedef enum leati_role {
    LEATI_ROLE_NUMBER,   /* one feature */
    LEATI_ROLE_CATEGORY, /* level numbers, or one feature per level */
    LEATI_ROLE_TIME,     /* days, and month, weekday, hour where they vary */
    LEATI_ROLE_ARRAY,    /* one feature per element */
    LEATI_ROLE_TOKENS,   /* texts as sequences: the number of a token per feature */
    LEATI_ROLE_LEFT_OUT
} leati_role;

/* "number", "category", "time", "array", "tokens", "left out": as in the model file. */
const char *leati_role_name(leati_role role);

typedef struct leati_schema_column {
    char *name;
    leat_type type;
    leati_role role;
    char *note;       /* why it is left out, or NULL */
    double low, high; /* range of the training values; NaN without any */
    size_t missing;   /* in the training table */
    size_t distinct;  /* counted up to LEATI_DISTINCT_MOST */
    size_t shape[3];  /* ARRAY */
    leati_item item;  /* ARRAY */
} leati_schema_column;

enum { LEATI_DISTINCT_MOST = 100000 };

typedef struct leati_schema {
    char *target;
    leat_type target_type;
    leati_task task;
    const char *task_reason;        /* static: why this task, for people */
    uint32_t classes;               /* CLASSIFY */
    char **class_names;             /* (classes) in sorted order: texts, numbers or false, true */
    double target_low, target_high; /* REGRESS */
    leati_schema_column *columns;   /* all but the target */
    size_t count;
    size_t used;              /* columns not left out */
    leati_token_rules tokens; /* how TOKENS are cut; only while fitting, the encoder keeps it */
} leati_schema;

typedef struct leati_schema_options {
    const char *target;
    const char *task;        /* "classification", "regression" or NULL: inferred */
    const char *const *keep; /* columns to use although a rule would leave them out */
    size_t keep_count;
    const char *const *drop; /* columns to leave out (unknown names are errors) */
    size_t drop_count;
    const char *const *reserved; /* fold, group and time columns: left out, with that reason */
    size_t reserved_count;
    bool drop_missing_target; /* else rows without target are an error */
    const char *tokens;       /* "words(vocabulary=4000)": texts are sequences; NULL: categories */
} leati_schema_options;

leat_status leati_schema_infer(leat_context *c, leati_schema *s, const leat_frame *f,
                               const leati_schema_options *options);
void leati_schema_fini(leati_schema *s); /* idempotent */
leat_status leati_schema_copy(leat_context *c, leati_schema *out, const leati_schema *s);

/* The target of a table by this schema: rows whose target is present, in order (or all rows), and
 * y or label for each of *rows. Texts that are no known class are an error naming the row. */
typedef struct leati_target {
    uint32_t *rows; /* (count) */
    size_t count;
    double *y;       /* (count) REGRESS, else NULL */
    uint32_t *label; /* (count) CLASSIFY, else NULL */
} leati_target;
leat_status leati_target_read(leat_context *c, leati_target *t, const leati_schema *s,
                              const leat_frame *f, bool drop_missing);
void leati_target_fini(leati_target *t);

/* A present cell as text, exactly: how classes and categories are named. In `space` or of the
 * column; arrays have none. */
const char *leati_cell_text(const leati_column *col, size_t row, char space[LEATI_NUM_SIZE],
                            size_t *length);

/* One object per column: name, type, role, missing, distinct, range, note. */
void leati_schema_json(const leati_schema *s, leat_json *j, const char *key);

#endif
