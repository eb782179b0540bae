/* Owns: finding images in tables, and their pixels as bytes. */
#include "workflow/image_rows.h"

#include <math.h>

#include "io/png.h"

const leati_column *leati_image_column(const leati_schema *s, const leat_frame *f)
{
    for (size_t i = 0; i < s->count; i++) {
        const leati_schema_column *col = &s->columns[i];
        bool picture = col->role == LEATI_ROLE_ARRAY && col->shape[0] > 1 && col->shape[1] > 1 &&
                       (col->shape[2] == 1 || col->shape[2] == 3);
        size_t at;
        if (picture && leat_frame_find(f, col->name, &at) && f->column[at]->type == LEAT_ARRAY)
            return f->column[at];
    }
    return NULL;
}

void leati_image_pixels(const leati_column *col, size_t row, float *space, uint8_t *out)
{
    size_t n = col->length;
    const uint8_t *bytes = col->u8 + row * n;
    const float *single = col->f32 + row * n;
    const double *wide = (const double *)col->data + row * n;
    double lo = (double)INFINITY, hi = (double)-INFINITY;
    for (size_t i = 0; i < n; i++) {
        space[i] = col->item == LEATI_ITEM_U8    ? (float)bytes[i]
                   : col->item == LEATI_ITEM_F32 ? single[i]
                                                 : (float)wide[i];
        lo = fmin(lo, (double)space[i]);
        hi = fmax(hi, (double)space[i]);
    }
    if (col->item == LEATI_ITEM_U8 || (lo >= 0 && hi > 1 && hi <= 255)) lo = 0, hi = 255;
    else if (lo >= 0 && hi <= 1) lo = 0, hi = 1;
    leati_pixels_scale(space, n, lo, hi, out);
}
