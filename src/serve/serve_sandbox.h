/* The places that a server needs while it serves, and its sandbox around them. */
#ifndef LEATI_SERVE_SERVE_SANDBOX_H
#define LEATI_SERVE_SERVE_SANDBOX_H

#include <leat/registry.h>
#include <leat/serve.h>

#include "serve/sandbox.h"

typedef struct leati_sandbox_plan {
    const leat_serve_options *options;
    bool asks;         /* for keys */
    const char *store; /* where they are, as for leati_keys_open */
    bool managed;      /* requests may bring and remove models */
    bool meets;        /* the registry is asked while the server serves */
} leati_sandbox_plan;

/* Before the server starts a thread; from here on nothing but these places can be opened. Every
 * file that the server reads or writes later stands here. *registry: NULL, or a handle that has to
 * stay open as long as the registry is to be reached. Errors: those of sandbox.h; those of
 * leat_registry_open but for a registry that does not answer now. */
leat_status leati_serve_sandbox_begin(leat_context *c, const leati_sandbox_plan *plan,
                                      leati_sandbox **out, leat_registry **registry);

#endif
