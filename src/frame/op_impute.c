/* Owns: filling missing values. */
#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/group.h"

/* The same column with every missing value replaced by that of row `row` of `from`. */
static leati_column *fill_from(leat_context *c, const leati_column *col, const leati_column *from)
{
    leati_column *both = leati_column_concat(c, col, col->rows, from, from->rows, "");
    uint32_t *rows = leati_array(c, col->rows, sizeof *rows);
    leati_column *made = NULL;
    for (size_t i = 0; rows && i < col->rows; i++)
        rows[i] = (uint32_t)(leati_valid(col, i) ? i : col->rows);
    if (both && rows) made = leati_column_take(c, both, rows, col->rows);
    leati_column_release(both);
    leati_free(rows);
    return made;
}

/* The most frequent value; of equally frequent ones the first. */
static leati_column *mode_of(leat_context *c, const leat_frame *f, size_t column)
{
    leati_groups g;
    const leati_column *col = f->column[column];
    if (leati_groups_make(c, &g, f, &column, 1) != LEAT_OK) return NULL;
    uint32_t *count = LEATI_NEW(c, uint32_t, g.count), row = UINT32_MAX, most = 0;
    for (size_t i = 0; count && i < col->rows; i++) count[g.of[i]] += leati_valid(col, i);
    for (size_t k = 0; count && k < g.count; k++) {
        if (count[k] <= most) continue;
        most = count[k];
        row = g.first[k];
    }
    leati_column *value = count ? leati_column_take(c, col, &row, 1) : NULL;
    leati_free(count);
    leati_groups_free(&g);
    return value;
}

static leati_column *statistic_of(leat_context *c, const leati_column *col, const char *name,
                                  leati_aggregate a)
{
    leati_grouping g = {.rows = col->rows};
    leati_column *value = NULL;
    g.groups.of = LEATI_NEW(c, uint32_t, col->rows);
    g.groups.count = 1;
    if (g.groups.of && leati_aggregate_column(c, &value, &g, a, col, name, 0.5) != LEAT_OK)
        value = NULL;
    leati_grouping_free(&g);
    return value;
}

/* The constant as a column of one row, in the column's own type where it fits. */
static leati_column *constant_of(leat_context *c, const leati_method *m, const leati_column *col)
{
    const leati_token *t = &m->value;
    bool text = t->kind == LEATI_TOKEN_STRING;
    leat_type type = text ? LEAT_STRING : t->whole && col->type != LEAT_F64 ? LEAT_I64 : LEAT_F64;
    leati_column *value = leati_column_create(c, type, 1);
    if (!value) return NULL;
    if (type == LEAT_F64) value->f64[0] = t->number;
    if (type == LEAT_I64) value->i64[0] = t->integer;
    if (!text) return value;
    leati_map map;
    leati_map_init(&map, c);
    if (leati_map_put(&map, t->text, t->length) != LEATI_MAP_NONE)
        value->dict = leati_dict_from_map(c, &map);
    leati_map_fini(&map);
    if (value->dict) return value;
    leati_column_release(value);
    return NULL;
}

/* The last value before each gap. */
static leati_column *forward(leat_context *c, const leati_column *col)
{
    uint32_t *rows = leati_array(c, col->rows, sizeof *rows), last = UINT32_MAX;
    leati_column *made = NULL;
    for (size_t i = 0; rows && i < col->rows; i++) {
        if (leati_valid(col, i)) last = (uint32_t)i;
        rows[i] = last;
    }
    if (rows) made = leati_column_take(c, col, rows, col->rows);
    leati_free(rows);
    return made;
}

/* Whether a column can be filled this way; without columns, all that fit are. */
static bool fits(const leati_method *m, const leati_column *col)
{
    bool number = col->type == LEAT_F64 || col->type == LEAT_I64 || col->type == LEAT_BOOL;
    if (col->type == LEAT_ARRAY) return strcmp(m->name, "forward") == 0;
    if (strcmp(m->name, "mean") == 0 || strcmp(m->name, "median") == 0) return number;
    if (strcmp(m->name, "constant") == 0)
        return m->value.kind == LEATI_TOKEN_STRING ? col->type == LEAT_STRING : number;
    return true;
}

static leati_column *impute_column(leat_context *c, leati_argument *a, const leat_frame *f,
                                   const leati_method *m, size_t column)
{
    const leati_column *col = f->column[column];
    const char *name = f->name[column];
    leati_column *value = NULL, *made = NULL;
    if (!fits(m, col)) {
        if (m->value.kind == LEATI_TOKEN_END)
            LEATI_FAIL(c, LEAT_INVALID, "%s(%s): the column is %s", m->name, name,
                       leat_type_name(col->type));
        else
            leati_lex_error(&a->lex, m->value.at, "column '%s' is %s: this value does not fit",
                            name, leat_type_name(col->type));
        return NULL;
    }
    if (col->missing == 0) return leati_column_retain(f->column[column]);
    if (strcmp(m->name, "forward") == 0) return forward(c, col);
    if (strcmp(m->name, "mean") == 0) value = statistic_of(c, col, name, LEATI_AGG_MEAN);
    else if (strcmp(m->name, "median") == 0) value = statistic_of(c, col, name, LEATI_AGG_MEDIAN);
    else if (strcmp(m->name, "constant") == 0) value = constant_of(c, m, col);
    else value = mode_of(c, f, column);
    if (value) made = fill_from(c, col, value);
    leati_column_release(value);
    return made;
}

static leat_status check_method(leati_argument *a, const leati_method *m)
{
    static const char *const names[] = {"mean", "median", "mode", "constant", "forward"};
    bool known = false, constant = strcmp(m->name, "constant") == 0;
    for (int i = 0; i < 5; i++) known = known || strcmp(m->name, names[i]) == 0;
    if (!known)
        return leati_lex_error(&a->lex, m->at,
                               "there is no way '%s' to fill; there are mean, median, mode, "
                               "constant and forward",
                               m->name);
    if (constant != (m->value.kind != LEATI_TOKEN_END))
        return leati_lex_error(&a->lex, m->at,
                               constant ? "constant needs its value first: constant(0, column)"
                                        : "only constant takes a value");
    return LEAT_OK;
}

leat_status leat_table_impute(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leati_argument a;
    leati_method m;
    leat_frame *made = NULL;
    bool more = true;
    *out = NULL;
    leat_status st = leati_argument_begin(c, &a, text);
    if (st == LEAT_OK && f->rows >= UINT32_MAX - 1)
        st = LEATI_FAIL(c, LEAT_LIMIT, "the table has too many rows");
    if (st == LEAT_OK) st = leati_frame_copy(c, &made, f);
    while (st == LEAT_OK) {
        st = leati_argument_method(&a, made, &m, &more);
        if (st != LEAT_OK || !more) break;
        st = check_method(&a, &m);
        for (size_t i = 0; st == LEAT_OK && i < (m.columns ? m.count : made->columns); i++) {
            size_t column = m.columns ? m.columns[i] : i;
            if (!m.columns && !fits(&m, made->column[column])) continue;
            st = leati_frame_set(c, made, made->name[column],
                                 impute_column(c, &a, made, &m, column));
        }
    }
    leati_argument_end(&a);
    if (st == LEAT_OK) *out = made;
    else leat_frame_release(made);
    return st;
}
