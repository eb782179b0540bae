/* ZIP archives from anywhere: directory, headers, deflate. */
#include <stdint.h>

#include "io/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leati_zip *z;
    o.threads = 1;
    if (leat_context_create(&c, &o) != LEAT_OK) return 0;
    leati_bytes b = {.data = (const char *)data, .size = size};
    if (leati_zip_open(c, &z, b, "fuzz.zip", 1 << 24) == LEAT_OK) {
        for (size_t i = 0; i < leati_zip_count(z); i++) {
            leati_zip_data d;
            if (leati_zip_read(c, z, leati_zip_at(z, i), &d) == LEAT_OK) leati_zip_data_release(&d);
            leat_error_clear(c);
        }
    }
    leati_zip_close(z);
    leat_context_destroy(c);
    return 0;
}
