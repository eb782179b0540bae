/* The strict reading of chunk framing (RFC 9112, section 7.1): says where a chunked body ends and
 * refuses every byte that a reader could take in two ways. It moves no data. */
#ifndef LEATI_SERVE_HTTP_CHUNKS_H
#define LEATI_SERVE_HTTP_CHUNKS_H

#include "serve/http_head.h"

/* Framing may cost this much, and a quarter of the body more: 6 bytes of framing around each byte
 * of body are an attack. */
enum { LEATI_HTTP_FRAMING_FREE = 64 << 10, LEATI_HTTP_EXTENSION_MOST = 256 };

/* Starts as zeros. */
typedef struct leati_http_chunks {
    uint8_t state, digits;
    uint16_t extension; /* bytes of the present one */
    bool some;          /* the present line of the trailer has a name */
    uint64_t left;      /* of the present chunk */
    uint64_t body, framing;
} leati_http_chunks;

/* How many of these bytes belong to the body (*used), and whether it ends there. With a fault *used
 * are the bytes before. */
const leati_http_fault *leati_http_chunks_read(leati_http_chunks *c, const char *data,
                                               size_t length, size_t *used, bool *complete);

#endif
