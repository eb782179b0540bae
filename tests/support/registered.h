/* Registries with models in them. */
#ifndef LEATTEST_REGISTERED_H
#define LEATTEST_REGISTERED_H

#include <leat/registry.h>

#include "support/leattest.h"

/* A registry at `where`, made where there is none (objects: as leat_registry_options.folder). NULL:
 * a check has failed. */
leat_registry *leattest_registry(leattest *t, const char *where, const char *objects);
/* The next version of `name`: that model, which is released. */
bool leattest_push(leattest *t, leat_registry *r, const char *name, leat_model *model);
/* The next versions of `name`: species of iris by these estimators (count). */
bool leattest_push_iris(leattest *t, leat_registry *r, const char *name,
                        const char *const *estimators, size_t count);
/* The version that an alias stands at; 0: at none. */
int64_t leattest_alias(leattest *t, leat_registry *r, const char *version);

#endif
