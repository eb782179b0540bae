/* Owns: numbering rows by equal key values. Not: what is computed for the groups (group.c).
 *
 * Where all keys together have few possible values for the number of rows, a table indexed by them
 * holds the first row of each: the least of an atomic race, so the same for any number of threads.
 * Else rows are cut into chunks that depend on their number only; each chunk numbers its own groups
 * with a hash table, then the chunks' groups are joined in order. Both ways numbers follow the
 * first appearance. */
#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "frame/table_op.h"

enum {
    CHUNK_ROWS = 1 << 16,
    CHUNKS_MOST = 64,
    DIRECT_MOST = 1 << 20, /* entries of a table indexed by value; more where there are more rows */
    FIRST_SLOTS = 1 << 10,
    AHEAD = 16 /* rows between asking for a slot's cache line and using it */
};

/* Key values as bits: (columns) arrays of `rows`; or one of small numbers that say it all. */
typedef struct keys {
    uint64_t **value;
    size_t columns, rows;
    uint32_t *small; /* (rows) below `direct` */
    size_t direct;   /* possible values of `small`, or 0: hash */
    uint64_t seed;   /* of the hash: not to be guessed by who made the table */
} keys;

/* An entry is the low half of a row's hash above its group + 1; 0 is an empty slot. */
typedef struct table {
    uint64_t *slots;
    size_t slot_count;
    uint32_t *first; /* row of each group */
    size_t count, capacity;
} table;

static uint64_t hash_row(const keys *k, size_t row)
{
    uint64_t h = k->seed;
    for (size_t i = 0; i < k->columns; i++) {
        h = (h ^ k->value[i][row]) * 0xd6e8feb86659fd93u;
        h ^= h >> 32;
    }
    h *= 0xd6e8feb86659fd93u;
    return h ^ h >> 32;
}

static bool same_row(const keys *k, size_t a, size_t b)
{
    for (size_t i = 0; i < k->columns; i++)
        if (k->value[i][a] != k->value[i][b]) return false;
    return true;
}

static void *grow_quiet(const leat_context *c, void *old, size_t used, size_t bytes)
{
    void *fresh = leati_alloc_quiet(c, bytes);
    if (!fresh) return NULL;
    if (used) memcpy(fresh, old, used);
    memset((char *)fresh + used, 0, bytes - used);
    leati_free(old);
    return fresh;
}

/* Room for one more group; the table stays at most half full. */
static bool table_grow(const leat_context *c, table *t)
{
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : FIRST_SLOTS / 2;
        uint32_t *first =
            grow_quiet(c, t->first, t->count * sizeof *first, capacity * sizeof *first);
        if (!first) return false;
        t->first = first;
        t->capacity = capacity;
    }
    if (2 * (t->count + 1) <= t->slot_count) return true;
    size_t slot_count = t->slot_count ? 4 * t->slot_count : FIRST_SLOTS;
    uint64_t *slots = grow_quiet(c, NULL, 0, slot_count * sizeof *slots);
    if (!slots) return false;
    for (size_t i = 0; i < t->slot_count; i++) {
        if (!t->slots[i]) continue;
        size_t s = (size_t)(t->slots[i] >> 32) & (slot_count - 1);
        while (slots[s]) s = (s + 1) & (slot_count - 1);
        slots[s] = t->slots[i];
    }
    leati_free(t->slots);
    t->slots = slots;
    t->slot_count = slot_count;
    return true;
}

/* The group of a row, new if need be; UINT32_MAX when out of memory. */
static inline uint32_t table_put(const leat_context *c, const keys *k, table *t, uint32_t row,
                                 uint32_t hash)
{
    if (!table_grow(c, t)) return UINT32_MAX;
    size_t s = hash & (t->slot_count - 1);
    for (; t->slots[s]; s = (s + 1) & (t->slot_count - 1)) {
        uint32_t group = (uint32_t)t->slots[s] - 1;
        if (t->slots[s] >> 32 == hash && same_row(k, t->first[group], row)) return group;
    }
    t->first[t->count] = row;
    t->slots[s] = (uint64_t)hash << 32 | (t->count + 1);
    return (uint32_t)t->count++;
}

/* out[i] = the group of rows[i], or of row `from` + i where there is no list. False: no memory. */
static bool table_put_all(const leat_context *c, const keys *k, table *t, const uint32_t *rows,
                          size_t from, size_t count, uint32_t *out)
{
    uint32_t hash[AHEAD];
    for (size_t i = 0; i < count + AHEAD; i++) {
        if (i >= AHEAD) {
            size_t at = i - AHEAD;
            uint32_t row = rows ? rows[at] : (uint32_t)(from + at);
            out[at] = table_put(c, k, t, row, hash[at % AHEAD]);
            if (out[at] == UINT32_MAX) return false;
        }
        if (i >= count) continue;
        hash[i % AHEAD] = (uint32_t)hash_row(k, rows ? rows[i] : from + i);
        if (t->slots) __builtin_prefetch(&t->slots[hash[i % AHEAD] & (t->slot_count - 1)]);
    }
    return true;
}

static void table_free(table *t)
{
    leati_free(t->slots);
    leati_free(t->first);
    *t = (table){0};
}

typedef struct job {
    const leat_context *context;
    const keys *keys;
    leati_groups *groups;
    size_t chunks;
    uint32_t **first; /* hashed, per chunk: rows of its groups, later their numbers in the whole */
    size_t *count;    /* per chunk: its groups; direct: its first rows, later those before it */
    uint32_t *slots;  /* direct: the first row of a value, later its group */
} job;

static void number_chunk(void *arg, size_t chunk, unsigned worker)
{
    job *j = arg;
    table t = {0};
    size_t from = leati_task_start(j->keys->rows, j->chunks, chunk);
    size_t to = leati_task_start(j->keys->rows, j->chunks, chunk + 1);
    (void)worker;
    if (table_put_all(j->context, j->keys, &t, NULL, from, to - from, j->groups->of + from)) {
        j->first[chunk] = t.first;
        j->count[chunk] = t.count;
        t.first = NULL;
    }
    table_free(&t);
}

static void renumber_chunk(void *arg, size_t chunk, unsigned worker)
{
    job *j = arg;
    size_t from = leati_task_start(j->keys->rows, j->chunks, chunk);
    size_t to = leati_task_start(j->keys->rows, j->chunks, chunk + 1);
    const uint32_t *number = j->first[chunk];
    (void)worker;
    for (size_t row = from; row < to; row++) j->groups->of[row] = number[j->groups->of[row]];
}

static leat_status number_hashed(leat_context *c, job *j)
{
    table whole = {0};
    bool good = true;
    j->first = LEATI_NEW(c, uint32_t *, j->chunks);
    if (!j->first) return leat_error_status(c);
    leati_parallel(c, j->chunks, number_chunk, j);
    for (size_t chunk = 0; good && chunk < j->chunks; chunk++) {
        uint32_t *first = j->first[chunk];
        good = first || j->keys->rows == 0;
        good = good && table_put_all(c, j->keys, &whole, first, 0, j->count[chunk], first);
    }
    if (good) {
        leati_parallel(c, j->chunks, renumber_chunk, j);
        j->groups->first = whole.first;
        j->groups->count = whole.count;
        whole.first = NULL;
    }
    table_free(&whole);
    for (size_t i = 0; i < j->chunks; i++) leati_free(j->first[i]);
    leati_free(j->first);
    return good ? LEAT_OK : LEATI_FAIL(c, LEAT_NOMEM, "out of memory grouping the rows");
}

/* --- direct: a table indexed by the keys' values ---------------------------------------------- */

/* slots[v] = the first row of each value v. */
static void find_first(void *arg, size_t chunk, unsigned worker)
{
    job *j = arg;
    size_t from = leati_task_start(j->keys->rows, j->chunks, chunk);
    size_t to = leati_task_start(j->keys->rows, j->chunks, chunk + 1);
    const uint32_t *value = j->keys->small;
    (void)worker;
    for (size_t row = from; row < to; row++) {
        uint32_t *slot = &j->slots[value[row]], have = __atomic_load_n(slot, __ATOMIC_RELAXED);
        while (row < have && !__atomic_compare_exchange_n(slot, &have, (uint32_t)row, true,
                                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        }
    }
}

static void count_first(void *arg, size_t chunk, unsigned worker)
{
    job *j = arg;
    size_t from = leati_task_start(j->keys->rows, j->chunks, chunk), count = 0;
    size_t to = leati_task_start(j->keys->rows, j->chunks, chunk + 1);
    const uint32_t *value = j->keys->small;
    (void)worker;
    for (size_t row = from; row < to; row++) {
        uint32_t first = j->slots[value[row]] == row;
        j->groups->of[row] = first;
        count += first;
    }
    j->count[chunk] = count;
}

static void number_first(void *arg, size_t chunk, unsigned worker)
{
    job *j = arg;
    size_t from = leati_task_start(j->keys->rows, j->chunks, chunk), next = j->count[chunk];
    size_t to = leati_task_start(j->keys->rows, j->chunks, chunk + 1);
    (void)worker;
    for (size_t row = from; row < to; row++) {
        if (!j->groups->of[row]) continue;
        j->slots[j->keys->small[row]] = (uint32_t)next;
        j->groups->first[next++] = (uint32_t)row;
    }
}

static void look_up(void *arg, size_t chunk, unsigned worker)
{
    job *j = arg;
    size_t from = leati_task_start(j->keys->rows, j->chunks, chunk);
    size_t to = leati_task_start(j->keys->rows, j->chunks, chunk + 1);
    const uint32_t *value = j->keys->small;
    (void)worker;
    for (size_t row = from; row < to; row++) j->groups->of[row] = j->slots[value[row]];
}

static leat_status number_direct(leat_context *c, job *j)
{
    size_t total = 0;
    j->slots = leati_array(c, j->keys->direct, sizeof *j->slots);
    if (!j->slots) return leat_error_status(c);
    memset(j->slots, 0xff, j->keys->direct * sizeof *j->slots);
    leati_parallel(c, j->chunks, find_first, j);
    leati_parallel(c, j->chunks, count_first, j);
    for (size_t chunk = 0; chunk < j->chunks; chunk++) {
        size_t own = j->count[chunk];
        j->count[chunk] = total;
        total += own;
    }
    j->groups->first = leati_array(c, total, sizeof *j->groups->first);
    if (j->groups->first) {
        j->groups->count = total;
        leati_parallel(c, j->chunks, number_first, j);
        leati_parallel(c, j->chunks, look_up, j);
    }
    leati_free(j->slots);
    return j->groups->first ? LEAT_OK : leat_error_status(c);
}

/* --- key values ------------------------------------------------------------------------------ */

typedef struct fill {
    const leati_column *col;
    uint32_t *small;        /* set: small += scale * dense number */
    uint64_t *value, *mask; /* mask: bit `bit` tells a missing whole number apart */
    int bit;
    bool dense; /* number small values from 0, missing as `spare` */
    int64_t low;
    uint64_t spare, scale;
} fill;

static uint64_t bits_of(const leati_column *col, size_t row)
{
    uint64_t bits;
    double v;
    switch (col->type) {
    case LEAT_F64:
        v = col->f64[row] + 0.0; /* -0 is 0 */
        if (v != v) return UINT64_MAX;
        memcpy(&bits, &v, sizeof bits);
        return bits;
    case LEAT_BOOL: return col->u8[row];
    case LEAT_STRING: return col->codes[row];
    default: return (uint64_t)col->i64[row];
    }
}

static void fill_task(void *arg, size_t task, unsigned worker)
{
    const fill *f = arg;
    size_t from = task * CHUNK_ROWS;
    size_t to = f->col->rows - from < CHUNK_ROWS ? f->col->rows : from + CHUNK_ROWS;
    (void)worker;
    for (size_t i = from; i < to; i++) {
        bool valid = leati_valid(f->col, i);
        uint64_t v = valid ? bits_of(f->col, i) : f->col->type == LEAT_F64 ? UINT64_MAX : 0;
        if (f->dense) v = valid ? v - (uint64_t)f->low : f->spare;
        if (f->small) f->small[i] += (uint32_t)(f->scale * v);
        else f->value[i] = v;
        if (f->mask && !valid) f->mask[i] |= (uint64_t)1 << f->bit;
    }
}

/* Whether the values number few enough, and how: from `low`, `spare` for missing. */
static bool is_dense(const leati_column *col, size_t most, fill *f)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    if (col->type == LEAT_STRING) f->spare = col->dict->count;
    else if (col->type == LEAT_BOOL) f->spare = 2;
    else if (col->type == LEAT_I64 || col->type == LEAT_TIME) {
        for (size_t i = 0; i < col->rows; i++) {
            int64_t v = col->i64[i];
            if (col->missing && !leati_valid(col, i)) continue;
            low = v < low ? v : low;
            high = v > high ? v : high;
        }
        if (low > high) low = high = 0; /* no value at all */
        if ((uint64_t)high - (uint64_t)low >= most) return false;
        f->low = low;
        f->spare = (uint64_t)high - (uint64_t)low + 1;
    } else {
        return false;
    }
    return true;
}

static leat_status read_keys(leat_context *c, keys *k, const leat_frame *f, const size_t *columns,
                             size_t count)
{
    fill *fills = LEATI_NEW(c, fill, count);
    size_t tasks = (f->rows + CHUNK_ROWS - 1) / CHUNK_ROWS;
    size_t most = 2 * f->rows > DIRECT_MOST ? 2 * f->rows : DIRECT_MOST, masks = 0;
    if (most > UINT32_MAX) most = UINT32_MAX;
    uint64_t product = 1;
    if (!fills) return leat_error_status(c);
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < count; i++) {
        fill *one = &fills[i];
        one->col = f->column[columns[i]];
        one->dense = is_dense(one->col, most, one);
        one->bit = (int)(i % 64);
        uint64_t size = one->dense ? one->spare + 1 : most + 1;
        product = size > most / product ? most + 1 : product * size;
        if (!one->dense && one->col->missing && one->col->type != LEAT_F64) masks = i / 64 + 1;
    }
    k->rows = f->rows;
    if (product <= most) {
        k->direct = (size_t)product;
        k->small = LEATI_NEW(c, uint32_t, f->rows);
        if (!k->small) LEATI_GO(leat_error_status(c));
    } else {
        k->columns = count + masks;
        k->value = LEATI_NEW(c, uint64_t *, k->columns);
        for (size_t i = 0; k->value && i < k->columns; i++)
            if (!(k->value[i] = LEATI_NEW(c, uint64_t, f->rows))) LEATI_GO(leat_error_status(c));
        if (!k->value) LEATI_GO(leat_error_status(c));
    }
    product = 1;
    for (size_t i = 0; i < count; i++) {
        fills[i].small = k->small;
        fills[i].scale = product;
        if (k->direct) product *= fills[i].spare + 1;
        else fills[i].value = k->value[i];
        if (i / 64 < masks && !k->direct) fills[i].mask = k->value[count + i / 64];
        leati_parallel(c, tasks, fill_task, &fills[i]);
    }
out:
    leati_free(fills);
    return st;
}

leat_status leati_groups_make(leat_context *c, leati_groups *g, const leat_frame *f,
                              const size_t *columns, size_t count)
{
    keys k = {0};
    *g = (leati_groups){0};
    LEATI_CHECK(c, f->rows < UINT32_MAX, LEAT_LIMIT, "the table has too many rows to group");
    LEATI_CHECK(c, count > 0, LEAT_INVALID, "there is no column to group the rows by");
    for (size_t i = 0; i < count; i++)
        LEATI_CHECK(c, f->column[columns[i]]->type != LEAT_ARRAY, LEAT_INVALID,
                    "column '%s' holds arrays, which cannot be compared", f->name[columns[i]]);
    job j = {.context = c, .keys = &k, .groups = g};
    j.chunks = leati_task_count(f->rows, CHUNK_ROWS, CHUNKS_MOST);
    leat_status st = LEAT_OK;
    g->of = leati_array(c, f->rows, sizeof *g->of);
    /* Keys made to collide would take the square of their number. No result depends on the seed. */
    k.seed = leati_now_ns() * 0x9e3779b97f4a7c15u ^ (uint64_t)(uintptr_t)g->of;
    j.count = LEATI_NEW(c, size_t, j.chunks);
    if (!g->of || !j.count) LEATI_GO(leat_error_status(c));
    LEATI_GO(read_keys(c, &k, f, columns, count));
    LEATI_GO(k.direct ? number_direct(c, &j) : number_hashed(c, &j));
out:
    for (size_t i = 0; k.value && i < k.columns; i++) leati_free(k.value[i]);
    leati_free(k.value);
    leati_free(k.small);
    leati_free(j.count);
    if (st != LEAT_OK) leati_groups_free(g);
    return st;
}

void leati_groups_free(leati_groups *g)
{
    leati_free(g->of);
    leati_free(g->first);
    *g = (leati_groups){0};
}

leat_status leati_groups_order(leat_context *c, const leati_groups *g, size_t rows,
                               uint32_t **order, uint32_t **starts)
{
    *starts = LEATI_NEW(c, uint32_t, g->count + 2);
    *order = leati_array(c, rows, sizeof **order);
    if (!*starts || !*order) {
        leati_free(*starts);
        leati_free(*order);
        *starts = *order = NULL;
        return leat_error_status(c);
    }
    uint32_t *next = *starts + 1; /* one further while filling, so that they end as starts */
    for (size_t i = 0; i < rows; i++) next[g->of[i] + 1]++;
    for (size_t k = 0; k < g->count; k++) next[k + 1] += next[k];
    for (size_t i = 0; i < rows; i++) (*order)[next[g->of[i]]++] = (uint32_t)i;
    return LEAT_OK;
}
