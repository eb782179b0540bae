#!/usr/bin/env python3
"""pandas.read_csv (C engine) against Leat on the same files, in turn, each run a process of its own.

usage: csv_vs_pandas.py [--megabytes 500] [--times 5] [--threads 2] [--folder DIR]
                        [--kinds numeric,mixed,text] [--pythons PYTHON,...] [--json] BUILD

Makes a numeric file (20 columns of all digits), a mixed one and one of quoted text, if they are
not in the folder yet, reads each with both and prints the best and the spread of the times, the
ratio of the best ones, the CPU seconds and the peak memory (VmHWM) over the size of the columns.
The time is that of the read alone: neither the start of Python nor that of the command counts.
--pythons names the interpreters whose pandas is measured, for several versions of it (the default
is the one that runs this); each round reads the file once with every one of them and with Leat.
With --json one line per file and version holds every run of both, for bench/run.
Needs pandas.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys

PANDAS = """
import sys, time, resource
import pandas as pd
t = time.perf_counter(); c = time.process_time()
f = pd.read_csv(sys.argv[1], engine="c")  # as by default; everything else is the default
t = time.perf_counter() - t; c = time.process_time() - c
print(pd.__version__, f.shape[0], t, c, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def run_pandas(python, path):
    out = subprocess.run([python, "-c", PANDAS, path], capture_output=True, text=True,
                         check=True).stdout.split()
    return {"version": out[0], "rows": int(out[1]), "time": float(out[2]), "cpu": float(out[3]),
            "peak": float(out[4])}


def run_leat(bench, path, threads):
    before = os.times()
    out = subprocess.run([bench, path, str(threads)], capture_output=True, text=True,
                         check=True).stdout
    after = os.times()
    m = re.match(r"(\d+) rows \d+ columns ([\d.]+) s, columns ([\d.]+) MB, peak ([\d.]+) MB", out)
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return {"rows": int(m[1]), "time": float(m[2]), "cpu": cpu, "columns": float(m[3]) * 1e6,
            "peak": float(m[4]) * 1e6}


def show(name, runs):
    times = sorted(r["time"] for r in runs)
    print("  %-8s best %.3f s  median %.3f  worst %.3f   cpu %.2f s   peak %.0f MB"
          % (name, times[0], statistics.median(times), times[-1], min(r["cpu"] for r in runs),
             max(r["peak"] for r in runs) / 1e6))


def compare(kind, path, threads, pandas, leat):
    def ratio(key, pick):
        return pick(r[key] for r in pandas) / pick(r[key] for r in leat)

    print("%s, %d MB, %d rows; pandas %s; Leat with %d threads"
          % (kind, os.path.getsize(path) // 10**6, leat[0]["rows"], pandas[0]["version"], threads))
    show("pandas", pandas)
    show("Leat", leat)
    print("  ratio of the best %.1f, of the medians %.1f (CPU %.1f)   "
          "Leat's peak memory %.2f of its columns"
          % (ratio("time", min), ratio("time", statistics.median), ratio("cpu", min),
             max(r["peak"] for r in leat) / leat[0]["columns"]), flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--megabytes", type=int, default=500)
    p.add_argument("--times", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--folder", default="/tmp")
    p.add_argument("--kinds", default="numeric,mixed,text")
    p.add_argument("--pythons", default=sys.executable)
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    bench = os.path.join(a.build, "bench", "csv_bench")
    for kind in a.kinds.split(","):
        path = os.path.join(a.folder, "%s-%d.csv" % (kind, a.megabytes))
        if not os.path.exists(path):
            subprocess.run([bench, "write", kind, str(a.megabytes), path], check=True)
        leat, peers = [], {python: [] for python in a.pythons.split(",")}
        for _ in range(a.times):
            for python, runs in peers.items():
                runs.append(run_pandas(python, path))
            leat.append(run_leat(bench, path, a.threads))
        for pandas in peers.values():
            assert pandas[0]["rows"] == leat[0]["rows"]
            if a.json:
                print(json.dumps({"kind": kind, "bytes": os.path.getsize(path), "pandas": pandas,
                                  "leat": leat}), flush=True)
            else:
                compare(kind, path, a.threads, pandas, leat)


main()
