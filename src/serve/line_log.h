/* A log file of whole lines, written by one thread from the rings of many.
 *
 * What cannot be written, because the disk is full or nobody reads the pipe, is lost and counted;
 * it is said once when that begins and once when it is over. A file never keeps half a line. */
#ifndef LEATI_SERVE_LINE_LOG_H
#define LEATI_SERVE_LINE_LOG_H

#include "serve/line_ring.h"

/* One sentence for whoever runs the server. */
typedef struct leati_say {
    void (*say)(void *user, const char *text); /* NULL: to nobody */
    void *user;
} leati_say;

typedef struct leati_line_log {
    const char *name;       /* "access log"; static */
    char *path;             /* NULL: there is no such log */
    leati_line_ring *rings; /* (count) */
    uint32_t count;
    leati_say say;
    atomic_uint_least64_t written, lost; /* lines */
    /* Of the thread that writes. */
    int fd;
    bool regular;  /* a file that can be cut */
    bool standard; /* standard output */
    bool torn;     /* half a line stands at the end of a pipe */
    uint64_t failing, reported;
} leati_line_log;

/* path: "-" is standard output; NULL: no log. IO: the file cannot be opened for appending. */
leat_status leati_line_log_open(leat_context *c, leati_line_log *log, const char *name,
                                const char *path, uint32_t rings, size_t ring_bytes, leati_say say);
/* Writes what the rings hold. */
void leati_line_log_drain(leati_line_log *log);
/* The file anew under its path, for rotation; the old one stays in use where that fails. */
void leati_line_log_reopen(leati_line_log *log);
/* Drains; no producer is left. A log of zeros is fine. */
void leati_line_log_close(leati_line_log *log);

/* Lines that were dropped for want of room in the rings. From any thread. */
uint64_t leati_line_log_dropped(const leati_line_log *log);

#endif
