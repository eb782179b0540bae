/* Owns: columns computed by expressions. */
#include "base/error.h"
#include "base/mem.h"
#include "frame/expr.h"
#include "frame/table_op.h"

/* The offset where the expression that begins at the current token ends: a comma outside of
 * parentheses, or the end. Goes on to there. */
static leat_status skip_expression(leati_lex *lex, size_t *end)
{
    int depth = 0;
    for (;;) {
        *end = lex->token.at;
        if (lex->token.kind == LEATI_TOKEN_END) return LEAT_OK;
        if (depth == 0 && leati_lex_is(lex, ",")) return LEAT_OK;
        depth += leati_lex_is(lex, "(") - leati_lex_is(lex, ")");
        LEATI_TRY(leati_lex_next(lex));
    }
}

static leat_status derive_one(leat_context *c, leati_argument *a, leat_frame *f)
{
    const char *name;
    size_t from, end = 0;
    leati_expr *e;
    LEATI_TRY(leati_lex_name(&a->lex, "the name of the new column", &name));
    LEATI_TRY(leati_lex_expect(&a->lex, "="));
    from = a->lex.token.at;
    LEATI_TRY(skip_expression(&a->lex, &end));
    const char *text = leati_arena_strndup(&a->arena, a->lex.text + from, end - from);
    if (!text) return leat_error_status(c);
    LEATI_TRY(leati_expr_compile(c, &e, f, text));
    leat_status st = leati_frame_set(c, f, name, leati_expr_column(c, e, f));
    leati_expr_destroy(e);
    return st;
}

/* Later expressions see the columns that earlier ones made. */
leat_status leat_table_derive(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leati_argument a;
    leat_frame *made = NULL;
    bool more = true;
    *out = NULL;
    leat_status st = leati_argument_begin(c, &a, text);
    if (st == LEAT_OK) st = leati_frame_copy(c, &made, f);
    while (st == LEAT_OK && more) {
        st = derive_one(c, &a, made);
        if (st == LEAT_OK) st = leati_lex_take(&a.lex, ",", &more);
    }
    leati_argument_end(&a);
    if (st == LEAT_OK) *out = made;
    else leat_frame_release(made);
    return st;
}
