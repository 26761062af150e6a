//! Transforms between two texts.

use std::borrow::Cow;

use super::numbers;
use super::signs::Signs;
use crate::diff::clock;

/// Names a transform between two texts, if it was at work.
type Attempt = fn(&str, &str) -> Option<&'static str>;

/// The transforms, surest first, each with what must stand in one of the texts for it to be one; `None`: nothing must.
const ATTEMPTS: [(Option<Signs>, Attempt); 12] = [
    (Some(Signs::WORD), words_printed),
    (Some(Signs::BRACE), template_printed),
    (None, float_printed),
    (Some(Signs::AMPERSAND), escaping),
    (Some(Signs::BEYOND_ASCII), encodings),
    (None, dates),
    (Some(Signs::SPACE_OR_MORE), spaces),
    (None, letters),
    (Some(Signs::URL), url),
    (Some(Signs::QUOTED), json),
    (None, lengths),
    (Some(Signs::ANGLE), html_loss),
];

/// Names the transform, surest first.
pub fn infer(control: &str, candidate: &str) -> Option<&'static str> {
    let signs = Signs::of(control) | Signs::of(candidate);
    let may_be = |wanted: Option<Signs>| wanted.is_none_or(|wanted| signs.meets(wanted));
    ATTEMPTS.iter().filter(|(wanted, _)| may_be(*wanted)).find_map(|(_, attempt)| attempt(control, candidate))
}

/// A language's own words for nothing, yes and no.
fn words_printed(old: &str, new: &str) -> Option<&'static str> {
    let appears = |word: &str| has_word(new, word) && !has_word(old, word);
    if appears("None") || appears("null") || appears("undefined") || appears("nil") {
        return Some("none_printed");
    }
    if appears("True") || appears("False") {
        return Some("bool_printed");
    }
    if appears("nan") || appears("NaN") || appears("inf") {
        return Some("nan_printed");
    }
    None
}

/// A template that was not filled.
fn template_printed(old: &str, new: &str) -> Option<&'static str> {
    let is_template = |text: &str| text.contains("{{") || text.contains("{%");
    (is_template(new) && !is_template(old)).then_some("template_printed")
}

/// A float for a whole number.
fn float_printed(old: &str, new: &str) -> Option<&'static str> {
    new.strip_suffix(".0").is_some_and(|whole| whole == old).then_some("trailing_zeros")
}

fn has_word(text: &str, word: &str) -> bool {
    let Some(first) = word.as_bytes().first() else { return false };
    memchr::memchr_iter(*first, text.as_bytes()).any(|at| {
        let before = || text.get(..at).and_then(|head| head.chars().next_back());
        let outside = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
        let rest = text.get(at..).and_then(|rest| rest.strip_prefix(word));
        rest.is_some_and(|rest| outside(rest.chars().next()) && outside(before()))
    })
}

fn escaping(old: &str, new: &str) -> Option<&'static str> {
    let (old_plain, new_plain) = (unescape(old), unescape(new));
    if new_plain == old {
        return Some(if old_plain == old { "html_escaped" } else { "escaped_twice" });
    }
    if old_plain == new {
        return Some("escape_missing");
    }
    (old_plain == new_plain).then_some("entity_spelling")
}

/// The five characters that HTML escapes, from any of their usual spellings.
fn unescape(text: &str) -> Cow<'_, str> {
    const SPELLINGS: [(&str, char); 9] = [
        ("&amp;", '&'),
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&quot;", '"'),
        ("&#34;", '"'),
        ("&#039;", '\''),
        ("&#39;", '\''),
        ("&#x27;", '\''),
        ("&apos;", '\''),
    ];
    let mut plain = String::new();
    let mut rest = text;
    for (at, _) in text.match_indices('&') {
        let place = at - (text.len() - rest.len());
        let (before, reference) = rest.split_at(place);
        let Some((spelling, character)) = SPELLINGS.iter().find(|(spelling, _)| reference.starts_with(spelling)) else {
            continue;
        };
        plain.push_str(before);
        plain.push(*character);
        rest = &reference[spelling.len()..];
    }
    if plain.is_empty() {
        return Cow::Borrowed(text);
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

fn encodings(old: &str, new: &str) -> Option<&'static str> {
    if misread(old).as_deref() == Some(new) {
        return Some("mojibake");
    }
    if misread(new).as_deref() == Some(old) {
        return Some("mojibake_repaired");
    }
    if is_normalisation(old, new) || is_normalisation(new, old) {
        return Some("unicode_normalisation");
    }
    let ascii = |text: &str| -> String { text.chars().filter(char::is_ascii).collect() };
    let marks = |text: &str| -> String { text.chars().filter(|c| !matches!(c, '?' | '\u{fffd}')).collect() };
    if ascii(old) == marks(new) || ascii(old) == new {
        return Some("characters_lost");
    }
    None
}

/// UTF-8 read as Windows-1252: `ë` → `Ã«`.
fn misread(text: &str) -> Option<String> {
    let (misread, _, _) = encoding_rs::WINDOWS_1252.decode(text.as_bytes());
    (!text.is_ascii()).then(|| misread.into_owned())
}

/// Whether `apart` is `whole` with its accents as combining characters of their own.
fn is_normalisation(whole: &str, apart: &str) -> bool {
    let is_mark = |c: char| ('\u{300}'..='\u{36f}').contains(&c);
    if !apart.chars().any(is_mark) || whole.chars().any(is_mark) {
        return false;
    }
    let mut rest = apart.chars().peekable();
    for c in whole.chars() {
        let Some(base) = rest.next() else { return false };
        if base == c {
            continue;
        }
        let mut marks = 0;
        while rest.next_if(|mark| is_mark(*mark)).is_some() {
            marks += 1;
        }
        if marks == 0 || !c.is_alphabetic() || c.is_ascii() {
            return false;
        }
    }
    rest.next().is_none()
}

fn dates(old: &str, new: &str) -> Option<&'static str> {
    const MICROS: i64 = 1_000_000;
    let (a, b) = match (clock::moment(old), clock::moment(new)) {
        (Some(a), Some(b)) => (a / MICROS, b / MICROS),
        _ => (clock::day(old)?, clock::day(new)?),
    };
    if a == b { Some("date_format") } else { numbers::shift_of((a - b).abs()) }
}

fn spaces(old: &str, new: &str) -> Option<&'static str> {
    let has_space = |text: &str| text.contains(|c: char| c.is_whitespace() || c == '\0');
    if !has_space(old) && !has_space(new) {
        return None;
    }
    if old.trim() == new.trim() {
        return Some("whitespace_at_ends");
    }
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if squeeze(old) == squeeze(new) {
        return Some("whitespace");
    }
    let joined = |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace() && *c != '\0').collect() };
    (joined(old) == joined(new)).then_some("words_joined")
}

fn letters(old: &str, new: &str) -> Option<&'static str> {
    if old.is_ascii() && new.is_ascii() {
        return old.eq_ignore_ascii_case(new).then_some("letter_case");
    }
    (old.to_lowercase() == new.to_lowercase()).then_some("letter_case")
}

fn url(old: &str, new: &str) -> Option<&'static str> {
    let (old, new) = (old.as_bytes(), new.as_bytes());
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    // What is written alike reads alike, unless it is only the beginning of `%2F`.
    let begun = old[..same].iter().rev().take(2).position(|c| *c == b'%').map_or(0, |at| at + 1);
    let from = same - begun;
    decoded(&old[from..]).eq(decoded(&new[from..])).then_some("url_encoding")
}

/// What a form writes, read: `+` is a space, `%2B` is a plus.
fn decoded(text: &[u8]) -> impl Iterator<Item = u8> + '_ {
    text.split_inclusive(|c| *c == b'+').flat_map(|part| {
        let (part, space) = part.strip_suffix(b"+").map_or((part, None), |part| (part, Some(b' ')));
        percent_encoding::percent_decode(part).chain(space)
    })
}

/// JSON in JSON, or quotes around.
fn json(old: &str, new: &str) -> Option<&'static str> {
    let encoded = |text: &str| serde_json::to_string(text).unwrap_or_default();
    if new.starts_with('"') && encoded(old) == new {
        return Some("encoded_twice");
    }
    if old.replace('/', "\\/") == new || old.replace('\'', "\\'") == new || old.replace('"', "\\\"") == new {
        return Some("backslashes_added");
    }
    (new.replace("\\'", "'").replace("\\\"", "\"") == old.replace("\\'", "'").replace("\\\"", "\""))
        .then_some("backslashes_changed")
}

fn lengths(old: &str, new: &str) -> Option<&'static str> {
    if new.is_empty() {
        return Some("emptied");
    }
    if old.is_empty() {
        return Some("filled");
    }
    let cut = new.trim_end_matches(['…', '.', '\u{fffd}']);
    if !cut.is_empty() && old.starts_with(cut) {
        return Some("truncated");
    }
    if new.starts_with(old) {
        return Some("extended");
    }
    None
}

fn html_loss(old: &str, new: &str) -> Option<&'static str> {
    let stripped = |text: &str| -> String {
        let mut inside = false;
        text.chars()
            .filter(|c| {
                let keep = !inside && *c != '<';
                inside = (inside || *c == '<') && *c != '>';
                keep
            })
            .collect()
    };
    if old.contains('<') != new.contains('<') && stripped(old) == stripped(new) {
        return Some("tags_stripped");
    }
    None
}
