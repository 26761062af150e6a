"""Requests and responses over raw WSGI, with what the old site's web server did for it: HEAD, gzip, Vary."""

import gzip
import os
import uuid
from base64 import b64encode
from functools import cached_property
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from . import phpisms

COMPRESSED_TYPES = ("text/html", "text/css", "application/json", "application/rss+xml")
COMPRESSED_STATUS = (200, 403, 404)
MAX_FORM = 1 << 20  # bytes; no form here comes near


class Request:
    def __init__(self, environ):
        self.method = environ["REQUEST_METHOD"]
        self.headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
        self.host = environ.get("HTTP_HOST", "")
        self.query_string = environ.get("QUERY_STRING", "")
        self.path = environ["RAW_URI"].partition("?")[0]  # as it was sent: %2F is not a slash
        self.nonce = b64encode(os.urandom(12)).decode()
        self._environ = environ

    @cached_property
    def query(self):
        return phpisms.parse_query(self.query_string)

    @cached_property
    def form(self):
        if self.method != "POST":
            return {}
        length = min(int(self._environ.get("CONTENT_LENGTH") or 0), MAX_FORM)
        return phpisms.parse_query(self._environ["wsgi.input"].read(length).decode("latin-1"))

    @cached_property
    def cookies(self):
        found = {}
        for part in self.headers.get("cookie", "").split(";"):
            name, equals, value = part.strip().partition("=")
            if equals:
                found.setdefault(name, phpisms.urldecode(value))
        return found

    @property
    def site(self):
        """The site as the visitor sees it, without a final slash."""
        return f"{self.headers.get('x-forwarded-proto', 'http')}://{self.host}"


class Response:
    def __init__(self, body="", status=200, headers=()):
        self.body = body.encode("utf-8", "replace") if isinstance(body, str) else body
        self.status = status
        self.headers = list(headers)

    def add(self, name, value):
        self.headers.append((name, value))
        return self

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def path_segment(raw):
    return unquote_to_bytes(raw).decode("utf-8", "surrogateescape")


def redirect(location, status=302):
    return Response("", status, [("Content-Type", "text/html; charset=utf-8"), ("Location", location)])


def _vary_on_coding(response):
    others = response.header("Vary")
    response.headers = [(name, value) for name, value in response.headers if name != "Vary"]
    response.add("Vary", f"{others}, Accept-Encoding" if others else "Accept-Encoding")


def _compress(request, response):
    """Like the server before it: only whole pages of text."""
    kind = (response.header("Content-Type") or "").partition(";")[0]
    if response.status not in COMPRESSED_STATUS or kind not in COMPRESSED_TYPES:
        return
    _vary_on_coding(response)
    if "gzip" in request.headers.get("accept-encoding", ""):
        response.body = gzip.compress(response.body, compresslevel=6)
        response.add("Content-Encoding", "gzip")


def send(request, response, start_response):
    response.add("X-Request-Id", str(uuid.uuid4()))
    _compress(request, response)
    if response.status != 304:
        response.add("Content-Length", str(len(response.body)))
    start_response(f"{response.status} {HTTPStatus(response.status).phrase}", response.headers)
    return [] if request.method == "HEAD" else [response.body]
