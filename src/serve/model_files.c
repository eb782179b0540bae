/* Owns: writing and removing the files of models so that what is there is whole. Not: which ones
 * (upload.c). */
#include "serve/model_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum { PATH = LEATI_MODEL_PATH, STALE_SECONDS = 3600 };

bool leati_model_file_fault(leati_fault *fault, int error)
{
    bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    bool barred = error == EACCES || error == EPERM || error == EROFS;
    return leati_fault_set(fault,
                           full     ? 503
                           : barred ? 403
                                    : 500,
                           full     ? "storage_full"
                           : barred ? "folder_not_writable"
                                    : "storage_failed",
                           "the folder of models cannot be changed: %s; it is as it was",
                           strerror(error));
}

void leati_model_file_sync(const char *path)
{
    char folder[PATH];
    snprintf(folder, sizeof folder, "%.*s", (int)(leati_path_base(path) - path), path);
    int fd = open(*folder ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd); /* some file systems cannot */
    close(fd);
}

/* ---- what is not there for others -------------------------------------------------------------
 */

/* ".3.leat.4711" beside ".../3.leat", with `ending` behind it. */
static bool hidden_name(const char *path, const char *ending, char out[PATH])
{
    const char *base = leati_path_base(path);
    int n = snprintf(out, PATH, "%.*s.%s.%ld%s", (int)(base - path), path, base, (long)getpid(),
                     ending);
    return n > 0 && n < PATH;
}

/* ".3.leat.4711", which is being written, or ".3.leat.4711.gone", which is being removed. */
static bool is_hidden(const char *name, bool *gone)
{
    const char *mark = strstr(name, ".leat."), *p = mark ? mark + 6 : name;
    while (*p >= '0' && *p <= '9') p++;
    *gone = strcmp(p, ".gone") == 0;
    return *name == '.' && mark && mark > name && p > mark + 6 && (!*p || *gone);
}

/* What processes left that were killed on the way: what nobody wrote to, or renamed, for long. */
static void sweep(const char *beside)
{
    char path[PATH];
    struct stat info;
    bool gone;
    int base = (int)(leati_path_base(beside) - beside);
    snprintf(path, sizeof path, "%.*s", base, beside);
    DIR *dir = opendir(path);
    if (!dir) return;
    for (struct dirent *d; (d = readdir(dir));) {
        if (!is_hidden(d->d_name, &gone)) continue;
        int n = snprintf(path, sizeof path, "%.*s%s", base, beside, d->d_name);
        if (n > 0 && (size_t)n < sizeof path && lstat(path, &info) == 0 && S_ISREG(info.st_mode) &&
            time(NULL) - (gone ? info.st_ctime : info.st_mtime) > STALE_SECONDS)
            unlink(path);
    }
    closedir(dir);
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static int write_whole(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? errno : ENOSPC;
        data += n;
        size -= (size_t)n;
    }
    return fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
}

bool leati_model_file_write(const char *path, const void *data, size_t size, char temporary[PATH],
                            leati_fault *fault)
{
    if (!hidden_name(path, "", temporary)) return leati_model_file_fault(fault, ENAMETOOLONG);
    sweep(path);
    unlink(temporary); /* of a process that had this number */
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) return leati_model_file_fault(fault, errno);
    int error = write_whole(fd, data, size);
    if (close(fd) != 0 && !error) error = errno;
    if (!error) return true;
    unlink(temporary);
    return leati_model_file_fault(fault, error);
}

int leati_model_file_name(const char *temporary, const char *path)
{
    int error = link(temporary, path) == 0 ? 0 : errno;
    if (error == EPERM || error == EOPNOTSUPP) /* a file system without links */
        error = rename(temporary, path) == 0 ? 0 : errno;
    return error;
}

/* ---- removing ---------------------------------------------------------------------------------
 */

static int hide(const char *path)
{
    char hidden[PATH];
    if (!hidden_name(path, ".gone", hidden)) return ENAMETOOLONG;
    return rename(path, hidden) == 0 || errno == ENOENT ? 0 : errno;
}

static void end_hiding(const char *path, bool back)
{
    char hidden[PATH];
    if (!hidden_name(path, ".gone", hidden)) return;
    if (back) (void)leati_model_file_name(hidden, path);
    unlink(hidden);
}

bool leati_model_files_remove(char *const *paths, size_t count, leati_fault *fault)
{
    size_t done = 0;
    int error = 0;
    while (done < count && !error) {
        error = hide(paths[done]);
        done += !error;
    }
    for (size_t i = 0; i < done; i++) end_hiding(paths[i], error != 0);
    for (size_t i = 0; i < done; i++) leati_model_file_sync(paths[i]);
    return !error || leati_model_file_fault(fault, error);
}
