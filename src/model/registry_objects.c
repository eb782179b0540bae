/* Owns: the content-addressed files of a registry. Not: who refers to them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/registry.h"

enum { PIECE = 1 << 20 };

static char *path_of(leat_registry *r, const char *first, const char *second, const char *third,
                     const char *fourth)
{
    const char *parts[] = {first, second, third, fourth};
    leati_str s;
    leati_str_init(&s, r->context);
    leati_str_add(&s, r->folder);
    for (size_t i = 0; i < 4 && parts[i]; i++) {
        leati_str_addc(&s, '/');
        leati_str_add(&s, parts[i]);
    }
    return leati_str_take(&s);
}

char *leati_objects_path(leat_registry *r, const char *sha256)
{
    const char aa[3] = {sha256[0], sha256[1], '\0'}, bb[3] = {sha256[2], sha256[3], '\0'};
    return path_of(r, "objects", aa, bb, sha256);
}

static leat_status make_below(leat_registry *r, const char *name)
{
    char *path = path_of(r, name, NULL, NULL, NULL);
    leat_status st = path ? leati_folder_make(r->context, path) : leat_error_status(r->context);
    leati_free(path);
    return st;
}

leat_status leati_objects_make(leat_registry *r)
{
    LEATI_TRY(make_below(r, "objects"));
    return make_below(r, "tmp");
}

/* --- keeping ---------------------------------------------------------------------------------- */

static leat_status cannot_write(leat_registry *r, const char *path, int why)
{
    LEATI_FAIL(r->context, LEAT_IO, "cannot write %s: %s", path, strerror(why));
    if (why == ENOSPC || why == EDQUOT || why == EFBIG)
        leati_error_hint(r->context, "nothing was registered; make room and try again");
    return LEAT_IO;
}

/* What is being written, hashed: a file may change under its reader. */
typedef struct writing {
    leat_registry *registry;
    const char *path;
    int fd;
    leati_sha256 sha;
} writing;

static leat_status write_piece(void *user, const char *data, size_t bytes)
{
    writing *w = user;
    leati_sha256_add(&w->sha, data, bytes);
    for (size_t done = 0; done < bytes;) {
        ssize_t k = write(w->fd, data + done, bytes - done);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return cannot_write(w->registry, w->path, k < 0 ? errno : ENOSPC);
        done += (size_t)k;
    }
    return LEAT_OK;
}

static leat_status write_pieces(leat_registry *r, int fd, const char *path, const char *from,
                                const char *sha256)
{
    writing w = {.registry = r, .path = path, .fd = fd};
    uint8_t digest[32];
    char hex[65];
    leati_sha256_init(&w.sha);
    LEATI_TRY(leati_file_pieces(r->context, from, write_piece, &w));
    leati_sha256_end(&w.sha, digest);
    leati_hex(digest, sizeof digest, hex);
    LEATI_CHECK(r->context, strcmp(hex, sha256) == 0, LEAT_IO,
                "the file changed while it was being read; try again");
    return LEAT_OK;
}

static leat_status sync_folder(leat_registry *r, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return cannot_write(r, path, errno);
    int bad = fsync(fd) != 0 ? errno : 0;
    close(fd);
    /* Some file systems cannot; their rename is as lasting as they make it. */
    return bad && bad != EINVAL && bad != EROFS ? cannot_write(r, path, bad) : LEAT_OK;
}

/* Temporary file to its place: every new name on the way is on the disk before this returns. */
static leat_status move_in(leat_registry *r, const char *temporary, char *path)
{
    char *ends[3];
    int why = 0;
    for (size_t i = 0; i < 3; i++) { /* the last three slashes of .../objects/aa/bb/SHA */
        ends[i] = strrchr(path, '/');
        *ends[i] = '\0';
    }
    for (size_t i = 2; i >= 1 && !why; i--) { /* from .../objects on */
        *ends[i] = '/';
        if (mkdir(path, 0777) != 0 && errno != EEXIST) why = errno;
    }
    if (why) {
        leat_status st = cannot_write(r, path, why);
        for (size_t i = 0; i < 3; i++) *ends[i] = '/';
        return st;
    }
    *ends[0] = '/';
    if (rename(temporary, path) != 0) return cannot_write(r, path, errno);
    leat_status st = LEAT_OK;
    for (size_t i = 0; i <= 2 && st == LEAT_OK; i++) { /* bb, aa, objects */
        *ends[i] = '\0';
        st = sync_folder(r, path);
    }
    for (size_t i = 0; i < 3; i++) *ends[i] = '/';
    return st;
}

static leat_status write_new(leat_registry *r, const char *temporary, char *path, const char *from,
                             const char *sha256)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);
    if (fd < 0) return cannot_write(r, temporary, errno);
    leat_status st = write_pieces(r, fd, temporary, from, sha256);
    if (st == LEAT_OK && fsync(fd) != 0 && errno != EINVAL) st = cannot_write(r, temporary, errno);
    if (close(fd) != 0 && st == LEAT_OK) st = cannot_write(r, temporary, errno);
    if (st == LEAT_OK) st = move_in(r, temporary, path);
    if (st != LEAT_OK) unlink(temporary);
    return st;
}

/* Whether the store has it undamaged; a damaged one is replaced by the push that brings it. */
static bool is_there(const char *path, const char *sha256, leat_registry *r)
{
    uint64_t size;
    char hex[65];
    if (!leati_path_exists(path)) return false;
    if (leati_file_sha256(r->context, path, hex, &size) != LEAT_OK) {
        if (leat_error_status(r->context) != LEAT_NOMEM) leat_error_clear(r->context);
        return false;
    }
    return strcmp(hex, sha256) == 0;
}

leat_status leati_objects_put(leat_registry *r, const char *token, const char *from,
                              const char sha256[65])
{
    char *path = leati_objects_path(r, sha256), *temporary = path_of(r, "tmp", token, NULL, NULL);
    leat_status st = path && temporary ? LEAT_OK : leat_error_status(r->context);
    if (st == LEAT_OK && !is_there(path, sha256, r)) {
        st = leat_error_status(r->context);
        if (st == LEAT_OK) st = write_new(r, temporary, path, from, sha256);
    }
    leati_free(path);
    leati_free(temporary);
    return st;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The path of an object that is there; leati_free. */
static leat_status path_there(leat_registry *r, const char *sha256, char **path)
{
    *path = leati_objects_path(r, sha256);
    if (!*path) return leat_error_status(r->context);
    if (leati_path_exists(*path)) return LEAT_OK;
    leat_status st = LEATI_FAIL(r->context, LEAT_NOT_FOUND, "%s is missing in the store", *path);
    leati_free(*path);
    *path = NULL;
    return st;
}

static leat_status same_hash(leat_registry *r, const char *path, const char *hex,
                             const char *sha256)
{
    LEATI_CHECK(r->context, strcmp(hex, sha256) == 0, LEAT_FORMAT,
                "%s is damaged: its bytes hash to %.16s...\n"
                "push the same file again to mend it",
                path, hex);
    return LEAT_OK;
}

leat_status leati_objects_read(leat_registry *r, const char *sha256, leati_bytes *out)
{
    char hex[65], *path;
    *out = (leati_bytes){0};
    LEATI_TRY(path_there(r, sha256, &path));
    leat_status st = leati_file_read(r->context, out, path);
    if (st == LEAT_OK) {
        leati_sha256_hex(out->data, out->size, hex);
        st = same_hash(r, path, hex, sha256);
    }
    if (st != LEAT_OK) leati_bytes_release(out);
    leati_free(path);
    return st;
}

leat_status leati_objects_check(leat_registry *r, const char *sha256, uint64_t *size)
{
    char hex[65], *path;
    LEATI_TRY(path_there(r, sha256, &path));
    leat_status st = leati_file_sha256(r->context, path, hex, size);
    if (st == LEAT_OK) st = same_hash(r, path, hex, sha256);
    leati_free(path);
    return st;
}

typedef struct copying {
    leati_writer *to;
    leati_sha256 sha;
} copying;

static leat_status copy_piece(void *user, const char *data, size_t bytes)
{
    copying *k = user;
    leati_sha256_add(&k->sha, data, bytes);
    leati_writer_write(k->to, data, bytes);
    return LEAT_OK;
}

leat_status leati_objects_copy(leat_registry *r, const char *sha256, const char *to)
{
    copying k = {.to = NULL};
    uint8_t digest[32];
    char hex[65], *path;
    leat_status st;
    uint64_t size;
    LEATI_TRY(
        leati_objects_check(r, sha256, &size)); /* a pipe would get the first pieces at once */
    LEATI_TRY(path_there(r, sha256, &path));
    LEATI_GO(leati_writer_open(r->context, &k.to, to));
    leati_sha256_init(&k.sha);
    LEATI_GO(leati_file_pieces(r->context, path, copy_piece, &k));
    leati_sha256_end(&k.sha, digest);
    leati_hex(digest, sizeof digest, hex);
    LEATI_GO(same_hash(r, path, hex, sha256));
    st = leati_writer_commit(k.to);
    k.to = NULL;
out:
    leati_writer_abort(k.to);
    leati_free(path);
    return st;
}

/* --- listing ---------------------------------------------------------------------------------- */

static bool is_hex(const char *name, size_t length)
{
    return strspn(name, "0123456789abcdef") == length && name[length] == '\0';
}

/* Calls for entries of a folder whose names have `length` hex digits; an absent folder has none. */
static leat_status each_in(leat_registry *r, const char *folder, size_t length, leati_object_fn fn,
                           void *user)
{
    DIR *d = opendir(folder);
    leat_status st = LEAT_OK;
    LEATI_CHECK(r->context, d || errno == ENOENT, LEAT_IO, "cannot read %s: %s", folder,
                strerror(errno));
    for (struct dirent *e; d && st == LEAT_OK && (e = readdir(d));) {
        if (!is_hex(e->d_name, length)) continue;
        char *path = leati_path_join(r->context, folder, e->d_name);
        st = path ? fn(user, e->d_name, path) : leat_error_status(r->context);
        leati_free(path);
    }
    if (d) closedir(d);
    return st;
}

typedef struct walk {
    leat_registry *registry;
    leati_object_fn fn;
    void *user;
} walk;

static leat_status in_second(void *user, const char *name, const char *path)
{
    walk *w = user;
    (void)name;
    return each_in(w->registry, path, 64, w->fn, w->user);
}

static leat_status in_first(void *user, const char *name, const char *path)
{
    walk *w = user;
    (void)name;
    return each_in(w->registry, path, 2, in_second, w);
}

static leat_status each_below(leat_registry *r, const char *name, size_t length, leati_object_fn fn,
                              void *user)
{
    char *folder = path_of(r, name, NULL, NULL, NULL);
    leat_status st = folder ? each_in(r, folder, length, fn, user) : leat_error_status(r->context);
    leati_free(folder);
    return st;
}

leat_status leati_objects_each(leat_registry *r, leati_object_fn fn, void *user)
{
    walk w = {r, fn, user};
    return each_below(r, "objects", 2, in_first, &w);
}

leat_status leati_objects_each_temporary(leat_registry *r, leati_object_fn fn, void *user)
{
    return each_below(r, "tmp", LEATI_TOKEN - 1, fn, user);
}
