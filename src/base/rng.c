/* Owns: Philox4x32-10 and the draws made from it. */
#include "base/rng.h"

#include <math.h>

void leati_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Key = seed; counter = (block low, block high, step, purpose). */
void leati_rng_init(leati_rng *rng, uint64_t seed, leati_rng_purpose purpose, uint32_t step)
{
    *rng = (leati_rng){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                       .counter = {0, 0, step, (uint32_t)purpose}};
}

void leati_rng_seek(leati_rng *rng, uint64_t block)
{
    rng->counter[0] = (uint32_t)block;
    rng->counter[1] = (uint32_t)(block >> 32);
    rng->left = 0;
}

uint32_t leati_rng_u32(leati_rng *rng)
{
    if (rng->left == 0) {
        leati_philox4x32(rng->counter, rng->key, rng->block);
        if (++rng->counter[0] == 0) rng->counter[1]++;
        rng->left = 4;
    }
    return rng->block[4 - rng->left--];
}

uint64_t leati_rng_u64(leati_rng *rng)
{
    uint64_t low = leati_rng_u32(rng);
    return low | (uint64_t)leati_rng_u32(rng) << 32;
}

/* Lemire, "Fast random integer generation in an interval", ACM TOMACS 2019, algorithm 5. */
uint32_t leati_rng_below(leati_rng *rng, uint32_t n)
{
    uint64_t product = (uint64_t)leati_rng_u32(rng) * n;
    if ((uint32_t)product < n) {
        uint32_t threshold = -n % n;
        while ((uint32_t)product < threshold) product = (uint64_t)leati_rng_u32(rng) * n;
    }
    return (uint32_t)(product >> 32);
}

double leati_rng_uniform(leati_rng *rng)
{
    return (double)(leati_rng_u64(rng) >> 11) * 0x1p-53;
}

double leati_rng_normal(leati_rng *rng)
{
    double u = 1.0 - leati_rng_uniform(rng), v = leati_rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void leati_rng_shuffle(leati_rng *rng, uint32_t *items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        uint32_t j = leati_rng_below(rng, (uint32_t)i);
        uint32_t swap = items[i - 1];
        items[i - 1] = items[j];
        items[j] = swap;
    }
}
