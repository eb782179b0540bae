/* Owns: stepping through JSON, and its numbers. Not: what members mean. */
#include "serve/json_in.h"

#include <math.h>
#include <string.h>

#include "base/num.h"
#include "base/num_scan.h"

void leati_json_in_init(leati_json_in *in, const void *data, size_t size, bool padded,
                        leati_fault *fault)
{
    static const char nothing[LEATI_JSON_PAD];
    const char *text = size ? data : nothing, *end = text + size;
    const char *far = padded ? end : size > LEATI_JSON_PAD ? end - LEATI_JSON_PAD : text;
    *in = (leati_json_in){text, text, end, far, fault};
}

bool leati_json_wrong(leati_json_in *in, const char *place, const char *expected)
{
    if (in->begin == in->end)
        return leati_fault_set(in->fault, 400, "malformed_json",
                               "the body is empty: expected JSON");
    return leati_fault_set(in->fault, 400, "malformed_json",
                           "the body is not JSON: expected %s at byte %zu of %zu", expected,
                           (size_t)(place - in->begin), (size_t)(in->end - in->begin));
}

char leati_json_peek(leati_json_in *in)
{
    in->at = leati_json_space(in->at, in->end);
    return in->at < in->end ? *in->at : '\0';
}

bool leati_json_enter(leati_json_in *in, char bracket, const char *what)
{
    if (leati_json_peek(in) == bracket) {
        in->at++;
        return true;
    }
    leati_json_value v;
    if (!leati_json_any(in, &v)) return false;
    return leati_fault_set(in->fault, 400, "invalid_request", "%s must be %s", what,
                           bracket == '{' ? "an object" : "an array");
}

int leati_json_more(leati_json_in *in, char bracket, bool *first)
{
    char closing = bracket == '{' ? '}' : ']', next = leati_json_peek(in);
    bool was_first = *first;
    *first = false;
    if (next == closing) {
        in->at++;
        return 0;
    }
    if (was_first) return 1;
    if (next != ',') {
        leati_json_wrong(in, in->at, bracket == '{' ? "a comma or '}'" : "a comma or ']'");
        return -1;
    }
    in->at++;
    return 1;
}

bool leati_json_any(leati_json_in *in, leati_json_value *v)
{
    in->at = leati_json_space(in->at, in->end);
    const char *behind = leati_json_take(in->at, in->end, v);
    if (!behind) return leati_json_wrong(in, v->text, v->wrong);
    if (v->nan) return leati_json_wrong(in, v->text, "null or a number, for JSON has no NaN,");
    in->at = behind;
    return true;
}

bool leati_json_key(leati_json_in *in, leati_json_value *key)
{
    if (leati_json_peek(in) != '"') return leati_json_wrong(in, in->at, "a name in quotes");
    if (!leati_json_any(in, key)) return false;
    if (leati_json_peek(in) != ':') return leati_json_wrong(in, in->at, "a colon");
    in->at++;
    return true;
}

bool leati_json_absent(leati_json_in *in)
{
    if (leati_json_peek(in) != 'n' || in->end - in->at < 4 || memcmp(in->at, "null", 4) != 0)
        return false;
    in->at += 4;
    return true;
}

bool leati_json_finish(leati_json_in *in)
{
    leati_json_peek(in);
    return in->at == in->end || leati_json_wrong(in, in->at, "the end");
}

bool leati_json_is(const leati_json_value *v, const char *text, size_t length)
{
    char plain[256];
    if (!v->escaped) return v->length == length && memcmp(v->text, text, length) == 0;
    if (v->length > sizeof plain || v->length < length) return false;
    size_t n = leati_json_unescape(v, plain);
    return n == length && memcmp(plain, text, length) == 0;
}

/* The slow and strict way: the grammar, then all digits. */
static const char *real_slowly(const char *p, const char *end, double *out)
{
    leati_json_value v;
    const char *behind = leati_json_take(p, end, &v);
    if (!behind || v.kind != LEATI_JSON_NUMBER) return NULL;
    return leati_num_parse(v.text, v.length, out) ? behind : NULL;
}

/* What leati_num_scan takes and JSON does not: "+1", ".5", "1.". */
static bool strict(const char *p, const char *behind, const leati_scan *s)
{
    const char *point = s->whole ? NULL : memchr(p, '.', (size_t)(behind - p));
    return !point || (unsigned)(point[1] - '0') <= 9;
}

/* Begins as JSON has it and, so that the scan reads no further than LEATI_JSON_PAD bytes, not with
 * a row of zeros. */
static bool ordinary(const char *p)
{
    p += *p == '-';
    if ((unsigned)(*p - '0') > 9) return false;
    if (*p != '0') return true;
    if ((unsigned)(p[1] - '0') <= 9) return false; /* "007", or zeros without an end */
    return p[1] != '.' || leati_load8(p + 2) != UINT64_C(0x3030303030303030);
}

/* A copy with zeros behind it. */
static const char *pad(char to[2 * LEATI_JSON_PAD], const char *text, size_t length)
{
    memcpy(to, text, length);
    memset(to + length, 0, LEATI_JSON_PAD);
    return to;
}

const char *leati_json_real(const leati_json_in *in, const char *p, double *out)
{
    char padded[2 * LEATI_JSON_PAD];
    const char *from = p;
    leati_scan s;
    if (p >= in->far) {
        if (p >= in->end) return NULL;
        size_t left = (size_t)(in->end - p);
        if (left < LEATI_JSON_PAD) from = pad(padded, p, left);
    }
    const char *behind = ordinary(from) ? leati_num_scan(from, '.', &s) : NULL;
    if (!behind || !strict(from, behind, &s)) return real_slowly(p, in->end, out);
    *out = leati_num_compose(&s);
    return p + (behind - from);
}

const char *leati_json_whole(const char *p, const char *end, bool *negative, uint64_t *magnitude,
                             bool *fits)
{
    *negative = p < end && *p == '-';
    p += *negative;
    const char *first = p;
    uint64_t value = 0;
    *fits = true;
    for (; p < end && (unsigned)(*p - '0') <= 9; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        *fits = *fits && !__builtin_mul_overflow(value, 10, &value) &&
                !__builtin_add_overflow(value, digit, &value);
    }
    if (p == first || (*first == '0' && p > first + 1)) return NULL;
    if (p < end && (*p == '.' || (*p | 0x20) == 'e')) return NULL;
    *magnitude = value;
    return p;
}
