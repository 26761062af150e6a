"""JSON text: how the same value is written by each stack."""

from case import C, Port, pair, sort

sort("json")


def same(id, reason, php, python, go=None, *, flags="0", rule=None, ports=("flask", "fastapi", "dumps", "orjson", "ujson"), php_code=None):
    """The same value in PHP and as a Python literal, printed by what each stack prints JSON with."""
    known = {
        "flask": Port(f"return jsonify({python})"),
        "fastapi": Port(f"return {python}"),
        "flask_dumps": Port(f"return dumps({python})") if "dumps" in ports else None,
        "flask_orjson": Port(f"return fast({python})", needs="orjson") if "orjson" in ports else None,
        "go": Port(f"asJSON(w, {go})") if go else None,
    }
    chosen = {name: port for name, port in known.items() if port and (name not in ("flask", "fastapi") or name in ports)}
    pair(id, C, reason, php_code or f"json({php}, {flags});", rule=rule, **chosen)


same("slash", "PHP escapes slashes", "['url' => 'https://aur.example/packages/x/']", "{'url': 'https://aur.example/packages/x/'}",
     'M{"url": "https://aur.example/packages/x/"}', rule="json_slash_escape", ports=("flask", "fastapi"))
same("date-slashes", "dates with slashes", "['d' => '02/01/2024', 'path' => '/']", "{'d': '02/01/2024', 'path': '/'}", rule="json_slash_escape", ports=("fastapi",))
for name, text, why in [("latin", "Noël Gödel", "letters of Latin-1"), ("cjk", "日本語 текст", "three-byte characters"), ("emoji", "a😀b👩‍💻", "characters beyond the BMP"),
                        ("euro", "5 € – “q” …", "typographic signs"), ("nbsp", "a\u00a0b\u200bc", "no-break and zero-width space")]:
    same(f"unicode-{name}", f"json_encode escapes non-ASCII: {why}", f"['t' => '{text}']", repr({"t": text}), f'M{{"t": "{text}"}}' , ports=("fastapi", "orjson", "dumps"))

PACKAGES = """[
    'version' => 5, 'type' => 'multiinfo', 'resultcount' => 2,
    'results' => [
        ['ID' => 1063, 'Name' => 'yay', 'Description' => 'An AUR helper <fast> & "small"', 'URL' => 'https://github.com/Jguer/yay', 'NumVotes' => 2301,
         'Popularity' => 23.125, 'OutOfDate' => null, 'Maintainer' => 'jguer', 'License' => ['GPL-3.0-or-later'], 'Keywords' => ['arch', 'AUR', 'go']],
        ['ID' => 2048, 'Name' => 'café-theme', 'Description' => "Thème d'été", 'URL' => 'https://example.org/~joe/a?b=1&c=2', 'NumVotes' => 0,
         'Popularity' => 10.0, 'OutOfDate' => 1703980800, 'Maintainer' => null, 'License' => [], 'Keywords' => []],
    ],
]"""
PACKAGES_PY = """{
    'version': 5, 'type': 'multiinfo', 'resultcount': 2,
    'results': [
        {'ID': 1063, 'Name': 'yay', 'Description': 'An AUR helper <fast> & "small"', 'URL': 'https://github.com/Jguer/yay', 'NumVotes': 2301,
         'Popularity': 23.125, 'OutOfDate': None, 'Maintainer': 'jguer', 'License': ['GPL-3.0-or-later'], 'Keywords': ['arch', 'AUR', 'go']},
        {'ID': 2048, 'Name': 'café-theme', 'Description': "Thème d'été", 'URL': 'https://example.org/~joe/a?b=1&c=2', 'NumVotes': 0,
         'Popularity': 10.0, 'OutOfDate': 1703980800, 'Maintainer': None, 'License': [], 'Keywords': []},
    ],
}"""
PACKAGES_GO = """M{
    "version": 5, "type": "multiinfo", "resultcount": 2,
    "results": L{
        M{"ID": 1063, "Name": "yay", "Description": "An AUR helper <fast> & \\"small\\"", "URL": "https://github.com/Jguer/yay", "NumVotes": 2301,
          "Popularity": 23.125, "OutOfDate": nil, "Maintainer": "jguer", "License": L{"GPL-3.0-or-later"}, "Keywords": L{"arch", "AUR", "go"}},
        M{"ID": 2048, "Name": "café-theme", "Description": "Thème d'été", "URL": "https://example.org/~joe/a?b=1&c=2", "NumVotes": 0,
          "Popularity": 10.0, "OutOfDate": 1703980800, "Maintainer": nil, "License": L{}, "Keywords": L{}},
    },
}"""
same("packages", "a whole answer of a package search", PACKAGES, PACKAGES_PY, PACKAGES_GO)
same("packages-pretty", "a whole answer, JSON_PRETTY_PRINT", PACKAGES, PACKAGES_PY, PACKAGES_GO, flags="JSON_PRETTY_PRINT", rule="json_whitespace",
     ports=("flask", "fastapi"))
same("packages-unescaped", "a whole answer, nothing escaped", PACKAGES, PACKAGES_PY, PACKAGES_GO, flags="JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE",
     ports=("fastapi",))
same("packages-hex", "a whole answer, with every JSON_HEX_ flag", PACKAGES, PACKAGES_PY, PACKAGES_GO,
     flags="JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS | JSON_HEX_QUOT", rule="json_html_escape", ports=("fastapi",))
same("empty-object", "an empty object, said as one", "new stdClass", "{}", "M{}", ports=("fastapi",))
same("empty-list", "an empty list", "[]", "[]", "L{}", ports=("fastapi", "flask"))
same("scalar-string", "a bare string as the document", "'a/b'", "'a/b'", '"a/b"', ports=("dumps", "fastapi"))
same("scalar-null", "null as the document", "null", "None", "nil", ports=("fastapi", "dumps"))
same("scalar-true", "true as the document", "true", "True", "true", ports=("fastapi", "dumps"))
same("line-separators", "U+2028 and U+2029", r'["t" => "a\u{2028}b\u{2029}c"]', r"{'t': 'a\u2028b\u2029c'}", r'M{"t": "a\u2028b\u2029c"}', ports=("fastapi", "orjson"))
same("line-separators-raw", "U+2028 raw in PHP by a flag", r'["t" => "a\u{2028}b"]', r"{'t': 'a\u2028b'}", r'M{"t": "a\u2028b"}',
     flags="JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_LINE_TERMINATORS", ports=("dumps",))
same("del", "DEL and other controls", r'["t" => "a\x7fb\x1fc\x01d"]', r"{'t': 'a\x7fb\x1fc\x01d'}", r'M{"t": "a\x7fb\x1fc\x01d"}', ports=("fastapi", "orjson", "dumps"))
same("short-escapes", "backspace and form feed", r'["t" => "a" . chr(8) . "b\fc\td\ne\rf"]', r"{'t': 'a\bb\fc\td\ne\rf'}", r'M{"t": "a\bb\fc\td\ne\rf"}',
     ports=("fastapi", "orjson"))
same("quotes", "quotes, backslashes and tags", r"""['t' => 'a "b" \\ c <d> & \'e\'']""", r"""{'t': 'a "b" \\ c <d> & \'e\''}""", r"""M{"t": "a \"b\" \\ c <d> & 'e'"}""",
     ports=("fastapi", "orjson"))
same("hex-quot", "JSON_HEX_QUOT", """['t' => 'say "x"']""", """{'t': 'say "x"'}""", flags="JSON_HEX_QUOT", ports=("fastapi",))
same("nul", "a NUL character", r'["t" => "a\0b"]', r"{'t': 'a\0b'}", r'M{"t": "a\x00b"}', ports=("fastapi", "dumps"))
same("key-escapes", "keys with slashes and letters", "['a/b' => 1, 'é' => 2, '' => 3]", "{'a/b': 1, 'é': 2, '': 3}", 'M{"a/b": 1, "é": 2, "": 3}', ports=("fastapi", "dumps"))
same("key-order", "members in another order", "['name' => 'x', 'id' => 1, 'v' => ['b' => 1, 'a' => 2]]", "{'v': {'a': 2, 'b': 1}, 'id': 1, 'name': 'x'}",
     'M{"name": "x", "id": 1, "v": M{"b": 1, "a": 2}}', rule="json_key_order", ports=("fastapi", "flask"))
same("numeric-keys", "numbers as keys are strings in JSON", "['x' => [10 => 'a', 20 => 'b']]", "{'x': {10: 'a', 20: 'b'}}", 'M{"x": map[int]string{10: "a", 20: "b"}}',
     ports=("fastapi", "dumps"))
pair("bom", C, "a PHP file saved with a byte order mark", r'''header('Content-Type: application/json'); echo "\u{FEFF}", json_encode(['a' => 1]);''', rule="json_bom",
     fastapi="return {'a': 1}")
pair("trailing-newline", C, "the closing tag of the script is followed by an empty line", "<?php header('Content-Type: application/json'); echo json_encode(['a' => [1, 2]]) ?>\n\n\n",
     rule="json_whitespace", fastapi="return {'a': [1, 2]}", go='asJSON(w, M{"a": L{1, 2}})')
pair("concatenated", C, "JSON written by hand, with spaces", """header('Content-Type: application/json'); echo '{ "a" : 1 , "b" : [ 1,2 , 3 ] }';""", rule="json_whitespace",
     fastapi="return {'a': 1, 'b': [1, 2, 3]}")

# Numbers: the same double.
for name, php, python, go, why in [
    ("whole", "10.0", "10.0", "10.0", "a whole float"),
    ("whole-list", "[1.0, 2.5, 3.0]", "[1.0, 2.5, 3.0]", "L{1.0, 2.5, 3.0}", "whole floats in a list"),
    ("large", "1.0e25", "1e25", "1e25", "an exponent"),
    ("small", "1.0e-7", "1e-7", "1e-7", "a negative exponent"),
    ("tiny", "0.00001", "0.00001", "0.00001", "five places"),
    ("e15", "1.0e15", "1e15", "1e15", "where Python writes a point"),
    ("e16", "1.0e16", "1e16", "1e16", "where Python changes to an exponent"),
    ("e17", "1.0e17", "1e17", "1e17", "where PHP has an exponent and Go has none"),
    ("e21", "1.0e21", "1e21", "1e21", "where Go changes to an exponent"),
    ("e-6", "0.000001", "0.000001", "0.000001", "the smallest that Go writes out"),
    ("pi", "M_PI", "math.pi", "math.Pi", "17 digits"),
    ("max", "PHP_FLOAT_MAX", "1.7976931348623157e308", "math.MaxFloat64", "the largest double"),
    ("min", "5e-324", "5e-324", "math.SmallestNonzeroFloat64", "the smallest double"),
    ("negative", "-12.50", "-12.50", "-12.50", "a negative"),
]:
    if why:
        same(f"float-{name}", f"the same double: {why}", f"['n' => {php}]", f"{{'n': {python}}}", f'M{{"n": {go}}}', ports=("fastapi", "orjson"))
same("minus-zero", "minus zero", "['n' => -0.0]", "{'n': -0.0}", 'M{"n": math.Copysign(0, -1)}', ports=("fastapi", "orjson"))
for digits in ("0.1", "1.1", "3.14", "2.675", "1e22 / 3"):
    name = digits.replace(".", "-").replace(" / ", "-")
    same(f"digits17-{name}", "17 digits of the same double, serialize_precision as before PHP 7.1", "", f"{{'price': {digits}}}",
         php_code=f"ini_set('serialize_precision', 17); json(['price' => {digits}]);", ports=("fastapi", "orjson"))
for value in ("9007199254740993", "1234567890123456789", "-9223372036854775807"):
    same(f"int-{value}", "whole numbers above 2^53, exactly", f"['id' => {value}]", f"{{'id': {value}}}", f'M{{"id": int64({value})}}', ports=("fastapi", "dumps"))
same("pretty-empty", "empty containers, pretty printed", "['a' => [], 'b' => new stdClass, 'c' => [[]]]", "{'a': [], 'b': {}, 'c': [[]]}", flags="JSON_PRETTY_PRINT",
     ports=("fastapi",))
pair("preserve-zero", C, "JSON_PRESERVE_ZERO_FRACTION", "json(['n' => 10.0], JSON_PRESERVE_ZERO_FRACTION);", rule="json_whole_float", flask="return jsonify(n=10)",
     go='asJSON(w, M{"n": 10})')
pair("indent-python", C, "json.dumps with indent", "json(['a' => [1, ['b' => null]]], JSON_PRETTY_PRINT);", rule="json_whitespace",
     flask="return dumps({'a': [1, {'b': None}]}, indent=2)", go='''w.Header().Set("Content-Type", "application/json")
e := json.NewEncoder(w)
e.SetIndent("", "\\t")
e.Encode(M{"a": L{1, M{"b": nil}}})''')
