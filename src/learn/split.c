/* Owns: making folds. Reading specifications is split_parse.c. */
#include "learn/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "base/str.h"
#include "kernel/sort.h"

/* Training rows of all folds are held at once: 1.6 GB. */
enum { LOO_MOST_ROWS = 20000, MOST_CELLS = LOO_MOST_ROWS * LOO_MOST_ROWS, FEW_FOLDS = 1000 };

typedef struct plan {
    leat_context *c;
    const leati_split_spec *spec;
    const leati_split_data *d;
    uint64_t seed;
    uint32_t repeat;
    uint32_t folds;
    uint32_t *fold_of; /* (rows) number of the fold whose test part has the row; UINT32_MAX: none */
} plan;

static leati_rng stream(const plan *p)
{
    leati_rng r;
    leati_rng_init(&r, p->seed, LEATI_RNG_SPLIT, p->repeat);
    return r;
}

static void count_classes(const leati_split_data *d, size_t *counts)
{
    memset(counts, 0, d->classes * sizeof *counts);
    for (size_t i = 0; i < d->rows; i++) counts[d->label[i]]++;
}

leati_split_spec leati_split_auto(size_t rows, size_t cols, const size_t *counts, uint32_t classes)
{
    leati_split_spec s = {.repeats = 1};
    size_t cells;
    if (rows > LEATI_AUTO_MOST_ROWS || leati_mul_overflows(rows, cols, &cells) ||
        cells > LEATI_AUTO_MOST_CELLS) {
        s.kind = LEATI_SPLIT_HOLDOUT;
        s.test_share = 0.2;
        return s;
    }
    size_t k = LEATI_AUTO_FOLDS;
    for (uint32_t j = 0; counts && j < classes; j++)
        if (counts[j] >= 2 && counts[j] < k) k = counts[j];
    if (k < LEATI_AUTO_LEAST_FOLDS) k = LEATI_AUTO_LEAST_FOLDS;
    s.kind = counts ? LEATI_SPLIT_STRATIFIED : LEATI_SPLIT_KFOLD;
    s.folds = (uint32_t)(k < rows ? k : rows);
    return s;
}

/* --- which fold tests a row ------------------------------------------------------------------- */

/* Sizes as scikit-learn's KFold: the first rows % k folds get one more. */
static leat_status assign_kfold(plan *p)
{
    size_t n = p->d->rows, k = p->folds, at = 0;
    uint32_t *order = leati_array(p->c, n, sizeof *order);
    if (!order) return leat_error_status(p->c);
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    leati_rng r = stream(p);
    if (!p->spec->in_order) leati_rng_shuffle(&r, order, n);
    for (size_t f = 0; f < k; f++)
        for (size_t end = at + n / k + (f < n % k); at < end; at++)
            p->fold_of[order[at]] = (uint32_t)f;
    leati_free(order);
    return LEAT_OK;
}

/* The allocation of scikit-learn's StratifiedKFold: with the rows sorted by class (classes in order
 * of first appearance), fold f tests as many of class j as there are among sorted rows f, f + k,
 * f + 2k ... Within a class folds take rows in order, or shuffled. */
static leat_status assign_stratified(plan *p)
{
    const leati_split_data *d = p->d;
    size_t n = d->rows, k = p->folds;
    leat_status st = LEAT_OK;
    size_t *start = leati_calloc(p->c, (size_t)d->classes + 1, sizeof *start);
    uint32_t *rank = leati_array(p->c, d->classes, sizeof *rank); /* by first appearance */
    uint32_t *quota = leati_array(p->c, n, sizeof *quota);        /* folds of the rows of a class */
    size_t *next = leati_array(p->c, d->classes, sizeof *next);
    if (!start || !rank || !quota || !next) {
        st = leat_error_status(p->c);
        goto out;
    }
    uint32_t seen = 0;
    for (uint32_t j = 0; j < d->classes; j++) rank[j] = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        uint32_t j = d->label[i];
        if (rank[j] == UINT32_MAX) rank[j] = seen++;
        start[rank[j] + 1]++;
    }
    for (uint32_t j = 0; j < seen; j++) start[j + 1] += start[j];
    leati_rng r = stream(p);
    for (uint32_t j = 0; j < seen; j++) {
        size_t at = start[j], count = start[j + 1] - start[j];
        for (size_t f = 0; f < k; f++) {
            /* positions in [start, end) that are f modulo k */
            size_t low = start[j] > f ? (start[j] - f + k - 1) / k : 0;
            size_t high = start[j + 1] > f ? (start[j + 1] - f + k - 1) / k : 0;
            for (size_t m = low; m < high; m++) quota[at++] = (uint32_t)f;
        }
        if (!p->spec->in_order) leati_rng_shuffle(&r, quota + start[j], count);
        next[j] = start[j];
    }
    for (size_t i = 0; i < n; i++) p->fold_of[i] = quota[next[rank[d->label[i]]]++];
out:
    leati_free(start);
    leati_free(rank);
    leati_free(quota);
    leati_free(next);
    return st;
}

typedef struct group_size {
    uint32_t group, order;
    size_t rows;
} group_size;

static int larger_first(const void *a, const void *b)
{
    const group_size *x = a, *y = b;
    if (x->rows != y->rows) return x->rows < y->rows ? 1 : -1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* As scikit-learn's GroupKFold: groups by size, largest first, each to the fold with the fewest
 * rows so far. */
static leat_status assign_groups(plan *p, uint32_t groups)
{
    leat_status st = LEAT_OK;
    group_size *size = LEATI_NEW(p->c, group_size, groups);
    uint32_t *order = leati_array(p->c, groups, sizeof *order);
    uint32_t *to = leati_array(p->c, groups, sizeof *to);
    size_t *load = LEATI_NEW(p->c, size_t, p->folds);
    if (!size || !order || !to || !load) {
        st = leat_error_status(p->c);
        goto out;
    }
    for (uint32_t g = 0; g < groups; g++) order[g] = g;
    leati_rng r = stream(p);
    if (!p->spec->in_order) leati_rng_shuffle(&r, order, groups);
    for (uint32_t g = 0; g < groups; g++) size[g] = (group_size){g, order[g], 0};
    for (size_t i = 0; i < p->d->rows; i++) size[p->d->group[i]].rows++;
    qsort(size, groups, sizeof *size, larger_first);
    for (uint32_t g = 0; g < groups; g++) {
        uint32_t lightest = 0;
        for (uint32_t f = 1; f < p->folds; f++)
            if (load[f] < load[lightest]) lightest = f;
        load[lightest] += size[g].rows;
        to[size[g].group] = lightest;
    }
    for (size_t i = 0; i < p->d->rows; i++) p->fold_of[i] = to[p->d->group[i]];
out:
    leati_free(size);
    leati_free(order);
    leati_free(to);
    leati_free(load);
    return st;
}

/* Sets *test[j] (classes): how many rows of each class a test part of `want` rows takes, in
 * proportion by largest remainder, leaving every class one training row while that is possible. */
static leat_status share_out(plan *p, const size_t *counts, size_t want, size_t *test)
{
    uint32_t classes = p->d->classes;
    double *rest = leati_array(p->c, classes, sizeof *rest);
    if (!rest) return leat_error_status(p->c);
    size_t given = 0;
    for (uint32_t j = 0; j < classes; j++) {
        double exact = (double)counts[j] * (double)want / (double)p->d->rows;
        test[j] = (size_t)exact;
        rest[j] = exact - (double)test[j];
        given += test[j];
    }
    for (; given < want; given++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t j = 0; j < classes; j++)
            if (test[j] + 1 < counts[j] && (best == UINT32_MAX || rest[j] > rest[best])) best = j;
        for (uint32_t j = 0; j < classes && best == UINT32_MAX; j++)
            if (test[j] < counts[j]) best = j;
        if (best == UINT32_MAX) break;
        test[best]++;
        rest[best] -= 1;
    }
    leati_free(rest);
    return LEAT_OK;
}

static leat_status assign_holdout(plan *p)
{
    const leati_split_data *d = p->d;
    size_t n = d->rows, want = (size_t)ceil(p->spec->test_share * (double)n - 1e-9);
    uint32_t classes = d->label ? d->classes : 1;
    if (want < 1) want = 1;
    if (want > n - 1) want = n - 1;
    leat_status st = LEAT_OK;
    uint32_t *order = leati_array(p->c, n, sizeof *order);
    size_t *counts = LEATI_NEW(p->c, size_t, classes), *test = LEATI_NEW(p->c, size_t, classes);
    if (!order || !counts || !test) {
        st = leat_error_status(p->c);
        goto out;
    }
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    leati_rng r = stream(p);
    if (!p->spec->in_order) leati_rng_shuffle(&r, order, n);
    if (d->label) {
        count_classes(d, counts);
        LEATI_GO(share_out(p, counts, want, test));
    } else {
        test[0] = want;
    }
    /* The last rows of the order: without shuffling, the end of the table. */
    for (size_t i = n; i-- > 0;) {
        uint32_t j = d->label ? d->label[order[i]] : 0;
        bool take = test[j] > 0;
        if (take) test[j]--;
        p->fold_of[order[i]] = take ? 0 : UINT32_MAX;
    }
out:
    leati_free(order);
    leati_free(counts);
    leati_free(test);
    return st;
}

/* --- from assignments to folds ------------------------------------------------------------------
 */

static uint64_t fold_seed(uint64_t seed, uint32_t repeat, uint32_t number)
{
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, out[4];
    uint32_t counter[4] = {number, UINT32_MAX, repeat, LEATI_RNG_SPLIT};
    leati_philox4x32(counter, key, out);
    return out[0] | (uint64_t)out[1] << 32;
}

static leat_status fold_reserve(leat_context *c, leati_fold *f, size_t train, size_t test)
{
    f->train = leati_array(c, train, sizeof *f->train);
    f->test = leati_array(c, test, sizeof *f->test);
    return f->train && f->test ? LEAT_OK : leat_error_status(c);
}

/* Cuts p->fold_of into the folds at `fold`. */
static leat_status fill_folds(plan *p, leati_fold *fold)
{
    size_t n = p->d->rows;
    size_t *counts = LEATI_NEW(p->c, size_t, p->folds);
    if (!counts) return leat_error_status(p->c);
    for (size_t i = 0; i < n; i++)
        if (p->fold_of[i] != UINT32_MAX) counts[p->fold_of[i]]++;
    leat_status st = LEAT_OK;
    for (uint32_t f = 0; f < p->folds && st == LEAT_OK; f++)
        st = fold_reserve(p->c, &fold[f], n - counts[f], counts[f]);
    leati_free(counts);
    if (st != LEAT_OK) return st;
    for (uint32_t f = 0; f < p->folds; f++) {
        leati_fold *x = &fold[f];
        for (size_t i = 0; i < n; i++) {
            if (p->fold_of[i] == f) x->test[x->test_count++] = (uint32_t)i;
            else x->train[x->train_count++] = (uint32_t)i;
        }
    }
    return LEAT_OK;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* scikit-learn's TimeSeriesSplit: k test parts of n / (k + 1) rows at the end of the order. */
static leat_status fill_time(plan *p, leati_fold *fold)
{
    const leati_split_data *d = p->d;
    size_t n = d->rows, k = p->folds, part = n / (k + 1);
    uint32_t *order = leati_array(p->c, n, sizeof *order);
    if (!order) return leat_error_status(p->c);
    leat_status st = LEAT_OK;
    if (d->time) st = leati_argsort_f64(p->c, d->time, n, order);
    else
        for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    for (size_t f = 0; f < k && st == LEAT_OK; f++) {
        size_t start = n - (k - f) * part, before = start;
        if (d->time)
            while (before > 0 && d->time[order[before - 1]] >= d->time[order[start]]) before--;
        if (before == 0) {
            st = LEATI_FAIL(p->c, LEAT_INVALID,
                            "time-ordered fold %zu has no training rows: all rows before it have "
                            "the time of its first test row",
                            f + 1);
            leati_error_hint(p->c, "use fewer folds, or a column with finer times");
            break;
        }
        st = fold_reserve(p->c, &fold[f], before, part);
        if (st != LEAT_OK) break;
        fold[f].train_count = before;
        fold[f].test_count = part;
        memcpy(fold[f].train, order, before * sizeof *order);
        memcpy(fold[f].test, order + start, part * sizeof *order);
        if (d->time) {
            qsort(fold[f].train, before, sizeof *order, ascending);
            qsort(fold[f].test, part, sizeof *order, ascending);
        }
    }
    leati_free(order);
    return st;
}

/* --- checks and notes --------------------------------------------------------------------------
 */

static leat_status check_data(leat_context *c, const leati_split_spec *s, const leati_split_data *d)
{
    LEATI_CHECK(c, d->rows >= 2, LEAT_INVALID, "splitting needs at least 2 rows; there %s %zu",
                d->rows == 1 ? "is" : "are", d->rows);
    LEATI_CHECK(c, d->rows < UINT32_MAX, LEAT_LIMIT, "more than 4,294,967,294 rows");
    for (size_t i = 0; d->label && i < d->rows; i++)
        LEATI_CHECK(c, d->label[i] < d->classes, LEAT_INVALID,
                    "row %zu has class number %u of %u classes", i + 1, d->label[i], d->classes);
    bool grouped = s->kind == LEATI_SPLIT_GROUP || s->kind == LEATI_SPLIT_PREDEFINED;
    LEATI_CHECK(c, !grouped || d->group, LEAT_INVALID,
                "%s needs a column that says which rows belong together",
                leati_split_name(s->kind));
    LEATI_CHECK(c, s->kind != LEATI_SPLIT_STRATIFIED || d->label, LEAT_INVALID,
                "stratified folds need classes; for numbers use kfold:%u", s->folds);
    for (size_t i = 0; s->kind == LEATI_SPLIT_TIME && d->time && i < d->rows; i++)
        LEATI_CHECK(c, !isnan(d->time[i]), LEAT_INVALID,
                    "time-ordered folds: the time of row %zu is missing", i + 1);
    LEATI_CHECK(c, s->kind != LEATI_SPLIT_LOO || d->rows <= LOO_MOST_ROWS, LEAT_LIMIT,
                "leave-one-out fits one model per row: %zu rows are too many (at most %d); use "
                "kfold:10",
                d->rows, LOO_MOST_ROWS);
    return LEAT_OK;
}

/* One more than the largest number; leaves out UINT32_MAX. */
static leat_status count_groups(leat_context *c, const leati_split_data *d, uint32_t *groups)
{
    uint32_t most = 0;
    for (size_t i = 0; i < d->rows; i++)
        if (d->group[i] != UINT32_MAX && d->group[i] >= most) most = d->group[i] + 1;
    LEATI_CHECK(c, most <= d->rows, LEAT_INVALID,
                "group numbers must be below the number of rows (%zu); one is %u", d->rows,
                most - 1);
    *groups = most;
    return LEAT_OK;
}

/* Decides the number of folds and checks that the rows allow it. */
static leat_status count_folds(plan *p, uint32_t *groups)
{
    leat_context *c = p->c;
    const leati_split_spec *s = p->spec;
    size_t n = p->d->rows;
    p->folds = s->folds;
    if (s->kind == LEATI_SPLIT_LOO) p->folds = (uint32_t)n;
    if (s->kind == LEATI_SPLIT_HOLDOUT) p->folds = 1;
    if (s->kind == LEATI_SPLIT_GROUP || s->kind == LEATI_SPLIT_PREDEFINED) {
        LEATI_TRY(count_groups(c, p->d, groups));
        LEATI_CHECK(c, *groups >= (s->kind == LEATI_SPLIT_GROUP ? 2u : 1u), LEAT_INVALID,
                    "%s folds need a column with at least 2 values", leati_split_name(s->kind));
        if (s->kind == LEATI_SPLIT_PREDEFINED || p->folds > *groups) p->folds = *groups;
        return LEAT_OK;
    }
    size_t need = s->kind == LEATI_SPLIT_TIME ? (size_t)p->folds + 1 : p->folds;
    if (need > n) {
        LEATI_FAIL(c, LEAT_INVALID, "%u folds need at least %zu rows; there are %zu", p->folds,
                   need, n);
        return leati_error_hint(c, "use fewer folds, or loo to test every row once");
    }
    return LEAT_OK;
}

/* Folds of all repeats, whose training rows must fit in memory together. */
static leat_status count_all(const plan *p, uint32_t repeats, size_t *count)
{
    size_t cells;
    if (!leati_mul_overflows(p->folds, repeats, count) &&
        !leati_mul_overflows(*count, p->d->rows, &cells) &&
        (cells <= MOST_CELLS || *count <= FEW_FOLDS))
        return LEAT_OK;
    LEATI_FAIL(p->c, LEAT_LIMIT, "%u folds of %zu rows%s are too many: their rows fill the memory",
               p->folds, p->d->rows, repeats > 1 ? ", repeated," : "");
    return leati_error_hint(p->c, p->spec->kind == LEATI_SPLIT_PREDEFINED
                                      ? "every value of the column makes a fold"
                                      : "use fewer folds or repeats");
}

static leat_status check_parts(leat_context *c, const leati_folds *folds)
{
    for (size_t f = 0; f < folds->count; f++) {
        const leati_fold *x = &folds->fold[f];
        LEATI_CHECK(c, x->train_count > 0, LEAT_INVALID,
                    "fold %zu has no training rows: all %zu rows are in its test part", f + 1,
                    x->test_count);
        LEATI_CHECK(c, x->test_count > 0, LEAT_INVALID, "fold %zu has no test rows", f + 1);
    }
    return LEAT_OK;
}

/* "'rare' (1 row: 31)"; at most three rows are named. */
static void name_class(leati_str *note, const leati_split_data *d, uint32_t class, size_t count)
{
    enum { ROWS_NAMED = 3 };
    size_t named = 0;
    if (d->class_name) leati_str_addf(note, "'%s'", d->class_name[class]);
    else leati_str_addf(note, "number %u", class);
    leati_str_addf(note, " (%zu row%s:", count, count == 1 ? "" : "s");
    for (size_t i = 0; i < d->rows && named < ROWS_NAMED; i++) {
        if (d->label[i] != class) continue;
        size_t row = d->table_row ? d->table_row[i] : i;
        leati_str_addf(note, "%s %zu", named++ ? "," : "", row + 1);
    }
    leati_str_add(note, count > ROWS_NAMED ? ", ...)" : ")");
}

/* lacks (classes): whether some fold lacks the class in training. */
static void note_absent(leati_str *note, const leati_folds *folds, const leati_split_data *d,
                        const size_t *rows, const bool *lacks, size_t lacking)
{
    enum { CLASSES_NAMED = 3 };
    size_t count = 0, named = 0;
    for (uint32_t k = 0; k < d->classes; k++) count += lacks[k];
    if (note->length) leati_str_addc(note, '\n');
    leati_str_addf(note, "warning: the class%s ", count == 1 ? "" : "es");
    for (uint32_t k = 0; k < d->classes && named < CLASSES_NAMED; k++) {
        if (!lacks[k]) continue;
        if (named++) leati_str_add(note, named == count ? " and " : ", ");
        name_class(note, d, k, rows[k]);
    }
    if (count > named) leati_str_addf(note, " and %zu more", count - named);
    leati_str_addf(note, " %s not in the training rows of ", count == 1 ? "is" : "are");
    if (folds->count == 1) leati_str_add(note, "the only fold");
    else leati_str_addf(note, "%zu of %zu folds", lacking, folds->count);
    leati_str_addf(note, ", where %s cannot be predicted", count == 1 ? "it" : "they");
}

/* Which classes each fold lacks in training; a note says which and what follows. */
static leat_status find_absent(leat_context *c, leati_folds *folds, const leati_split_data *d,
                               leati_str *note)
{
    size_t *all = leati_array(c, d->classes, sizeof *all), lacking = 0;
    size_t *part = leati_array(c, d->classes, sizeof *part);
    bool *lacks = LEATI_NEW(c, bool, d->classes);
    leat_status st = all && part && lacks ? LEAT_OK : leat_error_status(c);
    if (st != LEAT_OK) goto out;
    count_classes(d, all);
    for (size_t f = 0; f < folds->count; f++) {
        leati_fold *x = &folds->fold[f];
        memset(part, 0, d->classes * sizeof *part);
        for (size_t i = 0; i < x->train_count; i++) part[d->label[x->train[i]]]++;
        for (uint32_t k = 0; k < d->classes; k++) {
            if (all[k] == 0 || part[k] > 0) continue;
            x->absent++;
            lacks[k] = true;
        }
        lacking += x->absent > 0;
    }
    if (lacking) note_absent(note, folds, d, all, lacks, lacking);
out:
    leati_free(all);
    leati_free(part);
    leati_free(lacks);
    return st;
}

static leat_status resolve_auto(leat_context *c, leati_split_spec *spec, const leati_split_data *d,
                                leati_str *note)
{
    size_t *counts = NULL;
    if (d->label) {
        counts = LEATI_NEW(c, size_t, d->classes ? d->classes : 1);
        if (!counts) return leat_error_status(c);
        count_classes(d, counts);
    }
    bool in_order = spec->in_order;
    *spec = leati_split_auto(d->rows, d->cols, counts, d->classes);
    spec->in_order = in_order;
    if (spec->kind == LEATI_SPLIT_HOLDOUT) {
        leati_str_addf(note, "a hold-out of 20%%, as the table is large (--cv kfold:10 to "
                             "cross-validate all the same)");
    } else if (spec->folds < LEATI_AUTO_FOLDS) {
        leati_str_addf(note, "%u folds instead of %d, as %s", spec->folds, LEATI_AUTO_FOLDS,
                       spec->folds == d->rows ? "there are no more rows"
                                              : "the smallest class has few rows");
    }
    leati_free(counts);
    return LEAT_OK;
}

static leat_status make_repeat(plan *p, leati_fold *fold, uint32_t groups)
{
    bool strata = p->d->label != NULL;
    switch (p->spec->kind) {
    case LEATI_SPLIT_TIME: return fill_time(p, fold);
    case LEATI_SPLIT_GROUP: LEATI_TRY(assign_groups(p, groups)); break;
    case LEATI_SPLIT_STRATIFIED: LEATI_TRY(assign_stratified(p)); break;
    case LEATI_SPLIT_HOLDOUT: LEATI_TRY(assign_holdout(p)); break;
    case LEATI_SPLIT_REPEATED:
    case LEATI_SPLIT_NESTED: LEATI_TRY(strata ? assign_stratified(p) : assign_kfold(p)); break;
    case LEATI_SPLIT_LOO:
        for (size_t i = 0; i < p->d->rows; i++) p->fold_of[i] = (uint32_t)i;
        break;
    case LEATI_SPLIT_PREDEFINED:
        memcpy(p->fold_of, p->d->group, p->d->rows * sizeof *p->fold_of);
        break;
    default: LEATI_TRY(assign_kfold(p)); break;
    }
    return fill_folds(p, fold);
}

static leat_status make(leat_context *c, leati_folds *out, const leati_split_data *d, uint64_t seed,
                        leati_str *note)
{
    if (out->spec.kind == LEATI_SPLIT_AUTO) LEATI_TRY(resolve_auto(c, &out->spec, d, note));
    LEATI_TRY(check_data(c, &out->spec, d));
    plan p = {.c = c, .spec = &out->spec, .d = d, .seed = seed};
    uint32_t groups = 0, repeats = out->spec.repeats ? out->spec.repeats : 1;
    LEATI_TRY(count_folds(&p, &groups));
    size_t count;
    LEATI_TRY(count_all(&p, repeats, &count));
    out->fold = LEATI_NEW(c, leati_fold, count);
    if (!out->fold) return leat_error_status(c);
    out->count = count;
    out->spec.folds = p.folds;
    out->spec.repeats = repeats;
    p.fold_of = leati_array(c, d->rows, sizeof *p.fold_of);
    if (!p.fold_of) return leat_error_status(c);
    leat_status st = LEAT_OK;
    for (p.repeat = 0; p.repeat < repeats && st == LEAT_OK; p.repeat++) {
        leati_fold *fold = out->fold + (size_t)p.repeat * p.folds;
        for (uint32_t f = 0; f < p.folds; f++) {
            fold[f].number = f;
            fold[f].repeat = p.repeat;
            fold[f].seed = fold_seed(seed, p.repeat, f);
        }
        st = make_repeat(&p, fold, groups);
    }
    leati_free(p.fold_of);
    LEATI_TRY(st);
    LEATI_TRY(check_parts(c, out));
    return d->label ? find_absent(c, out, d, note) : LEAT_OK;
}

leat_status leati_split_make(leat_context *c, leati_folds *out, const leati_split_spec *spec,
                             const leati_split_data *data, uint64_t seed)
{
    *out = (leati_folds){.spec = *spec};
    leati_str note;
    leati_str_init(&note, c);
    leat_status st = make(c, out, data, seed, &note);
    if (st == LEAT_OK) st = leati_str_status(&note);
    if (st == LEAT_OK && note.length && !(out->note = leati_str_take(&note)))
        st = leat_error_status(c);
    leati_str_fini(&note);
    if (st != LEAT_OK) leati_folds_fini(out);
    return st;
}

void leati_folds_fini(leati_folds *folds)
{
    for (size_t f = 0; folds->fold && f < folds->count; f++) {
        leati_free(folds->fold[f].train);
        leati_free(folds->fold[f].test);
    }
    leati_free(folds->fold);
    leati_free(folds->note);
    *folds = (leati_folds){.spec = folds->spec};
}

/* --- folds within a fold
 * -------------------------------------------------------------------------- */

/* The values of `from` at the rows of the fold; group numbers are made dense again. */
static uint32_t *pick_u32(leat_context *c, const uint32_t *from, const leati_fold *outer)
{
    uint32_t *to = from ? leati_array(c, outer->train_count, sizeof *to) : NULL;
    for (size_t i = 0; to && i < outer->train_count; i++) to[i] = from[outer->train[i]];
    return to;
}

static leat_status densify(leat_context *c, uint32_t *group, size_t count, size_t numbers)
{
    uint32_t *dense = leati_array(c, numbers, sizeof *dense);
    if (!dense) return leat_error_status(c);
    for (size_t g = 0; g < numbers; g++) dense[g] = UINT32_MAX;
    for (size_t i = 0; i < count; i++)
        if (group[i] != UINT32_MAX) dense[group[i]] = 0;
    uint32_t next = 0;
    for (size_t g = 0; g < numbers; g++)
        if (dense[g] == 0) dense[g] = next++;
    for (size_t i = 0; i < count; i++)
        if (group[i] != UINT32_MAX) group[i] = dense[group[i]];
    leati_free(dense);
    return LEAT_OK;
}

/* Which sort of folds goes into a training part of `spec`. */
static leati_split_spec inner_spec(const leati_split_spec *spec, const leati_split_data *d,
                                   const leati_fold *outer, uint32_t count)
{
    leati_split_spec s = {.repeats = 1, .in_order = spec->in_order};
    s.folds = count ? count : spec->kind == LEATI_SPLIT_NESTED && spec->inner ? spec->inner : 5;
    switch (spec->kind) {
    case LEATI_SPLIT_GROUP: s.kind = LEATI_SPLIT_GROUP; break;
    case LEATI_SPLIT_TIME: s.kind = LEATI_SPLIT_TIME; break;
    default: s.kind = d->label ? LEATI_SPLIT_STRATIFIED : LEATI_SPLIT_KFOLD; break;
    }
    size_t most = s.kind == LEATI_SPLIT_TIME ? outer->train_count - 1 : outer->train_count;
    if (s.folds > most) s.folds = (uint32_t)most;
    return s;
}

leat_status leati_split_inner(leat_context *c, leati_folds *out, const leati_folds *folds,
                              const leati_fold *outer, const leati_split_data *data, uint32_t count)
{
    *out = (leati_folds){.spec = folds->spec};
    leati_split_spec spec = inner_spec(&folds->spec, data, outer, count);
    leat_status st = LEAT_OK;
    bool grouped = spec.kind == LEATI_SPLIT_GROUP && data->group;
    bool timed = spec.kind == LEATI_SPLIT_TIME && data->time;
    uint32_t *label = pick_u32(c, data->label, outer);
    uint32_t *group = pick_u32(c, grouped ? data->group : NULL, outer);
    double *time = timed ? leati_array(c, outer->train_count, sizeof *time) : NULL;
    if ((data->label && !label) || (grouped && !group) || (timed && !time)) {
        st = leat_error_status(c);
        goto out;
    }
    for (size_t i = 0; time && i < outer->train_count; i++) time[i] = data->time[outer->train[i]];
    if (group) LEATI_GO(densify(c, group, outer->train_count, data->rows));
    leati_split_data part = *data;
    part.rows = outer->train_count;
    part.label = label;
    part.group = group;
    part.table_row = NULL; /* of the whole data, and nobody reads notes of inner folds */
    part.time = time;
    LEATI_GO(leati_split_make(c, out, &spec, &part, outer->seed));
    for (size_t f = 0; f < out->count; f++) {
        leati_fold *x = &out->fold[f];
        for (size_t i = 0; i < x->train_count; i++) x->train[i] = outer->train[x->train[i]];
        for (size_t i = 0; i < x->test_count; i++) x->test[i] = outer->train[x->test[i]];
    }
out:
    leati_free(label);
    leati_free(group);
    leati_free(time);
    if (st != LEAT_OK) leati_error_within(c, "inner folds");
    return st;
}

double leati_folds_test_ratio(const leati_folds *folds)
{
    double sum = 0;
    for (size_t f = 0; f < folds->count; f++)
        sum += (double)folds->fold[f].test_count / (double)folds->fold[f].train_count;
    return folds->count ? sum / (double)folds->count : 0;
}
