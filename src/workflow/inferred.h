/* What was inferred about a table, said to a person. */
#ifndef LEATI_WORKFLOW_INFERRED_H
#define LEATI_WORKFLOW_INFERRED_H

#include "workflow/experiment.h"

/* One line per column: name, type, what is in it, what becomes of it. leati_free. */
leat_status leati_inferred_text(leat_context *c, const leat_experiment *e, char **out);

/* A class as people see it: one that would not be seen, or taken for punctuation, stands in quotes,
 * with the escapes of C: " " or "\n". leati_free. */
char *leati_class_shown(leat_context *c, const char *text);

/* What a model of language counts in, "character" or "word": its rows are windows of a text, its
 * classes what comes next. NULL: the experiment is of something else. */
const char *leati_language_unit(const leat_experiment *e);

#endif
