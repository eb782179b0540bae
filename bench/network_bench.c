/* Training steps of small networks: microseconds of a step and seconds of an epoch.
 *
 *   network_bench [--layers TEXT] [--inputs N] [--classes N] [--rows N] [--batch N] [--epochs N]
 *                 [--optimizer TEXT] [--threads T] [--repeat R] [--fashion] [--json] [--data DIR]
 *                 [--trace FILE] [--bf16]
 *
 * Without --layers: the tiny network 4-16-3 at batch 16, and with --fashion the network 784-128-10
 * on Fashion-MNIST (Debian's dataset-fashion-mnist) with its accuracy on the test images. Data are
 * in memory; the smallest time of all epochs is printed. --trace writes a timeline of the steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "clock.h"
#include "nn/network_session.h"
#include "nn/trainer.h"
#include "tensor/shape.h"

typedef struct options {
    const char *layers, *folder, *optimizer, *trace;
    size_t inputs, classes, rows, batch, epochs;
    unsigned threads;
    int repeat;
    bool fashion, json, bf16;
} options;

typedef struct samples {
    leati_matrix x;
    float *values;
    uint32_t *label;
} samples;

static void stop(leat_context *c, const char *what)
{
    fprintf(stderr, "network_bench: %s%s%s\n", what, c ? ": " : "", c ? leat_error_message(c) : "");
    exit(1);
}

static samples allocate(leat_context *c, size_t rows, size_t cols)
{
    samples s = {.x = {.rows = rows, .cols = cols, .stride = cols}};
    s.values = leati_array(c, rows * cols, sizeof *s.values);
    s.label = leati_array(c, rows, sizeof *s.label);
    if (!s.values || !s.label) stop(c, "samples");
    s.x.f32 = s.values;
    return s;
}

static samples make_random(leat_context *c, const options *o)
{
    samples s = allocate(c, o->rows, o->inputs);
    leati_rng rng;
    leati_rng_init(&rng, 1, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < o->rows; i++) {
        s.label[i] = (uint32_t)(i % o->classes);
        for (size_t k = 0; k < o->inputs; k++)
            s.values[i * o->inputs + k] =
                (float)leati_rng_normal(&rng) + (k % o->classes == s.label[i] ? 1 : 0);
    }
    return s;
}

static void read_idx(const options *o, const char *file, size_t head, uint8_t *out, size_t bytes)
{
    char path[512];
    uint8_t skipped[16];
    snprintf(path, sizeof path, "%s/%s", o->folder, file);
    gzFile f = gzopen(path, "rb");
    if (!f || gzread(f, skipped, (unsigned)head) != (int)head ||
        gzread(f, out, (unsigned)bytes) != (int)bytes)
        stop(NULL, path);
    gzclose(f);
}

static samples load(leat_context *c, const options *o, const char *split, size_t rows)
{
    char file[64];
    samples s = allocate(c, rows, 784);
    uint8_t *bytes = leati_array(c, rows, 784);
    if (!bytes) stop(c, "images");
    snprintf(file, sizeof file, "%s-images-idx3-ubyte.gz", split);
    read_idx(o, file, 16, bytes, rows * 784);
    for (size_t i = 0; i < rows * 784; i++) s.values[i] = (float)bytes[i] / 255.0f;
    snprintf(file, sizeof file, "%s-labels-idx1-ubyte.gz", split);
    read_idx(o, file, 8, bytes, rows);
    for (size_t i = 0; i < rows; i++) s.label[i] = bytes[i];
    leati_free(bytes);
    return s;
}

static void read_options(options *o, int argc, char **argv)
{
    *o = (options){.folder = "/usr/share/datasets/fashion-mnist",
                   .optimizer = "adam",
                   .epochs = 3,
                   .threads = 2,
                   .repeat = 1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        if (strcmp(argv[i], "--fashion") == 0) o->fashion = true;
        else if (strcmp(argv[i], "--bf16") == 0) o->bf16 = true;
        else if (strcmp(argv[i], "--json") == 0) o->json = true;
        else if (strcmp(argv[i], "--layers") == 0) o->layers = value, i++;
        else if (strcmp(argv[i], "--data") == 0) o->folder = value, i++;
        else if (strcmp(argv[i], "--trace") == 0) o->trace = value, i++;
        else if (strcmp(argv[i], "--optimizer") == 0) o->optimizer = value, i++;
        else if (strcmp(argv[i], "--inputs") == 0) o->inputs = strtoul(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--classes") == 0) o->classes = strtoul(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--rows") == 0) o->rows = strtoul(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--batch") == 0) o->batch = strtoul(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--epochs") == 0) o->epochs = strtoul(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--threads") == 0) o->threads = (unsigned)atoi(value), i++;
        else if (strcmp(argv[i], "--repeat") == 0) o->repeat = atoi(value), i++;
        else stop(NULL, argv[i]);
    }
    if (o->fashion) o->inputs = 784, o->classes = 10;
    if (!o->layers) o->layers = o->fashion ? "dense(128, activation=relu)" : "dense(16, relu)";
    if (!o->inputs) o->inputs = 4;
    if (!o->classes) o->classes = 3;
    if (!o->rows) o->rows = o->fashion ? 60000 : 16000;
    if (!o->batch) o->batch = o->fashion ? 32 : 16;
}

typedef struct result {
    double epoch, first, accuracy, loss;
    char weights[65]; /* SHA-256 of the last ones: equal for any number of threads */
} result;

static leat_status hash_weights(leat_context *c, const leati_network *n, char out[65])
{
    size_t bytes = n->trained_count * sizeof(float);
    float *w = leati_alloc(c, bytes);
    if (!w) return LEAT_NOMEM;
    leat_status st = leat_variable_get(n->trained, w, bytes);
    if (st == LEAT_OK) leati_sha256_hex(w, bytes, out);
    leati_free(w);
    return st;
}

/* The share of rows whose class a session with the weights of n finds. */
static leat_status measure_accuracy(leat_context *c, const leati_network *n, const char *layers,
                                    bool half, const samples *test, double *out)
{
    size_t hits = 0, states = n->state_count * sizeof(float);
    leati_network *same;
    leati_network_session *s = NULL;
    double *p = leati_array(c, test->x.rows, sizeof *p);
    float *w = leati_array(c, n->trained_count + n->state_count + 1, sizeof *w);
    leat_status st = p && w ? LEAT_OK : LEAT_NOMEM;
    LEATI_GO(st);
    LEATI_GO(leat_variable_get(n->trained, w, n->trained_count * sizeof *w));
    LEATI_GO(leat_variable_get(n->states, w + n->trained_count, states));
    LEATI_GO(leati_network_create(c, layers, n->input, &same));
    leati_session_of of = {w, w + n->trained_count, half, LEATI_OUTPUTS_LOGITS, NULL};
    LEATI_GO(leati_network_session_create(c, same, &of, &s));
    LEATI_GO(leati_network_session_run(c, s, &test->x, LEATI_ANSWER_CLASS, p));
    for (size_t i = 0; i < test->x.rows; i++) hits += p[i] == test->label[i];
    *out = (double)hits / (double)test->x.rows;
out:
    leati_network_session_destroy(s);
    leati_free(w);
    leati_free(p);
    return st;
}

static leat_status train(leat_context *c, const options *o, const samples *data,
                         const samples *test, result *r)
{
    char text[4096];
    leati_network *n;
    leati_optimizer *optimizer;
    leat_graph *g;
    leati_history h;
    leati_dataset d = {.x = data->x,
                       .task = LEATI_CLASSIFY,
                       .label = data->label,
                       .classes = (uint32_t)o->classes,
                       .seed = 1};
    leati_loss *loss;
    leati_train_options t = {.epochs = o->epochs,
                             .batch_size = o->batch,
                             .learning_rate = 0.001,
                             .half = o->bf16,
                             .seed = 1,
                             .what = "bench"};
    snprintf(text, sizeof text, "%s; dense(%zu)", o->layers, o->classes);
    double start = now();
    if (leati_loss_parse(c, "cross_entropy", &loss) != LEAT_OK) return leat_error_status(c);
    t.loss = loss;
    if (leati_network_create(c, text, LEAT_DIMS((int64_t)o->inputs), &n) != LEAT_OK ||
        leati_optimizer_parse(c, o->optimizer, &optimizer) != LEAT_OK ||
        leat_graph_create(c, "cpu", &g) != LEAT_OK || leati_network_open(n, g, 1) != LEAT_OK ||
        (o->trace && leat_trace_start(g) != LEAT_OK) ||
        leati_train(c, n, optimizer, &d, &t, &h) != LEAT_OK ||
        (o->trace && leat_trace_write(g, o->trace) != LEAT_OK))
        return leat_error_status(c);
    double all = now() - start;
    for (size_t i = 0; i < h.count; i++) {
        if (h.epoch[i].seconds < r->epoch) r->epoch = h.epoch[i].seconds;
        all -= h.epoch[i].seconds;
    }
    if (all < r->first) r->first = all;
    r->loss = h.epoch[h.count - 1].loss;
    LEATI_TRY(hash_weights(c, n, r->weights));
    if (test && measure_accuracy(c, n, text, o->bf16, test, &r->accuracy) != LEAT_OK)
        return leat_error_status(c);
    leati_history_fini(&h);
    leati_network_destroy(n);
    leat_graph_destroy(g);
    leati_free(optimizer);
    leati_free(loss);
    return LEAT_OK;
}

int main(int argc, char **argv)
{
    options o;
    read_options(&o, argc, argv);
    leat_context_options co = leat_context_options_default();
    co.threads = o.threads;
    leat_context *c;
    if (leat_context_create(&c, &co) != LEAT_OK) stop(NULL, "context");
    samples data = o.fashion ? load(c, &o, "train", o.rows) : make_random(c, &o), test = {0};
    if (o.fashion) test = load(c, &o, "t10k", 10000);
    result r = {.epoch = 1e9, .first = 1e9};
    for (int i = 0; i < o.repeat; i++)
        if (train(c, &o, &data, o.fashion ? &test : NULL, &r) != LEAT_OK) stop(c, "train");
    size_t steps = (o.rows + o.batch - 1) / o.batch;
    const char *form =
        o.json ? "{\"layers\":\"%s\",\"batch\":%zu,\"threads\":%u,\"cpu\":\"%s\",\"step_us\":%.3f,"
                 "\"epoch\":%.6f,\"setup\":%.6f,\"loss\":%.6f,\"accuracy\":%.4f,\"peak\":%.0f,"
                 "\"weights\":\"%s\"}\n"
               : "%s batch=%zu threads=%u cpu=%s step=%.2f us epoch=%.4f s setup=%.4f s "
                 "loss=%.4f accuracy=%.4f peak=%.0f bytes weights=%s\n";
    printf(form, o.layers, o.batch, o.threads, leat_context_cpu(c), 1e6 * r.epoch / (double)steps,
           r.epoch, r.first, r.loss, r.accuracy, (double)leat_context_peak_bytes(c), r.weights);
    leati_free(data.values);
    leati_free(data.label);
    leati_free(test.values);
    leati_free(test.label);
    leat_context_destroy(c);
    return 0;
}
