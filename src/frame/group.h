/* Aggregates over groups of rows. */
#ifndef LEATI_FRAME_GROUP_H
#define LEATI_FRAME_GROUP_H

#include "frame/table_op.h"

typedef enum leati_aggregate {
    LEATI_AGG_COUNT, /* without a column: rows; with one: its values that are not missing */
    LEATI_AGG_SUM,
    LEATI_AGG_MEAN,
    LEATI_AGG_MEDIAN,
    LEATI_AGG_MIN,
    LEATI_AGG_MAX,
    LEATI_AGG_STD, /* n - 1 below */
    LEATI_AGG_VAR,
    LEATI_AGG_FIRST, /* that is not missing */
    LEATI_AGG_LAST,
    LEATI_AGG_NUNIQUE,
    LEATI_AGG_QUANTILE, /* linear between values: type 7 of Hyndman and Fan 1996 */
    LEATI_AGG_COUNT_OF
} leati_aggregate;

const char *leati_aggregate_name(leati_aggregate a);

/* What several aggregates of the same groups share. */
typedef struct leati_grouping {
    leati_groups groups;
    size_t rows;
} leati_grouping;

/* One value per group; `col` NULL only for COUNT. Missing values are left out; a group without any
 * value gives missing (0 for count, sum and nunique). TYPE: the aggregate needs numbers. */
leat_status leati_aggregate_column(leat_context *c, leati_column **out, leati_grouping *g,
                                   leati_aggregate a, const leati_column *col, const char *name,
                                   double q);
void leati_grouping_free(leati_grouping *g);
/* Adds the key columns of `f` to `made`, a row per group. */
leat_status leati_grouping_keys(leat_context *c, leat_frame *made, const leat_frame *f,
                                const size_t *keys, size_t count, const leati_grouping *g);

/* One call such as "mean(price)" at the current token. */
typedef struct leati_call {
    leati_aggregate aggregate;
    bool has_column;
    size_t column;
    double q;
    const char *name; /* "price_mean", or as given by "name = ..." */
} leati_call;
leat_status leati_argument_aggregate(leati_argument *a, const leat_frame *f, leati_call *out);

#endif
