#!/usr/bin/env python3
"""Writes tests/golden/splits.h: the test folds of scikit-learn 1.9.1's splitters without shuffling.

Run with scikit-learn 1.9.1 and numpy 2.4.6. Row i's entry is the number of the fold that tests it,
-1 where none does.
"""
import pathlib

import numpy as np
import sklearn
from sklearn.model_selection import (GroupKFold, KFold, LeaveOneOut, StratifiedKFold,
                                     TimeSeriesSplit)

assert sklearn.__version__ == "1.9.1", sklearn.__version__


def fold_of(splitter, n, y=None, groups=None):
    out = np.full(n, -1)
    for f, (_, test) in enumerate(splitter.split(np.zeros((n, 1)), y, groups)):
        out[test] = f
    return out


def c_array(kind, name, values):
    text, line = f"static const {kind} {name}[] = {{", ""
    lines = [text]
    for v in values:
        item = f"{v}, "
        if len(line) + len(item) > 94:
            lines.append("    " + line.rstrip())
            line = ""
        line += item
    lines.append("    " + line.rstrip(", ") + "};")
    return "\n".join(lines)


def main():
    rng = np.random.default_rng(20261121)
    n = 103
    label = rng.choice(5, n, p=[0.4, 0.3, 0.2, 0.07, 0.03])
    label[:3] = [4, 0, 2]  # classes do not appear in their own order
    sizes = [1, 2, 4, 5, 7, 9, 11, 14, 20, 30]  # distinct, so that no tie is left open
    group = np.repeat(np.arange(10), sizes)
    rng.shuffle(group)
    out = ["/* Written by tools/golden/splits.py with scikit-learn 1.9.1; do not edit. */",
           "#include <stdint.h>", ""]
    out.append(f"enum {{ SPLIT_ROWS = {n}, SPLIT_CLASSES = 5 }};")
    out.append(c_array("uint32_t", "split_label", label))
    out.append(c_array("uint32_t", "split_group", group))
    for k in (2, 3, 10):
        out.append(c_array("int", f"split_kfold_{k}", fold_of(KFold(k), n)))
    for k in (2, 3, 5):
        out.append(c_array("int", f"split_stratified_{k}", fold_of(StratifiedKFold(k), n, label)))
    for k in (2, 3, 5, 10):
        out.append(c_array("int", f"split_group_{k}", fold_of(GroupKFold(k), n, None, group)))
    for k in (1 + 1, 5):
        out.append(c_array("int", f"split_time_{k}", fold_of(TimeSeriesSplit(k), n)))
    out.append(c_array("int", "split_loo", fold_of(LeaveOneOut(), n)))
    path = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "splits.h"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
