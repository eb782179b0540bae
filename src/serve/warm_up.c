/* Owns: warming up a served version: what is made on first use, how long rows take, whether joining
 * requests pays and gives the same bytes. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "serve/served.h"

enum {
    SLOWEST_RUN_NS = 50000000, /* longer runs than this are not made by joining */
    LOOP_RUN_NS = 500000,      /* nor on an event loop than this */
    LOOP_ROWS = 4,             /* fewer are not worth joining there */
    LEAST_SAVING_NS = 2000,    /* a row, about ten times what joining costs */
    POSITIONS = 16             /* places of rows that are compared */
};

/* Values between those of training that differ from row to row; the same at every start. */
static double between(double low, double high, size_t row, size_t k)
{
    uint64_t x = (row * 1000003 + k + 1) * UINT64_C(0x9e3779b97f4a7c15);
    double share = (double)((x ^ x >> 29) >> 40) / (double)(1 << 24);
    return isfinite(low) && isfinite(high) ? low + share * (high - low) : share;
}

static bool set_array(leati_ask *a, const leati_port *p, size_t input, size_t row)
{
    bool bytes = p->item == LEATI_ITEM_U8;
    for (size_t k = 0; k < p->elements; k++) {
        double value = between(bytes ? 0 : p->low, bytes ? 255 : p->high, row, k);
        a->elements[k] = bytes ? floor(value) : value;
    }
    return leati_ask_array(a, input, a->elements, p->elements);
}

static bool set_input(leati_ask *a, const leati_served *s, size_t input, size_t row)
{
    const leati_port *p = &s->ports[input];
    switch (p->role) {
    case LEATI_ROLE_CATEGORY: return leati_ask_text(a, input, row % 2 ? "a b c" : "");
    case LEATI_ROLE_TIME: return leati_ask_time(a, input, (int64_t)row * 86400000000);
    case LEATI_ROLE_ARRAY: return set_array(a, p, input, row);
    default: return leati_ask_number(a, input, between(p->low, p->high, row, input));
    }
}

static bool predict(const leati_served *s, leati_ask *a, size_t first, size_t rows,
                    leati_fault *why)
{
    leati_ask_begin(a, true, why);
    for (size_t r = first; r < first + rows; r++) {
        for (size_t i = 0; i < s->inputs; i++)
            if (!set_input(a, s, i, r)) return false;
        if (!leati_ask_next(a)) return false;
    }
    return leati_ask_end(a);
}

/* The shorter one of two runs, of several rows at once one, after one that makes what is made on
 * first use: a server is ready when this is over. */
static bool measure(const leati_served *s, leati_ask *a, size_t rows, uint64_t *ns,
                    leati_fault *why)
{
    *ns = UINT64_MAX;
    for (int turn = 0; turn < (rows > 1 ? 2 : 3); turn++) {
        if (!predict(s, a, 0, rows, why)) return false;
        if (turn && a->infer_ns < *ns) *ns = a->infer_ns;
    }
    return true;
}

/* ---- joining ----------------------------------------------------------------------------------
 */

/* What single rows gave: rows 0 and 1, and the last one of every power of two. */
typedef struct singles {
    size_t count, row[POSITIONS];
    double value[POSITIONS];
    double *proba; /* (POSITIONS, classes) */
} singles;

/* `row` is a new one, larger than those that are known. */
static bool take_single(const leati_served *s, leati_ask *a, size_t row, singles *k,
                        leati_fault *why)
{
    if (!predict(s, a, row, 1, why)) return false;
    k->row[k->count] = row;
    k->value[k->count] = a->value[0];
    if (a->classes)
        memcpy(k->proba + k->count * a->classes, a->proba, a->classes * sizeof *k->proba);
    k->count++;
    return true;
}

/* Whether the run that just ended gave the same bits to the rows that it shares with them. */
static bool same_bits(const leati_ask *a, const singles *k)
{
    for (size_t i = 0; i < k->count; i++) {
        size_t row = k->row[i];
        if (row >= a->rows) break;
        if (memcmp(&a->value[row], &k->value[i], sizeof k->value[i]) != 0) return false;
        if (a->classes && memcmp(a->proba + row * a->classes, k->proba + i * a->classes,
                                 a->classes * sizeof *k->proba) != 0)
            return false;
    }
    return true;
}

/* Twice as many rows must bring this much, else all larger sizes are left untried. */
static bool gains(uint64_t ns, size_t rows, uint64_t before)
{
    return (double)ns / (double)rows <= 0.875 * (double)before / ((double)rows / 2);
}

/* A run just too long for an event loop may have met a hiccup: it decides for as long as the
 * version is served, so it is measured once more. */
static bool measure_size(const leati_served *s, leati_ask *a, size_t rows, uint64_t *ns,
                         leati_fault *why)
{
    uint64_t again = UINT64_MAX;
    if (!measure(s, a, rows, ns, why)) return false;
    if (rows == LOOP_ROWS && *ns > LOOP_RUN_NS && *ns / 2 <= LOOP_RUN_NS &&
        !measure(s, a, rows, &again, why))
        return false;
    if (again < *ns) *ns = again;
    return true;
}

/* Tries 2, 4, 8 ... rows at once, as far as a run stays short, gains on two of half the rows and
 * its bits are those of single rows. The next run takes longer than this one as this one did than
 * the one before: runs that would be too long are not made, for a server is ready when this is
 * over. */
static bool try_sizes(leati_served *s, const leati_served_plan *plan, leati_ask *a, singles *k,
                      leati_fault *why)
{
    size_t most = plan->join_rows < a->room / 2 ? plan->join_rows : a->room / 2, best = 0;
    uint64_t ns = s->row_ns, best_ns = ns, before = ns;
    bool on_loop = false;
    for (size_t rows = 2; rows <= most && 2 * ns <= SLOWEST_RUN_NS; rows *= 2) {
        double growth = fmax(1, (double)ns / (double)(before + 1));
        if (on_loop && (double)ns * growth > LOOP_RUN_NS) break;
        before = ns;
        if (k->count < POSITIONS && !take_single(s, a, rows - 1, k, why)) return false;
        if (!measure_size(s, a, rows, &ns, why)) return false;
        bool same = same_bits(a, k);
        /* Models that are not padded also run with sizes between. */
        if (same && !a->padded && rows > 2) {
            if (!predict(s, a, 0, rows - 1, why)) return false;
            same = same_bits(a, k);
        }
        if (!same) break;
        if (on_loop && ns > LOOP_RUN_NS) break; /* long enough already */
        on_loop = !plan->join_waits && ns <= LOOP_RUN_NS && (on_loop || rows >= LOOP_ROWS);
        if (!on_loop && rows > 2 && !gains(ns, rows, before)) break;
        best = rows;
        best_ns = ns;
    }
    uint64_t share = best ? best_ns / best : s->row_ns;
    bool pays = s->row_ns >= share + LEAST_SAVING_NS && share * 5 <= s->row_ns * 4;
    s->join_rows = pays ? best : 0;
    s->join_on_loop = pays && on_loop;
    return true;
}

static bool decide(leati_served *s, const leati_served_plan *plan, leati_ask *a, leati_fault *why)
{
    singles k = {0};
    if (plan->join_rows < 2 || a->room < 4 || s->row_ns <= LEAST_SAVING_NS) return true;
    k.proba = leati_array(a->context, POSITIONS * (a->classes + 1), sizeof *k.proba);
    if (!k.proba) return leati_fault_from(why, a->context);
    bool ok = take_single(s, a, 0, &k, why) && try_sizes(s, plan, a, &k, why);
    leati_free(k.proba);
    return ok;
}

leat_status leati_served_warm_up(leati_served *s, const leati_served_plan *plan, uint32_t slot,
                                 leati_fault *why)
{
    leati_ask *a = &s->ask[slot];
    uint64_t ns;
    if (slot >= s->slots - plan->unhurried) return LEAT_OK;
    bool before = leati_context_set_made_up(a->context, true);
    bool ok = slot ? predict(s, a, 0, 1, why) : measure(s, a, 1, &ns, why);
    if (ok && slot == 0) {
        s->row_ns = ns;
        ok = decide(s, plan, a, why);
    }
    bool joins = s->join_on_loop == (slot < plan->loops); /* the threads where joined runs are */
    for (size_t rows = 2; ok && slot && joins && rows <= s->join_rows; rows *= 2)
        ok = predict(s, a, 0, rows, why);
    (void)leati_context_set_made_up(a->context, before);
    return ok ? LEAT_OK : why->http == 503 ? LEAT_NOMEM : LEAT_INTERNAL;
}
