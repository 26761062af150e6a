//! Header values that are lists: of tokens, of directives, of `name=value`. Parsed loosely, as clients do.

use std::collections::{BTreeMap, BTreeSet};

/// Splits at a separator that is not inside quotes or `<>`.
pub fn split(value: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut angled, mut escaped) = (0, false, false, false);
    for (at, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angled = true,
            '>' if !quoted => angled = false,
            c if c == separator && !quoted && !angled => {
                parts.push(value.get(start..at).unwrap_or_default().trim());
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(value.get(start..).unwrap_or_default().trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// A comma-separated set of tokens without case.
pub fn tokens(values: &[String]) -> BTreeSet<String> {
    values.iter().flat_map(|value| split(value, ',')).map(str::to_ascii_lowercase).collect()
}

/// `a, b=1, c="2"` → names in lower case with their values as [`meant`]; the first of a name counts.
pub fn named(values: &[String], separator: char) -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    for part in values.iter().flat_map(|value| split(value, separator)) {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name, Some(value.trim())),
            None => (part, None),
        };
        let name = name.trim().to_ascii_lowercase();
        let value = value.map(|value| if name.ends_with('*') { extended(value) } else { meant(value) });
        found.entry(name).or_insert(value);
    }
    found
}

/// What a parameter's value means: a quoted string is its text. Without quotes only a token is whole: what has a space in it ends there for
/// some clients, and is kept apart from all that is quoted.
fn meant(value: &str) -> String {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) => unescape(inside),
        None if value.contains([' ', '\t']) => format!("unquoted {value}"),
        None => value.to_owned(),
    }
}

fn unescape(quoted: &str) -> String {
    let mut text = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

/// `UTF-8'en'caf%C3%A9.txt` (RFC 8187): charset and hexadecimal digits have no case.
fn extended(value: &str) -> String {
    let mut parts = value.splitn(3, '\'');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(charset), Some(language), Some(text)) => {
            let bytes: Vec<u8> = percent_encoding::percent_decode_str(text).collect();
            let text = percent_encoding::percent_encode(&bytes, percent_encoding::NON_ALPHANUMERIC);
            format!("{}'{}'{text}", charset.to_ascii_lowercase(), language.to_ascii_lowercase())
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    fn value(text: &str) -> Option<String> {
        named(&[text.to_owned()], ';').into_values().next().flatten()
    }

    #[test]
    fn quotes_are_spelling_only_around_a_token() {
        assert_eq!(value("filename=\"a.csv\""), value("FileName = a.csv"));
        assert_ne!(value("filename=\"a b.csv\""), value("filename=a b.csv"));
        assert_ne!(value("filename=a b.csv"), value("filename=a c.csv"));
        assert_eq!(value(r#"filename="a\"b;c.csv""#).as_deref(), Some("a\"b;c.csv"));
    }

    #[test]
    fn extended_values_are_decoded() {
        assert_eq!(value("filename*=UTF-8''caf%C3%A9.txt"), value("filename*=utf-8''caf%c3%a9%2Etxt"));
        assert_ne!(value("filename*=UTF-8''caf%C3%A9.txt"), value("filename*=UTF-8''caf%C3%A8.txt"));
    }
}
