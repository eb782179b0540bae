/* Owns: deciding what columns and target are. Not: learning from values (encoder.c). */
#include "learn/schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "frame/infer.h"
#include "io/encoding.h"

/* Rules, stated in docs/preprocessing.md. */
enum {
    FEW_CLASSES = 20,      /* a whole-number target with at most so many values is a class */
    ROWS_PER_CLASS = 5,    /* ... if each has this many rows on average */
    IDENTIFIER_LEAST = 20, /* texts with more distinct values than this and than half the rows */
    MISSING_MOST = 95      /* per cent missing above which a column is left out */
};

static bool named(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, list[i]) == 0) return true;
    return false;
}

void leati_schema_fini(leati_schema *s)
{
    for (size_t i = 0; i < s->count; i++) {
        leati_free(s->columns[i].name);
        leati_free(s->columns[i].note);
    }
    for (uint32_t k = 0; s->class_names && k < s->classes; k++) leati_free(s->class_names[k]);
    leati_free(s->class_names);
    leati_free(s->columns);
    leati_free(s->target);
    *s = (leati_schema){0};
}

leat_status leati_schema_copy(leat_context *c, leati_schema *out, const leati_schema *s)
{
    *out = *s;
    out->target = leati_strdup(c, s->target);
    out->columns = LEATI_NEW(c, leati_schema_column, s->count);
    out->class_names = s->classes ? LEATI_NEW(c, char *, s->classes) : NULL;
    bool failed = !out->target || !out->columns || (s->classes && !out->class_names);
    if (!out->columns) out->count = 0;
    for (size_t i = 0; !failed && i < s->count; i++) {
        leati_schema_column *to = &out->columns[i];
        *to = s->columns[i];
        to->name = leati_strdup(c, s->columns[i].name);
        to->note = s->columns[i].note ? leati_strdup(c, s->columns[i].note) : NULL;
        failed = !to->name || (s->columns[i].note && !to->note);
    }
    for (uint32_t k = 0; !failed && k < s->classes; k++)
        failed = !(out->class_names[k] = leati_strdup(c, s->class_names[k]));
    if (!failed) return LEAT_OK;
    leati_schema_fini(out);
    return leat_error_status(c);
}

/* The value of a cell as bytes that are equal for equal values. */
static const void *cell_key(const leati_column *col, size_t row, size_t *length)
{
    if (col->type == LEAT_STRING) return leati_dict_text(col->dict, col->codes[row], length);
    *length = col->type == LEAT_BOOL ? 1 : 8;
    return (const char *)col->data + row * *length;
}

static double cell_number(const leati_column *col, size_t row)
{
    if (col->type == LEAT_F64) return col->f64[row];
    return col->type == LEAT_BOOL ? (double)col->u8[row] : (double)col->i64[row];
}

/* Distinct values, up to the stated most. */
static leat_status count_distinct(leat_context *c, const leati_column *col, size_t *out)
{
    leati_map seen;
    leati_map_init(&seen, c);
    leat_status st = LEAT_OK;
    for (size_t r = 0; r < col->rows && seen.count < LEATI_DISTINCT_MOST; r++) {
        size_t n;
        if (!leati_valid(col, r)) continue;
        const void *key = cell_key(col, r, &n);
        if (leati_map_put(&seen, key, n) == LEATI_MAP_NONE) {
            st = leat_error_status(c);
            break;
        }
    }
    *out = seen.count;
    leati_map_fini(&seen);
    return st;
}

static void find_range(const leati_column *col, double *low, double *high)
{
    *low = *high = (double)NAN;
    if (col->type == LEAT_STRING || col->type == LEAT_ARRAY) return;
    for (size_t r = 0; r < col->rows; r++) {
        if (!leati_valid(col, r)) continue;
        double v = cell_number(col, r);
        if (!(v >= *low)) *low = v;
        if (!(v <= *high)) *high = v;
    }
}

/* 0,1,2,... or any run with step 1: a row number. */
static bool is_row_number(const leati_column *col)
{
    if (col->type != LEAT_I64 || col->missing || col->rows < 3) return false;
    for (size_t r = 1; r < col->rows; r++)
        if (col->i64[r] - col->i64[r - 1] != 1) return false;
    return true;
}

static const char an_identifier[] = "an identifier";

/* Why a column should be left out, or NULL. */
static const char *reason_to_drop(const leati_column *col, size_t distinct, bool sequences)
{
    if (col->rows && col->missing == col->rows) return "no value is present";
    if (col->type == LEAT_ARRAY) return NULL;
    if (distinct <= 1 && !col->missing) return "constant";
    if (distinct <= 1) return "one value only, else missing";
    if (col->missing * 100 > col->rows * MISSING_MOST) return "nearly all missing";
    if (is_row_number(col)) return "a row number";
    bool text = col->type == LEAT_STRING && !sequences;
    if (text && distinct > IDENTIFIER_LEAST && distinct * 2 > col->rows - col->missing)
        return an_identifier;
    return NULL;
}

static leati_role natural_role(leat_type type)
{
    switch (type) {
    case LEAT_STRING: return LEATI_ROLE_CATEGORY;
    case LEAT_TIME: return LEATI_ROLE_TIME;
    case LEAT_ARRAY: return LEATI_ROLE_ARRAY;
    default: return LEATI_ROLE_NUMBER;
    }
}

/* Texts stand in the model file as JSON and are compared as C strings. */
static leat_status check_text(leat_context *c, const char *name, const leati_column *col)
{
    for (uint32_t i = 0; col->type == LEAT_STRING && col->dict && i < col->dict->count; i++) {
        size_t n;
        const char *text = leati_dict_text(col->dict, i, &n);
        LEATI_CHECK(c, strlen(text) == n && leati_utf8_valid(text, n), LEAT_FORMAT,
                    "the column '%s' holds a text with a zero byte or one that is not UTF-8", name);
    }
    return LEAT_OK;
}

static leat_status add_column(leat_context *c, leati_schema *s, const leat_frame *f, size_t at,
                              const leati_schema_options *o)
{
    const leati_column *col = f->column[at];
    leati_schema_column *out = &s->columns[s->count];
    const char *note = NULL;
    *out = (leati_schema_column){.type = col->type, .missing = col->missing, .item = col->item};
    memcpy(out->shape, col->shape, sizeof out->shape);
    if (!(out->name = leati_strdup(c, f->name[at]))) return leat_error_status(c);
    s->count++;
    if (col->type != LEAT_ARRAY) LEATI_TRY(count_distinct(c, col, &out->distinct));
    find_range(col, &out->low, &out->high);
    out->role = natural_role(col->type);
    if (col->type == LEAT_STRING && s->tokens.text[0]) out->role = LEATI_ROLE_TOKENS;
    if (named(out->name, o->reserved, o->reserved_count)) note = "used for the splits";
    else if (named(out->name, o->drop, o->drop_count)) note = "as asked";
    else if (!named(out->name, o->keep, o->keep_count) && !named("*", o->keep, o->keep_count))
        note = reason_to_drop(col, out->distinct, s->tokens.text[0]);
    if (!note) {
        s->used++;
        return check_text(c, out->name, col);
    }
    out->role = LEATI_ROLE_LEFT_OUT;
    out->note = leati_strdup(c, note);
    return out->note ? LEAT_OK : leat_error_status(c);
}

static leat_status check_names(leat_context *c, const leat_frame *f, const char *const *list,
                               size_t count)
{
    size_t ignored;
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], "*") != 0) LEATI_TRY(leat_frame_require(c, f, list[i], &ignored));
    return LEAT_OK;
}

/* Whether all texts are words for true and false, such as yes and no. */
static bool holds_truths(const leati_column *col)
{
    uint8_t truth;
    size_t n;
    for (uint32_t i = 0; col->dict && i < col->dict->count; i++) {
        const char *text = leati_dict_text(col->dict, i, &n);
        if (!leati_value_bool(text, n, true, &truth)) return false;
    }
    return true;
}

static leat_status decide_task(leat_context *c, leati_schema *s, const leati_column *col,
                               const char *task, size_t distinct)
{
    bool numeric = col->type == LEAT_F64 || col->type == LEAT_I64;
    LEATI_CHECK(c, col->type != LEAT_ARRAY && col->type != LEAT_TIME, LEAT_TYPE,
                "the target '%s' holds %ss; a target is a number, a text or a bool", s->target,
                leat_type_name(col->type));
    s->task = LEATI_CLASSIFY;
    if (task && strcmp(task, "regression") == 0) {
        LEATI_CHECK(c, numeric || col->type == LEAT_BOOL, LEAT_TYPE,
                    "the target '%s' holds texts, regression needs numbers; leave --task out or "
                    "set the type with --types %s:%s",
                    s->target, s->target, holds_truths(col) ? "bool" : "number");
        s->task = LEATI_REGRESS;
        s->task_reason = "as asked";
        return LEAT_OK;
    }
    if (task) {
        LEATI_CHECK(c, strcmp(task, "classification") == 0, LEAT_INVALID,
                    "the task is 'classification' or 'regression', not '%s'", task);
        s->task_reason = "as asked";
        return LEAT_OK;
    }
    if (!numeric) {
        s->task_reason = col->type == LEAT_BOOL ? "true or false" : "texts";
        return LEAT_OK;
    }
    bool few = col->type == LEAT_I64 && distinct <= FEW_CLASSES &&
               distinct * ROWS_PER_CLASS <= col->rows - col->missing;
    s->task = few ? LEATI_CLASSIFY : LEATI_REGRESS;
    s->task_reason = few ? "few whole numbers are classes; --task regression if not" : "numbers";
    return LEAT_OK;
}

/* The first cell of a class. */
typedef struct class_key {
    const char *text;
    size_t length, row;
    double number;
    int64_t whole; /* tells whole numbers apart that are equal as doubles */
} class_key;

static int by_number(const void *a, const void *b)
{
    const class_key *x = a, *y = b;
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    return (x->whole > y->whole) - (x->whole < y->whole);
}

static int by_text(const void *a, const void *b)
{
    const class_key *x = a, *y = b;
    size_t n = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->text, y->text, n);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

const char *leati_cell_text(const leati_column *col, size_t row, char space[LEATI_NUM_SIZE],
                            size_t *length)
{
    int n = 0;
    switch (col->type) {
    case LEAT_STRING: return leati_dict_text(col->dict, col->codes[row], length);
    case LEAT_F64: *length = leati_num_format(col->f64[row], space); return space;
    case LEAT_BOOL: n = snprintf(space, LEATI_NUM_SIZE, col->u8[row] ? "true" : "false"); break;
    default: n = snprintf(space, LEATI_NUM_SIZE, "%lld", (long long)col->i64[row]);
    }
    *length = (size_t)n;
    return space;
}

/* Distinct target values in sorted order become the class names. */
static leat_status name_classes(leat_context *c, leati_schema *s, const leati_column *col)
{
    leati_map seen;
    leati_map_init(&seen, c);
    class_key *keys = LEATI_NEW(c, class_key, LEATI_DISTINCT_MOST);
    leat_status st = keys ? LEAT_OK : leat_error_status(c);
    for (size_t r = 0; st == LEAT_OK && r < col->rows; r++) {
        size_t n, had = seen.count;
        if (!leati_valid(col, r)) continue;
        const void *key = cell_key(col, r, &n);
        if (leati_map_put(&seen, key, n) == LEATI_MAP_NONE) st = leat_error_status(c);
        if (seen.count > had && seen.count > 10000)
            st = LEATI_FAIL(c, LEAT_LIMIT, "the target '%s' has more than 10,000 classes",
                            s->target);
        if (st != LEAT_OK || seen.count == had) continue;
        bool text = col->type == LEAT_STRING;
        keys[had] = (class_key){.text = key, .length = n, .row = r};
        if (!text) keys[had].number = cell_number(col, r);
        if (col->type == LEAT_I64) keys[had].whole = col->i64[r];
    }
    if (st == LEAT_OK) {
        qsort(keys, seen.count, sizeof *keys, col->type == LEAT_STRING ? by_text : by_number);
        s->class_names = LEATI_NEW(c, char *, seen.count + 1);
        if (!s->class_names) st = leat_error_status(c);
    }
    for (uint32_t k = 0; st == LEAT_OK && k < seen.count; k++) {
        char space[LEATI_NUM_SIZE];
        size_t n;
        const char *text = leati_cell_text(col, keys[k].row, space, &n);
        s->class_names[k] = leati_strndup(c, text, n);
        if (s->class_names[k]) s->classes++;
        else st = leat_error_status(c);
    }
    leati_free(keys);
    leati_map_fini(&seen);
    return st;
}

static leat_status read_target_kind(leat_context *c, leati_schema *s, const leati_column *col,
                                    const leati_schema_options *o)
{
    size_t distinct;
    LEATI_TRY(count_distinct(c, col, &distinct));
    LEATI_CHECK(c, col->missing < col->rows, LEAT_INVALID,
                "the target '%s' has no value in any row", s->target);
    if (col->missing && !o->drop_missing_target) {
        LEATI_FAIL(c, LEAT_FORMAT, "the target '%s' is missing in %zu of %zu rows", s->target,
                   col->missing, col->rows);
        return leati_error_hint(c, "fill them in, or leave these rows out with "
                                   "--drop-missing-target");
    }
    LEATI_TRY(decide_task(c, s, col, o->task, distinct));
    if (s->task == LEATI_REGRESS) find_range(col, &s->target_low, &s->target_high);
    if (s->task == LEATI_REGRESS && distinct < 2)
        return LEATI_FAIL(c, LEAT_FORMAT, "the target '%s' is %g in every row: nothing to learn",
                          s->target, s->target_low);
    if (s->task == LEATI_REGRESS) return LEAT_OK;
    LEATI_TRY(check_text(c, s->target, col));
    LEATI_TRY(name_classes(c, s, col));
    LEATI_CHECK(c, s->classes >= 2, LEAT_FORMAT,
                "the target '%s' has one class only, '%s': nothing to learn", s->target,
                s->class_names[0]);
    return LEAT_OK;
}

/* A folder of images without classes is a column of arrays alone. */
static leat_status require_target(leat_context *c, const leat_frame *f, const char *name,
                                  size_t *at)
{
    leat_status st = leat_frame_require(c, f, name, at);
    if (st == LEAT_OK || f->columns != 1 || f->column[0]->type != LEAT_ARRAY) return st;
    return leati_error_hint(c, "Images to learn from lie in a folder for each class, which gives "
                               "them the column 'label': FOLDER/CLASS/IMAGE.png");
}

static bool holds_words(const leati_column *col)
{
    size_t spaced = 0, length;
    if (col->type != LEAT_STRING || !col->dict) return false;
    for (uint32_t k = 0; k < col->dict->count; k++) {
        const char *text = leati_dict_text(col->dict, k, &length);
        spaced += memchr(text, ' ', length) != NULL;
    }
    return spaced * 2 > col->dict->count;
}

/* A column of words that was taken for names of the rows; NULL: none. */
static const char *text_left_out(const leati_schema *s, const leat_frame *f)
{
    for (size_t i = 0, k = 0; i < f->columns && k < s->count; i++) {
        if (strcmp(f->name[i], s->columns[k].name) != 0) continue; /* the target */
        const char *note = s->columns[k++].note;
        if (note && strcmp(note, an_identifier) == 0 && holds_words(f->column[i]))
            return f->name[i];
    }
    return NULL;
}

static leat_status say_none_left(leat_context *c, const leati_schema *s, const leat_frame *f)
{
    const char *text = text_left_out(s, f);
    (void)LEATI_FAIL(c, LEAT_FORMAT, "no column is left to learn '%s' from", s->target);
    if (text)
        return leati_error_hint(c,
                                "'%s' holds texts: with --tokens words -m network a network reads "
                                "them; --keep %s takes each text for a category",
                                text, text);
    return leati_error_hint(c, s->count ? "use --keep COLUMN to use one that was left out"
                                        : "the table has no other column");
}

static leat_status infer(leat_context *c, leati_schema *s, const leat_frame *f,
                         const leati_schema_options *o)
{
    size_t target;
    LEATI_CHECK(c, o->target, LEAT_INVALID, "no target column was named");
    LEATI_TRY(leati_token_rules_parse(c, o->tokens, &s->tokens));
    LEATI_TRY(require_target(c, f, o->target, &target));
    LEATI_CHECK(c, f->rows > 0, LEAT_FORMAT, "the table has a header but no rows");
    LEATI_TRY(check_names(c, f, o->keep, o->keep_count));
    LEATI_CHECK(c, !named("*", o->drop, o->drop_count), LEAT_INVALID,
                "not all columns can be left out");
    LEATI_TRY(check_names(c, f, o->drop, o->drop_count));
    LEATI_CHECK(c, !named(o->target, o->drop, o->drop_count), LEAT_INVALID,
                "the target '%s' cannot be left out", o->target);
    for (size_t i = 0; i < o->drop_count; i++)
        LEATI_CHECK(c, !named(o->drop[i], o->keep, o->keep_count), LEAT_INVALID,
                    "the column '%s' is to be kept and to be left out; say one of them",
                    o->drop[i]);
    s->target = leati_strdup(c, o->target);
    s->columns = LEATI_NEW(c, leati_schema_column, f->columns);
    if (!s->target || !s->columns) return leat_error_status(c);
    s->target_type = f->column[target]->type;
    LEATI_TRY(read_target_kind(c, s, f->column[target], o));
    for (size_t i = 0; i < f->columns; i++)
        if (i != target) LEATI_TRY(add_column(c, s, f, i, o));
    return s->used > 0 ? LEAT_OK : say_none_left(c, s, f);
}

leat_status leati_schema_infer(leat_context *c, leati_schema *s, const leat_frame *f,
                               const leati_schema_options *o)
{
    *s = (leati_schema){.target_low = (double)NAN, .target_high = (double)NAN};
    leat_status st = infer(c, s, f, o);
    if (st != LEAT_OK) leati_schema_fini(s);
    return st;
}

void leati_target_fini(leati_target *t)
{
    leati_free(t->rows);
    leati_free(t->y);
    leati_free(t->label);
    *t = (leati_target){0};
}

static leat_status unknown_class(leat_context *c, const leati_schema *s, size_t row,
                                 const char *text, size_t length)
{
    leati_str names;
    leati_str_init(&names, c);
    for (uint32_t k = 0; k < s->classes && k < 20; k++)
        leati_str_addf(&names, "%s%s", k ? ", " : "", s->class_names[k]);
    leat_status st =
        LEATI_FAIL(c, LEAT_FORMAT, "row %zu, column %s: '%.*s' is no class of the model", row + 1,
                   s->target, (int)(length > 60 ? 60 : length), text);
    leati_error_hint(c, "it knows: %s%s", leati_str_text(&names), s->classes > 20 ? ", ..." : "");
    leati_str_fini(&names);
    return st;
}

/* The class of a text; of bools other words, too: models were made when yes and no were read as
 * bools, and a table may have 1 and 0. */
static uint32_t class_of(const leati_map *classes, const leati_schema *s, const char *text,
                         size_t length)
{
    uint8_t truth;
    uint32_t k = leati_map_get(classes, text, length);
    if (k != LEATI_MAP_NONE || s->target_type != LEAT_BOOL ||
        !leati_value_bool(text, length, true, &truth))
        return k;
    return truth ? leati_map_get(classes, "true", 4) : leati_map_get(classes, "false", 5);
}

/* Cells are looked up as texts: a column of new data may have another type than the training
 * column with the same texts in its file. */
static leat_status read_labels(leat_context *c, leati_target *t, const leati_schema *s,
                               const leati_column *col)
{
    leati_map classes;
    leati_map_init(&classes, c);
    leat_status st = LEAT_OK;
    for (uint32_t k = 0; k < s->classes && st == LEAT_OK; k++)
        if (leati_map_put(&classes, s->class_names[k], strlen(s->class_names[k])) != k)
            st = leat_error_status(c) ? leat_error_status(c)
                                      : LEATI_FAIL(c, LEAT_FORMAT, "damaged model: equal classes");
    uint32_t *by_code = NULL; /* texts are looked up once per dictionary entry */
    if (st == LEAT_OK && col->type == LEAT_STRING && col->dict) {
        by_code = leati_array(c, col->dict->count + 1u, sizeof *by_code);
        if (!by_code) st = leat_error_status(c);
        for (uint32_t i = 0; by_code && i < col->dict->count; i++) {
            size_t n;
            const char *text = leati_dict_text(col->dict, i, &n);
            by_code[i] = class_of(&classes, s, text, n);
        }
    }
    for (size_t i = 0; i < t->count && st == LEAT_OK; i++) {
        char space[LEATI_NUM_SIZE];
        size_t n, row = t->rows[i];
        const char *text = by_code ? NULL : leati_cell_text(col, row, space, &n);
        t->label[i] = by_code ? by_code[col->codes[row]] : class_of(&classes, s, text, n);
        if (t->label[i] != LEATI_MAP_NONE) continue;
        text = leati_cell_text(col, row, space, &n);
        st = unknown_class(c, s, row, text, n);
    }
    leati_free(by_code);
    leati_map_fini(&classes);
    return st;
}

static leat_status read_numbers(leat_context *c, leati_target *t, const leati_schema *s,
                                const leati_column *col)
{
    bool number = col->type == LEAT_F64 || col->type == LEAT_I64 || col->type == LEAT_BOOL;
    LEATI_CHECK(c, number || col->missing == col->rows, LEAT_TYPE,
                "the target '%s' holds %ss here, the model predicts numbers", s->target,
                leat_type_name(col->type));
    for (size_t i = 0; i < t->count; i++) {
        t->y[i] = cell_number(col, t->rows[i]);
        LEATI_CHECK(c, isfinite(t->y[i]), LEAT_FORMAT, "row %u, column %s: the target is infinite",
                    t->rows[i] + 1, s->target);
    }
    return LEAT_OK;
}

leat_status leati_target_read(leat_context *c, leati_target *t, const leati_schema *s,
                              const leat_frame *f, bool drop_missing)
{
    size_t at;
    *t = (leati_target){0};
    LEATI_TRY(require_target(c, f, s->target, &at));
    const leati_column *col = f->column[at];
    bool classify = s->task == LEATI_CLASSIFY;
    LEATI_CHECK(c, f->rows < UINT32_MAX, LEAT_LIMIT, "more than 4,294,967,294 rows");
    t->rows = leati_array(c, f->rows, sizeof *t->rows);
    if (classify) t->label = leati_array(c, f->rows, sizeof *t->label);
    else t->y = leati_array(c, f->rows, sizeof *t->y);
    leat_status st = t->rows && (t->label || t->y) ? LEAT_OK : leat_error_status(c);
    for (size_t r = 0; r < f->rows && st == LEAT_OK; r++) {
        if (leati_valid(col, r)) t->rows[t->count++] = (uint32_t)r;
        else if (!drop_missing)
            st =
                LEATI_FAIL(c, LEAT_FORMAT, "row %zu: the target '%s' is missing", r + 1, s->target);
    }
    if (st == LEAT_OK) st = classify ? read_labels(c, t, s, col) : read_numbers(c, t, s, col);
    if (st != LEAT_OK) leati_target_fini(t);
    return st;
}

const char *leati_role_name(leati_role role)
{
    static const char *const names[] = {"number", "category", "time",
                                        "array",  "tokens",   "left out"};
    return names[role];
}

void leati_schema_json(const leati_schema *s, leat_json *j, const char *key)
{
    leat_json_begin_array(j, key);
    for (size_t i = 0; i < s->count; i++) {
        const leati_schema_column *col = &s->columns[i];
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "name", col->name);
        leat_json_string(j, "type", leat_type_name(col->type));
        leat_json_string(j, "role", leati_role_name(col->role));
        leat_json_int(j, "missing", (int64_t)col->missing);
        if (col->type != LEAT_ARRAY) leat_json_int(j, "distinct", (int64_t)col->distinct);
        if (isfinite(col->low)) leat_json_number(j, "low", col->low);
        if (isfinite(col->high)) leat_json_number(j, "high", col->high);
        if (col->type == LEAT_ARRAY) {
            leat_json_begin_array(j, "shape");
            for (int k = 0; k < 3; k++) leat_json_int(j, NULL, (int64_t)col->shape[k]);
            leat_json_end_array(j);
            leat_json_int(j, "item", col->item);
        }
        if (col->note) leat_json_string(j, "note", col->note);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
}
