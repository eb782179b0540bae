/* Owns: finding images in tables, and their pixels as bytes. */
#include "workflow/image_rows.h"

#include <math.h>

#include "base/mem.h"
#include "io/png.h"
#include "nn/network_estimator.h"

static bool is_picture(size_t height, size_t width, size_t channels)
{
    return height > 1 && width > 1 && (channels == 1 || channels == 3);
}

static bool find_array(const leati_schema *s, const leat_frame *f, leati_images *out)
{
    for (size_t i = 0; i < s->count; i++) {
        const leati_schema_column *col = &s->columns[i];
        size_t at;
        if (col->role != LEATI_ROLE_ARRAY ||
            !is_picture(col->shape[0], col->shape[1], col->shape[2]) ||
            !leat_frame_find(f, col->name, &at) || f->column[at]->type != LEAT_ARRAY)
            continue;
        out->array = f->column[at];
        out->height = col->shape[0], out->width = col->shape[1], out->channels = col->shape[2];
        out->length = out->array->length;
        return true;
    }
    return false;
}

/* Whether all that is used are numbers, and the network takes as many as pixels. */
static bool are_pixels(const leati_schema *s, const leati_estimator *e, leat_shape *input)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->columns[i].role != LEATI_ROLE_NUMBER && s->columns[i].role != LEATI_ROLE_LEFT_OUT)
            return false;
    if (!e || !leati_network_input(e, s->used, input) || input->rank < 2 || input->rank > 3)
        return false;
    if (input->rank == 2) input->dim[2] = 1;
    return is_picture((size_t)input->dim[0], (size_t)input->dim[1], (size_t)input->dim[2]);
}

leat_status leati_images_find(leat_context *c, const leati_schema *s, const leat_frame *f,
                              const leati_estimator *e, leati_images *out)
{
    leat_shape input;
    size_t n = 0;
    *out = (leati_images){.frame = f};
    if (find_array(s, f, out) || !are_pixels(s, e, &input)) return LEAT_OK;
    out->pixels = leati_array(c, s->used, sizeof *out->pixels);
    if (!out->pixels) return LEAT_NOMEM;
    for (size_t i = 0; i < s->count; i++) {
        if (s->columns[i].role == LEATI_ROLE_LEFT_OUT) continue;
        if (!leat_frame_find(f, s->columns[i].name, &out->pixels[n++])) return LEAT_OK;
    }
    out->height = (size_t)input.dim[0];
    out->width = (size_t)input.dim[1];
    out->channels = (size_t)input.dim[2];
    out->length = n;
    return LEAT_OK;
}

void leati_images_fini(leati_images *images)
{
    leati_free(images->pixels);
    *images = (leati_images){0};
}

/* Missing pixels are 0. */
static float value_at(const leati_images *m, size_t row, size_t i)
{
    double v;
    if (m->pixels) return leat_frame_number(m->frame, m->pixels[i], row, &v) ? (float)v : 0;
    size_t at = row * m->length + i;
    if (m->array->item == LEATI_ITEM_U8) return m->array->u8[at];
    return m->array->item == LEATI_ITEM_F32 ? m->array->f32[at]
                                            : (float)((const double *)m->array->data)[at];
}

void leati_image_pixels(const leati_images *m, size_t row, float *space, uint8_t *out)
{
    double lo = (double)INFINITY, hi = (double)-INFINITY;
    for (size_t i = 0; i < m->length; i++) {
        space[i] = value_at(m, row, i);
        lo = fmin(lo, (double)space[i]);
        hi = fmax(hi, (double)space[i]);
    }
    bool bytes = m->array && m->array->item == LEATI_ITEM_U8;
    if (bytes || (lo >= 0 && hi > 1 && hi <= 255)) lo = 0, hi = 255;
    else if (lo >= 0 && hi <= 1) lo = 0, hi = 1;
    leati_pixels_scale(space, m->length, lo, hi, out);
}
