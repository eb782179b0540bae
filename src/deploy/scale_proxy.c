/* Owns: which slot of HAProxy is in use. Not: its runtime socket (haproxy_runtime.c). */
#include "deploy/scale_proxy.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { NAME = 200 };

static void name_slot(const leati_scale_proxy *p, uint32_t slot, char out[NAME])
{
    snprintf(out, NAME, "%.150s/slot%u", p->backend, slot);
}

static const leat_haproxy_server *find_slot(const leat_haproxy_list *list, const char *backend,
                                            uint32_t slot)
{
    char name[32];
    const leat_haproxy_server *s;
    snprintf(name, sizeof name, "slot%u", slot);
    for (size_t i = 0; (s = leat_haproxy_list_at(list, i)); i++)
        if (strcmp(s->backend, backend) == 0 && strcmp(s->name, name) == 0) return s;
    return NULL;
}

leat_status leati_scale_proxy_open(leati_scale_proxy *p, leat_context *c,
                                   const leat_scale_options *o)
{
    leat_haproxy_list *list;
    *p = (leati_scale_proxy){
        .context = c, .backend = o->backend ? o->backend : "stable", .slots = o->rule.most};
    if (!o->haproxy) return LEAT_OK;
    LEATI_TRY(leat_haproxy_open(c, &p->proxy, o->haproxy));
    LEATI_TRY(leat_haproxy_servers(p->proxy, &list));
    uint32_t found = 0;
    while (found < p->slots && find_slot(list, p->backend, found + 1)) found++;
    leat_haproxy_list_destroy(list);
    LEATI_CHECK(c, found == p->slots, LEAT_NOT_FOUND,
                "the backend %s of the proxy has %u slots, not %u\nleat deploy haproxy --slots %u "
                "makes them",
                p->backend, found, p->slots, p->slots);
    return LEAT_OK;
}

void leati_scale_proxy_close(leati_scale_proxy *p)
{
    leat_haproxy_close(p->proxy);
}

/* A proxy may be gone for a while: that is no reason to stop. */
static void forgive(leati_scale_proxy *p, leat_status st)
{
    if (st == LEAT_OK) return;
    leati_log(p->context, LEAT_LOG_WARN, "the proxy: %s", leat_error_message(p->context));
    leat_error_clear(p->context);
}

void leati_scale_proxy_drain(leati_scale_proxy *p, uint32_t slot)
{
    char name[NAME];
    if (!p->proxy || !slot) return;
    name_slot(p, slot, name);
    forgive(p, leat_haproxy_drain(p->proxy, name));
}

static const leati_crew_worker *worker_in(const leati_crew *crew, uint32_t slot)
{
    for (size_t i = 0; i < crew->count; i++)
        if (crew->workers[i].slot == slot) return &crew->workers[i];
    return NULL;
}

static leat_status settle_slot(leati_scale_proxy *p, const leati_crew *crew, uint32_t slot,
                               const leat_haproxy_server *now)
{
    char name[NAME], endpoint[280];
    const leati_crew_worker *w = worker_in(crew, slot);
    bool closed = strncmp(now->status, "MAINT", 5) == 0;
    bool drained = strncmp(now->status, "DRAIN", 5) == 0;
    name_slot(p, slot, name);
    if (!w) return closed ? LEAT_OK : leat_haproxy_disable(p->proxy, name);
    if (w->ending) return closed || drained ? LEAT_OK : leat_haproxy_drain(p->proxy, name);
    leati_crew_endpoint(crew, slot, endpoint);
    bool same = strcmp(now->address, endpoint) == 0;
    if (same && !closed && !drained) return LEAT_OK;
    if (!leati_crew_answers(crew, slot)) return LEAT_OK; /* not yet */
    if (!same) LEATI_TRY(leat_haproxy_set_address(p->proxy, name, endpoint));
    return leat_haproxy_enable(p->proxy, name);
}

void leati_scale_proxy_settle(leati_scale_proxy *p, const leati_crew *crew)
{
    leat_haproxy_list *list;
    if (!p->proxy) return;
    leat_status st = leat_haproxy_servers(p->proxy, &list);
    if (st != LEAT_OK) {
        forgive(p, st);
        return;
    }
    for (uint32_t slot = 1; slot <= p->slots; slot++) {
        const leat_haproxy_server *now = find_slot(list, p->backend, slot);
        if (now) forgive(p, settle_slot(p, crew, slot, now));
    }
    leat_haproxy_list_destroy(list);
}
