/* Any bytes as JSON Lines: no crash, no hang, nothing left behind, counts that agree. */
#include <stdint.h>
#include <stdlib.h>

#include "frame/read.h"

extern const leati_reader leati_reader_jsonl;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    o.on_error = pick & 8 ? LEAT_ON_ERROR_SKIP : LEAT_ON_ERROR_STOP;
    o.types = types[pick / 16 % 5];
    o.max_rows = pick & 4 ? 3 : 0;
    if (leati_source_memory(c, &source, data, size, "fuzz.jsonl") == LEAT_OK) {
        if (leati_reader_jsonl.read(c, &f, source, &o, o.report) == LEAT_OK) {
            char hash[65];
            for (size_t j = 0; j < leat_frame_columns(f); j++) {
                size_t missing = 0;
                for (size_t i = 0; i < f->rows; i++) missing += !leati_valid(f->column[j], i);
                if (missing != f->column[j]->missing) abort();
            }
            leati_frame_hash(f, hash);
            leat_frame_release(f);
        }
        leati_source_close(source);
    }
    leat_read_report_destroy(o.report);
    if (leat_context_bytes(c) > 4096) abort();
    leat_context_destroy(c);
    return 0;
}
