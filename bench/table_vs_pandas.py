#!/usr/bin/env python3
"""Group, join, sort and their like: pandas and Leat in turn on the same table.

usage: table_vs_pandas.py [--rows N] [--times N] [--threads N] [--folder DIR] [--json] BUILD

Rows: `id` a permutation of 0 .. N-1, `store` of 1,000 whole numbers, `kind` of 20, `customer` of
N / 10, `price` and `weight` normal numbers, `city` a text for each store. The tables joined are of
N / 10 customers and of N ids. Each run is a process of its own; only the operation is timed, after
loading. Both sides give the same number of rows or the benchmark fails.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

# name, Leat's operation and argument, the same in pandas (f: the table, c: customers, i: ids)
WORK = [
    ("group by 20 wholes: mean, sum", "group", "kind: mean(price), sum(weight)",
     lambda f, c, i: f.groupby("kind", sort=False).agg(a=("price", "mean"), b=("weight", "sum"))),
    ("group by 1,000 texts: mean, count", "group", "city: mean(price), n = count()",
     lambda f, c, i: f.groupby("city", sort=False).agg(a=("price", "mean"), n=("price", "size"))),
    ("group by 20,000 pairs: sum", "group", "kind, store: sum(price)",
     lambda f, c, i: f.groupby(["kind", "store"], sort=False).agg(a=("price", "sum"))),
    ("group by N / 10 wholes: mean, max", "group", "customer: mean(price), max(weight)",
     lambda f, c, i: f.groupby("customer", sort=False).agg(a=("price", "mean"), b=("weight", "max"))),
    ("group by 1,000 wholes: median", "group", "store: median(price)",
     lambda f, c, i: f.groupby("store", sort=False).agg(a=("price", "median"))),
    ("sort by a number", "sort", "price",
     lambda f, c, i: f.sort_values("price", kind="stable")),
    ("sort by whole and number", "sort", "store, -price",
     lambda f, c, i: f.sort_values(["store", "price"], ascending=[True, False])),
    ("sort by a text", "sort", "city", lambda f, c, i: f.sort_values("city", kind="stable")),
    ("join N / 10 customers", "join", "customer",
     lambda f, c, i: f.merge(c, on="customer")),
    ("join N ids, left", "leftjoin", "id",
     lambda f, c, i: f.merge(i, on="id", how="left")),
    ("dedupe by customer", "dedupe", "customer", lambda f, c, i: f.drop_duplicates("customer")),
    ("pivot 1,000 x 20: sum", "pivot", "store: kind: sum(price)",
     lambda f, c, i: f.pivot_table(index="store", columns="kind", values="price", aggfunc="sum")),
    ("filter by two conditions", "filter", "price > 0.5 and kind < 10",
     lambda f, c, i: f[(f["price"] > 0.5) & (f["kind"] < 10)]),
    ("derive a number", "derive", "total = price * weight + log(1 + abs(price))",
     lambda f, c, i: f.assign(total=f["price"] * f["weight"] + numpy.log(1 + f["price"].abs()))),
]


def make(folder, rows):
    import numpy
    paths = [os.path.join(folder, "%s-%d.npz" % (n, rows)) for n in ("table", "customers", "ids")]
    if all(os.path.exists(p) for p in paths):
        return paths
    g = numpy.random.default_rng(1)
    customers = max(1, rows // 10)
    numpy.savez(paths[0], id=g.permutation(rows), store=g.integers(0, 1000, rows),
                kind=g.integers(0, 20, rows), customer=g.integers(0, customers, rows),
                price=g.normal(size=rows), weight=g.normal(size=rows))
    numpy.savez(paths[1], customer=g.permutation(customers), score=g.normal(size=customers))
    numpy.savez(paths[2], id=g.permutation(rows), rank=g.integers(0, 100, rows))
    return paths


def run_pandas(paths, chosen):
    """In a process of its own: this script with --pandas."""
    out = subprocess.run([sys.executable, __file__, "--pandas", ",".join(map(str, chosen))] + paths,
                         capture_output=True, text=True, check=True).stdout
    return [(float(s), int(n)) for s, n in map(str.split, out.splitlines())]


def pandas_side(chosen, paths):
    import numpy
    import pandas
    globals()["numpy"] = numpy
    f, c, i = (pandas.DataFrame(dict(numpy.load(p))) for p in paths)
    f["city"] = pandas.Series(["city %d" % s for s in range(1000)], dtype="str")[f["store"]].array
    for k in map(int, chosen.split(",")):
        start = time.perf_counter()
        made = WORK[k][3](f, c, i)
        print("%.6f %d" % (time.perf_counter() - start, len(made)))
        del made


def run_leat(bench, paths, threads, chosen):
    command = [bench] + paths + [str(threads)]
    for k in chosen:
        command += WORK[k][1:3]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [(float(line.split()[1]), int(line.split()[2])) for line in out.splitlines()]


def main():
    if len(sys.argv) == 6 and sys.argv[1] == "--pandas":
        pandas_side(sys.argv[2], sys.argv[3:])
        return
    p = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].split("usage: ")[1])
    p.add_argument("build")
    p.add_argument("--rows", type=int, default=10000000)
    p.add_argument("--times", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--folder", default="/tmp")
    p.add_argument("--only", default=",".join(str(k) for k in range(len(WORK))))
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    chosen = [int(k) for k in a.only.split(",")]
    paths = make(a.folder, a.rows)
    bench = os.path.join(a.build, "bench", "table_bench")
    runs = ([], [])
    for _ in range(a.times):
        runs[0].append(run_pandas(paths, chosen))
        runs[1].append(run_leat(bench, paths, a.threads, chosen))
    for at, k in enumerate(chosen):
        assert len({r[at][1] for side in runs for r in side}) == 1, WORK[k][0]
        pandas, leat = ([r[at][0] for r in side] for side in runs)
        if a.json:
            print(json.dumps({"name": WORK[k][0], "pandas": pandas, "leat": leat}), flush=True)
            continue
        print("%-36s pandas %.3f s (median %.3f)   Leat %.3f s (median %.3f)   ratio of the best "
              "%.2f" % (WORK[k][0], min(pandas), statistics.median(pandas), min(leat),
                        statistics.median(leat), min(pandas) / min(leat)))


main()
