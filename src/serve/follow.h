/* Models that are served out of the registry: NAME@ALIAS and NAME@latest are followed while they
 * are served, NAME@3 stays.
 *
 * A thread of its own asks the registry about every second, so that a registry that answers slowly,
 * or not at all, holds up nothing: what is served stays, and the loss is said once. */
#ifndef LEATI_SERVE_FOLLOW_H
#define LEATI_SERVE_FOLLOW_H

#include <leat/context.h>
#include <leat/registry.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct leati_follow leati_follow;

/* A move that is to be made: version `from` of `name` is no longer wanted (0: it is, by another
 * alias), `to` is in its place. */
typedef struct leati_move {
    const char *name, *path;
    uint32_t from, to;
    bool preferred; /* `to` answers where no version is named */
} leati_move;

typedef struct leati_follow_options {
    const char *where, *folder; /* of the registry, as of leat_registry_options */
    const char *const *models;  /* places of models, and versions of the registry among them */
    size_t count;
    uint32_t interval_ms;
    /* From the thread that follows. move: false: it cannot be made; `why` has room for 256 bytes.
     * say: a line for who runs the server. */
    bool (*move)(void *user, const leati_move *move, char *why);
    void (*say)(void *user, const char *line);
    /* Whether a version that its alias has left for `present` is still wanted; what else there is
     * to do in the registry, which is lost where that fails. NULL: neither. */
    bool (*needs)(void *user, const char *name, uint32_t version, uint32_t present);
    leat_status (*settle)(void *user, leat_registry *registry);
    /* Whether that alias is about to be moved from here: until then where it stands says nothing.
     * NULL: never. */
    bool (*waits)(void *user, const char *name, const char *alias);
    void *user;
} leati_follow_options;

/* Finds out what the versions stand for now. *out is made also where there are none. Errors: those
 * of leat_registry_find and leat_registry_path; INVALID: a data set. */
leat_status leati_follow_open(leat_context *c, const leati_follow_options *options,
                              leati_follow **out);
/* The models with "NAME:4=PATH" in place of versions of the registry, none twice. */
const char *const *leati_follow_places(const leati_follow *f, size_t *count);
/* Whether that version is to be preferred: the alias `champion` stands at it. */
bool leati_follow_prefers(const leati_follow *f, const char *name, uint32_t version);
/* An alias by which that version of `name` is served now, `champion` first, into `alias`
 * (LEATI_FOLLOW_ALIAS bytes); "": none. From any thread, as leati_follow_moves. */
enum { LEATI_FOLLOW_ALIAS = 129 };
void leati_follow_alias(leati_follow *f, const char *name, uint32_t version, char *alias);
/* An alias was moved from here, or by another server of the pool: what it stood at was served, also
 * where it is moved on before anyone looks. From any thread. */
void leati_follow_moved(leati_follow *f, const char *name, const char *alias, uint32_t version);
/* Where the registry keeps a version of a model that is served out of it; with a context of the
 * caller, in which nothing is left recorded. False: nowhere, or it does not answer. */
bool leati_follow_find(const leati_follow *f, leat_context *c, const char *name, uint32_t version,
                       char *path, size_t size);
/* Whether there is something to follow. */
bool leati_follow_moves(const leati_follow *f);
/* Begins to follow, where there is something to follow. */
leat_status leati_follow_start(leati_follow *f);
/* Ends the thread; what others ask is answered until the close. NULL is fine, to both. */
void leati_follow_stop(leati_follow *f);
void leati_follow_close(leati_follow *f);

#endif
