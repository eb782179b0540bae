/* Owns: the counters of windows. Not: what they mean (drift.c, performance.c, fairness.c). */
#include "monitor/counters.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/reference.h"

#define SHARE_ONE 4294967296.0 /* 2^32 */
#define SUM_ONE   1048576.0    /* 2^20 */
#define SUM_MOST  2147483648.0 /* 2^31: 2048 standard deviations */
enum {
    NUMBERS = 256, /* that are counted at a time */
    FEW_EDGES = 64
};

/* --- life ------------------------------------------------------------------------------------- */

/* Takes `count` words behind those taken so far. */
static bool take(leati_counters *w, size_t count, size_t *at)
{
    *at = w->words;
    return !leati_add_overflows(w->words, count, &w->words);
}

static bool lay_out(leati_counters *w, const leati_norm *norm)
{
    bool ok = true, ranked = norm->classes == 2;
    w->words = LEATI_COUNTERS_HEAD;
    for (size_t i = 0; i < norm->count; i++) {
        ok = ok && take(w, norm->feature[i].cells, &w->cells[i]);
        ok = ok && take(w, norm->feature[i].levels ? 0 : norm->feature[i].cells - 1, &w->sums[i]);
    }
    w->kept = norm->classes <= LEATI_COUNTERS_CLASSES ? norm->classes : 1;
    ok = ok && take(w, (size_t)w->kept * w->kept, &w->expected);
    ok = ok && take(w, (size_t)w->kept * w->kept, &w->actual);
    return ok && take(w, ranked ? 4 * (size_t)LEATI_COUNTERS_RANKS : 0, &w->chances);
}

leat_status leati_counters_create(leat_context *c, leati_counters *w, const leati_norm *norm)
{
    *w = (leati_counters){
        .norm = norm, .vec = leati_vec_of(c), .positive = norm->classes ? norm->classes - 1 : 0};
    w->cells = LEATI_NEW(c, size_t, norm->count + 1);
    w->sums = LEATI_NEW(c, size_t, norm->count + 1);
    w->group = LEATI_NEW(c, leati_counted_group, LEATI_COUNTERS_GROUPS + 1);
    w->scratch = LEATI_NEW(c, double, norm->classes + 1);
    if (w->cells && w->sums && w->group && w->scratch) {
        if (lay_out(w, norm)) w->word = LEATI_NEW(c, uint64_t, w->words);
        else (void)LEATI_FAIL(c, LEAT_LIMIT, "the model has too many inputs to be watched");
    }
    if (w->word) return LEAT_OK;
    leati_counters_destroy(w);
    return leat_error_status(c);
}

void leati_counters_destroy(leati_counters *w)
{
    leati_free(w->cells);
    leati_free(w->sums);
    leati_free(w->group);
    leati_free(w->scratch);
    leati_free(w->word);
    *w = (leati_counters){0};
}

void leati_counters_reset(leati_counters *w)
{
    memset(w->word, 0, w->words * sizeof *w->word);
    memset(w->group, 0, (LEATI_COUNTERS_GROUPS + 1) * sizeof *w->group);
    w->groups = 0;
    w->groupless = 0;
}

/* --- distributions ---------------------------------------------------------------------------- */

/* The last edge not above the value, by halving. edges (count > 0), value >= edges[0]. */
static size_t last_not_above(const double *edges, size_t count, double value)
{
    size_t at = 0;
    while (count > 1) {
        size_t half = count / 2;
        at += edges[at + half] <= value ? half : 0; /* no branch: values are not foreseen */
        count -= half;
    }
    return at;
}

/* Below the first edge, the bins, above the last one. A value that is one of these is looked up as
 * well, so that no branch depends on it. */
static size_t number_cell(const leati_norm_feature *f, double value)
{
    if (f->bins == 0) return 0;
    size_t at = 1 + last_not_above(f->edges, f->bins, value);
    return at - (value < f->edges[0]) + (value > f->edges[f->bins]);
}

/* number_cell of each. Few edges are all compared, for every value at once. */
static void number_cells(const leati_vec *vec, const leati_norm_feature *f, const double *values,
                         size_t count, uint32_t *cell)
{
    bool few = f->bins && f->bins <= FEW_EDGES;
    if (few) vec->ranks(count, values, f->bins, f->edges, cell);
    for (size_t i = 0; few && i < count; i++) cell[i] += values[i] > f->edges[f->bins];
    for (size_t i = 0; !few && i < count; i++) cell[i] = (uint32_t)number_cell(f, values[i]);
}

/* (value - mean) / scale as a whole number. */
static int64_t units_of(const leati_norm_feature *f, double value)
{
    double units = (value - f->mean) * (SUM_ONE * f->inverse);
    units = units > SUM_MOST ? SUM_MOST : units < -SUM_MOST ? -SUM_MOST : units;
    return llrint(units);
}

static void add_number(leati_counters *w, size_t i, double value)
{
    const leati_norm_feature *f = &w->norm->feature[i];
    if (!isfinite(value)) {
        w->word[w->cells[i] + f->cells - 1]++;
        return;
    }
    size_t cell = number_cell(f, value);
    w->word[w->cells[i] + cell]++;
    w->word[w->sums[i] + cell] += (uint64_t)units_of(f, value);
}

void leati_counters_add_rows(leati_counters *w, size_t count)
{
    w->word[LEATI_COUNTERS_ROWS] += count;
}

/* Where all of them go first, so that the processor looks up several at a time; then a value waits
 * for the one before it only where both are of one cell. */
static void add_piece(leati_counters *w, size_t feature, const double *values, size_t count)
{
    const leati_norm_feature *f = &w->norm->feature[feature];
    uint64_t *cells = w->word + w->cells[feature], *sums = w->word + w->sums[feature];
    uint32_t cell[NUMBERS];
    int64_t units[NUMBERS];
    number_cells(w->vec, f, values, count, cell);
    for (size_t i = 0; i < count; i++) units[i] = units_of(f, values[i]);
    for (size_t i = 0; i < count; i++) {
        cells[cell[i]]++;
        sums[cell[i]] += (uint64_t)units[i];
    }
}

void leati_counters_add_numbers(leati_counters *w, size_t feature, const double *values,
                                size_t count)
{
    for (size_t at = 0, n; at < count; at += n) {
        double sum = 0;
        n = count - at < NUMBERS ? count - at : NUMBERS;
        for (size_t i = 0; i < n; i++) sum += values[at + i] - values[at + i];
        if (sum == 0) add_piece(w, feature, values + at, n);
        else /* some are missing */
            for (size_t i = 0; i < n; i++) add_number(w, feature, values[at + i]);
    }
}

static void add_level(leati_counters *w, size_t i, const char *text, size_t length)
{
    const leati_norm_feature *f = &w->norm->feature[i];
    uint32_t at = leati_map_get(&f->level, text, length);
    w->word[w->cells[i] + (at < f->bins ? at : f->bins)]++;
}

void leati_counters_add_row(leati_counters *w, const leati_cell *cells)
{
    const leati_norm *n = w->norm;
    w->word[LEATI_COUNTERS_ROWS]++;
    for (size_t i = 0; i < n->inputs; i++) {
        const leati_norm_feature *f = &n->feature[i];
        if (cells[i].missing) w->word[w->cells[i] + f->cells - 1]++;
        else if (f->levels) add_level(w, i, cells[i].text, cells[i].length);
        else add_number(w, i, cells[i].number);
    }
}

leati_cell leati_cell_of(const leati_column *col, size_t row)
{
    leati_cell cell = {.missing = !leati_valid(col, row)};
    if (cell.missing) return cell;
    switch (col->type) {
    case LEAT_STRING: cell.text = leati_dict_text(col->dict, col->codes[row], &cell.length); break;
    case LEAT_ARRAY: cell.number = leati_reference_array(col, row); break;
    case LEAT_F64: cell.number = col->f64[row]; break;
    case LEAT_BOOL: cell.number = col->u8[row]; break;
    default: cell.number = (double)col->i64[row];
    }
    return cell;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* 0 .. RANKS-1, by the log-odds of the probability, so that there are as many cells for scores near
 * 0 and 1 as between them. */
static size_t rank_of(double p)
{
    double odds = log(p / (1 - p));
    if (isnan(odds)) return 0;
    odds = fmin(fmax(odds, -16), 16);
    size_t at = (size_t)((odds + 16) / 32 * LEATI_COUNTERS_RANKS);
    return at < LEATI_COUNTERS_RANKS ? at : LEATI_COUNTERS_RANKS - 1;
}

static bool is_class(const leati_norm *n, double value)
{
    return n->classes && value >= 0 && value < n->classes;
}

/* The calibrated probabilities, into the expected confusion. */
static void add_chances(leati_counters *w, uint32_t said, const double *proba)
{
    const leati_norm *n = w->norm;
    double *p = w->scratch;
    leati_norm_calibrate(n, proba, p);
    w->word[LEATI_COUNTERS_SCORED]++;
    if (w->kept == n->classes) {
        uint64_t *row = w->word + w->expected + (size_t)said * w->kept;
        for (uint32_t k = 0; k < n->classes; k++) row[k] += (uint64_t)llrint(p[k] * SHARE_ONE);
    } else {
        w->word[w->expected] += (uint64_t)llrint(p[said] * SHARE_ONE);
    }
    if (n->classes != 2) return;
    uint64_t *rank = w->word + w->chances + 4 * rank_of(proba[1]);
    rank[0]++;
    rank[1] += (uint64_t)llrint(p[1] * SHARE_ONE);
}

static bool sound(const leati_norm *n, const double *proba)
{
    for (uint32_t k = 0; k < n->classes; k++)
        if (!(proba[k] >= 0 && proba[k] <= 1)) return false;
    return true;
}

void leati_counters_add_prediction(leati_counters *w, double value, const double *proba)
{
    const leati_norm *n = w->norm;
    w->word[LEATI_COUNTERS_PREDICTED]++;
    if (n->prediction != SIZE_MAX) {
        const leati_norm_feature *f = &n->feature[n->prediction];
        if (!n->classes) add_number(w, n->prediction, value);
        else
            w->word[w->cells[n->prediction] +
                    (is_class(n, value) ? (size_t)value : f->cells - 1)]++;
    }
    if (!proba || !is_class(n, value) || !sound(n, proba)) return;
    add_chances(w, (uint32_t)value, proba);
    if (n->score == SIZE_MAX) return;
    double score = proba[n->classes - 1];
    for (uint32_t k = 0; n->classes != 2 && k < n->classes; k++) score = fmax(score, proba[k]);
    add_number(w, n->score, score);
}

void leati_counters_add_truth(leati_counters *w, double value, const double *proba, double truth)
{
    const leati_norm *n = w->norm;
    if (!n->classes) {
        double miss = fmin(fabs(value - truth) / n->target_scale, 1024);
        if (isnan(miss)) return;
        w->word[LEATI_COUNTERS_LABELLED]++;
        w->word[LEATI_COUNTERS_ABSOLUTE] += (uint64_t)llrint(miss * 65536);
        w->word[LEATI_COUNTERS_SQUARED] += (uint64_t)llrint(miss * miss * 65536);
        return;
    }
    if (!is_class(n, value) || !is_class(n, truth)) return;
    w->word[LEATI_COUNTERS_LABELLED]++;
    if (w->kept == n->classes) w->word[w->actual + (size_t)value * w->kept + (size_t)truth]++;
    else w->word[w->actual] += (uint32_t)value == (uint32_t)truth;
    if (n->classes != 2 || !proba || !sound(n, proba)) return;
    uint64_t *rank = w->word + w->chances + 4 * rank_of(proba[1]);
    rank[2] += truth >= 1;
    rank[3]++;
}

/* --- groups ----------------------------------------------------------------------------------- */

/* Names are cut to the room there is and at a NUL; groups beyond the table are one. */
static leati_counted_group *find_group(leati_counters *w, const char *name, size_t length)
{
    const char *end = memchr(name, 0, length);
    if (end) length = (size_t)(end - name);
    if (length >= LEATI_COUNTERS_GROUP_NAME) length = LEATI_COUNTERS_GROUP_NAME - 1;
    for (size_t g = 0; g < w->groups; g++)
        if (strlen(w->group[g].name) == length && memcmp(w->group[g].name, name, length) == 0)
            return &w->group[g];
    if (w->groups >= LEATI_COUNTERS_GROUPS) {
        leati_counted_group *rest = &w->group[LEATI_COUNTERS_GROUPS];
        memcpy(rest->name, LEATI_COUNTERS_OTHERS, sizeof LEATI_COUNTERS_OTHERS);
        w->groups = LEATI_COUNTERS_GROUPS + 1;
        return rest;
    }
    leati_counted_group *fresh = &w->group[w->groups++];
    memcpy(fresh->name, name, length);
    fresh->name[length] = '\0';
    return fresh;
}

void leati_counters_add_group(leati_counters *w, const char *name, size_t length, double value,
                              double truth)
{
    if (!is_class(w->norm, value)) return;
    leati_counted_group *g = find_group(w, name, length);
    bool said = (uint32_t)value == w->positive;
    g->rows++;
    g->selected += said;
    if (is_class(w->norm, truth)) g->truth[(uint32_t)truth == w->positive][said]++;
}

void leati_counters_merge(leati_counters *w, const leati_counters *from)
{
    for (size_t i = 0; i < w->words; i++) w->word[i] += from->word[i];
    w->groupless += from->groupless;
    for (size_t g = 0; g < from->groups; g++) {
        const leati_counted_group *other = &from->group[g];
        leati_counted_group *mine = find_group(w, other->name, strlen(other->name));
        mine->rows += other->rows;
        mine->selected += other->selected;
        for (size_t i = 0; i < 4; i++) mine->truth[i / 2][i % 2] += other->truth[i / 2][i % 2];
    }
}

static bool same_group(const leati_counted_group *a, const leati_counted_group *b)
{
    return a->rows == b->rows && a->selected == b->selected &&
           memcmp(a->truth, b->truth, sizeof a->truth) == 0;
}

bool leati_counters_equal(const leati_counters *a, const leati_counters *b)
{
    if (a->norm != b->norm || a->groups != b->groups || a->groupless != b->groupless) return false;
    if (memcmp(a->word, b->word, a->words * sizeof *a->word) != 0) return false;
    for (size_t g = 0; g < a->groups; g++) {
        size_t h = 0;
        while (h < b->groups && strcmp(a->group[g].name, b->group[h].name) != 0) h++;
        if (h == b->groups || !same_group(&a->group[g], &b->group[h])) return false;
    }
    return true;
}
