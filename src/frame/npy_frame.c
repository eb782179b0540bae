/* Owns: columns from foreign arrays, .npy files as frames. Not: parsing the header (npy.c). */
#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/foreign.h"

/* Elements of one column: every `stride`-th in C order, starting at `first`. */
typedef struct slice {
    const leati_foreign *array;
    size_t first, stride, rows;
} slice;

static size_t position(const slice *s, size_t row)
{
    return leati_foreign_position(s->array, s->first + row * s->stride);
}

size_t leati_foreign_rows(const leati_foreign *a)
{
    return a->dims ? a->shape[0] : 1;
}

static bool fits_i64(const slice *s)
{
    if (s->array->element != LEATI_EL_U64) return true;
    for (size_t i = 0; i < s->rows; i++)
        if (leati_foreign_whole(s->array, position(s, i)) < 0) return false;
    return true;
}

static leati_column *numbers(leat_context *c, const slice *s)
{
    leati_column *col = leati_column_create(c, LEAT_F64, s->rows);
    for (size_t i = 0; col && i < s->rows; i++) {
        col->f64[i] = leati_foreign_number(s->array, position(s, i));
        if (col->f64[i] != col->f64[i] && leati_column_set_missing(c, col, i) != LEAT_OK) {
            leati_column_release(col);
            return NULL;
        }
    }
    return col;
}

static leati_column *wholes(leat_context *c, const slice *s)
{
    bool truth = s->array->element == LEATI_EL_BOOL;
    leati_column *col = leati_column_create(c, truth ? LEAT_BOOL : LEAT_I64, s->rows);
    for (size_t i = 0; col && i < s->rows; i++) {
        int64_t v = leati_foreign_whole(s->array, position(s, i));
        if (truth) col->u8[i] = v != 0;
        else col->i64[i] = v;
    }
    return col;
}

static size_t encode_utf8(uint32_t p, char out[4])
{
    if (p > 0x10ffff || (p >= 0xd800 && p < 0xe000)) p = 0xfffd;
    if (p < 0x80) {
        out[0] = (char)p;
        return 1;
    }
    size_t n = p < 0x800 ? 2 : p < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; p >>= 6) out[i] = (char)(0x80 | (p & 63));
    out[0] = (char)(p | (0xf00u >> n & 0xff));
    return n;
}

void leati_foreign_text(const leati_foreign *a, size_t at, leati_str *out)
{
    const uint8_t *p = a->data + at * a->width;
    size_t step = a->element == LEATI_EL_UCS4 ? 4 : 1, n = a->width;
    while (n && p[n - 1] == 0 && (step == 1 || n % 4 || memcmp(p + n - 4, "\0\0\0", 4) == 0))
        n -= step; /* trailing zeros are padding */
    leati_str_clear(out);
    for (size_t i = 0; i < n; i += step) {
        char bytes[4];
        uint32_t point = p[i];
        if (step == 4)
            point = a->big_endian ? (uint32_t)p[i] << 24 | (uint32_t)p[i + 1] << 16 |
                                        (uint32_t)p[i + 2] << 8 | p[i + 3]
                                  : (uint32_t)p[i + 3] << 24 | (uint32_t)p[i + 2] << 16 |
                                        (uint32_t)p[i + 1] << 8 | p[i];
        if (step == 1) leati_str_addc(out, (char)point);
        else leati_str_addn(out, bytes, encode_utf8(point, bytes));
    }
}

static leati_column *texts(leat_context *c, const slice *s)
{
    leati_map map;
    leati_str text;
    leat_status st = LEAT_OK;
    leati_column *col = leati_column_create(c, LEAT_STRING, s->rows);
    leati_map_init(&map, c);
    leati_str_init(&text, c);
    if (!col) LEATI_GO(leat_error_status(c));
    for (size_t i = 0; i < s->rows; i++) {
        leati_foreign_text(s->array, position(s, i), &text);
        LEATI_GO(leati_str_status(&text));
        col->codes[i] = leati_map_put(&map, leati_str_text(&text), text.length);
        if (col->codes[i] == LEATI_MAP_NONE) LEATI_GO(leat_error_status(c));
    }
    col->dict = leati_dict_from_map(c, &map);
    if (!col->dict) LEATI_GO(leat_error_status(c));
out:
    leati_map_fini(&map);
    leati_str_fini(&text);
    if (st == LEAT_OK) return col;
    leati_column_release(col);
    return NULL;
}

static leati_column *one_column(leat_context *c, const slice *s)
{
    leati_element e = s->array->element;
    if (leati_element_is_text(e)) return texts(c, s);
    if (leati_element_is_float(e) || !fits_i64(s)) return numbers(c, s);
    return wholes(c, s);
}

static bool plain_bytes(const leati_foreign *a)
{
    return a->element == LEATI_EL_U8 || a->element == LEATI_EL_BOOL;
}

static leati_column *block(leat_context *c, const leati_foreign *a)
{
    size_t shape[3] = {1, 1, 1};
    for (int i = 1; i < a->dims; i++) shape[i - 1] = a->shape[i];
    leati_item item = plain_bytes(a)                                             ? LEATI_ITEM_U8
                      : a->element == LEATI_EL_F32 || a->element == LEATI_EL_F16 ? LEATI_ITEM_F32
                                                                                 : LEATI_ITEM_F64;
    leati_column *col = leati_column_array(c, item, shape, a->shape[0]);
    if (!col) return NULL;
    if (plain_bytes(a) && !a->fortran) {
        if (a->count) memcpy(col->u8, a->data, a->count);
        return col;
    }
    for (size_t i = 0; i < a->count; i++) {
        size_t at = leati_foreign_position(a, i);
        if (item == LEATI_ITEM_U8) col->u8[i] = (uint8_t)leati_foreign_whole(a, at);
        else if (item == LEATI_ITEM_F32) col->f32[i] = (float)leati_foreign_number(a, at);
        else col->f64[i] = leati_foreign_number(a, at);
    }
    return col;
}

static leat_status add_columns(leat_context *c, leat_frame *f, const char *name,
                               const leati_foreign *a)
{
    size_t width = a->shape[1];
    leat_status st = LEAT_OK;
    for (size_t k = 0; st == LEAT_OK && k < width; k++) {
        leati_str numbered;
        slice s = {a, k, width, f->rows};
        leati_str_init(&numbered, c);
        leati_str_add(&numbered, name);
        if (width > 1) leati_str_addf(&numbered, "%zu", k + 1);
        st = leati_str_status(&numbered);
        if (st == LEAT_OK) st = leati_frame_add(c, f, leati_str_text(&numbered), one_column(c, &s));
        leati_str_fini(&numbered);
    }
    return st;
}

/* Every column of text has a dictionary of its own, and a file need not have a byte for it: without
 * rows, or where elements have no width. */
static leat_status check_text(leat_context *c, const char *name, const leati_foreign *a)
{
    enum { COLUMNS_MOST = 65536, EMPTY_MOST = 16777216 };
    if (!leati_element_is_text(a->element)) return LEAT_OK;
    LEATI_CHECK(c, a->dims <= 2, LEAT_UNSUPPORTED,
                "array '%s' holds text in %d dimensions; text may have 1 or 2", name, a->dims);
    LEATI_CHECK(c, a->dims < 2 || a->shape[1] <= COLUMNS_MOST, LEAT_LIMIT,
                "array '%s' holds text in %zu columns; text may have up to %d", name, a->shape[1],
                COLUMNS_MOST);
    LEATI_CHECK(c, a->width || a->count <= EMPTY_MOST, LEAT_LIMIT,
                "array '%s' holds %zu texts of no width; up to %d are taken", name, a->count,
                EMPTY_MOST);
    return LEAT_OK;
}

leat_status leati_foreign_add(leat_context *c, leat_frame *f, const char *name,
                              const leati_foreign *a)
{
    LEATI_CHECK(c, leati_foreign_rows(a) == f->rows, LEAT_SHAPE,
                "array '%s' has %zu rows, the table has %zu", name, leati_foreign_rows(a), f->rows);
    LEATI_CHECK(c, f->rows < UINT32_MAX, LEAT_LIMIT, "array '%s' has more than 4,294,967,294 rows",
                name);
    LEATI_CHECK(c, a->dims <= 4, LEAT_UNSUPPORTED,
                "array '%s' has %d dimensions; a table holds up to 4 (row, height, width, channel)",
                name, a->dims);
    LEATI_TRY(check_text(c, name, a));
    if (a->dims <= 1) {
        slice s = {a, 0, 1, f->rows};
        return leati_frame_add(c, f, name, one_column(c, &s));
    }
    if (a->dims == 2 && (a->shape[1] <= LEATI_ARRAY_COLUMNS || leati_element_is_text(a->element)))
        return add_columns(c, f, name, a);
    return leati_frame_add(c, f, name, block(c, a));
}

leat_status leati_npy_frame(leat_context *c, leat_frame **out, leati_bytes bytes, const char *path)
{
    leati_foreign a = {0};
    *out = NULL;
    LEATI_TRY(leati_npy_parse(c, &a, bytes.data, bytes.size, path));
    leat_frame *f = leati_frame_create(c, leati_foreign_rows(&a));
    if (!f) return leat_error_status(c);
    leat_status st = leati_foreign_add(c, f, a.dims == 1 ? "value" : "x", &a);
    if (st == LEAT_OK) *out = f;
    else leat_frame_release(f);
    return st == LEAT_OK ? st : leati_error_within(c, "%s", path);
}
