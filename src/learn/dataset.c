/* Owns: views and copies of design matrices, names of classes. */
#include "learn/dataset.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "kernel/vec.h"

const char *leati_class_text(const leati_dataset *d, size_t k, char space[LEATI_CLASS_TEXT])
{
    if (d->class_names) return d->class_names[d->named ? d->named[k] : k];
    snprintf(space, LEATI_CLASS_TEXT, "number %zu of %u", k + 1, d->classes);
    return space;
}

const double *leati_row(const leati_matrix *m, size_t row, double *space)
{
    if (m->f64) return m->f64 + row * m->stride;
    for (size_t j = 0; j < m->cols; j++) space[j] = (double)m->f32[row * m->stride + j];
    return space;
}

leati_matrix leati_matrix_rows(const leati_matrix *m, size_t from, size_t count)
{
    leati_matrix part = *m;
    part.rows = count;
    if (m->f64) part.f64 += from * m->stride;
    else part.f32 += from * m->stride;
    return part;
}

double *leati_matrix_f64(leat_context *c, const leati_matrix *m)
{
    double *copy = leati_array(c, m->rows * m->cols, sizeof *copy);
    if (!copy) return NULL;
    const leati_vec *v = leati_vec_of(c);
    for (size_t i = 0; i < m->rows; i++) {
        if (m->f64) memcpy(copy + i * m->cols, m->f64 + i * m->stride, m->cols * sizeof *copy);
        else v->widen(m->cols, m->f32 + i * m->stride, copy + i * m->cols);
    }
    return copy;
}

float *leati_matrix_f32(leat_context *c, const leati_matrix *m)
{
    float *copy = leati_array(c, m->rows * m->cols, sizeof *copy);
    if (!copy) return NULL;
    const leati_vec *v = leati_vec_of(c);
    for (size_t i = 0; i < m->rows; i++) {
        if (m->f32) memcpy(copy + i * m->cols, m->f32 + i * m->stride, m->cols * sizeof *copy);
        else v->narrow(m->cols, m->f64 + i * m->stride, copy + i * m->cols);
    }
    return copy;
}
