#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use http::{HeaderMap, HeaderValue, Method};

use super::*;
use crate::diff::{Difference, Kind, Severity};

mod hostile;
mod names;
mod spellings;

const KEY: Key = Key([7; 16]);
/// Stands in the cases below where a secret stands; no part of it may be left.
const SECRET: &str = "hunter2Hunter2-xyz";

fn redactor() -> Redactor {
    Redactor::new(KEY, Emails::Hide)
}

fn assert_gone(cleaned: &str) {
    assert!(!cleaned.contains("hunter2"), "the secret is still there: {cleaned}");
    assert!(cleaned.contains(MARKER), "nothing marks the place: {cleaned}");
}

#[test]
fn every_pattern_compiles() {
    let of_pages = [
        &html::TAG,
        &html::ATTRIBUTE,
        &html::TEXTAREA,
        &html::SELECT,
        &html::OPTION,
        &json::ASSIGNED,
        &html::NONCE,
        &html::ESCAPED_TAG,
    ];
    let others = [&PAIR, &USERINFO, &BEARER, &WEB_TOKEN, &PRIVATE_KEY, &EMAIL, &difference::COOKIE_ATTRIBUTES];
    for pattern in of_pages.into_iter().chain(others) {
        assert_ne!(pattern.as_str(), NEVER.as_str());
    }
}

#[test]
fn secrets_in_headers_are_gone() {
    for (name, value) in [
        ("Cookie", "theme=dark; AURSID=$"),
        ("Cookie", "$"),
        ("Set-Cookie", "AURSID=$; Path=/; HttpOnly"),
        ("Set-Cookie", "AURSID=\"$\""),
        ("Authorization", "Bearer $"),
        ("Authorization", "$"),
        ("Proxy-Authorization", "Basic $"),
        ("X-Api-Key", "$"),
        ("X-Sess", "$"),
        ("DPoP", "$"),
        ("X-CSRF-Token", "$"),
        ("X-Amz-Security-Token", "$"),
        ("Location", "/reset?resetkey=$&user=me"),
        ("Location", "https://me:$@site.example/"),
        ("Referer", "https://site.example/cb?code=$"),
        ("Link", "</feed?access_token=$>; rel=next"),
        ("Refresh", "0; url=/x?session=$"),
        ("Location", "/cb#id_token=$"),
        ("Location", "/cb#state=x&access_token=$"),
        ("Location", "/login;jsessionid=$?a=b"),
        ("Authentication-Info", "nextnonce=\"$\", qop=auth"),
        ("Authentication-Info", "nextnonce=$"),
        ("WWW-Authenticate", "Digest realm=\"a\", nonce=\"$\""),
        ("Content-Security-Policy", "script-src 'nonce-$'"),
    ] {
        assert_gone(&redactor().header(name, &value.replace('$', SECRET)));
    }
}

#[test]
fn secrets_in_texts_are_gone() {
    for text in [
        "/login?user=me&password=$",
        "/login?user%5Bpassword%5D=$",
        "user=me&passwd=$&remember=1",
        "user[pass]=$",
        "/x?accessToken=$#top",
        "/login?next=%2Freset%3Ftoken%3D$",
        "/callback?state=$&key=topsecretvalue",
        "a Bearer $ in prose",
        r#"{"user":"me","password":"$"}"#,
        r#"{"user":"me","password" : "$","n":1}"#,
        r#"{"p\u0061ssword":"$"}"#,
        r#"{"password":"$"#,
        r#"{"session":{"id":"$","n":[1,"$"]},"x":1}"#,
        r#"{"tokens":["$","$"],"x":"y"}"#,
        r#"{"apiKey":"$"}"#,
        r#"{"code":"$"}"#,
        r#"{"reset_key":"$"}"#,
        r#"Warning: x in y on line 3 {"secret":"$"}"#,
        r#"{"inner":"{\"token\":\"$\"}"}"#,
        r#"<div data-page="{&quot;csrf&quot;:&quot;$&quot;}">"#,
        r#"<input type="hidden" name="csrf_token" value="$">"#,
        r#"<input value='$' name='_token'>"#,
        r#"<input type=password value=$>"#,
        r#"<meta name="csrf-token" content="$">"#,
        r#"<body data-token="$">"#,
        r#"<a href="/vote?id=1&amp;token=$">"#,
        r#"<script>var config = {'apiToken': '$'};</script>"#,
        "curl -H 'Authorization: Bearer $'",
        "eyJhbGciOiJIUzI1NiJ9.$.c2ln",
        "-----BEGIN RSA PRIVATE KEY-----\n$\n-----END RSA PRIVATE KEY-----",
        "write to $@site.example please",
        r#"<textarea name="password" rows=3>$</textarea>"#,
        r#"<textarea id=api_token>a "$" <b>"#,
        r#"<select name="api_token"><option>$<option selected value='$'>x</select>"#,
        r#"<button name="csrf" value="$">go</button>"#,
        r#"<input autocomplete="current-password" value="$">"#,
        r#"<input type="hidden" name="csrf" value="$"#,
        r#"<div data-csrf-token="$">"#,
        r#"<script nonce="$">"#,
        r#"<script>var csrfToken="$";</script>"#,
        r#"<script>window.app.csrf_token = '$'"#,
        r#"<script>app["authToken"] = "a\"$";</script>"#,
        "<script>const secret = `$`",
        r#"<script>init({token: "$", page: 3});</script>"#,
        r#"<script>if (token === "$") {}"#,
        r#"<script>request.setRequestHeader("X-CSRF-Token", "$");</script>"#,
        r#"<script type="application/json">{"csrfToken":"$"}</script>"#,
        r#"<button onclick="token = &quot;$&quot;">"#,
        "script-src 'nonce-$' 'self'",
        "/cb?a=1#id_token=$",
        "SAMLResponse=$&RelayState=x",
        "client_assertion=$",
        "/x?hmac=$",
        "/x?signed=$",
        "/login?magic=$",
        "/join?invite=$",
        r#"{"card_number":"$","creditCard":"$","iban":"$","nonce":"$","security_answer":"$","assertion":"$"}"#,
        "/x?url=/a?b=/c?d=/e?f=/g?h=/i?token=$",
    ] {
        assert_gone(&redactor().text(&text.replace('$', SECRET)));
    }
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        r#"{"results":[{"Name":"monkey","ID":42,"Keywords":["a"]}],"code":"not_found","status":"ok"}"#,
        r#"{"code":404,"state":"active","error":"no such package"}"#,
        "/rpc?v=5&type=search&arg=turkey&by=name-desc",
        r#"<a class="x" href="/packages?O=50&amp;K=vim">next</a>"#,
        r#"<input name="q" value="tokenizer">"#,
        "a = b, and 3 < 4 > 2; tokens are 10 basic things",
        "token verification failed, basic authentication wanted",
        "/issues?state=open&sort=name",
        r#"<select name="state"><option value="NY">New York</option></select><textarea name="q">a token</textarea>"#,
        r#"<script>var type = "password", page = {title: "Sessions", n: 3}; if (a == "token") b("x", "y");</script>"#,
        r#"{"key":{"name":"vim","code":{"n":1}},"announced":"2024-01-02","designed":"x","inviteds":3}"#,
        "",
    ] {
        assert_eq!(redactor().text(text), text);
    }
    assert_eq!(redactor().header("Content-Type", "text/html; charset=utf-8"), "text/html; charset=utf-8");
}

#[test]
fn equal_secrets_stay_comparable_and_names_and_attributes_readable() {
    let one = redactor().header("Set-Cookie", "AURSID=aaaaaaaaaaaa; Path=/; HttpOnly");
    let other = redactor().header("Set-Cookie", "AURSID=aaaaaaaaaaaa; Path=/");
    assert!(one.starts_with("AURSID=REDACTED-") && one.ends_with("; Path=/; HttpOnly"), "{one}");
    assert!(one.starts_with(other.trim_end_matches("; Path=/")), "{one} and {other}");
    assert_ne!(redactor().mark("one secret"), redactor().mark("another secret"));
    assert_ne!(redactor().mark("one secret"), Redactor::new(Key([8; 16]), Emails::Hide).mark("one secret"));
    assert_eq!(redactor().mark(&redactor().mark("x")), redactor().mark("x"));
}

#[test]
fn a_secret_of_the_exchange_is_found_wherever_it_is_printed_again() {
    let mut headers = HeaderMap::new();
    headers.insert("cookie", HeaderValue::from_static("AURSID=hunter2Hunter2-xyz"));
    let request = Request {
        method: Method::GET,
        scheme: "https",
        host: "aur.example".to_owned(),
        target: "/reset?token=hunter2Other%2Fone".to_owned(),
        headers,
    };
    let mut answer = HeaderMap::new();
    answer.insert("set-cookie", HeaderValue::from_static("new=hunter2IsFresh; Path=/"));
    let redactor = Redactor::of_exchange(KEY, Emails::Keep, &request, [&answer, &HeaderMap::new()]);
    for text in ["id hunter2Hunter2-xyz", "reset hunter2Other/one", "<p>hunter2Other%2Fone", "now hunter2IsFresh!"] {
        assert_gone(&redactor.text(text));
    }
    assert_eq!(redactor.text("mail me@site.example"), "mail me@site.example");
}

fn difference(path: &str, control: &str, candidate: &str) -> Difference {
    Difference {
        kind: Kind::Status,
        path: path.to_owned(),
        control: Some(control.to_owned()),
        candidate: Some(candidate.to_owned()),
        severity: Severity::High,
        rule: None,
        cause: None,
    }
}

#[test]
fn the_texts_of_a_difference_go_the_same_way() {
    for path in [
        "/user/session/id",
        "/token",
        "/reset_key",
        "cookie:AURSID",
        "header:Set-Cookie",
        "header:Authorization",
        "input[name=\"csrf_token\"]",
        "form > input[type=password]",
    ] {
        let cleaned = redactor().difference(&difference(path, SECRET, &format!("sid={SECRET}")));
        assert_gone(&cleaned.control.unwrap());
        assert_gone(&cleaned.candidate.unwrap());
    }
    let cleaned = redactor().difference(&difference("header:Location", &format!("/x?token={SECRET}"), "/y"));
    assert_gone(&cleaned.control.unwrap());
    for (path, text) in [
        ("/results/0/Name", "vim"),
        ("/code", "not_found"),
        ("status", "200"),
        ("cookie:AURSID", "Path=/; HttpOnly"),
        ("cookie:AURSID", "HttpOnly"),
        ("cookie:AURSID", "AURSID=…; path=/; HttpOnly"),
        ("header:Cache-Control", "private, max-age=0"),
        ("header:WWW-Authenticate", "Basic realm=\"archive\""),
    ] {
        let kept = redactor().difference(&difference(path, text, text));
        assert_eq!(kept.control.as_deref(), Some(text), "{path}");
    }
}

/// The values of a page's differences, and where they stand: nothing else is told of them.
const LOGIN: &str = r#"<html><head><meta name="csrf-token" content="MetaCsrf00112233"></head><body>
<form action="/login" method="post"><input type="hidden" name="csrf_token" value="Hidden&amp;Csrf445566">
<input type=password name=p value="correct horse"><input name="pin" value="4711"><input name="n" value="12">
<textarea name="secret">
  Area of 7  secrets</textarea><select name="api_token"><option value="a1">First word</select></form>
<div data-page="{&quot;csrf&quot;:&quot;PageCsrf998877&quot;}" data-session="words only">
<script nonce="Nonce1234567890">var csrfToken="ScriptCsrf778899"; send(x);</script></body></html>"#;

fn having_read(page: &str) -> Redactor {
    Redactor::new(KEY, Emails::Keep).having_read([(&HeaderMap::new(), page.as_bytes())])
}

#[test]
fn what_a_page_betrays_is_gone_where_only_its_value_is_told() {
    let redactor = having_read(LOGIN);
    for (path, text) in [
        ("html > head > meta[content]", "MetaCsrf00112233"),
        ("html > body > form > input:nth-child(1)[value]", "Hidden&Csrf445566"),
        ("html > body > form > input:nth-child(2)[value]", "correct horse"),
        ("html > body > form > input:nth-child(3)[value]", "4711"),
        ("html > body > form > textarea", "Area of 7 secrets"),
        ("html > body > form > select > option[value]", "a1"),
        ("html > body > form > select > option", "First word"),
        ("html > body > div[data-session]", "words only"),
        ("html > body > div[data-page]", "/csrf: \"PageCsrf998877\""),
        ("html > body > script[nonce]", "Nonce1234567890"),
        // Told where nothing betrays it.
        ("html > body > p", "MetaCsrf00112233"),
        ("html > body > a[href]", "/x/Hidden&Csrf445566/y"),
        ("/any/member", "\"ScriptCsrf778899\""),
        ("", "x PageCsrf998877 y"),
        ("header:X-Any", "Nonce1234567890"),
    ] {
        let cleaned = redactor.difference(&difference(path, text, text)).control.unwrap();
        assert!(cleaned.contains(MARKER), "{path}: {cleaned}");
        assert!(!text.split(['/', ' ', '"']).any(|part| part.len() > 6 && cleaned.contains(part)), "{path}: {cleaned}");
    }
    // The same words elsewhere are words, and a short number is any number.
    for (path, text) in [
        ("html > body > form > input:nth-child(4)[value]", "12"),
        ("html > body > p", "correct horse"),
        ("html > body > td", "4711"),
        ("html > body > form > input[name]", "4711"),
        ("/price", "4711"),
        ("html > body > h1", "words only"),
        ("#password-hint", "at least eight letters"),
        ("html > body > script", "send(x);"),
    ] {
        assert_eq!(redactor.difference(&difference(path, text, text)).control.as_deref(), Some(text), "{path}");
    }
}

#[test]
fn what_the_place_of_a_difference_betrays_needs_no_page() {
    for path in [
        "body > div[data-csrf-token]",
        "script[nonce]",
        "#csrf_token[value]",
        "#api-key[value]",
        "#csrf-token",
        "input[name=\"x\"] > b[data-auth-token]",
    ] {
        assert_gone(&redactor().difference(&difference(path, SECRET, SECRET)).control.unwrap());
    }
    for path in ["body > script", "head > script", "body > p"] {
        let text = format!("var csrfToken=\"{SECRET}\"; go();");
        assert_gone(&redactor().difference(&difference(path, &text, &text)).control.unwrap());
    }
}

#[test]
fn the_beginning_of_a_secret_is_one() {
    let long = format!("Begin1{}", "aB3".repeat(200));
    let page = format!("<input name=csrf value='{long}'><input type=password value='{}'>", "many words ".repeat(60));
    let redactor = having_read(&page);
    for (path, text) in [
        ("p", format!("it is {}… (606 bytes)", &long[..300])),
        ("input[value]", format!("{}… (660 bytes)", &"many words ".repeat(60)[..320])),
        ("body", format!("<input name=csrf value='{}… (700 bytes)", &long[..250])),
    ] {
        let cleaned = redactor.difference(&difference(path, &text, &text)).control.unwrap();
        assert!(cleaned.contains(MARKER) && !cleaned.contains("aB3aB3") && !cleaned.contains("words"), "{cleaned}");
    }
}

#[test]
fn secrets_in_all_the_ways_that_a_body_is_coded_are_read() {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/html; charset=utf-16le"));
    let wide: Vec<u8> = LOGIN.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let redactor = Redactor::new(KEY, Emails::Keep).having_read([(&headers, &wide[..])]);
    assert!(redactor.text("MetaCsrf00112233").starts_with(MARKER));
}

#[test]
fn more_secrets_than_are_kept_cost_the_values_of_the_page_not_a_secret() {
    let page: String = (0..60_000).map(|at| format!("<input name=csrf value=Token{at:08}>")).collect();
    let redactor = having_read(&page);
    let cleaned = |text: &str| redactor.difference(&difference("p > b", text, text)).control.unwrap();
    assert!(cleaned("Token00059999").starts_with(MARKER));
    assert_eq!(cleaned("in stock"), "in stock");
}

#[test]
fn what_forms_in_parts_xml_and_escaped_pages_call_a_secret_is_one() {
    let redactor = Redactor::new(Key([1; 16]), Emails::Keep);
    for (text, secret) in [
        ("--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nS3cretValue\r\n--b--\r\n", true),
        (
            "--b\nContent-Disposition: form-data; name=csrf_token; x=y\nContent-Type: text/plain\n\nS3cretValue\n--b--",
            true,
        ),
        ("--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nS3cretValue\r\n--b--\r\n", false),
        ("--b\r\nContent-Disposition: form-data; name=\"title\"; filename=\"password\"\r\n\r\nS3cretValue", false),
        ("<r><token>S3cretValue</token></r>", true),
        ("<r><a:password kind='x'> S3cretValue </a:password></r>", true),
        ("<r><password><![CDATA[S3cretValue]]></password></r>", true),
        ("<r><wsse:Password Type=\"T\">S3cretValue", true),
        ("<r><title>S3cretValue</title></r>", false),
        (r#"{"html":"<input type=hidden name=csrf_token value=\"S3cretValue\">"}"#, true),
        (r#"{"html":"<input name=\"csrf_token\" value=\"S3cretValue\">"}"#, true),
        (r#"{"html":"<input name=\"title\" value=\"S3cretValue\">"}"#, false),
    ] {
        let cleaned = redactor.text(text);
        assert_eq!(!cleaned.contains("S3cretValue"), secret, "{text}: {cleaned}");
        assert_eq!(cleaned == text, !secret, "{text}: {cleaned}");
    }
    let twice = redactor.text("<password>pass</password>");
    assert!(twice.starts_with("<password>REDACTED-") && twice.ends_with("</password>"), "{twice}");
    let told = |path: &str| redactor.difference(&difference(path, "S3cretValue", "x")).control;
    assert_ne!(told("r > token").as_deref(), Some("S3cretValue"));
    assert_eq!(told("r > title").as_deref(), Some("S3cretValue"));
}
