/* Owns: the table of optimisers, their text, what their updates share. */
#include "nn/optimizer.h"

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

static leati_spec_row row_at(size_t i)
{
    return (leati_spec_row){classes[i], classes[i]->name, classes[i]->size, classes[i]->params};
}

leat_status leati_optimizer_parse(leat_context *c, const char *text, leati_optimizer **out)
{
    void *object = NULL;
    leat_status st =
        leati_spec_object(c, "optimizer", text, leati_optimizer_count(), row_at, &object);
    leati_optimizer *o = object;
    if (st == LEAT_OK && o->class->check) st = o->class->check(c, o);
    if (st != LEAT_OK) leati_free(o);
    *out = st == LEAT_OK ? o : NULL;
    return st;
}

size_t leati_optimizer_slots(const leati_optimizer *o)
{
    return o->class->used_slots ? o->class->used_slots(o) : o->class->slots;
}

leat_tensor *leati_update_gradient(const leati_update *u, double decay)
{
    leat_tensor *g = u->gradient;
    if (u->scale) g = leat_mul(g, u->scale);
    if (u->limit > 0)
        g = leat_minimum(leat_maximum(g, leat_like(g, -u->limit)), leat_like(g, u->limit));
    return decay > 0 ? leat_add(g, leat_scale(u->weight, decay)) : g;
}

leat_tensor *leati_update_norm_scale(leat_tensor *g, double most)
{
    leat_tensor *norm = leat_sqrt(leat_sum(leat_mul(g, g), 0, NULL, false));
    leat_tensor *ratio = leat_div(leat_like(norm, most), leat_shift(norm, 1e-6));
    return leat_minimum(ratio, leat_like(norm, 1));
}

leat_tensor *leati_update_mix(leat_tensor *x, double share, leat_tensor *y)
{
    return leat_add(leat_scale(x, share), leat_scale(y, 1 - share));
}
