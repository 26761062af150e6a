#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use expect_test::expect;

use super::*;

fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> SampleRequest {
    SampleRequest {
        method: method.to_owned(),
        scheme: "https".to_owned(),
        host: "aur.example".to_owned(),
        target: target.to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: SampleBody { bytes: body.len() as u64, text: Some(body.to_owned()), cut: false },
    }
}

fn sample(request: SampleRequest) -> Sample {
    let body = SampleBody { bytes: 0, text: None, cut: false };
    let answer = SampleAnswer { status: 200, headers: Vec::new(), body, took_ms: 1.0 };
    Sample {
        route: "r".to_owned(),
        stage: "shadow".to_owned(),
        at: "2023-11-14T22:13:20Z".to_owned(),
        authoritative: Origin::Legacy,
        session: String::new(),
        fingerprints: Vec::new(),
        request,
        control: answer.clone(),
        candidate: answer,
        differences: Vec::new(),
        more: 0,
    }
}

#[test]
fn a_sample_says_how_to_ask_again() {
    let get = sample(request(
        "GET",
        "/rpc?arg[]=vim&q=it's",
        &[("accept", "application/json"), ("user-agent", "x"), ("x-forwarded-for", "1.2.3.4"), ("cookie", "a=b")],
        "",
    ));
    let lines = curl(&get, "http://127.0.0.1:9000", "http://127.0.0.1:8000/");
    expect![[r#"curl -sS -g --path-as-is -i 'http://127.0.0.1:9000/rpc?arg[]=vim&q=it'\''s' -H 'Host: aur.example' -H 'accept: application/json' -H 'cookie: a=b'"#]]
        .assert_eq(&lines.legacy);
    assert!(lines.new.contains("'http://127.0.0.1:8000/rpc?"), "{}", lines.new);
    let post = sample(request("POST", "/login", &[("content-type", "application/json")], r#"{"a":"b"}"#));
    expect![[r#"curl -sS -g --path-as-is -i -X POST http://l/login -H 'Host: aur.example' -H 'content-type: application/json' --data-binary '{"a":"b"}'"#]]
        .assert_eq(&curl(&post, "http://l", "http://n").legacy);
    let head = sample(request("HEAD", "/", &[], ""));
    expect!["curl -sS -g --path-as-is -I http://l/ -H 'Host: aur.example'"]
        .assert_eq(&curl(&head, "http://l", "http://n").legacy);
}

#[test]
fn bodies_are_bounded_and_a_secret_at_the_cut_is_whole_or_gone() {
    use crate::evidence::redact::{Emails, Key, MARKER, Redactor};
    let redactor = Redactor::new(Key([1; 16]), Emails::Keep);
    let filler = "é".repeat(MAX_BODY / 2 - 10);
    let text = format!("{filler}{{\"password\":\"hunter2hunter2hunter2\"}}{}", "x".repeat(5000));
    let kept = body(text.as_bytes(), &HeaderMap::new(), &redactor);
    let shown = kept.text.unwrap();
    assert!(shown.len() <= MAX_BODY && kept.cut && kept.bytes == text.len() as u64);
    assert!(!shown.contains("hunter2"));
    assert!(shown.contains("\"password\"") || !shown.contains(MARKER));
    assert_eq!(body(b"\x89PNG\0\0", &HeaderMap::new(), &redactor).text, None);
}

#[test]
fn a_coded_body_is_kept_as_text() {
    use std::io::Write;

    use crate::evidence::redact::{Emails, Key, MARKER, Redactor};
    let redactor = Redactor::new(Key([1; 16]), Emails::Keep);
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    coder.write_all("{\"name\":\"é\",\"token\":\"hunter2hunter2\"}".as_bytes()).unwrap();
    let coded = coder.finish().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("content-encoding", http::HeaderValue::from_static("gzip"));
    let kept = body(&coded, &headers, &redactor);
    let text = kept.text.unwrap();
    assert!(text.starts_with("{\"name\":\"é\"") && text.contains(MARKER) && !text.contains("hunter2"), "{text}");
    assert_eq!(kept.bytes, coded.len() as u64);
    assert_eq!(body(b"says gzip, is not", &headers, &redactor).text, None);
}
