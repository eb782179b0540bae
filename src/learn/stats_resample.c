/* Owns: intervals and tests by drawing again: bootstrap and permutation. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "kernel/sort.h"
#include "learn/metric_row.h"
#include "learn/stats.h"
#include "learn/stats_special.h"
#include "learn/stats_sum.h"

enum { RESAMPLES = 2000, LEAST_RESAMPLES = 200, JACKKNIFE_GROUPS = 200 };
static const double MOST_DRAWS = 2e8;

/* Draws with replacement, as weights, of up to two models' metric on the same rows. */
typedef struct resampling {
    leat_context *context;
    leati_prepared prepared[2];
    int models;
    size_t rows;
    const double *weight; /* of the rows, or NULL */
    uint64_t seed;
    /* rows sorted by stratum; stratum k is row[start[k]] .. row[start[k + 1] - 1] */
    uint32_t *row;
    size_t *start;
    uint32_t strata;
    unsigned workers;
    double *scratch;    /* (workers, rows) */
    leati_tally *tally; /* (workers) */
    bool leave_out;     /* jackknife: task g leaves out rows g, g + groups, ... */
    size_t groups;
    double *value[2]; /* (resamples) */
} resampling;

static leat_status make_strata(resampling *r, const leati_eval *e, bool by_class)
{
    leat_context *c = r->context;
    r->strata = by_class ? e->classes : 1;
    r->row = leati_array(c, r->rows, sizeof *r->row);
    r->start = leati_calloc(c, (size_t)r->strata + 2, sizeof *r->start);
    if (!r->row || !r->start) return leat_error_status(c);
    /* start[k + 2] counts, start[k + 1] places, and in the end start[k] is where k begins. */
    for (size_t i = 0; i < r->rows; i++) r->start[(by_class ? e->label[i] : 0) + 2]++;
    for (uint32_t k = 0; k < r->strata; k++) r->start[k + 2] += r->start[k + 1];
    for (size_t i = 0; i < r->rows; i++)
        r->row[r->start[(by_class ? e->label[i] : 0) + 1]++] = (uint32_t)i;
    return LEAT_OK;
}

static leat_status resampling_make(leat_context *c, resampling *r, const leati_metric *m,
                                   const leati_eval *const *e, int models,
                                   const leati_bootstrap *how)
{
    *r = (resampling){.context = c, .models = models, .rows = e[0]->rows, .seed = how->seed};
    r->weight = e[0]->weight;
    for (int k = 0; k < models; k++) LEATI_TRY(leati_prepare(c, &r->prepared[k], m, e[k]));
    LEATI_TRY(make_strata(r, e[0], e[0]->task == LEATI_CLASSIFY && !how->not_stratified));
    r->workers = leat_context_threads(c);
    size_t cells;
    LEATI_CHECK(c, !leati_mul_overflows(r->rows, r->workers, &cells), LEAT_LIMIT, "too many rows");
    r->scratch = leati_array(c, cells, sizeof *r->scratch);
    r->tally = LEATI_NEW(c, leati_tally, r->workers);
    if (!r->scratch || !r->tally) return leat_error_status(c);
    for (unsigned w = 0; w < r->workers; w++)
        LEATI_TRY(leati_tally_create(c, &r->tally[w], e[0]->classes));
    return LEAT_OK;
}

static void resampling_fini(resampling *r)
{
    for (int k = 0; k < 2; k++) {
        leati_prepared_fini(&r->prepared[k]);
        leati_free(r->value[k]);
    }
    for (unsigned w = 0; r->tally && w < r->workers; w++) leati_tally_fini(&r->tally[w]);
    leati_free(r->tally);
    leati_free(r->scratch);
    leati_free(r->row);
    leati_free(r->start);
}

static void draw(const resampling *r, size_t task, double *weight)
{
    leati_rng rng;
    leati_rng_init(&rng, r->seed, LEATI_RNG_BOOTSTRAP, (uint32_t)task);
    memset(weight, 0, r->rows * sizeof *weight);
    for (uint32_t k = 0; k < r->strata; k++) {
        const uint32_t *row = r->row + r->start[k];
        uint32_t n = (uint32_t)(r->start[k + 1] - r->start[k]);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t drawn = row[leati_rng_below(&rng, n)];
            weight[drawn] += leati_weight(r->weight, drawn);
        }
    }
}

static void resample(void *arg, size_t task, unsigned worker)
{
    resampling *r = arg;
    double *weight = r->scratch + r->rows * worker;
    if (r->leave_out) {
        for (size_t i = 0; i < r->rows; i++)
            weight[i] = i % r->groups == task ? 0 : leati_weight(r->weight, i);
    } else {
        draw(r, task, weight);
    }
    for (int k = 0; k < r->models; k++)
        r->value[k][task] = leati_prepared_eval(&r->prepared[k], weight, &r->tally[worker]);
}

static leat_status run(resampling *r, size_t count)
{
    for (int k = 0; k < r->models; k++) {
        leati_free(r->value[k]);
        r->value[k] = leati_array(r->context, count, sizeof **r->value);
        if (!r->value[k]) return leat_error_status(r->context);
    }
    leati_parallel(r->context, count, resample, r);
    return LEAT_OK;
}

static uint32_t resample_count(const leati_bootstrap *how, size_t rows)
{
    if (how->resamples) return how->resamples;
    double fits = MOST_DRAWS / (double)rows;
    return fits < LEAST_RESAMPLES ? LEAST_RESAMPLES : fits < RESAMPLES ? (uint32_t)fits : RESAMPLES;
}

/* Sorts and drops NaN; returns how many are left. */
static leat_status sort_values(leat_context *c, double *value, size_t *count)
{
    size_t n = 0;
    for (size_t i = 0; i < *count; i++)
        if (!isnan(value[i])) value[n++] = value[i];
    *count = n;
    return n ? leati_sort_f64(c, value, n) : LEAT_OK;
}

/* Efron 1987, eq. 6.6 with the jackknife: skewness of the influence of groups of rows. */
static leat_status acceleration(resampling *r, double *out)
{
    r->leave_out = true;
    r->groups = r->rows < JACKKNIFE_GROUPS ? r->rows : JACKKNIFE_GROUPS;
    LEATI_TRY(run(r, r->groups));
    leati_sum sum = {0}, squares = {0}, cubes = {0};
    size_t n = 0;
    for (size_t g = 0; g < r->groups; g++) {
        if (isnan(r->value[0][g])) continue;
        leati_sum_add(&sum, r->value[0][g]);
        n++;
    }
    double mean = leati_sum_value(&sum) / (double)n;
    for (size_t g = 0; g < r->groups; g++) {
        double d = mean - r->value[0][g];
        if (isnan(d)) continue;
        leati_sum_add(&squares, d * d);
        leati_sum_add(&cubes, d * d * d);
    }
    double spread = leati_sum_value(&squares);
    *out = spread > 0 ? leati_sum_value(&cubes) / (6 * spread * sqrt(spread)) : 0;
    return LEAT_OK;
}

/* Where the end with normal quantile z lies among the resamples. */
static double bca_place(double z0, double a, double z)
{
    double shifted = z0 + z;
    return leati_normal_cdf(z0 + shifted / (1 - a * shifted));
}

static leat_status bca_places(resampling *r, const double *sorted, size_t count, double estimate,
                              double place[2])
{
    double below = 0, a;
    for (size_t i = 0; i < count; i++)
        below += sorted[i] < estimate ? 1 : sorted[i] == estimate ? 0.5 : 0;
    double least = 0.5 / (double)count, share = below / (double)count;
    share = share < least ? least : share > 1 - least ? 1 - least : share;
    double z0 = leati_normal_quantile(share);
    LEATI_TRY(acceleration(r, &a));
    for (int k = 0; k < 2; k++) place[k] = bca_place(z0, a, leati_normal_quantile(place[k]));
    return LEAT_OK;
}

leat_status leati_interval_bootstrap(leat_context *c, const leati_metric *m, const leati_eval *e,
                                     const leati_bootstrap *how, leati_interval *out)
{
    double level = how->level > 0 ? how->level : 0.95, estimate;
    size_t count = resample_count(how, e->rows ? e->rows : 1);
    bool bca = how->kind == LEATI_BOOTSTRAP_BCA;
    double place[2] = {0.5 - level / 2, 0.5 + level / 2}, *value = NULL;
    resampling r = {0};
    leat_status st;
    LEATI_GO(leati_metric_eval(c, m, e, &estimate));
    *out = (leati_interval){estimate, (double)NAN, (double)NAN, level,
                            bca ? "bootstrap (BCa)" : "bootstrap"};
    LEATI_GO(resampling_make(c, &r, m, &e, 1, how));
    LEATI_GO(run(&r, count));
    value = r.value[0];
    r.value[0] = NULL;
    LEATI_GO(sort_values(c, value, &count));
    if (count == 0 || isnan(estimate)) goto out;
    if (bca) LEATI_GO(bca_places(&r, value, count, estimate, place));
    out->low = leati_quantile_sorted(value, count, place[0]);
    out->high = leati_quantile_sorted(value, count, place[1]);
out:
    leati_free(value);
    resampling_fini(&r);
    return st;
}

/* --- paired tests -------------------------------------------------------------------------------
 */

static leat_status check_pair(leat_context *c, const leati_eval *a, const leati_eval *b)
{
    LEATI_CHECK(c, a->task == b->task && a->rows == b->rows && a->classes == b->classes,
                LEAT_INVALID, "two models can be compared only on the same rows");
    for (size_t i = 0; i < a->rows; i++) {
        bool same = a->task == LEATI_CLASSIFY ? a->label[i] == b->label[i] : a->y[i] == b->y[i];
        LEATI_CHECK(c, same, LEAT_INVALID,
                    "two models can be compared only on the same rows: the truth of row %zu "
                    "differs",
                    i + 1);
    }
    return LEAT_OK;
}

static leat_status both_values(leat_context *c, const leati_metric *m, const leati_eval *a,
                               const leati_eval *b, double *difference)
{
    double x, y;
    LEATI_TRY(leati_metric_eval(c, m, a, &x));
    LEATI_TRY(leati_metric_eval(c, m, b, &y));
    LEATI_TRY(check_pair(c, a, b));
    *difference = x - y;
    return LEAT_OK;
}

leat_status leati_test_bootstrap(leat_context *c, const leati_metric *m, const leati_eval *first,
                                 const leati_eval *second, const leati_bootstrap *how,
                                 leati_test *out)
{
    double level = how->level > 0 ? how->level : 0.95;
    size_t count = resample_count(how, first->rows ? first->rows : 1);
    const leati_eval *both[2] = {first, second};
    resampling r = {0};
    leat_status st;
    *out = (leati_test){.low = (double)NAN, .high = (double)NAN, .statistic = (double)NAN};
    out->df = out->p = (double)NAN;
    out->method = "paired bootstrap";
    LEATI_GO(both_values(c, m, first, second, &out->difference));
    LEATI_GO(resampling_make(c, &r, m, both, 2, how));
    LEATI_GO(run(&r, count));
    for (size_t i = 0; i < count; i++) r.value[0][i] -= r.value[1][i];
    LEATI_GO(sort_values(c, r.value[0], &count));
    if (count == 0 || isnan(out->difference)) goto out;
    out->low = leati_quantile_sorted(r.value[0], count, 0.5 - level / 2);
    out->high = leati_quantile_sorted(r.value[0], count, 0.5 + level / 2);
    size_t not_above = 0, not_below = 0;
    for (size_t i = 0; i < count; i++) {
        not_above += r.value[0][i] <= 0;
        not_below += r.value[0][i] >= 0;
    }
    size_t less = not_above < not_below ? not_above : not_below;
    double p = 2 * (double)(less + 1) / (double)(count + 1);
    out->p = p > 1 ? 1 : p;
out:
    resampling_fini(&r);
    return st;
}

/* Random signs of the differences of rows. */
typedef struct flipping {
    const double *difference; /* (count) weighted, not 0 */
    size_t count;
    uint64_t seed;
    bool all; /* every sign pattern: task t covers patterns t * CHUNK ... */
    uint64_t total;
    double bar;        /* |sum| to reach */
    uint64_t *reached; /* per task */
} flipping;

enum { FLIP_CHUNK = 64, ALL_SIGNS = 16 };

static double flipped_sum(const flipping *f, uint64_t pattern)
{
    double sum = 0;
    if (f->all) {
        for (size_t i = 0; i < f->count; i++)
            sum += pattern >> i & 1 ? -f->difference[i] : f->difference[i];
        return sum;
    }
    leati_rng rng;
    leati_rng_init(&rng, f->seed, LEATI_RNG_PERMUTE, (uint32_t)pattern);
    uint32_t bits = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (i % 32 == 0) bits = leati_rng_u32(&rng);
        sum += bits >> i % 32 & 1 ? -f->difference[i] : f->difference[i];
    }
    return sum;
}

static void flip(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    flipping *f = arg;
    uint64_t to = (task + 1) * (uint64_t)FLIP_CHUNK;
    f->reached[task] = 0;
    for (uint64_t k = task * (uint64_t)FLIP_CHUNK; k < to && k < f->total; k++)
        f->reached[task] += fabs(flipped_sum(f, k)) >= f->bar;
}

static leat_status permute_rows(leat_context *c, const leati_metric *m, const leati_eval *first,
                                const leati_eval *second, uint32_t resamples, uint64_t seed,
                                double *p)
{
    flipping f = {.seed = seed, .total = resamples};
    double *difference = leati_array(c, first->rows, sizeof *difference), sum = 0, size = 0;
    if (!difference) return leat_error_status(c);
    for (size_t i = 0; i < first->rows; i++) {
        double d = leati_weight(first->weight, i) *
                   (m->row(first, i, m->argument) - m->row(second, i, m->argument));
        if (d != 0) difference[f.count++] = d;
        sum += d;
        size += fabs(d);
    }
    f.difference = difference;
    /* A pattern that gives the same sum in another order of rounding counts. */
    f.bar = fabs(sum) - size * 1e-14;
    f.all = f.count <= ALL_SIGNS;
    if (f.all) f.total = (uint64_t)1 << f.count;
    size_t tasks = (size_t)((f.total + FLIP_CHUNK - 1) / FLIP_CHUNK);
    uint64_t reached = 0;
    f.reached = leati_array(c, tasks, sizeof *f.reached);
    if (f.reached) {
        leati_parallel(c, tasks, flip, &f);
        for (size_t t = 0; t < tasks; t++) reached += f.reached[t];
        *p = f.all ? (double)reached / (double)f.total
                   : (double)(reached + 1) / (double)(f.total + 1);
    }
    leat_status st = f.reached ? LEAT_OK : leat_error_status(c);
    leati_free(f.reached);
    leati_free(difference);
    return st;
}

/* Both models' answers, to be swapped row by row. */
typedef struct swapped {
    leati_eval e[2];
    double *block[2]; /* prediction (rows), proba and scores (rows, classes) where there are */
} swapped;

static leat_status swapped_make(leat_context *c, swapped *s, const leati_eval *first,
                                const leati_eval *second)
{
    const leati_eval *from[2] = {first, second};
    for (int k = 0; k < 2; k++) {
        size_t n = first->rows, wide, cells;
        if (leati_mul_overflows(n, first->classes, &wide) ||
            leati_mul_overflows(n, 2 * (size_t)first->classes + 1, &cells))
            return LEATI_FAIL(c, LEAT_LIMIT, "too many rows and classes");
        s->e[k] = *from[k];
        double *at = s->block[k] = leati_array(c, cells, sizeof **s->block);
        if (!at) return leat_error_status(c);
        s->e[k].prediction = from[k]->prediction ? at : NULL;
        s->e[k].proba = from[k]->proba ? at + n : NULL;
        s->e[k].scores = from[k]->scores ? at + n + wide : NULL;
    }
    return LEAT_OK;
}

static void swap_row(swapped *s, const leati_eval *const from[2], size_t i, unsigned bit)
{
    size_t k = from[0]->classes, n = from[0]->rows;
    for (unsigned to = 0; to < 2; to++) {
        const leati_eval *e = from[to ^ bit];
        double *at = s->block[to];
        if (e->prediction) at[i] = e->prediction[i];
        if (e->proba) memcpy(at + n + i * k, e->proba + i * k, k * sizeof *at);
        if (e->scores) memcpy(at + n + n * k + i * k, e->scores + i * k, k * sizeof *at);
    }
}

static leat_status permute_answers(leat_context *c, const leati_metric *m, const leati_eval *first,
                                   const leati_eval *second, uint32_t resamples, uint64_t seed,
                                   double difference, double *p)
{
    const leati_eval *from[2] = {first, second};
    swapped s = {0};
    uint64_t reached = 0;
    leat_status st;
    LEATI_GO(swapped_make(c, &s, first, second));
    for (uint32_t b = 0; b < resamples; b++) {
        leati_rng rng;
        leati_rng_init(&rng, seed, LEATI_RNG_PERMUTE, b);
        uint32_t bits = 0;
        double d;
        for (size_t i = 0; i < first->rows; i++) {
            if (i % 32 == 0) bits = leati_rng_u32(&rng);
            swap_row(&s, from, i, bits >> i % 32 & 1);
        }
        LEATI_GO(both_values(c, m, &s.e[0], &s.e[1], &d));
        reached += fabs(d) >= fabs(difference) - 1e-13;
    }
    *p = (double)(reached + 1) / ((double)resamples + 1);
out:
    leati_free(s.block[0]);
    leati_free(s.block[1]);
    return st;
}

leat_status leati_test_permutation(leat_context *c, const leati_metric *m, const leati_eval *first,
                                   const leati_eval *second, uint32_t resamples, uint64_t seed,
                                   leati_test *out)
{
    *out = (leati_test){.low = (double)NAN, .high = (double)NAN, .statistic = (double)NAN};
    out->df = out->p = (double)NAN;
    out->method = "permutation";
    LEATI_TRY(both_values(c, m, first, second, &out->difference));
    bool same = (!first->prediction == !second->prediction) && (!first->proba == !second->proba) &&
                (!first->scores == !second->scores);
    LEATI_CHECK(c, m->row || same, LEAT_INVALID,
                "a permutation test of %s needs the same kind of answers from both models",
                m->name);
    if (isnan(out->difference)) return LEAT_OK;
    if (m->row)
        return permute_rows(c, m, first, second, resamples ? resamples : 10000, seed, &out->p);
    return permute_answers(c, m, first, second, resamples ? resamples : 1000, seed, out->difference,
                           &out->p);
}
