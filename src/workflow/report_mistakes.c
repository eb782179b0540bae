/* Owns: the rows of images that were predicted worst, as pictures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "plot/plot_text.h"
#include "workflow/image_rows.h"
#include "workflow/report_training.h"

enum { SHOWN = 24 };

typedef struct mistake {
    size_t at; /* in the evaluation */
    double loss;
} mistake;

static int greater_first(const void *a, const void *b)
{
    const mistake *x = a, *y = b;
    if (x->loss != y->loss) return x->loss > y->loss ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* The loss of a row that was predicted wrong; NaN: it was right, or cannot be told. */
static double loss_of(const leati_eval *e, size_t i)
{
    if (e->task == LEATI_REGRESS) return fabs(e->y[i] - e->prediction[i]);
    if (e->prediction[i] == (double)e->label[i]) return (double)NAN;
    if (!e->proba) return 0;
    double p = e->proba[i * e->classes + e->label[i]];
    return p > 0 ? -log(p) : (double)INFINITY;
}

static mistake *worst(leat_context *c, const leati_eval *e, size_t *count)
{
    mistake *all = leati_array(c, e->rows + 1, sizeof *all);
    *count = 0;
    for (size_t i = 0; all && i < e->rows; i++) {
        double loss = loss_of(e, i);
        if (!isnan(loss)) all[(*count)++] = (mistake){i, loss};
    }
    if (all) qsort(all, *count, sizeof *all, greater_first);
    if (*count > SHOWN) *count = SHOWN;
    return all;
}

typedef struct caption {
    char label[96], note[160];
} caption;

static void describe(const leati_findings *f, size_t at, caption *out)
{
    const leati_eval *e = &f->eval;
    char a[LEATI_NUM_SIZE], b[LEATI_NUM_SIZE];
    if (e->task == LEATI_REGRESS) {
        leati_num_short(e->y[at], 4, a);
        leati_num_short(e->prediction[at], 4, b);
        snprintf(out->label, sizeof out->label, "%s", a);
        snprintf(out->note, sizeof out->note, "not %s", b);
        return;
    }
    uint32_t taken = (uint32_t)e->prediction[at];
    char percent[LEATI_FIXED_SIZE] = "";
    if (e->proba) leati_fixed(100 * e->proba[at * e->classes + taken], 0, percent);
    snprintf(out->label, sizeof out->label, "%s", f->e->schema.class_names[e->label[at]]);
    snprintf(out->note, sizeof out->note, "%s%s%s%s", e->proba ? percent : "", e->proba ? "% " : "",
             e->proba ? "" : "not ", f->e->schema.class_names[taken]);
}

static leat_status fill(leat_context *c, const leati_findings *f, const leati_images *images,
                        const mistake *list, size_t count, const leati_chart *chart,
                        leati_scene **out)
{
    size_t n = images->length;
    leati_picture *pictures = LEATI_NEW(c, leati_picture, count);
    caption *captions = LEATI_NEW(c, caption, count);
    uint8_t *bytes = leati_array(c, count, n);
    float *space = leati_array(c, n, sizeof *space);
    bool ready = pictures && captions && bytes && space;
    for (size_t i = 0; ready && i < count; i++) {
        size_t at = list[i].at, sample = f->on_test ? at : f->pooled.sample[at];
        const leati_target *t = f->on_test ? &f->e->test_target : &f->e->target;
        leati_image_pixels(images, t->rows[sample], space, bytes + i * n);
        describe(f, at, &captions[i]);
        pictures[i] = (leati_picture){
            .pixels = {bytes + i * n, images->width, images->height, images->channels},
            .label = captions[i].label,
            .note = captions[i].note,
            .note_hue = LEATI_HUE_BAD};
    }
    /* so many in a row that SHOWN fill all rows */
    double row = chart->width >= 600 ? 8 : chart->width >= 400 ? 6 : 3;
    leati_pictures in = {.chart = *chart,
                         .pictures = pictures,
                         .count = count,
                         .tile = (chart->width - 10 * (row - 1)) / row};
    *out = ready ? leati_chart_pictures(c, &in) : NULL;
    leati_free(pictures);
    leati_free(captions);
    leati_free(bytes);
    leati_free(space);
    return *out ? LEAT_OK : leat_error_status(c) ? leat_error_status(c) : LEAT_NOMEM;
}

leat_status leati_draw_mistakes(leat_context *c, const leati_findings *f, const leati_chart *chart,
                                leati_scene **out)
{
    leati_images images;
    size_t count;
    LEATI_TRY(leati_images_find(c, &f->e->schema, f->on_test ? f->e->test : f->e->train,
                                f->e->best ? f->e->best->estimator : NULL, &images));
    mistake *list = images.length ? worst(c, &f->eval, &count) : NULL;
    leat_status st = images.length && !list ? leat_error_status(c) : LEAT_OK;
    if (list && count) st = fill(c, f, &images, list, count, chart, out);
    leati_free(list);
    leati_images_fini(&images);
    return st;
}
