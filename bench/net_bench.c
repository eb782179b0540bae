/* Kernels of networks but convolutions (conv_bench): best time, and the rate of arithmetic or of
 * memory (each operand counted once).
 *
 *   net_bench [--threads 1,2] [--rounds 20] [--only TEXT]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <leat/context.h>

#include "kernel/attention.h"
#include "kernel/channels.h"
#include "kernel/net_kernels.h"
#include "kernel/net_step.h"
#include "kernel/pool2d.h"
#include "kernel/product.h"
#include "kernel/rows.h"

enum { ARRAYS = 8, ELEMENTS = 16 << 20 };

typedef struct bench {
    leat_context *c;
    float *x[ARRAYS];
    float *workspace;
    const char *only;
    int rounds;
    size_t m, n, k; /* of the kernel at hand */
} bench;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void time_of(bench *b, const char *name, double work, const char *unit,
                    void (*run)(bench *b))
{
    double best = HUGE_VAL;
    if (b->only && !strstr(name, b->only)) return;
    for (int r = 0; r < b->rounds; r++) {
        double start = now(), each;
        int repeats = 0;
        do run(b);
        while (++repeats < 5 || now() - start < 2e-3);
        each = (now() - start) / repeats;
        if (each < best) best = each;
    }
    printf("  %-34s %10.2f us %8.1f %s\n", name, best * 1e6, work / best * 1e-9, unit);
}

static leati_product product_of(const bench *b)
{
    leati_product p =
        leati_product_default(false, true, b->m, b->n, b->k, b->x[0], b->x[1], b->x[2]);
    p.column_bias = b->x[3];
    return p;
}

static void product_plain(bench *b)
{
    leati_product p = product_of(b);
    leati_product_run(b->c, &p, b->workspace);
}

static void product_packed(bench *b)
{
    leati_product p = product_of(b);
    p.packed_b = b->x[4];
    leati_product_run(b->c, &p, b->workspace);
}

static void product_bf16(bench *b)
{
    leati_product p = product_of(b);
    p.packed_bf16 = (const uint32_t *)(const void *)b->x[5];
    leati_product_run(b->c, &p, b->workspace);
}

static void products(bench *b)
{
    static const size_t shapes[][3] = {{16, 16, 4},     {32, 128, 784},   {1, 768, 768},
                                       {128, 768, 768}, {128, 3072, 768}, {128, 768, 3072},
                                       {50, 2048, 512}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char name[64];
        b->m = shapes[i][0], b->n = shapes[i][1], b->k = shapes[i][2];
        double work = 2.0 * (double)(b->m * b->n * b->k);
        leati_product_pack(b->c, true, b->n, b->k, b->x[1], b->k, b->x[4]);
        leati_product_pack_bf16(b->c, true, b->n, b->k, b->x[1], b->k, (uint32_t *)b->x[5]);
        snprintf(name, sizeof name, "product %zux%zux%zu", b->m, b->n, b->k);
        time_of(b, name, work, "GFLOP/s", product_plain);
        snprintf(name, sizeof name, "product %zux%zux%zu packed", b->m, b->n, b->k);
        time_of(b, name, work, "GFLOP/s", product_packed);
        snprintf(name, sizeof name, "product %zux%zux%zu bf16", b->m, b->n, b->k);
        time_of(b, name, work, "GFLOP/s", product_bf16);
    }
}

/* m sequences, n heads of 64, k tokens. */
static leati_attention attention_of(const bench *b)
{
    leati_attention_layout l = {b->k * b->n * 64, 64, b->n * 64};
    return (leati_attention){.batch = b->m,
                             .heads = b->n,
                             .queries = b->k,
                             .keys = b->k,
                             .width = 64,
                             .value_width = 64,
                             .q = l,
                             .k = l,
                             .v = l,
                             .out = l,
                             .scale = 0.125f};
}

static void attention_forward(bench *b)
{
    leati_attention a = attention_of(b);
    leati_attention_forward(b->c, &a, b->x[0], b->x[1], b->x[2], b->x[3], b->x[7], b->workspace);
}

static void attention_backward(bench *b)
{
    leati_attention a = attention_of(b);
    leati_attention_backward(b->c, &a, b->x[0], b->x[1], b->x[2], b->x[3], b->x[7], b->x[3],
                             b->x[4], b->x[5], b->x[6], b->workspace);
}

static void attentions(bench *b)
{
    static const size_t shapes[][3] = {{1, 12, 128}, {8, 12, 128}, {1, 8, 1024}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char name[64];
        b->m = shapes[i][0], b->n = shapes[i][1], b->k = shapes[i][2];
        double work = 4.0 * 64 * (double)(b->m * b->n * b->k * b->k);
        leati_attention a = attention_of(b);
        if (leati_attention_bytes(b->c, &a) > ELEMENTS * sizeof(float)) continue;
        snprintf(name, sizeof name, "attention %zux%zux%zux64", b->m, b->n, b->k);
        time_of(b, name, work, "GFLOP/s", attention_forward);
        snprintf(name, sizeof name, "attention %zux%zux%zux64 back", b->m, b->n, b->k);
        time_of(b, name, 2.5 * work, "GFLOP/s", attention_backward);
    }
}

static void softmax(bench *b)
{
    leati_softmax(b->c, false, b->m, b->n, b->x[0], b->x[1]);
}

static void norm(bench *b)
{
    leati_norm_forward(b->c, false, b->m, b->n, b->x[0], b->x[1], b->x[2], 1e-5f, b->x[3], b->x[4],
                       b->x[5]);
}

static void gelu(bench *b)
{
    leati_activation_forward(b->c, LEATI_ACT_GELU, b->m * b->n, b->x[0], b->x[1]);
}

static void tanhs(bench *b)
{
    leati_activation_forward(b->c, LEATI_ACT_TANH, b->m * b->n, b->x[0], b->x[1]);
}

static void adam(bench *b)
{
    leati_adam o = {1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f, 1, 1e30f, 0.5f, 0.5f, true};
    leati_adam_step(b->c, &o, b->m * b->n, b->x[0], b->x[1], b->x[2], b->x[3]);
}

static void lstm(bench *b)
{
    const leati_net_kernels *k = leati_net_kernels_of(b->c);
    size_t n = b->n;
    k->lstm_rows(&(leati_lstm_rows){b->m, n, n, 4 * n, b->x[0], b->x[1], n, 4 * n, b->x[1], b->x[3],
                                    b->x[3], n, b->x[2], b->x[3], n, false});
}

static leati_pool2d pool_of(void)
{
    return (leati_pool2d){32, 28, 28, 32, 14, 14, 2, 2, 2, 2, 1, 1, 0, 0, false, false};
}

static void pool(bench *b)
{
    leati_pool2d p = pool_of();
    leati_pool2d_forward(b->c, &p, b->x[0], b->x[1]);
}

static void pool_back(bench *b)
{
    leati_pool2d p = pool_of();
    leati_pool2d_backward(b->c, &p, b->x[0], b->x[1], b->x[2], b->x[3]);
}

static void moments(bench *b)
{
    leati_channel_moments(b->c, b->m, b->n, b->x[0], b->x[1], b->x[2], b->workspace);
}

/* Rows of b->n: `bytes` moved per element. */
static void rows_of(bench *b, const char *name, size_t m, size_t n, double bytes,
                    void (*run)(bench *b))
{
    b->m = m, b->n = n;
    time_of(b, name, bytes * (double)(m * n), "GB/s", run);
}

static void run_all(bench *b, int threads)
{
    leat_context_options o = leat_context_options_default();
    o.threads = (unsigned)threads;
    if (leat_context_create(&b->c, &o) != LEAT_OK) exit(1);
    printf("%d thread%s, level %s\n", threads, threads > 1 ? "s" : "", leat_context_cpu(b->c));
    products(b);
    attentions(b);
    rows_of(b, "softmax 1536x128", 1536, 128, 8, softmax);
    rows_of(b, "layer norm 128x768", 128, 768, 8, norm);
    rows_of(b, "gelu 128x3072", 128, 3072, 8, gelu);
    rows_of(b, "tanh 10M", 10000, 1000, 8, tanhs);
    rows_of(b, "AdamW 101770", 1, 101770, 28, adam);
    rows_of(b, "AdamW 10M", 10000, 1000, 28, adam);
    rows_of(b, "LSTM gates 50x512", 50, 512, 44, lstm);
    rows_of(b, "max pool 32x28x28x32", 32 * 28 * 28, 32, 5, pool);
    rows_of(b, "max pool 32x28x28x32 back", 32 * 28 * 28, 32, 10, pool_back);
    rows_of(b, "channel moments 25088x64", 25088, 64, 4, moments);
    leat_context_destroy(b->c);
}

static float *array(size_t n)
{
    float *x = aligned_alloc(64, n * sizeof *x);
    if (!x) exit(1);
    for (size_t i = 0; i < n; i++) x[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
    return x;
}

int main(int argc, char **argv)
{
    const char *threads = "1,2";
    bench b = {.rounds = 20};
    for (int i = 1; i < argc; i++) {
        if (i + 1 < argc && strcmp(argv[i], "--threads") == 0) threads = argv[++i];
        else if (i + 1 < argc && strcmp(argv[i], "--rounds") == 0) b.rounds = atoi(argv[++i]);
        else if (i + 1 < argc && strcmp(argv[i], "--only") == 0) b.only = argv[++i];
        else {
            fprintf(stderr, "usage: net_bench [--threads 1,2] [--rounds 20] [--only TEXT]\n");
            return 2;
        }
    }
    for (int i = 0; i < ARRAYS; i++) b.x[i] = array(ELEMENTS);
    b.workspace = array(ELEMENTS);
    for (const char *t = threads; *t; t += strcspn(t, ","), t += *t == ',') run_all(&b, atoi(t));
    for (int i = 0; i < ARRAYS; i++) free(b.x[i]);
    free(b.workspace);
    return 0;
}
