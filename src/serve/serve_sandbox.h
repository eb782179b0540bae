/* The places that a server needs while it serves, and its sandbox around them. */
#ifndef LEATI_SERVE_SERVE_SANDBOX_H
#define LEATI_SERVE_SERVE_SANDBOX_H

#include <leat/serve.h>

#include "serve/sandbox.h"

/* Before the server starts a thread; from here on nothing but these places can be opened. `asks`:
 * for keys, which are in `store` (as for leati_keys_open); `managed`: requests may bring and remove
 * models. Every file that the server reads or writes later stands here. Errors: those of
 * sandbox.h. */
leat_status leati_serve_sandbox_begin(leat_context *c, const leat_serve_options *o, bool asks,
                                      const char *store, bool managed, leati_sandbox **out);

#endif
