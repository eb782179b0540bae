/* Operations on tables: each takes a frame and gives a new one; the first stays as it was.
 *
 * What an operation should do is said in text, the same that `leat table` takes: "price, -weight"
 * for sort, "species: mean(petal_length), n = count()" for group. The grammar, the functions of
 * expressions and examples are in docs/table.md. A column name that is not a plain word stands in
 * backquotes: `petal length`.
 *
 * All of them: *out is NULL on failure. Errors: INVALID (the text is wrong: a caret points at the
 * place; or it asks of a column what its type does not have, such as the mean of texts), NOT_FOUND
 * (no such column; with a "did you mean"), TYPE (two tables whose columns do not meet), LIMIT (more
 * than 4,294,967,294 rows), NOMEM. Results do not depend on the number of threads. */
#ifndef LEAT_TABLE_H
#define LEAT_TABLE_H

#include <leat/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The operations: X(name, ARGUMENT, doc). One function leat_table_<name> and one option of
 * `leat table` each, in this order in the help. */
#define LEAT_TABLE_OPS(X)                                                                          \
    X(select, "COLS", "keep these columns, in this order: 'a, b'")                                 \
    X(drop, "COLS", "leave these columns out")                                                     \
    X(rename, "NEW=OLD", "rename columns: 'price = Price, `unit price` = up'")                     \
    X(filter, "EXPR", "keep the rows where the expression is true: 'age >= 18 and sex == \"f\"'")  \
    X(derive, "NAME=EXPR", "add or replace columns: 'ratio = a / b, big = a > 10'")                \
    X(sort, "COLS", "sort rows, stable, missing last; '-a' descends: 'city, -price'")              \
    X(group, "KEYS:AGGS", "a row per group: 'city: mean(price), n = count()'")                     \
    X(count, "COLS", "how often each value (or combination) occurs, most frequent first")          \
    X(pivot, "SPEC", "a table of two keys: 'row_key: column_key: mean(value)'")                    \
    X(join, "FILE on KEYS", "bring in another table: 'prices.csv on item how left'")               \
    X(concat, "FILE", "append the rows of another table: 'more.csv with types=zip:text'")          \
    X(impute, "SPEC", "fill missing values: 'median(age, fare), constant(\"?\", deck)'")           \
    X(encode, "SPEC", "texts to numbers: 'onehot(sex), ordinal(class)'")                           \
    X(scale, "SPEC", "standard(), minmax() or robust() of columns: 'standard(a, b)'")              \
    X(dedupe, "COLS", "keep the first of rows that agree in these columns ('' for all)")           \
    X(sample, "N|SHARE", "some rows at random, in their order: '100' or '10%'")                    \
    X(shuffle, "", "all rows in random order")                                                     \
    X(head, "N", "the first N rows")                                                               \
    X(tail, "N", "the last N rows")

/* leat_status leat_table_select(context, &out, frame, "a, b"), and so on. `argument` may be "" for
 * dedupe, impute, encode, scale and shuffle. Random choices depend on the context's seed. join and
 * concat read the file they name (or data set, see leat/data.h); "FILE with delimiter=;
 * types=id:text" says how, by the names of leat_read_options_set. What is text in `frame`, of join
 * in the keys, is read as text there. */
#define LEAT_TABLE_DECLARE(name, argument_name, doc)                                               \
    LEAT_API LEAT_CHECKED leat_status leat_table_##name(leat_context *context, leat_frame **out,   \
                                                        leat_frame *frame, const char *argument);
LEAT_TABLE_OPS(LEAT_TABLE_DECLARE)
#undef LEAT_TABLE_DECLARE

/* The same by name; INVALID for an unknown one. */
LEAT_API LEAT_CHECKED leat_status leat_table_apply(leat_context *context, leat_frame **out,
                                                   leat_frame *frame, const char *operation,
                                                   const char *argument);

/* Row `index` of the table above: name, argument and doc; NULL past the end. */
LEAT_API const char *leat_table_op(size_t index, const char **argument, const char **doc);

typedef enum leat_join {
    LEAT_JOIN_INNER, /* rows of both that agree in the keys */
    LEAT_JOIN_LEFT,  /* and the rows of the left table without a partner */
    LEAT_JOIN_RIGHT, /* and the rows of the right table without a partner, at the end */
    LEAT_JOIN_OUTER, /* and both */
    LEAT_JOIN_ANTI   /* the rows of the left table without a partner, and no column more */
} leat_join;

/* `keys`: "item, store", or "item = article" where the names differ (left = right). Order: the
 * rows of `left`, partners in the order of `right`. Missing keys have no partner. Columns of
 * `right` whose names are taken get the suffix "_right". */
LEAT_API LEAT_CHECKED leat_status leat_table_join_frames(leat_context *context, leat_frame **out,
                                                         leat_frame *left, leat_frame *right,
                                                         const char *keys, leat_join how);

/* Rows of `second` behind those of `first`. Columns meet by name; one that a table lacks is missing
 * there. whole and number give number, text and anything gives text. */
LEAT_API LEAT_CHECKED leat_status leat_table_concat_frames(leat_context *context, leat_frame **out,
                                                           leat_frame *first, leat_frame *second);

/* Cut the rows at random into two tables, each in the old order. `argument`: the share or number
 * of rows of the second one, "20%", "0.2" or "100", and perhaps "by COLUMN", which keeps the shares
 * of that column's values alike (stratified). */
LEAT_API LEAT_CHECKED leat_status leat_table_split(leat_context *context, leat_frame **first,
                                                   leat_frame **second, leat_frame *frame,
                                                   const char *argument);

/* Names of the functions of expressions ("abs"), and of the aggregates of group ("mean"); NULL past
 * the end. */
LEAT_API const char *leat_table_function(size_t index);
LEAT_API const char *leat_table_aggregate(size_t index);

#ifdef __cplusplus
}
#endif

#endif
