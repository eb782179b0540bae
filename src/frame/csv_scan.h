/* Fields and records of delimited text. All reading ahead stays within the padding of a view. */
#ifndef LEATI_FRAME_CSV_SCAN_H
#define LEATI_FRAME_CSV_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/num_scan.h"

/* Text from here to `end`, where a zero byte stands; `last`: the content ends there too. */
typedef struct leati_csv_text {
    const char *end;
    bool last;
    char delimiter;
} leati_csv_text;

typedef struct leati_csv_field {
    const char *text;
    size_t length; /* without surrounding space; of the raw text if `doubled` */
    bool quoted;
    bool doubled; /* quotes to undouble, or text behind the closing quote: leati_csv_undouble */
    bool zero;    /* holds a zero byte */
    bool open;    /* the quote is never closed */
} leati_csv_field;

/* The high bit of every byte of x that equals `ch`, exact up to the first. */
static inline uint64_t leati_byte_matches(uint64_t x, char ch)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t y = x ^ ones * (unsigned char)ch;
    return (y - ones) & ~y & UINT64_C(0x8080808080808080);
}

/* The first delimiter, line end or zero byte. */
static inline const char *leati_csv_plain_end(const char *p, char delimiter)
{
    for (;; p += 8) {
        uint64_t x = leati_load8(p);
        uint64_t hit = leati_byte_matches(x, delimiter) | leati_byte_matches(x, '\n') |
                       leati_byte_matches(x, '\r') | leati_byte_matches(x, '\0');
        if (hit) return p + (__builtin_ctzll(hit) >> 3);
    }
}

/* Takes the field at p. Returns its end, where a delimiter, a line end or text->end stands; NULL
 * when the text ends first and is not the last (more of it is needed). */
const char *leati_csv_take(const leati_csv_text *text, const char *p, leati_csv_field *field);
/* The value of a doubled field, into room for field->length bytes; returns the length. */
size_t leati_csv_undouble(const leati_csv_field *field, char *to);

/* Behind the line end at p (\n, \r\n or \r), or p at the end of the text. NULL: more is needed to
 * tell \r from \r\n. */
static inline const char *leati_csv_next_line(const leati_csv_text *text, const char *p)
{
    if (p == text->end) return p;
    if (*p == '\n') return p + 1;
    if (p + 1 == text->end) return text->last ? p + 1 : NULL;
    return p + 1 + (p[1] == '\n');
}

/* Splits the record at p: its number of fields, the first `most` of which are stored (fields may
 * be NULL), and the place behind it. NULL when more text is needed or a quote stays open. */
const char *leati_csv_record(const leati_csv_text *text, const char *p, leati_csv_field *fields,
                             size_t most, size_t *count);

#endif
