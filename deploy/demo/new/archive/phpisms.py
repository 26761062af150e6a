"""What PHP does by itself and a port has to do on purpose: its query strings, its integers, its rounding, its natural order."""

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import cmp_to_key
from urllib.parse import quote, unquote_to_bytes

_LEADING_NUMBER = re.compile(r"[ \t\n\r\v\f]*([+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?))")
_WHITE = " \t\n\r\0\x0b"


def urldecode(raw):
    """Undecodable bytes survive as surrogates, so that text() below can tell."""
    return unquote_to_bytes(raw.replace("+", " ")).decode("utf-8", "surrogateescape")


def parse_query(raw):
    """`$_GET`: the last of equal keys wins; `a[]=1&a[]=2` is a list; `.` and blanks in names become `_`."""
    values = {}
    for part in raw.split("&"):
        name, _, value = part.partition("=")
        name, value = urldecode(name).lstrip(" "), urldecode(value)
        if not name or name.startswith("["):
            continue
        base, bracket, rest = name.partition("[")
        base = re.sub(r"[ .]", "_", base)
        if not bracket or "]" not in rest:
            values[re.sub(r"[ .\[]", "_", name)] = value
            continue
        entries = values.get(base)
        if not isinstance(entries, dict):
            entries = values[base] = {}
        key = rest.partition("]")[0]
        entries[key if key else str(len(entries))] = value
    return values


def text(values, name):
    """The text under a name; empty when it is missing or a list."""
    value = values.get(name, "")
    return value if isinstance(value, str) else ""


def trim(value):
    return value.strip(_WHITE)


def intval(value):
    found = _LEADING_NUMBER.match(value)
    if not found:
        return 0
    number = found.group(1)
    whole = int(float(number)) if re.search(r"[.eE]", number) else int(number)
    return max(-(2**63), min(2**63 - 1, whole))


def number_format(value, decimals):
    """Rounds halves away from zero, as the number reads in 15 digits; Python's own formatting rounds the binary value."""
    rounded = Decimal(f"{float(value):.15g}").quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return f"{rounded:,.{decimals}f}"


def rawurlencode(value):
    return quote(value, safe="", errors="surrogateescape")


def build_query(pairs):
    return "&".join(f"{rawurlencode(name)}={rawurlencode(str(value))}" for name, value in pairs)


# ---- natural order ----

_DIGITS = re.compile(rb"[0-9]+")
_LEADING_ZEROS = re.compile(rb"0+(?=[0-9])")


def _strnatcasecmp(a, b):
    """PHP's strnatcasecmp on names without blanks: runs of digits by value, the rest byte by byte, ASCII case aside."""
    a, b = _folded(a), _folded(b)
    at, bt = 0, 0
    while at < len(a) and bt < len(b):
        run_a, run_b = _DIGITS.match(a, at), _DIGITS.match(b, bt)
        if run_a and run_b:
            order = _compare_runs(run_a.group(), run_b.group())
            if order:
                return order
            at, bt = run_a.end(), run_b.end()
            continue
        if a[at] != b[bt]:
            return -1 if a[at] < b[bt] else 1
        at, bt = at + 1, bt + 1
    return (len(a) - at > 0) - (len(b) - bt > 0)


def _folded(name):
    """Upper case, ASCII only; zeros at the very start count for nothing."""
    folded = name.encode("utf-8", "surrogateescape").upper()
    zeros = _LEADING_ZEROS.match(folded)
    return folded[zeros.end():] if zeros else folded


def _compare_runs(a, b):
    """The longer run is the greater number; but with a zero in front both are read like digits after a decimal point."""
    fractional = a.startswith(b"0") or b.startswith(b"0")
    if not fractional and len(a) != len(b):
        return -1 if len(a) < len(b) else 1
    return (a > b) - (a < b)


natural_key = cmp_to_key(_strnatcasecmp)
