/* Owns: joining the texts that workers numbered each for itself. */
#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "frame/csv_reader.h"

enum { MERGE_BLOCK = 256 };

/* Numbers for the texts of one column over all workers, in the order of the file. */
typedef struct merge {
    leati_csv_reader *reader;
    leati_csv_dict *dict; /* (texts) */
    uint32_t **map;       /* (texts, workers): number of a worker's text */
    size_t *column;       /* (texts) */
    atomic_bool no_memory;
} merge;

/* The new texts of piece k, MERGE_BLOCK at a time so that their slots are asked for early. */
static bool merge_piece(merge *m, size_t text, size_t k)
{
    leati_csv_reader *r = m->reader;
    leati_csv_word words[MERGE_BLOCK];
    const leati_csv_piece *p = &r->piece[k];
    const leati_csv_dict *d = &r->workers[p->worker].cells[m->column[text]].dict;
    uint32_t *map = m->map[text * r->worker_count + p->worker];
    uint32_t e = r->text_starts[k * r->texts + text], end = r->text_ends[k * r->texts + text];
    for (uint32_t n; e < end; e += n) {
        n = end - e < MERGE_BLOCK ? end - e : MERGE_BLOCK;
        for (uint32_t i = 0; i < n; i++) {
            size_t length;
            const char *word = leati_csv_dict_text(d, e + i, &length);
            words[i] = (leati_csv_word){word, (uint32_t)length, leati_csv_hash(word, length)};
        }
        if (!leati_csv_dict_put(r->context, &m->dict[text], words, n, map + e)) return false;
    }
    return true;
}

static bool merge_texts(merge *m, size_t text)
{
    leati_csv_reader *r = m->reader;
    size_t j = m->column[text], texts = 0, bytes = 0;
    for (unsigned i = 0; i < r->worker_count; i++) {
        if (!r->workers[i].cells) continue;
        leati_csv_dict *d = &r->workers[i].cells[j].dict;
        leati_free(d->slots);
        d->slots = NULL;
        bool own = d->count > r->rows / r->worker_count / 2; /* hardly a text comes twice */
        texts = own ? texts + d->count : d->count > texts ? d->count : texts;
        bytes += d->count ? d->offsets[d->count] : 0;
        uint32_t **map = &m->map[text * r->worker_count + i];
        *map = leati_alloc_quiet(r->context, d->count * sizeof **map);
        if (!*map) return false;
    }
    m->dict[text].ahead = 2;
    if (!leati_csv_dict_reserve(r->context, &m->dict[text], texts, bytes)) return false;
    for (size_t k = 0; k < r->pieces; k++)
        if (!merge_piece(m, text, k)) return false;
    for (unsigned i = 0; i < r->worker_count; i++)
        if (r->workers[i].cells) leati_csv_dict_fini(&r->workers[i].cells[j].dict);
    return true;
}

static void merge_task(void *argument, size_t text, unsigned worker)
{
    merge *m = argument;
    (void)worker;
    if (!merge_texts(m, text)) atomic_store(&m->no_memory, true);
}

static void renumber_task(void *argument, size_t number, unsigned worker)
{
    merge *m = argument;
    leati_csv_reader *r = m->reader;
    const leati_csv_piece *p = &r->piece[number];
    (void)worker;
    for (size_t text = 0; text < r->texts; text++) {
        const leati_csv_target *g = &r->targets[m->column[text]];
        const uint32_t *map = m->map[text * r->worker_count + p->worker];
        uint32_t *codes = g->column->codes + p->first_row;
        for (size_t i = 0; i < p->rows; i++) {
            size_t row = p->first_row + i;
            bool valid = g->valid[row / 8] >> (row % 8) & 1;
            codes[i] = valid ? map[codes[i]] : 0;
        }
    }
}

/* The arrays of a worker's dictionary are those of a leati_dict. */
static leati_dict *adopt(leat_context *c, leati_csv_dict *d)
{
    leati_dict *out = leati_calloc(c, 1, sizeof *out);
    if (!out) return NULL;
    atomic_init(&out->references, 1);
    if (!d->offsets) d->offsets = LEATI_NEW(c, size_t, 1);
    if (!d->bytes) d->bytes = leati_alloc(c, 1);
    out->offsets = d->offsets;
    out->bytes = d->bytes;
    out->count = d->count;
    bool ok = d->offsets && d->bytes;
    d->offsets = NULL;
    d->bytes = NULL;
    leati_csv_dict_fini(d);
    if (ok) return out;
    leati_dict_release(out);
    return NULL;
}

static leat_status merge_workers(leati_csv_reader *r, merge *m)
{
    unsigned users = 0, only = 0;
    for (unsigned i = 0; i < r->worker_count; i++) {
        if (!r->workers[i].cells) continue;
        users++;
        only = i;
    }
    if (users == 1) { /* its numbers are the numbers */
        for (size_t text = 0; text < r->texts; text++) {
            leati_csv_dict *d = &r->workers[only].cells[m->column[text]].dict;
            m->dict[text] = *d;
            *d = (leati_csv_dict){0};
        }
        return LEAT_OK;
    }
    leati_parallel(r->context, r->texts, merge_task, m);
    LEATI_CHECK(r->context, !atomic_load(&m->no_memory), LEAT_NOMEM,
                "out of memory while joining the texts of %s", leati_source_name(r->plan.source));
    leati_parallel(r->context, r->pieces, renumber_task, m);
    return LEAT_OK;
}

leat_status leati_csv_join_texts(leati_csv_reader *r)
{
    if (r->texts == 0) return LEAT_OK;
    leat_context *c = r->context;
    merge m = {.reader = r};
    leat_status st = LEAT_OK;
    m.dict = LEATI_NEW(c, leati_csv_dict, r->texts);
    m.map = LEATI_NEW(c, uint32_t *, r->texts * r->worker_count);
    m.column = LEATI_NEW(c, size_t, r->texts);
    if (!m.dict || !m.map || !m.column) st = leat_error_status(c);
    for (size_t j = 0; st == LEAT_OK && j < r->plan.columns; j++)
        if (r->plan.kind[j] == LEATI_CSV_TEXT) m.column[r->targets[j].text] = j;
    if (st == LEAT_OK) st = merge_workers(r, &m);
    for (size_t text = 0; st == LEAT_OK && text < r->texts; text++) {
        leati_column *col = r->targets[m.column[text]].column;
        col->dict = adopt(c, &m.dict[text]);
        if (!col->dict) st = leat_error_status(c);
    }
    for (size_t i = 0; m.map && i < r->texts * r->worker_count; i++) leati_free(m.map[i]);
    for (size_t i = 0; m.dict && i < r->texts; i++) leati_csv_dict_fini(&m.dict[i]);
    leati_free(m.dict);
    leati_free(m.map);
    leati_free(m.column);
    return st;
}
