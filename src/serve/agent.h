/* HAProxy's agent check: who connects gets a line that says how much of its requests this server
 * should have ("up 75%"), and "drain" once it ends (HAProxy's configuration manual, `agent-check`).
 * A server that has just started says "ready", which undoes the "drain" of the one before it. */
#ifndef LEATI_SERVE_AGENT_H
#define LEATI_SERVE_AGENT_H

#include <leat/context.h>

typedef struct leati_agent leati_agent;

/* What it watches; called on its thread, every tenth of a second. */
typedef struct leati_agent_source {
    void *user;
    /* How long all threads that answer have wanted to compute; requests that wait for one. */
    void (*measure)(void *user, uint64_t *busy_ns, size_t *waiting);
    uint32_t threads; /* that can compute at once */
} leati_agent_source;

/* address: "HOST:PORT"; port 0: any free one. Errors: INVALID, IO. */
leat_status leati_agent_start(leat_context *c, const char *address,
                              const leati_agent_source *source, leati_agent **out);
uint16_t leati_agent_port(const leati_agent *agent);
/* Says "drain" from now on, and waits until all who asked in the last seconds have heard it, at
 * most `seconds`. */
void leati_agent_drain(leati_agent *agent, double seconds);
void leati_agent_stop(leati_agent *agent); /* NULL is fine */

#endif
