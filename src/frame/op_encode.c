/* Owns: texts as numbers: one column per value, or the value's place in sorted order.
 *
 * Whoever learns a model leaves this to the pipeline, which keeps the values it has seen. */
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/table_op.h"

enum { ONEHOT_MOST = 1000 };

/* The distinct values of a column in sorted order, missing left out: place[g] of each group, -1
 * for the missing one; row[p] of each place. */
typedef struct levels {
    leati_groups groups;
    int64_t *place;
    uint32_t *row;
    size_t count;
} levels;

static void levels_free(levels *l)
{
    leati_groups_free(&l->groups);
    leati_free(l->place);
    leati_free(l->row);
}

static leat_status levels_make(leat_context *c, levels *l, const leat_frame *f, size_t column)
{
    const leati_column *col = f->column[column];
    uint64_t *key = NULL, *first_key = NULL;
    uint32_t *order = NULL;
    *l = (levels){0};
    leat_status st = leati_groups_make(c, &l->groups, f, &column, 1);
    if (st != LEAT_OK) return st;
    size_t groups = l->groups.count;
    key = leati_sort_keys(c, col, false);
    first_key = leati_array(c, groups, sizeof *first_key);
    order = leati_array(c, groups, sizeof *order);
    l->place = leati_array(c, groups, sizeof *l->place);
    l->row = leati_array(c, groups, sizeof *l->row);
    if (!key || !first_key || !order || !l->place || !l->row) LEATI_GO(leat_error_status(c));
    for (size_t g = 0; g < groups; g++) {
        first_key[g] = key[l->groups.first[g]];
        order[g] = (uint32_t)g;
    }
    LEATI_GO(leati_sort_by(c, first_key, order, groups));
    for (size_t i = 0; i < groups; i++) {
        uint32_t g = order[i], row = l->groups.first[g];
        l->place[g] = -1;
        if (!leati_valid(col, row)) continue;
        l->place[g] = (int64_t)l->count;
        l->row[l->count++] = row;
    }
out:
    leati_free(key);
    leati_free(first_key);
    leati_free(order);
    if (st != LEAT_OK) levels_free(l);
    return st;
}

static leat_status level_name(const leat_frame *f, size_t column, uint32_t row, leati_str *out)
{
    leati_str_clear(out);
    leati_str_addf(out, "%s_", f->name[column]);
    leati_cell_add(f->column[column], row, out);
    return leati_str_status(out);
}

/* Adds `x_red`, `x_green`, ...: 1 where the row has that value; all 0 where it is missing. */
static leat_status add_onehot(leat_context *c, leat_frame *made, const leat_frame *f, size_t column,
                              const levels *l)
{
    leati_str name;
    LEATI_CHECK(c, l->count <= ONEHOT_MOST, LEAT_LIMIT,
                "column '%s' has %zu values; onehot makes at most %d columns", f->name[column],
                l->count, ONEHOT_MOST);
    leati_str_init(&name, c);
    leat_status st = LEAT_OK;
    for (size_t p = 0; st == LEAT_OK && p < l->count; p++) {
        leati_column *col = leati_column_create(c, LEAT_I64, f->rows);
        for (size_t i = 0; col && i < f->rows; i++)
            col->i64[i] = l->place[l->groups.of[i]] == (int64_t)p;
        st = level_name(f, column, l->row[p], &name);
        if (st == LEAT_OK) st = leati_frame_add(c, made, leati_str_text(&name), col);
        else leati_column_release(col);
    }
    leati_str_fini(&name);
    return st;
}

static leat_status add_ordinal(leat_context *c, leat_frame *made, const leat_frame *f,
                               size_t column, const levels *l)
{
    leati_column *col = leati_column_create(c, LEAT_I64, f->rows);
    for (size_t i = 0; col && i < f->rows; i++) {
        int64_t place = l->place[l->groups.of[i]];
        if (place >= 0) {
            col->i64[i] = place;
        } else if (leati_column_set_missing(c, col, i) != LEAT_OK) {
            leati_column_release(col);
            col = NULL;
        }
    }
    return leati_frame_add(c, made, f->name[column], col);
}

/* What becomes of each column: 0 stays, 'o' one-hot, 'n' its number. */
static leat_status read_plan(leat_context *c, leati_argument *a, const leat_frame *f, char *plan)
{
    leati_method m;
    bool more = true;
    for (;;) {
        LEATI_TRY(leati_argument_method(a, f, &m, &more));
        if (!more) return LEAT_OK;
        bool onehot = strcmp(m.name, "onehot") == 0;
        if (!onehot && strcmp(m.name, "ordinal") != 0)
            return leati_lex_error(
                &a->lex, m.at, "there is no encoding '%s'; there are onehot and ordinal", m.name);
        if (m.value.kind != LEATI_TOKEN_END)
            return leati_lex_error(&a->lex, m.value.at, "encodings take columns only");
        for (size_t i = 0; i < (m.columns ? m.count : f->columns); i++) {
            size_t column = m.columns ? m.columns[i] : i;
            leat_type type = f->column[column]->type;
            if (!m.columns && type != LEAT_STRING) continue;
            LEATI_CHECK(c, type != LEAT_ARRAY, LEAT_INVALID,
                        "column '%s' holds arrays, which cannot be encoded", f->name[column]);
            plan[column] = onehot ? 'o' : 'n';
        }
    }
}

leat_status leat_table_encode(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leati_argument a;
    leat_frame *made = NULL;
    *out = NULL;
    leat_status st = leati_argument_begin(c, &a, text);
    char *plan = st == LEAT_OK ? leati_arena_calloc(&a.arena, f->columns + 1, 1) : NULL;
    if (st == LEAT_OK) st = plan ? read_plan(c, &a, f, plan) : leat_error_status(c);
    if (st == LEAT_OK && !(made = leati_frame_create(c, f->rows))) st = leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < f->columns; i++) {
        levels l;
        if (!plan[i]) {
            st = leati_frame_add(c, made, f->name[i], leati_column_retain(f->column[i]));
            continue;
        }
        st = levels_make(c, &l, f, i);
        if (st != LEAT_OK) break;
        st = plan[i] == 'o' ? add_onehot(c, made, f, i, &l) : add_ordinal(c, made, f, i, &l);
        levels_free(&l);
    }
    leati_argument_end(&a);
    if (st == LEAT_OK) *out = made;
    else leat_frame_release(made);
    return st;
}
