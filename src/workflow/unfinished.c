/* Owns: the judgement that a training ended too early. */
#include "workflow/unfinished.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "learn/estimator.h"

/* With more updates than this the default is no accident of a small table. */
enum { FEW_UPDATES = 1000 };
/* A fall over the last quarter by less than this share of the first loss is no longer worth it. */
static const double small_fall = 0.03;

static double mean_loss(const leati_history *h, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++) sum += h->epoch[i].loss;
    return sum / (double)(to - from);
}

static bool still_falls(const leati_history *h)
{
    size_t n = h->count;
    if (n < 8 || n < h->epochs || (h->validated && h->best + 1 < n)) return false;
    double before = mean_loss(h, n / 2, n * 3 / 4), now = mean_loss(h, n * 3 / 4, n);
    return before - now > small_fall * fabs(h->epoch[0].loss);
}

static bool is_default(const leati_estimator *e, const char *name)
{
    char value[64];
    const leati_param *p = leati_param_find(e->class->params, name);
    if (!p) return false;
    leati_param_get(p, e, value, sizeof value);
    return strcmp(value, p->standard) == 0;
}

/* A round number of about so many. */
static size_t rounded(double epochs)
{
    static const size_t round[] = {50, 100, 200, 500, 1000};
    size_t best = 0;
    for (size_t i = 1; i < sizeof round / sizeof *round; i++)
        if (fabs(log(epochs / (double)round[i])) < fabs(log(epochs / (double)round[best])))
            best = i;
    return round[best];
}

size_t leati_unfinished_epochs(const leat_experiment *e)
{
    const leati_history *h = &e->history;
    const leati_estimator *model = e->best ? e->best->estimator : NULL;
    if (!model || strcmp(model->class->name, "network") != 0 || !is_default(model, "epochs"))
        return 0;
    if (h->steps == 0 || h->steps >= FEW_UPDATES || !still_falls(h)) return 0;
    return rounded((double)h->epochs * FEW_UPDATES / (double)h->steps);
}

void leati_unfinished_note(leat_context *c, const leat_experiment *e)
{
    const leati_history *h = &e->history;
    size_t epochs = leati_unfinished_epochs(e);
    if (epochs == 0) return;
    leati_log(
        c, LEAT_LOG_WARN,
        "network: the training loss was still falling at the end of %zu epochs, which are %llu "
        "updates on so few rows; train longer: network.epochs=%zu",
        h->epochs, (unsigned long long)h->steps, epochs);
}
