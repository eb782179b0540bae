/* The parts of watching a server: rings of lines under two threads, log files that fail, the memory
 * of recent answers. */
#include "support/leattest.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/line_log.h"
#include "serve/recent.h"
#include "serve/watch.h"

/* ---- rings ------------------------------------------------------------------------------------
 */

enum { LINES = 200000 };

typedef struct work {
    leati_line_ring *ring;
    atomic_bool over;
} work;

/* Line i has i % 61 letters behind its number. */
static size_t write_line(char *to, unsigned i)
{
    size_t n = (size_t)sprintf(to, "%u ", i);
    for (unsigned k = 0; k < i % 61; k++) to[n++] = (char)('a' + i % 26);
    to[n++] = '\n';
    return n;
}

static void *produce(void *user)
{
    work *w = user;
    for (unsigned i = 0; i < LINES; i++) {
        char *line = leati_line_ring_room(w->ring, 80);
        if (line) leati_line_ring_put(w->ring, write_line(line, i));
    }
    atomic_store(&w->over, true);
    return NULL;
}

/* All lines that were not dropped arrive whole and in order. */
static void rings(leattest *t)
{
    leati_line_ring ring = {.size = 0};
    work w = {.ring = &ring};
    pthread_t thread;
    uint64_t lines = 0, wrong = 0, last = 0;
    REQUIRE_OK(leati_line_ring_init(t->context, &ring, 1024));
    REQUIRE(pthread_create(&thread, NULL, produce, &w) == 0);
    for (;;) {
        size_t size;
        bool over = atomic_load(&w.over);
        const char *text = leati_line_ring_peek(&ring, &size);
        if (!text && over) break;
        for (const char *at = text, *end; text && at < text + size; at = end + 1) {
            char expected[80];
            unsigned long number = strtoul(at, NULL, 10);
            end = memchr(at, '\n', (size_t)(text + size - at));
            if (!end) {
                wrong++;
                break;
            }
            size_t n = write_line(expected, (unsigned)number);
            wrong += n != (size_t)(end - at) + 1 || memcmp(at, expected, n) != 0;
            wrong += lines > 0 && number <= last;
            last = number;
            lines++;
        }
        if (text) leati_line_ring_take(&ring, size);
    }
    pthread_join(thread, NULL);
    CHECK_INT(wrong, 0);
    CHECK(lines > 0);
    CHECK_INT(lines + atomic_load(&ring.dropped), LINES);
    CHECK_INT(atomic_load(&ring.lines), lines);
    leati_line_ring_fini(&ring);
}

/* Sizes that just fit, at every place of the ring. */
static void ring_edges(leattest *t)
{
    leati_line_ring ring = {.size = 0};
    size_t size, put = 0;
    REQUIRE_OK(leati_line_ring_init(t->context, &ring, 64));
    for (int i = 0; i < 500; i++) {
        size_t n = 1 + (size_t)(i * 7) % 31;
        char *line = leati_line_ring_room(&ring, n);
        if (!CHECK(line)) break;
        memset(line, 'x', n);
        leati_line_ring_put(&ring, n);
        put = 0;
        for (const char *text; (text = leati_line_ring_peek(&ring, &size)); put += size) {
            for (size_t k = 0; k < size; k++) CHECK(text[k] == 'x');
            leati_line_ring_take(&ring, size);
        }
        CHECK_INT(put, n);
    }
    CHECK(leati_line_ring_room(&ring, 65) == NULL);
    CHECK_INT(atomic_load(&ring.dropped), 1);
    leati_line_ring_fini(&ring);
}

/* ---- files ------------------------------------------------------------------------------------
 */

typedef struct told {
    int count;
    char last[400];
} told;

static void hear(void *user, const char *line)
{
    told *h = user;
    h->count++;
    snprintf(h->last, sizeof h->last, "%s", line);
}

static void put(leati_line_log *log, const char *line)
{
    char *to = leati_line_ring_room(&log->rings[0], strlen(line));
    if (!to) return;
    memcpy(to, line, strlen(line));
    leati_line_ring_put(&log->rings[0], strlen(line));
}

static bool file_is(const char *path, const char *want)
{
    char got[4096];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(got, 1, sizeof got - 1, f) : 0;
    got[n] = '\0';
    if (f) fclose(f);
    if (strcmp(got, want) != 0) printf("    file: %s\n", got);
    return strcmp(got, want) == 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (!f) return;
    fputs(text, f);
    fclose(f);
}

/* A line that a killed process left is taken back; the text of others gets its end. */
static void ends_of_files(leattest *t)
{
    static const struct {
        const char *before, *after;
    } cases[] = {{"", "new\n"},
                 {"old\n", "old\nnew\n"},
                 {"old\n{\"ts\":\"2026", "old\nnew\n"},
                 {"{\"ts\":\"2026", "new\n"},
                 {"old\nnotes", "old\nnotes\nnew\n"}};
    char path[512];
    snprintf(path, sizeof path, "%s", leattest_scratch("ends.log"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leati_line_log log;
        write_file(path, cases[i].before);
        REQUIRE_OK(leati_line_log_open(t->context, &log, "log", path, 1, 4096, (leati_say){0}));
        put(&log, "new\n");
        leati_line_log_close(&log);
        CHECK(file_is(path, cases[i].after));
    }
    leati_line_log log;
    CHECK_FAILS(leati_line_log_open(t->context, &log, "access log", "/nowhere/at/all.log", 1, 4096,
                                    (leati_say){0}),
                LEAT_IO, "access log|/nowhere/at/all.log");
    leati_line_log_close(&log);
}

/* Log rotation: what comes after the renaming goes to the new file. */
static void rotation(leattest *t)
{
    leati_line_log log;
    char path[512], old[520];
    snprintf(path, sizeof path, "%s", leattest_scratch("rotated.log"));
    snprintf(old, sizeof old, "%s.1", path);
    REQUIRE_OK(leati_line_log_open(t->context, &log, "log", path, 1, 4096, (leati_say){0}));
    put(&log, "one\n");
    leati_line_log_drain(&log);
    CHECK(rename(path, old) == 0);
    put(&log, "two\n");
    leati_line_log_drain(&log);
    leati_line_log_reopen(&log);
    put(&log, "three\n");
    leati_line_log_close(&log);
    CHECK(file_is(old, "one\ntwo\n"));
    CHECK(file_is(path, "three\n"));
}

/* A full disk: said once, counted, and over when it is over. */
static void full_disk(leattest *t)
{
    leati_line_log log;
    told heard = {0, ""};
    char path[512];
    if (access("/dev/full", W_OK) != 0) {
        leattest_skip(t, "there is no /dev/full");
        return;
    }
    snprintf(path, sizeof path, "%s", leattest_scratch("full.log"));
    unlink(path);
    CHECK(symlink("/dev/full", path) == 0);
    REQUIRE_OK(leati_line_log_open(t->context, &log, "prediction log", path, 1, 4096,
                                   (leati_say){hear, &heard}));
    for (int i = 0; i < 5; i++) {
        put(&log, "a\nb\n");
        leati_line_log_drain(&log);
    }
    CHECK_INT(atomic_load(&log.lost), 10);
    CHECK_INT(heard.count, 1);
    CHECK(strstr(heard.last, "prediction log") && strstr(heard.last, "No space"));
    CHECK(unlink(path) == 0);
    leati_line_log_reopen(&log);
    put(&log, "c\n");
    leati_line_log_drain(&log);
    CHECK_INT(heard.count, 2);
    CHECK(strstr(heard.last, "10 lines were lost"));
    CHECK_INT(atomic_load(&log.written), 1);
    leati_line_log_close(&log);
    CHECK(file_is(path, "c\n"));
}

/* A write that ends in the middle of a line leaves no half of it. */
static void half_lines(leattest *t)
{
    leati_line_log log;
    char path[512], line[101];
    struct rlimit before, limit;
    memset(line, 'x', sizeof line);
    line[99] = '\n';
    line[100] = '\0';
    snprintf(path, sizeof path, "%s", leattest_scratch("half.log"));
    unlink(path);
    signal(SIGXFSZ, SIG_IGN);
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    REQUIRE_OK(leati_line_log_open(t->context, &log, "log", path, 1, 4096, (leati_say){0}));
    limit = before;
    limit.rlim_cur = 250;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    for (int i = 0; i < 4; i++) put(&log, line);
    leati_line_log_drain(&log);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK_INT(atomic_load(&log.written), 2);
    CHECK_INT(atomic_load(&log.lost), 2);
    put(&log, "end\n");
    leati_line_log_close(&log);
    struct stat info;
    CHECK(stat(path, &info) == 0);
    CHECK_INT(info.st_size, 204);
}

/* Nobody reads the pipe: the writer gives up instead of waiting for ever. */
static void pipes(leattest *t)
{
    leati_line_log log;
    char path[512], text[8000];
    snprintf(path, sizeof path, "%s", leattest_scratch("pipe.log"));
    unlink(path);
    REQUIRE(mkfifo(path, 0600) == 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    REQUIRE(reader >= 0);
    REQUIRE_OK(leati_line_log_open(t->context, &log, "log", path, 1, 1 << 20, (leati_say){0}));
    memset(text, 'x', sizeof text);
    text[sizeof text - 2] = '\n';
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 20; i++) put(&log, text); /* more than a pipe holds */
    leati_line_log_drain(&log);
    CHECK(atomic_load(&log.lost) > 0);
    CHECK_INT(atomic_load(&log.lost) + atomic_load(&log.written), 20);
    leati_line_log_close(&log);
    close(reader);
}

/* ---- memory -----------------------------------------------------------------------------------
 */

static void memory(leattest *t)
{
    enum { ROOM = 1024 };
    leati_recent r = {.made = false};
    leati_recent_answer a;
    uint32_t seven = 7, both[] = {7, 8};
    REQUIRE_OK(leati_recent_init(t->context, &r, ROOM));
    for (uint64_t i = 0; i < 5 * ROOM; i++) {
        leati_recent_begin(&r);
        double value = (double)i;
        leati_recent_add(&r, i, 0, i % 2 ? 7 : 8, 1, &value, NULL);
        leati_recent_end(&r);
    }
    int old = 0, wrong = 0, found = 0, other = 0;
    for (uint64_t i = 0; i < 5 * ROOM; i++) {
        leati_recalled got = leati_recent_tell(&r, i, 0, both, 2, &a);
        if (i < 4 * ROOM) old += got != LEATI_UNKNOWN;
        else found += got == LEATI_RECALLED && a.value == (double)i;
        if (got == LEATI_RECALLED) wrong += a.value != (double)i;
    }
    CHECK_INT(old, 0);
    CHECK_INT(wrong, 0);
    CHECK_INT(found, ROOM);
    for (uint64_t i = 4 * ROOM; i < 5 * ROOM; i++)
        other += leati_recent_tell(&r, i, 0, &seven, 1, &a) == LEATI_UNKNOWN;
    CHECK_INT(other, ROOM / 2);
    CHECK_INT(leati_recent_tell(&r, 5 * ROOM - 1, 0, &seven, 1, &a), LEATI_TOLD_BEFORE);
    /* The same id again: the newest answer counts. */
    double three = 3, proba[2] = {0.75, 0.25};
    leati_recent_add(&r, 5 * ROOM - 1, 0, 7, 1, &three, proba);
    CHECK_INT(leati_recent_tell(&r, 5 * ROOM - 1, 0, &seven, 1, &a), LEATI_RECALLED);
    CHECK(a.value == 3 && a.chance == 0.25);
    leati_recent_fini(&r);
    REQUIRE_OK(leati_recent_init(t->context, &r, 0));
    leati_recent_add(&r, 1, 0, 7, 1, &three, NULL);
    CHECK_INT(leati_recent_tell(&r, 1, 0, &seven, 1, &a), LEATI_UNKNOWN);
    leati_recent_fini(&r);
}

/* Requests of more rows than are remembered, that come by `piece`. */
static void rows_by(leattest *t, size_t piece)
{
    enum { ROOM = 1024, PIECE = 100, ROWS = 2500 };
    leati_recent r = {.made = false};
    leati_recent_answer a;
    uint32_t seven = 7;
    double value[ROWS], proba[2 * ROWS];
    int found = 0, wrong = 0;
    REQUIRE_OK(leati_recent_init(t->context, &r, ROOM));
    for (size_t at = 0; at < ROWS; at += piece) {
        for (size_t i = 0; i < piece; i++) {
            value[i] = (double)(at + i);
            proba[2 * i + 1] = value[i] / ROWS;
            proba[2 * i] = 1 - proba[2 * i + 1];
        }
        leati_recent_add(&r, 42, at, 7, piece, value, proba);
    }
    CHECK_INT(r.runs, 1);
    for (uint64_t row = 0; row < ROWS + PIECE; row++) {
        if (leati_recent_tell(&r, 42, row, &seven, 1, &a) != LEATI_RECALLED) continue;
        found++;
        wrong += a.value != (double)row || a.chance != a.value / ROWS || row < ROWS - ROOM;
    }
    CHECK_INT(found, ROOM);
    CHECK_INT(wrong, 0);
    /* Another request of the same rows, without chances; the first one is still there in part. */
    leati_recent_add(&r, 43, 0, 7, PIECE, value, NULL);
    CHECK_INT(leati_recent_tell(&r, 43, 99, &seven, 1, &a), LEATI_RECALLED);
    CHECK(a.value == value[99] && isnan(a.chance));
    CHECK_INT(leati_recent_tell(&r, 43, 100, &seven, 1, &a), LEATI_UNKNOWN);
    CHECK_INT(leati_recent_tell(&r, 42, ROWS - 1, &seven, 1, &a), LEATI_TOLD_BEFORE);
    CHECK_INT(leati_recent_tell(&r, 42, ROWS - ROOM, &seven, 1, &a), LEATI_UNKNOWN);
    leati_recent_fini(&r);
}

static void many_rows(leattest *t)
{
    rows_by(t, 100);
    rows_by(t, 1250);
    rows_by(t, 2500);
}

/* The share of ids that is logged is the one asked for: within the binomial bounds of 99.99%, for
 * ids that differ in their last digits alone. */
static void sampling(leattest *t)
{
    char id[32];
    int below = 0;
    for (int i = 0; i < 100000; i++) {
        snprintf(id, sizeof id, "request-%d", i);
        below += leati_watch_hash(id) < (uint64_t)(0.1 * 0x1p64);
    }
    CHECK(abs(below - 10000) < 370);
    CHECK_INT(leati_watch_hash("r1") == leati_watch_hash("r1"), true);
}

static leat_status all(leat_context *c, void *arg)
{
    leati_line_log log;
    leati_recent r = {.made = false};
    leat_status st = leati_line_log_open(c, &log, "log", arg, 3, 4096, (leati_say){0});
    if (st == LEAT_OK) st = leati_recent_init(c, &r, 5000);
    leati_recent_fini(&r);
    leati_line_log_close(&log);
    return st;
}

static void little_memory(leattest *t)
{
    char path[512];
    snprintf(path, sizeof path, "%s", leattest_scratch("memory.log"));
    leattest_fail_allocations(t, all, path);
}

static const leattest_case cases[] = {TEST(rings),    TEST(ring_edges),   TEST(ends_of_files),
                                      TEST(rotation), TEST(full_disk),    TEST(half_lines),
                                      TEST(pipes),    TEST(memory),       TEST(many_rows),
                                      TEST(sampling), TEST(little_memory)};
LEATTEST_MAIN(cases)
