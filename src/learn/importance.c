/* Owns: permutation importance. */
#include "learn/importance.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "learn/stats.h"

static void summarise(const double *drop, size_t repeats, double level, leati_importance *out)
{
    leati_interval x = leati_interval_mean(drop, repeats, level);
    double squares = 0;
    size_t n = 0;
    for (size_t r = 0; r < repeats; r++) {
        if (isnan(drop[r])) continue;
        squares += (drop[r] - x.estimate) * (drop[r] - x.estimate);
        n++;
    }
    double spread = n > 1 ? sqrt(squares / (double)(n - 1)) : (double)NAN;
    *out = (leati_importance){x.estimate, spread, x.low, x.high};
}

leat_status leati_permutation_importance(leat_context *c, const leati_metric *m, size_t rows,
                                         size_t features, uint32_t repeats, double level,
                                         uint64_t seed, leati_importance_fn evaluate, void *user,
                                         double *base, leati_importance *out)
{
    LEATI_CHECK(c, rows > 0 && rows < UINT32_MAX, LEAT_INVALID,
                "permutation importance needs rows to shuffle");
    LEATI_CHECK(c, repeats > 0, LEAT_INVALID, "permutation importance needs at least one repeat");
    double sign = m->greater_is_better ? 1 : -1;
    uint32_t *order = leati_array(c, rows, sizeof *order);
    double *drop = leati_array(c, repeats, sizeof *drop);
    leat_status st = order && drop ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) st = evaluate(user, 0, NULL, base);
    for (size_t j = 0; j < features && st == LEAT_OK; j++) {
        for (uint32_t r = 0; r < repeats; r++) {
            leati_rng rng;
            double score = (double)NAN;
            leati_rng_init(&rng, seed, LEATI_RNG_PERMUTE, (uint32_t)(j * repeats + r));
            for (size_t i = 0; i < rows; i++) order[i] = (uint32_t)i;
            leati_rng_shuffle(&rng, order, rows);
            LEATI_GO(leati_progress(c, "importance", j * repeats + r, features * repeats));
            LEATI_GO(evaluate(user, j, order, &score));
            drop[r] = sign * (*base - score);
        }
        summarise(drop, repeats, level, &out[j]);
    }
out:
    leati_free(order);
    leati_free(drop);
    return st;
}
