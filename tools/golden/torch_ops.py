#!/usr/bin/env python3
"""Golden values of the functions of networks, from PyTorch 2.15.0 in f64.

    python tools/golden/torch_ops.py > tests/golden/torch_ops.h

Every case is one array: the floating point inputs one after the other, the result y, and the
gradients of sum(y * cos(0.7 i + 0.3)), i counting the elements of y, in each of the inputs."""
import torch
import torch.nn.functional as F

assert torch.__version__.split("+")[0] == "2.15.0", torch.__version__
torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def rand(*shape, low=-1.0, high=1.0):
    x = low + (high - low) * torch.rand(*shape)
    return (x * 1e4).round() / 1e4


def case(name, function, *inputs):
    xs = [x.clone().requires_grad_() for x in inputs]
    y = function(*xs)
    w = torch.cos(torch.arange(y.numel()) * 0.7 + 0.3).reshape(y.shape)
    grads = torch.autograd.grad((y * w).sum(), xs)
    values = torch.cat([t.detach().reshape(-1) for t in (*xs, y, *grads)])
    print(f"static const double golden_{name}[] = {{")
    line = "   "
    for v in values.tolist():
        text = f" {v:.10g},"
        if len(line) + len(text) > 99:
            print(line)
            line = "   "
        line += text
    print(line + "};")


def recurrent(kind, lengths, reverse):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    H, I = 3, 2

    def run(x, w, r, b, rb, h0, *c0):
        layer = getattr(torch.nn, kind)(I, H)
        parameters = {"weight_ih_l0": w, "weight_hh_l0": r, "bias_ih_l0": b, "bias_hh_l0": rb}
        state = (h0[None], c0[0][None]) if c0 else h0[None]
        if reverse:
            x = x.flip(0)
        if lengths:
            x = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths),
                                                        enforce_sorted=False)
        y, last = torch.func.functional_call(layer, parameters, (x, state))
        if lengths:
            y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=4)
        if reverse:
            y = y.flip(0)
        h = last[0] if c0 else last
        return torch.cat([y.reshape(-1), h.reshape(-1)] + ([last[1].reshape(-1)] if c0 else []))

    inputs = [rand(4, 2, I), rand(gates * H, I), rand(gates * H, H), rand(gates * H),
              rand(gates * H), rand(2, H)]
    return run, inputs + ([rand(2, H)] if kind == "LSTM" else [])


print("/* Made by tools/golden/torch_ops.py with PyTorch 2.15.0. */")
print("#ifndef GOLDEN_TORCH_OPS_H\n#define GOLDEN_TORCH_OPS_H\n")

mask = rand(1, 1, 3, 4)
case("attention", lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m),
     rand(2, 2, 3, 4), rand(2, 2, 4, 4), rand(2, 2, 4, 3), mask)
case("attention_causal", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
     rand(1, 2, 4, 3), rand(1, 2, 4, 3), rand(1, 2, 4, 3))
keys = torch.tensor([[True, True, False, True], [True, False, False, True]])
case("attention_keys",
     lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=keys[:, None, None, :]),
     rand(2, 2, 3, 4), rand(2, 2, 4, 4), rand(2, 2, 4, 4))
for name, kind, ends, reverse in (("lstm", "LSTM", None, False), ("lstm_reverse", "LSTM", None, True),
                                  ("lstm_lengths", "LSTM", [4, 2], False),
                                  ("gru", "GRU", None, False),
                                  ("gru_lengths", "GRU", [4, 2], False),
                                  ("rnn", "RNN", None, False)):
    function, inputs = recurrent(kind, ends, reverse)
    case(name, function, *inputs)

case("layer_norm", lambda x, g, b: F.layer_norm(x, (3, 4), g, b), rand(2, 3, 4), rand(3, 4),
     rand(3, 4))
case("rms_norm", lambda x, g: F.rms_norm(x, (5,), g, eps=1e-6), rand(3, 5), rand(5))
run_mean, run_variance = torch.tensor([0.25, -0.5]), torch.tensor([0.75, 1.5])
case("batch_norm", lambda x, g, b: F.batch_norm(x, None, None, g, b, training=True),
     rand(3, 2, 2, 2), rand(2), rand(2))
case("batch_norm_run", lambda x, g, b: F.batch_norm(x, run_mean, run_variance, g, b),
     rand(3, 2, 2, 2), rand(2), rand(2))
case("group_norm", lambda x, g, b: F.group_norm(x, 2, g, b), rand(2, 4, 3), rand(4), rand(4))
case("instance_norm", lambda x, g, b: F.instance_norm(x, weight=g, bias=b), rand(2, 3, 2, 2),
     rand(3), rand(3))

labels = torch.tensor([2, 0, 3, 1, 3])
weights = torch.tensor([0.5, 1.5, 1.0, 0.25])
case("cross_entropy", lambda x: F.cross_entropy(x, labels), rand(5, 4, low=-3, high=3))
case("cross_entropy_all",
     lambda x: F.cross_entropy(x, labels, weight=weights, ignore_index=1, label_smoothing=0.1),
     rand(5, 4, low=-3, high=3))
plane = torch.tensor([[[0, 2], [1, 1]], [[2, 0], [0, 1]]])
case("cross_entropy_plane", lambda x: F.cross_entropy(x, plane, reduction="none"),
     rand(2, 3, 2, 2))
case("nll", lambda x: F.nll_loss(x, labels, weight=weights), rand(5, 4, low=-3, high=-0.1))
words, steps, lengths = (torch.tensor(v) for v in ([[1, 2, 2], [3, 1, 0]], [5, 4], [3, 2]))
case("ctc", lambda x: F.ctc_loss(F.log_softmax(x, -1), words, steps, lengths), rand(5, 2, 4))
positive = torch.tensor([0.5, 1.0, 1.5, 2.0])
case("bce", lambda x, t: F.binary_cross_entropy_with_logits(x, t, pos_weight=positive),
     rand(3, 4, low=-3, high=3), rand(3, 4, low=0, high=1))
case("kl", lambda x, t: F.kl_div(x, t, reduction="batchmean"), rand(3, 4, low=-3, high=-0.1),
     rand(3, 4, low=0.1, high=1))
case("huber", lambda x, t: F.huber_loss(x, t, delta=0.4, reduction="sum"), rand(3, 4), rand(3, 4))
case("triplet", lambda a, p, n: F.triplet_margin_loss(a, p, n, margin=0.7), rand(4, 3), rand(4, 3),
     rand(4, 3))

case("conv_transpose",
     lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1, groups=2),
     rand(2, 4, 3, 2), rand(4, 3, 3, 3))
case("conv_transpose_1d", lambda x, w: F.conv_transpose1d(x, w, stride=3, dilation=2),
     rand(2, 2, 4), rand(2, 3, 3))
case("conv", lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2),
     rand(2, 4, 5, 4), rand(4, 2, 3, 2))
case("conv_3d", lambda x, w: F.conv3d(x, w, padding=1), rand(1, 2, 3, 2, 3), rand(2, 2, 3, 2, 2))
case("pool_max", lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True), rand(2, 2, 6, 5))
case("pool_avg", lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), rand(2, 2, 6, 5))
case("pool_avg_inside", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
     rand(2, 2, 6, 5))

case("nearest", lambda x: F.interpolate(x, size=(5, 7)), rand(2, 2, 3, 4))
case("bilinear", lambda x: F.interpolate(x, size=(5, 7), mode="bilinear"), rand(2, 2, 3, 4))
case("bilinear_corners",
     lambda x: F.interpolate(x, size=(5, 2), mode="bilinear", align_corners=True), rand(2, 2, 3, 4))
case("bicubic", lambda x: F.interpolate(x, size=(5, 9), mode="bicubic"), rand(1, 2, 3, 4))
case("trilinear", lambda x: F.interpolate(x, size=(3, 5, 4), mode="trilinear"), rand(1, 2, 2, 3, 4))

# F.hardsigmoid has 1/6 in single precision
for name, function in (("gelu", F.gelu), ("gelu_tanh", lambda x: F.gelu(x, approximate="tanh")),
                       ("silu", F.silu), ("mish", F.mish), ("hard_sigmoid", lambda x: torch.clamp(x / 6 + 0.5, 0, 1)),
                       ("hard_swish", F.hardswish), ("elu", lambda x: F.elu(x, 1.3)),
                       ("selu", F.selu), ("celu", lambda x: F.celu(x, 0.7)),
                       ("leaky_relu", lambda x: F.leaky_relu(x, 0.1)),
                       ("softsign", F.softsign), ("log_sigmoid", F.logsigmoid)):
    case(name, function, rand(12, low=-4, high=4))
case("prelu", F.prelu, rand(2, 3, 4), rand(3))
case("softmax", lambda x: F.softmax(x, 1), rand(2, 3, 4))
case("log_softmax", lambda x: F.log_softmax(x, 1), rand(2, 3, 4))
# Output padding beyond the stride, and beyond the padding.
case("conv_transpose_beyond",
     lambda x, w: F.conv_transpose2d(x, w, stride=(1, 2), dilation=(3, 1), padding=(1, 0),
                                     output_padding=(2, 1)),
     rand(2, 2, 3, 3), rand(2, 3, 2, 3))
print("\n#endif")
