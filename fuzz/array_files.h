/* What the fuzz targets of files of arrays do: any bytes, one reader. */
#ifndef LEAT_FUZZ_ARRAY_FILES_H
#define LEAT_FUZZ_ARRAY_FILES_H

#include <stdint.h>

#include "frame/foreign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline int fuzz_array_file(const uint8_t *data, size_t size, const char *name,
                                  leat_status (*read)(leat_context *c, leat_frame **out,
                                                      leati_bytes b, const char *name))
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leat_frame *f;
    o.threads = 1;
    o.max_bytes = 1 << 26;
    if (leat_context_create(&c, &o) != LEAT_OK) return 0;
    leati_bytes b = {.data = (const char *)data, .size = size};
    if (read(c, &f, b, name) == LEAT_OK) leat_frame_release(f);
    leat_context_destroy(c);
    return 0;
}

#endif
