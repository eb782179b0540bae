/* Linear regression by gradient descent: the width of an iris petal from its length. The answer is
 * compared with the least squares line in closed form; exits with 1 if they differ.
 *
 *     cc linear_regression.c -lleat -lm && ./a.out */
#include <leat/leat.h>

#include <math.h>
#include <stdio.h>

enum { ROWS = 150, LENGTH = 2, WIDTH = 3, STEPS = 4000 };

static leat_status read_petals(leat_context *c, double *x, double *y)
{
    leat_frame *f;
    leat_status st = leat_data_open(c, &f, "iris", NULL);
    if (st != LEAT_OK) return st;
    for (size_t i = 0; i < ROWS; i++) {
        (void)leat_frame_number(f, LENGTH, i, &x[i]);
        (void)leat_frame_number(f, WIDTH, i, &y[i]);
    }
    leat_frame_release(f);
    return LEAT_OK;
}

static void closed_form(const double *x, const double *y, double *slope, double *base)
{
    double mx = 0, my = 0, xy = 0, xx = 0;
    for (int i = 0; i < ROWS; i++) mx += x[i] / ROWS, my += y[i] / ROWS;
    for (int i = 0; i < ROWS; i++) {
        xy += (x[i] - mx) * (y[i] - my);
        xx += (x[i] - mx) * (x[i] - mx);
    }
    *slope = xy / xx;
    *base = my - *slope * mx;
}

static leat_status descend(leat_context *c, leat_graph *g, double *difference)
{
    double x[ROWS], y[ROWS], slope, base, found[2], error;
    leat_variable *v[2];
    leat_status st = read_petals(c, x, y);
    if (st != LEAT_OK) return st;
    for (int i = 0; i < 2; i++) {
        st =
            leat_variable_create(g, i ? "base" : "slope", LEAT_DTYPE_F64, LEAT_SCALAR, NULL, &v[i]);
        if (st != LEAT_OK) return st;
    }
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(ROWS), x);
    leat_tensor *want = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(ROWS), y);
    leat_tensor *p[2] = {leat_read(v[0]), leat_read(v[1])}, *dp[2];
    leat_tensor *line = leat_add(leat_mul(in, p[0]), p[1]);
    leat_tensor *loss = leat_mse(line, want, LEAT_REDUCE_MEAN);
    st = leat_gradients(loss, NULL, 2, p, dp);
    if (st != LEAT_OK) return st;
    leat_tensor *roots[3] = {loss};
    for (int i = 0; i < 2; i++)
        roots[i + 1] = leat_assign(v[i], leat_sub(p[i], leat_scale(dp[i], 0.05)));
    for (int step = 0; step <= STEPS; step++) {
        st = leat_run(g, 3, roots);
        if (st == LEAT_OK) st = leat_get(loss, &error, sizeof error);
        if (st != LEAT_OK) return st;
        if (step % 1000 == 0) printf("step %4d  mean squared error %.6f\n", step, error);
    }
    for (int i = 0; i < 2 && st == LEAT_OK; i++)
        st = leat_variable_get(v[i], &found[i], sizeof found[i]);
    if (st != LEAT_OK) return st;
    closed_form(x, y, &slope, &base);
    printf("gradient descent: width = %.6f length %+.6f\n", found[0], found[1]);
    printf("least squares:    width = %.6f length %+.6f\n", slope, base);
    *difference = fabs(found[0] - slope) + fabs(found[1] - base);
    return LEAT_OK;
}

int main(void)
{
    leat_context *c;
    leat_graph *g = NULL;
    double difference = 1;
    if (leat_context_create(&c, NULL) != LEAT_OK) return 1;
    leat_status st = leat_graph_create(c, NULL, &g);
    if (st == LEAT_OK) st = descend(c, g, &difference);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leat_graph_destroy(g);
    leat_context_destroy(c);
    return st != LEAT_OK || difference > 1e-6;
}
