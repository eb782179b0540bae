/* Owns: vocabularies: numbers of texts. */
#include "base/error.h"
#include "base/mem.h"
#include "frame/tokens.h"
#include "nn/texts.h"

enum { FIRST = 2 };

struct leat_vocabulary {
    leati_map map;    /* text number k has id k + FIRST */
    leati_dict *dict; /* the same texts, each with a zero byte behind it */
};

/* The texts that occur, in their order. */
static leati_counted *count_texts(leat_context *c, const leat_texts *t, size_t *found)
{
    uint32_t distinct = t->dict->count;
    leati_counted *e = LEATI_NEW(c, leati_counted, (size_t)distinct + 1);
    *found = 0;
    if (!e) return NULL;
    for (uint32_t k = 0; k < distinct; k++) e[k].text = leati_dict_text(t->dict, k, &e[k].length);
    for (size_t i = 0; i < t->count; i++)
        if (t->codes[i] != LEATI_TEXT_MISSING) e[t->codes[i]].count++;
    leati_counted_sort(e, distinct);
    while (*found < distinct && e[*found].count) ++*found;
    return e;
}

leat_status leat_vocabulary_create(leat_context *c, const leat_texts *t, size_t most,
                                   leat_vocabulary **out)
{
    size_t count;
    *out = NULL;
    leat_vocabulary *v = LEATI_NEW(c, leat_vocabulary, 1);
    if (!v) return LEAT_NOMEM;
    leati_map_init(&v->map, c);
    leat_status st = LEAT_OK;
    leati_counted *e = count_texts(c, t, &count);
    if (!e) LEATI_GO(LEAT_NOMEM);
    if (most && count > most) count = most;
    for (size_t i = 0; i < count; i++)
        if (leati_map_put(&v->map, e[i].text, e[i].length) == LEATI_MAP_NONE) LEATI_GO(LEAT_NOMEM);
    v->dict = leati_dict_from_map(c, &v->map);
    if (!v->dict) LEATI_GO(LEAT_NOMEM);
    *out = v;
out:
    leati_free(e);
    if (st != LEAT_OK) leat_vocabulary_destroy(v);
    return st;
}

void leat_vocabulary_destroy(leat_vocabulary *v)
{
    if (!v) return;
    leati_map_fini(&v->map);
    leati_dict_release(v->dict);
    leati_free(v);
}

int64_t leat_vocabulary_size(const leat_vocabulary *v)
{
    return (int64_t)v->map.count + FIRST;
}

int64_t leati_vocabulary_find(const leat_vocabulary *v, const char *text, size_t length)
{
    uint32_t k = leati_map_get(&v->map, text, length);
    return k == LEATI_MAP_NONE ? LEAT_ID_UNKNOWN : (int64_t)k + FIRST;
}

int64_t leat_vocabulary_find(const leat_vocabulary *v, const char *text)
{
    return text ? leati_vocabulary_find(v, text, strlen(text)) : LEAT_ID_MISSING;
}

const char *leat_vocabulary_text(const leat_vocabulary *v, int64_t id)
{
    if (id < FIRST || id >= leat_vocabulary_size(v)) return NULL;
    return leati_dict_text(v->dict, (uint32_t)(id - FIRST), NULL);
}
