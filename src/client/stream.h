/* A connection to a server: TCP or a unix socket, with TLS where asked for. All waiting has an end:
 * `until` is a time of leati_now_s. Nothing is recorded in a context: a try that fails is no
 * error yet. */
#ifndef LEATI_CLIENT_STREAM_H
#define LEATI_CLIENT_STREAM_H

#include <leat/context.h>
#include <stdbool.h>
#include <stddef.h>

/* What clients trust; shared by connections, which end before it. ca: a PEM file, or NULL for what
 * the system trusts. Errors: INVALID, UNSUPPORTED (a build without OpenSSL, or none installed). */
typedef struct leati_trust leati_trust;
leat_status leati_trust_create(leat_context *c, leati_trust **out, const char *ca);
void leati_trust_destroy(leati_trust *trust); /* NULL is fine */

enum { LEATI_STREAM_WHY = 160 };

typedef enum leati_stream_result {
    LEATI_STREAM_OK,
    LEATI_STREAM_END,     /* the other side has ended */
    LEATI_STREAM_LATE,    /* it took too long */
    LEATI_STREAM_REFUSED, /* there is no connection: nothing was sent */
    LEATI_STREAM_LOST
} leati_stream_result;

typedef struct leati_lookups leati_lookups;

typedef struct leati_stream {
    int fd;                     /* -1: none */
    void *tls;                  /* NULL: none */
    const leati_trust *trust;   /* of TLS */
    char why[LEATI_STREAM_WHY]; /* of the last result that was not OK */
} leati_stream;

/* host: a name, an address, or with port NULL the path of a unix socket; trust: NULL for no TLS.
 * lookups: of names (base/lookup.h), NULL for a single connection. The context is used for memory
 * alone. */
leati_stream_result leati_stream_open(const leat_context *c, leati_stream *s,
                                      leati_lookups *lookups, const char *host, const char *port,
                                      const leati_trust *trust, double until);
void leati_stream_close(leati_stream *s);
/* All of it. */
leati_stream_result leati_stream_send(leati_stream *s, const char *data, size_t length,
                                      double until);
/* At least a byte; *got of them. */
leati_stream_result leati_stream_receive(leati_stream *s, char *to, size_t room, size_t *got,
                                         double until);
/* Whether a connection at rest is as it was: not ended, and nothing came unasked, be it in the
 * socket or deciphered already. What TLS tells itself, as a ticket for later, is no matter. */
bool leati_stream_rests(const leati_stream *s);

#endif
