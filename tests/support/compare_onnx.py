#!/usr/bin/env python3
"""compare_onnx.py MODEL.onnx TABLE.csv ANSWERS.csv TOLERANCE: runs a model that `leat export --onnx` wrote with
onnxruntime on the rows of a table and compares with what `leat predict --proba` said. Exit code 77: no onnxruntime."""
import csv
import datetime
import json
import math
import sys

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)


def number(text):
    if text == "":
        return math.nan
    if text in ("true", "false"):
        return float(text == "true")
    try:
        return float(text)
    except ValueError:
        moment = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
        return moment.timestamp() * 1e6


model, table, answers, tolerance = sys.argv[1:5]
onnx.checker.check_model(onnx.load(model), full_check=True)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
rows = list(csv.DictReader(open(table)))
want = list(csv.DictReader(open(answers)))
meta = session.get_modelmeta().custom_metadata_map
classes = json.loads(meta["leat.classes"]) if "leat.classes" in meta else None
feed = {}
for i in session.get_inputs():
    texts = [r[i.name] for r in rows]
    values = texts if i.type == "tensor(string)" else [number(t) for t in texts]
    feed[i.name] = np.array(values, dtype=object if i.type == "tensor(string)" else np.float64).reshape(-1, 1)
got = dict(zip([o.name for o in session.get_outputs()], session.run(None, feed)))
worst = wrong = 0
for k, row in enumerate(want):
    if classes is None:
        worst = max(worst, abs(got["prediction"][k] - float(row["prediction"])) / (1 + abs(float(row["prediction"]))))
        continue
    wrong += classes[got["class"][k]] != row["prediction"]
    for c, name in enumerate(classes):
        if "probabilities" in got:
            worst = max(worst, abs(got["probabilities"][k][c] - float(row["p_" + name])))
print(f"{model}: {len(rows)} rows, largest difference {worst:.2g}, {wrong} other classes")
sys.exit(not (worst <= float(tolerance)) or wrong > 0 or len(rows) != len(want))
