/* Any bytes as a prediction log: no crash, no hang, nothing left behind, at most a line for a line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frame/read.h"
#include "monitor/prediction_log.h"

extern const leati_reader leati_reader_jsonl;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_flat(leat_context *c, const leati_str *flat)
{
    leati_source *source;
    leat_frame *f = NULL;
    leat_read_report *report;
    leat_read_options o = leat_read_options_default();
    if (leat_read_report_create(c, &report) != LEAT_OK) abort();
    if (leati_source_memory(c, &source, leati_str_text(flat), flat->length, "log") == LEAT_OK) {
        if (leati_reader_jsonl.read(c, &f, source, &o, report) == LEAT_OK) leat_frame_release(f);
        leati_source_close(source);
    }
    leat_read_report_destroy(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context_options co = leat_context_options_default();
    leat_context *c;
    leati_str flat;
    co.threads = 1;
    co.max_bytes = 1 << 28;
    if (leat_context_create(&c, &co) != LEAT_OK) abort();
    leati_str_init(&flat, c);
    if (leati_log_flatten(c, &flat, (const char *)data, size, "log") == LEAT_OK) {
        size_t lines = 0, given = size > 0;
        for (size_t i = 0; i < flat.length; i++) lines += flat.text[i] == '\n';
        for (size_t i = 0; i < size; i++) given += data[i] == '\n';
        if (lines > given) abort();
        read_flat(c, &flat);
    }
    leati_str_fini(&flat);
    if (leat_context_bytes(c) > 4096) abort();
    leat_context_destroy(c);
    return 0;
}
