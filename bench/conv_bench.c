/* Convolutions: GFLOP/s of forward, gradient of data and gradient of weights, and the fraction of
 * the peak, which the program measures between the shapes with a loop of independent FMAs in the
 * product kernel's own tile (a product that lies in the first-level cache).
 *
 *   conv_bench [--threads 1,2] [--rounds 5] [--only TEXT] [--plain] [--bf16]
 *
 * With --bf16 the fraction is that of twice the peak. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <leat/context.h>

#include "kernel/conv.h"

typedef struct shape {
    const char *name;
    leati_conv v;
} shape;

/* batch, in_h, in_w, in_c, out_c, groups, kernel, stride, dilation, padding */
#define C3(n, side, in, out, stride)                                                               \
    {                                                                                              \
        n, side, side, in, out, 1, 3, 3, stride, stride, 1, 1, 1, 1, 1, 1, false, false            \
    }
#define C1(n, side, in, out, stride)                                                               \
    {                                                                                              \
        n, side, side, in, out, 1, 1, 1, stride, stride, 1, 1, 0, 0, 0, 0, false, false            \
    }
#define DW(n, side, channels, stride)                                                              \
    {                                                                                              \
        n, side, side, channels, channels, channels, 3, 3, stride, stride, 1, 1, 1, 1, 1, 1,       \
            false, false                                                                           \
    }

static const shape shapes[] = {
    {"fashion 1, batch 32", C3(32, 28, 1, 32, 1)},
    {"fashion 2, batch 32", C3(32, 14, 32, 64, 1)},
    {"fashion 1, batch 128", C3(128, 28, 1, 32, 1)},
    {"fashion 2, batch 128", C3(128, 14, 32, 64, 1)},
    {"fashion 2, batch 1", C3(1, 14, 32, 64, 1)},
    {"resnet 7x7 3-64", {1, 224, 224, 3, 64, 1, 7, 7, 2, 2, 1, 1, 3, 3, 3, 3, false, false}},
    {"resnet 56 64-64", C3(1, 56, 64, 64, 1)},
    {"resnet 56 64-128 /2", C3(1, 56, 64, 128, 2)},
    {"resnet 28 128-128", C3(1, 28, 128, 128, 1)},
    {"resnet 14 256-256", C3(1, 14, 256, 256, 1)},
    {"resnet 7 512-512", C3(1, 7, 512, 512, 1)},
    {"resnet 56 64-128 1x1 /2", C1(1, 56, 64, 128, 2)},
    {"resnet 56 64-64, batch 8", C3(8, 56, 64, 64, 1)},
    {"resnet 7 512-512, batch 8", C3(8, 7, 512, 512, 1)},
    {"mobile 224 3-32 /2", C3(1, 224, 3, 32, 2)},
    {"mobile 112 32-16 1x1", C1(1, 112, 32, 16, 1)},
    {"mobile 112 16-96 1x1", C1(1, 112, 16, 96, 1)},
    {"mobile 56 144-24 1x1", C1(1, 56, 144, 24, 1)},
    {"mobile 28 32-192 1x1", C1(1, 28, 32, 192, 1)},
    {"mobile 14 96-576 1x1", C1(1, 14, 96, 576, 1)},
    {"mobile 14 576-96 1x1", C1(1, 14, 576, 96, 1)},
    {"mobile 7 320-1280 1x1", C1(1, 7, 320, 1280, 1)},
    {"mobile 112 dw 32", DW(1, 112, 32, 1)},
    {"mobile 112 dw 96 /2", DW(1, 112, 96, 2)},
    {"mobile 56 dw 144", DW(1, 56, 144, 1)},
    {"mobile 14 dw 576", DW(1, 14, 576, 1)},
    {"mobile 7 dw 960", DW(1, 7, 960, 1)}};

enum { FORWARD, BACK_DATA, BACK_WEIGHTS, PEAK, PARTS };

typedef struct options {
    const char *only;
    int rounds;
    bool plain, half;
} options;

typedef struct bench {
    leat_context *context;
    leati_conv_plan p, peak;
    float *x, *y, *w, *dx, *dy, *dw, *b, *packed, *back;
    float *peak_x, *peak_y, *peak_packed;
    void *workspace, *peak_workspace;
    double best[PARTS];
} bench;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *array(size_t n)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 127) / 64 * 64);
    if (!x) exit(1);
    for (size_t i = 0; i < n; i++) x[i] = (float)(i * 2654435761u % 1000) / 1000 - 0.5f;
    return x;
}

static void run_part(bench *b, int part)
{
    leati_conv_epilogue e = {b->b, NULL, LEATI_ACT_RELU};
    switch (part) {
    case FORWARD:
        leati_conv_forward(b->context, &b->p, b->x, b->packed, &e, b->y, b->workspace);
        return;
    case BACK_DATA:
        leati_conv_backward_data(b->context, &b->p, b->dy, b->back, false, b->dx, b->workspace);
        return;
    case BACK_WEIGHTS:
        leati_conv_backward_weights(b->context, &b->p, b->x, b->dy, b->dw, b->b, b->workspace);
        return;
    default:
        leati_conv_forward(b->context, &b->peak, b->peak_x, b->peak_packed, NULL, b->peak_y,
                           b->peak_workspace);
    }
}

static void time_part(bench *b, int part)
{
    run_part(b, part);
    for (double end = now() + 0.02;;) {
        double start = now();
        run_part(b, part);
        double stop = now();
        if (stop - start < b->best[part]) b->best[part] = stop - start;
        if (stop > end) return;
    }
}

static double flops(const leati_conv_plan *p)
{
    const leati_conv *v = &p->conv;
    return 2.0 * (double)(v->batch * p->out_h * p->out_w * v->out_c) *
           (double)(v->in_c / v->groups * v->kernel_h * v->kernel_w);
}

static void run_shape(bench *b, const shape *s, const options *o)
{
    leati_conv conv = s->v;
    const leati_conv *v = &conv;
    conv.plain = o->plain;
    conv.half = o->half;
    if (leati_conv_plan_make(b->context, v, &b->p) != LEAT_OK) exit(1);
    size_t nx = v->batch * v->in_h * v->in_w * v->in_c;
    size_t ny = v->batch * b->p.out_h * b->p.out_w * v->out_c, bytes = b->p.forward_bytes;
    if (b->p.back_data_bytes > bytes) bytes = b->p.back_data_bytes;
    if (b->p.back_weights_bytes > bytes) bytes = b->p.back_weights_bytes;
    float **all[] = {&b->x, &b->y, &b->w, &b->dx, &b->dy, &b->dw, &b->b, &b->packed, &b->back};
    size_t sizes[] = {nx,       ny,          b->p.weights,    nx, ny, b->p.weights,
                      v->out_c, b->p.packed, b->p.packed_back};
    for (int i = 0; i < 9; i++) *all[i] = array(sizes[i]);
    b->workspace = array(bytes / sizeof(float));
    leati_conv_pack(b->context, &b->p, b->w, b->packed);
    leati_conv_pack_back(b->context, &b->p, b->w, b->back);
    for (int i = 0; i < PARTS; i++) b->best[i] = HUGE_VAL;
    for (int r = 0; r < o->rounds; r++)
        for (int i = 0; i < PARTS; i++) time_part(b, i);
    double peak = (o->half ? 2 : 1) * flops(&b->peak) / b->best[PEAK];
    printf("%-26s%s", s->name, b->p.winograd ? " W" : "  ");
    for (int i = 0; i < PEAK; i++) {
        double rate = flops(&b->p) / b->best[i];
        printf("  %7.1f us %6.1f  %3.0f%%", b->best[i] * 1e6, rate * 1e-9, 100 * rate / peak);
    }
    printf("   peak %.0f\n", peak * 1e-9);
    fflush(stdout);
    for (int i = 0; i < 9; i++) free(*all[i]);
    free(b->workspace);
}

static void run_all(int threads, const options *run)
{
    leat_context_options o = leat_context_options_default();
    /* 14 pixels a line, 14 lines, long sums: all of it in the first two levels of cache. */
    leati_conv peak = leati_conv_default(16 * (size_t)threads, 1, 28, 512, 32, 1, 1);
    bench b = {0};
    o.threads = (unsigned)threads;
    if (leat_context_create(&b.context, &o) != LEAT_OK) exit(1);
    peak.in_c = 528;
    if (leati_conv_plan_make(b.context, &peak, &b.peak) != LEAT_OK) exit(1);
    b.peak_x = array(peak.batch * 28 * peak.in_c);
    b.peak_y = array(peak.batch * 28 * peak.out_c);
    b.peak_packed = array(b.peak.packed);
    b.peak_workspace = array(b.peak.forward_bytes / sizeof(float) + 16);
    printf("%d thread%s, level %s: forward, gradient of data, gradient of weights\n", threads,
           threads > 1 ? "s" : "", leat_context_cpu(b.context));
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (!run->only || strstr(shapes[i].name, run->only)) run_shape(&b, &shapes[i], run);
    free(b.peak_x);
    free(b.peak_y);
    free(b.peak_packed);
    free(b.peak_workspace);
    leat_context_destroy(b.context);
}

int main(int argc, char **argv)
{
    const char *threads = "1,2";
    options o = {.rounds = 5};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--plain") == 0) o.plain = true;
        else if (strcmp(argv[i], "--bf16") == 0) o.half = true;
        else if (i + 1 < argc && strcmp(argv[i], "--threads") == 0) threads = argv[++i];
        else if (i + 1 < argc && strcmp(argv[i], "--rounds") == 0) o.rounds = atoi(argv[++i]);
        else if (i + 1 < argc && strcmp(argv[i], "--only") == 0) o.only = argv[++i];
        else {
            fprintf(stderr,
                    "usage: conv_bench [--threads 1,2] [--rounds 5] [--only TEXT] [--plain] "
                    "[--bf16]\n");
            return 2;
        }
    }
    for (const char *t = threads; *t; t += strcspn(t, ","), t += *t == ',') run_all(atoi(t), &o);
    return 0;
}
