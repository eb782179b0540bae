/* Owns: k-nearest neighbours, classes and numbers. The searches are kdtree.c (few dimensions) and
 * kernel/neighbors.h (brute force by matrix product). */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "kernel/neighbors.h"
#include "kernel/vec.h"
#include "learn/estimator.h"
#include "learn/kdtree.h"
#include "learn/knn_projection.h"

enum { UNIFORM, BY_DISTANCE };
enum { MINKOWSKI, EUCLIDEAN, MANHATTAN, CHEBYSHEV, COSINE };
enum { AUTO, KD_TREE, BRUTE };
enum { TREE_COLS = 15 }; /* above, a tree visits nearly every leaf */

typedef struct knn {
    leati_estimator base;
    int64_t n_neighbors;
    int weights, metric, algorithm;
    double p;
    leati_matrix x; /* packed; owned by store; see prepare_rows for cosine */
    void *store;
    double *y;       /* (rows) REGRESS */
    uint32_t *label; /* (rows) CLASSIFY */
    leati_kdtree tree;
    bool has_tree;
    leati_projection projection; /* f32 rows of many columns; dims 0: none */
    float *bound;                /* (rows, dims + 1) */
} knn;

static const leati_param params[] = {
    {.name = "n_neighbors",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(knn, n_neighbors),
     .standard = "5",
     .least = 1,
     .most = 1e6,
     .grid = "1,3,5,7,9,15,25",
     .doc = "How many neighbours answer."},
    {.name = "weights",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(knn, weights),
     .standard = "uniform",
     .choices = "uniform|distance",
     .grid = "uniform,distance",
     .doc = "Whether all neighbours count alike or by the inverse of their distance."},
    {.name = "metric",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(knn, metric),
     .standard = "minkowski",
     .choices = "minkowski|euclidean|manhattan|chebyshev|cosine",
     .doc = "How distances are measured; minkowski with p=2 is euclidean."},
    {.name = "p",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(knn, p),
     .standard = "2",
     .least = 1,
     .most = 1000,
     .doc = "The power of metric=minkowski."},
    {.name = "algorithm",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(knn, algorithm),
     .standard = "auto",
     .choices = "auto|kd_tree|brute",
     .doc = "How neighbours are found, exactly in every case; auto takes the tree up to 15 "
            "features."},
    {.name = NULL}};

/* --- the metric ----------------------------------------------------------------------------------
 */

static leati_distance kind_of(const knn *n)
{
    if (n->metric == MANHATTAN || (n->metric == MINKOWSKI && n->p == 1)) return LEATI_MANHATTAN;
    if (n->metric == CHEBYSHEV) return LEATI_CHEBYSHEV;
    if (n->metric == MINKOWSKI && n->p != 2) return LEATI_POWER;
    return LEATI_SQUARED; /* cosine too: of rows of length 1 */
}

/* The distance behind the number that the searches compare. */
static double true_distance(const knn *n, double d)
{
    if (n->metric == COSINE) return 0.5 * d;
    leati_distance kind = kind_of(n);
    return kind == LEATI_SQUARED ? sqrt(d) : kind == LEATI_POWER ? pow(d, 1 / n->p) : d;
}

/* For cosine: rows scaled to length 1, with two more columns that put a row of zeros at the
 * distance 1 from every row (query: the other column), as the cosine 0 means. */
static leat_status unit_rows(leat_context *c, const leati_matrix *x, bool query, double **out)
{
    size_t cols = x->cols + 2;
    *out = leati_calloc(c, x->rows * cols, sizeof **out);
    if (!*out) return leat_error_status(c);
    for (size_t i = 0; i < x->rows; i++) {
        double *to = *out + i * cols, most = 0, sum = 0;
        for (size_t j = 0; j < x->cols; j++) most = fmax(most, fabs(leati_at(x, i, j)));
        for (size_t j = 0; j < x->cols && most > 0; j++) {
            to[j] = leati_at(x, i, j) / most;
            sum += to[j] * to[j];
        }
        for (size_t j = 0; j < x->cols && most > 0; j++) to[j] /= sqrt(sum);
        if (most == 0) to[x->cols + query] = 1;
    }
    return LEAT_OK;
}

/* A packed copy of x as the searches want it: f32 only for brute force with the Euclidean metric.
 */
static leat_status prepare_rows(const knn *n, leat_context *c, const leati_matrix *x, bool query,
                                bool f32, leati_matrix *out, void **store)
{
    *out = (leati_matrix){.rows = x->rows, .cols = x->cols, .stride = x->cols};
    if (n->metric == COSINE) {
        out->cols = out->stride = x->cols + 2;
        double *unit;
        LEATI_TRY(unit_rows(c, x, query, &unit));
        out->f64 = *store = unit;
        return LEAT_OK;
    }
    if (f32) out->f32 = *store = leati_matrix_f32(c, x);
    else out->f64 = *store = leati_matrix_f64(c, x);
    return *store ? LEAT_OK : leat_error_status(c);
}

/* --- fit -----------------------------------------------------------------------------------------
 */

static void clear(leati_estimator *e)
{
    knn *n = (knn *)e;
    leati_free(n->store);
    leati_free(n->y);
    leati_free(n->label);
    leati_free(n->bound);
    leati_projection_fini(&n->projection);
    n->bound = NULL;
    if (n->has_tree) leati_kdtree_fini(&n->tree);
    n->store = n->y = NULL;
    n->label = NULL;
    n->has_tree = false;
    n->x = (leati_matrix){0};
}

static bool wants_tree(const knn *n)
{
    return n->algorithm == KD_TREE ||
           (n->algorithm == AUTO && n->metric != COSINE && n->base.features <= TREE_COLS);
}

static leat_status plant(knn *n, leat_context *c)
{
    if (n->x.f32) {
        LEATI_TRY(leati_projection_init(c, &n->projection, &n->x));
        if (n->projection.dims == 0) return LEAT_OK;
        n->bound = leati_array(c, n->x.rows * (n->projection.dims + 1), sizeof *n->bound);
        if (!n->bound) return leat_error_status(c);
        return leati_projection_apply(c, &n->projection, &n->x, n->bound);
    }
    if (!wants_tree(n)) return LEAT_OK;
    LEATI_TRY(leati_kdtree_init(c, &n->tree, &n->x));
    n->has_tree = true;
    return LEAT_OK;
}

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    knn *n = (knn *)e;
    size_t rows = d->x.rows;
    LEATI_CHECK(c, (uint64_t)n->n_neighbors <= rows, LEAT_INVALID,
                "knn.n_neighbors is %lld, but there are only %zu rows to learn from; at most %zu "
                "would fit",
                (long long)n->n_neighbors, rows, rows);
    LEATI_CHECK(c, n->algorithm != KD_TREE || n->metric != COSINE, LEAT_INVALID,
                "knn.algorithm=kd_tree does not take metric=cosine; use algorithm=brute");
    bool f32 = d->x.f32 && kind_of(n) == LEATI_SQUARED && !wants_tree(n);
    LEATI_TRY(prepare_rows(n, c, &d->x, false, f32, &n->x, &n->store));
    if (d->task == LEATI_REGRESS) n->y = leati_memdup(c, d->y, rows * sizeof *n->y);
    else n->label = leati_memdup(c, d->label, rows * sizeof *n->label);
    if (!n->y && !n->label) return leat_error_status(c);
    return plant(n, c);
}

/* --- search --------------------------------------------------------------------------------------
 */

typedef struct search_job {
    leat_context *context;
    const knn *n;
    const leati_matrix *x;
    size_t k;
    uint32_t *index;
    double *distance;
} search_job;

enum { QUERIES = 16 }; /* of one task */

static void tree_task(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const search_job *job = arg;
    size_t to = (task + 1) * QUERIES < job->x->rows ? (task + 1) * QUERIES : job->x->rows;
    if (leati_stopping(job->context)) return;
    for (size_t i = task * QUERIES; i < to; i++)
        leati_kdtree_nearest(&job->n->tree, kind_of(job->n), job->n->p,
                             job->x->f64 + i * job->x->stride, job->k, job->index + i * job->k,
                             job->distance + i * job->k);
}

/* Every pair, a block of rows at a time so that it stays in cache for the task's queries. */
static void scan_task(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const search_job *job = arg;
    const knn *n = job->n;
    leati_distance kind = kind_of(n);
    size_t cols = job->x->cols, held[QUERIES] = {0}, from = task * QUERIES;
    size_t to = from + QUERIES < job->x->rows ? from + QUERIES : job->x->rows;
    size_t block = 1 + 16384 / cols;
    for (size_t at = 0; at < n->x.rows && !leati_stopping(job->context); at += block) {
        size_t end = at + block < n->x.rows ? at + block : n->x.rows;
        for (size_t i = from; i < to; i++)
            for (size_t r = at; r < end; r++) {
                double d = leati_distance_of(kind, n->p, cols, job->x->f64 + i * job->x->stride,
                                             n->x.f64 + r * n->x.stride);
                leati_nearest_offer(job->k, &held[i - from], job->index + i * job->k,
                                    job->distance + i * job->k, (uint32_t)r, d);
            }
    }
}

/* The same answer as brute force. *worth becomes false when the bounds rule out too few rows. */
static leat_status search_bounded(const knn *n, leat_context *c, const leati_matrix *x,
                                  uint32_t *index, double *distance, bool *worth)
{
    size_t dims = n->projection.dims + 1;
    float *bound = leati_array(c, x->rows * dims, sizeof *bound);
    uint32_t *measured = leati_array(c, x->rows, sizeof *measured);
    leat_status st = bound && measured ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) st = leati_projection_apply(c, &n->projection, x, bound);
    if (st == LEAT_OK) {
        leati_bounded_f32 b = {.query = x->f32,
                               .data = n->x.f32,
                               .query_bound = bound,
                               .data_bound = n->bound,
                               .queries = x->rows,
                               .ldq = x->stride,
                               .rows = n->x.rows,
                               .ldd = n->x.stride,
                               .dims = x->cols,
                               .bound_dims = dims};
        st = leati_neighbors_bounded_f32(c, &b, (size_t)n->n_neighbors, index, distance, measured);
        double sum = 0;
        for (size_t i = 0; i < x->rows; i++) sum += measured[i];
        *worth = sum <= 0.03 * (double)x->rows * (double)n->x.rows;
    }
    leati_free(bound);
    leati_free(measured);
    return st;
}

/* The neighbours of every row of x, which is prepared like n->x. */
static leat_status search(const knn *n, leat_context *c, const leati_matrix *x, uint32_t *index,
                          double *distance, bool *worth)
{
    size_t k = (size_t)n->n_neighbors, tasks = (x->rows + QUERIES - 1) / QUERIES;
    search_job job = {c, n, x, k, index, distance};
    if (n->has_tree) leati_parallel(c, tasks, tree_task, &job);
    else if (kind_of(n) != LEATI_SQUARED) leati_parallel(c, tasks, scan_task, &job);
    else if (n->bound && *worth && x->rows > 4)
        return search_bounded(n, c, x, index, distance, worth);
    else if (x->f32)
        return leati_neighbors_f32(c, x->f32, x->rows, x->stride, n->x.f32, n->x.rows, n->x.stride,
                                   x->cols, k, index, distance);
    else
        return leati_neighbors_f64(c, x->f64, x->rows, x->stride, n->x.f64, n->x.rows, n->x.stride,
                                   x->cols, k, index, distance);
    return leati_go_on(c, "looking for neighbours");
}

/* --- answers -------------------------------------------------------------------------------------
 */

/* Weights of one row's neighbours from their distances, in place. A neighbour at distance 0 leaves
 * the others without a say. */
static void weigh(const knn *n, size_t k, double *d)
{
    bool zero = false;
    for (size_t i = 0; i < k; i++) {
        d[i] = n->weights == UNIFORM ? 1 : true_distance(n, d[i]);
        zero |= d[i] == 0;
    }
    if (n->weights == UNIFORM) return;
    if (!(d[0] < HUGE_VAL)) { /* beyond what can be told apart */
        for (size_t i = 0; i < k; i++) d[i] = 1;
        return;
    }
    double nearest = d[0]; /* relative to it, so that nothing overflows */
    for (size_t i = 0; i < k; i++) d[i] = zero ? (double)(d[i] == 0) : nearest / d[i];
}

static void answer(const knn *n, size_t k, const uint32_t *index, const double *weight, double *out)
{
    double total = 0;
    for (size_t i = 0; i < k; i++) total += weight[i];
    if (n->base.task == LEATI_REGRESS) {
        double sum = 0;
        for (size_t i = 0; i < k; i++) sum += weight[i] * n->y[index[i]];
        *out = sum / total;
        return;
    }
    memset(out, 0, n->base.classes * sizeof *out);
    for (size_t i = 0; i < k; i++) out[n->label[index[i]]] += weight[i];
    for (size_t j = 0; j < n->base.classes; j++) out[j] /= total;
}

/* out (rows, width): probabilities or values. */
static leat_status answer_all(const knn *n, leat_context *c, const leati_matrix *x, size_t width,
                              double *out)
{
    enum { BLOCK = 2048 };
    size_t k = (size_t)n->n_neighbors, block = x->rows < BLOCK ? x->rows : BLOCK;
    bool worth = true;
    LEATI_CHECK(c, k <= n->x.rows, LEAT_INVALID,
                "knn.n_neighbors is %zu, but the model holds only %zu rows", k, n->x.rows);
    uint32_t *index = leati_calloc(c, block * k, sizeof *index);
    double *distance = leati_array(c, block * k, sizeof *distance);
    leat_status st = index && distance ? LEAT_OK : leat_error_status(c);
    for (size_t at = 0; st == LEAT_OK && at < x->rows; at += block) {
        leati_matrix part = leati_matrix_rows(x, at, x->rows - at < block ? x->rows - at : block);
        leati_matrix query = part;
        void *store = NULL;
        bool as_is = n->metric != COSINE && (n->x.f32 ? part.f32 != NULL : part.f64 != NULL);
        if (!as_is) st = prepare_rows(n, c, &part, true, n->x.f32 != NULL, &query, &store);
        if (st == LEAT_OK) st = search(n, c, &query, index, distance, &worth);
        for (size_t i = 0; st == LEAT_OK && i < part.rows; i++) {
            weigh(n, k, distance + i * k);
            answer(n, k, index + i * k, distance + i * k, out + (at + i) * width);
        }
        leati_free(store);
    }
    leati_free(index);
    leati_free(distance);
    return st;
}

static leat_status proba(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                         double *out)
{
    return answer_all((const knn *)e, c, x, e->classes, out);
}

static leat_status predict(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                           double *out)
{
    if (e->task == LEATI_REGRESS) return answer_all((const knn *)e, c, x, 1, out);
    double *votes = leati_array(c, x->rows * e->classes, sizeof *votes);
    if (!votes) return leat_error_status(c);
    leat_status st = proba(e, c, x, votes);
    for (size_t i = 0; st == LEAT_OK && i < x->rows; i++) {
        const double *v = votes + i * e->classes;
        size_t best = 0;
        for (size_t k = 1; k < e->classes; k++)
            if (v[k] > v[best]) best = k;
        out[i] = (double)best;
    }
    leati_free(votes);
    return st;
}

/* --- save and load -------------------------------------------------------------------------------
 */

static leat_status save(const leati_estimator *e, leat_context *c, leati_state *s)
{
    (void)c;
    const knn *n = (const knn *)e;
    const void *x = n->x.f64 ? (const void *)n->x.f64 : (const void *)n->x.f32;
    LEATI_TRY(leati_state_put(s, "x", n->x.f64 ? LEATI_F64 : LEATI_F32, x, n->x.rows, n->x.cols));
    if (e->task == LEATI_REGRESS) return leati_state_put(s, "y", LEATI_F64, n->y, n->x.rows, 0);
    return leati_state_put(s, "label", LEATI_I32, n->label, n->x.rows, 0);
}

static leat_status load(leati_estimator *e, leat_context *c, leati_state *s)
{
    knn *n = (knn *)e;
    const leati_array_entry *x = leati_state_find(s, "x");
    bool f32 = x && x->type == LEATI_F32;
    size_t cols = e->features + (n->metric == COSINE ? 2 : 0), rows = 0;
    LEATI_TRY(
        leati_state_take(c, s, "x", f32 ? LEATI_F32 : LEATI_F64, SIZE_MAX, cols, &n->store, &rows));
    n->x = (leati_matrix){.rows = rows, .cols = cols, .stride = cols};
    if (f32) n->x.f32 = n->store;
    else n->x.f64 = n->store;
    LEATI_CHECK(c, rows >= 1 && (uint64_t)n->n_neighbors <= rows && rows < UINT32_MAX, LEAT_FORMAT,
                "damaged model: knn.n_neighbors is %lld, but it holds %zu rows",
                (long long)n->n_neighbors, rows);
    LEATI_CHECK(c, !f32 || (kind_of(n) == LEATI_SQUARED && !wants_tree(n)), LEAT_FORMAT,
                "damaged model: the precision of the rows of knn does not fit its metric");
    if (e->task == LEATI_REGRESS)
        return leati_state_take(c, s, "y", LEATI_F64, rows, 0, &n->y, NULL) == LEAT_OK
                   ? plant(n, c)
                   : leat_error_status(c);
    LEATI_TRY(leati_state_take(c, s, "label", LEATI_I32, rows, 0, &n->label, NULL));
    for (size_t i = 0; i < rows; i++)
        LEATI_CHECK(c, n->label[i] < e->classes, LEAT_FORMAT,
                    "damaged model: knn has a row of class %u of %u", n->label[i], e->classes);
    return plant(n, c);
}

const leati_estimator_class leati_estimator_knn = {
    .name = "knn",
    .title = "k-nearest neighbours",
    .doc = "Answers by the most similar rows it has seen. Nothing is assumed about the shape of "
           "the borders; features need one scale, and the model holds all the data.",
    .traits = LEATI_CLASSIFIER | LEATI_REGRESSOR | LEATI_WANTS_SCALING | LEATI_WANTS_F32 |
              LEATI_SLOW_ON_ROWS,
    .size = sizeof(knn),
    .params = params,
    .fit = fit,
    .predict = predict,
    .proba = proba,
    .save = save,
    .load = load,
    .clear = clear};
