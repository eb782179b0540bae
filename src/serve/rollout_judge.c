/* Owns: bins of latency; findings of rules. Not: what follows from them (rollout_walk.c). */
#include "serve/rollout_judge.h"

#include <math.h>

#include "learn/sequential.h"

enum { PARTS = 16, PARTS_SHIFT = 4 }; /* of a doubling */

size_t leati_latency_bin(uint64_t ns)
{
    uint64_t v = ns >> LEATI_LATENCY_UNIT;
    if (v < PARTS) return (size_t)v;
    unsigned top = 63 - (unsigned)__builtin_clzll(v);
    size_t i = (size_t)(top - PARTS_SHIFT + 1) * PARTS + (v >> (top - PARTS_SHIFT) & (PARTS - 1));
    return i < LEATI_LATENCY_BINS ? i : LEATI_LATENCY_BINS - 1;
}

double leati_latency_edge(size_t bin)
{
    if (bin + 1 >= LEATI_LATENCY_BINS) return (double)INFINITY;
    uint64_t next = bin + 1, first = next;
    if (next >= PARTS) first = (uint64_t)(PARTS + next % PARTS) << (next / PARTS - 1);
    return (double)((first << LEATI_LATENCY_UNIT) - 1);
}

void leati_arm_stats_since(leati_arm_stats *now, const leati_arm_stats *then)
{
    now->requests -= then->requests;
    now->errors -= then->errors;
    now->sum_us -= then->sum_us;
    now->squares_us -= then->squares_us;
    for (size_t i = 0; i < LEATI_LATENCY_BINS; i++) now->bin[i] -= then->bin[i];
}

void leati_shadow_stats_since(leati_shadow_stats *now, const leati_shadow_stats *then)
{
    now->compared -= then->compared;
    now->differing -= then->differing;
    now->failed -= then->failed;
    now->dropped -= then->dropped;
    now->rows -= then->rows;
    now->rows_differing -= then->rows_differing;
    now->sum_difference -= then->sum_difference;
}

/* Counts are kept as numbers with a sign. */
static bool add_count(uint64_t *sum, uint64_t more)
{
    bool fits = *sum <= INT64_MAX && more <= INT64_MAX - *sum;
    *sum += more;
    return fits;
}

bool leati_arm_stats_add(leati_arm_stats *sum, const leati_arm_stats *more)
{
    bool fits = add_count(&sum->requests, more->requests);
    fits = add_count(&sum->errors, more->errors) && fits;
    for (size_t i = 0; i < LEATI_LATENCY_BINS; i++)
        fits = add_count(&sum->bin[i], more->bin[i]) && fits;
    sum->sum_us += more->sum_us;
    sum->squares_us += more->squares_us;
    return fits && isfinite(sum->sum_us) && isfinite(sum->squares_us);
}

bool leati_shadow_stats_add(leati_shadow_stats *sum, const leati_shadow_stats *more)
{
    bool fits = add_count(&sum->compared, more->compared);
    fits = add_count(&sum->differing, more->differing) && fits;
    fits = add_count(&sum->failed, more->failed) && fits;
    fits = add_count(&sum->dropped, more->dropped) && fits;
    fits = add_count(&sum->rows, more->rows) && fits;
    fits = add_count(&sum->rows_differing, more->rows_differing) && fits;
    sum->sum_difference += more->sum_difference;
    sum->largest_difference = fmax(sum->largest_difference, more->largest_difference);
    sum->largest_probability = fmax(sum->largest_probability, more->largest_probability);
    return fits && isfinite(sum->sum_difference);
}

/* ---- views ------------------------------------------------------------------------------------
 */

typedef struct binned {
    leati_binned view;
    double edges[LEATI_LATENCY_BINS], below[LEATI_LATENCY_BINS];
} binned;

static void bin_up(binned *b, const leati_arm_stats *arm)
{
    double sum = 0;
    for (size_t i = 0; i < LEATI_LATENCY_BINS; i++) {
        sum += (double)arm->bin[i];
        b->edges[i] = leati_latency_edge(i);
        b->below[i] = sum;
    }
    b->view = (leati_binned){b->edges, b->below, LEATI_LATENCY_BINS};
}

static leati_moments moments(const leati_arm_stats *arm)
{
    double answered = (double)(arm->requests - arm->errors);
    return (leati_moments){answered, arm->sum_us, arm->squares_us};
}

static leati_share errors(const leati_arm_stats *arm)
{
    return (leati_share){(double)arm->errors, (double)arm->requests};
}

double leati_arm_quantile(const leati_arm_stats *arm, double q)
{
    binned b;
    bin_up(&b, arm);
    return leati_binned_quantile(&b.view, q);
}

double leati_arm_mean(const leati_arm_stats *arm)
{
    leati_moments m = moments(arm);
    return m.count > 0 ? 1e3 * m.sum / m.count : (double)NAN;
}

static double share(uint64_t part, uint64_t of)
{
    return of ? (double)part / (double)of : (double)NAN;
}

/* ---- findings ---------------------------------------------------------------------------------
 */

typedef struct evidence {
    double above, below; /* the limit */
} evidence;

static evidence of_errors(const leati_rule *r, const leati_arm_stats *stable,
                          const leati_arm_stats *candidate, leati_judgement *out)
{
    leati_share x = errors(candidate), y = errors(stable);
    out->value = share(candidate->errors, candidate->requests);
    out->limit = r->offset;
    if (!r->relative)
        return (evidence){leati_evidence_above(x, r->offset), leati_evidence_below(x, r->offset)};
    out->limit += r->factor * share(stable->errors, stable->requests);
    return (evidence){leati_evidence_share_above(x, y, r->factor, r->offset),
                      leati_evidence_share_below(x, y, r->factor, r->offset)};
}

static evidence of_disagreement(const leati_rule *r, const leati_shadow_stats *shadow,
                                leati_judgement *out)
{
    leati_share x = {(double)shadow->differing, (double)shadow->compared};
    out->value = share(shadow->differing, shadow->compared);
    out->limit = r->offset;
    return (evidence){leati_evidence_above(x, r->offset), leati_evidence_below(x, r->offset)};
}

static evidence of_mean(const leati_rule *r, const leati_arm_stats *stable,
                        const leati_arm_stats *candidate, leati_judgement *out)
{
    leati_moments x = moments(candidate), y = moments(stable);
    const leati_moments *other = r->relative ? &y : NULL;
    double offset = r->offset / 1e3;
    out->value = leati_arm_mean(candidate);
    out->limit = r->offset + (r->relative ? r->factor * leati_arm_mean(stable) : 0);
    return (evidence){leati_evidence_mean_above(x, other, r->factor, offset),
                      leati_evidence_mean_below(x, other, r->factor, offset)};
}

static evidence of_latency(const leati_rule *r, const leati_arm_stats *stable,
                           const leati_arm_stats *candidate, leati_judgement *out)
{
    binned x, y;
    bin_up(&x, candidate);
    bin_up(&y, stable);
    const leati_binned *other = r->relative ? &y.view : NULL;
    out->value = leati_binned_quantile(&x.view, r->quantile);
    out->limit = r->offset;
    if (other) out->limit += r->factor * leati_binned_quantile(other, r->quantile);
    return (evidence){
        leati_evidence_quantile_above(&x.view, other, r->quantile, r->factor, r->offset),
        leati_evidence_quantile_below(&x.view, other, r->quantile, r->factor, r->offset)};
}

static double p_value(double e)
{
    double p = exp(-e);
    return p < 1 ? p : 1;
}

leati_judgement leati_rule_judge(const leati_rule *rule, const leati_arm_stats *stable,
                                 const leati_arm_stats *candidate, const leati_shadow_stats *shadow,
                                 double alpha)
{
    leati_judgement out = {0};
    evidence e = {0, 0};
    switch (rule->measure) {
    case LEATI_ERROR_RATE: e = of_errors(rule, stable, candidate, &out); break;
    case LEATI_DISAGREEMENT: e = of_disagreement(rule, shadow, &out); break;
    case LEATI_MEAN_LATENCY: e = of_mean(rule, stable, candidate, &out); break;
    case LEATI_LATENCY: e = of_latency(rule, stable, candidate, &out); break;
    }
    out.broken_p = p_value(e.above);
    out.kept_p = p_value(e.below);
    if (out.broken_p <= alpha) out.finding = LEATI_RULE_BROKEN;
    else if (out.kept_p <= alpha) out.finding = LEATI_RULE_KEPT;
    return out;
}
