"""The shared SQLite file: one connection per worker, every statement its own transaction."""

import os
import sqlite3
from functools import lru_cache

BUSY_SECONDS = 5


@lru_cache(maxsize=1)
def _connection():
    connection = sqlite3.connect(os.environ["DEMO_DB"], timeout=BUSY_SECONDS, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


def _bindable(args):
    """SQLite takes no half characters; what is none finds nothing, here as on the old stack."""
    return [arg.encode("utf-8", "replace").decode() if isinstance(arg, str) else arg for arg in args]


def rows(query, *args):
    return _connection().execute(query, _bindable(args)).fetchall()


def row(query, *args):
    return _connection().execute(query, _bindable(args)).fetchone()


def column(query, *args):
    return [found[0] for found in rows(query, *args)]


def execute(query, *args):
    _connection().execute(query, _bindable(args))
