/* Owns: the training loop: the order of batches, epochs, validation, early stopping, what goes into
 * checkpoints. Not: what a step is (train_step.c), batches (feed.c), files (checkpoint.c). */
#include "nn/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/pool.h"
#include "base/progress.h"
#include "graph/graph.h"
#include "graph/trace.h"
#include "nn/checkpoint.h"
#include "nn/feed.h"
#include "nn/set_aside.h"
#include "nn/train_log.h"
#include "nn/train_notes.h"
#include "nn/train_origin.h"
#include "nn/train_step.h"
#include "nn/whole.h"
#include "tensor/shape.h"

static const char last_file[] = "last.checkpoint", settings_part[] = "settings";

/* Where training stands, as it is written to checkpoints. All of 8 bytes. */
typedef struct progress {
    uint64_t epoch, at; /* epochs done; rows of the present one done */
    uint64_t updates, batches;
    double loss_sum, seconds; /* of the present epoch */
    double best_loss;
    uint64_t best_epoch, finished;
    double right_sum;           /* rows predicted right in the present epoch */
    uint64_t notes, note_first; /* of the history; first update of the next one */
    uint64_t stretch;           /* updates that a note stands for */
    double note_loss;           /* sum over its updates so far */
    double rate;                /* of the last update */
    double schedule[LEATI_SCHEDULE_STATE];
} progress;

typedef struct training {
    leat_context *context;
    const leati_dataset *data;
    const leati_train_options *options;
    leati_step_shared step;
    leati_feed feed;
    leati_feed_job next; /* rows that are there ahead; count 0: none */
    float *next_x;       /* as step.x and step.y, for them; NULL: not ahead */
    void *next_y;
    uint32_t *order, *rows; /* rows: those to learn from, then those to validate; order: shuffled */
    size_t learn, validate, accumulate;
    leati_recorded add, add_last, full, last, check, check_last;
    float *best; /* weights and states of the best epoch */
    float *swap; /* weights while their mean is checked */
    progress now;
    leati_history *history;
    size_t history_capacity;
    float *guard; /* all variables as they were at guard_at, to look back from a bad loss */
    progress guard_at;
    leati_origins from; /* made when first asked for: that reads all of the data */
    char *settings;     /* in words; NULL: `from` is not yet made */
    double begun, epoch_start, last_checkpoint, last_report;
    uint64_t traced; /* updates in the timeline being taken */
    bool tracing;
    bool best_is_new; /* since best.checkpoint was written */
    bool written;     /* last.checkpoint is of this training */
    uint64_t kept;    /* updates in it */
    uint64_t kept_at; /* epochs in it, 0 where it stands within one */
} training;

/* ---- checkpoints ---------------------------------------------------------------------------- */

static leat_status find_origins(training *t)
{
    leati_free(t->settings);
    t->settings = leati_origin_settings(t->context, t->options, t->step.optimizer);
    if (!t->settings) return LEAT_NOMEM;
    t->from = leati_origins_make(t->data, t->step.network, t->options, t->settings);
    return LEAT_OK;
}

/* Sums are ordered differently at each level: going on at another one gives a model that neither of
 * them gives again. */
static uint64_t fingerprint_at(const training *t, leati_cpu_level level)
{
    uint64_t number = t->options->half ? level : leati_cpu_without_bf16(level);
    /* rows set aside by class: checkpoints of before, which drew others, do not fit */
    uint64_t draw = t->validate && t->data->label;
    return leati_hash64(&number, sizeof number, leati_hash64(&t->from, sizeof t->from, draw));
}

/* The variables of a training, by name. */
static size_t list_variables(training *t, const char **names, leat_variable **variables)
{
    static const char *const slots[LEATI_MOST_SLOTS] = {"slot 1", "slot 2", "slot 3"};
    size_t n = 0;
    names[n] = "weights", variables[n++] = t->step.network->trained;
    names[n] = "states", variables[n++] = t->step.network->states;
    for (size_t k = 0; k < leati_optimizer_slots(t->step.optimizer); k++)
        names[n] = slots[k], variables[n++] = t->step.slot[k];
    if (t->step.sum) names[n] = "gradient", variables[n++] = t->step.sum;
    if (t->step.mean) names[n] = "mean", variables[n++] = t->step.mean;
    return n;
}

enum { MOST_VARIABLES = 4 + LEATI_MOST_SLOTS };

static size_t bytes_of(const leat_variable *v)
{
    leat_shape s = leat_variable_shape(v);
    return leati_shape_count(&s) * leat_dtype_size(leat_variable_dtype(v));
}

/* There is a best epoch where it is looked for. */
static size_t best_bytes(const training *t)
{
    if (!t->validate) return 0;
    return (t->step.network->trained_count + t->step.network->state_count) * sizeof(float);
}

/* The last checkpoint is of where training stands. */
static void note_kept(training *t)
{
    t->written = true;
    t->kept = t->now.updates;
    t->kept_at = t->now.at ? 0 : t->now.epoch;
}

static leat_status write_checkpoint(training *t, const char *file)
{
    const char *names[MOST_VARIABLES];
    leat_variable *variables[MOST_VARIABLES];
    leat_context *c = t->context;
    leati_checkpoint k = {0};
    size_t count = list_variables(t, names, variables);
    char *path = leati_path_join(c, t->options->folder, file);
    leat_status st = path ? LEAT_OK : LEAT_NOMEM;
    if (st != LEAT_OK) goto out;
    if (!t->settings) LEATI_GO(find_origins(t));
    k.fingerprint = fingerprint_at(t, leati_context_cpu_level(c));
    LEATI_GO(leati_folder_make(c, t->options->folder));
    t->now.seconds = leati_now_s() - t->epoch_start;
    const leati_history *h = t->history;
    const leati_checkpoint_part parts[] = {
        {.name = "origins", .data = &t->from, .bytes = sizeof t->from},
        {.name = settings_part, .data = t->settings, .bytes = strlen(t->settings)},
        {.name = "progress", .data = &t->now, .bytes = sizeof t->now},
        {.name = "history", .data = h->epoch, .bytes = h->count * sizeof *h->epoch},
        {.name = "notes", .data = h->note, .bytes = (size_t)t->now.notes * sizeof *h->note},
        {.name = "best", .data = t->best, .bytes = best_bytes(t)}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) k.part[k.count++] = parts[i];
    for (size_t i = 0; i < count; i++)
        k.part[k.count++] = (leati_checkpoint_part){
            .name = names[i], .bytes = bytes_of(variables[i]), .variable = variables[i]};
    st = leati_checkpoint_write(c, path, &k);
    t->last_checkpoint = leati_now_s();
    if (st == LEAT_OK && !strcmp(file, last_file)) note_kept(t);
out:
    leati_free(path);
    return st;
}

/* Where this training can stand: between two updates. */
static leat_status check_progress(const training *t, const progress *now)
{
    const leati_train_options *o = t->options;
    size_t update = o->batch_size * t->accumulate;
    bool between = now->at == t->learn || (now->at < t->learn && now->at % update == 0);
    LEATI_CHECK(t->context,
                between && now->epoch < UINT32_MAX &&
                    (now->best_epoch < now->epoch || !now->best_epoch) &&
                    now->note_first <= now->updates && now->stretch > 0,
                LEAT_FORMAT,
                "the checkpoint is of epoch %llu, row %llu: epochs have %zu rows, %zu to an update",
                (unsigned long long)now->epoch, (unsigned long long)now->at, t->learn, update);
    LEATI_CHECK(t->context, now->notes <= LEATI_STEP_NOTES, LEAT_FORMAT,
                "the checkpoint has %llu notes of steps, at most %d are kept",
                (unsigned long long)now->notes, LEATI_STEP_NOTES);
    LEATI_CHECK(t->context, now->epoch + (now->at > 0) <= o->epochs, LEAT_DIFFERS,
                "%s/%s is of epoch %llu, and epochs is %zu; ask for more, or train without "
                "--resume",
                o->folder, last_file, (unsigned long long)now->epoch + (now->at > 0), o->epochs);
    return LEAT_OK;
}

/* No epoch is left, or none was better for long enough. */
static bool is_finished(const training *t)
{
    const leati_history *h = t->history;
    size_t patience = t->options->patience;
    bool stop = patience && h->count && h->count - 1 - h->best >= patience;
    return stop || t->now.epoch == t->options->epochs;
}

static leat_status restore(training *t, const leati_checkpoint *k)
{
    const char *names[MOST_VARIABLES];
    leat_variable *variables[MOST_VARIABLES];
    leat_context *c = t->context;
    const progress *now = leati_checkpoint_find(c, k, "progress", sizeof *now);
    const void *best = leati_checkpoint_find(c, k, "best", best_bytes(t));
    if (!now || !best) return leat_error_status(c);
    LEATI_TRY(check_progress(t, now));
    size_t count = list_variables(t, names, variables);
    for (size_t i = 0; i < count; i++) {
        size_t bytes = bytes_of(variables[i]);
        const void *data = leati_checkpoint_find(c, k, names[i], bytes);
        if (!data) return leat_error_status(c);
        LEATI_TRY(leat_variable_set(variables[i], data, bytes));
    }
    memcpy(&t->now, now, sizeof t->now);
    if (best_bytes(t)) memcpy(t->best, best, best_bytes(t));
    size_t epochs = (size_t)t->now.epoch;
    const void *history =
        leati_checkpoint_find(c, k, "history", epochs * sizeof *t->history->epoch);
    if (!history) return leat_error_status(c);
    LEATI_TRY(leati_grow(c, &t->history->epoch, &t->history_capacity, epochs + 1,
                         sizeof *t->history->epoch));
    if (epochs) memcpy(t->history->epoch, history, epochs * sizeof *t->history->epoch);
    t->history->count = epochs;
    t->history->best = (size_t)t->now.best_epoch;
    size_t notes = (size_t)t->now.notes * sizeof *t->history->note;
    const void *note = leati_checkpoint_find(c, k, "notes", notes);
    if (!note) return leat_error_status(c);
    if (notes) memcpy(t->history->note, note, notes);
    t->history->notes = (size_t)t->now.notes;
    t->now.finished = is_finished(t); /* perhaps not any more, with more epochs */
    return LEAT_OK;
}

/* What the settings were is told where they are all that differs. */
static void tell_settings(const training *t, const leati_checkpoint *k, leati_str *out)
{
    for (size_t i = 0; i < k->count; i++)
        if (!strcmp(k->part[i].name, settings_part)) {
            leati_str_add(out, " (");
            leati_origin_tell(out, t->options, k->part[i].data, k->part[i].bytes, t->settings);
            leati_str_add(out, ")");
        }
}

static leat_status refuse_other(training *t, const leati_checkpoint *k, const char *path)
{
    leat_context *c = t->context;
    const leati_origins *was = leati_checkpoint_find(c, k, "origins", sizeof *was), *is = &t->from;
    if (!was) return leat_error_status(c);
    const char *const names[] = {"the data", "the network", "the settings"};
    bool differs[] = {was->data != is->data, was->network != is->network,
                      was->settings != is->settings};
    leati_str what;
    leati_str_init(&what, c);
    for (int i = 0; i < 3; i++)
        if (differs[i])
            leati_str_addf(&what, "%s%s", *leati_str_text(&what) ? " and " : "", names[i]);
    bool any = differs[0] || differs[1] || differs[2];
    leati_str_add(&what, !any                                       ? "the versions differ"
                         : differs[1] && !differs[0] && !differs[2] ? " differs"
                                                                    : " differ");
    if (differs[2] && !differs[0] && !differs[1]) tell_settings(t, k, &what);
    leat_status st = LEATI_FAIL(c, LEAT_DIFFERS,
                                "%s is of another training: %s; train without "
                                "--resume",
                                path, leati_str_text(&what));
    leati_str_fini(&what);
    return st;
}

/* A checkpoint of another training is left alone. */
static leat_status check_same(training *t, const leati_checkpoint *k, const char *path)
{
    leat_context *c = t->context;
    leati_cpu_level here = leati_context_cpu_level(c);
    LEATI_TRY(find_origins(t));
    if (k->fingerprint == fingerprint_at(t, here)) return LEAT_OK;
    for (int level = 0; level < LEATI_CPU_LEVELS; level++)
        LEATI_CHECK(c, k->fingerprint != fingerprint_at(t, (leati_cpu_level)level), LEAT_DIFFERS,
                    "%s is of the instruction set level %s, this is %s; go on with LEAT_CPU=%s, or "
                    "train without --resume",
                    path, leati_cpu_level_name((leati_cpu_level)level), leati_cpu_level_name(here),
                    leati_cpu_level_name((leati_cpu_level)level));
    return refuse_other(t, k, path);
}

static leat_status resume(training *t)
{
    leat_context *c = t->context;
    leati_checkpoint k;
    char *path = leati_path_join(c, t->options->folder, last_file);
    if (!path) return LEAT_NOMEM;
    leat_status st = LEAT_OK;
    if (leati_path_exists(path)) {
        st = leati_checkpoint_read(c, path, &k);
        if (st == LEAT_OK) st = check_same(t, &k, path);
        if (st == LEAT_OK) st = restore(t, &k);
        if (st == LEAT_OK) note_kept(t);
        leati_checkpoint_release(&k);
        if (st == LEAT_DIFFERS && t->options->passes_over) {
            leat_error_clear(c);
            st = LEAT_OK;
        }
    }
    leati_free(path);
    return st;
}

/* ---- one epoch ------------------------------------------------------------------------------ */

static void shuffle(training *t)
{
    leati_rng rng;
    memcpy(t->order, t->rows, t->learn * sizeof *t->order);
    leati_rng_init(&rng, t->options->seed, LEATI_RNG_SHUFFLE, (uint32_t)t->now.epoch);
    leati_rng_shuffle(&rng, t->order, t->learn);
}

static size_t updates_an_epoch(const training *t)
{
    size_t rows = t->options->batch_size * t->accumulate;
    return (t->learn + rows - 1) / rows;
}

static double rate_now(const training *t)
{
    const leati_train_options *o = t->options;
    leati_schedule_at at = {.rate = o->learning_rate,
                            .step = t->now.updates,
                            .steps = o->epochs * updates_an_epoch(t),
                            .epoch = t->now.epoch,
                            .epochs = o->epochs};
    return o->schedule ? o->schedule->class->rate(o->schedule, &at, t->now.schedule) : at.rate;
}

/* "network, fold 3 of 5" */
static void name_training(const training *t, char *out, size_t size)
{
    const char *stage = leati_stage(t->context), *what = t->options->what;
    snprintf(out, size, "%s%s%s", what ? what : "network", *stage ? ", " : "", stage);
}

/* At most 20 times a second, for it costs as much as a small step, and at the end. */
static leat_status report(training *t)
{
    const leati_train_options *o = t->options;
    double now = leati_now_s(), rows = (double)t->now.at, spent = now - t->epoch_start;
    bool last = t->now.epoch + 1 == o->epochs && t->now.at == t->learn;
    if (!last && now - t->last_report < 0.05) return LEAT_OK;
    t->last_report = now;
    char what[240], name[80], right[32] = "", speed[LEATI_NUM_SIZE], rate[LEATI_NUM_SIZE + 16] = "";
    name_training(t, name, sizeof name);
    if (t->history && t->history->watched && rows > 0)
        snprintf(right, sizeof right, ", accuracy %.3f", t->now.right_sum / rows);
    if (spent > 0 && rows / spent < 1e12) {
        leati_num_pretty(rows / spent, 3, speed);
        snprintf(rate, sizeof rate, ", %s rows/s", speed);
    }
    snprintf(what, sizeof what, "%s: epoch %llu/%zu, loss %.3g%s%s", name,
             (unsigned long long)t->now.epoch + 1, o->epochs,
             rows > 0 ? t->now.loss_sum / rows : 0.0, right, rate);
    return leati_progress(t->context, what, t->now.epoch * t->learn + t->now.at,
                          o->epochs * t->learn);
}

/* The end of one that stops early, which no epoch's report is. */
static leat_status report_end(training *t)
{
    size_t epochs = t->options->epochs, all = epochs * t->learn;
    char what[160], name[80];
    if (t->now.epoch == epochs) return LEAT_OK;
    name_training(t, name, sizeof name);
    snprintf(what, sizeof what, "%s: stopped at epoch %llu/%zu", name,
             (unsigned long long)t->now.epoch, epochs);
    return leati_progress(t->context, what, all, all);
}

/* While a step runs, the rows of the next one of this epoch are gathered. */
static void gather_ahead(training *t, size_t done)
{
    size_t at = (size_t)t->now.at + done, left = t->learn - at, batch = t->options->batch_size;
    leati_feed_job *next = &t->next;
    next->count = left < batch ? left : batch;
    if (!t->next_x || next->count == 0) {
        next->count = 0;
        return;
    }
    *next = (leati_feed_job){.f = &t->feed,
                             .rows = t->order + at,
                             .count = next->count,
                             .epoch = t->now.epoch,
                             .augment = true,
                             .x = t->next_x,
                             .y = t->next_y};
    leati_feed_ahead(t->context, next);
}

/* The rows of the present batch: those that were gathered ahead, if they are the same. */
static void gather(training *t, size_t rows)
{
    leati_step_shared *s = &t->step;
    const leati_feed_job *next = &t->next;
    const uint32_t *from = t->order + t->now.at;
    if (next->count == rows && next->rows == from && next->epoch == t->now.epoch) {
        t->next_x = s->x, t->next_y = s->y;
        s->x = next->x, s->y = next->y;
    } else {
        leati_feed_batch(t->context, &t->feed, from, rows, t->now.epoch, true, s->x, s->y);
    }
    t->next.count = 0;
}

/* One batch of an update. `group` rows belong to the update together. */
static const leati_recorded *feed_batch(training *t, size_t rows, size_t group, bool ends)
{
    leati_step_shared *s = &t->step;
    bool whole = rows == t->options->batch_size;
    const leati_recorded *r =
        ends ? (whole ? &t->full : &t->last) : (whole ? &t->add : &t->add_last);
    if (rows == t->learn) r = ends ? &t->full : &t->add;
    gather(t, rows);
    if (s->other) {
        s->keep = (float)leati_augment_share(t->options->augment, t->options->seed, t->now.batches);
        leati_feed_mix(t->context, &t->feed, rows, s->keep, s->x, s->y, s->other);
    }
    s->share = (float)((double)rows / (double)group);
    s->key[1] = t->now.batches;
    return r;
}

static leat_status run_batch(training *t, const leati_recorded *r, float *loss)
{
    float right;
    gather_ahead(t, r->rows);
    leat_status st = leati_recorded_run(&t->step, r);
    if (t->next.count) leati_beside_end(t->context);
    LEATI_TRY(st);
    LEATI_TRY(leat_get(r->roots[0], loss, sizeof *loss));
    if (r->values > 1) {
        LEATI_TRY(leat_get(r->roots[1], &right, sizeof right));
        t->now.right_sum += (double)right * (double)r->rows;
    }
    t->now.batches++;
    t->now.loss_sum += (double)*loss * (double)r->rows;
    t->now.at += r->rows;
    return LEAT_OK;
}

/* A place to which training can go back. */
static leat_status set_guard(training *t)
{
    const char *names[MOST_VARIABLES];
    leat_variable *variables[MOST_VARIABLES];
    size_t count = list_variables(t, names, variables);
    float *at = t->guard;
    for (size_t i = 0; i < count; i++) {
        LEATI_TRY(leat_variable_get(variables[i], at, bytes_of(variables[i])));
        at += bytes_of(variables[i]) / sizeof(float);
    }
    t->guard_at = t->now;
    return LEAT_OK;
}

static leat_status return_to_guard(training *t)
{
    const char *names[MOST_VARIABLES];
    leat_variable *variables[MOST_VARIABLES];
    size_t count = list_variables(t, names, variables);
    const float *at = t->guard;
    for (size_t i = 0; i < count; i++) {
        LEATI_TRY(leat_variable_set(variables[i], at, bytes_of(variables[i])));
        at += bytes_of(variables[i]) / sizeof(float);
    }
    t->now = t->guard_at;
    return LEAT_OK;
}

/* What was not finite first. */
typedef struct culprit {
    leati_blame blame;
    uint64_t update; /* 0: in none, but while the rows set aside were looked at */
    size_t row;      /* of the data set, SIZE_MAX: not known */
} culprit;

/* Where there is no room for another note, two become one: notes do not depend on how many updates
 * are to come. */
static void halve_notes(leati_history *h, progress *now)
{
    uint64_t before = 0;
    for (size_t i = 0; i < now->notes / 2; i++) {
        const leati_step_note a = h->note[2 * i], b = h->note[2 * i + 1];
        double first = (double)(a.step - before), second = (double)(b.step - a.step);
        double loss = (a.loss * first + b.loss * second) / (first + second);
        before = b.step;
        h->note[i] = (leati_step_note){b.step, b.rate, loss};
    }
    now->notes /= 2;
    now->stretch *= 2;
}

/* More updates in the history, the sum of whose losses is `losses`. */
static void note_updates(training *t, double losses)
{
    leati_history *h = t->history;
    progress *now = &t->now;
    now->note_loss += losses;
    uint64_t since = now->updates - now->note_first;
    if (!h || since < now->stretch) return;
    if (now->notes == LEATI_STEP_NOTES) {
        halve_notes(h, now);
        if (since < now->stretch) return;
    }
    h->note[now->notes++] =
        (leati_step_note){now->updates, now->rate, now->note_loss / (double)since};
    h->notes = (size_t)now->notes;
    now->note_first = now->updates;
    now->note_loss = 0;
}

/* The first value of a row that is no number of a network's, or the count of columns. */
static size_t bad_column(const leati_matrix *x, size_t row)
{
    size_t k = 0;
    while (k < x->cols && isfinite((float)leati_at(x, row, k))) k++;
    return k;
}

/* The row of the data set behind a batch of rows that was blamed. A sample is one of its own where
 * none are mixed; else the first of the batch that can have spoiled it. */
static size_t blamed_row(const training *t, const leati_blame *b, const uint32_t *rows,
                         size_t count)
{
    const leati_matrix *x = &t->data->x;
    if (!b->found || b->row >= count) return SIZE_MAX;
    for (size_t i = 0; b->data && i < count; i++)
        if (bad_column(x, rows[i]) < x->cols) return rows[i];
    return t->step.other ? SIZE_MAX : rows[b->row];
}

/* An update; with `look` its batches are examined first, operation by operation. bad: the first
 * loss that is not finite ends it. */
static leat_status run_update(training *t, culprit *look, float *bad)
{
    size_t batch = t->options->batch_size, left = t->learn - (size_t)t->now.at;
    size_t group = left < batch * t->accumulate ? left : batch * t->accumulate;
    t->step.rate = (float)rate_now(t);
    t->now.rate = (double)t->step.rate;
    t->step.number = (float)++t->now.updates;
    double before = t->now.loss_sum;
    *bad = 0;
    for (size_t done = 0; done < group;) {
        size_t rows = group - done < batch ? group - done : batch;
        const leati_recorded *r = feed_batch(t, rows, group, done + rows == group);
        if (look) {
            LEATI_TRY(leati_recorded_blame(&t->step, r, &look->blame));
            look->row = blamed_row(t, &look->blame, t->order + t->now.at, rows);
        }
        if (look && look->blame.found) return LEAT_OK;
        LEATI_TRY(run_batch(t, r, bad));
        if (!isfinite(*bad)) return LEAT_OK;
        done += rows;
    }
    note_updates(t, (t->now.loss_sum - before) / (double)group);
    return LEAT_OK;
}

/* A loss of update `last` was not finite. The epoch runs again from its beginning, to the same
 * numbers, and the two updates at its end are examined: weights are spoiled one update before the
 * loss shows it. */
static leat_status look_back(training *t, uint64_t last, culprit *found)
{
    float loss;
    LEATI_TRY(return_to_guard(t));
    while (t->now.updates < last && !found->blame.found) {
        bool near = t->now.updates + 2 >= last;
        LEATI_TRY(run_update(t, near ? found : NULL, &loss));
        found->update = t->now.updates;
    }
    return LEAT_OK;
}

/* Weights as they were before the epoch that spoiled them, where there is no later checkpoint: also
 * of a training too short to have written any. */
static leat_status keep_good(training *t)
{
    const char *folder = t->options->folder;
    if (!folder || !t->guard_at.epoch || (t->written && t->kept >= t->guard_at.updates))
        return LEAT_OK;
    LEATI_TRY(return_to_guard(t));
    t->epoch_start = leati_now_s();
    t->history->notes = (size_t)t->now.notes;
    LEATI_TRY(write_checkpoint(t, last_file));
    return leati_train_log_write(t->context, folder, t->history);
}

/* A value of the data that is none for the network, in people's words. */
static void tell_value(const training *t, size_t row, size_t column, char *out, size_t size)
{
    const leati_dataset *d = t->data;
    double v = leati_at(&d->x, row, column);
    size_t place = (d->place ? d->place[row] : row) + (size_t)1;
    char name[64];
    if (d->features) snprintf(name, sizeof name, "'%.50s'", d->features[column].name);
    else snprintf(name, sizeof name, "%zu", column + 1);
    snprintf(out, size, "%.9g in row %zu of column %s%s", v, place, name,
             isfinite(v) ? " (networks count in f32, to 3.4e38)" : "");
}

/* "; the first number that is not finite came in step 3 from layer 2 `dense`: `matmul`" */
static void tell_culprit(const training *t, const culprit *k, char *out, size_t size)
{
    const leati_dataset *d = t->data;
    char step[48] = "", where[320];
    *out = '\0';
    if (!k->blame.found) return;
    if (k->update) snprintf(step, sizeof step, " in step %llu", (unsigned long long)k->update);
    snprintf(where, sizeof where, "%s", k->blame.where);
    size_t column = k->blame.data && k->row < d->x.rows ? bad_column(&d->x, k->row) : SIZE_MAX;
    if (column < d->x.cols) {
        size_t n = (size_t)snprintf(where, sizeof where, "the data: ");
        tell_value(t, k->row, column, where + n, sizeof where - n);
    } else if (!k->update && k->row < d->x.rows)
        snprintf(where, sizeof where, "%s, for row %zu", k->blame.where,
                 (d->place ? d->place[k->row] : k->row) + (size_t)1);
    snprintf(out, size, "; the first number that is not finite came%s from %s", step, where);
}

static leat_status hint(const training *t, const culprit *k)
{
    leat_context *c = t->context;
    const leati_train_options *o = t->options;
    bool counts = o->schedule && leati_schedule_needs_length(o->schedule);
    char more[640] = "", make[128] = "";
    if (k->blame.data)
        return leati_error_hint(c, "Mend the value or leave the row out; --preprocess standard "
                                   "brings large columns into range.");
    if (t->written && t->kept_at && !counts)
        snprintf(make, sizeof make, "network.epochs=%llu with --resume makes its model, ",
                 (unsigned long long)t->kept_at);
    if (t->written)
        snprintf(more, sizeof more,
                 " With the checkpoint: %snetwork.weights=%.400s/%s begins a new training.", make,
                 o->folder, last_file);
    return leati_error_hint(c,
                            "Lower the learning rate, scale the inputs, or clip the gradient "
                            "(clip_norm=1).%s",
                            more);
}

/* The end of a training in which `what` was not finite: `value`, where there is one. */
static leat_status end_badly(training *t, const char *what, const char *value, uint64_t epoch,
                             uint64_t update, const culprit *k)
{
    leat_context *c = t->context;
    char more[512], kept[512] = "";
    tell_culprit(t, k, more, sizeof more);
    LEATI_TRY(keep_good(t));
    if (t->written)
        snprintf(kept, sizeof kept, "; the last checkpoint is kept in %s", t->options->folder);
    (void)LEATI_FAIL(c, LEAT_NUMERIC, "%s %s in epoch %llu at step %llu%s%s", what, value,
                     (unsigned long long)epoch, (unsigned long long)update, more, kept);
    return hint(t, k);
}

/* What is not finite after the last update. */
static leat_status fail(training *t, const char *what, const char *value)
{
    culprit k = {.update = t->now.updates, .row = SIZE_MAX};
    uint64_t epoch = t->now.epoch + 1, update = t->now.updates;
    LEATI_TRY(look_back(t, update, &k));
    return end_badly(t, what, value, epoch, update, &k);
}

static const char *value_text(float loss)
{
    return isnan(loss) ? "nan" : loss < 0 ? "-inf" : "inf";
}

static leat_status fail_loss(training *t, float loss)
{
    return fail(t, "the loss is", value_text(loss));
}

/* The loss of an update is that before it: weights are looked at before they are kept. */
static leat_status check_weights(training *t)
{
    enum { PIECE = 4096 };
    size_t count = t->step.network->trained_count;
    bool finite = true;
    float piece[PIECE];
    for (size_t at = 0, n; finite && at < count; at += n) {
        n = count - at < PIECE ? count - at : PIECE;
        LEATI_TRY(leati_variable_read(t->step.network->trained, at * sizeof *piece, piece,
                                      n * sizeof *piece));
        for (size_t i = 0; finite && i < n; i++) finite = isfinite(piece[i]);
    }
    return finite ? LEAT_OK : fail(t, "the weights are", "not finite");
}

/* The timeline of what ran since its start, written; where it cannot be the training goes on
 * without one. */
static leat_status end_trace(training *t)
{
    leat_graph *g = t->step.network->graph;
    if (!t->tracing) return LEAT_OK;
    t->tracing = false;
    leat_status st = leat_trace_write(g, t->options->trace);
    if (st == LEAT_OK) t->history->traced = (size_t)t->traced;
    if (st != LEAT_IO && st != LEAT_INVALID) return st;
    leati_log(t->context, LEAT_LOG_WARN, "network: no trace: %s", leat_error_message(t->context));
    leat_error_clear(t->context);
    leati_trace_destroy(g->trace);
    g->trace = NULL;
    return LEAT_OK;
}

/* Whether there is a folder, and enough to keep. */
static bool writes(const training *t)
{
    const leati_train_options *o = t->options;
    return o->folder && (o->wait <= 0 || leati_now_s() - t->begun >= o->wait);
}

/* The caller wants to stop: what is done is kept. */
static leat_status interrupted(training *t)
{
    const char *folder = t->options->folder;
    if (!folder) return LEAT_CANCELLED;
    leat_error_clear(t->context);
    LEATI_TRY(check_weights(t));
    LEATI_TRY(write_checkpoint(t, last_file));
    if (t->history->count) LEATI_TRY(leati_train_log_write(t->context, folder, t->history));
    LEATI_TRY(end_trace(t));
    return LEATI_FAIL(t->context, LEAT_CANCELLED,
                      "interrupted in epoch %llu; --resume goes on from %s/last.checkpoint",
                      (unsigned long long)t->now.epoch + 1, folder);
}

/* A checkpoint within an epoch, when it is time; one at once when training is cancelled. */
static leat_status between_updates(training *t)
{
    const leati_train_options *o = t->options;
    leat_status st = report(t);
    if (st == LEAT_CANCELLED) st = interrupted(t);
    LEATI_TRY(st);
    if (!writes(t) || t->now.at == t->learn) return LEAT_OK;
    if (leati_now_s() - t->last_checkpoint < o->checkpoint_seconds) return LEAT_OK;
    LEATI_TRY(check_weights(t));
    return write_checkpoint(t, last_file);
}

/* The loss of a batch of the rows set aside, which begins at `at`, is not finite. */
static leat_status fail_check(training *t, const leati_recorded *r, size_t at, float loss)
{
    culprit k = {.row = SIZE_MAX};
    LEATI_TRY(leati_recorded_blame(&t->step, r, &k.blame));
    k.row = blamed_row(t, &k.blame, t->rows + t->learn + at, r->rows);
    return end_badly(t, "the validation loss is", value_text(loss), t->now.epoch + 1,
                     t->now.updates, &k);
}

static leat_status check(training *t, leati_epoch *e)
{
    leati_step_shared *s = &t->step;
    size_t batch = t->options->batch_size;
    double loss = 0, right = 0;
    bool has_metric = false;
    for (size_t at = 0; at < t->validate; at += batch) {
        const leati_recorded *r = t->validate - at >= batch ? &t->check : &t->check_last;
        float value[2] = {0};
        leati_feed_batch(t->context, &t->feed, t->rows + t->learn + at, r->rows, 0, false, s->x,
                         s->y);
        LEATI_TRY(leati_recorded_run(s, r));
        for (size_t i = 0; i < r->values; i++)
            LEATI_TRY(leat_get(r->roots[i], &value[i], sizeof *value));
        if (!isfinite(value[0])) return fail_check(t, r, at, value[0]);
        loss += (double)value[0] * (double)r->rows;
        right += (double)value[1] * (double)r->rows;
        has_metric = r->values > 1;
    }
    e->validation_loss = loss / (double)t->validate;
    if (has_metric) e->validation_accuracy = right / (double)t->validate;
    return LEAT_OK;
}

/* ---- epochs --------------------------------------------------------------------------------- */

/* Weights and their mean change places; twice is nothing. */
static leat_status swap_mean(training *t)
{
    leat_variable *w = t->step.network->trained, *mean = t->step.mean;
    size_t bytes = bytes_of(w);
    if (!mean) return LEAT_OK;
    float *other = t->swap + t->step.network->trained_count;
    LEATI_TRY(leat_variable_get(w, t->swap, bytes));
    LEATI_TRY(leat_variable_get(mean, other, bytes));
    LEATI_TRY(leat_variable_set(w, other, bytes));
    return leat_variable_set(mean, t->swap, bytes);
}

static leat_status keep_best(training *t)
{
    leati_network *n = t->step.network;
    LEATI_TRY(leat_variable_get(n->trained, t->best, n->trained_count * sizeof(float)));
    return leat_variable_get(n->states, t->best + n->trained_count, n->state_count * sizeof(float));
}

static leat_status restore_best(training *t)
{
    leati_network *n = t->step.network;
    LEATI_TRY(leat_variable_set(n->trained, t->best, n->trained_count * sizeof(float)));
    return leat_variable_set(n->states, t->best + n->trained_count, n->state_count * sizeof(float));
}

/* Validation and what follows from it. */
static leat_status judge(training *t, leati_epoch *e, bool *better)
{
    *better = !t->validate;
    if (!t->validate) return LEAT_OK;
    LEATI_TRY(swap_mean(t));
    LEATI_TRY(check(t, e));
    *better = e->validation_loss < t->now.best_loss || t->history->count == 0;
    if (*better) LEATI_TRY(keep_best(t));
    LEATI_TRY(swap_mean(t));
    if (*better) t->now.best_loss = e->validation_loss;
    return LEAT_OK;
}

static double wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static leat_status end_epoch(training *t)
{
    const leati_train_options *o = t->options;
    leati_history *h = t->history;
    leati_epoch e = {.validation_loss = (double)NAN,
                     .validation_accuracy = (double)NAN,
                     .accuracy = (double)NAN,
                     .loss = t->now.loss_sum / (double)t->learn,
                     .rate = t->now.rate,
                     .step = t->now.updates};
    bool better;
    if (h->watched) e.accuracy = t->now.right_sum / (double)t->learn;
    LEATI_TRY(judge(t, &e, &better));
    e.seconds = leati_now_s() - t->epoch_start;
    e.ended = wall_seconds();
    LEATI_TRY(
        leati_grow(t->context, &h->epoch, &t->history_capacity, h->count + 1, sizeof *h->epoch));
    h->epoch[h->count++] = e;
    if (o->schedule && o->schedule->class->see)
        o->schedule->class->see(o->schedule, t->validate ? e.validation_loss : e.loss,
                                t->now.schedule);
    if (better) t->now.best_epoch = h->count - 1;
    h->best = (size_t)t->now.best_epoch;
    t->now.epoch++;
    t->now.at = 0;
    t->now.loss_sum = t->now.right_sum = 0;
    t->now.finished = is_finished(t);
    if (better) t->best_is_new = true;
    /* files that reach the disk take milliseconds each, epochs of small networks less */
    double wait = fmin(o->checkpoint_seconds, 1);
    if (!writes(t) || (!t->now.finished && leati_now_s() - t->last_checkpoint < wait))
        return LEAT_OK;
    LEATI_TRY(leati_folder_make(t->context, o->folder));
    LEATI_TRY(leati_train_log_write(t->context, o->folder, h));
    if (t->best_is_new && t->validate) LEATI_TRY(write_checkpoint(t, "best.checkpoint"));
    t->best_is_new = false;
    return write_checkpoint(t, last_file);
}

/* An epoch of updates by batches. */
static leat_status run_batches(training *t)
{
    while (t->now.at < t->learn) {
        float bad;
        LEATI_TRY(run_update(t, NULL, &bad));
        if (!isfinite(bad)) return fail_loss(t, bad);
        if (t->tracing && ++t->traced == LEATI_TRACED_UPDATES) LEATI_TRY(end_trace(t));
        LEATI_TRY(between_updates(t));
    }
    return check_weights(t);
}

/* An epoch of an optimiser that takes all rows at once. */
static leat_status run_whole(training *t)
{
    leati_whole w = {.step = &t->step,
                     .feed = &t->feed,
                     .rows = t->rows,
                     .count = t->learn,
                     .epoch = t->now.epoch,
                     .batches = t->now.batches,
                     .add = &t->add,
                     .rest = &t->add_last};
    if (t->now.at == t->learn) return LEAT_OK; /* it was interrupted just behind it */
    t->step.rate = 1;
    leat_status st = leati_whole_run(&w);
    if (st == LEAT_CANCELLED) {
        LEATI_TRY(return_to_guard(t));
        return interrupted(t);
    }
    LEATI_TRY(st);
    t->now.updates += w.iterations;
    t->now.batches += updates_an_epoch(t);
    t->now.loss_sum = w.loss;
    t->now.right_sum = w.right;
    t->now.at = t->learn;
    t->now.rate = 1;
    note_updates(t, w.loss / (double)t->learn * (double)w.iterations);
    if (t->tracing) t->traced = w.iterations;
    LEATI_TRY(end_trace(t));
    return between_updates(t);
}

static leat_status run_epochs(training *t)
{
    bool by_batches = t->step.optimizer->class->update != NULL;
    if (t->options->trace && !t->now.finished) {
        LEATI_TRY(leat_trace_start(t->step.network->graph));
        t->tracing = true;
    }
    t->begun = t->epoch_start = t->last_checkpoint = leati_now_s();
    t->epoch_start -= t->now.seconds;
    while (!t->now.finished) {
        shuffle(t);
        LEATI_TRY(set_guard(t));
        LEATI_TRY(by_batches ? run_batches(t) : run_whole(t));
        LEATI_TRY(end_epoch(t));
        t->epoch_start = leati_now_s();
    }
    LEATI_TRY(end_trace(t));
    leat_status st = report_end(t);
    if (st == LEAT_CANCELLED) st = interrupted(t);
    LEATI_TRY(st);
    if (t->validate) return restore_best(t);
    return swap_mean(t);
}

/* ---- before and after ----------------------------------------------------------------------- */

static leat_status allocate(training *t)
{
    leat_context *c = t->context;
    const leati_train_options *o = t->options;
    leati_network *n = t->step.network;
    leati_step_shared *s = &t->step;
    size_t rows = t->data->x.rows, batch = o->batch_size < rows ? o->batch_size : rows;
    t->rows = leati_array(c, rows, sizeof *t->rows);
    t->order = leati_array(c, rows, sizeof *t->order);
    s->x = leati_array(c, batch, s->inputs * sizeof *s->x);
    s->y = leati_array(c, batch, (s->outputs + 1) * sizeof(int64_t));
    if (leat_context_threads(c) > 1 && batch < rows) { /* one thread has no time between */
        t->next_x = leati_array(c, batch, s->inputs * sizeof *s->x);
        t->next_y = leati_array(c, batch, (s->outputs + 1) * sizeof(int64_t));
        if (!t->next_x || !t->next_y) return LEAT_NOMEM;
    }
    if (o->augment && o->augment->mixup > 0) {
        s->other = leati_array(c, batch, (s->outputs + 1) * sizeof(int64_t));
        if (!s->other) return LEAT_NOMEM;
    }
    t->swap = leati_array(c, o->ema > 0 ? 2 * n->trained_count + 1 : 1, sizeof *t->swap);
    t->feed.room = leati_array(c, leat_context_threads(c), s->inputs * sizeof(float));
    return t->rows && t->order && s->x && s->y && t->swap && t->feed.room ? LEAT_OK : LEAT_NOMEM;
}

/* Steps for whole batches and for what is left at the end. */
static leat_status record_steps(training *t)
{
    leati_step_shared *s = &t->step;
    size_t batch = t->options->batch_size, whole = batch < t->learn ? batch : t->learn;
    size_t rest = t->learn % batch, check_rest = t->validate % batch;
    bool adds = t->accumulate > 1;
    bool by_batches = s->optimizer->class->update != NULL;
    if (by_batches) LEATI_TRY(leati_step_record(s, LEATI_STEP_UPDATE, whole, &t->full));
    if (by_batches && rest) LEATI_TRY(leati_step_record(s, LEATI_STEP_UPDATE, rest, &t->last));
    if (!by_batches && rest && rest != whole)
        LEATI_TRY(leati_step_record(s, LEATI_STEP_ACCUMULATE, rest, &t->add_last));
    if (adds || !by_batches) LEATI_TRY(leati_step_record(s, LEATI_STEP_ACCUMULATE, whole, &t->add));
    if (t->validate >= batch) LEATI_TRY(leati_step_record(s, LEATI_STEP_CHECK, batch, &t->check));
    if (check_rest) LEATI_TRY(leati_step_record(s, LEATI_STEP_CHECK, check_rest, &t->check_last));
    return LEAT_OK;
}

static leat_status choose_rows(training *t)
{
    size_t rows = t->data->x.rows;
    t->validate = (size_t)((double)rows * t->options->validation_fraction);
    t->learn = rows - t->validate;
    return leati_set_aside(t->context, t->data, t->options->seed, t->validate, t->rows);
}

/* What the history will hold. */
static void expect(training *t)
{
    leati_history *h = t->history;
    uint64_t steps = (uint64_t)t->options->epochs * updates_an_epoch(t);
    if (!h) return;
    h->epochs = t->options->epochs;
    h->steps = steps;
    h->validated = t->validate > 0;
    h->classes = t->options->loss->class->target == LEATI_TARGET_LABELS;
    h->watched = h->classes && t->options->watch;
}

/* What asks for a validation loss gets one. */
static leat_status check_rows(const training *t)
{
    const leati_train_options *o = t->options;
    if (t->validate) return LEAT_OK;
    LEATI_CHECK(t->context, !(o->validation_fraction > 0), LEAT_INVALID,
                "validation_fraction=%g sets aside none of %zu rows", o->validation_fraction,
                t->data->x.rows);
    LEATI_CHECK(t->context, !o->patience, LEAT_INVALID,
                "patience=%zu counts epochs without a better validation loss: set rows aside for "
                "one (validation_fraction=0.1)",
                o->patience);
    return LEAT_OK;
}

/* Behind a checkpoint that was read: both are as large as all of the state. */
static leat_status make_guard(training *t)
{
    const char *names[MOST_VARIABLES];
    leat_variable *variables[MOST_VARIABLES];
    size_t count = list_variables(t, names, variables), bytes = 1;
    for (size_t i = 0; i < count; i++) bytes += bytes_of(variables[i]);
    t->guard = leati_alloc(t->context, bytes);
    return t->guard ? LEAT_OK : LEAT_NOMEM;
}

/* What is a number in the table and none in f32 would spoil the first step that meets it. */
static leat_status check_range(const training *t)
{
    const leati_matrix *x = &t->data->x;
    for (size_t i = 0; x->f64 && i < x->rows; i++) {
        char value[160];
        size_t k = bad_column(x, i);
        if (k == x->cols) continue;
        tell_value(t, i, k, value, sizeof value);
        (void)LEATI_FAIL(t->context, LEAT_INVALID, "network: it cannot take %s", value);
        return hint(t, &(culprit){.blame = {.data = true}});
    }
    return LEAT_OK;
}

static leat_status prepare(training *t)
{
    leat_context *c = t->context;
    const leati_train_options *o = t->options;
    leati_step_shared *s = &t->step;
    leati_network *n = s->network;
    s->inputs = leati_shape_count(&n->input);
    s->outputs = leati_shape_count(&n->output);
    s->key[0] = o->seed;
    t->accumulate = o->accumulate ? o->accumulate : 1;
    t->now.best_loss = INFINITY;
    t->now.stretch = 1;
    LEATI_CHECK(c, s->inputs == t->data->x.cols, LEAT_SHAPE,
                "the network takes %zu inputs, the data have %zu features", s->inputs,
                t->data->x.cols);
    LEATI_CHECK(c, n->trained_count > 0, LEAT_INVALID,
                "no layer is left to train: all of them have trainable=false");
    if (!s->optimizer->class->update) LEATI_TRY(leati_whole_check(c, o));
    LEATI_TRY(check_range(t));
    t->feed = (leati_feed){.data = t->data,
                           .augment = leati_augment_any(o->augment) ? o->augment : NULL,
                           .sample = n->input,
                           .inputs = s->inputs,
                           .outputs = s->outputs,
                           .target = o->loss->class->target,
                           .seed = o->seed};
    if (t->feed.augment) LEATI_TRY(leati_augment_check(c, o->augment, &n->input));
    LEATI_TRY(allocate(t));
    LEATI_TRY(choose_rows(t));
    LEATI_TRY(check_rows(t));
    expect(t);
    LEATI_TRY(leati_step_prepare(s));
    LEATI_TRY(record_steps(t));
    t->best = LEATI_NEW(c, float, best_bytes(t) / sizeof(float) + 1);
    if (!t->best) return LEAT_NOMEM;
    if (s->mean) {
        LEATI_TRY(leat_variable_get(n->trained, t->swap, n->trained_count * sizeof(float)));
        LEATI_TRY(leat_variable_set(s->mean, t->swap, n->trained_count * sizeof(float)));
    }
    if (o->folder && o->wait <= 0) LEATI_TRY(leati_folder_make(c, o->folder));
    if (o->folder && o->resume) LEATI_TRY(resume(t));
    return make_guard(t);
}

static void finish(training *t)
{
    leati_recorded *recorded[] = {&t->add,  &t->add_last, &t->full,
                                  &t->last, &t->check,    &t->check_last};
    for (size_t i = 0; i < sizeof recorded / sizeof *recorded; i++)
        leati_recorded_fini(recorded[i]);
    leati_free(t->order);
    leati_free(t->rows);
    leati_free(t->step.x);
    leati_free(t->next_x);
    leati_free(t->next_y);
    leati_free(t->step.y);
    leati_free(t->step.other);
    leati_free(t->best);
    leati_free(t->swap);
    leati_free(t->guard);
    leati_free(t->settings);
    leati_free(t->feed.room);
}

static training begin(leat_context *c, leati_network *n, const leati_optimizer *o,
                      const leati_dataset *d, const leati_train_options *options)
{
    return (training){.context = c,
                      .data = d,
                      .options = options,
                      .step = {.context = c, .network = n, .optimizer = o, .options = options}};
}

leat_status leati_train(leat_context *c, leati_network *n, const leati_optimizer *o,
                        const leati_dataset *d, const leati_train_options *options,
                        leati_history *history)
{
    training t = begin(c, n, o, d, options);
    *history = (leati_history){.note = LEATI_NEW(c, leati_step_note, LEATI_STEP_NOTES)};
    t.history = history;
    leat_status st = history->note ? prepare(&t) : LEAT_NOMEM;
    if (st == LEAT_OK) leati_train_notes(c, &n->input, o, options, history->steps);
    if (st == LEAT_OK) st = run_epochs(&t);
    if (st == LEAT_IO && t.written)
        leati_error_hint(c, "When that is mended: --resume goes on from %s/%s, of %llu updates.",
                         options->folder, last_file, (unsigned long long)t.kept);
    finish(&t);
    return st;
}

/* ---- the rate test -------------------------------------------------------------------------- */

static leat_status sweep(training *t, double low, double high, size_t count,
                         leati_rate_point *points, size_t *found)
{
    const double decay = 0.9;
    leati_step_shared *s = &t->step;
    double least = INFINITY, mean = 0, weight = 0;
    size_t batch = t->full.rows;
    for (size_t i = 0; i < count; i++) {
        float loss;
        if (t->now.at + batch > t->learn) t->now.at = 0, t->now.epoch++;
        if (t->now.at == 0) shuffle(t);
        double share = count > 1 ? (double)i / (double)(count - 1) : 0;
        s->rate = (float)(low * pow(high / low, share));
        s->number = (float)(i + 1);
        s->key[1] = i;
        leati_feed_batch(t->context, &t->feed, t->order + t->now.at, batch, t->now.epoch, true,
                         s->x, s->y);
        LEATI_TRY(leati_recorded_run(s, &t->full));
        LEATI_TRY(leat_get(t->full.roots[0], &loss, sizeof loss));
        if (!isfinite(loss)) break;
        mean = decay * mean + (1 - decay) * (double)loss;
        weight = decay * weight + (1 - decay);
        double smooth = mean / weight;
        points[(*found)++] = (leati_rate_point){(double)s->rate, (double)loss, smooth};
        if (*found >= LEATI_RATE_SETTLED) least = fmin(least, smooth);
        if (smooth > 4 * least) break;
        t->now.at += batch;
        LEATI_TRY(leati_progress(t->context, "learning rates", i + 1, count));
    }
    return LEAT_OK;
}

leat_status leati_rate_test(leat_context *c, leati_network *n, const leati_optimizer *o,
                            const leati_dataset *d, const leati_train_options *options, double low,
                            double high, size_t count, leati_rate_point **points, size_t *found)
{
    leati_train_options plain = *options;
    leati_augment changes = options->augment ? *options->augment : (leati_augment){0};
    changes.mixup = 0;
    plain.augment = &changes;
    plain.accumulate = 1;
    plain.folder = NULL;
    training t = begin(c, n, o, d, &plain);
    *found = 0;
    LEATI_CHECK(c, o->class->update, LEAT_UNSUPPORTED,
                "the optimizer %s searches its own steps: there are no rates to test",
                o->class->name);
    *points = leati_array(c, count, sizeof **points);
    leat_status st = *points ? prepare(&t) : LEAT_NOMEM;
    if (st == LEAT_OK) st = sweep(&t, low, high, count, *points, found);
    finish(&t);
    if (st != LEAT_OK) {
        leati_free(*points);
        *points = NULL;
    }
    return st;
}
