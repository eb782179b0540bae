#!/usr/bin/env python3
"""Triton's Python client (PyPI: tritonclient[http], tested with 2.x) against a running `leat serve`.

usage: triton_client.py HOST:PORT MODEL      the model: iris, all inputs numbers
Exit code 77 where the client is not installed."""
import sys

try:
    import numpy as np
    import tritonclient.http as http
    from tritonclient.utils import InferenceServerException
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.0, 3.0, 5.0, 2.0], [6.1, 2.8, 4.0, 1.3]])


def tensor(rows, datatype, binary, name="input"):
    t = http.InferInput(name, list(rows.shape), datatype)
    t.set_data_from_numpy(rows, binary_data=binary)
    return t


def refused(call, words):
    try:
        call()
    except InferenceServerException as error:
        assert words in str(error), f"{words!r} is not in {error}"
        return
    raise AssertionError(f"not refused: {words}")


def about(client, model):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)
    assert client.is_model_ready(model, "1") and not client.is_model_ready("absent")
    server = client.get_server_metadata()
    assert server["name"] == "leat" and "binary_tensor_data" in server["extensions"]
    data = client.get_model_metadata(model)
    assert data["versions"] == ["1"] and data["inputs"][0]["shape"] == [-1, 4], data
    config = client.get_model_config(model)
    assert config["name"] == model and config["input"][0]["data_type"] == "TYPE_FP64", config


def inference(client, model):
    expected = None
    for datatype, dtype in [("FP64", np.float64), ("FP32", np.float32), ("FP16", np.float16)]:
        for binary_in in (True, False):
            if datatype == "FP16" and not binary_in:
                continue  # has no form in JSON
            for binary_out in (True, False):
                outputs = [http.InferRequestedOutput("prediction", binary_data=binary_out),
                           http.InferRequestedOutput("probabilities", binary_data=binary_out)]
                got = client.infer(model, [tensor(ROWS.astype(dtype), datatype, binary_in)],
                                   outputs=outputs, request_id="r 1")
                assert got.get_response()["id"] == "r 1"
                names = [n.decode() if isinstance(n, bytes) else n for n in got.as_numpy("prediction")]
                assert names == ["setosa", "virginica", "versicolor"], names
                p = got.as_numpy("probabilities")
                assert p.shape == (3, 3) and np.allclose(p.sum(axis=1), 1)
                if datatype == "FP64":
                    expected = p if expected is None else expected
                    assert np.array_equal(p, expected), "JSON and binary give the same bits"
                else:
                    assert np.allclose(p, expected, atol=0.05)
    # Without outputs the client asks for all of them in binary.
    got = client.infer(model, [tensor(ROWS, "FP64", True)], model_version="1")
    assert np.array_equal(got.as_numpy("probabilities"), expected)
    # Whole numbers of every type.
    whole = np.array([[5, 3, 1, 0], [6, 3, 5, 2]])
    for datatype, dtype in [("INT8", np.int8), ("INT16", np.int16), ("INT32", np.int32), ("INT64", np.int64),
                            ("UINT8", np.uint8), ("UINT16", np.uint16), ("UINT32", np.uint32),
                            ("UINT64", np.uint64)]:
        for binary in (True, False):
            got = client.infer(model, [tensor(whole.astype(dtype), datatype, binary)])
            assert got.as_numpy("prediction")[0] == b"setosa", datatype
    # A tensor per column.
    columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    got = client.infer(model, [tensor(np.ascontiguousarray(ROWS[:, k]), "FP64", k % 2 == 0, name)
                               for k, name in enumerate(columns)])
    assert np.array_equal(got.as_numpy("probabilities"), expected)
    # Both ways packed.
    for algorithm in ("gzip", "deflate"):
        got = client.infer(model, [tensor(np.repeat(ROWS, 40, axis=0), "FP64", True)],
                           request_compression_algorithm=algorithm, response_compression_algorithm="gzip")
        assert got.as_numpy("prediction").shape == (120,)
    # The extension for classes.
    for binary in (True, False):
        got = client.infer(model, [tensor(ROWS, "FP64", binary)],
                           outputs=[http.InferRequestedOutput("probabilities", binary_data=binary, class_count=2)])
        best = got.as_numpy("probabilities")
        assert best.shape == (3, 2)
        value, index, label = (best[1, 0].decode() if isinstance(best[1, 0], bytes) else best[1, 0]).split(":")
        assert label == "virginica" and index == "2" and float(value) == expected[1, 2]
    raw = client.generate_request_body([tensor(ROWS, "FP64", True)])
    assert raw[1] is not None
    handles = [client.async_infer(model, [tensor(ROWS, "FP64", True)]) for _ in range(20)]
    assert all(np.array_equal(h.get_result().as_numpy("probabilities"), expected) for h in handles)


def refusals(client, model):
    refused(lambda: client.infer("absent", [tensor(ROWS, "FP64", True)]), "no model 'absent'")
    refused(lambda: client.infer(model, [tensor(ROWS, "FP64", True)], model_version="7"), "no version '7'")
    refused(lambda: client.infer(model, [tensor(ROWS[:, :3].copy(), "FP64", True)]), "rows of 4")
    refused(lambda: client.infer(model, [tensor(ROWS, "FP64", True)],
                                 outputs=[http.InferRequestedOutput("absent")]), "no output 'absent'")
    infinite = ROWS.copy()
    infinite[0, 0] = np.inf
    refused(lambda: client.infer(model, [tensor(infinite, "FP64", True)]), "infinite")


def repository(client, model):
    assert any(e["name"] == model and e["state"] == "READY" for e in client.get_model_repository_index())
    before = client.get_inference_statistics(model)["model_stats"][0]
    assert before["inference_stats"]["success"]["count"] > 0 and before["inference_stats"]["fail"]["count"] > 0
    client.load_model(model)
    assert client.is_model_ready(model)
    client.unload_model(model)
    assert not client.is_model_ready(model)
    refused(lambda: client.infer(model, [tensor(ROWS, "FP64", True)]), "no model")
    assert any(e["name"] == model and e["state"] == "UNAVAILABLE" for e in client.get_model_repository_index())
    client.load_model(model)
    assert client.is_model_ready(model)
    refused(lambda: client.load_model("absent"), "no model 'absent'")
    refused(lambda: client.load_model(model, config='{"backend": "python"}'), "where the server was started")


def main():
    client, model = http.InferenceServerClient(sys.argv[1], concurrency=4), sys.argv[2]
    about(client, model)
    inference(client, model)
    refusals(client, model)
    repository(client, model)
    print("Triton's client: all calls answered as expected")


main()
