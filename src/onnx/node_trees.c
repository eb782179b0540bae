/* Owns: ensembles of trees of ai.onnx.ml. All rows walk down all trees at once, level by level, as
 * operations of the graph: a leaf is a node that leads to itself. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "onnx/learned.h"

enum { NODES_MOST = 1 << 24, LEAF = -1 };

/* As TreeEnsemble (version 5) numbers them. */
enum mode { LEQ, LT, GTE, GT, EQ, NEQ, MEMBER, MODES };

/* Nodes of all trees; leaves are nodes as well. */
typedef struct forest {
    size_t nodes, leaves, trees, targets, features;
    int64_t *feature, *yes, *no, *root; /* of a node; of a tree */
    int64_t *leaf;                      /* of a node: number of its row of weights, or LEAF */
    double *split, *weight;             /* (leaves, targets) */
    uint8_t *mode, *missing;
    size_t depth;
} forest;

static leat_status forest_alloc(leati_ocall *k, forest *f, size_t nodes)
{
    if (nodes < 1 || nodes > NODES_MOST)
        return leati_ofail(k, LEAT_LIMIT, "an ensemble of %zu nodes", nodes);
    f->feature = leati_oalloc(k, nodes, sizeof *f->feature);
    f->yes = leati_oalloc(k, nodes, sizeof *f->yes);
    f->no = leati_oalloc(k, nodes, sizeof *f->no);
    f->root = leati_oalloc(k, nodes, sizeof *f->root);
    f->leaf = leati_oalloc(k, nodes, sizeof *f->leaf);
    f->split = leati_oalloc(k, nodes, sizeof *f->split);
    f->mode = leati_oalloc(k, nodes, 1);
    f->missing = leati_oalloc(k, nodes, 1);
    if (!f->feature || !f->yes || !f->no || !f->root || !f->leaf || !f->split || !f->mode ||
        !f->missing)
        return LEAT_NOMEM;
    for (size_t i = 0; i < nodes; i++) f->leaf[i] = LEAF;
    return LEAT_OK;
}

/* Whether inner node n leads on to nodes by a feature that is there. */
static leat_status check_node(leati_ocall *k, const forest *f, int64_t n)
{
    if (f->feature[n] < 0 || (size_t)f->feature[n] >= f->features)
        return leati_ofail(k, LEAT_FORMAT, "a split by feature %lld of %zu",
                           (long long)f->feature[n], f->features);
    if (f->yes[n] < 0 || (size_t)f->yes[n] >= f->nodes || f->no[n] < 0 ||
        (size_t)f->no[n] >= f->nodes)
        return leati_ofail(k, LEAT_FORMAT, "node %lld leads to none", (long long)n);
    return LEAT_OK;
}

/* Finds the depth: a search from the roots that numbers nodes when it leaves them. FORMAT where a
 * way returns to itself. */
static leat_status forest_check(leati_ocall *k, forest *f)
{
    enum { FRESH, ENTERED, LEFT };
    int64_t *stack = leati_oalloc(k, 2 * f->nodes + 2, sizeof *stack);
    uint8_t *state = leati_oalloc(k, f->nodes, 1);
    uint32_t *height = leati_oalloc(k, f->nodes, sizeof *height);
    if (!stack || !state || !height) return LEAT_NOMEM;
    for (size_t t = 0; t < f->trees; t++) {
        size_t count = 0;
        stack[count++] = f->root[t];
        while (count) {
            int64_t n = stack[count - 1];
            bool leaf = f->leaf[n] != LEAF;
            if (state[n] == FRESH && !leaf) {
                LEATI_TRY(check_node(k, f, n));
                state[n] = ENTERED;
                int64_t next[2] = {f->yes[n], f->no[n]};
                for (int i = 0; i < 2; i++) {
                    if (state[next[i]] == ENTERED)
                        return leati_ofail(k, LEAT_FORMAT, "node %lld leads back to itself",
                                           (long long)next[i]);
                    if (state[next[i]] == FRESH) stack[count++] = next[i];
                }
                continue;
            }
            count--;
            if (leaf) f->yes[n] = f->no[n] = n, f->feature[n] = 0;
            else if (state[n] == ENTERED) {
                uint32_t yes = height[f->yes[n]], no = height[f->no[n]];
                height[n] = 1 + (yes > no ? yes : no);
            }
            state[n] = LEFT;
        }
        if (height[f->root[t]] > f->depth) f->depth = height[f->root[t]];
    }
    return LEAT_OK;
}

/* ---- walking -------------------------------------------------------------------------------- */

static leat_tensor *table_of(leati_ocall *k, size_t count, const int64_t *list)
{
    return leat_constant(k->graph, LEAT_DTYPE_I64, LEAT_DIMS((int64_t)count), list);
}

static leat_tensor *flags_of(leati_ocall *k, size_t count, const uint8_t *list, int mode)
{
    uint8_t *flags = leati_oalloc(k, count, 1);
    if (!flags) return NULL;
    for (size_t i = 0; i < count; i++) flags[i] = mode < 0 ? list[i] != 0 : list[i] == mode;
    return leat_constant(k->graph, LEAT_DTYPE_BOOL, LEAT_DIMS((int64_t)count), flags);
}

static leat_tensor *compared(int mode, leat_tensor *x, leat_tensor *split)
{
    switch (mode) {
    case LEQ: return leat_less_equal(x, split);
    case LT: return leat_less(x, split);
    case GTE: return leat_greater_equal(x, split);
    case GT: return leat_greater(x, split);
    case EQ: return leat_equal(x, split);
    default: return leat_not_equal(x, split);
    }
}

/* The forest as constants of the graph; NULL: not needed. */
typedef struct tables {
    leat_tensor *feature, *yes, *no, *split, *missing, *mode[MEMBER];
} tables;

static tables tables_of(leati_ocall *k, const forest *f, leat_dtype dtype)
{
    bool missing = false, there[MODES + 1] = {false};
    leat_shape s = LEAT_DIMS((int64_t)f->nodes);
    tables t = {.feature = table_of(k, f->nodes, f->feature),
                .yes = table_of(k, f->nodes, f->yes),
                .no = table_of(k, f->nodes, f->no),
                .split = leat_cast(leat_constant(k->graph, LEAT_DTYPE_F64, s, f->split), dtype)};
    for (size_t i = 0; i < f->nodes; i++) {
        if (f->leaf[i] != LEAF) continue;
        there[f->mode[i]] = true;
        missing |= f->missing[i] != 0;
    }
    for (int mode = 0; mode < MEMBER; mode++)
        if (there[mode]) t.mode[mode] = flags_of(k, f->nodes, f->mode, mode);
    if (missing) t.missing = flags_of(k, f->nodes, f->missing, -1);
    return t;
}

/* Whether values x go the way of `yes` at their nodes. */
static leat_tensor *decided(const tables *t, leat_tensor *at, leat_tensor *x)
{
    leat_tensor *split = leat_take(t->split, at, 0), *yes = NULL;
    for (int mode = 0; mode < MEMBER; mode++) {
        if (!t->mode[mode]) continue;
        leat_tensor *here = compared(mode, x, split);
        yes = yes ? leat_where(leat_take(t->mode[mode], at, 0), here, yes) : here;
    }
    if (!t->missing) return yes;
    return leat_or(yes, leat_and(leat_isnan(x), leat_take(t->missing, at, 0)));
}

/* x (N, features) -> weights of the leaves reached (N, trees, targets). */
static leat_tensor *walked(leati_ocall *k, const forest *f, leat_tensor *x)
{
    int64_t rows = leat_tensor_shape(x).dim[0], trees = (int64_t)f->trees;
    tables t = tables_of(k, f, leat_tensor_dtype(x));
    leat_tensor *at = leat_reshape(table_of(k, f->trees, f->root), LEAT_DIMS(1, trees));
    at = leat_expand(at, LEAT_DIMS(rows, trees));
    for (size_t level = 0; level < f->depth && at; level++) {
        leat_tensor *value = leat_take_along(x, leat_take(t.feature, at, 0), 1);
        at = leat_where(decided(&t, at, value), leat_take(t.yes, at, 0), leat_take(t.no, at, 0));
    }
    int64_t *leaf = leati_oalloc(k, f->nodes, sizeof *leaf);
    if (!leaf) return NULL;
    for (size_t i = 0; i < f->nodes; i++) leaf[i] = f->leaf[i] < 0 ? 0 : f->leaf[i];
    leat_shape s = LEAT_DIMS((int64_t)f->leaves, (int64_t)f->targets);
    leat_tensor *weight = leat_constant(k->graph, LEAT_DTYPE_F64, s, f->weight);
    return leat_take(leat_cast(weight, leat_tensor_dtype(x)),
                     leat_take(table_of(k, f->nodes, leaf), at, 0), 0);
}

typedef enum aggregate { AVERAGE, SUM, MIN, MAX } aggregate;

static leat_tensor *aggregated(const forest *f, leat_tensor *w, aggregate how)
{
    static const int trees[] = {1};
    switch (how) {
    case MIN: return leat_min(w, 1, trees, false);
    case MAX: return leat_max(w, 1, trees, false);
    case AVERAGE: return leat_scale(leat_sum(w, 1, trees, false), 1 / (double)f->trees);
    default: return leat_sum(w, 1, trees, false);
    }
}

/* Weights that leaves do not give: 0 in sums, beyond all others else. */
static leat_status alloc_weights(leati_ocall *k, forest *f, aggregate how)
{
    size_t count;
    if (leati_mul_overflows(f->leaves, f->targets, &count) || count > NODES_MOST)
        return leati_ofail(k, LEAT_LIMIT, "%zu leaves with %zu targets", f->leaves, f->targets);
    f->weight = leati_oalloc(k, count, sizeof *f->weight);
    if (!f->weight) return LEAT_NOMEM;
    for (size_t i = 0; i < count && (how == MIN || how == MAX); i++)
        f->weight[i] = how == MIN ? (double)INFINITY : -(double)INFINITY;
    return LEAT_OK;
}

/* x as rows of f32, or of f64 where it is. */
static leat_tensor *rows_of(leati_ocall *k, forest *f)
{
    leat_tensor *x = leati_omatrix(k, 0);
    if (x) f->features = (size_t)leat_tensor_shape(x).dim[1];
    return x;
}

/* ---- TreeEnsemble: one list of nodes, one of leaves --------------------------------------------
 */

typedef struct lists {
    const int64_t *features, *yes, *no, *yes_leaf, *no_leaf, *missing, *roots, *targets;
    size_t count[8];
    const double *splits, *weights, *modes, *members;
    size_t splits_count, weights_count, modes_count, members_count;
} lists;

static leat_status read_lists(leati_ocall *k, lists *l)
{
    static const char *const names[] = {"nodes_featureids",   "nodes_truenodeids",
                                        "nodes_falsenodeids", "nodes_trueleafs",
                                        "nodes_falseleafs",   "nodes_missing_value_tracks_true",
                                        "tree_roots",         "leaf_targetids"};
    const int64_t **to[] = {&l->features, &l->yes,     &l->no,    &l->yes_leaf,
                            &l->no_leaf,  &l->missing, &l->roots, &l->targets};
    for (size_t i = 0; i < 8; i++) *to[i] = leati_oattr_ints(k, names[i], &l->count[i]);
    LEATI_TRY(leati_onumbers(k, NULL, "nodes_splits", &l->splits, &l->splits_count));
    LEATI_TRY(leati_onumbers(k, NULL, "leaf_weights", &l->weights, &l->weights_count));
    LEATI_TRY(leati_onumbers(k, NULL, "nodes_modes", &l->modes, &l->modes_count));
    LEATI_TRY(leati_onumbers(k, NULL, "membership_values", &l->members, &l->members_count));
    size_t n = l->count[0];
    bool fit = n > 0 && l->splits_count == n && l->modes_count == n && l->count[6] > 0 &&
               l->weights_count == l->count[7] && l->weights_count > 0;
    for (size_t i = 1; i < 5; i++) fit &= l->count[i] == n;
    if (!fit || (l->count[5] && l->count[5] != n) || l->count[6] > n)
        return leati_ofail(k, LEAT_FORMAT, "its lists differ in length");
    return LEAT_OK;
}

/* A node of the file with more than one member becomes a chain of nodes that ask for one each. */
static leat_status chain_members(leati_ocall *k, const lists *l, forest *f, size_t *used)
{
    size_t at = 0;
    for (size_t i = 0; i < l->count[0]; i++) {
        if (f->mode[i] != MEMBER) continue;
        int64_t node = (int64_t)i, no = f->no[i];
        bool first = true;
        for (; at < l->members_count && !isnan(l->members[at]); at++) {
            if (!first) {
                int64_t next = (int64_t)(*used)++;
                f->no[node] = next;
                f->feature[next] = f->feature[i];
                f->yes[next] = f->yes[i];
                f->missing[next] = f->missing[i];
                node = next;
            }
            f->mode[node] = EQ;
            f->split[node] = l->members[at];
            f->no[node] = no;
            first = false;
        }
        if (at == l->members_count || first)
            return leati_ofail(k, LEAT_FORMAT, "members are missing");
        at++;
    }
    return LEAT_OK;
}

/* Every way to a leaf becomes a node of its own behind those of the file. */
static leat_status fill_ensemble(leati_ocall *k, const lists *l, forest *f)
{
    size_t n = l->count[0], used = n;
    for (size_t i = 0; i < n; i++) {
        int mode = (int)l->modes[i];
        if (!(l->modes[i] >= 0 && mode < MODES))
            return leati_ofail(k, LEAT_FORMAT, "no such mode: %g", l->modes[i]);
        f->feature[i] = l->features[i];
        f->split[i] = l->splits[i];
        f->mode[i] = (uint8_t)mode;
        f->missing[i] = l->count[5] && l->missing[i];
        for (int side = 0; side < 2; side++) {
            int64_t next = side ? l->no[i] : l->yes[i];
            bool leaf = side ? l->no_leaf[i] : l->yes_leaf[i];
            if (next < 0 || (size_t)next >= (leaf ? l->weights_count : n))
                return leati_ofail(k, LEAT_FORMAT, "node %zu leads to none", i);
            if (leaf) {
                f->leaf[used] = next;
                next = (int64_t)used++;
            }
            *(side ? &f->no[i] : &f->yes[i]) = next;
        }
    }
    LEATI_TRY(chain_members(k, l, f, &used));
    for (size_t t = 0; t < l->count[6]; t++) {
        int64_t root = l->roots[t];
        if (root < 0 || (size_t)root >= n) return leati_ofail(k, LEAT_FORMAT, "no root %zu", t);
        /* a tree that is one leaf has it on both sides */
        bool bare = l->yes_leaf[root] && l->no_leaf[root] && l->yes[root] == l->no[root];
        f->root[t] = bare ? f->yes[root] : root;
    }
    f->trees = l->count[6];
    f->nodes = used;
    return LEAT_OK;
}

leat_status leati_on_TreeEnsemble(leati_ocall *k)
{
    lists l = {0};
    forest f = {0};
    int64_t how = leati_oattr_int(k, "aggregate_function", SUM);
    int64_t targets = leati_oattr_int(k, "n_targets", 1);
    static const char *const posts[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
    int64_t post = leati_oattr_int(k, "post_transform", 0);
    LEATI_TRY(read_lists(k, &l));
    if (targets < 1 || targets > 1 << 20 || how < AVERAGE || how > MAX || post < 0 || post > 4)
        return leati_ofail(k, LEAT_INVALID, "targets, aggregate or transform out of range");
    LEATI_TRY(forest_alloc(k, &f, 3 * l.count[0] + l.members_count));
    f.targets = (size_t)targets;
    f.leaves = l.weights_count;
    leat_tensor *x = rows_of(k, &f);
    if (!x) return leat_error_status(k->context);
    LEATI_TRY(fill_ensemble(k, &l, &f));
    LEATI_TRY(forest_check(k, &f));
    LEATI_TRY(alloc_weights(k, &f, (aggregate)how));
    for (size_t i = 0; i < f.leaves; i++) {
        if (l.targets[i] < 0 || l.targets[i] >= targets)
            return leati_ofail(k, LEAT_FORMAT, "a leaf of target %lld", (long long)l.targets[i]);
        f.weight[i * f.targets + (size_t)l.targets[i]] = l.weights[i];
    }
    leat_tensor *y = aggregated(&f, walked(k, &f, x), (aggregate)how);
    return leati_oset(k, 0, leati_opost_transform(k, y, posts[post]));
}

/* ---- classifiers and regressors: nodes by numbers of tree and node -----------------------------
 */

static int mode_of(leati_pb_bytes text)
{
    static const char *const names[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                        "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
    for (int i = 0; i < MEMBER; i++)
        if (strlen(names[i]) == text.size && !memcmp(names[i], text.data, text.size)) return i;
    return text.size == 4 && !memcmp(text.data, "LEAF", 4) ? MODES : -1;
}

/* Numbers of nodes by (tree, node). */
typedef struct directory {
    leati_map map;
} directory;

static uint32_t number_of(const directory *d, int64_t tree, int64_t node)
{
    int64_t key[2] = {tree, node};
    return leati_map_get(&d->map, (const char *)key, sizeof key);
}

typedef struct classic {
    const int64_t *trees, *ids, *features, *yes, *no, *missing;
    size_t count[6];
    const leati_onnx_attribute *modes;
    const double *values;
    size_t values_count;
} classic;

static leat_status read_classic(leati_ocall *k, classic *c)
{
    static const char *const names[] = {"nodes_treeids",      "nodes_nodeids",
                                        "nodes_featureids",   "nodes_truenodeids",
                                        "nodes_falsenodeids", "nodes_missing_value_tracks_true"};
    const int64_t **to[] = {&c->trees, &c->ids, &c->features, &c->yes, &c->no, &c->missing};
    for (size_t i = 0; i < 6; i++) *to[i] = leati_oattr_ints(k, names[i], &c->count[i]);
    c->modes = leati_onnx_attribute_find(k->node, "nodes_modes");
    LEATI_TRY(
        leati_onumbers(k, "nodes_values", "nodes_values_as_tensor", &c->values, &c->values_count));
    size_t n = c->count[0];
    bool fit = n > 0 && c->modes && c->modes->strings.count == n && c->values_count == n;
    for (size_t i = 1; i < 5; i++) fit &= c->count[i] == n;
    if (!fit || (c->count[5] && c->count[5] != n))
        return leati_ofail(k, LEAT_FORMAT, "its lists of nodes differ in length");
    return LEAT_OK;
}

static leat_status fill_classic(leati_ocall *k, const classic *c, const directory *d, forest *f)
{
    size_t n = c->count[0];
    uint8_t *inner = leati_oalloc(k, n, 1); /* nodes that another one leads to */
    if (!inner) return LEAT_NOMEM;
    for (size_t i = 0; i < n; i++) {
        int mode = mode_of(c->modes->strings.at[i]);
        if (mode < 0) return leati_ofail(k, LEAT_FORMAT, "node %zu has no known mode", i);
        f->mode[i] = (uint8_t)mode;
        f->feature[i] = c->features[i];
        f->split[i] = c->values[i];
        f->missing[i] = c->count[5] && c->missing[i];
        if (mode == MODES) {
            f->leaf[i] = (int64_t)f->leaves++;
            continue;
        }
        uint32_t yes = number_of(d, c->trees[i], c->yes[i]);
        uint32_t no = number_of(d, c->trees[i], c->no[i]);
        if (yes == LEATI_MAP_NONE || no == LEATI_MAP_NONE)
            return leati_ofail(k, LEAT_FORMAT, "node %zu leads to none", i);
        f->yes[i] = yes, f->no[i] = no;
        inner[yes] = inner[no] = 1;
    }
    for (size_t i = 0; i < n; i++)
        if (!inner[i]) f->root[f->trees++] = (int64_t)i;
    f->nodes = n;
    if (f->trees < 1 || f->leaves < 1) return leati_ofail(k, LEAT_FORMAT, "no tree");
    return LEAT_OK;
}

/* Weights by (tree, node, target); of several for one place the sum. */
static leat_status add_weights(leati_ocall *k, const char *kind, const directory *d, forest *f,
                               aggregate how)
{
    char name[4][40];
    static const char *const ends[] = {"treeids", "nodeids", "ids", "weights"};
    const int64_t *tree, *node, *target;
    const double *weight;
    size_t count[3], weights;
    for (size_t i = 0; i < 4; i++) snprintf(name[i], sizeof name[i], "%s_%s", kind, ends[i]);
    tree = leati_oattr_ints(k, name[0], &count[0]);
    node = leati_oattr_ints(k, name[1], &count[1]);
    target = leati_oattr_ints(k, name[2], &count[2]);
    char tensor[64];
    snprintf(tensor, sizeof tensor, "%s_as_tensor", name[3]);
    LEATI_TRY(leati_onumbers(k, name[3], tensor, &weight, &weights));
    if (count[0] != weights || count[1] != weights || count[2] != weights)
        return leati_ofail(k, LEAT_FORMAT, "its lists of weights differ in length");
    LEATI_TRY(alloc_weights(k, f, how));
    for (size_t i = 0; i < weights; i++) {
        uint32_t n = number_of(d, tree[i], node[i]);
        if (n == LEATI_MAP_NONE || f->leaf[n] < 0 || target[i] < 0 ||
            (size_t)target[i] >= f->targets)
            return leati_ofail(k, LEAT_FORMAT, "weight %zu is of no leaf or target", i);
        double *w = &f->weight[(size_t)f->leaf[n] * f->targets + (size_t)target[i]];
        *w = isinf(*w) ? weight[i] : *w + weight[i];
    }
    return LEAT_OK;
}

/* The sums (N, targets) with base values, before any transform; `one`: a single base value is that
 * of every target. */
static leat_status classic_scores(leati_ocall *k, const char *kind, size_t targets, bool one,
                                  aggregate how, leat_tensor **out)
{
    classic c = {0};
    forest f = {.targets = targets};
    directory d;
    const double *base;
    size_t bases;
    leat_status st;
    LEATI_TRY(read_classic(k, &c));
    LEATI_TRY(forest_alloc(k, &f, c.count[0]));
    leat_tensor *x = rows_of(k, &f);
    if (!x) return leat_error_status(k->context);
    leati_map_init(&d.map, k->context);
    for (size_t i = 0; i < c.count[0]; i++) {
        int64_t key[2] = {c.trees[i], c.ids[i]};
        uint32_t number = leati_map_put(&d.map, (const char *)key, sizeof key);
        st = number == i                ? LEAT_OK
             : number == LEATI_MAP_NONE ? leat_error_status(k->context)
                                        : leati_ofail(k, LEAT_FORMAT, "a node is given twice");
        if (st != LEAT_OK) goto out;
    }
    LEATI_GO(fill_classic(k, &c, &d, &f));
    LEATI_GO(forest_check(k, &f));
    LEATI_GO(add_weights(k, kind, &d, &f, how));
    LEATI_GO(leati_onumbers(k, "base_values", "base_values_as_tensor", &base, &bases));
    *out = aggregated(&f, walked(k, &f, x), how);
    if (bases == targets || (one && bases == 1))
        *out = leat_add(*out, leati_orow(k, bases, base, *out));
    else if (bases) st = leati_ofail(k, LEAT_FORMAT, "%zu base values", bases);
out:
    leati_map_fini(&d.map);
    return st;
}

leat_status leati_on_TreeEnsembleRegressor(leati_ocall *k)
{
    static const char *const names[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    const char *name = leati_oattr_text(k, "aggregate_function", "SUM");
    int64_t targets = leati_oattr_int(k, "n_targets", 1);
    int how = 0;
    leat_tensor *y = NULL;
    while (how < 4 && strcmp(names[how], name) != 0) how++;
    if (how == 4 || targets < 1 || targets > 1 << 20)
        return leati_ofail(k, LEAT_INVALID, "aggregate_function `%.20s` of %lld targets", name,
                           (long long)targets);
    LEATI_TRY(classic_scores(k, "target", (size_t)targets, false, (aggregate)how, &y));
    y = leati_opost_transform(k, y, leati_oattr_text(k, "post_transform", "NONE"));
    return leati_oset(k, 0, leat_cast(y, LEAT_DTYPE_F32));
}

leat_status leati_on_TreeEnsembleClassifier(leati_ocall *k)
{
    const double *weight;
    size_t ids, weights, classes = leati_oclasses(k);
    const int64_t *id = leati_oattr_ints(k, "class_ids", &ids);
    bool one = true, positive = true;
    leat_tensor *y = NULL;
    if (classes < 1) return leati_ofail(k, LEAT_FORMAT, "no class labels");
    LEATI_TRY(leati_onumbers(k, "class_weights", "class_weights_as_tensor", &weight, &weights));
    for (size_t i = 0; i < ids; i++) one &= id[i] == id[0];
    for (size_t i = 0; i < weights; i++) positive &= weight[i] >= 0;
    one = one && ids && classes <= 2; /* two classes by the weights of one */
    LEATI_TRY(classic_scores(k, "class", classes, one, SUM, &y));
    if (one) y = leat_narrow(y, 1, (int)id[0], 1);
    return leati_oclassified(k, y, one, positive);
}
