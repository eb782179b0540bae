/* Owns: the table of optimisers, their text, what their updates share. */
#include "nn/optimizer.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/spec.h"

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

static const char *name_at(size_t i)
{
    return classes[i]->name;
}

leat_status leati_optimizer_parse(leat_context *c, const char *text, leati_optimizer **out)
{
    leati_spec s;
    char name[64];
    size_t k;
    *out = NULL;
    leati_spec_init(&s, c, "optimizer", text);
    if (!leati_spec_name(&s, name, sizeof name))
        return leati_spec_refuse(&s, "the name of an optimizer");
    LEATI_TRY(leati_spec_find(c, "optimizer", name, leati_optimizer_count(), name_at, &k));
    leati_optimizer *o = leati_calloc(c, 1, classes[k]->size);
    if (!o) return LEAT_NOMEM;
    o->class = classes[k];
    leati_params_default(o->class->params, o);
    leat_status st = LEAT_OK;
    if (leati_spec_take(&s, '(')) st = leati_spec_params(&s, name, o->class->params, o);
    if (st == LEAT_OK && !leati_spec_at_end(&s)) st = leati_spec_refuse(&s, "the end");
    if (st == LEAT_OK) *out = o;
    else leati_free(o);
    return st;
}

leat_tensor *leati_update_gradient(const leati_update *u, double decay)
{
    leat_tensor *g = u->gradient;
    if (u->scale) g = leat_mul(g, u->scale);
    if (u->limit > 0)
        g = leat_minimum(leat_maximum(g, leat_like(g, -u->limit)), leat_like(g, u->limit));
    return decay > 0 ? leat_add(g, leat_scale(u->weight, decay)) : g;
}

leat_tensor *leati_update_mix(leat_tensor *x, double share, leat_tensor *y)
{
    return leat_add(leat_scale(x, share), leat_scale(y, 1 - share));
}
