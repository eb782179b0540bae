#!/usr/bin/env python3
"""Writes tests/golden/metrics.h: scikit-learn 1.9.1's value of every metric on small evaluations.

Run with scikit-learn 1.9.1 and numpy 2.4.6. The cases cover ties in scores, weights, a class that
is never predicted, one that is not in the truth, one class only, and a constant target. Labels are
always given in full (`labels=`) to metrics of probabilities, since a fold may lack a class. Where
scikit-learn raises an error for a class without rows in the one-against-rest AUC, the mean over the
classes that have a value is taken, as Leat defines it.
"""
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn import metrics as sk

assert sklearn.__version__ == "1.9.1", sklearn.__version__
warnings.simplefilter("ignore")


def one_against_rest(of, label, scores, weight, by_rows):
    values, weights = [], []
    classes = scores.shape[1]
    for k in ([1] if classes == 2 else range(classes)):
        truth = (label == k).astype(int)
        if truth.min() == truth.max() and (of is sk.roc_auc_score or truth.max() == 0):
            continue
        values.append(of(truth, scores[:, k], sample_weight=weight))
        rows = truth if weight is None else truth * weight
        weights.append(rows.sum() if by_rows else 1)
    return np.average(values, weights=weights) if values else np.nan


def classification(name, label, predicted, proba, scores, weight):
    classes = list(range(proba.shape[1]))
    w = {"sample_weight": weight}
    ranked = proba if scores is None else scores
    out = {
        "accuracy": sk.accuracy_score(label, predicted, **w),
        "balanced_accuracy": sk.balanced_accuracy_score(label, predicted, **w),
        "log_loss": sk.log_loss(label, proba, labels=classes, **w),
        "brier": sk.brier_score_loss(label, proba, labels=classes, **w),
        "mcc": sk.matthews_corrcoef(label, predicted, **w),
        "kappa": sk.cohen_kappa_score(label, predicted, **w),
        "roc_auc": one_against_rest(sk.roc_auc_score, label, ranked, weight, False),
        "roc_auc_weighted": one_against_rest(sk.roc_auc_score, label, ranked, weight, True),
        "pr_auc": one_against_rest(sk.average_precision_score, label, ranked, weight, False),
    }
    for short, of in (("precision", sk.precision_score), ("recall", sk.recall_score),
                      ("f1", sk.f1_score)):
        if len(classes) == 2:
            out[short] = of(label, predicted, labels=[1], average="macro", zero_division=0, **w)
        for average in ("macro", "micro", "weighted"):
            out[f"{short}_{average}"] = of(label, predicted, average=average, zero_division=0, **w)
    for k in (2, 3, 5):
        if len(classes) > 2:
            out[f"top_{k}"] = sk.top_k_accuracy_score(label, ranked, k=k, labels=classes, **w)
        else:
            out[f"top_{k}"] = 1.0
    if len(set(label)) == len(classes) and len(classes) > 2 and scores is None:
        # scikit-learn's own multi-class value must be the same mean.
        for key, average in (("roc_auc", "macro"), ("roc_auc_weighted", "weighted")):
            own = sk.roc_auc_score(label, proba, multi_class="ovr", average=average, **w)
            assert abs(own - out[key]) < 1e-13
    confusion = sk.confusion_matrix(label, predicted, labels=classes, **w)
    return {"name": name, "classes": len(classes), "label": label, "prediction": predicted,
            "proba": proba, "scores": scores, "weight": weight, "out": out,
            "confusion": confusion.astype(float)}


def regression(name, y, predicted, weight):
    w = {"sample_weight": weight}
    out = {
        "mae": sk.mean_absolute_error(y, predicted, **w),
        "rmse": sk.root_mean_squared_error(y, predicted, **w),
        "mse": sk.mean_squared_error(y, predicted, **w),
        "r2": sk.r2_score(y, predicted, **w),
        "mape": sk.mean_absolute_percentage_error(y, predicted, **w),
        "median_ae": sk.median_absolute_error(y, predicted, **w),
        "explained_variance": sk.explained_variance_score(y, predicted, **w),
        "max_error": sk.max_error(y, predicted),
    }
    return {"name": name, "classes": 0, "y": y, "prediction": predicted, "weight": weight,
            "out": out}


def proba_of(rng, n, k, digits):
    # Dyadic fractions: they are exact, rows sum to 1 exactly, and there are ties.
    parts = rng.multinomial(2 ** digits, rng.dirichlet(np.ones(k)), size=n)
    return parts / 2.0 ** digits


def cases():
    rng = np.random.default_rng(20261121)

    def weights(n):
        return rng.integers(1, 9, n) / 4

    two = proba_of(rng, 41, 2, 5)
    label2 = (rng.random(41) < 0.3 + 0.5 * two[:, 1]).astype(int)
    four = proba_of(rng, 67, 4, 4)
    label4 = np.array([rng.choice(4, p=0.3 / 4 + 0.7 * p) for p in four])
    pred4 = four.argmax(1)
    yield classification("two classes", label2, two.argmax(1), two, None, None)
    yield classification("two classes, weights", label2, two.argmax(1), two, None, weights(41))
    yield classification("scores", label2, two.argmax(1), two,
                         np.round(rng.normal(size=(41, 2)), 1), None)
    yield classification("four classes", label4, pred4, four, None, None)
    yield classification("four classes, weights", label4, pred4, four, None, weights(67))
    never = np.where(pred4 == 2, 1, pred4)
    yield classification("a class never predicted", label4, never, four, None, None)
    lacking = np.where(label4 == 3, 0, label4)
    yield classification("a class not in the truth", lacking, pred4, four, None, None)
    gone = np.where(pred4 == 3, 0, pred4)
    yield classification("a class nowhere", lacking, gone, four, None, None)
    yield classification("nothing predicted positive", label2, np.zeros(41, int), two, None, None)
    ones = np.ones(41, int)
    yield classification("one class in the truth", ones, two.argmax(1), two, None, None)
    yield classification("one class on both sides", ones, ones, two, None, None)
    sure = np.eye(4)[label4]
    sure[5] = [0, 0, 0, 1.0] if label4[5] != 3 else [1.0, 0, 0, 0]
    yield classification("certain and once wrong", label4, sure.argmax(1), sure, None, None)
    one = proba_of(rng, 1, 2, 3)
    yield classification("one row", np.array([1]), one.argmax(1), one, None, None)

    y = np.round(rng.normal(20, 6, 50), 3)
    fit = np.round(y + rng.normal(0, 2, 50), 3)
    yield regression("numbers", y, fit, None)
    yield regression("numbers, weights", y, fit, weights(50))
    yield regression("an odd count", y[:33], fit[:33], None)
    yield regression("zeros in the truth", np.where(np.arange(50) % 7 == 0, 0, y), fit, None)
    yield regression("worse than the mean", y, fit[::-1].copy(), None)
    yield regression("a constant truth", np.full(9, 4.0), fit[:9], None)
    yield regression("a constant truth, all right", np.full(9, 4.0), np.full(9, 4.0), None)
    yield regression("one number", y[:1], fit[:1], None)
    yield regression("far from zero", y + 1e9, fit + 1e9, None)
    some = weights(12)
    some[[1, 4, 11]] = 0
    yield regression("weights of zero", y[:12], fit[:12], some)


def number(v):
    if isinstance(v, (int, np.integer)):
        return str(v)
    return "(double)NAN" if np.isnan(v) else repr(float(v))


def array(kind, name, values):
    return (f"static const {kind} {name}[] = {{" +
            ", ".join(number(v) for v in np.ravel(values)) + "};")


def main():
    out = ["/* Written by tools/golden/metrics.py with scikit-learn 1.9.1; do not edit. */",
           "#include <math.h>", "#include <stdint.h>", "",
           "typedef struct golden_value {", "    const char *metric;", "    double value;",
           "} golden_value;", "",
           "typedef struct golden_case {", "    const char *name;", "    uint32_t rows, classes;",
           "    const uint32_t *label;",
           "    const double *y, *prediction, *proba, *scores, *weight, *confusion;",
           "    const golden_value *value;", "    uint32_t values;", "} golden_case;", ""]
    rows = []
    for i, case in enumerate(cases()):
        names = {}
        for key in ("y", "prediction", "proba", "scores", "weight", "confusion"):
            if case.get(key) is not None:
                names[key] = f"metric_{key}_{i}"
                out.append(array("double", names[key], np.asarray(case[key], float)))
        if case["classes"]:
            names["label"] = f"metric_label_{i}"
            out.append(array("uint32_t", names["label"], case["label"]))
        values = ", ".join(f'{{"{k}", {number(v)}}}' for k, v in case["out"].items())
        out.append(f"static const golden_value metric_value_{i}[] = {{{values}}};")
        fields = ", ".join(names.get(k, "NULL") for k in
                           ("label", "y", "prediction", "proba", "scores", "weight", "confusion"))
        rows.append(f'{{"{case["name"]}", {len(case["prediction"])}, {case["classes"]}, {fields}, '
                    f'metric_value_{i}, {len(case["out"])}}}')
    out.append("static const golden_case metric_cases[] = {" + ",\n".join(rows) + "};")

    # Curves of the binary case with ties.
    case = next(iter(cases()))
    fpr, tpr, at = sk.roc_curve(case["label"], case["proba"][:, 1], drop_intermediate=False)
    precision, recall, cut = sk.precision_recall_curve(case["label"], case["proba"][:, 1])
    out.append(array("double", "roc_all_x", fpr))
    out.append(array("double", "roc_all_y", tpr))
    out.append(array("double", "pr_all_recall", recall[:-1][::-1]))
    out.append(array("double", "pr_all_precision", precision[:-1][::-1]))
    out.append(array("double", "pr_all_threshold", cut[::-1]))
    path = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "metrics.h"
    path.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
