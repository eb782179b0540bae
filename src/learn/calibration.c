/* Owns: reliability bins and calibration errors. */
#include "learn/calibration.h"

#include <math.h>

#include "base/error.h"
#include "learn/metric_row.h"

static size_t bin_of(double p, size_t bins)
{
    double at = p * (double)bins;
    if (!(at > 0)) return 0;
    return at < (double)bins ? (size_t)at : bins - 1;
}

leat_status leati_calibration_curve(leat_context *c, const leati_eval *e, uint32_t class,
                                    size_t bins, leati_calibration_bin *bin)
{
    LEATI_TRY(leati_eval_check(c, e));
    LEATI_CHECK(c, e->task == LEATI_CLASSIFY && e->proba, LEAT_INVALID,
                "calibration needs probabilities");
    LEATI_CHECK(c, bins > 0, LEAT_INVALID, "calibration needs at least one bin");
    LEATI_CHECK(c, class < e->classes || class == UINT32_MAX, LEAT_INVALID,
                "there is no class number %u", class);
    for (size_t b = 0; b < bins; b++)
        bin[b] = (leati_calibration_bin){.low = (double)b / (double)bins,
                                         .high = (double)(b + 1) / (double)bins};
    for (size_t i = 0; i < e->rows; i++) {
        const double *p = e->proba + i * e->classes;
        uint32_t k = class == UINT32_MAX ? 0 : class;
        for (uint32_t j = 1; class == UINT32_MAX && j < e->classes; j++)
            if (p[j] > p[k]) k = j;
        double w = leati_weight(e->weight, i);
        leati_calibration_bin *b = &bin[bin_of(p[k], bins)];
        b->weight += w;
        b->predicted += w * p[k];
        if (e->label[i] == k) b->observed += w;
    }
    for (size_t b = 0; b < bins; b++) {
        bool any = bin[b].weight > 0;
        bin[b].predicted = any ? bin[b].predicted / bin[b].weight : (double)NAN;
        bin[b].observed = any ? bin[b].observed / bin[b].weight : (double)NAN;
    }
    return LEAT_OK;
}

double leati_calibration_error(const leati_calibration_bin *bin, size_t bins, double *largest)
{
    double sum = 0, weight = 0, most = 0;
    for (size_t b = 0; b < bins; b++) {
        if (!(bin[b].weight > 0)) continue;
        double gap = fabs(bin[b].observed - bin[b].predicted);
        sum += bin[b].weight * gap;
        weight += bin[b].weight;
        if (gap > most) most = gap;
    }
    if (largest) *largest = weight > 0 ? most : (double)NAN;
    return weight > 0 ? sum / weight : (double)NAN;
}
