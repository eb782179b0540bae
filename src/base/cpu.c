/* Owns: the probe of the processor. Not: the choice of kernels (kernel/select.c). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "base/cpu.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

static const char *const names[LEATI_CPU_LEVELS] = {"generic", "v2", "v3", "v4", "neon", "amx"};

const char *leati_cpu_level_name(leati_cpu_level level)
{
    return names[level];
}

bool leati_cpu_level_parse(const char *name, leati_cpu_level *out)
{
    for (int i = 0; i < LEATI_CPU_LEVELS; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (leati_cpu_level)i;
            return true;
        }
    }
    return false;
}

#if defined(__x86_64__)
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define TILES_UNSEEN 1 /* what they store would count as never written */
#endif
#endif

/* Tiles, for which Linux wants to be asked: a thread's saved state grows by 8 KiB. */
static bool has_tiles(void)
{
#if defined(TILES_UNSEEN)
    return false;
#else
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18, BF16 = 1 << 22, TILES = 1 << 24 };
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & BF16) || !(d & TILES)) return false;
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#endif
}
#endif

bool leati_cpu_has(leati_cpu_level level)
{
    switch (level) {
    case LEATI_CPU_GENERIC: return true;
#if defined(__x86_64__)
    case LEATI_CPU_V2:
        return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt") &&
               __builtin_cpu_supports("ssse3");
    case LEATI_CPU_V3:
        return leati_cpu_has(LEATI_CPU_V2) && __builtin_cpu_supports("avx2") &&
               __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    case LEATI_CPU_V4:
        return leati_cpu_has(LEATI_CPU_V3) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    case LEATI_CPU_AMX: return leati_cpu_has(LEATI_CPU_V4) && leati_cpu_has_bf16() && has_tiles();
#elif defined(__aarch64__)
    case LEATI_CPU_NEON: return true;
#endif
    default: return false;
    }
}

bool leati_cpu_has_bf16(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

leati_cpu_level leati_cpu_without_bf16(leati_cpu_level level)
{
    return level == LEATI_CPU_AMX ? LEATI_CPU_V4 : level;
}

leati_cpu_level leati_cpu_best(void)
{
    for (int level = LEATI_CPU_LEVELS - 1; level > 0; level--)
        if (leati_cpu_has((leati_cpu_level)level)) return (leati_cpu_level)level;
    return LEATI_CPU_GENERIC;
}

/* The processors that the process may run on. The kernel refuses a set that has no room for all
 * of the machine's: cpu_set_t has 1,024, Linux at most 8,192. */
static unsigned allowed(void)
{
    cpu_set_t set[8];
    CPU_ZERO_S(sizeof set, set);
    int n = sched_getaffinity(0, sizeof set, set) == 0 ? CPU_COUNT_S(sizeof set, set) : 0;
    return n > 0 ? (unsigned)n : 1;
}

unsigned leati_cpu_quota(const char *text)
{
    unsigned long long quota, period;
    if (sscanf(text, "%llu %llu", &quota, &period) != 2 || period == 0) return UINT_MAX;
    unsigned long long whole = quota / period + (quota % period != 0);
    return whole < 1 ? 1 : whole > UINT_MAX ? UINT_MAX : (unsigned)whole;
}

/* Of the group that the process sees as its root, as in containers. */
static unsigned quota_of_group(void)
{
    char line[64];
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    unsigned most = f && fgets(line, sizeof line, f) ? leati_cpu_quota(line) : UINT_MAX;
    if (f) fclose(f);
    return most;
}

unsigned leati_cpu_count(void)
{
    unsigned n = allowed(), most = quota_of_group();
    return n < most ? n : most;
}

void leati_cpu_model(char *out, size_t size)
{
    char line[512];
    FILE *f = fopen("/proc/cpuinfo", "re");
    if (size) out[0] = '\0';
    if (!f) return;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "model name", 10) != 0) continue;
        char *text = strchr(line, ':');
        if (!text) continue;
        text += 1 + strspn(text + 1, " \t");
        text[strcspn(text, "\n")] = '\0';
        snprintf(out, size, "%s", text);
        break;
    }
    fclose(f);
}

void leati_cpu_extras(char *out, size_t size)
{
    snprintf(out, size, "%s", "");
#if defined(__x86_64__)
    bool bf16 = leati_cpu_has_bf16(), vnni = __builtin_cpu_supports("avx512vnni");
    snprintf(out, size, "%s%s", bf16 ? " + bf16" : "", vnni ? " + VNNI" : "");
#endif
}
