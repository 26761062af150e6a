#!/usr/bin/env python3
"""What users notice of the door's affairs: upgrades of the binary, reloads, mirrors that misbehave.

`upgrade`: a hundred thousand requests, on kept connections and on fresh ones, while the binary is upgraded every two seconds.
`reload`: 200 changes of the config under the same load, about a third of them invalid, and all ways of the listener's users counted.
`mirror`: p50 and p99 at a fixed rate, with the mirror off and with one that is healthy, dead, hanging, slow, resetting or
flooding; each kind stands between two rounds without a mirror and is held against their median: machines are shared and noisy.

Usage: tests/bench/operations.py upgrade|reload|mirror [--binary target/release/matapalo] [--requests N] [--rate N] [--rounds N]
Needs nginx, wrk and h2load (Debian: nginx-light, wrk, nghttp2-client). Loopback only; ends everything that it started.
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

from door import Bench, free_port

CONFIG = """version: 1
listeners: [{{address: "127.0.0.1:{door}"}}]
admin: {{address: "127.0.0.1:{admin}"}}
threads: 2
backends:
  legacy: {{endpoints: ["http://127.0.0.1:{legacy}"]}}
  new: {{endpoints: ["http://127.0.0.1:{new}"], outliers: {{failures: 0}}}}
store: {{path: {folder}/operations.db}}
defaults: {{noise: {{settle: false, percent: 0}}}}
routes:
  - {{name: plain, match: {{path: {{prefix: /plain}}}}, stage: legacy}}
  - {{name: site, match: {{path: {{prefix: /}}}}, stage: shadow, mirror: {{percent: 100, timeout: 2s}}}}
"""


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Door:
    """A door with a successor now and then."""

    def __init__(self, folder, binary, legacy, new):
        self.folder = folder
        self.port, self.admin = free_port(), free_port()
        self.config, self.log = folder / "operations.yaml", folder / "operations.log"
        self.binary = folder / "matapalo"
        shutil.copy(binary, self.binary)
        self.text = CONFIG.format(door=self.port, admin=self.admin, legacy=legacy, new=new, folder=folder)
        self.config.write_text(self.text)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([self.binary, "run", "-c", self.config], stdout=log, stderr=log)
        self.pid = self.process.pid
        self.await_log("the door is open", 1)

    def await_log(self, text, count):
        for _ in range(600):
            if self.log.read_text(errors="replace").count(text) >= count:
                return
            time.sleep(0.05)
        sys.exit(f"the door never said {text!r} {count} times:\n{self.log.read_text()}")

    def upgrade(self):
        """The pid of the new binary's process, once the old one has gone."""
        before = re.findall(r"successor=(\d+)", self.log.read_text())
        old = self.pid
        os.kill(old, signal.SIGUSR2)
        for _ in range(600):
            found = re.findall(r"successor=(\d+)", self.log.read_text())
            if len(found) > len(before) and not alive(old):
                self.pid = int(found[-1])
                return
            time.sleep(0.05)
        sys.exit(f"no successor came:\n{self.log.read_text()}")

    def metric(self, name):
        with socket.create_connection(("127.0.0.1", self.admin), timeout=10) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")
            text = b""
            while piece := connection.recv(65536):
                text += piece
        return sum(float(line.rsplit(b" ", 1)[1]) for line in text.splitlines() if re.match(rb"matapalo_%s[ {]" % name.encode(), line))

    def stop(self):
        if alive(self.pid):
            os.kill(self.pid, signal.SIGTERM)
        for _ in range(600):
            if not alive(self.pid):
                break
            time.sleep(0.05)
        self.process.wait(30)


class Fresh(threading.Thread):
    """Asks on a connection for each request: these meet the moment at which a listener changes hands."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.over, self.answers, self.failures = port, threading.Event(), 0, []

    def run(self):
        while not self.over.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                    connection.sendall(b"GET /1k HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n")
                    answer = b""
                    while piece := connection.recv(65536):
                        answer += piece
                if not answer.startswith(b"HTTP/1.1 200") or len(answer.split(b"\r\n\r\n", 1)[1]) < 1000:
                    self.failures.append(answer[:100])
            except OSError as error:
                self.failures.append(error)
            self.answers += 1


def under_load(door, requests, affair):
    """Runs `affair(turn)` again and again until so many requests were answered; those that failed."""
    fresh = [Fresh(door.port) for _ in range(2)]
    for user in fresh:
        user.start()
    answered, failed, turn, reports = 0, 0, 0, []
    over = threading.Event()

    def kept():
        nonlocal answered, failed
        while not over.is_set():
            command = ["wrk", "-t1", "-c16", "-d2s", "--timeout", "10s", f"http://127.0.0.1:{door.port}/1k"]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            answered += int(re.search(r"(\d+) requests in", out)[1])
            errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
            other = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
            bad = sum(map(int, errors.groups())) if errors else 0
            bad += int(other[1]) if other else 0
            failed += bad
            reports.extend([out] if bad else [])

    loads = threading.Thread(target=kept)
    loads.start()
    while affair(turn) or answered + sum(user.answers for user in fresh) < requests:
        turn += 1
    over.set()
    loads.join()
    for user in fresh:
        user.over.set()
        user.join()
    failures = [failure for user in fresh for failure in user.failures]
    afresh = sum(user.answers for user in fresh)
    for what in (failures + reports)[:5]:
        print("  failed:", what)
    print(f"{answered} requests on kept connections, {failed} failed; {afresh} on fresh ones, {len(failures)} failed")
    return failed + len(failures)


def upgrades(door, requests):
    count = 0

    def upgrade(_):
        nonlocal count
        time.sleep(2)
        door.upgrade()
        count += 1
        return False

    failed = under_load(door, requests, upgrade)
    print(f"{count} upgrades; {failed} failed requests; panics {door.log.read_text(errors='replace').count('panicked')}")
    return failed


def reloads(door, requests):
    changes = 200

    def change(turn):
        if turn < changes:
            good = door.text.replace("percent: 100", f"percent: {turn % 100}")
            bad = [good.replace("stage:", "stgae:"), good[: len(good) // 2], good + "routes: []\n", "\0", ""][turn % 5]
            beside = door.config.with_suffix(".new")
            beside.write_text(bad if turn % 3 == 0 else good)
            beside.rename(door.config)
            os.kill(door.pid, signal.SIGHUP)
        time.sleep(0.1)
        return turn < changes

    failed = under_load(door, requests, change)
    print(f"{changes} changes, {(changes + 2) // 3} of them invalid; {failed} failed requests")
    return failed


# --- Mirrors


class Mirror:
    def __init__(self, serve):
        self.serve = serve
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.guarded, args=(connection,), daemon=True).start()

    def guarded(self, connection):
        try:
            connection.recv(65536)
            self.serve(connection)
        except OSError:
            pass
        finally:
            connection.close()


def hang(_):
    time.sleep(5)


def drip(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(5):
        connection.sendall(b"x")
        time.sleep(1)


def reset(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def flood(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    piece = b"x" * 65536
    for _ in range(10_000):
        connection.sendall(piece)


def percentiles(door, path, rate, seconds, folder):
    """Milliseconds at p50 and p99, and answers that were none."""
    log = folder / "latencies"
    log.unlink(missing_ok=True)
    command = ["h2load", "--h1", "-c", "20", "-t", "1", "--rps", str(rate / 20), "-D", str(seconds), f"--log-file={log}",
               f"http://127.0.0.1:{door.port}{path}"]  # fmt: skip
    subprocess.run(command, capture_output=True, check=True)
    rows = [line.split() for line in log.read_text().splitlines()]
    times = sorted(int(row[2]) / 1000 for row in rows)
    return times[len(times) // 2], times[len(times) * 99 // 100], sum(row[1] != "200" for row in rows)


def mirrors(folder, binary, legacy, healthy, options):
    unused = free_port()
    kinds = {"healthy": healthy, "dead": unused}
    kinds |= {name: Mirror(serve).port for name, serve in
              [("hanging", hang), ("1 byte/s", drip), ("reset", reset), ("flooding", flood)]}  # fmt: skip
    print(f"{'mirror':10} {'p50 ms':>8} {'p99 ms':>8} {'off p50':>8} {'off p99':>8} {'p50 ratio':>10} {'p99 ratio':>10} {'failed':>7}")
    failed = 0
    for name, port in kinds.items():
        door = Door(folder, binary, legacy, port)
        try:
            percentiles(door, "/1k", options.rate, 1, folder)
            off, on = [], []
            for _ in range(options.rounds):
                off.append(percentiles(door, "/plain/1k", options.rate, options.seconds, folder))
                on.append(percentiles(door, "/1k", options.rate, options.seconds, folder))
            off.append(percentiles(door, "/plain/1k", options.rate, options.seconds, folder))
        finally:
            door.stop()
        without = [statistics.median(each[at] for each in off) for at in (0, 1)]
        with_it = [statistics.median(each[at] for each in on) for at in (0, 1)]
        bad = sum(each[2] for each in off + on)
        failed += bad
        print(f"{name:10} {with_it[0]:8.2f} {with_it[1]:8.2f} {without[0]:8.2f} {without[1]:8.2f} "
              f"{with_it[0] / without[0]:10.2f} {with_it[1] / without[1]:10.2f} {bad:7}")  # fmt: skip
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["upgrade", "reload", "mirror"])
    parser.add_argument("--binary", default="target/release/matapalo", type=pathlib.Path)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=200, help="requests a second")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="matapalo-bench-") as name:
        folder = pathlib.Path(name)
        bench = Bench(folder, options.binary)
        (folder / "www/plain").mkdir()
        shutil.copy(folder / "www/1k", folder / "www/plain/1k")
        try:
            if options.what == "mirror":
                return mirrors(folder, options.binary, bench.origin, bench.other, options)
            door = Door(folder, options.binary, bench.origin, bench.other)
            try:
                return (upgrades if options.what == "upgrade" else reloads)(door, options.requests)
            finally:
                door.stop()
        finally:
            bench.stop()


if __name__ == "__main__":
    sys.exit(bool(main()))
