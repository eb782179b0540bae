/* Owns: the table of losses and their text. */
#include "nn/loss.h"

#include <stdio.h>
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

const leati_loss_class *leati_loss_named(const char *text)
{
    size_t n = strcspn(text, "( \t\n");
    for (size_t i = 0; i < leati_loss_count(); i++)
        if (strlen(classes[i]->name) == n && memcmp(classes[i]->name, text, n) == 0)
            return classes[i];
    return NULL;
}

static leati_spec_row row_at(size_t i)
{
    return (leati_spec_row){classes[i], classes[i]->name, classes[i]->size, classes[i]->params};
}

leat_status leati_loss_parse(leat_context *c, const char *text, leati_loss **out)
{
    void *object;
    leat_status st = leati_spec_object(c, "loss", text, leati_loss_count(), row_at, &object);
    *out = object;
    return st;
}

static bool fits(const leati_loss_class *l, bool labels)
{
    return labels ? l->classifies : l->regresses;
}

/* Which losses the task has, and where those are used that are of no table. */
static leat_status refuse_task(leat_context *c, const leati_loss_class *l, bool labels)
{
    char names[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < leati_loss_count(); i++)
        if (fits(leati_loss_at(i), labels) && used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                                     leati_loss_at(i)->name);
    leat_status st = LEATI_FAIL(c, LEAT_INVALID, "the loss %s is not for %s", l->name,
                                labels ? "classes" : "numbers");
    leati_error_hint(c, "%sThose that are: %s.",
                     l->classifies || l->regresses
                         ? ""
                         : "It has no target in a table: a loop in C takes it (leat/network.h). ",
                     names);
    return st;
}

leat_status leati_loss_for_task(leat_context *c, const char *text, leati_task task,
                                leati_loss **out)
{
    bool labels = task == LEATI_CLASSIFY;
    if (strcmp(text, "auto") == 0) text = labels ? "cross_entropy" : "mse";
    LEATI_TRY(leati_loss_parse(c, text, out));
    if (fits((*out)->class, labels)) return LEAT_OK;
    leat_status st = refuse_task(c, (*out)->class, labels);
    leati_free(*out);
    *out = NULL;
    return st;
}

leat_status leati_loss_see(leat_context *c, leati_loss *l, const leati_dataset *d)
{
    bool entropy = l->class == &leati_loss_cross_entropy || l->class == &leati_loss_nll;
    return entropy ? leati_entropy_see(c, l, d) : LEAT_OK;
}
