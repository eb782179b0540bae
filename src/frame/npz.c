/* Owns: .npz archives as frames, both ways. Not: ZIP (io/zip.c), array headers (tensor/npy.c). */
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/foreign.h"
#include "io/zip.h"

/* "images.npy" -> "images" */
static char *array_name(leat_context *c, const char *member)
{
    size_t n = strlen(member);
    return leati_strndup(c, member, n > 4 && leati_path_has_suffix(member, ".npy") ? n - 4 : n);
}

static leat_status add_member(leat_context *c, leat_frame **f, const leati_zip *z,
                              const leati_zip_member *m)
{
    leati_zip_data d = {0};
    leati_foreign a = {0};
    leat_status st = leati_zip_read(c, z, m, &d);
    if (st != LEAT_OK) return st;
    char *name = array_name(c, m->name);
    if (!name) LEATI_GO(leat_error_status(c));
    LEATI_GO(leati_npy_parse(c, &a, d.data, d.size, m->name));
    if (!*f) *f = leati_frame_create(c, leati_foreign_rows(&a));
    if (!*f) LEATI_GO(leat_error_status(c));
    LEATI_GO(leati_foreign_add(c, *f, name, &a));
out:
    leati_free(name);
    leati_zip_data_release(&d);
    return st;
}

leat_status leati_npz_frame(leat_context *c, leat_frame **out, leati_bytes bytes, const char *path)
{
    leati_zip *z = NULL;
    leat_frame *f = NULL;
    *out = NULL;
    LEATI_TRY(leati_zip_open(c, &z, bytes, path, 0));
    leat_status st = LEAT_OK;
    if (leati_zip_count(z) == 0) st = LEATI_FAIL(c, LEAT_FORMAT, "the archive holds no array");
    for (size_t i = 0; st == LEAT_OK && i < leati_zip_count(z); i++)
        st = add_member(c, &f, z, leati_zip_at(z, i));
    leati_zip_close(z);
    if (st == LEAT_OK) *out = f;
    else leat_frame_release(f);
    return st == LEAT_OK ? st : leati_error_within(c, "%s", path);
}

/* Text as UCS-4 of the longest value's width, the way NumPy holds str. */
static size_t widest(const leati_column *col)
{
    size_t most = 1;
    for (uint32_t k = 0; k < col->dict->count; k++) {
        size_t n, points = 0;
        const char *text = leati_dict_text(col->dict, k, &n);
        for (size_t i = 0; i < n; i++) points += ((unsigned char)text[i] & 0xc0) != 0x80;
        if (points > most) most = points;
    }
    return most;
}

size_t leati_utf8_points(const char *text, size_t n, uint32_t *to, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < n && count < most;) {
        unsigned char lead = (unsigned char)text[i];
        int more = lead < 0xc0 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
        uint32_t point = more ? lead & (0x3fu >> more) : lead;
        for (i++; more && i < n && ((unsigned char)text[i] & 0xc0) == 0x80; more--, i++)
            point = point << 6 | ((unsigned char)text[i] & 0x3f);
        if (to) to[count] = point > 0x10ffff ? 0xfffd : point;
        count++;
    }
    return count;
}

static uint32_t *text_block(leat_context *c, const leati_column *col, size_t width)
{
    size_t cells;
    if (leati_mul_overflows(col->rows, width, &cells)) cells = SIZE_MAX;
    uint32_t *block = leati_calloc(c, cells, sizeof *block);
    for (size_t i = 0; block && i < col->rows; i++) {
        size_t n;
        if (!leati_valid(col, i)) continue;
        const char *text = leati_dict_text(col->dict, col->codes[i], &n);
        (void)leati_utf8_points(text, n, block + i * width, width);
    }
    return block;
}

/* Whole numbers and booleans with gaps become f64 with NaN, as NumPy has no missing whole. */
static double *with_gaps(leat_context *c, const leati_column *col)
{
    double *values = leati_array(c, col->rows, sizeof *values);
    for (size_t i = 0; values && i < col->rows; i++) {
        double v = col->type == LEAT_BOOL ? col->u8[i] : (double)col->i64[i];
        values[i] = leati_valid(col, i) ? v : (double)__builtin_nan("");
    }
    return values;
}

static leat_status add_array(leati_zip_writer *w, const char *name, const char *descr,
                             const size_t *shape, int dims, const void *data, size_t width)
{
    char header[256];
    size_t n = leati_npy_header(header, descr, shape, dims), count = 1;
    for (int i = 0; i < dims; i++) count *= shape[i];
    leati_zip_part parts[2] = {{header, n}, {data, count * width}};
    return leati_zip_add_parts(w, name, parts, 2);
}

static leat_status write_column(leat_context *c, leati_zip_writer *w, const char *member,
                                const leati_column *col)
{
    static const char *const items[] = {"|u1", "<f4", "<f8"};
    static const size_t sizes[] = {1, 4, 8};
    size_t shape[4] = {col->rows, col->shape[0], col->shape[1], col->shape[2]};
    char descr[32];
    if (col->type == LEAT_ARRAY)
        return add_array(w, member, items[col->item], shape, 4, col->data, sizes[col->item]);
    if (col->type == LEAT_F64) return add_array(w, member, "<f8", shape, 1, col->f64, 8);
    if (col->type == LEAT_STRING) {
        size_t width = widest(col);
        uint32_t *block = text_block(c, col, width);
        if (!block) return leat_error_status(c);
        snprintf(descr, sizeof descr, "<U%zu", width);
        leat_status st = add_array(w, member, descr, shape, 1, block, 4 * width);
        leati_free(block);
        return st;
    }
    if (col->missing) {
        double *values = with_gaps(c, col);
        if (!values) return leat_error_status(c);
        leat_status st = add_array(w, member, "<f8", shape, 1, values, 8);
        leati_free(values);
        return st;
    }
    if (col->type == LEAT_BOOL) return add_array(w, member, "|b1", shape, 1, col->u8, 1);
    return add_array(w, member, "<i8", shape, 1, col->i64, 8);
}

leat_status leati_npz_write(leat_context *c, const leat_frame *f, leati_writer *to)
{
    leati_zip_writer *w = NULL;
    leat_status st = leati_zip_writer_create(c, &w, to);
    for (size_t i = 0; st == LEAT_OK && i < f->columns; i++) {
        leati_str member;
        leati_str_init(&member, c);
        leati_str_addf(&member, "%s.npy", f->name[i]);
        st = leati_str_status(&member);
        if (st == LEAT_OK) st = write_column(c, w, leati_str_text(&member), f->column[i]);
        leati_str_fini(&member);
    }
    if (st == LEAT_OK) st = leati_zip_finish(w);
    leati_zip_writer_destroy(w);
    return st;
}

static void write_numbers(const leat_frame *f, leati_writer *to)
{
    char header[256];
    size_t shape[2] = {f->rows, f->columns};
    leati_writer_write(to, header, leati_npy_header(header, "<f8", shape, 2));
    for (size_t i = 0; i < f->rows; i++) {
        for (size_t k = 0; k < f->columns; k++) {
            double v = __builtin_nan("");
            (void)leat_frame_number(f, k, i, &v);
            leati_writer_write(to, &v, sizeof v);
        }
    }
}

leat_status leati_npy_write(leat_context *c, const leat_frame *f, leati_writer *to)
{
    for (size_t i = 0; i < f->columns; i++) {
        leat_type type = f->column[i]->type;
        LEATI_CHECK(c, type != LEAT_STRING && (type != LEAT_ARRAY || f->columns == 1), LEAT_TYPE,
                    "column '%s' is %s: a .npy file holds numbers only\n"
                    "write a .npz archive, which has an array per column, or encode the column",
                    f->name[i], leat_type_name(type));
    }
    if (f->columns == 1 && f->column[0]->type == LEAT_ARRAY) {
        static const char *const items[] = {"|u1", "<f4", "<f8"};
        static const size_t sizes[] = {1, 4, 8};
        const leati_column *col = f->column[0];
        size_t shape[4] = {col->rows, col->shape[0], col->shape[1], col->shape[2]};
        char header[256];
        leati_writer_write(to, header, leati_npy_header(header, items[col->item], shape, 4));
        leati_writer_write(to, col->data, col->rows * col->length * sizes[col->item]);
    } else {
        write_numbers(f, to);
    }
    return LEAT_OK;
}
