/* Sums that do not lose digits: Neumaier's compensated summation (ZAMM 54, 1974). */
#ifndef LEATI_LEARN_STATS_SUM_H
#define LEATI_LEARN_STATS_SUM_H

#include <math.h>

typedef struct leati_sum {
    double sum, rest;
} leati_sum;

static inline void leati_sum_add(leati_sum *s, double x)
{
    double t = s->sum + x;
    s->rest += fabs(s->sum) >= fabs(x) ? (s->sum - t) + x : (x - t) + s->sum;
    s->sum = t;
}

static inline double leati_sum_value(const leati_sum *s)
{
    /* An infinite term makes the rest NaN. */
    return isfinite(s->sum) ? s->sum + s->rest : s->sum;
}

#endif
