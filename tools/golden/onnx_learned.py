#!/usr/bin/env python3
"""Models of ai.onnx.ml with the outputs of ONNX Runtime, and transforms of odd lengths with those of
NumPy (in f64; ONNX Runtime's are 1e-3 off there), in the layout of ONNX's backend tests:
tests/onnx/learned. Made with onnx 1.22.0, onnxruntime 1.31.1, scikit-learn 1.9.1, NumPy 2.4.6 (resizing by
aligned corners and crops, clipping, quantising and all behind it with onnxruntime 1.32.0); run it from the root of the project."""
import pathlib, shutil
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor

OUT = pathlib.Path("tests/onnx/learned")
KINDS = {np.dtype("f4"): TensorProto.FLOAT, np.dtype("f8"): TensorProto.DOUBLE,
         np.dtype("f2"): TensorProto.FLOAT16, np.dtype("i8"): TensorProto.INT64,
         np.dtype("i4"): TensorProto.INT32, np.dtype("i2"): TensorProto.INT16,
         np.dtype("i1"): TensorProto.INT8, np.dtype("u2"): TensorProto.UINT16,
         np.dtype("u1"): TensorProto.UINT8, np.dtype("O"): TensorProto.STRING}
rng = np.random.default_rng(7)


def save(name, nodes, inputs, initializers=(), ml=3, opset=20, got=None):
    """Writes the model and what ONNX Runtime makes of the inputs, or `got`; outputs are y, or label
    and y."""
    names = [o for n in nodes for o in n.output if o in ("label", "y")]
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info(k, KINDS[v.dtype], [None] * v.ndim) for k, v in inputs.items()],
        [onnx.ValueInfoProto(name=n) for n in names],
        [numpy_helper.from_array(v, k) for k, v in dict(initializers).items()])
    model = helper.make_model(graph, ir_version=9, opset_imports=[
        helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ml)])
    got = got or ort.InferenceSession(model.SerializeToString()).run(names, inputs)
    for o, value in zip(model.graph.output, got):
        o.CopyFrom(helper.make_tensor_value_info(o.name, KINDS[value.dtype], [None] * value.ndim))
    folder = OUT / f"test_{name}" / "test_data_set_0"
    folder.mkdir(parents=True)
    (folder.parent / "model.onnx").write_bytes(model.SerializeToString())
    for kind, values in (("input", inputs.values()), ("output", got)):
        for i, v in enumerate(values):
            (folder / f"{kind}_{i}.pb").write_bytes(numpy_helper.from_array(v).SerializeToString())


def ml(op, inputs, outputs, **attributes):
    return [helper.make_node(op, inputs, outputs, domain="ai.onnx.ml", **attributes)]


def trees_of(estimators, weights_of, kind):
    """Attributes of an ensemble from fitted trees; weights_of gives the list of a leaf's weights."""
    a = {k: [] for k in ("treeids nodeids featureids truenodeids falsenodeids modes values "
                         "missing_value_tracks_true").split()}
    w = {k: [] for k in "treeids nodeids ids weights".split()}
    for t, e in enumerate(estimators):
        s = e.tree_
        for n in range(s.node_count):
            leaf = s.children_left[n] < 0
            a["treeids"].append(t)
            a["nodeids"].append(n)
            a["featureids"].append(0 if leaf else int(s.feature[n]))
            a["truenodeids"].append(0 if leaf else int(s.children_left[n]))
            a["falsenodeids"].append(0 if leaf else int(s.children_right[n]))
            a["modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            a["values"].append(0.0 if leaf else float(np.float32(s.threshold[n])))
            a["missing_value_tracks_true"].append(n % 2)
            for k, value in enumerate(weights_of(s.value[n]) if leaf else []):
                w["treeids"].append(t)
                w["nodeids"].append(n)
                w["ids"].append(k)
                w["weights"].append(float(value))
    return {**{f"nodes_{k}": v for k, v in a.items()}, **{f"{kind}_{k}": v for k, v in w.items()}}


def trees():
    x, y = load_iris(return_X_y=True)
    x = x.astype("f4")
    holes = x[::7].copy()
    holes[::3, 2] = np.nan
    forest = RandomForestClassifier(5, max_depth=4, random_state=1).fit(x, y).estimators_
    a = trees_of(forest, lambda v: v[0] / len(forest), "class")
    for post in ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"):
        save(f"forest_{post.lower()}", ml("TreeEnsembleClassifier", ["x"], ["label", "y"], **a,
             classlabels_int64s=[3, 7, 11], post_transform=post), {"x": holes})
    save("forest_texts", ml("TreeEnsembleClassifier", ["x"], ["label", "y"], **a,
         classlabels_strings=["a", "bc", "d"]), {"x": holes})
    two = y < 2
    pair = RandomForestClassifier(4, max_depth=3, random_state=2).fit(x[two], y[two]).estimators_
    positive = trees_of(pair, lambda v: [v[0][1] / len(pair)], "class")
    signed = trees_of(pair, lambda v: [v[0][1] - v[0][0]], "class")
    for name, b, posts in (("positive", positive, ["NONE"]), ("signed", signed, ["NONE", "LOGISTIC"])):
        for post in posts:
            save(f"two_classes_{name}_{post.lower()}", ml("TreeEnsembleClassifier", ["x"],
                 ["label", "y"], **b, classlabels_int64s=[0, 1], post_transform=post), {"x": x[::5]})
    x, y = load_diabetes(return_X_y=True)
    x = x.astype("f4")
    boosted = GradientBoostingRegressor(n_estimators=6, random_state=1).fit(x, y).estimators_[:, 0]
    b = trees_of(boosted, lambda v: v[0], "target")
    save("boosted", ml("TreeEnsembleRegressor", ["x"], ["y"], **b, n_targets=1, base_values=[150.0]),
         {"x": x[::20]})
    means = RandomForestRegressor(3, max_depth=5, random_state=1).fit(x, y).estimators_
    for how in ("AVERAGE", "MIN", "MAX"):
        save(f"regression_{how.lower()}", ml("TreeEnsembleRegressor", ["x"], ["y"],
             **trees_of(means, lambda v: v[0], "target"), n_targets=1, aggregate_function=how),
             {"x": x[::20]})
    modes = dict(nodes_treeids=[0] * 7, nodes_nodeids=list(range(7)),
                 nodes_featureids=[0, 1, 0, 0, 0, 0, 0], nodes_truenodeids=[1, 3, 5, 0, 0, 0, 0],
                 nodes_falsenodeids=[2, 4, 6, 0, 0, 0, 0], nodes_values=[0.5, 1, 2, 0, 0, 0, 0],
                 target_treeids=[0] * 4, target_nodeids=[3, 4, 5, 6], target_ids=[0, 1, 0, 1],
                 target_weights=[1.0, 2.0, 3.0, 4.0], n_targets=2)
    grid = np.array([[a, b] for a in (0, 0.5, 2, 3) for b in (0, 1, 2)], "f4")
    for first, second, third in (("LT", "EQ", "GTE"), ("GT", "NEQ", "LT"), ("LEQ", "GT", "EQ")):
        save(f"modes_{first}_{second}_{third}".lower(), ml("TreeEnsembleRegressor", ["x"], ["y"], **modes,
             nodes_modes=[f"BRANCH_{m}" for m in (first, second, third)] + ["LEAF"] * 4), {"x": grid})


def linear():
    x = rng.normal(size=(6, 4)).astype("f4")
    w, b = rng.normal(size=12).astype("f4").tolist(), rng.normal(size=3).astype("f4").tolist()
    save("linear_regressor", ml("LinearRegressor", ["x"], ["y"], coefficients=w, intercepts=b, targets=3),
         {"x": x})
    for post in ("NONE", "SOFTMAX", "LOGISTIC"):
        save(f"linear_classifier_{post.lower()}", ml("LinearClassifier", ["x"], ["label", "y"],
             coefficients=w, intercepts=b, classlabels_ints=[5, 6, 9], post_transform=post), {"x": x})
    save("linear_classifier_two", ml("LinearClassifier", ["x"], ["label", "y"], coefficients=w[:4] +
         [-v for v in w[:4]], intercepts=[b[0], -b[0]], classlabels_strings=["no", "yes"],
         post_transform="LOGISTIC"), {"x": x})
    v, c = rng.normal(size=20).astype("f4").tolist(), rng.normal(size=5).astype("f4").tolist()
    for kind in ("LINEAR", "RBF", "POLY", "SIGMOID"):
        save(f"svm_regressor_{kind.lower()}", ml("SVMRegressor", ["x"], ["y"], coefficients=c,
             support_vectors=v, n_supports=5, rho=[0.25], kernel_type=kind,
             kernel_params=[0.3, 0.5, 3.0]), {"x": x})
    save("svm_one_class", ml("SVMRegressor", ["x"], ["y"], coefficients=c, support_vectors=v,
         n_supports=5, rho=[-0.2], kernel_type="RBF", kernel_params=[0.3, 0, 0], one_class=1), {"x": x})


def preprocessing():
    x = rng.normal(size=(5, 3)).astype("f4")
    save("scaler", ml("Scaler", ["x"], ["y"], offset=[1.0, 2.0, 3.0], scale=[0.5, 2.0, 4.0]), {"x": x})
    save("scaler_one", ml("Scaler", ["x"], ["y"], offset=[1.5], scale=[0.5]),
         {"x": rng.integers(-9, 9, (4, 3))})
    for norm in ("MAX", "L1", "L2"):
        save(f"normalizer_{norm.lower()}", ml("Normalizer", ["x"], ["y"], norm=norm), {"x": np.abs(x)})
    holes = x.copy()
    holes[1, 1] = holes[3, 0] = np.nan
    save("imputer", ml("Imputer", ["x"], ["y"], imputed_value_floats=[1.0, 2.0, 3.0],
         replaced_value_float=float("nan")), {"x": holes})
    whole = rng.integers(0, 3, (4, 2))
    save("imputer_whole", ml("Imputer", ["x"], ["y"], imputed_value_int64s=[7], replaced_value_int64=2),
         {"x": whole})
    save("one_hot", ml("OneHotEncoder", ["x"], ["y"], cats_int64s=[0, 2, 5]), {"x": whole})
    save("one_hot_texts", ml("OneHotEncoder", ["x"], ["y"], cats_strings=["a", "b"]),
         {"x": np.array(["b", "c", "a"], object)})
    save("label_encoder", ml("LabelEncoder", ["x"], ["y"], keys_strings=["a", "b"], values_floats=[1.5, 2],
         default_float=-3.0), {"x": np.array([["b", "c"], ["a", "a"]], object)}, ml=2)
    save("label_decoder", ml("LabelEncoder", ["x"], ["y"], keys_int64s=[1, 2], values_strings=["a", "bb"]),
         {"x": whole}, ml=2)
    save("features", ml("FeatureVectorizer", ["x", "z"], ["y"], inputdimensions=[3, 1]),
         {"x": x, "z": rng.normal(size=(5, 1)).astype("f4")}, ml=1)


def parts(z):
    return [np.stack([z.real, z.imag], -1)]


def transforms():
    for n in (60, 97, 128, 131, 360, 2 * 67 * 7, 1021):
        x = rng.normal(size=(1, n, 2))
        z = x[..., 0] + 1j * x[..., 1]
        save(f"dft_{n}", [helper.make_node("DFT", ["x"], ["y"], axis=1)], {"x": x}, opset=17,
             got=parts(np.fft.fft(z)))
        save(f"dft_inverse_{n}", [helper.make_node("DFT", ["x"], ["y"], axis=1, inverse=1)], {"x": x},
             opset=17, got=parts(np.fft.ifft(z)))
    x = rng.normal(size=(1, 500, 1))
    save("dft_onesided", [helper.make_node("DFT", ["x"], ["y"], axis=1, onesided=1)], {"x": x}, opset=17,
         got=parts(np.fft.rfft(x[..., 0])))
    w = np.hanning(200)
    frames = np.stack([x[:, i:i + 200, 0] * w for i in range(0, 301, 50)], 1)
    save("stft_200", [helper.make_node("STFT", ["x", "step", "w"], ["y"])], {"x": x},
         {"step": np.array(50), "w": w}, opset=17, got=parts(np.fft.rfft(frames)))


def vectors():
    """Machines as scikit-learn fits them: pairs of classes, votes, values and coupled probabilities."""
    from sklearn.svm import SVC
    x, y = load_iris(return_X_y=True)
    x = x.astype("f4")
    for name, some, kernel in (("three", y >= 0, "rbf"), ("two", y < 2, "poly"), ("close", y > 0, "rbf")):
        s = SVC(kernel=kernel, gamma=0.2, coef0=0.5, degree=3, C=2.0).fit(x[some], y[some])
        n = len(s.classes_)
        pairs = n * (n - 1) // 2
        rho = s.intercept_ if n > 2 else -s.intercept_
        dual = s.dual_coef_ if n > 2 else -s.dual_coef_
        a = dict(coefficients=dual.astype("f4").ravel().tolist(), rho=rho.astype("f4").tolist(),
                 support_vectors=s.support_vectors_.astype("f4").ravel().tolist(),
                 vectors_per_class=s.n_support_.tolist(), kernel_type=kernel.upper(),
                 kernel_params=[0.2, 0.5, 3.0])
        chance = dict(prob_a=[-1.5 - 0.25 * i for i in range(pairs)],
                      prob_b=[0.1 - 0.2 * i for i in range(pairs)])
        labels = dict(classlabels_strings=["a", "bb", "c"][:n])
        given = {"x": x[some][::6]}
        save(f"svm_{name}", ml("SVMClassifier", ["x"], ["label", "y"], **a, classlabels_ints=[7, 3, 9][:n]),
             given)
        save(f"svm_{name}_chances", ml("SVMClassifier", ["x"], ["label", "y"], **a, **chance, **labels),
             given)
        for post in ("LOGISTIC", "SOFTMAX"):
            save(f"svm_{name}_{post.lower()}", ml("SVMClassifier", ["x"], ["label", "y"], **a, **labels,
                 post_transform=post), given)
    w = rng.normal(size=12).astype("f4").tolist()
    save("svm_linear", ml("SVMClassifier", ["x"], ["label", "y"], coefficients=w, rho=[0.25], kernel_type="LINEAR",
         kernel_params=[0.0, 0.0, 0.0], classlabels_ints=[4, 5, 6]), {"x": x[::9]})


def resizes():
    """Nearest elements at places half-way between two, and next to them, by scales and by sizes."""
    modes = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    for where in ("half_pixel", "asymmetric", "pytorch_half_pixel", "align_corners",
                  "half_pixel_symmetric", "tf_half_pixel_for_nn"):
        for i, mode in enumerate(modes):
            n = (30, 21, 34, 50)[i]
            opset = 11 if where == "tf_half_pixel_for_nn" else 19
            x = np.arange(n, dtype="f4").reshape(1, 1, 1, n)
            nodes, names = [], []
            fixed = {"empty": np.array([], "f4")} if opset == 11 else {}
            for k, out in enumerate((1, 7, 10, 12, 15, 18, 20, 35, 42, 45, 51, 63, 70, 90)):
                fixed[f"size{k}"] = np.array([1, 1, 1, out])
                nodes.append(helper.make_node(
                    "Resize", ["x", "empty", "empty", f"size{k}"] if opset == 11 else
                    ["x", "", "", f"size{k}"], [f"r{k}"], mode="nearest", nearest_mode=mode,
                    coordinate_transformation_mode=where))
                names.append(f"r{k}")
            for k, scale in enumerate((0.1, 0.3, 0.35, 0.6, 0.7, 1.1, 1.3, 1.4, 1.7, 2.3, 3.0)):
                fixed[f"scale{k}"] = np.array([1, 1, 1, scale], "f4")
                nodes.append(helper.make_node(
                    "Resize", ["x", "empty" if opset == 11 else "", f"scale{k}"], [f"s{k}"],
                    mode="nearest", nearest_mode=mode, coordinate_transformation_mode=where))
                names.append(f"s{k}")
            nodes.append(helper.make_node("Concat", names, ["y"], axis=3))
            save(f"resize_{where}_{mode}", nodes, {"x": x}, fixed, opset=opset)
    x = np.arange(24, dtype="f4").reshape(1, 1, 4, 6)
    for scale in (0.4, 0.6, 0.8, 1.5, 2.5):
        save(f"resize_10_{scale}", [helper.make_node("Resize", ["x", "s"], ["y"], mode="nearest")],
             {"x": x}, {"s": np.array([1, 1, scale, scale], "f4")}, opset=10)
    for where, mode in (("align_corners", "linear"), ("align_corners", "cubic"),
                        ("tf_crop_and_resize", "linear"), ("tf_crop_and_resize", "nearest")):
        corners(where, mode)


def corners(where, mode):
    """Lengths that are no whole multiples: the models say their scales, as PyTorch's do."""
    x = np.sin(np.arange(7 * 9, dtype="f4")).reshape(1, 1, 7, 9)
    fixed = {"all": np.array([-1]), "roi": np.array([0, 0, 0.1, 0.2, 1, 1, 0.9, 0.8], "f4")}
    nodes, names = [], []
    for k, scale in enumerate((0.15, 0.35, 0.6, 1.5, 2.3)):
        fixed[f"scale{k}"] = np.array([1, 1, scale, scale], "f4")
        nodes.append(helper.make_node("Resize", ["x", "roi", f"scale{k}"], [f"s{k}"], mode=mode,
                                      coordinate_transformation_mode=where))
        nodes.append(helper.make_node("Reshape", [f"s{k}", "all"], [f"r{k}"]))
        names.append(f"r{k}")
    nodes.append(helper.make_node("Concat", names, ["y"], axis=0))
    save(f"resize_{where}_{mode}", nodes, {"x": x}, fixed, opset=13)


def clipped():
    """What is clipped: the inputs of the gates, and not the cell on its way to the output."""
    own = np.random.default_rng(8)
    x, w, r, b, p = (own.standard_normal(s).astype("f4")
                     for s in ((6, 2, 4), (1, 12, 4), (1, 12, 3), (1, 24), (1, 9)))
    save("lstm_clip", [helper.make_node("LSTM", ["x", "w", "r", "b", "", "", "", "p"], ["y"],
                                        hidden_size=3, clip=1.0)],
         {"x": x}, {"w": w, "r": r, "b": b + 1, "p": p})


def quantised():
    """Numbers to bytes and shorts and back: what is no number or too large, halves, blocks, ranges."""
    own = np.random.default_rng(9)
    node = helper.make_node
    q, dq = node("QuantizeLinear", ["x", "s", "z"], ["y"]), node("DequantizeLinear", ["x", "s"], ["y"])
    x = (own.standard_normal((5, 40)) * 40).astype("f4")
    x[0, :5] = np.nan, np.inf, -np.inf, 1e30, -0.25
    x[1] = np.arange(40) / 4  # halves of the scale
    for kind in ("i1", "u1", "i2", "u2"):
        scale, zero = np.float32(0.5), np.array(3, kind)
        save(f"quantize_{kind}", [q], {"x": x}, {"s": scale, "z": zero}, opset=21)
        save(f"quantize_{kind}_none", [q], {"x": x}, {"s": np.float32(np.inf), "z": zero}, opset=21)
        read = [node("Identity", ["x"], ["t"]), node("QuantizeLinear", ["w", "s", "z"], ["v"]),
                node("DequantizeLinear", ["v", "s", "z"], ["d"]), node("Add", ["d", "t"], ["y"])]
        save(f"quantize_{kind}_constant", read, {"x": np.zeros((1, 5), "f4")},
             {"w": x[:1, :5], "s": scale, "z": zero}, opset=21)
    save("quantize_half", [q], {"x": np.float16([1773, 807] * 33)},
         {"s": np.float16(0.0707), "z": np.array(0, "i2")}, opset=21)
    s, z = (own.random((5, 3)) + 0.1).astype("f4"), own.integers(-9, 9, (5, 3)).astype("i1")
    blocks = dict(axis=1, block_size=14)
    there = node("QuantizeLinear", ["x", "s", "z"], ["q"], **blocks)
    save("quantize_blocks", [there, node("DequantizeLinear", ["q", "s", "z"], ["y"], **blocks)], {"x": x},
         {"s": s, "z": z}, opset=21)
    save("quantize_blocks_list", [node("QuantizeLinear", ["x", "s"], ["y"], axis=0, block_size=30)],
         {"x": x.ravel()}, {"s": np.float32([0.5, 1, 2, 3, 4, 5, 6])}, opset=21)
    both = [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["y"])]
    save("quantize_and_back", both, {"x": x}, {"s": np.float32(0.3), "z": np.array(90, "u1")}, opset=21)
    save("dequantize_i4", [dq], {"x": own.integers(-2**31, 2**31, (3, 60)).astype("i4")},
         {"s": np.float32(0.37)}, opset=21)
    for name, rows in (("", x[2:]), ("_none", x[2:] * 0), ("_nan", np.float32([[1, np.nan, -2, 0.5]]))):
        dynamic = node("DynamicQuantizeLinear", ["x"], ["label", "y", "z"])
        save(f"quantize_dynamic{name}", [dynamic], {"x": rows}, opset=21)
    for kind in ("i1", "u1"):  # 0 times infinity
        save(f"qlinear_none_{kind}", [node("QLinearMatMul", ["x", "t", "z", "w", "s", "z", "s", "z"], ["y"])],
             {"x": np.ones((2, 3), kind)}, {"w": np.ones((3, 2), kind), "t": np.float32(np.inf),
                                             "s": np.float32(0.5), "z": np.array(1, kind)})



def last_windows():
    """Pools whose last window would begin in the padding behind the input: there is none."""
    node, x = helper.make_node, np.random.default_rng(10).standard_normal((1, 2, 9)).astype("f4")
    for name, more in (("", {}), ("_valid", {"auto_pad": "VALID"}), ("_same", {"auto_pad": "SAME_UPPER"})):
        kernel = 1 if not name else 4
        save(f"lp_pool_ceil{name}", [node("LpPool", ["x"], ["y"], kernel_shape=[kernel], strides=[3], ceil_mode=1,
                                          **more)], {"x": x})
    save("lp_pool_ceil_pads", [node("LpPool", ["x"], ["y"], kernel_shape=[4, 3], strides=[2, 2], pads=[2, 0, 3, 0],
                                    ceil_mode=1, p=3)], {"x": x[:, :, :8].reshape(1, 1, 4, 4)})


def thresholds():
    """Activations of a recurrent layer that take a number (without one ONNX Runtime takes 0 for ThresholdedRelu,
    ONNX's text 1)."""
    own = np.random.default_rng(11)
    x, w, r, b = (own.standard_normal(s).astype("f4") for s in ((5, 2, 4), (1, 9, 4), (1, 9, 3), (1, 18)))
    node = helper.make_node("GRU", ["x", "w", "r", "b"], ["y"], hidden_size=3, activation_alpha=[0.25, 0.5],
                            activations=["LeakyRelu", "ThresholdedRelu"])
    save("gru_threshold", [node], {"x": x}, {"w": w, "r": r, "b": b})


def wrapped():
    """Padding from the other end, several times round."""
    save("pad_wrap_wide", [helper.make_node("Pad", ["x", "p"], ["y"], mode="wrap")],
         {"x": np.float32([[1, 2, 3], [4, 5, 6]])}, {"p": np.int64([5, 4, 0, 7])})


def regions():
    """Regions of whole pixels, also upside down, outside of the image, and smaller than the result."""
    own = np.random.default_rng(12)
    x = own.standard_normal((2, 3, 9, 7)).astype("f4")
    rois = np.float32([[0, 0, 0, 6, 8], [1, 2, 3, 4, 5], [1, 5, 7, 2, 1], [0, -4, 1, 20, 12], [1, 30, 30, 40, 40],
                       [0, 3, 3, 3, 3]])
    for name, cells, scale in (("", [3, 2], 1.0), ("_scaled", [5, 4], 0.35)):
        save(f"region_pool{name}", [helper.make_node("MaxRoiPool", ["x", "r"], ["y"], pooled_shape=cells,
                                                     spatial_scale=scale)], {"x": x, "r": rois})



def windows_of_one():
    """NumPy's: ONNX Runtime divides by 0."""
    node = helper.make_node
    nodes = [node(f"{kind}Window", ["n"], [kind], periodic=0) for kind in ("Hann", "Hamming", "Blackman")]
    save("windows_of_one", nodes + [node("Concat", ["Hann", "Hamming", "Blackman"], ["w"], axis=0),
                                    node("Mul", ["w", "x"], ["y"])], {"x": np.ones(3, "f4")},
         {"n": np.int64(1)}, got=[np.float32([np.hanning(1)[0], np.hamming(1)[0], np.blackman(1)[0]])])


def mean_of_f64():
    """Is float, as stash_type says."""
    x, node = np.random.default_rng(13).standard_normal((3, 5)), helper.make_node
    save("layer_norm_f64", [node("LayerNormalization", ["x", "g"], ["y", "label"])], {"x": x}, {"g": np.arange(5.)})


def blanks():
    """Texts with blanks before the number."""
    save("cast_blanks", [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)],
         {"x": np.array(["  4", "\t-1.5e1", "7"], object)})


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)
    trees()
    linear()
    preprocessing()
    transforms()
    vectors()
    resizes()
    clipped()
    quantised()
    last_windows()
    thresholds()
    wrapped()
    regions()
    windows_of_one()
    mean_of_f64()
    blanks()
