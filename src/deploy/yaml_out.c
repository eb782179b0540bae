/* Owns: layout and quoting of YAML. Not: what is written. */
#include "deploy/yaml_out.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

void leati_yaml_init(leati_yaml *y, leat_context *c)
{
    *y = (leati_yaml){.depth = -1};
    leati_str_init(&y->text, c);
}

void leati_yaml_fini(leati_yaml *y)
{
    leati_str_fini(&y->text);
}

/* ---- scalars ----------------------------------------------------------------------------------
 */

/* Begins with a letter or a slash, holds nothing that means something, and is none of the words of
 * YAML 1.1. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"y",   "n",    "yes",   "no",  "on",
                                        "off", "true", "false", "null"};
    if (!isalpha((unsigned char)*text) && *text != '/') return false;
    for (const char *at = text; *at; at++) {
        if (isalnum((unsigned char)*at) || strchr("._/@-", *at)) continue;
        if (*at != ':' || !at[1] || at[1] == ' ') return false;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0) return false;
    return true;
}

/* Control characters and what ends a line for some reader; the bytes of it, 0: none. */
static size_t unprintable(const unsigned char *at, unsigned *code)
{
    *code = *at;
    if (*at < 0x20 || *at == 0x7f) return 1;
    if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) {
        *code = at[1];
        return 2;
    }
    if (*at == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9)) {
        *code = 0x2000u + (at[2] - 0x80u);
        return 3;
    }
    if (*at != 0xef || at[1] != 0xbb || at[2] != 0xbf) return 0;
    *code = 0xfeff;
    return 3;
}

static void add_scalar(leati_str *s, const char *text)
{
    if (is_plain(text)) {
        leati_str_add(s, text);
        return;
    }
    leati_str_addc(s, '"');
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        unsigned code;
        size_t n = unprintable(at, &code);
        if (n) leati_str_addf(s, "\\u%04x", code);
        else if (*at == '"' || *at == '\\') leati_str_addf(s, "\\%c", *at);
        else leati_str_addc(s, (char)*at);
        at += n ? n : 1;
    }
    leati_str_addc(s, '"');
}

/* ---- layout -----------------------------------------------------------------------------------
 */

/* Where the next entry begins: behind the dash of its list, or on a line of its own; then its dash
 * or key. */
static void lead(leati_yaml *y, const char *key)
{
    leati_str *s = &y->text;
    y->fault = y->fault || y->depth < 0 || y->levels[y->depth].list != !key;
    if (y->fault) return;
    if (y->levels[y->depth].beside) leati_str_addc(s, ' ');
    else leati_str_addf(s, "\n%*s", y->levels[y->depth].indent, "");
    y->levels[y->depth].beside = false;
    y->levels[y->depth].entries++;
    if (!key) {
        leati_str_addc(s, '-');
        return;
    }
    add_scalar(s, key);
    leati_str_addc(s, ':');
}

static void begin(leati_yaml *y, const char *key, bool list)
{
    lead(y, key);
    y->fault = y->fault || y->depth + 1 >= LEATI_YAML_DEPTH;
    if (y->fault) return;
    int indent = y->levels[y->depth].indent + (list && key ? 0 : 2);
    y->depth++;
    y->levels[y->depth].list = list;
    y->levels[y->depth].beside = !key;
    y->levels[y->depth].indent = indent;
    y->levels[y->depth].entries = 0;
}

void leati_yaml_document(leati_yaml *y)
{
    y->fault = y->fault || y->depth >= 0;
    leati_str_add(&y->text, y->text.length ? "\n---" : "---");
    y->depth = 0;
    y->levels[0].list = y->levels[0].beside = false;
    y->levels[0].indent = 0;
    y->levels[0].entries = 0;
}

void leati_yaml_map(leati_yaml *y, const char *key)
{
    begin(y, key, false);
}

void leati_yaml_list(leati_yaml *y, const char *key)
{
    begin(y, key, true);
}

void leati_yaml_end(leati_yaml *y)
{
    y->fault = y->fault || y->depth < 0;
    if (y->fault) return;
    if (!y->levels[y->depth].entries)
        leati_str_add(&y->text, y->levels[y->depth].list ? " []" : " {}");
    y->depth--;
}

void leati_yaml_text(leati_yaml *y, const char *key, const char *value)
{
    lead(y, key);
    leati_str_addc(&y->text, ' ');
    add_scalar(&y->text, value);
}

void leati_yaml_textf(leati_yaml *y, const char *key, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    y->fault = y->fault || n < 0 || (size_t)n >= sizeof text;
    leati_yaml_text(y, key, text);
}

void leati_yaml_whole(leati_yaml *y, const char *key, int64_t value)
{
    lead(y, key);
    leati_str_addf(&y->text, " %lld", (long long)value);
}

void leati_yaml_flag(leati_yaml *y, const char *key, bool value)
{
    lead(y, key);
    leati_str_add(&y->text, value ? " true" : " false");
}

void leati_yaml_comment(leati_yaml *y, const char *comment)
{
    y->fault = y->fault || y->depth < 0 || y->levels[y->depth].beside;
    if (!y->fault) leati_str_addf(&y->text, "\n%*s# %s", y->levels[y->depth].indent, "", comment);
}

leat_status leati_yaml_finish(leati_yaml *y)
{
    LEATI_BUG_IF(y->text.context, y->fault || y->depth >= 0);
    leati_str_addc(&y->text, '\n');
    return leati_str_status(&y->text);
}
