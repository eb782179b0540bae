/* Owns: columns, dictionaries and frames: their life, selection, content hash. Not: readers. */
#include "frame/frame.h"

#include <math.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const type_names[] = {"number", "whole", "bool", "text", "time", "array"};
static const size_t type_sizes[] = {8, 8, 1, 4, 8, 0};
static const size_t item_sizes[] = {1, 4, 8};

enum {
    SEARCHED = 32
}; /* so many columns are looked through for a name; of more there is an index */

const char *leat_type_name(leat_type type)
{
    return (unsigned)type <= LEAT_ARRAY ? type_names[type] : "unknown";
}

static size_t row_bytes(const leati_column *col)
{
    if (col->type != LEAT_ARRAY) return type_sizes[col->type];
    return item_sizes[col->item] * col->length;
}

static leati_column *finish(leat_context *c, leati_column *col)
{
    col->data = leati_calloc(c, col->rows, row_bytes(col));
    if (col->data) return col;
    leati_free(col);
    return NULL;
}

leati_column *leati_column_create(leat_context *c, leat_type type, size_t rows)
{
    leati_column *col = leati_calloc(c, 1, sizeof *col);
    if (!col) return NULL;
    atomic_init(&col->references, 1);
    col->type = type;
    col->rows = rows;
    return finish(c, col);
}

leati_column *leati_column_uninit(leat_context *c, leat_type type, size_t rows)
{
    leati_column *col = leati_calloc(c, 1, sizeof *col);
    if (!col) return NULL;
    atomic_init(&col->references, 1);
    col->type = type;
    col->rows = rows;
    col->data = leati_array(c, rows, row_bytes(col));
    if (col->data) return col;
    leati_free(col);
    return NULL;
}

leati_column *leati_column_array(leat_context *c, leati_item item, const size_t shape[3],
                                 size_t rows)
{
    size_t length;
    if (leati_mul_overflows(shape[0], shape[1], &length) ||
        leati_mul_overflows(length, shape[2], &length) || length > SIZE_MAX / item_sizes[item]) {
        LEATI_FAIL(c, LEAT_LIMIT, "rows of %zu x %zu x %zu values are too large", shape[0],
                   shape[1], shape[2]);
        return NULL;
    }
    leati_column *col = leati_calloc(c, 1, sizeof *col);
    if (!col) return NULL;
    atomic_init(&col->references, 1);
    col->type = LEAT_ARRAY;
    col->rows = rows;
    col->item = item;
    memcpy(col->shape, shape, sizeof col->shape);
    col->length = length;
    return finish(c, col);
}

leati_column *leati_column_retain(leati_column *col)
{
    atomic_fetch_add_explicit(&col->references, 1, memory_order_relaxed);
    return col;
}

void leati_column_release(leati_column *col)
{
    if (!col || atomic_fetch_sub_explicit(&col->references, 1, memory_order_acq_rel) != 1) return;
    leati_free(col->data);
    leati_free(col->valid);
    leati_dict_release(col->dict);
    leati_free(col);
}

leat_status leati_column_set_missing(leat_context *c, leati_column *col, size_t row)
{
    if (!col->valid) {
        size_t bytes = (col->rows + 7) / 8;
        col->valid = leati_alloc(c, bytes);
        if (!col->valid) return leat_error_status(c);
        memset(col->valid, 0xff, bytes);
    }
    if (!leati_valid(col, row)) return LEAT_OK;
    col->valid[row / 8] = (uint8_t)(col->valid[row / 8] & ~(1u << (row % 8)));
    col->missing++;
    if (col->type == LEAT_F64) col->f64[row] = (double)NAN;
    return LEAT_OK;
}

leati_column *leati_column_take(leat_context *c, const leati_column *col, const uint32_t *rows,
                                size_t count)
{
    leati_column *out = col->type == LEAT_ARRAY
                            ? leati_column_array(c, col->item, col->shape, count)
                            : leati_column_create(c, col->type, count);
    if (!out) return NULL;
    if (col->dict) out->dict = leati_dict_retain(col->dict);
    size_t bytes = row_bytes(col);
    const char *from = col->data;
    char *to = out->data;
    for (size_t i = 0; i < count; i++) {
        if (rows[i] != UINT32_MAX && leati_valid(col, rows[i])) {
            memcpy(to + i * bytes, from + rows[i] * bytes, bytes);
        } else if (leati_column_set_missing(c, out, i) != LEAT_OK) {
            leati_column_release(out);
            return NULL;
        }
    }
    return out;
}

size_t leati_column_bytes(const leati_column *col)
{
    size_t bytes = col->rows * row_bytes(col) + (col->valid ? (col->rows + 7) / 8 : 0);
    if (col->dict)
        bytes += (col->dict->count + 1) * sizeof(size_t) + col->dict->offsets[col->dict->count];
    return bytes;
}

leati_dict *leati_dict_from_map(leat_context *c, const leati_map *map)
{
    leati_dict *d = leati_calloc(c, 1, sizeof *d);
    if (!d) return NULL;
    atomic_init(&d->references, 1);
    d->offsets = leati_array(c, map->count + 1, sizeof *d->offsets);
    d->bytes = leati_alloc(c, map->byte_count + map->count);
    if (!d->offsets || !d->bytes) {
        leati_dict_release(d);
        return NULL;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < map->count; i++) {
        size_t n;
        const char *key = leati_map_key(map, i, &n);
        d->offsets[i] = at;
        if (n) memcpy(d->bytes + at, key, n);
        d->bytes[at + n] = '\0';
        at += n + 1;
    }
    d->offsets[map->count] = at;
    d->count = (uint32_t)map->count;
    return d;
}

leati_dict *leati_dict_retain(leati_dict *d)
{
    atomic_fetch_add_explicit(&d->references, 1, memory_order_relaxed);
    return d;
}

void leati_dict_release(leati_dict *d)
{
    if (!d || atomic_fetch_sub_explicit(&d->references, 1, memory_order_acq_rel) != 1) return;
    leati_free(d->offsets);
    leati_free(d->bytes);
    leati_free(d);
}

leat_frame *leati_frame_create(leat_context *c, size_t rows)
{
    leat_frame *f = leati_calloc(c, 1, sizeof *f);
    if (!f) return NULL;
    atomic_init(&f->references, 1);
    f->rows = rows;
    return f;
}

leat_status leat_frame_lead(leat_context *c, const leat_frame *frame, const leat_frame *from,
                            size_t column, leat_frame **out)
{
    *out = NULL;
    LEATI_CHECK(c, column < from->columns, LEAT_INVALID, "there is no column %zu: there are %zu",
                column + 1, from->columns);
    LEATI_CHECK(c, frame->rows == from->rows, LEAT_SHAPE, "%zu rows beside %zu", from->rows,
                frame->rows);
    leat_frame *f = leati_frame_create(c, frame->rows);
    if (!f) return leat_error_status(c);
    leat_status st =
        leati_frame_add(c, f, from->name[column], leati_column_retain(from->column[column]));
    for (size_t i = 0; st == LEAT_OK && i < frame->columns; i++)
        st = leati_frame_add(c, f, frame->name[i], leati_column_retain(frame->column[i]));
    if (st == LEAT_OK) *out = f;
    else leat_frame_release(f);
    return st;
}

leat_frame *leat_frame_retain(leat_frame *f)
{
    atomic_fetch_add_explicit(&f->references, 1, memory_order_relaxed);
    return f;
}

void leat_frame_release(leat_frame *f)
{
    if (!f || atomic_fetch_sub_explicit(&f->references, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < f->columns; i++) {
        leati_column_release(f->column[i]);
        leati_free(f->name[i]);
    }
    leati_free(f->column);
    leati_free(f->name);
    leati_free(f->slots);
    leati_free(f);
}

/* The slot that holds the name or the free one where it belongs. */
static size_t slot_of(const leat_frame *f, const char *name)
{
    size_t mask = f->slot_count - 1, i = leati_hash64(name, strlen(name), 0) & mask;
    while (f->slots[i] && strcmp(f->name[f->slots[i] - 1], name) != 0) i = (i + 1) & mask;
    return i;
}

/* The index names the columns up to the newest one. */
static leat_status index_names(leat_context *c, leat_frame *f)
{
    size_t from = f->columns - 1;
    if (f->columns <= SEARCHED) return LEAT_OK;
    if (2 * f->columns > f->slot_count) {
        size_t count = f->slot_count ? 2 * f->slot_count : 4 * SEARCHED;
        uint32_t *slots = LEATI_NEW(c, uint32_t, count);
        if (!slots) return leat_error_status(c);
        leati_free(f->slots);
        f->slots = slots;
        f->slot_count = count;
        from = 0;
    }
    for (; from < f->columns; from++) f->slots[slot_of(f, f->name[from])] = (uint32_t)from + 1;
    return LEAT_OK;
}

leat_status leati_frame_add(leat_context *c, leat_frame *f, const char *name, leati_column *col)
{
    if (!col) return leat_error_status(c) ? leat_error_status(c) : LEAT_NOMEM;
    leat_status st = LEAT_OK;
    size_t have, names = f->capacity, columns = f->capacity;
    if (leat_frame_find(f, name, &have))
        st = LEATI_FAIL(c, LEAT_INVALID, "two columns are named '%s'", name);
    else if (col->rows != f->rows)
        st = LEATI_FAIL(c, LEAT_SHAPE, "column '%s' has %zu rows, the table has %zu", name,
                        col->rows, f->rows);
    if (st == LEAT_OK) st = leati_grow(c, &f->name, &names, f->columns + 1, sizeof *f->name);
    if (st == LEAT_OK) st = leati_grow(c, &f->column, &columns, f->columns + 1, sizeof *f->column);
    char *copy = st == LEAT_OK ? leati_strdup(c, name) : NULL;
    if (!copy) {
        leati_column_release(col);
        return st != LEAT_OK ? st : leat_error_status(c);
    }
    f->capacity = columns;
    f->column[f->columns] = col;
    f->name[f->columns++] = copy;
    return index_names(c, f);
}

leat_frame *leati_frame_take(leat_context *c, const leat_frame *f, const uint32_t *rows,
                             size_t count)
{
    leat_frame *out = leati_frame_create(c, count);
    for (size_t i = 0; out && i < f->columns; i++) {
        if (leati_frame_add(c, out, f->name[i], leati_column_take(c, f->column[i], rows, count))) {
            leat_frame_release(out);
            out = NULL;
        }
    }
    return out;
}

leat_frame *leati_frame_select(leat_context *c, const leat_frame *f, const size_t *columns,
                               size_t count)
{
    leat_frame *out = leati_frame_create(c, f->rows);
    for (size_t i = 0; out && i < count; i++) {
        leati_column *col = leati_column_retain(f->column[columns[i]]);
        if (leati_frame_add(c, out, f->name[columns[i]], col)) {
            leat_frame_release(out);
            out = NULL;
        }
    }
    return out;
}

size_t leat_frame_rows(const leat_frame *f)
{
    return f->rows;
}

size_t leat_frame_columns(const leat_frame *f)
{
    return f->columns;
}

const char *leat_frame_name(const leat_frame *f, size_t column)
{
    return column < f->columns ? f->name[column] : NULL;
}

leat_type leat_frame_type(const leat_frame *f, size_t column)
{
    return column < f->columns ? f->column[column]->type : LEAT_F64;
}

size_t leat_frame_missing(const leat_frame *f, size_t column)
{
    return column < f->columns ? f->column[column]->missing : 0;
}

bool leat_frame_find(const leat_frame *f, const char *name, size_t *column)
{
    if (f->slots) {
        uint32_t entry = f->slots[slot_of(f, name)];
        if (entry) *column = entry - 1;
        return entry != 0;
    }
    for (size_t i = 0; i < f->columns; i++) {
        if (strcmp(f->name[i], name) == 0) {
            *column = i;
            return true;
        }
    }
    return false;
}

leat_status leat_frame_require(leat_context *c, const leat_frame *f, const char *name,
                               size_t *column)
{
    enum { SHOWN = 40 };
    if (leat_frame_find(f, name, column)) return LEAT_OK;
    leat_status st = LEATI_FAIL(c, LEAT_NOT_FOUND, "the table has no column '%s'", name);
    const char *near = leati_nearest(name, (const char *const *)f->name, f->columns);
    leati_str names;
    leati_str_init(&names, c);
    for (size_t i = 0; i < f->columns && i < SHOWN; i++) leati_str_addf(&names, " %s", f->name[i]);
    if (f->columns > SHOWN) leati_str_addf(&names, " and %zu more", f->columns - SHOWN);
    if (near) leati_error_hint(c, "Did you mean '%s'?", near);
    leati_error_hint(c, "columns:%s", leati_str_text(&names));
    leati_str_fini(&names);
    return st;
}

bool leat_frame_number(const leat_frame *f, size_t column, size_t row, double *out)
{
    if (column >= f->columns || row >= f->rows) return false;
    const leati_column *col = f->column[column];
    if (!leati_valid(col, row)) return false;
    switch (col->type) {
    case LEAT_F64: *out = col->f64[row]; return true;
    case LEAT_I64:
    case LEAT_TIME: *out = (double)col->i64[row]; return true;
    case LEAT_BOOL: *out = col->u8[row]; return true;
    default: return false;
    }
}

bool leat_frame_whole(const leat_frame *f, size_t column, size_t row, int64_t *out)
{
    if (column >= f->columns || row >= f->rows) return false;
    const leati_column *col = f->column[column];
    if (!leati_valid(col, row)) return false;
    switch (col->type) {
    case LEAT_I64:
    case LEAT_TIME: *out = col->i64[row]; return true;
    case LEAT_BOOL: *out = col->u8[row]; return true;
    default: return false;
    }
}

bool leat_frame_text(const leat_frame *f, size_t column, size_t row, const char **text,
                     size_t *length)
{
    if (column >= f->columns || row >= f->rows) return false;
    const leati_column *col = f->column[column];
    if (col->type != LEAT_STRING || !leati_valid(col, row)) return false;
    *text = leati_dict_text(col->dict, col->codes[row], length);
    return true;
}

static void hash_size(leati_sha256 *h, uint64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(value >> (8 * i));
    leati_sha256_add(h, bytes, sizeof bytes);
}

/* Texts are hashed by value: codes depend on the order in which a reader met them. */
static void hash_texts(leati_sha256 *h, const leati_column *col)
{
    for (size_t i = 0; i < col->rows; i++) {
        size_t n = 0;
        const char *text = leati_valid(col, i) ? leati_dict_text(col->dict, col->codes[i], &n) : "";
        hash_size(h, n);
        leati_sha256_add(h, text, n);
    }
}

static void add_column(leati_sha256 *h, const leati_column *col)
{
    const char *type = leat_type_name(col->type);
    leati_sha256_add(h, type, strlen(type) + 1);
    hash_size(h, col->missing);
    for (size_t r = 0; col->missing && r < col->rows; r++)
        if (!leati_valid(col, r)) hash_size(h, r);
    if (col->type == LEAT_ARRAY)
        for (int k = 0; k < 3; k++) hash_size(h, col->shape[k]);
    if (col->type == LEAT_STRING) hash_texts(h, col);
    else leati_sha256_add(h, col->data, col->rows * row_bytes(col));
}

static void end_hex(leati_sha256 *h, char out[65])
{
    uint8_t digest[32];
    leati_sha256_end(h, digest);
    leati_hex(digest, sizeof digest, out);
}

void leati_column_hash(const leati_column *col, char out[65])
{
    leati_sha256 h;
    leati_sha256_init(&h);
    add_column(&h, col);
    end_hex(&h, out);
}

void leati_frame_hash(const leat_frame *f, char out[65])
{
    leati_sha256 h;
    leati_sha256_init(&h);
    hash_size(&h, f->rows);
    hash_size(&h, f->columns);
    for (size_t i = 0; i < f->columns; i++) {
        leati_sha256_add(&h, f->name[i], strlen(f->name[i]) + 1);
        add_column(&h, f->column[i]);
    }
    end_hex(&h, out);
}
