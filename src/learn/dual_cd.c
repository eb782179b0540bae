/* Owns: the dual solver of linear machines. */
#include "learn/dual_cd.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

/* Smaller steps change nothing that matters and cost a row. */
#define LEAST_STEP 1e-12

static double limit(const leati_dual_cd *p, size_t i)
{
    return p->squared ? INFINITY : p->cost[i];
}

static double ridge(const leati_dual_cd *p, size_t i)
{
    return p->squared ? 0.5 / p->cost[i] : 0;
}

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

/* One step on a row; false when the row leaves the active set. */
static bool step_class(leati_dual_cd *p, size_t i)
{
    double old = p->alpha[i], most = limit(p, i), d = ridge(p, i);
    double gradient = p->y[i] * leati_linear_rows_dot(p->x, i, p->w) - 1 + old * d;
    double projected = gradient;
    if (old == 0) {
        if (gradient > p->high) return false;
        if (gradient > 0) projected = 0;
    } else if (old == most) {
        if (gradient < p->low) return false;
        if (gradient < 0) projected = 0;
    }
    if (projected > p->next_high) p->next_high = projected;
    if (projected < p->next_low) p->next_low = projected;
    if (fabs(projected) <= LEAST_STEP) return true;
    double curve = p->x->square[i] + d;
    double next = curve > 0 ? clamp(old - gradient / curve, 0, most) : gradient < 0 ? most : 0;
    if (isinf(next)) return true; /* a zero row under no limit: no effect on w */
    p->alpha[i] = next;
    if (next == old) return true;
    leati_linear_rows_add(p->x, i, (next - old) * p->y[i], p->w);
    return p->moved = true;
}

static bool step_number(leati_dual_cd *p, size_t i)
{
    double old = p->alpha[i], most = limit(p, i), d = ridge(p, i);
    double gradient = -p->y[i] + d * old + leati_linear_rows_dot(p->x, i, p->w);
    double above = gradient + p->epsilon, below = gradient - p->epsilon, violation = 0;
    if (old == 0) {
        if (above < 0) violation = -above;
        else if (below > 0) violation = below;
        else if (above > p->high && below < -p->high) return false;
    } else if (old >= most) {
        if (above > 0) violation = above;
        else if (above < -p->high) return false;
    } else if (old <= -most) {
        if (below < 0) violation = -below;
        else if (below > p->high) return false;
    } else violation = fabs(old > 0 ? above : below);
    if (violation > p->next_high) p->next_high = violation;
    p->sum += violation;
    double curve = p->x->square[i] + d, step = -old;
    if (!(curve > 0)) return true;
    if (above < curve * old) step = -above / curve;
    else if (below > curve * old) step = -below / curve;
    if (fabs(step) < LEAST_STEP) return true;
    p->alpha[i] = clamp(old + step, -most, most);
    if (p->alpha[i] == old) return true;
    leati_linear_rows_add(p->x, i, p->alpha[i] - old, p->w);
    return p->moved = true;
}

/* Brings the first lines of the row after the present one; its rest follows by itself. Inlined by
 * force: GCC takes a function that only prefetches for one without effect and drops the call. */
static inline __attribute__((always_inline)) void prefetch(const leati_linear_rows *x, size_t row)
{
    const char *at =
        x->f64 ? (const char *)(x->f64 + row * x->cols) : (const char *)(x->f32 + row * x->cols);
    for (size_t line = 0; line < 8; line++) __builtin_prefetch(at + 64 * line);
}

static void pass(leati_dual_cd *p)
{
    bool (*step)(leati_dual_cd *, size_t) = p->regression ? step_number : step_class;
    leati_rng_shuffle(&p->rng, p->index, p->active);
    p->next_high = p->regression ? 0 : -INFINITY;
    p->next_low = INFINITY;
    p->sum = 0;
    p->moved = false;
    for (size_t at = 0; at < p->active;) {
        uint32_t row = p->index[at];
        if (at + 1 < p->active) prefetch(p->x, p->index[at + 1]);
        if (step(p, row)) at++;
        else {
            p->index[at] = p->index[--p->active];
            p->index[p->active] = row;
        }
    }
}

static void loosen(leati_dual_cd *p)
{
    p->high = INFINITY;
    p->low = -INFINITY;
}

void leati_dual_cd_run(leati_dual_cd *out, uint32_t passes)
{
    /* On this thread's stack: solvers side by side in an array would share cache lines. */
    leati_dual_cd own = *out, *p = &own;
    for (; !p->done && passes > 0; passes--) {
        pass(p);
        if (p->passes++ == 0) p->first = p->sum;
        bool quiet =
            p->regression ? p->sum <= p->tol * p->first : !(p->next_high - p->next_low > p->tol);
        quiet = quiet || !p->moved;
        p->converged = quiet && p->active == p->x->rows;
        p->done = p->converged || p->passes >= p->most;
        if (quiet) {
            p->active = p->x->rows;
            loosen(p);
            continue;
        }
        p->high = p->regression || p->next_high > 0 ? p->next_high : INFINITY;
        p->low = p->next_low < 0 ? p->next_low : -INFINITY;
    }
    *out = own;
}

leat_status leati_dual_cd_init(leat_context *c, leati_dual_cd *p)
{
    size_t n = p->x->rows;
    p->passes = 0;
    p->converged = p->done = false;
    p->active = n;
    p->alpha = leati_calloc(c, n, sizeof *p->alpha);
    p->index = leati_array(c, n, sizeof *p->index);
    if (!p->alpha || !p->index) return leat_error_status(c);
    memset(p->w, 0, p->x->cols * sizeof *p->w);
    for (size_t i = 0; i < n; i++) p->index[i] = (uint32_t)i;
    loosen(p);
    return LEAT_OK;
}

uint32_t leati_dual_cd_round(const leati_linear_rows *x)
{
    enum { CELLS = 1 << 27, MOST = 1 << 10 };
    size_t passes = CELLS / (x->rows * x->cols + 1);
    return passes < 1 ? 1 : passes > MOST ? MOST : (uint32_t)passes;
}

void leati_dual_cd_fini(leati_dual_cd *p)
{
    leati_free(p->alpha);
    leati_free(p->index);
    p->alpha = NULL;
    p->index = NULL;
}
