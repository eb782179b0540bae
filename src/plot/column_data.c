/* Owns: reading columns for charts. */
#include "plot/column_data.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"

bool leati_column_is_number(const leati_column *col)
{
    return col->type == LEAT_F64 || col->type == LEAT_I64 || col->type == LEAT_BOOL ||
           col->type == LEAT_TIME;
}

static double number_at(const leati_column *col, size_t row)
{
    if (!leati_valid(col, row)) return (double)NAN;
    switch (col->type) {
    case LEAT_F64: return col->f64[row];
    case LEAT_I64:
    case LEAT_TIME: return (double)col->i64[row];
    case LEAT_BOOL: return col->u8[row];
    default: return (double)NAN;
    }
}

double *leati_column_numbers(leat_context *c, const leati_column *col, size_t most, size_t *count)
{
    size_t step = col->rows / (most ? most : 1) + 1;
    if (col->rows <= most) step = 1;
    double *values = leati_array(c, col->rows / step + 1, sizeof *values);
    *count = 0;
    if (!values) return NULL;
    for (size_t row = 0; row < col->rows; row += step) values[(*count)++] = number_at(col, row);
    return values;
}

typedef struct level {
    uint32_t code;
    size_t count;
} level;

static int more_frequent(const void *a, const void *b)
{
    const level *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->code > y->code) - (x->code < y->code);
}

static const char *label_of(const leati_column *col, uint32_t code)
{
    if (col->type == LEAT_BOOL) return code ? "true" : "false";
    return leati_dict_text(col->dict, code, NULL);
}

leat_status leati_levels_make(leat_context *c, leati_levels *out, const leati_column *col,
                              size_t most)
{
    size_t codes = col->type == LEAT_BOOL ? 2 : col->dict ? col->dict->count : 0;
    *out = (leati_levels){0};
    level *levels = LEATI_NEW(c, level, codes + 1);
    out->labels = LEATI_NEW(c, const char *, most + 1);
    out->counts = LEATI_NEW(c, double, most + 1);
    out->codes = LEATI_NEW(c, uint32_t, most + 1);
    if (!levels || !out->labels || !out->counts || !out->codes) {
        leati_free(levels);
        leati_levels_fini(out);
        return leat_error_status(c);
    }
    for (uint32_t k = 0; k < codes; k++) levels[k].code = k;
    for (size_t row = 0; row < col->rows && codes; row++) {
        if (!leati_valid(col, row)) continue;
        uint32_t code = col->type == LEAT_BOOL ? col->u8[row] != 0 : col->codes[row];
        out->distinct += levels[code].count++ == 0;
    }
    qsort(levels, codes, sizeof *levels, more_frequent);
    for (; out->count < out->distinct && out->count < most; out->count++) {
        out->codes[out->count] = levels[out->count].code;
        out->labels[out->count] = label_of(col, levels[out->count].code);
        out->counts[out->count] = (double)levels[out->count].count;
    }
    leati_free(levels);
    return LEAT_OK;
}

void leati_levels_fini(leati_levels *levels)
{
    leati_free(levels->labels);
    leati_free(levels->counts);
    leati_free(levels->codes);
    *levels = (leati_levels){0};
}
