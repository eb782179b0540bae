/* Owns: the JSON builder. Reading JSON is jansson's job, in the rooms that need it. */
#include <leat/json.h>

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

enum { DEPTH = 64 };

struct leat_json {
    leati_str text;
    int indent;
    int depth;
    bool failed;
    bool filled[DEPTH]; /* a member stands already at this depth */
};

leat_json *leat_json_create(leat_context *c, int indent)
{
    leat_json *j = leati_calloc(c, 1, sizeof *j);
    if (!j) return NULL;
    leati_str_init(&j->text, c);
    j->indent = indent;
    return j;
}

void leat_json_destroy(leat_json *j)
{
    if (!j) return;
    leati_str_fini(&j->text);
    leati_free(j);
}

/* Length of the UTF-8 sequence at s (n bytes left), or 0 if it is malformed (RFC 3629). */
static size_t sequence(const unsigned char *s, size_t n)
{
    if (s[0] < 0x80) return 1;
    size_t need = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : 4;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n < need) return 0;
    for (size_t i = 1; i < need; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool outside = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return overlong || outside ? 0 : need;
}

static void quote(leati_str *out, const char *text, size_t length)
{
    static const char escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    const unsigned char *s = (const unsigned char *)text;
    leati_str_addc(out, '"');
    for (size_t i = 0; i < length;) {
        const char *e = s[i] ? strchr(escapes, s[i]) : NULL;
        size_t n = sequence(s + i, length - i);
        if (e && (e - escapes) % 2 == 0) leati_str_addf(out, "\\%c", e[1]);
        else if (s[i] < 0x20) leati_str_addf(out, "\\u%04x", s[i]);
        else if (n == 0) leati_str_add(out, "\xef\xbf\xbd");
        else leati_str_addn(out, text + i, n);
        i += n ? n : 1;
    }
    leati_str_addc(out, '"');
}

static void line(leat_json *j)
{
    if (j->indent <= 0) return;
    leati_str_addf(&j->text, "\n%*s", j->indent * j->depth, "");
}

/* Comma, new line and key before a value. False when nothing may be written. */
static bool start(leat_json *j, const char *key)
{
    if (!j || j->failed) return false;
    if (j->filled[j->depth]) leati_str_addc(&j->text, ',');
    if (j->depth > 0) line(j);
    j->filled[j->depth] = true;
    if (key) {
        quote(&j->text, key, strlen(key));
        leati_str_add(&j->text, j->indent > 0 ? ": " : ":");
    }
    return true;
}

static void open_level(leat_json *j, const char *key, char bracket)
{
    if (!start(j, key)) return;
    leati_str_addc(&j->text, bracket);
    if (j->depth + 1 >= DEPTH) j->failed = true;
    else j->filled[++j->depth] = false;
}

static void close_level(leat_json *j, char bracket)
{
    if (!j || j->failed) return;
    if (j->depth == 0) {
        j->failed = true;
        return;
    }
    bool filled = j->filled[j->depth--];
    if (filled) line(j);
    leati_str_addc(&j->text, bracket);
}

void leat_json_begin_object(leat_json *j, const char *key)
{
    open_level(j, key, '{');
}

void leat_json_end_object(leat_json *j)
{
    close_level(j, '}');
}

void leat_json_begin_array(leat_json *j, const char *key)
{
    open_level(j, key, '[');
}

void leat_json_end_array(leat_json *j)
{
    close_level(j, ']');
}

void leat_json_stringn(leat_json *j, const char *key, const char *value, size_t length)
{
    if (start(j, key)) quote(&j->text, value, length);
}

void leat_json_string(leat_json *j, const char *key, const char *value)
{
    if (value) leat_json_stringn(j, key, value, strlen(value));
    else leat_json_null(j, key);
}

void leat_json_number(leat_json *j, const char *key, double value)
{
    char text[LEATI_NUM_SIZE];
    if (!isfinite(value)) {
        leat_json_null(j, key);
        return;
    }
    leati_num_format(value, text);
    leat_json_raw(j, key, text);
}

void leat_json_int(leat_json *j, const char *key, int64_t value)
{
    if (start(j, key)) leati_str_addf(&j->text, "%lld", (long long)value);
}

void leat_json_bool(leat_json *j, const char *key, bool value)
{
    leat_json_raw(j, key, value ? "true" : "false");
}

void leat_json_null(leat_json *j, const char *key)
{
    leat_json_raw(j, key, "null");
}

void leat_json_raw(leat_json *j, const char *key, const char *text)
{
    if (start(j, key)) leati_str_add(&j->text, text);
}

const char *leat_json_text(leat_json *j)
{
    if (!j) return NULL;
    if (leati_str_status(&j->text) != LEAT_OK) return NULL; /* recorded when it happened */
    if (!j->failed) return leati_str_text(&j->text);
    LEATI_FAIL(
        j->text.context, LEAT_INVALID,
        "JSON: objects and arrays were ended more often than begun, or lie more than %d deep",
        DEPTH - 1);
    return NULL;
}
