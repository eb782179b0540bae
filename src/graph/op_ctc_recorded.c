/* Owns: the forward recursion of CTC (Graves et al. 2006, section 4.1) as a scan over the steps, in
 * logarithms and f64, which is how gradients of its gradient are recorded. Slow beside the kernels,
 * and only there for that. */
#include "graph/op_ctc_recorded.h"

#include "graph/op_classes.h"

static const double never = -1e30; /* the logarithm of a probability of 0, without its infinities */

/* x (N, states) with state s at s + n. */
static leat_tensor *moved(leat_tensor *x, int64_t n, double fill)
{
    if (!x) return NULL;
    int64_t low[] = {0, n}, high[] = {0, 0}, left = x->shape.dim[1] - n;
    if (left < 1) return leati_full_like(x, fill);
    return leat_pad(leat_narrow(x, 1, 0, left), LEAT_PAD_CONSTANT, low, high, fill);
}

/* The logarithm of the sum of three probabilities. */
static leat_tensor *log_sum(leat_tensor *a, leat_tensor *b, leat_tensor *c)
{
    leat_tensor *top = leat_stop_gradient(leat_maximum(a, leat_maximum(b, c)));
    leat_tensor *sum = leat_add(leat_exp(leat_sub(a, top)), leat_exp(leat_sub(b, top)));
    return leat_add(top, leat_log(leat_add(sum, leat_exp(leat_sub(c, top)))));
}

/* labels (N, S) with blanks around and behind: (N, 2 S + 1). lengths (N, 1). */
static leat_tensor *states_of(leat_tensor *labels, leat_tensor *lengths, int64_t blank)
{
    leat_graph *g = labels->node->graph;
    int64_t rows = labels->shape.dim[0], width = labels->shape.dim[1];
    leat_tensor *place = leati_iota(g, LEAT_DTYPE_I64, LEAT_DIMS(width), 0, 0, 1);
    leat_tensor *pair[2] = {leati_full_like(labels, (double)blank), NULL};
    pair[1] = leat_where(leat_less(place, lengths), labels, pair[0]);
    if (!pair[1]) return NULL;
    leat_tensor *part[2] = {leat_reshape(leat_stack(2, pair, 2), LEAT_DIMS(rows, 2 * width)),
                            leati_full_like(lengths, (double)blank)};
    return part[0] && part[1] ? leat_concat(2, part, 1) : NULL;
}

/* alpha (N, states), log-probabilities (N, C) and number of the step, states, which may follow the
 * last but one, steps (N, 1) -> alpha. */
static leat_status step(leat_graph *g, void *user, leat_tensor *const *in, leat_tensor **out)
{
    (void)user;
    leat_tensor *alpha = in[0], *low = leat_like(alpha, never);
    leat_tensor *emitted = leat_maximum(leat_take_along(in[1], in[3], 1), low);
    leat_tensor *jump = leat_where(in[4], moved(alpha, 2, never), low);
    leat_tensor *next = leat_add(emitted, log_sum(alpha, moved(alpha, 1, never), jump));
    out[0] = leat_where(leat_less(in[2], in[5]), next, alpha);
    return out[0] ? LEAT_OK : leat_error_status(g->context);
}

/* The logarithms of the probabilities of all paths to each state. */
static leat_tensor *run_steps(leat_tensor *x, leat_tensor *states, leat_tensor *steps,
                              int64_t blank)
{
    leat_graph *g = x->node->graph;
    int64_t width = states->shape.dim[1];
    leat_tensor *first = leat_equal(leati_iota(g, LEAT_DTYPE_I64, LEAT_DIMS(width), 0, 0, 1),
                                    leat_scalar(g, LEAT_DTYPE_I64, 0));
    leat_tensor *begin = leat_where(first, leat_like(x, 0), leat_like(x, never));
    leat_tensor *before = moved(states, 2, (double)blank);
    leat_tensor *jumps = leat_and(leat_not_equal(states, leat_like(states, (double)blank)),
                                  leat_not_equal(states, before));
    leat_tensor *time = leati_iota(g, LEAT_DTYPE_I64, LEAT_DIMS(x->shape.dim[0]), 0, 0, 1);
    leat_tensor *state[] = {leat_expand(begin, states->shape)}, *sequence[] = {x, time};
    leat_tensor *other[] = {states, jumps, steps}, *out[1];
    leat_loop_parts p = {.states = 1,
                         .sequences = 2,
                         .others = 3,
                         .state = state,
                         .sequence = sequence,
                         .other = other};
    return leat_scan(step, NULL, &p, out) == LEAT_OK ? out[0] : NULL;
}

leat_tensor *leati_ctc_record(leat_tensor *x, leat_tensor *labels, leat_tensor *steps,
                              leat_tensor *lengths, int64_t blank)
{
    static const int along = 1;
    if (!x || !labels || !steps || !lengths) return NULL;
    leat_graph *g = x->node->graph;
    int64_t rows = labels->shape.dim[0];
    lengths = leat_reshape(lengths, LEAT_DIMS(rows, 1));
    leat_tensor *states = lengths ? states_of(labels, lengths, blank) : NULL;
    leat_tensor *alpha =
        states ? run_steps(x, states, leat_reshape(steps, LEAT_DIMS(rows, 1)), blank) : NULL;
    if (!alpha) return NULL;
    leat_tensor *place = leati_iota(g, LEAT_DTYPE_I64, LEAT_DIMS(alpha->shape.dim[1]), 0, 0, 1);
    leat_tensor *last = leat_scale(lengths, 2);
    leat_tensor *ends = leat_or(leat_equal(place, last), leat_equal(place, leat_shift(last, -1)));
    leat_tensor *end = leat_where(ends, alpha, leat_like(alpha, never));
    leat_tensor *top = leat_stop_gradient(leat_max(end, 1, &along, true));
    leat_tensor *sum = leat_sum(leat_exp(leat_sub(end, top)), 1, &along, true);
    return leat_neg(leat_reshape(leat_add(top, leat_log(sum)), LEAT_DIMS(rows)));
}

leat_status leati_ctc_grad_gradient(leati_node *n, leat_tensor *u, const bool *needed,
                                    leat_tensor **dx)
{
    const leati_ctc_attrs *a = n->attrs;
    leat_dtype type = n->in[1]->dtype;
    leat_tensor *xs[2], *slope = NULL, *part[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) xs[i] = leat_cast(n->in[i], LEAT_DTYPE_F64);
    leat_tensor *loss = leati_ctc_record(xs[1], n->in[2], n->in[3], n->in[4], a->blank);
    leat_tensor *fits = leat_less(loss, leat_like(loss, -0.5 * never));
    leat_tensor *seed = leat_where(fits, xs[0], leat_like(xs[0], 0));
    if (!seed) return leat_error_status(n->graph->context);
    LEATI_TRY(leati_gradients_partial(loss, seed, 1, &xs[1], &slope));
    LEATI_TRY(leati_gradients_partial(slope, leat_cast(u, LEAT_DTYPE_F64), 2, xs, part));
    for (int i = 0; i < 2; i++)
        if (needed[i]) dx[i] = leat_cast(part[i], type);
    return LEAT_OK;
}
