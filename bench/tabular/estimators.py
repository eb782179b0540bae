"""Fashion-MNIST: seven estimators, scikit-learn's and Leat's in turn."""
import os

import measure

FOLDER = "/usr/share/datasets/fashion-mnist"
# name: rows, Leat's settings, what both run. Settings not named are the defaults of both.
WORK = {
    "logistic": (60000, ["solver=lbfgs", "max_iter=100"], "L-BFGS, at most 100 iterations, C=1"),
    "lda": (60000, ["solver=lsqr"], "solver lsqr, the faster of scikit-learn's"),
    "knn": (60000, ["n_neighbors=5"], "5 neighbours, scikit-learn's brute force"),
    "cart": (60000, [], "gini, to pure leaves"),
    "gaussian_nb": (60000, [], "defaults"),
    "linear_svc": (60000, ["dual=false", "tol=0.01"],
                   "squared hinge, primal, tol 0.01 (see below)"),
    "svc": (10000, ["C=10", "gamma=scale"], "rbf, C=10, gamma scale; fit on 10,000 rows"),
}
# Those of which scikit-learn's side runs on one core anyway.
SERIAL = ("cart", "linear_svc", "svc")
ACCURACY = 0.003  # the difference that is worth a warning


def total(run):
    return run["fit"] + run["predict"]


def peer_threads(name, peer):
    """The faster of one and two threads for the peer: spinning threads can cost it more than they
    gain, above all where other work takes a core. Two runs of each are tried."""
    if name in SERIAL:
        return measure.THREADS
    return min((2, 1), key=lambda t: min(total(measure.run_json(peer, t)) for _ in range(2)))


def compare(name, options):
    rows, settings, _ = WORK[name]
    if options.quick:
        rows = min(rows, 10000)
    size = ["--rows", str(rows)]
    here = os.path.dirname(__file__)
    peer = [options.peer, os.path.join(here, "peer_estimator.py"), name, FOLDER] + size
    leat = [os.path.join(options.build, "bench", "fashion_bench"), name] + settings + size
    leat += ["--threads", str(measure.THREADS), "--json"]
    threads = peer_threads(name, peer)
    runs = measure.in_turn(lambda: measure.run_json(peer, threads),
                           lambda: measure.run_json(leat), 1)
    first = total(runs[0][0])
    more = 0 if options.quick else 6 if first < 2 else 4 if first < 7 else 2 if first < 22 else 1
    for side, again in zip(runs, measure.in_turn(lambda: measure.run_json(peer, threads),
                                                 lambda: measure.run_json(leat), more)):
        side.extend(again)
    wall = [[total(r) for r in side] for side in runs]
    cpu = [[r["cpu_seconds"] for r in side] for side in runs]
    return measure.Comparison(wall[0], wall[1], cpu[0], cpu[1]), runs, threads


def parts(runs):
    return " + ".join(measure.seconds(sorted(r[key] for r in runs)[len(runs) // 2])
                      for key in ("fit", "predict"))


def page(options, names):
    rows, notes, ratios = [], [], []
    for name in names:
        measure.say("estimator %s" % name)
        result, runs, threads = compare(name, options)
        peer, leat = runs[0][0]["accuracy"], runs[1][0]["accuracy"]
        rows.append([name, str(threads)] + result.cells() + [parts(runs[0]), parts(runs[1]),
                                               "%.4f / %.4f" % (peer, leat)])
        measure.say("  ratio %.2f (%.2f-%.2f), CPU %.2f, accuracy %.4f / %.4f; "
                    "seconds %.2f / %.2f, best %.2f, peer's threads %d"
                    % (result.ratio, result.low, result.high, result.cpu, peer, leat, result.peer,
                       result.leat, result.best, threads))
        ratios.append(result)
        if abs(peer - leat) > ACCURACY:
            notes.append("**Warning:** the accuracies of %s differ by %.2f points."
                         % (name, 100 * abs(peer - leat)))
            measure.say("  accuracies differ")
    text = ["## Estimators on Fashion-MNIST", "",
            "%s rows x 784 pixels divided by 255, single precision; 10,000 rows predicted. Seconds "
            "are of fit and predict together, each run in a process of its own; loading is not "
            "counted." % ("10,000" if options.quick else "60,000"), "",
            measure.table(["estimator", "peer's threads"] + measure.CELLS
                          + ["peer: fit + predict", "Leat: fit + predict",
                             "accuracy: peer / Leat"], rows), ""]
    if len(ratios) > 1:
        mean = measure.geometric_mean
        text += ["Geometric mean of the ratios: **%.1f** (of the best runs %.1f, of CPU seconds "
                 "%.1f); the least is %.1f."
                 % (mean([r.ratio for r in ratios]), mean([r.best for r in ratios]),
                    mean([r.cpu for r in ratios]), min(r.ratio for r in ratios)), ""]
    text += [n + "\n" for n in notes]
    text += ["Settings: " + "; ".join("%s: %s" % (n, WORK[n][2]) for n in names) + ".", ""]
    if "linear_svc" in names:
        text += ["scikit-learn's linear_svc is given the stopping tolerance 0.01 instead of its "
                 "0.0001: it takes a third of the time at the same accuracy. Its dual solver is "
                 "slower here at a lower accuracy. Leat gets the same tolerance.", ""]
    return "\n".join(text)
