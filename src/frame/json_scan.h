/* Tokens of JSON text (RFC 8259), checked and bounded, without recursion. */
#ifndef LEATI_FRAME_JSON_SCAN_H
#define LEATI_FRAME_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

typedef enum leati_json_kind {
    LEATI_JSON_NULL,
    LEATI_JSON_TRUE,
    LEATI_JSON_FALSE,
    LEATI_JSON_NUMBER,
    LEATI_JSON_STRING, /* text is what stands between the quotes */
    LEATI_JSON_NESTED, /* an object or array, as it stands */
    LEATI_JSON_WRONG   /* `wrong` says what was expected; text is the place */
} leati_json_kind;

typedef struct leati_json_value {
    leati_json_kind kind;
    const char *text;
    size_t length;
    bool escaped; /* STRING: leati_json_unescape before use */
    bool nan;     /* NULL, NESTED: by or with the word NaN, which files have and JSON has not */
    const char *wrong;
} leati_json_value;

enum { LEATI_JSON_DEPTH = 512 };

/* Behind space and line ends. */
const char *leati_json_space(const char *p, const char *end);
/* The value at p, which is not space. Returns the place behind it; NULL when WRONG. */
const char *leati_json_take(const char *p, const char *end, leati_json_value *v);
/* The text of an escaped STRING, never longer than it; returns the length. Lone surrogates become
 * U+FFFD. */
size_t leati_json_unescape(const leati_json_value *v, char *to);
/* Whether a STRING has no lone surrogate. */
bool leati_json_paired(const leati_json_value *v);

#endif
