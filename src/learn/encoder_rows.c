/* Owns: filling and scaling rows of numbers. Not: what is learned of them, nor tables (encoder.c).
 */
#include "learn/encoder_rows.h"

#include <math.h>
#include <string.h>

#include "kernel/vec.h"

bool leati_encoder_takes_rows(const leati_encoder *e, size_t inputs)
{
    bool fits = e->count == inputs && e->width == inputs && inputs > 0;
    for (size_t i = 0; fits && i < inputs; i++) {
        const leati_encoder_column *k = &e->columns[i];
        fits = k->role == LEATI_ROLE_NUMBER && k->source == i && k->first == i;
    }
    return fits;
}

/* Whether (value - shift) * scale is the value for all features. */
static bool neutral(const leati_encoder *e)
{
    bool same = true;
    for (size_t k = 0; k < e->width; k++) same &= e->shift[k] == 0 && e->scale[k] == 1;
    return same;
}

/* Missing values become the fill, where there is one. Returns the first infinite one. */
static size_t mend(const leati_encoder *e, double *x, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < e->width; k++) {
            double *v = &x[i * e->width + k];
            if (isinf(*v)) return i * e->width + k;
            if (isnan(*v) && e->recipe.fill) *v = e->columns[k].fill;
        }
    return SIZE_MAX;
}

static void scale(const leati_encoder *e, double *x, size_t rows)
{
    for (size_t i = 0; i < rows; i++, x += e->width)
        for (size_t k = 0; k < e->width; k++) x[k] = (x[k] - e->shift[k]) * e->scale[k];
}

enum { PIECE = 2048 }; /* values that are worked on at once */

typedef struct job {
    const leati_vec *vec;
    const leati_encoder *e;
    const char *values;
    bool f32, neutral;
    bool finite; /* so far all */
} job;

/* The values `first` .. first + n - 1, whole rows, to x as f64. */
static size_t take(job *j, size_t first, size_t n, double *x)
{
    float narrow[PIECE];
    if (!j->f32) memcpy(x, j->values + first * sizeof *x, n * sizeof *x);
    for (size_t i = 0; j->f32 && i < n; i += PIECE) {
        size_t m = n - i < PIECE ? n - i : PIECE;
        memcpy(narrow, j->values + (first + i) * sizeof *narrow, m * sizeof *narrow);
        j->vec->widen(m, narrow, x + i);
    }
    size_t rows = n / j->e->width, wrong = SIZE_MAX;
    if (j->vec->blemish_f64(n, x) != 0) {
        wrong = mend(j->e, x, rows);
        j->finite = false;
    }
    if (!j->neutral) scale(j->e, x, rows);
    return wrong == SIZE_MAX ? wrong : first + wrong;
}

/* Rows wider than a piece, to f32: value by value. */
static size_t take_wide(const job *j, size_t first, size_t n, float *to)
{
    const leati_encoder *e = j->e;
    for (size_t i = 0; i < n; i++) {
        float narrow;
        double v;
        size_t k = i % e->width;
        if (j->f32) memcpy(&narrow, j->values + (first + i) * sizeof narrow, sizeof narrow);
        else memcpy(&v, j->values + (first + i) * sizeof v, sizeof v);
        if (j->f32) v = (double)narrow;
        if (isinf(v)) return first + i;
        if (isnan(v) && e->recipe.fill) v = e->columns[k].fill;
        to[i] = (float)((v - e->shift[k]) * e->scale[k]);
    }
    return SIZE_MAX;
}

/* Finite numbers that the estimator may see as they came. */
static bool as_they_are(const job *j, size_t count)
{
    if (j->f32 || j->e->recipe.f32 || !j->neutral || (uintptr_t)j->values % _Alignof(double))
        return false;
    const double *x = (const void *)j->values;
    for (size_t i = 0; i < count; i += PIECE)
        if (j->vec->blemish_f64(count - i < PIECE ? count - i : PIECE, x + i) != 0) return false;
    return true;
}

size_t leati_encoder_fill_rows(const leat_context *c, const leati_encoder *e, const void *values,
                               bool f32, size_t rows, void *to, leati_matrix *x)
{
    job j = {leati_vec_of(c), e, values, f32, neutral(e), true};
    size_t width = e->width, step = width < PIECE ? PIECE / width : 1, wrong = SIZE_MAX;
    float *low = e->recipe.f32 ? to : NULL;
    double *high = e->recipe.f32 ? NULL : to, wide[PIECE];
    *x =
        (leati_matrix){.f64 = values, .rows = rows, .cols = width, .stride = width, .finite = true};
    if (as_they_are(&j, rows * width)) return SIZE_MAX;
    for (size_t r = 0; r < rows && wrong == SIZE_MAX; r += step) {
        size_t n = (rows - r < step ? rows - r : step) * width, at = r * width;
        if (high) wrong = take(&j, at, n, high + at);
        else if (n > PIECE) wrong = take_wide(&j, at, n, low + at);
        else {
            wrong = take(&j, at, n, wide);
            j.vec->narrow(n, wide, low + at);
        }
    }
    /* Scaled or narrowed ones may have become infinite. */
    *x = (leati_matrix){.f64 = high,
                        .f32 = low,
                        .rows = rows,
                        .cols = width,
                        .stride = width,
                        .finite = high && j.neutral && j.finite};
    return wrong;
}
