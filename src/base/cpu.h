/* Which instruction set levels this machine has. */
#ifndef LEATI_BASE_CPU_H
#define LEATI_BASE_CPU_H

#include <stdbool.h>

#include <leat/context.h>

/* Ordered: a level includes those before it on the same architecture. */
typedef enum leati_cpu_level {
    LEATI_CPU_GENERIC, /* plain C */
    LEATI_CPU_V2,      /* x86-64-v2: SSE4.2 */
    LEATI_CPU_V3,      /* x86-64-v3: AVX2, FMA */
    LEATI_CPU_V4,      /* x86-64-v4: AVX-512 F, BW, CD, DQ, VL */
    LEATI_CPU_NEON,    /* arm64 */
    LEATI_CPU_AMX, /* v4 but for products of bf16, which take tiles of AMX: another order of sums */
    LEATI_CPU_LEVELS
} leati_cpu_level;

const char *leati_cpu_level_name(leati_cpu_level level);
bool leati_cpu_level_parse(const char *name, leati_cpu_level *out);
bool leati_cpu_has(leati_cpu_level level); /* on this machine */
leati_cpu_level leati_cpu_best(void);
/* The level that gives the same results where nothing is computed in bf16. */
leati_cpu_level leati_cpu_without_bf16(leati_cpu_level level);
leati_cpu_level leati_context_cpu_level(const leat_context *c);
bool leati_cpu_has_bf16(void); /* vdpbf16ps */
/* "AMD EPYC 9B45" or "" where unknown; written into `out`. */
void leati_cpu_model(char *out, size_t size);
/* " + bf16 + VNNI", "" ...: extensions beyond the level that kernels use. */
void leati_cpu_extras(char *out, size_t size);
/* Processors this process may run on, at least 1: no more than its control group has time for,
 * whose other threads would be stopped while they hold up those they work with. */
unsigned leati_cpu_count(void);
/* "150000 100000", as in a group's cpu.max: microseconds in each period. Rounded up; UINT_MAX for
 * "max" and for what cannot be read. */
unsigned leati_cpu_quota(const char *text);

#endif
