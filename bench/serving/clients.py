"""The clients: wrk, which asks again after each answer, and load_bench, which keeps a rate."""
import json
import os
import re
import subprocess

import servers

RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
COUNT = re.compile(r"(\d+) requests in")
FAULTS = re.compile(r"(Non-2xx or 3xx responses: \d+|Socket errors: .*)")
UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


class Fault(RuntimeError):
    pass


def pinned(command, first=()):
    text = subprocess.run(list(first) + ["taskset", "-c", str(servers.cores()[1])] + command,
                          capture_output=True, text=True)
    if text.returncode:
        raise Fault("%s: %s" % (command[0], (text.stderr or text.stdout).strip()[-500:]))
    return text.stdout


def wrk(options, server, request, connections=16, seconds=3):
    """Requests per second, the count of requests, CPU us of the server per request."""
    script = request.write_lua(os.path.join(options.folder, "request.lua"))
    before = server.cpu()
    text = pinned(["wrk", "-t1", "-c%d" % connections, "-d%d" % seconds, "--timeout", "300s", "-s",
                   script, "http://127.0.0.1:%d%s" % (server.port, request.path)])
    used = server.cpu() - before
    wrong = FAULTS.search(text)
    if wrong:
        raise Fault("%s: %s" % (server.name, wrong.group(0)))
    count = int(COUNT.search(text).group(1))
    return float(RATE.search(text).group(1)), count, 1e6 * used / max(count, 1)


def load(options, server, request, rate, seconds=3, connections=16, before_others=False):
    """Latencies in us at a constant rate."""
    path = os.path.join(options.folder, "request.raw")
    with open(path, "wb") as f:
        f.write(request.raw(server.port))
    result = json.loads(pinned([os.path.join(options.build, "bench", "load_bench"),
                                str(server.port), path, "%.0f" % rate, str(seconds),
                                str(connections)],
                               servers.FIRST + [servers.PRIORITY] if before_others else ()))
    if result["failed"]:
        raise Fault("%s: %d answers were not 200" % (server.name, result["failed"]))
    return result


class Idle:
    """Connections that are open and say nothing."""

    def __init__(self, options, server, count):
        self.command = [os.path.join(options.build, "bench", "http_bench"), "idle",
                        str(server.port), str(count)]

    def __enter__(self):
        self.process = subprocess.Popen(["taskset", "-c", str(servers.cores()[1])] + self.command,
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()  # "10000 connections"
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
