/* Owns: SCAN and LOOP: recording, and the gradient of a scan as a scan in the other direction. */
#include <string.h>

#include "base/mem.h"
#include "graph/body.h"
#include "graph/op_classes.h"
#include "tensor/shape.h"

enum { MOST_INPUTS = 1024 };

/* ---- shapes ------------------------------------------------------------------------------------
 */

static leat_status check_states(leat_context *c, const leati_node *n, const leati_scan_attrs *a,
                                size_t first_in, size_t first_out)
{
    for (size_t i = 0; i < a->states; i++) {
        const leat_tensor *before = n->in[first_in + i];
        const leat_shape *after = &a->body->shape[first_out + i];
        leat_dtype type = a->body->dtype[first_out + i];
        if (type == before->dtype && leati_shape_equal(after, &before->shape)) continue;
        return leati_node_fail(
            c, n, LEAT_SHAPE, "state %zu is %s of shape %s, its body makes %s of %s", i + 1,
            leat_dtype_name(before->dtype), leati_shape_string(&before->shape).text,
            leat_dtype_name(type), leati_shape_string(after).text);
    }
    return LEAT_OK;
}

static leat_shape stacked(int64_t length, const leat_shape *s)
{
    leat_shape y = {.rank = s->rank + 1, .dim = {length}};
    for (int i = 0; i < s->rank && i + 1 < LEAT_MAX_RANK; i++) y.dim[i + 1] = s->dim[i];
    return y;
}

static leat_status infer_scan(leat_context *c, leati_node *n)
{
    const leati_scan_attrs *a = n->attrs;
    LEATI_TRY(check_states(c, n, a, 0, 0));
    for (size_t i = 0; i < n->outs; i++) {
        size_t k = i < (size_t)a->states + a->results ? i : i - a->states - a->results;
        leat_shape s = a->body->shape[k];
        n->out[i].dtype = a->body->dtype[k];
        if (i >= a->states && s.rank >= LEAT_MAX_RANK)
            return leati_node_fail(c, n, LEAT_SHAPE, "elements of %d dimensions cannot be stacked",
                                   s.rank);
        if (i < a->states) n->out[i].shape = s;
        else n->out[i].shape = stacked(k == i || a->keep ? a->length : 0, &s);
    }
    return LEAT_OK;
}

static leat_status infer_loop(leat_context *c, leati_node *n)
{
    const leati_scan_attrs *a = n->attrs;
    LEATI_TRY(check_states(c, n, a, 1, 1));
    for (size_t i = 0; i < 2; i++) {
        leat_dtype type = i ? n->in[0]->dtype : a->body->dtype[0];
        leat_shape s = i ? n->in[0]->shape : a->body->shape[0];
        if (type != LEAT_DTYPE_BOOL || leati_shape_count(&s) != 1)
            return leati_node_fail(c, n, LEAT_TYPE,
                                   "whether to go on is %s of shape %s, not one bool",
                                   leat_dtype_name(type), leati_shape_string(&s).text);
    }
    for (size_t i = 0; i < a->states; i++) {
        n->out[i].dtype = a->body->dtype[i + 1];
        n->out[i].shape = a->body->shape[i + 1];
    }
    n->out[a->states].dtype = LEAT_DTYPE_I64;
    n->out[a->states].shape = LEAT_SCALAR;
    return LEAT_OK;
}

/* ---- recording ---------------------------------------------------------------------------------
 */

typedef struct source {
    leat_body_fn fn;
    void *user;
} source;

/* All tensors in one list: `first` (may be NULL), states, sequences, others. */
static leat_status gather(const leat_loop_parts *p, leat_tensor *first, leat_tensor **in,
                          size_t *count, leat_graph **g)
{
    size_t n = 0;
    if (first) in[n++] = first;
    for (size_t i = 0; i < p->states; i++) in[n++] = p->state[i];
    for (size_t i = 0; i < p->sequences; i++) in[n++] = p->sequence[i];
    for (size_t i = 0; i < p->others; i++) in[n++] = p->other[i];
    *count = n;
    *g = NULL;
    for (size_t i = 0; i < n && !*g; i++) *g = leat_tensor_graph(in[i]);
    if (!*g) return LEAT_INVALID;
    if (leati_graph_stopped(*g)) return leat_error_status((*g)->context);
    for (size_t i = 0; i < n; i++)
        LEATI_CHECK((*g)->context, in[i] && in[i]->node->graph == *g, LEAT_INVALID,
                    "loop: input %zu is not a tensor of this graph", i + 1);
    return LEAT_OK;
}

/* The length of all sequences. */
static leat_status length_of(leat_context *c, const leat_loop_parts *p, int64_t *length)
{
    for (size_t i = 0; i < p->sequences; i++) {
        const leat_shape *s = &p->sequence[i]->shape;
        if (i == 0 && s->rank > 0) *length = s->dim[0];
        LEATI_CHECK(c, s->rank > 0 && s->dim[0] == *length, LEAT_SHAPE,
                    "scan: sequence %zu has shape %s, %lld elements are needed", i + 1,
                    leati_shape_string(s).text, (long long)(i ? *length : 1));
    }
    return LEAT_OK;
}

static leat_status record(leat_graph *g, leati_op op, const source *s, const leati_scan_attrs *like,
                          size_t ins, leat_tensor *const *in, size_t body_outs, size_t outs,
                          leati_node **node)
{
    leat_context *c = g->context;
    leati_scan_attrs a = *like;
    bool loop = op == LEATI_OP_LOOP;
    leat_dtype *dtype = leati_array(c, ins + 1, sizeof *dtype);
    leat_shape *shape = LEATI_NEW(c, leat_shape, ins + 1);
    leat_status st = dtype && shape ? LEAT_OK : LEAT_NOMEM;
    for (size_t i = 0; st == LEAT_OK && i < ins; i++) {
        dtype[i] = in[i]->dtype;
        shape[i] = in[i]->shape;
        bool element = !loop && i >= a.states && i < (size_t)a.states + a.sequences;
        if (!element) continue;
        shape[i].rank--;
        memmove(shape[i].dim, shape[i].dim + 1, sizeof shape[i].dim - sizeof shape[i].dim[0]);
        shape[i].dim[LEAT_MAX_RANK - 1] = 0;
    }
    if (st == LEAT_OK && loop) { /* the body gets the number of the step in its place */
        dtype[0] = LEAT_DTYPE_I64;
        shape[0] = LEAT_SCALAR;
    }
    if (st == LEAT_OK)
        st = leati_body_make(g, s->fn, s->user, ins, dtype, shape, body_outs, &a.body);
    leati_free(dtype);
    leati_free(shape);
    if (st != LEAT_OK) {
        leati_graph_break(g);
        return st;
    }
    leati_node *n = leati_node_make(g, op, ins, in, outs, &a, sizeof a, LEAT_DTYPE_F32, NULL);
    source *copy = n ? leati_arena_alloc(&g->arena, sizeof *copy) : NULL;
    if (!copy) {
        leati_graph_break(g);
        return leat_error_status(c);
    }
    *copy = *s;
    n->host = copy;
    *node = n;
    return LEAT_OK;
}

static bool too_many(const leat_loop_parts *p)
{
    return p->states > MOST_INPUTS || p->sequences > MOST_INPUTS || p->others > MOST_INPUTS ||
           p->states + p->sequences + p->others + 1 > MOST_INPUTS;
}

leat_status leat_scan(leat_body_fn fn, void *user, const leat_loop_parts *p, leat_tensor **out)
{
    leat_tensor *in[MOST_INPUTS];
    leat_graph *g;
    leati_node *n;
    size_t ins, outs = 2 * p->states + p->results;
    for (size_t i = 0; i < p->states + p->results; i++) out[i] = NULL;
    if (too_many(p)) return LEAT_INVALID;
    LEATI_TRY(gather(p, NULL, in, &ins, &g));
    leat_context *c = g->context;
    leati_scan_attrs a = {.states = (uint16_t)p->states,
                          .sequences = (uint16_t)p->sequences,
                          .others = (uint16_t)p->others,
                          .results = (uint16_t)p->results,
                          .reverse = p->reverse};
    leat_status st = length_of(c, p, &a.length);
    if (st == LEAT_OK && (p->sequences < 1 || outs < 1 || outs > LEATI_MAX_OUTPUTS))
        st = LEATI_FAIL(c, LEAT_INVALID,
                        "scan: %zu sequences, %zu states, %zu results; it takes at least one "
                        "sequence, and twice the states and the results are 1 to %d",
                        p->sequences, p->states, p->results, LEATI_MAX_OUTPUTS);
    if (st != LEAT_OK) {
        leati_graph_break(g);
        return st;
    }
    source s = {fn, user};
    LEATI_TRY(record(g, LEATI_OP_SCAN, &s, &a, ins, in, p->states + p->results, outs, &n));
    for (size_t i = 0; i < p->states + p->results; i++) out[i] = &n->out[i];
    return LEAT_OK;
}

leat_status leat_loop(leat_body_fn fn, void *user, const leat_loop_parts *p, leat_tensor *go,
                      int64_t most, leat_tensor **out)
{
    leat_tensor *in[MOST_INPUTS];
    leat_graph *g = NULL;
    leati_node *n;
    size_t ins;
    for (size_t i = 0; i <= p->states; i++) out[i] = NULL;
    if (too_many(p)) return LEAT_INVALID;
    for (size_t i = 0; i < p->states && !g; i++) g = leat_tensor_graph(p->state[i]);
    if (!g) return LEAT_INVALID;
    if (!go) go = leat_scalar(g, LEAT_DTYPE_BOOL, 1);
    LEATI_TRY(gather(p, go, in, &ins, &g));
    leat_context *c = g->context;
    if (p->sequences || p->results || p->states >= LEATI_MAX_OUTPUTS || most < 0 || !go) {
        (void)LEATI_FAIL(c, LEAT_INVALID,
                         "loop: it takes 1 to %d states, no sequences and results, and no "
                         "negative number of steps",
                         LEATI_MAX_OUTPUTS - 1);
        leati_graph_break(g);
        return LEAT_INVALID;
    }
    leati_scan_attrs a = {
        .length = most, .states = (uint16_t)p->states, .others = (uint16_t)p->others};
    source s = {fn, user};
    LEATI_TRY(record(g, LEATI_OP_LOOP, &s, &a, ins, in, 1 + p->states, 1 + p->states, &n));
    for (size_t i = 0; i <= p->states; i++) out[i] = &n->out[i];
    return LEAT_OK;
}

static leat_status gradient_loop(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                 leat_tensor **dx)
{
    (void)dy, (void)needed, (void)dx;
    return leati_node_fail(n->graph->context, n, LEAT_UNSUPPORTED,
                           "how often it runs depends on data, so it has no gradient: use "
                           "leat_scan, or leat_stop_gradient behind it");
}

const leati_op_class leati_loop_class = {.infer = infer_loop, .gradient = gradient_loop};

/* ---- the gradient of a scan ---------------------------------------------------------------------
 */

/* The scan that goes back. Its states: the gradients of the floating states, then the sums for the
 * others that are asked for. Its sequences: the states before each step, the sequences, the
 * gradients of results and of kept states where there are some. Its results: the gradients of the
 * sequences that are asked for. */
typedef struct back {
    source forward;
    size_t states, sequences, others, results, sums;
    bool state[LEATI_MAX_OUTPUTS];  /* floating */
    bool seeded[LEATI_MAX_OUTPUTS]; /* results with a gradient */
    bool kept[LEATI_MAX_OUTPUTS];   /* kept states with one */
    bool *sequence, *other;         /* asked for */
    size_t ins;                     /* of the forward body */
} back;

/* The sum over all outputs of the forward body of their gradients in xs; in `sum`. */
static leat_status sum_gradients(const back *b, leat_tensor *const *made, leat_tensor *const *seed,
                                 size_t count, leat_tensor *const *xs, leat_tensor **part,
                                 leat_tensor **sum)
{
    for (size_t j = 0; j < b->states + b->results; j++) {
        if (!seed[j]) continue;
        if (!made[j]) return LEAT_INVALID;
        LEATI_TRY(leati_gradients_partial(made[j], seed[j], count, xs, part));
        for (size_t i = 0; i < count; i++) sum[i] = sum[i] ? leat_add(sum[i], part[i]) : part[i];
    }
    for (size_t i = 0; i < count; i++)
        if (!sum[i]) sum[i] = leati_full_like(xs[i], 0);
    return LEAT_OK;
}

static leat_status step_back(leat_graph *g, void *user, leat_tensor *const *in, leat_tensor **out)
{
    const back *b = user;
    leat_tensor *made[LEATI_MAX_OUTPUTS] = {0}, *seed[LEATI_MAX_OUTPUTS] = {0};
    leat_tensor *kept[LEATI_MAX_OUTPUTS] = {0};
    size_t at = 0, states, wanted = 0;
    leat_status st = LEAT_OK;
    leat_tensor **x = LEATI_NEW(g->context, leat_tensor *, 4 * b->ins + 1);
    if (!x) return LEAT_NOMEM;
    leat_tensor **xs = x + b->ins, **part = xs + b->ins, **sum = part + b->ins;
    for (size_t i = 0; i < b->states; i++)
        if (b->state[i]) seed[i] = in[at++];
    states = at;
    at += b->sums;
    for (size_t i = 0; i < b->states + b->sequences; i++) x[i] = in[at++];
    for (size_t i = 0; i < b->results; i++)
        if (b->seeded[i]) seed[b->states + i] = in[at++];
    for (size_t i = 0; i < b->states; i++)
        if (b->kept[i]) kept[i] = in[at++];
    for (size_t i = 0; i < b->others; i++) x[b->states + b->sequences + i] = in[at++];
    LEATI_GO(b->forward.fn(g, b->forward.user, x, made));
    for (size_t i = 0; i < b->states; i++)
        if (b->state[i]) xs[wanted++] = x[i];
    for (size_t i = 0; i < b->others; i++)
        if (b->other[i]) xs[wanted++] = x[b->states + b->sequences + i];
    for (size_t i = 0; i < b->sequences; i++)
        if (b->sequence[i]) xs[wanted++] = x[b->states + i];
    LEATI_GO(sum_gradients(b, made, seed, wanted, xs, part, sum));
    for (size_t i = 0; i < wanted; i++)
        out[i] = i >= states && i < states + b->sums ? leat_add(in[i], sum[i]) : sum[i];
    for (size_t i = 0, k = 0; i < b->states; i++) {
        if (!b->state[i]) continue;
        if (kept[i]) out[k] = leat_add(out[k], kept[i]);
        k++;
    }
out:
    leati_free(x);
    return st;
}

/* Lists of the scan that goes back, in the arena. */
static leat_status back_parts(leati_node *n, back *b, leat_tensor *const *dy, leat_loop_parts *p)
{
    const leati_scan_attrs *a = n->attrs;
    leat_graph *g = n->graph;
    leat_tensor **list = leati_arena_calloc(&g->arena, 3 * (size_t)n->ins + 3 * (size_t)n->outs,
                                            sizeof(leat_tensor *));
    if (!list) return LEAT_NOMEM;
    size_t others = b->states + b->sequences;
    p->state = list;
    for (size_t i = 0; i < b->states; i++)
        if (b->state[i]) list[p->states++] = dy[i] ? dy[i] : leati_full_like(&n->out[i], 0);
    for (size_t i = 0; i < b->others; i++)
        if (b->other[i]) list[p->states++] = leati_full_like(n->in[others + i], 0);
    list += p->states;
    p->sequence = list;
    for (size_t i = 0; i < b->states; i++)
        list[p->sequences++] = &n->out[b->states + b->results + i];
    for (size_t i = 0; i < b->sequences; i++) list[p->sequences++] = n->in[b->states + i];
    for (size_t i = 0; i < b->results; i++)
        if (b->seeded[i]) list[p->sequences++] = dy[b->states + i];
    for (size_t i = 0; i < b->states; i++)
        if (b->kept[i]) list[p->sequences++] = dy[b->states + b->results + i];
    p->other = n->in + others;
    p->others = b->others;
    for (size_t i = 0; i < b->sequences; i++) p->results += b->sequence[i];
    p->reverse = !a->reverse;
    return LEAT_OK;
}

static leat_status gradient_scan(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                 leat_tensor **dx)
{
    leati_scan_attrs *a = n->attrs;
    leat_graph *g = n->graph;
    size_t kept = (size_t)a->states + a->results, others = (size_t)a->states + a->sequences;
    back *b = leati_arena_calloc(&g->arena, 1, sizeof *b);
    bool *asked = leati_arena_calloc(&g->arena, n->ins, sizeof *asked);
    if (!b || !asked) return LEAT_NOMEM;
    memcpy(asked, needed, n->ins * sizeof *asked);
    *b = (back){.forward = *(const source *)n->host,
                .states = a->states,
                .sequences = a->sequences,
                .others = a->others,
                .results = a->results,
                .sequence = asked + a->states,
                .other = asked + others,
                .ins = n->ins};
    for (size_t i = 0; i < a->states; i++) {
        b->state[i] = leati_dtype_is_float(n->in[i]->dtype);
        b->kept[i] = b->state[i] && dy[kept + i];
    }
    for (size_t i = 0; i < a->others; i++) b->sums += b->other[i];
    for (size_t i = 0; i < a->results; i++) b->seeded[i] = dy[a->states + i] != NULL;
    if (!a->keep) { /* nobody has read these outputs, so their shapes may still change */
        a->keep = 1;
        for (size_t i = kept; i < n->outs; i++) n->out[i].shape.dim[0] = a->length;
    }
    leat_loop_parts p = {0};
    leat_tensor *out[MOST_INPUTS];
    LEATI_TRY(back_parts(n, b, dy, &p));
    LEATI_TRY(leat_scan(step_back, b, &p, out));
    size_t at = 0;
    for (size_t i = 0; i < a->states; i++)
        if (b->state[i]) {
            if (needed[i]) dx[i] = out[at];
            at++;
        }
    for (size_t i = 0; i < a->others; i++)
        if (b->other[i]) dx[others + i] = out[at++];
    for (size_t i = 0; i < a->sequences; i++)
        if (b->sequence[i]) dx[a->states + i] = out[at++];
    return LEAT_OK;
}

const leati_op_class leati_scan_class = {.infer = infer_scan, .gradient = gradient_scan};
