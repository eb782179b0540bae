/* Owns: decision trees in C. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "exchange/c_file.h"

typedef struct tree {
    const int32_t *feature, *right, *subset, *words;
    const double *threshold, *value;
    const uint8_t *missing;
    size_t nodes, outputs, word_count;
} tree;

static const void *column(const leati_c_file *f, const char *name, leati_dtype type, size_t *count)
{
    const leati_array_entry *e = leati_state_find(&f->state, name);
    if (!e || e->type != type) return NULL;
    *count = e->dims ? e->shape[0] : 0;
    return e->data;
}

static leat_status read_tree(const leati_c_file *f, tree *t)
{
    size_t n[7] = {0};
    t->outputs = f->estimator->task == LEATI_CLASSIFY ? f->estimator->classes : 1;
    t->feature = column(f, "feature", LEATI_I32, &t->nodes);
    t->right = column(f, "right", LEATI_I32, &n[0]);
    t->subset = column(f, "subset", LEATI_I32, &n[1]);
    t->threshold = column(f, "threshold", LEATI_F64, &n[2]);
    t->missing = column(f, "missing_left", LEATI_U8, &n[3]);
    t->value = column(f, "value", LEATI_F64, &n[4]);
    t->words = column(f, "words", LEATI_I32, &t->word_count);
    bool sound =
        t->feature && t->right && t->subset && t->threshold && t->missing && t->value && t->words;
    for (int i = 0; i < 5; i++) sound = sound && n[i] == t->nodes;
    return sound ? LEAT_OK
                 : LEATI_FAIL(f->context, LEAT_FORMAT, "damaged model: the tree is not whole");
}

static const char levels_left[] =
    "    if (subset[node] >= 0) {\n"
    "        const int *bits = words + subset[node];\n"
    "        if (!(v >= 0 && v < 32.0 * bits[0]) || v != floor(v)) return missing_left[node];\n"
    "        return (unsigned)bits[1 + (int)v / 32] >> ((int)v % 32) & 1;\n"
    "    }\n";

/* Nodes in preorder, so the left child of node i is node i + 1. Of a leaf, `next` is its number. */
leat_status leati_c_cart(leati_c_file *f)
{
    tree t = {0};
    LEATI_TRY(read_tree(f, &t));
    bool subsets = false;
    size_t leaves = 0;
    int32_t *next = leati_array(f->context, t.nodes, sizeof *next);
    double *value = leati_array(f->context, t.nodes * t.outputs, sizeof *value);
    if (!next || !value) {
        leati_free(next);
        leati_free(value);
        return leat_error_status(f->context);
    }
    for (size_t i = 0; i < t.nodes; i++) {
        subsets |= t.feature[i] >= 0 && t.subset[i] >= 0;
        next[i] = t.feature[i] < 0 ? (int32_t)leaves : t.right[i];
        if (t.feature[i] >= 0) continue;
        memcpy(value + leaves++ * t.outputs, t.value + i * t.outputs, t.outputs * sizeof *value);
    }
    leati_c_ints(f, "feature", t.feature, t.nodes, 0);
    leati_c_doubles(f, "threshold", t.threshold, t.nodes, 0);
    leati_c_ints(f, "next", next, t.nodes, 0);
    leati_c_bytes(f, "missing_left", t.missing, t.nodes);
    if (subsets) leati_c_ints(f, "subset", t.subset, t.nodes, 0);
    if (subsets) leati_c_ints(f, "words", t.words, t.word_count, 0);
    leati_c_doubles(f, "value", value, leaves, t.outputs);
    leati_free(next);
    leati_free(value);
    leati_c_code(f, "\nstatic int goes_left(int node, double v)\n{\n");
    if (subsets) leati_c_code(f, levels_left);
    leati_c_code(f, "    return isnan(v) ? missing_left[node] : v <= threshold[node];\n}\n");
    bool classify = f->estimator->task == LEATI_CLASSIFY;
    if (classify) f->helpers |= LEATI_C_LARGEST;
    leati_str_addf(&f->code,
                   "\n"
                   "/* Nodes stand in preorder: left is the next one. */\n"
                   "static int answer(const double *x, double *out, workspace *w)\n"
                   "{\n"
                   "    int node = 0;\n"
                   "    (void)w;\n"
                   "    while (feature[node] >= 0)\n"
                   "        node = goes_left(node, x[feature[node]]) ? node + 1 : next[node];\n"
                   "    memcpy(out, value[next[node]], sizeof value[0]);\n"
                   "    return %s;\n"
                   "}\n",
                   classify ? "largest(out, OUTPUTS)" : "0");
    return LEAT_OK;
}
