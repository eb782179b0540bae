/* Owns: decision trees as graphs: all rows go down one level at a time; leaves lead to themselves.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "exchange/lowering.h"

enum { MOST_DEPTH = 128 };

typedef struct tables {
    size_t nodes, depth, levels, subsets;
    int64_t *feature, *left, *right, *subset; /* (nodes) */
    double *goes; /* (subsets, levels): 1 where a level goes left; row 0 is of no node */
} tables;

static const int32_t *column(const leati_lowering *l, const char *name, size_t count)
{
    const leati_array_entry *e = leati_state_find(l->state, name);
    return e && e->type == LEATI_I32 && e->count == count ? e->data : NULL;
}

/* Children lie behind their parents. */
static void measure(tables *t, int64_t *depth)
{
    memset(depth, 0, t->nodes * sizeof *depth);
    for (size_t i = 0; i < t->nodes; i++) {
        if ((size_t)depth[i] > t->depth) t->depth = (size_t)depth[i];
        if (t->left[i] == (int64_t)i) continue;
        depth[t->left[i]] = depth[t->right[i]] = depth[i] + 1;
    }
}

static leat_status subset_table(leati_lowering *l, tables *t, const int32_t *subset)
{
    const leati_array_entry *words = leati_state_find(l->state, "words");
    const int32_t *w = words ? words->data : NULL;
    t->subsets = t->levels = 1;
    for (size_t i = 0; i < t->nodes; i++) {
        t->subset[i] = 0;
        if (t->left[i] == (int64_t)i || subset[i] < 0) continue;
        size_t levels = 32 * (size_t)w[subset[i]];
        if (levels > t->levels) t->levels = levels;
        t->subset[i] = (int64_t)t->subsets++;
    }
    t->goes = leati_calloc(l->context, t->subsets * t->levels, sizeof *t->goes);
    if (!t->goes) return leat_error_status(l->context);
    for (size_t i = 0; i < t->nodes; i++) {
        if (t->subset[i] == 0) continue;
        const int32_t *bits = w + subset[i];
        /* Levels beyond the node's own go where missing values go. */
        const uint8_t *missing = leati_state_find(l->state, "missing_left")->data;
        for (size_t k = 0; k < t->levels; k++)
            t->goes[(size_t)t->subset[i] * t->levels + k] =
                k < 32 * (size_t)bits[0] ? (uint32_t)bits[1 + k / 32] >> (k % 32) & 1 : missing[i];
    }
    return LEAT_OK;
}

static leat_status read_tables(leati_lowering *l, tables *t, int64_t *space)
{
    const int32_t *feature = column(l, "feature", t->nodes), *right = column(l, "right", t->nodes);
    const int32_t *subset = column(l, "subset", t->nodes);
    LEATI_CHECK(l->context, feature && right && subset, LEAT_FORMAT,
                "damaged model: the tree is not whole");
    t->feature = space, t->left = space + t->nodes, t->right = space + 2 * t->nodes;
    t->subset = space + 3 * t->nodes;
    for (size_t i = 0; i < t->nodes; i++) {
        bool leaf = feature[i] < 0;
        t->feature[i] = leaf ? 0 : feature[i];
        t->left[i] = (int64_t)(leaf ? i : i + 1);
        t->right[i] = leaf ? (int64_t)i : right[i];
    }
    measure(t, space + 4 * t->nodes);
    LEATI_CHECK(l->context, t->depth <= MOST_DEPTH, LEAT_UNSUPPORTED,
                "a tree of depth %zu has no form in ONNX, at most %d; cart.max_depth limits it",
                t->depth, MOST_DEPTH);
    return subset_table(l, t, subset);
}

static leat_tensor *whole(leati_lowering *l, const int64_t *v, size_t n)
{
    return leat_constant(l->graph, LEAT_DTYPE_I64, LEAT_DIMS((int64_t)n), v);
}

/* Of subsets: whether the level goes left; what is no level is missing. */
static leat_tensor *by_level(leati_lowering *l, const tables *t, leat_tensor *set, leat_tensor *v,
                             leat_tensor *missing)
{
    leat_tensor *goes = leati_lower_constant(l, t->goes, (int64_t)(t->subsets * t->levels), 0);
    leat_tensor *low = leat_like(v, 0), *high = leat_like(v, (double)t->levels - 1);
    leat_tensor *level = leat_and(leat_and(leat_greater_equal(v, low), leat_less_equal(v, high)),
                                  leat_equal(v, leat_floor(v)));
    leat_tensor *at = leat_cast(leat_where(level, v, low), LEAT_DTYPE_I64);
    at = leat_add(leat_scale(set, (double)t->levels), at);
    return leat_where(level, leat_greater(leat_take(goes, at, 0), low), missing);
}

static leat_tensor *go_down(leati_lowering *l, const tables *t)
{
    int axis = 1;
    leat_tensor *feature = whole(l, t->feature, t->nodes), *left = whole(l, t->left, t->nodes);
    leat_tensor *right = whole(l, t->right, t->nodes), *subset = whole(l, t->subset, t->nodes);
    leat_tensor *threshold = leati_lower_array(l, "threshold");
    leat_tensor *missing = leat_cast(leati_lower_array(l, "missing_left"), LEAT_DTYPE_BOOL);
    leat_tensor *node = leat_cast(leat_isnan(l->x), LEAT_DTYPE_I64);
    node = leat_scale(leat_sum(node, 1, &axis, false), 0);
    for (size_t d = 0; d < t->depth; d++) {
        leat_tensor *column = leat_reshape(leat_take(feature, node, 0), LEAT_DIMS(l->batch, 1));
        leat_tensor *v = leat_reshape(leat_take_along(l->x, column, 1), LEAT_DIMS(l->batch));
        leat_tensor *gone = leat_take(missing, node, 0);
        leat_tensor *goes =
            leat_where(leat_isnan(v), gone, leat_less_equal(v, leat_take(threshold, node, 0)));
        if (t->subsets > 1) {
            leat_tensor *set = leat_take(subset, node, 0);
            goes = leat_where(leat_greater(set, leat_like(set, 0)), by_level(l, t, set, v, gone),
                              goes);
        }
        node = leat_where(goes, leat_take(left, node, 0), leat_take(right, node, 0));
    }
    return node;
}

leat_status leati_lower_cart(leati_lowering *l)
{
    const leati_array_entry *feature = leati_state_find(l->state, "feature");
    tables t = {.nodes = feature ? feature->count : 0};
    int64_t *space = leati_array(l->context, 5 * (t.nodes + 1), sizeof *space);
    if (!space) return leat_error_status(l->context);
    leat_status st = read_tables(l, &t, space);
    if (st == LEAT_OK) {
        leat_tensor *value = leat_take(leati_lower_array(l, "value"), go_down(l, &t), 0);
        bool classify = l->estimator->task == LEATI_CLASSIFY;
        l->out = classify ? value : leat_reshape(value, LEAT_DIMS(l->batch));
        if (classify) l->class = leat_argmax(value, 1, false);
        st = leati_lower_status(l);
    }
    leati_free(t.goes);
    leati_free(space);
    return st;
}
