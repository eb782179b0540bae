/* Floats of 4 and 8 bits as bit patterns: OCP 8-bit floating point (E4M3, E5M2, 2023), its variants
 * without infinities and negative zero (FNUZ), and the E2M1 and E8M0 of OCP Microscaling (2023). */
#ifndef LEATI_ONNX_SMALL_FLOATS_H
#define LEATI_ONNX_SMALL_FLOATS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct leati_small_float {
    int32_t element; /* leati_onnx_element */
    int bits, mantissa, bias;
    bool infinite;      /* has infinities, as IEEE */
    bool unsigned_zero; /* FNUZ: 0x80 is the only NaN */
    bool has_nan;
    double largest; /* finite */
} leati_small_float;

/* NULL for types that are none. */
const leati_small_float *leati_small_float_of(int32_t element);
double leati_small_float_get(const leati_small_float *f, uint8_t bits);
/* To nearest, halves to even. What is beyond the largest becomes it when saturating, else infinity
 * or NaN. */
uint8_t leati_small_float_put(const leati_small_float *f, float value, bool saturate);

#endif
