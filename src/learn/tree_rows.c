/* Owns: the forms of a tree that many rows take at once. Not: what a leaf answers (tree.c). */
#include "learn/tree_rows.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "kernel/kernels.h"

/* A node of a walk. The left child is the next node; a leaf's threshold is NaN, which sends every
 * row to the right, where the leaf itself stands. */
typedef struct step {
    double threshold;
    int32_t right;
    uint32_t column; /* twice, and 1 where missing values go left */
} step;

struct leati_tree_rows {
    step *steps;       /* (nodes); NULL: tests for both types are there */
    bool missing_left; /* some node sends missing values to the left */
    leati_tree_tests_f32 f32;
    leati_tree_tests_f64 f64;
    bool has_f32, has_f64;
    void *owned[8];
    size_t owned_count;
};

enum { IN_TURN = 16, LEVELS = 4 };

static void *take(leat_context *c, leati_tree_rows *r, size_t count, size_t size)
{
    void *block = leati_calloc(c, count + 1, size);
    if (block) r->owned[r->owned_count++] = block;
    return block;
}

/* ---- tests -----------------------------------------------------------------------------------
 */

/* The largest float that is not above t: equal comparisons for every float. */
static float float_below(double t)
{
    float f = (float)t;
    return (double)f > t ? nextafterf(f, -HUGE_VALF) : f;
}

/* Leaves below a node: `count` of them from `first` on, in their order. */
typedef struct span {
    uint32_t first, count;
} span;

static leat_status measure(leat_context *c, const leati_tree *t, span **out, size_t *leaves)
{
    *leaves = 0;
    span *s = *out = LEATI_NEW(c, span, t->nodes);
    if (!s) return leat_error_status(c);
    for (size_t i = 0; i < t->nodes; i++) {
        s[i] = (span){(uint32_t)*leaves, t->feature[i] < 0};
        *leaves += t->feature[i] < 0;
    }
    for (size_t i = t->nodes; i-- > 0;)
        if (t->feature[i] >= 0) s[i].count = s[i + 1].count + s[t->right[i]].count;
    return LEAT_OK;
}

/* Which columns the tests look at: number[feature] among them, and back. */
static size_t number_columns(const leati_tree *t, uint32_t *column, uint32_t *at)
{
    size_t columns = 0, test = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < t->nodes; i++) {
            if (t->feature[i] < 0 || t->missing_left[i] != pass) continue;
            size_t k = 0;
            while (k < columns && column[k] != (uint32_t)t->feature[i]) k++;
            if (k == columns) column[columns++] = (uint32_t)t->feature[i];
            at[test++] = (uint32_t)k;
        }
    return columns;
}

/* Those that send missing values to the right first. */
static leat_status make_tests(leat_context *c, leati_tree_rows *r, const leati_tree *t,
                              const span *s, size_t leaves)
{
    size_t tests = leaves - 1, n = 0, plain = 0;
    uint32_t *column = take(c, r, tests, sizeof *column), *at = take(c, r, tests, sizeof *at);
    uint32_t *leaf = take(c, r, leaves, sizeof *leaf);
    float *low = take(c, r, tests, sizeof *low);
    double *threshold = take(c, r, tests, sizeof *threshold);
    uint32_t *keep32 = take(c, r, tests, sizeof *keep32);
    uint64_t *keep64 = take(c, r, tests, sizeof *keep64);
    if (!column || !at || !leaf || !low || !threshold || !keep32 || !keep64)
        return leat_error_status(c);
    size_t columns = number_columns(t, column, at);
    for (size_t i = 0; i < t->nodes; i++)
        if (t->feature[i] < 0) leaf[s[i].first] = (uint32_t)i;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < t->nodes; i++) {
            if (t->feature[i] < 0 || t->missing_left[i] != pass) continue;
            const span *left = &s[i + 1]; /* fewer than 64 */
            keep64[n] = ~(((UINT64_C(1) << left->count) - 1) << left->first);
            keep32[n] = (uint32_t)keep64[n];
            threshold[n] = t->threshold[i];
            low[n++] = float_below(t->threshold[i]);
        }
        if (pass == 0) plain = n;
    }
    r->f64 = (leati_tree_tests_f64){tests, plain, columns, column, at, threshold, keep64, leaf};
    r->f32 = (leati_tree_tests_f32){tests, plain, columns, column, at, low, keep32, leaf};
    r->has_f64 = true;
    r->has_f32 = leaves <= LEATI_TREE_LEAVES_f32;
    return LEAT_OK;
}

/* ---- walks -----------------------------------------------------------------------------------
 */

static leat_status make_steps(leat_context *c, leati_tree_rows *r, const leati_tree *t)
{
    r->steps = take(c, r, t->nodes, sizeof *r->steps);
    if (!r->steps) return leat_error_status(c);
    for (size_t i = 0; i < t->nodes; i++) {
        bool leaf = t->feature[i] < 0, left = !leaf && t->missing_left[i];
        r->steps[i] = (step){leaf ? (double)NAN : t->threshold[i], leaf ? (int32_t)i : t->right[i],
                             leaf ? 0 : 2 * (uint32_t)t->feature[i] + left};
        r->missing_left |= left;
    }
    return LEAT_OK;
}

/* One step of a row; no branch depends on the value. */
static inline uint32_t next(const step *s, uint32_t node, double v, bool missing)
{
    const step *n = &s[node];
    uint32_t left = v <= n->threshold, right = (uint32_t)n->right;
    if (missing) left |= n->column & (v != v);
    return right + ((0 - left) & (node + 1 - right));
}

/* All rows of x stay in the walk until none has moved: leaves wait for the others. */
#define WALK(type, values)                                                                         \
    static inline void walk_##type(const step *s, const leati_matrix *x, size_t from,              \
                                   size_t count, bool missing, uint32_t *leaf)                     \
    {                                                                                              \
        const type *row = x->values + from * x->stride;                                            \
        for (size_t at = 0; at < count; at += IN_TURN, row += IN_TURN * x->stride) {               \
            size_t rows = count - at < IN_TURN ? count - at : IN_TURN;                             \
            uint32_t node[IN_TURN] = {0}, moved = 1;                                               \
            while (moved) {                                                                        \
                for (int level = 0; level < LEVELS; level++) {                                     \
                    moved = 0;                                                                     \
                    for (size_t k = 0; k < rows; k++) {                                            \
                        double v = (double)row[k * x->stride + s[node[k]].column / 2];             \
                        uint32_t to = next(s, node[k], v, missing);                                \
                        moved |= to ^ node[k];                                                     \
                        node[k] = to;                                                              \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
            for (size_t k = 0; k < rows; k++) leaf[at + k] = node[k];                              \
        }                                                                                          \
    }

WALK(float, f32)
WALK(double, f64)

/* ---- all -------------------------------------------------------------------------------------
 */

leat_status leati_tree_rows_create(leat_context *c, const leati_tree *t, leati_tree_rows **out)
{
    size_t leaves = 0;
    span *s = NULL;
    leat_status st = LEAT_OK;
    *out = NULL;
    for (size_t i = 0; i < t->nodes; i++)
        if (t->subset[i] >= 0 && t->feature[i] >= 0) return LEAT_OK;
    leati_tree_rows *r = LEATI_NEW(c, leati_tree_rows, 1);
    if (!r) return leat_error_status(c);
    LEATI_GO(measure(c, t, &s, &leaves));
    if (leaves > 1 && leaves <= LEATI_TREE_LEAVES_f64) LEATI_GO(make_tests(c, r, t, s, leaves));
    if (!r->has_f32) LEATI_GO(make_steps(c, r, t));
    *out = r;
out:
    leati_free(s);
    if (st != LEAT_OK) leati_tree_rows_destroy(r);
    return st;
}

void leati_tree_rows_destroy(leati_tree_rows *r)
{
    if (!r) return;
    for (size_t i = 0; i < r->owned_count; i++) leati_free(r->owned[i]);
    leati_free(r);
}

void leati_tree_rows_leaves(const leat_context *c, const leati_tree_rows *r, const leati_matrix *x,
                            size_t from, size_t count, uint32_t *leaf)
{
    const leati_kernels *k = leati_kernels_of(c);
    if (x->f64 && r->has_f64)
        k->tree_f64(&r->f64, count, x->f64 + from * x->stride, x->stride, leaf);
    else if (x->f32 && r->has_f32)
        k->tree_f32(&r->f32, count, x->f32 + from * x->stride, x->stride, leaf);
    else if (x->f64 && r->missing_left) walk_double(r->steps, x, from, count, true, leaf);
    else if (x->f64) walk_double(r->steps, x, from, count, false, leaf);
    else if (r->missing_left) walk_float(r->steps, x, from, count, true, leaf);
    else walk_float(r->steps, x, from, count, false, leaf);
}
