/* Owns: giving columns the types and missing values that the user names, cell by cell by way of
 * text. Not: what a text can be (infer.c). */
#include "frame/retype.h"

#include <math.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/infer.h"
#include "frame/table_op.h"

enum { SHOWN = 40, NOTED = 4 };

typedef struct retyping {
    leat_context *context;
    const leat_frame *frame;
    leati_rules rules;
    bool missing_words; /* named by the user; else nothing becomes missing */
    leat_type *type;    /* (columns) wanted */
    uint8_t *bad;       /* (rows) does not fit; NULL: such a row is an error */
    size_t bad_rows;
    leat_read_report *report;
    leati_str text; /* of a cell */
} retyping;

/* `types` as the options have them; `expected`: of columns that may be lacking or be named by
 * `types` already. */
static leat_status read_types(retyping *r, const char *types, bool expected)
{
    leat_context *c = r->context;
    for (const char *p = types; p && *p;) {
        size_t n = strcspn(p, ","), split = n, at;
        leat_type type;
        while (split && p[split - 1] != ':') split--;
        LEATI_CHECK(c, split > 1, LEAT_INVALID,
                    "'%.*s' in the types is not of the form column:type", (int)n, p);
        LEATI_TRY(leati_type_parse(c, p + split, n - split, &type));
        char *name = leati_strndup(c, p, split - 1);
        if (!name) return leat_error_status(c);
        leat_status st = LEAT_OK;
        bool there = leat_frame_find(r->frame, name, &at);
        if (!there && !expected) st = leat_frame_require(c, r->frame, name, &at);
        leati_free(name);
        LEATI_TRY(st);
        if (there && !(expected && r->type[at] != r->frame->column[at]->type)) r->type[at] = type;
        p += n + (p[n] == ',');
    }
    return LEAT_OK;
}

/* Whether the text is a value of the column's type; texts are the map's. */
static bool put(leati_column *to, size_t row, const leati_rules *rules, const char *text, size_t n)
{
    bool whole = true;
    double number;
    switch (to->type) {
    case LEAT_F64: return leati_value_number(rules, text, n, &to->f64[row], NULL, NULL);
    case LEAT_I64:
        return leati_value_number(rules, text, n, &number, &whole, &to->i64[row]) && whole;
    case LEAT_TIME: return leati_value_time(text, n, &to->i64[row]);
    case LEAT_BOOL: return leati_value_bool(text, n, true, &to->u8[row]);
    default: return false;
    }
}

/* The row is left out, or the reason why the table cannot be read. */
static leat_status refuse(retyping *r, size_t column, size_t row)
{
    const char *text = leati_str_text(&r->text), *name = r->frame->name[column];
    const char *type = leat_type_name(r->type[column]);
    int shown = (int)(r->text.length < SHOWN ? r->text.length : SHOWN);
    if (!r->bad) {
        LEATI_FAIL(r->context, LEAT_FORMAT, "row %zu, column %s: '%.*s' is not a %s", row + 1, name,
                   shown, text, type);
        return leati_error_hint(r->context, "to leave such rows out: --on-error skip");
    }
    if (r->bad[row]) return LEAT_OK;
    r->bad[row] = 1;
    if (++r->bad_rows > NOTED) return LEAT_OK;
    return leati_report_note(r->report, SIZE_MAX,
                             "row %zu, column %s: '%.*s' is not a %s (row left out)", row + 1, name,
                             shown, text, type);
}

static leat_status fill(retyping *r, size_t column, leati_column *to, leati_map *texts)
{
    const leati_column *from = r->frame->column[column];
    for (size_t row = 0; row < from->rows; row++) {
        leati_str_clear(&r->text);
        if (leati_valid(from, row)) leati_cell_add(from, row, &r->text);
        LEATI_TRY(leati_str_status(&r->text));
        const char *text = leati_str_text(&r->text);
        size_t n = r->text.length;
        bool gap = !leati_valid(from, row) ||
                   (r->missing_words && leati_is_missing(&r->rules, text, n)) ||
                   (n == 0 && to->type != LEAT_STRING);
        if (gap) {
            LEATI_TRY(leati_column_set_missing(r->context, to, row));
        } else if (to->type == LEAT_STRING) {
            to->codes[row] = leati_map_put(texts, text, n);
            if (to->codes[row] == LEATI_MAP_NONE) return leat_error_status(r->context);
        } else if (!put(to, row, &r->rules, text, n)) {
            LEATI_TRY(refuse(r, column, row));
        }
    }
    return LEAT_OK;
}

/* The column with the wanted type. NULL on failure. */
static leati_column *retyped(retyping *r, size_t column)
{
    leat_context *c = r->context;
    leati_column *from = r->frame->column[column];
    bool array = from->type == LEAT_ARRAY;
    if (r->type[column] == from->type && (array || !r->missing_words))
        return leati_column_retain(from);
    if (array) {
        LEATI_FAIL(c, LEAT_TYPE, "the column '%s' holds arrays; they have no other type",
                   r->frame->name[column]);
        return NULL;
    }
    leati_map texts;
    leati_map_init(&texts, c);
    leati_column *to = leati_column_create(c, r->type[column], from->rows);
    bool good = to && fill(r, column, to, &texts) == LEAT_OK;
    if (good && to->type == LEAT_STRING) good = (to->dict = leati_dict_from_map(c, &texts)) != NULL;
    leati_map_fini(&texts);
    if (good) return to;
    leati_column_release(to);
    return NULL;
}

/* Without the rows that do not fit. */
static leat_status drop_bad(retyping *r, leat_frame **f)
{
    leat_context *c = r->context;
    size_t rows = (*f)->rows, kept = 0;
    LEATI_CHECK(c, r->bad_rows < rows, LEAT_FORMAT, "no row is left: none fits the types");
    uint32_t *row = leati_array(c, rows, sizeof *row);
    if (!row) return leat_error_status(c);
    for (size_t i = 0; i < rows; i++)
        if (!r->bad[i]) row[kept++] = (uint32_t)i;
    leat_frame *few = leati_frame_take(c, *f, row, kept);
    leati_free(row);
    if (!few) return leat_error_status(c);
    leat_frame_release(*f);
    *f = few;
    if (!r->report) return LEAT_OK;
    r->report->dropped += r->bad_rows;
    if (r->bad_rows <= NOTED) return LEAT_OK;
    return leati_report_note(r->report, SIZE_MAX, "%zu more rows were left out",
                             r->bad_rows - NOTED);
}

static leat_status run(retyping *r, const leat_read_options *o, leat_frame **out)
{
    leat_context *c = r->context;
    const leat_frame *f = r->frame;
    LEATI_CHECK(c, f->rows < UINT32_MAX, LEAT_LIMIT, "the table has too many rows");
    LEATI_TRY(
        leati_rules_init(c, &r->rules, o->decimal ? o->decimal : '.', o->thousands, o->missing));
    r->type = leati_array(c, f->columns, sizeof *r->type);
    if (o->on_error == LEAT_ON_ERROR_SKIP) r->bad = LEATI_NEW(c, uint8_t, f->rows);
    LEATI_TRY(leat_error_status(c));
    for (size_t i = 0; i < f->columns; i++) r->type[i] = f->column[i]->type;
    LEATI_TRY(read_types(r, o->types, false));
    LEATI_TRY(read_types(r, o->expected, true));
    leat_frame *made = leati_frame_create(c, f->rows);
    leat_status st = made ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < f->columns; i++)
        st = leati_frame_add(c, made, f->name[i], retyped(r, i));
    if (st == LEAT_OK && r->bad_rows) st = drop_bad(r, &made);
    if (st == LEAT_OK) *out = made;
    else leat_frame_release(made);
    return st;
}

leat_status leati_retype(leat_context *c, leat_frame **f, const leat_read_options *options,
                         leat_read_report *report)
{
    leat_frame *made = NULL;
    if (!options->types && !options->expected && !options->missing) return LEAT_OK;
    retyping r = {
        .context = c, .frame = *f, .missing_words = options->missing != NULL, .report = report};
    leati_str_init(&r.text, c);
    leat_status st = run(&r, options, &made);
    leati_str_fini(&r.text);
    leati_free(r.type);
    leati_free(r.bad);
    if (st != LEAT_OK) return st;
    leat_frame_release(*f);
    *f = made;
    return LEAT_OK;
}
