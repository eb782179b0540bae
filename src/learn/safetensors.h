/* The safetensors format: named arrays in one block with a JSON header.
 * Source: the format section of the safetensors README, version 0.4. */
#ifndef LEATI_LEARN_SAFETENSORS_H
#define LEATI_LEARN_SAFETENSORS_H

#include "base/str.h"
#include "learn/state.h"

/* Appends the bytes to `out`. Arrays stand in order of falling element size, then of the state, so
 * that each is aligned to its element when the block is aligned to 8. */
leat_status leati_safetensors_write(leat_context *c, const leati_state *state, leati_str *out);

/* The same with a text in the header's __metadata__. */
leat_status leati_safetensors_write_about(leat_context *c, const leati_state *state,
                                          const char *key, const char *text, leati_str *out);

/* Appends a name as the header has it, between quotes. */
void leati_safetensors_name(leati_str *header, const char *name);

/* Fills `state` (initialised by the caller) with copies, in the order of the header; arrays of F16
 * and BF16 become F32. Refuses, with FORMAT: headers that are longer than the data or than 100 MB,
 * are no JSON object, name other types or overlapping, gapped or overflowing ranges. */
leat_status leati_safetensors_read(leat_context *c, leati_state *state, const char *data,
                                   size_t size);

#endif
