/* Numbers as text, independent of the locale. */
#ifndef LEATI_BASE_NUM_H
#define LEATI_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEATI_NUM_SIZE = 40 };

/* The shortest decimal text that reads back as the same double; "nan", "inf", "-inf".
 * Returns its length. */
size_t leati_num_format(double value, char out[LEATI_NUM_SIZE]);
/* 0.0123 -> "0.0123", 12345.678 -> "12,346"; about `digits` significant digits, for people. Zeros
 * at the end stay, as measured values have them: 0.96 with three is "0.960", a whole number "1". */
size_t leati_num_pretty(double value, int digits, char out[LEATI_NUM_SIZE]);
/* The same without zeros at the end that say nothing, as values of data are written: 6.9 with six
 * is "6.9". */
size_t leati_num_short(double value, int digits, char out[LEATI_NUM_SIZE]);
/* 60000 -> "60,000" */
size_t leati_num_grouped(int64_t value, char out[LEATI_NUM_SIZE]);
/* 1.5e-3 -> "1.5 ms", 12.3 -> "12.3 s", 190 -> "3 min 10 s" */
size_t leati_num_seconds(double seconds, char out[LEATI_NUM_SIZE]);
/* 12345 -> "12 KB" (powers of 1000) */
size_t leati_num_bytes(uint64_t bytes, char out[LEATI_NUM_SIZE]);

/* printf writes the decimal mark of the host's locale. Makes it a point in one number that was
 * written without grouping; its new length. */
size_t leati_num_dot(char *text, size_t length);

/* The whole of text[0..length) as a decimal floating-point number, correctly rounded; accepts what
 * strtod does in the C locale except hexadecimal, "infinity" and leading space. */
bool leati_num_parse(const char *text, size_t length, double *out);
bool leati_int_parse(const char *text, size_t length, int64_t *out);

#endif
