/* What a server tells Prometheus: the text format 0.0.4, or OpenMetrics 1.0 for who asks for it. */
#ifndef LEATI_SERVE_METRICS_H
#define LEATI_SERVE_METRICS_H

#include "base/str.h"
#include "serve/keys.h"
#include "serve/watch.h"

/* What is read at the moment of asking. */
typedef struct leati_metrics_source {
    leati_watch *watch;
    leati_keys *keys;                  /* NULL: nobody needs one */
    const char *cpu;                   /* level of the kernels */
    uint64_t heap_bytes;               /* held by the library */
    uint32_t connections;              /* open now */
    uint64_t waiting;                  /* requests in the queue of long answers */
    uint64_t upload_bytes, body_bytes; /* of long bodies that are at hand: models; others */
    bool ready;
    /* Of models: what the one who asks may know; NULL: all. Of keys then only the own one. */
    const struct leati_call *asked_by;
} leati_metrics_source;

/* Whether the value of an Accept header prefers OpenMetrics. */
bool leati_metrics_wants_open(const char *accept, size_t length);
extern const char leati_metrics_type[], leati_metrics_open_type[]; /* Content-Type */
/* Appends everything; what failed stands in `out`. Holds locks of drift for a moment only. */
void leati_metrics_write(const leati_metrics_source *source, bool open, leati_str *out);

#endif
