#!/usr/bin/env python3
"""Visitors for the demo site: they browse, search, log in, vote, read feeds, ask the JSON interface and download.

Every answer is held against what the page should give; whatever a person would call broken is a failed request. What a
visitor does follows from the seed alone. Standard library only.

    traffic.py [http://127.0.0.1:8080] [--seconds 20 | --requests 2000] [--rate 60] [--concurrency 8] [--seed 1] [--watch]

Exit 0 when nothing failed, else 1.
"""

import argparse
import gzip
import http.client
import io
import json
import os
import random
import re
import signal
import sqlite3
import sys
import tarfile
import threading
import time
from collections import Counter
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import seed as archive  # noqa: E402

TIMEOUT = 30  # seconds, for one request
READING = 1.0  # seconds before a form is sent: people type
# Seconds before a logout, and longer than a copy may wait plus take (`mirror.timeout`, 3 s, each): a copy that came after
# the logout would show the page of a stranger, which says nothing about the port.
LINGERING = 7.0
FAILURES_TOLD = 10
REDIRECTS = (301, 302, 303, 307, 308)  # a visitor follows any of them
# A browser asks for gzip; scripts often do not.
CODINGS = ("gzip, deflate", "gzip", "identity")


class Known:
    """What is in the archive, made as the database is made."""

    def __init__(self):
        db = sqlite3.connect(":memory:")
        archive.fill(db)
        self.packages = [name for (name,) in db.execute("SELECT Name FROM Packages ORDER BY ID")]
        self.users = [user[0] for user in archive.USERS]
        self.words = ["font", "lib", "a&b", "git", "<b>", "isn't", "résumés", "100%", "python", "字体", "quote", "vim"]
        db.close()


class Count:
    """What all visitors did, together."""

    def __init__(self, budget):
        self._lock = threading.Lock()
        self.requests, self.failures, self.reconnects = 0, [], 0
        self.answered_by, self.failed = Counter(), 0
        self.budget = budget

    def add(self, origin, failure):
        with self._lock:
            self.requests += 1
            self.answered_by[origin] += 1
            if failure:
                self.failed += 1
                self.failures.append(failure)
                del self.failures[FAILURES_TOLD:]

    def reconnected(self):
        with self._lock:
            self.reconnects += 1

    def read(self):
        with self._lock:
            return self.requests, self.failed, dict(self.answered_by)


class Broken(Exception):
    """An answer that is not what the page should give."""


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = gzip.decompress(body) if response.headers.get("Content-Encoding") == "gzip" and body else body

    @property
    def origin(self):
        """Both stacks name their server, and the door leaves that as it is."""
        server = self.headers.get("Server", "")
        return "legacy" if "nginx" in server else "new" if "gunicorn" in server else "the door"


# ---- what a page should give ----


def page(needle, status=200):
    def check(answer):
        expect_status(answer, status)
        if needle.encode() not in answer.body or not answer.body.rstrip().endswith(b"</html>"):
            raise Broken(f"no whole page with {needle!r} in it")

    return check


def redirect_to(target):
    def check(answer):
        if answer.status not in REDIRECTS:
            raise Broken(f"status {answer.status}, want a redirect")
        location = unquote_plus(answer.headers.get("Location", ""))
        if location != unquote_plus(target):
            raise Broken(f"redirected to {location!r}, want {unquote_plus(target)!r}")

    return check


def rpc_answer(kind, least):
    def check(answer):
        expect_status(answer, 200)
        found = json.loads(answer.body)
        if found["type"] != kind or found["resultcount"] != len(found["results"]) or found["resultcount"] < least:
            raise Broken(f"type {found['type']} with {found['resultcount']} results, want {kind} with {least} or more")

    return check


def tarball(name):
    def check(answer):
        expect_status(answer, 200)
        with tarfile.open(fileobj=io.BytesIO(answer.body), mode="r:gz") as tar:
            members = {member.name.rpartition("/")[2]: member for member in tar}
            pkgbuild = tar.extractfile(members["PKGBUILD"]).read().decode()
        if f"pkgname='{name}'" not in pkgbuild or "fixes.patch" not in members:
            raise Broken("the tarball does not hold the package's sources")

    return check


def head_of(status=200):
    def check(answer):
        expect_status(answer, status)
        if answer.body:
            raise Broken("a HEAD was answered with a body")

    return check


def contains(needle, *statuses):
    def check(answer):
        if answer.status not in (statuses or (200,)):
            raise Broken(f"status {answer.status}, want {statuses or (200,)}")
        if answer.status == 200 and needle.encode() not in answer.body:
            raise Broken(f"no {needle!r} in it")

    return check


def expect_status(answer, status):
    if answer.status != status:
        raise Broken(f"status {answer.status}, want {status}")


# ---- a visitor ----


class Visitor(threading.Thread):
    """One person with one browser: a connection that is kept, a cookie jar, an account or none."""

    def __init__(self, number, options, known, count, stop):
        super().__init__(daemon=True)
        self.chance = random.Random(f"{options.seed}/{number}")
        self.known, self.count, self.stopped = known, count, stop
        self.left = options.budget_of(number)
        self.pause = options.concurrency / options.rate if options.rate else 0
        self.host = options.netloc
        self.user = known.users[number % len(known.users)] if number % 2 else None
        self.coding = CODINGS[number % len(CODINGS)]
        self.jar, self.token, self.connection = {}, None, None

    def run(self):
        actions, weights = zip(*((action, weight) for weight, action in self.actions()))
        try:
            while True:
                if self.user and "AURSID" not in self.jar:
                    self.log_in()
                self.chance.choices(actions, weights)[0]()
        except StopIteration:
            pass
        finally:
            self.hang_up()

    def actions(self):
        common = [
            (12, self.see_home),
            (26, self.see_package),
            (20, self.see_list),
            (8, self.ask_info),
            (9, self.ask_search),
            (6, self.see_statistics),
            (7, self.follow_old_link),
            (5, self.read_feed),
            (4, self.see_what_is_not_ported),
            (3, self.see_profile),
            (3, self.lose_the_way),
            (2, self.only_ask_for_heads),
            (2, self.fetch_style),
            (2, self.forget_the_slash),
        ]
        if self.user:
            return common + [(8, self.see_account), (3, self.vote), (0.4, self.log_out)]
        return common + [(6, self.see_login), (1, self.mistype_password), (2, self.knock_at_account)]

    # -- browsing --

    def see_home(self):
        self.get("/", page("Recent Updates"))

    def see_package(self):
        name = self.chance.choice(self.known.packages)
        self.get(package_path(name), page('id="pkgdetails"'))

    def see_list(self):
        query = {}
        if self.chance.random() < 0.5:
            query["q"] = self.chance.choice(self.known.words)
        if self.chance.random() < 0.7:
            query["SB"] = self.chance.choice("nvpml")
        if self.chance.random() < 0.3:
            query["SO"] = self.chance.choice("ad")
        if "q" not in query and self.chance.random() < 0.4:
            query["O"] = 50 * self.chance.randrange(1, 6)
        found = "No packages matched" if query.get("q") == "a&b" else "packages found."
        self.get("/packages/" + ("?" + urlencode(query) if query else ""), page(found))

    def see_statistics(self):
        self.get("/statistics/", page("Busiest Maintainers"))

    def see_profile(self):
        self.get("/account/" + quote(self.chance.choice(self.known.users)), page('id="account-details"'))

    def follow_old_link(self):
        if self.chance.random() < 0.2:
            word = self.chance.choice(self.known.words)
            return self.get("/packages.php?" + urlencode({"K": word}), redirect_to("/packages/?" + urlencode({"q": word})))
        number = self.chance.randrange(len(self.known.packages))
        return self.get(f"/package.php?ID={number + 1}", redirect_to(package_path(self.known.packages[number])))

    def lose_the_way(self):
        lost = self.chance.choice(("/packages/no-such-package", "/nowhere", "/account/nobody"))
        self.get(lost, page("404 - Page Not Found", 404))

    def forget_the_slash(self):
        typed = self.chance.choice(("/packages", "/statistics", "/packages?q=font"))
        path, mark, query = typed.partition("?")
        self.get(typed, redirect_to(f"{path}/{mark}{query}"))

    def see_what_is_not_ported(self):
        if self.chance.random() < 0.5:
            return self.get("/requests/", page("Filed by"))
        name = self.chance.choice(self.known.packages)
        return self.get(package_path(name) + "/snapshot.tar.gz", tarball(name))

    def only_ask_for_heads(self):
        target = self.chance.choice(("/", "/packages/", "/statistics/", package_path(self.chance.choice(self.known.packages))))
        self.ask("HEAD", target, head_of())

    def fetch_style(self):
        self.get("/css/archive.css", contains("table.results"))

    def read_feed(self):
        if self.chance.random() < 0.3:
            return self.get("/rss/", contains("", 304), {"If-Modified-Since": "Thu, 02 May 2024 00:00:00 GMT"})
        return self.get("/rss/", contains("</rss>"))

    # -- the JSON interface --

    def ask_info(self):
        names = self.chance.sample(self.known.packages, self.chance.randrange(1, 5))
        query = "".join(f"&arg[]={quote(name, safe='')}" for name in names)
        self.get(f"/rpc/?v=5&type=info{query}", rpc_answer("multiinfo", len(names)))

    def ask_search(self):
        word = self.chance.choice(("widget", "font", "zephyr", "nothing-is-called-so", "r&d", "<b>", "emoji"))
        self.get("/rpc/?" + urlencode({"v": 5, "type": "search", "arg": word}), rpc_answer("search", 0))

    # -- accounts --

    def see_login(self):
        self.get("/login", self.form)

    def form(self, answer):
        page("Enter login credentials")(answer)
        self.token = find_token(answer)

    def knock_at_account(self):
        self.get("/account", redirect_to("/login?referer=/account"))

    def see_account(self):
        self.get("/account", page("This is how others see you"))

    def log_in(self):
        self.get("/login?referer=/account", self.form)
        self.read()
        sent = {"user": self.user, "passwd": archive.password_of(self.user), "referer": "/account", "token": self.token}
        self.ask("POST", "/login", redirect_to("/account"), form=sent)
        self.see_account()

    def mistype_password(self):
        self.get("/login", self.form)
        self.read()
        sent = {"user": "alice", "passwd": "oops", "referer": "/", "token": self.token}
        self.ask("POST", "/login", page("Bad username or password."), form=sent)

    def vote(self):
        path = package_path(self.chance.choice(self.known.packages))

        def ballot(answer):
            page("Vote for this package")(answer)
            self.token = find_token(answer)

        self.get(path, ballot)
        self.read()
        self.ask("POST", path + "/vote", redirect_to(path), form={"token": self.token, "do_Vote": "Vote"})

    def log_out(self):
        self.read(LINGERING)
        self.get("/logout", redirect_to("/"))

    # -- asking --

    def get(self, target, check, headers=None):
        self.ask("GET", target, check, headers)

    def read(self, seconds=READING):
        if self.stopped.wait(seconds):
            raise StopIteration

    def ask(self, method, target, check, headers=None, form=None):
        """One request, held against what it should give."""
        if self.left == 0 or self.stopped.wait(self.chance.expovariate(1 / self.pause) if self.pause else 0):
            raise StopIteration
        self.left -= 1
        headers = {"Host": self.host, "Accept-Encoding": self.coding, "User-Agent": "demo-traffic", **(headers or {})}
        if self.jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        body = urlencode(form) if form else None
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        origin, failure = "nobody", None
        try:
            answer = self.exchange(method, target, body, headers)
            origin = answer.origin
            self.keep_cookies(answer)
            check(answer)
        except (Broken, OSError, http.client.HTTPException, ValueError, KeyError, EOFError, tarfile.TarError) as error:
            failure = f"{method} {target}: {type(error).__name__}: {error}" if not isinstance(error, Broken) else f"{method} {target}: {error}"
            self.hang_up()
        self.count.add(origin, failure)

    def exchange(self, method, target, body, headers):
        fresh = self.connection is None
        if fresh:
            self.connection = http.client.HTTPConnection(self.host, timeout=TIMEOUT)
        try:
            self.connection.request(method, target, body=body, headers=headers)
            response = self.connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.hang_up()
            if fresh or method == "POST":
                raise
            # A kept connection that was closed while idle: every browser asks again on a new one.
            self.count.reconnected()
            return self.exchange(method, target, body, headers)
        answer = Answer(response, response.read())
        if response.will_close:
            self.hang_up()
        return answer

    def keep_cookies(self, answer):
        for line in answer.headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            if re.search(r";\s*max-age=0", line, re.IGNORECASE):
                self.jar.pop(name, None)
            else:
                self.jar[name] = value

    def hang_up(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def package_path(name):
    return "/packages/" + quote(name, safe="")


def find_token(answer):
    found = re.search(rb'name="token"[^>]*value="([0-9a-f]+)"', answer.body)
    if not found:
        raise Broken("the form has no token")
    return found.group(1).decode()


# ---- all of them ----


class Options(argparse.Namespace):
    def budget_of(self, number):
        """Its share of --requests; without, as many as it gets done (never 0)."""
        if self.requests is None:
            return -1
        return self.requests // self.concurrency + (number < self.requests % self.concurrency)


def parse_options():
    parser = argparse.ArgumentParser(description="Visitors for the demo site.")
    parser.add_argument("site", nargs="?", default="http://127.0.0.1:8080", help="where the door is [%(default)s]")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long; 0: until stopped [%(default)s]")
    parser.add_argument("--requests", type=int, help="how many, instead of how long")
    parser.add_argument("--rate", type=float, default=60.0, help="requests per second of all visitors; 0: as fast as it goes [%(default)s]")
    parser.add_argument("--concurrency", type=int, default=8, help="visitors at once; every other one has an account [%(default)s]")
    parser.add_argument("--seed", default="1", help="what visitors do follows from it [%(default)s]")
    parser.add_argument("--watch", action="store_true", help="print a line every second")
    options = parser.parse_args(namespace=Options())
    options.netloc = urlsplit(options.site).netloc
    if not options.netloc or options.concurrency < 1:
        parser.error("want a site such as http://127.0.0.1:8080 and at least one visitor")
    return options


def watch(count, stop):
    print("time      requests  failed  answered by", flush=True)
    before, _, by_before = count.read()
    while not stop.wait(1):
        now, failed, by = count.read()
        lately = ", ".join(f"{name} {by[name] - by_before.get(name, 0)}" for name in sorted(by) if by[name] > by_before.get(name, 0))
        print(f"{time.strftime('%H:%M:%S')}  {now - before:8}  {failed:6}  {lately}", flush=True)
        before, by_before = now, by


def main():
    options = parse_options()
    stop, count, known = threading.Event(), Count(options.requests), Known()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    visitors = [Visitor(number, options, known, count, stop) for number in range(options.concurrency)]
    started = time.monotonic()
    for visitor in visitors:
        visitor.start()
    if options.watch:
        threading.Thread(target=watch, args=(count, stop), daemon=True).start()
    deadline = started + options.seconds if options.seconds and options.requests is None else None
    while any(visitor.is_alive() for visitor in visitors) and not stop.is_set():
        if deadline and time.monotonic() >= deadline:
            break
        stop.wait(0.05)
    stop.set()
    for visitor in visitors:
        visitor.join(TIMEOUT)
    took = time.monotonic() - started

    requests, failed, by = count.read()
    answered = ", ".join(f"{name} {number}" for name, number in sorted(by.items()))
    print(f"{requests} requests in {took:.1f} s, {failed} failed (answered by: {answered})", flush=True)
    for failure in count.failures:
        print(f"  failed: {failure}", file=sys.stderr)
    if requests == 0:
        print("  nothing was asked", file=sys.stderr)
    return 1 if failed or not requests else 0


if __name__ == "__main__":
    sys.exit(main())
