/* A generative adversarial network of convolutions (Radford, Metz and Chintala 2016) on
 * Fashion-MNIST: one network makes garments out of noise, another tells them from real ones, each
 * with an optimiser of its own. Writes dcgan.png: a row of garments from the same noise at ten
 * moments, from the first steps to the last.
 *
 *     dcgan [STEPS]
 */
#include "steps.h"
#include <leat/leat.h>

#include <string.h>

enum { PIXELS = 784, NOISE = 64, B = 64, SHOWN = 12, MOMENTS = 10 };

static const char generator[] =
    "dense(3136, use_bias=false); batch_norm; relu; reshape(7, 7, 64);"
    "conv2d_transpose(32, 4, strides=2, padding=same, use_bias=false); batch_norm; relu;"
    "conv2d_transpose(1, 4, strides=2, padding=same, activation=tanh)";
static const char critic[] =
    "conv2d(32, 4, strides=2, padding=same); leaky_relu;"
    "conv2d(64, 4, strides=2, padding=same, use_bias=false); batch_norm; leaky_relu;"
    "flatten; dense(1)";

typedef struct game {
    leat_context *context;
    leat_graph *graph;
    leat_network *maker, *judge;
    leat_optimizer *make, *tell;
    leat_tensor *maker_loss, *judge_loss, *sample; /* sample: of the noise that stays */
    uint64_t key[2];                               /* of the noise: seed and step */
    float real[B * PIXELS], shown[MOMENTS * SHOWN * PIXELS];
} game;

/* The mean cross-entropy of verdicts (B, 1) that all should be `truth`. */
static leat_tensor *cost(game *m, leat_tensor *verdicts, double truth)
{
    leat_tensor *want = leat_expand(leat_like(verdicts, truth), LEAT_DIMS(B, 1));
    return leat_network_loss(m->judge, "bce_with_logits", verdicts, want);
}

static leat_status record(game *m)
{
    leat_graph *g = m->graph;
    leat_shape image = LEAT_DIMS(B, 28, 28, 1);
    leat_status st = leat_network_create(g, generator, LEAT_DIMS(NOISE), 1, &m->maker);
    if (st == LEAT_OK) st = leat_network_create(g, critic, LEAT_DIMS(28, 28, 1), 2, &m->judge);
    if (st == LEAT_OK) st = leat_optimizer_create(m->maker, "adam(beta1=0.5)", &m->make);
    if (st == LEAT_OK) st = leat_optimizer_create(m->judge, "adam(beta1=0.5)", &m->tell);
    if (st != LEAT_OK) return st;
    leat_tensor *key = leat_input(g, LEAT_DTYPE_U64, LEAT_DIMS(2), m->key);
    leat_shape noise = LEAT_DIMS(B, NOISE), still = LEAT_DIMS(SHOWN, NOISE);
    leat_tensor *z = leat_random_normal(key, 0, LEAT_DTYPE_F32, noise, 0, 1);
    leat_tensor *z0 = leat_random_normal(leat_random_key(g, 7, 0), 0, LEAT_DTYPE_F32, still, 0, 1);
    leat_tensor *made = leat_network_build(m->maker, z, true);
    leat_tensor *seen = leat_input(g, LEAT_DTYPE_F32, image, m->real);
    leat_tensor *real = leat_network_build(m->judge, seen, true);
    leat_tensor *fake = leat_network_build(m->judge, made, true);
    m->judge_loss = leat_add(cost(m, real, 0.9), cost(m, fake, 0));
    m->maker_loss = cost(m, fake, 1);
    m->sample = leat_network_build(m->maker, z0, false);
    st = leat_optimizer_record(m->tell, m->judge_loss);
    return st == LEAT_OK ? leat_optimizer_record(m->make, m->maker_loss) : st;
}

static leat_status look(game *m, int moment)
{
    float *to = m->shown + moment * SHOWN * PIXELS;
    leat_status st = leat_run(m->graph, 1, &m->sample);
    return st == LEAT_OK ? leat_get(m->sample, to, SHOWN * PIXELS * sizeof *to) : st;
}

/* The moments lie closer together at the beginning: at steps (1, 4, 9, ..., 100)%. */
static leat_status play(game *m, const float *pixels, size_t rows, int steps)
{
    uint32_t dice = 1;
    float judge = 0, maker = 0;
    leat_status st = LEAT_OK;
    for (int k = 1, moment = 0; st == LEAT_OK && k <= steps; k++) {
        for (int i = 0; i < B; i++) {
            dice = dice * 1664525u + 1013904223u;
            const float *from = pixels + (dice >> 4) % rows * PIXELS;
            memcpy(m->real + i * PIXELS, from, PIXELS * sizeof *from);
        }
        m->key[1]++;
        st = leat_optimizer_run(m->tell, 0.0002);
        if (st == LEAT_OK) st = leat_get(m->judge_loss, &judge, sizeof judge);
        if (st == LEAT_OK) st = leat_optimizer_run(m->make, 0.0002);
        if (st == LEAT_OK) st = leat_get(m->maker_loss, &maker, sizeof maker);
        if (k * MOMENTS * MOMENTS < (moment + 1) * (moment + 1) * steps) continue;
        printf("step %6d  loss of the critic %.3f, of the generator %.3f\n", k, (double)judge,
               (double)maker);
        fflush(stdout);
        if (st == LEAT_OK) st = look(m, moment++);
    }
    if (st != LEAT_OK) return st;
    return leat_image_write(m->context, "dcgan.png", m->shown,
                            LEAT_DIMS(MOMENTS * SHOWN, 28, 28, 1), SHOWN, 1, -1);
}

/* Pixels from -1 to 1; to be freed. */
static leat_status load(leat_context *c, float **pixels, size_t *rows)
{
    leat_frame *f;
    leat_status st = leat_data_load(c, &f, "fashion-mnist:train", NULL);
    if (st != LEAT_OK) return st;
    *rows = leat_frame_rows(f);
    *pixels = malloc(*rows * PIXELS * sizeof **pixels);
    st = *pixels ? leat_frame_values(c, f, 0, *pixels, *rows * PIXELS) : LEAT_NOMEM;
    for (size_t i = 0; st == LEAT_OK && i < *rows * PIXELS; i++)
        (*pixels)[i] = (*pixels)[i] / 127.5f - 1;
    leat_frame_release(f);
    return st;
}

int main(int argc, char **argv)
{
    static game m = {.key = {3}};
    float *pixels = NULL;
    size_t rows = 0;
    int steps = steps_of(argc, argv, 1, 30, "dcgan [STEPS]");
    if (leat_context_create(&m.context, NULL) != LEAT_OK) return 1;
    leat_status st = load(m.context, &pixels, &rows);
    if (st == LEAT_OK) st = leat_graph_create(m.context, NULL, &m.graph);
    if (st == LEAT_OK) st = record(&m);
    if (st == LEAT_OK) st = play(&m, pixels, rows, steps);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(m.context));
    leat_optimizer_destroy(m.make);
    leat_optimizer_destroy(m.tell);
    leat_network_destroy(m.maker);
    leat_network_destroy(m.judge);
    leat_graph_destroy(m.graph);
    leat_context_destroy(m.context);
    free(pixels);
    return st == LEAT_UNSUPPORTED ? 4 : st != LEAT_OK; /* 4: no data here */
}
