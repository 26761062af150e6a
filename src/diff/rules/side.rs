//! A rule may be limited to what one side does: `{json_slash_escape: {side: legacy}}` hides `\/` where legacy alone writes it, and
//! tells it where new does.
//!
//! A side *does* it when it alone writes the odd form of the two that the rule is about (more `\/`, the float, the string that holds
//! a number), or alone sends what the rule is about (a Server header, a null). Where both sides do it alike, neither does, and a
//! rule of one side hides nothing. Rules whose two forms are equals (the order of members) have no side.

use serde::{Deserialize, Serialize};

use super::Rule;
use crate::diff::text;

/// Legacy (control) or new (candidate).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Legacy,
    New,
}

/// How much of a rule's odd form is in a value, as it is shown in a difference.
type Marks = fn(&str) -> usize;

/// How the odd form of a rule is counted; `None`: the rule has no side.
fn marks(rule: Rule) -> Option<Marks> {
    Some(match rule {
        Rule::JsonSlashEscape => |text| text.matches("\\/").count(),
        Rule::JsonUnicodeEscape | Rule::JsonHtmlEscape => |text| text.matches("\\u").count(),
        Rule::JsonEscapeForm => long_escapes,
        Rule::JsonWhitespace => |text| text.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0),
        Rule::JsonBom | Rule::TextBom => |text| usize::from(text.starts_with('\u{feff}')),
        Rule::JsonWholeFloat | Rule::JsonFloatDigits => str::len,
        Rule::JsonExponent => |text| usize::from(text.contains(['e', 'E'])),
        Rule::JsonMinusZero => |text| usize::from(text.starts_with('-')),
        Rule::TextLineEnds => |text| text.matches("\r\n").count(),
        Rule::TextFinalNewline => |text| text.len() - text::without_final_newlines(text).len(),
        Rule::HtmlEntities => |text| text.matches('&').count(),
        Rule::NumericStrings => |text| usize::from(text.starts_with('"')),
        Rule::EmptyArrayObject => |text| usize::from(text.starts_with('[')),
        Rule::BigintFloat => |text| usize::from(text.contains(['.', 'e', 'E'])),
        Rule::NullMissing
        | Rule::RequestIdPresence
        | Rule::HeaderServer
        | Rule::HeaderDate
        | Rule::HeaderConnection
        | Rule::HeaderContentLength
        | Rule::HeaderContentEncoding
        | Rule::HeaderRequestId
        | Rule::HeaderTiming
        | Rule::HeaderCounter
        | Rule::HeaderValidator
        | Rule::ContentTypeUnused => |_| 1,
        _ => return None,
    })
}

/// `\u0008` rather than `\b`; of two of these, hex digits in capitals.
fn long_escapes(text: &str) -> usize {
    const CAPITAL: usize = 1;
    const LONG: usize = 8;
    let hex = text.match_indices("\\u").map(|(at, _)| {
        let digits = text.get(at + 2..at + 6).unwrap_or_default();
        LONG + CAPITAL * digits.bytes().filter(u8::is_ascii_uppercase).count()
    });
    hex.sum()
}

pub fn has_sides(rule: Rule) -> bool {
    marks(rule).is_some()
}

/// The side that does what the rule is about, by the values that are shown of both.
pub fn doer(rule: Rule, control: Option<&str>, candidate: Option<&str>) -> Option<Side> {
    let marks = marks(rule)?;
    let of = |value: Option<&str>| value.map_or(0, marks);
    match of(control).cmp(&of(candidate)) {
        std::cmp::Ordering::Greater => Some(Side::Legacy),
        std::cmp::Ordering::Less => Some(Side::New),
        std::cmp::Ordering::Equal => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::{Rule, Side, doer};

    #[test]
    fn the_odd_form_tells_who_does_it() {
        let both = |rule, old, new| doer(rule, Some(old), Some(new));
        assert_eq!(both(Rule::JsonSlashEscape, r#""a\/b""#, r#""a/b""#), Some(Side::Legacy));
        assert_eq!(both(Rule::JsonSlashEscape, r#""a\/b/c""#, r#""a/b\/c""#), None);
        assert_eq!(both(Rule::JsonWholeFloat, "10", "10.0"), Some(Side::New));
        assert_eq!(both(Rule::JsonEscapeForm, r"\u000c", r"\f"), Some(Side::Legacy));
        assert_eq!(both(Rule::JsonEscapeForm, r"\u000c", r"\u000C"), Some(Side::New));
        assert_eq!(both(Rule::NumericStrings, "42", "\"42\""), Some(Side::New));
        assert_eq!(both(Rule::JsonKeyOrder, "a, b", "b, a"), None);
        assert_eq!(doer(Rule::NullMissing, Some("null"), None), Some(Side::Legacy));
        assert_eq!(both(Rule::HeaderServer, "Apache", "uvicorn"), None);
    }
}
