"""Cases that are a page: the body alone is written, in each stack's template language; the frame is the sites' own."""

from case import C, O, R, Port, pair

TITLE = "Packages"


def php_page(body, setup=""):
    return f"<?php {setup} page_start('{TITLE}'); ?>\n{body}\n<?php page_end();"


def flask_page(body, setup="", values="", **more):
    return Port(f"{setup}\nreturn page({TITLE!r}, {body!r}{', ' + values if values else ''})", **more)


def django_page(body, setup="", values="", **more):
    return Port(f"{setup}\nreturn page(request, {TITLE!r}, {body!r}{', ' + values if values else ''})", **more)


def go_page(body, value="nil", setup="", **more):
    assert "`" not in body
    return Port(f'{setup}\npage(w, "{TITLE}", `{body}`, {value})', **more)


def html(id, row, reason, php, flask=None, go=None, django=None, *, setup="", values="", go_value="nil", py_setup="", go_setup="", **more):
    """Template texts of the page's body; `values` are those of Jinja and Django, `go_value` is Go's dot."""
    pair(id, row, reason, php_page(php, setup),
         flask=flask and (flask if isinstance(flask, Port) else flask_page(flask, py_setup, values)),
         django=django and (django if isinstance(django, Port) else django_page(django, py_setup, values)),
         go=go and (go if isinstance(go, Port) else go_page(go, go_value, go_setup)), **more)
