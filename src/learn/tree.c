/* Owns: grown trees: answers, pruning, importance, saving and loading. */
#include "learn/tree_rows.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"

leat_status leati_tree_init(leat_context *c, leati_tree *t, size_t nodes, size_t outputs,
                            size_t words)
{
    *t = (leati_tree){.nodes = nodes, .outputs = outputs, .word_count = words};
    t->feature = leati_calloc(c, nodes, sizeof *t->feature);
    t->threshold = leati_calloc(c, nodes, sizeof *t->threshold);
    t->right = leati_calloc(c, nodes, sizeof *t->right);
    t->subset = leati_calloc(c, nodes, sizeof *t->subset);
    t->missing_left = leati_calloc(c, nodes, sizeof *t->missing_left);
    t->words = leati_calloc(c, words, sizeof *t->words);
    t->value = leati_calloc(c, nodes, outputs * sizeof *t->value);
    t->impurity = leati_calloc(c, nodes, sizeof *t->impurity);
    t->weight = leati_calloc(c, nodes, sizeof *t->weight);
    bool got = t->feature && t->threshold && t->right && t->subset && t->missing_left && t->words &&
               t->value && t->impurity && t->weight;
    if (got) return LEAT_OK;
    leati_tree_fini(t);
    return leat_error_status(c);
}

void leati_tree_fini(leati_tree *t)
{
    void *owned[] = {t->feature, t->threshold, t->right,    t->subset, t->missing_left,
                     t->words,   t->value,     t->impurity, t->weight};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) leati_free(owned[i]);
    leati_tree_rows_destroy(t->rows);
    leati_free(t->best);
    *t = (leati_tree){0};
}

/* --- answers ------------------------------------------------------------------------------------
 */

static bool goes_left(const leati_tree *t, size_t node, double v)
{
    if (t->subset[node] < 0) return isnan(v) ? t->missing_left[node] : v <= t->threshold[node];
    const int32_t *words = t->words + t->subset[node];
    if (!(v >= 0 && v < 32.0 * words[0]) || v != floor(v)) return t->missing_left[node];
    uint32_t level = (uint32_t)v;
    return (uint32_t)words[1 + level / 32] >> (level % 32) & 1;
}

size_t leati_tree_next(const leati_tree *t, size_t node, double value)
{
    return goes_left(t, node, value) ? node + 1 : (size_t)t->right[node];
}

size_t leati_tree_leaf(const leati_tree *t, const double *row)
{
    size_t node = 0;
    while (t->feature[node] >= 0) node = leati_tree_next(t, node, row[t->feature[node]]);
    return node;
}

static size_t leaf_of(const leati_tree *t, const leati_matrix *x, size_t row)
{
    if (x->f64) return leati_tree_leaf(t, x->f64 + row * x->stride);
    const float *v = x->f32 + row * x->stride;
    size_t node = 0;
    while (t->feature[node] >= 0) node = leati_tree_next(t, node, (double)v[t->feature[node]]);
    return node;
}

leat_status leati_tree_prepare(leat_context *c, leati_tree *t, bool classes)
{
    t->best = leati_array(c, t->nodes, sizeof *t->best);
    if (!t->best) return leat_error_status(c);
    for (size_t i = 0; i < t->nodes; i++) {
        const double *v = t->value + i * t->outputs;
        size_t best = 0;
        for (size_t k = 1; k < t->outputs; k++)
            if (v[k] > v[best]) best = k;
        t->best[i] = classes ? (double)best : *v;
    }
    return leati_tree_rows_create(c, t, &t->rows);
}

typedef struct answer_job {
    const leat_context *context;
    const leati_tree *t;
    const leati_matrix *x;
    double *best, *value;
    size_t tasks;
} answer_job;

enum { PIECE = 512 }; /* rows whose leaves are at hand at once */

static void answer_piece(const answer_job *job, size_t from, size_t count)
{
    const leati_tree *t = job->t;
    size_t k = t->outputs;
    uint32_t leaf[PIECE];
    if (t->rows) leati_tree_rows_leaves(job->context, t->rows, job->x, from, count, leaf);
    else
        for (size_t i = 0; i < count; i++) leaf[i] = (uint32_t)leaf_of(t, job->x, from + i);
    for (size_t i = 0; job->best && i < count; i++) job->best[from + i] = t->best[leaf[i]];
    for (size_t i = 0; job->value && i < count; i++)
        memcpy(job->value + (from + i) * k, t->value + leaf[i] * k, k * sizeof *job->value);
}

static void answer_task(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const answer_job *job = arg;
    size_t to = leati_task_start(job->x->rows, job->tasks, task + 1);
    for (size_t at = leati_task_start(job->x->rows, job->tasks, task); at < to; at += PIECE)
        answer_piece(job, at, to - at < PIECE ? to - at : PIECE);
}

void leati_tree_answer(leat_context *c, const leati_tree *t, const leati_matrix *x, double *best,
                       double *value)
{
    answer_job job = {c, t, x, best, value, leati_task_count(x->rows, 4096, 64)};
    leati_parallel(c, job.tasks, answer_task, &job);
}

/* --- pruning ------------------------------------------------------------------------------------
 */

typedef struct link {
    double risk, branch; /* impurity of the node as a leaf; of the leaves below it */
    size_t parent, end;  /* nodes below: (i, end) */
    size_t leaves;
    bool dead;
} link;

static void measure(const leati_tree *t, link *l)
{
    l[0].parent = SIZE_MAX;
    for (size_t i = 0; i < t->nodes; i++)
        if (t->feature[i] >= 0) l[i + 1].parent = l[t->right[i]].parent = i;
    for (size_t i = t->nodes; i-- > 0;) {
        l[i].risk = t->impurity[i] * t->weight[i] / t->weight[0];
        size_t right = (size_t)t->right[i];
        bool leaf = t->feature[i] < 0;
        l[i].end = leaf ? i + 1 : l[right].end;
        l[i].leaves = leaf ? 1 : l[i + 1].leaves + l[right].leaves;
        l[i].branch = leaf ? l[i].risk : l[i + 1].branch + l[right].branch;
    }
}

static void collapse(leati_tree *t, link *l, size_t node)
{
    double more = l[node].risk - l[node].branch;
    size_t fewer = l[node].leaves - 1;
    for (size_t i = node + 1; i < l[node].end; i++) l[i].dead = true;
    for (size_t i = node; i != SIZE_MAX; i = l[i].parent) {
        l[i].branch += more;
        l[i].leaves -= fewer;
    }
    t->feature[node] = -1;
    t->subset[node] = -1;
    t->threshold[node] = 0;
}

/* Moves the living nodes together; words of dead ones stay, unused. */
static void compact(leati_tree *t, const link *l, size_t *number)
{
    size_t count = 0;
    for (size_t i = 0; i < t->nodes; i++) number[i] = l[i].dead ? count : count++;
    for (size_t i = 0; i < t->nodes; i++) {
        if (l[i].dead) continue;
        size_t to = number[i];
        t->feature[to] = t->feature[i];
        t->threshold[to] = t->threshold[i];
        t->right[to] = t->feature[i] < 0 ? 0 : (int32_t)number[t->right[i]];
        t->subset[to] = t->subset[i];
        t->missing_left[to] = t->feature[i] < 0 ? 0 : t->missing_left[i];
        memmove(t->value + to * t->outputs, t->value + i * t->outputs,
                t->outputs * sizeof *t->value);
        t->impurity[to] = t->impurity[i];
        t->weight[to] = t->weight[i];
    }
    t->nodes = count;
}

leat_status leati_tree_prune(leat_context *c, leati_tree *t, double alpha)
{
    link *l = leati_calloc(c, t->nodes, sizeof *l);
    size_t *number = leati_array(c, t->nodes, sizeof *number);
    leat_status st = l && number ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) {
        measure(t, l);
        while (t->feature[0] >= 0) {
            size_t weakest = 0;
            double least = HUGE_VAL;
            for (size_t i = 0; i < t->nodes; i++) {
                if (l[i].dead || t->feature[i] < 0) continue;
                double cost = (l[i].risk - l[i].branch) / (double)(l[i].leaves - 1);
                if (cost >= least) continue;
                least = cost;
                weakest = i;
            }
            if (!(least <= alpha)) break;
            collapse(t, l, weakest);
        }
        compact(t, l, number);
    }
    leati_free(l);
    leati_free(number);
    return st;
}

void leati_tree_importance(const leati_tree *t, size_t features, double *importance)
{
    double sum = 0;
    for (size_t j = 0; j < features; j++) importance[j] = 0;
    for (size_t i = 0; i < t->nodes; i++) {
        if (t->feature[i] < 0) continue;
        size_t l = i + 1, r = (size_t)t->right[i];
        double gain = t->weight[i] * t->impurity[i] - t->weight[l] * t->impurity[l] -
                      t->weight[r] * t->impurity[r];
        if (!(gain > 0)) continue; /* rounding */
        importance[t->feature[i]] += gain;
        sum += gain;
    }
    for (size_t j = 0; j < features && sum > 0; j++) importance[j] /= sum;
}

/* --- save and load ------------------------------------------------------------------------------
 */

leat_status leati_tree_save(const leati_tree *t, leati_state *s)
{
    size_t n = t->nodes;
    LEATI_TRY(leati_state_put(s, "feature", LEATI_I32, t->feature, n, 0));
    LEATI_TRY(leati_state_put(s, "threshold", LEATI_F64, t->threshold, n, 0));
    LEATI_TRY(leati_state_put(s, "right", LEATI_I32, t->right, n, 0));
    LEATI_TRY(leati_state_put(s, "subset", LEATI_I32, t->subset, n, 0));
    LEATI_TRY(leati_state_put(s, "missing_left", LEATI_U8, t->missing_left, n, 0));
    LEATI_TRY(leati_state_put(s, "words", LEATI_I32, t->words, t->word_count, 0));
    LEATI_TRY(leati_state_put(s, "value", LEATI_F64, t->value, n, t->outputs));
    LEATI_TRY(leati_state_put(s, "impurity", LEATI_F64, t->impurity, n, 0));
    return leati_state_put(s, "weight", LEATI_F64, t->weight, n, 0);
}

/* Children come after their parent, so every path ends. */
static bool sound(const leati_tree *t, size_t node, size_t features)
{
    int32_t feature = t->feature[node], right = t->right[node], subset = t->subset[node];
    if (t->missing_left[node] > 1) return false;
    if (feature < 0) return feature == -1;
    if ((size_t)feature >= features || right < 0 || (size_t)right <= node + 1 ||
        (size_t)right >= t->nodes)
        return false;
    if (subset < 0) return subset == -1;
    if ((size_t)subset >= t->word_count) return false;
    int32_t words = t->words[subset];
    return words > 0 && (size_t)words < t->word_count - (size_t)subset;
}

/* Whether the nodes are a tree in preorder, each below one parent. */
static leat_status check_order(leat_context *c, const leati_tree *t)
{
    uint32_t *below = leati_array(c, t->nodes, sizeof *below); /* and the node itself */
    bool fits = true;
    if (!below) return leat_error_status(c);
    for (size_t i = t->nodes; i-- > 0 && fits;) {
        bool leaf = t->feature[i] < 0;
        size_t right = leaf ? 0 : (size_t)t->right[i];
        fits = leaf || right == i + 1 + below[i + 1];
        below[i] = leaf || !fits ? 1 : 1 + below[i + 1] + below[right];
    }
    fits = fits && below[0] == t->nodes;
    leati_free(below);
    LEATI_CHECK(c, fits, LEAT_FORMAT, "damaged model: the nodes of the tree are in no order");
    return LEAT_OK;
}

leat_status leati_tree_load(leat_context *c, leati_tree *t, leati_state *s, size_t features,
                            size_t outputs)
{
    size_t n = 0;
    *t = (leati_tree){.outputs = outputs};
    leat_status st;
    LEATI_GO(leati_state_take(c, s, "feature", LEATI_I32, SIZE_MAX, 0, &t->feature, &n));
    LEATI_GO(leati_state_take(c, s, "threshold", LEATI_F64, n, 0, &t->threshold, NULL));
    LEATI_GO(leati_state_take(c, s, "right", LEATI_I32, n, 0, &t->right, NULL));
    LEATI_GO(leati_state_take(c, s, "subset", LEATI_I32, n, 0, &t->subset, NULL));
    LEATI_GO(leati_state_take(c, s, "missing_left", LEATI_U8, n, 0, &t->missing_left, NULL));
    LEATI_GO(leati_state_take(c, s, "words", LEATI_I32, SIZE_MAX, 0, &t->words, &t->word_count));
    LEATI_GO(leati_state_take(c, s, "value", LEATI_F64, n, outputs, &t->value, NULL));
    LEATI_GO(leati_state_take(c, s, "impurity", LEATI_F64, n, 0, &t->impurity, NULL));
    LEATI_GO(leati_state_take(c, s, "weight", LEATI_F64, n, 0, &t->weight, NULL));
    t->nodes = n;
    if (n == 0 || n > INT32_MAX)
        st = LEATI_FAIL(c, LEAT_FORMAT, "damaged model: a tree of %zu nodes", n);
    for (size_t i = 0; st == LEAT_OK && i < n; i++)
        if (!sound(t, i, features))
            st = LEATI_FAIL(c, LEAT_FORMAT, "damaged model: node %zu of the tree points outside it",
                            i);
    if (st == LEAT_OK) st = check_order(c, t);
out:
    if (st != LEAT_OK) leati_tree_fini(t);
    return st;
}
