/* Owns: whole columns as plain numbers, for programs that compute on them. */
#include <math.h>

#include "base/error.h"
#include "frame/frame.h"

leat_shape leat_frame_shape(const leat_frame *f, size_t column)
{
    const leati_column *col = column < f->columns ? f->column[column] : NULL;
    if (!col || col->type == LEAT_STRING) return (leat_shape){.rank = -1};
    if (col->type != LEAT_ARRAY) return LEAT_SCALAR;
    return LEAT_DIMS((int64_t)col->shape[0], (int64_t)col->shape[1], (int64_t)col->shape[2]);
}

static leat_status find(leat_context *c, const leat_frame *f, size_t column, size_t count,
                        const leati_column **out)
{
    LEATI_CHECK(c, column < f->columns, LEAT_NOT_FOUND, "there is no column %zu; the table has %zu",
                column, f->columns);
    *out = f->column[column];
    size_t each = (*out)->type == LEAT_ARRAY ? (*out)->length : 1;
    LEATI_CHECK(c, count == f->rows * each, LEAT_SHAPE,
                "column %s has %zu rows of %zu values, there is room for %zu values",
                f->name[column], f->rows, each, count);
    return LEAT_OK;
}

static void copy_array(const leati_column *col, float *out, size_t count)
{
    const double *wide = col->data;
    switch (col->item) {
    case LEATI_ITEM_U8:
        for (size_t i = 0; i < count; i++) out[i] = (float)col->u8[i];
        break;
    case LEATI_ITEM_F32: memcpy(out, col->f32, count * sizeof *out); break;
    case LEATI_ITEM_F64:
        for (size_t i = 0; i < count; i++) out[i] = (float)wide[i];
        break;
    }
}

leat_status leat_frame_values(leat_context *c, const leat_frame *f, size_t column, float *out,
                              size_t count)
{
    const leati_column *col;
    LEATI_TRY(find(c, f, column, count, &col));
    size_t each = col->type == LEAT_ARRAY ? col->length : 1;
    switch (col->type) {
    case LEAT_F64:
        for (size_t i = 0; i < count; i++) out[i] = (float)col->f64[i];
        break;
    case LEAT_I64:
        for (size_t i = 0; i < count; i++) out[i] = (float)col->i64[i];
        break;
    case LEAT_TIME:
        for (size_t i = 0; i < count; i++) out[i] = (float)((double)col->i64[i] / 1e6);
        break;
    case LEAT_BOOL:
        for (size_t i = 0; i < count; i++) out[i] = (float)col->u8[i];
        break;
    case LEAT_ARRAY: copy_array(col, out, count); break;
    case LEAT_STRING:
        return LEATI_FAIL(c, LEAT_TYPE, "column %s holds text; leat_frame_codes gives its levels",
                          f->name[column]);
    }
    for (size_t i = 0; col->missing && i < f->rows; i++)
        for (size_t k = 0; !leati_valid(col, i) && k < each; k++) out[i * each + k] = NAN;
    return LEAT_OK;
}

leat_status leat_frame_codes(leat_context *c, const leat_frame *f, size_t column, int64_t *out,
                             size_t count)
{
    const leati_column *col;
    LEATI_TRY(find(c, f, column, count, &col));
    LEATI_CHECK(c, col->type == LEAT_STRING, LEAT_TYPE, "column %s holds %s values, not text",
                f->name[column], leat_type_name(col->type));
    for (size_t i = 0; i < count; i++) out[i] = leati_valid(col, i) ? (int64_t)col->codes[i] : -1;
    return LEAT_OK;
}

size_t leat_frame_levels(const leat_frame *f, size_t column)
{
    const leati_column *col = column < f->columns ? f->column[column] : NULL;
    return col && col->type == LEAT_STRING && col->dict ? col->dict->count : 0;
}

const char *leat_frame_level(const leat_frame *f, size_t column, size_t level)
{
    if (level >= leat_frame_levels(f, column)) return NULL;
    return leati_dict_text(f->column[column]->dict, (uint32_t)level, NULL);
}
