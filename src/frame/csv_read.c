/* Owns: reading a CSV file in parallel: pieces of fixed size, each parsed where a record is likely
 * to begin, then taken over in the order of the file.
 *
 * A piece is parsed before it is known where the one before it ends. When its turn comes, that is
 * known; if the guess was wrong the piece is parsed again from the right place, so the result is
 * always that of reading from the front. Cells go from the worker's (cached) scratch straight to
 * their place in the columns. Values that do not fit the type that a sample suggested make their
 * column UNKNOWN; when all values have been seen its type is certain and a second pass reads it. */
#include <sched.h>
#include <stdio.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"
#include "frame/csv_read.h"
#include "frame/csv_reader.h"

enum {
    PIECE = 1 << 18,      /* bytes: it and its cells stay in a core's cache */
    GUESS_LINES = 64,     /* line ends that are tried as the beginning of a piece */
    SPECULATIVE = 1 << 20 /* bytes that a guess may read ahead */
};

static size_t cell_size(leati_csv_kind kind)
{
    switch (kind) {
    case LEATI_CSV_TEXT: return 4;
    case LEATI_CSV_TRUTH:
    case LEATI_CSV_LOOSE: return 1;
    default: return 8;
    }
}

static leat_type column_type(leati_csv_kind kind)
{
    switch (kind) {
    case LEATI_CSV_WHOLE: return LEAT_I64;
    case LEATI_CSV_TIME: return LEAT_TIME;
    case LEATI_CSV_TEXT: return LEAT_STRING;
    case LEATI_CSV_TRUTH:
    case LEATI_CSV_LOOSE: return LEAT_BOOL;
    default: return LEAT_F64;
    }
}

static leati_csv_kind kind_of(unsigned mask)
{
    if (mask == LEATI_CAN_ALL) return LEATI_CSV_UNKNOWN;
    if (mask & LEATI_CAN_WHOLE) return LEATI_CSV_WHOLE;
    if (mask & LEATI_CAN_NUMBER) return LEATI_CSV_NUMBER;
    if (mask & LEATI_CAN_TIME) return LEATI_CSV_TIME;
    if (mask & LEATI_CAN_TRUTH) return LEATI_CSV_TRUTH;
    return LEATI_CSV_TEXT;
}

/* --- the columns ------------------------------------------------------------------------------ */

/* Room for `rows` rows in every column, under the turn, when nobody writes. */
static bool grow_columns(leati_csv_reader *r, size_t rows)
{
    while (atomic_load_explicit(&r->copying, memory_order_acquire)) sched_yield();
    size_t capacity = r->capacity + r->capacity / 2 + 64, old_bits = (r->capacity + 7) / 8;
    if (capacity < rows) capacity = rows;
    size_t bits = (capacity + 7) / 8;
    for (size_t j = 0; j < r->plan.columns; j++) {
        leati_csv_target *g = &r->targets[j];
        if (r->plan.kind[j] <= LEATI_CSV_UNKNOWN) continue;
        size_t cell = cell_size(r->plan.kind[j]);
        void *data = leati_alloc_quiet(r->context, capacity * cell);
        uint8_t *valid = leati_alloc_quiet(r->context, bits);
        if (!data || !valid) {
            leati_free(data);
            leati_free(valid);
            return false;
        }
        memcpy(data, g->column->data, r->rows * cell);
        memcpy(valid, g->valid, old_bits);
        memset(valid + old_bits, 0xff, bits - old_bits);
        leati_free(g->column->data);
        leati_free(g->valid);
        g->column->data = data;
        g->column->rows = capacity;
        g->valid = valid;
    }
    r->capacity = capacity;
    return true;
}

/* --- one piece ------------------------------------------------------------------------------ */

/* Where the first record that begins in the piece likely does: behind the first line end that is
 * followed by two records of the right shape. */
static size_t guess_start(leati_csv_reader *r, leati_csv_worker *w, size_t from, size_t stop)
{
    size_t size = r->size, end = size - stop > PIECE / 16 ? stop + PIECE / 16 : size;
    bool file = leati_source_is_file(r->plan.source);
    if (leati_source_view(r->context, r->plan.source, &w->view, from - 1,
                          file ? end - from + 1 : size) != LEAT_OK)
        return from;
    const leati_view *v = &w->view;
    leati_csv_text t = {v->data + v->size, v->offset + v->size == size, r->plan.delimiter};
    const char *p = v->data, *first = NULL;
    for (int i = 0; i < GUESS_LINES && p < t.end; i++) {
        while (p < t.end && *p != '\n' && *p != '\r') p++;
        p = leati_csv_next_line(&t, p);
        if (!p) break;
        if (!first) first = p;
        size_t fields = 0, more = r->plan.columns;
        const char *next = leati_csv_record(&t, p, NULL, 0, &fields);
        if (next && fields == r->plan.columns && next < t.end)
            next = leati_csv_record(&t, next, NULL, 0, &more);
        if (next && fields == r->plan.columns && more == fields) {
            first = p;
            break;
        }
    }
    return first ? v->offset + (size_t)(first - v->data) : from;
}

static void add_outcome(leati_csv_reader *r, const leati_csv_worker *w)
{
    if (w->open) r->troubles = 0; /* this one is what is reported */
    for (size_t i = 0; i < w->troubles && r->troubles < LEATI_CSV_TROUBLES; i++)
        r->trouble[r->troubles++] = w->trouble[i];
    if (w->converted && !r->converted) r->converted_at = w->converted_at;
    r->dropped += w->dropped;
    r->converted += w->converted;
    r->long_rows += w->long_rows;
}

/* Put right what was read on a guess, under the turn. */
static leati_csv_state settle(leati_csv_reader *r, leati_csv_worker *w, leati_csv_state state,
                              size_t started, size_t stop)
{
    if (started != r->expected) {
        leati_csv_begin(w, r->expected);
        if (r->expected >= stop) return LEATI_CSV_DONE; /* within a record of an earlier piece */
        state = leati_csv_parse(w, stop, SIZE_MAX, SIZE_MAX);
    } else if (state == LEATI_CSV_MORE) {
        state = leati_csv_parse(w, stop, SIZE_MAX, SIZE_MAX);
    }
    size_t left = r->most - r->rows;
    if (w->rows >= left) { /* nothing behind the last row may be counted */
        leati_csv_begin(w, r->expected);
        state = leati_csv_parse(w, stop, left, SIZE_MAX);
    }
    r->stopped = w->rows == left;
    return state;
}

/* Cells of the piece into the columns. */
static bool copy_cells(leati_csv_reader *r, const leati_csv_worker *w, size_t number)
{
    size_t first = r->piece[number].first_row;
    for (size_t j = 0; j < r->plan.columns; j++) {
        const leati_csv_cells *s = &w->cells[j];
        const leati_csv_target *g = &r->targets[j];
        if (s->kind <= LEATI_CSV_UNKNOWN) continue;
        size_t cell = cell_size(s->kind);
        if (s->kind != LEATI_CSV_TEXT)
            memcpy((char *)g->column->data + first * cell, s->data, w->rows * cell);
        for (size_t i = 0; i < s->gap_count; i++) {
            size_t row = first + s->gaps[i];
            __atomic_fetch_and(&g->valid[row / 8], (uint8_t) ~(1u << (row % 8)), __ATOMIC_RELAXED);
        }
    }
    return leati_csv_number_texts(r, w, number);
}

/* Take the piece over, under the turn. False: nothing to copy. */
static bool take_over(leati_csv_reader *r, leati_csv_worker *w, leati_csv_state state,
                      size_t number)
{
    add_outcome(r, w);
    if (state != LEATI_CSV_DONE) {
        r->state = state;
        r->stopped = true;
        return false;
    }
    r->expected = w->next;
    r->piece[number] = (leati_csv_piece){r->rows, w->rows};
    if (r->rows + w->rows > r->capacity && !grow_columns(r, r->rows + w->rows)) {
        r->state = LEATI_CSV_NOMEM;
        r->stopped = true;
        return false;
    }
    for (size_t j = 0; j < r->plan.columns; j++) {
        const leati_csv_cells *s = &w->cells[j];
        leati_csv_target *g = &r->targets[j];
        r->masks[j] &= s->mask;
        r->failed[j] |= s->kind != r->plan.kind[j];
        g->missing += s->gap_count;
    }
    r->rows += w->rows;
    return true;
}

static void read_piece(void *argument, size_t number, unsigned worker)
{
    leati_csv_reader *r = argument;
    leati_csv_worker *w = &r->workers[worker];
    size_t from = r->layout.start + number * r->piece_bytes;
    size_t stop = r->size - from > r->piece_bytes ? from + r->piece_bytes : r->size, started = from;
    leati_csv_state state = LEATI_CSV_DONE;
    if (!w->cells) {
        size_t rows = (size_t)((double)r->piece_bytes / (r->layout.row_bytes + 1) * 1.25) + 16;
        if (rows > r->capacity + 16) rows = r->capacity + 16;
        w->context = r->context;
        w->plan = &r->plan;
        if (!leati_csv_worker_init(w, rows)) state = LEATI_CSV_NOMEM;
    }
    bool idle = atomic_load_explicit(&r->stop_hint, memory_order_relaxed);
    if (state == LEATI_CSV_DONE && !idle) {
        if (number > 0) started = guess_start(r, w, from, stop);
        leati_csv_begin(w, started);
        state = leati_csv_parse(w, stop, SIZE_MAX, number > 0 ? SPECULATIVE : SIZE_MAX);
    }
    leati_csv_wait_turn(r, &r->turn, number);
    bool copy = false;
    if (!r->stopped) {
        if (w->cells) state = settle(r, w, state, started, stop);
        copy = take_over(r, w, state, number);
        atomic_store_explicit(&r->stop_hint, r->stopped, memory_order_relaxed);
        if (copy) atomic_fetch_add_explicit(&r->copying, 1, memory_order_relaxed);
    }
    leati_csv_pass_turn(r, &r->turn, number);
    if (!copy) return;
    if (!copy_cells(r, w, number)) atomic_store_explicit(&r->no_memory, true, memory_order_relaxed);
    atomic_fetch_sub_explicit(&r->copying, 1, memory_order_release);
}

/* --- one pass over the file ----------------------------------------------------------------- */

static leat_status make_targets(leati_csv_reader *r)
{
    leat_context *c = r->context;
    for (size_t j = 0; j < r->plan.columns; j++) {
        leati_csv_target *g = &r->targets[j];
        leati_csv_kind kind = r->plan.kind[j];
        if (kind <= LEATI_CSV_UNKNOWN) continue;
        leati_column_release(g->column);
        leati_free(g->valid);
        g->missing = 0;
        g->valid = leati_alloc(c, (r->capacity + 7) / 8);
        g->column = leati_column_uninit(c, column_type(kind), r->capacity);
        if (!g->valid || !g->column) return leat_error_status(c);
        memset(g->valid, 0xff, (r->capacity + 7) / 8);
        leati_csv_dict_fini(&g->dict);
        atomic_store_explicit(&g->numbered, 0, memory_order_relaxed);
    }
    return LEAT_OK;
}

static void drop_workers(leati_csv_reader *r)
{
    for (unsigned i = 0; i < r->worker_count; i++)
        if (r->workers[i].plan) leati_csv_worker_fini(&r->workers[i]);
    memset(r->workers, 0, r->worker_count * sizeof *r->workers);
}

static leat_status run_pass(leati_csv_reader *r)
{
    LEATI_TRY(make_targets(r));
    atomic_store(&r->turn, 0);
    atomic_store(&r->stop_hint, false);
    r->expected = r->layout.start;
    r->rows = r->troubles = r->dropped = r->converted = r->long_rows = 0;
    r->stopped = false;
    r->state = LEATI_CSV_DONE;
    memset(r->piece, 0, r->pieces * sizeof *r->piece);
    leati_parallel_in_order(r->context, r->pieces, read_piece, r);
    if (atomic_load(&r->no_memory)) r->state = LEATI_CSV_NOMEM;
    return r->state == LEATI_CSV_DONE ? LEAT_OK : leati_csv_explain(r);
}

/* --- options -------------------------------------------------------------------------------- */

static bool has_name(const leati_csv_layout *l, const char *name, size_t length, size_t *column)
{
    for (*column = 0; *column < l->columns; ++*column)
        if (strlen(l->names[*column]) == length && memcmp(l->names[*column], name, length) == 0)
            return true;
    return false;
}

static leat_status find_name(leati_csv_reader *r, const char *name, size_t length,
                             const char *option, size_t *column)
{
    leat_context *c = r->context;
    const leati_csv_layout *l = &r->layout;
    char word[200];
    if (has_name(l, name, length, column)) return LEAT_OK;
    snprintf(word, sizeof word, "%.*s", (int)length, name);
    LEATI_FAIL(c, LEAT_NOT_FOUND, "%s has no column '%s' (%s)", leati_source_name(r->plan.source),
               word, option);
    const char *near = leati_nearest(word, l->names, l->columns);
    return near ? leati_error_hint(c, "Did you mean '%s'?", near) : LEAT_NOT_FOUND;
}

static leat_status force(leati_csv_reader *r, const leati_map *names, const char *types,
                         bool expected)
{
    static const leati_csv_kind kinds[] = {[LEAT_F64] = LEATI_CSV_NUMBER,
                                           [LEAT_I64] = LEATI_CSV_WHOLE,
                                           [LEAT_BOOL] = LEATI_CSV_LOOSE,
                                           [LEAT_STRING] = LEATI_CSV_TEXT,
                                           [LEAT_TIME] = LEATI_CSV_TIME};
    for (const char *p = types; *p;) {
        size_t n = strcspn(p, ","), split = n, column;
        while (split && p[split - 1] != ':') split--;
        LEATI_CHECK(r->context, split > 1, LEAT_INVALID,
                    "'%.*s' in the types is not of the form column:type", (int)n, p);
        leat_type type;
        LEATI_TRY(leati_type_parse(r->context, p + split, n - split, &type));
        column = leati_map_get(names, p, split - 1);
        bool lacks = column == LEATI_MAP_NONE;
        if (!expected && lacks) return find_name(r, p, split - 1, "types", &column);
        if (!expected || !(lacks || r->plan.forced[column])) {
            r->plan.kind[column] = kinds[type];
            r->plan.forced[column] = true;
        }
        p += n + (p[n] == ',');
    }
    return LEAT_OK;
}

/* `types` as the options have them; `expected`: of columns that may be lacking. */
static leat_status force_types(leati_csv_reader *r, const char *types, bool expected)
{
    leati_map names; /* unique, so that they have the numbers of their columns */
    leat_status st = LEAT_OK;
    if (!types) return LEAT_OK;
    leati_map_init(&names, r->context);
    for (size_t j = 0; j < r->layout.columns && st == LEAT_OK; j++)
        if (leati_map_put(&names, r->layout.names[j], strlen(r->layout.names[j])) != j)
            st = leat_error_status(r->context);
    if (st == LEAT_OK) st = force(r, &names, types, expected);
    leati_map_fini(&names);
    return st;
}

/* Columns to keep, by number; all if the option does not say. */
static leat_status choose_columns(leati_csv_reader *r, size_t *keep, size_t *count)
{
    const char *p = r->options->columns;
    *count = 0;
    for (size_t j = 0; !p && j < r->plan.columns; j++) keep[(*count)++] = j;
    if (!p) return LEAT_OK;
    while (*p) {
        size_t n = strcspn(p, ","), column;
        LEATI_TRY(find_name(r, p, n, "columns", &column));
        for (size_t i = 0; i < *count; i++)
            LEATI_CHECK(r->context, keep[i] != column, LEAT_INVALID, "column '%s' is named twice",
                        r->layout.names[column]);
        keep[(*count)++] = column;
        p += n + (p[n] == ',');
    }
    LEATI_CHECK(r->context, *count > 0, LEAT_INVALID, "the list of columns is empty");
    bool *kept = LEATI_NEW(r->context, bool, r->plan.columns);
    if (!kept) return leat_error_status(r->context);
    for (size_t i = 0; i < *count; i++) kept[keep[i]] = true;
    for (size_t j = 0; j < r->plan.columns; j++)
        if (!kept[j] && !r->plan.forced[j]) r->plan.kind[j] = LEATI_CSV_SKIP;
    leati_free(kept);
    return LEAT_OK;
}

/* --- the whole ------------------------------------------------------------------------------ */

/* What the second pass reads: columns of which a value did not fit or nothing was known. Forced
 * columns stay when bad rows are dropped, so that the same rows are. Returns whether there is any.
 */
static bool plan_again(leati_csv_reader *r, leati_csv_kind *final)
{
    bool again = false;
    for (size_t j = 0; j < r->plan.columns; j++) {
        leati_csv_kind was = r->plan.kind[j];
        bool unknown = was == LEATI_CSV_UNKNOWN && r->masks[j] != LEATI_CAN_ALL;
        final[j] = was;
        if (unknown || (r->failed[j] && was > LEATI_CSV_UNKNOWN)) {
            final[j] = r->plan.kind[j] = kind_of(r->masks[j]);
            again = true;
        } else if (!r->plan.forced[j] || !r->plan.drop_bad || was == LEATI_CSV_TEXT) {
            r->plan.kind[j] = LEATI_CSV_SKIP;
        }
    }
    return again;
}

static leat_status second_pass(leati_csv_reader *r)
{
    LEATI_TRY(leati_csv_adopt_texts(r));
    leati_csv_kind *final = leati_array(r->context, r->plan.columns, sizeof *final);
    if (!final) return leat_error_status(r->context);
    leat_status st = LEAT_OK;
    size_t rows = r->rows;
    if (plan_again(r, final)) {
        drop_workers(r);
        memset(r->failed, 0, r->plan.columns * sizeof *r->failed);
        r->capacity = rows;
        st = run_pass(r);
        bool changed = r->rows != rows;
        for (size_t j = 0; j < r->plan.columns; j++)
            changed |= r->failed[j] && r->plan.kind[j] > LEATI_CSV_UNKNOWN;
        if (st == LEAT_OK && changed)
            st = LEATI_FAIL(r->context, LEAT_IO, "%s changed while it was read",
                            leati_source_name(r->plan.source));
        if (st == LEAT_OK) st = leati_csv_adopt_texts(r);
    }
    memcpy(r->plan.kind, final, r->plan.columns * sizeof *final);
    leati_free(final);
    return st;
}

/* The finished column, handed over; exactly `rows` long where that is cheap or saves much. */
static leati_column *finish_column(leati_csv_reader *r, size_t j)
{
    leat_context *c = r->context;
    leati_csv_target *g = &r->targets[j];
    leati_column *col = g->column;
    if (!col) { /* nothing but missing values */
        col = leati_column_create(c, LEAT_F64, r->rows);
        for (size_t i = 0; col && i < r->rows; i++) {
            if (leati_column_set_missing(c, col, i) == LEAT_OK) continue;
            leati_column_release(col);
            return NULL;
        }
        return col;
    }
    size_t cell = cell_size(r->plan.kind[j]), bytes = r->rows * cell;
    if (col->rows > r->rows + r->rows / 4) {
        void *data = leati_alloc(c, bytes);
        if (!data) return NULL;
        if (bytes) memcpy(data, col->data, bytes);
        leati_free(col->data);
        col->data = data;
    }
    col->rows = r->rows;
    col->missing = g->missing;
    if (g->missing) {
        col->valid = g->valid;
        g->valid = NULL;
    }
    g->column = NULL;
    return col;
}

static leat_status make_frame(leati_csv_reader *r, const size_t *keep, size_t count,
                              leat_frame **out)
{
    leat_frame *f = leati_frame_create(r->context, r->rows);
    if (!f) return leat_error_status(r->context);
    for (size_t i = 0; i < count; i++) {
        leat_status st =
            leati_frame_add(r->context, f, r->layout.names[keep[i]], finish_column(r, keep[i]));
        if (st == LEAT_OK) continue;
        leat_frame_release(f);
        return st;
    }
    *out = f;
    return LEAT_OK;
}

static leat_status prepare(leati_csv_reader *r)
{
    leat_context *c = r->context;
    size_t columns = r->layout.columns, left = r->size - r->layout.start;
    r->plan.columns = columns;
    r->plan.kernels = leati_kernels_of(c);
    r->plan.delimiter = r->layout.delimiter;
    r->plan.rules = r->layout.rules;
    r->plan.careful =
        r->layout.rules.number_missing || r->layout.rules.decimal == r->layout.delimiter;
    r->plan.drop_bad = r->options->on_error == LEAT_ON_ERROR_SKIP;
    r->plan.mask = r->layout.masks;
    r->plan.kind = LEATI_NEW(c, leati_csv_kind, columns);
    r->plan.forced = LEATI_NEW(c, bool, columns);
    r->targets = LEATI_NEW(c, leati_csv_target, columns);
    r->masks = LEATI_NEW(c, unsigned, columns);
    r->failed = LEATI_NEW(c, bool, columns);
    r->worker_count = leat_context_threads(c);
    r->workers = LEATI_NEW(c, leati_csv_worker, r->worker_count);
    r->pieces = left / r->piece_bytes + (left % r->piece_bytes != 0);
    r->piece = LEATI_NEW(c, leati_csv_piece, r->pieces);
    r->most = r->options->max_rows ? (size_t)r->options->max_rows : SIZE_MAX;
    if (!r->plan.kind || !r->plan.forced || !r->targets || !r->masks || !r->failed || !r->workers ||
        !r->piece)
        return leat_error_status(c);
    for (size_t j = 0; j < columns; j++) {
        r->masks[j] = r->layout.masks[j];
        r->plan.kind[j] = kind_of(r->masks[j]);
    }
    double rows = (double)left / (r->layout.row_bytes + 0.01) * 1.05 + 64;
    if (rows > (double)left + 1) rows = (double)left + 1;
    r->capacity = r->most < (size_t)rows ? r->most : (size_t)rows;
    return LEAT_OK;
}

static leat_status read_all(leati_csv_reader *r, leati_arena *arena, leati_source *source,
                            leat_frame **out)
{
    leat_context *c = r->context;
    size_t count;
    LEATI_TRY(leati_csv_layout_find(c, &r->layout, source, arena, r->options, r->report));
    r->size = leati_source_size(source);
    LEATI_TRY(prepare(r));
    size_t *keep = leati_arena_calloc(arena, r->layout.columns, sizeof *keep);
    if (!keep) return leat_error_status(c);
    LEATI_TRY(force_types(r, r->options->types, false));
    LEATI_TRY(force_types(r, r->options->expected, true));
    LEATI_TRY(choose_columns(r, keep, &count));
    LEATI_TRY(run_pass(r));
    LEATI_TRY(leati_csv_note_outcome(r));
    LEATI_CHECK(c, r->rows > 0, LEAT_FORMAT, "%s has %s but no row of data",
                leati_source_name(source), r->layout.header ? "a header" : "lines");
    LEATI_TRY(second_pass(r));
    return make_frame(r, keep, count, out);
}

leat_status leati_csv_frame(leat_context *c, leat_frame **out, leati_source *source,
                            const leat_read_options *options, leat_read_report *report)
{
    return leati_csv_frame_pieces(c, out, source, options, report, PIECE);
}

leat_status leati_csv_frame_pieces(leat_context *c, leat_frame **out, leati_source *source,
                                   const leat_read_options *options, leat_read_report *report,
                                   size_t piece_bytes)
{
    leati_csv_reader r = {
        .context = c, .options = options, .report = report, .piece_bytes = piece_bytes};
    leati_arena arena;
    leati_arena_init(&arena, c);
    r.plan.source = source;
    atomic_init(&r.turn, 0);
    atomic_init(&r.copying, 0);
    atomic_init(&r.stop_hint, false);
    atomic_init(&r.no_memory, false);
    pthread_mutex_init(&r.lock, NULL);
    pthread_cond_init(&r.turned, NULL);
    leat_status st = read_all(&r, &arena, source, out);
    if (r.workers) drop_workers(&r);
    for (size_t j = 0; r.targets && j < r.plan.columns; j++) {
        leati_column_release(r.targets[j].column);
        leati_free(r.targets[j].valid);
        leati_csv_dict_fini(&r.targets[j].dict);
    }
    leati_free(r.targets);
    leati_free(r.plan.kind);
    leati_free(r.plan.forced);
    leati_free(r.masks);
    leati_free(r.failed);
    leati_free(r.workers);
    leati_free(r.piece);
    pthread_mutex_destroy(&r.lock);
    pthread_cond_destroy(&r.turned);
    leati_arena_fini(&arena);
    return st;
}
