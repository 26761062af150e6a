#!/usr/bin/env python3
"""What users notice of the door's affairs: upgrades of the binary, reloads, mirrors that misbehave.

`upgrade`: a hundred thousand requests, on kept connections and on fresh ones, while the binary is upgraded every two seconds.
`reload`: 200 changes of the config under the same load, about a third of them invalid, and all ways of the listener's users counted.
`mirror`: p50 and p99 at a fixed rate, with the mirror off and with one that is healthy, dead, hanging, slow, resetting or
flooding. Machines are shared and noisy, so two doors, one without a mirror and one with it, stand side by side and are asked
in turns of half a second (off, on, on, off, …): what else the machine does meets both alike. The turns' latencies are pooled, and
intervals (95 %) come from drawing whole blocks of four turns anew. Asked is p99 with the mirror <= 1.02 x without + 100 us: `shown`
and `refuted` are said where the interval leaves no doubt. Misbehaving mirrors run at the lowest priority, as if they were elsewhere.
What the mirror costs the door itself stands beside it: microseconds of processor time that it took more per request.

Usage: tests/bench/operations.py upgrade|reload|mirror [--binary target/release/matapalo] [--requests N] [--rate N] [--blocks N]
Needs nginx and wrk (Debian: nginx-light, wrk). Loopback only; ends everything that it started.
"""

import argparse
import multiprocessing
import os
import pathlib
import random
import re
import shutil
import signal
import socket
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
  - {{name: site, match: {{path: {{prefix: /}}}}, stage: shadow, mirror: {{percent: 100, timeout: 2s}}}}
"""


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Door:
    """A door with a successor now and then."""

    def __init__(self, folder, binary, legacy, new, mirrored=True):
        self.folder = folder
        self.port, self.admin = free_port(), free_port()
        self.config, self.log = folder / "operations.yaml", folder / "operations.log"
        self.binary = folder / "matapalo"
        shutil.copy(binary, self.binary)
        self.text = CONFIG.format(door=self.port, admin=self.admin, legacy=legacy, new=new, folder=folder)
        if not mirrored:
            self.text = self.text.replace("stage: shadow, mirror: {percent: 100, timeout: 2s}", "stage: legacy")
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
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
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


def mirror(serve):
    """The port of a mirror in a process of its own, which shares nothing with who measures."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    process = multiprocessing.Process(target=answer_as, args=(listener, serve), daemon=True)
    process.start()
    return listener.getsockname()[1], process


def answer_as(listener, serve):
    os.nice(19)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=guarded, args=(connection, serve), daemon=True).start()


def guarded(connection, serve):
    try:
        connection.recv(65536)
        serve(connection)
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


class User:
    """Asks at fixed moments on one kept connection, or as soon as the last answer is there: when the machine stands still, one
    answer is late, and not all that would have been asked for meanwhile."""

    def __init__(self, port):
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = f"GET /1k HTTP/1.1\r\nHost: site.test:{port}\r\nUser-Agent: bench\r\n\r\n".encode()

    def ask(self):
        self.connection.sendall(self.request)
        answer = self.connection.recv(65536)
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self.connection.recv(65536)
        length = int(re.search(rb"(?i)content-length: (\d+)", answer[:end])[1])
        while len(answer) < end + 4 + length:
            answer += self.connection.recv(65536)
        return answer.startswith(b"HTTP/1.1 200")

    def turn(self, rate, seconds):
        """Milliseconds that each answer took, and how many were none."""
        times, failed, due = [], 0, time.perf_counter()
        for _ in range(int(rate * seconds)):
            due += 1 / rate
            pause = due - time.perf_counter()
            if pause > 0:
                time.sleep(pause)
            # That sleeping took longer is nobody's fault but the system's.
            due = time.perf_counter()
            failed += not self.ask()
            times.append((time.perf_counter() - due) * 1000)
        return times, failed


def at(times, share):
    ordered = sorted(times)
    return ordered[int(len(ordered) * share)]


def told(blocks):
    """p50 and p99 of both, and how far p99 is beyond what is allowed, in blocks of (off, on)."""
    off, on = ([each for block in blocks for each in block[side]] for side in (0, 1))
    p50, p99 = (at(off, 0.5), at(on, 0.5)), (at(off, 0.99), at(on, 0.99))
    return *p50, *p99, p50[1] - p50[0], p99[1] / p99[0], p99[1] - (1.02 * p99[0] + 0.1)


def interval(drawn):
    ordered = sorted(drawn)
    return ordered[len(ordered) * 25 // 1000], ordered[len(ordered) * 975 // 1000]


def compare(without, with_it, options):
    """Blocks of (off, on) latencies, and failures."""
    blocks, failed = [], 0
    users = User(without), User(with_it)
    for user in users:
        user.turn(options.rate, 1)
    for _ in range(options.blocks):
        block = [], []
        for side in (0, 1, 1, 0):
            # What the last turn left behind at the door is not this one's.
            time.sleep(0.05)
            times, bad = users[side].turn(options.rate, 0.5)
            block[side].extend(times)
            failed += bad
        blocks.append(block)
    return blocks, failed


def spent(pid):
    """Microseconds of processor time, of all threads until now."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1000


def mirrors(folder, binary, legacy, healthy, options):
    unused = free_port()
    running = {name: mirror(serve) for name, serve in
               [("hanging", hang), ("1 byte/s", drip), ("reset", reset), ("flooding", flood)]}  # fmt: skip
    kinds = {"healthy": healthy, "dead": unused} | {name: port for name, (port, _) in running.items()}
    print(f"{2 * options.blocks} turns each of 0.5 s at {options.rate}/s; ms")
    print(f"{'mirror':9} {'p50 off':>8} {'on':>6} {'p99 off':>8} {'on':>6} {'p50 on-off':>17} {'p99 ratio':>14} "
          f"{'p99 beyond':>17} {'failed':>7} {'copies':>7} {'us more':>8}")  # fmt: skip
    failed = 0
    choose = random.Random(1)
    for name, port in kinds.items():
        if options.kinds and name not in options.kinds:
            continue
        (folder / "off").mkdir(exist_ok=True)
        (folder / "on").mkdir(exist_ok=True)
        off = Door(folder / "off", binary, legacy, port, mirrored=False)
        on = Door(folder / "on", binary, legacy, port)
        try:
            before = spent(on.pid) - spent(off.pid)
            blocks, bad = compare(off.port, on.port, options)
            more = (spent(on.pid) - spent(off.pid) - before) / sum(len(block[1]) for block in blocks)
            copies = on.metric("comparisons_total") + on.metric("mirror_dropped_total")
        finally:
            off.stop()
            on.stop()
        failed += bad
        drawn = [told(choose.choices(blocks, k=len(blocks))) for _ in range(500)]
        slower, ratio, beyond = (interval([each[place] for each in drawn]) for place in (4, 5, 6))
        p50_off, p50_on, p99_off, p99_on, *_ = told(blocks)
        verdict = "shown" if beyond[1] <= 0 else "refuted" if beyond[0] > 0 else "open"
        print(f"{name:9} {p50_off:8.3f} {p50_on:6.3f} {p99_off:8.3f} {p99_on:6.3f} {slower[0]:+8.3f} {slower[1]:+8.3f} "
              f"{ratio[0]:6.2f} - {ratio[1]:.2f} {beyond[0]:+8.3f} {beyond[1]:+8.3f} {bad:7} {copies:7.0f} {more:+8.0f}  {verdict}", flush=True)  # fmt: skip
    for _, process in running.values():
        process.terminate()
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["upgrade", "reload", "mirror"])
    parser.add_argument("--binary", default="target/release/matapalo", type=pathlib.Path)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=300, help="requests a second")
    parser.add_argument("--blocks", type=int, default=15, help="of four turns: off, on, on, off")
    parser.add_argument("--kinds", action="append", help="of mirrors; may be given again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="matapalo-bench-") as name:
        folder = pathlib.Path(name)
        bench = Bench(folder, options.binary)
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
