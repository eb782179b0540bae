/* Owns: the texts of /api/v1 on the side of the client. */
#include "client/rows_out.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "frame/infer.h"

/* --- what a model says of itself -------------------------------------------------------------- */

static leat_status no_sheet(leat_context *c)
{
    return LEATI_FAIL(c, LEAT_FORMAT, "the server does not describe the model as Leat does");
}

static leat_status read_inputs(leat_context *c, leati_model_sheet *out, const json_t *root)
{
    const json_t *inputs = json_object_get(root, "inputs");
    size_t n = json_array_size(inputs);
    out->input = LEATI_NEW(c, char *, n + 1);
    if (!out->input) return leat_error_status(c);
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(inputs, i), "name"));
        if (!name) return no_sheet(c);
        out->input[i] = leati_strdup(c, name);
        if (!out->input[i]) return leat_error_status(c);
        out->inputs++;
    }
    return n ? LEAT_OK : no_sheet(c);
}

/* The text of a class, and the narrowest type that all of them have. */
static char *class_text(leat_context *c, const json_t *v, leat_type *type)
{
    char number[LEATI_NUM_SIZE];
    if (json_is_string(v)) {
        *type = LEAT_STRING;
        return leati_strndup(c, json_string_value(v), json_string_length(v));
    }
    if (json_is_integer(v)) snprintf(number, sizeof number, "%lld", json_integer_value(v));
    else {
        if (*type == LEAT_I64) *type = LEAT_F64;
        leati_num_format(json_number_value(v), number);
    }
    return leati_strdup(c, number);
}

static leat_status read_classes(leat_context *c, leati_model_sheet *out, const json_t *root)
{
    const json_t *classes = json_object_get(root, "classes");
    size_t n = json_array_size(classes);
    out->answer = n ? LEAT_I64 : LEAT_F64;
    out->class = n ? LEATI_NEW(c, char *, n) : NULL;
    if (n && !out->class) return leat_error_status(c);
    for (size_t k = 0; k < n; k++) {
        const json_t *v = json_array_get(classes, k);
        if (!json_is_string(v) && !json_is_number(v)) return no_sheet(c);
        out->class[k] = class_text(c, v, &out->answer);
        if (!out->class[k]) return leat_error_status(c);
        out->classes++;
    }
    out->probabilities = json_is_true(json_object_get(root, "probabilities")) && n;
    return LEAT_OK;
}

leat_status leati_model_sheet_read(leat_context *c, leati_model_sheet *out, const char *text,
                                   size_t length)
{
    *out = (leati_model_sheet){NULL};
    json_t *root = json_loadb(text, length, 0, NULL);
    leat_status st = json_is_object(root) ? LEAT_OK : no_sheet(c);
    if (st == LEAT_OK) st = read_inputs(c, out, root);
    if (st == LEAT_OK) st = read_classes(c, out, root);
    json_decref(root);
    if (st != LEAT_OK) leati_model_sheet_fini(out);
    return st;
}

void leati_model_sheet_fini(leati_model_sheet *s)
{
    for (size_t i = 0; i < s->inputs; i++) leati_free(s->input[i]);
    for (size_t k = 0; k < s->classes; k++) leati_free(s->class[k]);
    leati_free(s->input);
    leati_free(s->class);
    *s = (leati_model_sheet){NULL};
}

/* --- rows ------------------------------------------------------------------------------------- */

static void add_text(leati_str *out, const char *text, size_t length)
{
    size_t from = 0;
    leati_str_addc(out, '"');
    for (size_t i = 0; i < length; i++) {
        unsigned char ch = (unsigned char)text[i];
        if (ch != '"' && ch != '\\' && ch >= 0x20) continue;
        leati_str_addn(out, text + from, i - from);
        if (ch < 0x20) leati_str_addf(out, "\\u%04x", ch);
        else {
            leati_str_addc(out, '\\');
            leati_str_addc(out, (char)ch);
        }
        from = i + 1;
    }
    leati_str_addn(out, text + from, length - from);
    leati_str_addc(out, '"');
}

static void add_number(leati_str *out, double value)
{
    char number[LEATI_NUM_SIZE];
    if (isnan(value)) leati_str_add(out, "null");
    else if (isinf(value)) leati_str_add(out, value > 0 ? "1e999" : "-1e999"); /* refused there */
    else leati_str_addn(out, number, leati_num_format(value, number));
}

static void add_array(leati_str *out, const leati_column *col, size_t row)
{
    leati_str_addc(out, '[');
    for (size_t i = row * col->length; i < (row + 1) * col->length; i++) {
        if (i > row * col->length) leati_str_addc(out, ',');
        add_number(out, col->item == LEATI_ITEM_U8    ? col->u8[i]
                        : col->item == LEATI_ITEM_F32 ? (double)col->f32[i]
                                                      : col->f64[i]);
    }
    leati_str_addc(out, ']');
}

static void add_cell(leati_str *out, const leati_column *col, size_t row)
{
    char text[40];
    size_t length;
    if (!leati_valid(col, row)) {
        leati_str_add(out, "null");
        return;
    }
    switch (col->type) {
    case LEAT_F64: add_number(out, col->f64[row]); break;
    case LEAT_I64: leati_str_addf(out, "%lld", (long long)col->i64[row]); break;
    case LEAT_BOOL: leati_str_add(out, col->u8[row] ? "true" : "false"); break;
    case LEAT_TIME:
        length = leati_time_format(col->i64[row], false, text);
        add_text(out, text, length);
        break;
    case LEAT_ARRAY: add_array(out, col, row); break;
    default: {
        const char *value = leati_dict_text(col->dict, col->codes[row], &length);
        add_text(out, value, length);
    }
    }
}

void leati_rows_out(leati_str *out, const leat_frame *f, const leati_model_sheet *s,
                    const size_t *column, size_t from, size_t to)
{
    leati_str_addc(out, '[');
    for (size_t r = from; r < to; r++) {
        leati_str_add(out, r > from ? ",[" : "[");
        for (size_t i = 0; i < s->inputs; i++) {
            if (i) leati_str_addc(out, ',');
            add_cell(out, f->column[column[i]], r);
        }
        leati_str_addc(out, ']');
    }
    leati_str_addc(out, ']');
}

/* --- answers ---------------------------------------------------------------------------------- */

static leat_status no_answer(leat_context *c, const char *what)
{
    return LEATI_FAIL(c, LEAT_FORMAT, "the server's answer %s", what);
}

/* Whether a value is the class of this text. */
static bool is_class(const json_t *v, const char *text)
{
    double number;
    if (json_is_string(v))
        return strlen(text) == json_string_length(v) &&
               memcmp(text, json_string_value(v), json_string_length(v)) == 0;
    if (!json_is_number(v)) return false;
    int64_t whole;
    if (json_is_integer(v) && leati_int_parse(text, strlen(text), &whole))
        return whole == json_integer_value(v);
    return leati_num_parse(text, strlen(text), &number) && number == json_number_value(v);
}

static leat_status read_value(leat_context *c, const leati_model_sheet *s, const json_t *v,
                              double *out)
{
    if (!s->classes) {
        *out = json_is_null(v) ? (double)NAN : json_number_value(v);
        return json_is_number(v) || json_is_null(v)
                   ? LEAT_OK
                   : no_answer(c, "has a prediction that is no number");
    }
    for (size_t k = 0; k < s->classes; k++)
        if (is_class(v, s->class[k])) {
            *out = (double)k;
            return LEAT_OK;
        }
    return no_answer(c, "predicts a class that the model does not have: were models exchanged "
                        "meanwhile?");
}

static leat_status read_proba(leat_context *c, const leati_model_sheet *s, const json_t *row,
                              double *out)
{
    for (size_t k = 0; k < s->classes; k++) {
        const json_t *p = json_object_get(row, s->class[k]);
        if (!json_is_number(p) && !json_is_null(p))
            return no_answer(c, "lacks the probability of a class");
        out[k] = json_is_null(p) ? (double)NAN : json_number_value(p);
    }
    return LEAT_OK;
}

leat_status leati_answers_read(leat_context *c, const leati_model_sheet *s, const char *text,
                               size_t length, size_t rows, double *value, double *proba)
{
    json_t *root = json_loadb(text, length, 0, NULL);
    const json_t *values = json_object_get(root, "predictions");
    const json_t *probas = json_object_get(root, "probabilities");
    leat_status st = LEAT_OK;
    if (!json_is_array(values)) st = no_answer(c, "has no predictions");
    else if (json_array_size(values) != rows || (proba && json_array_size(probas) != rows))
        st = no_answer(c, "is of another number of rows");
    for (size_t i = 0; i < rows && st == LEAT_OK; i++) {
        st = read_value(c, s, json_array_get(values, i), &value[i]);
        if (st == LEAT_OK && proba)
            st = read_proba(c, s, json_array_get(probas, i), proba + i * s->classes);
    }
    json_decref(root);
    return st;
}
