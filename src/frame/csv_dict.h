/* The distinct texts that one worker meets in one column, numbered as they come. Records no
 * errors, so that tasks may use it. */
#ifndef LEATI_FRAME_CSV_DICT_H
#define LEATI_FRAME_CSV_DICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
} leati_csv_dict;

enum { LEATI_CSV_NONE = UINT32_MAX };

/* Starts as zeros. */
void leati_csv_dict_fini(leati_csv_dict *d);
uint32_t leati_csv_hash(const char *text, size_t length);
/* The number of the text, which is followed by 8 readable bytes; LEATI_CSV_NONE: out of memory. */
uint32_t leati_csv_dict_put(const leat_context *c, leati_csv_dict *d, const char *text,
                            size_t length);
/* Forget all texts but the first `count`. */
void leati_csv_dict_cut(leati_csv_dict *d, uint32_t count);

static inline const char *leati_csv_dict_text(const leati_csv_dict *d, uint32_t entry,
                                              size_t *length)
{
    *length = d->offsets[entry + 1] - d->offsets[entry] - 1;
    return d->bytes + d->offsets[entry];
}

#endif
