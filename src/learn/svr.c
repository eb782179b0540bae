/* Owns: `svr`, support vector regression with kernels. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"
#include "kernel/vec.h"
#include "learn/estimator.h"
#include "learn/smo.h"
#include "learn/svm_params.h"

typedef struct svr {
    leati_estimator base;
    leati_kernel_options options;
    double cost, epsilon;
    int64_t max_iter;

    /* Learned: f(x) = sum(coef_i K(sv_i, x)) - rho */
    leati_kernel_fn fn;
    leati_kernel_rows sv;
    double *coef; /* (sv.rows) */
    double rho;
    double *center; /* (features) subtracted from inputs, or NULL */
} svr;

#define AT(field) offsetof(svr, field)

static const leati_param params[] = {
    {.name = "C",
     .type = LEATI_PARAM_REAL,
     .offset = AT(cost),
     .standard = "1",
     .least = 1e-12,
     .most = 1e12,
     .grid = "0.1,1,10,100",
     .doc = "Cost of an error beyond epsilon; larger fits the rows more closely."},
    {.name = "epsilon",
     .type = LEATI_PARAM_REAL,
     .offset = AT(epsilon),
     .standard = "0.1",
     .least = 0,
     .most = 1e300,
     .grid = "0.01,0.1,1",
     .doc = "Errors up to this size cost nothing, in units of the target."},
    LEATI_KERNEL_PARAMS(svr),
    LEATI_KERNEL_SOLVER_PARAMS(svr),
    {.name = "max_iter",
     .type = LEATI_PARAM_INT,
     .offset = AT(max_iter),
     .standard = "-1",
     .least = -1,
     .most = 1e15,
     .doc = "Most steps of the solver; -1: no limit but one of 10,000,000 or 100 times the rows."},
    {.name = NULL}};

/* A row i of weight > 0 has the variables i (the row lies above f) and n + i (below). */
typedef struct fitting {
    uint32_t *order;        /* (rows) rows with a weight */
    size_t count;           /* of them */
    leati_kernel_rows rows; /* (count) */
    leati_smo_source *source;
    uint32_t *column; /* (2 count) */
    double *numbers;  /* (4, 2 count): linear, lower, upper, beta */
} fitting;

static leat_status order_rows(leat_context *c, const leati_dataset *d, fitting *f)
{
    f->order = leati_array(c, d->x.rows, sizeof *f->order);
    if (!f->order) return leat_error_status(c);
    for (size_t i = 0; i < d->x.rows; i++)
        if (!d->weight || d->weight[i] > 0) f->order[f->count++] = (uint32_t)i;
    LEATI_CHECK(c, f->count > 0, LEAT_INVALID, "svr: no row has a weight above 0");
    return LEAT_OK;
}

static leat_status solve(leat_context *c, const svr *s, const leati_dataset *d, fitting *f,
                         leati_smo *smo)
{
    size_t n = f->count, all = 2 * n;
    f->column = leati_array(c, all, sizeof *f->column);
    f->numbers = leati_array(c, 4 * all, sizeof *f->numbers);
    if (!f->column || !f->numbers) return leat_error_status(c);
    double *linear = f->numbers, *lower = linear + all, *upper = lower + all;
    for (size_t i = 0; i < n; i++) {
        size_t row = f->order[i];
        double cost = s->cost * (d->weight ? d->weight[row] : 1);
        f->column[i] = f->column[n + i] = (uint32_t)i;
        linear[i] = d->y[row] - s->epsilon;
        linear[n + i] = d->y[row] + s->epsilon;
        lower[i] = upper[n + i] = 0;
        upper[i] = cost;
        lower[n + i] = -cost;
    }
    uint64_t most = 100 * (uint64_t)all > 10000000 ? 100 * (uint64_t)all : 10000000;
    *smo = (leati_smo){.source = f->source,
                       .count = all,
                       .column = f->column,
                       .linear = linear,
                       .lower = lower,
                       .upper = upper,
                       .tol = s->options.tol,
                       .shrinking = s->options.shrinking,
                       .most = s->max_iter < 0 ? most : (uint64_t)s->max_iter,
                       .beta = upper + all};
    return leati_smo_solve(c, smo, false);
}

static leat_status collect(leat_context *c, svr *s, const leati_dataset *d, fitting *f,
                           const double *beta)
{
    size_t n = f->count, kept = 0;
    s->coef = leati_array(c, n, sizeof *s->coef);
    if (!s->coef) return leat_error_status(c);
    for (size_t i = 0; i < n; i++) {
        double coef = beta[i] + beta[n + i];
        if (coef == 0) continue;
        s->coef[kept] = coef;
        f->order[kept++] = f->order[i];
    }
    return leati_kernel_rows_init(c, &s->sv, &d->x, f->order, kept, s->center, f->rows.f32 != NULL);
}

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    svr *s = (svr *)e;
    fitting f = {0};
    leati_smo smo;
    leat_status st;
    s->fn = leati_kernel_fn_of(c, &s->options, d);
    LEATI_GO(order_rows(c, d, &f));
    LEATI_GO(leati_kernel_prepare(c, "svr", &s->fn, &d->x, f.order, f.count, &s->center, &f.rows));
    LEATI_GO(leati_smo_source_create(c, &f.source, &s->fn, &f.rows, s->options.cache_size));
    LEATI_GO(solve(c, s, d, &f, &smo));
    LEATI_GO(collect(c, s, d, &f, smo.beta));
    s->rho = smo.rho;
    e->iterations = smo.iterations > UINT32_MAX ? UINT32_MAX : (uint32_t)smo.iterations;
    e->converged = smo.converged;
    if (!e->converged)
        leati_log(c, LEAT_LOG_WARN,
                  "svr stopped at max_iter before it converged; scale the features and the target, "
                  "lower C or raise max_iter");
out:
    leati_smo_source_destroy(f.source);
    leati_kernel_rows_fini(&f.rows);
    leati_free(f.order);
    leati_free(f.column);
    leati_free(f.numbers);
    return st;
}

static leat_status predict(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                           double *out)
{
    enum { CELLS = 1 << 22, MOST_ROWS = 1024 };
    const svr *s = (const svr *)e;
    const leati_vec *vec = leati_vec_of(c);
    size_t n = s->sv.rows, height = CELLS / (n + 1);
    height = height < 1 ? 1 : height > MOST_ROWS ? MOST_ROWS : height;
    if (height > x->rows) height = x->rows;
    double *kernel = leati_array(c, height * n, sizeof *kernel);
    float *narrow = s->sv.f32 ? leati_array(c, height * n, sizeof *narrow) : NULL;
    leat_status st = kernel && (narrow || !s->sv.f32) ? LEAT_OK : leat_error_status(c);
    for (size_t from = 0; from < x->rows && st == LEAT_OK; from += height) {
        size_t count = from + height < x->rows ? height : x->rows - from;
        leati_matrix part = leati_matrix_rows(x, from, count);
        leati_kernel_rows rows = {0};
        st = leati_go_on(c, "predicting");
        if (st == LEAT_OK)
            st = leati_kernel_rows_init(c, &rows, &part, NULL, count, s->center, s->sv.f32 != NULL);
        if (st == LEAT_OK) st = leati_kernel_block_f64(c, &s->fn, &rows, &s->sv, narrow, kernel);
        for (size_t i = 0; i < count && st == LEAT_OK; i++)
            out[from + i] = vec->dot_f64(n, kernel + i * n, s->coef) - s->rho;
        leati_kernel_rows_fini(&rows);
    }
    leati_free(kernel);
    leati_free(narrow);
    return st;
}

static void clear(leati_estimator *e)
{
    svr *s = (svr *)e;
    leati_kernel_rows_fini(&s->sv);
    leati_free(s->coef);
    leati_free(s->center);
    s->coef = s->center = NULL;
}

static leat_status save(const leati_estimator *e, leat_context *c, leati_state *out)
{
    const svr *s = (const svr *)e;
    (void)c;
    LEATI_TRY(leati_kernel_save(out, &s->fn, &s->sv, s->center));
    LEATI_TRY(leati_state_put(out, "coef", LEATI_F64, s->coef, s->sv.rows, 0));
    return leati_state_put_scalar(out, "rho", s->rho);
}

static leat_status load(leati_estimator *e, leat_context *c, leati_state *in)
{
    svr *s = (svr *)e;
    LEATI_TRY(leati_kernel_load(c, in, e->features, &s->fn, &s->sv, &s->center));
    LEATI_TRY(leati_state_take(c, in, "coef", LEATI_F64, s->sv.rows, 0, &s->coef, NULL));
    LEATI_TRY(leati_state_get_scalar(c, in, "rho", -1e300, 1e300, &s->rho));
    for (size_t i = 0; i < s->sv.rows; i++)
        LEATI_CHECK(c, isfinite(s->coef[i]), LEAT_FORMAT,
                    "damaged model: a coefficient of svr is not finite");
    return LEAT_OK;
}

const leati_estimator_class leati_estimator_svr = {
    .name = "svr",
    .title = "support vector regression",
    .doc = "Fits the flattest function in the feature space of a kernel that leaves errors up to "
           "epsilon free (Vapnik 1995; solved as in LIBSVM). Strong on small and middling data "
           "with scaled features and target; its time grows with more than the square of the "
           "rows.",
    .traits = LEATI_REGRESSOR | LEATI_TAKES_WEIGHTS | LEATI_WANTS_SCALING | LEATI_WANTS_F32 |
              LEATI_SLOW_ON_ROWS,
    .size = sizeof(svr),
    .params = params,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .clear = clear};
