/* Owns: the loop from text to cells. Not: cutting the file into pieces and joining them
 * (csv_read.c).
 *
 * A field that is just what its column holds takes a short way that scans it once; all others
 * (missing, quoted, spaced, not fitting) go through leati_csv_take. */
#include "frame/csv_parse.h"

#include <math.h>

#include "base/mem.h"
#include "io/encoding.h"

enum {
    FIRST_AHEAD = 1 << 14,
    SHOWN = 40,
    BLOCK = 1 << 16,
    BREAK_BYTES = 1 << 12, /* in which the ends of fields are found together */
    LEAST_RUN = 8          /* neighbouring columns of numbers that are worth reading together */
};

/* Memory that lasts until the next piece begins. */
struct leati_csv_block {
    struct leati_csv_block *next;
    size_t used, size;
    char *bytes;
};

typedef enum outcome { FITS, NEEDS_MORE, MISFIT, NO_MEMORY } outcome;

static size_t scratch_size(const leati_csv_worker *w, size_t column)
{
    return w->plan->kind[column] == LEATI_CSV_TEXT ? sizeof(leati_csv_word) : sizeof(double);
}

static void free_kept(leati_csv_worker *w)
{
    while (w->kept) {
        struct leati_csv_block *b = w->kept;
        w->kept = b->next;
        leati_free(b->bytes);
        leati_free(b);
    }
}

/* Take a block over, or drop it when there is no memory for that. */
static bool keep_block(leati_csv_worker *w, char *bytes, size_t used, size_t size)
{
    struct leati_csv_block *b = bytes ? leati_alloc_quiet(w->context, sizeof *b) : NULL;
    if (!b) {
        leati_free(bytes);
        return false;
    }
    *b = (struct leati_csv_block){w->kept, used, size, bytes};
    w->kept = b;
    return true;
}

/* Kept memory of that size, with padding behind it. */
static char *keep(leati_csv_worker *w, size_t size)
{
    size_t need = size + LEATI_SOURCE_PAD;
    if (!w->kept || w->kept->size - w->kept->used < need) {
        size_t block = need > BLOCK ? need : BLOCK;
        if (!keep_block(w, leati_alloc_quiet(w->context, block), 0, block)) return NULL;
    }
    char *at = w->kept->bytes + w->kept->used;
    w->kept->used += need;
    memset(at + size, 0, LEATI_SOURCE_PAD);
    return at;
}

bool leati_csv_worker_init(leati_csv_worker *w, size_t rows)
{
    size_t columns = w->plan->columns;
    w->cells = leati_alloc_quiet(w->context, columns * sizeof *w->cells);
    if (!w->cells) return false;
    memset(w->cells, 0, columns * sizeof *w->cells);
    w->numbers = leati_alloc_quiet(w->context, columns * sizeof *w->numbers);
    w->run = leati_alloc_quiet(w->context, columns * sizeof *w->run);
    w->breaks.at =
        leati_alloc_quiet(w->context, (columns + BREAK_BYTES + 8) * sizeof *w->breaks.at);
    if (!w->numbers || !w->run || !w->breaks.at) return false;
    for (size_t j = 0; j < columns; j++) {
        leati_csv_cells *s = &w->cells[j];
        if (w->plan->kind[j] == LEATI_CSV_SKIP) continue;
        s->gaps = leati_alloc_quiet(w->context, rows * sizeof *s->gaps);
        if (!s->gaps) return false;
        if (w->plan->kind[j] == LEATI_CSV_UNKNOWN) continue;
        s->data = leati_alloc_quiet(w->context, rows * scratch_size(w, j));
        if (!s->data) return false;
    }
    w->capacity = rows;
    return true;
}

void leati_csv_worker_fini(leati_csv_worker *w)
{
    for (size_t j = 0; w->cells && j < w->plan->columns; j++) {
        leati_free(w->cells[j].data);
        leati_free(w->cells[j].gaps);
    }
    leati_free(w->cells);
    leati_free(w->numbers);
    leati_free(w->run);
    leati_free(w->breaks.at);
    free_kept(w);
    leati_view_fini(&w->view);
    w->cells = NULL;
    w->numbers = NULL;
    w->run = NULL;
    w->breaks.at = NULL;
}

static bool widen(const leat_context *c, void *array, size_t old, size_t count, size_t size)
{
    void *was, *fresh = leati_alloc_quiet(c, count * size);
    if (!fresh) return false;
    memcpy(&was, array, sizeof was);
    memcpy(fresh, was, old * size);
    leati_free(was);
    memcpy(array, &fresh, sizeof fresh);
    return true;
}

/* Which fields the kernel may read together; anew when cells move. */
static void find_runs(leati_csv_worker *w)
{
    bool any = w->plan->kernels->decimals && !w->plan->careful;
    for (size_t j = w->plan->columns, run = 0; j-- > 0;) {
        run = any && w->cells[j].kind == LEATI_CSV_NUMBER ? run + 1 : 0;
        w->run[j] = run < LEAST_RUN ? 0 : run;
        w->numbers[j] = run ? w->cells[j].f64 : NULL;
    }
}

/* Column j holds no numbers any more: the runs before it end there. */
static void cut_run(leati_csv_worker *w, size_t j)
{
    w->run[j] = 0;
    w->numbers[j] = NULL;
    for (size_t k = j, run = 0; k-- > 0 && w->numbers[k];) w->run[k] = ++run < LEAST_RUN ? 0 : run;
}

static bool more_rows(leati_csv_worker *w)
{
    size_t rows = w->capacity * 2;
    if (rows > UINT32_MAX) return false;
    for (size_t j = 0; j < w->plan->columns; j++) {
        leati_csv_cells *s = &w->cells[j];
        if (s->gaps && !widen(w->context, &s->gaps, w->capacity, rows, sizeof *s->gaps))
            return false;
        if (s->data && !widen(w->context, &s->data, w->capacity, rows, scratch_size(w, j)))
            return false;
    }
    w->capacity = rows;
    find_runs(w);
    return true;
}

void leati_csv_begin(leati_csv_worker *w, size_t from)
{
    static const unsigned masks[] = {[LEATI_CSV_WHOLE] = LEATI_CAN_WHOLE | LEATI_CAN_NUMBER,
                                     [LEATI_CSV_NUMBER] = LEATI_CAN_NUMBER,
                                     [LEATI_CSV_TIME] = LEATI_CAN_TIME,
                                     [LEATI_CSV_TRUTH] = LEATI_CAN_TRUTH,
                                     [LEATI_CSV_TEXT] = 0};
    w->rows = w->dropped = w->troubles = w->converted = w->long_rows = 0;
    w->open = false;
    w->next = from;
    w->judged = SIZE_MAX;
    free_kept(w);
    for (size_t j = 0; j < w->plan->columns; j++) {
        leati_csv_cells *s = &w->cells[j];
        s->kind = w->plan->kind[j];
        s->mask = s->kind <= LEATI_CSV_UNKNOWN ? w->plan->mask[j] : masks[s->kind];
        s->gap_count = 0;
    }
    find_runs(w);
}

/* Forget what the unfinished row left behind. */
static void undo_row(leati_csv_worker *w)
{
    for (size_t j = 0; j < w->plan->columns; j++) {
        leati_csv_cells *s = &w->cells[j];
        if (s->gap_count && s->gaps[s->gap_count - 1] == w->rows) s->gap_count--;
    }
}

static void set_gap(leati_csv_worker *w, leati_csv_cells *s)
{
    size_t row = w->rows;
    s->gaps[s->gap_count++] = (uint32_t)row;
    switch (s->kind) {
    case LEATI_CSV_NUMBER: s->f64[row] = (double)NAN; break;
    case LEATI_CSV_WHOLE:
    case LEATI_CSV_TIME: s->i64[row] = 0; break;
    case LEATI_CSV_TRUTH:
    case LEATI_CSV_LOOSE: s->u8[row] = 0; break;
    case LEATI_CSV_TEXT: s->words[row].text = NULL; break;
    default: break;
    }
}

/* The word just put is not UTF-8: as from Windows-1252. */
static outcome convert_text(leati_csv_worker *w, leati_csv_word *word)
{
    const char *text = word->text;
    size_t old = word->length, n = leati_utf8_from_1252(text, old, NULL);
    char *to = n > UINT32_MAX ? NULL : keep(w, n);
    bool high;
    if (!to) return NO_MEMORY;
    if (w->converted++ == 0) w->converted_at = w->next;
    leati_utf8_from_1252(text, old, to);
    *word = (leati_csv_word){to, (uint32_t)n, leati_csv_hash(to, n, &high)};
    return FITS;
}

static inline outcome put_text(leati_csv_worker *w, leati_csv_cells *s, const char *text, size_t n)
{
    bool high;
    leati_csv_word *word = &s->words[w->rows];
    if (n > UINT32_MAX) return NO_MEMORY;
    *word = (leati_csv_word){text, (uint32_t)n, leati_csv_hash(text, n, &high)};
    return high && !leati_utf8_valid(text, n) ? convert_text(w, word) : FITS;
}

/* A value that is not missing into a column of its kind. */
static bool put_value(const leati_csv_worker *w, leati_csv_cells *s, const char *text, size_t n,
                      bool forced)
{
    size_t row = w->rows;
    double number;
    int64_t integer;
    bool whole;
    switch (s->kind) {
    case LEATI_CSV_NUMBER:
        if ((!forced && leati_has_leading_zero(text, n)) ||
            !leati_value_number(&w->plan->rules, text, n, &number, NULL, NULL))
            return false;
        s->f64[row] = number;
        return true;
    case LEATI_CSV_WHOLE:
        if (!leati_value_number(&w->plan->rules, text, n, &number, &whole, &integer) || !whole)
            return false;
        if (!forced && (leati_has_leading_zero(text, n) || (*text == '-' && integer == 0)))
            return false;
        s->i64[row] = integer;
        return true;
    case LEATI_CSV_TIME: return leati_value_time(text, n, &s->i64[row]);
    case LEATI_CSV_TRUTH: return leati_value_bool(text, n, false, &s->u8[row]);
    case LEATI_CSV_LOOSE: return leati_value_bool(text, n, true, &s->u8[row]);
    default: return true;
    }
}

/* Notes the trouble unless there is no room; the record begins at `offset`. */
static void note_trouble(leati_csv_worker *w, leati_csv_trouble trouble, const char *value,
                         size_t length)
{
    if (w->troubles == LEATI_CSV_TROUBLES) return;
    size_t n = length < SHOWN ? length : SHOWN;
    if (n) memcpy(trouble.value, value, n);
    if (length > SHOWN) memcpy(trouble.value + n, "...", 3);
    w->trouble[w->troubles++] = trouble;
}

/* The shape of the record at offset w->next: FITS also with empty fields too many. */
static outcome shape(const leati_csv_worker *w, const leati_csv_text *t, size_t *fields,
                     const char **after)
{
    const char *p = w->view.data + (w->next - w->view.offset);
    bool empty = true;
    *fields = 0;
    for (;; p++) {
        leati_csv_field f;
        p = leati_csv_take(t, p, &f);
        if (!p) return NEEDS_MORE;
        if (++*fields > w->plan->columns) empty &= f.length == 0 && !f.quoted;
        if (p == t->end || *p != t->delimiter) break;
    }
    *after = leati_csv_next_line(t, p);
    if (!*after) return NEEDS_MORE;
    return *fields == w->plan->columns || (*fields > w->plan->columns && empty) ? FITS : MISFIT;
}

/* Asked before a value may change what its column is, for a ragged row must not. Once per record
 * and view: all of its values may. */
static bool record_fits(leati_csv_worker *w, const leati_csv_text *t)
{
    size_t fields, end = w->view.offset + w->view.size;
    const char *after;
    if (w->judged != w->next || w->judged_end != end) {
        w->fits = shape(w, t, &fields, &after) == FITS;
        w->judged = w->next;
        w->judged_end = end;
    }
    return w->fits;
}

/* The long way for the field at *p; moves *p to its end. */
static outcome take(leati_csv_worker *w, const leati_csv_text *t, size_t j, const char **p)
{
    leati_csv_cells *s = &w->cells[j];
    const leati_rules *rules = &w->plan->rules;
    leati_csv_field f;
    const char *end = leati_csv_take(t, *p, &f);
    if (!end) return NEEDS_MORE;
    *p = end;
    if (f.open || f.zero) {
        leati_csv_trouble trouble = {.fault = f.open ? LEATI_CSV_OPEN : LEATI_CSV_ZERO,
                                     .offset = w->view.offset + (size_t)(f.text - w->view.data),
                                     .column = j};
        w->open |= f.open;
        if (f.open && w->troubles) w->troubles = 0; /* this one matters */
        note_trouble(w, trouble, f.text, f.open ? f.length : 0);
        return MISFIT;
    }
    if (s->kind == LEATI_CSV_SKIP) return FITS;
    const char *text = f.text;
    size_t n = f.length;
    if (f.doubled) {
        char *to = keep(w, n);
        if (!to) return NO_MEMORY;
        n = leati_csv_undouble(&f, to);
        text = to;
    }
    if (s->kind == LEATI_CSV_TEXT) {
        if (!f.quoted && leati_is_missing(rules, text, n)) set_gap(w, s);
        else return put_text(w, s, text, n);
        return FITS;
    }
    if (leati_is_missing(rules, text, n)) {
        set_gap(w, s);
        return FITS;
    }
    bool forced = w->plan->forced[j];
    if (s->kind != LEATI_CSV_UNKNOWN && put_value(w, s, text, n, forced)) return FITS;
    if (forced) {
        leati_csv_trouble trouble = {.fault = LEATI_CSV_VALUE, .offset = w->next, .column = j};
        note_trouble(w, trouble, text, n);
        return MISFIT;
    }
    unsigned can = s->mask ? leati_classify(rules, text, n, s->mask) : 0;
    if ((can != s->mask || s->kind != LEATI_CSV_UNKNOWN) && record_fits(w, t)) {
        s->mask = can;
        s->kind = LEATI_CSV_UNKNOWN;
        if (w->numbers[j]) cut_run(w, j);
    }
    return FITS;
}

/* The short way for text: neither quoted nor spaced. */
static inline bool short_text(leati_csv_worker *w, leati_csv_cells *s, const char *p,
                              const char *end, outcome *result)
{
    size_t n = (size_t)(end - p);
    if (*p == '"' || *p == ' ' || *p == '\t' || (n && (end[-1] == ' ' || end[-1] == '\t')))
        return false;
    if (leati_is_missing(&w->plan->rules, p, n)) set_gap(w, s);
    else *result = put_text(w, s, p, n);
    return true;
}

/* The short way for "true" and "false" in any case: which of the two it is decides no branch. */
static inline bool short_truth(const char *p, size_t n, uint8_t *out)
{
    const uint64_t small = UINT64_C(0x2020202020202020);
    uint64_t x = leati_load8(p) | small;
    bool truth = (n == 4) & ((uint32_t)x == UINT32_C(0x65757274));
    bool untruth = (n == 5) & (x << 24 == UINT64_C(0x65736c6166) << 24);
    *out = truth;
    return truth | untruth;
}

/* The field of column j from *p to `end`, which is the first delimiter, line end or zero byte. */
static inline outcome field(leati_csv_worker *w, const leati_csv_text *t, size_t j, const char **p,
                            const char *end)
{
    leati_csv_cells *s = &w->cells[j];
    const leati_rules *rules = &w->plan->rules;
    leati_scan n;
    outcome result = FITS;
    if (*end == '\0') return take(w, t, j, p);
    size_t length = (size_t)(end - *p);
    switch (s->kind) {
    case LEATI_CSV_NUMBER:
        if (w->plan->careful || (!leati_scan_short(*p, end, rules->decimal, &n) &&
                                 leati_num_scan(*p, rules->decimal, &n) != end))
            break;
        s->f64[w->rows] = leati_num_compose(&n);
        *p = end;
        return FITS;
    case LEATI_CSV_WHOLE:
        if (w->plan->careful ||
            (!leati_scan_short(*p, end, rules->decimal, &n) &&
             leati_num_scan(*p, rules->decimal, &n) != end) ||
            !n.whole || n.mantissa > INT64_MAX || (n.negative && n.mantissa == 0))
            break;
        s->i64[w->rows] = n.negative ? -(int64_t)n.mantissa : (int64_t)n.mantissa;
        *p = end;
        return FITS;
    case LEATI_CSV_SKIP:
        if (**p == '"' || **p == ' ' || **p == '\t') break;
        *p = end;
        return FITS;
    case LEATI_CSV_TEXT:
        if (!short_text(w, s, *p, end, &result)) break;
        *p = end;
        return result;
    case LEATI_CSV_TRUTH: /* quotes and spaces do not fit */
        if (leati_is_missing(rules, *p, length) || !short_truth(*p, length, &s->u8[w->rows])) break;
        *p = end;
        return FITS;
    case LEATI_CSV_TIME:
        if (leati_is_missing(rules, *p, length) || !leati_value_time(*p, length, &s->i64[w->rows]))
            break;
        *p = end;
        return FITS;
    default: break;
    }
    return take(w, t, j, p);
}

/* --- where fields end --------------------------------------------------------------------------
 * Found for some blocks of text at once, so that a field need not wait for the one before it. Those
 * inside quotes are among them and passed over. */

/* The ends from p on, of a row at least, as far as the view has it. */
static void find_breaks(leati_csv_worker *w, const leati_csv_text *t, const char *p)
{
    leati_csv_breaks *b = &w->breaks;
    size_t left = (size_t)(t->end - p) + 1, from = 0; /* the zero byte at the end is one */
    if (left > UINT32_MAX / 2) left = UINT32_MAX / 2;
    b->base = p;
    b->next = b->count = 0;
    while (from < left && b->count < w->plan->columns) {
        size_t blocks = left - from < BREAK_BYTES ? (left - from + 63) / 64 : BREAK_BYTES / 64;
        b->count += w->plan->kernels->breaks(p + from, blocks, t->delimiter, (uint32_t)from,
                                             b->at + b->count);
        from += blocks * 64;
    }
    while (b->count && b->at[b->count - 1] >= left) b->count--;
}

/* The number of the first end at or behind p, which is not before number `next`. */
static inline size_t pass_breaks(const leati_csv_breaks *b, size_t next, const char *p)
{
    size_t offset = (size_t)(p - b->base);
    while (next < b->count && b->at[next] < offset) next++;
    return next;
}

/* A row with too many or too few fields. */
static outcome ragged(leati_csv_worker *w, const leati_csv_text *t, const char **after)
{
    leati_csv_trouble trouble = {.fault = LEATI_CSV_RAGGED, .offset = w->next};
    outcome result = shape(w, t, &trouble.fields, after);
    if (result == FITS) w->long_rows++;
    if (result == MISFIT) note_trouble(w, trouble, "", 0);
    return result;
}

/* The record at p; *after is behind it unless NEEDS_MORE. */
static outcome row(leati_csv_worker *w, const leati_csv_text *t, const char *p, const char **after)
{
    size_t columns = w->plan->columns;
    const leati_csv_plan *plan = w->plan;
    const leati_decimals d = {w->view.data, t->end, t->delimiter, plan->rules.decimal};
    leati_csv_breaks *b = &w->breaks;
    b->next = pass_breaks(b, b->next, p);
    if (b->count < b->next + columns && w->run[0] < columns) find_breaks(w, t, p);
    const char *base = b->base;
    const uint32_t *at = b->at;
    size_t next = b->next, count = b->count;
    for (size_t j = 0; j < columns; j++, next++) {
        size_t got =
            w->run[j] ? plan->kernels->decimals(&d, &p, w->run[j], w->numbers + j, w->rows) : 0;
        outcome result = FITS;
        if (got) {
            j += got - 1;
            next += got - 1;
        } else {
            const char *end = next < count ? base + at[next] : leati_csv_plain_end(p, t->delimiter);
            result = field(w, t, j, &p, end);
            if (p != end) next = pass_breaks(b, next, p);
        }
        if (result == MISFIT) {
            size_t fields;
            return shape(w, t, &fields, after) == NEEDS_MORE ? NEEDS_MORE : MISFIT;
        }
        if (result != FITS) return result;
        bool more = p < t->end && *p == t->delimiter;
        if (more != (j + 1 < columns)) return ragged(w, t, after);
        p += more;
    }
    b->next = next;
    *after = leati_csv_next_line(t, p);
    return *after ? FITS : NEEDS_MORE;
}

/* Blank lines: spaces only. */
static const char *skip_blank(const leati_csv_text *t, const char *p)
{
    const char *q = p;
    while (*q == ' ' || (*q == '\t' && t->delimiter != '\t')) q++;
    if (q < t->end && *q != '\n' && *q != '\r') return NULL;
    if (q == t->end && !t->last) return NULL;
    return leati_csv_next_line(t, q);
}

/* Records of the present view, up to `stop`. */
static leati_csv_state parse_view(leati_csv_worker *w, size_t stop, size_t most)
{
    size_t size = leati_source_size(w->plan->source);
    const leati_view *v = &w->view;
    leati_csv_text t = {v->data + v->size, v->offset + v->size == size, w->plan->delimiter};
    const char *p = v->data + (w->next - v->offset), *after;
    w->breaks.base = p;
    w->breaks.next = w->breaks.count = 0;
    while (w->next < stop && w->rows < most) {
        if (w->rows == w->capacity && !more_rows(w)) return LEATI_CSV_NOMEM;
        size_t converted = w->converted;
        bool blank = *p <= ' ' && (after = skip_blank(&t, p)) != NULL;
        outcome result = blank ? FITS : row(w, &t, p, &after);
        if (result == FITS) {
            w->rows += !blank;
        } else {
            undo_row(w);
            w->converted = converted;
            if (result == NEEDS_MORE) return LEATI_CSV_MORE;
            if (result == NO_MEMORY) return LEATI_CSV_NOMEM;
            w->dropped++;
            if (!w->plan->drop_bad || w->open) return LEATI_CSV_STOPPED;
        }
        p = after;
        w->next = v->offset + (size_t)(p - v->data);
    }
    return LEATI_CSV_DONE;
}

/* Words point into the view: it lives on until the next piece. */
static bool retire_view(leati_csv_worker *w)
{
    char *buffer = w->view.buffer;
    size_t size = w->view.capacity;
    w->view = (leati_view){0};
    return keep_block(w, buffer, size, size);
}

leati_csv_state leati_csv_parse(leati_csv_worker *w, size_t stop, size_t most, size_t ahead)
{
    const leati_source *source = w->plan->source;
    size_t size = leati_source_size(source);
    for (size_t more = FIRST_AHEAD;; more *= 2) {
        bool held = w->view.data && w->next >= w->view.offset &&
                    w->view.offset + w->view.size >= (stop < size - more ? stop + more : size);
        if (!held) {
            if (more > ahead && more > FIRST_AHEAD) return LEATI_CSV_MORE;
            size_t end = size - stop > more ? stop + more : size;
            if (w->rows && w->view.buffer && !retire_view(w)) return LEATI_CSV_NOMEM;
            leat_status st = leati_source_view(w->context, source, &w->view, w->next,
                                               leati_source_is_file(source) ? end - w->next : size);
            if (st != LEAT_OK) return st == LEAT_NOMEM ? LEATI_CSV_NOMEM : LEATI_CSV_IO;
        }
        leati_csv_state state = parse_view(w, stop, most);
        if (state != LEATI_CSV_MORE) return state;
    }
}
