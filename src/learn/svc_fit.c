/* Owns: fitting the kernel classifier: one machine per pair of classes, and its calibration. Not:
 * the solver (smo.c). */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "base/rng.h"
#include "learn/smo.h"
#include "learn/svc.h"

enum { FOLDS = 5 };

typedef struct outcome {
    leat_status status;
    uint64_t iterations;
    bool converged;
} outcome;

typedef struct fitting {
    leat_context *context;
    leati_svc *svc;
    uint64_t seed;
    size_t classes, count;
    uint32_t *order;        /* (count) rows with a weight, by class */
    uint32_t *start;        /* (classes + 1) in order */
    double *cost;           /* (count) upper bound of alpha, in that order */
    leati_kernel_rows rows; /* (count) */
    double *coef;           /* (count, classes - 1) */
    leati_smo_source *gram; /* of all rows, or NULL */
    outcome *outcomes;      /* (pairs) */
    size_t first;           /* pair of the batch that runs */
} fitting;

/* One machine to train: count variables by class, positives first. */
typedef struct machine {
    leati_smo_source *source;
    size_t count, positives;
    const uint32_t *column; /* (count) rows of the source */
    const double *cost;     /* (count) */
} machine;

static leat_status order_rows(fitting *f, const leati_dataset *d)
{
    leat_context *c = f->context;
    f->order = leati_array(c, d->x.rows, sizeof *f->order);
    f->cost = leati_array(c, d->x.rows, sizeof *f->cost);
    f->start = LEATI_NEW(c, uint32_t, f->classes + 1);
    double *scale = LEATI_NEW(c, double, f->classes);
    if (!f->order || !f->cost || !f->start || !scale) {
        leati_free(scale);
        return leat_error_status(c);
    }
    double total = 0;
    for (size_t i = 0; i < d->x.rows; i++) {
        double weight = d->weight ? d->weight[i] : 1;
        scale[d->label[i]] += weight;
        total += weight;
        if (weight > 0) f->start[d->label[i] + 1]++;
    }
    for (size_t k = 0; k < f->classes; k++) {
        double balanced = scale[k] > 0 ? total / ((double)f->classes * scale[k]) : 1;
        scale[k] = f->svc->cost * (f->svc->class_weight ? balanced : 1);
    }
    leat_status st = LEAT_OK;
    char space[LEATI_CLASS_TEXT];
    for (size_t k = 0; k < f->classes && st == LEAT_OK; k++) {
        if (f->start[k + 1] == 0)
            st = LEATI_FAIL(c, LEAT_INVALID,
                            "svc: no row of class %s has a weight above 0; every class needs one",
                            leati_class_text(d, k, space));
        f->start[k + 1] += f->start[k];
    }
    f->count = f->start[f->classes];
    for (size_t i = 0; i < d->x.rows && st == LEAT_OK; i++) {
        double weight = d->weight ? d->weight[i] : 1;
        if (!(weight > 0)) continue;
        uint32_t at = f->start[d->label[i]]++;
        f->order[at] = (uint32_t)i;
        f->cost[at] = scale[d->label[i]] * weight;
    }
    /* start[k] has moved to the end of class k. */
    for (size_t k = f->classes; k > 0 && st == LEAT_OK; k--) f->start[k] = f->start[k - 1];
    f->start[0] = 0;
    leati_free(scale);
    return st;
}

/* Solves for beta (count); quiet as for leati_smo_solve. */
static leat_status solve(const fitting *f, const machine *m, bool quiet, leati_smo *smo,
                         double *beta)
{
    size_t n = m->count;
    double *space = leati_alloc_quiet(f->context, 3 * n * sizeof *space);
    if (!space) return LEAT_NOMEM;
    double *linear = space, *lower = space + n, *upper = space + 2 * n;
    for (size_t t = 0; t < n; t++) {
        bool positive = t < m->positives;
        linear[t] = positive ? 1 : -1;
        lower[t] = positive ? 0 : -m->cost[t];
        upper[t] = positive ? m->cost[t] : 0;
    }
    uint64_t most = 100 * (uint64_t)n > 10000000 ? 100 * (uint64_t)n : 10000000;
    *smo = (leati_smo){.source = m->source,
                       .count = n,
                       .column = m->column,
                       .linear = linear,
                       .lower = lower,
                       .upper = upper,
                       .tol = f->svc->options.tol,
                       .shrinking = f->svc->options.shrinking,
                       .most = f->svc->max_iter < 0 ? most : (uint64_t)f->svc->max_iter,
                       .beta = beta};
    leat_status st = leati_smo_solve(f->context, smo, quiet);
    leati_free(space);
    return st;
}

/* Decision values of held-out rows of the source under the solution smo. */
static leat_status decide(leati_smo_source *source, const leati_smo *smo, const uint32_t *held,
                          const uint32_t *column, size_t count, double *out)
{
    for (size_t i = 0; i < count; i++) out[held[i]] = -smo->rho;
    for (size_t t = 0; t < smo->count; t++) {
        if (smo->beta[t] == 0) continue;
        const float *row = leati_smo_source_row(source, smo->column[t]);
        if (!row) {
            LEATI_TRY(leati_smo_source_load(source, &smo->column[t], 1, UINT32_MAX));
            row = leati_smo_source_row(source, smo->column[t]);
        }
        for (size_t i = 0; i < count; i++)
            out[held[i]] += smo->beta[t] * (double)row[column[held[i]]];
    }
    return LEAT_OK;
}

/* Scratch of the calibration of one machine of n rows. */
typedef struct fold_space {
    double *decision, *cost, *beta;         /* (n) */
    uint32_t *shuffled, *part, *held, *all; /* (n) */
    uint8_t *positive;                      /* (n) */
    void *block;
} fold_space;

static bool fold_space_init(fold_space *s, const fitting *f, size_t n)
{
    s->block = leati_alloc_quiet(f->context, n * (3 * sizeof(double) + 4 * sizeof(uint32_t) + 1));
    if (!s->block) return false;
    s->decision = s->block;
    s->cost = s->decision + n;
    s->beta = s->cost + n;
    s->shuffled = (uint32_t *)(void *)(s->beta + n);
    s->part = s->shuffled + n;
    s->held = s->part + n;
    s->all = s->held + n;
    s->positive = (uint8_t *)(s->all + n);
    return true;
}

/* Trains without the rows [from, to) of the shuffled ones and decides those. */
static leat_status fold(const fitting *f, const machine *m, fold_space *s, size_t from, size_t to,
                        bool quiet)
{
    size_t n = 0, positives = 0, held = 0;
    /* all[t]: whether row t is held out; keeps the parts in order of the rows. */
    memset(s->all, 0, m->count * sizeof *s->all);
    for (size_t i = from; i < to; i++) s->all[s->shuffled[i]] = 1;
    for (size_t t = 0; t < m->count; t++) {
        if (s->all[t]) {
            s->held[held++] = (uint32_t)t;
            continue;
        }
        s->part[n] = m->column[t];
        s->cost[n++] = m->cost[t];
        positives += t < m->positives;
    }
    if (positives == 0 || positives == n) {
        double same = n == 0 ? 0 : positives ? 1 : -1;
        for (size_t i = 0; i < held; i++) s->decision[s->held[i]] = same;
        return LEAT_OK;
    }
    machine part = {m->source, n, positives, s->part, s->cost};
    leati_smo smo;
    LEATI_TRY(solve(f, &part, quiet, &smo, s->beta));
    return decide(m->source, &smo, s->held, m->column, held, s->decision);
}

static leat_status calibrate(const fitting *f, const machine *m, size_t pair, bool quiet)
{
    fold_space s;
    size_t n = m->count;
    if (!fold_space_init(&s, f, n)) return LEAT_NOMEM;
    leati_rng rng;
    leati_rng_init(&rng, f->seed, LEATI_RNG_SPLIT, (uint32_t)pair);
    for (size_t t = 0; t < n; t++) {
        s.shuffled[t] = (uint32_t)t;
        s.positive[t] = t < m->positives;
    }
    leati_rng_shuffle(&rng, s.shuffled, n);
    leat_status st = LEAT_OK;
    for (size_t k = 0; k < FOLDS && st == LEAT_OK; k++)
        st =
            fold(f, m, &s, leati_task_start(n, FOLDS, k), leati_task_start(n, FOLDS, k + 1), quiet);
    if (st == LEAT_OK) f->svc->platt[pair] = leati_platt_fit(n, s.decision, s.positive);
    leati_free(s.block);
    return st;
}

static void pair_of(size_t classes, size_t pair, size_t *i, size_t *j)
{
    for (*i = 0; pair >= classes - 1 - *i; ++*i) pair -= classes - 1 - *i;
    *j = *i + 1 + pair;
}

/* Trains the machine of a pair; `source` has the rows of all classes, or (own) only of the two. */
static leat_status train(const fitting *f, size_t pair, leati_smo_source *source, bool own,
                         bool quiet)
{
    size_t i, j;
    pair_of(f->classes, pair, &i, &j);
    size_t rows_i = f->start[i + 1] - f->start[i], rows_j = f->start[j + 1] - f->start[j];
    size_t n = rows_i + rows_j;
    double *space = leati_alloc_quiet(f->context, n * (2 * sizeof(double) + sizeof(uint32_t)));
    if (!space) return LEAT_NOMEM;
    double *beta = space, *cost = space + n;
    uint32_t *column = (uint32_t *)(void *)(space + 2 * n);
    for (size_t t = 0; t < n; t++) {
        size_t row = t < rows_i ? f->start[i] + t : f->start[j] + t - rows_i;
        column[t] = (uint32_t)(own ? t : row);
        cost[t] = f->cost[row];
    }
    machine m = {source, n, rows_i, column, cost};
    leati_smo smo;
    leat_status st = solve(f, &m, quiet, &smo, beta);
    if (st == LEAT_OK) {
        size_t width = f->classes - 1;
        for (size_t t = 0; t < rows_i; t++) f->coef[(f->start[i] + t) * width + j - 1] = beta[t];
        for (size_t t = 0; t < rows_j; t++)
            f->coef[(f->start[j] + t) * width + i] = beta[rows_i + t];
        f->svc->rho[pair] = smo.rho;
        f->outcomes[pair].iterations = smo.iterations;
        f->outcomes[pair].converged = smo.converged;
        if (f->svc->platt) st = calibrate(f, &m, pair, quiet);
    }
    leati_free(space);
    return st;
}

static void train_task(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const fitting *f = arg;
    size_t pair = f->first + task;
    f->outcomes[pair].status = train(f, pair, f->gram, false, true);
}

/* Side by side on the shared matrix, in batches between which the caller may stop the job. */
static leat_status train_together(fitting *f, size_t pairs)
{
    size_t batch = 4 * (size_t)leat_context_threads(f->context);
    for (f->first = 0; f->first < pairs; f->first += batch) {
        LEATI_TRY(leati_progress(f->context, "fitting", f->first, pairs));
        leati_parallel(f->context, f->first + batch < pairs ? batch : pairs - f->first, train_task,
                       f);
    }
    return leati_progress(f->context, "fitting", pairs, pairs);
}

/* A copy of the rows of two classes. */
static leat_status pair_rows(const fitting *f, size_t pair, leati_kernel_rows *out)
{
    size_t i, j, cols = f->rows.cols;
    pair_of(f->classes, pair, &i, &j);
    size_t n[2] = {f->start[i + 1] - f->start[i], f->start[j + 1] - f->start[j]};
    size_t from[2] = {f->start[i], f->start[j]};
    leat_context *c = f->context;
    *out = (leati_kernel_rows){.rows = n[0] + n[1], .cols = cols};
    out->square = leati_array(c, out->rows, sizeof *out->square);
    if (f->rows.f32) out->f32 = leati_array(c, out->rows * cols, sizeof *out->f32);
    else out->f64 = leati_array(c, out->rows * cols, sizeof *out->f64);
    if (!out->square || (!out->f32 && !out->f64)) return leat_error_status(c);
    for (size_t side = 0, at = 0; side < 2; at += n[side++]) {
        size_t cells = n[side] * cols, source = from[side] * cols;
        memcpy(out->square + at, f->rows.square + from[side], n[side] * sizeof *out->square);
        if (out->f32) memcpy(out->f32 + at * cols, f->rows.f32 + source, cells * sizeof(float));
        else memcpy(out->f64 + at * cols, f->rows.f64 + source, cells * sizeof(double));
    }
    return LEAT_OK;
}

/* The pair on its own, for data whose whole kernel matrix is too large. */
static leat_status train_alone(const fitting *f, size_t pair)
{
    leat_context *c = f->context;
    leati_kernel_rows rows = {0};
    leati_smo_source *source = NULL;
    leat_status st;
    LEATI_GO(pair_rows(f, pair, &rows));
    LEATI_GO(leati_smo_source_create(c, &source, &f->svc->fn, &rows, f->svc->options.cache_size));
    st = train(f, pair, source, true, false);
out:
    leati_smo_source_destroy(source);
    leati_kernel_rows_fini(&rows);
    return st;
}

/* Several pairs share the matrix of all rows and run side by side; else one after the other. */
static leat_status train_all(fitting *f)
{
    leat_context *c = f->context;
    size_t pairs = leati_svc_pairs(f->classes);
    double most = fmax(f->svc->options.cache_size * 1048576, (double)LEATI_SMO_FREE_BYTES);
    bool whole = (double)f->count * (double)f->count * sizeof(float) <= most;
    leat_status st = LEAT_OK;
    if (pairs > 1 && whole) {
        LEATI_TRY(leati_smo_source_gram(c, &f->gram, &f->svc->fn, &f->rows));
        st = train_together(f, pairs);
    } else
        for (size_t p = 0; p < pairs && st == LEAT_OK; p++) st = train_alone(f, p);
    for (size_t p = 0; p < pairs && st == LEAT_OK; p++) st = f->outcomes[p].status;
    if (st == LEAT_NOMEM) LEATI_FAIL(c, st, "svc: out of memory in the solver");
    return st;
}

/* Keeps the rows that any machine uses. */
static leat_status collect(fitting *f, const leati_matrix *x)
{
    leat_context *c = f->context;
    leati_svc *s = f->svc;
    size_t width = f->classes - 1, kept = 0;
    uint32_t *rows = leati_array(c, f->count, sizeof *rows);
    s->start = LEATI_NEW(c, uint32_t, f->classes + 1);
    if (!rows || !s->start) {
        leati_free(rows);
        return leat_error_status(c);
    }
    for (size_t k = 0; k < f->classes; k++) {
        for (size_t t = f->start[k]; t < f->start[k + 1]; t++) {
            const double *from = f->coef + t * width;
            bool used = false;
            for (size_t m = 0; m < width; m++) used = used || from[m] != 0;
            if (!used) continue;
            memmove(f->coef + kept * width, from, width * sizeof *from);
            rows[kept++] = f->order[t];
        }
        s->start[k + 1] = (uint32_t)kept;
    }
    leat_status st =
        leati_kernel_rows_init(c, &s->sv, x, rows, kept, s->center, f->rows.f32 != NULL);
    s->coef = leati_memdup(c, f->coef, kept * width * sizeof *s->coef);
    leati_free(rows);
    return s->coef ? st : leat_error_status(c);
}

static void report(const fitting *f)
{
    uint64_t total = 0;
    size_t stopped = 0, pairs = leati_svc_pairs(f->classes);
    for (size_t p = 0; p < pairs; p++) {
        total += f->outcomes[p].iterations;
        stopped += !f->outcomes[p].converged;
    }
    f->svc->base.iterations = total > UINT32_MAX ? UINT32_MAX : (uint32_t)total;
    f->svc->base.converged = stopped == 0;
    if (stopped)
        leati_log(f->context, LEAT_LOG_WARN,
                  "svc: %zu of %zu machines stopped at max_iter before they converged; scale the "
                  "features, lower C or raise max_iter",
                  stopped, pairs);
}

leat_status leati_svc_fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    leati_svc *s = (leati_svc *)e;
    size_t pairs = leati_svc_pairs(d->classes);
    fitting f = {.context = c, .svc = s, .seed = d->seed, .classes = d->classes};
    leat_status st;
    s->fn = leati_kernel_fn_of(c, &s->options, d);
    LEATI_GO(order_rows(&f, d));
    LEATI_GO(leati_kernel_prepare(c, "svc", &s->fn, &d->x, f.order, f.count, &s->center, &f.rows));
    f.coef = LEATI_NEW(c, double, f.count *(f.classes - 1));
    f.outcomes = LEATI_NEW(c, outcome, pairs);
    s->rho = LEATI_NEW(c, double, pairs);
    if (s->probability) s->platt = LEATI_NEW(c, leati_platt, pairs);
    bool complete = f.coef && f.outcomes && s->rho && (s->platt || !s->probability);
    LEATI_GO(complete ? LEAT_OK : leat_error_status(c));
    LEATI_GO(train_all(&f));
    LEATI_GO(collect(&f, &d->x));
    report(&f);
out:
    leati_smo_source_destroy(f.gram);
    leati_kernel_rows_fini(&f.rows);
    leati_free(f.order);
    leati_free(f.start);
    leati_free(f.cost);
    leati_free(f.coef);
    leati_free(f.outcomes);
    return st;
}
