/* Large buffers that rest between exchanges: for a body of megabytes, pages fresh from the kernel
 * cost as much as reading it. Of one loop; what nobody took for a second or two is freed. */
#ifndef LEATI_SERVE_HTTP_SPARES_H
#define LEATI_SERVE_HTTP_SPARES_H

#include "serve/http_buffer.h"

enum { LEATI_HTTP_SPARES = 4, LEATI_HTTP_SPARE_BYTES = 16 << 20 /* larger ones are not kept */ };

typedef struct leati_http_spares {
    leati_http_buffer of[LEATI_HTTP_SPARES];
    unsigned age[LEATI_HTTP_SPARES]; /* ticks since it was given */
} leati_http_spares;                 /* zeros are an empty one */

/* Gives `b`, which is empty, the smallest one that has room for `need` bytes, where there is one
 * and b has not. */
void leati_http_spares_take(leati_http_spares *s, leati_http_buffer *b, size_t need);
/* Takes the memory of `b`, where that is more than `least` bytes; b is empty then. */
void leati_http_spares_give(leati_http_spares *s, leati_http_buffer *b, size_t least);
/* About once a second. */
void leati_http_spares_tick(leati_http_spares *s);
void leati_http_spares_fini(leati_http_spares *s);

#endif
