//! Strings as written and as meant: `\/`, `\u00eb` and raw characters read alike, and which of the spellings were met.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::tape::Raw;
use super::token;
use crate::diff::rules::Rule;

/// The rules that two spellings of one string need, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spellings(u8);

const RULES: [Rule; 4] = [Rule::JsonSlashEscape, Rule::JsonUnicodeEscape, Rule::JsonHtmlEscape, Rule::JsonEscapeForm];

/// The place of the usual one.
const SLASH: u8 = 0;

impl Spellings {
    #[inline]
    fn add(&mut self, index: u8) {
        self.0 |= 1 << index;
    }

    pub fn add_slash(&mut self) {
        self.add(SLASH);
    }

    /// Takes in how two characters are spelled; `None`: they are not the same.
    fn meet(&mut self, control: Unit<'_>, candidate: Unit<'_>) -> Option<()> {
        if control.code != candidate.code {
            return None;
        }
        if control.written == candidate.written {
            return Some(());
        }
        let is_u = |unit: Unit<'_>| unit.written.starts_with("\\u");
        self.add(match control.code {
            0x2f if !(is_u(control) || is_u(candidate)) => SLASH,
            _ if control.is_escaped() && candidate.is_escaped() => 3,
            0x22 | 0x26 | 0x27 | 0x3c | 0x3e => 2,
            _ => 1,
        });
        Some(())
    }

    /// These and those.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline]
    pub fn rules(self) -> impl Iterator<Item = Rule> {
        RULES.into_iter().enumerate().filter(move |(index, _)| self.0 & (1 << index) != 0).map(|(_, rule)| rule)
    }
}

/// One character of a string.
#[derive(Debug, Clone, Copy)]
struct Unit<'a> {
    /// A code point; a surrogate that stands alone keeps its own number.
    code: u32,
    written: &'a str,
}

impl Unit<'_> {
    fn is_escaped(self) -> bool {
        self.written.starts_with('\\')
    }
}

/// Whether two strings mean the same, and if so, by which spellings they differ. `None`: they do not.
pub fn same(control: Raw<'_>, candidate: Raw<'_>) -> Option<Spellings> {
    if !control.escaped && !candidate.escaped {
        return (control.text == candidate.text).then_some(Spellings::default());
    }
    let mut met = Spellings::default();
    let (mut old, mut new) = (Units(control.text), Units(candidate.text));
    loop {
        if !old.0.starts_with('\\') {
            let alike = token::common_plain(old.0.as_bytes(), new.0.as_bytes());
            let alike = (0..=alike).rev().find(|at| old.0.is_char_boundary(*at)).unwrap_or(0);
            (old.0, new.0) = (old.0.get(alike..).unwrap_or_default(), new.0.get(alike..).unwrap_or_default());
        }
        match (old.next(), new.next()) {
            (None, None) => return Some(met),
            (Some(a), Some(b)) => met.meet(a, b)?,
            _ => return None,
        }
    }
}

/// Reads one character in front of each of two texts, within strings that nobody has looked at: how it is spelled, if it is the same one,
/// and how many bytes it takes on each side. `None`: it is not the same, or what stands there is no character of a string.
pub fn same_unit(control: &str, candidate: &str) -> Option<(Spellings, (usize, usize))> {
    let (a, b) = (first_unit(control)?, first_unit(candidate)?);
    let mut met = Spellings::default();
    met.meet(a, b)?;
    Some((met, (a.written.len(), b.written.len())))
}

fn first_unit(text: &str) -> Option<Unit<'_>> {
    match text.as_bytes().first()? {
        b'"' | 0..0x20 => return None,
        b'\\' => drop(token::escape_length(text.as_bytes(), 0).ok()?),
        _ => {}
    }
    Units(text).next()
}

/// The order of two strings by what they mean.
pub fn order(one: Raw<'_>, other: Raw<'_>) -> Ordering {
    if !one.escaped && !other.escaped {
        return one.text.cmp(other.text);
    }
    characters(one).cmp(characters(other))
}

fn characters(raw: Raw<'_>) -> impl Iterator<Item = char> {
    Units(raw.text).map(|unit| char::from_u32(unit.code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// The text that a string means. A lone surrogate becomes U+FFFD.
pub fn decode(raw: Raw<'_>) -> Cow<'_, str> {
    if !raw.escaped {
        return Cow::Borrowed(raw.text);
    }
    Cow::Owned(characters(raw).collect())
}

struct Units<'a>(&'a str);

impl<'a> Iterator for Units<'a> {
    type Item = Unit<'a>;

    fn next(&mut self) -> Option<Unit<'a>> {
        let before = self.0;
        let code = self.code()?;
        let written = before.get(..before.len() - self.0.len()).unwrap_or_default();
        Some(Unit { code, written })
    }
}

impl Units<'_> {
    fn code(&mut self) -> Option<u32> {
        let mut chars = self.0.chars();
        let first = chars.next()?;
        let kind = if first == '\\' { Some(chars.next()?) } else { None };
        self.0 = chars.as_str();
        Some(match kind {
            None => first as u32,
            Some('u') => self.unicode()?,
            Some('b') => 0x08,
            Some('f') => 0x0c,
            Some('n') => 0x0a,
            Some('r') => 0x0d,
            Some('t') => 0x09,
            Some(other) => other as u32,
        })
    }

    fn unicode(&mut self) -> Option<u32> {
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) {
            return Some(high);
        }
        let before = self.0;
        if let Some(rest) = self.0.strip_prefix("\\u") {
            self.0 = rest;
            if let Some(low @ 0xdc00..0xe000) = self.hex() {
                return Some(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
            }
            self.0 = before;
        }
        Some(high)
    }

    fn hex(&mut self) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(4)?;
        let value = |digit: u8| char::from(digit).to_digit(16);
        let code = digits.bytes().try_fold(0, |code, digit| Some(code << 4 | value(digit)?))?;
        self.0 = rest;
        Some(code)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::{Raw, decode, same, same_unit};
    use crate::diff::rules::Rule;

    fn raw(text: &str) -> Raw<'_> {
        Raw { text, escaped: text.contains('\\') }
    }

    fn rules(a: &str, b: &str) -> Option<Vec<Rule>> {
        same(raw(a), raw(b)).map(|met| met.rules().collect())
    }

    #[test]
    fn spellings_are_told_apart() {
        assert_eq!(rules(r"a\/b", "a/b"), Some(vec![Rule::JsonSlashEscape]));
        assert_eq!(rules(r"No\u00ebl", "Noël"), Some(vec![Rule::JsonUnicodeEscape]));
        assert_eq!(rules(r"\u00EB", r"\u00eb"), Some(vec![Rule::JsonEscapeForm]));
        assert_eq!(rules(r"\u003Cb", "<b"), Some(vec![Rule::JsonHtmlEscape]));
        assert_eq!(rules(r"\b", r"\u0008"), Some(vec![Rule::JsonEscapeForm]));
        assert_eq!(rules(r"\ud83d\ude00", "😀"), Some(vec![Rule::JsonUnicodeEscape]));
        assert_eq!(rules(r"\n", r"\n"), Some(vec![]));
        assert_eq!(rules(r"\n", "n"), None);
        assert_eq!(rules(r"\\u00eb", "\u{eb}"), None);
    }

    #[test]
    fn one_character_of_texts_that_nobody_has_looked_at() {
        let lengths = |a: &str, b: &str| same_unit(a, b).map(|(_, lengths)| lengths);
        assert_eq!(lengths(r"\u00ebl", "ël\""), Some((6, 2)));
        assert_eq!(lengths(r"\ud83d\ude00", "😀"), Some((12, 4)));
        assert_eq!(lengths(r"\ud83d\u", r"\ud83d"), Some((6, 6)));
        assert_eq!(lengths(r"\u002f", r"\/"), Some((6, 2)));
        for other in ["\"", "\u{1}", r"\x", r"\u00e", r"\", ""] {
            assert_eq!(lengths(other, other), None, "{other:?}");
        }
    }

    #[test]
    fn lone_surrogates_are_themselves() {
        assert_eq!(rules(r"\ud83d", r"\ud83e"), None);
        assert_eq!(rules(r"\ud83d", "\u{fffd}"), None);
        assert_eq!(decode(raw(r"\ud83dx")), "\u{fffd}x");
    }
}
