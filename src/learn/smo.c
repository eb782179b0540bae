/* Owns: the dual solver of kernel machines. Not: kernel rows (smo_source.c), labels, costs and what
 * becomes of the solution (svc_fit.c, svr.c). */
#include "learn/smo.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"
#include "kernel/smo_pass.h"

enum { GATHER_BYTES = 16 << 20, SHRINK_EVERY = 1000, PROGRESS_EVERY = 512 };

#define TAU 1e-12 /* least curvature along a direction, as LIBSVM */

/* Arrays over the active variables, in ascending order of the variables, so that shrinking is a
 * compaction; and kernel rows gathered into that order. */
typedef struct solver {
    leat_context *context;
    leati_smo *p;
    const leati_smo_pass *pass;
    const double *diagonal; /* of the source */
    size_t active;
    uint32_t *index;  /* (count) variable at an active place */
    uint32_t *column; /* (count) its kernel row */
    double *f;        /* (count) F of the active variables */
    double *self;     /* (count) K(x, x) */
    uint8_t *state;   /* (count) LEATI_SMO_UP, LEATI_SMO_LOW */
    bool identity;    /* a source row serves as it is */
    bool unshrunk;
    leati_smo_range range; /* of F over the active set */

    /* Gathered rows, directly mapped by kernel row; stamp 0 is none. */
    size_t slots;
    float *gathered; /* (slots + 1, count); the last one when two rows want one slot */
    uint32_t *tag;   /* (slots) kernel row */
    uint32_t *stamp; /* (slots) active set it was gathered for */
    uint32_t now;
} solver;

static void *get(const solver *s, size_t count, size_t size)
{
    size_t bytes;
    if (leati_mul_overflows(count, size, &bytes)) return NULL;
    return leati_alloc_quiet(s->context, bytes ? bytes : 1);
}

static void release(solver *s)
{
    leati_free(s->index);
    leati_free(s->column);
    leati_free(s->f);
    leati_free(s->self);
    leati_free(s->state);
    leati_free(s->gathered);
    leati_free(s->tag);
    leati_free(s->stamp);
}

static uint8_t state_of(const leati_smo *p, size_t t)
{
    return (uint8_t)((p->beta[t] < p->upper[t] ? LEATI_SMO_UP : 0) |
                     (p->beta[t] > p->lower[t] ? LEATI_SMO_LOW : 0));
}

/* Whether the active variables are the rows of the source in order. */
static bool is_identity(const solver *s)
{
    for (size_t t = 0; t < s->active; t++)
        if (s->column[t] != t) return false;
    return true;
}

/* All variables become active; F stays to be set. */
static void activate_all(solver *s)
{
    const leati_smo *p = s->p;
    s->active = p->count;
    for (size_t t = 0; t < p->count; t++) {
        s->index[t] = (uint32_t)t;
        s->column[t] = p->column[t];
        s->self[t] = s->diagonal[p->column[t]];
        s->state[t] = state_of(p, t);
    }
    s->identity = is_identity(s);
    s->now++;
}

static bool start(solver *s)
{
    const leati_smo *p = s->p;
    size_t n = p->count, row = n * sizeof(float);
    s->slots = GATHER_BYTES / row;
    if (s->slots < 16) s->slots = 16;
    if (s->slots > n) s->slots = n;
    s->index = get(s, n, sizeof *s->index);
    s->column = get(s, n, sizeof *s->column);
    s->f = get(s, n, sizeof *s->f);
    s->self = get(s, n, sizeof *s->self);
    s->state = get(s, n, 1);
    s->gathered = get(s, s->slots + 1, row);
    s->tag = get(s, s->slots, sizeof *s->tag);
    s->stamp = get(s, s->slots, sizeof *s->stamp);
    if (!s->index || !s->column || !s->f || !s->self || !s->state || !s->gathered || !s->tag ||
        !s->stamp)
        return false;
    memset(s->stamp, 0, s->slots * sizeof *s->stamp);
    memset(p->beta, 0, n * sizeof *p->beta);
    memcpy(s->f, p->linear, n * sizeof *s->f);
    activate_all(s);
    s->range = s->pass->range(s->active, s->f, s->state);
    return true;
}

/* A missing row is loaded with the rows of the worst violators: they are likely to be next. Half
 * of the batch has the largest F that may rise, half the smallest that may fall. */
static leat_status load_near(solver *s, uint32_t column, uint32_t keep)
{
    enum { MOST = 64 };
    uint32_t wanted[MOST + 1];
    double key[MOST];
    size_t batch = leati_smo_source_batch(s->p->source), count = 1;
    wanted[0] = column;
    for (int side = 0; side < 2; side++) {
        size_t room = (batch - 1) / 2 < MOST / 2 ? (batch - 1) / 2 : MOST / 2, have = 0;
        uint32_t *list = wanted + count;
        for (size_t t = 0; room && t < s->active; t++) {
            double v = side ? -s->f[t] : s->f[t];
            if (!(s->state[t] & (side ? LEATI_SMO_LOW : LEATI_SMO_UP))) continue;
            if (have == room && v <= key[have - 1]) continue;
            if (leati_smo_source_row(s->p->source, s->column[t])) continue;
            size_t at = have < room ? have++ : have - 1;
            for (; at > 0 && key[at - 1] < v; at--) {
                key[at] = key[at - 1];
                list[at] = list[at - 1];
            }
            key[at] = v;
            list[at] = s->column[t];
        }
        count += have;
    }
    return leati_smo_source_load(s->p->source, wanted, count, keep);
}

/* The kernel row of the active variable t in the order of the active set, or NULL (see *st).
 * `other` is the variable whose row must stay valid, or SIZE_MAX. */
static const float *row_of(solver *s, size_t t, size_t other, leat_status *st)
{
    uint32_t column = s->column[t];
    size_t slot = column % s->slots;
    if (!s->identity && s->stamp[slot] == s->now && s->tag[slot] == column)
        return s->gathered + slot * s->p->count;
    const float *row = leati_smo_source_row(s->p->source, column);
    if (!row) {
        uint32_t keep = other == SIZE_MAX ? UINT32_MAX : s->column[other];
        *st = load_near(s, column, keep);
        if (*st != LEAT_OK) return NULL;
        row = leati_smo_source_row(s->p->source, column);
    }
    if (s->identity) return row;
    bool clash = other != SIZE_MAX && s->column[other] % s->slots == slot;
    if (clash) slot = s->slots;
    else {
        s->tag[slot] = column;
        s->stamp[slot] = s->now;
    }
    float *out = s->gathered + slot * s->p->count;
    for (size_t u = 0; u < s->active; u++) out[u] = row[s->column[u]];
    return out;
}

/* Moves b_i up and b_j down by the same amount along the line to the best point in the box. */
static double step(solver *s, size_t i, size_t j, const float *row_i)
{
    leati_smo *p = s->p;
    double curve = s->self[i] + s->self[j] - 2 * (double)row_i[j];
    double delta = (s->f[i] - s->f[j]) / (curve > 0 ? curve : TAU);
    uint32_t up = s->index[i], down = s->index[j];
    double room_up = p->upper[up] - p->beta[up], room_down = p->beta[down] - p->lower[down];
    double room = room_up < room_down ? room_up : room_down;
    if (delta > room) delta = room;
    p->beta[up] = delta == room_up ? p->upper[up] : p->beta[up] + delta;
    p->beta[down] = delta == room_down ? p->lower[down] : p->beta[down] - delta;
    s->state[i] = state_of(p, up);
    s->state[j] = state_of(p, down);
    return delta;
}

static leat_status iterate(solver *s)
{
    leat_status st = LEAT_OK;
    size_t i = s->range.arg_up;
    const float *row_i = row_of(s, i, SIZE_MAX, &st);
    if (!row_i) return st;
    size_t j = s->pass->partner(s->active, s->f, s->state, row_i, s->self, s->range.up, s->self[i]);
    const float *row_j = row_of(s, j, i, &st);
    if (!row_j) return st;
    double delta = step(s, i, j, row_i);
    s->range = s->pass->update(s->active, s->f, s->state, row_i, row_j, delta);
    return LEAT_OK;
}

/* F of all variables anew: f = p - K b. */
static leat_status reconstruct(solver *s)
{
    leati_smo *p = s->p;
    uint32_t next[64];
    size_t batch = leati_smo_source_batch(p->source), count = 0;
    activate_all(s);
    memcpy(s->f, p->linear, p->count * sizeof *s->f);
    for (size_t j = 0, ahead = 0; j < p->count; j++) {
        if (p->beta[j] == 0) continue;
        if (!leati_smo_source_row(p->source, p->column[j])) {
            for (count = 0, ahead = j; ahead < p->count && count < batch; ahead++)
                if (p->beta[ahead] != 0) next[count++] = p->column[ahead];
            LEATI_TRY(leati_smo_source_load(p->source, next, count, UINT32_MAX));
        }
        const float *row = leati_smo_source_row(p->source, p->column[j]);
        double b = p->beta[j];
        if (s->identity)
            for (size_t t = 0; t < p->count; t++) s->f[t] -= b * (double)row[t];
        else
            for (size_t t = 0; t < p->count; t++) s->f[t] -= b * (double)row[s->column[t]];
    }
    s->range = s->pass->range(s->active, s->f, s->state);
    return LEAT_OK;
}

/* A variable at a bound whose F lies well on the bound's side will likely stay there. */
static bool may_leave(const solver *s, size_t t)
{
    if (s->state[t] == LEATI_SMO_LOW) return s->f[t] > s->range.up;
    if (s->state[t] == LEATI_SMO_UP) return s->f[t] < s->range.low;
    return s->state[t] == 0;
}

static leat_status shrink(solver *s)
{
    if (!s->unshrunk && s->range.up - s->range.low <= 10 * s->p->tol) {
        s->unshrunk = true;
        if (s->active < s->p->count) LEATI_TRY(reconstruct(s));
    }
    size_t kept = 0;
    for (size_t t = 0; t < s->active; t++) {
        if (may_leave(s, t)) continue;
        s->index[kept] = s->index[t];
        s->column[kept] = s->column[t];
        s->f[kept] = s->f[t];
        s->self[kept] = s->self[t];
        s->state[kept++] = s->state[t];
    }
    if (kept == s->active) return LEAT_OK;
    s->active = kept;
    s->identity = false;
    s->now++;
    s->range = s->pass->range(s->active, s->f, s->state);
    return LEAT_OK;
}

static bool optimal(const solver *s)
{
    return !(s->range.up - s->range.low >= s->p->tol);
}

static leat_status look_up(solver *s, bool quiet)
{
    if (quiet) return leati_stopping(s->context) ? LEAT_CANCELLED : LEAT_OK;
    return leati_progress(s->context, "solving", s->p->iterations, 0);
}

static leat_status loop(solver *s, bool quiet)
{
    leati_smo *p = s->p;
    size_t every = p->count < SHRINK_EVERY ? p->count : SHRINK_EVERY, countdown = every;
    for (p->iterations = 0; p->iterations < p->most; p->iterations++) {
        if (p->shrinking && countdown-- == 0) {
            countdown = every;
            LEATI_TRY(shrink(s));
        }
        if (optimal(s)) {
            if (s->active < p->count) LEATI_TRY(reconstruct(s));
            if (optimal(s)) break;
            countdown = 0;
        }
        if (p->iterations % PROGRESS_EVERY == 0) LEATI_TRY(look_up(s, quiet));
        LEATI_TRY(iterate(s));
    }
    if (s->active < p->count) LEATI_TRY(reconstruct(s));
    p->converged = optimal(s);
    return LEAT_OK;
}

/* Minus the mean of F over the free variables; without any, the middle of what is allowed. */
static double offset(const solver *s)
{
    double sum = 0;
    size_t count = 0;
    for (size_t t = 0; t < s->active; t++) {
        if (s->state[t] != (LEATI_SMO_UP | LEATI_SMO_LOW)) continue;
        sum += s->f[t];
        count++;
    }
    if (count) return -sum / (double)count;
    bool up = isfinite(s->range.up), low = isfinite(s->range.low);
    if (up && low) return -(s->range.up + s->range.low) / 2;
    return up ? -s->range.up : low ? -s->range.low : 0;
}

leat_status leati_smo_solve(leat_context *c, leati_smo *p, bool quiet)
{
    p->rho = 0;
    p->iterations = 0;
    p->converged = true;
    if (p->count == 0) return LEAT_OK;
    solver s = {.context = c,
                .p = p,
                .pass = leati_smo_pass_of(c),
                .diagonal = leati_smo_source_diagonal(p->source)};
    leat_status st = LEAT_NOMEM;
    if (start(&s)) {
        st = loop(&s, quiet);
        p->rho = offset(&s);
    } else if (!quiet) LEATI_FAIL(c, LEAT_NOMEM, "out of memory in the solver");
    release(&s);
    return st;
}
