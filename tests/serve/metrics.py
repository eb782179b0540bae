#!/usr/bin/env python3
"""What a running server says at /metrics against what deploy/prometheus asks for.

usage: metrics.py URL FOLDER      URL: of /metrics; FOLDER: deploy/prometheus
Every metric that a rule or the dashboard names must be one that the server describes. With
prometheus_client (PyPI, tested with 0.26) its two parsers read both formats as well. Exit code 77
where that is not installed and all else holds."""
import json
import pathlib
import re
import sys
import urllib.request

NAME = re.compile(r"\b(?:leat|process)_[a-z0-9_]+")
TYPES = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]}


def fetch(url, accept):
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()


def described(text):
    names = set()
    for family, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M):
        names |= {family.removesuffix("_total") + end if kind == "counter" else family + end for end in TYPES[kind]}
    return names


def expressions(folder):
    for line in (folder / "leat.rules.yml").read_text().splitlines():
        yield "leat.rules.yml", line.split("summary:")[0]
    board = json.loads((folder / "leat.dashboard.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield f"panel '{panel['title']}'", target["expr"]
    for variable in board["templating"]["list"]:
        yield f"variable {variable['name']}", variable["query"]
    for note in board["annotations"]["list"]:
        yield f"annotation '{note['name']}'", note["expr"]


def main():
    url, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    text = fetch(url, "text/plain")
    names = described(text)
    wrong, used = [], set()
    for where, expression in expressions(folder):
        for name in NAME.findall(expression):
            used.add(name)
            if name not in names:
                wrong.append(f"{where}: the server has no metric {name}")
    assert len(used) > 20, used
    assert not wrong, "\n".join(wrong)
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
        from prometheus_client.parser import text_string_to_metric_families as read_text
    except ImportError as error:
        print(f"skipped: {error}")
        sys.exit(77)
    families = list(read_text(text))
    opened = list(read_open(fetch(url, "application/openmetrics-text; version=1.0.0")))
    assert len(families) == len(opened) > 30, (len(families), len(opened))
    print(f"{len(used)} metrics in use, {len(families)} families in both formats")


main()
