/* The inside of a registry. How its parts keep each other from harm:
 *
 * - A push first announces itself: a row of leat_pending with the hash it will refer to. Only then
 *   does it look whether the file is there, and write it if not (temporary file named by the row's
 *   token, fsync, rename, fsync of the folders). One writing transaction then finds the row still
 *   there, adds the version and removes the row.
 * - Collecting removes files inside writing transactions, after having seen that neither a version
 *   nor a run nor an announcement refers to them. Writing transactions run one after the other, so
 *   the file of an announced push is either seen as referred to, or gone before the push looks.
 * - A push that died leaves a row, and perhaps a temporary or an unreferenced file; collecting
 *   removes them when the row is old. A push whose row was removed as too old fails. */
#ifndef LEATI_MODEL_REGISTRY_H
#define LEATI_MODEL_REGISTRY_H

#include <leat/registry.h>

#include "base/arena.h"
#include "base/file.h"
#include "io/sql.h"

struct leat_registry {
    leat_context *context;
    leati_sql *db;
    char *name;   /* for messages */
    char *folder; /* holds objects/ and tmp/ */
};

enum { LEATI_NAME_MOST = 128, LEATI_TOKEN = 33 };

/* NAME[@VERSION|@ALIAS]; alias "" and version 0: neither was given. */
typedef struct leati_spec {
    char name[LEATI_NAME_MOST + 1], alias[LEATI_NAME_MOST + 1];
    int64_t version;
} leati_spec;
leat_status leati_spec_parse(leat_context *c, leati_spec *out, const char *text);
/* what: "name", "alias". INVALID for anything else than the form says. */
leat_status leati_name_check(leat_context *c, const char *name, const char *what);
bool leati_name_good(const char *name);
bool leati_alias_good(const char *alias); /* neither a number nor "latest" */
leat_status leati_alias_check(leat_context *c, const char *alias);

/* Whether its catalogue is a server's. where: as of leat_registry_options. */
leat_status leati_registry_is_server(leat_context *c, const char *where, bool *server);
/* What opening the registry asks of the system, and reading its files (io/sql.h). r: it, opened; of
 * an SQLite one it has to stay open as long as the needs are to hold. NULL: it does not answer now;
 * then where its files are is known from `o` alone. */
leat_status leati_registry_need(leat_context *c, const leat_registry_options *o,
                                const leat_registry *r, const leati_sql_needs *needs);

/* --- the store: registry_objects.c ------------------------------------------------------------ */

/* Folders of the store, made if absent. */
leat_status leati_objects_make(leat_registry *r);
char *leati_objects_path(leat_registry *r, const char *sha256); /* leati_free */
/* Keeps the file `from`, whose hash is sha256, unless the store has it undamaged. `token`: name of
 * the temporary file. IO when file and hash do not belong together: it changed meanwhile. */
leat_status leati_objects_put(leat_registry *r, const char *token, const char *from,
                              const char sha256[65]);
/* The bytes of an object; FORMAT if they are not those of its name, NOT_FOUND if it is gone. */
leat_status leati_objects_read(leat_registry *r, const char *sha256, leati_bytes *out);
/* The same without keeping them, for objects of any size: whether they are there and undamaged, and
 * a copy of them, which is checked before anything is written. */
leat_status leati_objects_check(leat_registry *r, const char *sha256, uint64_t *size);
leat_status leati_objects_copy(leat_registry *r, const char *sha256, const char *to);
/* Calls for every file of objects/ (name: 64 hex digits) or of tmp/. */
typedef leat_status (*leati_object_fn)(void *user, const char *name, const char *path);
leat_status leati_objects_each(leat_registry *r, leati_object_fn fn, void *user);
leat_status leati_objects_each_temporary(leat_registry *r, leati_object_fn fn, void *user);

/* --- pushes: registry_push.c ------------------------------------------------------------------ */

/* Announces that `sha256` is about to be referred to; token (LEATI_TOKEN) is its name. */
leat_status leati_push_announce(leat_registry *r, const char *sha256, char *token);
/* In the transaction that refers to it: IO where the announcement is gone, else removes it. */
leat_status leati_push_settle(leat_registry *r, const char *token);
/* After a failure: takes the announcement and the temporary file back, as far as that goes. */
void leati_push_abandon(leat_registry *r, const char *token);
/* Announces, hashes and keeps a file: settle with `token` in the transaction that refers to it.
 * After a failure token is "". */
leat_status leati_push_file(leat_registry *r, const char *path, char sha256[65], uint64_t *bytes,
                            char *token);

/* What a file says about itself, found out before it is kept. */
typedef struct leati_manifest {
    bool model;
    char *name;    /* a proposal; NULL: none */
    char *summary; /* one line */
    char table[65];
    char training[65], test[65]; /* models: hashes of their tables, or "" */
} leati_manifest;
leat_status leati_manifest_read(leat_context *c, leati_manifest *out, const char *path,
                                const leat_read_options *reading);
void leati_manifest_fini(leati_manifest *m);

/* --- versions: registry.c, registry_versions.c ------------------------------------------------ */

int64_t leati_seconds_now(void); /* since 1970 */
/* *version that a spec stands for; NOT_FOUND says what there is. */
leat_status leati_registry_resolve(leat_registry *r, const leati_spec *spec, int64_t *version);
/* One version as a list. */
leat_status leati_registry_one(leat_registry *r, leat_registered_list **out, const char *name,
                               int64_t version);
/* Inside a transaction. */
leat_status leati_registry_move_alias(leat_registry *r, const char *name, const char *alias,
                                      int64_t version, int64_t expected, int64_t *was);

#endif
