/* One estimator on Fashion-MNIST (Debian's dataset-fashion-mnist): seconds of fit and predict, and
 * accuracy.
 *
 *   fashion_bench NAME [key=value ...] [--rows N] [--test N] [--threads T] [--repeat R] [--raw]
 *                 [--f64] [--json] [--data DIR]
 *
 * Pixels are scaled to 0..1 unless --raw; the matrix is f32 unless --f64. With --repeat the
 * smallest time of each phase is printed; with --json one object, for bench/run. CPU seconds are
 * those of all threads, user and system, over all repetitions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "base/mem.h"
#include "learn/estimator.h"

enum { PIXELS = 784, CLASSES = 10 };

typedef struct options {
    const char *name, *folder;
    const char *set[32];
    int sets, repeat;
    size_t rows, test;
    unsigned threads;
    bool raw, f64, json;
} options;

typedef struct images {
    leati_matrix x;
    void *pixels; /* owned by x */
    uint32_t *label;
} images;

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void stop(leat_context *c, const char *what)
{
    fprintf(stderr, "fashion_bench: %s%s%s\n", what, c ? ": " : "", c ? leat_error_message(c) : "");
    exit(1);
}

/* The bytes of an IDX file after its header of `head` bytes. */
static uint8_t *read_idx(const char *folder, const char *file, size_t head, size_t bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    gzFile f = gzopen(path, "rb");
    uint8_t *data = malloc(head + bytes);
    if (!f || !data || gzread(f, data, (unsigned)(head + bytes)) != (int)(head + bytes))
        stop(NULL, path);
    gzclose(f);
    memmove(data, data + head, bytes);
    return data;
}

static images load(leat_context *c, const options *o, const char *split, size_t rows)
{
    char file[64];
    snprintf(file, sizeof file, "%s-images-idx3-ubyte.gz", split);
    uint8_t *bytes = read_idx(o->folder, file, 16, rows * PIXELS);
    snprintf(file, sizeof file, "%s-labels-idx1-ubyte.gz", split);
    uint8_t *labels = read_idx(o->folder, file, 8, rows);
    images m = {.x = {.rows = rows, .cols = PIXELS, .stride = PIXELS}};
    m.pixels = leati_array(c, rows * PIXELS, o->f64 ? 8 : 4);
    m.label = leati_array(c, rows, sizeof *m.label);
    if (!m.pixels || !m.label) stop(c, "load");
    float *f32 = m.pixels;
    double *f64 = m.pixels;
    for (size_t i = 0; i < rows * PIXELS; i++) {
        float v = o->raw ? (float)bytes[i] : (float)bytes[i] / 255.0f;
        if (o->f64) f64[i] = (double)v;
        else f32[i] = v;
    }
    if (o->f64) m.x.f64 = f64;
    else m.x.f32 = f32;
    for (size_t i = 0; i < rows; i++) m.label[i] = labels[i];
    free(bytes);
    free(labels);
    return m;
}

static void read_options(options *o, int argc, char **argv)
{
    *o = (options){.folder = "/usr/share/datasets/fashion-mnist",
                   .rows = 60000,
                   .test = 10000,
                   .threads = 2,
                   .repeat = 1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        if (strcmp(argv[i], "--raw") == 0) o->raw = true;
        else if (strcmp(argv[i], "--f64") == 0) o->f64 = true;
        else if (strcmp(argv[i], "--json") == 0) o->json = true;
        else if (strcmp(argv[i], "--rows") == 0) o->rows = strtoul(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--test") == 0) o->test = strtoul(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--threads") == 0) o->threads = (unsigned)atoi(value), i++;
        else if (strcmp(argv[i], "--repeat") == 0) o->repeat = atoi(value), i++;
        else if (strcmp(argv[i], "--data") == 0) o->folder = value, i++;
        else if (strchr(argv[i], '=') && o->sets < 32) o->set[o->sets++] = argv[i];
        else if (!o->name) o->name = argv[i];
        else stop(NULL, argv[i]);
    }
    if (!o->name || o->rows < 10 || o->rows > 60000 || o->test < 1 || o->test > 10000)
        stop(NULL, "usage: NAME [key=value ...] [--rows 10..60000] [--test 1..10000] [--threads T] "
                   "[--repeat R] [--raw] [--f64] [--json] [--data DIR]");
}

static leati_estimator *make(leat_context *c, const options *o)
{
    const leati_estimator_class *class = leati_estimator_class_find(o->name);
    leati_estimator *e;
    if (!class) stop(NULL, "no such estimator");
    if (leati_estimator_create(c, &e, class) != LEAT_OK) stop(c, "create");
    for (int i = 0; i < o->sets; i++) {
        char key[64];
        const char *equals = strchr(o->set[i], '=');
        snprintf(key, sizeof key, "%.*s", (int)(equals - o->set[i]), o->set[i]);
        if (leati_estimator_set(c, e, key, equals + 1) != LEAT_OK) stop(c, "set");
    }
    return e;
}

static void print_result(leat_context *c, const options *o, double fit, double predict, double cpu,
                         double accuracy, uint32_t iterations)
{
    double peak = (double)leat_context_peak_bytes(c);
    if (o->json)
        printf("{\"estimator\":\"%s\",\"cpu\":\"%s\",\"fit\":%.6f,\"predict\":%.6f,"
               "\"cpu_seconds\":%.6f,\"accuracy\":%.6f,\"iterations\":%u,\"peak_bytes\":%.0f}\n",
               o->name, leat_context_cpu(c), fit, predict, cpu, accuracy, iterations, peak);
    else
        printf("%s rows=%zu threads=%u cpu=%s fit=%.4f predict=%.4f accuracy=%.4f iterations=%u "
               "peak_mb=%.0f\n",
               o->name, o->rows, o->threads, leat_context_cpu(c), fit, predict, accuracy,
               iterations, peak / 1048576);
}

int main(int argc, char **argv)
{
    options o;
    read_options(&o, argc, argv);
    leat_context_options co = leat_context_options_default();
    co.threads = o.threads;
    leat_context *c;
    if (leat_context_create(&c, &co) != LEAT_OK) stop(NULL, "context");
    images train = load(c, &o, "train", o.rows), test = load(c, &o, "t10k", o.test);
    leati_feature *features = LEATI_NEW(c, leati_feature, PIXELS);
    double *answer = leati_array(c, o.test, sizeof *answer);
    if (!features || !answer) stop(c, "memory");
    for (int j = 0; j < PIXELS; j++) features[j].name = "pixel";
    leati_dataset d = {.x = train.x,
                       .features = features,
                       .task = LEATI_CLASSIFY,
                       .label = train.label,
                       .classes = CLASSES,
                       .seed = 1};
    leati_estimator *e = make(c, &o);
    double fit = 1e9, predict = 1e9, cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (int r = 0; r < o.repeat; r++) {
        double t0 = seconds(CLOCK_MONOTONIC);
        if (leati_estimator_fit(c, e, &d) != LEAT_OK) stop(c, "fit");
        double t1 = seconds(CLOCK_MONOTONIC);
        if (leati_estimator_predict(c, e, &test.x, answer) != LEAT_OK) stop(c, "predict");
        double t2 = seconds(CLOCK_MONOTONIC);
        if (t1 - t0 < fit) fit = t1 - t0;
        if (t2 - t1 < predict) predict = t2 - t1;
    }
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    size_t hits = 0;
    for (size_t i = 0; i < o.test; i++) hits += answer[i] == (double)test.label[i];
    print_result(c, &o, fit, predict, cpu, (double)hits / (double)o.test, e->iterations);
    leati_estimator_destroy(e);
    leati_free(train.pixels);
    leati_free(train.label);
    leati_free(test.pixels);
    leati_free(test.label);
    leati_free(features);
    leati_free(answer);
    leat_context_destroy(c);
    return 0;
}
