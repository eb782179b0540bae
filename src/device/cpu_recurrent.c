/* Owns: RECURRENT on the CPU in f32, its products in f32 or bf16: per step and block of units the
 * product with the recurrent weights, which are packed once, and one pass over the gates while the
 * sums are in the cache. */
#include "device/cpu_recurrent.h"

#include <string.h>

#include "base/error.h"
#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/cpu_layout.h"
#include "kernel/panels.h"
#include "kernel/product.h"

enum {
    GRAIN = 200000, /* multiplications of a task at least: about two microseconds */
    MANY = 1 << 22, /* elements that are in no cache when the next operation reads them */
    GATE_COST = 40, /* multiplications that take as long as a unit's gates */
    BLOCKS = 4      /* of a step per thread: what one thread is behind, another takes over */
};

/* Few rows: dot products with the weights as they lie. Packing costs as much as some such steps. */
enum { FEW_ROWS = 8, FEWEST_ROWS = 3, FEW_STEPS = 8 };

bool leati_cpu_recurrent_varies(const leati_step *s)
{
    const leati_recurrent_attrs *a = s->attrs;
    return s->ins > (s->op == LEATI_OP_RECURRENT_GRAD ? 9u : a->cell < LEATI_CELL_LSTM ? 3u : 4u);
}

bool leati_cpu_recurrent_takes(const leati_step *s)
{
    leati_recurrent r = leati_recurrent_of(s);
    return s->in[0].dtype == LEAT_DTYPE_F32 && r.steps && r.rows && r.units;
}

leati_cpu_recurrent_cut leati_cpu_recurrent_cut_of(leat_context *c, const leati_recurrent *r)
{
    leati_cpu_recurrent_cut cut = {.level = leati_kernels_of(c), .net = leati_net_kernels_of(c)};
    if (r->half) cut.half = leati_bf16_kernels_of(c);
    size_t nr = cut.level->f32.nr, panels = (r->units + nr - 1) / nr;
    size_t most = BLOCKS * (size_t)leat_context_threads(c);
    size_t work = r->rows * r->units * r->gates * (r->units + GATE_COST);
    size_t blocks = leati_task_count(work, GRAIN, most < panels ? most : panels);
    size_t each = (panels + blocks - 1) / blocks;
    cut.width = each * nr;
    cut.blocks = (panels + each - 1) / each;
    cut.piece = nr * leati_cpu_recurrent_pairs(r);
    cut.pieces = each * r->gates;
    cut.threads = (size_t)leat_context_threads(c);
    cut.past = r->steps * r->rows * r->gates * r->units > MANY;
    return cut;
}

typedef struct packing {
    leati_cpu_recurrent_cut cut;
    const leati_recurrent *r;
    bool transposed;
    const float *weights;
    uint32_t *packed;
} packing;

static void pack_piece(void *arg, size_t piece, unsigned worker)
{
    const packing *p = arg;
    size_t units = p->r->units, nr = p->cut.level->f32.nr, gate = piece % p->r->gates;
    size_t from = piece / p->r->gates * nr, n = units - from < nr ? units - from : nr;
    const float *w = p->weights + gate * units * units + from * (p->transposed ? units : 1);
    (void)worker;
    leati_panels_bf16_pack(p->cut.level, p->cut.half, p->transposed, n, units, w, units,
                           p->packed + piece * p->cut.piece);
}

void leati_cpu_recurrent_pack(leat_context *c, const leati_recurrent *r, bool transposed,
                              const float *weights, uint32_t *packed)
{
    packing p = {leati_cpu_recurrent_cut_of(c, r), r, transposed, weights, packed};
    size_t nr = p.cut.level->f32.nr;
    leati_parallel(c, (r->units + nr - 1) / nr * r->gates, pack_piece, &p);
}

void leati_cpu_recurrent_multiply(const leati_recurrent *r, const leati_cpu_recurrent_cut *cut,
                                  const uint32_t *packed, const leati_cpu_recurrent_product *p)
{
    size_t nr = cut->level->f32.nr, count = (p->n + nr - 1) / nr * r->gates;
    size_t bands = (r->rows + cut->net->mr - 1) / cut->net->mr;
    packed += p->block * cut->pieces * cut->piece;
    for (size_t piece = 0; piece < count; piece++, packed += cut->piece) {
        size_t gate = piece % r->gates, at = piece / r->gates * nr;
        leati_panels_bf16 q = {.n = p->n - at < nr ? p->n - at : nr,
                               .k = r->units,
                               .lda = p->lda,
                               .packed = packed,
                               .panel = cut->piece,
                               .ldc = p->ldc,
                               .add = gate && !p->c_gate};
        for (size_t band = 0, row = 0; band < bands; band++, row += q.m) {
            q.m = r->rows / bands + (band < r->rows % bands);
            q.a = p->a + row * p->lda + gate * p->a_gate;
            q.c = p->c + row * p->ldc + gate * p->c_gate + at;
            p->fetch(p->arg, gate, row, q.m, at, q.n);
            leati_panels_bf16_product(cut->level, cut->half, &q);
        }
    }
}

typedef struct job {
    leat_context *c;
    const leati_step *s;
    leati_recurrent r;
    leati_cpu_recurrent_cut cut;
    size_t state, wide; /* elements of (rows, units), of (rows, gates units) */
    bool few;
    size_t gate_step; /* elements of one gate in `packed` */
    /* in scratch; `packed` where the weights are not kept */
    void *packed;      /* the weights of every gate: f32, or pairs of bf16 */
    float *h[2];       /* states before and after a step, in turn */
    size_t ld;         /* from row to row there */
    uint32_t *pair[2]; /* the same in bf16, where products are */
    size_t ld_pair;
    /* LSTM */
    float *sums;  /* of a block, per thread (rows, gates, width) */
    float *cells; /* cell states: what is kept of them for the gradient need not be read again */
} job;

static size_t packed_bytes(const job *j)
{
    return j->r.gates * j->gate_step * sizeof(float); /* an element is 4 bytes in either form */
}

/* Elements of the sums of a block. */
static size_t sums_of(const job *j)
{
    return j->r.rows * j->r.gates * j->cut.width;
}

static size_t divide(job *j, char *at)
{
    leati_cpu_room room = {at, 0};
    j->packed = j->s->kept ? j->s->kept : leati_cpu_take(&room, packed_bytes(j));
    j->ld = leati_panels_stride(j->r.units);
    for (int i = 0; i < 2; i++) j->h[i] = leati_cpu_take(&room, j->r.rows * j->ld * sizeof(float));
    j->ld_pair = leati_panels_stride(leati_cpu_recurrent_pairs(&j->r));
    for (int i = 0; i < 2 && j->r.half; i++)
        j->pair[i] = leati_cpu_take(&room, j->r.rows * j->ld_pair * sizeof(uint32_t));
    if (j->r.cell != LEATI_CELL_LSTM) return room.bytes;
    j->sums = leati_cpu_take(&room, j->cut.threads * sums_of(j) * sizeof(float));
    j->cells = leati_cpu_take(&room, j->r.rows * j->ld * sizeof(float));
    return room.bytes;
}

static job job_of(leat_context *c, const leati_step *s)
{
    job j = {.c = c, .s = s, .r = leati_recurrent_of(s)};
    j.cut = leati_cpu_recurrent_cut_of(c, &j.r);
    j.state = j.r.rows * j.r.units;
    j.wide = j.state * j.r.gates;
    size_t units = j.r.units;
    j.few = !j.r.half && j.r.rows <= FEW_ROWS && (j.r.rows <= FEWEST_ROWS || j.r.steps < FEW_STEPS);
    if (!j.few)
        j.gate_step = j.r.half ? leati_product_packed_bf16(c, units, units)
                               : leati_product_packed(c, units, units);
    return j;
}

static size_t scratch(const leat_context *c, const leati_step *s)
{
    job j = job_of((leat_context *)(uintptr_t)c, s);
    return divide(&j, NULL);
}

/* ---- weights -------------------------------------------------------------------------------- */

static size_t kept_bytes(const leat_context *c, const leati_step *s)
{
    job j = job_of((leat_context *)(uintptr_t)c, s);
    return packed_bytes(&j);
}

static void pack(leat_context *c, const job *j, void *packed)
{
    size_t units = j->r.units;
    const float *r = j->s->in[1].data;
    if (j->r.half) leati_cpu_recurrent_pack(c, &j->r, true, r, packed);
    for (size_t g = 0; g < j->r.gates && !j->r.half; g++)
        leati_product_pack(c, true, units, units, r + g * units * units, units,
                           (float *)packed + g * j->gate_step);
}

static void keep(leat_context *c, const leati_step *s)
{
    job j = job_of(c, s);
    pack(c, &j, s->kept);
}

/* ---- a step --------------------------------------------------------------------------------- */

/* The block of one step that a task computes. */
typedef struct place {
    const job *job;
    size_t step, time;
    size_t from, n; /* units */
    const float *before;
    float *after;
    float *sums; /* of the block: in scratch (LSTM), of what is kept (GRU), or rows of `after` */
    size_t sum_pitch, ld_sums; /* from gate to gate, from row to row */
} place;

static place place_of(const job *j, size_t step, size_t block, unsigned worker)
{
    place p = {.job = j, .step = step, .time = leati_recurrent_time(&j->r, step)};
    p.from = block * j->cut.width;
    p.n = j->r.units - p.from < j->cut.width ? j->r.units - p.from : j->cut.width;
    p.before = j->h[step % 2];
    p.after = j->h[(step + 1) % 2];
    if (j->r.cell == LEATI_CELL_LSTM) {
        p.sums = j->sums + worker * sums_of(j);
        p.sum_pitch = j->cut.width;
        p.ld_sums = j->r.gates * j->cut.width;
    } else if (j->r.cell == LEATI_CELL_GRU) {
        p.sums = (float *)j->s->out[4].data + p.time * j->wide + p.from;
        p.sum_pitch = j->r.units;
        p.ld_sums = j->r.gates * j->r.units;
    } else {
        p.sums = p.after + p.from;
        p.ld_sums = j->ld;
    }
    return p;
}

/* The states' share of the sums of one gate. */
static void multiply(const job *j, const place *p, size_t gate)
{
    size_t units = j->r.units;
    float *to = p->sums + gate * p->sum_pitch;
    if (j->few) {
        const float *r = (const float *)j->s->in[1].data + (gate * units + p->from) * units;
        j->cut.level->f32.dots(j->r.rows, p->n, units, p->before, j->ld, r, units, 1, 0, to,
                               p->ld_sums, 1);
        return;
    }
    leati_panels q = {.m = j->r.rows,
                      .n = units,
                      .k = units,
                      .a = p->before,
                      .lda = j->ld,
                      .packed = (const float *)j->packed + gate * j->gate_step,
                      .from = p->from,
                      .to = p->from + p->n,
                      .c = to,
                      .ldc = p->ld_sums};
    leati_panels_product(j->cut.level, &q);
}

/* What the gates of some rows will read, n units from `at` on of the block. */
static void fetch(const void *arg, size_t gate, size_t row, size_t rows, size_t at, size_t n)
{
    const place *p = arg;
    const job *j = p->job;
    size_t wide = j->r.gates * j->r.units;
    const float *x = (const float *)j->s->in[0].data + p->time * j->wide + row * wide;
    leati_cpu_recurrent_fetch(x + gate * j->r.units + p->from + at, rows, n, wide);
}

/* The same of all gates in bf16. */
static void multiply_half(const job *j, const place *p, size_t block)
{
    leati_cpu_recurrent_product q = {.block = block,
                                     .n = p->n,
                                     .a = j->pair[p->step % 2],
                                     .lda = j->ld_pair,
                                     .c = p->sums,
                                     .ldc = p->ld_sums,
                                     .c_gate = p->sum_pitch,
                                     .fetch = fetch,
                                     .arg = p};
    leati_cpu_recurrent_multiply(&j->r, &j->cut, j->packed, &q);
}

/* From sums to states, some rows of an LSTM. */
static void finish_lstm(const job *j, const place *p, size_t row, size_t rows)
{
    const leati_step *s = j->s;
    size_t units = j->r.units, now = p->time * j->state + row * units + p->from;
    size_t gates = p->time * j->wide + row * j->r.gates * units + p->from;
    leati_lstm_rows t = {.rows = rows,
                         .n = p->n,
                         .pitch = units,
                         .ld = j->r.gates * units,
                         .x = (const float *)s->in[0].data + gates,
                         .sums = p->sums + row * p->ld_sums,
                         .sum_pitch = p->sum_pitch,
                         .ld_sums = p->ld_sums,
                         .gates = (float *)s->out[3].data + gates,
                         .c = (float *)s->out[4].data + now,
                         .y = (float *)s->out[0].data + now,
                         .ld_state = units,
                         .cell = j->cells + row * j->ld + p->from,
                         .h = p->after + row * j->ld + p->from,
                         .ld_h = j->ld,
                         .past = j->cut.past};
    j->cut.net->lstm_rows(&t);
}

/* The same of one row of the other cells. */
static void finish_row(const job *j, const place *p, size_t row)
{
    const leati_step *s = j->s;
    const leati_net_kernels *net = j->cut.net;
    size_t units = j->r.units, at = row * units + p->from;
    size_t gates = (p->time * j->r.rows + row) * j->r.gates * units + p->from;
    const float *x = (const float *)s->in[0].data + gates;
    float *h = p->after + row * j->ld + p->from;
    if (j->r.cell == LEATI_CELL_GRU)
        net->gru_row(p->n, units, x, (const float *)s->in[3].data + p->from,
                     p->sums + row * p->ld_sums, (float *)s->out[3].data + gates,
                     p->before + row * j->ld + p->from, h);
    else net->cell_row(j->r.cell == LEATI_CELL_RELU, p->n, x, h);
    net->copy(p->n, h, (float *)s->out[0].data + p->time * j->state + at);
}

/* A row that has ended keeps its states; its result and what the gradient reads are 0. */
static void keep_row(const job *j, const place *p, size_t row)
{
    const leati_step *s = j->s;
    size_t at = row * j->r.units + p->from, bytes = p->n * sizeof(float);
    size_t gates = (p->time * j->r.rows + row) * j->r.gates * j->r.units + p->from;
    memcpy(p->after + row * j->ld + p->from, p->before + row * j->ld + p->from, bytes);
    memset((float *)s->out[0].data + p->time * j->state + at, 0, bytes);
    for (size_t g = 0; g < j->r.gates && j->r.cell >= LEATI_CELL_LSTM; g++) {
        memset((float *)s->out[3].data + gates + g * j->r.units, 0, bytes);
        if (j->r.cell == LEATI_CELL_GRU)
            memset((float *)s->out[4].data + gates + g * j->r.units, 0, bytes);
    }
    if (j->r.cell == LEATI_CELL_LSTM)
        memcpy((float *)s->out[4].data + p->time * j->state + at, j->cells + row * j->ld + p->from,
               bytes);
}

/* The states before a step as its product reads them. */
static void round_states(const job *j, size_t step, size_t from, size_t n)
{
    if (!j->r.half) return;
    j->cut.half->rows(j->r.rows, n, j->h[step % 2] + from, j->ld, j->pair[step % 2] + from / 2,
                      j->ld_pair);
}

static void forward(void *arg, size_t step, size_t block, unsigned worker)
{
    const job *j = arg;
    place p = place_of(j, step, block, worker);
    bool lstm = j->r.cell == LEATI_CELL_LSTM, together = lstm && !j->r.lengths;
    if (j->r.half) multiply_half(j, &p, block);
    for (size_t g = 0; g < j->r.gates && !j->r.half; g++) {
        fetch(&p, g, 0, j->r.rows, 0, p.n);
        multiply(j, &p, g);
    }
    if (together) finish_lstm(j, &p, 0, j->r.rows);
    for (size_t row = 0; row < j->r.rows && !together; row++) {
        if (!leati_recurrent_runs(&j->r, row, p.time)) keep_row(j, &p, row);
        else if (lstm) finish_lstm(j, &p, row, 1);
        else finish_row(j, &p, row);
    }
    round_states(j, step + 1, p.from, p.n);
}

static void copy_rows(const job *j, const float *in, size_t ld_in, float *out, size_t ld_out)
{
    for (size_t row = 0; row < j->r.rows; row++)
        j->cut.net->copy(j->r.units, in + row * ld_in, out + row * ld_out);
}

static leat_status run(leat_context *c, const leati_step *s)
{
    job j = job_of(c, s);
    divide(&j, s->scratch);
    LEATI_TRY(leati_lengths_check(c, &j.r));
    size_t units = j.r.units;
    if (!j.few && !s->kept) pack(c, &j, j.packed);
    copy_rows(&j, s->in[2].data, units, j.h[0], j.ld);
    if (j.cells) copy_rows(&j, s->in[3].data, units, j.cells, j.ld);
    round_states(&j, 0, 0, units);
    leati_parallel_steps(c, j.r.steps, j.cut.blocks, forward, &j);
    copy_rows(&j, j.h[j.r.steps % 2], j.ld, s->out[1].data, units);
    if (j.cells) copy_rows(&j, j.cells, j.ld, s->out[2].data, units);
    return LEAT_OK;
}

const leati_kernel leati_cpu_recurrent = {.run = run,
                                          .scratch = scratch,
                                          .takes = leati_cpu_recurrent_takes,
                                          .kept_bytes = kept_bytes,
                                          .keep = keep};
