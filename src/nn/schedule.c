/* Owns: the table of schedules, their text and their formulas. */
#include "nn/schedule.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/spec.h"

#define REAL(T, field, value, lowest, highest, text)                                               \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_REAL, .offset = offsetof(T, field), .standard = value, \
        .least = lowest, .most = highest, .doc = text                                              \
    }
#define WHOLE(T, field, value, lowest, text)                                                       \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_INT, .offset = offsetof(T, field), .standard = value,  \
        .least = lowest, .most = 1e12, .doc = text                                                 \
    }
#define UNIT(T)                                                                                    \
    {                                                                                              \
        .name = "by", .type = LEATI_PARAM_CHOICE, .offset = offsetof(T, by), .standard = "epoch",  \
        .choices = "epoch|step", .doc = "What is counted."                                         \
    }

static const double pi = 3.14159265358979323846;

#define WARM_UP(T)                                                                                 \
    {                                                                                              \
        .name = "warmup", .type = LEATI_PARAM_INT, .offset = offsetof(T, warmup), .standard = "0", \
        .least = 0, .most = 1e12,                                                                  \
        .doc = "Steps of a linear rise before: the first has the rate divided by this."            \
    }

static double done(const leati_schedule_at *at, int by)
{
    return (double)(by ? at->step : at->epoch);
}

/* The course of steps begins behind those of the rise; epochs count from the beginning. */
static leati_schedule_at behind(const leati_schedule_at *at, int64_t warmup)
{
    leati_schedule_at rest = *at;
    uint64_t rise = (uint64_t)warmup;
    rest.step = at->step > rise ? at->step - rise : 0;
    rest.steps = at->steps > rise ? at->steps - rise : 1;
    return rest;
}

static double risen(const leati_schedule_at *at, int64_t warmup, double rate)
{
    double share = warmup ? ((double)at->step + 1) / (double)warmup : 1;
    return share < 1 ? rate * share : rate;
}

/* ---- constant ------------------------------------------------------------------------------- */

static const leati_param none[] = {{0}};

static double constant(const leati_schedule *s, const leati_schedule_at *at, const double *state)
{
    (void)s, (void)state;
    return at->rate;
}

static const leati_schedule_class leati_schedule_constant = {.name = "constant",
                                                             .doc = "The rate as it is.",
                                                             .size = sizeof(leati_schedule),
                                                             .params = none,
                                                             .rate = constant};

/* ---- step, exponential ---------------------------------------------------------------------- */

typedef struct decay {
    leati_schedule base;
    int64_t step_size, warmup;
    double gamma;
    int by;
} decay;

static const leati_param step_params[] = {
    WHOLE(decay, step_size, "30", 1, "Epochs (or steps) from one drop to the next."),
    REAL(decay, gamma, "0.1", 0, 1, "Factor of a drop."),
    UNIT(decay),
    WARM_UP(decay),
    {0}};

static double step(const leati_schedule *s, const leati_schedule_at *at, const double *state)
{
    const decay *d = (const decay *)s;
    (void)state;
    leati_schedule_at rest = behind(at, d->warmup);
    double rate = at->rate * pow(d->gamma, floor(done(&rest, d->by) / (double)d->step_size));
    return risen(at, d->warmup, rate);
}

static const leati_schedule_class leati_schedule_step = {.name = "step",
                                                         .doc = "Drops at equal distances.",
                                                         .size = sizeof(decay),
                                                         .params = step_params,
                                                         .rate = step};

static const leati_param exponential_params[] = {
    REAL(decay, gamma, "0.95", 0, 1, "Factor from one epoch (or step) to the next."),
    UNIT(decay),
    WARM_UP(decay),
    {0}};

static double exponential(const leati_schedule *s, const leati_schedule_at *at, const double *state)
{
    const decay *d = (const decay *)s;
    (void)state;
    leati_schedule_at rest = behind(at, d->warmup);
    return risen(at, d->warmup, at->rate * pow(d->gamma, done(&rest, d->by)));
}

static const leati_schedule_class leati_schedule_exponential = {
    .name = "exponential",
    .doc = "Times a factor after every epoch or step.",
    .size = sizeof(decay),
    .params = exponential_params,
    .rate = exponential};

/* ---- cosine --------------------------------------------------------------------------------- */

typedef struct cosine_schedule {
    leati_schedule base;
    int64_t period, multiply, warmup;
    double minimum;
    bool restarts;
    int by;
} cosine_schedule;

static const leati_param cosine_params[] = {
    WHOLE(cosine_schedule, period, "0", 0,
          "Epochs (or steps) from the top to the bottom; 0: the whole training, without restarts."),
    REAL(cosine_schedule, minimum, "0", 0, 1e3, "The rate at the bottom."),
    {.name = "restarts",
     .type = LEATI_PARAM_BOOL,
     .offset = offsetof(cosine_schedule, restarts),
     .standard = "false",
     .doc = "Begin again at the top after every period (Loshchilov and Hutter 2017), which is then "
            "to be given."},
    WHOLE(cosine_schedule, multiply, "1", 1, "Growth of the period from restart to restart."),
    {.name = "by",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(cosine_schedule, by),
     .standard = "step",
     .choices = "epoch|step",
     .doc = "What is counted."},
    WARM_UP(cosine_schedule),
    {0}};

static double cosine(const leati_schedule *s, const leati_schedule_at *at, const double *state)
{
    const cosine_schedule *d = (const cosine_schedule *)s;
    leati_schedule_at rest = behind(at, d->warmup);
    double t = done(&rest, d->by), period = (double)d->period;
    (void)state;
    if (d->period == 0) period = (double)(d->by ? rest.steps : rest.epochs);
    if (d->restarts && d->multiply == 1) t = fmod(t, fmax(period, 1));
    while (d->restarts && t >= period) {
        t -= period;
        period *= (double)d->multiply;
    }
    double rate = d->minimum + (at->rate - d->minimum) * (1 + cos(pi * t / fmax(period, 1))) / 2;
    return risen(at, d->warmup, rate);
}

static leat_status check_cosine(leat_context *c, const leati_schedule *s)
{
    const cosine_schedule *d = (const cosine_schedule *)s;
    LEATI_CHECK(c, !d->restarts || d->period > 0, LEAT_INVALID,
                "cosine: restarts=true begins again after every period, and period is 0, the whole "
                "training; give the %s from one restart to the next, as in cosine(period=%s, "
                "restarts=true%s)",
                d->by ? "steps" : "epochs", d->by ? "500" : "10", d->by ? "" : ", by=epoch");
    return LEAT_OK;
}

static bool cosine_needs_length(const leati_schedule *s)
{
    return ((const cosine_schedule *)s)->period == 0;
}

static const leati_schedule_class leati_schedule_cosine = {
    .name = "cosine",
    .doc = "Half a cosine from the rate to the minimum, with restarts on request.",
    .size = sizeof(cosine_schedule),
    .params = cosine_params,
    .check = check_cosine,
    .rate = cosine,
    .needs_length = cosine_needs_length};

/* ---- one cycle ------------------------------------------------------------------------------ */

typedef struct cycle {
    leati_schedule base;
    double pct_start, div_factor, final_div_factor;
} cycle;

static const leati_param cycle_params[] = {
    REAL(cycle, pct_start, "0.3", 0, 1, "Share of the steps in which the rate rises."),
    REAL(cycle, div_factor, "25", 1, 1e9, "The first rate is the largest divided by this."),
    REAL(cycle, final_div_factor, "10000", 1, 1e12, "The last is the first divided by this."),
    {0}};

static double along_cosine(double from, double to, double share)
{
    return to + (from - to) / 2 * (1 + cos(pi * share));
}

static double one_cycle(const leati_schedule *s, const leati_schedule_at *at, const double *state)
{
    const cycle *d = (const cycle *)s;
    double first = at->rate / d->div_factor, last = first / d->final_div_factor;
    double rise = d->pct_start * (double)at->steps - 1, end = (double)at->steps - 1;
    double t = fmin((double)at->step, end);
    (void)state;
    if (t <= rise) return along_cosine(first, at->rate, rise > 0 ? t / rise : 1);
    return along_cosine(at->rate, last, (t - rise) / (end - rise));
}

static bool cycle_needs_length(const leati_schedule *s)
{
    (void)s;
    return true;
}

static const leati_schedule_class leati_schedule_one_cycle = {
    .name = "one_cycle",
    .doc = "Up to the rate and down to almost nothing in one sweep (Smith and Topin 2019).",
    .size = sizeof(cycle),
    .params = cycle_params,
    .rate = one_cycle,
    .needs_length = cycle_needs_length};

/* ---- warm-up, Noam -------------------------------------------------------------------------- */

typedef struct warm {
    leati_schedule base;
    int64_t steps, model_size;
    double start;
} warm;

static const leati_param warmup_params[] = {
    WHOLE(warm, steps, "5", 1, "Steps of the rise."),
    REAL(warm, start, "0.3333333333333333", 0, 1, "Share of the rate in the first step."),
    {0}};

static double warmup(const leati_schedule *s, const leati_schedule_at *at, const double *state)
{
    const warm *d = (const warm *)s;
    (void)state;
    double share = fmin((double)at->step, (double)d->steps) / (double)d->steps;
    return at->rate * (d->start + (1 - d->start) * share);
}

static const leati_schedule_class leati_schedule_warmup = {
    .name = "warmup",
    .doc = "A linear rise, then constant. Before "
           "another course: its parameter "
           "warmup.",
    .size = sizeof(warm),
    .params = warmup_params,
    .rate = warmup};

static const leati_param noam_params[] = {WHOLE(warm, steps, "4000", 1, "Steps of the rise."),
                                          WHOLE(warm, model_size, "512", 1, "Width of the model."),
                                          {0}};

static double noam(const leati_schedule *s, const leati_schedule_at *at, const double *state)
{
    const warm *d = (const warm *)s;
    double t = (double)at->step + 1, w = (double)d->steps;
    (void)state;
    return at->rate * pow((double)d->model_size, -0.5) * fmin(pow(t, -0.5), t * pow(w, -1.5));
}

static const leati_schedule_class leati_schedule_noam = {
    .name = "noam",
    .doc = "A linear rise, then the inverse root of the step (Vaswani et al. 2017, eq. 3); the "
           "rate is a factor.",
    .size = sizeof(warm),
    .params = noam_params,
    .rate = noam,
    .standard_rate = 1};

/* ---- plateau -------------------------------------------------------------------------------- */

typedef struct plateau_schedule {
    leati_schedule base;
    double factor, threshold, minimum;
    int64_t patience, cooldown, warmup;
} plateau_schedule;

static const leati_param plateau_params[] = {
    REAL(plateau_schedule, factor, "0.1", 0, 1, "Factor of a drop."),
    WHOLE(plateau_schedule, patience, "10", 0, "Epochs without a better loss before a drop."),
    REAL(plateau_schedule, threshold, "0.0001", 0, 1, "Share by which a loss must be better."),
    WHOLE(plateau_schedule, cooldown, "0", 0, "Epochs after a drop that do not count."),
    REAL(plateau_schedule, minimum, "0", 0, 1e3, "No rate below this."),
    WARM_UP(plateau_schedule),
    {0}};

/* state: 1 - factor so far; whether a loss was seen; the best loss; bad epochs, or minus those of
 * cooling that are left. All zeros is the beginning. */
static double plateau(const leati_schedule *s, const leati_schedule_at *at, const double *state)
{
    const plateau_schedule *d = (const plateau_schedule *)s;
    double rate = fmax(at->rate * (1 - state[0]), fmin(d->minimum, at->rate));
    return risen(at, d->warmup, rate);
}

static void see_plateau(const leati_schedule *s, double loss, double *state)
{
    const plateau_schedule *d = (const plateau_schedule *)s;
    bool better = state[1] == 0 || loss < state[2] * (1 - d->threshold);
    if (better) state[1] = 1, state[2] = loss;
    if (state[3] < 0) state[3] += 1; /* cooling: neither good nor bad */
    else state[3] = better ? 0 : state[3] + 1;
    if (state[3] <= (double)d->patience) return;
    state[0] = 1 - (1 - state[0]) * d->factor;
    state[3] = -(double)d->cooldown;
}

static const leati_schedule_class leati_schedule_plateau = {
    .name = "plateau",
    .doc = "Drops when the validation loss (without one: the loss) does not fall any more.",
    .size = sizeof(plateau_schedule),
    .params = plateau_params,
    .rate = plateau,
    .see = see_plateau};

/* ---- the table ------------------------------------------------------------------------------ */

static const leati_schedule_class *const classes[] = {
#define SCHEDULE(name) &leati_schedule_##name,
#include "nn/schedules.def"
#undef SCHEDULE
};

size_t leati_schedule_count(void)
{
    return sizeof classes / sizeof *classes;
}

const leati_schedule_class *leati_schedule_at_row(size_t i)
{
    return classes[i];
}

bool leati_schedule_needs_length(const leati_schedule *s)
{
    return s->class->needs_length && s->class->needs_length(s);
}

bool leati_schedule_constant_rate(const leati_schedule *s)
{
    return s->class == &leati_schedule_constant;
}

double leati_schedule_number(const leati_schedule *s, const char *name)
{
    for (const leati_param *p = s->class->params; p->name; p++) {
        const char *at = (const char *)s + p->offset;
        if (strcmp(p->name, name) != 0) continue;
        if (p->type == LEATI_PARAM_INT) return (double)*(const int64_t *)(const void *)at;
        if (p->type == LEATI_PARAM_REAL) return *(const double *)(const void *)at;
    }
    return (double)NAN;
}

static leati_spec_row row_at(size_t i)
{
    return (leati_spec_row){classes[i], classes[i]->name, classes[i]->size, classes[i]->params};
}

leat_status leati_schedule_parse(leat_context *c, const char *text, leati_schedule **out)
{
    void *object = NULL;
    leat_status st =
        leati_spec_object(c, "schedule", text, leati_schedule_count(), row_at, &object);
    leati_schedule *s = object;
    if (st == LEAT_OK && s->class->check) st = s->class->check(c, s);
    if (st != LEAT_OK) leati_free(s);
    *out = st == LEAT_OK ? s : NULL;
    if (st != LEAT_OK && strchr(text, ';'))
        return leati_error_hint(c, "One schedule is the whole course; a rise before it is its "
                                   "parameter warmup, as in cosine(warmup=500).");
    return st;
}
