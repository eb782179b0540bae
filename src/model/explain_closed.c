/* Owns: from sessions to features and back to inputs, for closed forms. Not: sampling and subsets
 * (explainer.c). */
#include "model/explain_closed.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "learn/shapley.h"
#include "model/model.h"
#include "model/session_cells.h"
#include "model/session_look.h"

enum { PIECE = 64 }; /* rows that a linear model is asked at once */

struct leati_closed {
    leat_context *context;
    const leat_model *model;
    leat_session *background;
    size_t rows, inputs;
    leati_matrix z;   /* the background's features */
    uint32_t *player; /* (features) the input of each */
    double *mean;     /* (features), of linear models; else NULL */
    double *work;     /* (PIECE, features) */
    double *answer;   /* (PIECE) */
};

static bool is_linear(const leati_estimator *e)
{
    return e->task == LEATI_REGRESS && e->class->traits & LEATI_LINEAR;
}

bool leati_closed_has(const leat_model *m)
{
    const leati_encoder *e = &m->pipeline.encoder;
    for (size_t n = 0; n < e->count; n++)
        if (e->columns[n].role == LEATI_ROLE_ARRAY) return false;
    return m->pipeline.estimator->class->shapley || is_linear(m->pipeline.estimator);
}

static leat_status make(leati_closed *k)
{
    leat_context *c = k->context;
    const leati_encoder *e = &k->model->pipeline.encoder;
    LEATI_TRY(leat_session_run(k->background, k->rows, true));
    k->z = leati_session_matrix(k->background, k->rows);
    k->player = LEATI_NEW(c, uint32_t, e->width + 1);
    if (!k->player) return leat_error_status(c);
    for (size_t n = 0; n < e->count; n++)
        for (size_t w = 0; w < e->columns[n].width; w++)
            k->player[e->columns[n].first + w] = (uint32_t)e->columns[n].source;
    if (!is_linear(k->model->pipeline.estimator)) return LEAT_OK;
    k->mean = LEATI_NEW(c, double, e->width + 1);
    k->work = leati_array(c, PIECE, (e->width + 1) * sizeof *k->work);
    k->answer = leati_array(c, PIECE, sizeof *k->answer);
    if (!k->mean || !k->work || !k->answer) return leat_error_status(c);
    for (size_t b = 0; b < k->rows; b++)
        for (size_t i = 0; i < e->width; i++) k->mean[i] += leati_at(&k->z, b, i);
    for (size_t i = 0; i < e->width; i++) k->mean[i] /= (double)k->rows;
    return LEAT_OK;
}

leat_status leati_closed_create(leat_context *c, const leat_model *m, leat_session *background,
                                size_t rows, leati_closed **out)
{
    *out = NULL;
    leati_closed *k = LEATI_NEW(c, leati_closed, 1);
    if (!k) return leat_error_status(c);
    *k = (leati_closed){
        .context = c, .model = m, .background = background, .rows = rows, .inputs = m->input_count};
    leat_status st = make(k);
    if (st == LEAT_OK) *out = k;
    else leati_closed_destroy(k);
    return st;
}

void leati_closed_destroy(leati_closed *k)
{
    if (!k) return;
    leati_free(k->player);
    leati_free(k->mean);
    leati_free(k->work);
    leati_free(k->answer);
    leati_free(k);
}

size_t leati_closed_evaluations(const leati_closed *k)
{
    return k->mean ? k->inputs + 2 : k->rows + 1;
}

/* ---- linear models ----------------------------------------------------------------------------
 */

/* The mean row, with the features of one input from x; input SIZE_MAX: as it is. */
static void mixture(const leati_closed *k, const leati_matrix *x, size_t input, double *to)
{
    for (size_t i = 0; i < k->z.cols; i++)
        to[i] = k->player[i] == input ? leati_at(x, 0, i) : k->mean[i];
}

static leat_status ask(leati_closed *k, size_t rows)
{
    leati_matrix x = {.f64 = k->work, .rows = rows, .cols = k->z.cols, .stride = k->z.cols};
    return leati_estimator_predict(k->context, k->model->pipeline.estimator, &x, k->answer);
}

static leat_status run_linear(leati_closed *k, const leati_matrix *x, double *share, double *base)
{
    mixture(k, x, SIZE_MAX, k->work);
    LEATI_TRY(ask(k, 1));
    *base = k->answer[0];
    for (size_t at = 0; at < k->inputs; at += PIECE) {
        size_t rows = k->inputs - at < PIECE ? k->inputs - at : PIECE;
        for (size_t i = 0; i < rows; i++) mixture(k, x, at + i, k->work + i * k->z.cols);
        LEATI_TRY(ask(k, rows));
        for (size_t i = 0; i < rows; i++) share[at + i] = k->answer[i] - *base;
    }
    return LEAT_OK;
}

/* ---- trees ------------------------------------------------------------------------------------
 */

/* The number that the estimator has for a class; it never heard of those without a row. */
static size_t output_of(const leati_pipeline *p, size_t class)
{
    if (class == SIZE_MAX) return 0;
    for (size_t i = 0; p->present && i < p->estimator->classes; i++)
        if (p->present[i] == class) return i;
    return class;
}

static double mean_answer(const leati_closed *k, size_t class)
{
    const double *value = leat_session_predictions(k->background),
                 *proba = leat_session_probabilities(k->background);
    size_t classes = k->model->schema.classes;
    double sum = 0;
    for (size_t b = 0; b < k->rows; b++)
        sum += class == SIZE_MAX ? value[b] : proba[b * classes + class];
    return sum / (double)k->rows;
}

leat_status leati_closed_run(leati_closed *k, const leat_session *asked, size_t class,
                             double *share, double *base)
{
    const leati_estimator *e = k->model->pipeline.estimator;
    leati_matrix x = leati_session_matrix(asked, 1);
    if (k->mean) return run_linear(k, &x, share, base);
    leati_game g = {.x = &x,
                    .background = &k->z,
                    .player = k->player,
                    .players = k->inputs,
                    .output = output_of(&k->model->pipeline, class)};
    *base = mean_answer(k, class);
    return e->class->shapley(e, k->context, &g, share);
}
