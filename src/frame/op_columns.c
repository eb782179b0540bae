/* Owns: choosing, dropping and renaming columns. */
#include "base/error.h"
#include "base/mem.h"
#include "frame/table_op.h"

leat_status leat_table_select(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leati_argument a;
    size_t *columns = NULL, count = 0;
    *out = NULL;
    leat_status st = leati_argument_begin(c, &a, text);
    if (st == LEAT_OK) st = leati_argument_columns(&a, f, &columns, &count);
    if (st == LEAT_OK) st = leati_argument_done(&a);
    if (st == LEAT_OK) st = leati_columns_of(c, out, f, columns, count);
    leati_argument_end(&a);
    return st;
}

leat_status leat_table_drop(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leati_argument a;
    size_t *columns = NULL, count = 0, kept = 0;
    *out = NULL;
    leat_status st = leati_argument_begin(c, &a, text);
    if (st == LEAT_OK) st = leati_argument_columns(&a, f, &columns, &count);
    if (st == LEAT_OK) st = leati_argument_done(&a);
    size_t *keep = st == LEAT_OK ? LEATI_NEW(c, size_t, f->columns) : NULL;
    if (st == LEAT_OK && !keep) st = leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < f->columns; i++) {
        bool named = false;
        for (size_t k = 0; k < count; k++) named = named || columns[k] == i;
        if (!named) keep[kept++] = i;
    }
    if (st == LEAT_OK) st = leati_columns_of(c, out, f, keep, kept);
    leati_free(keep);
    leati_argument_end(&a);
    return st;
}

static leat_status read_renames(leati_argument *a, const leat_frame *f, const char **names)
{
    bool more = true;
    while (more) {
        const char *name;
        size_t column, at = a->lex.token.at;
        LEATI_TRY(leati_lex_name(&a->lex, "the new name of a column", &name));
        LEATI_TRY(leati_lex_expect(&a->lex, "="));
        LEATI_TRY(leati_argument_column(a, f, &column));
        if (names[column] != f->name[column])
            return leati_lex_error(&a->lex, at, "column '%s' is renamed twice", f->name[column]);
        names[column] = name;
        LEATI_TRY(leati_lex_take(&a->lex, ",", &more));
    }
    return leati_argument_done(a);
}

leat_status leat_table_rename(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leati_argument a;
    leat_frame *made = NULL;
    *out = NULL;
    leat_status st = leati_argument_begin(c, &a, text);
    const char **names = leati_arena_calloc(&a.arena, f->columns + 1, sizeof *names);
    for (size_t i = 0; names && i < f->columns; i++) names[i] = f->name[i];
    if (st == LEAT_OK) st = names ? read_renames(&a, f, names) : leat_error_status(c);
    if (st == LEAT_OK) made = leati_frame_create(c, f->rows);
    if (st == LEAT_OK && !made) st = leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < f->columns; i++)
        st = leati_frame_add(c, made, names[i], leati_column_retain(f->column[i]));
    leati_argument_end(&a);
    if (st == LEAT_OK) *out = made;
    else leat_frame_release(made);
    return st;
}
