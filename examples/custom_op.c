/* An operation of one's own inside a trained model: a bump activation, y = x / (1 + a x^2), with
 * its own forward and backward, whose parameter a comes with the operation. A small network fits
 * sin(3 x) with it. Prints the error as it falls; exits with 1 if it does not.
 *
 *     cc custom_op.c -lleat -lm && ./a.out */
#include <leat/leat.h>

#include <math.h>
#include <stdio.h>

typedef struct bump_params {
    double a;
} bump_params;

/* The output is like the input. */
static leat_status bump_shape(leat_context *c, const void *params, size_t ins,
                              const leat_custom_operand *in, leat_custom_operand *out)
{
    (void)params;
    if (ins != 1 || in[0].dtype != LEAT_DTYPE_F32)
        return leat_error_set(c, LEAT_TYPE, "takes one f32 tensor");
    out[0] = in[0];
    return LEAT_OK;
}

static leat_status bump_forward(leat_context *c, const void *params, size_t ins,
                                const leat_custom_operand *in, leat_custom_operand *out)
{
    (void)c, (void)ins;
    const float a = (float)((const bump_params *)params)->a, *x = in[0].data;
    float *y = out[0].data;
    size_t count = 1;
    for (int i = 0; i < in[0].shape.rank; i++) count *= (size_t)in[0].shape.dim[i];
    for (size_t i = 0; i < count; i++) y[i] = x[i] / (1 + a * x[i] * x[i]);
    return LEAT_OK;
}

/* dy/dx = (1 - a x^2) / (1 + a x^2)^2, recorded as operations: every device can run it, and it has
 * a gradient itself. */
static leat_status bump_backward(const void *params, size_t ins, leat_tensor *const *in,
                                 leat_tensor *const *out, leat_tensor *const *out_grad,
                                 const bool *needed, leat_tensor **in_grad)
{
    (void)ins, (void)out, (void)needed;
    leat_tensor *square = leat_scale(leat_mul(in[0], in[0]), ((const bump_params *)params)->a);
    leat_tensor *below = leat_shift(square, 1);
    leat_tensor *slope = leat_div(leat_shift(leat_neg(square), 1), leat_mul(below, below));
    in_grad[0] = leat_mul(out_grad[0], slope);
    return LEAT_OK;
}

static const leat_custom_class bump_class = {.struct_size = sizeof(leat_custom_class),
                                             .name = "bump",
                                             .outputs = 1,
                                             .shape = bump_shape,
                                             .forward = bump_forward,
                                             .backward = bump_backward};

static leat_tensor *bump(leat_tensor *x, double a)
{
    bump_params params = {a};
    leat_tensor *y = NULL;
    return leat_custom(&bump_class, &params, sizeof params, 1, &x, &y) == LEAT_OK ? y : NULL;
}

enum { ROWS = 64, UNITS = 16, STEPS = 3000 };

/* One step of gradient descent on x -> bump(x W1 + b) W2; the mean squared error before it. */
static leat_status step(leat_graph *g, leat_variable **weights, const float *x, const float *y,
                        float *error)
{
    leat_tensor *w[3], *dw[3], *roots[4];
    leat_graph_clear(g);
    for (int i = 0; i < 3; i++) w[i] = leat_read(weights[i]);
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(ROWS, 1), x);
    leat_tensor *want = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(ROWS, 1), y);
    leat_tensor *hidden = bump(leat_add(leat_matmul(in, w[0]), w[1]), 0.5);
    leat_tensor *miss = leat_sub(leat_matmul(hidden, w[2]), want);
    roots[3] = leat_mean(leat_mul(miss, miss), 0, NULL, false);
    leat_status st = leat_gradients(roots[3], NULL, 3, w, dw);
    if (st != LEAT_OK) return st;
    for (int i = 0; i < 3; i++)
        roots[i] = leat_assign(weights[i], leat_sub(w[i], leat_scale(dw[i], 0.1)));
    st = leat_run(g, 4, roots);
    return st == LEAT_OK ? leat_get(roots[3], error, sizeof *error) : st;
}

static leat_status fit(leat_graph *g, float *error)
{
    float x[ROWS], y[ROWS], start[3][UNITS];
    leat_variable *weights[3];
    const leat_shape shapes[3] = {LEAT_DIMS(1, UNITS), LEAT_DIMS(UNITS), LEAT_DIMS(UNITS, 1)};
    for (int i = 0; i < ROWS; i++) {
        x[i] = 2.0f * (float)i / (ROWS - 1) - 1;
        y[i] = sinf(3 * x[i]);
    }
    for (int k = 0; k < UNITS; k++) {
        start[0][k] = 0.5f + 0.25f * (float)k;
        start[1][k] = 0.3f * (float)(k % 5 - 2);
        start[2][k] = 0.1f * (float)(k % 3 - 1);
    }
    for (int i = 0; i < 3; i++) {
        leat_status st =
            leat_variable_create(g, "weight", LEAT_DTYPE_F32, shapes[i], start[i], &weights[i]);
        if (st != LEAT_OK) return st;
    }
    for (int k = 0; k < STEPS; k++) {
        leat_status st = step(g, weights, x, y, error);
        if (st != LEAT_OK) return st;
        if (k % 500 == 0) printf("step %4d  mean squared error %.5f\n", k, (double)*error);
    }
    printf("step %4d  mean squared error %.5f\n", STEPS, (double)*error);
    return LEAT_OK;
}

int main(void)
{
    leat_context *c;
    leat_graph *g = NULL;
    float error = 1;
    if (leat_context_create(&c, NULL) != LEAT_OK) return 1;
    leat_status st = leat_graph_create(c, "cpu", &g);
    if (st == LEAT_OK) st = fit(g, &error);
    if (st != LEAT_OK) printf("%s\n", leat_error_message(c));
    leat_graph_destroy(g);
    leat_context_destroy(c);
    return st == LEAT_OK && error < 0.01f ? 0 : 1;
}
