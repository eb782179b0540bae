/* TLS between bytes and bytes: OpenSSL on memory, without sockets. TLS 1.2 and later, HTTP/1.1 by
 * ALPN, no renegotiation, no compression. */
#ifndef LEATI_SERVE_TLS_H
#define LEATI_SERVE_TLS_H

#include <leat/context.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct leati_tls_config leati_tls_config;

/* A certificate chain and its key, both PEM files. Errors: INVALID (names what is wrong with which
 * file), UNSUPPORTED (a build without OpenSSL). */
leat_status leati_tls_config_create(leat_context *c, leati_tls_config **out,
                                    const char *certificate, const char *key);
/* Reads both files again, for the connections from now on. After an error, as above, all is as
 * before. From any thread. */
leat_status leati_tls_config_renew(leat_context *c, leati_tls_config *config);
void leati_tls_config_destroy(leati_tls_config *config); /* NULL is fine */

/* One connection. */
typedef struct leati_tls leati_tls;
leati_tls *leati_tls_create(const leat_context *c, leati_tls_config *config); /* NULL: no memory */
void leati_tls_destroy(leati_tls *tls);                                       /* NULL is fine */
/* Bytes that came from the client; false without memory. */
bool leati_tls_feed(leati_tls *tls, const void *data, size_t length);
typedef enum leati_tls_result {
    LEATI_TLS_DATA,
    LEATI_TLS_MORE,
    LEATI_TLS_END,
    LEATI_TLS_FAILED
} leati_tls_result;
/* The handshake is done. */
bool leati_tls_ready(const leati_tls *tls);
/* Plain text: DATA puts *length > 0 bytes at `to`; MORE: nothing until more comes; END: the client
 * ended its side; FAILED: what came is not TLS that we speak. */
leati_tls_result leati_tls_read(leati_tls *tls, void *to, size_t room, size_t *length);
/* Plain text to send; false where the connection can no more. */
bool leati_tls_write(leati_tls *tls, const void *data, size_t length);
/* Tells the client that we end. */
void leati_tls_close(leati_tls *tls);
/* Bytes that are to go to the client; taken by the next call of leati_tls_sent. */
size_t leati_tls_output(leati_tls *tls, const char **data);
void leati_tls_sent(leati_tls *tls); /* all of them */

#endif
