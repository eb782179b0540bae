/* Threads beside the loops of the server, for answers that take long: a slow model, many rows. The
 * queue is bounded by requests and bytes, those of one model and those of all; what does not fit is
 * refused at once. Models take turns, so that many requests to one do not keep those to another
 * waiting; requests that may share a run are taken together. */
#ifndef LEATI_SERVE_COMPUTE_H
#define LEATI_SERVE_COMPUTE_H

#include <leat/context.h>

#include "serve/http.h"

typedef struct leati_compute leati_compute;

typedef struct leati_compute_options {
    uint32_t threads;
    uint32_t queue;    /* requests that may wait; those of one kind at most half as many */
    uint32_t together; /* requests that are taken at once, at most LEATI_JOIN_MOST */
    uint64_t delay_ns; /* how long the first of them waits for the others */
    /* Answers and finishes the exchanges; thread: 0 .. threads-1. */
    void (*run)(void *user, leati_http_exchange *const *exchanges, size_t count, uint32_t thread);
    /* Finishes one that still waited at the end, without an answer. */
    void (*refuse)(void *user, leati_http_exchange *exchange);
    void *user;
} leati_compute_options;

leat_status leati_compute_start(leat_context *c, const leati_compute_options *options,
                                leati_compute **out);
/* From any thread. kind: any number that is the same for requests to one model; joins: the request
 * may be taken with others of its kind that say so. False: the queue is full, the exchange is still
 * the caller's. */
bool leati_compute_hand(leati_compute *p, leati_http_exchange *exchange, uint32_t kind, bool joins);
/* Requests that wait now, and how long the threads have wanted to compute. From any thread. */
size_t leati_compute_waiting(leati_compute *p);
uint64_t leati_compute_busy_ns(const leati_compute *p);
/* Lets what is computed end and refuses what waits, for nobody waits for it any more; frees. NULL
 * is fine. */
void leati_compute_stop(leati_compute *p);

#endif
