/* Owns: the choice of the kernel tables for a context's CPU level. Not: the probe (base/cpu.c). */
#include "base/cpu.h"
#include "kernel/kernels.h"
#include "kernel/net_kernels.h"

extern const leati_kernels leati_kernels_generic;
extern const leati_net_kernels leati_net_kernels_generic;
#if defined(__x86_64__)
extern const leati_kernels leati_kernels_v2, leati_kernels_v3, leati_kernels_v4;
extern const leati_net_kernels leati_net_kernels_v2, leati_net_kernels_v3, leati_net_kernels_v4;
#elif defined(__aarch64__)
extern const leati_kernels leati_kernels_neon;
extern const leati_net_kernels leati_net_kernels_neon;
#endif

const leati_kernels *leati_kernels_of(const leat_context *c)
{
    switch (leati_context_cpu_level(c)) {
#if defined(__x86_64__)
    case LEATI_CPU_V2: return &leati_kernels_v2;
    case LEATI_CPU_V3: return &leati_kernels_v3;
    case LEATI_CPU_V4:
    case LEATI_CPU_AMX: return &leati_kernels_v4;
#elif defined(__aarch64__)
    case LEATI_CPU_NEON: return &leati_kernels_neon;
#endif
    default: return &leati_kernels_generic;
    }
}

const leati_net_kernels *leati_net_kernels_of(const leat_context *c)
{
    switch (leati_context_cpu_level(c)) {
#if defined(__x86_64__)
    case LEATI_CPU_V2: return &leati_net_kernels_v2;
    case LEATI_CPU_V3: return &leati_net_kernels_v3;
    case LEATI_CPU_V4:
    case LEATI_CPU_AMX: return &leati_net_kernels_v4;
#elif defined(__aarch64__)
    case LEATI_CPU_NEON: return &leati_net_kernels_neon;
#endif
    default: return &leati_net_kernels_generic;
    }
}

const leati_bf16_kernels *leati_bf16_kernels_of(const leat_context *c)
{
    const leati_net_kernels *k = leati_net_kernels_of(c);
    if (leati_context_cpu_level(c) == LEATI_CPU_AMX) return k->bf16_tiles;
    return k->bf16_native && leati_cpu_has_bf16() ? k->bf16_native : k->bf16;
}

const leati_elt_table *leati_elt_table_of(const leat_context *c)
{
    return &leati_net_kernels_of(c)->elt;
}

const leati_vec *leati_vec_of(const leat_context *c)
{
    return &leati_kernels_of(c)->vec;
}

const leati_smo_pass *leati_smo_pass_of(const leat_context *c)
{
    return &leati_kernels_of(c)->smo;
}
