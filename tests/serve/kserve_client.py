#!/usr/bin/env python3
"""KServe's Python client (PyPI: kserve, tested with 0.15 and later) against a running `leat serve`.

usage: kserve_client.py HOST:PORT MODEL      the model: iris, all inputs numbers
Exit code 77 where the client is not installed."""
import asyncio
import sys

try:
    import numpy as np
    from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.0, 3.0, 5.0, 2.0], [6.1, 2.8, 4.0, 1.3]])


async def main():
    url, model = "http://" + sys.argv[1], sys.argv[2]
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0, timeout=20))
    assert await client.is_server_live(url) is True
    assert await client.is_server_ready(url) is True
    assert await client.is_model_ready(url, model) is True
    for datatype, dtype in (("FP64", np.float64), ("FP32", np.float32)):
        for binary in (True, False):
            tensor = InferInput("input-0", list(ROWS.shape), datatype)
            tensor.set_data_from_numpy(ROWS.astype(dtype), binary_data=binary)
            request = InferRequest(model_name=model, infer_inputs=[tensor], request_id="k1")
            got = await client.infer(url, request, model_name=model)
            outputs = {o.name: o for o in got.outputs}
            names = [n.decode() if isinstance(n, bytes) else n for n in outputs["prediction"].as_numpy()]
            assert names == ["setosa", "virginica", "versicolor"], names
            p = outputs["probabilities"].as_numpy()
            assert p.shape == (3, 3) and np.allclose(p.sum(axis=1), 1)
    # As its examples write it.
    plain = {"inputs": [{"name": "input-0", "shape": [2, 4], "datatype": "FP32",
                         "data": [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]}]}
    got = await client.infer(url, plain, model_name=model)
    first = got["outputs"][0]["data"] if isinstance(got, dict) else got.outputs[0].data
    assert list(first) == ["versicolor", "versicolor"], first
    print("KServe's client: all calls answered as expected")


asyncio.run(main())
