/* Owns: fitting and applying encoder and estimator together. */
#include "learn/pipeline.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"

/* A matrix that prediction makes at once: so many cells stay in the caches until they are answered,
 * and rows enough for what works on blocks of them. */
enum { PIECE_CELLS = 1 << 20, PIECE_ROWS = 4096 };

leat_status leati_pipeline_init(leat_context *c, leati_pipeline *p,
                                const leati_estimator *estimator, const leati_recipe *recipe)
{
    *p = (leati_pipeline){.recipe = *recipe};
    return leati_estimator_clone(c, &p->estimator, estimator);
}

void leati_pipeline_fini(leati_pipeline *p)
{
    leati_encoder_fini(&p->encoder);
    leati_free(p->present);
    leati_estimator_destroy(p->estimator);
    *p = (leati_pipeline){0};
}

/* Target values of the samples, gathered. */
static leat_status gather(leat_context *c, leati_dataset *d, const leati_target *t,
                          const uint32_t *samples, size_t count)
{
    double *y = t->y ? leati_array(c, count, sizeof *y) : NULL;
    uint32_t *label = t->label ? leati_array(c, count, sizeof *label) : NULL;
    d->y = y;
    d->label = label;
    if (!y && !label) return leat_error_status(c);
    for (size_t i = 0; i < count; i++) {
        if (y) y[i] = t->y[samples[i]];
        else label[i] = t->label[samples[i]];
    }
    return LEAT_OK;
}

/* Numbers the classes that the rows have 0, 1, ... for the estimator, which never hears of the
 * others; p->present leads back. NULL when all are there. */
static leat_status compact_classes(leat_context *c, leati_pipeline *p, leati_dataset *d,
                                   uint32_t *label)
{
    uint32_t classes = d->classes, count = 0;
    uint32_t *number = LEATI_NEW(c, uint32_t, classes);
    if (!number) return leat_error_status(c);
    for (size_t i = 0; i < d->x.rows; i++) number[label[i]] = 1;
    for (uint32_t k = 0; k < classes; k++) count += number[k];
    if (count == classes) {
        leati_free(number);
        return LEAT_OK;
    }
    p->present = leati_array(c, count, sizeof *p->present);
    if (!p->present) {
        leati_free(number);
        return leat_error_status(c);
    }
    count = 0;
    for (uint32_t k = 0; k < classes; k++) {
        if (!number[k]) continue;
        p->present[count] = k;
        number[k] = count++;
    }
    for (size_t i = 0; i < d->x.rows; i++) label[i] = number[label[i]];
    d->classes = count;
    leati_free(number);
    return LEAT_OK;
}

leat_status leati_pipeline_fit(leat_context *c, leati_pipeline *p, const leati_problem *problem,
                               const uint32_t *samples, size_t count)
{
    const leati_target *t = problem->target;
    const leat_frame *f = problem->frame;
    void *data = NULL;
    leati_dataset d = {.task = problem->schema->task,
                       .classes = problem->schema->classes,
                       .seed = problem->seed,
                       .run = problem->run};
    leat_status st = LEAT_OK;
    leati_encoder_fini(&p->encoder);
    leati_free(p->present);
    p->present = NULL;
    p->classes = d.classes;
    uint32_t *rows = leati_array(c, count, sizeof *rows);
    if (!rows) return leat_error_status(c);
    for (size_t i = 0; i < count; i++) rows[i] = t->rows[samples[i]];
    LEATI_GO(leati_encoder_fit(c, &p->encoder, &p->recipe, problem->schema, f, rows, count));
    LEATI_GO(leati_encoder_apply(c, &p->encoder, f, rows, count, &d.x, &data));
    LEATI_GO(gather(c, &d, t, samples, count));
    if (d.label) LEATI_GO(compact_classes(c, p, &d, (uint32_t *)(uintptr_t)d.label));
    d.features = p->encoder.features;
    d.place = rows;
    leati_encoder_image(&p->encoder, problem->schema, d.image);
    d.tokens = leati_encoder_tokens(&p->encoder);
    d.class_names = problem->schema->class_names;
    d.named = p->present;
    LEATI_GO(leati_go_on(c, "fitting"));
    LEATI_GO(leati_estimator_fit(c, p->estimator, &d));
out:
    leati_free((void *)(uintptr_t)d.y);
    leati_free((void *)(uintptr_t)d.label);
    leati_free(data);
    leati_free(rows);
    return st;
}

typedef leat_status (*answer_fn)(leat_context *, const leati_estimator *, const leati_matrix *,
                                 double *);

/* Answers per class, (rows, all classes): those of the estimator in their places, `absent` in the
 * others. */
static leat_status answer_classes(leat_context *c, const leati_pipeline *p, const leati_matrix *x,
                                  answer_fn answer, double absent, double *out)
{
    if (!p->present) return answer(c, p->estimator, x, out);
    size_t few = p->estimator->classes, all = p->classes;
    double *part = leati_array(c, x->rows, few * sizeof *part);
    if (!part) return leat_error_status(c);
    leat_status st = answer(c, p->estimator, x, part);
    for (size_t i = 0; st == LEAT_OK && i < x->rows; i++) {
        for (size_t k = 0; k < all; k++) out[i * all + k] = absent;
        for (size_t k = 0; k < few; k++) out[i * all + p->present[k]] = part[i * few + k];
    }
    leati_free(part);
    return st;
}

static bool all_finite(const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i])) return false;
    return true;
}

/* Rows that an estimator could make nothing of, by their numbers in the table, or in the matrix
 * where `rows` is NULL. Nobody knows of such rows where data are made up, to see what comes of it.
 */
static leat_status check_answers(leat_context *c, const leati_pipeline *p, const uint32_t *rows,
                                 size_t count, const leati_predictions *out)
{
    const leati_estimator *e = p->estimator;
    size_t classes = p->present ? p->classes : e->classes;
    bool proba = rows && out->proba && leati_estimator_has_proba(e);
    if (!(e->class->traits & LEATI_MAY_OVERFLOW) || leati_context_made_up(c)) return LEAT_OK;
    for (size_t i = 0; i < count; i++) {
        bool good = !out->value || isfinite(out->value[i]);
        if (good && (!proba || all_finite(out->proba + i * classes, classes))) continue;
        return LEATI_FAIL(c, rows ? LEAT_NUMERIC : LEAT_INVALID,
                          "%s: for row %zu its output is no finite number; a value of the row is "
                          "far from those of the training, or numbers within it grow too large",
                          e->class->name, (rows ? rows[i] : i) + (size_t)1);
    }
    return LEAT_OK;
}

static leat_status answer(leat_context *c, const leati_pipeline *p, const leati_matrix *x,
                          const leati_predictions *out)
{
    const leati_estimator *e = p->estimator;
    if (out->value && out->proba && !out->score && !p->present && leati_estimator_has_proba(e))
        return leati_estimator_answer(c, e, x, out->value, out->proba);
    if (out->value) LEATI_TRY(leati_estimator_predict(c, e, x, out->value));
    for (size_t i = 0; out->value && p->present && i < x->rows; i++)
        if (!isnan(out->value[i])) out->value[i] = p->present[(size_t)out->value[i]];
    if (out->proba && leati_estimator_has_proba(e))
        LEATI_TRY(answer_classes(c, p, x, leati_estimator_proba, 0, out->proba));
    if (!out->score || !leati_estimator_has_scores(e)) return LEAT_OK;
    double least = leati_estimator_has_proba(e) ? 0 : -(double)INFINITY;
    return answer_classes(c, p, x, leati_estimator_scores, least, out->score);
}

leat_status leati_pipeline_answer(leat_context *c, const leati_pipeline *p, const leati_matrix *x,
                                  const leati_predictions *out)
{
    LEATI_TRY(answer(c, p, x, out));
    /* numbers are told as they are */
    return p->estimator->task == LEATI_CLASSIFY ? check_answers(c, p, NULL, x->rows, out) : LEAT_OK;
}

leat_status leati_pipeline_predict(leat_context *c, const leati_pipeline *p, const leat_frame *f,
                                   const uint32_t *rows, size_t count, const leati_predictions *out)
{
    const leati_encoder *e = &p->encoder;
    size_t width = e->width ? e->width : 1, piece = PIECE_CELLS / width;
    size_t classes = p->present ? p->classes : p->estimator->classes;
    uint32_t **level_of = NULL;
    void *data = NULL;
    leat_status st;
    if (piece < PIECE_ROWS) piece = PIECE_ROWS;
    if (piece > count) piece = count;
    LEATI_GO(leati_encoder_levels(c, e, f, &level_of));
    LEATI_GO(leati_encoder_room(c, e, piece, &data));
    for (size_t at = 0; at < count; at += piece) {
        size_t n = count - at < piece ? count - at : piece;
        leati_matrix x;
        LEATI_GO(leati_go_on(c, "predicting"));
        leati_predictions part = {out->value ? out->value + at : NULL,
                                  out->proba ? out->proba + at * classes : NULL,
                                  out->score ? out->score + at * classes : NULL};
        leati_encoder_fill(c, e, f, rows + at, n, level_of, data, &x);
        LEATI_GO(answer(c, p, &x, &part));
        LEATI_GO(check_answers(c, p, rows + at, n, &part));
    }
out:
    leati_free(data);
    leati_encoder_levels_free(e, level_of);
    return st;
}
