/* Owns: tensors of texts and their way into a graph. Not: tokens (texts_tokens.c), vocabularies
 * (vocabulary.c). */
#include "nn/texts.h"

#include "base/error.h"
#include "base/mem.h"
#include "tensor/shape.h"

leat_status leati_texts_make(leat_context *c, leat_shape shape, uint32_t *codes, leati_dict *dict,
                             leat_texts **out)
{
    leat_texts *t = codes && dict ? LEATI_NEW(c, leat_texts, 1) : NULL;
    *out = t;
    if (!t) {
        leati_free(codes);
        leati_dict_release(dict);
        return leat_error_status(c);
    }
    *t = (leat_texts){shape, leati_shape_count(&shape), codes, dict};
    return LEAT_OK;
}

leat_status leat_texts_create(leat_context *c, leat_shape shape, const char *const *texts,
                              leat_texts **out)
{
    leati_map map;
    *out = NULL;
    LEATI_TRY(leati_shape_check(c, &shape, LEAT_DTYPE_U32));
    size_t count = leati_shape_count(&shape);
    uint32_t *codes = leati_array(c, count, sizeof *codes);
    bool good = codes != NULL;
    leati_map_init(&map, c);
    for (size_t i = 0; good && i < count; i++) {
        codes[i] = LEATI_TEXT_MISSING;
        if (!texts[i]) continue;
        codes[i] = leati_map_put(&map, texts[i], strlen(texts[i]));
        good = codes[i] != LEATI_MAP_NONE;
    }
    leati_dict *dict = good ? leati_dict_from_map(c, &map) : NULL;
    leati_map_fini(&map);
    return leati_texts_make(c, shape, codes, dict, out);
}

leat_status leat_texts_column(leat_context *c, const leat_frame *f, size_t column, leat_texts **out)
{
    *out = NULL;
    LEATI_CHECK(c, column < f->columns, LEAT_NOT_FOUND, "there is no column %zu; the table has %zu",
                column, f->columns);
    const leati_column *col = f->column[column];
    LEATI_CHECK(c, col->type == LEAT_STRING, LEAT_TYPE, "column %s holds %s values, not text",
                f->name[column], leat_type_name(col->type));
    uint32_t *codes = leati_array(c, f->rows, sizeof *codes);
    for (size_t i = 0; codes && i < f->rows; i++)
        codes[i] = leati_valid(col, i) ? col->codes[i] : LEATI_TEXT_MISSING;
    return leati_texts_make(c, LEAT_DIMS((int64_t)f->rows), codes, leati_dict_retain(col->dict),
                            out);
}

void leat_texts_destroy(leat_texts *t)
{
    if (!t) return;
    leati_free(t->codes);
    leati_dict_release(t->dict);
    leati_free(t);
}

leat_shape leat_texts_shape(const leat_texts *t)
{
    return t->shape;
}

const char *leat_texts_at(const leat_texts *t, size_t i)
{
    if (i >= t->count || t->codes[i] == LEATI_TEXT_MISSING) return NULL;
    return leati_dict_text(t->dict, t->codes[i], NULL);
}

/* ---- into a graph -----------------------------------------------------------------------------
 */

/* The numbers of the distinct texts, that of a missing one behind them, are a table of the graph;
 * an element takes its row. */
leat_tensor *leat_texts_lookup(leat_graph *g, const leat_texts *t, const leat_vocabulary *v)
{
    leat_context *c = leat_graph_context(g);
    leat_tensor *y = NULL;
    size_t distinct = t->dict->count;
    if (distinct >= INT32_MAX) {
        (void)LEATI_FAIL(c, LEAT_LIMIT, "%zu distinct texts are too many for a graph", distinct);
        return NULL;
    }
    int64_t *ids = leati_array(c, distinct + 1, sizeof *ids);
    int32_t *codes = leati_array(c, t->count, sizeof *codes);
    if (ids && codes) {
        for (uint32_t k = 0; k < distinct; k++) {
            size_t length;
            const char *text = leati_dict_text(t->dict, k, &length);
            ids[k] = leati_vocabulary_find(v, text, length);
        }
        ids[distinct] = LEAT_ID_MISSING;
        for (size_t i = 0; i < t->count; i++)
            codes[i] = t->codes[i] == LEATI_TEXT_MISSING ? (int32_t)distinct : (int32_t)t->codes[i];
        leat_tensor *table =
            leat_constant(g, LEAT_DTYPE_I64, LEAT_DIMS((int64_t)distinct + 1), ids);
        y = leat_take(table, leat_constant(g, LEAT_DTYPE_I32, t->shape, codes), 0);
    }
    leati_free(ids);
    leati_free(codes);
    return y;
}

leat_tensor *leat_texts_one_hot(leat_graph *g, const leat_texts *t, const leat_vocabulary *v,
                                leat_dtype dtype)
{
    return leat_one_hot(leat_texts_lookup(g, t, v), leat_vocabulary_size(v), dtype);
}
