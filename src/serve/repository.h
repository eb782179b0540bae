/* The models of a server: where their files are, and which versions are loaded now.
 *
 * What is loaded is a shelf, an immutable table that is exchanged as a whole: a thread that answers
 * (slot) pins the present one for as long as it looks at it, which takes no lock; who takes a
 * version off waits until nobody has the old shelf pinned. One thread at a time changes the
 * repository (the steward, serve.c). */
#ifndef LEATI_SERVE_REPOSITORY_H
#define LEATI_SERVE_REPOSITORY_H

#include "serve/served.h"

/* Sorted by name, then version. */
typedef struct leati_shelf {
    size_t count;
    leati_served **served;
} leati_shelf;

/* version 0: the preferred one, else the highest. NULL: there is none. */
leati_served *leati_shelf_find(const leati_shelf *shelf, const char *name, size_t length,
                               uint32_t version);
/* The versions of one name are *first .. *first + count. */
size_t leati_shelf_versions(const leati_shelf *shelf, const char *name, size_t length,
                            size_t *first);

typedef struct leati_repository leati_repository;

/* The file or folder that a place names. */
const char *leati_place_path(const char *place);

/* places: "iris.leat", "iris:2=PATH" (another name or version) or a folder: NAME.leat,
 * NAME/VERSION.leat or NAME/VERSION/ANY.leat in it, or nothing yet. All are opened; an unsound file
 * in a folder is passed over and said. Errors: INVALID (a name that does not fit, one name and
 * version twice), those of leat_model_open for files that are named. watch: of all versions; NULL:
 * none. */
leat_status leati_repository_create(leat_context *c, const char *const *places, size_t count,
                                    const leati_served_plan *plan, struct leati_watch *watch,
                                    leati_repository **out);
/* Nothing may be pinned. */
void leati_repository_destroy(leati_repository *r);

const leati_shelf *leati_repository_pin(leati_repository *r, uint32_t slot);
void leati_repository_unpin(leati_repository *r, uint32_t slot);

/* Opens all versions of a name anew, found in the folders as they are now, and exchanges them for
 * those that are loaded; on failure everything stays as it was. 404 where there is none. */
bool leati_repository_load(leati_repository *r, const char *name, leati_fault *fault);
/* 404 where none is loaded. */
bool leati_repository_unload(leati_repository *r, const char *name, leati_fault *fault);

/* ---- one version, by the steward alone ---- */

/* What is loaded: stays until the steward changes it. */
const leati_shelf *leati_repository_shelf(const leati_repository *r);

/* Looks at the folders again. */
bool leati_repository_rescan(leati_repository *r, leati_fault *fault);
/* The first folder that is served, NULL: none is. */
const char *leati_repository_folder(const leati_repository *r);
/* Whether a file lies in a folder that is served. */
bool leati_repository_owns(const leati_repository *r, const char *path);
/* The highest version of which there is a file, 0: none. */
uint32_t leati_repository_newest(const leati_repository *r, const char *name);
/* The lowest version that is known beyond `after`, loaded or not, with a file or not; 0: none. */
uint32_t leati_repository_next(const leati_repository *r, const char *name, uint32_t after);
/* Versions of the name and bytes of all models that lie in the folders, each counted as `least`
 * bytes at least, and one that is loaded as what it unpacked to; without version `but` of the name,
 * which is to be replaced (0: none is). */
typedef struct leati_stored {
    size_t versions;
    uint64_t bytes;
} leati_stored;
leati_stored leati_repository_stored(const leati_repository *r, const char *name, uint32_t but,
                                     uint64_t least);
/* The file of a version, NULL: there is none. */
const char *leati_repository_path(const leati_repository *r, const char *name, uint32_t version);
/* From any thread: the SHA-256 of the file that a version which is loaded was read from. False: it
 * is not loaded, or the repository changes right now. */
bool leati_repository_sha256(leati_repository *r, const char *name, uint32_t version, char out[65]);
leat_context *leati_repository_context(leati_repository *r);
const leati_served_plan *leati_repository_plan(const leati_repository *r);

/* Exchanges one version for `served` (taken over, also on failure), whose file is `path`. All that
 * can fail is done before `commit` is called, which does what lasts; where that returns false
 * everything stays as it was. */
bool leati_repository_change(leati_repository *r, const char *name, uint32_t version,
                             const char *path, leati_served *served,
                             bool (*commit)(void *user, leati_fault *fault), void *user,
                             leati_fault *fault);

/* Takes a version, 0: all of the name, off and forgets it; `commit` as above. */
bool leati_repository_remove(leati_repository *r, const char *name, uint32_t version,
                             bool (*commit)(void *user, leati_fault *fault), void *user,
                             leati_fault *fault);

/* Has version `to`, in the file `path`, answer in place of `from` (0: beside the others), which is
 * forgotten; on failure everything stays as it was. preferred: see leati_repository_prefer. */
bool leati_repository_move(leati_repository *r, const char *name, uint32_t from, uint32_t to,
                           const char *path, bool preferred, leati_fault *fault);
/* That version answers where none is named, whatever its number is. */
void leati_repository_prefer(leati_repository *r, const char *name, uint32_t version);

/* Calls for every version that is known, loaded or not; under the lock: short. */
void leati_repository_each(leati_repository *r,
                           void (*call)(void *user, const char *name, uint32_t version,
                                        const char *state, const char *reason),
                           void *user);

#endif
