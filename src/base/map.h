/* A hash map from byte strings to indices, in order of insertion: dictionaries, names, groups. */
#ifndef LEATI_BASE_MAP_H
#define LEATI_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

typedef struct leati_map {
    leat_context *context;
    uint32_t *slots; /* 1 + entry, 0 = free; a power of two of them */
    size_t slot_count;
    uint64_t *hashes; /* per entry */
    size_t *ends;     /* entry i is bytes[ends[i-1] .. ends[i]) */
    char *bytes;
    size_t count, entry_capacity, hash_capacity, byte_count, byte_capacity;
} leati_map;

enum { LEATI_MAP_NONE = UINT32_MAX };

void leati_map_init(leati_map *map, leat_context *c);
void leati_map_fini(leati_map *map);
/* The index of the key, adding it at the end if it is new; LEATI_MAP_NONE when out of memory. */
uint32_t leati_map_put(leati_map *map, const void *key, size_t length);
/* The index of the key, or LEATI_MAP_NONE. */
uint32_t leati_map_get(const leati_map *map, const void *key, size_t length);
/* Key number `index`; not terminated. Valid until the next put. */
const char *leati_map_key(const leati_map *map, uint32_t index, size_t *length);

#endif
