/* Owns: keeping the rows for which an expression is true; the first and the last rows. */
#include "base/error.h"
#include "base/mem.h"
#include "frame/expr.h"
#include "frame/table_op.h"

static leat_status true_rows(leat_context *c, leat_frame **out, const leat_frame *f,
                             const leati_column *test)
{
    size_t count = 0;
    LEATI_CHECK(c, f->rows < UINT32_MAX, LEAT_LIMIT, "the table has too many rows to filter");
    for (size_t i = 0; i < test->rows; i++) count += test->u8[i]; /* missing ones hold 0 */
    uint32_t *rows = leati_array(c, count, sizeof *rows);
    if (!rows) return leat_error_status(c);
    for (size_t i = 0, n = 0; n < count; i++)
        if (test->u8[i]) rows[n++] = (uint32_t)i;
    leat_status st = leati_rows_of(c, out, f, rows, count);
    leati_free(rows);
    return st;
}

leat_status leat_table_filter(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leati_expr *e;
    *out = NULL;
    LEATI_TRY(leati_expr_compile(c, &e, f, text));
    leat_status st = LEAT_OK;
    if (leati_expr_type(e) != LEAT_BOOL)
        st = LEATI_FAIL(c, LEAT_TYPE,
                        "a filter must be true or false, but '%s' gives %s\n"
                        "compare it with something: %s > 0",
                        text, leat_type_name(leati_expr_type(e)), text);
    leati_column *test = st == LEAT_OK ? leati_expr_column(c, e, f) : NULL;
    if (st == LEAT_OK) st = test ? true_rows(c, out, f, test) : leat_error_status(c);
    leati_column_release(test);
    leati_expr_destroy(e);
    return st;
}

static leat_status range(leat_context *c, leat_frame **out, leat_frame *f, const char *text,
                         bool last)
{
    leati_argument a;
    size_t count = 0;
    *out = NULL;
    LEATI_CHECK(c, f->rows < UINT32_MAX, LEAT_LIMIT, "the table has too many rows");
    leat_status st = leati_argument_begin(c, &a, text);
    if (st == LEAT_OK) st = leati_argument_rows(&a, f->rows, &count);
    if (st == LEAT_OK) st = leati_argument_done(&a);
    leati_argument_end(&a);
    if (st != LEAT_OK) return st;
    uint32_t *rows = leati_array(c, count, sizeof *rows);
    if (!rows) return leat_error_status(c);
    for (size_t i = 0; i < count; i++) rows[i] = (uint32_t)(last ? f->rows - count + i : i);
    st = leati_rows_of(c, out, f, rows, count);
    leati_free(rows);
    return st;
}

leat_status leat_table_head(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    return range(c, out, f, text, false);
}

leat_status leat_table_tail(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    return range(c, out, f, text, true);
}
