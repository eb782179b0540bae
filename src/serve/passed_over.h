/* What lies in a folder of models and cannot be one because of its name, or is unsound: each is
 * said once, however often the folder is looked through. */
#ifndef LEATI_SERVE_PASSED_OVER_H
#define LEATI_SERVE_PASSED_OVER_H

#include <leat/context.h>

#include "serve/line_log.h"

typedef struct leati_passed_over {
    leati_say say; /* set by who owns it */
    char **said;   /* paths */
    size_t count, capacity;
} leati_passed_over;

/* NAME.leat or NAME/ with a model in it. */
void leati_passed_over_name(leati_passed_over *p, leat_context *c, const char *path);
/* In NAME/: VERSION.leat, or VERSION/ with a model in it. */
void leati_passed_over_version(leati_passed_over *p, leat_context *c, const char *path);
/* NAME.LEAT and the like: true where that is what it is. */
bool leati_passed_over_ending(leati_passed_over *p, leat_context *c, const char *path);
/* why: what opening it said, which names it. */
void leati_passed_over_unsound(leati_passed_over *p, leat_context *c, const char *path,
                               const char *why);
/* Whether a path of the server's own has that name where those of models have theirs. */
bool leati_passed_over_hides(const char *name, size_t length);
/* A model that is served and has such a name. */
void leati_passed_over_hidden(leati_passed_over *p, leat_context *c, const char *path,
                              const char *name);
/* A folder without a model. */
void leati_passed_over_empty(leati_passed_over *p, const char *folder);
void leati_passed_over_fini(leati_passed_over *p);

#endif
