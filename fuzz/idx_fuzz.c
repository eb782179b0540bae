/* idx files from anywhere. */
#include <stdint.h>

#include "frame/foreign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leat_frame *f;
    o.threads = 1;
    o.max_bytes = 1 << 26;
    if (leat_context_create(&c, &o) != LEAT_OK) return 0;
    leati_bytes b = {.data = (const char *)data, .size = size};
    if (leati_idx_frame(c, &f, b, "fuzz.idx") == LEAT_OK) leat_frame_release(f);
    leat_context_destroy(c);
    return 0;
}
