/* Named data sets: some come with Leat or with a Debian package, some are fetched once, others are
 * the user's own, kept under the SHA-256 of their contents.
 *
 * A name may carry a version and a split: "titanic", "sales@2", "fashion-mnist:test". What is
 * fetched or added lives below the folder of Leat's data ($LEAT_HOME, else $XDG_DATA_HOME/leat,
 * else ~/.local/share/leat), in data/. LEAT_DATA_URL replaces the address data sets come from. */
#ifndef LEAT_DATA_H
#define LEAT_DATA_H

#include <leat/frame.h>
#include <leat/read.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum leat_data_source {
    LEAT_DATA_BUILT_IN, /* part of Leat */
    LEAT_DATA_PACKAGE,  /* in a Debian package */
    LEAT_DATA_FETCHED,  /* downloaded on request, SHA-256 known */
    LEAT_DATA_ADDED     /* by leat_data_add */
} leat_data_source;

/* "built in", "package", "download", "added". */
LEAT_API const char *leat_data_source_name(leat_data_source source);

typedef struct leat_data_info {
    char name[64];
    char version[32]; /* ADDED, else "" */
    char split[16];   /* asked for: "train", "test" or "" */
    char doc[160];
    char task[16];   /* "classification", "regression" or "" */
    char target[64]; /* the column usually predicted, or "" */
    char splits[32]; /* "train test", or "" */
    leat_data_source source;
    bool present;     /* can be opened without a network */
    char sha256[65];  /* of the file; "" where there is no single one */
    uint64_t bytes;   /* of the file, 0 where unknown */
    char path[1024];  /* of the file, "" where there is none (yet) */
    char origin[256]; /* FETCHED: its address; PACKAGE: the package; ADDED: the file's first name */
} leat_data_info;

/* All known data sets: those of Leat, then those added, oldest first. Destroy it after use. */
typedef struct leat_data_list leat_data_list;
LEAT_API LEAT_CHECKED leat_status leat_data_list_create(leat_context *context,
                                                        leat_data_list **out);
LEAT_API void leat_data_list_destroy(leat_data_list *list); /* NULL is fine */
LEAT_API size_t leat_data_list_count(const leat_data_list *list);
/* NULL past the end. */
LEAT_API const leat_data_info *leat_data_list_at(const leat_data_list *list, size_t index);

/* Whether `text` names a data set (that is known; it need not be present). */
LEAT_API bool leat_data_is_name(leat_context *context, const char *text);
/* NOT_FOUND (with a "did you mean" and the list) for other names and splits. */
LEAT_API LEAT_CHECKED leat_status leat_data_find(leat_context *context, const char *name,
                                                 leat_data_info *info);

/* Of a data set of Leat's own, also with a split in its name; NULL and false for any other text.
 * The column usually predicted, and whether there is a test split (false where `name` carries one).
 */
LEAT_API const char *leat_data_target(const char *name);
LEAT_API bool leat_data_has_test(const char *name);

/* Open a data set, fetching it first where that is needed. A set with splits gives the first one
 * (train) if the name carries none. `info` may be NULL. Errors also: NETWORK, and UNSUPPORTED where
 * a package is not installed (the message says which). */
LEAT_API LEAT_CHECKED leat_status leat_data_open(leat_context *context, leat_frame **out,
                                                 const char *name, leat_data_info *info);
/* Fetch without opening; nothing to do for what is present. */
LEAT_API LEAT_CHECKED leat_status leat_data_fetch(leat_context *context, const char *name,
                                                  leat_data_info *info);

/* A file if there is one of that path, else a data set of that name. `options` (NULL: defaults)
 * apply to files, and to the files of data sets that were added. */
LEAT_API LEAT_CHECKED leat_status leat_data_load(leat_context *context, leat_frame **out,
                                                 const char *path_or_name,
                                                 const leat_read_options *options);

/* Keep a copy of a file. `name`: letters, digits, '.', '_' and '-', no name of Leat's own;
 * `version` (NULL: "1", "2", ... the next free number) likewise. Adding the same contents under the
 * same name and version again changes nothing; other contents are INVALID. */
LEAT_API LEAT_CHECKED leat_status leat_data_add(leat_context *context, const char *path,
                                                const char *name, const char *version,
                                                leat_data_info *info);

/* Hash the kept file again. FORMAT: its contents are not what they were. NOT_FOUND: it is gone (or
 * was never fetched). Sets without a file of their own are checked by opening them. */
LEAT_API LEAT_CHECKED leat_status leat_data_verify(leat_context *context, const char *name);

#ifdef __cplusplus
}
#endif

#endif
