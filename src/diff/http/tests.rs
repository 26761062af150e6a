#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::diff::{Comparison, Observation, Outcome, Request, Rules, compare, decode};

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Observation {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    Observation { status: StatusCode::from_u16(status).unwrap(), headers: map, body: body.to_owned().into() }
}

fn asked(method: Method) -> Request {
    Request {
        method,
        scheme: "https",
        host: "site.example".to_owned(),
        target: "/a/b?c=d".to_owned(),
        headers: HeaderMap::new(),
    }
}

fn diff(method: Method, control: &Observation, candidate: &Observation, spec: &str) -> Comparison {
    let rules = Rules::compile(&serde_json::from_str(spec).unwrap()).unwrap();
    compare(&asked(method), control, candidate, &rules)
}

#[test]
fn a_type_counts_where_there_could_be_a_body() {
    let of = |status: u16| {
        (answer(status, &[("content-type", "text/html")], ""), answer(status, &[("content-type", "text/plain")], ""))
    };
    for (method, status, wanted) in [
        (Method::HEAD, 200, Outcome::Mismatched),
        (Method::GET, 200, Outcome::Mismatched),
        (Method::GET, 204, Outcome::Matched),
        (Method::GET, 500, Outcome::Inconclusive),
    ] {
        let (old, new) = of(status);
        assert_eq!(diff(method, &old, &new, "{}").outcome, wanted, "{status}");
    }
}

#[test]
fn bombs_are_too_large_to_compare_and_said_to_be() {
    let bomb = |byte: u8| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, &vec![byte; decode::MAX_DECODED * 2]).unwrap();
        let packed = encoder.finish().unwrap();
        let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
        Observation { body: packed.into(), ..answer(200, &headers, "") }
    };
    let found = diff(Method::GET, &bomb(b'a'), &bomb(b'b'), "{}");
    let [told] = found.differences.as_slice() else { panic!("{found:?}") };
    assert_eq!((told.kind.name(), told.cause.as_deref()), ("too_different", Some("too_large")));
    assert!(told.control.as_ref().unwrap().starts_with("grows beyond "), "{found:?}");
}

#[test]
fn large_bodies_that_are_hardly_text_are_compared_as_bytes() {
    let body = |last: u8| {
        let mut bytes = vec![0xe8; 600_000];
        bytes.push(last);
        Observation { body: bytes.into(), ..answer(200, &[("content-type", "text/csv")], "") }
    };
    let found = diff(Method::GET, &body(0xe8), &body(0xe9), "{}");
    let [told] = found.differences.as_slice() else { panic!("{found:?}") };
    assert_eq!((told.kind.name(), told.cause.as_deref()), ("body", Some("bytes")));
}

#[test]
fn an_added_request_id_is_nothing_a_lost_one_is_told() {
    let (with, without) = (answer(200, &[("x-request-id", "a1b2c3")], ""), answer(200, &[], ""));
    assert_eq!(diff(Method::GET, &without, &with, "{}").outcome, Outcome::Matched);
    assert_eq!(diff(Method::GET, &with, &without, "{}").outcome, Outcome::Mismatched);
}

#[test]
fn no_option_excuses_a_lost_post() {
    let (old, new) = (answer(200, &[], "ok"), answer(405, &[("allow", "GET")], ""));
    let spec = r#"{"method_strictness": true}"#;
    assert_eq!(diff(Method::PUT, &old, &new, spec).outcome, Outcome::Ignored);
    assert_eq!(diff(Method::POST, &old, &new, spec).outcome, Outcome::Mismatched);
}

#[test]
fn an_accepted_difference_ends_on_its_day() {
    let dated = |day: &str, v: &str| {
        answer(200, &[("content-type", "application/json"), ("date", &format!("Tue, {day} Jan 2024 03:04:05 GMT"))], v)
    };
    let spec = r#"{"accept": [{"at": "/v", "reason": "the new API", "until": "2024-01-02"}]}"#;
    let on = |day: &str| diff(Method::GET, &dated(day, "{\"v\":1}"), &dated(day, "{\"v\":2}"), spec).outcome;
    assert_eq!(on("02"), Outcome::Ignored);
    assert_eq!(on("03"), Outcome::Mismatched);
}

#[test]
fn a_cookie_is_told_without_its_value() {
    let old = answer(200, &[("set-cookie", "SID=9l2fk7m3q8r1v5x0b4n6; path=/; HttpOnly")], "");
    let new = answer(200, &[("set-cookie", "SID=3b7n1m9k5j2h8g4f6d0s; path=/")], "");
    let found = diff(Method::GET, &old, &new, "{}");
    assert_eq!(found.differences.len(), 1);
    assert_eq!(found.differences[0].cause.as_deref(), Some("lost_httponly"));
    assert!(!format!("{found:?}").contains("9l2fk7m3"), "{found:?}");
}

#[test]
fn many_cookies_of_one_name_are_paired_by_path() {
    let cookies = |first: &str| answer(200, &[("set-cookie", first), ("set-cookie", "a=2; path=/y")], "");
    let swapped = answer(200, &[("set-cookie", "a=2; path=/y"), ("set-cookie", "a=1; path=/x")], "");
    assert_eq!(diff(Method::GET, &cookies("a=1; path=/x"), &swapped, "{}").outcome, Outcome::Matched);
}

#[test]
fn a_wait_is_a_counter_only_for_a_moment_or_behind_a_limit() {
    let wait = |status: u16, seconds: &str| answer(status, &[("retry-after", seconds)], "x");
    let outcome = |a: &Observation, b: &Observation| diff(Method::GET, a, b, "{}").outcome;
    assert_eq!(outcome(&wait(200, "120"), &wait(200, "118")), Outcome::Matched);
    assert_eq!(outcome(&wait(200, "120"), &wait(200, "5")), Outcome::Mismatched);
    assert_eq!(outcome(&wait(429, "57"), &wait(429, "12")), Outcome::Matched);
    assert_eq!(outcome(&wait(429, "57"), &wait(429, "soon")), Outcome::Mismatched);
}
