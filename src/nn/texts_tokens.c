/* Owns: tensors of texts cut into tokens. Not: where tokens end (frame/tokens.c). */
#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "frame/tokens.h"
#include "nn/texts.h"

leat_token_options leat_token_options_default(void)
{
    return (leat_token_options){.struct_size = sizeof(leat_token_options), .unit = LEAT_TOKEN_WORD};
}

/* The tokens of all distinct texts, one text behind the other. */
typedef struct cut {
    leat_context *context;
    leat_token_options o;
    leati_map map; /* distinct tokens */
    uint32_t *token;
    size_t count, capacity;
    size_t *start;  /* (texts + 1) */
    size_t longest; /* tokens of a text */
    char *room;     /* for lower case */
    size_t room_size;
} cut;

static leat_status add_token(cut *k, const char *text, size_t length)
{
    leat_context *c = k->context;
    if (k->o.lower) {
        LEATI_TRY(leati_grow(c, &k->room, &k->room_size, length, 1));
        for (size_t i = 0; i < length; i++)
            k->room[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
        text = k->room;
    }
    uint32_t code = leati_map_put(&k->map, text, length);
    if (code == LEATI_MAP_NONE) return LEAT_NOMEM;
    LEATI_TRY(leati_grow(c, &k->token, &k->capacity, k->count + 1, sizeof *k->token));
    k->token[k->count++] = code;
    return LEAT_OK;
}

static leat_status cut_text(cut *k, const char *text, size_t length)
{
    bool words = k->o.unit == LEAT_TOKEN_WORD;
    size_t before = k->count, n;
    for (size_t at = 0; (n = leati_token_next(words, text, length, &at)); at += n) {
        if (k->o.length && k->count - before == k->o.length) break;
        LEATI_TRY(add_token(k, text + at, n));
    }
    if (k->count - before > k->longest) k->longest = k->count - before;
    return LEAT_OK;
}

static leat_status cut_all(cut *k, const leati_dict *dict)
{
    k->start = leati_array(k->context, (size_t)dict->count + 1, sizeof *k->start);
    if (!k->start) return LEAT_NOMEM;
    for (uint32_t i = 0; i < dict->count; i++) {
        size_t length;
        const char *text = leati_dict_text(dict, i, &length);
        k->start[i] = k->count;
        LEATI_TRY(cut_text(k, text, length));
    }
    k->start[dict->count] = k->count;
    return LEAT_OK;
}

/* Every element gets the tokens of its text. */
static leat_status spread(const cut *k, const leat_texts *t, leat_texts **out)
{
    leat_context *c = k->context;
    size_t length = k->o.length ? k->o.length : k->longest, total;
    leat_shape shape = t->shape;
    LEATI_CHECK(c, !leati_mul_overflows(t->count, length, &total) && length <= INT32_MAX,
                LEAT_LIMIT, "%zu texts of %zu tokens are too many", t->count, length);
    shape.dim[shape.rank++] = (int64_t)length;
    uint32_t *codes = leati_array(c, total, sizeof *codes);
    for (size_t i = 0; codes && i < t->count; i++) {
        uint32_t *to = codes + i * length, text = t->codes[i];
        bool there = text != LEATI_TEXT_MISSING;
        size_t n = there ? k->start[text + 1] - k->start[text] : 0;
        if (n) memcpy(to, k->token + k->start[text], n * sizeof *to);
        for (; n < length; n++) to[n] = LEATI_TEXT_MISSING;
    }
    return leati_texts_make(c, shape, codes, codes ? leati_dict_from_map(c, &k->map) : NULL, out);
}

leat_status leat_texts_tokens(leat_context *c, const leat_texts *t,
                              const leat_token_options *options, leat_texts **out)
{
    cut k = {.context = c, .o = leat_token_options_default()};
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_token_options, &k.o, options));
    LEATI_CHECK(c, k.o.unit == LEAT_TOKEN_CHARACTER || k.o.unit == LEAT_TOKEN_WORD, LEAT_INVALID,
                "%d is no unit of tokens", (int)k.o.unit);
    LEATI_CHECK(c, t->shape.rank < LEAT_MAX_RANK, LEAT_SHAPE,
                "texts of rank %d have no room for an axis of tokens", t->shape.rank);
    leati_map_init(&k.map, c);
    leat_status st = cut_all(&k, t->dict);
    if (st == LEAT_OK) st = spread(&k, t, out);
    leati_map_fini(&k.map);
    leati_free(k.token);
    leati_free(k.start);
    leati_free(k.room);
    return st;
}
