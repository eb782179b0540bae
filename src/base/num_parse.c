/* Owns: decimal text to numbers, correctly rounded and independent of the locale. */
#include <math.h>
#include <string.h>

#include "base/num.h"
#include "base/num_scan.h"

__extension__ typedef unsigned __int128 wide;

enum {
    MANTISSA_BITS = 52,
    EXPONENT_BIAS = 1023,
    EXPONENT_INF = 2047,
    DIGITS = 19,       /* that surely fit 64 bits */
    MORE_DIGITS = 768, /* no half-way point between doubles has more (767) */
    LIMBS = 176,       /* 32 bits each: the largest product of decide_half */
    EXPONENT_CAP = 100000
};

bool leati_int_parse(const char *text, size_t length, int64_t *out)
{
    size_t i = length && (text[0] == '-' || text[0] == '+');
    bool negative = length && text[0] == '-';
    uint64_t value = 0;
    if (i == length) return false;
    for (; i < length; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    if (value > (uint64_t)INT64_MAX + negative) return false;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

static double from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static uint64_t to_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* w * 5**q to 128 bits; the second product only where the first leaves the rounding open. */
static wide approximate(uint64_t w, int64_t q)
{
    const uint64_t *power = leati_powers[q - LEATI_POWER_LEAST];
    wide first = (wide)w * power[0];
    uint64_t open = UINT64_MAX >> (MANTISSA_BITS + 3);
    if (((uint64_t)(first >> 64) & open) == open) first += (wide)w * power[1] >> 64;
    return first;
}

/* Lemire, "Number parsing at a gigabyte per second" (2021), algorithm 1; that 128 bits always do:
 * Mushtak and Lemire, "Fast number parsing without fallback" (2023). */
double leati_num_compose_any(uint64_t w, int64_t q)
{
    if (w == 0 || q < LEATI_POWER_LEAST) return 0;
    if (q > 308) return (double)INFINITY;
    int zeros = __builtin_clzll(w);
    wide product = approximate(w << zeros, q);
    uint64_t high = (uint64_t)(product >> 64), low = (uint64_t)product;
    int upper = (int)(high >> 63), shift = upper + 64 - MANTISSA_BITS - 3;
    uint64_t m = high >> shift;
    int64_t e = ((217706 * q) >> 16) + 63 + upper - zeros + EXPONENT_BIAS;
    if (e <= 0) {
        if (e <= -63) return 0;
        m >>= 1 - e;
        m = (m + (m & 1)) >> 1;
        return from_bits(m); /* a carry into the smallest normal number falls into place */
    }
    /* An exact half goes to the even side. */
    if (low <= 1 && q >= -4 && q <= 23 && (m & 3) == 1 && m << shift == high) m &= ~UINT64_C(1);
    m = (m + (m & 1)) >> 1;
    if (m >= UINT64_C(2) << MANTISSA_BITS) {
        m = UINT64_C(1) << MANTISSA_BITS;
        e++;
    }
    if (e >= EXPONENT_INF) return (double)INFINITY;
    return from_bits((m & ~(UINT64_C(1) << MANTISSA_BITS)) | (uint64_t)e << MANTISSA_BITS);
}

typedef struct big {
    uint32_t limb[LIMBS];
    int count;
} big;

static void big_multiply_add(big *b, uint32_t factor, uint32_t term)
{
    uint64_t carry = term;
    for (int i = 0; i < b->count; i++) {
        carry += (uint64_t)b->limb[i] * factor;
        b->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry && b->count < LIMBS) b->limb[b->count++] = (uint32_t)carry;
}

static void big_times_five(big *b, int64_t power)
{
    for (; power >= 13; power -= 13) big_multiply_add(b, 1220703125, 0);
    for (; power > 0; power--) big_multiply_add(b, 5, 0);
}

static void big_shift(big *b, int64_t bits)
{
    int whole = (int)(bits / 32);
    big_multiply_add(b, UINT32_C(1) << (bits % 32), 0);
    if (b->count + whole > LIMBS) whole = LIMBS - b->count;
    memmove(b->limb + whole, b->limb, (size_t)b->count * sizeof *b->limb);
    memset(b->limb, 0, (size_t)whole * sizeof *b->limb);
    b->count += whole;
}

static int big_compare(const big *a, const big *b)
{
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    for (int i = a->count - 1; i >= 0; i--)
        if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

/* More than 19 digits whose head lies between `low` and the next double: compare all of them with
 * the middle of the two, in integers. text: the digits and at most one '.', value = digits *
 * 10**exponent. */
static double decide_half(double low, const char *text, size_t length, int64_t exponent)
{
    big digits = {.count = 0}, middle = {.count = 0};
    int kept = 0;
    bool rest = false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.' || (text[i] == '0' && kept == 0)) continue;
        if (kept++ < MORE_DIGITS) {
            big_multiply_add(&digits, 10, (uint32_t)(text[i] - '0'));
        } else {
            exponent++;
            rest |= text[i] != '0';
        }
    }
    if (rest) { /* beyond the last digit that can matter: any digit there does */
        big_multiply_add(&digits, 10, 1);
        exponent--;
    }
    uint64_t bits = to_bits(low), m = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
    int64_t e = (int64_t)(bits >> MANTISSA_BITS);
    if (e) m |= UINT64_C(1) << MANTISSA_BITS;
    int64_t power = (e ? e : 1) - EXPONENT_BIAS - MANTISSA_BITS - 1;
    middle.limb[0] = (uint32_t)(2 * m + 1);
    middle.limb[1] = (uint32_t)((2 * m + 1) >> 32);
    middle.count = middle.limb[1] ? 2 : 1;
    if (exponent >= 0) big_times_five(&digits, exponent);
    else big_times_five(&middle, -exponent);
    int64_t twos = exponent - power; /* of the digits, over those of the middle */
    if (twos >= 0) big_shift(&digits, twos);
    else big_shift(&middle, -twos);
    int order = big_compare(&digits, &middle);
    return order > 0 || (order == 0 && (m & 1)) ? from_bits(bits + 1) : low;
}

static bool is_special(const char *text, size_t length, double *out)
{
    bool negative = length && text[0] == '-';
    size_t skip = length && (text[0] == '-' || text[0] == '+');
    if (length - skip != 3) return false;
    char low[4] = {0};
    for (size_t i = 0; i < 3; i++) low[i] = (char)(text[skip + i] | 0x20);
    if (strcmp(low, "nan") == 0) *out = (double)NAN;
    else if (strcmp(low, "inf") == 0) *out = negative ? -(double)INFINITY : (double)INFINITY;
    else return false;
    return true;
}

typedef struct decimal {
    uint64_t mantissa; /* the first 19 significant digits */
    int64_t exponent;  /* of the mantissa */
    int64_t tail;      /* digits behind the decimal point */
    int significant;
    bool cut; /* digits other than 0 follow the mantissa */
} decimal;

static void add_digit(decimal *d, unsigned digit, bool fraction)
{
    if (d->significant < DIGITS) {
        d->mantissa = d->mantissa * 10 + digit;
        d->significant += d->mantissa != 0;
        d->exponent -= fraction;
    } else {
        d->cut |= digit != 0;
        d->exponent += !fraction;
    }
    d->tail += fraction;
}

/* text[i ..) as the whole of an exponent. */
static bool parse_exponent(const char *text, size_t i, size_t length, int64_t *out)
{
    bool negative = i < length && text[i] == '-';
    int64_t e = 0;
    i += i < length && (text[i] == '-' || text[i] == '+');
    if (i == length) return false;
    for (; i < length; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9) return false;
        if (e < EXPONENT_CAP) e = e * 10 + digit;
    }
    *out = negative ? -e : e;
    return true;
}

bool leati_num_parse(const char *text, size_t length, double *out)
{
    bool negative = length && text[0] == '-', seen = false, fraction = false;
    size_t i = length && (text[0] == '-' || text[0] == '+'), first = i;
    decimal d = {0};
    for (; i < length; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit <= 9) {
            add_digit(&d, digit, fraction);
            seen = true;
        } else if (text[i] == '.' && !fraction) {
            fraction = true;
        } else {
            break;
        }
    }
    if (!seen) return is_special(text, length, out);
    int64_t e = 0;
    size_t digits = i - first;
    if (i < length && ((text[i] | 0x20) != 'e' || !parse_exponent(text, i + 1, length, &e)))
        return false;
    double v = leati_num_compose_any(d.mantissa, d.exponent + e);
    if (d.cut && v != leati_num_compose_any(d.mantissa + 1, d.exponent + e))
        v = decide_half(v, text + first, digits, e - d.tail);
    *out = negative ? -v : v;
    return true;
}
