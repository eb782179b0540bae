/* Owns: t-SNE with exact gradients. */
#include "learn/tsne.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"

enum { ITERATIONS = 1000, EXAGGERATED = 250 };
static const double exaggeration = 12, least = 1e-12;

typedef struct tsne {
    size_t n, d, tasks;
    const double *x;
    double perplexity, scale; /* of p */
    double *p;                /* (n, n) joint probabilities */
    double *y, *step, *gain;  /* (n, 2) */
    double *pull, *push;      /* (n, 2) parts of the gradient */
    double *sum;              /* (n) of the weights of a row */
} tsne;

/* ---- similarities in the many dimensions --------------------------------------------------------
 */

/* exp(-beta d2) of a row; gives the entropy and leaves the row summing to 1. */
static double weigh(const double *d2, size_t n, size_t self, double beta, double *row)
{
    double nearest = (double)INFINITY, sum = 0, mean = 0;
    for (size_t j = 0; j < n; j++)
        if (j != self) nearest = fmin(nearest, d2[j]);
    for (size_t j = 0; j < n; j++) {
        row[j] = j == self ? 0 : exp(-beta * (d2[j] - nearest));
        sum += row[j];
        mean += row[j] * (d2[j] - nearest);
    }
    for (size_t j = 0; j < n; j++) row[j] /= sum;
    return log(sum) + beta * mean / sum;
}

/* The beta whose entropy is the logarithm of the perplexity, by bisection. d2 is overwritten by
 * the probabilities. */
static void condition(double *d2, double *row, size_t n, size_t self, double perplexity)
{
    double beta = 1, lo = 0, hi = (double)INFINITY, want = log(perplexity), middle = 0;
    for (size_t j = 0; j < n; j++) middle += d2[j] / (double)n;
    if (middle > 0) beta = 1 / middle;
    for (int i = 0; i < 200; i++) {
        double over = weigh(d2, n, self, beta, row) - want;
        if (fabs(over) < 1e-6) break;
        if (over > 0) lo = beta;
        else hi = beta;
        beta = isinf(hi) ? beta * 2 : (lo + hi) / 2;
    }
    memcpy(d2, row, n * sizeof *row);
}

/* Squares of the distances. */
static void distances(void *arg, size_t task, unsigned worker)
{
    tsne *t = arg;
    size_t n = t->n, d = t->d, from = leati_task_start(n, t->tasks, task);
    (void)worker;
    for (size_t i = from; i < leati_task_start(n, t->tasks, task + 1); i++) {
        double *to = t->p + i * n;
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t k = 0; k < d; k++) {
                double apart = t->x[i * d + k] - t->x[j * d + k];
                sum += apart * apart;
            }
            to[j] = sum;
        }
    }
}

static void join_pairs(tsne *t)
{
    for (size_t i = 0; i < t->n; i++) {
        for (size_t j = i; j < t->n; j++) {
            double both = (t->p[i * t->n + j] + t->p[j * t->n + i]) / (2 * (double)t->n);
            t->p[i * t->n + j] = t->p[j * t->n + i] = i == j ? 0 : fmax(both, least);
        }
    }
}

/* ---- descent in the plane -----------------------------------------------------------------------
 */

/* Equation 5, in two parts: what pulls needs no sum over all pairs, what pushes is divided by it.
 */
static void forces(void *arg, size_t task, unsigned worker)
{
    tsne *t = arg;
    size_t n = t->n;
    (void)worker;
    for (size_t i = leati_task_start(n, t->tasks, task);
         i < leati_task_start(n, t->tasks, task + 1); i++) {
        const double *p = t->p + i * n, *y = t->y;
        double x0 = y[2 * i], y0 = y[2 * i + 1], sum = 0, ax = 0, ay = 0, rx = 0, ry = 0;
        for (size_t j = 0; j < n; j++) {
            double dx = x0 - y[2 * j], dy = y0 - y[2 * j + 1];
            double w = 1 / (1 + dx * dx + dy * dy), pw = p[j] * w, ww = w * w;
            sum += w;
            ax += pw * dx;
            ay += pw * dy;
            rx += ww * dx;
            ry += ww * dy;
        }
        t->sum[i] = sum - 1; /* but for itself */
        t->pull[2 * i] = ax, t->pull[2 * i + 1] = ay;
        t->push[2 * i] = rx, t->push[2 * i + 1] = ry;
    }
}

static double total(const tsne *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->n; i++) sum += t->sum[i];
    return sum;
}

/* Gains of single coordinates grow while the gradient keeps its direction (Jacobs 1988). */
static void move(tsne *t, double rate, double momentum)
{
    double all = total(t), mean[2] = {0, 0};
    for (size_t k = 0; k < 2 * t->n; k++) {
        double g = 4 * (t->scale * t->pull[k] - t->push[k] / all);
        bool same = (g > 0) == (t->step[k] > 0);
        t->gain[k] = fmax(same ? t->gain[k] * 0.8 : t->gain[k] + 0.2, 0.01);
        t->step[k] = momentum * t->step[k] - rate * t->gain[k] * g;
        t->y[k] += t->step[k];
        mean[k % 2] += t->y[k] / (double)t->n;
    }
    for (size_t k = 0; k < 2 * t->n; k++) t->y[k] -= mean[k % 2];
}

static leat_status descend(leat_context *c, tsne *t)
{
    double rate = fmax((double)t->n / exaggeration / 4, 50);
    for (int i = 0; i < ITERATIONS; i++) {
        t->scale = i < EXAGGERATED ? exaggeration : 1;
        leati_parallel(c, t->tasks, forces, t);
        move(t, rate, i < EXAGGERATED ? 0.5 : 0.8);
        LEATI_TRY(leati_progress(c, "t-SNE", (uint64_t)i + 1, ITERATIONS));
    }
    return LEAT_OK;
}

/* Spread so little that the first steps decide. */
static void place(tsne *t)
{
    double mean[2] = {0, 0}, squares = 0;
    for (size_t i = 0; i < t->n; i++)
        for (size_t k = 0; k < 2; k++)
            mean[k] += (t->y[2 * i + k] = k < t->d ? t->x[i * t->d + k] : 0) / (double)t->n;
    for (size_t i = 0; i < t->n; i++)
        squares += (t->y[2 * i] - mean[0]) * (t->y[2 * i] - mean[0]) / (double)t->n;
    double by = squares > 0 ? 1e-4 / sqrt(squares) : 0;
    for (size_t i = 0; i < t->n; i++)
        for (size_t k = 0; k < 2; k++) t->y[2 * i + k] = (t->y[2 * i + k] - mean[k]) * by;
    for (size_t k = 0; k < 2 * t->n; k++) t->gain[k] = 1;
}

static double divergence_of(leat_context *c, tsne *t)
{
    double sum = 0;
    leati_parallel(c, t->tasks, forces, t);
    double all = total(t);
    for (size_t i = 0; i < t->n; i++) {
        for (size_t j = 0; j < t->n; j++) {
            double dx = t->y[2 * i] - t->y[2 * j], dy = t->y[2 * i + 1] - t->y[2 * j + 1];
            double q = fmax(1 / (1 + dx * dx + dy * dy) / all, least), p = t->p[i * t->n + j];
            if (i != j) sum += p * log(p / q);
        }
    }
    return sum;
}

leat_status leati_tsne(leat_context *c, const double *x, size_t n, size_t d, double perplexity,
                       double *out, double *divergence)
{
    LEATI_CHECK(c, n >= 4 && n <= LEATI_TSNE_MOST && d > 0, LEAT_INVALID,
                "t-SNE takes from 4 to %d rows, not %zu", LEATI_TSNE_MOST, n);
    tsne t = {.n = n, .d = d, .x = x, .y = out, .tasks = leati_task_count(n, 16, 256)};
    t.perplexity = fmin(perplexity > 0 ? perplexity : 30, (double)(n - 1) / 3);
    t.p = leati_array(c, n, n * sizeof *t.p);
    double *rest = leati_calloc(c, 10 * n, sizeof *rest);
    leat_status st = t.p && rest ? LEAT_OK : LEAT_NOMEM;
    if (st == LEAT_OK) {
        t.step = rest, t.gain = rest + 2 * n, t.pull = rest + 4 * n, t.push = rest + 6 * n;
        t.sum = rest + 8 * n;
        leati_parallel(c, t.tasks, distances, &t);
        for (size_t i = 0; i < n; i++) condition(t.p + i * n, rest + 9 * n, n, i, t.perplexity);
        join_pairs(&t);
        place(&t);
        st = descend(c, &t);
    }
    if (st == LEAT_OK && divergence) *divergence = divergence_of(c, &t);
    leati_free(t.p);
    leati_free(rest);
    return st;
}
