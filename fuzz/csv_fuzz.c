/* Any bytes as a CSV file: no crash, no hang, nothing left behind, counts that agree, and the same
 * table (or error) when it is read in pieces of a few bytes. The first byte picks options. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame/csv_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checks a frame, hashes it and lets it go. */
static void check(leat_frame *f, char hash[65])
{
    if (leat_frame_rows(f) == 0) abort();
    for (size_t j = 0; j < leat_frame_columns(f); j++) {
        size_t missing = 0;
        for (size_t i = 0; i < f->rows; i++) missing += !leati_valid(f->column[j], i);
        if (missing != f->column[j]->missing) abort();
    }
    leati_frame_hash(f, hash);
    leat_frame_release(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {NULL, "a:whole", "b:text,a:number", "a:time", "a:bool"};
    if (size == 0) return 0;
    uint8_t pick = *data++;
    size--;
    leat_context_options co = leat_context_options_default();
    leat_read_options o = leat_read_options_default();
    leat_context *c;
    leati_source *source;
    leat_frame *f = NULL;
    co.threads = 1;
    co.max_bytes = 1 << 28;
    if (leat_context_create(&c, &co) != LEAT_OK) abort();
    if (leat_read_report_create(c, &o.report) != LEAT_OK) abort();
    o.header = (leat_header)(pick % 3);
    o.on_error = pick & 8 ? LEAT_ON_ERROR_SKIP : LEAT_ON_ERROR_STOP;
    o.types = types[pick / 16 % 5];
    o.max_rows = pick & 4 ? 3 : 0;
    if (leati_source_memory(c, &source, data, size, "fuzz.csv") == LEAT_OK) {
        char whole[65] = "", pieces[65] = "", message[400];
        leat_status st = leati_csv_frame(c, &f, source, &o, o.report);
        if (st == LEAT_OK) check(f, whole);
        uint64_t dropped = leat_read_report_dropped(o.report);
        snprintf(message, sizeof message, "%s", leat_error_message(c));
        leat_error_clear(c);
        leati_report_clear(o.report);
        f = NULL;
        size_t bytes = 1 + (size_t)pick % 61;
        leat_status again = leati_csv_frame_pieces(c, &f, source, &o, o.report, bytes);
        if (again == LEAT_OK) check(f, pieces);
        bool out_of_memory = st == LEAT_NOMEM || st == LEAT_LIMIT;
        if (!out_of_memory && (again != st || strcmp(whole, pieces) != 0)) abort();
        if (!out_of_memory && st == LEAT_OK && leat_read_report_dropped(o.report) != dropped)
            abort();
        if (!out_of_memory && strncmp(message, leat_error_message(c), sizeof message - 1) != 0)
            abort();
        leati_source_close(source);
    }
    leat_read_report_destroy(o.report);
    if (leat_context_bytes(c) > 4096) abort();
    leat_context_destroy(c);
    return 0;
}
