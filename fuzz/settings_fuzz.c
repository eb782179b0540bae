/* Settings files. */
#include <stdint.h>

#include "workflow/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leat_settings *s;
    o.max_bytes = 64u << 20;
    if (leat_context_create(&c, &o) != LEAT_OK) return 0;
    if (leati_settings_parse(c, &s, (const char *)data, size, "fuzz") == LEAT_OK)
        leat_settings_destroy(s);
    leat_context_destroy(c);
    return 0;
}
