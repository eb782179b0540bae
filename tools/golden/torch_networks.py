#!/usr/bin/env python3
"""Writes tests/golden/torch_networks.h: output, loss and all gradients of small networks of PyTorch
2.15.0 in f64, with weights that a formula gives (element i of weight k is
sin(0.7 i + 1.3 k + 0.2) / 2), so that only results are stored.

Weights appear in the order and the layout in which Leat's layers make them.
"""
import math
import pathlib

import torch
import torch.nn.functional as F

assert torch.__version__.startswith("2.15."), torch.__version__
torch.set_default_dtype(torch.float64)
HEADER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "torch_networks.h"


def weight(k, *shape):
    n = math.prod(shape)
    values = [math.sin(0.7 * i + 1.3 * k + 0.2) / 2 for i in range(n)]
    return torch.tensor(values).reshape(shape).requires_grad_()


def data(*shape):
    n = math.prod(shape)
    return torch.tensor([math.cos(0.37 * i) for i in range(n)]).reshape(shape).requires_grad_()


class Weights:
    """Hands out weights 0, 1, ... and keeps them for their gradients."""

    def __init__(self):
        self.all = []

    def __call__(self, *shape):
        self.all.append(weight(len(self.all), *shape))
        return self.all[-1]


def mlp(w):
    """dense(5, relu); layer_norm; dense(4, gelu); dense(3): cross-entropy with smoothing."""
    x = data(6, 4)
    h = F.relu(x @ w(4, 5) + w(5))
    h = F.layer_norm(h, (5,), w(5), w(5), 1e-5)
    h = F.gelu(h @ w(5, 4) + w(4))
    y = h @ w(4, 3) + w(3)
    return x, y, F.cross_entropy(y, torch.arange(6) % 3, label_smoothing=0.1)


def cnn(w):
    """conv2d(3, 3, padding=same, relu); batch_norm; max_pool2d; depthwise, strided; dense."""
    x = data(2, 6, 6, 2)
    h = x.permute(0, 3, 1, 2)
    h = F.relu(F.conv2d(h, w(3, 2, 3, 3), w(3), padding=1))
    mean, var = torch.zeros(3), torch.ones(3)
    h = F.batch_norm(h, mean, var, w(3), w(3), training=True, momentum=0.1, eps=1e-5)
    h = F.max_pool2d(h, 2)
    h = F.silu(F.conv2d(h, w(6, 1, 2, 2), w(6), stride=1, groups=3))
    h = h.permute(0, 2, 3, 1).reshape(2, -1)
    y = h @ w(24, 2) + w(2)
    target = torch.tensor([[0.5, -1.0], [1.5, 0.25]])
    return x, y, F.huber_loss(y, target, delta=1.0)


def transposed(w):
    """conv2d_transpose with groups, padding and output_padding, then one of two dilations."""
    x = data(2, 3, 2, 4)
    h = x.permute(0, 3, 1, 2)
    h = F.relu(F.conv_transpose2d(h, w(4, 3, 3, 3), w(6), stride=2, padding=1,
                                  output_padding=(1, 0), groups=2))
    h = F.conv_transpose2d(h, w(6, 1, 2, 2), w(3), stride=(1, 2), dilation=(3, 1), padding=1,
                           output_padding=(2, 1), groups=3)
    y = h.permute(0, 2, 3, 1)
    return x, y, F.mse_loss(y, torch.full(y.shape, 0.5))


def upsampled(w):
    """Nearest, bilinear with aligned corners and bicubic, with weights between."""
    x = data(2, 2, 3, 2)
    h = F.interpolate(x.permute(0, 3, 1, 2), scale_factor=(1, 2)).permute(0, 2, 3, 1)
    h = (h @ w(2, 3) + w(3)).permute(0, 3, 1, 2)
    h = torch.nn.Upsample(scale_factor=(2, 1), mode="bilinear", align_corners=True)(h)
    h = torch.nn.Upsample(scale_factor=(1, 2), mode="bilinear")(h)
    h = torch.nn.Upsample(scale_factor=2, mode="bicubic")(h)
    y = h.permute(0, 2, 3, 1) @ w(3, 1)
    return x, y, F.mse_loss(y, torch.full(y.shape, 0.5))


def lengthened(w):
    """Linear over steps, both ways of corners."""
    x = data(2, 3, 2)
    h = torch.nn.Upsample(scale_factor=3, mode="linear")(x.transpose(1, 2)).transpose(1, 2)
    h = torch.tanh(h @ w(2, 2) + w(2)).transpose(1, 2)
    y = torch.nn.Upsample(scale_factor=2, mode="linear", align_corners=True)(h).transpose(1, 2)
    return x, y, F.mse_loss(y, torch.full(y.shape, 0.5))


def enlarged(w):
    """Trilinear."""
    x = data(1, 2, 3, 2, 2)
    h = torch.nn.Upsample(scale_factor=2, mode="trilinear")(x.permute(0, 4, 1, 2, 3))
    y = h.permute(0, 2, 3, 4, 1) @ w(2, 2) + w(2)
    return x, y, F.mse_loss(y, torch.full(y.shape, 0.5))


def lstm(w):
    """Two LSTM layers in both directions over 4 steps, the last state of each direction; dense."""
    x = data(3, 4, 2)
    net = torch.nn.LSTM(2, 3, num_layers=2, bidirectional=True, batch_first=True)
    flat = []
    for layer in range(2):
        inputs = 2 if layer == 0 else 6
        for _ in range(2):
            flat += [w(12, inputs), w(12, 3), w(12)]
    parameters = {}
    k = 0
    for layer in range(2):
        for end in ("", "_reverse"):
            parameters[f"weight_ih_l{layer}{end}"] = flat[k]
            parameters[f"weight_hh_l{layer}{end}"] = flat[k + 1]
            parameters[f"bias_ih_l{layer}{end}"] = flat[k + 2]
            parameters[f"bias_hh_l{layer}{end}"] = torch.zeros(12)
            k += 3
    _, (last, _) = torch.func.functional_call(net, parameters, (x,))
    h = torch.cat([last[2], last[3]], 1)
    y = h @ w(6, 2) + w(2)
    return x, y, F.mse_loss(y, torch.full((3, 2), 0.5))


def gru(w):
    """A GRU over 4 steps with all states."""
    x = data(2, 4, 3)
    net = torch.nn.GRU(3, 4, batch_first=True)
    parameters = {"weight_ih_l0": w(12, 3), "weight_hh_l0": w(12, 4), "bias_ih_l0": w(12),
                  "bias_hh_l0": w(12)}
    y, _ = torch.func.functional_call(net, parameters, (x,))
    return x, y, F.mse_loss(y, torch.full((2, 4, 4), 0.5))


def attention(w, q, source, heads, causal):
    """Weights (in, out) as Leat holds them: query, key, value, output, a bias each."""
    d = q.shape[-1]
    p = [w(d, d) if i % 2 == 0 else w(d) for i in range(8)]
    parameters = {"in_proj_weight": torch.cat([p[0].T, p[2].T, p[4].T]),
                  "in_proj_bias": torch.cat([p[1], p[3], p[5]]),
                  "out_proj.weight": p[6].T, "out_proj.bias": p[7]}
    net = torch.nn.MultiheadAttention(d, heads, batch_first=True)
    n = q.shape[1]
    mask = torch.triu(torch.ones(n, n, dtype=torch.bool), 1) if causal else None
    return torch.func.functional_call(net, parameters, (q, source, source),
                                      {"attn_mask": mask, "need_weights": False})[0]


def forward(w, x, size):
    d = x.shape[-1]
    h = F.relu(x @ w(d, size) + w(size))
    return h @ w(size, d) + w(d)


def norm(w, x):
    d = x.shape[-1]
    return F.layer_norm(x, (d,), w(d), w(d), 1e-5)


def transformer(w):
    """An encoder block as memory of a decoder block, both of 2 heads, over the same input."""
    x = data(2, 3, 4)
    m = norm(w, x + attention(w, x, x, 2, False))
    m = norm(w, m + forward(w, m, 5))
    h = norm(w, x + attention(w, x, x, 2, True))
    h = norm(w, h + attention(w, h, m, 2, False))
    y = norm(w, h + forward(w, h, 5))
    return x, y, F.mse_loss(y, torch.full((2, 3, 4), 0.5))


def ctc(w):
    """A dense layer at each of 5 steps; labels of one and of two classes, one of them doubled."""
    x = data(3, 5, 2)
    y = x @ w(2, 4) + w(4)
    labels = torch.tensor([[1, 1], [2, 0], [3, 2]])
    loss = F.ctc_loss(F.log_softmax(y, -1).transpose(0, 1), labels, torch.tensor([5, 5, 5]),
                      torch.tensor([2, 1, 2]))
    return x, y, loss


def ctc_blank(w):
    """The blank is class 2, and the two equal labels of the first row do not fit into 2 steps."""
    x = data(3, 2, 2)
    y = x @ w(2, 4) + w(4)
    labels = torch.tensor([[1, 1], [3, 0], [0, 3]])
    loss = F.ctc_loss(F.log_softmax(y, -1).transpose(0, 1), labels, torch.tensor([2, 2, 2]),
                      torch.tensor([2, 1, 2]), blank=2, zero_infinity=True)
    return x, y, loss


def row(name, values):
    lines = []
    for at in range(0, len(values), 4):
        lines.append("    " + ", ".join(repr(v) for v in values[at:at + 4]) + ",")
    return f"static const double golden_{name}[] = {{\n" + "\n".join(lines).rstrip(",") + "\n};\n"


def main():
    out = [f"/* Made by tools/golden/torch_networks.py with PyTorch {torch.__version__.split('+')[0]}."
           " */\n#ifndef LEAT_GOLDEN_TORCH_NETWORKS_H\n#define LEAT_GOLDEN_TORCH_NETWORKS_H\n\n"
           "/* clang-format off */\n"
           "/* Output, loss, gradients of the weights in their order, gradient of the input. */\n"]
    for make in (mlp, cnn, lstm, gru, transformer, ctc, ctc_blank, transposed,
                 upsampled, lengthened, enlarged):
        w = Weights()
        x, y, loss = make(w)
        loss.backward()
        values = y.detach().flatten().tolist() + [loss.item()]
        for each in w.all + [x]:
            values += each.grad.flatten().tolist()
        out.append(row(make.__name__, values))
    HEADER.write_text("".join(out) + "/* clang-format on */\n\n#endif\n")


main()
