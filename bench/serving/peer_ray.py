"""A peer: Ray Serve, with scikit-learn's tree and ONNX Runtime for the network, one replica.

usage: peer_ray.py PORT TREE.joblib NETWORK.onnx"""
import json
import signal
import sys

import ray
from ray import serve


@serve.deployment(max_ongoing_requests=64, ray_actor_options={"num_cpus": 0.1})
class Models:
    def __init__(self, tree, network):
        import joblib
        import numpy
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.numpy, self.tree = numpy, joblib.load(tree)
        self.network = onnxruntime.InferenceSession(network, options,
                                                    providers=["CPUExecutionProvider"])
        self.input = self.network.get_inputs()[0].name

    async def __call__(self, request):
        if request.url.path.endswith("/ready"):
            return {"ready": True}
        tensor = json.loads(await request.body())["inputs"][0]
        dtype = {"FP64": "f8", "UINT8": "u1"}[tensor["datatype"]]
        x = self.numpy.array(tensor["data"], dtype).reshape(tensor["shape"])
        if "/iris/" in request.url.path:
            p = self.tree.predict_proba(x)
            label = self.tree.classes_[p.argmax(axis=1)]
        else:
            label, p = self.network.run(["class", "probabilities"], {self.input: x})
        return {"outputs": [
            {"name": "prediction", "datatype": "BYTES", "shape": [len(x)], "data": label.tolist()},
            {"name": "probabilities", "datatype": "FP64", "shape": list(p.shape),
             "data": p.ravel().tolist()}]}


if __name__ == "__main__":
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Models.bind(sys.argv[2], sys.argv[3]))
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()
