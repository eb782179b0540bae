/* The registry: models and data sets under names, in versions that never change, with aliases that
 * move from version to version, and what was made of what.
 *
 * Files lie in a content-addressed store, objects/aa/bb/SHA-256 below a folder; names, versions,
 * aliases and lineage in a catalogue, SQLite in the same folder or PostgreSQL. A push is
 * acknowledged when file and entry are on the disk; killing any process at any instant loses
 * nothing that was acknowledged. docs/registry.md describes the store.
 *
 * A version is written NAME@3, NAME@ALIAS, NAME@latest or NAME: of a model the one that the alias
 * `champion` stands at, else, and of a data set always, the latest. Names and aliases are 1 to 128
 * letters, digits, '.', '_' and '-', no '.' in front; an alias is no number and not "latest".
 *
 * A registry is used by one thread at a time, that of its context; any number of processes may use
 * the same store at once. */
#ifndef LEAT_REGISTRY_H
#define LEAT_REGISTRY_H

#include <leat/model.h>
#include <leat/read.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_registry leat_registry;

typedef struct leat_registry_options {
    uint32_t struct_size;
    const char *where; /* a folder, or "postgresql://USER@HOST/DATABASE"; NULL: $LEAT_REGISTRY, else
                          "registry" in Leat's home */
    const char
        *folder; /* PostgreSQL: the folder of the files, which all that use it must see; needed
                    when the registry is made, remembered in the catalogue. NULL: that one */
    bool make;   /* make the registry if there is none */
} leat_registry_options;

LEAT_API leat_registry_options leat_registry_options_default(void);

/* Errors: NOT_FOUND (there is none, and `make` is false), FORMAT (damaged), IO, NETWORK (no
 * connection to the database), UNSUPPORTED (a newer format; no SQLite or libpq). `options` NULL:
 * the defaults. */
LEAT_API LEAT_CHECKED leat_status leat_registry_open(leat_context *context, leat_registry **out,
                                                     const leat_registry_options *options);
LEAT_API void leat_registry_close(leat_registry *registry); /* NULL is fine */
/* The folder, or the address without user and password. */
LEAT_API const char *leat_registry_name(const leat_registry *registry);

/* --- versions --------------------------------------------------------------------------------- */

/* Texts belong to the list; "" stands for none. */
typedef struct leat_registered {
    bool model; /* else a data set */
    const char *name;
    int64_t version;     /* 1, 2, ...; numbers are not used again */
    const char *aliases; /* "champion challenger" */
    const char *sha256;  /* of the file's bytes */
    uint64_t bytes;
    int64_t created;     /* seconds since 1970, UTC */
    const char *file;    /* name of the file that was pushed, without folders */
    const char *summary; /* "species by svc, accuracy 0.9733"; "150 rows, 5 columns" */
    const char *note;    /* of the one who pushed it */
    const char *table;   /* data sets: SHA-256 over names, types and values of the table, as models
                            record the data they were fitted to */
} leat_registered;

typedef struct leat_registered_list leat_registered_list;
LEAT_API void leat_registered_list_destroy(leat_registered_list *list); /* NULL is fine */
LEAT_API size_t leat_registered_list_count(const leat_registered_list *list);
/* NULL past the end. */
LEAT_API const leat_registered *leat_registered_list_at(const leat_registered_list *list, size_t i);

/* All versions of `name` (NULL: of all names), by name and version. NOT_FOUND for an unknown name.
 */
LEAT_API LEAT_CHECKED leat_status leat_registry_list(leat_registry *registry,
                                                     leat_registered_list **out, const char *name);
/* The one that `version` stands for. NOT_FOUND (says what there is), INVALID (no such form). */
LEAT_API LEAT_CHECKED leat_status leat_registry_find(leat_registry *registry,
                                                     leat_registered_list **out,
                                                     const char *version);

typedef struct leat_push_options {
    uint32_t struct_size;
    const char *name;                 /* NULL: the model's own, a data set's file name */
    const char *note;                 /* NULL: none */
    const char *alias;                /* moved to the version in the same step; NULL: none */
    const leat_read_options *reading; /* how a data set is read as a table; NULL: the defaults */
} leat_push_options;

LEAT_API leat_push_options leat_push_options_default(void);

/* Keeps a file as the next version of a name; *out lists that version alone. Model files are
 * checked whole and become models, everything else is a data set. Bytes that the name has already
 * give the version that they are, and *added (may be NULL) is false. A name is of models or of data
 * sets, not both (INVALID). Errors also: NOT_FOUND, FORMAT (a damaged model), IO (a full disk). */
LEAT_API LEAT_CHECKED leat_status leat_registry_push(leat_registry *registry,
                                                     leat_registered_list **out, bool *added,
                                                     const char *path,
                                                     const leat_push_options *options);

/* Whether a version of a model could get this name, before there is one. INVALID: it is no name, or
 * that of a data set. */
LEAT_API LEAT_CHECKED leat_status leat_registry_check_name(leat_registry *registry,
                                                           const char *name);

/* Writes the file of a version to `path`, atomically; its hash is checked on the way. FORMAT: the
 * store is damaged, and nothing was written. */
LEAT_API LEAT_CHECKED leat_status leat_registry_pull(leat_registry *registry, const char *version,
                                                     const char *path);
/* Opens a model straight from the store, its hash checked. *number (may be NULL) its version. */
LEAT_API LEAT_CHECKED leat_status leat_registry_open_model(leat_registry *registry,
                                                           const char *version, leat_model **out,
                                                           int64_t *number);
/* Where the file of a version lies, for reading only; its hash was checked just now. LIMIT: `path`
 * is too short. */
LEAT_API LEAT_CHECKED leat_status leat_registry_path(leat_registry *registry, const char *version,
                                                     char *path, size_t size);

/* What a caller expects of an alias besides a version. */
#define LEAT_ALIAS_ANY    (-1) /* nothing: move it whatever it stands at */
#define LEAT_ALIAS_ABSENT 0    /* that it does not exist */

/* Moves an alias to a version (0: removes it) if it stands at `expected` now: of two callers that
 * expect the same one succeeds. DIFFERS: it stands elsewhere; the message says where. *was (may be
 * NULL): where it stood, 0 where it did not exist. */
LEAT_API LEAT_CHECKED leat_status leat_registry_tag(leat_registry *registry, const char *name,
                                                    const char *alias, int64_t version,
                                                    int64_t expected, int64_t *was);

/* Forgets a version; its file goes with the next leat_registry_collect unless something else refers
 * to it. INVALID while an alias stands at it. */
LEAT_API LEAT_CHECKED leat_status leat_registry_remove(leat_registry *registry, const char *name,
                                                       int64_t version);

/* --- lineage ---------------------------------------------------------------------------------- */

/* For a model: the data it was made of, as its file records them. For a data set: the models that
 * used it. Texts belong to the list. */
typedef struct leat_lineage {
    const char *role;  /* "training" or "test" */
    const char *table; /* SHA-256 of the table */
    const char *name;  /* of the data set, or of the model; "" for data that are not registered */
    int64_t version;
} leat_lineage;

typedef struct leat_lineage_list leat_lineage_list;
LEAT_API LEAT_CHECKED leat_status leat_registry_lineage(leat_registry *registry,
                                                        leat_lineage_list **out,
                                                        const char *version);
LEAT_API void leat_lineage_list_destroy(leat_lineage_list *list); /* NULL is fine */
LEAT_API size_t leat_lineage_list_count(const leat_lineage_list *list);
/* NULL past the end. */
LEAT_API const leat_lineage *leat_lineage_list_at(const leat_lineage_list *list, size_t i);

/* --- runs ------------------------------------------------------------------------------------- */

/* What was tried, and what came out. */
typedef struct leat_run_param {
    const char *key, *value; /* "estimator", "svc"; "cv", "stratified:10" */
} leat_run_param;

typedef struct leat_run_metric {
    const char *key;         /* "accuracy"; "test accuracy"; "out of fold: f1_macro" */
    double value, low, high; /* 95% interval; NaN: none */
} leat_run_metric;

typedef struct leat_run_file {
    const char *name; /* when a run is recorded: its path */
    const char *sha256;
    uint64_t bytes;
} leat_run_file;

typedef struct leat_run_record {
    int64_t run;     /* 1, 2, ... */
    int64_t created; /* seconds since 1970, UTC */
    const char *name, *data, *task, *target, *command;
    const char *table; /* SHA-256 of the training data, as of leat_registered */
    double seconds;
    const leat_run_param *params; /* keys are unique */
    size_t param_count;
    const leat_run_metric *metrics; /* the one that decided first */
    size_t metric_count;
    const double *folds; /* scores of the folds by that metric; none where there was one fold */
    size_t fold_count;
    const char *folds_sha256; /* of who was in which fold: equal for runs on the same folds */
    double test_ratio;        /* mean of test to training rows of a fold */
    const leat_run_file *files;
    size_t file_count;
} leat_run_record;

enum { LEAT_RUN_FILES = 64 }; /* the most that a run can have */

/* Keeps a run with its files, all or nothing. run, created, sha256 and bytes of `record` are not
 * looked at. *number (may be NULL): its number. */
LEAT_API LEAT_CHECKED leat_status leat_registry_add_run(leat_registry *registry,
                                                        const leat_run_record *record,
                                                        int64_t *number);

/* Texts and arrays belong to the list. */
typedef struct leat_run_list leat_run_list;
/* All runs, newest first, each with its first metric alone and no parameters, folds or files. */
LEAT_API LEAT_CHECKED leat_status leat_registry_runs(leat_registry *registry, leat_run_list **out);
/* One run with everything. NOT_FOUND. */
LEAT_API LEAT_CHECKED leat_status leat_registry_run(leat_registry *registry, leat_run_list **out,
                                                    int64_t number);
LEAT_API void leat_run_list_destroy(leat_run_list *list); /* NULL is fine */
LEAT_API size_t leat_run_list_count(const leat_run_list *list);
/* NULL past the end. */
LEAT_API const leat_run_record *leat_run_list_at(const leat_run_list *list, size_t i);

/* Writes a file of a run to `path`, atomically; its hash is checked on the way. */
LEAT_API LEAT_CHECKED leat_status leat_registry_pull_run(leat_registry *registry, int64_t number,
                                                         const char *file, const char *path);
/* Forgets a run; its files go with the next leat_registry_collect. NOT_FOUND. */
LEAT_API LEAT_CHECKED leat_status leat_registry_remove_run(leat_registry *registry, int64_t number);

/* --- upkeep ----------------------------------------------------------------------------------- */

typedef struct leat_collected {
    uint64_t kept, removed;             /* files of the store */
    uint64_t kept_bytes, removed_bytes; /* their sizes */
    uint64_t pushes;                    /* that are under way, or have died: their files are kept */
} leat_collected;

/* Removes files that nothing refers to. What a push is about to refer to stays: a push announces
 * itself before it looks at the store, and announcements count until `patience` seconds have passed
 * (86400 is a good number; a push that is later fails and says so). dry: only count. */
LEAT_API LEAT_CHECKED leat_status leat_registry_collect(leat_registry *registry, double patience,
                                                        bool dry, leat_collected *out);

/* Called for every damage: `what` names it ("iris@2", "catalogue"), `message` says what is wrong.
 */
typedef void (*leat_damage_fn)(void *user, const char *what, const char *message);

/* Hashes every file that anything refers to again and checks the catalogue. *files: how many were
 * read. DIFFERS when there was damage (all of it is reported first). */
LEAT_API LEAT_CHECKED leat_status leat_registry_verify(leat_registry *registry,
                                                       leat_damage_fn on_damage, void *user,
                                                       uint64_t *files);

#ifdef __cplusplus
}
#endif

#endif
