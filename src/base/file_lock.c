/* Owns: the lock of a folder. */
#include "base/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"

enum { CANNOT = -1, TAKEN = -2 };

struct leati_file_lock {
    int fd;
    char *folder, *path;
    size_t found; /* bytes of the folder's path that stood before */
};

/* Who had it may have removed the file between the opening and the locking. */
static bool still_named(int fd, const char *path)
{
    struct stat mine, named;
    return fstat(fd, &mine) == 0 && stat(path, &named) == 0 && mine.st_ino == named.st_ino &&
           mine.st_dev == named.st_dev;
}

/* The locked file, CANNOT or TAKEN. */
static int take(const char *path)
{
    const struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0) return CANNOT;
        bool locked = fcntl(fd, F_SETLK, &whole) == 0;
        bool taken = !locked && (errno == EAGAIN || errno == EACCES);
        if (locked && still_named(fd, path)) return fd;
        close(fd);
        if (!locked) return taken ? TAKEN : CANNOT;
    }
}

static void sign(int fd)
{
    char name[256] = "", text[320];
    (void)gethostname(name, sizeof name - 1);
    int n = snprintf(text, sizeof text, "process %ld on %s\n", (long)getpid(), name);
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) < n) (void)ftruncate(fd, 0);
}

static leat_status refuse(leat_context *c, const char *folder, const char *path)
{
    char who[320] = "";
    FILE *f = fopen(path, "re");
    if (f && fgets(who, sizeof who, f)) who[strcspn(who, "\n")] = '\0';
    if (f) fclose(f);
    return LEATI_FAIL(c, LEAT_IO, "%s is in use by %s", folder, *who ? who : "another process");
}

/* How much of a path is there already. */
static size_t found_of(const char *folder)
{
    char path[4096];
    size_t n = strlen(folder);
    if (n >= sizeof path) return n;
    memcpy(path, folder, n + 1);
    while (n > 0 && !leati_path_exists(path)) {
        while (n > 0 && path[--n] != '/') continue;
        path[n] = '\0';
    }
    return n;
}

/* The folders that were made for the lock and hold nothing else. */
static void remove_made(leati_file_lock *lock)
{
    size_t n = strlen(lock->folder);
    while (n > lock->found && rmdir(lock->folder) == 0) {
        while (n > 0 && lock->folder[--n] != '/') continue;
        lock->folder[n] = '\0';
    }
}

leat_status leati_file_lock_take(leat_context *c, leati_file_lock **out, const char *folder)
{
    *out = NULL;
    leati_file_lock *lock = LEATI_NEW(c, leati_file_lock, 1);
    if (!lock) return leat_error_status(c);
    lock->fd = -1;
    lock->folder = leati_strdup(c, folder);
    lock->path = leati_path_join(c, folder, "lock");
    leat_status st = lock->folder && lock->path ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) lock->found = found_of(folder);
    if (st == LEAT_OK && leati_folder_make(c, folder) == LEAT_OK) {
        lock->fd = take(lock->path);
        if (lock->fd >= 0) sign(lock->fd);
        else if (lock->fd == TAKEN) st = refuse(c, folder, lock->path);
    } else if (st == LEAT_OK) {
        leat_error_clear(c);
    }
    if (st == LEAT_OK && lock->fd >= 0) *out = lock;
    else leati_file_lock_release(lock);
    return st;
}

void leati_file_lock_release(leati_file_lock *lock)
{
    if (!lock) return;
    if (lock->fd >= 0) {
        unlink(lock->path); /* before it is unlocked: then it may be another's */
        close(lock->fd);
        remove_made(lock);
    }
    leati_free(lock->folder);
    leati_free(lock->path);
    leati_free(lock);
}
