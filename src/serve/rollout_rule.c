/* Owns: reading rules. Not: judging by them (rollout_judge.c). */
#include "serve/rollout_rule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

typedef struct reader {
    const char *from, *at, *end;
    char *why;
} reader;

static bool expected(reader *r, const char *what)
{
    int place = (int)(r->at - r->from) + 1;
    if (r->at == r->end)
        snprintf(r->why, LEATI_RULE_WHY, "the rule '%.*s' ends where %s should stand",
                 (int)(r->end - r->from), r->from, what);
    else
        snprintf(r->why, LEATI_RULE_WHY, "the rule '%.*s', character %d: expected %s, not '%.*s'",
                 (int)(r->end - r->from), r->from, place, what,
                 (int)(r->end - r->at > 20 ? 20 : r->end - r->at), r->at);
    return false;
}

static void skip_space(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t')) r->at++;
}

static bool is_letter(char ch)
{
    return (ch >= 'a' && ch <= 'z') || ch == '_';
}

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

/* Steps over the word if it stands here as a whole. */
static bool take(reader *r, const char *word)
{
    size_t n = strlen(word);
    skip_space(r);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) return false;
    if (is_letter(word[n - 1]) && r->at + n < r->end && is_letter(r->at[n])) return false;
    r->at += n;
    return true;
}

/* Digits with one point at most. */
static bool read_number(reader *r, double *out)
{
    skip_space(r);
    const char *from = r->at, *p = from;
    while (p < r->end && (is_digit(*p) || *p == '.')) p++;
    if (p == from || !leati_num_parse(from, (size_t)(p - from), out) || !isfinite(*out))
        return expected(r, "a number");
    r->at = p;
    return true;
}

static bool read_what(reader *r, leati_rule *out)
{
    static const char what[] = "error_rate, disagreement, mean or a percentile such as p99";
    skip_space(r);
    if (take(r, "error_rate")) out->measure = LEATI_ERROR_RATE;
    else if (take(r, "disagreement")) out->measure = LEATI_DISAGREEMENT;
    else if (take(r, "mean")) out->measure = LEATI_MEAN_LATENCY;
    else if (r->end - r->at > 1 && *r->at == 'p' && is_digit(r->at[1])) {
        const char *from = r->at++;
        double percent;
        if (!read_number(r, &percent)) return false;
        out->measure = LEATI_LATENCY;
        out->quantile = percent / 100;
        if (percent > 0 && percent < 100) return true;
        r->at = from;
        return expected(r, "a percentile above p0 and below p100");
    } else {
        return expected(r, what);
    }
    return true;
}

/* As a share, or in nanoseconds. */
static bool read_amount(reader *r, const leati_rule *rule, double *out)
{
    const char *from = r->at;
    bool share = rule->measure == LEATI_ERROR_RATE || rule->measure == LEATI_DISAGREEMENT;
    if (!read_number(r, out)) return false;
    if (share) {
        if (take(r, "%")) *out /= 100;
        if (*out <= 1) return true;
        r->at = from;
        return expected(r, "a share of at most 100%");
    }
    if (take(r, "us")) *out *= 1e3;
    else if (take(r, "ms")) *out *= 1e6;
    else if (take(r, "s")) *out *= 1e9;
    else return expected(r, "a unit of time: us, ms or s");
    if (*out <= 3600e9) return true;
    r->at = from;
    return expected(r, "a time of at most an hour");
}

static bool read_limit(reader *r, leati_rule *out)
{
    const char *from = r->at;
    out->factor = 1;
    out->relative = take(r, "stable");
    if (!out->relative) return read_amount(r, out, &out->offset);
    if (out->measure == LEATI_DISAGREEMENT) {
        r->at = from;
        return expected(r, "a share such as 5% (the stable version never disagrees with itself)");
    }
    if (take(r, "*")) {
        const char *number = r->at;
        if (!read_number(r, &out->factor)) return false;
        if (!(out->factor >= 0.001 && out->factor <= 1000)) {
            r->at = number;
            return expected(r, "a factor from 0.001 to 1000");
        }
    }
    bool more = take(r, "+"), less = !more && take(r, "-");
    if ((more || less) && !read_amount(r, out, &out->offset)) return false;
    if (less) out->offset = -out->offset;
    return true;
}

bool leati_rule_parse(const char *text, size_t length, leati_rule *out, char why[LEATI_RULE_WHY])
{
    while (length && (*text == ' ' || *text == '\t')) text++, length--;
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t')) length--;
    reader r = {text, text, text + length, why};
    *out = (leati_rule){.factor = 1};
    *why = '\0';
    if (length >= LEATI_RULE_TEXT) {
        snprintf(why, LEATI_RULE_WHY, "a rule has at most %d characters, this one has %zu",
                 LEATI_RULE_TEXT - 1, length);
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] >= ' ' && text[i] < 127) continue;
        snprintf(why, LEATI_RULE_WHY, "character %zu of the rule is no printable ASCII", i + 1);
        return false;
    }
    memcpy(out->text, text, length);
    out->text[length] = '\0';
    if (!read_what(&r, out)) return false;
    if (!take(&r, ">")) return expected(&r, "'>'");
    if (!read_limit(&r, out)) return false;
    skip_space(&r);
    return r.at == r.end || expected(&r, "the end of the rule");
}
