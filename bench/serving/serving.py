"""The page of `bench/run serving`: Leat, its floor and the peers behind the same requests.

The floor is a bare epoll loop that answers the very bytes that Leat does, so that both move the
same through the kernel. Everything runs in turn; a figure is the median of the rounds."""
import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import bodies
import clients
import measure
import servers

ROUNDS = {"quick": 1, "normal": 3, "long": 5}
PARTS = ["tree", "cnn", "latency", "peers", "large", "idle", "requests", "loading", "ready"]
HERE = os.path.dirname(os.path.abspath(__file__))

CNN = """data: fashion-mnist
models: network
cv: holdout:0.1
quick: true
set:
  network:
    input: 28x28x1
    layers: >-
      conv2d(32, 3, padding=same, activation=relu); max_pool2d;
      conv2d(64, 3, padding=same, activation=relu); max_pool2d;
      flatten; dense(128, activation=relu)
    epochs: 1
    batch_size: 128
"""


class State:
    """What the parts share: models, requests, what was reached."""

    def __init__(self, options, names):
        self.options, self.names = options, names
        self.mode = "quick" if options.quick else "long" if options.long else "normal"
        self.rounds = options.repetitions or ROUNDS[self.mode]
        self.seconds = 1 if options.quick else 3
        self.usual = {}    # requests/s of Leat by (model, form): median and most of the rounds
        self.most = {}
        self.targets = []  # (what, wanted, reached, whether)

    def target(self, what, wanted, reached, ok):
        self.targets.append([what, wanted, reached, "yes" if ok else "**no**"])


def make_models(options):
    """iris.leat, fashion.leat and their ONNX forms in the scratch folder; kept for the next run."""
    folder = options.folder
    tree, network = (os.path.join(folder, n) for n in ("iris.leat", "fashion.leat"))
    if not os.path.exists(tree):
        measure.say("fitting a tree to iris")
        measure.run([options.leat, "fit", "iris", "--target", "species", "--models", "cart", "-o",
                     os.path.join(folder, "iris-fit")])
        os.replace(find_model(os.path.join(folder, "iris-fit")), tree)
    if not os.path.exists(network):
        measure.say("fitting the network to Fashion-MNIST, one epoch")
        path = os.path.join(folder, "fashion.yaml")
        with open(path, "w") as f:
            f.write(CNN)
        measure.run([options.leat, "fit", path, "-o", os.path.join(folder, "fashion-fit")])
        os.replace(find_model(os.path.join(folder, "fashion-fit")), network)
    for path in (tree, network):
        if not os.path.exists(path[:-5] + ".onnx"):
            measure.run([options.leat, "export", "--onnx", path, "-o", path[:-5] + ".onnx"])
    return tree, network


def find_model(folder):
    for base, _, files in os.walk(folder):
        for name in files:
            if name.endswith(".leat"):
                return os.path.join(base, name)
    sys.exit("bench/run: no model in %s" % folder)


def an_image():
    """The pixels of a shoe, drawn here so that the page needs no file: rows of a gradient."""
    return [0 if not 8 <= r < 22 or not 4 <= c < 26 else (r * 9 + c * 5) % 256
            for r in range(28) for c in range(28)]


def same(one, other, tolerance=1e-4):
    """Whether two answers agree: labels where both have names, else numbers; probabilities."""
    (label, p), (label2, p2) = one, other
    if isinstance(label, str) and isinstance(label2, str) and label != label2:
        return False
    if p is None or p2 is None:
        return True
    return len(p) == len(p2) and all(abs(a - b) <= tolerance for a, b in zip(p, p2))


def ask(server, request, path=None):
    status, headers, body = server.post(request, path)
    if status != 200:
        raise clients.Fault("%s: status %d: %s" % (server.name, status, body[:300].decode()))
    return bodies.read_answer(body, headers)


def fix(value):
    return "{:,.0f}".format(value)


# --- throughput of a model: floor and Leat --------------------------------------------------------


def throughput(state, model, forms):
    """Rows of the table of one model, JSON and binary."""
    options, rows = state.options, []
    path = os.path.join(options.folder, model + ".leat")
    with servers.leat(options, [path]) as leat:
        answers = {form: ask(leat, request) for form, request in forms.items()}
        if not same(answers["JSON"], answers["binary"], 0):
            raise clients.Fault("Leat's JSON and binary answers differ")
        for form, request in forms.items():
            measure.say("%s, %s" % (model, form))
            found = {"floor": [], "leat": []}
            with servers.floor(options, leat.raw_answer(request)) as floor:
                for _ in range(state.rounds):
                    for name, server in (("floor", floor), ("leat", leat)):
                        found[name].append(clients.wrk(options, server, request,
                                                       seconds=state.seconds))
            rate = {n: statistics.median(f[0] for f in found[n]) for n in found}
            cpu = {n: min(f[2] for f in found[n]) for n in found}
            share = statistics.median(a[0] / b[0] for a, b in zip(found["leat"], found["floor"]))
            work = min(f[2] for f in found["floor"]) / min(f[2] for f in found["leat"])
            state.usual[model, form] = rate["leat"]
            state.most[model, form] = max(f[0] for f in found["leat"])
            rows.append([form, fix(rate["floor"]), "**%s**" % fix(rate["leat"]),
                         "%.0f%%" % (100 * share), "%.0f%%" % (100 * work),
                         "%s to %s" % (fix(min(f[0] for f in found["leat"])),
                                       fix(max(f[0] for f in found["leat"]))),
                         "%.1f / %.1f" % (cpu["floor"], cpu["leat"])])
            if model == "iris":
                least = 45 if form == "JSON" else 60
                state.target("requests/s of the tree, %s" % form, "%d%% of the floor" % least,
                             "%s, %.0f%% (by processor time %.0f%%)"
                             % (fix(rate["leat"]), 100 * share, 100 * work),
                             100 * min(share, work) >= least)
    return rows


def throughput_part(state, model, title, forms):
    head = ["body", "floor, requests/s", "Leat, requests/s", "share (median of the rounds)", "share by processor time",
            "Leat, least to most", "CPU us a request: floor / Leat"]
    rows = throughput(state, model, forms)
    return "\n".join([
        "## %s" % title, "",
        "wrk has one core and does as much per request as a bare server, so that it is often what "
        "limits both; the share by processor time is what would be left of the floor's requests/s "
        "if the server's core did.", "", measure.table(head, rows), ""])


# --- latency --------------------------------------------------------------------------------------


def wait_of(state, sides, request, rate, before_others):
    """Latencies of each side in turn; None: the machine does not let them run before others."""
    found = {name: [] for name in sides}
    if before_others and not all([server.before_others() for server in sides.values()]):
        return None
    for _ in range(2 * state.rounds):
        for name, server in sides.items():
            found[name].append(clients.load(state.options, server, request, rate / 2,
                                            max(1, state.seconds - 1),
                                            before_others=before_others))
    if before_others:
        for server in sides.values():
            server.as_others()
    return {name: {key: statistics.median(f[key] for f in runs) for key in runs[0]}
            for name, runs in found.items()}


def latency(state):
    options, rows = state.options, []
    json_tree, binary_tree = bodies.tree()
    with servers.leat(options, [os.path.join(options.folder, "iris.leat")]) as leat:
        for form, request in (("JSON", json_tree), ("binary", binary_tree)):
            measure.say("latency, %s" % form)
            rate = state.usual.get(("iris", form))
            if not rate:
                rate = clients.wrk(options, leat, request, seconds=state.seconds)[0]
            with servers.floor(options, leat.raw_answer(request)) as floor:
                sides = {"floor": floor, "leat": leat}
                ways = [(way, wait_of(state, sides, request, rate, way == "before others"))
                        for way in ("usual", "before others")]
            for way, w in ways:
                if not w:
                    continue
                ratio = {key: w["leat"][key] / w["floor"][key] for key in ("p99", "slice_p99")}
                rows.append([form, way, fix(rate / 2)] +
                            ["%.0f / %.0f" % (w["floor"][k], w["leat"][k])
                             for k in ("p50", "p90", "p99")] + ["**%.2f**" % ratio["p99"]] +
                            ["%.0f / %.0f" % (w["floor"]["slice_p99"], w["leat"]["slice_p99"]),
                             "**%.2f**" % ratio["slice_p99"]])
                state.target("p99 at half load, %s, %s" % (form, way), "1.5 times the floor's",
                             "%.2f times; in slices %.2f" % (ratio["p99"], ratio["slice_p99"]),
                             max(ratio.values()) <= 1.5)
    head = ["body", "scheduling", "requests/s", "p50, us: floor / Leat", "p90", "p99", "its ratio",
            "p99 of slices", "its ratio"]
    return "\n".join([
        "## Latency at half load", "",
        "The tree, 16 connections, at half the requests/s that Leat reached, the same for the "
        "floor. The rate is constant whatever the answers take, and a latency counts from when "
        "its request was due (`bench/load_bench.c`). Whatever else runs on the machine has the "
        "server's core for milliseconds now and then, which decides the p99 of whoever serves: so "
        "server and client also run before all others (SCHED_FIFO, both sides alike), where that "
        "is allowed. What remains is the host of the virtual machine; the p99 of slices, the "
        "median over slices of 50 ms of the p99 in each, does not see it. Medians of %d runs of "
        "each side in turn." % (2 * state.rounds), "", measure.table(head, rows), ""])


# --- peers ----------------------------------------------------------------------------------------


def peer_servers(options):
    """(name, a maker of its server, whether it takes binary tensors) of each peer that is there."""
    folder, python = options.folder, options.peer
    bin_folder = os.path.dirname(python)
    onnx = [os.path.join(folder, n) for n in ("iris.onnx", "fashion.onnx")]
    joblib = os.path.join(folder, "iris.joblib")
    table = os.path.join(folder, "iris.csv")
    with open(table, "w") as f:
        f.write(iris_table(options))
    measure.run([python, os.path.join(HERE, "peer_tree.py"), table, joblib])

    def fastapi():
        port = servers.free_port()
        return servers.Server("fastapi", [python, os.path.join(HERE, "peer_fastapi.py"), str(port)]
                              + onnx, port, folder=folder)

    def ray():
        port = servers.free_port()
        return servers.Server("ray", [python, os.path.join(HERE, "peer_ray.py"), str(port), joblib,
                                      onnx[1]], port, patience=120, folder=folder)

    def mlserver():
        port, models = servers.free_port(), os.path.join(folder, "mlserver")
        measure.run([python, os.path.join(HERE, "peer_mlserver.py"), models, str(port), joblib,
                     onnx[1]])
        return servers.Server("mlserver", ["env", "PYTHONPATH=" + HERE,
                                           os.path.join(bin_folder, "mlserver"), "start", models],
                              port, folder=folder)

    def has(module):
        return subprocess.run([python, "-c", "import importlib.util, sys; "
                               "sys.exit(not importlib.util.find_spec(%r))" % module]).returncode == 0
    all_peers = [("ONNX Runtime, FastAPI, uvicorn", "uvicorn", fastapi, True),
                 ("MLServer", "mlserver", mlserver, False), ("Ray Serve", "ray", ray, False)]
    return [(name, make, binary if has(module) else None)
            for name, module, make, binary in all_peers]


def peers(state, images):
    options, rows, least = state.options, [], None
    tree = dict(zip(("JSON", "binary"), bodies.tree()))
    image = dict(zip(("JSON", "binary"), images))
    expected = {}
    models = [os.path.join(options.folder, n) for n in ("iris.leat", "fashion.leat")]
    with servers.leat(options, models) as leat:
        for model, forms in (("iris", tree), ("fashion", image)):
            for form, request in forms.items():
                expected[model, form] = ask(leat, request)
                if (model, form) not in state.most:
                    state.most[model, form] = max(
                        clients.wrk(options, leat, request, seconds=state.seconds)[0]
                        for _ in range(state.rounds))
    for name, make, binary in peer_servers(options):
        if binary is None:
            rows.append([name, "not installed"] + ["-"] * 4)
            continue
        measure.say("peer: " + name)
        try:
            with make() as server:
                for model, forms in (("iris", tree), ("fashion", image)):
                    for form, request in forms.items():
                        if form == "binary" and not binary:
                            continue
                        if not same(ask(server, request), expected[model, form]):
                            raise clients.Fault("%s answers %s otherwise than Leat" % (name, model))
                        rate = max(clients.wrk(options, server, request, c, state.seconds)[0]
                                   for c in (16, 4) for _ in range(max(1, state.rounds - 1)))
                        ratio = state.most[model, form] / rate
                        if model == "iris" and (least is None or ratio < least):
                            least = ratio
                        rows.append([name, model, form, fix(rate), fix(state.most[model, form]),
                                     "**%.0f**" % ratio if ratio >= 10 else "**%.1f**" % ratio])
        except (RuntimeError, OSError) as error:
            measure.say("  " + str(error))
            rows.append([name, "did not run: " + str(error).replace("\n", " ")[-160:]] + ["-"] * 4)
    if least is not None:
        state.target("requests/s of the tree to the fastest peer's", "20 times",
                     "%.0f times" % least, least >= 20)
    head = ["peer", "model", "body", "peer, requests/s", "Leat, requests/s", "ratio"]
    return "\n".join([
        "## Peers", "",
        "Each with all its processes on the one core of the server, the faster of 16 and 4 "
        "connections; the best of the rounds on both sides. The network's weights are "
        "the same on both sides (`leat export --onnx`), the answers were compared first; MLServer "
        "and Ray Serve have scikit-learn's tree, to pure leaves.", "",
        measure.table(head, rows), ""])


def iris_table(options):
    """The table that Leat fits, as CSV with the label last."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "iris.csv")
        measure.run([options.leat, "table", "iris", "-o", path])
        with open(path) as f:
            return f.read()


# --- large tensors --------------------------------------------------------------------------------


def large(state):
    options, rows = state.options, []
    row = bodies.doubles(bodies.IRIS_ROW)
    count = (4 << 20) // len(row)
    tree = bodies.as_binary("iris", "x", [count, 4], row * count, "FP64", ["prediction"])
    plain = bodies.Request("/", b"x" * (4 << 20), {"Content-Type": "application/octet-stream"})
    size = len(plain.body)

    def rate(server, request, connections):
        found = [clients.wrk(options, server, request, connections, state.seconds)[0]
                 for _ in range(state.rounds)]
        return statistics.median(found) * size / 1e9

    measure.say("large tensors")
    with servers.bare_leat(options) as server:
        with servers.floor(options, server.raw_answer(bodies.Request("/", b"x", {}))) as floor:
            rows.append(["the server alone, a handler that does nothing"] +
                        ["%.1f" % rate(s, plain, c) for c in (1, 4) for s in (floor, server)])
    with servers.leat(options, [os.path.join(options.folder, "iris.leat")]) as server:
        found = [rate(server, tree, c) for c in (1, 4)]
        rows.append(["the tree, %s rows of FP64" % fix(count), "-", "%.2f" % found[0], "-",
                     "%.2f" % found[1]])
    state.target("binary tensors of 4 MB into a handler", "2 GB/s", rows[0][2] + " GB/s",
                 float(rows[0][2]) >= 2)
    state.target("binary tensors of 4 MB through the tree", "2 GB/s", "%.2f GB/s" % found[0],
                 found[0] >= 2)
    head = ["a POST of 4 MB", "floor, GB/s, 1 connection", "Leat", "floor, 4 connections", "Leat"]
    return "\n".join(["## Large tensors", "", measure.table(head, rows), ""])


# --- idle connections -----------------------------------------------------------------------------


def idle(state, count=10000):
    options, rows = state.options, []
    request = bodies.tree()[0]
    measure.say("%d idle connections" % count)
    with servers.leat(options, [os.path.join(options.folder, "iris.leat")]) as leat:
        found = {}

        def look(name):
            rates = [clients.wrk(options, leat, request, seconds=state.seconds)[0]
                     for _ in range(state.rounds)]
            waits = [clients.load(options, leat, request, statistics.median(rates) / 2,
                                  state.seconds) for _ in range(state.rounds)]
            found[name] = (statistics.median(rates), statistics.median(w["p50"] for w in waits),
                           statistics.median(w["p99"] for w in waits), leat.memory())

        look("none")
        with clients.Idle(options, leat, count):
            look(fix(count))
        look("none again")
        for name, (rate, p50, p99, memory) in found.items():
            rows.append([name, fix(rate), "%.0f" % p50, "%.0f" % p99, "%.1f" % memory])
    before = [found["none"], found["none again"]]
    with_idle = found[fix(count)]
    change = with_idle[0] / statistics.mean(b[0] for b in before)
    state.target("requests/s with 10,000 idle connections", "unchanged", "%.0f%%" % (100 * change),
                 change >= 0.9)
    return "\n".join([
        "## Idle connections", "", "JSON, the tree; latencies at half load.", "",
        measure.table(["idle connections", "requests/s", "p50, us", "p99, us", "resident MB"],
                      rows), ""])


# --- memory ---------------------------------------------------------------------------------------


def requests(state):
    options = state.options
    goal = {"quick": 100000, "normal": 1000000, "long": 10000000}[state.mode]
    request = bodies.tree()[0]
    measure.say("memory over %s requests" % fix(goal))
    with servers.leat(options, [os.path.join(options.folder, "iris.leat")]) as leat:
        clients.wrk(options, leat, request, seconds=5)
        before, done = leat.memory(), 0
        while done < goal:
            done += clients.wrk(options, leat, request, seconds=10 if goal - done > 500000 else 3)[1]
        after = leat.memory()
    grown = after - before
    state.target("resident memory over %s requests" % fix(done), "flat",
                 "%.2f to %.2f MB" % (before, after), grown < 0.5)
    return "%s requests (JSON, the tree) took the resident memory from %.2f to %.2f MB." \
        % (fix(done), before, after)


def loading(state, cycles=1000):
    options, nothing = state.options, bodies.Request("", b"", {})
    if state.mode == "quick":
        cycles = 100
    measure.say("%d times loading and unloading" % cycles)
    request, path = bodies.tree()[0], "/v2/repository/models/iris/"
    # The server opens what the folders hold: a folder of the one model.
    folder = os.path.join(options.folder, "models")
    os.makedirs(folder, exist_ok=True)
    link = os.path.join(folder, "iris.leat")
    if not os.path.exists(link):
        os.link(os.path.join(options.folder, "iris.leat"), link)
    with servers.leat(options, [folder]) as leat:
        sizes, start = [], time.monotonic()
        for i in range(cycles):
            for what in ("unload", "load"):
                status, _, text = leat.post(nothing, path + what)
                if status != 200:
                    raise clients.Fault("%s: %d %s" % (what, status, text[:200]))
            ask(leat, request)
            if i % (cycles // 10) == cycles // 10 - 1:
                sizes.append(leat.memory())
        each = (time.monotonic() - start) / cycles
    state.target("resident memory over %s loads" % fix(cycles), "flat",
                 "%.2f to %.2f MB" % (sizes[0], sizes[-1]), sizes[-1] - sizes[0] < 0.5)
    return ("%s times unloading, loading and asking the tree took it from %.2f (after a tenth of "
            "them) to %.2f MB, %.1f ms each time." % (fix(cycles), sizes[0], sizes[-1], 1e3 * each))


# --- start ----------------------------------------------------------------------------------------


def first_answer(options, path):
    """Seconds from the start of the process to its first 200."""
    server, client = servers.cores()
    port = servers.free_port()
    command = [options.leat, "serve", path, "--listen", "127.0.0.1:%d" % port, "--workers", "1",
               "--state", "no"]
    query = b"GET /v2/health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with open(os.devnull, "w") as nowhere:
        os.sched_setaffinity(0, {server})  # inherited
        start = time.perf_counter()
        pid = os.posix_spawn(command[0], command, os.environ,
                             file_actions=[(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1)])
        os.sched_setaffinity(0, {client})
    while True:
        with contextlib.suppress(OSError), \
                socket.create_connection(("127.0.0.1", port), 5) as s:
            s.sendall(query)
            if s.recv(64).startswith(b"HTTP/1.1 200"):
                break
        if os.waitpid(pid, os.WNOHANG)[0]:
            raise clients.Fault("the server did not start")
        time.sleep(0.0002)
    seconds = time.perf_counter() - start
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    return seconds


def ready(state):
    options, rows = state.options, []
    count = 5 if state.mode == "quick" else 30
    measure.say("start to ready")
    usable = os.sched_getaffinity(0)
    for label, model in (("tree of iris", "iris"), ("network", "fashion")):
        path = os.path.join(options.folder, model + ".leat")
        times = [first_answer(options, path) for _ in range(count)]
        rows.append([label, "%.1f MB" % (os.path.getsize(path) / 1e6),
                     "%.1f" % (1e3 * statistics.median(times)), "%.1f" % (1e3 * min(times)),
                     "%.1f" % (1e3 * max(times))])
        state.target("start to the first 200, " + label, "under 20 ms",
                     "%.1f ms" % (1e3 * statistics.median(times)), statistics.median(times) < 0.02)
    os.sched_setaffinity(0, usable)
    return "\n".join([
        "## Start", "",
        "From the start of the process to the first 200 of `/v2/health/ready`, "
        "%d times; ms." % count, "",
        measure.table(["model", "its file", "median", "least", "most"], rows), ""])


def parts(options, names):
    """The page's parts, in order, as calls; the last is the table of the targets."""
    state = State(options, names)
    make_models(options)
    images = bodies.image(an_image())

    def targets():
        return "\n".join(["## Targets", "",
                          measure.table(["what", "wanted", "reached", "met"], state.targets), ""])

    def memory():
        lines = [part(state) for name, part in (("requests", requests), ("loading", loading))
                 if name in names]
        return "\n".join(["## Memory", "", "\n\n".join(lines), ""])

    found = [part for name, part in (
        ("tree", lambda: throughput_part(
            state, "iris", "A tree of 4 inputs", dict(zip(("JSON", "binary"), bodies.tree())))),
        ("cnn", lambda: throughput_part(
            state, "fashion", "A convolutional network (Fashion-MNIST, 28 x 28)",
            dict(zip(("JSON", "binary"), images)))),
        ("latency", lambda: latency(state)),
        ("peers", lambda: peers(state, images)),
        ("large", lambda: large(state)),
        ("idle", lambda: idle(state)),
        ("ready", lambda: ready(state))) if name in names]
    if {"requests", "loading"} & set(names):
        found.append(memory)
    return found + [targets]
