/* A progress display for programs with a terminal; the library itself prints nothing. */
#ifndef LEAT_PROGRESS_H
#define LEAT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <leat/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum leat_progress_mode {
    LEAT_PROGRESS_AUTO,  /* BAR on a terminal, else LINES */
    LEAT_PROGRESS_BAR,   /* one line, redrawn */
    LEAT_PROGRESS_LINES, /* a line when a job ends, and one every 5 s: logs stay short */
    LEAT_PROGRESS_NONE
} leat_progress_mode;

typedef struct leat_progress {
    FILE *file;
    leat_progress_mode mode;
    char what[96]; /* the job; what it says of itself behind a colon may change on the way */
    uint64_t started_ns;
    uint64_t said_ns;     /* LINES: when the last line was written */
    uint64_t first, done; /* of the job, when it was first shown and last */
    bool drawn;           /* a bar stands on the terminal's last line */
    volatile int stop;    /* set it (from a signal handler) to interrupt the job */
} leat_progress;

/* `file` is commonly stderr. AUTO also honours TERM=dumb. */
LEAT_API void leat_progress_init(leat_progress *progress, FILE *file, leat_progress_mode mode);
/* Pass it with the struct as user data: options.progress = leat_progress_show. */
LEAT_API int leat_progress_show(void *progress, const char *what, uint64_t done, uint64_t total);
/* Wipe the bar before printing something else. */
LEAT_API void leat_progress_clear(leat_progress *progress);

#ifdef __cplusplus
}
#endif

#endif
