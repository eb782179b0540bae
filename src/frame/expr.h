/* Expressions over the columns of a table: parsed, typed, evaluated column by column.
 *
 * The language is described in docs/table.md. */
#ifndef LEATI_FRAME_EXPR_H
#define LEATI_FRAME_EXPR_H

#include "frame/expr_lex.h"
#include "frame/frame.h"

typedef struct leati_expr leati_expr;

/* Types are checked against the columns of `f`. Errors: INVALID and TYPE with a caret under the
 * place, NOT_FOUND with a "did you mean" for columns, LIMIT for depth and size. */
leat_status leati_expr_compile(leat_context *c, leati_expr **out, const leat_frame *f,
                               const char *text);
void leati_expr_destroy(leati_expr *e); /* NULL is fine */
leat_type leati_expr_type(const leati_expr *e);

/* The value for each row of `f`, the table it was compiled for. NULL on failure. */
leati_column *leati_expr_column(leat_context *c, const leati_expr *e, const leat_frame *f);

/* Names of all functions, for help; NULL ends. Each once, in the order of the table. */
const char *leati_expr_function(size_t index);

#endif
