/* What this machine can do, for the fractions of it that other benchmarks print: multiplications
 * and additions in f32 and in bf16 by loops that touch registers alone, and bytes from and to
 * memory. peak_bench [threads [seconds]]: a JSON object; the best round of each, all threads
 * together. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/context.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "clock.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { TURNS = 20000, FLOATS = 24 << 20 }; /* arrays of 96 MB: more than caches hold */

typedef double (*turns_fn)(void); /* multiplications and additions that it made */

typedef struct job {
    turns_fn run;
    double flops;
    const float *x, *y;
    float *out;
    size_t tasks;
} job;

/* ---- arithmetic ---------------------------------------------------------------------------------
 * As many sums at once as hide that one waits for the one before; volatile: they are taken. */

#define SUMS(type, count, start, step, width)                                                      \
    type s[count];                                                                                 \
    for (int i = 0; i < (count); i++) s[i] = start;                                                \
    for (int turn = 0; turn < TURNS; turn++)                                                       \
        _Pragma("GCC unroll 24") for (int i = 0; i < (count); i++) step;                           \
    for (int i = 1; i < (count); i++) s[0] += s[i];                                                \
    volatile float taken = s[0][0];                                                                \
    (void)taken;                                                                                   \
    return 2.0 * (width) * (count)*TURNS

typedef float vec4 __attribute__((vector_size(16)));

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static double f32_v4(void)
{
    const __m512 m = _mm512_set1_ps(0.5f);
    SUMS(__m512, 24, m, s[i] = _mm512_fmadd_ps(s[i], m, m), 16);
}

__attribute__((target("avx2,fma"))) static double f32_v3(void)
{
    const __m256 m = _mm256_set1_ps(0.5f);
    SUMS(__m256, 12, m, s[i] = _mm256_fmadd_ps(s[i], m, m), 8);
}

__attribute__((target("avx512f,avx512bf16"))) static double bf16_v4(void)
{
    const __m512bh m = (__m512bh)_mm512_set1_epi32(0);
    SUMS(__m512, 24, _mm512_setzero_ps(), s[i] = _mm512_dpbf16_ps(s[i], m, m), 32);
}

/* Four sums of 16 x 16 from tiles of 16 x 32: what a block of products does. */
static double bf16_amx(void)
{
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } shape = {.palette = 1};
    for (int i = 0; i < 8; i++) shape.bytes[i] = 64, shape.rows[i] = 16;
    __asm__ volatile("ldtilecfg %0" ::"m"(shape));
    __asm__ volatile("tilezero %tmm0; tilezero %tmm1; tilezero %tmm2; tilezero %tmm3;"
                     "tilezero %tmm4; tilezero %tmm5; tilezero %tmm6; tilezero %tmm7");
    for (int turn = 0; turn < TURNS / 16; turn++)
        __asm__ volatile("tdpbf16ps %tmm6, %tmm4, %tmm0; tdpbf16ps %tmm7, %tmm4, %tmm1;"
                         "tdpbf16ps %tmm6, %tmm5, %tmm2; tdpbf16ps %tmm7, %tmm5, %tmm3");
    __asm__ volatile("tilerelease");
    return 4 * 2.0 * 16 * 16 * 32 * (TURNS / 16);
}
#endif

static double f32_plain(void)
{
#if defined(__aarch64__)
    const vec4 m = {0.5f, 0.5f, 0.5f, 0.5f};
    SUMS(vec4, 24, m, s[i] = (vec4)vfmaq_f32((float32x4_t)m, (float32x4_t)s[i], (float32x4_t)m), 4);
#else
    const vec4 m = {0.5f, 0.5f, 0.5f, 0.5f};
    SUMS(vec4, 12, m, s[i] = s[i] * m + m, 4);
#endif
}

static turns_fn f32_of(leati_cpu_level level)
{
#if defined(__x86_64__)
    if (level == LEATI_CPU_V4 || level == LEATI_CPU_AMX) return f32_v4;
    if (level == LEATI_CPU_V3) return f32_v3;
#endif
    (void)level;
    return f32_plain;
}

/* NULL: no instructions for it. */
static turns_fn bf16_of(leati_cpu_level level)
{
#if defined(__x86_64__)
    if (level == LEATI_CPU_AMX) return bf16_amx;
    if (level == LEATI_CPU_V4 && leati_cpu_has_bf16()) return bf16_v4;
#endif
    (void)level;
    return NULL;
}

static void compute(void *arg, size_t task, unsigned worker)
{
    job *j = arg;
    double flops = j->run();
    (void)worker;
    if (task == 0) j->flops = flops * (double)j->tasks;
}

/* ---- memory -------------------------------------------------------------------------------------
 */

/* Two arrays are read and a third is written, past the caches where there is a way. */
static void move(void *arg, size_t task, unsigned worker)
{
    job *j = arg;
    size_t end = FLOATS / j->tasks * (task + 1) / 16 * 16;
    (void)worker;
    for (size_t i = FLOATS / j->tasks * task / 16 * 16; i < end; i += 4) {
        vec4 sum =
            *(const vec4 *)(const void *)(j->x + i) + *(const vec4 *)(const void *)(j->y + i);
#if defined(__x86_64__)
        _mm_stream_ps(j->out + i, (__m128)sum);
#else
        *(vec4 *)(void *)(j->out + i) = sum;
#endif
    }
}

/* ---- timing -------------------------------------------------------------------------------------
 */

static double least(leat_context *c, job *j, leati_task_fn run, double seconds)
{
    double best = 1e9, end = now() + seconds;
    do {
        double start = now();
        leati_parallel(c, j->tasks, run, j);
        double took = now() - start;
        if (took < best) best = took;
    } while (now() < end);
    return best;
}

static double flops_of(leat_context *c, job *j, turns_fn run, double seconds)
{
    j->run = run;
    double best = least(c, j, compute, seconds);
    return j->flops / best;
}

static float *array(void)
{
    float *a = aligned_alloc(64, FLOATS * sizeof *a);
    if (!a) {
        fprintf(stderr, "peak_bench: no room for three arrays of 96 MB\n");
        exit(1);
    }
    memset(a, 0, FLOATS * sizeof *a);
    return a;
}

int main(int argc, char **argv)
{
    static job j;
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    double seconds = argc > 2 ? atof(argv[2]) : 1;
    if (argc > 1) o.threads = (unsigned)strtoul(argv[1], NULL, 10);
    if (!(seconds > 0) || leat_context_create(&c, &o) != LEAT_OK) {
        fprintf(stderr, "usage: peak_bench [threads [seconds]]\n");
        return 2;
    }
    leati_cpu_level level = leati_context_cpu_level(c);
    turns_fn half = bf16_of(level);
    j.tasks = (size_t)leat_context_threads(c);
    printf("{\"threads\": %zu, \"cpu\": \"%s\", \"f32\": %.4g, \"bf16\": ", j.tasks,
           leati_cpu_level_name(level), flops_of(c, &j, f32_of(level), seconds));
    if (half) printf("%.4g", flops_of(c, &j, half, seconds));
    else printf("null");
    float *x = array(), *y = array(), *out = array();
    j.x = x, j.y = y, j.out = out;
    double bytes = (double)FLOATS * sizeof *x;
    printf(", \"bytes\": %.4g}\n", 3 * bytes / least(c, &j, move, seconds));
    free(x);
    free(y);
    free(out);
    leat_context_destroy(c);
    return 0;
}
