/* Owns: the shortest text of a double. The method is Schubfach: Giulietti, "The Schubfach way to
 * render doubles" (2020). */
#include <math.h>
#include <string.h>

#include "base/num.h"
#include "base/num_scan.h"

__extension__ typedef unsigned __int128 wide;

typedef struct shortest {
    uint64_t digits;
    int exponent; /* value = digits * 10**exponent */
} shortest;

/* 10**k as 128 bits with the highest one set, rounded up (the table is rounded down where it is
 * not exact and was not rounded up already). */
static wide power_up(int k)
{
    const uint64_t *entry = leati_powers[k - LEATI_POWER_LEAST];
    wide g = (wide)entry[0] << 64 | entry[1];
    return k < -27 || k > 55 ? g + 1 : g;
}

/* The high bits of g * x, the lowest standing also for all that is cut off (round to odd). */
static uint64_t round_to_odd(wide g, uint64_t x)
{
    wide low = (wide)(uint64_t)g * x;
    wide high = (wide)(uint64_t)(g >> 64) * x + (low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

static int floor_log2_ten(int k)
{
    return (k * 1741647) >> 19;
}

static shortest pick(uint64_t c, int q, bool closer_below)
{
    bool even = c % 2 == 0;
    int k = (q * 1262611 - (closer_below ? 524031 : 0)) >> 22;
    int h = q + floor_log2_ten(-k) + 1;
    wide g = power_up(-k);
    uint64_t lower = round_to_odd(g, (4 * c - 2 + closer_below) << h) + !even;
    uint64_t value = round_to_odd(g, (4 * c) << h);
    uint64_t upper = round_to_odd(g, (4 * c + 2) << h) - !even;
    uint64_t s = value / 4;
    if (s >= 10) { /* one digit less, if just one such number rounds back */
        uint64_t t = s / 10;
        bool down = lower <= 40 * t, up = 40 * t + 40 <= upper;
        if (down != up) return (shortest){t + up, k + 1};
    }
    bool down = lower <= 4 * s, up = 4 * s + 4 <= upper;
    if (down != up) return (shortest){s + up, k};
    uint64_t middle = 4 * s + 2;
    bool round_up = value > middle || (value == middle && (s & 1));
    return (shortest){s + round_up, k};
}

static shortest shorten(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int exponent = (int)(bits >> 52 & 2047);
    uint64_t c = exponent ? fraction | UINT64_C(1) << 52 : fraction;
    int q = (exponent ? exponent : 1) - 1075;
    shortest s = {0, 0};
    if (q <= 0 && q > -53 && (c & ((UINT64_C(1) << -q) - 1)) == 0) s.digits = c >> -q;
    else s = pick(c, q, fraction == 0 && exponent > 1);
    while (s.digits >= 10 && s.digits % 10 == 0) {
        s.digits /= 10;
        s.exponent++;
    }
    return s;
}

static int put_digits(uint64_t value, char out[20])
{
    char back[20];
    int n = 0;
    do back[n++] = (char)('0' + value % 10);
    while (value /= 10);
    for (int i = 0; i < n; i++) out[i] = back[n - 1 - i];
    return n;
}

/* Plain where the first digit stands for 1e-5 .. 1e15, else with an exponent. */
size_t leati_num_format(double value, char out[LEATI_NUM_SIZE])
{
    char digits[20], *at = out;
    if (signbit(value) && !isnan(value)) *at++ = '-';
    if (isnan(value) || isinf(value) || value == 0) {
        strcpy(at, isnan(value) ? "nan" : value == 0 ? "0" : "inf");
        return strlen(out);
    }
    shortest s = shorten(value);
    int n = put_digits(s.digits, digits), point = n + s.exponent; /* digits before the mark */
    if (point > 16 || point < -4) {
        *at++ = digits[0];
        if (n > 1) *at++ = '.';
        memcpy(at, digits + 1, (size_t)n - 1);
        at += n - 1;
        *at++ = 'e';
        if (point < 1) *at++ = '-';
        at += put_digits((uint64_t)(point < 1 ? 1 - point : point - 1), at);
    } else if (point <= 0) {
        memcpy(at, "0.000000", 8);
        at += 2 - point;
        memcpy(at, digits, (size_t)n);
        at += n;
    } else {
        int whole = point < n ? point : n;
        memcpy(at, digits, (size_t)whole);
        at += whole;
        for (int i = n; i < point; i++) *at++ = '0';
        if (point < n) {
            *at++ = '.';
            memcpy(at, digits + point, (size_t)(n - point));
            at += n - point;
        }
    }
    *at = '\0';
    return (size_t)(at - out);
}
