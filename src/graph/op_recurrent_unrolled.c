/* Owns: RECURRENT and RECURRENT_GRAD step by step in primitives, which is how gradients of their
 * gradients are recorded. Slow beside the kernels, and only there for that. */
#include "graph/op_recurrent_unrolled.h"

#include "base/mem.h"
#include "device/recurrent.h"
#include "graph/op_classes.h"

typedef struct unrolled {
    leati_cell cell;
    bool reverse;
    int64_t steps, rows, units;
    size_t gates;
    leat_tensor *lengths; /* or NULL */
    /* per moment in time; what is not made stays NULL */
    leat_tensor **list[3];
} unrolled;

static leat_status begin(const leati_node *n, const leat_tensor *y, size_t lengths, unrolled *u)
{
    const leati_recurrent_attrs *a = n->attrs;
    *u = (unrolled){.cell = (leati_cell)a->cell,
                    .reverse = a->reverse,
                    .steps = y->shape.dim[0],
                    .rows = y->shape.dim[1],
                    .units = y->shape.dim[2]};
    u->gates = leati_cell_gates(u->cell);
    if (n->ins > lengths) u->lengths = n->in[lengths];
    u->list[0] = leati_calloc(n->graph->context, 3 * (size_t)u->steps + 1, sizeof **u->list);
    if (!u->list[0]) return LEAT_NOMEM;
    for (int i = 1; i < 3; i++) u->list[i] = u->list[i - 1] + u->steps;
    return LEAT_OK;
}

static int64_t time_of(const unrolled *u, int64_t step)
{
    return u->reverse ? u->steps - 1 - step : step;
}

/* (N, all) of one moment, and (N, units) of one gate of it. */
static leat_tensor *moment(leat_tensor *x, int64_t time)
{
    leat_tensor *one = leat_narrow(x, 0, time, 1);
    return one ? leat_reshape(one, LEAT_DIMS(one->shape.dim[1], one->shape.dim[2])) : NULL;
}

static leat_tensor *gate(const unrolled *u, leat_tensor *x, int g)
{
    return leat_narrow(x, 1, g * u->units, u->units);
}

/* (N, 1): the rows that run; NULL: all. */
static leat_tensor *running(const unrolled *u, int64_t time)
{
    if (!u->lengths) return NULL;
    return leat_reshape(leat_less(leat_like(u->lengths, (double)time), u->lengths),
                        LEAT_DIMS(u->rows, 1));
}

static leat_tensor *choose(leat_tensor *runs, leat_tensor *x, leat_tensor *otherwise)
{
    return runs ? leat_where(runs, x, otherwise) : x;
}

static leat_tensor *or_zero(leat_tensor *runs, leat_tensor *x)
{
    return runs && x ? leat_where(runs, x, leat_like(x, 0)) : x;
}

static leat_tensor *one_minus(leat_tensor *x)
{
    return leat_shift(leat_neg(x), 1);
}

/* A list of (N, k) per moment as (T, N, k). */
static leat_tensor *sequence(const unrolled *u, leat_tensor *const *list)
{
    leat_tensor *all = leat_concat((size_t)u->steps, list, 0);
    return all ? leat_reshape(all, LEAT_DIMS(u->steps, u->rows, all->shape.dim[1])) : NULL;
}

/* ---- forward -------------------------------------------------------------------------------- */

/* From the inputs' share x of the sums and that of the states: new states, *gates and what is kept
 * of them. */
static leat_tensor *cell_of(const unrolled *u, leat_tensor *x, leat_tensor *sum, leat_tensor *h,
                            leat_tensor **c, leat_tensor **gates, leat_tensor **kept)
{
    if (u->cell == LEATI_CELL_LSTM) {
        sum = leat_add(x, sum);
        leat_tensor *y[4];
        for (int g = 0; g < 4; g++)
            y[g] = g == 2 ? leat_tanh(gate(u, sum, g)) : leat_sigmoid(gate(u, sum, g));
        *gates = leat_concat(4, y, 1);
        *kept = leat_add(leat_mul(y[1], *c), leat_mul(y[0], y[2]));
        *c = *kept;
        return leat_mul(y[3], leat_tanh(*c));
    }
    if (u->cell == LEATI_CELL_GRU) {
        leat_tensor *y[3];
        for (int g = 0; g < 2; g++) y[g] = leat_sigmoid(leat_add(gate(u, x, g), gate(u, sum, g)));
        y[2] = leat_tanh(leat_add(gate(u, x, 2), leat_mul(y[0], gate(u, sum, 2))));
        *gates = leat_concat(3, y, 1);
        *kept = sum;
        return leat_add(leat_mul(one_minus(y[1]), y[2]), leat_mul(y[1], h));
    }
    sum = leat_add(x, sum);
    return u->cell == LEATI_CELL_TANH ? leat_tanh(sum) : leat_relu(sum);
}

static void forward(leati_node *n, const unrolled *u, leat_tensor **out)
{
    bool lstm = u->cell == LEATI_CELL_LSTM, gru = u->cell == LEATI_CELL_GRU;
    leat_tensor *h = n->in[2], *c = lstm ? n->in[3] : NULL;
    for (int64_t k = 0; k < u->steps; k++) {
        int64_t t = time_of(u, k);
        leat_tensor *runs = running(u, t), *cell = c, *gates = NULL, *kept = NULL;
        leat_tensor *sum = leat_matmul_t(h, false, n->in[1], true);
        if (gru) sum = leat_add(sum, n->in[3]);
        leat_tensor *now = cell_of(u, moment(n->in[0], t), sum, h, &cell, &gates, &kept);
        u->list[0][t] = or_zero(runs, now);
        u->list[1][t] = or_zero(runs, gates);
        h = choose(runs, now, h);
        if (lstm) c = choose(runs, cell, c);
        u->list[2][t] = lstm ? c : or_zero(runs, kept);
    }
    out[1] = h;
    out[2] = c;
    out[0] = sequence(u, u->list[0]);
    for (int i = 3; i < 5 && (lstm || gru); i++) out[i] = sequence(u, u->list[i - 2]);
}

leat_status leati_recurrent_unroll(leati_node *n, leat_tensor **out)
{
    const leati_recurrent_attrs *a = n->attrs;
    unrolled u;
    LEATI_TRY(begin(n, &n->out[0], a->cell < LEATI_CELL_LSTM ? 3 : 4, &u));
    for (int i = 0; i < 5; i++) out[i] = NULL;
    if (u.steps) forward(n, &u, out);
    leati_free(u.list[0]);
    return n->graph->broken ? leat_error_status(n->graph->context) : LEAT_OK;
}

/* ---- backward ------------------------------------------------------------------------------- */

/* What a step began with: `first` at the start of a sequence, else what was kept the step before.
 */
static leat_tensor *before(const unrolled *u, int64_t step, leat_tensor *first, leat_tensor *all)
{
    if (!step) return first;
    int64_t t = time_of(u, step - 1);
    return choose(running(u, t), moment(all, t), first);
}

/* a (1 - a), and 1 - a a. */
static leat_tensor *slope_of_sigmoid(leat_tensor *a)
{
    return leat_mul(a, one_minus(a));
}

static leat_tensor *slope_of_tanh(leat_tensor *a)
{
    return one_minus(leat_mul(a, a));
}

/* The gradients *d of the sums of x W + b and *m of those of h r' + rb (the same but for a GRU),
 * from those of the states, dh and *dc. Returns what flows to the states before, but through r:
 * NULL: 0. */
static leat_tensor *back_through_cell(const leati_node *n, const unrolled *u, int64_t k,
                                      leat_tensor *dh, leat_tensor **dc, leat_tensor **d,
                                      leat_tensor **m)
{
    int64_t t = time_of(u, k);
    if (u->cell < LEATI_CELL_LSTM) {
        leat_tensor *h = moment(n->in[6], t);
        *m = *d = u->cell == LEATI_CELL_TANH
                      ? leat_mul(dh, slope_of_tanh(h))
                      : leat_where(leat_greater(h, leat_like(h, 0)), dh, leat_like(dh, 0));
        return NULL;
    }
    leat_tensor *gates = moment(n->in[7], t), *y[4], *part[4];
    for (int g = 0; g < (int)u->gates; g++) y[g] = gate(u, gates, g);
    if (u->cell == LEATI_CELL_LSTM) {
        leat_tensor *c = leat_tanh(moment(n->in[8], t));
        leat_tensor *all = leat_add(*dc, leat_mul(leat_mul(dh, y[3]), slope_of_tanh(c)));
        part[0] = leat_mul(leat_mul(all, y[2]), slope_of_sigmoid(y[0]));
        part[1] = leat_mul(leat_mul(all, before(u, k, n->in[5], n->in[8])), slope_of_sigmoid(y[1]));
        part[2] = leat_mul(leat_mul(all, y[0]), slope_of_tanh(y[2]));
        part[3] = leat_mul(leat_mul(dh, c), slope_of_sigmoid(y[3]));
        *m = *d = leat_concat(4, part, 1);
        *dc = leat_mul(all, y[1]);
        return NULL;
    }
    leat_tensor *h = before(u, k, n->in[4], n->in[6]);
    part[2] = leat_mul(leat_mul(dh, one_minus(y[1])), slope_of_tanh(y[2]));
    part[1] = leat_mul(leat_mul(dh, leat_sub(h, y[2])), slope_of_sigmoid(y[1]));
    part[0] = leat_mul(leat_mul(part[2], gate(u, moment(n->in[8], t), 2)), slope_of_sigmoid(y[0]));
    *d = leat_concat(3, part, 1);
    part[2] = leat_mul(part[2], y[0]);
    *m = leat_concat(3, part, 1);
    return leat_mul(dh, y[1]);
}

static void backward(leati_node *n, const unrolled *u, leat_tensor **out)
{
    bool lstm = u->cell == LEATI_CELL_LSTM;
    leat_tensor *dh = n->in[1], *dc = lstm ? n->in[2] : NULL;
    for (int64_t k = u->steps; k-- > 0;) {
        int64_t t = time_of(u, k);
        leat_tensor *runs = running(u, t), *cell = dc, *d, *m;
        leat_tensor *at = leat_add(dh, moment(n->in[0], t));
        leat_tensor *direct = back_through_cell(n, u, k, at, &cell, &d, &m);
        leat_tensor *flow = leat_matmul(m, n->in[3]);
        if (direct) flow = leat_add(flow, direct);
        dh = choose(runs, flow, dh);
        if (lstm) dc = choose(runs, cell, dc);
        u->list[0][t] = or_zero(runs, d);
        u->list[1][t] = or_zero(runs, m);
        u->list[2][t] = before(u, k, n->in[4], n->in[6]);
    }
    static const int rows = 0;
    leat_tensor *m = leat_concat((size_t)u->steps, u->list[1], 0);
    out[0] = sequence(u, u->list[0]);
    out[1] = leat_matmul_t(m, true, leat_concat((size_t)u->steps, u->list[2], 0), false);
    out[2] = dh;
    out[3] = lstm                        ? dc
             : u->cell == LEATI_CELL_GRU ? leat_sum(m, 1, &rows, false)
                                         : leati_full_like(n->in[5], 0);
}

leat_status leati_recurrent_grad_unroll(leati_node *n, leat_tensor **out)
{
    unrolled u;
    LEATI_TRY(begin(n, n->in[6], 9, &u));
    if (u.steps) backward(n, &u, out);
    else
        for (int i = 0; i < 4; i++) out[i] = leati_full_like(&n->out[i], 0);
    leati_free(u.list[0]);
    return n->graph->broken ? leat_error_status(n->graph->context) : LEAT_OK;
}
