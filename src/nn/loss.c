/* Owns: the table of losses and their text. */
#include "nn/loss.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/loss_classes.h"
#include "nn/spec.h"

static const leati_loss_class *const classes[] = {
#define LOSS(name) &leati_loss_##name,
#include "nn/losses.def"
#undef LOSS
};

size_t leati_loss_count(void)
{
    return sizeof classes / sizeof *classes;
}

const leati_loss_class *leati_loss_at(size_t i)
{
    return classes[i];
}

static const char *name_at(size_t i)
{
    return classes[i]->name;
}

leat_status leati_loss_parse(leat_context *c, const char *text, leati_loss **out)
{
    leati_spec s;
    char name[64];
    size_t k;
    *out = NULL;
    leati_spec_init(&s, c, "loss", text);
    if (!leati_spec_name(&s, name, sizeof name)) return leati_spec_refuse(&s, "the name of a loss");
    LEATI_TRY(leati_spec_find(c, "loss", name, leati_loss_count(), name_at, &k));
    leati_loss *l = leati_calloc(c, 1, classes[k]->size);
    if (!l) return LEAT_NOMEM;
    l->class = classes[k];
    leati_params_default(l->class->params, l);
    leat_status st = LEAT_OK;
    if (leati_spec_take(&s, '(')) st = leati_spec_params(&s, name, l->class->params, l);
    if (st == LEAT_OK && !leati_spec_at_end(&s)) st = leati_spec_refuse(&s, "the end");
    if (st == LEAT_OK) *out = l;
    else leati_free(l);
    return st;
}

leat_status leati_loss_for_task(leat_context *c, const char *text, leati_task task,
                                leati_loss **out)
{
    bool labels = task == LEATI_CLASSIFY;
    if (strcmp(text, "auto") == 0) text = labels ? "cross_entropy" : "mse";
    LEATI_TRY(leati_loss_parse(c, text, out));
    if (labels ? (*out)->class->classifies : (*out)->class->regresses) return LEAT_OK;
    leat_status st = LEATI_FAIL(c, LEAT_INVALID, "the loss %s is not for %s", (*out)->class->name,
                                labels ? "classes" : "numbers");
    leati_free(*out);
    *out = NULL;
    return st;
}

leat_status leati_loss_see(leat_context *c, leati_loss *l, const leati_dataset *d)
{
    bool entropy = l->class == &leati_loss_cross_entropy || l->class == &leati_loss_nll;
    return entropy ? leati_entropy_see(c, l, d) : LEAT_OK;
}
