/* Reading tables from files and writing them.
 *
 * A file is read by the first reader that its content or its name names; gzip and zstd are
 * unpacked first, told by their magic bytes. leat_reader_at lists the formats.
 *
 * Delimited text follows RFC 4180 and lets pass what is common: a byte order mark, UTF-16 with one,
 * LF, CRLF or CR, blank lines, space around values, quotes inside unquoted values, text behind a
 * closing quote, empty values too many at the end of a row, one name less in the header than values
 * in the rows (row names). Any other row that is too short or too long is an error, for values
 * would move to other columns unseen. Values that are not UTF-8 are read as Windows-1252. The type
 * of a column is the narrowest that all its values have: whole, number, time (ISO 8601, UTC where
 * no offset is given), bool (true/false or yes/no), else text. "007" is text; a whole number beyond
 * 64 bits makes its column a number; a column with nothing but missing values is a number. In a
 * column of text a quoted value is never missing.
 *
 * `types` and `missing` also go for the formats that know types of their own, such as SQLite and
 * NumPy: their values are read as if they stood in a text.
 *
 * A folder is read as images: those in its folders, whose names are the classes (columns `image`
 * and `label`), or those in itself (`image` alone). PNG, JPEG, BMP and PNM, in the order of their
 * names; other files are passed over and counted in the report. With `images` one such file is read
 * as a folder that holds nothing else. */
#ifndef LEAT_READ_H
#define LEAT_READ_H

#include <leat/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum leat_header { LEAT_HEADER_AUTO, LEAT_HEADER_YES, LEAT_HEADER_NO } leat_header;

/* What to do with a row that does not fit: a wrong number of values, bytes that cannot be text, a
 * value that contradicts `types`; in a folder of images a file that cannot be read as one. */
typedef enum leat_on_error {
    LEAT_ON_ERROR_STOP, /* fail with LEAT_FORMAT, naming line and column */
    LEAT_ON_ERROR_SKIP  /* drop the row; the report counts them and names their lines or files */
} leat_on_error;

/* What was inferred and what was odd, for people. */
typedef struct leat_read_report leat_read_report;

typedef struct leat_read_options {
    uint32_t struct_size; /* set by leat_read_options_default */
    const char *format;   /* NULL: by content and name; else the name of a reader */
    char delimiter;       /* 0: found out among , ; tab | */
    leat_header header;   /* whether the first line names the columns */
    char decimal;         /* '.' or ','; 0: found out */
    char thousands;       /* 0: ',' where the decimal mark is '.', and the other way round */
    const char *types;    /* "weight:number,zip:text": number, whole, bool, text or time */
    const char *missing;  /* "NA,?,-999": what stands for a missing value besides nothing at all;
                             NULL: NA, N/A, #N/A, <NA>, NaN, null, None, ? and - in any
                             case */
    const char *query;    /* sqlite: a SELECT or the name of a table */
    const char *columns;  /* "mpg,weight": keep these, in this order; NULL: all */
    uint64_t max_rows;    /* 0: all */
    leat_on_error on_error;
    leat_read_report *report; /* NULL, or filled (also when the reading fails) */
    const char *expected; /* as `types`, of a model; passed over for columns that the data lack or
                             that `types` names */
    const char *images;   /* folders of images: "64x64x3": the size that all are brought to (height,
                             width, channels 1 or 3); NULL: that of the files, which must be one */
    const char *text; /* any file as text: windows of "64" characters, or "64/3": one at every third
                         place. Columns `text` (the bytes, 0 to 255) and `next`, the one behind */
    const char *tokens; /* with `text`: windows are of "words" or "characters" (of UTF-8) instead of
                           bytes, `text` is the text itself, and tokens beyond
                           "words(vocabulary=10000, min_count=1, lower=false, unknown=<unk>)" are
                           one class of `next` */
    const char *once; /* "mpg,weight": columns that the header of delimited text may not name twice;
                         others that stand twice are numbered */
    bool paths;       /* folders of images: a column `path` too, the file of each row */
} leat_read_options;

LEAT_API leat_read_options leat_read_options_default(void);

/* One option by its name on the command line: types, missing, delimiter (one character, "tab" or
 * "\t"), decimal, header (yes or no), query, on-error (stop or skip), images, text, tokens. Texts
 * are borrowed: `value` must outlive the reading. INVALID: no such option or value. */
LEAT_API LEAT_CHECKED leat_status leat_read_options_set(leat_context *context,
                                                        leat_read_options *options,
                                                        const char *name, const char *value);
/* The names; NULL past the end. */
LEAT_API const char *leat_read_option(size_t index);

/* `path` "-" is standard input; `options` NULL the defaults. Errors: NOT_FOUND (no such file, or
 * column of `columns` or `types`), INVALID (a folder, an unknown format or type), FORMAT (damaged,
 * empty, or not a table: the message says where and what), UNSUPPORTED, IO, NOMEM. The result is
 * the same for any number of threads. */
LEAT_API LEAT_CHECKED leat_status leat_frame_read(leat_context *context, leat_frame **out,
                                                  const char *path,
                                                  const leat_read_options *options);

/* A report may be used for several reads; each starts it afresh. Strings live until then. */
LEAT_API LEAT_CHECKED leat_status leat_read_report_create(leat_context *context,
                                                          leat_read_report **out);
LEAT_API void leat_read_report_destroy(leat_read_report *report); /* NULL is fine */
LEAT_API const char *
leat_read_report_format(const leat_read_report *report); /* "csv"; "" unknown */
LEAT_API const char *leat_read_report_compression(const leat_read_report *report); /* "", "gzip" */
LEAT_API char leat_read_report_delimiter(const leat_read_report *report);          /* 0: none */
LEAT_API char leat_read_report_decimal(const leat_read_report *report);            /* '.' or ',' */
LEAT_API bool leat_read_report_header(const leat_read_report *report);
LEAT_API uint64_t leat_read_report_dropped(const leat_read_report *report); /* rows */
/* Notes in the order they arose: "line 17 has 8 values, the header names 9 (row dropped)". NULL
 * past the end. `column` (may be NULL) receives the column it is about, or SIZE_MAX. */
LEAT_API const char *leat_read_report_note(const leat_read_report *report, size_t index,
                                           size_t *column);

typedef struct leat_write_options {
    uint32_t struct_size;
    const char *format;  /* NULL: by the suffix; csv where there is none */
    char delimiter;      /* csv; 0: ',' */
    const char *missing; /* csv: text for a missing value; NULL: nothing */
} leat_write_options;

LEAT_API leat_write_options leat_write_options_default(void);

/* The file appears complete or not at all; "-" is standard output. Numbers are the shortest text
 * that reads back as the same value. Errors: IO, INVALID (unknown format), TYPE (a column that the
 * format cannot hold), NOMEM. */
LEAT_API LEAT_CHECKED leat_status leat_frame_write(leat_context *context, const leat_frame *frame,
                                                   const char *path,
                                                   const leat_write_options *options);

/* The formats: name, suffixes (".csv .txt") and a line of help. NULL past the end. */
LEAT_API const char *leat_reader_at(size_t index, const char **suffixes, const char **doc);
LEAT_API const char *leat_writer_at(size_t index, const char **suffixes, const char **doc);

#ifdef __cplusplus
}
#endif

#endif
