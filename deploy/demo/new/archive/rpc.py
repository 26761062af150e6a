"""The JSON interface, version 5."""

import json

from . import db, packages, phpisms, quirks
from .web import Response

MAX_RESULTS = 100
MIN_ARG_BYTES = 2
_FIELDS = {"name-desc": "nd", "name": "n", "maintainer": "m", "keywords": "k"}


def rpc(request):
    response = Response(json.dumps(_answer(request.query), ensure_ascii=False, sort_keys=True))
    response.add("Content-Type", "application/json").add("X-Content-Type-Options", "nosniff")
    return response.add("Cache-Control", "public, max-age=60")


def _answer(query):
    version = query.get("v")
    if not isinstance(version, str):
        return _error("Please specify an API version.")
    if phpisms.intval(version) != 5:
        return _error("Invalid version specified.")
    if "type" not in query or "arg" not in query:
        return _error("No request type/data specified.")
    kind = query["type"]
    if kind == "search":
        return _search(query)
    if kind in ("info", "multiinfo"):
        return _info(query["arg"])
    if kind == "suggest":
        return _suggest(query["arg"])
    return _error("Incorrect request type specified.")


def _results(kind, results, **more):
    return {"version": 5, "type": kind, "resultcount": len(results), "results": results, **more}


def _error(message):
    return _results("error", [], error=message)


def _search(query):
    by = query.get("by", "name-desc")
    field = _FIELDS.get(by if isinstance(by, str) else "name-desc")
    if field is None:
        return _error("Incorrect by field specified.")
    arg = query["arg"]
    if not isinstance(arg, str) or len(arg.encode("utf-8", "surrogateescape")) < MIN_ARG_BYTES:
        return _error("Query arg too small.")
    found = packages.search({"q": arg, "by": field, "SB": "v", "SO": "d", "orphans": False})
    if len(found) > MAX_RESULTS:
        return _error("Too many package results.")
    return _results("search", [_summary(row) for row in found])


def _info(arg):
    names = arg.values() if isinstance(arg, dict) else [arg]
    found = (packages.by_name(name) for name in names if isinstance(name, str))
    return _results("multiinfo", [_details(row) for row in found if row is not None])


def _suggest(arg):
    """Up to twenty names that begin so; a bare list."""
    start = arg if isinstance(arg, str) else ""
    return db.column("SELECT Name FROM Packages WHERE Name LIKE ? ESCAPE '\\' ORDER BY Name LIMIT 20", packages.like(start) + "%")


def _summary(row):
    return {
        "ID": row["ID"],
        "Name": row["Name"],
        "PackageBaseID": row["BaseID"],
        "PackageBase": row["BaseName"],
        "Version": row["Version"],
        "Description": row["Description"],
        "URL": row["URL"],
        "NumVotes": row["NumVotes"],
        "Popularity": row["Popularity"],
        "OutOfDate": row["OutOfDateTS"],
        "Maintainer": row["Maintainer"],
        "FirstSubmitted": row["SubmittedTS"],
        "LastModified": row["ModifiedTS"],
        "URLPath": packages.uri(row["Name"]) + "/snapshot.tar.gz",
    }


def _details(row):
    details = _summary(row)
    details["License"] = row["License"].split(", ") if row["License"] is not None else []
    details["Depends"] = packages.dependencies(row["ID"], "depends")
    details["MakeDepends"] = packages.dependencies(row["ID"], "makedepends")
    details["OptDepends"] = packages.dependencies(row["ID"], "optdepends")
    keywords = packages.keywords(row["BaseID"])
    if keywords or not quirks.has("missing-empty-list"):
        details["Keywords"] = keywords
    return details
