"""JSON values: what a port gets wrong, and what only an option excuses."""

from case import C, I, O, R, Ask, Port, pair, sort

sort("json")


def real(id, at, kind, reason, php, python=None, go=None, **more):
    """A bug, in every port that it is written for."""
    pair(id, R, reason, f"json({php});", at=at, kind=kind, fastapi=python and f"return {python}", go=go and f"asJSON(w, {go})", **more)


def option(id, at, options, reason, php, python=None, go=None, **more):
    pair(id, O, reason, f"json({php});", at=at, options=options, fastapi=python and f"return {python}", go=go and f"asJSON(w, {go})", **more)


# ---- O rows ----
LAST_DIGIT = {"float_tolerance": 1e-9}
option("float-last-digit", "/sum", LAST_DIGIT, "PHP's echo prints 14 digits", "['sum' => (float) (string) (0.1 + 0.2)]", "{'sum': 0.1 + 0.2}", 'M{"sum": 0.30000000000000004}')
option("float-division", "/share", LAST_DIGIT, "PHP's echo prints 14 digits of a third", "['share' => (float) (string) (1 / 3)]", "{'share': 1 / 3}")
option("float-root", "/list/1", LAST_DIGIT, "rounded to 14 digits in a list", "['list' => [1, (float) (string) sqrt(2)]]", "{'list': [1, math.sqrt(2)]}", 'M{"list": L{1, math.Sqrt(2)}}')
option("float-relative", "/n", {"float_tolerance": {"relative": 1e-9}}, "the last digits of a large number", "['n' => 123456789.12345678]", "{'n': 123456789.12345679 + 2e-8}")
BIG = {"bigint_float": True}
for big in ("9223372036854775808", "18446744073709551615", "12345678901234567890"):
    option(f"bigint-{big}", "/id", BIG, "beyond 2^63 PHP has a float", f"['id' => {big}]", f"{{'id': {big}}}", f'M{{"id": uint64({big})}}')
STRINGS = {"numeric_strings": True}
option("string-int", "/votes", STRINGS, "old database drivers return strings", "['votes' => '42']", "{'votes': 42}", 'M{"votes": 42}')
option("string-float", "/price", STRINGS, "a float as a string", "['price' => '1.5']", "{'price': 1.5}", 'M{"price": 1.5}')
option("string-negative", "/n", STRINGS, "a negative number as a string", "['n' => '-7']", "{'n': -7}")
option("string-list", "/ids/0", STRINGS, "a list of ids", "['ids' => ['3', '5', '8']]", "{'ids': [3, 5, 8]}", 'M{"ids": L{3, 5, 8}}')
option("number-as-string", "/id", STRINGS, "the port prints the string", "['id' => 7]", "{'id': '7'}")
pair("pdo-strings", O, "PDO with stringified fetches", "json(db(true)->query('SELECT id, name, votes FROM packages')->fetchAll(PDO::FETCH_ASSOC));", at="/0/id", options=STRINGS,
     flask="return dumps([dict(row) for row in db().execute('SELECT id, name, votes FROM packages')])")
EMPTY = {"empty_array_object": True}
option("empty-assoc", "/labels", EMPTY, "an empty array is a list to PHP", "['labels' => []]", "{'labels': {}}", 'M{"labels": M{}}')
option("empty-assoc-root", "", EMPTY, "the whole answer is empty", "[]", "{}", "M{}")
option("empty-assoc-deep", "/results/1/attributes", EMPTY, "one of many is empty", "['results' => [['attributes' => ['a' => 1]], ['attributes' => []]]]",
       "{'results': [{'attributes': {'a': 1}}, {'attributes': {}}]}")
option("forced-object", "/keywords", EMPTY, "JSON_FORCE_OBJECT on an empty list", "['keywords' => []], JSON_FORCE_OBJECT", "{'keywords': []}")
NULL = {"null_missing": True}
option("null-absent", "/flagged", NULL, "null is left out", "['id' => 1, 'flagged' => null]", "{'id': 1}", 'struct {\n    ID int `json:"id"`\n    Flagged *int `json:"flagged,omitempty"`\n}{ID: 1}')
option("absent-null", "/b", NULL, "a member that legacy leaves out", "array_filter(['a' => 1, 'b' => null], fn ($v) => $v !== null)", "{'a': 1, 'b': None}", 'M{"a": 1, "b": nil}')
pair("null-exclude", O, "response_model_exclude_none", "json(['results' => [['id' => 1, 'note' => null], ['id' => 2, 'note' => 'x']]]);", at="/results/0/note", options=NULL,
     fastapi="""
class Row(BaseModel):
    id: int
    note: Optional[str]
return jsonable_encoder({'results': [Row(id=1), Row(id=2, note='x')]}, exclude_none=True)""")
DATES = {"date_formats": True}
INSTANT = "datetime.datetime(2024, 1, 2, 3, 4, 5"
option("date-iso", "/at", DATES, "a space against a T", "['at' => '2024-01-02 03:04:05']", f"{{'at': {INSTANT})}}")
option("date-zone", "/at", DATES, "+00:00 against Z", "['at' => (new DateTime('2024-01-02 03:04:05'))->format('c')]", "{'at': '2024-01-02T03:04:05Z'}",
       'M{"at": time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)}')
option("date-zone-python", "/at", DATES, "a naive text against +00:00", "['at' => gmdate('Y-m-d H:i:s', 1704164645)]", f"{{'at': {INSTANT}, tzinfo=datetime.timezone.utc)}}")
option("date-other-zone", "/at", DATES, "the same instant in another zone", "['at' => (new DateTime('2024-01-02 04:04:05', new DateTimeZone('Europe/Paris')))->format(DATE_ATOM)]",
       f"{{'at': {INSTANT}, tzinfo=datetime.timezone.utc)}}", 'M{"at": time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)}')
option("date-micro", "/at", DATES, "microseconds that are zero", "['at' => (new DateTime('2024-01-02 03:04:05'))->format('Y-m-d\\TH:i:s.uP')]", "{'at': '2024-01-02T03:04:05+00:00'}")
option("date-rfc", "/at", DATES, "DATE_RSS against ISO", "['at' => gmdate(DATE_RSS, 1704164645)]", "{'at': '2024-01-02T03:04:05Z'}")
pair("date-flask", O, "Flask's provider prints HTTP dates", "json(['at' => gmdate(DATE_ATOM, 1704164645)]);", at="/at", options=DATES,
     flask=f"return jsonify(at={INSTANT}))", django=Port(f"return JsonResponse({{'at': {INSTANT}, tzinfo=datetime.timezone.utc)}})"))
DECIMAL = STRINGS
option("decimal-money", "/price", STRINGS, "jsonable_encoder makes a float of a Decimal", "['price' => '1.10']", "{'price': Decimal('1.10')}")
option("decimal-whole", "/price", STRINGS, "a whole Decimal", "['price' => '25']", "{'price': Decimal('25')}")
pair("list-order", O, "rows in another order", "json(['names' => ['beta', 'alpha', 'gamma']]);", at="/names", kind="order", options={"unordered": ["/names"]},
     fastapi="return {'names': ['alpha', 'beta', 'gamma']}", go='asJSON(w, M{"names": []string{"alpha", "beta", "gamma"}})')
pair("list-set", O, "printed from a set", "json(['licenses' => ['GPL', 'MIT', 'BSD', 'ISC']]);", at="/licenses", kind="order", options={"unordered": ["/licenses"]},
     flask="return jsonify(licenses=['MIT', 'ISC', 'BSD', 'GPL'])")
pair("rows-order", O, "no ORDER BY", "json(['results' => db()->query('SELECT id, name FROM packages ORDER BY name DESC')->fetchAll(PDO::FETCH_ASSOC)]);", at="/results", kind="order",
     options=[{"unordered": ["/results"]}, {"match_by": {"/results": "id"}}],
     flask="return jsonify(results=[dict(row) for row in db().execute('SELECT id, name FROM packages ORDER BY name')])")
pair("strict-key-order", O, "the order of members, where it is said to count", "json(['a' => 1, 'b' => 2]);", diff={"key_order": "strict"}, at="",
     go='asJSON(w, struct {\n    B int `json:"b"`\n    A int `json:"a"`\n}{2, 1})', fastapi="return {'b': 2, 'a': 1}")

# ---- R rows: numbers ----
real("int-53", "/id", "value", "ids above 2^53 that differ", "['id' => 9007199254740993]", "{'id': 9007199254740992}", 'M{"id": float64(9007199254740993)}')
real("int-last-digit", "/0/id", "value", "the last of nineteen digits", "[['id' => 1234567890123456789]]", "[{'id': 1234567890123456788}]", 'L{M{"id": int64(1234567890123456780)}}')
real("off-by-one", "/total", "value", "off by one", "['total' => 41]", "{'total': 42}", 'M{"total": 42}')
real("sign", "/balance", "value", "the sign is lost", "['balance' => -12.5]", "{'balance': 12.5}")
real("integer-division", "/pages", "value", "intdiv against round", "['pages' => intdiv(-7, 2)]", "{'pages': -7 // 2}", 'M{"pages": -7 / 2 - 1}')
real("modulo", "/shift", "value", "-7 % 3", "['shift' => -7 % 3]", "{'shift': -7 % 3}")
for value, python in (("2.5", "round(2.5)"), ("3.5 - 1", "round(2.5)"), ("-0.5 - 1", "round(-1.5) + 1")):
    name = value.replace(".", "-").replace(" ", "")
    real(f"round-{name}", "/n", "value", "PHP rounds half away from zero, Python to even", f"['n' => (int) round({value})]", f"{{'n': {python}}}")
for value in ("1.005", "5.055", "2.675"):
    real(f"round-{value.replace('.', '-')}", "/price", "value", "PHP rounds what is written, Python what is stored", f"['price' => round({value}, 2)]", f"{{'price': round({value}, 2)}}",
         f'M{{"price": math.Floor({value}*100) / 100}}')
real("number-format", "/price", "value", "number_format against an f-string", "['price' => number_format(1234.5, 2)]", "{'price': f'{1234.5:.2f}'}")
real("numeric-check", "/zip", "type", "JSON_NUMERIC_CHECK eats zeros", "['zip' => '0123'], JSON_NUMERIC_CHECK", "{'zip': '0123'}", 'M{"zip": "0123"}')
real("numeric-check-exponent", "/hash", "type", "JSON_NUMERIC_CHECK reads an exponent", "['hash' => '1e5'], JSON_NUMERIC_CHECK", "{'hash': '1e5'}", 'M{"hash": "1e5"}')
real("numeric-check-phone", "/phone", None, "JSON_NUMERIC_CHECK eats the plus", "['phone' => '+4912345'], JSON_NUMERIC_CHECK", "{'phone': '+4912345'}")
real("money-differs", "/price", None, "another amount", "['price' => '1.10']", "{'price': '1.1'}")
real("price-in-cents", "/price", "value", "cents against euros", "['price' => 19.99]", "{'price': 1999}", 'M{"price": 1999}')
real("float-third-place", "/n", "value", "differs in the third place", "['n' => 0.123]", "{'n': 0.124}", options=())

# ---- R rows: shapes ----
real("hole", "/ids", None, "array_filter keeps the keys", "['ids' => array_filter([1, 0, 2])]", "{'ids': [x for x in [1, 0, 2] if x]}", 'M{"ids": L{1, 2}}')
real("hole-rows", "", None, "unset() leaves a hole", "(function () { $rows = [['id' => 1], ['id' => 2], ['id' => 3]]; unset($rows[1]); return $rows; })()", "[{'id': 1}, {'id': 3}]",
     'L{M{"id": 1}, M{"id": 3}}')
real("one-based", "/months", None, "an array that begins with 1", "['months' => [1 => 'Jan', 2 => 'Feb']]", "{'months': ['Jan', 'Feb']}", 'M{"months": L{"Jan", "Feb"}}')
real("nil-slice", "/results", "type", "a nil slice is null", "['results' => []]", "{'results': None}", 'M{"results": []string(nil)}')
real("bool-int", "/flagged", "type", "a bit of the database against a bool", "['flagged' => 1]", "{'flagged': True}", 'M{"flagged": true}')
real("bool-empty", "/flagged", "type", "false as the empty string", "['flagged' => (string) false]", "{'flagged': False}", 'M{"flagged": false}')
real("bool-text", "/flagged", "type", "str(True)", "['flagged' => true]", "{'flagged': str(True)}", 'M{"flagged": "true"}')
real("bool-flipped", "/flagged", "value", "the flag is turned over", "['flagged' => true]", "{'flagged': False}", 'M{"flagged": false}')
real("null-empty", "/note", "type", "null against the empty string", "['note' => null]", "{'note': ''}", 'M{"note": ""}')
real("null-zero", "/parent", "type", "null against 0", "['parent' => null]", "{'parent': 0}", 'M{"parent": 0}')
real("null-text", "/note", "type", "str(None)", "['note' => null]", "{'note': str(None)}")
real("empty-missing", "/keywords", "missing", "an empty list is left out", "['id' => 1, 'keywords' => []]", "{'id': 1}",
     'struct {\n    ID int `json:"id"`\n    Keywords []string `json:"keywords,omitempty"`\n}{ID: 1}')
real("zero-missing", "/votes", "missing", "omitempty drops zero", "['id' => 1, 'votes' => 0]", "{'id': 1}", 'struct {\n    ID int `json:"id"`\n    Votes int `json:"votes,omitempty"`\n}{ID: 1}')
real("false-missing", "/flagged", "missing", "omitempty drops false", "['id' => 1, 'flagged' => false]", None, 'struct {\n    ID int `json:"id"`\n    Flagged bool `json:"flagged,omitempty"`\n}{ID: 1}')
real("key-case", "/name", "extra", "a struct without tags", "['Name' => 'x', 'id' => 1]", "{'name': 'x', 'id': 1}", 'struct {\n    Name string `json:"name"`\n    ID int `json:"id"`\n}{"x", 1}')
real("key-renamed", "/package_base", "extra", "snake_case", "['PackageBase' => 'x']", "{'package_base': 'x'}", 'M{"package_base": "x"}')
real("extra-key", "/password_hash", "extra", "SELECT * tells too much", "['user' => 'ann']", "{'user': 'ann', 'password_hash': '$2b$12$abc'}", 'M{"user": "ann", "password_hash": "$2b$12$abc"}')
real("missing-key", "/results/1/Maintainer", "missing", "one of the rows has no maintainer", "['results' => [['Maintainer' => 'a'], ['Maintainer' => 'b']]]",
     "{'results': [{'Maintainer': 'a'}, {}]}", 'M{"results": L{M{"Maintainer": "a"}, M{}}}')
real("swapped", "/name", "value", "name and description swapped", "['name' => 'yay', 'description' => 'helper']", "{'name': 'helper', 'description': 'yay'}", 'M{"name": "helper", "description": "yay"}')
real("root-shape", "", None, "a list is wrapped", "[['id' => 1]]", "{'results': [{'id': 1}]}", 'M{"results": L{M{"id": 1}}}')
real("one-for-many", "/results", "type", "a single result without its list", "['results' => [['id' => 1]]]", "{'results': {'id': 1}}", 'M{"results": M{"id": 1}}')
real("element-inserted", "/1", "extra", "one more element", "['a', 'b', 'c']", "['a', 'x', 'b', 'c']", 'L{"a", "x", "b", "c"}')
real("element-lost", "/results/1", "missing", "one row is lost", "['results' => [['id' => 1], ['id' => 2], ['id' => 3]]]", "{'results': [{'id': 1}, {'id': 3}]}", 'M{"results": L{M{"id": 1}, M{"id": 3}}}')
real("element-twice", "/2", "extra", "a join doubles a row", "['a', 'b']", "['a', 'b', 'b']")
real("filter-ignored", "/resultcount", "value", "a filter is ignored", "['resultcount' => 1, 'results' => [['id' => 7]]]", "{'resultcount': 3, 'results': [{'id': 7}, {'id': 8}, {'id': 9}]}")
real("count-disagrees", "/resultcount", "value", "the counter says what the list does not", "['resultcount' => 2, 'results' => [1, 2]]", "{'resultcount': 1, 'results': [1, 2]}", 'M{"resultcount": 0, "results": L{1, 2}}')
real("first-for-all", "/results/1/text", "value", "every row shows the first one's text", "['results' => [['text' => 'one'], ['text' => 'two']]]", "{'results': [{'text': 'one'}, {'text': 'one'}]}")
real("datetime-object", "/at", "type", "json_encode of a DateTime", "['at' => new DateTime('2024-01-02 03:04:05')]", f"{{'at': {INSTANT})}}", 'M{"at": time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)}')
real("date-hour-off", "/at", "value", "an hour off: local time taken for UTC", "['at' => '2024-01-02 03:04:05']", "{'at': '2024-01-02T04:04:05'}", 'M{"at": "2024-01-02T04:04:05Z"}')
real("date-zone-dropped", "/at", "value", "the zone is written, but the hour is that of another", "['at' => '2024-01-02T03:04:05+01:00']", "{'at': '2024-01-02T03:04:05+00:00'}", 'M{"at": time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)}')
real("date-millis", "/at", None, "seconds against milliseconds", "['at' => 1704164645]", "{'at': 1704164645000}", 'M{"at": int64(1704164645000)}')
real("date-day-month", "/day", "value", "day and month exchanged", "['day' => '2024-01-02']", "{'day': '2024-02-01'}", 'M{"day": "2024-02-01"}')
real("timestamp-hour", "/modified", "value", "exactly 3600 s off", "['modified' => 1704164645]", "{'modified': 1704168245}", 'M{"modified": 1704168245}')
real("sort-mixed", "/sorted", None, "sort() of numbers as text", "['sorted' => (function () { $a = ['10', '9', '1e1']; sort($a); return $a; })()]", "{'sorted': sorted(['10', '9', '1e1'])}",
     'M{"sorted": func() []string { a := []string{"10", "9", "1e1"}; sort.Strings(a); return a }()}')
real("natcasesort", "/sorted", "order", "natcasesort", "['sorted' => (function () { $a = ['img12', 'img10', 'IMG2', 'img1']; natcasesort($a); return array_values($a); })()]",
     "{'sorted': sorted(['img12', 'img10', 'IMG2', 'img1'])}", 'M{"sorted": func() []string { a := []string{"img12", "img10", "IMG2", "img1"}; sort.Strings(a); return a }()}')
real("collation", "/names", "order", "letters with marks sort otherwise", "['names' => (function () { $a = ['zoo', 'étage', 'eau']; (new Collator('fr'))->sort($a); return $a; })()]",
     "{'names': sorted(['zoo', 'étage', 'eau'])}")
real("case-order", "/names", "order", "sort() by bytes against lower case", "['names' => (function () { $a = ['b', 'A', 'C']; sort($a); return $a; })()]", "{'names': sorted(['b', 'A', 'C'], key=str.lower)}")
real("page-order", "/results", None, "the default order is turned round", "['results' => [['id' => 3], ['id' => 2], ['id' => 1]]]", "{'results': [{'id': 1}, {'id': 2}, {'id': 3}]}")

# ---- R rows: text ----
real("nfc", "/name", "value", "NFC against NFD", "['name' => Normalizer::normalize('Zoë', Normalizer::FORM_D)]", "{'name': 'Zoë'}", 'M{"name": "Zoë"}')
real("trailing-space", "/name", "value", "trim is forgotten", "['name' => trim('x ')]", "{'name': 'x '}", 'M{"name": "x "}')
real("trim-nbsp", "/name", "value", "strip takes the no-break space too", r'''['name' => trim("x\u{a0}")]''', r"{'name': 'x\u00a0'.strip()}", r'M{"name": strings.TrimSpace("x\u00a0")}')
real("nul-dropped", "/t", "value", "a NUL is dropped", r'["t" => "a\0b"]', "{'t': 'ab'}", 'M{"t": "ab"}')
real("mojibake", "/name", "value", "Latin-1 read as UTF-8, written twice", "['name' => mb_convert_encoding('Noël', 'UTF-8', 'ISO-8859-1')]", "{'name': 'Noël'}", 'M{"name": "Noël"}')
real("json-in-json", "/meta", "type", "encoded twice", "['meta' => json_encode(['a' => 1])]", "{'meta': {'a': 1}}", 'M{"meta": M{"a": 1}}')
real("html-escaped", "/title", "value", "escaped for HTML in JSON", "['title' => htmlspecialchars('Q&A <b>')]", "{'title': 'Q&A <b>'}", 'M{"title": "Q&A <b>"}')
real("strtoupper", "/name", "value", "strtoupper leaves é", "['name' => strtoupper('café')]", "{'name': 'café'.upper()}", 'M{"name": strings.ToUpper("café")}')
real("strlen", "/length", "value", "bytes against characters", "['length' => strlen('Noël')]", "{'length': len('Noël')}", 'M{"length": utf8.RuneCountInString("Noël")}')
real("substr", "/short", "value", "mb_substr by characters against bytes", "['short' => mb_substr('Noëlle', 0, 3)]", "{'short': 'Noëlle'.encode()[:3].decode('utf-8', 'replace')}", 'M{"short": "Noëlle"[:3]}')
real("truncated-text", "/text", "value", "cut at 20 characters", "['text' => 'A description that is somewhat long']", "{'text': 'A description that i'}", 'M{"text": "A description that i"}')
real("ucfirst", "/name", "value", "ucwords against title()", """['name' => ucwords("o'neil's")]""", """{'name': "o'neil's".title()}""")
real("slug", "/slug", "value", "another slug", "['slug' => strtolower(iconv('UTF-8', 'ASCII//TRANSLIT', 'Crème brulee'))]", "{'slug': 'crème-brulee'}")
real("md5-loose", "/valid", "value", "'0e...' == '0e...' is true in PHP", "['valid' => md5('240610708') == md5('QNKCDZO')]", "{'valid': False}", 'M{"valid": false}')
real("loose-zero", "/found", "value", "in_array without strict", "['found' => in_array('1e1', ['10'])]", "{'found': '1e1' in ['10']}", 'M{"found": false}')
real("url-other-case", "/url", "value", "another path", "['url' => 'https://x/Packages']", "{'url': 'https://x/packages'}")
real("backslash-doubled", "/path", "value", "a backslash too many", r"['path' => 'C:\\x']", r"{'path': 'C:\\\\x'}", r'M{"path": "C:\\\\x"}')
real("slash-literal", "/t", "value", "an escaped slash became text", "['t' => 'a/b']", r"{'t': 'a\\/b'}", r'M{"t": "a\\/b"}')
real("unicode-literal", "/t", "value", "an escape became text", "['t' => 'é']", r"{'t': '\\u00e9'}", r'M{"t": "\\u00e9"}')
real("plus-space", "/q", "value", "a plus that was a space", "['q' => urldecode('a+b')]", "{'q': urllib.parse.unquote('a+b')}")

# ---- R rows: the document ----
pair("warning-before", R, "display_errors prints a warning before the document", "ini_set('display_errors', '1'); header('Content-Type: application/json'); echo $missing; echo json_encode(['a' => 1]);",
     fastapi="return {'a': 1}", go='asJSON(w, M{"a": 1})')
pair("nan", R, "json_encode gives up on NAN and prints nothing", "json(['n' => NAN]);", flask="return dumps({'n': math.nan})", flask_orjson=Port("return fast({'n': math.nan})", needs="orjson"),
     fastapi="return {'n': math.nan}")
pair("inf", R, "json_encode gives up on INF", "json(['n' => INF, 'm' => 1]);", flask="return dumps({'n': math.inf, 'm': 1})", fastapi="return {'n': math.inf, 'm': 1}")
pair("inf-partial", R, "JSON_PARTIAL_OUTPUT_ON_ERROR prints 0", "json(['n' => INF, 'm' => 1], JSON_PARTIAL_OUTPUT_ON_ERROR);", flask_orjson=Port("return fast({'n': math.inf, 'm': 1})", needs="orjson", at="/n"),
     flask="return dumps({'n': math.inf, 'm': 1})")
BAD = r'"caf\xe9"'
pair("bad-utf8", R, "json_encode gives up on Latin-1 and prints nothing", f"json(['t' => {BAD}, 'id' => 1]);", go=r'asJSON(w, M{"t": "caf\xe9", "id": 1})',
     flask=r"return jsonify(t=b'caf\xe9'.decode('utf-8', 'replace'), id=1)", fastapi=r"return {'t': b'caf\xe9'.decode('latin-1'), 'id': 1}")
pair("bad-utf8-null", R, "JSON_PARTIAL_OUTPUT_ON_ERROR prints null", f"json(['t' => {BAD}, 'id' => 1], JSON_PARTIAL_OUTPUT_ON_ERROR);", at="/t", go=r'asJSON(w, M{"t": "caf\xe9", "id": 1})',
     fastapi=r"return {'t': b'caf\xe9'.decode('latin-1'), 'id': 1}")
pair("bad-utf8-ignored", R, "JSON_INVALID_UTF8_IGNORE drops the character", f"json(['t' => {BAD}], JSON_INVALID_UTF8_IGNORE);", at="/t", kind="value", go=r'asJSON(w, M{"t": "caf\xe9"})')
pair("bad-utf8-substitute", C, "both put U+FFFD", f"json(['t' => {BAD}], JSON_INVALID_UTF8_SUBSTITUTE);", go=r'asJSON(w, M{"t": "caf\xe9"})',
     flask=r"return jsonify(t=b'caf\xe9'.decode('utf-8', 'replace'))")
pair("bad-utf8-500", R, "PHP prints nothing, Python fails", f"json(['t' => {BAD}]);", at="status", fastapi=r"return {'t': b'caf\xe9'.decode('utf-8')}", flask=r"return jsonify(t=b'caf\xe9'.decode('utf-8'))")
pair("duplicate-keys", R, "a member twice, written by hand", """header('Content-Type: application/json'); echo '{"a":1,"b":2,"a":3}';""", fastapi="return {'a': 1, 'b': 2}", go='asJSON(w, M{"a": 3, "b": 2})')
pair("truncated", R, "the script dies in the middle", """header('Content-Type: application/json'); echo '{"results":[{"id":1},'; exit;""", fastapi="return {'results': [{'id': 1}, {'id': 2}]}")
pair("empty-body", R, "nothing is printed", "header('Content-Type: application/json'); $unused = json_encode(['a' => 1]);", fastapi="return {'a': 1}", go='asJSON(w, M{"a": 1})')
pair("double-output", R, "printed twice", "json(['a' => 1]); json(['a' => 1]);", fastapi="return {'a': 1}", go='asJSON(w, M{"a": 1})')
pair("text-after", R, "a debug line after the document", "json(['a' => 1]); echo 'done';", fastapi="return {'a': 1}")
pair("jsonp", R, "the callback is not served", "header('Content-Type: application/javascript'); echo ($_GET['callback'] ?? ''), '(', json_encode(['a' => 1]), ');';", ask=Ask(path="?callback=cb"),
     flask="return jsonify(a=1)")
pair("jsonp-same", C, "the callback is served, with other spaces", "header('Content-Type: application/javascript; charset=utf-8'); echo $_GET['callback'], '(', json_encode(['a' => '/']), ');';", ask=Ask(path="?callback=cb"),
     flask="return Response('cb(' + json.dumps({'a': '/'}) + ');', content_type='application/javascript; charset=utf-8')")
pair("ndjson", C, "JSON lines, escaped otherwise", r"""header('Content-Type: application/x-ndjson'); foreach (['é', '/'] as $t) { echo json_encode(['t' => $t]), "\n"; }""",
     flask=r"""return Response(''.join(json.dumps({'t': t}) + '\n' for t in ('é', '/')), content_type='application/x-ndjson')""",
     go='''w.Header().Set("Content-Type", "application/x-ndjson")
e := json.NewEncoder(w)
e.Encode(M{"t": "é"})
e.Encode(M{"t": "/"})''')
pair("ndjson-line", R, "one of the lines differs", r"""header('Content-Type: application/x-ndjson'); foreach ([1, 2] as $t) { echo json_encode(['t' => $t]), "\n"; }""",
     flask=r"""return Response(''.join(json.dumps({'t': t}) + '\n' for t in (1, 3)), content_type='application/x-ndjson')""")
pair("error-shape", R, "another shape of errors", "http_response_code(422); json(['type' => 'error', 'error' => 'no such id']);", at="/detail", kind="extra",
     fastapi="raise HTTPException(422, 'no such id')", fastapi_list="raise HTTPException(422, [{'loc': ['query', 'id'], 'msg': 'no such id'}])")
pair("same-error", C, "the same error, said alike", "http_response_code(404); json(['detail' => 'Not Found']);", fastapi="raise HTTPException(404, 'Not Found')")
pair("message-differs", R, "another message", "http_response_code(404); json(['detail' => 'no such package']);", at="/detail", kind="value", fastapi="raise HTTPException(404)")
