/* Owns: the learning rate range test of an experiment's network, its reading and its curve. */
#include <leat/training_plan.h>

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "nn/network_estimator.h"
#include "plot/chart.h"
#include "workflow/entries.h"

struct leat_rate_range {
    leati_rate_point *point;
    size_t count, least;          /* least == count: no minimum */
    double *rate, *loss, *smooth; /* (count) for the curve, in one block: rate */
};

static leat_status measure(leat_context *c, const leat_experiment *e, const leati_entry *k,
                           leat_rate_range *r)
{
    leati_encoder encoder = {0};
    const leati_target *t = &e->target;
    leati_dataset d = {.task = e->schema.task,
                       .classes = e->schema.classes,
                       .label = t->label,
                       .y = t->y,
                       .class_names = e->schema.class_names,
                       .seed = e->seed};
    void *data = NULL;
    leat_status st;
    LEATI_GO(leati_encoder_fit(c, &encoder, &k->recipe, &e->schema, e->frame, t->rows, t->count));
    LEATI_GO(leati_encoder_apply(c, &encoder, e->frame, t->rows, t->count, &d.x, &data));
    d.features = encoder.features;
    leati_encoder_image(&encoder, &e->schema, d.image);
    d.tokens = leati_encoder_tokens(&encoder);
    LEATI_GO(leati_network_rate_range(c, k->estimator, &d, &r->point, &r->count));
    if (r->count == 0)
        st = LEATI_FAIL(c, LEAT_NUMERIC, "the loss is finite at no learning rate from 1e-6");
out:
    leati_free(data);
    leati_encoder_fini(&encoder);
    return st;
}

/* How far the losses of batches up to that point lie apart for no reason: from step to step. */
static double scatter(const leat_rate_range *r, size_t last)
{
    double sum = 0;
    for (size_t i = 1; i <= last; i++) {
        double change = r->point[i].loss - r->point[i - 1].loss;
        sum += change * change;
    }
    return sqrt(sum / 2 / fmax((double)last, 1));
}

/* At either end the curve still falls, or has only risen: that is no minimum. Nor is the lowest
 * place of one that goes up and down with the batches: their noise moves the running mean by about
 * a fifth of the scatter of single losses, so that a fall by less than all of it says nothing. */
static void find_least(leat_rate_range *r)
{
    size_t first = LEATI_RATE_SETTLED - 1, least = first;
    for (size_t i = first; i < r->count; i++)
        if (r->point[i].smooth < r->point[least].smooth) least = i;
    bool found = least > first && least + 1 < r->count &&
                 r->point[first].smooth - r->point[least].smooth > scatter(r, least);
    r->least = found ? least : r->count;
}

static leat_status make_curve(leat_context *c, leat_rate_range *r)
{
    r->rate = leati_array(c, r->count, 3 * sizeof *r->rate);
    if (!r->rate) return LEAT_NOMEM;
    r->loss = r->rate + r->count;
    r->smooth = r->loss + r->count;
    for (size_t i = 0; i < r->count; i++) {
        r->rate[i] = r->point[i].rate;
        r->loss[i] = r->point[i].loss;
        r->smooth[i] = r->point[i].smooth;
    }
    return LEAT_OK;
}

leat_status leat_rate_range_create(leat_context *c, leat_rate_range **out, leat_frame *train,
                                   const leat_experiment_options *options)
{
    leat_experiment *e = NULL;
    *out = NULL;
    leat_rate_range *r = LEATI_NEW(c, leat_rate_range, 1);
    if (!r) return LEAT_NOMEM;
    leat_status st = leati_experiment_ready(c, &e, train, options);
    const leati_entry *k = st == LEAT_OK ? leati_entry_network(e) : NULL;
    if (st == LEAT_OK && !k)
        st = LEATI_FAIL(c, LEAT_NOT_FOUND, "no model of the experiment is a network");
    if (st == LEAT_OK) st = measure(c, e, k, r);
    if (st == LEAT_OK) find_least(r);
    if (st == LEAT_OK) st = make_curve(c, r);
    leat_experiment_destroy(e);
    if (st == LEAT_OK) *out = r;
    else leat_rate_range_destroy(r);
    return st;
}

void leat_rate_range_destroy(leat_rate_range *r)
{
    if (!r) return;
    leati_free(r->rate);
    leati_free(r->point);
    leati_free(r);
}

size_t leat_rate_range_points(const leat_rate_range *r)
{
    return r->count;
}

leat_rate_point leat_rate_range_point(const leat_rate_range *r, size_t i)
{
    if (i >= r->count) return (leat_rate_point){0};
    return (leat_rate_point){r->rate[i], r->loss[i], r->smooth[i]};
}

double leat_rate_range_least(const leat_rate_range *r)
{
    return r->least < r->count ? r->point[r->least].rate : (double)NAN;
}

double leat_rate_range_suggestion(const leat_rate_range *r)
{
    return leat_rate_range_least(r) / 10;
}

/* Half as much again as the fall to the least mean: what the blow-up at the end reaches would press
 * the fall together. Where nothing falls, as far above the least as fastai's finder goes on. */
static double ceiling(const leat_rate_range *r)
{
    size_t first = LEATI_RATE_SETTLED - 1, least = first;
    double highest;
    for (size_t i = first; i < r->count; i++)
        if (r->smooth[i] < r->smooth[least]) least = i;
    if (least >= r->count) return (double)INFINITY; /* fewer points than that */
    highest = r->smooth[least];
    for (size_t i = first; i < least; i++) highest = fmax(highest, r->smooth[i]);
    double low = r->smooth[least], fall = highest - low;
    return fall > 0.05 * fabs(low) ? highest + fall / 2 : low + 3 * fabs(low);
}

/* A line leaves the picture at its top, and is not drawn while it is above. */
static bool clip(const double *y, size_t count, double top, double *out)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        bool above = y[i] > top;
        bool beside = (i > 0 && y[i - 1] <= top) || (i + 1 < count && y[i + 1] <= top);
        out[i] = !above ? y[i] : beside ? top : (double)NAN;
        any = any || above;
    }
    return any;
}

static leati_scene *draw_clipped(leat_context *c, const leat_rate_range *r, double *y)
{
    char mark[64], also[64], subtitle[160], number[LEATI_NUM_SIZE];
    double suggestion = leat_rate_range_suggestion(r), least = leat_rate_range_least(r);
    double top = ceiling(r);
    bool found = r->least < r->count, cut = clip(r->smooth, r->count, top, y);
    cut = clip(r->loss, r->count, top, y + r->count) || cut;
    leati_num_short(suggestion, 2, number);
    snprintf(mark, sizeof mark, "start from %s", number);
    leati_num_short(least, 2, number);
    snprintf(also, sizeof also, "least at %s", number);
    leati_num_short(top, 2, number);
    snprintf(subtitle, sizeof subtitle, "one step at each rate; the running mean in blue%s%s%s",
             cut ? ", losses above " : "", cut ? number : "", cut ? " cut off" : "");
    leati_series series[] = {
        {.x = r->rate, .y = y, .count = r->count, .hue = LEATI_HUE_ACCENT},
        {.x = r->rate, .y = y + r->count, .count = r->count, .hue = LEATI_HUE_AXIS}};
    leati_lines in = {
        .chart = {.title = "Loss by the learning rate",
                  .subtitle = subtitle,
                  .about = "The loss while the learning rate grows from step to step.",
                  .x_label = "learning rate",
                  .y_label = "loss",
                  .width = 640,
                  .height = 360},
        .series = series,
        .count = 2,
        .log_x = true,
        .mark_x = found ? &suggestion : NULL,
        .mark_label = mark,
        .also_x = found ? &least : NULL,
        .also_label = also};
    return leati_chart_lines(c, &in);
}

static leati_scene *draw(leat_context *c, const leat_rate_range *r)
{
    double *y = leati_array(c, r->count, 2 * sizeof *y);
    leati_scene *s = y ? draw_clipped(c, r, y) : NULL;
    leati_free(y);
    return s;
}

static leat_status make_folder_of(leat_context *c, const char *path)
{
    const char *name = leati_path_base(path);
    if (name == path || name == path + 1) return LEAT_OK; /* here, or the root */
    char *folder = leati_strndup(c, path, (size_t)(name - path - 1));
    leat_status st = folder ? leati_folder_make(c, folder) : LEAT_NOMEM;
    leati_free(folder);
    return st;
}

leat_status leat_rate_range_draw(leat_context *c, const leat_rate_range *r, const char *path)
{
    bool svg = leati_path_has_suffix(path, ".svg");
    LEATI_CHECK(c, svg || leati_path_has_suffix(path, ".png"), LEAT_INVALID,
                "%s: a chart is written as .svg or .png", path);
    LEATI_TRY(make_folder_of(c, path));
    leati_scene *s = draw(c, r);
    if (!s) return leat_error_status(c) ? leat_error_status(c) : LEAT_NOMEM;
    leati_str text;
    leati_str_init(&text, c);
    leat_status st =
        svg ? leati_scene_svg(s, &text, LEATI_SVG_FILE) : leati_scene_png(s, c, path, 2, false);
    if (st == LEAT_OK && svg) st = leati_file_write(c, path, leati_str_text(&text), text.length);
    leati_str_fini(&text);
    leati_scene_destroy(s);
    return st;
}
