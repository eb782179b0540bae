/* Owns: the hash table of one worker's texts (linear probing, last in first out). */
#include "frame/csv_dict.h"

#include <string.h>

#include "base/mem.h"
#include "base/num_scan.h"

enum { FIRST_SLOTS = 64, FIRST_BYTES = 1024, AHEAD = 8 /* bytes that hash_text may read */ };

static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes a step; the last ones are loaded whole and cut, which is why 8 must be readable. */
static inline uint32_t hash_text(const char *p, size_t n)
{
    const uint64_t k0 = UINT64_C(0x9e3779b97f4a7c15), k1 = UINT64_C(0xd6e8feb86659fd93);
    uint64_t h = n * k1;
    for (; n > 8; n -= 8, p += 8) h = mix(h ^ leati_load8(p), k0);
    if (n) h ^= leati_load8(p) << (64 - 8 * n);
    h = mix(h ^ k0, k1);
    return (uint32_t)(h ^ h >> 32);
}

uint32_t leati_csv_hash(const char *text, size_t length)
{
    return hash_text(text, length);
}

void leati_csv_dict_fini(leati_csv_dict *d)
{
    leati_free(d->slots);
    leati_free(d->offsets);
    leati_free(d->bytes);
    *d = (leati_csv_dict){0};
}

static bool grow(const leat_context *c, void *array, size_t *capacity, size_t need, size_t size,
                 size_t first)
{
    if (need <= *capacity) return true;
    size_t wanted = *capacity ? *capacity : first, bytes, used;
    while (wanted < need) wanted += wanted / 2 + 8;
    if (leati_mul_overflows(wanted, size, &bytes)) return false;
    void *fresh = leati_alloc_quiet(c, bytes), *old;
    if (!fresh) return false;
    memcpy(&old, array, sizeof old);
    used = *capacity * size;
    if (used) memcpy(fresh, old, used);
    leati_free(old);
    memcpy(array, &fresh, sizeof fresh);
    *capacity = wanted;
    return true;
}

static bool grow_slots(const leat_context *c, leati_csv_dict *d)
{
    size_t count = d->slot_count ? d->slot_count * 2 : FIRST_SLOTS;
    if (count > (size_t)UINT32_MAX + 1) return false;
    leati_csv_slot *fresh = leati_alloc_quiet(c, count * sizeof *fresh);
    if (!fresh) return false;
    memset(fresh, 0, count * sizeof *fresh);
    for (size_t i = 0; i < d->slot_count; i++) {
        if (!d->slots[i].entry) continue;
        size_t at = d->slots[i].hash & (count - 1);
        while (fresh[at].entry) at = (at + 1) & (count - 1);
        fresh[at] = d->slots[i];
    }
    leati_free(d->slots);
    d->slots = fresh;
    d->slot_count = count;
    return true;
}

static bool same(const leati_csv_dict *d, uint32_t entry, const char *text, size_t length)
{
    size_t from = d->offsets[entry];
    return d->offsets[entry + 1] - from - 1 == length && memcmp(d->bytes + from, text, length) == 0;
}

static uint32_t append(const leat_context *c, leati_csv_dict *d, const char *text, size_t length)
{
    size_t end = d->count ? d->offsets[d->count] : 0, need;
    if (d->count >= LEATI_CSV_NONE - 1 || leati_add_overflows(end + 1, length, &need) ||
        !grow(c, &d->offsets, &d->offset_capacity, (size_t)d->count + 2, sizeof *d->offsets,
              FIRST_SLOTS) ||
        !grow(c, &d->bytes, &d->byte_capacity, need + AHEAD, 1, FIRST_BYTES))
        return LEATI_CSV_NONE;
    if (length) memcpy(d->bytes + end, text, length);
    d->bytes[end + length] = '\0';
    d->offsets[d->count] = end;
    d->offsets[d->count + 1] = need;
    return d->count++;
}

uint32_t leati_csv_dict_put(const leat_context *c, leati_csv_dict *d, const char *text,
                            size_t length)
{
    if (d->count >= d->slot_count / 3 * 2 && !grow_slots(c, d)) return LEATI_CSV_NONE;
    uint32_t hash = hash_text(text, length);
    size_t at = hash & (d->slot_count - 1);
    while (d->slots[at].entry) {
        if (d->slots[at].hash == hash && same(d, d->slots[at].entry - 1, text, length))
            return d->slots[at].entry - 1;
        at = (at + 1) & (d->slot_count - 1);
    }
    uint32_t entry = append(c, d, text, length);
    if (entry != LEATI_CSV_NONE) d->slots[at] = (leati_csv_slot){hash, entry + 1};
    return entry;
}

/* Frees the slot and moves back what linear probing had pushed behind it. */
static void remove_slot(leati_csv_dict *d, size_t at)
{
    size_t mask = d->slot_count - 1;
    for (size_t next = (at + 1) & mask; d->slots[next].entry; next = (next + 1) & mask) {
        size_t home = d->slots[next].hash & mask;
        if (((next - home) & mask) < ((next - at) & mask)) continue;
        d->slots[at] = d->slots[next];
        at = next;
    }
    d->slots[at].entry = 0;
}

void leati_csv_dict_cut(leati_csv_dict *d, uint32_t count)
{
    while (d->count > count) {
        uint32_t entry = --d->count;
        size_t length, mask = d->slot_count - 1;
        const char *text = leati_csv_dict_text(d, entry, &length);
        size_t at = hash_text(text, length) & mask;
        while (d->slots[at].entry != entry + 1) at = (at + 1) & mask;
        remove_slot(d, at);
    }
}
