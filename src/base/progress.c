/* Owns: the throttled call of the progress hook, the clock, and the terminal bar. */
#include "base/progress.h"

#include <leat/progress.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/context.h"
#include "base/error.h"
#include "base/num.h"

enum { INTERVAL_NS = 50 * 1000 * 1000, BAR_WIDTH = 28, LEAST_BAR = 6 };

uint64_t leati_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

double leati_now_s(void)
{
    return (double)leati_now_ns() * 1e-9;
}

void leati_deadline_set(leat_context *c, uint64_t at_ns)
{
    c->deadline_ns = at_ns;
}

static bool deadline_passed(const leat_context *c)
{
    return c->deadline_ns && leati_now_ns() >= c->deadline_ns;
}

bool leati_out_of_time(const leat_context *c)
{
    return c->out_of_time;
}

bool leati_stopping(leat_context *c)
{
    return atomic_load_explicit(&c->cancelled, memory_order_relaxed) || deadline_passed(c);
}

leat_status leati_go_on(leat_context *c, const char *what)
{
    if (!leati_stopping(c)) return LEAT_OK;
    /* A request is answered once; a deadline stands. */
    c->out_of_time = !atomic_exchange(&c->cancelled, false);
    return LEATI_FAIL(c, LEAT_CANCELLED, "%s during %s",
                      c->out_of_time ? "out of time" : "interrupted", what);
}

leat_status leati_progress(leat_context *c, const char *what, uint64_t done, uint64_t total)
{
    LEATI_TRY(leati_go_on(c, what));
    if (!c->progress) return LEAT_OK;
    uint64_t now = leati_now_ns();
    bool last = total && done >= total;
    if (!last && now - c->progress_last_ns < INTERVAL_NS) return LEAT_OK;
    c->progress_last_ns = now;
    if (c->progress(c->progress_user, what, done, total) == 0) return LEAT_OK;
    c->out_of_time = false;
    return LEATI_FAIL(c, LEAT_CANCELLED, "interrupted during %s", what);
}

void leati_stage_set(leat_context *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(c->stage, sizeof c->stage, format, args);
    va_end(args);
}

const char *leati_stage(const leat_context *c)
{
    return c->stage;
}

void leat_progress_init(leat_progress *p, FILE *file, leat_progress_mode mode)
{
    *p = (leat_progress){.file = file, .mode = mode};
    if (mode != LEAT_PROGRESS_AUTO) return;
    const char *term = getenv("TERM");
    bool plain = !isatty(fileno(file)) || !term || strcmp(term, "dumb") == 0;
    p->mode = plain ? LEAT_PROGRESS_LINES : LEAT_PROGRESS_BAR;
}

void leat_progress_clear(leat_progress *p)
{
    if (!p->drawn) return;
    fputs("\r\033[K", p->file);
    fflush(p->file);
    p->drawn = false;
}

static size_t terminal_width(FILE *file)
{
    struct winsize size;
    return ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* A job of known length as a bar, as wide as there is room for, with what is left of it. */
static void bar_line(const leat_progress *p, uint64_t total, double elapsed, size_t width,
                     char *line, size_t size)
{
    char bar[BAR_WIDTH + 4] = "", left[LEATI_NUM_SIZE] = "", tail[LEATI_NUM_SIZE + 16];
    double share = (double)p->done / (double)total;
    if (p->done > p->first && elapsed > 1)
        leati_num_seconds(elapsed / (double)(p->done - p->first) * (double)(total - p->done), left);
    int end = snprintf(tail, sizeof tail, " %3.0f%%%s%s%s", share * 100, *left ? "  " : "", left,
                       *left ? " left" : "");
    size_t used = strlen(p->what) > 24 ? strlen(p->what) : 24;
    used += (size_t)end + 4; /* blank, brackets, the last column */
    size_t room = width > used ? width - used : 0;
    if (room > BAR_WIDTH) room = BAR_WIDTH;
    if (room >= LEAST_BAR) {
        size_t filled = (size_t)(share * (double)room);
        snprintf(bar, sizeof bar, " [%*s]", (int)room, "");
        memset(bar + 2, '=', filled);
        if (filled < room) bar[2 + filled] = '>';
    }
    size_t most = width > (size_t)end + 1 ? width - (size_t)end - 1 : 0; /* the tail stays */
    snprintf(line, size, "%-24.*s%s%s", (int)most, p->what, bar, tail);
}

/* One of unknown length as what is done so far, and for how long. */
static void count_line(const leat_progress *p, uint64_t done, double elapsed, char *line,
                       size_t size)
{
    char count[LEATI_NUM_SIZE], took[LEATI_NUM_SIZE] = "";
    leati_num_grouped(done < INT64_MAX ? (int64_t)done : INT64_MAX, count);
    if (elapsed > 1) leati_num_seconds(elapsed, took);
    snprintf(line, size, "%-24s %s%s%s", p->what, count, *took ? "  " : "", took);
}

static void draw(leat_progress *p, uint64_t done, uint64_t total, double elapsed)
{
    char line[512];
    size_t width = terminal_width(p->file);
    if (total) bar_line(p, total, elapsed, width, line, sizeof line);
    else count_line(p, done, elapsed, line, sizeof line);
    if (width < sizeof line) line[width - 1] = '\0';
    fprintf(p->file, "\r\033[K%s", line);
    p->drawn = true;
}

/* For logs: that a job has ended, if it was worth waiting for, and how far one is every few
 * seconds. */
static void log_line(leat_progress *p, uint64_t total, double elapsed, bool last)
{
    const uint64_t pause = UINT64_C(5000000000);
    char time[LEATI_NUM_SIZE];
    uint64_t now = leati_now_ns();
    if (!p->said_ns) p->said_ns = now;
    if (!(last && elapsed > 2) && now - p->said_ns < pause) return;
    p->said_ns = now;
    leati_num_seconds(elapsed, time);
    if (last) fprintf(p->file, "%s: done in %s\n", p->what, time);
    else if (!total) fprintf(p->file, "%s: %s so far\n", p->what, time);
    else
        fprintf(p->file, "%s: %.0f%% after %s\n", p->what, 100 * (double)p->done / (double)total,
                time);
}

/* Of the name of a job: what stands behind a colon changes while it runs. */
static size_t name_length(const char *what)
{
    const char *colon = strchr(what, ':');
    return colon ? (size_t)(colon - what) + 1 : strlen(what);
}

int leat_progress_show(void *user, const char *what, uint64_t done, uint64_t total)
{
    leat_progress *p = user;
    char now[sizeof p->what];
    snprintf(now, sizeof now, "%s", what);
    size_t n = name_length(now);
    bool same = n == name_length(p->what) && strncmp(p->what, now, n) == 0;
    if (!same || (total && done < p->done)) {
        p->started_ns = leati_now_ns();
        p->first = done;
    }
    memcpy(p->what, now, sizeof now);
    p->done = total && done > total ? total : done;
    double elapsed = (double)(leati_now_ns() - p->started_ns) * 1e-9;
    bool last = total && done >= total;
    if (p->mode == LEAT_PROGRESS_BAR) {
        if (last) leat_progress_clear(p);
        else draw(p, done, total, elapsed);
    } else if (p->mode == LEAT_PROGRESS_LINES) {
        log_line(p, total, elapsed, last);
    }
    if (last) p->what[0] = '\0';
    fflush(p->file);
    return p->stop;
}
