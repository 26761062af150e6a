"""Packages: finding, sorting, describing."""

from . import db, phpisms, quirks

PER_PAGE = (50, 100, 250)
COLUMNS = """Packages.ID, Packages.Name, Packages.Version, Packages.Description, Packages.URL, Packages.License,
    PackageBases.ID AS BaseID, PackageBases.Name AS BaseName, PackageBases.NumVotes, PackageBases.Popularity,
    PackageBases.OutOfDateTS, PackageBases.SubmittedTS, PackageBases.ModifiedTS, Users.Username AS Maintainer"""
TABLES = """Packages JOIN PackageBases ON PackageBases.ID = Packages.PackageBaseID
    LEFT JOIN Users ON Users.ID = PackageBases.MaintainerUID"""
_ORDERS = {
    "v": "PackageBases.NumVotes {0}, Packages.Name ASC",
    "l": "PackageBases.ModifiedTS {0}, Packages.Name ASC",
    "m": "Users.Username {0}, Packages.Name ASC",
    "n": "Packages.Name ASC",
    "p": "PackageBases.Popularity {0}, Packages.Name ASC",
}


def by_name(name):
    return db.row(f"SELECT {COLUMNS} FROM {TABLES} WHERE Packages.Name = ?", name)


def name_of(package_id):
    found = db.row("SELECT Name FROM Packages WHERE ID = ?", package_id)
    return None if found is None else found["Name"]


def dependencies(package_id, kind):
    return db.column("SELECT DepName FROM PackageDepends WHERE PackageID = ? AND DepType = ? ORDER BY rowid", package_id, kind)


def keywords(base_id):
    return db.column("SELECT Keyword FROM PackageKeywords WHERE PackageBaseID = ? ORDER BY Keyword", base_id)


def latest(count):
    return db.rows(f"SELECT {COLUMNS} FROM {TABLES} ORDER BY PackageBases.ModifiedTS DESC, Packages.ID ASC LIMIT {count}")


def of_maintainer(uid):
    return db.rows(f"SELECT {COLUMNS} FROM {TABLES} WHERE PackageBases.MaintainerUID = ? ORDER BY Packages.Name", uid)


def uri(name):
    return "/packages/" + phpisms.rawurlencode(name)


def like(text):
    """Text as it stands in a LIKE pattern."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def search_params(query):
    """What the visitor asked the package list for, every value made sane."""
    sort, direction, by = (phpisms.text(query, name) for name in ("SB", "SO", "by"))
    per_page = phpisms.intval(phpisms.text(query, "PP"))
    return {
        "q": phpisms.trim(phpisms.text(query, "q")),
        "by": by if by in ("n", "m", "k") else "nd",
        "SB": sort if sort in ("n", "v", "l", "m") else "p",
        "SO": direction if direction in ("a", "d") else "a" if sort in ("n", "m") else "d",
        "O": max(0, phpisms.intval(phpisms.text(query, "O"))),
        "PP": per_page if per_page in PER_PAGE else PER_PAGE[0],
        "orphans": phpisms.text(query, "orphans") == "on",
    }


def _condition(params):
    text, anywhere = params["q"], f"%{like(params['q'])}%"
    if text == "":
        return "1 = 1", []
    if params["by"] == "n":
        return "Packages.Name LIKE ? ESCAPE '\\'", [anywhere]
    if params["by"] == "m":
        return "Users.Username = ?", [text]
    if params["by"] == "k":
        return "PackageBases.ID IN (SELECT PackageBaseID FROM PackageKeywords WHERE Keyword = ?)", [text]
    return "(Packages.Name LIKE ? ESCAPE '\\' OR Packages.Description LIKE ? ESCAPE '\\')", [anywhere, anywhere]


def search(params):
    """All packages that a search finds, in its order."""
    where, args = _condition(params)
    if params["orphans"]:
        where += " AND PackageBases.MaintainerUID IS NULL"
    order = _ORDERS[params["SB"]].format("ASC" if params["SO"] == "a" else "DESC")
    found = db.rows(f"SELECT {COLUMNS} FROM {TABLES} WHERE {where} ORDER BY {order}", *args)
    if params["SB"] == "n":
        return sorted(found, key=_browsing_order if params["q"] == "" else _searching_order, reverse=params["SO"] == "d")
    return found


def _browsing_order(row):
    return phpisms.natural_key(row["Name"])


def _searching_order(row):
    if quirks.has("sort-order"):
        return row["Name"]
    return _browsing_order(row)


def search_link(params, **changes):
    """A link to the same list, some values changed."""
    wanted = {**params, **changes, "orphans": "on" if params["orphans"] else ""}
    return "/packages/?" + phpisms.build_query((name, value) for name, value in wanted.items() if value != "")
