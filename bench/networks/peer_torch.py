"""One row of the networks benchmark with PyTorch, the peer of build/bench/network_bench.

usage: peer_torch.py ROW [--data FOLDER] [--compile] [--bf16] [--seconds S] [--epochs N]

ROW: tiny_mlp, mlp32, mlp128, cnn32, cnn128, cnn_forward_1, cnn_forward_256, lstm_train,
lstm_generate, bert_1, bert_8, minilm_1, minilm_8, mobilenet, resnet18, chain, start.
Prints one JSON object: `seconds` of one unit (a step, an epoch, a call) as the minimum and the
median of the repetitions, `unit`, `peak_bytes` of the process and, where something is learned,
`accuracy`. Data lie in memory; imports, compilation and two warm-up runs are not timed. The number
of threads is that of OMP_NUM_THREADS.
"""
import argparse
import gzip
import json
import os
import resource
import statistics
import time

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from timing import timed

PIXELS = 28


def fashion(folder):
    def read(name, header):
        with gzip.open(os.path.join(folder, name)) as f:
            return numpy.frombuffer(f.read(), numpy.uint8)[header:]

    def images(split):
        x = read("%s-images-idx3-ubyte.gz" % split, 16).reshape(-1, 1, PIXELS, PIXELS)
        return torch.from_numpy(x.astype(numpy.float32) / numpy.float32(255))

    def labels(split):
        return torch.from_numpy(read("%s-labels-idx1-ubyte.gz" % split, 8).astype(numpy.int64))

    return images("train"), labels("train"), images("t10k"), labels("t10k")


def cnn():
    return nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10))


def train(a, model, batch, flat):
    """Epochs of Adam with the data in memory; accuracy on the test images after the last one."""
    x, y, test_x, test_y = fashion(a.data)
    if flat:
        x, test_x = x.flatten(1), test_x.flatten(1)
    else:
        model = model.to(memory_format=torch.channels_last)
        x, test_x = (t.to(memory_format=torch.channels_last) for t in (x, test_x))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def step(bx, by):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
            loss = F.cross_entropy(model(bx), by)
        loss.backward()
        optimizer.step()

    if a.compile:
        model = torch.compile(model)
    for _ in range(3):
        step(x[:batch], y[:batch])
    times = []
    for _ in range(a.epochs):
        start = time.perf_counter()
        order = torch.randperm(len(x))
        for at in range(0, len(x), batch):
            rows = order[at:at + batch]
            step(x[rows], y[rows])
        times.append(time.perf_counter() - start)
    model.eval()
    with torch.no_grad():
        right = sum((model(test_x[i:i + 1000]).argmax(1) == test_y[i:i + 1000]).sum().item()
                    for i in range(0, len(test_x), 1000))
    return times, "epoch", right / len(test_x)


def tiny(a):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    x, y = torch.randn(16, 4), torch.randint(0, 3, (16,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def steps():
        for _ in range(1000):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(x), y).backward()
            optimizer.step()

    if a.compile:
        model = torch.compile(model)
    return [t / 1000 for t in timed(steps, a.seconds)], "step", None


def forward(a, model, x):
    model.eval()
    if a.bf16:
        model, x = model.bfloat16(), x.bfloat16() if x.is_floating_point() else x
    if x.dim() == 4:
        model = model.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    if a.compile:
        model = torch.compile(model)
    with torch.inference_mode():
        return timed(lambda: model(x), a.seconds), "call", None


def encoder(layers, width, heads, inner):
    layer = nn.TransformerEncoderLayer(width, heads, inner, dropout=0.0, activation="gelu",
                                       batch_first=True)
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)


class CharLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(65, 512, 2, batch_first=True)
        self.out = nn.Linear(512, 65)

    def forward(self, x, state=None):
        h, state = self.lstm(x, state)
        return self.out(h), state


def lstm_train(a):
    model = CharLSTM()
    if a.compile:
        model = torch.compile(model)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.002)
    x = F.one_hot(torch.randint(0, 65, (50, 128)), 65).float()
    y = torch.randint(0, 65, (50, 128))

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
            out, _ = model(x)
            loss = F.cross_entropy(out.flatten(0, 1), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimizer.step()

    return timed(step, a.seconds), "step of 6,400 tokens", None


def lstm_generate(a):
    model = CharLSTM().eval()

    def tokens():
        state, x = None, torch.zeros(1, 1, 65)
        for _ in range(100):
            out, state = model(x, state)
            x = F.one_hot(out.argmax(2), 65).float()

    with torch.inference_mode():
        return [t / 100 for t in timed(tokens, a.seconds)], "token", None


def chain(a):
    x, y = torch.randn(10_000_000), torch.randn(10_000_000)

    def run(x, y):
        return torch.tanh((x + y) * 0.5 - x).relu()

    call = torch.compile(run) if a.compile else run
    with torch.inference_mode():
        return timed(lambda: call(x, y), a.seconds), "call", None


def start(a):
    """Only the first step: the caller times the process."""
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters())
    F.cross_entropy(model(torch.randn(32, 784)), torch.randint(0, 10, (32,))).backward()
    optimizer.step()
    return [0.0], "process", None


def mobilenet():
    """MobileNetV2 (Sandler et al. 2018, table 2)."""
    def unit(i, o, stride, grow):
        m = i * grow
        parts = [nn.Conv2d(i, m, 1, bias=False), nn.BatchNorm2d(m), nn.ReLU6()] if grow > 1 else []
        parts += [nn.Conv2d(m, m, 3, stride, 1, groups=m, bias=False), nn.BatchNorm2d(m), nn.ReLU6(),
                  nn.Conv2d(m, o, 1, bias=False), nn.BatchNorm2d(o)]
        return nn.Sequential(*parts)

    class Residual(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return x + self.inner(x)

    layers = [nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6()]
    width = 32
    for grow, out, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                     (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(count):
            one = unit(width, out, stride if i == 0 else 1, grow)
            layers.append(one if i == 0 else Residual(one))
            width = out
    layers += [nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU6(),
               nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000)]
    return nn.Sequential(*layers)


class Basic(nn.Module):
    """The basic block of ResNet (He et al. 2016, figure 5)."""

    def __init__(self, i, o, stride):
        super().__init__()
        self.main = nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o),
                                  nn.ReLU(), nn.Conv2d(o, o, 3, 1, 1, bias=False),
                                  nn.BatchNorm2d(o))
        self.side = nn.Sequential() if stride == 1 and i == o else nn.Sequential(
            nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        return F.relu(self.main(x) + self.side(x))


def resnet18():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
              nn.MaxPool2d(3, 2, 1)]
    width = 64
    for out, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Basic(width, out, stride), Basic(out, out, 1)]
        width = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


IMAGE = (1, 3, 224, 224)
FORWARD = {
    "cnn_forward_1": lambda: (cnn(), torch.randn(1, 1, 28, 28)),
    "cnn_forward_256": lambda: (cnn(), torch.randn(256, 1, 28, 28)),
    "bert_1": lambda: (encoder(12, 768, 12, 3072), torch.randn(1, 128, 768)),
    "bert_8": lambda: (encoder(12, 768, 12, 3072), torch.randn(8, 128, 768)),
    "minilm_1": lambda: (encoder(6, 384, 12, 1536), torch.randn(1, 128, 384)),
    "minilm_8": lambda: (encoder(6, 384, 12, 1536), torch.randn(8, 128, 384)),
    "mobilenet": lambda: (mobilenet(), torch.randn(IMAGE)),
    "resnet18": lambda: (resnet18(), torch.randn(IMAGE)),
}
OTHERS = {"tiny_mlp": tiny, "lstm_train": lstm_train, "lstm_generate": lstm_generate,
          "chain": chain, "start": start}


def measure(a):
    torch.manual_seed(0)
    if a.row in ("mlp32", "mlp128"):
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        return train(a, model, int(a.row[3:]), True)
    if a.row in ("cnn32", "cnn128"):
        return train(a, cnn(), int(a.row[3:]), False)
    if a.row in FORWARD:
        return forward(a, *FORWARD[a.row]())
    return OTHERS[a.row](a)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("row")
    p.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    p.add_argument("--compile", action="store_true")
    p.add_argument("--bf16", action="store_true")
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--epochs", type=int, default=3)
    a = p.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    times, unit, accuracy = measure(a)
    print(json.dumps({"row": a.row, "unit": unit, "best": min(times),
                      "median": statistics.median(times), "runs": len(times),
                      "accuracy": accuracy, "torch": torch.__version__,
                      "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    main()
