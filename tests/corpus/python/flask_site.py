"""The port in Flask; run under gunicorn."""

import datetime
import html
import json
import math
import re
import sqlite3
import urllib.parse
from decimal import Decimal

import jinja2
from flask import (Flask, Response, abort, current_app, flash, jsonify, make_response, redirect, render_template_string, request,
                   send_file, session, url_for)
from markupsafe import Markup, escape

try:
    import orjson
except ImportError:
    orjson = None

app = Flask(__name__, static_folder=None)
app.secret_key = "not a secret"

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{ title }}</title>
</head>
<body>
%s
</body>
</html>
"""


def page(title, body, **values):
    return render_template_string(PAGE % body, title=title, **values)


def dumps(value, **how):
    return Response(json.dumps(value, **how), mimetype="application/json")


def fast(value, **how):
    return Response(orjson.dumps(value, **how), mimetype="application/json")


def db():
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.executescript(
        "CREATE TABLE packages (id INTEGER, name TEXT, votes INTEGER, popularity REAL, price NUMERIC, flagged INTEGER, note TEXT);"
        "INSERT INTO packages VALUES (1, 'alpha', 12, 1.5, 10.25, 0, NULL), (2, 'beta', 7, 0.25, 3, 1, 'old'), (3, 'gamma', 0, 12.0, 0.1, 0, '');")
    return connection


# @views@
