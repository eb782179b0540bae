/* Settings files: a small YAML subset (one mapping of names to texts, lists of texts, or mappings
 * of mappings) that holds the options of an experiment by name. */
#ifndef LEAT_SETTINGS_H
#define LEAT_SETTINGS_H

#include <stddef.h>

#include <leat/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_settings leat_settings;

/* Errors name file, line and what was expected. A nested mapping, as in
 *     set: {svc: {C: 10, gamma: auto}, knn: {n_neighbors: [3, 5, 7]}}
 * gives the values "svc.C=10", "svc.gamma=auto", "knn.n_neighbors=3,5,7" under "set". */
LEAT_API LEAT_CHECKED leat_status leat_settings_read(leat_context *context, leat_settings **out,
                                                     const char *path);
LEAT_API void leat_settings_destroy(leat_settings *settings); /* NULL is fine */

/* Refuses keys that are not among `names`, naming the line and the nearest of them. */
LEAT_API LEAT_CHECKED leat_status leat_settings_check(leat_context *context,
                                                      const leat_settings *settings,
                                                      const char *const *names, size_t count);
/* Number of values of a key; 0: not there. */
LEAT_API size_t leat_settings_count(const leat_settings *settings, const char *key);
/* Value number `index`, or NULL. Owned by the settings. */
LEAT_API const char *leat_settings_value(const leat_settings *settings, const char *key,
                                         size_t index);

#ifdef __cplusplus
}
#endif

#endif
