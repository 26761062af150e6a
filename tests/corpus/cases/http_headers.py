"""Cookies, caches and the headers that protect."""

from case import C, I, O, R, Ask, Port, pair, sort

sort("http")


def cookie(id, row, reason, php, flask=None, fastapi=None, go=None, at=None, **more):
    """`flask` and `fastapi` are the arguments of set_cookie, `go` the fields of http.Cookie."""
    pair(id, row, reason, f"{php}\necho 'x';", at=at,
         flask=flask and f"answer = make_response('x')\nanswer.set_cookie({flask})\nreturn answer",
         fastapi=fastapi and f"answer = HTMLResponse('x')\nanswer.set_cookie({fastapi})\nreturn answer",
         go=go and f'http.SetCookie(w, &http.Cookie{{{go}}})\nw.Header().Set("Content-Type", "text/html; charset=utf-8")\nfmt.Fprint(w, "x")', **more)


# ---- cookies ----
cookie("cookie-plain", C, "the same cookie", "setcookie('theme', 'dark', ['path' => '/', 'samesite' => 'Lax']);", "'theme', 'dark', samesite='Lax'", "'theme', 'dark'", 'Name: "theme", Value: "dark", Path: "/", SameSite: http.SameSiteLaxMode')
cookie("cookie-attributes", C, "case and order of attributes, SameSite in lower case", "setcookie('sid', 'plain', ['path' => '/', 'secure' => true, 'httponly' => true, 'samesite' => 'Strict']);", "'sid', 'plain', secure=True, httponly=True, samesite='Strict'",
       "'sid', 'plain', secure=True, httponly=True, samesite='strict'", 'Name: "sid", Value: "plain", Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode')
cookie("cookie-max-age", C, "Max-Age beside Expires", "setcookie('a', 'b', ['expires' => time() + 3600, 'path' => '/', 'samesite' => 'Lax']);", "'a', 'b', max_age=3600, samesite='Lax'", "'a', 'b', max_age=3600, expires=3600",
       'Name: "a", Value: "b", Path: "/", Expires: time.Now().Add(time.Hour), SameSite: http.SameSiteLaxMode')
cookie("cookie-deleted", C, "two ways to delete a cookie", "setcookie('gone', '', ['expires' => 1, 'path' => '/']);", fastapi=None, flask=None, go='Name: "gone", Value: "", Path: "/", MaxAge: -1')
pair("cookie-deleted-python", C, "two ways to delete a cookie", "setcookie('gone', '', 1, '/'); echo 'x';", flask="answer = make_response('x')\nanswer.delete_cookie('gone')\nreturn answer", fastapi="answer = HTMLResponse('x')\nanswer.delete_cookie('gone')\nreturn answer",
     django="answer = HttpResponse('x')\nanswer.delete_cookie('gone')\nreturn answer")
cookie("cookie-not-deleted", R, "the cookie is not deleted", "setcookie('gone', '', 1, '/');", "'gone', ''", at="cookie:gone", go='Name: "gone", Value: "", Path: "/"')
cookie("cookie-encoded", R, "urlencoded against quoted: the other stack misreads it", "setcookie('v', 'abc/d e+f=', ['path' => '/', 'samesite' => 'lax']);", "'v', 'abc/d e+f=', samesite='lax'", "'v', 'abc/d e+f='", 'Name: "v", Value: "abc/d e+f=", Path: "/", SameSite: http.SameSiteLaxMode', at="cookie:v")
cookie("cookie-utf8", R, "a letter in a cookie", "setcookie('v', 'café', ['path' => '/', 'samesite' => 'lax']);", "'v', 'café', samesite='lax'", at="cookie:v")
cookie("cookie-comma", R, "a comma in a cookie", "setcookie('v', 'a,b', ['path' => '/', 'samesite' => 'lax']);", "'v', 'a,b', samesite='lax'", at="cookie:v")
cookie("cookie-raw", C, "setrawcookie writes what the ports write", "setrawcookie('v', 'a/b:c', ['path' => '/', 'samesite' => 'lax']);", go='Name: "v", Value: "a/b:c", Path: "/", SameSite: http.SameSiteLaxMode')
cookie("cookie-value", R, "another value", "setcookie('lang', 'de', ['path' => '/', 'samesite' => 'lax']);", "'lang', 'en', samesite='lax'", "'lang', 'en'", 'Name: "lang", Value: "en", Path: "/", SameSite: http.SameSiteLaxMode', at="cookie:lang")
cookie("cookie-samesite", R, "Starlette's default is SameSite=lax", "setcookie('a', 'b', 0, '/');", fastapi="'a', 'b'", at="cookie:a")
cookie("cookie-samesite-lost", R, "SameSite is lost", "setcookie('a', 'b', ['path' => '/', 'samesite' => 'Strict']);", "'a', 'b'", at="cookie:a", go='Name: "a", Value: "b", Path: "/"')
cookie("cookie-httponly-lost", R, "HttpOnly is lost", "setcookie('a', 'b', 0, '/', '', false, true);", "'a', 'b'", at="cookie:a", go='Name: "a", Value: "b", Path: "/"')
cookie("cookie-secure-lost", R, "Secure is lost", "setcookie('a', 'b', 0, '/', '', true);", "'a', 'b'", at="cookie:a", go='Name: "a", Value: "b", Path: "/"')
cookie("cookie-path", R, "PHP's default path is the folder of the script, Flask's is /", "setcookie('a', 'b', 0, '/shop/');", "'a', 'b'", at="cookie:a", go='Name: "a", Value: "b", Path: "/"')
cookie("cookie-domain", R, "sent to all subdomains", "setcookie('a', 'b', 0, '/');", "'a', 'b', domain='site.example'", at="cookie:a")
cookie("cookie-longer", R, "lives longer", "setcookie('a', 'b', ['expires' => time() + 3600, 'path' => '/']);", "'a', 'b', max_age=86400 * 365", at="cookie:a", go='Name: "a", Value: "b", Path: "/", MaxAge: 864000')
cookie("cookie-persistent", R, "a cookie of the session lives on", "setcookie('a', 'b', 0, '/');", "'a', 'b', expires=datetime.datetime(2083, 1, 1)", at="cookie:a")
cookie("cookie-shorter", R, "remembered for a day instead of a month", "setcookie('remember', 'b', ['expires' => time() + 30 * 86400, 'path' => '/']);", "'remember', 'b', max_age=86400", at="cookie:remember")
cookie("cookie-name", R, "another name", "setcookie('lang', 'de', 0, '/');", "'language', 'de'", at="cookie:lang")
pair("cookie-missing", R, "a cookie less", "setcookie('a', '1', 0, '/'); setcookie('b', '2', 0, '/'); echo 'x';", at="cookie:b", flask="answer = make_response('x')\nanswer.set_cookie('a', '1')\nreturn answer")
pair("cookie-order", C, "cookies in another order", "setcookie('a', '1', 0, '/'); setcookie('b', '2', 0, '/'); echo 'x';", flask="answer = make_response('x')\nanswer.set_cookie('b', '2')\nanswer.set_cookie('a', '1')\nreturn answer")
SESSION = "session_cache_limiter(''); session_start();"
pair("session-value", C, "a session id made anew", f"{SESSION} echo 'x';", flask="import secrets\nanswer = make_response('x')\nanswer.set_cookie('PHPSESSID', secrets.token_hex(13))\nreturn answer")
pair("session-missing", R, "no session", f"{SESSION} echo 'x';", at="cookie:PHPSESSID", flask="return 'x'", go='w.Header().Set("Content-Type", "text/html; charset=utf-8")\nfmt.Fprint(w, "x")')
pair("session-added", R, "a session that nobody asked for", "echo 'x';", at="cookie:session", flask="session['n'] = 1\nanswer = make_response('x')\nreturn answer")
pair("session-cache-lost", R, "session_start forbids caching, the port does not", "session_start(); echo 'x';", at="header:Cache-Control", flask="import secrets\nanswer = make_response('x')\nanswer.set_cookie('PHPSESSID', secrets.token_hex(13))\nreturn answer")
pair("session-cache-same", C, "caching forbidden in other words", "session_start(); echo 'x';",
     flask="import secrets\nanswer = make_response('x')\nanswer.set_cookie('PHPSESSID', secrets.token_hex(13))\nanswer.headers['Cache-Control'] = 'no-cache, no-store, must-revalidate'\nreturn answer")

# ---- any header ----
def header(id, row, reason, name, old, new, at=None, **more):
    """One header on both sides; None: not there."""
    php = "".join(f"header('{name}: {value}', false); " for value in ([old] if isinstance(old, str) else old or []))
    new = [new] if isinstance(new, str) else new or []
    pair(id, row, reason, f"{php}json(['a' => 1]);", at=at or (f"header:{name}" if row in (R, O) else None),
         flask="answer = jsonify(a=1)\n" + "".join(f"answer.headers.add({name!r}, {value!r})\n" for value in new) + "return answer",
         go="".join(f"w.Header().Add({chr(34)}{name}{chr(34)}, `{value}`)\n" for value in new) + 'asJSON(w, M{"a": 1})', **more)


header("request-id", C, "a request id made anew", "X-Request-Id", "5f2c8e0a9b7d4c1e", "77ab01cd23ef4567")
header("request-id-gone", O, "a request id that is no longer sent", "X-Request-Id", "5f2c8e0a9b7d4c1e", None, options={"request_id_presence": True})
header("request-id-added", C, "a request id that only the port sends: nobody misses anything", "X-Request-Id", None, "5f2c8e0a9b7d4c1e")
header("correlation-id", O, "another name of such ids", "X-Correlation-Id", "5f2c8e0a-9b7d-4c1e-8f00-0123456789ab", None, options={"request_id_presence": True})
header("rate-limit", C, "a counter", "X-RateLimit-Remaining", "99", "98")
header("runtime", C, "how long it took", "X-Runtime", "0.0123", "0.0045")
header("server-timing", C, "how long it took", "Server-Timing", "db;dur=53.2", "db;dur=7")
header("via", C, "a proxy of the old site", "Via", "1.1 varnish", None)
header("powered-by", C, "who serves", "X-Powered-By", "PHP/5.6.40", None)
header("cache-spelling", C, "directives in another order", "Cache-Control", "max-age=60, public", "public,max-age=60")
header("cache-longer", R, "kept for a day instead of a minute", "Cache-Control", "public, max-age=60", "public, max-age=86400")
header("cache-private", R, "a private answer becomes public", "Cache-Control", "private, max-age=60", "public, max-age=60")
header("cache-lost", R, "no-store is lost", "Cache-Control", "no-store", None)
header("cache-added", R, "no longer cached", "Cache-Control", "public, max-age=3600", "no-store")
header("etag-value", C, "another ETag", "ETag", '"abc"', '"def"')
header("etag-weak", C, "a weak one", "ETag", '"abc"', 'W/"abc"')
header("etag-lost", R, "no 304 any more", "ETag", '"abc"', None)
header("last-modified-value", C, "another Last-Modified", "Last-Modified", "Tue, 02 Jan 2024 03:04:05 GMT", "Tue, 02 Jan 2024 03:04:06 GMT")
header("vary-lost", R, "caches mix users", "Vary", "Cookie", None)
header("vary-order", C, "Vary in another order and case", "Vary", "Accept-Encoding, Cookie", "cookie, accept-encoding")
header("vary-split", C, "Vary as two headers", "Vary", "Accept-Encoding, Cookie", ["Accept-Encoding", "Cookie"])
for name, value, weaker in [("Content-Security-Policy", "default-src self; script-src self", "default-src *"), ("Strict-Transport-Security", "max-age=31536000; includeSubDomains", "max-age=60"), ("X-Frame-Options", "DENY", "SAMEORIGIN"),
                            ("X-Content-Type-Options", "nosniff", None), ("Access-Control-Allow-Origin", "https://app.example", "*"), ("Referrer-Policy", "no-referrer", "unsafe-url"), ("Permissions-Policy", "camera=()", "camera=*")]:
    header(f"lost-{name.lower()}", R, "a protection is lost", name, value, None)
    if weaker:
        header(f"weaker-{name.lower()}", R, "a protection is weaker", name, value, weaker)
header("hsts-spelling", C, "the same, spelled otherwise", "Strict-Transport-Security", "max-age=31536000; includeSubDomains", "includeSubDomains;max-age=31536000")
header("csp-spelling", C, "the same policy, spelled otherwise", "Content-Security-Policy", "default-src https: ; img-src *", "img-src *; default-src https:;")
header("frame-case", C, "DENY and deny", "X-Frame-Options", "DENY", "deny")
header("link", R, "another page", "Link", "</p/2>; rel=\"next\"", "</p/3>; rel=\"next\"")
header("link-spelling", C, "the same link, spelled otherwise", "Link", "</p/2>; rel=\"next\"", "<http://site.example/p/2>;rel=next")
header("total", R, "a count of the application", "X-Total-Count", "42", "41")
header("content-language", R, "another language", "Content-Language", "de", "en")
header("allow-origin-added", R, "anybody may read it", "Access-Control-Allow-Origin", None, "*")
header("deprecation", R, "a header that only one side has", "X-Api-Version", "2", None)
header("retry-after", R, "when to come back", "Retry-After", "120", "5")
header("disposition", R, "a download opens in the browser", "Content-Disposition", "attachment; filename=\"a.csv\"", "inline")
header("disposition-spelling", C, "a file name, quoted or not", "Content-Disposition", "attachment; filename=\"a.csv\"", "attachment; filename=a.csv")
header("disposition-name", R, "another name of the file", "Content-Disposition", "attachment; filename=\"a.csv\"", "attachment; filename=\"b.csv\"")
header("robots", R, "search engines may see it", "X-Robots-Tag", "noindex", None)
header("header-case", C, "a header's name in lower case", "x-total-count", "42", "42")
pair("expires-clock", C, "Expires within a second of each other", "header('Expires: ' . gmdate('D, d M Y H:i:s', time() + 3600) . ' GMT'); json(['a' => 1]);",
     flask="answer = jsonify(a=1)\nanswer.expires = datetime.datetime.utcnow() + datetime.timedelta(seconds=3601)\nreturn answer")
pair("expires-day", R, "expires a day later", "header('Expires: ' . gmdate('D, d M Y H:i:s', time() + 3600) . ' GMT'); json(['a' => 1]);", at="header:Expires",
     flask="answer = jsonify(a=1)\nanswer.expires = datetime.datetime.utcnow() + datetime.timedelta(days=1)\nreturn answer")

# ---- bodies that are no text ----
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
pair("image", C, "the same image", f"header('Content-Type: image/png'); echo base64_decode('{PNG}');", flask=f"import base64\nreturn Response(base64.b64decode('{PNG}'), content_type='image/png')")
pair("image-size", R, "an image of another size", "header('Content-Type: image/png'); imagepng(imagecreatetruecolor(20, 10));", flask=f"import base64\nreturn Response(base64.b64decode('{PNG}'), content_type='image/png')")
pair("download-cut", R, "a download that ends early", r"header('Content-Type: application/octet-stream'); echo str_repeat(chr(255) . chr(1), 500);", flask=r"return Response(b'\xff\x01' * 400, content_type='application/octet-stream')")
pair("download-same", C, "a download", r"header('Content-Type: application/octet-stream'); echo str_repeat(chr(255) . chr(1), 500);", flask=r"return Response(b'\xff\x01' * 500, content_type='application/octet-stream')")
