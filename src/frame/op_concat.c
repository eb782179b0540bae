/* Owns: tables behind each other. Not: tables beside each other (join.c). */
#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "frame/infer.h"
#include "frame/table_file.h"
#include "frame/table_op.h"

static leat_type common_type(const leati_column *a, const leati_column *b)
{
    if (!a || !b) return a ? a->type : b->type;
    if (a->type == b->type) return a->type;
    leat_type low = a->type < b->type ? a->type : b->type;
    leat_type high = a->type < b->type ? b->type : a->type;
    if (high <= LEAT_BOOL) return low; /* F64 < I64 < BOOL: the lower holds the higher */
    return LEAT_STRING;
}

void leati_cell_add(const leati_column *col, size_t row, leati_str *out)
{
    char text[LEATI_NUM_SIZE > 40 ? LEATI_NUM_SIZE : 40];
    size_t n;
    switch (col->type) {
    case LEAT_F64:
        n = leati_num_format(col->f64[row], text);
        leati_str_addn(out, text, n);
        break;
    case LEAT_BOOL: leati_str_add(out, col->u8[row] ? "true" : "false"); break;
    case LEAT_TIME:
        n = leati_time_format(col->i64[row], col->i64[row] % INT64_C(86400000000) == 0, text);
        leati_str_addn(out, text, n);
        break;
    case LEAT_STRING: leati_str_add(out, leati_dict_text(col->dict, col->codes[row], NULL)); break;
    default: leati_str_addf(out, "%lld", (long long)col->i64[row]); break;
    }
}

/* Codes of `col` in the dictionary being built; texts by dictionary entry, others by value. */
static leat_status add_codes(leat_context *c, leati_map *map, const leati_column *col,
                             uint32_t *codes)
{
    leati_str text;
    leat_status st = LEAT_OK;
    leati_str_init(&text, c);
    uint32_t *of = NULL;
    if (col->type == LEAT_STRING) {
        of = leati_array(c, col->dict->count, sizeof *of);
        if (!of) return leat_error_status(c);
        for (uint32_t i = 0; i < col->dict->count; i++) {
            size_t n;
            const char *entry = leati_dict_text(col->dict, i, &n);
            of[i] = leati_map_put(map, entry, n);
            if (of[i] == LEATI_MAP_NONE) LEATI_GO(leat_error_status(c));
        }
    }
    for (size_t i = 0; i < col->rows; i++) {
        if (!leati_valid(col, i)) continue;
        if (of) {
            codes[i] = of[col->codes[i]];
            continue;
        }
        leati_str_clear(&text);
        leati_cell_add(col, i, &text);
        LEATI_GO(leati_str_status(&text));
        codes[i] = leati_map_put(map, leati_str_text(&text), text.length);
        if (codes[i] == LEATI_MAP_NONE) LEATI_GO(leat_error_status(c));
    }
out:
    leati_free(of);
    leati_str_fini(&text);
    return st;
}

static void copy_numbers(leati_column *to, size_t at, const leati_column *from)
{
    static const size_t sizes[] = {8, 8, 1, 4, 8}, items[] = {1, 4, 8};
    size_t bytes = to->type == LEAT_ARRAY ? items[to->item] * to->length : sizes[to->type];
    if (to->type == from->type) {
        if (from->rows) memcpy((char *)to->data + at * bytes, from->data, from->rows * bytes);
        return;
    }
    for (size_t i = 0; i < from->rows; i++) {
        int64_t whole = from->type == LEAT_BOOL ? from->u8[i] : from->i64[i];
        if (to->type == LEAT_F64) to->f64[at + i] = (double)whole;
        else to->i64[at + i] = whole;
    }
}

static leat_status mark_missing(leat_context *c, leati_column *to, size_t at,
                                const leati_column *from, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        if (!from || !leati_valid(from, i)) LEATI_TRY(leati_column_set_missing(c, to, at + i));
    return LEAT_OK;
}

static leati_column *blank(leat_context *c, const leati_column *a, const leati_column *b,
                           size_t rows, const char *name)
{
    leat_type type = common_type(a, b);
    const leati_column *like = a ? a : b;
    bool arrays = (a && a->type == LEAT_ARRAY) || (b && b->type == LEAT_ARRAY);
    if (!arrays) return leati_column_create(c, type, rows);
    if (a && b &&
        (type != LEAT_ARRAY || a->item != b->item || memcmp(a->shape, b->shape, sizeof a->shape))) {
        LEATI_FAIL(c, LEAT_TYPE, "column '%s' holds arrays of different kinds", name);
        return NULL;
    }
    return leati_column_array(c, like->item, like->shape, rows);
}

leati_column *leati_column_concat(leat_context *c, const leati_column *a, size_t a_rows,
                                  const leati_column *b, size_t b_rows, const char *name)
{
    leati_map map;
    leat_status st = LEAT_OK;
    leati_map_init(&map, c);
    leati_column *col = blank(c, a, b, a_rows + b_rows, name);
    if (!col) LEATI_GO(leat_error_status(c));
    if (col->type == LEAT_STRING) {
        if (a) LEATI_GO(add_codes(c, &map, a, col->codes));
        if (b) LEATI_GO(add_codes(c, &map, b, col->codes + a_rows));
        col->dict = leati_dict_from_map(c, &map);
        if (!col->dict) LEATI_GO(leat_error_status(c));
    } else {
        if (a) copy_numbers(col, 0, a);
        if (b) copy_numbers(col, a_rows, b);
    }
    if (!a || a->missing) LEATI_GO(mark_missing(c, col, 0, a, a_rows));
    if (!b || b->missing) LEATI_GO(mark_missing(c, col, a_rows, b, b_rows));
out:
    leati_map_fini(&map);
    if (st == LEAT_OK) return col;
    leati_column_release(col);
    return NULL;
}

leat_status leat_table_concat_frames(leat_context *c, leat_frame **out, leat_frame *first,
                                     leat_frame *second)
{
    size_t at;
    *out = NULL;
    LEATI_CHECK(c, first->rows + second->rows < UINT32_MAX, LEAT_LIMIT,
                "the tables have too many rows together");
    leat_frame *made = leati_frame_create(c, first->rows + second->rows);
    leat_status st = made ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < first->columns; i++) {
        const char *name = first->name[i];
        const leati_column *other = leat_frame_find(second, name, &at) ? second->column[at] : NULL;
        st = leati_frame_add(
            c, made, name,
            leati_column_concat(c, first->column[i], first->rows, other, second->rows, name));
    }
    for (size_t i = 0; st == LEAT_OK && i < second->columns; i++) {
        const char *name = second->name[i];
        if (leat_frame_find(first, name, &at)) continue;
        st = leati_frame_add(
            c, made, name,
            leati_column_concat(c, NULL, first->rows, second->column[i], second->rows, name));
    }
    if (st == LEAT_OK) *out = made;
    else leat_frame_release(made);
    return st;
}

leat_status leat_table_concat(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leat_frame *other = NULL;
    leati_str types; /* what is text here is text there, too, and stays as it was written */
    *out = NULL;
    leati_str_init(&types, c);
    for (size_t i = 0; i < f->columns; i++)
        if (f->column[i]->type == LEAT_STRING && *f->name[i] && !strchr(f->name[i], ','))
            leati_str_addf(&types, "%s:text,", f->name[i]);
    leat_status st = leati_str_status(&types);
    if (st == LEAT_OK) st = leati_table_file(c, &other, text, strlen(text), leati_str_text(&types));
    if (st == LEAT_OK) st = leat_table_concat_frames(c, out, f, other);
    leati_str_fini(&types);
    leat_frame_release(other);
    return st;
}
