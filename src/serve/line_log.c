/* Owns: log files: opening, writing whole lines, what to do when that fails. Not: what the lines
 * say. */
#include "serve/line_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"

enum {
    PIPE_PIECE = 4096, /* what a pipe that can be written to takes without blocking (PIPE_BUF) */
    PIPE_WAIT_MS = 500
};

static void say(const leati_line_log *log, const char *format, ...) LEAT_PRINTF(2, 3);

static void say(const leati_line_log *log, const char *format, ...)
{
    char text[400];
    va_list args;
    if (!log->say.say) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log->say.say(log->say.user, text);
}

/* ---- opening ----------------------------------------------------------------------------------
 */

/* What a process left that was killed while it wrote: a line of ours without its end goes, anything
 * else gets one. */
static void mend_end(int fd, off_t size)
{
    static const char ours[] = "{\"ts\":\"";
    char tail[65536];
    size_t n = size < (off_t)sizeof tail ? (size_t)size : sizeof tail, at;
    if (n == 0 || pread(fd, tail, n, size - (off_t)n) != (ssize_t)n || tail[n - 1] == '\n') return;
    for (at = n; at > 0 && tail[at - 1] != '\n';) at--;
    bool cut = (at > 0 || (off_t)n == size) && n - at >= sizeof ours - 1 &&
               memcmp(tail + at, ours, sizeof ours - 1) == 0;
    if (cut && ftruncate(fd, size - (off_t)(n - at)) == 0) return;
    (void)!write(fd, "\n", 1);
}

static int open_file(const char *path, bool *regular)
{
    struct stat info;
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd < 0) /* a file that may be written but not read, or what is no file */
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd < 0) return -1;
    *regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    if (*regular) mend_end(fd, info.st_size);
    return fd;
}

leat_status leati_line_log_open(leat_context *c, leati_line_log *log, const char *name,
                                const char *path, uint32_t rings, size_t ring_bytes, leati_say told)
{
    *log = (leati_line_log){.name = name, .say = told, .fd = -1};
    if (!path) return LEAT_OK;
    log->standard = strcmp(path, "-") == 0;
    log->path = leati_strdup(c, path);
    log->rings = LEATI_NEW(c, leati_line_ring, rings + (size_t)8); /* large blocks are aligned */
    if (!log->path || !log->rings) return leat_error_status(c);
    log->count = rings;
    for (uint32_t i = 0; i < rings; i++)
        LEATI_TRY(leati_line_ring_init(c, &log->rings[i], ring_bytes));
    log->fd = log->standard ? STDOUT_FILENO : open_file(path, &log->regular);
    LEATI_CHECK(c, log->fd >= 0, LEAT_IO, "the %s cannot be written to %s: %s", name, path,
                strerror(errno));
    return LEAT_OK;
}

void leati_line_log_reopen(leati_line_log *log)
{
    bool regular;
    if (!log->path || log->standard) return;
    int fd = open_file(log->path, &regular);
    if (fd < 0) {
        say(log, "the %s %s cannot be opened anew: %s", log->name, log->path, strerror(errno));
        return;
    }
    close(log->fd);
    log->fd = fd;
    log->regular = regular;
    log->torn = false;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static uint64_t count_lines(const char *text, size_t size)
{
    uint64_t lines = 0;
    const char *end = text + size;
    while ((text = memchr(text, '\n', (size_t)(end - text)))) {
        lines++;
        text++;
    }
    return lines;
}

/* Bytes that were written; fewer than `size` on failure, with errno. */
static size_t write_all(leati_line_log *log, const char *text, size_t size)
{
    size_t done = 0;
    while (done < size) {
        size_t piece = size - done;
        struct pollfd out = {.fd = log->fd, .events = POLLOUT};
        if (!log->regular) {
            if (piece > PIPE_PIECE) piece = PIPE_PIECE;
            if (poll(&out, 1, PIPE_WAIT_MS) == 0) {
                errno = EAGAIN;
                return done;
            }
        }
        ssize_t n = write(log->fd, text + done, piece);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return done;
        done += (size_t)n;
    }
    return done;
}

/* Takes back the half line that a write left which failed. */
static void cut_back(leati_line_log *log, const char *text, size_t done)
{
    struct stat info;
    size_t half = 0;
    while (half < done && text[done - half - 1] != '\n') half++;
    if (!half) return;
    bool cut = log->regular && fstat(log->fd, &info) == 0 && info.st_size >= (off_t)half &&
               ftruncate(log->fd, info.st_size - (off_t)half) == 0;
    if (!cut) log->torn = true;
}

static void add(atomic_uint_least64_t *n, uint64_t more)
{
    uint64_t old = atomic_load_explicit(n, memory_order_relaxed);
    atomic_store_explicit(n, old + more, memory_order_relaxed);
}

static void write_lines(leati_line_log *log, const char *text, size_t size)
{
    uint64_t lines = count_lines(text, size);
    if (log->torn && write_all(log, "\n", 1) == 1) log->torn = false;
    size_t done = log->torn ? 0 : write_all(log, text, size);
    if (done == size) {
        if (log->failing)
            say(log, "the %s is written again; %llu lines were lost", log->name,
                (unsigned long long)log->failing);
        log->failing = 0;
        add(&log->written, lines);
        return;
    }
    int error = errno;
    uint64_t whole = count_lines(text, done);
    cut_back(log, text, done);
    if (!log->failing)
        say(log, "the %s %s cannot be written (%s); the server goes on without it", log->name,
            log->path, strerror(error));
    log->failing += lines - whole;
    add(&log->written, whole);
    add(&log->lost, lines - whole);
}

uint64_t leati_line_log_dropped(const leati_line_log *log)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < log->count; i++)
        sum += atomic_load_explicit(&log->rings[i].dropped, memory_order_relaxed);
    return sum;
}

/* Says once in a while that the rings were too small. */
static void report_dropped(leati_line_log *log)
{
    uint64_t dropped = leati_line_log_dropped(log);
    if (dropped >= 2 * log->reported + 1) {
        say(log,
            "the %s: %llu lines were dropped so far, because they came faster than they were "
            "written",
            log->name, (unsigned long long)dropped);
        log->reported = dropped;
    }
}

void leati_line_log_drain(leati_line_log *log)
{
    const char *text;
    size_t size;
    for (uint32_t i = 0; i < log->count; i++) {
        /* Not longer than twice, so that one ring does not keep the writer from the others. */
        for (int turn = 0; turn < 2 && (text = leati_line_ring_peek(&log->rings[i], &size));
             turn++) {
            write_lines(log, text, size);
            leati_line_ring_take(&log->rings[i], size);
        }
    }
    if (log->count) report_dropped(log);
}

void leati_line_log_close(leati_line_log *log)
{
    if (log->path && log->fd >= 0) leati_line_log_drain(log);
    for (uint32_t i = 0; i < log->count; i++) leati_line_ring_fini(&log->rings[i]);
    if (log->path && log->fd >= 0 && !log->standard) close(log->fd);
    leati_free(log->rings);
    leati_free(log->path);
    *log = (leati_line_log){.fd = -1};
}
