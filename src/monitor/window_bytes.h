/* The counters of windows as bytes of this machine, so that they outlive a server. */
#ifndef LEATI_MONITOR_WINDOW_BYTES_H
#define LEATI_MONITOR_WINDOW_BYTES_H

#include "monitor/counters.h"

/* A window that was closed, or the open one (`to` NaN). */
typedef struct leati_window_head {
    char name[64];
    double from, to; /* seconds since 1970; NaN: not known */
} leati_window_head;

/* Bytes of a window. */
size_t leati_window_size(const leati_counters *w);
/* Writes them. Returns the end. */
char *leati_window_put(char *to, const leati_window_head *head, const leati_counters *w);
/* Takes a window from *at; the counters have the norm it was counted against. False: these bytes
 * are no such window; the counters hold nothing of use then. */
bool leati_window_take(const char **at, const char *end, leati_window_head *head,
                       leati_counters *w);

#endif
