/* A network whose depth is drawn at every step, all its inner layers sharing one matrix: the loop
 * that records it is a loop in C, and each depth is compiled once. It fits sin(3 x). Prints the
 * error of every depth; exits with 1 if the network has not learned at one of them.
 *
 *     cc random_depth.c -lleat -lm && ./a.out */
#include <leat/leat.h>

#include <math.h>
#include <stdio.h>

enum { ROWS = 64, UNITS = 32, LEAST = 1, MOST = 4, STEPS = 4000, WEIGHTS = 5 };

/* tanh(x A + a), then `depth` times tanh(h B + b), then h C. */
static leat_tensor *network(leat_tensor *x, leat_tensor *const *w, int depth)
{
    leat_tensor *h = leat_tanh(leat_add(leat_matmul(x, w[0]), w[1]));
    for (int i = 0; i < depth; i++) h = leat_tanh(leat_add(leat_matmul(h, w[2]), w[3]));
    return leat_matmul(h, w[4]);
}

/* The error at one depth; with a rate, a step of gradient descent with it. */
static leat_status visit(leat_graph *g, leat_variable **v, const float *x, const float *y,
                         int depth, double rate, float *error)
{
    leat_tensor *w[WEIGHTS], *dw[WEIGHTS], *roots[WEIGHTS + 1];
    size_t count = 1;
    leat_graph_clear(g);
    for (int i = 0; i < WEIGHTS; i++) w[i] = leat_read(v[i]);
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(ROWS, 1), x);
    leat_tensor *want = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(ROWS, 1), y);
    roots[0] = leat_mse(network(in, w, depth), want, LEAT_REDUCE_MEAN);
    if (rate > 0) {
        leat_status st = leat_gradients(roots[0], NULL, WEIGHTS, w, dw);
        if (st != LEAT_OK) return st;
        for (int i = 0; i < WEIGHTS; i++)
            roots[count++] = leat_assign(v[i], leat_sub(w[i], leat_scale(dw[i], rate)));
    }
    leat_status st = leat_run(g, count, roots);
    return st == LEAT_OK ? leat_get(roots[0], error, sizeof *error) : st;
}

static leat_status start_weights(leat_graph *g, leat_variable **v)
{
    const leat_shape shape[WEIGHTS] = {LEAT_DIMS(1, UNITS), LEAT_DIMS(UNITS),
                                       LEAT_DIMS(UNITS, UNITS), LEAT_DIMS(UNITS),
                                       LEAT_DIMS(UNITS, 1)};
    const double deviation[WEIGHTS] = {2, 1, 0.2, 0, 0.2};
    leat_tensor *roots[WEIGHTS], *key = leat_random_key(g, 1, 0);
    for (int i = 0; i < WEIGHTS; i++) {
        leat_status st = leat_variable_create(g, "weight", LEAT_DTYPE_F32, shape[i], NULL, &v[i]);
        if (st != LEAT_OK) return st;
        roots[i] = leat_assign(
            v[i], leat_random_normal(key, (uint32_t)i, LEAT_DTYPE_F32, shape[i], 0, deviation[i]));
    }
    return leat_run(g, WEIGHTS, roots);
}

static leat_status fit(leat_graph *g, float *worst)
{
    float x[ROWS], y[ROWS], error = 0;
    leat_variable *v[WEIGHTS];
    uint32_t dice = 1;
    for (int i = 0; i < ROWS; i++) {
        x[i] = 2.0f * (float)i / (ROWS - 1) - 1;
        y[i] = sinf(3 * x[i]);
    }
    leat_status st = start_weights(g, v);
    for (int k = 0; st == LEAT_OK && k < STEPS; k++) {
        dice = dice * 1664525u + 1013904223u;
        int depth = LEAST + (int)((dice >> 16) % (MOST - LEAST + 1));
        st = visit(g, v, x, y, depth, 0.05, &error);
        if (k % 500 == 0)
            printf("step %4d  depth %d  mean squared error %.5f\n", k, depth, (double)error);
    }
    for (int depth = LEAST; st == LEAT_OK && depth <= MOST; depth++) {
        st = visit(g, v, x, y, depth, 0, &error);
        printf("depth %d: mean squared error %.5f\n", depth, (double)error);
        if (error > *worst) *worst = error;
    }
    return st;
}

int main(void)
{
    leat_context *c;
    leat_graph *g = NULL;
    float worst = 0;
    if (leat_context_create(&c, NULL) != LEAT_OK) return 1;
    leat_status st = leat_graph_create(c, NULL, &g);
    if (st == LEAT_OK) st = fit(g, &worst);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leat_graph_destroy(g);
    leat_context_destroy(c);
    return st != LEAT_OK || worst > 0.05f;
}
