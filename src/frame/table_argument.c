/* Owns: reading the arguments of table operations. Not: expressions (expr_parse.c). */
#include <math.h>

#include "base/error.h"
#include "frame/table_op.h"

leat_status leati_argument_begin(leat_context *c, leati_argument *a, const char *text)
{
    leati_arena_init(&a->arena, c);
    return leati_lex_init(&a->lex, c, &a->arena, text);
}

void leati_argument_end(leati_argument *a)
{
    leati_arena_fini(&a->arena);
}

leat_status leati_argument_column(leati_argument *a, const leat_frame *f, size_t *column)
{
    const char *name;
    LEATI_TRY(leati_lex_name(&a->lex, "the name of a column", &name));
    return leat_frame_require(a->lex.context, f, name, column);
}

leat_status leati_argument_columns(leati_argument *a, const leat_frame *f, size_t **columns,
                                   size_t *count)
{
    bool more = true;
    *count = 0;
    *columns = leati_arena_calloc(&a->arena, f->columns + 1, sizeof **columns);
    if (!*columns) return leat_error_status(a->lex.context);
    while (more) {
        size_t column, at = a->lex.token.at;
        LEATI_TRY(leati_argument_column(a, f, &column));
        for (size_t i = 0; i < *count; i++)
            if ((*columns)[i] == column)
                return leati_lex_error(&a->lex, at, "column '%s' is named twice", f->name[column]);
        (*columns)[(*count)++] = column;
        LEATI_TRY(leati_lex_take(&a->lex, ",", &more));
    }
    return LEAT_OK;
}

leat_status leati_argument_done(leati_argument *a)
{
    if (a->lex.token.kind == LEATI_TOKEN_END) return LEAT_OK;
    return leati_lex_error(&a->lex, a->lex.token.at, "nothing was expected from here on");
}

leat_status leati_argument_rows(leati_argument *a, size_t rows, size_t *count)
{
    leati_token t = a->lex.token;
    bool percent;
    if (t.kind != LEATI_TOKEN_NUMBER)
        return leati_lex_error(&a->lex, t.at, "a number of rows or a share was expected here");
    LEATI_TRY(leati_lex_next(&a->lex));
    LEATI_TRY(leati_lex_take(&a->lex, "%", &percent));
    if (t.whole && !percent) {
        *count = (uint64_t)t.integer < rows ? (size_t)t.integer : rows;
        return LEAT_OK;
    }
    double share = percent ? t.number / 100 : t.number;
    if (!(share >= 0 && share <= 1))
        return leati_lex_error(&a->lex, t.at,
                               "a share lies between 0 and 1, or between 0%% and 100%%");
    *count = (size_t)nearbyint(share * (double)rows);
    return LEAT_OK;
}

leat_status leati_argument_share(leat_context *c, const leat_frame *f, const char *text,
                                 size_t *count)
{
    leati_argument a;
    *count = 0;
    LEATI_CHECK(c, f->rows < UINT32_MAX, LEAT_LIMIT, "the table has too many rows");
    leat_status st = leati_argument_begin(c, &a, text);
    if (st == LEAT_OK) st = leati_argument_rows(&a, f->rows, count);
    if (st == LEAT_OK) st = leati_argument_done(&a);
    leati_argument_end(&a);
    return st;
}

leat_status leati_argument_method(leati_argument *a, const leat_frame *f, leati_method *m,
                                  bool *more)
{
    bool comma;
    *m = (leati_method){.at = a->lex.token.at};
    *more = a->lex.token.kind != LEATI_TOKEN_END;
    if (!*more) return LEAT_OK;
    LEATI_TRY(leati_lex_name(&a->lex, "the name of a method", &m->name));
    LEATI_TRY(leati_lex_expect(&a->lex, "("));
    bool negative;
    LEATI_TRY(leati_lex_take(&a->lex, "-", &negative));
    if (a->lex.token.kind == LEATI_TOKEN_NUMBER || a->lex.token.kind == LEATI_TOKEN_STRING) {
        m->value = a->lex.token;
        if (negative) {
            m->value.number = -m->value.number;
            m->value.integer = -m->value.integer;
        }
        LEATI_TRY(leati_lex_next(&a->lex));
        LEATI_TRY(leati_lex_take(&a->lex, ",", &comma));
    }
    if (!leati_lex_is(&a->lex, ")"))
        LEATI_TRY(leati_argument_columns(a, f, &m->columns, &m->count));
    LEATI_TRY(leati_lex_expect(&a->lex, ")"));
    LEATI_TRY(leati_lex_take(&a->lex, ",", &comma));
    if (!comma) return leati_argument_done(a);
    if (a->lex.token.kind == LEATI_TOKEN_END)
        return leati_lex_error(&a->lex, a->lex.token.at, "a method was expected behind the comma");
    return LEAT_OK;
}
