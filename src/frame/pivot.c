/* Owns: the operation pivot. Not: groups (group_keys.c), aggregates (group_values.c). */
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/group.h"

typedef struct pivot {
    size_t *rows, row_count; /* key columns */
    size_t *across, across_count;
    leati_call call;
} pivot;

static leat_status read_pivot(leati_argument *a, const leat_frame *f, pivot *p)
{
    LEATI_TRY(leati_argument_columns(a, f, &p->rows, &p->row_count));
    LEATI_TRY(leati_lex_expect(&a->lex, ":"));
    LEATI_TRY(leati_argument_columns(a, f, &p->across, &p->across_count));
    if (p->across_count != 1)
        return leati_lex_error(&a->lex, a->lex.token.at, "one column gives the new columns");
    LEATI_TRY(leati_lex_expect(&a->lex, ":"));
    LEATI_TRY(leati_argument_aggregate(a, f, &p->call));
    return leati_argument_done(a);
}

/* Cells of the result: groups of row keys and across key together. */
typedef struct cells {
    leati_grouping both;
    leati_column *value;      /* (both.groups.count) */
    uint32_t *across;         /* (both.groups.count) the new column of each */
    uint32_t *order, *starts; /* the cells by new column */
} cells;

static void cells_free(cells *x)
{
    leati_grouping_free(&x->both);
    leati_column_release(x->value);
    leati_free(x->across);
    leati_free(x->order);
    leati_free(x->starts);
}

static leat_status make_cells(leat_context *c, cells *x, const leat_frame *f, const pivot *p,
                              const size_t *keys, const leati_groups *across)
{
    const leati_column *of = p->call.has_column ? f->column[p->call.column] : NULL;
    LEATI_TRY(leati_groups_make(c, &x->both.groups, f, keys, p->row_count + 1));
    LEATI_TRY(leati_aggregate_column(c, &x->value, &x->both, p->call.aggregate, of,
                                     of ? f->name[p->call.column] : "", p->call.q));
    size_t count = x->both.groups.count;
    x->across = leati_array(c, count, sizeof *x->across);
    if (!x->across) return leat_error_status(c);
    for (size_t g = 0; g < count; g++) x->across[g] = across->of[x->both.groups.first[g]];
    leati_groups by = {.of = x->across, .count = across->count};
    return leati_groups_order(c, &by, count, &x->order, &x->starts);
}

/* New column k, named by the text of its key: each cell into its row's place. */
static leat_status add_across(leat_context *c, leat_frame *made, const leati_column *key,
                              uint32_t key_row, const cells *x, const leati_groups *down, size_t k,
                              uint32_t *from)
{
    leati_str name;
    memset(from, 0xff, down->count * sizeof *from);
    for (uint32_t i = x->starts[k]; i < x->starts[k + 1]; i++)
        from[down->of[x->both.groups.first[x->order[i]]]] = x->order[i];
    leati_str_init(&name, c);
    if (leati_valid(key, key_row)) leati_cell_add(key, key_row, &name);
    else leati_str_add(&name, "missing");
    leat_status st = leati_str_status(&name);
    if (st == LEAT_OK)
        st = leati_frame_add(c, made, leati_str_text(&name),
                             leati_column_take(c, x->value, from, down->count));
    leati_str_fini(&name);
    return st;
}

/* `keys`: the columns of the row keys and that of the across key behind them. */
static leat_status pivot_frame(leat_context *c, leat_frame **out, const leat_frame *f,
                               const pivot *p, const size_t *keys)
{
    enum { ACROSS_MOST = 4096 };
    leati_groups across = {0};
    leati_grouping down = {.rows = f->rows};
    cells x = {.both = {.rows = f->rows}};
    leat_frame *made = NULL;
    uint32_t *from = NULL;
    leat_status st = LEAT_OK;
    LEATI_GO(leati_groups_make(c, &across, f, p->across, 1));
    if (across.count > ACROSS_MOST)
        LEATI_GO(LEATI_FAIL(c, LEAT_LIMIT,
                            "column '%s' has %zu values; a pivot makes at most %d columns",
                            f->name[p->across[0]], across.count, ACROSS_MOST));
    LEATI_GO(leati_groups_make(c, &down.groups, f, p->rows, p->row_count));
    LEATI_GO(make_cells(c, &x, f, p, keys, &across));
    made = leati_frame_create(c, down.groups.count);
    from = leati_array(c, down.groups.count, sizeof *from);
    if (!made || !from) LEATI_GO(leat_error_status(c));
    LEATI_GO(leati_grouping_keys(c, made, f, p->rows, p->row_count, &down));
    for (size_t k = 0; k < across.count; k++)
        LEATI_GO(add_across(c, made, f->column[p->across[0]], across.first[k], &x, &down.groups, k,
                            from));
    *out = made;
    made = NULL;
out:
    leati_groups_free(&across);
    leati_grouping_free(&down);
    cells_free(&x);
    leati_free(from);
    leat_frame_release(made);
    return st;
}

leat_status leat_table_pivot(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leati_argument a;
    pivot p = {0};
    *out = NULL;
    leat_status st = leati_argument_begin(c, &a, text);
    if (st == LEAT_OK) st = read_pivot(&a, f, &p);
    size_t *keys = NULL;
    if (st == LEAT_OK) keys = leati_arena_calloc(&a.arena, p.row_count + 1, sizeof *keys);
    if (st == LEAT_OK && !keys) st = leat_error_status(c);
    for (size_t i = 0; keys && i <= p.row_count; i++)
        keys[i] = i < p.row_count ? p.rows[i] : p.across[0];
    if (st == LEAT_OK) st = pivot_frame(c, out, f, &p, keys);
    leati_argument_end(&a);
    return st;
}
