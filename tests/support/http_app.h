/* Routes for tests of the server, and the protocol machine driven without a socket. */
#ifndef HTTP_APP_H
#define HTTP_APP_H

#include <stdatomic.h>

#include "serve/http_core.h"

/* GET / answers "hello\n"; /echo, /small (16 bytes), /big (64 MB) answer the body in <>; /show and
 * below it answer what was understood; /early answers 401 before the body; /later is handed to
 * `later`; /text?N answers N bytes that compress; all else is 404. */
typedef struct http_app {
    leati_http_routes routes;
    void (*later)(struct http_app *app, leati_http_exchange *exchange);
    void *user;
    size_t text_most; /* bytes of an answer of /text; 10 million at first */
    atomic_uint admitted, arrived, handled, faults, done, lost;
    leati_http_budget *budget; /* of bodies; NULL: none */
    char *log;                 /* of statuses in the order of `done`, for one thread; NULL: none */
    size_t log_room;
} http_app;

void http_app_init(http_app *app);
/* What /later answers in the end. */
void http_app_finish_later(leati_http_exchange *exchange);

/* The answers in a stream of bytes: statuses by blanks into `statuses`; interim ones (1xx) as well.
 * Returns the length of the whole answers; `head`: the first one answers HEAD. */
size_t http_replies(const char *data, size_t length, bool head, char *statuses, size_t room);

/* A connection of the machine whose transport keeps what is sent. */
typedef struct http_wire {
    leati_http_conn conn; /* first */
    leati_http_core core;
    http_app app;
    leati_http_encoders encoders;
    leati_http_buffer sent;     /* by the machine */
    leati_http_exchange *later; /* handed over by /later or posted */
    unsigned delay;             /* every so many-th send is LATER; 0: none */
    unsigned lose;              /* the so many-th send is LOST; 0: none */
    unsigned sends;
    bool closed, lingers;
} http_wire;

bool http_wire_init(http_wire *w, leat_context *c, bool compress);
/* Bytes in pieces of `cut`; between them, what is under way goes on. 0: all at once. */
void http_wire_feed(http_wire *w, const char *data, size_t length, size_t cut);
/* Ends what is under way: delayed writes, exchanges handed over. */
void http_wire_settle(http_wire *w);
void http_wire_fini(http_wire *w);

#endif
