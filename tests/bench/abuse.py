#!/usr/bin/env python3
"""Ten minutes of mixed abuse: what the door loses by it, and what its good users notice.

Hostile clients of every kind come at once and without end, both backends misbehave at random, the config is rewritten every few
seconds; meanwhile well-behaved users ask on kept connections, and each of their answers is checked to the byte. Before and
after, with nobody connected: resident memory, file descriptors, threads. A good run loses nothing and fails nobody.

Usage: tests/bench/abuse.py [--binary target/release/matapalo] [--seconds 600] [--users 4] [--abusers 3]
Loopback only; ends everything that it started. Not part of the tests: it takes as long as it is told to.
"""

import argparse
import collections
import os
import pathlib
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

GOOD = b"a good answer, always the same\n"
LARGE = b"x" * (2 << 20)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def reset(connection):
    """Ends a connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


# --- Backends

OK = b"HTTP/1.1 200 OK\r\n"


def by_length(body):
    return OK + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def cut(connection, rng):
    connection.sendall(OK + b"Content-Length: 100000\r\n\r\nhalf")
    reset(connection) if rng.random() < 0.5 else connection.close()


def cut_chunks(connection, rng):
    connection.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n" + (b"ff\r\nx" if rng.random() < 0.5 else b""))
    connection.close()


def garbage(connection, rng):
    connection.sendall(rng.randbytes(rng.randrange(1, 5000)))
    connection.close()


def endless_head(connection, _):
    connection.sendall(OK)
    for _ in range(3000):
        connection.sendall(b"X-More: and more, and more, and more\r\n" * 20)


def interim(connection, _):
    connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 200 + by_length(b"late"))


def nonsense_framing(connection, rng):
    lines = [b"Content-Length: -1", b"Content-Length: 2\r\nContent-Length: 3", b"Transfer-Encoding: xchunked", b"Content-Length: 2"]
    connection.sendall(OK + rng.choice(lines) + b"\r\n\r\nokEXTRA")
    connection.close()


def hang(connection, rng):
    if rng.random() < 0.5:
        connection.sendall(OK + b"Content-Length: 10\r\n\r\n")
    time.sleep(3)


BAD = [cut, cut_chunks, garbage, endless_head, interim, nonsense_framing, hang, lambda connection, _: reset(connection)]


class Backend:
    """Good at /well, large at /large, echoes at /echo, bad at /bad."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        rng = random.Random()
        connection.settimeout(30)
        ahead = b""
        try:
            while True:
                while b"\r\n\r\n" not in ahead:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    ahead += piece
                head, ahead = ahead.split(b"\r\n\r\n", 1)
                target = head.split(b" ", 2)[1]
                length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                body = b""
                if length:
                    while len(ahead) < int(length[1]):
                        piece = connection.recv(65536)
                        if not piece:
                            return
                        ahead += piece
                    body, ahead = ahead[: int(length[1])], ahead[int(length[1]) :]
                elif b"chunked" in head.lower():
                    while b"0\r\n\r\n" not in ahead:
                        piece = connection.recv(65536)
                        if not piece:
                            return
                        ahead += piece
                    ahead = ahead.split(b"0\r\n\r\n", 1)[1]
                if target.startswith(b"/bad"):
                    rng.choice(BAD)(connection, rng)
                    if connection.fileno() < 0:
                        return
                elif target.startswith(b"/large"):
                    connection.sendall(by_length(LARGE))
                elif target.startswith(b"/echo"):
                    connection.sendall(by_length(body))
                else:
                    connection.sendall(by_length(GOOD))
        except OSError:
            pass
        finally:
            connection.close()


# --- Hostile clients: each takes an open connection and a source of chance

HOST = b"Host: site.test\r\n"


def request(target, method=b"GET", lines=b""):
    return method + b" " + target + b" HTTP/1.1\r\n" + HOST + lines + b"\r\n"


def read_some(connection, seconds=0.5):
    connection.settimeout(seconds)
    connection.recv(65536)


def aborts_upload(connection, rng):
    connection.sendall(request(b"/echo", b"POST", b"Content-Length: 10000000\r\n"))
    connection.sendall(rng.randbytes(rng.randrange(1, 300_000)))
    reset(connection) if rng.random() < 0.5 else connection.close()


def aborts_chunks(connection, rng):
    connection.sendall(request(b"/echo", b"POST", b"Transfer-Encoding: chunked\r\n") + b"ffff\r\n" + b"x" * rng.randrange(1, 70_000))


def slow_head(connection, rng):
    connection.sendall(b"GET / HTTP/1.1\r\n")
    for _ in range(rng.randrange(1, 30)):
        connection.sendall(b"X-Slow: loris\r\n")
        time.sleep(0.1)


def slow_body(connection, rng):
    connection.sendall(request(b"/echo", b"POST", b"Content-Length: 1000\r\n"))
    for _ in range(rng.randrange(1, 30)):
        connection.sendall(b"x")
        time.sleep(0.1)


def slow_reader(connection, rng):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(request(b"/large"))
    connection.settimeout(2)
    for _ in range(rng.randrange(1, 30)):
        connection.recv(1)
        time.sleep(0.1)


def floods_pipeline(connection, rng):
    connection.settimeout(1)
    for _ in range(rng.randrange(1, 300)):
        connection.sendall(request(rng.choice([b"/well", b"/large", b"/bad"])) * 10)


def random_bytes(connection, rng):
    connection.sendall(rng.randbytes(rng.randrange(1, 20_000)))
    read_some(connection)


def ambiguous(connection, rng):
    pick = rng.choice
    lines = pick([b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"Transfer-Encoding: xchunked\r\n", b"Content-Length: 5, 6\r\n",
                  b"X: y\nTransfer-Encoding: chunked\r\n", b" folded\r\n", b"X: a\0b\r\n", b"Transfer-Encoding: chunked\r\n"])  # fmt: skip
    body = pick([b"5\r\nhello\r\n0\r\n\r\n", b"\r\n\r\n", b"5;\n\r\nhello", b"ffffffffffffffff\r\n", b"-1\r\n"])
    connection.sendall(request(b"/echo", b"POST", lines) + body + request(b"/smuggled"))
    read_some(connection)


def huge_head(connection, rng):
    connection.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * rng.randrange(60_000, 1_500_000) + b"\r\n\r\n")
    read_some(connection)


def asks_for_trouble(connection, rng):
    connection.sendall(request(b"/bad/%d" % rng.randrange(1000)))
    read_some(connection, rng.choice([0.1, 4]))


def fake_websocket(connection, rng):
    connection.sendall(request(b"/well", lines=b"Connection: Upgrade\r\nUpgrade: websocket\r\n") + rng.randbytes(2000))
    read_some(connection)


def idles(connection, rng):
    time.sleep(rng.random() * 4)
    connection.close()


def half_closes(connection, _):
    connection.sendall(request(b"/large"))
    connection.shutdown(socket.SHUT_WR)
    read_some(connection)


def odd_paths(connection, rng):
    parts = [b"..", b"%2e%2e", b"%252e", b"/", b"%2f", b"\\", b";x", b"%00", b"a", b"//", b"%", b"\xff"]
    connection.sendall(request(b"/" + b"".join(rng.choices(parts, k=rng.randrange(1, 400)))))
    read_some(connection)


HOSTILE = [aborts_upload, aborts_chunks, slow_head, slow_body, slow_reader, floods_pipeline, random_bytes, ambiguous, huge_head,
           asks_for_trouble, asks_for_trouble, fake_websocket, idles, half_closes, odd_paths]  # fmt: skip


class Run:
    def __init__(self, options):
        self.options = options
        self.over = threading.Event()
        self.counts = collections.Counter()
        self.failures = []

    def abuse(self, port, seed):
        rng = random.Random(seed)
        while not self.over.is_set():
            kind = rng.choice(HOSTILE)
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                    kind(connection, rng)
            except OSError:
                pass
            self.counts[kind.__name__] += 1

    def use_well(self, port):
        """A user who asks on a kept connection, makes a new one when told to, and forgives nothing."""
        connection = None
        while not self.over.is_set():
            try:
                if connection is None:
                    connection = socket.create_connection(("127.0.0.1", port), timeout=90)
                connection.sendall(request(b"/well"))
                head, body = self.answer(connection)
                if b" 200 " not in head.split(b"\r\n")[0] or body != GOOD:
                    self.failures.append((head[:200], body[:50]))
                if b"connection: close" in head.lower():
                    connection.close()
                    connection = None
                self.counts["well"] += 1
            except OSError as error:
                self.failures.append(repr(error))
                connection = None
            time.sleep(0.005)

    @staticmethod
    def answer(connection):
        ahead = b""
        while b"\r\n\r\n" not in ahead:
            piece = connection.recv(65536)
            if not piece:
                raise ConnectionError("closed before an answer")
            ahead += piece
        head, body = ahead.split(b"\r\n\r\n", 1)
        length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
        while len(body) < length:
            piece = connection.recv(65536)
            if not piece:
                raise ConnectionError("closed inside of an answer")
            body += piece
        return head, body

    def rewrite(self, config, text):
        """Good edits and bad ones, by turns."""
        turn = 0
        while not self.over.wait(3):
            turn += 1
            percent = 50 + turn % 50
            new = text.replace("percent: 100", f"percent: {percent}") if turn % 3 else text.replace("stage:", "stgae:")
            beside = config.with_suffix(".new")
            beside.write_text(new)
            beside.rename(config)


def state_of(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    memory = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
    threads = int(re.search(r"Threads:\s+(\d+)", status)[1])
    return memory, len(os.listdir(f"/proc/{pid}/fd")), threads


def metric(admin, name):
    with socket.create_connection(("127.0.0.1", admin), timeout=10) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")
        text = b""
        while piece := connection.recv(65536):
            text += piece
    found = re.search(rf"^matapalo_{name} (\S+)$".encode(), text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def open_door(binary, folder, legacy, new):
    door, admin = free_port(), free_port()
    config = folder / "matapalo.yaml"
    text = f"""version: 1
listeners: [{{address: "127.0.0.1:{door}"}}]
admin: {{address: "127.0.0.1:{admin}"}}
threads: 2
limits: {{header_timeout: 2s, body_timeout: 2s, keep_alive: 10s, mirror_memory: 16MiB}}
store: {{path: matapalo.db, max_size: 16MiB}}
backends:
  legacy: {{endpoints: ["http://127.0.0.1:{legacy}"], outliers: {{failures: 0}}, timeouts: {{first_byte: 2s, idle: 2s}}}}
  new: {{endpoints: ["http://127.0.0.1:{new}"], outliers: {{failures: 0}}, timeouts: {{first_byte: 2s, idle: 2s}}}}
routes:
  # A busy machine keeps the scripted backends waiting for their turn: that is not the door's doing.
  - {{name: well, match: {{path: {{exact: /well}}}}, stage: shadow, mirror: {{percent: 100, timeout: 2s}}, timeouts: {{first_byte: 1m}}}}
  - {{name: all, match: {{path: {{prefix: /}}}}, stage: shadow, mirror: {{percent: 100, timeout: 2s}}}}
"""
    config.write_text(text)
    log = (folder / "log").open("w")
    process = subprocess.Popen([binary, "run", "-c", config], stdout=log, stderr=log)
    for _ in range(400):
        try:
            with socket.create_connection(("127.0.0.1", admin), timeout=1) as connection:
                connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")
                if b" 200 " in connection.recv(4096):
                    return process, door, admin, config, text
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit((folder / "log").read_text())


def settled(process, admin):
    """The state once nobody is connected any more."""
    for _ in range(300):
        if metric(admin, "connections") == 0:
            break
        time.sleep(0.1)
    time.sleep(3)
    return state_of(process.pid)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/matapalo")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--abusers", type=int, default=3, help="of each kind")
    options = parser.parse_args()
    run = Run(options)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        legacy, new = Backend(), Backend()
        process, door, admin, config, text = open_door(options.binary, folder, legacy.port, new.port)
        try:
            with socket.create_connection(("127.0.0.1", door)) as connection:
                connection.sendall(request(b"/well"))
                connection.recv(4096)
            states = [("start", settled(process, admin))]
            threads = [threading.Thread(target=run.use_well, args=(door,)) for _ in range(options.users)]
            threads += [threading.Thread(target=run.abuse, args=(door, seed)) for seed in range(options.abusers * len(HOSTILE))]
            threads.append(threading.Thread(target=run.rewrite, args=(config, text)))
            for thread in threads:
                thread.start()
            end = time.monotonic() + options.seconds
            while time.monotonic() < end and process.poll() is None:
                time.sleep(min(30, max(0.1, end - time.monotonic())))
                states.append((f"{options.seconds - (end - time.monotonic()):.0f} s", state_of(process.pid)))
            run.over.set()
            for thread in threads:
                thread.join()
            states.append(("end", settled(process, admin)))
        finally:
            run.over.set()
            process.terminate()
            code = process.wait(30)
        log = (folder / "log").read_text()
    print(f"{'':>8} {'RSS MiB':>8} {'fds':>6} {'threads':>8}")
    for when, (memory, descriptors, count) in states:
        print(f"{when:>8} {memory:8.1f} {descriptors:6} {count:8}")
    panics = log.count("panicked")
    hostile = sum(count for kind, count in run.counts.items() if kind != "well")
    print(f"good requests {run.counts['well']}, of these failed {len(run.failures)}; hostile connections {hostile}; panics {panics}; exit {code}")
    print("  " + ", ".join(f"{kind} {count}" for kind, count in sorted(run.counts.items()) if kind != "well"))
    for failure in run.failures[:10]:
        print("  failed:", failure)
    sys.exit(bool(run.failures or panics or code))


if __name__ == "__main__":
    main()
