/* Fetching a file whose contents are known beforehand by their SHA-256. */
#ifndef LEATI_IO_DOWNLOAD_H
#define LEATI_IO_DOWNLOAD_H

#include <leat/context.h>

/* Fetch `url` (http, https or file) to `path`. The bytes arrive in `path`.part, which a later call
 * continues after an interruption; only when their SHA-256 is `sha256` (64 lower-case hex digits)
 * are they renamed to `path`. No more than `bytes` are taken (0: not known). Of several processes
 * that fetch to the same path one does, the others wait for it. libcurl is opened at run time.
 * Errors: NETWORK (no connection, the server's refusal; says what to do), FORMAT (other contents
 * than expected; nothing is kept), IO, CANCELLED, UNSUPPORTED (no libcurl). */
leat_status leati_download(leat_context *c, const char *url, const char *path, const char *sha256,
                           uint64_t bytes);

/* Fetch a text of at most `bytes` bytes whose contents nobody knows beforehand: an index. *out: an
 * initialised builder, to whose end it is added. Errors: as above; FORMAT: it is longer. */
struct leati_str;
leat_status leati_download_text(leat_context *c, const char *url, uint64_t bytes,
                                struct leati_str *out);

/* SHA-256 of a file's bytes as 64 hex digits and their number. */
leat_status leati_file_digest(leat_context *c, const char *path, char sha256[65], uint64_t *bytes);

#endif
