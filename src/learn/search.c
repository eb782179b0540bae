/* Owns: running candidates, all alike or by successive halving, until the deadline. */
#include "learn/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"

size_t leati_halving_rounds(size_t candidates, uint32_t factor, double least_resource,
                            leati_round out[LEATI_MOST_ROUNDS])
{
    size_t rounds = 1;
    double resource = 1;
    if (factor < 2) factor = 2;
    /* As many rounds as candidates can be thinned out and the resource divided. */
    for (size_t left = candidates; left > factor && rounds < LEATI_MOST_ROUNDS; rounds++) {
        if (resource / factor < least_resource * (1 - 1e-12)) break;
        resource /= factor;
        left = (left + factor - 1) / factor;
    }
    size_t left = candidates;
    for (size_t r = 0; r < rounds; r++) {
        out[r].candidates = left;
        out[r].resource = r + 1 == rounds ? 1 : resource;
        resource *= factor;
        left = (left + factor - 1) / factor;
    }
    return rounds;
}

typedef struct run_state {
    leat_context *c;
    leati_search_result *out;
    size_t capacity, most;
    leati_evaluate_fn evaluate;
    void *user;
} run_state;

static leat_status try_candidate(run_state *s, size_t index, uint32_t round, double resource)
{
    leati_search_result *out = s->out;
    double before = leati_now_s();
    if (s->most && out->count >= s->most) {
        out->out_of_time = true;
        return LEAT_OK;
    }
    LEATI_TRY(leati_grow(s->c, &out->trial, &s->capacity, out->count + 1, sizeof *out->trial));
    double score = (double)NAN;
    leat_status st = s->evaluate(s->user, index, resource, &score);
    if (st == LEAT_CANCELLED && out->count && leati_out_of_time(s->c)) {
        leat_error_clear(s->c);
        out->out_of_time = true;
        return LEAT_OK;
    }
    LEATI_TRY(st);
    out->trial[out->count++] = (leati_trial){index, round, resource, score, leati_now_s() - before};
    return LEAT_OK;
}

static bool better(const leati_trial *a, const leati_trial *b)
{
    if (isnan(a->score) || isnan(b->score)) return isnan(b->score) && !isnan(a->score);
    return a->score > b->score;
}

static int best_first(const void *a, const void *b)
{
    const leati_trial *x = a, *y = b;
    if (better(x, y)) return -1;
    if (better(y, x)) return 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void find_best(leati_search_result *out)
{
    /* The last round with a trial decides: scores of different resources do not compare. */
    for (size_t i = 0; i < out->count; i++) {
        const leati_trial *x = &out->trial[i], *best = &out->trial[out->best];
        if (x->round > best->round || (x->round == best->round && better(x, best))) out->best = i;
    }
}

/* alive: the candidates of the round; sorted: scratch. */
static leat_status run_rounds(run_state *s, const leati_round *round, size_t rounds, size_t *alive,
                              leati_trial *sorted)
{
    leati_search_result *out = s->out;
    for (size_t r = 0; r < rounds; r++) {
        size_t first = out->count, n = round[r].candidates;
        for (size_t i = 0; i < n && !out->out_of_time; i++)
            LEATI_TRY(try_candidate(s, alive[i], (uint32_t)r, round[r].resource));
        if (out->out_of_time || r + 1 == rounds) break;
        memcpy(sorted, out->trial + first, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, best_first);
        for (size_t i = 0; i < round[r + 1].candidates; i++) alive[i] = sorted[i].index;
    }
    return LEAT_OK;
}

leat_status leati_search_run(leat_context *c, leati_search_result *out, size_t candidates,
                             const leati_search_spec *spec, double least_resource, size_t most,
                             leati_evaluate_fn evaluate, void *user)
{
    *out = (leati_search_result){0};
    LEATI_CHECK(c, candidates > 0, LEAT_INVALID, "there are no candidates to search");
    leati_round round[LEATI_MOST_ROUNDS] = {{candidates, 1}};
    size_t rounds = 1;
    if (spec->kind == LEATI_SEARCH_HALVING)
        rounds = leati_halving_rounds(candidates, spec->factor, least_resource, round);
    run_state s = {c, out, 0, most, evaluate, user};
    size_t *alive = leati_array(c, candidates, sizeof *alive);
    leati_trial *sorted = leati_array(c, candidates, sizeof *sorted);
    leat_status st = alive && sorted ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < candidates; i++) alive[i] = i;
    if (st == LEAT_OK) st = run_rounds(&s, round, rounds, alive, sorted);
    leati_free(alive);
    leati_free(sorted);
    if (st != LEAT_OK) leati_search_result_fini(out);
    else find_best(out);
    return st;
}

void leati_search_result_fini(leati_search_result *r)
{
    leati_free(r->trial);
    *r = (leati_search_result){0};
}
