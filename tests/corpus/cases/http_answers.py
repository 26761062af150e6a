"""Status lines, redirects, methods, parameters: what a port answers otherwise."""

from case import C, I, O, R, Ask, Port, pair, sort

sort("http")
OK = "json(['ok' => true]);"


def status(id, row, reason, php, flask=None, fastapi=None, go=None, django=None, at="status", **more):
    pair(id, row, reason, php, flask=flask, fastapi=fastapi, go=go, django=django, at=at, **more)


# ---- who serves, how it is framed ----
pair("plain", C, "the stacks' own headers", OK, flask="return jsonify(ok=True)", fastapi="return {'ok': True}", go='asJSON(w, M{"ok": true})', django="return JsonResponse({'ok': True})")
pair("plain-page", C, "the stacks' own headers of a page", "<p>x</p>", flask="return '<p>x</p>'", fastapi="return HTMLResponse('<p>x</p>')", go='w.Header().Set("Content-Type", "text/html; charset=utf-8")\nfmt.Fprint(w, "<p>x</p>")', django="return HttpResponse('<p>x</p>')")
pair("http10", C, "a client of HTTP/1.0 style: Connection: close", OK, ask=Ask(headers=(("Connection", "close"),)), flask="return jsonify(ok=True)", fastapi="return {'ok': True}", go='asJSON(w, M{"ok": true})')
pair("streamed", C, "a streamed answer", "header('Content-Type: text/plain; charset=utf-8'); for ($i = 0; $i < 3; $i++) { echo \"$i\\n\"; ob_flush(); flush(); }", flask="return Response((f'{i}\\n' for i in range(3)), content_type='text/plain; charset=utf-8')",
     fastapi="return StreamingResponse((f'{i}\\n' for i in range(3)), media_type='text/plain')", go='w.Header().Set("Content-Type", "text/plain; charset=utf-8")\nfor i := 0; i < 3; i++ {\n    fmt.Fprintln(w, i)\n    w.(http.Flusher).Flush()\n}')
pair("gzip-page", C, "compressed by the old side only", "<p><?= str_repeat('text ', 50) ?></p>", ask=Ask(headers=(("Accept-Encoding", "gzip"),)), flask=Port("return Response('<p>' + 'text ' * 50 + '</p>', headers={'Vary': 'Accept-Encoding'})"))
pair("gzip-both", C, "compressed by both, at other levels", "json(['t' => str_repeat('text ', 50)]);", ask=Ask(headers=(("Accept-Encoding", "gzip"),)),
     flask="import gzip\nreturn Response(gzip.compress(json.dumps({'t': 'text ' * 50}).encode(), 9), content_type='application/json', headers={'Content-Encoding': 'gzip', 'Vary': 'Accept-Encoding'})",
     go='w.Header().Set("Content-Type", "application/json")\nw.Header().Set("Content-Encoding", "gzip")\nw.Header().Set("Vary", "Accept-Encoding")\nz := gzip.NewWriter(w)\njson.NewEncoder(z).Encode(M{"t": strings.Repeat("text ", 50)})\nz.Close()')
pair("gzip-value", R, "a difference inside gzip", "json(['t' => str_repeat('text ', 50), 'n' => 1]);", at="/n", ask=Ask(headers=(("Accept-Encoding", "gzip"),)), flask=Port("return Response(json.dumps({'t': 'text ' * 50, 'n': 2}), content_type='application/json', headers={'Vary': 'Accept-Encoding'})"))
pair("gzip-vary-lost", R, "Vary is lost: caches hand gzip to who cannot read it", "json(['t' => str_repeat('text ', 50)]);", at="header:Vary", ask=Ask(headers=(("Accept-Encoding", "gzip"),)),
     flask="import gzip\nreturn Response(gzip.compress(json.dumps({'t': 'text ' * 50}).encode()), content_type='application/json', headers={'Content-Encoding': 'gzip'})")

# ---- content types ----
pair("type-default", R, "PHP's default type is HTML, also of JSON", "echo json_encode(['a' => 1]);", at="header:Content-Type", kind="content_type", flask="return jsonify(a=1)", fastapi="return {'a': 1}", go='asJSON(w, M{"a": 1})', django="return JsonResponse({'a': 1})")
pair("type-sniffed", R, "Go sniffs the type of what has none", "header('Content-Type: application/json'); echo '{\"a\":1}';", at="header:Content-Type", kind="content_type", go='fmt.Fprint(w, `{"a":1}`)', flask="return '{\"a\":1}'")
pair("charset-case", C, "spelling of the charset", "header('Content-Type: text/html;charset=UTF-8'); ?><p>x</p>", flask="return '<p>x</p>'", go='w.Header().Set("Content-Type", "text/html; charset=\\"utf-8\\"")\nfmt.Fprint(w, "<p>x</p>")')
pair("type-name-case", C, "Content-type, as many scripts write it", "header('Content-type: application/json; charset=utf-8'); echo '{}';", flask="return Response('{}', content_type='application/json; charset=UTF-8')")
pair("charset-json", R, "JSON is UTF-8 whether it is said or not, but old clients guess where it is not said: as for any other type", "header('Content-Type: application/json; charset=utf-8'); echo '{}';", at="header:Content-Type", fastapi="return {}", flask="return jsonify({})")
pair("charset-missing", R, "browsers guess", "<p>x</p>", at="header:Content-Type", go='w.Header().Set("Content-Type", "text/html")\nfmt.Fprint(w, "<p>x</p>")', flask="return Response('<p>x</p>', headers={'Content-Type': 'text/html'})")
pair("charset-latin", R, "another charset", "header('Content-Type: text/html; charset=iso-8859-1'); ?><p>x</p>", at="header:Content-Type", flask="return '<p>x</p>'")
pair("charset-transcoded", R, "Latin-1 bytes became UTF-8, and it says so", r"""header('Content-Type: text/html; charset=iso-8859-1'); echo "<p>caf\xe9</p>";""", at="header:Content-Type", flask="return '<p>café</p>'")
pair("type-plain-html", R, "an error that echoes its input became HTML", "header('Content-Type: text/plain; charset=utf-8'); http_response_code(400); echo 'no such ', $_GET['q'];", at="header:Content-Type", ask=Ask(path="?q=%3Cb%3E"), flask="return 'no such ' + request.args['q'], 400")
pair("type-rss", R, "a feed with the type of XML", "header('Content-Type: application/rss+xml; charset=utf-8'); echo '<rss/>';", at="header:Content-Type", flask="return Response('<rss/>', content_type='application/xml; charset=utf-8')")
pair("type-unused-304", C, "the type of nothing", "header('ETag: \"a\"'); http_response_code(304);", flask="return Response(status=304, headers={'ETag': '\"a\"'})", go='w.Header().Set("ETag", "\\"a\\"")\nw.WriteHeader(304)')
pair("type-unused-204", C, "the type of nothing", "http_response_code(204);", flask="return '', 204", fastapi="return Response(status_code=204)", go="w.WriteHeader(204)", django="return HttpResponse(status=204)")
pair("type-unused-302", C, "the body of a redirect", "header('Location: /next');", flask="return redirect('/next')", fastapi="return RedirectResponse('/next', 302)", go='http.Redirect(w, r, "/next", 302)', django="return HttpResponseRedirect('/next')")

# ---- redirects ----
status("redirect-307", R, "RedirectResponse keeps the method", "header('Location: /next');", fastapi="return RedirectResponse('/next')")
status("redirect-301", R, "header() answers 302, the port 301", "header('Location: /next');", flask="return redirect('/next', 301)", go='http.Redirect(w, r, "/next", http.StatusMovedPermanently)', django="return HttpResponsePermanentRedirect('/next')")
status("redirect-303", R, "after a POST: 302 against 303", "header('Location: /next');", ask=Ask(method="POST", body="a=1", headers=(("Content-Type", "application/x-www-form-urlencoded"),)), fastapi=Port("return RedirectResponse('/next', 303)", methods=("POST",)),
       flask=Port("return redirect('/next', 303)", methods=("POST",)))
for name, php, python, why in [
    ("space", "/next?a=b c", "/next?a=b%20c", "a raw space"),
    ("absolute", "http://site.example/next", "/next", "relative to the same host"),
    ("port", "http://site.example:80/next", "http://site.example/next", "the default port"),
    ("utf8", "/caf\u00e9", "/caf%C3%A9", "a letter as itself"),
    ("hex-case", "/caf%c3%a9", "/caf%C3%A9", "hex digits in either case"),
    ("relative", "next", "/next", "relative to this page"),
    ("dots", "/a/../next", "/next", "dot segments"),
    ("host-case", "http://Site.Example/next", "http://site.example/next", "capitals in the host"),
]:
    pair(f"location-{name}", C, f"the same target: {why}", f"header('Location: {php}');", flask=f"answer = Response(status=302)\nanswer.autocorrect_location_header = False\nanswer.headers['Location'] = {python!r}\nreturn answer",
         rule="redirect_spelling")
for name, php, python, why in [
    ("other", "/next", "/login", "elsewhere"),
    ("query", "/next?id=1", "/next?id=2", "another parameter"),
    ("query-lost", "/login?return=%2Fa", "/login", "where to return is lost"),
    ("slash", "/next", "/next/", "a slash at the end"),
    ("leaked", "/next", "http://127.0.0.1:8000/next", "the backend's own address"),
    ("scheme", "https://site.example/next", "http://site.example/next", "down to http"),
    ("plus", "/s?q=a%2Bb", "/s?q=a+b", "a plus that was encoded"),
    ("double", "/s?q=a%20b", "/s?q=a%2520b", "encoded twice"),
    ("case", "/Next", "/next", "another path"),
    ("fragment", "/next#c", "/next", "the fragment is lost"),
]:
    pair(f"location-{name}", R, f"another target: {why}", f"header('Location: {php}');", at="header:Location", kind="redirect", flask=f"answer = Response(status=302)\nanswer.autocorrect_location_header = False\nanswer.headers['Location'] = {python!r}\nreturn answer")
status("redirect-slash", R, "a framework that strips slashes redirects what PHP did not know", "<p>x</p>", ask=Ask(path="/"), fastapi="return HTMLResponse('<p>x</p>')")
pair("not-found-page", R, "nginx' own page of a 404 against the framework's", "<p>x</p>", ask=Ask(path="/none"), flask="return '<p>x</p>'", fastapi="return HTMLResponse('<p>x</p>')", go='fmt.Fprint(w, "<p>x</p>")')
status("redirect-lost", R, "a redirect became a page", "header('Location: /login');", flask="return '<h1>Login</h1>'", go='fmt.Fprint(w, "<h1>Login</h1>")')
status("redirect-new", R, "a page became a redirect", "<p>x</p>", flask="return redirect('/login')", django="return HttpResponseRedirect('/login/')")
pair("refresh", R, "a redirect by Refresh", "header('Refresh: 0; url=/next'); echo '<p>x</p>';", at="header:Refresh", flask="return '<p>x</p>'")

# ---- methods ----
HEAD = Ask(method="HEAD")
status("head", R, "HEAD on a GET route of FastAPI", OK, ask=HEAD, fastapi="return {'ok': True}")
pair("head-same", C, "HEAD where it is answered", OK, ask=HEAD, flask="return jsonify(ok=True)", go='asJSON(w, M{"ok": true})', django="return JsonResponse({'ok': True})")
STRICT = {"method_strictness": True}
pair("options", O, "OPTIONS on a script that answers any method", OK, ask=Ask(method="OPTIONS"), at="status", options=STRICT, fastapi="return {'ok': True}")
pair("options-flask", R, "Flask answers OPTIONS by itself: 200 without a body", OK, ask=Ask(method="OPTIONS"), flask="return jsonify(ok=True)")
pair("method-post", R, "POST on a script that answers any method: forms may be sent there, so no option excuses it", OK, ask=Ask(method="POST"), at="status", diff=STRICT, fastapi="return {'ok': True}", flask="return jsonify(ok=True)")
for method in ("PUT", "DELETE", "PATCH"):
    pair(f"method-{method.lower()}", O, f"{method} on a script that answers any method", OK, ask=Ask(method=method), at="status", options=STRICT, fastapi="return {'ok': True}", flask="return jsonify(ok=True)")
pair("method-get-post-only", R, "GET on a form target that knows POST only", OK, at="status", diff=STRICT, fastapi=Port("return {'ok': True}", methods=("POST",)), flask=Port("return jsonify(ok=True)", methods=("POST",)))

# ---- parameters ----
ID = "json(['id' => (int) ($_GET['id'] ?? 0)]);"
status("id-text", R, "?id=abc is 0 for PHP, 422 for FastAPI", ID, ask=Ask(path="?id=abc"), fastapi=Port("return {'id': id}", args="id: int"))
status("id-missing", R, "no id is 0 for PHP, 422 for FastAPI", ID, fastapi=Port("return {'id': id}", args="id: int"))
status("id-missing-flask", R, "request.args[...] of what is missing is 400", ID, flask="return jsonify(id=int(request.args['id']))")
status("id-text-flask", R, "int() of a text is 500", ID, ask=Ask(path="?id=abc"), flask="return jsonify(id=int(request.args['id']))")
pair("id-same", C, "an id that is one", ID, ask=Ask(path="?id=7"), fastapi=Port("return {'id': id}", args="id: int"), flask="return jsonify(id=request.args.get('id', 0, int))")
pair("id-prefix", R, "(int) '12abc' is 12", ID, ask=Ask(path="?id=12abc"), at="/id", flask="return jsonify(id=request.args.get('id', 0, int))")
pair("id-space", C, "a space before a number", ID, ask=Ask(path="?id=%207"), flask="return jsonify(id=request.args.get('id', 0, int))", fastapi=Port("return {'id': id}", args="id: int"))
LISTED = "json(['keys' => array_keys($_GET), 'b' => $_GET['b'] ?? null]);"
pair("parameter-list", R, "b[]=x&b[]=y", LISTED, ask=Ask(path="?b[]=x&b[]=y"), flask="return jsonify(keys=list(request.args), b=request.args.get('b'))", fastapi=Port("return {'keys': list(request.query_params), 'b': request.query_params.get('b')}", args="request: Request"))
pair("parameter-names", R, "dots and spaces in names become underscores", "json(['keys' => array_keys($_GET)]);", ask=Ask(path="?e.f=1&g%20h=2"), at="/keys/0", flask="return jsonify(keys=list(request.args))", fastapi=Port("return {'keys': list(request.query_params)}", args="request: Request"))
pair("parameter-twice", R, "of two values PHP takes the last, Flask the first", "json(['a' => $_GET['a']]);", ask=Ask(path="?a=1&a=2"), at="/a", flask="return jsonify(a=request.args['a'])", go='asJSON(w, M{"a": r.URL.Query().Get("a")})')
pair("parameter-last", C, "of two values FastAPI takes the last, too", "json(['a' => $_GET['a']]);", ask=Ask(path="?a=1&a=2"), fastapi=Port("return {'a': a}", args="a: str"))
pair("parameter-empty", R, "an empty parameter", "json(['q' => $_GET['q'] ?? 'none']);", ask=Ask(path="?q="), at="/q", flask="return jsonify(q=request.args.get('q') or 'none')")
pair("form-file", R, "a field of a form", "json(['name' => $_POST['name'] ?? null]);", ask=Ask(method="POST", body='{"name": "x"}', headers=(("Content-Type", "application/json"),)), at="/name", flask=Port("return jsonify(name=request.get_json()['name'])", methods=("POST",)))
pair("form-same", C, "a form that both read", "json(['name' => $_POST['name'] ?? null]);", ask=Ask(method="POST", body="name=caf%C3%A9+x", headers=(("Content-Type", "application/x-www-form-urlencoded"),)), flask=Port("return jsonify(name=request.form['name'])", methods=("POST",)),
     fastapi=Port("return {'name': name}", methods=("POST",), args="name: str = Form()"), go='r.ParseForm()\nasJSON(w, M{"name": r.PostForm.Get("name")})')
status("form-csrf", R, "Django refuses a form without its token", OK, ask=Ask(method="POST", body="a=1", headers=(("Content-Type", "application/x-www-form-urlencoded"),)), django="return JsonResponse({'ok': True})")

# ---- failures ----
ERROR = {"error_body": True}
pair("error-body", O, "an uncaught error: nothing against a framework's text", "throw new Exception('x');", options=ERROR, fastapi="raise ValueError('x')", flask="raise ValueError('x')", go='http.Error(w, "x", 500)', django="raise ValueError('x')")
status("error-lost", R, "PHP goes on after a notice, Python does not", "json(['n' => $missing['x'] ?? 0]);", fastapi="return {'n': {}['x']}", flask="return jsonify(n={}['x'])", django="return JsonResponse({'n': {}['x']})")
status("error-mended", R, "the port is better", "throw new Exception('x');", flask="return jsonify(ok=True)", go='asJSON(w, M{"ok": true})')
status("warning-200", R, "a warning text and 200 against 500", "ini_set('display_errors', '1'); $f = fopen('/nonexistent', 'r'); echo 'x';", flask="open('/nonexistent')")
pair("both-failed", I, "both fail alike, with nothing to say", "http_response_code(503);", flask="return '', 503", go="w.WriteHeader(503)", fastapi="return Response(status_code=503)")
pair("both-failed-text", I, "both fail alike, with the same text", "http_response_code(503); header('Content-Type: text/plain; charset=utf-8'); echo 'down for a minute';", flask="return Response('down for a minute', 503, content_type='text/plain; charset=utf-8')")
status("error-400-500", R, "a bad parameter is the client's fault", "http_response_code(400); json(['error' => 'bad id']);", flask="raise ValueError('bad id')", fastapi="raise ValueError('bad id')")
status("status-404-200", R, "what was not there is", "http_response_code(404); echo 'no';", flask="return 'yes'", go='fmt.Fprint(w, "yes")', fastapi="return {'openapi': '3'}")
status("status-200-404", R, "what was there is not", OK, flask="abort(404)", go="http.NotFound(w, r)", fastapi="raise HTTPException(404)", django="return HttpResponse(status=404)")
status("status-403-200", R, "a door that is open", "http_response_code(403); json(['error' => 'forbidden']);", flask="return jsonify(secret=1)", fastapi="return {'secret': 1}")
status("status-401-403", R, "the browser no longer asks", "http_response_code(401); header('WWW-Authenticate: Basic realm=\"x\"');", flask="abort(403)")
status("status-200-201", R, "created", "json(['id' => 1]);", ask=Ask(method="POST"), fastapi=Port("return {'id': 1}", route="methods=['POST'], status_code=201"))
status("status-404-410", R, "gone", "http_response_code(404);", flask="abort(410)")
status("status-200-302", R, "an error became a redirect", "echo '<p>no such thing</p>';", flask="flash('no such thing')\nreturn redirect('/dashboard')")
status("status-200-204", R, "nothing to say", OK, flask="return '', 204", go="w.WriteHeader(204)")
