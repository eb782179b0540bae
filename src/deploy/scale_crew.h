/* The workers of `leat scale`: processes that share a port, found again by whoever comes next. */
#ifndef LEATI_DEPLOY_SCALE_CREW_H
#define LEATI_DEPLOY_SCALE_CREW_H

#include <stdbool.h>

#include <leat/scale.h>

#include "deploy/address.h"

typedef struct leati_crew_worker {
    long pid;
    uint32_t slot; /* of the proxy, from 1; 0: the port is shared */
    bool child, ending;
    bool sampled;       /* `busy` is of a sample before */
    double busy, since; /* seconds of processor time at the time `since` */
    double patience;    /* `ending`: until when it may; 0: from the next look on */
} leati_crew_worker;

typedef struct leati_crew {
    leat_context *context;
    const leat_scale_options *options;
    int lock, holder; /* files: of the folder's lock, of a socket that holds the port; or -1 */
    char host[256];
    unsigned port;
    char address[280]; /* of the workers, or of the first */
    char *log, *mark;  /* of the workers' words; "LEAT_SCALE=FOLDER" in their environment */
    off_t log_from;    /* where the words of this crew begin */
    char *room;
    leati_crew_worker *workers;
    size_t count, capacity;
    leati_address at;
    bool found; /* workers that were there before have the address */
} leati_crew;

/* Locks the folder, finds the workers that an earlier process left, takes the address of the
 * options: of any free port, workers that are there keep theirs. ending: workers that were told to
 * end by then, `ending_count` of them; was: the address of the earlier process, "" if not known.
 * INVALID: workers serve at another one. */
leat_status leati_crew_open(leati_crew *crew, leat_context *c, const leat_scale_options *o,
                            const char *was, const long *ending, size_t ending_count);
/* Workers stay as they are. */
void leati_crew_close(leati_crew *crew);
/* Workers that serve. */
uint32_t leati_crew_serving(const leati_crew *crew);
leat_status leati_crew_start(leati_crew *crew);
/* The newest that serves; NULL: there is none. It belongs to the crew, until the next call. */
leati_crew_worker *leati_crew_newest(leati_crew *crew);
/* It answers what is under way, then ends. */
void leati_crew_end(leati_crew_worker *worker);
/* Tells all of them to open their logs anew. */
void leati_crew_reopen(const leati_crew *crew);
/* "HOST:PORT" of a slot. */
void leati_crew_endpoint(const leati_crew *crew, uint32_t slot, char out[280]);
/* Takes one that is gone off the list. False: none is. One that was told to end 35 s ago is killed,
 * by the clock `now`. */
bool leati_crew_reap(leati_crew *crew, double now, leati_crew_worker *gone);
/* The busy share of those that serve since the last call, on average; NAN: not known. */
double leati_crew_load(leati_crew *crew, double now);
/* Whether somebody listens at the address of a slot; 0: at that which is shared. */
bool leati_crew_answers(const leati_crew *crew, uint32_t slot);
/* The last error that a worker wrote, or else its last line, for errors. */
void leati_crew_last_words(const leati_crew *crew, char *out, size_t size);

#endif
