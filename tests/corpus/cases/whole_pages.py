"""Whole pages and files, as a site has them: many small differences at once, and one bug among them."""

from case import C, O, R, Ask, Port, pair, sort
from pages import flask_page, go_page, html, php_page

sort("html")

# ---- a search page: form, table, pages; written by three people who never met ----
SEARCH_PHP = """<?php
$rows = [['id' => 1, 'name' => 'alpha', 'note' => "It's <fast>", 'votes' => 1234, 'old' => false], ['id' => 2, 'name' => 'béta & co', 'note' => null, 'votes' => 0, 'old' => true],
         ['id' => 3, 'name' => 'c++', 'note' => '', 'votes' => 7, 'old' => false]];
$q = $_GET['q'] ?? ''; $by = $_GET['by'] ?? 'name';
page_start('Search'); ?>
<form action="/search" method="get" class="search wide">
  <fieldset>
    <input type="text" name="q" value="<?= htmlspecialchars($q) ?>" maxlength="64" />
    <select name="by"><?php foreach (['name' => 'Name', 'votes' => 'Votes'] as $key => $label): ?><option value="<?= $key ?>"<?= $by == $key ? ' selected="selected"' : '' ?>><?= $label ?></option><?php endforeach ?></select>
    <input type="submit" value="Go" />
  </fieldset>
</form>
<p>3 packages found. Page 1 of 1.</p>
<table class="results">
<thead><tr><th>Name</th><th>Votes</th><th>Note</th></tr></thead>
<tbody>
<?php foreach ($rows as $i => $row): ?>
  <tr class="<?= $i % 2 ? 'even' : 'odd' ?><?= $row['old'] ? ' flagged' : '' ?>">
    <td><a href="/packages/<?= rawurlencode($row['name']) ?>/?by=<?= urlencode($by) ?>&amp;q=<?= urlencode($q) ?>"><?= htmlspecialchars($row['name']) ?></a></td>
    <td><?= number_format($row['votes']) ?></td>
    <td class="wrap"><?= htmlspecialchars($row['note'] ?? '') ?></td>
  </tr>
<?php endforeach ?>
</tbody>
</table>
<!-- <?= count($rows) ?> rows -->
<?php page_end();"""
ROWS_PY = """[{'id': 1, 'name': 'alpha', 'note': "It's <fast>", 'votes': 1234, 'old': False}, {'id': 2, 'name': 'béta & co', 'note': None, 'votes': 0, 'old': True}, {'id': 3, 'name': 'c++', 'note': '', 'votes': 7, 'old': False}]"""
SEARCH_JINJA = """<form action="/search" method="get" class="wide search">
    <fieldset>
        <input name="q" type="text" maxlength="64" value="{{ q }}">
        <select name="by">
        {%- for key, label in (('name', 'Name'), ('votes', 'Votes')) %}
            <option value="{{ key }}"{% if by == key %} selected{% endif %}>{{ label }}</option>
        {%- endfor %}
        </select>
        <input type="submit" value="Go">
    </fieldset>
</form>
<p>
    {{ rows|length }} packages found.
    Page 1 of 1.
</p>
<table class="results">
    <thead>
        <tr><th>Name</th><th>Votes</th><th>Note</th></tr>
    </thead>
    <tbody>
    {% for row in rows %}
        <tr class="{{ loop.cycle('odd', 'even') }}{% if row.old %} flagged{% endif %}">
            <td><a href="/packages/{{ row.name|urlencode }}/?by={{ by|urlencode }}&amp;q={{ q|urlencode }}">{{ row.name }}</a></td>
            <td>{{ '{:,}'.format(row.votes) }}</td>
            <td class="wrap">{{ row.note or '' }}</td>
        </tr>
    {% endfor %}
    </tbody>
</table>"""
SEARCH_VALUES = f"rows={ROWS_PY}, q=request.args.get('q', ''), by=request.args.get('by', 'name')"
ASKED = Ask(path="?q=it%27s+%22a%22&by=votes")


def search(id, row, reason, old="", new="", at=None, **more):
    """The search page with one change of its template; without one it is the same page."""
    assert not old or old in SEARCH_JINJA, id
    body = SEARCH_JINJA.replace(old, new) if old else SEARCH_JINJA
    pair(f"search-{id}", row, reason, SEARCH_PHP, at=at, ask=ASKED, flask=Port(f"answer = page('Search', {body!r}, {SEARCH_VALUES})\nreturn answer"), **more)


TR = "html > body > table > tbody > tr:nth-child({})"
search("same", C, "the same page by two template languages")
search("none", R, "None in one cell", "{{ row.note or '' }}", "{{ row.note }}", TR.format(2) + " > td:nth-child(3)")
search("thousands", R, "no separator of thousands", "{{ '{:,}'.format(row.votes) }}", "{{ row.votes }}", TR.format(1) + " > td:nth-child(2)")
search("unescaped", R, "one cell is not escaped", "{{ row.note or '' }}", "{{ row.note|safe if row.note else '' }}", None)
search("double", R, "one cell is escaped twice", "{{ row.note or '' }}", "{{ (row.note or '')|e|string|forceescape if row.note else '' }}", TR.format(1) + " > td:nth-child(3)")
search("unselected", R, "the choice is forgotten", "{% if by == key %} selected{% endif %}", "", None)
search("query-lost", R, "links lose the query", "&amp;q={{ q|urlencode }}", "", TR.format(1) + " > td:nth-child(1) > a[href]")
search("field-lost", R, "the field forgets what was typed", ' value="{{ q }}"', "", "html > body > form > fieldset > input:nth-child(1)[value]")
search("method", R, "the form posts", 'method="get"', 'method="post"', "html > body > form[method]")
search("reversed", R, "rows in another order", "for row in rows", "for row in rows|reverse", None)
search("one-lost", R, "the last row is cut off", "for row in rows", "for row in rows[:-1]", TR.format(3))
search("all-first", R, "each row shows the first one's name", ">{{ row.name }}<", ">{{ rows[0].name }}<", TR.format(2) + " > td:nth-child(1) > a")
search("class", R, "flagged rows look like others", "{% if row.old %} flagged{% endif %}", "", TR.format(2) + "[class]")
search("cycle", R, "odd and even exchanged", "loop.cycle('odd', 'even')", "loop.cycle('even', 'odd')", TR.format(1) + "[class]")
search("count", R, "the count is of something else", "{{ rows|length }} packages", "{{ rows[0]|length }} packages", "html > body > p")
search("plus", R, "a plus in a path is written as itself", "{{ row.name|urlencode }}", "{{ row.name|replace('+', '%20')|replace(' ', '%20')|replace('&', '%26') }}", TR.format(3) + " > td:nth-child(1) > a[href]")
search("heading", R, "a column's heading", "<th>Votes</th>", "<th>Vote</th>", "html > body > table > thead > tr > th:nth-child(2)")
search("maxlength", R, "a longer text may be typed", 'maxlength="64"', 'maxlength="255"', "html > body > form > fieldset > input:nth-child(1)[maxlength]")
search("extra", R, "a debug line at the end", "</table>", "</table><p>Q: 3</p>", "html > body > p:nth-child(4)")

# ---- forms: written by hand against Django's ----
pair("form-django", C, "a field of Django's forms against one by hand", php_page('<form method="post" action="/save"><p><label for="id_name">Name:</label> <input type="text" name="name" maxlength="32" required id="id_name" value="O&#039;Neil" /></p></form>'),
     django="""class NameForm(forms.Form):
    name = forms.CharField(max_length=32)
return page(request, 'Packages', '<form method="post" action="/save">{{ form.as_p }}</form>', form=NameForm(initial={'name': "O'Neil"}))""")
pair("form-django-required", R, "Django's field need not be filled", php_page('<form method="post" action="/save"><p><label for="id_name">Name:</label> <input type="text" name="name" maxlength="32" required id="id_name" /></p></form>'), at="#id_name[required]",
     django="""class NameForm(forms.Form):
    name = forms.CharField(max_length=32, required=False)
return page(request, 'Packages', '<form method="post" action="/save">{{ form.as_p }}</form>', form=NameForm())""")
pair("form-django-error", R, "an error is told in a list", php_page('<form method="post"><p class="error">This field is required.</p></form>'),
     django="""class NameForm(forms.Form):
    name = forms.CharField()
return page(request, 'Packages', '<form method="post">{{ form.name.errors }}</form>', form=NameForm({}))""")
pair("django-linebreaks", C, "nl2br against linebreaksbr", php_page("<p><?= nl2br(h(\"a & b\\nc\")) ?></p>"), django="return page(request, 'Packages', '<p>{{ t|linebreaksbr }}</p>', t='a & b\\nc')")
pair("django-url", R, "reverse() adds a slash", php_page('<a id="it" href="/packages/1">x</a>'), at="#it[href]", django="return page(request, 'Packages', '<a id=\"it\" href=\"/packages/{{ n }}/\">x</a>', n=1)")
pair("django-localized", R, "thousands by the locale", php_page('<p id="it"><?= 1234567 ?></p>'), at="#it", django="from django.utils import translation\nfrom django.contrib.humanize.templatetags.humanize import intcomma\nreturn page(request, 'Packages', '<p id=\"it\">{{ n }}</p>', n=intcomma(1234567))")
html("jinja-trim", C, "white space control of templates", "<ul><?php foreach (['a', 'b'] as $t): ?><li><?= $t ?></li><?php endforeach ?></ul>", "<ul>\n{%- for t in 'ab' %}\n<li>\n{{ t }}\n</li>\n{%- endfor %}\n</ul>", "<ul>{{ range . }}\n  <li>{{ . }}</li>{{ end }}\n</ul>",
     "<ul>{% for t in 'ab' %}<li>{{ t }}</li>\n\n{% endfor %}</ul>", go_value='L{"a", "b"}')
html("go-css", C, "Go writes a style as it is", '<p style="color: #f00">x</p>', '<p style="color:#f00;">x</p>', '<p style="color: {{ . }}">x</p>', go_value='template.CSS("#f00")')
html("go-js", R, "Go writes a value into a script as JSON", '<script id="s">var n = 5;</script>', None, '<script id="s">var n = {{ . }};</script>', go_value='"5"', at="#s")
html("go-attribute-newline", C, "a line end in an attribute", "<p title=\"a\nb\">x</p>", "<p title=\"{{ 'a\\nb' }}\">x</p>", None)
html("jinja-autoescape-json", C, "tojson escapes < & ' in a script", "<script type=\"application/json\"><?= json_encode(['a' => '</script>', 'b' => \"it's\"]) ?></script>", "<script type=\"application/json\">{{ {'a': '</script>', 'b': \"it's\"}|tojson }}</script>")
html("obfuscated-mail", R, "an address that was hidden from robots", "<p id=\"it\"><?php foreach (str_split('a@x.example') as $c) echo '&#', ord($c), ';' ?></p>", "<p id=\"it\">b@x.example</p>", at="#it")
html("obfuscated-mail-same", C, "an address written in numbers", "<p id=\"it\"><?php foreach (str_split('a@x.example') as $c) echo '&#', ord($c), ';' ?></p>", "<p id=\"it\">a@x.example</p>")
html("definition", C, "a definition list by two hands", "<dl>\n<dt>Licence\n<dd>GPL\n<dt>Votes\n<dd><?= 12 ?>\n</dl>", "<dl><dt>Licence</dt><dd>GPL</dd><dt>Votes</dt><dd>{{ 12 }}</dd></dl>")
html("nav-current", R, "another page is the current one", '<nav><a href="/" class="current">Home</a> <a href="/p">Packages</a></nav>', '<nav><a href="/">Home</a> <a href="/p" class="current">Packages</a></nav>')
html("details", R, "opened", '<details id="it"><summary>x</summary>y</details>', '<details id="it" open><summary>x</summary>y</details>', at="#it[open]")
html("radio", R, "another radio button", '<form><input type="radio" name="r" value="1" checked="checked" id="a"><input type="radio" name="r" value="2" id="b"></form>', '<form><input type="radio" name="r" value="1" id="a"><input type="radio" name="r" value="2" checked id="b"></form>', at="#b[checked]")
html("optgroup", C, "a group of options", '<select name="s"><optgroup label="x"><option>a<option>b</optgroup></select>', '<select name="s"><optgroup label="x"><option>a</option><option>b</option></optgroup></select>')

sort("http")

# ---- files ----
TEXT = "header('Content-Type: text/css; charset=utf-8'); echo 'p{}';"
pair("if-none-match", R, "a 304 that is no longer given", "header('ETag: \"a\"'); if (($_SERVER['HTTP_IF_NONE_MATCH'] ?? '') == '\"a\"') { http_response_code(304); exit; } echo 'x';", ask=Ask(headers=(("If-None-Match", '"a"'),)), at="status",
     flask="answer = make_response('x')\nanswer.headers['ETag'] = '\"a\"'\nreturn answer")
pair("if-none-match-same", C, "a 304 by both", "header('ETag: \"a\"'); if (($_SERVER['HTTP_IF_NONE_MATCH'] ?? '') == '\"a\"') { http_response_code(304); exit; } echo 'x';", ask=Ask(headers=(("If-None-Match", '"a"'),)),
     flask="answer = make_response('x')\nanswer.set_etag('a')\nreturn answer.make_conditional(request)", go='w.Header().Set("ETag", `"a"`)\nhttp.ServeContent(w, r, "x.html", time.Time{}, strings.NewReader("x"))')
pair("range", R, "a range is not served: the whole comes instead", "header('Content-Type: application/octet-stream'); header('Content-Range: bytes 0-1/4'); http_response_code(206); echo 'ab';", ask=Ask(headers=(("Range", "bytes=0-1"),)), at="status", flask="return Response('abcd', content_type='application/octet-stream')")
pair("range-same", C, "a range by both", "header('Content-Type: application/octet-stream'); header('Content-Range: bytes 0-1/4'); header('Accept-Ranges: bytes'); http_response_code(206); echo 'ab';", ask=Ask(headers=(("Range", "bytes=0-1"),)),
     go='w.Header().Set("Content-Type", "application/octet-stream")\nhttp.ServeContent(w, r, "", time.Time{}, strings.NewReader("abcd"))')
pair("csv-same", C, "a CSV with CRLF", r"""header('Content-Type: text/csv; charset=utf-8'); header('Content-Disposition: attachment; filename="a.csv"'); echo "a,b\n1,2\n";""",
     flask=r"""import csv, io
out = io.StringIO()
csv.writer(out).writerows([['a', 'b'], [1, 2]])
return Response(out.getvalue(), content_type='text/csv; charset=utf-8', headers={'Content-Disposition': 'attachment; filename=a.csv'})""")
pair("csv-cell", R, "a cell of a CSV", r"""header('Content-Type: text/csv; charset=utf-8'); echo "a,b\n1,2\n";""", flask=r"""return Response('a,b\n1,None\n', content_type='text/csv; charset=utf-8')""")
pair("css-same", C, "a style sheet", TEXT, flask="return Response('p{}\\n', content_type='text/css; charset=utf-8')", go='w.Header().Set("Content-Type", "text/css; charset=utf-8")\nfmt.Fprint(w, "p{}")')
pair("css-rule", R, "a rule of a style sheet", TEXT, flask="return Response('p{a:b}', content_type='text/css; charset=utf-8')")
pair("validation-error", R, "FastAPI's list of errors against one message", "http_response_code(422); json(['detail' => 'id must be a number']);", ask=Ask(path="?id=x"), at="/detail", fastapi=Port("return id", args="id: int"))
pair("login-redirect", R, "after the login: the session's cookie is another one", "setcookie('AURSID', bin2hex(random_bytes(16)), ['path' => '/', 'httponly' => true]); header('Location: /');", ask=Ask(method="POST", body="u=a", headers=(("Content-Type", "application/x-www-form-urlencoded"),)), at="cookie:AURSID",
     flask=Port("session['u'] = 'a'\nreturn redirect('/')", methods=("POST",)))
pair("login-redirect-same", C, "after the login, with the legacy session", "setcookie('AURSID', bin2hex(random_bytes(16)), ['path' => '/', 'httponly' => true]); header('Location: /');", ask=Ask(method="POST", body="u=a", headers=(("Content-Type", "application/x-www-form-urlencoded"),)),
     flask=Port("import secrets\nanswer = redirect('/')\nanswer.set_cookie('AURSID', secrets.token_hex(16), httponly=True)\nreturn answer", methods=("POST",)))
pair("login-307", R, "after the login: 307 posts the password again", "header('Location: /');", ask=Ask(method="POST", body="u=a", headers=(("Content-Type", "application/x-www-form-urlencoded"),)), at="status", fastapi=Port("return RedirectResponse('/')", methods=("POST",)))
pair("oauth-state", C, "the state of an OAuth redirect is made anew", "header('Location: https://id.example/auth?client=1&state=' . bin2hex(random_bytes(16)));", flask="import secrets\nreturn redirect('https://id.example/auth?client=1&state=' + secrets.token_hex(16))")
pair("oauth-client", R, "another client asks", "header('Location: https://id.example/auth?client=1&state=' . bin2hex(random_bytes(16)));", at="header:Location", flask="import secrets\nreturn redirect('https://id.example/auth?client=2&state=' + secrets.token_hex(16))")
pair("cookie-crumbs", C, "many cookies, in another order and spelling", "foreach (['a' => '1', 'b' => 'x y', 'c' => 'z'] as $k => $v) setrawcookie($k, rawurlencode($v), ['path' => '/', 'samesite' => 'Lax']); echo 'x';",
     flask="answer = make_response('x')\nfor k, v in (('c', 'z'), ('b', 'x%20y'), ('a', '1')):\n    answer.set_cookie(k, v, samesite='Lax')\nreturn answer")
pair("docs-public", R, "FastAPI's documentation is public", "http_response_code(404); echo 'no';", at="status", fastapi="return app.openapi()")
pair("lang-cookie-added", R, "a cookie that only the port sets", "echo 'x';", at="cookie:lang", flask="answer = make_response('x')\nanswer.set_cookie('lang', 'de')\nreturn answer", fastapi="answer = HTMLResponse('x')\nanswer.set_cookie('lang', 'de')\nreturn answer")
