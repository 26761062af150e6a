"""The WSGI entry: paths and the pages behind them.

Not ported yet: `/requests/` (unknown here, so 404) and the snapshot download (known, but 501 with X-Not-Ported).
"""

from . import db, feed, pages, rpc
from .markup import not_found
from .web import Request, Response, path_segment, redirect, send

_PAGES = {
    "/": pages.home,
    "/packages/": pages.package_list,
    "/package.php": pages.old_link,
    "/packages.php": pages.old_link,
    "/rpc": rpc.rpc,
    "/rpc/": rpc.rpc,
    "/rpc.php": rpc.rpc,
    "/rss/": feed.rss,
    "/login": pages.login,
    "/logout": pages.logout,
    "/account": pages.account,
    "/statistics/": pages.statistics,
}
_MOVED = {
    "/packages": "/packages/",
    "/rss": "/rss/",
    "/statistics": "/statistics/",
    "/login/": "/login",
    "/account/": "/account",
}


def _health(_request):
    return Response(f"ok {db.row('SELECT COUNT(*) FROM Packages')[0]} packages\n", 200, [("Content-Type", "text/plain; charset=utf-8")])


def _moved(request, path):
    """Keeps the query when a path moves."""
    return redirect(path + ("?" + request.query_string if request.query_string else ""), 301)


def _below_packages(request, name, rest):
    if rest == []:
        return pages.package(request, path_segment(name))
    if rest == [""]:
        return _moved(request, "/packages/" + name)
    if rest == ["vote"]:
        return pages.vote(request, path_segment(name))
    if rest == ["snapshot.tar.gz"]:
        return Response("not ported yet\n", 501, [("Content-Type", "text/plain; charset=utf-8"), ("X-Not-Ported", "snapshot")])
    return not_found(request)


def _route(request):
    path = request.path
    if path == "/healthz":
        return _health(request)
    if path in _PAGES:
        return _PAGES[path](request)
    if path in _MOVED:
        return _moved(request, _MOVED[path])
    _, *segments = path.split("/")
    if len(segments) >= 2 and segments[0] == "packages" and segments[1]:
        return _below_packages(request, segments[1], segments[2:])
    if len(segments) == 2 and segments[0] == "account":
        return pages.account(request, path_segment(segments[1]))
    return not_found(request)


def application(environ, start_response):
    request = Request(environ)
    return send(request, _route(request), start_response)
