#!/usr/bin/env python3
"""Trajectories of PyTorch's optimisers and learning rate schedules: tests/golden/torch_optimizers.h.

usage: torch_optimizers.py > tests/golden/torch_optimizers.h

Every optimiser takes 20 steps on the mean squared error of a linear model, in f32; every schedule
gives 20 rates, one a step or, where it counts epochs, one an epoch.
"""
import torch
from torch import optim
from torch.optim import lr_scheduler as sched

ROWS, COLS, STEPS = 6, 4, 20
X = [[((7 * i + 3 * j) % 11 - 5) / 4 for j in range(COLS)] for i in range(ROWS)]
Y = [((5 * i) % 7 - 3) / 2 for i in range(ROWS)]
W = [0.5, -0.25, 1.0, 0.125]

OPTIMIZERS = [
    ("sgd", 0.05, lambda p: optim.SGD(p, lr=0.05)),
    ("sgd(weight_decay=0.1)", 0.05, lambda p: optim.SGD(p, lr=0.05, weight_decay=0.1)),
    ("sgd(momentum=0.9)", 0.02, lambda p: optim.SGD(p, lr=0.02, momentum=0.9)),
    ("sgd(momentum=0.9, dampening=0.5)", 0.02,
     lambda p: optim.SGD(p, lr=0.02, momentum=0.9, dampening=0.5)),
    ("sgd(momentum=0.9, nesterov=true, weight_decay=0.01)", 0.02,
     lambda p: optim.SGD(p, lr=0.02, momentum=0.9, nesterov=True, weight_decay=0.01)),
    ("adam", 0.05, lambda p: optim.Adam(p, lr=0.05)),
    ("adam(beta1=0.8, beta2=0.9, epsilon=0.001, weight_decay=0.1)", 0.05,
     lambda p: optim.Adam(p, lr=0.05, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1)),
    ("adam(amsgrad=true)", 0.2, lambda p: optim.Adam(p, lr=0.2, amsgrad=True)),
    ("adamw", 0.05, lambda p: optim.AdamW(p, lr=0.05)),
    ("adamw(weight_decay=0.3, amsgrad=true)", 0.2,
     lambda p: optim.AdamW(p, lr=0.2, weight_decay=0.3, amsgrad=True)),
    ("rmsprop", 0.01, lambda p: optim.RMSprop(p, lr=0.01)),
    ("rmsprop(alpha=0.9, momentum=0.8, weight_decay=0.1)", 0.005,
     lambda p: optim.RMSprop(p, lr=0.005, alpha=0.9, momentum=0.8, weight_decay=0.1)),
    ("rmsprop(centered=true, epsilon=0.01)", 0.01,
     lambda p: optim.RMSprop(p, lr=0.01, centered=True, eps=0.01)),
    ("adagrad", 0.1, lambda p: optim.Adagrad(p, lr=0.1)),
    ("adagrad(lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5)", 0.1,
     lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.1, weight_decay=0.1,
                             initial_accumulator_value=0.5)),
    ("adadelta", 1.0, lambda p: optim.Adadelta(p)),
    ("adadelta(rho=0.8, epsilon=0.0001, weight_decay=0.1)", 0.5,
     lambda p: optim.Adadelta(p, lr=0.5, rho=0.8, eps=1e-4, weight_decay=0.1)),
]

SCHEDULES = [
    ("constant", 0.1, 0, lambda o: sched.ConstantLR(o, factor=1.0)),
    ("step(step_size=6, gamma=0.5)", 0.1, 0, lambda o: sched.StepLR(o, 6, gamma=0.5)),
    ("step(step_size=3, by=step)", 0.1, 1, lambda o: sched.StepLR(o, 3)),
    ("exponential(gamma=0.9)", 0.1, 0, lambda o: sched.ExponentialLR(o, 0.9)),
    ("cosine", 0.1, 1, lambda o: sched.CosineAnnealingLR(o, STEPS)),
    ("cosine(period=25, minimum=0.01, by=epoch)", 0.1, 0,
     lambda o: sched.CosineAnnealingLR(o, 25, eta_min=0.01)),
    ("cosine(period=4, multiply=2, restarts=true, minimum=0.001)", 0.1, 1,
     lambda o: sched.CosineAnnealingWarmRestarts(o, 4, T_mult=2, eta_min=0.001)),
    ("one_cycle", 0.1, 1,
     lambda o: sched.OneCycleLR(o, 0.1, total_steps=STEPS, cycle_momentum=False)),
    ("one_cycle(pct_start=0.5, div_factor=10, final_div_factor=100)", 0.1, 1,
     lambda o: sched.OneCycleLR(o, 0.1, total_steps=STEPS, pct_start=0.5, div_factor=10,
                                final_div_factor=100, cycle_momentum=False)),
    ("warmup", 0.1, 1, lambda o: sched.LinearLR(o)),
    ("warmup(steps=12, start=0.1)", 0.1, 1,
     lambda o: sched.LinearLR(o, start_factor=0.1, total_iters=12)),
    ("noam(steps=8, model_size=64)", 1.0, 1,
     lambda o: sched.LambdaLR(o, lambda s: 64 ** -0.5 * min((s + 1) ** -0.5, (s + 1) * 8 ** -1.5))),
]
LOSSES = [1.0, 0.8, 0.79999, 0.81, 0.82, 0.7, 0.71, 0.72, 0.73, 0.74, 0.69, 0.70, 0.71, 0.72, 0.60,
          0.61, 0.62, 0.63, 0.64, 0.65]
PLATEAUS = [
    ("plateau(patience=2)", 0.1, dict(patience=2)),
    ("plateau(patience=1, factor=0.5, cooldown=2, minimum=0.03)", 0.1,
     dict(patience=1, factor=0.5, cooldown=2, min_lr=0.03)),
]


def numbers(values, form="%.9g"):
    return ", ".join(form % v for v in values)


def trajectory(make):
    w = torch.tensor(W, requires_grad=True)
    x, y = torch.tensor(X), torch.tensor(Y)
    optimizer = make([w])
    rows = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        ((x @ w - y) ** 2).mean().backward()
        optimizer.step()
        rows.append(w.detach().tolist())
    return rows


def rates(make, rate):
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    schedule = make(optimizer)
    values = []
    for _ in range(STEPS):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return values


def plateau(rate, options):
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    schedule = sched.ReduceLROnPlateau(optimizer, **options)
    values = []
    for loss in LOSSES:
        values.append(optimizer.param_groups[0]["lr"])
        schedule.step(loss)
    return values


print("/* Made by tools/golden/torch_optimizers.py with torch %s. */" % torch.__version__.split("+")[0])
print("enum { GOLDEN_ROWS = %d, GOLDEN_COLS = %d, GOLDEN_STEPS = %d };" % (ROWS, COLS, STEPS))
print("static const float golden_x[GOLDEN_ROWS * GOLDEN_COLS] = {%s};" %
      numbers(v for row in X for v in row))
print("static const float golden_y[GOLDEN_ROWS] = {%s};" % numbers(Y))
print("static const float golden_w[GOLDEN_COLS] = {%s};" % numbers(W))
print("static const struct {\n    const char *text;\n    double rate;\n"
      "    double w[GOLDEN_STEPS][GOLDEN_COLS];\n} golden_optimizers[] = {")
for text, rate, make in OPTIMIZERS:
    rows = ",\n      ".join("{%s}" % numbers(r) for r in trajectory(make))
    print("    {\"%s\", %g,\n     {%s}}," % (text, rate, rows))
print("};\nstatic const struct {\n    const char *text;\n    double rate;\n    int by_step;\n"
      "    double rates[GOLDEN_STEPS];\n} golden_schedules[] = {")
for text, rate, by_step, make in SCHEDULES:
    print("    {\"%s\", %g, %d, {%s}}," % (text, rate, by_step, numbers(rates(make, rate), "%.17g")))
print("};\nstatic const double golden_losses[GOLDEN_STEPS] = {%s};" % numbers(LOSSES))
print("static const struct {\n    const char *text;\n    double rate;\n"
      "    double rates[GOLDEN_STEPS];\n} golden_plateaus[] = {")
for text, rate, options in PLATEAUS:
    print("    {\"%s\", %g, {%s}}," % (text, rate, numbers(plateau(rate, options), "%.17g")))
print("};")
