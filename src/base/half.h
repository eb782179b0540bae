/* bfloat16 and IEEE half precision as 16-bit patterns; conversions round to nearest even. */
#ifndef LEATI_BASE_HALF_H
#define LEATI_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t leati_f32_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float leati_bits_f32(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline float leati_bf16_to_f32(uint16_t h)
{
    return leati_bits_f32((uint32_t)h << 16);
}

static inline uint16_t leati_f32_to_bf16(float x)
{
    uint32_t u = leati_f32_bits(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40); /* quiet NaN */
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
}

static inline float leati_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = h & 0x7fffu;
    if (rest > 0x7c00u) return leati_bits_f32(sign | 0x7fc00000u | (rest & 0x3ffu) << 13);
    if (rest == 0x7c00u) return leati_bits_f32(sign | 0x7f800000u);
    /* Shifted into place the exponent is 112 too small; the product corrects it, subnormals too. */
    float x = leati_bits_f32(rest << 13) * 0x1p112f;
    return leati_bits_f32(leati_f32_bits(x) | sign);
}

static inline uint16_t leati_f32_to_f16(float x)
{
    uint32_t u = leati_f32_bits(x), sign = u >> 16 & 0x8000u, rest = u & 0x7fffffffu;
    if (rest > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (rest >> 13 & 0x3ffu));
    if (rest >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* rounds to infinity */
    if (rest < 0x38800000u) { /* subnormal: adding 0.5 leaves the rounded bits at the end */
        float y = leati_bits_f32(rest) + 0.5f;
        return (uint16_t)(sign | (leati_f32_bits(y) - 0x3f000000u));
    }
    rest += 0xc8000fffu + (rest >> 13 & 1);
    return (uint16_t)(sign | rest >> 13);
}

#endif
