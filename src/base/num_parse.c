/* Owns: decimal text to numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

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

/* strtod on a terminated copy: the slow, always right way. */
static bool parse_slowly(const char *text, size_t length, double *out)
{
    char small[128], *copy = length < sizeof small ? small : malloc(length + 1), *end;
    if (!copy) return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    *out = strtod(copy, &end);
    bool whole = end == copy + length;
    if (copy != small) free(copy);
    return whole;
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

/* Clinger's fast path (PLDI 1990): at most 15 digits and a power of ten up to 22 are exact. */
bool leati_num_parse(const char *text, size_t length, double *out)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    size_t i = 0, digits = 0;
    bool negative = false, seen = false;
    uint64_t mantissa = 0;
    int64_t exponent = 0;
    if (i < length && (text[i] == '-' || text[i] == '+')) negative = text[i++] == '-';
    for (; i < length && (unsigned)(text[i] - '0') <= 9; i++, seen = true) {
        mantissa = mantissa * 10 + (unsigned)(text[i] - '0');
        digits += mantissa != 0;
        if (digits > 18) break;
    }
    if (digits <= 18 && i < length && text[i] == '.') {
        for (i++; i < length && (unsigned)(text[i] - '0') <= 9; i++, seen = true) {
            mantissa = mantissa * 10 + (unsigned)(text[i] - '0');
            digits += mantissa != 0;
            exponent--;
            if (digits > 18) break;
        }
    }
    if (!seen) return is_special(text, length, out);
    if (digits <= 18 && i < length && (text[i] | 0x20) == 'e') {
        int64_t e;
        if (!leati_int_parse(text + i + 1, length - i - 1, &e)) {
            if (i + 1 == length) return false;
            e = 100000; /* not an integer, or a huge one: let strtod decide */
        }
        exponent += e;
        i = length;
    }
    if (i != length || digits > 18 || mantissa > (UINT64_C(1) << 53) || exponent < -22 ||
        exponent > 22) {
        for (size_t k = 0; k < length; k++)
            if (!strchr("0123456789+-.eE", text[k]) || !text[k]) return false;
        return parse_slowly(text, length, out);
    }
    double value = (double)mantissa;
    value = exponent < 0 ? value / tens[-exponent] : value * tens[exponent];
    *out = negative ? -value : value;
    return true;
}
