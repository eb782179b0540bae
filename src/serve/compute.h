/* Threads beside the loops of the server, for answers that take long: a slow model, many rows. The
 * queue is bounded by requests and bytes; what does not fit is refused at once. */
#ifndef LEATI_SERVE_COMPUTE_H
#define LEATI_SERVE_COMPUTE_H

#include <leat/context.h>

#include "serve/http.h"

typedef struct leati_compute leati_compute;

/* run: answers and finishes the exchange; thread: 0 .. threads-1. */
leat_status leati_compute_start(leat_context *c, uint32_t threads,
                                void (*run)(void *user, leati_http_exchange *exchange,
                                            uint32_t thread),
                                void *user, leati_compute **out);
/* From any thread. False: the queue is full, the exchange is still the caller's. */
bool leati_compute_hand(leati_compute *p, leati_http_exchange *exchange);
/* Requests that wait now, and how long the threads have wanted to compute. From any thread. */
size_t leati_compute_waiting(leati_compute *p);
uint64_t leati_compute_busy_ns(const leati_compute *p);
/* Answers what waits, then ends the threads; frees. NULL is fine. */
void leati_compute_stop(leati_compute *p);

#endif
