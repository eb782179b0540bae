"""Running commands and summing up what they took: shared by the parts of bench/run."""
import json
import math
import os
import statistics
import sys
import tempfile
import time

THREADS = 2


def clean_environment(threads):
    """The environment without what pins or slows a BLAS, and the number of the peers' threads."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_", "MKL_"))}
    env.update(OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))
    return env


def run(command, threads=THREADS):
    """Runs a command; returns its output and the wall and CPU seconds of the whole process."""
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        pid = os.posix_spawn(command[0], command, clean_environment(threads),
                             file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)])
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - start
        out.seek(0)
        text = out.read().decode()
    if status:
        sys.exit("bench/run: %s ended with status %d"
                 % (" ".join(command), os.waitstatus_to_exitcode(status)))
    return text, wall, usage.ru_utime + usage.ru_stime


def run_json(command, threads=THREADS):
    """As run, for a command that prints one JSON object; adds process_wall and process_cpu."""
    text, wall, cpu = run(command, threads)
    result = json.loads(text)
    result.update(process_wall=wall, process_cpu=cpu)
    return result


def say(text):
    """Progress, to standard error: standard output is the page."""
    print(text, file=sys.stderr, flush=True)


def in_turn(peer, leat, repetitions):
    """Calls both in turn. Which one goes first changes, so that neither always follows the other."""
    runs = ([], [])
    for i in range(repetitions):
        for which in ((0, 1) if i % 2 == 0 else (1, 0)):
            runs[which].append((peer, leat)[which]())
    return runs


class Comparison:
    """Wall and CPU seconds of both sides over repetitions, and the ratios of them."""

    def __init__(self, peer_wall, leat_wall, peer_cpu, leat_cpu):
        self.peer, self.leat = statistics.median(peer_wall), statistics.median(leat_wall)
        self.ratio = self.peer / self.leat
        self.best = min(peer_wall) / min(leat_wall)
        pairs = [p / l for p, l in zip(peer_wall, leat_wall)]
        self.low, self.high = min(pairs), max(pairs)
        self.peer_cpu, self.leat_cpu = min(peer_cpu), min(leat_cpu)
        self.cpu = self.peer_cpu / self.leat_cpu
        self.count = len(pairs)

    def cells(self):
        """Seconds of both, ratio with its spread, ratio of the best, CPU seconds and ratio."""
        return ["%s / %s" % (seconds(self.peer), seconds(self.leat)),
                "**%.1f** (%.1f-%.1f)" % (self.ratio, self.low, self.high),
                "%.1f" % self.best,
                "%s / %s" % (seconds(self.peer_cpu), seconds(self.leat_cpu)),
                "%.1f" % self.cpu, str(self.count)]


CELLS = ["seconds: peer / Leat", "ratio (spread)", "of the best", "CPU seconds: peer / Leat",
         "CPU ratio", "runs"]


def seconds(value):
    """Three significant digits."""
    return "%.*f" % (max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0, value)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(r) + " |" for r in rows])


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(v) for v in values))
