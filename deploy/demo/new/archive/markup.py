"""HTML: escaping, the frame of every page, the pieces that several pages share."""

import html
import os
import time

from . import packages, phpisms, sessions
from .web import Response

SITE_NAME = "Ficus Package Archive"
_DEPENDENCY_TITLES = (("depends", "Dependencies"), ("makedepends", "Needed to make it"), ("optdepends", "Optional"))


def h(text):
    """Escapes text for HTML. Text that is no UTF-8 becomes empty: the old stack's htmlspecialchars did that."""
    if text is None:
        return ""
    try:
        str(text).encode("utf-8")
    except UnicodeEncodeError:
        return ""
    return html.escape(str(text))


def moment(ts):
    return time.strftime("%Y-%m-%d %H:%M (UTC)", time.gmtime(ts))


def day(ts):
    return time.strftime("%Y-%m-%d", time.gmtime(ts))


def link(href, text, attributes=""):
    return f'<a{attributes} href="{h(href)}">{h(text)}</a>'


def package_link(row):
    return link(packages.uri(row["Name"]), row["Name"])


def user_link(username):
    return link("/account/" + phpisms.rawurlencode(username), username)


def _navigation(session):
    entries = ['<a href="/">Home</a>', '<a href="/packages/">Packages</a>', '<a href="/requests/">Requests</a>', '<a href="/statistics/">Statistics</a>']
    if session is not None and session["UsersID"] is not None:
        entries += ['<a href="/account">My Account</a>', f'<a href="/logout">Logout [{h(session["Username"])}]</a>']
    else:
        entries.append('<a href="/login">Login</a>')
    return "\n".join(f"<li>{entry}</li>" for entry in entries)


def security_headers(request):
    return [
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", f"default-src 'self'; img-src 'self' data:; script-src 'self' 'nonce-{request.nonce}'"),
    ]


def page(request, title, content, status=200):
    session = sessions.current(request)
    full_title = f"{h(title)} - {SITE_NAME}" if title else SITE_NAME
    body = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{full_title}</title>
<link rel="stylesheet" href="/css/archive.css" media="all" type="text/css">
<link rel="alternate" title="Newest Packages" href="/rss/" type="application/rss+xml">
<script nonce="{h(request.nonce)}" type="text/javascript">document.documentElement.className = "js";</script>
</head>
<body>
<div id="archdev-navbar"><ul>
{_navigation(session)}
</ul></div>
<div id="content">
{content}
</div>
<div id="footer">
<p>Packages are user-produced content.<br>Any use of the provided files is at your own risk.</p>
<p class="generated">Page generated {time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())} UTC</p>
</div>
<!-- worker {os.getpid()} -->
</body>
</html>
"""
    response = Response(body, status, security_headers(request))
    response.add("Content-Type", "text/html; charset=utf-8")
    response.add("Cache-Control", "no-cache, must-revalidate").add("Expires", "Thu, 19 Nov 1981 08:52:00 GMT").add("Pragma", "no-cache")
    return response.add("Vary", "Cookie")


def not_found(request):
    return page(
        request,
        "Page Not Found",
        """<div class="box 404" id="error-page">
<h2>404 - Page Not Found</h2>
<p>Sorry, the page you&#x27;ve requested does not exist.</p>
</div>""",
        404,
    )


def _options(chosen, texts):
    return "\n".join(f'<option{" selected" if key == chosen else ""} value="{key}">{text}</option>' for key, text in texts)


def search_form(params):
    by = (("nd", "Name, Description"), ("n", "Name Only"), ("m", "Maintainer"), ("k", "Keyword"))
    sort = (("n", "Name"), ("v", "Votes"), ("p", "Popularity"), ("m", "Maintainer"), ("l", "Last modified"))
    return f"""<form class="search" method="get" action="/packages/">
<fieldset>
<label>Keywords: <input name="q" type="text" value="{h(params['q'])}" size="30" maxlength="80"></label>
<label>Search by <select name="by">
{_options(params["by"], by)}
</select></label>
<label>Sort by <select name="SB">
{_options(params["SB"], sort)}
</select></label>
<label><input name="orphans" type="checkbox" value="on"{" checked" if params["orphans"] else ""}> Orphans only</label>
<input class="button" type="submit" value="Go">
</fieldset>
</form>"""


def dependency_lists(package_id):
    parts = []
    for kind, title in _DEPENDENCY_TITLES:
        names = packages.dependencies(package_id, kind)
        entries = "".join(f"<li>{h(name)}</li>" for name in names)
        parts.append(f'<h3>{title} ({len(names)})</h3>\n<ul class="{kind}">{entries}</ul>')
    return "\n".join(parts)
