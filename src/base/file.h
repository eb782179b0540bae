/* Files: atomic writes, reading, small helpers on paths. */
#ifndef LEATI_BASE_FILE_H
#define LEATI_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <leat/context.h>

/* A file that appears under its name complete or not at all: written without a name, fsync, named,
 * fsync of the folder. Killing the process at any instant leaves the earlier file, whose
 * permissions the new one has. Two things stand beside it for a while as NAME.tmp.PROCESS.TIME,
 * which nothing reads: a complete file between the two steps that replace an earlier one, and what
 * is being written where the file system has no files without names (O_TMPFILE), as NFS. A link to
 * a file stays one. The path "-" is standard output; it, devices and pipes are written as it comes.
 */
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

/* The bytes of a file, pipe or standard input ("-"), read into memory: they stay what they are
 * whatever becomes of the file. Nothing is mapped, for pages of a file that is cut short end the
 * process when they are touched, and those of one that is written over change. A regular file is
 * as long as it was when it was opened, or shorter where it is cut meanwhile. */
typedef struct leati_bytes {
    const char *data; /* not terminated */
    size_t size;
} leati_bytes;
/* Errors: NOT_FOUND (with a "did you mean" of the folder), INVALID (a directory), IO, NOMEM. */
leat_status leati_file_read(leat_context *c, leati_bytes *out, const char *path);
void leati_bytes_release(leati_bytes *b);
/* The same from front to back in pieces of at most LEATI_FILE_PIECE bytes, for files that may be
 * larger than the memory. A status of `take` other than LEAT_OK ends it. */
enum { LEATI_FILE_PIECE = 1 << 20 };
typedef leat_status (*leati_piece_fn)(void *user, const char *data, size_t bytes);
leat_status leati_file_pieces(leat_context *c, const char *path, leati_piece_fn take, void *user);
/* SHA-256 of a file as 64 hex digits, and its size, by pieces. */
leat_status leati_file_sha256(leat_context *c, const char *path, char hex[65], uint64_t *size);
/* Whether a file begins with these bytes (up to 64); false where it cannot be read. */
bool leati_file_begins(const char *path, const void *bytes, size_t count);

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
