/* Owns: fitting and applying encoder and estimator together. */
#include "learn/pipeline.h"

#include "base/error.h"
#include "base/mem.h"

/* Cells of a matrix that prediction makes at once. */
enum { PIECE_CELLS = 1 << 24 };

leat_status leati_pipeline_init(leat_context *c, leati_pipeline *p,
                                const leati_estimator *estimator, const leati_recipe *recipe)
{
    *p = (leati_pipeline){.recipe = *recipe};
    return leati_estimator_clone(c, &p->estimator, estimator);
}

void leati_pipeline_fini(leati_pipeline *p)
{
    leati_encoder_fini(&p->encoder);
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

static leat_status check_classes(leat_context *c, const leati_problem *problem,
                                 const leati_dataset *d)
{
    uint32_t classes = problem->schema->classes;
    size_t *counts = LEATI_NEW(c, size_t, classes);
    if (!counts) return leat_error_status(c);
    for (size_t i = 0; i < d->x.rows; i++) counts[d->label[i]]++;
    leat_status st = LEAT_OK;
    for (uint32_t k = 0; k < classes && st == LEAT_OK; k++) {
        if (counts[k]) continue;
        st = LEATI_FAIL(c, LEAT_FORMAT, "no training row has the class '%s'",
                        problem->schema->class_names[k]);
        size_t all = 0;
        for (size_t i = 0; i < problem->target->count; i++) all += problem->target->label[i] == k;
        if (all < 2)
            leati_error_hint(c, "one row of a class cannot be both learned from and tested on: "
                                "leave such rows out (leat table DATA --filter ...) or find more");
        else
            leati_error_hint(c, "use stratified folds (--cv stratified:5), fewer folds, or more "
                                "rows of that class");
    }
    leati_free(counts);
    return st;
}

leat_status leati_pipeline_fit(leat_context *c, leati_pipeline *p, const leati_problem *problem,
                               const uint32_t *samples, size_t count)
{
    const leati_target *t = problem->target;
    const leat_frame *f = problem->frame;
    void *data = NULL;
    leati_dataset d = {
        .task = problem->schema->task, .classes = problem->schema->classes, .seed = problem->seed};
    leat_status st = LEAT_OK;
    leati_encoder_fini(&p->encoder);
    uint32_t *rows = leati_array(c, count, sizeof *rows);
    if (!rows) return leat_error_status(c);
    for (size_t i = 0; i < count; i++) rows[i] = t->rows[samples[i]];
    LEATI_GO(leati_encoder_fit(c, &p->encoder, &p->recipe, problem->schema, f, rows, count));
    LEATI_GO(leati_encoder_apply(c, &p->encoder, f, rows, count, &d.x, &data));
    LEATI_GO(gather(c, &d, t, samples, count));
    if (d.label) LEATI_GO(check_classes(c, problem, &d));
    d.features = p->encoder.features;
    LEATI_GO(leati_estimator_fit(c, p->estimator, &d));
out:
    leati_free((void *)(uintptr_t)d.y);
    leati_free((void *)(uintptr_t)d.label);
    leati_free(data);
    leati_free(rows);
    return st;
}

static leat_status predict_piece(leat_context *c, const leati_pipeline *p, const leat_frame *f,
                                 const uint32_t *rows, size_t count, const leati_predictions *out)
{
    leati_matrix x;
    void *data;
    leat_status st = leati_encoder_apply(c, &p->encoder, f, rows, count, &x, &data);
    if (st == LEAT_OK && out->value) st = leati_estimator_predict(c, p->estimator, &x, out->value);
    if (st == LEAT_OK && out->proba && leati_estimator_has_proba(p->estimator))
        st = leati_estimator_proba(c, p->estimator, &x, out->proba);
    if (st == LEAT_OK && out->score && leati_estimator_has_scores(p->estimator))
        st = leati_estimator_scores(c, p->estimator, &x, out->score);
    leati_free(data);
    return st;
}

leat_status leati_pipeline_predict(leat_context *c, const leati_pipeline *p, const leat_frame *f,
                                   const uint32_t *rows, size_t count, const leati_predictions *out)
{
    size_t width = p->encoder.width ? p->encoder.width : 1;
    size_t piece = PIECE_CELLS / width ? PIECE_CELLS / width : 1;
    size_t classes = p->estimator->classes;
    for (size_t at = 0; at < count; at += piece) {
        size_t n = count - at < piece ? count - at : piece;
        leati_predictions part = {out->value ? out->value + at : NULL,
                                  out->proba ? out->proba + at * classes : NULL,
                                  out->score ? out->score + at * classes : NULL};
        LEATI_TRY(predict_piece(c, p, f, rows + at, n, &part));
    }
    return LEAT_OK;
}
