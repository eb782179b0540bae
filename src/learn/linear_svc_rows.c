/* Owns: the rows of linear machines. Sums are f64 whatever the rows are stored in. */
#include "learn/linear_svc_rows.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/gemm.h"
#include "kernel/vec.h"

enum { CHUNK_CELLS = 1 << 20, MOST_TASKS = 64, GRAIN = 1 << 14 };

typedef struct fill_job {
    leati_linear_rows *out;
    const leati_matrix *x;
    const uint32_t *order;
    double intercept;
    size_t tasks;
} fill_job;

static void fill_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const fill_job *m = arg;
    leati_linear_rows *out = m->out;
    size_t to = leati_task_start(out->rows, m->tasks, task + 1);
    for (size_t i = leati_task_start(out->rows, m->tasks, task); i < to; i++) {
        double sum = 0;
        for (size_t j = 0; j < out->cols; j++) {
            double v = j < m->x->cols ? leati_at(m->x, m->order[i], j) : m->intercept;
            if (out->f64) out->f64[i * out->cols + j] = v;
            else {
                out->f32[i * out->cols + j] = (float)v;
                v = (double)(float)v;
            }
            sum += v * v;
        }
        out->square[i] = sum;
    }
}

leat_status leati_linear_rows_init(leat_context *c, leati_linear_rows *out, const leati_matrix *x,
                                   const uint32_t *order, size_t count, double intercept)
{
    *out = (leati_linear_rows){
        .rows = count, .cols = x->cols + (intercept > 0), .vec = leati_vec_of(c)};
    size_t cells;
    LEATI_CHECK(c, !leati_mul_overflows(count, out->cols, &cells), LEAT_LIMIT, "too many values");
    if (x->f32) out->f32 = leati_array(c, cells, sizeof *out->f32);
    else out->f64 = leati_array(c, cells, sizeof *out->f64);
    out->square = leati_array(c, count, sizeof *out->square);
    if (!out->square || (!out->f32 && !out->f64)) {
        leati_linear_rows_fini(out);
        return leat_error_status(c);
    }
    fill_job m = {.out = out, .x = x, .order = order, .intercept = intercept};
    m.tasks = leati_task_count(cells, GRAIN, MOST_TASKS);
    if (m.tasks > count) m.tasks = count ? count : 1;
    leati_parallel(c, m.tasks, fill_rows, &m);
    return LEAT_OK;
}

void leati_linear_rows_fini(leati_linear_rows *rows)
{
    leati_free(rows->f64);
    leati_free(rows->f32);
    leati_free(rows->square);
    *rows = (leati_linear_rows){0};
}

/* Rows of a chunk: it stays in the outer cache once widened. */
static size_t chunk_of(const leati_linear_rows *x)
{
    size_t rows = CHUNK_CELLS / x->cols;
    return rows < 16 ? 16 : rows;
}

/* Copies rows to f64: row i of the chunk is index[i], else from + i, times root[i] or 1. */
typedef struct widen_job {
    const leati_linear_rows *x;
    const uint32_t *index;
    const double *scale;
    size_t from, count, tasks;
    double *out;
} widen_job;

static void widen_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const widen_job *m = arg;
    const leati_vec *vec = m->x->vec;
    size_t cols = m->x->cols, to = leati_task_start(m->count, m->tasks, task + 1);
    for (size_t i = leati_task_start(m->count, m->tasks, task); i < to; i++) {
        size_t row = m->index ? m->index[m->from + i] : m->from + i;
        double *out = m->out + i * cols;
        if (m->x->f32) vec->widen(cols, m->x->f32 + row * cols, out);
        else memcpy(out, m->x->f64 + row * cols, cols * sizeof *out);
        if (m->scale) vec->scale_f64(cols, sqrt(m->scale[row]), out);
    }
}

static void widen(leat_context *c, widen_job *m)
{
    m->tasks = leati_task_count(m->count * m->x->cols, GRAIN, MOST_TASKS);
    if (m->tasks > m->count) m->tasks = m->count ? m->count : 1;
    leati_parallel(c, m->tasks, widen_rows, m);
}

leat_status leati_linear_rows_scores(leat_context *c, const leati_linear_rows *x, const double *w,
                                     size_t count, double *out)
{
    size_t p = x->cols;
    if (x->f64)
        return leati_gemm_f64(c, false, false, x->rows, count, p, 1, x->f64, p, w, count, 0, out,
                              count);
    size_t chunk = chunk_of(x);
    double *wide = leati_array(c, chunk * p, sizeof *wide);
    if (!wide) return leat_error_status(c);
    leat_status st = LEAT_OK;
    for (size_t from = 0; from < x->rows && st == LEAT_OK; from += chunk) {
        size_t n = from + chunk < x->rows ? chunk : x->rows - from;
        widen_job m = {.x = x, .from = from, .count = n, .out = wide};
        widen(c, &m);
        st = leati_gemm_f64(c, false, false, n, count, p, 1, wide, p, w, count, 0,
                            out + from * count, count);
    }
    leati_free(wide);
    return st;
}

leat_status leati_linear_rows_back(leat_context *c, const leati_linear_rows *x, const double *u,
                                   size_t count, double *out)
{
    size_t p = x->cols;
    if (x->f64)
        return leati_gemm_f64(c, true, false, p, count, x->rows, 1, x->f64, p, u, count, 0, out,
                              count);
    size_t chunk = chunk_of(x);
    double *wide = leati_array(c, chunk * p, sizeof *wide);
    if (!wide) return leat_error_status(c);
    leat_status st = LEAT_OK;
    for (size_t from = 0; from < x->rows && st == LEAT_OK; from += chunk) {
        size_t n = from + chunk < x->rows ? chunk : x->rows - from;
        widen_job m = {.x = x, .from = from, .count = n, .out = wide};
        widen(c, &m);
        st = leati_gemm_f64(c, true, false, p, count, n, 1, wide, p, u + from * count, count,
                            from ? 1 : 0, out, count);
    }
    leati_free(wide);
    return st;
}

leat_status leati_linear_rows_gram(leat_context *c, const leati_linear_rows *x,
                                   const uint32_t *index, size_t count, const double *scale,
                                   double sign, double *gram)
{
    size_t p = x->cols, chunk = chunk_of(x);
    if (chunk > count) chunk = count;
    if (count == 0) return LEAT_OK;
    double *wide = leati_array(c, chunk * p, sizeof *wide);
    double *part = leati_array(c, p * p, sizeof *part);
    leat_status st = wide && part ? LEAT_OK : leat_error_status(c);
    for (size_t from = 0; from < count && st == LEAT_OK; from += chunk) {
        size_t n = from + chunk < count ? chunk : count - from;
        widen_job m = {
            .x = x, .index = index, .scale = scale, .from = from, .count = n, .out = wide};
        widen(c, &m);
        st = leati_syrk_f64(c, n, p, wide, p, part, p);
        if (st == LEAT_OK) x->vec->axpy_f64(p * p, sign, part, gram);
    }
    leati_free(wide);
    leati_free(part);
    return st;
}

double leati_linear_rows_dot(const leati_linear_rows *x, size_t row, const double *w)
{
    size_t p = x->cols;
    if (x->f64) return x->vec->dot_f64(p, x->f64 + row * p, w);
    return x->vec->dot_mixed(p, x->f32 + row * p, w);
}

void leati_linear_rows_add(const leati_linear_rows *x, size_t row, double a, double *w)
{
    size_t p = x->cols;
    if (x->f64) x->vec->axpy_f64(p, a, x->f64 + row * p, w);
    else x->vec->axpy_mixed(p, a, x->f32 + row * p, w);
}

leat_status leati_linear_predict(leat_context *c, const leati_matrix *x, const double *coef,
                                 const double *intercept, size_t count, double *out)
{
    size_t chunk = CHUNK_CELLS / x->cols;
    chunk = chunk < 16 ? 16 : chunk;
    for (size_t from = 0; from < x->rows; from += chunk) {
        size_t n = from + chunk < x->rows ? chunk : x->rows - from;
        leati_matrix part = leati_matrix_rows(x, from, n);
        double *copy = NULL;
        if (x->f32 && !(copy = leati_matrix_f64(c, &part))) return leat_error_status(c);
        leat_status st = leati_gemm_f64(c, false, true, n, count, x->cols, 1,
                                        copy ? copy : part.f64, copy ? x->cols : part.stride, coef,
                                        x->cols, 0, out + from * count, count);
        leati_free(copy);
        LEATI_TRY(st);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < count; k++) out[(from + i) * count + k] += intercept[k];
    }
    return LEAT_OK;
}
