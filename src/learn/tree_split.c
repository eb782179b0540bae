/* Owns: the search for the best split of a node by one feature.
 *
 * A node's elements are put in order of their codes (by counting, radix or insertion sort) and
 * moved from the right child to the left one by one; at each border between distinct codes the
 * quality of the two children is compared. Large nodes of few distinct values count classes by
 * code instead. Breiman, Friedman, Olshen and Stone, Classification and Regression Trees (1984),
 * chapters 2, 4 and 8; subsets of levels by their order: section 4.2.2. */
#include "learn/tree_split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "kernel/kernels.h"

enum {
    BINS = 1024,  /* most distinct codes that are counted by class */
    DENSE = 1024, /* least rows for that */
    TINY = 24     /* most rows that are sorted by insertion */
};

typedef struct group {
    double key;              /* mean of the target, or part of a class */
    uint32_t code, from, to; /* in the order by code */
} group;

/* --- scratch ------------------------------------------------------------------------------------
 */

leat_status leati_split_space_init(leat_context *c, leati_split_space *s,
                                   const leati_tree_data *data, leati_criterion criterion)
{
    size_t n = data->rows, k = data->classes ? data->classes : 1;
    bool absolute = criterion == LEATI_ABSOLUTE_ERROR;
    size_t levels = 0;
    for (size_t j = 0; j < data->cols; j++)
        if (data->columns[j].levels && data->columns[j].distinct >= levels)
            levels = data->columns[j].distinct + 1;
    *s = (leati_split_space){0};
    s->keys = leati_array(c, n, sizeof *s->keys);
    s->swap = leati_array(c, n, sizeof *s->swap);
    s->order = leati_array(c, n, 4 * sizeof *s->order);
    s->left = leati_array(c, k, 2 * sizeof *s->left);
    s->counts = leati_array(c, BINS * k + 2, sizeof *s->counts);
    s->gini_counts = leati_calloc(c, LEATI_GINI_COUNTS, sizeof *s->gini_counts);
    s->loops = &leati_kernels_of(c)->learn;
    s->cost = leati_array(c, absolute ? n + 1 : 1, sizeof *s->cost);
    s->tree = leati_array(c, absolute ? n + 1 : 1, 2 * sizeof *s->tree);
    s->groups = leati_array(c, levels ? (n < levels ? n : levels) : 1, sizeof(group));
    s->bits = leati_array(c, levels / 32 + 1, sizeof *s->bits);
    bool got = s->keys && s->swap && s->order && s->left && s->counts && s->gini_counts &&
               s->cost && s->tree && s->groups && s->bits;
    if (!got) {
        leati_split_space_fini(s);
        return leat_error_status(c);
    }
    s->code = s->order + n;
    s->order2 = s->code + n;
    s->code2 = s->order2 + n;
    s->right = s->left + k;
    return LEAT_OK;
}

void leati_split_space_fini(leati_split_space *s)
{
    leati_free(s->keys);
    leati_free(s->swap);
    leati_free(s->order);
    leati_free(s->left);
    leati_free(s->counts);
    leati_free(s->gini_counts);
    leati_free(s->cost);
    leati_free(s->tree);
    leati_free(s->groups);
    leati_free(s->bits);
    *s = (leati_split_space){0};
}

/* --- order by code ------------------------------------------------------------------------------
 */

static void insertion_sort(uint64_t *keys, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t key = keys[i];
        size_t at = i;
        for (; at > 0 && keys[at - 1] > key; at--) keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

/* Fills order and code; false when all codes are equal. */
static bool sort_codes(const leati_tree_node_view *v, const leati_tree_column *c,
                       leati_split_space *s)
{
    size_t n = v->n;
    uint32_t least = UINT32_MAX, most = 0;
    uint32_t *code = s->code2;
#define GATHER(type)                                                                               \
    for (size_t i = 0; i < n; i++) {                                                               \
        uint32_t k = code[i] = ((const type *)c->codes)[v->row[i]];                                \
        least = k < least ? k : least;                                                             \
        most = k > most ? k : most;                                                                \
    }
    if (c->width == 1) GATHER(uint8_t)
    else if (c->width == 2) GATHER(uint16_t)
    else GATHER(uint32_t)
#undef GATHER
    if (least == most) return false;
    uint32_t range = most - least;
    if (n > TINY && range < BINS && range < 4 * n) { /* counting */
        uint32_t *start = s->counts;
        memset(start, 0, (range + 2) * sizeof *start);
        for (size_t i = 0; i < n; i++) start[code[i] - least + 1]++;
        for (uint32_t b = 0; b < range; b++) start[b + 1] += start[b];
        for (size_t i = 0; i < n; i++) {
            uint32_t at = start[code[i] - least]++;
            s->order[at] = (uint32_t)i;
            s->code[at] = code[i];
        }
        return true;
    }
    for (size_t i = 0; i < n; i++) s->keys[i] = (uint64_t)(code[i] - least) << 32 | i;
    unsigned bits = 1;
    while (bits < 32 && range >> bits) bits++;
    if (n <= TINY) insertion_sort(s->keys, n);
    else leati_radix_sort(s->keys, s->swap, n, 32, bits);
    for (size_t i = 0; i < n; i++) {
        s->order[i] = (uint32_t)s->keys[i];
        s->code[i] = (uint32_t)(s->keys[i] >> 32) + least;
    }
    return true;
}

/* --- moving elements from right to left
 * ----------------------------------------------------------- */

static double xlogx(double x)
{
    return x > 0 ? x * log2(x) : 0;
}

/* The best border of an order: elements before it go left. */
typedef struct border {
    double quality;
    size_t at; /* 0: none */
} border;

static double children(leati_criterion criterion, double wl, double ql, double wr, double qr)
{
    if (criterion == LEATI_ENTROPY) return ql - xlogx(wl) + qr - xlogx(wr);
    return ql / wl + qr / wr;
}

/* Gini and entropy; for gini q is the sum of squares of the class weights, for entropy the sum of
 * w log w. */
static inline border scan_classes(const leati_tree_node_view *v, const uint32_t *order,
                                  const uint32_t *code, size_t skip, bool entropy,
                                  leati_split_space *s)
{
    border best = {-HUGE_VAL, 0};
    double ql = 0, qr = 0, wl = 0, wr = v->sum;
    size_t k = v->data->classes, last = v->n - v->least;
    for (size_t i = 0; i < k; i++) {
        s->left[i] = 0;
        s->right[i] = v->total[i];
        qr += entropy ? xlogx(v->total[i]) : v->total[i] * v->total[i];
    }
    for (size_t i = 0; i < last; i++) {
        uint32_t at = order[i], class = v->label[at];
        double w = v->weight ? v->weight[at] : 1, l = s->left[class], r = s->right[class];
        if (entropy) {
            ql += xlogx(l + w) - xlogx(l);
            qr += xlogx(r - w) - xlogx(r);
        } else {
            ql += w * (2 * l + w);
            qr -= w * (2 * r - w);
        }
        s->left[class] = l + w;
        s->right[class] = r - w;
        wl += w;
        wr -= w;
        if (code[i] == code[i + 1] || i + 1 < v->least || i + 1 == skip) continue;
        double q = children(entropy ? LEATI_ENTROPY : LEATI_GINI, wl, ql, wr, qr);
        if (q > best.quality) best = (border){q, i + 1};
    }
    return best;
}

static border scan_squares(const leati_tree_node_view *v, const uint32_t *order,
                           const uint32_t *code, size_t skip)
{
    border best = {-HUGE_VAL, 0};
    double sl = 0, sr = v->total[0], wl = 0, wr = v->sum;
    size_t last = v->n - v->least;
    for (size_t i = 0; i < last; i++) {
        uint32_t at = order[i];
        double w = v->weight ? v->weight[at] : 1, d = w * v->y[at];
        sl += d;
        sr -= d;
        wl += w;
        wr -= w;
        if (code[i] == code[i + 1] || i + 1 < v->least || i + 1 == skip) continue;
        double q = sl * sl / wl + sr * sr / wr;
        if (q > best.quality) best = (border){q, i + 1};
    }
    return best;
}

/* Adds to the binary indexed trees (Fenwick 1994) of weights and of weighted values by rank. */
static void fenwick_add(double *w, double *s, size_t n, size_t rank, double weight, double value)
{
    for (size_t i = rank + 1; i <= n; i += i & (~i + 1)) {
        w[i] += weight;
        s[i] += value;
    }
}

/* Sum of w |y - median| over the elements added so far. */
static double absolute_cost(const leati_tree_node_view *v, const double *w, const double *s,
                            double weight, double sum)
{
    size_t at = 0, top = 1;
    double below = 0, value = 0;
    while (top * 2 <= v->n) top *= 2;
    for (size_t step = top; step; step /= 2)
        if (at + step <= v->n && below + w[at + step] < weight / 2) {
            at += step;
            below += w[at];
            value += s[at];
        }
    double median = v->y_sorted[at < v->n ? at : v->n - 1];
    return (median * below - value) + ((sum - value) - median * (weight - below));
}

static border scan_absolute(const leati_tree_node_view *v, const uint32_t *order,
                            const uint32_t *code, size_t skip, leati_split_space *s)
{
    border best = {-HUGE_VAL, 0};
    size_t n = v->n;
    double *w = s->tree, *value = w + n + 1;
    for (int side = 0; side < 2; side++) { /* first the costs of all right children */
        memset(s->tree, 0, 2 * (n + 1) * sizeof *s->tree);
        double weight = 0, sum = 0;
        for (size_t j = 0; j + 1 < n; j++) {
            size_t i = side ? j : n - 1 - j;
            uint32_t at = order[i];
            double wi = v->weight ? v->weight[at] : 1, d = wi * v->y[at];
            fenwick_add(w, value, n, v->y_rank[at], wi, d);
            weight += wi;
            sum += d;
            size_t border_at = side ? i + 1 : i;
            if (code[border_at - 1] == code[border_at]) continue;
            double cost = absolute_cost(v, w, value, weight, sum);
            if (!side) {
                s->cost[border_at] = cost;
                continue;
            }
            if (border_at < v->least || n - border_at < v->least || border_at == skip) continue;
            double q = -(cost + s->cost[border_at]);
            if (q > best.quality) best = (border){q, border_at};
        }
    }
    return best;
}

/* skip: a border that was compared before (0: none). */
static border scan(const leati_tree_node_view *v, const uint32_t *order, const uint32_t *code,
                   size_t skip, leati_split_space *s)
{
    switch (v->criterion) {
    case LEATI_GINI: return scan_classes(v, order, code, skip, false, s);
    case LEATI_ENTROPY: return scan_classes(v, order, code, skip, true, s);
    case LEATI_SQUARED_ERROR: return scan_squares(v, order, code, skip);
    case LEATI_ABSOLUTE_ERROR: break;
    }
    return scan_absolute(v, order, code, skip, s);
}

/* --- numbers ------------------------------------------------------------------------------------
 */

/* Midway between two values, never the upper one. */
static double midway(double low, double high)
{
    double middle = low / 2 + high / 2;
    return middle >= high || middle < low ? low : middle;
}

/* Turns a border between codes `low` and `high` into the split. */
static void set_cut(leati_split *split, const leati_tree_column *c, uint32_t low, uint32_t high)
{
    split->cut = low;
    split->threshold = high == c->distinct ? HUGE_VAL : midway(c->values[low], c->values[high]);
}

/* Where nothing is missing at the node, missing values later follow the larger child. */
static void set_missing(leati_split *split, size_t left, size_t n)
{
    split->missing_left = left > n - left;
}

/* With the missing elements (the last `missing` of the order) first. */
static void rotate(leati_split_space *s, size_t n, size_t missing)
{
    memcpy(s->order2, s->order + n - missing, missing * sizeof *s->order);
    memcpy(s->order2 + missing, s->order, (n - missing) * sizeof *s->order);
    memcpy(s->code2, s->code + n - missing, missing * sizeof *s->code);
    memcpy(s->code2 + missing, s->code, (n - missing) * sizeof *s->code);
}

static void split_numbers(const leati_tree_node_view *v, const leati_tree_column *c,
                          leati_split *split, leati_split_space *s)
{
    if (!sort_codes(v, c, s)) {
        split->constant = true;
        return;
    }
    size_t missing = 0;
    while (c->missing && s->code[v->n - 1 - missing] == c->distinct) missing++;
    border best = scan(v, s->order, s->code, 0, s);
    if (best.at) {
        split->quality = best.quality;
        set_cut(split, c, s->code[best.at - 1], s->code[best.at]);
        if (missing) split->missing_left = false;
        else set_missing(split, best.at, v->n);
    }
    if (!missing) return;
    rotate(s, v->n, missing);
    best = scan(v, s->order2, s->code2, missing, s);
    if (!best.at || !(best.quality > split->quality)) return;
    split->quality = best.quality;
    split->missing_left = true;
    set_cut(split, c, s->code2[best.at - 1], s->code2[best.at]);
}

/* Counts (bins, classes) of a node of many rows and few codes. */
static void count_codes(const leati_tree_node_view *v, const leati_tree_column *c, size_t bins,
                        uint32_t *counts)
{
    size_t k = v->data->classes;
    memset(counts, 0, bins * k * sizeof *counts);
    if (c->width == 1) {
        const uint8_t *codes = c->codes;
        for (size_t i = 0; i < v->n; i++) counts[codes[v->row[i]] * k + v->label[i]]++;
    } else {
        for (size_t i = 0; i < v->n; i++) counts[leati_tree_code(c, v->row[i]) * k + v->label[i]]++;
    }
}

/* Moves the classes of one code from right to left; returns its rows. */
static size_t move_code(const uint32_t *counts, size_t k, leati_split_space *s, double *ql,
                        double *qr, bool entropy)
{
    size_t rows = 0;
    double gain = 0, loss = 0;
    for (size_t i = 0; i < k; i++) {
        if (!counts[i]) continue;
        double w = counts[i], l = s->left[i], r = s->right[i];
        rows += counts[i];
        gain += entropy ? xlogx(l + w) - xlogx(l) : w * (2 * l + w);
        loss += entropy ? xlogx(r) - xlogx(r - w) : w * (2 * r - w);
        s->left[i] = l + w;
        s->right[i] = r - w;
    }
    *ql += gain;
    *qr -= loss;
    return rows;
}

/* Gini and entropy without weights. first: the code that goes left before all others (missing),
 * or SIZE_MAX. */
static void scan_counts(const leati_tree_node_view *v, const leati_tree_column *c, size_t first,
                        leati_split *split, leati_split_space *s)
{
    bool entropy = v->criterion == LEATI_ENTROPY;
    size_t k = v->data->classes, bins = c->distinct + (size_t)c->missing, rows = 0, low = SIZE_MAX,
           used = 0;
    double ql = 0, qr = 0, n = (double)v->n;
    for (size_t i = 0; i < k; i++) {
        s->left[i] = 0;
        s->right[i] = v->total[i];
        qr += entropy ? xlogx(v->total[i]) : v->total[i] * v->total[i];
    }
    if (first != SIZE_MAX) rows = move_code(s->counts + first * k, k, s, &ql, &qr, entropy);
    for (size_t b = 0; b < bins; b++) {
        if (b == first) continue;
        bool empty = true;
        for (size_t i = 0; i < k; i++) empty &= s->counts[b * k + i] == 0;
        if (empty) continue;
        used++;
        if (low != SIZE_MAX && rows >= v->least && v->n - rows >= v->least) {
            double q = children(v->criterion, (double)rows, ql, n - (double)rows, qr);
            if (q > split->quality) {
                split->quality = q;
                set_cut(split, c, (uint32_t)low, (uint32_t)b);
                split->missing_left = first != SIZE_MAX;
                if (!c->missing) set_missing(split, rows, v->n);
            }
        }
        rows += move_code(s->counts + b * k, k, s, &ql, &qr, entropy);
        low = b;
    }
    if (first == SIZE_MAX) split->constant = used < 2;
}

static void split_dense(const leati_tree_node_view *v, const leati_tree_column *c,
                        leati_split *split, leati_split_space *s)
{
    size_t k = v->data->classes, missing = 0;
    count_codes(v, c, c->distinct + (size_t)c->missing, s->counts);
    scan_counts(v, c, SIZE_MAX, split, s);
    for (size_t i = 0; c->missing && i < k; i++) missing += s->counts[c->distinct * k + i];
    if (c->missing && missing == 0) { /* none here: those to come follow the larger child */
        size_t left = 0;
        for (size_t b = 0; b <= split->cut && split->quality > -HUGE_VAL; b++)
            for (size_t i = 0; i < k; i++) left += s->counts[b * k + i];
        set_missing(split, left, v->n);
    } else if (missing && missing < v->n) {
        scan_counts(v, c, c->distinct, split, s);
    }
}

/* --- levels -------------------------------------------------------------------------------------
 */

static int by_key(const void *a, const void *b)
{
    const group *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->code > y->code) - (x->code < y->code);
}

/* Groups of equal levels, ordered by the mean target, or by the part of class `order`, or at
 * random. The elements must be in order of their codes. */
static size_t order_groups(const leati_tree_node_view *v, uint32_t order, leati_rng *rng,
                           leati_split_space *s)
{
    group *g = s->groups;
    size_t count = 0;
    for (size_t i = 0; i < v->n; count++) {
        double sum = 0, weight = 0;
        group *at = &g[count];
        *at = (group){.code = s->code[i], .from = (uint32_t)i};
        for (; i < v->n && s->code[i] == at->code; i++) {
            uint32_t e = s->order[i];
            double w = v->weight ? v->weight[e] : 1;
            weight += w;
            sum += w * (v->y ? v->y[e] : (double)(v->label[e] == order));
        }
        at->to = (uint32_t)i;
        at->key = rng ? leati_rng_uniform(rng) : sum / weight;
    }
    qsort(g, count, sizeof *g, by_key);
    return count;
}

/* order2 and code2: the elements group by group. */
static void lay_groups(leati_split_space *s, size_t count)
{
    const group *g = s->groups;
    size_t to = 0;
    for (size_t k = 0; k < count; k++)
        for (size_t i = g[k].from; i < g[k].to; i++, to++) {
            s->order2[to] = s->order[i];
            s->code2[to] = g[k].code;
        }
}

/* Number of groups before the border. */
static uint32_t groups_before(const leati_split_space *s, size_t border_at)
{
    const group *g = s->groups;
    uint32_t count = 0;
    for (size_t rows = 0; rows < border_at; count++) rows += g[count].to - g[count].from;
    return count;
}

static void split_levels(const leati_tree_node_view *v, const leati_tree_column *c,
                         leati_split *split, leati_rng *rng, leati_split_space *s)
{
    split->levels = true;
    if (!sort_codes(v, c, s)) {
        split->constant = true;
        return;
    }
    bool one = rng || v->data->classes <= 2;
    for (uint32_t order = one && v->data->classes ? v->data->classes - 1 : 0;; order++) {
        size_t count = order_groups(v, order, rng, s);
        lay_groups(s, count);
        border best = scan(v, s->order2, s->code2, 0, s);
        if (best.at && best.quality > split->quality) {
            split->quality = best.quality;
            split->order = order;
            split->prefix = groups_before(s, best.at);
            set_missing(split, best.at, v->n);
        }
        if (one || order + 1 >= v->data->classes) break;
    }
}

void leati_split_levels(const leati_tree_node_view *v, const leati_split *split, leati_rng *rng,
                        leati_split_space *s)
{
    const leati_tree_column *c = &v->data->columns[split->feature];
    memset(s->bits, split->missing_left ? 255 : 0, (c->distinct / 32 + 1) * sizeof *s->bits);
    (void)sort_codes(v, c, s);
    size_t count = order_groups(v, split->order, rng, s);
    const group *g = s->groups;
    for (size_t k = 0; k < count; k++) {
        uint32_t bit = 1u << (g[k].code % 32), *word = &s->bits[g[k].code / 32];
        *word = k < split->prefix ? *word | bit : *word & ~bit;
    }
}

/* --- random thresholds
 * ---------------------------------------------------------------------------- */

/* A threshold drawn evenly between the least and the largest value; missing values on a drawn
 * side. */
static void split_random(const leati_tree_node_view *v, const leati_tree_column *c,
                         leati_split *split, leati_rng *rng, leati_split_space *s)
{
    if (!sort_codes(v, c, s)) {
        split->constant = true;
        return;
    }
    size_t n = v->n, missing = 0;
    while (c->missing && s->code[n - 1 - missing] == c->distinct) missing++;
    double low = c->values[s->code[0]], high = c->values[s->code[n - 1 - missing]];
    double threshold = low + leati_rng_uniform(rng) * (high - low);
    bool left = leati_rng_u32(rng) & 1;
    if (!(threshold < high)) threshold = low;
    size_t at = 0;
    while (at < n - missing && c->values[s->code[at]] <= threshold) at++;
    const uint32_t *order = s->order;
    uint32_t cut = s->code[at - 1];
    if (low == high) threshold = HUGE_VAL; /* against the missing */
    if (missing && left && low < high) {
        rotate(s, n, missing);
        order = s->order2;
        at += missing;
    }
    /* One border: scan over two codes. */
    for (size_t i = 0; i < n; i++) s->code[i] = i >= at;
    border best = scan(v, order, s->code, 0, s);
    if (!best.at) return;
    split->quality = best.quality;
    split->cut = cut;
    split->threshold = threshold;
    split->missing_left = missing && order == s->order2;
    if (!missing) set_missing(split, at, n);
}

/* Few classes without weights, at most 256 values and none missing: one kernel does it all. */
static void split_bytes(const leati_tree_node_view *v, const leati_tree_column *c,
                        leati_split *split, leati_split_space *s)
{
    leati_gini_border best =
        s->loops->gini(v->n, c->codes, v->row, v->short_label, v->total, v->least, s->gini_counts);
    split->constant = best.constant;
    if (!(best.quality > -HUGE_VAL)) return;
    split->quality = best.quality;
    set_cut(split, c, best.low, best.high);
    set_missing(split, best.left, v->n);
}

leati_split leati_split_find(const leati_tree_node_view *v, size_t feature, leati_rng *rng,
                             leati_split_space *s)
{
    const leati_tree_column *c = &v->data->columns[feature];
    leati_split split = {.quality = -HUGE_VAL, .feature = feature};
    bool counts = !c->levels && v->criterion <= LEATI_ENTROPY && !v->weight && v->n >= DENSE &&
                  c->distinct + (size_t)c->missing <= BINS && v->n >= c->distinct;
    if (c->levels) split_levels(v, c, &split, rng, s);
    else if (rng) split_random(v, c, &split, rng, s);
    else if (v->short_label && v->criterion == LEATI_GINI && c->width == 1 && !c->missing)
        split_bytes(v, c, &split, s);
    else if (counts) split_dense(v, c, &split, s);
    else split_numbers(v, c, &split, s);
    return split;
}
