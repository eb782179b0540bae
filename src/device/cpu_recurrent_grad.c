/* Owns: RECURRENT_GRAD on the CPU in f32, its products in f32 or bf16: from the last step to the
 * first, per step and block of units the gradient of the states by a product with the packed
 * recurrent weights, then that of the gates; the gradient of the weights is one product over all
 * steps. */
#include <string.h>

#include "base/error.h"
#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/cpu_layout.h"
#include "device/cpu_recurrent.h"
#include "kernel/panels.h"
#include "kernel/product.h"

typedef struct job {
    leat_context *c;
    const leati_step *s;
    leati_recurrent r;
    leati_cpu_recurrent_cut cut;
    size_t state, wide; /* elements of (rows, units), of (rows, gates units) */
    /* in scratch */
    void *packed; /* recurrent weights: f32, or pairs of bf16 gate by gate */
    /* Gradients of the recurrent sums of a step and of the one before it, in turn: f32, or pairs of
     * bf16, with a new pair for every gate. */
    void *sums[2];
    size_t ld;     /* from row to row there, elements of 4 bytes */
    size_t gate;   /* from gate to gate */
    float *flow;   /* per thread (rows, width): what flows to the states before */
    float *d;      /* LSTM in bf16, per thread (rows, gates, width): what is rounded to `sums` */
    float *before; /* (steps, rows, units): states before every step, where lengths differ */
    float *dm;     /* GRU: gradients of h r' + rb, (steps, rows, 3 units) */
    void *workspace;
} job;

/* d' h over `rows` lines: the gradient of r. */
static leati_product weight_product(const job *j, size_t rows, const float *d, const float *h,
                                    float beta)
{
    leati_product p = leati_product_default(true, false, j->r.gates * j->r.units, j->r.units, rows,
                                            d, h, j->s->out[1].data);
    p.beta = beta;
    p.half = j->r.half;
    return p;
}

static size_t weight_workspace(const job *j)
{
    size_t lines = j->r.steps * j->r.rows, most = 0;
    leati_product p[3] = {weight_product(j, lines, NULL, NULL, 0),
                          weight_product(j, lines - j->r.rows, NULL, NULL, 0),
                          weight_product(j, j->r.rows, NULL, NULL, 1)};
    for (int i = 0; i < 3; i++) {
        size_t bytes = p[i].k ? leati_product_bytes(j->c, &p[i]) : 0;
        if (bytes > most) most = bytes;
    }
    return most;
}

/* Elements of the weights of one gate. */
static size_t packed_gate(const job *j)
{
    size_t units = j->r.units;
    return j->r.half ? leati_product_packed_bf16(j->c, units, units)
                     : leati_product_packed(j->c, units, units);
}

static size_t divide(job *j, char *at)
{
    leati_cpu_room room = {at, 0};
    size_t units = j->r.units, wide = j->r.gates * units, lines = j->r.steps * j->r.rows;
    size_t threads = leat_context_threads(j->c);
    j->packed = leati_cpu_take(&room, j->r.gates * packed_gate(j) * sizeof(float));
    j->gate = j->r.half ? leati_cpu_recurrent_pairs(&j->r) : units;
    j->ld = leati_panels_stride(j->r.gates * j->gate);
    for (int i = 0; i < 2; i++)
        j->sums[i] = leati_cpu_take(&room, j->r.rows * j->ld * sizeof(float));
    j->flow = leati_cpu_take(&room, threads * j->r.rows * j->cut.width * sizeof(float));
    if (j->r.cell == LEATI_CELL_LSTM && j->r.half)
        j->d =
            leati_cpu_take(&room, threads * j->r.rows * j->r.gates * j->cut.width * sizeof(float));
    if (leati_cpu_recurrent_varies(j->s))
        j->before = leati_cpu_take(&room, lines * units * sizeof(float));
    if (j->r.cell == LEATI_CELL_GRU) j->dm = leati_cpu_take(&room, lines * wide * sizeof(float));
    j->workspace = leati_cpu_take(&room, weight_workspace(j));
    return room.bytes;
}

static job job_of(leat_context *c, const leati_step *s)
{
    job j = {.c = c, .s = s, .r = leati_recurrent_of(s)};
    j.cut = leati_cpu_recurrent_cut_of(c, &j.r);
    j.state = j.r.rows * j.r.units;
    j.wide = j.state * j.r.gates;
    return j;
}

static size_t scratch(const leat_context *c, const leati_step *s)
{
    job j = job_of((leat_context *)(uintptr_t)c, s);
    return divide(&j, NULL);
}

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

/* Of states that a step begins with: input `first` before the first step, else input `all`. */
static const float *start_of(const job *j, size_t step, int first, int all)
{
    if (!step) return j->s->in[first].data;
    return (const float *)j->s->in[all].data + leati_recurrent_time(&j->r, step - 1) * j->state;
}

static const float *state_before(const job *j, size_t step)
{
    if (j->before) return j->before + leati_recurrent_time(&j->r, step) * j->state;
    return start_of(j, step, 4, 6);
}

/* The block of one step that a task computes; steps are counted forwards. */
typedef struct place {
    const job *job;
    size_t step, time;
    size_t from, n; /* units */
    void *sums;     /* gradients of the recurrent sums, for the product of the step before */
} place;

/* sums r, units from .. from + n. */
static void multiply(const job *j, const place *p, const float *sums, float *flow)
{
    size_t units = j->r.units;
    leati_panels q = {.m = j->r.rows,
                      .n = units,
                      .k = j->r.gates * units,
                      .a = sums,
                      .lda = j->ld,
                      .packed = j->packed,
                      .from = p->from,
                      .to = p->from + p->n,
                      .c = flow,
                      .ldc = j->cut.width};
    leati_panels_product(j->cut.level, &q);
}

/* What the gradients of some rows will read, n units from `at` on of the block, one gate of it. */
static void fetch(const void *arg, size_t gate, size_t row, size_t rows, size_t at, size_t n)
{
    const place *p = arg;
    const job *j = p->job;
    if (p->step >= j->r.steps) return;
    size_t units = j->r.units, wide = j->r.gates * units, from = p->from + at;
    size_t line = row * units + from, now = p->time * j->state + line;
    size_t sum = p->time * j->wide + row * wide + gate * units + from;
    if (j->r.cell != LEATI_CELL_LSTM)
        leati_cpu_recurrent_fetch((const float *)j->s->out[0].data + sum, rows, n, wide);
    if (j->r.cell >= LEATI_CELL_LSTM)
        leati_cpu_recurrent_fetch((const float *)j->s->in[7].data + sum, rows, n, wide);
    if (j->r.cell == LEATI_CELL_GRU) {
        leati_cpu_recurrent_fetch((const float *)j->s->in[8].data + sum, rows, n, wide);
        leati_cpu_recurrent_fetch(j->dm + sum, rows, n, wide);
    }
    if (gate) return;
    leati_cpu_recurrent_fetch((const float *)j->s->in[0].data + now, rows, n, units);
    if (j->r.cell == LEATI_CELL_LSTM)
        leati_cpu_recurrent_fetch(start_of(j, p->step, 5, 8) + line, rows, n, units);
}

/* The same in bf16. */
static void multiply_half(const job *j, const place *p, size_t block, const uint32_t *sums,
                          float *flow)
{
    leati_cpu_recurrent_product q = {.block = block,
                                     .n = p->n,
                                     .a = sums,
                                     .lda = j->ld,
                                     .a_gate = j->gate,
                                     .c = flow,
                                     .ldc = j->cut.width,
                                     .fetch = fetch,
                                     .arg = p};
    leati_cpu_recurrent_multiply(&j->r, &j->cut, j->packed, &q);
}

/* flow: what flows back through the sums of the step after. */
static void flow_back(const job *j, const place *p, size_t block, const void *sums, float *flow)
{
    if (j->r.half) multiply_half(j, p, block, sums, flow);
    else multiply(j, p, sums, flow);
}

/* Of rows that ran in the step after it is dh; for a GRU besides what is there. */
static void flow_to_states(const job *j, const place *p, const float *flow)
{
    size_t units = j->r.units, later = leati_recurrent_time(&j->r, p->step + 1);
    float *dh = j->s->out[2].data;
    for (size_t row = 0; row < j->r.rows; row++) {
        const float *in = flow + row * j->cut.width;
        float *to = dh + row * units + p->from;
        if (!leati_recurrent_runs(&j->r, row, later)) continue;
        if (j->r.cell == LEATI_CELL_GRU) j->cut.net->add_to(p->n, in, to);
        else j->cut.net->copy(p->n, in, to);
    }
}

/* Where the gradients of one gate's sums of one row are handed to the step before. */
static void *handed(const job *j, const place *p, size_t row, size_t g)
{
    size_t at = row * j->ld + g * j->gate;
    return j->r.half ? (void *)((uint32_t *)p->sums + at + p->from / 2)
                     : (void *)((float *)p->sums + at + p->from);
}

/* The gradients of the sums of some rows of an LSTM, by those of their states: dh, `ld_dh` apart.
 */
static void back_lstm(const job *j, const place *p, size_t row, size_t rows, const float *dh,
                      size_t ld_dh, unsigned worker)
{
    const leati_step *s = j->s;
    size_t units = j->r.units, at = row * units + p->from, width = j->cut.width;
    size_t now = p->time * j->state + at;
    size_t gate = p->time * j->wide + row * j->r.gates * units + p->from;
    leati_lstm_back t = {.rows = rows,
                         .n = p->n,
                         .pitch = units,
                         .ld = j->r.gates * units,
                         .gates = (const float *)s->in[7].data + gate,
                         .c_before = start_of(j, p->step, 5, 8) + at,
                         .c = (const float *)s->in[8].data + now,
                         .dy = (const float *)s->in[0].data + now,
                         .ld_state = units,
                         .dh = dh,
                         .ld_dh = ld_dh,
                         .dc = (float *)s->out[3].data + at,
                         .dx = (float *)s->out[0].data + gate,
                         .d = handed(j, p, row, 0),
                         .d_pitch = j->gate,
                         .ld_d = j->ld,
                         .past = j->cut.past};
    if (j->r.half) {
        t.d = j->d + worker * j->r.rows * j->r.gates * width;
        t.d_pitch = width;
        t.ld_d = j->r.gates * width;
    }
    j->cut.net->lstm_back(&t);
    for (size_t g = 0; g < j->r.gates && j->r.half; g++)
        j->cut.half->rows(rows, p->n, t.d + g * width, t.ld_d, handed(j, p, row, g), j->ld);
}

/* The same of one row of the other cells. */
static void back_row(const job *j, const place *p, size_t row)
{
    const leati_step *s = j->s;
    const leati_net_kernels *net = j->cut.net;
    size_t units = j->r.units, at = row * units + p->from, line = p->time * j->state + at;
    size_t gate = (p->time * j->r.rows + row) * j->r.gates * units + p->from;
    float *dh = (float *)s->out[2].data + at, *dx = (float *)s->out[0].data + gate, *dm = dx;
    net->add_to(p->n, (const float *)s->in[0].data + line, dh);
    if (j->r.cell == LEATI_CELL_GRU) {
        dm = j->dm + gate;
        net->gru_back_row(p->n, units, (const float *)s->in[7].data + gate,
                          (const float *)s->in[8].data + gate, state_before(j, p->step) + at, dh,
                          dx, dm);
        for (size_t g = 0; g < 3; g++)
            net->add_to(p->n, dm + g * units, (float *)s->out[3].data + g * units + p->from);
    } else {
        net->cell_back_row(j->r.cell == LEATI_CELL_RELU, p->n, (const float *)s->in[6].data + line,
                           dh, dx);
    }
    for (size_t g = 0; g < j->r.gates; g++) {
        void *to = handed(j, p, row, g);
        if (j->r.half) j->cut.half->rows(1, p->n, dm + g * units, 0, to, 0);
        else net->copy(p->n, dm + g * units, to);
    }
}

/* Nothing flows through a row that has ended. */
static void clear_row(const job *j, const place *p, size_t row)
{
    size_t units = j->r.units, bytes = p->n * sizeof(float);
    size_t gate = (p->time * j->r.rows + row) * j->r.gates * units + p->from;
    for (size_t g = 0; g < j->r.gates; g++) {
        memset((float *)j->s->out[0].data + gate + g * units, 0, bytes);
        if (j->dm) memset(j->dm + gate + g * units, 0, bytes);
        memset(handed(j, p, row, g), 0, j->r.half ? (p->n + 1) / 2 * sizeof(uint32_t) : bytes);
    }
}

/* Task `block` of the i-th step from the end; after all of them dh is that of the first states. */
static void backward(void *arg, size_t i, size_t block, unsigned worker)
{
    const job *j = arg;
    place p = {j, .step = j->r.steps - 1 - i, .from = block * j->cut.width, .sums = j->sums[i % 2]};
    p.n = j->r.units - p.from < j->cut.width ? j->r.units - p.from : j->cut.width;
    bool end = i == j->r.steps, lstm = j->r.cell == LEATI_CELL_LSTM, all = lstm && !j->r.lengths;
    float *flow = j->flow + worker * j->r.rows * j->cut.width, *dh = j->s->out[2].data;
    if (!end) p.time = leati_recurrent_time(&j->r, p.step);
    for (size_t g = 0; g < j->r.gates && !end && !(i && j->r.half); g++)
        fetch(&p, g, 0, j->r.rows, 0, p.n);
    if (i) flow_back(j, &p, block, j->sums[(i + 1) % 2], flow);
    if (i && (!all || end)) flow_to_states(j, &p, flow);
    if (end) return;
    if (all) {
        back_lstm(j, &p, 0, j->r.rows, i ? flow : dh + p.from, i ? j->cut.width : j->r.units,
                  worker);
        return;
    }
    for (size_t row = 0; row < j->r.rows; row++) {
        if (!leati_recurrent_runs(&j->r, row, p.time)) clear_row(j, &p, row);
        else if (lstm) back_lstm(j, &p, row, 1, dh + row * j->r.units + p.from, j->r.units, worker);
        else back_row(j, &p, row);
    }
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

static void pack(leat_context *c, const job *j)
{
    size_t units = j->r.units;
    const float *r = j->s->in[3].data;
    if (j->r.half) leati_cpu_recurrent_pack(c, &j->r, false, r, j->packed);
    else leati_product_pack(c, false, units, j->r.gates * units, r, units, j->packed);
}

static leat_status run(leat_context *c, const leati_step *s)
{
    job j = job_of(c, s);
    divide(&j, s->scratch);
    LEATI_TRY(leati_lengths_check(c, &j.r));
    size_t bytes = j.state * sizeof(float), units = j.r.units;
    pack(c, &j);
    memcpy(s->out[2].data, s->in[1].data, bytes);
    if (j.r.cell == LEATI_CELL_LSTM) memcpy(s->out[3].data, s->in[2].data, bytes);
    if (j.r.cell == LEATI_CELL_GRU) memset(s->out[3].data, 0, 3 * units * sizeof(float));
    if (j.r.lengths) states_before(&j);
    leati_parallel_steps(c, j.r.steps + 1, j.cut.blocks, backward, &j);
    weight_gradient(&j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_recurrent_grad = {
    .run = run, .scratch = scratch, .takes = leati_cpu_recurrent_takes};
