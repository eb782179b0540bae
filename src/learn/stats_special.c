/* Owns: distribution functions and their quantiles. */
#define _DEFAULT_SOURCE /* lgamma_r */
#include "learn/stats_special.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define SQRT_HALF   0.70710678118654752440
#define SQRT_TWO_PI 2.50662827463100050242
#define TWO_PI      6.28318530717958647693

/* --- normal -------------------------------------------------------------------------------------
 */

double leati_normal_cdf(double x)
{
    return erfc(-x * SQRT_HALF) / 2;
}

double leati_normal_sf(double x)
{
    return erfc(x * SQRT_HALF) / 2;
}

/* The z > 0 with sf(z) = p <= 1/2: Newton's method on ln sf, which is concave, from the start of
 * Abramowitz and Stegun 26.2.23. */
static double normal_upper(double p)
{
    double t = sqrt(-2 * log(p));
    double z = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                       (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    for (int i = 0; i < 8; i++) {
        double sf = leati_normal_sf(z);
        double density = exp(-z * z / 2) / SQRT_TWO_PI;
        if (!(density > 0)) break;
        double step = sf / density * log(sf / p);
        z += step;
        if (fabs(step) <= 1e-16 * fabs(z)) break;
    }
    return z;
}

/* The z with Phi(z) - 1/2 = d for small d, where the tails have lost the digits of z. */
static double normal_middle(double d)
{
    double z = d * SQRT_TWO_PI;
    for (int i = 0; i < 8; i++) {
        double step = (erf(z * SQRT_HALF) / 2 - d) * SQRT_TWO_PI * exp(z * z / 2);
        z -= step;
        if (fabs(step) <= 1e-16 * fabs(z)) break;
    }
    return z;
}

double leati_normal_quantile(double p)
{
    if (!(p >= 0 && p <= 1)) return (double)NAN;
    if (p == 0 || p == 1) return p == 0 ? -(double)INFINITY : (double)INFINITY;
    if (fabs(p - 0.5) < 0.2) return normal_middle(p - 0.5);
    return p < 0.5 ? -normal_upper(p) : normal_upper(1 - p);
}

/* --- gamma --------------------------------------------------------------------------------------
 */

double leati_log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* --- Loader's parts
 * --------------------------------------------------------------------------------
 */

/* ln Gamma(n + 1) - the Stirling formula: the error that it makes. */
static double stirling_error(double n)
{
    if (n < 16) return leati_log_gamma(n + 1) - (n + 0.5) * log(n) + n - log(SQRT_TWO_PI);
    double s = 1 / (n * n);
    return (1.0 / 12 -
            s * (1.0 / 360 -
                 s * (1.0 / 1260 -
                      s * (1.0 / 1680 - s * (1.0 / 1188 - s * (691.0 / 360360 - s / 156)))))) /
           n;
}

/* x ln(x / m) + m - x, the deviance, without cancellation near x = m. */
static double deviance(double x, double m)
{
    if (x == 0) return m;
    double d = x - m;
    if (fabs(d) >= 0.1 * (x + m)) return x * log(x / m) - d;
    double v = d / (x + m), sum = d * v, term = 2 * x * v;
    for (int j = 1; j < 1000; j++) {
        term *= v * v;
        double next = sum + term / (2 * j + 1);
        if (next == sum) break;
        sum = next;
    }
    return sum;
}

/* p^x q^(n-x) Gamma(n+1) / (Gamma(x+1) Gamma(n-x+1)) for real x; p + q = 1. */
static double binomial_term(double x, double n, double p, double q)
{
    if (p == 0) return x == 0;
    if (q == 0) return x == n;
    if (x == 0) return n == 0 ? 1 : exp(p < 0.1 ? n * log1p(-p) : n * log(q));
    if (x == n) return exp(q < 0.1 ? n * log1p(-q) : n * log(p));
    double c = stirling_error(n) - stirling_error(x) - stirling_error(n - x);
    double e = deviance(x, n * p) + deviance(n - x, n * q);
    return exp(c - e) * sqrt(n / (TWO_PI * x * (n - x)));
}

/* e^-m m^x / Gamma(x+1) for real x. */
static double poisson_term(double x, double m)
{
    if (m == 0) return x == 0;
    if (x == 0) return exp(-m);
    return exp(-stirling_error(x) - deviance(x, m)) / sqrt(TWO_PI * x);
}

/* --- incomplete beta
 * ------------------------------------------------------------------------------ */

enum { MOST_STEPS = 200000 };

static double away_from_zero(double x)
{
    return fabs(x) < 1e-300 ? 1e-300 : x;
}

/* The continued fraction of I_x(a, b) (Abramowitz and Stegun 26.5.8) for x below the mean. */
static double beta_fraction(double x, double a, double b)
{
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), h = d;
    for (int m = 1; m < MOST_STEPS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        h *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        h *= d * c;
        if (fabs(d * c - 1) < DBL_EPSILON) break;
    }
    return h;
}

/* I_x(a, b) where x is below (a + 1) / (a + b + 2); y = 1 - x. */
static double beta_low(double x, double y, double a, double b)
{
    /* x^a y^b / (a B(a, b)) */
    double front = b / (a + b) * binomial_term(a, a + b, x, y);
    return front * beta_fraction(x, a, b);
}

static double beta_part(double x, double y, double a, double b, bool upper)
{
    if (!(a > 0) || !(b > 0) || isnan(x) || isnan(y)) return (double)NAN;
    if (x <= 0) return upper;
    if (y <= 0) return !upper;
    if (x < (a + 1) / (a + b + 2)) {
        double low = beta_low(x, y, a, b);
        return upper ? 1 - low : low;
    }
    double high = beta_low(y, x, b, a);
    return upper ? high : 1 - high;
}

double leati_beta_cdf(double x, double a, double b)
{
    return beta_part(x, 1 - x, a, b, false);
}

double leati_beta_sf(double x, double a, double b)
{
    return beta_part(x, 1 - x, a, b, true);
}

/* --- incomplete gamma
 * ------------------------------------------------------------------------------ */

/* P(a, x) for x < a + 1 by its series (Abramowitz and Stegun 6.5.29). */
static double gamma_series(double a, double x)
{
    double sum = 1, term = 1;
    for (int n = 1; n < MOST_STEPS && term > sum * (DBL_EPSILON / 4); n++) {
        term *= x / (a + n);
        sum += term;
    }
    return sum * poisson_term(a, x);
}

/* Q(a, x) for x >= a + 1 by its continued fraction (Abramowitz and Stegun 6.5.31). */
static double gamma_fraction(double a, double x)
{
    double b = x + 1 - a, c = 1e300, d = 1 / away_from_zero(b), h = d;
    for (int i = 1; i < MOST_STEPS; i++) {
        double an = -i * (i - a);
        b += 2;
        d = 1 / away_from_zero(an * d + b);
        c = away_from_zero(b + an / c);
        h *= d * c;
        if (fabs(d * c - 1) < DBL_EPSILON) break;
    }
    /* x^a e^-x / Gamma(a) = a times the Poisson term. */
    return h * a * poisson_term(a, x);
}

double leati_gamma_p(double a, double x)
{
    if (!(a > 0) || !(x >= 0)) return (double)NAN;
    if (isinf(x)) return 1;
    return x < a + 1 ? gamma_series(a, x) : 1 - gamma_fraction(a, x);
}

double leati_gamma_q(double a, double x)
{
    if (!(a > 0) || !(x >= 0)) return (double)NAN;
    if (isinf(x)) return 0;
    return x < a + 1 ? 1 - gamma_series(a, x) : gamma_fraction(a, x);
}

/* --- chi squared, t, F, binomial
 * --------------------------------------------------------------------
 */

double leati_chi2_sf(double x, double df)
{
    return x <= 0 ? 1 : leati_gamma_q(df / 2, x / 2);
}

double leati_t_sf(double t, double df)
{
    if (isnan(t) || !(df > 0)) return (double)NAN;
    if (isinf(df)) return leati_normal_sf(t);
    if (isinf(t)) return t < 0;
    double whole = df + t * t;
    double tail = beta_part(df / whole, t * t / whole, df / 2, 0.5, false) / 2;
    return t > 0 ? tail : 1 - tail;
}

double leati_t_cdf(double t, double df)
{
    return leati_t_sf(-t, df);
}

double leati_f_sf(double f, double df1, double df2)
{
    if (!(f > 0)) return isnan(f) ? f : 1;
    if (isinf(f)) return 0;
    double whole = df2 + df1 * f;
    return beta_part(df2 / whole, df1 * f / whole, df2 / 2, df1 / 2, false);
}

double leati_binomial_cdf(double k, double n, double p)
{
    k = floor(k);
    if (k < 0) return 0;
    if (k >= n) return 1;
    return beta_part(1 - p, p, n - k, k + 1, false);
}

double leati_binomial_pmf(double k, double n, double p)
{
    if (k < 0 || k > n || k != floor(k)) return 0;
    return binomial_term(k, n, p, 1 - p);
}

/* --- quantiles ----------------------------------------------------------------------------------
 */

typedef struct target {
    double (*f)(double x, const struct target *t); /* monotone */
    double a, b, p;
    bool falls;
} target;

/* The x in [low, high] where f reaches p, to the last bit: halves the interval. */
static double solve(const target *t, double low, double high)
{
    for (int i = 0; i < 2000; i++) {
        double x = low + (high - low) / 2;
        if (x <= low || x >= high) break;
        bool below = t->falls ? t->f(x, t) > t->p : t->f(x, t) < t->p;
        if (below) low = x;
        else high = x;
    }
    return low + (high - low) / 2;
}

/* Doubles high until f has passed p. */
static double bracket(const target *t, double high)
{
    while (high < 1e300 && (t->falls ? t->f(high, t) > t->p : t->f(high, t) < t->p)) high *= 2;
    return high;
}

static double f_beta(double x, const target *t)
{
    return leati_beta_cdf(x, t->a, t->b);
}

static double f_chi2_p(double x, const target *t)
{
    return leati_gamma_p(t->a / 2, x / 2);
}

static double f_chi2_q(double x, const target *t)
{
    return leati_gamma_q(t->a / 2, x / 2);
}

static double f_t(double x, const target *t)
{
    return leati_t_sf(x, t->a);
}

static double f_range(double x, const target *t)
{
    return leati_range_sf(x, (size_t)t->a);
}

double leati_beta_quantile(double p, double a, double b)
{
    if (!(p >= 0 && p <= 1)) return (double)NAN;
    if (p == 0 || p == 1) return p;
    return solve(&(target){f_beta, a, b, p, false}, 0, 1);
}

double leati_chi2_quantile(double p, double df)
{
    if (!(p >= 0 && p < 1)) return p == 1 ? (double)INFINITY : (double)NAN;
    target t =
        p < 0.5 ? (target){f_chi2_p, df, 0, p, false} : (target){f_chi2_q, df, 0, 1 - p, true};
    return p == 0 ? 0 : solve(&t, 0, bracket(&t, 1));
}

double leati_t_quantile(double p, double df)
{
    if (!(p > 0 && p < 1))
        return p == 0 ? -(double)INFINITY : p == 1 ? (double)INFINITY : (double)NAN;
    if (p == 0.5) return 0;
    target t = {f_t, df, 0, p < 0.5 ? p : 1 - p, true};
    double x = solve(&t, 0, bracket(&t, 1));
    return p < 0.5 ? -x : x;
}

/* --- range
 * ------------------------------------------------------------------------------------------ */

/* k times the integral of phi(z) (Phi(z) - Phi(z - q))^(k-1) is P(range <= q), with z the largest;
 * 1 - that, written without cancellation, by the trapezoidal rule, which converges geometrically
 * for integrands that vanish at both ends. */
double leati_range_sf(double q, size_t k)
{
    if (k < 2 || !(q > 0)) return isnan(q) ? q : 1;
    const double low = -8.5, high = 8.5, step = 1.0 / 64;
    double sum = 0;
    for (double z = low; z <= high + q; z += step) {
        double inside = leati_normal_cdf(z), below = leati_normal_cdf(z - q);
        if (inside <= 0) continue;
        /* phi(z) (Phi(z)^(k-1) - (Phi(z) - Phi(z-q))^(k-1)) */
        double power = pow(inside, (double)(k - 1));
        double lost = -expm1((double)(k - 1) * log1p(-below / inside));
        sum += exp(-z * z / 2) * power * lost;
    }
    double sf = (double)k * sum * step / SQRT_TWO_PI;
    return sf > 1 ? 1 : sf;
}

double leati_range_quantile(double alpha, size_t k)
{
    if (!(alpha > 0 && alpha < 1) || k < 2) return (double)NAN;
    target t = {f_range, (double)k, 0, alpha, true};
    return solve(&t, 0, bracket(&t, 8));
}
