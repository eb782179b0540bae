"""One forward row of the networks benchmark with ONNX Runtime, on the model that PyTorch exports.

usage: peer_onnx.py ROW [--seconds S] [--models FOLDER]

Prints the object that peer_torch.py prints. The exported file is kept in FOLDER; batch
normalisations have been folded into the convolutions by the exporter or by the runtime.
"""
import argparse
import json
import os
import resource
import statistics

import numpy
import onnxruntime


def export(row, path):
    import torch
    from peer_torch import FORWARD
    torch.manual_seed(0)
    model, x = FORWARD[row]()
    torch.onnx.export(model.eval(), (x,), path + ".part", dynamo=False, opset_version=17,
                      input_names=["x"])
    os.replace(path + ".part", path)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("row")
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--models", default=".")
    p.add_argument("--export", action="store_true", help="only make the file")
    a = p.parse_args()
    path = os.path.join(a.models, a.row + ".onnx")
    if a.export:
        if not os.path.exists(path):
            export(a.row, path)
        return
    from timing import timed
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "2"))
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    one = session.get_inputs()[0]
    feed = {one.name: numpy.random.default_rng(0).standard_normal(one.shape, numpy.float32)}
    times = timed(lambda: session.run(None, feed), a.seconds)
    print(json.dumps({"row": a.row, "best": min(times), "median": statistics.median(times),
                      "runs": len(times), "onnxruntime": onnxruntime.__version__,
                      "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


main()
