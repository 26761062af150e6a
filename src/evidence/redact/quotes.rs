//! Quotes as they are written: in JSON and scripts, in JSON within strings of either, and in JSON within an attribute.

/// Backslashes before the quotes of JSON in a string in a string in a string.
const MOST_ESCAPES: usize = 7;

/// The quote that a text begins with.
pub fn first(text: &str) -> Option<&str> {
    let escapes = escapes(text.bytes());
    let rest = &text[escapes..];
    let is_one_of = |quotes: &[&str]| quotes.iter().find(|quote| rest.starts_with(**quote)).map(|quote| quote.len());
    let length = match rest.as_bytes().first()? {
        b'"' | b'\'' | b'`' => 1,
        b'&' => is_one_of(&["&quot;", "&#34;", "&#39;"])?,
        b'u' | b'x' if escapes > 0 => is_one_of(&["u0022", "u0027", "x22", "x27"])?,
        _ => return None,
    };
    (escapes <= MOST_ESCAPES).then_some(&text[..escapes + length])
}

/// The quote that a text ends with.
pub fn last(text: &str) -> Option<&str> {
    let is_one_of = |quotes: &[&str]| quotes.iter().find(|quote| text.ends_with(**quote)).map(|quote| quote.len());
    let length = match text.as_bytes().last()? {
        b'"' | b'\'' | b'`' => 1,
        b';' => is_one_of(&["&quot;", "&#34;", "&#39;"])?,
        b'2' | b'7' => is_one_of(&["\\u0022", "\\u0027", "\\x22", "\\x27"])? - 1,
        _ => return None,
    };
    let before = &text[..text.len() - length];
    let escapes = escapes(before.bytes().rev());
    (escapes <= MOST_ESCAPES).then_some(&text[before.len() - escapes..])
}

fn escapes(bytes: impl Iterator<Item = u8>) -> usize {
    bytes.take(MOST_ESCAPES + 1).take_while(|byte| *byte == b'\\').count()
}

/// Where the quote stands that closes a string which goes on from here. One that belongs to the string has a backslash more, and as
/// many again for each string around it.
pub fn closing(inside: &str, quote: &str) -> Option<usize> {
    let bytes = inside.as_bytes();
    let level = 1 + escapes(quote.bytes());
    let closes = |at: &usize| {
        let more = bytes[..*at].iter().rev().take_while(|byte| **byte == b'\\').count();
        (more / level).is_multiple_of(2)
    };
    match quote.as_bytes() {
        [quote] => memchr::memchr_iter(*quote, bytes).find(closes),
        quote => memchr::memmem::find_iter(bytes, quote).find(closes),
    }
}

/// Where the last quote of a text stands.
pub fn opening(text: &str, quote: &str) -> Option<usize> {
    match quote.as_bytes() {
        [quote] => memchr::memrchr(*quote, text.as_bytes()),
        _ => text.rfind(quote),
    }
}
