"""CSV files: pandas.read_csv (C engine) and Leat in turn, by bench/csv_vs_pandas.py."""
import json
import os
import tempfile

import measure


def page(options):
    measure.say("CSV")
    script = os.path.join(os.path.dirname(__file__), "..", "csv_vs_pandas.py")
    megabytes, times = (100, 2) if options.quick else (500, 5)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        text, _, _ = measure.run([options.peer, script, "--megabytes", str(megabytes), "--times",
                                  str(times), "--threads", str(measure.THREADS), "--folder",
                                  options.scratch or folder, "--kinds", "numeric,mixed", "--json",
                                  options.build])
    rows = []
    for line in text.splitlines():
        r = json.loads(line)
        wall = [[x["time"] for x in r[side]] for side in ("pandas", "leat")]
        cpu = [[x["cpu"] for x in r[side]] for side in ("pandas", "leat")]
        result = measure.Comparison(wall[0], wall[1], cpu[0], cpu[1])
        peak = max(x["peak"] for x in r["leat"]) / r["leat"][0]["columns"]
        rows.append([r["kind"]] + result.cells()
                    + ["%.0f MB/s" % (r["bytes"] / 1e6 / result.leat), "%.2f" % peak])
        measure.say("  %s: ratio %.2f (%.2f-%.2f), CPU %.2f, peak %.2f of the columns"
                    % (r["kind"], result.ratio, result.low, result.high, result.cpu, peak))
    return "\n".join([
        "## Reading CSV", "",
        "Files of %d MB in the page cache: numeric has 20 columns of numbers with all their digits; "
        "mixed has whole numbers, short numbers, dates, categories, a distinct text in every row, "
        "bools and gaps. The peer is `pandas.read_csv` with its C engine, which leaves dates as "
        "text; Leat also infers the types and parses dates. Each run is a process of its own; only "
        "the read is timed for the wall seconds, while Leat's CPU seconds are of the whole process."
        % megabytes, "",
        measure.table(["file"] + measure.CELLS
                      + ["Leat's rate", "Leat's peak memory / columns"], rows), ""])
