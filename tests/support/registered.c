#include "support/registered.h"

#include <leat/data.h>

#include "support/fitted.h"

leat_registry *leattest_registry(leattest *t, const char *where, const char *objects)
{
    leat_registry_options o = leat_registry_options_default();
    leat_registry *r = NULL;
    o.where = where;
    o.folder = objects;
    o.make = true;
    return CHECK_OK(leat_registry_open(t->context, &r, &o)) ? r : NULL;
}

bool leattest_push(leattest *t, leat_registry *r, const char *name, leat_model *model)
{
    leat_push_options push = leat_push_options_default();
    leat_registered_list *list;
    const char *path = leattest_scratch("pushed.leat");
    push.name = name;
    bool ok = CHECK(model) && CHECK_OK(leat_model_save(t->context, model, path)) &&
              CHECK_OK(leat_registry_push(r, &list, NULL, path, &push));
    if (ok) leat_registered_list_destroy(list);
    leat_model_release(model);
    return ok;
}

bool leattest_push_iris(leattest *t, leat_registry *r, const char *name,
                        const char *const *estimators, size_t count)
{
    leat_context *c = t->context;
    leat_frame *iris = NULL;
    bool ok = CHECK_OK(leat_data_load(c, &iris, "iris", NULL));
    for (size_t i = 0; ok && i < count; i++)
        ok = leattest_push(t, r, name,
                           leattest_model(c, iris, "species", NULL, estimators[i], NULL, "auto"));
    leat_frame_release(iris);
    return ok;
}

int64_t leattest_alias(leattest *t, leat_registry *r, const char *version)
{
    leat_registered_list *list;
    if (leat_registry_find(r, &list, version) != LEAT_OK) {
        leat_error_clear(t->context);
        return 0;
    }
    int64_t stands = leat_registered_list_at(list, 0)->version;
    leat_registered_list_destroy(list);
    return stands;
}
