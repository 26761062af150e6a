#!/usr/bin/env python3
"""Proves the demo's two stacks without the door: a faithful port when DEMO_BUGS=none, and each seeded bug where
BUGS.md says, nowhere else. It has a small comparer of its own, so that it proves nothing by the one it is meant to test.

    test_parity.py        starts both stacks on free ports in a temporary folder, asks both some 550 questions, stops them
"""

import gzip
import http.client
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from html.parser import HTMLParser
from urllib.parse import quote, unquote_plus, urlencode
from xml.etree.ElementTree import canonicalize

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "new"))
sys.path.insert(0, HERE)

from archive import quirks  # noqa: E402
from seed import password_of  # noqa: E402

# What is new on every response, or of the server's own making.
UNCOMPARED = {"server", "date", "connection", "keep-alive", "transfer-encoding", "content-length", "x-powered-by", "x-request-id"}
# Endpoint, as BUGS.md names it, on which each bug shows.
ENDPOINT_OF = {
    "wrong-link": "home",
    "none-printed": "package-page",
    "double-escape": "package-page",
    "sort-order": "package-list",
    "missing-empty-list": "rpc-info",
    "lost-header": "login",
    "redirect-307": "old-links",
    "rounding": "statistics",
}


# Beside the others whitespace shows: it joins or parts words.
BLOCKS = set("!doctype html head meta title link script body div ul ol li table thead tr th td p h2 h3 form fieldset legend select option br".split())
VOID = {"meta", "link", "input", "br"}


# ---- asking ----


def ask(port, target, method="GET", headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, target, body=body, headers={"Host": "archive.example:8080", **(headers or {})})
        response = connection.getresponse()
        body = response.read()
        if response.getheader("Content-Encoding") == "gzip" and body:
            body = gzip.decompress(body)
        return response.status, response.getheaders(), body
    finally:
        connection.close()


def endpoint_of(target):
    path, _, query = target.partition("?")
    if path in ("/rpc", "/rpc/", "/rpc.php"):
        return "rpc-info" if "type=info" in query else "rpc-other"
    if path in ("/package.php", "/packages.php"):
        return "old-links"
    if re.fullmatch(r"/packages/[^/]+", path):
        return "package-page"
    return {"/": "home", "/packages/": "package-list", "/login": "login", "/statistics/": "statistics"}.get(path, "other")


# ---- comparing ----


class Page(HTMLParser):
    """A page as what a reader gets of it: tags, attributes and text, less spelling and what is fresh on each response."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.parts, self._generated = [], False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag == "tbody":
            return
        values = {name: name if value is None else value for name, value in attributes}
        self._generated = values.get("class") == "generated"
        if "nonce" in values:
            values["nonce"] = "fresh"
        if values.get("name") == "token":
            values["value"] = f"fresh, of {len(values['value'])} characters"
        if "class" in values:
            values["class"] = " ".join(sorted(values["class"].split()))
        if "href" in values:
            values["href"] = unquote_plus(values["href"])
        self._put(("<", tag, tuple(sorted(values.items()))))

    def handle_endtag(self, tag):
        if tag != "tbody" and tag not in VOID:
            self._put((">", tag))

    def handle_data(self, text):
        if self._generated:
            text = re.sub(r"[0-9]", "9", text)
        self._put(text)

    def handle_decl(self, text):
        self._put(("!", "!doctype", text.lower()))

    def _put(self, part):
        if isinstance(part, str) and self.parts and isinstance(self.parts[-1], str):
            part = self.parts.pop() + part
        self.parts.append(part)

    def read(self):
        """Parts without the whitespace that does not show: runs of it, and beside blocks all of it."""
        told = []
        for before, part, after in zip([None, *self.parts], self.parts, [*self.parts[1:], None]):
            if isinstance(part, str):
                part = re.sub(r"[ \t\r\n]+", " ", part)
                part = part.lstrip(" ") if before is None or before[1] in BLOCKS else part
                part = part.rstrip(" ") if after is None or after[1] in BLOCKS else part
            if part:
                told.append(part)
        return told


def read_headers(headers):
    seen = {}
    for name, value in headers:
        name = name.lower()
        if name in UNCOMPARED or name == "content-encoding":
            continue
        if name == "content-type":
            value = value.lower().replace(" ", "")
        if name == "content-security-policy":
            value = re.sub(r"nonce-[^']+", "nonce", value)
        if name == "etag":
            value = "an etag"
        if name == "location":
            path, _, query = value.partition("?")
            value = path, unquote_plus(query)
        if name == "set-cookie":
            value = read_cookie(value)
        if name == "vary":
            seen.setdefault(name, set()).update(part.strip().lower() for part in value.split(","))
        else:
            seen.setdefault(name, []).append(value)
    return seen


def read_cookie(value):
    first, *attributes = [part.strip() for part in value.split(";")]
    name, _, value = first.partition("=")
    attributes = {attribute.lower() for attribute in attributes if not attribute.lower().startswith("expires=")}
    return name, "gone" if "max-age=0" in attributes else len(value), frozenset(attributes)


def read_body(headers, body):
    kind = next((value for name, value in headers if name.lower() == "content-type"), "").lower()
    if kind.startswith("text/html") and body:
        return Page(body.decode()).read()
    if kind.startswith("application/json"):
        return json.loads(body)
    if kind.startswith("application/rss+xml") and body:
        return canonicalize(body.decode()).splitlines()
    return body


def understood(answer):
    status, headers, body = answer
    seen = read_headers(headers)
    if status in (204, 301, 302, 303, 304, 307, 308):
        seen.pop("content-type", None)
    return status, seen, read_body(headers, body)


def first_difference(old, new):
    """Where two understood answers part, in a line."""
    for what, one, other in zip(("status", "headers", "body"), old, new):
        if one == other:
            continue
        if isinstance(one, list) and isinstance(other, list):
            at = next((n for n, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
            return f"{what}: legacy has {one[at:at + 4]}, new has {other[at:at + 4]}"
        if isinstance(one, dict) and isinstance(other, dict):
            keys = [key for key in {**one, **other} if one.get(key) != other.get(key)]
            return f"{what}: " + "; ".join(f"{key}: legacy has {one.get(key)}, new has {other.get(key)}" for key in keys)
        return f"{what}: legacy has {one!r}, new has {other!r}"
    return None


# ---- the two stacks ----


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Parity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="archive-")
        cls.dir = cls.folder.name
        cls.legacy, cls.new = free_ports(2)
        cls.addClassCleanup(cls.folder.cleanup)
        cls.origins("start", str(cls.legacy), str(cls.new), bugs="none")
        cls.addClassCleanup(cls.origins, "stop")
        cls.questions, cls.legacy_answers = cls.all_questions(), {}

    @classmethod
    def origins(cls, command, *more, bugs="none"):
        script = os.path.join(HERE, "origins.sh")
        subprocess.run([script, command, cls.dir, *more], check=True, env={**os.environ, "DEMO_BUGS": bugs}, stdout=subprocess.DEVNULL)

    @classmethod
    def all_questions(cls):
        """(target, headers) of every page there is and of the odd ways to ask for them."""
        db = sqlite3.connect(os.path.join(cls.dir, "archive.db"))
        names = [name for (name,) in db.execute("SELECT Name FROM Packages ORDER BY ID")]
        users = [name for (name,) in db.execute("SELECT Username FROM Users ORDER BY ID")]
        db.close()
        targets = ["/", "/packages", "/packages?q=a+b", "/rss/", "/rss", "/statistics/", "/statistics", "/login", "/login/", "/account", "/account/"]
        targets += ["/login?referer=/packages/%3Fq%3Dx", "/login?referer=//evil.example/", "/login?referer=/a%0Ab", "/nowhere", "/packages/nope", "/account/nobody"]
        targets += [f"/packages/{quote(name, safe='')}" for name in names]
        targets += [f"/packages/{quote(names[0], safe='')}/", "/packages/%FF", "/packages/a%2Fb", "/packages//", "/packages/x/y", "/packages/x/vote"]
        targets += [f"/account/{quote(user, safe='')}" for user in users]
        targets += [f"/package.php?ID={number}" for number in (1, 2, 77, 300, 301, -1)] + ["/package.php", "/package.php?ID=abc", "/package.php?ID=12abc"]
        targets += ["/packages.php", "/packages.php?K=foo+bar%26baz", "/packages.php?ID=5", "/packages.php?ID=9999&K=x"]
        for sort in ("n", "v", "p", "m", "l", ""):
            for direction in ("a", "d", ""):
                targets += [f"/packages/?SB={sort}&SO={direction}&O={offset}" for offset in (0, 50, 250)]
        searches = ["font", "a&b", "100%", "_", "O'Brien", "résumés", "<b>", "ü", "字体", "nothing-is-called-so", " git ", "%FF", '"', "\\"]
        targets += ["/packages/?" + urlencode({"q": text, "by": by, "SB": "n"}) for text in searches for by in ("nd", "n")]
        targets += [f"/packages/?q={quote(user)}&by=m" for user in users[:4]] + ["/packages/?q=c%2B%2B&by=k", "/packages/?q=r%26d&by=k&orphans=on"]
        targets += ["/packages/?q[]=a", "/packages/?q=%FF%FE", "/packages/?O=-5", "/packages/?O=abc", "/packages/?O=1e2", "/packages/?PP=250", "/packages/?PP=7&O=290", "/packages/?O=9999"]
        targets += [f"/rpc/?v=5&type=info&arg[]={quote(a)}&arg[]={quote(b)}" for a, b in zip(names[::7], names[3::7])]
        targets += ["/rpc?v=5&type=info&arg=ACE&arg=aalib", "/rpc.php?type=info&v=5&arg%5B%5D=zero", "/rpc/?v=5&type=info&arg[]=nope", "/rpc/?v=5&type=multiinfo&arg[x]=ACE"]
        targets += ["/rpc/?" + urlencode({"v": 5, "type": "search", "arg": text}) for text in searches + ["lib", "widget", "git"]]
        targets += [f"/rpc/?v=5&type=search&by={by}&arg=alice" for by in ("name", "maintainer", "keywords", "wrong", "name-desc")]
        targets += ["/rpc/?v=5&type=suggest&arg=li", "/rpc/?v=5&type=suggest&arg=%25", "/rpc/?v=5&type=nope&arg=x", "/rpc/", "/rpc/?v=4&type=info&arg=x", "/rpc/?v=5", "/rpc/?v[]=5"]
        login = {user: cls.log_in(port, user) for user, port in ((users[0], cls.legacy), (users[2], cls.new))}
        questions = [(target, {}) for target in targets]
        questions += [(target, {"Accept-Encoding": "gzip"}) for target in ("/packages/nope", "/account/nobody")]
        for user, cookie in login.items():
            pages = ["/", "/account", "/login", f"/account/{quote(user)}", "/account/mallory", "/packages/ACE", "/packages/?SB=n", "/statistics/"]
            questions += [(target, {"Cookie": f"other=1; AURSID={cookie}"}) for target in pages]
        questions += [("/account", {"Cookie": "AURSID=" + "0" * 32}), ("/login", {"Cookie": "AURSID=%00"}), ("/login", {"Cookie": "AURSID=" + "f" * 32})]
        questions += [("/rss/", {"If-Modified-Since": date}) for date in ("Wed, 01 May 2024 09:00:00 GMT", "Mon, 01 Apr 2024 09:00:00 GMT", "rubbish")]
        return questions

    @staticmethod
    def log_in(port, user, password=None):
        """Logs in as a browser would: the form, its token and cookie, the answer's cookie."""
        _, headers, body = ask(port, "/login")
        cookie = next(value for name, value in headers if name.lower() == "set-cookie").partition(";")[0]
        token = re.search(rb'name="token" value="([0-9a-f]{80})"', body).group(1).decode()
        form = urlencode({"user": user, "passwd": password or password_of(user), "token": token, "referer": "/account"})
        status, headers, _ = ask(
            port, "/login", "POST", {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}, form
        )
        if status != 302 or dict(headers).get("Location") != "/account":
            raise AssertionError(f"{user} could not log in on port {port}: status {status}")
        return re.search(r"AURSID=([0-9a-f]{32})", dict((n.lower(), v) for n, v in headers)["set-cookie"]).group(1)

    def differing(self, questions):
        """{endpoint: [(target, headers, legacy's answer, new's)…]} of the questions that the stacks answer differently."""
        found = {}
        for target, headers in questions:
            old, new = self.of_legacy(target, headers), understood(ask(self.new, target, headers=headers))
            if old != new:
                found.setdefault(endpoint_of(target), []).append((target, headers, old, new))
        return found

    def of_legacy(self, target, headers):
        """Legacy has no bugs to switch: it is asked each question once."""
        key = target, tuple(sorted(headers.items()))
        if key not in self.legacy_answers:
            self.legacy_answers[key] = understood(ask(self.legacy, target, headers=headers))
        return self.legacy_answers[key]

    def some_questions(self):
        """All but most of the package pages."""
        pages = [question for question in self.questions if endpoint_of(question[0]) == "package-page"]
        return [question for question in self.questions if question not in pages] + pages[::8]

    def test_without_bugs_everything_is_equal(self):
        self.origins("bugs", "none")
        for endpoint, differences in self.differing(self.questions).items():
            for target, headers, old, new in differences:
                with self.subTest(endpoint=endpoint, target=target, headers=headers):
                    self.fail(first_difference(old, new))

    def test_each_bug_shows_on_its_endpoint_alone(self):
        for bug in quirks.KNOWN:
            self.origins("bugs", bug)
            with self.subTest(bug=bug):
                self.assertEqual(set(self.differing(self.some_questions())), {ENDPOINT_OF[bug]})

    def test_all_bugs_show(self):
        self.origins("bugs", "all")
        self.assertEqual(set(self.differing(self.some_questions())), set(ENDPOINT_OF.values()))

    def test_every_bug_is_listed(self):
        with open(os.path.join(HERE, "BUGS.md"), encoding="utf-8") as file:
            listed = re.findall(r"^\| `([a-z0-9-]+)` \| `([a-z-]+)`", file.read(), re.MULTILINE)
        self.assertEqual(dict(listed), ENDPOINT_OF)
        self.assertEqual(set(ENDPOINT_OF), set(quirks.KNOWN))

    def test_noise_is_on_both_sides(self):
        """Equal bytes would make the demo too easy: whatever is compared differs in spelling."""
        self.origins("bugs", "none")
        for target in ("/", "/packages/", "/packages/ACE", "/statistics/", "/rss/", "/rpc/?v=5&type=info&arg=emoji-picker"):
            with self.subTest(target=target):
                self.assertNotEqual(ask(self.legacy, target)[2], ask(self.new, target)[2])
        one, other = ask(self.new, "/packages/ACE"), ask(self.new, "/packages/ACE")
        self.assertNotEqual(dict(one[1])["Content-Security-Policy"], dict(other[1])["Content-Security-Policy"])

    def test_two_endpoints_are_not_ported(self):
        for target, status in (("/requests/", 404), ("/packages/ACE/snapshot.tar.gz", 501)):
            self.assertEqual(ask(self.legacy, target)[0], 200)
            answer = ask(self.new, target)
            self.assertEqual(answer[0], status)
            self.assertEqual(status == 501, "X-Not-Ported" in dict(answer[1]))

    def test_a_session_of_either_stack_is_good_on_the_other(self):
        for given_by, used_on in ((self.legacy, self.new), (self.new, self.legacy)):
            cookie = {"Cookie": "AURSID=" + self.log_in(given_by, "heidi")}
            self.assertEqual(ask(used_on, "/account", headers=cookie)[0], 200)
            self.assertEqual(ask(used_on, "/logout", headers=cookie)[0], 302)
            self.assertEqual(ask(given_by, "/account", headers=cookie)[0], 302)

    def test_a_form_of_either_stack_is_accepted_by_the_other(self):
        for given_by, sent_to, package in ((self.legacy, self.new, "ACE"), (self.new, self.legacy, "aalib")):
            cookie = {"Cookie": "AURSID=" + self.log_in(given_by, "judy"), "Content-Type": "application/x-www-form-urlencoded"}
            token = re.search(rb'value="([0-9a-f]{80})"|"([0-9a-f]{80})"', ask(given_by, f"/packages/{package}", headers=cookie)[2])
            for given, votes in (("0" * 80, 0), (next(filter(None, token.groups())).decode(), 1)):
                status, headers, _ = ask(sent_to, f"/packages/{package}/vote", "POST", cookie, urlencode({"token": given, "do_Vote": "Vote"}))
                self.assertEqual((status, dict(headers)["Location"]), (302, f"/packages/{package}"))
                self.assertEqual(self.votes("judy", package), votes)

    def votes(self, user, package):
        db = sqlite3.connect(os.path.join(self.dir, "archive.db"))
        try:
            return db.execute(
                "SELECT COUNT(*) FROM PackageVotes JOIN Users ON Users.ID = UsersID JOIN Packages USING (PackageBaseID) WHERE Username = ? AND Packages.Name = ?",
                (user, package),
            ).fetchone()[0]
        finally:
            db.close()

    def test_wrong_passwords_and_stale_forms_are_refused_alike(self):
        for port in (self.legacy, self.new):
            with self.assertRaises(AssertionError):
                self.log_in(port, "alice", "wrong")
            status, _, body = ask(port, "/login", "POST", {"Content-Type": "application/x-www-form-urlencoded"}, "user=alice&passwd=x&token=y")
            self.assertEqual(status, 200)
            self.assertIn(b"The form was stale", body)

    def test_heads_are_heads(self):
        for target in ("/", "/packages/ACE", "/rpc/?v=5&type=suggest&arg=li", "/packages/nope", "/rss/"):
            old, new = (ask(port, target, "HEAD") for port in (self.legacy, self.new))
            self.assertEqual((old[0], read_headers(old[1]), b""), (new[0], read_headers(new[1]), new[2]))


if __name__ == "__main__":
    unittest.main()
