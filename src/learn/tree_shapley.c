/* Owns: Shapley values of a tree's answers, exactly.
 *
 * For one background row z only leaves matter that some mixture of x and z reaches. On the way to
 * such a leaf the nodes at which x and z part each belong to a player, whose features must all come
 * from x or all from z: U players must be known, V must not. The leaf's value is then added by the
 * last of U to join, before any of V has: in (|U| - 1)! |V|! / (|U| + |V|)! of all orders for each
 * of U, and taken away by the first of V likewise. */
#include "learn/shapley.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum side { FREE, FROM_X, FROM_Z };

/* A node to go on from, with `length` of the path's players still bound, and one more. */
typedef struct turn {
    size_t node, length;
    uint32_t player;
} turn;

typedef struct walk {
    const leati_tree *t;
    const leati_game *g;
    const double *x;
    double *z;      /* (features) */
    uint8_t *side;  /* (players) */
    uint32_t *path; /* (players) those that are bound, in their order */
    size_t length, known;
    turn *todo; /* (players) one for each that is bound to x */
    size_t waiting;
    double *share;
} walk;

static void bind(walk *w, uint32_t player, enum side side)
{
    w->side[player] = (uint8_t)side;
    w->path[w->length++] = player;
    w->known += side == FROM_X;
}

static void unbind(walk *w, size_t length)
{
    while (w->length > length) {
        uint8_t *side = &w->side[w->path[--w->length]];
        w->known -= *side == FROM_X;
        *side = FREE;
    }
}

/* a! b! / (a + b + 1)! */
static double weight(size_t a, size_t b)
{
    size_t few = a < b ? a : b, many = a < b ? b : a;
    double w = 1 / (double)(a + b + 1);
    for (size_t i = 1; i <= few; i++) w *= (double)i / (double)(many + i);
    return w;
}

static void add_leaf(walk *w, size_t node)
{
    size_t u = w->known, v = w->length - u;
    double value = w->t->value[node * w->t->outputs + w->g->output];
    double more = u ? value * weight(u - 1, v) : 0, less = v ? value * weight(u, v - 1) : 0;
    for (size_t i = 0; i < w->length; i++) {
        uint32_t p = w->path[i];
        w->share[p] += w->side[p] == FROM_X ? more : -less;
    }
}

/* The next node for a row that is x at known players and z at the others. */
static size_t step(walk *w, size_t node)
{
    const leati_tree *t = w->t;
    size_t feature = (size_t)t->feature[node];
    uint32_t p = w->g->player[feature];
    size_t by_x = leati_tree_next(t, node, w->x[feature]);
    size_t by_z = leati_tree_next(t, node, w->z[feature]);
    if (w->side[p] == FROM_X || by_x == by_z) return by_x;
    if (w->side[p] == FROM_Z) return by_z;
    w->todo[w->waiting++] = (turn){by_z, w->length, p};
    bind(w, p, FROM_X);
    return by_x;
}

static void add_row(walk *w)
{
    size_t node = 0;
    for (;;) {
        while (w->t->feature[node] >= 0) node = step(w, node);
        add_leaf(w, node);
        if (w->waiting == 0) break;
        const turn *next = &w->todo[--w->waiting];
        unbind(w, next->length);
        bind(w, next->player, FROM_Z);
        node = next->node;
    }
    unbind(w, 0);
}

static void copy_row(const leati_matrix *m, size_t row, double *out)
{
    for (size_t k = 0; k < m->cols; k++) out[k] = leati_at(m, row, k);
}

leat_status leati_tree_shapley(leat_context *c, const leati_tree *t, const leati_game *g,
                               double *share)
{
    double *x = leati_array(c, g->x->cols, sizeof *x), *z = leati_array(c, g->x->cols, sizeof *z);
    walk w = {.t = t,
              .g = g,
              .x = x,
              .z = z,
              .side = leati_calloc(c, g->players, sizeof *w.side),
              .path = leati_array(c, g->players, sizeof *w.path),
              .todo = leati_array(c, g->players, sizeof *w.todo),
              .share = share};
    bool got = x && z && w.side && w.path && w.todo;
    memset(share, 0, g->players * sizeof *share);
    if (got) copy_row(g->x, 0, x);
    for (size_t i = 0; got && i < g->background->rows; i++) {
        copy_row(g->background, i, z);
        add_row(&w);
    }
    for (size_t p = 0; p < g->players; p++) share[p] /= (double)g->background->rows;
    leati_free(x);
    leati_free(z);
    leati_free(w.side);
    leati_free(w.path);
    leati_free(w.todo);
    return got ? LEAT_OK : leat_error_status(c);
}
