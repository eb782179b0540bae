/* Owns: the k-d tree and the distances it searches by. */
#include "learn/kdtree.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum { LEAF = 16 };

double leati_distance_of(leati_distance kind, double p, size_t cols, const double *a,
                         const double *b)
{
    double sum = 0;
    switch (kind) {
    case LEATI_SQUARED:
        for (size_t j = 0; j < cols; j++) sum += (a[j] - b[j]) * (a[j] - b[j]);
        break;
    case LEATI_MANHATTAN:
        for (size_t j = 0; j < cols; j++) sum += fabs(a[j] - b[j]);
        break;
    case LEATI_CHEBYSHEV:
        for (size_t j = 0; j < cols; j++) sum = fmax(sum, fabs(a[j] - b[j]));
        break;
    case LEATI_POWER:
        for (size_t j = 0; j < cols; j++) sum += pow(fabs(a[j] - b[j]), p);
        break;
    }
    return sum;
}

void leati_nearest_offer(size_t k, size_t *held, uint32_t *index, double *distance, uint32_t row,
                         double d)
{
    size_t at = *held;
    if (at == k) {
        if (d > distance[k - 1] || (d == distance[k - 1] && row > index[k - 1])) return;
        at = k - 1;
    } else {
        ++*held;
    }
    for (; at > 0 && (d < distance[at - 1] || (d == distance[at - 1] && row < index[at - 1]));
         at--) {
        distance[at] = distance[at - 1];
        index[at] = index[at - 1];
    }
    distance[at] = d;
    index[at] = row;
}

/* --- building -----------------------------------------------------------------------------------
 */

typedef struct builder {
    leati_kdtree *t;
    const double *x; /* (rows, cols) in order of the matrix */
} builder;

static bool before(const builder *b, size_t col, uint32_t r, uint32_t s)
{
    double u = b->x[r * b->t->cols + col], v = b->x[s * b->t->cols + col];
    return u < v || (u == v && r < s);
}

/* Partitions row[from, to) so that row[mid] is where sorting by (value, number) puts it. */
static void select_row(const builder *b, size_t col, size_t from, size_t to, size_t mid)
{
    uint32_t *row = b->t->row;
    uint64_t state = 0x9e3779b97f4a7c15u; /* pivots without a pattern, the same in every run */
    while (to - from > 1) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint32_t pivot = row[from + (state >> 33) % (to - from)];
        /* Hoare's partition: [from, j] is not after the pivot, [i, to) not before it, and what
         * stands between is the pivot. */
        ptrdiff_t i = (ptrdiff_t)from, j = (ptrdiff_t)to - 1;
        while (i <= j) {
            while (before(b, col, row[i], pivot)) i++;
            while (before(b, col, pivot, row[j])) j--;
            if (i > j) break;
            uint32_t swap = row[i];
            row[i++] = row[j];
            row[j--] = swap;
        }
        if ((ptrdiff_t)mid <= j) to = (size_t)(j + 1);
        else if ((ptrdiff_t)mid >= i) from = (size_t)i;
        else return;
    }
}

static void bound(leati_kdtree *t, const double *x, size_t node, size_t from, size_t to)
{
    double *least = t->box + node * 2 * t->cols, *most = least + t->cols;
    memcpy(least, x + t->row[from] * t->cols, t->cols * sizeof *least);
    memcpy(most, least, t->cols * sizeof *most);
    for (size_t i = from + 1; i < to; i++)
        for (size_t j = 0; j < t->cols; j++) {
            double v = x[t->row[i] * t->cols + j];
            if (v < least[j]) least[j] = v;
            if (v > most[j]) most[j] = v;
        }
}

static void build(const builder *b, size_t node, unsigned level, size_t from, size_t to)
{
    leati_kdtree *t = b->t;
    bound(t, b->x, node, from, to);
    if (level + 1 == t->levels) return;
    const double *least = t->box + node * 2 * t->cols, *most = least + t->cols;
    size_t widest = 0;
    for (size_t j = 1; j < t->cols; j++)
        if (most[j] - least[j] > most[widest] - least[widest]) widest = j;
    size_t mid = from + (to - from) / 2;
    select_row(b, widest, from, to, mid);
    build(b, 2 * node + 1, level + 1, from, mid);
    build(b, 2 * node + 2, level + 1, mid, to);
}

leat_status leati_kdtree_init(leat_context *c, leati_kdtree *t, const leati_matrix *x)
{
    *t = (leati_kdtree){.rows = x->rows, .cols = x->cols, .levels = 1};
    while (x->rows >> t->levels >= LEAF) t->levels++;
    size_t nodes = ((size_t)1 << t->levels) - 1;
    double *copy = leati_matrix_f64(c, x);
    t->points = leati_array(c, x->rows * x->cols, sizeof *t->points);
    t->row = leati_array(c, x->rows, sizeof *t->row);
    t->box = leati_array(c, nodes * 2 * x->cols, sizeof *t->box);
    leat_status st = leat_error_status(c);
    if (copy && t->points && t->row && t->box) {
        st = LEAT_OK;
        builder b = {t, copy};
        for (size_t i = 0; i < x->rows; i++) t->row[i] = (uint32_t)i;
        build(&b, 0, 0, 0, x->rows);
        for (size_t i = 0; i < x->rows; i++)
            memcpy(t->points + i * x->cols, copy + t->row[i] * x->cols, x->cols * sizeof *copy);
    }
    leati_free(copy);
    if (st != LEAT_OK) leati_kdtree_fini(t);
    return st;
}

void leati_kdtree_fini(leati_kdtree *t)
{
    leati_free(t->points);
    leati_free(t->row);
    leati_free(t->box);
    *t = (leati_kdtree){0};
}

/* --- searching ----------------------------------------------------------------------------------
 */

typedef struct search {
    const leati_kdtree *t;
    leati_distance kind;
    double p;
    const double *point;
    size_t k, held;
    uint32_t *index;
    double *distance;
} search;

/* Distance from the point to the node's box: no row in it is nearer, also after rounding. */
static double box_distance(const search *s, size_t node)
{
    const double *least = s->t->box + node * 2 * s->t->cols, *most = least + s->t->cols;
    double sum = 0;
    for (size_t j = 0; j < s->t->cols; j++) {
        double v = s->point[j];
        double d = v < least[j] ? least[j] - v : v > most[j] ? v - most[j] : 0;
        switch (s->kind) {
        case LEATI_SQUARED: sum += d * d; break;
        case LEATI_MANHATTAN: sum += d; break;
        case LEATI_CHEBYSHEV: sum = d > sum ? d : sum; break;
        case LEATI_POWER: sum += d > 0 ? pow(d, s->p) : 0; break;
        }
    }
    return sum;
}

static void visit(search *s, size_t node, unsigned level, size_t from, size_t to, double near)
{
    if (s->held == s->k && near > s->distance[s->k - 1]) return;
    const leati_kdtree *t = s->t;
    if (level + 1 == t->levels) {
        for (size_t i = from; i < to; i++) {
            double d = leati_distance_of(s->kind, s->p, t->cols, s->point, t->points + i * t->cols);
            leati_nearest_offer(s->k, &s->held, s->index, s->distance, t->row[i], d);
        }
        return;
    }
    size_t mid = from + (to - from) / 2, left = 2 * node + 1, right = left + 1;
    double dl = box_distance(s, left), dr = box_distance(s, right);
    if (dl <= dr) visit(s, left, level + 1, from, mid, dl);
    visit(s, right, level + 1, mid, to, dr);
    if (dl > dr) visit(s, left, level + 1, from, mid, dl);
}

void leati_kdtree_nearest(const leati_kdtree *t, leati_distance kind, double p, const double *point,
                          size_t k, uint32_t *index, double *distance)
{
    search s = {t, kind, p, point, k, 0, index, distance};
    visit(&s, 0, 0, 0, t->rows, 0);
}
