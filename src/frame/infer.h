/* What a piece of text can be: the types of values in text files, and what counts as missing. */
#ifndef LEATI_FRAME_INFER_H
#define LEATI_FRAME_INFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/frame.h>

/* A set of the things that every value of a column can be. Text it can always be. */
enum {
    LEATI_CAN_WHOLE = 1,
    LEATI_CAN_NUMBER = 2,
    LEATI_CAN_TIME = 4,
    LEATI_CAN_TRUTH = 8,   /* true, false */
    LEATI_CAN_ANSWER = 16, /* yes, no, on, off: text, but seldom the name of a column */
    LEATI_CAN_ALL = 31
};

enum { LEATI_MISSING_WORDS = 64 };

/* How text is understood: one per file, read by all threads. */
typedef struct leati_rules {
    char decimal, thousands;
    size_t words, longest;
    const char *word[LEATI_MISSING_WORDS]; /* not terminated */
    size_t word_length[LEATI_MISSING_WORDS];
    bool first[256];     /* some word begins with this byte, in either case */
    bool number_missing; /* some word is a number, such as -999 */
} leati_rules;

/* `missing` is that of leat_read_options and must outlive the rules. INVALID: too many words. */
leat_status leati_rules_init(leat_context *c, leati_rules *r, char decimal, char thousands,
                             const char *missing);
bool leati_is_missing_word(const leati_rules *r, const char *text, size_t length);
static inline bool leati_is_missing(const leati_rules *r, const char *text, size_t length)
{
    if (length == 0) return true;
    return length <= r->longest && r->first[(unsigned char)*text] &&
           leati_is_missing_word(r, text, length);
}

/* Which of `mask` the text can be; it is not missing. A number with a leading zero before another
 * digit ("007") is text: it names something. */
unsigned leati_classify(const leati_rules *r, const char *text, size_t length, unsigned mask);
/* The narrowest type of a column all of whose values can be `mask`. */
leat_type leati_type_of(unsigned mask);

/* A number with the decimal mark of the rules, perhaps in groups of thousands. `whole` (may be
 * NULL) says whether it fits an int64 and was written as one; then *integer is it. */
bool leati_value_number(const leati_rules *r, const char *text, size_t length, double *out,
                        bool *whole, int64_t *integer);
/* Leading zeros before another digit: "007", "-01.5". */
bool leati_has_leading_zero(const char *text, size_t length);
/* true, false; also yes, no, on, off, t, f, y, n, 1 and 0 if `loose`, that is where somebody has
 * said that it is a bool. In any case. */
bool leati_value_bool(const char *text, size_t length, bool loose, uint8_t *out);
/* ISO 8601: 2026-02-28, 2026-02-28T12:30[:59[.123456]][Z or +01:00], or a space for the T.
 * Microseconds since 1970; without an offset it is taken as UTC. */
bool leati_value_time(const char *text, size_t length, int64_t *out);
/* The same as text: "2026-02-28" if `date`, else "2026-02-28T12:30:59.5Z". Returns the length. */
size_t leati_time_format(int64_t microseconds, bool date, char out[40]);

/* A column type by the name of leat_type_name ("number", ...), or INVALID with the choices. */
leat_status leati_type_parse(leat_context *c, const char *text, size_t length, leat_type *out);

#endif
