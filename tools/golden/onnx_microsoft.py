#!/usr/bin/env python3
"""Models of the operators of com.microsoft with the outputs of ONNX Runtime, in the layout of ONNX's
backend tests: tests/onnx/microsoft. Made with onnx 1.23.2, onnxruntime 1.32.0, NumPy 2.4.6; run it
from the root of the project."""
import pathlib, shutil
import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

OUT = pathlib.Path("tests/onnx/microsoft")
rng = np.random.default_rng(11)


def floats(*shape):
    return rng.normal(size=shape).astype("f4")


def whole(kind, *shape):
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max + 1, shape).astype(kind)


def save(name, op, inputs, outs=1, fixed=(), domain="com.microsoft", out_types=("f4",) * 4, **attributes):
    """One node; inputs in order, "" for what is left out; `fixed` ones are initialisers. outs: a number,
    or the names of outputs, "" for those that are left out."""
    names = [k if v is not None else "" for k, v in inputs.items()]
    results = [f"y{i}" for i in range(outs)] if isinstance(outs, int) else list(outs)
    wanted = [r for r in results if r]
    free = {k: v for k, v in inputs.items() if v is not None and k not in fixed}
    kind = lambda v: helper.np_dtype_to_tensor_dtype(np.dtype(v))
    graph = helper.make_graph(
        [helper.make_node(op, names, results, domain=domain, **attributes)], name,
        [helper.make_tensor_value_info(k, kind(v.dtype), [None] * v.ndim) for k, v in free.items()],
        [helper.make_tensor_value_info(r, kind(out_types[results.index(r)]), None) for r in wanted],
        [numpy_helper.from_array(inputs[k], k) for k in fixed])
    model = helper.make_model(graph, ir_version=9, opset_imports=[
        helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)])
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # more threads quantise the states of an LSTM in parts
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    got = ort.InferenceSession(model.SerializeToString(), options).run(wanted, free)
    for o, value in zip(model.graph.output, got):
        o.CopyFrom(helper.make_tensor_value_info(o.name, kind(value.dtype), [None] * value.ndim))
    folder = OUT / f"test_{name}" / "test_data_set_0"
    folder.mkdir(parents=True)
    (folder.parent / "model.onnx").write_bytes(model.SerializeToString())
    for what, values in (("input", free.values()), ("output", got)):
        for i, v in enumerate(values):
            (folder / f"{what}_{i}.pb").write_bytes(numpy_helper.from_array(v).SerializeToString())


def activations():
    x = 3 * floats(3, 5, 8)
    save("gelu", "Gelu", dict(x=x))
    save("quick_gelu", "QuickGelu", dict(x=x))
    save("quick_gelu_alpha", "QuickGelu", dict(x=x), alpha=1.25)
    save("bias_gelu", "BiasGelu", dict(x=x, b=floats(8)))
    save("fast_gelu", "FastGelu", dict(x=x / 3))  # far from 0 the runtime loses digits
    save("fast_gelu_bias", "FastGelu", dict(x=x / 6, b=floats(8) / 2))


def products():
    x, w, b = floats(2, 4, 9, 7), floats(6, 4, 3, 3), floats(6)
    save("fused_conv_relu", "FusedConv", dict(x=x, w=w, b=b), activation="Relu", pads=[1, 1, 1, 1])
    save("fused_conv_sum", "FusedConv", dict(x=x, w=w, b=b, z=floats(2, 6, 4, 3)), activation="Relu",
         strides=[2, 2], kernel_shape=[3, 3])
    save("fused_conv_groups", "FusedConv", dict(x=x, w=floats(6, 2, 3, 3), b=None, z=floats(2, 6, 7, 5)), group=2)
    for name, p in (("Tanh", []), ("Sigmoid", []), ("LeakyRelu", [0.2]), ("Clip", [-0.5, 1.5]),
                    ("HardSigmoid", [0.3, 0.4])):
        save(f"fused_conv_{name.lower()}", "FusedConv", dict(x=x, w=w, b=b), activation=name,
             **({"activation_params": p} if p else {}))
    save("fused_gemm_relu", "FusedGemm", dict(a=floats(4, 5), b=floats(6, 5), c=floats(6)), activation="Relu",
         transB=1, alpha=0.5, beta=2.0)
    save("fused_gemm_leaky", "FusedGemm", dict(a=floats(5, 4), b=floats(5, 6)), activation="LeakyRelu",
         transA=1, activation_alpha=0.3)
    save("fused_matmul", "FusedMatMul", dict(a=floats(2, 3, 4), b=floats(2, 5, 4)), transB=1, alpha=0.25)
    save("fused_matmul_turned", "FusedMatMul", dict(a=floats(2, 4, 3), b=floats(4, 5)), transA=1)
    save("fused_matmul_list", "FusedMatMul", dict(a=floats(4), b=floats(2, 5, 4)), transA=1, transB=1)
    save("fused_matmul_batches", "FusedMatMul", dict(a=floats(3, 2, 5, 4), b=floats(6, 2, 5, 4)), transBatchA=1,
         transBatchB=1, transB=1)
    save("fused_matmul_batch_turned", "FusedMatMul", dict(a=floats(4, 2, 5, 3), b=floats(2, 5, 4, 6)),
         transBatchA=1, transA=1)


def normalisation():
    x, skip, gamma, beta, bias = floats(2, 5, 8), floats(2, 5, 8), floats(8), floats(8), floats(8)
    for axis, g in ((-1, gamma), (1, floats(5, 8))):
        save(f"simplified_norm_{axis % 3}", "SimplifiedLayerNormalization", dict(x=x, g=g), 2, domain="", axis=axis,
             epsilon=1e-3)
    save("simplified_norm_one", "SimplifiedLayerNormalization", dict(x=x, g=gamma), domain="")
    save("skip_norm", "SkipLayerNormalization", dict(x=x, s=skip, g=gamma, b=beta), epsilon=1e-3)
    save("skip_norm_bias", "SkipLayerNormalization", dict(x=x, s=skip, g=gamma, b=beta, c=bias),
         ("y0", "", "", "y3"))
    save("skip_norm_plain", "SkipLayerNormalization", dict(x=x, s=skip, g=gamma))
    save("skip_norm_row", "SkipLayerNormalization", dict(x=x, s=skip[:1], g=gamma, b=None, c=bias))
    save("skip_norm_flat", "SkipLayerNormalization", dict(x=x[0], s=skip[0], g=gamma, b=beta))
    save("skip_simplified", "SkipSimplifiedLayerNormalization", dict(x=x, s=skip, g=gamma),
         ("y0", "", "", "y3"), epsilon=1e-5)
    save("skip_simplified_bias", "SkipSimplifiedLayerNormalization", dict(x=x, s=skip, g=gamma, c=bias))


def one(value, kind="f4"):
    return np.array(value, kind)


def quantised():
    for kind, zeros in (("u1", (120, 7, 131)), ("i1", (-3, 20, 5))):
        a, b = whole(kind, 3, 4, 6), whole(kind, 4, 6)
        for op in ("QLinearAdd", "QLinearMul"):
            scales = (0.11, 0.07, 0.13) if op == "QLinearAdd" else (0.11, 0.07, 0.93)
            pair = dict(a=a, as_=one(scales[0]), az=one(zeros[0], kind), b=b, bs=one(scales[1]),
                        bz=one(zeros[1], kind), cs=one(scales[2]), cz=one(zeros[2], kind))
            fixed = [n for n in pair if n not in "ab"]
            save(f"{op.lower()}_{kind}", op, pair, fixed=fixed, out_types=(kind,))
    a, b = whole("u1", 5, 7), whole("i1", 7, 4)
    gemm = dict(a=a, as_=one(0.02), az=one(121, "u1"), b=b, bs=one(0.03), bz=one(2, "i1"),
                c=rng.integers(-9999, 9999, 4).astype("i4"), ys=one(0.17), yz=one(99, "u1"))
    fixed = [n for n in gemm if n != "a"]
    save("qgemm", "QGemm", gemm, fixed=fixed, out_types=("u1",))
    save("qgemm_floats", "QGemm", {k: v for k, v in gemm.items() if k[0] != "y"}, fixed=fixed[:-2], alpha=0.5)
    channels = {**gemm, "b": np.ascontiguousarray(b.T), "bs": rng.uniform(0.01, 0.05, 4).astype("f4"),
                "bz": np.zeros(4, "i1")}
    save("qgemm_columns", "QGemm", channels, fixed=fixed, out_types=("u1",), transB=1)
    save("qgemm_plain", "QGemm", {**gemm, "c": None}, fixed=[n for n in fixed if n != "c"], out_types=("u1",))
    x = whole("u1", 2, 3, 5, 5)
    head = dict(x=x, xs=one(0.04), xz=one(128, "u1"))
    tail = dict(ys=one(0.031), yz=one(3, "u1"))
    fixed = ["xs", "xz", "ys", "yz"]
    save("qlinear_sigmoid", "QLinearSigmoid", {**head, "ys": one(1 / 256), "yz": one(0, "u1")}, fixed=fixed,
         out_types=("u1",))
    save("qlinear_leaky_relu", "QLinearLeakyRelu", {**head, **tail}, fixed=fixed, out_types=("u1",), alpha=0.1)
    save("qlinear_global_average", "QLinearGlobalAveragePool", {**head, **tail, "yz": one(128, "u1")}, fixed=fixed,
         out_types=("u1",))
    save("qlinear_average", "QLinearAveragePool", {**head, **tail, "yz": one(130, "u1")}, fixed=fixed,
         out_types=("u1",), kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
    save("qlinear_softmax", "QLinearSoftmax", {**head, "ys": one(1 / 256), "yz": one(0, "u1")}, fixed=fixed,
         out_types=("u1",), opset=13)
    save("qlinear_concat", "QLinearConcat", dict(**tail, **head, z=whole("u1", 2, 2, 5, 5), zs=one(0.02),
         zz=one(100, "u1")), fixed=["ys", "yz", "xs", "xz", "zs", "zz"], out_types=("u1",), axis=1)
    x, w = floats(2, 3, 8), whole("i1", 8, 6)
    scale, scales, bias = one(0.02), rng.uniform(0.01, 0.05, 6).astype("f4"), floats(6)
    save("dynamic_matmul", "DynamicQuantizeMatMul", dict(x=x, w=w, s=scale), fixed=["w"])
    save("dynamic_matmul_bias", "DynamicQuantizeMatMul", dict(x=x, w=w, s=scales, z=whole("i1", 6) // 8, b=bias),
         fixed=["w", "s", "z", "b"])
    save("dynamic_matmul_above", "DynamicQuantizeMatMul", dict(x=np.abs(x) + 1, w=w.astype("u1"), s=scale,
         z=one(12, "u1")), fixed=["w", "s", "z"])
    save("matmul_integer_to_float", "MatMulIntegerToFloat", dict(a=whole("u1", 2, 3, 8), b=w, s=one(0.01), t=scales,
         az=one(7, "u1"), bz=np.zeros(6, "i1"), c=bias), fixed=["b", "bz"])
    save("matmul_integer_to_float_plain", "MatMulIntegerToFloat", dict(a=whole("u1", 3, 8), b=w, s=one(0.01),
         t=scale), fixed=["b"])


def few_bits():
    x = floats(2, 3, 40)
    for bits, size in ((2, 32), (4, 16), (4, 32), (8, 16)):
        count = -(-40 // size)
        w = whole("u1", 6, count, size * bits // 8)
        scales = rng.uniform(0.01, 0.1, 6 * count).astype("f4")
        zeros = whole("u1", 6 * -(-count * bits // 8))
        base = dict(x=x, w=w, s=scales)
        options = dict(bits=bits, block_size=size, K=40, N=6)
        save(f"bits_{bits}_{size}", "MatMulNBits", base, fixed=["w", "s"], **options)
        save(f"bits_{bits}_{size}_zeros", "MatMulNBits", {**base, "z": zeros, "g": None, "b": floats(6)},
             fixed=["w", "s", "z", "b"], **options)
    save("bits_4_float_zeros", "MatMulNBits", dict(x=x, w=whole("u1", 6, 3, 8), s=np.full(18, 0.05, "f4"),
         z=rng.uniform(0, 15, 18).astype("f4")), fixed=["w", "s", "z"], bits=4, block_size=16, K=40, N=6)


def attention():
    batch, length, heads, width = 2, 5, 3, 12
    x, w, b = floats(batch, length, 10), floats(10, 3 * width) / 3, floats(3 * width)
    past = floats(2, batch, heads, 4, width // heads)
    mask = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1]], "i4")
    each = rng.integers(0, 2, (batch, length, length)).astype("i4")
    base = dict(x=x, w=w, b=b)
    save("attention", "Attention", base, num_heads=heads)
    save("attention_causal", "Attention", base, num_heads=heads, unidirectional=1, scale=0.4)
    save("attention_sizes", "Attention", dict(x=x, w=floats(10, 30), b=floats(30)), num_heads=heads,
         qkv_hidden_sizes=[12, 12, 6])
    save("attention_no_bias", "Attention", dict(x=x, w=w), num_heads=heads)
    save("attention_lengths", "Attention", {**base, "m": np.array([3, 5], "i4")}, num_heads=heads)
    save("attention_ends", "Attention", {**base, "m": np.array([4, 5, 1, 2], "i4")}, num_heads=heads)
    save("attention_mask", "Attention", {**base, "m": mask}, num_heads=heads)
    save("attention_mask_causal", "Attention", {**base, "m": mask}, num_heads=heads, unidirectional=1)
    save("attention_mask_each", "Attention", {**base, "m": each}, num_heads=heads, mask_filter_value=-2.0)
    save("attention_added", "Attention", {**base, "m": None, "p": None, "a": floats(1, heads, length, length)},
         num_heads=heads)
    save("attention_past", "Attention", {**base, "m": None, "p": past}, 2, num_heads=heads, unidirectional=1)
    save("attention_past_mask", "Attention", {**base, "m": rng.integers(0, 2, (batch, 9)).astype("i4"), "p": past},
         2, num_heads=heads)

    q, k, v = floats(batch, 4, width), floats(batch, 6, width), floats(batch, 6, 2 * width)
    three = dict(q=q, k=k, v=v)
    save("heads", "MultiHeadAttention", three, num_heads=heads)
    save("heads_bias", "MultiHeadAttention", {**three, "b": floats(4 * width)}, num_heads=heads)
    save("heads_lengths", "MultiHeadAttention", {**three, "b": None, "m": np.array([2, 6], "i4")}, num_heads=heads)
    save("heads_mask", "MultiHeadAttention", {**three, "b": None, "m": rng.integers(0, 2, (batch, 6)).astype("i4")},
         num_heads=heads, mask_filter_value=-5.0)
    save("heads_added", "MultiHeadAttention", {**three, "b": None, "m": None, "a": floats(batch, 1, 4, 6)},
         num_heads=heads, scale=0.7)
    same = dict(q=q, k=floats(batch, 4, width), v=floats(batch, 4, width), b=floats(3 * width))
    save("heads_causal", "MultiHeadAttention", same, 3, num_heads=heads, unidirectional=1)
    old = dict(pk=floats(batch, heads, 3, 4), pv=floats(batch, heads, 3, 4))
    save("heads_past", "MultiHeadAttention", {**same, "m": None, "a": None, **old}, 3, num_heads=heads,
         unidirectional=1)
    crossed = dict(q=q, k=floats(batch, heads, 6, 4), v=floats(batch, heads, 6, 4))
    save("heads_crossed", "MultiHeadAttention", crossed, num_heads=heads)
    save("heads_crossed_bias", "MultiHeadAttention", {**crossed, "b": floats(3 * width)}, num_heads=heads)


def rotated():
    angles = rng.uniform(0, 6, (12, 4))
    caches = dict(c=np.cos(angles).astype("f4"), s=np.sin(angles).astype("f4"))
    x, one_place, places = floats(2, 3, 5, 8), np.array([3]), np.array([[1, 2, 3, 4, 5], [11, 3, 1, 0, 2]])
    turn = lambda name, x, p, **options: save(f"rotary{name}", "RotaryEmbedding", dict(x=x, p=p, **caches),
                                              fixed=["c", "s"], **options)
    turn("", x, places)
    turn("_pairs", x, places, interleaved=1)
    turn("_one_place", x, one_place)
    turn("_flat", floats(2, 5, 24), one_place)
    turn("_part", floats(2, 3, 5, 16), places, num_heads=3, rotary_embedding_dim=8)
    turn("_flat_part", floats(2, 5, 48), places, num_heads=3, rotary_embedding_dim=8, interleaved=1)


def embedded():
    ids, segments = np.array([[1, 2, 8, 0], [3, 3, 4, 5]], "i4"), np.array([[0, 0, 1, 1], [1, 0, 0, 1]], "i4")
    tables = dict(w=floats(9, 6), p=floats(7, 6), e=floats(2, 6), g=floats(6), b=floats(6))
    mask = np.array([[1, 1, 0, 1], [1, 1, 1, 1]], "i4")
    kinds = ("f4", "i4", "f4")
    embed = lambda name, inputs, outs, **options: save(
        f"embed{name}", "EmbedLayerNormalization", {**dict(i=ids, t=segments), **tables, **inputs}, outs,
        fixed=[n for n in tables if inputs.get(n, 0) is not None], out_types=kinds, **options)
    embed("", {}, 2)
    embed("_mask", dict(m=mask), 3, mask_index_type=1)
    embed("_words", dict(t=None, e=None, m=mask), 2, epsilon=0.1)
    embed("_one_segment", dict(t=None), ("y0", "", "y2"))
    embed("_places", dict(m=None, q=np.array([[3, 2, 1, 6]], "i4")), 2)
    embed("_places_each", dict(m=2 * mask, q=np.array([[3, 2, 1, 0], [6, 5, 5, 5]], "i4")), 2)


def grouped(name, rows, length, past, last, total, heads=4, shared=2, size=8, packed=False, angles=0, places=None,
            bias=None, sink=False, **options):
    """`past`: keys that the cache has room for before the new ones; `last`: the place of each row's last key."""
    widths = [heads * size, shared * size, shared * size]
    q, k, v = (floats(rows, length, w) for w in widths)
    cache = [floats(rows, shared, past, size) if past else None for _ in range(2)]
    turns = rng.uniform(0, 6, (32, angles))
    inputs = dict(q=np.concatenate([q, k, v], 2) if packed else q, k=None if packed else k, v=None if packed else v,
                  pk=cache[0], pv=cache[1], l=np.array(last, "i4"), t=np.array(total, "i4"),
                  c=np.cos(turns).astype("f4") if angles else None, s=np.sin(turns).astype("f4") if angles else None,
                  p=None if places is None else np.array(places), b=None if bias is None else floats(*bias),
                  h=floats(heads) if sink else None)
    while list(inputs.values())[-1] is None:
        inputs.popitem()
    if angles:
        options["do_rotary"] = 1
    save(f"grouped_{name}", "GroupQueryAttention", inputs, 3, fixed=["t"], num_heads=heads, kv_num_heads=shared,
         **options)


def grouped_attention():
    first, next_one, ragged = (2, 5, 0, [4, 4], 5), (2, 1, 6, [6, 6], 7), (2, 1, 6, [6, 3], 7)
    grouped("first", *first)
    grouped("packed", *first, packed=True)
    grouped("one_key", *first, shared=1)
    grouped("scale", *first, shared=4, scale=0.3)
    grouped("both_ways", *first[:3], [4, 2], 5, causal=0)
    grouped("softcap", *first, softcap=1.5)
    grouped("smooth", *first, smooth_softmax=1)
    grouped("sink", *first, sink=True, softcap=2.0, local_window_size=3)
    grouped("window", *first, local_window_size=2)
    grouped("bias", *first, bias=(2, 4, 5, 5), softcap=1.0)
    grouped("bias_wide", *first, bias=(1, 1, 5, 5))
    grouped("next", *next_one)
    grouped("next_both_ways", *ragged, causal=0)
    grouped("next_ragged", *ragged)
    grouped("next_room", 2, 1, 10, [6, 3], 7)
    grouped("next_window", *ragged, local_window_size=3)
    grouped("next_bias", *ragged, bias=(1, 4, 1, 7))
    grouped("first_room", 2, 4, 10, [3, 3], 4)
    grouped("chunk", 1, 3, 6, [8], 9)
    turned = dict(size=16, angles=8)
    grouped("rotary", *first, **turned)
    grouped("rotary_pairs", *first, **turned, packed=True, rotary_interleaved=1)
    grouped("rotary_part", *first, size=32, angles=8)
    grouped("rotary_part_pairs", *first, size=32, angles=8, rotary_interleaved=1)
    grouped("rotary_next", *ragged, **turned)
    grouped("rotary_chunk", 1, 3, 6, [8], 9, **turned)
    grouped("rotary_places", 2, 3, 0, [2, 2], 3, **turned, places=[[4, 2, 9], [7, 1, 3]])
    grouped("rotary_places_next", *next_one, **turned, places=[[4], [2]])
    grouped("rotary_places_chunk", 1, 3, 6, [8], 9, **turned, places=[[4, 2, 1]])
    grouped("all", 2, 1, 10, [6, 3], 7, **turned, bias=(2, 4, 1, 7), sink=True, softcap=2.0, local_window_size=3)


def lstm(name, kind="i1", columns=False, zeros=False, bias=True, lengths=None, states=True, peepholes=False,
         directions=1, rows=3, **options):
    steps, width, hidden = 4, 5, 6
    lists = (directions, 4 * hidden) if columns else (directions,)
    middle = 128 if kind == "u1" else 0
    zero = lambda: (middle + (rng.integers(-9, 10, lists) if zeros else np.zeros(lists, "i4"))).astype(kind)
    scale = lambda: rng.uniform(0.002, 0.01, lists).astype("f4")
    state = lambda: floats(directions, rows, hidden) if states else None
    save(f"bytes_lstm{name}", "DynamicQuantizeLSTM", dict(
        x=floats(steps, rows, width), w=whole(kind, directions, width, 4 * hidden),
        r=whole(kind, directions, hidden, 4 * hidden), b=floats(directions, 8 * hidden) if bias else None,
        l=None if lengths is None else np.array(lengths, "i4"), h=state(), c=state(),
        p=floats(directions, 3 * hidden) if peepholes else None, ws=scale(), wz=zero(), rs=scale(), rz=zero()), 3,
         fixed=["w", "r", "ws", "wz", "rs", "rz"], hidden_size=hidden, **options)


def lstms():
    lstm("", states=False)
    lstm("_states")
    lstm("_no_bias", bias=False)
    lstm("_above", kind="u1")
    lstm("_zeros", zeros=True)
    lstm("_columns", columns=True)
    lstm("_back", direction="reverse")
    lstm("_both_ways", directions=2, direction="bidirectional")
    lstm("_peepholes", peepholes=True)
    lstm("_lengths", lengths=[3, 1, 2])
    lstm("_lengths_both_ways", lengths=[4, 1, 2], directions=2, direction="bidirectional")
    lstm("_lengths_short_back", lengths=[3, 1, 2], direction="reverse")
    lstm("_clip", rows=1, clip=0.5)
    lstm("_lengths_none", lengths=[3, 0, 2], directions=2, direction="bidirectional")


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)
    activations()
    products()
    normalisation()
    quantised()
    attention()
    few_bits()
    rotated()
    embedded()
    grouped_attention()
    lstms()
