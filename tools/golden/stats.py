#!/usr/bin/env python3
"""Writes tests/golden/statistics.h: distribution functions, tests and intervals.

Run with mpmath 1.3.0, scipy 1.17.1 and numpy 2.4.6. Distribution functions come from mpmath at 50
digits, and scipy's must agree to 1e-9 (scipy alone is not exact enough to judge by); tests and
intervals come from scipy, or, where it has none, from a plain evaluation of the cited formula.
"""
import itertools
import pathlib

import mpmath as mp
import numpy as np
import scipy
from scipy import special, stats

assert scipy.__version__ == "1.17.1", scipy.__version__
mp.mp.dps = 60


def close(ours, theirs, what):
    ours = float(ours)
    if not abs(ours - theirs) <= 1e-9 * abs(theirs) + 1e-300:
        raise SystemExit(f"{what}: mpmath {ours!r}, scipy {theirs!r}")
    return ours


def beta(x, a, b):
    """I_x(a, b) by a series of positive terms (DLMF 8.17.8); mpmath's own gives up when a is large."""
    x, a, b = mp.mpf(x), mp.mpf(a), mp.mpf(b)
    if x > a / (a + b):
        return 1 - beta(1 - x, b, a)
    term = total = mp.mpf(1)
    n = 0
    while term > total * mp.mpf(10) ** -48:
        term *= (a + b + n) / (a + 1 + n) * x
        total += term
        n += 1
    front = a * mp.log(x) + b * mp.log(1 - x) + mp.loggamma(a + b) - mp.loggamma(a + 1)
    return mp.exp(front - mp.loggamma(b)) * total


def gamma_p(a, x):
    """P(a, x) by a series of positive terms (DLMF 8.11.4)."""
    a, x = mp.mpf(a), mp.mpf(x)
    term = total = mp.mpf(1)
    n = 1
    while term > total * mp.mpf(10) ** -48:
        term *= x / (a + n)
        total += term
        n += 1
    return mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1)) * total


def t_sf(t, df):
    t, df = mp.mpf(t), mp.mpf(df)
    tail = beta(df / (df + t * t), df / 2, mp.mpf(1) / 2) / 2
    return tail if t > 0 else 1 - tail


def root(f, start, p):
    return mp.findroot(lambda x: mp.log(f(x)) - mp.log(mp.mpf(p)),
                       (mp.mpf(start), mp.mpf(start) * (1 + mp.mpf(10) ** -8)))


def distribution_rows():
    normal = [(x, close(mp.ncdf(x), stats.norm.cdf(x), "normal"))
              for x in (-38.0, -20.0, -8.5, -3.0, -1.0, -1e-9, 0.0, 0.5, 2.0, 6.0)]
    yield "normal_cdf", 1, normal
    yield "normal_quantile", 1, [
        (p, close(mp.sqrt(2) * mp.erfinv(2 * mp.mpf(p) - 1) if p > 1e-30 else
                  root(mp.ncdf, stats.norm.ppf(p), p), stats.norm.ppf(p), "normal quantile"))
        for p in (1e-300, 1e-20, 1e-5, 0.001, 0.025, 0.3, 0.5000001, 0.8, 0.975, 0.995, 1 - 1e-10)]
    yield "beta_cdf", 3, [
        (x, a, b, close(beta(x, a, b), special.betainc(a, b, x), f"beta {x} {a} {b}"))
        for x, a, b in ((0.5, 0.5, 0.5), (0.01, 0.5, 5), (0.3, 2, 7), (0.9, 2, 7), (0.999, 40, 1.5),
                        (0.5, 1000, 1000), (0.49, 1e5, 1e5), (0.001, 3, 1e4), (0.2, 0.001, 3),
                        (0.7, 30.5, 12.25), (1e-10, 0.5, 3), (0.05, 100, 20))]
    yield "gamma_q", 2, [
        (a, x, close(1 - gamma_p(a, x), special.gammaincc(a, x),
                     f"gamma {a} {x}"))
        for a, x in ((0.5, 0.1), (0.5, 30), (1, 1), (3.5, 2), (3.5, 9), (50, 60), (50, 120),
                     (1e4, 1e4), (1e4, 1.03e4), (0.01, 0.5))]
    yield "gamma_p", 2, [
        (a, x, close(gamma_p(a, x), special.gammainc(a, x),
                     f"gamma {a} {x}"))
        for a, x in ((0.5, 1e-12), (2, 0.001), (20, 5), (20, 25), (300, 200), (1e4, 9.7e3))]
    yield "t_sf", 2, [
        (t, df, close(t_sf(t, df), stats.t.sf(t, df), f"t {t} {df}"))
        for t, df in ((0.1, 1), (2.5, 1), (1e5, 1), (1e-8, 3), (2.262, 9), (-1.5, 9), (40, 9),
                      (1.96, 1000), (6, 1e6), (3.3, 2.5))]
    yield "t_quantile", 2, [
        (p, df, close(root(lambda t: 1 - t_sf(t, df), stats.t.ppf(p, df), p), stats.t.ppf(p, df),
                      "t quantile"))
        for p, df in ((0.975, 1), (0.975, 9), (0.995, 4), (0.6, 2), (0.025, 9), (0.9999, 30),
                      (0.975, 1e4), (0.95, 1.5))]
    yield "chi2_sf", 2, [
        (x, df, close(1 - gamma_p(mp.mpf(df) / 2, mp.mpf(x) / 2),
                      stats.chi2.sf(x, df), "chi2"))
        for x, df in ((0.5, 1), (3.84, 1), (100, 1), (7, 4), (30, 50), (1200, 1000))]
    yield "chi2_quantile", 2, [
        (p, df, close(root(lambda x: gamma_p(mp.mpf(df) / 2, x / 2),
                           stats.chi2.ppf(p, df), p), stats.chi2.ppf(p, df), "chi2 quantile"))
        for p, df in ((0.95, 1), (0.05, 1), (0.5, 7), (0.999, 20), (0.01, 300))]
    yield "f_sf", 3, [
        (f, a, b, close(beta(mp.mpf(b) / (b + a * mp.mpf(f)), mp.mpf(b) / 2, mp.mpf(a) / 2),
                        stats.f.sf(f, a, b), "F"))
        for f, a, b in ((1.0, 1, 1), (4.5, 2, 30), (0.2, 5, 7), (60, 3, 12), (1.2, 200, 300))]
    yield "beta_quantile", 3, [
        (p, a, b, close(root(lambda x: beta(x, a, b), stats.beta.ppf(p, a, b), p),
                        stats.beta.ppf(p, a, b), "beta quantile"))
        for p, a, b in ((0.025, 3, 8), (0.975, 3, 8), (0.5, 0.5, 0.5), (0.01, 100, 2))]
    yield "binomial_cdf", 3, [
        (k, n, p, close(sum(mp.binomial(n, i) * mp.mpf(p) ** i * (1 - mp.mpf(p)) ** (n - i)
                            for i in range(k + 1)), stats.binom.cdf(k, n, p), "binomial"))
        for k, n, p in ((0, 10, 0.5), (3, 10, 0.5), (2, 7, 0.9), (180, 400, 0.5), (40, 1000, 0.05))]
    yield "binomial_pmf", 3, [
        (k, n, p, close(mp.binomial(n, k) * mp.mpf(p) ** k * (1 - mp.mpf(p)) ** (n - k),
                        stats.binom.pmf(k, n, p), "binomial"))
        for k, n, p in ((0, 10, 0.5), (3, 10, 0.5), (7, 7, 0.9), (180, 400, 0.5), (40, 1000, 0.05))]

    def range_sf(q, k):
        # The rule is exact to far below 1e-12 at this step.
        step, total = mp.mpf(1) / 16, mp.mpf(0)
        for i in range(-16 * 16, int(16 * (16 + q)) + 1):
            z = i * step
            inside, below = mp.ncdf(z), mp.ncdf(z - q)
            total += mp.npdf(z) * (inside ** (k - 1) - (inside - below) ** (k - 1))
        return k * total * step

    yield "range_sf", 2, [
        (q, k, close(range_sf(mp.mpf(q), k), stats.studentized_range.sf(q, k, np.inf), "range"))
        for q, k in ((0.5, 2), (2.772, 2), (3.314, 3), (4.0, 6), (4.474, 10), (1.0, 10))]


def c_array(kind, name, values):
    def text(v):
        return "(double)NAN" if isinstance(v, float) and np.isnan(v) else repr(float(v))
    return (f"static const {kind} {name}[] = {{" + ", ".join(text(v) for v in np.ravel(values)) +
            "};")


def delong(label, scores):
    """Areas and their covariance straight from the definition (DeLong et al. 1988, eq. 4-6)."""
    def psi(x, y):
        return 1.0 if x > y else 0.5 if x == y else 0.0
    v10, v01 = [], []
    for s in scores:
        xs, ys = s[label == 1], s[label == 0]
        v10.append([np.mean([psi(x, y) for y in ys]) for x in xs])
        v01.append([np.mean([psi(x, y) for x in xs]) for y in ys])
    area = np.mean(v10, axis=1)
    cov = np.cov(v10) / len(v10[0]) + np.cov(v01) / len(v01[0])
    return area, cov


def main():
    out = ["/* Written by tools/golden/stats.py with mpmath 1.3.0 and scipy 1.17.1; do not edit. */",
           "#include <math.h>", "#include <stddef.h>", "#include <stdint.h>", "",
           "typedef struct golden_point {", "    double x[3], value;", "} golden_point;", "",
           "typedef struct golden_function {", "    const char *name;",
           "    const golden_point *point;", "    size_t points;", "} golden_function;", ""]
    table = []
    for name, count, rows in distribution_rows():
        text = ", ".join("{{" + ", ".join(repr(float(v)) for v in r[:count]) + f"}}, {r[count]!r}}}"
                         for r in rows)
        out.append(f"static const golden_point points_{name}[] = {{{text}}};")
        table.append(f'{{"{name}", points_{name}, {len(rows)}}}')
    out.append("static const golden_function golden_functions[] = {" + ", ".join(table) + "};")

    wilson = []
    for k, n, level in ((0, 10, 0.95), (3, 10, 0.95), (10, 10, 0.95), (931, 1000, 0.99)):
        ci = stats.binomtest(k, n).proportion_ci(level, method="wilson")
        wilson += [k, n, level, ci.low, ci.high]
    out.append(c_array("double", "golden_wilson", wilson))

    rng = np.random.default_rng(7)
    diff = np.round(rng.normal(0.4, 1, 24), 6)
    assert len(set(abs(diff))) == 24  # no ties: the exact distribution applies
    tied = np.round(rng.normal(0.3, 1, 40), 1)
    few = np.round(rng.normal(0.5, 1, 9), 3)
    large = np.round(rng.normal(0.1, 1, 80), 4)
    out.append(c_array("double", "wilcoxon_exact", diff))
    out.append(c_array("double", "wilcoxon_tied", tied))
    out.append(c_array("double", "wilcoxon_few", few))
    out.append(c_array("double", "wilcoxon_large", large))
    results = [stats.wilcoxon(diff, method="exact"), stats.wilcoxon(tied, method="approx"),
               stats.wilcoxon(few, method="exact"), stats.wilcoxon(large, method="approx")]
    out.append(c_array("double", "wilcoxon_results",
                       [v for r in results for v in (r.statistic, r.pvalue)]))

    one = stats.ttest_1samp(few, 0)
    ci = one.confidence_interval(0.95)
    out.append(c_array("double", "student_result", [one.statistic, one.pvalue, ci.low, ci.high]))

    signs = np.array(list(itertools.product((1, -1), repeat=len(few)))) @ few
    out.append(f"static const double permutation_p = "
               f"{float(np.mean(np.abs(signs) >= abs(few.sum()) - 1e-12))!r};")

    mcnemar = []
    for b, c in ((0, 0), (3, 9), (12, 12), (1, 0), (40, 71)):
        exact = stats.binomtest(min(b, c), b + c).pvalue if b + c else 1.0
        mid = min(1.0, exact - (stats.binom.pmf(b, b + c, 0.5) if b != c else 0)) if b + c else 1.0
        if b == c and b:
            mid = 1 - stats.binom.pmf(b, b + c, 0.5)
            # 2 P(X <= b) - P(X = b) = 1 when b = c
            mid = 1.0
        chi2 = stats.chi2.sf((max(abs(b - c) - 1, 0)) ** 2 / (b + c), 1) if b + c else 1.0
        mcnemar += [b, c, exact, mid, chi2]
    out.append(c_array("double", "golden_mcnemar", mcnemar))

    score = np.round(rng.normal(0.8, 0.05, (12, 4)) + [0.02, 0, 0.03, -0.02], 2)
    f = stats.friedmanchisquare(*score.T)
    ranks = np.mean([stats.rankdata(-row) for row in score], axis=0)
    out.append(c_array("double", "friedman_score", score))
    out.append(c_array("double", "friedman_result", [f.statistic, f.pvalue, *ranks]))

    p = np.array([0.01, 0.04, 0.03, 0.005, 0.6, 0.04])
    order = np.argsort(p, kind="stable")
    holm = np.empty(6)
    holm[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(6, 0, -1)))
    out.append(c_array("double", "holm_p", p))
    out.append(c_array("double", "holm_adjusted", holm))

    label = (rng.random(60) < 0.45).astype(int)
    first = np.round(label + rng.normal(0, 1.0, 60), 1)
    second = np.round(label + rng.normal(0, 1.6, 60), 1)
    area, cov = delong(label, [first, second])
    out.append("static const uint32_t delong_label[] = {" + ", ".join(map(str, label)) + "};")
    out.append(c_array("double", "delong_first", first))
    out.append(c_array("double", "delong_second", second))
    z = (area[0] - area[1]) / np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    logit, half = np.log(area[0] / (1 - area[0])), 1.959963984540054 * np.sqrt(cov[0, 0])
    half /= area[0] * (1 - area[0])
    out.append(c_array("double", "delong_result", [
        area[0], area[1], z, 2 * stats.norm.sf(abs(z)), special.expit(logit - half),
        special.expit(logit + half)]))

    # Bootstrap intervals of scipy, from many resamples, against which ours must come close.
    error = np.round(rng.gamma(1.5, 2.0, 80), 3)
    out.append(c_array("double", "bootstrap_error", error))
    ends = []
    for method in ("BCa", "percentile"):
        ci = stats.bootstrap((error,), np.mean, n_resamples=200000, method=method, batch=10000,
                             rng=np.random.default_rng(1)).confidence_interval
        ends += [ci.low, ci.high]
    out.append(c_array("double", "bootstrap_result", ends))
    path = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "statistics.h"
    path.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
