/* Owns: exchanges without a connection. */
#include "serve/http_detached.h"

#include "base/mem.h"
#include "serve/http_core.h"

struct leati_http_detached {
    leati_http_core core;
    leati_http_routes routes;
    leati_http_transport transport;
    leati_http_exchange *exchange;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool finished;
};

/* `core` is the first member. */
static void post(leati_http_core *core, leati_http_exchange *exchange)
{
    leati_http_detached *d = (leati_http_detached *)core;
    (void)exchange;
    pthread_mutex_lock(&d->lock);
    d->finished = true;
    pthread_cond_signal(&d->done);
    pthread_mutex_unlock(&d->lock);
}

leati_http_detached *leati_http_detached_create(leat_context *c)
{
    leati_http_detached *d = LEATI_NEW(c, leati_http_detached, 1);
    if (!d) return NULL;
    d->transport.post = post;
    d->core.context = c;
    d->core.routes = &d->routes;
    d->core.transport = &d->transport;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->done, NULL);
    leati_http_core_init(&d->core);
    return d;
}

void leati_http_detached_destroy(leati_http_detached *d)
{
    if (!d) return;
    leati_http_core_fini(&d->core);
    pthread_cond_destroy(&d->done);
    pthread_mutex_destroy(&d->lock);
    leati_free(d);
}

leati_http_exchange *leati_http_detached_begin(leati_http_detached *d,
                                               const leati_http_request *like)
{
    leati_http_exchange *ex = leati_http_exchange_get(&d->core);
    d->exchange = ex;
    d->finished = false;
    if (!ex) return NULL;
    ex->request.method = like->method;
    ex->request.path = like->path;
    ex->request.path_length = like->path_length;
    ex->request.query = like->query;
    ex->request.headers = like->headers;
    ex->request.header_count = like->header_count;
    ex->request.body = like->body;
    ex->request.body_length = like->body_length;
    ex->request.peer = "";
    if (like->id) ex->request.id = like->id;
    return ex;
}

void leati_http_detached_wait(leati_http_detached *d)
{
    pthread_mutex_lock(&d->lock);
    while (!d->finished) pthread_cond_wait(&d->done, &d->lock);
    pthread_mutex_unlock(&d->lock);
}

void leati_http_detached_end(leati_http_detached *d)
{
    if (!d->exchange) return;
    leati_exchange_restart(d->exchange);
    leati_http_exchange_put(d->exchange, 0, false);
    d->exchange = NULL;
}
