/* The bytes of an input file, unpacked: a regular file (read in pieces), a pipe, gzip or zstd. */
#ifndef LEATI_IO_SOURCE_H
#define LEATI_IO_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include <leat/context.h>

/* Readable bytes behind a view and behind leati_source_bytes, so that a scanner may read ahead;
 * zero behind the end of the content. */
enum { LEATI_SOURCE_PAD = 64 };

typedef struct leati_source leati_source;

/* `path` "-" is standard input. Packed content is unpacked whole. Errors: NOT_FOUND, INVALID (a
 * folder), IO, FORMAT (damaged packing), UNSUPPORTED (zstd in a build without it), NOMEM. */
leat_status leati_source_open(leat_context *c, leati_source **out, const char *path);
/* A source over bytes that the caller keeps (fuzzers, tests, members of archives). */
leat_status leati_source_memory(leat_context *c, leati_source **out, const void *data, size_t size,
                                const char *name);
void leati_source_close(leati_source *s); /* NULL is fine */

const char *leati_source_name(const leati_source *s);        /* for messages: "cars.csv" as given */
const char *leati_source_compression(const leati_source *s); /* "", "gzip", "zstd" */
bool leati_source_is_file(const leati_source *s);            /* the content is the file itself */
size_t leati_source_size(const leati_source *s);

/* The first bytes, at most 4096 of them, zero padded. */
const char *leati_source_head(const leati_source *s, size_t *length);
/* Everything, in memory, zero padded; valid until close. */
leat_status leati_source_bytes(leat_context *c, leati_source *s, const char **data);

/* Other content instead: a padded block that the source takes over (UTF-16 made UTF-8). */
void leati_source_replace(leati_source *s, char *data, size_t size);

/* A piece of the content, for one thread. Starts as zeros; leati_view_fini frees it. */
typedef struct leati_view {
    const char *data;
    size_t offset, size; /* data[0 .. size) is the content from `offset` */
    char *buffer;
    size_t capacity;
} leati_view;
/* Make the view cover [offset, offset + size) or up to the end of the content. Thread-safe for
 * different views; records nothing: NOMEM, IO (the file shrank or failed). */
leat_status leati_source_view(const leat_context *c, const leati_source *s, leati_view *view,
                              size_t offset, size_t size);
void leati_view_fini(leati_view *view);

#endif
