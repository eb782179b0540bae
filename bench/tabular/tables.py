"""CSV files and operations on tables: pandas and Leat in turn, by bench/csv_vs_pandas.py and
bench/table_vs_pandas.py."""
import json
import os
import statistics
import tempfile

import measure


def csv(options):
    measure.say("CSV")
    script = os.path.join(os.path.dirname(__file__), "..", "csv_vs_pandas.py")
    megabytes, times = (100, 2) if options.quick else (500, 5)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        text, _, _ = measure.run([options.peer, script, "--megabytes", str(megabytes), "--times",
                                  str(times), "--threads", str(measure.THREADS), "--folder",
                                  options.scratch or folder, "--kinds", "numeric,mixed", "--pythons",
                                  ",".join([options.peer] + options.more), "--json", options.build])
    rows = []
    for line in text.splitlines():
        r = json.loads(line)
        wall = [[x["time"] for x in r[side]] for side in ("pandas", "leat")]
        cpu = [[x["cpu"] for x in r[side]] for side in ("pandas", "leat")]
        result = measure.Comparison(wall[0], wall[1], cpu[0], cpu[1])
        peak = max(x["peak"] for x in r["leat"]) / r["leat"][0]["columns"]
        version = r["pandas"][0]["version"]
        rows.append([r["kind"], version] + result.cells()
                    + ["%.0f MB/s" % (r["bytes"] / 1e6 / result.leat), "%.2f" % peak])
        measure.say("  %s, pandas %s: ratio %.2f (%.2f-%.2f), CPU %.2f, peak %.2f of the columns"
                    % (r["kind"], version, result.ratio, result.low, result.high, result.cpu, peak))
    return "\n".join([
        "## Reading CSV", "",
        "Files of %d MB in the page cache: numeric has 20 columns of numbers with all their digits; "
        "mixed has whole numbers, short numbers, dates, categories, a distinct text in every row, "
        "bools and gaps. The peer is `pandas.read_csv` with its C engine, which leaves dates as "
        "text; Leat also infers the types and parses dates. Each run is a process of its own; only "
        "the read is timed for the wall seconds, while Leat's CPU seconds are of the whole process."
        % megabytes, "",
        measure.table(["file", "pandas"] + measure.CELLS
                      + ["Leat's rate", "Leat's peak memory / columns"], rows), ""])


def operations(options):
    measure.say("operations on tables")
    script = os.path.join(os.path.dirname(__file__), "..", "table_vs_pandas.py")
    rows, times = (1000000, 2) if options.quick else (10000000, 5)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        text, _, _ = measure.run([options.peer, script, "--rows", str(rows), "--times", str(times),
                                  "--threads", str(measure.THREADS), "--folder",
                                  options.scratch or folder, "--json", options.build])
    lines = []
    for line in text.splitlines():
        r = json.loads(line)
        pairs = [p / l for p, l in zip(r["pandas"], r["leat"])]
        peer, leat = statistics.median(r["pandas"]), statistics.median(r["leat"])
        lines.append([r["name"], "%s / %s" % (measure.seconds(peer), measure.seconds(leat)),
                      "**%.1f** (%.1f-%.1f)" % (peer / leat, min(pairs), max(pairs)),
                      "%.1f" % (min(r["pandas"]) / min(r["leat"]))])
        measure.say("  %s: ratio %s" % (r["name"], lines[-1][2].replace("*", "")))
    return "\n".join([
        "## Operations on tables", "",
        "%s rows, 7 columns, %d runs of each side in turn, each a process of its own; only the "
        "operation is timed, after loading." % (format(rows, ","), times), "",
        measure.table(["operation"] + measure.CELLS[:3], lines), ""])
