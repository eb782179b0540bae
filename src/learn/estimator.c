/* Owns: the estimator table and the checks around every call of a class. */
#include "learn/estimator.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/vec.h"

#define ESTIMATOR(name) extern const leati_estimator_class leati_estimator_##name;
#include "learn/estimators.def"
#undef ESTIMATOR

static const leati_estimator_class *const table[] = {
#define ESTIMATOR(name) &leati_estimator_##name,
#include "learn/estimators.def"
#undef ESTIMATOR
    NULL};

size_t leati_estimator_count(void)
{
    return sizeof table / sizeof *table - 1;
}

const leati_estimator_class *leati_estimator_at(size_t i)
{
    return table[i];
}

const leati_estimator_class *leati_estimator_class_find(const char *name)
{
    for (size_t i = 0; table[i]; i++)
        if (strcmp(table[i]->name, name) == 0) return table[i];
    return NULL;
}

extern const leati_estimator_class leati_estimator_graph;

const leati_estimator_class *leati_estimator_class_saved(const char *name)
{
    if (strcmp(leati_estimator_graph.name, name) == 0) return &leati_estimator_graph;
    return leati_estimator_class_find(name);
}

leat_status leati_estimator_create(leat_context *c, leati_estimator **out,
                                   const leati_estimator_class *class)
{
    leati_estimator *e = *out = leati_calloc(c, 1, class->size);
    if (!e) return leat_error_status(c);
    e->class = class;
    leati_params_default(class->params, e);
    return LEAT_OK;
}

void leati_estimator_destroy(leati_estimator *e)
{
    if (!e) return;
    e->class->clear(e);
    leati_free(e);
}

leat_status leati_estimator_set(leat_context *c, leati_estimator *e, const char *param,
                                const char *value)
{
    return leati_param_set(c, e->class->params, e->class->name, e, param, value);
}

leat_status leati_estimator_clone(leat_context *c, leati_estimator **out, const leati_estimator *e)
{
    LEATI_TRY(leati_estimator_create(c, out, e->class));
    for (const leati_param *p = e->class->params; p->name; p++) {
        char text[LEATI_TEXT_PARAM];
        leati_param_get(p, e, text, sizeof text);
        leat_status st = leati_estimator_set(c, *out, p->name, text);
        if (st != LEAT_OK) {
            leati_estimator_destroy(*out);
            *out = NULL;
            return st;
        }
    }
    return LEAT_OK;
}

typedef struct scan {
    const leati_vec *vec;
    const leati_matrix *x;
    bool missing_allowed;
    size_t tasks;
    size_t *bad; /* (tasks) first bad element of each task as row * cols + col, or SIZE_MAX */
} scan;

/* The first bad element of rows from .. to - 1, as row * cols + col. */
static size_t find_bad(const scan *s, size_t from, size_t to)
{
    const leati_matrix *x = s->x;
    for (size_t r = from; r < to; r++)
        for (size_t j = 0; j < x->cols; j++) {
            double v = leati_at(x, r, j);
            if (!isfinite(v) && !(isnan(v) && s->missing_allowed)) return r * x->cols + j;
        }
    return SIZE_MAX;
}

/* Rows without gaps are looked at together, so that short ones cost no more than long ones. */
static void scan_rows(void *arg, size_t task, unsigned worker)
{
    enum { PIECE = 1024 };
    (void)worker;
    scan *s = arg;
    const leati_matrix *x = s->x;
    size_t to = leati_task_start(x->rows, s->tasks, task + 1);
    size_t step = x->stride == x->cols && x->cols < PIECE ? PIECE / x->cols : 1;
    s->bad[task] = SIZE_MAX;
    for (size_t r = leati_task_start(x->rows, s->tasks, task); r < to; r += step) {
        size_t rows = to - r < step ? to - r : step;
        bool sound = x->f64 ? s->vec->blemish_f64(rows * x->cols, x->f64 + r * x->stride) == 0
                            : s->vec->blemish_f32(rows * x->cols, x->f32 + r * x->stride) == 0;
        if (sound) continue;
        s->bad[task] = find_bad(s, r, r + rows);
        if (s->bad[task] != SIZE_MAX) return;
    }
}

static leat_status check_values(leat_context *c, const leati_estimator_class *class,
                                const leati_matrix *x, const leati_feature *features)
{
    enum { MOST = 64 };
    size_t bad[MOST];
    scan s = {.vec = leati_vec_of(c),
              .x = x,
              .missing_allowed = class->traits & LEATI_TAKES_MISSING,
              .bad = bad};
    if (x->finite) return LEAT_OK;
    s.tasks = leati_task_count(x->rows * x->cols, 1 << 16, MOST);
    if (s.tasks > x->rows) s.tasks = x->rows ? x->rows : 1;
    leati_parallel(c, s.tasks, scan_rows, &s);
    for (size_t t = 0; t < s.tasks; t++) {
        if (bad[t] == SIZE_MAX) continue;
        size_t row = bad[t] / x->cols, col = bad[t] % x->cols;
        bool nan = isnan(leati_at(x, row, col));
        const char *what = nan ? "missing" : "infinite";
        if (features)
            LEATI_FAIL(c, LEAT_INVALID, "%s: the value in row %zu of feature '%s' is %s",
                       class->name, row + 1, features[col].name, what);
        else
            LEATI_FAIL(c, LEAT_INVALID, "%s: the value in row %zu of feature %zu is %s",
                       class->name, row + 1, col + 1, what);
        return leati_error_hint(c, nan ? "this estimator takes no missing values: fill them first "
                                         "(--preprocess auto or impute)"
                                       : "replace infinite values first");
    }
    return LEAT_OK;
}

static leat_status check_target(leat_context *c, const leati_estimator_class *class,
                                const leati_dataset *d)
{
    if (d->task == LEATI_CLASSIFY) {
        LEATI_CHECK(c, class->traits & LEATI_CLASSIFIER, LEAT_INVALID,
                    "%s predicts numbers, not classes", class->name);
        LEATI_CHECK(c, d->classes >= 1, LEAT_INVALID, "%s: there is no class to learn",
                    class->name);
        return LEAT_OK;
    }
    LEATI_CHECK(c, class->traits & LEATI_REGRESSOR, LEAT_INVALID,
                "%s predicts classes, not numbers", class->name);
    for (size_t i = 0; i < d->x.rows; i++)
        LEATI_CHECK(c, isfinite(d->y[i]), LEAT_INVALID,
                    "%s: the target in row %zu is %s; every row needs a finite target", class->name,
                    i + 1, isnan(d->y[i]) ? "missing" : "infinite");
    return LEAT_OK;
}

leat_status leati_estimator_fit(leat_context *c, leati_estimator *e, const leati_dataset *d)
{
    const leati_estimator_class *class = e->class;
    LEATI_CHECK(c, d->x.rows > 0, LEAT_INVALID, "%s: there are no rows to learn from", class->name);
    LEATI_CHECK(c, d->x.rows < UINT32_MAX, LEAT_LIMIT, "%s: more than 4,294,967,294 rows",
                class->name);
    LEATI_CHECK(c, d->x.cols > 0, LEAT_INVALID,
                "%s: there are no features to learn from; every column was left out", class->name);
    LEATI_CHECK(c, !d->weight || class->traits & LEATI_TAKES_WEIGHTS, LEAT_INVALID,
                "%s takes no row weights", class->name);
    LEATI_TRY(check_target(c, class, d));
    LEATI_TRY(check_values(c, class, &d->x, d->features));
    class->clear(e);
    e->task = d->task;
    e->features = d->x.cols;
    e->classes = d->task == LEATI_CLASSIFY ? d->classes : 0;
    e->iterations = 0;
    e->converged = true;
    e->fitted = false;
    leat_status st = class->fit(e, c, d);
    if (st != LEAT_OK) {
        class->clear(e);
        return st;
    }
    e->fitted = true;
    return LEAT_OK;
}

static leat_status check_input(leat_context *c, const leati_estimator *e, const leati_matrix *x)
{
    LEATI_CHECK(c, e->fitted, LEAT_INVALID, "%s has not been fitted yet", e->class->name);
    LEATI_CHECK(c, x->cols == e->features, LEAT_SHAPE, "%s was fitted on %zu features, got %zu",
                e->class->name, e->features, x->cols);
    return check_values(c, e->class, x, NULL);
}

bool leati_estimator_has_proba(const leati_estimator *e)
{
    bool given = !e->class->gives_proba || e->class->gives_proba(e);
    return e->task == LEATI_CLASSIFY && e->class->proba && given;
}

bool leati_estimator_has_scores(const leati_estimator *e)
{
    return e->task == LEATI_CLASSIFY && (e->class->proba || e->class->decision);
}

static void argmax_rows(const double *scores, size_t rows, size_t classes, double *out)
{
    for (size_t i = 0; i < rows; i++) {
        size_t best = 0;
        for (size_t k = 1; k < classes; k++)
            if (scores[i * classes + k] > scores[i * classes + best]) best = k;
        out[i] = (double)best;
    }
}

leat_status leati_estimator_predict(leat_context *c, const leati_estimator *e,
                                    const leati_matrix *x, double *out)
{
    LEATI_TRY(check_input(c, e, x));
    if (x->rows == 0) return LEAT_OK;
    if (e->class->predict) return e->class->predict(e, c, x, out);
    double *scores = leati_array(c, x->rows * e->classes, sizeof *scores);
    if (!scores) return leat_error_status(c);
    leat_status st =
        e->class->proba ? e->class->proba(e, c, x, scores) : e->class->decision(e, c, x, scores);
    if (st == LEAT_OK) argmax_rows(scores, x->rows, e->classes, out);
    leati_free(scores);
    return st;
}

leat_status leati_estimator_proba(leat_context *c, const leati_estimator *e, const leati_matrix *x,
                                  double *out)
{
    LEATI_TRY(check_input(c, e, x));
    /* A class whose parameters give none says in its own words how to mend that. */
    LEATI_CHECK(c, e->task == LEATI_CLASSIFY && e->class->proba, LEAT_UNSUPPORTED,
                "%s gives no probabilities", e->class->name);
    return x->rows ? e->class->proba(e, c, x, out) : LEAT_OK;
}

leat_status leati_estimator_answer(leat_context *c, const leati_estimator *e, const leati_matrix *x,
                                   double *value, double *proba)
{
    const leati_estimator_class *class = e->class;
    if (class->answer) {
        LEATI_TRY(check_input(c, e, x));
        return x->rows ? class->answer(e, c, x, value, proba) : LEAT_OK;
    }
    if (class->predict || !class->proba) LEATI_TRY(leati_estimator_predict(c, e, x, value));
    LEATI_TRY(leati_estimator_proba(c, e, x, proba));
    if (!class->predict && class->proba) argmax_rows(proba, x->rows, e->classes, value);
    return LEAT_OK;
}

leat_status leati_estimator_reserve(leat_context *c, const leati_estimator *e, size_t threads)
{
    return e->class->reserve ? e->class->reserve(e, c, threads) : LEAT_OK;
}

leat_status leati_estimator_scores(leat_context *c, const leati_estimator *e, const leati_matrix *x,
                                   double *out)
{
    LEATI_TRY(check_input(c, e, x));
    LEATI_CHECK(c, leati_estimator_has_scores(e), LEAT_UNSUPPORTED, "%s gives no scores",
                e->class->name);
    if (x->rows == 0) return LEAT_OK;
    bool proba = leati_estimator_has_proba(e);
    return proba ? e->class->proba(e, c, x, out) : e->class->decision(e, c, x, out);
}

leat_status leati_estimator_save(leat_context *c, const leati_estimator *e, leati_state *s)
{
    LEATI_CHECK(c, e->fitted, LEAT_INVALID, "%s has not been fitted yet", e->class->name);
    LEATI_TRY(leati_state_put_scalar(s, "task", e->task));
    LEATI_TRY(leati_state_put_scalar(s, "features", (double)e->features));
    LEATI_TRY(leati_state_put_scalar(s, "classes", e->classes));
    LEATI_TRY(leati_state_put_scalar(s, "iterations", e->iterations));
    LEATI_TRY(leati_state_put_scalar(s, "converged", e->converged));
    return e->class->save(e, c, s);
}

/* No estimator learns a NaN: one in a file is damage, refused once for all classes. */
static leat_status check_learned(leat_context *c, leati_state *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const leati_array_entry *a = &s->entries[i];
        bool nan = false;
        if (a->type == LEATI_F64)
            for (size_t k = 0; k < a->count; k++) nan |= isnan(((const double *)a->data)[k]);
        if (a->type == LEATI_F32)
            for (size_t k = 0; k < a->count; k++) nan |= isnan(((const float *)a->data)[k]);
        LEATI_CHECK(c, !nan, LEAT_FORMAT,
                    "damaged model: the array '%s' holds a value that is no "
                    "number",
                    a->name);
    }
    return LEAT_OK;
}

leat_status leati_estimator_load(leat_context *c, leati_estimator *e, leati_state *s)
{
    LEATI_TRY(check_learned(c, s));
    double task, features, classes, iterations, converged;
    LEATI_TRY(leati_state_get_scalar(c, s, "task", 0, 1, &task));
    LEATI_TRY(leati_state_get_scalar(c, s, "features", 1, 1e9, &features));
    LEATI_TRY(leati_state_get_scalar(c, s, "classes", 0, 1e6, &classes));
    LEATI_TRY(leati_state_get_scalar(c, s, "iterations", 0, UINT32_MAX, &iterations));
    LEATI_TRY(leati_state_get_scalar(c, s, "converged", 0, 1, &converged));
    bool classify = task < 0.5;
    unsigned needed = classify ? LEATI_CLASSIFIER : LEATI_REGRESSOR;
    LEATI_CHECK(c, e->class->traits & needed && (classes >= 1) == classify, LEAT_FORMAT,
                "damaged model: task, classes and estimator '%s' do not fit together",
                e->class->name);
    e->class->clear(e);
    e->task = classify ? LEATI_CLASSIFY : LEATI_REGRESS;
    e->features = (size_t)features;
    e->classes = (uint32_t)classes;
    e->iterations = (uint32_t)iterations;
    e->converged = converged > 0.5;
    leat_status st = e->class->load(e, c, s);
    if (st != LEAT_OK) {
        e->class->clear(e);
        return st;
    }
    e->fitted = true;
    return LEAT_OK;
}
