#!/usr/bin/env python3
"""Writes tests/golden/linear.h: coefficients of scikit-learn 1.9.1's linear models on small data.

Run with scikit-learn 1.9.1 and numpy 2.4.6. Solvers run to convergence far below the tolerance of
the comparison; stochastic gradient descent runs without shuffling, where its steps are determined.
"""
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge,
                                  SGDClassifier, SGDRegressor)

assert sklearn.__version__ == "1.9.1", sklearn.__version__
warnings.simplefilter("ignore", FutureWarning)
warnings.simplefilter("error", ConvergenceWarning)


def wave(n, d, phase):
    i, j = np.arange(n)[:, None], np.arange(d)[None, :]
    return np.sin(0.7 * i * (j + 1) + 0.3 * j + phase) + 0.5 * np.cos(0.11 * i * i + j)


def regression(n, d):
    x = wave(n, d, 0.0)
    x[:, 1] = 0.9 * x[:, 0] + 0.4 * x[:, 1] + 3
    x[:, 2] *= 20
    y = x @ np.array([1.5, -2, 0.05] + [0.7, 0, 0.3][:d - 3]) + 4 + 0.3 * wave(n, 1, 2.0)[:, 0]
    return x, y


def sets():
    tall_x, tall_y = regression(60, 6)
    deficient = tall_x[:30, :5].copy()
    deficient[:, 4] = deficient[:, 0] - 2 * deficient[:, 3]
    wide = wave(12, 20, 0.4)
    two = wave(80, 4, 1.0)
    label = (two @ np.array([1, -2, 0.5, 0]) + 0.8 * wave(80, 1, 3.0)[:, 0] > 0).astype(int)
    iris = load_iris()
    return {"tall": (tall_x, tall_y), "deficient": (deficient, tall_y[:30]),
            "wide": (wide, wide @ np.linspace(-1, 1, 20) + 1), "two": (two, label),
            "iris": (iris.data, iris.target)}


WEIGHTS = 0.25 + np.arange(200) % 7 / 2
CASES = [  # (set, weighted, our estimator, our parameters, scikit-learn's estimator)
    ("tall", 0, "linear", "", LinearRegression()),
    ("tall", 1, "linear", "", LinearRegression()),
    ("tall", 0, "linear", "fit_intercept=false", LinearRegression(fit_intercept=False)),
    ("deficient", 0, "linear", "", LinearRegression()),
    ("deficient", 1, "linear", "fit_intercept=false", LinearRegression(fit_intercept=False)),
    ("wide", 0, "linear", "", LinearRegression()),
    ("tall", 0, "ridge", "", Ridge()),
    ("tall", 1, "ridge", "alpha=30", Ridge(alpha=30)),
    ("tall", 1, "ridge", "alpha=30 solver=qr", Ridge(alpha=30)),
    ("tall", 0, "ridge", "alpha=0.01 fit_intercept=false", Ridge(alpha=0.01, fit_intercept=False)),
    ("wide", 0, "ridge", "alpha=0.5", Ridge(alpha=0.5, solver="svd")),
    ("wide", 1, "ridge", "alpha=0.5", Ridge(alpha=0.5, solver="svd")),
    ("wide", 1, "ridge", "alpha=0.5 solver=qr", Ridge(alpha=0.5, solver="svd")),
    ("deficient", 0, "ridge", "alpha=1e-06", Ridge(alpha=1e-6, solver="svd")),
]
for weighted in (0, 1):
    CASES += [
        ("tall", weighted, "lasso", "alpha=0.1 tol=1e-14 max_iter=100000",
         Lasso(alpha=0.1, tol=1e-14, max_iter=100000)),
        ("wide", weighted, "lasso", "alpha=0.05 tol=1e-14 max_iter=100000",
         Lasso(alpha=0.05, tol=1e-14, max_iter=100000)),
        ("tall", weighted, "elastic_net", "alpha=0.1 l1_ratio=0.3 tol=1e-14 max_iter=100000",
         ElasticNet(alpha=0.1, l1_ratio=0.3, tol=1e-14, max_iter=100000)),
        ("wide", weighted, "elastic_net", "alpha=0.1 l1_ratio=0.8 tol=1e-14 max_iter=100000",
         ElasticNet(alpha=0.1, l1_ratio=0.8, tol=1e-14, max_iter=100000)),
    ]
CASES += [
    ("wide", 0, "lasso", "alpha=0.05 positive=true tol=1e-14 max_iter=100000",
     Lasso(alpha=0.05, positive=True, tol=1e-14, max_iter=100000)),
    ("tall", 0, "lasso", "alpha=0.05 positive=true tol=1e-14 max_iter=100000",
     Lasso(alpha=0.05, positive=True, tol=1e-14, max_iter=100000)),
    ("tall", 0, "lasso", "alpha=0.1 fit_intercept=false selection=random tol=1e-14 max_iter=100000",
     Lasso(alpha=0.1, fit_intercept=False, tol=1e-14, max_iter=100000)),
    ("tall", 0, "elastic_net", "alpha=0.1 l1_ratio=0 tol=1e-18 max_iter=100000",
     Ridge(alpha=0.1 * 60, solver="svd")),
]


def logistic(penalty="l2", C=1.0, l1_ratio=0.5, **kw):
    solver = "saga" if penalty in ("l1", "elasticnet") else "newton-cholesky"
    ratio = {"l2": 0, "l1": 1, "elasticnet": l1_ratio, None: 0}[penalty]
    return LogisticRegression(C=np.inf if penalty is None else C, l1_ratio=ratio, solver=solver,
                              tol=1e-12, max_iter=1000000, **kw)


for name in ("two", "iris"):
    CASES += [
        (name, 0, "logistic", "", logistic()),
        (name, 1, "logistic", "C=0.3", logistic(C=0.3)),
        (name, 0, "logistic", "solver=lbfgs tol=1e-09 max_iter=5000", logistic()),
        (name, 0, "logistic", "fit_intercept=false C=10", logistic(C=10, fit_intercept=False)),
        (name, 1, "logistic", "class_weight=balanced", logistic(class_weight="balanced")),
        (name, 0, "logistic", "penalty=l1 C=0.4", logistic("l1", C=0.4)),
        (name, 0, "logistic", "penalty=l1 C=0.4 solver=lbfgs tol=1e-09 max_iter=5000",
         logistic("l1", C=0.4)),
        (name, 1, "logistic", "penalty=elastic_net l1_ratio=0.4 C=0.7",
         logistic("elasticnet", C=0.7, l1_ratio=0.4)),
        (name, 0, "logistic",
         "penalty=elastic_net l1_ratio=0.4 C=0.7 solver=lbfgs tol=1e-09 max_iter=5000",
         logistic("elasticnet", C=0.7, l1_ratio=0.4)),
    ]
CASES += [("two", 0, "logistic", "penalty=none", logistic(None))]

SAME = dict(shuffle=False, tol=None, max_iter=7)
OURS = "shuffle=false tol=none max_iter=7 "
for loss in ("hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron"):
    CASES.append(("two", 0, "sgd", OURS + f"loss={loss}", SGDClassifier(loss=loss, **SAME)))
    CASES.append(("iris", 1, "sgd", OURS + f"loss={loss} alpha=0.01",
                  SGDClassifier(loss=loss, alpha=0.01, **SAME)))
for loss in ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"):
    CASES.append(("wide", 1, "sgd", OURS + f"loss={loss} epsilon=0.2",
                  SGDRegressor(loss=loss, epsilon=0.2, **SAME)))
for rate in ("constant", "invscaling", "adaptive", "optimal"):
    kw = dict(learning_rate=rate, eta0=0.02, power_t=0.4, alpha=0.003)
    text = f"learning_rate={rate} eta0=0.02 power_t=0.4 alpha=0.003"
    CASES.append(("iris", 0, "sgd", OURS + text, SGDClassifier(**kw, **SAME)))
    for penalty in ("l1", "elasticnet", None):
        ours = {"l1": "l1", "elasticnet": "elastic_net", None: "none"}[penalty]
        CASES.append(("wide", 0, "sgd", OURS + text + f" penalty={ours} l1_ratio=0.3",
                      SGDRegressor(penalty=penalty, l1_ratio=0.3, **kw, **SAME)))
CASES += [
    ("two", 0, "sgd", OURS + "average=5", SGDClassifier(average=5, **SAME)),
    ("iris", 0, "sgd", OURS + "average=1 loss=log_loss fit_intercept=false",
     SGDClassifier(average=True, loss="log_loss", fit_intercept=False, **SAME)),
    ("two", 0, "sgd", "shuffle=false alpha=0.01 penalty=elastic_net",
     SGDClassifier(shuffle=False, alpha=0.01, penalty="elasticnet")),
    ("iris", 0, "sgd", "shuffle=false alpha=0.01 learning_rate=adaptive eta0=0.1",
     SGDClassifier(shuffle=False, alpha=0.01, learning_rate="adaptive", eta0=0.1)),
    ("wide", 0, "sgd", "shuffle=false max_iter=5000",
     SGDRegressor(shuffle=False, max_iter=5000)),
    ("two", 0, "sgd", OURS + "class_weight=balanced",
     SGDClassifier(class_weight="balanced", **SAME)),
]


def numbers(values, per_line=4):
    text = [repr(float(v)) for v in np.ravel(values)]
    lines = [", ".join(text[i:i + per_line]) for i in range(0, len(text), per_line)]
    return ",\n    ".join(lines)


def main():
    data = sets()
    out = ["/* Made by tools/golden/linear.py with scikit-learn 1.9.1. */",
           "#ifndef LEAT_GOLDEN_LINEAR_H", "#define LEAT_GOLDEN_LINEAR_H", "",
           "/* clang-format off */"]
    for name, (x, y) in data.items():
        out += [f"static const double golden_{name}_x[] = {{", f"    {numbers(x)}}};",
                f"static const double golden_{name}_y[] = {{", f"    {numbers(y)}}};"]
    rows = []
    for number, (name, weighted, ours, params, model) in enumerate(CASES):
        x, y = data[name]
        model.fit(x, y, sample_weight=WEIGHTS[:len(y)] if weighted else None)
        coef = np.atleast_2d(model.coef_)
        intercept = np.broadcast_to(np.ravel(model.intercept_), (len(coef),))
        out += [f"static const double golden_{number}[] = {{",
                f"    {numbers(np.concatenate([coef.ravel(), intercept]))}}};"]
        classes = len(np.unique(y)) if name in ("two", "iris") else 0
        epochs = model.n_iter_ if ours == "sgd" and "tol=none" not in params else 0
        rows.append(f'    {{"{name}", golden_{name}_x, golden_{name}_y, {len(x)}, {x.shape[1]}, '
                    f'{classes},\n     {weighted}, "{ours}", "{params}", {len(coef)}, '
                    f"golden_{number}, {epochs}}}")
    out += ["", "/* weight of row i: 0.25 + i % 7 / 2.0 */", "static const struct golden_case {",
            "    const char *set;", "    const double *x, *y;", "    size_t rows, cols;",
            "    unsigned classes; /* 0: regression */", "    int weighted;",
            "    const char *estimator, *params;", "    size_t outputs;",
            "    const double *answer; /* (outputs, cols) coefficients, then (outputs) intercepts */",
            "    unsigned epochs;      /* 0: not compared */",
            "} golden_cases[] = {", ",\n".join(rows) + "};", "", "#endif", ""]
    here = pathlib.Path(__file__).resolve().parent
    (here.parent.parent / "tests" / "golden" / "linear.h").write_text("\n".join(out))


if __name__ == "__main__":
    main()
