/* The small language of layers, losses, optimisers, schedules and initialisers:
 * "name(parameter=value, value)".
 *
 * A value is a word, and may end in brackets of its own: normal(0.02), [1, 2, 4]; or it is anything
 * in quotes of either kind. */
#ifndef LEATI_NN_SPEC_H
#define LEATI_NN_SPEC_H

#include "learn/param.h"

typedef struct leati_spec {
    leat_context *context;
    const char *what; /* "layers": begins every message */
    const char *text, *at;
    const leati_param *common; /* parameters beside those of the table, or NULL */
} leati_spec;

void leati_spec_init(leati_spec *s, leat_context *c, const char *what, const char *text);
/* LEAT_INVALID that names the place. */
leat_status leati_spec_refuse(leati_spec *s, const char *expected);
/* Spaces, then ch if it is next. */
bool leati_spec_take(leati_spec *s, char ch);
bool leati_spec_at_end(leati_spec *s);
/* A name: letters, digits, '_' and '-' and '.'; false when there is none, or no room. */
bool leati_spec_name(leati_spec *s, char *out, size_t size);
/* A value as above. */
bool leati_spec_value(leati_spec *s, char *out, size_t size);
/* What follows '(' up to ')': parameters by name, or in the order of the table. Numbers of a list
 * (leati_param.list) need no brackets. */
leat_status leati_spec_params(leati_spec *s, const char *owner, const leati_param *table,
                              void *object);

/* The row of a table whose name is `name`, or an error with the nearest name. at(i) gives the name
 * of row i. */
leat_status leati_spec_find(leat_context *c, const char *what, const char *name, size_t count,
                            const char *(*at)(size_t i), size_t *found);

/* A row of a table of classes: losses, optimisers, schedules. */
typedef struct leati_spec_row {
    const void *class; /* what the first member of an object points to */
    const char *name;
    size_t size; /* of an object */
    const leati_param *params;
} leati_spec_row;
/* An object out of "name(parameter=value)": its class by name, its parameters as given or by their
 * defaults. *out is leati_free's. `what` names the table in messages, row(i) gives row i. */
leat_status leati_spec_object(leat_context *c, const char *what, const char *text, size_t count,
                              leati_spec_row (*row)(size_t i), void **out);

/* Numbers in "[1, 2, 4]", "1, 2, 4", "1x2" or "3": at most `most`; the count, or 0 when it is no
 * such list. */
size_t leati_spec_numbers(const char *text, double *out, size_t most);

#endif
