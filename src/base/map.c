/* Owns: the insertion-ordered hash map (open addressing, linear probing). */
#include "base/map.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

void leati_map_init(leati_map *map, leat_context *c)
{
    *map = (leati_map){.context = c};
}

void leati_map_fini(leati_map *map)
{
    leati_free(map->slots);
    leati_free(map->hashes);
    leati_free(map->ends);
    leati_free(map->bytes);
    leati_map_init(map, map->context);
}

const char *leati_map_key(const leati_map *map, uint32_t index, size_t *length)
{
    size_t from = index ? map->ends[index - 1] : 0;
    if (length) *length = map->ends[index] - from;
    return map->bytes + from;
}

/* The slot that holds the key or the free one where it belongs. */
static size_t find(const leati_map *map, uint64_t hash, const void *key, size_t length)
{
    size_t mask = map->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t entry = map->slots[i];
        if (!entry) return i;
        size_t n;
        const char *have = leati_map_key(map, entry - 1, &n);
        if (map->hashes[entry - 1] == hash && n == length && memcmp(have, key, n) == 0) return i;
    }
}

static leat_status rehash(leati_map *map)
{
    size_t count = map->slot_count ? map->slot_count * 2 : 16;
    uint32_t *slots = LEATI_NEW(map->context, uint32_t, count);
    if (!slots) return LEAT_NOMEM;
    for (size_t e = 0; e < map->count; e++) {
        size_t i = map->hashes[e] & (count - 1);
        while (slots[i]) i = (i + 1) & (count - 1);
        slots[i] = (uint32_t)e + 1;
    }
    leati_free(map->slots);
    map->slots = slots;
    map->slot_count = count;
    return LEAT_OK;
}

uint32_t leati_map_get(const leati_map *map, const void *key, size_t length)
{
    if (!map->slot_count) return LEATI_MAP_NONE;
    uint32_t entry = map->slots[find(map, leati_hash64(key, length, 0), key, length)];
    return entry ? entry - 1 : LEATI_MAP_NONE;
}

uint32_t leati_map_put(leati_map *map, const void *key, size_t length)
{
    leat_context *c = map->context;
    if (map->count >= LEATI_MAP_NONE - 1) return LEATI_MAP_NONE;
    if ((map->count + 1) * 3 > map->slot_count * 2 && rehash(map) != LEAT_OK) return LEATI_MAP_NONE;
    uint64_t hash = leati_hash64(key, length, 0);
    size_t slot = find(map, hash, key, length);
    if (map->slots[slot]) return map->slots[slot] - 1;
    size_t e = map->count;
    if (leati_grow(c, &map->ends, &map->entry_capacity, e + 1, sizeof *map->ends) ||
        leati_grow(c, &map->hashes, &map->hash_capacity, e + 1, sizeof *map->hashes) ||
        leati_grow(c, &map->bytes, &map->byte_capacity, map->byte_count + length + 1, 1))
        return LEATI_MAP_NONE;
    if (length) memcpy(map->bytes + map->byte_count, key, length);
    map->byte_count += length;
    map->hashes[e] = hash;
    map->ends[e] = map->byte_count;
    map->slots[slot] = (uint32_t)e + 1;
    map->count++;
    return (uint32_t)e;
}
