/* Owns: leaving out repeated rows. */
#include "base/error.h"
#include "frame/table_op.h"

leat_status leat_table_dedupe(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leati_argument a;
    leati_groups g = {0};
    size_t *columns = NULL, count = 0;
    *out = NULL;
    leat_status st = leati_argument_begin(c, &a, text);
    if (st == LEAT_OK && a.lex.token.kind == LEATI_TOKEN_END) {
        count = f->columns;
        columns = leati_arena_calloc(&a.arena, count, sizeof *columns);
        if (!columns) st = leat_error_status(c);
        for (size_t i = 0; columns && i < count; i++) columns[i] = i;
    } else if (st == LEAT_OK) {
        st = leati_argument_columns(&a, f, &columns, &count);
        if (st == LEAT_OK) st = leati_argument_done(&a);
    }
    if (st == LEAT_OK) st = leati_groups_make(c, &g, f, columns, count);
    if (st == LEAT_OK) st = leati_rows_of(c, out, f, g.first, g.count);
    leati_groups_free(&g);
    leati_argument_end(&a);
    return st;
}
