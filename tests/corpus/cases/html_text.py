"""HTML that says the same, as the stacks write it."""

from case import C, O, R, Ask, Port, pair, sort
from pages import flask_page, go_page, html, php_page

sort("html")

# ---- escaping: each stack's own function on the same text, at each place where a page shows a value ----
TEXTS = {"name": "O'Neil", "quoted": 'the "best" one', "code": "if (a < b && c > d) 'x'", "plus": "C++ & C#", "accents": "Crème brûlée à 5 €", "slash": "a/b=c`d"}
PLACES = {
    "text": ("<p id=\"it\">{}</p>", "p"),
    "attribute": ("<a href=\"/x\" title=\"{}\">x</a>", "a"),
    "field": ("<input type=\"text\" name=\"q\" value=\"{}\">", "input"),
    "area": ("<textarea name=\"q\">{}</textarea>", "textarea"),
}
for number, (place, (frame, _)) in enumerate(PLACES.items()):
    for index, (name, text) in enumerate(TEXTS.items()):
        if (number + index) % 2 and name not in ("name",):
            continue
        html(f"escape-{place}-{name}", C, f"htmlspecialchars against the ports' own escaping, in {place}: {name}", frame.format("<?= h($t) ?>"), frame.format("{{ t }}"),
             frame.format("{{ . }}"), frame.format("{{ t }}") if number != 2 else None, setup=f"$t = '{text.replace(chr(39), chr(92) + chr(39))}';", values=f"t={text!r}",
             go_value=f"\"{text.replace(chr(34), chr(92) + chr(34))}\"")
for flags, why in [("ENT_QUOTES | ENT_HTML5", "&apos;"), ("ENT_COMPAT", "the apostrophe raw"), ("ENT_NOQUOTES", "both quotes raw"), ("ENT_QUOTES | ENT_XHTML", "&#039;")]:
    name = flags.replace("ENT_", "").replace(" | ", "-").lower()
    html(f"escape-flags-{name}", C, f"htmlspecialchars with {flags}: {why}", f"<p id=\"it\"><?= htmlspecialchars($t, {flags}) ?></p>", "<p id=\"it\">{{ t }}</p>", "<p id=\"it\">{{ . }}</p>",
         setup="""$t = 'It\\'s "here" & <there>';""", values="""t='It\\'s "here" & <there>'""", go_value='"It\'s \\"here\\" & <there>"', rule="html_entities")
    pair(f"escape-html-{name}", C, f"htmlspecialchars with {flags} against html.escape", php_page(f"<p><?= htmlspecialchars($t, {flags}) ?></p>", """$t = 'It\\'s "here"';"""),
         flask=flask_page("<p>{{ t }}</p>", values="""t=Markup(html.escape('It\\'s "here"'))"""))
for name, text in {"accents": "Crème brûlée", "signs": "© 2024 – “quoted” … €", "greek": "αβγ ≤ ∞", "nordic": "Åse Øye"}.items():
    html(f"entities-{name}", C, "htmlentities names what the ports write as it is", "<p id=\"it\"><?= htmlentities($t) ?></p>", "<p id=\"it\">{{ t }}</p>", "<p id=\"it\">{{ . }}</p>",
         setup=f"$t = '{text}';", values=f"t={text!r}", go_value=f'"{text}"', rule="html_entities")
html("entities-nbsp", C, "&nbsp; and the character", "<p>5&nbsp;kg&nbsp;<b>x</b></p>", "<p>5\u00a0kg\u00a0<b>x</b></p>", "<p>5\u00a0kg&#160;<b>x</b></p>", rule="html_entities")
html("entities-hex", C, "numbers of characters", "<p>&#233; &#xE9; &eacute;</p>", "<p>é é é</p>", rule="html_entities")
html("entities-semicolon", C, "an entity without its semicolon", "<p>A &amp B &copy 2024</p>", "<p>A &amp; B © 2024</p>")

# ---- syntax ----
html("void-slash", C, "XHTML's closing slash", "<p>one<br />two<br/>three</p><hr /><img src=\"/i.png\" alt=\"i\" />", "<p>one<br>two<br>three</p><hr><img src=\"/i.png\" alt=\"i\">",
     "<p>one<br>two<br>three</p><hr><img src=\"/i.png\" alt=\"i\">", rule="html_syntax")
html("boolean-attributes", C, "bare attributes", "<form><input type=\"checkbox\" name=\"a\" checked=\"checked\" disabled=\"disabled\"><select name=\"s\"><option value=\"1\" selected=\"selected\">1</option></select><input name=\"r\" required=\"required\" readonly=\"readonly\"></form>",
     "<form><input type=\"checkbox\" name=\"a\" checked disabled><select name=\"s\"><option value=\"1\" selected>1</option></select><input name=\"r\" required readonly></form>",
     "<form><input type=\"checkbox\" name=\"a\" checked=\"\" disabled><select name=\"s\"><option value=\"1\" selected=\"\">1</option></select><input name=\"r\" required readonly></form>", rule="html_syntax")
html("tag-case", C, "tags and attributes in capitals", "<P ALIGN=\"left\"><B>x</B> <A HREF=\"/y\">y</A></P>", "<p align=\"left\"><b>x</b> <a href=\"/y\">y</a></p>", rule="html_syntax")
html("attribute-quotes", C, "single quotes and none", "<a href='/x' class=k title='say \"x\"'>x</a>", "<a href=\"/x\" class=\"k\" title=\"say &#34;x&#34;\">x</a>", rule="html_syntax")
html("attribute-order", C, "attributes in another order", "<a class=\"k\" id=\"l\" href=\"/x\" rel=\"nofollow\">x</a>", "<a href=\"/x\" rel=\"nofollow\" id=\"l\" class=\"k\">x</a>", rule="html_attribute_order")
html("end-tags", C, "optional end tags", "<ul><li>one<li>two</ul><p>a<p>b<dl><dt>x<dd>y</dl>", "<ul><li>one</li><li>two</li></ul><p>a</p><p>b</p><dl><dt>x</dt><dd>y</dd></dl>", rule="html_syntax")
html("tbody", C, "tbody is implied", "<table><tr><td>1<td>2<tr><td>3<td>4</table>", "<table><tbody><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></tbody></table>",
     "<table><tbody><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></tbody></table>")
html("options-unclosed", C, "options without end tags", "<select name=\"s\"><option>a<option selected>b</select>", "<select name=\"s\"><option>a</option><option selected>b</option></select>")
html("attribute-spaces", C, "spaces inside tags", "<p  class = \"a\"   >x</p ><br  />", "<p class=\"a\">x</p><br>")
pair("no-head", C, "html, head and body are implied", "<!DOCTYPE html>\n<title>T</title>\n<p>x", flask="return '<!DOCTYPE html><html><head><title>T</title></head><body><p>x</p></body></html>'")
pair("charset-meta-html5", C, "the charset told the old way and the new", "<!DOCTYPE html><meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\"><title>T</title><p>x</p>",
     flask="return '<!DOCTYPE html><meta charset=\"utf-8\"><title>T</title><p>x</p>'")
pair("doctype-case", C, "the doctype in lower case", "<!doctype html><title>T</title><p>x</p>", flask="return '<!DOCTYPE html>\\n<title>T</title><p>x</p>'")
pair("charset-meta", C, "the charset told the old way", "<!DOCTYPE html><meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\"><title>T</title><p>x</p>",
     flask=Port("return '<!DOCTYPE html><meta http-equiv=\"content-type\" content=\"text/html; charset=utf-8\"><title>T</title><p>x</p>'"))

# ---- white space ----
ROWS_PHP = "$rows = [['id' => 1, 'name' => 'alpha'], ['id' => 2, 'name' => 'beta & co'], ['id' => 3, 'name' => \"o'gamma\"]];"
ROWS_PY = "rows=[{'id': 1, 'name': 'alpha'}, {'id': 2, 'name': 'beta & co'}, {'id': 3, 'name': \"o'gamma\"}]"
ROWS_GO = 'L{M{"id": 1, "name": "alpha"}, M{"id": 2, "name": "beta & co"}, M{"id": 3, "name": "o\'gamma"}}'
TABLE_PHP = """<table class="results">
  <thead><tr><th>Name</th><th>Id</th></tr></thead>
  <tbody>
<?php foreach ($rows as $row): ?>
    <tr class="<?= $row['id'] % 2 ? 'odd' : 'even' ?>"><td><a href="/packages/<?= rawurlencode($row['name']) ?>"><?= h($row['name']) ?></a></td><td><?= $row['id'] ?></td></tr>
<?php endforeach ?>
  </tbody>
</table>"""
TABLE_JINJA = """<table class="results">
    <thead>
        <tr>
            <th>Name</th>
            <th>Id</th>
        </tr>
    </thead>
    <tbody>
        {% for row in rows %}
            <tr class="{% if row.id % 2 %}odd{% else %}even{% endif %}">
                <td>
                    <a href="/packages/{{ row.name|urlencode }}">{{ row.name }}</a>
                </td>
                <td>
                    {{ row.id }}
                </td>
            </tr>
        {% endfor %}
    </tbody>
</table>"""
TABLE_DJANGO = TABLE_JINJA.replace("{% if row.id % 2 %}odd{% else %}even{% endif %}", "{% cycle 'odd' 'even' %}")
TABLE_GO = """<table class="results">
  <thead><tr><th>Name</th><th>Id</th></tr></thead>
  <tbody>
  {{ range $i, $row := . }}
    <tr class="{{ if eq $row.id 2 }}even{{ else }}odd{{ end }}"><td><a href="/packages/{{ $row.name }}">{{ $row.name }}</a></td><td>{{ $row.id }}</td></tr>
  {{ end }}
  </tbody>
</table>"""
html("table", C, "a table printed by loops of four template languages", TABLE_PHP, TABLE_JINJA, TABLE_GO, TABLE_DJANGO, setup=ROWS_PHP, values=ROWS_PY, go_value=ROWS_GO)
html("table-minified", C, "the same table without white space", TABLE_PHP, TABLE_JINJA.replace("{% for row in rows %}", "{%- for row in rows -%}").replace("{% endfor %}", "{%- endfor -%}"),
     TABLE_GO.replace("{{ range $i, $row := . }}", "{{- range $i, $row := . -}}").replace("{{ end }}\n  </tbody>", "{{- end -}}</tbody>"), setup=ROWS_PHP, values=ROWS_PY, go_value=ROWS_GO)
html("crlf", C, "a script saved with CRLF", "<p>one</p>\r\n<ul>\r\n<li>a</li>\r\n<li>b\r\nc</li>\r\n</ul>\r\n<pre>x\r\ny</pre>", "<p>one</p>\n<ul>\n<li>a</li>\n<li>b\nc</li>\n</ul>\n<pre>x\ny</pre>",
     "<p>one</p>\n<ul>\n<li>a</li>\n<li>b\nc</li>\n</ul>\n<pre>x\ny</pre>")
html("indent", C, "indentation", "<div><p>a</p><p>b</p></div>", "<div>\n    <p>a</p>\n\n\n    <p>b</p>\n</div>", "<div>\n\t<p>a</p>\n\t<p>b</p>\n</div>", rule="html_whitespace")
html("text-wrapped", C, "a text that is wrapped otherwise", "<p>one two\nthree    four</p>", "<p>\n    one two three\n    four\n</p>", rule="html_whitespace")
html("around-block", C, "white space around blocks", "<div> <h1>T</h1> text <ul><li> a </li></ul> </div>", "<div><h1>T</h1>text<ul><li>a</li></ul></div>")
html("cell-space", C, "white space in cells and options", "<table><tr><td> 1 </td><td>\n2\n</td></tr></table><select name=\"s\"><option> a </option></select>",
     "<table><tr><td>1</td><td>2</td></tr></table><select name=\"s\"><option>a</option></select>")
html("inline-space", C, "one space or many between words and links", "<p>see  <a href=\"/a\">a</a>\n<a href=\"/b\">b</a> and\tmore</p>", "<p>see <a href=\"/a\">a</a> <a href=\"/b\">b</a> and more</p>",
     "<p>see <a href=\"/a\">a</a> <a href=\"/b\">b</a> and more</p>")
html("pre-first-newline", C, "the first line end of pre and textarea is none", "<pre>\nx</pre><textarea name=\"t\">\ny</textarea>", "<pre>x</pre><textarea name=\"t\">y</textarea>")
html("title-space", C, "white space in the title of a page", "<svg><title>x</title></svg><p>x</p>", "<svg><title>x</title></svg>\n<p>x</p>")
pair("head-space", C, "white space in the head", "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>\n  T\n</title><link rel=\"stylesheet\" href=\"/a.css\"></head><body>x</body></html>",
     flask="return '<!DOCTYPE html>\\n<html>\\n  <head>\\n    <meta charset=\"utf-8\">\\n    <title>T</title>\\n    <link rel=\"stylesheet\" href=\"/a.css\">\\n  </head>\\n  <body>x</body>\\n</html>\\n'")
html("script-space", C, "indentation before a script", "<script>var a = 1;</script><p>x</p>", "\n    <script>var a = 1;</script>\n    <p>x</p>")

# ---- comments, classes, styles ----
html("comment", C, "comments", "<!-- generated in 0.0123 s --><p>x<!-- y --></p>", "<p>x</p>", "<p>x</p>", rule="html_comment_text")
html("comment-other", C, "another comment", "<!-- Template: list.tpl --><p>x</p>", "<!-- template list.html.j2 --><p>x</p>", rule="html_comment_text")
html("class-order", C, "classes in another order", "<p class=\"a b  c\">x</p>", "<p class=\"c a b\">x</p>", "<p class=\" b c a \">x</p>", rule="html_class_tokens")
html("style-spacing", C, "spaces in a style", "<p style=\"color:red;margin:0 1px;\">x</p>", "<p style=\"color: red; margin: 0 1px\">x</p>", rule="html_style_spacing")

# ---- links ----
html("href-amp", C, "a raw & in a link", "<a href=\"/p?a=1&b=2&c=3\">x</a>", "<a href=\"/p?a=1&amp;b=2&amp;c=3\">x</a>", "<a href=\"/p?a=1&amp;b=2&amp;c=3\">x</a>")
html("href-space", C, "urlencode's plus against quote's %20", "<a href=\"/s?q=<?= urlencode('a b c') ?>\">x</a>", "<a href=\"/s?q={{ 'a b c'|urlencode }}\">x</a>", "<a href=\"/s?q={{ . }}\">x</a>",
     "<a href=\"/s?q={{ 'a b c'|urlencode }}\">x</a>", go_value='"a b c"', rule="html_url_spelling")
html("href-tilde", C, "some sites write the tilde as %7E", "<a href=\"/s?u=%7Ejoe\">x</a>", "<a href=\"/s?u={{ '~joe'|urlencode }}\">x</a>", "<a href=\"/s?u={{ . }}\">x</a>",
     go_value='"~joe"', rule="html_url_spelling")
html("href-hex-case", C, "hex digits in either case", "<a href=\"/caf<?= strtolower(urlencode('é')) ?>\">x</a>", "<a href=\"/caf{{ 'é'|urlencode }}\">x</a>", "<a href=\"/caf{{ . }}\">x</a>", go_value='"é"')
html("href-raw-utf8", C, "a letter as itself", "<a href=\"/café\">x</a><form action=\"/é\"></form>", "<a href=\"/caf%C3%A9\">x</a><form action=\"/%C3%A9\"></form>", rule="html_url_spelling")
html("href-brackets", C, "http_build_query writes %5B", "<a href=\"/s?<?= h(http_build_query(['f' => ['a', 'b'], 'q' => 'x y'])) ?>\">x</a>", "<a href=\"/s?f[0]=a&amp;f[1]=b&amp;q=x%20y\">x</a>", rule="html_url_spelling")
html("href-default-port", C, "the default port", "<a href=\"http://other.example:80/a\">x</a>", "<a href=\"http://other.example/a\">x</a>")
html("href-dots", C, "dot segments", "<a href=\"/a/./b/../c\">x</a>", "<a href=\"/a/c\">x</a>")
html("href-relative", O, "relative to this page against from the root", "<a href=\"html-href-relative?page=2\">x</a> <a href=\"?page=3\">y</a>", "<a href=\"/html-href-relative?page=2\">x</a> <a href=\"/html-href-relative?page=3\">y</a>", options={"own_host_links": True})
html("href-host-case", C, "a host in capitals", "<a href=\"HTTPS://Other.Example/A\">x</a>", "<a href=\"https://other.example/A\">x</a>")
html("srcset", C, "spaces in srcset", "<img src=\"/a.png\" srcset=\"/a.png 1x,/b.png 2x\" alt=\"\">", "<img src=\"/a.png\" srcset=\"/a.png 1x, /b.png 2x\" alt=\"\">")

# ---- inline JSON ----
DATA_PHP = "['url' => 'https://x/', 'name' => 'Noël', 'n' => 1.0, 'tags' => ['<b>', '&']]"
DATA_PY = "{'tags': ['<b>', '&'], 'n': 1.0, 'name': 'Noël', 'url': 'https://x/'}"
html("script-json", C, "a JSON script, each stack's spelling", f"<script type=\"application/json\" id=\"data\"><?= json_encode({DATA_PHP}, JSON_HEX_TAG) ?></script>", "<script type=\"application/json\" id=\"data\">{{ d|tojson }}</script>",
     None, values=f"d={DATA_PY}")
html("script-ld", C, "linked data", "<script type=\"application/ld+json\"><?= json_encode(['@context' => 'https://schema.org', '@type' => 'Thing', 'name' => 'é'], JSON_PRETTY_PRINT) ?></script>",
     "<script type=\"application/ld+json\">{{ d|tojson }}</script>", values="d={'@context': 'https://schema.org', '@type': 'Thing', 'name': 'é'}")
html("script-json-value", R, "a value in a JSON script", "<script type=\"application/json\" id=\"data\"><?= json_encode(['n' => 1, 'm' => 2]) ?></script>", "<script type=\"application/json\" id=\"data\">{{ {'n': 1, 'm': 3}|tojson }}</script>")
html("data-json", C, "JSON in an attribute", "<div id=\"d\" data-options=\"<?= h(json_encode(['a' => 'x/y', 'b' => [1, 2]])) ?>\"></div>", "<div id=\"d\" data-options=\"{{ {'a': 'x/y', 'b': [1, 2]}|tojson|forceescape }}\"></div>")
html("data-json-value", R, "another value in JSON in an attribute", "<div id=\"d\" data-options=\"<?= h(json_encode(['a' => 1])) ?>\"></div>", "<div id=\"d\" data-options=\"{{ {'a': 2}|tojson|forceescape }}\"></div>", at="#d[data-options]")

# ---- tokens ----
pair("csrf-field", O, "a CSRF token made anew", php_page("<form method=\"post\" action=\"/save\"><input type=\"hidden\" name=\"csrf_token\" value=\"<?= bin2hex(random_bytes(16)) ?>\"><button>Save</button></form>"),
     options={"csrf": True}, flask=flask_page("<form method=\"post\" action=\"/save\"><input type=\"hidden\" name=\"csrf_token\" value=\"{{ t }}\"><button>Save</button></form>", "import secrets", "t=secrets.token_hex(16)"))
pair("csrf-meta", O, "a CSRF token in a meta tag", "<!DOCTYPE html><html><head><meta name=\"csrf-token\" content=\"<?= bin2hex(random_bytes(20)) ?>\"><title>T</title></head><body>x</body></html>",
     options={"csrf": True}, flask="import secrets\nreturn f'<!DOCTYPE html><html><head><meta name=\"csrf-token\" content=\"{secrets.token_hex(20)}\"><title>T</title></head><body>x</body></html>'")
pair("csrf-missing", R, "the form has lost its token", php_page("<form id=\"f\" method=\"post\" action=\"/save\"><input type=\"hidden\" name=\"csrf_token\" value=\"<?= bin2hex(random_bytes(16)) ?>\"><button>Save</button></form>"),
     flask=flask_page("<form id=\"f\" method=\"post\" action=\"/save\"><button>Save</button></form>"), go=go_page("<form id=\"f\" method=\"post\" action=\"/save\"><input type=\"hidden\" name=\"csrf_token\" value=\"\"><button>Save</button></form>"))
pair("csrf-renamed", R, "Django's field has another name", php_page("<form id=\"f\" method=\"post\" action=\"/save\"><input type=\"hidden\" name=\"csrf_token\" value=\"<?= bin2hex(random_bytes(16)) ?>\"><button>Save</button></form>"),
     django="return page(request, 'Packages', '<form id=\"f\" method=\"post\" action=\"/save\">{% csrf_token %}<button>Save</button></form>')")
pair("csrf-own-name", O, "a token that only the operator knows for one", php_page("<form method=\"post\"><input type=\"hidden\" name=\"check\" value=\"<?= substr(md5(random_bytes(8)), 0, 12) ?>\" id=\"c\"></form>"), at="#c[value]", options={"csrf": ["input[name=check]"]},
     flask=flask_page("<form method=\"post\"><input type=\"hidden\" name=\"check\" value=\"{{ t }}\" id=\"c\"></form>", "import secrets", "t=secrets.token_hex(6)"))
pair("nonce", O, "a nonce made anew, in the header and in the page", """<?php $n = base64_encode(random_bytes(16)); header("Content-Security-Policy: script-src 'nonce-$n'"); page_start('Packages'); ?>
<script nonce="<?= $n ?>">go();</script>
<?php page_end();""", options={"csrf": True}, flask=Port("""import base64, os
n = base64.b64encode(os.urandom(16)).decode()
answer = make_response(page('Packages', '<script nonce="{{ n }}">go();</script>', n=n))
answer.headers['Content-Security-Policy'] = f"script-src 'nonce-{n}'"
return answer"""))
pair("nonce-lost", R, "the script has lost its nonce", php_page("<script id=\"s\" nonce=\"<?= base64_encode(random_bytes(16)) ?>\">go();</script>"), at="#s[nonce]", flask=flask_page("<script id=\"s\">go();</script>"))

# ---- O rows ----
OLD = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'
pair("doctype", O, "XHTML 1.0 Strict against HTML5", f"<?php ?>{OLD}\n<html><head><title>T</title></head><body><p>x</p></body></html>", options={"doctype": True},
     flask="return '<!DOCTYPE html>\\n<html><head><title>T</title></head><body><p>x</p></body></html>'", go='w.Header().Set("Content-Type", "text/html; charset=UTF-8")\nw.Write([]byte("<!DOCTYPE html>\\n<html><head><title>T</title></head><body><p>x</p></body></html>"))')
pair("doctype-html4", O, "HTML 4.01 Strict against HTML5", '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd"><html><head><title>T</title></head><body><p>x</p></body></html>', options={"doctype": True},
     flask="return '<!DOCTYPE html><html><head><title>T</title></head><body><p>x</p></body></html>'")
pair("doctype-quirks", R, "no doctype: quirks mode", "<html><head><title>T</title></head><body><p>x</p></body></html>", flask="return '<!DOCTYPE html><html><head><title>T</title></head><body><p>x</p></body></html>'")
pair("doctype-quirks-html4", R, "HTML 4.01 Transitional without its address is quirks mode", '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN"><html><head><title>T</title></head><body><p>x</p></body></html>', diff={"doctype": True},
     flask="return '<!DOCTYPE html><html><head><title>T</title></head><body><p>x</p></body></html>'")
pair("doctype-quirks-old", R, "HTML 3.2 is quirks mode", '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN"><html><head><title>T</title></head><body><p>x</p></body></html>',
     flask="return '<!DOCTYPE html><html><head><title>T</title></head><body><p>x</p></body></html>'")
pair("doctype-limited", O, "XHTML Transitional, nearly the standard mode", '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd"><html><head><title>T</title></head><body><p>x</p></body></html>', options={"doctype": True},
     flask="return '<!DOCTYPE html><html><head><title>T</title></head><body><p>x</p></body></html>'")
html("nbsp", O, "a no-break space against a space", "<p id=\"it\">5&nbsp;kg</p>", "<p id=\"it\">5 kg</p>", "<p id=\"it\">5 kg</p>", at="#it", options={"nbsp": True})
html("nbsp-cell", O, "cells filled with a no-break space", "<table><tr><td id=\"c\">&nbsp;</td><td>1</td></tr></table>", "<table><tr><td id=\"c\"></td><td>1</td></tr></table>", at="#c", options={"nbsp": True})
html("nbsp-attribute", O, "a no-break space in an attribute", "<p id=\"it\" title=\"5&nbsp;kg\">x</p>", "<p id=\"it\" title=\"5 kg\">x</p>", at="#it[title]", options={"nbsp": True})
html("conditional-comment", O, "a conditional comment", "<!--[if lt IE 9]><script src=\"/html5shiv.js\"></script><![endif]--><p>x</p>", "<p>x</p>", "<p>x</p>", options={"html_comments": True})
html("conditional-comment-other", O, "another conditional comment", "<!--[if lt IE 9]><script src=\"/a.js\"></script><![endif]--><p>x</p>", "<!--[if lt IE 9]><script src=\"/b.js\"></script><![endif]--><p>x</p>", options={"html_comments": True})
html("asset-version", O, "the version of an asset", "<img id=\"i\" src=\"/i.png?v=20240102\" alt=\"\"><script id=\"s\" src=\"/static/app.js?v=8.2.1\"></script>", "<img id=\"i\" src=\"/i.png?v=1704164645\" alt=\"\"><script id=\"s\" src=\"/static/app.js?v=9.0\"></script>",
     options={"asset_version": True})
html("asset-hash", O, "the build id of an asset", "<script id=\"s\" src=\"/static/app.3f2a9c1b.js\"></script>", "<script id=\"s\" src=\"/static/app.77d0e4aa.js\"></script>", at="#s[src]", options={"asset_version": True})
html("asset-version-missing", R, "the version is gone: browsers keep the old one", "<script id=\"s\" src=\"/static/app.js?v=8\"></script>", "<script id=\"s\" src=\"/static/app.js\"></script>", at="#s[src]", diff={"asset_version": True})
html("asset-other-file", R, "another file", "<script id=\"s\" src=\"/static/app.js?v=8\"></script>", "<script id=\"s\" src=\"/static/main.js?v=8\"></script>", at="#s[src]", diff={"asset_version": True})
html("own-host", O, "a relative link against an absolute one", "<a id=\"l\" href=\"/packages/x\">x</a>", "<a id=\"l\" href=\"{{ request.host_url }}packages/x\">x</a>", at="#l[href]", options={"own_host_links": True})
html("own-host-form", O, "a form's target written absolutely", "<form id=\"f\" action=\"http://<?= $_SERVER['HTTP_HOST'] ?>/save\" method=\"post\"></form>", "<form id=\"f\" action=\"/save\" method=\"post\"></form>", "<form id=\"f\" action=\"/save\" method=\"post\"></form>",
     at="#f[action]", options={"own_host_links": True})
html("own-host-other", R, "a link to the backend's own address", "<a id=\"l\" href=\"/packages/x\">x</a>", "<a id=\"l\" href=\"http://127.0.0.1:8000/packages/x\">x</a>", at="#l[href]", diff={"own_host_links": True})
html("own-host-scheme", R, "a link down to http", "<a id=\"l\" href=\"https://site.example/x\">x</a>", "<a id=\"l\" href=\"http://site.example/x\">x</a>", at="#l[href]")
