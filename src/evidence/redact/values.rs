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

/// Does it look like a secret, if it is shown beside the name of one? A PIN and a short password do, a word and a time of the day do not.
pub fn is_shown_secret(value: &str) -> bool {
    const SHORTEST_SHOWN: usize = 4;
    let is_short =
        (SHORTEST_SHOWN..SHORTEST).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
    let has_digits = value.bytes().any(|byte| byte.is_ascii_digit());
    let has_letters = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    is_drawn(value) || (is_short && has_digits && (has_letters || is_count(value)))
}

/// Is it a key that was drawn, and not the name of a member? `sha256Fingerprint` and `addressLine2` are names.
pub fn is_drawn_key(key: &str) -> bool {
    const MOST_DIGITS: usize = 3;
    const MOST_TURNS: usize = 2;
    let sorts = || key.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.is_ascii_digit());
    let turns = sorts().zip(sorts().skip(1)).filter(|(one, next)| one != next).count();
    is_drawn(key) && (turns > MOST_TURNS || sorts().filter(|is_digit| *is_digit).count() > MOST_DIGITS)
}

/// `2024-01-02`, `2024-01-02T03:04:05Z`.
fn is_date(value: &str) -> bool {
    let is = |at: usize, byte: u8| value.as_bytes().get(at) == Some(&byte);
    let is_digit = |at: usize| value.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let has_parts = is(4, b'-') && is(7, b'-') && (0..4).all(is_digit) && is_digit(5) && is_digit(6) && is_digit(8);
    has_parts && value.bytes().all(|byte| byte.is_ascii_digit() || b"-:.TZ+ ".contains(&byte))
}

/// What no secret is, whatever it is called: a flag, a small number, a point in time. A date alone may be a password.
pub fn is_no_secret(value: &str) -> bool {
    const FLAGS: [&str; 8] = ["true", "false", "null", "none", "yes", "no", "on", "off"];
    const MOST_DIGITS: usize = 2;
    /// Bytes of a date with hours and minutes.
    const SHORTEST_MOMENT: usize = 16;
    FLAGS.iter().any(|flag| value.eq_ignore_ascii_case(flag))
        || (value.len() <= MOST_DIGITS && is_count(value))
        || (value.len() >= SHORTEST_MOMENT && is_date(value))
}

/// `4096`: how many.
pub fn is_count(value: &str) -> bool {
    const MOST_DIGITS: usize = 9;
    (1..=MOST_DIGITS).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// `not_found`, `active`, `ERR_1001`, `E42`, `AT`: as error codes, states and countries are called.
pub fn is_plain_word(value: &str) -> bool {
    const LONGEST: usize = 40;
    const LONGEST_CODE: usize = 5;
    let is_in_lower_case = value.chars().all(|letter| letter.is_ascii_lowercase() || " _-.".contains(letter));
    let is_constant = (value.len() <= LONGEST_CODE || value.contains('_'))
        && value.starts_with(|first: char| first.is_ascii_uppercase())
        && value.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    value.len() <= LONGEST && (is_in_lower_case || is_constant)
}
