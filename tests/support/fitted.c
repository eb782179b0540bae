/* Owns: fitting one estimator to a table. */
#include "support/fitted.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "learn/conform.h"
#include "model/model.h"

/* "a|b" in pieces, at most `most`; text is changed. */
static size_t split(char *text, char **piece, size_t most)
{
    size_t n = 0;
    for (char *at = text; at && *at && n < most; n++) {
        piece[n] = at;
        at = strchr(at, '|');
        if (at) *at++ = 0;
    }
    return n;
}

static leat_status set_all(leat_context *c, leati_estimator *e, const char *params)
{
    char copy[1024], *piece[16];
    snprintf(copy, sizeof copy, "%s", params ? params : "");
    size_t n = split(copy, piece, 16);
    for (size_t i = 0; i < n; i++) {
        char *value = strchr(piece[i], '=');
        if (!value) return LEATI_FAIL(c, LEAT_INVALID, "'%s' sets nothing", piece[i]);
        *value++ = 0;
        LEATI_TRY(leati_estimator_set(c, e, piece[i], value));
    }
    return LEAT_OK;
}

typedef struct fitting {
    leati_schema schema;
    leati_target target;
    leat_frame *frame;
    leati_estimator *estimator;
    leati_pipeline pipeline;
    uint32_t *samples;
} fitting;

static leat_status fit(leat_context *c, fitting *w, const char *params, const char *preprocess)
{
    leati_recipe recipe;
    leati_problem problem = {w->frame, &w->schema, &w->target, 1, NULL};
    LEATI_TRY(set_all(c, w->estimator, params));
    LEATI_TRY(leati_recipe_for(c, &recipe, preprocess, w->estimator->class->traits, &w->schema,
                               w->frame->rows));
    LEATI_TRY(leati_pipeline_init(c, &w->pipeline, w->estimator, &recipe));
    w->samples = leati_array(c, w->target.count, sizeof *w->samples);
    if (!w->samples) return leat_error_status(c);
    for (size_t i = 0; i < w->target.count; i++) w->samples[i] = (uint32_t)i;
    return leati_pipeline_fit(c, &w->pipeline, &problem, w->samples, w->target.count);
}

leat_model *leattest_model(leat_context *c, const leat_frame *f, const char *target,
                           const char *drop, const char *estimator, const char *params,
                           const char *preprocess)
{
    fitting w = {0};
    leat_model *m = NULL;
    char copy[256], *piece[8];
    snprintf(copy, sizeof copy, "%s", drop ? drop : "");
    leati_schema_options o = {.target = target, .drop = (const char *const *)piece};
    o.drop_count = split(copy, piece, 8);
    const leati_estimator_class *class = leati_estimator_class_find(estimator);
    leat_status st = class ? LEAT_OK : LEATI_FAIL(c, LEAT_INVALID, "no estimator %s", estimator);
    if (st == LEAT_OK) st = leati_schema_infer(c, &w.schema, f, &o);
    if (st == LEAT_OK) st = leati_conform(c, &w.frame, &w.schema, f);
    if (st == LEAT_OK) st = leati_target_read(c, &w.target, &w.schema, f, false);
    if (st == LEAT_OK) st = leati_estimator_create(c, &w.estimator, class);
    if (st == LEAT_OK) st = fit(c, &w, params, preprocess);
    char *reference = NULL;
    if (st == LEAT_OK) {
        leati_problem problem = {w.frame, &w.schema, &w.target, 1, NULL};
        st = leati_reference_make(c, &problem, NULL, &reference);
    }
    leati_model_parts parts = {.name = "wood",
                               .schema = &w.schema,
                               .pipeline = &w.pipeline,
                               .metrics = "{}",
                               .lineage = "{}",
                               .reference = reference,
                               .card = "# wood\n"};
    if (st == LEAT_OK) (void)leati_model_create(c, &m, &parts);
    leati_free(reference);
    leati_free(w.samples);
    leati_pipeline_fini(&w.pipeline);
    leati_estimator_destroy(w.estimator);
    leati_target_fini(&w.target);
    leat_frame_release(w.frame);
    leati_schema_fini(&w.schema);
    return m;
}

leat_status leattest_answers(leat_context *c, const leat_model *m, const leat_frame *f,
                             double *value, double *out)
{
    leati_predictions p = {.value = value};
    bool proba = leat_model_has_probabilities(m);
    if (leat_model_is_classifier(m)) *(proba ? &p.proba : &p.score) = out;
    uint32_t *rows = leati_array(c, f->rows, sizeof *rows);
    leat_frame *g = NULL;
    leat_status st = rows ? leati_conform(c, &g, &m->schema, f) : LEAT_NOMEM;
    for (size_t i = 0; rows && i < f->rows; i++) rows[i] = (uint32_t)i;
    if (st == LEAT_OK) st = leati_pipeline_predict(c, &m->pipeline, g, rows, f->rows, &p);
    leat_frame_release(g);
    leati_free(rows);
    return st;
}

leat_frame *leattest_numbers(leat_context *c, size_t rows, bool whole)
{
    enum { COLUMNS = 48 };
    leat_frame *f = leati_frame_create(c, rows);
    leati_column *col[COLUMNS + 1];
    leat_status st = f ? LEAT_OK : LEAT_NOMEM;
    for (size_t j = 0; j <= COLUMNS && st == LEAT_OK; j++) {
        char name[16];
        snprintf(name, sizeof name, j < COLUMNS ? "x%zu" : "class", j);
        col[j] = leati_column_create(c, j < COLUMNS ? LEAT_F64 : LEAT_I64, rows);
        st = leati_frame_add(c, f, name, col[j]);
    }
    for (size_t i = 0; i < rows && st == LEAT_OK; i++) {
        leati_rng r;
        leati_rng_init(&r, 1, LEATI_RNG_TEST, (uint32_t)i);
        for (size_t j = 0; j < COLUMNS; j++)
            col[j]->f64[i] = !whole       ? leati_rng_normal(&r)
                             : j > i % 40 ? 0 /* padding, at the end only */
                                          : 1 + leati_rng_below(&r, 9);
        col[COLUMNS]->i64[i] =
            (col[0]->f64[i] + col[9]->f64[i] > 0) + (col[20]->f64[i] * col[1]->f64[i] > 0);
    }
    if (st == LEAT_OK) return f;
    leat_frame_release(f);
    return NULL;
}
