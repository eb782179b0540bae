/* What a server's options say of watching: the watch, and a listener of its own for /metrics. */
#ifndef LEATI_SERVE_OBSERVE_H
#define LEATI_SERVE_OBSERVE_H

#include <leat/serve.h>

#include "serve/metrics.h"
#include "serve/repository.h"
#include "serve/server.h"

typedef struct leati_observer {
    leati_watch *watch;
    leati_http_server *listener; /* NULL: none */
    leat_context *context;       /* of the listener */
    void (*look)(void *user, leati_metrics_source *out);
    void *user;
    char url[160];
} leati_observer;

/* Before the models are opened; files of logs are. INVALID, IO, NOMEM. */
leat_status leati_observer_begin(leat_context *c, leati_observer *b, const leat_serve_options *o,
                                 uint32_t slots, uint32_t workers);
/* When they are open. INVALID: an input that is not to be logged is none. */
leat_status leati_observer_check(leat_context *c, const leat_serve_options *o,
                                 const leati_shelf *shelf);
/* look: from the listener's thread, what there is to tell. */
leat_status leati_observer_listen(leat_context *c, leati_observer *b, const leat_serve_options *o,
                                  void (*look)(void *user, leati_metrics_source *out), void *user);
/* Before what `look` looks at ends. */
void leati_observer_stop_listening(leati_observer *b);
/* When no version is left. */
void leati_observer_end(leati_observer *b);

#endif
