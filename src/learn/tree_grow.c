/* Owns: growing a tree: which node is split next, on which features, by which threads.
 *
 * Large nodes are split one after another, their features shared among the threads; a node of few
 * rows is grown to its leaves by one thread. Which way a node takes depends on its rows alone. */
#include "learn/tree_grow.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"

enum {
    SUBTREE = 4096,          /* most rows of a node that one thread grows to its leaves */
    SUBTREE_CODES = 1 << 20, /* and most codes: its copy of them stays in the cache */
    LOOK_UP = 64,            /* nodes of a subtree between two looks at the clock */
    CHUNK = 4                /* features of one task */
};

#define NOT_GROWN UINT32_MAX

typedef struct grown {
    uint32_t from, to;    /* its rows: row[from, to) */
    uint32_t left, right; /* nodes of the same list; NOT_GROWN: a leaf */
    uint32_t feature, depth;
    uint32_t subset; /* NOT_GROWN, or where in words */
    bool missing_left;
    int32_t task; /* -1, or the number of the task that grows it */
    double threshold, impurity, weight;
    uint64_t key; /* of its random numbers */
} grown;

typedef struct node_list {
    grown *nodes;
    size_t count, capacity;
    double *values; /* (nodes, outputs) */
    size_t value_capacity;
    uint32_t *words;
    size_t word_count, word_capacity;
} node_list;

/* What one thread needs to split nodes. */
typedef struct lane {
    leati_split_space space;
    leati_tree_node_view view;
    uint32_t *features;   /* (cols) those known to be constant come first */
    uint32_t *stack_node; /* nodes to be split, and how many features are constant there */
    uint32_t *stack_known;
    size_t stack, stack_capacity;
    uint32_t *spare;      /* (rows) for partitions */
    uint64_t *rank_order; /* (rows), twice; absolute error */
    /* the rows of a subtree, copied together: deep nodes would else touch a cache line a row */
    leati_tree_data local;
    uint32_t *local_row, *local_label;
    uint8_t *local_codes;
} lane;

typedef struct grower {
    leat_context *context;
    size_t outputs;
    const leati_tree_data *data;
    const leati_tree_rules *rules;
    uint32_t *row; /* (rows) in order of the nodes */
    size_t rows;
    double weight; /* of all rows */
    lane *lanes;
    unsigned lane_count;
    node_list top;
    /* subtrees */
    uint32_t *task_node; /* node of top */
    size_t tasks, task_capacity;
    node_list *lists; /* one a task */
    bool *failed;     /* one a task */
    /* the features of one large node */
    leati_split *splits; /* (cols) */
} grower;

/* --- scratch ------------------------------------------------------------------------------------
 */

static leat_status lane_init(grower *g, lane *l)
{
    leat_context *c = g->context;
    const leati_tree_data *d = g->data;
    size_t n = d->rows, k = d->classes ? d->classes : 1;
    bool absolute = g->rules->criterion == LEATI_ABSOLUTE_ERROR;
    LEATI_TRY(leati_split_space_init(c, &l->space, d, g->rules->criterion));
    leati_tree_node_view *v = &l->view;
    *v = (leati_tree_node_view){
        .data = d, .criterion = g->rules->criterion, .least = g->rules->min_leaf};
    v->label = leati_array(c, d->classes ? n : 1, sizeof *v->label);
    bool few = d->classes && d->classes <= LEATI_GINI_CLASSES && !d->weight;
    v->short_label = few ? leati_array(c, n, 1) : NULL;
    v->y = d->classes ? NULL : leati_array(c, n, sizeof *v->y);
    v->weight = d->weight ? leati_array(c, n, sizeof *v->weight) : NULL;
    v->total = leati_calloc(c, k > LEATI_GINI_CLASSES ? k : LEATI_GINI_CLASSES, sizeof *v->total);
    v->y_rank = leati_array(c, absolute ? n : 1, sizeof *v->y_rank);
    v->y_sorted = leati_array(c, absolute ? n : 1, sizeof *v->y_sorted);
    l->features = leati_array(c, d->cols, sizeof *l->features);
    l->spare = leati_array(c, n, sizeof *l->spare);
    l->rank_order = leati_array(c, absolute ? n : 1, 2 * sizeof *l->rank_order);
    bool got = v->label && (!few || v->short_label) && (d->classes || v->y) &&
               (!d->weight || v->weight) && v->total && v->y_rank && v->y_sorted && l->features &&
               l->spare && l->rank_order;
    return got ? LEAT_OK : leat_error_status(c);
}

/* Most rows of a subtree. */
static size_t subtree_rows(const leati_tree_data *d)
{
    size_t rows = SUBTREE_CODES / d->cols;
    rows = rows > SUBTREE ? SUBTREE : rows < 16 ? 16 : rows;
    return rows < d->rows ? rows : d->rows;
}

static leat_status lane_init_local(grower *g, lane *l)
{
    leat_context *c = g->context;
    const leati_tree_data *d = g->data;
    size_t rows = subtree_rows(d), width = 0;
    for (size_t j = 0; j < d->cols; j++) width += d->columns[j].width;
    l->local = (leati_tree_data){.cols = d->cols, .classes = d->classes, .shift = d->shift};
    l->local.columns = leati_calloc(c, d->cols, sizeof *l->local.columns);
    l->local.y = d->y ? leati_array(c, rows, sizeof *d->y) : NULL;
    l->local.weight = d->weight ? leati_array(c, rows, sizeof *d->weight) : NULL;
    l->local_row = leati_array(c, rows, sizeof *l->local_row);
    l->local_label = leati_array(c, rows, sizeof *l->local_label);
    l->local_codes = leati_array(c, rows + 4, width + 4); /* columns start at multiples of 4 */
    bool got = l->local.columns && (!d->y || l->local.y) && (!d->weight || l->local.weight) &&
               l->local_row && l->local_label && l->local_codes;
    return got ? LEAT_OK : leat_error_status(c);
}

static void lane_fini(lane *l)
{
    leati_split_space_fini(&l->space);
    void *owned[] = {l->local.columns, l->local.y,     l->local.weight, l->local_row,
                     l->local_label,   l->local_codes, l->view.label,   l->view.short_label,
                     l->view.y,        l->view.weight, l->view.total,   l->view.y_rank,
                     l->view.y_sorted, l->features,    l->stack_node,   l->stack_known,
                     l->spare,         l->rank_order};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) leati_free(owned[i]);
}

/* Grows an array in a worker: nothing is recorded. */
static bool grow_quiet(const grower *g, void *array, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity) return true;
    size_t more = *capacity * 2 > need ? *capacity * 2 : need < 64 ? 64 : need;
    void *old, *block = leati_alloc_quiet(g->context, more * size);
    if (!block) return false;
    memcpy(&old, array, sizeof old);
    if (old) memcpy(block, old, *capacity * size);
    leati_free(old);
    memcpy(array, &block, sizeof block);
    *capacity = more;
    return true;
}

static bool add_node(const grower *g, node_list *list, const grown *node)
{
    size_t values = (list->count + 1) * g->outputs;
    if (!grow_quiet(g, &list->nodes, &list->capacity, list->count + 1, sizeof *node) ||
        !grow_quiet(g, &list->values, &list->value_capacity, values, sizeof *list->values))
        return false;
    list->nodes[list->count++] = *node;
    return true;
}

/* --- a node's rows ------------------------------------------------------------------------------
 */

static uint64_t sortable(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static void rank_targets(lane *l)
{
    leati_tree_node_view *v = &l->view;
    uint64_t *keys = l->rank_order, *swap = keys + v->data->rows;
    for (size_t i = 0; i < v->n; i++) keys[i] = sortable(v->y[i]);
    leati_radix_sort(keys, swap, v->n, 0, 64);
    for (size_t i = 0; i < v->n; i++) { /* equal targets share a rank */
        uint64_t key = sortable(v->y[i]);
        size_t low = 0, high = v->n - 1;
        while (low < high) {
            size_t mid = low + (high - low) / 2;
            if (keys[mid] < key) low = mid + 1;
            else high = mid;
        }
        v->y_rank[i] = (uint32_t)low;
        v->y_sorted[low] = v->y[i];
    }
}

static double class_impurity(const leati_tree_node_view *v)
{
    double sum = 0;
    for (size_t k = 0; k < v->data->classes; k++) {
        double p = v->total[k] / v->sum;
        if (v->criterion == LEATI_ENTROPY) sum -= p > 0 ? p * log2(p) : 0;
        else sum += p * p;
    }
    return v->criterion == LEATI_ENTROPY ? sum : 1 - sum;
}

/* The weighted median; midway when two targets share it. */
static double median_target(lane *l)
{
    leati_tree_node_view *v = &l->view;
    double *weight = l->space.cost, seen = 0;
    memset(weight, 0, v->n * sizeof *weight);
    for (size_t i = 0; i < v->n; i++) weight[v->y_rank[i]] += v->weight ? v->weight[i] : 1;
    size_t at = 0;
    for (; at + 1 < v->n; at++) {
        seen += weight[at];
        if (seen >= v->sum / 2) break;
    }
    double median = v->y_sorted[at];
    if (at + 1 >= v->n || seen != v->sum / 2) return median;
    for (at++; at + 1 < v->n && weight[at] == 0; at++) continue;
    return weight[at] == 0 ? median : median / 2 + v->y_sorted[at] / 2;
}

/* Mean of w |y - centre| or w (y - centre)^2; exactly 0 when all targets are equal. */
static double value_impurity(const leati_tree_node_view *v, double centre)
{
    double sum = 0;
    bool equal = true;
    for (size_t i = 1; i < v->n; i++) equal &= v->y[i] == v->y[0];
    if (equal) return 0;
    for (size_t i = 0; i < v->n; i++) {
        double d = v->y[i] - centre, w = v->weight ? v->weight[i] : 1;
        sum += w * (v->criterion == LEATI_ABSOLUTE_ERROR ? fabs(d) : d * d);
    }
    return sum / v->sum;
}

/* Gathers the rows of a node into the lane's view. */
static void gather(const grower *g, lane *l, const grown *node)
{
    const leati_tree_data *d = g->data;
    leati_tree_node_view *v = &l->view;
    v->row = g->row + node->from;
    v->n = node->to - node->from;
    v->sum = 0;
    memset(v->total, 0, (d->classes ? d->classes : 1) * sizeof *v->total);
    for (size_t i = 0; i < v->n; i++) {
        uint32_t row = v->row[i];
        double w = d->weight ? d->weight[row] : 1;
        if (d->weight) v->weight[i] = w;
        if (d->classes) v->total[v->label[i] = d->label[row]] += w;
        else v->total[0] += w * (v->y[i] = d->y[row]);
        v->sum += w;
    }
    for (size_t i = 0; v->short_label && i < v->n; i++) v->short_label[i] = (uint8_t)v->label[i];
    if (v->criterion == LEATI_ABSOLUTE_ERROR) rank_targets(l);
}

/* What is left of the impurity by rounding, as scikit-learn has it; less where the target's own
 * spread is small, so that it does not depend on the unit of measurement. */
static double least_impurity(const grower *g)
{
    double spread = g->data->classes ? 1 : g->data->spread;
    if (g->rules->criterion == LEATI_SQUARED_ERROR) spread *= spread;
    return DBL_EPSILON * fmin(1, spread);
}

/* Gathers a node, sets its weight, impurity and value; whether it may be split. */
static bool settle(const grower *g, lane *l, node_list *list, size_t at)
{
    grown *node = &list->nodes[at];
    const leati_tree_rules *r = g->rules;
    const leati_tree_node_view *v = &l->view;
    gather(g, l, node);
    node->weight = v->sum;
    double *value = list->values + at * g->outputs;
    if (g->data->classes) {
        for (size_t k = 0; k < g->outputs; k++) value[k] = v->total[k] / v->sum;
        node->impurity = class_impurity(v);
    } else {
        double centre =
            v->criterion == LEATI_ABSOLUTE_ERROR ? median_target(l) : v->total[0] / v->sum;
        value[0] = centre + g->data->shift;
        node->impurity = value_impurity(v, centre);
    }
    return node->depth < r->max_depth && v->n >= r->min_split && v->n >= 2 * r->min_leaf &&
           node->impurity > least_impurity(g);
}

/* --- the split of one node
 * ------------------------------------------------------------------------ */

static leati_split find(const grower *g, const leati_tree_node_view *v, size_t feature,
                        uint64_t key, leati_split_space *space)
{
    leati_rng rng;
    if (g->rules->random)
        leati_rng_init(&rng, g->rules->seed ^ key, LEATI_RNG_FEATURES, (uint32_t)feature);
    return leati_split_find(v, feature, g->rules->random ? &rng : NULL, space);
}

static void swap_features(uint32_t *features, size_t i, size_t j)
{
    uint32_t keep = features[i];
    features[i] = features[j];
    features[j] = keep;
}

/* On one thread. features[0, *known) are constant here; more of them may be found. */
static leati_split find_alone(const grower *g, lane *l, uint64_t key, uint32_t *known)
{
    size_t cols = g->data->cols, tried = 0;
    bool draw = g->rules->max_features < cols;
    leati_split best = {.quality = -HUGE_VAL};
    leati_rng rng;
    if (draw) leati_rng_init(&rng, g->rules->seed ^ key, LEATI_RNG_FEATURES, UINT32_MAX);
    for (size_t i = *known; i < cols; i++) {
        if (tried >= g->rules->max_features && best.quality > -HUGE_VAL) break;
        if (draw) swap_features(l->features, i, i + leati_rng_below(&rng, (uint32_t)(cols - i)));
        leati_split split = find(g, &l->view, l->features[i], key, &l->space);
        if (split.constant) {
            swap_features(l->features, i, (*known)++);
            continue;
        }
        tried++;
        if (split.quality > -HUGE_VAL &&
            (best.quality == -HUGE_VAL || leati_split_better(&split, &best)))
            best = split;
    }
    return best;
}

typedef struct feature_job {
    const grower *g;
    const leati_tree_node_view *view;
    const uint32_t *features;
    size_t count;
    uint64_t key;
} feature_job;

static void feature_task(void *arg, size_t task, unsigned worker)
{
    const feature_job *job = arg;
    size_t to = (task + 1) * CHUNK < job->count ? (task + 1) * CHUNK : job->count;
    for (size_t i = task * CHUNK; i < to; i++)
        job->g->splits[i] =
            find(job->g, job->view, job->features[i], job->key, &job->g->lanes[worker].space);
}

/* The same with the features shared among the threads. */
static leati_split find_together(const grower *g, uint64_t key, uint32_t *known)
{
    lane *l = &g->lanes[0];
    size_t cols = g->data->cols, first = *known;
    if (g->rules->max_features < cols) return find_alone(g, l, key, known);
    feature_job job = {g, &l->view, l->features + first, cols - first, key};
    leati_parallel(g->context, (job.count + CHUNK - 1) / CHUNK, feature_task, &job);
    leati_split best = {.quality = -HUGE_VAL};
    for (size_t i = 0; i < job.count; i++) {
        const leati_split *split = &g->splits[i];
        if (split->constant) swap_features(l->features, first + i, (*known)++);
        else if (split->quality > -HUGE_VAL &&
                 (best.quality == -HUGE_VAL || leati_split_better(split, &best)))
            best = *split;
    }
    return best;
}

/* Weighted decrease of impurity, as a part of all rows. */
static double decrease(const grower *g, const leati_tree_node_view *v, const grown *node,
                       double quality)
{
    double own = node->impurity * v->sum;
    switch (v->criterion) {
    case LEATI_GINI: return (own - v->sum + quality) / g->weight;
    case LEATI_SQUARED_ERROR: return (quality - v->total[0] * v->total[0] / v->sum) / g->weight;
    case LEATI_ENTROPY:
    case LEATI_ABSOLUTE_ERROR: break;
    }
    return (own + quality) / g->weight;
}

/* Stable: rows that go left first; returns their number. */
static size_t partition(const grower *g, lane *l, const grown *node, leati_split *split)
{
    const leati_tree_column *c = &g->data->columns[split->feature];
    uint32_t *row = g->row + node->from;
    size_t n = node->to - node->from, left = 0, right = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t r = row[i], code = leati_tree_code(c, r);
        bool goes = code <= split->cut;
        if (split->levels) goes = l->space.bits[code / 32] >> (code % 32) & 1;
        else if (code == c->distinct) goes = split->missing_left;
        if (split->levels && code == c->distinct) split->missing_left = goes;
        if (goes) row[left++] = r;
        else l->spare[right++] = r;
    }
    memcpy(row + left, l->spare, right * sizeof *row);
    return left;
}

static bool keep_levels(const grower *g, lane *l, node_list *list, size_t at,
                        const leati_split *split)
{
    leati_rng rng;
    grown *node = &list->nodes[at];
    gather(g, l, node);
    if (g->rules->random)
        leati_rng_init(&rng, g->rules->seed ^ node->key, LEATI_RNG_FEATURES,
                       (uint32_t)split->feature);
    leati_split_levels(&l->view, split, g->rules->random ? &rng : NULL, &l->space);
    size_t words = g->data->columns[split->feature].distinct / 32 + 1;
    if (!grow_quiet(g, &list->words, &list->word_capacity, list->word_count + words + 1,
                    sizeof *list->words))
        return false;
    node->subset = (uint32_t)list->word_count;
    list->words[list->word_count] = (uint32_t)words;
    memcpy(list->words + list->word_count + 1, l->space.bits, words * sizeof *list->words);
    list->word_count += words + 1;
    return true;
}

static uint64_t child_key(uint64_t key, unsigned side)
{
    uint64_t z = (key + side + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Makes the split and its two children, the last nodes of the list; false without memory. */
static bool apply(const grower *g, lane *l, node_list *list, size_t at, leati_split *split)
{
    if (split->levels && !keep_levels(g, l, list, at, split)) return false;
    grown node = list->nodes[at];
    size_t left = partition(g, l, &node, split);
    node.feature = (uint32_t)split->feature;
    node.threshold = split->levels ? 0 : split->threshold;
    node.missing_left = split->missing_left;
    node.left = (uint32_t)list->count;
    node.right = node.left + 1;
    list->nodes[at] = node;
    grown child = {.from = node.from,
                   .to = node.from + (uint32_t)left,
                   .left = NOT_GROWN,
                   .right = NOT_GROWN,
                   .subset = NOT_GROWN,
                   .task = -1,
                   .depth = node.depth + 1};
    child.key = child_key(node.key, 0);
    if (!add_node(g, list, &child)) return false;
    child.from = child.to;
    child.to = node.to;
    child.key = child_key(node.key, 1);
    return add_node(g, list, &child);
}

static bool worth(const grower *g, const lane *l, const grown *node, const leati_split *split)
{
    return split->quality > -HUGE_VAL &&
           decrease(g, &l->view, node, split->quality) + least_impurity(g) >=
               g->rules->min_decrease;
}

/* --- depth first --------------------------------------------------------------------------------
 */

static bool push(const grower *g, lane *l, size_t node, uint32_t known)
{
    size_t capacity = l->stack_capacity;
    if (!grow_quiet(g, &l->stack_node, &capacity, l->stack + 1, sizeof *l->stack_node) ||
        !grow_quiet(g, &l->stack_known, &l->stack_capacity, l->stack + 1, sizeof *l->stack_known))
        return false;
    l->stack_node[l->stack] = (uint32_t)node;
    l->stack_known[l->stack++] = known;
    return true;
}

static bool push_children(const grower *g, lane *l, const node_list *list, uint32_t known)
{
    return push(g, l, list->count - 1, known) && push(g, l, list->count - 2, known);
}

static void start_lane(const grower *g, lane *l)
{
    l->stack = 0;
    for (size_t j = 0; j < g->data->cols; j++) l->features[j] = (uint32_t)j;
}

#define COPY_CODES(type)                                                                           \
    for (size_t i = 0; i < n; i++) ((type *)to)[i] = ((const type *)from->codes)[row[i]];

/* Copies the rows of a node into the lane; the copy numbers them from 0. */
static void copy_rows(const grower *g, lane *l, const grown *node)
{
    const leati_tree_data *d = g->data;
    const uint32_t *row = g->row + node->from;
    size_t n = l->local.rows = node->to - node->from;
    uint8_t *to = l->local_codes;
    for (size_t j = 0; j < d->cols; j++) {
        const leati_tree_column *from = &d->columns[j];
        l->local.columns[j] = *from;
        l->local.columns[j].codes = to;
        if (from->width == 1) COPY_CODES(uint8_t)
        else if (from->width == 2) COPY_CODES(uint16_t)
        else COPY_CODES(uint32_t)
        to += (n * from->width + 3) / 4 * 4;
    }
    for (size_t i = 0; i < n; i++) {
        l->local_row[i] = (uint32_t)i;
        if (d->classes) l->local_label[i] = d->label[row[i]];
        else l->local.y[i] = d->y[row[i]];
        if (d->weight) l->local.weight[i] = d->weight[row[i]];
    }
    l->local.label = l->local_label;
}

/* Grows a node of top to its leaves, in a list of its own. */
static void subtree_task(void *arg, size_t task, unsigned worker)
{
    grower *whole = arg;
    lane *l = &whole->lanes[worker];
    node_list *list = &whole->lists[task];
    grown root = whole->top.nodes[whole->task_node[task]];
    copy_rows(whole, l, &root);
    grower part = *whole, *g = &part;
    part.data = l->view.data = &l->local;
    part.row = l->local_row;
    root.to -= root.from;
    root.from = 0;
    root.task = -1;
    start_lane(g, l);
    bool ok = !leati_stopping(g->context) && add_node(g, list, &root) && push(g, l, 0, 0);
    while (ok && l->stack > 0) {
        if (list->count % LOOK_UP == 0 && leati_stopping(g->context)) break;
        size_t at = l->stack_node[--l->stack];
        uint32_t known = l->stack_known[l->stack];
        if (!settle(g, l, list, at)) continue;
        leati_split split = find_alone(g, l, list->nodes[at].key, &known);
        if (!worth(g, l, &list->nodes[at], &split)) continue;
        ok = apply(g, l, list, at, &split) && push_children(g, l, list, known);
    }
    whole->failed[task] = !ok;
}

static bool is_small(const grower *g, const grown *node)
{
    return node->to - node->from <= subtree_rows(g->data);
}

static bool grow_top(grower *g)
{
    lane *l = &g->lanes[0];
    start_lane(g, l);
    bool ok = push(g, l, 0, 0);
    while (ok && l->stack > 0) {
        if (leati_progress(g->context, "growing a tree", g->top.count, 0) != LEAT_OK) return false;
        size_t at = l->stack_node[--l->stack];
        uint32_t known = l->stack_known[l->stack];
        grown *node = &g->top.nodes[at];
        if (is_small(g, node)) {
            node->task = (int32_t)g->tasks;
            ok =
                grow_quiet(g, &g->task_node, &g->task_capacity, g->tasks + 1, sizeof *g->task_node);
            if (ok) g->task_node[g->tasks++] = (uint32_t)at;
            continue;
        }
        if (!settle(g, l, &g->top, at)) continue;
        leati_split split = find_together(g, node->key, &known);
        if (!worth(g, l, &g->top.nodes[at], &split)) continue;
        ok = apply(g, l, &g->top, at, &split) && push_children(g, l, &g->top, known);
    }
    return ok;
}

static bool grow_deep(grower *g)
{
    if (!grow_top(g)) return false;
    g->lists = leati_alloc_quiet(g->context, (g->tasks + 1) * sizeof *g->lists);
    g->failed = leati_alloc_quiet(g->context, (g->tasks + 1) * sizeof *g->failed);
    if (g->lists) memset(g->lists, 0, (g->tasks + 1) * sizeof *g->lists);
    if (!g->lists || !g->failed) return false;
    leati_parallel(g->context, g->tasks, subtree_task, g);
    if (leati_progress(g->context, "growing a tree", g->top.count, 0) != LEAT_OK) return false;
    for (size_t t = 0; t < g->tasks; t++)
        if (g->failed[t]) return false;
    return true;
}

/* --- best first ---------------------------------------------------------------------------------
 */

typedef struct candidate {
    leati_split split;
    double gain;
    size_t node;
} candidate;

/* Looks at node `at`; adds it to the candidates when it has a split. */
static void consider(const grower *g, size_t at, candidate *open, size_t *count)
{
    lane *l = &g->lanes[0];
    node_list *list = (node_list *)&g->top;
    if (!settle(g, l, list, at)) return;
    start_lane(g, l);
    uint32_t known = 0;
    leati_split split = find_together(g, list->nodes[at].key, &known);
    if (!worth(g, l, &list->nodes[at], &split)) return;
    open[(*count)++] =
        (candidate){split, decrease(g, &l->view, &list->nodes[at], split.quality), at};
}

static bool grow_best(grower *g)
{
    size_t most = g->rules->max_leaves < g->rows ? g->rules->max_leaves : g->rows, count = 0;
    candidate *open = leati_alloc_quiet(g->context, (most + 2) * sizeof *open);
    bool ok = open != NULL;
    if (ok) consider(g, 0, open, &count);
    for (size_t leaves = 1; ok && leaves < most && count > 0; leaves++) {
        size_t best = 0;
        ok = leati_progress(g->context, "growing a tree", leaves, most) == LEAT_OK;
        for (size_t i = 1; i < count; i++)
            if (open[i].gain > open[best].gain ||
                (open[i].gain == open[best].gain && open[i].node < open[best].node))
                best = i;
        candidate next = open[best];
        open[best] = open[--count];
        ok = ok && apply(g, &g->lanes[0], &g->top, next.node, &next.split);
        if (!ok) break;
        consider(g, g->top.count - 2, open, &count);
        consider(g, g->top.count - 1, open, &count);
    }
    leati_free(open);
    return ok;
}

/* --- the tree -----------------------------------------------------------------------------------
 */

typedef struct place {
    const node_list *list;
    size_t node;
    int32_t *parent_right; /* to be set to this node's number */
} place;

static void write_node(const grower *g, leati_tree *t, const place *p, size_t to, size_t *words)
{
    const grown *node = &p->list->nodes[p->node];
    bool leaf = node->left == NOT_GROWN;
    t->feature[to] = leaf ? -1 : (int32_t)node->feature;
    t->threshold[to] = leaf ? 0 : node->threshold;
    t->missing_left[to] = !leaf && node->missing_left;
    t->subset[to] = -1;
    t->impurity[to] = node->impurity;
    t->weight[to] = node->weight;
    memcpy(t->value + to * g->outputs, p->list->values + p->node * g->outputs,
           g->outputs * sizeof *t->value);
    if (p->parent_right) *p->parent_right = (int32_t)to;
    if (leaf || node->subset == NOT_GROWN) return;
    size_t count = p->list->words[node->subset] + 1u;
    memcpy(t->words + *words, p->list->words + node->subset, count * sizeof *t->words);
    t->subset[to] = (int32_t)*words;
    *words += count;
}

/* Numbers the nodes of all lists in preorder. */
static leat_status assemble(const grower *g, leati_tree *t)
{
    leat_context *c = g->context;
    size_t nodes = g->top.count - g->tasks, words = g->top.word_count, depth = 0, used = 0;
    for (size_t i = 0; i < g->tasks; i++) {
        nodes += g->lists[i].count;
        words += g->lists[i].word_count;
    }
    LEATI_CHECK(c, nodes < INT32_MAX && words < INT32_MAX, LEAT_LIMIT, "a tree of %zu nodes",
                nodes);
    LEATI_TRY(leati_tree_init(c, t, nodes, g->outputs, words));
    place *stack = leati_array(c, nodes + 1, sizeof *stack);
    if (!stack) return leat_error_status(c);
    stack[depth++] = (place){&g->top, 0, NULL};
    for (size_t to = 0; depth > 0; to++) {
        place p = stack[--depth];
        const grown *node = &p.list->nodes[p.node];
        if (node->task >= 0) {
            p = (place){&g->lists[node->task], 0, p.parent_right};
            node = &p.list->nodes[0];
        }
        write_node(g, t, &p, to, &used);
        if (node->left == NOT_GROWN) continue;
        stack[depth++] = (place){p.list, node->right, &t->right[to]};
        stack[depth++] = (place){p.list, node->left, NULL};
    }
    leati_free(stack);
    return LEAT_OK;
}

static void list_fini(node_list *list)
{
    leati_free(list->nodes);
    leati_free(list->values);
    leati_free(list->words);
}

static void grower_fini(grower *g)
{
    for (unsigned i = 0; g->lanes && i < g->lane_count; i++) lane_fini(&g->lanes[i]);
    for (size_t i = 0; g->lists && i < g->tasks; i++) list_fini(&g->lists[i]);
    list_fini(&g->top);
    void *owned[] = {g->lanes, g->lists, g->row, g->task_node, g->failed, g->splits};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) leati_free(owned[i]);
}

static leat_status grower_init(grower *g, const char *owner)
{
    leat_context *c = g->context;
    const leati_tree_data *d = g->data;
    g->outputs = d->classes ? d->classes : 1;
    g->lane_count = leat_context_threads(c);
    g->row = leati_array(c, d->rows, sizeof *g->row);
    g->splits = leati_array(c, d->cols, sizeof *g->splits);
    g->lanes = leati_calloc(c, g->lane_count, sizeof *g->lanes);
    if (!g->row || !g->splits || !g->lanes) return leat_error_status(c);
    for (unsigned i = 0; i < g->lane_count; i++) {
        LEATI_TRY(lane_init(g, &g->lanes[i]));
        LEATI_TRY(lane_init_local(g, &g->lanes[i]));
    }
    for (size_t i = 0; i < d->rows; i++) {
        double w = d->weight ? d->weight[i] : 1;
        if (w <= 0) continue;
        g->row[g->rows++] = (uint32_t)i;
        g->weight += w;
    }
    LEATI_CHECK(c, g->rows > 0, LEAT_INVALID, "%s: all row weights are 0", owner);
    return LEAT_OK;
}

leat_status leati_tree_grow(leat_context *c, leati_tree *tree, const leati_tree_data *data,
                            const leati_tree_rules *rules, const char *owner)
{
    grower g = {.context = c, .data = data, .rules = rules};
    *tree = (leati_tree){0};
    leat_status st = grower_init(&g, owner);
    grown root = {.to = (uint32_t)g.rows,
                  .left = NOT_GROWN,
                  .right = NOT_GROWN,
                  .subset = NOT_GROWN,
                  .task = -1};
    if (st == LEAT_OK) {
        bool ok =
            add_node(&g, &g.top, &root) && (rules->max_leaves ? grow_best(&g) : grow_deep(&g));
        if (ok) st = assemble(&g, tree);
        else if (leat_error_status(c) == LEAT_CANCELLED) st = LEAT_CANCELLED;
        else st = LEATI_FAIL(c, LEAT_NOMEM, "%s: out of memory while growing a tree", owner);
    }
    grower_fini(&g);
    if (st != LEAT_OK) leati_tree_fini(tree);
    return st;
}
