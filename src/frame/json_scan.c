/* Owns: scanning JSON values. Not: what becomes of them (jsonl_read.c). */
#include "frame/json_scan.h"

#include <stdint.h>
#include <string.h>

#include "io/encoding.h"

const char *leati_json_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) p++;
    return p;
}

static const char *wrong(leati_json_value *v, const char *p, const char *what)
{
    *v = (leati_json_value){.kind = LEATI_JSON_WRONG, .text = p, .wrong = what};
    return NULL;
}

/* Four hexadecimal digits, or -1. */
static long hex4(const char *p, const char *end)
{
    long value = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int ch = p[i] | 0x20;
        int digit = p[i] >= '0' && p[i] <= '9' ? p[i] - '0'
                    : ch >= 'a' && ch <= 'f'   ? ch - 'a' + 10
                                               : -1;
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* p is behind the opening quote. */
static const char *take_string(const char *p, const char *end, leati_json_value *v)
{
    const char *from = p;
    *v = (leati_json_value){.kind = LEATI_JSON_STRING, .text = from};
    for (; p < end; p++) {
        if (*p == '"') {
            v->length = (size_t)(p - from);
            return p + 1;
        }
        if ((unsigned char)*p < ' ') return wrong(v, p, "a closing quote, not a control character");
        if (*p != '\\') continue;
        v->escaped = true;
        if (++p == end) break;
        if (*p == 'u' && hex4(p + 1, end) < 0) return wrong(v, p, "four hexadecimal digits");
        if (!strchr("\"\\/bfnrtu", *p) || !*p) return wrong(v, p, "an escape such as \\n");
    }
    return wrong(v, from, "a closing quote");
}

static const char *digits(const char *p, const char *end)
{
    while (p < end && (unsigned)(*p - '0') <= 9) p++;
    return p;
}

static const char *take_number(const char *p, const char *end, leati_json_value *v)
{
    const char *from = p, *first;
    p += *p == '-';
    first = p;
    p = digits(p, end);
    if (p == first || (*first == '0' && p > first + 1)) return wrong(v, from, "a value");
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        p = digits(p, end);
        if (p == fraction) return wrong(v, p, "a digit behind the decimal point");
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        const char *exponent = p;
        p = digits(p, end);
        if (p == exponent) return wrong(v, p, "the digits of an exponent");
    }
    *v = (leati_json_value){.kind = LEATI_JSON_NUMBER, .text = from, .length = (size_t)(p - from)};
    return p;
}

static const char *take_word(const char *p, const char *end, leati_json_value *v)
{
    static const struct {
        const char *word;
        size_t length;
        leati_json_kind kind;
    } words[] = {{"null", 4, LEATI_JSON_NULL},
                 {"true", 4, LEATI_JSON_TRUE},
                 {"false", 5, LEATI_JSON_FALSE},
                 {"NaN", 3, LEATI_JSON_NULL}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = words[i].length;
        if ((size_t)(end - p) < n || memcmp(p, words[i].word, n) != 0) continue;
        *v = (leati_json_value){.kind = words[i].kind, .text = p, .length = n, .nan = *p == 'N'};
        return p + n;
    }
    return wrong(v, p, "a value");
}

/* Objects and arrays by a stack of brackets: 0 none, else what may come next is checked. */
static const char *take_nested(const char *p, const char *end, leati_json_value *v)
{
    char stack[LEATI_JSON_DEPTH];
    size_t depth = 0;
    const char *from = p;
    bool value = true; /* a value must come, not a comma or closing bracket */
    bool first = false, nan = false;
    do {
        p = leati_json_space(p, end);
        if (p == end) return wrong(v, from, "a closing bracket");
        bool object = depth && stack[depth - 1] == '{';
        if (depth && *p == (object ? '}' : ']') && (first || !value)) {
            depth--;
            p++;
            value = first = false;
            continue;
        }
        if (!value) {
            if (*p != ',') return wrong(v, p, "a comma or closing bracket");
            p++;
            value = true;
            continue;
        }
        first = false;
        if (object) {
            leati_json_value key;
            if (*p != '"') return wrong(v, p, "a name in quotes");
            p = take_string(p + 1, end, &key);
            if (!p) return *v = key, NULL;
            p = leati_json_space(p, end);
            if (p == end || *p != ':') return wrong(v, p, "a colon");
            p = leati_json_space(p + 1, end);
            if (p == end) return wrong(v, p, "a value");
        }
        if (*p == '{' || *p == '[') {
            if (depth == LEATI_JSON_DEPTH) return wrong(v, p, "less than 512 levels");
            stack[depth++] = *p++;
            first = true;
            continue;
        }
        leati_json_value inner;
        p = *p == '"'                                ? take_string(p + 1, end, &inner)
            : *p == '-' || (unsigned)(*p - '0') <= 9 ? take_number(p, end, &inner)
                                                     : take_word(p, end, &inner);
        if (!p) return *v = inner, NULL;
        nan = nan || inner.nan;
        value = false;
    } while (depth);
    *v = (leati_json_value){
        .kind = LEATI_JSON_NESTED, .text = from, .length = (size_t)(p - from), .nan = nan};
    return p;
}

const char *leati_json_take(const char *p, const char *end, leati_json_value *v)
{
    if (p >= end) return wrong(v, p, "a value");
    if (*p == '"') return take_string(p + 1, end, v);
    if (*p == '{' || *p == '[') return take_nested(p, end, v);
    if (*p == '-' || (unsigned)(*p - '0') <= 9) return take_number(p, end, v);
    return take_word(p, end, v);
}

/* The code at \\uXXXX, p behind the backslash; *p: behind what belongs to it. A lone surrogate is
 * itself. */
static unsigned long take_code(const char **p, const char *end)
{
    unsigned long code = (unsigned long)hex4(*p + 1, end);
    *p += 5;
    if (code < 0xd800 || code >= 0xdc00 || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
        return code;
    long low = hex4(*p + 2, end);
    if (low < 0xdc00 || low >= 0xe000) return code;
    *p += 6;
    return 0x10000 + ((code - 0xd800) << 10) + ((unsigned long)low - 0xdc00);
}

static bool is_lone(unsigned long code)
{
    return code >= 0xd800 && code < 0xe000;
}

size_t leati_json_unescape(const leati_json_value *v, char *to)
{
    static const char codes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    const char *p = v->text, *end = p + v->length;
    size_t n = 0;
    while (p < end) {
        if (*p != '\\') {
            to[n++] = *p++;
            continue;
        }
        p++;
        if (*p != 'u') {
            to[n++] = strchr(codes, *p++)[1];
            continue;
        }
        unsigned long code = take_code(&p, end);
        n += leati_utf8_put(is_lone(code) ? 0xfffd : code, to + n);
    }
    return n;
}

bool leati_json_paired(const leati_json_value *v)
{
    const char *p = v->text, *end = p + v->length;
    while (v->escaped && (p = memchr(p, '\\', (size_t)(end - p)))) {
        p++;
        if (*p != 'u') p++;
        else if (is_lone(take_code(&p, end))) return false;
    }
    return true;
}
