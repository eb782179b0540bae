/* Owns: the logistic loss, its gradient by blocks of rows and its Hessian. */
#include "learn/logistic_loss.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/gemm.h"

/* Rows of a block: X and the products of one block stay in the second-level cache. */
enum { BLOCK = 64, MOST_TASKS = 64 };

static leat_status set_weights(leat_context *c, leati_logistic *p, const double *class_weight)
{
    const leati_dataset *d = p->d;
    double sum = 0;
    for (size_t i = 0; i < d->x.rows; i++) {
        p->weight[i] = d->weight ? d->weight[i] : 1;
        if (class_weight) p->weight[i] *= class_weight[d->label[i]];
        sum += p->weight[i];
    }
    LEATI_CHECK(c, sum > 0 && isfinite(sum), LEAT_INVALID,
                "the row weights sum to %g: there is nothing to learn from", sum);
    for (size_t i = 0; i < d->x.rows; i++) p->weight[i] /= sum;
    return LEAT_OK;
}

leat_status leati_logistic_init(leat_context *c, leati_logistic *p, const leati_dataset *d,
                                bool intercept, double l2, const double *class_weight)
{
    *p = (leati_logistic){.d = d, .intercept = intercept, .l2 = l2};
    p->outputs = d->classes > 2 ? d->classes : 1;
    p->width = p->outputs * (d->x.cols + intercept);
    p->v = leati_vec_of(c);
    p->level = leati_kernels_of(c);
    p->tasks = leati_task_count(d->x.rows * d->x.cols * p->outputs, 1 << 17, MOST_TASKS);
    if (p->tasks > d->x.rows) p->tasks = d->x.rows;
    /* Two (outputs, BLOCK) matrices, and in f32 also a gradient. */
    p->block_size = 2 * BLOCK * p->outputs + p->outputs * d->x.cols;
    p->weight = leati_array(c, d->x.rows, sizeof *p->weight);
    p->partial = leati_array(c, p->tasks * (p->width + 1), sizeof *p->partial);
    p->block = leati_array(c, p->tasks * p->block_size, sizeof *p->block);
    p->coef_f32 = leati_array(c, d->x.f32 ? p->outputs * d->x.cols : 1, sizeof *p->coef_f32);
    bool ready = p->weight && p->partial && p->block && p->coef_f32;
    leat_status st = ready ? set_weights(c, p, class_weight) : leat_error_status(c);
    if (st != LEAT_OK) leati_logistic_fini(p);
    return st;
}

void leati_logistic_fini(leati_logistic *p)
{
    leati_free(p->weight);
    leati_free(p->partial);
    leati_free(p->block);
    leati_free(p->coef_f32);
    *p = (leati_logistic){0};
}

/* log(1 + exp(z)) without overflow. */
static double softplus(double z)
{
    return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

/* Scores of a block are (outputs, BLOCK), class after class; those past `rows` are finite and count
 * for nothing. From scores z to weighted residuals w (p - y) in place; returns the loss. */
#define LOGIT(suffix, type)                                                                        \
    static double logit_##suffix(const leati_logistic *p, size_t from, size_t rows, type *z)       \
    {                                                                                              \
        double loss = 0;                                                                           \
        for (size_t i = 0; i < rows; i++) {                                                        \
            double w = p->weight[from + i], s = (double)z[i];                                      \
            bool one = p->d->label[from + i] == 1;                                                 \
            loss += w * softplus(one ? -s : s);                                                    \
            double probability = s > 0 ? 1 / (1 + exp(-s)) : exp(s) / (1 + exp(s));                \
            z[i] = (type)(w * (probability - one));                                                \
        }                                                                                          \
        return loss;                                                                               \
    }
LOGIT(f32, float)
LOGIT(f64, double)

/* The same for a softmax; `e` (outputs, BLOCK) is scratch. */
#define SOFTMAX(suffix, type)                                                                      \
    static double softmax_##suffix(const leati_logistic *p, size_t from, size_t rows, type *z,     \
                                   type *e)                                                        \
    {                                                                                              \
        type most[BLOCK], sum[BLOCK] = {0};                                                        \
        double scale[BLOCK], logs[BLOCK], loss = 0;                                                \
        memcpy(most, z, sizeof most);                                                              \
        for (size_t k = 1; k < p->outputs; k++)                                                    \
            for (size_t i = 0; i < BLOCK; i++)                                                     \
                most[i] = z[k * BLOCK + i] > most[i] ? z[k * BLOCK + i] : most[i];                 \
        for (size_t k = 0; k < p->outputs; k++)                                                    \
            for (size_t i = 0; i < BLOCK; i++) z[k * BLOCK + i] -= most[i];                        \
        p->v->exp_##suffix(p->outputs *BLOCK, z, e);                                               \
        for (size_t k = 0; k < p->outputs; k++)                                                    \
            for (size_t i = 0; i < BLOCK; i++) sum[i] += e[k * BLOCK + i];                         \
        for (size_t i = 0; i < BLOCK; i++) scale[i] = (double)sum[i];                              \
        p->v->log_f64(BLOCK, scale, logs);                                                         \
        for (size_t i = 0; i < BLOCK; i++) {                                                       \
            double w = i < rows ? p->weight[from + i] : 0;                                         \
            uint32_t label = i < rows ? p->d->label[from + i] : 0;                                 \
            loss += w * (logs[i] - (double)z[label * BLOCK + i]);                                  \
            sum[i] = (type)(w / scale[i]);                                                         \
        }                                                                                          \
        for (size_t k = 0; k < p->outputs; k++)                                                    \
            for (size_t i = 0; i < BLOCK; i++) z[k * BLOCK + i] = sum[i] * e[k * BLOCK + i];       \
        for (size_t i = 0; i < rows; i++)                                                          \
            z[p->d->label[from + i] * BLOCK + i] -= (type)p->weight[from + i];                     \
        return loss;                                                                               \
    }
SOFTMAX(f32, float)
SOFTMAX(f64, double)

/* Loss of a block from its scores, which become residuals; adds them to the intercepts' gradient.
 */
#define RESIDUALS(suffix, type)                                                                    \
    static double residuals_##suffix(const leati_logistic *p, size_t from, size_t rows, type *z,   \
                                     type *e, double *gradient)                                    \
    {                                                                                              \
        size_t coefs = p->outputs * p->d->x.cols;                                                  \
        for (size_t k = 0; k < p->outputs && p->intercept; k++)                                    \
            for (size_t i = 0; i < BLOCK; i++) z[k * BLOCK + i] += (type)p->theta[coefs + k];      \
        double loss = p->outputs > 1 ? softmax_##suffix(p, from, rows, z, e)                       \
                                     : logit_##suffix(p, from, rows, z);                           \
        for (size_t k = 0; k < p->outputs && p->intercept; k++)                                    \
            gradient[coefs + k] += (double)p->v->sum_##suffix(rows, z + k * BLOCK);                \
        return loss;                                                                               \
    }
RESIDUALS(f32, float)
RESIDUALS(f64, double)

static void gradient_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    leati_logistic *p = arg;
    const leati_matrix *x = &p->d->x;
    size_t n = p->outputs, cols = x->cols;
    double *gradient = p->partial + task * (p->width + 1), loss = 0;
    double *z64 = p->block + task * p->block_size, *e64 = z64 + BLOCK * n;
    float *z32 = (float *)z64, *e32 = (float *)e64, *g32 = (float *)(e64 + BLOCK * n);
    memset(gradient, 0, p->width * sizeof *gradient);
    size_t to = leati_task_start(x->rows, p->tasks, task + 1), rows;
    for (size_t i = leati_task_start(x->rows, p->tasks, task); i < to; i += rows) {
        rows = to - i < BLOCK ? to - i : BLOCK;
        if (rows < BLOCK) memset(z64, 0, BLOCK * n * sizeof *z64);
        if (x->f64) {
            const double *block = x->f64 + i * x->stride;
            leati_forward_f64(p->level, rows, cols, n, block, x->stride, p->theta, z64, BLOCK);
            loss += residuals_f64(p, i, rows, z64, e64, gradient);
            leati_backward_f64(p->level, rows, cols, n, block, x->stride, z64, BLOCK, gradient);
        } else {
            const float *block = x->f32 + i * x->stride;
            leati_forward_f32(p->level, rows, cols, n, block, x->stride, p->coef_f32, z32, BLOCK);
            loss += residuals_f32(p, i, rows, z32, e32, gradient);
            memset(g32, 0, n * cols * sizeof *g32);
            leati_backward_f32(p->level, rows, cols, n, block, x->stride, z32, BLOCK, g32);
            for (size_t j = 0; j < n * cols; j++) gradient[j] += (double)g32[j];
        }
    }
    gradient[p->width] = loss;
}

leat_status leati_logistic_evaluate(void *problem, leat_context *c, const double *theta,
                                    double *value, double *gradient)
{
    leati_logistic *p = problem;
    size_t coefs = p->outputs * p->d->x.cols;
    p->theta = theta;
    if (p->d->x.f32) p->v->narrow(coefs, theta, p->coef_f32);
    leati_parallel(c, p->tasks, gradient_rows, p);
    memcpy(gradient, p->partial, p->width * sizeof *gradient);
    *value = p->partial[p->width];
    for (size_t t = 1; t < p->tasks; t++) {
        const double *part = p->partial + t * (p->width + 1);
        p->v->axpy_f64(p->width, 1, part, gradient);
        *value += part[p->width];
    }
    *value += p->l2 / 2 * p->v->dot_f64(coefs, theta, theta);
    p->v->axpy_f64(coefs, p->l2, theta, gradient);
    return LEAT_OK;
}

/* Probabilities of all outputs at theta: q (rows, outputs). */
static void all_probabilities(leati_logistic *p, const double *theta, double *q, double *space)
{
    const leati_matrix *x = &p->d->x;
    size_t n = p->outputs;
    for (size_t i = 0; i < x->rows; i++) {
        const double *row = leati_row(x, i, space);
        double *out = q + i * n;
        leati_forward_f64(p->level, 1, x->cols, n, row, x->cols, theta, out, 1);
        for (size_t k = 0; k < n && p->intercept; k++) out[k] += theta[n * x->cols + k];
        if (n > 1) leati_logistic_probabilities(out, 1, n, out);
        else out[0] = out[0] > 0 ? 1 / (1 + exp(-out[0])) : exp(out[0]) / (1 + exp(out[0]));
    }
}

/* Adds sum_i w_i h_i (x_i, 1)(x_i, 1)^T for outputs a, b to their block of the Hessian, where h is
 * q_a (1 - q_a) or -q_a q_b. `left` and `right` are (rows, cols + intercept). */
static leat_status add_block(leat_context *c, const leati_logistic *p, const double *q, size_t a,
                             size_t b, double *left, double *right, double *hessian)
{
    const leati_matrix *x = &p->d->x;
    size_t n = p->outputs, cols = x->cols, width = cols + p->intercept;
    for (size_t i = 0; i < x->rows; i++) {
        double qa = q[i * n + a], qb = q[i * n + b];
        double h = p->weight[i] * (a == b ? qa * (1 - qa) : -qa * qb);
        for (size_t j = 0; j < cols; j++) {
            right[i * width + j] = leati_at(x, i, j);
            left[i * width + j] = h * right[i * width + j];
        }
        if (!p->intercept) continue;
        right[i * width + cols] = 1;
        left[i * width + cols] = h;
    }
    double *product = right + x->rows * width; /* (width, width) */
    LEATI_TRY(leati_gemm_f64(c, true, false, width, width, x->rows, 1, left, width, right, width, 0,
                             product, width));
    for (size_t i = 0; i < width; i++)
        for (size_t j = 0; j < width; j++) {
            size_t row = i < cols ? a * cols + i : n * cols + a;
            size_t col = j < cols ? b * cols + j : n * cols + b;
            hessian[row * p->width + col] = product[i * width + j];
            hessian[col * p->width + row] = product[i * width + j];
        }
    return LEAT_OK;
}

leat_status leati_logistic_hessian(leat_context *c, leati_logistic *p, const double *theta,
                                   double *hessian)
{
    const leati_matrix *x = &p->d->x;
    size_t n = p->outputs, width = x->cols + p->intercept;
    double *q = leati_array(c, x->rows * n, sizeof *q);
    double *left = leati_array(c, x->rows * width, sizeof *left);
    double *right = leati_array(c, (x->rows + width) * width, sizeof *right);
    leat_status st = q && left && right ? LEAT_OK : leat_error_status(c);
    if (st != LEAT_OK) goto out;
    all_probabilities(p, theta, q, left);
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b <= a; b++) LEATI_GO(add_block(c, p, q, a, b, left, right, hessian));
    for (size_t j = 0; j < n * x->cols; j++) hessian[j * p->width + j] += p->l2;
out:
    leati_free(q);
    leati_free(left);
    leati_free(right);
    return st;
}

void leati_logistic_probabilities(const double *z, size_t rows, size_t classes, double *out)
{
    if (classes == 2) {
        for (size_t i = rows; i-- > 0;) {
            double e = exp(-fabs(z[i])), small = e / (1 + e), large = 1 / (1 + e);
            bool one = z[i] > 0;
            out[2 * i] = one ? small : large;
            out[2 * i + 1] = one ? large : small;
        }
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        const double *row = z + i * classes;
        double *to = out + i * classes, most = row[0], sum = 0;
        for (size_t k = 1; k < classes; k++) most = fmax(most, row[k]);
        for (size_t k = 0; k < classes; k++) sum += to[k] = exp(row[k] - most);
        for (size_t k = 0; k < classes; k++) to[k] /= sum;
    }
}
