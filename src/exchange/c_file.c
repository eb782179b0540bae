/* Owns: numbers, texts and constants in C. */
#include "exchange/c_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"

void leati_c_code(leati_c_file *f, const char *text)
{
    leati_str_add(&f->code, text);
}

/* The shortest of 6 to 9 digits that reads back as the same float. */
static void float_text(float value, char out[LEATI_NUM_SIZE])
{
    for (int digits = 6; digits <= 9; digits++) {
        double back;
        size_t n = (size_t)snprintf(out, LEATI_NUM_SIZE, "%.*g", digits, (double)value);
        if (leati_num_parse(out, leati_num_dot(out, n), &back) && (float)back == value) return;
    }
}

void leati_c_number(leati_str *s, double value, bool single)
{
    char text[LEATI_NUM_SIZE];
    if (!isfinite(value)) {
        const char *huge = value > 0 ? "HUGE_VAL" : "-HUGE_VAL";
        leati_str_add(s, isnan(value) ? "NAN" : huge);
        if (single && !isnan(value)) leati_str_addc(s, 'F');
        return;
    }
    if (single) float_text((float)value, text);
    else leati_num_format(value, text);
    leati_str_add(s, text);
    if (!strpbrk(text, ".e")) leati_str_add(s, ".0");
    if (single) leati_str_addc(s, 'f');
}

void leati_c_string(leati_str *s, const char *text)
{
    leati_str_addc(s, '"');
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        bool plain = *at >= ' ' && *at < 127 && *at != '"' && *at != '\\' && *at != '?';
        if (plain) leati_str_addc(s, (char)*at);
        else leati_str_addf(s, "\\%03o", *at);
    }
    leati_str_addc(s, '"');
}

void leati_c_constant(leati_c_file *f, const char *name, size_t value)
{
    leati_str_addf(&f->data, "enum { %s = %zu };\n", name, value);
}

typedef void (*put_fn)(leati_str *s, const void *v, size_t i);

static void put_double(leati_str *s, const void *v, size_t i)
{
    leati_c_number(s, ((const double *)v)[i], false);
}

static void put_float(leati_str *s, const void *v, size_t i)
{
    leati_c_number(s, (double)((const float *)v)[i], true);
}

static void put_int(leati_str *s, const void *v, size_t i)
{
    leati_str_addf(s, "%d", (int)((const int32_t *)v)[i]);
}

static void put_byte(leati_str *s, const void *v, size_t i)
{
    leati_str_addf(s, "%d", ((const uint8_t *)v)[i]);
}

static void array(leati_c_file *f, const char *type, const char *name, const void *v, put_fn put,
                  size_t rows, size_t cols)
{
    enum { WIDTH = 96 };
    leati_str *s = &f->data;
    size_t start = 0, wide = cols ? cols : 1;
    bool small = rows * wide <= 4096; /* large ones are for no reader */
    if (rows == 0) return;
    leati_str_addf(s, "static const %s %s[%zu]", type, name, rows);
    if (cols) leati_str_addf(s, "[%zu]", cols);
    leati_str_add(s, " = {");
    for (size_t i = 0; i < rows * wide && leati_str_status(s) == LEAT_OK; i++) {
        bool opens = cols && i % cols == 0;
        if (i == 0 || opens || s->length - start > WIDTH - 16) {
            leati_str_add(s, opens || !cols ? "\n    " : "\n     ");
            start = s->length;
        } else {
            leati_str_add(s, small ? " " : "");
        }
        if (opens) leati_str_addc(s, '{');
        put(s, v, i);
        if (cols && i % cols == cols - 1) leati_str_addc(s, '}');
        if (i + 1 < rows * wide) leati_str_addc(s, ',');
    }
    leati_str_add(s, "};\n");
}

void leati_c_doubles(leati_c_file *f, const char *name, const double *v, size_t rows, size_t cols)
{
    array(f, "double", name, v, put_double, rows, cols);
}

void leati_c_floats(leati_c_file *f, const char *name, const float *v, size_t rows, size_t cols)
{
    array(f, "float", name, v, put_float, rows, cols);
}

void leati_c_ints(leati_c_file *f, const char *name, const int32_t *v, size_t rows, size_t cols)
{
    array(f, "int", name, v, put_int, rows, cols);
}

void leati_c_bytes(leati_c_file *f, const char *name, const uint8_t *v, size_t count)
{
    array(f, "unsigned char", name, v, put_byte, count, 0);
}

leat_status leati_c_array(leati_c_file *f, const char *name)
{
    const leati_array_entry *e = leati_state_find(&f->state, name);
    LEATI_CHECK(f->context, e && e->type != LEATI_I64 && e->dims <= 2, LEAT_FORMAT,
                "damaged model: the array '%s' is missing", name);
    size_t rows = e->dims ? e->shape[0] : 1, cols = e->dims == 2 ? e->shape[1] : 0;
    if (e->type == LEATI_F64) leati_c_doubles(f, name, e->data, rows, cols);
    else if (e->type == LEATI_F32) leati_c_floats(f, name, e->data, rows, cols);
    else if (e->type == LEATI_I32) leati_c_ints(f, name, e->data, rows, cols);
    else leati_c_bytes(f, name, e->data, e->count);
    return leati_str_status(&f->data);
}

leat_status leati_c_scalar(const leati_c_file *f, const char *name, double *out)
{
    return leati_state_get_scalar(f->context, &f->state, name, -HUGE_VAL, HUGE_VAL, out);
}

leat_status leati_c_param(const leati_c_file *f, const char *name, char *out, size_t size)
{
    const leati_param *p = leati_param_find(f->estimator->class->params, name);
    LEATI_BUG_IF(f->context, !p);
    leati_param_get(p, f->estimator, out, size);
    return LEAT_OK;
}
