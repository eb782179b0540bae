/* An alias of the registry follows what a rollout came to: it is moved by compare-and-set from the
 * version at which it stood when the rollout began.
 *
 * Whoever speaks to the registry does it: the thread that follows aliases, or of a pool every
 * server's, of which one wins. A registry that does not answer is asked again; a move whose outcome
 * was not learnt is found done. An alias that stands elsewhere was moved by somebody, who is right:
 * it is left there, and that is told, once. */
#ifndef LEATI_SERVE_ROLLOUT_ALIAS_H
#define LEATI_SERVE_ROLLOUT_ALIAS_H

#include <leat/registry.h>

#include "serve/rollouts.h"

enum { LEATI_ALIAS_WHY = 160 };

typedef struct leati_alias_move {
    char alias[LEATI_ALIAS_NAME];
    uint32_t from, to;
    /* What came of it. */
    leati_alias_state state; /* WAITS: the registry has not answered */
    int64_t found;
    char why[LEATI_ALIAS_WHY]; /* of LOST */
} leati_alias_move;

/* False: nothing waits. */
bool leati_alias_move_of(const leati_rollout *r, leati_alias_move *out);
/* OK: the registry has answered; errors are recorded in its context. */
leat_status leati_alias_try(leat_registry *registry, const char *model, leati_alias_move *m);
/* "iris@champion stands at version 4" and the like, for who runs the server. */
enum { LEATI_ALIAS_LINE = 500 };
void leati_alias_line(const char *model, const leati_alias_move *m, char out[LEATI_ALIAS_LINE]);

/* Tries what waits for all models of a server that decides for itself. From the thread that has
 * `registry`; say: told what came of it. Errors: those of leati_alias_try. */
leat_status leati_rollouts_settle(leati_rollouts *r, leat_registry *registry,
                                  void (*say)(void *user, const char *line), void *user);

#endif
