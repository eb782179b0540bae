/* Workers in the slots of HAProxy. */
#ifndef LEATI_DEPLOY_SCALE_PROXY_H
#define LEATI_DEPLOY_SCALE_PROXY_H

#include <leat/haproxy.h>

#include "deploy/scale_crew.h"

typedef struct leati_scale_proxy {
    leat_context *context;
    leat_haproxy *proxy; /* NULL: workers share a port */
    const char *backend;
    uint32_t slots; /* that are ours: 1 to most */
} leati_scale_proxy;

/* Errors of leat_haproxy_open; NOT_FOUND: the backend has fewer slots. */
leat_status leati_scale_proxy_open(leati_scale_proxy *p, leat_context *c,
                                   const leat_scale_options *o);
void leati_scale_proxy_close(leati_scale_proxy *p);
/* Brings every slot to what its worker is: in use where one serves, drained where one ends, closed
 * where there is none. Says only what differs, so that it may be called at any time; a proxy that
 * was started anew has forgotten all. A proxy that does not answer is asked again next time. */
void leati_scale_proxy_settle(leati_scale_proxy *p, const leati_crew *crew);
/* Before a worker is told to end: no more requests for its slot. */
void leati_scale_proxy_drain(leati_scale_proxy *p, uint32_t slot);

#endif
