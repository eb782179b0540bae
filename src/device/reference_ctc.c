/* Owns: CTC and its gradient (Graves et al. 2006, sections 4.1 and 4.2), in f64 and logarithms; all
 * devices of the host use it. */
#include <math.h>

#include "base/error.h"
#include "device/reference_kernels.h"

typedef struct job {
    const leati_step *s;
    const leati_operand *x;         /* log-probabilities (T, N, C) */
    const int64_t *labels;          /* (N, S) */
    const int64_t *steps, *lengths; /* (N) */
    size_t most, rows, classes, width;
    int64_t blank;
    double *ahead, *back; /* (T, 2 S + 1) */
} job;

static job job_of(const leati_step *s)
{
    const leati_ctc_attrs *a = s->attrs;
    const leati_operand *in = s->in + (s->op == LEATI_OP_CTC_GRAD ? 1 : 0);
    job j = {.s = s, .x = in, .labels = in[1].data, .steps = in[2].data, .lengths = in[3].data};
    j.most = (size_t)in[0].shape.dim[0];
    j.rows = (size_t)in[0].shape.dim[1];
    j.classes = (size_t)in[0].shape.dim[2];
    j.width = (size_t)in[1].shape.dim[1];
    j.blank = a->blank;
    j.ahead = s->scratch;
    if (j.ahead) j.back = j.ahead + j.most * (2 * j.width + 1);
    return j;
}

static size_t scratch(const leat_context *c, const leati_step *s)
{
    (void)c;
    job j = job_of(s);
    return (2 * j.most * (2 * j.width + 1) + 1) * sizeof(double);
}

static leat_status check(leat_context *c, const job *j)
{
    for (size_t n = 0; n < j->rows; n++) {
        LEATI_CHECK(c, j->steps[n] >= 0 && (size_t)j->steps[n] <= j->most, LEAT_INVALID,
                    "sequence %zu has %lld steps, there are %zu", n + 1, (long long)j->steps[n],
                    j->most);
        LEATI_CHECK(c, j->lengths[n] >= 0 && (size_t)j->lengths[n] <= j->width, LEAT_INVALID,
                    "sequence %zu has %lld labels, there is room for %zu", n + 1,
                    (long long)j->lengths[n], j->width);
        for (int64_t i = 0; i < j->lengths[n]; i++) {
            int64_t y = j->labels[n * j->width + (size_t)i];
            LEATI_CHECK(c, y >= 0 && (size_t)y < j->classes && y != j->blank, LEAT_INVALID,
                        "label %lld of sequence %zu is %lld: 0 to %zu, but not the blank, %lld",
                        (long long)i + 1, n + 1, (long long)y, j->classes - 1, (long long)j->blank);
        }
    }
    return LEAT_OK;
}

static double log_add(double a, double b)
{
    if (a < b) {
        double swap = a;
        a = b;
        b = swap;
    }
    return b == -INFINITY ? a : a + log1p(exp(b - a));
}

/* State s of the labels with blanks between, before and after. */
static int64_t label(const job *j, size_t n, size_t s)
{
    return s % 2 ? j->labels[n * j->width + s / 2] : j->blank;
}

static double score(const job *j, size_t t, size_t n, size_t s)
{
    return leati_element_get(j->x, (t * j->rows + n) * j->classes + (size_t)label(j, n, s)).f;
}

/* May a path go from state s straight to s + 2? */
static bool may_skip(const job *j, size_t n, size_t s)
{
    return s % 2 && label(j, n, s) != label(j, n, s + 2);
}

/* ahead[t][s]: log of the probability of all paths that are in state s at step t. */
static void go_ahead(const job *j, size_t n)
{
    size_t states = 2 * (size_t)j->lengths[n] + 1, row = 2 * j->width + 1;
    for (size_t t = 0; t < (size_t)j->steps[n]; t++)
        for (size_t s = 0; s < states; s++) {
            double sum = -INFINITY;
            const double *before = j->ahead + (t ? t - 1 : 0) * row;
            if (t == 0) {
                sum = s < 2 ? 0 : -INFINITY;
            } else {
                sum = before[s];
                if (s >= 1) sum = log_add(sum, before[s - 1]);
                if (s >= 2 && may_skip(j, n, s - 2)) sum = log_add(sum, before[s - 2]);
            }
            j->ahead[t * row + s] = sum == -INFINITY ? sum : sum + score(j, t, n, s);
        }
}

/* back[t][s]: the same of the paths from step t on to the end. */
static void go_back(const job *j, size_t n)
{
    size_t states = 2 * (size_t)j->lengths[n] + 1, row = 2 * j->width + 1;
    size_t steps = (size_t)j->steps[n];
    for (size_t t = steps; t-- > 0;)
        for (size_t s = 0; s < states; s++) {
            double sum;
            const double *after = j->back + (t + 1) * row;
            if (t + 1 == steps) {
                sum = s + 2 >= states ? 0 : -INFINITY;
            } else {
                sum = after[s];
                if (s + 1 < states) sum = log_add(sum, after[s + 1]);
                if (s + 2 < states && may_skip(j, n, s)) sum = log_add(sum, after[s + 2]);
            }
            j->back[t * row + s] = sum == -INFINITY ? sum : sum + score(j, t, n, s);
        }
}

/* After go_ahead. */
static double loss_of(const job *j, size_t n)
{
    size_t steps = (size_t)j->steps[n], states = 2 * (size_t)j->lengths[n] + 1;
    if (!steps) return states == 1 ? 0 : INFINITY;
    const double *last = j->ahead + (steps - 1) * (2 * j->width + 1);
    return -(states > 1 ? log_add(last[states - 1], last[states - 2]) : last[0]);
}

static leat_status run(leat_context *c, const leati_step *s)
{
    job j = job_of(s);
    LEATI_TRY(check(c, &j));
    for (size_t n = 0; n < j.rows; n++) {
        go_ahead(&j, n);
        leati_element_set(&s->out[0], n, (leati_element){loss_of(&j, n), 0});
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_ctc = {.run = run, .scratch = scratch};

/* The gradient of a log-probability is minus the share of paths through its class at its step. A
 * sequence that no path fits has an infinite loss and gets the gradient 0. */
static void add_shares(const job *j, size_t n, double loss, double d)
{
    const leati_operand *dx = &j->s->out[0];
    size_t states = 2 * (size_t)j->lengths[n] + 1, row = 2 * j->width + 1;
    for (size_t t = 0; t < (size_t)j->steps[n]; t++)
        for (size_t s = 0; s < states; s++) {
            double both = j->ahead[t * row + s] + j->back[t * row + s];
            if (both == -INFINITY) continue;
            size_t at = (t * j->rows + n) * j->classes + (size_t)label(j, n, s);
            double share = exp(both - score(j, t, n, s) + loss);
            leati_element_set(dx, at, (leati_element){leati_element_get(dx, at).f - d * share, 0});
        }
}

static leat_status run_grad(leat_context *c, const leati_step *s)
{
    job j = job_of(s);
    LEATI_TRY(check(c, &j));
    for (size_t i = 0; i < leati_operand_count(&s->out[0]); i++)
        leati_element_set(&s->out[0], i, (leati_element){0, 0});
    for (size_t n = 0; n < j.rows; n++) {
        go_ahead(&j, n);
        double loss = loss_of(&j, n);
        if (!isfinite(loss)) continue;
        go_back(&j, n);
        add_shares(&j, n, loss, leati_element_get(&s->in[0], n).f);
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_ctc_grad = {.run = run_grad, .scratch = scratch};
