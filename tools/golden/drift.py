#!/usr/bin/env python3
"""Writes tests/golden/drift.h: measures of drift, scores without labels, gaps between groups.

Run with scipy 1.17.1, scikit-learn 1.9.1 and numpy 2.4.6. The population stability index has no home
there: it is a plain evaluation of the formula in docs/monitoring.md. Wasserstein distances are
scipy's between the means of the cells, which is what the window keeps.
"""
import pathlib

import numpy as np
import scipy
import sklearn
from scipy import special, stats
from scipy.spatial.distance import jensenshannon
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

assert scipy.__version__ == "1.17.1", scipy.__version__
assert sklearn.__version__ == "1.9.1", sklearn.__version__
rng = np.random.default_rng(20261121)
out = ["/* Written by tools/golden/drift.py with scipy 1.17.1, scikit-learn 1.9.1 and numpy 2.4.6. */",
       "#ifndef GOLDEN_DRIFT_H", "#define GOLDEN_DRIFT_H", "", "#include <stddef.h>",
       "#include <stdint.h>", ""]


def array(kind, name, values, form=repr):
    out.append(f"static const {kind} {name}[] = {{")
    line = "   "
    for v in values:
        text = " " + form(v) + ","
        if len(line) + len(text) > 100:
            out.append(line)
            line = "   "
        line += text
    out.extend([line, "};"])


def doubles(name, values):
    array("double", name, [float(v) for v in values])


def wholes(name, values):
    array("uint64_t", name, [int(v) for v in values])


def psi(norm, now):
    used = (norm > 0) | (now > 0)
    p = (norm[used] + 0.5) / (norm.sum() + 0.5 * used.sum())
    q = (now[used] + 0.5) / (now.sum() + 0.5 * used.sum())
    return np.sum((q - p) * np.log(q / p))


# Counts against counts: CELLS each, norm then now; then psi, ks, its p, chi2, df, its p, js.
CELLS = 8
counts, expected = [], []
for shift in (0, 0.2, 1.0):
    for size in (400, 5000):
        p = np.full(CELLS, 1 / CELLS)
        q = p * np.exp(shift * np.linspace(-1, 1, CELLS))
        norm = rng.multinomial(3000, p)
        now = rng.multinomial(size, q / q.sum())
        n, m = now.sum(), norm.sum()
        d = stats.ks_2samp(np.repeat(np.arange(CELLS), norm), np.repeat(np.arange(CELLS), now),
                           method="asymp").statistic
        chi2 = stats.chi2_contingency([norm, now], correction=False)
        assert chi2.expected_freq.min() >= 5
        counts += [*norm, *now]
        expected += [psi(norm, now), d, special.kolmogorov(np.sqrt(n * m / (n + m)) * d),
                     chi2.statistic, chi2.dof, chi2.pvalue, jensenshannon(norm / m, now / n, base=2)]
wholes("golden_counts", counts)
doubles("golden_measures", expected)

# Kolmogorov's limit: x = d sqrt(nm / (n + m)) with n = m = 2, so that the root is 1.
xs = [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 1.1, 1.179, 1.181, 1.3, 1.7, 2.5, 4.0]
doubles("golden_kolmogorov", [v for x in xs for v in (x, special.kolmogorov(x))])

# Benjamini and Hochberg.
p = np.concatenate([rng.uniform(size=12), [0.001, 0.002, 0.002, 0.04, 1.0]])
rng.shuffle(p)
doubles("golden_p", p)
doubles("golden_p_adjusted", stats.false_discovery_control(p, method="bh"))

# A feature: its norm (edges, counts, means, mean, std), values of a window, then psi, ks, ks_p,
# wasserstein and mean_shift.
sample = rng.gamma(2.0, 3.0, 4000)
edges = np.quantile(sample, np.linspace(0, 1, 21))
cell = np.clip(np.searchsorted(edges, sample, side="right") - 1, 0, 19)
norm = np.bincount(cell, minlength=20)
means = np.bincount(cell, sample, 20) / norm
now = np.round(np.concatenate([rng.gamma(2.5, 3.0, 300), [-4.0, -2.5, 60.0, 75.0]]), 6)
at = np.where(now < edges[0], 0,
              np.where(now > edges[-1], 21, 1 + np.clip(np.searchsorted(edges, now, side="right") - 1,
                                                        0, 19)))
held = np.bincount(at, minlength=22)
now_means = np.bincount(at, now, 22)[held > 0] / held[held > 0]
std = sample.std()
full_norm = np.concatenate([[0], norm, [0]])
d = np.abs(np.cumsum(full_norm) / full_norm.sum() - np.cumsum(held) / held.sum()).max()
n, m = held.sum(), norm.sum()
doubles("golden_edges", edges)
wholes("golden_norm", norm)
doubles("golden_means", means)
doubles("golden_values", now)
doubles("golden_feature", [
    sample.mean(), std, psi(np.append(full_norm, 0), np.append(held, 0)), d,
    special.kolmogorov(np.sqrt(n * m / (n + m)) * d),
    stats.wasserstein_distance(means, now_means, norm, held[held > 0]) / std,
    (now.mean() - sample.mean()) / std])

# Two classes: rows of (p of class 1, predicted, label), log-odds apart from the borders of cells.
odds = (np.round(rng.normal(0.4, 1.6, 300) * 16) + 0.25) / 16
p = special.expit(odds)
said = (p >= 0.5).astype(int)
label = (rng.uniform(size=p.size) < p).astype(int)
both = np.concatenate([np.ones_like(label), np.zeros_like(label)])
expected_truth = np.concatenate([p, 1 - p])
twice = np.concatenate([p, p])
tp = p[said == 1].sum()
doubles("golden_binary", np.stack([p, said, label], 1).ravel())
doubles("golden_binary_scores", [
    np.where(said == 1, p, 1 - p).mean(), 2 * tp / ((said == 1).sum() + p.sum()),
    roc_auc_score(both, twice, sample_weight=expected_truth), accuracy_score(label, said),
    f1_score(label, said), roc_auc_score(label, p)])

# Three classes: rows of (three probabilities, label).
p3 = rng.dirichlet([1.2, 0.8, 1.0], 200)
said = p3.argmax(1)
label = np.array([rng.choice(3, p=row) for row in p3])
f1 = []
for k in range(3):
    f1.append(2 * p3[said == k, k].sum() / ((said == k).sum() + p3[:, k].sum()))
doubles("golden_three", np.column_stack([p3, label]).ravel())
doubles("golden_three_scores", [p3.max(1).mean(), np.mean(f1), accuracy_score(label, said),
                                f1_score(label, said, average="macro")])

# Calibration: bins (predicted, observed, rows), then isotonic values at each bin.
predicted = np.linspace(0.05, 0.95, 10)
observed = np.array([0.01, 0.03, 0.02, 0.10, 0.09, 0.30, 0.42, 0.40, 0.77, 0.98])
rows = np.array([80, 90, 100, 110, 120, 100, 90, 85, 75, 70.0])
iso = IsotonicRegression().fit(predicted, observed, sample_weight=rows)
doubles("golden_bins", np.concatenate([predicted, observed, rows]))
doubles("golden_isotonic", iso.predict(predicted))

# Groups: (x, m, y, n), difference x/m - y/n by Newcombe's method 10 from scipy's Wilson intervals,
# and the ratio of y/n over x/m with scipy's interval for relative risks.
gaps = []
for x, m, y, n in ((56, 70, 48, 80), (9, 40, 3, 41), (200, 400, 190, 420), (40, 40, 35, 50)):
    a, b = x / m, y / n
    ci = [stats.binomtest(k, t).proportion_ci(0.95, "wilson") for k, t in ((x, m), (y, n))]
    low = a - b - np.hypot(a - ci[0].low, ci[1].high - b)
    high = a - b + np.hypot(ci[0].high - a, b - ci[1].low)
    risk = stats.contingency.relative_risk(y, n, x, m)
    ratio = risk.confidence_interval(0.95)
    gaps += [x, m, y, n, a - b, low, high, risk.relative_risk, ratio.low, ratio.high]
doubles("golden_gaps", gaps)
out += ["", "#endif"]
path = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/drift.h"
path.write_text("\n".join(out) + "\n")
