#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{detail, fingerprint, infer, values};
use crate::diff::{Difference, Finding, Kind, Severity};

#[test]
fn transforms_that_ports_are_known_for() {
    for (old, new, cause) in [
        ("Owner: ", "Owner: None", "none_printed"),
        ("1", "True", "bool_printed"),
        ("5.06", "5.05", "rounding_mode"),
        ("4.5", "4.50", "trailing_zeros"),
        ("Rating 4.5 of 5", "Rating 4.50 of 5", "trailing_zeros"),
        ("3.14159", "3.14", "fewer_decimals"),
        ("3", "4", "other_number"),
        ("12345678901234567890", "12345678901234567891", "float_digits"),
        ("42", "0", "cast_to_zero"),
        ("1704164645", "1704168245", "off_by_whole_hours"),
        ("2024-01-02 03:04:05", "2024-01-02T05:04:05", "off_by_whole_hours"),
        ("2024-01-02", "2024-01-03", "off_by_whole_days"),
        ("a &amp; b", "a &amp;amp; b", "escaped_twice"),
        ("a < b", "a &lt; b", "html_escaped"),
        ("Noël", "NoÃ«l", "mojibake"),
        ("Noël", "Noe\u{308}l", "unicode_normalisation"),
        ("Noël", "No?l", "characters_lost"),
        ("hello world", "hello", "truncated"),
        ("hello", "Hello", "letter_case"),
        ("hello ", "hello", "whitespace_at_ends"),
        ("a b", "ab", "words_joined"),
        ("a%20b", "a+b", "url_encoding"),
        ("x", "", "emptied"),
        ("Hello {name}", "Hello {{ name }}", "template_printed"),
        ("O'Neil", "O\\'Neil", "backslashes_added"),
        ("a/b", "a\\/b", "backslashes_added"),
        ("{\"a\":1}", "\"{\\\"a\\\":1}\"", "encoded_twice"),
        ("2.5", "2.4", "rounding_mode"),
        ("1.10", "1.1", "trailing_zeros"),
        ("10", "10.0", "trailing_zeros"),
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05+01:00", "off_by_whole_hours"),
        ("Noe\u{308}l", "Noël", "unicode_normalisation"),
        ("Voilà tout", "Voilà to", "truncated"),
        ("", "nan", "nan_printed"),
        ("yes", "False", "bool_printed"),
    ] {
        assert_eq!(values(old, new), Some(cause), "{old:?} {new:?}");
    }
    assert_eq!(values("apple", "pear"), None);
}

#[test]
fn the_figure_behind_a_cause() {
    let long = "é".repeat(140);
    for (old, new, said) in [
        ("1704164645", "1704168245", "+3600 s"),
        ("2024-01-02 03:04:05", "2024-01-02T01:04:05", "-7200 s"),
        ("\"2024-01-02T03:04:05Z\"", "\"2024-01-02T03:04:05+01:00\"", "-3600 s"),
        ("2024-01-02", "2024-01-03", "+1 d"),
        (&long, &long[..100], "at byte 100"),
        ("\"hello \\\"wide\\\" world\"", "\"hello \\\"wide\"", "at byte 11"),
        ("hello world", "hello…", "at byte 5"),
        ("12", "1200", "× 100"),
        ("5.0", "0.05", "÷ 100"),
    ] {
        let cause = infer(&Finding::new(Kind::Value, "/at").values(old, new)).expect(old);
        assert_eq!(detail(cause, old, new).as_deref(), Some(said), "{cause} {old:?} {new:?}");
    }
    assert_eq!(detail("other_number", "3", "4"), None);
}

#[test]
fn type_changes() {
    for (old, new, cause) in [
        ("\"42\"", "42", "string_to_number"),
        ("true", "1", "bool_and_number"),
        ("[]", "null", "empty_to_null"),
        ("null", "\"None\"", "none_printed"),
        ("{\"a\":1}", "\"{}\"", "encoded_twice"),
        ("42", "\"42\"", "number_to_string"),
        ("\"abc\"", "0", "cast_to_zero"),
        ("true", "\"True\"", "none_printed"),
        ("1.5", "NaN", "nan_printed"),
        ("{}", "[]", "list_and_object"),
    ] {
        assert_eq!(infer(&Finding::new(Kind::Type, "/a").values(old, new)), Some(cause), "{old} {new}");
    }
}

#[test]
fn a_fingerprint_knows_no_value_and_no_index() {
    let difference = |path: &str, value: &str| Difference {
        kind: Kind::Value,
        path: path.to_owned(),
        control: Some(value.to_owned()),
        candidate: None,
        severity: Severity::High,
        rule: None,
        cause: Some("rounding_mode".to_owned()),
    };
    let one = fingerprint("rpc", &difference("/results/3/Votes", "1"));
    assert_eq!(one.len(), 12);
    assert_eq!(one, fingerprint("rpc", &difference("/results/17/Votes", "2")));
    assert_ne!(one, fingerprint("rpc", &difference("/results/17/Name", "2")));
    assert_ne!(one, fingerprint("web", &difference("/results/17/Votes", "2")));
}
