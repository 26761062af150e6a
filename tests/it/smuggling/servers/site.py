"""Sites of three real servers that write down each request that they read: method, path and the length of the body, a line each.

    site.py http.server|gunicorn|uvicorn PORT LOG
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SERVER, PORT, LOG = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def note(method, path, length):
    """Before the answer: who has it can look."""
    with open(LOG, "a", encoding="latin-1", errors="replace") as log:
        log.write(f"{method} {path} {length}\n")
    return path.encode("latin-1", "replace")


def wsgi(environ, start_response):
    length = len(environ["wsgi.input"].read())
    body = note(environ["REQUEST_METHOD"], environ["PATH_INFO"], length)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    length, more = 0, True
    while more:
        event = await receive()
        length, more = length + len(event.get("body", b"")), event.get("more_body", False)
    body = note(scope["method"], scope["path"], length)
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Handler(BaseHTTPRequestHandler):
    """The standard library knows no chunks: its sites read them by themselves, and not all do it with care."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        length = 0
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                length += len(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        else:
            length = len(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        body = note(self.command, self.path, length)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer

    def log_message(self, *_):
        pass


if SERVER == "gunicorn":
    from gunicorn.app.base import BaseApplication

    class Site(BaseApplication):
        def load_config(self):
            settings = {"bind": f"127.0.0.1:{PORT}", "worker_class": "gthread", "threads": 4, "keepalive": 60}
            for key, value in settings.items():
                self.cfg.set(key, value)

        def load(self):
            return wsgi

    Site().run()
elif SERVER == "uvicorn":
    import uvicorn

    uvicorn.run(asgi, host="127.0.0.1", port=PORT, log_level="critical", timeout_keep_alive=60)
else:
    ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
