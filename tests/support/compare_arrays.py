#!/usr/bin/env python3
"""compare_arrays.py A.safetensors A.npz NAME...: both files of `leat export` hold the same arrays, among them those named,
and the same words about them.
Exit code 77: the safetensors package is not there."""
import json
import sys

try:
    import numpy as np
    from safetensors import safe_open
    from safetensors.numpy import load_file
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

tensors, npz = load_file(sys.argv[1]), np.load(sys.argv[2])
with safe_open(sys.argv[1], "np") as file:
    about = file.metadata()["leat.model"]
names = [name for name in npz.files if name != "leat.model"]
same = sorted(tensors) == sorted(names) and set(sys.argv[3:]) <= set(tensors)
same = same and npz["leat.model"].item().decode() == about and "inputs" in json.loads(about)
for name in tensors:
    same = same and tensors[name].dtype == npz[name].dtype and np.array_equal(tensors[name], npz[name])
print(f"{len(tensors)} arrays: {', '.join(tensors)}")
sys.exit(not same)
