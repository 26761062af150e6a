//! Numbers as they are written: exact, of any size, never through a 64-bit float unless a rule speaks of doubles.

use std::borrow::Cow;

use crate::diff::rules::Rule;

/// A number in one form: sign, significant digits without zeros at either end, and the power of ten of the last digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Exact<'a> {
    pub negative: bool,
    /// Empty for zero.
    pub digits: Cow<'a, str>,
    pub power: i64,
}

/// Digits of which any double is told apart from any other; more were not printed from a double.
pub const DOUBLE_DIGITS: usize = 17;

/// 2^53: whole numbers up to it are exact as doubles.
pub const EXACT_UP_TO: f64 = 9_007_199_254_740_992.0;

/// Digits that no program reads as a number: such a text stands for itself.
const BEYOND_USE: usize = 4096;

pub fn is_beyond_use(text: &str) -> bool {
    text.len() > BEYOND_USE
}

/// Reads a JSON number. Exponents beyond any use are cut to a bound, where they stay different from all others of use.
pub fn exact(text: &str) -> Exact<'_> {
    if is_beyond_use(text) {
        return Exact { negative: false, digits: Cow::Borrowed(text), power: i64::MAX };
    }
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let (before, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if behind.is_empty() {
        return whole(negative, before);
    }
    let (fraction, exponent) = match behind.find(['e', 'E']).and_then(|at| behind.split_at_checked(at)) {
        Some((fraction, exponent)) => (fraction, power_of(exponent.get(1..).unwrap_or_default())),
        None => (behind, 0),
    };
    let fraction = fraction.strip_prefix('.').unwrap_or(fraction).trim_end_matches('0');
    if fraction.is_empty() {
        let found = whole(negative, before);
        let power = if found.is_zero() { 0 } else { found.power + exponent };
        return Exact { power, ..found };
    }
    let power = exponent - fraction.len() as i64;
    let digits = match before.trim_start_matches('0') {
        "" => Cow::Borrowed(fraction.trim_start_matches('0')),
        significant => Cow::Owned([significant, fraction].concat()),
    };
    Exact { negative, digits, power }
}

/// A number without dot and exponent, the usual one.
fn whole(negative: bool, digits: &str) -> Exact<'_> {
    let significant = digits.trim_end_matches('0');
    let power = (digits.len() - significant.len()) as i64;
    let significant = significant.trim_start_matches('0');
    Exact { negative, digits: Cow::Borrowed(significant), power: if significant.is_empty() { 0 } else { power } }
}

fn power_of(exponent: &str) -> i64 {
    const BOUND: i64 = 1 << 40;
    let parsed = exponent.strip_prefix('+').unwrap_or(exponent).parse::<i64>();
    let negative = exponent.starts_with('-');
    parsed.unwrap_or(if negative { -BOUND } else { BOUND }).clamp(-BOUND, BOUND)
}

impl Exact<'_> {
    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Equal as numbers; minus zero is zero.
    pub fn equals(&self, other: &Self) -> bool {
        (self.is_zero() && other.is_zero()) || self == other
    }
}

/// Written without a dot and exponent.
pub fn is_whole_form(text: &str) -> bool {
    !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

/// Two texts that each write a whole number in its only way, and one that every double holds: then they are two numbers if they are two
/// texts. The usual case.
pub fn are_small_and_whole(control: &str, candidate: &str) -> bool {
    const ALWAYS_EXACT: usize = 15;
    let is_plain = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        digits.len() <= ALWAYS_EXACT && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    is_plain(control) && is_plain(candidate) && control != candidate
}

/// How two spellings of the same number differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    MinusZero,
    Exponent,
    /// `10` and `10.0`, `1.10` and `1.1`.
    WholeFloat,
}

impl Spelling {
    pub fn rule(self) -> Rule {
        match self {
            Self::MinusZero => Rule::JsonMinusZero,
            Self::Exponent => Rule::JsonExponent,
            Self::WholeFloat => Rule::JsonWholeFloat,
        }
    }
}

/// How two texts write one number; `None`: they are two.
pub fn respelled(control: &str, candidate: &str) -> Option<Spelling> {
    if is_with_zeros(control, candidate) || is_with_zeros(candidate, control) {
        return Some(Spelling::WholeFloat);
    }
    let (old, new) = (exact(control), exact(candidate));
    if !old.equals(&new) {
        return None;
    }
    if old.is_zero() && old.negative != new.negative {
        return Some(Spelling::MinusZero);
    }
    let has_exponent = |text: &str| text.bytes().any(|byte| matches!(byte, b'e' | b'E'));
    Some(match () {
        () if has_exponent(control) || has_exponent(candidate) => Spelling::Exponent,
        () if old.is_zero() && old.negative => Spelling::MinusZero,
        () => Spelling::WholeFloat,
    })
}

/// Whether the other number is this whole one, but zero, with `.0` behind it: the usual case.
fn is_with_zeros(whole: &str, float: &str) -> bool {
    let Some([b'.', zeros @ ..]) = float.as_bytes().strip_prefix(whole.as_bytes()) else { return false };
    let is_zero = matches!(whole, "0" | "-0");
    !is_zero && zeros.iter().all(|byte| *byte == b'0') && is_whole_form(whole)
}

/// Two floats that are the same double, printed with 15 to 17 digits.
pub fn same_double(control: &str, candidate: &str) -> bool {
    if is_whole_form(control) || is_whole_form(candidate) {
        return false;
    }
    let (old, new) = (double(control), double(candidate));
    // Beyond what a double can tell, all numbers would be one.
    old == new && old != 0.0 && old.is_finite() && is_printed_from(control, old) && is_printed_from(candidate, new)
}

/// Whether printing the double with as many digits gives this number. `9325461223349179.0` reads as a double, but is not
/// what any double prints as: it was exact, and its last digit counts.
fn is_printed_from(text: &str, value: f64) -> bool {
    let written = exact(text);
    let digits = written.digits.len();
    digits <= DOUBLE_DIGITS && exact(&format!("{value:.*e}", digits.saturating_sub(1))).equals(&written)
}

/// More digits than any double is printed with: an exact decimal.
pub fn is_long(text: &str) -> bool {
    exact(text).digits.len() > DOUBLE_DIGITS
}

/// A whole number beyond 64 bits, which PHP has as a double, and that double. Smaller ones it has exactly: there a double lost digits.
pub fn is_bigint_as_float(control: &str, candidate: &str) -> bool {
    const LARGEST: f64 = 9_223_372_036_854_775_807.0;
    is_whole_form(control) != is_whole_form(candidate)
        && double(control).abs() >= LARGEST
        && double(control).is_finite()
        && double(control) == double(candidate)
}

pub fn double(text: &str) -> f64 {
    if is_beyond_use(text) {
        return f64::NAN;
    }
    text.parse().unwrap_or(f64::NAN)
}

/// Text that is a number the way JSON writes it, so that a lax reader sees the same one: `42`, `-1.10`; not `0123`, `1e5`, ` 7`.
pub fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(fraction) && (whole.len() == 1 || !whole.starts_with('0'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::{Spelling, exact, is_bigint_as_float, is_plain_number, respelled, same_double};

    #[test]
    fn the_same_number_in_many_spellings() {
        for (a, b, how) in [
            ("10", "10.0", Spelling::WholeFloat),
            ("1.0e+25", "1e25", Spelling::Exponent),
            ("1.0e-7", "1e-07", Spelling::Exponent),
            ("1.0e-5", "0.00001", Spelling::Exponent),
            ("1.0e+17", "100000000000000000", Spelling::Exponent),
            ("-0", "-0.0", Spelling::MinusZero),
            ("0", "-0.0", Spelling::MinusZero),
        ] {
            assert_eq!(respelled(a, b), Some(how), "{a} {b}");
        }
    }

    #[test]
    fn large_numbers_are_not_rounded() {
        assert!(!exact("9007199254740993").equals(&exact("9007199254740992")));
        assert!(!exact("0.12345678901234567890").equals(&exact("0.12345678901234567891")));
        assert!(!same_double("9007199254740993", "9007199254740992"));
        let long = "7".repeat(9000);
        assert!(!exact(&long).equals(&exact(&format!("{long}.0"))) && exact(&long).equals(&exact(&long.clone())));
        assert!(!exact("1e99999999999999999999").equals(&exact("1e9")));
    }

    #[test]
    fn doubles() {
        assert!(same_double("0.10000000000000001", "0.1"));
        assert!(!same_double("0.30000000000000004", "0.3"));
        assert!(same_double("1e+23", "9.9999999999999992e+22"), "the shortest and the longest spelling of one double");
        assert!(!same_double("9325461223349180.0", "9325461223349179.0"), "no double prints as an odd number up there");
        assert!(!same_double("1e400", "2e400") && !same_double("1e-400", "2e-400"));
        assert!(!same_double("0.1000000000000000055511151231257827", "0.1"));
        assert!(is_bigint_as_float("9.223372036854776e+18", "9223372036854775808"));
        assert!(!is_bigint_as_float("9007199254740993", "9007199254740992"));
    }

    #[test]
    fn numbers_in_strings() {
        assert!(is_plain_number("42") && is_plain_number("-1.10") && is_plain_number("0"));
        assert!(!is_plain_number("0123") && !is_plain_number("1e5") && !is_plain_number("") && !is_plain_number(" 7"));
    }
}
