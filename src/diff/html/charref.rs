//! Character references (`&amp;`, `&#39;`, `&#x27;`) decoded as a browser decodes them.
//!
//! Does not know tokens; [`lexer`](super::lexer) says what is text and what is an attribute value.

use std::borrow::Cow;

use html5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};
use memchr::{memchr, memchr3};

/// Where the reference stands: a legacy name without `;` means less inside an attribute (HTML standard, 13.2.5.73).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Text,
    Attribute,
}

/// The longest name of a character reference, `CounterClockwiseContourIntegral;`.
const LONGEST_NAME: usize = 32;

/// The longest name that needs no `;`: `frac12`.
const LONGEST_LEGACY: usize = 6;

fn first_to_decode(bytes: &[u8]) -> Option<usize> {
    /// Blanks between tags are shorter, and looked through before a search in words has begun.
    const SHORT: usize = 12;
    match bytes.len() {
        ..=SHORT => bytes.iter().position(|c| matches!(c, b'&' | b'\r' | 0)),
        _ => memchr3(b'&', b'\r', 0, bytes),
    }
}

/// The text a browser makes of `raw`: references decoded, line ends as `\n`.
pub(super) fn decode(raw: &str, place: Place) -> Cow<'_, str> {
    let bytes = raw.as_bytes();
    let Some(first) = first_to_decode(bytes) else { return Cow::Borrowed(raw) };
    let mut text = String::with_capacity(raw.len());
    let mut done = 0;
    let mut next = Some(first);
    while let Some(at) = next {
        if bytes[at] == b'&' && !bytes.get(at + 1).is_some_and(|c| *c == b'#' || c.is_ascii_alphanumeric()) {
            // Nothing but itself, and so are those that follow.
            let length = bytes[at..].iter().take_while(|c| **c == b'&').count();
            let behind = at + length.max(2) - 1;
            next = bytes.get(behind..).and_then(|rest| memchr3(b'&', b'\r', 0, rest)).map(|more| behind + more);
            continue;
        }
        text.push_str(&raw[done..at]);
        done = match bytes[at] {
            b'&' => push_reference(raw, at, place, &mut text),
            b'\r' => push_line_end(bytes, at, &mut text),
            _ => push_nul(at, place, &mut text),
        };
        next = memchr3(b'&', b'\r', 0, &bytes[done..]).map(|more| done + more);
    }
    text.push_str(&raw[done..]);
    Cow::Owned(text)
}

/// Line ends as `\n` and nothing else decoded: for script, style and other raw text.
pub(super) fn line_ends(raw: &str) -> Cow<'_, str> {
    if memchr(b'\r', raw.as_bytes()).is_none() && memchr(0, raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}"))
}

/// Text in `title` and `textarea`: as [`decode`], and a NUL is a character.
pub(super) fn rcdata(raw: &str) -> Cow<'_, str> {
    match decode(raw, Place::Text) {
        text if text.contains('\0') => Cow::Owned(text.replace('\0', "\u{fffd}")),
        text => text,
    }
}

/// Does the text say just what is written?
pub(super) fn is_plain(raw: &str) -> bool {
    memchr3(b'&', b'\r', 0, raw.as_bytes()).is_none()
}

/// The name of a tag or an attribute as it is in the tree.
pub(super) fn lower_name(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|c| c.is_ascii_uppercase() || c == 0) {
        return Cow::Owned(name.to_ascii_lowercase().replace('\0', "\u{fffd}"));
    }
    Cow::Borrowed(name)
}

fn push_line_end(bytes: &[u8], at: usize, text: &mut String) -> usize {
    text.push('\n');
    if bytes.get(at + 1) == Some(&b'\n') { at + 2 } else { at + 1 }
}

fn push_nul(at: usize, place: Place, text: &mut String) -> usize {
    // In text the tree builder decides what a NUL becomes, so it is left standing there.
    text.push(if place == Place::Attribute { '\u{fffd}' } else { '\0' });
    at + 1
}

/// Decodes the reference at `at` (an `&`); returns where to go on.
fn push_reference(raw: &str, at: usize, place: Place, text: &mut String) -> usize {
    let decoded = match raw.as_bytes().get(at + 1) {
        Some(b'#') => numeric(raw, at, text),
        Some(c) if c.is_ascii_alphanumeric() => named(raw, at, place, text),
        _ => None,
    };
    decoded.unwrap_or_else(|| {
        text.push('&');
        at + 1
    })
}

fn numeric(raw: &str, at: usize, text: &mut String) -> Option<usize> {
    let bytes = raw.as_bytes();
    let (radix, start) = match bytes.get(at + 2) {
        Some(b'x' | b'X') => (16, at + 3),
        _ => (10, at + 2),
    };
    let digits = bytes[start..].iter().take_while(|c| (**c as char).is_digit(radix)).count();
    if digits == 0 {
        return None;
    }
    let end = start + digits;
    let code = u32::from_str_radix(&raw[start..end], radix).unwrap_or(u32::MAX);
    text.push(scalar(code));
    Some(if bytes.get(end) == Some(&b';') { end + 1 } else { end })
}

fn scalar(code: u32) -> char {
    if code == 0 {
        return '\u{fffd}';
    }
    let c1 = code.checked_sub(0x80).and_then(|at| C1_REPLACEMENTS.get(at as usize)).copied().flatten();
    c1.or_else(|| char::from_u32(code)).unwrap_or('\u{fffd}')
}

fn named(raw: &str, at: usize, place: Place, text: &mut String) -> Option<usize> {
    let bytes = raw.as_bytes();
    let start = at + 1;
    if let Some((length, c)) = common(&bytes[start..]) {
        text.push(c);
        return Some(start + length);
    }
    let limit = bytes.len().min(start + LONGEST_NAME);
    let length = bytes[start..limit].iter().take_while(|c| c.is_ascii_alphanumeric()).count();
    let ended = (bytes.get(start + length) == Some(&b';')).then_some(length + 1);
    let (end, (first, second)) =
        ended.into_iter().chain((1..=length.min(LONGEST_LEGACY)).rev()).find_map(|length| {
            let found = NAMED_ENTITIES.get(&raw[start..start + length])?;
            (found.0 != 0).then_some((start + length, *found))
        })?;
    let legacy = bytes[end - 1] != b';';
    if legacy && place == Place::Attribute {
        let next = bytes.get(end).copied().unwrap_or(b' ');
        if next == b'=' || next.is_ascii_alphanumeric() {
            return None;
        }
    }
    text.extend([first, second].into_iter().filter(|code| *code != 0).filter_map(char::from_u32));
    Some(end)
}

/// The references that every template writes, and how long their names are.
fn common(name: &[u8]) -> Option<(usize, char)> {
    match name {
        [b'a', b'm', b'p', b';', ..] => Some((4, '&')),
        [b'l', b't', b';', ..] => Some((3, '<')),
        [b'g', b't', b';', ..] => Some((3, '>')),
        [b'q', b'u', b'o', b't', b';', ..] => Some((5, '"')),
        [b'n', b'b', b's', b'p', b';', ..] => Some((5, '\u{a0}')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_names_are_what_they_are_among_all() {
        for name in ["amp;", "lt;", "gt;", "quot;", "nbsp;"] {
            let known = NAMED_ENTITIES.get(name).and_then(|codes| char::from_u32(codes.0));
            assert_eq!(common(name.as_bytes()), known.map(|c| (name.len(), c)), "{name}");
        }
    }

    #[test]
    fn names_are_as_long_as_they_are_said_to_be() {
        let known = NAMED_ENTITIES.entries().filter(|(_, codes)| codes.0 != 0);
        let (legacy, ended): (Vec<&str>, Vec<&str>) =
            known.map(|(name, _)| *name).partition(|name| !name.ends_with(';'));
        assert_eq!(legacy.iter().map(|name| name.len()).max(), Some(LONGEST_LEGACY));
        assert_eq!(ended.iter().map(|name| name.len()).max(), Some(LONGEST_NAME));
    }

    #[test]
    fn ampersands_that_begin_nothing_stand_for_themselves() {
        for (raw, text) in
            [("&", "&"), ("&&&amp;&", "&&&&"), ("a& &x;&amp", "a& &x;&"), ("&&\r\n&", "&&\n&"), ("&é&lt;", "&é<")]
        {
            assert_eq!(decode(raw, Place::Text), text, "{raw}");
        }
    }
}
