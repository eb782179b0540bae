/* Owns: floats of 4 and 8 bits. */
#include "onnx/small_floats.h"

#include <math.h>
#include <stddef.h>

#include "model/onnx_proto.h"

static const leati_small_float formats[] = {
    {LEATI_ONNX_FLOAT8E4M3FN, 8, 3, 7, false, false, true, 448},
    {LEATI_ONNX_FLOAT8E4M3FNUZ, 8, 3, 8, false, true, true, 240},
    {LEATI_ONNX_FLOAT8E5M2, 8, 2, 15, true, false, true, 57344},
    {LEATI_ONNX_FLOAT8E5M2FNUZ, 8, 2, 16, false, true, true, 57344},
    {LEATI_ONNX_FLOAT4E2M1, 4, 1, 1, false, false, false, 6},
    {LEATI_ONNX_FLOAT8E8M0, 8, 0, 127, false, false, true, 0x1p127},
};

const leati_small_float *leati_small_float_of(int32_t element)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].element == element) return &formats[i];
    return NULL;
}

double leati_small_float_get(const leati_small_float *f, uint8_t bits)
{
    if (f->mantissa == 0) return bits == 255 ? (double)NAN : ldexp(1, bits - f->bias);
    unsigned sign = bits >> (f->bits - 1) & 1, rest = bits & ((1u << (f->bits - 1)) - 1);
    unsigned exponent = rest >> f->mantissa, fraction = rest & ((1u << f->mantissa) - 1);
    unsigned top = (1u << (f->bits - 1 - f->mantissa)) - 1;
    if (f->unsigned_zero && sign && rest == 0) return (double)NAN;
    if (f->infinite && exponent == top) {
        if (fraction) return (double)NAN;
        return sign ? -(double)INFINITY : (double)INFINITY;
    }
    if (f->element == LEATI_ONNX_FLOAT8E4M3FN && rest == 0x7f) return (double)NAN;
    double x = exponent ? ldexp(1 + ldexp(fraction, -f->mantissa), (int)exponent - f->bias)
                        : ldexp(fraction, 1 - f->bias - f->mantissa);
    return sign ? -x : x;
}

/* A power of two, at or above. */
static uint8_t put_exponent(const leati_small_float *f, float value)
{
    int e;
    if (isnan(value) || value < 0) return 255;
    if (isinf(value)) return 254;
    double m = frexp((double)value, &e); /* value = m 2^e, m in [0.5, 1) */
    if (m <= 0) return 0;
    int code = e - 1 + f->bias + (m >= 0.75);
    return (uint8_t)(code < 0 ? 0 : code > 254 ? 254 : code);
}

uint8_t leati_small_float_put(const leati_small_float *f, float value, bool saturate)
{
    if (f->mantissa == 0) return put_exponent(f, value);
    uint8_t sign = (uint8_t)(signbit(value) ? 1u << (f->bits - 1) : 0);
    uint8_t largest = 0, nan = f->unsigned_zero ? 0x80 : (uint8_t)(sign | 0x7f);
    double x = fabs((double)value);
    for (unsigned b = 1u << (f->bits - 1); b-- > 0;) {
        if (leati_small_float_get(f, (uint8_t)b) != f->largest) continue;
        largest = (uint8_t)b;
        break;
    }
    if (isnan(value)) return f->has_nan ? nan : (uint8_t)0;
    /* The distance of neighbours at x; x / step is exact. */
    int e;
    (void)frexp(x, &e);
    int lowest = 1 - f->bias - f->mantissa, step = e - 1 - f->mantissa;
    if (step < lowest) step = lowest;
    double rounded = isinf(x) ? x : ldexp(rint(ldexp(x, -step)), step);
    if (rounded > f->largest) {
        if (saturate || !f->has_nan) return (uint8_t)(sign | largest);
        return f->infinite ? (uint8_t)(sign | 0x7c) : nan;
    }
    if (rounded == 0) return f->unsigned_zero ? 0 : sign;
    (void)frexp(rounded, &e);
    int exponent = e - 1 + f->bias;
    unsigned code =
        exponent <= 0
            ? (unsigned)ldexp(rounded, -lowest)
            : (unsigned)exponent << f->mantissa |
                  ((unsigned)ldexp(rounded, f->mantissa - (e - 1)) & ((1u << f->mantissa) - 1));
    return (uint8_t)(sign | code);
}
