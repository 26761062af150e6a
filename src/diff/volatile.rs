//! Values that are made anew for every response: told by their name *and* their shape. The value may differ; presence, type and shape may not.
//!
//! A name alone is not enough (a `token` may be data), nor a shape alone (an id is a UUID too). What is drawn by chance also differs in
//! more than a few characters, and a clock is only one that shows the time of the answers: a changed digit is a lost record, not noise.

use smallvec::SmallVec;

use super::clock;
use super::rules::Rule;

/// What a value made anew may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// Of a request or a trace.
    Id,
    Token,
    Time,
    /// How long the answer took. Not `duration` or `response_time`: those are data of logs, films and monitors.
    Duration,
}

/// What a name says that its value is.
fn sort(name: &str) -> Option<Sort> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let plain: SmallVec<[u8; LONGEST_NAME]> =
        name.bytes().filter(|byte| !matches!(byte, b'_' | b'-' | b' ')).map(|byte| byte.to_ascii_lowercase()).collect();
    Some(match &*plain {
        b"requestid" | b"xrequestid" | b"reqid" | b"traceid" | b"xtraceid" | b"spanid" | b"traceparent"
        | b"correlationid" | b"xcorrelationid" | b"requestuuid" | b"requestguid" => Sort::Id,
        b"csrf"
        | b"csrftoken"
        | b"xcsrftoken"
        | b"csrfmiddlewaretoken"
        | b"xsrf"
        | b"xsrftoken"
        | b"token"
        | b"formtoken"
        | b"authenticitytoken"
        | b"nonce"
        | b"cspnonce"
        | b"sessionid"
        | b"formkey"
        | b"requestverificationtoken"
        | b"phpsessid"
        | b"antiforgerytoken"
        | b"logouttoken" => Sort::Token,
        b"generatedat" | b"generated" | b"servertime" | b"servedat" | b"now" | b"timestamp" | b"renderedat"
        | b"currenttime" | b"responsetime" | b"requesttime" | b"time" | b"utcnow" | b"servertimestamp"
        | b"generatedon" | b"asof" | b"fetchedat" | b"builtat" | b"date" => Sort::Time,
        b"took" | b"tookms" | b"elapsed" | b"elapsedms" | b"elapsedtime" | b"querytime" | b"querytimems"
        | b"rendertime" | b"rendertimems" | b"executiontime" | b"exectime" | b"executiontimems" | b"processingtime"
        | b"processingtimems" | b"generationtime" => Sort::Duration,
        _ => return None,
    })
}

/// Names that say something are at most this long: longer ones need no look.
const LONGEST_NAME: usize = 32;

/// The rule that covers two strings under a name, if they are of one volatile kind.
pub fn strings(name: &str, control: &str, candidate: &str, now: Option<i64>) -> Option<Rule> {
    let (rule, is_one) = match sort(name)? {
        Sort::Id => (Rule::VolatileRequestId, same_shape(control, candidate)),
        Sort::Token => (Rule::Csrf, same_shape(control, candidate)),
        Sort::Time => {
            let (old, new) = (clock::moment(control)? / MICROS, clock::moment(candidate)? / MICROS);
            (Rule::VolatileTime, are_now(old, new, now))
        }
        Sort::Duration => (Rule::VolatileDuration, is_duration(control) && is_duration(candidate)),
    };
    is_one.then_some(rule)
}

const MICROS: i64 = 1_000_000;

/// The rule that covers two numbers under a name.
pub fn numbers(name: &str, control: f64, candidate: f64, now: Option<i64>) -> Option<Rule> {
    let took = |value: f64| (0.0..LONGEST_ANSWER_MS).contains(&value);
    let (rule, is_one) = match sort(name)? {
        Sort::Time => (Rule::VolatileTime, are_now(epoch(control)?, epoch(candidate)?, now)),
        Sort::Duration => (Rule::VolatileDuration, took(control) && took(candidate)),
        Sort::Id | Sort::Token => return None,
    };
    is_one.then_some(rule)
}

/// Ten minutes, in milliseconds.
const LONGEST_ANSWER_MS: f64 = 600_000.0;

/// Seconds or milliseconds since 1970, between 2001 and 2096.
fn epoch(value: f64) -> Option<i64> {
    const FIRST: f64 = 1e9;
    const LAST: f64 = 4e9;
    match value {
        seconds if (FIRST..LAST).contains(&seconds) => Some(seconds as i64),
        millis if (FIRST * 1e3..LAST * 1e3).contains(&millis) => Some((millis / 1e3) as i64),
        _ => None,
    }
}

/// Near each other, and both near the time of the answers. An answer that does not tell its time shows no clock.
fn are_now(control: i64, candidate: i64, now: Option<i64>) -> bool {
    let near = |a: i64, b: i64| a.abs_diff(b) <= clock::WINDOW as u64;
    near(control, candidate) && now.is_some_and(|now| near(control, now) && near(candidate, now))
}

/// `12`, `0.023`, `12ms`, `0.1 s`. Nobody measures an answer in minutes: `3 days` is how long something else takes.
pub fn is_duration(text: &str) -> bool {
    let end = text.bytes().rposition(|byte| byte.is_ascii_digit()).map_or(0, |digit| digit + 1);
    let (number, unit) = text.split_at_checked(end).unwrap_or_default();
    is_measure(unit.trim_start_matches(' '))
        && number.parse::<f64>().is_ok_and(|value| (0.0..LONGEST_ANSWER_MS).contains(&value))
}

/// The units in which servers say how long an answer took; none is one too. The micro sign has two code points.
fn is_measure(unit: &str) -> bool {
    const SHORT: [&str; 6] = ["ns", "us", "µs", "μs", "ms", "s"];
    const LONG: [&str; 6] = ["sec", "second", "msec", "millisecond", "microsecond", "nanosecond"];
    let is = |known: &&str| unit.eq_ignore_ascii_case(known);
    let one = unit.strip_suffix(['s', 'S', '.']).unwrap_or(unit);
    unit.is_empty() || SHORT.iter().any(is) || LONG.iter().any(|known| one.eq_ignore_ascii_case(known))
}

/// The alphabet of a generated value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Uuid,
    Hex,
    /// Letters and digits, with `-`, `_`, `.`, `+`, `/`, `=`, `:`, `,`, `~`, `|`, `%`.
    Token,
}

/// Shorter values are not taken for generated ones.
const SHORTEST_TOKEN: usize = 8;

/// The shape of a value that looks generated: long enough, of a token's alphabet, and not a plain word or number.
pub fn shape(value: &str) -> Option<Shape> {
    if value.len() < SHORTEST_TOKEN {
        return None;
    }
    if is_uuid(value) {
        return Some(Shape::Uuid);
    }
    if value.bytes().all(|byte| byte.is_ascii_hexdigit()) && value.bytes().any(|byte| byte.is_ascii_digit()) {
        return Some(Shape::Hex);
    }
    let is_token = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+/=:,~|%".contains(&byte));
    let is_mixed = value.bytes().any(|byte| byte.is_ascii_digit())
        || (value.bytes().any(|byte| byte.is_ascii_lowercase()) && value.bytes().any(|byte| byte.is_ascii_uppercase()))
        || value.len() >= 20;
    (is_token && is_mixed).then_some(Shape::Token)
}

/// Both look generated, in the same way, and not one from the other; one may be up to twice as long as the other.
pub fn same_shape(control: &str, candidate: &str) -> bool {
    let (Some(old), Some(new)) = (shape(control), shape(candidate)) else { return false };
    let (short, long) = (control.len().min(candidate.len()), control.len().max(candidate.len()));
    // A short base64 token may happen to be hex.
    let by_chance = short == long && old != Shape::Uuid && new != Shape::Uuid;
    (old == new || by_chance) && long <= short * 2 && are_drawn_apart(control, candidate)
}

/// Whether more differs between two values than a slip would change. Of two values drawn by chance, what differs spans at least so many
/// characters: eight hex digits fail that once in ten thousand times.
pub fn are_drawn_apart(control: &str, candidate: &str) -> bool {
    const LEAST: usize = 4;
    let (old, new) = (control.as_bytes(), candidate.as_bytes());
    let before = old.iter().zip(new).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    let (old, new) = (old.get(before..).unwrap_or_default(), new.get(before..).unwrap_or_default());
    let behind = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    old.len().max(new.len()) - behind >= LEAST
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::{Rule, numbers, same_shape, strings};

    #[test]
    fn a_name_and_a_shape_are_both_needed() {
        let (a, b) = ("6f1d2c3b4a596877", "0a1b2c3d4e5f6071");
        assert_eq!(strings("request_id", a, b, None), Some(Rule::VolatileRequestId));
        assert_eq!(strings("X-Request-ID", a, b, None), Some(Rule::VolatileRequestId));
        assert_eq!(strings("owner_id", a, b, None), None);
        assert_eq!(strings("csrf_token", "aGVsbG8td29ybGQtMTIz", "Zm9vYmFyLWJheg-qqq99", None), Some(Rule::Csrf));
        assert_eq!(strings("csrf_token", a, "", None), None);
        assert_eq!(strings("token", "alice", "robert", None), None);
    }

    #[test]
    fn times_only_within_the_window_and_near_the_answer() {
        let (rule, now) = (Some(Rule::VolatileTime), Some(1_704_164_646));
        assert_eq!(strings("generated_at", "2024-01-02T03:04:05Z", "2024-01-02 03:04:07", now), rule);
        assert_eq!(strings("generated_at", "2024-01-02T03:04:05Z", "2024-01-02 03:04:07", None), None, "whose clock?");
        assert_eq!(strings("generated_at", "2024-01-02T03:04:05Z", "2024-01-02 04:04:05", now), None);
        assert_eq!(strings("generated_at", "2024-01-02T03:04:05Z", "2024-01-02T03:04:06Z", Some(1_804_164_645)), None);
        assert_eq!(numbers("now", 1_704_164_645.0, 1_704_164_646.5, now), rule);
        assert_eq!(numbers("now", 1_704_164_645.0, 1_704_164_646.5, None), None);
        assert_eq!(numbers("price", 1_704_164_645.0, 1_704_164_646.0, now), None);
        assert_eq!(numbers("took_ms", 12.0, 7.5, None), Some(Rule::VolatileDuration));
    }

    #[test]
    fn an_answer_takes_seconds_at_most() {
        let hides = |old: &str, new: &str| strings("processing_time", old, new, None).is_some();
        for (old, new) in [("12", "9"), ("0.02", "0.1"), ("12ms", "9 ms"), ("0.1 s", "0.2 s"), ("1 sec", "2 seconds")] {
            assert!(hides(old, new), "{old} {new}");
        }
        assert!(hides("18µs", "20μs") && hides("3 MS", "4 ms") && hides("1 second", "2 seconds"));
        for (old, new) in
            [("3 days", "5 days"), ("1 week", "2 weeks"), ("5 min", "7 min"), ("2h", "3h"), ("1 d", "2 d")]
        {
            assert!(!hides(old, new), "{old} {new}");
        }
        assert!(!hides("ms", "ms ") && !hides("12 ms", "9 days") && !hides("", "5"));
    }

    #[test]
    fn shapes() {
        assert!(same_shape("123e4567-e89b-12d3-a456-426614174000", "00000000-e89b-12d3-a456-426614174000"));
        assert!(!same_shape("123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000"));
        assert!(!same_shape("None", "6f1d2c3b4a596877"));
        assert!(!same_shape("6f1d2c3b4a596877", "6f1d2c3b4a596878") && !same_shape("req-000001", "req-000102"));
        assert!(!same_shape("6f1d2c3b4a596877", "6F1D2C3B4A596877"), "only its case has changed");
    }
}
