/* Owns: specifications of splits as text. Making the folds is split.c. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "base/str.h"
#include "learn/split.h"

enum { MOST_FOLDS = 1000000 };

static const struct row {
    const char *name, *forms, *doc;
} rows[] = {
#define SPLIT(kind, name, forms, doc) {name, forms, doc},
#include "learn/splits.def"
#undef SPLIT
};

const char *leati_split_name(leati_split_kind kind)
{
    return kind < LEATI_SPLIT_KINDS ? rows[kind].name : "?";
}

const char *leati_split_doc(leati_split_kind kind)
{
    return kind < LEATI_SPLIT_KINDS ? rows[kind].doc : "?";
}

static leat_status wrong(leat_context *c, const char *text, leati_split_kind kind, const char *why)
{
    leati_str forms;
    leati_str_init(&forms, c);
    for (int k = 0; k < LEATI_SPLIT_KINDS; k++)
        leati_str_addf(&forms, "%s%s", k ? ", " : "", rows[k].forms);
    leat_status st = LEATI_FAIL(c, LEAT_INVALID, "cannot split as '%s': %s", text, why);
    if (kind < LEATI_SPLIT_KINDS) leati_error_hint(c, "expected %s", rows[kind].forms);
    else leati_error_hint(c, "allowed: %s", leati_str_text(&forms));
    leati_str_fini(&forms);
    return st;
}

static bool whole(const char *text, size_t n, uint32_t least, uint32_t *out)
{
    int64_t v;
    if (!leati_int_parse(text, n, &v) || v < (int64_t)least || v > MOST_FOLDS) return false;
    *out = (uint32_t)v;
    return true;
}

/* "5x2" */
static bool pair(const char *text, uint32_t least_second, uint32_t *a, uint32_t *b)
{
    size_t n = strcspn(text, "x");
    return text[n] && whole(text, n, 2, a) &&
           whole(text + n + 1, strlen(text + n + 1), least_second, b);
}

static leat_status unknown(leat_context *c, const char *text, size_t length)
{
    const char *names[LEATI_SPLIT_KINDS];
    char name[32];
    for (int k = 0; k < LEATI_SPLIT_KINDS; k++) names[k] = rows[k].name;
    snprintf(name, sizeof name, "%.*s", (int)(length < 31 ? length : 31), text);
    leat_status st = wrong(c, text, LEATI_SPLIT_KINDS, "there is no such way to split");
    const char *near = leati_nearest(name, names, LEATI_SPLIT_KINDS);
    return near ? leati_error_hint(c, "Did you mean '%s'?", near) : st;
}

static leat_status parse_share(leat_context *c, leati_split_spec *s, const char *text,
                               const char *rest)
{
    if (!*rest) return LEAT_OK;
    if (!leati_num_parse(rest, strlen(rest), &s->test_share) || !(s->test_share > 0) ||
        !(s->test_share < 1))
        return wrong(c, text, s->kind, "the share of test rows must be between 0 and 1");
    return LEAT_OK;
}

static leat_status parse_time(leat_context *c, leati_split_spec *s, const char *text,
                              const char *rest)
{
    size_t n = strcspn(rest, ":");
    if (*rest && !whole(rest, n, 1, &s->folds))
        return wrong(c, text, s->kind, "the number of folds must be a whole number of at least 1");
    if (!rest[n]) return LEAT_OK;
    if (!rest[n + 1]) return wrong(c, text, s->kind, "the name of the column is empty");
    s->column = rest + n + 1;
    return LEAT_OK;
}

leat_status leati_split_parse(leat_context *c, leati_split_spec *out, const char *text)
{
    size_t n = strcspn(text, ":");
    const char *rest = text[n] ? text + n + 1 : "";
    int kind = 0;
    while (kind < LEATI_SPLIT_KINDS &&
           (strlen(rows[kind].name) != n || memcmp(rows[kind].name, text, n) != 0))
        kind++;
    if (kind == LEATI_SPLIT_KINDS) return unknown(c, text, n);
    leati_split_spec s = {.kind = (leati_split_kind)kind, .repeats = 1};
    if (text[n] && !*rest) return wrong(c, text, s.kind, "nothing stands after the colon");
    switch (s.kind) {
    case LEATI_SPLIT_AUTO:
    case LEATI_SPLIT_LOO:
        if (*rest) return wrong(c, text, s.kind, "it takes no number");
        break;
    case LEATI_SPLIT_KFOLD:
    case LEATI_SPLIT_STRATIFIED:
        s.folds = 10;
        if (*rest && !whole(rest, strlen(rest), 2, &s.folds))
            return wrong(c, text, s.kind,
                         "the number of folds must be a whole number of at least 2");
        break;
    case LEATI_SPLIT_REPEATED:
        s.folds = 5, s.repeats = 2;
        if (*rest && !pair(rest, 1, &s.folds, &s.repeats))
            return wrong(c, text, s.kind, "give folds (at least 2) x repeats (at least 1)");
        break;
    case LEATI_SPLIT_NESTED:
        s.folds = 5, s.inner = 3;
        if (*rest && !pair(rest, 2, &s.folds, &s.inner))
            return wrong(c, text, s.kind, "give outer folds x inner folds (at least 2 each)");
        break;
    case LEATI_SPLIT_GROUP:
        s.folds = 10;
        if (!*rest)
            return wrong(c, text, s.kind, "name the column that says what belongs together");
        s.column = rest;
        break;
    case LEATI_SPLIT_PREDEFINED: s.column = *rest ? rest : NULL; break;
    case LEATI_SPLIT_TIME:
        s.folds = 5;
        LEATI_TRY(parse_time(c, &s, text, rest));
        break;
    case LEATI_SPLIT_HOLDOUT:
        s.test_share = 0.2;
        LEATI_TRY(parse_share(c, &s, text, rest));
        break;
    case LEATI_SPLIT_KINDS: break;
    }
    *out = s;
    return LEAT_OK;
}

size_t leati_split_text(const leati_split_spec *s, char *out, size_t size)
{
    const char *name = leati_split_name(s->kind);
    char number[LEATI_NUM_SIZE];
    int n = 0;
    switch (s->kind) {
    case LEATI_SPLIT_KFOLD:
    case LEATI_SPLIT_STRATIFIED: n = snprintf(out, size, "%s:%u", name, s->folds); break;
    case LEATI_SPLIT_REPEATED:
        n = snprintf(out, size, "%s:%ux%u", name, s->folds, s->repeats);
        break;
    case LEATI_SPLIT_NESTED: n = snprintf(out, size, "%s:%ux%u", name, s->folds, s->inner); break;
    case LEATI_SPLIT_TIME:
        n = snprintf(out, size, "%s:%u%s%s", name, s->folds, s->column ? ":" : "",
                     s->column ? s->column : "");
        break;
    case LEATI_SPLIT_HOLDOUT:
        leati_num_format(s->test_share, number);
        n = snprintf(out, size, "%s:%s", name, number);
        break;
    default:
        n = snprintf(out, size, "%s%s%s", name, s->column ? ":" : "", s->column ? s->column : "");
        break;
    }
    return n > 0 ? (size_t)n : 0;
}
