#!/usr/bin/env python3
"""Golden values of the support vector machines, from scikit-learn 1.9.1 (LIBSVM, LIBLINEAR).

    python tools/golden/svm.py > tests/golden/svm.h

The data are drawn here, rounded to four decimals and written along, so that the header stands on
its own. Solvers run at small tolerances: what differs then is rounding."""
import warnings

import numpy as np
import sklearn
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

assert sklearn.__version__ == "1.9.1", sklearn.__version__
warnings.simplefilter("ignore")
rng = np.random.default_rng(7)
N, M, D = 120, 40, 3


def draw(n):
    y = rng.integers(0, 4, n)
    y = np.where(y == 3, 0, y)  # class 0 twice as frequent
    centre = np.array([[0, 0, 5], [1.5, 0.5, 4.5], [0.2, 1.6, 6]])[y]
    x = centre + rng.normal(size=(n, D)) * [0.8, 0.7, 1.0]
    return np.round(x, 4), y


X, y = draw(N)
T, _ = draw(M)
weight = np.round(rng.uniform(0, 2, N), 3)
weight[::17] = 0
target = np.round(np.sin(X[:, 0]) + 0.5 * X[:, 1] ** 2 + 0.1 * rng.normal(size=N), 4)


def emit(name, values, kind="double"):
    flat = np.asarray(values).ravel()
    text = [str(int(v)) if kind != "double" else repr(float(v)) for v in flat]
    lines, line = [], "   "
    for t in text:
        if len(line) + len(t) + 2 > 100:
            lines.append(line)
            line = "   "
        line += " " + t + ","
    lines.append(line)
    print(f"static const {kind} {name}[] = {{\n" + "\n".join(lines) + "\n};")


print("/* Written by tools/golden/svm.py with scikit-learn 1.9.1: do not edit. */")
print("/* clang-format off */")
print(f"enum {{ ROWS = {N}, TEST_ROWS = {M}, COLS = {D}, CLASSES = 3 }};")
emit("train_x", X)
emit("train_y", y, "uint32_t")
emit("train_target", target)
emit("train_weight", weight)
emit("test_x", T)

SVC_CASES = [
    ("linear", dict(kernel="linear"), False),
    ("poly", dict(kernel="poly", degree=3, coef0=1.0), False),
    ("rbf", dict(), False),
    ("rbf_close", dict(C=100.0, gamma="auto"), False),
    ("sigmoid", dict(kernel="sigmoid", gamma=0.02, coef0=-0.5), False),
    ("balanced", dict(class_weight="balanced", gamma=0.5, C=3.0, shrinking=False), False),
    ("weighted", dict(gamma=0.3, C=2.0), True),
]
print("static const struct { const char *name, *options[6]; int weighted; } svc_cases[] = {")


def options(p):
    text = ", ".join(f'"{k}={str(v).lower() if isinstance(v, bool) else v}"' for k, v in p.items())
    return "{" + text + "}" if text else "{0}"


for name, p, w in SVC_CASES:
    print(f'    {{"{name}", {options(p)}, {int(w)}}},')
print("};")
dense, rho, decisions, classes = [], [], [], []
for name, p, w in SVC_CASES:
    m = SVC(tol=1e-7, **p).fit(X, y, sample_weight=weight if w else None)
    coef = np.zeros((N, 2))
    for vector, values in zip(m.support_vectors_, m.dual_coef_.T):
        # support_ counts without the rows of weight 0, so look the vector up.
        coef[np.flatnonzero((X == vector).all(axis=1))[0]] = values
    dense.append(coef)
    rho.append(-m.intercept_)
    decisions.append(m.decision_function(T))
    classes.append(m.predict(T))
emit("svc_coef", dense)          # case, row, other class
emit("svc_rho", rho)             # case, pair
emit("svc_decision", decisions)  # case, test row, class
emit("svc_class", classes, "uint32_t")

SVR_CASES = [
    ("linear", dict(kernel="linear", C=0.5), False),
    ("rbf", dict(C=10.0), False),
    ("poly", dict(kernel="poly", degree=2, coef0=1.0, epsilon=0.05), False),
    ("weighted", dict(gamma=0.2, C=5.0, epsilon=0.2), True),
]
print("static const struct { const char *name, *options[6]; int weighted; } svr_cases[] = {")
for name, p, w in SVR_CASES:
    print(f'    {{"{name}", {options(p)}, {int(w)}}},')
print("};")
emit("svr_value", [SVR(tol=1e-7, **p).fit(X, target, sample_weight=weight if w else None).predict(T)
                   for _, p, w in SVR_CASES])

LINEAR_CASES = [
    ("primal", dict(), False),
    ("dual", dict(dual=True), False),
    ("hinge", dict(loss="hinge", C=0.3), False),
    ("hinge_unshifted", dict(loss="hinge", C=0.1, fit_intercept=False), False),
    ("l1", dict(penalty="l1", C=0.2), False),
    ("balanced", dict(class_weight="balanced", C=0.5, intercept_scaling=5.0), False),
    ("weighted", dict(C=2.0), True),
    ("weighted_hinge", dict(loss="hinge", C=0.5), True),
]
print("static const struct { const char *name, *options[6]; int weighted; } linear_svc_cases[] = {")
for name, p, w in LINEAR_CASES:
    print(f'    {{"{name}", {options(p)}, {int(w)}}},')
print("};")
coefs = []
for name, p, w in LINEAR_CASES:
    q = dict(dual="auto", tol=1e-11, max_iter=10000000)
    q.update(p)
    m = LinearSVC(random_state=0, **q).fit(X, y, sample_weight=weight if w else None)
    b = np.broadcast_to(m.intercept_, 3)
    coefs.append(np.hstack([m.coef_, b[:, None]]))
emit("linear_svc_coef", coefs)  # case, class, feature and intercept

LINEAR_SVR_CASES = [
    ("absolute", dict(C=0.5, epsilon=0.1), False),
    ("squared", dict(loss="squared_epsilon_insensitive", C=2.0, epsilon=0.2), False),
    ("squared_dual", dict(loss="squared_epsilon_insensitive", C=0.7, dual=True), False),
    ("weighted", dict(epsilon=0.3, C=1.0), True),
]
print("static const struct { const char *name, *options[6]; int weighted; } linear_svr_cases[] = {")
for name, p, w in LINEAR_SVR_CASES:
    print(f'    {{"{name}", {options(p)}, {int(w)}}},')
print("};")
coefs = []
for name, p, w in LINEAR_SVR_CASES:
    q = dict(dual="auto", tol=1e-11, max_iter=10000000)
    q.update(p)
    m = LinearSVR(random_state=0, **q).fit(X, target, sample_weight=weight if w else None)
    coefs.append(np.append(m.coef_, m.intercept_))
emit("linear_svr_coef", coefs)  # case, feature and intercept
