"""What is asked: the same rows as JSON and as binary tensors of the Open Inference Protocol."""
import json
import os
import struct

IRIS_ROW = [5.1, 3.5, 1.4, 0.2]
IRIS_ROWS = [IRIS_ROW, [6.0, 3.0, 5.0, 2.0], [6.1, 2.8, 4.0, 1.3]]


class Request:
    """A POST: its head and body, as files for wrk and for load_bench."""

    def __init__(self, path, body, headers):
        self.path, self.body, self.headers = path, body, headers

    def raw(self, port):
        head = "".join("%s: %s\r\n" % pair for pair in self.headers.items())
        return (("POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%sContent-Length: %d\r\n\r\n"
                 % (self.path, port, head, len(self.body))).encode() + self.body)

    def write_lua(self, path):
        """A script that has wrk send this and nothing else."""
        with open(path, "w") as f:
            f.write('wrk.method = "POST"\n')
            for name, value in self.headers.items():
                f.write('wrk.headers["%s"] = "%s"\n' % (name, value))
            if len(self.body) > 1 << 16:  # read at the start: Lua takes no such literal
                data = path + ".body"
                with open(data, "wb") as g:
                    g.write(self.body)
                f.write('local f = io.open("%s", "rb")\nwrk.body = f:read("*a")\nf:close()\n'
                        % os.path.abspath(data))
            else:
                f.write('wrk.body = "%s"\n' % "".join("\\%03d" % byte for byte in self.body))
        return path


def as_json(model, name, shape, values, datatype="FP64"):
    body = {"inputs": [{"name": name, "shape": shape, "datatype": datatype, "data": values}]}
    return Request("/v2/models/%s/infer" % model,
                   json.dumps(body, separators=(",", ":")).encode(),
                   {"Content-Type": "application/json"})


def as_binary(model, name, shape, data, datatype, outputs=None):
    """`data`: the bytes of the tensor; every output comes back in binary."""
    head = {"inputs": [{"name": name, "shape": shape, "datatype": datatype,
                        "parameters": {"binary_data_size": len(data)}}]}
    if outputs:
        head["outputs"] = [{"name": o, "parameters": {"binary_data": True}} for o in outputs]
    else:
        head["parameters"] = {"binary_data_output": True}
    text = json.dumps(head, separators=(",", ":")).encode()
    return Request("/v2/models/%s/infer" % model, text + data,
                   {"Content-Type": "application/octet-stream",
                    "Inference-Header-Content-Length": str(len(text))})


def doubles(values):
    return struct.pack("<%dd" % len(values), *values)


def tree(rows=(IRIS_ROW,)):
    """The requests for the tree: (JSON, binary)."""
    values = [v for row in rows for v in row]
    shape = [len(rows), 4]
    return (as_json("iris", "x", shape, values),
            as_binary("iris", "x", shape, doubles(values), "FP64"))


def image(pixels):
    """The requests for the network: an image of 28 x 28 x 1 bytes, (JSON, binary)."""
    shape = [1, 28, 28, 1]
    return (as_json("fashion", "image", shape, list(pixels), "UINT8"),
            as_binary("fashion", "image", shape, bytes(pixels), "UINT8"))


def read_answer(body, headers):
    """Label (or class number) and probabilities of the first row of an answer, JSON or binary."""
    length = headers.get("inference-header-content-length")
    head = json.loads(body[:int(length)] if length else body)
    at, out = int(length or 0), {}
    for o in head["outputs"]:
        size = o.get("parameters", {}).get("binary_data_size")
        if size is None:
            out[o["name"]] = o["data"]
            continue
        data = body[at:at + size]
        at += size
        if o["datatype"] == "BYTES":
            n, = struct.unpack_from("<I", data)
            out[o["name"]] = [data[4:4 + n].decode()]
        else:
            form = {"FP64": "d", "FP32": "f", "INT64": "q"}[o["datatype"]]
            out[o["name"]] = list(struct.unpack("<%d%s" % (size // struct.calcsize(form), form),
                                                data))
    label = out.get("prediction", out.get("predict"))
    return label[0], out.get("probabilities")
