/* Samples of CUSTOM, CHECKPOINT and AFTER. */
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

void op_samples_user(op_visit visit, void *user)
{
    OP_VISIT(samples);
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

static const op_failure failures[] = {
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
