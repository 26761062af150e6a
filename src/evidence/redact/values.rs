//! What a value looks like, whatever it is called.

use super::known::{SHORTEST, SHORTEST_WEAK};

/// Does it look as if it had been drawn, or chosen so that nobody guesses it? A word, an address or a date may stand anywhere on a page
/// and mean something else there.
pub fn is_drawn(value: &str) -> bool {
    /// Bytes: a path that begins with a slash is shorter than a token that happens to.
    const LONGEST_PATH: usize = 24;
    /// Digits alone: more than a date or a time has.
    const LONG_NUMBER: usize = 15;
    let any = |is: fn(char) -> bool| value.contains(is);
    let is_path = value.starts_with('/') && value.len() < LONGEST_PATH;
    if value.len() < SHORTEST || any(char::is_whitespace) || value.contains("://") || is_path || is_date(value) {
        return false;
    }
    match (any(|c| c.is_ascii_digit()), any(char::is_alphabetic)) {
        (true, true) => true,
        (true, false) => value.bytes().filter(u8::is_ascii_digit).count() >= LONG_NUMBER,
        _ => value.len() >= SHORTEST_WEAK && any(char::is_uppercase) && any(char::is_lowercase),
    }
}

/// `2024-01-02`, `2024-01-02T03:04:05Z`.
fn is_date(value: &str) -> bool {
    let is = |at: usize, byte: u8| value.as_bytes().get(at) == Some(&byte);
    let is_digit = |at: usize| value.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    is(4, b'-') && is(7, b'-') && (0..4).all(is_digit) && is_digit(5) && is_digit(6) && is_digit(8)
}

/// `not_found`, `active`: lower-case words as error codes and states are made of.
pub fn is_plain_word(value: &str) -> bool {
    const LONGEST: usize = 40;
    value.len() <= LONGEST && value.chars().all(|letter| letter.is_ascii_lowercase() || " _-.".contains(letter))
}
