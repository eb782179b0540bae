"""Starting, asking and ending servers, each pinned to one core; the clients have the other."""
import functools
import http.client
import os
import signal
import socket
import subprocess
import time

import measure

PRIORITY = "50"
FIRST = ["chrt", "-f"]  # SCHED_FIFO: whoever runs is not put off for a process of the usual kind


@functools.lru_cache(maxsize=None)
def cores():
    """The core of the server and that of the client, as usable at the start."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise SystemExit("bench/run: serving takes two cores, one for the server, one for the client")
    return usable[0], usable[1]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A running server. Ends with its `with`."""

    def __init__(self, name, command, port, ready="/v2/health/ready", patience=60, folder=None,
                 threads=1):
        self.name, self.port = name, port
        self.command = ["taskset", "-c", str(cores()[0])] + command
        self.ready, self.patience, self.folder, self.threads = ready, patience, folder, threads

    def __enter__(self):
        self.log = open(os.path.join(self.folder or "/tmp", "%s.log" % self.name), "w+")
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log,
                                        env=measure.clean_environment(self.threads),
                                        start_new_session=True)
        end = time.monotonic() + self.patience
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                self.log.seek(0)
                text = self.log.read()[-2000:]
                self.__exit__()
                raise RuntimeError("%s did not start: %s" % (self.name, text))
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        for sign, seconds in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.process.pid, sign)
                self.process.wait(seconds)
                break
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self.log.close()

    def before_others(self):
        """Lets all threads run before any other process of the machine; whether that is allowed."""
        return subprocess.run(FIRST + ["-a", "-p", PRIORITY, str(self.process.pid)],
                              stderr=subprocess.DEVNULL).returncode == 0

    def as_others(self):
        """Takes `before_others` back."""
        subprocess.run(["chrt", "-o", "-a", "-p", "0", str(self.process.pid)], check=True)

    def answers(self):
        if self.ready is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                return False
        try:
            return self.get(self.ready)[0] == 200
        except OSError:
            return False

    def get(self, path):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            c.request("GET", path)
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def post(self, request, path=None):
        """Status, headers in lower case, body."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            c.request("POST", path or request.path, body=request.body, headers=request.headers)
            r = c.getresponse()
            return r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()
        finally:
            c.close()

    def raw_answer(self, request):
        """All bytes of an answer, as they come."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.sendall(request.raw(self.port))
            data = b""
            while True:
                data += s.recv(1 << 16)
                head, blank, body = data.partition(b"\r\n\r\n")
                if not blank:
                    continue
                lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n")
                           if line.lower().startswith(b"content-length:")]
                if lengths and len(body) >= lengths[0]:
                    return data

    def memory(self):
        """Resident MB."""
        return int(measure_line(self.process.pid, "status", "VmRSS:").split()[0]) / 1e3

    def cpu(self):
        """Seconds of user and system time so far."""
        with open("/proc/%d/stat" % self.process.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_line(pid, name, start):
    with open("/proc/%d/%s" % (pid, name)) as f:
        for line in f:
            if line.startswith(start):
                return line[len(start):].strip()
    raise RuntimeError("no %s in /proc/%d/%s" % (start, pid, name))


def leat(options, models, name="leat"):
    port = free_port()
    return Server(name, [options.leat, "serve"] + models +
                  ["--listen", "127.0.0.1:%d" % port, "--workers", "1", "--state", "no"],
                  port, folder=options.folder)


def floor(options, reply, name="floor"):
    """A bare epoll loop that answers the bytes of `reply`."""
    path, port = os.path.join(options.folder, name + ".reply"), free_port()
    with open(path, "wb") as f:
        f.write(reply)
    return Server(name, [os.path.join(options.build, "bench", "http_bench"), "floor", str(port),
                         path], port, ready=None, folder=options.folder)


def bare_leat(options):
    """Leat's HTTP server with a handler that does nothing."""
    port = free_port()
    return Server("http", [os.path.join(options.build, "bench", "http_bench"), "leat", str(port),
                           "1"], port, ready="/", folder=options.folder)
