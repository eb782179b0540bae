/* The distinct texts of one column, numbered as they come. Records no
 * errors, so that tasks may use it. */
#ifndef LEATI_FRAME_CSV_DICT_H
#define LEATI_FRAME_CSV_DICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/num_scan.h"
#include "frame/frame.h"

typedef struct leati_csv_slot {
    uint32_t hash;
    uint32_t entry; /* 1 + number; 0: free */
} leati_csv_slot;

typedef struct leati_csv_dict {
    leati_csv_slot *slots; /* a power of two of them, at most two thirds taken */
    size_t slot_count;
    size_t *offsets; /* as in leati_dict */
    char *bytes;
    size_t offset_capacity, byte_capacity;
    uint32_t count;
    double ahead; /* when memory grows, so many times what is needed now; 0: a little more */
} leati_csv_dict;

/* A text where it stands, followed by 8 readable bytes; NULL: missing. */
typedef struct leati_csv_word {
    const char *text;
    uint32_t length;
    uint32_t hash; /* leati_csv_hash */
} leati_csv_word;

enum { LEATI_CSV_NONE = UINT32_MAX };

/* Starts as zeros. */
void leati_csv_dict_fini(leati_csv_dict *d);
/* Numbers for `count` words, which are added where they are new; 0 for missing ones. False: out of
 * memory. */
bool leati_csv_dict_put(const leat_context *c, leati_csv_dict *d, const leati_csv_word *words,
                        size_t count, uint32_t *codes);
/* Eight bytes a step, each folded by a 64x64 multiplication; the last ones are loaded whole and
 * cut, which is why 8 must be readable. *high: whether some byte is above 127. */
static inline uint32_t leati_csv_hash(const char *p, size_t n, bool *high)
{
    __extension__ typedef unsigned __int128 wide;
    const uint64_t k0 = UINT64_C(0x9e3779b97f4a7c15), k1 = UINT64_C(0xd6e8feb86659fd93);
    uint64_t h = n * k1, x = 0, seen = 0;
    wide product;
    for (; n > 8; n -= 8, p += 8) {
        x = leati_load8(p);
        seen |= x;
        product = (wide)(h ^ x) * k0;
        h = (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    x = n ? leati_load8(p) << (64 - 8 * n) : 0;
    *high = ((seen | x) & UINT64_C(0x8080808080808080)) != 0;
    h ^= x;
    product = (wide)(h ^ k0) * k1;
    h = (uint64_t)product ^ (uint64_t)(product >> 64);
    return (uint32_t)(h ^ h >> 32);
}

static inline const char *leati_csv_dict_text(const leati_csv_dict *d, uint32_t entry,
                                              size_t *length)
{
    *length = d->offsets[entry + 1] - d->offsets[entry] - 1;
    return d->bytes + d->offsets[entry];
}

#endif
