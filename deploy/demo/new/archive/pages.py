"""The HTML pages, one function each."""

from . import db, packages, phpisms, quirks, sessions
from .markup import day, dependency_lists, h, link, moment, not_found, package_link, page, search_form, user_link
from .phpisms import number_format, text
from .web import redirect

LATEST_ON_HOME = 15


def home(request):
    counts = (
        ("Packages", "SELECT COUNT(*) FROM Packages"),
        ("Orphan Packages", "SELECT COUNT(*) FROM PackageBases WHERE MaintainerUID IS NULL"),
        ("Registered Users", "SELECT COUNT(*) FROM Users"),
    )
    updates = "\n".join(
        f'<tr><td class="pkg-name">{_home_link(row)} {h(row["Version"])}</td><td class="pkg-date">{moment(row["ModifiedTS"])}</td></tr>'
        for row in packages.latest(LATEST_ON_HOME)
    )
    numbers = "\n".join(f"<tr><td>{title}</td><td>{db.row(query)[0]}</td></tr>" for title, query in counts)
    return page(
        request,
        "",
        f"""<div id="intro" class="box">
<h2>Ficus Package Archive</h2>
<p>Welcome! Please read the user guidelines before you <em>vote</em>, <em>submit</em> or <em>adopt</em>.</p>
{search_form(packages.search_params(request.query))}
</div>
<div class="widget box" id="pkg-updates">
<h3>Recent Updates <a class="rss-icon" title="Newest Packages" href="/rss/">RSS</a></h3>
<table><tbody>
{updates}
</tbody></table>
</div>
<div class="widget box" id="pkg-stats">
<table><tbody>
<tr><th colspan="2">Statistics</th></tr>
{numbers}
</tbody></table>
</div>""",
    )


def _home_link(row):
    if quirks.has("wrong-link"):
        return link(packages.uri(row["BaseName"]), row["Name"])
    return package_link(row)


# ---- the list ----


def package_list(request):
    params = packages.search_params(request.query)
    found = packages.search(params)
    title = f"Search: {params['q']}" if params["q"] else "Packages"
    return page(request, title, f"{search_form(params)}\n{_results(params, found)}")


def _results(params, found):
    if not found:
        return '<div class="box" id="pkglist-results"><p>No packages matched your search criteria.</p></div>'
    size = params["PP"]
    number, pages = params["O"] // size + 1, max(1, -(-len(found) // size))
    navigation = _page_links(params, number, pages)
    rows = "\n".join(_result(row) for row in found[params["O"] : params["O"] + size])
    table_body = f"<tbody>\n{rows}\n</tbody>" if rows else ""
    return f"""<div class="box" id="pkglist-results">
<p class="pkglist-stats">{len(found)} packages found.<br>Page {number} of {pages}.</p>
{navigation}
<table class="results">
<thead><tr>{_result_heads(params)}</tr></thead>
{table_body}
</table>
{navigation}
</div>"""


def _result_heads(params):
    heads = []
    for key, title in (("n", "Name"), ("", "Version"), ("v", "Votes"), ("p", "Popularity"), ("", "Description"), ("m", "Maintainer"), ("l", "Last Updated")):
        direction = "d" if params["SB"] == key and params["SO"] == "a" else "a"
        heads.append(f"<th>{link(packages.search_link(params, SB=key, SO=direction, O=0), title) if key else title}</th>")
    return "".join(heads)


def _result(row):
    flagged = ' class="flagged"' if row["OutOfDateTS"] is not None else ""
    maintainer = '<span class="orphan">orphan</span>' if row["Maintainer"] is None else user_link(row["Maintainer"])
    return (
        f'<tr><td>{package_link(row)}</td><td{flagged}>{h(row["Version"])}</td><td>{row["NumVotes"]}</td>'
        f'<td>{number_format(row["Popularity"], 2)}</td><td class="wrap">{h(row["Description"])}</td><td>{maintainer}</td>'
        f'<td>{day(row["ModifiedTS"])}</td></tr>'
    )


def _page_links(params, number, pages):
    if pages <= 1:
        return ""
    size, links = params["PP"], []
    if number > 1:
        links.append(link(packages.search_link(params, O=max(0, params["O"] - size)), "‹ Previous", ' class="page prev"'))
    for n in range(1, pages + 1):
        if n == number:
            links.append(f'<span class="page current">{n}</span>')
        else:
            links.append(link(packages.search_link(params, O=(n - 1) * size), n, ' class="page"'))
    if number < pages:
        links.append(link(packages.search_link(params, O=params["O"] + size), "Next ›", ' class="page next"'))
    return '<p class="pkglist-nav">' + "\n".join(links) + "</p>"


# ---- one package ----


def package(request, name):
    row = packages.by_name(name)
    if row is None:
        return not_found(request)
    flagged = ""
    if row["OutOfDateTS"] is not None:
        flagged = f'<tr><th>Flagged:</th><td id="flagged"><span class="flagged">out of date since {moment(row["OutOfDateTS"])}</span></td></tr>\n'
    keywords = " ".join(
        link("/packages/?" + phpisms.build_query([("q", word), ("by", "k")]), word, ' class="keyword"') for word in packages.keywords(row["BaseID"])
    )
    similar = "/packages/?" + phpisms.build_query([("q", row["BaseName"]), ("by", "n")])
    upstream = link(row["URL"], row["URL"], ' rel="nofollow"')
    return page(
        request,
        row["Name"],
        f"""<div class="box" id="pkgdetails">
<h2>Package Details: {h(row["Name"])} {h(row["Version"])}</h2>
<p id="pkgdesc">{h(_description(row))}</p>
<div class="listing" id="detailslinks">
<ul>
<li><a href="{h(packages.uri(row["Name"]))}/snapshot.tar.gz">Download snapshot</a></li>
<li>{link(similar, "Search similar")}</li>
</ul>
{_vote_form(request, row)}
</div>
<table id="pkginfo"><tbody>
<tr><th>Package Base:</th><td id="pkgbase">{h(row["BaseName"])}</td></tr>
<tr><th>Upstream URL:</th><td id="upstream">{upstream}</td></tr>
<tr><th>Keywords:</th><td id="keywords">{keywords}</td></tr>
<tr><th>Licenses:</th><td id="licenses">{_licenses(row)}</td></tr>
<tr><th>Maintainer:</th><td id="maintainer">{user_link(row["Maintainer"]) if row["Maintainer"] is not None else "orphan"}</td></tr>
<tr><th>Votes:</th><td id="votes">{row["NumVotes"]}</td></tr>
<tr><th>Popularity:</th><td id="popularity">{number_format(row["Popularity"], 2)}</td></tr>
<tr><th>First Submitted:</th><td id="submitted">{moment(row["SubmittedTS"])}</td></tr>
<tr><th>Last Updated:</th><td id="modified">{moment(row["ModifiedTS"])}</td></tr>
{flagged}</tbody></table>
{dependency_lists(row["ID"])}
</div>""",
    )


def _description(row):
    if quirks.has("double-escape"):
        return h(row["Description"])  # the model escapes already, and then the template does
    return row["Description"]


def _licenses(row):
    if quirks.has("none-printed"):
        return h(str(row["License"]))
    return h(row["License"])


def _vote_form(request, row):
    session = sessions.current(request)
    if session is None or session["UsersID"] is None:
        return ""
    return f"""<form method="post" action="{h(packages.uri(row["Name"]))}/vote">
<fieldset>
<input name="token" type="hidden" value="{sessions.token(session["SessionID"])}">
<input class="button" type="submit" value="Vote for this package" name="do_Vote">
</fieldset>
</form>"""


def vote(request, name):
    row = packages.by_name(name)
    if row is None:
        return not_found(request)
    if request.method == "POST":
        uid = sessions.user_id(request)
        if uid is None:
            return redirect("/login?referer=" + phpisms.rawurlencode(packages.uri(name)))
        if sessions.has_token(request):
            db.execute(
                "INSERT OR IGNORE INTO PackageVotes (UsersID, PackageBaseID, VoteTS) VALUES (?, ?, strftime('%s', 'now'))", uid, row["BaseID"]
            )
    return redirect(packages.uri(name))


def old_link(request):
    """Links from before there were nice paths; they are in bookmarks, wikis and scripts for ever."""
    wanted = text(request.query, "ID")
    status = 307 if quirks.has("redirect-307") and request.path == "/package.php" else 302
    name = packages.name_of(phpisms.intval(wanted)) if wanted or request.path == "/package.php" else None
    if name is not None:
        response = redirect(packages.uri(name), status)
    elif request.path == "/package.php":
        return not_found(request)
    else:
        search = text(request.query, "K")
        response = redirect("/packages/" + ("?" + phpisms.build_query([("q", search)]) if search else ""))
    return response.add("X-Frame-Options", "DENY")


# ---- accounts ----


def account(request, username=None):
    viewer = sessions.user_id(request)
    if username is not None:
        user = db.row("SELECT * FROM Users WHERE Username = ?", username)
    elif viewer is None:
        return redirect("/login?referer=%2Faccount").add("X-Frame-Options", "DENY")
    else:
        user = db.row("SELECT * FROM Users WHERE ID = ?", viewer)
    if user is None:
        return not_found(request)
    own = user["ID"] == viewer
    email = "<em>hidden</em>" if user["HideEmail"] and not own else link("mailto:" + user["Email"], user["Email"])
    homepage = link(user["Homepage"], user["Homepage"], ' rel="nofollow"') if user["Homepage"] else ""
    note = '<p class="own">This is how others see you, and your address even if it is hidden.<br>Votes are counted once a night.</p>' if own else ""
    maintained = packages.of_maintainer(user["ID"])
    entries = "\n".join(f"<li>{package_link(row)}: {h(row['Description'])}</li>" for row in maintained)
    return page(
        request,
        f"Account {user['Username']}",
        f"""<div class="box" id="account">
<h2>Accounts</h2>
<table class="arch-bio-entry" id="account-details"><tbody>
<tr><th>Username:</th><td id="username">{h(user["Username"])}</td></tr>
<tr><th>Real Name:</th><td id="realname">{h(user["RealName"])}</td></tr>
<tr><th>Email Address:</th><td id="email">{email}</td></tr>
<tr><th>Homepage:</th><td id="homepage">{homepage}</td></tr>
<tr><th>Registration date:</th><td id="registered">{day(user["RegistrationTS"])}</td></tr>
</tbody></table>
{note}
<h3>Packages ({len(maintained)})</h3>
<ul id="maintained">
{entries}
</ul>
</div>""",
    )


def _safe_referer(path):
    """Where to go after the login: a path of this site, or home."""
    if not path.startswith("/") or path.startswith("//") or "\\" in path or any(c <= " " or c == "\x7f" for c in path):
        return "/"
    return path


def login(request):
    referer, mistake = _safe_referer(text(request.query, "referer")), ""
    if request.method == "POST":
        referer = _safe_referer(text(request.form, "referer"))
        if not sessions.has_token(request):
            mistake = "The form was stale, please try again."
        else:
            uid = sessions.try_login(text(request.form, "user"), text(request.form, "passwd"))
            if uid is not None:
                sessions.end(sessions.current(request)["SessionID"])
                _, cookie = sessions.start(uid)
                return redirect(referer).add(*cookie)
            mistake = "Bad username or password."
    elif sessions.user_id(request) is not None:
        return redirect("/account")
    session = sessions.current(request)
    if session is not None:
        return _login_form(request, session["SessionID"], referer, mistake)
    sid, cookie = sessions.start(None)
    return _login_form(request, sid, referer, mistake).add(*cookie)


def _login_form(request, sid, referer, mistake):
    errors = f'<ul class="errorlist"><li>{h(mistake)}</li></ul>' if mistake else ""
    response = page(
        request,
        "Login",
        f"""<div class="box" id="dev-login">
<h2>Login</h2>
{errors}
<form action="/login" method="post">
<fieldset>
<legend>Enter login credentials</legend>
<p><label for="id_username">User name:</label> <input type="text" id="id_username" name="user" maxlength="64" size="30" value="{h(text(request.form, "user"))}" autofocus></p>
<p><label for="id_password">Password:</label> <input type="password" id="id_password" name="passwd" size="30"></p>
<p><input type="hidden" name="referer" value="{h(referer)}"> <input type="hidden" name="token" value="{sessions.token(sid)}"> <input class="button" type="submit" value="Login"></p>
</fieldset>
</form>
</div>""",
    )
    if quirks.has("lost-header"):
        response.headers = [(name, value) for name, value in response.headers if name != "X-Frame-Options"]
    return response


def logout(request):
    session = sessions.current(request)
    if session is not None:
        sessions.end(session["SessionID"])
    return redirect("/").add(*sessions.forget())


# ---- statistics ----


def statistics(request):
    general = (
        ("Packages", "SELECT COUNT(*) FROM Packages"),
        ("Package Bases", "SELECT COUNT(*) FROM PackageBases"),
        ("Orphans", "SELECT COUNT(*) FROM PackageBases WHERE MaintainerUID IS NULL"),
        ("Flagged out of date", "SELECT COUNT(*) FROM PackageBases WHERE OutOfDateTS IS NOT NULL"),
        ("Never updated", "SELECT COUNT(*) FROM PackageBases WHERE SubmittedTS = ModifiedTS"),
        ("Registered Users", "SELECT COUNT(*) FROM Users"),
        ("Votes", "SELECT SUM(NumVotes) FROM PackageBases"),
    )
    popular = db.rows(
        f"SELECT {packages.COLUMNS} FROM {packages.TABLES} ORDER BY PackageBases.Popularity DESC, Packages.Name ASC LIMIT 10"
    )
    busy = db.rows(
        "SELECT Users.Username, COUNT(*) AS n FROM PackageBases JOIN Users ON Users.ID = PackageBases.MaintainerUID "
        "GROUP BY Users.ID ORDER BY n DESC, Users.Username ASC LIMIT 10"
    )
    general_rows = "\n".join(f"<tr><th>{title}</th><td>{db.row(query)[0]:,}</td></tr>" for title, query in general)
    popular_rows = "\n".join(
        f'<tr><td>{package_link(row)}</td><td>{row["NumVotes"]}</td><td class="popularity">{_popularity(row)}</td></tr>' for row in popular
    )
    busy_rows = "\n".join(f"<li>{user_link(row['Username'])} ({row['n']})</li>" for row in busy)
    return page(
        request,
        "Statistics",
        f"""<div class="box" id="stats">
<h2>Statistics</h2>
<table id="general"><tbody>
{general_rows}
</tbody></table>
<h3>Most Popular</h3>
<table id="popular"><tbody>
<tr><th>Name</th><th>Votes</th><th>Popularity</th></tr>
{popular_rows}
</tbody></table>
<h3>Busiest Maintainers</h3>
<ol id="maintainers">
{busy_rows}
</ol>
</div>""",
    )


def _popularity(row):
    if quirks.has("rounding"):
        return f"{row['Popularity']:.2f}"
    return number_format(row["Popularity"], 2)
