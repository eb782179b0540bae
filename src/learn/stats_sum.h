/* Sums that do not lose digits: Neumaier's compensated summation (ZAMM 54, 1974). */
#ifndef LEATI_LEARN_STATS_SUM_H
#define LEATI_LEARN_STATS_SUM_H

#include <math.h>
#include <stdbool.h>

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

/* The unit in which numbers up to `most` are squared and cubed without underflow or overflow: 1, or
 * a power of two of their size, by which they are divided exactly. */
static inline double leati_unit_of(double most)
{
    bool fine = most > 0x1p-300 && most < 0x1p300;
    return fine || !(most > 0) || isinf(most) ? 1 : ldexp(1, ilogb(most));
}

#endif
