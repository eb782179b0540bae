/* Owns: the rows of the reader and writer tables for array files and databases. Not: the formats
 * themselves (npy_frame.c, npz.c, idx.c, sqlite.c). */
#include "base/error.h"
#include "base/file.h"
#include "frame/foreign.h"
#include "frame/read.h"
#include "frame/retype.h"
#include "frame/sqlite.h"

static bool starts(const char *head, size_t n, const char *magic, size_t length)
{
    return n >= length && memcmp(head, magic, length) == 0;
}

static leat_status select_columns(leat_context *c, leat_frame **f, const leat_read_options *o)
{
    size_t chosen[LEATI_ARRAY_COLUMNS], count = 0;
    const char *p = o->columns;
    while (p && *p) {
        char name[200];
        size_t n = strcspn(p, ",");
        LEATI_CHECK(c, count < LEATI_ARRAY_COLUMNS && n < sizeof name, LEAT_LIMIT,
                    "the list of columns is too long");
        memcpy(name, p, n);
        name[n] = '\0';
        LEATI_TRY(leat_frame_require(c, *f, name, &chosen[count++]));
        p += n + (p[n] == ',');
    }
    if (!count) return LEAT_OK;
    leat_frame *few = leati_frame_select(c, *f, chosen, count);
    if (!few) return leat_error_status(c);
    leat_frame_release(*f);
    *f = few;
    return LEAT_OK;
}

/* These formats know their columns and types; the options have the last word. */
static leat_status finish(leat_context *c, leat_frame **out, leat_status st,
                          const leati_source *source, const leat_read_options *o,
                          leat_read_report *report)
{
    if (st == LEAT_OK) {
        st = leati_retype(c, out, o, report);
        if (st != LEAT_OK) leati_error_within(c, "%s", leati_source_name(source));
    }
    if (st == LEAT_OK) st = select_columns(c, out, o);
    if (st != LEAT_OK) {
        leat_frame_release(*out);
        *out = NULL;
    }
    return st;
}

typedef leat_status (*frame_of_bytes)(leat_context *c, leat_frame **out, leati_bytes bytes,
                                      const char *path);

static leat_status read_bytes(leat_context *c, leat_frame **out, leati_source *source,
                              const leat_read_options *o, leat_read_report *report,
                              frame_of_bytes frame)
{
    leati_bytes bytes = {.size = leati_source_size(source)};
    LEATI_TRY(leati_source_bytes(c, source, &bytes.data));
    leat_status st = frame(c, out, bytes, leati_source_name(source));
    return finish(c, out, st, source, o, report);
}

#define READ_BYTES(format)                                                                         \
    static leat_status read_##format(leat_context *c, leat_frame **out, leati_source *source,      \
                                     const leat_read_options *o, leat_read_report *report)         \
    {                                                                                              \
        return read_bytes(c, out, source, o, report, leati_##format##_frame);                      \
    }
READ_BYTES(npy)
READ_BYTES(npz)

/* ---- images and their labels ---------------------------------------------------------------- */

/* "a/train-images-idx3-ubyte.gz" -> "a/train-labels-idx1-ubyte.gz", or the same packed otherwise,
 * where there is such a file. */
static bool labels_beside(const char *images, char *out, size_t size)
{
    static const char what[] = "images-idx3", instead[] = "labels-idx1";
    const char *at = strstr(leati_path_base(images), what);
    size_t n = strlen(images);
    if (!at || n + 8 > size) return false;
    memcpy(out, images, n + 1);
    memcpy(out + (at - images), instead, sizeof instead - 1);
    if (leati_path_exists(out)) return true;
    if (leati_path_has_suffix(out, ".gz")) out[n - 3] = '\0';
    else memcpy(out + n, ".gz", 4);
    return leati_path_exists(out);
}

/* The column `label` of a file of as many labels. */
static leat_status add_labels(leat_context *c, leat_frame *images, const char *path)
{
    leati_source *source = NULL;
    leat_frame *labels = NULL;
    leati_bytes bytes = {0};
    leat_status st;
    LEATI_GO(leati_source_open(c, &source, path));
    bytes.size = leati_source_size(source);
    LEATI_GO(leati_source_bytes(c, source, &bytes.data));
    LEATI_GO(leati_idx_frame(c, &labels, bytes, path));
    if (labels->columns != 1 || labels->rows != images->rows)
        LEATI_GO(LEATI_FAIL(c, LEAT_SHAPE,
                            "%s has %zu rows, the images beside it have %zu: one label for each "
                            "was expected",
                            path, labels->rows, images->rows));
    st = leati_frame_add(c, images, "label", leati_column_retain(labels->column[0]));
out:
    leat_frame_release(labels);
    leati_source_close(source);
    return st;
}

static leat_status read_idx(leat_context *c, leat_frame **out, leati_source *source,
                            const leat_read_options *o, leat_read_report *report)
{
    char path[4200];
    leati_bytes bytes = {.size = leati_source_size(source)};
    LEATI_TRY(leati_source_bytes(c, source, &bytes.data));
    leat_status st = leati_idx_frame(c, out, bytes, leati_source_name(source));
    if (st == LEAT_OK && labels_beside(leati_source_name(source), path, sizeof path))
        st = add_labels(c, *out, path);
    return finish(c, out, st, source, o, report);
}

static int sniff_npy(const char *head, size_t n)
{
    return starts(head, n, "\x93NUMPY", 6) ? LEATI_SNIFF_SURE : LEATI_SNIFF_NO;
}

/* A ZIP archive whose first member ends in .npy. */
static int sniff_npz(const char *head, size_t n)
{
    if (!starts(head, n, "PK\x03\x04", 4) || n < 30) return LEATI_SNIFF_NO;
    size_t name = (unsigned char)head[26] | (size_t)(unsigned char)head[27] << 8;
    bool array = name > 4 && n >= 30 + name && memcmp(head + 30 + name - 4, ".npy", 4) == 0;
    return array ? LEATI_SNIFF_SURE : LEATI_SNIFF_NO;
}

static int sniff_idx(const char *head, size_t n)
{
    bool idx = n >= 8 && head[0] == 0 && head[1] == 0 && head[2] >= 8 && head[2] <= 14 &&
               head[3] >= 1 && head[3] <= 4;
    return idx ? LEATI_SNIFF_SURE : LEATI_SNIFF_NO;
}

static leat_status read_sqlite(leat_context *c, leat_frame **out, leati_source *source,
                               const leat_read_options *o, leat_read_report *report)
{
    LEATI_CHECK(c, leati_source_is_file(source), LEAT_UNSUPPORTED,
                "%s: an SQLite database is read from an unpacked file, not from a stream",
                leati_source_name(source));
    leat_status st = leati_sqlite_frame(c, out, leati_source_name(source), o->query);
    return finish(c, out, st, source, o, report);
}

static int sniff_sqlite(const char *head, size_t n)
{
    return starts(head, n, "SQLite format 3", 16) ? LEATI_SNIFF_SURE : LEATI_SNIFF_NO;
}

const leati_reader leati_reader_npy = {"npy", ".npy", "an array of NumPy", sniff_npy, read_npy};
const leati_reader leati_reader_npz = {"npz", ".npz", "an archive of NumPy arrays, one per column",
                                       sniff_npz, read_npz};
const leati_reader leati_reader_idx = {"idx", ".idx -ubyte", "images or labels of the MNIST family",
                                       sniff_idx, read_idx};
const leati_reader leati_reader_sqlite = {"sqlite", ".db .sqlite .sqlite3",
                                          "a table or query of an SQLite database", sniff_sqlite,
                                          read_sqlite};

static leat_status write_npy(leat_context *c, const leat_frame *f, leati_writer *to,
                             const leat_write_options *o)
{
    (void)o;
    return leati_npy_write(c, f, to);
}

static leat_status write_npz(leat_context *c, const leat_frame *f, leati_writer *to,
                             const leat_write_options *o)
{
    (void)o;
    return leati_npz_write(c, f, to);
}

const leati_table_writer leati_writer_npy = {"npy", ".npy", "numbers as one NumPy array",
                                             write_npy};
const leati_table_writer leati_writer_npz = {"npz", ".npz", "a NumPy archive, one array per column",
                                             write_npz};
