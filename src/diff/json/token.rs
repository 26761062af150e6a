//! The tokens of JSON that have a length: strings and numbers, in bytes.

use super::parse::Fault;

pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// Bytes at which a string scan must stop: the quote, the backslash, control characters.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        stops[byte] = true;
        byte += 1;
    }
    stops[b'"' as usize] = true;
    stops[b'\\' as usize] = true;
    stops
};

/// Bytes looked at in one step.
const WORD: usize = 8;

/// Whether any of eight bytes is one of [`STOPS`] ("Bit Twiddling Hacks": a byte less than n, a byte equal to n).
fn has_stop(word: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; WORD]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; WORD]);
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
    (control | is_zero(word ^ (ONES * b'"' as u64)) | is_zero(word ^ (ONES * b'\\' as u64))) != 0
}

/// How many bytes from here on are plain.
fn plain(bytes: &[u8]) -> usize {
    let words = bytes.as_chunks::<WORD>().0.iter();
    let skipped = words.take_while(|word| !has_stop(u64::from_le_bytes(**word))).count() * WORD;
    let rest = bytes.get(skipped..).unwrap_or_default();
    skipped + rest.iter().position(|byte| STOPS[*byte as usize]).unwrap_or(rest.len())
}

/// How many bytes two strings have in common before either ends or escapes something.
#[inline]
pub fn common_plain(old: &[u8], new: &[u8]) -> usize {
    let words = old.as_chunks::<WORD>().0.iter().zip(new.as_chunks::<WORD>().0);
    let equal = words.take_while(|(a, b)| a == b && !has_stop(u64::from_le_bytes(**a))).count() * WORD;
    let rest = (old.get(equal..).unwrap_or_default(), new.get(equal..).unwrap_or_default());
    equal + rest.0.iter().zip(rest.1).take_while(|(a, b)| a == b && !STOPS[**a as usize]).count()
}

/// Length of a string up to its closing quote, from behind the opening one; whether it holds escapes. The first bytes are known to be plain.
///
/// # Errors
/// It does not end, or holds what no string may.
pub fn string_length(rest: &[u8], known_plain: usize) -> Result<(usize, bool), Fault> {
    let mut at = known_plain;
    let mut escaped = false;
    loop {
        let ahead = rest.get(at..).unwrap_or_default();
        let plain = plain(ahead);
        at += plain;
        match ahead.get(plain) {
            None => return Err(Fault::Truncated(rest.len())),
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at += escape_length(rest, at)?;
            }
            _ => return Err(Fault::Unexpected(at)),
        }
    }
}

/// Length of the escape at `at`.
fn escape_length(rest: &[u8], at: usize) -> Result<usize, Fault> {
    match rest.get(at + 1) {
        None => Err(Fault::Truncated(rest.len())),
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') => match rest.get(at + 2..at + 6) {
            None => Err(Fault::Truncated(rest.len())),
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(6),
            Some(_) => Err(Fault::Unexpected(at)),
        },
        Some(_) => Err(Fault::Unexpected(at)),
    }
}

/// Length of the number that stands here.
///
/// # Errors
/// It is no JSON number.
pub fn number_length(rest: &[u8]) -> Result<usize, Fault> {
    let mut at = usize::from(rest.first() == Some(&b'-'));
    let first = rest.get(at).copied();
    let whole = digits(rest, at)?;
    if whole > 1 && first == Some(b'0') {
        return Err(Fault::Unexpected(0));
    }
    at += whole;
    if rest.get(at) == Some(&b'.') {
        at += 1 + digits(rest, at + 1)?;
    }
    if matches!(rest.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(rest.get(at), Some(b'+' | b'-')));
        at += digits(rest, at)?;
    }
    Ok(at)
}

/// How many digits stand here; at least one.
fn digits(rest: &[u8], at: usize) -> Result<usize, Fault> {
    let ahead = rest.get(at..).unwrap_or_default();
    let count = ahead.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match count {
        0 if ahead.is_empty() => Err(Fault::Truncated(at)),
        0 => Err(Fault::Unexpected(at)),
        count => Ok(count),
    }
}
