/* Owns: the operations group and count. Not: computing aggregates (group_values.c). */
#include "frame/group.h"

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

static const char *const names[LEATI_AGG_COUNT_OF] = {"count", "sum",  "mean",    "median",
                                                      "min",   "max",  "std",     "var",
                                                      "first", "last", "nunique", "quantile"};

const char *leati_aggregate_name(leati_aggregate a)
{
    return names[a];
}

const char *leat_table_aggregate(size_t index)
{
    return index < LEATI_AGG_COUNT_OF ? names[index] : NULL;
}

static leat_status read_function(leati_argument *a, const char *name, size_t at,
                                 leati_aggregate *out)
{
    for (int i = 0; i < LEATI_AGG_COUNT_OF; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *out = (leati_aggregate)i;
        return LEAT_OK;
    }
    const char *near = leati_nearest(name, names, LEATI_AGG_COUNT_OF);
    return leati_lex_error(&a->lex, at,
                           "there is no aggregate '%s'%s%s%s; there are count, sum, mean, median, "
                           "min, max, std, var, first, last, nunique and quantile",
                           name, near ? ". Did you mean '" : "", near ? near : "",
                           near ? "'?" : "");
}

static leat_status default_name(leati_argument *a, const leat_frame *f, leati_call *call)
{
    leati_str s;
    char number[LEATI_NUM_SIZE] = "";
    leati_str_init(&s, a->lex.context);
    if (call->has_column) leati_str_addf(&s, "%s_", f->name[call->column]);
    leati_str_add(&s, names[call->aggregate]);
    if (call->aggregate == LEATI_AGG_QUANTILE) {
        leati_num_format(call->q, number);
        leati_str_addf(&s, "_%s", number);
    }
    call->name = leati_arena_strdup(&a->arena, leati_str_text(&s));
    leat_status st = leati_str_status(&s);
    leati_str_fini(&s);
    return call->name ? st : leat_error_status(a->lex.context);
}

leat_status leati_argument_aggregate(leati_argument *a, const leat_frame *f, leati_call *out)
{
    const char *word;
    size_t at = a->lex.token.at;
    bool given;
    *out = (leati_call){.q = 0.5};
    LEATI_TRY(leati_lex_name(&a->lex, "an aggregate such as mean(column)", &word));
    LEATI_TRY(leati_lex_take(&a->lex, "=", &given));
    if (given) {
        out->name = word;
        at = a->lex.token.at;
        LEATI_TRY(leati_lex_name(&a->lex, "an aggregate such as mean(column)", &word));
    }
    LEATI_TRY(read_function(a, word, at, &out->aggregate));
    LEATI_TRY(leati_lex_expect(&a->lex, "("));
    out->has_column = !leati_lex_is(&a->lex, ")");
    if (out->has_column) LEATI_TRY(leati_argument_column(a, f, &out->column));
    else if (out->aggregate != LEATI_AGG_COUNT)
        return leati_lex_error(&a->lex, a->lex.token.at, "'%s' needs a column", word);
    if (out->aggregate == LEATI_AGG_QUANTILE) {
        LEATI_TRY(leati_lex_expect(&a->lex, ","));
        leati_token t = a->lex.token;
        if (t.kind != LEATI_TOKEN_NUMBER || !(t.number >= 0 && t.number <= 1))
            return leati_lex_error(&a->lex, t.at, "a number from 0 to 1 was expected here");
        out->q = t.number;
        LEATI_TRY(leati_lex_next(&a->lex));
    }
    LEATI_TRY(leati_lex_expect(&a->lex, ")"));
    return given ? LEAT_OK : default_name(a, f, out);
}

leat_status leati_grouping_keys(leat_context *c, leat_frame *made, const leat_frame *f,
                                const size_t *keys, size_t count, const leati_grouping *g)
{
    for (size_t i = 0; i < count; i++)
        LEATI_TRY(leati_frame_add(
            c, made, f->name[keys[i]],
            leati_column_take(c, f->column[keys[i]], g->groups.first, g->groups.count)));
    return LEAT_OK;
}

static leat_status add_aggregate(leat_context *c, leat_frame *made, const leat_frame *f,
                                 leati_grouping *g, const leati_call *call)
{
    leati_column *col;
    const leati_column *of = call->has_column ? f->column[call->column] : NULL;
    const char *name = call->has_column ? f->name[call->column] : "";
    LEATI_TRY(leati_aggregate_column(c, &col, g, call->aggregate, of, name, call->q));
    return leati_frame_add(c, made, call->name, col);
}

static leat_status add_aggregates(leat_context *c, leati_argument *a, leat_frame *made,
                                  const leat_frame *f, leati_grouping *g)
{
    bool more;
    leati_call call = {.aggregate = LEATI_AGG_COUNT, .name = "count"};
    LEATI_TRY(leati_lex_take(&a->lex, ":", &more));
    if (!more) LEATI_TRY(add_aggregate(c, made, f, g, &call));
    while (more) {
        LEATI_TRY(leati_argument_aggregate(a, f, &call));
        LEATI_TRY(add_aggregate(c, made, f, g, &call));
        LEATI_TRY(leati_lex_take(&a->lex, ",", &more));
    }
    return leati_argument_done(a);
}

leat_status leat_table_group(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leati_argument a;
    leati_grouping g = {.rows = f->rows};
    leat_frame *made = NULL;
    size_t *keys = NULL, count = 0;
    *out = NULL;
    leat_status st = leati_argument_begin(c, &a, text);
    if (st == LEAT_OK) st = leati_argument_columns(&a, f, &keys, &count);
    if (st == LEAT_OK) st = leati_groups_make(c, &g.groups, f, keys, count);
    if (st == LEAT_OK && !(made = leati_frame_create(c, g.groups.count))) st = leat_error_status(c);
    if (st == LEAT_OK) st = leati_grouping_keys(c, made, f, keys, count, &g);
    if (st == LEAT_OK) st = add_aggregates(c, &a, made, f, &g);
    leati_grouping_free(&g);
    leati_argument_end(&a);
    if (st == LEAT_OK) *out = made;
    else leat_frame_release(made);
    return st;
}

/* Groups with their number of rows, largest first, ties by first appearance. */
leat_status leat_table_count(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leat_frame *counts;
    leati_str argument;
    *out = NULL;
    leati_str_init(&argument, c);
    leati_str_addf(&argument, "%s: count = count()", text);
    leat_status st = leati_str_status(&argument);
    if (st == LEAT_OK) st = leat_table_group(c, &counts, f, leati_str_text(&argument));
    leati_str_fini(&argument);
    if (st != LEAT_OK) return st;
    st = leat_table_sort(c, out, counts, "-count");
    leat_frame_release(counts);
    return st;
}
