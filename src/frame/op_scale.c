/* Owns: scaling columns of numbers: standard, minmax, robust.
 *
 * Whoever learns a model leaves this to the pipeline, which keeps what it has measured. */
#include <float.h>

#include "base/error.h"
#include "base/mem.h"
#include "frame/group.h"

/* x becomes (x - center) / spread; a constant column only loses its center. */
static leati_column *rescale(leat_context *c, const leati_column *col, double center, double spread)
{
    leati_column *made = leati_column_create(c, LEAT_F64, col->rows);
    if (!(spread > 0)) spread = 1;
    for (size_t i = 0; made && i < col->rows; i++) {
        double v = col->type == LEAT_F64    ? col->f64[i]
                   : col->type == LEAT_BOOL ? col->u8[i]
                                            : (double)col->i64[i];
        double scaled = made->f64[i] = (v - center) / spread;
        /* Infinite ones among infinite centers have no value. */
        if ((!leati_valid(col, i) || scaled != scaled) &&
            leati_column_set_missing(c, made, i) != LEAT_OK) {
            leati_column_release(made);
            return NULL;
        }
    }
    return made;
}

static leat_status measure(leat_context *c, leati_grouping *g, const leati_column *col,
                           const char *name, leati_aggregate a, double q, double *out)
{
    leati_column *value;
    LEATI_TRY(leati_aggregate_column(c, &value, g, a, col, name, q));
    *out = !leati_valid(value, 0)     ? 0
           : value->type == LEAT_F64  ? value->f64[0]
           : value->type == LEAT_BOOL ? value->u8[0]
                                      : (double)value->i64[0];
    leati_column_release(value);
    return LEAT_OK;
}

/* standard divides by the standard deviation of the rows themselves (n below), as scikit-learn. */
static leat_status measures(leat_context *c, const leati_column *col, const char *name, char method,
                            double *center, double *spread)
{
    leati_grouping g = {.rows = col->rows, .groups = {.count = 1}};
    double low = 0, high = 0;
    size_t n = col->rows - col->missing;
    leat_status st = LEAT_OK;
    g.groups.of = LEATI_NEW(c, uint32_t, col->rows);
    if (!g.groups.of) return leat_error_status(c);
    if (method == 's') {
        LEATI_GO(measure(c, &g, col, name, LEATI_AGG_MEAN, 0, center));
        LEATI_GO(measure(c, &g, col, name, LEATI_AGG_VAR, 0, spread));
        double rows = (double)n, var = n > 1 ? *spread * (rows - 1) / rows : 0;
        double error = rows * *center * DBL_EPSILON;
        /* A constant column's mean is rounded, so its variance is not quite 0: the bound is that
         * of Chan, Golub and LeVeque 1983 for two passes. */
        *spread = var > rows * DBL_EPSILON * var + error * error ? __builtin_sqrt(var) : 0;
    } else {
        LEATI_GO(measure(c, &g, col, name, method == 'm' ? LEATI_AGG_MIN : LEATI_AGG_QUANTILE, 0.25,
                         &low));
        LEATI_GO(measure(c, &g, col, name, method == 'm' ? LEATI_AGG_MAX : LEATI_AGG_QUANTILE, 0.75,
                         &high));
        *center = low;
        *spread = high - low;
        if (method == 'r') LEATI_GO(measure(c, &g, col, name, LEATI_AGG_MEDIAN, 0, center));
    }
out:
    leati_grouping_free(&g);
    return st;
}

static leat_status scale_column(leat_context *c, leat_frame *made, size_t column, char method)
{
    double center = 0, spread = 1;
    const leati_column *col = made->column[column];
    LEATI_CHECK(c, col->type <= LEAT_BOOL, LEAT_INVALID, "column '%s' is %s and cannot be scaled",
                made->name[column], leat_type_name(col->type));
    LEATI_TRY(measures(c, col, made->name[column], method, &center, &spread));
    return leati_frame_set(c, made, made->name[column], rescale(c, col, center, spread));
}

static leat_status apply(leat_context *c, leati_argument *a, leat_frame *made,
                         const leati_method *m)
{
    static const char *const names[] = {"standard", "minmax", "robust"};
    char method = 0;
    for (int i = 0; i < 3; i++)
        if (strcmp(m->name, names[i]) == 0) method = names[i][0];
    if (!method)
        return leati_lex_error(&a->lex, m->at,
                               "there is no scaling '%s'; there are standard, minmax and robust",
                               m->name);
    if (m->value.kind != LEATI_TOKEN_END)
        return leati_lex_error(&a->lex, m->value.at, "scalings take columns only");
    for (size_t i = 0; i < (m->columns ? m->count : made->columns); i++) {
        size_t column = m->columns ? m->columns[i] : i;
        if (!m->columns && made->column[column]->type > LEAT_I64) continue;
        LEATI_TRY(scale_column(c, made, column, method));
    }
    return LEAT_OK;
}

leat_status leat_table_scale(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leati_argument a;
    leati_method m;
    leat_frame *made = NULL;
    bool more = true;
    *out = NULL;
    leat_status st = leati_argument_begin(c, &a, text);
    if (st == LEAT_OK) st = leati_frame_copy(c, &made, f);
    while (st == LEAT_OK) {
        st = leati_argument_method(&a, made, &m, &more);
        if (st != LEAT_OK || !more) break;
        st = apply(c, &a, made, &m);
    }
    leati_argument_end(&a);
    if (st == LEAT_OK) *out = made;
    else leat_frame_release(made);
    return st;
}
