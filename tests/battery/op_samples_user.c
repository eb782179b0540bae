/* Samples of CUSTOM, CHECKPOINT, AFTER, SCAN and LOOP. */
#include <leat/custom_op.h>

#include "battery/op_samples.h"

#include "graph/graph.h"

/* ---- CUSTOM: x, y -> scale * x^2 y and the sum of all of it -------------------------------------
 */

static leat_status square_shape(leat_context *c, const void *params, size_t ins,
                                const leat_custom_operand *in, leat_custom_operand *out)
{
    (void)params;
    if (ins != 2 || in[0].dtype != in[1].dtype || in[0].shape.rank != in[1].shape.rank)
        return leat_error_set(c, LEAT_SHAPE, "takes two inputs of one type and rank, got %zu", ins);
    out[0] = in[0];
    out[1].dtype = in[0].dtype;
    out[1].shape = LEAT_SCALAR;
    return LEAT_OK;
}

static leat_status square_forward(leat_context *c, const void *params, size_t ins,
                                  const leat_custom_operand *in, leat_custom_operand *out)
{
    (void)c, (void)ins;
    double scale = *(const double *)params, sum = 0;
    size_t count = 1;
    for (int i = 0; i < in[0].shape.rank; i++) count *= (size_t)in[0].shape.dim[i];
    for (size_t i = 0; i < count; i++) {
        if (in[0].dtype == LEAT_DTYPE_F64) {
            double x = ((const double *)in[0].data)[i], y = ((const double *)in[1].data)[i];
            sum += ((double *)out[0].data)[i] = scale * x * x * y;
        } else {
            float x = ((const float *)in[0].data)[i], y = ((const float *)in[1].data)[i];
            sum += ((float *)out[0].data)[i] = (float)(scale * x * x * y);
        }
    }
    if (in[0].dtype == LEAT_DTYPE_F64) *(double *)out[1].data = sum;
    else *(float *)out[1].data = (float)sum;
    return sum > 1e6 ? leat_error_set(c, LEAT_NUMERIC, "the sum %g is too large", sum) : LEAT_OK;
}

static leat_status square_backward(const void *params, size_t ins, leat_tensor *const *in,
                                   leat_tensor *const *out, leat_tensor *const *out_grad,
                                   const bool *needed, leat_tensor **in_grad)
{
    (void)ins, (void)out;
    double scale = *(const double *)params;
    leat_tensor *d = out_grad[0];
    if (out_grad[1]) {
        leat_tensor *all = leat_expand(out_grad[1], leat_tensor_shape(in[0]));
        d = d ? leat_add(d, all) : all;
    }
    if (needed[0]) in_grad[0] = leat_mul(d, leat_scale(leat_mul(in[0], in[1]), 2 * scale));
    if (needed[1]) in_grad[1] = leat_mul(d, leat_scale(leat_mul(in[0], in[0]), scale));
    return LEAT_OK;
}

static const leat_custom_class square = {
    sizeof(leat_custom_class), "square", 2, square_shape, square_forward, square_backward};

static void record_custom(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                          leat_tensor **out)
{
    (void)s, (void)g;
    double scale = 0.5;
    leat_tensor *x[2] = {leat_sin(in[0]), in[1]};
    if (leat_custom(&square, &scale, sizeof scale, 2, x, out) != LEAT_OK) out[0] = out[1] = NULL;
}

/* ---- CHECKPOINT
 * ---------------------------------------------------------------------------------- */

/* Two results; `user` is a weight that is no input. */
static leat_status segment(leat_graph *g, void *user, leat_tensor *const *in, leat_tensor **out)
{
    leat_tensor *h = leat_tanh(leat_matmul(in[0], user));
    out[0] = leat_add(leat_matmul(h, user), in[1]);
    out[1] = leat_sum(leat_mul(h, h), 0, NULL, false);
    return leat_error_status(leat_graph_context(g));
}

static void record_checkpoint(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                              leat_tensor **out)
{
    (void)s, (void)g;
    leat_tensor *first[2], *second[2], *x[2] = {in[0], in[1]};
    if (leat_checkpoint(segment, in[2], 2, x, 2, first) != LEAT_OK) return;
    x[0] = first[0];
    if (leat_checkpoint(segment, in[2], 2, x, 2, second) != LEAT_OK) return;
    out[0] = second[0];
    out[1] = leat_mul(second[1], first[1]);
}

static void record_after(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                         leat_tensor **out)
{
    (void)s;
    leat_tensor *x[2] = {leat_exp(in[0]), leat_sin(in[1])};
    out[0] = leat_mul(leati_op1(g, LEATI_OP_AFTER, 2, x, NULL, 0), in[0]);
}

static const op_sample samples[] = {
    OP_SAMPLE(CUSTOM, "square", OP_SINGLES, record_custom,
              OP_2(OP_IN(-1, 1, 3, 4), OP_IN(-1, 1, 3, 4)), .tol = 8, .scale = 1, .gradient = true,
              .second = true),
    OP_SAMPLE(CUSTOM, "square of nothing", OP_SINGLES, record_custom,
              OP_2(OP_IN(-1, 1, 0, 4), OP_IN(-1, 1, 0, 4))),
    OP_SAMPLE(CHECKPOINT, "twice, with a weight in common", OP_SINGLES, record_checkpoint,
              OP_3(OP_IN(-1, 1, 4, 3), OP_IN(-1, 1, 3), OP_IN(-1, 1, 3, 3)), .tol = 16, .scale = 1,
              .gradient = true, .second = true),
    OP_SAMPLE(AFTER, "another value", OP_SINGLES, record_after,
              OP_2(OP_IN(-1, 1, 3), OP_IN(-1, 1, 5)), .tol = 8, .gradient = true, .second = true),
};

/* ---- SCAN, LOOP
 * -------------------------------------------------------------------------------------------------
 */

/* h' = tanh(x w + h u), y = h' h'; and n' = n + 1 */
static leat_status cell(leat_graph *g, void *user, leat_tensor *const *in, leat_tensor **out)
{
    (void)g, (void)user;
    leat_tensor *h = leat_add(leat_matmul(in[2], in[3]), leat_matmul(in[0], in[4]));
    out[0] = leat_tanh(h);
    out[1] = leat_shift(in[1], 1);
    out[2] = leat_mul(out[0], out[0]);
    return LEAT_OK;
}

/* in: h (B, H), x (T, B, I), w (I, H), u (H, H). number: backwards, the order of the outputs. */
static void record_scan(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                        leat_tensor **out)
{
    leat_tensor *state[2] = {leat_sin(in[0]), leat_scalar(g, LEAT_DTYPE_I64, 0)}, *made[3];
    leat_loop_parts p = {.states = 2,
                         .sequences = 1,
                         .others = 2,
                         .results = 1,
                         .state = state,
                         .sequence = in + 1,
                         .other = in + 2,
                         .reverse = s->number[0] != 0};
    if (leat_scan(cell, NULL, &p, made) != LEAT_OK) return;
    out[0] = made[0];
    out[1] = made[2];
    if (s->number[1]) out[0] = leat_add(made[0], leat_cast(made[1], leat_tensor_dtype(made[0])));
}

/* A running product inside a running sum. */
static leat_status inner(leat_graph *g, void *user, leat_tensor *const *in, leat_tensor **out)
{
    (void)g, (void)user;
    out[0] = leat_mul(in[0], in[1]);
    return LEAT_OK;
}

static leat_status outer(leat_graph *g, void *user, leat_tensor *const *in, leat_tensor **out)
{
    leat_tensor *one = leat_scalar(g, leat_tensor_dtype(in[0]), 1), *product;
    leat_loop_parts p = {.states = 1, .sequences = 1, .state = &one, .sequence = in + 1};
    (void)user;
    leat_status st = leat_scan(inner, NULL, &p, &product);
    out[0] = out[1] = leat_add(in[0], product);
    return st;
}

static void record_nested(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                          leat_tensor **out)
{
    leat_tensor *zero = leat_scalar(g, leat_tensor_dtype(in[0]), 0);
    leat_loop_parts p = {.states = 1, .sequences = 1, .results = 1, .state = &zero, .sequence = in};
    (void)s;
    if (leat_scan(outer, NULL, &p, out) != LEAT_OK) out[0] = out[1] = NULL;
}

/* Newton's iteration for a root, until it moves by less than a thousandth. */
static leat_status newton(leat_graph *g, void *user, leat_tensor *const *in, leat_tensor **out)
{
    (void)g, (void)user;
    leat_tensor *next = leat_scale(leat_add(in[1], leat_div(in[2], in[1])), 0.5);
    leat_tensor *moved = leat_max(leat_abs(leat_sub(next, in[1])), 0, NULL, false);
    out[0] = leat_greater(moved, leat_like(moved, 1e-3));
    out[1] = next;
    return LEAT_OK;
}

/* number: the most steps. */
static void record_loop(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                        leat_tensor **out)
{
    (void)g;
    leat_loop_parts p = {.states = 1, .others = 1, .state = in, .other = in};
    if (leat_loop(newton, NULL, &p, NULL, s->number[0], out) != LEAT_OK) out[0] = out[1] = NULL;
}

static const op_sample loops[] = {
    OP_SAMPLE(
        SCAN, "recurrent", OP_SINGLES, record_scan,
        OP_4(OP_IN(-1, 1, 2, 3), OP_IN(-1, 1, 5, 2, 4), OP_IN(-1, 1, 4, 3), OP_IN(-1, 1, 3, 3)),
        .tol = 16, .scale = 1, .gradient = true, .second = true),
    OP_SAMPLE(
        SCAN, "backwards, with a whole state", OP_SINGLES, record_scan,
        OP_4(OP_IN(-1, 1, 1, 2), OP_IN(-1, 1, 4, 1, 3), OP_IN(-1, 1, 3, 2), OP_IN(-1, 1, 2, 2)),
        .number = {1, 1}, .tol = 16, .gradient = true, .second = true),
    OP_SAMPLE(
        SCAN, "one step", OP_SINGLES, record_scan,
        OP_4(OP_IN(-1, 1, 1, 2), OP_IN(-1, 1, 1, 1, 3), OP_IN(-1, 1, 3, 2), OP_IN(-1, 1, 2, 2)),
        .tol = 16, .gradient = true),
    OP_SAMPLE(
        SCAN, "no step", OP_SINGLES, record_scan,
        OP_4(OP_IN(-1, 1, 1, 2), OP_IN(-1, 1, 0, 1, 3), OP_IN(-1, 1, 3, 2), OP_IN(-1, 1, 2, 2)),
        .tol = 4),
    OP_SAMPLE(SCAN, "a scan inside", OP_SINGLES, record_nested, OP_1(OP_IN(0.5, 1.5, 4, 3)),
              .tol = 16, .gradient = true, .second = true),
    OP_SAMPLE(LOOP, "until it rests", OP_SINGLES, record_loop, OP_1(OP_IN(1, 9, 7)),
              .number = {100}, .tol = 16),
    OP_SAMPLE(LOOP, "cut short", OP_SINGLES, record_loop, OP_1(OP_IN(1, 9, 7)), .number = {2},
              .tol = 16),
    OP_SAMPLE(LOOP, "not at all", OP_SINGLES, record_loop, OP_1(OP_IN(1, 9, 7)), .number = {0}),
};

void op_samples_user(op_visit visit, void *user)
{
    OP_VISIT(samples);
    OP_VISIT(loops);
}

/* ---- failures -----------------------------------------------------------------------------------
 */

static leat_tensor *ones(leat_graph *g, leat_shape shape, double value)
{
    return leat_expand(leat_scalar(g, LEAT_DTYPE_F32, value), shape);
}

static leat_tensor *one_input(leat_graph *g)
{
    double scale = 1;
    leat_tensor *x = ones(g, LEAT_DIMS(3), 1), *out[2];
    return leat_custom(&square, &scale, sizeof scale, 1, &x, out) == LEAT_OK ? out[0] : NULL;
}

static leat_tensor *large_sum(leat_graph *g)
{
    double scale = 1;
    leat_tensor *x[2] = {ones(g, LEAT_DIMS(3), 1e4), ones(g, LEAT_DIMS(3), 1)}, *out[2];
    return leat_custom(&square, &scale, sizeof scale, 2, x, out) == LEAT_OK ? out[0] : NULL;
}

static leat_tensor *no_forward(leat_graph *g)
{
    static const leat_custom_class broken = {sizeof broken, "broken", 1, square_shape, NULL, NULL};
    leat_tensor *x = ones(g, LEAT_DIMS(3), 1), *out;
    return leat_custom(&broken, NULL, 0, 1, &x, &out) == LEAT_OK ? out : NULL;
}

static leat_status wrong_gradient(const void *params, size_t ins, leat_tensor *const *in,
                                  leat_tensor *const *out, leat_tensor *const *out_grad,
                                  const bool *needed, leat_tensor **in_grad)
{
    (void)params, (void)ins, (void)out, (void)out_grad, (void)needed;
    in_grad[0] = leat_sum(in[0], 0, NULL, false);
    return LEAT_OK;
}

static leat_tensor *gradient_of_another_shape(leat_graph *g)
{
    static const leat_custom_class odd = {sizeof odd,   "odd",          2,
                                          square_shape, square_forward, wrong_gradient};
    double scale = 1;
    leat_tensor *x[2] = {ones(g, LEAT_DIMS(3), 1), ones(g, LEAT_DIMS(3), 1)}, *out[2], *dx;
    if (leat_custom(&odd, &scale, sizeof scale, 2, x, out) != LEAT_OK) return NULL;
    return leat_gradients(out[1], NULL, 1, x, &dx) == LEAT_OK ? dx : NULL;
}

static leat_status nothing(leat_graph *g, void *user, leat_tensor *const *in, leat_tensor **out)
{
    (void)g, (void)user, (void)in, (void)out;
    return LEAT_OK;
}

static leat_tensor *empty_segment(leat_graph *g)
{
    leat_tensor *x = ones(g, LEAT_DIMS(3), 1), *y;
    return leat_checkpoint(nothing, NULL, 1, &x, 1, &y) == LEAT_OK ? y : NULL;
}

static leat_status wider(leat_graph *g, void *user, leat_tensor *const *in, leat_tensor **out)
{
    (void)g, (void)user;
    out[0] = leat_concat(2, (leat_tensor *[]){in[0], in[0]}, 0);
    return LEAT_OK;
}

static leat_tensor *growing_state(leat_graph *g)
{
    leat_tensor *x = ones(g, LEAT_DIMS(3), 1), *y;
    leat_loop_parts p = {.states = 1, .sequences = 1, .state = &x, .sequence = &x};
    return leat_scan(wider, NULL, &p, &y) == LEAT_OK ? y : NULL;
}

static leat_tensor *uneven_sequences(leat_graph *g)
{
    leat_tensor *x[2] = {ones(g, LEAT_DIMS(3), 1), ones(g, LEAT_DIMS(4), 1)}, *y;
    leat_loop_parts p = {.states = 1, .sequences = 2, .state = x, .sequence = x};
    return leat_scan(inner, NULL, &p, &y) == LEAT_OK ? y : NULL;
}

static leat_status reaching_out(leat_graph *g, void *user, leat_tensor *const *in,
                                leat_tensor **out)
{
    (void)g, (void)in;
    out[0] = user;
    return LEAT_OK;
}

static leat_tensor *outer_tensor(leat_graph *g)
{
    leat_tensor *x = ones(g, LEAT_DIMS(3), 1), *y;
    leat_loop_parts p = {.states = 1, .sequences = 1, .state = &x, .sequence = &x};
    return leat_scan(reaching_out, x, &p, &y) == LEAT_OK ? y : NULL;
}

static leat_tensor *whole_condition(leat_graph *g)
{
    leat_tensor *x = ones(g, LEAT_DIMS(3), 1), *y[2];
    leat_loop_parts p = {.states = 1, .others = 1, .state = &x, .other = &x};
    return leat_loop(newton, NULL, &p, x, 3, y) == LEAT_OK ? y[0] : NULL;
}

static leat_tensor *gradient_of_loop(leat_graph *g)
{
    leat_tensor *x = ones(g, LEAT_DIMS(3), 2), *y[2], *dx;
    leat_loop_parts p = {.states = 1, .others = 1, .state = &x, .other = &x};
    if (leat_loop(newton, NULL, &p, NULL, 9, y) != LEAT_OK) return NULL;
    leat_tensor *sum = leat_sum(y[0], 0, NULL, false);
    return leat_gradients(sum, NULL, 1, &x, &dx) == LEAT_OK ? dx : NULL;
}

static const op_failure failures[] = {
    OP_FAILURE(SCAN, "a growing state", growing_state, SHAPE, "layer 7|scan|state 1|(3)|(6)"),
    OP_FAILURE(SCAN, "sequences of two lengths", uneven_sequences, SHAPE, "sequence 2|(4)|3"),
    OP_FAILURE(SCAN, "a tensor from outside", outer_tensor, INVALID, "another graph|its inputs"),
    OP_FAILURE(LOOP, "three conditions", whole_condition, TYPE, "layer 7|loop|f32|(3)|one bool"),
    OP_FAILURE(LOOP, "its gradient", gradient_of_loop, UNSUPPORTED, "layer 7|loop|leat_scan"),
    OP_FAILURE(CUSTOM, "one input", one_input, SHAPE, "layer 7|custom|square|two inputs"),
    OP_FAILURE(CUSTOM, "failing at run", large_sum, NUMERIC, "layer 7|custom|square|3e+08",
               .at_run = true),
    OP_FAILURE(CUSTOM, "no forward", no_forward, INVALID, "broken|forward"),
    OP_FAILURE(CUSTOM, "gradient of another shape", gradient_of_another_shape, SHAPE,
               "layer 7|odd|input 1|()|(3)"),
    OP_FAILURE(CHECKPOINT, "without results", empty_segment, INVALID, "checkpoint|no result 1"),
};

void op_failures_user(op_visit_failure visit, void *user)
{
    OP_VISIT(failures);
}
