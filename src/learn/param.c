/* Owns: reading, checking and writing parameter values by their table. */
#include "learn/param.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

enum { ECHOED = 100 }; /* bytes of a wrong value that a message repeats */

/* The number of the choice `text` (n bytes) in "a|b|c", or -1. */
static int choice_of(const char *choices, const char *text, size_t n)
{
    int index = 0;
    for (const char *at = choices; at; index++) {
        size_t length = strcspn(at, "|");
        if (length == n && memcmp(at, text, n) == 0) return index;
        at = at[length] ? at + length + 1 : NULL;
    }
    return -1;
}

static const char *choice_text(const char *choices, int index, size_t *length)
{
    const char *at = choices;
    while (index-- > 0) at += strcspn(at, "|") + 1;
    *length = strcspn(at, "|");
    return at;
}

static bool parse_bool(const char *text, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(text, yes[i]) == 0) return *out = true;
        if (strcmp(text, no[i]) == 0) return !(*out = false);
    }
    return false;
}

/* Stores the value; false when it is not one of this parameter. */
static bool assign(const leati_param *p, void *object, const char *text)
{
    char *at = (char *)object + p->offset;
    size_t n = strlen(text);
    double value = 0;
    int64_t whole = 0;
    bool number = leati_num_parse(text, n, &value) && value >= p->least && value <= p->most;
    switch (p->type) {
    case LEATI_PARAM_BOOL: return parse_bool(text, (bool *)at);
    case LEATI_PARAM_INT:
        if (!number || !leati_int_parse(text, n, &whole)) return false;
        memcpy(at, &whole, sizeof whole);
        return true;
    case LEATI_PARAM_REAL:
        if (!number) return false;
        memcpy(at, &value, sizeof value);
        return true;
    case LEATI_PARAM_CHOICE: {
        int choice = choice_of(p->choices, text, n);
        if (choice < 0) return false;
        memcpy(at, &choice, sizeof choice);
        return true;
    }
    case LEATI_PARAM_MIXED: {
        leati_mixed mixed = {choice_of(p->choices, text, n), 0};
        if (mixed.choice < 0 && (!number || (p->whole && value != trunc(value)))) return false;
        if (mixed.choice < 0) mixed.value = value;
        memcpy(at, &mixed, sizeof mixed);
        return true;
    }
    case LEATI_PARAM_TEXT:
        if (n >= LEATI_TEXT_PARAM) return false;
        memcpy(at, text, n + 1);
        return true;
    case LEATI_PARAM_WORD:
        if (n >= LEATI_WORD_PARAM) return false;
        memcpy(at, text, n + 1);
        return true;
    }
    return false;
}

void leati_params_default(const leati_param *table, void *object)
{
    for (const leati_param *p = table; p->name; p++) (void)assign(p, object, p->standard);
}

const leati_param *leati_param_find(const leati_param *table, const char *name)
{
    for (const leati_param *p = table; p->name; p++)
        if (strcmp(p->name, name) == 0) return p;
    return NULL;
}

static leat_status unknown(leat_context *c, const leati_param *table, const char *owner,
                           const char *name)
{
    const char *names[64];
    size_t count = 0;
    leati_str list;
    leati_str_init(&list, c);
    for (const leati_param *p = table; p->name && count < 64; p++) {
        if (p->hidden) continue;
        names[count++] = p->name;
        leati_str_addf(&list, " %s", p->name);
    }
    leat_status st = LEATI_FAIL(c, LEAT_INVALID, "%s has no parameter '%s'", owner, name);
    const char *near = leati_nearest(name, names, count);
    if (near) leati_error_hint(c, "Did you mean '%s'?", near);
    leati_error_hint(c, "parameters:%s", count ? leati_str_text(&list) : " none");
    leati_str_fini(&list);
    return st;
}

/* "a number from 0 to 1", "one of gini, entropy", ... */
static void allowed(const leati_param *p, leati_str *out)
{
    if (p->type == LEATI_PARAM_BOOL) leati_str_add(out, "true or false");
    for (const char *at = p->choices; at && *at;) {
        size_t n = strcspn(at, "|");
        leati_str_add(out, at == p->choices ? "" : ", ");
        leati_str_addn(out, at, n);
        at = at[n] ? at + n + 1 : NULL;
    }
    bool word = p->type == LEATI_PARAM_WORD, text = word || p->type == LEATI_PARAM_TEXT;
    if (text)
        leati_str_addf(out, "a text of at most %d characters",
                       (word ? LEATI_WORD_PARAM : LEATI_TEXT_PARAM) - 1);
    if (p->type == LEATI_PARAM_BOOL || p->type == LEATI_PARAM_CHOICE || text) return;
    char low[LEATI_NUM_SIZE], high[LEATI_NUM_SIZE];
    leati_num_format(p->least, low);
    leati_num_format(p->most, high);
    bool whole = p->type == LEATI_PARAM_INT || p->whole;
    leati_str_addf(out, "%sa %snumber", p->choices ? " or " : "", whole ? "whole " : "");
    if (isfinite(p->most) && p->most < 1e15) leati_str_addf(out, " from %s to %s", low, high);
    else if (isfinite(p->least) && p->least > -1e15) leati_str_addf(out, " of at least %s", low);
}

leat_status leati_param_set(leat_context *c, const leati_param *table, const char *owner,
                            void *object, const char *name, const char *value)
{
    const leati_param *p = leati_param_find(table, name);
    if (!p) return unknown(c, table, owner, name);
    if (assign(p, object, value)) return LEAT_OK;
    leati_str text;
    leati_str_init(&text, c);
    allowed(p, &text);
    size_t length = strlen(value), shown = length < ECHOED ? length : ECHOED;
    while (shown < length && shown && (value[shown] & 0xc0) == 0x80) shown--;
    leat_status st = LEAT_INVALID;
    if (shown < length)
        LEATI_FAIL(c, st, "%s.%s cannot be '%.*s...' (%zu bytes); it takes %s", owner, name,
                   (int)shown, value, length, leati_str_text(&text));
    else
        LEATI_FAIL(c, st, "%s.%s cannot be '%s'; it takes %s", owner, name, value,
                   leati_str_text(&text));
    leati_str_fini(&text);
    return st;
}

size_t leati_param_get(const leati_param *p, const void *object, char *out, size_t size)
{
    const char *at = (const char *)object + p->offset;
    char number[LEATI_NUM_SIZE];
    size_t n = 0;
    const char *text = number;
    switch (p->type) {
    case LEATI_PARAM_BOOL:
        return (size_t)snprintf(out, size, "%s", *(const bool *)at ? "true" : "false");
    case LEATI_PARAM_INT:
        return (size_t)snprintf(out, size, "%lld", (long long)*(const int64_t *)(const void *)at);
    case LEATI_PARAM_REAL: n = leati_num_format(*(const double *)(const void *)at, number); break;
    case LEATI_PARAM_CHOICE:
        text = choice_text(p->choices, *(const int *)(const void *)at, &n);
        break;
    case LEATI_PARAM_WORD:
    case LEATI_PARAM_TEXT: return (size_t)snprintf(out, size, "%s", at);
    case LEATI_PARAM_MIXED: {
        const leati_mixed *m = (const leati_mixed *)(const void *)at;
        if (m->choice >= 0) text = choice_text(p->choices, m->choice, &n);
        else n = leati_num_format(m->value, number);
        break;
    }
    }
    return (size_t)snprintf(out, size, "%.*s", (int)n, text);
}

void leati_params_json(const leati_param *table, const void *object, leat_json *json,
                       const char *key)
{
    leat_json_begin_object(json, key);
    for (const leati_param *p = table; p->name; p++) {
        char text[LEATI_TEXT_PARAM];
        double value;
        if (p->hidden) continue;
        leati_param_get(p, object, text, sizeof text);
        bool number = p->type != LEATI_PARAM_CHOICE && p->type != LEATI_PARAM_TEXT &&
                      p->type != LEATI_PARAM_WORD && leati_num_parse(text, strlen(text), &value) &&
                      isfinite(value);
        if (number || p->type == LEATI_PARAM_BOOL) leat_json_raw(json, p->name, text);
        else leat_json_string(json, p->name, text);
    }
    leat_json_end_object(json);
}
