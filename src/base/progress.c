/* Owns: the throttled call of the progress hook, the clock, and the terminal bar. */
#include "base/progress.h"

#include <leat/progress.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/context.h"
#include "base/error.h"
#include "base/num.h"

enum { INTERVAL_NS = 50 * 1000 * 1000, BAR_WIDTH = 28 };

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

/* A job of known length as a bar, with what is left of it. */
static void bar_line(const leat_progress *p, double share, double elapsed, char *line, size_t size)
{
    char bar[BAR_WIDTH + 1], left[LEATI_NUM_SIZE] = "";
    size_t filled = (size_t)(share * BAR_WIDTH);
    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '=', filled);
    if (filled < BAR_WIDTH) bar[filled] = '>';
    bar[BAR_WIDTH] = '\0';
    if (share > 0 && elapsed > 1) leati_num_seconds(elapsed / share - elapsed, left);
    snprintf(line, size, "%-24s [%s] %3.0f%%%s%s%s", p->what, bar, share * 100, *left ? "  " : "",
             left, *left ? " left" : "");
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
    if (total) bar_line(p, (double)done / (double)total, elapsed, line, sizeof line);
    else count_line(p, done, elapsed, line, sizeof line);
    size_t width = terminal_width(p->file);
    if (width < sizeof line) line[width - 1] = '\0';
    fprintf(p->file, "\r\033[K%s", line);
    p->drawn = true;
}

int leat_progress_show(void *user, const char *what, uint64_t done, uint64_t total)
{
    leat_progress *p = user;
    if (strncmp(p->what, what, sizeof p->what - 1) != 0) {
        snprintf(p->what, sizeof p->what, "%s", what);
        p->started_ns = leati_now_ns();
    }
    double elapsed = (double)(leati_now_ns() - p->started_ns) * 1e-9;
    bool last = total && done >= total;
    if (p->mode == LEAT_PROGRESS_BAR) {
        if (last) leat_progress_clear(p);
        else draw(p, done, total, elapsed);
    } else if (p->mode == LEAT_PROGRESS_LINES && last && elapsed > 2) {
        char took[LEATI_NUM_SIZE];
        leati_num_seconds(elapsed, took);
        fprintf(p->file, "%s: done in %s\n", p->what, took);
    }
    if (last) p->what[0] = '\0';
    fflush(p->file);
    return p->stop;
}
