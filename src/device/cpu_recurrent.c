/* Owns: RECURRENT and its gradient on the CPU in f32: per step one product with the packed
 * recurrent weights and one pass over the gates; the gradient of the weights is one product over
 * all steps. */
#include <string.h>

#include "base/error.h"
#include "device/cpu_kernels.h"
#include "device/cpu_layout.h"
#include "device/recurrent.h"
#include "kernel/net_step.h"
#include "kernel/product.h"

typedef struct job {
    leat_context *c;
    const leati_step *s;
    leati_recurrent r;
    size_t state, wide; /* elements of (rows, units), of (rows, gates units) */
    /* in scratch */
    float *packed;   /* recurrent weights */
    float *h, *kept; /* state before the step, where lengths differ */
    float *dh, *dc;
    float *before; /* (steps, rows, units): the states before, where lengths differ */
    float *dm;     /* GRU: gradients of h r' + rb, (steps, rows, 3 units) */
    void *workspace;
} job;

static bool takes(const leati_step *s)
{
    leati_recurrent r = leati_recurrent_of(s);
    return s->in[0].dtype == LEAT_DTYPE_F32 && r.steps && r.rows && r.units;
}

/* h (rows, units) by r': the sums of a step. */
static leati_product step_product(const job *j, const float *h, float *to)
{
    size_t n = j->r.gates * j->r.units;
    leati_product p =
        leati_product_default(false, true, j->r.rows, n, j->r.units, h, j->s->in[1].data, to);
    p.packed_b = j->packed;
    return p;
}

/* d (rows, gates units) by r, added to what flows to the state before. */
static leati_product back_product(const job *j, const float *d, float *to)
{
    leati_product p = leati_product_default(false, false, j->r.rows, j->r.units,
                                            j->r.gates * j->r.units, d, j->s->in[3].data, to);
    p.packed_b = j->packed;
    p.beta = j->r.cell == LEATI_CELL_GRU ? 1 : 0;
    return p;
}

/* d' h over `rows` lines: the gradient of r. */
static leati_product weight_product(const job *j, size_t rows, const float *d, const float *h,
                                    float beta)
{
    leati_product p = leati_product_default(true, false, j->r.gates * j->r.units, j->r.units, rows,
                                            d, h, j->s->out[1].data);
    p.beta = beta;
    return p;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t divide(job *j, char *at)
{
    const float *some = (const float *)64; /* not read: sizes depend on whether it is NULL */
    leati_cpu_room room = {at, 0};
    bool back = j->s->op == LEATI_OP_RECURRENT_GRAD, varied = j->r.lengths != NULL;
    size_t units = j->r.units, wide = j->r.gates * units, lines = j->r.steps * j->r.rows, work;
    size_t packed =
        back ? leati_product_packed(j->c, units, wide) : leati_product_packed(j->c, wide, units);
    varied |= j->s->ins > (back ? 9u : j->r.cell < LEATI_CELL_LSTM ? 3u : 4u);
    j->packed = leati_cpu_take(&room, packed * sizeof(float));
    float *packed_at = j->packed;
    if (!at) j->packed = (float *)(uintptr_t)some;
    if (varied && !back) j->h = leati_cpu_take(&room, j->state * sizeof(float));
    if (back) {
        j->dh = leati_cpu_take(&room, j->state * sizeof(float));
        j->dc = leati_cpu_take(&room, j->state * sizeof(float));
        j->kept = leati_cpu_take(&room, j->state * sizeof(float));
        if (varied) j->before = leati_cpu_take(&room, lines * units * sizeof(float));
        if (j->r.cell == LEATI_CELL_GRU)
            j->dm = leati_cpu_take(&room, lines * wide * sizeof(float));
        leati_product a = back_product(j, some, NULL), b = weight_product(j, lines, some, some, 0);
        leati_product first = weight_product(j, j->r.rows, some, some, 1);
        leati_product rest = weight_product(j, lines - j->r.rows, some, some, 0);
        work = larger(leati_product_bytes(j->c, &a), leati_product_bytes(j->c, &b));
        work = larger(work, leati_product_bytes(j->c, &first));
        if (rest.k) work = larger(work, leati_product_bytes(j->c, &rest));
    } else {
        leati_product p = step_product(j, some, NULL);
        work = leati_product_bytes(j->c, &p);
    }
    j->packed = packed_at;
    j->workspace = leati_cpu_take(&room, work);
    return room.bytes;
}

static job job_of(leat_context *c, const leati_step *s)
{
    job j = {.c = c, .s = s, .r = leati_recurrent_of(s)};
    j.state = j.r.rows * j.r.units;
    j.wide = j.state * j.r.gates;
    return j;
}

static size_t scratch(const leat_context *c, const leati_step *s)
{
    job j = job_of((leat_context *)(uintptr_t)c, s);
    return divide(&j, NULL);
}

/* ---- forward -------------------------------------------------------------------------------- */

/* Rows that have ended keep their state, and their result is 0. */
static void keep_ended(const job *j, size_t time, const float *c_before)
{
    float *y = (float *)j->s->out[0].data + time * j->state;
    float *cells =
        j->r.cell == LEATI_CELL_LSTM ? (float *)j->s->out[4].data + time * j->state : NULL;
    size_t bytes = j->r.units * sizeof *y;
    for (size_t row = 0; row < j->r.rows; row++) {
        size_t at = row * j->r.units;
        if (leati_recurrent_runs(&j->r, row, time)) {
            memcpy(j->h + at, y + at, bytes);
            continue;
        }
        memset(y + at, 0, bytes);
        if (cells) memcpy(cells + at, c_before + at, bytes);
    }
}

/* One step from the states before. */
static void forward(const job *j, size_t time, const float *h, const float *c_before)
{
    const leati_step *s = j->s;
    float *y = (float *)s->out[0].data + time * j->state;
    const float *xw = (const float *)s->in[0].data + time * j->wide;
    float *gates = (float *)s->out[3].data + time * j->wide;
    leati_product p = step_product(j, h, gates);
    p.residual = xw;
    p.ld_residual = p.n;
    if (j->r.cell == LEATI_CELL_LSTM) {
        leati_product_run(j->c, &p, j->workspace);
        leati_lstm_forward(j->c, j->r.rows, j->r.units, gates, c_before,
                           (float *)s->out[4].data + time * j->state, y, j->r.units);
    } else if (j->r.cell == LEATI_CELL_GRU) {
        p.c = (float *)s->out[4].data + time * j->wide;
        p.residual = NULL;
        p.column_bias = s->in[3].data;
        leati_product_run(j->c, &p, j->workspace);
        memcpy(gates, xw, j->wide * sizeof *gates);
        leati_gru_forward(j->c, j->r.rows, j->r.units, gates, p.c, h, y);
    } else {
        p.c = y;
        p.activation = j->r.cell == LEATI_CELL_TANH ? LEATI_ACT_TANH : LEATI_ACT_RELU;
        leati_product_run(j->c, &p, j->workspace);
    }
}

static leat_status run(leat_context *c, const leati_step *s)
{
    job j = job_of(c, s);
    divide(&j, s->scratch);
    LEATI_TRY(leati_lengths_check(c, &j.r));
    bool lstm = j.r.cell == LEATI_CELL_LSTM;
    const float *h = s->in[2].data, *cell = lstm ? s->in[3].data : NULL;
    leati_product_pack(c, true, j.r.gates * j.r.units, j.r.units, s->in[1].data, j.r.units,
                       j.packed);
    if (j.r.lengths) h = memcpy(j.h, h, j.state * sizeof *h);
    for (size_t k = 0; k < j.r.steps; k++) {
        size_t time = leati_recurrent_time(&j.r, k);
        forward(&j, time, h, cell);
        if (j.r.lengths) keep_ended(&j, time, cell);
        else h = (const float *)s->out[0].data + time * j.state;
        if (lstm) cell = (const float *)s->out[4].data + time * j.state;
    }
    memcpy(s->out[1].data, h, j.state * sizeof *h);
    if (lstm) memcpy(s->out[2].data, cell, j.state * sizeof *h);
    return LEAT_OK;
}

const leati_kernel leati_cpu_recurrent = {.run = run, .scratch = scratch, .takes = takes};

/* ---- backwards ------------------------------------------------------------------------------ */

/* The states before every step, for rows that end at different steps. */
static void states_before(const job *j)
{
    const float *h0 = j->s->in[4].data, *y = j->s->in[6].data;
    for (size_t k = 0; k < j->r.steps; k++) {
        size_t time = leati_recurrent_time(&j->r, k);
        size_t last = k ? leati_recurrent_time(&j->r, k - 1) : 0;
        for (size_t row = 0; row < j->r.rows; row++) {
            size_t at = row * j->r.units;
            bool ran = k && leati_recurrent_runs(&j->r, row, last);
            memcpy(j->before + time * j->state + at, ran ? y + last * j->state + at : h0 + at,
                   j->r.units * sizeof *y);
        }
    }
}

static const float *state_before(const job *j, size_t k)
{
    size_t time = leati_recurrent_time(&j->r, k);
    if (j->before) return j->before + time * j->state;
    if (!k) return j->s->in[4].data;
    return (const float *)j->s->in[6].data + leati_recurrent_time(&j->r, k - 1) * j->state;
}

/* dh += dy; of rows that have ended nothing flows: their part is put aside and given back. */
static void begin_step(const job *j, size_t time)
{
    const float *dy = (const float *)j->s->in[0].data + time * j->state;
    if (j->r.lengths) memcpy(j->kept, j->dh, j->state * sizeof *dy);
    for (size_t i = 0; i < j->state; i++) j->dh[i] += dy[i];
}

static void end_step(const job *j, size_t time, const float *dc_before)
{
    float *d = (float *)j->s->out[0].data + time * j->wide;
    size_t units = j->r.units, wide = units * j->r.gates;
    for (size_t row = 0; row < j->r.rows; row++) {
        if (leati_recurrent_runs(&j->r, row, time)) continue;
        memset(d + row * wide, 0, wide * sizeof *d);
        if (j->dm) memset(j->dm + (time * j->r.rows + row) * wide, 0, wide * sizeof *d);
        memcpy(j->dh + row * units, j->kept + row * units, units * sizeof *d);
        if (dc_before) memcpy(j->dc + row * units, dc_before + row * units, units * sizeof *d);
    }
}

/* d of the sums of one step from dh (and dc); dh becomes that of the state before. */
static void backward(const job *j, size_t k)
{
    const leati_step *s = j->s;
    size_t time = leati_recurrent_time(&j->r, k);
    float *d = (float *)s->out[0].data + time * j->wide, *m = d;
    const float *gates = (const float *)s->in[7].data + time * j->wide;
    if (j->r.cell == LEATI_CELL_LSTM) {
        const float *cells = s->in[8].data, *now = cells + time * j->state;
        const float *old =
            k ? cells + leati_recurrent_time(&j->r, k - 1) * j->state : s->in[5].data;
        leati_lstm_backward(j->c, j->r.rows, j->r.units, gates, old, now, j->dh, j->r.units, j->dc,
                            d);
    } else if (j->r.cell == LEATI_CELL_GRU) {
        m = j->dm + time * j->wide;
        leati_gru_backward(j->c, j->r.rows, j->r.units, gates,
                           (const float *)s->in[8].data + time * j->wide, state_before(j, k), j->dh,
                           d, m, j->dh);
    } else {
        const float *y = (const float *)s->in[6].data + time * j->state;
        bool is_tanh = j->r.cell == LEATI_CELL_TANH;
        for (size_t i = 0; i < j->state; i++)
            d[i] = is_tanh ? j->dh[i] * (1 - y[i] * y[i]) : y[i] > 0 ? j->dh[i] : 0;
    }
    leati_product p = back_product(j, m, j->dh);
    if (!j->r.lengths) {
        leati_product_run(j->c, &p, j->workspace);
        return;
    }
    /* ended rows: their d is cleared before the product, their dh restored after it */
    size_t units = j->r.units, wide = units * j->r.gates;
    for (size_t row = 0; row < j->r.rows; row++)
        if (!leati_recurrent_runs(&j->r, row, time)) memset(m + row * wide, 0, wide * sizeof *m);
    leati_product_run(j->c, &p, j->workspace);
}

static void weight_gradient(const job *j)
{
    const leati_step *s = j->s;
    size_t lines = j->r.steps * j->r.rows, rest = lines - j->r.rows;
    const float *d = j->dm ? j->dm : s->out[0].data, *y = s->in[6].data;
    if (j->before) {
        leati_product p = weight_product(j, lines, d, j->before, 0);
        leati_product_run(j->c, &p, j->workspace);
        return;
    }
    /* all steps but the first with the result of the one before, the first with h0 */
    size_t first = leati_recurrent_time(&j->r, 0) * j->wide;
    if (rest) {
        leati_product p = weight_product(j, rest, j->r.reverse ? d : d + j->wide,
                                         j->r.reverse ? y + j->state : y, 0);
        leati_product_run(j->c, &p, j->workspace);
    }
    leati_product p = weight_product(j, j->r.rows, d + first, s->in[4].data, rest ? 1 : 0);
    leati_product_run(j->c, &p, j->workspace);
}

static void bias_gradient(const job *j)
{
    float *db = j->s->out[3].data;
    size_t wide = 3 * j->r.units, lines = j->r.steps * j->r.rows;
    memset(db, 0, wide * sizeof *db);
    for (size_t i = 0; i < lines; i++)
        for (size_t k = 0; k < wide; k++) db[k] += j->dm[i * wide + k];
}

static leat_status run_grad(leat_context *c, const leati_step *s)
{
    job j = job_of(c, s);
    divide(&j, s->scratch);
    LEATI_TRY(leati_lengths_check(c, &j.r));
    bool lstm = j.r.cell == LEATI_CELL_LSTM;
    size_t bytes = j.state * sizeof(float);
    memcpy(j.dh, s->in[1].data, bytes);
    if (lstm) memcpy(j.dc, s->in[2].data, bytes);
    leati_product_pack(c, false, j.r.units, j.r.gates * j.r.units, s->in[3].data, j.r.units,
                       j.packed);
    if (j.r.lengths) states_before(&j);
    for (size_t k = j.r.steps; k-- > 0;) {
        size_t time = leati_recurrent_time(&j.r, k);
        float *dc_before = NULL;
        if (j.r.lengths && lstm) {
            /* the place of dc0 holds what ended rows must keep */
            dc_before = s->out[3].data;
            memcpy(dc_before, j.dc, bytes);
        }
        begin_step(&j, time);
        backward(&j, k);
        if (j.r.lengths) end_step(&j, time, dc_before);
    }
    weight_gradient(&j);
    memcpy(s->out[2].data, j.dh, bytes);
    if (lstm) memcpy(s->out[3].data, j.dc, bytes);
    if (j.r.cell == LEATI_CELL_GRU) bias_gradient(&j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_recurrent_grad = {.run = run_grad, .scratch = scratch, .takes = takes};
