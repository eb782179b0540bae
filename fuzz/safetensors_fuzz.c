/* Weights: what is read is written back as the same bytes, or refused. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "learn/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leati_state state, again;
    leati_str out;
    o.max_bytes = 256u << 20;
    if (leat_context_create(&c, &o) != LEAT_OK) return 0;
    leati_state_init(&state, c);
    leati_state_init(&again, c);
    leati_str_init(&out, c);
    if (leati_safetensors_read(c, &state, (const char *)data, size) == LEAT_OK &&
        leati_safetensors_write(c, &state, &out) == LEAT_OK) {
        if (leati_safetensors_read(c, &again, out.text, out.length) != LEAT_OK ||
            again.count != state.count)
            abort();
    }
    leati_str_fini(&out);
    leati_state_fini(&again);
    leati_state_fini(&state);
    leat_context_destroy(c);
    return 0;
}
