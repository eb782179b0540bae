/* Owns: the table of optimisers and their text. */
#include "nn/optimizer.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

#define OPTIMIZER(name) extern const leati_optimizer_class leati_optimizer_##name;
#include "nn/optimizers.def"
#undef OPTIMIZER

static const leati_optimizer_class *const classes[] = {
#define OPTIMIZER(name) &leati_optimizer_##name,
#include "nn/optimizers.def"
#undef OPTIMIZER
};

size_t leati_optimizer_count(void)
{
    return sizeof classes / sizeof *classes;
}

const leati_optimizer_class *leati_optimizer_at(size_t i)
{
    return classes[i];
}

static leat_status set_all(leat_context *c, leati_optimizer *o, char *params)
{
    for (char *rest, *item = strtok_r(params, ", ", &rest); item;
         item = strtok_r(NULL, ", ", &rest)) {
        char *value = strchr(item, '=');
        LEATI_CHECK(c, value, LEAT_INVALID, "optimizer %s: '%s' is not NAME=VALUE", o->class->name,
                    item);
        *value++ = 0;
        LEATI_TRY(leati_param_set(c, o->class->params, o->class->name, o, item, value));
    }
    return LEAT_OK;
}

leat_status leati_optimizer_parse(leat_context *c, const char *text, leati_optimizer **out)
{
    const char *names[32];
    size_t length = strcspn(text, "( "), k = 0, count = leati_optimizer_count();
    *out = NULL;
    for (size_t i = 0; i < count && i < 32; i++) names[i] = classes[i]->name;
    while (k < count && (strlen(names[k]) != length || memcmp(names[k], text, length) != 0)) k++;
    if (k == count) {
        (void)LEATI_FAIL(c, LEAT_INVALID, "there is no optimizer '%s'", text);
        const char *near = leati_nearest(text, names, count);
        if (near) leati_error_hint(c, "Did you mean '%s'?", near);
        return LEAT_INVALID;
    }
    leati_optimizer *o = leati_calloc(c, 1, classes[k]->size);
    if (!o) return LEAT_NOMEM;
    o->class = classes[k];
    leati_params_default(o->class->params, o);
    leat_status st = LEAT_OK;
    if (text[length]) {
        const char *end = strchr(text, ')');
        char *params =
            end ? leati_strndup(c, text + length + 1, (size_t)(end - text) - length - 1) : NULL;
        st = params ? set_all(c, o, params)
                    : LEATI_FAIL(c, LEAT_INVALID, "optimizer '%s': a ')' is missing", text);
        leati_free(params);
    }
    if (st != LEAT_OK) leati_free(o);
    else *out = o;
    return st;
}
