/* Owns: the reference of RECURRENT and its gradient: unit by unit, states in f64. */
#include <math.h>

#include "base/error.h"
#include "device/recurrent.h"
#include "device/reference_kernels.h"

static double get(const leati_operand *o, size_t i)
{
    return leati_element_get(o, i).f;
}

static void set(const leati_operand *o, size_t i, double x)
{
    leati_element_set(o, i, (leati_element){x, 0});
}

static double logistic(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

/* h and c of all rows, and the sums of one row's gates. */
static size_t scratch(const leat_context *c, const leati_step *s)
{
    (void)c;
    leati_recurrent r = leati_recurrent_of(s);
    return (4 * r.rows * r.units + 2 * r.gates * r.units + 1) * sizeof(double);
}

typedef struct job {
    const leati_step *s;
    leati_recurrent r;
    double *h, *c, *dh, *dc; /* (rows, units) */
    double *sum, *d;         /* (gates units) */
} job;

static job job_of(const leati_step *s)
{
    job j = {.s = s, .r = leati_recurrent_of(s), .h = s->scratch};
    size_t state = j.r.rows * j.r.units;
    j.c = j.h + state;
    j.dh = j.c + state;
    j.dc = j.dh + state;
    j.sum = j.dc + state;
    j.d = j.sum + j.r.gates * j.r.units;
    return j;
}

/* x as an operand of a product. */
static double factor(const job *j, double x)
{
    return j->r.half ? leati_reference_bf16(x) : x;
}

/* sum[g] = h . r[g] */
static void products(const job *j, size_t row)
{
    size_t units = j->r.units;
    for (size_t g = 0; g < j->r.gates * units; g++) {
        j->sum[g] = 0;
        for (size_t k = 0; k < units; k++)
            j->sum[g] +=
                factor(j, j->h[row * units + k]) * factor(j, get(&j->s->in[1], g * units + k));
    }
}

/* at: of the gates of (time, row); one unit, number u. Returns the new h. */
static double forward_unit(const job *j, size_t at, size_t u, double *h, double *c, size_t kept)
{
    const leati_step *s = j->s;
    size_t n = j->r.units;
    double x[4], y[4];
    for (size_t g = 0; g < j->r.gates; g++) x[g] = get(&s->in[0], at + g * n + u);
    if (j->r.cell == LEATI_CELL_LSTM) {
        for (size_t g = 0; g < 4; g++) {
            double sum = x[g] + j->sum[g * n + u];
            y[g] = g == 2 ? tanh(sum) : logistic(sum);
            set(&s->out[3], at + g * n + u, y[g]);
        }
        *c = y[1] * *c + y[0] * y[2];
        return y[3] * tanh(*c);
    }
    if (j->r.cell == LEATI_CELL_GRU) {
        double m[3];
        for (size_t g = 0; g < 3; g++) {
            m[g] = j->sum[g * n + u] + get(&s->in[3], g * n + u);
            set(&s->out[4], kept + g * n + u, m[g]);
        }
        y[0] = logistic(x[0] + m[0]);
        y[1] = logistic(x[1] + m[1]);
        y[2] = tanh(x[2] + y[0] * m[2]);
        for (size_t g = 0; g < 3; g++) set(&s->out[3], at + g * n + u, y[g]);
        return (1 - y[1]) * y[2] + y[1] * *h;
    }
    double sum = x[0] + j->sum[u];
    return j->r.cell == LEATI_CELL_TANH ? tanh(sum) : sum < 0 ? 0 : sum;
}

/* Steps behind the end of a sequence keep the state. */
static void forward_row(const job *j, size_t time, size_t row)
{
    const leati_step *s = j->s;
    size_t n = j->r.units, line = time * j->r.rows + row;
    bool runs = leati_recurrent_runs(&j->r, row, time);
    if (runs) products(j, row);
    for (size_t u = 0; u < n; u++) {
        double *h = &j->h[row * n + u], *c = &j->c[row * n + u];
        if (runs) {
            *h = forward_unit(j, line * j->r.gates * n, u, h, c, line * 3 * n);
        } else {
            for (size_t g = 0; g < j->r.gates && j->r.cell >= LEATI_CELL_LSTM; g++)
                set(&s->out[3], (line * j->r.gates + g) * n + u, 0);
            for (size_t g = 0; g < 3 && j->r.cell == LEATI_CELL_GRU; g++)
                set(&s->out[4], (line * 3 + g) * n + u, 0);
        }
        set(&s->out[0], line * n + u, runs ? *h : 0);
        if (j->r.cell == LEATI_CELL_LSTM) set(&s->out[4], line * n + u, *c);
    }
}

static leat_status run(leat_context *c, const leati_step *s)
{
    job j = job_of(s);
    size_t state = j.r.rows * j.r.units;
    bool lstm = j.r.cell == LEATI_CELL_LSTM;
    LEATI_TRY(leati_lengths_check(c, &j.r));
    for (size_t i = 0; i < state; i++) {
        j.h[i] = get(&s->in[2], i);
        j.c[i] = lstm ? get(&s->in[3], i) : 0;
    }
    for (size_t k = 0; k < j.r.steps; k++)
        for (size_t row = 0; row < j.r.rows; row++)
            forward_row(&j, leati_recurrent_time(&j.r, k), row);
    for (size_t i = 0; i < state; i++) {
        set(&s->out[1], i, j.h[i]);
        if (lstm) set(&s->out[2], i, j.c[i]);
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_recurrent = {.run = run, .scratch = scratch};

/* ---- backwards ------------------------------------------------------------------------------ */

/* The state before step k, of a row that runs there. */
static double before(const job *j, size_t k, size_t row, size_t u, bool cell)
{
    const leati_step *s = j->s;
    size_t n = j->r.units;
    size_t time = k ? leati_recurrent_time(&j->r, k - 1) : 0;
    if (!k || !leati_recurrent_runs(&j->r, row, time))
        return get(&s->in[cell ? 5 : 4], row * n + u);
    return get(&s->in[cell ? 8 : 6], (time * j->r.rows + row) * n + u);
}

/* d[g] of one unit: the gradients of the sums of x W + b; for a GRU m[g] those of h r' + rb.
 * Returns what flows to the unit's own state before, but through r. */
static double backward_unit(const job *j, size_t k, size_t line, size_t row, size_t u, double *d,
                            double *m)
{
    const leati_step *s = j->s;
    size_t n = j->r.units, at = line * j->r.gates * n + u;
    double y[4], dh = j->dh[row * n + u], *dc = &j->dc[row * n + u];
    for (size_t g = 0; g < j->r.gates && j->r.cell >= LEATI_CELL_LSTM; g++)
        y[g] = get(&s->in[7], at + g * n);
    if (j->r.cell == LEATI_CELL_LSTM) {
        double c = get(&s->in[8], line * n + u), t = tanh(c);
        double all = *dc + dh * y[3] * (1 - t * t);
        m[0] = d[0] = all * y[2] * y[0] * (1 - y[0]);
        m[1] = d[1] = all * before(j, k, row, u, true) * y[1] * (1 - y[1]);
        m[2] = d[2] = all * y[0] * (1 - y[2] * y[2]);
        m[3] = d[3] = dh * t * y[3] * (1 - y[3]);
        *dc = all * y[1];
        return 0;
    }
    if (j->r.cell == LEATI_CELL_GRU) {
        double h = before(j, k, row, u, false), g = get(&s->in[8], (line * 3 + 2) * n + u);
        d[2] = dh * (1 - y[1]) * (1 - y[2] * y[2]);
        m[1] = d[1] = dh * (h - y[2]) * y[1] * (1 - y[1]);
        m[0] = d[0] = d[2] * g * y[0] * (1 - y[0]);
        m[2] = d[2] * y[0];
        return dh * y[1];
    }
    double h = get(&s->in[6], line * n + u);
    m[0] = d[0] = j->r.cell == LEATI_CELL_TANH ? dh * (1 - h * h) : h > 0 ? dh : 0;
    return 0;
}

static void add(const leati_operand *o, size_t i, double x)
{
    set(o, i, get(o, i) + x);
}

static void backward_row(const job *j, size_t k, size_t row)
{
    const leati_step *s = j->s;
    size_t n = j->r.units, gates = j->r.gates, time = leati_recurrent_time(&j->r, k);
    size_t line = time * j->r.rows + row;
    if (!leati_recurrent_runs(&j->r, row, time)) {
        for (size_t g = 0; g < gates * n; g++) set(&s->out[0], line * gates * n + g, 0);
        return;
    }
    for (size_t u = 0; u < n; u++) {
        double d[4], m[4];
        j->dh[row * n + u] += get(&s->in[0], line * n + u);
        j->sum[u] = backward_unit(j, k, line, row, u, d, m);
        for (size_t g = 0; g < gates; g++) {
            set(&s->out[0], line * gates * n + g * n + u, d[g]);
            j->d[g * n + u] = m[g];
            if (j->r.cell == LEATI_CELL_GRU) add(&s->out[3], g * n + u, m[g]);
        }
    }
    for (size_t g = 0; g < gates * n; g++)
        for (size_t i = 0; i < n; i++) {
            double d = factor(j, j->d[g]);
            add(&s->out[1], g * n + i, d * factor(j, before(j, k, row, i, false)));
            j->sum[i] += d * factor(j, get(&s->in[3], g * n + i));
        }
    for (size_t u = 0; u < n; u++) j->dh[row * n + u] = j->sum[u];
}

static leat_status run_grad(leat_context *c, const leati_step *s)
{
    job j = job_of(s);
    size_t state = j.r.rows * j.r.units;
    bool lstm = j.r.cell == LEATI_CELL_LSTM;
    LEATI_TRY(leati_lengths_check(c, &j.r));
    for (size_t i = 0; i < state; i++) {
        j.dh[i] = get(&s->in[1], i);
        j.dc[i] = lstm ? get(&s->in[2], i) : 0;
    }
    for (int o = 1; o < 4; o += 2)
        for (size_t i = 0; i < leati_operand_count(&s->out[o]); i++) set(&s->out[o], i, 0);
    for (size_t k = j.r.steps; k-- > 0;)
        for (size_t row = 0; row < j.r.rows; row++) backward_row(&j, k, row);
    for (size_t i = 0; i < state; i++) {
        set(&s->out[2], i, j.dh[i]);
        if (lstm) set(&s->out[3], i, j.dc[i]);
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_recurrent_grad = {.run = run_grad, .scratch = scratch};
