"""HTML that says something else: what a port of a page gets wrong."""

from case import C, O, R, Ask, Port, pair, sort
from pages import flask_page, go_page, html, php_page

sort("html")

# ---- values that the languages print otherwise ----
IT = '<p id="it">{}</p>'


def printed(id, reason, php, python, go=None, django=None, at="#it", **more):
    """One value, printed in a paragraph."""
    html(id, R, reason, IT.format(f"<?= {php} ?>"), python and IT.format("{{ %s }}" % python), go and IT.format("{{ . }}"), django and IT.format("{{ %s }}" % django), at=at, go_value=go or "nil", **more)


printed("none", "None is printed where PHP prints nothing", "null", "None", django="none", values="none=None")
printed("none-row", "a NULL of the database", "db()->query('SELECT note FROM packages')->fetchColumn()", "db().execute('SELECT note FROM packages').fetchone()[0]", values="db=db")
printed("true", "True against 1", "true", "True", "true")
printed("false", "False against nothing", "false", "False", "false")
printed("whole-float", "3.0 against 3", "9 / 3", "9 / 3")
printed("nil", "Go prints <nil>", "null", None, "fmt.Sprint(nil)")
printed("list", "a list is printed", "implode(', ', ['a', 'b'])", "['a', 'b']", 'L{"a", "b"}')
printed("array", "PHP prints Array", "(function () { return @strval(['a']); })()", "['a']")
printed("float-digits", "PHP's echo prints 14 digits", "1 / 3", "1 / 3", "1.0 / 3.0")
printed("float-exponent", "another exponent as text", "1e25", "1e25", "1e25")
for value, places in (("2.5", 0), ("1.005", 2), ("5.055", 2), ("0.285", 2)):
    printed(f"number-format-{value.replace('.', '-')}", "number_format rounds half away from zero, Python to even", f"number_format({value}, {places})", f"'%.{places}f' % {value}", f'fmt.Sprintf("%.{places}f", {value})')
printed("round-filter", "round against Jinja's filter", "round(2.5)", "2.5|round(0, 'floor')", "math.Floor(2.5)")
printed("thousands", "no separator of thousands", "number_format(1234567)", "1234567", "1234567", django="1234567")
printed("decimal-comma", "a decimal comma", "number_format(12.5, 2, ',', '.')", "'%.2f' % 12.5")
printed("strtoupper", "strtoupper leaves é", "strtoupper('café')", "'café'|upper", 'strings.ToUpper("café")')
printed("ucwords", "ucwords leaves capitals", "ucwords('the GNU tools')", "'the GNU tools'|title", django="t|title", values="t='the GNU tools'")
printed("substr", "substr cuts a character in two", "substr('Noël', 0, 3)", "'Noël'[:3]", '"Noël"[:3] + "?"')
printed("mb-strlen", "bytes against characters", "strlen('Noël')", "'Noël'|length", 'utf8.RuneCountInString("Noël")')
printed("excerpt", "Jinja's truncate ends elsewhere", "mb_substr('A description that is long', 0, 12) . '…'", "'A description that is long'|truncate(12)")
printed("wordwrap", "another word is last", "substr('alpha beta gamma', 0, 10)", "'alpha beta gamma'[:12]")
printed("strip-tags", "strip_tags keeps the text of a script", "h(strip_tags('a<script>b()</script>c'))", "'ac'", '"ac"')
printed("nl2br", "line ends become br", "nl2br(h(\"a\\nb\"))", "'a\\nb'", 'template.HTML("a\\nb")', at=None)
printed("bad-utf8", "htmlspecialchars of bad UTF-8 without ENT_SUBSTITUTE prints nothing", r'htmlspecialchars("caf\xe9", ENT_QUOTES)', "'caf\\ufffd'", r'"caf\xe9"')
printed("mojibake", "UTF-8 read as Latin-1", "mb_convert_encoding('Noël', 'UTF-8', 'ISO-8859-1')", "'Noël'", '"Noël"')
printed("nfd", "NFC against NFD", "Normalizer::normalize('Zoë', Normalizer::FORM_D)", "'Zoë'", '"Zoë"')
printed("date-format", "another form of a date", "date('D, d M Y', 1704164645)", "'2024-01-02'", 'time.Unix(1704164645, 0).UTC().Format("2006-01-02")', django="d|date:'N j, Y'", values="d=datetime.date(2024, 1, 2)")
printed("date-hour", "an hour off", "date('Y-m-d H:i', 1704164645)", "'2024-01-02 04:04'", 'time.Unix(1704168245, 0).UTC().Format("2006-01-02 15:04")')
printed("date-zero", "leading zeros", "date('j.n.Y', 1704164645)", "'02.01.2024'")
printed("plural", "one votes", "(1 == 1 ? '1 vote' : '1 votes')", "'1 votes'", '"1 votes"')
printed("modulo", "-7 % 3", "-7 % 3", "-7 % 3", "(-7 % 3) + 3")
printed("trim", "trim keeps a no-break space", r'trim("a\u{a0}") . "b"', "'a\\u00a0'|trim ~ 'b'", 'strings.TrimSpace("a\\u00a0") + "b"')
printed("empty", "nothing is printed", "h('x')", "missing", '""')
printed("unrendered", "a template that was not rendered", "h('ann')", "'{{ user }}'", '"{{ user }}"')
printed("translation", "a message that was not translated", "'Suche'", "'Search'", '"Search"', django="'Search'")
printed("case", "letters in another case", "'GPL'", "'Gpl'", '"gpl"')
printed("number", "another number", "42", "43", "41", django="44")
printed("punctuation", "a full stop is lost", "'Done.'", "'Done'", '"Done"')
printed("word-order", "words in another order", "'Ann Lee'", "'Lee Ann'")

# ---- escaping ----
printed("double-escape", "escaped twice", "h('A & B')", "'A &amp; B'", '"A &amp; B"', django="t", values="t='A &amp; B'")
printed("double-escape-quote", "escaped twice", "h(\"O'Neil\")", "'O&#39;Neil'", '"O&#039;Neil"')
printed("unescaped", "the escaping is missing: a script can be put in", "h('<b>x</b>')", "'<b>x</b>'|safe", 'template.HTML("<b>x</b>")', at=None, django="'<b>x</b>'|safe")
printed("unescaped-script", "the escaping is missing: a script can be put in", "h('<script>alert(1)</script>')", "'<script>alert(1)</script>'|safe", 'template.HTML("<script>alert(1)</script>")', at=None)
printed("escaped-now", "markup that is text now", "'<b>x</b>'", "'<b>x</b>'", '"<b>x</b>"', at=None, django="t", values="t='<b>x</b>'")
html("unescaped-attribute", R, "the escaping of an attribute is missing", '<a id="it" title="<?= h($t) ?>" href="/x">x</a>', '<a id="it" title="{{ t|safe }}" href="/x">x</a>', setup="$t = 'a\" onclick=\"go()';", values="t='a\" onclick=\"go()'")
html("escaped-in-script", R, "escaped for HTML inside a script", '<script id="s">var n = "<?= addslashes("O\'Neil") ?>";</script>', '<script id="s">var n = "{{ "O\'Neil" }}";</script>', '<script id="s">var n = {{ . }};</script>', at="#s", go_value='"O\'Neil"')

# ---- attributes ----
for name, attribute, old, new, frame in [
    ("href", "href", "/packages/a", "/packages/b", '<a id="it" href="{}">x</a>'),
    ("href-query", "href", "/s?q=a&amp;p=1", "/s?q=a&amp;p=2", '<a id="it" href="{}">x</a>'),
    ("href-query-lost", "href", "/s?q=a&amp;p=1", "/s?q=a", '<a id="it" href="{}">x</a>'),
    ("href-plus", "href", "/s?q=a%2Bb", "/s?q=a+b", '<a id="it" href="{}">x</a>'),
    ("href-slash", "href", "/packages/", "/packages", '<a id="it" href="{}">x</a>'),
    ("href-encoded-slash", "href", "/p/a%2Fb", "/p/a/b", '<a id="it" href="{}">x</a>'),
    ("href-fragment", "href", "/p#top", "/p", '<a id="it" href="{}">x</a>'),
    ("href-host", "href", "https://aur.example/x", "https://aur.test/x", '<a id="it" href="{}">x</a>'),
    ("href-case", "href", "/Packages", "/packages", '<a id="it" href="{}">x</a>'),
    ("href-mailto", "href", "mailto:a@x.example", "mailto:b@x.example", '<a id="it" href="{}">x</a>'),
    ("href-scheme", "href", "https://x.example/", "http://x.example/", '<a id="it" href="{}">x</a>'),
    ("action", "action", "/login.php", "/login", '<form id="it" action="{}" method="post"></form>'),
    ("method", "method", "post", "get", '<form id="it" action="/x" method="{}"></form>'),
    ("enctype", "enctype", "multipart/form-data", "application/x-www-form-urlencoded", '<form id="it" action="/x" method="post" enctype="{}"></form>'),
    ("field-name", "name", "user", "username", '<form><input id="it" name="{}"></form>'),
    ("field-value", "value", "a b", "a+b", '<form><input id="it" name="q" value="{}"></form>'),
    ("field-value-space", "value", "a", "a ", '<form><input id="it" name="q" value="{}"></form>'),
    ("field-type", "type", "password", "text", '<form><input id="it" name="p" type="{}"></form>'),
    ("field-maxlength", "maxlength", "32", "255", '<form><input id="it" name="p" maxlength="{}"></form>'),
    ("class", "class", "odd", "even", '<p id="it" class="{}">x</p>'),
    ("class-lost", "class", "row flagged", "row", '<p id="it" class="{}">x</p>'),
    ("src", "src", "/i/a.png", "/i/b.png", '<img id="it" src="{}" alt="">'),
    ("alt", "alt", "A cat", "", '<img id="it" src="/c.png" alt="{}">'),
    ("title", "title", "2024-01-02", "2024-01-03", '<span id="it" title="{}">x</span>'),
    ("lang", "lang", "de", "en", '<div id="it" lang="{}">x</div>'),
    ("rel", "rel", "nofollow noopener", "noopener", '<a id="it" href="https://x.example/" rel="{}">x</a>'),
    ("style", "style", "display: none", "display: block", '<p id="it" style="{}">x</p>'),
    ("data", "data-id", "12", "13", '<p id="it" data-id="{}">x</p>'),
    ("onclick", "onclick", "return ask(1)", "return ask(2)", '<button id="it" onclick="{}">x</button>'),
    ("content", "content", "noindex", "index", '<p>x</p><meta id="it" name="robots" content="{}">'),
    ("colspan", "colspan", "3", "2", '<table><tr><td id="it" colspan="{}">x</td></tr></table>'),
    ("aria", "aria-label", "Close", "close", '<button id="it" aria-label="{}">x</button>'),
]:
    html(f"attribute-{name}", R, f"another {attribute}", frame.format(old), frame.format(new), frame.format(new) if name in ("href", "action", "method", "class", "src", "title") else None, at=f"#it[{attribute}]", kind="attribute")
html("id", R, "another id", "<div><p id=\"a\">x</p></div>", "<div><p id=\"b\">x</p></div>", "<div><p id=\"b\">x</p></div>")
html("id-lost", R, "the id is lost: links and scripts miss it", "<div><p id=\"a\">x</p></div>", "<div><p>x</p></div>")
html("checked-lost", R, "the box is not checked", "<form><input id=\"it\" type=\"checkbox\" name=\"a\" value=\"1\" checked=\"checked\"></form>", "<form><input id=\"it\" type=\"checkbox\" name=\"a\" value=\"1\"></form>",
     "<form><input id=\"it\" type=\"checkbox\" name=\"a\" value=\"1\"></form>", at="#it[checked]")
html("selected-other", R, "another option is chosen", "<select name=\"s\"><option id=\"a\" value=\"1\" selected>a</option><option id=\"b\" value=\"2\">b</option></select>",
     "<select name=\"s\"><option id=\"a\" value=\"1\">a</option><option id=\"b\" value=\"2\" selected>b</option></select>", at="#b[selected]")
html("disabled-added", R, "a button that cannot be pressed", "<button id=\"it\">x</button>", "<button id=\"it\" disabled>x</button>", at="#it[disabled]")
html("http-build-query", R, "http_build_query drops null and prints 1", "<a id=\"it\" href=\"/s?<?= h(http_build_query(['a' => true, 'b' => null, 'c' => 'x'])) ?>\">x</a>", "<a id=\"it\" href=\"/s?{{ {'a': True, 'b': None, 'c': 'x'}|urlencode }}\">x</a>", at="#it[href]")
html("http-build-list", R, "a[0]=x against a=x", "<a id=\"it\" href=\"/s?<?= h(http_build_query(['a' => ['x', 'y']])) ?>\">x</a>", "<a id=\"it\" href=\"/s?{{ q }}\">x</a>", "<a id=\"it\" href=\"/s?{{ . }}\">x</a>", at="#it[href]",
     values="q=urllib.parse.urlencode({'a': ['x', 'y']}, doseq=True)", go_value='template.URL(url.Values{"a": {"x", "y"}}.Encode())')
html("link-double-encoded", R, "encoded twice", "<a id=\"it\" href=\"/s?q=<?= urlencode('a b&c') ?>\">x</a>", "<a id=\"it\" href=\"/s?q={{ 'a b&c'|urlencode|urlencode }}\">x</a>", at="#it[href]")
html("link-path-plus", R, "a plus in a path is no space", "<a id=\"it\" href=\"/p/<?= urlencode('a b') ?>\">x</a>", "<a id=\"it\" href=\"/p/{{ 'a b'|urlencode }}\">x</a>", at="#it[href]")
html("link-go-zgotmplz", R, "Go refuses a URL and writes #ZgotmplZ", "<a id=\"it\" href=\"<?= h('magnet:?xt=urn:btih:c9') ?>\">x</a>", None, "<a id=\"it\" href=\"{{ . }}\">x</a>", at="#it[href]", go_value='"magnet:?xt=urn:btih:c9"')

# ---- shape ----
LIST = "<ul id=\"l\">{}</ul>"
html("row-added", R, "one more row", LIST.format("<li>a</li><li>b</li>"), LIST.format("<li>a</li><li>x</li><li>b</li>"), LIST.format("<li>a</li><li>x</li><li>b</li>"), at="#l > li:nth-child(2)", kind="extra")
html("row-removed", R, "one row less", LIST.format("<li>a</li><li>b</li><li>c</li>"), LIST.format("<li>a</li><li>c</li>"), LIST.format("<li>a</li><li>c</li>"), at="#l > li:nth-child(2)", kind="missing")
html("rows-swapped", R, "rows in another order", LIST.format("<li>alpha</li><li>beta</li><li>gamma</li>"), LIST.format("<li>beta</li><li>alpha</li><li>gamma</li>"), LIST.format("<li>gamma</li><li>alpha</li><li>beta</li>"))
html("row-twice", R, "a row twice", LIST.format("<li>a</li><li>b</li>"), LIST.format("<li>a</li><li>a</li><li>b</li>"))
html("list-emptied", R, "nothing found", LIST.format("<li>a</li>"), LIST.format(""), at="#l > li")
html("column-removed", R, "a column is gone", "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "<table><tr><th>a</th></tr><tr><td>1</td></tr></table>")
html("column-swapped", R, "two columns exchanged", "<table id=\"t\"><tr><td>Ann</td><td>ann@x.example</td></tr></table>", "<table id=\"t\"><tr><td>ann@x.example</td><td>Ann</td></tr></table>")
html("words-joined", R, "a space between words is lost", "<p id=\"it\">a <b>b</b></p>", "<p id=\"it\">a<b>b</b></p>", "<p id=\"it\">a<b>b</b></p>")
html("words-split", R, "a space inside a word", "<p id=\"it\">2<sup>nd</sup></p>", "<p id=\"it\">2 <sup>nd</sup></p>", "<p id=\"it\">2\n<sup>nd</sup></p>")
html("space-between-links", R, "links that touch", "<p><a href=\"/a\">a</a> <a href=\"/b\">b</a></p>", "<p><a href=\"/a\">a</a><a href=\"/b\">b</a></p>")
html("pre-space", R, "spaces in pre", "<pre id=\"it\">a  b</pre>", "<pre id=\"it\">a b</pre>", "<pre id=\"it\">a b</pre>", at="#it")
html("pre-indent", R, "indentation put into pre", "<pre id=\"it\">a\nb</pre>", "<pre id=\"it\">    a\n    b</pre>", at="#it")
html("textarea-space", R, "white space put into a text field", "<form><textarea id=\"it\" name=\"t\">a</textarea></form>", "<form><textarea id=\"it\" name=\"t\">\n        a\n    </textarea></form>", "<form><textarea id=\"it\" name=\"t\"> a</textarea></form>", at="#it")
html("textarea-text", R, "another text in a field", "<form><textarea id=\"it\" name=\"t\">one</textarea></form>", "<form><textarea id=\"it\" name=\"t\">two</textarea></form>", at="#it")
html("textarea-double", R, "a field escaped twice", "<form><textarea id=\"it\" name=\"t\"><?= h('a & b') ?></textarea></form>", "<form><textarea id=\"it\" name=\"t\">{{ 'a &amp; b' }}</textarea></form>", at="#it")
html("script-changed", R, "another script", "<script id=\"s\">track(1);</script>", "<script id=\"s\">track(2);</script>", at="#s")
html("style-changed", R, "another style sheet", "<style id=\"s\">p { color: red }</style>", "<style id=\"s\">p { color: blue }</style>", at="#s")
html("script-lost", R, "a script is lost", "<script id=\"s\" src=\"/a.js\"></script><p>x</p>", "<p>x</p>", at="#s", kind="missing")
html("field-lost", R, "a hidden field is lost", "<form id=\"f\"><input id=\"h\" type=\"hidden\" name=\"id\" value=\"1\"><button>Go</button></form>", "<form id=\"f\"><button>Go</button></form>", "<form id=\"f\"><button>Go</button></form>", at="#h", kind="missing")
html("tag-changed", R, "a heading of another level", "<h1 id=\"it\">T</h1>", "<h2 id=\"it\">T</h2>", "<h2 id=\"it\">T</h2>")
html("emphasis-lost", R, "bold is lost", "<p id=\"it\">a <b>b</b> c</p>", "<p id=\"it\">a b c</p>")
html("nesting", R, "a link around more than it should", "<p id=\"it\"><a href=\"/a\">a</a> b</p>", "<p id=\"it\"><a href=\"/a\">a b</a></p>")
html("comment-hides", R, "content that is commented out", "<p id=\"it\">x</p><p id=\"z\">y</p>", "<p id=\"it\">x</p><!-- <p id=\"z\">y</p> -->", at="#z", kind="missing")
html("private-shown", R, "a hidden address is shown", "<p id=\"it\">Ann</p>", "<p id=\"it\">Ann &lt;ann@x.example&gt;</p>", "<p id=\"it\">Ann &lt;ann@x.example&gt;</p>", at="#it")
html("first-for-all", R, "the first item's text for each", "<ul id=\"l\"><?php foreach (['a', 'b', 'c'] as $t): ?><li><?= $t ?></li><?php endforeach ?></ul>", "<ul id=\"l\">{% for t in 'abc' %}<li>{{ 'abc'[0] }}</li>{% endfor %}</ul>", at="#l > li:nth-child(2)")
html("pagination", R, "another last page", "<nav id=\"n\"><a href=\"?p=1\">1</a> <a href=\"?p=2\">2</a></nav>", "<nav id=\"n\"><a href=\"?p=1\">1</a> <a href=\"?p=2\">2</a> <a href=\"?p=3\">3</a></nav>", at="#n > a:nth-child(3)")
html("label-for", R, "a label of another field", "<label id=\"it\" for=\"a\">x</label><input id=\"a\"><input id=\"b\">", "<label id=\"it\" for=\"b\">x</label><input id=\"a\"><input id=\"b\">", at="#it[for]")
pair("half-page-flushed", R, "the script dies after the first part went out: 200 and half a page", "<?php page_start('Packages'); ?><p>one</p><?php ob_end_flush(); flush(); throw new Exception('x');", flask=flask_page("<p>one</p><p>two</p>"))
pair("half-page", R, "the script dies in the middle of the page, which is still in its buffer: 500", "<?php page_start('T'); ?><p>one</p><?php throw new Exception('x');", flask=flask_page("<p>one</p><p>two</p>"))
pair("notice-in-page", R, "a notice is printed into the page", "<?php ini_set('display_errors', '1'); page_start('Packages'); ?><p id=\"it\"><?= $missing ?></p><?php page_end();", flask=flask_page("<p id=\"it\"></p>"), go=go_page("<p id=\"it\"></p>"))
pair("title", R, "another title", "<?php page_start('Packages - Search'); ?><p>x</p><?php page_end();", at="html > head > title", flask=flask_page("<p>x</p>"), go=go_page("<p>x</p>"))
pair("page-for-login", R, "a login form instead of the page", php_page("<h1>Account</h1><p>Ann</p>"), flask=flask_page("<h1>Login</h1><form method=\"post\"><input name=\"user\"></form>"))
pair("error-page-200", R, "an error page with status 200", php_page("<h1>yay</h1><p>An AUR helper</p>"), flask=flask_page("<h1>Not Found</h1><p>The requested URL was not found.</p>"))
