/* Decimal numbers inside readable text, eight digits a step: what the table readers are made of.
 *
 * Everything here reads up to 8 bytes behind the number, and at least 27 from where it begins, so
 * the text must be followed by as many readable bytes. */
#ifndef LEATI_BASE_NUM_SCAN_H
#define LEATI_BASE_NUM_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The compiler keeps the hot loops of the readers in one piece only when told to. */
#define LEATI_INLINE static inline __attribute__((always_inline))

enum { LEATI_POWER_LEAST = -342, LEATI_POWER_MOST = 324 };
/* The leading 128 bits of 5**q, high word first, at q - LEATI_POWER_LEAST. */
extern const uint64_t leati_powers[LEATI_POWER_MOST - LEATI_POWER_LEAST + 1][2];

/* mantissa * 10**exponent, correctly rounded (Eisel and Lemire). */
double leati_num_compose_any(uint64_t mantissa, int64_t exponent);

typedef struct leati_scan {
    uint64_t mantissa;
    int32_t exponent;
    bool negative;
    bool whole; /* neither a decimal mark nor an exponent */
} leati_scan;

static inline uint64_t leati_load8(const char *p)
{
    uint64_t x;
    memcpy(&x, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

/* How many of the eight characters are digits, up to the first that is not. A digit less '0' plus
 * 6 keeps a zero high nibble, anything else does not. */
static inline unsigned leati_digit_run(uint64_t x)
{
    uint64_t t = x ^ UINT64_C(0x3030303030303030);
    uint64_t bad = (t | (t + UINT64_C(0x0606060606060606))) & UINT64_C(0xf0f0f0f0f0f0f0f0);
    return bad ? (unsigned)__builtin_ctzll(bad) >> 3 : 8;
}

/* The value of the first n digits, n <= 8: shifted so that zeros lead, then joined in pairs, fours
 * and eights. */
static inline uint64_t leati_digits_value(uint64_t x, unsigned n)
{
    unsigned half = 4 * (8 - n); /* twice, for no shift may be 64 */
    uint64_t v = (x ^ UINT64_C(0x3030303030303030)) << half << half;
    v = v * 10 + (v >> 8);
    return ((v & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
            (v >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
           32;
}

/* Appends a run of digits to *m; false when it would pass 19 significant digits. */
static inline bool leati_scan_run(const char **p, uint64_t *m)
{
    static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    static const uint64_t most[] = {UINT64_MAX,
                                    UINT64_C(1000000000000000000),
                                    UINT64_C(100000000000000000),
                                    UINT64_C(10000000000000000),
                                    UINT64_C(1000000000000000),
                                    UINT64_C(100000000000000),
                                    UINT64_C(10000000000000),
                                    UINT64_C(1000000000000),
                                    UINT64_C(100000000000)};
    unsigned n;
    do {
        uint64_t x = leati_load8(*p);
        n = leati_digit_run(x);
        if (*m >= most[n]) return false;
        *m = *m * tens[n] + leati_digits_value(x, n);
        *p += n;
    } while (n == 8);
    return true;
}

/* Bit i is set where the i-th of the eight characters is not a digit: less '0' it passes 9, which
 * carries into the high bit of its byte, and one product gathers those bits. */
static inline uint32_t leati_other_bits(uint64_t x)
{
    uint64_t t = x ^ UINT64_C(0x3030303030303030);
    uint64_t flags = ((t & UINT64_C(0x7f7f7f7f7f7f7f7f)) + UINT64_C(0x7676767676767676)) | t;
    return (uint32_t)((flags & UINT64_C(0x8080808080808080)) * UINT64_C(0x0002040810204081) >> 56);
}

/* Numbers with all their digits, d.dddddddd and up to ten digits more, of which nothing is found
 * out digit run by digit run: their end is known before their value, so that the processor is at
 * the next field early. p is behind the sign and followed by 26 readable bytes. NULL: it is
 * another number. */
LEATI_INLINE const char *leati_scan_long(const char *p, char decimal, leati_scan *s)
{
    static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    uint64_t head = leati_load8(p + 2), lead = (uint64_t)(unsigned char)*p - '0';
    if (p[1] != decimal || lead > 9 || leati_digit_run(head) != 8) return NULL;
    uint64_t x = leati_load8(p + 10), y = leati_load8(p + 18);
    uint32_t others = leati_other_bits(x) | leati_other_bits(y) << 8 | UINT32_C(1) << 16;
    unsigned more = (unsigned)__builtin_ctz(others);
    const char *end = p + 10 + more;
    if (more > 10 || (*end | 0x20) == 'e') return NULL;
    unsigned middle = more < 8 ? more : 8, last = more - middle;
    uint64_t m = lead * 100000000 + leati_digits_value(head, 8);
    m = m * tens[middle] + leati_digits_value(x, middle);
    s->mantissa = m * tens[last] + leati_digits_value(y, last);
    s->exponent = -(int32_t)(8 + more);
    s->whole = false;
    return end;
}

/* Scans [+-]digits[.digits][e[+-]digits] and returns the place behind it. NULL: no number begins
 * here, or one of more than 19 digits or with a leading zero before another digit ("007"): the
 * slow ways decide. */
LEATI_INLINE const char *leati_num_scan(const char *p, char decimal, leati_scan *s)
{
    s->negative = *p == '-';
    p += s->negative | (*p == '+');
    const char *first = leati_scan_long(p, decimal, s);
    if (first) return first;
    first = p;
    uint64_t m = 0;
    if (!leati_scan_run(&p, &m)) return NULL;
    int64_t digits = p - first, after = 0;
    if (digits > 1 && *first == '0') return NULL;
    s->whole = *p != decimal;
    if (!s->whole) {
        const char *from = ++p;
        if (!leati_scan_run(&p, &m)) return NULL;
        after = p - from;
    }
    if (digits + after == 0) return NULL;
    int32_t exponent = (int32_t)-after;
    if ((*p | 0x20) == 'e') {
        const char *from = p + 1;
        bool down = *from == '-';
        from += down || *from == '+';
        uint64_t x = leati_load8(from);
        unsigned n = leati_digit_run(x);
        if (n == 0 || n > 5) return NULL;
        int32_t e = (int32_t)leati_digits_value(x, n);
        exponent += down ? -e : e;
        p = from + n;
        s->whole = false;
    }
    s->mantissa = m;
    s->exponent = exponent;
    return p;
}

/* [-]digits[.digits] with up to eight digits that ends at `end`, the mark taken out before anything
 * is computed. False: it is another number, or none. */
LEATI_INLINE bool leati_scan_short(const char *p, const char *end, char decimal, leati_scan *s)
{
    s->negative = *p == '-';
    p += s->negative;
    size_t n = (size_t)(end - p);
    if (n - 1 > 8) return false;
    uint64_t x = leati_load8(p);
    unsigned before = leati_digit_run(x), digits = (unsigned)n;
    s->whole = before >= n;
    s->exponent = 0;
    if (!s->whole) {
        if (p[before] != decimal || before == 0 || --digits == before) return false;
        uint64_t low = (UINT64_C(1) << 8 * before) - 1;
        x = (x & low) | (leati_load8(p + 1) & ~low);
        if (leati_digit_run(x) < digits) return false;
        s->exponent = (int32_t)before - (int32_t)digits;
    }
    s->mantissa = leati_digits_value(x, digits);
    return before < 2 || *p != '0';
}

/* The common case of leati_num_compose_any in line: far from the ends of the range and where one
 * product of 64 bits settles the rounding. False: it is another case. */
LEATI_INLINE bool leati_compose_long(uint64_t w, int32_t q, uint64_t *bits)
{
    __extension__ typedef unsigned __int128 wide;
    if (q < -300 || q > 280 || w == 0) return false;
    int zeros = __builtin_clzll(w);
    wide product = (wide)(w << zeros) * leati_powers[q - LEATI_POWER_LEAST][0];
    uint64_t high = (uint64_t)(product >> 64);
    if ((high & 0x1ff) == 0x1ff || (uint64_t)product <= 1) return false;
    int upper = (int)(high >> 63);
    uint64_t m = high >> (upper + 9); /* 53 bits and one for rounding */
    int64_t e = ((INT64_C(217706) * q) >> 16) + 63 + upper - zeros + 1023;
    m = (m + (m & 1)) >> 1;
    *bits = ((uint64_t)(e - 1) << 52) + m; /* the leading bit, or a carry, goes to the exponent */
    return true;
}

/* Clinger's exact cases (PLDI 1990) in line: a mantissa that a double holds and a power of ten up
 * to
 * 22. Numbers with all their digits, some of which would pass 2**53, go the other way together, so
 * that the branch is foreseen. */
LEATI_INLINE double leati_num_compose(const leati_scan *s)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double v;
    uint64_t bits;
    if (s->mantissa <= UINT64_C(1000000000000000) && s->exponent >= -22 && s->exponent <= 22) {
        v = (double)s->mantissa;
        v = s->exponent < 0 ? v / tens[-s->exponent] : v * tens[s->exponent];
        memcpy(&bits, &v, sizeof bits);
    } else if (!leati_compose_long(s->mantissa, s->exponent, &bits)) {
        v = leati_num_compose_any(s->mantissa, s->exponent);
        memcpy(&bits, &v, sizeof bits);
    }
    bits |= (uint64_t)s->negative << 63;
    memcpy(&v, &bits, sizeof v);
    return v;
}

#endif
