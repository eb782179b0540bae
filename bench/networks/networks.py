"""The page of `bench/run networks`: PyTorch, ONNX Runtime and Leat row by row."""
import json
import os
import statistics
import subprocess

import measure
from rows import ONNX, ROWS, is_half, peer_row

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = ["work", "peer", "seconds: peer / Leat", "ratio (spread)", "of the best",
        "accuracy: peer / Leat", "Leat: of the peak", "peak MB: peer / Leat", "runs"]


def tuned(command):
    """The peer's environment: large blocks stay with the process instead of going back each time."""
    return ["/usr/bin/env", "MALLOC_TOP_PAD_=1073741824", "MALLOC_MMAP_MAX_=0",
            "MALLOC_TRIM_THRESHOLD_=4294967296"] + command


def torch_command(options, row, mode):
    command = [options.peer, os.path.join(HERE, "peer_torch.py"), peer_row(row), "--seconds",
               str(options.seconds), "--epochs", str(options.epochs)]
    return tuned(command + ["--" + word for word in mode.split() if word in ("compile", "bf16")])


def onnx_command(options, row):
    return [options.peer, os.path.join(HERE, "peer_onnx.py"), peer_row(row), "--seconds",
            str(options.seconds), "--models", options.models]


def leat_command(options, row):
    folder = os.path.join(options.build, "bench")
    if row.train is None:
        return [os.path.join(folder, "model_bench"), peer_row(row), "--seconds",
                str(options.seconds), "--threads", str(measure.THREADS), "--precision",
                "bf16" if is_half(row) else "f32"]
    epochs = [] if "--epochs" in row.train else ["--epochs", str(options.epochs)]
    return [os.path.join(folder, "network_bench"), "--json", "--threads",
            str(measure.THREADS)] + row.train + epochs


def once(row, command):
    """One process; the row `start` is the process itself."""
    r = measure.run_json(command)
    if row.name == "start":
        return dict(r, median=r["process_wall"])
    if "step_us" in r:
        r["median"] = r["step_us"] * 1e-6 if row.name == "tiny_mlp" else r["epoch"]
    return r


def accuracy(runs):
    found = [r["accuracy"] for r in runs if r.get("accuracy")]
    return "%.4f" % statistics.median(found) if found else "-"


def megabytes(runs):
    return "%.0f" % (max(r.get("peak_bytes", r.get("peak", 0)) for r in runs) / 1e6)


def peaks_of(options):
    """What the machine does at best: f32, bf16 (None without instructions for it), bytes."""
    found = [measure.run_json([os.path.join(options.build, "bench", "peak_bench"),
                               str(measure.THREADS)]) for _ in range(3)]
    return {key: max(f[key] for f in found) if found[0][key] else None
            for key in ("f32", "bf16", "bytes")}


def peaks_text(peaks):
    half = ", %.0f in bf16" % (peaks["bf16"] / 1e9) if peaks["bf16"] else ""
    return "%.0f GFLOP/s%s and %.0f GB/s" % (peaks["f32"] / 1e9, half, peaks["bytes"] / 1e9)


def of_peak(row, seconds, peaks):
    if row.flops:
        peak = is_half(row) and peaks["bf16"] or peaks["f32"]
        return "%.0f%% of flops" % (100 * row.flops / seconds / peak)
    return "%.0f%% of bandwidth" % (100 * row.bytes / seconds / peaks["bytes"]) if row.bytes else "-"


def compare(row, title, name, peer, leat, peaks):
    times = [[r["median"] for r in runs] for runs in (peer, leat)]
    c = measure.Comparison(times[0], times[1], times[0], times[1])
    trained = accuracy(leat) if accuracy(peer) != "-" else "-"
    return [title, name, "%s / %s" % (measure.seconds(c.peer), measure.seconds(c.leat)),
            "**%.2f** (%.2f-%.2f)" % (c.ratio, c.low, c.high), "%.2f" % c.best,
            "%s / %s" % (accuracy(peer), trained), of_peak(row, c.leat, peaks),
            "%s / %s" % (megabytes(peer), megabytes(leat)), str(c.count)]


def torch_peer(options, row, precision):
    """Name and command; of PyTorch's modes the one that is faster in one run each."""
    modes = ["eager"] if row.name == "start" or options.eager else ["eager", "compile"]
    modes = [m + precision for m in modes]
    mode = modes[0]
    if len(modes) > 1:
        tried = {m: attempt(row, torch_command(options, row, m)) for m in modes}
        mode = min((m for m in modes if tried[m] is not None), key=lambda m: tried[m])
    return "PyTorch, " + mode.replace("compile", "compiled"), torch_command(options, row, mode)


def peers_of(options, row):
    """Names and commands; beside bf16 PyTorch runs in either precision."""
    peers = [torch_peer(options, row, p) for p in ([" f32", " bf16"] if is_half(row) else [""])]
    if peer_row(row) in ONNX and options.onnx:
        subprocess.run(onnx_command(options, row) + ["--export"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peers.append(("ONNX Runtime", onnx_command(options, row)))
    return peers


def attempt(row, command):
    """Seconds of one run; None where this configuration of the peer does not run here."""
    got = subprocess.run(command, env=measure.clean_environment(measure.THREADS),
                         capture_output=True, text=True)
    if got.returncode:
        measure.say("%s: does not run: %s" % (row.name, " ".join(command[-6:])))
        return None
    return json.loads(got.stdout)["median"]


def rows_of(options, row, peaks):
    measure.say(row.name)
    peers = peers_of(options, row)
    runs = [[] for _ in range(len(peers) + 1)]
    commands = [p[1] for p in peers] + [leat_command(options, row)]
    for i in range(options.repetitions):
        order = range(len(commands))
        for k in order if i % 2 == 0 else reversed(order):
            runs[k].append(once(row, commands[k]))
    return [compare(row, row.title if k == 0 else "", name, runs[k], runs[-1], peaks)
            for k, (name, _) in enumerate(peers)]


def same_weights(options, row):
    """The weights after an epoch over 6,000 rows, at 1 and at 2 threads."""
    command = leat_command(options, row)[:1] + ["--json"] + row.train + ["--rows", "6000",
                                                                         "--epochs", "1"]
    hashes = [measure.run_json(command + ["--threads", n])["weights"] for n in "12"]
    return "- %s: %.16s at 1 thread, %.16s at 2: %s" % (
        row.title, *hashes, "the same" if hashes[0] == hashes[1] else "DIFFERENT")


def page(options, names):
    peaks = peaks_of(options)
    table = [line for row in ROWS if row.name in names for line in rows_of(options, row, peaks)]
    same = [same_weights(options, row) for row in ROWS
            if row.name in names and row.train and row.name != "start"]
    return "\n".join([
        "## Networks", "",
        "Single precision on both sides but where bf16 stands, equal batches, data in memory, %d threads; %d epochs where "
        "something is trained, the accuracy that on the 10,000 test images after them. PyTorch runs "
        "%s, with channels last and with an allocator that "
        "keeps large blocks; ONNX Runtime runs what PyTorch exports. A run is a process; its seconds "
        "are the median of its steps or calls, for Leat's epochs the least. The peaks are %s, measured "
        "before the rows (`build/bench/peak_bench`); a convolution by Winograd does less than the "
        "flops that are counted."
        % (measure.THREADS, options.epochs, "eagerly" if options.eager else
           "eagerly or compiled, whichever was faster", peaks_text(peaks)), "",
        measure.table(HEAD, table), ""] + (["Final weights of Leat (SHA-256) after an epoch over "
                                            "6,000 rows:", ""] + same + [""] if same else []))
