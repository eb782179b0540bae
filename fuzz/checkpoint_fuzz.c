/* Checkpoints: the closing hash is made right first, so that the parser behind it is reached. Every
 * part found must lie inside the data. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nn/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leati_checkpoint k;
    if (size < 8 || leat_context_create(&c, &o) != LEAT_OK) return 0;
    char *copy = malloc(size);
    if (copy) {
        memcpy(copy, data, size);
        uint64_t hash = leati_checkpoint_hash(copy, size - 8);
        memcpy(copy + size - 8, &hash, sizeof hash);
        if (leati_checkpoint_parse(c, "fuzz", copy, size, &k) == LEAT_OK)
            for (size_t i = 0; i < k.count; i++) {
                const char *part = k.part[i].data;
                if (part < copy || k.part[i].bytes > size - (size_t)(part - copy)) abort();
                if (strlen(k.part[i].name) >= LEATI_CHECKPOINT_NAME) abort();
                (void)leati_checkpoint_find(c, &k, "progress", 64);
            }
        free(copy);
    }
    leat_context_destroy(c);
    return 0;
}
