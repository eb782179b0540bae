/* Owns: files that appear complete or not at all. Not: reading (file.c).
 *
 * What is written has no name until it is complete, where the system can do that (O_TMPFILE): a
 * process that is killed leaves nothing behind. Elsewhere it is written beside the file wanted,
 * under a name of its own. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_TMPFILE */
#endif
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/str.h"

enum { BUFFER = 1 << 16, TRIES = 100 };

struct leati_writer {
    leat_context *context;
    char *path, *temporary; /* temporary NULL: the file has no name, or is a stream */
    bool stream;            /* written as it comes */
    mode_t mode;
    int fd;
    int error; /* errno of the first failed write */
    size_t held;
    uint64_t offset;
    char buffer[BUFFER];
};

static void writer_free(leati_writer *w)
{
    leati_free(w->path);
    leati_free(w->temporary);
    leati_free(w);
}

/* The path behind a link to a file, so that the file is replaced and not the link. */
static char *path_behind(leat_context *c, const char *path)
{
    struct stat info;
    bool link = lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
    char *real = link ? realpath(path, NULL) : NULL; /* NULL too where it leads nowhere */
    char *copy = leati_strdup(c, real ? real : path);
    free(real);
    return copy;
}

/* The folder of a path, in `folder`; false: its name is too long. */
static bool folder_of(const char *path, char folder[4096])
{
    size_t n = (size_t)(leati_path_base(path) - path);
    if (n >= 4096) return false;
    memcpy(folder, n ? path : ".", n ? n : 1);
    folder[n ? n : 1] = '\0';
    return true;
}

/* A file of the folder without a name, or -1 where there is no such thing. It can be read, to be
 * copied where it cannot be named. */
static int open_unnamed(const leati_writer *w)
{
#ifdef O_TMPFILE
    char folder[4096];
    if (folder_of(w->path, folder)) return open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, w->mode);
#endif
    (void)w;
    return -1;
}

/* Names a path beside the one wanted, and calls make() until it is one that nobody else has:
 * neither another writer of this process nor one of the same number in another container that
 * shares the folder. What make() returned, or -1 with errno. */
static int make_beside(leati_writer *w, int (*make)(const leati_writer *w))
{
    for (int i = 0; i < TRIES; i++) {
        leati_str name;
        leati_str_init(&name, w->context);
        leati_str_addf(&name, "%s.tmp.%ld.%08x", w->path, (long)getpid(), (unsigned)leati_now_ns());
        w->temporary = leati_str_take(&name);
        errno = ENOMEM;
        int made = w->temporary ? make(w) : -1;
        if (made >= 0) return made;
        int why = errno;
        leati_free(w->temporary);
        w->temporary = NULL;
        errno = why;
        if (why != EEXIST) return -1;
    }
    return -1;
}

static int open_named(const leati_writer *w)
{
    return open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, w->mode);
}

/* Gives the file without a name one that nothing has. */
static int link_to(const leati_writer *w, const char *path)
{
    char self[40];
    snprintf(self, sizeof self, "/proc/self/fd/%d", w->fd);
    return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

static int link_named(const leati_writer *w)
{
    return link_to(w, w->temporary);
}

static int open_file(leati_writer *w, const char *path, bool standard)
{
    if (standard) return dup(STDOUT_FILENO);
    if (w->stream) return open(path, O_WRONLY | O_CLOEXEC);
    int fd = open_unnamed(w);
    return fd >= 0 ? fd : make_beside(w, open_named);
}

leat_status leati_writer_open(leat_context *c, leati_writer **out, const char *path)
{
    struct stat info;
    *out = NULL;
    bool standard = strcmp(path, "-") == 0, there = !standard && stat(path, &info) == 0;
    LEATI_CHECK(c, !there || !S_ISDIR(info.st_mode), LEAT_INVALID,
                "%s is a folder; name a file to write", path);
    leati_writer *w = leati_calloc(c, 1, sizeof *w);
    if (!w) return leat_error_status(c);
    /* A device or a pipe is written to; a file in its place would take it from everybody. */
    w->stream = standard || (there && !S_ISREG(info.st_mode));
    w->mode = there ? info.st_mode & 0777 : 0666;
    w->context = c;
    w->path =
        w->stream ? leati_strdup(c, standard ? "standard output" : path) : path_behind(c, path);
    if (!w->path) {
        writer_free(w);
        return leat_error_status(c);
    }
    w->fd = open_file(w, path, standard);
    if (w->fd < 0) {
        leat_status st = LEATI_FAIL(c, errno == ENOMEM ? LEAT_NOMEM : LEAT_IO,
                                    "cannot write %s: %s", path, strerror(errno));
        writer_free(w);
        return st;
    }
    /* The umask does not count for a file that was there. */
    if (there && !w->stream) (void)fchmod(w->fd, w->mode);
    *out = w;
    return LEAT_OK;
}

static void write_all(leati_writer *w, const char *data, size_t bytes)
{
    while (bytes && !w->error) {
        ssize_t n = write(w->fd, data, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            w->error = n < 0 ? errno : ENOSPC;
            return;
        }
        data += n;
        bytes -= (size_t)n;
    }
}

void leati_writer_write(leati_writer *w, const void *data, size_t bytes)
{
    w->offset += bytes;
    if (w->held + bytes > BUFFER) {
        write_all(w, w->buffer, w->held);
        w->held = 0;
        if (bytes >= BUFFER) {
            write_all(w, data, bytes);
            return;
        }
    }
    if (bytes) memcpy(w->buffer + w->held, data, bytes);
    w->held += bytes;
}

void leati_writer_text(leati_writer *w, const char *text)
{
    leati_writer_write(w, text, strlen(text));
}

uint64_t leati_writer_offset(const leati_writer *w)
{
    return w->offset;
}

static void sync_folder_of(const char *path)
{
    char folder[4096];
    if (!folder_of(path, folder)) return;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd); /* some file systems cannot; the rename itself has succeeded */
    close(fd);
}

/* Standard output, a device, a pipe: what is written is written. */
static leat_status commit_stream(leati_writer *w)
{
    leat_status st = LEAT_OK;
    if (close(w->fd) != 0 && !w->error) w->error = errno;
    if (w->error)
        st = LEATI_FAIL(w->context, LEAT_IO, "cannot write to %s: %s", w->path, strerror(w->error));
    writer_free(w);
    return st;
}

/* Everything written is on the disk. */
static void settle(leati_writer *w)
{
    if (!w->error && fsync(w->fd) != 0 && errno != EINVAL && errno != EROFS) w->error = errno;
}

/* The file without a name copied to one beside the file wanted, where it may not be linked (without
 * /proc, in a sandbox, across the layers of a file system). */
static void copy_beside(leati_writer *w)
{
    struct stat info;
    int from = w->fd;
    ssize_t n = 1;
    w->fd = make_beside(w, open_named);
    if (w->fd < 0) w->error = errno;
    for (off_t at = 0; !w->error && n > 0; at += n) {
        do n = pread(from, w->buffer, BUFFER, at);
        while (n < 0 && errno == EINTR);
        if (n < 0) w->error = errno;
        else write_all(w, w->buffer, (size_t)n);
    }
    if (w->fd >= 0 && fstat(from, &info) == 0) (void)fchmod(w->fd, info.st_mode & 0777);
    settle(w);
    close(from);
}

/* A complete file without a name gets one: its own, if nobody has that, else one to be renamed. */
static void name_file(leati_writer *w)
{
    if (w->error || link_to(w, w->path) == 0) return;
    if (errno == EEXIST && make_beside(w, link_named) >= 0) return;
    if (errno == ENOMEM) w->error = ENOMEM;
    else copy_beside(w);
}

leat_status leati_writer_commit(leati_writer *w)
{
    leat_context *c = w->context;
    leat_status st = LEAT_OK;
    write_all(w, w->buffer, w->held);
    if (w->stream) return commit_stream(w);
    settle(w);
    if (!w->temporary) name_file(w);
    if (w->fd >= 0 && close(w->fd) != 0 && !w->error) w->error = errno;
    if (!w->error && w->temporary && rename(w->temporary, w->path) != 0) w->error = errno;
    if (w->error) {
        if (w->temporary) unlink(w->temporary);
        st = LEATI_FAIL(c, w->error == ENOMEM ? LEAT_NOMEM : LEAT_IO, "cannot write %s: %s%s",
                        w->path, strerror(w->error),
                        leati_path_exists(w->path) ? "; the earlier file of that name is untouched"
                                                   : "");
    } else {
        sync_folder_of(w->path);
    }
    writer_free(w);
    return st;
}

void leati_writer_abort(leati_writer *w)
{
    if (!w) return;
    close(w->fd);
    if (w->temporary) unlink(w->temporary);
    writer_free(w);
}

leat_status leati_file_write(leat_context *c, const char *path, const void *data, size_t bytes)
{
    leati_writer *w;
    LEATI_TRY(leati_writer_open(c, &w, path));
    leati_writer_write(w, data, bytes);
    return leati_writer_commit(w);
}
