/* Readers and writers of tables: one row in readers.def or writers.def and one file each. */
#ifndef LEATI_FRAME_READ_H
#define LEATI_FRAME_READ_H

#include <leat/read.h>

#include "base/file.h"
#include "frame/frame.h"
#include "io/source.h"

/* How surely a reader knows its own by the first bytes of the (unpacked) content. */
enum { LEATI_SNIFF_NO, LEATI_SNIFF_MAYBE, LEATI_SNIFF_SURE };

typedef struct leati_reader {
    const char *name;     /* "csv" */
    const char *suffixes; /* ".csv .txt": lower case, separated by a space */
    const char *doc;
    int (*sniff)(const char *head, size_t length); /* NULL: by name only */
    /* `options` are complete; names in messages come from leati_source_name. */
    leat_status (*read)(leat_context *c, leat_frame **out, leati_source *source,
                        const leat_read_options *options, leat_read_report *report);
} leati_reader;

typedef struct leati_table_writer {
    const char *name, *suffixes, *doc;
    leat_status (*write)(leat_context *c, const leat_frame *f, leati_writer *to,
                         const leat_write_options *options);
} leati_table_writer;

enum { LEATI_REPORT_NOTES = 20 }; /* further notes are dropped */

struct leat_read_report {
    leat_context *context;
    char format[16], compression[16];
    char delimiter, decimal;
    bool header;
    bool row_names; /* CSV: each row has one value more than the header has names; the first column
                       was given a name */
    bool wrong_value; /* CSV: the reading ended at a value that its column cannot have */
    bool twice;       /* CSV: the header has a name twice that may stand once */
    uint64_t dropped;
    size_t notes;
    struct {
        char *text;
        size_t column;
    } note[LEATI_REPORT_NOTES];
};

void leati_report_clear(leat_read_report *r);
/* Adds a note unless there are LEATI_REPORT_NOTES; column SIZE_MAX: about the whole file. */
leat_status leati_report_note(leat_read_report *r, size_t column, const char *format, ...)
    LEAT_PRINTF(3, 4);

#endif
