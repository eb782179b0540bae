/* Owns: the primal solver of linear machines with squared losses. With up to DIRECT features the
 * Hessian is kept and updated by the rows that cross the margin. Directions come from conjugate
 * gradients, or from the Hessian's factor where those would take long. */
#include "learn/linear_svc_newton.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "kernel/vec.h"
#include "learn/cholesky.h"

enum { DIRECT = 3000, LINE_STEPS = 100, CG_STEPS = 200, GROUP_BYTES = 1 << 29 };

/* Products with a kept Hessian that take about as long as its factorisation does. */
enum { CG_SHORT = 48 };

/* A direction is solved for until the residual is this part of the gradient at which to stop: more
 * would not serve the tolerance asked for, and moves far along directions of little curvature,
 * which fits noise. Where each product reads all rows, a tenth of the gradient is enough, as in
 * LIBLINEAR. */
#define STOP_PART 0.6
#define RESIDUAL  0.1

/* Where a row stands: below the margin of what is enough, inside (no loss), or above (numbers). */
enum { INSIDE = 0, BELOW = 1, ABOVE = -1 };

typedef struct machine {
    const double *y, *cost;
    double *w;       /* (cols) */
    double *z, *v;   /* (rows) scores of w and of the direction */
    int8_t *side;    /* (rows) */
    double *d;       /* (cols) direction */
    double *hessian; /* (cols, cols) I + 2 sum of cost x x' over rows outside, or NULL */
    double *space;   /* (4, cols) of conjugate gradients */
    double scale;    /* of tol */
    double stop;     /* at this |gradient| */
    bool done, converged;
    bool solved;   /* d is the direction, no longer the negative gradient */
    double wd, dd; /* products of w and d */
    double step;   /* along d */
} machine;

typedef struct group {
    leat_context *context;
    const leati_newton *p;
    const leati_vec *vec;
    size_t count, rows, cols;
    machine *m;      /* (count) */
    double *numbers; /* backs the arrays of the machines */
    double *scores;  /* (rows, count) */
    double *packed;  /* (cols, count) */
    double *factor;  /* (cols, cols) with kept Hessians */
    double *twice;   /* (rows) twice the cost of rows */
    int8_t *sides;   /* (count, rows) */
    uint32_t *lists; /* (2, rows) rows that entered or left the margin */
} group;

static int side_of(const leati_newton *p, double y, double z)
{
    if (!p->regression) return y * z < 1 ? BELOW : INSIDE;
    return y - z > p->epsilon ? BELOW : z - y > p->epsilon ? ABOVE : INSIDE;
}

/* What z is drawn to on that side. */
static double target_of(const leati_newton *p, double y, int side)
{
    return p->regression ? y - side * p->epsilon : y;
}

/* slope and curvature of the objective at w + t d. */
static void along(const group *g, const machine *m, double t, double *slope, double *curve)
{
    const leati_newton *p = g->p;
    double a = 0, b = 0;
    for (size_t i = 0; i < g->rows; i++) {
        double z = m->z[i] + t * m->v[i];
        int side = side_of(p, m->y[i], z);
        if (side == INSIDE) continue;
        double u = 2 * m->cost[i] * m->v[i];
        a += u * (z - target_of(p, m->y[i], side));
        b += u * m->v[i];
    }
    *slope = m->wd + t * m->dd + a;
    *curve = m->dd + b;
}

/* The minimum along d: a root of a rising, piecewise linear slope, by Newton steps kept within a
 * bracket. */
static double search_line(const group *g, const machine *m)
{
    double low = 0, high = INFINITY, t = 1, slope, curve, start;
    along(g, m, 0, &start, &curve);
    if (!(start < 0)) return 0;
    for (int k = 0; k < LINE_STEPS; k++) {
        along(g, m, t, &slope, &curve);
        if (fabs(slope) <= 1e-12 * -start) break;
        if (slope < 0) low = t;
        else high = t;
        double next = t - slope / curve;
        if (!(next > low && next < high)) next = isinf(high) ? 2 * t : (low + high) / 2;
        if (next == t || next == low || next == high) break;
        t = next;
    }
    return t;
}

static void move_machine(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    group *g = arg;
    machine *m = &g->m[task];
    if (m->done) return;
    for (size_t i = 0; i < g->rows; i++) m->v[i] = g->scores[i * g->count + task];
    m->wd = g->vec->dot_f64(g->cols, m->w, m->d);
    m->dd = g->vec->dot_f64(g->cols, m->d, m->d);
    m->step = search_line(g, m);
    g->vec->axpy_f64(g->cols, m->step, m->d, m->w);
    g->vec->axpy_f64(g->rows, m->step, m->v, m->z);
}

/* The Hessian follows the rows that crossed the margin since it was made; it is made anew when
 * fewer rows are outside than crossed. */
static leat_status follow(group *g, machine *m)
{
    size_t entered = 0, left = 0, outside = 0;
    uint32_t *in = g->lists, *out = g->lists + g->rows;
    for (size_t i = 0; i < g->rows; i++) {
        int8_t next = (int8_t)side_of(g->p, m->y[i], m->z[i]);
        outside += next != INSIDE;
        if (next != INSIDE && m->side[i] == INSIDE) in[entered++] = (uint32_t)i;
        if (next == INSIDE && m->side[i] != INSIDE) out[left++] = (uint32_t)i;
        m->side[i] = next;
    }
    if (!m->hessian || entered + left == 0) return LEAT_OK;
    if (outside < entered + left) {
        memset(m->hessian, 0, g->cols * g->cols * sizeof *m->hessian);
        for (size_t j = 0; j < g->cols; j++) m->hessian[j * g->cols + j] = 1;
        entered = left = 0;
        for (size_t i = 0; i < g->rows; i++)
            if (m->side[i] != INSIDE) in[entered++] = (uint32_t)i;
    }
    for (size_t i = 0; i < g->rows; i++) g->twice[i] = 2 * m->cost[i];
    LEATI_TRY(leati_linear_rows_gram(g->context, g->p->x, in, entered, g->twice, 1, m->hessian));
    return leati_linear_rows_gram(g->context, g->p->x, out, left, g->twice, -1, m->hessian);
}

/* The negative gradient 2 sum of cost (target - z) x - w of all machines into their d. */
static leat_status descend(group *g)
{
    for (size_t i = 0; i < g->rows; i++)
        for (size_t k = 0; k < g->count; k++) {
            const machine *m = &g->m[k];
            double r = target_of(g->p, m->y[i], m->side[i]) - m->z[i];
            g->scores[i * g->count + k] = m->side[i] == INSIDE ? 0 : 2 * m->cost[i] * r;
        }
    LEATI_TRY(leati_linear_rows_back(g->context, g->p->x, g->scores, g->count, g->packed));
    for (size_t k = 0; k < g->count; k++)
        for (size_t j = 0; j < g->cols; j++)
            g->m[k].d[j] = g->packed[j * g->count + k] - g->m[k].w[j];
    return LEAT_OK;
}

/* scores = X d of all machines. */
static leat_status project(group *g)
{
    for (size_t k = 0; k < g->count; k++)
        for (size_t j = 0; j < g->cols; j++)
            g->packed[j * g->count + k] = g->m[k].done ? 0 : g->m[k].d[j];
    return leati_linear_rows_scores(g->context, g->p->x, g->packed, g->count, g->scores);
}

/* out = H q, with H = I + 2 sum of cost x x' over rows outside, for machine k alone. Cannot fail
 * with a kept Hessian. */
static leat_status hessian_times(group *g, const machine *m, const double *q, double *out)
{
    if (m->hessian) {
        for (size_t j = 0; j < g->cols; j++)
            out[j] = g->vec->dot_f64(g->cols, m->hessian + j * g->cols, q);
        return LEAT_OK;
    }
    double *z = g->scores;
    LEATI_TRY(leati_linear_rows_scores(g->context, g->p->x, q, 1, z));
    for (size_t i = 0; i < g->rows; i++) z[i] *= m->side[i] == INSIDE ? 0 : 2 * m->cost[i];
    LEATI_TRY(leati_linear_rows_back(g->context, g->p->x, z, 1, out));
    g->vec->axpy_f64(g->cols, 1, q, out);
    return LEAT_OK;
}

/* d = H^-1 d up to the residual above, by conjugate gradients (Hestenes and Stiefel 1952). When
 * `most` steps are too few, d takes what they gave if `anyway`, and else stays as it is. */
static leat_status solve_cg(group *g, machine *m, int most, bool anyway)
{
    size_t n = g->cols;
    double *s = m->space, *r = s + n, *q = r + n, *hq = q + n;
    memset(s, 0, n * sizeof *s);
    memcpy(r, m->d, n * sizeof *r);
    memcpy(q, m->d, n * sizeof *q);
    double rr = g->vec->dot_f64(n, r, r), aim = STOP_PART * m->stop;
    if (!m->hessian) aim = fmax(aim, RESIDUAL * sqrt(rr));
    int k = 0;
    for (; k < most && sqrt(rr) > aim; k++) {
        LEATI_TRY(hessian_times(g, m, q, hq));
        double curve = g->vec->dot_f64(n, q, hq), before = rr;
        if (!(curve > 0)) break; /* rounding has made H indefinite */
        double a = rr / curve;
        g->vec->axpy_f64(n, a, q, s);
        g->vec->axpy_f64(n, -a, hq, r);
        rr = g->vec->dot_f64(n, r, r);
        g->vec->scale_f64(n, rr / before, q);
        g->vec->axpy_f64(n, 1, r, q);
    }
    m->solved = anyway || sqrt(rr) <= aim;
    if (m->solved && k > 0) memcpy(m->d, s, n * sizeof *s);
    return LEAT_OK;
}

static void solve_short(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    group *g = arg;
    machine *m = &g->m[task];
    m->solved = false;
    if (!m->done && m->hessian) (void)solve_cg(g, m, CG_SHORT, false);
}

/* d = H^-1 d by the factor of H; by conjugate gradients when rounding has made H indefinite. */
static leat_status solve_direct(group *g, machine *m)
{
    bool definite;
    memcpy(g->factor, m->hessian, g->cols * g->cols * sizeof *g->factor);
    LEATI_TRY(leati_cholesky(g->context, g->cols, g->factor, &definite));
    if (!definite) return solve_cg(g, m, CG_STEPS, true);
    leati_cholesky_solve(g->context, g->cols, g->factor, m->d);
    return LEAT_OK;
}

/* The directions of all machines from their negative gradients. */
static leat_status solve_all(group *g)
{
    leati_parallel(g->context, g->count, solve_short, g);
    for (size_t k = 0; k < g->count; k++) {
        machine *m = &g->m[k];
        if (m->done || m->solved) continue;
        LEATI_TRY(m->hessian ? solve_direct(g, m) : solve_cg(g, m, CG_STEPS, true));
    }
    return LEAT_OK;
}

/* One step of all machines; done ones rest. */
static leat_status step(group *g, uint32_t number, bool *all_done)
{
    LEATI_TRY(descend(g));
    *all_done = true;
    for (size_t k = 0; k < g->count; k++) {
        machine *m = &g->m[k];
        if (m->done) continue;
        double norm = sqrt(g->vec->dot_f64(g->cols, m->d, m->d));
        LEATI_CHECK(g->context, isfinite(norm), LEAT_NUMERIC,
                    "the loss of the linear machine overflows; scale the features and the target");
        if (number == 0) m->stop = g->p->tol * m->scale * norm;
        m->done = m->converged = !(norm > m->stop);
        *all_done = *all_done && m->done;
    }
    if (*all_done || number == g->p->most) return LEAT_OK;
    LEATI_TRY(solve_all(g));
    LEATI_TRY(project(g));
    leati_parallel(g->context, g->count, move_machine, g);
    for (size_t k = 0; k < g->count; k++) {
        machine *m = &g->m[k];
        if (m->done) continue;
        LEATI_TRY(follow(g, m));
        if (m->step == 0) m->done = m->converged = true; /* as good as rounding allows */
    }
    return LEAT_OK;
}

/* |gradient| counts relative to the share of the smaller class, as in LIBLINEAR. */
static double scale_of(const leati_newton *p, const double *y)
{
    if (p->regression) return 1;
    double positive = 0, rows = (double)p->x->rows;
    for (size_t i = 0; i < p->x->rows; i++) positive += y[i] > 0;
    double least = positive < rows - positive ? positive : rows - positive;
    return (least < 1 ? 1 : least) / rows;
}

static leat_status open_group(group *g, leat_context *c, const leati_newton *p, size_t from,
                              size_t count)
{
    size_t n = p->x->rows, cols = p->x->cols;
    bool direct = cols <= DIRECT;
    *g = (group){
        .context = c, .p = p, .vec = leati_vec_of(c), .count = count, .rows = n, .cols = cols};
    size_t square = direct ? cols * cols : 0, each = 2 * n + 5 * cols + square;
    g->m = LEATI_NEW(c, machine, count);
    g->numbers = leati_calloc(c, count, each * sizeof *g->numbers);
    g->scores = leati_array(c, n * count, sizeof *g->scores);
    g->packed = leati_array(c, cols * count, sizeof *g->packed);
    g->factor = leati_array(c, square, sizeof *g->factor);
    g->twice = leati_array(c, n, sizeof *g->twice);
    g->sides = leati_calloc(c, count, n);
    g->lists = leati_array(c, 2 * n, sizeof *g->lists);
    if (!g->m || !g->numbers || !g->scores || !g->packed || !g->factor || !g->twice || !g->sides ||
        !g->lists)
        return leat_error_status(c);
    for (size_t k = 0; k < count; k++) {
        machine *m = &g->m[k];
        m->y = p->y + (from + k) * n;
        m->cost = p->cost + (p->shared_cost ? 0 : (from + k) * n);
        m->w = p->w + (from + k) * cols;
        m->z = g->numbers + k * each;
        m->v = m->z + n;
        m->d = m->v + n;
        m->space = m->d + cols;
        m->hessian = direct ? m->space + 4 * cols : NULL;
        m->side = g->sides + k * n;
        m->scale = scale_of(p, m->y);
        memset(m->w, 0, cols * sizeof *m->w);
        for (size_t j = 0; direct && j < cols; j++) m->hessian[j * cols + j] = 1;
    }
    return LEAT_OK;
}

static void close_group(group *g)
{
    leati_free(g->m);
    leati_free(g->numbers);
    leati_free(g->scores);
    leati_free(g->packed);
    leati_free(g->factor);
    leati_free(g->twice);
    leati_free(g->sides);
    leati_free(g->lists);
}

/* At w = 0 every row of a classifier is outside: machines of equal costs share that Hessian. */
static leat_status begin(group *g)
{
    for (size_t k = 0; k < g->count; k++) {
        machine *m = &g->m[k], *first = &g->m[0];
        bool share = k > 0 && m->hessian && g->p->shared_cost && !g->p->regression;
        if (!share) {
            LEATI_TRY(follow(g, m));
            continue;
        }
        memcpy(m->hessian, first->hessian, g->cols * g->cols * sizeof *m->hessian);
        memcpy(m->side, first->side, g->rows);
    }
    return LEAT_OK;
}

static leat_status solve_group(leat_context *c, leati_newton *p, size_t from, size_t count)
{
    group g;
    leat_status st;
    LEATI_GO(open_group(&g, c, p, from, count));
    LEATI_GO(begin(&g));
    bool done = false;
    for (uint32_t number = 0; !done && number <= p->most; number++) {
        LEATI_GO(leati_progress(c, "fitting", from, p->machines));
        LEATI_GO(step(&g, number, &done));
        if (number > p->steps) p->steps = number;
    }
    for (size_t k = 0; k < count; k++) p->converged = p->converged && g.m[k].converged;
out:
    close_group(&g);
    return st;
}

leat_status leati_newton_solve(leat_context *c, leati_newton *p)
{
    size_t cols = p->x->cols;
    double square = cols <= DIRECT ? (double)cols * (double)cols : 0;
    double each = sizeof(double) * (square + 3 * (double)p->x->rows), most = GROUP_BYTES / each;
    size_t together = most < 1 ? 1 : most < (double)p->machines ? (size_t)most : p->machines;
    p->steps = 0;
    p->converged = true;
    for (size_t from = 0; from < p->machines; from += together)
        LEATI_TRY(
            solve_group(c, p, from, from + together < p->machines ? together : p->machines - from));
    return LEAT_OK;
}
