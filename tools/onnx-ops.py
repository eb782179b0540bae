#!/usr/bin/env python3
"""Makes src/model/onnx_ops.def: what every version of every ONNX operator takes, and those of ONNX Runtime
that Leat computes.

  tools/onnx-ops.py > src/model/onnx_ops.def      with `pip install onnx==1.22.0 onnxruntime==1.32.0`"""
import pathlib, re
import onnx
import onnxruntime
from onnx import defs
from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

KIND = {"INT": "INT", "INTS": "INTS", "FLOAT": "FLOAT", "FLOATS": "FLOATS", "STRING": "STRING",
        "STRINGS": "STRINGS", "TENSOR": "TENSOR", "GRAPH": "GRAPH", "SPARSE_TENSOR": "SPARSE_TENSOR",
        "TYPE_PROTO": "TYPE_PROTO"}
MANY = 2147483647


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def default(attribute):
    if hasattr(attribute, "default_value"):
        value = attribute.default_value
    else:
        value = onnx.AttributeProto.FromString(attribute._default_value)
    if value.type == onnx.AttributeProto.INT:
        return f"{value.i}"
    if value.type == onnx.AttributeProto.FLOAT:
        return f"{value.f:.9g}"
    if value.type == onnx.AttributeProto.STRING:
        return value.s.decode()
    if value.type == onnx.AttributeProto.INTS:
        return ",".join(str(i) for i in value.ints)
    if value.type == onnx.AttributeProto.STRINGS:
        return ",".join(s.decode() for s in value.strings)
    assert value.type == onnx.AttributeProto.UNDEFINED, value
    return None


def row(schema):
    domain = quote(schema.domain)
    most = [min(schema.max_input, MANY), min(schema.max_output, MANY)]
    counts = [schema.min_input, most[0], schema.min_output, most[1]]
    counts = ["MANY" if c == MANY else str(c) for c in counts]
    head = f"{domain}, {schema.name}, {schema.since_version}, {', '.join(counts)}, {int(schema.deprecated)}"
    lines = [f"OP({head},"]
    line = "   "
    for name in sorted(schema.attributes):
        a = schema.attributes[name]
        kind = KIND[str(a.type).split(".")[-1]]
        value = default(a)
        item = f" A({quote(name)}, {kind}, {int(a.required)}, {'NULL' if value is None else quote(value)})"
        if line.strip() and len(line) + len(item) > 98:
            lines.append(line)
            line = "   "
        line += item
    if line.strip():
        lines.append(line)
    return "\n".join(lines) + ")"


def runtime_schemas():
    """Of the operators of com.microsoft in operators.def, and of one that ONNX Runtime puts beside ONNX's."""
    table = pathlib.Path("src/onnx/operators.def").read_text()
    wanted = {("com.microsoft", name) for name in re.findall(r"^MICROSOFT\((\w+)\)", table, re.M)}
    wanted.add(("", "SimplifiedLayerNormalization"))
    return [s for s in get_all_operator_schema() if (s.domain, s.name) in wanted]


def main():
    rows = sorted([*defs.get_all_schemas_with_history(), *runtime_schemas()],
                  key=lambda s: (s.domain, s.name, s.since_version))
    print("/* Made by tools/onnx-ops.py from onnx " + onnx.__version__ + " and onnxruntime " +
          onnxruntime.__version__ + ": do not edit.")
    print(" * OP(domain, name, since version, inputs from, to, outputs from, to, deprecated, attributes) and")
    print(" * A(name, kind, required, default or NULL; lists with commas), by domain, name and version. */")
    for schema in rows:
        print(row(schema))


main()
