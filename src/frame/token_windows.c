/* Owns: a text as a table of windows of tokens and the token that follows each. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "frame/text_windows.h"

size_t leati_text_show(const char *text, size_t length, bool ascii, char out[LEATI_SHOWN_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char ch = (unsigned char)text[i];
        bool plain = ch >= ' ' && ch != 127 && ch != '\\' && (ch < 127 || !ascii);
        if (!plain) out[n++] = '\\';
        if (plain || ch == '\\') out[n++] = text[i];
        else if (ch == '\n' || ch == '\t') out[n++] = ch == '\n' ? 'n' : 't';
        else {
            out[n++] = 'x';
            out[n++] = digits[ch >> 4];
            out[n++] = digits[ch & 15];
        }
    }
    return n;
}

static int digit(char ch)
{
    if (ch >= '0' && ch <= '9') return ch - '0';
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

size_t leati_text_unshow(const char *name, size_t length, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        char next = name[i] == '\\' && i + 1 < length ? name[i + 1] : '\0';
        bool hex =
            next == 'x' && i + 3 < length && digit(name[i + 2]) >= 0 && digit(name[i + 3]) >= 0;
        if (hex) {
            out[n++] = (char)(digit(name[i + 2]) * 16 + digit(name[i + 3]));
            i += 3;
        } else if (next == 'n' || next == 't' || next == '\\') {
            out[n++] = next == 'n' ? '\n' : next == 't' ? '\t' : '\\';
            i++;
        } else {
            out[n++] = name[i];
        }
    }
    return n;
}

/* Where the tokens of a text begin and end. */
typedef struct places {
    size_t *from, *to;
    size_t count;
} places;

static leat_status find_tokens(leat_context *c, bool words, const char *text, size_t size,
                               places *out)
{
    size_t room_from = 0, room_to = 0, n;
    for (size_t at = 0; (n = leati_token_next(words, text, size, &at)); at += n) {
        LEATI_TRY(leati_grow(c, &out->from, &room_from, out->count + 1, sizeof *out->from));
        LEATI_TRY(leati_grow(c, &out->to, &room_to, out->count + 1, sizeof *out->to));
        out->from[out->count] = at;
        out->to[out->count++] = at + n;
    }
    return LEAT_OK;
}

/* Tokens without a number share one class. */
static leati_column *next_tokens(leat_context *c, const leati_token_rules *r,
                                 const leati_lexicon *lexicon, const char *text, const places *p,
                                 size_t length, size_t step, size_t rows)
{
    leati_map map;
    leati_column *col = leati_column_create(c, LEAT_STRING, rows);
    bool good = col != NULL;
    leati_map_init(&map, c);
    for (size_t i = 0; good && i < rows; i++) {
        char shown[LEATI_SHOWN_BYTES];
        size_t at = p->from[i * step + length], n = p->to[i * step + length] - at, size;
        uint32_t id = leati_lexicon_find(lexicon, r->lower, text + at, n);
        if (id == LEATI_TOKEN_UNKNOWN) {
            col->codes[i] = leati_map_put(&map, r->unknown, strlen(r->unknown));
        } else {
            const char *token = leati_map_key(&lexicon->map, id - LEATI_TOKEN_FIRST, &n);
            size = leati_text_show(token, n, false, shown);
            col->codes[i] = leati_map_put(&map, shown, size);
        }
        good = col->codes[i] != LEATI_MAP_NONE;
    }
    if (good) col->dict = leati_dict_from_map(c, &map);
    leati_map_fini(&map);
    if (col && col->dict) return col;
    leati_column_release(col);
    return NULL;
}

static leati_column *slices(leat_context *c, const char *text, const places *p, size_t length,
                            size_t step, size_t rows)
{
    leati_map map;
    leati_column *col = leati_column_create(c, LEAT_STRING, rows);
    bool good = col != NULL;
    leati_map_init(&map, c);
    for (size_t i = 0; good && i < rows; i++) {
        size_t from = p->from[i * step], to = p->to[i * step + length - 1];
        col->codes[i] = leati_map_put(&map, text + from, to - from);
        good = col->codes[i] != LEATI_MAP_NONE;
    }
    if (good) col->dict = leati_dict_from_map(c, &map);
    leati_map_fini(&map);
    if (col && col->dict) return col;
    leati_column_release(col);
    return NULL;
}

leat_status leati_token_windows(leat_context *c, leat_frame **out, const leati_token_rules *rules,
                                const char *text, size_t size, size_t length, size_t step,
                                size_t most, const char *name)
{
    places p = {0};
    leati_token_counts counts;
    leati_lexicon lexicon = {0};
    leati_token_rules all = *rules; /* classes are of the whole text */
    leat_status st;
    size_t rows;
    all.length = 0;
    *out = NULL;
    leati_token_counts_init(&counts, c);
    LEATI_GO(find_tokens(c, rules->words, text, size, &p));
    if (p.count <= length) {
        st = LEATI_FAIL(c, LEAT_FORMAT, "%s has %zu %s; windows of %zu need one more at least",
                        name, p.count, rules->words ? "words" : "characters", length);
        goto out;
    }
    rows = (p.count - length - 1) / step + 1;
    if (most && rows > most) rows = most;
    if (rows >= UINT32_MAX) {
        st = LEATI_FAIL(c, LEAT_LIMIT, "%s gives more windows than a table has rows", name);
        goto out;
    }
    LEATI_GO(leati_token_counts_add(&counts, &all, text, size));
    LEATI_GO(leati_lexicon_learn(c, &lexicon, rules, &counts));
    *out = leati_frame_create(c, rows);
    if (!*out) LEATI_GO(leat_error_status(c));
    LEATI_GO(leati_frame_add(c, *out, "text", slices(c, text, &p, length, step, rows)));
    LEATI_GO(leati_frame_add(c, *out, "next",
                             next_tokens(c, rules, &lexicon, text, &p, length, step, rows)));
out:
    leati_token_counts_fini(&counts);
    leati_lexicon_fini(&lexicon);
    leati_free(p.from);
    leati_free(p.to);
    if (st != LEAT_OK) {
        leat_frame_release(*out);
        *out = NULL;
    }
    return st;
}
