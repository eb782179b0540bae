/* Owns: `svc`, the support vector classifier with kernels: parameters, prediction, state. */
#include "learn/svc.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "kernel/gemm.h"

#define AT(field) offsetof(leati_svc, field)

static const leati_param params[] = {
    {.name = "C",
     .type = LEATI_PARAM_REAL,
     .offset = AT(cost),
     .standard = "1",
     .least = 1e-12,
     .most = 1e12,
     .grid = "0.1,1,10,100",
     .doc = "Cost of a row on the wrong side of the margin; larger fits the rows more closely."},
    LEATI_KERNEL_PARAMS(leati_svc),
    {.name = "probability",
     .type = LEATI_PARAM_BOOL,
     .offset = AT(probability),
     .standard = "false",
     .doc = "Learn probabilities too, by Platt scaling on 5-fold cross-validation: six times the "
            "work."},
    LEATI_KERNEL_SOLVER_PARAMS(leati_svc),
    {.name = "class_weight",
     .type = LEATI_PARAM_CHOICE,
     .offset = AT(class_weight),
     .standard = "none",
     .choices = "none|balanced",
     .grid = "none,balanced",
     .doc =
         "balanced multiplies C by rows / (classes * rows of the class), rows counted by weight."},
    {.name = "max_iter",
     .type = LEATI_PARAM_INT,
     .offset = AT(max_iter),
     .standard = "-1",
     .least = -1,
     .most = 1e15,
     .doc = "Most steps of the solver for a pair of classes; -1: no limit but one of 10,000,000 "
            "or 100 times the rows."},
    {.name = "break_ties",
     .type = LEATI_PARAM_BOOL,
     .offset = AT(break_ties),
     .standard = "false",
     .doc = "Among classes with equally many votes take the one of the largest score, not the "
            "first."},
    {.name = NULL}};

typedef enum answer { PAIRS, CLASS, SCORES, PROBABILITIES } answer;

static size_t answer_width(answer what, size_t classes)
{
    return what == PAIRS ? leati_svc_pairs(classes) : what == CLASS ? 1 : classes;
}

/* First class with the most votes. */
static double vote(size_t classes, const double *pairs, double *votes)
{
    size_t best = 0;
    memset(votes, 0, classes * sizeof *votes);
    for (size_t i = 0, p = 0; i < classes; i++)
        for (size_t j = i + 1; j < classes; j++) votes[*(pairs + p++) > 0 ? i : j]++;
    for (size_t k = 1; k < classes; k++)
        if (votes[k] > votes[best]) best = k;
    return (double)best;
}

/* Votes, and among equal votes the sum of decision values squeezed into (-1/3, 1/3). */
static void score(size_t classes, const double *pairs, double *out, double *sums)
{
    if (classes == 2) {
        out[0] = pairs[0];
        out[1] = -pairs[0];
        return;
    }
    memset(out, 0, classes * sizeof *out);
    memset(sums, 0, classes * sizeof *sums);
    for (size_t i = 0, p = 0; i < classes; i++)
        for (size_t j = i + 1; j < classes; j++, p++) {
            out[pairs[p] < 0 ? j : i]++;
            sums[i] += pairs[p];
            sums[j] -= pairs[p];
        }
    for (size_t k = 0; k < classes; k++) out[k] += sums[k] / (3 * (fabs(sums[k]) + 1));
}

/* scratch: classes * (2 classes + 1) */
static void probabilities(const leati_svc *s, const double *pairs, double *out, double *scratch)
{
    size_t classes = s->base.classes;
    double *r = scratch, *rest = scratch + classes * classes;
    for (size_t i = 0, p = 0; i < classes; i++)
        for (size_t j = i + 1; j < classes; j++, p++) {
            double v = leati_platt_probability(s->platt[p], pairs[p]);
            v = v > 1e-7 ? v < 1 - 1e-7 ? v : 1 - 1e-7 : 1e-7;
            r[i * classes + j] = v;
            r[j * classes + i] = 1 - v;
        }
    if (classes == 2) {
        out[0] = r[1];
        out[1] = r[2];
    } else leati_platt_couple(classes, r, out, rest);
}

typedef struct chunk {
    const leati_svc *svc;
    size_t rows, tasks;
    const double *sums; /* (rows, classes, classes - 1) of the vectors of a class */
    double *scratch;    /* (tasks, scratch_width): pair decisions, then of the functions above */
    size_t scratch_width;
    answer what;
    double *out;
} chunk;

static void answer_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const chunk *h = arg;
    const leati_svc *s = h->svc;
    size_t k = s->base.classes, pairs = leati_svc_pairs(k), width = answer_width(h->what, k);
    double *own = h->scratch + task * h->scratch_width, *rest = own + pairs;
    size_t to = leati_task_start(h->rows, h->tasks, task + 1);
    for (size_t row = leati_task_start(h->rows, h->tasks, task); row < to; row++) {
        const double *sums = h->sums + row * k * (k - 1);
        double *out = h->out + row * width;
        for (size_t i = 0, p = 0; i < k; i++)
            for (size_t j = i + 1; j < k; j++, p++)
                own[p] = sums[i * (k - 1) + j - 1] + sums[j * (k - 1) + i] - s->rho[p];
        if (h->what == PAIRS) memcpy(out, own, pairs * sizeof *out);
        else if (h->what == SCORES) score(k, own, out, rest);
        else if (h->what == PROBABILITIES) probabilities(s, own, out, rest);
        else if (!s->break_ties || k == 2) *out = vote(k, own, rest);
        else {
            score(k, own, rest, rest + k);
            size_t best = 0;
            for (size_t m = 1; m < k; m++)
                if (rest[m] > rest[best]) best = m;
            *out = (double)best;
        }
    }
}

/* Space for one chunk of rows, kept over the chunks of a call. */
typedef struct space {
    size_t rows, tasks, scratch_width;
    double *kernel;  /* (rows, sv.rows) */
    float *narrow;   /* the same, for vectors in f32 */
    double *sums;    /* (rows, classes, classes - 1) */
    double *scratch; /* (tasks, scratch_width) */
} space;

static leat_status space_init(leat_context *c, space *b, const leati_svc *s, size_t rows)
{
    enum { CELLS = 1 << 21, MOST_ROWS = 1024, MOST_TASKS = 32 };
    size_t k = s->base.classes;
    double per_row = (double)s->sv.rows + (double)k * (double)k;
    double most = (double)CELLS / (per_row > 1 ? per_row : 1);
    b->rows = most < 1 ? 1 : most < MOST_ROWS ? (size_t)most : MOST_ROWS;
    if (b->rows > rows) b->rows = rows;
    b->tasks = leati_task_count(b->rows, 16, MOST_TASKS);
    b->scratch_width = leati_svc_pairs(k) + k * (2 * k + 1);
    b->kernel = leati_array(c, b->rows * s->sv.rows, sizeof *b->kernel);
    b->sums = leati_array(c, b->rows * k * (k - 1), sizeof *b->sums);
    b->scratch = leati_array(c, b->tasks * b->scratch_width, sizeof *b->scratch);
    if (s->sv.f32) {
        b->narrow = leati_array(c, b->rows * s->sv.rows, sizeof *b->narrow);
        if (!b->narrow) return leat_error_status(c);
    }
    return b->kernel && b->sums && b->scratch ? LEAT_OK : leat_error_status(c);
}

static void space_fini(space *b)
{
    leati_free(b->kernel);
    leati_free(b->narrow);
    leati_free(b->sums);
    leati_free(b->scratch);
}

/* b->sums for the rows x: kernel values against all support vectors, then for each class the
 * products with the coefficients of its vectors. */
static leat_status sum_vectors(const leati_svc *s, leat_context *c, const leati_matrix *x, space *b)
{
    size_t k = s->base.classes, width = k * (k - 1);
    leati_kernel_rows rows = {0};
    leat_status st;
    memset(b->sums, 0, x->rows * width * sizeof *b->sums);
    LEATI_GO(leati_kernel_rows_init(c, &rows, x, NULL, x->rows, s->center, s->sv.f32 != NULL));
    LEATI_GO(leati_kernel_block_f64(c, &s->fn, &rows, &s->sv, b->narrow, b->kernel));
    for (size_t m = 0; m < k; m++) {
        size_t from = s->start[m], count = s->start[m + 1] - from;
        if (count == 0) continue;
        LEATI_GO(leati_gemm_f64(c, false, false, x->rows, k - 1, count, 1, b->kernel + from,
                                s->sv.rows, s->coef + from * (k - 1), k - 1, 0,
                                b->sums + m * (k - 1), width));
    }
out:
    leati_kernel_rows_fini(&rows);
    return st;
}

static leat_status respond(const leati_svc *s, leat_context *c, const leati_matrix *x, answer what,
                           double *out)
{
    size_t width = answer_width(what, s->base.classes);
    if (s->base.classes == 1) {
        for (size_t i = 0; i < x->rows * width; i++) out[i] = what == PROBABILITIES ? 1 : 0;
        return LEAT_OK;
    }
    space b = {0};
    leat_status st;
    LEATI_GO(space_init(c, &b, s, x->rows));
    for (size_t from = 0; from < x->rows; from += b.rows) {
        size_t count = from + b.rows < x->rows ? b.rows : x->rows - from;
        leati_matrix part = leati_matrix_rows(x, from, count);
        LEATI_GO(leati_go_on(c, "predicting"));
        LEATI_GO(sum_vectors(s, c, &part, &b));
        chunk h = {.svc = s,
                   .rows = count,
                   .tasks = b.tasks < count ? b.tasks : count,
                   .sums = b.sums,
                   .scratch = b.scratch,
                   .scratch_width = b.scratch_width,
                   .what = what,
                   .out = out + from * width};
        leati_parallel(c, h.tasks, answer_rows, &h);
    }
out:
    space_fini(&b);
    return st;
}

leat_status leati_svc_pair_decisions(const leati_svc *s, leat_context *c, const leati_matrix *x,
                                     double *out)
{
    return respond(s, c, x, PAIRS, out);
}

static leat_status predict(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                           double *out)
{
    return respond((const leati_svc *)e, c, x, CLASS, out);
}

static leat_status decision(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                            double *out)
{
    return respond((const leati_svc *)e, c, x, SCORES, out);
}

static leat_status proba(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                         double *out)
{
    const leati_svc *s = (const leati_svc *)e;
    if (!s->platt && s->base.classes > 1) {
        LEATI_FAIL(c, LEAT_UNSUPPORTED, "svc was fitted without probabilities");
        return leati_error_hint(c, "fit it again with probability=true");
    }
    return respond(s, c, x, PROBABILITIES, out);
}

static bool gives_proba(const leati_estimator *e)
{
    return ((const leati_svc *)e)->probability;
}

static void clear(leati_estimator *e)
{
    leati_svc *s = (leati_svc *)e;
    leati_kernel_rows_fini(&s->sv);
    leati_free(s->start);
    leati_free(s->coef);
    leati_free(s->rho);
    leati_free(s->platt);
    leati_free(s->center);
    s->start = NULL;
    s->coef = s->rho = s->center = NULL;
    s->platt = NULL;
}

static leat_status save(const leati_estimator *e, leat_context *c, leati_state *out)
{
    const leati_svc *s = (const leati_svc *)e;
    size_t k = e->classes, pairs = leati_svc_pairs(k), n = s->sv.rows;
    LEATI_TRY(leati_kernel_save(out, &s->fn, &s->sv, s->center));
    if (k == 1) return LEAT_OK;
    int64_t *start = leati_array(c, k + 1, sizeof *start);
    if (!start) return leat_error_status(c);
    for (size_t i = 0; i <= k; i++) start[i] = s->start[i];
    leat_status st = leati_state_put(out, "start", LEATI_I64, start, k + 1, 0);
    leati_free(start);
    LEATI_TRY(st);
    LEATI_TRY(leati_state_put(out, "coef", LEATI_F64, s->coef, n, k - 1));
    LEATI_TRY(leati_state_put(out, "rho", LEATI_F64, s->rho, pairs, 0));
    return s->platt ? leati_state_put(out, "platt", LEATI_F64, s->platt, pairs, 2) : LEAT_OK;
}

static leat_status load_start(leati_svc *s, leat_context *c, leati_state *in)
{
    size_t k = s->base.classes;
    int64_t *start = NULL;
    LEATI_TRY(leati_state_take(c, in, "start", LEATI_I64, k + 1, 0, &start, NULL));
    s->start = LEATI_NEW(c, uint32_t, k + 1);
    bool sound = s->start && start[0] == 0 && start[k] == (int64_t)s->sv.rows;
    for (size_t i = 0; sound && i < k; i++) {
        sound = start[i] <= start[i + 1];
        s->start[i + 1] = (uint32_t)start[i + 1];
    }
    leati_free(start);
    if (!s->start) return leat_error_status(c);
    LEATI_CHECK(c, sound, LEAT_FORMAT,
                "damaged model: the support vectors of svc do not add up over the classes");
    return LEAT_OK;
}

static leat_status load(leati_estimator *e, leat_context *c, leati_state *in)
{
    leati_svc *s = (leati_svc *)e;
    size_t k = e->classes, pairs = leati_svc_pairs(k);
    LEATI_TRY(leati_kernel_load(c, in, e->features, &s->fn, &s->sv, &s->center));
    if (k == 1) return LEAT_OK;
    size_t n = s->sv.rows;
    LEATI_TRY(load_start(s, c, in));
    LEATI_TRY(leati_state_take(c, in, "coef", LEATI_F64, n, k - 1, &s->coef, NULL));
    LEATI_TRY(leati_state_take(c, in, "rho", LEATI_F64, pairs, 0, &s->rho, NULL));
    if (leati_state_find(in, "platt"))
        LEATI_TRY(leati_state_take(c, in, "platt", LEATI_F64, pairs, 2, &s->platt, NULL));
    bool finite = true;
    for (size_t i = 0; i < n * (k - 1); i++) finite = finite && isfinite(s->coef[i]);
    for (size_t p = 0; p < pairs; p++) {
        finite = finite && isfinite(s->rho[p]);
        if (s->platt) finite = finite && isfinite(s->platt[p].a) && isfinite(s->platt[p].b);
    }
    LEATI_CHECK(c, finite, LEAT_FORMAT, "damaged model: a coefficient of svc is not finite");
    return LEAT_OK;
}

const leati_estimator_class leati_estimator_svc = {
    .name = "svc",
    .title = "support vector machine",
    .doc = "Separates each pair of classes by the widest margin in the feature space of a kernel "
           "and takes the class with the most votes (Cortes and Vapnik 1995; solved as in LIBSVM). "
           "Strong on small and middling data with scaled features; its time grows with more than "
           "the square of the rows.",
    .traits = LEATI_CLASSIFIER | LEATI_TAKES_WEIGHTS | LEATI_WANTS_SCALING | LEATI_WANTS_F32 |
              LEATI_RANDOM | LEATI_SLOW_ON_ROWS,
    .size = sizeof(leati_svc),
    .params = params,
    .fit = leati_svc_fit,
    .predict = predict,
    .proba = proba,
    .decision = decision,
    .gives_proba = gives_proba,
    .save = save,
    .load = load,
    .clear = clear};
