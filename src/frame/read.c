/* Owns: the tables of readers and writers, the choice among them, and reports. Not: any format. */
#include "frame/read.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/str.h"
#include "frame/image_folder.h"
#include "io/unpack.h"

#define READER(name) extern const leati_reader leati_reader_##name;
#include "frame/readers.def"
#undef READER
#define WRITER(name) extern const leati_table_writer leati_writer_##name;
#include "frame/writers.def"
#undef WRITER

static const leati_reader *const readers[] = {
#define READER(name) &leati_reader_##name,
#include "frame/readers.def"
#undef READER
};

static const leati_table_writer *const writers[] = {
#define WRITER(name) &leati_writer_##name,
#include "frame/writers.def"
#undef WRITER
};

enum { READERS = sizeof readers / sizeof *readers, WRITERS = sizeof writers / sizeof *writers };

leat_read_options leat_read_options_default(void)
{
    return (leat_read_options){.struct_size = sizeof(leat_read_options)};
}

/* --- options by name ------------------------------------------------------------------------- */

/* Rows of text options: their places. The others are handled by name. */
static const struct {
    const char *name;
    size_t text; /* offset of a const char *; 0: none */
} named[] = {{"types", offsetof(leat_read_options, types)},
             {"missing", offsetof(leat_read_options, missing)},
             {"delimiter", 0},
             {"decimal", 0},
             {"header", 0},
             {"query", offsetof(leat_read_options, query)},
             {"on-error", 0},
             {"images", offsetof(leat_read_options, images)},
             {"text", offsetof(leat_read_options, text)},
             {"tokens", offsetof(leat_read_options, tokens)}};

const char *leat_read_option(size_t index)
{
    return index < sizeof named / sizeof *named ? named[index].name : NULL;
}

static leat_status set_char(leat_context *c, const char *name, const char *value, const char *among,
                            char *out)
{
    bool tab = strcmp(value, "tab") == 0 || strcmp(value, "\\t") == 0; /* as shells take it */
    if (tab) value = "\t";
    LEATI_CHECK(c, strlen(value) == 1 && (!among || strchr(among, *value)), LEAT_INVALID,
                "%s takes one character%s%s, not '%s'", name, among ? " of " : "",
                among ? among : "", value);
    *out = *value;
    return LEAT_OK;
}

/* *out: whether the value is the second of two words. */
static leat_status set_word(leat_context *c, const char *name, const char *value,
                            const char *const words[2], bool *out)
{
    *out = strcmp(value, words[1]) == 0;
    LEATI_CHECK(c, *out || strcmp(value, words[0]) == 0, LEAT_INVALID,
                "%s takes %s or %s, not '%s'", name, words[0], words[1], value);
    return LEAT_OK;
}

leat_status leat_read_options_set(leat_context *c, leat_read_options *o, const char *name,
                                  const char *value)
{
    static const char *const headers[] = {"yes", "no"}, *const faults[] = {"stop", "skip"};
    const char *names[sizeof named / sizeof *named];
    bool second;
    size_t i = 0, count = sizeof named / sizeof *named;
    for (; i < count && strcmp(named[i].name, name) != 0; i++) names[i] = named[i].name;
    if (i == count) {
        const char *near = leati_nearest(name, names, count);
        return LEATI_FAIL(c, LEAT_INVALID, "there is no reading option '%s'%s%s%s", name,
                          near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    if (named[i].text) {
        memcpy((char *)o + named[i].text, &value, sizeof value);
    } else if (strcmp(name, "delimiter") == 0) {
        return set_char(c, name, value, NULL, &o->delimiter);
    } else if (strcmp(name, "decimal") == 0) {
        return set_char(c, name, value, ".,", &o->decimal);
    } else if (strcmp(name, "header") == 0) {
        LEATI_TRY(set_word(c, name, value, headers, &second));
        o->header = second ? LEAT_HEADER_NO : LEAT_HEADER_YES;
    } else {
        LEATI_TRY(set_word(c, name, value, faults, &second));
        o->on_error = second ? LEAT_ON_ERROR_SKIP : LEAT_ON_ERROR_STOP;
    }
    return LEAT_OK;
}

leat_write_options leat_write_options_default(void)
{
    return (leat_write_options){.struct_size = sizeof(leat_write_options)};
}

const char *leat_reader_at(size_t index, const char **suffixes, const char **doc)
{
    if (index >= READERS) return NULL;
    if (suffixes) *suffixes = readers[index]->suffixes;
    if (doc) *doc = readers[index]->doc;
    return readers[index]->name;
}

const char *leat_writer_at(size_t index, const char **suffixes, const char **doc)
{
    if (index >= WRITERS) return NULL;
    if (suffixes) *suffixes = writers[index]->suffixes;
    if (doc) *doc = writers[index]->doc;
    return writers[index]->name;
}

/* --- reports -------------------------------------------------------------------------------- */

leat_status leat_read_report_create(leat_context *c, leat_read_report **out)
{
    *out = leati_calloc(c, 1, sizeof **out);
    if (!*out) return leat_error_status(c);
    (*out)->context = c;
    leati_report_clear(*out);
    return LEAT_OK;
}

void leati_report_clear(leat_read_report *r)
{
    leat_context *c = r->context;
    for (size_t i = 0; i < r->notes; i++) leati_free(r->note[i].text);
    *r = (leat_read_report){.context = c, .decimal = '.'};
}

void leat_read_report_destroy(leat_read_report *r)
{
    if (!r) return;
    leati_report_clear(r);
    leati_free(r);
}

leat_status leati_report_note(leat_read_report *r, size_t column, const char *format, ...)
{
    if (!r || r->notes == LEATI_REPORT_NOTES) return LEAT_OK;
    leati_str s;
    va_list args;
    leati_str_init(&s, r->context);
    va_start(args, format);
    leati_str_addv(&s, format, args);
    va_end(args);
    char *text = leati_str_take(&s);
    if (!text) return leat_error_status(r->context);
    r->note[r->notes].column = column;
    r->note[r->notes++].text = text;
    return LEAT_OK;
}

const char *leat_read_report_format(const leat_read_report *r)
{
    return r->format;
}

const char *leat_read_report_compression(const leat_read_report *r)
{
    return r->compression;
}

char leat_read_report_delimiter(const leat_read_report *r)
{
    return r->delimiter;
}

char leat_read_report_decimal(const leat_read_report *r)
{
    return r->decimal;
}

bool leat_read_report_header(const leat_read_report *r)
{
    return r->header;
}

uint64_t leat_read_report_dropped(const leat_read_report *r)
{
    return r->dropped;
}

const char *leat_read_report_note(const leat_read_report *r, size_t index, size_t *column)
{
    if (index >= r->notes) return NULL;
    if (column) *column = r->note[index].column;
    return r->note[index].text;
}

/* --- the choice ----------------------------------------------------------------------------- */

/* Whether one of `suffixes` ends the name; ".gz" and ".zst" behind it do not count. */
static bool has_suffix(const char *name, const char *suffixes)
{
    size_t n = strlen(name);
    if (leati_path_has_suffix(name, ".gz")) n -= 3;
    else if (leati_path_has_suffix(name, ".zst")) n -= 4;
    for (const char *p = suffixes; *p;) {
        size_t m = strcspn(p, " ");
        if (n > m && strncasecmp(name + n - m, p, m) == 0) return true;
        p += m + (p[m] == ' ');
    }
    return false;
}

static leat_status unknown_format(leat_context *c, const char *format, const char *list)
{
    return LEATI_FAIL(c, LEAT_INVALID, "'%s' is not a format; there are %s", format, list);
}

static leat_status choose_reader(leat_context *c, const leati_source *source, const char *format,
                                 const leati_reader **out)
{
    size_t n;
    const char *head = leati_source_head(source, &n), *name = leati_source_name(source);
    *out = readers[0];
    if (format) {
        char list[200] = "";
        for (size_t i = 0; i < READERS; i++) {
            *out = readers[i];
            if (strcmp(format, readers[i]->name) == 0) return LEAT_OK;
            size_t at = strlen(list);
            snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", readers[i]->name);
        }
        return unknown_format(c, format, list);
    }
    for (int sure = LEATI_SNIFF_SURE; sure >= LEATI_SNIFF_MAYBE; sure--) {
        for (size_t i = 0; i < READERS; i++) {
            *out = readers[i];
            if (readers[i]->sniff && readers[i]->sniff(head, n) == sure) return LEAT_OK;
        }
        for (size_t i = 0; i < READERS && sure == LEATI_SNIFF_SURE; i++) {
            *out = readers[i];
            if (has_suffix(name, readers[i]->suffixes)) return LEAT_OK;
        }
    }
    *out = readers[0]; /* which says what the content looks like */
    return LEAT_OK;
}

static leat_status check_options(leat_context *c, const leat_read_options *o)
{
    LEATI_CHECK(c, o->decimal == 0 || o->decimal == '.' || o->decimal == ',', LEAT_INVALID,
                "the decimal mark is '%c', expected '.' or ','", o->decimal);
    LEATI_CHECK(c, !o->delimiter || !strchr("\"\r\n", o->delimiter), LEAT_INVALID,
                "a quote or line end cannot be the delimiter");
    LEATI_CHECK(c, !o->delimiter || o->delimiter != o->decimal, LEAT_INVALID,
                "'%c' cannot be both the delimiter and the decimal mark", o->delimiter);
    return LEAT_OK;
}

static leat_status read_images(leat_context *c, leat_frame **out, const char *path,
                               const leat_read_options *o)
{
    if (o->report) snprintf(o->report->format, sizeof o->report->format, "images");
    return leati_image_folder(c, out, path, o, o->report);
}

/* By name or content; what is not in a file of its own is none. */
static bool is_image(const leati_source *source, const char *path)
{
    size_t n;
    const char *head = leati_source_head(source, &n);
    return strcmp(path, "-") != 0 && (leati_image_named(path) || leati_content_is_image(head, n));
}

static leat_status read_folder(leat_context *c, leat_frame **out, const char *path,
                               const leat_read_options *o)
{
    LEATI_CHECK(c, !o->format || strcmp(o->format, "images") == 0, LEAT_INVALID,
                "%s is a folder; folders are read as images, not as %s", path, o->format);
    return read_images(c, out, path, o);
}

leat_status leat_frame_read(leat_context *c, leat_frame **out, const char *path,
                            const leat_read_options *options)
{
    *out = NULL;
    leat_read_options o = leat_read_options_default();
    const leati_reader *reader;
    leati_source *source;
    LEATI_TRY(LEATI_OPTIONS(c, leat_read_options, &o, options));
    LEATI_TRY(check_options(c, &o));
    if (o.report) leati_report_clear(o.report);
    if (o.text && !o.format) o.format = "text";
    if (leati_path_is_folder(path)) return read_folder(c, out, path, &o);
    LEATI_TRY(leati_source_open(c, &source, path));
    if (o.images && !o.format && is_image(source, path)) {
        leati_source_close(source);
        return read_images(c, out, path, &o);
    }
    leat_status st = choose_reader(c, source, o.format, &reader);
    if (st == LEAT_OK && o.query && strcmp(reader->name, "sqlite") != 0)
        st = LEATI_FAIL(c, LEAT_INVALID,
                        "a query selects from an SQLite database, and %s is none; leat table "
                        "--filter and --select do so from any table",
                        path);
    if (st == LEAT_OK) {
        if (o.report) {
            snprintf(o.report->format, sizeof o.report->format, "%s", reader->name);
            snprintf(o.report->compression, sizeof o.report->compression, "%s",
                     leati_source_compression(source));
        }
        if (strcmp(reader->name, "tsv") == 0) o.format = "tsv";
        st = reader->read(c, out, source, &o, o.report);
    }
    leati_source_close(source);
    return st;
}

leat_status leat_frame_write(leat_context *c, const leat_frame *frame, const char *path,
                             const leat_write_options *options)
{
    leat_write_options o = leat_write_options_default();
    /* What would be taken for something else than text by its name. */
    static const char foreign[] =
        ".parquet .feather .arrow .orc .avro .xlsx .xls .ods .pkl .pickle .h5 .hdf5 .rds .rdata "
        ".dta "
        ".sav .db .sqlite .sqlite3 .leat .onnx .zip .bz2 .xz .html .pdf .png .yaml .yml";
    LEATI_TRY(LEATI_OPTIONS(c, leat_write_options, &o, options));
    const leati_table_writer *writer = NULL;
    char list[200] = "";
    for (size_t i = 0; i < WRITERS && !writer; i++) {
        bool match = o.format ? strcmp(o.format, writers[i]->name) == 0
                              : has_suffix(path, writers[i]->suffixes);
        if (match) writer = writers[i];
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", writers[i]->name);
    }
    if (!writer && o.format) return unknown_format(c, o.format, list);
    if (!writer) writer = writers[0];
    LEATI_CHECK(c, o.format || !has_suffix(path, foreign), LEAT_INVALID,
                "%s: Leat does not write such files; it writes %s", path, list);
    LEATI_CHECK(c, !leati_path_has_suffix(path, ".gz") && !leati_path_has_suffix(path, ".zst"),
                LEAT_INVALID, "%s: Leat reads packed files but does not write them", path);
    leati_writer *to;
    LEATI_TRY(leati_writer_open(c, &to, path));
    leat_status st = writer->write(c, frame, to, &o);
    if (st == LEAT_OK) return leati_writer_commit(to);
    leati_writer_abort(to);
    return st;
}
