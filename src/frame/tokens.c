/* Owns: cutting texts into tokens, the setting `tokens`, vocabularies. Not: tensors of texts
 * (nn/texts.c). */
#include "frame/tokens.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"

/* ---- the setting -------------------------------------------------------------------------------
 */

enum { MOST_LENGTH = 1000000, MOST_VOCABULARY = 1 << 24 };

static leat_status refuse(leat_context *c, const char *text)
{
    LEATI_FAIL(c, LEAT_INVALID, "tokens is '%s'", text);
    return leati_error_hint(
        c, "it takes words or characters, with what differs from the defaults: "
           "words(length=0, vocabulary=10000, min_count=1, lower=false, unknown=<unk>)");
}

static bool read_size(const char *text, size_t length, int64_t least, int64_t most, size_t *out)
{
    int64_t n;
    if (!leati_int_parse(text, length, &n) || n < least || n > most) return false;
    *out = (size_t)n;
    return true;
}

static bool read_option(const char *name, size_t n, const char *value, size_t length,
                        leati_token_rules *r)
{
#define NAMED(s) (n == sizeof(s) - 1 && memcmp(name, s, n) == 0)
    if (NAMED("length")) return read_size(value, length, 0, MOST_LENGTH, &r->length);
    if (NAMED("vocabulary")) return read_size(value, length, 3, MOST_VOCABULARY, &r->vocabulary);
    if (NAMED("min_count")) return read_size(value, length, 1, INT32_MAX, &r->min_count);
    if (NAMED("lower")) {
        r->lower = length == 4 && memcmp(value, "true", 4) == 0;
        return r->lower || (length == 5 && memcmp(value, "false", 5) == 0);
    }
    if (!NAMED("unknown") || length == 0 || length >= sizeof r->unknown) return false;
#undef NAMED
    memcpy(r->unknown, value, length);
    r->unknown[length] = '\0';
    return true;
}

/* "name=value, ...)" to the end. */
static bool read_options(const char *at, leati_token_rules *r)
{
    for (;;) {
        at += strspn(at, " ");
        size_t n = strcspn(at, "=,) ");
        const char *value = at + n;
        value += strspn(value, " ");
        if (n == 0 || *value != '=') return false;
        value++;
        value += strspn(value, " ");
        size_t length = strcspn(value, ",) ");
        if (!read_option(at, n, value, length, r)) return false;
        at = value + length;
        at += strspn(at, " ");
        if (*at == ')') return at[1 + strspn(at + 1, " ")] == '\0';
        if (*at++ != ',') return false;
    }
}

leat_status leati_token_rules_parse(leat_context *c, const char *text, leati_token_rules *out)
{
    *out = (leati_token_rules){.vocabulary = 10000, .min_count = 1, .unknown = "<unk>"};
    if (!text || !*text) return LEAT_OK;
    size_t n = strcspn(text, "( ");
    out->words = n == 5 && memcmp(text, "words", 5) == 0;
    bool known = out->words || (n == 10 && memcmp(text, "characters", 10) == 0);
    const char *rest = text + n + strspn(text + n, " ");
    if (!known || strlen(text) >= sizeof out->text || (*rest && *rest != '(') ||
        (*rest && !read_options(rest + 1, out)))
        return refuse(c, text);
    memcpy(out->text, text, strlen(text) + 1);
    return LEAT_OK;
}

/* ---- cutting -----------------------------------------------------------------------------------
 */

static bool in_word(unsigned char ch)
{
    return isalnum(ch) || ch == '_' || ch >= 0x80;
}

static size_t character(const char *text, size_t left)
{
    size_t n = 1;
    while (n < left && n < 4 && ((unsigned char)text[n] & 0xc0) == 0x80) n++;
    return (unsigned char)*text < 0x80 ? 1 : n;
}

static size_t word(const char *text, size_t left)
{
    size_t n = 0;
    while (n < left && (in_word((unsigned char)text[n]) || (text[n] == '\'' && n && n + 1 < left &&
                                                            in_word((unsigned char)text[n + 1]))))
        n++;
    return n ? n : 1;
}

size_t leati_token_next(bool words, const char *text, size_t length, size_t *at)
{
    while (words && *at < length && isspace((unsigned char)text[*at])) ++*at;
    if (*at >= length) return 0;
    return words ? word(text + *at, length - *at) : character(text + *at, length - *at);
}

/* ---- counting ----------------------------------------------------------------------------------
 */

/* The token, or its lower case in `room`. */
static const char *as_counted(bool lower, const char *token, size_t length,
                              char room[LEATI_TOKEN_BYTES])
{
    if (!lower) return token;
    for (size_t i = 0; i < length; i++)
        room[i] = (char)(token[i] >= 'A' && token[i] <= 'Z' ? token[i] + 32 : token[i]);
    return room;
}

void leati_token_counts_init(leati_token_counts *k, leat_context *c)
{
    *k = (leati_token_counts){0};
    leati_map_init(&k->map, c);
}

void leati_token_counts_fini(leati_token_counts *k)
{
    leati_map_fini(&k->map);
    leati_free(k->count);
    *k = (leati_token_counts){0};
}

leat_status leati_token_counts_add(leati_token_counts *k, const leati_token_rules *r,
                                   const char *text, size_t length)
{
    char room[LEATI_TOKEN_BYTES];
    size_t tokens = 0, n;
    leat_context *c = k->map.context;
    for (size_t at = 0; (n = leati_token_next(r->words, text, length, &at)); at += n) {
        if (r->length && tokens == r->length) break;
        tokens++;
        if (n > LEATI_TOKEN_BYTES) continue;
        uint32_t before = (uint32_t)k->map.count;
        uint32_t code = leati_map_put(&k->map, as_counted(r->lower, text + at, n, room), n);
        if (code == LEATI_MAP_NONE) return leat_error_status(c);
        LEATI_TRY(leati_grow(c, &k->count, &k->capacity, k->map.count, sizeof *k->count));
        if (code == before) k->count[code] = 0;
        k->count[code]++;
    }
    if (tokens > k->longest) k->longest = tokens;
    return LEAT_OK;
}

/* ---- numbers -----------------------------------------------------------------------------------
 */

static int by_count(const void *a, const void *b)
{
    const leati_counted *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

void leati_counted_sort(leati_counted *list, size_t count)
{
    if (count) qsort(list, count, sizeof *list, by_count);
}

leat_status leati_lexicon_learn(leat_context *c, leati_lexicon *l, const leati_token_rules *r,
                                const leati_token_counts *k)
{
    size_t most = r->vocabulary - LEATI_TOKEN_FIRST;
    leati_map_init(&l->map, c);
    leati_counted *list = LEATI_NEW(c, leati_counted, k->map.count + 1);
    if (!list) return leat_error_status(c);
    for (uint32_t i = 0; i < k->map.count; i++) {
        list[i].text = leati_map_key(&k->map, i, &list[i].length);
        list[i].count = k->count[i];
    }
    leati_counted_sort(list, k->map.count);
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < k->map.count && i < most && st == LEAT_OK; i++) {
        if (list[i].count < r->min_count) break;
        if (leati_map_put(&l->map, list[i].text, list[i].length) == LEATI_MAP_NONE)
            st = leat_error_status(c);
    }
    leati_free(list);
    if (st != LEAT_OK) leati_lexicon_fini(l);
    return st;
}

leat_status leati_lexicon_add(leat_context *c, leati_lexicon *l, const char *token, size_t length)
{
    uint32_t before = (uint32_t)l->map.count;
    if (!l->map.context) leati_map_init(&l->map, c);
    LEATI_CHECK(c, length > 0 && length <= LEATI_TOKEN_BYTES && before < MOST_VOCABULARY,
                LEAT_FORMAT, "a vocabulary holds no tokens of %zu bytes, and at most %d", length,
                MOST_VOCABULARY);
    uint32_t code = leati_map_put(&l->map, token, length);
    if (code == LEATI_MAP_NONE) return leat_error_status(c);
    LEATI_CHECK(c, code == before, LEAT_FORMAT, "a vocabulary holds '%.*s' twice", (int)length,
                token);
    return LEAT_OK;
}

void leati_lexicon_fini(leati_lexicon *l)
{
    leati_map_fini(&l->map);
    *l = (leati_lexicon){0};
}

uint32_t leati_lexicon_find(const leati_lexicon *l, bool lower, const char *token, size_t length)
{
    char room[LEATI_TOKEN_BYTES];
    if (length > LEATI_TOKEN_BYTES) return LEATI_TOKEN_UNKNOWN;
    uint32_t k = leati_map_get(&l->map, as_counted(lower, token, length, room), length);
    return k == LEATI_MAP_NONE ? LEATI_TOKEN_UNKNOWN : k + LEATI_TOKEN_FIRST;
}

void leati_lexicon_ids(const leati_lexicon *l, const leati_token_rules *r, const char *text,
                       size_t length, size_t most, uint32_t *ids)
{
    size_t k = 0, n;
    for (size_t at = 0; k < most && (n = leati_token_next(r->words, text, length, &at)); at += n)
        ids[k++] = leati_lexicon_find(l, r->lower, text + at, n);
    while (k < most) ids[k++] = LEATI_TOKEN_MISSING;
}
