/* Owns: text of numbers for people. Exact text is in num_format.c, the parser in num_parse.c. */
#include "base/num.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OUT(...) ((size_t)snprintf(out, LEATI_NUM_SIZE, __VA_ARGS__))

size_t leati_num_dot(char *text, size_t length)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char ch = (unsigned char)text[i];
        if (ch >= 0x80 && ch < 0xc0) continue; /* the mark was more than one byte */
        text[n++] = ch == ',' || ch >= 0xc0 ? '.' : text[i];
    }
    text[n] = '\0';
    return n;
}

size_t leati_num_grouped(int64_t value, char out[LEATI_NUM_SIZE])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)value);
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        bool first = i == 0 || (i == 1 && digits[0] == '-');
        if (!first && (n - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return at;
}

size_t leati_num_pretty(double value, int digits, char out[LEATI_NUM_SIZE])
{
    if (!isfinite(value)) return leati_num_format(value, out);
    double size = fabs(value);
    if (size >= 1e15 || (size > 0 && size < 1e-5))
        return leati_num_dot(out, OUT("%.*g", digits, value));
    bool large = size >= (digits > 4 ? 10000 : 9999.5); /* 9999.7 becomes 10,000 with four */
    if (large || value == trunc(value)) return leati_num_grouped(llround(value), out);
    int before = size >= 1 ? (int)floor(log10(size)) + 1 : 0;
    int after = digits - before;
    if (size > 0 && size < 1) after = digits - 1 - (int)floor(log10(size));
    size_t n = leati_num_dot(out, OUT("%.*f", after > 0 ? after : 0, value));
    return n;
}

size_t leati_num_short(double value, int digits, char out[LEATI_NUM_SIZE])
{
    size_t n = leati_num_pretty(value, digits, out);
    if (!strchr(out, '.') || strchr(out, 'e')) return n;
    while (out[n - 1] == '0') n--;
    if (out[n - 1] == '.') n--;
    out[n] = '\0';
    return n;
}

size_t leati_num_seconds(double seconds, char out[LEATI_NUM_SIZE])
{
    if (seconds < 0.0000995) return OUT("< 0.1 ms");
    if (seconds < 0.00995) return leati_num_dot(out, OUT("%.1f ms", seconds * 1e3));
    if (seconds < 0.9995) return OUT("%.0f ms", seconds * 1e3);
    if (seconds < 9.995) return leati_num_dot(out, OUT("%.2f s", seconds));
    if (seconds < 99.95) return leati_num_dot(out, OUT("%.1f s", seconds));
    long whole = lround(seconds);
    if (whole < 3600) return OUT("%ld min %ld s", whole / 60, whole % 60);
    return OUT("%ld h %ld min", whole / 3600, whole % 3600 / 60);
}

size_t leati_num_bytes(uint64_t bytes, char out[LEATI_NUM_SIZE])
{
    static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    int unit = 0;
    for (; value >= 999.5 && unit < 6; unit++) value /= 1000;
    return leati_num_dot(out,
                         OUT(unit && value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]));
}
