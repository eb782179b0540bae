/* Owns: sorting rows by several keys. */
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "frame/table_op.h"

/* IEEE order as unsigned: negative numbers turned round, positive ones above them. */
static uint64_t key_of_number(double v)
{
    uint64_t bits;
    v += 0.0; /* -0 is 0 */
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

typedef struct entry {
    const char *text;
    size_t length;
    uint32_t code;
} entry;

static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* rank[code]: the place of a text among the sorted texts of the dictionary. */
static uint32_t *text_ranks(leat_context *c, const leati_dict *d)
{
    entry *entries = LEATI_NEW(c, entry, d->count);
    uint32_t *ranks = leati_array(c, d->count, sizeof *ranks);
    for (uint32_t i = 0; entries && ranks && i < d->count; i++) {
        entries[i].text = leati_dict_text(d, i, &entries[i].length);
        entries[i].code = i;
    }
    if (entries && ranks) {
        if (d->count) qsort(entries, d->count, sizeof *entries, compare_entries);
        for (uint32_t i = 0; i < d->count; i++) ranks[entries[i].code] = i;
    }
    leati_free(entries);
    if (entries) return ranks;
    leati_free(ranks);
    return NULL;
}

uint64_t *leati_sort_keys(leat_context *c, const leati_column *col, bool descending)
{
    uint64_t *key = leati_array(c, col->rows, sizeof *key);
    uint32_t *ranks = NULL;
    if (key && col->type == LEAT_STRING && !(ranks = text_ranks(c, col->dict))) {
        leati_free(key);
        return NULL;
    }
    for (size_t i = 0; key && i < col->rows; i++) {
        uint64_t k = 0;
        if (leati_valid(col, i)) {
            switch (col->type) {
            case LEAT_F64: k = key_of_number(col->f64[i]); break;
            case LEAT_I64:
            case LEAT_TIME: k = (uint64_t)col->i64[i] ^ (uint64_t)1 << 63; break;
            case LEAT_BOOL: k = col->u8[i]; break;
            case LEAT_STRING: k = ranks[col->codes[i]]; break;
            default: k = 0; break;
            }
            if (descending) k = ~k;
        }
        key[i] = k;
    }
    leati_free(ranks);
    return key;
}

/* Least significant digit first, 11 bits a pass; passes whose digit never changes are left out. */
leat_status leati_sort_by(leat_context *c, const uint64_t *key, uint32_t *order, size_t count)
{
    enum { BITS = 11, DIGITS = 1 << BITS, PASSES = 6 };
    uint64_t all = UINT64_MAX, any = 0;
    for (size_t i = 0; i < count; i++) {
        all &= key[i];
        any |= key[i];
    }
    uint32_t *other = leati_array(c, count, sizeof *other);
    size_t *starts = LEATI_NEW(c, size_t, DIGITS);
    leat_status st = other && starts ? LEAT_OK : leat_error_status(c);
    uint32_t *from = order, *to = other;
    for (int pass = 0; st == LEAT_OK && pass < PASSES; pass++) {
        int shift = pass * BITS;
        size_t at = 0;
        if (((all ^ any) >> shift & (DIGITS - 1)) == 0) continue;
        memset(starts, 0, DIGITS * sizeof *starts);
        for (size_t i = 0; i < count; i++) starts[key[i] >> shift & (DIGITS - 1)]++;
        for (size_t d = 0; d < DIGITS; d++) {
            size_t n = starts[d];
            starts[d] = at;
            at += n;
        }
        for (size_t i = 0; i < count; i++)
            to[starts[key[from[i]] >> shift & (DIGITS - 1)]++] = from[i];
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (st == LEAT_OK && from != order) memcpy(order, from, count * sizeof *order);
    leati_free(other);
    leati_free(starts);
    return st;
}

/* Moves the rows that lack a value behind the others, keeping both orders. */
static leat_status missing_last(leat_context *c, const leati_column *col, uint32_t *order)
{
    size_t kept = 0, moved = 0;
    if (col->missing == 0) return LEAT_OK;
    uint32_t *aside = leati_array(c, col->missing, sizeof *aside);
    if (!aside) return leat_error_status(c);
    for (size_t i = 0; i < col->rows; i++) {
        if (leati_valid(col, order[i])) order[kept++] = order[i];
        else aside[moved++] = order[i];
    }
    memcpy(order + kept, aside, moved * sizeof *aside);
    leati_free(aside);
    return LEAT_OK;
}

typedef struct sort_key {
    size_t column;
    bool descending;
} sort_key;

static leat_status read_keys(leati_argument *a, const leat_frame *f, sort_key **keys, size_t *count)
{
    bool more = true;
    *keys = leati_arena_calloc(&a->arena, f->columns + 1, sizeof **keys);
    if (!*keys) return leat_error_status(a->lex.context);
    while (more) {
        size_t at = a->lex.token.at;
        sort_key *k = &(*keys)[*count];
        LEATI_TRY(leati_lex_take(&a->lex, "-", &k->descending));
        LEATI_TRY(leati_argument_column(a, f, &k->column));
        for (size_t i = 0; i < *count; i++)
            if ((*keys)[i].column == k->column)
                return leati_lex_error(&a->lex, at, "column '%s' is named twice",
                                       f->name[k->column]);
        LEATI_CHECK(a->lex.context, f->column[k->column]->type != LEAT_ARRAY, LEAT_INVALID,
                    "column '%s' holds arrays, which have no order", f->name[k->column]);
        ++*count;
        LEATI_TRY(leati_lex_take(&a->lex, ",", &more));
    }
    return leati_argument_done(a);
}

/* From the last key to the first, each pass stable. */
static leat_status sort(leat_context *c, leat_frame **out, const leat_frame *f,
                        const sort_key *keys, size_t count)
{
    LEATI_CHECK(c, f->rows < UINT32_MAX, LEAT_LIMIT, "the table has too many rows to sort");
    uint32_t *order = leati_array(c, f->rows, sizeof *order);
    leat_status st = order ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < f->rows; i++) order[i] = (uint32_t)i;
    for (size_t k = count; st == LEAT_OK && k-- > 0;) {
        uint64_t *key = leati_sort_keys(c, f->column[keys[k].column], keys[k].descending);
        st = key ? leati_sort_by(c, key, order, f->rows) : leat_error_status(c);
        if (st == LEAT_OK) st = missing_last(c, f->column[keys[k].column], order);
        leati_free(key);
    }
    if (st == LEAT_OK) st = leati_rows_of(c, out, f, order, f->rows);
    leati_free(order);
    return st;
}

leat_status leat_table_sort(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leati_argument a;
    sort_key *keys = NULL;
    size_t count = 0;
    *out = NULL;
    leat_status st = leati_argument_begin(c, &a, text);
    if (st == LEAT_OK) st = read_keys(&a, f, &keys, &count);
    if (st == LEAT_OK) st = sort(c, out, f, keys, count);
    leati_argument_end(&a);
    return st;
}
