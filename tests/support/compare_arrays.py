#!/usr/bin/env python3
"""compare_arrays.py A.safetensors A.npz NAME...: both files of `leat export` hold the same arrays, among them those named.
Exit code 77: the safetensors package is not there."""
import sys

try:
    import numpy as np
    from safetensors.numpy import load_file
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

tensors, npz = load_file(sys.argv[1]), np.load(sys.argv[2])
same = sorted(tensors) == sorted(npz.files) and set(sys.argv[3:]) <= set(tensors)
for name in tensors:
    same = same and tensors[name].dtype == npz[name].dtype and np.array_equal(tensors[name], npz[name])
print(f"{len(tensors)} arrays: {', '.join(tensors)}")
sys.exit(not same)
