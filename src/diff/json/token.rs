//! The tokens of JSON that have a length: strings and numbers, in bytes.

use super::fault::Fault;

#[inline]
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

/// Marks those of eight bytes that are one of [`STOPS`] ("Bit Twiddling Hacks": a byte less than n, a byte equal to n). Only the lowest
/// mark is sure: a borrow may set others above it.
#[inline]
fn stops(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; WORD]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; WORD]);
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
    control | is_zero(word ^ (ONES * b'"' as u64)) | is_zero(word ^ (ONES * b'\\' as u64))
}

/// The lowest byte of a word that holds a mark.
#[inline]
fn lowest(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// How many bytes from here on are plain: neither quote nor backslash nor control character.
#[inline]
pub fn plain(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<WORD>();
    for (at, word) in words.iter().enumerate() {
        let marks = stops(u64::from_le_bytes(*word));
        if marks != 0 {
            return at * WORD + lowest(marks);
        }
    }
    words.len() * WORD + rest.iter().position(|byte| STOPS[*byte as usize]).unwrap_or(rest.len())
}

/// How many bytes two texts have in common, as far as anybody looks at once.
#[inline]
pub fn common(old: &[u8], new: &[u8]) -> usize {
    const FAR: usize = 4 << 10;
    let (old, new) = (old.get(..FAR).unwrap_or(old), new.get(..FAR).unwrap_or(new));
    let mut equal = 0;
    for (a, b) in old.as_chunks::<WORD>().0.iter().zip(new.as_chunks::<WORD>().0) {
        let other = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if other != 0 {
            return equal + lowest(other);
        }
        equal += WORD;
    }
    let rest = (old.get(equal..).unwrap_or_default(), new.get(equal..).unwrap_or_default());
    equal + rest.0.iter().zip(rest.1).take_while(|(a, b)| a == b).count()
}

/// How many bytes two strings have in common before either ends or escapes something.
#[inline]
pub fn common_plain(old: &[u8], new: &[u8]) -> usize {
    let words = old.as_chunks::<WORD>().0.iter().zip(new.as_chunks::<WORD>().0);
    let mut equal = 0;
    for (a, b) in words {
        let (a, b) = (u64::from_le_bytes(*a), u64::from_le_bytes(*b));
        let marks = stops(a) | (a ^ b);
        if marks != 0 {
            return equal + lowest(marks);
        }
        equal += WORD;
    }
    let rest = (old.get(equal..).unwrap_or_default(), new.get(equal..).unwrap_or_default());
    equal + rest.0.iter().zip(rest.1).take_while(|(a, b)| a == b && !STOPS[**a as usize]).count()
}

/// Length of a string up to its closing quote, from behind the opening one; whether it holds escapes. The first bytes are known to be plain.
///
/// # Errors
/// It does not end, or holds what no string may.
#[inline]
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
///
/// # Errors
/// It does not end, or there is no such escape.
pub fn escape_length(rest: &[u8], at: usize) -> Result<usize, Fault> {
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
#[inline]
pub fn number_length(rest: &[u8]) -> Result<usize, Fault> {
    let start = usize::from(rest.first() == Some(&b'-'));
    let mut at = digits_end(rest, start)?;
    if at - start > 1 && rest.get(start) == Some(&b'0') {
        return Err(Fault::Unexpected(0));
    }
    if rest.get(at) == Some(&b'.') {
        at = digits_end(rest, at + 1)?;
    }
    if matches!(rest.get(at), Some(b'e' | b'E')) {
        let signed = matches!(rest.get(at + 1), Some(b'+' | b'-'));
        at = digits_end(rest, at + 1 + usize::from(signed))?;
    }
    Ok(at)
}

/// Where the digits end that stand here; at least one.
#[inline]
fn digits_end(rest: &[u8], from: usize) -> Result<usize, Fault> {
    let mut at = from;
    while rest.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    match at > from {
        true => Ok(at),
        false if at >= rest.len() => Err(Fault::Truncated(from)),
        false => Err(Fault::Unexpected(from)),
    }
}
