/* Owns: reading files, path helpers. Not: writing (file_write.c), formats and compression. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/str.h"

enum { BUFFER = 1 << 16, NAMES = 256 };

/* read() that goes on after a signal. */
static ssize_t read_some(int fd, char *to, size_t most)
{
    for (;;) {
        ssize_t n = read(fd, to, most);
        if (n >= 0 || errno != EINTR) return n;
    }
}

/* Reads until `size` bytes are there or the file ends; false: errno says why. */
static bool read_whole(int fd, char *to, size_t size, size_t *got)
{
    for (*got = 0; *got < size;) {
        ssize_t n = read_some(fd, to + *got, size - *got);
        if (n < 0) return false;
        if (n == 0) break;
        *got += (size_t)n;
    }
    return true;
}

static leat_status cannot_read(leat_context *c, const char *path, int why)
{
    return LEATI_FAIL(c, LEAT_IO, "cannot read %s: %s", path, strerror(why));
}

/* What a pipe or terminal has now, at most `most` bytes; *got is 0 at its end. Whoever waits for it
 * may be asked to stop: by a signal, which ends the wait, or by a thread, which does not. */
static leat_status read_piece(leat_context *c, int fd, const char *path, char *to, size_t most,
                              size_t *got)
{
    struct pollfd input = {.fd = fd, .events = POLLIN};
    char what[256];
    snprintf(what, sizeof what, "reading %s", path);
    int ready;
    do {
        LEATI_TRY(leati_go_on(c, what));
        ready = poll(&input, 1, 100);
    } while (ready == 0 || (ready < 0 && errno == EINTR));
    ssize_t n = read_some(fd, to, most);
    if (n < 0) return cannot_read(c, path, errno);
    *got = (size_t)n;
    return LEAT_OK;
}

/* Pipes and terminals: read until the end, doubling the block. */
static leat_status read_stream(leat_context *c, leati_bytes *out, int fd, const char *path)
{
    char *data = NULL;
    size_t size = 0, capacity = 0, got = 1;
    while (got > 0) {
        leat_status st = leati_grow(c, &data, &capacity, size + BUFFER, 1);
        if (st == LEAT_OK) st = read_piece(c, fd, path, data + size, capacity - size, &got);
        if (st != LEAT_OK) {
            leati_free(data);
            return st;
        }
        size += got;
    }
    *out = (leati_bytes){.data = data, .size = size};
    return LEAT_OK;
}

static leat_status read_regular(leat_context *c, leati_bytes *out, int fd, size_t size,
                                const char *path)
{
    char *data = leati_alloc(c, size);
    if (!data) return leat_error_status(c);
    if (!read_whole(fd, data, size, &size)) {
        leat_status st = cannot_read(c, path, errno);
        leati_free(data);
        return st;
    }
    *out = (leati_bytes){.data = data, .size = size};
    return LEAT_OK;
}

/* Names the file of the same folder that looks most like the missing one. */
static leat_status not_found(leat_context *c, const char *path)
{
    const char *base = leati_path_base(path);
    char *names[NAMES], folder[4096];
    size_t count = 0, n = (size_t)(base - path);
    leat_status st = LEATI_FAIL(c, LEAT_NOT_FOUND, "there is no file %s", path);
    if (n >= sizeof folder) return st;
    memcpy(folder, path, n);
    folder[n] = '\0';
    DIR *d = opendir(n ? folder : ".");
    if (!d) return n ? leati_error_hint(c, "there is no folder %s either", folder) : st;
    for (struct dirent *e; count < NAMES && (e = readdir(d));)
        if (e->d_name[0] != '.' && (names[count] = strdup(e->d_name))) count++;
    closedir(d);
    const char *near = leati_nearest(base, (const char *const *)names, count);
    if (near) leati_error_hint(c, "Did you mean %s%s?", folder, near);
    while (count) free(names[--count]);
    return st;
}

/* *fd of a file, pipe or standard input that is to be read; *size of a regular file, else 0. */
static leat_status open_to_read(leat_context *c, const char *path, int *fd, size_t *size)
{
    struct stat info;
    *size = 0;
    *fd = STDIN_FILENO;
    if (strcmp(path, "-") == 0) return LEAT_OK;
    while ((*fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 && errno == EINTR) /* of a pipe */
        LEATI_TRY(leati_go_on(c, "opening a pipe"));
    if (*fd < 0 && errno == ENOENT) return not_found(c, path);
    leat_status st = LEAT_OK;
    if (*fd < 0 || fstat(*fd, &info) != 0) st = cannot_read(c, path, errno);
    else if (S_ISDIR(info.st_mode))
        st = LEATI_FAIL(c, LEAT_INVALID, "%s is a folder, a file was expected", path);
    else if (S_ISREG(info.st_mode)) *size = (size_t)info.st_size;
    if (st != LEAT_OK && *fd >= 0) close(*fd);
    return st;
}

static void close_read(int fd)
{
    if (fd != STDIN_FILENO) close(fd);
}

static const char *name_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

leat_status leati_file_read(leat_context *c, leati_bytes *out, const char *path)
{
    int fd;
    size_t size;
    *out = (leati_bytes){0};
    LEATI_TRY(open_to_read(c, path, &fd, &size));
    leat_status st =
        size ? read_regular(c, out, fd, size, path) : read_stream(c, out, fd, name_of(path));
    close_read(fd);
    return st;
}

void leati_bytes_release(leati_bytes *b)
{
    leati_free((void *)(uintptr_t)b->data);
    *b = (leati_bytes){0};
}

leat_status leati_file_pieces(leat_context *c, const char *path, leati_piece_fn take, void *user)
{
    int fd;
    size_t size, got = 1;
    LEATI_TRY(open_to_read(c, path, &fd, &size));
    char *piece = leati_alloc(c, LEATI_FILE_PIECE);
    leat_status st = piece ? LEAT_OK : leat_error_status(c);
    while (st == LEAT_OK && got > 0) {
        if (!size) st = read_piece(c, fd, name_of(path), piece, LEATI_FILE_PIECE, &got);
        else if (!read_whole(fd, piece, LEATI_FILE_PIECE, &got))
            st = cannot_read(c, name_of(path), errno);
        if (st == LEAT_OK && got > 0) st = take(user, piece, got);
    }
    leati_free(piece);
    close_read(fd);
    return st;
}

typedef struct hashed {
    leati_sha256 sha;
    uint64_t size;
} hashed;

static leat_status hash_piece(void *user, const char *data, size_t bytes)
{
    hashed *h = user;
    leati_sha256_add(&h->sha, data, bytes);
    h->size += bytes;
    return LEAT_OK;
}

leat_status leati_file_sha256(leat_context *c, const char *path, char hex[65], uint64_t *size)
{
    hashed h = {.size = 0};
    uint8_t digest[32];
    leati_sha256_init(&h.sha);
    LEATI_TRY(leati_file_pieces(c, path, hash_piece, &h));
    leati_sha256_end(&h.sha, digest);
    leati_hex(digest, sizeof digest, hex);
    *size = h.size;
    return LEAT_OK;
}

bool leati_file_begins(const char *path, const void *bytes, size_t count)
{
    char head[64];
    size_t got = 0;
    if (count > sizeof head) return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is not waited for */
    struct stat info;
    bool regular = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    bool same =
        regular && read_whole(fd, head, count, &got) && got == count && !memcmp(head, bytes, count);
    if (fd >= 0) close(fd);
    return same;
}

bool leati_path_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool leati_path_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

leat_status leati_folder_make(leat_context *c, const char *path)
{
    char *copy = leati_strdup(c, path);
    int why = ENOENT;
    if (!copy) return leat_error_status(c);
    for (char *p = copy + 1; copy[0]; p++) {
        char was = *p;
        if (was != '/' && was != '\0') continue;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && (why = errno) != EEXIST) break;
        *p = was;
        if (!was) break;
    }
    leati_free(copy);
    LEATI_CHECK(c, leati_path_is_folder(path), LEAT_IO, "cannot make the folder %s: %s", path,
                strerror(why));
    return LEAT_OK;
}

const char *leati_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool leati_path_has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n >= m && strcasecmp(path + n - m, suffix) == 0;
}

char *leati_path_stem(leat_context *c, const char *path)
{
    static const char *const suffixes[] = {".gz",   ".zst",  ".csv",  ".tsv",   ".txt",
                                           ".json", ".yaml", ".yml",  ".jsonl", ".ndjson",
                                           ".npy",  ".npz",  ".leat", ".db",    ".sqlite"};
    char *stem = leati_strdup(c, leati_path_base(path));
    for (size_t i = 0; stem && i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t n = strlen(stem), m = strlen(suffixes[i]);
        if (n > m && leati_path_has_suffix(stem, suffixes[i])) stem[n - m] = '\0';
    }
    return stem;
}

char *leati_path_join(leat_context *c, const char *folder, const char *name)
{
    leati_str s;
    size_t n = strlen(folder);
    leati_str_init(&s, c);
    leati_str_add(&s, folder);
    if (n && folder[n - 1] != '/') leati_str_addc(&s, '/');
    leati_str_add(&s, name);
    return leati_str_take(&s);
}

char *leati_home(leat_context *c)
{
    const char *home = getenv("LEAT_HOME");
    if (home && *home) return leati_strdup(c, home);
    home = getenv("XDG_DATA_HOME");
    if (home && *home) return leati_path_join(c, home, "leat");
    home = getenv("HOME");
    return leati_path_join(c, home && *home ? home : ".", ".local/share/leat");
}
