/* The index of a hub, which comes from the network. */
#ifndef LEATI_MODEL_HUB_INDEX_H
#define LEATI_MODEL_HUB_INDEX_H

#include <leat/hub.h>

/* From the bytes of hub.json; `address` names it in messages. FORMAT: no index, or an entry whose
 * name, file or hash is not sound. */
leat_status leati_hub_index_read(leat_context *c, leat_hub_list **out, const char *text,
                                 size_t size, const char *address);

#endif
