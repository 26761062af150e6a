//! The ways in which a name and its secret are written.

use super::*;

#[test]
fn a_name_betrays_its_secret_however_it_is_written() {
    for text in [
        r#"<script>JSON.parse("{\x22token\x22:\x22$\x22,\x22page\x22:1}")</script>"#,
        r#"<script>JSON.parse("{\u0022token\u0022: \u0022$\u0022}")</script>"#,
        r#"{\u0022p\u0061ssword\u0022: \u0022a\\\u0022$\u0022}"#,
        r#"{"a":"{\"b\":\"{\\\"token\\\":\\\"$\\\"}\"}"}"#,
        r#"{"a":"{\"password\":\"one\\\"$\"}"}"#,
        r#"{"a":"{\"session\":{\"id\":\"$\"}}"}"#,
        r#"x = '{\u0022session\u0022:{\u0022id\u0022:\u0022$\u0022}}'"#,
        r#"<b x="{&quot;session&quot;:{&quot;id&quot;:&quot;$&quot;}}">"#,
        "{'session': {'id': '$'}}",
        r#"csrfToken = \u0022$\u0022"#,
        r#"f(\"csrf_token\", \"$\")"#,
        "'token' => '$',",
        r#"["csrf_token","$"]"#,
        r#"[[ "a", 1 ], [ "csrf_token" , "$" ]]"#,
        r#"[\u0022csrf_token\u0022,\u0022$\u0022]"#,
        r#"['password', '$'"#,
        r#"{"name":"csrf_token","value":"$"}"#,
        r#"{"type":"password", "value" : "$"}"#,
        r#"{"html":"\u003cinput name=\"csrf_token\" value=\"$\"\u003e"}"#,
        r#"x("\x3cinput name=\x22csrf_token\x22 value=\x22$\x22\x3e")"#,
        r#"document.write('<input name=\'csrf\' value=\'$\'>')"#,
        r#"{"key":"password","value":"$"}"#,
        r#"{"html":"\u003cinput type\u003d\"hidden\" name\u003d\"csrf_token\" value\u003d\"$\"\u003e"}"#,
        r#"x = "\u003Cinput type\u003D\u0022text\u0022 name\u003D\u0022token\u0022 value\u003D\u0022$\u0022\u003E""#,
        r#"{"next":"https://h/x?a=1\u0026token=$\u0026v=1"}"#,
        r#"{"next":"/x?a\u003d1\u0026token\u003d$"}"#,
        r#"{"next":"/x?url=/y\u003ftoken\u003d$"}"#,
        r#"x("/x?a=1\x26token=$")"#,
        r#"{"text":"a\ntoken=$\r\nb=1"}"#,
        "/x?j=%7B%22token%22:%22$%22%7D",
        "<dl><dt>API key</dt><dd>$</dd></dl>",
        "<tr><td>Name</td><td>Token:</td><td><code class=x>$</code></td></tr>",
        "<th><b>Api token</b></th>\n<td> $ </td>",
        "<label>Password</label> $<br>",
        r#"{"html":"<dt>Session id<\/dt><dd>$<\/dd>"}"#,
    ] {
        let text = text.replace('$', SECRET);
        let cleaned = redactor().text(&text);
        assert_gone(&cleaned);
        assert_eq!(redactor().text(&cleaned), cleaned);
    }
    let page = "<dl><dt>PIN</dt><dd>4711</dd><dt>Password</dt><dd>hunter2</dd></dl>";
    assert!(!redactor().text(page).contains("hunter2") && !redactor().text(page).contains("4711"));
    let told = having_read(page).difference(&difference("dl > dd", "4711", "4711")).control.unwrap();
    assert!(told.starts_with(MARKER), "{told}");
    let page = "<e><wsse:Password Type=\"T\">sunshine</wsse:Password><b>moonshine</b></e>";
    let told = |value| having_read(page).difference(&difference("e > *", value, value)).control.unwrap();
    assert!(told("sunshine").starts_with(MARKER) && told("moonshine") == "moonshine");
}

#[test]
fn only_the_value_is_taken_out() {
    for (text, told) in [
        (r#"{\x22token\x22:\x22$\x22,\x22n\x22:\x22x\x22}"#, r#"{\x22token\x22:\x22@\x22,\x22n\x22:\x22x\x22}"#),
        (r#"{\u0022token\u0022: \u0022$\u0022}"#, r#"{\u0022token\u0022: \u0022@\u0022}"#),
        (r#"{\"session\":{\"id\":\"$\"}}", "a": "b""#, r#"{\"session\":{\"id\":\"@\"}}", "a": "b""#),
        (r#"{"x":"/x?a=1\u0026token=$\u0026v=Qa"}"#, r#"{"x":"/x?a=1\u0026token=@\u0026v=Qa"}"#),
        (r#"{"x":"?token\u003d$","y":"a\\b"}"#, r#"{"x":"?token\u003d@","y":"a\\b"}"#),
        (r#"[["csrf_token","$"],["a","b"]]"#, r#"[["csrf_token","@"],["a","b"]]"#),
        (r#"{"type":"password","value":"$","n":"x"}"#, r#"{"type":"password","value":"@","n":"x"}"#),
        (
            r#"\u003cinput name=\u0022token\u0022 value=\u0022$\u0022\u003e\u003cinput name=q value=x\u003e"#,
            r#"\u003cinput name=\u0022token\u0022 value=\u0022@\u0022\u003e\u003cinput name=q value=x\u003e"#,
        ),
        ("<th>Token</th><td>$</td><td>x1234567</td>", "<th>Token</th><td>@</td><td>x1234567</td>"),
    ] {
        let marked = redactor().mark(SECRET);
        assert_eq!(redactor().text(&text.replace('$', SECRET)), told.replace('@', &marked));
    }
}

#[test]
fn names_in_lists_and_labels_of_other_things_hide_nothing() {
    for text in [
        r#"{"required":["password","email"],"a":["token","session","Ab1Ab1Ab1"]}"#,
        r#"["title","Hunter2 and Hunter3"]"#,
        r#"{"name":"title","value":"Hunter2Hunter2"}"#,
        "<th>Token</th><th>Created</th><th>Last used</th>",
        "<dt>Password</dt><dd>Change it</dd><dt>Session</dt><dd>Monday, 10:30</dd><dt>Tokens</dt><dd>1024</dd>",
        "<a href=/forgot>Forgot your password?</a> <button>Log in</button>",
        "<td>Title</td><td>Hunter2Hunter2</td>",
    ] {
        assert_eq!(redactor().text(text), text);
    }
}

#[test]
fn a_secret_of_the_exchange_is_found_coded() {
    let mut headers = HeaderMap::new();
    headers.insert("cookie", HeaderValue::from_static("SID=hunter2+Hunter/xyz9=="));
    let request = Request {
        method: Method::GET,
        scheme: "https",
        host: "aur.example".to_owned(),
        target: "/".to_owned(),
        headers,
    };
    let redactor = Redactor::of_exchange(KEY, Emails::Keep, &request, [&HeaderMap::new(), &HeaderMap::new()]);
    for text in ["/x/hunter2%2BHunter%2Fxyz9%3D%3D", "it is aHVudGVyMitIdW50ZXIveHl6OT09."] {
        let told = redactor.text(text);
        assert!(told.contains(MARKER) && !told.contains("aHVudG") && !told.contains("xyz9"), "{told}");
    }
}
