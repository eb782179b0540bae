/* An exchange without a connection: a request of our own to a route, whose reply nobody reads. */
#ifndef LEATI_SERVE_HTTP_DETACHED_H
#define LEATI_SERVE_HTTP_DETACHED_H

#include <leat/context.h>

#include "serve/http.h"

typedef struct leati_http_detached leati_http_detached;

/* NULL without memory. One thread at a time. `c` is used for memory alone. */
leati_http_detached *leati_http_detached_create(leat_context *c);
void leati_http_detached_destroy(leati_http_detached *d); /* NULL is fine */

/* A request with method, path, query, headers, body and id of `like`, which are borrowed. NULL
 * without memory. One at a time. */
leati_http_exchange *leati_http_detached_begin(leati_http_detached *d,
                                               const leati_http_request *like);
/* Until another thread has finished it. */
void leati_http_detached_wait(leati_http_detached *d);
void leati_http_detached_end(leati_http_detached *d);

#endif
