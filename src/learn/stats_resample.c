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

enum { RESAMPLES = 2000, TAIL_RESAMPLES = 1000, LEAST_RESAMPLES = 200, JACKKNIFE_GROUPS = 200 };
enum { MOST_ITEMS = 40 };
static const double MOST_WORK = 1e7; /* rows (times classes for ranks) over all resamples */

/* One metric of one model. */
typedef struct item {
    leati_prepared prepared;
    double *sample; /* values of the resamples */
    double *value;  /* of the latest run */
    size_t count;   /* of sample, sorted and without NaN */
} item;

/* Draws with replacement, as weights, of metrics on the same rows. */
typedef struct resampling {
    leat_context *context;
    item item[MOST_ITEMS];
    size_t items;
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
    size_t groups;      /* jackknife: task g leaves out rows g, g + groups, ...; 0: bootstrap */
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

static leat_status add_item(resampling *r, const leati_metric *m, const leati_eval *e)
{
    LEATI_BUG_IF(r->context, r->items == MOST_ITEMS);
    return leati_prepare(r->context, &r->item[r->items++].prepared, m, e);
}

/* After the items were added. */
static leat_status start(resampling *r, const leati_eval *e, const leati_bootstrap *how)
{
    leat_context *c = r->context;
    r->rows = e->rows;
    r->seed = how->seed;
    r->weight = e->weight;
    LEATI_TRY(make_strata(r, e, e->task == LEATI_CLASSIFY && !how->not_stratified));
    r->workers = leat_context_threads(c);
    size_t cells;
    LEATI_CHECK(c, !leati_mul_overflows(r->rows, r->workers, &cells), LEAT_LIMIT, "too many rows");
    r->scratch = leati_array(c, cells, sizeof *r->scratch);
    r->tally = LEATI_NEW(c, leati_tally, r->workers);
    if (!r->scratch || !r->tally) return leat_error_status(c);
    for (unsigned w = 0; w < r->workers; w++)
        LEATI_TRY(leati_tally_create(c, &r->tally[w], e->classes));
    return LEAT_OK;
}

static void resampling_fini(resampling *r)
{
    for (size_t k = 0; k < r->items; k++) {
        leati_prepared_fini(&r->item[k].prepared);
        leati_free(r->item[k].sample);
        leati_free(r->item[k].value);
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
    if (r->groups) {
        for (size_t i = 0; i < r->rows; i++)
            weight[i] = i % r->groups == task ? 0 : leati_weight(r->weight, i);
    } else {
        draw(r, task, weight);
    }
    const leati_eval *tallied = NULL; /* items of one model share its tally */
    for (size_t k = 0; k < r->items; k++) {
        const leati_prepared *p = &r->item[k].prepared;
        if (leati_prepared_tallies(p) && p->eval != tallied) {
            leati_tally_fill(&r->tally[worker], p->eval, weight);
            tallied = p->eval;
        }
        r->item[k].value[task] = leati_prepared_measure(p, weight, &r->tally[worker]);
    }
}

static leat_status run(resampling *r, size_t count)
{
    for (size_t k = 0; k < r->items; k++) {
        leati_free(r->item[k].value);
        r->item[k].value = leati_array(r->context, count, sizeof *r->item[k].value);
        if (!r->item[k].value) return leat_error_status(r->context);
    }
    leati_parallel(r->context, count, resample, r);
    return LEAT_OK;
}

static uint32_t resample_count(const leati_bootstrap *how, const leati_metric *m,
                               const leati_eval *e)
{
    if (how->resamples) return how->resamples;
    double work = (double)(e->rows ? e->rows : 1);
    if (m->from == LEATI_FROM_RANKS && e->classes > 2) work *= e->classes;
    double fits = MOST_WORK / work;
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
static double acceleration(const double *value, size_t groups)
{
    leati_sum sum = {0}, squares = {0}, cubes = {0};
    size_t n = 0;
    for (size_t g = 0; g < groups; g++) {
        if (isnan(value[g])) continue;
        leati_sum_add(&sum, value[g]);
        n++;
    }
    double mean = leati_sum_value(&sum) / (double)n, most = 0;
    for (size_t g = 0; g < groups; g++) most = fmax(most, fabs(mean - value[g]));
    double unit = leati_unit_of(most);
    for (size_t g = 0; g < groups; g++) {
        double d = (mean - value[g]) / unit;
        if (isnan(d)) continue;
        leati_sum_add(&squares, d * d);
        leati_sum_add(&cubes, d * d * d);
    }
    double spread = leati_sum_value(&squares);
    return spread > 0 ? leati_sum_value(&cubes) / (6 * spread * sqrt(spread)) : 0;
}

/* Moves the two places of a percentile interval to those of BCa (Efron 1987, eq. 6.8). */
static void bca_places(const resampling *r, const item *x, double estimate, double place[2])
{
    double below = 0, n = (double)x->count;
    for (size_t i = 0; i < x->count; i++)
        below += x->sample[i] < estimate ? 1 : x->sample[i] == estimate ? 0.5 : 0;
    double least = 0.5 / n, share = below / n;
    share = share < least ? least : share > 1 - least ? 1 - least : share;
    double z0 = leati_normal_quantile(share), a = acceleration(x->value, r->groups);
    for (int k = 0; k < 2; k++) {
        double shifted = z0 + leati_normal_quantile(place[k]);
        place[k] = leati_normal_cdf(z0 + shifted / (1 - a * shifted));
    }
}

/* With few resamples their standard deviation is known well, but not their tails. */
static void normal_ends(const item *x, leati_interval *out)
{
    leati_sum sum = {0}, squares = {0};
    for (size_t i = 0; i < x->count; i++) leati_sum_add(&sum, x->sample[i]);
    double mean = leati_sum_value(&sum) / (double)x->count, most = 0;
    for (size_t i = 0; i < x->count; i++) most = fmax(most, fabs(x->sample[i] - mean));
    double unit = leati_unit_of(most);
    for (size_t i = 0; i < x->count; i++) {
        double d = (x->sample[i] - mean) / unit;
        leati_sum_add(&squares, d * d);
    }
    double se = x->count > 1 ? unit * sqrt(leati_sum_value(&squares) / (double)(x->count - 1)) : 0;
    double half = leati_normal_quantile(0.5 + out->level / 2) * se;
    bool capped = x->prepared.metric->unit == LEATI_UNIT_SHARE ||
                  x->prepared.metric->unit == LEATI_UNIT_CORRELATION;
    bool from_zero = x->prepared.metric->unit != LEATI_UNIT_CORRELATION;
    out->method = "bootstrap (normal)";
    out->low = out->estimate - half;
    out->high = out->estimate + half;
    if (from_zero && out->low < 0) out->low = 0;
    if (capped && out->high > 1) out->high = 1;
}

/* Where no row is wrong nothing but right rows is drawn, and every resample is perfect: an interval
 * without width, however few the rows. Its end is what the metric would be if as large a share of
 * each class were wrong as Wilson's interval for none of so many allows: spread over the classes as
 * they are for predictions (of the positive class alone where no other counts), scored like the
 * other rows for ranks. */
static double perfect_end(const item *x, uint32_t classes, const leati_tally *t, double level)
{
    const leati_metric *m = x->prepared.metric;
    double z = leati_normal_quantile(0.5 + level / 2), square = z * z;
    leati_sum sum = {0}, weights = {0};
    if (m->from == LEATI_FROM_RANKS) {
        bool roc = m->measure == leati_measure_roc_auc;
        for (uint32_t k = 0; k < classes; k++) {
            double n = t->truth[k], missed = square / (n + square);
            double chance = roc ? 0.5 : n / t->total, w = m->argument == AVERAGE_WEIGHTED ? n : 1;
            if (!(n > 0 && n < t->total)) continue;
            leati_sum_add(&sum, w * (1 - missed * (1 - chance)));
            leati_sum_add(&weights, w);
        }
        return leati_sum_value(&sum) / leati_sum_value(&weights);
    }
    double n = m->needs == LEATI_NEEDS_BINARY ? t->truth[1] : t->total, right = n / (n + square);
    for (uint32_t k = 0; k < classes; k++) t->hit[k] *= right;
    leati_tally less = *t;
    less.right *= right;
    return leati_prepared_measure(&x->prepared, NULL, &less);
}

static bool is_perfect(const item *x, double estimate)
{
    const leati_metric *m = x->prepared.metric;
    bool share = m->unit == LEATI_UNIT_SHARE || m->unit == LEATI_UNIT_CORRELATION;
    return share && (m->from == LEATI_FROM_TALLY || m->from == LEATI_FROM_RANKS) && estimate == 1;
}

/* The interval of one item from its sample and, for BCa, its jackknife. */
static void item_interval(const resampling *r, const item *x, double level,
                          const leati_bootstrap *how, leati_interval *out)
{
    bool bca = how->kind == LEATI_BOOTSTRAP_BCA;
    leati_tally *tally = &r->tally[0];
    double place[2] = {0.5 - level / 2, 0.5 + level / 2};
    double estimate = leati_prepared_eval(&x->prepared, r->weight, tally);
    *out = (leati_interval){estimate, (double)NAN, (double)NAN, level,
                            bca ? "bootstrap (BCa)" : "bootstrap"};
    if (x->count == 0 || isnan(estimate)) return;
    if (is_perfect(x, estimate) && x->sample[0] == 1) {
        if (x->prepared.metric->from == LEATI_FROM_RANKS)
            leati_tally_fill(tally, x->prepared.eval, r->weight);
        *out = (leati_interval){1, perfect_end(x, tally->classes, tally, level), 1, level,
                                "none wrong (Wilson)"};
        return;
    }
    if (bca && !r->groups) {
        normal_ends(x, out);
        return;
    }
    if (bca) bca_places(r, x, estimate, place);
    out->low = leati_quantile_sorted(x->sample, x->count, place[0]);
    out->high = leati_quantile_sorted(x->sample, x->count, place[1]);
}

/* Samples of all items, sorted; and the jackknife where BCa wants it. */
static leat_status sample_items(resampling *r, size_t count, const leati_bootstrap *how)
{
    LEATI_TRY(run(r, count));
    for (size_t k = 0; k < r->items; k++) {
        item *x = &r->item[k];
        x->sample = x->value;
        x->value = NULL;
        x->count = count;
        LEATI_TRY(sort_values(r->context, x->sample, &x->count));
    }
    if (how->kind != LEATI_BOOTSTRAP_BCA || (!how->resamples && count < TAIL_RESAMPLES))
        return LEAT_OK;
    r->groups = r->rows < JACKKNIFE_GROUPS ? r->rows : JACKKNIFE_GROUPS;
    return run(r, r->groups);
}

leat_status leati_interval_bootstrap_many(leat_context *c, const leati_metric *const *m,
                                          size_t count, const leati_eval *e,
                                          const leati_bootstrap *how, leati_interval *out)
{
    double level = how->level > 0 ? how->level : 0.95;
    resampling r = {.context = c};
    leat_status st = LEAT_OK;
    if (count == 0) return LEAT_OK;
    for (size_t k = 0; k < count; k++) LEATI_GO(add_item(&r, m[k], e));
    LEATI_GO(start(&r, e, how));
    LEATI_GO(sample_items(&r, resample_count(how, m[0], e), how));
    for (size_t k = 0; k < count; k++) item_interval(&r, &r.item[k], level, how, &out[k]);
out:
    resampling_fini(&r);
    return st;
}

leat_status leati_interval_bootstrap(leat_context *c, const leati_metric *m, const leati_eval *e,
                                     const leati_bootstrap *how, leati_interval *out)
{
    return leati_interval_bootstrap_many(c, &m, 1, e, how, out);
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
    size_t count = resample_count(how, m, first);
    resampling r = {.context = c};
    leat_status st;
    *out = (leati_test){.low = (double)NAN, .high = (double)NAN, .statistic = (double)NAN};
    out->df = out->p = (double)NAN;
    out->method = "paired bootstrap";
    LEATI_GO(both_values(c, m, first, second, &out->difference));
    LEATI_GO(add_item(&r, m, first));
    LEATI_GO(add_item(&r, m, second));
    LEATI_GO(start(&r, first, how));
    LEATI_GO(run(&r, count));
    double *difference = r.item[0].value;
    for (size_t i = 0; i < count; i++) difference[i] -= r.item[1].value[i];
    LEATI_GO(sort_values(c, difference, &count));
    if (count == 0 || isnan(out->difference)) goto out;
    out->low = leati_quantile_sorted(difference, count, 0.5 - level / 2);
    out->high = leati_quantile_sorted(difference, count, 0.5 + level / 2);
    size_t not_above = 0, not_below = 0;
    for (size_t i = 0; i < count; i++) {
        not_above += difference[i] <= 0;
        not_below += difference[i] >= 0;
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
