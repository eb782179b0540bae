/* Models from elsewhere: downloads that are kept only if their bytes are those that were expected.
 *
 * A hub is any web server with a folder of model files and an index, hub.json:
 *
 *     {"format": "leat-hub", "models": [{"name": "iris", "file": "iris.leat",
 *      "sha256": "74dce231...", "bytes": 7134, "summary": "species by lda"}]}
 *
 * The index pins every model by its SHA-256; it is as trustworthy as the connection it comes by. */
#ifndef LEAT_HUB_H
#define LEAT_HUB_H

#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_hub_options {
    uint32_t struct_size;
    const char *hub;    /* address of the folder with hub.json; NULL: $LEAT_HUB */
    const char *sha256; /* 64 hex digits: required for an address, wins over the index for a name */
    const char *path; /* of the file to write; NULL: NAME.leat, or the address's last part, here */
} leat_hub_options;

LEAT_API leat_hub_options leat_hub_options_default(void);

/* what: a name of the hub, or an address (http, https, file). The file is written to its path only
 * if its hash is the one expected and it is a sound model; an earlier file of that name stays
 * otherwise. `path` (may be NULL) receives where it is, with snprintf's rules. Errors: INVALID (no
 * hash, no hub), NOT_FOUND (no such name), FORMAT (other bytes, no model; nothing is kept),
 * NETWORK, IO, UNSUPPORTED (no libcurl). After NETWORK the same call goes on where it stopped. */
LEAT_API LEAT_CHECKED leat_status leat_hub_get(leat_context *context, const char *what,
                                               const leat_hub_options *options, char *path,
                                               size_t size);

/* Texts belong to the list. */
typedef struct leat_hub_model {
    const char *name, *file, *sha256, *summary;
    uint64_t bytes; /* 0: not said */
} leat_hub_model;

typedef struct leat_hub_list leat_hub_list;
/* The index of a hub (NULL: $LEAT_HUB). */
LEAT_API LEAT_CHECKED leat_status leat_hub_list_create(leat_context *context, leat_hub_list **out,
                                                       const char *hub);
LEAT_API void leat_hub_list_destroy(leat_hub_list *list); /* NULL is fine */
LEAT_API size_t leat_hub_list_count(const leat_hub_list *list);
/* NULL past the end. */
LEAT_API const leat_hub_model *leat_hub_list_at(const leat_hub_list *list, size_t i);

#ifdef __cplusplus
}
#endif

#endif
