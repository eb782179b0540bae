#!/usr/bin/env python3
"""The description of a running `leat serve`, by openapi-spec-validator and jsonschema (PyPI, tested
with 0.9 and 4.25), and answers by its own schemas.

usage: openapi_client.py HOST:PORT MODEL
Exit code 77 where the validators are not installed."""
import json
import sys
import urllib.error
import urllib.request

try:
    from jsonschema import Draft202012Validator
    from openapi_spec_validator import OpenAPIV31SpecValidator
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)


def ask(path, body=None, headers={}):
    request = urllib.request.Request(URL + path, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


URL, MODEL = "http://" + sys.argv[1], sys.argv[2]
status, document = ask("/openapi.json")
assert status == 200
OpenAPIV31SpecValidator(document).validate()

operations = [op for path in document["paths"].values() for op in path.values()]
names = [op["operationId"] for op in operations]
assert len(names) == len(set(names)), "an operationId stands twice"
for op in operations:
    assert op["summary"] and ("200" in op["responses"] or "204" in op["responses"])
for path in ("/api/v1/{model}", "/api/v1/{model}/versions/{version}", "/api/v1/" + MODEL):
    item = document["paths"][path]
    assert {"get", "post", "put", "delete"} <= set(item)
    assert {"200", "201", "400", "401", "403", "404", "409", "412", "413", "415", "422", "429",
            "503"} <= set(item["put"]["responses"])
    assert "204" in item["delete"]["responses"]
    assert "multipart/form-data" in item["post"]["requestBody"]["content"]

schemas = document["components"]["schemas"]


def fits(value, name):
    Draft202012Validator({"$ref": "#/components/schemas/" + name,
                          "components": {"schemas": schemas}}).validate(value)


status, about = ask("/api/v1/" + MODEL)
assert status == 200
fits(about["example"], "row_" + MODEL)
for query in ("", "?explain=true"):
    status, answer = ask("/api/v1/" + MODEL + query, json.dumps([about["example"]] * 2).encode())
    assert status == 200, answer
    fits(answer, "Predictions")
    assert ("explanations" in answer) == bool(query)
for path in ("/api/v1/absent", "/nowhere", "/api/v1/" + MODEL + "?no_such_input=1"):
    status, answer = ask(path)
    assert status in (404, 422), status
    fits(answer, "Error")
print("fine:", len(operations), "operations")
