/* The servers of a client: which to ask next, which to leave in peace for a while, and the
 * connections that wait to be used again. Thread-safe. */
#ifndef LEATI_CLIENT_FLEET_H
#define LEATI_CLIENT_FLEET_H

#include "client/stream.h"

enum { LEATI_FLEET_MOST = 256 }; /* servers */

typedef struct leati_fleet leati_fleet;

/* One server as it was given. */
typedef struct leati_server_address {
    char *url;    /* "http://10.0.0.1:8080", for messages */
    char *host;   /* or the path of a unix socket */
    char *port;   /* NULL: a unix socket */
    char *header; /* the value of Host */
    char *prefix; /* of paths: "" or "/below" */
    bool tls;
    leati_lookups *lookups; /* of its name */
} leati_server_address;

/* balance: a name (call.h). seed: of random choices. Errors: INVALID (a URL), NOMEM. */
leat_status leati_fleet_create(leat_context *c, leati_fleet **out, const char *const *servers,
                               size_t count, const char *balance, uint32_t idle, uint64_t seed);
void leati_fleet_destroy(leati_fleet *f); /* NULL is fine */
bool leati_fleet_has_tls(const leati_fleet *f);
size_t leati_fleet_count(const leati_fleet *f);
const leati_server_address *leati_fleet_address(const leati_fleet *f, size_t server);

/* Servers that a call has tried. */
typedef struct leati_fleet_tried {
    uint64_t bits[LEATI_FLEET_MOST / 64];
} leati_fleet_tried;

/* A server for one try, which counts as its until leati_fleet_leave: one that has not failed of
 * late and was not tried yet, if there is one. *fresh: such a one. */
size_t leati_fleet_pick(leati_fleet *f, leati_fleet_tried *tried, bool *fresh);
/* ok: it answered. Else it is left in peace, for longer each time, or for `rest` seconds where that
 * is not negative. */
void leati_fleet_leave(leati_fleet *f, size_t server, bool ok, double rest);
/* It was not asked after all: nothing is known of it but what was. */
void leati_fleet_unpick(leati_fleet *f, size_t server);
/* A random number from 0 to 1, for waits. */
double leati_fleet_random(leati_fleet *f);

/* A connection that rests; false: there is none. Those put back are kept up to the number `idle`;
 * beyond that they are closed. */
bool leati_fleet_take(leati_fleet *f, size_t server, leati_stream *out);
void leati_fleet_put(leati_fleet *f, size_t server, leati_stream *s);

#endif
