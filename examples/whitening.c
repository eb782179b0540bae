/* Softmax regression on Fashion-MNIST, once on pixels and once on whitened principal components:
 * features of variance 1 without correlation, on which gradient descent takes the direct way. Both
 * make the same number of steps. The components are found by orthogonal iteration (Golub and Van
 * Loan, Matrix Computations, section 8.2.4) on the covariance, all products being graphs.
 *
 *     whitening [STEPS] */
#include "steps.h"
#include <leat/leat.h>

#include <math.h>
#include <string.h>

enum { PIXELS = 784, PARTS = 196, B = 100, SWEEPS = 40 };

typedef struct sample {
    int64_t count, *label;
    float *pixels, *features; /* (count, PIXELS) from 0 to 1, (count, PARTS) */
} sample;

static leat_status load(leat_context *c, const char *name, sample *s)
{
    leat_frame *f;
    leat_status st = leat_data_load(c, &f, name, NULL);
    if (st != LEAT_OK) return st;
    size_t rows = leat_frame_rows(f);
    s->count = (int64_t)rows;
    s->pixels = malloc(rows * PIXELS * sizeof *s->pixels);
    s->features = malloc(rows * PARTS * sizeof *s->features);
    s->label = malloc(rows * sizeof *s->label);
    if (!s->pixels || !s->features || !s->label) st = LEAT_NOMEM;
    if (st == LEAT_OK) st = leat_frame_values(c, f, 0, s->pixels, rows * PIXELS);
    if (st == LEAT_OK) st = leat_frame_codes(c, f, 1, s->label, rows);
    for (size_t i = 0; st == LEAT_OK && i < rows * PIXELS; i++) s->pixels[i] /= 255;
    leat_frame_release(f);
    return st;
}

/* The rows of q (PARTS, PIXELS) made orthogonal and of length 1 by Gram and Schmidt. What is left
 * of the length of a row is its eigenvalue once the iteration stands still. */
static void straighten(float *q, double *length)
{
    for (int k = 0; k < PARTS; k++) {
        float *row = q + k * PIXELS;
        for (int j = 0; j <= k; j++) {
            const float *other = q + j * PIXELS;
            double dot = 0;
            for (int i = 0; i < PIXELS; i++) dot += (double)row[i] * (double)other[i];
            if (j == k) length[k] = sqrt(dot);
            float part = j < k ? (float)dot : (float)(1 - 1 / length[k]);
            for (int i = 0; i < PIXELS; i++) row[i] -= part * other[i];
        }
    }
}

/* features = (pixels - mean) q' */
static leat_status whiten(leat_graph *g, const float *mean, const float *q, const sample *s)
{
    leat_graph_clear(g);
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(s->count, PIXELS), s->pixels);
    leat_tensor *w = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(PARTS, PIXELS), q);
    x = leat_sub(x, leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(PIXELS), mean));
    leat_tensor *y = leat_matmul_t(x, false, w, true);
    leat_status st = leat_run(g, 1, &y);
    return st == LEAT_OK ? leat_get(y, s->features, (size_t)s->count * PARTS * sizeof(float)) : st;
}

static leat_status whiten_both(leat_graph *g, const sample *train, const sample *test)
{
    static float mean[PIXELS], q[PIXELS * PARTS];
    double length[PARTS];
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(train->count, PIXELS), train->pixels);
    leat_tensor *m = leat_mean(x, 1, (const int[]){0}, false), *d = leat_sub(x, m);
    leat_tensor *cov = leat_scale(leat_matmul_t(d, true, d, false), 1 / (double)train->count);
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(PARTS, PIXELS), q);
    leat_tensor *product = leat_matmul(in, leat_force(cov));
    leat_status st = leat_run(g, 1, &m);
    if (st == LEAT_OK) st = leat_get(m, mean, sizeof mean);
    for (int i = 0; i < PIXELS * PARTS; i++) q[i] = (float)cos(0.7 * i + i % PARTS);
    straighten(q, length);
    for (int k = 0; st == LEAT_OK && k < SWEEPS; k++) {
        st = leat_run(g, 1, &product);
        if (st == LEAT_OK) st = leat_get(product, q, sizeof q);
        straighten(q, length);
    }
    for (int i = 0; i < PIXELS * PARTS; i++) q[i] /= (float)sqrt(length[i / PIXELS]);
    if (st == LEAT_OK) st = whiten(g, mean, q, train);
    return st == LEAT_OK ? whiten(g, mean, q, test) : st;
}

/* Softmax regression by `steps` of descent on x (count, width): the share of z, the same features
 * of the test garments, that it gets right. */
static leat_status regress(leat_graph *g, int64_t width, const float *x, const float *z,
                           const sample *train, const sample *test, int steps, float *share)
{
    static float batch[B * PIXELS];
    static int64_t label[B];
    leat_network *n;
    leat_optimizer *o = NULL;
    leat_graph_clear(g);
    leat_status st = leat_network_create(g, "dense(10)", LEAT_DIMS(width), 1, &n);
    if (st != LEAT_OK) return st;
    st = leat_optimizer_create(n, "sgd", &o);
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(B, width), batch);
    leat_tensor *y = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(B), label);
    leat_tensor *loss = leat_network_loss(n, "cross_entropy", leat_network_build(n, in, true), y);
    leat_tensor *all = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(test->count, width), z);
    leat_tensor *truth = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(test->count), test->label);
    leat_tensor *answer = leat_argmax(leat_network_build(n, all, false), 1, false);
    answer = leat_cast(leat_equal(answer, truth), LEAT_DTYPE_F32);
    answer = leat_mean(answer, 0, NULL, false);
    if (st == LEAT_OK) st = leat_optimizer_record(o, loss);
    uint32_t dice = 1;
    for (int k = 0; st == LEAT_OK && k < steps; k++) {
        for (int i = 0; i < B; i++) {
            int64_t row = (dice = dice * 1664525u + 1013904223u) / 16 % train->count;
            memcpy(batch + i * width, x + row * width, (size_t)width * sizeof *x);
            label[i] = train->label[row];
        }
        st = leat_optimizer_run(o, 0.05);
    }
    if (st == LEAT_OK) st = leat_run(g, 1, &answer);
    if (st == LEAT_OK) st = leat_get(answer, share, sizeof *share);
    leat_optimizer_destroy(o);
    leat_network_destroy(n);
    return st;
}

int main(int argc, char **argv)
{
    sample a = {0}, b = {0}; /* to learn from, to test */
    leat_context *c;
    leat_graph *g = NULL;
    float plain = 0, white = 0;
    int steps = steps_of(argc, argv, 1, 300, "whitening [STEPS]");
    if (leat_context_create(&c, NULL) != LEAT_OK) return 1;
    leat_status st = load(c, "fashion-mnist:train", &a);
    if (st == LEAT_OK) st = load(c, "fashion-mnist:test", &b);
    if (st == LEAT_OK) st = leat_graph_create(c, NULL, &g);
    if (st == LEAT_OK) st = whiten_both(g, &a, &b);
    if (st == LEAT_OK) st = regress(g, PIXELS, a.pixels, b.pixels, &a, &b, steps, &plain);
    if (st == LEAT_OK) st = regress(g, PARTS, a.features, b.features, &a, &b, steps, &white);
    printf("right: %.4f on pixels, %.4f on whitened components\n", (double)plain, (double)white);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leat_graph_destroy(g);
    leat_context_destroy(c);
    free(a.pixels), free(a.features), free(a.label), free(b.pixels), free(b.features);
    free(b.label);
    return st == LEAT_UNSUPPORTED ? 4 : st != LEAT_OK || white < 0.75f; /* 4: no data here */
}
