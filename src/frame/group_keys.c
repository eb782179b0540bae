/* Owns: numbering rows by equal key values. Not: what is computed for the groups (group.c).
 *
 * Rows are cut into chunks that depend on their number only. Each chunk numbers its own groups with
 * a table, then the chunks' groups are joined in order, so numbers follow the first appearance.
 * Where all keys together have few possible values the table is indexed by them, else hashed. */
#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "frame/table_op.h"

enum {
    CHUNK_ROWS = 1 << 16,
    CHUNKS_MOST = 64,
    DIRECT_MOST = 1 << 20, /* entries of a table indexed by value */
    FIRST_SLOTS = 1 << 10
};

/* Key values as bits: (columns) arrays of `rows`. */
typedef struct keys {
    uint64_t **value;
    size_t columns, rows;
    size_t direct; /* possible values of value[0], or 0: hash */
} keys;

typedef struct table {
    uint32_t *slots; /* group + 1, or 0 */
    size_t slot_count;
    uint32_t *first; /* row of each group */
    size_t count, capacity;
} table;

static uint64_t hash_row(const keys *k, size_t row)
{
    uint64_t h = 0x9e3779b97f4a7c15u;
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

/* Room for one more group; the hash table stays at most half full. */
static bool table_grow(const leat_context *c, const keys *k, table *t)
{
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : FIRST_SLOTS / 2;
        uint32_t *first =
            grow_quiet(c, t->first, t->count * sizeof *first, capacity * sizeof *first);
        if (!first) return false;
        t->first = first;
        t->capacity = capacity;
    }
    if (k->direct) {
        if (t->slots) return true;
        t->slots = grow_quiet(c, NULL, 0, k->direct * sizeof *t->slots);
        return t->slots != NULL;
    }
    if (2 * (t->count + 1) <= t->slot_count) return true;
    size_t slot_count = t->slot_count ? 4 * t->slot_count : FIRST_SLOTS;
    uint32_t *slots = grow_quiet(c, NULL, 0, slot_count * sizeof *slots);
    if (!slots) return false;
    for (uint32_t g = 0; g < t->count; g++) {
        size_t s = hash_row(k, t->first[g]) & (slot_count - 1);
        while (slots[s]) s = (s + 1) & (slot_count - 1);
        slots[s] = g + 1;
    }
    leati_free(t->slots);
    t->slots = slots;
    t->slot_count = slot_count;
    return true;
}

/* The group of a row, new if need be; UINT32_MAX when out of memory. */
static inline uint32_t table_put(const leat_context *c, const keys *k, table *t, uint32_t row)
{
    size_t s = 0;
    if (t->slots && k->direct) {
        s = (size_t)k->value[0][row];
        if (t->slots[s]) return t->slots[s] - 1;
    } else if (t->slots) {
        s = hash_row(k, row) & (t->slot_count - 1);
        for (; t->slots[s]; s = (s + 1) & (t->slot_count - 1))
            if (same_row(k, t->first[t->slots[s] - 1], row)) return t->slots[s] - 1;
    }
    if (!table_grow(c, k, t)) return UINT32_MAX;
    if (k->direct) {
        s = (size_t)k->value[0][row];
    } else { /* growing may have moved it */
        s = hash_row(k, row) & (t->slot_count - 1);
        while (t->slots[s]) s = (s + 1) & (t->slot_count - 1);
    }
    t->first[t->count] = row;
    t->slots[s] = (uint32_t)t->count + 1;
    return (uint32_t)t->count++;
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
    uint32_t **first; /* per chunk: rows of its groups, later the groups' numbers in the whole */
    size_t *count;    /* per chunk */
    uint32_t **slots; /* per worker, kept between chunks where the table is direct */
} job;

static void number_chunk(void *arg, size_t chunk, unsigned worker)
{
    job *j = arg;
    const keys *k = j->keys;
    table t = {.slots = j->slots[worker]};
    size_t from = leati_task_start(k->rows, j->chunks, chunk);
    size_t to = leati_task_start(k->rows, j->chunks, chunk + 1);
    bool good = true;
    for (size_t row = from; good && row < to; row++) {
        uint32_t g = table_put(j->context, k, &t, (uint32_t)row);
        good = g != UINT32_MAX;
        j->groups->of[row] = g;
    }
    if (k->direct) { /* leave the table empty for the next chunk */
        for (size_t g = 0; g < t.count; g++) t.slots[k->value[0][t.first[g]]] = 0;
        j->slots[worker] = t.slots;
        t.slots = NULL;
    }
    if (good) {
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

static leat_status number_rows(leat_context *c, job *j)
{
    table whole = {0};
    bool good = true;
    leati_parallel(c, j->chunks, number_chunk, j);
    for (size_t chunk = 0; good && chunk < j->chunks; chunk++) {
        good = j->first[chunk] != NULL || j->keys->rows == 0;
        for (size_t g = 0; good && g < j->count[chunk]; g++) {
            j->first[chunk][g] = table_put(c, j->keys, &whole, j->first[chunk][g]);
            good = j->first[chunk][g] != UINT32_MAX;
        }
    }
    if (good) {
        leati_parallel(c, j->chunks, renumber_chunk, j);
        j->groups->first = whole.first;
        j->groups->count = whole.count;
        whole.first = NULL;
    }
    table_free(&whole);
    return good ? LEAT_OK : LEATI_FAIL(c, LEAT_NOMEM, "out of memory grouping the rows");
}

/* --- key values ------------------------------------------------------------------------------ */

typedef struct fill {
    const leati_column *col;
    uint64_t *value, *mask; /* mask: bit `bit` tells a missing whole number apart */
    int bit;
    bool dense; /* number small values from 0, missing as `spare` */
    int64_t low;
    uint64_t spare, scale; /* value += scale * dense number, where scale > 0 */
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
        if (f->scale) f->value[i] += f->scale * v;
        else f->value[i] = v;
        if (f->mask && !valid) f->mask[i] |= (uint64_t)1 << f->bit;
    }
}

/* Whether the values number few enough, and how: from `low`, `spare` for missing. */
static bool is_dense(const leati_column *col, fill *f)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    if (col->type == LEAT_STRING) f->spare = col->dict->count;
    else if (col->type == LEAT_BOOL) f->spare = 2;
    else if (col->type == LEAT_I64 || col->type == LEAT_TIME) {
        for (size_t i = 0; i < col->rows; i++) {
            int64_t v = col->i64[i]; /* 0 where missing: no harm */
            low = v < low ? v : low;
            high = v > high ? v : high;
        }
        if (col->rows == 0) low = high = 0;
        if ((uint64_t)high - (uint64_t)low >= DIRECT_MOST) return false;
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
    uint64_t product = 1;
    bool masked = false;
    if (!fills) return leat_error_status(c);
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < count; i++) {
        fill *one = &fills[i];
        one->col = f->column[columns[i]];
        one->dense = is_dense(one->col, one);
        one->bit = (int)(i % 64);
        uint64_t size = one->dense ? one->spare + 1 : DIRECT_MOST + 1;
        product = product > DIRECT_MOST || size > DIRECT_MOST ? DIRECT_MOST + 1 : product * size;
        masked = masked || (!one->dense && one->col->missing && one->col->type != LEAT_F64);
    }
    if (product <= DIRECT_MOST) k->direct = (size_t)product;
    k->columns = k->direct ? 1 : count + masked;
    k->rows = f->rows;
    k->value = LEATI_NEW(c, uint64_t *, k->columns);
    for (size_t i = 0; k->value && i < k->columns; i++) {
        k->value[i] = LEATI_NEW(c, uint64_t, f->rows);
        if (!k->value[i]) LEATI_GO(leat_error_status(c));
    }
    if (!k->value) LEATI_GO(leat_error_status(c));
    product = 1;
    for (size_t i = 0; i < count; i++) {
        fills[i].value = k->value[k->direct ? 0 : i];
        if (k->direct) fills[i].scale = product;
        if (k->direct) product *= fills[i].spare + 1;
        if (masked && !k->direct) fills[i].mask = k->value[count];
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
    unsigned threads = leat_context_threads(c);
    *g = (leati_groups){0};
    LEATI_CHECK(c, f->rows < UINT32_MAX, LEAT_LIMIT, "the table has too many rows to group");
    LEATI_CHECK(c, count > 0 && count <= 64, LEAT_LIMIT, "rows are grouped by 1 to 64 columns");
    for (size_t i = 0; i < count; i++)
        LEATI_CHECK(c, f->column[columns[i]]->type != LEAT_ARRAY, LEAT_TYPE,
                    "column '%s' holds arrays, which cannot be compared", f->name[columns[i]]);
    job j = {.context = c, .keys = &k, .groups = g};
    j.chunks = leati_task_count(f->rows, CHUNK_ROWS, CHUNKS_MOST);
    leat_status st = LEAT_OK;
    g->of = leati_array(c, f->rows, sizeof *g->of);
    j.first = LEATI_NEW(c, uint32_t *, j.chunks);
    j.count = LEATI_NEW(c, size_t, j.chunks);
    j.slots = LEATI_NEW(c, uint32_t *, threads);
    if (!g->of || !j.first || !j.count || !j.slots) LEATI_GO(leat_error_status(c));
    LEATI_GO(read_keys(c, &k, f, columns, count));
    LEATI_GO(number_rows(c, &j));
out:
    for (size_t i = 0; k.value && i < k.columns; i++) leati_free(k.value[i]);
    for (size_t i = 0; j.first && i < j.chunks; i++) leati_free(j.first[i]);
    for (unsigned i = 0; j.slots && i < threads; i++) leati_free(j.slots[i]);
    leati_free(k.value);
    leati_free(j.first);
    leati_free(j.count);
    leati_free(j.slots);
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
