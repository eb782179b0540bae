/* The index of a hub: whatever comes, what is accepted names files below the hub and no others. */
#include <stdlib.h>
#include <string.h>

#include "model/hub_index.h"
#include "model/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context *c;
    leat_hub_list *list;
    leat_context_options o = leat_context_options_default();
    o.threads = 1;
    o.cpu = "generic";
    if (leat_context_create(&c, &o) != LEAT_OK) return 0;
    if (leati_hub_index_read(c, &list, (const char *)data, size, "hub.json") == LEAT_OK) {
        for (size_t i = 0; i < leat_hub_list_count(list); i++) {
            const leat_hub_model *m = leat_hub_list_at(list, i);
            if (!leati_name_good(m->name) || strlen(m->sha256) != 64) abort();
            if (strstr(m->file, "..") || *m->file == '/' || strchr(m->file, ':')) abort();
        }
        leat_hub_list_destroy(list);
    }
    leat_context_destroy(c);
    return 0;
}
