/* ZIP archives: a bounded reader over bytes in memory and a writer of deterministic archives.
 *
 * Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 to 4.5. */
#ifndef LEATI_IO_ZIP_H
#define LEATI_IO_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"

enum { LEATI_ZIP_ALIGN = 64 };

typedef struct leati_zip leati_zip;

typedef struct leati_zip_member {
    const char *name; /* terminated; never empty, holds no zero byte */
    uint64_t at;      /* offset of the stored bytes in the archive */
    uint64_t stored;  /* bytes in the archive */
    uint64_t size;    /* bytes after decompression */
    uint32_t crc;
    bool deflated;
} leati_zip_member;

/* Reads the directory. `bytes` stay the caller's and must outlive the archive; `name` appears in
 * messages. `max_bytes` bounds the sum of all sizes after decompression (0: 64 GiB). Refused with
 * FORMAT: members that lie outside the file, overlap each other or the directory, share a name, or
 * whose local header disagrees; with LIMIT: too large; with UNSUPPORTED: encryption, several
 * volumes, methods other than stored and deflate. Once open it may be read from any thread. */
leat_status leati_zip_open(leat_context *c, leati_zip **out, leati_bytes bytes, const char *name,
                           uint64_t max_bytes);
void leati_zip_close(leati_zip *zip); /* NULL is fine */

size_t leati_zip_count(const leati_zip *zip);
const leati_zip_member *leati_zip_at(const leati_zip *zip, size_t index);
/* The sum of all sizes after decompression, as the directory has it: no more is ever unpacked. */
uint64_t leati_zip_unpacked(const leati_zip *zip);
/* NULL if there is none of that name. */
const leati_zip_member *leati_zip_find(const leati_zip *zip, const char *name);

/* The contents of a member: a view into the archive (stored) or memory of its own (deflated). */
typedef struct leati_zip_data {
    const char *data; /* not terminated */
    size_t size;
    void *owned;
} leati_zip_data;

/* FORMAT: the checksum or the compressed data are wrong. */
leat_status leati_zip_read(leat_context *c, const leati_zip *zip, const leati_zip_member *member,
                           leati_zip_data *out);
/* The same without a look at the checksum, which leati_zip_check compares: for who knows a better
 * one of the contents. */
leat_status leati_zip_view(leat_context *c, const leati_zip *zip, const leati_zip_member *member,
                           leati_zip_data *out);
leat_status leati_zip_check(leat_context *c, const leati_zip *zip, const leati_zip_member *member,
                            const leati_zip_data *data);
void leati_zip_data_release(leati_zip_data *d);

/* Writes members stored, each starting at a multiple of LEATI_ZIP_ALIGN from the start of the
 * archive, dated 1980-01-01 and without owner or mode: equal contents give equal bytes. */
typedef struct leati_zip_writer leati_zip_writer;

typedef struct leati_zip_part {
    const void *data;
    size_t bytes;
} leati_zip_part;

/* `to` stays the caller's, who commits it after a successful finish. */
leat_status leati_zip_writer_create(leat_context *c, leati_zip_writer **out, leati_writer *to);
void leati_zip_writer_destroy(leati_zip_writer *w); /* NULL is fine */
/* INVALID: an empty or repeated name. */
leat_status leati_zip_add(leati_zip_writer *w, const char *name, const void *data, size_t bytes);
/* One member from `count` parts in order. */
leat_status leati_zip_add_parts(leati_zip_writer *w, const char *name, const leati_zip_part *parts,
                                size_t count);
/* Writes the directory; nothing may be added afterwards. */
leat_status leati_zip_finish(leati_zip_writer *w);

#endif
