/* Owns: frames made of some rows or columns of another. Not: choosing them. */
#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "frame/table_op.h"

enum { TAKE_ROWS = 1 << 16 }; /* a multiple of 8: tasks share no byte of the validity bits */

typedef struct take {
    const leati_column *from;
    leati_column *to;
    const uint32_t *rows;
    size_t count, bytes;
    size_t *missing; /* per task */
} take;

/* Nothing is missing, neither rows nor values. */
static void take_clean(const take *t, size_t from, size_t to)
{
    const uint32_t *restrict rows = t->rows;
    if (t->bytes == 8) {
        const int64_t *restrict x = t->from->i64;
        int64_t *restrict y = t->to->i64;
        for (size_t i = from; i < to; i++) y[i] = x[rows[i]];
    } else if (t->bytes == 4) {
        const uint32_t *restrict x = t->from->codes;
        uint32_t *restrict y = t->to->codes;
        for (size_t i = from; i < to; i++) y[i] = x[rows[i]];
    } else {
        for (size_t i = from; i < to; i++)
            memcpy((char *)t->to->data + i * t->bytes,
                   (const char *)t->from->data + rows[i] * t->bytes, t->bytes);
    }
}

/* UINT32_MAX stands for a missing row. */
static void take_task(void *arg, size_t task, unsigned worker)
{
    take *t = arg;
    size_t from = task * TAKE_ROWS;
    size_t to = t->count - from < TAKE_ROWS ? t->count : from + TAKE_ROWS;
    (void)worker;
    if (!t->to->valid) {
        take_clean(t, from, to);
        return;
    }
    for (size_t i = from; i < to; i++) {
        uint32_t row = t->rows[i];
        if (row != UINT32_MAX && leati_valid(t->from, row)) {
            if (t->bytes == 8) t->to->i64[i] = t->from->i64[row];
            else if (t->bytes == 4) t->to->codes[i] = t->from->codes[row];
            else
                memcpy((char *)t->to->data + i * t->bytes,
                       (const char *)t->from->data + row * t->bytes, t->bytes);
            continue;
        }
        t->to->valid[i / 8] = (uint8_t)(t->to->valid[i / 8] & ~(1u << (i % 8)));
        t->missing[task]++;
        if (t->to->type == LEAT_F64) t->to->f64[i] = (double)__builtin_nan("");
        else memset((char *)t->to->data + i * t->bytes, 0, t->bytes);
    }
}

static leati_column *take_column(leat_context *c, const leati_column *col, const uint32_t *rows,
                                 size_t count, size_t *missing, bool gaps)
{
    static const size_t sizes[] = {8, 8, 1, 4, 8}, items[] = {1, 4, 8};
    size_t tasks = (count + TAKE_ROWS - 1) / TAKE_ROWS;
    take t = {.from = col, .rows = rows, .count = count, .missing = missing};
    t.to = col->type == LEAT_ARRAY ? leati_column_array(c, col->item, col->shape, count)
                                   : leati_column_uninit(c, col->type, count);
    if (!t.to) return NULL;
    t.bytes = col->type == LEAT_ARRAY ? items[col->item] * col->length : sizes[col->type];
    if (col->dict) t.to->dict = leati_dict_retain(col->dict);
    if (gaps || col->missing) {
        t.to->valid = leati_alloc(c, (count + 7) / 8);
        if (!t.to->valid) {
            leati_column_release(t.to);
            return NULL;
        }
        memset(t.to->valid, 0xff, (count + 7) / 8);
    }
    memset(missing, 0, tasks * sizeof *missing);
    leati_parallel(c, tasks, take_task, &t);
    for (size_t i = 0; i < tasks; i++) t.to->missing += missing[i];
    if (t.to->missing == 0) {
        leati_free(t.to->valid);
        t.to->valid = NULL;
    }
    return t.to;
}

/* Every row in its place: columns may be shared. */
static bool is_whole(const leat_frame *f, const uint32_t *rows, size_t count)
{
    bool same = count == f->rows;
    for (size_t i = 0; same && i < count; i++) same = rows[i] == i;
    return same;
}

leat_status leati_rows_of(leat_context *c, leat_frame **out, const leat_frame *f,
                          const uint32_t *rows, size_t count)
{
    bool gaps = false;
    *out = NULL;
    if (is_whole(f, rows, count)) return leati_frame_copy(c, out, f);
    for (size_t i = 0; !gaps && i < count; i++) gaps = rows[i] == UINT32_MAX;
    leat_frame *made = leati_frame_create(c, count);
    size_t *missing = LEATI_NEW(c, size_t, (count + TAKE_ROWS - 1) / TAKE_ROWS);
    leat_status st = made && missing ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < f->columns; i++)
        st = leati_frame_add(c, made, f->name[i],
                             take_column(c, f->column[i], rows, count, missing, gaps));
    leati_free(missing);
    if (st == LEAT_OK) *out = made;
    else leat_frame_release(made);
    return st;
}

leat_status leati_columns_of(leat_context *c, leat_frame **out, const leat_frame *f,
                             const size_t *columns, size_t count)
{
    *out = leati_frame_select(c, f, columns, count);
    return *out ? LEAT_OK : leat_error_status(c);
}

leat_status leati_frame_set(leat_context *c, leat_frame *f, const char *name, leati_column *col)
{
    size_t at;
    if (!col || !leat_frame_find(f, name, &at)) return leati_frame_add(c, f, name, col);
    leati_column_release(f->column[at]);
    f->column[at] = col;
    return LEAT_OK;
}

leat_status leati_frame_copy(leat_context *c, leat_frame **out, const leat_frame *f)
{
    leat_frame *copy = *out = leati_frame_create(c, f->rows);
    leat_status st = copy ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < f->columns; i++)
        st = leati_frame_add(c, copy, f->name[i], leati_column_retain(f->column[i]));
    if (st == LEAT_OK) return st;
    leat_frame_release(copy);
    *out = NULL;
    return st;
}
