/* Files: atomic writes, mapping, small helpers on paths. */
#ifndef LEATI_BASE_FILE_H
#define LEATI_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <leat/context.h>

/* A file that appears under its name complete or not at all: written beside it, fsync, rename,
 * fsync of the folder. Killing the process at any instant leaves the earlier file, whose
 * permissions the new one has. A link to a file stays one. The path "-" is standard output; it,
 * devices and pipes are written as it comes. */
typedef struct leati_writer leati_writer;
leat_status leati_writer_open(leat_context *c, leati_writer **out, const char *path);
/* Buffered. After a failure further writes do nothing and commit reports the first failure. */
void leati_writer_write(leati_writer *w, const void *data, size_t bytes);
void leati_writer_text(leati_writer *w, const char *text);
uint64_t leati_writer_offset(const leati_writer *w);
/* Both end the writer. */
leat_status leati_writer_commit(leati_writer *w);
void leati_writer_abort(leati_writer *w); /* NULL is fine */

leat_status leati_file_write(leat_context *c, const char *path, const void *data, size_t bytes);

/* The bytes of a file: mapped read-only where possible, else read (pipes, "-" for stdin). */
typedef struct leati_bytes {
    const char *data; /* not terminated */
    size_t size;
    bool mapped;
} leati_bytes;
/* Errors: NOT_FOUND (with a "did you mean" of the folder), INVALID (a directory), IO. */
leat_status leati_file_read(leat_context *c, leati_bytes *out, const char *path);
void leati_bytes_release(leati_bytes *b);

bool leati_path_exists(const char *path);
bool leati_path_is_folder(const char *path);
leat_status leati_folder_make(leat_context *c, const char *path); /* with parents; may exist */
const char *leati_path_base(const char *path);                    /* after the last '/' */
/* "a/b.csv.gz" -> "b"; folder and the known suffixes removed. leati_free. */
char *leati_path_stem(leat_context *c, const char *path);
char *leati_path_join(leat_context *c, const char *folder, const char *name);
bool leati_path_has_suffix(const char *path, const char *suffix); /* ASCII, ignoring case */
/* $LEAT_HOME, else $XDG_DATA_HOME/leat, else ~/.local/share/leat. leati_free. */
char *leati_home(leat_context *c);

#endif
