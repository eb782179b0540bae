/* Files that are written appear complete or not at all, and what was read stays as it was. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_TMPFILE */
#endif
#include "support/leattest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "base/error.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/hash.h"
#include "base/mem.h"

/* What is written replaces files only, not what a link or a name of the system stands for. */
static void files_in_place(leattest *t)
{
    leat_context *c = t->context;
    char pipe[4096], link[4096], file[4096], got[8] = "";
    struct stat info;
    snprintf(pipe, sizeof pipe, "%s", leattest_scratch("pipe"));
    snprintf(link, sizeof link, "%s", leattest_scratch("link"));
    snprintf(file, sizeof file, "%s", leattest_scratch("file"));
    REQUIRE(mkfifo(pipe, 0600) == 0);
    int fd = open(pipe, O_RDONLY | O_NONBLOCK);
    REQUIRE(fd >= 0);
    CHECK_OK(leati_file_write(c, pipe, "abc", 3));
    CHECK_INT(read(fd, got, sizeof got - 1), 3);
    CHECK_STR(got, "abc");
    close(fd);
    CHECK(stat(pipe, &info) == 0 && S_ISFIFO(info.st_mode));

    CHECK_OK(leati_file_write(c, file, "old", 3));
    REQUIRE(chmod(file, 0600) == 0 && symlink(file, link) == 0);
    CHECK_OK(leati_file_write(c, link, "new", 3));
    CHECK(lstat(link, &info) == 0 && S_ISLNK(info.st_mode));
    CHECK(stat(file, &info) == 0 && (info.st_mode & 0777) == 0600);
    leati_bytes b;
    REQUIRE_OK(leati_file_read(c, &b, file));
    CHECK(b.size == 3 && memcmp(b.data, "new", 3) == 0);
    leati_bytes_release(&b);
    REQUIRE(unlink(file) == 0);
    CHECK_OK(leati_file_write(c, link, "own", 3)); /* where the link led nowhere */
    CHECK_FAILS(leati_file_write(c, "/", "x", 1), LEAT_INVALID, "folder");
}

static leat_status count_piece(void *user, const char *data, size_t bytes)
{
    uint64_t *sum = user;
    for (size_t i = 0; i < bytes; i++) *sum += (unsigned char)data[i];
    return bytes > LEATI_FILE_PIECE ? LEAT_INTERNAL : LEAT_OK;
}

static leat_status stop_at_once(void *user, const char *data, size_t bytes)
{
    (void)data;
    *(size_t *)user += bytes;
    return LEAT_CANCELLED;
}

/* What was read is there, whatever becomes of the file: cut short, written over in place, gone. */
static void files_that_change(leattest *t)
{
    enum { SIZE = 3 * LEATI_FILE_PIECE + 12345 };
    leat_context *c = t->context;
    const char *file = leattest_scratch("changes");
    char *was = leati_alloc(c, SIZE), hex[65], whole[65];
    leati_bytes b;
    REQUIRE(was);
    for (size_t i = 0; i < SIZE; i++) was[i] = (char)(i * 7 + i / 4096);
    REQUIRE_OK(leati_file_write(c, file, was, SIZE));
    REQUIRE_OK(leati_file_read(c, &b, file));

    uint64_t sum = 0, pieces = 0, size = 0;
    size_t first = 0;
    CHECK_OK(count_piece(&sum, was, LEATI_FILE_PIECE));
    for (size_t at = LEATI_FILE_PIECE; at < SIZE; at += LEATI_FILE_PIECE)
        CHECK_OK(count_piece(&sum, was + at,
                             SIZE - at < LEATI_FILE_PIECE ? SIZE - at : (size_t)LEATI_FILE_PIECE));
    CHECK_OK(leati_file_pieces(c, file, count_piece, &pieces));
    CHECK(pieces == sum);
    CHECK(leati_file_pieces(c, file, stop_at_once, &first) == LEAT_CANCELLED);
    CHECK_INT(first, LEATI_FILE_PIECE);
    CHECK_OK(leati_file_sha256(c, file, hex, &size));
    leati_sha256_hex(was, SIZE, whole);
    CHECK_STR(hex, whole);
    CHECK_INT(size, SIZE);
    CHECK(leati_file_begins(file, was, 10) && !leati_file_begins(file, was + 1, 10));
    CHECK(!leati_file_begins("/", was, 1) && !leati_file_begins("/no/such", was, 1));

    int fd = open(file, O_WRONLY);
    REQUIRE(fd >= 0 && write(fd, "other", 5) == 5);
    CHECK(b.size == SIZE && memcmp(b.data, was, SIZE) == 0);
    REQUIRE(ftruncate(fd, 0) == 0);
    close(fd);
    CHECK(memcmp(b.data, was, SIZE) == 0); /* of a mapping: SIGBUS */
    REQUIRE(unlink(file) == 0);
    CHECK(memcmp(b.data, was, SIZE) == 0);
    leati_bytes_release(&b);
    CHECK_FAILS(leati_file_pieces(c, file, count_piece, &sum), LEAT_NOT_FOUND, "there is no file");
    CHECK_FAILS(leati_file_pieces(c, "/", count_piece, &sum), LEAT_INVALID, "is a folder");
    leati_free(was);
}

/* Two that write the same file at once do not write into each other's. */
static void files_at_once(leattest *t)
{
    leat_context *c = t->context;
    leati_writer *first, *second;
    leati_bytes b;
    char file[4096];
    snprintf(file, sizeof file, "%s", leattest_scratch("at-once"));
    REQUIRE_OK(leati_writer_open(c, &first, file));
    if (!CHECK_OK(leati_writer_open(c, &second, file))) {
        leati_writer_abort(first);
        return;
    }
    leati_writer_text(first, "the first one");
    leati_writer_text(second, "second");
    CHECK_OK(leati_writer_commit(first));
    REQUIRE_OK(leati_file_read(c, &b, file));
    CHECK(b.size == 13 && memcmp(b.data, "the first one", 13) == 0);
    leati_bytes_release(&b);
    CHECK_OK(leati_writer_commit(second));
    REQUIRE_OK(leati_file_read(c, &b, file));
    CHECK(b.size == 6 && memcmp(b.data, "second", 6) == 0);
    leati_bytes_release(&b);
}

/* How many names a folder holds. */
static int names_in(const char *folder)
{
    int names = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) names += e->d_name[0] != '.';
    if (d) closedir(d);
    return names;
}

static bool holds(leat_context *c, const char *file, const char *text, mode_t mode)
{
    leati_bytes b;
    struct stat info;
    if (leati_file_read(c, &b, file) != LEAT_OK) return false;
    bool same = b.size == strlen(text) && memcmp(b.data, text, b.size) == 0;
    leati_bytes_release(&b);
    return same && stat(file, &info) == 0 && (info.st_mode & 0777) == mode;
}

/* Runs job(file) in a process of its own; what waitpid says of its end. */
static int in_child(void (*job)(const char *file), const char *file)
{
    int end = -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        job(file);
        _exit(0);
    }
    if (pid > 0) waitpid(pid, &end, 0);
    return end;
}

/* A folder with a file in it that holds "old", of permissions that the umask would not give. */
static bool make_old(leat_context *c, const char *name, char folder[4096], char file[5000])
{
    snprintf(folder, 4096, "%s", leattest_scratch(name));
    snprintf(file, 5000, "%s/file", folder);
    return mkdir(folder, 0700) == 0 && leati_file_write(c, file, "old", 3) == LEAT_OK &&
           chmod(file, 0662) == 0;
}

static void killed_midway(const char *file)
{
    static char much[300000];
    leat_context *c;
    leati_writer *w;
    if (leat_context_create(&c, NULL) != LEAT_OK) _exit(1);
    if (leati_writer_open(c, &w, file) != LEAT_OK) _exit(1);
    leati_writer_write(w, much, sizeof much);
    kill(getpid(), SIGKILL);
}

static void killed(leattest *t)
{
    char folder[4096], file[5000], other[5000];
    leat_context *c = t->context;
    REQUIRE(make_old(c, "killed", folder, file));
    snprintf(other, sizeof other, "%s/other", folder);
    int end = in_child(killed_midway, file);
    CHECK(WIFSIGNALED(end) && WTERMSIG(end) == SIGKILL);
    end = in_child(killed_midway, other);
    CHECK(WIFSIGNALED(end) && WTERMSIG(end) == SIGKILL);
    CHECK(holds(c, file, "old", 0662));
    CHECK(access(other, F_OK) != 0);
#ifdef O_TMPFILE
    int fd = open(folder, O_TMPFILE | O_WRONLY, 0600);
    if (fd < 0) leattest_skip(t, "this file system has no files without names");
    else CHECK_INT(names_in(folder), 1);
    if (fd >= 0) close(fd);
#endif
}

/* What replaces a file has its permissions; what is new has those of the umask. */
static void permissions(leattest *t)
{
    char folder[4096], file[5000], fresh[5000];
    leat_context *c = t->context;
    REQUIRE(make_old(c, "permissions", folder, file));
    snprintf(fresh, sizeof fresh, "%s/fresh", folder);
    mode_t mask = umask(027);
    CHECK_OK(leati_file_write(c, file, "new", 3));
    CHECK_OK(leati_file_write(c, fresh, "first", 5));
    umask(mask);
    CHECK(holds(c, file, "new", 0662));
    CHECK(holds(c, fresh, "first", 0640));
    CHECK_INT(names_in(folder), 2);
}

/* What is given up or cannot be named leaves nothing. */
static void given_up(leattest *t)
{
    char folder[4096], file[5000];
    leat_context *c = t->context;
    leati_writer *w;
    REQUIRE(make_old(c, "given-up", folder, file));
    REQUIRE_OK(leati_writer_open(c, &w, file));
    leati_writer_text(w, "half of");
    leati_writer_abort(w);
    CHECK(holds(c, file, "old", 0662));
    CHECK_INT(names_in(folder), 1);
    REQUIRE_OK(leati_writer_open(c, &w, file));
    leati_writer_text(w, "all");
    REQUIRE(unlink(file) == 0 && mkdir(file, 0700) == 0); /* a folder took its name */
    CHECK_FAILS(leati_writer_commit(w), LEAT_IO, "cannot write|untouched");
    CHECK_INT(names_in(folder), 1);
}

/* Where there was no earlier file none is spoken of. */
static void never_there(leattest *t)
{
    char folder[4096], moved[4096], file[5000];
    leat_context *c = t->context;
    leati_writer *w;
    snprintf(folder, sizeof folder, "%s", leattest_scratch("never"));
    snprintf(moved, sizeof moved, "%s", leattest_scratch("moved"));
    snprintf(file, sizeof file, "%s/new", folder);
    REQUIRE(mkdir(folder, 0700) == 0);
    REQUIRE_OK(leati_writer_open(c, &w, file));
    leati_writer_text(w, "all");
    REQUIRE(rename(folder, moved) == 0);
    CHECK_INT(leati_writer_commit(w), LEAT_IO);
    CHECK(strstr(leat_error_message(c), "cannot write") &&
          !strstr(leat_error_message(c), "untouched"));
    leat_error_clear(c);
}

#ifdef __linux__
/* Writes where links are refused, as in some sandboxes. */
static void without_links(const char *file)
{
    struct sock_filter refuse[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_linkat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog filter = {sizeof refuse / sizeof *refuse, refuse};
    leat_context *c;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(3);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) != 0) _exit(3);
    if (leat_context_create(&c, NULL) != LEAT_OK) _exit(1);
    char *much = leati_alloc(c, 200001);
    if (!much) _exit(1);
    memset(much, 'x', 200000);
    much[200000] = '\0';
    if (leati_file_write(c, file, much, 200000) != LEAT_OK) _exit(2);
    bool there = holds(c, file, much, 0662);
    if (!there || leati_file_write(c, file, "new", 3) != LEAT_OK) _exit(2);
    leati_free(much);
    leat_context_destroy(c);
}

static void copied(leattest *t)
{
    char folder[4096], file[5000];
    leat_context *c = t->context;
    REQUIRE(make_old(c, "copied", folder, file));
    int end = in_child(without_links, file);
    if (WIFEXITED(end) && WEXITSTATUS(end) == 3) {
        leattest_skip(t, "no seccomp here");
        return;
    }
    CHECK(WIFEXITED(end) && WEXITSTATUS(end) == 0);
    CHECK(holds(c, file, "new", 0662));
    CHECK_INT(names_in(folder), 1);
}
#endif

/* Whoever waits for a pipe stops when asked to. */
static void waiting_ends(leattest *t)
{
    char pipe[4096];
    leati_bytes b;
    size_t all = 0;
    snprintf(pipe, sizeof pipe, "%s", leattest_scratch("silent"));
    REQUIRE(mkfifo(pipe, 0600) == 0);
    int fd = open(pipe, O_RDWR);
    REQUIRE(fd >= 0);
    leat_context_cancel(t->context);
    CHECK_FAILS(leati_file_read(t->context, &b, pipe), LEAT_CANCELLED, "reading |silent");
    leat_context_cancel(t->context);
    CHECK_FAILS(leati_file_pieces(t->context, pipe, stop_at_once, &all), LEAT_CANCELLED, "reading");
    close(fd);
}

/* What another process gets of a folder that this one may have. */
static leat_status status_elsewhere(leat_context *c, const char *folder)
{
    int state = 0;
    pid_t child = fork();
    if (child == 0) {
        leati_file_lock *lock;
        leat_status st = leati_file_lock_take(c, &lock, folder);
        bool named = st != LEAT_IO || (strstr(leat_error_message(c), " is in use by process ") &&
                                       strstr(leat_error_message(c), " on "));
        leati_file_lock_release(lock);
        _exit(named ? (int)st : 100);
    }
    return child > 0 && waitpid(child, &state, 0) == child && WIFEXITED(state)
               ? (leat_status)WEXITSTATUS(state)
               : LEAT_INTERNAL;
}

/* A folder is one process's at a time, until it lets go or is gone. */
static void locked(leattest *t)
{
    char folder[1200], inner[1300], path[1400];
    leati_file_lock *lock;
    snprintf(folder, sizeof folder, "%s", leattest_scratch("locked"));
    snprintf(inner, sizeof inner, "%s/a/b.run", folder);
    snprintf(path, sizeof path, "%s/lock", inner);
    REQUIRE_OK(leati_folder_make(t->context, folder));
    REQUIRE_OK(leati_file_lock_take(t->context, &lock, inner));
    REQUIRE(lock);
    CHECK_INT(status_elsewhere(t->context, inner), LEAT_IO);
    leati_file_lock_release(lock);
    CHECK_INT(names_in(folder), 0); /* as it was */
    CHECK_INT(status_elsewhere(t->context, inner), LEAT_OK);
    /* what one left that was killed */
    CHECK_OK(leati_folder_make(t->context, inner));
    CHECK_OK(leati_file_write(t->context, path, "process 1 on x", 14));
    CHECK_INT(status_elsewhere(t->context, inner), LEAT_OK);
    CHECK(leati_path_is_folder(inner) && !leati_path_exists(path));
    REQUIRE_OK(leati_file_lock_take(t->context, &lock, "/proc/nobody/writes"));
    CHECK(lock == NULL);
}

static leat_status write_twice(leat_context *c, void *argument)
{
    const char *file = argument;
    leat_status st = leati_file_write(c, file, "one", 3);
    return st == LEAT_OK ? leati_file_write(c, file, "two", 3) : st;
}

static void allocation_failures(leattest *t)
{
    char folder[4096], file[5000];
    REQUIRE(make_old(t->context, "allocations", folder, file));
    leattest_fail_allocations(t, write_twice, file);
    CHECK_INT(names_in(folder), 1);
    CHECK(holds(t->context, file, "two", 0662));
}

static const leattest_case list[] = {TEST(files_in_place),
                                     TEST(files_that_change),
                                     TEST(files_at_once),
                                     TEST(killed),
                                     TEST(permissions),
                                     TEST(given_up),
                                     TEST(never_there),
                                     TEST(locked),
                                     TEST(waiting_ends),
#ifdef __linux__
                                     TEST(copied),
#endif
                                     TEST(allocation_failures)};

LEATTEST_MAIN(list)
