#!/usr/bin/env python3
"""usage: compare_graph.py MODEL.onnx WEIGHTS.safetensors WEIGHTS.npz   weights of a graph as the package onnx reads them;
exit code 77 where a package is missing."""
import sys

try:
    import numpy as np
    import onnx
    from onnx import numpy_helper
    from safetensors.numpy import load_file
except ImportError as e:
    print(e)
    sys.exit(77)

model = onnx.load(sys.argv[1])
onnx.checker.check_model(model)
want = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
for n in model.graph.node:
    for a in n.attribute:
        if n.op_type == "Constant" and a.name == "value":
            want[n.output[0]] = numpy_helper.to_array(a.t)
assert want, "no weights"
for have in (load_file(sys.argv[2]), np.load(sys.argv[3])):
    assert sorted(have.keys()) == sorted(want), (sorted(have.keys()), sorted(want))
    for name, w in want.items():
        assert have[name].dtype == w.dtype and have[name].shape == w.shape, name
        assert have[name].tobytes() == w.tobytes(), name
