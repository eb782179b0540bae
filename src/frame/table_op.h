/* What the operations on tables share: reading their arguments, building their results. */
#ifndef LEATI_FRAME_TABLE_OP_H
#define LEATI_FRAME_TABLE_OP_H

#include <leat/table.h>

#include "frame/expr_lex.h"
#include "frame/frame.h"

/* An argument being read. leati_argument_end frees it, also after a failed begin. */
typedef struct leati_argument {
    leati_lex lex;
    leati_arena arena;
} leati_argument;
leat_status leati_argument_begin(leat_context *c, leati_argument *a, const char *text);
void leati_argument_end(leati_argument *a);

/* One column name of the frame. */
leat_status leati_argument_column(leati_argument *a, const leat_frame *f, size_t *column);
/* "a, b, c": column numbers into the arena, none twice. Stops at the first thing that is neither
 * comma nor name; at least one. */
leat_status leati_argument_columns(leati_argument *a, const leat_frame *f, size_t **columns,
                                   size_t *count);
/* Nothing may follow. */
leat_status leati_argument_done(leati_argument *a);
/* "100", "0.2" or "20%" of `rows`: a share is rounded to the nearest. */
leat_status leati_argument_rows(leati_argument *a, size_t rows, size_t *count);
/* The whole argument is such a number of rows of `f`, which has fewer than 2^32 - 1. */
leat_status leati_argument_share(leat_context *c, const leat_frame *f, const char *text,
                                 size_t *count);

/* "method(a, b), method(), method(0, a)": one piece a call. */
typedef struct leati_method {
    size_t at; /* place of the name */
    const char *name;
    leati_token value; /* first argument if it is a number or a string; else kind END */
    size_t *columns;   /* NULL: none were named */
    size_t count;
} leati_method;
/* Reads the next one; *more says whether there was one. */
leat_status leati_argument_method(leati_argument *a, const leat_frame *f, leati_method *m,
                                  bool *more);

/* A new frame with the rows, or the columns, of `f`; as leati_frame_take and leati_frame_select,
 * but with a status, and in parallel over columns. */
leat_status leati_rows_of(leat_context *c, leat_frame **out, const leat_frame *f,
                          const uint32_t *rows, size_t count);
leat_status leati_columns_of(leat_context *c, leat_frame **out, const leat_frame *f,
                             const size_t *columns, size_t count);
/* `f` with column `name` replaced, or added at the end. Takes `col` over (NULL: forwards the
 * error). *f must be a frame of one reference that may be changed. */
leat_status leati_frame_set(leat_context *c, leat_frame *f, const char *name, leati_column *col);
/* A shallow copy that may be changed. */
leat_status leati_frame_copy(leat_context *c, leat_frame **out, const leat_frame *f);

/* `second` behind `first`; a NULL one is `rows` missing values. whole and number give number, bool
 * and whole give whole, anything else with another type gives text. NULL on failure. */
leati_column *leati_column_concat(leat_context *c, const leati_column *first, size_t first_rows,
                                  const leati_column *second, size_t second_rows, const char *name);

/* Adds the text of a value that is there (not for ARRAY) to `out`: numbers in
 * their shortest form, true or false, dates and times in ISO 8601. */
struct leati_str;
void leati_cell_add(const leati_column *col, size_t row, struct leati_str *out);

/* --- keys: rows as groups of equal values ---------------------------------------------------- */

/* Each row's group, groups numbered in the order of their first row. Missing equals missing, NaN
 * does not occur (it is missing), 0 equals -0. */
typedef struct leati_groups {
    uint32_t *of;    /* (rows) */
    uint32_t *first; /* (count) a row of each group: the first */
    size_t count;
} leati_groups;
leat_status leati_groups_make(leat_context *c, leati_groups *g, const leat_frame *f,
                              const size_t *columns, size_t count);
void leati_groups_free(leati_groups *g);

/* Row numbers ordered by group, in order within each: starts[g] .. starts[g + 1]. Both leati_free.
 */
leat_status leati_groups_order(leat_context *c, const leati_groups *g, size_t rows,
                               uint32_t **order, uint32_t **starts);

/* Sort keys of a column: unsigned numbers in the order of its values, texts by their bytes; those
 * of missing values say nothing. leati_free; NULL on failure. */
uint64_t *leati_sort_keys(leat_context *c, const leati_column *col, bool descending);
/* Stable: `order` (a permutation) is reordered so that key[order[i]] ascends. */
leat_status leati_sort_by(leat_context *c, const uint64_t *key, uint32_t *order, size_t count);

#endif
