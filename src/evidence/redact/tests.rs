#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;

use super::*;
use crate::diff::{Kind, Severity};

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
    for pattern in [&PAIR, &TAG, &ATTRIBUTE, &USERINFO, &BEARER, &WEB_TOKEN, &PRIVATE_KEY, &EMAIL, &COOKIE_ATTRIBUTES] {
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
        ("X-CSRF-Token", "$"),
        ("X-Amz-Security-Token", "$"),
        ("Location", "/reset?resetkey=$&user=me"),
        ("Location", "https://me:$@site.example/"),
        ("Referer", "https://site.example/cb?code=$"),
        ("Link", "</feed?access_token=$>; rel=next"),
        ("Refresh", "0; url=/x?session=$"),
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

#[test]
fn no_nesting_is_too_deep() {
    for text in [
        "a=".repeat(100_000),
        "/x?a=".repeat(50_000),
        r#"{"key":"#.repeat(50_000),
        r#"{"code":["#.repeat(50_000),
        r#"{"token":["#.repeat(50_000),
    ] {
        redactor().text(&text);
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_a_second_time_changes_nothing(text in ".{0,200}") {
        let once = redactor().text(&text);
        prop_assert_eq!(redactor().text(&once), once);
    }

    #[test]
    fn a_password_is_gone_from_any_json(before in "[a-z]{0,8}", secret in "[A-Za-z0-9]{12,20}", after in "\\PC{0,12}") {
        let body = serde_json::json!({ before.clone(): after, "nested": { "password": secret, "more": [after] } });
        for text in [body.to_string(), serde_json::to_string_pretty(&body).unwrap()] {
            prop_assert!(!redactor().text(&text).contains(&secret));
        }
    }
}
