/* One row of the networks benchmark, the counterpart of bench/networks/peer_torch.py: forward
 * passes of whole models, steps and generation of a recurrent network, a chain of elementwise
 * operations. Training in epochs is network_bench's.
 *
 *   model_bench ROW [--seconds S] [--threads T] [--trace FILE] [--precision f32|bf16]
 *
 * ROW: cnn_forward_1, cnn_forward_256, bert_1, bert_8, minilm_1, minilm_8, mobilenet, resnet18,
 * lstm_train, lstm_generate, chain. Prints one JSON object with the seconds of one unit (a call, a
 * step, a token) as least and median of the runs. Two runs before, in which the plan is made, are
 * not timed. --trace writes a timeline of one run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <leat/function.h>

#include "base/mem.h"
#include "base/rng.h"
#include "clock.h"
#include "nn/network.h"
#include "tensor/shape.h"

enum { MOST_RUNS = 100000, CHARACTERS = 65, STEPS = 128, BATCH = 50, UNITS = 512, TOKENS = 100 };

typedef struct bench {
    leat_context *c;
    leat_graph *g;
    leati_network *network;
    float *x; /* the input */
    int64_t *text, *labels;
    leat_tensor *roots[16];
    size_t root_count;
    int repeat; /* units of a run */
    const char *unit;
    bool half; /* products in bf16 */
} bench;

static void stop(leat_context *c, const char *what)
{
    fprintf(stderr, "model_bench: %s%s%s\n", what, c ? ": " : "", c ? leat_error_message(c) : "");
    exit(1);
}

static void must(bench *b, leat_status st)
{
    if (st != LEAT_OK) stop(b->c, "failed");
}

static float *normal(bench *b, size_t count)
{
    leati_rng rng;
    leati_rng_init(&rng, 1, LEATI_RNG_TEST, 0);
    float *x = leati_array(b->c, count, sizeof *x);
    if (!x) stop(b->c, "input");
    for (size_t i = 0; i < count; i++) x[i] = (float)leati_rng_normal(&rng);
    return x;
}

/* ---- forward ----------------------------------------------------------------------------------
 */

static const char cnn_layers[] =
    "conv2d(32, 3, padding=same, activation=relu); max_pool2d; conv2d(64, 3, padding=same, "
    "activation=relu); max_pool2d; flatten; dense(128, activation=relu); dense(10)";

typedef struct text {
    char at[16384];
    size_t length;
} text;

static void put(text *t, const char *form, int a, int b, int c)
{
    int n = snprintf(t->at + t->length, sizeof t->at - t->length, form, a, b, c);
    if (n < 0 || (size_t)n >= sizeof t->at - t->length) stop(NULL, "room for layers");
    t->length += (size_t)n;
}

/* MobileNetV2 (Sandler et al. 2018, table 2). */
static void mobilenet(text *t)
{
    static const int stage[][4] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                   {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    int width = 32;
    put(t, "conv2d(32, 3, 2, padding=1, use_bias=false); batch_norm; relu6", 0, 0, 0);
    for (size_t s = 0; s < sizeof stage / sizeof *stage; s++)
        for (int i = 0; i < stage[s][2]; i++) {
            int stride = i ? 1 : stage[s][3];
            put(t, i ? "; residual { " : "; ", 0, 0, 0);
            if (stage[s][0] > 1)
                put(t, "conv2d(%d, 1, use_bias=false); batch_norm; relu6; ", width * stage[s][0], 0,
                    0);
            put(t, "depthwise_conv2d(3, %d, padding=1, use_bias=false); batch_norm; relu6; ",
                stride, 0, 0);
            put(t, "conv2d(%d, 1, use_bias=false); batch_norm", stage[s][1], 0, 0);
            put(t, i ? " }" : "", 0, 0, 0);
            width = stage[s][1];
        }
    put(t, "; conv2d(1280, 1, use_bias=false); batch_norm; relu6; global_average_pool; dense(1000)",
        0, 0, 0);
}

/* ResNet-18 (He et al. 2016, table 1). */
static void resnet18(text *t)
{
    static const char block[] = "conv2d(%d, 3, %d, padding=1, use_bias=false); batch_norm; relu; "
                                "conv2d(%d, 3, padding=1, use_bias=false); batch_norm";
    put(t, "conv2d(64, 7, 2, padding=3, use_bias=false); batch_norm; relu; max_pool2d(3, 2, 1)", 0,
        0, 0);
    for (int out = 64; out <= 512; out *= 2)
        for (int i = 0; i < 2; i++) {
            bool same = out == 64 || i;
            put(t, same ? "; residual { " : "; add { sequence { ", 0, 0, 0);
            put(t, block, out, same ? 1 : 2, out);
            if (!same)
                put(t, " }; sequence { conv2d(%d, 1, 2, use_bias=false); batch_norm }", out, 0, 0);
            put(t, " }; relu", 0, 0, 0);
        }
    put(t, "; global_average_pool; dense(1000)", 0, 0, 0);
}

static void encoder(text *t, int layers, int heads, int inner)
{
    put(t,
        "transformer_encoder(num_heads=%d, dim_feedforward=%d, dropout=0, activation=gelu, "
        "layers=%d)",
        heads, inner, layers);
}

static leat_tensor *build(bench *b, const char *layers, leat_shape sample, leat_tensor *x)
{
    leati_builder builder = {.graph = b->g, .context = b->c};
    must(b, leati_network_create(b->c, layers, sample, &b->network));
    must(b, leati_network_open(b->network, b->g, 1));
    builder.network = b->network;
    leat_tensor *y = leati_network_build(b->network, &builder, x);
    leati_free(builder.updates);
    return y;
}

static void forward(bench *b, const char *layers, int64_t batch, leat_shape sample)
{
    leat_shape s = sample;
    memmove(s.dim + 1, s.dim, sizeof *s.dim * (size_t)s.rank++);
    s.dim[0] = batch;
    b->x = normal(b, leati_shape_count(&s));
    b->roots[b->root_count++] = build(b, layers, sample, leat_input(b->g, LEAT_DTYPE_F32, s, b->x));
    b->unit = "call";
}

/* ---- the recurrent network --------------------------------------------------------------------
 */

static int64_t *characters(bench *b, uint64_t seed, size_t count)
{
    leati_rng rng;
    leati_rng_init(&rng, seed, LEATI_RNG_TEST, 0);
    int64_t *x = leati_array(b->c, count, sizeof *x);
    if (!x) stop(b->c, "text");
    for (size_t i = 0; i < count; i++) x[i] = leati_rng_u32(&rng) % CHARACTERS;
    return x;
}

typedef struct parts {
    leat_tensor *all, *at[16]; /* the weights in one block, and cut into matrices */
    size_t count;
    int64_t used;
} parts;

static leat_tensor *part(parts *p, int64_t rows, int64_t columns)
{
    leat_tensor *w = leat_narrow(p->all, 0, p->used, rows * columns);
    p->used += rows * columns;
    if (columns > 1) w = leat_reshape(w, LEAT_DIMS(rows, columns));
    return p->at[p->count++] = w;
}

/* RMSprop with PyTorch's defaults at rate 0.002, gradients clipped to norm 5. Characters are
 * numbers: their one-hot vectors select columns of the first layer's weights. */
static void lstm_train(bench *b)
{
    enum { WEIGHTS = 4 * UNITS * (CHARACTERS + 3 * UNITS + 2) + (UNITS + 1) * CHARACTERS };
    b->labels = characters(b, 2, BATCH * STEPS);
    b->text = characters(b, 3, BATCH * STEPS);
    float *start = normal(b, WEIGHTS);
    for (size_t i = 0; i < WEIGHTS; i++) start[i] *= 0.04F;
    leat_variable *w, *v;
    must(b, leat_variable_create(b->g, "weight", LEAT_DTYPE_F32, LEAT_DIMS(WEIGHTS), start, &w));
    must(b, leat_variable_create(b->g, "square", LEAT_DTYPE_F32, LEAT_DIMS(WEIGHTS), NULL, &v));
    leati_free(start);
    parts p = {.all = leat_read(w)};
    leat_tensor *x = leat_input(b->g, LEAT_DTYPE_I64, LEAT_DIMS(STEPS, BATCH), b->text);
    leat_tensor *y = leat_input(b->g, LEAT_DTYPE_I64, LEAT_DIMS(STEPS * BATCH), b->labels);
    for (int i = 0; i < 2; i++) {
        leat_recurrent r = leat_recurrent_default(LEAT_CELL_LSTM);
        r.w = part(&p, 4 * UNITS, i ? UNITS : CHARACTERS);
        r.r = part(&p, 4 * UNITS, UNITS);
        r.bias = part(&p, 4 * UNITS, 1);
        x = leat_recur(x, &r, NULL, NULL);
    }
    leat_tensor *out =
        leat_matmul(leat_reshape(x, LEAT_DIMS(-1, UNITS)), part(&p, UNITS, CHARACTERS));
    leat_tensor *loss = leat_cross_entropy(leat_add(out, part(&p, CHARACTERS, 1)), y, NULL);
    leat_tensor *d[16];
    must(b, leat_gradients(loss, NULL, p.count, p.at, d));
    for (size_t i = 0; i < p.count; i++) d[i] = leat_reshape(d[i], LEAT_DIMS(-1));
    leat_tensor *gradient = leat_concat(p.count, d, 0);
    leat_tensor *norm = leat_sqrt(leat_sum(leat_mul(gradient, gradient), 0, NULL, false));
    leat_tensor *clip =
        leat_minimum(leat_scale(leat_recip(leat_shift(norm, 1e-6)), 5), leat_like(norm, 1));
    gradient = leat_mul(gradient, clip);
    leat_tensor *square =
        leat_add(leat_scale(leat_read(v), 0.99), leat_scale(leat_mul(gradient, gradient), 0.01));
    leat_tensor *step = leat_div(leat_scale(gradient, 0.002), leat_shift(leat_sqrt(square), 1e-8));
    b->roots[b->root_count++] = loss;
    b->roots[b->root_count++] = leat_assign(w, leat_sub(p.all, step));
    b->roots[b->root_count++] = leat_assign(v, square);
    b->unit = "step of 6,400 tokens";
}

static leat_tensor *state(bench *b, leat_dtype type, leat_shape s, leat_variable **v)
{
    must(b, leat_variable_create(b->g, "state", type, s, NULL, v));
    return leat_read(*v);
}

static leat_tensor *weights(bench *b, leat_shape s)
{
    leat_variable *v;
    float *values = normal(b, leati_shape_count(&s));
    for (size_t i = 0; i < leati_shape_count(&s); i++) values[i] *= 0.04F;
    must(b, leat_variable_create(b->g, "weight", LEAT_DTYPE_F32, s, values, &v));
    leati_free(values);
    return leat_read(v);
}

/* A token a run; states and the token are variables. */
static void lstm_generate(bench *b)
{
    leat_variable *v[5];
    leat_tensor *x = state(b, LEAT_DTYPE_I64, LEAT_DIMS(1, 1), &v[4]);
    for (int i = 0; i < 2; i++) {
        leat_recurrent r = leat_recurrent_default(LEAT_CELL_LSTM);
        leat_tensor *h, *c;
        r.w = weights(b, LEAT_DIMS(4 * UNITS, i ? UNITS : CHARACTERS));
        r.r = weights(b, LEAT_DIMS(4 * UNITS, UNITS));
        r.bias = weights(b, LEAT_DIMS(4 * UNITS));
        r.h0 = state(b, LEAT_DTYPE_F32, LEAT_DIMS(1, UNITS), &v[2 * i]);
        r.c0 = state(b, LEAT_DTYPE_F32, LEAT_DIMS(1, UNITS), &v[2 * i + 1]);
        x = leat_recur(x, &r, &h, &c);
        b->roots[b->root_count++] = leat_assign(v[2 * i], h);
        b->roots[b->root_count++] = leat_assign(v[2 * i + 1], c);
    }
    leat_tensor *out = leat_add(
        leat_matmul(leat_reshape(x, LEAT_DIMS(1, UNITS)), weights(b, LEAT_DIMS(UNITS, CHARACTERS))),
        weights(b, LEAT_DIMS(CHARACTERS)));
    b->roots[b->root_count++] = leat_assign(v[4], leat_argmax(out, 1, true));
    b->repeat = TOKENS;
    b->unit = "token";
}

/* ---- elementwise --------------------------------------------------------------------------------
 */

static void chain(bench *b)
{
    enum { N = 10000000 };
    b->x = normal(b, 2 * (size_t)N);
    leat_tensor *x = leat_input(b->g, LEAT_DTYPE_F32, LEAT_DIMS(N), b->x);
    leat_tensor *y = leat_input(b->g, LEAT_DTYPE_F32, LEAT_DIMS(N), b->x + N);
    b->roots[b->root_count++] = leat_relu(leat_tanh(leat_sub(leat_scale(leat_add(x, y), 0.5), x)));
    b->unit = "call";
}

/* ---- timing -----------------------------------------------------------------------------------
 */

static bool begins(const char *row, const char *with)
{
    return strncmp(row, with, strlen(with)) == 0;
}

static void record(bench *b, const char *row)
{
    static text t;
    const char *last = strrchr(row, '_');
    int64_t batch = last ? atoi(last + 1) : 1;
    leat_shape image = LEAT_DIMS(224, 224, 3);
    if (begins(row, "cnn_forward_")) forward(b, cnn_layers, batch, LEAT_DIMS(28, 28, 1));
    else if (begins(row, "bert_"))
        encoder(&t, 12, 12, 3072), forward(b, t.at, batch, LEAT_DIMS(128, 768));
    else if (begins(row, "minilm_"))
        encoder(&t, 6, 12, 1536), forward(b, t.at, batch, LEAT_DIMS(128, 384));
    else if (strcmp(row, "mobilenet") == 0) mobilenet(&t), forward(b, t.at, 1, image);
    else if (strcmp(row, "resnet18") == 0) resnet18(&t), forward(b, t.at, 1, image);
    else if (strcmp(row, "lstm_train") == 0) lstm_train(b);
    else if (strcmp(row, "lstm_generate") == 0) lstm_generate(b);
    else if (strcmp(row, "chain") == 0) chain(b);
    else stop(NULL, "no such row");
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double one(bench *b)
{
    double start = now();
    for (int i = 0; i < b->repeat; i++) must(b, leat_run(b->g, b->root_count, b->roots));
    return (now() - start) / b->repeat;
}

int main(int argc, char **argv)
{
    static double times[MOST_RUNS];
    leat_context_options o = leat_context_options_default();
    bench b = {.repeat = 1};
    const char *trace = NULL;
    double budget = 2;
    size_t runs = 0;
    if (argc < 2)
        stop(NULL, "usage: model_bench ROW [--seconds S] [--threads T] [--trace FILE] "
                   "[--precision f32|bf16]");
    o.threads = 2;
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0) budget = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--threads") == 0) o.threads = (unsigned)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--trace") == 0) trace = argv[i + 1];
        else if (strcmp(argv[i], "--precision") == 0) b.half = strcmp(argv[i + 1], "bf16") == 0;
        else stop(NULL, argv[i]);
    }
    if (leat_context_create(&b.c, &o) != LEAT_OK) stop(NULL, "context");
    must(&b, leat_graph_create(b.c, "cpu", &b.g));
    if (b.half) must(&b, leat_graph_set_precision(b.g, LEAT_DTYPE_BF16));
    record(&b, argv[1]);
    one(&b);
    one(&b);
    for (double end = now() + budget; runs < MOST_RUNS && (runs < 3 || now() < end); runs++)
        times[runs] = one(&b);
    qsort(times, runs, sizeof *times, ascending);
    if (trace) {
        must(&b, leat_trace_start(b.g));
        must(&b, leat_run(b.g, b.root_count, b.roots));
        must(&b, leat_trace_write(b.g, trace));
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"row\": \"%s\", \"unit\": \"%s\", \"best\": %.9f, \"median\": %.9f, \"runs\": %zu, "
           "\"cpu\": \"%s\", \"peak_bytes\": %lld}\n",
           argv[1], b.unit, times[0], times[runs / 2], runs, leat_context_cpu(b.c),
           (long long)usage.ru_maxrss * 1024);
    leati_network_destroy(b.network);
    leat_graph_destroy(b.g);
    leati_free(b.x);
    leati_free(b.text);
    leati_free(b.labels);
    leat_context_destroy(b.c);
    return 0;
}
