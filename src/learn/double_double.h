/* Twice the working precision as an unevaluated sum of two doubles (Dekker 1971; Ogita, Rump and
 * Oishi 2005). Needs strict IEEE arithmetic: the library is built without contraction. */
#ifndef LEATI_LEARN_DOUBLE_DOUBLE_H
#define LEATI_LEARN_DOUBLE_DOUBLE_H

#include <math.h>

typedef struct leati_dd {
    double high, low; /* |low| <= ulp(high) / 2 */
} leati_dd;

/* a + b exactly (Knuth). */
static inline leati_dd leati_dd_sum(double a, double b)
{
    double s = a + b, t = s - a;
    return (leati_dd){s, (a - (s - t)) + (b - t)};
}

/* a * b exactly. */
static inline leati_dd leati_dd_product(double a, double b)
{
    double p = a * b;
    return (leati_dd){p, fma(a, b, -p)};
}

static inline leati_dd leati_dd_add(leati_dd a, leati_dd b)
{
    leati_dd s = leati_dd_sum(a.high, b.high);
    s.low += a.low + b.low;
    return leati_dd_sum(s.high, s.low);
}

static inline leati_dd leati_dd_times(leati_dd a, double b)
{
    leati_dd p = leati_dd_product(a.high, b);
    p.low += a.low * b;
    return leati_dd_sum(p.high, p.low);
}

static inline double leati_dd_value(leati_dd a)
{
    return a.high + a.low;
}

#endif
