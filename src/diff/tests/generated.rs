//! 100,000 cosmetic rewrites, none of which may alarm, and 100,000 answers with one thing changed, each of which must be found, and
//! where it is. Seeded: the same in every run, and a failure names its seed. A build without optimisation takes a fifth of them, unless
//! `MATAPALO_PAIRS` says how many.

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::super::{Comparison, Observation, Outcome, Request, Rules, compare};
use document::{Dice, Value};

mod document;
mod mutation;

const PAIRS: u64 = if cfg!(debug_assertions) { 20_000 } else { 100_000 };

fn request() -> Request {
    Request {
        method: Method::GET,
        scheme: "https",
        host: "site.example".to_owned(),
        target: "/a/b?c=d".to_owned(),
        headers: HeaderMap::new(),
    }
}

/// An answer before anybody has spelled it.
#[derive(Debug, Clone)]
struct Answer {
    status: u16,
    /// Name, and the spellings that mean the same.
    headers: Vec<(&'static str, Vec<&'static str>)>,
    body: String,
}

/// Headers whose spellings all mean the same; an empty one: not sent.
const HEADERS: [(&str, &[&str]); 20] = [
    ("server", &["nginx/1.22.1", "uvicorn", ""]),
    ("x-powered-by", &["PHP/8.2.7", "", "Express"]),
    ("connection", &["keep-alive", "close", ""]),
    ("transfer-encoding", &["chunked", ""]),
    ("via", &["1.1 varnish", ""]),
    ("server-timing", &["db;dur=53", "db;dur=11", ""]),
    ("x-response-time", &["12ms", "9ms", ""]),
    ("x-ratelimit-remaining", &["59", "58", ""]),
    ("x-request-id", &["a1b2c3d4e5f60718", "00ffee11dd22cc33"]),
    ("etag", &["\"5f3a9c\"", "W/\"77aa01\"", "\"x\""]),
    ("vary", &["Accept-Encoding, Cookie", "cookie,accept-encoding", "Cookie,  Accept-Encoding"]),
    ("cache-control", &["no-store", "no-store, no-cache, must-revalidate", "NO-STORE,max-age=0"]),
    ("content-security-policy", &["default-src 'self'; img-src *", "img-src *;default-src 'self'"]),
    (
        "strict-transport-security",
        &[
            "max-age=31536000; includeSubDomains",
            "includesubdomains;max-age=31536000",
            "max-age=\"31536000\" ; IncludeSubDomains",
        ],
    ),
    ("x-frame-options", &["DENY", "deny"]),
    ("x-content-type-options", &["nosniff", "NoSniff"]),
    ("access-control-allow-methods", &["GET, POST", "POST,GET"]),
    ("link", &["</n>; rel=next", "<https://site.example/n>; rel=\"next\""]),
    ("content-disposition", &["attachment; filename=\"a.json\"", "attachment;filename=a.json"]),
    ("access-control-allow-origin", &["https://app.example"]),
];

const COOKIES: [&[&str]; 4] = [
    &["lang=en; path=/; secure; HttpOnly; SameSite=Strict", "lang=en; SameSite=strict; HttpOnly; Path=/; Secure"],
    &["PHPSESSID=9l2fk7m3q8r1v5x0b4n6; path=/", "PHPSESSID=3b7n1m9k5j2h8g4f6d0s; Path=/"],
    &[
        "gone=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0; path=/",
        "gone=\"\"; Max-Age=0; Path=/; SameSite=lax",
        "gone=; expires=Tue, 02 Jan 2024 03:04:05 GMT; Path=/",
    ],
    &["keep=1; expires=Tue, 02-Jan-2024 04:04:05 GMT; Max-Age=3600; path=/", "keep=1; Max-Age=3600; Path=/"],
];

const TYPES: [&str; 4] = [
    "application/json; charset=UTF-8",
    "application/json;charset=utf-8",
    "Application/JSON; Charset=\"utf-8\"",
    "application/json; charset=utf8",
];

const TARGETS: [&str; 5] = [
    "/next?a=b c",
    "/next?a=b%20c",
    "https://site.example/next?a=b+c",
    "../next?a=b%20c",
    "//site.example:443/next?a=b%20c",
];

const DATES: [&str; 3] =
    ["Tue, 02 Jan 2024 03:04:05 GMT", "Tue, 02 Jan 2024 03:04:06 GMT", "Tue, 02 Jan 2024 03:04:09 GMT"];

fn some_answer(dice: &mut Dice) -> Answer {
    let mut headers: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
    for _ in 0..dice.roll(4) {
        let (name, spellings) = HEADERS[dice.roll(HEADERS.len())];
        if !headers.iter().any(|(known, _)| *known == name) {
            headers.push((name, spellings.to_vec()));
        }
    }
    if dice.roll(3) == 0 {
        headers.push(("set-cookie", COOKIES[dice.roll(COOKIES.len())].to_vec()));
    }
    Answer { status: 200, headers, body: String::new() }
}

/// Writes an answer as some stack would; the body is given.
fn spelled(answer: &Answer, dice: &mut Dice) -> Observation {
    let mut headers = HeaderMap::new();
    for (name, spellings) in &answer.headers {
        let value = spellings[dice.roll(spellings.len())];
        if !value.is_empty() {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
    }
    headers.insert("date", HeaderValue::from_static(DATES[dice.roll(DATES.len())]));
    if answer.status == 302 {
        headers.insert("location", HeaderValue::from_static(TARGETS[dice.roll(TARGETS.len())]));
    }
    if answer.status == 200 || dice.roll(2) == 0 {
        headers.insert("content-type", HeaderValue::from_static(TYPES[dice.roll(TYPES.len())]));
    }
    let body = answer.body.clone().into_bytes();
    let body = if dice.roll(16) == 0 && answer.status == 200 { zipped(&body, &mut headers) } else { body };
    Observation { status: StatusCode::from_u16(answer.status).unwrap(), headers, body: body.into() }
}

fn zipped(body: &[u8], headers: &mut HeaderMap) -> Vec<u8> {
    use std::io::Write;
    headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn written(value: &Value, dice: &mut Dice) -> String {
    let mut text = String::new();
    if dice.roll(20) == 0 {
        text.push('\u{feff}');
    }
    document::write(value, dice, &mut text);
    if dice.roll(3) == 0 {
        text.push('\n');
    }
    text
}

fn pairs() -> u64 {
    std::env::var("MATAPALO_PAIRS").ok().and_then(|pairs| pairs.parse().ok()).unwrap_or(PAIRS)
}

/// Runs all seeds on all cores; each says what is wrong with its pair.
fn each_seed(check: impl Fn(u64) -> Option<String> + Sync) {
    let threads = std::thread::available_parallelism().map_or(2, usize::from) as u64;
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let check = &check;
        let run = |first: u64| {
            move || (first..pairs()).step_by(threads as usize).filter_map(check).take(3).collect::<Vec<_>>()
        };
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(run(first))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn told(control: &Observation, candidate: &Observation, found: &Comparison) -> String {
    let body = |answer: &Observation| String::from_utf8_lossy(&answer.body).into_owned();
    format!(
        "\n  {:?}\n  {}\n  {:?}\n  {}\n  {found:?}",
        control.headers,
        body(control),
        candidate.headers,
        body(candidate)
    )
}

#[test]
fn a_hundred_thousand_cosmetic_rewrites_raise_no_alarm() {
    let (request, rules) = (request(), Rules::default());
    each_seed(|seed| {
        let dice = &mut Dice::new(seed);
        let mut answer = some_answer(dice);
        let value = document::some(dice);
        answer.status = [200, 200, 200, 200, 200, 200, 302, 204][dice.roll(8)];
        let mut side = |dice: &mut Dice| {
            answer.body = if answer.status == 200 { written(&value, dice) } else { String::new() };
            spelled(&answer, dice)
        };
        let (control, candidate) = (side(dice), side(dice));
        let found = compare(&request, &control, &candidate, &rules);
        (found.outcome != Outcome::Matched).then(|| format!("seed {seed}{}", told(&control, &candidate, &found)))
    });
}

#[test]
fn a_hundred_thousand_single_changes_are_found_where_they_are() {
    let (request, rules) = (request(), Rules::default());
    let misplaced = std::sync::atomic::AtomicU64::new(0);
    each_seed(|seed| {
        let dice = &mut Dice::new(seed ^ 0x5eed_0000_0000);
        let mut answer = some_answer(dice);
        let value = document::some(dice);
        let (control, candidate, place) = if dice.roll(5) == 0 {
            answer.body = written(&value, dice);
            mutation::of_headers(&answer, dice)
        } else {
            let (old, new, place) = mutation::of_document(&value, dice);
            answer.body = old;
            let control = spelled(&answer, dice);
            answer.body = new;
            (control, spelled(&answer, dice), place)
        };
        let found = compare(&request, &control, &candidate, &rules);
        if !found.differences.iter().any(|difference| place.is(&difference.path)) {
            misplaced.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        (found.outcome != Outcome::Mismatched)
            .then(|| format!("seed {seed} {place:?}{}", told(&control, &candidate, &found)))
    });
    let misplaced = misplaced.into_inner();
    assert!(misplaced * 1000 <= pairs(), "{misplaced} of {} are told at another place", pairs());
}
