#!/usr/bin/env python3
"""Writes tests/golden/classic.h: answers of scikit-learn 1.9.1's discriminant analyses, nearest
neighbours, naive Bayes models and decision trees on small data.

Run with scikit-learn 1.9.1 and numpy 2.4.6. Values are multiples of 1/1024, exact in float32, in
which scikit-learn's trees work. Trees are kept where ten random states agree: no ties.
"""
import pathlib

import numpy as np
import sklearn
from sklearn.discriminant_analysis import (LinearDiscriminantAnalysis,
                                           QuadraticDiscriminantAnalysis)
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

assert sklearn.__version__ == "1.9.1", sklearn.__version__
ROWS, COLS, ASKED = 120, 5, 15
rng = np.random.RandomState(5)
label = np.arange(ROWS + ASKED) % 3
normal = rng.normal(size=(ROWS + ASKED, COLS)) @ rng.normal(size=(COLS, COLS))
normal += 1.6 * rng.normal(size=(3, COLS))[label]
normal = np.round(normal * 1024) / 1024
counts = rng.poisson(1 + 3 * rng.uniform(size=(3, COLS))[label]).astype(float)
holes = normal.copy()
holes[rng.uniform(size=holes.shape) < 0.15] = np.nan
y = np.round((normal @ [1, -2, 0.5, 0, 1] + np.sin(normal[:, 0]) * 3 + 100) * 1024) / 1024
# Collinear, constant and nearly constant columns.
singular = normal.copy()
singular[:, 3] = singular[:, 0] + singular[:, 1]
singular[:, 4] = 2
DATA = {"normal": normal, "counts": counts, "holes": holes, "singular": singular}

CASES = [
    ("lda", "", "normal", LinearDiscriminantAnalysis()),
    ("lda", "priors=uniform", "normal", LinearDiscriminantAnalysis(priors=[1 / 3] * 3)),
    ("lda", "", "singular", LinearDiscriminantAnalysis()),
    ("lda", "tol=0.6", "normal", LinearDiscriminantAnalysis(tol=0.6)),
    ("lda", "solver=lsqr", "normal", LinearDiscriminantAnalysis(solver="lsqr")),
    ("lda", "solver=lsqr", "singular", LinearDiscriminantAnalysis(solver="lsqr")),
    ("lda", "solver=lsqr shrinkage=0.3", "normal",
     LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3)),
    ("lda", "solver=eigen shrinkage=auto", "normal",
     LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")),
    ("lda", "solver=lsqr shrinkage=auto", "singular",
     LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")),
    ("qda", "", "normal", QuadraticDiscriminantAnalysis()),
    # Ours leaves out what follows from other columns by itself.
    ("qda", "", "singular", make_pipeline(FunctionTransformer(lambda x: x[:, :3]),
                                          QuadraticDiscriminantAnalysis())),
    ("qda", "reg_param=0.2", "singular", QuadraticDiscriminantAnalysis(reg_param=0.2)),
    ("qda", "shrinkage=0.4", "normal",
     QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.4)),
    ("qda", "shrinkage=auto", "normal",
     QuadraticDiscriminantAnalysis(solver="eigen", shrinkage="auto")),
    ("gaussian_nb", "", "normal", GaussianNB()),
    ("gaussian_nb", "var_smoothing=0.1 priors=uniform", "normal",
     GaussianNB(var_smoothing=0.1, priors=[1 / 3] * 3)),
    ("multinomial_nb", "", "counts", MultinomialNB()),
    ("multinomial_nb", "alpha=0.01 fit_prior=false", "counts",
     MultinomialNB(alpha=0.01, fit_prior=False)),
    ("bernoulli_nb", "", "normal", BernoulliNB()),
    ("bernoulli_nb", "alpha=0.5 binarize=2", "counts", BernoulliNB(alpha=0.5, binarize=2)),
    ("knn", "", "normal", KNeighborsClassifier()),
    ("knn", "n_neighbors=7 weights=distance", "normal",
     KNeighborsClassifier(7, weights="distance")),
    ("knn", "n_neighbors=9 metric=manhattan algorithm=brute", "normal",
     KNeighborsClassifier(9, metric="manhattan")),
    ("knn", "n_neighbors=9 metric=chebyshev weights=distance", "normal",
     KNeighborsClassifier(9, metric="chebyshev", weights="distance")),
    ("knn", "p=3 weights=distance", "normal", KNeighborsClassifier(p=3, weights="distance")),
    ("knn", "metric=cosine weights=distance", "normal",
     KNeighborsClassifier(metric="cosine", weights="distance")),
    ("knn", "algorithm=brute weights=distance", "normal",
     KNeighborsClassifier(weights="distance")),
    ("knn", "n_neighbors=6", "y", KNeighborsRegressor(6)),
    ("knn", "n_neighbors=6 weights=distance p=1", "y",
     KNeighborsRegressor(6, weights="distance", p=1)),
]

C, R = DecisionTreeClassifier, DecisionTreeRegressor
TREES = [
    ("max_depth=3 min_samples_leaf=4", "normal", C, dict(max_depth=3, min_samples_leaf=4)),
    ("criterion=entropy max_depth=3 min_samples_leaf=6", "normal", C,
     dict(criterion="entropy", max_depth=3, min_samples_leaf=6)),
    ("max_leaf_nodes=7 min_samples_leaf=5", "normal", C,
     dict(max_leaf_nodes=7, min_samples_leaf=5)),
    ("ccp_alpha=0.02 min_samples_leaf=5", "normal", C, dict(ccp_alpha=0.02, min_samples_leaf=5)),
    ("min_impurity_decrease=0.03", "normal", C, dict(min_impurity_decrease=0.03)),
    ("class_weight=balanced max_depth=3 min_samples_leaf=5", "uneven", C,
     dict(class_weight="balanced", max_depth=3, min_samples_leaf=5)),
    ("max_depth=4 min_samples_leaf=3", "holes", C, dict(max_depth=4, min_samples_leaf=3)),
    ("max_depth=3 min_samples_split=30", "counts", C, dict(max_depth=3, min_samples_split=30)),
    ("max_depth=3", "y", R, dict(max_depth=3)),
    ("criterion=absolute_error max_depth=3", "y", R,
     dict(criterion="absolute_error", max_depth=3)),
    ("max_leaf_nodes=9", "y", R, dict(max_leaf_nodes=9)),
    ("ccp_alpha=0.5 min_samples_leaf=4", "y", R, dict(ccp_alpha=0.5, min_samples_leaf=4)),
    ("max_depth=4 min_samples_leaf=5", "y holes", R, dict(max_depth=4, min_samples_leaf=5)),
]


def inputs(data):
    """x, target of all rows; the uneven classes are 0 where the label is 0 or 1 and else 2."""
    x = DATA.get(data.split()[-1], normal)
    target = y if data.startswith("y") else np.where(label == 1, 0, label) // 2 \
        if data == "uneven" else label
    return x, target


def answers(model, x, target):
    model.fit(x[:ROWS], target[:ROWS])
    asked = x[ROWS:]
    return model.predict_proba(asked) if hasattr(model, "predict_proba") else model.predict(asked)


def tree(kind, options, x, target):
    grown = [kind(random_state=s, **options).fit(x[:ROWS], target[:ROWS]) for s in range(10)]
    for other in grown[1:]:
        a, b = grown[0].tree_, other.tree_
        assert np.array_equal(a.feature, b.feature) and np.array_equal(a.threshold, b.threshold), \
            (options, "has ties")
    return grown[0]


def preorder(t):
    order, stack = [], [0]
    while stack:
        node = stack.pop()
        order.append(node)
        if t.children_left[node] >= 0:
            stack += [t.children_right[node], t.children_left[node]]
    return order


def array(values):
    texts = ["NAN" if np.isnan(v) else f"{v:.17g}" for v in np.ravel(np.asarray(values, float))]
    lines, line = [], "   "
    for text in texts:
        if len(line) + len(text) > 94:
            lines.append(line)
            line = "   "
        line += f" {text},"
    return "\n".join(lines + [line])


def main():
    out = ["/* Made by tools/golden/classic.py with scikit-learn 1.9.1. */",
           "#ifndef LEATTEST_GOLDEN_CLASSIC_H", "#define LEATTEST_GOLDEN_CLASSIC_H", "", "/* clang-format off */",
           "#include <math.h>", "#include <stddef.h>", "",
           f"enum {{ CLASSIC_ROWS = {ROWS}, CLASSIC_COLS = {COLS}, CLASSIC_ASKED = {ASKED} }};", ""]
    for name, x in DATA.items():
        out += [f"static const double classic_{name}[] = {{", array(x), "};"]
    out += ["static const double classic_y[] = {", array(y), "};", ""]
    out += ["typedef struct classic_case {", "    const char *estimator, *set, *data;",
            "    size_t count;", "    double answers[CLASSIC_ASKED * 3];", "} classic_case;", "",
            "static const classic_case classic_cases[] = {"]
    for name, options, data, model in CASES:
        values = answers(model, *inputs(data))
        out += [f'    {{"{name}", "{options}", "{data}", {values.size}, {{', array(values), "    }},"]
    out += ["};", "", "typedef struct classic_tree {", "    const char *set, *data;",
            "    size_t nodes, count;", "    double feature[40], threshold[40], impurity[40];",
            "    double answers[CLASSIC_ASKED * 3], importance[CLASSIC_COLS];", "} classic_tree;",
            "", "static const classic_tree classic_trees[] = {"]
    for options, data, kind, keywords in TREES:
        x, target = inputs(data)
        model = tree(kind, keywords, x, target)
        t, order = model.tree_, preorder(model.tree_)
        assert t.node_count <= 40, (options, t.node_count)
        feature = np.where(t.feature[order] < 0, -1, t.feature[order])
        threshold = np.where(feature < 0, 0, t.threshold[order])
        values = answers(model, x, target)
        out += [f'    {{"{options}", "{data}", {t.node_count}, {values.size},']
        for part in (feature, threshold, t.impurity[order], values, model.feature_importances_):
            out += ["    {", array(part), "    },"]
        out += ["    },"]
    out += ["};", "", "/* clang-format on */", "", "#endif", ""]
    text = "\n".join(out).replace(" inf,", " INFINITY,")
    path = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/classic.h"
    path.write_text(text)


main()
