/* Owns: the public view of the estimator and parameter tables. */
#include <leat/estimator.h>

#include "learn/estimator.h"

/* The row that readers count as number `index`, or the end of the table. */
static const leati_param *shown(const leati_estimator_class *class, size_t index)
{
    const leati_param *p = class->params;
    for (; p->name && (p->hidden || index); p++)
        if (!p->hidden) index--;
    return p;
}

static void describe(const leati_estimator_class *class, leat_estimator_info *out)
{
    size_t n = 0;
    while (shown(class, n)->name) n++;
    *out = (leat_estimator_info){.name = class->name,
                                 .title = class->title,
                                 .doc = class->doc,
                                 .classifies = class->traits & LEATI_CLASSIFIER,
                                 .regresses = class->traits & LEATI_REGRESSOR,
                                 .takes_missing = class->traits & LEATI_TAKES_MISSING,
                                 .takes_categories = class->traits & LEATI_TAKES_CATEGORIES,
                                 .wants_scaling = class->traits & LEATI_WANTS_SCALING,
                                 .params = n};
}

size_t leat_estimator_count(void)
{
    return leati_estimator_count();
}

bool leat_estimator_at(size_t index, leat_estimator_info *out)
{
    if (index >= leati_estimator_count()) return false;
    describe(leati_estimator_at(index), out);
    return true;
}

bool leat_estimator_find(const char *name, leat_estimator_info *out)
{
    const leati_estimator_class *class = leati_estimator_class_find(name);
    if (class) describe(class, out);
    return class != NULL;
}

void leati_param_describe(const leati_param *p, leat_param_info *out)
{
    *out = (leat_param_info){.name = p->name,
                             .standard = p->standard,
                             .doc = p->doc,
                             .choices = p->choices,
                             .grid = p->grid,
                             .is_switch = p->type == LEATI_PARAM_BOOL,
                             .is_whole = p->type == LEATI_PARAM_INT || p->whole,
                             .least = p->least,
                             .most = p->most};
    out->is_number =
        p->type == LEATI_PARAM_INT || p->type == LEATI_PARAM_REAL || p->type == LEATI_PARAM_MIXED;
}

bool leat_estimator_param(const char *estimator, size_t index, leat_param_info *out)
{
    const leati_estimator_class *class = leati_estimator_class_find(estimator);
    leat_estimator_info info;
    if (!class) return false;
    describe(class, &info);
    if (index >= info.params) return false;
    leati_param_describe(shown(class, index), out);
    return true;
}
