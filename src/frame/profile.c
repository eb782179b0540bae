/* Owns: descriptive statistics of columns. */
#include <math.h>
#include <stdlib.h>

#include <leat/profile.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "frame/frame.h"
#include "kernel/sort.h"

enum { DISTINCT_MOST = 100000 };

static void gather(const leati_column *col, double *out, size_t *count)
{
    size_t n = 0;
    for (size_t r = 0; r < col->rows; r++) {
        if (!leati_valid(col, r)) continue;
        switch (col->type) {
        case LEAT_F64: out[n++] = col->f64[r]; break;
        case LEAT_BOOL: out[n++] = col->u8[r]; break;
        case LEAT_ARRAY:
            for (size_t k = 0; k < col->length; k++) {
                size_t at = r * col->length + k;
                if (col->item == LEATI_ITEM_U8) out[n++] = col->u8[at];
                else out[n++] = col->item == LEATI_ITEM_F32 ? (double)col->f32[at] : col->f64[at];
            }
            break;
        default: out[n++] = (double)col->i64[r];
        }
    }
    *count = n;
}

/* Sorted, finite values first: infinities are left out of moments and bins. */
static void describe_sorted(leat_context *c, const double *v, size_t n, leat_column_profile *out)
{
    double sum = 0, squares = 0;
    size_t from = 0;
    while (from < n && isinf(v[from])) from++;
    while (n > from && !isfinite(v[n - 1])) n--;
    if (n == from) return;
    v += from;
    n -= from;
    for (size_t i = 0; i < n; i++) sum += v[i];
    out->mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (v[i] - out->mean) * (v[i] - out->mean);
    if (n > 1) out->std = sqrt(squares / (double)(n - 1));
    out->least = v[0];
    out->quartile1 = leati_quantile_sorted(v, n, 0.25);
    out->median = leati_quantile_sorted(v, n, 0.5);
    out->quartile3 = leati_quantile_sorted(v, n, 0.75);
    out->most = v[n - 1];
    leati_histogram_f64(c, v, n, v[0], v[n - 1], LEAT_PROFILE_BINS, out->bins);
}

static size_t distinct_sorted(const double *v, size_t n)
{
    size_t distinct = n > 0;
    for (size_t i = 1; i < n && distinct < DISTINCT_MOST; i++) distinct += v[i] != v[i - 1];
    return distinct;
}

static leat_status profile_numbers(leat_context *c, const leati_column *col,
                                   leat_column_profile *out)
{
    size_t n, most = col->rows;
    if (col->type == LEAT_ARRAY)
        LEATI_CHECK(c, !leati_mul_overflows(most, col->length, &most), LEAT_LIMIT,
                    "an array column too large to describe");
    double *values = leati_array(c, most, sizeof *values);
    if (!values) return leat_error_status(c);
    gather(col, values, &n);
    leat_status st = leati_sort_f64(c, values, n);
    if (st == LEAT_OK) describe_sorted(c, values, n, out);
    if (st == LEAT_OK && col->type != LEAT_ARRAY) out->distinct = distinct_sorted(values, n);
    leati_free(values);
    return st;
}

typedef struct tally {
    uint32_t code;
    size_t rows;
} tally;

static int more_rows(const void *a, const void *b)
{
    const tally *x = a, *y = b;
    if (x->rows != y->rows) return x->rows < y->rows ? 1 : -1;
    return (x->code > y->code) - (x->code < y->code);
}

static leat_status profile_texts(leat_context *c, const leati_column *col, leat_column_profile *out)
{
    size_t n = col->dict ? col->dict->count : 0;
    tally *all = LEATI_NEW(c, tally, n + 1);
    if (!all) return leat_error_status(c);
    for (uint32_t k = 0; k < n; k++) all[k].code = k;
    for (size_t r = 0; r < col->rows; r++)
        if (leati_valid(col, r)) all[col->codes[r]].rows++;
    qsort(all, n, sizeof *all, more_rows);
    for (size_t k = 0; k < n && all[k].rows; k++) {
        out->distinct++;
        if (k >= LEAT_PROFILE_TOP) continue;
        out->top[k] = leati_dict_text(col->dict, all[k].code, &out->top_length[k]);
        out->top_rows[k] = all[k].rows;
        out->top_count = k + 1;
    }
    leati_free(all);
    return LEAT_OK;
}

leat_status leat_profile_columns(leat_context *c, const leat_frame *f, leat_column_profile *out)
{
    const double nan = (double)NAN;
    for (size_t i = 0; i < f->columns; i++) {
        const leati_column *col = f->column[i];
        out[i] = (leat_column_profile){.name = f->name[i],
                                       .type = col->type,
                                       .count = col->rows - col->missing,
                                       .missing = col->missing,
                                       .mean = nan,
                                       .std = nan,
                                       .least = nan,
                                       .quartile1 = nan,
                                       .median = nan,
                                       .quartile3 = nan,
                                       .most = nan};
        LEATI_TRY(col->type == LEAT_STRING ? profile_texts(c, col, &out[i])
                                           : profile_numbers(c, col, &out[i]));
    }
    return LEAT_OK;
}

double leat_profile_correlation(const leat_frame *f, size_t a, size_t b)
{
    double sum_x = 0, sum_y = 0, xx = 0, yy = 0, xy = 0, x, y;
    size_t n = 0;
    for (size_t r = 0; r < f->rows; r++) {
        if (!leat_frame_number(f, a, r, &x) || !leat_frame_number(f, b, r, &y)) continue;
        sum_x += x;
        sum_y += y;
        n++;
    }
    if (n < 2) return (double)NAN;
    double mean_x = sum_x / (double)n, mean_y = sum_y / (double)n;
    for (size_t r = 0; r < f->rows; r++) {
        if (!leat_frame_number(f, a, r, &x) || !leat_frame_number(f, b, r, &y)) continue;
        xx += (x - mean_x) * (x - mean_x);
        yy += (y - mean_y) * (y - mean_y);
        xy += (x - mean_x) * (y - mean_y);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : (double)NAN;
}
