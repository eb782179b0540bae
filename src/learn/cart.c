/* Owns: the estimator `cart`. Coding, splitting, growing and pruning are in tree*.c. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "learn/estimator.h"
#include "learn/shapley.h"
#include "learn/target_unit.h"
#include "learn/tree_grow.h"

enum { AUTO, GINI, ENTROPY, LOG_LOSS, SQUARED_ERROR, ABSOLUTE_ERROR };

typedef struct cart {
    leati_estimator base;
    int criterion, splitter, class_weight;
    leati_mixed max_depth, max_features, max_leaf_nodes;
    int64_t min_samples_split, min_samples_leaf;
    double min_impurity_decrease, ccp_alpha;
    leati_tree tree;
} cart;

static const leati_param params[] = {
    {.name = "criterion",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(cart, criterion),
     .standard = "auto",
     .choices = "auto|gini|entropy|log_loss|squared_error|absolute_error",
     .doc = "What a split makes as small as it can; auto is gini for classes and squared_error "
            "for numbers; log_loss is another name of entropy."},
    {.name = "splitter",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(cart, splitter),
     .standard = "best",
     .choices = "best|random",
     .doc = "The best threshold of each feature, or one drawn between its least and largest "
            "value."},
    {.name = "max_depth",
     .type = LEATI_PARAM_MIXED,
     .offset = offsetof(cart, max_depth),
     .standard = "none",
     .least = 1,
     .most = 1e9,
     .whole = true,
     .choices = "none",
     .grid = "2,4,8,16,none",
     .doc = "Most splits from the root to a leaf."},
    {.name = "min_samples_split",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(cart, min_samples_split),
     .standard = "2",
     .least = 2,
     .most = 4e9,
     .doc = "A node of fewer rows is a leaf."},
    {.name = "min_samples_leaf",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(cart, min_samples_leaf),
     .standard = "1",
     .least = 1,
     .most = 4e9,
     .grid = "1,2,5,10,20",
     .doc = "Every leaf holds at least so many rows."},
    {.name = "max_features",
     .type = LEATI_PARAM_MIXED,
     .offset = offsetof(cart, max_features),
     .standard = "none",
     .least = 1e-9,
     .most = 1e9,
     .choices = "none|sqrt|log2",
     .doc = "Features tried at a node, drawn among those that vary there: none for all, a number "
            "of them, or below 1 a part of them."},
    {.name = "max_leaf_nodes",
     .type = LEATI_PARAM_MIXED,
     .offset = offsetof(cart, max_leaf_nodes),
     .standard = "none",
     .least = 2,
     .most = 4e9,
     .whole = true,
     .choices = "none",
     .doc = "Most leaves; the split that helps most comes first."},
    {.name = "min_impurity_decrease",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(cart, min_impurity_decrease),
     .standard = "0",
     .least = 0,
     .most = HUGE_VAL,
     .doc = "A split that lowers the impurity by less, weighted by its part of the rows, is not "
            "made."},
    {.name = "ccp_alpha",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(cart, ccp_alpha),
     .standard = "0",
     .least = 0,
     .most = HUGE_VAL,
     .grid = "0,0.0001,0.001,0.01",
     .doc = "Prunes branches that lower the impurity by less than this per leaf."},
    {.name = "class_weight",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(cart, class_weight),
     .standard = "none",
     .choices = "none|balanced",
     .doc = "balanced gives every class the same total weight."},
    {.name = NULL}};

static size_t features_tried(const cart *t, size_t features)
{
    double n = (double)features, v = n;
    if (t->max_features.choice == 1) v = sqrt(n);
    if (t->max_features.choice == 2) v = log2(n);
    if (t->max_features.choice < 0)
        v = t->max_features.value < 1 ? t->max_features.value * n : t->max_features.value;
    return v < 1 ? 1 : v > n ? features : (size_t)v;
}

static leat_status criterion_for(const cart *t, leat_context *c, leati_task task,
                                 leati_criterion *out)
{
    bool classes = task == LEATI_CLASSIFY;
    bool fits = t->criterion == AUTO || (t->criterion <= LOG_LOSS) == classes;
    LEATI_CHECK(c, fits, LEAT_INVALID, "cart.criterion does not fit the task: for %s it takes %s",
                classes ? "classes" : "numbers",
                classes ? "auto, gini, entropy or log_loss"
                        : "auto, squared_error or absolute_error");
    if (t->criterion == ABSOLUTE_ERROR) *out = LEATI_ABSOLUTE_ERROR;
    else if (!classes) *out = LEATI_SQUARED_ERROR;
    else *out = t->criterion >= ENTROPY ? LEATI_ENTROPY : LEATI_GINI;
    return LEAT_OK;
}

/* rows / (classes * rows of the class), rows counted by weight. */
static double *balanced_weights(leat_context *c, const leati_dataset *d)
{
    double *w = leati_calloc(c, d->classes, sizeof *w), total = 0;
    for (size_t i = 0; w && i < d->x.rows; i++) {
        double one = d->weight ? d->weight[i] : 1;
        w[d->label[i]] += one;
        total += one;
    }
    for (size_t k = 0; w && k < d->classes; k++) w[k] = w[k] > 0 ? total / (d->classes * w[k]) : 0;
    return w;
}

/* Impurities, of which only ratios are asked later, stay in the target's unit. */
static leat_status grow(cart *t, leat_context *c, const leati_target_unit *u,
                        leati_tree_rules *rules, const double *weights)
{
    leati_tree_data data;
    double alpha = t->ccp_alpha / u->unit;
    rules->min_decrease /= u->unit;
    if (rules->criterion == LEATI_SQUARED_ERROR) {
        rules->min_decrease /= u->unit;
        alpha /= u->unit;
    }
    LEATI_TRY(leati_tree_data_init(c, &data, &u->data, weights));
    leat_status st = leati_tree_grow(c, &t->tree, &data, rules, "cart");
    leati_tree_data_fini(&data);
    if (st == LEAT_OK && alpha > 0) st = leati_tree_prune(c, &t->tree, alpha);
    if (st == LEAT_OK && u->unit != 1)
        for (size_t i = 0; i < t->tree.nodes; i++) t->tree.value[i] *= u->unit;
    return st;
}

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    cart *t = (cart *)e;
    leati_tree_rules rules = {
        .random = t->splitter == 1,
        .max_depth = t->max_depth.choice < 0 ? (size_t)t->max_depth.value : SIZE_MAX,
        .min_split = (size_t)t->min_samples_split,
        .min_leaf = (size_t)t->min_samples_leaf,
        .max_features = features_tried(t, d->x.cols),
        .max_leaves = t->max_leaf_nodes.choice < 0 ? (size_t)t->max_leaf_nodes.value : 0,
        .min_decrease = t->min_impurity_decrease,
        .seed = d->seed};
    LEATI_TRY(criterion_for(t, c, d->task, &rules.criterion));
    double *weights = NULL;
    if (t->class_weight == 1 && d->task == LEATI_CLASSIFY) {
        weights = balanced_weights(c, d);
        if (!weights) return leat_error_status(c);
    }
    leati_target_unit u;
    leat_status st = leati_target_unit_init(c, &u, d);
    if (st == LEAT_OK) st = grow(t, c, &u, &rules, weights);
    leati_target_unit_fini(&u);
    if (st == LEAT_OK) st = leati_tree_prepare(c, &t->tree, d->task == LEATI_CLASSIFY);
    leati_free(weights);
    return st;
}

static leat_status predict(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                           double *out)
{
    leati_tree_answer(c, &((const cart *)e)->tree, x, out, NULL);
    return LEAT_OK;
}

static leat_status proba(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                         double *out)
{
    leati_tree_answer(c, &((const cart *)e)->tree, x, NULL, out);
    return LEAT_OK;
}

static leat_status answer(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                          double *value, double *chances)
{
    leati_tree_answer(c, &((const cart *)e)->tree, x, value, chances);
    return LEAT_OK;
}

static leat_status importance(const leati_estimator *e, leat_context *c, double *out)
{
    (void)c;
    leati_tree_importance(&((const cart *)e)->tree, e->features, out);
    return LEAT_OK;
}

static leat_status shapley(const leati_estimator *e, leat_context *c, const leati_game *g,
                           double *share)
{
    return leati_tree_shapley(c, &((const cart *)e)->tree, g, share);
}

static leat_status save(const leati_estimator *e, leat_context *c, leati_state *s)
{
    (void)c;
    return leati_tree_save(&((const cart *)e)->tree, s);
}

static leat_status load(leati_estimator *e, leat_context *c, leati_state *s)
{
    leati_tree *t = &((cart *)e)->tree;
    bool classes = e->task == LEATI_CLASSIFY;
    LEATI_TRY(leati_tree_load(c, t, s, e->features, classes ? e->classes : 1));
    return leati_tree_prepare(c, t, classes);
}

static void clear(leati_estimator *e)
{
    leati_tree_fini(&((cart *)e)->tree);
}

const leati_estimator_class leati_estimator_cart = {
    .name = "cart",
    .title = "decision tree",
    .doc = "Asks one question on one feature at a time (CART, Breiman et al. 1984), so that its "
           "answers can be read. Takes categories and missing values as they are; equally good "
           "splits are decided by the last feature and its lowest threshold.",
    .traits = LEATI_CLASSIFIER | LEATI_REGRESSOR | LEATI_TAKES_MISSING | LEATI_TAKES_CATEGORIES |
              LEATI_TAKES_WEIGHTS | LEATI_WANTS_F32 | LEATI_RANDOM,
    .size = sizeof(cart),
    .params = params,
    .fit = fit,
    .predict = predict,
    .proba = proba,
    .answer = answer,
    .importance = importance,
    .shapley = shapley,
    .save = save,
    .load = load,
    .clear = clear};
