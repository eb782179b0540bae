/* The single-layer perceptron (Rosenblatt 1958) on two species of iris: w += y - sign(w x), row by
 * row in one batch, until no row is on the wrong side. The two species can be separated by a plane,
 * so the rule must end; exits with 1 if it does not.
 *
 *     cc perceptron.c -lleat && ./a.out */
#include <leat/leat.h>

#include <stdio.h>

enum { ROWS = 100, INPUTS = 5, MOST_STEPS = 1000 }; /* four measures and a one */

/* setosa is 1, versicolor -1: the first hundred rows. */
static leat_status read_flowers(leat_context *c, float *x, float *y)
{
    leat_frame *f;
    leat_status st = leat_data_open(c, &f, "iris", NULL);
    if (st != LEAT_OK) return st;
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < INPUTS - 1; j++) {
            double v = 0;
            (void)leat_frame_number(f, j, i, &v);
            x[i * INPUTS + j] = (float)v;
        }
        x[i * INPUTS + INPUTS - 1] = 1;
        y[i] = i < ROWS / 2 ? 1 : -1;
    }
    leat_frame_release(f);
    return LEAT_OK;
}

static leat_status learn(leat_context *c, leat_graph *g, float *wrong)
{
    float x[ROWS * INPUTS], y[ROWS], weights[INPUTS];
    leat_variable *w;
    leat_status st = read_flowers(c, x, y);
    if (st != LEAT_OK) return st;
    st = leat_variable_create(g, "weights", LEAT_DTYPE_F32, LEAT_DIMS(INPUTS, 1), NULL, &w);
    if (st != LEAT_OK) return st;
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(ROWS, INPUTS), x);
    leat_tensor *want = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(ROWS, 1), y);
    leat_tensor *score = leat_mul(leat_matmul(in, leat_read(w)), want);
    leat_tensor *miss = leat_cast(leat_less_equal(score, leat_like(score, 0)), LEAT_DTYPE_F32);
    leat_tensor *change = leat_matmul_t(in, true, leat_mul(miss, want), false);
    leat_tensor *roots[] = {leat_sum(miss, 0, NULL, false),
                            leat_assign(w, leat_add(leat_read(w), leat_scale(change, 0.01)))};
    *wrong = ROWS;
    for (int step = 0; step<MOST_STEPS && * wrong> 0; step++) {
        st = leat_run(g, 2, roots);
        if (st == LEAT_OK) st = leat_get(roots[0], wrong, sizeof *wrong);
        if (st != LEAT_OK) return st;
        if (step % 5 == 0 || *wrong <= 0) printf("step %3d: %3.0f wrong\n", step, (double)*wrong);
    }
    st = leat_variable_get(w, weights, sizeof weights);
    printf("plane:");
    for (int j = 0; st == LEAT_OK && j < INPUTS; j++) printf(" %.3f", (double)weights[j]);
    printf("\n");
    return st;
}

int main(void)
{
    leat_context *c;
    leat_graph *g = NULL;
    float wrong = 0;
    if (leat_context_create(&c, NULL) != LEAT_OK) return 1;
    leat_status st = leat_graph_create(c, NULL, &g);
    if (st == LEAT_OK) st = learn(c, g, &wrong);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leat_graph_destroy(g);
    leat_context_destroy(c);
    return st != LEAT_OK || wrong > 0;
}
