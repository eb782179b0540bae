/* Parameter tables: the only source of options, validation, search grids, help and docs. */
#ifndef LEATI_LEARN_PARAM_H
#define LEATI_LEARN_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>
#include <leat/estimator.h>
#include <leat/json.h>

typedef enum leati_param_type {
    LEATI_PARAM_BOOL,   /* bool */
    LEATI_PARAM_INT,    /* int64_t */
    LEATI_PARAM_REAL,   /* double */
    LEATI_PARAM_CHOICE, /* int: index into choices */
    LEATI_PARAM_MIXED,  /* leati_mixed: one of the choices, or a number in the range */
    LEATI_PARAM_TEXT,   /* char[LEATI_TEXT_PARAM] */
    LEATI_PARAM_WORD    /* char[LEATI_WORD_PARAM]: a short text, read by its owner */
} leati_param_type;

enum { LEATI_TEXT_PARAM = 16384, LEATI_WORD_PARAM = 64 }; /* bytes of a text, with its end */

/* For parameters like gamma=scale|auto|NUMBER or max_depth=none|NUMBER. */
typedef struct leati_mixed {
    int choice; /* index into choices, or -1: `value` counts */
    double value;
} leati_mixed;

typedef struct leati_param {
    const char *name; /* as in scikit-learn where it has one; NULL ends a table */
    leati_param_type type;
    size_t offset;        /* in the estimator's struct */
    const char *standard; /* default, as text */
    double least, most;   /* inclusive range of numbers; for MIXED too */
    bool whole;           /* MIXED: the number must be whole */
    const char *choices;  /* "gini|entropy" */
    const char *grid;     /* values tried by a search, "0.1,1,10"; NULL: not searched */
    const char *doc;      /* one sentence */
    bool list;            /* TEXT: numbers, in brackets or without (nn/spec.h) */
    bool single; /* TEXT: one thing with commas in its brackets only, so others part several */
    bool hidden; /* not part of what a reader sees of the settings */
} leati_param;

/* Sets every parameter of `object` to its default. */
void leati_params_default(const leati_param *table, void *object);
/* Errors name the owner, the parameter, what was given and what is allowed. */
leat_status leati_param_set(leat_context *c, const leati_param *table, const char *owner,
                            void *object, const char *name, const char *value);
const leati_param *leati_param_find(const leati_param *table, const char *name);
/* The value as text that leati_param_set takes; returns its length (see snprintf). */
size_t leati_param_get(const leati_param *p, const void *object, char *out, size_t size);
/* The public view of a row. */
void leati_param_describe(const leati_param *p, leat_param_info *out);
/* {"name": value, ...} in the order of the table. */
void leati_params_json(const leati_param *table, const void *object, leat_json *json,
                       const char *key);

#endif
