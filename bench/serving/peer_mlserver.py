"""A peer: MLServer. Writes its folder of models: the tree for its runtime of scikit-learn, the
network by a runtime of ONNX Runtime below.

usage: peer_mlserver.py FOLDER PORT TREE.joblib NETWORK.onnx; then: mlserver start FOLDER"""
import json
import os
import sys

try:
    import onnxruntime
    from mlserver import MLModel
    from mlserver.codecs import NumpyCodec
    from mlserver.types import InferenceResponse

    class Network(MLModel):
        async def load(self):
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            self.session = onnxruntime.InferenceSession(
                self.settings.parameters.uri, options, providers=["CPUExecutionProvider"])
            self.input = self.session.get_inputs()[0].name
            return True

        async def predict(self, payload):
            x = NumpyCodec.decode_input(payload.inputs[0])
            label, p = self.session.run(["class", "probabilities"], {self.input: x})
            return InferenceResponse(model_name=self.name, outputs=[
                NumpyCodec.encode_output("prediction", label),
                NumpyCodec.encode_output("probabilities", p)])
except ImportError as error:
    raise SystemExit("peer_mlserver.py: %s" % error)


def write(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(value, f)


def main(folder, port, tree, network):
    write(os.path.join(folder, "settings.json"),
          {"host": "127.0.0.1", "http_port": int(port), "grpc_port": int(port) + 1,
           "metrics_port": int(port) + 2, "metrics_endpoint": None, "parallel_workers": 0,
           "debug": False, "logging_settings": None})
    write(os.path.join(folder, "iris", "model-settings.json"),
          {"name": "iris", "implementation": "mlserver_sklearn.SKLearnModel",
           "parameters": {"uri": os.path.abspath(tree)}})
    write(os.path.join(folder, "fashion", "model-settings.json"),
          {"name": "fashion", "implementation": "peer_mlserver.Network",
           "parameters": {"uri": os.path.abspath(network)}})


if __name__ == "__main__":
    main(*sys.argv[1:])
