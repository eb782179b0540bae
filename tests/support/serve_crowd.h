/* Threads that ask a server the same thing all the time, while a test does something to it. */
#ifndef SERVE_CROWD_H
#define SERVE_CROWD_H

#include <pthread.h>
#include <stdatomic.h>

#include "support/leattest.h"
#include "support/serve_client.h"

enum { SERVE_CROWD_MOST = 8 };

typedef struct serve_question {
    const char *url, *path; /* of the server; of a POST */
    const char *body;
    size_t length;
    const char *holds; /* a text in every answer; NULL: any answer with 200 is good */
} serve_question;

typedef struct serve_crowd {
    serve_question question;
    pthread_t threads[SERVE_CROWD_MOST];
    unsigned count;
    atomic_bool stop;
    /* Answers: all; 200 with the text; 422; anything else or none. canaries: of all, by Leat-Arm.
     */
    atomic_uint asked, good, refused, failed, canaries;
} serve_crowd;

void serve_crowd_gather(leattest *t, serve_crowd *c, const serve_question *question,
                        unsigned callers);
/* Waits until all have their last answer; each has asked at least once. */
void serve_crowd_disperse(serve_crowd *c);

/* The time that requests to a model have waited for others or for a thread, as
 * /v2/models/NAME/stats tells, in ns; negative: it does not. */
double serve_queue_ns(serve_client *k, const char *model);

#endif
