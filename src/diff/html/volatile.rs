//! What is made anew for every answer: tokens, nonces, generated ids, the time an answer took. The moment it was made: [`moment`](super::moment).
//!
//! Each is recognised by its name or its form on *both* sides; what is missing or empty on one side is never recognised.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::dom::{Dom, NodeId};
use super::moment::WINDOW;
use crate::diff::volatile::{are_drawn_apart, shape};

/// A token shorter than this can be guessed, so it is none.
const SHORTEST_TOKEN: usize = 8;
/// The same for fields whose name may mean something else (`token`, `state`).
const SHORTEST_LIKELY_TOKEN: usize = 16;

/// Names that only a token against cross-site requests has, in lower case without `-` and `_`.
fn names_certain_token(name: &str) -> bool {
    let letters = name.bytes().filter(|c| !matches!(c, b'-' | b'_')).map(|c| c.to_ascii_lowercase());
    let name: SmallVec<[u8; 32]> = letters.collect();
    let holds = |word: &[u8]| name.windows(word.len()).any(|letters| letters == word);
    holds(b"csrf")
        || holds(b"xsrf")
        || matches!(
            &*name,
            b"authenticitytoken"
                | b"requestverificationtoken"
                | b"wpnonce"
                | b"formtoken"
                | b"formkey"
                | b"wpedittoken"
                | b"securitytoken"
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
    token_attribute(dom.name(node)?, |name| dom.attribute(node, name))
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
    if old_path != new_path {
        return false;
    }
    let (mut old, mut new) = (old_query.split('&'), new_query.split('&'));
    loop {
        match (old.next(), new.next()) {
            (Some(old), Some(new)) if same_parameter(old, new) => {}
            (old, new) => return old.is_none() && new.is_none(),
        }
    }
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
    if !named {
        return false;
    }
    let (Some((old, old_ids)), Some((new, new_ids))) = (without_ids(old), without_ids(new)) else { return false };
    old == new && old_ids.iter().zip(&new_ids).all(|(old, new)| old == new || are_drawn_apart(old, new))
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
