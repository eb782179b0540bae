#!/usr/bin/env python3
"""Compares Leat's reader of ONNX with Python's onnx (1.22.0) on every model and value below folders.

  tools/compare-onnx.py [FOLDER ...]     default: the test data of the installed onnx package

Reads each model.onnx and *.pb with both, and compares every field. Needs `pip install onnx==1.22.0`
and a build in build/. Ends with "N files, N differ"."""
import pathlib, struct, subprocess, sys, zlib

import onnx
import onnx.numpy_helper
from google.protobuf.descriptor import FieldDescriptor as F

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What Leat's reader leaves out.
SKIPPED = {"TensorProto.segment", "GraphProto.quantization_annotation", "NodeProto.device_configurations",
           "ModelProto.configuration", "TensorProto.metadata_props"}
KINDS = {"model": onnx.ModelProto, "tensor": onnx.TensorProto, "sequence": onnx.SequenceProto,
         "optional": onnx.OptionalProto}
# Texts, and elements of less than a byte.
NO_NUMBERS = {onnx.TensorProto.STRING, onnx.TensorProto.UINT4, onnx.TensorProto.INT4, onnx.TensorProto.FLOAT4E2M1,
              onnx.TensorProto.UINT2, onnx.TensorProto.INT2}


def bits(field, value):
    if field.type == F.TYPE_FLOAT:
        return struct.unpack("<I", struct.pack("<f", value))[0]
    if field.type == F.TYPE_DOUBLE:
        return struct.unpack("<Q", struct.pack("<d", value))[0]
    return value & 0xFFFFFFFFFFFFFFFF


def dump(message, out):
    for field, value in sorted(message.ListFields(), key=lambda fv: fv[0].number):
        if f"{message.DESCRIPTOR.name}.{field.name}" in SKIPPED:
            continue
        repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == F.LABEL_REPEATED
        values = value if repeated else [value]
        if field.type == F.TYPE_MESSAGE:
            for v in values:
                out.append(f"{field.name} {{")
                dump(v, out)
                out.append("}")
        elif field.type in (F.TYPE_STRING, F.TYPE_BYTES):
            for v in values:
                v = v.encode() if isinstance(v, str) else v
                out.append(f"{field.name} {len(v)} {zlib.crc32(v):08x}")
        elif repeated:
            packed = b"".join(struct.pack("<Q", bits(field, v)) for v in values)
            out.append(f"{field.name} {len(values)} {zlib.crc32(packed):08x}")
        else:
            out.append(f"{field.name} {bits(field, value)}")


def kinds_of_values(model, folder, prefix):
    values = model.graph.input if prefix == "input" else model.graph.output
    names = {"tensor_type": "tensor", "sequence_type": "sequence", "optional_type": "optional"}
    return [names.get(v.type.WhichOneof("value"), "tensor") for v in values]


def files_below(folder):
    for path in sorted(folder.rglob("*.onnx")):
        model = onnx.load(path, load_external_data=False)
        yield "model", path
        for data in sorted(path.parent.glob("test_data_set_*")):
            for prefix in ("input", "output"):
                kinds = kinds_of_values(model, data, prefix)
                for pb in sorted(data.glob(f"{prefix}_*.pb")):
                    i = int(pb.stem.split("_")[1])
                    yield (kinds[i] if i < len(kinds) else "tensor"), pb


def main():
    folders = [pathlib.Path(a) for a in sys.argv[1:]] or [pathlib.Path(onnx.__file__).parent / "backend/test/data"]
    files = [f for folder in folders for f in files_below(folder)]
    listing = "".join(f"{kind} {path}\n" for kind, path in files)
    got = subprocess.run([ROOT / "build/onnx/onnx_dump"], input=listing, capture_output=True, text=True).stdout
    dumps = {}
    for line in got.splitlines():
        if line.startswith("file "):
            current = dumps.setdefault(line[5:], [])
        else:
            current.append(line)
    bad = 0
    for kind, path in files:
        message = KINDS[kind]()
        message.ParseFromString(path.read_bytes())
        want = []
        dump(message, want)
        if kind == "tensor" and message.data_type not in NO_NUMBERS:
            elements = onnx.numpy_helper.to_array(message).tobytes()
            want.append(f"elements {len(elements)} {zlib.crc32(elements):08x}")
        have = dumps.get(str(path), ["error: no answer"])
        if have != want:
            bad += 1
            first = next((i for i, (a, b) in enumerate(zip(have, want)) if a != b), min(len(have), len(want)))
            print(f"{path}: line {first}: Leat {have[first:first + 1]}, onnx {want[first:first + 1]}")
    print(f"{len(files)} files, {bad} differ")
    return bad > 0


sys.exit(main())
