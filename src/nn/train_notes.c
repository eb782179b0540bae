/* Owns: notes on settings with which a training changes little or nothing. Their texts leave out
 * the number of steps, so that all folds say the same, which is shown once. */
#include "nn/train_notes.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"

/* More of the first weights than this in a mean of weights spoils it. */
static const double most_left = 0.1;

/* The greatest decay 1 - 10^-k that leaves little of the first weights; 0: none does. */
static double usual_decay(double steps)
{
    double best = 0;
    for (int k = 1; k <= 6; k++) {
        double decay = 1 - pow(10, -k);
        if (pow(decay, steps) <= most_left) best = decay;
    }
    return best;
}

static void note_mean(leat_context *c, double ema, double steps)
{
    if (pow(ema, steps) <= most_left) return;
    double better = usual_decay(steps);
    char advice[64] = "leave it out";
    if (better > 0) snprintf(advice, sizeof advice, "take at most ema=%g", better);
    leati_log(c, LEAT_LOG_WARN,
              "network: ema=%.10g is a mean over more steps than the training has: the model stays "
              "near the "
              "weights it begins with; %s, or train longer",
              ema, advice);
}

static void note_schedule(leat_context *c, const leati_train_options *o, uint64_t steps)
{
    const char *name = o->schedule->class->name;
    double rise = leati_schedule_number(o->schedule, "warmup");
    double minimum = leati_schedule_number(o->schedule, "minimum");
    if (isnan(rise)) rise = leati_schedule_number(o->schedule, "steps");
    if (rise > (double)steps)
        leati_log(
            c, LEAT_LOG_WARN,
            "network: schedule=%s: the learning rate rises for %.15g steps, and the training ends "
            "before that; take fewer, or train longer",
            name, rise);
    if (minimum > o->learning_rate)
        leati_log(
            c, LEAT_LOG_WARN,
            "network: schedule=%s: its minimum, %g, is above the learning rate, %g, which does not "
            "fall",
            name, minimum, o->learning_rate);
}

static void note_grey(leat_context *c, const leat_shape *input, const leati_augment *a)
{
    if (!a || a->saturation <= 0 || (input->rank == 3 && input->dim[2] != 1)) return;
    leati_log(c, LEAT_LOG_WARN,
              "network: augment=saturation changes colours, and the images are grey: it does "
              "nothing");
}

void leati_train_notes(leat_context *c, const leat_shape *input, const leati_optimizer *optimizer,
                       const leati_train_options *o, uint64_t steps)
{
    note_grey(c, input, o->augment);
    if (!optimizer->class->update) return; /* it has neither rates nor means */
    if (o->learning_rate == 0)
        leati_log(c, LEAT_LOG_WARN, "network: learning_rate=0: no step changes the weights");
    else if (o->schedule) note_schedule(c, o, steps);
    if (o->ema > 0) note_mean(c, o->ema, (double)steps);
}
