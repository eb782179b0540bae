/* Owns: the turns of the pieces, and the numbering of their texts by turns.
 *
 * A text column has one dictionary. The pieces put their words into it one after another in the
 * order of the file, so that the numbers are those of reading from the front and nothing is to be
 * joined at the end; each column has a turn of its own, so that pieces work on different columns at
 * the same time, and a piece numbers while the ones behind it are being parsed. */
#include "base/error.h"
#include "base/mem.h"
#include "frame/csv_reader.h"

enum {
    SPINS = 2000,
    FORESIGHT = 8 /* pieces after which the rest is guessed to be alike */
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

bool leati_csv_is_turn(atomic_size_t *turn, size_t number)
{
    return atomic_load_explicit(turn, memory_order_acquire) == number;
}

void leati_csv_wait_turn(leati_csv_reader *r, atomic_size_t *turn, size_t number)
{
    for (int i = 0; i < SPINS; i++) {
        if (leati_csv_is_turn(turn, number)) return;
        relax();
    }
    pthread_mutex_lock(&r->lock);
    while (!leati_csv_is_turn(turn, number)) pthread_cond_wait(&r->turned, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

void leati_csv_pass_turn(leati_csv_reader *r, atomic_size_t *turn, size_t number)
{
    pthread_mutex_lock(&r->lock);
    atomic_store_explicit(turn, number + 1, memory_order_release);
    pthread_cond_broadcast(&r->turned);
    pthread_mutex_unlock(&r->lock);
}

/* One column, under its turn. Where most words are new, as in a column of names, the whole file's
 * are made room for as soon as that can be told. */
static bool number_words(leati_csv_reader *r, const leati_csv_worker *w, size_t j, size_t number)
{
    leati_csv_target *g = &r->targets[j];
    leati_csv_dict *d = &g->dict;
    uint32_t before = d->count;
    uint32_t *codes = g->column->codes + r->piece[number].first_row;
    if (!leati_csv_dict_put(r->context, d, w->cells[j].words, w->rows, codes)) return false;
    bool alike = number >= FORESIGHT && d->count - before > w->rows / 2;
    d->ahead = alike ? 1.1 * (double)r->pieces / (double)(number + 1) : 0;
    return true;
}

bool leati_csv_number_texts(leati_csv_reader *r, const leati_csv_worker *w, size_t number)
{
    bool ok = true;
    size_t columns = r->plan.columns;
    /* Columns whose turn has come go first; when there is none, the first of the rest is waited
     * for. A column that is done has passed its turn on. */
    for (bool wait = false;;) {
        size_t done = 0, left = 0;
        for (size_t j = 0; j < columns; j++) {
            atomic_size_t *turn = &r->targets[j].numbered;
            if (r->plan.kind[j] != LEATI_CSV_TEXT ||
                atomic_load_explicit(turn, memory_order_relaxed) > number)
                continue;
            if (wait) leati_csv_wait_turn(r, turn, number);
            wait = false;
            if (!leati_csv_is_turn(turn, number)) {
                left++;
                continue;
            }
            ok = number_words(r, w, j, number) && ok;
            leati_csv_pass_turn(r, turn, number);
            done++;
        }
        if (!left) return ok;
        wait = !done;
    }
}

/* The arrays of the dictionary are those of a leati_dict. */
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

leat_status leati_csv_adopt_texts(leati_csv_reader *r)
{
    for (size_t j = 0; j < r->plan.columns; j++) {
        leati_csv_target *g = &r->targets[j];
        if (r->plan.kind[j] != LEATI_CSV_TEXT) continue;
        g->column->dict = adopt(r->context, &g->dict);
        if (!g->column->dict) return leat_error_status(r->context);
    }
    return LEAT_OK;
}
