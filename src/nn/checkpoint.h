/* Checkpoints: named blocks of bytes of a training in progress, in one file that appears complete
 * or not at all.
 *
 *   "LEATCKP2"  fingerprint u64  count u64
 *   count times: name (32 bytes, filled up with zeros)  bytes u64
 *   the blocks one after another, each filled up with zeros to a multiple of 8
 *   hash u64 of all before, folded over pieces of 64 KiB
 *
 * Numbers are those of the machine; a file of another byte order does not pass the hash. */
#ifndef LEATI_NN_CHECKPOINT_H
#define LEATI_NN_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/graph.h>

#include "base/file.h"

enum { LEATI_CHECKPOINT_PARTS = 64, LEATI_CHECKPOINT_NAME = 32 };

typedef struct leati_checkpoint_part {
    const char *name; /* shorter than LEATI_CHECKPOINT_NAME */
    const void *data;
    size_t bytes;
    leat_variable *variable; /* written: read from here, piece by piece, instead of from data */
} leati_checkpoint_part;

typedef struct leati_checkpoint {
    uint64_t fingerprint; /* of what was trained, and how */
    leati_checkpoint_part part[LEATI_CHECKPOINT_PARTS];
    size_t count;
    leati_bytes file;
} leati_checkpoint;

/* By pieces, with no copy of the parts. Atomically: killing the process at any instant leaves the
 * earlier file. */
leat_status leati_checkpoint_write(leat_context *c, const char *path, const leati_checkpoint *from);
/* Parts point into data. FORMAT with the reason for anything damaged. */
leat_status leati_checkpoint_parse(leat_context *c, const char *path, const void *data, size_t size,
                                   leati_checkpoint *out);
leat_status leati_checkpoint_read(leat_context *c, const char *path, leati_checkpoint *out);
void leati_checkpoint_release(leati_checkpoint *k);
/* Whether a file begins as one. */
bool leati_checkpoint_is(const void *data, size_t size);
/* Of a whole file without the 8 bytes at its end. */
uint64_t leati_checkpoint_hash(const void *data, size_t bytes);
/* The block's data, NULL with an error where it is missing or has another size. */
const void *leati_checkpoint_find(leat_context *c, const leati_checkpoint *k, const char *name,
                                  size_t bytes);

#endif
