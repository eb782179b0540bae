/* An autoencoder: 784 pixels of Fashion-MNIST to 2 numbers and back. Prints how far the garments
 * that it has not seen are from what comes back, and writes two pictures: autoencoder.png
 * (garments, below them what comes back) and autoencoder-plane.png (what the decoder makes of the
 * plane of the 2 numbers).
 *
 *     autoencoder [STEPS] */
#include "steps.h"
#include <leat/leat.h>

#include <math.h>
#include <string.h>

enum { PIXELS = 784, B = 128, SHOWN = 10, GRID = 16 };

/* The code stands before what is made of it: 2 + 784 outputs. */
static const char layers[] = "dense(256, relu); dense(64, relu); dense(2); concat { identity; "
                             "sequence { dense(64, relu); dense(256, relu); dense(784) } }";

typedef struct garments {
    size_t count;
    float *pixels; /* (count, PIXELS), 0 to 1 */
} garments;

static leat_status load(leat_context *c, const char *name, garments *m)
{
    leat_frame *f;
    leat_status st = leat_data_load(c, &f, name, NULL);
    if (st != LEAT_OK) return st;
    m->count = leat_frame_rows(f);
    m->pixels = malloc(m->count * PIXELS * sizeof *m->pixels);
    if (!m->pixels) st = LEAT_NOMEM;
    if (st == LEAT_OK) st = leat_frame_values(c, f, 0, m->pixels, m->count * PIXELS);
    for (size_t i = 0; st == LEAT_OK && i < m->count * PIXELS; i++) m->pixels[i] /= 255;
    leat_frame_release(f);
    return st;
}

static leat_status learn(leat_graph *g, leat_network *n, const garments *m, int steps)
{
    static float batch[B * PIXELS];
    uint32_t dice = 1;
    float value;
    leat_optimizer *o;
    leat_status st = leat_optimizer_create(n, "adam", &o);
    if (st != LEAT_OK) return st;
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(B, PIXELS), batch);
    leat_tensor *y = leat_narrow(leat_network_build(n, x, true), 1, 2, PIXELS);
    leat_tensor *loss = leat_network_loss(n, "bce_with_logits", y, x);
    st = leat_optimizer_record(o, loss);
    for (int k = 0; st == LEAT_OK && k < steps; k++) {
        for (int i = 0; i < B; i++) {
            size_t row = (dice = dice * 1664525u + 1013904223u) / 16 % m->count;
            memcpy(batch + i * PIXELS, m->pixels + row * PIXELS, PIXELS * sizeof *batch);
        }
        st = leat_optimizer_run(o, 0.001 * (1 + cos(3.14159265 * k / steps)) / 2);
        if (st == LEAT_OK) st = leat_get(loss, &value, sizeof value);
        if (k % 1000 == 0) printf("step %5d  cross-entropy of a pixel %.4f\n", k, (double)value);
    }
    leat_optimizer_destroy(o);
    return st;
}

/* The decoder's half of the network, by its weights: codes (n, 2) -> pixels (n, PIXELS). */
static leat_tensor *decode(leat_network *n, leat_tensor *x)
{
    for (size_t i = 6; leat_network_variable(n, i); i += 2) {
        x = leat_matmul(x, leat_read(leat_network_variable(n, i)));
        x = leat_add(x, leat_read(leat_network_variable(n, i + 1)));
        x = leat_network_variable(n, i + 2) ? leat_relu(x) : leat_sigmoid(x);
    }
    return x;
}

static leat_status draw_plane(leat_graph *g, leat_network *n, const double *middle,
                              const double *reach)
{
    static float codes[GRID * GRID * 2], pixels[GRID * GRID * PIXELS];
    for (int i = 0; i < GRID * GRID; i++) {
        codes[2 * i] = (float)(middle[0] + reach[0] * (2.0 * (i % GRID) / (GRID - 1) - 1));
        codes[2 * i + 1] = (float)(middle[1] + reach[1] * (1 - 2.0 * (i / GRID) / (GRID - 1)));
    }
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(GRID * GRID, 2), codes);
    leat_tensor *y = decode(n, x);
    leat_status st = leat_run(g, 1, &y);
    if (st == LEAT_OK) st = leat_get(y, pixels, sizeof pixels);
    if (st != LEAT_OK) return st;
    return leat_image_write(leat_graph_context(g), "autoencoder-plane.png", pixels,
                            LEAT_DIMS(GRID * GRID, 28, 28, 1), GRID, 1, 0);
}

/* The test garments there and back; *share: their squared error by that of the mean garment. */
static leat_status show(leat_graph *g, leat_network *n, const garments *m, double *share)
{
    size_t count = m->count * PIXELS;
    float *back = malloc(count * sizeof *back), *code = malloc(m->count * 2 * sizeof *code);
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS((int64_t)m->count, PIXELS), m->pixels);
    leat_tensor *y = leat_network_build(n, x, false);
    leat_tensor *roots[] = {leat_sigmoid(leat_narrow(y, 1, 2, PIXELS)), leat_narrow(y, 1, 0, 2),
                            leat_mean(x, 1, (const int[]){0}, true)};
    double middle[2] = {0}, reach[2] = {0}, error = 0, spread = 0;
    float mean[PIXELS], shown[2 * SHOWN * PIXELS];
    leat_status st = back && code ? leat_run(g, 3, roots) : LEAT_NOMEM;
    if (st == LEAT_OK) st = leat_get(roots[0], back, count * sizeof *back);
    if (st == LEAT_OK) st = leat_get(roots[1], code, m->count * 2 * sizeof *code);
    if (st == LEAT_OK) st = leat_get(roots[2], mean, sizeof mean);
    for (size_t i = 0; st == LEAT_OK && i < count; i++) {
        error += pow((double)m->pixels[i] - (double)back[i], 2);
        spread += pow((double)m->pixels[i] - (double)mean[i % PIXELS], 2);
    }
    for (size_t i = 0; st == LEAT_OK && i < 2 * m->count; i++) {
        middle[i % 2] += (double)code[i] / (double)m->count;
        reach[i % 2] += (double)code[i] * (double)code[i] / (double)m->count;
    }
    for (int k = 0; k < 2; k++) reach[k] = 1.6 * sqrt(reach[k] - middle[k] * middle[k]);
    if (st == LEAT_OK) st = draw_plane(g, n, middle, reach);
    if (st == LEAT_OK) {
        memcpy(shown, m->pixels, sizeof shown / 2);
        memcpy(shown + SHOWN * PIXELS, back, sizeof shown / 2);
        st = leat_image_write(leat_graph_context(g), "autoencoder.png", shown,
                              LEAT_DIMS(2 * SHOWN, 28, 28, 1), SHOWN, 1, 0);
    }
    *share = error / spread;
    printf("test garments: mean squared error %.4f, %.2f of that of the mean garment\n",
           error / (double)count, *share);
    free(back), free(code);
    return st;
}

int main(int argc, char **argv)
{
    garments train = {0}, test = {0};
    leat_context *c;
    leat_graph *g = NULL;
    leat_network *n = NULL;
    double share = 1;
    int steps = steps_of(argc, argv, 1, 300, "autoencoder [STEPS]");
    if (leat_context_create(&c, NULL) != LEAT_OK) return 1;
    leat_status st = load(c, "fashion-mnist:train", &train);
    if (st == LEAT_OK) st = load(c, "fashion-mnist:test", &test);
    if (st == LEAT_OK) st = leat_graph_create(c, NULL, &g);
    if (st == LEAT_OK) st = leat_network_create(g, layers, LEAT_DIMS(PIXELS), 1, &n);
    if (st == LEAT_OK) st = learn(g, n, &train, steps);
    if (st == LEAT_OK) st = show(g, n, &test, &share);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leat_network_destroy(n);
    leat_graph_destroy(g);
    leat_context_destroy(c);
    free(train.pixels), free(test.pixels);
    return st == LEAT_UNSUPPORTED ? 4 : st != LEAT_OK || share > 0.8; /* 4: no data here */
}
