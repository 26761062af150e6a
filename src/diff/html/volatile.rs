//! What is made anew for every answer: tokens, nonces, generated ids, the clock, the time an answer took.
//!
//! Each is recognised by its name or its form on *both* sides; what is missing or empty on one side is never recognised.

use std::borrow::Cow;

use super::dom::{Dom, NodeId};
use crate::diff::clock;
use crate::diff::volatile::{are_drawn_apart, shape};

/// Times shown by both answers within this of each other are the same moment. Seconds: the copy is sent after the user's answer
/// is done, and slow answers take up to a minute.
const WINDOW: i64 = 120;

/// A token shorter than this can be guessed, so it is none.
const SHORTEST_TOKEN: usize = 8;
/// The same for fields whose name may mean something else (`token`, `state`).
const SHORTEST_LIKELY_TOKEN: usize = 16;

/// Names that only a token against cross-site requests has, in lower case without `-` and `_`.
fn names_certain_token(name: &str) -> bool {
    let name: String = name.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
    name.contains("csrf")
        || name.contains("xsrf")
        || matches!(
            name.as_str(),
            "authenticitytoken"
                | "requestverificationtoken"
                | "wpnonce"
                | "formtoken"
                | "formkey"
                | "wpedittoken"
                | "securitytoken"
        )
}

/// `csrf_token`, `_token`, `authenticity_token`, `state`…
fn names_token(name: &str) -> bool {
    names_certain_token(name)
        || matches!(
            name,
            "_token" | "token" | "nonce" | "_nonce" | "state" | "csp-nonce" | "form_build_id" | "_wpnonce" | "sesskey"
        )
}

/// How sure a name makes it that the value is a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sure {
    Certain,
    /// `token`, `state`: data may be called so, too.
    Likely,
}

fn how_sure(name: &str) -> Option<Sure> {
    // A field of a form that has a name of its own: `user[_token]`.
    let name = name.strip_suffix(']').and_then(|name| name.rsplit_once('[')).map_or(name, |(_, field)| field);
    if matches!(name, "_token" | "nonce" | "_nonce") || names_certain_token(name) {
        Some(Sure::Certain)
    } else {
        names_token(name).then_some(Sure::Likely)
    }
}

/// The attribute of an element that holds a token: the value of a hidden field, the content of a meta tag.
pub(super) fn token_attribute<'v>(
    element: &str,
    attribute: impl Fn(&str) -> Option<Cow<'v, str>>,
) -> Option<(&'static str, Sure)> {
    match element {
        "input" => {
            let sure = how_sure(&attribute("name")?)?;
            let hidden = attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("hidden"));
            (hidden || sure == Sure::Certain).then_some(("value", sure))
        }
        "meta" => {
            let name = attribute("name").or_else(|| attribute("property"))?;
            how_sure(&name.to_ascii_lowercase()).map(|sure| ("content", sure))
        }
        _ => None,
    }
}

/// How sure an attribute's own name makes it: `data-csrf`.
pub(super) fn named_token(name: &str) -> Option<Sure> {
    let bare = name.strip_prefix("data-").unwrap_or(name);
    how_sure(bare)
}

/// [`token_attribute`] of a node.
pub(super) fn token_attribute_of(dom: &Dom<'_>, node: NodeId) -> Option<(&'static str, Sure)> {
    token_attribute(dom.name(node)?, |name| dom.attribute(node, name).map(Cow::Borrowed))
}

/// Are both made by a generator of tokens, each for itself? Stacks make them of different lengths and alphabets, so randomness is all
/// that is asked.
pub(super) fn same_token(sure: Sure, old: &str, new: &str) -> bool {
    // Under a name that may mean something else, a value that changed by a slip is data.
    is_token(sure, old) && is_token(sure, new) && (sure == Sure::Certain || are_drawn_apart(old, new))
}

fn is_token(sure: Sure, value: &str) -> bool {
    let shortest = if sure == Sure::Certain { SHORTEST_TOKEN } else { SHORTEST_LIKELY_TOKEN };
    // MediaWiki ends its tokens so that a broken form is noticed.
    let drawn = value.strip_suffix("+\\").unwrap_or(value);
    value.len() >= shortest && shape(drawn).is_some()
}

/// Two links that differ only in the value of a token.
pub(super) fn same_but_token_parameters(old: &str, new: &str) -> bool {
    let (Some((old_path, old_query)), Some((new_path, new_query))) = (old.split_once('?'), new.split_once('?')) else {
        return false;
    };
    let (old, new): (Vec<&str>, Vec<&str>) = (old_query.split('&').collect(), new_query.split('&').collect());
    old_path == new_path && old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| same_parameter(old, new))
}

fn same_parameter(old: &str, new: &str) -> bool {
    if old == new {
        return true;
    }
    let (Some((old_name, old)), Some((new_name, new))) = (old.split_once('='), new.split_once('=')) else {
        return false;
    };
    old_name == new_name && how_sure(old_name).is_some_and(|sure| same_token(sure, old, new))
}

/// Two ids that differ only in a part that a generator made: a random UUID, or PHP's `uniqid()` of about the same moment.
pub(super) fn same_but_generated(old: &str, new: &str) -> bool {
    let (old_parts, new_parts) = (hex_runs(old), hex_runs(new));
    if old_parts.is_empty() || old_parts.len() != new_parts.len() {
        return false;
    }
    let pairs = old_parts.iter().zip(&new_parts);
    let generated = pairs.clone().all(|(a, b)| {
        let drawn = is_uuid(a.2) && is_uuid(b.2) && are_drawn_apart(a.2, b.2);
        a.2 == b.2 || drawn || same_uniqid(a.2, b.2)
    });
    generated && between(old, &old_parts).eq(between(new, &new_parts))
}

type Run<'t> = (usize, usize, &'t str);

/// UUIDs, and other runs of as many hex digits as `uniqid()` has.
fn hex_runs(text: &str) -> Vec<Run<'_>> {
    let is_hex = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_hexdigit);
    let mut runs = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if !is_hex(at) {
            at += 1;
            continue;
        }
        let length = (at..).take_while(|at| is_hex(*at)).count();
        let uuid = text.get(at..at + 36).filter(|run| is_uuid(run) && !is_hex(at + 36));
        let run = uuid.or_else(|| text.get(at..at + length).filter(|run| run.len() == 13));
        let end = at + run.map_or(length, str::len);
        runs.extend(run.map(|run| (at, end, run)));
        at = end;
    }
    runs
}

fn between<'t>(text: &'t str, runs: &'t [Run<'t>]) -> impl Iterator<Item = &'t str> {
    let starts = std::iter::once(0).chain(runs.iter().map(|run| run.1));
    let ends = runs.iter().map(|run| run.0).chain(std::iter::once(text.len()));
    starts.zip(ends).map(move |(start, end)| text.get(start..end).unwrap_or_default())
}

/// Version 4 (random) or 7 (time and random).
fn is_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 36
        && bytes
            .iter()
            .enumerate()
            .all(|(at, c)| if matches!(at, 8 | 13 | 18 | 23) { *c == b'-' } else { c.is_ascii_hexdigit() })
        && matches!(bytes[14], b'4' | b'7')
}

/// `uniqid()` is the time: eight hex digits of seconds, five of microseconds.
fn same_uniqid(old: &str, new: &str) -> bool {
    let seconds = |text: &str| (text.len() == 13).then(|| i64::from_str_radix(text.get(..8)?, 16).ok()).flatten();
    matches!((seconds(old), seconds(new)), (Some(old), Some(new)) if (old - new).abs() <= WINDOW)
}

/// Two texts that differ only in the moment at which they were made. Without a Date header nobody can say when that was, so the
/// text or its name must say that it is the moment of the answer.
pub(super) fn same_but_clock(name: &str, old: &str, new: &str, now: Option<i64>) -> bool {
    let (old_times, new_times) = (times(old), times(new));
    if old_times.is_empty() || old_times.len() != new_times.len() {
        return false;
    }
    let close = old_times.iter().zip(&new_times).all(|(a, b)| {
        let (before, after) = (&old[a.start..a.end], &new[b.start..b.end]);
        let written_alike = a.length_kind == b.length_kind && skeleton(before) == skeleton(after);
        let near = (a.seconds - b.seconds).abs() <= WINDOW && is_now(a, now) && is_now(b, now);
        before == after
            || (written_alike && near && a.seconds != b.seconds)
            || (written_alike && near && fraction_differs(before, after))
    });
    let rest = |text: &str, times: &[Time]| {
        let mut rest = String::new();
        let mut at = 0;
        for time in times {
            rest.push_str(&text[at..time.start]);
            rest.push('\0');
            at = time.end;
        }
        rest.push_str(&text[at..]);
        rest
    };
    close
        && (now.is_some() || tells_of_now(name) || tells_of_now(old))
        && rest(old, &old_times) == rest(new, &new_times)
}

/// A moment without its digits and letters: how it is written. Fractions of a second may be of any length.
fn skeleton(moment: &str) -> String {
    let cut = moment.find('.').map_or(moment.to_owned(), |at| {
        let digits = moment[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        format!("{}{}", &moment[..at], &moment[at + 1 + digits..])
    });
    let sort = |c: char| {
        if c.is_ascii_digit() {
            '0'
        } else if c.is_alphabetic() && c != 'T' && c != 'Z' {
            'a'
        } else {
            c
        }
    };
    cut.chars().map(sort).collect()
}

fn fraction_differs(old: &str, new: &str) -> bool {
    let whole = |text: &str| text.split('.').next().map(str::to_owned);
    old.contains('.') && new.contains('.') && whole(old) == whole(new)
}

/// Words that stand by the moment of the answer.
fn tells_of_now(text: &str) -> bool {
    const WORDS: [&str; 10] = [
        "now",
        "generated",
        "rendered",
        "served",
        "as of",
        "current",
        "server time",
        "builddate",
        "retrieved",
        "printed",
    ];
    let lower = text.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

/// Is it about now, in some time zone? Zones are whole quarters of an hour. Without a Date header nobody can say.
fn is_now(time: &Time, now: Option<i64>) -> bool {
    const QUARTER: i64 = 900;
    const SLACK: i64 = 2 * WINDOW;
    let Some(now) = now else { return true };
    let apart = time.seconds - now;
    let off = apart.rem_euclid(QUARTER).min((-apart).rem_euclid(QUARTER));
    off <= SLACK && (time.length_kind == TimeKind::Clock || apart.abs() <= 15 * 3600)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimeKind {
    Moment,
    /// A time of day alone.
    Clock,
}

#[derive(Debug)]
struct Time {
    start: usize,
    end: usize,
    seconds: i64,
    length_kind: TimeKind,
}

/// Dates with a time, and times of day with seconds, wherever they stand in the text.
fn times(text: &str) -> Vec<Time> {
    let bytes = text.as_bytes();
    let mut found: Vec<Time> = Vec::new();
    let mut at = 0;
    // Each moment has a `:` in its time of day: look around each.
    while let Some(colon) = memchr::memchr(b':', &bytes[at..]).map(|offset| at + offset) {
        let floor = found.last().map_or(0, |time| time.end);
        match moment_around(text, colon, floor) {
            Some(time) => {
                at = time.end.max(colon + 1);
                found.push(time);
            }
            None => at = colon + 1,
        }
    }
    found
}

fn moment_around(text: &str, colon: usize, floor: usize) -> Option<Time> {
    let bytes = text.as_bytes();
    let hour = colon.checked_sub(2).filter(|start| *start >= floor)?;
    let digits = |from: usize, to: usize| bytes.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    if !digits(hour, colon) || !digits(colon + 1, colon + 3) {
        return None;
    }
    let clock_end = time_end(bytes, colon + 3);
    let zone_end = zone_end(text, clock_end);
    // `2024-01-02T`, `2024-01-02 `, `Tue, 02 Jan 2024 `
    for (length, ends) in [(11, [zone_end, clock_end]), (17, [zone_end, clock_end])] {
        let Some(start) = hour.checked_sub(length).filter(|start| *start >= floor) else { continue };
        for end in ends {
            if let Some(micros) = text.get(start..end).and_then(clock::moment) {
                return Some(Time { start, end, seconds: micros.div_euclid(1_000_000), length_kind: TimeKind::Moment });
            }
        }
    }
    let free = hour == 0 || !bytes[hour - 1].is_ascii_alphanumeric() && bytes[hour - 1] != b':';
    let part = |from: usize| text.get(from..from + 2).and_then(|part| part.parse::<i64>().ok());
    if !free || clock_end < colon + 6 {
        return None;
    }
    let seconds = part(hour)? * 3600 + part(colon + 1)? * 60 + part(colon + 4)?;
    Some(Time { start: hour, end: clock_end, seconds, length_kind: TimeKind::Clock })
}

/// After `:mm`: seconds and their fraction.
fn time_end(bytes: &[u8], from: usize) -> usize {
    let mut end = from;
    if bytes.get(end) == Some(&b':')
        && bytes.get(end + 1..end + 3).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    {
        end += 3;
        if bytes.get(end) == Some(&b'.') {
            let digits = bytes[end + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
            end += if digits > 0 { 1 + digits } else { 0 };
        }
    }
    end
}

fn zone_end(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    let spaced = rest.strip_prefix(' ').unwrap_or(rest);
    let space = rest.len() - spaced.len();
    if ["UTC", "GMT"].iter().any(|zone| spaced.starts_with(zone)) {
        return from + space + 3;
    }
    if rest.starts_with('Z') {
        return from + 1;
    }
    let Some(offset) = spaced.strip_prefix(['+', '-']) else { return from };
    let digits = offset.bytes().take_while(|c| c.is_ascii_digit() || *c == b':').count();
    if digits == 4 || digits == 5 { from + space + 1 + digits } else { from }
}

/// Two texts that differ only in how long the answer took: `Page generated in 0.0123 seconds`.
pub(super) fn same_but_duration(old: &str, new: &str) -> bool {
    const WORDS: [&str; 8] =
        ["generated", "rendered", "took", "elapsed", "executed", "created in", "loaded in", "query time"];
    let lower = old.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
        && matches!((without_durations(old), without_durations(new)), (Some(a), Some(b)) if a == b)
}

fn without_durations(text: &str) -> Option<String> {
    const UNITS: [&str; 6] = ["ms", "µs", "us", "seconds", "sec", "s"];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let number = rest[start..].find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len() - start);
        let after = &rest[start + number..];
        let unit = after.trim_start();
        let timed = UNITS
            .iter()
            .any(|name| unit.strip_prefix(name).is_some_and(|tail| !tail.starts_with(|c: char| c.is_alphanumeric())));
        out.push_str(&rest[..start]);
        out.push_str(if timed { "\0" } else { &rest[start..start + number] });
        found |= timed;
        rest = after;
    }
    out.push_str(rest);
    found.then_some(out)
}

/// Two texts that differ only in a request or trace id: `Request ID: 5f2c…`.
pub(super) fn same_but_request_id(old: &str, new: &str) -> bool {
    let lower = old.to_ascii_lowercase();
    let named =
        ["request", "trace", "correlation", "incident", "error reference"].iter().any(|word| lower.contains(word));
    let (Some((old, old_ids)), Some((new, new_ids))) = (without_ids(old), without_ids(new)) else { return false };
    named && old == new && old_ids.iter().zip(&new_ids).all(|(old, new)| old == new || are_drawn_apart(old, new))
}

/// A text with its ids taken out, and they. `None`: it has none.
fn without_ids(text: &str) -> Option<(String, Vec<&str>)> {
    let is_id = |c: char| c.is_ascii_hexdigit() || c == '-';
    let mut out = String::with_capacity(text.len());
    let mut ids = Vec::new();
    for part in text.split_inclusive(|c: char| !is_id(c)) {
        let id = part.trim_end_matches(|c: char| !is_id(c));
        // Digits alone are a number that somebody was given: of an order, of a ticket.
        let random = id.bytes().any(|c| c.is_ascii_digit()) && id.bytes().any(|c| c.is_ascii_alphabetic());
        if id.len() >= 12 && random {
            ids.push(id);
            out.push('\0');
            out.push_str(&part[id.len()..]);
        } else {
            out.push_str(part);
        }
    }
    (!ids.is_empty()).then_some((out, ids))
}

/// A script's or style's text without the tokens and nonces that stand in it: those the page shows elsewhere, and those named.
pub(super) fn without_secrets<'t>(text: &'t str, secrets: &[String]) -> Cow<'t, str> {
    let mut out = Cow::Borrowed(text);
    for secret in secrets {
        if out.contains(secret.as_str()) {
            out = Cow::Owned(out.replace(secret.as_str(), "\0"));
        }
    }
    mask_named(&out).map_or(out, Cow::Owned)
}

/// How far before a value its name is looked for. Bytes.
const LONGEST_NAME: usize = 80;

/// Masks `csrfToken: "…"`, `"nonce": "…"`, `_token = '…'`.
fn mask_named(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut done = 0;
    let mut at = 0;
    while let Some(quote) = memchr::memchr2(b'"', b'\'', &text.as_bytes()[at..]).map(|offset| at + offset) {
        let mark = char::from(text.as_bytes()[quote]);
        let Some(length) = text[quote + 1..].find(mark) else { break };
        let value = &text[quote + 1..quote + 1 + length];
        let nearby =
            (quote.saturating_sub(LONGEST_NAME)..=quote).find(|at| text.is_char_boundary(*at)).unwrap_or(quote);
        let name = name_before(&text[nearby..quote]);
        at = quote + length + 2;
        if how_sure(name).is_some_and(|sure| is_token(sure, value)) {
            out.push_str(&text[done..quote + 1]);
            out.push('\0');
            done = quote + 1 + length;
        } else if !text[at..].trim_start().starts_with([':', ',', ';', ')', '}', ']', '+', '\n', '=', '.', '?']) {
            // An apostrophe in a comment or a regex: start again right behind it.
            at = quote + 1;
        }
    }
    if done == 0 {
        return None;
    }
    out.push_str(&text[done..]);
    Some(out)
}

/// The name that a string is given to: `x.csrfToken = `, `"csrf-token": `, `setRequestHeader("X-CSRF-Token", `.
fn name_before(text: &str) -> &str {
    let trimmed = text.trim_end().trim_end_matches([':', '=', ',']).trim_end().trim_end_matches(['"', '\'']);
    if trimmed.len() == text.trim_end().len() {
        return "";
    }
    let start = trimmed.rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).map_or(0, |at| at + 1);
    trimmed.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_clock() {
        assert!(same_but_clock("p", "Now 2024-01-02 03:04:05.", "Now 2024-01-02 03:05:01.", None));
        assert!(same_but_clock(
            "lastBuildDate",
            "Tue, 02 Jan 2024 03:04:05 GMT",
            "Tue, 02 Jan 2024 03:04:09 GMT",
            None
        ));
        assert!(same_but_clock(
            "lastBuildDate",
            "Tue, 02 Jan 2024 03:04:05 +0000",
            "Tue, 02 Jan 2024 03:04:09 +0000",
            None
        ));
        assert!(same_but_clock("p", "now 23:10:02 h", "now 23:10:09 h", None));
        assert!(!same_but_clock("p", "Now 2024-01-02 03:04:05.", "Now 2024-01-02 04:04:05.", None));
        assert!(!same_but_clock("p", "Now 2024-01-02 03:04:05.", "Then 2024-01-02 03:04:06.", None));
        assert!(!same_but_clock("p", "2024-01-02", "2024-01-03", None));
        // Long ago, so not the moment of the answer.
        assert!(!same_but_clock("p", "2014-01-02 03:04:05", "2014-01-02 03:04:06", Some(1_704_164_645)));
        assert!(same_but_clock("p", "2024-01-02 05:04:05", "2024-01-02 05:04:06", Some(1_704_164_645)));
    }

    #[test]
    fn tokens() {
        assert!(same_but_token_parameters("/out?_wpnonce=0123456789abcdef", "/out?_wpnonce=fedcba98765432100"));
        assert!(!same_but_token_parameters("/out?id=0123456789abcdef", "/out?id=fedcba98765432100"));
        assert!(!same_but_token_parameters("/out?token=0123456789abcdef", "/out?token="));
        assert!(same_but_generated("f-65a1b2c3d4e5f", "f-65a1b2c4d4e50"));
        assert!(!same_but_generated("f-65a1b2c3d4e5f", "g-65a1b2c4d4e50"));
        assert!(!same_but_generated("pkg-12", "pkg-13"));
        assert_eq!(
            without_secrets("var csrfToken = \"abcdef0123456789\"; x('it');", &[]),
            without_secrets("var csrfToken = \"9876543210fedcba\"; x('it');", &[])
        );
        assert_ne!(
            without_secrets("var id = \"abcdef0123456789\"", &[]),
            without_secrets("var id = \"9876543210fedcba\"", &[])
        );
    }

    #[test]
    fn durations_and_request_ids() {
        assert!(same_but_duration("Page generated in 0.0123 seconds", "Page generated in 0.2 seconds"));
        assert!(!same_but_duration("Total 3 s", "Total 4 s"));
        assert!(same_but_request_id("Request ID: 5f2c8a9b7d6e", "Request ID: aaaa8a9b7d6e1"));
        assert!(!same_but_request_id("Order 123456789012", "Order 123456789013"));
    }
}
