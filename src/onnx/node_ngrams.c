/* Owns: StringSplit and TfIdfVectorizer: texts in parts, sequences as counts of n-grams. */
#include <string.h>

#include "onnx/operators.h"

/* ---- StringSplit ---------------------------------------------------------------------------- */

typedef struct splitter {
    const char *delimiter; /* "": runs of white space */
    size_t length;
    int64_t most; /* splits; negative: any number */
} splitter;

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

static leati_pb_bytes part_of(const char *from, const char *to)
{
    return (leati_pb_bytes){from, (size_t)(to - from)};
}

/* The number of parts; those that fit go to out. As Python's str.split for ASCII. */
static size_t split_spaces(const splitter *s, leati_pb_bytes text, leati_pb_bytes *out)
{
    const char *at = text.data, *end = at + text.size;
    size_t count = 0;
    for (;;) {
        while (at < end && is_space(*at)) at++;
        if (at == end) return count;
        const char *from = at;
        if (s->most >= 0 && count == (size_t)s->most) { /* the rest, without the space behind it */
            while (is_space(end[-1])) end--;
            at = end;
        }
        while (at < end && !is_space(*at)) at++;
        if (out) out[count] = part_of(from, at);
        count++;
    }
}

static size_t split_at(const splitter *s, leati_pb_bytes text, leati_pb_bytes *out)
{
    const char *from = text.size ? text.data : "", *end = from + text.size;
    size_t count = 0;
    for (const char *at = from; (size_t)(end - at) >= s->length;) {
        if (s->most >= 0 && count == (size_t)s->most) break;
        if (memcmp(at, s->delimiter, s->length) != 0) {
            at++;
            continue;
        }
        if (out) out[count] = part_of(from, at);
        count++;
        from = at += s->length;
    }
    if (out) out[count] = part_of(from, end);
    return count + 1;
}

static size_t split(const splitter *s, leati_pb_bytes text, leati_pb_bytes *out)
{
    if (!s->length) return text.size ? split_spaces(s, text, out) : 0;
    return split_at(s, text, out);
}

leat_status leati_on_StringSplit(leati_ocall *k)
{
    const void *data;
    void *parts, *counts;
    splitter s = {.delimiter = leati_oattr_text(k, "delimiter", ""),
                  .most = leati_oattr_int(k, "maxsplit", -1)};
    if (!s.delimiter) return LEAT_NOMEM;
    s.length = strlen(s.delimiter);
    LEATI_TRY(leati_oneed(k, 1));
    if (k->in[0]->element != LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "the input is no text");
    LEATI_TRY(leati_ohost(k, 0, &data));
    leat_shape x = k->in[0]->shape, y = x;
    size_t count = leati_shape_count(&x), most = 0;
    if (x.rank >= LEAT_MAX_RANK) return leati_ofail(k, LEAT_SHAPE, "too many dimensions");
    LEATI_TRY(leati_onew(k, 1, LEATI_ONNX_INT64, x, &counts));
    for (size_t i = 0; i < count; i++) {
        size_t n = split(&s, ((const leati_pb_bytes *)data)[i], NULL);
        ((int64_t *)counts)[i] = (int64_t)n;
        if (n > most) most = n;
    }
    y.dim[y.rank++] = (int64_t)most;
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_STRING, y, &parts));
    for (size_t i = 0; i < count; i++)
        (void)split(&s, ((const leati_pb_bytes *)data)[i], (leati_pb_bytes *)parts + i * most);
    return LEAT_OK;
}

/* ---- TfIdfVectorizer --------------------------------------------------------------------------
 */

typedef struct grams {
    const int64_t *starts, *index; /* of the grams of each length in the pool; of each gram */
    size_t lengths, count, pool;
    const int64_t *numbers; /* the pool: whole numbers or texts */
    const leati_pb_bytes *texts;
    int64_t width;
} grams;

static bool same_item(const grams *g, size_t item, int32_t element, const void *x, size_t at)
{
    if (g->numbers) return g->numbers[item] == leati_oget_int(element, x, at);
    leati_pb_bytes a = g->texts[item], b = ((const leati_pb_bytes *)x)[at];
    return a.size == b.size && (!a.size || !memcmp(a.data, b.data, a.size));
}

static leat_status read_grams(leati_ocall *k, grams *g)
{
    const leati_onnx_attribute *texts = leati_onnx_attribute_find(k->node, "pool_strings");
    size_t numbers, sum = 0;
    g->starts = leati_oattr_ints(k, "ngram_counts", &g->lengths);
    g->index = leati_oattr_ints(k, "ngram_indexes", &g->count);
    g->numbers = leati_oattr_ints(k, "pool_int64s", &numbers);
    g->pool = numbers;
    if (!numbers) g->numbers = NULL;
    if (!numbers && texts) {
        g->texts = texts->strings.at;
        g->pool = texts->strings.count;
    }
    if (!g->lengths || !g->count || !g->pool)
        return leati_ofail(k, LEAT_FORMAT, "its lists are empty");
    if ((g->texts != NULL) != (k->in[0]->element == LEATI_ONNX_STRING))
        return leati_ofail(k, LEAT_TYPE, "the pool and the input are not of one kind");
    for (size_t i = 0; i < g->lengths; i++) {
        int64_t end = i + 1 < g->lengths ? g->starts[i + 1] : (int64_t)g->pool;
        if (g->starts[i] < 0 || end < g->starts[i] || end > (int64_t)g->pool ||
            (size_t)(end - g->starts[i]) % (i + 1))
            return leati_ofail(k, LEAT_FORMAT, "ngram_counts do not fit the pool");
        sum += (size_t)(end - g->starts[i]) / (i + 1);
    }
    if (sum != g->count)
        return leati_ofail(k, LEAT_FORMAT, "%zu n-grams, %zu indices", sum, g->count);
    for (size_t i = 0; i < g->count; i++) {
        if (g->index[i] < 0 || g->index[i] >= 1 << 28)
            return leati_ofail(k, LEAT_FORMAT, "an index of %lld", (long long)g->index[i]);
        if (g->index[i] >= g->width) g->width = g->index[i] + 1;
    }
    return LEAT_OK;
}

/* Counts of the grams of `n` items, `apart` from each other, in one row of the input. */
static void count_grams(const grams *g, size_t n, size_t apart, int32_t element, const void *x,
                        size_t first, size_t items, double *out)
{
    size_t start = (size_t)g->starts[n - 1], number = 0;
    size_t end = n < g->lengths ? (size_t)g->starts[n] : g->pool;
    for (size_t i = 0; i + 1 < n; i++) {
        size_t to = (size_t)g->starts[i + 1], from = (size_t)g->starts[i];
        number += (to - from) / (i + 1);
    }
    for (size_t at = 0; at + (n - 1) * apart < items; at++)
        for (size_t item = start, i = number; item < end; item += n, i++) {
            size_t j = 0;
            while (j < n && same_item(g, item + j, element, x, first + at + j * apart)) j++;
            if (j == n) out[g->index[i]]++;
        }
}

leat_status leati_on_TfIdfVectorizer(leati_ocall *k)
{
    int64_t least = leati_oattr_int(k, "min_gram_length", 1);
    int64_t most = leati_oattr_int(k, "max_gram_length", 1);
    int64_t skips = leati_oattr_int(k, "max_skip_count", 0);
    const char *mode = leati_oattr_text(k, "mode", "TF");
    const leati_onnx_attribute *weights = leati_onnx_attribute_find(k->node, "weights");
    const void *x;
    grams g = {0};
    LEATI_TRY(leati_oneed(k, 1));
    LEATI_TRY(read_grams(k, &g));
    leat_shape s = k->in[0]->shape, y = s;
    if (s.rank > 2) return leati_ofail(k, LEAT_SHAPE, "%d dimensions", s.rank);
    if (least < 1 || most < least || most > (int64_t)g.lengths || skips < 0)
        return leati_ofail(k, LEAT_INVALID, "grams of %lld to %lld with %lld skips",
                           (long long)least, (long long)most, (long long)skips);
    bool once = !strcmp(mode, "IDF"), weighted = strcmp(mode, "TF") != 0;
    if (weights && weights->floats.count && weights->floats.count != g.count)
        return leati_ofail(k, LEAT_FORMAT, "%zu weights for %zu n-grams", weights->floats.count,
                           g.count);
    size_t rows = s.rank == 2 ? (size_t)s.dim[0] : 1;
    size_t items = s.rank ? (size_t)s.dim[s.rank - 1] : 1;
    if (y.rank == 0) y.rank = 1;
    y.dim[y.rank - 1] = g.width;
    LEATI_TRY(leati_oval_check(k->context, &y, LEATI_ONNX_DOUBLE));
    LEATI_TRY(leati_ohost(k, 0, &x));
    if ((double)rows * (double)items * (double)g.count * (double)(skips + 1) * (double)most >
        0x1p40)
        return leati_ofail(k, LEAT_LIMIT, "%zu n-grams in %zu items", g.count, rows * items);
    double *out = leati_oalloc(k, leati_shape_count(&y), sizeof *out);
    if (!out) return LEAT_NOMEM;
    for (size_t r = 0; r < rows; r++) {
        double *row = out + r * (size_t)g.width;
        for (int64_t n = least; n <= most; n++)
            for (int64_t skip = 0; skip <= (n == 1 ? 0 : skips) && (size_t)skip < items; skip++)
                count_grams(&g, (size_t)n, (size_t)skip + 1, k->in[0]->element, x, r * items, items,
                            row);
        for (int64_t j = 0; once && j < g.width; j++) row[j] = row[j] > 0;
        for (size_t i = 0; weighted && weights && i < weights->floats.count; i++)
            row[g.index[i]] *= (double)weights->floats.at[i];
    }
    return leati_oset_f64(k, 0, LEATI_ONNX_FLOAT, y, out);
}
