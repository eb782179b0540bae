/* Owns: checking and converting the columns of new data against a schema. */
#include "learn/conform.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "frame/infer.h"

/* Among the columns that are none of the schema's own: those are not the missing one renamed. */
static const char *nearest_unknown(leat_context *c, const leati_schema *s, const leat_frame *f,
                                   const char *name)
{
    const char **unknown = leati_alloc_quiet(c, f->columns * sizeof *unknown), *near;
    size_t count = 0;
    leati_map own;
    leati_map_init(&own, c);
    for (size_t i = 0; i < s->count; i++)
        if (leati_map_put(&own, s->columns[i].name, strlen(s->columns[i].name)) == LEATI_MAP_NONE)
            break;
    for (size_t i = 0; unknown && i < f->columns; i++)
        if (leati_map_get(&own, f->name[i], strlen(f->name[i])) == LEATI_MAP_NONE)
            unknown[count++] = f->name[i];
    near = leati_nearest(name, unknown, count);
    leati_map_fini(&own);
    leati_free((void *)unknown);
    return near;
}

static leat_status missing_column(leat_context *c, const leati_schema *s, const leat_frame *f,
                                  const leati_schema_column *want)
{
    leati_str names;
    LEATI_FAIL(c, LEAT_NOT_FOUND, "the column '%s' (%s), which the model needs, is not in the data",
               want->name, leat_type_name(want->type));
    const char *near = nearest_unknown(c, s, f, want->name);
    if (near) leati_error_hint(c, "Did you rename it? The data has '%s'", near);
    leati_str_init(&names, c);
    for (size_t i = 0; i < s->count; i++)
        if (s->columns[i].role != LEATI_ROLE_LEFT_OUT)
            leati_str_addf(&names, " %s", s->columns[i].name);
    leati_error_hint(c, "the model needs:%s", leati_str_text(&names));
    leati_str_fini(&names);
    return LEAT_NOT_FOUND;
}

static void trained_on(leat_context *c, const leati_schema_column *want)
{
    char low[LEATI_NUM_SIZE], high[LEATI_NUM_SIZE];
    if (!isfinite(want->low) || want->type == LEAT_BOOL) return;
    leati_num_short(want->low, 6, low);
    leati_num_short(want->high, 6, high);
    leati_error_hint(c, "the model was trained on %snumbers from %s to %s",
                     want->type == LEAT_I64 ? "whole " : "", low, high);
}

/* A number, or of a column of truths a word for one. */
static bool number_of(const leati_schema_column *want, const char *text, size_t n, double *out)
{
    uint8_t truth;
    if (leati_num_parse(text, n, out)) return true;
    if (want->type != LEAT_BOOL || !leati_value_bool(text, n, true, &truth)) return false;
    *out = truth;
    return true;
}

static leati_column *number_from_text(leat_context *c, const leati_schema_column *want,
                                      const leati_column *col)
{
    leati_column *out = leati_column_create(c, LEAT_F64, col->rows);
    for (size_t r = 0; out && r < col->rows; r++) {
        leat_status st = LEAT_OK;
        if (!leati_valid(col, r)) {
            st = leati_column_set_missing(c, out, r);
        } else {
            size_t n;
            const char *text = leati_dict_text(col->dict, col->codes[r], &n);
            if (!number_of(want, text, n, &out->f64[r])) {
                st = LEATI_FAIL(c, LEAT_TYPE, "row %zu, column %s: '%.*s' is not a %s", r + 1,
                                want->name, (int)(n > 60 ? 60 : n), text,
                                want->type == LEAT_BOOL ? "bool" : "number");
                trained_on(c, want);
            }
        }
        if (st == LEAT_OK) continue;
        leati_column_release(out);
        return NULL;
    }
    return out;
}

static leati_column *text_from_number(leat_context *c, const leati_column *col)
{
    leati_map texts;
    leati_map_init(&texts, c);
    leati_column *out = leati_column_create(c, LEAT_STRING, col->rows);
    for (size_t r = 0; out && r < col->rows; r++) {
        char text[LEATI_NUM_SIZE];
        leat_status st = LEAT_OK;
        if (!leati_valid(col, r)) {
            st = leati_column_set_missing(c, out, r);
        } else {
            size_t n;
            const char *cell = leati_cell_text(col, r, text, &n);
            out->codes[r] = leati_map_put(&texts, cell, n);
            if (out->codes[r] == LEATI_MAP_NONE) st = leat_error_status(c);
        }
        if (st == LEAT_OK) continue;
        leati_column_release(out);
        out = NULL;
    }
    if (out && !(out->dict = leati_dict_from_map(c, &texts))) {
        leati_column_release(out);
        out = NULL;
    }
    leati_map_fini(&texts);
    return out;
}

static leati_column *number_from_number(leat_context *c, const leati_column *col)
{
    leati_column *out = leati_column_create(c, LEAT_F64, col->rows);
    for (size_t r = 0; out && r < col->rows; r++) {
        if (leati_valid(col, r)) {
            out->f64[r] = col->type == LEAT_BOOL ? (double)col->u8[r] : (double)col->i64[r];
        } else if (leati_column_set_missing(c, out, r) != LEAT_OK) {
            leati_column_release(out);
            return NULL;
        }
    }
    return out;
}

/* A column without a value has the type its reader chose, not one that it shows. */
static leati_column *all_missing(leat_context *c, leat_type type, size_t rows)
{
    leati_column *out = leati_column_create(c, type, rows);
    for (size_t r = 0; out && r < rows; r++) {
        if (leati_column_set_missing(c, out, r) == LEAT_OK) continue;
        leati_column_release(out);
        return NULL;
    }
    return out;
}

static leati_column *wrong_type(leat_context *c, const leati_schema_column *want,
                                const leati_column *col)
{
    LEATI_FAIL(c, LEAT_TYPE, "the column '%s' holds %ss, the model was trained on %ss", want->name,
               leat_type_name(col->type), leat_type_name(want->type));
    return NULL;
}

/* A new reference to a column of the wanted kind; NULL on failure. */
static leati_column *convert(leat_context *c, const leati_schema_column *want, leati_column *col)
{
    bool array = want->role == LEATI_ROLE_ARRAY;
    if (array || col->type == LEAT_ARRAY) {
        if (!array || col->type != LEAT_ARRAY) return wrong_type(c, want, col);
        if (memcmp(col->shape, want->shape, sizeof col->shape) == 0 && col->item == want->item)
            return leati_column_retain(col);
        static const char *const words[] = {
            [LEATI_ITEM_U8] = "bytes", [LEATI_ITEM_F32] = "float32", [LEATI_ITEM_F64] = "float64"};
        LEATI_FAIL(c, LEAT_SHAPE,
                   "the column '%s' holds arrays of %zu x %zu x %zu %s, the model was trained on "
                   "%zu x %zu x %zu %s",
                   want->name, col->shape[0], col->shape[1], col->shape[2], words[col->item],
                   want->shape[0], want->shape[1], want->shape[2], words[want->item]);
        return NULL;
    }
    switch (want->role) {
    case LEATI_ROLE_CATEGORY:
    case LEATI_ROLE_TOKENS:
        if (col->type == LEAT_STRING) return leati_column_retain(col);
        return col->type == LEAT_TIME ? wrong_type(c, want, col) : text_from_number(c, col);
    case LEATI_ROLE_TIME:
        if (col->type == LEAT_TIME) return leati_column_retain(col);
        if (col->missing == col->rows) return all_missing(c, LEAT_TIME, col->rows);
        return wrong_type(c, want, col);
    default:
        if (col->type == LEAT_STRING) return number_from_text(c, want, col);
        if (col->type == LEAT_TIME) return wrong_type(c, want, col);
        return col->type == LEAT_F64 ? leati_column_retain(col) : number_from_number(c, col);
    }
}

static leat_status check_finite(leat_context *c, const char *name, const leati_column *col)
{
    for (size_t r = 0; col->type == LEAT_F64 && r < col->rows; r++) {
        if (!isinf(col->f64[r]) || !leati_valid(col, r)) continue;
        LEATI_FAIL(c, LEAT_FORMAT, "row %zu, column %s: the value is infinite", r + 1, name);
        return leati_error_hint(c, "to read it as missing, list it: --missing NA,inf,-inf");
    }
    return LEAT_OK;
}

leat_status leati_conform(leat_context *c, leat_frame **out, const leati_schema *s,
                          const leat_frame *f)
{
    *out = leati_frame_create(c, f->rows);
    if (!*out) return leat_error_status(c);
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < s->count && st == LEAT_OK; i++) {
        const leati_schema_column *want = &s->columns[i];
        size_t at;
        if (want->role == LEATI_ROLE_LEFT_OUT) continue;
        if (!leat_frame_find(f, want->name, &at)) st = missing_column(c, s, f, want);
        else st = leati_frame_add(c, *out, want->name, convert(c, want, f->column[at]));
        if (st == LEAT_OK) st = check_finite(c, want->name, (*out)->column[(*out)->columns - 1]);
    }
    if (st == LEAT_OK) return LEAT_OK;
    leat_frame_release(*out);
    *out = NULL;
    return st;
}
