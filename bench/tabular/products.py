"""Matrix products: the table of gemm_bench, which runs Leat, OpenBLAS and oneDNN in one process."""
import os
import re

import measure

LINE = re.compile(r"(\w\w) +(\d+) x +(\d+) x +(\d+)")
PAIR = re.compile(r"([\d.]+|-) / +([\d.]+|-)")


def page(options):
    measure.say("matrix products")
    text, _, _ = measure.run([os.path.join(options.build, "bench", "gemm_bench"), "--rounds",
                              "3" if options.quick else "60"])
    parts, rows, title = [], [], ""

    def close():
        if rows:
            parts.extend(["", title, "", measure.table(
                ["form, m x n x k", "Leat", "OpenBLAS", "oneDNN", "ratio of the best (medians)"],
                rows)])

    for line in text.splitlines():
        shape = LINE.match(line)
        if not shape:
            close()
            rows, title = [], line.rstrip()
            continue
        figures = PAIR.findall(line)
        row = ["%s %s x %s x %s" % shape.groups()] + ["%s / %s" % f for f in figures[:3]]
        row += ["-"] * (4 - len(row))
        row.append("%s (%s)" % figures[3] if len(figures) > 3 else "-")
        rows.append(row)
    close()
    return "\n".join(["## Matrix products", "",
                      "GFLOP/s, best / median repetition; the ratio is Leat to the better peer. NT "
                      "and TN have the second or first operand transposed, SY is A^T A with one "
                      "triangle counted."] + parts + [""])
