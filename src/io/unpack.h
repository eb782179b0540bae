/* gzip and zstd content, and what unknown content looks like. */
#ifndef LEATI_IO_UNPACK_H
#define LEATI_IO_UNPACK_H

#include <stdbool.h>
#include <stddef.h>

#include <leat/context.h>

/* "gzip" or "zstd" by the magic bytes, else NULL. */
const char *leati_packing(const void *data, size_t size);
/* All of the content, followed by LEATI_SOURCE_PAD zero bytes; leati_free. Members one behind the
 * other are joined, as gzip and zstd do. FORMAT: damaged or cut off; LIMIT: larger than the memory
 * the context may use; UNSUPPORTED: zstd in a build without it. */
leat_status leati_unpack(leat_context *c, char **out, size_t *out_size, const void *data,
                         size_t size);
/* "a PNG image", "an Excel workbook", ...: what the first bytes say; NULL if they say nothing. */
const char *leati_content_kind(const void *data, size_t size);
bool leati_content_is_image(const void *data, size_t size);

#endif
