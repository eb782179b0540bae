"""A peer: ONNX Runtime behind FastAPI and uvicorn (uvloop, httptools, orjson), one thread.

usage: peer_fastapi.py PORT TREE.onnx NETWORK.onnx     the files that `leat export --onnx` writes"""
import sys

import fastapi
import numpy
import onnxruntime
import orjson
import uvicorn


def open_model(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Model:
    """Gives class numbers and probabilities of a tensor."""

    def __init__(self, path):
        self.session = open_model(path)
        self.inputs = [i.name for i in self.session.get_inputs()]

    def __call__(self, x):
        if len(self.inputs) == 1:
            feed = {self.inputs[0]: x}
        else:  # a column of the table each
            feed = {n: x[:, i:i + 1] for i, n in enumerate(self.inputs)}
        return self.session.run(["class", "probabilities"], feed)


TYPES = {"FP64": numpy.float64, "FP32": numpy.float32, "UINT8": numpy.uint8}
MODELS = {}
app = fastapi.FastAPI()


@app.get("/v2/health/ready")
async def ready():
    return {"ready": True}


@app.post("/v2/models/{name}/infer")
async def infer(name: str, request: fastapi.Request):
    body = await request.body()
    length = request.headers.get("inference-header-content-length")
    head = orjson.loads(body[:int(length)] if length else body)
    tensor = head["inputs"][0]
    dtype = TYPES[tensor["datatype"]]
    if length:
        x = numpy.frombuffer(body, dtype, offset=int(length)).reshape(tensor["shape"])
    else:
        x = numpy.array(tensor["data"], dtype).reshape(tensor["shape"])
    label, p = MODELS[name](x)
    if not length:
        return fastapi.Response(orjson.dumps({"model_name": name, "outputs": [
            {"name": "prediction", "datatype": "INT64", "shape": [len(label)],
             "data": label.tolist()},
            {"name": "probabilities", "datatype": "FP64", "shape": list(p.shape),
             "data": p.ravel().tolist()}]}), media_type="application/json")
    label, p = numpy.asarray(label, numpy.int64).tobytes(), numpy.asarray(p, numpy.float64)
    raw = p.tobytes()
    text = orjson.dumps({"model_name": name, "outputs": [
        {"name": "prediction", "datatype": "INT64", "shape": [len(x)],
         "parameters": {"binary_data_size": len(label)}},
        {"name": "probabilities", "datatype": "FP64", "shape": list(p.shape),
         "parameters": {"binary_data_size": len(raw)}}]})
    return fastapi.Response(text + label + raw, media_type="application/octet-stream",
                            headers={"Inference-Header-Content-Length": str(len(text))})


if __name__ == "__main__":
    MODELS.update(iris=Model(sys.argv[2]), fashion=Model(sys.argv[3]))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools",
                log_level="warning", access_log=False)
