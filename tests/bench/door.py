#!/usr/bin/env python3
"""CPU per request of the door beside nginx, in one interleaved run.

Each candidate stands before the same nginx origin and serves the same load (wrk, keep-alive on both sides). CPU is what the
candidate's processes used, read from /proc before and after (utime + stime, all threads), divided by the requests
that wrk counted: machines are shared and noisy, so the ratio of two medians of one run says more than any time.

Usage: tests/bench/door.py [--binary target/release/matapalo] [--rounds 5] [--seconds 3] [--only NAME,NAME]
Needs nginx and wrk (Debian: nginx-light, wrk). Loopback only; ends everything that it started.
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, deadline=20):
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


def children(pid):
    found = [pid]
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == pid:
                found += children(int(entry.name))
    return found


def cpu(pid):
    """Seconds of CPU of a process and its children."""
    total = 0
    for each in children(pid):
        try:
            fields = pathlib.Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


NGINX = """
worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.err crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600;
  client_body_temp_path {folder}/{name}-body; proxy_temp_path {folder}/{name}-proxy;
  fastcgi_temp_path {folder}/{name}-f; uwsgi_temp_path {folder}/{name}-u; scgi_temp_path {folder}/{name}-s;
  {body}
}}
"""

ORIGIN = """
  server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}/www; default_type text/html; etag off; }}
"""

PROXY = """
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 256; keepalive_requests 100000000; }}
  upstream other {{ server 127.0.0.1:{other}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      {mirror}
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host;
    }}
    location = /_mirror {{ internal; proxy_pass http://other$request_uri; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
"""

DOOR = """
version: 1
listeners: [{{address: "127.0.0.1:{port}"}}]
admin: {{address: "127.0.0.1:{admin}"}}
threads: 1
backends:
  legacy: {{endpoints: ["http://127.0.0.1:{origin}"]}}
  new: {{endpoints: ["http://127.0.0.1:{other}"]}}
store: {{path: {folder}/{name}.db}}
routes:
  - {{name: site, match: {{path: {{prefix: /}}}}, stage: {stage}}}
"""


class Bench:
    def __init__(self, folder, binary):
        self.folder, self.binary, self.running, self.admin = folder, binary, {}, {}
        www = folder / "www"
        www.mkdir()
        (www / "1k").write_bytes(b"<p>a page of one kilobyte</p>\n" * 34)
        (www / "64k").write_bytes(b"<p>a page of 64 kilobytes</p>\n" * 2184)
        # nginx's worker drops to another user when started as root.
        for path in (folder, www):
            path.chmod(0o755)
        self.origin = self.nginx("origin", ORIGIN)
        self.other = self.nginx("other", ORIGIN)

    def start(self, name, port, command):
        log = open(self.folder / f"{name}.log", "wb")
        process = subprocess.Popen(command, stdout=log, stderr=log)
        self.running[name] = process
        wait_for(port)
        return port

    def nginx(self, name, body, **more):
        port = free_port()
        body = body.format(folder=self.folder, port=port, **more)
        conf = self.folder / f"{name}.conf"
        conf.write_text(NGINX.format(folder=self.folder, name=name, body=body))
        return self.start(name, port, [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(conf), "-e", f"{self.folder}/{name}.err"])

    def door(self, name, stage):
        port, admin = free_port(), free_port()
        self.admin[name] = admin
        conf = self.folder / f"{name}.yaml"
        text = DOOR.format(port=port, admin=admin, origin=self.origin, other=self.other, folder=self.folder, name=name, stage=stage)
        conf.write_text(text)
        return self.start(name, port, [str(self.binary), "run", "-c", str(conf)])

    def load(self, name, port, path, seconds):
        """Microseconds of CPU per request, and requests."""
        pid = self.running[name].pid
        before = cpu(pid)
        out = subprocess.run(
            ["wrk", "-t1", "-c32", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}/{path}"],
            capture_output=True, text=True, check=True,
        ).stdout
        # Copies that are still under way belong to the requests that were counted.
        time.sleep(0.3)
        used = cpu(pid) - before
        requests = int(re.search(r"(\d+) requests in", out).group(1))
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
        if bad:
            sys.exit(f"{name}: {bad.group(0)}")
        return used / requests * 1e6, requests / seconds

    def copies(self, name):
        """Copies compared, and sampled requests that were not, since the door started."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin[name]}/metrics") as answer:
            text = answer.read().decode()
        total = lambda metric: sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(metric))
        return total("matapalo_comparisons_total"), total("matapalo_mirror_dropped_total")

    def stop(self):
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", default="target/release/matapalo", type=pathlib.Path)
    arguments.add_argument("--rounds", default=5, type=int)
    arguments.add_argument("--seconds", default=3, type=int)
    arguments.add_argument("--only", default="")
    arguments = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="matapalo-bench-") as folder:
        bench = Bench(pathlib.Path(folder), arguments.binary)
        try:
            run(bench, arguments)
        finally:
            bench.stop()


def run(bench, arguments):
    mirror = "mirror /_mirror; mirror_request_body off;"
    plain = bench.nginx("nginx", PROXY, origin=bench.origin, other=bench.other, mirror="")
    mirrored = bench.nginx("nginx-mirror", PROXY, origin=bench.origin, other=bench.other, mirror=mirror)
    door, shadow = bench.door("door", "legacy"), bench.door("door-mirror", "shadow")
    cases = [
        ("1 KB", "nginx", plain, "1k"), ("1 KB", "door", door, "1k"),
        ("64 KB", "nginx", plain, "64k"), ("64 KB", "door", door, "64k"),
        ("1 KB mirrored", "nginx-mirror", mirrored, "1k"), ("1 KB mirrored", "door-mirror", shadow, "1k"),
    ]
    wanted = [name for name in arguments.only.split(",") if name]
    cases = [case for case in cases if not wanted or case[1] in wanted]
    for _, name, port, path in cases:
        bench.load(name, port, path, 1)
    figures = {case: [] for case in cases}
    for _ in range(arguments.rounds):
        for case in cases:
            _, name, port, path = case
            figures[case].append(bench.load(name, port, path, arguments.seconds))
    print(f"{'work':15} {'who':13} {'µs CPU/request':>15} {'range':>15} {'requests/s':>11} {'× nginx':>8}")
    peers = {}
    for (work, name, _, _), seen in figures.items():
        each = sorted(figure[0] for figure in seen)
        median, rate = statistics.median(each), statistics.median(figure[1] for figure in seen)
        peers.setdefault(work, median)
        print(f"{work:15} {name:13} {median:15.1f} {each[0]:7.1f}-{each[-1]:<7.1f} {rate:11.0f} {median / peers[work]:8.2f}")
    if "door-mirror" in bench.running:
        compared, dropped = bench.copies("door-mirror")
        print(f"door-mirror: {compared:.0f} copies compared, {dropped:.0f} dropped and counted")


if __name__ == "__main__":
    main()
