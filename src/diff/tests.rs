//! Laws: equal answers match, cosmetic rewrites never alarm, single mutations are always found where they are, no bytes panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use ::http::{HeaderMap, HeaderValue, Method, StatusCode};
use proptest::prelude::*;
use serde_json::{Number, Value};

use super::{Comparison, Observation, Outcome, Request, Rules, Severity, compare};

fn request() -> Request {
    Request {
        method: Method::GET,
        scheme: "https",
        host: "site.example".to_owned(),
        target: "/rpc?v=5".to_owned(),
        headers: HeaderMap::new(),
    }
}

fn answer(content_type: &str, body: impl Into<Vec<u8>>) -> Observation {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_str(content_type).unwrap());
    Observation { status: StatusCode::OK, headers, body: body.into().into() }
}

fn diff_json(control: &str, candidate: &str) -> Comparison {
    let kind = "application/json";
    compare(&request(), &answer(kind, control), &answer(kind, candidate), &Rules::default())
}

/// Names that are nobody's volatile field.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![8 => "k[a-z0-9]{0,5}", 1 => "k[/~ é\"]{1,3}"]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1000_i32..1000).prop_map(Value::from),
        (-1_000_000_i32..1_000_000).prop_map(|n| Value::from(f64::from(n) / 128.0)),
        "[a-z ]{0,12}".prop_map(Value::from),
        "[<>&'\"/\\\\éß😀\u{2028}\u{7f}\t\n\u{8}x]{0,8}".prop_map(Value::from),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let tree = scalar().prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    // A root that is JSON by its looks.
    tree.prop_map(|value| Value::from(vec![value]))
}

/// Chance out of bytes: the next byte, and zero when they are used up.
struct Dice<'a>(std::slice::Iter<'a, u8>);

impl Dice<'_> {
    fn roll(&mut self, sides: usize) -> usize {
        usize::from(*self.0.next().unwrap_or(&0)) % sides
    }
}

/// Writes a value as some stack might.
fn write(value: &Value, dice: &mut Dice<'_>, out: &mut String) {
    blank(dice, out);
    match value {
        Value::String(text) => write_string(text, dice, out),
        Value::Number(number) => write_number(number, dice, out),
        Value::Array(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(element, dice, out);
            }
            blank(dice, out);
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            let turn = dice.roll(members.len().max(1));
            members.rotate_left(turn);
            for (at, (name, member)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                blank(dice, out);
                write_string(name, dice, out);
                blank(dice, out);
                out.push(':');
                write(member, dice, out);
            }
            blank(dice, out);
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
    blank(dice, out);
}

fn blank(dice: &mut Dice<'_>, out: &mut String) {
    out.push_str(["", "", "", " ", "\n", "\r\n\t", "    "][dice.roll(7)]);
}

fn write_string(text: &str, dice: &mut Dice<'_>, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        let must = c < ' ' || c == '"' || c == '\\';
        match dice.roll(4) {
            0 => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            1 if c == '/' => out.push_str("\\/"),
            _ if must => {
                let short = serde_json::to_string(&c.to_string()).unwrap();
                out.push_str(&short[1..short.len() - 1]);
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

fn write_number(number: &Number, dice: &mut Dice<'_>, out: &mut String) {
    let text = number.to_string();
    let is_whole = !text.contains('.');
    match dice.roll(4) {
        0 if is_whole => out.push_str(&format!("{text}.0")),
        1 if is_whole => out.push_str(&format!("{text}e0")),
        2 if is_whole && text != "0" => out.push_str(&format!("{text}00E-2")),
        3 if !is_whole => out.push_str(&format!("{text}000")),
        _ => out.push_str(&text),
    }
}

fn written(value: &Value, dice: &[u8]) -> String {
    let mut out = String::new();
    write(value, &mut Dice(dice.iter()), &mut out);
    out
}

/// Every place of a document, as pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                places(element, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                places(member, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

/// Another value of the same or another type; never one that means the same.
fn mutated(value: &Value, dice: &mut Dice<'_>) -> Value {
    match value {
        Value::Null => Value::from(["x", "", "null"][dice.roll(3)]),
        Value::Bool(truth) => Value::from(!truth),
        Value::Number(number) if number.is_f64() => Value::from(number.as_f64().unwrap() + 1.5),
        Value::Number(number) => match (number.as_i64().unwrap(), dice.roll(2)) {
            (i64::MAX, _) => Value::from(i64::MAX - 1),
            (n, 0) => Value::from(n + 1),
            (n, _) => Value::from(format!("{n}x")),
        },
        Value::String(text) => Value::from(match dice.roll(3) {
            0 => format!("{text}x"),
            1 => format!("x{text}"),
            _ => format!("{text} "),
        }),
        Value::Array(_) => Value::Null,
        Value::Object(_) => Value::from("gone"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cosmetic_rewrites_never_alarm(value in document(), a in prop::collection::vec(any::<u8>(), 0..300), b in prop::collection::vec(any::<u8>(), 0..300)) {
        let (old, new) = (written(&value, &a), written(&value, &b));
        let found = diff_json(&old, &new);
        prop_assert_eq!(found.outcome, Outcome::Matched, "{} {} {:?}", old, new, found);
    }

    #[test]
    fn one_mutation_is_found_where_it_is(value in document(), pick in any::<usize>(), chance in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut all = Vec::new();
        places(&value, "", &mut all);
        let at = &all[1 + pick % (all.len() - 1)];
        let mut other = value.clone();
        let spot = other.pointer_mut(at).unwrap();
        *spot = mutated(spot, &mut Dice(chance.iter()));
        let found = diff_json(&written(&value, &chance), &written(&other, &chance));
        prop_assert_eq!(found.outcome, Outcome::Mismatched, "{} {}", value, other);
        let told: Vec<&str> = found.differences.iter().map(|difference| difference.path.as_str()).collect();
        prop_assert_eq!(told, vec![at.as_str()], "{} {}", value, other);
    }

    #[test]
    fn one_member_or_element_less_is_found(value in document(), pick in any::<usize>()) {
        let mut all = Vec::new();
        places(&value, "", &mut all);
        let at = &all[1 + pick % (all.len() - 1)];
        let (parent, last) = at.rsplit_once('/').unwrap();
        let mut other = value.clone();
        let in_list = match other.pointer_mut(parent).unwrap() {
            Value::Array(elements) => { elements.remove(last.parse().unwrap()); true }
            Value::Object(members) => { members.shift_remove(&last.replace("~1", "/").replace("~0", "~")); false }
            _ => unreachable!("a parent is a container"),
        };
        for (old, new, kind) in [(&value, &other, "missing"), (&other, &value, "extra")] {
            let found = diff_json(&old.to_string(), &new.to_string());
            prop_assert_eq!(found.differences.len(), 1, "{} {} {:?}", old, new, found);
            let difference = &found.differences[0];
            prop_assert_eq!(difference.kind.name(), kind);
            // Which of equal neighbours is gone cannot be told.
            let there = if in_list { difference.path.rsplit_once('/').unwrap().0 == parent } else { difference.path == *at };
            prop_assert!(there, "{} at {}", difference.path, at);
        }
    }

    #[test]
    fn no_bytes_panic(
        old in prop::collection::vec(any::<u8>(), 0..200), new in prop::collection::vec(any::<u8>(), 0..200),
        kind in prop::sample::select(vec!["application/json", "text/html", "text/xml", "text/plain; charset=utf-16", "image/png"]),
        coding in prop::sample::select(vec!["", "gzip", "br", "zstd", "deflate", "gzip, br"]),
        header in "[a-zA-Z0-9=;,\"'<>\\\\/ %:+._-]{0,40}",
        status in 100_u16..600,
    ) {
        let names = [
            "set-cookie", "location", "cache-control", "expires", "vary", "content-security-policy", "link", "strict-transport-security", "etag", "x-a", "date",
        ];
        let mut one = answer(kind, old);
        one.headers.insert("content-encoding", HeaderValue::from_str(coding).unwrap());
        let mut other = answer(kind, new);
        for name in names {
            one.headers.insert(name, HeaderValue::from_str(&header).unwrap());
            other.headers.insert(name, HeaderValue::from_str(header.get(1..).unwrap_or_default()).unwrap());
        }
        other.status = StatusCode::from_u16(status).unwrap();
        compare(&request(), &one, &other, &Rules::default());
        other.status = one.status;
        compare(&request(), &one, &other, &Rules::default());
        let same = compare(&request(), &one, &one, &Rules::default());
        prop_assert_eq!(same.outcome, Outcome::Matched);
    }

    #[test]
    fn no_json_like_text_panics(old in "[\\[\\]{}:,\"\\\\u0-9a-f.eE+\\- ntrl]{0,60}", new in "[\\[\\]{}:,\"\\\\u0-9a-f.eE+\\- ntrl]{0,60}") {
        let found = diff_json(&old, &new);
        prop_assert!(old == new || found.outcome == Outcome::Mismatched || !found.hidden.is_empty(), "{:?}", found);
    }
}

/// A pair made to be expensive stays within the budget, and says so or tells what it found.
#[test]
fn hostile_pairs_are_bounded() {
    let list = |from: usize, step: usize| {
        let elements: Vec<String> =
            (0..20_000).map(|n| format!("{{\"id\":{},\"v\":[{n},{n}]}}", from + n * step)).collect();
        format!("[{}]", elements.join(","))
    };
    let numbers = |seed: u64| {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 60).to_string()
        };
        let all: Vec<String> = (0..100_000).map(|_| next()).collect();
        format!("[{}]", all.join(","))
    };
    let keys = |n: usize| {
        let all: Vec<String> = (0..20_000).map(|at| format!("\"k{at}_{n}\":{at}")).collect();
        format!("{{{}}}", all.join(","))
    };
    for (old, new) in [(list(0, 1), list(1_000_000, 3)), (numbers(1), numbers(2)), (keys(1), keys(2))] {
        let found = diff_json(&old, &new);
        assert_eq!(found.outcome, Outcome::Mismatched);
        assert!(found.differences.len() <= super::sink::MAX_KEPT);
    }
}

#[test]
fn identical_answers_of_a_failure_prove_nothing() {
    let mut failed = answer("text/html", "oops");
    failed.status = StatusCode::INTERNAL_SERVER_ERROR;
    assert_eq!(compare(&request(), &failed, &failed, &Rules::default()).outcome, Outcome::Inconclusive);
}

mod generated;

/// What a user sees of the usual ways to get a port wrong: the cause that the difference is told with.
#[test]
fn usual_mistakes_are_told_by_name() {
    let json = |old: &str, new: &str| diff_json(old, new);
    for (found, cause) in [
        (json(r#"["Ähre","apfel","Birne"]"#, r#"["Birne","apfel","Ähre"]"#), "sorted_otherwise"),
        (json(r#"{"a":[1,2,3]}"#, r#"{"a":[1,2"#), "truncated"),
        (json(r#"{"a":"{\"b\":1}"}"#, r#"{"a":{"b":1}}"#), "no_longer_encoded_twice"),
        (json(r#"{"at":"2024-01-02 03:04:05"}"#, r#"{"at":"2024-01-02 04:04:05"}"#), "off_by_whole_hours"),
        (json(r#"{"at":1704164645}"#, r#"{"at":1704168245}"#), "off_by_whole_hours"),
        (json(r#"{"u":"https:\/\/site.example\/a"}"#, r#"{"u":"http://127.0.0.1:8000/a"}"#), "host_leaked"),
        (headers(401, &[("www-authenticate", "Basic realm=x")], 200, &[]), "access_granted"),
        (headers(200, &[("set-cookie", "a=b; Max-Age=60")], 200, &[("set-cookie", "a=b")]), "max_age_lost"),
        (headers(200, &[("cache-control", "public, max-age=60")], 200, &[("cache-control", "public")]), "max_age_lost"),
        (
            headers(
                200,
                &[("link", "<https://site.example/n>; rel=next")],
                200,
                &[("link", "<http://new.internal/n>; rel=next")],
            ),
            "host_leaked",
        ),
        (headers(302, &[("location", "/a")], 302, &[("location", "http://127.0.0.1:8000/a")]), "host_leaked"),
    ] {
        let causes: Vec<&str> = found.differences.iter().filter_map(|found| found.cause.as_deref()).collect();
        assert_eq!(causes, [cause], "{found:?}");
        assert_eq!(found.outcome, Outcome::Mismatched);
    }
    let text = compare(
        &request(),
        &answer("text/plain", "a\nsee https://site.example/x\n"),
        &answer("text/plain", "a\nsee http://new.internal/x\n"),
        &Rules::default(),
    );
    assert_eq!(
        (text.differences[0].cause.as_deref(), text.differences[0].severity),
        (Some("host_leaked"), Severity::High)
    );
}

fn headers(old_status: u16, old: &[(&str, &str)], new_status: u16, new: &[(&str, &str)]) -> Comparison {
    let with = |status: u16, lines: &[(&str, &str)]| {
        let mut answer = answer("text/plain", "x");
        answer.status = StatusCode::from_u16(status).unwrap();
        for (name, value) in lines {
            answer.headers.append(name.parse::<::http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        answer
    };
    compare(&request(), &with(old_status, old), &with(new_status, new), &Rules::default())
}
