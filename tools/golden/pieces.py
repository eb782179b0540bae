#!/usr/bin/env python3
"""Golden values of operations on pieces, indices and order: tests/golden/pieces.h.

Run: python3 tools/golden/pieces.py > tests/golden/pieces.h   (NumPy 2.x; any version gives the same)
"""
import numpy as np

x = np.arange(24, dtype=np.float64).reshape(4, 6) * 7 % 11 - 3
b = np.arange(30, dtype=np.float64).reshape(2, 3, 5) % 7 - 2
c = np.arange(20, dtype=np.float64).reshape(2, 5, 2) % 5 - 1
v = np.array([[3, 1, 2, 1], [0, -1, 4, -1], [2, 2, 2, 2]], dtype=np.float64)


def show(name, a):
    a = np.asarray(a, dtype=np.float64)
    dims = ", ".join(str(d) for d in a.shape) or "0"
    values = ", ".join(repr(float(e)) for e in a.ravel()) or "0"
    print(f'static const double {name}[] = {{{values}}};')
    print(f'static const int64_t {name}_shape[] = {{{a.ndim}, {dims}}};')


def pad(mode, **more):
    return np.pad(x, [(1, 2), (2, 1)], mode=mode, **more)


print(f"/* Made by tools/golden/pieces.py with NumPy {np.__version__}. */")
print("#ifndef GOLDEN_PIECES_H\n#define GOLDEN_PIECES_H\n\n#include <stdint.h>\n\n/* clang-format off */")
show("golden_slice", x[3:0:-2, 1::2])
show("golden_slice_ends", x[-3:, :-1])
show("golden_flip", x[::-1, ::-1])
show("golden_pad", pad("constant", constant_values=9))
show("golden_reflect", pad("reflect"))
show("golden_edge", pad("edge"))
show("golden_wrap", pad("wrap"))
show("golden_concat", np.concatenate([x, x[:2]], axis=0))
show("golden_stack", np.stack([x, -x], axis=1))
show("golden_take", np.take(x, [[5, 0], [-1, 2]], axis=1))
show("golden_take_along", np.take_along_axis(v, np.argsort(v, axis=1, kind="stable"), axis=1))
show("golden_nd", b[[0, 1, 1], [2, 0, -1]])
put = v.copy()
np.put_along_axis(put, np.array([[1], [3], [0]]), np.array([[8.0], [9], [7]]), axis=1)
show("golden_put", put)
added = np.zeros((4, 4))
np.add.at(added, [1, 1, 3], v)
show("golden_added", added)
show("golden_argmax", np.argmax(v, axis=1))
show("golden_argmin", np.argmin(v, axis=0))
show("golden_cumsum", np.cumsum(x, axis=1))
show("golden_cumprod", np.cumprod(v, axis=0))
show("golden_sort", np.sort(x, axis=0))
show("golden_order", np.argsort(v, axis=1, kind="stable"))
show("golden_tril", np.tril(x, -1))
show("golden_triu", np.triu(x, 1))
show("golden_var", np.var(x, axis=1, ddof=1))
show("golden_std", np.std(x))
m = x.max(axis=0)
show("golden_logsumexp", m + np.log(np.exp(x - m).sum(axis=0)))
show("golden_norm3", (np.abs(x) ** 3).sum() ** (1 / 3))
for name, formula, args in [
    ("batch", "bij,bjk->bik", (b, c)), ("outer", "i,j->ij", (x[0], x[:, 0])), ("inner", "i,i", (x[0], x[1])),
    ("turned", "ij->ji", (x,)), ("trace", "ii", (x[:4, :4],)), ("diagonal", "ii->i", (x[:4, :4],)),
    ("summed", "bij->j", (b,)), ("three", "bij,bjk,kl->il", (b, c, x[:2])), ("implicit", "ij,kj", (x, x[1:3])),
    ("mixed", "bij,bkj->kb", (b, b))]:
    show("golden_" + name, np.einsum(formula, *args))
print("/* clang-format on */\n\n#endif")
